"""What is wrong with the files of a project from which library versions are read (see `lintdb.drivers.pins`).

Such a file is not lintdb's configuration, and who has broken it hears of that from others: it is worth a warning with
its line, and the check goes on. Lock files are large; they are parsed only where a line of them looks odd.
"""

# Paths are strings here: folders are listed for each folder of a large tree, and Path objects would dominate that.
# ruff: noqa: PTH118, PTH120, PTH123, PTH208

from __future__ import annotations

import functools
import json
import os
import re
from collections.abc import Iterable, Iterator
from fnmatch import translate

from lintdb.drivers.pins import MAX_BYTES
from lintdb.finding import FileProblem
from lintdb.toml import TOMLDecodeError, fault_in, load_toml

TOML = ("pyproject.toml", "Pipfile")
LOCKS = ("uv.lock", "poetry.lock", "pdm.lock", "pylock*.toml")
JSON = ("Pipfile.lock",)
TEXTS = ("constraints*.txt", "requirements*.txt", "setup.cfg", "environment.yml", "environment.yaml")
REQUIREMENTS = ("requirements", "requirement")
"""The folders whose `*.txt` are requirements, too."""

_UNKNOWN = "the versions that it pins are not known"
_MISSED = "versions that it pins may be missed"
_TEXT = r"""(?:"(?:[^"\\\n]|\\[bfnrtuU"\\])*"|'[^'\n]*')"""
_KEY = rf"(?:[A-Za-z0-9_-]+|{_TEXT})"
_KEYS = rf"{_KEY}(?:\.{_KEY})*"
_ATOM = rf"(?:{_TEXT}|true|false|\d{{4}}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?Z?|(?:0|[1-9]\d*)(?:\.\d+)?)"


def _value(depth: int) -> str:
    """Return the pattern of a value on one line, with lists and tables down to a *depth*."""
    if not depth:
        return _ATOM
    inner = _value(depth - 1)
    pair = rf"{_KEYS}\ =\ {inner}"
    return rf"(?:{_ATOM}|\[(?:{inner}(?:,\ {inner})*)?\]|\{{\ ?(?:{pair}(?:,\ {pair})*)?\ ?\}})"


_VALUE = _value(3)
_LOCK_LINE = rf"(?:\#.*|\[\[{_KEYS}\]\]|\[{_KEYS}\]|{_VALUE},?|\]|{_KEYS}\ =\ (?:\[|{_VALUE}))?"
_ODD_LOCK_LINE = re.compile(rf"^(?![ \t]*{_LOCK_LINE}[ \t]*$)", re.MULTILINE)
"""A line that those who write lock files seldom write."""
_ODD_NEIGHBOURS = re.compile(
    rf"""
    ^[ \t]*["{{][^\n]*[^,\n]\n[ \t]*["{{][^\n=]*(?:,|\n|=[^\n]*\}})
    | ^({_KEYS}\ =)[^\n]*\n\1
    | ^(\[[^\[\n]*\])\n\2$
    """,
    re.MULTILINE | re.VERBOSE,
)
"""Two lines that do not go together: items without a comma between them, a key or a table that is there twice."""
_OPENED, _CLOSED = re.compile(r"^[^#\n]*= \[[ \t]*$", re.MULTILINE), re.compile(r"^[ \t]*\][ \t]*$", re.MULTILINE)
_PACKAGE, _NAME = re.compile(r"^\[\[packages?\]\]", re.MULTILINE), re.compile(r"^name = ", re.MULTILINE)


def _is_one_of(patterns: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(map(translate, patterns)))


_IS_TOML, _IS_LOCK, _IS_JSON = _is_one_of(TOML), _is_one_of(LOCKS), _is_one_of(JSON)
_IS_TEXT = _is_one_of(TEXTS)


def faults_around(folder: str, warnings: Iterable[str]) -> tuple[FileProblem, ...]:
    """Return what is wrong with the files in *folder* (absolute) and above it, up to the root of the repository.

    *warnings* are what the reader of versions has to say; of a file whose fault is known it is left out.
    """
    found = [fault for file in _files_around(folder) if (fault := _fault_in(file)) is not None]
    explained = tuple(f"{fault.path}: " for fault in found)
    others = (warning.partition(": ") for warning in warnings if not warning.startswith(explained))
    return (*found, *(_as_problem(place, message) for place, _, message in others))


def _as_problem(place: str, message: str) -> FileProblem:
    path, _, line = place.rpartition(":")
    return FileProblem(path, message, int(line)) if path and line.isdecimal() else FileProblem(place, message)


def _files_around(folder: str) -> Iterator[str]:
    while True:
        names = _names_in(folder)
        yield from (os.path.join(folder, name) for name in names if _IS_TEXT.match(name) or _is_parsed(name))
        for each in REQUIREMENTS:
            inner = os.path.join(folder, each)
            texts = _names_in(inner) if each in names else ()
            yield from (os.path.join(inner, name) for name in texts if name.endswith(".txt"))
        parent = os.path.dirname(folder)
        if ".git" in names or ".hg" in names or parent == folder:
            return
        folder = parent


def _names_in(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def _is_parsed(name: str) -> bool:
    return any(pattern.match(name) for pattern in (_IS_TOML, _IS_LOCK, _IS_JSON))


def _fault_in(path: str) -> FileProblem | None:
    try:
        stamp = os.stat(path)  # noqa: PTH116
    except OSError:
        return None
    # The same file is met from many folders.
    if not os.path.isfile(path) or stamp.st_size > MAX_BYTES:  # noqa: PTH113
        return None
    return _fault_of(path, stamp.st_mtime_ns, stamp.st_size)


@functools.lru_cache(maxsize=256)
def _fault_of(path: str, _changed: int, _size: int) -> FileProblem | None:
    """Return what is wrong with a file; what cannot even be read, the reader of versions tells of itself."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError:
        return None
    name = os.path.basename(path)  # noqa: PTH119
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return FileProblem(path, f"not UTF-8 (save the file as UTF-8): {_MISSED}", line)
    if _IS_LOCK.match(name):
        # Its lines are read for themselves: it says something even if it is broken.
        return _fault_in_toml(path, text, _MISSED) if _looks_odd(text.replace("\r\n", "\n")) else None
    if _IS_TOML.match(name):
        return _fault_in_toml(path, text, _UNKNOWN)
    return _fault_in_json(path, text) if _IS_JSON.match(name) else None


def _looks_odd(lock: str) -> bool:
    if _ODD_LOCK_LINE.search(lock) is not None or _ODD_NEIGHBOURS.search(lock) is not None:
        return True
    pairs = ((_OPENED, _CLOSED), (_PACKAGE, _NAME))
    return any(len(one.findall(lock)) != len(other.findall(lock)) for one, other in pairs)


def _fault_in_toml(path: str, text: str, loss: str) -> FileProblem | None:
    try:
        load_toml(text)
    except TOMLDecodeError as error:
        line, reason = fault_in(text, error)
        return FileProblem(path, f"not valid TOML ({reason}): {loss}", line)
    except RecursionError:
        return FileProblem(path, f"nested too deeply to be read: {loss}")
    return None


def _fault_in_json(path: str, text: str) -> FileProblem | None:
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return FileProblem(path, f"not valid JSON ({error.msg}): {_UNKNOWN}", error.lineno)
    except RecursionError:
        return FileProblem(path, f"nested too deeply to be read: {_UNKNOWN}")
    return None
