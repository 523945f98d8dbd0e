"""The grammar of driver models: what the checks, the JSON Schema and the reader make of it is the same."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from importlib import resources
from typing import Any

import jsonschema
import pytest

from lintdb.drivers import catalog
from lintdb.drivers.call_grammar import CALL, CONFIGURATION, SERVER, SETTING, SWITCH
from lintdb.drivers.grammar import INLINE_MODEL, KIND, MODEL, OWN_MODEL
from lintdb.drivers.shapes import List, Map, Shape, ShapeError, Type
from lintdb.effects import CallModel, Configuration, Kind, Server, Setting, Switch
from lintdb.toml import load_toml

FOLDER = resources.files("lintdb.drivers")
MODELS = [*catalog.driver_names(), catalog.STANDARD]


@cache
def validator() -> jsonschema.Draft7Validator:
    schema = json.loads((FOLDER / "schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft7Validator.check_schema(schema)
    return jsonschema.Draft7Validator(schema)


def iter_shapes(found: Type) -> Iterator[Shape]:
    if isinstance(found, Shape):
        yield found
        for key in found.keys.values():
            yield from iter_shapes(key.type)
    elif isinstance(found, List | Map):
        yield from iter_shapes(found.item)


@pytest.mark.parametrize("name", MODELS)
def test_every_model_fits_the_json_schema(name: str) -> None:
    data = load_toml((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
    assert [f"{error.json_path}: {error.message}" for error in validator().iter_errors(data)] == []


HEAD: dict[str, Any] = {"driver": {"name": "x", "newest": "1.0"}}


def with_kind(**keys: Any) -> dict[str, Any]:
    return {**HEAD, "kinds": {"c": {"family": "connection", **keys}}}


def with_function(**keys: Any) -> dict[str, Any]:
    return {**HEAD, "functions": [{"names": ["x.f"], **keys}]}


@pytest.mark.parametrize(
    ("data", "is_right"),
    [
        (HEAD, True),
        ({"driver": {"name": "x", "extends": "psycopg2"}}, True),
        ({}, False),
        ({"driver": {"newest": "1.0"}}, False),
        ({"driver": {"name": ""}}, False),
        ({"driver": {"name": "x", "titel": "X"}}, False),
        ({"driver": {"name": "x", "blocking": "yes"}}, False),
        ({**HEAD, "kind": {}}, False),
        (with_kind(duty="weak", with_gives="none", unshared=["tasks"]), True),
        (with_kind(duty="week"), False),
        (with_kind(autocommit="none"), True),
        (with_kind(autocommit="maybe"), False),
        (with_kind(unshared=["everybody"]), False),
        (with_kind(attributes={"a": 1}), False),
        (with_kind(state_flags={"closed": 0}), False),
        (with_kind(settings=[{"name": "max-size", "value": 5}]), True),
        (with_kind(settings=[{"value": 5}]), False),
        (with_kind(orders=[{"inner": {"name": "max-size"}}]), False),
        (with_kind(variants=[{"since": "2", "with": "none"}]), True),
        (with_kind(variants=[{"variants": []}]), False),
        (with_function(names="x.f"), True),
        (with_function(names=[1]), False),
        (with_function(sql=0), True),
        (with_function(sql="sql"), True),
        (with_function(sql={"position": 0, "keyword": "sql"}), True),
        (with_function(sql={}), False),
        (with_function(sql=-1), False),
        (with_function(sql=1.5), False),
        (with_function(sql=True), False),
        (with_function(when={"keyword": "a", "given": True}), True),
        (with_function(when=[{"keyword": "a", "equals": 1}]), True),
        (with_function(when={"keyword": "a"}), False),
        (with_function(when={"keyword": "a", "given": True, "equals": 1}), False),
        (with_function(when={"given": True}), False),
        (with_function(event="begin"), True),
        (with_function(event="start"), False),
    ],
)
def test_the_check_and_the_json_schema_agree(data: dict[str, Any], is_right: bool) -> None:
    assert validator().is_valid(data) is is_right
    if is_right:
        OWN_MODEL.check(data)
    else:
        with pytest.raises(ShapeError):
            OWN_MODEL.check(data)


@pytest.mark.parametrize(
    ("shape", "model", "filled_elsewhere"),
    [
        (CALL, CallModel, {"when", "settings", "dsn_parts", "driver"}),
        (
            KIND,
            Kind,
            {
                "id",
                "methods",
                "attributes",
                "settings",
                "close_is_coroutine",
                "gives_answers",
                "block_is_of_version",
                "driver",
            },
        ),
        (SETTING, Setting, {"is_of_version"}),
        (SWITCH, Switch, set()),
        (SERVER, Server, set()),
        (CONFIGURATION, Configuration, {"when", "settings", "driver"}),
    ],
    ids=["call", "kind", "setting", "switch", "server", "configuration"],
)
def test_every_attribute_of_a_model_has_its_key(shape: Shape, model: type, filled_elsewhere: set[str]) -> None:
    attributes = [key.attribute for key in shape.keys.values() if key.attribute]
    assert len(attributes) == len(set(attributes))
    assert set(attributes) | filled_elsewhere == {field.name for field in fields(model)}


@pytest.mark.parametrize("root", [MODEL, OWN_MODEL, INLINE_MODEL], ids=lambda shape: shape.anchor)
def test_texts_of_the_grammar(root: Shape) -> None:
    """They are put together into sentences: no capital letter, no final period."""
    for shape in iter_shapes(root):
        for key in shape.keys.values():
            assert key.text
            assert not key.text.endswith("."), key.name
            assert not key.text[0].isupper() or key.text.split(maxsplit=1)[0].isupper(), key.name
