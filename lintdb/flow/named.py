"""What names mean that a path has not bound: those of the module, other modules, outer functions, a library."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod

import libcst as cst

from lintdb.flow import ir
from lintdb.flow.captured import type_of_captured
from lintdb.flow.run import Run
from lintdb.flow.sites import Site
from lintdb.flow.state import State
from lintdb.flow.types_of import Type
from lintdb.flow.unfilled import never_filled
from lintdb.flow.values import (
    Function,
    KeptMaker,
    Many,
    Method,
    Name,
    Outside,
    Partial,
    Ref,
    Rid,
    SiteKey,
    Status,
    Value,
    spelling,
)
from lintdb.syntax.keys import SHELVES, attribute_key
from lintdb.syntax.names import ClassInfo, FunctionInfo, ModuleIndex, Variable


class NamedValues(Run, ABC):
    """Finds what somebody else has under a name; what is borrowed becomes known to the path."""

    @abstractmethod
    def attribute(self, value: Value | None, name: str, state: State) -> Value | None:
        """Return what an attribute of a value holds."""

    @functools.cached_property
    def spelled(self) -> dict[SiteKey, str]:
        """How this function spells what others have left for it: `request.app["pool"]`."""
        return {}

    def _free_value(self, name: str, state: State) -> Value | None:
        """A name that the path has not bound: a module-level value, if it is nothing nearer."""
        if self.function.is_module:
            return None
        if self._is_nearer(name):
            return self._captured(name, state) if name in self.function.free_names else None
        is_global = name in self.index.values or name in self.index.annotations
        found = self._global(Variable(self.index, name), state) if is_global else None
        return found if found is not None else self._constant(name)

    def _is_nearer(self, name: str) -> bool:
        """Whether a name is one of the function itself, or of one that it is in."""
        found = self.nearer_names.get(name)
        if found is None:
            scope: FunctionInfo | None = self.function
            while scope is not None and not scope.is_module and not self.index.is_local(name, scope):
                scope = scope.parent
            found = self.nearer_names[name] = scope is not None and not scope.is_module
        return found

    def _captured(self, name: str, state: State) -> Value | None:
        """A variable of the function that this one stands in: whoever made what it holds may look after that."""
        if self.is_for_caller:
            return None
        value = self.outside(("named", name), type_of_captured(name, self.function, self.types), None, state)
        if isinstance(value, Ref):
            state.update(value.rid, outlives=False)
        return value

    def _constant(self, name: str) -> Value | None:
        """A module-level name that stands for a function, or for a text or a number."""
        if name not in self.known_constants:
            function = self.index.find_function(name, self.function)
            value = Function(function) if function is not None else self.types.global_constant(name)
            self.known_constants[name] = value
        return self.known_constants[name]

    def _global(self, variable: Variable, state: State) -> Value | None:
        """A module-level name that holds a resource, or an object of a class of the project."""
        index = variable.index
        types = self.types.peers.types(index)
        site: SiteKey = ("global", variable.name, index.name.number)
        is_new = (site, 0) not in state.resources
        found = self.outside(site, types.global_type(variable.name), index, state)
        if isinstance(found, Outside) and site not in self.objects.unfilled:
            key = ("never filled", index.name, variable.name)
            unfilled = functools.partial(never_filled, variable.name, found.owner, index)
            self.objects.unfilled[site] = types.peers.memo.get(key, unfilled) or frozenset()
        method = types.global_method(variable.name) if found is None else None
        if method is not None:
            holder: SiteKey = ("global", method.holder, index.name.number)
            return Method(self.borrowed(holder, method.kind, index, state), method.name)
        if found is None:
            again = index.imported_again(variable.name)
            partial = functools.partial(_partial_of, index, variable.name)
            key = ("partial", index.name, variable.name)
            return Name(again) if again is not None else types.peers.memo.get(key, partial)
        source = types.parent_global(variable.name) if isinstance(found, Ref) and is_new else None
        parent = self._global(Variable(index, source), state) if source is not None else None
        if isinstance(found, Ref) and isinstance(parent, Ref):
            state.update(found.rid, parent=parent.rid)
        return found

    def imported(self, dotted: str, state: State) -> Value | None:
        """What an imported name stands for, if another module of the project keeps a resource or an object there."""
        found = self.index.find(dotted)
        if found is not None and isinstance(found.symbol, FunctionInfo) and not found.rest:
            return Function(found.symbol)
        if found is None and self.index.placed:
            return self._placed(dotted, state)
        value: Value | None = None
        if found is not None and isinstance(found.symbol, Variable):
            value = self._global(found.symbol, state)
            if value is None and not found.rest:
                value = self.types.peers.types(found.symbol.index).global_constant(found.symbol.name)
        elif found is not None and isinstance(found.symbol, ClassInfo) and found.rest:
            is_own = found.symbol.find_method(found.rest[0]) is not None
            if not is_own:
                value = self.class_itself(found.symbol, state) or Outside.of_class(found.symbol)
        if found is None or value is None:
            return None
        for name in found.rest:
            value = self.attribute(value, name, state)
        return value

    def always_there(self, dotted: str, state: State) -> Value | None:
        """An object that a library always has, or a part of it, or what the project keeps there: nobody owes for it."""
        whole, _, last = dotted.rpartition(".")
        if self.function.keys:
            holder, _, owner = whole.rpartition(".")
            holder = holder.rpartition(".")[2]
            shown = f"{holder}.{owner}.{last}" if owner in SHELVES else f"{owner}.{last}"
            key = attribute_key(owner, holder, last)
            kept = self.under(key, shown, state) if key is not None else None
            if kept is not None:
                return kept
        kind_id = self.knowledge.kind_of_object(dotted)
        if kind_id is not None:
            return self.borrowed(("placed", last, self.index.name.number), kind_id, self.index, state)
        is_part = self.knowledge.kind_of_object(whole) is not None
        return self.attribute(self.always_there(whole, state), last, state) if is_part else None

    def _placed(self, dotted: str, state: State) -> Value | None:
        """What the module has put into a namespace of a framework, or a part of that."""
        whole, rest = dotted, list[str]()
        while whole and whole not in self.index.placed:
            whole, _, last = whole.rpartition(".")
            rest.insert(0, last)
        what = self.types.places.type_on(whole)
        if what is None:
            return None
        value: Value | None = self.outside(
            ("placed", whole.partition(".")[2], self.index.name.number), what, self.index, state
        )
        if isinstance(value, Ref):
            # A request has it for itself, and what tears the request down ends its work.
            state.update(value.rid, outlives=False)
        for name in rest:
            value = self.attribute(value, name, state)
        return value

    def under(self, key: str, shown: str, state: State) -> Value | None:
        """What the project has put under a key of an application, or of another object that it has one of.

        *shown* is how it is spelled here.
        """
        what = self.types.places.type_under(key)
        if what is None and self.types.places.maker_under(key) is not None:
            return KeptMaker(key)
        site: SiteKey = ("placed", key, self.index.name.number)
        self.spelled.setdefault(site, shown)
        return self.outside(site, what, self.index, state)

    def outside(
        self, site: SiteKey, what: Type | None, holder: ClassInfo | ModuleIndex | None, state: State
    ) -> Ref | Outside | Many | None:
        """Return what somebody else owns: an attribute, a global, a parameter; *holder* is what has it."""
        if isinstance(what, ClassInfo):
            return Outside(what, site)
        if isinstance(what, tuple):
            items = enumerate(what)
            return Many(tuple(self.outside(("field", site, f"[{i}]"), each, holder, state) for i, each in items), True)
        return self.borrowed(site, what, holder, state) if what is not None else None

    def borrowed(
        self, site: SiteKey, kind_id: str, holder: ClassInfo | ModuleIndex | None, state: State, number: int = 0
    ) -> Ref:
        """Return a resource of a known kind that somebody else owns: *holder* has it, *number* tells it from others."""
        rid: Rid = (site, number)
        if rid not in state.resources:
            kind = self.knowledge.kind(kind_id)
            index = holder.index if isinstance(holder, ClassInfo) else holder or self.index
            types = self.types.peers.types(index)
            name = str(site[-1] if site[0] == "field" else site[1])
            autocommit = types.modes.of_kept(kind, name, holder) if kind is not None else None
            parts = types.modes.of_parts(kind, name, holder) if kind is not None else None
            is_factory = kind is not None and kind.family == "factory"
            state.resources[rid] = Status(
                kind_id,
                owed=False,
                autocommit=autocommit,
                parts_mode=parts,
                outlives=True,
                unpooled=is_factory and types.modes.is_without_pool(name, holder),
            )
        if site not in self.sites:
            kind = self.knowledge.kind(kind_id)
            types = self.types.peers.types(holder.index if isinstance(holder, ClassInfo) else holder or self.index)
            name = str(site[-1] if site[0] == "field" else site[1])
            scheme = types.schemes.of_kept(name, holder) if holder is not None else None
            self.sites[site] = Site(self.function.node, kind_id, spelling(site, self.spelled), scheme=scheme)
        return Ref(rid)

    def is_self(self, name: str) -> bool:
        """Whether a variable is the object whose method the function is, or is nested in."""
        scope: FunctionInfo | None = self.function
        while scope is not None and not scope.is_module:
            if scope.owner is not None:
                return bool(scope.is_method and scope.params and scope.params[0].name.value == name)
            if name in scope.bound:
                return False
            scope = scope.parent
        return False

    def owner_class(self) -> ClassInfo | None:
        """Return the class of the object whose method the function is, or is nested in."""
        if self.receiver is not None:
            return self.receiver
        scope: FunctionInfo | None = self.function
        while scope is not None and scope.owner is None:
            scope = scope.parent
        return scope.owner if scope is not None else None

    def class_itself(self, owner: ClassInfo, state: State) -> Ref | None:
        """Return a class that is itself a resource, by what it derives from."""
        kind_id = self.types.kind_of_class(owner)
        site: SiteKey = ("global", owner.name, owner.index.name.number)
        return self.borrowed(site, kind_id, None, state) if kind_id is not None else None

    def evident(self, name: str, state: State) -> Ref | None:
        """Return what a name of unknown origin must hold, by what the function does with it."""
        kind = self.types.evidence.kinds(self.function).get(name) if not self.is_for_caller else None
        if kind is None:
            return None
        root, _, attribute = name.partition(".")
        is_parameter = any(param.name.value == name for param in self.function.params)
        if attribute and "." not in attribute and self.is_self(root):
            ref = self.borrowed(("self", attribute), kind, self.owner_class(), state)
        else:
            ref = self.borrowed(("param" if is_parameter else "named", name), kind, None, state)
        self.units.guessed.add(ref.rid)
        known = self.knowledge.kind(kind)
        if known is not None and known.is_pool and self.types.modes.is_made_elsewhere(known):
            state.update(ref.rid, parts_mode=None)
        if not attribute and not is_parameter:
            # Whoever made it may look after it when the function is done.
            state.update(ref.rid, outlives=False)
        return ref


def _partial_of(index: ModuleIndex, name: str) -> Partial | None:
    """Return what `connect = functools.partial(driver.connect, DSN)` gives a name of a module."""
    callee, made = index.partial_of(name), index.constant(name)
    if callee is None or not isinstance(made, cst.Call):
        return None
    arguments = tuple(
        ir.CallArgument(
            _constant(each.value, index), each.keyword.value if each.keyword is not None else None, each.star
        )
        for each in made.args[1:]
    )
    return Partial(Name(callee), (), arguments)


def _constant(node: cst.BaseExpression, index: ModuleIndex) -> ir.Operand:
    if isinstance(node, (cst.SimpleString, cst.ConcatenatedString, cst.Integer, cst.Float)):
        return ir.Constant(node.evaluated_value)
    words = {"True": True, "False": False, "None": None}
    is_word = isinstance(node, cst.Name) and node.value in words
    if isinstance(node, cst.Name) and is_word:
        return ir.Constant(words[node.value])
    dotted = index.dotted(node, index.body)
    return ir.Dotted(dotted) if dotted is not None else ir.UNKNOWN
