"""What lowering any code needs: blocks, frames of enclosing statements, names for temporaries.

A function is lowered by one object, put together in layers: conditions, expressions, patterns and statements each have
a module, and use what lies below them. Only `expression` is called upwards.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import libcst as cst

from lintdb.flow import ir
from lintdb.flow.cfg import CFG, Block
from lintdb.flow.rounds import Counted
from lintdb.flow.stdlib import SHORT_WAIT
from lintdb.syntax.names import FunctionInfo, ModuleIndex

NUMBERS_PER_FUNCTION = 1 << 20


@dataclass(eq=False)
class Frame:
    """A block that must do something when it is left: `clean_up` emits it. Loops have targets instead.

    `entries` has the clean-up copies made so far: way of leaving and how far → block. `counted` is what a loop counts
    with, and `again` the variable that is true while another round is sure.
    """

    outer_landing: int
    clean_up: Callable[[], None] | None = None
    break_to: int = -1
    continue_to: int = -1
    entries: dict[tuple[str, int], int] = field(default_factory=dict)
    counted: Counted | None = None
    again: str = ""

    @property
    def is_loop(self) -> bool:
        """Whether `break` and `continue` end here."""
        return self.clean_up is None


MOST_BLOCKS = 40_000
"""Blocks of one function: `finally` in `finally` doubles them with each level, and no function that people write has a
tenth of them."""


class TooManyBlocksError(Exception):
    """A function that is not followed, since its graph would be too large."""


class Lowering(ABC):
    """The graph of one function as far as it is built, and the block that code is added to.

    `landing` is where exceptions go at this point, `frames` what surrounds it, `catch_slots` the exceptions of the
    handlers that it stands in, `counter` the source of numbers for calls and temporaries.
    """

    def __init__(self, function: FunctionInfo, index: ModuleIndex) -> None:
        self.function = function
        self.index = index
        self.cfg = CFG(function)
        self.frames: list[Frame] = []
        # Calls of different functions must have different numbers: a summary carries them into its callers.
        self.counter = function.number * NUMBERS_PER_FUNCTION
        self.cleanup_depth = 0
        self.catch_slots: list[str] = []
        # Variables that hold what a call gave, so far as the code has been seen: their use may need a check.
        self.fetched: set[str] = set()
        raise_exit = self.new_block(0, "raise exit")
        raise_exit.landing = raise_exit.id
        raise_exit.terminator = ir.RaiseExit()
        self.cfg.raise_exit = raise_exit.id
        exit_block = self.new_block(raise_exit.id, "exit")
        exit_block.terminator = ir.Return()
        self.cfg.exit = exit_block.id
        self.landing = raise_exit.id
        self.current: Block = self.new_block(self.landing, "entry")
        self.cfg.entry = self.current.id

    @abstractmethod
    def expression(self, node: cst.BaseExpression) -> ir.Operand:
        """Lower an expression: emit what it does, return its value."""

    def new_block(self, landing: int, label: str = "") -> Block:
        """Add a block whose exceptions go to *landing*; raises TooManyBlocksError."""
        if len(self.cfg.blocks) >= MOST_BLOCKS:
            raise TooManyBlocksError
        block = Block(len(self.cfg.blocks), landing, label=label)
        self.cfg.blocks.append(block)
        return block

    def block(self, label: str = "") -> Block:
        """Add a block whose exceptions go where those of the current one go."""
        return self.new_block(self.landing, label)

    def goto(self, target: Block | int) -> None:
        """End the current block with a jump, unless it has already ended."""
        if isinstance(self.current.terminator, ir.Dead) and self.current.label != "dead":
            self.current.terminator = ir.Jump(target if isinstance(target, int) else target.id)

    def end(self, terminator: ir.Terminator) -> None:
        """End the current block; what follows is unreachable until another block is begun."""
        if self.current.label != "dead":
            self.current.terminator = terminator
        self.current = self.new_block(self.landing, "dead")

    def branch(
        self,
        node: cst.CSTNode,
        condition: ir.Condition,
        if_true: Block,
        if_false: Block,
        *,
        is_negated: bool = False,
        subject: cst.CSTNode | None = None,
    ) -> None:
        """End the current block with a test; one on a constant is none."""
        if isinstance(condition, ir.Truth) and isinstance(condition.operand, ir.Constant):
            self.end(ir.Jump(if_true.id if condition.operand.value else if_false.id))
        else:
            self.end(ir.Branch(node, condition, if_true.id, if_false.id, is_negated, subject))

    def emit(self, operation: ir.Operation) -> None:
        """Add an operation to the current block, unless that has ended."""
        if self.current.label != "dead":
            self.current.operations.append(operation)

    def temp(self) -> str:
        """Return a fresh name for a value between two operations."""
        return self.slot("t")

    def slot(self, prefix: str) -> str:
        """Return a fresh name that begins with `$` and *prefix*."""
        self.counter += 1
        return f"${prefix}{self.counter}"

    def as_local(self, node: cst.CSTNode, value: ir.Operand) -> ir.Local:
        """Return a name for a value, so that it is evaluated once."""
        if isinstance(value, ir.Local):
            return value
        name = self.temp()
        self.emit(ir.StoreOp(node, self.in_cleanup, name, value))
        return ir.Local(name)

    @property
    def in_cleanup(self) -> bool:
        """Whether the code at this point is in a handler or a `finally` block."""
        return self.cleanup_depth > 0

    def continue_in(self, block: Block) -> None:
        """Add what follows to *block*."""
        self.current = block


def is_short_wait(arguments: Sequence[ir.CallArgument]) -> bool:
    """Whether a wait is so short that it is none: `sleep(0)` lets others run."""
    first = arguments[0].operand if arguments else None
    return isinstance(first, ir.Constant) and isinstance(first.value, (int, float)) and first.value < SHORT_WAIT
