"""What paths do to units of work that went wrong: swallowed errors, commits on the way out, units that nobody ends."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

import libcst as cst

from lintdb.effects import AfterError, Event, Kind, Raises
from lintdb.finding import Confidence
from lintdb.flow import ir
from lintdb.flow.blind_exits import is_blind
from lintdb.flow.decorators import ends_with_process
from lintdb.flow.flags import chooses_by_itself
from lintdb.flow.results import ErrorCommit, FailedUnit, PathStep, SwallowedError, UnfinishedUnit
from lintdb.flow.retries import goes_on_with
from lintdb.flow.sites import UNLIKELY, Exit
from lintdb.flow.state import State
from lintdb.flow.summaries import BEFORE, SPARED_BEFORE, WORKS
from lintdb.flow.values import IN_BLOCK, Rid, SiteKey, Status
from lintdb.flow.verdicts import Verdicts, is_by_choice, is_unlikely, last_handler, path_of
from lintdb.syntax.ancestry import Ancestry
from lintdb.syntax.names import ClassInfo, FunctionInfo
from lintdb.syntax.walk import walk

_LEAVES = (cst.Break, cst.Return, cst.Raise)


class UnitVerdicts(Verdicts):
    """Collects, path by path, what becomes of units of work after an error, and turns it into results at the end."""

    def means_failure(self, types: Sequence[str | None]) -> bool:
        """Whether catching these classes (none: all) means that a unit of work may be broken."""
        return not types or any(
            name in ("Exception", "BaseException") or (name is not None and self.knowledge.breaks_units(name))
            for name in types
        )

    def after_error(self, status: Status, kind: Kind) -> AfterError:
        """Return what the failed call did to the unit of work."""
        return self.units.failures.get(status.failed, kind.after_error)

    def judge_commit(self, rid: Rid, status: Status, op: ir.CallOp | None, state: State) -> None:
        """Work is made permanent on this path; look at what went wrong before. *op* is None at the end of a block."""
        if op is not None:
            self.judge_commit_at_exit(rid, status, op, state)
        if op is not None and op.in_cleanup:
            self._judge_commit_on_error(rid, status, op, state)
        elif status.failed >= 0 or status.failed == WORKS:
            self.judge_use(rid, status, op.node if op is not None else None, state, is_end=True)

    def judge_commit_at_exit(self, rid: Rid, status: Status, op: ir.CallOp, state: State) -> None:
        """Work is made permanent by the end of an object's block, or by a method of it that this calls."""
        if rid[0][0] != "self" or not status.in_unit or self.is_for_caller:
            return
        kind = self.knowledge.kind(status.kind)
        if kind is not None and is_blind(op.node, str(rid[0][1]), self.function):
            self._note_commit_of_block(rid, kind, self.function.node, op, state)

    def judge_use(
        self,
        rid: Rid,
        status: Status,
        used_at: cst.CSTNode | None,
        state: State,
        *,
        is_end: bool = False,
        is_open: bool = False,
    ) -> None:
        """A path goes on with a unit of work after a call in it failed, and nothing rolled back; *is_end*: it ends.

        *is_open*: whatever the call has left, it matters that the unit is open.
        """
        kind = self.knowledge.kind(status.kind)
        failed = self.operations.get(status.failed)
        if kind is None or state.raised is not None or _is_held(state):
            return
        if status.failed in (BEFORE, WORKS) and kind.after_error is not AfterError.CONTINUES:
            # The caller knows which call it was, and whether it has kept the error to itself.
            if not is_unlikely(status, state):
                is_idle = status.pending in (-1, BEFORE) and rid[0] not in self.units.statements
                self.units.went_on.add((rid, is_end and is_idle))
            return
        if failed is None:
            return
        if self.after_error(status, kind) is AfterError.CONTINUES and not is_open and not self._is_half(status):
            # The statement alone is undone: to go on without it may well be meant.
            return
        handler, _ = _swallowing(state, failed.node)
        node = handler if handler is not None else failed.node
        confidence = Confidence.LOW if is_unlikely(status, state) else Confidence.MEDIUM
        is_unwritten = is_end and status.pending == -1
        is_alone = is_unwritten and self._is_first_statement(rid, status.failed)
        known = self.units.swallowed.get(id(node))
        if known is None or (known.is_alone, known.is_unwritten, -known.confidence) > (
            is_alone, is_unwritten, -confidence,
        ):  # fmt: skip
            site = self.sites.get(rid[0])
            self.units.swallowed[id(node)] = SwallowedError(
                node, failed.node, kind, site.name if site else None, rid[0], used_at, False, confidence,
                path_of(state), is_alone, is_unwritten,
            )  # fmt: skip

    def _is_first_statement(self, rid: Rid, index: int) -> bool:
        """Whether a call sends the first statement to a resource, and no more than that."""
        if self.units.statements.get(rid[0]) != index or index in self.units.many:
            return False
        # What is sent as a text is seen wherever it is sent; others may work in the unit without any mention.
        return any(call.root == rid[0] and call.model.sql is not None for call in self.calls.values())

    def judge_retry(self, rid: Rid, event: Event, op: ir.CallOp, state: State) -> None:
        """A statement follows on a call that failed: fine only where the failed statement alone is undone.

        If it depends on the server, one in a handler shows which it is: either it works, and the unit goes on, or it
        raises, and the error is not swallowed.
        """
        status = state.status(rid)
        kind = self.kind_of(status)
        if event is Event.BEGIN and status is not None and kind is not None and status.begun >= 0:
            self._judge_second_begin(rid, status, kind, op, state)
        if status is None or kind is None or status.failed < 0 or event not in (Event.READ, Event.WRITE):
            return
        after = self.after_error(status, kind)
        if after is AfterError.ABORTS and (event is Event.READ or not op.in_cleanup):
            self.judge_use(rid, status, op.node, state)
        elif after is AfterError.DEPENDS and status.failed == BEFORE:
            state.update(rid, failed=WORKS)
        elif after is AfterError.DEPENDS and op.in_cleanup:
            state.update(rid, failed=-1)

    def _judge_second_begin(self, rid: Rid, status: Status, kind: Kind, op: ir.CallOp, state: State) -> None:
        """A unit is begun where another one is open still: that is refused, or makes permanent what there is of it.

        Only where an error in the first one was swallowed: it was to be tried again.
        """
        failed = status.failed if status.failed >= 0 else self._failed_since_begin(rid, state)
        is_kept = kind.definition_event is Event.COMMIT  # as CREATE does, so does BEGIN
        if failed >= 0 and (not is_kept or self._is_half(status)):
            self.units.mixed.add(rid[0])
            self.judge_use(rid, status._replace(failed=failed), op.node, state, is_open=True)

    def _failed_since_begin(self, rid: Rid, state: State) -> int:
        """Return the call of a library that has raised since a unit was begun, and whose error was caught; else -1."""
        trace, is_caught = state.trace, False
        while trace is not None and not (trace[2] == "begin" and trace[3] == rid):
            is_caught = is_caught or trace[2] in ("caught", "swallowed")
            if trace[2] == "raise" and is_caught:
                found = (index for index, call in self.calls.items() if call.node is trace[1] and call.root == rid[0])
                return next(found, -1)
            trace = trace[0]
        return -1

    def judge_yield(self, state: State) -> None:
        """A generator-based manager ends as if nothing had happened, after an error of the block that it serves."""
        node, types = _swallowing(state)
        units = [(rid, status) for rid, status in state.resources.items() if rid in self.units.begun_at_yield]
        if node is None or not units or not self.means_failure(types):
            return
        rid, status = units[0]
        kind, site = self.knowledge.kind(status.kind), self.sites.get(rid[0])
        if kind is not None:
            self.units.swallowed.setdefault(
                id(node),
                SwallowedError(
                    node, None, kind, site.name if site else None, rid[0], None, True, Confidence.MEDIUM, path_of(state)
                ),
            )

    def _is_half(self, status: Status) -> bool:
        """Whether what is pending belongs to the call that failed: both were tried together.

        A commit that is refused leaves all that it was for, or nothing.
        """
        if status.pending < 0 or status.pending == status.failed or status.failed in self.units.refused:
            return False
        return self.units.landings.get(status.pending, -1) == self.units.landings.get(status.failed, -2)

    def _judge_commit_on_error(self, rid: Rid, status: Status, op: ir.CallOp, state: State) -> None:
        written = self.operations.get(status.pending)
        kind = self.knowledge.kind(status.kind)
        is_cut = status.cut or status.failed >= 0
        looks = "exc_info" in self.function.attributes | self.function.loads
        if kind is not None and status.pending in self.units.lent_at and _is_held(state) and not looks:
            self._note_commit_of_block(rid, kind, self.units.lent_at[status.pending], op, state)
        if kind is None or written is None or not is_cut:
            return
        is_second_try = written.in_cleanup and _is_held(state) and self._is_second_try(rid, state)
        if written.in_cleanup and not is_second_try:
            return  # what a handler notes of the error is whole
        is_refused = status.failed >= 0 and self.units.failures.get(status.failed) is AfterError.ABORTS
        if status.failed in self.units.refused and not (is_refused and self._is_unsent(status.pending)):
            return  # tried again; nothing had failed before
        confidence = Confidence.MEDIUM
        if is_unlikely(status, state) or (status.failed < 0 and not _is_held(state)):
            # A handler that is not about the driver's errors may save on purpose what has been done.
            confidence = Confidence.LOW
        known = self.units.error_commits.get(op.index)
        if known is None or known[1].confidence < confidence:
            site = self.sites.get(rid[0])
            found = ErrorCommit(
                op.node,
                written.node,
                kind,
                site.name if site else None,
                _is_held(state) or self._is_in_finally(op.node),
                confidence,
                path_of(state),
            )
            self.units.error_commits[op.index] = (rid[0], found, is_refused or is_second_try)

    def _note_commit_of_block(self, rid: Rid, kind: Kind, work: cst.CSTNode, op: ir.CallOp, state: State) -> None:
        """What ends a `with` block commits what that has done, after an error of it, too."""
        site = self.sites.get(rid[0])
        name = site.name if site is not None else None
        found = ErrorCommit(
            op.node, work, kind, name, _is_held(state), Confidence.MEDIUM, path_of(state), is_of_block=True
        )
        self.units.error_commits.setdefault(op.index, (rid[0], found, True))

    def _is_in_finally(self, node: cst.CSTNode) -> bool:
        around = Ancestry(self.function.node).ancestors(node)
        return isinstance(
            next((e for e in around if isinstance(e, (cst.Finally, cst.ExceptHandler))), None), cst.Finally
        )

    def _is_second_try(self, rid: Rid, state: State) -> bool:
        """Whether a handler of such errors writes more than a note of them: it goes another way to the same end."""
        _, types = _swallowing(state)
        is_of_units = any(name is not None and self.knowledge.breaks_units(name) for name in types)
        return is_of_units and len(self.units.handled.get(rid[0], ())) > 1

    def _is_unsent(self, index: int) -> bool:
        """Whether a write is sent only when the work is made permanent, so that it is that which fails."""
        call = self.calls.get(index)
        return call is not None and call.model.raises is Raises.NEVER

    def swallowed_errors(self) -> Iterator[SwallowedError]:
        """Yield the swallowed errors that are not better told as a unit of work that is left without a rollback.

        Where nothing but the failed statement was in the unit, or questions alone, nothing is lost that the handler
        does not know of. Objects of a session may have been changed without a call.
        """
        left = {site for site, (_, unit) in self._failed_units().items() if unit.is_swallowed}
        for found in self.units.swallowed.values():
            is_seen = found.kind.family != "session" and found.site not in self.units.unclear
            is_alone = found.is_alone or found.site not in self.units.mixed or (found.is_unwritten and is_seen)
            if found.site not in left and not (is_alone and not found.at_yield and not found.kind.ambient_methods):
                yield found

    def commits_on_error(self) -> Iterator[ErrorCommit]:
        """Yield the commits that make part of a unit of work permanent.

        With a single write there are no parts, and what a loop has done so far may be kept on purpose: low.
        """
        return (found for _, found in self._commits_on_error())

    def _commits_on_error(self) -> list[tuple[SiteKey, ErrorCommit]]:
        """Return them with what they are about: one for each call, though each way into a `finally` has its own."""
        best: dict[int, tuple[tuple[int, bool], SiteKey, ErrorCommit]] = {}
        for site, found, is_half in self.units.error_commits.values():
            is_whole = len(self.units.writes.get(site, set())) <= 1 and not is_half
            commit = replace(found, confidence=Confidence.LOW) if is_whole else found
            # A handler that goes on as if nothing had happened is the better place to see what is wrong.
            rank = (-int(commit.confidence), last_handler(found.path) is None)
            known = best.get(id(found.node))
            if known is None or rank < known[0]:
                best[id(found.node)] = (rank, site, commit)
        return [(site, commit) for _, site, commit in best.values()]

    def blamed_units(self) -> frozenset[SiteKey]:
        """Return the resources whose unit of work the function leaves failed, as if nothing had happened.

        Checked by itself it does not know that what it is given ends soon, nor who sees to that.
        """
        units = self._failed_units(is_by_itself=True).items()
        return frozenset(site for site, (_, unit) in units if unit.is_swallowed and unit.confidence > Confidence.LOW)

    def told_by_error(self) -> tuple[tuple[SiteKey, FunctionInfo], ...]:
        """Return the globals and attributes whose unit of work the function leaves failed by an error, and who does."""
        if not any(site[0] in ("global", "self") for site in self.commits):
            return ()  # no other unit is told of where an error leaves the function: most runs are spared the search
        return tuple(
            (site, unit.told_at or self.function)
            for site, (_, unit) in self._failed_units(is_by_itself=True).items()
            if not unit.is_swallowed and unit.confidence > Confidence.LOW and site[0] in ("global", "self")
        )

    def unharmed(
        self, rid: Rid, status: Status, before: Status | None, left: Collection[tuple[SiteKey, int]]
    ) -> Status:
        """Return a status as callers need it: a single statement that failed alone has left the unit as it was.

        *before*: what it was when the function was called. Work that is under way is as it would be without the
        statement, too: the caller's, and such as the function leaves to it (*left*).
        """
        kind = self.knowledge.kind(status.kind)
        if status.failed < 0 or kind is None or not self._is_undone_alone(status, kind):
            return status
        failed, cut = (before.failed, before.cut) if before is not None else (-1, False)
        if status.pending < 0:
            return status._replace(failed=failed)
        is_unharmed = status.pending == BEFORE or self._is_as_without(rid, status, kind, left)
        return status._replace(failed=failed, cut=cut) if is_unharmed else status

    def left_for_callers(self) -> set[tuple[SiteKey, int]]:
        """Return the work that some path without errors leaves uncommitted: it is left to the caller."""
        return {
            (rid[0], status.pending)
            for end in self.exits
            for rid, status in end.state.resources.items()
            if not end.is_raise and status.pending >= 0 and not status.cut and not status.raised
        }

    def _is_as_without(self, rid: Rid, status: Status, kind: Kind, left: Collection[tuple[SiteKey, int]]) -> bool:
        """Whether work that is pending began after a statement had failed alone, or is as it would be without it."""
        if status.pending < 0 or not self._is_undone_alone(status, kind):
            return False
        is_kept = (rid[0], status.pending) in left and not self._are_tried_together(status.pending, status.failed)
        return is_kept or not status.cut

    def doubt_spared_units(self, end: Exit) -> None:
        """Tell callers of a path that leaves their unit open, where others end it and no call chooses between them."""
        if BEFORE in self.units.ended and chooses_by_itself(self.function):
            for rid, status in end.state.resources.items():
                if status.begun == BEFORE:
                    end.state.resources[rid] = status._replace(begun=SPARED_BEFORE)

    def failed_units(self) -> list[FailedUnit]:
        """Return units of work on resources that live on, which failed and were never rolled back."""
        told = [each for each in self._commits_on_error() if each[1].confidence > Confidence.LOW]
        return [*(unit for _, unit in self._failed_units(told).values()), *self.returned_dirty.values()]

    def _failed_units(
        self, told: Collection[tuple[SiteKey, ErrorCommit]] = (), *, is_by_itself: bool = False
    ) -> dict[SiteKey, tuple[tuple[bool, int, bool, int, bool], FailedUnit]]:
        """Return one unit for each resource, with its rank: the surest, at the first call, rather swallowed.

        One that is left by more than a commit which is refused comes before one that is not, and one that a helper is
        told of comes last.

        Those are left out that are *told* of in other words: what a commit makes permanent after an error in the same
        unit, or in any where the error leaves the function.
        """
        found: dict[SiteKey, tuple[tuple[bool, int, bool, int, bool], FailedUnit]] = {}
        left = self.left_for_callers()
        for end in self.exits:
            for rid, status in end.state.resources.items():
                is_lasting = status.outlives or (is_by_itself and rid[0][0] == "arg")
                if not is_lasting or status.owed or not status.in_unit or status.phase == "released":
                    continue
                kind = self.knowledge.kind(status.kind)
                site = self.sites.get(rid[0])
                is_begun = status.begun >= 0 and not (is_by_itself and _is_begun_before(status))
                if kind is None or site is None or is_begun:
                    continue
                index, swallowed = -1, False
                if not end.is_raise and status.failed >= 0:
                    is_first = status.pending in (-1, BEFORE) or status.pending > status.failed
                    index, swallowed = status.failed if is_first else status.pending, True
                    index = -1 if self._is_as_without(rid, status, kind, left) else index
                elif not end.is_raise and status.cut and rid[0] in self.commits:
                    index, swallowed = -1 if (rid[0], status.pending) in left else status.pending, True
                elif end.is_raise and rid[0] in self.commits and self._is_own(rid[0], kind):
                    index = status.pending if status.pending >= 0 else self._spoiling(rid, status, kind)
                node = self._node_of(index)
                is_told = any(
                    each == rid[0] and (not swallowed or self._is_same(commit, node, status.failed, end.state))
                    for each, commit in told
                )
                if node is None or index in self.units.again or is_told:
                    continue  # what the function leaves behind when it is called is told where it does
                if swallowed:
                    is_left = self._is_harmless(status, kind) or self._is_answered(rid, status, kind)
                    is_left = is_left or (not is_by_itself and self._ends_soon(rid[0], index, kind))
                else:
                    is_left = _swallowing(end.state)[0] is None and self._is_refused(status)
                path = path_of(end.state)
                # `if commit: conn.commit()`: whoever says no goes on with the work, and looks after it.
                is_low = status.low >= UNLIKELY or is_left or self._is_left_to_caller(path)
                confidence = Confidence.LOW if is_low else Confidence.MEDIUM
                is_of_call = self._node_of(status.failed) in (None, node)
                told_at = self.units.told_at.get((index, rid[0])) if is_of_call else None
                is_late = not swallowed or status.failed < 0
                rank = (told_at is not None, -int(confidence), self._is_refused(status), index, is_late)
                known = found.get(rid[0])
                if known is not None and known[0] <= rank:
                    continue
                is_of_block, failed = index in self.units.lent_at, self._node_of(status.failed)
                parameter = str(rid[0][1]) if rid[0][0] == "param" else None
                unit = FailedUnit(
                    node, kind, site.name, swallowed, confidence, path, is_of_block, failed, parameter, told_at
                )
                found[rid[0]] = (rank, unit)
        return found

    def _is_left_to_caller(self, path: tuple[PathStep, ...]) -> bool:
        """Whether a flag that the caller has given says, before anything fails, that the work is not made permanent."""
        last_write = max((number for number, step in enumerate(path) if step.what == "write"), default=-1)
        after = path[last_write + 1 :]
        first_error = next((number for number, step in enumerate(after) if step.is_of_error), len(after))
        params = {param.name.value for param in self.function.params}
        given = [
            each for each in after[:first_error] if not isinstance(each.node, cst.Name) or each.node.value in params
        ]
        return is_by_choice(given)

    def _is_same(self, commit: ErrorCommit, work: cst.CSTNode | None, failed: int, state: State) -> bool:
        """Whether a commit on an error path tells of a unit that is left: by one handler, or as it fails itself."""
        caught = last_handler(commit.path)
        handlers = (step.node for step in path_of(state) if step.catches)
        is_handled = caught is not None and any(each is caught for each in handlers)
        return commit.work is work and (is_handled or self._node_of(failed) is commit.node)

    def _ends_soon(self, site: SiteKey, index: int, kind: Kind) -> bool:
        """Whether a unit of work that a handler leaves failed is over soon.

        Whoever set up the scope of a session ends it, and so does the block that an object has it from. What a handler
        wrote down of another error comes last, too, unless what it is written to lives on.
        """
        is_note = site[0] not in ("self", "global") and self._is_in_handler(index)
        is_scoped = self._is_ended_by_scope(kind) and not self._is_tried_again(index) and not self._is_used_on(site)
        if is_note or is_scoped:
            return True
        owner = self.owner_class() if site[0] == "self" else None
        blocks = [block for block in (kind.with_block, kind.async_with_block) if block is not None]
        stays_open = bool(blocks) and not any(block.releases for block in blocks)
        if owner is not None and self._is_ended_with_request(owner, str(site[1]), kind):
            return True
        return owner is not None and not stays_open and self.program.classes.is_lent(owner, str(site[1]))

    def _is_ended_with_request(self, owner: ClassInfo, attribute: str, kind: Kind) -> bool:
        """Whether a framework makes the object for one request, and it ends its unit of work when that is over."""
        endings = {
            name
            for name, calls in kind.methods.items()
            if any(call.releases == "self" or call.event is Event.ROLLBACK for call in calls)
        }
        return self.program.classes.is_ended_with_request(owner, attribute, endings)

    def _is_ended_by_scope(self, kind: Kind) -> bool:
        """Whether whoever set up the scope of something ends its unit of work: a framework, a call in the project."""
        return kind.is_scoped and not (kind.scope_end and self.program.never_calls(kind.scope_end))

    def _are_tried_together(self, work: int, failed: int) -> bool:
        """Whether two operations stand in the body of one `try`: the first is worth nothing without the second."""
        if work == failed:
            return False  # in another round of a loop
        first, second = self.operations.get(work), self.operations.get(failed)
        if first is None or second is None:
            return True
        around = Ancestry(self.function.node)
        tries = {id(each) for each in around.ancestors(second.node) if isinstance(each, (cst.Try, cst.TryStar))}
        return any(id(each) in tries for each in around.ancestors(first.node))

    def _is_used_on(self, site: SiteKey) -> bool:
        """Whether the function itself goes on with a unit of work that has failed: that raises, whoever ends it."""
        return any(
            each.site == site and each.used_at is not None and each.confidence > Confidence.LOW
            for each in self.units.swallowed.values()
        )

    def _is_tried_again(self, index: int) -> bool:
        """Whether a loop goes on after an error of an operation, and comes to it once more: before any scope ends."""
        op = self.operations.get(index)
        around = list(Ancestry(self.function.node).ancestors(op.node)) if op is not None else []
        tries = [at for at, each in enumerate(around) if isinstance(each, (cst.Try, cst.TryStar)) and each.handlers]
        if not tries or not any(isinstance(each, (cst.For, cst.While)) for each in around[tries[0] :]):
            return False
        innermost = around[tries[0]]
        handlers = innermost.handlers if isinstance(innermost, (cst.Try, cst.TryStar)) else ()
        return not any(isinstance(each, _LEAVES) for handler in handlers for each in walk(handler.body))

    def _is_in_handler(self, index: int) -> bool:
        """Whether an operation stands in a handler: what `finally` does is done without an error, too."""
        op = self.operations.get(index)
        if op is None or not op.in_cleanup:
            return False
        around = Ancestry(self.function.node).ancestors(op.node)
        return any(isinstance(each, cst.ExceptHandler) for each in around)

    def _is_harmless(self, status: Status, kind: Kind) -> bool:
        """Whether a single statement failed, and nothing but it was undone; or the process ends next."""
        is_of_caller = status.pending in (-1, BEFORE)
        return ends_with_process(self.function) or (is_of_caller and self._is_undone_alone(status, kind))

    def _is_undone_alone(self, status: Status, kind: Kind) -> bool:
        """Whether a single statement failed, which leaves the unit of work as it was."""
        call = self.calls.get(status.failed)
        worker = self.knowledge.kind(call.receiver) if call is not None and call.receiver is not None else None
        is_repeated = call is not None and worker is not None and call.method in worker.repeats
        is_single = call is not None and call.model.event is None and not is_repeated
        return is_single and self.after_error(status, kind) is AfterError.CONTINUES

    def _is_answered(self, rid: Rid, status: Status, kind: Kind) -> bool:
        """Whether it is the one question or statement of a helper, in the session of its caller, who ends that.

        A session is made for a unit of work; what the failure means for that is looked at where the helper is called.
        """
        is_given = kind.family == "session" and rid[0][0] in ("param", "arg") and rid[0] not in self.commits
        return is_given and rid[0] not in self.units.mixed and status.pending in (-1, BEFORE, status.failed)

    def _spoiling(self, rid: Rid, status: Status, kind: Kind) -> int:
        """Return the write (or helper) that failed, where that spoils all that follows; -1 if there is none."""
        is_write = status.failed in self.units.writes.get(rid[0], ()) or status.failed not in self.calls
        return status.failed if is_write and self.after_error(status, kind) is AfterError.ABORTS else -1

    def _is_refused(self, status: Status) -> bool:
        """Whether only a commit that is refused, or cancelled while it is awaited, leaves anything.

        Most servers have ended the unit of work then, and blocks that commit at their end leave it at that.
        """
        return status.failed in self.units.refused

    def _is_own(self, site: SiteKey, kind: Kind) -> bool:
        """Whether the resource is an attribute or a global that is opened here: no caller is there to clean it up."""
        if self._is_ended_by_scope(kind):
            return False
        if site[0] == "self":
            owner = self.owner_class()
            if owner is None or owner.is_part_of_constructor(self.function):
                return False  # where it fails there is no object
            if self._is_ended_with_request(owner, str(site[1]), kind):
                return False
            is_inherited = kind.family == "connection" and self.types.is_inherited(owner, str(site[1]))
            return is_inherited or self.types.is_opened_by(owner, str(site[1]))
        return site[0] == "global"

    def unfinished_units(self) -> list[UnfinishedUnit]:
        """Return the units of work that a path begins and leaves open, and the modes that it does not restore.

        Only where another path ends (restores) it: a function that never does leaves it to its caller on purpose.
        """
        found: dict[tuple[int, bool], UnfinishedUnit] = {}
        ended = {self.units.spared.get(index, index) for index in self.units.ended}
        for end in self.exits:
            for rid, status in end.state.resources.items():
                if not status.outlives or status.owed or status.phase != "open":
                    continue
                kind, site = self.knowledge.kind(status.kind), self.sites.get(rid[0])
                if kind is None or site is None:
                    continue
                for index, is_mode in ((status.begun, False), (status.switched, True)):
                    node = self._node_of(index)
                    begun = self.units.spared.get(index, index)
                    if node is None or begun not in (self.units.restored if is_mode else ended):
                        continue
                    confidence = _confidence(status, end)
                    if begun != index:
                        confidence = Confidence.LOW  # the state of an object decides: it may have been stopped
                    if end.is_raise and rid[0][0] == "param" and self._is_guess(str(rid[0][1])):
                        confidence = Confidence.LOW  # its caller, next to it, may well clean up
                    if end.is_raise and not is_mode and self.units.sent == {Event.READ}:
                        confidence = Confidence.LOW  # nothing but a snapshot stays open
                    unit = UnfinishedUnit(node, kind, site.name, is_mode, end.is_raise, confidence, path_of(end.state))
                    known = found.get((id(node), is_mode))
                    if known is None or (unit.confidence, known.on_error) > (known.confidence, unit.on_error):
                        found[id(node), is_mode] = unit
        return list(found.values())

    def _is_guess(self, parameter: str) -> bool:
        """Whether a parameter has no annotation, or its function stands in another one that may clean up."""
        is_nested = self.function.parent is not None and not self.function.parent.is_module
        is_nested = is_nested and self.function.owner is None
        annotated = {param.name.value for param in self.function.params if param.annotation is not None}
        if is_nested:
            return not goes_on_with(self.function, parameter, self.types)
        return parameter not in annotated

    def _node_of(self, index: int) -> cst.CSTNode | None:
        if index < 0 or index == IN_BLOCK:
            return None
        op = self.operations.get(index)
        return op.node if op is not None else self.units.switches.get(index, self.units.lent_at.get(index))


def _is_begun_before(status: Status) -> bool:
    """Whether a caller has begun a unit of work which is one without that, too."""
    return status.autocommit is False and status.begun in (BEFORE, SPARED_BEFORE, IN_BLOCK)


def _confidence(status: Status, end: Exit) -> Confidence:
    if is_unlikely(status, end.state):
        return Confidence.LOW
    return Confidence.MEDIUM if end.is_raise else Confidence.HIGH


def _is_held(state: State) -> bool:
    """Whether an exception is on its way out, and waits for a `finally` block."""
    return any(slot.startswith("$held") for slot in state.kept)


def _swallowing(state: State, failed: cst.CSTNode | None = None) -> tuple[cst.CSTNode | None, Sequence[str | None]]:
    """Return what caught the last exception of a path (the classes of a handler, the handler, a manager), and which.

    With a call that *failed* it is the first thing that caught anything since: what is caught later is another error.
    """
    trace = state.trace
    found: tuple[cst.CSTNode | None, Sequence[str | None]] = (None, ())
    while trace is not None:
        if trace[2] in ("caught", "swallowed") and isinstance(trace[1], cst.CSTNode):
            node = trace[1]
            types = trace[3] if isinstance(trace[3], tuple) else ()
            found = (node.type or node if isinstance(node, cst.ExceptHandler) else node), types
            if failed is None:
                break
        elif failed is not None and trace[2] == "raise" and trace[1] is failed:
            break
        trace = trace[0]
    return found
