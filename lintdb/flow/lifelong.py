"""Whether the objects of a class are there for as long as the process: made once, where a program begins.

`store = Store()` on module level does that, and a function that is called there alone, or that is called like one that
sets up a program. What cannot be told speaks against it.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from lintdb.flow.users import Target, Unknown, find_uses
from lintdb.syntax.names import ClassInfo

_STARTS = re.compile(
    r"_*(?:main|start|lifespan|startup|on_startup|(?:setup|init)(?:_\w+)?"
    r"|(?:create|make|build|get)_(?:app|application|server|bot|dispatcher)\w*)"
)
"""What functions are called that run once, when a program begins."""
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
        uses = list(find_uses(todo.pop(), owner, does_not_count))
        if not uses:
            return False  # a handler, or what another program calls
        for use in uses:
            if isinstance(use, Unknown):
                return False
            if use.place.is_annotation:
                continue
            if not use.place.is_called or use.place.is_repeated:
                return False  # it is derived from, or handed to others, who may make any number
            user = use.user
            if user is not None and user.owner and user.name == "__init__":
                user = Target(user.owner, user.path)  # as often as that is made
            if user is None or (not user.owner and _STARTS.fullmatch(user.name)):
                is_made = True
            elif user not in seen:
                seen.add(user)
                todo.append(user)
    return is_made and not todo
