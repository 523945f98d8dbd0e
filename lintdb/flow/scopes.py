"""Scopes that a function opens, and leaves without ending what is kept for them.

`current = ContextVar(...)` tells the registry of a module which object it gives: one for each value that is set.
Whoever sets one has the registry end that object when the scope is over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import libcst as cst

from lintdb.finding import Confidence
from lintdb.flow.decorators import is_generator_manager
from lintdb.flow.results import Leak
from lintdb.syntax.names import FunctionInfo
from lintdb.syntax.walk import walk

if TYPE_CHECKING:
    from lintdb.effects import Kind
    from lintdb.flow.program import Program

_VARIABLES = frozenset({"contextvars.ContextVar"})


def unended_scopes(program: Program, info: FunctionInfo) -> Iterator[Leak]:
    """Yield the scopes that a function opens by a block, and after which it does not end what the registry keeps.

    Only where other code of the project does that, so that nothing else does it for all of them.
    """
    if is_generator_manager(info) and not program.frameworks.is_start_up(info):
        return
    for node in info.nodes:
        if not isinstance(node, cst.With):
            continue
        for item in node.items:
            opener = _function_called(item.item, info)
            if opener is None or not is_generator_manager(opener):
                continue
            for name, kind in _registries_of(opener, program):
                if not _ends(kind, info) and not _is_ended_within(kind, node, info) and _is_usual(name, kind, opener):
                    yield Leak(
                        node=item.item, kind=kind, name=name, on_error=False, is_ever_released=False, kept=False,
                        confidence=Confidence.MEDIUM, path=(), is_of_scope=True,
                    )  # fmt: skip


def _function_called(node: cst.BaseExpression, scope: FunctionInfo) -> FunctionInfo | None:
    call = node.expression if isinstance(node, cst.Await) else node
    found = scope.index.symbol_of(call.func, scope, is_needed=True) if isinstance(call, cst.Call) else None
    return found if isinstance(found, FunctionInfo) else None


def _registries_of(opener: FunctionInfo, program: Program) -> Iterator[tuple[str, Kind]]:
    """Yield the registries of the opener's module that ask for a variable which it sets, by their names."""
    index = opener.index
    variables = {
        name for name in index.values
        if isinstance(made := index.constant(name), cst.Call) and index.dotted(made.func, index.body) in _VARIABLES
    }  # fmt: skip
    is_set = {
        call.func.value.value
        for call in opener.calls
        if isinstance(call.func, cst.Attribute)
        and call.func.attr.value == "set"
        and isinstance(call.func.value, cst.Name)
    }
    askers = {name for name, each in index.functions.items() if each.loads & variables & is_set}
    for name in index.values if askers else ():
        made = index.constant(name)
        given = [each.value for each in made.args] if isinstance(made, cst.Call) else []
        if any(isinstance(each, cst.Name) and each.value in askers for each in given):
            found = program.workspace.types(index).global_type(name)
            kind = program.knowledge.kind(found) if isinstance(found, str) else None
            if kind is not None and kind.is_scoped and kind.scope_end and not _ends(kind, opener):
                yield name, kind


def _ends(kind: Kind, function: FunctionInfo) -> bool:
    """Whether a function calls what ends a scope, of whatever object."""
    return re.search(rf"\.{kind.scope_end}\(\s*\)", function.index.code_of(function.node)) is not None


def _is_ended_within(kind: Kind, block: cst.With, scope: FunctionInfo) -> bool:
    """Whether a function that the block calls ends the scope."""
    called = (_function_called(node, scope) for node in walk(block.body) if isinstance(node, cst.Call))
    return any(each is not None and _ends(kind, each) for each in called)


def _is_usual(name: str, kind: Kind, opener: FunctionInfo) -> bool:
    """Whether other code of the project ends what the registry keeps, where it opens a scope."""
    links = opener.index.links
    texts = links.texts_with(opener.name, opener.index) if links is not None else None
    ended = re.compile(rf"\b{name}\.{kind.scope_end}\(\s*\)")
    return any(ended.search(text) for _, text in texts or ((opener.index.name.path, opener.index.text),))
