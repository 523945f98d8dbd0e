"""Placeholders in the text of a query: which style, and how many; and the values that a call is given for them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import libcst as cst

from lintdb.syntax.mappings import changes_in, display
from lintdb.syntax.walk import walk

if TYPE_CHECKING:
    from lintdb.effects import CallModel
    from lintdb.flow.knowledge import Knowledge
    from lintdb.flow.results import QueryText
    from lintdb.syntax.literals import Evaluator

_NOT_CODE = re.compile(r"--[^\n]*|/\*.*?\*/|\$(\w*)\$.*?\$\1\$", re.DOTALL)
_LITERAL = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`[^`]*`")
_NAMED = re.compile(r"(?<![:\w\]]):([A-Za-z_]\w*)")
_FORMAT = re.compile(r"%(?:\((?P<name>[^)]*)\))?(?P<type>[sbtdif%])")


@dataclass(frozen=True)
class Placeholders:
    """What a text has: `count` values in order, or values by `names`. None: that cannot be told."""

    count: int
    names: frozenset[str]


def placeholders_of(text: str, style: str, *, in_literals: bool = True) -> Placeholders | None:
    """Return the placeholders of a text in a driver's style; None where another way of marking is mixed in."""
    if style == "pyformat":
        # The library replaces them in literals and comments, too.
        found = [m for m in _FORMAT.finditer(text if in_literals else _code(text)) if m["type"] != "%"]
        if not in_literals:
            # What is sent as it is may calculate: `a %b` is a modulo.
            found = [match for match in found if match["type"] == "s"]
        names = frozenset(match["name"] for match in found if match["name"])
        count = sum(not match["name"] for match in found)
        return None if names and count else Placeholders(count, names)
    code = _code(text)
    if style == "qmark":
        names = frozenset(_NAMED.findall(code))
        is_mixed = re.search(r"\?\d|@\w|\$\w", code) or (names and "?" in code)
        return None if is_mixed else Placeholders(code.count("?"), names)
    numbers = [int(number) for number in re.findall(r"\$(\d+)", code)]
    return Placeholders(max(numbers, default=0), frozenset())


def single_percent(text: str) -> str | None:
    """Return what stands around a `%` that is neither doubled nor a placeholder; None if there is none."""
    match = re.search(r"[^\s%]*(?<!%)(?:%%)*%(?![%(sbtdif])[^\s%]*", text)
    return match.group() if match is not None else None


def has_other_style(text: str, style: str, names: frozenset[str] = frozenset()) -> str | None:
    """Return a placeholder of another library's that a text has instead of this one's; *names* are those of values."""
    code = _code(text)
    if style == "pyformat" and "%" not in text:
        named = next((name for name in _NAMED.findall(code) if name in names), None)
        if named is not None:
            return f":{named}"
    if style in ("qmark", "numeric_dollar"):
        match = re.search(r"%s\b|%\(\w+\)s", code)
        own = "?" in code if style == "qmark" else "$" in code
        return match.group() if match is not None and not own else None
    match = re.search(r"[=,(]\s*(\?)\s*(?:[,)]|$|\s)", code)
    return "?" if match is not None and "%" not in text else None


def _code(text: str) -> str:
    return _LITERAL.sub("''", _NOT_CODE.sub(" ", text))


@dataclass(frozen=True)
class Values:
    """What goes with a text: so many values, or values by names. `is_text`: each character of a text is one."""

    given: int | frozenset[str]
    is_text: bool = False


def style_of(query: QueryText, knowledge: Knowledge) -> str:
    """Return how the values of a call are marked in its text: as PEP 249 calls it, with `*` if they are spread."""
    call = query.call
    kind = knowledge.kind(call.receiver) if call.receiver is not None else None
    if call.model.paramstyle or kind is None or call.method not in kind.repeats:
        return call.model.paramstyle
    # What runs a text for many rows marks them as what runs it for one.
    return next((each.paramstyle for each in kind.methods.get("execute", ()) if each.paramstyle), "")


def values_of(query: QueryText, style: str, evaluator: Evaluator, *, is_many: bool) -> Iterator[Values]:
    """Yield what a call is given for the placeholders, as far as it can be seen; *is_many*: for each row."""
    arguments = query.call.node.args
    position = _position(query.call.model)
    called = query.call.node.func
    name = called.attr if isinstance(called, cst.Attribute) else called
    if not isinstance(name, cst.Name) or name.value not in query.call.model.names:
        return  # `to_thread(conn.execute, text)`: the arguments are another's
    if any(a.star or a.keyword is not None for a in arguments) or len(arguments) <= position:
        return
    rest = [argument.value for argument in arguments[position + 1 :]]
    is_spread = style.startswith("*")
    if is_many:
        for row in _rows(evaluator.resolved(rest[0])) if rest else ():
            yield from _values_in(row, style, evaluator)
    elif not rest:
        yield Values(0)
    elif style == "*numeric_dollar":
        yield Values(len(rest))
    elif len(rest) > 1:
        if is_spread and not isinstance(rest[0], (cst.Tuple, cst.List)):
            yield Values(len(rest))
    elif is_spread and not isinstance(rest[0], (cst.Tuple, cst.List)):
        if not _may_be_list(rest[0]):
            yield Values(1)
    else:
        yield from _values_in(rest[0], style, evaluator)


def _rows(node: cst.BaseExpression) -> Iterator[cst.BaseExpression]:
    """Yield the rows that can be seen of those that a text is run for."""
    if isinstance(node, (cst.Tuple, cst.List)):
        yield from (element.value for element in node.elements if isinstance(element, cst.Element))
    elif isinstance(node, (cst.ListComp, cst.GeneratorExp)):
        yield node.elt


def _values_in(node: cst.BaseExpression, style: str, evaluator: Evaluator) -> Iterator[Values]:
    """Yield what an expression holds for one run of a text; nothing where that cannot be seen."""
    found = evaluator.resolved(node)
    if found is not node and not (isinstance(found, cst.Tuple) or _is_used_once(node, evaluator)):
        return
    if isinstance(found, cst.SimpleString) and style == "qmark":
        if isinstance(found.evaluated_value, str):
            yield Values(len(found.evaluated_value), is_text=True)
    elif isinstance(found, (cst.Tuple, cst.List)):
        if not any(isinstance(element, cst.StarredElement) for element in found.elements):
            yield Values(len(found.elements))
    elif isinstance(found, (cst.Dict, cst.Call)) and (display(found) is not None):
        items = evaluator.mapping(node)
        if items is not None:
            yield Values(frozenset(items))


def _is_used_once(node: cst.BaseExpression, evaluator: Evaluator) -> bool:
    """Whether a variable is used in one place alone, so that nobody else can put anything into what it holds."""
    if not isinstance(node, cst.Name):
        return False
    changes = changes_in(evaluator.scope).get(node.value, ())
    names = sum(isinstance(each, cst.Name) and each.value == node.value for each in walk(evaluator.scope.node))
    return None not in changes and names == len(changes) + 2


def _may_be_list(node: cst.BaseExpression) -> bool:
    """Whether an argument may hold all the values: pyodbc takes them either way."""
    return isinstance(
        node, (cst.Name, cst.Attribute, cst.Call, cst.Subscript, cst.Await, cst.BinaryOperation, cst.IfExp)
    )


def _position(model: CallModel) -> int:
    return model.sql.position if model.sql is not None and model.sql.position is not None else 0
