"""What lintdb understood of a function, in words."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

import libcst as cst

from lintdb.effects import Argument, Duty, Kind
from lintdb.flow import watch
from lintdb.flow.decorators import is_cached, is_fixture, is_generator_manager
from lintdb.flow.program import blocking_call
from lintdb.flow.results import KnownCall
from lintdb.flow.sites import UNHEARD_OF, Exit
from lintdb.flow.state import State
from lintdb.flow.values import (
    NONE,
    Data,
    Instance,
    Literal,
    Many,
    Name,
    Outside,
    Ref,
    Rid,
    SiteKey,
    Status,
    Value,
    spelling,
)
from lintdb.flow.watch import Watcher
from lintdb.insight.opened import Opened
from lintdb.insight.reasons import Reasons, a, minded_families, why_unfollowed
from lintdb.rules.lifetimes import verb_of
from lintdb.syntax.names import FunctionInfo
from lintdb.syntax.walk import walk

_MOST_LABELS = 3
_NOT_FOLLOWED = "something that lintdb does not follow"


def describe_function(opened: Opened, info: FunctionInfo) -> list[str]:
    """Return a headline and one line for each thing that lintdb understood of a function."""
    return [_headline(opened, info), *Description(opened, info).lines()]


def _headline(opened: Opened, info: FunctionInfo) -> str:
    sort = "coroutine function" if info.is_async else "function"
    if is_fixture(info):
        sort = "fixture of tests"
    elif is_generator_manager(info):
        sort = "context manager"
    elif info.is_generator:
        sort = "generator"
    elif info.is_property:
        sort = "property"
    elif info.owner is not None:
        sort = "coroutine method" if info.is_async else "method"
    if info.is_module:
        return "the module's own code"
    place = opened.place(info.node, info.index)
    names = [
        param.star + param.name.value if isinstance(param.star, str) else param.name.value for param in info.params
    ]
    return f"{info.qualname}({', '.join(names)}): {sort}, line {place.span.line if place is not None else '?'}"


class Description:
    """What is known of one function, by a run for a caller that gives it what its parameters are known to hold."""

    def __init__(self, opened: Opened, info: FunctionInfo) -> None:
        self.opened = opened
        self.info = info
        self.program = opened.program_of(info.index)
        self.kinds = self._known_parameters()
        # A run forgets what does not matter any more, so that names are remembered here.
        self.names: dict[Rid, str] = {(("arg", number), 0): name for number, name in enumerate(self.kinds)}
        start = State()
        for rid, name in self.names.items():
            self._give(start, name, rid, self.kinds[name])
        self.run = self._follow(start)

    def _give(self, start: State, name: str, rid: Rid, kind_id: str) -> None:
        """Have a run begin with something of a kind in a parameter."""
        kind = self.program.knowledge.kind(kind_id)
        autocommit = kind.autocommit if kind is not None else None
        parts = kind.parts_autocommit if kind is not None else None
        start.resources[rid] = Status(kind_id, owed=False, autocommit=autocommit, parts_mode=parts, outlives=True)
        start.env[name] = Ref(rid)

    def _follow(self, start: State) -> Watcher:
        return self.program.run_for_caller(Watcher, self.info, start, None, owns_self=False)

    def _known_parameters(self) -> dict[str, str]:
        """Return the kinds of the parameters that an annotation, or their use in the function, tells."""
        found: dict[str, str] = {}
        for (sort, *rest), site in self.opened.watch(self.info).sites.items():
            if sort == "param" and self.program.knowledge.kind(site.kind) is not None:
                found[str(rest[0])] = site.kind
        return {param.name.value: found[param.name.value] for param in self.info.params if param.name.value in found}

    def lines(self) -> Iterator[str]:
        """Yield what there is to say."""
        yield from self._acquired()
        yield from self._results()
        yield from self._parameters()
        yield from self._surroundings()
        yield from self._errors()
        yield from self._waiting()
        yield self._following()

    def _acquired(self) -> Iterator[str]:
        """Yield what the function acquires itself, or through what it calls; `lintdb why` says what becomes of it."""
        run = self.opened.watch(self.info)
        told: dict[str, None] = {}
        for key, site in run.sites.items():
            if isinstance(key[0], int) and key in run.owing:
                node = run.origins.get(key, site.node)
                place = self.opened.place(node, self.info.index)
                name = f" `{site.name}`" if site.name else ""
                line = f" (line {place.span.line})" if place is not None else ""
                told.setdefault(f"acquires {a(self._label(site.kind))}{name}{line}")
        yield from told

    # --- results ----------------------------------------------------------------------------------------------------

    def _results(self) -> Iterator[str]:
        info, run = self.info, self.run
        if info.is_module:
            return
        if info.is_generator:
            kinds = dict.fromkeys(value.dotted for value in run.yields if isinstance(value, Name))
            labels = [a(self._label(kind)) for kind in kinds]
            what = " or ".join(labels) if labels else _NOT_FOLLOWED
            after = ""
            if labels and run.ends_yielded():
                after = ", and releases it afterwards"
                if not run.ends_yielded(on_error=True):
                    is_manager = is_generator_manager(info)
                    after += (
                        " if no error comes from the block" if is_manager else " if whoever iterates goes on to the end"
                    )
            elif labels:
                after = ", and does not release it on every path"
            yield f"yields {what}{after}"
            return
        ends = [end for end in run.exits if not end.is_raise]
        if not ends:
            yield "never returns: every path raises, ends the process, or has no end"
            return
        given = list(dict.fromkeys(self._value(end.value, end) for end in ends))
        yield f"returns {(', or ' if any(',' in each for each in given) else ' or ').join(given)}"
        if is_cached(info):
            yield "what it returns is made once and kept: its callers borrow it"

    def _value(self, value: Value | None, end: Exit) -> str:
        if isinstance(value, Ref):
            return self._resource(value.rid, end)
        if isinstance(value, Instance):
            if value.id < 0:
                return f"what the object holds as `{'.'.join(value.path)}`" if value.path else "the object itself"
            owes = any(status.owed for rid in end.state.refs(value) if (status := end.state.status(rid)) is not None)
            return f"a new object of `{value.owner.name}`" + (", which its caller must release" if owes else "")
        if isinstance(value, Outside):
            return f"an object of `{value.owner.name}` that somebody else made"
        if isinstance(value, Many):
            parts = dict.fromkeys(self._resource(rid, end) for rid in end.state.refs(value))
            return "several things, among them " + ", and ".join(parts) if parts else _NOT_FOLLOWED
        if value == NONE or (value is None and not self._returned()):
            return "None"
        if value is None and self._returns_itself():
            return "the object itself"
        if isinstance(value, Literal) and isinstance(value.value, (bool, int, str)) and not value.is_prefix:
            return f"`{value.value!r}`"
        return "plain data" if isinstance(value, Data) else _NOT_FOLLOWED

    def _returned(self) -> list[cst.BaseExpression]:
        """Return what the `return` statements of the function say, as far as they have a value."""
        node = self.info.node
        if not isinstance(node, cst.FunctionDef):
            return [node.body] if isinstance(node, cst.Lambda) else []
        inner = {id(each.node) for each in [*self.info.nested.values(), *self.info.lambdas.values()]}
        hidden = {id(each) for found in walk(node.body) if id(found) in inner for each in walk(found)}
        found = [each for each in walk(node.body) if isinstance(each, cst.Return) and id(each) not in hidden]
        return [each.value for each in found if each.value is not None]

    def _returns_itself(self) -> bool:
        """Whether all that it returns is the object whose method it is."""
        own = self.info.params[0].name.value if self.info.is_method and self.info.params else None
        said = self._returned()
        return bool(said) and all(isinstance(each, cst.Name) and each.value == own for each in said)

    def _resource(self, rid: Rid, end: Exit) -> str:
        status = end.state.status(rid)
        if rid[0][0] == "arg":
            return f"its parameter `{self.names[rid]}`"
        if status is None:
            return _NOT_FOLLOWED
        kind = self.program.knowledge.kind(status.kind)
        label = self._label(status.kind)
        one = a(label)
        if rid[0][0] in ("self", "global", "field"):
            return f"{one} that it does not own (`{spelling(rid[0])}`)"
        if status.phase == "released":
            return f"{one} that is {verb_of(kind) if kind is not None else 'released'} already"
        if status.owed and status.phase == "open" and kind is not None and not is_cached(self.info):
            return f"a new {label}, which its caller must see {verb_of(kind)}"
        return f"{one} that its caller borrows"

    def _label(self, kind_id: str) -> str:
        kind = self.program.knowledge.kind(kind_id)
        return kind.label if kind is not None else kind_id

    # --- parameters -------------------------------------------------------------------------------------------------

    def _parameters(self) -> Iterator[str]:
        annotated = {param.name.value for param in self.info.params if param.annotation is not None}
        passed = {each.name.value for each in self.info.params if self.program.kind_passed(each, self.info) is not None}
        for rid, name in self.names.items():
            kind_id = self.kinds[name]
            how = "by its annotation" if name in annotated else "called here with" if name in passed else "by its use"
            yield f"`{name}`, {how} {a(self._label(kind_id))}: {self._fate_of(rid, kind_id, self.run)}"
        parameters = {param.name.value for param in self.info.params} - self.kinds.keys()
        told: dict[str, None] = {}
        called: set[str] = set()
        for start in self.program.workspace.starts(self.info):
            names = {
                name: value.rid
                for name, value in sorted(start.env.items())
                if isinstance(value, Ref) and value.rid[0][0] == "arg" and name in parameters
            }
            if not names:
                continue
            kinds = {rid: start.resources[rid].kind for rid in names.values()}
            run = self._follow(start)
            for name, rid in names.items():
                label = self._label(kinds[rid])
                told.setdefault(f"`{name}`, called here with {a(label)}: {self._fate_of(rid, kinds[rid], run)}")
                called.add(name)
        yield from told
        yield from self.supposed(called)

    def supposed(self, told: Collection[str] = ()) -> Iterator[str]:
        """Yield what is done with parameters of which nothing tells what they hold, by what that could be.

        Not those that are *told* of otherwise. Nothing is said of what is only used or handed on, unless its name says
        that it is a connection or a session.
        """
        params = self.info.params[1:] if self.info.is_method else self.info.params
        unknown = [param for param in params if not param.star and param.annotation is None]
        for name in (param.name.value for param in unknown):
            if name in self.kinds or name in told:
                continue
            labels: dict[str, dict[str, None]] = {}
            for kind in self._possible_kinds(name):
                start, rid = State(), (("arg", name), 0)
                self._give(start, name, rid, kind.id)
                run = self._follow(start)
                is_ended = rid[0] in run.commits or any(_phase(rid, end) == "released" for end in run.exits)
                if is_ended or kind.family in self.program.knowledge.families_named(name):
                    labels.setdefault(self._fate_of(rid, kind.id, run), {}).setdefault(a(kind.label))
            for fate, said in labels.items():
                shown = [*said][:_MOST_LABELS] + ["the like"] * (len(said) > _MOST_LABELS)
                yield f"`{name}`, if it is {_listed(shown, 'or')}: {fate}"

    def _possible_kinds(self, name: str) -> list[Kind]:
        """Return the kinds that a parameter may be of: what it is given back to lends such, else what its name says.

        All of them have the methods that are called on it.
        """
        knowledge, families = self.program.knowledge, minded_families()
        owners = [knowledge.kind(call.receiver or "") for call in self.run.calls.values() if _gives_back(call, name)]
        made = {
            model.acquires
            for each in owners
            if each is not None
            for models in each.methods.values()
            for model in models
        }
        lent = [kind for each in made if each and (kind := knowledge.kind(each)) is not None]
        known = [kind for kind in lent or knowledge.kinds() if _is_owed(kind, families)]
        if not known:
            known = [kind for kind in self.opened.kinds_of_users(self.info) if _is_owed(kind, families)]
        usual = self.program.types.evidence.fitting(name, self.info, known)
        named = [kind for kind in usual if kind.family in knowledge.families_named(name)]
        return usual if lent else named or usual

    def _fate_of(self, rid: Rid, kind_id: str, run: Watcher) -> str:
        """Say what becomes of what a parameter holds."""
        kind = self.program.knowledge.kind(kind_id)
        verb = verb_of(kind) if kind is not None else "released"
        normal = [_phase(rid, end) for end in run.exits if not end.is_raise]
        failing = [_phase(rid, end) for end in run.exits if end.is_raise]
        parts: list[str] = []
        if not run.is_complete:
            parts.append("not followed to the end")
        elif normal and all(phase == "released" for phase in normal):
            less = ", but not on every path that raises" if set(failing) - {"released"} else ""
            parts.append(f"{verb} on every path{less}")
        elif "released" in normal:
            parts.append(f"{verb} on some paths")
        elif "released" in failing:
            parts.append(f"{verb} when something raises")
        kept = [fate for fate in run.fates.get(rid[0], {}).values() if fate.what in (watch.KEPT, watch.LOST)]
        if kept and kind is not None:
            words = Reasons(self.opened, run, kind, None)
            parts += dict.fromkeys(words.of(fate, others=False).text for fate in kept)
        if any(isinstance(end.value, Ref) and end.value.rid == rid for end in run.exits):
            parts.append("returned")
        if any(fate.what == watch.YIELDED for fate in run.fates.get(rid[0], {}).values()):
            parts.append("yielded")
        if not parts:
            parts.append("borrowed: as open afterwards as before")
        if rid[0] in run.commits:
            parts.append("its work is committed")
        if any(_is_pending(rid, end) for end in run.exits if not end.is_raise):
            parts.append("work on it is left uncommitted on some path")
        return "; ".join(parts)

    # --- the rest ---------------------------------------------------------------------------------------------------

    def _surroundings(self) -> Iterator[str]:
        """Yield what it does to attributes of its object, and to globals."""
        rebound = {spelling(site) for site in self.run.after.rebound if self._holds_something(site)}
        if rebound:
            yield f"gives another value to {_listed(f'`{name}`' for name in sorted(rebound))}"
        for site, fates in self.run.fates.items():
            if site[0] in ("self", "global", "field") and any(fate.what == watch.RELEASED for fate in fates.values()):
                kind = self.program.knowledge.kind(self.run.sites[site].kind)
                ends = [_phase((site, 0), end) for end in self.run.exits if not end.is_raise]
                how = "on every path" if ends and set(ends) == {"released"} else "on some paths"
                yield f"`{spelling(site)}` is {verb_of(kind) if kind is not None else 'released'} {how}"
        committed = {spelling(site) for site in self.run.commits if site[0] in ("self", "global", "field")}
        yield from (f"commits the work on `{name}`" for name in sorted(committed))

    def _holds_something(self, site: SiteKey) -> bool:
        """Whether an attribute of the object, or a global, is known to hold a resource, or an object of the project."""
        types, owner = self.program.types, self.run.owner_class()
        if site[0] == "self":
            return owner is not None and types.attribute_type(owner, str(site[1])) is not None
        return types.global_type(str(site[1])) is not None

    def _errors(self) -> Iterator[str]:
        ends = [end.state for end in self.run.exits if end.is_raise and end.state.low < UNHEARD_OF]
        raised = {state.raised.type if state.raised is not None else None for state in ends}
        names = [f"`{name}`" for name in sorted(each for each in raised if each is not None)]
        if None in raised:
            names.append("anything" if not names else "anything else")
        yield f"can raise {_listed(names, 'or')}" if raised else "raises nothing that lintdb sees"

    def _waiting(self) -> Iterator[str]:
        blocking = blocking_call(self.run)
        if blocking is not None:
            call = blocking.node
            place = self.opened.place(call, self.info.index)
            where = f" (line {place.span.line})" if place is not None and place.path == self.opened.source.path else ""
            code = self.opened.code(call.func if isinstance(call, cst.Call) else call)
            what = "the thread, and so the event loop, wait" if self.info.is_async else "its thread wait"
            once = ", the first time only" if blocking.is_once else ""
            once += ", where there is no other thread yet" if blocking.is_instead else ""
            yield f"makes {what}: `{code}()`{where}{once}"

    def _following(self) -> str:
        info = self.info
        if not self.run.is_complete:
            return "not followed to its end: it has too many paths"
        if info.is_module:
            return "followed to its end"
        if is_fixture(info) or not (info.is_property or self.program.runs_as_written(info)):
            return f"callers do not follow it: {why_unfollowed(self.opened, info)}"
        if info.is_generator and not is_generator_manager(info):
            return "followed to its end; it runs when somebody iterates"
        summary = self.program.summary(info, State(), None, owns_self=False)
        if summary is None:
            return f"callers do not follow it: {why_unfollowed(self.opened, info)}"
        ways = len(summary.outcomes)
        return f"followed to its end, which its callers see in {'1 way' if ways == 1 else f'{ways} ways'}"


def _is_owed(kind: Kind, families: Collection[str]) -> bool:
    return kind.family in families and kind.duty is not Duty.NONE


def _gives_back(call: KnownCall, name: str) -> bool:
    """Whether a call releases what it is given, a variable of that name: `pool.putconn(conn)`."""
    given = [argument.value.value for argument in call.node.args if isinstance(argument.value, cst.Name)]
    return call.receiver is not None and isinstance(call.model.releases, Argument) and name in given


def _phase(rid: Rid, end: Exit) -> str:
    status = end.state.status(rid)
    return status.phase if status is not None else "open"


def _is_pending(rid: Rid, end: Exit) -> bool:
    status = end.state.status(rid)
    return status is not None and status.pending >= 0


def _listed(names: Iterable[str], word: str = "and") -> str:
    """Return `a, b and c`."""
    found = list(names)
    return found[0] if len(found) == 1 else f"{', '.join(found[:-1])} {word} {found[-1]}"
