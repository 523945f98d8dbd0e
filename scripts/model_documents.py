"""What is written from the grammar of driver models: the JSON Schema for editors and the tables in DRIVERS.md."""

from __future__ import annotations

import json
from collections.abc import Iterator

from lintdb.drivers.call_grammar import CALL, CONDITION, CONFIGURATION, DSN_PARTS, ORDER, SERVER, SETTING, SIGN, SWITCH
from lintdb.drivers.grammar import INLINE_MODEL, KIND, OWN_HEAD, OWN_MODEL
from lintdb.drivers.shapes import ARGUMENT_TABLE, ArgumentType, Choice, Key, List, Map, Shape, Type

SCHEMA_ADDRESS = "https://raw.githubusercontent.com/lintdb/lintdb/main/lintdb/drivers/schema.json"

# The tables of the page, in the order in which a reader meets them, with their headings.
_SECTIONS = {
    "A model file": OWN_MODEL,
    "`[driver]`": OWN_HEAD,
    "`[[functions]]`, and `methods` of kinds": CALL,
    "`dsn_parts`": DSN_PARTS,
    "`[kinds.NAME]`": KIND,
    "`settings`": SETTING,
    "`when`, `autocommit_when`": CONDITION,
    "`orders`": ORDER,
    "`[[switches]]`": SWITCH,
    "`[[servers]]`": SERVER,
    "`[[signs]]`": SIGN,
    "`[[configurations]]`": CONFIGURATION,
}


def render_schema() -> str:
    """Return `lintdb/drivers/schema.json`."""
    shapes = {shape.name: shape for root in (OWN_MODEL, INLINE_MODEL) for shape in _iter_shapes(root)}
    schema = {
        # Editors for TOML know this draft; later ones not all do.
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": SCHEMA_ADDRESS,
        "title": "A driver model of lintdb",
        "$comment": "Written by scripts/generate.py from lintdb/drivers/grammar.py: change it there.",
        "allOf": [OWN_MODEL.schema()],
        "definitions": {shape.anchor: shape.definition() for _, shape in sorted(shapes.items())},
    }
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def _iter_shapes(found: Type) -> Iterator[Shape]:
    if isinstance(found, Shape):
        yield found
        for key in found.keys.values():
            yield from _iter_shapes(key.type)
    elif isinstance(found, List | Map):
        yield from _iter_shapes(found.item)
    elif isinstance(found, ArgumentType):
        yield ARGUMENT_TABLE


def render_reference() -> str:
    """Return the reference of the schema for DRIVERS.md: one table of keys for each table of a model file."""
    argument = "a position (from 0, the receiver not counted), a keyword, or a table with `position` and `keyword`"
    parts = [f"In the tables below, *argument* is {argument}."]
    for heading, shape in _SECTIONS.items():
        parts += [f"### {heading}", shape.text, _render_keys(shape)]
    return "\n\n".join(parts)


def _render_keys(shape: Shape) -> str:
    rows = ["| key | value | meaning |", "|---|---|---|"]
    choices: dict[Choice, list[str]] = {}
    for key in shape.keys.values():
        rows.append(f"| `{key.name}` | {_value(key)} | {_meaning(key)} |")
        choice = _choice_of(key.type)
        if choice is not None and any(choice.words.values()):
            choices.setdefault(choice, []).append(f"`{key.name}`")
    lists = []
    for choice, names in choices.items():
        entries = "; ".join(f'`"{word}"` {text}' for word, text in choice.words.items())
        lists.append(f"- {', '.join(names)}: {entries}.")
    return "\n".join([*rows, "", *lists]).strip()


def _choice_of(found: Type) -> Choice | None:
    if isinstance(found, List | Map):
        return _choice_of(found.item)
    return found if isinstance(found, Choice) else None


def _value(key: Key) -> str:
    if isinstance(key.type, ArgumentType):
        return '*argument* or `"self"`' if '"self"' in key.type.said else "*argument*"
    if isinstance(key.type, Choice):
        return "a word of those below"
    if _choice_of(key.type) is not None:
        return f"{key.type.said}, words of those below"
    return key.type.said.replace("|", "\\|")


def _meaning(key: Key) -> str:
    more = ["needed"] if key.is_required else [f"without it: {key.default}"] if key.default else []
    return "; ".join([key.text, *more]).replace("|", "\\|").replace("\n", " ")
