"""Which variables operations read and write: the basis of liveness."""

from __future__ import annotations

from lintdb.flow import ir
from lintdb.flow.cfg import Block


def operand_names(operand: ir.Operand, names: set[str]) -> None:
    """Add the variables that evaluating an operand reads."""
    if isinstance(operand, ir.Local):
        names.add(operand.name)
    elif isinstance(operand, (ir.AttributeOf, ir.ItemOf)):
        operand_names(operand.base, names)
    elif isinstance(operand, ir.Display):
        for item in operand.items:
            operand_names(item, names)
    elif isinstance(operand, ir.Mapping_):
        for _, item in operand.items:
            operand_names(item, names)
    elif isinstance(operand, ir.Closure):
        names.update(operand.function.free_names)


def condition_names(condition: ir.Condition, names: set[str]) -> None:
    """Add the variables that a condition reads."""
    if isinstance(condition, ir.IsSame):
        operand_names(condition.left, names)
        operand_names(condition.right, names)
    else:
        operand_names(condition.operand, names)


def _operation(operation: ir.Operation, used: set[str], written: set[str]) -> None:
    reads: set[str] = set()
    writes: tuple[str, ...] = ()
    if isinstance(operation, ir.CallOp):
        operand_names(operation.callee, reads)
        for argument in operation.arguments:
            operand_names(argument.operand, reads)
        writes = (operation.target,)
    elif isinstance(operation, (ir.AwaitOp, ir.YieldOp)):
        operand_names(operation.operand, reads)
        writes = (operation.target,)
    elif isinstance(operation, ir.StoreOp):
        operand_names(operation.operand, reads)
        writes = (operation.name,)
    elif isinstance(operation, (ir.StoreAttributeOp, ir.StoreItemOp)):
        operand_names(operation.base, reads)
        operand_names(operation.operand, reads)
    elif isinstance(operation, ir.UnpackOp):
        operand_names(operation.operand, reads)
        writes = tuple(name for name in operation.names if name is not None)
    elif isinstance(operation, ir.BoxOp):
        for item in operation.items:
            operand_names(item, reads)
        writes = (operation.target,)
    elif isinstance(operation, ir.BoxAddOp):
        operand_names(operation.box, reads)
        operand_names(operation.operand, reads)
    elif isinstance(operation, ir.ForgetOp):
        writes = operation.names
    elif isinstance(operation, ir.EnterOp):
        operand_names(operation.manager, reads)
        writes = (operation.target, operation.slot)
    elif isinstance(operation, ir.ExitOp):
        reads.add(operation.slot)
    elif isinstance(operation, (ir.CatchOp, ir.HoldOp)):
        writes = (operation.slot,)
    used |= reads - written
    written.update(writes)


def test_names(block: Block) -> tuple[set[str], set[str]]:
    """Return the names whose truth or value decides something in a block, and those that the block writes.

    A plain copy of a variable counts as a decision on it, since the copy may be what is tested. Condition texts are
    included with a `?` in front.
    """
    used: set[str] = set()
    written: set[str] = set()
    for operation in block.operations:
        reads: set[str] = set()
        if isinstance(operation, ir.StoreOp):
            if isinstance(operation.operand, ir.Local):
                reads.add(operation.operand.name)
            used |= reads - written
            written.add(operation.name)
    t = block.terminator
    if isinstance(t, ir.Branch):
        reads = set()
        condition_names(t.condition, reads)
        used |= reads - written
        if t.condition.key is not None:
            used.add("?" + t.condition.key)
    return used, written


def block_names(block: Block) -> tuple[set[str], set[str]]:
    """Return the names a block reads before writing them, and those that it writes."""
    used: set[str] = set()
    written: set[str] = set()
    for operation in block.operations:
        _operation(operation, used, written)
    t = block.terminator
    reads: set[str] = set()
    late: tuple[str, ...] = ()
    if isinstance(t, ir.Branch):
        condition_names(t.condition, reads)
    elif isinstance(t, ir.Iterate):
        operand_names(t.operand, reads)
        late = (t.target,)
    elif isinstance(t, ir.ExitRaise):
        reads.add(t.slot)
    elif isinstance(t, ir.Raise) and t.slot is not None:
        reads.add(t.slot)
    elif isinstance(t, ir.Return):
        reads.add("$return")
    used |= reads - written
    written.update(late)
    return used, written
