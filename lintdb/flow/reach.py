"""Which attributes of an object a method can reach, itself or through other methods: all others it leaves alone."""

from __future__ import annotations

from lintdb.syntax.names import ClassInfo, FunctionInfo


class Reach:
    """Answers for methods, each once."""

    def __init__(self) -> None:
        self._known: dict[tuple[FunctionInfo, ClassInfo], frozenset[str] | None] = {}

    def of(self, method: FunctionInfo, owner: ClassInfo) -> frozenset[str] | None:
        """Return the names of attributes that a method of an object of *owner* can reach; None: any of them."""
        key = (method, owner)
        if key not in self._known:
            self._known[key] = self._find(method, owner)
        return self._known[key]

    @staticmethod
    def _find(method: FunctionInfo, owner: ClassInfo) -> frozenset[str] | None:
        names: set[str] = set()
        seen: set[FunctionInfo] = set()
        todo = [method]
        while todo:
            current = todo.pop()
            if current in seen:
                continue
            seen.add(current)
            if current.owner is not None and current.is_method and current.hands_object_on:
                return None
            found = current.attributes - names
            names |= found
            todo += (*current.nested.values(), *current.lambdas.values())
            todo += (each.methods[name] for each in owner.lineage for name in found if name in each.methods)
        return frozenset(names)
