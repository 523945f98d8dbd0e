"""Which kind of resource annotations, expressions, attributes and globals stand for, without following anything."""

from __future__ import annotations

import libcst as cst

from lintdb.effects import Argument, CallModel, Condition, Event, Form, Kind
from lintdb.flow.evidence import Evidence
from lintdb.flow.exceptions import builtin_is_subclass
from lintdb.flow.knowledge import Knowledge
from lintdb.flow.values import (
    Literal,
    SiteKey,
    Value,
)
from lintdb.syntax.names import ClassInfo, FunctionInfo, ModuleIndex
from lintdb.syntax.walk import walk

_SWITCHES = (Event.AUTOCOMMIT_ON, Event.AUTOCOMMIT_OFF, Event.AUTOCOMMIT_UNKNOWN)


class ModuleTypes:
    """What the names of one module hold, from its own text and what the outside world knows."""

    def __init__(self, index: ModuleIndex, knowledge: Knowledge) -> None:
        self.index = index
        self.knowledge = knowledge
        self._attribute_kinds: dict[tuple[str, str], str | None] = {}
        self._globals: dict[str, str | Value | None] = {}
        self._written: dict[ClassInfo | None, set[str]] = {}
        self._aliases: set[str] = set()
        self._called: set[str] | None = None
        self.evidence = Evidence(index, knowledge)

    def is_subclass(self, name: str, base: str) -> bool | None:
        """See `Knowledge.is_subclass`; exception classes of this module are known by their bases."""
        if name == base:
            return True
        owner = self.index.classes.get(name)
        if owner is not None:
            results: list[bool | None] = []
            for expression in owner.bases:
                dotted = self.index.dotted(expression, self.index.body)
                if dotted is None and isinstance(expression, cst.Name) and expression.value != name:
                    dotted = expression.value
                results.append(self.is_subclass(dotted, base) if dotted is not None else None)
            if True in results:
                return True
            return None if None in results else False
        if base in self.index.classes:
            return False if builtin_is_subclass(name, "BaseException") else None
        known = builtin_is_subclass(name, base)
        return known if known is not None else self.knowledge.is_subclass(name, base)

    def model_of_call(self, dotted: str, node: cst.Call) -> CallModel | None:
        """Return the model of a call by name alone: the first that its visible arguments do not rule out."""
        for model in self.knowledge.function(dotted):
            if all(self.may_hold(condition, node) for condition in model.when):
                return model
        return None

    def may_hold(self, condition: Condition, node: cst.Call) -> bool:
        expression = self.given_argument(node, condition.argument)
        if condition.given is not None:
            return (expression is not None) == condition.given
        if expression is None:
            return False
        if condition.names:
            return self.index.dotted(expression, self.index.body) in condition.names
        if isinstance(expression, cst.Name):
            literal = {"None": None, "True": True, "False": False}.get(expression.value, self)
            return literal is not self and literal is condition.equals
        if isinstance(expression, (cst.SimpleString, cst.Integer)):
            return bool(expression.evaluated_value == condition.equals)
        return False

    def kind_of_annotation(self, annotation: cst.BaseExpression, scope: FunctionInfo) -> str | None:
        """Return the kind that a type annotation stands for: through Optional, unions, Annotated, quotes."""
        if isinstance(annotation, (cst.Name, cst.Attribute)):
            dotted = self.index.dotted(annotation, scope)
            if dotted is not None:
                return self.knowledge.kind_of_type(dotted)
            return self._kind_of_alias(annotation, scope)
        if isinstance(annotation, cst.SimpleString):
            text = annotation.evaluated_value
            if isinstance(text, str):
                try:
                    return self.kind_of_annotation(cst.parse_expression(text), scope)
                except cst.ParserSyntaxError:
                    return None
            return None
        if isinstance(annotation, cst.BinaryOperation):
            return self.kind_of_annotation(annotation.left, scope) or self.kind_of_annotation(annotation.right, scope)
        if isinstance(annotation, cst.Subscript):
            dotted = self.index.dotted(annotation.value, scope)
            inner = [e.slice.value for e in annotation.slice if isinstance(e.slice, cst.Index)]
            if dotted in ("typing.Optional", "typing.Annotated", "typing.Union", "typing_extensions.Annotated"):
                for element in inner if dotted == "typing.Union" else inner[:1]:
                    kind = self.kind_of_annotation(element, scope)
                    if kind is not None:
                        return kind
                return None
            return self.knowledge.kind_of_type(dotted) if dotted is not None else None
        return None

    def _kind_of_alias(self, annotation: cst.BaseExpression, scope: FunctionInfo) -> str | None:
        """`DbDep = Annotated[Session, Depends(get_db)]` at the top of the module."""
        if not isinstance(annotation, cst.Name) or self.index.is_local(annotation.value, scope):
            return None
        value = self.index.constant(annotation.value)
        is_type = isinstance(value, (cst.Name, cst.Attribute, cst.Subscript, cst.BinaryOperation))
        is_itself = isinstance(value, cst.Name) and value.value == annotation.value
        if value is None or not is_type or is_itself or annotation.value in self._aliases:
            return None
        self._aliases.add(annotation.value)
        try:
            return self.kind_of_annotation(value, self.index.body)
        finally:
            self._aliases.discard(annotation.value)

    def kind_of_expression(self, node: cst.BaseExpression | None, scope: FunctionInfo) -> str | None:
        """Return the kind that an expression gives, as far as can be told without following anything."""
        if isinstance(node, cst.Await):
            return self._kind_of_call(node.expression, scope, awaited=True)
        if isinstance(node, cst.BooleanOperation):
            return self.kind_of_expression(node.left, scope) or self.kind_of_expression(node.right, scope)
        if isinstance(node, cst.IfExp):
            return self.kind_of_expression(node.body, scope) or self.kind_of_expression(node.orelse, scope)
        if isinstance(node, cst.Name):
            for param in scope.params:
                if param.name.value == node.value and param.annotation is not None:
                    return self.kind_of_annotation(param.annotation.annotation, scope)
            return None
        return self._kind_of_call(node, scope, awaited=False)

    def _kind_of_call(self, node: cst.BaseExpression | None, scope: FunctionInfo, awaited: bool) -> str | None:
        if not isinstance(node, cst.Call):
            return None
        models: tuple[CallModel, ...] = ()
        dotted = self.index.dotted(node.func, scope)
        if dotted is not None:
            models = self.knowledge.function(dotted)
        elif isinstance(node.func, cst.Attribute):
            receiver = self._kind_of_receiver(node.func.value, scope)
            kind = self.knowledge.kind(receiver) if receiver is not None else None
            models = kind.methods.get(node.func.attr.value, ()) if kind is not None else ()
            if not models:
                # `self.factory()`: the attribute itself is what is called.
                maker = self._kind_of_receiver(node.func, scope)
                kind = self.knowledge.kind(maker) if maker is not None else None
                models = kind.methods.get("__call__", ()) if kind is not None else ()
        elif isinstance(node.func, cst.Call):
            maker = self._kind_of_call(node.func, scope, awaited=False)
            kind = self.knowledge.kind(maker) if maker is not None else None
            models = kind.methods.get("__call__", ()) if kind is not None else ()
        elif isinstance(node.func, cst.Name):
            value = self.global_value(node.func.value) if not self.index.is_local(node.func.value, scope) else None
            kind = self.knowledge.kind(value) if isinstance(value, str) else None
            models = kind.methods.get("__call__", ()) if kind is not None else ()
        for model in models:
            if not all(self.may_hold(condition, node) for condition in model.when):
                continue
            needs_await = model.coroutine or model.form is Form.AWAIT
            if model.form is Form.WITH or (needs_await and not awaited):
                return None
            return model.acquires or (model.gives if model.gives != "self" else None)
        return None

    @staticmethod
    def given_argument(node: cst.Call, argument: Argument) -> cst.BaseExpression | None:
        positional = [a for a in node.args if a.keyword is None and not a.star]
        if argument.position is not None and len(positional) > argument.position:
            return positional[argument.position].value
        for a in node.args:
            if a.keyword is not None and a.keyword.value == argument.keyword:
                return a.value
        return None

    def _kind_of_receiver(self, node: cst.BaseExpression, scope: FunctionInfo) -> str | None:
        if isinstance(node, cst.Attribute) and isinstance(node.value, cst.Name) and scope.owner is not None:
            is_self = bool(scope.params) and scope.params[0].name.value == node.value.value
            if is_self:
                return self.attribute_kind(scope.owner, node.attr.value)
        if isinstance(node, cst.Name) and not self.index.is_local(node.value, scope):
            value = self.global_value(node.value)
            return value if isinstance(value, str) else None
        if isinstance(node, cst.Call):
            return self._kind_of_call(node, scope, awaited=False)
        return None

    def attribute_kind(self, owner: ClassInfo, attribute: str) -> str | None:
        """Return the kind that instances of a class keep in an attribute, if every known assignment agrees."""
        key = (owner.qualname, attribute)
        if key not in self._attribute_kinds:
            self._attribute_kinds[key] = None
            self._attribute_kinds[key] = self._find_attribute_kind(owner, attribute)
        return self._attribute_kinds[key]

    def _find_attribute_kind(self, owner: ClassInfo, attribute: str) -> str | None:
        found: set[str] = set()
        for scope, value, annotation in owner.assigned.get(attribute, ()):
            kind = self.kind_of_expression(value, scope)
            if kind is None and annotation is not None:
                kind = self.kind_of_annotation(annotation.annotation, scope)
            if kind is not None:
                found.add(kind)
        if attribute in owner.body_values:
            body_value, body_annotation = owner.body_values[attribute]
            kind = self.kind_of_expression(body_value, self.index.body)
            if kind is None and body_annotation is not None:
                kind = self.kind_of_annotation(body_annotation.annotation, self.index.body)
            if kind is not None:
                found.add(kind)
        if len(found) == 1:
            return found.pop()
        if found:
            return None
        for base in owner.bases:
            if isinstance(base, cst.Name) and base.value in self.index.classes and base.value != owner.name:
                kind = self.attribute_kind(self.index.classes[base.value], attribute)
                if kind is not None:
                    return kind
        return None

    def is_opened_by(self, owner: ClassInfo, attribute: str) -> bool:
        """Whether a class (or a base in this module) fills an attribute from a driver's call, not from outside."""
        assigned = [(scope, value) for scope, value, _ in owner.assigned.get(attribute, ())]
        if attribute in owner.body_values:
            assigned.append((self.index.body, owner.body_values[attribute][0]))
        for scope, value in assigned:
            call = value.expression if isinstance(value, cst.Await) else value
            if isinstance(call, cst.Call) and self.kind_of_expression(value, scope) is not None:
                return True
        return any(
            self.is_opened_by(self.index.classes[base.value], attribute)
            for base in owner.bases
            if isinstance(base, cst.Name) and base.value in self.index.classes and base.value != owner.name
        )

    def is_inherited(self, owner: ClassInfo, attribute: str) -> bool:
        """Whether an attribute comes from a base in another module: nothing here gives it a value."""
        family = [owner]
        for each in family:
            if attribute in each.assigned or attribute in each.body_values or attribute in each.methods:
                return False
            for base in each.bases:
                known = self.index.classes.get(base.value) if isinstance(base, cst.Name) else None
                if known is not None and known not in family:
                    family.append(known)
        return self.index.has_unknown_base(owner)

    def parent_attribute(self, owner: ClassInfo, attribute: str) -> str | None:
        """Return the attribute whose method filled another one: `a` for `self.b = self.a.part()`."""
        for scope, value, _ in owner.assigned.get(attribute, ()):
            call = value.expression if isinstance(value, cst.Await) else value
            if not isinstance(call, cst.Call) or not isinstance(call.func, cst.Attribute):
                continue
            source = call.func.value
            if not isinstance(source, cst.Attribute) or not isinstance(source.value, cst.Name):
                continue
            if scope.owner is owner and scope.params and source.value.value == scope.params[0].name.value:
                return source.attr.value
        return None

    def autocommit_of(self, site: SiteKey, kind: Kind, owner: ClassInfo | None) -> bool | None:
        """Return the mode of a resource that an attribute or a global keeps; None where something may switch it."""
        if kind.autocommit is not False or len(site) != 2:
            return kind.autocommit
        values: list[cst.BaseExpression | None] = []
        if site[0] == "self" and owner is not None:
            values = [value for _, value, _ in owner.assigned.get(str(site[1]), ())]
        elif site[0] == "global":
            values = list(self.index.values.get(str(site[1]), ()))
        for value in values:
            call = value.expression if isinstance(value, cst.Await) else value
            if not isinstance(call, cst.Call):
                continue
            if any(argument.star == "**" for argument in call.args):
                return None
            for condition in kind.autocommit_arguments:
                if self.given_argument(call, condition.argument) is not None:
                    return True if self.may_hold(condition, call) else None
        return None if self._switches_mode(kind, str(site[1]), owner if site[0] == "self" else None) else False

    def _switches_mode(self, kind: Kind, name: str, owner: ClassInfo | None) -> bool:
        """Whether something in the class or the module switches the mode of what an attribute or name holds."""
        if owner not in self._written:
            written = self._written[owner] = set()
            for node in walk(owner.node if owner is not None else self.index.module):
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
        switches = set(kind.attribute_events)
        for method, models in kind.methods.items():
            if any(model.event in _SWITCHES for model in models):
                switches.add(method)
        return any(f"{name}.{switch}" in self._written[owner] for switch in switches)

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

    def global_value(self, name: str) -> str | Value | None:
        """Return what a module-level name holds: a kind id, a literal, or None."""
        if name not in self._globals:
            self._globals[name] = None
            self._globals[name] = self._find_global(name)
        return self._globals[name]

    def _find_global(self, name: str) -> str | Value | None:
        values = self.index.values.get(name)
        if values is None:
            return None
        kinds = {kind for value in values if (kind := self.kind_of_expression(value, self.index.body)) is not None}
        if len(kinds) == 1:
            return kinds.pop()
        annotation = self.index.annotations.get(name)
        if annotation is not None:
            kind = self.kind_of_annotation(annotation.annotation, self.index.body)
            if kind is not None:
                return kind
        if len(values) == 1 and isinstance(values[0], (cst.SimpleString, cst.ConcatenatedString, cst.Integer)):
            value = values[0].evaluated_value
            if isinstance(value, (str, int)):
                return Literal(value)
        return None
