"""What a group of commands leaves for them on the context of click: `ctx.obj["session"] = session`.

The context of a command inherits that object from its group's, so that any command of the project may find it. Names
alone tell who does; what cannot be told counts as somebody who looks after what is there.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import libcst as cst

from lintdb.flow.users import AnyFunction, ParsedFile, last_name, parsed_file
from lintdb.flow.words import PRINTS, RELEASING_NAMES
from lintdb.syntax.names import FunctionInfo
from lintdb.syntax.plain import walk_tree

_CONTEXTS = frozenset({"click.Context", "typer.Context", "click.core.Context"})
_PASSES_IT = frozenset({"click.pass_context", "click.decorators.pass_context"})
_KEPT = "obj"
_OTHER_WAYS = ("pass_obj", "make_pass_decorator", "find_object", "call_on_close", "result_callback", "resultcallback")
"""What gives commands the object by itself, or does something when a command has ended."""
_CONTEXT = re.compile(r"(?:\w*_)?(?:ctx|context)", re.IGNORECASE)
_READS = frozenset({"get", "pop", "setdefault"})
_MOST_NAMESAKES = 24
"""Functions of one name that are looked at."""


def key_on_context(target: cst.Subscript, function: FunctionInfo) -> str | None:
    """Return the key of `ctx.obj["session"]`, where `ctx` is the context that a function is given; else None."""
    if len(target.slice) != 1:
        return None
    at = target.slice[0].slice
    key = at.value if isinstance(at, cst.Index) else None
    shelf = target.value
    if not isinstance(key, cst.SimpleString) or not isinstance(shelf, cst.Attribute) or shelf.attr.value != _KEPT:
        return None
    value = key.evaluated_value
    is_context = isinstance(shelf.value, cst.Name) and _is_context(shelf.value.value, function)
    return value if is_context and isinstance(value, str) else None


def _is_context(name: str, function: FunctionInfo) -> bool:
    param = next((each for each in function.params if each.name.value == name), None)
    if param is None:
        return False
    if param.annotation is not None:
        return function.index.dotted(param.annotation.annotation, function) in _CONTEXTS
    return any(function.index.dotted(each, function) in _PASSES_IT for each in function.decorators)


def is_left_on_context(key: str, function: FunctionInfo) -> bool:
    """Whether commands find what a function leaves under a key, use it, and none of them may release it."""
    index = function.index
    texts = index.links.texts_with(_KEPT, index) if index.links is not None and index.name.path else None
    texts = texts if texts is not None else ((index.name.path, index.text),)
    readers = 0
    for _, text in texts:
        file = parsed_file(text)
        if not isinstance(file, ParsedFile) or any(word in text for word in _OTHER_WAYS):
            return False
        for mention in file.mentions(_KEPT):
            if not isinstance(mention, ast.Attribute) or _CONTEXT.fullmatch(last_name(mention.value)) is None:
                continue
            read = _read(mention, file)
            if read is None:
                return False  # somebody has all that is there
            if read[1] != key:
                continue
            if isinstance(getattr(read[0], "ctx", None), ast.Store | ast.Del):
                continue
            readers += 1
            if any(_may_release(use, file, function) for use in _uses(read[0], file)):
                return False
    return readers > 0


def _read(mention: ast.Attribute, file: ParsedFile) -> tuple[ast.AST, object] | None:
    """Return the expression `ctx.obj[key]` or `ctx.obj.get(key)` with its key, None if more than that is taken."""
    outer, *more = [*file.around(mention), None, None][:3]
    if isinstance(outer, ast.Subscript) and outer.value is mention and isinstance(outer.slice, ast.Constant):
        return outer, outer.slice.value
    if isinstance(outer, ast.Attribute) and isinstance(call := more[0], ast.Call) and call.func is outer:
        first = call.args[0] if call.args else None
        if outer.attr in _READS and isinstance(first, ast.Constant):
            return call, first.value
    if isinstance(outer, ast.Assign) and mention in outer.targets and isinstance(outer.value, ast.Dict):
        return (outer, None) if not outer.value.keys else None
    return (outer, None) if isinstance(outer, ast.Compare) and mention in outer.comparators else None


def _uses(read: ast.AST, file: ParsedFile) -> Iterator[ast.AST]:
    """Yield a read, or where the variable that it is given to is read: in the same function."""
    statement = next(file.around(read), None)
    names = statement.targets if isinstance(statement, ast.Assign) else []
    function = next((each for each in file.around(read) if isinstance(each, AnyFunction)), None)
    if not names or function is None or not all(isinstance(name, ast.Name) for name in names):
        yield read
        return
    given = {last_name(name) for name in names}
    for node in walk_tree(function):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in given:
            yield node


def _may_release(use: ast.AST, file: ParsedFile, near: FunctionInfo) -> bool:
    """Whether what is done with a value where it stands may release it."""
    outer, around, *_ = [*file.around(use), None, None]
    if isinstance(outer, ast.Attribute):
        return outer.attr in RELEASING_NAMES or not isinstance(around, ast.Call)
    call = around if isinstance(outer, ast.keyword) else outer
    if isinstance(call, ast.Call) and call.func is not use:
        name = last_name(call.func)
        return name not in PRINTS and not _keeps_its_hands_off(name, near)
    return not isinstance(outer, ast.Compare | ast.If | ast.BoolOp | ast.UnaryOp | ast.IfExp)


def _keeps_its_hands_off(name: str, near: FunctionInfo) -> bool:
    """Whether no function of the project that is called so releases or enters anything."""
    links = near.index.links
    texts = links.texts_with(name, near.index) if links is not None else ((near.index.name.path, near.index.text),)
    found = 0
    for _, text in texts or ():
        file = parsed_file(text) if f"def {name}(" in text else None
        if file is None:
            continue
        if not isinstance(file, ParsedFile):
            return False
        for node in walk_tree(file.tree):
            if isinstance(node, AnyFunction) and node.name == name:
                found += 1
                if found > _MOST_NAMESAKES or _releases_anything(node):
                    return False
    return found > 0


def _releases_anything(function: AnyFunction) -> bool:
    params = {each.arg for each in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)}
    for node in walk_tree(function):
        if isinstance(node, ast.Attribute) and node.attr in RELEASING_NAMES and last_name(node.value) in params:
            return True
        if isinstance(node, ast.withitem) and any(last_name(each) in params for each in walk_tree(node.context_expr)):
            return True
    return False
