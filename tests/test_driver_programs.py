"""Programs written from the driver models: each kind that must be released leaks, is closed too late, and is closed.

A kind is had by a function of its library, or by a method of an owner that comes in as an annotated parameter (or,
where the owner has no class of its own, is made on module level). What is generated is shown when a test fails.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from lintdb.drivers import catalog
from lintdb.drivers.catalog import Models, load_models
from lintdb.effects import Argument, CallModel, Condition, Duty, Form, Kind, Raises, WithBlock
from lintdb.engine import EngineOptions, check_source
from lintdb.finding import Confidence, Finding
from lintdb.source import SourceFile

DIGITS = {"connection": 1, "cursor": 2, "session": 3, "pool": 4, "checkout": 5, "result": 6}
LIFETIMES = frozenset(f"LDB1{tens}{digit}" for tens in (0, 2) for digit in DIGITS.values()) | {
    "LDB111",
    "LDB113",
    "LDB114",
}


@dataclass(frozen=True)
class Way:
    """One way to a kind: the expression, the parameter that it needs, and whether it is awaited or entered."""

    driver: str
    kind: str
    expression: str
    parameter: str | None
    imports: frozenset[str]
    call: CallModel
    owner: str | None
    setup: str = ""

    def __str__(self) -> str:
        return f"{self.kind} by {self.expression}"

    @property
    def is_awaited(self) -> bool:
        return self.call.coroutine or self.call.form in (Form.AWAIT, Form.AWAIT_OR_WITH)

    @property
    def is_entered_only(self) -> bool:
        return self.call.form is Form.WITH

    @property
    def digit(self) -> int:
        return DIGITS[models(self.driver).kinds[self.kind].family]


@functools.cache
def models(driver: str) -> Models:
    return load_models([driver])


def module_of(dotted: str) -> str:
    """Return what to import for a dotted name: all before the first class or function, but at least the first part."""
    parts = dotted.split(".")
    end = next((n for n, part in enumerate(parts) if n and part[:1].isupper()), len(parts) - 1)
    return ".".join(parts[: max(end, 1)])


def spell(condition: Condition) -> str | None:
    """Return the argument that meets a condition, or None where nothing has to be given."""
    if condition.given is False:
        return None
    keyword = condition.argument.keyword
    assert keyword is not None or condition.argument.position == 0, "a later position needs a keyword to be tested"
    value = repr(condition.equals[0]) if condition.equals else "'given'"
    return (f"{keyword}=" if keyword else "") + (condition.names[0] if condition.names else value)


def arguments(call: CallModel, earlier: tuple[CallModel, ...]) -> tuple[str, frozenset[str]] | None:
    """Return arguments for which *call* is chosen before its siblings; None if it never is."""
    if any(not sibling.when for sibling in earlier):
        return None
    given = [spelled for condition in call.when if (spelled := spell(condition)) is not None]
    if any(text.startswith("async=") for text in given):
        return None  # a keyword of the language
    imports = frozenset(module_of(condition.names[0]) for condition in call.when if condition.names)
    return ", ".join(given), imports


def _iter_functions(driver: str) -> Iterator[Way]:
    known = models(driver)
    for name, calls in known.functions.items():
        for n, call in enumerate(calls):
            if call.driver != driver or call.acquires is None or call.parent is not None:
                continue
            given = arguments(call, calls[:n])
            if given is not None:
                yield Way(driver, call.acquires, f"{name}({given[0]})", None, given[1] | {module_of(name)}, call, None)


def _iter_factories(driver: str) -> Iterator[Way]:
    """Yield the calls that give an owner which need not be released, and has no class that an annotation could name."""
    known = models(driver)
    for name, calls in known.functions.items():
        for n, call in enumerate(calls):
            kind = known.kinds.get(call.gives or "") if call.driver == driver else None
            given = arguments(call, calls[:n]) if kind is not None and not kind.types else None
            if kind is not None and given is not None:
                yield Way(driver, kind.id, f"{name}({given[0]})", None, given[1] | {module_of(name)}, call, None)


def iter_ways(driver: str) -> Iterator[Way]:
    """Yield every spelling of every function, and one method of each kind that can come in as a parameter."""
    known = models(driver)
    loaded = known.driver(driver)
    assert loaded is not None
    made = {way.kind: way for way in (*_iter_factories(driver), *_iter_functions(driver))}
    yield from _iter_functions(driver)
    for owner_id in loaded.kinds:
        owner = known.kinds[owner_id]
        maker = made.get(owner_id)
        if not owner.types and maker is None:
            continue
        for name, calls in owner.methods.items():
            for n, call in enumerate(calls):
                if call.acquires is None:
                    continue
                given = arguments(call, calls[:n])
                if given is not None:
                    method = "" if name == "__call__" else f".{name}"
                    expression = f"owner{method}({given[0]})"
                    if owner.types:
                        imports = given[1] | {module_of(owner.types[0])}
                        yield Way(driver, call.acquires, expression, owner.types[0], imports, call, owner_id)
                    elif maker is not None:
                        setup = f"owner = {maker.expression}"
                        imports = given[1] | maker.imports
                        yield Way(driver, call.acquires, expression, None, imports, call, owner_id, setup)


def is_owed(way: Way) -> bool:
    kind = models(way.driver).kinds[way.kind]
    return kind.duty is Duty.MUST and kind.family in DIGITS


WAYS = [way for driver in catalog.driver_names() for way in iter_ways(driver) if is_owed(way)]


def release_of(way: Way) -> str | None:
    """Return the statement that releases `x`, or None where only leaving a block does."""
    kind = models(way.driver).kinds[way.kind]
    for name, calls in kind.methods.items():
        for call in calls:
            if call.releases == "self" and not call.when and call.event is None and call.acquires is None:
                return ("await " if call.coroutine else "") + f"x.{name}()"
    owner = models(way.driver).kinds[way.owner] if way.owner is not None else None
    for name, calls in owner.methods.items() if owner is not None else ():
        for call in calls:
            if isinstance(call.releases, Argument):
                return ("await " if call.coroutine else "") + f"owner.{name}(x)"
    return None


def program(way: Way, *body: str, is_async: bool) -> str:
    imports = [f"import {module}" for module in sorted(way.imports)]
    parameter = f"owner: {way.parameter}" if way.parameter is not None else ""
    head = f"{'async ' if is_async else ''}def job({parameter}):"
    return "\n".join([*imports, "", way.setup, "", head, *(f"    {line}" for line in body), ""])


def check(text: str, confidence: Confidence) -> list[Finding]:
    options = EngineOptions(LIFETIMES, min_confidence=confidence)
    result = check_source(SourceFile("job.py", text), options)
    assert result.problem is None, text
    return list(result.findings)


def codes(text: str, confidence: Confidence = Confidence.LOW) -> list[str]:
    return [finding.code for finding in check(text, confidence)]


def acquisition(way: Way) -> str:
    return f"x = {'await ' if way.is_awaited else ''}{way.expression}"


def use_of(way: Way) -> list[str]:
    """Return the statements that make a lazy kind take what it must give back; none for the others."""
    known = models(way.driver).kinds
    kind = known[way.kind]
    if not kind.is_lazy:
        return []
    for name, calls in kind.methods.items():
        call = calls[0]
        is_plain = call.releases is None and call.acquires is None and call.form is Form.VALUE
        if is_plain and call.raises is not Raises.NEVER and name.isidentifier() and not name.startswith("__"):
            return [f"{'await ' if call.coroutine else ''}x.{name}()"]
    for name, calls in kind.methods.items():
        child = known.get(calls[0].acquires or "")
        if child is None or calls[0].raises is Raises.NEVER:
            continue
        if calls[0].form is Form.AWAIT_OR_WITH:
            return [f"async with x.{name}():", "    pass"]
        if calls[0].form is Form.WITH or (child.with_block is not None and child.with_block.releases):
            return [f"with x.{name}():", "    pass"]
        closing = next((n for n, c in child.methods.items() if c[0].releases == "self" and c[0].event is None), None)
        if closing is not None:
            awaited = "await " if calls[0].coroutine or calls[0].form is Form.AWAIT else ""
            last = "await " if child.methods[closing][0].coroutine else ""
            return [f"y = {awaited}x.{name}()", f"{last}y.{closing}()"]
        giving = next(((n, c[0]) for n, c in kind.methods.items() if isinstance(c[0].releases, Argument)), None)
        if giving is not None:
            awaited = "await " if calls[0].coroutine or calls[0].form is Form.AWAIT else ""
            last = "await " if giving[1].coroutine else ""
            return [f"y = {awaited}x.{name}()", f"{last}x.{giving[0]}(y)"]
    return []


def must_be_async(way: Way, release: str | None) -> bool:
    kind = models(way.driver).kinds[way.kind]
    return way.is_awaited or (release or "").startswith("await") or not is_sync(kind)


def is_sync(kind: Kind) -> bool:
    return kind.async_with_block in (None, WithBlock.NONE)


BOUND = [way for way in WAYS if not way.is_entered_only]
RELEASED = [way for way in BOUND if release_of(way) is not None]


@pytest.mark.parametrize("way", BOUND, ids=str)
def test_never_released(way: Way) -> None:
    body = [acquisition(way), *use_of(way), "work()"]
    text = program(way, *body, is_async=must_be_async(way, release_of(way)))
    assert f"LDB10{way.digit}" in codes(text), text


@pytest.mark.parametrize("way", RELEASED, ids=str)
def test_released_unless_something_raises(way: Way) -> None:
    release = release_of(way)
    assert release is not None
    body = [acquisition(way), *use_of(way), "work()", release]
    text = program(way, *body, is_async=must_be_async(way, release))
    assert codes(text) == [f"LDB12{way.digit}"], text


@pytest.mark.parametrize("way", RELEASED, ids=str)
def test_released_in_finally(way: Way) -> None:
    release = release_of(way)
    assert release is not None
    used = [f"    {line}" for line in use_of(way)]
    body = [acquisition(way), "try:", *used, "    work()", "finally:", f"    {release}"]
    text = program(way, *body, is_async=must_be_async(way, release))
    assert codes(text) == [], text


@pytest.mark.parametrize("way", [way for way in RELEASED if "await" in str(release_of(way))], ids=str)
def test_a_release_that_is_not_awaited_is_none(way: Way) -> None:
    release = str(release_of(way)).removeprefix("await ")
    used = [f"    {line}" for line in use_of(way)]
    body = [acquisition(way), "try:", *used, "    work()", "finally:", f"    {release}"]
    text = program(way, *body, is_async=True)
    assert f"LDB10{way.digit}" in codes(text), text


def block_of(way: Way) -> tuple[str, WithBlock] | None:
    """Return how the kind is entered and what leaving does to it."""
    kind = models(way.driver).kinds[way.kind]
    for word, block in (("with", kind.with_block), ("async with", kind.async_with_block)):
        if block not in (None, WithBlock.NONE):
            assert block is not None
            return word, block
    return None


ENTERED = [way for way in WAYS if block_of(way) is not None and way.call.form is not Form.AWAIT_OR_WITH]


@pytest.mark.parametrize("way", ENTERED, ids=str)
def test_what_a_with_block_does(way: Way) -> None:
    """A block that releases is silent, and so is one that may; else the resource is left open, and that is said."""
    found = block_of(way)
    assert found is not None
    word, block = found
    expression = way.expression if way.is_entered_only else acquisition(way).removeprefix("x = ")
    text = program(way, f"{word} {expression} as x:", "    work()", is_async=way.is_awaited or word == "async with")
    if block.releases or block is WithBlock.UNKNOWN or way.is_entered_only:
        assert codes(text) == [], text
    else:
        assert "LDB111" in codes(text) or f"LDB10{way.digit}" in codes(text), text


@pytest.mark.parametrize("way", [way for way in WAYS if way.call.form is Form.AWAIT_OR_WITH], ids=str)
def test_entering_what_could_be_awaited_releases(way: Way) -> None:
    text = program(way, f"async with {way.expression} as x:", "    work()", is_async=True)
    assert codes(text) == [], text


def test_every_kind_that_is_owed_is_in_some_program() -> None:
    """Kinds that owe something only once they are opened (a lock) have no program: nothing acquires them."""
    missing = []
    for driver in catalog.driver_names():
        known = models(driver)
        calls = [call for kind in known.kinds.values() for entry in kind.methods.values() for call in entry]
        acquired = {call.acquires for call in (*calls, *(call for entry in known.functions.values() for call in entry))}
        owed = {kind.id for kind in known.kinds.values() if kind.duty is Duty.MUST and kind.family in DIGITS}
        written = {way.kind for way in WAYS}
        missing += [kind_id for kind_id in owed & acquired - written if kind_id.startswith(f"{driver}.")]
    assert sorted(missing) == []
