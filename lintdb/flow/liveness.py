"""Liveness: which variables may still be read, and which may still decide something, when a block begins.

What is not live is dropped from states, so that those that differ in nothing else become equal.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import NamedTuple

from lintdb.flow import ir
from lintdb.flow.cfg import CFG, Block
from lintdb.flow.tracked import tracked
from lintdb.syntax.names import FunctionInfo


class Liveness(NamedTuple):
    """What still matters at each block of a function.

    `names` may still be read when it begins or later; `tests` (and, with a `?`, conditions) may still decide something.
    """

    names: list[frozenset[str]]
    tests: list[frozenset[str]]


def find_live(cfg: CFG) -> Liveness:
    """Return what still matters at each block; all that nested functions read does, whenever they may run."""
    function = cfg.function
    is_constructor = function.owner is not None and function.name == "__init__"
    told = frozenset(param.name.value for param in function.params) if is_constructor else frozenset()
    names = _backward(cfg, lambda block: _names_of(block, function))
    tests = _backward(cfg, lambda block: _tests_of(block, told))
    captured: set[str] = set()
    for nested in [*function.nested.values(), *function.lambdas.values()]:
        captured |= nested.free_names
    if captured:
        names, tests = [each | captured for each in names], [each | captured for each in tests]
    return Liveness(names, tests)


def _backward(cfg: CFG, names_of: Callable[[Block], tuple[set[str], set[str]]]) -> list[frozenset[str]]:
    """Liveness of what *names_of* says a block reads and writes.

    An exception may leave a block in its middle, so what its landing reads is live throughout the block.
    """
    uses: list[set[str]] = []
    kills: list[set[str]] = []
    for block in cfg.blocks:
        used, killed = names_of(block)
        uses.append(used)
        kills.append(killed)
    live: list[set[str]] = [set(used) for used in uses]
    successors = [[edge.target for edge in block.edges()] for block in cfg.blocks]
    predecessors: list[list[int]] = [[] for _ in cfg.blocks]
    for source, targets in enumerate(successors):
        for target in targets:
            predecessors[target].append(source)
    todo = list(range(len(cfg.blocks)))
    queued = set(todo)
    while todo:
        current = todo.pop()
        queued.discard(current)
        block = cfg.blocks[current]
        new = set(uses[current])
        landing = live[block.landing]
        for target in successors[current]:
            new |= live[target] - kills[current] if target != block.landing else live[target]
        new |= landing
        if new != live[current]:
            live[current] = new
            for source in predecessors[current]:
                if source not in queued:
                    queued.add(source)
                    todo.append(source)
    return [frozenset(names) for names in live]


def parts_of(operand: ir.Operand) -> Iterator[ir.Part]:
    """Yield what is put into a text, texts within it included."""
    found: list[ir.Part] = []
    if isinstance(operand, ir.Text):
        found = [part for part in operand.parts if isinstance(part, ir.Part)]
    elif isinstance(operand, ir.Format):
        found = [operand.template, *(part for _, part in operand.items)]
    for part in found:
        yield part
        yield from parts_of(part.operand)


def _add_operand(operand: ir.Operand, names: set[str]) -> None:
    """Add the variables that evaluating an operand reads."""
    if isinstance(operand, (ir.Local, ir.Begins)):
        names.add(operand.name)
    elif isinstance(operand, (ir.AttributeOf, ir.ItemOf)):
        _add_operand(operand.base, names)
    elif isinstance(operand, ir.Display):
        for item in operand.items:
            _add_operand(item, names)
    elif isinstance(operand, ir.DictDisplay):
        for _, item in operand.items:
            _add_operand(item, names)
    elif isinstance(operand, (ir.Text, ir.Format)):
        for part in parts_of(operand):
            _add_operand(part.operand, names)
        if isinstance(operand, ir.Format) and operand.otherwise is not None:
            _add_operand(operand.otherwise, names)
    elif isinstance(operand, (ir.Difference, ir.Joined)):
        _add_operand(operand.left, names)
        _add_operand(operand.right, names)
    elif isinstance(operand, ir.Closure):
        names.update(operand.function.free_names)


def _add_condition(condition: ir.Condition, names: set[str]) -> None:
    """Add the variables that a condition reads."""
    if isinstance(condition, (ir.IsSame, ir.IsEqual, ir.Exceeds)):
        _add_operand(condition.left, names)
        _add_operand(condition.right, names)
    elif isinstance(condition, ir.HasName):
        if condition.operand is not None:
            _add_operand(condition.operand, names)
        else:
            names.add(condition.name)
    else:
        _add_operand(condition.operand, names)


def _reads(operation: ir.Operation) -> set[str]:
    """Return the variables that an operation reads."""
    if isinstance(operation, ir.ExitOp):
        return {operation.slot}
    operands: tuple[ir.Operand, ...] = ()
    if isinstance(operation, ir.CallOp):
        operands = (operation.callee, *(argument.operand for argument in operation.arguments))
    elif isinstance(operation, (ir.AwaitOp, ir.YieldOp, ir.StoreOp, ir.UnpackOp, ir.LookOp, ir.NeedOp)):
        operands = (operation.operand,)
    elif isinstance(operation, (ir.StoreAttributeOp, ir.StoreItemOp)):
        operands = (operation.base, operation.operand)
    elif isinstance(operation, ir.BoxOp):
        operands = operation.items
    elif isinstance(operation, ir.BoxAddOp):
        operands = (operation.box, operation.operand)
    elif isinstance(operation, ir.EnterOp):
        operands = (operation.manager,)
    names: set[str] = set()
    for operand in operands:
        _add_operand(operand, names)
    return names


def _writes(operation: ir.Operation) -> Iterable[str]:
    """Return the variables that an operation gives a value."""
    if isinstance(operation, (ir.CallOp, ir.AwaitOp, ir.YieldOp, ir.BoxOp)):
        return (operation.target,)
    if isinstance(operation, ir.StoreOp):
        return (operation.name,)
    if isinstance(operation, ir.UnpackOp):
        return [name for name in operation.names if name is not None]
    if isinstance(operation, ir.ForgetOp):
        return operation.names
    if isinstance(operation, ir.EnterOp):
        return (operation.target, operation.slot)
    if isinstance(operation, (ir.CatchOp, ir.HoldOp)):
        return (operation.slot,)
    return ()


def written_names(cfg: CFG) -> set[str]:
    """Return the variables that the operations of a function give a value."""
    return {name for block in cfg.blocks for operation in block.operations for name in _writes(operation)}


def _may_be_followed(operation: ir.CallOp) -> bool:
    """Whether a call may be one of a function of the same module."""
    callee = operation.callee
    return isinstance(callee, ir.Local) or (isinstance(callee, ir.AttributeOf) and isinstance(callee.base, ir.Local))


def _is_of_base(operation: ir.CallOp) -> bool:
    """`super().save()`: it works on the object, without naming it."""
    return isinstance(operation.callee, ir.AttributeOf) and operation.callee.base is ir.SUPER


def _texts_in(operation: ir.Operation) -> Iterator[ir.Operand]:
    """Yield the texts that an operation puts together."""
    operands: list[ir.Operand] = []
    if isinstance(operation, ir.CallOp):
        operands = [argument.operand for argument in operation.arguments]
    elif isinstance(operation, (ir.StoreOp, ir.BoxAddOp)):
        operands = [operation.operand]
    for operand in operands:
        if isinstance(operand, (ir.Text, ir.Format)):
            yield operand


def _tests_of(block: Block, told: Collection[str]) -> tuple[set[str], set[str]]:
    """Return the names whose truth or value decides something in a block, and those that the block writes.

    A plain copy of a variable counts as a decision on it, since the copy may be what is tested; so does asking how its
    text begins, passing it to a function of the module, and for what is *told* (to a constructor) keeping it. Condition
    texts are included with a `?` in front.
    """
    used: set[str] = set()
    written: set[str] = set()
    for operation in block.operations:
        for operand in _texts_in(operation):
            # A number that is put into a text is part of it.
            used |= {p.operand.name for p in parts_of(operand) if isinstance(p.operand, ir.Local)} - written
        if isinstance(operation, ir.StoreOp):
            if isinstance(operation.operand, (ir.Local, ir.Begins)) and operation.operand.name not in written:
                used.add(operation.operand.name)
            written.add(operation.name)
        elif isinstance(operation, ir.StoreAttributeOp):
            # What a constructor is told, or makes of that (`self.owns = conn is None`), other methods may test.
            name = operation.operand.name if isinstance(operation.operand, ir.Local) else ""
            if name in told or (told and name.startswith("$t")):
                used |= {name} - written
        elif isinstance(operation, ir.CallOp) and _may_be_followed(operation):
            callee = operation.callee
            if isinstance(callee, ir.AttributeOf) and isinstance(callee.base, ir.Local):
                # Whether there is anything to call it on decides whether that fails.
                used |= {callee.base.name} - written
            # What the callee decides may rest on what is known of an argument.
            passed = {a.operand.name for a in operation.arguments if isinstance(a.operand, ir.Local)}
            used |= passed - written
    t = block.terminator
    if isinstance(t, ir.Branch):
        reads: set[str] = set()
        _add_condition(t.condition, reads)
        used |= reads - written
        if t.condition.key is not None:
            used.add("?" + t.condition.key)
    elif isinstance(t, ir.Iterate) and t.again:
        used |= {t.again} - written
        written.add(t.again)
    return used, written


def _names_of(block: Block, function: FunctionInfo) -> tuple[set[str], set[str]]:
    """Return the names a block reads before writing them, and those that it writes.

    To change an object is to work with what has given it, and tracks it.
    """
    used: set[str] = set()
    written: set[str] = set()
    for operation in block.operations:
        used |= _reads(operation) - written
        if isinstance(operation, ir.CallOp) and _is_of_base(operation) and function.params:
            used |= {function.params[0].name.value} - written
        if isinstance(operation, ir.StoreAttributeOp) and isinstance(operation.base, ir.Local):
            found = tracked(operation.base.name, function)
            used |= {found.giver} - written if found is not None else set()
        written.update(_writes(operation))
    t = block.terminator
    reads: set[str] = set()
    late: tuple[str, ...] = ()
    if isinstance(t, ir.Branch):
        _add_condition(t.condition, reads)
    elif isinstance(t, ir.Iterate):
        _add_operand(t.operand, reads)
        reads |= {t.again} if t.again else set()
        late = (t.target, t.again)
    elif isinstance(t, (ir.ExitRaise, ir.Raise)):
        if t.slot is not None:
            reads.add(t.slot)
    elif isinstance(t, ir.Return):
        reads.add("$return")
    used |= reads - written
    written.update(late)
    return used, written
