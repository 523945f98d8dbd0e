"""Rewrites a program so that its functions tell the world when they are entered and left, and what they return.

Lines stay as they are. What is rewritten: the body of each function, `return`, `yield`, `raise`, `assert`, handlers,
tests for None, and `while` tests, whose rounds are bounded.
"""

from __future__ import annotations

import ast
import builtins
import copy
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from tests.truth.books import Guard, Places

RUNTIME = "truth_runtime"
FRAME = "truth_frame"
SUBJECT = "truth_subject"
MANAGERS = ("contextmanager", "asynccontextmanager")


@dataclass(frozen=True)
class Parameter:
    """One parameter of a function: its name, annotation as text, and the kind of its default."""

    name: str
    annotation: str
    default: str
    kind: str


@dataclass(frozen=True)
class FunctionInfo:
    """What the text says about a function."""

    name: str
    first_line: int
    last_line: int
    is_generator: bool
    is_manager: bool
    is_method: bool
    is_async: bool
    parameters: tuple[Parameter, ...]


@dataclass(frozen=True)
class Instrumented:
    """A program ready to be compiled."""

    tree: ast.Module
    functions: dict[str, FunctionInfo]
    places: Places
    globals: frozenset[str]
    tests: frozenset[tuple[int, int]]
    counted_loops: frozenset[tuple[int, int]]


def instrument(text: str) -> Instrumented:
    """Parse and rewrite a program."""
    tree = ast.parse(text)
    places = _places(tree)
    functions = {info.name: info for info in _functions(tree)}
    names = frozenset(name for node in ast.walk(tree) if isinstance(node, ast.Global) for name in node.names)
    counted = frozenset(
        _start_of(node.iter)
        for node in ast.walk(tree)
        if isinstance(node, ast.For | ast.comprehension) and _is_counted(node.iter)
    )
    rewritten = _Rewriter().visit(tree)
    ast.fix_missing_locations(rewritten)
    return Instrumented(rewritten, functions, places, names, frozenset(_tests_of(rewritten)), counted)


def _is_counted(node: ast.expr) -> bool:
    """Whether a constant says how many rounds a loop over this has."""
    if isinstance(node, ast.Tuple | ast.List):
        return not any(isinstance(each, ast.Starred) for each in node.elts)
    is_range = isinstance(node, ast.Call) and ast.unparse(node.func) == "range"
    return is_range and isinstance(node, ast.Call) and all(isinstance(each, ast.Constant) for each in node.args)


def _tests_of(tree: ast.AST) -> Iterator[tuple[int, int]]:
    """Yield the places of the conditions that tell how they turn out."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == f"{RUNTIME}.test":
            line, column = node.args[1:]
            yield ast.literal_eval(line), ast.literal_eval(column)


def _functions(tree: ast.Module) -> list[FunctionInfo]:
    found = []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found.append(_info(node, node.name, is_method=False))
        if isinstance(node, ast.ClassDef):
            found += [
                _info(each, f"{node.name}.{each.name}", is_method=True)
                for each in node.body
                if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
            ]
    return found


def _info(node: ast.FunctionDef | ast.AsyncFunctionDef, name: str, *, is_method: bool) -> FunctionInfo:
    return FunctionInfo(
        name=name,
        first_line=node.lineno,
        last_line=node.end_lineno or node.lineno,
        is_generator=_is_generator(node),
        is_manager=_is_manager(node),
        is_method=is_method,
        is_async=isinstance(node, ast.AsyncFunctionDef),
        parameters=tuple(_parameters(node.args)),
    )


def _parameters(args: ast.arguments) -> list[Parameter]:
    positional = [*args.posonlyargs, *args.args]
    defaults: list[ast.expr | None] = [None] * (len(positional) - len(args.defaults))
    found = [
        _parameter(each, default, "positional")
        for each, default in zip(positional, [*defaults, *args.defaults], strict=True)
    ]
    found += [
        _parameter(each, default, "keyword") for each, default in zip(args.kwonlyargs, args.kw_defaults, strict=True)
    ]
    if args.vararg is not None:
        found.append(_parameter(args.vararg, None, "star"))
    return found


def _parameter(node: ast.arg, default: ast.expr | None, kind: str) -> Parameter:
    annotation = ast.unparse(node.annotation) if node.annotation is not None else ""
    what = "" if default is None else "constant" if isinstance(default, ast.Constant) else "expression"
    return Parameter(node.arg, annotation, what, kind)


def _is_manager(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any(ast.unparse(each).split(".")[-1] in MANAGERS for each in node.decorator_list)


def _is_generator(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    todo: list[ast.AST] = list(node.body)
    while todo:
        each = todo.pop()
        if isinstance(each, ast.Yield | ast.YieldFrom):
            return True
        if not isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            todo.extend(ast.iter_child_nodes(each))
    return False


def _places(tree: ast.Module) -> Places:
    clean_up: set[int] = set()
    handlers: set[int] = set()
    guards: list[Guard] = []
    waiting: list[tuple[int, int]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Try):
            for handler in node.handlers:
                for each in handler.body:
                    handlers |= _lines(each)
            for each in node.finalbody:
                clean_up |= _lines(each)
        if isinstance(node, ast.Try | ast.With | ast.AsyncWith):
            lines = [line for statement in node.body for line in _lines(statement)]
            types = _caught_by(node)
            is_for_driver = any(_is_driver_error(each) for each in types)
            raises_again = isinstance(node, ast.Try) and any(map(_raises_again, node.handlers))
            guards.append(Guard(min(lines), max(lines), tuple(_classes(types)), is_for_driver, raises_again))
            if _waits_for_driver(node):
                waiting.append((min(lines), max(lines)))
    guards.sort(key=lambda each: each.last - each.first)
    return Places(frozenset(clean_up | handlers), frozenset(handlers), tuple(guards), tuple(waiting), *_errors(tree))


def _caught_by(node: ast.Try | ast.With | ast.AsyncWith) -> list[ast.expr | None]:
    """Return the classes that handlers, or `suppress`, name around a block; None for all."""
    if isinstance(node, ast.Try):
        return [handler.type for handler in node.handlers]
    calls = [each.context_expr for each in node.items if isinstance(each.context_expr, ast.Call)]
    return [given for call in calls if ast.unparse(call.func).endswith("suppress") for given in call.args]


def _classes(types: list[ast.expr | None]) -> Iterator[type[BaseException]]:
    """Yield the classes that expressions name, as far as they are known here."""
    for each in types:
        if each is None:
            yield BaseException
        elif isinstance(each, ast.Tuple):
            yield from _classes(list(each.elts))
        elif isinstance(each, ast.Name | ast.Attribute):
            module, _, name = ast.unparse(each).rpartition(".")
            found = getattr(sqlite3 if module == "sqlite3" else builtins, name, None)
            if isinstance(found, type) and issubclass(found, BaseException):
                yield found


def _raises_again(handler: ast.ExceptHandler) -> bool:
    return any(isinstance(node, ast.Raise) and node.exc is None for each in handler.body for node in ast.walk(each))


def _waits_for_driver(node: ast.Try | ast.With | ast.AsyncWith) -> bool:
    """Whether a block stands where an error of the driver is waited for, or whatever comes is dropped."""
    if isinstance(node, ast.Try):
        return any(_is_driver_error(each.type) or _drops_everything(each) for each in node.handlers)
    types = _caught_by(node)
    return any(_is_driver_error(each) for each in types) or Exception in _classes(types)


def _drops_everything(handler: ast.ExceptHandler) -> bool:
    catches_all = handler.type is None or ast.unparse(handler.type) in ("Exception", "BaseException")
    return catches_all and all(isinstance(each, ast.Pass | ast.Continue) for each in handler.body)


def _errors(tree: ast.Module) -> tuple[tuple[type[Exception], ...], tuple[type[Exception], ...]]:
    """What calls of the driver raise, and what opaque calls raise, as far as the handlers tell errors apart."""
    types = [node.type for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler) and node.type is not None]
    caught = " ".join(map(ast.unparse, [*types, *(node for node in ast.walk(tree) if isinstance(node, ast.withitem))]))
    of_driver: list[type[Exception]] = [sqlite3.OperationalError]
    narrow = ("IntegrityError", "OperationalError", "ProgrammingError", "InterfaceError", "DataError")
    if any(f"sqlite3.{name}" in caught for name in narrow):
        of_driver.append(sqlite3.IntegrityError)
    if all(f"sqlite3.{name}" in caught for name in ("IntegrityError", "OperationalError")):
        of_driver.append(sqlite3.DataError)  # which neither of them catches
    if "sqlite3.DatabaseError" in caught:
        of_driver.append(sqlite3.InterfaceError)
    others = [known for known in (KeyError, ValueError) if known.__name__ in caught]
    handles_driver = any(_is_driver_error(each) for each in types) or "suppress(sqlite3." in caught
    return tuple(of_driver), (*others, *(of_driver if handles_driver else ()))


def _is_driver_error(node: ast.expr | None) -> bool:
    return node is not None and "sqlite3." in ast.unparse(node)


def _lines(node: ast.stmt) -> set[int]:
    return set(range(node.lineno, (node.end_lineno or node.lineno) + 1))


class _Rewriter(ast.NodeTransformer):
    def __init__(self) -> None:
        self._inside: list[str] = []

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        self._function(node)
        return node

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AsyncFunctionDef:
        self._function(node)
        return node

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        is_generator, is_manager = _is_generator(node), _is_manager(node)
        self._inside.append("manager" if is_manager else "generator" if is_generator else "function")
        self.generic_visit(node)
        self._inside.pop()
        self._wrap(node, is_generator=is_generator, is_manager=is_manager)

    def visit_Lambda(self, node: ast.Lambda) -> ast.Lambda:
        self._inside.append("lambda")
        self.generic_visit(node)
        self._inside.pop()
        return node

    def visit_Return(self, node: ast.Return) -> ast.Return:
        self.generic_visit(node)
        value = node.value if node.value is not None else ast.Constant(None)
        node.value = _at(_call(FRAME, "returns", value), node.value or node)
        return node

    def visit_Yield(self, node: ast.Yield) -> ast.Yield:
        self.generic_visit(node)
        if self._inside and self._inside[-1] in ("generator", "manager") and node.value is not None:
            node.value = _at(_call(FRAME, "yields", node.value), node.value)
        return node

    def visit_Raise(self, node: ast.Raise) -> ast.Raise:
        self.generic_visit(node)
        if node.exc is not None:
            node.exc = _at(_call(RUNTIME, "explicit", node.exc), node.exc)
        return node

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        self.generic_visit(node)
        call = _at(_call(RUNTIME, "asserts", _tested(node.test)), node)
        return ast.copy_location(ast.Expr(call), node)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.ExceptHandler:
        self.generic_visit(node)
        first = node.body[0]
        call = _at(_call(RUNTIME, "caught", ast.Constant(node.lineno)), first)
        node.body.insert(0, ast.copy_location(ast.Expr(call), first))
        return node

    def visit_If(self, node: ast.If) -> ast.If:
        self.generic_visit(node)
        node.test = _tested(node.test)
        return node

    def visit_IfExp(self, node: ast.IfExp) -> ast.IfExp:
        self.generic_visit(node)
        node.test = _tested(node.test)
        return node

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.BoolOp:
        self.generic_visit(node)
        node.values = [*map(_tested, node.values[:-1]), node.values[-1]]
        return node

    def visit_For(self, node: ast.For) -> ast.For:
        self.generic_visit(node)
        node.iter = _at(_call(RUNTIME, "each", node.iter, *_place_of(node.iter)), node.iter)
        return node

    def visit_AsyncFor(self, node: ast.AsyncFor) -> ast.AsyncFor:
        self.generic_visit(node)
        node.iter = _at(_call(RUNTIME, "each_later", node.iter, *_place_of(node.iter)), node.iter)
        return node

    def visit_comprehension(self, node: ast.comprehension) -> ast.comprehension:
        self.generic_visit(node)
        if not node.is_async:
            node.iter = _at(_call(RUNTIME, "each", node.iter, *_place_of(node.iter)), node.iter)
        node.ifs = [_tested(each) for each in node.ifs]
        return node

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        self.generic_visit(node)
        right = node.comparators[0]
        if len(node.ops) == 1 and isinstance(right, ast.Constant) and right.value is None:
            name = {ast.Is: "is_none", ast.IsNot: "is_not_none"}.get(type(node.ops[0]))
            if name is not None:
                return _at(_call(RUNTIME, name, node.left), node)
        return node

    def visit_Match(self, node: ast.Match) -> ast.Match:
        """What an opaque value looks like is a choice: the case of a structure may be taken for it, too."""
        self.generic_visit(node)
        cases: list[ast.match_case] = []
        for case in node.cases:
            cases.append(case)
            if isinstance(case.pattern, ast.MatchSingleton) and case.pattern.value is None:
                cases.append(_if_none(case))
            if _is_of_structure(case.pattern) and not _captured(case.pattern) & _loaded(case):
                value = ast.Name(SUBJECT, ast.Load())
                guard: ast.expr = _at(_call(RUNTIME, "looks_like", value), case.pattern)
                if case.guard is not None:
                    guard = ast.copy_location(ast.BoolOp(ast.And(), [guard, copy.deepcopy(case.guard)]), case.pattern)
                pattern = ast.copy_location(ast.MatchAs(name=SUBJECT), case.pattern)
                cases.append(ast.match_case(pattern, guard, copy.deepcopy(case.body)))
        node.cases = cases
        return node

    def visit_While(self, node: ast.While) -> ast.While:
        self.generic_visit(node)
        node.test = _tested(node.test)
        first = node.body[0]
        call = _at(_call(RUNTIME, "round", ast.Constant(node.lineno)), first)
        node.body.insert(0, ast.copy_location(ast.Expr(call), first))
        return node

    def _wrap(self, node: ast.FunctionDef | ast.AsyncFunctionDef, *, is_generator: bool, is_manager: bool) -> None:
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        arguments += [each for each in (node.args.vararg, node.args.kwarg) if each is not None]
        names = ast.Tuple([ast.Name(each.arg, ast.Load()) for each in arguments], ast.Load())
        facts: list[str | int | None] = [node.name, node.lineno, node.end_lineno, is_generator, is_manager]
        enter = ast.Assign(
            [ast.Name(FRAME, ast.Store())], _call(RUNTIME, "enter", *(ast.Constant(each) for each in facts), names)
        )
        ended = ast.Expr(_call(FRAME, "returns", ast.Constant(None)))
        failed = ast.ExceptHandler(
            ast.Name("BaseException", ast.Load()), None, [ast.Expr(_call(FRAME, "fails")), ast.Raise()]
        )
        left = ast.Expr(_call(FRAME, "leave"))
        first, last = node.body[0], node.body[-1]
        start = node.body
        head: list[ast.stmt] = []
        while start and isinstance(start[0], ast.Global | ast.Nonlocal):
            head.append(start[0])
            start = start[1:]
        for added in (enter, failed, left):
            _locate(added, first)
        _locate(ended, last)
        body = ast.Try([*start, ended], [failed], [], [left])
        node.body = [*head, enter, ast.copy_location(body, first)]


def _call(owner: str, method: str, *arguments: ast.expr) -> ast.Call:
    return ast.Call(ast.Attribute(ast.Name(owner, ast.Load()), method, ast.Load()), list(arguments), [])


def _at(node: ast.Call, place: ast.AST) -> ast.Call:
    """Give a made call the place of what it stands for."""
    ast.copy_location(node, place)
    _locate(node.func, place)
    return node


def _tested(node: ast.expr) -> ast.expr:
    """Let the parts of a condition tell how they turned out."""
    if isinstance(node, ast.BoolOp):
        node.values = [_tested(each) for each in node.values]
        return node
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        node.operand = _tested(node.operand)
        return node
    is_done = isinstance(node, ast.Call) and ast.unparse(node.func) == f"{RUNTIME}.test"
    if isinstance(node, ast.Constant) or is_done:
        return node
    return _at(_call(RUNTIME, "test", node, *_place_of(node)), node)


def _place_of(node: ast.expr) -> tuple[ast.Constant, ast.Constant]:
    line, column = _start_of(node)
    return ast.Constant(line), ast.Constant(column)


def _start_of(node: ast.expr) -> tuple[int, int]:
    """Return where the text begins: for a tuple without the parenthesis, as libcst sees it."""
    first = node.elts[0] if isinstance(node, ast.Tuple) and node.elts else node
    return first.lineno, first.col_offset + 1


def _if_none(case: ast.match_case) -> ast.match_case:
    """Return the case for an opaque value that stands for None."""
    guard: ast.expr = _at(_call(RUNTIME, "is_none", ast.Name(SUBJECT, ast.Load())), case.pattern)
    if case.guard is not None:
        guard = ast.copy_location(ast.BoolOp(ast.And(), [guard, copy.deepcopy(case.guard)]), case.pattern)
    pattern = ast.copy_location(ast.MatchAs(name=SUBJECT), case.pattern)
    return ast.match_case(pattern, guard, copy.deepcopy(case.body))


def _is_of_structure(pattern: ast.pattern) -> bool:
    return isinstance(pattern, ast.MatchClass | ast.MatchMapping | ast.MatchSequence)


def _captured(pattern: ast.pattern) -> set[str]:
    return {each.name or "" for each in ast.walk(pattern) if isinstance(each, ast.MatchAs | ast.MatchStar)}


def _loaded(case: ast.match_case) -> set[str]:
    return {each.id for each in ast.walk(case) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load)}


def _locate(node: ast.AST, place: ast.AST) -> None:
    for each in ast.walk(node):
        ast.copy_location(each, place)
