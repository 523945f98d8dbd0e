"""Functions after which nothing comes: all that they do is to raise, or to end the process."""

from __future__ import annotations

import ast
import re

_EXITS = frozenset({"exit", "quit", "sys.exit", "os._exit", "os.abort"})
_NEVER = frozenset({"NoReturn", "Never"})


def ending_of(name: str, text: str) -> str:
    """Return how a top-level function of a module always ends: `"raises"`, `"exits"`, or nothing if it may return.

    Nothing of a coroutine function, whose call does not run it, nor of one that a decorator may change.

    Only the function itself is parsed, and only if its text makes that possible: this is asked of many.
    """
    found = re.search(rf"^def {re.escape(name)}\b.*?(?=^[^\s#)]|\Z)", text, re.MULTILINE | re.DOTALL)
    if found is None or not re.search(r"raise|exit|abort|quit|NoReturn|Never", found[0]):
        return ""
    if not re.search(r"(?:\A|\n\s*\n|\n#[^\n]*\n)\Z", text[: found.start()]):
        return ""  # a decorator may stand above
    try:
        tree = ast.parse(found[0])
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    function = tree.body[0]
    if not isinstance(function, ast.FunctionDef) or _may_return(function.body):
        return ""
    return _ending(function.body) or ("raises" if _last(function.returns) in _NEVER else "")


def _may_return(body: list[ast.stmt]) -> bool:
    todo: list[ast.AST] = list(body)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Return | ast.Yield | ast.YieldFrom):
            return True
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            todo += ast.iter_child_nodes(node)
    return False


def _ending(body: list[ast.stmt]) -> str:
    last = body[-1]
    if isinstance(last, ast.Raise):
        return "raises"
    if isinstance(last, ast.Expr) and isinstance(last.value, ast.Call) and ast.unparse(last.value.func) in _EXITS:
        return "exits"
    if isinstance(last, ast.If) and last.orelse:
        ends = {_ending(last.body), _ending(last.orelse)}
        return "" if "" in ends else "raises" if "raises" in ends else "exits"
    return ""


def _last(node: ast.expr | None) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value.rpartition(".")[2]
    return node.id if isinstance(node, ast.Name) else ""
