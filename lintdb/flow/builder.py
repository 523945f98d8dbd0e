"""Lowers the body of one function to its control flow graph: the only code that knows Python's statements.

Every way out of a `try … finally` or `with` block has its own copy of the clean-up code; returns (breaks, continues)
that leave the same blocks share one copy. Exceptions inside a `try` body land in its dispatch block.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import libcst as cst

from lintdb.flow import ir
from lintdb.flow.cfg import CFG, Block
from lintdb.flow.stdlib import (
    COMBINES,
    ENDS_PROCESS,
    IDENTITY,
    RUNS_GENERATOR,
    KEEPS_FUNCTION,
    LOG_METHODS,
    LOG_NAMES,
    NEVER_RAISES,
    PURE_TESTS,
)
from lintdb.syntax.names import FunctionInfo, ModuleIndex


@dataclass(eq=False)
class _Frame:
    """A block that must do something when it is left: `clean_up` emits it. Loops have targets instead."""

    outer_landing: int
    clean_up: Callable[[], None] | None = None
    break_to: int = -1
    continue_to: int = -1
    entries: dict[tuple[str, int], int] = field(default_factory=dict)

    @property
    def is_loop(self) -> bool:
        return self.clean_up is None


class Builder:
    """Builds the graph of one function; use `build_cfg`."""

    def __init__(self, function: FunctionInfo, index: ModuleIndex) -> None:
        self.function = function
        self.index = index
        self.cfg = CFG(function)
        self.frames: list[_Frame] = []
        self.counter = 0
        self.in_cleanup = 0
        self.catch_slots: list[str] = []
        raise_exit = self._new_block(0, "raise exit")
        raise_exit.landing = raise_exit.id
        raise_exit.terminator = ir.RaiseExit()
        self.cfg.raise_exit = raise_exit.id
        exit_block = self._new_block(raise_exit.id, "exit")
        exit_block.terminator = ir.Return()
        self.cfg.exit = exit_block.id
        self.landing = raise_exit.id
        self.current: Block = self._new_block(self.landing, "entry")
        self.cfg.entry = self.current.id

    # --- plumbing ---------------------------------------------------------------------------------------------------

    def _new_block(self, landing: int, label: str = "") -> Block:
        block = Block(len(self.cfg.blocks), landing, label=label)
        self.cfg.blocks.append(block)
        return block

    def _block(self, label: str = "") -> Block:
        return self._new_block(self.landing, label)

    def _goto(self, target: Block | int) -> None:
        """End the current block with a jump, unless it has already ended."""
        if isinstance(self.current.terminator, ir.Dead) and self.current.label != "dead":
            self.current.terminator = ir.Jump(target if isinstance(target, int) else target.id)

    def _end(self, terminator: ir.Terminator) -> None:
        """End the current block; what follows is unreachable until another block is begun."""
        if self.current.label != "dead":
            self.current.terminator = terminator
        self.current = self._new_block(self.landing, "dead")

    def _branch(self, node: cst.CSTNode, condition: ir.Condition, if_true: Block, if_false: Block) -> None:
        self._end(ir.Branch(node, condition, if_true.id, if_false.id))

    def _emit(self, operation: ir.Operation) -> None:
        if self.current.label != "dead":
            self.current.operations.append(operation)

    def _temp(self) -> str:
        self.counter += 1
        return f"$t{self.counter}"

    @property
    def _cleaning(self) -> bool:
        return self.in_cleanup > 0

    def _continue_in(self, block: Block) -> None:
        self.current = block

    # --- functions --------------------------------------------------------------------------------------------------

    def build(self) -> CFG:
        """Lower the function's body."""
        node = self.function.node
        if isinstance(node, cst.Lambda):
            value = self._expression(node.body)
            self._emit(ir.StoreOp(node, False, "$return", value))
        elif isinstance(node, cst.Module):
            self._statements(node.body)
        else:
            self._suite(node.body)
        self._goto(self.cfg.exit)
        return self.cfg

    def _suite(self, suite: cst.BaseSuite) -> None:
        self._statements(suite.body)

    def _statements(self, statements: Sequence[cst.BaseStatement | cst.BaseSmallStatement]) -> None:
        for statement in statements:
            if self.current.label == "dead":
                return
            self._statement(statement)

    def _statement(self, node: cst.CSTNode) -> None:
        method = _STATEMENTS.get(type(node))
        if method is not None:
            method(self, node)

    def _line(self, node: cst.SimpleStatementLine) -> None:
        self._statements(node.body)

    # --- small statements -------------------------------------------------------------------------------------------

    def _expr(self, node: cst.Expr) -> None:
        self._expression(node.value)
        if self.current.operations and isinstance(node.value, (cst.Call, cst.Await)):
            last = self.current.operations[-1]
            if isinstance(last, ir.CallOp) and last.node is node.value:
                last.is_statement = True

    def _assign(self, node: cst.Assign) -> None:
        target = node.targets[0].target
        if len(node.targets) == 1 and isinstance(target, cst.Tuple) and isinstance(node.value, cst.Tuple):
            if self._pairwise(target, node.value):
                return
        value = self._expression(node.value)
        for item in node.targets:
            self._store(item.target, value, node)

    def _pairwise(self, target: cst.Tuple, value: cst.Tuple) -> bool:
        """`a, b = x, y`, element by element; all values are read before any name is written."""
        elements = [*target.elements, *value.elements]
        if len(target.elements) != len(value.elements) or any(isinstance(e, cst.StarredElement) for e in elements):
            return False
        temps: list[ir.Operand] = []
        for element in value.elements:
            temp = self._temp()
            self._emit(ir.StoreOp(element, self._cleaning, temp, self._expression(element.value)))
            temps.append(ir.Local(temp))
        for element, temp_value in zip(target.elements, temps):
            self._store(element.value, temp_value, target)
        return True

    def _annotated(self, node: cst.AnnAssign) -> None:
        if node.value is not None:
            self._store(node.target, self._expression(node.value), node)

    def _augmented(self, node: cst.AugAssign) -> None:
        value = self._expression(node.value)
        if isinstance(node.target, cst.Name) and isinstance(node.operator, cst.AddAssign):
            self._emit(ir.BoxAddOp(node, self._cleaning, ir.Local(node.target.value), ir.ItemOf(value, None)))
            return
        if isinstance(node.target, cst.Name):
            self._emit(ir.ForgetOp(node, self._cleaning, (node.target.value,)))
        else:
            self._store(node.target, ir.UNKNOWN, node)

    def _store(self, target: cst.CSTNode, value: ir.Operand, node: cst.CSTNode) -> None:
        if isinstance(target, cst.Name):
            self._emit(ir.StoreOp(node, self._cleaning, target.value, value))
        elif isinstance(target, cst.Attribute):
            base = self._expression(target.value)
            self._emit(ir.StoreAttributeOp(node, self._cleaning, base, target.attr.value, value))
        elif isinstance(target, cst.Subscript):
            base = self._expression(target.value)
            self._slices(target)
            self._emit(ir.StoreItemOp(node, self._cleaning, base, value))
        elif isinstance(target, (cst.Tuple, cst.List)):
            names: list[str | None] = []
            star = -1
            for number, element in enumerate(target.elements):
                inner = element.value
                if isinstance(element, cst.StarredElement):
                    star = number
                names.append(inner.value if isinstance(inner, cst.Name) else self._temp())
            self._emit(ir.UnpackOp(node, self._cleaning, tuple(names), value, star))
            for element, name in zip(target.elements, names):
                if not isinstance(element.value, cst.Name) and name is not None:
                    self._store(element.value, ir.Local(name), node)

    def _return(self, node: cst.Return) -> None:
        value: ir.Operand = ir.Constant(None) if node.value is None else self._expression(node.value)
        self._emit(ir.StoreOp(node, self._cleaning, "$return", value))
        self._leave("return", 0)

    def _raise(self, node: cst.Raise) -> None:
        kind: str | None = None
        slot: str | None = None
        if node.exc is None:
            slot = self.catch_slots[-1] if self.catch_slots else None
        else:
            expression = node.exc
            if kind is None and self._exception_name(getattr(expression, "func", expression)) == "SystemExit":
                self._end(ir.Dead())
                return
            if isinstance(expression, cst.Call):
                kind = self._exception_name(expression.func)
                for argument in expression.args:
                    self._expression(argument.value)
            else:
                kind = self._exception_name(expression)
                if kind is None and isinstance(expression, cst.Name):
                    slot = f"$exc:{expression.value}"
        self._end(ir.Raise(node, kind, slot, self.landing))

    def _exception_name(self, expression: cst.BaseExpression) -> str | None:
        dotted = self.index.dotted(expression, self.function)
        if dotted is None and isinstance(expression, cst.Name) and expression.value in self.index.classes:
            return expression.value
        return dotted

    def _assert(self, node: cst.Assert) -> None:
        fine, failed = self._block("assert ok"), self._block("assert failed")
        self._condition(node.test, fine, failed)
        self._continue_in(failed)
        self._end(ir.Raise(node, "AssertionError", None, self.landing, is_explicit=False))
        self._continue_in(fine)

    def _del(self, node: cst.Del) -> None:
        names: list[str] = []
        targets = [node.target]
        if isinstance(node.target, cst.Tuple):
            targets = [element.value for element in node.target.elements]
        for target in targets:
            if isinstance(target, cst.Name):
                names.append(target.value)
        if names:
            self._emit(ir.ForgetOp(node, self._cleaning, tuple(names)))

    def _break(self, node: cst.Break) -> None:
        self._leave_loop("break")

    def _continue(self, node: cst.Continue) -> None:
        self._leave_loop("continue")

    def _leave_loop(self, kind: str) -> None:
        for depth in range(len(self.frames) - 1, -1, -1):
            if self.frames[depth].is_loop:
                self._leave(kind, depth)
                return
        self._end(ir.Dead())

    def _leave(self, kind: str, depth: int) -> None:
        """Leave all frames down to *depth* (for loops: the loop's own frame), doing what each must do."""
        for position in range(len(self.frames) - 1, depth - 1, -1):
            frame = self.frames[position]
            if frame.clean_up is None:
                continue
            entry = frame.entries.get((kind, depth))
            if entry is not None:
                self._end(ir.Jump(entry))
                return
            block = self._new_block(frame.outer_landing, f"{kind} clean-up")
            frame.entries[(kind, depth)] = block.id
            self._end(ir.Jump(block.id))
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
        self._end(ir.Jump(target))

    # --- compound statements ----------------------------------------------------------------------------------------

    def _if(self, node: cst.If) -> None:
        then, otherwise, after = self._block("then"), self._block("else"), self._block("after if")
        self._condition(node.test, then, otherwise)
        self._continue_in(then)
        self._suite(node.body)
        self._goto(after)
        self._continue_in(otherwise)
        if isinstance(node.orelse, cst.If):
            self._if(node.orelse)
        elif node.orelse is not None:
            self._suite(node.orelse.body)
        self._goto(after)
        self._continue_in(after)

    def _while(self, node: cst.While) -> None:
        head, body, done, after = self._block("while"), self._block("body"), self._block("done"), self._block("after")
        self._goto(head)
        self._continue_in(head)
        self._condition(node.test, body, done)
        self.frames.append(_Frame(self.landing, break_to=after.id, continue_to=head.id))
        self._continue_in(body)
        self._suite(node.body)
        self._goto(head)
        self.frames.pop()
        self._continue_in(done)
        if node.orelse is not None:
            self._suite(node.orelse.body)
        self._goto(after)
        self._continue_in(after)

    def _for(self, node: cst.For) -> None:
        iterable = self._expression(node.iter)
        if not isinstance(iterable, ir.Local):
            slot = self._temp()
            self._emit(ir.StoreOp(node.iter, self._cleaning, slot, iterable))
            iterable = ir.Local(slot)
        head, body, done, after = self._block("for"), self._block("body"), self._block("done"), self._block("after")
        self._goto(head)
        item = self._temp()
        is_async = node.asynchronous is not None
        head.terminator = ir.Iterate(node.iter, iterable, item, body.id, done.id, is_async, self.counter)
        head.label = "for"
        self.frames.append(_Frame(self.landing, break_to=after.id, continue_to=head.id))
        self._continue_in(body)
        self._store(node.target, ir.Local(item), node.target)
        self._suite(node.body)
        self._goto(head)
        self.frames.pop()
        self._continue_in(done)
        if node.orelse is not None:
            self._suite(node.orelse.body)
        self._goto(after)
        self._continue_in(after)

    def _try(self, node: cst.Try | cst.TryStar) -> None:
        after = self._block("after try")
        outer_landing = self.landing
        frame: _Frame | None = None
        if node.finalbody is not None:
            final_body = node.finalbody.body
            frame = _Frame(outer_landing, clean_up=lambda: self._final_copy(final_body))
            self.landing = self._raise_copy(final_body, outer_landing).id
            self.frames.append(frame)
        handlers_landing = self.landing
        dispatch: Block | None = None
        if node.handlers:
            dispatch = self._block("except")
            self.landing = dispatch.id
        body = self._block("try")
        self._goto(body)
        self._continue_in(body)
        self._suite(node.body)
        self.landing = handlers_landing
        ended = self._block("else")
        self._goto(ended)
        self._continue_in(ended)
        if node.orelse is not None:
            self._suite(node.orelse.body)
        join = self._block("end of try")
        self._goto(join)
        if dispatch is not None:
            dispatch.terminator = self._handlers(node, join, handlers_landing)
        if frame is not None:
            self.frames.pop()
            self.landing = outer_landing
            leaving = self._block("finally")
            join.terminator = ir.Jump(leaving.id)
            self._continue_in(leaving)
            self._final_copy(final_body)
            self._goto(after)
        else:
            join.terminator = ir.Jump(after.id)
        self._continue_in(after)

    def _handlers(self, node: cst.Try | cst.TryStar, join: Block, outer: int) -> ir.Dispatch:
        found: list[ir.Handler] = []
        self.in_cleanup += 1
        for handler in node.handlers:
            block = self._block("handler")
            types, catches_all = self._handler_types(handler.type)
            found.append(ir.Handler(handler, types, block.id, catches_all))
            name = handler.name.name.value if handler.name and isinstance(handler.name.name, cst.Name) else None
            self.counter += 1
            slot = f"$exc{self.counter}"
            self.catch_slots.append(slot)
            self._continue_in(block)
            self._emit(ir.CatchOp(handler, True, slot, name))
            self._suite(handler.body)
            self._goto(join)
            self.catch_slots.pop()
        self.in_cleanup -= 1
        return ir.Dispatch(tuple(found), outer)

    def _handler_types(self, expression: cst.BaseExpression | None) -> tuple[tuple[str | None, ...], bool]:
        if expression is None:
            return (), True
        elements = [expression]
        if isinstance(expression, cst.Tuple):
            elements = [element.value for element in expression.elements]
        elif isinstance(expression, cst.Name):
            constant = self.index.constant(expression.value)
            if isinstance(constant, cst.Tuple):
                elements = [element.value for element in constant.elements]
        types = tuple(self._exception_name(element) for element in elements)
        return types, any(t in ("Exception", "BaseException") for t in types)

    def _final_copy(self, body: cst.BaseSuite) -> None:
        self.in_cleanup += 1
        self._suite(body)
        self.in_cleanup -= 1

    def _raise_copy(self, body: cst.BaseSuite, outer_landing: int) -> Block:
        """The copy of a finally body that exceptions run through; it ends by raising again."""
        entry = self._new_block(outer_landing, "finally (exception)")
        saved = (self.landing, self.current)
        self.landing, self.current = outer_landing, entry
        self.counter += 1
        slot = f"$held{self.counter}"
        self._emit(ir.HoldOp(body, True, slot))
        self._final_copy(body)
        self._end(ir.Raise(body, None, slot, outer_landing, is_explicit=False))
        self.landing, self.current = saved
        return entry

    def _with(self, node: cst.With) -> None:
        self._with_items(list(node.items), node)

    def _with_items(self, items: list[cst.WithItem], node: cst.With) -> None:
        if not items:
            self._suite(node.body)
            return
        item, rest = items[0], items[1:]
        manager = self._expression(item.item)
        self.counter += 1
        slot = f"$with{self.counter}"
        is_async = node.asynchronous is not None
        target = self._temp()
        self._emit(ir.EnterOp(item.item, self._cleaning, target, manager, slot, is_async))
        outer_landing = self.landing

        def clean_up() -> None:
            self._emit(ir.ExitOp(item.item, self._cleaning, slot, is_async))

        frame = _Frame(outer_landing, clean_up=clean_up)
        after = self._block("after with")
        raised = self._new_block(outer_landing, "with exit (exception)")
        raised.terminator = ir.ExitRaise(item.item, slot, is_async, after.id, outer_landing)
        self.frames.append(frame)
        self.landing = raised.id
        inside = self._block("with")
        self._goto(inside)
        self._continue_in(inside)
        if item.asname is not None:
            self._store(item.asname.name, ir.Local(target), item.item)
        self._with_items(rest, node)
        self.frames.pop()
        self.landing = outer_landing
        leaving = self._block("with exit")
        self._goto(leaving)
        self._continue_in(leaving)
        clean_up()
        self._goto(after)
        self._continue_in(after)

    def _match(self, node: cst.Match) -> None:
        subject = self._expression(node.subject)
        length = len(subject.items) if isinstance(subject, ir.Display) and subject.is_sequence else -1
        if not isinstance(subject, ir.Local):
            slot = self._temp()
            self._emit(ir.StoreOp(node.subject, self._cleaning, slot, subject))
            subject = ir.Local(slot)
        after = self._block("after match")
        for case in node.cases:
            body, other = self._block("case"), self._block("next case")
            self._pattern(case.pattern, subject, length, body, other)
            self._continue_in(body)
            if case.guard is not None:
                guarded = self._block("case body")
                self._condition(case.guard, guarded, other)
                self._continue_in(guarded)
            self._suite(case.body)
            self._goto(after)
            self._continue_in(other)
        self._goto(after)
        self._continue_in(after)

    def _pattern(self, pattern: cst.CSTNode, subject: ir.Operand, length: int, body: Block, other: Block) -> None:
        """Branch on one pattern; *length* is that of a subject written as a tuple, else -1."""
        condition: ir.Condition = ir.Truth(ir.UNKNOWN)
        captured: list[tuple[str, bool]] = []
        if isinstance(pattern, cst.MatchAs) and pattern.pattern is None:
            if pattern.name is not None:
                self._emit(ir.StoreOp(pattern, self._cleaning, pattern.name.value, subject))
            self._goto(body)
            return
        if isinstance(pattern, cst.MatchAs) and pattern.pattern is not None and pattern.name is not None:
            self._emit(ir.StoreOp(pattern, self._cleaning, pattern.name.value, subject))
            pattern = pattern.pattern
        if isinstance(pattern, cst.MatchValue):
            value = self._literal(pattern.value)
            if isinstance(value, ir.Constant):
                condition = ir.Equals(subject, value.value)
        elif isinstance(pattern, cst.MatchSingleton):
            if isinstance(pattern.value, cst.Name) and pattern.value.value == "None":
                condition = ir.IsNone(subject)
        else:
            if isinstance(pattern, cst.MatchClass):
                dotted = self.index.dotted(pattern.cls, self.function)
                plain = not pattern.patterns and not pattern.kwds
                condition = ir.IsInstance(subject, (dotted,) if dotted is not None and plain else ())
            _collect_captures(pattern, captured)
        if _always_matches(pattern, length):
            other = self._block("dead")
            condition = ir.Truth(ir.Constant(True))
        self._branch(pattern, condition, body, other)
        saved = self.current
        self._continue_in(body)
        for name, is_star in captured:
            # Which part of the subject it is does not matter: it may be any of them.
            part: ir.Operand = ir.ItemOf(subject, None)
            part = ir.Display((part,)) if is_star else part
            self._emit(ir.StoreOp(pattern, self._cleaning, name, part))
        self.current = saved

    def _function_def(self, node: cst.FunctionDef) -> None:
        info = self.index.of_node.get(id(node))
        if info is None or self.function.is_module:
            return
        plain = all(self._keeps(decorator) for decorator in info.decorators)
        name = node.name.value
        if plain:
            self._emit(ir.StoreOp(node, self._cleaning, name, ir.Closure(info)))
            return
        target = self._temp()
        argument = ir.Argument_(ir.Closure(info), None, "")
        self._emit(ir.CallOp(node, self._cleaning, target, ir.UNKNOWN, "$decorator", (argument,)))
        self._emit(ir.ForgetOp(node, self._cleaning, (name,)))

    def _keeps(self, decorator: cst.BaseExpression) -> bool:
        """Whether a decorator leaves the function what it is, as far as resources go."""
        if isinstance(decorator, cst.Call):
            decorator = decorator.func
        return self.index.dotted(decorator, self.function) in KEEPS_FUNCTION

    def _class_def(self, node: cst.ClassDef) -> None:
        if self.function.is_module:
            return
        methods = [info for statement in node.body.body if (info := self.index.of_node.get(id(statement))) is not None]
        value = ir.Display(tuple(ir.Closure(info) for info in methods))
        self._emit(ir.StoreOp(node, self._cleaning, node.name.value, value))

    # --- conditions -------------------------------------------------------------------------------------------------

    def _condition(self, node: cst.BaseExpression, if_true: Block, if_false: Block) -> None:
        """Branch on an expression, one test at a time."""
        if isinstance(node, cst.BooleanOperation):
            middle = self._block("and" if isinstance(node.operator, cst.And) else "or")
            if isinstance(node.operator, cst.And):
                self._condition(node.left, middle, if_false)
            else:
                self._condition(node.left, if_true, middle)
            self._continue_in(middle)
            self._condition(node.right, if_true, if_false)
            return
        if isinstance(node, cst.UnaryOperation) and isinstance(node.operator, cst.Not):
            self._condition(node.expression, if_false, if_true)
            return
        if isinstance(node, cst.Comparison) and len(node.comparisons) == 1:
            self._comparison(node, if_true, if_false)
            return
        if isinstance(node, cst.Call) and self.index.dotted(node.func, self.function) in PURE_TESTS:
            operands = [self._expression(argument.value) for argument in node.args]
            if len(operands) == 2 and isinstance(node.func, cst.Name) and node.func.value == "isinstance":
                types = self._type_names(node.args[1].value)
                self._branch(node, ir.IsInstance(operands[0], types, self._key(node)), if_true, if_false)
                return
            self._branch(node, ir.Truth(ir.UNKNOWN, self._key(node)), if_true, if_false)
            return
        value = self._expression(node)
        key = self._key(node) if isinstance(node, (cst.Attribute, cst.Subscript)) else None
        self._branch(node, ir.Truth(value, key), if_true, if_false)

    def _type_names(self, expression: cst.BaseExpression) -> tuple[str, ...]:
        elements = [e.value for e in expression.elements] if isinstance(expression, cst.Tuple) else [expression]
        names = [self.index.dotted(element, self.function) for element in elements]
        return tuple(name for name in names if name is not None)

    def _comparison(self, node: cst.Comparison, if_true: Block, if_false: Block) -> None:
        target = node.comparisons[0]
        left, right = self._expression(node.left), self._expression(target.comparator)
        operator = target.operator
        negated = isinstance(operator, (cst.IsNot, cst.NotEqual))
        condition: ir.Condition
        key = self._key(node)
        if isinstance(operator, (cst.Is, cst.IsNot, cst.Equal, cst.NotEqual)):
            if isinstance(left, ir.Constant) and not isinstance(right, ir.Constant):
                left, right = right, left
            if isinstance(right, ir.Constant) and right.value is None:
                condition = ir.IsNone(left, self._key(node.left, " is None"))
            elif isinstance(right, ir.Constant) and not right.is_prefix:
                condition = ir.Equals(left, right.value, self._key(node.left, f" == {right.value!r}"))
            elif isinstance(operator, (cst.Is, cst.IsNot)):
                condition = ir.IsSame(left, right, key)
            else:
                condition = ir.Truth(ir.UNKNOWN, self._key(node.left, f" == {_text(target.comparator)}"))
        else:
            condition = ir.Truth(ir.UNKNOWN, key)
        if negated:
            if_true, if_false = if_false, if_true
        self._branch(node, condition, if_true, if_false)

    def _key(self, node: cst.CSTNode, suffix: str = "") -> str | None:
        """Return a text that is equal for equal conditions, and count it; None where a call makes each test new."""
        text = _text(node)
        if text is None:
            return None
        text += suffix
        self.cfg.condition_keys[text] = self.cfg.condition_keys.get(text, 0) + 1
        return text

    # --- expressions ------------------------------------------------------------------------------------------------

    def _literal(self, node: cst.BaseExpression) -> ir.Operand:
        if isinstance(node, cst.SimpleString):
            value = node.evaluated_value
            return ir.Constant(value) if isinstance(value, str) else ir.UNKNOWN
        if isinstance(node, cst.Integer):
            return ir.Constant(node.evaluated_value)
        if isinstance(node, cst.Float):
            return ir.Constant(node.evaluated_value)
        if isinstance(node, cst.Name) and node.value in ("None", "True", "False"):
            return ir.Constant({"None": None, "True": True, "False": False}[node.value])
        if isinstance(node, cst.ConcatenatedString):
            parts = [self._expression(node.left), self._expression(node.right)]
            return _concatenate(parts[0], parts[1])
        if isinstance(node, cst.UnaryOperation) and isinstance(node.operator, cst.Minus):
            inner = self._literal(node.expression)
            if isinstance(inner, ir.Constant) and isinstance(inner.value, (int, float)):
                return ir.Constant(-inner.value)
        return ir.UNKNOWN

    def _expression(self, node: cst.BaseExpression) -> ir.Operand:
        method = _EXPRESSIONS.get(type(node))
        if method is not None:
            return method(self, node)
        return self._parts(node)

    def _parts(self, node: cst.CSTNode) -> ir.Operand:
        """Any other expression: its parts are evaluated in order, its value is unknown."""
        from lintdb.syntax.walk import children

        for child in children(node):
            if isinstance(child, cst.BaseExpression):
                self._expression(child)
            elif not isinstance(child, (cst.Annotation,)):
                self._parts(child)
        return ir.UNKNOWN

    def _name(self, node: cst.Name) -> ir.Operand:
        if node.value in ("None", "True", "False"):
            return self._literal(node)
        dotted = self.index.imported(node.value, self.function)
        if dotted is not None and not (self.function.is_module and node.value in self.function.bound):
            return ir.Dotted(dotted)
        return ir.Local(node.value)

    def _attribute(self, node: cst.Attribute) -> ir.Operand:
        base = self._expression(node.value)
        if isinstance(base, ir.Dotted):
            return ir.Dotted(f"{base.name}.{node.attr.value}")
        if base is ir.UNKNOWN:
            return base
        return ir.AttributeOf(base, node.attr.value)

    def _subscript(self, node: cst.Subscript) -> ir.Operand:
        base = self._expression(node.value)
        key = self._slices(node)
        if base is ir.UNKNOWN or isinstance(base, ir.Dotted):
            return ir.UNKNOWN
        return ir.ItemOf(base, key)

    def _slices(self, node: cst.Subscript) -> object:
        key: object = None
        for element in node.slice:
            if isinstance(element.slice, cst.Index):
                value = self._expression(element.slice.value)
                if isinstance(value, ir.Constant) and len(node.slice) == 1 and not value.is_prefix:
                    key = value.value
            else:
                self._parts(element.slice)
        return key

    def _display(self, node: cst.Tuple) -> ir.Operand:
        items: list[ir.Operand] = []
        has_star = False
        for element in node.elements:
            has_star = has_star or isinstance(element, cst.StarredElement)
            items.append(self._hold(element.value))
        return ir.Display(tuple(items), is_sequence=not has_star)

    def _hold(self, node: cst.BaseExpression) -> ir.Operand:
        return self._expression(node)

    def _box(self, node: cst.List | cst.Set) -> ir.Operand:
        items = tuple(self._hold(element.value) for element in node.elements)
        target = self._temp()
        self._emit(ir.BoxOp(node, self._cleaning, target, items))
        return ir.Local(target)

    def _dict(self, node: cst.Dict) -> ir.Operand:
        items: list[tuple[object, ir.Operand]] = []
        for element in node.elements:
            if isinstance(element, cst.DictElement):
                key = self._expression(element.key)
                known = isinstance(key, ir.Constant) and not key.is_prefix
                value = self._hold(element.value)
                items.append((key.value if known and isinstance(key, ir.Constant) else None, value))
            else:
                items.append((None, self._hold(element.value)))
        return ir.Mapping_(tuple(items))

    def _comprehension(self, node: cst.ListComp | cst.SetComp | cst.GeneratorExp) -> ir.Operand:
        target = self._temp()
        self._emit(ir.BoxOp(node, self._cleaning, target, ()))
        self._comp_for(node.for_in, lambda: self._fill(node.elt, target))
        return ir.Local(target)

    def _generator(self, node: cst.GeneratorExp) -> ir.Operand:
        """Runs when somebody iterates it; only its source is evaluated here."""
        source = self._expression(node.for_in.iter)
        return ir.Display((source,), is_sequence=False)

    def _dict_comprehension(self, node: cst.DictComp) -> ir.Operand:
        target = self._temp()
        self._emit(ir.BoxOp(node, self._cleaning, target, ()))

        def body() -> None:
            self._expression(node.key)
            self._fill(node.value, target)

        self._comp_for(node.for_in, body)
        return ir.Local(target)

    def _fill(self, element: cst.BaseExpression, target: str) -> None:
        value = self._expression(element)
        if value is not ir.UNKNOWN and not isinstance(value, ir.Constant):
            self._emit(ir.BoxAddOp(element, self._cleaning, ir.Local(target), value))

    def _comp_for(self, node: cst.CompFor, fill: Callable[[], None]) -> None:
        iterable = self._expression(node.iter)
        if not isinstance(iterable, ir.Local):
            slot = self._temp()
            self._emit(ir.StoreOp(node.iter, self._cleaning, slot, iterable))
            iterable = ir.Local(slot)
        head, body, after = self._block("for"), self._block("body"), self._block("after")
        self._goto(head)
        item = self._temp()
        is_async = node.asynchronous is not None
        head.terminator = ir.Iterate(node.iter, iterable, item, body.id, after.id, is_async, self.counter)
        self._continue_in(body)
        self._store(node.target, ir.Local(item), node.target)
        for condition in node.ifs:
            passed = self._block("if")
            self._condition(condition.test, passed, head)
            self._continue_in(passed)
        if node.inner_for_in is not None:
            self._comp_for(node.inner_for_in, fill)
        else:
            fill()
        self._goto(head)
        self._continue_in(after)

    def _lambda(self, node: cst.Lambda) -> ir.Operand:
        info = self.index.of_node.get(id(node))
        return ir.Closure(info) if info is not None else ir.UNKNOWN

    def _if_expression(self, node: cst.IfExp) -> ir.Operand:
        target = self._temp()
        then, otherwise, after = self._block("then"), self._block("else"), self._block("after")
        self._condition(node.test, then, otherwise)
        for block, branch in ((then, node.body), (otherwise, node.orelse)):
            self._continue_in(block)
            self._emit(ir.StoreOp(branch, self._cleaning, target, self._expression(branch)))
            self._goto(after)
        self._continue_in(after)
        return ir.Local(target)

    def _boolean(self, node: cst.BooleanOperation) -> ir.Operand:
        target = self._temp()
        more, after, done = self._block("or"), self._block("after"), self._block("decided")
        self._emit(ir.StoreOp(node.left, self._cleaning, target, self._expression(node.left)))
        # `given or open()`: the test teaches something about `given` itself.
        tested = ir.Local(node.left.value) if isinstance(node.left, cst.Name) else ir.Local(target)
        condition = ir.Truth(tested)
        if isinstance(node.operator, cst.And):
            self._branch(node.left, condition, more, done)
        else:
            self._branch(node.left, condition, done, more)
        self._continue_in(done)
        if isinstance(node.left, cst.Name):
            self._emit(ir.StoreOp(node.left, self._cleaning, target, tested))
        self._goto(after)
        self._continue_in(more)
        self._emit(ir.StoreOp(node.right, self._cleaning, target, self._expression(node.right)))
        self._goto(after)
        self._continue_in(after)
        return ir.Local(target)

    def _binary(self, node: cst.BinaryOperation) -> ir.Operand:
        left, right = self._expression(node.left), self._expression(node.right)
        if isinstance(left, ir.Constant) and isinstance(left.value, str):
            if isinstance(node.operator, cst.Add):
                return _concatenate(left, right)
            if isinstance(node.operator, cst.Modulo):
                return ir.Constant(left.value.partition("%")[0], is_prefix=True)
        return ir.UNKNOWN

    def _unary(self, node: cst.UnaryOperation) -> ir.Operand:
        if isinstance(node.operator, cst.Not):
            return self._truth_value(node)
        literal = self._literal(node)
        return self._parts(node) if literal is ir.UNKNOWN else literal

    def _compare(self, node: cst.Comparison) -> ir.Operand:
        target = node.comparisons[0]
        if len(node.comparisons) == 1 and isinstance(target.operator, (cst.Is, cst.IsNot)):
            return self._truth_value(node)
        return self._parts(node)

    def _truth_value(self, node: cst.BaseExpression) -> ir.Operand:
        """`x is None` as a value: True on one path, False on the other."""
        target = self._temp()
        yes, no, after = self._block("true"), self._block("false"), self._block("after")
        self._condition(node, yes, no)
        for block, outcome in ((yes, True), (no, False)):
            self._continue_in(block)
            self._emit(ir.StoreOp(node, self._cleaning, target, ir.Constant(outcome)))
            self._goto(after)
        self._continue_in(after)
        return ir.Local(target)

    def _formatted(self, node: cst.FormattedString) -> ir.Operand:
        prefix = ""
        is_open = True
        for part in node.parts:
            if isinstance(part, cst.FormattedStringText):
                if is_open:
                    prefix += part.value
            else:
                is_open = False
                self._parts(part)
        return ir.Constant(prefix, is_prefix=not is_open)

    def _named(self, node: cst.NamedExpr) -> ir.Operand:
        value = self._expression(node.value)
        if isinstance(node.target, cst.Name):
            self._emit(ir.StoreOp(node, self._cleaning, node.target.value, value))
            return ir.Local(node.target.value)
        return value

    def _await(self, node: cst.Await) -> ir.Operand:
        value = self._expression(node.expression)
        target = self._temp()
        self._emit(ir.AwaitOp(node, self._cleaning, target, value))
        return ir.Local(target)

    def _yield(self, node: cst.Yield) -> ir.Operand:
        value: ir.Operand = ir.Constant(None)
        is_from = False
        if isinstance(node.value, cst.From):
            value, is_from = self._expression(node.value.item), True
        elif node.value is not None:
            value = self._expression(node.value)
        target = self._temp()
        self._emit(ir.YieldOp(node, self._cleaning, target, value, is_from))
        return ir.Local(target)

    def _call(self, node: cst.Call) -> ir.Operand:
        callee = self._expression(node.func)
        dotted = callee.name if isinstance(callee, ir.Dotted) else None
        arguments: list[ir.Argument_] = []
        for argument in node.args:
            if isinstance(argument.value, cst.GeneratorExp) and dotted in RUNS_GENERATOR:
                value = self._comprehension(argument.value)
            else:
                value = self._expression(argument.value)
            keyword = argument.keyword.value if argument.keyword is not None else None
            arguments.append(ir.Argument_(value, keyword, argument.star))
        if dotted in ENDS_PROCESS:
            self._end(ir.Dead())
            return ir.UNKNOWN
        if dotted in IDENTITY and len(arguments) == 2:
            return arguments[1].operand
        if dotted == "range" or (dotted in COMBINES and not arguments):
            return ir.Display(())
        if self._is_harmless(node, callee, dotted):
            return ir.UNKNOWN
        if isinstance(callee, ir.AttributeOf) and isinstance(callee.base, ir.Constant):
            return self._string_method(callee)
        target = self._temp()
        self._emit(ir.CallOp(node, self._cleaning, target, callee, dotted, tuple(arguments), index=self.counter))
        return ir.Local(target)

    @staticmethod
    def _string_method(callee: ir.AttributeOf) -> ir.Operand:
        base = callee.base
        if isinstance(base, ir.Constant) and isinstance(base.value, str) and callee.name == "format":
            return ir.Constant(base.value.partition("{")[0], is_prefix=True)
        return ir.UNKNOWN

    @staticmethod
    def _is_harmless(node: cst.Call, callee: ir.Operand, dotted: str | None) -> bool:
        """Calls that never fail in practice and do nothing to what they are given."""
        if dotted is not None:
            return dotted in NEVER_RAISES or (
                dotted.startswith("logging.") and dotted.rpartition(".")[2] in LOG_METHODS
            )
        if isinstance(callee, ir.AttributeOf) and callee.name in LOG_METHODS:
            base = callee.base
            name = base.name if isinstance(base, (ir.Local, ir.AttributeOf)) else ""
            return name.lower().strip("_") in LOG_NAMES
        return False


def _concatenate(left: ir.Operand, right: ir.Operand) -> ir.Operand:
    if not (isinstance(left, ir.Constant) and isinstance(left.value, str)):
        return ir.UNKNOWN
    if left.is_prefix:
        return left
    if isinstance(right, ir.Constant) and isinstance(right.value, str):
        return ir.Constant(left.value + right.value, right.is_prefix)
    return ir.Constant(left.value, is_prefix=True)


def _always_matches(pattern: cst.CSTNode, length: int) -> bool:
    """Whether a sequence pattern takes every tuple of a length: `[_, *rest]` for one of two."""
    if length < 0 or not isinstance(pattern, (cst.MatchList, cst.MatchTuple)):
        return False
    stars = sum(isinstance(element, cst.MatchStar) for element in pattern.patterns)
    plain = len(pattern.patterns) - stars
    if (plain > length) if stars else (plain != length):
        return False
    return all(
        isinstance(element, cst.MatchStar)
        or (
            isinstance(element, cst.MatchSequenceElement)
            and isinstance(element.value, cst.MatchAs)
            and element.value.pattern is None
        )
        for element in pattern.patterns
    )


def _collect_captures(pattern: cst.CSTNode, names: list[tuple[str, bool]]) -> None:
    from lintdb.syntax.walk import walk

    for node in walk(pattern):
        if isinstance(node, (cst.MatchAs, cst.MatchStar)) and node.name is not None:
            names.append((node.name.value, isinstance(node, cst.MatchStar)))
        elif isinstance(node, cst.MatchMapping) and node.rest is not None:
            names.append((node.rest.value, True))


_OPERATORS: dict[type, str] = {
    cst.Equal: "==", cst.NotEqual: "!=", cst.LessThan: "<", cst.LessThanEqual: "<=", cst.GreaterThan: ">",
    cst.GreaterThanEqual: ">=", cst.In: "in", cst.NotIn: "not in", cst.Is: "is", cst.IsNot: "is not",
}  # fmt: skip


def _text(node: cst.CSTNode) -> str | None:
    """Return a canonical text of an expression that has no effect and no call in it (pure tests apart), else None."""
    if isinstance(node, cst.Name):
        return node.value
    if isinstance(node, cst.Attribute):
        base = _text(node.value)
        return f"{base}.{node.attr.value}" if base else None
    if isinstance(node, (cst.SimpleString, cst.Integer, cst.Float)):
        return node.value
    if isinstance(node, cst.Comparison) and len(node.comparisons) == 1:
        target = node.comparisons[0]
        left, right = _text(node.left), _text(target.comparator)
        operator = _OPERATORS.get(type(target.operator))
        return f"{left} {operator} {right}" if left and right and operator else None
    if isinstance(node, cst.Subscript) and len(node.slice) == 1 and isinstance(node.slice[0].slice, cst.Index):
        base, key = _text(node.value), _text(node.slice[0].slice.value)
        return f"{base}[{key}]" if base and key else None
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Name) and node.func.value in ("isinstance", "hasattr"):
        parts = [_text(argument.value) for argument in node.args]
        return f"{node.func.value}({', '.join(p for p in parts if p)})" if all(parts) else None
    if isinstance(node, cst.Tuple):
        parts = [_text(element.value) for element in node.elements]
        return f"({', '.join(p for p in parts if p)})" if all(parts) else None
    return None


_STATEMENTS: dict[type, Callable[[Builder, cst.CSTNode], None]] = {
    cst.SimpleStatementLine: Builder._line, cst.Expr: Builder._expr, cst.Assign: Builder._assign,
    cst.AnnAssign: Builder._annotated, cst.AugAssign: Builder._augmented, cst.Return: Builder._return,
    cst.Raise: Builder._raise, cst.Assert: Builder._assert, cst.Del: Builder._del, cst.Break: Builder._break,
    cst.Continue: Builder._continue, cst.If: Builder._if, cst.While: Builder._while, cst.For: Builder._for,
    cst.Try: Builder._try, cst.TryStar: Builder._try, cst.With: Builder._with, cst.Match: Builder._match,
    cst.FunctionDef: Builder._function_def, cst.ClassDef: Builder._class_def,
}  # type: ignore[dict-item] # fmt: skip

_EXPRESSIONS: dict[type, Callable[[Builder, cst.BaseExpression], ir.Operand]] = {
    cst.Name: Builder._name, cst.Attribute: Builder._attribute, cst.Call: Builder._call, cst.Await: Builder._await,
    cst.Yield: Builder._yield, cst.Lambda: Builder._lambda, cst.IfExp: Builder._if_expression,
    cst.BooleanOperation: Builder._boolean, cst.BinaryOperation: Builder._binary, cst.NamedExpr: Builder._named,
    cst.FormattedString: Builder._formatted, cst.SimpleString: Builder._literal, cst.Integer: Builder._literal,
    cst.Float: Builder._literal, cst.ConcatenatedString: Builder._literal, cst.UnaryOperation: Builder._unary,
    cst.Tuple: Builder._display, cst.List: Builder._box, cst.Set: Builder._box, cst.Dict: Builder._dict,
    cst.ListComp: Builder._comprehension, cst.SetComp: Builder._comprehension,
    cst.GeneratorExp: Builder._generator, cst.DictComp: Builder._dict_comprehension,
    cst.Subscript: Builder._subscript, cst.Comparison: Builder._compare,
}  # type: ignore[dict-item] # fmt: skip


def build_cfg(function: FunctionInfo, index: ModuleIndex) -> CFG:
    """Return the control flow graph of a function, a lambda or a module's body.

    A function whose code nests too deeply for the interpreter gives an incomplete graph, which nothing is said about.
    """
    builder = Builder(function, index)
    try:
        return builder.build()
    except RecursionError:
        builder.cfg.is_complete = False
        return builder.cfg
