"""One module as the flow engine sees it: which functions to follow, and what they do for their callers."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from typing import TypeVar

import libcst as cst

from lintdb.flow.builder import build_cfg
from lintdb.flow.cfg import CFG
from lintdb.flow.classes import Classes
from lintdb.flow.decorators import is_cached, is_fixture, is_generator_manager
from lintdb.flow.either import never_awaited
from lintdb.flow.follow import Follower
from lintdb.flow.frameworks import Frameworks
from lintdb.flow.knowledge import Knowledge
from lintdb.flow.lent import lent_leaks
from lintdb.flow.liveness import Liveness, find_live
from lintdb.flow.memo import Memo
from lintdb.flow.outcomes import condensed, given_or_made, gives_kept, outcome_of
from lintdb.flow.results import FunctionFlow
from lintdb.flow.rows import LOOKED
from lintdb.flow.sites import Site
from lintdb.flow.state import State
from lintdb.flow.stdlib import STARTS_CALL_METHODS
from lintdb.flow.summaries import NAMED, Outcome, Summary
from lintdb.flow.told import told_units, without_told
from lintdb.flow.types_of import ModuleTypes, Result, Type
from lintdb.flow.values import IN_BLOCK, NONE, Instance, Name, Outside, Ref, Rid, SiteKey, Status
from lintdb.flow.words import ENDS_REQUESTS
from lintdb.syntax.names import ClassInfo, FunctionInfo, ModuleIndex, Variable

MAX_OUTCOMES = 8
_YIELDING = frozenset({"Generator", "Iterator", "Iterable", "AsyncGenerator", "AsyncIterator", "AsyncIterable"})
"""Types of generators, of which the first parameter is what they yield."""
MOST_FOR_CALLERS = 80_000
"""Blocks that paths enter in functions which are followed for their callers, for the sake of one file that is checked.

Time would be the natural measure, but results must not depend on the machine: some ten thousand blocks take a second.
"""
F = TypeVar("F", bound=Follower)


class Workspace:
    """The modules that are looked at together, and what has been found out about their functions.

    *knowledge_for* returns what is known of the outside world for a module: it depends on the libraries that the module
    names.
    """

    def __init__(self, knowledge_for: Callable[[ModuleIndex], Knowledge]) -> None:
        self.memo = Memo()
        self._knowledge_for = knowledge_for
        self._programs: dict[int, Program] = {}

    def program(self, index: ModuleIndex) -> Program:
        """Return the program of a module."""
        found = self._programs.get(id(index))
        if found is None:
            found = self._programs[id(index)] = Program(index, self._knowledge_for(index), self)
        return found

    def begin_file(self) -> None:
        """Begin with another file that is checked."""
        self.memo.begin(MOST_FOR_CALLERS)

    def types(self, index: ModuleIndex) -> ModuleTypes:
        """Return what the names of a module hold."""
        return self.program(index).types

    def result_of(self, info: FunctionInfo) -> Result | None:
        """Return what every call of a function gives that gives anything; None where that cannot be told."""
        return self.memo.get(("result", info), lambda: self.program(info.index).find_result(info))

    def lent_by(self, info: FunctionInfo) -> Type | None:
        """Return what a generator yields to whoever a framework runs it for; None where that cannot be told."""
        return self.memo.get(("lent", info), lambda: self.program(info.index).find_lent(info))

    def starts(self, info: FunctionInfo) -> Iterator[State]:
        """Yield the states in which the calls of a function begin that have been followed so far."""
        for key in self.memo.known():
            if isinstance(key, tuple) and key[0] is info:
                state = State()
                state.env.update(sorted(key[3], key=lambda item: item[0]))
                state.resources.update(sorted(key[4], key=repr))
                yield state


class Program:
    """The functions and classes of one module, followed on demand."""

    def __init__(self, index: ModuleIndex, knowledge: Knowledge, workspace: Workspace | None = None) -> None:
        self.index = index
        self.knowledge = knowledge
        self.workspace = workspace or Workspace(lambda _: knowledge)
        self.types = ModuleTypes(index, knowledge, self.workspace)
        self.classes = Classes(self.types)
        self.frameworks = Frameworks(index)
        self._cfgs: dict[int, CFG] = {}
        self._live: dict[int, Liveness] = {}

    # --- following --------------------------------------------------------------------------------------------------

    def cfg(self, info: FunctionInfo) -> CFG:
        """Return the control flow graph of a function, built once."""
        found = self._cfgs.get(id(info))
        if found is None:
            found = self._cfgs[id(info)] = build_cfg(info, self.index)
        return found

    def live(self, cfg: CFG) -> Liveness:
        """Return what still matters at each block of a function, found out once."""
        found = self._live.get(id(cfg.function))
        if found is None:
            found = self._live[id(cfg.function)] = find_live(cfg)
        return found

    def run(self, info: FunctionInfo) -> Follower:
        """Run a function for its own sake; returns the run, with all that it found out."""
        return self.run_as(Follower, info)

    def run_as(self, sort: type[F], info: FunctionInfo) -> F:
        """Run a function for its own sake, with a follower of a certain sort."""
        state, sites = self._start_state(info)
        follower = sort(self, self.cfg(info), state)
        follower.sites.update(sites)
        follower.units.ambient.extend(rid for rid in state.resources if rid[0][0] == "decorator")
        follower.run()
        return follower

    def follow(self, info: FunctionInfo) -> FunctionFlow:
        """Follow a function, and return what rules are given."""
        follower = self.run(info)
        return FunctionFlow(
            info,
            leaks=[*follower.leaks(), *lent_leaks(self, info)],
            lost_work=follower.works(),
            failed_units=follower.failed_units(),
            swallowed=list(follower.swallowed_errors()),
            error_commits=list(follower.commits_on_error()),
            unfinished=follower.unfinished_units(),
            unawaited=[*follower.unawaited(), *never_awaited(info, self.types)],
            uncalled=list(follower.after.uncalled.values()),
            readings=list(follower.values_seen.readings.values()),
            sharings=list(follower.values_seen.sharings.values()),
            query_texts=list(follower.values_seen.query_texts.values()),
            handed_texts=list(follower.values_seen.handed_texts.values()),
            events=follower.values_seen.events,
            row_loops=frozenset(follower.values_seen.row_loops),
            read_whole=list(follower.values_seen.read_whole.values()),
            missing_rows=list(follower.values_seen.missing_rows.values()),
            unbound_releases=list(follower.values_seen.unbound_releases.values()),
            misuses=follower.found_misuses(),
            calls=list(follower.calls.values()),
            blocking_helpers=list(follower.blocking_helpers.values()),
            handed_on=follower.handed_on,
            waits=list(follower.values_seen.waits.values()),
            overlaps=list(follower.overlaps.values()),
            handled_attributes=follower.handled_attributes,
            replaced_attributes=follower.attributes.replaced,
            reopened_attributes=follower.attributes.reopened,
            given_attributes=follower.attributes.given,
            left_work=follower.attributes.left_work,
            committed_attributes=follower.attributes.commits,
            is_complete=follower.is_complete,
        )

    def _start_state(self, info: FunctionInfo) -> tuple[State, dict[SiteKey, Site]]:
        """Return the state in which a function begins: parameters with an annotation that names a kind are known."""
        state = State()
        sites: dict[SiteKey, Site] = {}
        for param in info.params:
            found = self._type_of_parameter(param, info) if not param.star else None
            name = param.name.value
            site: SiteKey = ("param", name)
            if isinstance(found, ClassInfo):
                state.env[name] = Outside(found, site)
                continue
            model = self.knowledge.kind(found) if isinstance(found, str) else None
            if not isinstance(found, str) or model is None:
                continue
            parts = self.types.modes.of_parts_given(model)
            # What a framework makes for one request is ended with it, and its unit of work, too.
            outlives = not self.frameworks.is_of_request(param, info)
            state.resources[site, 0] = Status(
                found, owed=False, autocommit=model.autocommit, parts_mode=parts, outlives=outlives
            )
            state.env[name] = Ref((site, 0))
            sites[site] = Site(param, found, name)
        self._enter_decorators(info, state, sites)
        return state, sites

    def _type_of_parameter(self, param: cst.Param, info: FunctionInfo) -> Type | None:
        """Return what a parameter is by its annotation, or by what a framework gives: `db=Depends(get_db)`."""
        if param.annotation is not None or not isinstance(param.default, cst.Call):
            return self.types.type_of_parameter(param, info)
        given = self.frameworks.given_for(param, info)
        if not isinstance(given, FunctionInfo):
            return None
        if given.is_generator:
            return self.workspace.lent_by(given)
        result = self.workspace.result_of(given)
        return result.type if result is not None else None

    def never_calls(self, method: str) -> bool:
        """Whether nothing in the project calls a method of that name without arguments; False if that is not clear."""
        links = self.index.links
        texts = links.texts_with(method, self.index) if links is not None else None
        called = re.compile(rf"\.{method}\b(?!\s*\(\s*[^\s)])")
        if links is None or texts is None or any(called.search(text) for _, text in texts):
            return False
        # What is done when a request is over may end it in other ways.
        return not any(links.texts_with(word, self.index) for word in ENDS_REQUESTS)

    def dropping(self, info: FunctionInfo, name: str) -> FunctionInfo | None:
        """Return the generator that gives a parameter to a handler, and then drops what is not permanent by then."""
        param = next((each for each in info.params if each.name.value == name), None)
        generator = self.frameworks.generator_of(param, info) if param is not None else None
        if generator is None or not self.frameworks.ends_last(generator, info):
            return None
        summary = self.summary(generator, State(), None, owns_self=False)
        return generator if summary is not None and summary.drops_work else None

    def _enter_decorators(self, info: FunctionInfo, state: State, sites: dict[SiteKey, Site]) -> None:
        """`@atomic`: the function's body is a unit of work, as if all of it stood in such a block."""
        for decorator, kind in self._unit_decorators(info):
            site: SiteKey = ("decorator", kind)
            state.resources[site, 0] = Status(kind, owed=False, begun=IN_BLOCK)
            sites[site] = Site(decorator, kind)

    def _unit_decorators(self, info: FunctionInfo) -> Iterator[tuple[cst.BaseExpression, str]]:
        for decorator in info.decorators:
            target = decorator.func if isinstance(decorator, cst.Call) else decorator
            dotted = self.index.dotted(target, info.parent or self.index.body)
            for model in self.knowledge.function(dotted) if dotted is not None else ():
                kind = self.knowledge.kind(model.acquires) if model.acquires is not None else None
                if kind is not None and kind.ambient_methods:
                    yield decorator, kind.id

    def summary(
        self, info: FunctionInfo, start: State, receiver: ClassInfo | None, *, owns_self: bool
    ) -> Summary | None:
        """Return the summary of a function for a canonical start state, made at most once.

        *receiver* is the class of the object whose method it is. None where it cannot be told: the function calls
        itself, or it has too many paths or ways to end.
        """
        if info.index is not self.index:
            return self.workspace.program(info.index).summary(info, start, receiver, owns_self=owns_self)
        key = (info, receiver, owns_self, frozenset(start.env.items()), frozenset(start.resources.items()))
        return self.workspace.memo.get(
            key, lambda: self._make_summary(info, start, receiver, owns_self=owns_self), may_give_up=True
        )

    def _make_summary(
        self, info: FunctionInfo, start: State, receiver: ClassInfo | None, *, owns_self: bool
    ) -> Summary | None:
        given = dict(start.env)
        self.workspace.memo.spend(1)
        follower = self.run_for_caller(Follower, info, start, receiver, owns_self=owns_self)
        self.workspace.memo.spend(follower.steps)
        if not follower.is_complete:
            return None
        told = told_units(follower, self.types, given, receiver)
        for end in follower.exits:
            if not end.is_raise:
                for rid, status in end.state.resources.items():
                    end.state.resources[rid] = follower.unharmed(status)
        ends = (
            outcome_of(end, follower.commits, follower.units.refused, owns_self=owns_self) for end in follower.exits
        )
        outcomes = condensed(without_told(ends, told), MAX_OUTCOMES)
        if len(outcomes) > MAX_OUTCOMES:
            return None
        blocks = None if info.is_async else blocking_call(follower)
        return Summary(
            outcomes,
            tuple(dict.fromkeys(follower.yields)),
            blocks,
            uses=tuple(follower.after.early.values()),
            late_uses=frozenset(follower.after.late),
            lenders=frozenset(follower.lenders),
            rebinds=frozenset(follower.after.rebound),
            waits=next(iter(follower.values_seen.waits_at.values()), None),
            statements=tuple(
                ((site, 0), site in follower.units.mixed)
                for site in follower.units.statements
                if site[0] in NAMED or (site, 0) in start.resources
            ),
            refuses={end.is_raise for end in follower.exits if LOOKED in end.state.env} == {True},
            takes=tuple((rid, kind, node) for (rid, kind), node in follower.taken.items()),
            ends_yielded=follower.ends_yielded(),
            ends_yielded_on_error=follower.ends_yielded(on_error=True),
            drops_work=follower.drops_yielded_work(),
            undone=frozenset(follower.units.undone),
            holds=_held_at_all_ends(follower),
            runs=frozenset(follower.values_seen.runs),
            unsure=frozenset(follower.unsure.sites) | given_or_made(outcomes, may_give_kept=gives_kept(info)),
            told=follower.told_by_error(),
        )

    def run_for_caller(
        self, sort: type[F], info: FunctionInfo, start: State, receiver: ClassInfo | None, *, owns_self: bool
    ) -> F:
        """Run a function as one way of calling it begins, with a follower of a certain sort."""
        annotated, sites = self._start_state(info)
        for name, value in annotated.env.items():
            if name not in start.env:
                start.env[name] = value
                if isinstance(value, Ref):
                    start.resources[value.rid] = annotated.resources[value.rid]
        follower = sort(self, self.cfg(info), start, is_for_caller=True, receiver=receiver, owns_self=owns_self)
        follower.sites.update(sites)
        follower.run()
        return follower

    def find_result(self, info: FunctionInfo) -> Result | None:
        """Return what every call of a function gives that gives anything: as followed, else as annotated."""
        annotation = info.node.returns if isinstance(info.node, cst.FunctionDef) else None
        said = self.types.type_of_annotation(annotation.annotation, info) if annotation is not None else None
        if not info.is_generator and not is_generator_manager(info) and not is_fixture(info):
            summary = self.summary(info, State(), None, owns_self=False)
            given = {_given(outcome) for outcome in summary.outcomes if not outcome.is_raise} if summary else {None}
            given.discard(_NOTHING)
            followed = given.pop() if len(given) == 1 else None
            if followed is not None:
                return Result(followed.type, followed.is_fresh and not is_cached(info))
        return Result(said, False) if said is not None else None

    def find_lent(self, info: FunctionInfo) -> Type | None:
        """Return the kind of what a generator yields: as followed, else as annotated."""
        summary = self.summary(info, State(), None, owns_self=False)
        kinds = {value.dotted if isinstance(value, Name) else None for value in summary.yields} if summary else {None}
        followed = kinds.pop() if len(kinds) == 1 else None
        annotation = info.node.returns if isinstance(info.node, cst.FunctionDef) else None
        said = annotation.annotation if annotation is not None else None
        if (
            followed is not None
            or not isinstance(said, cst.Subscript)
            or not isinstance(said.slice[0].slice, cst.Index)
        ):
            return followed
        name = said.value.attr.value if isinstance(said.value, cst.Attribute) else getattr(said.value, "value", "")
        return self.types.type_of_annotation(said.slice[0].slice.value, info) if name in _YIELDING else None

    # --- candidates -------------------------------------------------------------------------------------------------

    def candidates(self) -> list[FunctionInfo]:
        """Return the functions that can have anything to do with a resource, in source order."""
        everything = self.index.all_functions
        chosen = {id(info) for info in everything if self._touches(info)}
        names = {info.name for info in everything if id(info) in chosen}
        names |= {owner.name for owner in self.index.classes.values() if self._is_of_interest(owner, chosen)}
        changed = bool(names)
        while changed:
            changed = False
            for info in everything:
                if id(info) not in chosen and (
                    _calls_any(info, names) or not info.attributes.isdisjoint(names & self.index.properties)
                ):
                    chosen.add(id(info))
                    names.add(info.name)
                    if info.owner is not None:
                        names.add(info.owner.name)
                    changed = True
        return [info for info in everything if id(info) in chosen]

    def _is_of_interest(self, owner: ClassInfo, chosen: set[int]) -> bool:
        """Whether making an object of the class can have to do with a resource."""
        if any(id(method) in chosen for method in owner.methods.values()):
            return True
        # Bases of other modules are found only if they have to do with one.
        inherits = any(each.index is not self.index for each in owner.lineage)
        return inherits or bool(self.classes.constructors_of_base(owner))

    def _touches(self, info: FunctionInfo) -> bool:
        """Whether a function has to do with a resource itself: by a call, a parameter, an attribute or a global."""
        return (
            any(self._calls_model(call, info) for call in info.calls)
            or any(self._calls_model(call, info) for inner in info.lambdas.values() for call in inner.calls)
            or any(self._is_tracked(self._type_of_parameter(param, info)) for param in info.params)
            or any(self._is_tracked(self.types.type_of_annotation(each.annotation, info)) for each in info.annotations)
            or self._touches_attribute(info)
            or self._touches_inherited(info)
            or any(self._is_of_class(name) for name in info.attributes & self._attribute_owners.keys())
            or any(True for _ in self._unit_decorators(info))
            or any(self._cleans_up_local(call, info) for call in info.calls)
            or self._mentions_model(info)
            or self._mentions_kept(info)
            or bool(self.types.evidence.kinds(info))
            or (
                not info.is_module and any(self._is_resource(name) or self._is_asked(name, info) for name in info.loads)
            )
            or any(self._is_placed(dotted, info) for dotted in self.index.placed)
            or any(self._is_kept(key) for key in info.keys)
        )

    def _is_kept(self, key: str) -> bool:
        """Whether a resource stands under a key of an application, or a function that may make one."""
        places = self.types.places
        return self._is_tracked(places.type_under(key)) or places.maker_under(key) is not None

    def _is_placed(self, dotted: str, info: FunctionInfo) -> bool:
        is_mentioned = dotted.rpartition(".")[2] in info.attributes
        return is_mentioned and self._is_tracked(self.types.places.type_on(dotted))

    def _calls_model(self, call: cst.Call, info: FunctionInfo) -> bool:
        dotted = self.index.dotted(call.func, info)
        if dotted is None:
            return False
        models = self.knowledge.function(dotted)
        return any(model.driver != "stdlib" for model in models) or (not models and self.index.find(dotted) is not None)

    def _is_tracked(self, what: Type | None) -> bool:
        """Whether a type makes a function worth following; what classes of this module do is found by their names."""
        return isinstance(what, str) or (isinstance(what, ClassInfo) and what.index is not self.index)

    def _cleans_up_local(self, call: cst.Call, info: FunctionInfo) -> bool:
        """`conn.close()` for a variable of the function, whatever it holds."""
        function = call.func
        return (
            isinstance(function, cst.Attribute)
            and isinstance(function.value, cst.Name)
            and self.knowledge.is_clean_up(function.attr.value)
            and self.index.is_local(function.value.value, info)
            and not any(param.name.value == function.value.value for param in info.params)
        )

    def _mentions_model(self, info: FunctionInfo) -> bool:
        """Whether a function mentions one that acquires (`connect = driver.connect`), or an object of a library."""
        if info.is_module:
            return False
        for name in info.loads:
            dotted = self.index.imported(name, info)
            if dotted is None:
                continue
            for full in (dotted, *(f"{dotted}.{attribute}" for attribute in info.attributes)):
                models = self.knowledge.function(full)
                is_maker = any(model.acquires is not None and model.driver != "stdlib" for model in models)
                if is_maker or self.knowledge.kind_of_object(full) is not None:
                    return True
        return False

    def _mentions_kept(self, info: FunctionInfo) -> bool:
        """Whether a function mentions what another module of the project keeps: `pool = Database.pool`."""
        links = self.index.links
        for name in info.loads if not info.is_module else ():
            dotted = self.index.imported(name, info)
            if dotted is None:
                continue
            names = [dotted]
            if self.index.find(dotted) is None and links is not None and links.leads_to_module(dotted, self.index):
                names = [f"{dotted}.{each}" for each in info.attributes]
            if any(self._is_kept_elsewhere(each, info.attributes) for each in names):
                return True
        return False

    def _is_kept_elsewhere(self, dotted: str, attributes: set[str]) -> bool:
        """Whether a name of another module stands for a resource, or for a class that keeps one under an attribute."""
        found = self.index.find(dotted)
        if found is None or found.rest:
            return False
        types = self.types.peers.types(found.symbol.index)
        if isinstance(found.symbol, Variable):
            return isinstance(types.global_type(found.symbol.name), str)
        owner = found.symbol if isinstance(found.symbol, ClassInfo) else None
        kept = attributes & (owner.given.keys() | owner.assigned.keys()) if owner is not None else ()
        return owner is not None and any(isinstance(types.attribute_type(owner, each), str) for each in kept)

    def _touches_attribute(self, info: FunctionInfo) -> bool:
        owner = info.owner
        return owner is not None and any(
            name in info.attributes
            and (
                self._is_tracked(self.types.attribute_type(owner, name))
                or (info.is_async and bool(self.types.attribute_kinds(owner, name)))
            )
            for name in self.classes.attributes_of(owner)
        )

    def _touches_inherited(self, info: FunctionInfo) -> bool:
        """Whether a method, or a function in it, uses one that its class has from another module, with a resource."""
        owner, outer = info.owner, info.parent
        while owner is None and outer is not None:
            owner, outer = outer.owner, outer.parent
        bases = [each for each in owner.lineage if each.index is not self.index] if owner is not None else ()
        return any(not info.attributes.isdisjoint(each.methods) for each in bases)

    @functools.cached_property
    def _attribute_owners(self) -> dict[str, list[ClassInfo]]:
        """The classes of the module by the names of their attributes."""
        found: dict[str, list[ClassInfo]] = {}
        for owner in self.index.classes.values():
            for name in self.classes.attributes_of(owner):
                found.setdefault(name, []).append(owner)
        return found

    def _is_of_class(self, name: str) -> bool:
        """Whether objects of some class of the module hold a resource in an attribute: `db.pool` in any function."""
        return any(isinstance(self.types.attribute_type(owner, name), str) for owner in self._attribute_owners[name])

    def _is_resource(self, name: str) -> bool:
        return name in self.index.values and self._is_tracked(self.types.global_type(name))

    def _is_asked(self, name: str, info: FunctionInfo) -> bool:
        """Whether a name is that of a class whose rows can be asked for, or of a key that a resource stands under."""
        symbol = self.index.symbol_called(name, info)
        if isinstance(symbol, ClassInfo):
            return self.types.kind_of_class(symbol) is not None
        return self._is_tracked(self.types.places.type_of_key(name, symbol))


def _calls_any(info: FunctionInfo, names: set[str]) -> bool:
    """Whether a function calls something of one of the names, bare or as a method of a variable, or has it started."""
    for call in info.calls:
        function = call.func
        if isinstance(function, cst.Attribute) and function.attr.value in STARTS_CALL_METHODS and call.args:
            function = call.args[0].value
        if isinstance(function, cst.Attribute):
            if isinstance(function.value, cst.Name) and function.attr.value in names:
                return True
        elif isinstance(function, cst.Name) and function.value in names:
            return True
    return False


def blocking_call(follower: Follower) -> cst.CSTNode | None:
    """Return the first call of a run that makes its thread wait, itself or in a function that it calls."""
    for call in follower.calls.values():
        if call.model.blocking:
            return call.node
    return next((inner for _, inner in follower.blocking_helpers.values()), None)


_NOTHING = Result("", False)
"""Stands for None, as one of the things that a function gives."""


def _held_at_all_ends(follower: Follower) -> frozenset[Rid]:
    """Return what has a connection whichever way a function returns."""
    ends = [
        {rid for rid, status in end.state.resources.items() if status.holds}
        for end in follower.exits
        if not end.is_raise
    ]
    return frozenset(set.intersection(*ends)) if ends else frozenset()


def _given(outcome: Outcome) -> Result | None:
    """Return what a call gives that ends in this way; None where that is not known."""
    value = outcome.value
    if value == NONE:
        return _NOTHING
    if isinstance(value, Ref):
        status = dict(outcome.statuses).get(value.rid)
        return Result(status.kind, status.owed and status.phase == "open") if status is not None else None
    if isinstance(value, Instance):
        return Result(value.owner, value.id >= 0)
    return Result(value.owner, False) if isinstance(value, Outside) else None
