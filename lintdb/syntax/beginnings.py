"""Tests of how a text begins: `query.lstrip().upper().startswith("INSERT")`, `line.startswith(("a", "b"))`."""

from __future__ import annotations

import functools
from typing import NamedTuple

import libcst as cst

from lintdb.syntax.names import FunctionInfo

_STRIPS = frozenset({"strip", "lstrip"})
_FOLDS = {"upper": str.upper, "lower": str.lower, "casefold": str.casefold}


class Beginning(NamedTuple):
    """What a test asks of a variable: whether its text, stripped and folded so, begins with one of several others."""

    name: str
    prefixes: tuple[str, ...]
    fold: str = ""
    is_stripped: bool = False

    def is_met(self, text: str, *, is_open: bool) -> bool | None:
        """Return the outcome for a text; None where that hangs on what follows it (*is_open*: more of it may)."""
        text = text.lstrip() if self.is_stripped else text
        text = _FOLDS[self.fold](text) if self.fold else text
        if any(text.startswith(each) for each in self.prefixes):
            return True
        return None if is_open and any(each.startswith(text) for each in self.prefixes) else False


def beginning_asked(call: cst.Call) -> Beginning | None:
    """Return what a call asks of how a variable's text begins; None for any other call."""
    method = call.func
    if not isinstance(method, cst.Attribute) or method.attr.value != "startswith" or len(call.args) != 1:
        return None
    prefixes = _texts(call.args[0].value)
    text, folds, is_stripped = method.value, list[str](), False
    while isinstance(text, cst.Call) and isinstance(text.func, cst.Attribute) and not text.args:
        change = text.func.attr.value
        if change in _STRIPS:
            is_stripped = True
        elif change in _FOLDS:
            folds.append(change)
        else:
            return None
        text = text.func.value
    if not prefixes or not isinstance(text, cst.Name) or len(folds) > 1 or call.args[0].star:
        return None
    return Beginning(text.value, prefixes, "".join(folds), is_stripped)


@functools.lru_cache(maxsize=1024)
def beginnings_asked(function: FunctionInfo) -> dict[str, int]:
    """Return the parameters of which a function asks how they begin, as they came in, and how much of them it asks."""
    found: dict[str, int] = {}
    for call in function.calls:
        asked = beginning_asked(call)
        if asked is not None:
            found[asked.name] = max(found.get(asked.name, 0), *map(len, asked.prefixes))
    params = {param.name.value for param in function.params} - function.given.keys()
    return {name: length for name, length in found.items() if name in params}


def _texts(node: cst.BaseExpression) -> tuple[str, ...]:
    """Return the texts that an expression spells out, one or several; none where it is anything else."""
    elements = [each.value for each in node.elements] if isinstance(node, cst.Tuple) else [node]
    texts = [each.evaluated_value for each in elements if isinstance(each, cst.SimpleString)]
    found = tuple(each for each in texts if isinstance(each, str))
    return found if len(found) == len(elements) else ()
