"""What happens to a resource after its release: it is used, handed out, or released once more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import libcst as cst

from lintdb.effects import CallModel, Duty, Event, Kind, Raises
from lintdb.finding import Confidence
from lintdb.flow import ir
from lintdb.flow.exceptions import Match, match_handler, match_types
from lintdb.flow.results import Misuse
from lintdb.flow.sites import BYPASSED, EarlyUse
from lintdb.flow.state import State, Trace
from lintdb.flow.summaries import RESUMED, YIELDED
from lintdb.flow.unit_verdicts import UnitVerdicts
from lintdb.flow.values import Box, Data, Manager, Many, Raised, Ref, Rid, Table, Value
from lintdb.flow.verdicts import path_of
from lintdb.syntax.walk import walk

_DECISIONS = frozenset({"true", "false", "done", "caught", "swallowed", "raise", "reraise", "raises"})


class Ending(NamedTuple):
    """The release that ended a resource: where, of what (itself, or what it belonged to), under which clean-up.

    `is_sure`: nothing on the path had to be decided for it.
    """

    node: cst.CSTNode
    rid: Rid
    landing: int
    is_sure: bool


class _Deed(NamedTuple):
    """What is done to a resource: see `Misuse.what`; the method, with its model where it has one."""

    what: str
    node: cst.CSTNode
    method: str = ""
    model: CallModel | None = None
    is_low: bool = False


_READS_LATER = "__next__"
"""What is done to what a generator reads from that is handed out."""


class Misuses(UnitVerdicts):
    """Notes on each path what is done to resources that are released by then; turns it into results at the end."""

    def note_release(self, rid: Rid, node: cst.CSTNode, state: State) -> None:
        """Remember on the path where a resource was released."""
        state.note(node, "release", (rid, self.block.landing))

    def check_call(self, rid: Rid, model: CallModel, node: cst.CSTNode, method: str, state: State) -> None:
        """A method is called on a resource."""
        status = state.status(rid)
        if status is None:
            return
        if status.phase == "open":
            self.after.sound.add(id(node))
        kind = self.knowledge.kind(status.kind)
        if kind is None or not _is_use(kind, model):
            return
        if status.phase == "released":
            self._misused(rid, _Deed("use", node, method, model), state)
        else:
            self._note_late(rid, state)

    def _note_late(self, rid: Rid, state: State) -> None:
        """A callee that lends something goes on after its `yield`, and needs what it was given to be open still."""
        progress = state.env.get(YIELDED)
        if self.is_for_caller and progress is not None:
            known = (each for each in self._line(rid, state) if each in self.start.resources)
            self.after.late.update((each, progress != RESUMED) for each in known)

    def check_late(self, manager: Value | None, node: cst.CSTNode, state: State, *, is_raise: bool) -> None:
        """A block ends, and its manager goes on to use what it was given: is that open still?"""
        summary = self.summary_of(manager)
        for rid, is_on_error in summary.late_uses if summary is not None else ():
            status = state.status(rid)
            if status is not None and status.phase == "released" and is_on_error is is_raise:
                self._misused(rid, _Deed("exit", node), state)

    def check_argument(
        self, value: Value | None, model: CallModel, node: cst.CSTNode, method: str, state: State
    ) -> None:
        """A function works on an argument: it reads rows from it, or runs a query on it."""
        status = state.status(value.rid) if isinstance(value, Ref) else None
        kind = self.kind_of(status)
        if isinstance(value, Ref) and kind is not None and (model.sql is not None or not kind.iterable):
            self.check_call(value.rid, model, node, method, state)
        else:
            self.check_read(value, node, state)

    def rows_behind(self, value: Value | None, state: State) -> Value | None:
        """Return what reading a value reads: of a generator, or `enumerate(rows)`, the rows; else the value itself."""
        for item in value.items if isinstance(value, Many) and value.is_lazy else ():
            status = state.status(item.rid) if isinstance(item, Ref) else None
            kind = self.kind_of(status)
            if kind is not None and kind.iterable:
                return item
        return value

    def note_rows(self, node: cst.CSTNode, value: Value | None, state: State) -> None:
        """Remember a loop that goes through what a query has given; *node* is what it goes through."""
        held = value.items if isinstance(value, Many) and value.is_lazy else (value,)
        status = state.status(value.rid) if isinstance(value, Ref) else None
        kind = self.kind_of(status)
        if not self.is_for_caller and (
            (kind is not None and kind.iterable) or any(isinstance(each, Data) for each in held)
        ):
            self.values_seen.row_loops.setdefault(id(node), node)

    def check_read(self, value: Value | None, node: cst.CSTNode, state: State) -> None:
        """Something is read element by element: rows, or a generator that reads them."""
        items = value.items if isinstance(value, Many) and value.is_lazy else (value,)
        for item in items:
            status = state.status(item.rid) if isinstance(item, Ref) else None
            kind = self.kind_of(status)
            if not isinstance(item, Ref) or status is None or kind is None:
                continue
            if status.phase == "open":
                self.after.sound.add(id(node))
            elif status.phase == "released":
                self._misused(item.rid, _Deed("read", node), state)

    def check_handed_out(self, what: str, value: Value | None, node: cst.CSTNode, state: State) -> None:
        """A value is returned or yielded: whoever gets it means to use it.

        Of a callee that is a matter between it and its own findings: to this caller the value is what it is.
        """
        if self.is_for_caller:
            return
        items = value.items if isinstance(value, Many) else (value,)
        for item in items:
            status = state.status(item.rid) if isinstance(item, Ref) else None
            if isinstance(item, Ref) and status is not None and status.phase == "released":
                method = _READS_LATER if isinstance(value, Many) and value.is_lazy else ""
                self._misused(item.rid, _Deed(what, node, method), state)

    def check_returned(self, value: Value | None, state: State) -> None:
        """A function ends and returns a value."""
        trace = state.trace
        while trace is not None and trace[2] != "return":
            trace = trace[0]
        if trace is not None and isinstance(trace[1], cst.CSTNode):
            self.check_handed_out("return", value, trace[1], state)

    def check_block_end(self, rid: Rid, node: cst.CSTNode, state: State) -> None:
        """A `with` block on a resource ends with a call on it."""
        status = state.status(rid)
        kind = self.kind_of(status)
        if status is None or kind is None or kind.exit_after_release:
            return
        if status.phase == "released":
            self._misused(rid, _Deed("exit", node), state)
        else:
            self._note_late(rid, state)

    def check_released_again(self, rid: Rid, node: cst.CSTNode, method: str, state: State) -> None:
        """A resource is released: is it the second time, or too late?"""
        status = state.status(rid)
        if status is not None and status.phase == "released":
            self._misused(rid, _Deed("release", node, method), state)
        elif status is not None and status.phase == "open":
            self.after.sound.add(id(node))

    def check_owner(self, rid: Rid, owner: Value | None, node: cst.CSTNode, method: str, state: State) -> None:
        """A resource is given back: to where it came from?"""
        status = state.status(rid)
        if not isinstance(owner, Ref) or status is None or status.parent is None or status.parent == owner.rid:
            return
        places = {_place(status.parent), _place(owner.rid)}
        if len(places) != 1 or None in places or not isinstance(rid[0][0], int):
            return  # by different kinds of names the same thing may be meant; of others the owner is only guessed
        kind = self.knowledge.kind(status.kind)
        if kind is not None:
            self._record(Misuse(
                "foreign", node, kind, self._name_of_rid(rid), method,
                Confidence.LOW if state.low >= BYPASSED else Confidence.MEDIUM, path_of(state),
            ))  # fmt: skip

    def check_early(self, use: EarlyUse, node: cst.CSTNode, helper: str, state: State) -> None:
        """A callee uses what it is given, where it was released before the call."""
        status = state.status(use.rid)
        if status is not None and status.phase == "released":
            self._misused(
                use.rid, _Deed("helper" if use.what != "release" else "release", node, helper, is_low=use.is_low), state
            )

    def _misused(self, rid: Rid, deed: _Deed, state: State) -> None:
        """Something was done to a resource that is released on this path: is it wrong, and how sure is that?"""
        status = state.status(rid)
        kind = self.kind_of(status)
        if kind is None or self._stands_for_several(rid, state):
            return
        endings = self._endings(rid, state)
        if not endings:
            expected = self._is_expected(kind, self.cfg.raise_exit, state)
            is_early = self.is_for_caller and expected is not Match.ALWAYS
            is_early = is_early and not (deed.what == "release" and self._stays_inside(kind))
            line = self._line(rid, state) if is_early else ()
            if any(self._was_released_before(each) and not _is_allowed(deed, is_own=each == rid) for each in line):
                is_low = deed.is_low or state.low >= BYPASSED or expected is Match.MAYBE
                self.after.early[rid, id(deed.node)] = EarlyUse(rid, deed.what, is_low)
            return
        for ending in endings:
            ended = state.status(ending.rid) if ending.rid != rid else None
            owner = self.kind_of(ended)
            judged = _judge(deed, kind, owner)
            if judged is not None:
                break
        else:
            return
        expected = self._is_expected(kind, ending.landing, state)
        if expected is Match.ALWAYS:
            return
        if deed.is_low or state.low >= BYPASSED or expected is not Match.NEVER:
            judged = Confidence.LOW
        name = self._name_of_rid(rid)
        self._record(Misuse(
            deed.what, deed.node, kind, name, deed.method, judged, path_of(state), ending.node, owner,
            self._name_of_rid(ending.rid) if owner is not None else None, ending.is_sure,
        ))  # fmt: skip
        # One defect, one finding: what is made of it from here on is owed by nobody.
        for each in (ending.rid, rid):
            state.misuse(each)

    def _record(self, found: Misuse) -> None:
        key = (found.what, id(found.node))
        known = self.after.misuses.get(key)
        if known is None or found.confidence > known.confidence:
            self.after.misuses[key] = found

    def found_misuses(self) -> list[Misuse]:
        """Return what was noted; what some path does rightly is less sure, unless no path could avoid it."""
        return [
            replace(found, confidence=Confidence.MEDIUM)
            if found.confidence is Confidence.HIGH and id(found.node) in self.after.sound and not found.is_sure
            else found
            for found in self.after.misuses.values()
        ]

    def _name_of_rid(self, rid: Rid) -> str | None:
        site = self.sites.get(rid[0])
        return site.name if site is not None else None

    def _was_released_before(self, rid: Rid) -> bool:
        status = self.start.resources.get(rid)
        return status is not None and status.phase == "released"

    def _line(self, rid: Rid, state: State) -> Iterator[Rid]:
        """Yield a resource and what it goes with, as far as each goes with the next."""
        seen: set[Rid] = set()
        current: Rid | None = rid
        while current is not None and current not in seen:
            seen.add(current)
            yield current
            status = state.status(current)
            current = status.parent if status is not None and status.goes_with_parent else None

    def _endings(self, rid: Rid, state: State) -> list[Ending]:
        """Return the releases that ended a resource on this path: its own, and the last of what it goes with."""
        line = set(self._line(rid, state))
        trace: Trace | None = state.trace
        is_sure = True
        own: Ending | None = None
        other: Ending | None = None
        while trace is not None and not (trace[2] == "acquire" and trace[3] == rid[0]):
            earlier, node, what, data = trace
            if what == "release" and isinstance(data, tuple) and data[0] in line:
                found = Ending(node, data[0], data[1], is_sure and _is_unconditional(earlier))
                if data[0] == rid:
                    own = own or found
                else:
                    other = other or found
            is_sure = is_sure and what not in _DECISIONS
            trace = earlier
        return [each for each in (own, other) if each is not None]

    @staticmethod
    def _stands_for_several(rid: Rid, state: State) -> bool:
        """Whether a container holds it: what is taken out the next time may be another of the same place."""
        for value in state.env.values():
            is_loose = isinstance(value, Many) and not (value.is_sequence or value.is_lazy)
            is_container = isinstance(value, Table) or (isinstance(value, Box) and not value.is_stack)
            if (is_loose or is_container) and rid in state.refs(value):
                return True
        return False

    def _stays_inside(self, kind: Kind) -> bool:
        """Whether the function itself deals with the error in any case, and raises nothing in its place."""
        raised = Raised(self.knowledge.error_class(kind.driver), True)
        for landing in self.landings(self.block.landing):
            terminator = self.cfg.blocks[landing].terminator
            for handler in terminator.handlers if isinstance(terminator, ir.Dispatch) else ():
                match = match_handler(handler, raised, self.types)
                if match is Match.ALWAYS:
                    return not any(isinstance(each, cst.Raise) for each in walk(handler.node))
        return False

    def _is_expected(self, kind: Kind, since: int, state: State) -> Match:
        """Whether the error is waited for, by a block (surely) or a handler that was entered after the release.

        *since* is where errors went at the time of the release.
        """
        raised = Raised(self.knowledge.error_class(kind.driver))
        before = set(self.landings(since))
        for landing in self.landings(self.block.landing):
            if landing in before:
                break
            terminator = self.cfg.blocks[landing].terminator
            if isinstance(terminator, ir.ExitRaise):
                manager = state.env.get(terminator.slot)
                if isinstance(manager, Manager) and manager.what == "swallow":
                    return Match.ALWAYS
                types = manager.types if isinstance(manager, Manager) and manager.what == "suppress" else ()
                if match_types(types, raised, self.types) is not Match.NEVER:
                    return Match.ALWAYS
            elif isinstance(terminator, ir.Dispatch):
                for handler in terminator.handlers:
                    is_caught = match_handler(handler, raised, self.types) is not Match.NEVER
                    if is_caught and (not handler.catches_all or _does_nothing(handler.node)):
                        return Match.MAYBE
        return Match.NEVER


def _is_allowed(deed: _Deed, *, is_own: bool) -> bool:
    """Whether a library says of a method that it works after the release of its object, or else of the parent."""
    model = deed.model
    return model is not None and (model.after_release if is_own else model.after_parent)


def _judge(deed: _Deed, kind: Kind, owner: Kind | None) -> Confidence | None:
    """How sure it is that a deed is wrong; None where it is fine. *owner* is what took the resource along, if any."""
    if deed.what == "release":
        if owner is None:
            return None if kind.idempotent_release else Confidence.HIGH
        return Confidence.HIGH if kind.release_needs_parent and not owner.lives_on else None
    is_handed_out = deed.what in ("return", "yield")
    takes_rows = is_handed_out or deed.what == "read" or (deed.model is not None and _only_reads(deed.model))
    if owner is None:
        is_fine = kind.reusable or _is_allowed(deed, is_own=True)
        return None if is_fine or (takes_rows and kind.rows_after_release) else Confidence.HIGH
    is_fine = kind.survives_parent or _is_allowed(deed, is_own=False)
    if is_fine or (takes_rows and kind.rows_after_parent):
        return None
    if owner.reusable or (owner.lives_on and takes_rows and kind.duty is not Duty.MUST):
        return Confidence.LOW  # what it has read already is often at hand still
    return Confidence.MEDIUM if is_handed_out or deed.what == "helper" else Confidence.HIGH


def _is_use(kind: Kind, model: CallModel) -> bool:
    """Whether a call needs its receiver to be open."""
    if model.releases is not None or model.opens:
        return False
    if model.acquires is not None or model.sql is not None or model.event is not None or kind.lives_on:
        return True
    return model.raises is not Raises.NEVER


def _only_reads(model: CallModel) -> bool:
    return model.event is Event.READ and model.sql is None


def _place(rid: Rid) -> str | None:
    """What kind of name a resource goes by: two of a kind that differ are two resources."""
    first = rid[0][0]
    if isinstance(first, int):
        return "call"
    return first if first in ("self", "global", "field", "param") else None


def _is_unconditional(trace: Trace | None) -> bool:
    """Whether nothing was decided since the round of the loop began, or the function did."""
    while trace is not None and trace[2] != "next":
        if trace[2] in _DECISIONS:
            return False
        trace = trace[0]
    return True


def _does_nothing(handler: cst.CSTNode) -> bool:
    """Whether a handler only swallows: `except Exception: pass`."""
    if not isinstance(handler, (cst.ExceptHandler, cst.ExceptStarHandler)):
        return False
    statements = list(handler.body.body)
    small = [each for line in statements if isinstance(line, cst.SimpleStatementLine) for each in line.body]
    if len(small) < len(statements):
        small = [each for each in statements if isinstance(each, cst.BaseSmallStatement)]
    return all(
        isinstance(each, (cst.Pass, cst.Continue))
        or (isinstance(each, cst.Expr) and isinstance(each.value, cst.Ellipsis))
        for each in small
    ) and bool(small)
