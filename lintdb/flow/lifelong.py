"""Whether the objects of a class are there for as long as the process: made once, where a program begins.

`store = Store()` on module level does that, and a function that is called there alone, or that is called like one that
sets up a program. What cannot be told speaks against it.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from lintdb.flow.users import AnyFunction, Target, Unknown, find_uses, last_name
from lintdb.flow.words import BEGINS, OF_PROGRAMS, START_UP
from lintdb.syntax.names import ClassInfo

_MOST_TARGETS = 6
"""Functions between the class and the start of the program."""


def lives_with_process(owner: ClassInfo, does_not_count: Callable[[str], bool]) -> bool:
    """Whether the objects of a class are made by the start of a program alone.

    *does_not_count* says of a path that what is made in that file does not matter, as in tests.
    """
    todo = [Target.of(owner)]
    seen = set(todo)
    is_made = False
    while todo and len(seen) <= _MOST_TARGETS:
        target = todo.pop()
        uses = list(find_uses(target, owner, does_not_count))
        if not uses or target.is_open:
            return False  # a handler, or what another program calls
        for use in uses:
            if isinstance(use, Unknown):
                return False
            if use.place.is_annotation:
                continue
            if not use.place.is_called or use.place.is_repeated or use.place.is_deferred:
                return False  # it is derived from, or handed to others, who may make any number
            user = use.user
            if user is not None and user.owner and user.name == "__init__":
                user = Target(user.owner, user.path)  # as often as that is made
            if user is None or (use.by is not None and begins_program(use.by)):
                is_made = True
            elif use.by is not None and use.by.decorator_list:
                return False  # a handler of requests, a task, a test
            elif user not in seen:
                seen.add(user)
                todo.append(user)
    return is_made and not todo


def begins_program(function: AnyFunction) -> bool:
    """Whether a function runs once, when a program begins: by what it is called and takes, or as it is registered."""
    names = {last_name(getattr(each, "func", each)) for each in function.decorator_list}
    takes = {each.arg for each in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)}
    if "on_event" in names:
        return any(isinstance(node, ast.Constant) and node.value == "startup" for node in _arguments(function))
    return takes <= OF_PROGRAMS and names <= START_UP and BEGINS.fullmatch(function.name) is not None


def _arguments(function: AnyFunction) -> Iterator[ast.expr]:
    """Yield the arguments of the decorators of a function."""
    for decorator in function.decorator_list:
        yield from decorator.args if isinstance(decorator, ast.Call) else ()
