"""Whether a function is a part of commands alone: somebody has started the process for that, and looks on.

Each use of the function must lead to `if __name__ == "__main__"`, to what a script does outside of functions, to a
function called `main`, or to one that a library for command lines has registered; none may go through a function that
serves for as long as the process lives, and one must print, unless the question is what they leave when they are over,
and that is as soon as the function is. Where it is whether an error ends the process, they may serve: that ends a
server as well. What cannot be told speaks against it.
"""

from __future__ import annotations

import ast
import functools
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import libcst as cst

from lintdb.flow.users import AnyFunction, Target, Unknown, Use, find_uses, is_imported, is_imported_in, last_name
from lintdb.flow.words import COMMAND_BASES, GOES_ON, LETS_OUT, MAPS, PARSERS, PRINTS, RUNNERS, SERVED, SERVES
from lintdb.syntax.names import FunctionInfo
from lintdb.syntax.plain import walk_tree
from lintdb.syntax.refusal import parsed_by_python

_MOST_FUNCTIONS = 12
"""Functions between the one in question and the commands that run it."""

_MOST_STEPS = 3
"""Functions of a file that one calls last, the next of them last in that: `die_with_help(…)`."""

_EXITS = frozenset({"exit", "_exit", "quit", "abort"})
_EXIT_OF = frozenset({"sys", "os", "site", "parser", "ctx", "click", "typer", "context"})
"""What ends the process, and whose method does if it is one: that of a driver for browsers is none of these."""

_CATCHES = re.compile(
    r"suppress|ignor|swallow|catch|guard|retr|attempt|handl|error|exception|safe|silen|raises", re.IGNORECASE
)
"""What blocks are called that may let no error out."""

_ANY_COMMAND = re.compile(r"""\bcall_command\(\s*(?!["'\s)])""")
"""What starts a command whose name is made up: `call_command(name)`."""

_ENTERS = frozenset({"enter_context", "enter_async_context", "push", "push_async_exit"})

_COMES_AGAIN = frozenset({"streamlit", "gradio", "nicegui", "dash", "chainlit", "panel", "bokeh"})
"""Libraries that run a script again and again in one process, and look after its errors."""

_OF_COMMANDS = re.compile(r"command|option|argument|pass_\w+|group|\w+_option|callback")
"""Decorators of a command that leave its errors alone."""

_RETURNS = RUNNERS | {"subprocess", "pytest", "unittest"}
"""Whose `run` comes back when the work is done: that of others may be a server's."""

_BOT = re.compile(r"(?:\w+_)?bot", re.IGNORECASE)
_CHAT = re.compile(r"(?:\w+_)?(?:bot|tree|client|dispatcher|router|dp|commands|hybrid)", re.IGNORECASE)
"""What an object is called that commands of a chat are registered with; coroutine functions with the last ones only."""

_MESSAGES = frozenset({"ctx", "context", "message", "msg", "interaction", "inter", "update", "event", "ack", "respond"})
"""What commands of a chat are given."""

_ARGUMENTS = frozenset({"argv", "args", "arguments", "options", "self", "cls"})
"""What `main` takes that is called from a command line; one that takes a request answers it."""


def is_part_of_commands(
    function: FunctionInfo, does_not_count: Callable[[str], bool], *, is_once: bool = False, fails: bool = False
) -> bool:
    """Whether commands that print call a function, directly or not, and nothing else of its project ever does.

    *does_not_count* says of a path that uses in that file do not matter, as those in tests. *is_once*: they call
    it once, in no loop, and it does not come back to itself; they need not print if that is the last they do. *fails*:
    an error that it raises ends them, whether they print or not.
    """
    if function.is_module or not function.is_as_written:
        return False
    if fails and (function.is_generator or not _MESSAGES.isdisjoint(each.name.value for each in function.params)):
        return False
    found = _Search(function, does_not_count, is_once=is_once, fails=fails).holds()
    return found and (fails or not serves(function))


class _Search:
    """The way from a function up to the commands that call it."""

    def __init__(
        self, function: FunctionInfo, does_not_count: Callable[[str], bool], *, is_once: bool, fails: bool
    ) -> None:
        self._function = function
        self._does_not_count = does_not_count
        self._is_once, self._fails = is_once, fails
        first = Target.of(function).made_by
        self._todo = [first]
        self._seen = {first}
        self._users: dict[Target, set[Target]] = {}
        self._uses: dict[Target, list[Use]] = {}
        self._coroutines = {first} if function.is_async else set()
        self._takes_more = {first} if any(_is_asked_for(param) for param in function.params) else set()
        self._commands: set[Target] = set()
        self._bodies: set[Target] = set()
        """Methods that a command line alone calls, whatever else has a method of that name."""
        self._last: set[Target] = set()
        """Functions that may handle an error, if the program is over when they return."""
        self._is_started = False
        self._is_at_end = is_once
        """Nothing follows what the functions do: the process ends with them."""
        self._prints = not PRINTS.isdisjoint((*function.loads, *function.attributes))

    def holds(self) -> bool:
        while self._todo:
            target = self._todo.pop()
            if target in self._bodies:
                continue
            if target.is_open or not self._is_clear(target) or (self._fails and self._is_named_in_texts(target)):
                return False
            if target not in self._uses and target not in self._commands:
                if target.name != "main" or target.owner or target in self._takes_more:
                    return False
                self._is_started = True  # a `main` that nothing calls is named in the metadata of a package
        is_over = not (self._is_once and _comes_back(self._users))
        ends = all(_is_last(use) for target in self._last for use in self._uses.get(target, ()))
        is_soon_over = self._prints or self._fails or self._is_at_end
        return self._is_started and is_soon_over and is_over and ends

    def _is_clear(self, target: Target) -> bool:
        """Whether no use of a function speaks against it; each adds the function that it stands in."""
        # The first that does ends the search: what other files mention need not be parsed then.
        for use in find_uses(target, self._function, self._does_not_count):
            if isinstance(use, Use) and use.place.is_annotation:
                continue
            if isinstance(use, Unknown) or not self._may_be_command(use) or (self._is_once and _is_repeated(use)):
                return False
            # What serves is over, too, when an error leaves it.
            if not self._fails and _serves_there(use):
                return False
            if self._fails and not self._ends_with_error(use, is_async=target in self._coroutines):
                return False
            self._uses.setdefault(target, []).append(use)
            self._is_at_end = self._is_at_end and _is_at_end(use)
            self._prints = self._prints or any(_prints_itself(each, use.own) for each in _code(use))
            user, is_body = use.runs_with, self._is_body(use)
            is_command = is_body or _is_command(use.by)
            self._is_started = self._is_started or user is None or is_command
            if user is None:
                continue
            self._users.setdefault(target, set()).add(user)
            if is_command:
                self._commands.add(user)  # others may call it, too
            if is_body:
                self._bodies.add(user)
            if user not in self._seen and not self._add(user, use.by):
                return False
        return True

    def _may_be_command(self, use: Use) -> bool:
        """Whether a use stands in a program's block, or in a function that nothing unknown calls."""
        if use.by is None and not use.place.is_main and not self._is_script(use):
            return False
        if not use.place.is_called and use.place.given_to not in MAPS:
            return False
        return not use.place.is_deferred and (use.by is None or not use.by.decorator_list or _is_command(use.by))

    def _is_body(self, use: Use) -> bool:
        """Whether a use stands in the body of a command that nothing starts but a command line.

        The others may do so by the name of its file: `call_command("load_prices")`.
        """
        return use.is_in_command_body and self._is_of_library(use) and not self._is_started_by_name(use.path)

    def _is_of_library(self, use: Use) -> bool:
        """Whether the class around a use is, by way of others of the project or not, one of a library for commands."""
        index, owner = self._function.index, use.owner_name
        links = index.links
        other = (
            index if use.path == index.name.path else links.module_at(use.path, index) if links is not None else None
        )
        found = other.classes.get(owner) if other is not None else None
        bases = [base for each in found.lineage for base in each.outside_bases] if found is not None else []
        return any(base is not None and COMMAND_BASES.match(base) for base in bases)

    def _is_script(self, use: Use) -> bool:
        """Whether what a file does outside of functions is the work of a program: it reads a command line, or prints.

        None imports it, and nothing in it may be meant for others: no function with a decorator, no application.
        """
        nodes = [node for each in use.outside for node in walk_tree(each)]
        names = {last_name(node) for node in nodes}
        bound = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
        if names.isdisjoint(PRINTS | PARSERS) or not bound.isdisjoint(SERVED):
            return False
        if any(each.decorator_list for each in use.own.values()):
            return False
        return not is_imported(self._function.index, use.path)

    def _add(self, user: Target, by: AnyFunction | None) -> bool:
        self._seen.add(user)
        self._todo.append(user)
        if by is not None and _takes_more(by):
            self._takes_more.add(user)
        if isinstance(by, ast.AsyncFunctionDef):
            self._coroutines.add(user)
        return len(self._seen) <= _MOST_FUNCTIONS

    def _ends_with_error(self, use: Use, *, is_async: bool) -> bool:
        """Whether what calls a function does not go on after an error that it has raised.

        What a handler does last may end the process, and so does a program that does nothing more. An error of a
        coroutine that is not awaited at once, or of what somebody else calls, comes out elsewhere.
        """
        place, by = use.place, use.by
        is_at_once = place.is_awaited or place.is_given if is_async else place.is_called
        if not is_at_once or _comes_again(use.outside) or (by is not None and _is_handled_elsewhere(by)):
            return False
        body = by.body if by is not None else use.outside
        is_last = (by is None or by.name == "main") and not place.is_repeated
        last = _last_of(body[-1]) if is_last and body else None
        for block in place.watched_by:
            if self._lets_out(block, use.own):
                continue
            is_over = isinstance(block, ast.Try) and is_last and (block is last or _returns(block, use.own))
            if not is_over or _leaves_at_last(block) or _tries_again(block):
                return False
            if (user := use.runs_with) is not None:
                self._last.add(user)
        return True

    def _lets_out(self, block: ast.AST, own: Mapping[str, AnyFunction]) -> bool:
        """Whether a block lets errors out, or ends the process itself."""
        if isinstance(block, ast.With | ast.AsyncWith):
            return not any(self._may_catch(item.context_expr) for item in block.items) and not _enters_catcher(block)
        if not isinstance(block, ast.Try) or _leaves_at_last(block):
            return False
        return all(_ends(each.body, own) for each in block.handlers)

    def _may_catch(self, manager: ast.expr) -> bool:
        """Whether a block may let no error out: one of the project's own, or that is called so."""
        if not isinstance(manager, ast.Call):
            return LETS_OUT.search(last_name(manager)) is None
        name = last_name(manager.func)
        return _CATCHES.search(name) is not None or self._is_own(name)

    def _is_own(self, name: str) -> bool:
        """Whether the project defines something of that name."""
        texts = self._function.index.texts_with(name)
        defines = re.compile(rf"^[ \t]*(?:(?:async[ \t]+)?def|class)[ \t]+{re.escape(name)}\b", re.MULTILINE)
        return texts is None or any(defines.search(text) for _, text in texts)

    def _is_started_by_name(self, path: str) -> bool:
        """Whether another file of the project names the one of a command, in a text or in an import, or any command."""
        index, stem = self._function.index, Path(path).stem
        named, calling = index.texts_with(stem), index.texts_with("call_command")
        if named is None or calling is None:
            return True
        others = [(each, text) for each, text in named if each != path and not self._does_not_count(each)]
        quoted = re.compile(rf"""["']{re.escape(stem)}["']""")
        return any(quoted.search(text) or is_imported_in(text, stem) for _, text in others) or any(
            _ANY_COMMAND.search(text) for each, text in calling if not self._does_not_count(each)
        )

    def _is_named_in_texts(self, target: Target) -> bool:
        """Whether a text may lead to a function: `"jobs:refresh"`, or its bare name beside `getattr(jobs, name)`."""
        texts = self._function.index.texts_with(target.name) or ()
        return _is_named(target, tuple(text for path, text in texts if not self._does_not_count(path)))


@functools.lru_cache(maxsize=512)
def _is_named(target: Target, texts: tuple[str, ...]) -> bool:
    """Whether one of some files names a function in a text; asked again for each finding that is reached by it."""
    module, name = re.escape(target.module), re.escape(target.name)
    dotted = re.compile(rf"""["'](?:\w+\.)*{module}[.:]{name}["']""")
    bare = re.compile(rf"""["']{name}["']""")
    looks_up = re.compile(rf"\b(?:getattr|methodcaller|vars|import_module)\([ \t]*{module}\b")
    return any(dotted.search(text) or (looks_up.search(text) and bare.search(text)) for text in texts)


def _enters_catcher(block: ast.With | ast.AsyncWith) -> bool:
    """`stack.enter_context(suppress(Exception))`"""
    return any(
        isinstance(node, ast.Call) and last_name(node.func) in _ENTERS and _CATCHES.search(ast.unparse(node))
        for each in block.body
        for node in walk_tree(each)
    )


def _leaves_at_last(block: ast.AST) -> bool:
    """`finally: return`, with which errors are forgotten."""
    final = block.finalbody if isinstance(block, ast.Try) else []
    return _leaves(final)


def _leaves(statements: Sequence[ast.stmt]) -> bool:
    """Whether some statement leaves the others, with no error: by `return`, or for another round of a loop around."""
    todo: list[ast.AST] = [*statements]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Return | ast.Continue | ast.Break):
            return True
        if isinstance(node, ast.For | ast.AsyncFor | ast.While):
            todo += [each for each in walk_tree(node) if isinstance(each, ast.Return)]
        elif not isinstance(node, AnyFunction | ast.Lambda | ast.ClassDef):
            todo += ast.iter_child_nodes(node)
    return False


def _tries_again(block: ast.AST) -> bool:
    handlers = block.handlers if isinstance(block, ast.Try) else ()
    return any(isinstance(node, ast.For | ast.AsyncFor | ast.While) for each in handlers for node in walk_tree(each))


def _returns(block: ast.Try, own: Mapping[str, AnyFunction]) -> bool:
    """Whether each handler ends the function, or the process: `return 1`."""
    return all(
        (isinstance(each.body[-1], ast.Return) and not _goes_back(each.body)) or _ends(each.body, own)
        for each in block.handlers
    )


def _goes_back(statements: Sequence[ast.stmt]) -> bool:
    return any(isinstance(node, ast.Continue) for each in statements for node in walk_tree(each))


def _is_last(use: Use) -> bool:
    """Whether a program is over when a function returns: `sys.exit(main())`, once, as the last that it does."""
    place = use.place
    is_alone = use.by is None and place.is_main and not place.is_repeated and not place.watched_by
    last = _last_of(use.outside[-1]) if use.outside else None
    is_end = place.result_given_to in ("exit", "SystemExit") or (
        isinstance(last, ast.Expr) and any(node is place.call for node in walk_tree(last))
    )
    return is_alone and is_end


def serves(function: FunctionInfo) -> bool:
    """Whether a program serves for as long as its process lives, by what it calls; one that sleeps need not."""
    tree = parsed_by_python(textwrap.dedent(function.index.code_of(function.node)))
    nodes = walk_tree(tree) if isinstance(tree, ast.Module) else ()
    return any(
        _goes_on(node) and not (isinstance(node, ast.Call) and last_name(node.func) in GOES_ON) for node in nodes
    )


def _is_asked_for(param: cst.Param) -> bool:
    return param.default is None and not param.star and param.name.value not in _ARGUMENTS


def _takes_more(main: AnyFunction) -> bool:
    """Whether a `main` must be given something that no command line gives."""
    required = main.args.args[: len(main.args.args) - len(main.args.defaults)]
    return any(each.arg not in _ARGUMENTS for each in (*main.args.posonlyargs, *required))


def _is_at_end(use: Use) -> bool:
    """Whether the call is the last thing that is done where it stands: `load()`, `sys.exit(asyncio.run(load()))`."""
    body = use.by.body if use.by is not None else use.outside
    return any(_runs_alone(use.place.call, getattr(each, "value", None)) for each in _ends_of(body))


def _runs_alone(call: ast.Call | None, value: ast.expr | None) -> bool:
    """Whether an expression is a call, or that of another one with what it returns."""
    while value is not call and isinstance(value, ast.Await | ast.Call):
        given = [value.value] if isinstance(value, ast.Await) else value.args
        value = given[0] if len(given) == 1 else None
    return call is not None and value is call


def _ends_of(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements that may be the last ones to run, if nothing fails."""
    last = body[-1] if body else None
    if isinstance(last, ast.If):
        yield from _ends_of(last.body)
        yield from _ends_of(last.orelse)
    elif isinstance(last, ast.With | ast.AsyncWith):
        yield from _ends_of(last.body)
    elif isinstance(last, ast.Try) and not last.finalbody:
        yield from _ends_of(last.orelse or last.body)
    elif last is not None:
        yield last


def _serves_there(use: Use) -> bool:
    """Whether the code around a use goes on for as long as its process lives."""
    return any(_goes_on_itself(node, use.own) for each in _code(use) for node in _what_goes_on(each))


def _comes_again(outside: Sequence[ast.stmt]) -> bool:
    """Whether a file imports what runs it again and again."""
    for each in outside:
        names = [alias.name for alias in each.names] if isinstance(each, ast.Import) else []
        names += [each.module or ""] if isinstance(each, ast.ImportFrom) else []
        if any(name.partition(".")[0] in _COMES_AGAIN for name in names):
            return True
    return False


def _is_handled_elsewhere(by: AnyFunction) -> bool:
    """Whether a function is called for one message of many, has decorators that may do anything, or yields."""
    params = {each.arg for each in (*by.args.posonlyargs, *by.args.args, *by.args.kwonlyargs)}
    wrapped = any(
        not _OF_COMMANDS.fullmatch(last_name(each.func if isinstance(each, ast.Call) else each))
        for each in by.decorator_list
    )
    is_generator = any(isinstance(node, ast.Yield | ast.YieldFrom) for node in walk_tree(by))
    return wrapped or is_generator or not params.isdisjoint(_MESSAGES - {"ctx", "context"})


def _last_of(statement: ast.stmt) -> ast.stmt:
    """Return what a block does last, if it is a plain one: the body of `if __name__ == "__main__"`, of a `with`."""
    while isinstance(statement, ast.With | ast.AsyncWith) or (isinstance(statement, ast.If) and not statement.orelse):
        statement = statement.body[-1]
    return statement


def _ends(body: Sequence[ast.stmt], own: Mapping[str, AnyFunction], depth: int = 0) -> bool:
    """Whether statements end with an error, or with what ends the process: `sys.exit(1)`, `die("no such user")`."""
    last = body[-1]
    if _leaves(body):
        return False
    if isinstance(last, ast.Raise):
        return True
    called = last.value if isinstance(last, ast.Expr) else None
    if not isinstance(called, ast.Call):
        return False
    if last_name(called.func) in _EXITS:
        holder = called.func.value if isinstance(called.func, ast.Attribute) else None
        return holder is None or last_name(holder) in _EXIT_OF
    meant = own.get(called.func.id) if isinstance(called.func, ast.Name) else None
    return meant is not None and depth < _MOST_STEPS and _ends(meant.body, own, depth + 1)


def _is_repeated(use: Use) -> bool:
    """Whether a use may come again and again: in a loop, or for each of many."""
    return use.place.is_repeated or not use.place.is_called


def _comes_back(uses: Mapping[Target, set[Target]]) -> bool:
    """Whether one of some functions is called by another that it calls, or by itself; *uses* are their users."""
    for start in uses:
        todo, seen = [*uses[start]], set()
        while todo:
            user = todo.pop()
            if user == start:
                return True
            if user not in seen:
                seen.add(user)
                todo += uses.get(user, ())
    return False


def _code(use: Use) -> tuple[ast.AST, ...]:
    return (use.by,) if use.by is not None else use.outside


@functools.lru_cache(maxsize=256)
def _what_goes_on(code: ast.AST) -> tuple[ast.AST, ...]:
    return tuple(node for node in walk_tree(code) if _goes_on(node))


def _goes_on_itself(node: ast.AST, own: Mapping[str, AnyFunction]) -> bool:
    """Whether what seems to serve does: a function of the file that is called so, `serve(action)`, may do one thing."""
    called = node.func if isinstance(node, ast.Call) else None
    meant = own.get(called.id) if isinstance(called, ast.Name) else None
    return meant is None or bool(_what_goes_on(meant))


@functools.lru_cache(maxsize=256)
def _prints(code: ast.AST) -> bool:
    return any(last_name(node) in PRINTS or _writes_to_terminal(node) for node in walk_tree(code))


def _prints_itself(code: ast.AST, own: Mapping[str, AnyFunction]) -> bool:
    """Whether code prints, or has a function of its file do that: `die("no such user")`."""
    if _prints(code):
        return True
    called = {
        node.func.id for node in walk_tree(code) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    return any(_prints(own[name]) for name in called & own.keys())


def _writes_to_terminal(node: ast.AST) -> bool:
    """`sys.stderr.write(…)`"""
    return isinstance(node, ast.Attribute) and node.attr == "write" and last_name(node.value) in ("stdout", "stderr")


def _goes_on(node: ast.AST) -> bool:
    if isinstance(node, ast.While):
        return _may_be_endless(node.test) and not _is_left(node)
    if isinstance(node, ast.For | ast.AsyncFor):
        return isinstance(node.iter, ast.Call) and SERVES.fullmatch(last_name(node.iter.func)) is not None
    if not isinstance(node, ast.Call):
        return False
    name = last_name(node.func)
    if name == "run" and isinstance(node.func, ast.Attribute):
        return last_name(node.func.value) not in _RETURNS
    return name in GOES_ON or SERVES.fullmatch(name) is not None


def _is_left(loop: ast.While) -> bool:
    """Whether the body of a loop leaves it, other than for an error: when there is nothing more to do."""
    todo: list[ast.AST] = [*loop.body]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Break | ast.Return):
            return True
        if not isinstance(node, ast.For | ast.AsyncFor | ast.While | ast.ExceptHandler | AnyFunction | ast.Lambda):
            todo += ast.iter_child_nodes(node)
    return False


def _may_be_endless(test: ast.expr) -> bool:
    """Whether a loop may go on until it is stopped: `while True`, `while not stop.wait(30)`, `while self.running`.

    One that compares something, or takes what is left of a list, comes to an end.
    """
    if isinstance(test, ast.Constant):
        return bool(test.value)
    if isinstance(test, ast.BoolOp):
        together = all if isinstance(test.op, ast.And) else any
        return together(_may_be_endless(each) for each in test.values)
    if isinstance(test, ast.UnaryOp):
        return not isinstance(test.operand, ast.Constant) and _may_be_endless(test.operand)
    return not isinstance(test, ast.Compare | ast.NamedExpr | ast.Name)


def _is_command(function: AnyFunction | None) -> bool:
    """Whether a decorator registers it as one of a command line: `@click.command()`, `@app.cli.command("load")`."""
    if function is None:
        return False
    params = [each.arg for each in function.args.args] if isinstance(function, ast.AsyncFunctionDef) else None
    return any(is_command(each, params) for each in function.decorator_list)


def is_command(decorator: ast.expr, params: Sequence[str] | None) -> bool:
    """Whether a decorator registers a function as a command of a command line, not one of a chat.

    *params* are those of a coroutine function, which most chats call, and a few libraries for command lines; None for a
    plain function.
    """
    target = decorator.func if isinstance(decorator, ast.Call) else decorator
    if last_name(target) != "command":
        return False
    first = decorator.args[0] if isinstance(decorator, ast.Call) and decorator.args else None
    text = first.value if isinstance(first, ast.Constant) else ""
    holder = last_name(target.value) if isinstance(target, ast.Attribute) else ""
    is_of_chat = (_CHAT if params is not None else _BOT).fullmatch(holder) is not None
    if is_of_chat or (isinstance(text, str) and text.startswith("/")):
        return False
    return params is None or not any(each in _MESSAGES for each in params)
