"""What a group of commands leaves for them on the context of click: `ctx.obj["session"] = session`.

The context of a command inherits that object from its group's, so that any command of the project may find it. Names
alone tell who does; what cannot be told counts as somebody who looks after what is there.
"""

from __future__ import annotations

import ast
import re

import libcst as cst

from lintdb.flow.injected import FateSearch
from lintdb.flow.stdlib import PASSES_CONTEXT
from lintdb.flow.users import AnyFunction, ParsedFile, last_name, parsed_file
from lintdb.flow.words import PRINTS, RELEASING_NAMES
from lintdb.syntax.names import FunctionInfo
from lintdb.syntax.plain import walk_tree

_CONTEXTS = frozenset({"click.Context", "typer.Context", "click.core.Context"})
_KEPT = "obj"
_OTHER_WAYS = ("pass_obj", "make_pass_decorator", "find_object", "call_on_close", "result_callback", "resultcallback")
"""What gives commands the object by itself, or does something when a command has ended."""
_CONTEXT = re.compile(r"(?:\w*_)?(?:ctx|context)", re.IGNORECASE)
_READS = frozenset({"get", "pop", "setdefault"})


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
    return any(function.index.dotted(each, function) in PASSES_CONTEXT for each in function.decorators)


def is_left_on_context(key: str, function: FunctionInfo) -> bool:
    """Whether commands find what a function leaves under a key, use it, and none of them may release it."""
    index = function.index
    texts = index.texts_with(_KEPT)
    texts = texts if texts is not None else ((index.name.path, index.text),)
    search = FateSearch(function, RELEASING_NAMES, follows_all=True)
    readers = 0
    for _, text in texts:
        file = parsed_file(text)
        if not isinstance(file, ParsedFile) or any(word in text for word in _OTHER_WAYS):
            return False
        if any(_gives_object(node) for node in walk_tree(file.tree)):
            return False
        for mention in file.mentions(_KEPT):
            if not isinstance(mention, ast.Attribute):
                continue
            read = _read(mention, file)
            is_of_context = _CONTEXT.fullmatch(last_name(mention.value)) is not None
            if read is None or read[1] != key:
                if read is None and is_of_context:
                    return False  # somebody has all that is there
                continue
            if isinstance(getattr(read[0], "ctx", None), ast.Store | ast.Del):
                continue
            readers += 1
            if not is_of_context or _may_be_released(read[0], file, search):
                return False
    return readers > 0


def _gives_object(node: ast.AST) -> bool:
    """Whether a call gives commands an object that it keeps itself: `cli(obj=shared)`."""
    if not isinstance(node, ast.Call):
        return False
    given = next((each.value for each in node.keywords if each.arg == _KEPT), None)
    return given is not None and not isinstance(given, ast.Dict | ast.Call)


def _read(mention: ast.Attribute, file: ParsedFile) -> tuple[ast.expr, object] | None:
    """Return the expression `ctx.obj[key]` or `ctx.obj.get(key)` with its key, None if more than that is taken."""
    outer, *more = [*file.around(mention), None, None][:3]
    if isinstance(outer, ast.Subscript) and outer.value is mention and isinstance(outer.slice, ast.Constant):
        return outer, outer.slice.value
    if isinstance(outer, ast.Attribute) and isinstance(call := more[0], ast.Call) and call.func is outer:
        first = call.args[0] if call.args else None
        if outer.attr in _READS and isinstance(first, ast.Constant):
            return call, first.value
    if isinstance(outer, ast.Assign) and mention in outer.targets and isinstance(outer.value, ast.Dict):
        return (mention, None) if not outer.value.keys else None
    return (mention, None) if isinstance(outer, ast.Compare) and mention in outer.comparators else None


def _may_be_released(read: ast.expr, file: ParsedFile, search: FateSearch) -> bool:
    """Whether a command that reads what is kept may release it, itself or in what it hands it to."""
    outer, around, *_ = [*file.around(read), None, None]
    if isinstance(outer, ast.Assign):
        function = next((each for each in file.around(read) if isinstance(each, AnyFunction)), None)
        names = [each.id for each in outer.targets if isinstance(each, ast.Name)]
        if function is None or len(names) != len(outer.targets):
            return True
        return any(search.fate_in(function, name) != "dropped" for name in names)
    if isinstance(outer, ast.Attribute):
        return outer.attr in RELEASING_NAMES or not isinstance(around, ast.Call)
    keyword = outer.arg if isinstance(outer, ast.keyword) else None
    call = around if isinstance(outer, ast.keyword) else outer
    if isinstance(call, ast.Call) and call.func is not read:
        return last_name(call.func) not in PRINTS and search.fate_as_argument(read, keyword, call) != "dropped"
    return not isinstance(outer, ast.Compare | ast.If | ast.BoolOp | ast.UnaryOp | ast.IfExp)
