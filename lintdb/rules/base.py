"""What a rule is: metadata as data, and generators that ask the context and keep no state.

A rule module holds one subclass of `Rule`. Its handlers are `check_function`, called once for each function (and the
module's own body) that the flow engine followed, and `check_opening`, called once for each call that makes a
connection, client, pool or engine. Both yield `Report`s; the engine turns them into findings.
"""

from __future__ import annotations

import enum
import functools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

from lintdb.finding import Confidence, Severity
from lintdb.rules.places import is_example_file, is_test, is_test_file

if TYPE_CHECKING:
    import libcst as cst

    from lintdb.effects import Argument, CallModel, Kind, Setting, Switch
    from lintdb.flow.program import Program
    from lintdb.flow.repetition import Evidence, Repetition
    from lintdb.flow.results import FunctionFlow, KnownCall, Leak
    from lintdb.rules.connection_strings import Dsn
    from lintdb.syntax.names import ClassInfo, FunctionInfo


@dataclass(frozen=True)
class RuleMeta:
    """The only home of a rule's metadata; tables, pages' headings, SARIF rules and options are made from it.

    `summary` starts in lower case and has no final period. `help` is the cure. `default` says whether the rule is
    reported without being selected. `since` is the lintdb version that first had it. `core` is False for an error whose
    sample in benchmarks/PRECISION.md does not bear that a team adopts it among the first (see `preset`).

    One defect is one finding. `cause` is what is wrong, in a word that all rules share which may find the same defect.
    `supersedes` are the codes of those among them that say it less exactly: their reports give way to a report of this
    rule about the same place.
    """

    code: str
    name: str
    summary: str
    severity: Severity
    help: str
    since: str
    default: bool = True
    core: bool = True
    cause: str = ""
    supersedes: tuple[str, ...] = ()

    @property
    def preset(self) -> str:
        """The smallest preset that has the rule: `core`, `default` or `all`.

        Errors that are on by default are core: they go wrong without any further bad luck, so each can be argued for by
        itself. Warnings are about errors, load or time that somebody must first believe in.
        """
        if not self.default:
            return "all"
        return "core" if self.core and self.severity is Severity.ERROR else "default"


@dataclass(frozen=True)
class ReportStep:
    """A step of a witness, still tied to its node; the engine resolves the position."""

    node: cst.CSTNode
    message: str


@dataclass(frozen=True)
class Report:
    """A defect as a rule sees it. `resource_kind` and `resource_name` describe the resource, if there is one.

    `about` are other places of the same defect, where other rules may find it. `cause` is what is wrong, where the rule
    speaks of several things (limits, by their names).
    """

    node: cst.CSTNode
    message: str
    confidence: Confidence = Confidence.HIGH
    steps: tuple[ReportStep, ...] = ()
    help: str | None = None
    resource_kind: str | None = None
    resource_name: str | None = None
    acquired_at: cst.CSTNode | None = None
    about: tuple[cst.CSTNode, ...] = ()
    cause: str = ""


class Bound(enum.Enum):
    """What is known of one setting at one call."""

    GIVEN = "given"
    DISABLED = "disabled"
    IMMEDIATE = "immediate"
    ABSENT = "absent"
    LIMITED = "limited"
    PARTIAL = "partial"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Answer:
    """The state of a setting; `node` is the argument that decides it, `spelling` how it is written there.

    `version` is the library with its version, in words, where only that tells what holds: a default that other versions
    do not have. `surest` bounds what can be said of it: a default that the environment may replace decides for those
    alone who leave it alone.
    """

    bound: Bound
    setting: Setting
    node: cst.CSTNode | None = None
    spelling: str = ""
    surest: Confidence = Confidence.HIGH
    version: str = ""

    @property
    def is_given(self) -> bool:
        """Whether the call itself says something of the setting, as an argument or in its connection string."""
        return self.node is not None or bool(self.spelling)


@dataclass(frozen=True)
class Opening:
    """A call that makes something which has limits: a connection, client, pool or engine.

    `version` is the library version that the model was read for; `switches` are safeguards that can be switched off.

    `given` is the call with its arguments and those of the `functools.partial` that it calls, where it does.
    `place` is given for calls that a framework makes with what stands in settings: `node` is written nowhere then, but
    what it is given is, and `place` is where the settings stand. `keys` says how its arguments are called there.
    `others` are the calls that it may be as well; `surest` bounds what can be said of it, `is_here` tells that the
    server is on the same machine.
    """

    node: cst.Call
    function: FunctionInfo
    model: CallModel
    kind: Kind
    driver: str
    version: str
    switches: tuple[Switch, ...] = ()
    given: cst.Call | None = None
    place: cst.CSTNode | None = None
    keys: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    others: tuple[Opening, ...] = ()
    surest: Confidence = Confidence.HIGH
    is_here: bool = False

    @property
    def call(self) -> cst.Call:
        """The call with all that it is given."""
        return self.given if self.given is not None else self.node

    @property
    def is_configured(self) -> bool:
        """Whether a framework makes the call with what stands in settings."""
        return self.place is not None

    def at(self, argument: cst.CSTNode | None = None) -> cst.CSTNode:
        """Return where a defect is reported: at the call; or where the settings stand, at the *argument* itself."""
        if self.place is None:
            return self.node
        return argument if argument is not None else self.place

    def written(self, keyword: str, value: str) -> str:
        """Return how an argument is written: `pool_size=0`, among settings `"pool_size": 0`."""
        if self.place is None:
            return f"{keyword}={value}"
        return f'"{self.keys.get(keyword, keyword)}": {value}'

    def known_arguments(self) -> int:
        """Return how many of the keywords of the call the model knows."""
        settings = [*self.model.settings, *self.kind.settings]
        known = {argument.keyword for setting in settings for argument in setting.arguments}
        known.add(self.model.dsn.keyword if self.model.dsn is not None else None)
        return sum(argument.keyword is not None and argument.keyword.value in known for argument in self.call.args)

    def settings(self, *names: str) -> Iterator[Setting]:
        """Yield the settings of those names: the call's own, else the kind's."""
        for setting in (*self.model.settings, *self.kind.settings):
            if setting.name in names:
                yield setting


@dataclass(frozen=True)
class FileContext:
    """All that a rule may ask about the file: its text, its names, what the flow engine understood.

    `handed_on` has the identities of opening calls whose result is given to code that is not known. Which other rules
    run is not a rule's business: see `lintdb.rules.doubles`.
    """

    path: str
    text: str
    program: Program
    strict_cursors: bool
    openings: tuple[Opening, ...]
    handed_on: frozenset[int]
    flows: tuple[FunctionFlow, ...] = ()

    @property
    def is_test(self) -> bool:
        """Whether the file holds tests, by its name or that of its folder."""
        return is_test_file(self.path)

    def is_rehearsal(self, function: FunctionInfo) -> bool:
        """Whether a function belongs to a test or an example: nobody depends on how long it takes."""
        return is_test(function, self.path) or is_example_file(self.path)

    def is_long_lived(self, opening: Opening) -> bool:
        """Whether what an opening call makes is seen to be kept or returned, so that it can grow old."""
        from lintdb.flow.fates import Fate

        if opening.function.is_module or opening.is_configured:
            return True
        uses = self.repetition.fates.uses(opening.node, opening.kind, opening.function)
        return any(
            use.fate is Fate.KEPT or (use.fate is Fate.RETURNED and (use.kind is None or use.kind.is_pool))
            for use in uses
        )

    def is_for_one_thread(self, opening: Opening) -> bool:
        """Whether a plain function makes something for itself alone and releases it: of its pool it needs one."""
        from lintdb.flow.fates import Fate

        function, kind = opening.function, opening.kind
        if function.is_module or function.is_async or opening.is_configured or kind.is_released_by_coroutine:
            return False
        uses = self.repetition.fates.uses(opening.node, kind, function)
        return {use.fate for use in uses} == {Fate.USED, Fate.RELEASED} and not any(use.is_lent for use in uses)

    @functools.cached_property
    def repetition(self) -> Repetition:
        """Which functions of the file run again and again."""
        from lintdb.flow.repetition import Repetition

        return Repetition(self.program)

    def made_again(self, opening: Opening) -> Evidence | None:
        """Return why a pool is made again and again by an opening call, or None where it is not (or not seen)."""
        from lintdb.rules.settings import may_be_another

        if opening.is_configured or not opening.kind.is_pool:
            return None
        if self.is_local(opening) or may_be_another(opening, self):
            return None
        return self.repetition.of_making(opening.node, opening.kind, opening.function)

    def opened_by(self, leak: Leak) -> Iterator[cst.CSTNode]:
        """Yield the calls that open the pool that a path leaves open, where another function made it."""
        if leak.maker is not None and leak.kind.family == "pool":
            yield from (opening.node for opening in self.openings if _is_of(leak, opening))

    def is_left_open(self, opening: Opening, made_by: cst.Call | None = None) -> bool:
        """Whether some path leaves what a call opens open, here or where it was returned to, surely enough.

        With *made_by*, a call of the function that returns it, only what comes from there counts.
        """
        leaks = [leak for flow in self.flows for leak in flow.leaks if leak.confidence > Confidence.LOW]
        return any(leak.node is made_by if made_by is not None else _is_of(leak, opening) for leak in leaks)

    def answers(self, opening: Opening, *names: str) -> list[Answer]:
        """Return one answer for each of the named settings that an opening call has."""
        from lintdb.rules.settings import answers

        return answers(opening, self, *names)

    def model_of(self, node: cst.Call, function: FunctionInfo) -> CallModel | None:
        """Return what is known of a call: by its name, else by what the flow engine saw it work on."""
        dotted = function.index.dotted(node.func, function)
        by_name = next(iter(self.program.knowledge.function(dotted)), None) if dotted is not None else None
        return by_name or self._models_by_flow.get(id(node))

    @functools.cached_property
    def connection_strings(self) -> dict[tuple[int, Argument | None], Dsn]:
        """What has been seen of connection strings, by the identity of the call and the argument."""
        return {}

    @functools.cached_property
    def _models_by_flow(self) -> dict[int, CallModel]:
        return {id(call.node): call.model for flow in self.flows for call in flow.calls}

    def answer_of_call(self, call: KnownCall, function: FunctionInfo, name: str) -> Answer | None:
        """Return the answer for a setting of one call on a resource: `pool.acquire()`, `client.blpop(…)`."""
        from lintdb.rules.settings import answer_of_call

        return answer_of_call(call, function, name, self)

    def number_of(self, answer: Answer, opening: Opening) -> float | None:
        """Return the number that holds for a setting of an opening call, if it can be seen."""
        from lintdb.rules.settings import number_of

        return number_of(answer, opening, self)

    def seconds_of(self, setting: Setting, opening: Opening) -> tuple[float, str] | None:
        """Return how long a limit of an opening call lasts, and how it is written, if both can be seen."""
        from lintdb.rules.settings import seconds_of

        return seconds_of(setting, opening, self)

    def seconds_around(self, call: KnownCall, function: FunctionInfo, name: str) -> tuple[float, float] | None:
        """Return the seconds of a limit that a call is given, and of the limit that is put around it."""
        from lintdb.rules.settings import seconds_around

        return seconds_around(call, function, name, self)

    def seconds_within(self, call: KnownCall, function: FunctionInfo) -> tuple[float, float, str] | None:
        """Return the seconds that a call waits, and those of the limit of what it works on, with its spelling."""
        from lintdb.rules.settings import seconds_within

        return seconds_within(call, function, self)

    def refused(self, opening: Opening) -> list[str]:
        """Return the arguments of an opening call that what it makes does not take."""
        from lintdb.rules.settings import refused

        return refused(opening, self)

    def is_local(self, opening: Opening) -> bool:
        """Whether what an opening call makes is known to lead to a file, not over a network."""
        from lintdb.rules.settings import is_local

        return is_local(opening, self)

    def may_be_local(self, opening: Opening) -> bool:
        """Whether an opening call may lead to a file, as far as its file tells."""
        from lintdb.rules.settings import may_be_local

        return may_be_local(opening, self)

    def is_explained(self, node: cst.CSTNode, function: FunctionInfo, about: str) -> bool:
        """Whether a comment at the statement of a call says something of a matter, a regular expression."""
        from lintdb.syntax.comments import comments_beside

        comments = comments_beside(node, self.repetition.fates.ancestry(function))
        return any(re.search(about, comment, re.IGNORECASE) for comment in comments)

    def is_awaited(self, node: cst.CSTNode, function: FunctionInfo) -> bool:
        """Whether a call in a function stands right behind `await`."""
        parent = next(self.repetition.fates.ancestry(function).ancestors(node), None)
        return type(parent).__name__ == "Await"

    def is_iterated(self, node: cst.CSTNode, function: FunctionInfo) -> bool:
        """Whether a `for` statement in a function goes through the value of a call."""
        parent = next(self.repetition.fates.ancestry(function).ancestors(node), None)
        return getattr(parent, "iter", None) is node

    def is_read_for_ever(self, node: cst.CSTNode, function: FunctionInfo) -> bool:
        """Whether a loop goes through what a call gives as long as there is more: nothing in it leaves the loop."""
        from lintdb.syntax.ancestry import is_left_early  # loads libcst, which listing rules does not need

        loop = next(self.repetition.fates.ancestry(function).ancestors(node), None)
        return loop is not None and getattr(loop, "iter", None) is node and not is_left_early(loop)

    def said_of_version(self, answer: Answer) -> str:
        """Return what a message adds that speaks of a default which other versions do not have."""
        return f" ({answer.version})" if answer.version and not answer.is_given else ""

    def words_of(self, answer: Answer, opening: Opening) -> str:
        """Return how the argument that decides a setting of an opening call is written."""
        if answer.node is None:
            return answer.spelling
        return opening.written(answer.spelling, self.source_of(answer.node))

    def source_of(self, node: cst.CSTNode, limit: int = 60) -> str:
        """Return the code of a node on one line, shortened to *limit* characters, for use in messages."""
        text = " ".join(self.program.index.code_of(node).split())
        return text if len(text) <= limit else text[: limit - 1] + "…"


def _is_of(leak: Leak, opening: Opening) -> bool:
    if leak.maker is None:
        return leak.node is opening.node
    return leak.kind.family == opening.kind.family and _makes(leak.maker, opening.function)


def _makes(maker: str, function: FunctionInfo) -> bool:
    """Whether a function is the one that is called *maker*, or a method that such a one of its class calls."""
    method = function.owner.find_method(maker) if function.owner is not None else None
    calls = method.calls if method is not None else ()
    names = {getattr(getattr(call.func, "attr", None), "value", "") for call in calls}
    return function.name == maker or function.name in names


class Rule:
    """Base of all rules. Subclasses give `meta` and at least one handler."""

    meta: ClassVar[RuleMeta]

    def check_function(self, flow: FunctionFlow, ctx: FileContext) -> Iterable[Report]:
        """Yield the defects of one function."""
        return ()

    def check_class(self, owner: ClassInfo, flows: Sequence[FunctionFlow], ctx: FileContext) -> Iterable[Report]:
        """Yield the defects of one class; *flows* are those of its methods, its bases' and its subclasses'."""
        return ()

    def check_opening(self, opening: Opening, ctx: FileContext) -> Iterable[Report]:
        """Yield the defects of one opening call."""
        return ()

    def check_file(self, ctx: FileContext) -> Iterable[Report]:
        """Yield the defects that are seen by looking at the whole file."""
        return ()
