"""Which kind of resource annotations, expressions, attributes and globals stand for, without following anything."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import NamedTuple, Protocol, Union

import libcst as cst

from lintdb.effects import Argument, CallModel, Condition, Event, Form, Kind
from lintdb.flow.behind import call_behind
from lintdb.flow.collected import Collected
from lintdb.flow.constants import constant_value
from lintdb.flow.derived import is_class_among, kind_of_objects
from lintdb.flow.either import one_to_speak
from lintdb.flow.evidence import Evidence
from lintdb.flow.exceptions import builtin_is_subclass
from lintdb.flow.knowledge import Knowledge
from lintdb.flow.memo import Memo
from lintdb.flow.modes import Modes
from lintdb.flow.places import Places
from lintdb.flow.receivers import Receiver
from lintdb.flow.schemes import Schemes
from lintdb.flow.values import Literal, Query, Table, Value
from lintdb.syntax.awaited import awaited_methods
from lintdb.syntax.literals import HIDDEN, Evaluator, only_value, unawaited
from lintdb.syntax.names import CONSTANTS, ClassInfo, FunctionInfo, ModuleIndex, Variable

Type = Union[str, ClassInfo, "tuple[Type | None, ...]"]
"""What an expression gives: the id of a kind of resource, an object of a class of the project, or a tuple of such."""


class Result(NamedTuple):
    """What a function of the project gives its callers; `is_fresh`: each call makes a new one that the caller owns."""

    type: Type
    is_fresh: bool


class BoundMethod(NamedTuple):
    """A method of a resource that is kept under a name of its own: the kind of that, what holds it, the method."""

    kind: str
    holder: str
    name: str


class Peers(Protocol):
    """What the types of one module ask of the rest of the project."""

    memo: Memo

    def types(self, index: ModuleIndex) -> ModuleTypes:
        """Return the types of another module."""

    def result_of(self, info: FunctionInfo) -> Result | None:
        """Return what every call of a function gives that gives anything."""

    def lends(self, info: FunctionInfo) -> Value | None:
        """Return what a generator yields that has no summary."""


class ModuleTypes:
    """What the names of one module hold, from its own text and what the outside world knows.

    Other modules are asked for names of interest alone, unless it is *wide*.
    """

    def __init__(self, index: ModuleIndex, knowledge: Knowledge, peers: Peers, *, is_wide: bool = False) -> None:
        self.index = index
        self.knowledge = knowledge
        self.peers = peers
        self.is_wide = is_wide
        self._aliases: set[str] = set()
        self._called: set[str] | None = None
        self.evidence = Evidence(index, knowledge)
        self.modes = Modes(self)
        self.schemes = Schemes(self)
        self.places = Places(self)
        self.collected = Collected(self)

    @functools.cached_property
    def wide(self) -> ModuleTypes:
        """The same with answers that it takes more modules to find, for when something depends on them."""
        return self if self.is_wide else ModuleTypes(self.index, self.knowledge, self.peers, is_wide=True)

    def of_module(self, index: ModuleIndex) -> ModuleTypes:
        """Return the types of another module, as wide as these."""
        found = self.peers.types(index)
        return found.wide if self.is_wide else found

    def is_subclass(self, name: str, base: str) -> bool | None:
        """See `Knowledge.is_subclass`; exception classes of the project are known by their bases."""
        if name == base:
            return True
        owner, other = self._class_called(name), self._class_called(base)
        if owner is None and other is not None:
            # Neither Python nor a library derives from the project.
            is_known = builtin_is_subclass(name, "BaseException") or self.knowledge.is_subclass(name, "Exception")
            return False if is_known else None
        if owner is None:
            known = builtin_is_subclass(name, base)
            return known if known is not None else self.knowledge.is_subclass(name, base)
        if other in owner.lineage:
            return True
        outside = [each for relative in owner.lineage for each in relative.outside_bases]
        results = [self.is_subclass(each, base) if each is not None else None for each in outside]
        if True in results:
            return True
        return None if None in results else False

    def _class_called(self, name: str) -> ClassInfo | None:
        if name in self.index.classes:
            return self.index.classes[name]
        found = self.index.find(name, is_needed=True) if "." in name else None
        return found.symbol if found is not None and not found.rest and isinstance(found.symbol, ClassInfo) else None

    def model_of_call(self, dotted: str, node: cst.Call, scope: FunctionInfo) -> CallModel | None:
        """Return the model of a call by name alone: the first that its visible arguments do not rule out."""
        return self.first_possible(self.knowledge.function(dotted), node, scope)

    def first_possible(self, models: tuple[CallModel, ...], node: cst.Call, scope: FunctionInfo) -> CallModel | None:
        """Return the first of several models that the visible arguments of a call do not rule out."""
        for model in models:
            if all(self.may_hold(condition, node, scope) for condition in model.when):
                return model
        return None

    def may_hold(self, condition: Condition, node: cst.Call, scope: FunctionInfo) -> bool:
        """Whether the visible arguments of a call, in a function, leave it possible that a condition holds."""
        expression = self.given_to(condition, node)
        if condition.given is not None:
            return (expression is not None) == condition.given
        if expression is None:
            return False
        if condition.names:
            return is_class_among(expression, scope, condition.names, self) is True
        if isinstance(expression, cst.Name):
            value = CONSTANTS[expression.value] if expression.value in CONSTANTS else self._constant(expression, scope)
            return value is not HIDDEN and condition.is_met_by(value)
        if isinstance(expression, (cst.SimpleString, cst.Integer)):
            return condition.is_met_by(expression.evaluated_value)
        return False

    def _constant(self, name: cst.Name, scope: FunctionInfo) -> object:
        return Evaluator(self.index, scope).value(name)

    # --- annotations ------------------------------------------------------------------------------------------------

    def type_of_parameter(self, param: cst.Param, function: FunctionInfo) -> Type | None:
        """Return what the annotation of a parameter says that it is, or what it is unless a caller gives another."""
        said = param.annotation
        found = self.type_of_annotation(said.annotation, function) if said is not None else None
        if isinstance(found, str):
            return self._as_awaited(found, param.name.value, function)
        if found is not None or not isinstance(param.default, (cst.Name, cst.Attribute)):
            return found
        usual = self.type_of_receiver(param.default, function.parent or self.index.body)
        return usual if isinstance(usual, str) else None

    def _as_awaited(self, kind_id: str, name: str, function: FunctionInfo) -> str:
        """Return the kind of a parameter that is annotated as one which blocks, or of its twin that is awaited.

        It is the twin if the function awaits what methods of it give, or enters that by `async with`: annotations are
        not checked, and with the other one these lines could only fail.
        """
        methods = awaited_methods(function).get(name) if function.is_async else None
        twin_id = self.knowledge.awaited_twin(kind_id) if methods else None
        kind, twin = self.knowledge.kind(kind_id), self.knowledge.kind(twin_id) if twin_id is not None else None
        if kind is None or twin is None or twin_id is None or _is_awaited(kind) or not _is_awaited(twin):
            return kind_id
        return twin_id if methods is not None and methods <= twin.methods.keys() else kind_id

    def kind_of_annotation(self, annotation: cst.BaseExpression, scope: FunctionInfo) -> str | None:
        """Return the kind that a type annotation stands for."""
        found = self.type_of_annotation(annotation, scope)
        return found if isinstance(found, str) else None

    def type_of_annotation(self, annotation: cst.BaseExpression, scope: FunctionInfo) -> Type | None:
        """Return what a type annotation stands for: through Optional, unions, Annotated, quotes."""
        if isinstance(annotation, (cst.Name, cst.Attribute)):
            return self._type_called(annotation, scope)
        if isinstance(annotation, cst.SimpleString):
            text = annotation.evaluated_value
            if isinstance(text, str):
                try:
                    return self.type_of_annotation(cst.parse_expression(text), scope)
                except cst.ParserSyntaxError:
                    return None
            return None
        if isinstance(annotation, cst.BinaryOperation):
            return self._one_of([annotation.left, annotation.right], scope)
        if isinstance(annotation, cst.Subscript):
            dotted = self.index.dotted(annotation.value, scope)
            inner = [e.slice.value for e in annotation.slice if isinstance(e.slice, cst.Index)]
            if dotted in ("typing.Optional", "typing.Annotated", "typing.Union", "typing_extensions.Annotated"):
                return self._one_of(inner if dotted == "typing.Union" else inner[:1], scope)
            if dotted in ("builtins.tuple", "tuple", "typing.Tuple"):
                return self._tuple_of(inner, scope)
            return self._type_called(annotation.value, scope)
        if isinstance(annotation, cst.Tuple):
            return self._tuple_of([element.value for element in annotation.elements], scope)
        return None

    def _one_of(self, annotations: list[cst.BaseExpression], scope: FunctionInfo) -> Type | None:
        """Return what a union stands for: the first that is known; None where another one works differently."""
        found = [each for each in (self.type_of_annotation(each, scope) for each in annotations) if each is not None]
        return found[0] if found and all(self._is_alike(found[0], each) for each in found[1:]) else None

    def _is_alike(self, left: Type, right: Type) -> bool:
        """Whether two types of a union can be taken for one: a class for its base, a kind for one of its family."""
        if isinstance(left, ClassInfo) and isinstance(right, ClassInfo):
            return left in right.lineage or right in left.lineage
        if not isinstance(left, str) or not isinstance(right, str):
            return left == right
        kinds = [kind for kind in (self.knowledge.kind(left), self.knowledge.kind(right)) if kind is not None]
        return len({(kind.family, _is_awaited(kind)) for kind in kinds}) == 1

    def _tuple_of(self, annotations: list[cst.BaseExpression], scope: FunctionInfo) -> Type | None:
        if any(isinstance(each, cst.Ellipsis) for each in annotations):
            return None
        found = tuple(self.type_of_annotation(each, scope) for each in annotations)
        return found if any(each is not None for each in found) else None

    def _type_called(self, name: cst.BaseExpression, scope: FunctionInfo) -> Type | None:
        """Return what a class that is named stands for: a driver's, one of the project, or one derived from either."""
        dotted = self.index.dotted(name, scope)
        kind = self.knowledge.kind_of_type(dotted) if dotted is not None else None
        if kind is not None:
            return kind
        symbol = self.index.symbol_of(name, scope, is_needed=self.is_wide)
        if isinstance(symbol, ClassInfo):
            key = ("derived", symbol, self.is_wide)
            return self.peers.memo.get(key, lambda: kind_of_objects(symbol, self)) or symbol
        if isinstance(symbol, Variable) and symbol.index is not self.index:
            types = self.of_module(symbol.index)
            return types.type_of_alias(symbol.name)
        is_own = isinstance(name, cst.Name) and not self.index.is_local(name.value, scope)
        return self.type_of_alias(name.value) if is_own and isinstance(name, cst.Name) else None

    def type_of_alias(self, name: str) -> Type | None:
        """`DbDep = Annotated[Session, Depends(get_db)]` at the top of the module."""
        value = self.index.constant(name)
        is_type = isinstance(value, (cst.Name, cst.Attribute, cst.Subscript, cst.BinaryOperation))
        is_itself = isinstance(value, cst.Name) and value.value == name
        if value is None or not is_type or is_itself or name in self._aliases:
            return None
        self._aliases.add(name)
        try:
            return self.type_of_annotation(value, self.index.body)
        finally:
            self._aliases.discard(name)

    # --- expressions ------------------------------------------------------------------------------------------------

    def kind_of_expression(self, node: cst.BaseExpression | None, scope: FunctionInfo) -> str | None:
        """Return the kind of resource that an expression gives, as far as can be told without following anything."""
        found = self.type_of_expression(node, scope)
        return found if isinstance(found, str) else None

    def type_of_expression(self, node: cst.BaseExpression | None, scope: FunctionInfo) -> Type | None:
        """Return what an expression gives, as far as can be told without following the function that it is in."""
        behind = call_behind(node, self.index, scope)
        if behind is not None:
            return self._type_of_call(behind.call, scope, awaited=behind.is_awaited)
        if isinstance(node, cst.BooleanOperation):
            return self.type_of_expression(node.left, scope) or self.type_of_expression(node.right, scope)
        if isinstance(node, cst.IfExp):
            found = {self.type_of_expression(each, scope) for each in (node.body, node.orelse)} - {None}
            return found.pop() if len(found) == 1 else None
        if isinstance(node, cst.Name):
            for param in scope.params:
                if param.name.value == node.value:
                    return self.type_of_parameter(param, scope)
            value = only_value(node.value, scope) if self.index.is_local(node.value, scope) else None
            return self.type_of_expression(value, scope) if not isinstance(value, cst.Name) else None
        if isinstance(node, (cst.Attribute, cst.Subscript)):
            return self._type_of_part(node, scope)
        return None

    def _type_of_part(self, node: cst.Attribute | cst.Subscript, scope: FunctionInfo) -> Type | None:
        """`client.shop.orders`, `client["shop"]`: a part that has no name of its own in the model; or a property."""
        owner = self.type_of_expression(node.value, scope) or self.type_of_receiver(node.value, scope)
        if isinstance(owner, ClassInfo) and isinstance(node, cst.Attribute):
            return self._type_of_property(owner, node.attr.value)
        kind = self.knowledge.kind(owner) if isinstance(owner, str) else None
        if isinstance(node, cst.Subscript):
            return kind.any_item if kind is not None else self._kind_in_container(node.value, scope)
        if kind is None:
            return None
        name = node.attr.value
        is_named = name in kind.attributes or name in kind.methods or name in kind.state_flags or name.startswith("_")
        return None if is_named else kind.any_attribute

    def _kind_in_container(self, node: cst.BaseExpression, scope: FunctionInfo) -> str | None:
        """Return what a container holds several of: one of the module, of another module, or of an object."""
        if isinstance(node, cst.Name) and node.value in self.index.values:
            is_other = not scope.is_module and self.index.is_local(node.value, scope)
            return self.collected.kind_in_global(node.value) if not is_other else None
        symbol = self.index.symbol_of(node, scope, is_needed=self.is_wide)
        if isinstance(symbol, Variable):
            return self.of_module(symbol.index).collected.kind_in_global(symbol.name)
        if not isinstance(node, cst.Attribute):
            return None
        owner = self.own_class(node.value, scope) or self.type_of_receiver(node.value, scope)
        return self.collected.kind_in_attribute(owner, node.attr.value) if isinstance(owner, ClassInfo) else None

    def _type_of_call(self, node: cst.BaseExpression | None, scope: FunctionInfo, awaited: bool) -> Type | None:
        if not isinstance(node, cst.Call):
            return None
        receiver = Receiver(self, node, scope)
        model = self.first_possible(self._models_of(node, receiver, scope), node, scope)
        if model is None:
            return self._type_from_project(node, receiver, scope, awaited)
        needs_await = model.coroutine or model.form is Form.AWAIT
        if model.form is Form.WITH or (needs_await and not awaited):
            return None
        if model.gives == "self" and isinstance(node.func, cst.Attribute):
            return receiver.type_as_value
        return model.acquires or (model.gives if model.gives != "self" else None)

    def _models_of(self, node: cst.Call, receiver: Receiver, scope: FunctionInfo) -> tuple[CallModel, ...]:
        """Return the models of what is called, by its name or by the kind of its receiver."""
        dotted = self.index.dotted(node.func, scope)
        models = self.knowledge.function(dotted) if dotted is not None else ()
        if not models and isinstance(node.func, cst.Attribute):
            told = receiver.type or self.evidence.told_by(node.func, scope)
            kind = self.knowledge.kind(told) if isinstance(told, str) else None
            models = kind.methods.get(node.func.attr.value, ()) if kind is not None else ()
        if not models:
            # `self.factory()`, `Session()`: what is called is a resource itself.
            function = node.func
            maker = (
                self._type_of_attribute(function, receiver.owner, scope)
                if isinstance(function, cst.Attribute)
                else self.type_of_receiver(function, scope)
            )
            kind = self.knowledge.kind(maker) if isinstance(maker, str) else None
            models = kind.methods.get("__call__", ()) if kind is not None else ()
        return models

    def _type_from_project(self, node: cst.Call, receiver: Receiver, scope: FunctionInfo, awaited: bool) -> Type | None:
        """Return what calling a class or function of the project gives."""
        target = self._called_on(receiver, node, scope)
        if isinstance(target, ClassInfo):
            return target
        if target is None or target.is_async is not awaited:
            return None
        result = self.peers.result_of(target)
        return result.type if result is not None else None

    def called(self, node: cst.Call, scope: FunctionInfo) -> FunctionInfo | ClassInfo | None:
        """Return the function, method or class of the project that a call runs."""
        return self._called_on(Receiver(self, node, scope), node, scope)

    def _called_on(self, receiver: Receiver, node: cst.Call, scope: FunctionInfo) -> FunctionInfo | ClassInfo | None:
        symbol = self.index.symbol_of(node.func, scope, is_needed=self.is_wide)
        if isinstance(symbol, (FunctionInfo, ClassInfo)):
            return symbol
        if isinstance(node.func, cst.Name):
            is_class = scope.owner is not None and scope.is_method and not scope.is_instance_method
            return scope.owner if is_class and scope.params and scope.params[0].name.value == node.func.value else None
        if not isinstance(node.func, cst.Attribute):
            return None
        owner = receiver.owner
        return owner.find_method(node.func.attr.value) if isinstance(owner, ClassInfo) else None

    @staticmethod
    def own_class(node: cst.BaseExpression, scope: FunctionInfo) -> ClassInfo | None:
        """Return the class whose method the scope is, if the expression is its first parameter."""
        is_own = scope.is_method and bool(scope.params) and isinstance(node, cst.Name)
        return (
            scope.owner if is_own and isinstance(node, cst.Name) and scope.params[0].name.value == node.value else None
        )

    @staticmethod
    def given_argument(node: cst.Call, argument: Argument) -> cst.BaseExpression | None:
        """Return the expression given for an argument, if it is written out."""
        positional = [a for a in node.args if a.keyword is None and not a.star]
        if argument.position is not None and len(positional) > argument.position:
            return positional[argument.position].value
        for a in node.args:
            if a.keyword is not None and a.keyword.value == argument.keyword:
                return a.value
        return None

    def given_to(self, condition: Condition, node: cst.Call) -> cst.BaseExpression | None:
        """Return the expression that a condition is about, if it is written out."""
        given = self.given_argument(node, condition.argument)
        if condition.key is None or given is None:
            return given
        items = Evaluator(self.index, self.index.body).mapping(given)
        # A dictionary that cannot be seen stands for whatever is in it.
        return items.get(condition.key) if items is not None else given

    def type_of_receiver(self, node: cst.BaseExpression, scope: FunctionInfo) -> Type | None:
        """Return what an expression is whose attribute is read: an attribute, a global, what a call gives."""
        if isinstance(node, cst.Attribute):
            owner = self.own_class(node.value, scope) or self.type_of_receiver(node.value, scope)
            return self._type_of_attribute(node, owner, scope)
        if isinstance(node, cst.Name):
            return self._type_of_variable(node, scope)
        if isinstance(node, cst.Call):
            return self._type_of_call(node, scope, awaited=False)
        return self._kind_in_container(node.value, scope) if isinstance(node, cst.Subscript) else None

    def _type_of_attribute(self, node: cst.Attribute, owner: Type | None, scope: FunctionInfo) -> Type | None:
        """Return what an attribute of something of a known type holds; it may as well be a name of another module."""
        if isinstance(owner, ClassInfo):
            name = node.attr.value
            return self.attribute_type(owner, name) or self._type_of_property(owner, name)
        return self._type_of_variable(node, scope)

    def _type_of_property(self, owner: ClassInfo, name: str) -> Type | None:
        """Return what reading a property of an object of a class gives."""
        method = owner.find_method(name)
        result = self.peers.result_of(method) if method is not None and method.is_property else None
        return result.type if result is not None else None

    def _type_of_variable(self, node: cst.Name | cst.Attribute, scope: FunctionInfo) -> Type | None:
        """Return what a module-level name holds, of this module or (imported) of another."""
        if isinstance(node, cst.Name) and node.value in self.index.values:
            is_other = not scope.is_module and self.index.is_local(node.value, scope)
            return self.global_type(node.value) if not is_other else None
        symbol = self.index.symbol_of(node, scope, is_needed=self.is_wide)
        if isinstance(symbol, Variable):
            return self.of_module(symbol.index).global_type(symbol.name)
        dotted = self.index.dotted(node, scope)
        return self.knowledge.kind_of_object(dotted) if dotted is not None else None

    # --- attributes -------------------------------------------------------------------------------------------------

    def attribute_kind(self, owner: ClassInfo, attribute: str) -> str | None:
        """Return the kind that instances of a class keep in an attribute, if every known assignment agrees."""
        found = self.attribute_type(owner, attribute)
        return found if isinstance(found, str) else None

    def attribute_type(self, owner: ClassInfo, attribute: str) -> Type | None:
        """Return what instances of a class keep in an attribute, if every known assignment agrees."""
        key = ("attribute", owner, attribute, self.is_wide)
        return self.peers.memo.get(key, lambda: self._find_attribute_type(owner, attribute))

    def _find_attribute_type(self, owner: ClassInfo, attribute: str) -> Type | None:
        return self.one_of(self._kept_types(owner, attribute))

    def one_of(self, found: Iterable[Type]) -> Type | None:
        """Return the one type that something has, or the kind that speaks for several which are used alike.

        Beside what is in memory, as tests have it, the other ones count.
        """
        types = set(found)
        known = {each: kind for each in types if isinstance(each, str) and (kind := self.knowledge.kind(each))}
        if len(types) > 1:
            types -= {each for each, kind in known.items() if kind.in_memory}
        if len(types) < 2 or not types <= known.keys():
            return types.pop() if len(types) == 1 else None
        spoken = one_to_speak([known[each] for each in types if isinstance(each, str)])
        return spoken.id if spoken is not None else None

    def _kept_types(self, owner: ClassInfo, attribute: str) -> set[Type]:
        """Return what a class keeps in an attribute, or the nearest of its bases that keeps anything known there."""
        for each in owner.lineage:
            found = self.of_module(each.index)._assigned_types(each, attribute)  # noqa: SLF001 - of its own class
            if found:
                return found
        return set()

    def attribute_kinds(self, owner: ClassInfo, attribute: str) -> tuple[Kind, ...]:
        """Return the kinds that instances of a class keep in an attribute: one or the other, if there are several.

        Empty if it may hold an object of a class of the project, too.
        """
        key = ("either", owner, attribute, self.is_wide)
        return self.peers.memo.get(key, lambda: self._find_attribute_kinds(owner, attribute)) or ()

    def _find_attribute_kinds(self, owner: ClassInfo, attribute: str) -> tuple[Kind, ...]:
        found = self._kept_types(owner, attribute)
        kinds = [self.knowledge.kind(what) for what in found if isinstance(what, str)]
        known = [kind for kind in kinds if kind is not None]
        return tuple(sorted(known, key=lambda kind: kind.id)) if len(known) == len(found) else ()

    def _assigned_types(self, owner: ClassInfo, attribute: str) -> set[Type]:
        found: set[Type] = set()
        assigned = [*owner.assigned.get(attribute, ()), *owner.given.get(attribute, ())]
        if attribute in owner.body_values:
            assigned.append((self.index.body, *owner.body_values[attribute]))
        for scope, value, annotation in assigned:
            choices = [value.body, value.orelse] if isinstance(value, cst.IfExp) else [value]
            types = {each for choice in choices if (each := self.type_of_expression(choice, scope)) is not None}
            types |= {each for choice in choices if (each := self._kind_of_named_class(choice, scope)) is not None}
            if not types and annotation is not None:
                said = self.type_of_annotation(annotation.annotation, scope)
                types = {said} if said is not None else set()
            found |= types
        return found

    def _kind_of_named_class(self, node: cst.BaseExpression | None, scope: FunctionInfo) -> str | None:
        """`model = Order`: what a class is that stands for a resource itself, where it is named."""
        name = getattr(node, "attr", node)
        if not isinstance(name, cst.Name) or not name.value[:1].isupper() or name.value.isupper():
            return None  # no class is called so; to look for it may take another file
        symbol = self.index.symbol_of(node, scope) if isinstance(node, (cst.Name, cst.Attribute)) else None
        return self.of_module(symbol.index).kind_of_class(symbol) if isinstance(symbol, ClassInfo) else None

    def is_opened_by(self, owner: ClassInfo, attribute: str) -> bool:
        """Whether a class (or a base of it) fills an attribute with what it opens itself, not with what it is given."""
        for each in owner.lineage:
            types = self.of_module(each.index)
            assigned = [(scope, value) for scope, value, _ in each.assigned.get(attribute, ())]
            if attribute in each.body_values:
                assigned.append((each.index.body, each.body_values[attribute][0]))
            if any(types.opens(value, scope) for scope, value in assigned):
                return True
        return False

    def opens(self, value: cst.BaseExpression | None, scope: FunctionInfo) -> bool:
        """Whether an expression is a call that opens a resource, which is then its caller's."""
        if isinstance(value, cst.Name) and self.index.is_local(value.value, scope):
            value = only_value(value.value, scope)
        behind = call_behind(value, self.index, scope)
        if behind is None or self.kind_of_expression(value, scope) is None:
            return False
        call = behind.call
        receiver = Receiver(self, call, scope)
        model = self.first_possible(self._models_of(call, receiver, scope), call, scope)
        if model is not None:
            if model.gives == "self" and isinstance(call.func, cst.Attribute):
                return self.opens(call.func.value, scope)
            return True
        target = self._called_on(receiver, call, scope)
        result = self.peers.result_of(target) if isinstance(target, FunctionInfo) else None
        return result is not None and result.is_fresh

    def is_inherited(self, owner: ClassInfo, attribute: str) -> bool:
        """Whether an attribute comes from a base that is not known: nothing that is known gives it a value."""
        return owner.has_unknown_base and not any(
            attribute in each.assigned or attribute in each.body_values or attribute in each.methods
            for each in owner.lineage
        )

    def parent_attribute(self, owner: ClassInfo, attribute: str) -> str | None:
        """Return the attribute whose method filled another one: `a` for `self.b = self.a.part()`."""
        for scope, value, _ in owner.assigned.get(attribute, ()):
            call = unawaited(value)
            if not isinstance(call, cst.Call) or not isinstance(call.func, cst.Attribute):
                continue
            source = call.func.value
            if isinstance(source, cst.Attribute) and self.own_class(source.value, scope) is owner:
                return source.attr.value
        return None

    def parent_global(self, name: str) -> str | None:
        """Return the module-level name whose method filled another one: `a` for `b = a.part()`."""
        call = unawaited(self.index.constant(name))
        source = call.func.value if isinstance(call, cst.Call) and isinstance(call.func, cst.Attribute) else None
        is_own = isinstance(source, cst.Name) and source.value in self.index.values and source.value != name
        return source.value if is_own and isinstance(source, cst.Name) else None

    def ends_units(self, kind_id: str) -> bool:
        """Whether the module calls anything by the name of a method that ends a unit of work on such a resource."""
        kind = self.knowledge.kind(kind_id)
        if self._called is None:
            calls = [call.func for info in self.index.all_functions for call in info.calls]
            self._called = {function.attr.value for function in calls if isinstance(function, cst.Attribute)}
        return kind is not None and any(
            model.event in (Event.COMMIT, Event.ROLLBACK)
            for name in self._called.intersection(kind.methods)
            for model in kind.methods[name]
        )

    def kind_of_class(self, owner: ClassInfo) -> str | None:
        """Return the kind that a class itself is, by what it derives from: a class whose rows can be asked for."""
        return self.peers.memo.get(("class", owner, self.is_wide), lambda: self._find_kind_of_class(owner))

    def _find_kind_of_class(self, owner: ClassInfo) -> str | None:
        for each in owner.lineage:
            types = self.of_module(each.index)
            for base in each.bases:
                dotted = each.index.dotted(base, each.index.body)
                kind_id = types.knowledge.kind_of_base(dotted) if dotted is not None else None
                if kind_id is None and isinstance(base, cst.Attribute):
                    maker = types.type_of_receiver(base.value, each.index.body)
                    kind = types.knowledge.kind(maker) if isinstance(maker, str) else None
                    kind_id = kind.bases.get(base.attr.value) if kind is not None else None
                if kind_id is not None:
                    return kind_id
        return None

    # --- module-level names -------------------------------------------------------------------------------------------

    def global_type(self, name: str) -> Type | None:
        """Return what a module-level name holds, if that is a resource or an object of the project."""
        return self.peers.memo.get(("global", self.index.name, name, self.is_wide), lambda: self._find_global(name))

    def _find_global(self, name: str) -> Type | None:
        values = self.index.values.get(name, ())
        scopes = [(value, self._scope_of_value(name, value)) for value in values]
        found = {each for value, scope in scopes if (each := self._type_of_value(value, scope)) is not None}
        if len(found) == 1:
            return found.pop()
        annotation = self.index.annotations.get(name)
        return self.type_of_annotation(annotation.annotation, self.index.body) if annotation is not None else None

    def _type_of_value(self, value: cst.BaseExpression | None, scope: FunctionInfo) -> Type | None:
        """Return what a module-level name is given; `Session = SessionLocal` is another name for the same.

        Where a function gives it that, by way of variables of which nothing is known, they count as the module's.
        """
        if isinstance(value, cst.Name):
            found = self._type_of_variable(value, scope)
        else:
            found = self.type_of_expression(value, scope)
        return found if found is not None or scope.is_module else self._type_of_value(value, self.index.body)

    def _scope_of_value(self, name: str, value: cst.BaseExpression | None) -> FunctionInfo:
        """Return the function that gives a module-level name a value (`global conn`), or the module's body."""
        givers = (each for each in self.index.all_functions if name in each.outer and value is not None)
        return next((each for each in givers if any(node is value for node in each.nodes)), self.index.body)

    def global_method(self, name: str) -> BoundMethod | None:
        """Return the method of a resource that a module-level name stands for: `connect = engine.raw_connection`."""
        key = ("method", self.index.name, name, self.is_wide)
        return self.peers.memo.get(key, lambda: self._find_global_method(name))

    def _find_global_method(self, name: str) -> BoundMethod | None:
        given = self.index.values.get(name, ())
        values = [each for each in given if not (isinstance(each, cst.Name) and each.value == "None")]
        if len(values) != 1 or not isinstance(values[0], cst.Attribute):
            return None
        method, scope = values[0], self._scope_of_value(name, values[0])
        owner = self.type_of_expression(method.value, scope) or self.type_of_receiver(method.value, scope)
        kind = self.knowledge.kind(owner) if isinstance(owner, str) else None
        if not isinstance(owner, str) or kind is None or method.attr.value not in kind.methods:
            return None
        return BoundMethod(owner, method.value.value if isinstance(method.value, cst.Name) else name, method.attr.value)

    def global_constant(self, name: str) -> Literal | Query | Table | None:
        """Return the text, number or statement that a module-level name is given, if it is given one value only."""
        key = ("constant", self.index.name, name)
        return self.peers.memo.get(key, lambda: constant_value(self.index.constant(name), self))

    def class_constant(self, owner: ClassInfo, name: str) -> Literal | Query | None:
        """Return the text of a statement, or the statement, that a class gives an attribute for all its instances.

        Not if any code gives it another one, or a class derived from it in the same file does.
        """
        key = ("class constant", owner, name)
        return self.peers.memo.get(key, lambda: self._find_class_constant(owner, name))

    def _find_class_constant(self, owner: ClassInfo, name: str) -> Literal | Query | None:
        derived = owner.derived
        if any(name in each.assigned or name in each.given for each in (*owner.lineage, *derived)):
            return None
        if any(name in each.body_values for each in derived):
            return None
        home = next((each for each in owner.lineage if name in each.body_values), None)
        if home is None or name in home.methods:
            return None
        found = constant_value(home.body_values[name][0], self.of_module(home.index))
        if isinstance(found, Literal):
            return found if isinstance(found.value, str) and " " in found.value else None
        return found if isinstance(found, Query) else None


def _is_awaited(kind: Kind) -> bool:
    """Whether methods of a kind are coroutines."""
    return any(model.coroutine for models in kind.methods.values() for model in models)
