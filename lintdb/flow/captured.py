"""What a nested function captures: the variable of the function that it stands in, which may be long done by then.

A handler of a server is often written so: `def routes(app, pool): ...`, with all handlers in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lintdb.syntax.literals import only_value

if TYPE_CHECKING:
    from lintdb.flow.types_of import ModuleTypes, Type
    from lintdb.syntax.names import FunctionInfo


def type_of_captured(name: str, function: FunctionInfo, types: ModuleTypes) -> Type | None:
    """Return what a variable of an enclosing function holds, if it is given one value only, or is a parameter."""
    return types.peers.memo.get(("captured", function, name), lambda: _find_type(name, function, types))


def _find_type(name: str, function: FunctionInfo, types: ModuleTypes) -> Type | None:
    if name in function.outer:
        return None  # the module's, or it may hold something else by now
    home = function.parent
    while home is not None and not home.is_module and not types.index.is_local(name, home):
        home = home.parent
    if home is None or home.is_module or name in home.nested:
        return None
    param = next((each for each in home.params if each.name.value == name), None)
    if param is not None:
        return types.type_of_parameter(param, home) if not (param.star or name in home.given) else None
    value = only_value(name, home)
    return types.type_of_expression(value, home) if value is not None else None
