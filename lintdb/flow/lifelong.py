"""Whether what a class or function does is done once, where a program begins: its objects last as long as the process.

`store = Store()` on module level does that, and a function that is called there alone, or that is called like one that
sets up a program. What cannot be told speaks against it.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

import libcst as cst
import libcst.matchers as m

from lintdb.flow.users import AnyFunction, Place, Target, Unknown, Use, find_uses, last_name
from lintdb.flow.words import BEGINS, OF_PROGRAMS, START_UP
from lintdb.syntax.names import ClassInfo, FunctionInfo

_MOST_TARGETS = 6
"""Functions between the class and the start of the program."""


def lives_with_process(owner: ClassInfo, does_not_count: Callable[[str], bool]) -> bool:
    """Whether the objects of a class are made by the start of a program alone.

    *does_not_count* says of a path that what is made in that file does not matter, as in tests.
    """
    harmless = _constants(owner)
    return _is_used_at_start(
        Target.of(owner),
        owner,
        does_not_count,
        begins=lambda use: use.by is None or begins_program(use.by),
        is_no_use=lambda place: place.asked_for in harmless,
    )


def runs_at_start(function: FunctionInfo, does_not_count: Callable[[str], bool]) -> bool:
    """Whether the start of a server alone calls a function, once; *does_not_count* as above.

    A script that calls it, and a `main`, may be over soon: what they leave open is another question.
    """
    if function.is_module or function.decorators or function.is_generator:
        return False
    return _is_used_at_start(
        Target.of(function),
        function,
        does_not_count,
        begins=lambda use: use.by is not None and begins_program(use.by) and _starts_server(use.by, use.user),
        is_no_use=lambda _: False,
    )


def _is_used_at_start(
    first: Target,
    near: ClassInfo | FunctionInfo,
    does_not_count: Callable[[str], bool],
    *,
    begins: Callable[[Use], bool],
    is_no_use: Callable[[Place], bool],
) -> bool:
    """Whether all that uses a class or function is run by the start of a program alone.

    *begins* says of a use that it stands there; *is_no_use* of a place that a mention there does nothing.
    """
    todo = [first]
    seen = set(todo)
    is_made = False
    while todo and len(seen) <= _MOST_TARGETS:
        target = todo.pop()
        uses = list(find_uses(target, near, does_not_count))
        if not uses or target.is_open:
            return False  # a handler, or what another program calls
        for use in uses:
            if isinstance(use, Unknown):
                return False
            if use.place.is_annotation or (target == first and is_no_use(use.place)):
                continue
            if not use.place.is_called or use.place.is_repeated or use.place.is_deferred:
                return False  # it is derived from, or handed to others, who may make any number
            user = use.runs_with
            if user == target:
                return False  # again and again
            if begins(use):
                is_made = True
            elif user is None or (use.by is not None and use.by.decorator_list):
                return False  # a handler of requests, a task, a test
            elif user not in seen:
                seen.add(user)
                todo.append(user)
    return is_made and not todo


def _constants(owner: ClassInfo) -> set[str]:
    """Return what can be asked of a class without that an object of it is made.

    That are its constants, its static methods, and the class methods that ask `cls` for nothing else.
    """
    found = {each for one in owner.lineage for each, (value, _) in one.body_values.items() if value is not None}
    asking: dict[str, set[str]] = {}
    for each, method in owner.methods.items():
        decorators = [getattr(one, "value", "") for one in method.decorators]
        if decorators == ["staticmethod"]:
            found.add(each)
        elif decorators == ["classmethod"] and method.params:
            asked = _asked_for(method.params[0].name.value, method.node)
            if asked is not None:
                asking[each] = asked
    while harmless := {each for each, asked in asking.items() if each not in found and asked <= found | {each}}:
        found |= harmless
    return found


def _asked_for(name: str, node: cst.CSTNode) -> set[str] | None:
    """Return the attributes that a function reads of what a name stands for; None if it does more with it."""
    asked = [each.attr.value for each in m.findall(node, m.Attribute(m.Name(name))) if isinstance(each, cst.Attribute)]
    mentions = len(m.findall(node, m.Name(name))) - 1  # the parameter itself
    return set(asked) if mentions == len(asked) else None


def begins_program(function: AnyFunction) -> bool:
    """Whether a function runs once, when a program begins: by what it is called and takes, or as it is registered."""
    names = {last_name(getattr(each, "func", each)) for each in function.decorator_list}
    takes = {each.arg for each in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)}
    if "on_event" in names:
        return any(isinstance(node, ast.Constant) and node.value == "startup" for node in _arguments(function))
    return takes <= OF_PROGRAMS and names <= START_UP and BEGINS.fullmatch(function.name) is not None


def _starts_server(function: AnyFunction, target: Target | None) -> bool:
    """Whether a function is a framework's hook for its start: by its only decorator, or by its name and what it takes.

    *target* is the same function; methods of that name are called for anything.
    """
    if target is None or target.owner:
        return False
    names = [last_name(getattr(each, "func", each)) for each in function.decorator_list]
    takes = [each.arg for each in function.args.args]
    if names == ["on_event"]:
        return True
    if names == ["asynccontextmanager"]:
        return function.name.endswith("lifespan") and takes[1:] == []
    return not names and function.name in ("startup", "on_startup") and takes in (["app"], ["_app"], ["_"])


def _arguments(function: AnyFunction) -> Iterator[ast.expr]:
    """Yield the arguments of the decorators of a function."""
    for decorator in function.decorator_list:
        yield from decorator.args if isinstance(decorator, ast.Call) else ()
