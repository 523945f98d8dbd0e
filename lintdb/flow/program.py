"""One module as the flow engine sees it: which functions to follow, what they do for their callers, what classes own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import libcst as cst

from lintdb.effects import Argument, CallModel, Condition, Duty, Event, Form, Kind
from lintdb.flow import ir
from lintdb.flow.builder import build_cfg
from lintdb.flow.cfg import CFG
from lintdb.flow.exceptions import builtin_is_subclass
from lintdb.flow.follow import BYPASSED, Exit, Follower, Site
from lintdb.flow.knowledge import Knowledge
from lintdb.flow.results import FunctionFlow
from lintdb.flow.state import State
from lintdb.flow.stdlib import CACHES, FIXTURES, GENERATOR_MANAGERS, KEEPS_FUNCTION
from lintdb.flow.values import (
    Box,
    Instance,
    Literal,
    Manager,
    Many,
    Method,
    Name,
    Partial,
    Raised,
    Ref,
    Rid,
    Status,
    Table,
    Truthiness,
    Value,
)
from lintdb.syntax.names import ClassInfo, FunctionInfo, ModuleIndex
from lintdb.syntax.walk import walk

MAX_DEPTH = 4
MAX_OUTCOMES = 8
_SWITCHES = (Event.AUTOCOMMIT_ON, Event.AUTOCOMMIT_OFF, Event.AUTOCOMMIT_UNKNOWN)
_BEFORE = 1 << 30
"""Stands for "work that was pending before the call" while a summary is made."""
_RELEASING_NAMES = (
    "close", "aclose", "disconnect", "shutdown", "stop", "dispose", "release", "cleanup", "teardown", "quit",
    "terminate", "finish", "close_connection", "close_connections", "__exit__", "__aexit__",
)  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """One way a function ends, for its callers: what becomes of the resources it got, and what it returns.

    Resources are named as in the summary's own run; `statuses` has those that the caller can see.
    """

    is_raise: bool
    value: Value | None
    statuses: tuple[tuple[Rid, Status], ...]
    raised: Raised
    low: int
    committed: frozenset[Rid]
    fields: tuple[tuple[str, Value], ...] = ()


@dataclass(frozen=True)
class Summary:
    """All outcomes of a function for one way of calling it. `sites` explains the resources in them."""

    outcomes: tuple[Outcome, ...]
    sites: dict[object, Site]
    yields: tuple[Value | None, ...]
    blocks: cst.CSTNode | None = None


class Program:
    """The functions and classes of one module, followed on demand. Also answers what the outside world knows."""

    def __init__(self, index: ModuleIndex, outside: Knowledge) -> None:
        self.index = index
        self.outside = outside
        self.knowledge: Knowledge = self
        self.pending: dict[tuple[int, int], tuple[ir.CallOp, FunctionInfo, str | None, Instance | None]] = {}
        self.managed: dict[tuple[int, int], frozenset[Rid]] = {}
        self._cfgs: dict[int, CFG] = {}
        self._summaries: dict[object, Summary | None] = {}
        self._running: set[object] = set()
        self._attribute_kinds: dict[tuple[str, str], str | None] = {}
        self._written: set[str] | None = None
        self._globals: dict[str, str | Value | None] = {}
        self._keep_alive: list[Follower] = []

    # --- knowledge --------------------------------------------------------------------------------------------------

    def function(self, dotted: str) -> tuple[CallModel, ...]:
        """See `Knowledge.function`."""
        return self.outside.function(dotted)

    def kind(self, kind_id: str) -> Kind | None:
        """See `Knowledge.kind`."""
        return self.outside.kind(kind_id)

    def kind_of_type(self, dotted: str) -> str | None:
        """See `Knowledge.kind_of_type`."""
        return self.outside.kind_of_type(dotted)

    def event_of_text(self, text: str, is_prefix: bool, driver: str) -> Event | None:
        """See `Knowledge.event_of_text`."""
        return self.outside.event_of_text(text, is_prefix, driver)

    def error_class(self, driver: str) -> str | None:
        """See `Knowledge.error_class`."""
        return self.outside.error_class(driver)

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
        return known if known is not None else self.outside.is_subclass(name, base)

    def is_definition(self, text: str) -> bool:
        """See `Knowledge.is_definition`."""
        return self.outside.is_definition(text)

    def is_driver_error(self, name: str | None) -> bool:
        """Whether an exception class belongs to a driver."""
        return name is not None and self.outside.is_driver_error(name)

    def model_of_call(self, dotted: str, node: cst.Call) -> CallModel | None:
        """Return the model of a call by name alone: the first that its visible arguments do not rule out."""
        for model in self.outside.function(dotted):
            if all(self._may_hold(condition, node) for condition in model.when):
                return model
        return None

    def _may_hold(self, condition: Condition, node: cst.Call) -> bool:
        expression = self._given(node, condition.argument)
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

    # --- decorators -------------------------------------------------------------------------------------------------

    def _decorators(self, info: FunctionInfo) -> Iterator[str]:
        for decorator in info.decorators:
            target = decorator.func if isinstance(decorator, cst.Call) else decorator
            dotted = self.index.dotted(target, info.parent or self.index.body)
            if dotted is not None:
                yield dotted

    def is_generator_manager(self, info: FunctionInfo) -> bool:
        """Whether the function is made a context manager by its decorator."""
        return info.is_generator and any(name in GENERATOR_MANAGERS for name in self._decorators(info))

    def is_fixture(self, info: FunctionInfo) -> bool:
        """Whether a test framework calls the function and runs what follows its `yield` whatever happens."""
        return any(name in FIXTURES for name in self._decorators(info))

    def is_cached(self, info: FunctionInfo) -> bool:
        """Whether the function's result is made once and kept."""
        return any(name in CACHES for name in self._decorators(info))

    def keeps(self, decorator: cst.BaseExpression, info: FunctionInfo) -> bool:
        """Whether a call of the decorated name runs the function as written."""
        target = decorator.func if isinstance(decorator, cst.Call) else decorator
        dotted = self.index.dotted(target, info.parent or self.index.body)
        return dotted in KEEPS_FUNCTION and dotted not in CACHES

    @staticmethod
    def ends_with_process(info: FunctionInfo) -> bool:
        """Whether the process ends when this function does, so that what an error leaves open is closed by that."""
        return info.is_module or (info.owner is None and info.name in ("main", "_main", "__main__"))

    # --- types of names ---------------------------------------------------------------------------------------------

    def kind_of_annotation(self, annotation: cst.BaseExpression, scope: FunctionInfo) -> str | None:
        """Return the kind that a type annotation stands for: through Optional, unions, Annotated, quotes."""
        if isinstance(annotation, (cst.Name, cst.Attribute)):
            dotted = self.index.dotted(annotation, scope)
            return self.outside.kind_of_type(dotted) if dotted is not None else None
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
            return self.outside.kind_of_type(dotted) if dotted is not None else None
        return None

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
            models = self.outside.function(dotted)
        elif isinstance(node.func, cst.Attribute):
            receiver = self._kind_of_receiver(node.func.value, scope)
            kind = self.kind(receiver) if receiver is not None else None
            models = kind.methods.get(node.func.attr.value, ()) if kind is not None else ()
        elif isinstance(node.func, cst.Name):
            value = self.global_value(node.func.value) if not self.index.is_local(node.func.value, scope) else None
            kind = self.kind(value) if isinstance(value, str) else None
            models = kind.methods.get("__call__", ()) if kind is not None else ()
        for model in models:
            if not all(self._may_hold(condition, node) for condition in model.when):
                continue
            needs_await = model.coroutine or model.form is Form.AWAIT
            if model.form is Form.WITH or (needs_await and not awaited):
                return None
            return model.acquires or (model.gives if model.gives != "self" else None)
        return None

    @staticmethod
    def _given(node: cst.Call, argument: Argument) -> cst.BaseExpression | None:
        positional = [a for a in node.args if a.keyword is None and not a.star]
        if argument.position is not None and len(positional) > argument.position:
            return positional[argument.position].value
        for a in node.args:
            if a.keyword is not None and a.keyword.value == argument.keyword:
                return a.value
        return None

    def _kind_of_receiver(self, node: cst.BaseExpression, scope: FunctionInfo) -> str | None:
        if isinstance(node, cst.Attribute) and isinstance(node.value, cst.Name) and scope.owner is not None:
            if scope.params and scope.params[0].name.value == node.value.value:
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

    def autocommit_of(self, site: object, kind: Kind, owner: ClassInfo | None) -> bool | None:
        """Return the mode of a resource that an attribute or a global keeps; None where something may switch it."""
        if kind.autocommit is not False or not isinstance(site, tuple) or len(site) != 2:
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
                if self._given(call, condition.argument) is not None:
                    return True if self._may_hold(condition, call) else None
        return None if self._switches_mode(kind, str(site[1])) else False

    def _switches_mode(self, kind: Kind, name: str) -> bool:
        """Whether something in the module switches the mode of what a name or attribute holds."""
        if self._written is None:
            self._written = set()
            for node in walk(self.index.module):
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
                        self._written.add(f"{base.value}.{target.attr.value}")
        switches = set(kind.attribute_events)
        for method, models in kind.methods.items():
            if any(model.event in _SWITCHES for model in models):
                switches.add(method)
        return any(f"{name}.{switch}" in self._written for switch in switches)

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

    # --- following --------------------------------------------------------------------------------------------------

    def cfg(self, info: FunctionInfo) -> CFG:
        """Return the control flow graph of a function, built once."""
        found = self._cfgs.get(id(info))
        if found is None:
            found = self._cfgs[id(info)] = build_cfg(info, self.index)
        return found

    def start_state(self, info: FunctionInfo) -> tuple[State, dict[object, Site]]:
        """Return the state in which a function begins: parameters with an annotation that names a kind are known."""
        state = State()
        sites: dict[object, Site] = {}
        for param in info.params:
            if param.annotation is None or param.star:
                continue
            kind = self.kind_of_annotation(param.annotation.annotation, info)
            model = self.kind(kind) if kind is not None else None
            if kind is None or model is None:
                continue
            name = param.name.value
            site = ("param", name)
            state.resources[(site, 0)] = Status(kind, owed=False, autocommit=model.autocommit, outlives=True)
            state.env[name] = Ref((site, 0))
            sites[site] = Site(param, kind, name)
        return state, sites

    def follow(self, info: FunctionInfo) -> FunctionFlow:
        """Follow a function for its own sake."""
        state, sites = self.start_state(info)
        follower = Follower(self, self.cfg(info), state, 0)
        follower.sites.update(sites)
        self._keep_alive.append(follower)
        follower.run()
        flow = FunctionFlow(info, is_complete=follower.is_complete)
        flow.calls = list(follower.calls.values())
        flow.handed_on = follower.handed_on
        flow.handled_attributes = follower.handled_attributes
        flow.replaced_attributes = follower.replaced
        flow.blocking_helpers = list(follower.blocking_helpers.values())
        if not self.is_cached(info):
            flow.leaks = follower.leaks()
        flow.lost_work = [work for _, work in follower.lost_work.values()]
        flow.failed_units = follower.failed_units()
        flow.unawaited = follower.unawaited()
        return flow

    def candidates(self) -> list[FunctionInfo]:
        """Return the functions that can have anything to do with a resource, in source order."""
        chosen: set[int] = set()
        everything = self.index.all_functions
        for info in everything:
            if self._touches(info):
                chosen.add(id(info))
        names = {info.name for info in everything if id(info) in chosen}
        for owner in self.index.classes.values():
            if any(id(m) in chosen for m in owner.methods.values()) or self._constructor_of_base(owner) is not None:
                names.add(owner.name)
        changed = bool(names)
        while changed:
            changed = False
            for info in everything:
                if id(info) in chosen or not self._calls_any(info, names):
                    continue
                chosen.add(id(info))
                changed = True
                if info.name not in names:
                    names.add(info.name)
        return [info for info in everything if id(info) in chosen]

    def _touches(self, info: FunctionInfo) -> bool:
        for call in [*info.calls, *(call for inner in info.lambdas.values() for call in inner.calls)]:
            dotted = self.index.dotted(call.func, info)
            if dotted is not None and any(model.driver != "stdlib" for model in self.outside.function(dotted)):
                return True
        for param in info.params:
            if param.annotation is not None and self.kind_of_annotation(param.annotation.annotation, info) is not None:
                return True
        if info.owner is not None and any(
            name in info.attributes and self.attribute_kind(info.owner, name) is not None
            for name in self._attributes_of(info.owner)
        ):
            return True
        if not info.is_module:
            for name in info.loads:
                if name in self.index.values and isinstance(self.global_value(name), str):
                    return True
        return False

    def _attributes_of(self, owner: ClassInfo, seen: frozenset[str] = frozenset()) -> set[str]:
        names = set(owner.assigned) | set(owner.body_values)
        for base in owner.bases:
            if isinstance(base, cst.Name) and base.value in self.index.classes and base.value not in seen:
                names |= self._attributes_of(self.index.classes[base.value], seen | {owner.name})
        return names

    @staticmethod
    def _calls_any(info: FunctionInfo, names: set[str]) -> bool:
        for call in info.calls:
            function = call.func
            if isinstance(function, cst.Name) and function.value in names:
                return True
            if (
                isinstance(function, cst.Attribute)
                and isinstance(function.value, cst.Name)
                and function.attr.value in names
            ):
                return True
        return False

    # --- summaries --------------------------------------------------------------------------------------------------

    def apply_summary(
        self,
        caller: Follower,
        op: ir.CallOp,
        info: FunctionInfo,
        self_name: str | None,
        state: State,
        target: str,
        instance: Instance | None = None,
    ) -> list[State] | None:
        """Run a call of a function of this module through its summary; *instance* is the object of a method call."""
        bound = self._bind(caller, op, info, self_name, state)
        summary = self._summary(caller, info, bound, state, instance) if bound is not None else None
        if summary is None:
            state.escape(instance, with_parents=True)
            return caller._unknown_call(op, state)
        if any(outcome.is_raise for outcome in summary.outcomes):
            caller.may_raise = True
        if summary.blocks is not None and not info.is_async:
            caller.blocking_helpers.setdefault(op.index, (op.node, summary.blocks))
        results: list[State] = []
        caller.operations[op.index] = op
        for outcome in summary.outcomes:
            new = state.copy()
            self._carry_over(caller, op, outcome, summary, new)
            if outcome.is_raise:
                # A constructor that refuses its arguments is possible, but not what code is written against.
                is_low = outcome.low >= BYPASSED or op.in_cleanup or info.name == "__init__"
                caller.throw(new, op.node, outcome.raised, is_low=is_low, by=info.name)
                continue
            new.low = max(new.low, outcome.low)
            maker = instance.owner.name if instance is not None and info.name == "__init__" else info.name
            self._translate(caller, op, outcome, summary, new, maker, instance, target)
            results.append(new)
        return results

    def _bind(
        self, caller: Follower, op: ir.CallOp, info: FunctionInfo, self_name: str | None, state: State
    ) -> dict[str, Value] | None:
        """Match arguments to parameters; None where a star hides which is which."""
        params = [p for p in info.params]
        node_params = info.node.params if not isinstance(info.node, cst.Module) else None
        if node_params is None:
            return None
        if info.is_method:
            params = params[1:]
        star = node_params.star_arg.name.value if isinstance(node_params.star_arg, cst.Param) else None
        star_kwarg = node_params.star_kwarg.name.value if node_params.star_kwarg is not None else None
        keyword_only = {p.name.value for p in node_params.kwonly_params}
        positional = [
            p.name.value for p in params if p.name.value not in keyword_only and p.name.value not in (star, star_kwarg)
        ]
        by_name = set(positional) | keyword_only
        bound: dict[str, Value] = {}
        rest: list[Value | None] = []
        named_rest: list[Value | None] = []
        used = 0
        hidden = False
        for argument in op.arguments:
            value = caller.value(argument.operand, state)
            if argument.star:
                hidden = True
                if any(True for _ in state.refs(value)):
                    return None
                continue
            if argument.keyword is not None:
                if argument.keyword in by_name:
                    if value is not None:
                        bound[argument.keyword] = value
                else:
                    named_rest.append(value)
                continue
            if hidden and any(True for _ in state.refs(value)):
                return None
            if used < len(positional):
                if value is not None:
                    bound[positional[used]] = value
                used += 1
            else:
                rest.append(value)
        if star is not None:
            bound[star] = Many(tuple(rest))
        if star_kwarg is not None:
            bound[star_kwarg] = Many(tuple(named_rest))
        given = set(positional[:used]) | {a.keyword for a in op.arguments if a.keyword}
        if not hidden:
            for param in params:
                name = param.name.value
                if name not in given and param.default is not None:
                    if isinstance(param.default, cst.Name) and param.default.value in ("None", "True", "False"):
                        bound[name] = Literal({"None": None, "True": True, "False": False}[param.default.value])
        if info.parent is not None and not info.parent.is_module and info.owner is None:
            for name in info.free_names:
                captured = state.env.get(name)
                if captured is not None:
                    bound.setdefault(name, captured)
        return bound

    def _summary(
        self,
        caller: Follower,
        info: FunctionInfo,
        bound: dict[str, Value],
        state: State,
        instance: Instance | None = None,
    ) -> Summary | None:
        """Return the summary for these arguments, made at most once."""
        if caller.depth >= MAX_DEPTH:
            return None
        start = State()
        for name, value in bound.items():
            kept = _visible(value, state)
            if kept is not None:
                start.env[name] = kept
        same_owner = instance is None and info.owner is not None and caller._owner() is info.owner
        if instance is not None and info.params:
            start.env[info.params[0].name.value] = Instance(-1, instance.owner)
            for name, value in state.env.items():
                if name.startswith(instance.prefix):
                    kept = _visible(value, state)
                    if kept is not None:
                        start.env["self." + name[len(instance.prefix) :]] = kept
        for rid, status in state.resources.items():
            if rid[0][0] in ("self", "global") and isinstance(rid[0][1], str) if isinstance(rid[0], tuple) else False:
                if rid[0][0] == "global" or same_owner:  # type: ignore[index]
                    start.resources[rid] = status
        if same_owner:
            for name, value in state.env.items():
                if name.startswith("self.") and isinstance(value, Ref):
                    start.env[name] = value
        todo = [rid for value in start.env.values() for rid in state.refs(value)]
        while todo:
            rid = todo.pop()
            found = state.status(rid)
            if rid in start.resources and rid[0] not in ("self", "global"):
                pass
            if found is None:
                continue
            if rid not in start.resources:
                start.resources[rid] = found
                if found.parent is not None:
                    todo.append(found.parent)
                todo.extend(state.children(rid))
        renamed = _canonical(start)
        key = (id(info), instance is not None, frozenset(renamed.env.items()), frozenset(renamed.resources.items()))
        if key in self._summaries:
            summary = self._summaries[key]
        else:
            if key in self._running or len(self._running) > 40:
                return None
            self._running.add(key)
            try:
                summary = self._make_summary(caller, info, renamed, instance is not None)
            finally:
                self._running.discard(key)
            self._summaries[key] = summary
        if summary is None:
            return None
        back = {("arg", number): rid for number, rid in enumerate(_order(start))}
        return _uncanonical(summary, back)

    def _make_summary(self, caller: Follower, info: FunctionInfo, start: State, owns_self: bool) -> Summary | None:
        annotated, sites = self.start_state(info)
        for name, value in annotated.env.items():
            if name not in start.env and isinstance(value, Ref):
                start.env[name] = value
                start.resources[value.rid] = annotated.resources[value.rid]
        follower = Follower(self, self.cfg(info), start, caller.depth + 1, owns_self)
        follower.sites.update(sites)
        self._keep_alive.append(follower)
        follower.run()
        if not follower.is_complete:
            return None
        outcomes: dict[Outcome, None] = {}
        for end in follower.exits:
            outcomes.setdefault(_outcome(follower, end))
            if len(outcomes) > MAX_OUTCOMES:
                return None
        blocks: cst.CSTNode | None = next((call.node for call in follower.calls.values() if call.model.blocking), None)
        if blocks is None and follower.blocking_helpers:
            blocks = next(iter(follower.blocking_helpers.values()))[1]
        if info.is_async:
            blocks = None
        return Summary(tuple(outcomes), follower.sites, tuple(dict.fromkeys(follower.yields)), blocks)

    def _carry_over(self, caller: Follower, op: ir.CallOp, outcome: Outcome, summary: Summary, state: State) -> None:
        """Lay what the callee did to resources of the caller over the caller's state."""
        for rid, after in outcome.statuses:
            before = state.status(rid)
            if before is None:
                if isinstance(rid[0], tuple) and rid[0][0] in ("self", "global"):
                    pending = op.index if after.pending >= 0 else -1
                    failed = op.index if after.failed >= 0 else -1
                    state.resources[rid] = after._replace(pending=pending, failed=failed)
                    if rid[0] not in caller.sites and rid[0] in summary.sites:
                        caller.sites[rid[0]] = summary.sites[rid[0]]
                continue
            if rid in outcome.committed:
                caller.commits.add(rid[0])
            pending = before.pending if after.pending == _BEFORE else op.index if after.pending >= 0 else -1
            failed = before.failed if after.failed == _BEFORE else op.index if after.failed >= 0 else -1
            if after.phase == "released" and before.phase == "open":
                if rid in outcome.committed:
                    state.update(rid, pending=-1)
                caller.release(rid, state, op.node)
                continue
            if after.phase == "gone" and before.phase == "open":
                caller.account_for(Ref(rid), state)
                state.escape_one(rid, with_parents=True)
                continue
            state.update(
                rid, pending=pending, failed=failed, autocommit=after.autocommit, kept=after.kept,
                raised=before.raised or after.raised, shared=before.shared or after.shared,
                used=before.used or after.used,
            )  # fmt: skip

    def _translate(
        self,
        caller: Follower,
        op: ir.CallOp,
        outcome: Outcome,
        summary: Summary,
        state: State,
        maker: str,
        instance: Instance | None,
        target: str,
    ) -> None:
        """Bind the callee's result, and the attributes of the object, in the caller; fresh resources are acquired here."""
        fresh: dict[Rid, Rid] = {}
        statuses = dict(outcome.statuses)

        def of(value: Value | None) -> Value | None:
            if isinstance(value, (Literal, Truthiness, Name)):
                return value
            if isinstance(value, Many):
                return Many(tuple(of(item) for item in value.items), value.is_sequence)
            if isinstance(value, Ref):
                return of_ref(value.rid)
            if isinstance(value, Instance):
                return instance if value.id < 0 else None
            return None

        def of_ref(rid: Rid) -> Value | None:
            if state.status(rid) is not None:
                return Ref(rid)
            if rid in fresh:
                return Ref(fresh[rid])
            status = statuses.get(rid)
            if status is None:
                return None
            parent: Rid | None = None
            if status.parent is not None:
                mapped = of_ref(status.parent)
                parent = mapped.rid if isinstance(mapped, Ref) else None
            if status.phase == "open" and status.owed:
                carried = status._replace(
                    parent=parent, pending=op.index if status.pending >= 0 else -1, failed=-1, raised=False, shared=False,
                    visited=-1,
                )  # fmt: skip
                number = len(fresh)
                made = caller.acquire(op, status.kind, None, None, state, number, maker, carried)
                fresh[rid] = made.rid
                return made
            site = ("given", op.index, len(fresh))
            caller.sites.setdefault(site, Site(op.node, status.kind))
            state.resources[(site, 0)] = Status(
                status.kind,
                owed=False,
                autocommit=status.autocommit,
                parent=parent,
                phase=status.phase,
                outlives=status.outlives,
            )
            fresh[rid] = (site, 0)
            return Ref((site, 0))

        result = of(outcome.value)
        if instance is not None:
            for name in [n for n in state.env if n.startswith(instance.prefix)]:
                del state.env[name]
            for name, value in outcome.fields:
                state.set_name(instance.prefix + name, of(value))
        state.set_name(target, result)

    # --- generator-based managers -----------------------------------------------------------------------------------

    def manager_value(
        self, caller: Follower, op: ir.CallOp, info: FunctionInfo, self_name: str | None, state: State
    ) -> Value:
        """The result of calling a `@contextmanager` function of this module."""
        bound = self._bind(caller, op, info, self_name, state)
        summary = self._summary(caller, info, bound, state) if bound is not None else None
        arguments = caller._arguments_value(op, state)
        if summary is None:
            state.escape(arguments, with_parents=False)
            return Manager("local", call=op.index)
        normal = [dict(outcome.statuses) for outcome in summary.outcomes if not outcome.is_raise]
        released: set[Rid] = set()
        for rid in set(state.refs(arguments)):
            phases = {statuses[rid].phase for statuses in normal if rid in statuses}
            if phases == {"released"}:
                released.add(rid)
            elif "gone" in phases or "released" in phases:
                state.escape_one(rid, with_parents=False)
        self.managed[(id(caller), op.index)] = frozenset(released)
        kinds = {value.dotted for value in summary.yields if isinstance(value, Name)}
        kind = kinds.pop() if len(kinds) == 1 and all(isinstance(v, Name) for v in summary.yields) else None
        return Manager("local", arguments, kind=kind, call=op.index)

    def managed_target(self, caller: Follower, value: Manager, state: State) -> Value | None:
        """What `as` binds: a resource that the manager looks after."""
        if value.kind is None:
            return None
        site = ("managed", value.call)
        call = caller.operations.get(value.call)
        caller.sites.setdefault(site, Site(call.node if call else caller.function.node, value.kind))
        state.resources[(site, 0)] = Status(value.kind, owed=False)
        return Ref((site, 0))

    def leave_managed(self, caller: Follower, value: Manager, state: State) -> None:
        """The block on such a manager ended: its clean-up ran."""
        for rid in self.managed.get((id(caller), value.call), frozenset()):
            caller.release(rid, state, None)
        state.release((("managed", value.call), 0))

    # --- classes ----------------------------------------------------------------------------------------------------

    def construct(self, caller: Follower, op: ir.CallOp, owner: ClassInfo, state: State) -> list[State] | None:
        """`Name(arguments)` for a class of this module: its `__init__` runs on a new object."""
        model = self._constructor_of_base(owner)
        if model is not None:
            return caller._apply(op, model, None, owner.name, state)
        if self.index.has_unknown_base(owner) or owner.node.decorators:
            return caller._unknown_call(op, state)
        instance = Instance(op.index, owner)
        for name in [n for n in state.env if n.startswith(instance.prefix)]:
            # The object that this call made before is somebody else's now, or dropped.
            del state.env[name]
        init = self.index.find_method(owner, "__init__")
        if init is None:
            state.set_name(op.target, instance)
            return None
        results = self.apply_summary(caller, op, init, None, state, op.target, instance)
        for each in results if results is not None else [state]:
            each.set_name(op.target, instance if results is not None else None)
            if results is not None and not self.offers_release(owner):
                # Nobody can release what the object opens: that is the class's defect, not its user's.
                for rid in list(each.refs(instance)):
                    site = caller.sites.get(rid[0])
                    if site is not None and site.maker == owner.name:
                        each.escape_one(rid, with_parents=False)
        return results

    def _constructor_of_base(self, owner: ClassInfo) -> CallModel | None:
        """Return the model of the driver's class that a class of this module derives from, if it has no `__init__`."""
        for base in owner.bases:
            dotted = self.index.dotted(base, self.index.body)
            models = self.outside.function(dotted) if dotted is not None else ()
            if models and models[0].acquires is not None and "__init__" not in owner.methods:
                return models[0]
        return None

    def opened_attributes(self, owner: ClassInfo) -> Iterator[tuple[str, FunctionInfo, cst.Call, Kind]]:
        """Yield what the methods of a class open and keep on `self`: attribute, method, call, kind."""
        for attribute, assignments in owner.assigned.items():
            for scope, value, _ in assignments:
                call = value.expression if isinstance(value, cst.Await) else value
                kind_id = self.kind_of_expression(value, scope)
                kind = self.kind(kind_id) if kind_id is not None else None
                is_known = kind_id is not None and self.attribute_kind(owner, attribute) == kind_id
                if isinstance(call, cst.Call) and kind is not None and is_known and kind.duty is Duty.MUST and scope.owner is owner:
                    yield attribute, scope, call, kind

    def family_of(self, owner: ClassInfo) -> list[ClassInfo]:
        """Return the class with its bases and its subclasses, as far as this module has them."""
        found = [owner]
        for each in found:
            for base in each.bases:
                if isinstance(base, cst.Name) and base.value in self.index.classes:
                    parent = self.index.classes[base.value]
                    if parent not in found:
                        found.append(parent)
        for child in self.index.classes.values():
            if child not in found and any(isinstance(b, cst.Name) and b.value == owner.name for b in child.bases):
                found.append(child)
        return found

    def offers_release(self, owner: ClassInfo) -> bool:
        """Whether the class has a method with which its users are meant to release what it holds."""
        names = self._methods_of(owner)
        return any(name in names for name in _RELEASING_NAMES) and "__del__" not in names

    def _methods_of(self, owner: ClassInfo, seen: frozenset[str] = frozenset()) -> dict[str, FunctionInfo]:
        found: dict[str, FunctionInfo] = {}
        for base in owner.bases:
            if isinstance(base, cst.Name) and base.value in self.index.classes and base.value not in seen:
                found.update(self._methods_of(self.index.classes[base.value], seen | {owner.name}))
        found.update(owner.methods)
        return found


def _visible(value: Value, state: State) -> Value | None:
    """Return what of an argument a summary may depend on."""
    if isinstance(value, Literal):
        return value if value.value is None or isinstance(value.value, bool) else None
    if isinstance(value, (Ref, Method, Partial)):
        return value
    if isinstance(value, Instance):
        return Many(tuple(Ref(rid) for rid in state.refs(value))) if any(True for _ in state.refs(value)) else None
    if isinstance(value, Many):
        return value if any(True for _ in state.refs(value)) or not value.items else None
    if isinstance(value, Table):
        return Many(tuple(item for _, item in value.items)) if any(True for _ in state.refs(value)) else None
    if isinstance(value, Box):
        held = state.boxes.get(value.id, ())
        return Many(tuple(held)) if any(True for _ in state.refs(value)) else None
    return None


def _order(state: State) -> list[Rid]:
    """The resources of a start state that are named by number in a summary, in a stable order."""
    found: dict[Rid, None] = {}
    for name in sorted(state.env):
        for rid in state.refs(state.env[name]):
            found.setdefault(rid)
    for rid in sorted(state.resources, key=repr):
        found.setdefault(rid)
    return [rid for rid in found if not (isinstance(rid[0], tuple) and rid[0][0] in ("self", "global"))]


def _canonical(state: State) -> State:
    """Return the state with resources renamed to ("arg", n), and pending work marked as from before."""
    names: dict[Rid, Rid] = {rid: (("arg", number), 0) for number, rid in enumerate(_order(state))}
    new = State()
    for name, value in state.env.items():
        new.env[name] = _rename(value, names)
    for rid, status in state.resources.items():
        new.resources[names.get(rid, rid)] = status._replace(
            parent=names.get(status.parent, status.parent) if status.parent is not None else None,
            pending=_BEFORE if status.pending >= 0 else -1,
            failed=_BEFORE if status.failed >= 0 else -1,
            owed=False,
            raised=False,
        )
    return new


def _rename(value: Value, names: dict[Rid, Rid]) -> Value:
    if isinstance(value, Ref):
        return Ref(names.get(value.rid, value.rid))
    if isinstance(value, Many):
        return Many(tuple(_rename(i, names) if i is not None else None for i in value.items), value.is_sequence)
    if isinstance(value, Method):
        return Method(_rename(value.receiver, names), value.name)
    if isinstance(value, Partial):
        callee = _rename(value.callee, names) if value.callee is not None else None
        return Partial(callee, tuple(_rename(i, names) if i is not None else None for i in value.items))
    return value


def _outcome(follower: Follower, end: Exit) -> Outcome:
    reachable = set(end.state.refs(end.value))
    fields: list[tuple[str, Value]] = []
    if follower.owns_self:
        for name, value in end.state.env.items():
            if name.startswith("self.") and _is_portable(value):
                fields.append((name[5:], value))
            if name.startswith("self."):
                reachable.update(end.state.refs(value))
                if not _is_portable(value):
                    end.state.escape(value, with_parents=True)
    statuses: list[tuple[Rid, Status]] = []
    parents: set[Rid] = set()
    for rid in list(reachable):
        status = end.state.status(rid)
        while status is not None and status.parent is not None:
            parents.add(status.parent)
            status = end.state.status(status.parent)
    for rid, status in end.state.resources.items():
        outside = isinstance(rid[0], tuple) and rid[0][0] in ("arg", "self", "global")
        if outside or rid in reachable or rid in parents:
            statuses.append((rid, status))
    committed = frozenset(rid for rid, _ in statuses if rid[0] in follower.commits)
    value = end.value if _is_portable(end.value) else None
    raised = end.state.raised or Raised()
    return Outcome(
        end.is_raise, value, tuple(statuses), raised, end.state.low, committed, tuple(sorted(fields, key=repr))
    )


def _is_portable(value: Value | None) -> bool:
    if isinstance(value, Many):
        return len(value.items) <= 8 and all(item is None or _is_portable(item) for item in value.items)
    return isinstance(value, (Ref, Literal, Truthiness, Name)) or (isinstance(value, Instance) and value.id < 0)


def _uncanonical(summary: Summary, back: dict[tuple[str, int], Rid]) -> Summary:
    """Give the resources of a summary the caller's names again."""
    names: dict[Rid, Rid] = {(site, 0): rid for site, rid in back.items()}
    if not names:
        return summary
    outcomes = []
    for outcome in summary.outcomes:
        statuses = tuple(
            (
                names.get(rid, rid),
                status._replace(parent=names.get(status.parent, status.parent) if status.parent is not None else None),
            )
            for rid, status in outcome.statuses
        )
        value = _rename(outcome.value, names) if outcome.value is not None else None
        committed = frozenset(names.get(rid, rid) for rid in outcome.committed)
        fields = tuple((name, _rename(field, names)) for name, field in outcome.fields)
        outcomes.append(replace(outcome, statuses=statuses, value=value, committed=committed, fields=fields))
    return replace(summary, outcomes=tuple(outcomes))
