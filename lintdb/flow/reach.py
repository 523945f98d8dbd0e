"""Which attributes of an object a method can reach, itself or through other methods: all others it leaves alone."""

from __future__ import annotations

from typing import NamedTuple

from lintdb.syntax.names import ClassInfo, FunctionInfo

_MAKE_OBJECTS = frozenset({"__init__", "__new__", "__post_init__", "__init_subclass__"})


class Reached(NamedTuple):
    """The attributes of its object that a method names, itself or in other methods that it may call.

    `hands_object_on`: somebody else gets the object, too, and may reach what else it holds.
    """

    names: frozenset[str]
    hands_object_on: bool


class Reach:
    """Answers for methods, each once."""

    def __init__(self) -> None:
        self._known: dict[tuple[FunctionInfo, ClassInfo], Reached] = {}

    def of(self, method: FunctionInfo, owner: ClassInfo) -> Reached:
        """Return what a method of an object of *owner* can reach."""
        key = (method, owner)
        if key not in self._known:
            self._known[key] = self._find(method, owner)
        return self._known[key]

    @staticmethod
    def _find(method: FunctionInfo, owner: ClassInfo) -> Reached:
        names: set[str] = set()
        seen: set[FunctionInfo] = set()
        todo = [method]
        hands_object_on = False
        while todo:
            current = todo.pop()
            if current in seen:
                continue
            seen.add(current)
            if current.is_method and not current.hands_object_on:
                found = set(current.own_attributes - names)
            else:
                # By another name for the object, any attribute may be one of it.
                found = current.attributes - names
                todo += (*current.nested.values(), *current.lambdas.values())
                if current.is_method and not hands_object_on:
                    hands_object_on = True
                    # `with self:`, `for row in self:`
                    todo += (each for part in owner.lineage for each in part.methods.values() if _is_special(each))
            names |= found
            todo += (each.methods[name] for each in owner.lineage for name in found if name in each.methods)
        return Reached(frozenset(names), hands_object_on)


def _is_special(method: FunctionInfo) -> bool:
    """Whether Python itself calls a method of an object that is there: in blocks, loops, tests."""
    return method.name.startswith("__") and method.name not in _MAKE_OBJECTS
