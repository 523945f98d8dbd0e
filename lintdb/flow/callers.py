"""Whether all callers of a function end what they give it as soon as it returns, and do nothing else with it then.

Who calls it is read from names, in the files of the project that mention it. What cannot be told speaks against it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from lintdb.flow.users import ParsedFile, Target, is_renamed, last_name, parsed_file, ways_to
from lintdb.syntax.names import FunctionInfo
from lintdb.syntax.plain import walk_tree

_MOST_LEVELS = 3
"""Callers of callers that are looked at, where each gives what it was given itself."""

_MOST_FILES = 30
"""Files that are looked at for one name: what is mentioned in more has more than one meaning."""

_ENDS = re.compile(
    r"_*(?:\w+_)?(?:a?close|closeall|release|roll_?back|dispose|put_?conn|put_?back|give_?back|discard|terminate"
    r"|disconnect|reset|shutdown)(?:_[a-z]+)?",
    re.IGNORECASE,
)
"""What methods and functions are called that end something, or the work on it; `close_old_orders()` is work."""

_Function = ast.FunctionDef | ast.AsyncFunctionDef


class _Call(NamedTuple):
    """A call of a function, and the file that it stands in."""

    node: ast.Call
    file: ParsedFile
    path: str


class _Mention(NamedTuple):
    """Where a name is read that may stand for what is looked for, and the file."""

    node: ast.expr
    file: ParsedFile
    path: str


class _Project:
    """The files in which callers are looked for: those of the project of a function, or its own alone."""

    def __init__(self, near: FunctionInfo, does_not_count: Callable[[str], bool]) -> None:
        self._near = near
        self._does_not_count = does_not_count

    def texts_with(self, word: str) -> tuple[tuple[str, str], ...]:
        """Return path and text of the files that mention a word."""
        index = self._near.index
        found = index.texts_with(word)
        texts = found if found is not None else ((index.name.path, index.text),)
        return tuple((path, text) for path, text in texts if path == index.name.path or not self._does_not_count(path))

    def mentions(self, name: str, path: str) -> list[_Mention] | None:
        """Return where files may mean what a file at a path calls so at its top; None if that cannot be told."""
        target = Target(name, path)
        ways = ways_to(target, self._near)
        found: list[_Mention] = []
        looked_at = 0
        for other, text in self.texts_with(name):
            names = target.names_in(other, text, ways)
            if not (names.by_name or names.by_attribute):
                continue
            looked_at += 1
            file = parsed_file(text)
            if looked_at > _MOST_FILES or not isinstance(file, ParsedFile) or is_renamed(name, text):
                return None
            found += [
                _Mention(node, file, other)
                for node in file.mentions(name)
                if isinstance(node.ctx, ast.Load) and target.is_meant_by(node, names)
            ]
        return found


def end_what_they_give(function: FunctionInfo, parameter: str, does_not_count: Callable[[str], bool]) -> bool:
    """Whether every call of a plain function gives it something for that parameter which the caller then ends.

    *does_not_count* says of a path that calls in that file do not matter, as those in tests.
    """
    if function.owner is not None or function.is_nested or function.decorators or function.is_module:
        return False
    file = parsed_file(function.index.text)
    node = _definition(file.tree, function.name) if isinstance(file, ParsedFile) else None
    project = _Project(function, does_not_count)
    return node is not None and _all_end(node, parameter, function.index.name.path, project, _MOST_LEVELS)


def _definition(tree: ast.Module, name: str) -> _Function | None:
    return next((each for each in tree.body if isinstance(each, _Function) and each.name == name), None)


def _is_at_top(node: ast.AST, file: ParsedFile) -> bool:
    """Whether a statement stands in no function and no class."""
    return not any(isinstance(each, _Function | ast.ClassDef) for each in file.around(node))


def _all_end(function: _Function, parameter: str, path: str, project: _Project, levels: int) -> bool:
    """Whether all calls of a function at the top of a file give it something that the caller ends."""
    calls = _calls(function.name, path, project) if levels else None
    if not calls:
        return False
    is_given, tells = False, _tells_of_errors(function)
    for call in calls:
        if not _fits(call.node, function):
            continue  # one of another function out of the same table
        given = _given(call.node, function, parameter)
        if not isinstance(given, ast.Name):
            return False
        is_given = True
        if tells and _is_answered(given.id, call):
            continue
        if not _is_ended(given.id, call, project, levels, _told_by(call) if tells else ""):
            return False
    return is_given


def _tells_of_errors(function: _Function) -> bool:
    """Whether a function returns what is not true wherever it has caught an error, and something true elsewhere."""
    handlers = [each for each in walk_tree(function) if isinstance(each, ast.ExceptHandler)]
    returns = [each for each in walk_tree(function) if isinstance(each, ast.Return)]
    swallows = any(isinstance(each, ast.Call) and last_name(each.func) == "suppress" for each in walk_tree(function))
    is_told = bool(handlers) and all(_ends_false(each, function) for each in handlers)
    return is_told and not swallows and any(not _is_false(each) for each in returns)


def _is_false(statement: ast.Return) -> bool:
    value = statement.value
    if isinstance(value, ast.List | ast.Tuple | ast.Set):
        return not value.elts
    is_empty = isinstance(value, ast.Dict) and not value.keys
    return value is None or is_empty or (isinstance(value, ast.Constant) and not value.value)


def _ends_false(handler: ast.ExceptHandler, function: _Function) -> bool:
    """Whether a handler raises, or leaves the function with nothing, or with what is not true."""
    last = handler.body[-1]
    inside = [each for statement in handler.body for each in walk_tree(statement)]
    if any(isinstance(each, ast.Return) and not _is_false(each) for each in inside):
        return False
    end = function.body[-1]
    is_at_end = isinstance(end, ast.Try) and handler in end.handlers and not end.finalbody
    return isinstance(last, ast.Return | ast.Raise) or is_at_end


def _is_answered(name: str, call: _Call) -> bool:
    """Whether the caller asks what a call returned, and raises or ends what it gave if that is not true."""
    file = call.file
    value: ast.expr = call.node
    holder = next(file.around(value))
    if isinstance(holder, ast.Await):
        value, holder = holder, next(file.around(holder))
    asking: ast.AST | None = next(file.around(holder), None)
    if isinstance(holder, ast.Assign):
        target, asking = holder.targets[0], _next_statement(holder, file)
        is_asked = isinstance(asking, ast.If) and isinstance(target, ast.Name) and _denied(asking.test) == target.id
    else:
        is_asked = isinstance(asking, ast.If) and asking.test is holder and _denied(holder) is value
    if not is_asked or not isinstance(asking, ast.If):
        return False
    if isinstance(asking.body[-1], ast.Raise):
        return not any(isinstance(each, ast.Try) and each.handlers for each in file.around(asking))
    plain = (statement for statement in asking.body if isinstance(statement, ast.Expr))
    mentions = (each for statement in plain for each in _loads(name, statement))
    return any(_is_told_to_end(each, file) for each in mentions)


def _denied(test: ast.AST) -> ast.expr | str | None:
    """Return what a condition says is not true: an expression, or the name of a variable."""
    operand = test.operand if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not) else None
    return operand.id if isinstance(operand, ast.Name) else operand


def _next_statement(statement: ast.stmt, file: ParsedFile) -> ast.stmt | None:
    """Return what follows a statement in the same block."""
    around = next(file.around(statement), None)
    for block in ("body", "orelse", "finalbody"):
        statements = getattr(around, block, ())
        if isinstance(statements, list) and statement in statements[:-1]:
            found: ast.stmt = statements[statements.index(statement) + 1]
            return found
    return None


def _is_told_to_end(node: ast.Name, file: ParsedFile) -> bool:
    """Whether a mention calls a method that ends the work on what the variable holds: `conn.rollback()`."""
    parents = file.around(node)
    parent = next(parents)
    holder = next(parents)
    is_called = isinstance(parent, ast.Attribute) and isinstance(holder, ast.Call) and holder.func is parent
    return is_called and isinstance(parent, ast.Attribute) and _ENDS.fullmatch(parent.attr) is not None


def _calls(name: str, path: str, project: _Project) -> list[_Call] | None:
    """Return the calls of what has a name, directly or out of a table; None if it is used in any other way."""
    found: list[_Call] = []
    mentions = project.mentions(name, path)
    for node, file, place in mentions or ():
        parent = next(file.around(node))
        if isinstance(parent, ast.Call) and parent.func is node:
            found.append(_Call(parent, file, place))
            continue
        table = _table_of(parent, file)
        called = _calls_from(table, place, project) if table is not None else None
        if called is None:
            return None
        found += called
    return found if mentions is not None else None


def _loads(name: str, tree: ast.AST) -> Iterator[ast.Name]:
    """Yield where a variable is read."""
    for node in walk_tree(tree):
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load):
            yield node


def _table_of(node: ast.AST, file: ParsedFile) -> str | None:
    """Return the name of the variable of a module whose dictionary a node is."""
    parent = next(file.around(node), None) if isinstance(node, ast.Dict) else None
    if not isinstance(parent, ast.Assign) or not _is_at_top(parent, file) or len(parent.targets) != 1:
        return None
    target = parent.targets[0]
    return target.id if isinstance(target, ast.Name) else None


def _calls_from(table: str, path: str, project: _Project) -> list[_Call] | None:
    """Return the calls of what is taken out of a table by its key; None if anything else may be done with that."""
    found: list[_Call] = []
    mentions = project.mentions(table, path)
    for node, file, place in mentions or ():
        taken = _taken(node, file)
        holder = next(file.around(taken)) if taken is not None else None
        if isinstance(holder, ast.Call) and holder.func is taken:
            found.append(_Call(holder, file, place))
        elif isinstance(holder, ast.Assign) and isinstance(holder.targets[0], ast.Name):
            uses = [(each, next(file.around(each))) for each in _loads(holder.targets[0].id, _scope(node, file))]
            found += [_Call(call, file, place) for use, call in uses if isinstance(call, ast.Call) and call.func is use]
        elif taken is not None:
            return None
    return found if mentions is not None else None


def _taken(node: ast.expr, file: ParsedFile) -> ast.AST | None:
    """Return the expression that is what stands in a table: `TABLE.get(key)`; None where only its keys are meant."""
    parents = file.around(node)
    parent = next(parents)
    if isinstance(parent, ast.Attribute) and parent.attr == "get":
        return next(parents)
    is_of_keys = isinstance(parent, ast.Compare) or (isinstance(parent, ast.Attribute) and parent.attr == "keys")
    return None if is_of_keys else parent


def _scope(node: ast.AST, file: ParsedFile) -> ast.AST:
    return next((each for each in file.around(node) if isinstance(each, _Function)), file.tree)


def _fits(call: ast.Call, function: _Function) -> bool:
    """Whether a function takes all the arguments that a call names."""
    names = {each.arg for each in _parameters(function)}
    return function.args.kwarg is not None or all(each.arg is None or each.arg in names for each in call.keywords)


def _given(call: ast.Call, function: _Function, parameter: str) -> ast.expr | None:
    for keyword in call.keywords:
        if keyword.arg == parameter:
            return keyword.value
    positional = [each.arg for each in (*function.args.posonlyargs, *function.args.args)]
    place = positional.index(parameter) if parameter in positional else len(call.args)
    is_seen = place < len(call.args) and not any(isinstance(each, ast.Starred) for each in call.args)
    return call.args[place] if is_seen else None


def _parameters(function: _Function) -> list[ast.arg]:
    return [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]


def _told_by(call: _Call) -> str:
    """Return the variable that what a call returns is put into; empty: none."""
    holder = next(call.file.around(call.node))
    if isinstance(holder, ast.Await):
        holder = next(call.file.around(holder))
    target = holder.targets[0] if isinstance(holder, ast.Assign) else None
    return target.id if isinstance(target, ast.Name) else ""


def _is_where_it_worked(node: ast.AST, told: str, file: ParsedFile) -> bool:
    """Whether code runs only if a variable is true: `if found: conn.commit()`."""
    inner = node
    for outer in file.around(node):
        is_asked = isinstance(outer, ast.If) and isinstance(outer.test, ast.Name) and outer.test.id == told
        if is_asked and isinstance(outer, ast.If) and inner in outer.body:
            return True
        inner = outer
    return False


def _is_ended(name: str, call: _Call, project: _Project, levels: int, told: str = "") -> bool:
    """Whether nobody goes on with what the caller's variable holds behind the call, and it is ended then.

    *told* is the variable that is true only if the call has not failed; empty: there is none.
    """
    file, scope = call.file, _scope(call.node, call.file)
    is_ended = False
    for node in walk_tree(scope):
        if isinstance(node, ast.Global | ast.Nonlocal) and name in node.names:
            return False
        if not isinstance(node, ast.Name) or node.id != name:
            continue
        if _scope(node, file) is not scope:
            return False
        if isinstance(node.ctx, ast.Store):
            is_ended = is_ended or _is_bound_by_block(node, call.node, file, project)
            is_ended = is_ended or _is_lent_by_loop(node, call.node, file, project)
        elif _ends(node, file, project):
            is_ended = is_ended or node.lineno > call.node.lineno
        elif not (
            (_stands_before(node, call.node) and _is_dropped(node, file))
            or (told and _is_where_it_worked(node, told, file))
            or _is_test(node, file)
            or call.node in file.around(node)
            or _are_alternatives(node, call.node, file)
        ):
            return False
    if _is_repeated(name, call, scope):
        return False
    if is_ended or not isinstance(scope, _Function) or scope.decorator_list or not _is_at_top(scope, file):
        return is_ended
    is_parameter = any(each.arg == name for each in _parameters(scope))
    return is_parameter and _all_end(scope, name, call.path, project, levels - 1)


def _stands_before(node: ast.expr, other: ast.expr) -> bool:
    """Whether a node comes first; in a loop that gives the variable another value in each round, that holds for all."""
    return (node.lineno, node.col_offset) < (other.lineno, other.col_offset)


def _is_dropped(node: ast.expr, file: ParsedFile) -> bool:
    """Whether nothing is left of what a mention is used for: a statement of its own, or a question."""
    inner: ast.AST = node
    for outer in file.around(node):
        if isinstance(outer, ast.stmt):
            return isinstance(outer, ast.Expr) or (isinstance(outer, ast.If | ast.While) and inner is outer.test)
        inner = outer
    return False


def _is_bound_by_block(node: ast.Name, call: ast.Call, file: ParsedFile, project: _Project) -> bool:
    """Whether a variable is that of a block, which ends what it holds, around a call."""
    item = next(file.around(node))
    blocks = [each for each in file.around(call) if isinstance(each, ast.With | ast.AsyncWith)]
    if not isinstance(item, ast.withitem) or not any(item in block.items for block in blocks):
        return False
    manager = item.context_expr.func if isinstance(item.context_expr, ast.Call) else item.context_expr
    return _may_end(last_name(manager), project, is_known=True)


def _is_lent_by_loop(node: ast.Name, call: ast.Call, file: ParsedFile, project: _Project) -> bool:
    """Whether a variable is that of a loop over a generator, around a call, which ends what it has lent."""
    loop = next(file.around(node))
    if not isinstance(loop, ast.For | ast.AsyncFor) or loop not in file.around(call):
        return False
    return isinstance(loop.iter, ast.Call) and _may_end(last_name(loop.iter.func), project, is_known=False)


def _ends(node: ast.Name, file: ParsedFile, project: _Project) -> bool:
    """Whether a mention is one that ends what the variable holds: `conn.close()`, `give_back(conn)`."""
    parents = file.around(node)
    parent = next(parents)
    if isinstance(parent, ast.Attribute):
        return _is_told_to_end(node, file)
    call = _call_given(node, file)
    name = last_name(call.func) if call is not None else ""
    return bool(name) and _may_end(name, project, is_known=_ENDS.fullmatch(name) is not None)


def _may_end(name: str, project: _Project, *, is_known: bool) -> bool:
    """Whether a function or manager may end what it is given, or gives: one of the project must do so itself.

    *is_known*: others, of libraries, do so by what they are called.
    """
    if not name:
        return False
    defines = re.compile(rf"\b(?:def|class)[ \t]+{re.escape(name)}\b")
    for _, text in project.texts_with(name):
        file = parsed_file(text) if defines.search(text) is not None else None
        for node in _definitions(file.tree) if isinstance(file, ParsedFile) else ():
            if node.name == name:
                called = [last_name(each.func) for each in _calls_without_error(node)]
                return any(_ENDS.fullmatch(each) for each in called) or "closing" in called or _lends_from_block(node)
    return is_known


def _lends_from_block(function: ast.AST) -> bool:
    """Whether a generator yields what a `with` block binds."""
    blocks = [each for each in walk_tree(function) if isinstance(each, ast.With | ast.AsyncWith)]
    bound = {
        item.optional_vars.id for block in blocks for item in block.items if isinstance(item.optional_vars, ast.Name)
    }
    yielded = (each.value for each in walk_tree(function) if isinstance(each, ast.Yield))
    return any(isinstance(each, ast.Name) and each.id in bound for each in yielded)


def _calls_without_error(function: ast.AST) -> Iterator[ast.Call]:
    """Yield the calls of a function, or class, that do not stand in a handler."""
    todo = [function]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Call):
            yield node
        if not isinstance(node, ast.ExceptHandler):
            todo += ast.iter_child_nodes(node)


def _definitions(tree: ast.Module) -> Iterator[_Function | ast.ClassDef]:
    """Yield the functions, classes and methods that a file offers."""
    for node in tree.body:
        if isinstance(node, _Function | ast.ClassDef):
            yield node
        if isinstance(node, ast.ClassDef):
            yield from (each for each in node.body if isinstance(each, _Function))


def _call_given(node: ast.Name, file: ParsedFile) -> ast.Call | None:
    """Return the call that has a variable for an argument."""
    parents = file.around(node)
    parent = next(parents)
    if isinstance(parent, ast.keyword):
        parent = next(parents)
    return parent if isinstance(parent, ast.Call) and parent.func is not node else None


def _is_test(node: ast.Name, file: ParsedFile) -> bool:
    """Whether a mention asks no more than whether there is anything: `if conn:`, `conn is not None`."""
    parent = next(file.around(node))
    return isinstance(parent, ast.If | ast.Compare | ast.BoolOp | ast.UnaryOp)


def _is_repeated(name: str, call: _Call, scope: ast.AST) -> bool:
    """Whether a loop makes a call again, on what it has been made on before."""
    for each in call.file.around(call.node):
        if each is scope:
            return False
        if isinstance(each, ast.For | ast.AsyncFor | ast.While) and not _binds(each, name):
            return True
    return False


def _are_alternatives(one: ast.AST, other: ast.AST, file: ParsedFile) -> bool:
    """Whether two nodes stand in different branches of a condition."""
    first, second = [one, *file.around(one)], [other, *file.around(other)]
    at = next(number for number, each in enumerate(first) if each in second)
    shared = first[at]
    if not isinstance(shared, ast.If):
        return False
    branches = [first[at - 1] in shared.orelse, second[second.index(shared) - 1] in shared.orelse]
    return branches[0] is not branches[1] and first[at - 1] is not shared.test


def _binds(loop: ast.For | ast.AsyncFor | ast.While, name: str) -> bool:
    """Whether each round of a loop gives a variable another value: not one that only some conditions lead to."""
    todo: list[ast.AST] = [*loop.body, *([loop.target] if not isinstance(loop, ast.While) else [])]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store):
            return True
        if not isinstance(node, ast.If | ast.IfExp | ast.ExceptHandler | ast.For | ast.While | ast.Lambda | _Function):
            todo += ast.iter_child_nodes(node)
    return False
