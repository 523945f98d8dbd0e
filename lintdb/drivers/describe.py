"""Renders driver models for people: a table of all, and one model with its kinds, releases, blocks and bounds."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping

from lintdb.drivers.model import Driver
from lintdb.effects import Argument, CallModel, Condition, Duty, Form, Kind, Setting, WithBlock

WIDTH = 100
LABEL_WIDTH = 20

BLOCKS = {
    WithBlock.RELEASE: "releases it; uncommitted work is lost",
    WithBlock.COMMIT: "commits, or rolls back after an exception; it stays open",
    WithBlock.COMMIT_RELEASE: "commits, or rolls back after an exception, then releases it",
    WithBlock.KEEP: "does nothing to it",
    WithBlock.WRONG_RELEASE: "closes it without giving it back: the slot of its pool is lost",
    WithBlock.NONE: "is an error",
}
# A resource that has no units of work loses none.
PLAIN_BLOCKS = {**BLOCKS, WithBlock.RELEASE: "releases it"}
FORMS = {Form.VALUE: "{}", Form.AWAIT: "await {}", Form.WITH: "with {}", Form.AWAIT_OR_WITH: "await or async with {}"}
DEFAULTS = {"unlimited": "no limit", "limited": "limited", "immediate": "does not wait", "unknown": "not known"}
DUTIES = {Duty.MUST: "", Duty.WEAK: " (harmless when dropped)", Duty.NONE: " (owes nothing)"}


def render_all(drivers: Iterable[Driver]) -> str:
    """Render a table with one line for each driver: name, title, versions, and the kinds that it tracks."""
    rows = [("name", "library", "versions", "tracks")]
    for driver in drivers:
        families = dict.fromkeys(kind.family for kind in driver.kinds.values() if kind.duty is not Duty.NONE)
        rows.append(
            (driver.name, driver.title, driver.known_versions, ", ".join(family for family in families if family))
        )
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]]) for row in rows
    ]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def render_one(driver: Driver, kinds: Mapping[str, Kind]) -> str:
    """Render one driver; *kinds* are its own, completed, and those of the drivers that it requires."""
    lines = [f"{driver.title} {driver.version} (knows {driver.known_versions})"]
    lines += _entry("import", ", ".join(driver.imports))
    lines += _entry("distributions", ", ".join(driver.distributions) or "part of Python")
    if driver.requires:
        lines += _entry("builds on", ", ".join(driver.requires))
    if driver.cut_overs:
        lines += _entry("changed in", ", ".join(driver.cut_overs))
    if driver.paramstyle:
        lines += _entry("placeholders", driver.paramstyle)
    for kind_id in driver.kinds:
        lines += ["", *_render_kind(kinds[kind_id], driver, kinds)]
    return "\n".join(lines) + "\n"


def _entry(label: str, text: str) -> list[str]:
    first = f"  {label.ljust(LABEL_WIDTH)}"
    return textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=" " * len(first), break_long_words=False)


def _render_kind(kind: Kind, driver: Driver, kinds: Mapping[str, Kind]) -> list[str]:
    lines = [f"{kind.id}: {kind.label} [{kind.family}]{DUTIES[kind.duty]}"]
    acquired = list(_iter_acquisitions(kind, driver, kinds))
    if acquired:
        lines += _entry("acquired by", "; ".join(dict.fromkeys(acquired)))
    released = list(_iter_releases(kind, kinds))
    if released:
        lines += _entry("released by", "; ".join(dict.fromkeys(released)))
    blocks = BLOCKS if kind.autocommit is not None else PLAIN_BLOCKS
    if kind.with_block is not None:
        lines += _entry("end of with", blocks[kind.with_block])
    if kind.async_with_block is not None and kind.async_with_block is not kind.with_block:
        lines += _entry("end of async with", blocks[kind.async_with_block])
    if kind.autocommit is not None:
        how = "".join(f"; on with {_condition(condition)}" for condition in kind.autocommit_arguments)
        lines += _entry("autocommit", ("on" if kind.autocommit else "off") + how)
    notes = [
        *(["may be used again after its release"] if kind.reusable else []),
        *(["a second release is an error"] if not kind.idempotent_release else []),
        *(["its rows can be read after its release"] if kind.rows_after_release else []),
        *(["its rows can be read after its parent's release"] if kind.rows_after_parent else []),
        *(["cannot be released after its parent"] if kind.release_needs_parent else []),
        *(["outlives its owner"] if not kind.closed_with_parent else []),
        *([f"outlives the release of a {family}" for family in kind.outlives]),
    ]
    if notes:
        lines += _entry("note", "; ".join(notes))
    for setting in kind.settings:
        lines += _entry(setting.name, _setting(setting))
    for name, models in kind.methods.items():
        for setting in models[0].settings:
            lines += _entry(f"{name}()", f"{setting.name}: {_setting(setting)}")
    return lines


def _iter_acquisitions(kind: Kind, driver: Driver, kinds: Mapping[str, Kind]) -> Iterator[str]:
    for call in driver.functions:
        if kind.id in (call.acquires, call.gives):
            yield from (_call(name, call) for name in call.names[:3])
            if len(call.names) > 3:
                yield "…"
    for owner in kinds.values():
        for name, models in owner.methods.items():
            for call in models:
                if kind.id in (call.acquires, call.gives) and owner.id != kind.id:
                    yield _call(f"<{owner.id}>{'' if name == '__call__' else f'.{name}'}", call)


def _iter_releases(kind: Kind, kinds: Mapping[str, Kind]) -> Iterator[str]:
    for name, models in kind.methods.items():
        if any(call.releases == "self" for call in models):
            yield ("await " if models[0].coroutine else "") + f"{name}()"
    for owner in kinds.values():
        models_of_owner = [call for models in owner.methods.values() for call in models]
        if not any(call.acquires == kind.id for call in models_of_owner):
            continue
        for name, models in owner.methods.items():
            if any(isinstance(call.releases, Argument) for call in models):
                yield ("await " if models[0].coroutine else "") + f"<{owner.id}>.{name}(…)"


def _call(name: str, call: CallModel) -> str:
    conditions = ", ".join(_condition(condition) for condition in call.when)
    text = f"{name}({'…, ' if conditions else ''}{conditions})"
    return FORMS[call.form].format(text) if not (call.coroutine and call.form is Form.VALUE) else f"await {text}"


def _condition(condition: Condition) -> str:
    argument = condition.argument.keyword or f"argument {(condition.argument.position or 0) + 1}"
    if condition.names:
        return f"{argument}={condition.names[0].rpartition('.')[2]}"
    if condition.has_equals:
        return f"{argument}={condition.equals!r}"
    return f"{argument}=…" if condition.given else f"no {argument}"


def _setting(setting: Setting) -> str:
    parts = [f"{DEFAULTS[setting.default]} by default"]
    if setting.schemes:
        parts[0] += f" for {', '.join(setting.schemes)}"
    spellings = [f"{argument.keyword or f'argument {argument.position}'}=" for argument in setting.arguments]
    spellings += [f"{outer}={{'{key}': …}}" for outer, keys in setting.nested.items() for key in keys]
    spellings += [f"{key} in the connection string" for key in setting.dsn]
    spellings += [f"-c {key}=… in options" for key in setting.options]
    spellings += [f"{name}() later" for name in setting.methods] + [f".{name} later" for name in setting.attributes]
    spellings += [f"{key}= on each call" for key in setting.call_arguments]
    spellings += [f"environment {name}" for name in setting.environment]
    spellings += [f"SQL `{setting.sql[0]} …`"] if setting.sql else []
    if spellings:
        parts.append("set by " + ", ".join(spellings))
    if setting.unlimited:
        parts.append("no limit with " + ", ".join(repr(value) for value in setting.unlimited))
    if setting.immediate:
        parts.append("no wait with " + ", ".join(repr(value) for value in setting.immediate))
    if setting.complete_with:
        names = ", ".join(f"{argument.keyword}=" for argument in setting.complete_with)
        parts.append(f"covers all of the wait only together with {names}")
    if setting.note:
        parts.append(setting.note)
    return "; ".join(parts)
