"""Questions about the classes of a module: relatives, what they open on `self`, whether their users can release it."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from typing import NamedTuple

import libcst as cst

from lintdb.effects import CallModel, Duty, Kind
from lintdb.flow.behind import call_behind
from lintdb.flow.derived import constructors_of_base
from lintdb.flow.reach import Reach
from lintdb.flow.records import RecordField, fields_of_record, is_decorated
from lintdb.flow.stdlib import HANDLERS_OF_ONE_REQUEST
from lintdb.flow.types_of import ModuleTypes
from lintdb.flow.words import RELEASING_NAMES
from lintdb.syntax.literals import only_value, unawaited
from lintdb.syntax.names import ClassInfo, FunctionInfo
from lintdb.syntax.nodes import is_none
from lintdb.syntax.walk import walk

_OWNER = "connection"
"""The attribute by which many libraries tell what something belongs to: that can be closed by way of it."""
_BOUND_AND_HANDED_ON = 2
_CLASS_SET_UPS = ("setUpClass", "setup_class")
"""Class methods that a test runner calls once, with a twin that takes down what they set up."""


class OpenedAttribute(NamedTuple):
    """An attribute of `self` that a method fills with what it opens: the call, and the kind that it gives."""

    name: str
    method: FunctionInfo
    call: cst.Call
    kind: Kind


class OwnedObject(NamedTuple):
    """An attribute of `self` that a method fills with an object of the project that opens something when it is made."""

    name: str
    method: FunctionInfo
    call: cst.Call
    owner: ClassInfo
    opened: OpenedAttribute


class Classes:
    """Answers for the classes of one module."""

    def __init__(self, types: ModuleTypes) -> None:
        self.index = types.index
        self.types = types
        self.reach = Reach()
        self._reached: dict[tuple[ClassInfo, bool], set[str] | None] = {}

    def constructors_of_base(self, owner: ClassInfo) -> tuple[CallModel, ...]:
        """See `lintdb.flow.derived.constructors_of_base`."""
        return constructors_of_base(owner, self.types)

    def opened_attributes(self, owner: ClassInfo) -> Iterator[OpenedAttribute]:
        """Yield what the methods of a class open and keep on `self`."""
        for attribute, assignments in owner.assigned.items():
            values = [(scope, _origin(value, scope)) for scope, value, _ in assignments]
            if any(isinstance(value, cst.Name) and value.value != "None" for _, value in values):
                continue  # given from outside, at least sometimes: whoever gave it may close it
            for scope, value in values:
                behind = call_behind(value, self.index, scope)
                kind_id = self.types.kind_of_expression(value, scope)
                kind = self.types.knowledge.kind(kind_id) if kind_id is not None else None
                is_known = kind is not None and self._may_hold(owner, attribute, kind)
                if (
                    behind is not None
                    and kind is not None
                    and is_known
                    and kind.duty is Duty.MUST
                    and scope.owner is owner
                    and (scope.is_instance_method or scope.name in _CLASS_SET_UPS)
                    and self.types.opens(value, scope)
                ):
                    yield OpenedAttribute(attribute, scope, behind.node, kind)

    def _may_hold(self, owner: ClassInfo, attribute: str, kind: Kind) -> bool:
        """Whether an attribute that holds nothing else, or something else that is used alike, may hold a kind."""
        held = self.types.attribute_kind(owner, attribute)
        if held is None or held == kind.id:
            return held is not None
        return not kind.in_memory and kind in self.types.attribute_kinds(owner, attribute)

    def is_shared_at_times(self, owner: ClassInfo, attribute: str) -> bool:
        """Whether methods of a class give an attribute what others have, too: what a container, or a class, keeps."""
        assigned = [each for base in owner.lineage for each in base.assigned.get(attribute, ())]
        return any(_is_kept_elsewhere(_origin(value, scope), owner, scope) for scope, value, _ in assigned)

    def owned_objects(self, owner: ClassInfo) -> Iterator[OwnedObject]:
        """Yield what the methods of a class make and keep on `self` that has to be released: by a method of its own."""
        for attribute, assignments in owner.assigned.items():
            values = [(scope, _origin(value, scope)) for scope, value, _ in assignments]
            made = [(scope, value) for scope, value in values if not is_none(value)]
            classes = {self.types.called(v, scope) if isinstance(v, cst.Call) else None for scope, v in made}
            held = classes.pop() if len(classes) == 1 else None
            opened = self._opened_when_made(held) if isinstance(held, ClassInfo) else None
            if not isinstance(held, ClassInfo) or opened is None:
                continue
            for scope, value in made:
                if isinstance(value, cst.Call) and scope.owner is owner and scope.is_instance_method:
                    yield OwnedObject(attribute, scope, value, held, opened)

    def _opened_when_made(self, owner: ClassInfo) -> OpenedAttribute | None:
        """Return what making an object of a class opens, where one of its methods is there to release it."""
        init = owner.find_method("__init__")
        if init is None or init.owner is None or not self.is_made_by_init(owner) or not self.offers_release(owner):
            return None
        classes = Classes(self.types.peers.types(init.index))
        reached = self.reached_by_releases(owner)
        opened = (each for each in classes.opened_attributes(init.owner) if each.method is init)
        return next((each for each in opened if reached is None or each.name in reached), None)

    def opens_when_made(self, owner: ClassInfo) -> bool:
        """Whether constructors of a class open something themselves, whatever its other methods do."""
        return any(True for _ in self.openings_when_made(owner))

    def openings_when_made(self, owner: ClassInfo) -> Iterator[tuple[str, str]]:
        """Yield what constructors of a class call, as it is written, to open something, each with its file's path."""
        for part in owner.lineage:
            for each in Classes(self.types.peers.types(part.index)).opened_attributes(part):
                if each.method.name == "__init__":
                    yield part.index.code_of(each.call.func), part.index.name.path

    def is_left_to_class(self, owner: ClassInfo, name: str) -> bool:
        """Whether nothing but the class is to be told of what an attribute holds: nobody releases it, or gets it.

        Or the object's end releases it.
        """
        key = ("left", owner, name)
        return bool(self.types.peers.memo.get(key, lambda: self._is_left_to_class(owner, name)))

    def _is_left_to_class(self, owner: ClassInfo, name: str) -> bool:
        reached = [self.reach.of(each, owner) for each in self.finalizers(owner)]
        if any(each.hands_object_on or name in each.names for each in reached):
            return True
        word = re.escape(name)
        releases = "|".join([*sorted(RELEASING_NAMES), r"\w*clos\w*"])
        is_given = rf"return\s+\w+\.{word}\b(?!\s*[.(\[])|[(,=\[]\s*\w+\.{word}\s*[,)\]\n]"
        handled = re.compile(rf"\.{word}\.(?:{releases})\b|{is_given}")
        elsewhere = re.compile(rf"(?<!self)(?<!cls)\.{word}\.(?:{releases})\b")
        return not any(
            handled.search(each.index.code_of(each.node)) or elsewhere.search(each.index.text) for each in owner.lineage
        )

    def reached_by_releases(self, owner: ClassInfo, *, beside_del: bool = False) -> set[str] | None:
        """Return the attributes that methods which are meant to release reach, if any; None if that may be all.

        *beside_del*: those of a class with a `__del__`, too. Asked at each call of a method, so found out once.
        """
        key = (owner, beside_del)
        if key not in self._reached:
            self._reached[key] = self._reached_by_releases(owner, beside_del=beside_del)
        return self._reached[key]

    def _reached_by_releases(self, owner: ClassInfo, *, beside_del: bool) -> set[str] | None:
        found: set[str] = set()
        for method in self.releases(owner, beside_del=beside_del):
            reached = self.reach.of(method, owner)
            if reached.hands_object_on or _OWNER in method.attributes:
                return None
            found |= reached.names
        return found

    def is_only_used(self, owner: ClassInfo, each: OwnedObject) -> bool:
        """Whether nobody does more with an object that a class owns than to call what does not release it.

        That is so if methods of the class do not hand it on, and nothing in the module releases it, or what it holds.
        """
        ways = self._ways_to_release(each)
        looks = _calls_on_parts(each.opened.name, self.index.module, self.is_release)
        for node in walk(self.index.module):
            held = node.value if isinstance(node, cst.Attribute) else None
            if (
                isinstance(node, cst.Attribute)
                and isinstance(held, cst.Attribute)
                and held.attr.value == each.name
                and not _is_attribute_of_self(held, each.name)
                and node.attr.value in ways
                and id(node) not in looks
            ):
                return False
        for relative in self.family_of(owner):
            nodes = list(walk(relative.node))
            found = {id(node) for node in nodes if _is_attribute_of_self(node, each.name)}
            called = {id(node.func) for node in nodes if isinstance(node, cst.Call)}
            harmless: set[int] = set()
            for node in nodes:
                if isinstance(node, (cst.AssignTarget, cst.AnnAssign)):
                    harmless.add(id(node.target))
                elif isinstance(node, cst.Comparison):
                    harmless.add(id(node.left))
                elif isinstance(node, (cst.If, cst.IfExp)):
                    harmless.add(id(node.test))
                elif isinstance(node, cst.Attribute):
                    is_method = each.owner.find_method(node.attr.value) is not None
                    is_release = node.attr.value in ways and id(node) not in looks
                    if is_method == (id(node) in called) and not is_release:
                        harmless.add(id(node.value))
            if not found <= harmless:
                return False
        return True

    def _ways_to_release(self, each: OwnedObject) -> set[str]:
        """Return what may be reached for on an object that is owned in order to release what that holds."""
        methods = {name: method for part in reversed(each.owner.lineage) for name, method in part.methods.items()}
        return {each.opened.name} | {
            name
            for name, method in methods.items()
            if self.is_release(name)
            or any(isinstance(node, cst.Attribute) and self.is_release(node.attr.value) for node in method.nodes)
        }

    def given_by_factories(self, owner: ClassInfo) -> Iterator[OpenedAttribute]:
        """Yield what class methods open for the object that they make: `return cls(connect(url))`."""
        for factory in owner.methods.values():
            if factory.is_instance_method:
                continue
            for call in factory.calls:
                if self.types.called(call, factory) is not owner:
                    continue
                for position, argument in enumerate(call.args):
                    keyword = argument.keyword.value if argument.keyword is not None else None
                    attribute = self._attribute_for(owner, position, keyword) if not argument.star else None
                    opened = self._opened_for(argument.value, factory) if attribute is not None else None
                    if attribute is not None and opened is not None:
                        yield OpenedAttribute(attribute, factory, *opened)

    def _opened_for(self, value: cst.BaseExpression, scope: FunctionInfo) -> tuple[cst.Call, Kind] | None:
        """Return the call that opens what an argument is, or what that is made of, if nothing else is done with it."""
        if isinstance(value, cst.Name):
            uses = sum(isinstance(node, cst.Name) and node.value == value.value for node in scope.nodes)
            if uses > _BOUND_AND_HANDED_ON:
                return None
        found = _origin(value, scope)
        call = unawaited(found)
        kind_id = self.types.kind_of_expression(found, scope) if isinstance(call, cst.Call) else None
        kind = self.types.knowledge.kind(kind_id) if kind_id is not None else None
        if kind is None or not isinstance(call, cst.Call):
            return None
        if kind.duty is Duty.MUST and self.types.opens(found, scope):
            return call, kind
        parts = (self._opened_for(argument.value, scope) for argument in call.args if not argument.star)
        return next((part for part in parts if part is not None), None) if kind.keeps_parent else None

    def _attribute_for(self, owner: ClassInfo, position: int, keyword: str | None) -> str | None:
        """Return the attribute in which an object of a class keeps an argument of its constructor."""
        init = owner.find_method("__init__")
        if init is not None:
            names = [param.name.value for param in init.params[1:]]
            name = keyword or (names[position] if position < len(names) else None)
            assigned = init.owner.assigned if init.owner is not None else {}
            return next((each for each, values in assigned.items() if _is_filled_with(name, values, init)), None)
        fields = [name for name, (_, annotation) in owner.body_values.items() if annotation is not None]
        if not owner.node.decorators:
            return None
        if keyword is not None:
            return next((name for name in fields if name.lstrip("_") == keyword.lstrip("_")), None)
        if not owner.has_unknown_base:
            return fields[position] if position < len(fields) else None
        # Fields of the base come first, and how many there are is not known.
        resources = [name for name in fields if self.types.attribute_kind(owner, name) is not None]
        return resources[0] if len(resources) == 1 else None

    @staticmethod
    def is_lent(owner: ClassInfo, attribute: str) -> bool:
        """Whether an attribute has what it holds from a `with` block, which ends it: nothing else gives it a value."""
        assigned = [(scope, value) for each in owner.lineage for scope, value, _ in each.assigned.get(attribute, ())]
        given = [(scope, value) for scope, value in assigned if value is not None and not is_none(value)]
        return bool(given) and all(_is_of_block(value, scope) for scope, value in given)

    @staticmethod
    def is_ended_with_request(owner: ClassInfo, attribute: str, endings: Collection[str]) -> bool:
        """Whether a framework makes an object for each request, and at its end has the object end what it holds.

        *endings* are the methods that end it.
        """
        bases = {base for each in owner.lineage for base in each.outside_bases if base is not None}
        names = {name for base in bases for name in HANDLERS_OF_ONE_REQUEST.get(base, ())}
        todo = [each.methods[name] for each in owner.lineage for name in names if name in each.methods]
        seen: set[str] = set()
        while todo:
            method = todo.pop()
            seen.add(method.name)
            for call in method.calls:
                if not isinstance(call.func, cst.Attribute):
                    continue
                name = call.func.attr.value
                if name in endings and _is_attribute_of_self(call.func.value, attribute):
                    return True
                helper = owner.find_method(name) if _is_self(call.func.value) and name not in seen else None
                todo += [helper] if helper is not None else []
        return False

    @staticmethod
    def is_made_by_init(owner: ClassInfo) -> bool:
        """Whether calling the class makes a new object and runs its `__init__`, and nothing else has a say in it."""
        return not any(
            "__new__" in each.methods
            or each.node.decorators
            or any(
                word.keyword is not None
                and word.keyword.value == "metaclass"
                and each.index.dotted(word.value, each.index.body) != "abc.ABCMeta"
                for word in each.node.keywords
            )
            for each in owner.lineage
        )

    @staticmethod
    def is_record(owner: ClassInfo) -> bool:
        """See `lintdb.flow.records.is_decorated`."""
        return is_decorated(owner)

    def fields_of_record(self, owner: ClassInfo) -> tuple[RecordField, ...] | None:
        """See `lintdb.flow.records.fields_of_record`; asked at each call of a class, so found out once."""
        return self.types.peers.memo.get(("record", owner), lambda: fields_of_record(owner))

    def family_of(self, owner: ClassInfo) -> list[ClassInfo]:
        """Return the class with its bases, as far as the project has them, and its subclasses in this module."""
        children = [child for child in self.index.classes.values() if owner in child.parents and child is not owner]
        return list(dict.fromkeys([*owner.lineage, *children]))

    def offers_release(self, owner: ClassInfo) -> bool:
        """Whether the class has a method with which its users are meant to release what it holds."""
        return bool(self.releases(owner))

    @staticmethod
    def finalizers(owner: ClassInfo) -> list[FunctionInfo]:
        """Return what the end of an object runs."""
        return [each.methods["__del__"] for each in owner.lineage if "__del__" in each.methods]

    @staticmethod
    def releases(owner: ClassInfo, *, beside_del: bool = False) -> list[FunctionInfo]:
        """Return the methods with which users of a class are meant to release what it holds.

        They are known by their names, or by doing nothing else. None beside `__del__`, unless *beside_del* asks for
        them. One that does nothing with its object (`def stop(self): pass`) is there for whoever calls it on others.
        """
        methods = [(name, each.methods[name]) for each in owner.lineage for name in each.methods]
        if not beside_del and any(name == "__del__" for name, _ in methods):
            return []
        return [
            method
            for name, method in methods
            if (name in RELEASING_NAMES and _uses_its_object(method)) or _does_nothing_but_release(method)
        ]

    @staticmethod
    def is_release(name: str) -> bool:
        """Whether a method of that name is meant to release what an object holds."""
        return name in RELEASING_NAMES

    def attributes_of(self, owner: ClassInfo) -> set[str]:
        """Return the names of all attributes that instances have."""
        return {name for each in owner.lineage for name in (*each.assigned, *each.body_values, *each.given)}


def _is_kept_elsewhere(value: cst.BaseExpression | None, owner: ClassInfo, scope: FunctionInfo) -> bool:
    """Whether an expression takes something from where it stays: `self._shared[0]`, `Store.shared`, `known.get(x)`."""
    if isinstance(value, cst.Call) and isinstance(value.func, cst.Attribute) and value.func.attr.value == "get":
        return _is_place(value.func.value, scope)
    if isinstance(value, cst.Subscript):
        return _is_place(value.value, scope)
    if not isinstance(value, cst.Attribute) or not _is_place(value.value, scope):
        return False
    first = scope.params[0].name.value if scope.params and scope.owner is not None else ""
    is_own = isinstance(value.value, cst.Name) and value.value.value == first
    return not is_own or any(value.attr.value in each.body_values for each in owner.lineage)


def _is_place(node: cst.BaseExpression, scope: FunctionInfo) -> bool:
    """Whether an expression names something that was there before a function ran."""
    while isinstance(node, (cst.Attribute, cst.Subscript)):
        node = node.value
    params = {param.name.value for param in scope.params}
    return isinstance(node, cst.Name) and (node.value in params or node.value not in scope.bound)


def _origin(value: cst.BaseExpression | None, scope: FunctionInfo) -> cst.BaseExpression | None:
    """Return what a local variable was given before it was kept, or the expression itself."""
    if isinstance(value, cst.Name) and value.value in scope.bound and not _is_parameter(value.value, scope):
        return only_value(value.value, scope) or value
    return value


def _is_filled_with(
    name: str | None,
    values: list[tuple[FunctionInfo, cst.BaseExpression | None, cst.Annotation | None]],
    scope: FunctionInfo,
) -> bool:
    return any(where is scope and isinstance(value, cst.Name) and value.value == name for where, value, _ in values)


def _calls_on_parts(name: str, module: cst.Module, is_release: Callable[[str], bool]) -> set[int]:
    """Return where code of a module calls a method on an attribute that does not release it: `store.conn.execute()`."""
    functions = (node.func for node in walk(module) if isinstance(node, cst.Call))
    return {
        id(function.value)
        for function in functions
        if isinstance(function, cst.Attribute)
        and isinstance(function.value, cst.Attribute)
        and function.value.attr.value == name
        and not is_release(function.attr.value)
    }


def _does_nothing_but_release(method: FunctionInfo) -> bool:
    """Whether all that a method calls are releases of what its object holds: `cerrar()`, `free_all()`."""
    if len(method.params) != 1 or method.name.startswith("__") or method.is_generator or not method.is_instance_method:
        return False
    calls = [call.func for call in method.calls]
    return bool(calls) and all(
        isinstance(function, cst.Attribute)
        and function.attr.value in RELEASING_NAMES
        and isinstance(function.value, cst.Attribute)
        and isinstance(function.value.value, cst.Name)
        and function.value.value.value == method.params[0].name.value
        for function in calls
    )


def _uses_its_object(method: FunctionInfo) -> bool:
    return bool(method.loads & {"super", *(param.name.value for param in method.params[:1])})


def _is_of_block(value: cst.BaseExpression, scope: FunctionInfo) -> bool:
    """Whether an expression is the variable of a `with` block around it, in which something is done with it.

    What is no more than kept there is used when the block is over.
    """
    if not isinstance(value, cst.Name):
        return False
    blocks = [each for each in scope.nodes if isinstance(each, cst.With) and _does_something(each)]
    return any(
        isinstance(item.asname, cst.AsName)
        and isinstance(item.asname.name, cst.Name)
        and item.asname.name.value == value.value
        and any(inner is value for inner in walk(block.body))
        for block in blocks
        for item in block.items
    )


def _does_something(block: cst.With) -> bool:
    """Whether a block does more than assign."""
    return any(isinstance(node, (cst.Yield, cst.Call)) for node in walk(block.body))


def _is_attribute_of_self(node: cst.CSTNode, name: str) -> bool:
    return isinstance(node, cst.Attribute) and node.attr.value == name and _is_self(node.value)


def _is_self(node: cst.CSTNode) -> bool:
    return isinstance(node, cst.Name) and node.value == "self"


def _is_parameter(name: str, scope: FunctionInfo) -> bool:
    return any(param.name.value == name for param in scope.params)
