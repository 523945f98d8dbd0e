"""What becomes of a value that a function returns to a framework: `Depends(get)` hands it on, and ends nothing.

A generator is run on when its user is done; a plain function is not, so that its user alone could release what it
returns. Users are read from names alone, in all files of the project.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Callable, Iterator

from lintdb.flow.stdlib import INJECTORS
from lintdb.flow.users import AnyFunction, ParsedFile, Target, Use, find_uses, last_name, parsed_file
from lintdb.flow.words import RELEASING_NAMES
from lintdb.syntax.names import FunctionInfo, ModuleIndex
from lintdb.syntax.plain import children_of, walk_tree

_INJECTING = frozenset(name.rpartition(".")[2] for name in INJECTORS) - {"Provide"}
"""What makes a dependency of a function where its value is taken; `Provide` does so elsewhere."""

_MAY_RELEASE = re.compile(
    r"(?:\w+_)?(?:a?clos\w*|releas\w*|put(?:conn)?|return\w*|dispos\w*|remov\w*|clean\w*|clear\w*|finish\w*|end|stop\w*|quit|"
    r"exit|discard\w*|free|enter_\w+|with\w*)(?:_\w+)?",
    re.IGNORECASE,
)
"""What a function is called that may release what it is given."""

_MAY_KEEP = re.compile(
    r"(?:\w+_)?(?:push|callback|add|append|register|submit|defer|set|put|schedule|spawn)(?:_\w+)?", re.IGNORECASE
)
"""What a function is called that may keep what it is given, or have another one work with it."""

_MOST_CALLEES = 6
"""Functions of one name that a value is followed into; with more of them it cannot be told which is meant."""

_DEEPEST = 3


def is_left_by_users(function: FunctionInfo, releases: frozenset[str], does_not_count: Callable[[str], bool]) -> bool:
    """Whether a framework calls a function for others, one of which drops what it returns, and none releases that.

    *releases* are the methods that do. *does_not_count* says of a path that uses in that file do not matter, as those
    in tests.
    """
    if function.is_module or function.is_generator or function.owner is not None or function.decorators:
        return False
    if not _is_injected(function):
        return False
    search = FateSearch(function, releases | RELEASING_NAMES)
    fates = [
        search.fate_in(body, name)
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
    if module is None:
        return False
    injected = re.findall(rf"\b(?:{'|'.join(sorted(_INJECTING))})\(\s*((?:\w+\.)*){function.name}\b", module.text)
    found = [_meant_by(holder, function.name, module) for holder in dict.fromkeys(injected)]
    # What is had from a module that cannot be found is not this one.
    return bool(found) and not any(
        path == index.name.path or (path is None and not holder)
        for holder, path in zip(dict.fromkeys(injected), found, strict=True)
    )


def _meant_by(holder: str, name: str, module: ModuleIndex) -> str | None:
    """Return the file of the function that a name means in a module, with what stands before it: `module.`."""
    if not holder:
        symbol = module.symbol_called(name, module.body, is_needed=True)
        return symbol.index.name.path if symbol is not None else None
    first, _, rest = holder.partition(".")
    dotted = module.imported(first, module.body)
    found = module.find(f"{dotted}.{rest}{name}", is_needed=True) if dotted is not None else None
    return found.symbol.index.name.path if found is not None and not found.rest else None


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


def _takes(function: AnyFunction, is_method: bool, count: int) -> bool:
    """Whether a function can be called with so many arguments in order."""
    return function.args.vararg is not None or len(_arguments(function)) - is_method >= count


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
    return name in _mentioned(node)


@functools.lru_cache(maxsize=4096)
def _mentioned(node: ast.AST) -> frozenset[str]:
    return frozenset(last_name(each) for each in walk_tree(node))


class FateSearch:
    """Looks for what becomes of a value, also in the functions of the project that are given it."""

    def __init__(self, function: FunctionInfo, releases: frozenset[str], *, follows_all: bool = False) -> None:
        """*follows_all*: functions whose names say that they may keep something are looked at as others are."""
        self._near = function
        self._releases = releases
        self._follows_all = follows_all

    def fate_in(self, function: AnyFunction, name: str | None, depth: int = 0) -> str:
        """Return what a function does with a parameter: "dropped", "released", or "unknown" where others get it."""
        if name is None or depth > _DEEPEST:
            return "unknown"
        nodes = [node for statement in function.body for node in walk_tree(statement)]
        parents = {child: node for node in nodes for child in children_of(node)}
        fates = {
            self._fate_of(node, parents, depth)
            for node in nodes
            if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load)
        }
        return next((each for each in ("released", "unknown") if each in fates), "dropped")

    def _fate_of(self, node: ast.Name, parents: dict[ast.AST, ast.AST], depth: int) -> str:
        outer = parents.get(node)
        if isinstance(outer, ast.Attribute):
            return "released" if outer.attr in self._releases else "dropped"
        if isinstance(outer, ast.withitem):
            return "released"
        keyword = outer.arg if isinstance(outer, ast.keyword) else None
        call = parents.get(outer) if isinstance(outer, ast.keyword) else outer
        if isinstance(call, ast.Call):
            return self.fate_as_argument(node, keyword, call, depth)
        is_looked_at = isinstance(outer, ast.Compare | ast.BoolOp | ast.UnaryOp | ast.If | ast.IfExp | ast.Subscript)
        return "dropped" if is_looked_at else "unknown"

    def fate_as_argument(self, node: ast.expr, keyword: str | None, call: ast.Call, depth: int = 0) -> str:
        """Return what becomes of an argument of a call, as `fate_in` does of a parameter."""
        called = last_name(call.func)
        if _MAY_RELEASE.fullmatch(called):
            return "released"
        may_keep = not self._follows_all and _MAY_KEEP.fullmatch(called) is not None
        if not called or called[:1].isupper() or may_keep:
            return "unknown"
        callees = list(self._functions_called(called))
        if self._follows_all and isinstance(call.func, ast.Attribute):
            callees = [each for each in callees if each[1]] or callees  # rather a method than a function of a module
            callees = [each for each in callees if _takes(*each, len(call.args))]
        if not callees or len(callees) > (2 * _MOST_CALLEES if self._follows_all else _MOST_CALLEES):
            return "unknown"
        position = call.args.index(node) if node in call.args else None
        fates = {self._fate_in_callee(each, is_method, position, keyword, depth) for each, is_method in callees}
        return next((each for each in ("released", "unknown") if each in fates), "dropped")

    def _fate_in_callee(
        self, function: AnyFunction, is_method: bool, position: int | None, keyword: str | None, depth: int
    ) -> str:
        arguments = _arguments(function)[1 if is_method else 0 :]
        names = [each.arg for each in arguments]
        name = keyword if keyword in names else None
        if name is None and position is not None and position < len(names):
            name = names[position]
        is_generator = any(isinstance(each, ast.Yield | ast.YieldFrom) for each in walk_tree(function))
        return "unknown" if is_generator or function.decorator_list else self.fate_in(function, name, depth + 1)

    def _functions_called(self, name: str) -> Iterator[tuple[AnyFunction, bool]]:
        """Yield the functions and methods of the project that have a name, and whether each is a method."""
        index = self._near.index
        texts = index.texts_with(name)
        for text in [text for _, text in texts] if texts is not None else [index.text]:
            file = parsed_file(text) if re.search(rf"\bdef\s+{name}\b", text) is not None else None
            if not isinstance(file, ParsedFile):
                continue
            for node in walk_tree(file.tree):
                if isinstance(node, AnyFunction) and node.name == name:
                    yield node, isinstance(next(file.around(node), None), ast.ClassDef)
