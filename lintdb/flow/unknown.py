"""Calls of something that nothing is known of: they may raise anything, and may keep what they are given."""

from __future__ import annotations

import libcst as cst

from lintdb.flow import ir
from lintdb.flow.callbacks import is_given, releases_after
from lintdb.flow.rows import Rows
from lintdb.flow.sites import COROUTINE, Site
from lintdb.flow.state import LASTING, State, reaches_nothing
from lintdb.flow.stdlib import (
    MILD_FUNCTIONS,
    MILD_METHODS,
)
from lintdb.flow.values import (
    Many,
    Query,
    Ref,
    Rid,
    Status,
    Value,
)


class UnknownCalls(Rows):
    """The effects of unknown callees."""

    def make_coroutine(self, op: ir.CallOp, released: Value | None, state: State, *, owes: bool) -> Rid:
        """Note that a call has made a coroutine, which would release a value if it ran; return what stands for it."""
        site = ("coroutine", op.index)
        self.sites[site] = Site(op.node, COROUTINE)
        state.resources[site, 0] = Status(COROUTINE, owed=owes)
        if released is not None:
            self.meant_releases.setdefault(site, set()).update(each[0] for each in state.refs(released))
        return site, 0

    def unknown_call(self, op: ir.CallOp, state: State) -> list[State] | None:
        """Nothing is known of the callee: it may raise anything, and in most cases may keep what it is given."""
        leaves_arguments = self._leaves_arguments(op, state)
        if not leaves_arguments:
            if not _makes_object(op) and not _is_mild(op) and op.dotted != "setattr":
                for rid in list(state.refs(self.arguments_value(op, state))):
                    state.use(rid)  # a session that somebody else works with connects by way of its engine
            self.give_away(op, state, is_kept=_makes_object(op))
        self.forget_missing(state)
        self._forget_released(op, state)
        unit = self.unit_worked_in(op, state)
        thrown = self.throw(state, op.node, is_low=op.in_cleanup or (unit is None and _is_mild(op)))
        if thrown is not None and unit is not None:
            self.fail_unit_around(unit, op, thrown)
        if leaves_arguments:
            # Not before it can fail: what connects with its first use may not get that far.
            for rid in state.refs(self.arguments_value(op, state)):
                state.use(rid)
        state.set_name(op.target, self._statement(op))
        return None

    def _leaves_arguments(self, op: ir.CallOp, state: State) -> bool:
        """`Base.metadata.create_all(engine)`: nothing is known of the object, but of objects with such a method."""
        function = op.node.func if isinstance(op.node, cst.Call) else None
        if not isinstance(function, cst.Attribute):
            return False
        if function.attr.value in self.knowledge.borrowers():
            return True
        if function.attr.value not in self.knowledge.pool_borrowers():
            return False
        kinds = [self.kind_of(state.status(rid)) for rid in state.refs(self.arguments_value(op, state))]
        return all(kind is not None and kind.is_pool for kind in kinds)

    def give_away(self, op: ir.CallOp, state: State, *, is_kept: bool) -> None:
        """What a call is given is somebody else's matter from here on; *is_kept*: with what it belongs to."""
        values = tuple(self.value(argument.operand, state) for argument in op.arguments)
        if all(value is None or reaches_nothing(value) for value in values):
            return
        arguments = Many(values)
        self.account_for(arguments, state)
        for rid in state.refs(arguments):
            self.units.unclear.add(self.root_of(rid, state)[0])
            site = self.sites.get(rid[0])
            if site is not None and op.dotted != "setattr":  # which keeps it, and does nothing to it
                self.handed_on.add(id(site.node))
        kept = Many(tuple(None if self._is_lent(op, value, state) else value for value in values))
        state.escape(kept, with_parents=is_kept)
        self._escape_unnamed_parents(kept, state)

    def _is_lent(self, op: ir.CallOp, value: Value | None, state: State) -> bool:
        """Whether a callback gets what this function releases after it on each way that goes on: it is lent."""
        status = state.status(value.rid) if isinstance(value, Ref) else None
        kind = self.kind_of(status)
        if not isinstance(value, Ref) or status is None or kind is None or not status.owed or status.phase != "open":
            return False
        if not isinstance(op.callee, ir.Local) or not is_given(op.callee.name, self.function):
            return False
        owner = self.kind_of(state.status(status.parent)) if status.parent is not None else None
        names = {name for name, held in state.env.items() if held == value}
        if not any(releases_after(op.node, name, kind, owner, self.function) for name in names):
            return False
        state.update(value.rid, pending=-1, failed=-1, cut=False, begun=-1)  # whatever the callback has done with it
        state.use(value.rid)
        return True

    def _forget_released(self, op: ir.CallOp, state: State) -> None:
        """`self.reconnect()`: a callee that can reach the object, or the module, may open again what was released."""
        callee = op.callee
        operands = [argument.operand for argument in op.arguments]
        if op.dotted is not None or (isinstance(callee, ir.AttributeOf) and isinstance(callee.base, ir.Local)):
            if isinstance(callee, ir.AttributeOf):
                operands.append(callee.base)
            if not any(isinstance(each, ir.Local) and self.is_self(each.name) for each in operands):
                return
        for site, generation in list(state.resources):
            if site[0] in ("self", "global") and generation == 0:
                state.forget_released(site)

    def _statement(self, op: ir.CallOp) -> Query | None:
        """`table.insert()`: a method without arguments that makes a statement, if it is one of a library's tables."""
        function = op.node.func if isinstance(op.node, cst.Call) else None
        if not isinstance(function, cst.Attribute) or op.arguments:
            return None
        event = self.knowledge.statement_event(function.attr.value)
        return Query(event) if event is not None else None

    def _escape_unnamed_parents(self, value: Value, state: State) -> None:
        """`work(Client(Pool()))`: nobody but the callee can reach the pool, through the client."""
        parents = {
            s.parent for rid in state.refs(value) if (s := state.status(rid)) is not None and s.parent is not None
        }
        if not parents:
            return
        named: set[Rid] = set()
        for name, held in state.env.items():
            if not name.startswith("$"):
                named.update(state.refs(held))
        for parent in parents - named:
            if parent[0][0] not in LASTING:  # somebody else has that, by a name of his own
                state.escape_one(parent, with_parents=False)


def _makes_object(op: ir.CallOp) -> bool:
    """Whether a call makes an object, by the name of what is called: that will hold what it is given."""
    function = op.node.func if isinstance(op.node, cst.Call) else None
    name = function.attr if isinstance(function, cst.Attribute) else function
    if not isinstance(name, cst.Name):
        return False
    return name.value == "cls" or name.value.lstrip("_")[:1].isupper()


def _is_mild(op: ir.CallOp) -> bool:
    """Whether a call of something unknown is unlikely to raise: conversions, text methods, somebody's `close()`."""
    if op.dotted is not None:
        return op.dotted in MILD_FUNCTIONS
    function = op.node.func if isinstance(op.node, cst.Call) else None
    # What has the method need not be followed: `config.get("kind", "plain").lower()`.
    name = function.attr.value if isinstance(function, cst.Attribute) else ""
    if name == "get":
        # `d.get(key, default)`; with one argument it may as well be a request to a server.
        return len(op.arguments) == 2 and not any(argument.keyword for argument in op.arguments)
    return name in MILD_METHODS
