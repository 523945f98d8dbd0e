"""How a function ends, as its callers see it: one outcome for each way, and few enough of them to go on with."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace

import libcst as cst

from lintdb.flow.objects import as_part, fields_of, parts_of
from lintdb.flow.sites import Exit
from lintdb.flow.state import State
from lintdb.flow.summaries import BEFORE, NAMED, REFUSED, SPARED_BEFORE, WORKS, YIELDED, Outcome, is_usual
from lintdb.flow.values import (
    IN_BLOCK,
    MADE_OBJECT,
    NONE,
    OWN_OBJECT,
    Box,
    Function,
    Instance,
    Literal,
    Many,
    Name,
    Outside,
    Part,
    Raised,
    Ref,
    Rid,
    Row,
    SiteKey,
    Status,
    Table,
    Tally,
    Truthiness,
    Value,
    holder_of,
)
from lintdb.syntax.names import FunctionInfo

_Fields = tuple[tuple[str, Value], ...]

_KEPT = (*NAMED, "placed", "kept")
"""Sites of what outlives a call: attributes, globals, what applications and caches have."""


def outcome_of(
    end: Exit, commits: set[SiteKey], refused: set[int], given: Collection[int], *, owns_self: bool
) -> Outcome:
    """Return what a caller sees of one end of a run; what it cannot see of the object's attributes escapes.

    *commits* are the resources whose work the run makes permanent, *refused* the calls that fail to, *given* are the
    numbers of the objects among its arguments.
    """
    state = end.state
    reachable = set(state.refs(end.value))
    value = end.value
    if isinstance(value, Instance) and value.id >= 0 and state.is_away(value):
        value = value.outside()  # `self.store = Store()`, then `return self.store`: it is not the caller's alone
    made_here = value if isinstance(value, Instance) and value.id >= 0 else None
    if isinstance(end.value, (Box, Table, Function)):
        # Whoever gets it has what it holds, under names of their own. What is one of several may be no part of it.
        state.escape(end.value, with_parents=False)
    numbers = (*given, *((OWN_OBJECT,) if owns_self else ()))
    named = _named_parts(numbers, state)
    fields = _fields((OWN_OBJECT, ()), OWN_OBJECT, end, reachable, named) if owns_self else _empty_attributes(state)
    made = _fields(made_here.part, MADE_OBJECT, end, reachable, named) if made_here is not None else ()
    held = tuple(
        (number, tuple(each for each in _fields((number, ()), number, end, reachable, named) if _matters(each[1])))
        for number in given
    )
    parents: set[Rid] = set()
    for rid in reachable:
        status = state.status(rid)
        while status is not None and status.parent is not None:
            parents.add(status.parent)
            status = state.status(status.parent)
    statuses = tuple(
        (rid, status._replace(failed=REFUSED) if status.failed in refused else status)
        for rid, status in state.resources.items()
        if (_is_seen_by_caller(rid, status) and not _is_of_own_name(rid[0], value))
        or rid in reachable
        or rid in parents
    )
    return Outcome(
        end.is_raise,
        value if made_here is not None or _is_portable(value) else None,
        statuses,
        state.raised or Raised(),
        state.low,
        frozenset(rid for rid, _ in statuses if rid[0] in commits),
        fields,
        made,
        held,
        _progress(state.env.get(YIELDED)),
        _attribute_with(end.value, state) if not owns_self else "",
    )


def _named_parts(numbers: Iterable[int], state: State) -> dict[int, set[Part]]:
    """Return the parts of each object that a caller has a name for, as far as they have stayed with it."""
    numbers = list(numbers)
    found: dict[int, set[Part]] = {}
    for number in numbers:
        parts = parts_of((number, ()), state, others=[(other, ()) for other in numbers if other != number])
        found[number] = {part for part in parts if part[0] == number}
    return found


def _matters(value: Value) -> bool:
    """Whether an attribute of an object that a function is given tells its caller more than plain data do."""
    return value == NONE or not isinstance(value, (Literal, Truthiness, Name, Row, Tally))


def _is_seen_by_caller(rid: Rid, status: Status) -> bool:
    """Whether a caller knows a resource, too, and does not find by itself what there is to know of it."""
    return rid[0][0] == "arg" or (rid[0][0] in NAMED and not is_usual(status))


def _is_of_own_name(site: SiteKey, returned: Value | None) -> bool:
    """Whether a place is in an object that the callee alone has a name for.

    That is a parameter which is given nothing known, or an object that it has made, or had for a block, and does not
    return.
    """
    holder = holder_of(site)
    if holder is None:
        return False
    is_made = holder[0] in ("made", "managed") and not (isinstance(returned, Outside) and returned.root == holder)
    return is_made or holder[0] in ("param", "named") or _is_of_own_name(holder, returned)


def _empty_attributes(state: State) -> tuple[tuple[str, Value], ...]:
    """Return the attributes of the caller's own object that hold nothing when a path ends."""
    found = (name for name, value in state.env.items() if value == NONE and name.startswith("self."))
    names = (name.removeprefix("self.") for name in found)
    return tuple((name, NONE) for name in sorted(names) if "." not in name)


def _attribute_with(value: Value | None, state: State) -> str:
    """Return the attribute of the object in which a function has put the resource that it returns."""
    names = (name for name, held in state.env.items() if name.startswith("self.") and held == value)
    return next(names, "").removeprefix("self.") if isinstance(value, Ref) else ""


def condensed(outcomes: Iterable[Outcome], most: int) -> tuple[Outcome, ...]:
    """Return the outcomes that are different for a caller; if there are more than *most*, those that end alike as one.

    Of several likelihoods the highest counts: a surer path can show all that a less likely one can. Of errors of
    several classes the class is not known then, of plain data in attributes what is not the same in all.
    """
    found = dict.fromkeys(_as_seen_outside(outcome) for outcome in outcomes)
    for kin, join in (
        (_but_for_its_likelihood, _surer),
        (_but_for_its_class, _of_either_class),
        (_but_for_its_data, _with_common_data),
        (_but_for_its_past, _of_either_class),
        (_but_for_its_work, None),
    ):
        if len(found) <= most:
            break
        groups: dict[Outcome, Outcome] = {}
        for outcome in found:
            key = kin(outcome)
            other = groups.get(key)
            if other is None:
                groups[key] = outcome
            elif join is None:
                groups[key] = replace(key, low=min(other.low, outcome.low))
            else:
                groups[key] = join(other, outcome)
        found = dict.fromkeys(groups.values())
    return tuple(found)


def _as_seen_outside(outcome: Outcome) -> Outcome:
    """A caller knows one operation only: the call."""
    statuses = tuple(
        (
            rid,
            status._replace(
                pending=_number_outside(status.pending),
                failed=_number_outside(status.failed),
                begun=_number_outside(status.begun),
                switched=_number_outside(status.switched),
                holds=False,
            ),
        )
        for rid, status in outcome.statuses
    )
    return replace(
        outcome, statuses=statuses, raised=outcome.raised._replace(call=_number_outside(outcome.raised.call))
    )


def _number_outside(number: int) -> int:
    return number if number in (-1, WORKS, BEFORE, SPARED_BEFORE, IN_BLOCK, REFUSED) else 0


def _but_for_its_likelihood(outcome: Outcome) -> Outcome:
    statuses = tuple((rid, status._replace(low=0)) for rid, status in outcome.statuses)
    return replace(outcome, low=0, statuses=statuses)


def _but_for_its_class(outcome: Outcome) -> Outcome:
    return replace(outcome, raised=Raised(call=outcome.raised.call), low=0) if outcome.is_raise else outcome


def _but_for_its_data(outcome: Outcome) -> Outcome:
    given = tuple((number, _but_for_data(fields)) for number, fields in outcome.given)
    surest = _but_for_its_class(_but_for_its_likelihood(outcome))
    return replace(surest, fields=_but_for_data(outcome.fields), given=given)


def _but_for_data(fields: _Fields) -> _Fields:
    return tuple((name, value) for name, value in fields if not isinstance(value, (Literal, Truthiness)))


def _but_for_its_past(outcome: Outcome) -> Outcome:
    if not outcome.is_raise:
        return outcome
    statuses = tuple(
        (rid, status._replace(low=0, raised=False, cut=False, shared=False, answer=""))
        for rid, status in outcome.statuses
    )
    return replace(_but_for_its_class(outcome), statuses=statuses)


def _but_for_its_work(outcome: Outcome) -> Outcome:
    """What becomes of work under way is not told apart, and so nothing is said of it."""
    if not outcome.is_raise:
        return outcome
    past = _but_for_its_past(outcome)
    statuses = tuple(
        (rid, status._replace(pending=-1, failed=-1, begun=-1, switched=-1)) for rid, status in past.statuses
    )
    return replace(past, raised=Raised(), statuses=statuses, committed=frozenset())


def _surer(one: Outcome, other: Outcome) -> Outcome:
    return one if _likelihood(one) <= _likelihood(other) else other


def _likelihood(outcome: Outcome) -> tuple[int, int]:
    return outcome.low, sum(status.low for _, status in outcome.statuses)


def _of_either_class(one: Outcome, other: Outcome) -> Outcome:
    surer = one if one.low <= other.low else other
    return surer if one.raised == other.raised else replace(surer, raised=Raised(call=surer.raised.call))


def _with_common_data(one: Outcome, other: Outcome) -> Outcome:
    surer = _of_either_class(one, other)
    held = dict(other.given) if surer is one else dict(one.given)
    given = tuple((number, _common(fields, held.get(number, ()))) for number, fields in surer.given)
    return replace(surer, fields=_common(one.fields, other.fields), given=given)


def _common(one: _Fields, other: _Fields) -> _Fields:
    return tuple(field for field in one if field in set(other))


def _progress(value: Value | None) -> str:
    return str(value.value) if isinstance(value, Literal) else ""


def _fields(root: Part, number: int, end: Exit, reachable: set[Rid], named: Mapping[int, set[Part]]) -> _Fields:
    """Return the attributes of an object, and of those in it, that mean the same in the caller.

    The object is called *number* there, and *named* are the parts of all that the caller has names for. What its other
    attributes hold escapes.
    """
    state = end.state
    fields: list[tuple[str, Value]] = []
    others = [part for other, parts in named.items() if other != root[0] for part in parts]
    paths = parts_of(root, state, end.value, others)
    found = list(fields_of(paths, state))
    reachable.update(state.refs(Many(tuple(field.value for field in found))))
    for field in found:
        value = as_part(field.value, paths, number) or field.value
        if _is_portable(value):
            fields.append((field.name, value))
        else:
            state.escape(value, with_parents=True)
    return tuple(sorted(fields, key=lambda field: field[0]))


def _is_portable(value: Value | None) -> bool:
    """Whether a value means the same in the caller."""
    if isinstance(value, Many):
        return len(value.items) <= 8 and all(item is None or _is_portable(item) for item in value.items)
    return isinstance(value, (Ref, Outside, Literal, Truthiness, Name, Row, Tally)) or (
        isinstance(value, Instance) and value.id < 0
    )


def given_or_made(outcomes: Iterable[Outcome], *, may_give_kept: bool) -> frozenset[SiteKey]:
    """Return what a function gives fresh on one path where it gives what somebody else keeps on another.

    Its callers cannot know which they have got, so they cannot be told to release it. *may_give_kept*: what it returns
    without being followed is kept somewhere, too (see `gives_kept`).
    """
    outcomes = list(outcomes)
    given = [
        list(_with_owners(outcome.value, dict(outcome.statuses)))
        for outcome in outcomes
        if not outcome.is_raise and isinstance(outcome.value, Ref)
    ]
    shared = [each for each in given if not any(is_owed for _, is_owed in each)]
    is_kept = any(site[0] in _KEPT for each in shared for site, _ in each)
    is_kept = is_kept or (
        may_give_kept and any(not each.is_raise and isinstance(each.value, Name | None) for each in outcomes)
    )
    return frozenset(site for each in given for site, is_owed in each if is_owed) if is_kept else frozenset()


def gives_kept(info: FunctionInfo) -> bool:
    """Whether a function returns an attribute, or an item, of what it has not made: `_local.conn`, `_all[name]`."""
    for node in info.nodes:
        root = node.value if isinstance(node, cst.Return) else None
        is_part = isinstance(root, (cst.Attribute, cst.Subscript))
        while isinstance(root, (cst.Attribute, cst.Subscript)):
            root = root.value
        if is_part and isinstance(root, cst.Name) and not info.index.is_local(root.value, info):
            return True
    return False


def _with_owners(given: Ref, statuses: Mapping[Rid, Status]) -> Iterator[tuple[SiteKey, bool]]:
    """Yield where a resource that a function gives comes from, and what it belongs to, and whether each is owed for."""
    rid: Rid | None = given.rid
    while rid is not None:
        status = statuses.get(rid)
        yield rid[0], status is not None and status.owed
        rid = status.parent if status is not None else None
