"""Which methods of its parameters a coroutine function awaits, or enters by `async with`."""

from __future__ import annotations

import functools

import libcst as cst

from lintdb.syntax.names import FunctionInfo


@functools.lru_cache(maxsize=1024)
def awaited_methods(function: FunctionInfo) -> dict[str, frozenset[str]]:
    """Return them by parameter: `await conn.execute(…)`, `async with conn.cursor():`.

    None of parameters that are given another value.
    """
    params = {param.name.value for param in function.params} - function.given.keys()
    found: dict[str, set[str]] = {}
    for node in function.nodes if params and function.is_async else ():
        awaited = [node.expression] if isinstance(node, cst.Await) else []
        if isinstance(node, cst.With) and node.asynchronous is not None:
            awaited = [item.item for item in node.items]
        for each in awaited:
            method = each.func if isinstance(each, cst.Call) else None
            owner = method.value if isinstance(method, cst.Attribute) else None
            if isinstance(method, cst.Attribute) and isinstance(owner, cst.Name) and owner.value in params:
                found.setdefault(owner.value, set()).add(method.attr.value)
    return {name: frozenset(methods) for name, methods in found.items()}
