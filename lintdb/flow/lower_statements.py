"""Statements: where control goes, and which clean-up code runs on the way.

Every way out of a `try … finally` or `with` block has its own copy of the clean-up code; returns (breaks, continues)
that leave the same blocks share one copy. Exceptions inside a `try` body land in its dispatch block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

import libcst as cst

from lintdb.flow import ir
from lintdb.flow.cfg import Block
from lintdb.flow.lower_conditions import text_of
from lintdb.flow.lower_expressions import is_surely_filled
from lintdb.flow.lower_patterns import Patterns
from lintdb.flow.lower_texts import concatenate, is_text
from lintdb.flow.lowering import Frame
from lintdb.flow.rounds import counted
from lintdb.flow.stdlib import (
    KEEPS_FUNCTION,
)
from lintdb.syntax.decorating import decorating
from lintdb.syntax.literals import Evaluator
from lintdb.syntax.names import FunctionInfo
from lintdb.syntax.walk import outermost_calls


class Statements(Patterns):
    """Lowers statements."""

    def suite(self, suite: cst.BaseSuite) -> None:
        """Lower the statements of a block."""
        self.statements(suite.body)

    def statements(self, statements: Sequence[cst.BaseStatement | cst.BaseSmallStatement]) -> None:
        """Lower statements up to the first that cannot be reached."""
        for statement in statements:
            if self.current.label == "dead":
                return
            self._statement(statement)

    def _statement(self, node: cst.CSTNode) -> None:
        method = self._STATEMENTS.get(type(node))
        if method is not None:
            method(self, node)

    def _line(self, node: cst.SimpleStatementLine) -> None:
        self.statements(node.body)

    def _expr(self, node: cst.Expr) -> None:
        self._discard(node.value)

    def _discard(self, node: cst.BaseExpression) -> None:
        """Evaluate an expression whose value nobody uses."""
        if isinstance(node, cst.IfExp):
            then, otherwise, after = self.block("then"), self.block("else"), self.block("after")
            self.condition(node.test, then, otherwise)
            for block, branch in ((then, node.body), (otherwise, node.orelse)):
                self.continue_in(block)
                self._discard(branch)
                self.goto(after)
            self.continue_in(after)
            return
        read = node.expression if isinstance(node, cst.Await) else node
        if isinstance(read, cst.Attribute):
            self.emit(ir.LookOp(node, self.in_cleanup, self.expression(read)))
            return
        result = self.expression(node)
        last = self.current.operations[-1] if self.current.operations else None
        if isinstance(last, ir.CallOp) and result == ir.Local(last.target):
            last.is_statement = True
            last.is_dropped = True
        elif isinstance(last, ir.AwaitOp) and result == ir.Local(last.target):
            for operation in self.current.operations:
                if isinstance(operation, ir.CallOp) and last.operand == ir.Local(operation.target):
                    operation.is_dropped = True

    def _assign(self, node: cst.Assign) -> None:
        target = node.targets[0].target
        if len(node.targets) == 1 and self._pairwise(target, node.value):
            return
        value = self.expression(node.value)
        for item in node.targets:
            self.store(item.target, value, node)

    def _pairwise(self, target: cst.CSTNode, value: cst.CSTNode) -> bool:
        """`a, b = x, y`, values first, then names, one by one; return whether it is of that form, in any brackets."""
        if not isinstance(target, (cst.Tuple, cst.List)) or not isinstance(value, (cst.Tuple, cst.List)):
            return False
        elements = [*target.elements, *value.elements]
        if len(target.elements) != len(value.elements) or any(isinstance(e, cst.StarredElement) for e in elements):
            return False
        temps: list[ir.Operand] = []
        for element in value.elements:
            temp = self.temp()
            self.emit(ir.StoreOp(element, self.in_cleanup, temp, self.expression(element.value)))
            temps.append(ir.Local(temp))
        for element, temp_value in zip(target.elements, temps, strict=True):
            self.store(element.value, temp_value, target)
        return True

    def _annotated(self, node: cst.AnnAssign) -> None:
        if node.value is not None:
            self.store(node.target, self.expression(node.value), node)

    def _augmented(self, node: cst.AugAssign) -> None:
        value = self.expression(node.value)
        if isinstance(node.target, cst.Name) and isinstance(node.operator, cst.AddAssign):
            # Of a list it is what `extend` does; the engine forgets anything else.
            self.emit(ir.BoxAddOp(node, self.in_cleanup, ir.Local(node.target.value), ir.ItemOf(value, None)))
            return
        if isinstance(node.target, cst.Name):
            self.emit(ir.ForgetOp(node, self.in_cleanup, (node.target.value,)))
        elif isinstance(node.target, cst.Attribute) and isinstance(node.operator, cst.AddAssign) and is_text(value):
            longer = concatenate(ir.Part(self.expression(node.target), node.target), ir.Part(value, node.value))
            self.store(node.target, longer, node)
        else:
            self.store(node.target, ir.UNKNOWN, node)
            self._count(node)

    def _count(self, node: cst.AugAssign) -> None:
        """`found["new"] += 1`, `self.count += 1`: what counts is above zero from there on."""
        text = text_of(node.target)
        is_more = isinstance(node.value, cst.Integer) and node.value.evaluated_value > 0
        if text is None or not is_more or not isinstance(node.operator, cst.AddAssign):
            return
        facts = [("", True), (" > 0", True), (" == 0", False)]
        found = ((self.key(node.target, suffix), outcome) for suffix, outcome in facts)
        learned = tuple((key, known) for key, known in found if key is not None)
        self.cfg.learned.update(key for key, _ in learned)
        self.emit(ir.LearnOp(node, self.in_cleanup, text, learned))

    def _return(self, node: cst.Return) -> None:
        value: ir.Operand = ir.Constant(None) if node.value is None else self.expression(node.value)
        self.emit(ir.StoreOp(node, self.in_cleanup, "$return", value))
        self._leave("return", 0)

    def _raise(self, node: cst.Raise) -> None:
        if node.exc is None:
            slot = self.catch_slots[-1] if self.catch_slots else None
            self.end(ir.Raise(node, None, slot, self.landing))
            return
        expression = node.exc
        name = self._exception_name(expression.func if isinstance(expression, cst.Call) else expression)
        if name == "SystemExit":
            self.end(ir.Dead())
            return
        slot = None
        if isinstance(expression, cst.Call):
            for argument in expression.args:
                self.expression(argument.value)
        elif name is None and isinstance(expression, cst.Name):
            slot = f"$exc:{expression.value}"
        self.end(ir.Raise(node, name, slot, self.landing))

    def _exception_name(self, expression: cst.BaseExpression) -> str | None:
        dotted = self.index.dotted(expression, self.function)
        if dotted is None and isinstance(expression, cst.Name) and expression.value in self.index.classes:
            return expression.value
        return dotted

    def _assert(self, node: cst.Assert) -> None:
        fine, failed = self.block("assert ok"), self.block("assert failed")
        self.condition(node.test, fine, failed)
        self.continue_in(failed)
        self.end(ir.Raise(node, "AssertionError", None, self.landing, is_explicit=False))
        self.continue_in(fine)

    def _del(self, node: cst.Del) -> None:
        target = node.target
        targets = [element.value for element in target.elements] if isinstance(target, cst.Tuple) else [target]
        names = tuple(each.value for each in targets if isinstance(each, cst.Name))
        if names:
            self.emit(ir.ForgetOp(node, self.in_cleanup, names))
        for each in targets:
            if isinstance(each, cst.Attribute) and isinstance(each.value, cst.Name):
                base = self.expression(each.value)
                self.emit(ir.StoreAttributeOp(node, self.in_cleanup, base, each.attr.value, ir.NOTHING))

    def _break(self, _: cst.Break) -> None:
        self._leave_loop("break")

    def _continue(self, _: cst.Continue) -> None:
        self._leave_loop("continue")

    def _leave_loop(self, kind: str) -> None:
        for depth in range(len(self.frames) - 1, -1, -1):
            if self.frames[depth].is_loop:
                self._leave(kind, depth)
                return
        self.end(ir.Dead())

    def _leave(self, kind: str, depth: int) -> None:
        """Leave all frames down to *depth* (for loops: the loop's own frame), doing what each must do."""
        for position in range(len(self.frames) - 1, depth - 1, -1):
            frame = self.frames[position]
            if frame.clean_up is None:
                continue
            entry = frame.entries.get((kind, depth))
            if entry is not None:
                self.end(ir.Jump(entry))
                return
            block = self.new_block(frame.outer_landing, f"{kind} clean-up")
            frame.entries[(kind, depth)] = block.id
            self.end(ir.Jump(block.id))
            saved = (self.frames, self.landing, self.current)
            self.frames, self.landing, self.current = self.frames[:position], frame.outer_landing, block
            frame.clean_up()
            self._leave(kind, depth)
            self.frames, self.landing, self.current = saved
            return
        if kind == "return":
            target = self.cfg.exit
        else:
            loop = self.frames[depth]
            target = loop.break_to if kind == "break" else loop.continue_to
        self.end(ir.Jump(target))

    def _if(self, node: cst.If) -> None:
        then, otherwise, after = self.block("then"), self.block("else"), self.block("after if")
        self.condition(node.test, then, otherwise)
        self.continue_in(then)
        self.suite(node.body)
        self.goto(after)
        self.continue_in(otherwise)
        if isinstance(node.orelse, cst.If):
            self._if(node.orelse)
        elif node.orelse is not None:
            self.suite(node.orelse.body)
        self.goto(after)
        self.continue_in(after)

    def _while(self, node: cst.While) -> None:
        head, body, done, after = self.block("while"), self.block("body"), self.block("done"), self.block("after")
        self.goto(head)
        self.continue_in(head)
        self.condition(node.test, body, done)
        self.frames.append(Frame(self.landing, break_to=after.id, continue_to=head.id))
        self.continue_in(body)
        self._rest_of_loop(node, head, done, after)

    def _rest_of_loop(self, node: cst.For | cst.While, head: Block, done: Block, after: Block) -> None:
        """The body, back to the head; what comes after the last round; and on."""
        self.suite(node.body)
        self.goto(head)
        self.frames.pop()
        self.continue_in(done)
        if node.orelse is not None:
            self.suite(node.orelse.body)
        self.goto(after)
        self.continue_in(after)

    def _for(self, node: cst.For) -> None:
        iterable = self.as_local(node.iter, self.expression(node.iter))
        head, body, done, after = self.block("for"), self.block("body"), self.block("done"), self.block("after")
        self.goto(head)
        item = self.temp()
        is_async = node.asynchronous is not None
        counts = counted(node)
        again = self.slot("again") if counts is not None else ""
        head.terminator = ir.Iterate(
            node.iter, iterable, item, body.id, done.id, is_async, self.counter,
            is_surely_filled(node.iter), self.is_held(node.iter), again, self.over(node),
        )  # fmt: skip
        head.label = "for"
        self.frames.append(Frame(self.landing, break_to=after.id, continue_to=head.id, counted=counts, again=again))
        self.continue_in(body)
        self.store(node.target, ir.Local(item), node.target)
        self._rest_of_loop(node, head, done, after)

    def _try(self, node: cst.Try | cst.TryStar) -> None:
        after = self.block("after try")
        outer_landing = self.landing
        frame: Frame | None = None
        if node.finalbody is not None:
            final_body = node.finalbody.body
            frame = Frame(outer_landing, clean_up=lambda: self._final_copy(final_body))
            self.landing = self._raise_copy(final_body, outer_landing).id
            self.frames.append(frame)
        handlers_landing = self.landing
        dispatch: Block | None = None
        if node.handlers:
            dispatch = self.block("except")
            self.landing = dispatch.id
        body = self.block("try")
        self.goto(body)
        self.continue_in(body)
        self.suite(node.body)
        self.landing = handlers_landing
        ended = self.block("else")
        self.goto(ended)
        self.continue_in(ended)
        if node.orelse is not None:
            self.suite(node.orelse.body)
        join = self.block("end of try")
        self.goto(join)
        if dispatch is not None:
            dispatch.terminator = self._handlers(node, join, handlers_landing)
        if frame is not None:
            self.frames.pop()
            self.landing = outer_landing
            leaving = self.block("finally")
            join.terminator = ir.Jump(leaving.id)
            self.continue_in(leaving)
            self._final_copy(final_body)
            self.goto(after)
        else:
            join.terminator = ir.Jump(after.id)
        self.continue_in(after)

    def _handlers(self, node: cst.Try | cst.TryStar, join: Block, outer: int) -> ir.Dispatch:
        found: list[ir.Handler] = []
        self.cleanup_depth += 1
        for handler in node.handlers:
            block = self.block("handler")
            types, catches_all = self._handler_types(handler.type)
            found.append(ir.Handler(handler, types, block.id, catches_all))
            name = handler.name.name.value if handler.name and isinstance(handler.name.name, cst.Name) else None
            slot = self.slot("exc")
            self.catch_slots.append(slot)
            self.continue_in(block)
            self.emit(ir.CatchOp(handler, True, slot, name))
            self.suite(handler.body)
            self.emit(ir.ForgetOp(handler, True, (slot, f"$exc:{name}")))
            self.goto(join)
            self.catch_slots.pop()
        self.cleanup_depth -= 1
        return ir.Dispatch(tuple(found), outer)

    def _handler_types(self, expression: cst.BaseExpression | None) -> tuple[tuple[str | None, ...], bool]:
        if expression is None:
            return (), True
        elements = [expression]
        if isinstance(expression, cst.Tuple):
            elements = [element.value for element in expression.elements]
        elif isinstance(expression, cst.Name):
            constant = Evaluator(self.index, self.function).single_assignment(expression.value)
            if isinstance(constant, cst.Tuple):
                elements = [element.value for element in constant.elements]
        types = tuple(self._exception_name(element) for element in elements)
        return types, any(t in ("Exception", "BaseException") for t in types)

    def _final_copy(self, body: cst.BaseSuite) -> None:
        self.cleanup_depth += 1
        self.suite(body)
        self.cleanup_depth -= 1

    def _raise_copy(self, body: cst.BaseSuite, outer_landing: int) -> Block:
        """The copy of a finally body that exceptions run through; it ends by raising again."""
        entry = self.new_block(outer_landing, "finally (exception)")
        saved = (self.landing, self.current)
        self.landing, self.current = outer_landing, entry
        slot = self.slot("held")
        self.emit(ir.HoldOp(body, True, slot))
        self._final_copy(body)
        self.end(ir.Raise(body, None, slot, outer_landing, is_explicit=False))
        self.landing, self.current = saved
        return entry

    def _with(self, node: cst.With) -> None:
        self._with_items(list(node.items), node)

    def _with_items(self, items: list[cst.WithItem], node: cst.With) -> None:
        if not items:
            self.suite(node.body)
            return
        item, rest = items[0], items[1:]
        manager = self.expression(item.item)
        slot = self.slot("with")
        is_async = node.asynchronous is not None
        target = self.temp()
        self.emit(ir.EnterOp(item.item, self.in_cleanup, target, manager, slot, is_async))
        outer_landing = self.landing

        def clean_up() -> None:
            self.emit(ir.ExitOp(item.item, self.in_cleanup, slot, is_async))

        frame = Frame(outer_landing, clean_up=clean_up)
        after = self.block("after with")
        raised = self.new_block(outer_landing, "with exit (exception)")
        raised.terminator = ir.ExitRaise(item.item, slot, is_async, after.id, outer_landing)
        self.frames.append(frame)
        self.landing = raised.id
        inside = self.block("with")
        self.goto(inside)
        self.continue_in(inside)
        if item.asname is not None:
            self.store(item.asname.name, ir.Local(target), item.item)
        self._with_items(rest, node)
        self.frames.pop()
        self.landing = outer_landing
        leaving = self.block("with exit")
        self.goto(leaving)
        self.continue_in(leaving)
        clean_up()
        self.goto(after)
        self.continue_in(after)

    def _match(self, node: cst.Match) -> None:
        subject = self.expression(node.subject)
        length = len(subject.items) if isinstance(subject, ir.Display) and subject.is_sequence else -1
        subject = self.as_local(node.subject, subject)
        after = self.block("after match")
        for case in node.cases:
            body, other = self.block("case"), self.block("next case")
            last_of = node.subject if case is node.cases[-1] else None
            self.pattern(case.pattern, subject, length, body, other, last_of=last_of)
            self.continue_in(body)
            if case.guard is not None:
                guarded = self.block("case body")
                self.condition(case.guard, guarded, other)
                self.continue_in(guarded)
            self.suite(case.body)
            self.goto(after)
            self.continue_in(other)
        self.goto(after)
        self.continue_in(after)

    def _function_def(self, node: cst.FunctionDef) -> None:
        info = self.index.of_node.get(id(node))
        if info is None or self.function.is_module:
            return
        plain = all(decorating(each, info).dotted in KEEPS_FUNCTION for each in info.decorators)
        name = node.name.value
        closure = ir.Closure(info)
        held = [operand for operand in self._given_with(info) if isinstance(operand, ir.Local)]
        if plain:
            self.emit(ir.StoreOp(node, self.in_cleanup, name, ir.Display((closure, *held)) if held else closure))
            return
        target = self.temp()
        arguments = tuple(ir.CallArgument(operand, None, "") for operand in (closure, *held))
        self.emit(ir.CallOp(node, self.in_cleanup, target, ir.UNKNOWN, "$decorator", arguments))
        self.emit(ir.ForgetOp(node, self.in_cleanup, (name,)))

    def _given_with(self, info: FunctionInfo) -> Iterator[ir.Operand]:
        """Yield what a function holds besides what it captures: `db=Depends(get)`, `Annotated[DB, Depends(get)]`."""
        for param in info.params:
            if param.default is not None:
                yield self.expression(param.default)
            if param.annotation is not None:
                yield from map(self.expression, outermost_calls(param.annotation))

    def _class_def(self, node: cst.ClassDef) -> None:
        if self.function.is_module:
            return
        methods = [info for statement in node.body.body if (info := self.index.of_node.get(id(statement))) is not None]
        value = ir.Display(tuple(ir.Closure(info) for info in methods))
        self.emit(ir.StoreOp(node, self.in_cleanup, node.name.value, value))

    _STATEMENTS: ClassVar[dict[type[cst.CSTNode], Callable[[Any, Any], None]]] = {
        cst.SimpleStatementLine: _line, cst.Expr: _expr, cst.Assign: _assign,
        cst.AnnAssign: _annotated, cst.AugAssign: _augmented, cst.Return: _return,
        cst.Raise: _raise, cst.Assert: _assert, cst.Del: _del, cst.Break: _break,
        cst.Continue: _continue, cst.If: _if, cst.While: _while, cst.For: _for,
        cst.Try: _try, cst.TryStar: _try, cst.With: _with, cst.Match: _match,
        cst.FunctionDef: _function_def, cst.ClassDef: _class_def,
    }  # fmt: skip
