"""Which leaks hardly matter: the process ends with them, a test fails, or the same is told elsewhere."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from lintdb.effects import Duty
from lintdb.finding import Confidence
from lintdb.rules.base import FileContext
from lintdb.rules.places import (
    WAIT_FOR_ERRORS,
    ends_with_error,
    is_done_once,
    is_example_file,
    is_migration,
    is_program,
    is_test,
    is_test_file,
    is_watched,
)

if TYPE_CHECKING:
    import libcst as cst

    from lintdb.flow.results import FunctionFlow, Leak, PathStep
    from lintdb.syntax.names import FunctionInfo

FAILS = ("raise", "raises", "refused")
"""Steps of a path at which a call fails."""
_STARTS = frozenset({
    "create_task", "ensure_future", "start_soon", "spawn", "Thread", "Process", "Greenlet", "start_background_task",
})  # fmt: skip
"""What runs a function beside others."""


def _is_told_at_exit(leak: Leak, flow: FunctionFlow, ctx: FileContext) -> bool:
    """Whether only the commit of an object's own exit can leave open what that holds, and that is told of (LDB204)."""
    from lintdb.flow.blind_exits import called_blindly  # loads libcst, which listing rules does not need

    end = _exit_to_blame(leak, flow, ctx)
    if end is None or end.owner is None:
        return False
    types, owner = ctx.program.types.of_module(end.index), end.owner
    return any(types.attribute_kind(owner, each) is not None for each in called_blindly("commit", end))


def _exit_to_blame(leak: Leak, flow: FunctionFlow, ctx: FileContext) -> FunctionInfo | None:
    """Return the end of the block of a class of the project whose error leaves open what its object holds."""
    import libcst as cst  # as above

    from lintdb.syntax.names import ClassInfo

    error = _error_of(leak)
    if error is None or error.data not in ("__exit__", "__aexit__") or error.node is not leak.node:
        return None
    made = ctx.program.types.called(leak.node, flow.function) if isinstance(leak.node, cst.Call) else None
    return made.find_method(error.data) if isinstance(made, ClassInfo) else None


def _is_told_above(leak: Leak, flow: FunctionFlow, ctx: FileContext) -> bool:
    """Whether the file has the same to say of an earlier block: it is the end of the block that has to be mended."""
    end = _exit_to_blame(leak, flow, ctx)
    if end is None:
        return False
    for each in ctx.flows:
        for other in each.leaks:
            if other is leak:
                return False
            if other.on_error and _exit_to_blame(other, each, ctx) is end:
                return True
    return False


def _is_told_of_arm(leak: Leak, flow: FunctionFlow, ctx: FileContext) -> bool:
    """Whether the same error leaves open what an earlier arm of an `if` opens under that name: one cure mends both."""
    import libcst as cst  # as above

    ancestry = ctx.repetition.fates.ancestry(flow.function)
    earlier = itertools.takewhile(lambda each: each is not leak, flow.leaks)
    alike = [each for each in earlier if each.name == leak.name and each.on_error]
    error = _error_of(leak)
    if leak.name is None or leak.is_overwritten or not alike or error is None:
        return False
    around = [leak.node, *ancestry.ancestors(leak.node)]
    for inner, outer in itertools.pairwise(around):
        if isinstance(outer, cst.If) and inner is outer.orelse:
            before = [each for each in alike if outer.body in ancestry.ancestors(each.node)]
            errors = ((each, _error_of(each)) for each in before)
            if any(e is not None and e.node is error.node and _is_told(each, flow, ctx) for each, e in errors):
                return True
    return False


def _error_of(leak: Leak) -> PathStep | None:
    """Return the last step at which something fails: the error that leaves it open."""
    return next((step for step in reversed(leak.path) if step.what in FAILS), None)


def _is_told(leak: Leak, flow: FunctionFlow, ctx: FileContext) -> bool:
    return leak.confidence is not Confidence.LOW and not is_harmless(leak, flow, ctx)


def is_harmless(leak: Leak, flow: FunctionFlow, ctx: FileContext) -> bool:
    is_lock = leak.kind.family == "result" and any(each.name == "lock-timeout" for each in leak.kind.settings)
    if is_lock and leak.maker is not None and leak.name is None:
        return True  # whoever drops the object that holds a lock means to release it by its key, or to let it expire
    if leak.kind.family == "result" and (_is_listened_to(leak, flow, ctx) or _is_read_out(leak)):
        return True
    if leak.on_error:
        # An error fails a test, and somebody looks at once: what is left open does not outlive that.
        is_told = _is_told_at_exit(leak, flow, ctx) or _is_told_above(leak, flow, ctx)
        is_told = is_told or _is_told_of_arm(leak, flow, ctx)
        is_soon_over = leak.has_no_release or is_test(flow.function, ctx.path)
        return is_told or is_soon_over or _ends_process(leak, flow) or _is_of_short_command(leak, flow, ctx)
    if _ends_process(leak, flow):
        return True  # by a `raise` of its own
    if leak.has_no_release:
        return True  # its class is told of (LDB116), and whoever uses that has no better way
    if is_test(flow.function, ctx.path) and _is_to_raise(leak, flow, ctx):
        return True
    if leak.kind.in_memory and not leak.kind.keeps_process and is_test(flow.function, ctx.path):
        return True  # it goes with what it holds, which nobody wants to keep
    is_collected = leak.kind.is_collected or leak.kind.duty_on_error is Duty.WEAK
    if leak.kind.family == "connection" and is_collected and is_test(flow.function, ctx.path):
        return True  # collected in silence, and soon
    # Such a pool has no threads that must be stopped; but for a coroutine the event loop ends before the process.
    is_alone = (
        leak.kind.family == "connection" and not leak.kind.is_released_by_coroutine and not _is_in_loop(leak, flow, ctx)
    )
    if is_alone and (is_done_once(flow.function) or (is_program(flow.function) and is_watched(flow.function))):
        return True  # one for the whole process, and nobody waits for it
    is_plain_pool = leak.kind.family in ("checkout", "session") or (leak.kind.family == "pool" and leak.kind.is_lazy)
    is_quiet = is_plain_pool and not leak.kind.is_released_by_coroutine
    if not (is_quiet or is_example_file(ctx.path)):
        return False
    # Last: whether it is a program may take a look at all files of the project.
    return is_migration(ctx.path) or is_test_file(ctx.path) or is_program(flow.function)


def _ends_process(leak: Leak, flow: FunctionFlow) -> bool:
    """Whether the error that leaves something open ends the process, and that all it has open."""
    if leak.kind.keeps_process or leak.is_given:
        return False
    return leak.leaves_by_error and ends_with_error(flow.function)


def _is_of_short_command(leak: Leak, flow: FunctionFlow, ctx: FileContext) -> bool:
    """Whether a command opens it once, goes on after the error, and ends soon: somebody has started it, and waits."""
    is_plain = leak.kind.family == "connection" and not leak.kind.keeps_process and not leak.is_given
    return is_plain and not _is_in_loop(leak, flow, ctx) and is_done_once(flow.function)


def _is_to_raise(leak: Leak, flow: FunctionFlow, ctx: FileContext) -> bool:
    """Whether a test waits for the error of what opens something, last in a block for that: nothing is open then."""
    import libcst as cst

    from lintdb.syntax.nodes import last_name

    outer = ctx.repetition.fates.ancestry(flow.function).ancestors(leak.node)
    statement, line, _, block = [*itertools.islice(outer, 4), None, None, None, None][:4]
    if not isinstance(statement, cst.Expr | cst.Assign) or not isinstance(block, cst.With):
        return False
    calls = [item.item for item in block.items if isinstance(item.item, cst.Call)]
    return block.body.body[-1] is line and any(last_name(call.func) in WAIT_FOR_ERRORS for call in calls)


def _is_read_out(leak: Leak) -> bool:
    """Whether nothing but reading to the end closes a result: an error that goes on ends the work of its connection.

    Whoever is handed its rows one by one may stop early, which is no error of theirs.
    """
    steps = [step for step in leak.path if step.is_of_error]
    goes_on = bool(steps) and not steps[-1].catches
    is_handed_out = any(step.data == "yield" for step in steps)
    return goes_on and not is_handed_out and leak.on_error and leak.is_ever_released and leak.released_at is None


def _is_listened_to(leak: Leak, flow: FunctionFlow, ctx: FileContext) -> bool:
    """Whether a function that is started beside others waits for ever for what comes: it ends with the process."""
    waiting = (
        call.node
        for call in flow.calls
        if leak.name is not None
        and ctx.source_of(call.node.func).startswith(f"{leak.name}.")
        and ctx.answer_of_call(call, flow.function, "wait-timeout") is not None
    )
    if _is_in_loop(leak, flow, ctx):
        return False  # after an error the next round opens another
    return any(ctx.is_read_for_ever(node, flow.function) for node in waiting) and _is_started_aside(flow, ctx)


def _is_in_loop(leak: Leak, flow: FunctionFlow, ctx: FileContext) -> bool:
    return any(True for _ in ctx.repetition.fates.ancestry(flow.function).loops(leak.node))


def _is_started_aside(flow: FunctionFlow, ctx: FileContext) -> bool:
    """Whether a function is started as a task, a thread, a process, and not for each client that comes.

    Whoever starts it for one is given that: a handler of requests, a method that takes a user.
    """
    from lintdb.syntax.nodes import last_name  # loads libcst, which listing rules does not need

    starters = [
        starter
        for starter in ctx.program.index.all_functions
        for call in starter.calls
        if last_name(call.func) in _STARTS and any(_means(node, flow.function, starter) for node in _given(call))
    ]
    return bool(starters) and all(
        ctx.repetition.of_request(starter) is None and _is_of_program(starter) for starter in starters
    )


def _given(call: cst.Call) -> list[cst.CSTNode]:
    from lintdb.syntax.walk import walk  # loads libcst, which listing rules does not need

    return [node for argument in call.args for node in walk(argument)]


def _means(node: cst.CSTNode, function: FunctionInfo, scope: FunctionInfo) -> bool:
    """Whether an expression in *scope* can mean a function: by its name, a method by that of an object, or `self`."""
    import libcst as cst

    if function.owner is None:
        return isinstance(node, cst.Name) and node.value == function.name
    if not isinstance(node, cst.Attribute) or node.attr.value != function.name:
        return False
    if isinstance(node.value, cst.Name) and scope.is_method and node.value.value == scope.params[0].name.value:
        return scope.owner is function.owner
    classes = function.index.classes.values()
    return sum(function.name in each.methods for each in classes) == 1


def _is_of_program(starter: FunctionInfo) -> bool:
    """Whether a function takes nothing of which there is one for each client."""
    from lintdb.flow.words import OF_CLIENTS  # loads libcst, which listing rules does not need

    return all(OF_CLIENTS.fullmatch(param.name.value) is None for param in starter.params)
