"""What a file defines, imports and uses, read with Python's own parser: ten times faster than libcst's.

An outline is coarse on purpose: it lists names, to tell which files are worth a closer look, never what code does.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from lintdb.syntax.modules import ModuleName
from lintdb.syntax.plain import children_of, statements_in, walk_tree
from lintdb.syntax.refusal import parsed_by_python

Chain = tuple[str, ...]
"""A name with the attributes read from it: `a.b.c`."""

_IMPORT = re.compile(
    r"(?:^|;)[ \t]*(?:from[ \t]+(?P<dots>\.*)[ \t]*(?P<base>[\w.]*)[ \t]+import[ \t]*"
    r"(?P<names>\((?:[^)#]|#[^\n]*)*\)|(?:\\\r?\n|[^\n;#])*)|import[ \t]+(?P<modules>(?:\\\r?\n|[^\n;#])*))",
    re.MULTILINE,
)
_COMMENT = re.compile(r"#[^\n]*")


class ImportedName(NamedTuple):
    """`from base import name`, or (`name` "") `import base`; `base` is absolute."""

    base: str
    name: str


def imported_names(text: str, module: ModuleName) -> list[ImportedName]:
    """Return what the import statements of a text name, found on text alone; `*` is a name like any other."""
    found: list[ImportedName] = []
    for match in _IMPORT.finditer(text):
        if match["modules"] is not None:
            found += [ImportedName(_first_word(part), "") for part in match["modules"].split(",") if part.strip()]
            continue
        base = module.absolute(len(match["dots"]), match["base"])
        names = _COMMENT.sub("", match["names"]).strip("()\\ \t\r\n")
        found += [ImportedName(base, _first_word(part)) for part in names.split(",") if part.strip()]
    return found


def imported_words(text: str) -> frozenset[str]:
    """Return all names that import statements of a text may give something, and `*`; found on text alone."""
    found: set[str] = set()
    for match in _IMPORT.finditer(text):
        found.update(re.findall(r"\w+|\*", _COMMENT.sub("", match["modules"] or match["names"] or "")))
    return frozenset(found)


def _first_word(part: str) -> str:
    words = part.strip("\\ \t\r\n").split()
    return words[0] if words else ""


@dataclass
class Definition:
    """A top-level function, class or variable: the names that its code reads.

    `is_value`: a variable, `is_class`: a class, in one of several places perhaps.
    """

    chains: set[Chain] = field(default_factory=set)
    is_value: bool = False
    is_class: bool = False


@dataclass
class Outline:
    """A module: what its names are imported from, the modules that it imports all names of, what it defines.

    A name may be imported from here or, where that fails, from there.
    """

    imports: dict[str, list[str]] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)
    definitions: dict[str, Definition] = field(default_factory=dict)
    given: dict[str, list[Chain]] = field(default_factory=dict)
    """What each name is given, in its order: a name with attributes, or nothing that is one."""


def outline_of(text: str, module: ModuleName) -> Outline:
    """Return the outline of a module; an empty one for a text that Python cannot parse."""
    tree = parsed_by_python(text)
    outline = Outline()
    if not isinstance(tree, ast.Module):
        return outline
    for statement in _top_level(tree.body):
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            _add(outline, statement.name, statement, module, is_value=False)
            outline.definitions[statement.name].is_class |= isinstance(statement, ast.ClassDef)
        elif isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            for target in targets:
                if isinstance(target, ast.Name):
                    _add(outline, target.id, statement, module, is_value=True)
                    outline.given.setdefault(target.id, []).append(_chain_of(statement.value))
        else:
            _add(outline, "<module>", statement, module, is_value=False)
    if "global" in text:
        for name, statement in _globals_set_in_functions(tree):
            _add(outline, name, statement, module, is_value=True)
    return outline


def _chain_of(node: ast.expr | None) -> Chain:
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return (node.id, *reversed(names)) if isinstance(node, ast.Name) else ()


def _globals_set_in_functions(tree: ast.Module) -> Iterator[tuple[str, ast.stmt]]:
    """Yield each name of the module that a function declares to be global, with the statements that give it a value.

    Those that give one to the variables which such a statement reads are among them.
    """
    for function in statements_in(tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        inside = statements_in(function)
        declared = {name for node in inside if isinstance(node, ast.Global) for name in node.names}
        given: dict[str, list[ast.Assign | ast.AnnAssign]] = {}
        for node in inside if declared else ():
            if isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                for each in targets:
                    if isinstance(each, ast.Name):
                        given.setdefault(each.id, []).append(node)
        for name in sorted(declared & given.keys()):
            todo = [*given[name]]
            for statement in todo:
                yield name, statement
                read = {node.id for node in walk_tree(statement) if isinstance(node, ast.Name)} - declared
                todo += [each for other in sorted(read & given.keys()) for each in given[other] if each not in todo]


def _top_level(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements that define the module's names, those under `if` and `try` included."""
    for statement in body:
        if isinstance(statement, ast.If | ast.Try):
            yield from _top_level(statement.body)
            yield from _top_level(statement.orelse)
            if isinstance(statement, ast.Try):
                yield from _top_level(statement.finalbody)
                for handler in statement.handlers:
                    yield from _top_level(handler.body)
        else:
            yield statement


def _add(outline: Outline, name: str, statement: ast.stmt, module: ModuleName, *, is_value: bool) -> None:
    definition = outline.definitions.setdefault(name, Definition())
    definition.is_value = definition.is_value or is_value
    todo: list[ast.AST] = [statement]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Attribute):
            chain = _chain_of(node)
            if chain:
                definition.chains.add(chain)
            else:
                todo.append(node.value)
        elif isinstance(node, ast.Name):
            definition.chains.add((node.id,))
        elif isinstance(node, ast.Import):
            for alias in node.names:
                root = alias.name.partition(".")[0]
                outline.imports.setdefault(alias.asname or root, []).append(alias.name if alias.asname else root)
        elif isinstance(node, ast.ImportFrom):
            base = module.absolute(node.level, node.module or "")
            for alias in node.names:
                if alias.name == "*":
                    outline.stars.append(base)
                else:
                    dotted = f"{base}{alias.name}" if base.endswith(".") else f"{base}.{alias.name}"
                    outline.imports.setdefault(alias.asname or alias.name, []).append(dotted)
        else:
            todo += children_of(node)
