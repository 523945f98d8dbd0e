"""Whose it is what methods of objects open: that of their users, or the defect of their class."""

from __future__ import annotations

from abc import ABC
from collections.abc import Collection, Iterable

from lintdb.flow.containers import Containers
from lintdb.flow.objects import attributes_of
from lintdb.flow.returns import Return
from lintdb.flow.sites import Receiver
from lintdb.flow.state import State
from lintdb.flow.values import (
    Instance,
    Outside,
    Ref,
    Rid,
    Value,
)


class Owners(Containers, ABC):
    """What a call of a method leaves in its object, and who owes the release of it."""

    @staticmethod
    def drop_object(instance: Instance, state: State) -> None:
        """The object that a call made before is somebody else's now, or dropped."""
        if any(instance in held for held in state.boxes.values()):
            # A container has it, and releases it in a way that this object's name cannot tell.
            state.escape(instance, with_parents=True)
        state.forget_fields(instance)

    def note_classes(self, receiver: Receiver, end: Return, state: State, target: str) -> None:
        """Remember the class in whose object something is that a call has opened, else the one whose method gave it."""
        made = {ref.rid for ref in end.fresh.values()}
        for each in (receiver, state.env.get(target)) if made else ():
            if isinstance(each, Instance):
                for rid in made.intersection(state.refs(each)):
                    names = (name for name, value in attributes_of(each.part, state) if rid in state.refs(value))
                    self.objects.holders[rid[0]] = each, next(names, "")
        giver = receiver.owner if isinstance(receiver, (Instance, Outside)) else end.info.owner
        if giver is not None:
            self.objects.givers.update((rid[0], giver) for rid in made)

    def leave_replaced(self, instance: Instance, before: State, state: State) -> None:
        """A method of an object has put something else in the place of what is still open: the defect of its class.

        Its user owes the release of one: of what the object has now, from where it was made.
        """
        now = dict(attributes_of(instance.part, state))
        for name, value in attributes_of(instance.part, before):
            new = now.get(name)
            if not isinstance(value, Ref) or not isinstance(new, Ref) or value.rid == new.rid:
                continue
            old, fresh = state.status(value.rid), state.status(new.rid)
            if old is None or fresh is None or old.phase != "open" or value.rid in state.reached():
                continue
            is_alike = fresh.phase == "open" and fresh.kind == old.kind and new.rid not in before.resources
            is_idle = old.pending < 0 and old.begun < 0 and not _is_at_work(value.rid, now.values(), state)
            if is_alike and is_idle and _goes_on_as(value.rid, new.rid, state):
                continue
            if instance.owner.index is self.function.index:
                state.escape_one(value.rid, with_parents=False)
            else:
                self.objects.without_release.add(value.rid[0])

    def leave_to_class(self, instance: Instance | None, maker: str, state: State, *, is_made: bool) -> None:
        """What a method of an object has opened, and none of its class closes: the defect of that, not of its user.

        So it is with what its `__del__` releases, beside nothing else or when the object is made. Where the class is
        in another file, this one has nothing to show but the user that drops it, errors or not.
        """
        if instance is None:
            return
        reached = self.program.classes.reached_by_releases(instance.owner, beside_del=not is_made)
        if reached is None:
            return
        held = attributes_of(instance.part, state)
        kept = {name: list(state.refs(value)) for name, value in held}
        in_reach = {rid for name, rids in kept.items() if name in reached for rid in rids}
        in_attributes = set().union(*kept.values())
        for name, refs in kept.items():
            if name in reached:
                continue
            found = [rid for rid in refs if rid not in in_reach and self._is_made_by(maker, rid)]
            owners = [
                rid for rid in _owners_of(refs, state) if rid not in in_attributes and self._is_made_by(maker, rid)
            ]
            if not (found or owners) or not (is_made or self.program.classes.is_left_to_class(instance.owner, name)):
                continue
            for rid in owners:
                state.update(rid, owed=False)  # what was made with it is told of
            if instance.owner.index is self.function.index:
                for rid in found:
                    state.escape_one(rid, with_parents=False)
            else:
                self.objects.without_release.update(rid[0] for rid in found)

    def _is_made_by(self, maker: str, rid: Rid) -> bool:
        site = self.sites.get(rid[0])
        return site is not None and site.maker == maker


def _owners_of(made: Iterable[Rid], state: State) -> list[Rid]:
    """Return what some resources were made with, and that with what: an engine is left with its connection."""
    found: list[Rid] = []
    todo = list(made)
    while todo:
        status = state.status(todo.pop())
        if status is not None and status.parent is not None and status.parent not in found:
            found.append(status.parent)
            todo.append(status.parent)
    return found


def _is_at_work(rid: Rid, held: Collection[Value], state: State) -> bool:
    """Whether something that belongs to a resource is in use, beside what its object has: `rows`, a block of work."""
    own = {each.rid for each in held if isinstance(each, Ref)}
    return any(status.parent == rid and other not in own for other, status in state.resources.items())


def _goes_on_as(old: Rid, new: Rid, state: State) -> bool:
    """Have a resource that takes the place of another one be known as that, if nothing holds it in another way."""
    holders = {name: value for name, value in state.env.items() if new in state.refs(value)}
    names = [name for name, value in holders.items() if value == Ref(new)]
    if any(not isinstance(value, (Ref, Instance)) for value in holders.values()):
        return False
    before, after = state.resources[old], state.resources.pop(new)
    state.env.update(dict.fromkeys(names, Ref(old)))
    state.resources[old] = after._replace(owed=before.owed, parent=before.parent)
    for rid, status in list(state.resources.items()):
        if status.parent == new:
            state.resources[rid] = status._replace(parent=old)
    return True
