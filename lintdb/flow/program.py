"""One module as the flow engine sees it: which functions to follow, and what they do for their callers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TypeVar

import libcst as cst

from lintdb.effects import Form
from lintdb.flow.builder import build_cfg
from lintdb.flow.candidates import Candidates
from lintdb.flow.cfg import CFG
from lintdb.flow.classes import Classes
from lintdb.flow.decorators import is_cached, is_fixture, is_generator_manager, keeps_function, may_catch
from lintdb.flow.either import never_awaited, one_for_all
from lintdb.flow.follow import Follower
from lintdb.flow.frameworks import Frameworks
from lintdb.flow.knowledge import Knowledge
from lintdb.flow.lent import lent_leaks
from lintdb.flow.liveness import Liveness, find_live
from lintdb.flow.loops import stands_for_others
from lintdb.flow.memo import Memo
from lintdb.flow.outcomes import condensed, given_or_made, gives_kept, outcome_of
from lintdb.flow.passed import Passed
from lintdb.flow.results import Blocking, FunctionFlow
from lintdb.flow.rows import LOOKED
from lintdb.flow.scopes import unended_scopes
from lintdb.flow.sites import Site
from lintdb.flow.state import State
from lintdb.flow.summaries import NAMED, Outcome, Summary
from lintdb.flow.told import told_units, without_told
from lintdb.flow.types_of import ModuleTypes, Result, Type
from lintdb.flow.values import GIVEN_OBJECT, IN_BLOCK, NONE, Instance, Name, Outside, Ref, Rid, SiteKey, Status, Value
from lintdb.flow.words import ENDS_REQUESTS
from lintdb.syntax.ancestry import Ancestry, is_done_once
from lintdb.syntax.decorating import decorating
from lintdb.syntax.names import ClassInfo, FunctionInfo, ModuleIndex

MAX_OUTCOMES = 8
_YIELDING = frozenset({"Generator", "Iterator", "Iterable", "AsyncGenerator", "AsyncIterator", "AsyncIterable"})
"""Types of generators, of which the first parameter is what they yield."""
MOST_FOR_CALLERS = 100_000
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

    def lends(self, info: FunctionInfo) -> Value | None:
        """Return what a generator yields that has no summary: a kind, perhaps, as `one_for_all` tells it."""
        return self.memo.get(("lends", info), lambda: self.program(info.index).find_lends(info))

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
        self.by_callers: frozenset[int] = frozenset()
        self.passed = Passed(self.types)
        self._cfgs: dict[int, CFG] = {}
        self._live: dict[int, Liveness] = {}
        self._as_written: dict[FunctionInfo, bool] = {}
        self._catching: dict[FunctionInfo, bool] = {}

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
            leaks=[*follower.leaks(), *lent_leaks(self, info), *unended_scopes(self, info)],
            returned=list(follower.returned()),
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
            replaced_in_use=follower.attributes.replaced_in_use,
            overwritten_attributes=list(follower.overwritten()),
            reopened_attributes=follower.attributes.reopened,
            given_attributes=follower.attributes.given,
            left_work=follower.attributes.left_work,
            committed_attributes=follower.attributes.commits,
            left_globals=follower.attributes.left_globals,
            left_given=follower.attributes.left_given,
            left_scoped=follower.attributes.left_scoped,
            committed_globals=follower.attributes.global_commits,
            is_by_callers=id(info) in self.by_callers,
            is_complete=follower.is_complete,
        )

    def _start_state(self, info: FunctionInfo) -> tuple[State, dict[SiteKey, Site]]:
        """Return the state in which a function begins: parameters with an annotation that names a kind are known."""
        state = State()
        sites: dict[SiteKey, Site] = {}
        for param in info.params:
            found = self.type_of_parameter(param, info) if not param.star else None
            passed = self.kind_passed(param, info) if found is None else None
            found = passed if passed is not None else found
            name = param.name.value
            site: SiteKey = ("param", name)
            if isinstance(found, ClassInfo):
                state.env[name] = Outside(found, site)
                continue
            model = self.knowledge.kind(found) if isinstance(found, str) else None
            if not isinstance(found, str) or model is None:
                continue
            parts = self.types.modes.of_parts_given(model) if passed is None else None
            # What a framework makes for one request is ended with it, and its unit of work, too.
            outlives = not self.frameworks.is_of_request(param, info)
            # Callers of the same file know better what becomes of the unit of work of what they give.
            autocommit = model.autocommit if passed is None else None
            state.resources[site, 0] = Status(
                found, owed=False, autocommit=autocommit, parts_mode=parts, outlives=outlives
            )
            state.env[name] = Ref((site, 0))
            sites[site] = Site(param, found, name, is_passed=passed is not None)
        self._enter_decorators(info, state, sites)
        return state, sites

    def kind_passed(self, param: cst.Param, info: FunctionInfo) -> str | None:
        """Return the kind that every call in the file gives for a parameter of which nothing else tells."""
        if param.annotation is not None or param.star or (info.is_method and param is info.params[0]):
            return None
        if isinstance(param.default, cst.Call) or param.name.value in self.types.evidence.kinds(info):
            return None  # what a framework gives, or what its use tells of
        return self.passed.kind(param.name.value, info)

    def type_of_parameter(self, param: cst.Param, info: FunctionInfo) -> Type | None:
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
        for decorator, kind in self.unit_decorators(info):
            site: SiteKey = ("decorator", kind)
            state.resources[site, 0] = Status(kind, owed=False, begun=IN_BLOCK)
            sites[site] = Site(decorator, kind)

    def unit_decorators(self, info: FunctionInfo) -> Iterator[tuple[cst.BaseExpression, str]]:
        """Yield the decorators that make the body of a function a unit of work, each with the kind of that."""
        for decorator in info.decorators:
            dotted = decorating(decorator, info).dotted
            for model in self.knowledge.function(dotted) if dotted is not None else ():
                kind = self.knowledge.kind(model.acquires) if model.acquires is not None else None
                if kind is not None and kind.ambient_methods:
                    yield decorator, kind.id

    def runs_as_written(self, info: FunctionInfo) -> bool:
        """Return whether a call of a function's name runs it as written, whatever its decorators do; found out once."""
        found = self._as_written.get(info)
        if found is None:
            found = self._as_written[info] = not info.decorators or keeps_function(info)
        return found

    def may_catch(self, info: FunctionInfo) -> bool:
        """Return whether a decorator of a function may let other errors out than the function; found out once."""
        found = self._catching.get(info)
        if found is None:
            found = self._catching[info] = bool(info.decorators) and may_catch(info)
        return found

    def blocks_around(self, info: FunctionInfo) -> frozenset[cst.BaseExpression]:
        """Return the decorators that are blocks of libraries round the function: `@atomic`, `@db.atomic()`."""
        types = self.workspace.types(info.index)
        found = {decorator for decorator, _ in self.workspace.program(info.index).unit_decorators(info)}
        for decorator in info.decorators:
            function = decorator.func if isinstance(decorator, cst.Call) else decorator
            if isinstance(function, cst.Attribute):
                found_type = types.type_of_receiver(function.value, info.parent or info.index.body)
                kind = self.knowledge.kind(found_type) if isinstance(found_type, str) else None
                models = kind.methods.get(function.attr.value, ()) if kind is not None else ()
                if any(model.form in (Form.WITH, Form.AWAIT_OR_WITH) for model in models):
                    found.add(decorator)
        return frozenset(found)

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
            key,
            lambda: self._make_summary(info, start, receiver, owns_self=owns_self),
            group=(info, receiver, owns_self),
            may_give_up=True,
        )

    def _make_summary(
        self, info: FunctionInfo, start: State, receiver: ClassInfo | None, *, owns_self: bool
    ) -> Summary | None:
        given = dict(start.env)
        self.workspace.memo.spend(1)
        follower = self.run_for_caller(Follower, info, start, receiver, owns_self=owns_self)
        self.workspace.memo.spend(follower.cost)
        if not follower.is_complete:
            return None
        told = told_units(follower, self.types, given, receiver)
        left = follower.left_for_callers()
        for end in follower.exits:
            if not end.is_raise:
                for rid, status in end.state.resources.items():
                    end.state.resources[rid] = follower.unharmed(rid, status, start.resources.get(rid), left)
                follower.doubt_spared_work(end)
                follower.doubt_spared_units(end)
        numbers = {value.id for value in given.values() if isinstance(value, Instance)}
        objects = sorted(number for number in numbers if number <= GIVEN_OBJECT)
        committed = follower.commits | follower.units.kept_by_callees
        ends = (
            outcome_of(end, committed, follower.units.refused, objects, owns_self=owns_self) for end in follower.exits
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
            replaces=frozenset(follower.attributes.replaced),
            waits=next(iter(follower.values_seen.waits_at.values()), None),
            statements=tuple(
                ((site, 0), site in follower.units.mixed)
                for site in follower.units.statements
                if site[0] in NAMED or (site, 0) in start.resources
            ),
            went_on=frozenset(follower.units.went_on),
            unclear=frozenset(
                site for site in follower.units.unclear if site[0] in NAMED or (site, 0) in start.resources
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
            followed = self._one_result({each for each in given if each is not None}) if None not in given else None
            if followed is not None:
                return Result(followed.type, followed.is_fresh and not is_cached(info))
        return Result(said, False) if said is not None else None

    def _one_result(self, given: set[Result]) -> Result | None:
        """Return what a function gives whichever way it ends; of what is in memory and something else, that."""
        kind = self.types.one_of(each.type for each in given)
        found = [each for each in given if each.type == kind]
        return found[0] if len(found) == 1 and (len(given) == 1 or len({each.type for each in given}) > 1) else None

    def find_lends(self, info: FunctionInfo) -> Value | None:
        """Return what a generator yields on any way through it, however many they are."""
        follower = self.run_for_caller(Follower, info, State(), None, owns_self=False)
        self.workspace.memo.spend(1 + follower.cost)
        return one_for_all(dict.fromkeys(follower.yields), self.knowledge) if follower.is_complete else None

    def find_lent(self, info: FunctionInfo) -> Type | None:
        """Return the kind of what a generator yields: as followed, else as annotated."""
        summary = self.summary(info, State(), None, owns_self=False)
        lent = one_for_all(summary.yields, self.knowledge) if summary is not None else None
        followed = lent.dotted if isinstance(lent, Name) else None
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

    def candidates(self) -> list[FunctionInfo]:
        """Return the functions that can have anything to do with a resource, in source order."""
        return Candidates(self).functions()


def blocking_call(follower: Follower) -> Blocking | None:
    """Return the first call of a run that makes its thread wait, itself or in a function that it calls.

    One that does so each time comes before those that seldom do it.
    """
    own = [(call.node, Blocking(call.node)) for call in follower.calls.values() if call.model.blocking]
    found = [*own, *follower.blocking_helpers.values()]
    around = Ancestry(follower.function.node) if found else None
    first: Blocking | None = None
    for node, inner in found:
        is_once = around is not None and is_done_once(node, around)
        is_instead = stands_for_others(node, follower.function)
        if not (inner.is_rare or is_once or is_instead):
            return inner
        first = first or inner._replace(is_once=inner.is_once or is_once, is_instead=inner.is_instead or is_instead)
    return first


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
