"""Whether statements are permanent at once on what attributes, globals and parameters hold, or on what pools hand out.

True: each statement is; False: work waits for a commit; None: nobody can say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from lintdb.effects import Argument, Condition, Event, Kind
from lintdb.flow.derived import ends_units_itself
from lintdb.flow.schemes import makers_of
from lintdb.syntax.literals import Evaluator
from lintdb.syntax.names import CONSTANTS, ClassInfo, FunctionInfo, ModuleIndex
from lintdb.syntax.walk import walk

if TYPE_CHECKING:
    from lintdb.flow.types_of import ModuleTypes

_SWITCHES = (Event.AUTOCOMMIT_ON, Event.AUTOCOMMIT_OFF, Event.AUTOCOMMIT_UNKNOWN)


class Modes:
    """The modes of what one module keeps and makes."""

    def __init__(self, types: ModuleTypes) -> None:
        self._types = types
        self._written: dict[ClassInfo | None, set[str]] = {}

    def of_kept(self, kind: Kind, name: str, holder: ClassInfo | ModuleIndex | None) -> bool | None:
        """Return the mode of a resource that an attribute of a class or a global keeps; None where it may be switched.

        *holder* is the class or the module that has it; None where only what is done under that name can be seen.
        """
        if kind.autocommit is not False:
            return kind.autocommit
        for call, scope in makers_of(name, holder):
            mode = self._of_call(call, scope, kind.autocommit, kind.autocommit_arguments)
            if mode is not False:
                return mode
        owners = holder.lineage if isinstance(holder, ClassInfo) else (None,)
        return None if any(self._is_switched(kind, name, owner) for owner in owners) else False

    def of_parts(self, kind: Kind, name: str, holder: ClassInfo | ModuleIndex | None) -> bool | None:
        """Return the mode of what a pool that an attribute or a global keeps hands out."""
        if kind.parts_autocommit is None:
            return None
        calls = [*makers_of(name, holder)]
        return self._shared_mode(kind, calls) if calls else self.of_parts_given(kind)

    def of_parts_given(self, kind: Kind) -> bool | None:
        """Return the mode of what a pool that a parameter holds hands out: that of all that the module makes."""
        return self._shared_mode(kind, self._calls_that_make(kind)) if kind.parts_autocommit is not None else None

    def is_made_elsewhere(self, kind: Kind) -> bool:
        """Whether the mode of what a pool hands out is decided where it is made, which the module does not do."""
        return kind.parts_autocommit is not None and not self._calls_that_make(kind)

    def _calls_that_make(self, kind: Kind) -> list[tuple[cst.Call, FunctionInfo]]:
        index = self._types.index
        return [
            (call, scope)
            for function in index.all_functions
            for scope in (function, *function.lambdas.values())
            for call in scope.calls
            if (dotted := index.dotted(call.func, scope)) is not None
            and (model := self._types.model_of_call(dotted, call, scope)) is not None
            and model.acquires == kind.id
        ]

    def is_without_pool(self, name: str, holder: ClassInfo | ModuleIndex | None) -> bool:
        """Whether a factory that an attribute or a global keeps was made with what is no pool, or with nothing."""
        made = [*makers_of(name, holder)]
        owners = [self._owner(call, scope) for call, scope in made]
        is_open = any(not call.args for call, _ in made)  # told later, by `configure()`: anything
        return is_open or (bool(owners) and all(owner is not None and not owner.is_pool for owner in owners))

    def is_up_to_class(self, kind: Kind, call: cst.Call, scope: FunctionInfo) -> bool:
        """Whether a call makes what hands out objects of a class that ends units of work in a way of its own."""
        given = self._types.given_argument(call, kind.parts_class) if kind.parts_class is not None else None
        models = kind.methods.get("__call__", ()) if given is not None else ()
        made = self._types.knowledge.kind(next((each.acquires for each in models if each.acquires is not None), ""))
        return given is not None and made is not None and ends_units_itself(made, given, scope, self._types)

    def _shared_mode(self, kind: Kind, made: list[tuple[cst.Call, FunctionInfo]]) -> bool | None:
        modes = {
            self._of_call(call, scope, kind.parts_autocommit, kind.parts_autocommit_arguments)
            if not self.is_up_to_class(kind, call, scope)
            else None
            for call, scope in made
        }
        return modes.pop() if len(modes) == 1 else None if modes else kind.parts_autocommit

    def _of_call(
        self, call: cst.Call, scope: FunctionInfo, default: bool | None, conditions: tuple[Condition, ...]
    ) -> bool | None:
        """Return the mode that the arguments of a call set."""
        written = _written_out(call, scope)
        if written is None:
            return None
        for condition in conditions:
            given = self._types.given_to(condition, written)
            if given is not None and self._types.may_hold(condition, written, scope):
                return True
            if given is not None and not _is_constant(given):
                return None
        owner = self._owner(written, scope)
        return default if owner is None or owner.parts_autocommit is None else owner.parts_autocommit

    def _owner(self, call: cst.Call, scope: FunctionInfo) -> Kind | None:
        """Return what a call is given as the owner of what it makes."""
        dotted = self._types.index.dotted(call.func, scope)
        model = self._types.model_of_call(dotted, call, scope) if dotted is not None else None
        if model is None or not isinstance(model.parent, Argument):
            return None
        node = self._types.given_argument(call, model.parent)
        if isinstance(node, cst.Name):
            node = Evaluator(scope.index, scope).single_assignment(node.value) or node
        kind = self._types.kind_of_expression(node, scope)
        return self._types.knowledge.kind(kind) if kind is not None else None

    def _is_switched(self, kind: Kind, name: str, owner: ClassInfo | None) -> bool:
        """Whether something in the class or the module switches the mode of what an attribute or name holds.

        In a class, what a method switches by another name may be what the attribute gets later.
        """
        if owner not in self._written:
            written = self._written[owner] = set()
            for node in walk(owner.node if owner is not None else self._types.index.module):
                target = (
                    node.target
                    if isinstance(node, cst.AssignTarget)
                    else node.func
                    if isinstance(node, cst.Call)
                    else None
                )
                if isinstance(target, cst.Attribute):
                    base = target.value.attr if isinstance(target.value, cst.Attribute) else target.value
                    if isinstance(base, cst.Name):
                        written.add(f"{base.value}.{target.attr.value}")
                        if base is target.value and base.value not in ("self", "cls"):
                            written.add(f".{target.attr.value}")
        switches = set(kind.attribute_events)
        for method, models in kind.methods.items():
            if any(model.event in _SWITCHES for model in models):
                switches.add(method)
        names = (name, "") if owner is not None else (name,)
        return any(f"{each}.{switch}" in self._written[owner] for switch in switches for each in names)


def _written_out(call: cst.Call, scope: FunctionInfo) -> cst.Call | None:
    """Return a call with the items of `**options` as keyword arguments; None where they cannot be seen."""
    given: list[cst.Arg] = []
    for argument in call.args:
        if argument.star != "**":
            given.append(argument)
            continue
        items = Evaluator(scope.index, scope).mapping(argument.value)
        if items is None:
            return None
        given += [cst.Arg(value, cst.Name(key)) for key, value in items.items()]
    return call.with_changes(args=given)


def _is_constant(node: cst.BaseExpression) -> bool:
    is_word = isinstance(node, cst.Name) and node.value in CONSTANTS
    return is_word or isinstance(node, (cst.SimpleString, cst.Integer))
