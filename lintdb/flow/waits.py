"""What waits for something else than a resource (a clock, another service, a person) while a unit of work is open."""

from __future__ import annotations

import libcst as cst

from lintdb.effects import Raises
from lintdb.flow import ir
from lintdb.flow.results import Wait
from lintdb.flow.state import State
from lintdb.flow.units import Units
from lintdb.flow.values import IN_BLOCK, Rid, Status
from lintdb.flow.verdicts import path_of


class Waits(Units):
    """Notes such waits, in the function itself and in those that it calls."""

    def wait(self, op: ir.WaitOp, state: State) -> None:
        """A call waits; in a handler or in clean-up, what has gone wrong matters more."""
        if not op.in_cleanup:
            self.note_wait(op.node, op.node, state, set())

    def note_wait(self, node: cst.CSTNode, inner: cst.CSTNode, state: State, ended: set[Rid]) -> None:
        """A call at *node* waits, at *inner*, which may be in a callee that can end the units of *ended* before."""
        self.values_seen.waits_at.setdefault(id(inner), inner)
        if self.is_for_caller or id(node) in self.values_seen.waits:
            return
        for rid, status in state.resources.items():
            since = self._open_since(rid, status) if rid not in ended else None
            kind = self.knowledge.kind(status.kind)
            if since is None or kind is None:
                continue
            site = self.sites.get(rid[0])
            self.values_seen.waits[id(node)] = Wait(
                node, inner, kind, site.name if site is not None else None, since, path_of(state)
            )
            return

    def _open_since(self, rid: Rid, status: Status) -> cst.CSTNode | None:
        """Return what opened the unit of work that is open on a resource for certain: the first write, or a begin."""
        if status.phase != "open" or status.failed >= 0:
            return None
        if rid in self.units.worked and status.begun >= 0:
            return self.units.worked[rid]
        pending = self.calls.get(status.pending)
        if status.pending >= 0 and status.in_unit and (pending is None or pending.model.raises is not Raises.NEVER):
            found = self.operations.get(status.pending)
            return found.node if found is not None else None
        begun = self.calls.get(status.begun) if status.begun not in (-1, IN_BLOCK) else None
        return begun.node if begun is not None and begun.model.sql is not None else None
