"""`lintdb why`: why is what a line acquires reported, or why not?"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import click

from lintdb.commands.options import engine_options, settings_options
from lintdb.commands.output import CLEAN, fail, note, wrapped, write

if TYPE_CHECKING:
    from lintdb.finding import Finding
    from lintdb.insight.reasons import Reason
    from lintdb.insight.why import Acquired, Answer

_TARGET = re.compile(r"(?P<path>.+?):(?P<line>\d+)(?::(?P<column>\d+))?")


@click.command("why")
@click.argument("target", metavar="FILE:LINE[:COLUMN]")
@settings_options
@click.option("--output-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
def why_command(*, target: str, output_format: str, **config_options: Any) -> int:
    """Say why what a line acquires is, or is not, reported: where it is released, handed over, or lost sight of."""
    found = _TARGET.fullmatch(target)
    if found is None:
        raise click.UsageError("say FILE:LINE or FILE:LINE:COLUMN, for example orders/report.py:14")
    from lintdb.insight.opened import UnanswerableError, ask
    from lintdb.insight.why import Inquiry

    options, is_excluded, ignored_by = engine_options(found["path"], config_options)
    line, column = int(found["line"]), int(found["column"]) if found["column"] else None
    try:
        answer = ask(found["path"], options, lambda opened: Inquiry(opened, ignored_by).answer(line, column))
    except UnanswerableError as error:
        return fail(str(error))
    if is_excluded:
        note(f"lintdb: note: {found['path']} is excluded: a check leaves it out unless it is named")
    write(_as_json(answer) if output_format == "json" else _as_text(answer))
    return CLEAN


# --- text -----------------------------------------------------------------------------------------------------------


def _as_text(answer: Answer) -> str:
    from lintdb.reporters.text import printable

    return "".join(f"{printable(line)}\n" for line in _lines_of(answer))


def _lines_of(answer: Answer) -> Iterator[str]:
    for number, acquired in enumerate(answer.acquired):
        if number:
            yield ""
        yield from _lines_of_acquired(acquired, answer)
    for finding in answer.findings:
        yield from wrapped(f"{answer.path}:{finding.span.line}: {finding.code} {finding.message}", "")
        yield from _witness(finding)
        if finding.help:
            yield from wrapped(finding.help, "  help: ")
    if not answer.acquired and not answer.findings:
        yield from _lines_of_nothing(answer)


def _lines_of_acquired(acquired: Acquired, answer: Answer) -> Iterator[str]:
    yield from wrapped(f"{answer.path}:{acquired.span.line}:{acquired.span.column}: {_title(acquired)}", "")
    yield from wrapped(acquired.summary, "  ")
    for finding in acquired.findings:
        yield from wrapped(f"{finding.code} {finding.message}", "    ")
        yield from _witness(finding)
    for silenced in acquired.silenced:
        yield from wrapped(f"{silenced.finding.code} {silenced.finding.message}", "    ")
        yield from wrapped(silenced.because, "      because ")
    if acquired.reasons:
        yield "  what becomes of it:"
        for reason in acquired.reasons:
            yield from wrapped(f"{_where(reason, answer)}{reason.text}", "  - ")
    if acquired.elsewhere:
        yield "  reported on other lines:"
        for finding in acquired.elsewhere:
            where = "" if finding.path == answer.path else f"{finding.path}, "
            yield from wrapped(f"{where}line {finding.span.line}: {finding.code} {finding.message}", "  - ")
    if acquired.others:
        codes = ", ".join(f"{finding.code} ({finding.name})" for finding in acquired.others)
        yield from wrapped(f"reported here about other things: {codes}", "  ")


def _lines_of_nothing(answer: Answer) -> Iterator[str]:
    column = f", column {answer.column}" if answer.column is not None else ""
    yield f"{answer.path}:{answer.line}: nothing that lintdb knows is acquired on this line{column}"
    beside = [each for each in answer.nearest if each.line == answer.line]
    others = [each for each in answer.nearest if each.line != answer.line]
    yield from (f"  but at column {each.column}: {each.text}" for each in beside)
    if others:
        yield "  the nearest lines that acquire something:"
        yield from (f"  - line {each.line}: {each.text}" for each in others)
    elif not beside:
        yield "  nor anywhere else in this file"


def _title(acquired: Acquired) -> str:
    name = f" `{acquired.name}`" if acquired.name else ""
    where = "at module level" if acquired.function == "<module>" else f"in `{acquired.function}()`"
    return f"{acquired.kind}{name}, acquired by `{acquired.code}` {where}"


def _witness(finding: Finding) -> Iterator[str]:
    for step in finding.steps:
        place = f"line {step.span.line}: " if finding.has_own_place(step) else ""
        yield from wrapped(f"{place}{step.message}", "      ")


def _where(reason: Reason, answer: Answer) -> str:
    if reason.place is None:
        return ""
    line = f"line {reason.place.span.line}"
    return f"{line}: " if reason.place.path == answer.path else f"{reason.place.path}, {line}: "


# --- JSON -----------------------------------------------------------------------------------------------------------


def _as_json(answer: Answer) -> str:
    """Return an answer as JSON in pure ASCII; fields are only ever added."""
    return (
        json.dumps(
            {
                "path": answer.path,
                "line": answer.line,
                "column": answer.column,
                "acquired": [_acquired(each) for each in answer.acquired],
                "findings": _findings(answer.findings),
                "nearest": [{"line": each.line, "column": each.column, "text": each.text} for each in answer.nearest],
            },
            indent=2,
        )
        + "\n"
    )


def _acquired(acquired: Acquired) -> dict[str, Any]:
    return {
        "line": acquired.span.line,
        "column": acquired.span.column,
        "end_line": acquired.span.end_line,
        "end_column": acquired.span.end_column,
        "kind": acquired.kind,
        "name": acquired.name,
        "function": acquired.function,
        "verdict": acquired.verdict,
        "summary": acquired.summary,
        "findings": _findings(acquired.findings),
        "silenced": [{"finding": _findings([each.finding])[0], "because": each.because} for each in acquired.silenced],
        "reasons": [_reason(each) for each in acquired.reasons],
        "others": _findings(acquired.others),
        "elsewhere": _findings(acquired.elsewhere),
    }


def _findings(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    from lintdb.reporters.json import as_object

    return [as_object(finding) for finding in findings]


def _reason(reason: Reason) -> dict[str, Any]:
    place = reason.place
    return {
        "what": reason.what,
        "text": reason.text,
        "path": place.path if place else None,
        "line": place.span.line if place else None,
        "column": place.span.column if place else None,
    }
