"""What a context manager is given to release after its block, and keeps open when something is raised in the block."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintdb.effects import Duty, Kind
from lintdb.finding import Confidence
from lintdb.flow.decorators import is_generator_manager
from lintdb.flow.results import Leak
from lintdb.flow.sites import UNHEARD_OF
from lintdb.flow.state import State
from lintdb.flow.values import Ref, Rid, Status

if TYPE_CHECKING:
    import libcst as cst

    from lintdb.flow.program import Program
    from lintdb.syntax.names import FunctionInfo

_RID: Rid = (("arg", 0), 0)


def lent_leaks(program: Program, info: FunctionInfo) -> Iterator[Leak]:
    """Yield the parameters of a context manager that it releases on every normal path, but not after every error.

    Any error of the block counts, whichever classes the handlers name: it is the code of others.
    """
    if not is_generator_manager(info):
        return
    for param in info.params:
        kind = _kind_of(param, program, info)
        if kind is None or kind.duty is not Duty.MUST or kind.duty_on_error is Duty.WEAK:
            continue
        start = State()
        start.env[param.name.value] = Ref(_RID)
        start.resources[_RID] = Status(kind.id, owed=False, autocommit=kind.autocommit, outlives=True)
        summary = program.summary(info, start, info.owner, owns_self=False)
        ends = [(end, dict(end.statuses).get(_RID)) for end in summary.outcomes] if summary is not None else []
        normal = {status.phase if status is not None else "" for end, status in ends if not end.is_raise}
        is_left = any(
            end.is_raise and end.yielded == "reached" and end.low < UNHEARD_OF
            for end, status in ends
            if status is not None and status.phase == "open"
        )
        if normal == {"released"} and is_left:
            yield Leak(
                node=param, kind=kind, name=param.name.value, on_error=True, is_ever_released=True, kept=False,
                confidence=Confidence.MEDIUM, path=(), is_given=True,
            )  # fmt: skip


def _kind_of(param: cst.Param, program: Program, info: FunctionInfo) -> Kind | None:
    """Return the kind of a parameter, by its annotation or by what the function does with it."""
    if param.star:
        return None
    found = program.types.type_of_parameter(param, info)
    found = found if found is not None else program.types.evidence.kinds(info).get(param.name.value)
    return program.knowledge.kind(found) if isinstance(found, str) else None
