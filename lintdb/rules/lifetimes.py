"""What the lifetime rules share: one rule for each family of resources and kind of path, all from the same leaks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from lintdb.effects import Argument, Duty, Form
from lintdb.finding import Confidence
from lintdb.rules.base import FileContext, Report, ReportStep, Rule
from lintdb.rules.harmless import is_harmless
from lintdb.rules.places import (
    is_test,
    is_test_file,
)

if TYPE_CHECKING:
    import libcst as cst

    from lintdb.effects import CallModel, Kind
    from lintdb.flow.results import FunctionFlow, Leak, PathStep
    from lintdb.syntax.names import ClassInfo, FunctionInfo

LEAK_CODES = tuple(f"LDB1{kind}{number}" for kind in (0, 2) for number in range(1, 7))
"""The rules about what a path leaves open: one for each family, without an error and after one."""
MAX_STEPS = 12
_LAST_CALL = re.compile(r"\)\.(\w+)\([^()]*\)$")
"""The last call of a chain of calls: it is the one that raises."""


class LeakRule(Rule):
    """A rule about one family; `on_error` says which paths it speaks of."""

    family: ClassVar[str]
    on_error: ClassVar[bool]

    def check_function(self, flow: FunctionFlow, ctx: FileContext) -> Iterator[Report]:
        for leak in flow.leaks:
            if leak.kind.family != self.family or leak.on_error is not self.on_error:
                continue
            if leak.is_covered and not (ctx.strict_cursors and self.family == "cursor"):
                continue
            if is_left_by_block(leak, flow, ctx):
                continue  # LDB111 explains that better
            if any(each.node is leak.node for each in flow.returned) and _is_left_by_users(leak, flow):
                continue  # told of below, or by the rule about paths without an error
            message = f"`{leak.name}` is not {verb_of(leak.kind)} if the block raises" if leak.is_given else None
            if leak.is_of_scope:
                yield _report_scope(leak, flow, ctx)
                continue
            yield report_leak(leak, flow, ctx, message)
        for leak in flow.returned:
            if leak.kind.family == self.family and not self.on_error and _is_left_by_users(leak, flow):
                verb = verb_of(leak.kind)
                message = f"{_called(leak)} is returned to `Depends()`, and nothing ever has it {verb}"
                cure = f"`yield` it, and have it {verb} in `finally`: that runs when the request is over"
                yield replace(report_leak(leak, flow, ctx, message), help=cure)


def is_left_by_block(leak: Leak, flow: FunctionFlow, ctx: FileContext) -> bool:
    """Whether a `with` block that does not release is to blame: nothing behind it does, but in a handler perhaps."""
    import libcst as cst

    if not leak.kept or leak.on_error:
        return False
    if not leak.is_ever_released or leak.released_at is None:
        return not leak.is_ever_released
    around = ctx.repetition.fates.ancestry(flow.function).ancestors(leak.released_at)
    return any(isinstance(each, cst.ExceptHandler) for each in around)


def _report_scope(leak: Leak, flow: FunctionFlow, ctx: FileContext) -> Report:
    end = f"{leak.name}.{leak.kind.scope_end}()"
    message = f"what `{leak.name}` opens in this scope stays open: nothing calls `{end}` at its end"
    report = report_leak(leak, flow, ctx, message)
    is_low = is_test(flow.function, ctx.path) or is_test_file(ctx.path)
    call = f"await {end}" if leak.kind.is_released_by_coroutine else end
    return replace(
        report,
        help=f"`{call}` in `finally`, inside the block",
        confidence=Confidence.LOW if is_low else leak.confidence,
    )


def _is_left_by_users(leak: Leak, flow: FunctionFlow) -> bool:
    """Whether a framework hands what the function opens to its users for each request, and none releases it."""
    from lintdb.flow.injected import is_left_by_users  # loads libcst, which listing rules does not need

    if leak.kind.is_pool or leak.kind.duty is not Duty.MUST:
        return False
    releases = frozenset(name for name, _ in _releases(leak.kind))
    return is_left_by_users(flow.function, releases, is_test_file)


def _called(leak: Leak) -> str:
    """Return what a resource is called in a message."""
    name = f"`{leak.name}`" if leak.name else f"the {leak.kind.label}"
    call = "" if _is_of_property(leak) else "()"
    return f"{name} (from `{leak.maker}{call}`)" if leak.maker is not None else name


def _is_of_property(leak: Leak) -> bool:
    """Whether reading an attribute has opened it."""
    import libcst as cst  # listing rules does not need it

    return leak.maker is not None and not leak.maker.startswith("__") and isinstance(leak.node, cst.Attribute)


def verb_of(kind: Kind) -> str:
    """Return what releasing such a resource is called: closed, returned, released."""
    return kind.verb or ("returned" if kind.family == "checkout" else "closed")


def report_leak(leak: Leak, flow: FunctionFlow, ctx: FileContext, message: str | None = None) -> Report:
    """Return the report for one leak: what is left open, on which path, with the steps that prove it."""
    verb = verb_of(leak.kind)
    name = _called(leak)
    if message is None:
        if leak.is_covered:
            message = f"{name} is never {verb} itself, it is left to what it belongs to"
        elif not leak.is_ever_released and not leak.on_error:
            message = f"{name} is never {verb}"
        else:
            message = f"{name} is not {verb} {_cause(leak, flow, ctx)}"
        if _is_closed_instead(leak, flow, ctx):
            message += f": `{leak.name}.close()` does not do that"
    return Report(
        node=leak.node,
        message=message,
        confidence=Confidence.LOW if is_harmless(leak, flow, ctx) else leak.confidence,
        steps=_steps(leak, flow),
        resource_kind=leak.kind.label,
        resource_name=leak.name,
        acquired_at=leak.node,
        help=_cure_with_others(leak, ctx),
        # A release that is not awaited, or not called; what makes it, where that is another function.
        about=tuple(node for node in (leak.unawaited, leak.uncalled, *ctx.opened_by(leak)) if node is not None),
    )


def _is_closed_instead(leak: Leak, flow: FunctionFlow, ctx: FileContext) -> bool:
    """Whether what a pool has lent is closed, by a method that does not give it back."""
    models = leak.kind.methods.get("close", ())
    if leak.kind.family != "checkout" or leak.name is None or any(model.releases == "self" for model in models):
        return False
    return any(ctx.source_of(call.node.func) == f"{leak.name}.close" for call in flow.calls)


def _releases(kind: Kind) -> list[tuple[str, CallModel]]:
    """Return the methods that release a resource of a kind."""
    return [(name, models[0]) for name, models in kind.methods.items() if models and models[0].releases == "self"]


def _cure_with_others(leak: Leak, ctx: FileContext) -> str | None:
    """Return the cure of a leak; a client with a pool of its own is best made once, so that nobody has to close it."""
    cure = cure_of(leak, ctx)
    if leak.kind.family != "connection" or not leak.kind.is_pool:
        return cure
    return f"{cure or 'close it in `finally`'}, or make one for the whole program and share it"


def cure_of(leak: Leak, ctx: FileContext) -> str | None:
    """Return the cure that fits a leak better than the words of its rule: on its owner, or by a coroutine."""
    if leak.holder is not None:
        return _cure_of_object(leak, leak.holder, ctx.program.classes.releases(leak.holder))
    if _is_hidden(leak, ctx):
        return _cure_by_giver(leak)
    taking = next(_blocks_of_owner(leak, ctx), None)
    is_async = taking is not None and taking.startswith("async")
    giving = next(_returns_to_owner(leak, is_async=is_async), None)
    if giving is not None:
        return f"call `{giving}` in `finally`" + (f", or take it in `{taking}`" if taking is not None else "")
    releases = _releases(leak.kind)
    name = releases[0][0] if releases else "close"
    if not releases or not releases[0][1].coroutine:
        is_usual = any(each in ("close", "release") for each, _ in releases)
        return None if is_usual or not releases else f"call its `{name}()` in `finally`"
    if leak.kind.async_with_block is not None and leak.kind.async_with_block.releases:
        return f"`await` its `{name}()` in `finally`, or open it in `async with`"
    if name == "aclose":
        return "`await` its `aclose()` in `finally`, or open it in `async with contextlib.aclosing(...)`"
    return f"`await` its `{name}()` in `finally`"


_BLOCKS = {"__exit__": "open it in a `with` block", "__aexit__": "open it in an `async with` block"}


def _cure_of_object(leak: Leak, holder: ClassInfo, releases: Sequence[FunctionInfo]) -> str | None:
    """Return the cure by what the class offers in whose object something is open; None where the usual words fit."""
    names = {method.name: method for method in releases}
    plain = [method for name, method in names.items() if not name.startswith("__") and _needs_nothing(method)]
    block = next((text for name, text in _BLOCKS.items() if name in names), None)
    called = next((method for method in plain if method.name == "close"), next(iter(plain), None))
    if called is None:
        return block
    if called.name == "close" and not called.is_async and block is None:
        return None
    if called.name == "close" and not called.is_async:
        return f"close it in `finally`, or {block}"
    # What a method has opened in an object that was there before has no name of its own.
    name = f"its `{called.name}()`" if leak.name is not None else f"`{called.name}()` of its `{holder.name}`"
    call = f"`await` {name} in `finally`" if called.is_async else f"call {name} in `finally`"
    return f"{call}, or {block}" if block is not None else call


def _needs_nothing(method: FunctionInfo) -> bool:
    """Whether a method can be called without arguments."""
    return all(param.default is not None or param.star for param in method.params[1:])


def _is_hidden(leak: Leak, ctx: FileContext) -> bool:
    """Whether what something was taken from is an attribute that the class of an object keeps to itself."""
    name = leak.owner_name or ""
    return leak.maker is not None and "._" in name and name not in ctx.source_of(leak.node, 200)


def _cure_by_giver(leak: Leak) -> str | None:
    """Return the cure by a method of the class that has given something, and takes it back: `store.put(conn)`."""
    from lintdb.syntax.nodes import last_name  # loads libcst, which listing rules does not need

    if leak.giver is None or leak.owner is None or leak.owner_name is None:
        return None
    takes = {
        name
        for name, models in leak.owner.methods.items()
        for model in models
        if isinstance(model.releases, Argument) and not model.when
    }
    for each in leak.giver.lineage:
        for method in each.methods.values():
            params = {param.name.value for param in method.params[1:]}
            for call in method.calls:
                given = [getattr(argument.value, "value", None) for argument in call.args[:1]]
                if last_name(call.func) in takes and params.intersection(filter(None, given)):
                    shown = f"{leak.owner_name.partition('._')[0]}.{method.name}({leak.name or 'conn'})"
                    return f"call `{'await ' if method.is_async else ''}{shown}` in `finally`"
    return None


def _returns_to_owner(leak: Leak, *, is_async: bool) -> Iterator[str]:
    """Yield the calls that give something back to what it was taken from: `pool.putconn(conn)`."""
    for name, models in leak.owner.methods.items() if leak.owner is not None else ():
        for model in models:
            if isinstance(model.releases, Argument) and not model.when:
                call = f"{leak.owner_name or 'pool'}.{name}({leak.name or 'conn'})"
                yield f"await {call}" if model.coroutine or is_async else call


def _blocks_of_owner(leak: Leak, ctx: FileContext) -> Iterator[str]:
    """Yield the blocks that take such a thing and give it back at their end: `with pool.connection() as conn`."""
    if leak.owner is None:
        return
    is_async = leak.owner.is_released_by_coroutine
    for name, models in leak.owner.methods.items():
        for model in models:
            made = ctx.program.knowledge.kind(model.acquires or "")
            if made is None or made.family != leak.kind.family or model.form not in (Form.WITH, Form.AWAIT_OR_WITH):
                continue
            word = "async with" if is_async or model.form is Form.AWAIT_OR_WITH else "with"
            yield f"{word} {leak.owner_name or 'pool'}.{name}() as {leak.name or 'conn'}"


def _steps(leak: Leak, flow: FunctionFlow) -> tuple[ReportStep, ...]:
    """Return the witness: the path, where it leaves, and the release that it misses."""
    opened = f"{leak.kind.label} {'given' if leak.is_given else 'opened'} here"
    if leak.is_overwritten:
        # The path goes on with the one that is opened next, which may be looked after well.
        rounds = [number for number, step in enumerate(leak.path) if step.what == "acquire" and step.node is leak.node]
        path = leak.path[: rounds[-1]] if len(rounds) > 1 else ()
        name = f"`{leak.name}`" if leak.name else "it"
        return steps_of(path, leak.node, opened, f"opened again, with the one before in {name} still open")
    steps = steps_of(leak.path, leak.node, opened, _end(leak, flow))
    if leak.released_at is None or any(step.node is leak.released_at for step in steps):
        return steps
    return (*steps[:-1], ReportStep(leak.released_at, "not reached on this path"), steps[-1])


def _end(leak: Leak, flow: FunctionFlow) -> str:
    name = f"`{leak.name}`" if leak.name else "it"
    where = "the module" if flow.function.is_module else f"{flow.function.name}()"
    state = "not given back" if leak.kind.family == "checkout" else "still open"
    if leak.kind.verb:
        state = f"not {leak.kind.verb}"
    return f"leaves {where} with {name} {state}"


def after_acquire(path: tuple[PathStep, ...], node: object) -> list[PathStep]:
    """Return the steps that follow the last time the path passed the acquiring node."""
    for number in range(len(path) - 1, -1, -1):
        if path[number].node is node and path[number].what == "acquire":
            return list(path[number + 1 :])
    return list(path)


def _cause(leak: Leak, flow: FunctionFlow, ctx: FileContext) -> str:
    """Say what the last decision of the path was: what came before it still led to the release."""
    import libcst as cst

    if leak.is_overwritten:
        return "before the next round opens another"
    path = _deciding(after_acquire(leak.path, leak.node), leak, flow, ctx)
    turn = last_turn(path, ctx, on_error=leak.on_error)
    if turn is None and leak.released_at is not None and not leak.on_error:
        around = ctx.repetition.fates.ancestry(flow.function).ancestors(leak.released_at)
        if any(isinstance(each, cst.ExceptHandler) for each in around):
            return "unless an error comes"
    return turn or "on every path"


def _deciding(path: list[PathStep], leak: Leak, flow: FunctionFlow, ctx: FileContext) -> list[PathStep]:
    """Return the steps that can be the cause: no end of a loop around the leak, no error behind its release."""
    import libcst as cst

    around = ctx.repetition.fates.ancestry(flow.function).ancestors(leak.node)
    loops = {id(each.iter) for each in around if isinstance(each, cst.For)}
    steps = [step for step in path if not (step.what == "done" and id(step.node) in loops)]
    if not leak.on_error or leak.released_at is None:
        return steps if any(step.what in _TURNS for step in steps) else path
    places = {id(node): number for number, node in enumerate(flow.function.nodes)}
    end = places.get(id(leak.released_at), len(places))
    errors = [number for number, step in enumerate(steps) if step.what in ("raise", "raises", "refused")]
    before = [number for number in errors if places.get(id(steps[number].node), 0) < end]
    return steps[: before[-1] + 1] if before else path


_TURNS = {
    "true": "if `{}` is true",
    "false": "if `{}` is false",
    "done": "once the loop over `{}` is through",
    "next": "if `{}` has another element",
}


def last_turn(path: Sequence[PathStep], ctx: FileContext, *, on_error: bool) -> str | None:
    """Say what a path did last that others do otherwise: the last error or, unless *on_error*, the last decision."""
    for step in reversed(path):
        if step.what == "raise":
            return f"if {raiser(step, ctx)} raises"
        if step.what == "refused":
            return f"if `{ctx.source_of(step.node, 50)}` fails"
        if step.what == "raises":
            return f"when `{ctx.source_of(step.node, 50)}` runs"
        if step.what in _TURNS and not on_error:
            return turn_of(step, lambda node: ctx.source_of(node, 40))
    return None


def turn_of(step: PathStep, code: Callable[[cst.CSTNode], str]) -> str:
    """Say what a decision was; *code* gives the code of a node."""
    import libcst as cst

    if not isinstance(step.node, cst.MatchPattern):
        return _TURNS[step.what].format(code(step.node))
    if step.what == "true":
        return f"if `case {code(step.node)}` matches"
    if isinstance(step.data, cst.CSTNode):
        return f"if no `case` matches `{code(step.data)}`"
    return f"if `case {code(step.node)}` does not match"


def raiser(step: PathStep, ctx: FileContext) -> str:
    """Return what raises at a step, for a message."""
    if step.data == "yield":
        return "the code that runs at the `yield`"
    if step.data == "iteration":
        return f"iterating `{ctx.source_of(step.node, 40)}`"
    if step.data == "end of block":
        return f"the commit at the end of the block of `{ctx.source_of(step.node, 40)}`"
    if step.data in ("__enter__", "__exit__", "__aenter__", "__aexit__"):
        return f"`{step.data}()` of {called(step.node, ctx)}"
    return called(step.node, ctx)


def called(node: cst.CSTNode, ctx: FileContext) -> str:
    """Return what is called at a node, for a message."""
    source = ctx.source_of(node, 200)
    name = source.partition("(")[0]
    last = _LAST_CALL.search(source)
    if last is not None:
        return f"`{last[1]}()`"
    if not name or name == source or len(name) > 50:
        return f"`{ctx.source_of(node, 50)}`"
    return f"`{name.removeprefix('await ')}()`"


def caught_in(path: tuple[PathStep, ...], since: cst.CSTNode | None) -> tuple[cst.CSTNode, ...]:
    """Return the handlers that a path went through after a node: what goes wrong there is often one defect.

    What comes after the next transaction has begun is of that one.
    """
    start = max((number for number, step in enumerate(path) if step.node is since), default=0)
    later = (number for number, step in enumerate(path) if number > start and step.what == "begin")
    return tuple(dict.fromkeys(step.node for step in path[start : next(later, None)] if step.what == "caught"))


def handlers_of(path: tuple[PathStep, ...], since: cst.CSTNode) -> tuple[cst.CSTNode, ...]:
    """Return the handlers that dealt with the first error of a path after a node, or at it."""
    start = max((number for number, step in enumerate(path) if step.node is since), default=0)
    found: list[cst.CSTNode] = []
    for step in path[start:]:
        if step.what == "caught":
            found.append(step.node)
        elif step.what == "raise" and found:
            break
    return tuple(found)


def _is_repeated(step: PathStep, found: list[ReportStep], text: str) -> bool:
    """Whether a test is told again with nothing in between: a part of a condition decides for itself and the whole."""
    return step.what in ("true", "false") and bool(found) and found[-1] == ReportStep(step.node, text)


def steps_of(path: tuple[PathStep, ...], start: cst.CSTNode | None, opened: str, end: str) -> tuple[ReportStep, ...]:
    """Turn the path after an acquisition into the steps that a reader needs."""
    import libcst as cst

    steps = after_acquire(path, start)
    found: list[ReportStep] = []
    for step in steps:
        text = {
            "raise": "raises", "true": "is true here", "false": "is false here", "caught": "handled here",
            "raises": "raised here", "refused": "fails", "reraise": "raised again", "swallowed": "swallowed here",
            "done": "no more elements", "next": "next element",
        }.get(step.what, "")  # fmt: skip
        if step.what in ("true", "false") and isinstance(step.node, cst.MatchPattern):
            text = "matches here" if step.what == "true" else "does not match"
        if text and not _is_repeated(step, found, text):
            found.append(ReportStep(step.node, text))
    if len(found) > MAX_STEPS:
        found = [*found[: MAX_STEPS // 2], *found[-MAX_STEPS // 2 :]]
    first = [ReportStep(start, opened)] if start is not None else []
    last = found[-1].node if found else start
    return (*first, *found, *([ReportStep(last, end)] if last is not None else []))
