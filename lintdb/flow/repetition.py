"""Which functions of a file run again and again: handlers of requests, what loops call, factories with many callers.

Where a file does not show that a function runs more than once, it is taken to run once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import libcst as cst

from lintdb.effects import Duty, Kind
from lintdb.flow.decorators import is_cached, is_fixture
from lintdb.flow.fates import Fate, Fates, Use
from lintdb.flow.stdlib import NAMESPACES
from lintdb.flow.words import BEGINS
from lintdb.syntax.ancestry import is_left_early, names_bound, names_read
from lintdb.syntax.names import FunctionInfo
from lintdb.syntax.walk import walk

if TYPE_CHECKING:
    from lintdb.flow.program import Program

MAX_DEPTH = 4
_ROUTES = frozenset({"get", "post", "put", "patch", "delete", "head", "options"})
_HANDLERS = frozenset({
    "route", "api_route", "websocket", "websocket_route", "view", "api_view", "action", "errorhandler",
    "before_request", "after_request", "teardown_request", "middleware", "shared_task", "periodic_task",
    "actor", "subscriber",
})  # fmt: skip
_VIEWS = frozenset({"View", "APIView", "MethodView", "Resource", "RequestHandler", "HTTPEndpoint", "ViewSet"})
_VERBS = _ROUTES | {"dispatch", "list", "retrieve", "create", "update", "destroy", "partial_update", "prepare"}
_ONCE = re.compile(
    r"_*(?:main|cli|handle|lifespan|startup|on_startup|shutdown|test\w*|run_migrations\w*"
    r"|(?:create|make|build|get)_(?:app|application|server)\w*"
    r"|(?:setup|set_up|init|initiali[sz]e|configure|bootstrap|load|register|migrate|upgrade|downgrade|start|seed|ready"
    r"|install|prepare|create_tables|create_all|drop)(?:_\w*|[A-Z]\w*)?)_*"
    r"|__\w+__|setUp\w*|tearDown\w*|\w+_lifespan"
)
_STARTS = re.compile(
    r"_*(?:(?:setup|set_up|init|initiali[sz]e|bootstrap|configure|migrate|upgrade|downgrade|install)(?:_\w*|[A-Z]\w*)?"
    r"|create_(?:tables|all|schema)|run_migrations\w*|test\w*)_*|__\w+__|setUp\w*|tearDown\w*"
)
"""What functions are called that a process needs done before it does anything else."""
_PLAIN = frozenset({"staticmethod", "classmethod", "property", "abc.abstractmethod", "typing.no_type_check"})
_MANAGERS = frozenset({"contextlib.contextmanager", "contextlib.asynccontextmanager"})


@dataclass(frozen=True)
class Evidence:
    """Why something runs again and again: the place that shows it, and words that complete "… is made".

    `made_by` is the call of a factory there, where that makes it.
    """

    node: cst.CSTNode
    text: str
    made_by: cst.Call | None = None


def _counts_rounds(test: cst.BaseExpression) -> bool:
    """`n % 1000 == 0`"""
    return any(isinstance(node, cst.BinaryOperation) and isinstance(node.operator, cst.Modulo) for node in walk(test))


class Repetition:
    """Answers for the functions of one module."""

    def __init__(self, program: Program) -> None:
        self.index = program.index
        self.fates = Fates(program)
        self._callers: dict[int, list[tuple[FunctionInfo, cst.Call]]] = {}
        for function in self.index.all_functions:
            for call in function.calls:
                callee = self.fates.callee(call, function)
                if callee is not None:
                    self._callers.setdefault(id(callee), []).append((function, call))

    # --- what is made -----------------------------------------------------------------------------------------------

    def of_making(
        self, node: cst.Call, kind: Kind, function: FunctionInfo, *, index: int | None = None, depth: int = 0
    ) -> Evidence | None:
        """Return why a call makes another one again and again; None where it is kept, released, or made once."""
        for_request = self._for_request(node, function)
        if for_request is not None:
            return for_request
        uses = self.fates.uses(node, kind, function, index)
        if any(use.fate in (Fate.KEPT, Fate.RELEASED, Fate.UNKNOWN) for use in uses) or self._is_made_once(function):
            return None
        returned = [use for use in uses if use.fate is Fate.RETURNED]
        in_loop = self._in_loop(node, function)
        if in_loop is not None and not returned:
            return in_loop
        if not returned:
            return self.of_function(function, varies=_varies(node, function), depth=depth)
        return self._of_factory(function, kind, returned, depth)

    def _for_request(self, node: cst.Call, function: FunctionInfo) -> Evidence | None:
        """Whether what a call makes is put where it is kept for one request alone: `g.pool = …`."""
        outer = next(self.fates.ancestry(function).ancestors(node), None)
        for target in outer.targets if isinstance(outer, cst.Assign) else ():
            holder = target.target.value if isinstance(target.target, cst.Attribute) else None
            if holder is not None and self.index.dotted(holder, function) in NAMESPACES:
                name = self.index.code_of(holder)
                return Evidence(outer or node, f"for each request: `{name}` keeps it no longer")
        return None

    def _of_factory(self, function: FunctionInfo, kind: Kind, returned: list[Use], depth: int) -> Evidence | None:
        """A function that returns what it makes: as good as those who call it."""
        if depth > MAX_DEPTH:
            return None
        handler = self._as_handler(function)
        if handler is not None:
            return handler
        if any(_name_of(decorator) == "property" for decorator in function.decorators):
            return Evidence(function.node, f"each time `{function.name}` is read")
        callers = self._callers.get(id(function), [])
        is_used_by_others = any(not self._is_made_once(caller) and not caller.is_module for caller, _ in callers)
        short = next((use.kind for use in returned if use.kind is not None and _is_short_lived(use.kind)), None)
        if any(use.kind is None or use.kind.is_pool for use in returned):
            short = None  # returned beside it, the pool can be kept, and given again
        if short is not None and (is_used_by_others or not callers):
            return Evidence(function.node, f"for each {short.label} that `{function.name}()` returns")
        dropping: list[FunctionInfo] = []
        for caller, call in callers:
            for use in returned:
                found = self.of_making(call, use.kind or kind, caller, index=use.index, depth=depth + 1)
                if found is not None:
                    return found
                if self._is_dropped(call, use.kind or kind, caller, use.index) and caller not in dropping:
                    dropping.append(caller)
        if len(dropping) > 1:
            names = " and ".join(f"`{caller.name}()`" for caller in dropping[:2])
            return Evidence(dropping[0].node, f"each time {names} call `{function.name}()`")
        return None

    def _is_dropped(self, call: cst.Call, kind: Kind, caller: FunctionInfo, index: int | None) -> bool:
        if caller.is_module or self._is_made_once(caller):
            return False
        return all(use.fate is Fate.USED for use in self.fates.uses(call, kind, caller, index))

    def _in_loop(self, node: cst.Call, function: FunctionInfo) -> Evidence | None:
        """Whether each round of a loop around the call makes the same once more."""
        for loop in self.fates.ancestry(function).loops(node):
            if is_left_early(loop) or names_bound(loop) & names_read(node):
                continue
            return Evidence(loop, "in each round of the loop")
        return None

    def of_opening_in_loop(self, node: cst.Call, kind: Kind, function: FunctionInfo, depth: int = 0) -> Evidence | None:
        """Return why a loop over data opens the same again in each round, itself or in a function that it calls.

        What is returned is as good as what callers do with it; what is kept or given away is somebody else's. A loop
        that sleeps opens seldom enough.
        """
        fates = {use.fate for use in self.fates.uses(node, kind, function)}
        if fates - {Fate.USED, Fate.RELEASED, Fate.RETURNED}:
            return None
        if Fate.RETURNED in fates:
            return self._of_factory_in_loop(function, kind, depth)
        for loop in self.fates.ancestry(function).loops(node):
            is_same = self._goes_through_data(loop) and not names_bound(loop) & names_read(node)
            if is_same and not self._is_occasional(node, loop, function):
                return Evidence(loop, "in each round of the loop")
        if function.is_module or function.decorators or _varies(node, function):
            return None
        for caller, call in self._callers.get(id(function), []):
            for loop in self.fates.ancestry(caller).loops(call):
                if self._goes_through_data(loop):
                    return Evidence(call, f"each time the loop calls `{function.name}()`")
        return None

    def _of_factory_in_loop(self, function: FunctionInfo, kind: Kind, depth: int) -> Evidence | None:
        if depth > MAX_DEPTH or function.decorators or function.is_generator:
            return None
        for caller, call in self._callers.get(id(function), []):
            found = self.of_opening_in_loop(call, kind, caller, depth + 1)
            if found is not None:
                return found if found.made_by is not None else replace(found, made_by=call)
        return None

    def _is_occasional(self, node: cst.Call, loop: cst.CSTNode, function: FunctionInfo) -> bool:
        """Whether few rounds of a loop open anything: after an error, or where what is there is missing or closed."""
        names: set[str] = set()
        for outer in self.fates.ancestry(function).ancestors(node):
            if outer is loop:
                return False
            if isinstance(outer, cst.ExceptHandler):
                return True
            if isinstance(outer, cst.Assign):
                names = {name for target in outer.targets for name in names_read(target.target)}
            elif isinstance(outer, cst.If) and (names & names_read(outer.test) or _counts_rounds(outer.test)):
                return True
        return False

    def _goes_through_data(self, loop: cst.CSTNode) -> bool:
        if isinstance(loop, cst.While) or is_left_early(loop):
            return False
        return not any(isinstance(node, cst.Call) and _name_of(node) in ("sleep", "range") for node in walk(loop))

    @staticmethod
    def is_named_for_start(function: FunctionInfo) -> bool:
        """Whether a function is named like one without which the process does not start: `init_schema`, `migrate`."""
        is_named = BEGINS.fullmatch(function.name) or _STARTS.fullmatch(function.name)
        return not function.is_module and is_named is not None

    def is_in_endless_loop(self, node: cst.CSTNode, function: FunctionInfo) -> bool:
        """Whether a call is run by `while True`, or is what an `async for` or `for` goes through for ever."""
        return any(isinstance(loop, cst.While) for loop in self.fates.ancestry(function).loops(node))

    # --- who runs it ------------------------------------------------------------------------------------------------

    def of_function(self, function: FunctionInfo, *, varies: bool, depth: int = 0) -> Evidence | None:
        """Return why a function runs again and again. *varies*: what it makes depends on its parameters."""
        if depth > MAX_DEPTH or function.is_module or self._is_made_once(function):
            return None
        handler = self._as_handler(function)
        if handler is not None:
            return handler
        for caller, call in self._callers.get(id(function), []):
            for loop in self.fates.ancestry(caller).loops(call):
                if is_left_early(loop) or (varies and names_bound(loop) & names_read(call)):
                    continue
                return Evidence(call, f"each time the loop calls `{function.name}()`")
            found = self.of_function(caller, varies=varies and _varies(call, caller), depth=depth + 1)
            if found is not None:
                return found
        return None

    def of_request(self, function: FunctionInfo, depth: int = 0) -> Evidence | None:
        """Return which handler of requests a function is, or is called by; None where none is seen."""
        if function.is_module or depth > MAX_DEPTH:
            return None
        handler = self._as_handler(function)
        if handler is not None or self._is_made_once(function):
            return handler
        found = (self.of_request(caller, depth + 1) for caller, _ in self._callers.get(id(function), []))
        return next((each for each in found if each is not None), None)

    def _as_handler(self, function: FunctionInfo) -> Evidence | None:
        """Whether the function answers requests or runs as a task, by its decorators, its class, or its parameters."""
        is_handler = (
            any(self._is_handler(decorator, function) for decorator in function.decorators)
            or self._is_view(function)
            or self._is_dependency(function)
        )
        return Evidence(function.node, f"for each call of the handler `{function.name}()`") if is_handler else None

    def _is_handler(self, decorator: cst.BaseExpression, function: FunctionInfo) -> bool:
        target = decorator.func if isinstance(decorator, cst.Call) else decorator
        dotted = self.index.dotted(target, function.parent or self.index.body) or ""
        if dotted.partition(".")[0] in ("airflow", "prefect", "dagster", "luigi", "click", "typer"):
            return False
        name = _name_of(decorator)
        if name in _ROUTES:
            return isinstance(target, cst.Attribute) and isinstance(decorator, cst.Call)
        return name in _HANDLERS or (name == "task" and isinstance(target, cst.Attribute))

    def _is_view(self, function: FunctionInfo) -> bool:
        params = [param.name.value for param in function.params]
        if function.owner is not None:
            bases = {_name_of(base) for base in function.owner.bases}
            is_view = any(base.endswith(tuple(_VIEWS)) for base in bases)
            return is_view and (function.name in _VERBS or "request" in params[1:2])
        if not isinstance(function.node, cst.FunctionDef) or function.parent is None or not function.parent.is_module:
            return False
        return params[:2] == ["event", "context"] or (params[:1] == ["request"] and not function.decorators)

    def _is_dependency(self, function: FunctionInfo) -> bool:
        """Whether a framework is told to call it for each request: `Depends(get_client)`."""
        return any(
            isinstance(call.func, cst.Name) and call.func.value in ("Depends", "Provide")
            and len(call.args) > 0
            and isinstance(call.args[0].value, cst.Name) and call.args[0].value.value == function.name
            for call in self._depending()
        )  # fmt: skip

    def _depending(self) -> Iterator[cst.Call]:
        for function in self.index.all_functions:
            yield from function.calls
            for param in function.params:
                if param.annotation is not None:
                    yield from (node for node in walk(param.annotation) if isinstance(node, cst.Call))

    def _is_made_once(self, function: FunctionInfo) -> bool:
        """Whether a function is named, decorated or placed like one that runs once in the life of a process."""
        if function.is_module:
            return False
        if is_cached(function) or is_fixture(function) or isinstance(function.node, cst.Lambda):
            return True
        if _ONCE.fullmatch(function.name):
            return True
        for decorator in function.decorators:
            target = decorator.func if isinstance(decorator, cst.Call) else decorator
            dotted = self.index.dotted(target, function.parent or self.index.body) or _name_of(decorator)
            if dotted not in _PLAIN | _MANAGERS and not self._is_handler(decorator, function):
                return True  # what an unknown decorator makes of it cannot be told: it may keep the result
        return False


def _is_short_lived(kind: Kind) -> bool:
    """Whether it is made for one piece of work and given back after it, as a pool is not."""
    return not kind.is_pool and kind.duty is not Duty.NONE


def _varies(node: cst.Call, function: FunctionInfo) -> bool:
    """Whether the arguments of a call depend on the function's own parameters or other local names."""
    names = {param.name.value for param in function.params} | function.bound
    return any(names & names_read(argument.value) for argument in node.args)


def _name_of(node: cst.BaseExpression) -> str:
    """Return the last part of a dotted name, looking through calls and subscripts."""
    while isinstance(node, (cst.Call, cst.Subscript)):
        node = node.func if isinstance(node, cst.Call) else node.value
    if isinstance(node, cst.Attribute):
        return node.attr.value
    return node.value if isinstance(node, cst.Name) else ""
