"""What becomes of a resource, in words: the reasons why something is, or is not, reported."""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst

from lintdb.effects import Kind
from lintdb.flow import watch
from lintdb.flow.decorators import is_fixture
from lintdb.flow.program import MAX_OUTCOMES
from lintdb.flow.results import PathStep
from lintdb.flow.state import State
from lintdb.flow.watch import Fate, Watcher
from lintdb.insight.opened import Opened, Place
from lintdb.rules.lifetimes import LeakRule, turn_of, verb_of
from lintdb.rules.registry import all_rules
from lintdb.syntax.names import ClassInfo, FunctionInfo

_DECISIONS = ("true", "false")
_ON_MANY_PATHS = (watch.RELEASED, watch.WITH_PARENT, watch.YIELDED, watch.OVERWRITTEN)
"""Of these one path is no example: most go that way."""
_STILL_OPEN = {
    watch.COVERED: "not released itself: it goes with what it belongs to",
    watch.UNUSED: "nothing has used it on this path, so that it holds nothing yet",
    watch.OVERWRITTEN: "the next round acquires another while this one is still open",
    watch.KILLED: "the process ends while it is open",
}


@dataclass(frozen=True)
class Reason:
    """One thing that becomes of a resource. `what` is a word for machines; `place` is None where a function ends."""

    what: str
    text: str
    place: Place | None = None


def a(label: str) -> str:
    """Return the label of a kind with its article: `an asyncpg connection`."""
    return f"{'an' if label[:1].lower() in 'aeio' else 'a'} {label}"


def minded_families() -> set[str]:
    """Return the families of resources that a rule minds when they are left open."""
    return {rule.family for rule in all_rules() if isinstance(rule, LeakRule)}


class Reasons:
    """Words for the fates of one resource of a run."""

    def __init__(self, opened: Opened, run: Watcher, kind: Kind, name: str | None) -> None:
        self.opened = opened
        self.run = run
        self.kind = kind
        self.verb = verb_of(kind)
        self.name = f"`{name}`" if name else "it"

    def of(self, fate: Fate, others: bool) -> Reason:
        """Return the reason that a fate is; *others*: paths differ, so that it is said on which this happens."""
        text = self._text(fate)
        if others and fate.what not in _ON_MANY_PATHS:
            text += self._condition(fate)
        return Reason(fate.what, text, self.opened.place(fate.node, self.run.index))

    def _text(self, fate: Fate) -> str:
        code = f"`{self.opened.code(fate.node)}`" if fate.node is not None else ""
        if fate.what == watch.RELEASED:
            return self._released(fate, code)
        if fate.what == watch.WITH_PARENT:
            return f"goes with {self._owner(fate)} when that is {self._owner_verb(fate)}{self._by(fate, code)}"
        if fate.what in (watch.RETURNED, watch.YIELDED):
            return self._handed_out(fate)
        if fate.what == watch.KEPT:
            return self._kept(fate)
        if fate.what == watch.LOST:
            return self._lost(fate, code)
        if fate.what in _STILL_OPEN:
            return _STILL_OPEN[fate.what]
        cause = ", after something has raised" if fate.on_error else ""
        return f"still open where {self._function()} ends{cause}"

    def _handed_out(self, fate: Fate) -> str:
        if fate.what == watch.YIELDED and (self.run.is_manager or self.run.is_fixture):
            return "lent to the code that runs at the `yield`"
        if fate.what == watch.YIELDED:
            return "yielded to whoever iterates, who may release it"
        if is_fixture(self.run.function):
            return "returned to the tests that ask for it"
        return f"returned to the caller of {self._function()}, who owes its release from there on"

    def _function(self) -> str:
        function = self.run.function
        return "the module" if function.is_module else f"`{function.name}()`"

    def _released(self, fate: Fate, code: str) -> str:
        if fate.by == "reading":
            return f"{self.verb} when it has been read to its end"
        return f"{self.verb}{self._by(fate, code)}"

    def _by(self, fate: Fate, code: str) -> str:
        if fate.by in ("function", "class") and isinstance(fate.callee, FunctionInfo):
            return f" by `{fate.callee.name}()`"
        if fate.by == "block":
            return " where the `with` block ends"
        return f" by {code}" if code else ""

    def _owner(self, fate: Fate) -> str:
        site = self.run.sites.get(fate.owner) if fate.owner is not None else None
        kind = self.run.knowledge.kind(site.kind) if site is not None else None
        if site is not None and site.name:
            return f"`{site.name}`"
        return f"its {kind.label}" if kind is not None else "what it belongs to"

    def _owner_verb(self, fate: Fate) -> str:
        site = self.run.sites.get(fate.owner) if fate.owner is not None else None
        kind = self.run.knowledge.kind(site.kind) if site is not None else None
        return verb_of(kind) if kind is not None else self.verb

    def _kept(self, fate: Fate) -> str:
        if fate.by == "class" and fate.callee is not None:
            name = fate.callee.name
            return f"kept by the object of `{name}`, which has no method that is meant for releasing it"
        if fate.by == "registers":
            return f"registered with {self._called(fate.node) or 'a stack of clean-up'} to be released later"
        if fate.by == "part":
            return f"kept by the object, along with what `self.{fate.name}` holds"
        if fate.by == "global":
            variable = f"the global `{fate.name}`" if fate.name else "a global"
            return f"kept in {variable}, which lives as long as the program"
        owner = self.run.owner_class()
        kept = f"kept as `self.{fate.name}`"
        if owner is None:
            return kept
        releases = self.opened.releases(owner, fate.name)
        if releases:
            where = ", ".join(self._method(method, release) for method, release in releases[:3])
            return f"{kept}, {self.verb} by {where}"
        if any(fate.name in self.opened.watch(method).handled_attributes for method in self.opened.family(owner)):
            return f"{kept}, which a method of `{owner.name}` returns, or gives to code that may release it"
        return f"{kept}; no method of `{owner.name}` is seen to release it"

    def _method(self, method: FunctionInfo, fate: Fate) -> str:
        name = method.qualname
        place = self.opened.place(fate.node, method.index)
        if place is None:
            return f"`{name}()`"
        where = f"line {place.span.line}" if method.index is self.opened.index else f"{place.path}:{place.span.line}"
        return f"`{name}()` ({where})"

    def _lost(self, fate: Fate, code: str) -> str:
        name = self._called(fate.node) or code
        callee = fate.callee
        if callee is not None and fate.by in ("unfollowed", "function", "class"):
            return self._given_to(callee, is_followed=fate.by != "unfollowed")
        known = {
            "unknown": f"given to {name}, of which lintdb knows nothing",
            "call": f"given to {name}, which takes it over",
            "unnamed": f"given to {name} by an argument of which its model does not speak",
            "attribute": f"kept as an attribute of another object: {code}",
            "item": f"put into a container that somebody else has: {code}",
            "container": f"put into a container that somebody else has: {code}",
            "generator": "handed to whoever iterates (`yield from`)",
            "decorator": "given to a decorator",
            "block": f"the block on {code} ends, and it is not known what that does to it",
        }
        return known.get(fate.by) or f"given to {name}" if name else "lintdb loses sight of it"

    def _given_to(self, callee: FunctionInfo | ClassInfo, *, is_followed: bool) -> str:
        """Say what a function or class of the project does with what it is given."""
        given = f"given to `{callee.name}()`"
        if isinstance(callee, ClassInfo):
            opaque = f", a class that lintdb does not follow: {_why_opaque(callee)}"
            return f"{given}{', which keeps it or hands it on' if is_followed else opaque}"
        if not is_followed:
            return f"{given}, which lintdb does not follow: {why_unfollowed(self.opened, callee)}"
        if callee.is_generator:
            return f"given to the generator `{callee.name}()`, which runs when somebody iterates"
        return f"{given}, which keeps it or hands it on"

    def _called(self, node: cst.CSTNode | None) -> str:
        call = node.expression if isinstance(node, cst.Await) else node
        return f"`{self.opened.code(call.func)}()`" if isinstance(call, cst.Call) else ""

    def _condition(self, fate: Fate) -> str:
        """Say what decided last for the path: one of those that lead there."""
        for step in reversed(fate.path):
            if step.what == "acquire":
                break
            if step.what in _DECISIONS:
                return f" (for example {turn_of(step, lambda node: self.opened.code(node, 40))})"
            if step.what == "raise":
                return f" (for example if {self._raiser(step)} raises)"
        return ""

    def _raiser(self, step: PathStep) -> str:
        if step.data == "yield":
            return "the code that runs at the `yield`"
        if step.data == "iteration":
            return f"iterating `{self.opened.code(step.node, 40)}`"
        return self._called(step.node) or f"`{self.opened.code(step.node, 40)}`"


def _why_opaque(owner: ClassInfo) -> str:
    if owner.has_unknown_base:
        unknown = next((base for each in owner.lineage for base in each.outside_bases if base is not None), None)
        return f"of its base `{unknown}` nothing is known" if unknown else "of one of its bases nothing is known"
    return "a decorator, a metaclass or `__new__` has a say in how its objects are made"


def why_unfollowed(opened: Opened, info: FunctionInfo) -> str:
    """Say why there is no summary of a function of the project."""
    if is_fixture(info):
        return "a test framework calls it"
    program = opened.program_of(info.index)
    if not (info.is_property or program.runs_as_written(info)):
        return "its decorator may make something else of it"
    run = program.run_for_caller(Watcher, info, State(), None, owns_self=False)
    if not run.is_complete:
        return "it has too many paths"
    if info in run.unfollowed:
        return "it calls itself"
    if len(run.exits) > MAX_OUTCOMES:
        return "it has too many ways to end"
    return "it cannot be told which argument is which, or functions call each other in a circle"
