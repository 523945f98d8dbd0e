"""What a call is made on, for those who ask about it more than once."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import libcst as cst

from lintdb.flow.behind import call_behind
from lintdb.syntax.names import FunctionInfo

if TYPE_CHECKING:
    from lintdb.flow.types_of import ModuleTypes, Type


class Receiver:
    """What a call is made on: `a.b` of `a.b.c()`.

    Finding its type means going along the whole chain, so it is done once: to ask twice at each link of a chain would
    take twice as long with each more.
    """

    def __init__(self, types: ModuleTypes, call: cst.Call, scope: FunctionInfo) -> None:
        self._types = types
        self._scope = scope
        self._node = call.func.value if isinstance(call.func, cst.Attribute) else None

    @functools.cached_property
    def type(self) -> Type | None:
        """Its type as far as that is known from outside of the function: of an attribute, a global, another call."""
        return self._types.type_of_receiver(self._node, self._scope) if self._node is not None else None

    @property
    def type_as_value(self) -> Type | None:
        """Its type as that of any expression."""
        behind = call_behind(self._node, self._types.index, self._scope)
        if behind is not None and behind.call is self._node and not behind.is_awaited:
            return self.type
        return self._types.type_of_expression(self._node, self._scope) or self.type

    @property
    def owner(self) -> Type | None:
        """Its type where methods and attributes of the project are looked for."""
        own = self._types.own_class(self._node, self._scope) if self._node is not None else None
        return own or self.type
