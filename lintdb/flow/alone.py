"""Whether what a call makes is used by one function at a time, so that no other thread can have it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import libcst as cst

from lintdb.effects import Kind
from lintdb.flow.callings import calls_of
from lintdb.flow.fates import Fate, Fates
from lintdb.flow.program import Program
from lintdb.syntax.names import FunctionInfo

_MOST_LEVELS = 3
"""Functions that hand up what they have made, one to the other."""


class Made(NamedTuple):
    """What a call in a function makes."""

    node: cst.Call
    kind: Kind
    function: FunctionInfo


def is_used_alone(
    made: Made, program: Program, does_not_count: Callable[[str], bool], levels: int = _MOST_LEVELS
) -> bool:
    """Whether the function that makes something, or each one that has it made, uses it alone.

    What is put into an attribute, a container or a variable of the module, given to something unknown, or lent to
    others by one of its methods, others may have as well. Calls in files of which *does_not_count* says so do not
    matter.
    """
    function, kind = made.function, made.kind
    if function.is_module or function.is_generator:
        return False
    uses = Fates(program.workspace.program(function.index)).uses(made.node, kind, function)
    if any(use.fate in (Fate.KEPT, Fate.UNKNOWN) or use.is_lent for use in uses):
        return False
    handed_up = [use for use in uses if use.fate is Fate.RETURNED]
    if not handed_up:
        return True
    if not levels or any(use.index is not None or use.kind is None or use.kind.id != kind.id for use in handed_up):
        return False
    calls = calls_of(function, does_not_count)
    return bool(calls) and all(
        is_used_alone(Made(call, kind, caller), program, does_not_count, levels - 1) for caller, call in calls
    )
