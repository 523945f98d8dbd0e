"""Findings for people: one line each (`concise`), or code frames with the witness drawn along the source (`full`).

All ornaments are ASCII, and nothing from a checked file reaches the terminal as a control character: neither its name
nor its lines can move the cursor, change colours or reorder what is read.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lintdb.finding import Finding, Severity, Span
from lintdb.reporters import LinesOf

_TAB = "    "
# Code is cut to this width around what is underlined, so that a frame stays readable and small.
_WIDTH = 110
_LEAD = 30
_ELLIPSIS = "..."
_COLORS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}


def render_concise(findings: Sequence[Finding], *, color: bool = False) -> str:
    """Return `path:line:col: CODE message` for each finding."""
    return "".join(_headline(finding, _Paint(color)) + "\n" for finding in findings)


def render_full(findings: Sequence[Finding], lines_of: LinesOf, *, color: bool = False) -> str:
    """Return each finding with the lines of its witness, and an empty line after each."""
    paint = _Paint(color)
    return "".join("\n".join(_iter_frame(finding, lines_of, paint)) + "\n\n" for finding in findings)


def render_statistics(findings: Sequence[Finding]) -> str:
    """Return how often each rule was reported, the most frequent first."""
    counts = Counter((finding.code, finding.name) for finding in findings)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    width = max((len(str(count)) for count in counts.values()), default=0)
    return "".join(f"{count:>{width}}  {code}  {name}\n" for (code, name), count in ordered)


def printable(text: str) -> str:
    """Return *text* with all control and direction characters written as escapes."""
    return text if text.isprintable() else "".join(map(_visible, text))


@dataclass(frozen=True)
class _Paint:
    """Colours text for a terminal, or leaves it alone."""

    enabled: bool

    def __call__(self, text: str, **style: Any) -> str:
        if not self.enabled:
            return text
        import click

        return click.style(text, **style)


@dataclass(frozen=True)
class _Mark:
    """A stretch of a line with what happens there."""

    span: Span
    label: str
    is_finding: bool


def _headline(finding: Finding, paint: _Paint) -> str:
    place = f"{finding.span.line}:{finding.span.column}"
    code = paint(finding.code, fg=_COLORS[finding.severity], bold=True)
    return f"{paint(printable(finding.path), bold=True)}:{place}: {code} {printable(finding.message)}"


def _iter_frame(finding: Finding, lines_of: LinesOf, paint: _Paint) -> Iterator[str]:
    yield _headline(finding, paint)
    marks, notes = _place_steps(finding)
    margin = max((len(str(mark.span.line)) for group in marks.values() for mark in group), default=1)
    gutter = paint(" " * margin + " |", fg="blue")
    for path, group in marks.items():
        lines = lines_of(path)
        shown = [mark for mark in group if 1 <= mark.span.line <= len(lines)]
        if path != finding.path:
            yield paint(" " * margin + f"--> {printable(path)}", fg="blue")
        if shown:
            yield gutter
        for number in sorted({mark.span.line for mark in shown}):
            here = sorted((mark for mark in shown if mark.span.line == number), key=lambda mark: mark.span)
            code, underlines = _draw_line(lines[number - 1], [mark.span for mark in here])
            yield f"{paint(f'{number:>{margin}} |', fg='blue')} {code}".rstrip()
            for mark, (offset, width) in zip(here, underlines, strict=True):
                fg = _COLORS[finding.severity] if mark.is_finding else "cyan"
                underline = paint(("^" if mark.is_finding else "-") * width, fg=fg)
                label = paint(printable(mark.label), fg=fg)
                yield f"{gutter} {' ' * offset}{underline} {label}".rstrip()
        # What is left has no line to stand on, because the file is gone or could not be decoded.
        for mark in group:
            if mark not in shown and mark.label:
                yield f"{' ' * margin} = {printable(mark.label)} (line {mark.span.line})"
    for note in notes:
        yield f"{' ' * margin} {paint('=', fg='blue')} {printable(note)}"
    # Colour tells the severity, too, but not to everybody; the confidence is what `min-confidence` goes by.
    rule = f"{finding.name} ({finding.severity.value}, confidence {finding.confidence.label})"
    yield f"{' ' * margin} {paint('rule', fg='blue')}: {printable(rule)}"
    if finding.help:
        yield f"{' ' * margin} {paint('help', fg='green')}: {printable(finding.help)}"


def _place_steps(finding: Finding) -> tuple[dict[str, list[_Mark]], list[str]]:
    """Return the marks of each file, the finding's own first, and the steps that have no place of their own.

    Steps are numbered in the order in which they happen, because a frame shows them in the order of the lines. A
    second step at one place, such as leaving where something raised, becomes a note below the code.
    """
    marks: dict[str, list[_Mark]] = {finding.path: []}
    notes: list[str] = []
    places: set[tuple[str, Span]] = set()
    for number, step in enumerate(finding.steps, start=1):
        label = f"{number}: {step.message}" if len(finding.steps) > 1 else step.message
        place = (step.path, step.span)
        if place in places or step.span.line < 1:
            notes.append(label)
            continue
        places.add(place)
        is_finding = place == (finding.path, finding.span)
        marks.setdefault(step.path, []).append(_Mark(step.span, label, is_finding))
    if (finding.path, finding.span) not in places and finding.span.line >= 1:
        marks[finding.path].append(_Mark(finding.span, "", is_finding=True))
    return marks, notes


def _draw_line(line: str, spans: Sequence[Span]) -> tuple[str, list[tuple[int, int]]]:
    """Return *line* as it is shown, cut where it is too long, and (offset, width) of the underline of each span."""
    cells = [_visible(char) for char in line]
    widths = [_width(cell) for cell in cells]
    starts = [min(max(span.column - 1, 0), len(cells)) for span in spans]
    ends = [min(span.end_column - 1, len(cells)) if span.end_line == span.line else len(cells) for span in spans]

    first, last = 0, len(cells)
    if sum(widths) > _WIDTH:
        first, last = _window(widths, min(starts, default=0))
    head = _ELLIPSIS if first > 0 else ""
    shown = head + "".join(cells[first:last]) + (_ELLIPSIS if last < len(cells) else "")

    underlines = []
    for start, end in zip(starts, ends, strict=True):
        offset = len(head) + sum(widths[first : min(max(start, first), last)])
        width = sum(widths[max(start, first) : min(end, last)])
        underlines.append((offset, max(width, 1)))
    return shown, underlines


def _window(widths: Sequence[int], start: int) -> tuple[int, int]:
    """Return the range of characters to show of a long line, so that the one at *start* is well inside."""
    first = 0 if sum(widths[:start]) < _WIDTH - _LEAD else max(0, start - _LEAD)
    last, total = first, 0
    while last < len(widths) and total + widths[last] <= _WIDTH:
        total += widths[last]
        last += 1
    return first, last


def _visible(char: str) -> str:
    """Return what to print for *char*: a tab as blanks, a control or direction character as its escape."""
    if char == "\t":
        return _TAB
    if char == " " or char.isprintable():
        return char
    # Not every blank is harmless, but the ideographic one is ordinary in comments.
    if unicodedata.category(char) == "Zs":
        return char
    return char.encode("unicode_escape").decode("ascii")


def _width(cell: str) -> int:
    """Return how many columns a terminal gives to *cell*."""
    if len(cell) > 1 or cell.isascii():
        return len(cell)
    if unicodedata.combining(cell):
        return 0
    return 2 if unicodedata.east_asian_width(cell) in {"W", "F"} else 1
