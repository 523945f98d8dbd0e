"""Which failed units of work a function is to blame for by itself: its callers have nothing to add."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from lintdb.flow.sites import Site
from lintdb.flow.summaries import NAMED, Outcome
from lintdb.flow.values import Ref, SiteKey, Value
from lintdb.syntax.names import ClassInfo, FunctionInfo

if TYPE_CHECKING:
    from lintdb.flow.follow import Follower
    from lintdb.flow.types_of import ModuleTypes


def told_units(
    follower: Follower, types: ModuleTypes, given: Mapping[str, Value], receiver: ClassInfo | None
) -> frozenset[SiteKey]:
    """Return the resources of a run for a caller whose unit of work is reported where the function is checked itself.

    *given* are the variables that the run began with.
    """
    known: set[SiteKey] = set()
    for name, value in given.items():
        if isinstance(value, Ref) and _is_known_by_itself(name, follower.function, types, receiver):
            known.add(value.rid[0])
            follower.sites.setdefault(value.rid[0], Site(follower.function.node, "", name))
    return frozenset(site for site in follower.blamed_units() if site in known or site[0] in NAMED)


def _is_known_by_itself(name: str, info: FunctionInfo, types: ModuleTypes, receiver: ClassInfo | None) -> bool:
    """Whether a function knows of a variable what it holds when it is not told by a caller."""
    root, _, attribute = name.partition(".")
    if attribute:
        return root == "self" and receiver is not None and types.attribute_kind(receiver, attribute) is not None
    if name in types.evidence.kinds(info):
        return True
    return any(each.name.value == name and types.type_of_parameter(each, info) is not None for each in info.params)


def without_told(outcomes: Iterable[Outcome], told: Collection[SiteKey]) -> Iterator[Outcome]:
    """Yield what callers see of the ends of a function: of units that are told of by itself only that they are over."""
    for outcome in outcomes:
        if told and not outcome.is_raise:
            statuses = tuple(
                (rid, status._replace(failed=-1, pending=-1, cut=False))
                if rid[0] in told and status.failed >= 0
                else (rid, status)
                for rid, status in outcome.statuses
            )
            yield replace(outcome, statuses=statuses)
        else:
            yield outcome
