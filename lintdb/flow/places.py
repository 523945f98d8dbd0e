"""What a program leaves for other functions: on a namespace (`flask.g.conn`), or under a key of an application."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import libcst as cst

from lintdb.effects import Argument, CallModel
from lintdb.flow.behind import bundle_behind
from lintdb.flow.stdlib import NAMESPACES, TYPED_KEYS
from lintdb.syntax.literals import only_value
from lintdb.syntax.names import FunctionInfo, ModuleIndex, Symbol, Variable

if TYPE_CHECKING:
    from lintdb.flow.types_of import ModuleTypes, Type


class Maker(NamedTuple):
    """A function of a library that a program keeps for others: its dotted name, and what the driver's model says."""

    dotted: str
    models: tuple[CallModel, ...]


class Places:
    """What stands where the functions of a module find things that others have left for them."""

    def __init__(self, types: ModuleTypes) -> None:
        self._types = types
        self._index = types.index

    def type_on(self, dotted: str) -> Type | None:
        """Return what the module puts into an attribute of a namespace (`flask.g.conn`), if it puts one thing there."""
        if dotted.rpartition(".")[0] not in NAMESPACES:
            return None
        placed = self._index.placed.get(dotted, ())
        types = self._types
        found = {each for scope, value, _ in placed if (each := types.type_of_expression(value, scope)) is not None}
        return found.pop() if len(found) == 1 else None

    def type_of_key(self, name: str, symbol: Symbol | None) -> Type | None:
        """Return what stands under a key that says its type, `POOL = web.AppKey("pool", Pool)`: *name* is the key's.

        *symbol* is what that name stands for.
        """
        index = symbol.index if isinstance(symbol, Variable) else self._index
        value = index.constant(symbol.name if isinstance(symbol, Variable) else name)
        if not isinstance(value, cst.Call) or index.dotted(value.func, index.body) not in TYPED_KEYS:
            return None
        types = self._types.of_module(index)
        said = types.given_argument(value, Argument(1, "t"))
        return types.type_of_annotation(said, index.body) if said is not None else None

    def type_under(self, key: str) -> Type | None:
        """Return what the modules of the project put under a key of an application, if they put one thing there."""
        return self._types.peers.memo.get(("kept", self._index.name, key), lambda: self._find_type_under(key))

    def _find_type_under(self, key: str) -> Type | None:
        found = {
            each
            for index, scope, value in self._put_under(key)
            if (each := self._types.of_module(index).type_of_expression(value, scope)) is not None
        }
        return found.pop() if len(found) == 1 else None

    def maker_under(self, key: str) -> FunctionInfo | Maker | None:
        """Return the function that the modules of the project put under a key, if they put one thing there.

        A function of the project, or one of a library; a `functools.partial(…)` of it counts as it.
        """
        return self._types.peers.memo.get(("maker", self._index.name, key), lambda: self._find_maker_under(key))

    def _find_maker_under(self, key: str) -> FunctionInfo | Maker | None:
        put = list(self._put_under(key))
        if len(put) != 1:
            return None
        index, scope, value = put[0]
        value = (only_value(value.value, scope) if isinstance(value, cst.Name) else None) or value
        if value is None:
            return None
        bundle = bundle_behind(value, index, scope)
        node = bundle.args[0].value if bundle is not None and bundle.args else value
        symbol = index.symbol_of(node, scope) if isinstance(node, (cst.Name, cst.Attribute)) else None
        if isinstance(symbol, FunctionInfo):
            return symbol if symbol.parent is not None and symbol.parent.is_module and symbol.owner is None else None
        dotted = index.dotted(node, scope)
        # This module need not import the library: what the other one knows of it counts.
        models = self._types.of_module(index).knowledge.function(dotted) if dotted is not None else ()
        return Maker(dotted, models) if dotted is not None and models else None

    def _put_under(self, key: str) -> Iterator[tuple[ModuleIndex, FunctionInfo, cst.BaseExpression | None]]:
        """Yield what is put under a key, with the module and the function that do that."""
        links = self._index.links
        for index in (self._index, *(links.keepers(key, self._index) if links is not None else ())):
            for scope, value in index.kept.get(key, ()):
                yield index, scope, value
