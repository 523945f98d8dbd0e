"""What is given to code that runs at the same time: coroutines run together, threads, classes."""

from __future__ import annotations

import re
from abc import ABC

import libcst as cst

from lintdb.flow import ir
from lintdb.flow.local_calls import LocalCalls
from lintdb.flow.results import Sharing
from lintdb.flow.state import State
from lintdb.flow.stdlib import RUNS_TOGETHER, STARTS_THREAD, STARTS_THREAD_METHODS
from lintdb.flow.summaries import bind_arguments
from lintdb.flow.values import Box, Coroutine, Many, Ref, Rid, Value
from lintdb.syntax.names import FunctionInfo
from lintdb.syntax.walk import walk

_TAKES_TURNS = re.compile(r"lock|sem|mutex|limit", re.IGNORECASE)


def _takes_turns(function: FunctionInfo) -> bool:
    """Whether a function waits for its turn before it works."""
    module = function.index.module
    return any(
        isinstance(node, cst.With) and any(_TAKES_TURNS.search(module.code_for_node(item)) for item in node.items)
        for node in walk(function.node)
    )


def names_called_on(function: FunctionInfo) -> set[str]:
    """Return the names whose methods a function calls."""
    found: set[str] = set()
    for call in function.calls:
        node = call.func
        while isinstance(node, cst.Attribute):
            node = node.value
            if isinstance(node, cst.Name):
                found.add(node.value)
    return found


class Sharings(LocalCalls, ABC):
    """Notes who gets what; whether that may be is for others to say."""

    def note_sharing(self, op: ir.CallOp, state: State) -> None:
        """A call is about to run: does it start something that uses a resource beside this function?"""
        if op.dotted in RUNS_TOGETHER:
            for rid in self._used_together(op, state):
                self._note(op.node, "tasks", rid, state)
            return
        is_method = isinstance(op.callee, ir.AttributeOf) and op.callee.name in STARTS_THREAD_METHODS
        if op.dotted in STARTS_THREAD or is_method:
            for argument in op.arguments:
                for rid in set(state.refs(self.value(argument.operand, state))):
                    self._note(op.node, "thread", self.root_of(rid, state), state)

    def note_kept_on_class(self, op: ir.StoreAttributeOp, value: Value | None, state: State) -> None:
        """`Name.attribute = value`: every object of the class has it, in whichever thread."""
        if self.is_for_caller or not isinstance(value, Ref) or not isinstance(op.base, ir.Local):
            return
        if self.index.find_class(op.base.name, self.function) is not None:
            self._note(op.node, "class", value.rid, state)

    def _used_together(self, op: ir.CallOp, state: State) -> set[Rid]:
        """Return the resources that more than one of the coroutines that a call runs together work on."""
        seen: set[Rid] = set()
        shared: set[Rid] = set()
        for argument in op.arguments:
            value = self.value(argument.operand, state)
            held: tuple[Value | None, ...] = (value,)
            is_many = False
            if isinstance(value, Box):
                held = state.held_in(value.id)
                # What a comprehension makes in its rounds is one value here.
                is_many = len(held) == 1 and not self._is_display(op)
            elif isinstance(value, Many):
                held = value.items
            for each in held:
                for root in self._worked_on(each, state):
                    status = state.status(root)
                    if is_many and status is not None and status.visited >= 0:
                        continue  # taken out of a container: another one in each round
                    (shared if is_many or root in seen else seen).add(root)
        return shared

    def _worked_on(self, value: Value | None, state: State) -> set[Rid]:
        """Return the resource whose method a coroutine is, or those that a coroutine function of the project uses."""
        if not isinstance(value, Coroutine):
            return set()
        if isinstance(value.inner, Ref):
            return {self.root_of(value.inner.rid, state)}
        pending = self.pending_calls.get(value.call)
        if pending is None or _takes_turns(pending.function):
            return set()
        used: set[Rid] = set()
        if isinstance(value.inner, Many):
            # What it was given may be forgotten by now: the coroutine alone needs it.
            bound = bind_arguments(pending.function, pending.op.arguments, value.inner.items, state) or {}
            names = names_called_on(pending.function)
            used |= {each.rid for name, each in bound.items() if name in names and isinstance(each, Ref)}
        summary = self._summary(pending.op, pending.function, state, pending.receiver)
        if summary is not None:
            used |= {use.rid for use in summary.uses} | {rid for rid, _ in summary.statements}
        return {self.root_of(rid, state) for rid in used if rid in state.resources}

    @staticmethod
    def _is_display(op: ir.CallOp) -> bool:
        """Whether a list is written out in the call: `gather(*[a(), b()])`."""
        if not isinstance(op.node, cst.Call):
            return False
        return any(isinstance(argument.value, (cst.List, cst.Tuple, cst.Set)) for argument in op.node.args)

    def _note(self, node: cst.CSTNode, how: str, rid: Rid, state: State) -> None:
        status = state.status(rid)
        kind = self.kind_of(status)
        site = self.sites.get(rid[0])
        if kind is None or site is None or (id(node), rid[0]) in self.values_seen.sharings:
            return
        opened = site.node if isinstance(rid[0][0], int) else None
        self.values_seen.sharings[id(node), rid[0]] = Sharing(node, how, kind, site.name, opened)
