"""The abstract state of one path, and the operations on resources that all of the engine shares."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from lintdb.flow.values import (
    ENDED,
    TRUE,
    WRAPPERS,
    Box,
    Coroutine,
    Data,
    Function,
    Instance,
    Literal,
    Manager,
    Many,
    Method,
    Name,
    Opening,
    Outside,
    Partial,
    Raised,
    Ref,
    Rid,
    SiteKey,
    Status,
    Table,
    Truthiness,
    Value,
    parts_of,
    spelling,
    widened,
)

if TYPE_CHECKING:
    import libcst as cst

LASTING = ("arg", "self", "global", "field", "decorator")
_PLAIN = (Literal, Truthiness, Name, Opening)

Trace = tuple["Trace | None", "cst.CSTNode", str, object]
"""A linked list of what happened on a path, newest first: (earlier, node, what, data)."""

FILLED = TRUE
"""Stands for what a container holds that is not followed: it is not empty."""

_LEAVES = frozenset({Literal, Truthiness, Name, Data, Outside, Opening})
"""The commonest sorts of values that reach nothing."""
_MAY_HOLD_BOXES = WRAPPERS | {Box}

WAS = "$was"
"""What the slot of an error begins with that a handler's name does not stand for any more."""

_AWAY = "$.away."
"""What names begin with that are bound once somebody else has an object that was made here; then comes its prefix."""


Key = tuple[object, ...]


class State:
    """What one path knows. Copied at every fork; compared by `key`.

    `env`: variable → value (absent: unknown). `boxes`: container id → contents (absent: somebody else has it, too).
    `resources`: what the path knows of
    each resource. `facts`: condition text → outcome. `low`: how unlikely the path is (0: not at all).
    `raised`: the exception in flight. `kept`: exceptions kept by handlers and `finally` copies, by slot.
    """

    __slots__ = ("boxes", "env", "facts", "kept", "low", "raised", "resources", "trace")

    def __init__(self) -> None:
        self.env: dict[str, Value] = {}
        self.boxes: dict[int, tuple[Value, ...]] = {}
        self.resources: dict[Rid, Status] = {}
        self.facts: dict[str, bool] = {}
        self.kept: dict[str, Raised] = {}
        self.low = 0
        self.raised: Raised | None = None
        self.trace: Trace | None = None

    def copy(self) -> State:
        """Return an independent copy that shares the past."""
        new = State.__new__(State)
        new.env = self.env.copy()
        new.boxes = self.boxes.copy()
        new.resources = self.resources.copy()
        new.facts = self.facts.copy()
        new.kept = self.kept.copy()
        new.low = self.low
        new.raised = self.raised
        new.trace = self.trace
        return new

    def key(self) -> Key:
        """Return a hashable: equal for states between which the future cannot tell, but for how likely they are."""
        return (
            frozenset(self.env.items()),
            frozenset(self.boxes.items()) if self.boxes else None,
            _without_low(self.resources) if self.resources else None,
            frozenset(self.facts.items()) if self.facts else None,
            frozenset(self.kept.items()) if self.kept else None,
            self.raised,
        )

    def note(self, node: cst.CSTNode, what: str, data: object = None) -> None:
        """Remember a step of the path."""
        self.trace = (self.trace, node, what, data)

    def set_name(self, name: str, value: Value | None) -> None:
        """Bind a variable; what was known of conditions on it is forgotten."""
        if value is None:
            self.env.pop(name, None)
        else:
            self.env[name] = widened(value) if type(value) in WRAPPERS else value

    def forget_facts(self, name: str) -> None:
        """A variable, or an attribute, gets another value: conditions that mention it are not decided any more."""
        for key in [key for key in self.facts if _mentions(key, name)]:
            del self.facts[key]

    def forget_learned(self, name: str, learned: Collection[str]) -> None:
        """Somebody gets an object who may change it: what loops and counters have told of it holds no more."""
        for key in [key for key in self.facts if key in learned and key.startswith((f"{name}.", f"{name}["))]:
            del self.facts[key]

    def rename_error(self, source: str, target: str) -> None:
        """`failure = error`: what a handler has caught is known by another name, behind the handler, too."""
        known = self.kept.get(f"$exc:{source}") or self.kept.get(f"{WAS}$exc:{source}")
        self.kept.pop(f"{WAS}$exc:{target}", None)
        if known is not None:
            self.kept[f"{WAS}$exc:{target}"] = known

    def status(self, rid: Rid) -> Status | None:
        """Return what is known of a resource."""
        return self.resources.get(rid)

    def refs(self, value: Value | None) -> Iterator[Rid]:
        """Return the resources that can be reached from a value, found as they are asked for."""
        if value is None or type(value) in _LEAVES:
            return iter(())
        if type(value) is Ref:
            return iter((value.rid,))
        if not self.resources:
            return iter(())  # there are none to be reached
        return (each.rid for each in self._reached(value) if isinstance(each, (Ref, Coroutine)))

    def _reached(self, value: Value | None) -> Iterator[Value]:
        """Yield a value, and all that can be reached from it."""
        seen: set[int] = set()
        prefixes: tuple[str, ...] = ()
        todo: list[Value | None] = [value]
        while todo:
            current = todo.pop()
            if current is None:
                continue
            yield current
            if isinstance(current, Many):
                todo.extend(current.items)
            elif isinstance(current, Table):
                todo.extend(item for _, item in current.items)
            elif isinstance(current, Box):
                if current.id not in seen:
                    seen.add(current.id)
                    todo.extend(self.boxes.get(current.id, ()))
            elif isinstance(current, Instance):
                # The attributes of an object may hold it: each is looked into once, with those of objects in it.
                prefix = current.prefix
                if not prefix.startswith(prefixes or "\n"):
                    prefixes = (*prefixes, prefix)
                    todo += [held for name, held in self.env.items() if name.startswith(prefix)]
            elif isinstance(current, Method):
                todo.append(current.receiver)
            elif isinstance(current, Partial):
                todo += (current.callee, *current.items)
            elif isinstance(current, Manager):
                todo.append(current.inner)
            elif isinstance(current, Coroutine):
                todo += (current.inner, *current.captured)
            elif isinstance(current, Function) and id(current.info) not in seen:
                # What a closure captures: the variables of this function that it reads.
                seen.add(id(current.info))
                if current.info.is_nested:
                    todo.extend(self.env.get(name) for name in current.info.free_names)

    def reached(self) -> set[Rid]:
        """Return the resources that some variable holds."""
        return set(self.refs(Many(tuple(self.env.values()))))

    def holds_any(self, value: Value | None) -> bool:
        """Whether any resource can be reached from a value."""
        return next(self.refs(value), None) is not None

    def put_in(self, box: Box, *values: Value) -> None:
        """Add values to a container; what is put into one that somebody else has is theirs, too."""
        held = self.boxes.get(box.id)
        if held is None:
            self.escape(Many(values), with_parents=True)
        else:
            self.boxes[box.id] = tuple(dict.fromkeys((*held, *map(widened, values))))

    def empty(self, box: Box) -> None:
        """Forget what a container holds."""
        if box.id in self.boxes:
            self.boxes[box.id] = ()

    def forget_fields(self, instance: Instance) -> None:
        """Forget what the attributes of an object hold."""
        for name in [name for name in self.env if name.startswith((instance.prefix, _AWAY + instance.prefix))]:
            del self.env[name]

    def update(self, rid: Rid, **changes: Any) -> None:
        """Change fields of a resource's status."""
        status = self.resources.get(rid)
        if status is not None:
            self.resources[rid] = status._replace(**changes)

    def doubt(self, rid: Rid) -> None:
        """What was released may be open again, and with it what belongs to it: nothing is known of them any more."""
        status = self.resources.get(rid)
        if status is not None and status.phase == "released":
            self.resources[rid] = status._replace(phase="gone")
        for child in self.children(rid):
            if self.resources[child].phase == "released":
                self.doubt(child)

    def misuse(self, rid: Rid) -> None:
        """What was released is used: that raises, so nothing comes behind it, and nothing more is said of it."""
        status = self.resources.get(rid)
        if status is not None and status.phase == "released":
            self.resources[rid] = status._replace(phase="misused", outlives=False)
        for child in self.children(rid):
            if self.resources[child].phase == "released":
                self.misuse(child)

    def visit(self, rid: Rid, loop: int) -> None:
        """A loop takes a resource out of a container; one that is released is another of the same place by now."""
        status = self.resources.get(rid)
        if status is not None:
            phase = "gone" if status.phase == "released" else status.phase
            self.resources[rid] = status._replace(visited=loop, phase=phase)

    def children(self, rid: Rid) -> list[Rid]:
        """Return the resources that go with *rid* when it is released or handed over."""
        return [other for other, status in self.resources.items() if status.parent == rid and status.goes_with_parent]

    def bind_children(self, value: Value | None) -> None:
        """What belongs to resources goes with them when they are released next, also what would live on otherwise."""
        ending = set(self.refs(value))
        for rid, status in self.resources.items():
            if status.parent in ending:
                self.resources[rid] = status._replace(goes_with_parent=True)

    def escape(self, value: Value | None, with_parents: bool, all_parents: bool = False) -> None:
        """Somebody else holds the value from here on: what it reaches owes nothing here any more.

        *with_parents*: a child that lives on keeps its parent alive, so the parent goes too, if it can be reached
        through the child; *all_parents*: even if not, since nobody else has it.
        """
        for rid in list(self.refs(value)):
            self.escape_one(rid, with_parents, all_parents)
        for each in list(self._reached(value)):
            if isinstance(each, Box):
                self.boxes.pop(each.id, None)
            elif isinstance(each, Instance):
                self.env[_AWAY + each.prefix] = TRUE

    def is_away(self, instance: Instance) -> bool:
        """Whether somebody else has an object that was made here, and with it what it opens from then on."""
        return _AWAY + instance.prefix in self.env

    def hand_over(self, value: Value | None) -> None:
        """The value now lives on outside of the function; it stays known there as something borrowed."""
        self.escape(value, with_parents=True, all_parents=True)
        for rid in set(self.refs(value)):
            status = self.resources.get(rid)
            if status is not None and status.phase == "gone":
                self.update(rid, outlives=True)

    def escape_one(self, rid: Rid, with_parents: bool, all_parents: bool = False) -> None:
        """Escape one resource with all that it owns."""
        status = self.resources.get(rid)
        if status is None or status.phase == "gone":
            return
        if status.phase == "released":
            self.doubt(rid)
        else:
            self.resources[rid] = _settled(status, "gone")
        if status.owed:
            # Whoever has it now has what belongs to it; what came from outside has been somebody's all along.
            for child in self.children(rid):
                self.escape_one(child, False)
        if with_parents and (status.keeps_parent or all_parents) and status.parent is not None:
            parent = self.resources.get(status.parent)
            if parent is not None and (parent.owed or parent.keeps_parent):
                self.escape_one(status.parent, True, all_parents)

    def drop(self, rid: Rid) -> None:
        """Forget a resource, with what goes with it."""
        for child in self.children(rid):
            self.drop(child)
        self.resources.pop(rid, None)

    def use(self, rid: Rid | None) -> None:
        """A call on a resource was tried: it may hold something now, and so may what it came from."""
        while rid is not None:
            status = self.resources.get(rid)
            if status is None:
                return
            if not status.used:
                self.update(rid, used=True)
            rid = status.parent

    def release(self, rid: Rid) -> None:
        """Mark a resource, and the children that go with it, as released."""
        status = self.resources.get(rid)
        if status is None or status.phase in ENDED:
            return
        self.resources[rid] = _settled(status, "released")
        for child in self.children(rid):
            self.release(child)

    def forget_failure(self, call: int) -> None:
        """The exception of a call turns out to leave the units of work as they were."""
        for rid, status in self.resources.items():
            if status.failed == call:
                self.resources[rid] = status._replace(failed=-1)

    def forget_released(self, site: SiteKey) -> None:
        """A global, or an attribute of an object, has got another value: it does not hold what was released."""
        name = spelling(site)
        held = self.env.get(name)
        status = self.resources.get(held.rid) if isinstance(held, Ref) else None
        if status is not None and status.phase == "released":
            del self.env[name]
        status = self.resources.get((site, 0))
        if status is not None and status.phase == "released":
            del self.resources[site, 0]

    def mark_raised(self) -> None:
        """An opaque operation raised: every resource that is open now has seen it."""
        for rid, status in self.resources.items():
            if status.phase == "open" and not (status.raised and (status.cut or status.pending < 0)):
                self.resources[rid] = status._replace(raised=True, cut=status.pending >= 0)

    def make_unlikely(self, low: int) -> None:
        """Something unlikely happened: the path is, and so is all that becomes of what is open now."""
        self.low = max(self.low, low)
        for rid, status in self.resources.items():
            if status.phase == "open" and status.low < low:
                self.resources[rid] = status._replace(low=low)

    def forget_dead(self, live: frozenset[str], tests: frozenset[str]) -> None:
        """Drop what cannot matter any more, so that states that differ in nothing else become equal.

        Variables that nothing reads; constants and truth values that no condition tests; conditions that are not tested
        again; resources that are settled and not held by anything.
        """
        dead = [
            name
            for name, value in self.env.items()
            if (name not in live or (name not in tests and name != "$return" and _is_for_tests(value)))
            and "." not in name
        ]
        for name in dead:
            del self.env[name]
        if self.facts:
            for key in [key for key in self.facts if "?" + key not in tests and " loop " not in key]:
                del self.facts[key]
        if self.boxes:
            self._forget_boxes(tests)
        if self.resources:
            self._forget_settled()

    def _forget_boxes(self, tests: frozenset[str]) -> None:
        """Drop containers that no variable holds, directly or inside another value; and that those are not empty.

        The latter matters only of those that a condition tests.
        """
        held: set[int] = set()
        todo: list[Value | None] = [value for value in self.env.values() if type(value) in _MAY_HOLD_BOXES]
        while todo:
            value = todo.pop()
            if isinstance(value, Box):
                if value.id not in held:
                    held.add(value.id)
                    todo.extend(self.boxes.get(value.id, ()))
            elif value is not None:
                todo.extend(parts_of(value))
        for box in [box for box in self.boxes if box not in held]:
            del self.boxes[box]
        filled = {box for box, contents in self.boxes.items() if FILLED in contents}
        if filled:
            filled -= {value.id for name, value in self.env.items() if isinstance(value, Box) and name in tests}
        for number in filled:
            self.take_out(number)

    def held_in(self, box: int) -> tuple[Value, ...]:
        """Return what is known to be in a container."""
        return tuple(each for each in self.boxes.get(box, ()) if each != FILLED)

    def take_out(self, box: int) -> None:
        """Something is taken out of a container, which may be empty then."""
        if box in self.boxes:
            self.boxes[box] = self.held_in(box)

    def _forget_settled(self) -> None:
        """Drop resources that owe nothing, have no work pending, and cannot be reached any more."""
        settled = [
            rid
            for rid, status in self.resources.items()
            if (status.phase != "open" or not status.owed)
            and status.pending < 0
            and status.failed < 0
            and (status.begun < 0 or status.phase != "open")
            and status.switched < 0
            and rid[0][0] not in LASTING
        ]
        if not settled:
            return
        reached = {status.parent for status in self.resources.values()}
        holders: list[Value] = []
        for name, value in self.env.items():
            if type(value) is Ref:
                reached.add(value.rid)
            elif name[0] != "#" and type(value) not in _PLAIN:
                holders.append(value)
        reached.update(self.refs(Many(tuple(holders))))
        for rid in settled:
            if rid not in reached:
                del self.resources[rid]


def reaches_nothing(value: Value) -> bool:
    """Whether a value is surely none that leads to a resource, nor a tuple or the like of others."""
    return type(value) in _LEAVES


def _settled(status: Status, phase: str) -> Status:
    """Return the status of a resource whose unit of work is nobody's business here any more."""
    return status._replace(phase=phase, pending=-1, failed=-1, cut=False, begun=-1, switched=-1)


def _is_for_tests(value: Value) -> bool:
    """Whether a value tells nothing but how a test of it ends: a truth value, the start of a text, a plain constant."""
    return type(value) in (Truthiness, Opening) or (type(value) is Literal and type(value.value) is not str)


def _mentions(key: str, name: str) -> bool:
    """Whether a condition text mentions a name as a whole word."""
    start = key.find(name)
    while start >= 0:
        end = start + len(name)
        before = key[start - 1] if start else " "
        after = key[end] if end < len(key) else " "
        if not (before.isalnum() or before == "_") and not (after.isalnum() or after == "_"):
            return True
        start = key.find(name, start + 1)
    return False


def _without_low(resources: Mapping[Rid, Status]) -> Hashable:
    """Return what is known of resources but for how likely that is, which seldom is less than sure."""
    for status in resources.values():
        if status.low:
            break
    else:
        return frozenset(resources.items())
    return frozenset([(rid, status._replace(low=0) if status.low else status) for rid, status in resources.items()])
