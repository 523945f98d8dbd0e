"""Values that a program names itself: tables, positions in a log, digests, keywords. Told by what they are called."""

from __future__ import annotations

import re

import libcst as cst

from lintdb.syntax.names import FunctionInfo

SAME_TEXT = frozenset({
    "strip", "lstrip", "rstrip", "lower", "upper", "title", "capitalize", "decode", "encode", "removeprefix",
    "removesuffix", "zfill", "ljust", "rjust", "casefold",
})  # fmt: skip
"""Methods of a text that give the same one, but for its ends and its case."""

_PART_OF_SCHEMA = re.compile(
    r"(?:\w+_)?(?:table|schema|sequence|seq|column|index|view|database|db|tablespace|role)(?:_?name)?", re.IGNORECASE
)
_GIVES_PART_OF_SCHEMA = re.compile(
    r"(?:get_)?(?:\w+_)?(?:table|schema|sequence|view|database)(?:_(?:name|ref|reference|identifier|(?:query_)?string))?",
    re.IGNORECASE,
)
_POSITION = re.compile(r"(?:\w+_)?(?:gtids?|gtid_set|lsn|bin_?log|bin_?log_file|log_?file|log_?pos)")
_DIGEST = re.compile(r"_*(?:\w+_)?(?:hash(?:es)?|sha(?:1|256|512)|md5|digests?|checksums?|fingerprints?)")
_OLDEST = re.compile(r"(?:\w+_)?(?:xmin|xmax|ctid)")


def is_named_by_program(node: cst.CSTNode, *, is_quoted: bool) -> bool:
    """Whether what fills a place in a text is called like a table, a sequence, a database: the program names those.

    So is a position in the log of a server, which the server has given, and the digest of something, which holds no
    quotes. *is_quoted*: the place is one of a text; of numbers, `xmin` is rather the side of a box.
    """
    if isinstance(node, cst.FormattedStringExpression):
        node = node.expression
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and node.func.attr.value in SAME_TEXT:
        node = node.func.value
    if isinstance(node, cst.Subscript):
        return is_quoted and _is_called(node.value, _DIGEST)
    if isinstance(node, cst.Call):
        called = getattr(node.func, "attr", node.func)
        return isinstance(called, cst.Name) and _GIVES_PART_OF_SCHEMA.fullmatch(called.value) is not None
    return _is_called(node, _PART_OF_SCHEMA, _POSITION, *([_OLDEST, _DIGEST] if is_quoted else []))


def _is_called(node: cst.CSTNode, *names: re.Pattern[str]) -> bool:
    name = node.attr if isinstance(node, cst.Attribute) else node
    return isinstance(name, cst.Name) and any(each.fullmatch(name.value) for each in names)


def is_name_of_keyword(loop: cst.For | cst.CompFor, name: str, scope: FunctionInfo) -> bool:
    """`for name in options`, `for name, value in options.items()`, where the function takes `**options`."""
    target: cst.CSTNode = loop.target
    listed: cst.CSTNode = loop.iter
    while isinstance(listed, cst.Call) and isinstance(listed.func, cst.Name) and listed.args:
        if listed.func.value == "enumerate" and isinstance(target, cst.Tuple) and len(target.elements) > 1:
            target = target.elements[1].value
        elif listed.func.value not in ("sorted", "list", "tuple", "reversed", "set"):
            return False
        listed = listed.args[0].value
    method = listed.func if isinstance(listed, cst.Call) else None
    if isinstance(method, cst.Attribute):
        listed = method.value
        if method.attr.value == "items" and isinstance(target, cst.Tuple):
            target = target.elements[0].value
        elif method.attr.value != "keys":
            return False
    keywords = {param.name.value for param in scope.params if param.star == "**"}
    is_one = isinstance(target, cst.Name) and target.value == name
    return is_one and isinstance(listed, cst.Name) and listed.value in keywords
