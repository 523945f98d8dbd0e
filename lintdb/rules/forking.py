"""What a forked process gets from its parent: the names that hold something, and the functions that use it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lintdb.flow.processes import Processes, Start
    from lintdb.flow.results import FunctionFlow, KnownCall
    from lintdb.rules.base import FileContext, Opening
    from lintdb.syntax.names import FunctionInfo


def names_of(opening: Opening, ctx: FileContext) -> set[str]:
    """Return the names of the module that hold what a call opens, or something that is made of it."""
    from lintdb.syntax.ancestry import names_given
    from lintdb.syntax.walk import walk

    index = ctx.program.index
    values = {
        **index.values,
        **{
            f"{owner.name}.{attribute}": [value]
            for owner in index.classes.values()
            for attribute, (value, _) in owner.body_values.items()
        },
    }
    rebound = {name for function in index.all_functions for name in function.outer & function.bound}
    names = {
        name
        for name, held in values.items()
        for value in held
        if value is not None and any(each is opening.node for each in (value, *walk(value)))
    }
    if names & rebound:
        return set()  # a function makes it anew, perhaps in the child
    made_of = {
        name for name, held in values.items() for value in held if value is not None and names & names_given(value)
    }
    return names | made_of


def uses(functions: list[FunctionInfo], names: set[str], ctx: FileContext) -> Iterator[KnownCall]:
    """Yield the calls that functions make on what one of the names holds."""
    for flow in ctx.flows:
        if any(flow.function is each for each in functions):
            yield from (call for call in flow.calls if _root_name(call, flow) in names)


def _root_name(call: KnownCall, flow: FunctionFlow) -> object:
    """Return the name of the module, or of its class, that holds what a call works on."""
    from lintdb.syntax.ancestry import first_name  # loads libcst, which listing rules does not need

    if flow.function.is_module:
        return first_name(call.node.func)
    root = call.root
    while isinstance(root, tuple) and root[0] == "part":
        root = root[1][0]
    if not isinstance(root, tuple) or root[0] not in ("global", "self"):
        return None
    owner = flow.function.owner
    return root[1] if root[0] == "global" else f"{owner.name}.{root[1]}" if owner is not None else None


def is_used_before(start: Start, names: set[str], processes: Processes, ctx: FileContext) -> bool:
    """Whether the parent has used it when it starts the child: the body of the module has, or what starts it."""
    inherited = {function.name for each in processes.starts for function in processes.reached(each.function)}
    parents = [ctx.program.index.body, *(processes.reached(start.by) if start.by is not None else ())]
    parents = [each for each in parents if each.name not in inherited]
    return next(uses(parents, names, ctx), None) is not None
