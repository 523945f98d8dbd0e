"""The rule book: one Markdown page per code, with its sections and the Python examples in them.

An installed lintdb carries the pages as `lintdb/_rulebook`; a checkout has them in `rules/` next to the package.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

_HEADING = re.compile(r"##\s+(?P<title>.+?)\s*#*\s*")
_FENCE = re.compile(r"(?P<ticks>`{3,})\s*(?P<language>[\w+-]*)\s*")
_DIRECTIVE = "# lintdb-fixture:"
_VERSIONS = re.compile(r" target-version=(\S+)")
_PYTHON = frozenset({"python", "py"})


class PageNotFoundError(LookupError):
    """The rule book has no page for the code that was asked for."""


class Example(NamedTuple):
    """A Python code block of a page. `first_line` is the page's line, counted from 1, of the code's first line."""

    section: str
    code: str
    first_line: int


@dataclass(frozen=True)
class _Line:
    """A line of a page and where it stands: `fence` is the language of the code block around it, None in prose."""

    number: int
    text: str
    section: str | None
    fence: str | None
    opens_fence: bool = False


def find_folder() -> Path | None:
    """Return the folder that holds the pages, or None where neither the packaged nor the checkout's exists."""
    package = Path(__file__).parent
    for folder in (package / "_rulebook", package.parent / "rules"):
        if folder.is_dir():
            return folder
    return None


def find_page(code: str) -> str:
    """Return the text of the page for *code* (`LDB101`, in any case); raises PageNotFoundError if there is none."""
    folder = find_folder()
    # Only letters and digits may reach the file system: a code is no path.
    if folder is not None and code.isalnum():
        path = folder / f"{code.upper()}.md"
        if path.is_file():
            return path.read_text(encoding="utf-8")
    raise PageNotFoundError(f"the rule book has no page for {code}")


def for_readers(page: str) -> str:
    """Return *page* without the lines in its examples that tell the tests how to run them.

    Readers need to know only which version of a library an example is about.
    """
    lines = (line.text if line.fence is None else _for_readers(line.text) for line in _lines(page))
    return "".join(f"{line}\n" for line in lines if line is not None)


def _for_readers(line: str) -> str | None:
    if not line.startswith(_DIRECTIVE):
        return line
    versions = _VERSIONS.search(line)
    return f"# lintdb check --target-version {versions[1].replace(':', '=')}" if versions is not None else None


def sections(page: str) -> dict[str, str]:
    """Return the text under each `## ` heading by its title, in the order of the page, without the blank edges."""
    bodies: dict[str, list[str]] = {}
    for line in _lines(page):
        if line.section is None:
            continue
        body = bodies.setdefault(line.section, [])
        if line.fence is not None or not _HEADING.fullmatch(line.text):
            body.append(line.text)
    return {title: "\n".join(body).strip("\n") for title, body in bodies.items()}


def examples(page: str) -> list[Example]:
    """Return the fenced Python blocks of *page* in order; a block above the first section has the section ``""``."""
    found: list[Example] = []
    code: list[str] | None = None
    first = _Line(0, "", None, None)
    for line in [*_lines(page), _Line(0, "", None, None)]:
        if line.opens_fence:
            code = [] if line.fence in _PYTHON else None
            first = line
        elif line.fence is not None and code is not None:
            code.append(line.text)
        elif code is not None:
            found.append(Example(first.section or "", "".join(f"{text}\n" for text in code), first.number + 1))
            code = None
    return found


def _lines(page: str) -> list[_Line]:
    """Return the lines of *page* with their place; the closing line of a code block counts as prose."""
    result: list[_Line] = []
    section: str | None = None
    fence: str | None = None
    ticks = ""
    for number, text in enumerate(page.splitlines(), start=1):
        match = _FENCE.fullmatch(text)
        if fence is None and match:
            ticks, fence = match["ticks"], match["language"].lower()
            result.append(_Line(number, text, section, fence, opens_fence=True))
            continue
        if fence is not None and match and not match["language"] and match["ticks"].startswith(ticks):
            fence = None
        elif fence is None and (heading := _HEADING.fullmatch(text)):
            section = heading["title"]
        result.append(_Line(number, text, section, fence))
    return result
