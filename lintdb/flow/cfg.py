"""The control flow graph of one function.

A block is a run of operations that share one *landing*: the block where an exception of any of them goes. So a block
does not end at each call; the edge kind RAISE leaves from every operation that may raise. There is one landing per
`try` (its dispatch block), and `finally` bodies and `with` exits are copied once per way of leaving, so that no path
enters by an exception and leaves by a `return`.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
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
    """All blocks of a function; `entry`, `exit` and `raise_exit` are ids."""

    function: FunctionInfo
    blocks: list[Block] = field(default_factory=list)
    entry: int = 0
    exit: int = 0
    raise_exit: int = 0
    condition_keys: dict[str, int] = field(default_factory=dict)
    is_complete: bool = True

    def live_names(self) -> list[frozenset[str]]:
        """Return for each block the names that may still be read when it begins or later."""
        from lintdb.flow.uses import block_names

        return self._backward(block_names)

    def live_tests(self) -> list[frozenset[str]]:
        """Return for each block the names (and, with a `?`, the conditions) that may still decide something."""
        from lintdb.flow.uses import test_names

        return self._backward(test_names)

    def _backward(self, names_of: Callable[[Block], tuple[set[str], set[str]]]) -> list[frozenset[str]]:
        """Liveness of what *names_of* says a block reads and writes.

        An exception may leave a block in its middle, so what its landing reads is live throughout the block.
        """
        uses: list[set[str]] = []
        kills: list[set[str]] = []
        for block in self.blocks:
            used, killed = names_of(block)
            uses.append(used)
            kills.append(killed)
        live: list[set[str]] = [set(used) for used in uses]
        successors = [[edge.target for edge in block.edges()] for block in self.blocks]
        predecessors: list[list[int]] = [[] for _ in self.blocks]
        for source, targets in enumerate(successors):
            for target in targets:
                predecessors[target].append(source)
        todo = list(range(len(self.blocks)))
        queued = set(todo)
        while todo:
            current = todo.pop()
            queued.discard(current)
            block = self.blocks[current]
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

    def as_text(self) -> str:
        """Render the graph for people: one paragraph a block."""
        from lintdb.flow.debug import render_cfg

        return render_cfg(self)
