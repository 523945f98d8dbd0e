"""What a model says of a library's connections is what they do: every answer here decides verdicts.

The libraries that work with files are tried in every run, as far as they are installed; those that need a server with
`pytest -m servers`, which starts and stops the servers itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lintdb.effects import AfterError, Event, WithBlock
from tests.probes import labs
from tests.probes.labs import FILES, SERVED, Lab, Subject, raises
from tests.probes.servers import Server

pytestmark = pytest.mark.filterwarnings("ignore")

ALL = [
    *(pytest.param(lab, id=str(lab)) for lab in FILES),
    *(pytest.param(lab, id=str(lab), marks=pytest.mark.servers) for lab in SERVED),
]


@pytest.fixture(params=ALL)
def subject(request: pytest.FixtureRequest, tmp_path: Path, server: Callable[[str], Server]) -> Iterator[Subject]:
    lab: Lab = request.param
    labs.module_of(lab.module)
    found = Subject(lab, server(lab.server) if lab.server is not None else tmp_path / "probe.db")
    yield found
    found.finish()


@pytest.fixture
def table(subject: Subject) -> str:
    return subject.fresh("probe")


def test_what_is_not_committed_is_kept_in_autocommit_mode_only(subject: Subject, table: str) -> None:
    conn = subject.open()
    subject.execute(conn, f"insert into {table} values (1)")
    subject.close(conn)
    assert (subject.count(table) == 1) is (subject.kind.autocommit is True)


def test_leaving_a_block(subject: Subject, table: str) -> None:
    conn = _to_enter(subject)
    if subject.block is WithBlock.NONE:
        assert raises(lambda: _enter(subject, conn)) is not None
        return
    with subject.in_block(conn) as entered:
        subject.execute(entered, f"insert into {table} values (1)")
    assert subject.is_open(entered) is not (subject.block.releases and not subject.kind.reusable)
    subject.close_quietly(entered)
    assert (subject.count(table) == 1) is (subject.block.commits or subject.kind.autocommit is True)


def test_leaving_a_block_by_an_exception(subject: Subject, table: str) -> None:
    if subject.block is WithBlock.NONE:
        subject.leave_out("it is no context manager")
    conn = _to_enter(subject)
    with pytest.raises(ZeroDivisionError), subject.in_block(conn) as entered:
        subject.execute(entered, f"insert into {table} values (1)")
        _ = 1 / 0
    assert subject.is_open(conn if subject.lab.starts_by_block else entered) is not subject.block.releases
    subject.close_quietly(entered)
    # APSW's block begins a transaction of its own.
    is_kept = subject.kind.autocommit is True and not subject.block.commits
    assert (subject.count(table) == 1) is is_kept


def test_closing_twice(subject: Subject) -> None:
    conn = subject.open()
    subject.close(conn)
    assert (raises(lambda: subject.close(conn)) is None) is subject.kind.idempotent_release


def test_using_it_after_its_release(subject: Subject) -> None:
    conn = subject.open()
    subject.close(conn)
    assert subject.is_open(conn) is subject.kind.reusable


def test_closing_it_inside_of_its_block(subject: Subject) -> None:
    if subject.block is WithBlock.NONE:
        subject.leave_out("it is no context manager")
    conn = _to_enter(subject)

    def closing() -> None:
        with subject.in_block(conn) as entered:
            subject.close(entered)

    assert (raises(closing) is None) is (subject.kind.exit_after_release or _takes_a_second_end(subject))


def test_flags_that_tell_whether_it_is_open(subject: Subject) -> None:
    if not subject.kind.state_flags:
        subject.leave_out("nothing of it tells whether it is open")
    conn = subject.open()
    while_open = {name: _flag(conn, name) for name in subject.kind.state_flags}
    subject.close(conn)
    assert while_open == dict(subject.kind.state_flags)
    for name, flag in while_open.items():
        assert not _says(conn, name, flag)


def test_what_an_error_does_to_the_unit_of_work(subject: Subject, table: str) -> None:
    after = subject.kind.after_error
    if after is AfterError.DEPENDS:
        subject.leave_out("the server decides what an error does")
    conn = subject.open()
    if subject.kind.autocommit is True:
        subject.execute(conn, "begin")
    subject.execute(conn, f"insert into {table} values (1)")
    assert raises(lambda: subject.execute(conn, "insert into there_is_no_such_table values (1)")) is not None
    works = raises(lambda: subject.execute(conn, f"insert into {table} values (2)")) is None
    assert works is (after is AfterError.CONTINUES)


def test_definitions(subject: Subject, table: str) -> None:
    if subject.kind.autocommit is not False:
        subject.leave_out("each statement is permanent at once")
    conn = subject.open()
    made = labs.unused("made_in_a_unit")
    if subject.kind.definition_event is not None:
        subject.execute(conn, f"insert into {table} values (1)")
    subject.execute(conn, f"create table {made} (n integer)")
    subject.wait(conn.rollback())
    subject.close(conn)
    assert (subject.count(made) >= 0) is (subject.kind.definition_event is not Event.WRITE)
    assert (subject.count(table) == 1) is (subject.kind.definition_event is Event.COMMIT)


def test_a_row_that_is_not_there(subject: Subject, table: str) -> None:
    assert subject.one(subject.open(), f"select n from {table}") is None
    owner = subject.cursor_kind or subject.kind
    calls = owner.methods.get(subject.lab.fetch, ())
    if subject.lab.executes == "connection" and not calls:
        subject.leave_out("rows are had elsewhere")
    assert calls
    assert all(call.may_return_none for call in calls)


PLACEHOLDERS = {
    "qmark": "?", "*qmark": "?", "*numeric_dollar": "$1",
    "pyformat": "%s", "pyformat_bound": "%s", "pyformat_plain": "%s", "pyformat_exact": "%s",
    "pyformat_any": "%s", "pyformat_set": "%s", "format_set": "%s", "qmark_exact": "?", "any": "?", "prepared": "?",
}  # fmt: skip


def test_placeholders(subject: Subject, table: str) -> None:
    owner = subject.cursor_kind or subject.kind
    styles = {call.paramstyle for call in owner.methods["execute"]}
    if styles == {""}:
        subject.leave_out("the model says nothing of placeholders")
    conn = subject.open()
    for style in styles:
        subject.execute(conn, f"insert into {table} values ({PLACEHOLDERS[style]})", 7)
    assert subject.one(conn, f"select n from {table}")[0] == 7


def test_rows_after_the_release_of_the_cursor(subject: Subject, table: str) -> None:
    kind = subject.cursor_kind
    if kind is None:
        subject.leave_out("it has no cursors of that sort")
    conn = subject.open()
    cursor = _with_rows(subject, conn, table)
    # Some libraries refuse to close a cursor with rows that nobody has fetched.
    is_closed = raises(lambda: subject.wait(cursor.close())) is None
    assert (is_closed and raises(lambda: subject.wait(cursor.fetchone())) is None) is kind.rows_after_release


def test_rows_after_the_release_of_the_connection(subject: Subject, table: str) -> None:
    kind = subject.cursor_kind
    if kind is None:
        subject.leave_out("it has no cursors of that sort")
    conn = subject.open()
    cursor = _with_rows(subject, conn, table)
    subject.close(conn)
    assert (raises(lambda: subject.wait(cursor.fetchone())) is None) is kind.rows_after_parent


def test_closing_the_cursor_after_the_connection(subject: Subject) -> None:
    kind = subject.cursor_kind
    if kind is None:
        subject.leave_out("it has no cursors of that sort")
    conn = subject.open()
    cursor = subject.execute(conn, "select 1")
    subject.wait(cursor.fetchall())
    subject.close(conn)
    assert (raises(lambda: subject.wait(cursor.close())) is not None) is kind.release_needs_parent


def test_the_block_of_a_cursor(subject: Subject, table: str) -> None:
    kind = subject.cursor_kind
    if kind is None:
        subject.leave_out("it has no cursors of that sort")
    conn = subject.open()
    cursor = subject.cursor(conn)
    block = (kind.async_with_block if subject.is_async else kind.with_block) or WithBlock.NONE
    if block is WithBlock.NONE:
        assert raises(lambda: _enter(subject, cursor)) is not None
        return
    with subject.in_block(cursor) as entered:
        subject.run(entered, f"insert into {table} values (1)")
    is_closed = raises(lambda: subject.run(entered, "select 1")) is not None
    assert is_closed is block.releases
    subject.close_quietly(conn)
    assert (subject.count(table) == 1) is (block.commits or subject.kind.autocommit is True)


def test_switching_the_mode(subject: Subject, table: str) -> None:
    kind = subject.kind
    attribute = next((name for name, how in kind.attribute_events.items() if how == "autocommit"), None)
    by_none = next((name for name, how in kind.attribute_events.items() if how == "autocommit-if-none"), None)
    method = next(
        (name for name, calls in kind.methods.items() if any(call.event is Event.AUTOCOMMIT_ON for call in calls)), None
    )
    conn = subject.open()
    if by_none is not None:
        if raises(lambda: setattr(conn, by_none, None)) is not None:
            subject.leave_out("only the thread that has opened it may do that")
    elif attribute is not None:
        setattr(conn, attribute, True)
    elif method is not None:
        subject.wait(getattr(conn, method)(True))
    else:
        subject.leave_out("autocommit cannot be switched on")
    subject.execute(conn, f"insert into {table} values (1)")
    subject.close(conn)
    assert subject.count(table) == 1


def test_errors_have_the_base_that_the_model_says(subject: Subject) -> None:
    known = subject.models.errors.get(subject.lab.driver)
    if known is None:
        subject.leave_out("the model names no base of its errors")
    error = raises(lambda: subject.execute(subject.open(), "select from nowhere at all"))
    assert error is not None
    assert any(f"{each.__module__}.{each.__qualname__}" in _names_of(subject, known) for each in type(error).__mro__)


def test_a_second_write_waits_for_a_lock_as_the_model_says(subject: Subject, table: str) -> None:
    """SQLite alone: does it wait at all, if nothing else is said?"""
    setting = next((each for each in subject.kind.settings if each.name == "lock-timeout"), None)
    if setting is None:
        subject.leave_out("there is no limit on the wait for a lock")
    first, second = subject.open(), subject.open()
    subject.execute(first, "begin immediate")
    milliseconds = subject.one(second, "pragma busy_timeout")[0]
    assert (milliseconds == 0) is (setting.default == "immediate")


def _to_enter(subject: Subject) -> Any:
    if not subject.lab.starts_by_block:
        return subject.open()
    return subject.lab.connect(subject.module, subject.place)


def _enter(subject: Subject, thing: Any) -> None:
    with subject.in_block(thing):
        pass


def _takes_a_second_end(subject: Subject) -> bool:
    """Whether the end of its block is one more release, which does it no harm."""
    return subject.block.releases and subject.kind.idempotent_release


def _flag(conn: Any, name: str) -> bool:
    value = getattr(conn, name)
    return bool(value() if callable(value) else value)


def _says(conn: Any, name: str, flag: bool) -> bool:
    """Whether a flag has that value; one that refuses to speak of a closed connection (mariadb's `open`) has none."""
    return raises(lambda: _flag(conn, name)) is None and _flag(conn, name) is flag


def _with_rows(subject: Subject, conn: Any, table: str) -> Any:
    """Return a cursor with rows that nobody has fetched yet."""
    for n in range(3):
        subject.execute(conn, f"insert into {table} values ({n})")
    return subject.execute(conn, f"select n from {table}")


def _names_of(subject: Subject, error: str) -> set[str]:
    """Return the real name of an exception class, which may be handed on under another one."""
    module, _, name = error.rpartition(".")
    cls = getattr(labs.module_of(module), name)
    return {f"{cls.__module__}.{cls.__qualname__}"}
