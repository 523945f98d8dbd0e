"""What is said of the holes of a query text: which ones there are, and what to write instead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lintdb.rules.query_holes import PlacedHole

_MOST_NAMED = 3
_OF_ARRAYS = {"pyformat_sequence": "%s", "pyformat_bound": "%s", "numeric_dollar": "$1"}
"""What marks a value in libraries of PostgreSQL: there, a list can be one."""


def listed(sources: Sequence[str]) -> str:
    """Return a subject with its verb: `a` is, `a` and `b` are."""
    if len(sources) == 1:
        return f"{sources[0]} is"
    if len(sources) > _MOST_NAMED:
        sources = [*sources[: _MOST_NAMED - 1], f"{len(sources) - _MOST_NAMED + 1} more"]
    *first, last = sources
    return f"{', '.join(first)} and {last} are"


def help_for(hole: PlacedHole, paramstyle: str) -> str | None:
    """Return the cure for a hole that takes several values, or in which none can be bound; None for the usual one."""
    if not hole.can_bind:
        return "no parameter can stand there: let the library quote the value, or compare it with what is allowed"
    if hole.place.value == "name":
        return "no name or part of a statement can be bound: let the library quote a name, or choose a fixed text"
    if not hole.is_list:
        return None
    mark = _OF_ARRAYS.get(paramstyle.lstrip("*")) if hole.is_compared else None
    other = f"; or compare with the whole list as one parameter: `= any({mark})`" if mark is not None else ""
    return f"write as many placeholders as there are values, and give the values as parameters{other}"
