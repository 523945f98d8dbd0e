"""Which functions of a module can have anything to do with a resource: the only ones that are followed.

A function does by what it calls or mentions, or because it calls one that does. That errs on the side of following.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import libcst as cst

from lintdb.flow.captured import type_of_captured
from lintdb.flow.stdlib import STARTS_CALL_METHODS
from lintdb.syntax.names import ClassInfo, FunctionInfo, Variable

if TYPE_CHECKING:
    from lintdb.flow.program import Program
    from lintdb.flow.types_of import Type


class Candidates:
    """Answers for one module."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._index = program.index
        self._types = program.types
        self._classes = program.classes
        self._knowledge = program.knowledge

    def functions(self) -> list[FunctionInfo]:
        """Return the functions that can have anything to do with a resource, in source order."""
        chosen = self._with_callers({id(info) for info in self._index.all_functions if self._touches(info)})
        passed = {id(info) for info in self._index.all_functions if self._is_passed(info)}
        self._program.by_callers = frozenset(passed - chosen)
        if self._program.by_callers:
            chosen = self._with_callers(chosen | passed)
        return [info for info in self._index.all_functions if id(info) in chosen]

    def _with_callers(self, chosen: set[int]) -> set[int]:
        """Return functions together with those that call them, or ask for what they are called."""
        everything = self._index.all_functions
        chosen = set(chosen)
        names = {info.name for info in everything if id(info) in chosen}
        names |= {owner.name for owner in self._index.classes.values() if self._is_of_interest(owner, chosen)}
        changed = bool(names)
        while changed:
            changed = False
            for info in everything:
                if id(info) not in chosen and (
                    _calls_any(info, names) or not info.attributes.isdisjoint(names & self._index.properties)
                ):
                    chosen.add(id(info))
                    names.add(info.name)
                    if info.owner is not None:
                        names.add(info.owner.name)
                    changed = True
        return chosen

    def _is_passed(self, info: FunctionInfo) -> bool:
        """Whether callers of its file give a function a resource, of which nothing else tells."""
        return any(self._program.kind_passed(param, info) is not None for param in info.params)

    def _is_of_interest(self, owner: ClassInfo, chosen: set[int]) -> bool:
        """Whether making an object of the class can have to do with a resource."""
        if any(id(method) in chosen for method in owner.methods.values()):
            return True
        inherits = any(each.index is not self._index and each.matters for each in owner.lineage)
        return inherits or bool(self._classes.constructors_of_base(owner))

    def _touches(self, info: FunctionInfo) -> bool:
        """Whether a function has to do with a resource itself: by a call, a parameter, an attribute or a global."""
        return (
            any(self._calls_model(call, info) for call in info.calls)
            or any(self._calls_model(call, info) for inner in info.lambdas.values() for call in inner.calls)
            or any(self._is_tracked(self._program.type_of_parameter(param, info)) for param in info.params)
            or any(self._is_tracked(self._types.type_of_annotation(each.annotation, info)) for each in info.annotations)
            or self._touches_attribute(info)
            or self._touches_inherited(info)
            or any(self._is_of_class(name) for name in info.attributes & self._attribute_owners.keys())
            or any(True for _ in self._program.unit_decorators(info))
            or any(self._cleans_up_local(call, info) for call in info.calls)
            or self._mentions_model(info)
            or self._mentions_kept(info)
            or bool(self._types.evidence.kinds(info))
            or (
                not info.is_module and any(self._is_resource(name) or self._is_asked(name, info) for name in info.loads)
            )
            or self._captures(info)
            or any(self._is_placed(dotted, info) for dotted in self._index.placed)
            or any(self._is_kept(key) for key in info.keys)
        )

    def _captures(self, info: FunctionInfo) -> bool:
        """Whether a nested function works with a resource of the function that it stands in."""
        is_nested = info.parent is not None and not info.parent.is_module
        return is_nested and any(
            self._is_tracked(type_of_captured(name, info, self._types)) for name in info.free_names
        )

    def _is_kept(self, key: str) -> bool:
        """Whether a resource stands under a key of an application, or a function that may make one."""
        places = self._types.places
        return self._is_tracked(places.type_under(key)) or places.maker_under(key) is not None

    def _is_placed(self, dotted: str, info: FunctionInfo) -> bool:
        is_mentioned = dotted.rpartition(".")[2] in info.attributes
        return is_mentioned and self._is_tracked(self._types.places.type_on(dotted))

    def _calls_model(self, call: cst.Call, info: FunctionInfo) -> bool:
        dotted = self._index.dotted(call.func, info)
        if dotted is None:
            return False
        models = self._knowledge.function(dotted)
        is_known = any(model.driver != "stdlib" or model.sql is not None for model in models)
        return is_known or (not models and self._index.find(dotted) is not None)

    def _is_tracked(self, what: Type | None) -> bool:
        """Whether a type makes a function worth following; what classes of this module do is found by their names."""
        return isinstance(what, str) or (isinstance(what, ClassInfo) and what.index is not self._index)

    def _cleans_up_local(self, call: cst.Call, info: FunctionInfo) -> bool:
        """`conn.close()` for a variable of the function, whatever it holds."""
        function = call.func
        return (
            isinstance(function, cst.Attribute)
            and isinstance(function.value, cst.Name)
            and self._knowledge.is_clean_up(function.attr.value)
            and self._index.is_local(function.value.value, info)
            and not any(param.name.value == function.value.value for param in info.params)
        )

    def _mentions_model(self, info: FunctionInfo) -> bool:
        """Whether a function mentions one that acquires (`connect = driver.connect`), or an object of a library."""
        if info.is_module:
            return False
        for name in info.loads:
            dotted = self._index.imported(name, info) or self._index.partial_of(name)
            if dotted is None:
                continue
            for full in (dotted, *(f"{dotted}.{attribute}" for attribute in info.attributes)):
                models = self._knowledge.function(full)
                is_maker = any(model.acquires is not None and model.driver != "stdlib" for model in models)
                if is_maker or self._knowledge.kind_of_object(full) is not None:
                    return True
        return False

    def _mentions_kept(self, info: FunctionInfo) -> bool:
        """Whether a function mentions what another module of the project keeps: `pool = Store.pool`."""
        links = self._index.links
        for name in info.loads if not info.is_module else ():
            dotted = self._index.imported(name, info)
            if dotted is None:
                continue
            names = [dotted]
            if self._index.find(dotted) is None and links is not None and links.leads_to_module(dotted, self._index):
                names = [f"{dotted}.{each}" for each in info.attributes]
            if any(self._is_kept_elsewhere(each, info.attributes) for each in names):
                return True
        return False

    def _is_kept_elsewhere(self, dotted: str, attributes: set[str]) -> bool:
        """Whether a name of another module stands for a resource, or for a class that keeps one under an attribute."""
        found = self._index.find(dotted)
        if found is None or found.rest:
            return False
        types = self._types.peers.types(found.symbol.index)
        if isinstance(found.symbol, Variable):
            name = found.symbol.name
            held = types.global_type(name)
            methods = [held.find_method(each) for each in attributes] if isinstance(held, ClassInfo) else []
            has_property = any(each is not None and each.is_property for each in methods)
            return has_property or isinstance(held, str) or types.collected.kind_in_global(name) is not None
        owner = found.symbol if isinstance(found.symbol, ClassInfo) else None
        kept = attributes & (owner.given.keys() | owner.assigned.keys()) if owner is not None else ()
        return owner is not None and any(isinstance(types.attribute_type(owner, each), str) for each in kept)

    def _touches_attribute(self, info: FunctionInfo) -> bool:
        owner = info.owner
        return owner is not None and any(
            name in info.attributes
            and (
                self._is_tracked(self._types.attribute_type(owner, name))
                or (info.is_async and bool(self._types.attribute_kinds(owner, name)))
            )
            for name in self._classes.attributes_of(owner)
        )

    def _touches_inherited(self, info: FunctionInfo) -> bool:
        """Whether a method, or a function in it, uses one that its class has from another module, with a resource."""
        owner, outer = info.owner, info.parent
        while owner is None and outer is not None:
            owner, outer = outer.owner, outer.parent
        lineage = owner.lineage if owner is not None else ()
        bases = [each for each in lineage if each.index is not self._index and each.matters]
        return any(not info.attributes.isdisjoint(each.methods) for each in bases)

    @functools.cached_property
    def _attribute_owners(self) -> dict[str, list[ClassInfo]]:
        """The classes of the module by the names of their attributes."""
        found: dict[str, list[ClassInfo]] = {}
        for owner in self._index.classes.values():
            for name in self._classes.attributes_of(owner):
                found.setdefault(name, []).append(owner)
        return found

    def _is_of_class(self, name: str) -> bool:
        """Whether objects of some class of the module hold a resource in an attribute: `db.pool` in any function.

        Or several of them in a container.
        """
        types = self._types
        return any(
            isinstance(types.attribute_type(owner, name), str)
            or types.collected.kind_in_attribute(owner, name) is not None
            for owner in self._attribute_owners[name]
        )

    def _is_resource(self, name: str) -> bool:
        if name not in self._index.values:
            return False
        return self._is_tracked(self._types.global_type(name)) or self._is_tracked(
            self._types.collected.kind_in_global(name)
        )

    def _is_asked(self, name: str, info: FunctionInfo) -> bool:
        """Whether a name is that of a class whose rows can be asked for, or of a key that a resource stands under."""
        symbol = self._index.symbol_called(name, info)
        if isinstance(symbol, ClassInfo):
            return self._types.kind_of_class(symbol) is not None
        return self._is_tracked(self._types.places.type_of_key(name, symbol))


def _calls_any(info: FunctionInfo, names: set[str]) -> bool:
    """Whether a function calls something of one of the names, bare, as a method of a variable or of its attribute.

    Or it has that started, or hands it to a function that may call it.
    """
    for call in info.calls:
        function = call.func
        if any(isinstance(each.value, cst.Name) and each.value.value in names for each in call.args):
            return True
        if isinstance(function, cst.Attribute) and function.attr.value in STARTS_CALL_METHODS and call.args:
            function = call.args[0].value
        if isinstance(function, cst.Attribute):
            receiver = function.value.value if isinstance(function.value, cst.Attribute) else function.value
            if isinstance(receiver, cst.Name) and function.attr.value in names:
                return True
        elif isinstance(function, cst.Name) and function.value in names:
            return True
    return False
