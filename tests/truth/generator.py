"""Makes programs that use sqlite3 as people do, well and badly, from a seed.

A program is a few helpers and one function, `subject`. Names are bound before they are used, and what may be None is
tested before it is called: such mistakes would end a path for reasons that are not the point.
"""

from __future__ import annotations

import random

from tests.truth.library import HEADER, HELPERS, NEEDS, PARAMETERS
from tests.truth.scope import MAYBE, OPEN, Block, Scope, indent
from tests.truth.shapes import Shapes


class Generator(Shapes):
    """One program's worth of decisions."""

    def program(self) -> str:
        """Return the text of a program."""
        parameters = list(PARAMETERS)
        scope = Scope()
        if self.rng.random() < 0.25:
            parameters.append("given: sqlite3.Connection")
            scope = scope.bind("given", OPEN)
        elif self.rng.random() < 0.08:
            parameters.append("given=None")
            scope = scope.bind("given", MAYBE)
        body = self._body(scope)
        text = "\n".join(body)
        used = [each for each in parameters if each.partition(":")[0].partition("=")[0] in text]
        decorator = ""
        if "yield" in text and self.rng.random() < 0.7:
            decorator = "@contextmanager\n"
        word = "async def" if self.is_async else "def"
        function = f"\n\n{decorator}{word} subject({', '.join(used)}):\n{text}\n"
        named = [name for name in HELPERS if f"{name}(" in text]
        needed = {*named, *(NEEDS[name] for name in named if name in NEEDS)}
        helpers = "".join(f"\n{HELPERS[name]}" for name in HELPERS if name in needed)
        return HEADER + helpers + function

    def _body(self, scope: Scope) -> list[str]:
        block = self._block(scope, depth=0, size=self.rng.randint(2, 5))
        lines = block.lines
        after = block.scope
        if not after.is_ended:
            for name, state in after.connections:
                if name != "given" and self.rng.random() < 0.6:
                    lines += self._close(name, state)
            if self.rng.random() < 0.3:
                lines += self._return(after).lines
        return indent(lines)

    def _block(self, scope: Scope, *, depth: int, size: int) -> Block:
        lines: list[str] = []
        current = scope
        for _ in range(size):
            if current.is_ended:
                break
            made = self._statement(current, depth)
            lines += made.lines
            current = made.scope
        return Block(lines or ["pass"], current)

    def _statement(self, scope: Scope, depth: int) -> Block:
        self.budget -= 1
        simple = [(self._use, 8), (self._release, 3), (self._plain, 2), (self._alias, 1), (self._give_away, 0.5)]
        simple += [(self._acquire, 7 if not scope.connections else 2), (self._cursor, 1.5), (self._leave, 0.8)]
        nested = [
            (self._if, 3),
            (self._try, 6),
            (self._with, 5),
            (self._for, 2),
            (self._while, 0.8),
            (self._match, 0.6),
        ]
        is_given = ("given", OPEN) in scope.connections
        nested += [(self._unit, 2.5 if is_given else 0.7), (self._begun, 2.5 if is_given else 0.3), (self._guarded, 4)]
        nested += [(self._work, 8 if is_given else 0.3)]
        nested += [(self._nested_function, 0.5), (self._yield, 0.3), (self._shape, 6)]
        options = simple if depth >= 4 or self.budget <= 0 else simple + nested
        [(make, _)] = self.rng.choices(options, [weight for _, weight in options])
        return make(scope, depth)


def generate(seed: int) -> str:
    """Return the program of a seed: always the same text."""
    rng = random.Random(seed)
    return Generator(rng, budget=rng.randint(3, 15), is_async=rng.random() < 0.15).program()
