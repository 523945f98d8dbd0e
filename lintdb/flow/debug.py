"""Graphs and states as text, for people who debug the engine or a verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from lintdb.flow import ir
from lintdb.flow.cfg import CFG
from lintdb.flow.values import Coroutine, Ref, Rid, Value

if TYPE_CHECKING:
    from lintdb.flow.program import Program
    from lintdb.flow.state import State
    from lintdb.syntax.names import ClassInfo, FunctionInfo


def render_operand(operand: ir.Operand) -> str:
    """Return an operand as it could be written."""
    if isinstance(operand, ir.Local):
        return operand.name
    if isinstance(operand, ir.Constant):
        return repr(operand.value)
    if isinstance(operand, ir.Dotted):
        return operand.name
    if isinstance(operand, ir.AttributeOf):
        return f"{render_operand(operand.base)}.{operand.name}"
    if isinstance(operand, ir.ItemOf):
        return f"{render_operand(operand.base)}[{operand.key!r}]"
    if isinstance(operand, ir.Display):
        return f"({', '.join(render_operand(item) for item in operand.items)})"
    if isinstance(operand, ir.DictDisplay):
        return "{" + ", ".join(f"{key!r}: {render_operand(item)}" for key, item in operand.items) + "}"
    if isinstance(operand, ir.Difference):
        return f"{render_operand(operand.left)} - {render_operand(operand.right)}"
    if isinstance(operand, ir.Begins):
        return f"{operand.name} begins with {' or '.join(map(repr, operand.asked.prefixes))}"
    if isinstance(operand, ir.Joined):
        return f"{render_operand(operand.left)} + {render_operand(operand.right)}"
    if isinstance(operand, ir.Closure):
        return f"<{operand.function.name}>"
    if operand is ir.NOTHING:
        return "nothing"
    return "?"


def render_operation(operation: ir.Operation) -> str:
    """Return one operation on one line."""
    o = render_operand
    if isinstance(operation, ir.CallOp):
        arguments = ", ".join(
            a.star + (f"{a.keyword}=" if a.keyword else "") + o(a.operand) for a in operation.arguments
        )
        return f"{operation.target} = {o(operation.callee)}({arguments})"
    if isinstance(operation, ir.AwaitOp):
        return f"{operation.target} = await {o(operation.operand)}"
    if isinstance(operation, ir.YieldOp):
        return f"{operation.target} = yield {o(operation.operand)}"
    if isinstance(operation, ir.StoreOp):
        return f"{operation.name} = {o(operation.operand)}"
    if isinstance(operation, ir.StoreAttributeOp):
        return f"{o(operation.base)}.{operation.attribute} = {o(operation.operand)}"
    if isinstance(operation, ir.StoreItemOp):
        return f"{o(operation.base)}[…] = {o(operation.operand)}"
    if isinstance(operation, ir.UnpackOp):
        return f"{', '.join(name or '_' for name in operation.names)} = *{o(operation.operand)}"
    if isinstance(operation, ir.BoxOp):
        return f"{operation.target} = [{', '.join(o(item) for item in operation.items)}]"
    if isinstance(operation, ir.BoxAddOp):
        return f"{o(operation.box)} += {o(operation.operand)}"
    if isinstance(operation, ir.ForgetOp):
        return f"forget {', '.join(operation.names)}"
    if isinstance(operation, ir.LearnOp):
        return f"learn {operation.text}: {', '.join(f'{key} is {value}' for key, value in operation.facts)}"
    if isinstance(operation, ir.LookOp):
        return f"look {o(operation.operand)}"
    if isinstance(operation, ir.WaitOp):
        return "wait"
    if isinstance(operation, ir.EnterOp):
        return f"{operation.target} = enter {o(operation.manager)}"
    if isinstance(operation, ir.ExitOp):
        return f"exit {operation.slot}"
    if isinstance(operation, ir.CatchOp):
        return f"catch {operation.name or ''}".rstrip()
    return "hold exception"


def _type(tested: str | ClassInfo) -> str:
    return tested if isinstance(tested, str) else tested.name


def _condition(condition: ir.Condition) -> str:
    if isinstance(condition, ir.IsNone):
        return f"{render_operand(condition.operand)} is None"
    if isinstance(condition, ir.Equals):
        return f"{render_operand(condition.operand)} == {condition.value!r}"
    if isinstance(condition, ir.IsInstance):
        return f"{render_operand(condition.operand)} is a {'/'.join(map(_type, condition.types)) or '?'}"
    if isinstance(condition, ir.HasParts):
        return f"{render_operand(condition.operand)} has {condition.count}{'+' if condition.is_open else ''} parts"
    if isinstance(condition, ir.HasName):
        where = "locals()" if condition.operand is None else render_operand(condition.operand)
        return f"{where} has {condition.name}"
    if isinstance(condition, ir.IsSame):
        return f"{render_operand(condition.left)} is {render_operand(condition.right)}"
    if isinstance(condition, (ir.IsEqual, ir.Exceeds)):
        sign = "==" if isinstance(condition, ir.IsEqual) else ">"
        return f"{render_operand(condition.left)} {sign} {render_operand(condition.right)}"
    return condition.key or render_operand(condition.operand)


def render_terminator(t: ir.Terminator) -> str:
    """Return how a block ends."""
    if isinstance(t, ir.Jump):
        return f"goto {t.target}"
    if isinstance(t, ir.Branch):
        return f"if {_condition(t.condition)} goto {t.if_true} else {t.if_false}"
    if isinstance(t, ir.Iterate):
        return f"for {t.target} in {render_operand(t.operand)} goto {t.body} else {t.done}"
    if isinstance(t, ir.Dispatch):
        handlers = ", ".join(
            f"{'all' if h.catches_all else '/'.join(n or '?' for n in h.types)} → {h.block}" for h in t.handlers
        )
        return f"except {handlers}; else → {t.outer}"
    if isinstance(t, ir.ExitRaise):
        return f"exit {t.slot} by exception → {t.outer} (swallowed → {t.swallowed})"
    if isinstance(t, ir.Raise):
        return f"raise {t.type or t.slot or ''} → {t.target}"
    return {ir.Return: "return", ir.RaiseExit: "raise to the caller", ir.Dead: "end of process"}.get(type(t), "?")


def render_cfg(cfg: CFG) -> str:
    """Return a graph as text: one paragraph a block, unreachable blocks left out."""
    reached = {cfg.entry}
    todo = [cfg.entry]
    while todo:
        for edge in cfg.blocks[todo.pop()].edges():
            if edge.target not in reached:
                reached.add(edge.target)
                todo.append(edge.target)
    lines: list[str] = []
    for block in cfg.blocks:
        if block.id not in reached:
            continue
        title = f"block {block.id}" + (f" ({block.label})" if block.label else "")
        landing = f", exceptions → {block.landing}" if block.operations else ""
        lines.append(title + landing)
        lines += [f"    {render_operation(operation)}" for operation in block.operations]
        lines.append(f"    {render_terminator(block.terminator)}")
    return "\n".join(lines)


def render_state(state: State) -> str:
    """Return what one path knows."""
    names = ", ".join(
        f"{name}={_value(value)}" for name, value in sorted(state.env.items()) if not name.startswith("$")
    )
    resources = ", ".join(
        f"{_rid(rid)}: {status.phase}{'' if status.owed else ' (borrowed)'}{' after an error' if status.raised else ''}"
        for rid, status in state.resources.items()
    )
    facts = ", ".join(f"{key} is {value}" for key, value in state.facts.items())
    return (
        "; ".join(part for part in (names, resources, facts, f"unlikely ({state.low})" if state.low else "") if part)
        or "nothing"
    )


def _rid(rid: Rid) -> str:
    site, generation = rid
    text = "/".join(str(part) for part in site)
    return f"#{text}" + ("'" if generation else "")


def _value(value: Value) -> str:
    return _rid(value.rid) if isinstance(value, (Ref, Coroutine)) else str(value)


def render_flow(program: Program, function: FunctionInfo) -> str:
    """Return the graph of a function, the ways its paths end, and what was found."""
    cfg = program.cfg(function)
    follower = program.run(function)
    lines = [f"{function.qualname}", render_cfg(cfg), "", "acquire sites:"]
    for site, found in follower.sites.items():
        code = program.index.code_of(found.node) if isinstance(found.node, cst.BaseExpression) else ""
        lines.append(f"    {_rid((site, 0))} {found.kind} {found.name or ''} {' '.join(code.split())[:60]}")
    lines.append("states at the ends:")
    lines += [f"    {'raise' if end.is_raise else 'return'}: {render_state(end.state)}" for end in follower.exits]
    lines.append("leaks:")
    for leak in follower.leaks():
        what = "on error" if leak.on_error else "on a normal path"
        lines.append(f"    {leak.kind.label} {leak.name or ''}: {what}, confidence {leak.confidence.label}")
    return "\n".join(lines)
