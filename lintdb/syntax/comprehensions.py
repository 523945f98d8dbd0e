"""Which comprehension a name belongs to: each has its own variables, whatever the function around it calls its own."""

from __future__ import annotations

import functools

import libcst as cst

from lintdb.syntax.ancestry import COMPREHENSIONS, Ancestry
from lintdb.syntax.names import FunctionInfo
from lintdb.syntax.walk import walk


def loop_of(name: cst.Name, function: FunctionInfo) -> cst.CompFor | None:
    """Return the `for` of the innermost comprehension that gives a name its value where it stands; None for no such.

    What the first `for` goes through is evaluated outside: the last `kind` of `[kind for kind in kind]` is another.
    """
    if name.value not in _targets(function.node):
        return None
    way: list[cst.CSTNode] = [name]
    for outer in _around(function.node).ancestors(name):
        if isinstance(outer, COMPREHENSIONS):
            is_outside = way[-1] is outer.for_in and way[-2:-1] == [outer.for_in.iter]
            found = None if is_outside else _loop_that_binds(name.value, outer)
            if found is not None:
                return found
        way.append(outer)
    return None


def _loop_that_binds(name: str, comprehension: cst.BaseComp) -> cst.CompFor | None:
    """The last one counts: `[x for x in rows for x in x]`."""
    found: cst.CompFor | None = None
    part: cst.CompFor | None = comprehension.for_in
    while part is not None:
        found = part if name in _names_of(part) else found
        part = part.inner_for_in
    return found


def _names_of(loop: cst.CompFor) -> set[str]:
    return {node.value for node in (loop.target, *walk(loop.target)) if isinstance(node, cst.Name)}


@functools.lru_cache(maxsize=64)
def _targets(code: cst.CSTNode) -> frozenset[str]:
    return frozenset(name for node in walk(code) if isinstance(node, cst.CompFor) for name in _names_of(node))


@functools.lru_cache(maxsize=16)
def _around(code: cst.CSTNode) -> Ancestry:
    return Ancestry(code)
