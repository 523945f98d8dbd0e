"""What may stand where in a model file, as data: types of values, keys, and the shapes of tables made of them.

One description serves three readers: `check` refuses what does not fit, `read` turns what fits into the values that
models hold, `schema` tells editors (JSON Schema), `said` and the texts of keys tell people. `lintdb.drivers.grammar` is
written in these terms.
"""

from __future__ import annotations

import difflib
import enum
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from packaging.version import InvalidVersion, Version

from lintdb.effects import Argument


class ShapeError(Exception):
    """Something in a model file is not as it must be; `keys` lead to it from the outermost table."""

    def __init__(self, message: str, *keys: str | int) -> None:
        super().__init__(message)
        self.message = message
        self.keys = keys

    def inside(self, key: str | int) -> ShapeError:
        """Return the same fault as the table around it sees it."""
        return ShapeError(self.message, key, *self.keys)

    @property
    def place(self) -> str:
        """The way to the fault as people write it: `kinds.connection.methods[0].sql`."""
        return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in self.keys).lstrip(".")


def hint(word: str, allowed: Iterable[str]) -> str:
    """Return ` (did you mean 'x'?)` where one of the words is close, else nothing."""
    close = difflib.get_close_matches(word, list(allowed), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


class Type:
    """A type of values. This one takes everything."""

    said = "any value"

    def check(self, value: object) -> None:
        """Raise `ShapeError` if the value does not fit."""

    def read(self, value: Any) -> Any:
        """Return what models hold for a value that fits."""
        return value

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of what fits."""
        return {}

    def expect(self, holds: bool, value: object) -> None:
        """Raise `ShapeError` with what was expected and what was found, unless it *holds*."""
        if not holds:
            raise ShapeError(f"expected {self.said}, got {value!r}")


def _check_at(key: str | int, expected: Type, value: object) -> None:
    try:
        expected.check(value)
    except ShapeError as error:
        raise error.inside(key) from None


class Literal(Type):
    """A value to compare with; TOML has no None, so the text "none" stands for it."""

    said = 'a literal ("none" stands for None)'

    def check(self, value: object) -> None:
        self.expect(isinstance(value, (str, int, float, bool)), value)

    def read(self, value: Any) -> Any:
        return None if value == "none" else value

    def schema(self) -> dict[str, Any]:
        return {"type": ["string", "number", "boolean"]}


class Text(Type):
    """A string; with *must_say*, one that is not empty."""

    said = "a string"

    def __init__(self, must_say: bool = False) -> None:
        self._must_say = must_say

    def check(self, value: object) -> None:
        self.expect(isinstance(value, str), value)
        if self._must_say and not value:
            raise ShapeError("is empty")

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "minLength": 1} if self._must_say else {"type": "string"}


class VersionText(Text):
    """The version of a library."""

    said = 'a version, such as "2.9"'

    def check(self, value: object) -> None:
        super().check(value)
        try:
            Version(str(value))
        except InvalidVersion:
            raise ShapeError(f"{value!r} is not a version") from None


class Flag(Type):
    """A truth value."""

    said = "true or false"

    def check(self, value: object) -> None:
        self.expect(isinstance(value, bool), value)

    def schema(self) -> dict[str, Any]:
        return {"type": "boolean"}


class FlagOrNone(Type):
    """A truth value, or "none" for "no such thing"."""

    said = 'true, false or "none"'

    def check(self, value: object) -> None:
        self.expect(isinstance(value, bool) or value == "none", value)

    def read(self, value: Any) -> Any:
        return None if value == "none" else value

    def schema(self) -> dict[str, Any]:
        return {"enum": [True, False, "none"]}


class Number(Type):
    """A number."""

    said = "a number"

    def check(self, value: object) -> None:
        self.expect(isinstance(value, (int, float)) and not isinstance(value, bool), value)

    def schema(self) -> dict[str, Any]:
        return {"type": "number"}


def _is_place(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


class Whole(Type):
    """A whole number that is not negative."""

    said = "a whole number, from 0"

    def check(self, value: object) -> None:
        self.expect(_is_place(value), value)

    def schema(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": 0}


class Choice(Type):
    """One of some words, each with what it means; *convert* makes what models hold of a word."""

    def __init__(self, words: Mapping[str, str], convert: Callable[[str], Any] = str) -> None:
        self.words = words
        self._convert = convert
        self.said = f"one of {', '.join(words)}"

    def check(self, value: object) -> None:
        if not isinstance(value, str) or value not in self.words:
            close = hint(value, self.words) if isinstance(value, str) else ""
            raise ShapeError(f"{value!r} is not allowed; use {self.said}{close}")

    def read(self, value: Any) -> Any:
        return self._convert(value)

    def schema(self) -> dict[str, Any]:
        if not any(self.words.values()):
            return {"enum": list(self.words)}
        return {"oneOf": [{"const": word, "description": text} for word, text in self.words.items()]}


class List(Type):
    """A list of values of one type; with *or_one*, one such value stands for a list of it."""

    def __init__(self, item: Type, said: str, or_one: bool = False) -> None:
        self.item = item
        self.said = said
        self._or_one = or_one

    def check(self, value: object) -> None:
        if self._or_one and not isinstance(value, list):
            self.item.check(value)
            return
        self.expect(isinstance(value, list), value)
        for number, item in enumerate(value if isinstance(value, list) else ()):
            _check_at(number, self.item, item)

    def read(self, value: Any) -> Any:
        return tuple(self.item.read(item) for item in (value if isinstance(value, list) else [value]))

    def schema(self) -> dict[str, Any]:
        items = {"type": "array", "items": self.item.schema()}
        return {"anyOf": [self.item.schema(), items]} if self._or_one else items


class TextList(List):
    """A list of strings; one string stands for a list of it."""

    def __init__(self) -> None:
        super().__init__(Text(), "a list of strings", or_one=True)

    def check(self, value: object) -> None:
        items = value if isinstance(value, list) else [value]
        self.expect(all(isinstance(item, str) for item in items), value)


class Map(Type):
    """A table with keys of the author's choice."""

    def __init__(self, item: Type, said: str) -> None:
        self.item = item
        self.said = said

    def check(self, value: object) -> None:
        self.expect(isinstance(value, dict), value)
        for key, item in value.items() if isinstance(value, dict) else ():
            _check_at(key, self.item, item)

    def read(self, value: Any) -> Any:
        return MappingProxyType({key: self.item.read(item) for key, item in value.items()})

    def schema(self) -> dict[str, Any]:
        return {"type": "object", "additionalProperties": self.item.schema()}


@dataclass(frozen=True)
class Key:
    """One key of a table: its type, what it means, and the attribute of the model that it fills (none:
    the reader knows).

    `default` says what holds without it, where that is not simply "nothing".
    """

    name: str
    type: Type
    text: str
    attribute: str = ""
    default: str = ""
    is_required: bool = False


_MOST_NEAR, _MOST_LISTED = 3, 12
_LIKE = 0.8


class Shape(Type):
    """A table with these keys and no others.

    `any_of` are keys of which one must be there at least, `one_of` keys of which exactly one must be there.
    """

    said = "a table"

    def __init__(
        self,
        name: str,
        text: str,
        keys: Sequence[Key],
        *,
        any_of: tuple[str, ...] = (),
        one_of: tuple[str, ...] = (),
    ) -> None:
        self.name = name
        self.text = text
        self.keys = {key.name: key for key in keys}
        self.any_of = any_of
        self.one_of = one_of

    def _cure(self, word: str) -> str:
        """Return the nearest keys, and all keys or where they are listed, by their number."""
        alike = difflib.get_close_matches(word, self.keys, n=1, cutoff=_LIKE)
        close = alike or difflib.get_close_matches(word, self.keys, n=_MOST_NEAR)
        meant = f" (did you mean {' or '.join(map(repr, close))}?)" if close else ""
        if len(self.keys) > _MOST_LISTED:
            return f"{meant}; DRIVERS.md has all {len(self.keys)} keys of {self.name}"
        return f"{meant}; known here: {', '.join(sorted(self.keys))}"

    def check(self, value: object) -> None:
        self.expect(isinstance(value, dict), value)
        table: Mapping[str, object] = value if isinstance(value, dict) else {}
        for name, item in table.items():
            key = self.keys.get(name)
            if key is None:
                raise ShapeError(f"unknown key{self._cure(name)}", name)
            _check_at(name, key.type, item)
        for key in self.keys.values():
            if key.is_required and table.get(key.name) in (None, "", []):
                cure = f"; use {key.type.said}" if isinstance(key.type, Choice) else ""
                raise ShapeError(f"is missing{cure}", key.name)
        if self.any_of and not any(name in table for name in self.any_of):
            raise ShapeError(f"{self.name} needs {_listed(self.any_of, 'or')}")
        if self.one_of and [name in table for name in self.one_of].count(True) != 1:
            raise ShapeError(f"{self.name} needs exactly one of {_listed(self.one_of, 'and')}")

    def read_into(self, table: Mapping[str, Any]) -> dict[str, Any]:
        """Return attribute → value for the keys that are given and that fill one."""
        found = ((self.keys[name], value) for name, value in table.items())
        return {key.attribute: key.type.read(value) for key, value in found if key.attribute}

    @property
    def anchor(self) -> str:
        """The name of its definition in the JSON Schema."""
        return self.name.partition(" ")[2].replace(" ", "-")

    def schema(self) -> dict[str, Any]:
        return {"$ref": f"#/definitions/{self.anchor}"}

    def definition(self) -> dict[str, Any]:
        """Return the JSON Schema that `schema` refers to."""
        properties = {key.name: {"description": key.text, **key.type.schema()} for key in self.keys.values()}
        found: dict[str, Any] = {
            "description": self.text,
            "type": "object",
            "properties": properties,
            "additionalProperties": False,
        }
        if required := [key.name for key in self.keys.values() if key.is_required]:
            found["required"] = required
        if self.any_of:
            found["anyOf"] = [{"required": [name]} for name in self.any_of]
        if self.one_of:
            found["oneOf"] = [{"required": [name]} for name in self.one_of]
        return found


def _listed(names: Sequence[str], last: str) -> str:
    quoted = [f"`{name}`" for name in names]
    return f"{', '.join(quoted[:-1])} {last} {quoted[-1]}"


ARGUMENT_TABLE = Shape(
    "an argument",
    "One argument of a call, by place, by name, or both.",
    (
        Key("position", Whole(), "its place among the positional arguments, from 0; the receiver does not count"),
        Key("keyword", Text(), "the name under which it is passed"),
    ),
    any_of=("position", "keyword"),
)


class ArgumentType(Type):
    """One argument of a call: a position, a keyword, or a table with both; *or_self*: "self" is the receiver."""

    said = "a position, a keyword, or {position = …, keyword = …}"

    def __init__(self, or_self: bool = False) -> None:
        self._or_self = or_self
        if or_self:
            self.said = f'"self", {self.said}'

    def check(self, value: object) -> None:
        if isinstance(value, dict):
            ARGUMENT_TABLE.check(value)
        else:
            self.expect(isinstance(value, str) or _is_place(value), value)
            if isinstance(value, str) and value.isdecimal():
                raise ShapeError(f'"{value}" is a keyword, which none is called: write the position without quotes')

    def read(self, value: Any) -> Any:
        if self._or_self and value == "self":
            return "self"
        if isinstance(value, dict):
            return Argument(value.get("position"), value.get("keyword"))
        return Argument(keyword=value) if isinstance(value, str) else Argument(position=value)

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string"}, ARGUMENT_TABLE.schema()]}


def words_of(kind: type[enum.Enum], texts: Mapping[str, str]) -> Choice:
    """Return the choice among the values of an enumeration, each with what it means."""
    assert set(texts) == {each.value for each in kind}, kind
    return Choice(texts, kind)
