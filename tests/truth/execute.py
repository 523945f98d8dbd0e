"""Runs a function of a program on every path within a bound and says what became of what it opened."""

from __future__ import annotations

import builtins
import contextlib
import functools
import inspect
import sys
import types
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.truth import books, choices, stand_in
from tests.truth.choices import Chooser
from tests.truth.instrument import FunctionInfo, Instrumented, instrument
from tests.truth.modules import import_module, nothing
from tests.truth.opaque import Opaque
from tests.truth.runtime import Runtime
from tests.truth.stand_in import current_world
from tests.truth.world import World


@dataclass
class LineTruth:
    """What became of what one line acquired, over all runs."""

    leaks: bool = False
    leaks_on_error: bool = False
    leaks_on_unlikely_error: bool = False
    is_released: bool = False
    is_escaped: bool = False
    leaves: list[books.Outcome] = field(default_factory=list)
    """What was left open after somebody else had got it, from a generator."""

    def add(self, outcome: books.Outcome) -> None:
        """Note that a run has left it open."""
        self.leaks |= not outcome.on_error
        self.leaks_on_error |= outcome.on_error and not outcome.is_low
        self.leaks_on_unlikely_error |= outcome.on_error and outcome.is_low

    @property
    def verdict(self) -> str:
        """The worst of it, in a word."""
        if self.leaks:
            return "leaks"
        if self.leaks_on_error:
            return "leaks on error"
        if self.leaks_on_unlikely_error:
            return "leaks on an unlikely error"
        return "escapes" if self.is_escaped else "never leaks"


@dataclass
class Truth:
    """What all runs of one function showed, by line of the program; lost work by the line that opened it.

    Of `runs`, those `dropped` went beyond the bound, as a loop does that has another round always, or met `mistakes` of
    another sort, such as a call on None. What happens only there is not known. `keeping` are the loops that have had
    rounds when work was made permanent. `unfinished` and `ended` are lines that begin a transaction by a statement;
    perhaps unfinished, where only an unlikely error leads there. On others something is `used`, or `misused`: after its
    release; perhaps, where somebody waits for the error, or the path is unlikely. `given` is how a manager left what it
    had been given: whether its block had raised, whether it was open.
    """

    function: FunctionInfo
    connections: dict[int, LineTruth] = field(default_factory=dict)
    cursors: dict[int, LineTruth] = field(default_factory=dict)
    losses: list[books.Outcome] = field(default_factory=list)
    keeping: set[books.Event] = field(default_factory=set)
    lost_work: dict[int, set[int]] = field(default_factory=dict)
    dropped_work: dict[int, set[int]] = field(default_factory=dict)
    open_units: set[int] = field(default_factory=set)
    swallowed_at: set[int] = field(default_factory=set)
    begun_units: set[int] = field(default_factory=set)
    left_to_caller: set[int] = field(default_factory=set)
    committed: set[int] = field(default_factory=set)
    unfinished: set[int] = field(default_factory=set)
    perhaps_unfinished: set[int] = field(default_factory=set)
    ended: set[int] = field(default_factory=set)
    given: set[tuple[bool, bool]] = field(default_factory=set)
    used: set[int] = field(default_factory=set)
    misused: set[int] = field(default_factory=set)
    perhaps_misused: set[int] = field(default_factory=set)
    runs: int = 0
    dropped: int = 0
    mistakes: int = 0
    is_complete: bool = True
    witness: dict[tuple[str, int], list[int]] = field(default_factory=dict)
    paths: dict[tuple[str, int, bool], set[tuple[books.Event, ...]]] = field(default_factory=dict)
    tests: frozenset[tuple[int, int]] = frozenset()
    counted_loops: frozenset[tuple[int, int]] = frozenset()


class Program:
    """A program that was compiled once and is run again and again."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.parsed: Instrumented = instrument(text)
        self._code = compile(self.parsed.tree, books.PROGRAM, "exec")
        self._namespace: dict[str, object] = {}
        self._start: dict[str, object] = {}
        self._containers: list[tuple[Any, Any]] = []
        self._holders: list[object] = []
        self._load()

    def _load(self) -> None:
        setting = World(Chooser([]), self.parsed.places, 0)
        setting.is_setting_up = True
        stand_in.set_world(setting)
        names = dict(vars(builtins))
        names["__import__"] = import_module
        names["print"] = nothing
        names["input"] = Opaque(current_world, name="input")
        # The real one would read and write files of whoever runs the tests.
        names["open"] = Opaque(current_world, name="open")
        # Data classes look up the names in their annotations in the module that they are of.
        module = types.ModuleType(books.PROGRAM_MODULE)
        self._namespace = module.__dict__
        self._namespace |= {
            "__builtins__": names,
            "__name__": books.PROGRAM_MODULE,
            "__file__": books.PROGRAM,
            "truth_runtime": Runtime(),
        }
        sys.modules[books.PROGRAM_MODULE] = module
        exec(self._code, self._namespace)
        self._start = dict(self._namespace)
        for name, value in self._start.items():
            if name.startswith("__"):
                continue
            if isinstance(value, list | dict | set):
                self._containers.append((value, value.copy()))
            kind = value if isinstance(value, type) else type(value)
            if (
                isinstance(value, list | dict | set | functools._lru_cache_wrapper)
                or kind.__module__ == books.PROGRAM_MODULE
            ):
                self._holders.append(value)

    def _reset(self) -> None:
        self._namespace.clear()
        self._namespace.update(self._start)
        for value, content in self._containers:
            value.clear()
            if isinstance(value, list):
                value.extend(content)
            else:
                value.update(content)
        for value in self._start.values():
            if isinstance(value, functools._lru_cache_wrapper):
                value.cache_clear()
            elif isinstance(value, Opaque):
                value.truth_forget()

    def _living(self) -> list[object]:
        """What of the module can hold something: globals that functions set, containers, caches, objects, classes."""
        set_by_functions = [self._namespace[name] for name in self.parsed.globals if name in self._namespace]
        return [*set_by_functions, *self._holders]

    def truth(self, name: str, *, max_runs: int = 4000, max_raises: int = 2) -> Truth:
        """Run one function on every path; `is_complete` is false if there are more than *max_runs*."""
        info = self.parsed.functions[name]
        truth = Truth(info, tests=self.parsed.tests, counted_loops=self.parsed.counted_loops)
        trail: list[int] | None = []
        while trail is not None:
            if truth.runs >= max_runs:
                truth.is_complete = False
                break
            trail = self._run(info, trail, max_raises, truth)
        for place in [*truth.connections.values(), *truth.cursors.values()]:
            # A generator that never releases what it yields leaves that to its consumer.
            place.is_escaped |= bool(place.leaves) and not place.is_released
            for outcome in place.leaves if place.is_released else ():
                place.add(outcome)
        for outcome in truth.losses:
            # A loop without rounds is rare in life, and not in runs.
            lines = truth.dropped_work if outcome.skipped & truth.keeping else truth.lost_work
            lines.setdefault(outcome.source, set()).add(outcome.line)
        if (False, False) in truth.given and (False, True) not in truth.given and (True, True) in truth.given:
            # What it is given, and releases at every other end, is left open where its block raises.
            truth.connections.setdefault(info.first_line, LineTruth()).leaks_on_error = True
        return truth

    def _run(self, info: FunctionInfo, trail: list[int], max_raises: int, truth: Truth) -> list[int] | None:
        chooser = Chooser(trail)
        world = World(chooser, self.parsed.places, max_raises)
        stand_in.set_world(world)
        self._reset()
        world.globals = self._living
        try:
            _drive(self._namespace, info, world)
        except choices.Dropped:
            world.is_dropped = True
        except BaseException as error:  # the program may raise anything
            if isinstance(error, KeyboardInterrupt):
                raise
            if not world.is_expected(error):
                world.is_dropped = world.is_mistaken = True
        truth.runs += 1
        truth.mistakes += world.is_mistaken
        if world.is_dropped:
            truth.dropped += 1
        else:
            _add(truth, world, trail)
        world.is_over = True
        return chooser.next_trail()


def _add(truth: Truth, world: World, trail: list[int]) -> None:
    info = truth.function
    for outcome in world.outcomes:
        if not info.first_line <= outcome.line <= info.last_line:
            continue
        truth.witness.setdefault((f"{outcome.what} {outcome.family} {outcome.on_error}", outcome.line), trail)
        if outcome.what == "leak":
            place = _place(truth, outcome.family, outcome.line)
            if outcome.is_shared:
                place.leaves.append(outcome)
            else:
                place.add(outcome)
            truth.paths.setdefault((outcome.family, outcome.line, outcome.on_error), set()).update(outcome.paths)
        elif outcome.what == "lost-work":
            truth.losses.append(outcome)
        elif outcome.what == "dropped-work":
            truth.dropped_work.setdefault(outcome.source, set()).add(outcome.line)
        else:
            _lines_of(truth, outcome).add(outcome.line)
            if outcome.what == "open-unit":
                truth.swallowed_at.add(outcome.source)
    truth.used |= world.after.used_at & set(range(info.first_line, info.last_line + 1))
    truth.given.update(world.given)
    truth.keeping |= world.keeping
    for record in world.records:
        if record.is_external or record.owner is None or not info.first_line <= record.line <= info.last_line:
            continue
        place = _place(truth, record.family, record.line)
        place.is_escaped |= record.is_escaped
        place.is_released |= not record.is_open


def _lines_of(truth: Truth, outcome: books.Outcome) -> set[int]:
    """Return the lines of which an outcome tells no more than that it happens there."""
    if outcome.what == "unfinished":
        return truth.perhaps_unfinished if outcome.is_low else truth.unfinished
    if outcome.what == "misused":
        return truth.perhaps_misused if outcome.is_low else truth.misused
    return {
        "open-unit": truth.open_units,
        "begun-unit": truth.begun_units,
        "left-to-caller": truth.left_to_caller,
        "committed": truth.committed,
        "ended": truth.ended,
    }[outcome.what]


def _place(truth: Truth, family: str, line: int) -> LineTruth:
    lines = truth.connections if family == "connection" else truth.cursors
    return lines.setdefault(line, LineTruth())


# Driving a function.


def _drive(namespace: Mapping[str, object], info: FunctionInfo, world: World) -> None:
    called, first = _callable(namespace, info, world)
    positional: list[object] = list(first)
    keywords: dict[str, object] = {}
    for parameter in info.parameters[len(first) :]:
        if parameter.default == "expression":
            continue
        value = _argument(namespace, parameter.name, parameter.annotation, world)
        if parameter.kind == "keyword":
            keywords[parameter.name] = value
        else:
            positional.append(value)
    result = called(*positional, **keywords)
    _consume(result, world)


def _callable(
    namespace: Mapping[str, object], info: FunctionInfo, world: World
) -> tuple[Callable[..., object], list[object]]:
    if not info.is_method:
        function = namespace[info.name]
        assert callable(function)
        return function, []
    class_name, _, name = info.name.partition(".")
    owner = namespace[class_name]
    assert isinstance(owner, type)
    world.is_setting_up = True
    try:
        instance = _build(owner)
    finally:
        world.is_setting_up = False
    raw = inspect.getattr_static(owner, name)
    if isinstance(raw, classmethod | staticmethod):
        return getattr(owner, name), [owner] if isinstance(raw, classmethod) else []
    return getattr(owner, name), [instance]


def _build(owner: type) -> object:
    try:
        count = len(inspect.signature(owner).parameters)
        return owner(*(Opaque(current_world, name="given", is_never_none=True) for _ in range(count)))
    except (TypeError, ValueError, AttributeError):
        return object.__new__(owner)


def _argument(namespace: Mapping[str, object], name: str, annotation: str, world: World) -> object:
    world.is_setting_up = True
    try:
        if annotation in ("sqlite3.Connection", "Connection"):
            return stand_in.Connection()
        if annotation in ("ExitStack", "contextlib.ExitStack"):
            return contextlib.ExitStack()
        given = namespace.get(annotation) if annotation.isidentifier() else None
        if isinstance(given, type) and given.__module__ == books.PROGRAM_MODULE:
            return _build(given)
    finally:
        world.is_setting_up = False
    return Opaque(current_world, name=name)


def _run_coroutine(coroutine: Coroutine[Any, Any, object]) -> object:
    """Run a coroutine whose awaits never wait."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise choices.Dropped


async def _enter(manager: contextlib.AbstractAsyncContextManager[object], world: World) -> None:
    async with manager as lent:
        world.is_in_block = True
        generator = vars(manager)["gen"].ag_frame
        _work_in_block(lent, generator.f_lineno)
        world.may_raise(frame=generator)
        world.is_in_block = False


def _work_in_block(lent: object, line: int) -> None:
    connection = lent.connection if isinstance(lent, stand_in.Cursor) else lent
    if isinstance(connection, stand_in.Connection):
        connection.truth_work_in_block(line)


def _consume(result: object, world: World) -> None:
    if inspect.iscoroutine(result):
        _run_coroutine(result)
    elif isinstance(result, contextlib._AsyncGeneratorContextManager):
        _run_coroutine(_enter(result, world))
    elif isinstance(result, contextlib._GeneratorContextManager):
        with result as lent:
            world.is_in_block = True
            generator = vars(result)["gen"].gi_frame
            _work_in_block(lent, generator.f_lineno)
            world.may_raise(frame=generator)
            world.is_in_block = False
    elif inspect.isgenerator(result):
        _iterate(result, world)
    elif isinstance(result, types.FunctionType) and result.__code__.co_filename == books.PROGRAM:
        signature = inspect.signature(result, follow_wrapped=False)
        kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        names = [each.name for each in signature.parameters.values() if each.kind in kinds]
        result(*(Opaque(current_world, name=each) for each in names))


def _iterate(generator: types.GeneratorType[Any, Any, Any], world: World) -> None:
    """Take everything, stop after some, or throw into it."""
    for _ in range(2 * choices.MAX_ELEMENTS + 1):
        try:
            next(generator)
        except StopIteration:
            return
        if world.raises_left <= 0:
            continue
        kinds: tuple[type[Exception], ...] = (choices.OpaqueError, *world.places.other_errors)
        what = world.chooser.choose(2 + len(kinds))
        if what == 1:
            world.raises_left -= 1
            world.note_raise(GeneratorExit(), frame=generator.gi_frame)
            generator.close()
            return
        if what > 1:
            world.raises_left -= 1
            error = kinds[what - 2]("thrown in")
            world.note_raise(error, frame=generator.gi_frame)
            generator.throw(error)
    raise choices.Dropped
