"""Expressions: their value becomes an operand, what they do becomes operations before it."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any, ClassVar

import libcst as cst

from lintdb.flow import ir
from lintdb.flow.held import containers_in, mappings_in
from lintdb.flow.lower_conditions import Conditions, text_of
from lintdb.flow.lower_texts import arguments_of_modulo, concatenate, method_of_text, string_method, unescaped
from lintdb.flow.lowering import is_short_wait
from lintdb.flow.services import clients_in, ends_of_command
from lintdb.flow.stdlib import (
    ALWAYS_RAISES,
    CLOCKS,
    COMBINES,
    ENDING_METHODS,
    ENDS_PROCESS,
    FILLED_LATER,
    IDENTITY,
    LARGEST,
    LOG_METHODS,
    LOG_NAMES,
    NEEDS_VALUE,
    NEVER_RAISES,
    NUMBERS,
    REINDENTS,
    RUNS_GENERATOR,
    SERVICE_METHODS,
    SLEEPS,
    TYPES_OF,
    WAITS,
)
from lintdb.syntax.ancestry import Ancestry
from lintdb.syntax.beginnings import beginning_asked
from lintdb.syntax.names import CONSTANTS, asked_attribute
from lintdb.syntax.nodes import last_name
from lintdb.syntax.walk import children

_LIMITS = re.compile(r"timeout|fail_after|move_on|cancel|deadline", re.IGNORECASE)
"""Words of managers that end what they are round when it has taken too long."""
_BUILT_IN: dict[type[cst.CSTNode], str] = {
    cst.List: "list", cst.ListComp: "list", cst.Set: "set", cst.SetComp: "set", cst.Dict: "dict", cst.DictComp: "dict",
}  # fmt: skip
"""The types of what displays make."""
_TEXTS = (cst.SimpleString, cst.FormattedString, cst.ConcatenatedString)


class Expressions(Conditions):
    """Lowers expressions to operands, and the calls, awaits and tests in them to operations."""

    def expression(self, node: cst.BaseExpression) -> ir.Operand:
        """See `Lowering.expression`."""
        method = self._EXPRESSIONS.get(type(node))
        if method is not None:
            return method(self, node)
        return self.parts(node)

    def parts(self, node: cst.CSTNode) -> ir.Operand:
        """Any other expression: its parts are evaluated in order, its value is unknown."""
        for child in children(node):
            if isinstance(child, cst.BaseExpression):
                self.expression(child)
            elif not isinstance(child, cst.Annotation):
                self.parts(child)
        return ir.UNKNOWN

    def literal(self, node: cst.BaseExpression) -> ir.Operand:
        """Return the constant that an expression spells out, else UNKNOWN."""
        if isinstance(node, cst.SimpleString):
            value = node.evaluated_value
            return ir.Constant(value) if isinstance(value, str) else ir.UNKNOWN
        if isinstance(node, (cst.Integer, cst.Float)):
            return ir.Constant(node.evaluated_value)
        if isinstance(node, cst.Name) and node.value in CONSTANTS:
            return ir.Constant(CONSTANTS[node.value])
        if isinstance(node, cst.ConcatenatedString):
            return concatenate(
                ir.Part(self.expression(node.left), node.left), ir.Part(self.expression(node.right), node.right)
            )
        if isinstance(node, cst.UnaryOperation) and isinstance(node.operator, cst.Minus):
            inner = self.literal(node.expression)
            if isinstance(inner, ir.Constant) and isinstance(inner.value, (int, float)):
                return ir.Constant(-inner.value)
        return ir.UNKNOWN

    def store(self, target: cst.CSTNode, value: ir.Operand, node: cst.CSTNode) -> None:
        """Give a value to an assignment target of any shape."""
        if isinstance(target, cst.Name):
            if self._is_fetched(value):
                self.fetched.add(target.value)
            self.emit(ir.StoreOp(node, self.in_cleanup, target.value, value))
        elif isinstance(target, cst.Attribute):
            base = self.expression(target.value)
            self._need(node, base, "AttributeError")
            self.counter += 1
            self.emit(ir.StoreAttributeOp(node, self.in_cleanup, base, target.attr.value, value, self.counter))
        elif isinstance(target, cst.Subscript):
            base = self.expression(target.value)
            self._slices(target)
            self._need(node, base, "TypeError")
            self.emit(ir.StoreItemOp(node, self.in_cleanup, base, value, target))
            text = text_of(target)
            if text is not None:
                self.emit(ir.LearnOp(node, self.in_cleanup, text))
        elif isinstance(target, (cst.Tuple, cst.List)):
            self._need(node, value, "TypeError")
            names: list[str | None] = []
            star = -1
            for number, element in enumerate(target.elements):
                inner = element.value
                if isinstance(element, cst.StarredElement):
                    star = number
                names.append(inner.value if isinstance(inner, cst.Name) else self.temp())
            self.emit(ir.UnpackOp(node, self.in_cleanup, tuple(names), value, star))
            for element, name in zip(target.elements, names, strict=True):
                if not isinstance(element.value, cst.Name) and name is not None:
                    self.store(element.value, ir.Local(name), node)

    def _name(self, node: cst.Name) -> ir.Operand:
        if node.value in CONSTANTS:
            return self.literal(node)
        dotted = self.index.imported(node.value, self.function)
        if dotted is not None and not (self.function.is_module and node.value in self.function.bound):
            return ir.Dotted(dotted)
        return ir.Local(node.value)

    def _attribute(self, node: cst.Attribute) -> ir.Operand:
        base = self.expression(node.value)
        if isinstance(base, ir.Dotted):
            if node.attr.value in self.index.properties_behind(base.name):
                return self._property(node, ir.AttributeOf(base, node.attr.value))
            return ir.Dotted(f"{base.name}.{node.attr.value}")
        if base is ir.UNKNOWN:
            return base
        self._need(node, base, "AttributeError")
        operand = ir.AttributeOf(base, node.attr.value)
        return self._property(node, operand) if self._may_be_property(node) else operand

    def _may_be_property(self, node: cst.Attribute) -> bool:
        """Whether reading an attribute of a variable, or of what a call gave, may run a function of the project."""
        is_plain = isinstance(node.value, (cst.Name, cst.Call, cst.Attribute))
        if node.attr.value not in self.index.properties or not is_plain:
            return False
        owner = self.function.owner
        if owner is None or not self._is_of_self(node):
            return True
        method = owner.find_method(node.attr.value)
        return method is not None and method.is_property

    def _is_of_self(self, node: cst.Attribute) -> bool:
        owner, params = self.function.owner, self.function.params
        is_name = isinstance(node.value, cst.Name) and bool(params)
        return owner is not None and is_name and params[0].name.value == getattr(node.value, "value", None)

    def _property(self, node: cst.Attribute, operand: ir.AttributeOf) -> ir.Operand:
        target = self.temp()
        self.emit(ir.CallOp(node, self.in_cleanup, target, operand, "$property", (), index=self.counter))
        return ir.Local(target)

    def _is_fetched(self, value: ir.Operand) -> bool:
        """Whether a value is what a call gave, directly or by way of a variable."""
        return isinstance(value, ir.Local) and (value.name.startswith("$t") or value.name in self.fetched)

    def _need(self, node: cst.CSTNode, value: ir.Operand, error: str) -> None:
        """What follows fails with *error* if the value is None; only what a call gave is worth a look."""
        if self._is_fetched(value):
            self.emit(ir.NeedOp(node, self.in_cleanup, value, error))

    def _subscript(self, node: cst.Subscript) -> ir.Operand:
        base = self.expression(node.value)
        key = self._slices(node)
        if base is ir.UNKNOWN:
            return base
        self._need(node, base, "TypeError")
        return ir.ItemOf(base, key, _variable(node), self._cut(node))

    def _cut(self, node: cst.Subscript) -> int:
        """Return how many elements `text[:-2]` leaves off at the end."""
        part = node.slice[0].slice if len(node.slice) == 1 else None
        if not isinstance(part, cst.Slice) or part.lower is not None or part.upper is None or part.step is not None:
            return 0
        upper = self.literal(part.upper)
        number = upper.value if isinstance(upper, ir.Constant) else None
        return -number if isinstance(number, int) and number < 0 else 0

    def _slices(self, node: cst.Subscript) -> object:
        key: object = None
        for element in node.slice:
            if isinstance(element.slice, cst.Index):
                value = self.expression(element.slice.value)
                if isinstance(value, ir.Constant) and len(node.slice) == 1:
                    key = value.value
            else:
                self.parts(element.slice)
        return key

    def _display(self, node: cst.Tuple) -> ir.Operand:
        items: list[ir.Operand] = []
        has_star = False
        for element in node.elements:
            has_star = has_star or isinstance(element, cst.StarredElement)
            items.append(self.expression(element.value))
        return ir.Display(tuple(items), is_sequence=not has_star, of_type="tuple")

    def _box(self, node: cst.List | cst.Set) -> ir.Operand:
        items = tuple(self.expression(element.value) for element in node.elements)
        stars = (number for number, each in enumerate(node.elements) if isinstance(each, cst.StarredElement))
        target = self.temp()
        self.emit(ir.BoxOp(node, self.in_cleanup, target, items, _BUILT_IN[type(node)], frozenset(stars)))
        return ir.Local(target)

    def _empty(self, node: cst.BaseExpression, of_type: str = "") -> ir.Operand:
        """A container that will be filled."""
        target = self.temp()
        self.emit(ir.BoxOp(node, self.in_cleanup, target, (), _BUILT_IN.get(type(node), of_type)))
        return ir.Local(target)

    def _dict(self, node: cst.Dict) -> ir.Operand:
        if not node.elements:
            return self._empty(node)
        items: list[tuple[object, ir.Operand]] = []
        for element in node.elements:
            if isinstance(element, cst.DictElement):
                key = self.expression(element.key)
                value = self.expression(element.value)
                items.append((key.value if isinstance(key, ir.Constant) else None, value))
            else:
                items.append((None, self.expression(element.value)))
        return ir.DictDisplay(tuple(items))

    def _comprehension(self, node: cst.ListComp | cst.SetComp | cst.GeneratorExp) -> ir.Operand:
        box = self._empty(node)
        self._comp_for(node.for_in, lambda: self._fill(node.elt, box))
        return box

    def _generator(self, node: cst.GeneratorExp) -> ir.Operand:
        """Runs when somebody iterates it; only its source is evaluated here."""
        source = self.expression(node.for_in.iter)
        return ir.Display((source,), is_lazy=True)

    def _dict_comprehension(self, node: cst.DictComp) -> ir.Operand:
        box = self._empty(node)

        def body() -> None:
            self.expression(node.key)
            self._fill(node.value, box)

        self._comp_for(node.for_in, body)
        return box

    def _fill(self, element: cst.BaseExpression, box: ir.Operand) -> None:
        value = self.expression(element)
        if value is not ir.UNKNOWN and not isinstance(value, ir.Constant):
            self.emit(ir.BoxAddOp(element, self.in_cleanup, box, value))

    def _comp_for(self, node: cst.CompFor, fill: Callable[[], None]) -> None:
        iterable = self.as_local(node.iter, self.expression(node.iter))
        head, body, after = self.block("for"), self.block("body"), self.block("after")
        self.goto(head)
        item = self.temp()
        is_async = node.asynchronous is not None
        head.terminator = ir.Iterate(
            node.iter, iterable, item, body.id, after.id, is_async, self.counter,
            is_surely_filled(node.iter), self.is_held(node.iter), over=self.over(node),
        )  # fmt: skip
        self.continue_in(body)
        self.store(node.target, ir.Local(item), node.target)
        for condition in node.ifs:
            passed = self.block("if")
            self.condition(condition.test, passed, head)
            self.continue_in(passed)
        if node.inner_for_in is not None:
            self._comp_for(node.inner_for_in, fill)
        else:
            fill()
        self.goto(head)
        self.continue_in(after)

    def _lambda(self, node: cst.Lambda) -> ir.Operand:
        info = self.index.of_node.get(id(node))
        return ir.Closure(info) if info is not None else ir.UNKNOWN

    def _if_expression(self, node: cst.IfExp) -> ir.Operand:
        target = self.temp()
        then, otherwise, after = self.block("then"), self.block("else"), self.block("after")
        self.condition(node.test, then, otherwise)
        for block, branch in ((then, node.body), (otherwise, node.orelse)):
            self.continue_in(block)
            self.emit(ir.StoreOp(branch, self.in_cleanup, target, self.expression(branch)))
            self.goto(after)
        self.continue_in(after)
        return ir.Local(target)

    def _boolean(self, node: cst.BooleanOperation) -> ir.Operand:
        target = self.temp()
        more, after, done = self.block("or"), self.block("after"), self.block("decided")
        self.emit(ir.StoreOp(node.left, self.in_cleanup, target, self.expression(node.left)))
        # `given or open()`: the test teaches something about `given` itself.
        tested = ir.Local(node.left.value) if isinstance(node.left, cst.Name) else ir.Local(target)
        condition = ir.Truth(tested, is_default=isinstance(node.operator, cst.Or))
        if isinstance(node.operator, cst.And):
            self.branch(node.left, condition, more, done)
        else:
            self.branch(node.left, condition, done, more)
        self.continue_in(done)
        if isinstance(node.left, cst.Name):
            self.emit(ir.StoreOp(node.left, self.in_cleanup, target, tested))
        self.goto(after)
        self.continue_in(more)
        self.emit(ir.StoreOp(node.right, self.in_cleanup, target, self.expression(node.right)))
        self.goto(after)
        self.continue_in(after)
        return ir.Local(target)

    def _binary(self, node: cst.BinaryOperation) -> ir.Operand:
        left, right = self.expression(node.left), self.expression(node.right)
        if isinstance(node.operator, cst.Add):
            sides = (node.left, node.right)
            if any(map(self._is_list, sides)) and not any(isinstance(each, _TEXTS) for each in sides):
                return ir.Joined(left, right)
            return concatenate(ir.Part(left, node.left), ir.Part(right, node.right))
        if isinstance(node.operator, cst.Modulo):
            return ir.Format(ir.Part(left, node.left), "%", arguments_of_modulo(node.right, right))
        return ir.Difference(left, right) if isinstance(node.operator, cst.Subtract) else ir.UNKNOWN

    def _is_list(self, node: cst.BaseExpression) -> bool:
        """Whether an expression is a list by its spelling, or a variable that is given nothing else."""
        if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, cst.Add):
            return self._is_list(node.left) or self._is_list(node.right)
        if isinstance(node, cst.Name):
            given = [each for each in self.function.given.get(node.value, ()) if each is not None]
            return bool(given) and all(isinstance(each, (cst.List, cst.ListComp)) for each in given)
        return isinstance(node, (cst.List, cst.ListComp))

    def _unary(self, node: cst.UnaryOperation) -> ir.Operand:
        if isinstance(node.operator, cst.Not):
            return self._truth_value(node)
        literal = self.literal(node)
        return self.parts(node) if literal is ir.UNKNOWN else literal

    def _compare(self, node: cst.Comparison) -> ir.Operand:
        target = node.comparisons[0]
        if len(node.comparisons) == 1 and isinstance(target.operator, (cst.Is, cst.IsNot)):
            return self._truth_value(node)
        if len(node.comparisons) == 1 and isinstance(target.operator, (cst.GreaterThan, cst.NotEqual)):
            return ir.Difference(self.expression(node.left), self.expression(target.comparator))
        return self.parts(node)

    def _truth_value(self, node: cst.BaseExpression) -> ir.Operand:
        """`x is None` as a value: True on one path, False on the other."""
        target = self.temp()
        yes, no, after = self.block("true"), self.block("false"), self.block("after")
        self.condition(node, yes, no)
        for block, outcome in ((yes, True), (no, False)):
            self.continue_in(block)
            self.emit(ir.StoreOp(node, self.in_cleanup, target, ir.Constant(outcome)))
            self.goto(after)
        self.continue_in(after)
        return ir.Local(target)

    def _formatted(self, node: cst.FormattedString) -> ir.Operand:
        parts: list[str | ir.Part] = []
        for part in node.parts:
            if isinstance(part, cst.FormattedStringText):
                parts.append(unescaped(part.value, node))
            elif isinstance(part, cst.FormattedStringExpression):
                parts.append(ir.Part(self.expression(part.expression), part))
                for inner in part.format_spec or ():
                    self.parts(inner)
        if all(isinstance(part, str) for part in parts):
            return ir.Constant("".join(part for part in parts if isinstance(part, str)))
        return ir.Text(tuple(parts))

    def _named(self, node: cst.NamedExpr) -> ir.Operand:
        value = self.expression(node.value)
        if isinstance(node.target, cst.Name):
            self.store(node.target, value, node)
            return ir.Local(node.target.value)
        return value

    def _await(self, node: cst.Await) -> ir.Operand:
        if self._only_sleeps(node):
            return ir.UNKNOWN
        value = self.expression(node.expression)
        target = self.temp()
        self.emit(ir.AwaitOp(node, self.in_cleanup, target, value))
        return ir.Local(target)

    def _only_sleeps(self, node: cst.Await) -> bool:
        """Whether it is `await asyncio.sleep(1)`, which fails only where it is cancelled, and nothing waits for that.

        A `try` around it does, and a block that may be a limit on the time.
        """
        call = node.expression
        dotted = self.index.dotted(call.func, self.function) if isinstance(call, cst.Call) else None
        if not isinstance(call, cst.Call) or dotted not in SLEEPS or len(call.args) != 1:
            return False
        for outer in Ancestry(self.function.node).ancestors(node):
            if isinstance(outer, (cst.Try, cst.TryStar)):
                return False
            managers = [item.item for item in outer.items] if isinstance(outer, cst.With) else []
            if any(_LIMITS.search(self.index.code_of(each)) for each in managers):
                return False
        self._wait(call, dotted, [ir.CallArgument(self.expression(call.args[0].value), None, "")])
        return True

    def _yield(self, node: cst.Yield) -> ir.Operand:
        value: ir.Operand = ir.Constant(None)
        is_from = False
        if isinstance(node.value, cst.From):
            value, is_from = self.expression(node.value.item), True
        elif node.value is not None:
            value = self.expression(node.value)
        target = self.temp()
        self.emit(ir.YieldOp(node, self.in_cleanup, target, value, is_from))
        return ir.Local(target)

    def _call(self, node: cst.Call) -> ir.Operand:
        callee = self._callee(node.func)
        dotted = callee.name if isinstance(callee, ir.Dotted) else None
        arguments: list[ir.CallArgument] = []
        for argument in node.args:
            if isinstance(argument.value, cst.GeneratorExp) and (dotted in RUNS_GENERATOR or argument.star):
                value = self._comprehension(argument.value)
            else:
                value = self.expression(argument.value)
            keyword = argument.keyword.value if argument.keyword is not None else None
            if argument.star or (dotted in NEEDS_VALUE and keyword is None):
                self._need(node, value, "TypeError")
            arguments.append(ir.CallArgument(value, keyword, argument.star))
        if self._ends_command(callee) or dotted in ENDS_PROCESS or dotted in ALWAYS_RAISES:
            raised = ALWAYS_RAISES.get(dotted or "")
            self.end(ir.Raise(node, raised, None, self.landing) if raised is not None else ir.Dead())
            return ir.UNKNOWN
        told = self._told(node, dotted, arguments)
        if told is not None:
            return told
        self._wait(node, dotted, arguments)
        is_harmless = self._is_harmless(callee, dotted) or self._looks_up(callee)
        if is_harmless or _is_logged(node) or is_calculated(node, dotted):
            return ir.UNKNOWN
        if isinstance(callee, ir.AttributeOf) and isinstance(callee.base, (ir.Constant, ir.Text, ir.Format)):
            return string_method(node, callee, arguments, self.function)
        target = self.temp()
        self.emit(ir.CallOp(node, self.in_cleanup, target, callee, dotted, tuple(arguments), index=self.counter))
        method = method_of_text(callee)
        asked = beginning_asked(node)
        if asked is not None and not self.function.is_module and asked.name in self.function.bound:
            self.emit(ir.StoreOp(node, self.in_cleanup, target, ir.Begins(asked.name, asked)))
        elif method is not None:
            text = string_method(node, method, arguments, self.function, otherwise=ir.Local(target))
            self.emit(ir.StoreOp(node, self.in_cleanup, target, text))
        return ir.Local(target)

    def _told(self, node: cst.Call, dotted: str | None, arguments: list[ir.CallArgument]) -> ir.Operand | None:
        """Return the value of a call that is known without running anything."""
        asked = asked_attribute(node) if dotted == "getattr" else None
        if asked is not None:
            holder = arguments[0].operand
            if isinstance(holder, ir.Dotted):
                return ir.Dotted(f"{holder.name}.{asked[1]}")
            return ir.AttributeOf(holder, asked[1])
        if dotted in REINDENTS and len(arguments) == 1:
            return arguments[0].operand
        if dotted in IDENTITY and len(arguments) == 2:
            return arguments[1].operand
        if dotted == "range" or (dotted in COMBINES and not arguments):
            return self._empty(node, dotted if dotted in TYPES_OF else "") if dotted in FILLED_LATER else ir.Display(())
        return ir.SUPER if dotted == "super" and not arguments else None

    def _wait(self, node: cst.Call, dotted: str | None, arguments: list[ir.CallArgument]) -> None:
        """A call that waits, whatever else it does."""
        if (dotted in WAITS and not is_short_wait(arguments)) or self._asks_service(node.func):
            self.emit(ir.WaitOp(node, self.in_cleanup))

    def _asks_service(self, function: cst.BaseExpression) -> bool:
        """Whether it is a method of a client of another service: `session.post`."""
        if not isinstance(function, cst.Attribute) or function.attr.value not in SERVICE_METHODS:
            return False
        return isinstance(function.value, cst.Name) and function.value.value in self._clients

    @functools.cached_property
    def _containers(self) -> frozenset[str]:
        return containers_in(self.function, self.index)

    def over(self, node: cst.For | cst.CompFor) -> str:
        """Return what is not empty where a loop has a round: a variable, or a text as conditions have it."""
        source = _filled_with(node.iter) if node.asynchronous is None else None
        if isinstance(source, cst.Name):
            return source.value
        text = (self.key(source) or "") if isinstance(source, (cst.Attribute, cst.Subscript)) else ""
        self.cfg.learned.add(text)
        return text

    def is_held(self, node: cst.BaseExpression) -> bool:
        """Whether an expression stands for a container, of which all elements are there."""
        if isinstance(node, cst.Call):
            return isinstance(node.func, cst.Attribute) and node.func.attr.value in ("items", "keys") and not node.args
        return bool(self._containers) and self.index.code_of(node) in self._containers

    def _looks_up(self, callee: ir.Operand) -> bool:
        """Whether it is the method of a dictionary that gives what stands under a key, or something else: no error."""
        if not isinstance(callee, ir.AttributeOf) or callee.name != "get" or not isinstance(callee.base, ir.Local):
            return False
        return callee.base.name in self._mappings

    @functools.cached_property
    def _mappings(self) -> frozenset[str]:
        return mappings_in(self.function, self.index)

    def _ends_command(self, callee: ir.Operand) -> bool:
        """Whether a method is called behind which nothing comes: `parser.error(…)`, `module.fail_json(…)`."""
        if not isinstance(callee, ir.AttributeOf):
            return False
        if callee.name in ENDING_METHODS:
            return any(name.partition(".")[0].startswith("ansible") for name in self.index.imported_names())
        names = ends_of_command(self.function, self.index).get(callee.name, ())
        return isinstance(callee.base, ir.Local) and callee.base.name in names

    @functools.cached_property
    def _clients(self) -> frozenset[str]:
        return clients_in(self.function, self.index)

    def _callee(self, node: cst.BaseExpression) -> ir.Operand:
        """What is called: a property if it surely is one; its value seldom is a function."""
        if isinstance(node, cst.Attribute) and self._may_be_property(node) and not self._is_of_self(node):
            return ir.AttributeOf(self.expression(node.value), node.attr.value)
        return self.expression(node)

    @staticmethod
    def _is_harmless(callee: ir.Operand, dotted: str | None) -> bool:
        """Whether a call never fails in practice and does nothing to what it is given."""
        if dotted is not None:
            # A logger may be another module's: `from shop.log import logger`.
            *_, owner, method = ("", *dotted.split("."))
            is_logged = method in LOG_METHODS and (dotted.startswith("logging.") or _is_logger(owner))
            return is_logged or dotted in NEVER_RAISES
        if isinstance(callee, ir.AttributeOf) and callee.name in LOG_METHODS:
            base = callee.base
            return _is_logger(base.name if isinstance(base, (ir.Local, ir.AttributeOf)) else "")
        return False

    _EXPRESSIONS: ClassVar[dict[type[cst.CSTNode], Callable[[Any, Any], ir.Operand]]] = {
        cst.Name: _name, cst.Attribute: _attribute, cst.Call: _call, cst.Await: _await,
        cst.Yield: _yield, cst.Lambda: _lambda, cst.IfExp: _if_expression,
        cst.BooleanOperation: _boolean, cst.BinaryOperation: _binary, cst.NamedExpr: _named,
        cst.FormattedString: _formatted, cst.SimpleString: literal, cst.Integer: literal,
        cst.Float: literal, cst.ConcatenatedString: literal, cst.UnaryOperation: _unary,
        cst.Tuple: _display, cst.List: _box, cst.Set: _box, cst.Dict: _dict,
        cst.ListComp: _comprehension, cst.SetComp: _comprehension,
        cst.GeneratorExp: _generator, cst.DictComp: _dict_comprehension,
        cst.Subscript: _subscript, cst.Comparison: _compare,
    }  # fmt: skip


def _is_logger(name: str) -> bool:
    return name.lower().strip("_") in LOG_NAMES


def _is_logged(call: cst.Call) -> bool:
    """`logging.getLogger("shop").warning(…)`, without a name for the logger."""
    func = call.func
    maker = func.value if isinstance(func, cst.Attribute) and func.attr.value in LOG_METHODS else None
    made_by = maker.func if isinstance(maker, cst.Call) else None
    name = made_by.attr if isinstance(made_by, cst.Attribute) else made_by
    return isinstance(name, cst.Name) and name.value in ("getLogger", "get_logger")


def is_calculated(call: cst.Call, dotted: str | None) -> bool:
    """Whether a call reckons with numbers and cannot fail: `int(seconds * 1000)`, `max(1, rest)`.

    What is reckoned with a number is one itself, and so is what is compared with one.
    """
    values = [each.value for each in call.args if each.keyword is None and not each.star]
    if dotted in LARGEST:
        return len(values) > 1 and any(map(_is_number, values))
    is_plain = len(values) == len(call.args) and len(values) == 1 + (dotted == "round" and len(call.args) > 1)
    return dotted in NUMBERS and is_plain and isinstance(values[0], cst.BinaryOperation) and _is_number(values[0])


def _is_number(node: cst.BaseExpression) -> bool:
    """Whether an expression is a number: written down, read from a clock, or reckoned with one."""
    if isinstance(node, cst.BinaryOperation):
        is_format = isinstance(node.operator, cst.Modulo)
        return not is_format and (_is_number(node.left) or _is_number(node.right))
    if isinstance(node, cst.Call):
        return last_name(node.func) in CLOCKS and not node.args
    return isinstance(node, (cst.Integer, cst.Float))


def is_surely_filled(node: cst.BaseExpression) -> bool:
    """Whether iterating an expression gives at least one element: `range(3)`, `(a, b)`."""
    if isinstance(node, (cst.Tuple, cst.List)):
        return any(isinstance(element, cst.Element) for element in node.elements)
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Name) and node.func.value == "range":
        numbers = [arg.value.evaluated_value for arg in node.args if isinstance(arg.value, cst.Integer)]
        if len(numbers) != len(node.args):
            return False
        return numbers[0] > 0 if len(numbers) == 1 else len(numbers) == 2 and numbers[0] < numbers[1]
    return False


def _variable(node: cst.Subscript) -> str:
    """Return the name of the variable that a subscript is, empty for another expression."""
    index = node.slice[0].slice
    return index.value.value if isinstance(index, cst.Index) and isinstance(index.value, cst.Name) else ""


_SAME_LENGTH = frozenset(
    {"enumerate", "sorted", "reversed", "list", "tuple", "set", "iter", "tqdm", "track", "range", "len"}
)
_PARTS = frozenset({"items", "keys", "values", "copy"})


def _filled_with(node: cst.BaseExpression) -> cst.BaseExpression:
    """Return what cannot be empty where an expression is not: `rows` of `enumerate(rows)`, `all` of `all.items()`."""
    while True:
        if isinstance(node, cst.Call) and isinstance(node.func, cst.Name) and node.func.value in _SAME_LENGTH:
            is_span = node.func.value == "range" and len(node.args) > 1
            if is_span or not node.args or node.args[0].star or node.args[0].keyword is not None:
                return node
            node = node.args[0].value
        elif isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and node.func.attr.value in _PARTS:
            if node.args:
                return node
            node = node.func.value
        elif isinstance(node, cst.Subscript) and isinstance(node.slice[0].slice, cst.Slice):
            node = node.value
        else:
            return node
