"""How much work programs are worth: what grows with the length of a program must not double with each line."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from lintdb.engine import EngineOptions, check_source
from lintdb.flow.program import Program
from lintdb.flow.types_of import ModuleTypes
from lintdb.rules.registry import all_metas
from lintdb.source import SourceFile

CODES = frozenset(meta.code for meta in all_metas())


def calls_of(text: str, owner: type, method: str, monkeypatch: pytest.MonkeyPatch, path: str = "x.py") -> int:
    """Return how often a method is called while a program is checked."""
    counter: Counter[str] = Counter()
    original = getattr(owner, method)

    def counted(*arguments: Any, **options: Any) -> Any:
        counter[method] += 1
        return original(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(owner, method, counted)
        assert check_source(SourceFile(path, text), EngineOptions(CODES)).problem is None
    return counter[method]


def chain(length: int) -> str:
    links = "".join(f".where({number})" for number in range(length))
    return f"""
import psycopg2

class Store:
    def __init__(self, conn):
        self.conn = conn

    @classmethod
    def of(cls, orders, dsn):
        found = orders.select(){links}
        return cls(psycopg2.connect(dsn), found)
"""


def services(number: int) -> str:
    """Return a program with an object of many attributes, each used by one method, and not on all paths."""
    names = [f"part{each}" for each in range(number)]
    lines = [
        "import redis",
        "class Service:",
        f"    def __init__(self, {', '.join(f'{name}: redis.Redis' for name in names)}):",
        *(f"        self.{name} = {name}" for name in names),
        "    def fill(self, wanted):",
        *(f"        self.fill_{name}(wanted)" for name in names),
    ]
    for name in names:
        lines += [f"    def fill_{name}(self, wanted):", "        if wanted():", f"            self.{name}.set('a', 1)"]
    return "\n".join(lines) + "\n"


def clients(number: int) -> str:
    """Return a program with many clients in its variables, each used by one function, and not on all paths."""
    names = [f"conn{each}" for each in range(number)]
    lines = ["import redis", *(f"{name} = redis.Redis()" for name in names), "def fill(wanted):"]
    lines += [f"    fill_{name}(wanted)" for name in names]
    for name in names:
        lines += [f"def fill_{name}(wanted):", "    if wanted():", f"        {name}.set('a', 1)"]
    return "\n".join(lines) + "\n"


def answers(number: int, callers: int) -> str:
    """Return a program with a function that asks so much that what it is told on all paths is too much to remember."""
    lines = [
        "import psycopg2",
        "def ask(conn, is_new):",
        "    conn.cursor().execute('select 1')",
        "    if is_new():",
        "        return None",
        "    return True",
        "def all_answers(conn: psycopg2.extensions.connection, is_new):",
        *(f"    answer{each} = ask(conn, is_new)" for each in range(number)),
        f"    return [{', '.join(f'answer{each}' for each in range(number))}]",
    ]
    for each in range(callers):
        lines += [f"def use{each}(conn: psycopg2.extensions.connection, is_new):", "    all_answers(conn, is_new)"]
    return "\n".join(lines) + "\n"


def test_a_chain_of_calls_is_looked_at_link_by_link(monkeypatch: pytest.MonkeyPatch) -> None:
    short, long = (calls_of(chain(each), ModuleTypes, "type_of_receiver", monkeypatch) for each in (6, 12))
    assert 0 < long < 5 * short


def test_a_method_is_not_followed_anew_for_what_it_cannot_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    few, many = (calls_of(services(each), Program, "run_for_caller", monkeypatch) for each in (5, 10))
    assert 0 < many < 3 * few


def test_a_function_is_not_followed_anew_for_each_set_of_clients_used_before(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "pyproject.toml").touch()
    path = str(tmp_path / "x.py")
    few, many = (calls_of(clients(each), Program, "run_for_caller", monkeypatch, path) for each in (5, 10))
    assert 0 < many < 3 * few


def test_what_is_followed_for_a_caller_ends_where_it_is_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    alone, called = (calls_of(answers(18, each), Program, "summary", monkeypatch) for each in (0, 1))
    assert 1_000 < alone <= called < 1.5 * alone
