"""The entry point of lowering: the body of a function becomes its control flow graph."""

from __future__ import annotations

import libcst as cst

from lintdb.flow import ir
from lintdb.flow.cfg import CFG
from lintdb.flow.lower_statements import Statements
from lintdb.flow.lowering import TooManyBlocksError
from lintdb.syntax.names import FunctionInfo, ModuleIndex


class Builder(Statements):
    """Builds the graph of one function; use `build_cfg`."""

    def build(self) -> CFG:
        """Lower the function's body."""
        node = self.function.node
        if isinstance(node, cst.Lambda):
            value = self.expression(node.body)
            self.emit(ir.StoreOp(node, False, "$return", value))
        elif isinstance(node, cst.Module):
            self.statements(node.body)
        else:
            self.suite(node.body)
        self.goto(self.cfg.exit)
        return self.cfg


def build_cfg(function: FunctionInfo, index: ModuleIndex) -> CFG:
    """Return the control flow graph of a function, a lambda or a module's body; an empty one if it were too large."""
    try:
        return Builder(function, index).build()
    except TooManyBlocksError:
        empty = Builder(function, index)
        empty.goto(empty.cfg.exit)
        empty.cfg.is_whole = False
        return empty.cfg
