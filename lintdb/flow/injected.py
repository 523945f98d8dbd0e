"""What becomes of a value that a function returns to a framework: `Depends(get)` hands it on, and ends nothing.

A generator is run on when its user is done; a plain function is not, so that its user alone could release what it
returns. Users are read from names alone, in all files of the project.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator

from lintdb.flow.stdlib import INJECTORS
from lintdb.flow.users import AnyFunction, Target, Use, find_uses, last_name
from lintdb.flow.words import RELEASING_NAMES
from lintdb.syntax.names import FunctionInfo

_INJECTING = frozenset(name.rpartition(".")[2] for name in INJECTORS) - {"Provide"}
"""What makes a dependency of a function where its value is taken; `Provide` does so elsewhere."""

_MAY_RELEASE = re.compile(
    r"clos|releas|put|return|dispos|remov|clean|clear|finish|end|stop|quit|exit|discard|detach|free"
)
"""In what a function is called that may release what it is given."""


def is_left_by_users(function: FunctionInfo, releases: frozenset[str], does_not_count: Callable[[str], bool]) -> bool:
    """Whether a framework calls a function for others, one of which drops what it returns, and none releases that.

    *releases* are the methods that do. *does_not_count* says of a path that uses in that file do not matter, as those
    in tests.
    """
    if function.is_module or function.is_generator or function.owner is not None or function.decorators:
        return False
    if not _is_injected(function):
        return False
    fates = [
        _fate_in(body, name, releases | RELEASING_NAMES)
        for use in find_uses(Target.of(function), function, does_not_count)
        if isinstance(use, Use) and use.place.given_to in _INJECTING and not _means_another(use, function)
        for body, name in _takers(use, function, does_not_count)
    ]
    return "dropped" in fates and "released" not in fates


def _is_injected(function: FunctionInfo) -> bool:
    """Whether a file says that a framework is to call the function, as far as its text tells."""
    links = function.index.links
    texts = links.texts_with(function.name, function.index) if links is not None else None
    injected = re.compile(rf"\b(?:{'|'.join(sorted(_INJECTING))})\(\s*(?:\w+\.)*{function.name}\b")
    return any(injected.search(text) for text in ([text for _, text in texts] if texts else [function.index.text]))


def _means_another(use: Use, function: FunctionInfo) -> bool:
    """Whether a file has a function of that name from another module, which may be called like this one's."""
    index = function.index
    if use.path == index.name.path or index.links is None:
        return False
    module = index.links.module_at(use.path, index)
    symbol = module.symbol_called(function.name, module.body, is_needed=True) if module is not None else None
    return symbol is not None and symbol.index.name.path != index.name.path


def _takers(
    use: Use, function: FunctionInfo, does_not_count: Callable[[str], bool]
) -> Iterator[tuple[AnyFunction, str | None]]:
    """Yield the functions that are given the value, and what they call it: None where it is given them for its effect.

    `Annotated[Connection, Depends(get)]` may have a name of its own, which other functions mention.
    """
    by = use.by
    if by is not None:
        yield by, next((each.arg for each in _arguments(by) if _mentions(each, by, function.name)), None)
        return
    for statement in use.outside:
        if not isinstance(statement, ast.Assign | ast.AnnAssign) or not _names(statement, function.name):
            continue
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        for alias in (each.id for each in targets if isinstance(each, ast.Name)):
            for other in find_uses(Target(alias, use.path), function, does_not_count):
                taker = other.by if isinstance(other, Use) and other.place.is_annotation else None
                for each in _arguments(taker) if taker is not None else ():
                    if taker is not None and each.annotation is not None and _names(each.annotation, alias):
                        yield taker, each.arg


def _arguments(function: AnyFunction) -> list[ast.arg]:
    arguments = function.args
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]


def _mentions(argument: ast.arg, function: AnyFunction, name: str) -> bool:
    """Whether the annotation or the default of a parameter mentions a name."""
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults: dict[ast.arg, ast.expr | None] = dict(
        zip(positional[len(positional) - len(arguments.defaults) :], arguments.defaults, strict=True)
    )
    defaults.update(zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True))
    return any(each is not None and _names(each, name) for each in (argument.annotation, defaults.get(argument)))


def _names(node: ast.AST, name: str) -> bool:
    return any(last_name(each) == name for each in ast.walk(node))


def _fate_in(function: AnyFunction, name: str | None, releases: frozenset[str]) -> str:
    """Return what a function does with a parameter: "dropped", "released", or "unknown" where others are given it."""
    if name is None:
        return "unknown"
    fates = set()
    parents = {child: node for each in function.body for node in ast.walk(each) for child in ast.iter_child_nodes(node)}
    for node in (each for statement in function.body for each in ast.walk(statement)):
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load):
            fates.add(_fate_of(node, parents, releases))
    return next((each for each in ("released", "unknown") if each in fates), "dropped")


def _fate_of(node: ast.Name, parents: dict[ast.AST, ast.AST], releases: frozenset[str]) -> str:
    outer = parents.get(node)
    if isinstance(outer, ast.Attribute):
        return "released" if outer.attr in releases else "dropped"
    if isinstance(outer, ast.withitem):
        return "released"
    if isinstance(outer, ast.keyword):
        outer = parents.get(outer)
    if isinstance(outer, ast.Call):
        called = last_name(outer.func)
        if _MAY_RELEASE.fullmatch(called):
            return "released"
        return "unknown" if called[:1].isupper() or not called else "dropped"
    is_looked_at = isinstance(outer, ast.Compare | ast.BoolOp | ast.UnaryOp | ast.If | ast.IfExp | ast.Subscript)
    return "dropped" if is_looked_at else "unknown"
