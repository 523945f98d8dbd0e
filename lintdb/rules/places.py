"""Where a piece of code stands, as far as rules care: in a test, in an example, in a handler of requests."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import libcst as cst

    from lintdb.syntax.names import FunctionInfo, ModuleIndex

_BELOW = r"[/\\](?:[^/\\]*[/\\]){0,4}[^/\\]*"
"""A file in a folder, or not far below it: what stands above a whole project says nothing of its files."""
_OTHER_TESTS = r"(?:ab|a_b|contest|lab|blood|medical|model|speed|hypothesis)_tests?(?:[/\\\\]|$)"
"""Tests that a program is about."""
_TEST_FILE = re.compile(
    rf"(?:^|[/\\])(?:(?:tests?|(?!{_OTHER_TESTS})\w+_tests?){_BELOW}|test_[^/\\]*|[^/\\]*_tests?|tests?|conftest)\.pyi?$"
)
_TEST_METHOD = re.compile(r"test(?:[A-Z0-9]|$)")
"""As `unittest` has them; `testconnection()` is something that a program offers."""
_EXAMPLE_FILE = re.compile(rf"(?:^|[/\\])(?:(?:\w+[_-])?examples?|demos?|samples?|tutorials?){_BELOW}\.pyi?$")


_ROUTES = frozenset({
    "route", "get", "post", "put", "delete", "patch", "head", "options", "websocket", "api_route", "before_request",
    "after_request", "middleware",
})  # fmt: skip


def is_handler(function: FunctionInfo) -> bool:
    """Whether a decorator registers the function to answer requests, of which there are many at a time."""
    for decorator in function.decorators:
        target = getattr(decorator, "func", None)
        name = getattr(getattr(target, "attr", None), "value", "")
        if name in _ROUTES and getattr(decorator, "args", None):
            return True
    return False


def is_migration(path: str) -> bool:
    """Whether a file changes a database from one version to the next: it runs once."""
    return not {"migration", "migrations", "alembic", "versions"}.isdisjoint(Path(path).parts[:-1])


_MIGRATES = re.compile(r"(?:alembic|flask_migrate|peewee_migrate|yoyo|playhouse\.migrate|django\.db\.migrations)\b")


def is_step_of_migration(function: FunctionInfo, path: str) -> bool:
    """Whether code stands in a migration, by its folder and the tool that it imports."""
    return is_migration(path) and any(_MIGRATES.match(name) for name in function.index.imported_names())


def is_program(function: FunctionInfo) -> bool:
    """Whether a function is what the process was started for: `main`, a command, the last call of a script.

    Not if another file of the project imports it, for a program of its own.
    """
    from lintdb.flow.decorators import ends_with_process  # loads libcst, which listing rules does not need
    from lintdb.flow.users import is_called_elsewhere
    from lintdb.syntax.ancestry import called_by_main

    if function.is_module:
        return False
    is_plain = function.owner is None and function.parent is not None and function.parent.is_module
    if not ends_with_process(function) and not (is_plain and function.name in called_by_main(function.index.module)):
        return False
    return bool(function.decorators) or not is_plain or not is_called_elsewhere(function, is_test_file)


def is_watched(function: FunctionInfo) -> bool:
    """Whether somebody has started what a function does, and looks on: a program, or a part of one that prints.

    Nobody looks on at one that serves.
    """
    from lintdb.flow.commands import is_part_of_commands, serves  # loads libcst, which listing rules does not need

    return (is_program(function) and not serves(function)) or is_part_of_commands(function, is_test_file)


_HELD_BY_JOB = 3
"""Connections that one job holds at most, where it takes one while it holds another: a task in a task of a task."""


def is_work_of_workers(function: FunctionInfo, *, has_sessions: bool) -> bool:
    """Whether only jobs of a worker do what a function does, and so few at a time that a pool is enough for them.

    A process of Celery does one task at a time, with a pool to itself. *has_sessions*: they are those of SQLAlchemy,
    whose engines say how many connections they have.
    """
    from lintdb.flow.jobs import most_jobs_at_once  # as above
    from lintdb.rules.capacity import least_connections

    at_once = most_jobs_at_once(function, is_test_file)
    if at_once is None or at_once == 1:
        return at_once == 1
    return has_sessions and at_once * _HELD_BY_JOB < least_connections(function.index, is_test_file)


def is_done_once(function: FunctionInfo) -> bool:
    """Whether a command that prints does what a function does, once, or the start of a server; and nothing else does.

    Not the command itself.
    """
    from lintdb.flow.commands import is_part_of_commands  # as above
    from lintdb.flow.lifelong import runs_at_start

    if is_program(function):
        return False
    is_of_command = is_part_of_commands(function, is_test_file, is_once=True)
    return is_of_command or runs_at_start(function, is_test_file)


def ends_with_error(function: FunctionInfo) -> bool:
    """Whether an error that leaves a function ends the process: only commands call it, and none of them goes on.

    Not where it cannot be told which files belong to the project: any of them may call it, too.
    """
    from lintdb.flow.commands import is_part_of_commands  # as above

    links = function.index.links
    is_known = links is not None and links.texts_with(function.name, function.index) is not None
    return is_known and is_part_of_commands(function, is_test_file, fails=True)


def is_script(function: FunctionInfo, node: object) -> bool:
    """Whether a node outside of functions is what somebody starts.

    It is guarded, or beside what reads a command line, or in a file that is imported by no other, and either prints
    and does not serve, or defines nothing and closes what it opens.
    """
    from lintdb.flow.commands import serves
    from lintdb.flow.users import is_imported
    from lintdb.flow.words import PARSERS, PRINTS, SERVED
    from lintdb.syntax.ancestry import guarded_by_main

    if not function.is_module:
        return False
    index = function.index
    takes_arguments = not PARSERS.isdisjoint((*function.loads, *function.attributes))
    if takes_arguments or id(node) in guarded_by_main(index.module):
        return True
    prints = not PRINTS.isdisjoint(function.loads) and not serves(function)
    closes = not (index.functions or index.classes) and "close" in function.attributes
    is_server = not SERVED.isdisjoint(function.bound) or any(is_registered(each) for each in index.all_functions)
    return (closes or (prints and not is_server)) and not is_imported(index)


def prints_before(function: FunctionInfo, node: object) -> bool:
    """Whether a function prints before it comes to a call: somebody who has started it looks on.

    What a module prints that is imported, nobody may see.
    """
    found = False
    if function.is_module:
        return False
    for call in function.calls:
        if call is node:
            return found
        found = found or getattr(call.func, "value", None) == "print"
    return False


def runs_for_somebody(function: FunctionInfo, path: str) -> bool:
    """Whether somebody has started what a function does, and waits for that alone: a test, a command, a migration."""
    return is_test(function, path) or is_example_file(path) or is_watched(function) or is_migration(path)


WAIT_FOR_ERRORS = frozenset({"raises", "assertRaises", "assertRaisesRegex"})
"""What blocks of tests begin with that an error has to end."""


def is_meant_to_raise(around: Iterable[cst.CSTNode]) -> bool:
    """Whether code stands in a block of a test that an error has to end; *around* is what holds it, inside out."""
    import libcst as cst  # listing rules does not need it

    blocks = (each for each in around if isinstance(each, cst.With))
    calls = (item.item for block in blocks for item in block.items if isinstance(item.item, cst.Call))
    return any(getattr(getattr(call.func, "attr", call.func), "value", "") in WAIT_FOR_ERRORS for call in calls)


def is_test_file(path: str) -> bool:
    """Whether a file holds tests, by its name or that of its folder."""
    return _TEST_FILE.search(path) is not None


_SET_ASIDE = re.compile(r"_*(?:deprecated|disabled|obsolete|attic|graveyard|archive[-_.]?\d[-_.\d]*)", re.IGNORECASE)
"""What folders are called that hold what was in use once; an `archive`, or what is `archived`, may be in use."""


def is_set_aside(index: ModuleIndex) -> bool:
    """Whether a file is out of use: the name of a folder of its project says so, and nothing outside speaks of that.

    What registers something with a decorator, or is a package of its own with what frameworks look for, is found
    without that.
    """
    links = index.links
    folders = links.folders_to(index.name.path) if links is not None and index.name.path else ()
    name = next((each for each in folders if _SET_ASIDE.fullmatch(each)), None)
    if links is None or name is None or any(is_registered(each) for each in index.all_functions):
        return False
    word = re.escape(name)
    in_text = rf"""["'][^"'\n]*(?:[./]{word}\b|(?<![\w-]){word}[./:]\w)"""
    imported = rf"^[ \t]*(?:from|import)[ \t][^\n]*\b{word}\b"
    spoken_of = re.compile(f"{in_text}|{imported}", re.MULTILINE)
    return not any(
        spoken_of.search(text)
        for path, text in links.texts_with(name, index) or ()
        if not any(_SET_ASIDE.fullmatch(folder) for folder in links.folders_to(path))
    )


def is_registered(function: FunctionInfo) -> bool:
    """Whether a decorator may tell somebody of a function: `@app.task`, `@router.get("/")`."""
    plain = {"staticmethod", "classmethod", "property", "cached_property", "contextmanager", "lru_cache", "cache"}
    names = [getattr(each, "value", "") for each in function.decorators]
    return any(not isinstance(each, str) or (function.owner is None and each not in plain) for each in names)


def is_example_file(path: str) -> bool:
    """Whether a file shows how something is used, by the name of its folder: it serves nobody, so nobody waits."""
    return _EXAMPLE_FILE.search(path) is not None


_REHEARSED = re.compile(
    r"(?:^|_)(?:test(?:s|ing)?|dev(?:el(?:opment)?)?|local|ci|debug|example|sample)(?:$|_)", re.IGNORECASE
)


def is_rehearsed_name(name: str) -> bool:
    """Whether settings of that name are for developers and tests: `TestConfig`, `DevelopmentSettings`, `local`."""
    return _REHEARSED.search(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name)) is not None


def is_rehearsed_settings(path: str) -> bool:
    """Whether a file holds settings for developers, tests or examples, by its name: `settings/local.py`."""
    return is_test_file(path) or is_example_file(path) or is_rehearsed_name(Path(path).stem)


def is_test(function: FunctionInfo, path: str) -> bool:
    """Whether code belongs to a test, where an error is the message that somebody waits for."""
    if is_test_file(path):
        return True
    scope: FunctionInfo | None = function
    while scope is not None and not scope.is_module:
        if scope.name.startswith("test_") or (scope.owner is not None and _TEST_METHOD.match(scope.name)):
            return True
        scope = scope.parent
    return False


_MOST_REACHED = 20
"""Functions that are looked at beside one."""


def reached_from(function: FunctionInfo) -> Iterator[FunctionInfo]:
    """Yield a function, and those of the project that it calls, directly or through others."""
    from lintdb.syntax.names import FunctionInfo  # loads libcst, which listing rules does not need

    waiting, seen = [function], {id(function)}
    while waiting and len(seen) < _MOST_REACHED:
        current = waiting.pop()
        yield current
        for call in current.calls:
            callee = current.index.symbol_of(call.func, current, is_needed=True)
            if isinstance(callee, FunctionInfo) and id(callee) not in seen:
                seen.add(id(callee))
                waiting.append(callee)
