"""What can be read off the text of a query without a parser for any one dialect."""

from __future__ import annotations

import functools
import re

_LITERALS = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`[^`]*`|--[^\n]*|/\*.*?\*/", re.DOTALL)
_GROUP = re.compile(r"\([^()]*\)")
_AGGREGATES = re.compile(
    r"\b(?:count|count_big|sum|total|avg|min|max|bool_and|bool_or|every|array_agg|string_agg|group_concat|json_agg|"
    r"jsonb_agg|json_object_agg|json_group_array|stddev|variance|uniq|any_value|last_insert_id|nextval|currval)\s*\x00",
    re.IGNORECASE,
)
_FEWER = re.compile(
    r"\b(?:group\s+by|having|limit|offset|fetch\s+(?:first|next)|union|intersect|except)\b", re.IGNORECASE
)
_BOUNDS = re.compile(
    r"\b(?:where|limit|offset|fetch|top|first|distinct|group\s+by|having|union|intersect|except|qualify|sample|tablesample|"
    r"rownum|skip|into)\b",
    re.IGNORECASE,
)
_MAKES = re.compile(r"\b(?:merge|create|unwind|call|optional|with|union|load|foreach)\b", re.IGNORECASE)
_CATALOGS = re.compile(r"(?:information_schema\b|pg_|sqlite_|sys\.|system\.|user_tab|all_tab|dba_|v\$)", re.IGNORECASE)
"""Tables about tables: there are not many of those."""


def _skeleton(text: str) -> str:
    """Return the text with literals emptied, and each parenthesis replaced by a mark: what stands on the top level."""
    text = _LITERALS.sub(lambda match: " " if match.group()[0] in "-/" else "x", text)
    before = ""
    while before != text:
        before = text
        text = _GROUP.sub("\x00", text)
    return " ".join(text.split())


def answer_of(text: str, is_prefix: bool) -> str:
    """Return what running a query gives: "row" (surely one), "perhaps" (there may be none), "every", or "unknown".

    "every" is "perhaps" where nothing bounds the number of rows: all of a table, or of tables that are joined.

    *is_prefix*: only the start of the text is known. A query without a table gives a row; so does one that only
    aggregates. So may be what `UPDATE … WHERE … RETURNING` gives; statements other than these are not judged.
    """
    outer = _skeleton(text)
    if is_prefix and "(" in outer:
        return "unknown"  # an open parenthesis: the end of the text is inside it
    with_clause = re.match(r"with\b", outer, re.IGNORECASE)
    if with_clause:
        if re.search(r"\b(?:insert|update|delete|merge)\b", outer, re.IGNORECASE):
            return "unknown"
        start = re.search(r"\bselect\b", outer, re.IGNORECASE)
        outer = outer[start.start() :] if start else ""
    if re.match(r"match\b", outer, re.IGNORECASE):
        return "unknown" if is_prefix else _answer_of_match(outer)
    if re.match(r"(?:update|delete)\b", outer, re.IGNORECASE):
        is_some = re.search(r"\bwhere\b.*\breturning\b", outer, re.IGNORECASE)
        return "perhaps" if is_some and not is_prefix else "unknown"
    return _answer_of_selection(outer, is_prefix) if re.match(r"select\b", outer, re.IGNORECASE) else "unknown"


def _answer_of_selection(outer: str, is_prefix: bool) -> str:
    table = re.search(r"\bfrom\s+(\S+)", outer, re.IGNORECASE)
    if table is None:
        return "unknown" if is_prefix else "row"
    if table.group(1).lower().strip(";") == "dual" or "\x00" in table.group(1):
        return "unknown"  # a query in parentheses, or a function: it may give a row always
    if _CATALOGS.match(table.group(1)):
        return "unknown"  # whoever asks about a table has often just made it
    if re.search(r"\bgroup\s+by\b", outer, re.IGNORECASE):
        return "perhaps"  # a row for each group, of which there may be none
    selected = re.sub(r"^select\s+(?:distinct\s+|all\s+)?", "", outer[: table.start()], flags=re.IGNORECASE)
    items = [item.strip() for item in selected.split(",")]
    if all(_AGGREGATES.search(item) for item in items):
        return "unknown" if _FEWER.search(outer) or is_prefix else "row"
    if any(item != "*" and re.search(r"\w\s*\x00", item) for item in items):
        return "unknown"  # a function that is not known may aggregate
    is_whole = not is_prefix and "\x00" not in outer and not _BOUNDS.search(outer)
    return "every" if is_whole else "perhaps"


def _answer_of_match(outer: str) -> str:
    """Return what a query of Cypher gives that begins with MATCH: a record for each match, or one if it aggregates."""
    head, *items = re.split(r"\sreturn\s", re.sub(r"\[[^\]]*\]|\{[^}]*\}", "\x00", outer), flags=re.IGNORECASE)
    if not items or _MAKES.search(head):
        return "unknown"  # whatever makes something, or aggregates half-way, may give a record always
    return "unknown" if re.search(r"\w\s*\x00", " ".join(items)) else "perhaps"


_CHANGES_WITHIN = re.compile(r"[()]\s*(?:insert|update|delete|merge)\s+[\w\"`\[]", re.IGNORECASE)


def changes_within(text: str) -> bool:
    """Whether a statement that begins with WITH changes rows, in that clause or behind it; `FOR UPDATE` locks alone."""
    code = _LITERALS.sub(lambda match: " " if match.group()[0] in "-/" else match.group()[0], text)
    return _CHANGES_WITHIN.search(code) is not None


_APART = re.compile(
    r"\s*(?:(?:create|drop)\s+(?:database|tablespace)\b|alter\s+system\b|(?:create\s+(?:unique\s+)?|drop\s+)index\s+concurrently\b)",
    re.IGNORECASE,
)


def stands_apart(text: str) -> bool:
    """Whether a statement is part of no unit of work on any server: it is refused there, or ends the unit itself."""
    return _APART.match(text) is not None


_PARTS = re.compile(rf"{_LITERALS.pattern}|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$|(?P<end>;)", re.DOTALL)


def split_statements(text: str) -> list[str]:
    """Return the statements of a text, which semicolons end; those in literals and comments end none."""
    found: list[str] = []
    start = 0
    for match in _PARTS.finditer(text):
        if match["end"]:
            found.append(text[start : match.start()])
            start = match.end()
    return [each for each in (*found, text[start:]) if _LITERALS.sub(_without_comments, each).strip()]


def _without_comments(match: re.Match[str]) -> str:
    return "" if match.group()[0] in "-/" else "x"


_FILLED = re.compile(r"\b(?:insert\b[^()]*?\binto|replace\s+into|merge\s+into)\s+([\w.\"`\[\]]+)", re.IGNORECASE)
_FILLS = re.compile(r"\s*(?:insert|replace|merge|with)\b", re.IGNORECASE)
_ASKED = re.compile(r"\s*select\b.*?\bfrom\s+([\w.\"`\[\]]+)", re.IGNORECASE | re.DOTALL)


def tables_of(text: str) -> tuple[frozenset[str], str]:
    """Return the tables that a statement puts rows into, and the first one that a selection asks (empty: none)."""
    filled = _FILLED.finditer(text) if _FILLS.match(text) else ()
    asked = _ASKED.match(text)
    return frozenset(_plain(match) for match in filled), _plain(asked) if asked is not None else ""


def _plain(match: re.Match[str]) -> str:
    return re.sub(r"[\"`\[\]]", "", match.group(1)).lower()


_LOOKS_AT_INDEX = re.compile(
    r"\binsert\s+into\s+(?:[\w\"`\[\]]+\s*\.\s*)?[\"`\[]?(?P<table>\w+)[\"`\]]?\s*\(\s*[\"`\[]?(?P=table)[\"`\]]?\s*"
    r"(?:,\s*[\"`\[]?rank[\"`\]]?\s*)?\)\s*values\s*\(\s*['\"]integrity-check['\"]",
    re.IGNORECASE,
)


def looks_at_index(text: str) -> bool:
    """Whether a text has the form of a row and is a command of a full-text table of SQLite that changes nothing.

    Executed: all others ('rebuild', 'optimize', 'merge', 'delete-all', values that are set) are undone by a rollback.
    """
    return _LOOKS_AT_INDEX.search(text) is not None


_RETURNED = re.compile(r"\breturning\b[\s(]*(?:\w+\s*\.\s*)*(?P<column>\w+)", re.IGNORECASE)
_KEY = re.compile(r"id|uuid|guid|pk|rowid|oid", re.IGNORECASE)
_KEY_OF_TABLE = re.compile(r"(?P<table>\w+?)_?(?:id|uuid|pk)", re.IGNORECASE)
_CHANGED_TABLE = re.compile(r"\b(?:update|into|from)\b[\s(\"]*(?:\w+\s*\.\s*)*(?P<table>\w+)", re.IGNORECASE)


_TEMPORARY = re.compile(
    r"\s*create\s+(?:or\s+replace\s+)?(?:(?:global|local)\s+)?temp(?:orary)?\s+table\s+(?:if\s+not\s+exists\s+)?"
    r"[\"`\[]?(\w+)",
    re.IGNORECASE,
)


_CHANGES_TABLE = re.compile(
    r"\s*(?:insert\s+(?:\w+\s+)*?into|replace\s+into|update|delete\s+from)\s+[\"`\[]?(?:\w+[\"`\]]?\s*\.\s*[\"`\[]?)*"
    r"(\w+)",
    re.IGNORECASE,
)


def temporary_table(text: str) -> str:
    """Return the name of the temporary table that a statement makes, which goes with its connection; empty: none."""
    match = _TEMPORARY.match(text)
    return match.group(1).lower() if match is not None else ""


def changed_table(text: str) -> str:
    """Return the table that a statement changes, if that is what it begins with; empty: none."""
    match = _CHANGES_TABLE.match(text)
    return match.group(1).lower() if match is not None else ""


def returns_key(code: str) -> bool:
    """Whether a statement, or the code that makes it, returns a column that each row has: the key of its table.

    That is `id`, or `order_id` of the table `orders`; those of other rows may be NULL.
    """
    match = _RETURNED.search(code)
    column = match["column"] if match is not None else ""
    own, changed = _KEY_OF_TABLE.fullmatch(column), _CHANGED_TABLE.search(code)
    is_of_table = own is not None and changed is not None and changed["table"].lower().startswith(own["table"].lower())
    return _KEY.fullmatch(column) is not None or is_of_table


_QUESTION = re.compile(r"[\s(]*(?:select|show|with)\b", re.IGNORECASE)
_CALLED = re.compile(r"([\w.]+)\s*\(")
_NO_CALLS = re.compile(
    r"all|and|any|as|between|by|case|distinct|else|exists|except|filter|from|group|having|in|"
    r"intersect|join|limit|not|offset|on|or|over|partition|select|then|union|using|values|when|"
    r"where|with|within",
    re.IGNORECASE,
)
"""What stands before a parenthesis and is no function."""
_CALCULATES = re.compile(
    r"abs|array_agg|array_to_string|avg|bool_and|bool_or|cast|ceil|char_length|coalesce|concat|"
    r"concat_ws|convert|count|current_database|current_schema|current_setting|current_timestamp|"
    r"database|date|date_part|date_trunc|datetime|dense_rank|every|extract|floor|format|format_type|"
    r"greatest|group_concat|has_table_privilege|if|ifnull|iif|instr|isnull|json_agg|"
    r"json_build_object|json_extract|jsonb_agg|jsonb_build_object|julianday|lag|lead|least|left|"
    r"length|localtimestamp|lower|lpad|ltrim|max|md5|min|mod|now|nullif|nvl|pg_get_indexdef|"
    r"pg_get_userbyid|pg_get_viewdef|pg_is_in_recovery|pg_relation_size|pg_size_pretty|"
    r"pg_total_relation_size|pragma_table_info|rank|regexp_replace|replace|right|round|row_number|"
    r"row_to_json|rpad|rtrim|schema|stddev|strftime|string_agg|substr|substring|sum|time|to_char|"
    r"to_date|to_json|to_jsonb|to_number|to_regclass|to_timestamp|total|trim|trunc|typeof|unixepoch|"
    r"unnest|upper|user|version",
    re.IGNORECASE,
)
"""Functions that make something of what they are given, or tell of the server."""
_STORES = re.compile(r"\binto\b", re.IGNORECASE)


@functools.lru_cache(maxsize=1024)
def only_asks(text: str) -> bool:
    """Whether a statement that is no other than a question changes nothing: it calls no function that might."""
    code = _LITERALS.sub(lambda match: " " if match.group()[0] in "-/" else "x", text)
    is_question = _QUESTION.match(code) is not None and _STORES.search(code) is None and not changes_within(text)
    called = (name for name in _CALLED.findall(code) if not _NO_CALLS.fullmatch(name))
    return is_question and all(_CALCULATES.fullmatch(name) for name in called)


_LOCKS = re.compile(
    r"\bfor\s+(?:no\s+key\s+)?(?:update|share|key\s+share)\b|\block\b|_lock\b|\bupdlock\b", re.IGNORECASE
)


def may_lock(text: str) -> bool:
    """Whether a statement that reads may lock what it reads: `SELECT … FOR UPDATE`, advisory locks."""
    return _LOCKS.search(text) is not None
