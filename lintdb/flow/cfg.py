"""The control flow graph of one function.

A block is a run of operations that share one *landing*: the block where an exception of any of them goes. So a block
does not end at each call; the edge kind RAISE leaves from every operation that may raise. There is one landing per
`try` (its dispatch block), and `finally` bodies and `with` exits are copied once per way of leaving, so that no path
enters by an exception and leaves by a `return`.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from lintdb.flow.ir import (
    Branch,
    Dead,
    Dispatch,
    ExitRaise,
    Iterate,
    Jump,
    Operation,
    Raise,
    Terminator,
)
from lintdb.syntax.names import FunctionInfo


class EdgeKind(enum.Enum):
    """Why control goes from one block to another."""

    NORMAL = "normal"
    TRUE = "true"
    FALSE = "false"
    RAISE = "raise"


@dataclass(frozen=True)
class Edge:
    """A way from one block to another."""

    source: int
    target: int
    kind: EdgeKind


@dataclass(slots=True, eq=False)
class Block:
    """Operations in a row; `landing` is the block that gets their exceptions."""

    id: int
    landing: int
    operations: list[Operation] = field(default_factory=list)
    terminator: Terminator = field(default_factory=Dead)
    label: str = ""

    def edges(self) -> list[Edge]:
        """Return the edges that leave the block; RAISE once if any of its operations or its terminator may raise."""
        t = self.terminator
        found: list[Edge] = []
        if isinstance(t, Jump):
            found.append(Edge(self.id, t.target, EdgeKind.NORMAL))
        elif isinstance(t, Branch):
            found += [Edge(self.id, t.if_true, EdgeKind.TRUE), Edge(self.id, t.if_false, EdgeKind.FALSE)]
        elif isinstance(t, Iterate):
            found += [Edge(self.id, t.body, EdgeKind.TRUE), Edge(self.id, t.done, EdgeKind.FALSE)]
        elif isinstance(t, Dispatch):
            found += [Edge(self.id, handler.block, EdgeKind.TRUE) for handler in t.handlers]
            found.append(Edge(self.id, t.outer, EdgeKind.FALSE))
        elif isinstance(t, ExitRaise):
            found += [Edge(self.id, t.swallowed, EdgeKind.TRUE), Edge(self.id, t.outer, EdgeKind.FALSE)]
        elif isinstance(t, Raise):
            found.append(Edge(self.id, t.target, EdgeKind.RAISE))
        if self.operations or isinstance(t, Iterate):
            edge = Edge(self.id, self.landing, EdgeKind.RAISE)
            if edge not in found:
                found.append(edge)
        return found


@dataclass(eq=False)
class CFG:
    """All blocks of a function; `entry`, `exit` and `raise_exit` are ids. It is not whole where there are too many.

    `learned` are the conditions that loops and counters decide, as well as tests.
    """

    function: FunctionInfo
    blocks: list[Block] = field(default_factory=list)
    entry: int = 0
    exit: int = 0
    raise_exit: int = 0
    condition_keys: dict[str, int] = field(default_factory=dict)
    is_whole: bool = True
    learned: set[str] = field(default_factory=set)
    _repeated: dict[int, bool] = field(default_factory=dict)

    def repeats(self, block: Block) -> bool:
        """Whether a path can come back to a block: it is in a loop."""
        found = self._repeated.get(block.id)
        if found is None:
            seen: set[int] = set()
            todo = [block.id]
            while todo:
                for edge in self.blocks[todo.pop()].edges():
                    if edge.target not in seen:
                        seen.add(edge.target)
                        todo.append(edge.target)
            found = self._repeated[block.id] = block.id in seen
        return found

    def as_text(self) -> str:
        """Render the graph for people: one paragraph a block."""
        from lintdb.flow.debug import render_cfg  # rendering is loaded only when somebody debugs

        return render_cfg(self)
