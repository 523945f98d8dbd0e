"""Which version of a library a file is written for, as far as what it says works with old releases alone.

Most scripts pin nothing. Texts are read, not code: comments apart, what looks like it is it. Only where a text has what
could be said of something that the library makes does the code tell whether it is.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Callable, Iterable, Iterator

from packaging.version import Version

from lintdb.drivers.catalog import Own, load_driver
from lintdb.effects import Sign

_COMMENT = re.compile(r"^[ \t]*#[^\n]*", re.MULTILINE)

Parse = Callable[[str], object]
"""Gives the tree of a text by Python's own parser, or something else where there is none."""


def told_versions(drivers: Iterable[str], text: str, parse: Parse, own: Own = ()) -> dict[str, str]:
    """Return the versions of libraries, and of those that they work on, that a file which names them is written for."""
    found: dict[str, str] = {}
    code = ""
    for name in sorted(drivers):
        for each in (name, *load_driver(name, None, own).requires):
            driver = load_driver(each, None, own)
            for sign in driver.signs:
                code = code or _COMMENT.sub("", text)
                older = [version for version in driver.releases if Version(version) < Version(sign.before)]
                if older and _is_said(sign, code, text, parse):
                    found[each] = max(older, key=Version)
    return found


def _is_said(sign: Sign, code: str, text: str, parse: Parse) -> bool:
    if _any(sign.unless).search(code) is not None:
        return False
    return _any(sign.code).search(code) is not None or _is_called(sign, code, text, parse)


@functools.cache
def _any(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{each})" for each in patterns) or "(?!)")


def _is_called(sign: Sign, code: str, text: str, parse: Parse) -> bool:
    """Whether one of the methods is called on what the file has from one of the functions, whatever it calls that."""
    makers = tuple(name.rpartition(".")[2] for name in sign.made_by)
    if not (_called(makers).search(code) and _called(sign.calls, "[.]").search(code)):
        return False
    tree = parse(text)
    if not isinstance(tree, ast.Module):
        return False
    nodes = list(ast.walk(tree))
    imported = dict(_imported(nodes))
    made: set[str] = set()
    otherwise: set[str] = set()
    for name, value in _bound(nodes):
        if value is not None and _is_made(value, sign, imported):
            made.add(name)
        elif not (isinstance(value, ast.Constant) and value.value is None):
            otherwise.add(name)
    owners = (
        node.func.value
        for node in nodes
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in sign.calls
    )
    return any(_is_made(owner, sign, imported) or _word(owner) in made - otherwise for owner in owners)


@functools.cache
def _called(names: tuple[str, ...], before: str = r"\b") -> re.Pattern[str]:
    return re.compile(rf"{before}(?:{'|'.join(names)})\(" if names else "(?!)")


def _is_made(value: ast.expr, sign: Sign, imported: dict[str, str]) -> bool:
    """Whether an expression is a call of one of the functions."""
    return isinstance(value, ast.Call) and _dotted(value.func, imported) in sign.made_by


def _dotted(node: ast.expr, imported: dict[str, str]) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value, imported)}.{node.attr}"
    return imported.get(node.id, "") if isinstance(node, ast.Name) else ""


def _imported(nodes: Iterable[ast.AST]) -> Iterator[tuple[str, str]]:
    """Yield what import statements call something, each with the dotted name of that."""
    for node in nodes:
        if isinstance(node, ast.Import):
            for each in node.names:
                first = each.name.partition(".")[0]
                yield (each.asname, each.name) if each.asname else (first, first)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for each in node.names:
                yield each.asname or each.name, f"{node.module}.{each.name}"


def _word(node: ast.AST) -> str:
    """Return the last word of what names something: `db` of `db` and of `self.db`; empty for anything else."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


_NAMED_IN = {
    ast.arg: "arg", ast.FunctionDef: "name", ast.AsyncFunctionDef: "name", ast.ClassDef: "name",
    ast.ExceptHandler: "name", ast.MatchAs: "name", ast.MatchStar: "name", ast.MatchMapping: "rest",
}  # fmt: skip
"""What gives a name something, beside assignments, and which of its fields is the name."""


def _bound(nodes: Iterable[ast.AST]) -> Iterator[tuple[str, ast.expr | None]]:
    """Yield each name and attribute that a file gives something, with what that is; None where it cannot be told.

    A name means the same all over the file: what is something else in any function of it is not known.
    """
    plain: set[ast.AST] = set()
    for node in nodes:
        if isinstance(node, ast.Assign):
            targets, value = node.targets, node.value
        elif isinstance(node, ast.AnnAssign | ast.NamedExpr) and node.value is not None:
            targets, value = [node.target], node.value
        else:
            continue
        for target in targets:
            if _word(target):
                plain.add(target)
                yield _word(target), value
    for node in nodes:
        is_stored = isinstance(getattr(node, "ctx", None), ast.Store) and node not in plain
        if is_stored and not isinstance(node, ast.Tuple | ast.List | ast.Starred | ast.Subscript):
            yield _word(node), None
        elif isinstance(node, ast.alias):
            yield node.asname or node.name.partition(".")[0], None
        elif (name := getattr(node, _NAMED_IN.get(type(node), ""), None)) is not None:
            yield name, None
