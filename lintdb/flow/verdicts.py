"""What paths leave behind: leaks, lost work, failed units of work, coroutines that never ran."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

import libcst as cst

from lintdb.effects import Duty, Event, Kind
from lintdb.finding import Confidence
from lintdb.flow import ir
from lintdb.flow.decorators import ends_with_process
from lintdb.flow.evaluate import Values
from lintdb.flow.overwritten import holds_alone, is_left_alone
from lintdb.flow.results import Leak, LostWork, Overwritten, PathStep, Unawaited
from lintdb.flow.sites import BYPASSED, COROUTINE, REPLACED, REPLACED_IN_USE, UNHEARD_OF, UNLIKELY, Exit, Lost
from lintdb.flow.state import State
from lintdb.flow.stdlib import ALWAYS_RAISES, ENDS_PROCESS, FAILING_METHODS
from lintdb.flow.summaries import BEFORE, RESUMED, YIELDED
from lintdb.flow.values import (
    NONE,
    Part,
    Ref,
    Rid,
    SiteKey,
    Status,
    Value,
)
from lintdb.syntax.ancestry import Ancestry
from lintdb.syntax.names import FunctionInfo
from lintdb.syntax.nodes import last_name

_Key = TypeVar("_Key", str, FunctionInfo)
_LEAVES = (cst.Return, cst.Continue, cst.Break)
_MEANS_NO_COMMIT = re.compile(r"dry|commit|simulat|pretend|preview|rollback|no_?op", re.IGNORECASE)


LeakKey = tuple[int, str, str | None]
"""What tells one leak of a function from another: the call that opens, the kind, and the name that holds it."""


class Verdicts(Values):
    """Collects, path by path, what is not settled, and turns it into results at the end."""

    def account_for(self, value: Value | None, state: State, *, is_release: bool = False) -> None:
        """The value is released, or given to someone who may do it: its attribute of the object is looked after."""
        attributes = self.attributes.released if is_release else self.attributes.given
        for rid in state.refs(value):
            if rid in self.kept_as:
                attributes.add(self.kept_as[rid])
            elif rid[0][0] == "self":
                attributes.add(str(rid[0][1]))

    @property
    def handled_attributes(self) -> set[str]:
        """Attributes of the object whose value is released for good, or given to someone who may do it."""
        return self.attributes.given | (self.attributes.released - self.attributes.reopened)

    def note_refilled(self, state: State) -> None:
        """A path ends: the attributes that hold, on all of them, something open that was put there on the way."""
        refilled = {
            attribute
            for rid, attribute in self.kept_as.items()
            if state.env.get(f"self.{attribute}") == Ref(rid)
            and ((status := state.status(rid)) is None or status.phase != "released")
        }
        known = self.attributes.refilled
        self.attributes.refilled = refilled if known is None else refilled & known

    def note_overwritten(self, op: ir.StoreAttributeOp, value: Ref, state: State) -> None:
        """`self.attribute = value`: does it hold something open that the method itself has put there?"""
        owner = self.owner_class()
        if self.is_for_caller or op.in_cleanup or owner is None:
            return
        name = f"self.{op.attribute}"
        old = state.env.get(name)
        status = state.status(old.rid) if isinstance(old, Ref) else None
        is_open = (
            isinstance(old, Ref)
            and status is not None
            and status.phase in ("open", "gone")
            and isinstance(old.rid[0][0], int)
            and old.rid[0] != value.rid[0]
            and not any(step.catches for step in path_of(state))
        )
        self.attributes.arrivals.setdefault(id(op.node), set()).add(is_open)
        if not is_open or not isinstance(old, Ref) or not holds_alone(name, old, state):
            return
        between = self.sites[old.rid[0]].node, op.node
        if is_left_alone(op.attribute, self.function, between, owner, self.program.classes.reach):
            self.attributes.overwritten.setdefault(old.rid[0], (op.attribute, op.node))

    def overwritten(self) -> Iterator[Overwritten]:
        """Yield what the function opens for attributes, and replaces there while it is open."""
        for site, (attribute, by) in self.attributes.overwritten.items():
            opened = self.sites.get(site)
            kind = self.knowledge.kind(opened.kind) if opened is not None else None
            if opened is not None and kind is not None and kind.duty is Duty.MUST:
                is_sure = self.attributes.arrivals[id(by)] == {True} or site not in self.attributes.survivors
                yield Overwritten(attribute, kind, opened.node, by, is_sure)

    def _note_survivors(self, state: State) -> None:
        """A path ends: which attributes hold what the function has put there first?"""
        for rid, attribute in self.kept_as.items():
            if state.env.get(f"self.{attribute}") == Ref(rid):
                self.attributes.survivors.add(rid[0])

    def note_replaced(self, attribute: str, before: Status | None, node: cst.CSTNode, state: State) -> None:
        """An attribute gets something that is opened here, or by what is called here, and may hold something open.

        Whether that stays open is seen at the end: `old = self.conn; self.conn = connect(); old.close()`.
        """
        self.replacing.setdefault(attribute, node)
        is_in_use = before is not None and before.is_there
        for prefix in (REPLACED, REPLACED_IN_USE) if is_in_use else (REPLACED,):
            state.set_name(prefix + attribute, Ref((("self", attribute), 0)))

    def note_replaced_by(self, op: ir.CallOp, replaced: frozenset[str], before: State, state: State) -> None:
        """A method of the same object is called that may replace something open in the attributes *replaced*."""
        for attribute in sorted(replaced):
            status = before.status((("self", attribute), 0))
            is_empty = before.env.get(f"self.{attribute}") == NONE
            if not is_empty and (status is None or status.phase == "open"):
                self.note_replaced(attribute, status, op.node, state)

    def _note_replaced(self, state: State) -> None:
        """A path ends: which attributes held something else before that is open still, as far as the path knows?"""
        if state.low >= UNLIKELY:
            return  # what should have released it has failed
        found = (REPLACED, self.attributes.replaced), (REPLACED_IN_USE, self.attributes.replaced_in_use)
        for attribute, node in self.replacing.items():
            for prefix, replaced in found:
                old = state.env.get(prefix + attribute)
                status = state.status(old.rid) if isinstance(old, Ref) else None
                if isinstance(old, Ref) and (status is None or status.phase == "open"):
                    replaced.setdefault(attribute, node)

    def check_exit(self, state: State, *, is_raise: bool) -> None:
        """Collect what a path that has ended leaves open."""
        self._note_replaced(state)
        if not is_raise:
            self._note_survivors(state)
        for rid, status in state.resources.items():
            if status.phase == "open" and status.owed and status.used and not self.is_covered(status, state):
                self.lost.append(Lost(rid, status, state))
            if status.pending >= 0 and status.phase != "gone" and not is_raise:
                self._check_pending(rid, status, state)

    def _check_pending(self, rid: Rid, status: Status, state: State) -> None:
        """A path ends, and a write is not committed: it is lost, or somebody else has to do that."""
        attributes, name = self.attributes, str(rid[0][1])
        if status.owed:
            self.lose_work(rid, status, state, None)
        elif rid[0][0] == "self":
            _keep(attributes.left_work, name, self._left_work(status, state, f"self.{name}"))
        elif rid[0][0] == "global" and rid[0][2:] == (self.index.name.number,):
            _keep(attributes.left_globals, name, self._left_work(status, state, name))
        elif rid[0][0] == "given" and (giver := self.sites[rid[0]].giver) is not None:
            _keep(attributes.left_given, giver, self._left_work(status, state, self.sites[rid[0]].name))
        elif (scoped := self._name_of_scoped(rid, status)) is not None:
            _keep(attributes.left_scoped, scoped, self._left_work(status, state, scoped))
        elif rid[0][0] == "param" and not self.is_for_caller:
            generator = self.program.dropping(self.function, name)
            if generator is not None and not self._hands_ending_on(status):
                self.lose_work(rid, status, state, None, dropped_by=generator.name)

    def _name_of_scoped(self, rid: Rid, status: Status) -> str | None:
        """Return the name of what a framework ends, and drops the work of, with the scope that it belongs to."""
        kind = self.knowledge.kind(status.kind)
        root = rid[0][0][0] if isinstance(rid[0][0], tuple) else ()
        is_dropped = kind is not None and kind.is_scoped and bool(kind.scope_blocks) and not kind.scope_end
        return f"{root[1]}.{rid[0][1]}" if is_dropped and isinstance(root, tuple) and root[:1] == ("global",) else None

    def _hands_ending_on(self, status: Status) -> bool:
        """Whether the function names what makes work permanent without calling it, as in `callback(db.commit)`."""
        kind = self.knowledge.kind(status.kind)
        models = kind.methods.items() if kind is not None else ()
        names = {name for name, found in models if any(model.event is Event.COMMIT for model in found)}
        nodes = list(self.function.nodes)
        called = {id(node.func) for node in nodes if isinstance(node, cst.Call)}
        return any(
            isinstance(node, cst.Attribute) and node.attr.value in names and id(node) not in called for node in nodes
        )

    def _left_work(self, status: Status, state: State, name: str | None) -> LostWork | None:
        """A function ends with uncommitted work on what its object, or the module, keeps: another one has to commit it.

        None where that may be meant. *name* is what messages call it.
        """
        kind = self.knowledge.kind(status.kind)
        op = self.operations.get(status.pending)
        if kind is None or op is None or not status.in_unit or status.raised or is_unlikely(status, state):
            return None
        if state.raised is not None or _is_given_up(state) or is_by_choice(path_of(state)):
            return None
        return LostWork(op.node, kind, name, None, False, Confidence.MEDIUM, path_of(state))

    def check_overwritten(self, state: State, *, is_end: bool) -> None:
        """Report earlier acquisitions of a loop that no variable holds any more; *is_end*: as the function ends."""
        if not self.has_older:
            return
        older = [rid for rid, s in state.resources.items() if rid[1] == 1 and s.phase == "open" and s.owed]
        if not older:
            return
        reached = state.reached()
        for rid in older:
            status = state.status(rid)
            if status is None or rid in reached or self.may_be_covered(status, state):
                continue
            if status.used and not self.is_covered(status, state):
                self.lost.append(Lost(rid, status, state.copy(), is_overwritten=not is_end))
            state.drop(rid)

    @staticmethod
    def may_be_covered(status: Status, state: State) -> bool:
        """Whether the parent is one that came from outside: it may yet be released here."""
        parent = state.status(status.parent) if status.parent is not None else None
        return parent is not None and parent.phase == "open" and not parent.owed

    def is_covered(self, status: Status, state: State) -> bool:
        """Whether the parent settles the matter: it is released, leaks itself (and is reported), or is away."""
        if status.parent is None:
            return False
        parent = state.status(status.parent)
        if parent is None:
            return False
        if not status.goes_with_parent:
            return False
        if parent.phase == "open" and not parent.owed:
            return False
        return parent.phase != "gone" or not parent.outlives

    def lose_work(
        self,
        rid: Rid,
        status: Status,
        state: State,
        ended_at: cst.CSTNode | None,
        *,
        by_with: bool = False,
        dropped_by: str = "",
    ) -> None:
        """A resource with uncommitted work was released or left on this path, or *dropped_by* ends it afterwards."""
        if status.raised or not status.in_unit:
            return
        if status.shared and not self.is_manager and not self.is_fixture:
            return  # the consumer of the generator may work on it, too
        is_raised = state.raised is not None or any(slot.startswith("$held") for slot in state.kept)
        if is_raised and not _is_raised_again(state):
            # An exception is on its way out: dropping the work is what rolling back means.
            return
        if _is_given_up(state) or (ended_at is not None and self._fails_behind(ended_at)):
            return
        kind = self.knowledge.kind(status.kind)
        op = self.operations.get(status.pending)
        site = self.sites.get(rid[0])
        if kind is None or op is None or self._is_commit_forgotten(rid, state):
            return
        confidence = Confidence.MEDIUM if dropped_by else Confidence.HIGH
        if is_unlikely(status, state):
            confidence = Confidence.LOW
        name = site.name if site else None
        work = LostWork(op.node, kind, name, ended_at, by_with, confidence, path_of(state), dropped_by=dropped_by)
        self.lost_work.setdefault(rid[0], []).append((status.pending, work))

    def _fails_behind(self, node: cst.CSTNode) -> bool:
        """Whether the block that a release stands in ends with an error: the work is dropped, as rolling back would."""
        held: list[cst.CSTNode] = [node]
        for outer in Ancestry(self.function.node).ancestors(node):
            if isinstance(outer, (cst.IndentedBlock, cst.Module)):
                break
            held.append(outer)
        else:
            return False
        behind = outer.body[next(number for number, each in enumerate(outer.body) if each is held[-1]) :]
        lines = [each for each in behind if isinstance(each, cst.SimpleStatementLine)]
        statements = [each for line in lines for each in line.body]
        if len(lines) < len(behind) or any(isinstance(each, _LEAVES) for each in statements):
            return False  # it may go another way
        statement = statements[-1]
        if isinstance(statement, cst.Raise):
            return True
        call = statement.value if isinstance(statement, cst.Expr) else None
        if not isinstance(call, cst.Call):
            return False
        dotted = self.index.dotted(call.func, self.function)
        if dotted in ENDS_PROCESS:
            return bool(call.args) and _means_failure(call.args[0].value)
        return dotted in ALWAYS_RAISES or last_name(call.func) in FAILING_METHODS

    def _is_commit_forgotten(self, rid: Rid, state: State) -> bool:
        """Whether a coroutine that would make the work permanent is not awaited: a defect of its own."""
        for (site, _), status in state.resources.items():
            if status.kind != COROUTINE or status.phase != "open" or not isinstance(site[1], int):
                continue
            call = self.calls.get(site[1])
            if call is not None and call.model.event is Event.COMMIT and call.root == rid[0]:
                return True
        return False

    def works(self) -> list[LostWork]:
        """Return the writes that are lost, one for each resource."""
        best: dict[int, LostWork] = {}
        for site, losses in self.lost_work.items():
            # One missing commit is one finding: at the first write that it loses, on the likeliest path.
            sure = [(number, self._weighed(site, work)) for number, work in losses]
            found = min(sure, key=lambda each: (-each[1].confidence, each[0]))[1]
            known = best.get(id(found.node))
            if known is None or found.confidence > known.confidence:
                best[id(found.node)] = found
        return list(best.values())

    def _weighed(self, site: SiteKey, work: LostWork) -> LostWork:
        """Return the loss, at low confidence where a path that keeps the work tells that this one is meant, or rare."""
        if site not in self.commits:
            return work
        is_meant = is_by_choice(work.path) or self._skips_its_loop(work.path)
        return replace(work, is_kept_elsewhere=True, confidence=Confidence.LOW if is_meant else work.confidence)

    def doubt_spared_work(self, end: Exit) -> None:
        """Make it unlikely for callers that their work is left, where the loop that would keep it is never entered."""
        path: tuple[PathStep, ...] | None = None
        for rid, status in end.state.resources.items():
            if status.pending == BEFORE and rid[0] in self.commits:
                path = path_of(end.state) if path is None else path
                if self._skips_its_loop(path):
                    end.state.resources[rid] = status._replace(low=max(status.low, BYPASSED))

    def _skips_its_loop(self, path: Sequence[PathStep]) -> bool:
        """Whether the path never enters the loop that makes the work permanent: rare in life, not in paths."""
        written = max((number for number, step in enumerate(path) if step.what == "write"), default=-1)
        later = path[written + 1 :]
        entered = {id(step.node) for step in path if step.what == "next"}
        return any(step.what == "done" and id(step.node) in self.keeping_loops - entered for step in later)

    def leaks(self) -> list[Leak]:
        """Return one leak per acquire site: of its lossy paths the surest, and a normal one before one by error."""
        # A `finally` block is followed once for each way into it, so one call can be several sites.
        best: dict[LeakKey, tuple[tuple[bool, int, tuple[bool, bool], int, int], Leak]] = {}
        of_object: dict[tuple[Part, str], set[LeakKey]] = {}
        forgotten = {lost.rid[0] for lost in self.lost if lost.status.kind == COROUTINE and not lost.status.raised}
        meant = {
            site: self.sites[coroutine].node
            for coroutine in forgotten
            for site in self.meant_releases.get(coroutine, ())
        }
        for lost in self.lost:
            rid, status, state = lost.rid, lost.status, lost.state
            site = self.sites.get(rid[0])
            kind = self.knowledge.kind(status.kind)
            if site is None or kind is None or status.kind == COROUTINE:
                continue
            if status.shared and not self.is_manager and not self.is_fixture and rid[0] not in self.released_sites:
                continue
            if kind.duty is Duty.WEAK and is_unlikely(status, state):
                continue
            if status.raised and rid[0] in self.objects.without_release:
                continue
            confidence = self._confidence(status, state, kind, rid[0])
            path = path_of(state)
            if lost.is_covered:
                confidence = Confidence.MEDIUM
            owner = state.status(status.parent) if status.parent is not None else None
            holder = self.objects.holders.get(rid[0])
            leak = Leak(
                node=site.node, kind=kind, name=site.name, on_error=status.raised,
                is_ever_released=rid[0] in self.released_sites or rid[0] in self.covered_sites, kept=status.kept,
                confidence=confidence, path=path, maker=site.maker, is_covered=lost.is_covered,
                is_overwritten=lost.is_overwritten, unawaited=meant.get(rid[0]),
                released_at=self.release_nodes.get(rid[0]),
                uncalled=next((step.node for step in path if step.what == "named" and step.data == rid), None),
                has_no_release=rid[0] in self.objects.without_release,
                owner=self.knowledge.kind(owner.kind) if owner is not None else None,
                owner_name=self._name_at(status.parent),
                holder=holder[0].owner if holder is not None else None,
                giver=self.objects.givers.get(rid[0]),
            )  # fmt: skip
            # A leak of its own speaks before one that only strict rules mind; then the surest, and a normal path.
            by_error = (status.raised, leak.leaves_by_error)
            rank = (lost.is_covered, -int(confidence), by_error, status.low, len(path))
            key = (id(site.node), status.kind, site.name)
            if key not in best or rank < best[key][0]:
                best[key] = (rank, leak)
            if holder is not None and not status.raised and not leak.is_ever_released:
                # An object that is never closed is told of where it was made, not at each method that opens again.
                of_object.setdefault((holder[0].part, holder[1]), set()).add(key)
        for keys in of_object.values():
            if any(name is not None for _, _, name in keys):
                for key in (each for each in keys if each[2] is None):
                    best.pop(key, None)
        return [leak for _, leak in best.values()]

    def returned(self) -> Iterator[Leak]:
        """Yield what the function opens itself and returns, once for each place where it does."""
        seen: set[int] = set()
        for end in self.exits:
            rid = end.value.rid if isinstance(end.value, Ref) and not end.is_raise else None
            status = end.state.status(rid) if rid is not None else None
            site = self.sites.get(rid[0]) if rid is not None else None
            kind = self.kind_of(status)
            if site is None or status is None or kind is None or id(site.node) in seen:
                continue
            if status.phase == "open" and status.owed and not is_unlikely(status, end.state):
                seen.add(id(site.node))
                yield Leak(
                    node=site.node, kind=kind, name=site.name, on_error=False, is_ever_released=False, kept=status.kept,
                    confidence=Confidence.MEDIUM, path=path_of(end.state), maker=site.maker,
                )  # fmt: skip

    def _name_at(self, rid: Rid | None) -> str | None:
        site = self.sites.get(rid[0]) if rid is not None else None
        return site.name if site is not None else None

    def _confidence(self, status: Status, state: State, kind: Kind, site: SiteKey) -> Confidence:
        duty = kind.duty_on_error if status.raised and kind.duty_on_error is not None else kind.duty
        is_unsure = site in self.unsure.sites or id(self.sites[site].node) in self.unsure.calls
        if is_unlikely(status, state) or duty is Duty.WEAK or is_unsure:
            return Confidence.LOW
        if status.raised and not kind.keeps_process and self._ends_at_once(state):
            return Confidence.LOW
        if status.raised or self.sites[site].maker is not None:
            return Confidence.MEDIUM
        return Confidence.HIGH

    def _ends_at_once(self, state: State) -> bool:
        """Whether the process ends after an error: with a command, or with the start of an application that fails.

        A handler of that may go on.
        """
        if ends_with_process(self.function):
            return True
        return self.program.frameworks.is_start_up(self.function) and last_handler(path_of(state)) is None

    def unawaited(self) -> list[Unawaited]:
        """Return coroutine calls that a path without errors leaves un-awaited, as one where they start together."""
        found: dict[SiteKey, Unawaited] = {}
        started: dict[int, Unawaited] = {}
        for lost in self.lost:
            rid, status = lost.rid, lost.status
            site = self.sites.get(rid[0])
            if site is None or status.kind != COROUTINE or status.raised:
                continue
            index = rid[0][1]
            call = self.calls.get(index) if isinstance(index, int) else None
            kind = self.knowledge.kind(call.receiver) if call is not None and call.receiver else None
            by = self.values_seen.started_by.get(rid[0])
            if by is None:
                found[rid[0]] = Unawaited(site.node, kind)
                continue
            nodes = started[id(by)].started if id(by) in started else ()
            if site.node not in nodes:
                started[id(by)] = Unawaited(by, kind, started=(*nodes, site.node))
        return [*found.values(), *started.values(), *self.values_seen.unready.values()]

    def drops_yielded_work(self) -> bool:
        """Whether a generator releases what it yields without a commit, and nobody else can have made one."""
        given = {site for site in self.yielded if site in self.sites and id(self.sites[site].node) in self.handed_on}
        is_dropped = self.yielded.keys() <= self.released_sites - self.commits
        return not given and is_dropped and set(self.yielded.values()) == {False}

    def ends_yielded(self, *, on_error: bool = False) -> bool:
        """Whether what a generator yields is released on every normal path, or on each that an error there takes."""
        if not self.yielded or not self.yielded.keys() <= self.released_sites:
            return False
        ends = [
            end.state
            for end in self.exits
            if end.is_raise is on_error and not (on_error and end.state.env.get(YIELDED) in (None, RESUMED))
        ]
        return all(
            status is None or status.phase == "released"
            for state in ends
            for status in (state.status((site, 0)) for site in self.yielded)
        )


def _keep(found: dict[_Key, LostWork], key: _Key, work: LostWork | None) -> None:
    """Remember the first write that is left under a key."""
    if work is not None:
        found.setdefault(key, work)


def _means_failure(status: cst.BaseExpression) -> bool:
    """Whether a process that ends with a status surely says that it has failed: with a number, or a message."""
    if isinstance(status, (cst.SimpleString, cst.FormattedString, cst.ConcatenatedString)):
        return True
    return isinstance(status, cst.Integer) and status.evaluated_value != 0


def _is_given_up(state: State) -> bool:
    """Whether a handler that is under way was entered after the last write: it drops what went before."""
    if not any(slot.startswith("$exc") for slot in state.kept):
        return False
    trace = state.trace
    while trace is not None and trace[2] not in ("caught", "write"):
        trace = trace[0]
    return trace is not None and trace[2] == "caught"


def _is_raised_again(state: State) -> bool:
    """Whether the last write stands in a handler, which raises again what it was written about."""
    is_again = False
    trace = state.trace
    while trace is not None and trace[2] not in ("write", "raise", "raises", "refused"):
        is_again = is_again or (trace[2] == "reraise" and isinstance(trace[1], cst.Raise))
        trace = trace[0]
    return is_again and trace is not None and trace[2] == "write"


def is_unlikely(status: Status, state: State) -> bool:
    """Whether what became of a resource on a path rests on something that hardly happens."""
    return status.low >= BYPASSED or state.low >= UNHEARD_OF


def is_by_choice(path: Sequence[PathStep]) -> bool:
    """Whether a flag of such a name decides, after the last write, that it is not kept: `if not dry_run: …`."""
    for step in reversed(path):
        if step.what == "write":
            return False
        if step.what in ("true", "false"):
            name = step.node.attr if isinstance(step.node, cst.Attribute) else step.node
            if isinstance(name, cst.Name) and _MEANS_NO_COMMIT.search(name.value):
                return True
    return False


def last_handler(path: Sequence[PathStep]) -> cst.CSTNode | None:
    """Return what caught the last error of a path; None where it goes on."""
    last = next((step for step in reversed(path) if step.is_of_error), None)
    return last.node if last is not None and last.catches else None


def path_of(state: State) -> tuple[PathStep, ...]:
    """Return the steps of a path, oldest first."""
    steps: list[PathStep] = []
    trace = state.trace
    while trace is not None:
        trace, node, what, data = trace
        steps.append(PathStep(node, what, data))
    steps.reverse()
    return tuple(steps)
