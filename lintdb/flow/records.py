"""Classes whose constructor is written for them: it keeps what it is given, each under the name of a field."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import libcst as cst

from lintdb.flow.stdlib import FIELD_MAKERS, MODELS, NAMED_TUPLES, RECORDS
from lintdb.syntax.names import NEUTRAL_BASES, ClassInfo

SET_UPS = ("__post_init__", "__attrs_post_init__", "model_post_init")
"""What such a constructor calls when the fields have their values."""
CONSTRUCTORS = frozenset({"__init__", *SET_UPS})
"""Methods that run when an object is made."""


class RecordField(NamedTuple):
    """A field of a record: its name, and the keyword that a caller gives it by.

    *is_kept*: as it is given, not converted.
    """

    name: str
    keyword: str
    is_positional: bool
    is_kept: bool


def is_decorated(owner: ClassInfo) -> bool:
    """Whether a decorator has written the constructor, which keeps what it is given, and nothing else has a say."""
    decorated = [(each, decorator.decorator) for each in owner.lineage for decorator in each.node.decorators]
    names = {
        each.index.dotted(maker.func if isinstance(maker, cst.Call) else maker, each.index.body)
        for each, maker in decorated
    }
    return bool(names) and names <= RECORDS and not _is_made_otherwise(owner) and not owner.has_unknown_base


def is_named_tuple(owner: ClassInfo) -> bool:
    """Whether objects of a class are tuples, too."""
    return not NAMED_TUPLES.isdisjoint(owner.outside_bases)


def fields_of_record(owner: ClassInfo) -> tuple[RecordField, ...] | None:
    """Return the fields of a record in their order, those of its bases first; None for other classes."""
    outside = {base for each in owner.lineage for base in each.outside_bases} - NEUTRAL_BASES
    is_derived = bool(outside) and (outside <= NAMED_TUPLES or outside <= MODELS) and not _is_made_otherwise(owner)
    if not is_derived and not is_decorated(owner):
        return None
    found: dict[str, RecordField] = {}
    for each in reversed(owner.lineage):
        if is_derived or each.node.decorators:
            found.update((field.name, field) for field in _own_fields(each))
    return tuple(found.values())


def _is_made_otherwise(owner: ClassInfo) -> bool:
    return any(method in each.methods for each in owner.lineage for method in ("__new__", "__init__"))


def _own_fields(owner: ClassInfo) -> Iterator[RecordField]:
    index = owner.index
    makers = {name: _maker(value, owner) for name, (value, _) in owner.body_values.items()}
    are_made = any(makers[name] and annotation is None for name, (_, annotation) in owner.body_values.items())
    is_positional = True
    for name, (_, annotation) in owner.body_values.items():
        maker = makers[name]
        said = annotation.annotation if annotation is not None else None
        word = index.dotted(said.value if isinstance(said, cst.Subscript) else said, index.body) if said else None
        last = (word or "").rpartition(".")[2]
        if last == "KW_ONLY":
            is_positional = False
        if (maker is None if are_made else said is None) or last in ("KW_ONLY", "ClassVar"):
            continue
        options = {each.keyword.value: each.value for each in maker.args if each.keyword} if maker is not None else {}
        if _is_word(options.get("init"), "False"):
            continue
        alias = options.get("alias")
        is_text = isinstance(alias, cst.SimpleString) and isinstance(alias.evaluated_value, str)
        keyword = str(alias.evaluated_value) if is_text and isinstance(alias, cst.SimpleString) else name
        is_kept = last != "InitVar" and "converter" not in options
        yield RecordField(name, keyword, is_positional and not _is_word(options.get("kw_only"), "True"), is_kept)


def _maker(value: cst.BaseExpression | None, owner: ClassInfo) -> cst.Call | None:
    """Return the call that says what a field is like: `attr.ib(default=None)`."""
    if not isinstance(value, cst.Call):
        return None
    return value if owner.index.dotted(value.func, owner.index.body) in FIELD_MAKERS else None


def _is_word(value: cst.BaseExpression | None, word: str) -> bool:
    return isinstance(value, cst.Name) and value.value == word
