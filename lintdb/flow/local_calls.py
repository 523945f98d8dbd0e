"""Calls of functions and classes of the project: their summaries say what becomes of the arguments."""

from __future__ import annotations

import functools
from abc import ABC
from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from dataclasses import replace

import libcst as cst

from lintdb.effects import Event
from lintdb.flow import ir
from lintdb.flow.decorators import is_cached, is_fixture, is_generator_manager, runs_function
from lintdb.flow.either import one_for_all
from lintdb.flow.flags import flag_of_both
from lintdb.flow.objects import attributes_of, parts_of
from lintdb.flow.owners import Owners
from lintdb.flow.patches import reaches_patched
from lintdb.flow.reach import Reached
from lintdb.flow.records import CONSTRUCTORS
from lintdb.flow.results import HandedText
from lintdb.flow.returns import Return
from lintdb.flow.rows import LOOKED
from lintdb.flow.sites import BYPASSED, COROUTINE, OWN, PendingCall, Receiver, Site
from lintdb.flow.state import State
from lintdb.flow.summaries import (
    BEFORE,
    NAMED,
    REFUSED,
    SPARED,
    SPARED_BEFORE,
    WORKS,
    Outcome,
    Summary,
    argument_for,
    bind_arguments,
    canonical,
    names_for_callee,
    start_of_call,
    with_names,
)
from lintdb.flow.texts import known_pieces
from lintdb.flow.values import (
    ENDED,
    FALSY,
    IN_BLOCK,
    NONE,
    TRUE,
    TRUTHY,
    Coroutine,
    Function,
    Instance,
    Literal,
    Manager,
    Many,
    Name,
    Names,
    Outside,
    Raised,
    Ref,
    Rid,
    SiteKey,
    Status,
    Value,
    attribute_of,
    spelling,
)
from lintdb.syntax.ancestry import may_hand_on, reads_at_once
from lintdb.syntax.hooks import is_hook, is_promised
from lintdb.syntax.names import FunctionInfo, Variable
from lintdb.syntax.reentry import lends_again


class LocalCalls(Owners, ABC):
    """Runs callees of the project."""

    @functools.cached_property
    def dropped_generators(self) -> dict[int, tuple[str, str]]:
        """What generators yield that are called here: the call's identity → kind, and name of the function."""
        return {}

    @functools.cached_property
    def _summaries_seen(self) -> dict[Hashable, tuple[Summary, Summary]]:
        """The summaries that this run has been given, each with what it is in the run's own names."""
        return {}

    def local_call(
        self, op: ir.CallOp, info: FunctionInfo, self_name: str | None, state: State, receiver: Receiver = None
    ) -> list[State] | None:
        """Call a function of the project; *receiver* is the object of a method, or *self_name* the variable with it."""
        if receiver is None and self_name is not None and self.is_self(self_name):
            held = state.env.get(self_name) if self.owns_self else None
            receiver = held if isinstance(held, Instance) else OWN
        if info.owner is not None and not info.is_method and isinstance(receiver, (Instance, Outside)):
            receiver = None  # a static method knows nothing of the object
        self._hand_over_coroutines(op, info, state)
        if self.patched and reaches_patched(info, self.patched):
            _escape_object(receiver, state)
            return self.unknown_call(op, state)
        if is_fixture(info) or not self.program.runs_as_written(info):
            return self._decorated_call(op, info, state, receiver)
        if is_generator_manager(info):
            state.set_name(op.target, self._manager(op, info, state, receiver))
            return None
        if info.is_generator:
            given = self.arguments_value(op, state)
            inside = given.items if isinstance(given, Many) and not given.is_lazy else (given,)
            held = Many((receiver if isinstance(receiver, Instance) else None, *inside))
            summary = self._summary(op, info, state, receiver)
            self._note_texts(op, info, summary, state)
            if summary is not None and summary.blocks is not None and reads_at_once(op.node, self.function.node):
                self._note_block(op, summary)
            yielded = set(summary.yields) if summary is not None else set()
            only = yielded.pop() if len(yielded) == 1 else None
            if isinstance(only, Name) and not info.is_async and summary is not None and summary.ends_yielded:
                self.dropped_generators[id(op.node)] = only.dotted, info.name
            if summary is not None and _borrowed(summary, state) is not None:
                # What its reader throws into it at the `yield` is no failure of its own.
                ends = (outcome for outcome in summary.outcomes if outcome.is_raise and outcome.yielded != "reached")
                failures = tuple(dict.fromkeys((each.raised._replace(call=-1), each.low) for each in ends))
                makes_others = all(each in (None, NONE) for each in summary.yields)
                held = replace(held, is_lazy=True, makes_others=makes_others, failures=failures)
                state.set_name(op.target, held)
            else:
                state.escape(held, with_parents=True)
                state.set_name(op.target, None)
            return None
        if info.is_async:
            state.set_name(op.target, self._local_coroutine(op, info, receiver, state))
            return None
        return self.apply_summary(op, info, state, op.target, receiver)

    def _decorated_call(
        self, op: ir.CallOp, info: FunctionInfo, state: State, receiver: Receiver
    ) -> list[State] | None:
        """A function whose decorator makes something else of it, of which little is known."""
        _escape_object(receiver, state)
        is_plain = not (info.is_async or info.is_generator or op.is_elsewhere)
        if is_plain and runs_function(info, self.program.blocks_around(info).__contains__):
            summary = self.program.summary(info, State(), None, owns_self=False)
            if summary is not None:
                self._note_block(op, summary)
        is_kept = is_cached(info)
        is_there = is_kept and (_kept_by(info), 0) in state.resources
        # What the path has got from it before is there.
        results = self.unknown_call(op, state) if not is_there else None
        if is_kept:
            self._give_kept(op, info, state)
        return results

    def _hand_over_coroutines(self, op: ir.CallOp, info: FunctionInfo, state: State) -> None:
        """`both(*coroutines)` awaits what it is given in ways of its own, one by one or all at once."""
        is_open = isinstance(info.node, cst.FunctionDef) and isinstance(info.node.params.star_arg, cst.Param)
        for argument in op.arguments if is_open else ():
            value = self.value(argument.operand, state) if argument.keyword is None else None
            if isinstance(value, Coroutine):
                state.escape(value, with_parents=False)

    def _local_coroutine(self, op: ir.CallOp, info: FunctionInfo, receiver: Receiver, state: State) -> Value:
        """The result of calling a coroutine function: nothing has happened yet."""
        self.pending_calls[op.index] = PendingCall(op, info, receiver)
        self.operations.pop(op.index, None)
        site: SiteKey = ("coroutine", op.index)
        arguments = self.arguments_value(op, state)
        self.sites[site] = Site(op.node, COROUTINE)
        state.resources[site, 0] = Status(COROUTINE)
        # What owes nothing may be forgotten while a loop still goes through what holds it.
        given = [rid for rid in set(state.refs(arguments)) if (held := state.status(rid)) is not None and held.owed]
        summary = self._summary(op, info, state, receiver) if given else None
        if summary is not None:
            ends = [dict(outcome.statuses) for outcome in summary.outcomes if not outcome.is_raise]
            for rid in given:
                if any(rid in statuses and statuses[rid].phase == "released" for statuses in ends):
                    self.meant_releases.setdefault(site, set()).add(rid[0])
        # One of a function that stands in this one has what that reads of its variables, too.
        captured = tuple(state.env.get(name) for name in sorted(info.free_names) if info.is_nested)
        return Coroutine((site, 0), op.index, arguments, captured if any(captured) else ())

    def _give_kept(self, op: ir.CallOp, info: FunctionInfo, state: State) -> None:
        """A function that makes its result once and keeps it: what it gives, owned by somebody else."""
        returns = info.node.returns if isinstance(info.node, cst.FunctionDef) else None
        what = self.types.type_of_annotation(returns.annotation, info) if returns is not None else None
        if what is None:
            result = self.types.peers.result_of(info)
            what = result.type if result is not None else None
        state.set_name(op.target, self.outside(_kept_by(info), what, None, state))

    def apply_summary(
        self, op: ir.CallOp, info: FunctionInfo, state: State, target: str, receiver: Receiver = None
    ) -> list[State] | None:
        """Run a call through the summary of its callee; once for each truth of a flag that decides here, too."""
        flag = flag_of_both(op, info, self.tested, state)
        if not flag:
            return self._apply_summary(op, info, state, target, receiver)
        results: list[State] = []
        for truth in (TRUTHY, FALSY):
            case = state.copy()
            case.set_name(flag, truth)
            found = self.apply_summary(op, info, case, target, receiver)
            results += found if found is not None else [case]
        return results

    def _apply_summary(
        self, op: ir.CallOp, info: FunctionInfo, state: State, target: str, receiver: Receiver
    ) -> list[State] | None:
        if isinstance(receiver, Instance) and self._holds_others_only(receiver, state):
            receiver = receiver.outside()
        instance = receiver if isinstance(receiver, Instance) else None
        summary = self._summary(op, info, state, receiver)
        if info is self.function and not self.is_for_caller:
            self.units.again.add(op.index)
            self._judge_second_try(op, state)
        if summary is None:
            _escape_object(receiver, state)
            return self._hook_call(op, info, state, target) if is_hook(info) else self.unknown_call(op, state)
        if any(outcome.is_raise for outcome in summary.outcomes):
            self.may_raise = True
        self._note_block(op, summary)
        if summary.waits is not None and not op.in_cleanup:
            given = Many((self.arguments_value(op, state), instance))
            seen = {rid for rid in state.resources if rid[0][0] in ("self", "global")}
            self.note_wait(op.node, summary.waits, state, seen | set(state.refs(given)))
        results: list[State] = []
        parts = parts_of(instance.part, state) if instance is not None else {}
        self.operations[op.index] = op
        self.units.landings[op.index] = self.block.landing
        released = {rid for rid, status in state.resources.items() if status.phase == "released"}
        self._note_callee(op, info, summary, state, receiver)
        rebound = {found for site in summary.rebinds if (found := _place_of(site, receiver)) is not None}
        self.after.rebound |= rebound
        for outcome in summary.outcomes:
            new = state.copy()
            self._carry_over(op, info, outcome, new, released)
            _forget_rebound(rebound, outcome, new)
            if outcome.is_raise:
                # A constructor that refuses its arguments is possible, but not what code is written against.
                is_refusal = info.name in CONSTRUCTORS and outcome.raised.type is None
                is_caught = self.program.may_catch(info)
                is_low = outcome.low >= BYPASSED or op.in_cleanup or is_refusal or is_caught
                call = op.index if outcome.raised.call >= 0 else -1
                raised = (Raised() if is_caught else outcome.raised)._replace(call=call)
                thrown = self.throw(new, op.node, raised, is_low=is_low, by=info.name)
                if thrown is not None:
                    thrown.make_unlikely(outcome.low)
                continue
            new.make_unlikely(outcome.low)
            self._note_return(op, info, summary, new, before=state if receiver is OWN else None)
            maker = instance.owner.name if instance is not None and info.name in CONSTRUCTORS else info.name
            is_own = receiver is OWN
            outside = receiver if isinstance(receiver, Outside) else None
            end = Return(
                self,
                op,
                info,
                outcome,
                new,
                maker=maker,
                instance=instance,
                parts=parts,
                is_own=is_own,
                outside=outside,
            )
            end.bind(target)
            self.unsure.sites.update(ref.rid[0] for rid, ref in end.fresh.items() if rid[0] in summary.unsure)
            self.note_classes(receiver, end, new, target)
            if instance is not None:
                self.leave_replaced(instance, state, new)
            self.leave_to_class(instance, maker, new, is_made=info.name in CONSTRUCTORS)
            results.append(new)
        return results

    def _lend_to_functions(self, op: ir.CallOp, info: FunctionInfo, state: State) -> None:
        """A callee may call the functions that it gets: what they release, keep or commit is not its own."""
        values = [self.value(argument.operand, state) for argument in op.arguments]
        lent = [each for each in values if isinstance(each, Function) and self._owes_any(each, state)]
        for each in self._handed_on(op, info, values, state) if lent else ():
            if not isinstance(each, Function) or each not in lent:
                continue
            summary = self._summary(replace(op, arguments=()), each.info, state, None)
            commits = summary is not None and any(outcome.committed for outcome in summary.outcomes)
            if summary is None or commits or _borrowed(summary, state) is None:
                state.escape(each, with_parents=False)

    @staticmethod
    def _owes_any(value: Value, state: State) -> bool:
        """Whether a value leads to something that is still to be released."""
        held = (state.status(rid) for rid in state.refs(value))
        return any(status is not None and status.owed and status.phase == "open" for status in held)

    def _hook_call(self, op: ir.CallOp, info: FunctionInfo, state: State, target: str) -> list[State] | None:
        """A method that says nothing of what it does; one that classes need not have does nothing in most of them."""
        if op.dotted == "$property" or not is_promised(info):
            with self.nothing_raises():
                results = self.unknown_call(op, state)
        else:
            results = self.unknown_call(op, state)
        for each in [state] if results is None else results:
            each.set_name(target, self.typed_result(op, info, each))
        return results

    def _note_block(self, op: ir.CallOp, summary: Summary) -> None:
        """A callee may make its thread wait, which is that of this function."""
        if op.dotted != "$property" and not op.is_elsewhere:
            self.note_blocking(op.index, op.node, summary.blocks)

    def _note_return(
        self, op: ir.CallOp, info: FunctionInfo, summary: Summary, state: State, *, before: State | None
    ) -> None:
        """What it means that a callee has come back; *before* is how things were, for a method of the same object."""
        if before is not None and summary.replaces:
            self.note_replaced_by(op, summary.replaces, before, state)
        self.forget_tested(op, info, state)
        for rid in summary.holds:
            state.update(rid, holds=True)
        for driver in summary.undone:
            self.happen_around(Event.ROLLBACK_PART, driver, state)
        if summary.refuses and op.is_dropped:
            state.set_name(LOOKED, TRUE)

    def _note_callee(
        self, op: ir.CallOp, info: FunctionInfo, summary: Summary, state: State, receiver: Receiver
    ) -> None:
        """What a callee does to what it gets, whichever way it ends."""
        self._give_coroutines(op, info, state)
        self._lend_to_functions(op, info, state)
        for use in summary.uses:
            self.check_early(use, op.node, info.name, state)
        for rid, is_many in summary.statements:
            self.note_statement(rid, op, is_many=is_many)
        for rid, is_end in sorted(summary.went_on, key=repr):
            status = state.status(rid)
            if status is not None and status.failed >= 0 and not op.in_cleanup:
                self.judge_use(rid, status, op.node, state, is_end=is_end)
        self.units.unclear |= summary.unclear
        self._note_takes(op, summary, state, summary.takes)
        for site, function in summary.told:
            if (place := _place_of(site, receiver)) is not None:
                self.units.told_at[op.index, place] = function
        self._note_texts(op, info, summary, state)

    def _note_texts(self, op: ir.CallOp, info: FunctionInfo, summary: Summary | None, state: State) -> None:
        """What a callee gets and runs as the text of a query: a generator does so once somebody reads from it."""
        for name, start in sorted(summary.runs) if summary is not None else ():
            self._note_handed(op, argument_for(info, name, op.arguments), start, state)

    def _note_takes(
        self, op: ir.CallOp, summary: Summary, state: State, takes: Sequence[tuple[Rid, str, cst.CSTNode]]
    ) -> None:
        """What a callee takes from owners of many that both sides know."""
        # What a task takes it takes at another time; nor does who has ended the unit of work before wait for anything.
        ended = frozenset().union(*(outcome.committed for outcome in summary.outcomes))
        for owner, kind_id, node in takes if not (op.is_elsewhere or self._is_quiet) else ():
            kind = self.knowledge.kind(kind_id)
            if kind is not None:
                self.note_taken(op, kind, owner, state, inner=node, ended=ended)

    def _note_handed(self, op: ir.CallOp, operand: ir.Operand | None, start: str, state: State) -> None:
        """A callee runs what it is given here as the text of a query, or as a part of one that begins with *start*."""
        if self.is_for_caller:
            self.note_run(operand, state, start)
            return
        pieces = known_pieces(self.value(operand, state)) if operand is not None else None
        if pieces is not None:
            self.values_seen.handed_texts.setdefault((op.index, pieces), HandedText(op.node, pieces, start))

    def _give_coroutines(self, op: ir.CallOp, info: FunctionInfo, state: State) -> None:
        """A callee runs a coroutine that it gets, or hands it to a loop, a thread, a greenlet; if it uses it at all."""
        values = [self.value(argument.operand, state) for argument in op.arguments]
        if not any(_coroutines_in(value) for value in values):
            return
        for each in [each for value in self._handed_on(op, info, values, state) for each in _coroutines_in(value)]:
            state.escape(each, with_parents=False)

    @staticmethod
    def _handed_on(
        op: ir.CallOp, info: FunctionInfo, values: Sequence[Value | None], state: State
    ) -> Sequence[Value | None]:
        """Return those of the values of its arguments with which a callee may do more than look at them."""
        bound = bind_arguments(info, op.arguments, values, state)
        return values if bound is None else [bound[name] for name in bound if may_hand_on(info.node, name)]

    @staticmethod
    def _holds_others_only(instance: Instance, state: State) -> bool:
        """Whether an object holds what is somebody else's, and no more: its methods then follow from its class."""
        held = [state.status(rid) for rid in state.refs(instance)]
        return bool(held) and all(status is None or status.phase == "gone" for status in held)

    def borrows(self, op: ir.CallOp, info: FunctionInfo, state: State) -> set[Rid] | None:
        """Return what a function, whenever it runs, uses of what is open now; None if it releases or keeps any."""
        summary = self._summary(op, info, state, None)
        return _borrowed(summary, state) if summary is not None else None

    def typed_result(self, op: ir.CallOp, info: FunctionInfo, state: State) -> Value | None:
        """What a function gives that cannot be followed, by its annotation or by its other ways to end: borrowed."""
        found = self.types.peers.result_of(info)
        site: SiteKey = ("kept", f"{info.name}()", op.index)
        return self.outside(site, found.type, None, state) if found is not None else None

    def _judge_second_try(self, op: ir.CallOp, state: State) -> None:
        """A function calls itself, on something that a call of it has failed on."""
        for rid in state.refs(self.arguments_value(op, state)):
            status = state.status(rid)
            if status is not None and status.failed >= 0:
                self.judge_use(rid, status, op.node, state)

    def _summary(self, op: ir.CallOp, info: FunctionInfo, state: State, receiver: Receiver) -> Summary | None:
        """Return the summary for these arguments, in terms of the resources of this run."""
        asks_base = isinstance(op.callee, ir.AttributeOf) and op.callee.base is ir.SUPER
        if is_hook(info) and not isinstance(receiver, Instance) and not asks_base:
            return None
        values = [self.value(argument.operand, state) for argument in op.arguments]
        bound = bind_arguments(info, op.arguments, values, state)
        if bound is None:
            return None
        bound |= {name: self._word_for(value) for name, value in bound.items() if name in info.compared}
        shares_self = receiver is OWN or self._is_nested(info)
        instance = receiver if isinstance(receiver, (Instance, Outside)) else None
        start = start_of_call(info, bound, state, instance, self.reached_by(info, receiver), shares_self=shares_self)
        start.env.update(dict.fromkeys(self._unfilled_in(receiver, shares_self=shares_self), NONE))
        self.objects_given[op.index] = {
            start.env[name]: value for name, value in bound.items() if isinstance(value, Instance) and name in start.env
        }
        names = names_for_callee(start, instance, shares_self=shares_self)
        owner = instance.owner if instance is not None else self.owner_class() if shares_self else None
        owns_self = isinstance(instance, Instance)
        summary = self.program.summary(info, canonical(start, names), owner, owns_self=owns_self)
        return self._in_own_names(summary, names) if summary is not None else None

    def _unfilled_in(self, receiver: Receiver, *, shares_self: bool) -> Iterable[str]:
        """Return the attributes of the object of a method that never hold anything, as the method calls them."""
        if isinstance(receiver, Outside):
            return [f"self.{name}" for name in self.objects.unfilled.get(receiver.root, ())]
        return self.objects.own_unfilled if shares_self else ()

    def _in_own_names(self, summary: Summary, names: Names) -> Summary:
        """Return a summary in the names of this run: made once, as many paths call a function in the same way."""
        key = (id(summary), frozenset(names.rids.items()), frozenset(names.sites.items()))
        found = self._summaries_seen.get(key)
        if found is None:
            found = self._summaries_seen[key] = (summary, with_names(summary, names.reversed()))
        return found[1]

    def _word_for(self, value: Value) -> Value:
        """What a callee compares, where a constant of another module names a choice: `KIND_LOCAL = "local"`.

        Others are settings, which may be changed: a program has to be right with any of them.
        """
        found = self.index.find(value.dotted, is_needed=True) if isinstance(value, Name) else None
        if found is None or found.rest or not isinstance(found.symbol, Variable):
            return value
        literal = self.types.peers.types(found.symbol.index).global_constant(found.symbol.name)
        text = literal.value if isinstance(literal, Literal) else None
        is_choice = isinstance(text, str) and bool(text) and text.lower() in found.symbol.name.lower()
        return literal if literal is not None and is_choice else value

    def reached_by(self, info: FunctionInfo, receiver: Receiver) -> Reached | None:
        """Return the attributes of its object that a method can reach; None if that may be any."""
        owner = self.owner_class() if receiver is OWN else receiver.owner if receiver is not None else None
        is_sure = info.is_instance_method or (info.owner is not None and not isinstance(receiver, Instance))
        return self.program.classes.reach.of(info, owner) if owner is not None and is_sure else None

    def _is_nested(self, info: FunctionInfo) -> bool:
        """Whether a function is nested in this one (or beside it), so that both speak of the same `self`."""
        scope = info.parent
        while scope is not None and not scope.is_module:
            if scope is self.function or scope is self.function.parent:
                return True
            scope = scope.parent
        return False

    def _carry_over(
        self, op: ir.CallOp, info: FunctionInfo, outcome: Outcome, state: State, released: set[Rid]
    ) -> None:
        """Lay what the callee did to resources of the caller over the caller's state; some were *released* before.

        A block of the callee is its own: that it keeps open what it was given tells nothing of a block of the caller's,
        unless the callee is the end of that, or stands in the caller.
        """
        ends_block = info.name in ("__exit__", "__aexit__") or info.parent is self.function
        for rid, after in outcome.statuses:
            before = state.status(rid)
            if rid in outcome.committed:
                self.judge_commit_at_exit(rid, after, op, state)
                self.units.kept_by_callees.add(rid[0])
            if before is None:
                if rid[0][0] in NAMED:
                    if after.phase == "released":
                        self.note_release(rid, op.node, state)
                    pending = op.index if after.pending >= 0 else -1
                    failed = self._failed_after(-1, after.failed, op)
                    begun = op.index if 0 <= after.begun != IN_BLOCK else after.begun
                    switched = op.index if after.switched >= 0 else -1
                    state.resources[rid] = after._replace(
                        pending=pending, failed=failed, begun=begun, switched=switched, kept=ends_block and after.kept
                    )
                    self.sites.setdefault(rid[0], Site(self.function.node, after.kind, spelling(rid[0], self.spelled)))
                continue
            if rid in outcome.committed:
                self.note_kept(rid, state)
            if before.begun >= 0 > after.begun and not outcome.is_raise:
                self.units.ended.add(before.begun)
            if before.switched >= 0 > after.switched and after.phase == "open" and not outcome.is_raise:
                self.units.restored.add(before.switched)
            if after.phase == "released" and before.phase != "released" and rid not in released:
                if rid in outcome.committed:
                    state.update(rid, pending=-1)
                self.release(rid, state, op.node)
            elif after.phase == "gone" and before.phase == "open":
                self.account_for(Ref(rid), state)
                state.escape_one(rid, with_parents=True)
            else:
                is_not_told = after.failed == WORKS and not op.in_cleanup
                state.resources[rid] = before._replace(
                    pending=_index_after(before.pending, after.pending, op.index),
                    failed=before.failed if is_not_told else self._failed_after(before.failed, after.failed, op),
                    begun=self._begun_after(before.begun, after.begun, op),
                    switched=_index_after(before.switched, after.switched, op.index),
                    cut=after.cut,
                    autocommit=after.autocommit,
                    kept=before.kept or (ends_block and after.kept),
                    raised=before.raised or after.raised,
                    shared=before.shared or after.shared,
                    used=before.used or after.used,
                    is_there=before.is_there or (after.is_there and rid[0][0] == "global"),
                    holds=before.holds and rid not in outcome.committed,
                    low=max(before.low, after.low),
                )

    def _begun_after(self, before: int, after: int, op: ir.CallOp) -> int:
        """Return the call to blame for a unit that is begun; one that a callee might have ended has its own number."""
        if after != SPARED_BEFORE:
            return _index_after(before, after, op.index)
        if before == BEFORE:
            return after
        begun = self.operations.get(before)
        if begun is None or before in self.units.spared:
            return before
        number = before + SPARED
        self.operations[number] = begun
        self.units.spared[number] = before
        return number

    def _failed_after(self, before: int, after: int, op: ir.CallOp) -> int:
        """Return the call to blame for a failed unit of work after a call of a function that fails so."""
        if after != REFUSED:
            return _index_after(before, after, op.index)
        # What fails in other ways in the same call is told apart by its number.
        number = op.index + REFUSED
        self.operations[number] = op
        self.units.refused.add(number)
        return number

    # --- generator-based managers -----------------------------------------------------------------------------------

    def _manager(self, op: ir.CallOp, info: FunctionInfo, state: State, receiver: Receiver) -> Value:
        """The result of calling a `@contextmanager` function of the project."""
        if lends_again(info):
            objects = self.lent_again.get(op.index, (info, frozenset()))[1]
            self.lent_again[op.index] = info, objects | {receiver}
        owners = _places_in(receiver, state) if isinstance(receiver, Instance) else None
        if isinstance(receiver, Instance):
            state.escape(receiver, with_parents=True)
            receiver = None
        arguments = self.arguments_value(op, state)
        before = state.copy()
        for rid in set(state.refs(arguments)):
            # Work is under way when the block ends, so that it shows what the manager does with it.
            before.update(rid, pending=0)
        summary = self._summary(op, info, before, receiver)
        if summary is None:
            state.escape(arguments, with_parents=False)
            return Manager("local", call=op.index, lends=self.types.peers.lends(info))
        for use in summary.uses:
            self.check_early(use, op.node, info.name, state)
        takes = [(owners(owner) if owners is not None else owner, kind, node) for owner, kind, node in summary.takes]
        self._note_takes(op, summary, state, takes)
        self._note_texts(op, info, summary, state)
        known = self.lent_from.get(op.index, frozenset())  # paths may come here with several objects
        self.lent_from[op.index] = known | {owner for owner, _, _ in takes}
        normal = [dict(outcome.statuses) for outcome in summary.outcomes if not outcome.is_raise]
        released: set[Rid] = set()
        for rid in set(state.refs(arguments)):
            phases = {statuses[rid].phase for statuses in normal if rid in statuses}
            status = state.status(rid)
            if status is None or status.phase in ENDED:
                continue
            if phases == {"released"}:
                released.add(rid)
            elif "gone" in phases or "released" in phases:
                state.escape_one(rid, with_parents=False)
            if any(statuses[rid].used for statuses in normal if rid in statuses):
                state.update(rid, used=True)
        # Paths may come here with resources of different places.
        self.managed[op.index] = self.managed.get(op.index, frozenset()) | released
        ways = self.managers.setdefault(op.index, [])
        if summary not in ways:
            ways.append(summary)
        lends = one_for_all(summary.yields, self.knowledge)
        return Manager("local", arguments, call=op.index, way=ways.index(summary), lends=lends)


def _places_in(instance: Instance, state: State) -> Callable[[Rid], Rid]:
    """Return what says which resource here is one of the own attributes of an object to its methods."""
    held = {name: value.rid for name, value in attributes_of(instance.part, state) if isinstance(value, Ref)}
    root = instance.outside().root

    def found(rid: Rid) -> Rid:
        if rid[0][0] != "self":
            return rid
        name = str(rid[0][1])
        # What the class has is that of all its objects.
        is_of_class = any(name in each.body_values for each in instance.owner.lineage)
        return held.get(name, rid if is_of_class else (attribute_of(root, name), rid[1]))

    return found


def _forget_rebound(rebound: Collection[SiteKey], outcome: Outcome, state: State) -> None:
    """What a callee may have given another value holds something else now, as far as the outcome says nothing of it."""
    is_there = {rid[0] for rid, status in outcome.statuses if status.is_there}
    for site in rebound:
        state.forget_released(site)
        if site[0] in ("global", "field") and site not in is_there:
            state.update((site, 0), is_there=False)
        if site[0] == "self" and state.env.get(f"self.{site[1]}") == NONE:
            del state.env[f"self.{site[1]}"]


def _kept_by(info: FunctionInfo) -> SiteKey:
    return ("kept", f"{info.name}()", info.index.name.number)


def _borrowed(summary: Summary, state: State) -> set[Rid] | None:
    """Return what a function uses of what is open before it is called; None if it releases or keeps any."""
    used: set[Rid] = set()
    for rid, after in (each for outcome in summary.outcomes for each in outcome.statuses):
        before = state.status(rid)
        if before is not None and before.phase != after.phase:
            return None
        if before is not None and after.used:
            used.add(rid)
    return used


def _coroutines_in(value: Value | None) -> list[Coroutine]:
    items = value.items if isinstance(value, Many) else (value,)
    return [item for item in items if isinstance(item, Coroutine)]


def _escape_object(receiver: Receiver, state: State) -> None:
    if isinstance(receiver, Instance):
        state.escape(receiver, with_parents=True)


def _index_after(before: int, after: int, call: int) -> int:
    """Return the operation to blame after a call: the one from before the call, the call itself, or none."""
    if after in (BEFORE, IN_BLOCK):
        return before if after == BEFORE else after
    return call if after >= 0 else -1


def _place_of(site: SiteKey, receiver: Receiver) -> SiteKey | None:
    """Return where the caller finds what is an attribute of its object to a callee; None for an object made here."""
    if site[0] != "self" or receiver is OWN:
        return site
    return attribute_of(receiver.root, str(site[1])) if isinstance(receiver, Outside) else None
