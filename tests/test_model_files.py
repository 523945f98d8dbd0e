"""Model files: what the schema says about mistakes, and what its keys mean."""

from __future__ import annotations

import pytest

from lintdb.drivers import catalog
from lintdb.drivers.catalog import load_driver
from lintdb.drivers.model import ModelError
from lintdb.drivers.reader import parse_driver
from lintdb.effects import Event, WithBlock

HEAD = '[driver]\nname = "x"\nnewest = "1.0"\n'
KIND = '[kinds.connection]\nfamily = "connection"\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[driver", "m.toml:1: not valid TOML"),
        ("", "the table [driver] is missing"),
        ('[driver]\nname = "x"\n', "driver.newest: is missing"),
        ('[driver]\nname = "x"\nnewest = "new"\n', "'new' is not a version"),
        (HEAD + 'titel = "X"\n', "driver.titel: unknown key (did you mean 'title'?)"),
        (HEAD + "title = 3\n", "driver.title: expected a string, got 3"),
        (HEAD + 'blocking = "yes"\n', "driver.blocking: expected true or false, got 'yes'"),
        (HEAD + "[kinds.connection]\n", "kinds.connection.family: is missing; use one of connection, cursor"),
        (HEAD + '[kinds.c]\nfamily = "conection"\n', "'conection' is not allowed; use one of connection"),
        (HEAD + '[kinds.c]\nfamily = "conection"\n', "(did you mean 'connection'?)"),
        (HEAD + KIND + 'with = "close"\n', "kinds.connection.with: 'close' is not allowed; use one of release, commit"),
        (HEAD + KIND + 'whit = "keep"\n', "kinds.connection.whit: unknown key (did you mean 'with'?)"),
        (HEAD + KIND + "zzz = 1\n", "kinds.connection.zzz: unknown key; DRIVERS.md has all 73 keys of a kind"),
        (HEAD + KIND + "parts = 1\n", "parts: unknown key (did you mean 'parts_class' or 'variants'?); DRIVERS.md has"),
        (
            HEAD + KIND + '[[kinds.connection.orders]]\ninnr = "a"\n',
            "(did you mean 'inner'?); known here: inner, outer",
        ),
        (HEAD + KIND + 'ddl = "maybe"\n', "kinds.connection.ddl: 'maybe' is not allowed; use one of write, commit"),
        (
            HEAD + KIND + 'attribute_events = { a = "on" }\n',
            "attribute_events.a: 'on' is not allowed; use one of autocommit",
        ),
        (HEAD + KIND + "state_flags = { closed = 1 }\n", "state_flags.closed: expected true or false, got 1"),
        (
            HEAD + KIND + "[[kinds.connection.methods]]\nraises = 'never'\n",
            "kinds.connection.methods[0].names: is missing",
        ),
        (
            HEAD
            + KIND
            + "[[kinds.connection.methods]]\nnames = ['cursor']\nacquires = 'cursr'\n[kinds.cursor]\nfamily='cursor'\n",
            "kinds.connection.methods[0].acquires: 'cursr' is not a kind of this file (did you mean 'cursor'?)",
        ),
        (
            HEAD + "[[functions]]\nnames = ['x.f']\nacquires = 'c'\n",
            "functions[0].acquires: 'c' is not a kind of this file",
        ),
        (
            HEAD + "[[functions]]\nnames = ['x.f']\nsql = 1.5\n",
            "functions[0].sql: expected a position, a keyword, or {",
        ),
        (
            HEAD + "[[functions]]\nnames = ['x.f']\nsql = {}\n",
            "functions[0].sql: an argument needs `position` or `keyword`",
        ),
        (
            HEAD + "[[functions]]\nnames = ['x.f']\nwhen = { keyword = 'a' }\n",
            "a condition needs exactly one of `given`, `equals` and `is`",
        ),
        (
            HEAD + "[[functions]]\nnames = ['x.f']\nwhen = { given = true }\n",
            "functions[0].when: a condition needs `position` or `keyword`",
        ),
        (HEAD + "[[functions]]\nnames = ['@f']\n", "names: '@f' is not a list in [names]"),
        (
            HEAD + KIND + "[[kinds.connection.settings]]\ndefault = 'limited'\n",
            "settings[0].name: is missing; use one of",
        ),
        (HEAD + '[kinds.a]\nlike = "b"\n', "kinds.a.like: 'b' is no kind that this file has before it"),
        (HEAD + '[kinds.a]\nlike = "a"\n', "kinds.a.like: 'a' is no kind that this file has before it"),
        (
            HEAD + KIND + 'attributes = { a = "b" }\n',
            "kinds.connection.attributes.a: 'b' is not a kind of this file; there is connection",
        ),
        (HEAD + KIND + 'since = "later"\n', "kinds.connection.since: 'later' is not a version"),
        (HEAD + "kinds = 3\n", "unknown key"),
        ("kinds = 3\n" + HEAD, "kinds: expected a table of kinds, got 3"),
        ('[driver]\nname = "x"\nnewest = "1.0"\n[exceptions]\na = 1\n', "exceptions.a: expected a string, got 1"),
    ],
)
def test_mistakes_are_named(text: str, message: str) -> None:
    with pytest.raises(ModelError) as caught:
        parse_driver(text, "m.toml")
    assert message in str(caught.value)
    assert "m.toml" in str(caught.value)


def test_a_kind_like_one_of_a_driver_that_is_not_required() -> None:
    driver = parse_driver(HEAD + '[kinds.a]\nlike = "psycopg.connection"\n', "m.toml")
    with pytest.raises(
        ModelError, match=r"'psycopg\.connection' is no kind of this driver, nor of those it `requires`"
    ):
        catalog.complete_kinds([driver], dict(driver.kinds))


def test_a_call_that_names_a_kind_of_a_driver_that_is_not_required() -> None:
    driver = parse_driver(HEAD + "[[functions]]\nnames = ['x.f']\nacquires = 'y.connection'\n", "m.toml")
    with pytest.raises(ModelError, match=r"x\.f: 'y\.connection' is no kind of the loaded drivers"):
        catalog.check_kinds([driver], dict(driver.kinds))


def test_no_such_driver() -> None:
    with pytest.raises(ModelError, match="no built-in driver model is called 'nope'"):
        load_driver("nope")


# --- what the schema means -------------------------------------------------------------------------------------------


def test_since_and_until() -> None:
    text = HEAD + KIND + "methods = [{ names = ['a'], since = '2.0' }, { names = ['b'], until = '2.0' }]\n"
    for version, method in (("1.9", "b"), ("2.0", "a")):
        assert list(parse_driver(text, "m", version).kinds["x.connection"].methods) == [method]
    assert parse_driver(text, "m").cut_overs == ("2.0",)


def test_variants_change_a_kind_for_some_versions() -> None:
    text = HEAD + KIND + "with = 'release'\n[[kinds.connection.variants]]\nuntil = '2.0'\nwith = 'none'\n"
    assert parse_driver(text, "m", "1.0").kinds["x.connection"].with_block is WithBlock.NONE
    assert parse_driver(text, "m", "2.0").kinds["x.connection"].with_block is WithBlock.RELEASE


def test_like_takes_methods_but_no_types_and_only_the_settings_that_are_named() -> None:
    text = (
        HEAD
        + KIND
        + "types = ['x.C']\nautocommit = false\n"
        + "methods = [{ names = ['close'], releases = 'self' }, { names = ['f'] }]\n"
        + "settings = [{ name = 'recycle' }, { name = 'overflow' }]\n"
        + "[kinds.pooled]\nlike = 'connection'\nfamily = 'checkout'\nsettings_like_base = ['recycle']\n"
        + "methods = [{ names = ['close'] }]\n"
    )
    kind = parse_driver(text, "m").kinds["x.pooled"]
    assert (kind.family, kind.types, kind.autocommit) == ("checkout", (), False)
    assert [setting.name for setting in kind.settings] == ["recycle"]
    assert set(kind.methods) == {"close", "f"}
    assert kind.methods["close"][0].releases is None


def test_what_a_method_hands_out_belongs_to_its_receiver() -> None:
    text = HEAD + KIND + "methods = [{ names = ['a'], gives = 'connection' }, { names = ['b'], gives = 'self' }]\n"
    methods = parse_driver(text, "m").kinds["x.connection"].methods
    assert methods["a"][0].parent == "self"
    assert methods["b"][0].parent is None


def test_name_lists_are_spliced_in() -> None:
    text = HEAD + "[names]\nall = ['b', 'c']\n" + KIND + "methods = [{ names = ['a', '@all', 'd'] }]\n"
    assert list(parse_driver(text, "m").kinds["x.connection"].methods) == ["a", "b", "c", "d"]


def test_ddl() -> None:
    for word, event in (("write", Event.WRITE), ("commit", Event.COMMIT), ("nothing", None)):
        kind = parse_driver(HEAD + KIND + f"ddl = '{word}'\n", "m").kinds["x.connection"]
        assert kind.definition_event is event


def test_a_kind_can_be_without_units_of_work() -> None:
    text = (
        HEAD
        + KIND
        + "autocommit = false\n[kinds.a]\nlike = 'connection'\n[kinds.b]\nlike = 'connection'\nautocommit = 'none'\n"
    )
    kinds = parse_driver(text, "m").kinds
    assert (kinds["x.a"].autocommit, kinds["x.b"].autocommit) == (False, None)


def test_close_is_a_coroutine() -> None:
    text = HEAD + KIND + "methods = [{ names = ['close'], releases = 'self', coroutine = true }]\n"
    assert parse_driver(text, "m").kinds["x.connection"].close_is_coroutine
