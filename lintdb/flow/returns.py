"""What a callee gives, brought into a state of its caller."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from lintdb.effects import Duty
from lintdb.flow import ir
from lintdb.flow.objects import Path, fields_of, parts_of
from lintdb.flow.sites import Site
from lintdb.flow.state import State
from lintdb.flow.summaries import Outcome, is_known_to_other, is_passed
from lintdb.flow.values import (
    GIVEN_OBJECT,
    MADE_OBJECT,
    OWN_OBJECT,
    Instance,
    Literal,
    Many,
    Name,
    Outside,
    Part,
    Ref,
    Rid,
    Row,
    SiteKey,
    Status,
    Tally,
    Truthiness,
    Value,
    prefix_of,
)
from lintdb.syntax.constructed import set_later
from lintdb.syntax.names import ClassInfo, FunctionInfo

if TYPE_CHECKING:
    from lintdb.flow.local_calls import LocalCalls


class Return:
    """One outcome of a callee, brought into a state of the caller: fresh resources are acquired there, once."""

    def __init__(
        self,
        caller: LocalCalls,
        op: ir.CallOp,
        info: FunctionInfo,
        outcome: Outcome,
        state: State,
        *,
        maker: str,
        instance: Instance | None,
        parts: Mapping[Part, Path],
        is_own: bool,
        outside: Outside | None = None,
    ) -> None:
        self.caller = caller
        self.op = op
        self.info = info
        self.outcome = outcome
        self.state = state
        self.maker = maker
        self.instance = instance
        self.is_own = is_own
        self.kept_as = outcome.kept_as if is_own else ""
        self.outside = outside
        self.parts = parts
        self.statuses = dict(outcome.statuses)
        self.given = caller.objects_given.get(op.index, {})
        self.objects = {
            known.id: value
            for known, value in self.given.items()
            if isinstance(known, Instance) and known.id <= GIVEN_OBJECT and not known.path
        }
        known_parts = {each.part: parts_of(each.part, state) for each in self.objects.values()}
        if instance is not None:
            known_parts[instance.part] = dict(parts)
        self.known_parts = known_parts
        self.places = {root: {path: part for part, path in paths.items()} for root, paths in known_parts.items()}
        self.fresh: dict[Rid, Ref] = {}

    def bind(self, target: str) -> None:
        """Bind the callee's result, and the attributes of the object."""
        value = self.outcome.value
        result = self._kept_outside()
        if result is None and isinstance(value, Instance) and value.id >= 0:
            result = self._object(value.owner)
        elif result is None:
            result = self._value(value)
        if result is None and not self.outcome.is_raise:
            result = self.caller.typed_result(self.op, self.info, self.state)
        if self.instance is not None:
            self._forget_fields(self.instance)
            for name, value in self.outcome.fields:
                self._set_field(self.instance.part, name, value)
            if self.state.is_away(self.instance):
                self.state.hand_over(self.instance)
        elif self.is_own:
            for name, held in self.outcome.fields:
                self.state.set_name(f"self.{name}", held)
        self._bind_given()
        if self.kept_as and isinstance(result, Ref):
            # Both names are known to mean the same thing: `conn = self.connect()`, and later `self.conn.rollback()`.
            self.state.set_name(f"self.{self.kept_as}", result)
        self.state.set_name(target, result)

    def _bind_given(self) -> None:
        """Bind the attributes of the objects that the callee was given."""
        for number, fields in self.outcome.given:
            given = self.objects.get(number)
            if given is not None:
                for field in list(fields_of(self.known_parts[given.part], self.state)):
                    if is_known_to_other(field.value) or self._may_be_set(field.attribute, given.owner):
                        del self.state.env[prefix_of(field.holder) + field.attribute]
                for name, value in fields:
                    self._set_field(given.part, name, value)

    def _may_be_set(self, attribute: str, owner: ClassInfo) -> bool:
        """Whether the callee may give an attribute of an object another value, by all that its module does."""
        peers = self.caller.types.peers
        for index in {self.info.index, *(each.index for each in owner.lineage)}:
            later = peers.memo.get(("set later", index.name), functools.partial(set_later, index))
            if later is None or attribute in later:
                return True
        return False

    def _kept_outside(self) -> Value | None:
        """What `Store.get()` has put into an attribute of somebody else's object, and gives: what that holds now."""
        if self.outside is None or not self.outcome.kept_as:
            return None
        held = self.caller.attribute(self.outside, self.outcome.kept_as, self.state)
        if not isinstance(held, Ref):
            return None
        self.state.update(held.rid, is_there=True)
        return held

    def _forget_fields(self, instance: Instance) -> None:
        """What the callee did not get to know is as it was."""
        reached = self.caller.reached_by(self.info, instance)
        for field in list(fields_of(self.parts, self.state)):
            if is_passed(field, reached):
                del self.state.env[prefix_of(field.holder) + field.attribute]

    def _set_field(self, root: Part, name: str, value: Value) -> None:
        """Bind an attribute of an object, or of one in it."""
        *path, attribute = name.split(".")
        holder = self._part(root, tuple(path))
        self.state.set_name(prefix_of(holder) + attribute, self._value(value))

    def _part(self, root: Part, path: tuple[str, ...]) -> Part:
        """Return what the caller calls an object that the callee finds in one of the caller's."""
        known = self.places.get(root, {}).get(path)
        return known or (root[0], (*root[1], *path))

    def _object(self, owner: ClassInfo) -> Instance:
        """An object that the callee made, as one that its call made."""
        instance = Instance(self.op.index, owner)
        self.caller.drop_object(instance, self.state)
        for name, field in self.outcome.made:
            self._set_field(instance.part, name, field)
        return instance

    def _value(self, value: Value | None) -> Value | None:
        if isinstance(value, (Literal, Truthiness, Name, Outside)):
            return value
        if isinstance(value, Tally):
            return value if self.state.status(value.of) is not None else None
        if isinstance(value, Row):
            # Where there is no row, the caller has none.
            self.caller.values_seen.rows.setdefault(self.op.index, self.op.node)
            self.state.note(self.op.node, "row", self.op.index)
            return Row(self.op.index, value.is_missing)
        if isinstance(value, Many) and value in self.given:
            return self.given[value]
        if isinstance(value, Many):
            return Many(tuple(map(self._value, value.items)), value.is_sequence, of_type=value.of_type)
        if isinstance(value, Ref):
            return self._resource(value.rid)
        if isinstance(value, Instance):
            return self._known_object(value)
        return None

    def _known_object(self, value: Instance) -> Instance | None:
        """The object whose method was called, or the one that was made, or what is in them."""
        if value.id == MADE_OBJECT:
            return replace(value, id=self.op.index)
        known = self.instance if value.id == OWN_OBJECT else self.objects.get(value.id)
        if known is None:
            return None
        number, path = self._part(known.part, value.path)
        return replace(value, id=number, path=path) if value.path else known

    def _resource(self, rid: Rid) -> Ref | None:
        if self.state.status(rid) is not None:
            return Ref(rid)
        if self.caller.is_staged:
            return None  # the callee does not get the real thing
        if rid not in self.fresh:
            status = self.statuses.get(rid)
            if status is None:
                return None
            owner = self._resource(status.parent) if status.parent is not None else None
            made = self._make(status._replace(parent=owner.rid if owner is not None else None))
            self.fresh[rid] = made
        return self.fresh[rid]

    def _make(self, status: Status) -> Ref:
        op = self.op
        number = len(self.fresh)
        if self._begins_anew(status):
            status = status._replace(phase="open", owed=True, used=False, pending=-1, begun=-1, holds=False)
        if status.phase == "open" and status.owed:
            pending = op.index if status.pending >= 0 else -1
            begun = op.index if status.begun >= 0 else -1
            carried = status._replace(
                pending=pending,
                failed=-1,
                raised=False,
                shared=False,
                visited=-1,
                low=0,
                cut=False,
                begun=begun,
                switched=-1,
                kept=False,
            )
            return self.caller.acquire_as(op, carried, self.state, number=number, maker=self.maker)
        key: SiteKey = ("given", op.index, number)
        self.caller.sites.setdefault(key, Site(op.node, status.kind, giver=self.info))
        self.state.resources[key, 0] = Status(
            status.kind,
            owed=False,
            autocommit=status.autocommit,
            parts_mode=status.parts_mode,
            parent=status.parent,
            keeps_parent=status.keeps_parent,
            goes_with_parent=status.goes_with_parent,
            phase="open" if self.kept_as and status.phase == "gone" else status.phase,
            outlives=status.outlives,
        )
        return Ref((key, 0))

    def _begins_anew(self, status: Status) -> bool:
        """`with Session(engine) as session: return session`: it takes a connection again with its next statement."""
        kind = self.caller.kind_of(status)
        is_session = kind is not None and kind.family == "session" and kind.reusable and kind.is_lazy
        return is_session and kind is not None and kind.duty is Duty.MUST and status.phase == "released"
