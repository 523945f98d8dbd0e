"""Placeholders in the text of a query: which style, and how many; and the values that a call is given for them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import libcst as cst

    from lintdb.flow.knowledge import Knowledge
    from lintdb.flow.results import FunctionFlow, QueryText
    from lintdb.rules.base import FileContext

_NOT_CODE = r"(?P<skipped>--[^\n]*|/\*.*?\*/|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)"
_LITERAL = r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`[^`]*`"
_BRACKETED = r"(?<![\w\])])\[[^\]]*\]"
"""A name in brackets. What stands behind a name is an item of an array."""
_NO_CODE = re.compile(f"{_NOT_CODE}|{_LITERAL}", re.DOTALL)
_NO_CODE_NOR_NAMES = re.compile(f"{_NOT_CODE}|{_LITERAL}|{_BRACKETED}", re.DOTALL)
_ARRAY = re.compile(r"\barray\s*\[|\[\s*\[", re.IGNORECASE)
_WITH_BRACKETS = frozenset({"qmark", "pyformat_plain"})
"""Styles of libraries for SQLite and SQL Server, which put names in brackets, too."""
_NAMED = re.compile(r"(?<![:\w\]]):([A-Za-z_]\w*)")
_NAMED_IN_TEXT = re.compile(r"(?<![:\w$\\]):(\w+)(?![:\w$])")
"""What text() takes for a parameter, in literals and comments, too."""
_BEFORE_COLON = re.compile(r"(?<![:\w$\\]):(\w+)(?=::)")
_TYPES = {
    "pyformat": "sb",
    "pyformat_sequence": "sb",
    "pyformat_any": "sb",
    "pyformat_bound": "sbt",
    "pyformat_exact": "s",
    "pyformat_names": "sdifFeEgGoxXcra",
    "pyformat_plain": "sd",
    "pyformat_set": "sb",
    "format_set": "s",
}
"""What may follow a `%` that stands for a value: `b` is one of mysqlclient's."""
_ITSELF = frozenset({"pyformat_exact", "pyformat_plain"})
"""Where libraries look for their own placeholders alone: any other `%` is itself, and `%%` is two of them."""
_OTHERS_IF_SET = {
    "pyformat_set": re.compile(r"\?|(?<![:\w\]]):\w"),
    "format_set": re.compile(r"\?|\$\d|%\(|(?<![:\w\]]):\w"),
}
"""Styles instead of which another one can be set, out of sight: what a text has then, that is for another one."""
_NAMES_IN_ORDER = frozenset({"qmark"})
"""Where a sequence has values for names, too: one for each."""
NO_MORE_NAMES = frozenset({"qmark_exact", "named", "named_sequence"})
"""Libraries that refuse a name for which the text has no placeholder."""
_ORACLE = frozenset({"named", "named_sequence"})
_FORMATS = {
    style: re.compile(rf"%(?:\((?P<name>[^)]*)\))?(?P<type>[{types}{'' if style in _ITSELF else '%'}])")
    for style, types in _TYPES.items()
}
_MARKS = {
    "qmark": r"\?",
    "qmark_exact": r"[?$]",
    "numeric_dollar": r"\$",
    "keywords": ":",
    "named": ":",
    "named_sequence": ":",
}
"""What a text has that is marked in a style without `%`."""
_UNSEARCHED = frozenset({
    "CREATE", "ALTER", "DROP", "GRANT", "REVOKE", "ANALYZE", "AUDIT", "COMMENT", "TRUNCATE",
})  # fmt: skip
_QUESTION_MARK = re.compile(r"[=,(]\s*\?\s*(?:[,)]|$|\s)")
"""One that stands for a value; others are operators."""
_PERCENT = re.compile(r"%(?:\((?P<name>[^)]*)\))?(?P<type>.?)", re.DOTALL)
_NUMBERS = frozenset("bdfit")
"""What is written for a placeholder by those who think of the language's own formats, or of another library."""
_SKIPPED_OR_LITERAL = re.compile(
    r"--[^\n]*|/\*.*?\*/|\$(\w*)\$.*?\$\1\$|(?P<literal>'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\")", re.DOTALL
)


@dataclass(frozen=True)
class Quoted:
    """A placeholder within a literal: the literal, and which value it stands for, by its place or its name."""

    literal: str
    value: int | str

    @property
    def is_alone(self) -> bool:
        """Whether nothing else stands in the literal."""
        return _PERCENT.fullmatch(self.literal[1:-1]) is not None


@dataclass(frozen=True)
class Placeholders:
    """What a text has: `count` values in order, or values by `names`; a sequence must have `in_order` values for them.

    `in_order` None: the names take no sequence.
    """

    count: int
    names: frozenset[str]
    in_order: int | None


def placeholders_of(text: str, style: str, *, in_literals: bool = True) -> Placeholders | None:
    """Return the placeholders of a text in a driver's style; None where that cannot be told: one style in another."""
    if style == "named_text":
        return Placeholders(0, frozenset(_NAMED_IN_TEXT.findall(text)), None)
    code = _code(text, style)
    if re.match(r"\s*PREPARE\b", code, re.IGNORECASE):
        return None  # its values come with EXECUTE
    if style in _FORMATS:
        return _of_formats(text, code, style, in_literals=in_literals)
    if style in _ORACLE:
        return _of_oracle(code)
    if style in ("any", "prepared"):
        return _of_several_marks(text, code, style)
    if style == "keywords":
        names = frozenset(_NAMED.findall(re.sub(r"\[[^\]]*\]", "[]", code)))  # a slice stands in brackets
        if "\\" in text or re.search(r"\?|\$\d", code):
            return None  # `E'…\'…'`
        return Placeholders(0, names, None)
    if style == "qmark_exact":
        return _of_dollars(code)
    if style == "qmark":
        names = frozenset(_NAMED.findall(code))
        # A sequence has a value for the names of each of several statements.
        is_mixed = re.search(r"\?\d|@\w|\$\w", code) or (names and re.search(r"\?|;\s*\S", code))
        return None if is_mixed else Placeholders(code.count("?"), names, code.count("?") + len(names))
    count = max((int(number) for number in re.findall(r"\$(\d+)", code)), default=0)
    return Placeholders(count, frozenset(), count)


def _of_formats(text: str, code: str, style: str, *, in_literals: bool) -> Placeholders | None:
    if style in _OTHERS_IF_SET and _OTHERS_IF_SET[style].search(code):
        return None
    if style == "pyformat_names" and re.search(r"\{\s*\w+\s*:", code):
        return None  # what the server puts in: `{name:Type}`
    if style == "format_set" and "\\" in text:
        return None  # `E'…\'…'`
    pattern = _FORMATS[style]
    # Most libraries replace them in literals and comments, too.
    found = [m for m in pattern.finditer(text if in_literals and style != "format_set" else code) if m["type"] != "%"]
    if style == "pyformat_any" and in_literals and len(found) != sum(m["type"] != "%" for m in pattern.finditer(code)):
        return None  # some of them leave literals alone
    if not in_literals:
        # What is sent as it is may calculate: `a %b` is a modulo.
        found = [match for match in found if match["type"] == "s"]
    names = frozenset(match["name"] for match in found if match["name"])
    count = sum(not match["name"] for match in found)
    return None if names and count else Placeholders(count, names, None if names else count)


def _of_several_marks(text: str, code: str, style: str) -> Placeholders | None:
    """What libraries find that take other libraries' placeholders as well, and leave literals and comments alone."""
    code = re.sub(r"#[^\n]*", "", code)
    names = frozenset(re.findall(r"%\((\w+)\)s", code))
    count = len(re.findall(r"\?|%s" if style == "prepared" else r"\?|%[sd]", code))
    is_known = "\\" not in text and "#" not in text and not (names and count)
    # Values for which there is no placeholder at all are not looked at.
    return Placeholders(count, names, None if names else count) if is_known and (names or count) else None


def _of_dollars(code: str) -> Placeholders | None:
    names = frozenset(re.findall(r"\$([A-Za-z_]\w*)", code))
    numbers = frozenset(re.findall(r"\$(\d+)", code))
    if re.search(r"\?\d", code) or bool(names) + bool(numbers) + ("?" in code) > 1:
        return None
    if numbers:
        is_row = numbers == {str(number) for number in range(1, len(numbers) + 1)}
        return Placeholders(0, numbers, len(numbers)) if is_row else None
    return Placeholders(code.count("?"), names, None if names else code.count("?"))


def _of_oracle(code: str) -> Placeholders | None:
    """What Oracle's libraries find: a statement has a place for each name, wherever it stands, a block has only one."""
    word = re.match(r"[\s(]*(\w+)", code)
    keyword = word[1].upper() if word is not None else ""
    # Definitions are not searched, and behind a text a colon is part of JSON; what `q'…'` holds is a text.
    if keyword in _UNSEARCHED or re.search(r"''\s*:|:\s*''|\b[nN]?[qQ]''", code):
        return None
    names = [name.upper() for name in re.findall(r":\s*([^\W\d_][\w$#]*|\d+)", code)]
    is_block = keyword in ("DECLARE", "BEGIN", "CALL")
    return Placeholders(0, frozenset(names), len(set(names)) if is_block else len(names))


def wrong_percent(text: str, style: str) -> tuple[str, bool] | None:
    """Return what stands around the first `%` that the library refuses; and whether it is meant as a placeholder.

    None if there is none.
    """
    if style not in _TYPES or style in _ITSELF or placeholders_of(text, style) is None:
        return None
    if style in _OTHERS_IF_SET and "%s" not in _code(text) and "%(" not in _code(text):
        return None
    for match in _PERCENT.finditer(_code(text) if style == "format_set" else text):
        name, kind = match["name"], match["type"]
        if kind in _TYPES[style] + "%" and kind and not (kind == "%" and name is not None):
            continue
        if name is not None:
            return f"%({name}){kind if kind in _NUMBERS else ''}", True
        if kind in _NUMBERS and kind and not re.match(r"\w", text[match.end() :]):
            return match.group(), True
        before, after = re.split(r"\s", text[: match.start()])[-1], re.split(r"[\s%]", text[match.start() + 1 :])[0]
        return f"{before}%{after}", False
    return None


def cast_names(text: str, names: frozenset[str]) -> list[str]:
    """Return which of some names stand right before `::` in a text, where text() takes them for no parameters."""
    return [name for name in _BEFORE_COLON.findall(text) if name in names]


def quoted_placeholders(text: str, style: str) -> Iterator[Quoted]:
    """Yield the placeholders of a text that stand within quotes."""
    if style not in _FORMATS or style in _OTHERS_IF_SET or "\\" in text:
        return  # with a backslash it is the server's settings that say where a literal ends
    literals = [match for match in _SKIPPED_OR_LITERAL.finditer(text) if match["literal"]]
    number = 0
    for match in _FORMATS[style].finditer(text):
        if match["type"] == "%":
            continue
        around = next((each for each in literals if each.start() < match.start() < each.end()), None)
        if around is not None:
            yield Quoted(around.group(), match["name"] or number)
        number += not match["name"]


def has_other_style(text: str, style: str, names: frozenset[str] = frozenset()) -> str | None:
    """Return a placeholder of another library's that a text has instead of this one's; *names* are those of values."""
    code = _code(text, style)
    if style in _OTHERS_IF_SET or style in ("prepared", "named_text") or re.match(r"\s*PREPARE\b", code, re.IGNORECASE):
        return None
    if style not in ("qmark", "keywords", "pyformat_any", *_ORACLE) and not re.search(r"[%?$]", code):
        named = next((name for name in _NAMED.findall(code) if name in names), None)
        if named is not None:
            return f":{named}"
    if style in _MARKS:
        match = None if re.search(_MARKS[style], code) else re.search(r"%s\b|%\(\w+\)s", code)
        if match is None and style == "numeric_dollar" and "$" not in code:
            return "?" if _QUESTION_MARK.search(code) else None
        return match.group() if match is not None else None
    if style not in _FORMATS or style == "pyformat_names" or "%" in text:
        return None
    if _QUESTION_MARK.search(code):
        return "?"
    # For SQL Server it is an amount of money.
    match = re.search(r"(?<![\w$])\$\d+", code) if style != "pyformat_plain" else None
    return match.group() if match is not None else None


def _code(text: str, style: str = "") -> str:
    """Return a text without its comments, and with nothing in its quotes."""
    # From left to right: what looks like a comment in quotes is none, nor is a quote in a comment.
    has_names = style in _WITH_BRACKETS and not _ARRAY.search(text)
    tokens = _NO_CODE_NOR_NAMES if has_names else _NO_CODE
    return tokens.sub(lambda match: " " if match["skipped"] else "''", text)


def style_of(query: QueryText, knowledge: Knowledge) -> str:
    """Return how the values of a call are marked in its text: as PEP 249 calls it, with `*` if they are spread."""
    call = query.call
    kind = knowledge.kind(call.receiver) if call.receiver is not None else None
    if call.model.paramstyle or kind is None or call.method not in kind.repeats:
        return call.model.paramstyle
    # What runs a text for many rows marks them as what runs it for one, unless rows have no marks at all.
    style = next((each.paramstyle for each in kind.methods.get("execute", ()) if each.paramstyle), "")
    return style if style != "pyformat_names" else ""


def is_for_rows(query: QueryText, knowledge: Knowledge) -> bool:
    """Whether a call runs its text once for each of many rows, as executemany() does."""
    call = query.call
    kind = knowledge.kind(call.receiver) if call.receiver is not None else None
    return call.method in kind.repeats if kind is not None else not call.model.paramstyle


def has_names(ctx: FileContext, *names: str) -> bool:
    """Whether the code of a file, not its comments and texts, has one of some names."""
    is_there = any(name in ctx.text for name in names)
    return is_there and any(word in names for word in _words(ctx.program.index.body.node))


def keeps_values(query: QueryText, flow: FunctionFlow) -> bool:
    """Whether a cursor may have values for a text already: it was told their types, or has run the text before."""
    if sum(each.pieces == query.pieces and each.node is not query.node for each in flow.query_texts):
        return True
    return any(word in ("setinputsizes", "prepare", "parse") for word in _words(flow.function.node))


def _words(code: cst.CSTNode) -> Iterator[str]:
    """Yield the names in some code, also those behind a dot."""
    from lintdb.syntax.walk import walk  # loads libcst, which listing rules does not need

    for node in walk(code):
        name = getattr(node, "attr", node)
        if isinstance(word := getattr(name, "value", None), str):
            yield word


def mixed_marks(text: str) -> list[str]:
    """Return the marks of a text if they are of several sorts."""
    code = _code(text)
    sorts = (r"\?", r"%[sd]", r"%\(\w+\)s")
    found = [match.group() for sort in sorts if (match := re.search(sort, code)) is not None]
    return found if len(found) > 1 and "\\" not in text and "#" not in text else []
