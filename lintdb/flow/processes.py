"""Functions that run in processes of their own: what a process, or a pool of processes, is given. Follows no paths."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import libcst as cst

from lintdb.flow.stdlib import PROCESS_POOL_METHODS, PROCESS_POOLS, PROCESSES, WORKER_TASKS
from lintdb.syntax.names import FunctionInfo

if TYPE_CHECKING:
    from lintdb.flow.fates import Fates

_MAKES_TASKS = "celery.Celery"


@dataclass(frozen=True)
class Start:
    """A function that runs in another process, and the node that shows it.

    `by` is the function that starts the process; None where the file does not show it: for the tasks of a framework,
    whose workers are made when the module has been imported, and for classes of processes.
    """

    function: FunctionInfo
    node: cst.CSTNode
    by: FunctionInfo | None


class Processes:
    """Answers for one module."""

    def __init__(self, fates: Fates) -> None:
        self.fates = fates
        self.index = fates.index
        self.starts = tuple(self._find())

    def reached(self, function: FunctionInfo) -> list[FunctionInfo]:
        """Return a function, and the functions of this module that it calls, directly or not."""
        found = [function]
        for current in found:
            for call in current.calls:
                callee = self.fates.callee(call, current)
                if callee is not None and callee not in found:
                    found.append(callee)
        return found

    def _find(self) -> Iterator[Start]:
        for owner in self.index.classes.values():
            is_process = any(self.index.dotted(base, self.index.body) in PROCESSES for base in owner.bases)
            if is_process and "run" in owner.methods:
                yield Start(owner.methods["run"], owner.node, None)
        for function in self.index.all_functions:
            if any(self._is_task(decorator) for decorator in function.decorators):
                yield Start(function, function.node, None)
            pools = {name for scope in (function, self.index.body) for name in self._pools(scope)}
            for call in function.calls:
                target = self._given(call, function, pools)
                if target is not None:
                    yield Start(target, call, function)

    def _is_task(self, decorator: cst.BaseExpression) -> bool:
        """Whether a decorator makes a task of a function that prefork workers run."""
        target = decorator.func if isinstance(decorator, cst.Call) else decorator
        if self.index.dotted(target, self.index.body) in WORKER_TASKS:
            return True
        if (
            not isinstance(target, cst.Attribute)
            or target.attr.value != "task"
            or not isinstance(target.value, cst.Name)
        ):
            return False
        made = self.index.values.get(target.value.value, [])
        return any(
            isinstance(value, cst.Call) and self.index.dotted(value.func, self.index.body) == _MAKES_TASKS
            for value in made
        )

    def _pools(self, function: FunctionInfo) -> Iterator[str]:
        """Yield what a function calls the pools of processes that it makes."""
        for call in function.calls:
            if self.index.dotted(call.func, function) not in PROCESS_POOLS:
                continue
            for outer in self.fates.ancestry(function).ancestors(call):
                if isinstance(outer, cst.Assign):
                    yield from (self._text(each.target) for each in outer.targets)
                elif isinstance(outer, cst.WithItem) and outer.asname is not None:
                    yield self._text(outer.asname.name)
                elif not isinstance(outer, (cst.Call, cst.Arg)):
                    break
                else:
                    continue
                break

    def _given(self, call: cst.Call, function: FunctionInfo, pools: set[str]) -> FunctionInfo | None:
        """Return the function of this module that a call has run in another process."""
        dotted = self.index.dotted(call.func, function)
        positions: list[int] = []
        if dotted in PROCESSES:
            named = next((a.value for a in call.args if a.keyword is not None and a.keyword.value == "target"), None)
            return self._function(named, function) if named is not None else None
        if not isinstance(call.func, cst.Attribute):
            return None
        receiver = call.func.value
        is_pool = self._text(receiver) in pools or (
            isinstance(receiver, cst.Call) and self.index.dotted(receiver.func, function) in PROCESS_POOLS
        )
        if is_pool and call.func.attr.value in PROCESS_POOL_METHODS:
            positions = [0]
        elif call.func.attr.value == "run_in_executor" and call.args and self._text(call.args[0].value) in pools:
            positions = [1]
        given = next((call.args[each].value for each in positions if each < len(call.args)), None)
        return self._function(given, function) if given is not None else None

    def _function(self, node: cst.BaseExpression, function: FunctionInfo) -> FunctionInfo | None:
        if isinstance(node, cst.Name):
            return self.index.find_function(node.value, function)
        if isinstance(node, cst.Call) and node.args and self.index.dotted(node.func, function) == "functools.partial":
            return self._function(node.args[0].value, function)
        if isinstance(node, cst.Attribute) and isinstance(node.value, cst.Name) and function.owner is not None:
            return function.owner.find_method(node.attr.value) if node.value.value == "self" else None
        return None

    def _text(self, node: cst.CSTNode) -> str:
        return self.index.code_of(node)
