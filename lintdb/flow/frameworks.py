"""Generator functions that are handed to a framework: which of them it resumes, and into which it throws."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import libcst as cst

from lintdb.flow.decorators import is_generator_manager
from lintdb.flow.provided import is_handler, provided_for
from lintdb.flow.stdlib import APPLICATIONS, CLEANED_UP_APPLICATIONS, INJECTORS, RESOURCE_PROVIDERS
from lintdb.syntax.modules import ModuleName
from lintdb.syntax.names import FunctionInfo, ModuleIndex, Symbol, Variable
from lintdb.syntax.outline import imported_names
from lintdb.syntax.walk import walk

_ROUTES = frozenset({"get", "post", "put", "patch", "delete", "head", "options", "api_route", "websocket"})

_Given: TypeAlias = FunctionInfo | cst.Call
"""What a framework calls for a value: a function, or the call that hides which."""


_OF_ROUTERS = re.compile(r"\bdependencies\s*=\s*\[([^\]]*)\]")
_INJECTED = re.compile(r"\bDepends\(\s*(?:\w+\.)*(\w+)")


class Frameworks:
    """Answers for the functions of one module, from how the module uses them."""

    def __init__(self, index: ModuleIndex) -> None:
        self.index = index

    def is_injected(self, info: FunctionInfo) -> bool:
        """Whether the function is a dependency: what is raised where its value is used is thrown in at its `yield`."""
        return info.is_generator and id(info) in self._injected

    def is_of_request(self, param: cst.Param, scope: FunctionInfo) -> bool:
        """Whether a framework runs a generator round the function for a parameter, and so ends what it is given.

        What a handler gets by a name for which nothing is written a plugin gives it, in the same way.
        """
        given = self.given_for(param, scope)
        return is_handler(scope) if given is None else isinstance(given, FunctionInfo) and given.is_generator

    def generator_of(self, param: cst.Param, scope: FunctionInfo) -> FunctionInfo | None:
        """Return the generator that a framework runs round the function for a parameter."""
        given = self.given_for(param, scope)
        return given if isinstance(given, FunctionInfo) and given.is_generator else None

    def given_for(self, param: cst.Param, scope: FunctionInfo) -> _Given | None:
        """Return what a framework calls for a parameter, or the `Depends(…)` that hides that; None if nothing."""
        found = self.injected_by(param.default, scope) if param.default is not None else None
        annotation = param.annotation.annotation if param.annotation is not None else None
        found = found if found is not None else self._provided_for(param, scope)
        if found is not None or annotation is None:
            return found
        if not isinstance(annotation, (cst.Name, cst.Attribute)):
            return self.injected_by(annotation, scope)
        # `DbSession = Annotated[Session, Depends(get_db)]`, here or in another module.
        symbol = self.index.symbol_of(annotation, scope)
        holder, name = (symbol.index, symbol.name) if isinstance(symbol, Variable) else (self.index, "")
        if not name and isinstance(annotation, cst.Name):
            name = annotation.value
        meant = holder.constant(name)
        return Frameworks(holder).injected_by(meant, holder.body) if meant is not None else None

    def _provided_for(self, param: cst.Param, scope: FunctionInfo) -> _Given | None:
        """Return what is given by the name of a parameter: `dependencies={"db": Provide(get_db)}`."""
        written = provided_for(param.name.value, scope) if is_handler(scope) else None
        if written is None:
            return None
        node, home = written
        if isinstance(node, cst.Call):
            return Frameworks(home.index).injected_by(node, home)
        symbol = home.index.symbol_of(node, home, is_needed=True)
        return symbol if isinstance(symbol, FunctionInfo) else None

    def injected_by(self, node: cst.CSTNode, scope: FunctionInfo) -> _Given | None:
        """Return what an expression makes a dependency of (`Depends(get_db)`): a function, or what cannot be seen."""
        hidden: cst.Call | None = None
        for call in walk(node):
            if not isinstance(call, cst.Call) or self.index.dotted(call.func, scope) not in INJECTORS:
                continue
            symbol = self.index.symbol_of(call.args[0].value, scope, is_needed=True) if call.args else None
            if isinstance(symbol, FunctionInfo):
                return symbol
            if not call.args or not self._is_of_framework(call.args[0].value, symbol):
                hidden = call
        return hidden

    def _is_of_framework(self, node: cst.BaseExpression, symbol: Symbol | None) -> bool:
        """Whether an expression names a global that is an object of the framework: a scheme of its `security`."""
        index = symbol.index if isinstance(symbol, Variable) else self.index
        name = symbol.name if isinstance(symbol, Variable) else node.value if isinstance(node, cst.Name) else ""
        value = index.constant(name)
        dotted = index.dotted(value.func, index.body) if isinstance(value, cst.Call) else None
        return dotted is not None and dotted.startswith("fastapi.")

    def ends_last(self, generator: FunctionInfo, info: FunctionInfo) -> bool:
        """Whether a function answers requests, and nothing that the framework runs for it gets what *generator* lends.

        Then what the function leaves undone with that is undone when the generator goes on.
        """
        routes = [each for each in info.decorators if _is_route(each)]
        if not routes or len(routes) < len(info.decorators):
            return False
        others = [*(self.given_for(param, info) for param in info.params), *self._common_dependencies]
        if self._is_given_elsewhere(generator):
            return False
        return sum(each is generator for each in others) == 1 and not any(
            self._may_get(generator, each, set()) for each in others if each is not None and each is not generator
        )

    def _is_given_elsewhere(self, generator: FunctionInfo) -> bool:
        """Whether another file makes a dependency of whole routers that may be lent the same, as far as names tell."""
        links = self.index.links
        if links is None:
            return False
        texts = links.texts_with("dependencies", self.index)
        names = {
            name
            for path, text in texts or ()
            if path != self.index.name.path and self._is_imported_by(text)
            for listed in _OF_ROUTERS.findall(text)
            for name in _INJECTED.findall(listed)
        }
        for name in names:
            takes = re.compile(rf"\bdef\s+{name}\s*\([^)]*\b{generator.name}\b")
            if any(takes.search(text) for _, text in links.texts_with(name, self.index) or ()):
                return True
        return False

    def _is_imported_by(self, text: str) -> bool:
        """Whether a file imports this one, or the package that it is in."""
        place = Path(self.index.name.path)
        words = {place.stem, place.parent.name}
        imported = imported_names(text, ModuleName())
        return any(not words.isdisjoint((each.name, *each.base.split("."))) for each in imported)

    def _may_get(self, generator: FunctionInfo, given: _Given, seen: set[FunctionInfo]) -> bool:
        """Whether a dependency is lent the same, by itself or by one of its own; what is not seen may be."""
        if not isinstance(given, FunctionInfo) or given is generator:
            return True
        if given in seen:
            return False
        seen.add(given)
        home = Frameworks(given.index)
        inner = [home.given_for(param, given) for param in given.params]
        return any(self._may_get(generator, each, seen) for each in inner if each is not None)

    @functools.cached_property
    def _common_dependencies(self) -> tuple[_Given, ...]:
        """What the file makes a dependency of all routes of an application or router, or of one for its effect."""
        calls = list(self._calls())
        for info in self.index.all_functions:
            calls += [(each, self.index.body) for each in info.decorators if isinstance(each, cst.Call)]
        given = [(arg.value, call, scope) for call, scope in calls for arg in call.args if _is_of_all(arg)]
        found: list[_Given | None] = []
        for value, call, scope in given:
            parts = [each.value for each in value.elements] if isinstance(value, (cst.List, cst.Tuple)) else []
            found += [self._injected_as_one(part, scope, call) for part in parts] or [call]
        return tuple(each for each in found if each is not None)

    def _injected_as_one(self, node: cst.BaseExpression, scope: FunctionInfo, call: cst.Call) -> _Given | None:
        """Return what one of a list of dependencies is, or the *call* that has the list where that is not written."""
        is_written = isinstance(node, cst.Call) and self.index.dotted(node.func, scope) in INJECTORS
        return self.injected_by(node, scope) if is_written else call

    def is_resumed(self, info: FunctionInfo) -> bool:
        """Whether what follows the function's `yield` runs whatever happens, when the application or container ends."""
        return info.is_generator and (
            id(info) in self._resumed or self._provides_resource(info) or self.is_start_up(info)
        )

    def _provides_resource(self, info: FunctionInfo) -> bool:
        """`@provide(scope=Scope.APP)`"""
        targets = (each.func if isinstance(each, cst.Call) else each for each in info.decorators)
        return any(self.index.dotted(each, self.index.body) in RESOURCE_PROVIDERS for each in targets)

    def is_start_up(self, info: FunctionInfo) -> bool:
        """Whether an application runs the function before it serves: where that fails, the process ends."""
        if not info.is_generator:
            return any(_registers_start(each) for each in info.decorators)
        return id(info) in self._started or self._takes_application(info)

    def _takes_application(self, info: FunctionInfo) -> bool:
        if not info.params:
            return False
        annotation = info.params[0].annotation
        dotted = self.index.dotted(annotation.annotation, info) if annotation is not None else None
        if is_generator_manager(info):
            return dotted in APPLICATIONS or (info.owner is None and info.name == "lifespan")
        return dotted in CLEANED_UP_APPLICATIONS and not info.decorators

    @functools.cached_property
    def _injected(self) -> frozenset[int]:
        return self._given_to(INJECTORS)

    @functools.cached_property
    def _resumed(self) -> frozenset[int]:
        return self._given_to(RESOURCE_PROVIDERS)

    @functools.cached_property
    def _started(self) -> frozenset[int]:
        """Functions given as `lifespan=`, or added to `app.cleanup_ctx`."""
        found: set[int] = set()
        for call, scope in self._calls():
            values = [each.value for each in call.args if each.keyword is not None and each.keyword.value == "lifespan"]
            function = call.func
            if isinstance(function, cst.Attribute) and function.attr.value in ("append", "extend"):
                base = function.value
                if isinstance(base, cst.Attribute) and base.attr.value == "cleanup_ctx":
                    values += [each.value for each in call.args]
            for value in values:
                parts = [e.value for e in value.elements] if isinstance(value, (cst.List, cst.Tuple)) else [value]
                found.update(id(info) for part in parts if (info := self._function(part, scope)) is not None)
        return frozenset(found)

    def _given_to(self, names: frozenset[str]) -> frozenset[int]:
        """Return the functions that are the first argument of a call of one of the names."""
        found: set[int] = set()
        for call, scope in self._calls():
            if call.args and self.index.dotted(call.func, scope) in names:
                info = self._function(call.args[0].value, scope)
                if info is not None:
                    found.add(id(info))
        return frozenset(found)

    def _calls(self) -> Iterator[tuple[cst.Call, FunctionInfo]]:
        for scope in self.index.all_functions:
            for call in scope.calls:
                yield call, scope
            for param in scope.params:
                if param.annotation is not None:
                    for node in walk(param.annotation):
                        if isinstance(node, cst.Call):
                            yield node, scope

    def _function(self, node: cst.BaseExpression, scope: FunctionInfo) -> FunctionInfo | None:
        return self.index.find_function(node.value, scope) if isinstance(node, cst.Name) else None


def _is_of_all(argument: cst.Arg) -> bool:
    return argument.keyword is not None and argument.keyword.value in ("dependencies", "route_class")


def _is_route(decorator: cst.BaseExpression) -> bool:
    """`@app.post("/orders")`."""
    return (
        isinstance(decorator, cst.Call)
        and isinstance(decorator.func, cst.Attribute)
        and decorator.func.attr.value in _ROUTES
    )


_APPLICATION = re.compile(r"(?:\w+_)?(?:app|application|api|server|router|bp|blueprint)", re.IGNORECASE)
"""What an object is called whose events are those of a server."""

_ON_EVENT = re.compile(r"""["'](?:startup|before_server_start|main_process_start)["']""")


def _registers_start(decorator: cst.BaseExpression) -> bool:
    """`@app.on_event("startup")`, `@app.listener("before_server_start")`, `@app.before_serving`."""
    target = decorator.func if isinstance(decorator, cst.Call) else decorator
    if not isinstance(target, cst.Attribute) or not _may_be_application(target.value):
        return False
    if target.attr.value == "before_serving":
        return True
    events = decorator.args[:1] if isinstance(decorator, cst.Call) else ()
    return target.attr.value in ("on_event", "listener") and any(
        isinstance(each.value, cst.SimpleString) and _ON_EVENT.fullmatch(each.value.value) for each in events
    )


def _may_be_application(node: cst.BaseExpression) -> bool:
    name = getattr(node, "attr", node)
    return isinstance(name, cst.Name) and _APPLICATION.fullmatch(name.value) is not None
