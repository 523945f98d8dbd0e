"""Functions after which nothing comes: all that they do is to raise, or to end the process."""

from __future__ import annotations

import ast
import re

_EXITS = frozenset({"exit", "_exit", "abort", "quit"})
_NEVER = frozenset({"NoReturn", "Never"})


def ending_of(name: str, text: str) -> str:
    """Return how a top-level function of a module always ends: `"raises"`, `"exits"`, or nothing if it may return.

    Only the function itself is parsed, and only if its text makes that possible: this is asked of many.
    """
    found = re.search(rf"^(?:async[ \t]+)?def {re.escape(name)}\b.*?(?=^[^\s#)]|\Z)", text, re.MULTILINE | re.DOTALL)
    if found is None or not re.search(r"raise|exit|abort|quit|NoReturn|Never", found[0]):
        return ""
    try:
        tree = ast.parse(found[0])
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    function = tree.body[0]
    if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) or _may_return(function.body):
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
    if isinstance(last, ast.Expr) and isinstance(last.value, ast.Call) and _last(last.value.func) in _EXITS:
        return "exits"
    if isinstance(last, ast.With | ast.AsyncWith):
        return _ending(last.body) if not any("suppress" in ast.dump(item) for item in last.items) else ""
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
