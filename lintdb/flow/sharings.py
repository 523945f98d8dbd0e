"""What is given to code that runs at the same time: coroutines run together, threads, classes."""

from __future__ import annotations

import functools
import re
from abc import ABC, abstractmethod

import libcst as cst

from lintdb.flow import ir
from lintdb.flow.constructions import Constructions
from lintdb.flow.results import Sharing
from lintdb.flow.services import holders_in
from lintdb.flow.sites import Site
from lintdb.flow.state import State
from lintdb.flow.stdlib import (
    RUNS_TOGETHER,
    STARTS_CALL_METHODS,
    STARTS_TASK,
    STARTS_TASK_METHODS,
    STARTS_THREAD,
    STARTS_THREAD_METHODS,
    THREAD_POOL_METHODS,
    THREAD_POOLS,
)
from lintdb.flow.summaries import NAMED, Summary, bind_arguments
from lintdb.flow.values import Box, Coroutine, Many, Ref, Rid, Status, Value, spelling
from lintdb.syntax.names import FunctionInfo
from lintdb.syntax.walk import walk

STARTED = "$.started."
"""What names begin with that hold what the tasks of a group work on; then comes the variable with the group.

Tasks without a group count as done with the next `await`.
"""
_TAKES_TURNS = re.compile(r"lock|sem|mutex|limit", re.IGNORECASE)
_LOCK_WORD = re.compile(r"(?:^|_)(?:r?lock|sem(?:aphore)?|mutex)s?(?:$|_)", re.IGNORECASE)
_SYNCHRONIZES = re.compile(
    r"(?:^|[^a-z])(?:r?lock(?:ed|s)?|sem(?:aphore)?|mutex)(?:$|[^a-z])|synchroni[sz]|thread_?safe|serializ",
    re.IGNORECASE,
)
_LOCKS = frozenset({"Lock", "RLock", "Condition", "Semaphore", "BoundedSemaphore", "CapacityLimiter"})
_LETS_MANY = frozenset({"Semaphore", "BoundedSemaphore", "CapacityLimiter"})


def takes_turns(function: FunctionInfo, names: set[str]) -> bool:
    """Whether a function waits for its turn before it works: with a lock around all that it does with some names.

    What is called like a lock, or has been made as one where the function sees it, is one. A decorator may hold it.
    """
    if any(_locks(each, function) for each in function.decorators):
        return True
    around: list[cst.With] = []
    for node in function.nodes:
        if isinstance(node, cst.With):
            if any(_TAKES_TURNS.search(function.index.module.code_for_node(item)) for item in node.items):
                return True
            if any(_is_lock(item.item, function) for item in node.items):
                around.append(node)
        elif isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and node.func.attr.value == "acquire":
            base = node.func.value
            name = base.attr if isinstance(base, cst.Attribute) else base
            is_called_so = isinstance(name, cst.Name) and _LOCK_WORD.search(name.value) is not None
            if is_called_so or _is_lock(base, function):
                return True
    inside = {id(node) for block in around for node in walk(block)}
    used = [node for node in function.nodes if isinstance(node, cst.Name) and node.value in names]
    return bool(around) and all(id(node) in inside for node in used)


def _locks(decorator: cst.BaseExpression, function: FunctionInfo) -> bool:
    """Whether a decorator sounds as if it held a lock (`@synchronized(lock)`), or is one of the project that does."""
    if _SYNCHRONIZES.search(function.index.module.code_for_node(decorator)):
        return True
    called = decorator.func if isinstance(decorator, cst.Call) else decorator
    found = function.index.symbol_of(called, function, is_needed=True)
    return isinstance(found, FunctionInfo) and any(
        _TAKES_TURNS.search(found.index.module.code_for_node(item))
        for node in found.nodes
        if isinstance(node, cst.With)
        for item in node.items
    )


def _is_lock(node: cst.BaseExpression, function: FunctionInfo) -> bool:
    """Whether a name, or an attribute of the object, has been made as a lock that all share, and lets in one at a time.

    One that the function makes for itself is its own.
    """
    found: list[cst.BaseExpression | None] = []
    if isinstance(node, cst.Attribute) and function.owner is not None:
        code = function.index.code_of(function.owner.node)
        said = re.findall(rf"\.{node.attr.value}[ \t]*(?::[^=\n]{{0,80}})?=[ \t]*([^\n]{{0,80}})", code)
        return bool(said) and all(_makes_lock(each) for each in said)
    if isinstance(node, cst.Name) and node.value in function.bound - function.outer:
        return False
    scope = function.parent
    while isinstance(node, cst.Name) and scope is not None and not scope.is_module:
        found += scope.given.get(node.value, ())
        scope = scope.parent
    if isinstance(node, cst.Name) and not found:
        found += function.index.values.get(node.value, ())
    return bool(found) and all(each is not None and _makes_lock(function.index.code_of(each)) for each in found)


def _makes_lock(code: str) -> bool:
    """`asyncio.Lock()`, `Semaphore(1)`; not `Semaphore(10)`, which lets in more."""
    made = re.match(r"(?:\w+\.)*(\w+)\([ \t]*(?:\w+[ \t]*=[ \t]*)?(\d*)", code)
    return made is not None and made[1] in _LOCKS and not (made[1] in _LETS_MANY and made[2] not in ("", "1"))


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


class Sharings(Constructions, ABC):
    """Notes who gets what; whether that may be is for others to say."""

    def note_sharing(self, op: ir.CallOp, state: State) -> None:
        """A call is about to run: does it start something that uses a resource beside this function?"""
        if op.dotted in RUNS_TOGETHER:
            known = state.copy()
            for rid in self._used_together(op, known):
                self._note(op.node, "tasks", rid, known)
            return
        if op.dotted in STARTS_TASK:
            self._note_started(op, "", self.first_argument(op, state), state.copy(), state)
            return
        base = op.callee.base if isinstance(op.callee, ir.AttributeOf) else None
        method = op.callee.name if isinstance(op.callee, ir.AttributeOf) else ""
        if method in STARTS_TASK_METHODS and op.dotted is None and isinstance(base, ir.Local):
            self._note_started(op, base.name, self.first_argument(op, state), state.copy(), state)
        elif method in STARTS_CALL_METHODS and op.dotted is None and isinstance(base, ir.Local):
            known = state.copy()
            self._note_started(op, base.name, self.made_coroutine(op, known), known, state)
        elif op.dotted in STARTS_THREAD or method in STARTS_THREAD_METHODS:
            for argument in op.arguments:
                self._note_threads(op, "thread", self.value(argument.operand, state), state)
        elif method in THREAD_POOL_METHODS and isinstance(base, ir.Local) and base.name in self._thread_pools:
            self._note_threads(op, "threads", self.first_argument(op, state), state)

    @functools.cached_property
    def _thread_pools(self) -> frozenset[str]:
        return holders_in(self.function, self.index, THREAD_POOLS)

    def _note_threads(self, op: ir.CallOp, how: str, value: Value | None, state: State) -> None:
        for rid in set(state.refs(value)):
            root = self.root_of(rid, state)
            kind = self.kind_of(state.status(root))
            # What several threads may use has parts that they may not.
            is_shared = kind is not None and not {"threads", "other-threads"}.intersection(kind.unshared)
            self._note(op.node, how, rid if is_shared else root, state)

    def _note_started(self, op: ir.CallOp, group: str, task: Value | None, known: State, state: State) -> None:
        """`group.create_task(coroutine)`: does it work on what another task of the group works on?

        *known* is a copy of the state, in which the coroutine is known.
        """
        used = self._worked_on(task, known)
        before = state.env.get(STARTED + group)
        busy = set(before.items) if isinstance(before, Many) else set()
        for rid in used:
            status = known.status(rid)
            if Ref(rid) in busy and (status is None or status.visited < 0):
                self._note(op.node, "tasks", rid, known)
        if used:
            held = dict.fromkeys(
                (*(before.items if isinstance(before, Many) else ()), *map(Ref, sorted(used, key=repr)))
            )
            state.set_name(STARTED + group, Many(tuple(held)))

    def note_meanwhile(self, op: ir.AwaitOp, value: Coroutine, state: State) -> None:
        """A coroutine is awaited: does it work on what a task works on that has been started and not awaited yet?"""
        status = state.status(value.rid)
        if self.is_for_caller or (status is not None and status.phase == "released"):
            return
        started = [each for name, each in state.env.items() if name.startswith(STARTED) and isinstance(each, Many)]
        busy = {item.rid for each in started for item in each.items if isinstance(item, Ref)}
        if busy:
            known = state.copy()
            for rid in self._worked_on(value, known) & busy:
                self._note(op.node, "meanwhile", rid, known)

    @abstractmethod
    def made_coroutine(self, op: ir.CallOp, state: State) -> Coroutine | None:
        """Return the coroutine that the first argument of a call makes of the others, in this state."""

    def end_group(self, item: cst.CSTNode, state: State) -> None:
        """A `with` block ends: so have the tasks of the group that it is of."""
        name = self._group_names.get(id(item))
        if name is not None:
            state.env.pop(STARTED + name, None)

    @functools.cached_property
    def _group_names(self) -> dict[int, str]:
        """What blocks call what they enter."""
        items = [item for node in self.function.nodes if isinstance(node, cst.With) for item in node.items]
        named = [(item, item.asname.name) for item in items if item.asname is not None]
        return {id(item.item): name.value for item, name in named if isinstance(name, cst.Name)}

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
            call = self.calls.get(value.call)
            is_beside = call is not None and call.model.beside_reader
            return {self.root_of(value.inner.rid, state)} if not is_beside else set()
        pending = self.pending_calls.get(value.call)
        if pending is None:
            return set()
        used: set[Rid] = set()
        called: set[str] = set()
        if isinstance(value.inner, Many):
            # What it was given may be forgotten by now: the coroutine alone needs it.
            bound = bind_arguments(pending.function, pending.op.arguments, value.inner.items, state) or {}
            names = names_called_on(pending.function)
            called = {name for name, each in bound.items() if name in names and isinstance(each, Ref)}
            used |= {each.rid for name, each in bound.items() if name in called and isinstance(each, Ref)}
        summary = self._summary(pending.op, pending.function, state, pending.receiver)
        if summary is not None:
            used |= {use.rid for use in summary.uses} | {rid for rid, _ in summary.statements}
            self._get_to_know(used, summary, state)
        roots = {self.root_of(rid, state) for rid in used if rid in state.resources}
        return roots if roots and not takes_turns(pending.function, self._names_of(roots, called)) else set()

    def _names_of(self, rids: set[Rid], called: set[str]) -> set[str]:
        """Return what resources may be called in a function: as here, or as its parameters are."""
        sites = (self.sites.get(rid[0]) for rid in rids)
        return called | {site.name.rpartition(".")[2] for site in sites if site is not None and site.name}

    def _get_to_know(self, rids: set[Rid], summary: Summary, state: State) -> None:
        """What a callee works on by a name that both sides have (`self.conn`) may not have come up here before."""
        statuses = {rid: status for outcome in summary.outcomes for rid, status in outcome.statuses}
        for rid in rids - set(state.resources):
            if rid in statuses and rid[0][0] in NAMED:
                state.resources[rid] = Status(statuses[rid].kind, owed=False, outlives=True)
                self.sites.setdefault(
                    rid[0], Site(self.function.node, statuses[rid].kind, spelling(rid[0], self.spelled))
                )

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
