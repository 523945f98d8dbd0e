"""Renders driver models for people: a table of all, and one model with its kinds, releases, blocks and bounds."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Iterable, Iterator, Mapping

from lintdb.drivers.model import Driver
from lintdb.effects import (
    AfterError,
    Argument,
    CallModel,
    Condition,
    Configuration,
    Duty,
    Form,
    Kind,
    Setting,
    Switch,
    WithBlock,
)

WIDTH = 100
LABEL_WIDTH = 20

BLOCKS = {
    WithBlock.RELEASE: "releases it; uncommitted work is lost",
    WithBlock.COMMIT: "commits, or rolls back after an exception; it stays open",
    WithBlock.COMMIT_RELEASE: "commits, or rolls back after an exception, then releases it",
    WithBlock.KEEP: "does nothing to it",
    WithBlock.WRONG_RELEASE: "closes it without giving it back: the slot of its pool is lost",
    WithBlock.UNKNOWN: "may do anything",
    WithBlock.NONE: "is an error",
}
# A resource that has no units of work loses none.
PLAIN_BLOCKS = {**BLOCKS, WithBlock.RELEASE: "releases it"}
FORMS = {Form.VALUE: "{}", Form.AWAIT: "await {}", Form.WITH: "with {}", Form.AWAIT_OR_WITH: "await or async with {}"}
DEFAULTS = {"unlimited": "no limit", "limited": "limited", "immediate": "does not wait", "unknown": "not known"}
SHARERS = {"tasks": "tasks", "threads": "threads", "other-threads": "other threads than its own"}
SWITCHES = {"tls": "decides about TLS", "thread-check": "thread check", "password": "password"}
NO_DISTRIBUTION = {"sqlite3": "part of Python", "playhouse": "comes with peewee"}
ORDINALS = ("first", "second", "third")
DUTIES = {Duty.MUST: "", Duty.WEAK: " (harmless when dropped)", Duty.NONE: " (owes nothing)"}


def render_all(drivers: Iterable[tuple[Driver, Iterable[str]]]) -> str:
    """Render a table with one line for each driver, given with its families: name, title, versions, what it tracks."""
    rows = [("name", "library", "versions", "tracks")]
    for driver, families in drivers:
        rows.append((driver.name, driver.title, driver.known_versions, ", ".join(families)))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]]) for row in rows
    ]
    return "\n".join(line.rstrip() for line in lines) + "\n"


Facts = list[tuple[str, str]]
"""What there is to say, as labels with texts."""


def render_one(
    driver: Driver, kinds: Mapping[str, Kind], older: Iterable[tuple[str, Driver, Mapping[str, Kind]]]
) -> str:
    """Render one driver; *kinds* are its own, completed, and those of the drivers that it requires.

    *older* are the same for each version before a change, newest first, with the version of the change.
    """
    # Models of a project's own mostly know no versions.
    versions_known = f" {driver.version} (knows {driver.known_versions})" if driver.known_versions else ""
    lines = [driver.title + versions_known]
    lines += _entry("import", ", ".join(driver.imports))
    lines += _entry("distributions", ", ".join(driver.distributions) or NO_DISTRIBUTION.get(driver.name, ""))
    if driver.requires:
        lines += _entry("extends" if driver.extends else "builds on", ", ".join(driver.requires))
    if driver.cut_overs:
        lines += _entry("changed in", ", ".join(driver.cut_overs))
    if driver.paramstyle:
        lines += _entry("placeholders", driver.paramstyle)
    if driver.errors:
        lines += _entry("errors", driver.errors)
    for switch in driver.switches:
        lines += _entry(SWITCHES[switch.name], ", ".join(dict.fromkeys(_switch_spellings(switch))))
    versions = list(older)
    for kind_id in dict.fromkeys(
        kind_id for each in (driver, *(old for _, old, _ in versions)) for kind_id in each.kinds
    ):
        history = [
            (change, _facts(of[kind_id], each, of) if kind_id in each.kinds else [])
            for change, each, of in (("", driver, kinds), *versions)
        ]
        kind = next(of[kind_id] for _, each, of in (("", driver, kinds), *versions) if kind_id in each.kinds)
        lines += ["", _title(kind), *(_entries(history[0][1]) or _entry("now", "there is none"))]
        for (_, newer), (change, facts) in itertools.pairwise(history):
            lines += _difference(f"before {change}", facts, newer)
    settings = dict.fromkeys(_place_of(configuration) for configuration in driver.configurations)
    if settings:
        lines += [
            "",
            "settings that are checked where they stand",
            *(line for each in settings for line in _entry(*each)),
        ]
    plain = [call for call in driver.functions if not call.acquires and not call.gives]
    released = [f"{name}({_released(call)})" for call in plain if call.releases is not None for name in call.names]
    if released:
        lines += ["", "functions that release", *_entry("", ", ".join(released))]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _place_of(configuration: Configuration) -> tuple[str, str]:
    """Return where the settings of a configuration stand, and what is made of them."""
    place = f"{configuration.keywords_of}(…)" if configuration.keywords_of else configuration.table
    made = " or ".join(f"{name}(…)" for name in configuration.calls) or configuration.acquires or ""
    return place or ", ".join(configuration.keys), made


def _difference(version: str, old: Facts, new: Facts) -> list[str]:
    """Return what an older version has otherwise, label by label."""
    if not old:
        return _entry(version, "there is none") if new else []
    lines: list[str] = []
    for label in dict.fromkeys(label for label, _ in (*old, *new)):
        before, after = ("; ".join(text for each, text in facts if each == label) for facts in (old, new))
        if before != after:
            lines += _entry(version, f"{label}: {before or 'nothing is known'}")
    return lines


def _entries(facts: Facts) -> list[str]:
    return [line for label, text in facts for line in _entry(label, text)]


def _entry(label: str, text: str) -> list[str]:
    if not text:
        return []
    first = f"  {label.ljust(LABEL_WIDTH)}"
    return textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=" " * len(first), break_long_words=False)


def _switch_spellings(switch: Switch) -> Iterator[str]:
    yield from (f"{argument.keyword or f'argument {argument.position}'}=" for argument in switch.arguments)
    yield from (f"{outer}={{'{key}': …}}" for outer, keys in switch.nested.items() for key in keys)
    yield from (f"{key} in the connection string" for key in switch.dsn)
    yield from (f"{scheme}://" for scheme in switch.schemes)


def _title(kind: Kind) -> str:
    return f"{kind.id}: {kind.label} [{kind.family}]{DUTIES[kind.duty]}"


def _facts(kind: Kind, driver: Driver, kinds: Mapping[str, Kind]) -> Facts:
    blocks = BLOCKS if kind.autocommit is not None else PLAIN_BLOCKS
    facts = [
        ("acquired by", "; ".join(dict.fromkeys(_iter_acquisitions(kind, driver, kinds)))),
        ("always there", "; ".join(kind.objects)),
        ("released by", "; ".join(dict.fromkeys(_iter_releases(kind, kinds)))),
        ("releases", "; ".join(dict.fromkeys(_iter_taken_back(kind)))),
    ]
    if kind.with_block is not None:
        facts.append(("end of with", blocks[kind.with_block]))
    if kind.async_with_block is not None and kind.async_with_block is not kind.with_block:
        facts.append(("end of async with", blocks[kind.async_with_block]))
    if kind.autocommit is not None:
        how = "".join(f"; on with {_condition(condition)}" for condition in kind.autocommit_arguments)
        facts.append(("autocommit", ("on" if kind.autocommit else "off") + how))
    if kind.unshared:
        facts.append(("not to be shared by", ", ".join(SHARERS[sharer] for sharer in kind.unshared)))
    notes = [
        *(["closed in silence when it is dropped"] if kind.is_collected or kind.is_silent else []),
        *(["left open, it keeps the interpreter from exiting"] if kind.keeps_process else []),
        *(["holds nothing before it is used"] if kind.is_lazy else []),
        *(["connects to nothing"] if kind.in_memory else []),
        *(["an error leaves nothing working until a rollback"] if kind.after_error is AfterError.ABORTS else []),
        *(["may be used again after its release"] if kind.reusable else []),
        *(
            ["what is assigned to attributes of its objects is written with its next commit"]
            if kind.tracks_objects
            else []
        ),
        *(["a second release is an error"] if not kind.idempotent_release else []),
        *(["its rows can be read after its release"] if kind.rows_after_release else []),
        *(["its rows can be read after its parent's release"] if kind.rows_after_parent else []),
        *(["cannot be released after its parent"] if kind.release_needs_parent else []),
        *(["outlives its owner"] if not kind.closed_with_parent else []),
        *([f"outlives the release of a {family}" for family in kind.outlives]),
    ]
    facts.append(("note", "; ".join(notes)))
    facts += [(setting.name, _setting(setting)) for setting in kind.settings]
    bounds: dict[tuple[str, str], list[str]] = {}
    for name, models in kind.methods.items():
        for setting in models[0].settings:
            bounds.setdefault((setting.name, _setting(setting)), []).append(f"{name}()")
    facts += [(name, f"{text}; of {', '.join(methods)}") for (name, text), methods in bounds.items()]
    return [(label, text) for label, text in facts if text]


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
            for call in models:
                if isinstance(call.releases, Argument):
                    yield ("await " if call.coroutine else "") + f"<{owner.id}>.{name}({_released(call)})"


def _iter_taken_back(kind: Kind) -> Iterator[str]:
    """Yield the methods that release what they are given."""
    for name, models in kind.methods.items():
        for call in models:
            if isinstance(call.releases, Argument):
                yield ("await " if call.coroutine else "") + f"{name}({_released(call)})"


def _released(call: CallModel) -> str:
    """Return which argument a call releases, by each way in which it is looked for."""
    which = call.releases
    if not isinstance(which, Argument):
        return "…"
    place = which.position
    ways = (
        [] if place is None else [f"{ORDINALS[place]} argument" if place < len(ORDINALS) else f"argument {place + 1}"]
    )
    return " or ".join([*ways, *([f"{which.keyword}="] if which.keyword is not None else [])])


def _call(name: str, call: CallModel) -> str:
    conditions = ", ".join(_condition(condition) for condition in call.when)
    text = f"{name}({'…, ' if conditions else ''}{conditions})"
    return FORMS[call.form].format(text) if not (call.coroutine and call.form is Form.VALUE) else f"await {text}"


def _condition(condition: Condition) -> str:
    argument = condition.argument.keyword or f"argument {(condition.argument.position or 0) + 1}"
    if condition.key:
        argument += f"[{condition.key!r}]"
    if condition.names:
        return f"{argument}={condition.names[0].rpartition('.')[2]}"
    if condition.equals:
        return f"{argument}={' or '.join(map(repr, condition.equals))}"
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
