"""What a generator of programs knows at a point of the program that it writes."""

from __future__ import annotations

from dataclasses import dataclass, replace

OPEN, MAYBE, NOTHING, OWNER = "open", "maybe", "nothing", "owner"


@dataclass(frozen=True)
class Scope:
    """What is known at a point: the names that are bound to connections and cursors, and where we are."""

    connections: tuple[tuple[str, str], ...] = ()
    cursors: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    is_in_loop: bool = False
    is_in_finally: bool = False
    is_in_handler: bool = False
    is_ended: bool = False

    def bind(self, name: str, state: str) -> Scope:
        kept = tuple(each for each in self.connections if each[0] != name)
        return replace(self, connections=(*kept, (name, state)))

    def join(self, other: Scope) -> Scope:
        """What is known after either."""
        if self.is_ended:
            return replace(other, is_in_loop=self.is_in_loop)
        if other.is_ended:
            return self
        there = dict(other.connections)
        joined = []
        for name, state in self.connections:
            if name in there:
                joined.append((name, _either(state, there[name])))
        return replace(
            self,
            connections=tuple(each for each in joined if each[1] != ""),
            cursors=tuple(each for each in self.cursors if each in other.cursors),
            flags=tuple(each for each in self.flags if each in other.flags),
        )


def _either(first: str, second: str) -> str:
    if first == second:
        return first
    return "" if OWNER in (first, second) else MAYBE


@dataclass
class Block:
    """Lines of code and what is known after them."""

    lines: list[str]
    scope: Scope


def narrow(scope: Scope, condition: str) -> tuple[Scope, Scope]:
    """What is known where a condition holds, and where it does not."""
    for name, state in scope.connections:
        if state not in (MAYBE, NOTHING):
            continue
        present, absent = scope.bind(name, OPEN if state == MAYBE else NOTHING), scope.bind(name, NOTHING)
        if condition in (name, f"{name} is not None"):
            return present, absent
        if condition in (f"not {name}", f"{name} is None"):
            return absent, present
    return scope, scope


def uncertain(before: Scope, after: Scope) -> Scope:
    """What is known when the code between may have run in part."""
    there = dict(after.connections)
    kept = tuple(
        (name, state if there.get(name, state) == state else MAYBE)
        for name, state in before.connections
        if OWNER not in (state, there.get(name, state)) or there.get(name, state) == state
    )
    return replace(before, connections=kept)


def outer(inner: Scope, outer: Scope, *, is_ended: bool) -> Scope:
    return replace(
        inner,
        is_ended=is_ended,
        is_in_loop=outer.is_in_loop,
        is_in_finally=outer.is_in_finally,
        is_in_handler=outer.is_in_handler,
    )


def indent(lines: list[str]) -> list[str]:
    return [f"    {line}" for line in lines]
