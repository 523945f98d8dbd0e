"""What a function does for its callers, and the names under which resources are known on either side of a call.

A summary is made once for each way of calling a function: for equal arguments, where resources are equal if they are
in equal states. So those that come from the caller are renamed to ("arg", n) first, and given their names back after.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import libcst as cst

from lintdb.flow import ir
from lintdb.flow.objects import Field, as_part, fields_of, parts_of
from lintdb.flow.reach import Reached
from lintdb.flow.results import Blocking
from lintdb.flow.sites import EarlyUse
from lintdb.flow.state import State, reaches_nothing
from lintdb.flow.texts import is_text, opening_of
from lintdb.flow.values import (
    GIVEN_OBJECT,
    IN_BLOCK,
    NONE,
    OWN_OBJECT,
    SELF,
    Box,
    Data,
    Function,
    Instance,
    Literal,
    Many,
    Method,
    Name,
    Names,
    Outside,
    Partial,
    Raised,
    Ref,
    Rid,
    SiteKey,
    Status,
    Table,
    Truthiness,
    Unbound,
    Value,
    holder_of,
    prefix_of,
    renamed,
    spelling,
)
from lintdb.syntax.beginnings import beginnings_asked
from lintdb.syntax.names import CONSTANTS, FunctionInfo
from lintdb.syntax.walk import walk

BEFORE = 1 << 30
"""Stands for "work that was pending before the call" while a summary is made."""
WORKS = -2
"""The unit of work had failed before the call, and a statement of the callee has shown that it goes on all the same."""
REFUSED = 1 << 60
"""Stands for a call that was to make the work permanent and failed; a caller adds it to the number of its own call."""
SPARED = 1 << 50
"""A caller adds it to the number of the call that began a unit, where a callee might have ended that and did not."""
SPARED_BEFORE = SPARED + BEFORE
"""Stands for such a unit that was begun before the call, in what becomes of it."""
NAMED = ("self", "global", "field")
"""Sites that caller and callee have names for: attributes of objects, and globals."""
_MOST_TESTED = 3
"""Attributes of which a callee gets to know what its caller has tested; each doubles the ways to call it."""
_MANY_CALLS = 30
"""Calls in a callee that is followed so long that it gets to know nothing of the sort."""
YIELDED = "$.yielded"
"""A name that is bound once a path has passed a `yield`: to how far it got."""
RESUMED = Literal("resumed")
"""As far as that: what it lent has come back, and it has gone on."""


@dataclass(frozen=True)
class Outcome:
    """One way a function ends, for its callers: what becomes of the resources it got, and what it returns.

    Resources are named as in the summary's own run; `statuses` has those that the caller can see. `fields` are the
    attributes of the object whose method was called, `made` those of an object that the function made and returns,
    `given` those of the objects among its arguments, by their numbers.
    `yielded` says of a generator whether the path has passed a `yield` ("reached"), and gone on after it ("resumed").
    `kept_as` is the attribute of the caller's own object in which the function has put what it returns.
    """

    is_raise: bool
    value: Value | None
    statuses: tuple[tuple[Rid, Status], ...]
    raised: Raised
    low: int
    committed: frozenset[Rid]
    fields: tuple[tuple[str, Value], ...] = ()
    made: tuple[tuple[str, Value], ...] = ()
    given: tuple[tuple[int, tuple[tuple[str, Value], ...]], ...] = ()
    yielded: str = ""
    kept_as: str = ""


@dataclass(frozen=True)
class Summary:
    """All outcomes of a function for one way of calling it.

    `blocks` is the call in it that makes the thread wait for a resource, `waits` one that waits for something else. For
    a generator: whether what it yields is `drops_work`: released on every normal path, with no commit; and whether that
    is released at all (`ends_yielded`, and where the block raises); `late_uses` is what it got and uses when it
    goes on after its `yield`, or (true) after an error there, `lenders` what it got and what it yields belongs to.
    `uses` are of what was released before the call; `rebinds` are the attributes of the object, and the globals,
    that get another value, `replaces` the attributes that may hold something open then; `statements` says what it
    sends statements to, and whether more than one; `takes` what it takes from owners of many: owner, kind and place.
    `refuses`: it raises where it finds nothing, so that it may be called for that alone. `undone` are the libraries to
    which it says that the unit of work around has failed.
    `holds` are sessions that have a connection whichever way it returns. `runs` are the parameters that it runs as the
    text of a query, each with the text that stands before it there; `unsure` the resources that it makes and of which
    its callers cannot be sure that they own them.
    `went_on` are the units of work that have failed before the call and that it goes on with, each with whether it does
    no more than end them.
    `told` are the globals whose unit of work it leaves failed by an error, each with the function that is told of that.
    `unclear` are the resources on which it does something that may write, for all that can be seen.
    """

    outcomes: tuple[Outcome, ...]
    yields: tuple[Value | None, ...]
    blocks: Blocking | None = None
    drops_work: bool = False
    uses: tuple[EarlyUse, ...] = ()
    late_uses: frozenset[tuple[Rid, bool]] = frozenset()
    lenders: frozenset[Rid] = frozenset()
    rebinds: frozenset[SiteKey] = frozenset()
    replaces: frozenset[str] = frozenset()
    ends_yielded: bool = False
    ends_yielded_on_error: bool = False
    waits: cst.CSTNode | None = None
    statements: tuple[tuple[Rid, bool], ...] = ()
    went_on: frozenset[tuple[Rid, bool]] = frozenset()
    refuses: bool = False
    takes: tuple[tuple[Rid, str, cst.CSTNode], ...] = ()
    undone: frozenset[str] = frozenset()
    holds: frozenset[Rid] = frozenset()
    runs: frozenset[tuple[str, str]] = frozenset()
    unsure: frozenset[SiteKey] = frozenset()
    told: tuple[tuple[SiteKey, FunctionInfo], ...] = ()
    unclear: frozenset[SiteKey] = frozenset()


_MOST_KEYWORDS = 4
"""Keywords beside a callee's own parameters that tell calls apart."""


# --- before the call ------------------------------------------------------------------------------------------------


def bind_arguments(
    info: FunctionInfo, arguments: Sequence[ir.CallArgument], values: Sequence[Value | None], state: State
) -> dict[str, Value] | None:
    """Match the values of arguments to parameters; None where a star hides which resource goes where."""
    if isinstance(info.node, cst.Module):
        return None
    signature = info.node.params
    params = info.params[1:] if info.is_method else info.params
    star = signature.star_arg.name.value if isinstance(signature.star_arg, cst.Param) else None
    star_kwarg = signature.star_kwarg.name.value if signature.star_kwarg is not None else None
    keyword_only = {p.name.value for p in signature.kwonly_params}
    free = [p.name.value for p in params if p.name.value not in {*keyword_only, star, star_kwarg}]
    by_name = {*free, *keyword_only}
    free.reverse()
    bound: dict[str, Value | None] = {}
    rest: list[Value | None] = []
    named_rest: list[tuple[object, Value | None]] = []
    is_hidden = False
    for keyword, value, is_last in written_out(arguments, values):
        is_hidden = is_hidden or is_last
        if is_hidden and keyword is None and state.holds_any(value):
            return None
        if keyword in by_name:
            bound[keyword] = value
        elif keyword is not None:
            named_rest.append((keyword, value))
        elif not is_last:
            if free:
                bound[free.pop()] = value
            else:
                rest.append(value)
    known = {name: value for name, value in bound.items() if value is not None}
    if star is not None:
        known[star] = Many(tuple(rest), is_sequence=True, of_type="tuple")
    options = _options(star_kwarg, named_rest, info, state) if star_kwarg is not None else None
    if star_kwarg is not None and options is not None:
        known[star_kwarg] = options
    if not is_hidden:
        given = {*bound, *(argument.keyword for argument in arguments)}
        known.update(_defaults(info, [param for param in params if param.name.value not in given]))
    for name, value in _captured(info, state):
        known.setdefault(name, value)
    return known


def _options(name: str, given: Sequence[tuple[object, Value | None]], info: FunctionInfo, state: State) -> Table | None:
    """Return what `**options` are in a function, but for what it takes out of them; None where it does not matter."""
    options = Table(tuple(given))
    return options if stays(name, info) or state.holds_any(options) else None


@functools.lru_cache(maxsize=1024)
def stays(name: str, info: FunctionInfo) -> bool:
    """Whether a function does no more with its `**options` than look, take some out, and write them out in calls."""
    nodes = list(walk(info.node))
    harmless = 1  # the parameter itself
    for node in nodes:
        if isinstance(node, cst.Arg) and node.star == "**":
            harmless += isinstance(node.value, cst.Name) and node.value.value == name
        elif isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute):
            base, key = node.func.value, node.args[0].value if node.args else None
            is_method = isinstance(base, cst.Name) and base.value == name and isinstance(key, cst.SimpleString)
            harmless += is_method and node.func.attr.value in ("get", "pop")
    return sum(isinstance(node, cst.Name) and node.value == name for node in nodes) == harmless


def argument_for(info: FunctionInfo, name: str, arguments: Sequence[ir.CallArgument]) -> ir.Operand | None:
    """Return what a call gives for a parameter; None where that cannot be seen, or the default counts."""
    params = [param.name.value for param in (info.params[1:] if info.is_method else info.params)]
    positional: list[ir.Operand] = []
    for argument in arguments:
        if argument.keyword == name:
            return argument.operand
        if argument.star:
            break
        if argument.keyword is None:
            positional.append(argument.operand)
    place = params.index(name) if name in params else len(positional)
    return positional[place] if place < len(positional) else None


def written_out(
    arguments: Sequence[ir.CallArgument], values: Sequence[Value | None]
) -> Iterator[tuple[str | None, Value | None, bool]]:
    """Yield keyword and value of each argument, those of `*args` and `**kwargs` one by one where they can be seen.

    The last of the three says that it is a star that hides what is in it.
    """
    for argument, value in zip(arguments, values, strict=True):
        if argument.star == "*" and isinstance(value, Many) and value.is_sequence:
            yield from ((None, item, False) for item in value.items)
        elif argument.star == "**" and isinstance(value, Table) and all(isinstance(key, str) for key, _ in value.items):
            yield from ((str(key), item, False) for key, item in value.items)
        else:
            yield argument.keyword, value, bool(argument.star)


def _captured(info: FunctionInfo, state: State) -> Iterator[tuple[str, Value]]:
    """Yield what a nested function reads from the one that it is in."""
    if info.parent is not None and not info.parent.is_module and info.owner is None:
        for name in info.free_names:
            value = state.env.get(name)
            if value is not None:
                yield name, value


def _defaults(info: FunctionInfo, params: Sequence[cst.Param]) -> dict[str, Value]:
    """Return the defaults that a summary may depend on: None, True, False, and texts that the function compares."""
    found: dict[str, Value] = {}
    for param in params:
        name, default = param.name.value, param.default
        if isinstance(default, cst.Name) and default.value in CONSTANTS:
            found[name] = Literal(CONSTANTS[default.value])
        elif isinstance(default, cst.SimpleString) and name in info.compared:
            found[name] = Literal(default.evaluated_value)
    return found


def start_of_call(
    info: FunctionInfo,
    bound: dict[str, Value],
    state: State,
    receiver: Instance | Outside | None,
    reached: Reached | None,
    *,
    shares_self: bool,
) -> State:
    """Return what the callee knows of what the caller knows, in the caller's names.

    *receiver* is the object whose method it is, if the caller follows that; *shares_self*: it is the caller's own.
    *reached* are the attributes of that object that the callee can reach, None if it can reach all: plain data in
    others cannot matter there, and neither can what is idle.
    """
    start = State()
    objects = _Objects(receiver, state)
    for name, value in bound.items():
        # Most texts make no difference to what is done: only those that decide are worth a summary of their own.
        is_choice = isinstance(value, Literal) and isinstance(value.value, str) and name in info.compared
        is_called = isinstance(value, Function) and name in info.called and _can_run_in(info, value.info, state)
        kept = value if is_choice or is_called else (objects.known(value) or _visible(value, state))
        if kept is None and is_text(value) and name in beginnings_asked(info):
            kept = opening_of(value, beginnings_asked(info)[name])
        if kept is not None:
            start.env[name] = kept
    start.env.update(objects.fields)
    if isinstance(receiver, Instance) and info.params:
        start.env[info.params[0].name.value] = Instance(OWN_OBJECT, receiver.owner)
        most_tested = _MOST_TESTED if len(info.calls) < _MANY_CALLS else 0
        start.env.update(_fields_for_callee(receiver, state, reached, most_tested))
    if shares_self:
        for name, value in state.env.items():
            if name.startswith("self.") and isinstance(value, Ref):
                start.env[name] = value
    roots = {*_roots(start.env.values()), *((receiver.root,) if isinstance(receiver, Outside) else ())}
    for rid, status in state.resources.items():
        if _is_known(rid[0], roots, shares_self) and not (shares_self and _has_left(rid, start, state)):
            start.resources[rid] = status
    _add_reached(start, state)
    its_object = receiver.root if isinstance(receiver, Outside) else SELF if shares_self else None
    _forget_the_usual(start, its_object, reached)
    return start


def _can_run_in(callee: FunctionInfo, given: FunctionInfo, state: State) -> bool:
    """Whether a function does the same where a callee calls it.

    What it reads of the functions that it stands in must lead to nothing that is followed, and be called like nothing
    that the callee has: `lambda: connect(host)`.
    """
    scope, outer = given.parent, set[str]()
    while scope is not None and not scope.is_module:
        outer |= scope.bound
        scope = scope.parent
    read = given.free_names & outer
    held = [state.env[name] for name in read if name in state.env]
    others = callee.bound | callee.index.body.bound | given.index.body.bound
    return given.owner is None and read.isdisjoint(others) and all(map(reaches_nothing, held))


class _Objects:
    """What a callee calls the objects among its arguments, and the `fields` by which it knows what they hold."""

    def __init__(self, receiver: Instance | Outside | None, state: State) -> None:
        self._state = state
        self._parts = [(OWN_OBJECT, parts_of(receiver.part, state))] if isinstance(receiver, Instance) else []
        self.fields: dict[str, Value] = {}

    def known(self, value: Value) -> Instance | None:
        """Return an object that holds resources as the callee knows it; None for any other value."""
        state = self._state
        if not isinstance(value, Instance) or state.is_away(value):
            return None
        for number, paths in self._parts:
            within = as_part(value, paths, number)
            if within is not None:
                return within
        known = [part for _, others in self._parts for part in others]
        paths = parts_of(value.part, state, others=known)
        number = GIVEN_OBJECT - sum(each <= GIVEN_OBJECT for each, _ in self._parts)
        self._parts.append((number, paths))
        for field in fields_of(paths, state):
            named = (as_part(field.value, parts, each) for each, parts in self._parts)
            kept = next((each for each in named if each is not None), None) or _visible(field.value, state)
            if kept is not None and is_known_to_other(kept):
                self.fields[prefix_of((number, paths[field.holder])) + field.attribute] = kept
        return Instance(number, value.owner)


def is_known_to_other(value: Value) -> bool:
    """Whether a callee that gets an object knows what an attribute of it holds: no more plain data than None."""
    return value == NONE or not isinstance(value, (Literal, Truthiness, Name))


def _has_left(rid: Rid, start: State, state: State) -> bool:
    """Whether an attribute of the object has been emptied: what it held is not what a callee finds in it."""
    site = rid[0]
    is_emptied = site[0] == "self" and state.env.get(f"self.{site[1]}") == NONE
    return is_emptied and not any(rid in state.refs(value) for value in start.env.values())


def _fields_for_callee(receiver: Instance, state: State, reached: Reached | None, most_tested: int) -> dict[str, Value]:
    """Return what a callee gets to know of the attributes of its object."""
    fields: dict[str, Value] = {}
    paths = parts_of(receiver.part, state)
    for field in fields_of(paths, state):
        if is_passed(field, reached):
            kept = as_part(field.value, paths, OWN_OBJECT) or _visible(field.value, state)
            if kept is not None:
                fields[f"self.{field.name}"] = kept
    tested = [name for name, value in fields.items() if isinstance(value, Truthiness)]
    for name in tested if len(tested) > most_tested else ():
        del fields[name]
    return fields


def is_passed(field: Field, reached: Reached | None) -> bool:
    """Whether a callee gets to know what an attribute of its object holds."""
    is_plain = isinstance(field.value, (Literal, Truthiness, Name, Data))
    return reached is None or not is_plain or field.name.partition(".")[0] in reached.names


def _forget_the_usual(start: State, its_object: SiteKey | None, reached: Reached | None) -> None:
    """Drop what a callee finds by itself where it looks: attributes and globals that are as they always are.

    And what it does not look at: what is in attributes of its object other than those that are *reached*, as long as
    nothing is under way there. Calls that differ in nothing else are alike, and followed once.
    """
    usual = {rid for rid, status in start.resources.items() if rid[0][0] in NAMED and is_usual(status)}
    if reached is not None and not reached.hands_object_on:
        usual |= _beside(start, its_object, reached.names)
    usual -= {status.parent for status in start.resources.values()}
    by_own_name = {
        name: value.rid
        for name, value in start.env.items()
        if isinstance(value, Ref) and name == spelling(value.rid[0])
    }
    for name, value in start.env.items():
        if name not in by_own_name:
            usual.difference_update(start.refs(value))
    for rid in usual:
        del start.resources[rid]
    for name, rid in by_own_name.items():
        if rid in usual:
            del start.env[name]


def _beside(start: State, its_object: SiteKey | None, reached: Collection[str]) -> set[Rid]:
    """Return what is idle, and in attributes of the callee's object that are not *reached*.

    *its_object* is what the caller calls that, where somebody else made it.
    """
    idle = [rid for rid, status in start.resources.items() if rid[0][0] in NAMED and _is_idle(status)]
    if not idle:
        return set()
    aside: list[Value] = []
    known: list[Value] = []
    for name, value in start.env.items():
        root, _, attribute = name.partition(".")
        is_aside = root == "self" and attribute and attribute.partition(".")[0] not in reached
        (aside if is_aside else known).append(value)
    others, held = set(_roots(aside)), set(_roots(known))
    return {
        rid
        for rid in idle
        if (_is_in(rid[0], others) or (its_object is not None and _is_beside(rid[0], its_object, reached)))
        and not _is_in(rid[0], held)
    }


def is_usual(status: Status) -> bool:
    """Whether nothing is known of what somebody else owns, but that it is there to be used."""
    return _is_idle(status) and (status.phase == "gone" or (not status.is_there and not status.answer))


def _is_idle(status: Status) -> bool:
    """Whether nothing is under way on what somebody else owns."""
    return (
        status.outlives
        and not status.owed
        and status.parent is None
        and status.phase in ("open", "gone")
        and max(status.pending, status.failed, status.begun, status.switched) < 0
        and not (status.kept or status.shared or status.cut)
    )


def _is_beside(site: SiteKey, its_object: SiteKey, reached: Collection[str]) -> bool:
    """Whether a place is in an attribute of an object, at whatever depth, that is none of those *reached*."""
    if site[0] == "self" and its_object == SELF:
        return site[1] not in reached
    holder = holder_of(site)
    if holder is None:
        return False
    return site[2] not in reached if holder == its_object else _is_beside(holder, its_object, reached)


def _is_in(site: SiteKey, held: Collection[SiteKey]) -> bool:
    """Whether a place is an attribute of one of some objects, at whatever depth."""
    holder = holder_of(site)
    return site in held or (holder is not None and _is_in(holder, held))


def _roots(values: Iterable[Value]) -> Iterator[SiteKey]:
    """Yield how the caller came by the objects among its values that somebody else made."""
    todo: list[Value | None] = list(values)
    while todo:
        value = todo.pop()
        if isinstance(value, Outside):
            yield value.root
        elif isinstance(value, Many):
            todo.extend(value.items)
        elif isinstance(value, Method):
            todo.append(value.receiver)
        elif isinstance(value, Partial):
            todo += (value.callee, *value.items)


def _is_known(site: SiteKey, roots: Collection[SiteKey], shares_self: bool) -> bool:
    """Whether a place is known to a callee under a name that can be told from the caller's."""
    if site in roots or site[0] == "global":
        return True
    holder = holder_of(site)
    return _is_known(holder, roots, shares_self) if holder is not None else site[0] == "self" and shares_self


def _add_reached(start: State, state: State) -> None:
    """Add to a start state the resources that its variables reach, with their parents and children."""
    todo = list(dict.fromkeys(state.refs(Many(tuple(start.env.values())))))
    while todo:
        rid = todo.pop()
        found = state.status(rid)
        if found is not None and rid not in start.resources:
            start.resources[rid] = found
            # Some lead to what they belong to when they are released themselves, too.
            if found.parent is not None and (found.phase == "open" or found.keeps_parent):
                todo.append(found.parent)
            todo.extend(state.children(rid))


def _visible(value: Value, state: State) -> Value | None:
    """Return what of an argument a summary may depend on."""
    if isinstance(value, Literal):
        return value if value.value is None or isinstance(value.value, bool) else None
    if isinstance(value, (Ref, Outside, Method, Partial, Truthiness, Unbound)):
        return value
    if isinstance(value, Many):
        # Of the objects in it what they hold is passed, as of one alone.
        items = tuple(_visible(item, state) if isinstance(item, Instance) else item for item in value.items)
        value = replace(value, items=items) if items != value.items else value
        is_plain = all(item is not None and _visible(item, state) == item for item in value.items)
        return value if is_plain or state.holds_any(value) else None
    if isinstance(value, Table) and len(value.items) <= _MOST_KEYWORDS and not state.holds_any(value):
        # `**options`, which the callee may hand on: what is not among them has its default.
        known = ((key, _visible(item, state) if item is not None else None) for key, item in value.items)
        return Table(tuple(known))
    if not state.holds_any(value):
        # An object that holds nothing which is followed: for the callee, one that somebody else made.
        return value.outside() if isinstance(value, Instance) else None
    if isinstance(value, Instance):
        # Its methods are not called there, so what it holds of others cannot be reached.
        held = [rid for rid in state.refs(value) if (status := state.status(rid)) is None or status.phase != "gone"]
        return Many(tuple(map(Ref, held))) if held else None
    if isinstance(value, Table):
        return value
    if isinstance(value, Box):
        return _visible(Many(tuple(state.boxes.get(value.id, ())), of_type=value.of_type), state)
    return None


# --- names on either side -------------------------------------------------------------------------------------------


def names_for_callee(start: State, receiver: Instance | Outside | None, *, shares_self: bool) -> Names:
    """Return the names that a callee has for what is in its start state: equal ones for calls that are alike."""
    sites: dict[SiteKey, SiteKey] = {}
    if isinstance(receiver, Outside):
        sites[receiver.root] = SELF
    for root in _roots(start.env[name] for name in sorted(start.env)):
        if root not in sites and not (root[0] == "global" or (shares_self and root[0] == "self")):
            sites[root] = ("object", len(sites))
    found: dict[Rid, None] = {}
    for name in sorted(start.env):
        for rid in start.refs(start.env[name]):
            found.setdefault(rid)
    for rid in sorted(start.resources, key=repr):
        found.setdefault(rid)
    unnamed = [rid for rid in found if not _is_known(rid[0], sites, shares_self)]
    return Names({rid: (("arg", number), 0) for number, rid in enumerate(unnamed)}, sites)


def canonical(state: State, names: Names) -> State:
    """Return the start state in the callee's names, with pending work marked as from before."""
    new = State()
    reached = state.reached()
    for name, value in state.env.items():
        new.env[name] = renamed(value, names)
    for rid, status in state.resources.items():
        parent = names.rid(status.parent) if status.parent in state.resources else None
        is_hidden = rid not in reached and rid[0][0] not in NAMED and _is_idle(status)
        if status.phase == "gone" or is_hidden:
            # Its past is of no concern to anybody here, and would only make calls differ that do not.
            phase = "open" if is_hidden else "gone"
            new.resources[names.rid(rid)] = Status(
                status.kind,
                phase,
                owed=False,
                autocommit=status.autocommit,
                parts_mode=status.parts_mode,
                parent=parent,
                outlives=status.outlives,
                unpooled=status.unpooled,
            )
            continue
        new.resources[names.rid(rid)] = status._replace(
            parent=parent,
            pending=BEFORE if status.pending >= 0 else -1,
            failed=BEFORE if status.failed >= 0 else -1,
            begun=BEFORE if 0 <= status.begun != IN_BLOCK else status.begun,
            switched=BEFORE if status.switched >= 0 else -1,
            owed=False,
            raised=False,
            low=0,
            is_there=status.is_there or status.phase == "released",
            holds=False,
        )
    return new


def with_names(summary: Summary, names: Names) -> Summary:
    """Return a summary in other names: the caller's."""
    if not names.rids and not names.sites:
        return summary
    return replace(
        summary,
        outcomes=tuple(_outcome_renamed(outcome, names) for outcome in summary.outcomes),
        uses=tuple(use._replace(rid=names.rid(use.rid)) for use in summary.uses),
        late_uses=frozenset((names.rid(rid), is_on_error) for rid, is_on_error in summary.late_uses),
        lenders=frozenset(map(names.rid, summary.lenders)),
        rebinds=frozenset(map(names.site, summary.rebinds)),
        statements=tuple((names.rid(rid), is_many) for rid, is_many in summary.statements),
        went_on=frozenset((names.rid(rid), is_end) for rid, is_end in summary.went_on),
        takes=tuple((names.rid(rid), kind, node) for rid, kind, node in summary.takes),
        holds=frozenset(map(names.rid, summary.holds)),
        unclear=frozenset(names.rid((site, 0))[0] for site in summary.unclear),
    )


def _outcome_renamed(outcome: Outcome, names: Names) -> Outcome:
    statuses = tuple(
        (
            names.rid(rid),
            status._replace(parent=names.rid(status.parent)) if status.parent is not None else status,
        )
        for rid, status in outcome.statuses
    )
    return replace(
        outcome,
        statuses=statuses,
        value=renamed(outcome.value, names) if outcome.value is not None else None,
        committed=frozenset(names.rid(rid) for rid in outcome.committed),
        fields=tuple((name, renamed(value, names)) for name, value in outcome.fields),
        made=tuple((name, renamed(value, names)) for name, value in outcome.made),
        given=tuple(
            (number, tuple((name, renamed(value, names)) for name, value in fields)) for number, fields in outcome.given
        ),
    )
