"""Makes the statements of a program that hold no others."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace

from tests.truth.library import READS, WRITES
from tests.truth.scope import MAYBE, NOTHING, OPEN, OWNER, Block, Scope, indent


@dataclass
class Statements(ABC):
    """Simple statements, and names."""

    rng: random.Random
    names: int = 0
    budget: int = 22
    has_match: bool = False
    is_async: bool = False

    @abstractmethod
    def _block(self, scope: Scope, *, depth: int, size: int) -> Block:
        """Make a block of up to *size* statements."""

    def _connect(self) -> tuple[str, str]:
        """Return an expression that opens, and what its value may be."""
        path = self.rng.choice(["path", "path", "other_path"])
        if self.is_async and self.rng.random() < 0.15:
            return f"await {self._helper('open_later')}({path}, work)", OPEN
        kind = self.rng.choices(
            ["plain", "make", "make_safely", "make_or_none", "try_make", "conditional", "owner", "wrapped"],
            [12, 2, 1, 1.2, 1, 1, 1.2, 0.8],
        )[0]
        if kind in ("make", "make_safely", "try_make"):
            return f"{self._helper(kind)}({path})", MAYBE if kind == "try_make" else OPEN
        if kind == "make_or_none":
            return f"{self._helper(kind)}({path}, wanted)", MAYBE
        if kind == "conditional":
            return f"sqlite3.connect({path}) if {self._flag()} else None", MAYBE
        if kind == "owner":
            return f"{self._helper('Store')}({path})", OWNER
        if kind == "wrapped":
            return f"{self._helper('Recorder')}(sqlite3.connect({path}))", OWNER
        return f"sqlite3.connect({path})", OPEN

    def _acquire(self, scope: Scope, depth: int) -> Block:
        if self.rng.random() < 0.12:
            name = self._new_name(scope)
            return Block([f"{name} = None"], scope.bind(name, NOTHING))
        name = self._new_name(scope)
        value, state = self._connect()
        after = scope.bind(name, state)
        if self.rng.random() < 0.06 and state != OWNER:
            flag = "is_open" if self.rng.random() < 0.5 else "ready"
            before = [f"{flag} = False"] if flag not in scope.flags else []
            return Block([*before, f"{name} = {value}", f"{flag} = True"], replace(after, flags=(*scope.flags, flag)))
        if self.rng.random() < 0.05:
            return Block([value if state != OWNER else f"{name} = {value}"], scope if state != OWNER else after)
        return Block([f"{name} = {value}"], after)

    def _use(self, scope: Scope, depth: int) -> Block:
        name = self._pick(scope, (OPEN, OWNER, MAYBE))
        roll = self.rng.random()
        if name is None or roll < 0.18:
            return Block([self._opaque_call()], scope)
        state = dict(scope.connections)[name]
        lines = self._use_lines(name, state)
        if state == MAYBE:
            lines = [self.rng.choice([f"if {name}:", f"if {name} is not None:"]), *indent(lines)]
        return Block(lines, scope)

    def _use_lines(self, name: str, state: str) -> list[str]:
        sql = self.rng.choice(READS + WRITES)
        if state == OWNER:
            return [f"{name}.conn.execute({sql!r})"]
        return [
            self.rng.choices(
                [
                    f"{name}.execute({sql!r})",
                    f"rows = {name}.execute({self.rng.choice(READS)!r}).fetchall()",
                    f"row = {name}.execute({self.rng.choice(READS)!r}).fetchone()",
                    f"{name}.commit()",
                    f"{name}.rollback()",
                    f"{self._helper('count')}({name})",
                    f"{self._helper('count_safely')}({name})",
                    f"{self._helper('store')}({name}, number)",
                    f"{name}.row_factory = sqlite3.Row",
                    f"changes = {name}.total_changes",
                    f"{name}.cursor().execute({sql!r})",
                    f"values = [row[0] for row in {name}.execute({self.rng.choice(READS)!r})]",
                ],
                [8, 2, 1, 2, 0.6, 1, 1, 0.7, 0.5, 0.5, 0.7, 0.7],
            )[0]
        ]

    def _opaque_call(self) -> str:
        if self.is_async and self.rng.random() < 0.6:
            return self.rng.choice(["await work()", "await work()", "result = await work()", "await check(number)"])
        return self.rng.choice(
            ["work()", "work()", "check(number)", "result = work()", "log.info('working')", "total = number + 1",
             "values = [work(item) for item in items]", "assert flag", "print('working')"]
        )  # fmt: skip

    def _plain(self, scope: Scope, depth: int) -> Block:
        if self.rng.random() < 0.3:
            flag = self.rng.choice(["is_open", "ready"])
            value = self.rng.choice(["True", "False", "flag"])
            return Block([f"{flag} = {value}"], replace(scope, flags=(*scope.flags, flag)))
        return Block([self._opaque_call()], scope)

    def _alias(self, scope: Scope, depth: int) -> Block:
        name = self._pick(scope, (OPEN, MAYBE))
        if name is None:
            return self._use(scope, depth)
        other = "given_too" if name == "given" else self._new_name(scope)
        return Block([f"{other} = {name}"], scope.bind(other, dict(scope.connections)[name]))

    def _cursor(self, scope: Scope, depth: int) -> Block:
        if scope.cursors and self.rng.random() < 0.6:
            cursor = self.rng.choice(scope.cursors)
            line = self.rng.choice(
                [f"{cursor}.execute({self.rng.choice(READS + WRITES)!r})", f"{cursor}.fetchall()", f"{cursor}.close()"]
            )
            return Block([line], scope)
        name = self._pick(scope, (OPEN,))
        if name is None:
            return self._acquire(scope, depth)
        return Block([f"cur = {name}.cursor()"], replace(scope, cursors=(*scope.cursors, "cur")))

    def _release(self, scope: Scope, depth: int) -> Block:
        name = self._pick(scope, (OPEN, MAYBE, OWNER))
        if name is None:
            return self._use(scope, depth)
        if name == "given" and self.rng.random() < 0.9:
            return self._use(scope, depth)
        state = dict(scope.connections)[name]
        lines = self._close(name, state)
        if name == "given":
            return Block(
                lines, replace(scope, connections=tuple(each for each in scope.connections if each[0] != name))
            )
        if scope.flags and self.rng.random() < 0.3:
            lines = [f"if {self.rng.choice(scope.flags)}:", *indent(lines)]
            return Block(lines, scope)
        if self.rng.random() < 0.25 and state != OWNER:
            return Block([*lines, f"{name} = None"], scope.bind(name, NOTHING))
        kept = tuple(each for each in scope.connections if each[0] != name)
        return Block(lines, replace(scope, connections=kept if self.rng.random() < 0.8 else scope.connections))

    def _close(self, name: str, state: str) -> list[str]:
        if state == MAYBE or (state == OPEN and self.rng.random() < 0.08):
            return self.rng.choice(
                [
                    [f"if {name}:", f"    {name}.close()"],
                    [f"if {name} is not None:", f"    {name}.close()"],
                    [f"if {name} is None:", "    log.info('nothing to close')", "else:", f"    {name}.close()"],
                    [f"{self._helper('shut_if_open')}({name})"],
                    [f"{name} and {name}.close()"],
                    [f"if not {name}:", f"    {name} = None", "else:", f"    {name}.close()"],
                ]
            )
        if state == NOTHING:
            return [f"if {name} is not None:", f"    {name}.close()"]
        if state == OWNER:
            return [f"{name}.close()"]
        return self.rng.choices(
            [
                [f"{name}.close()"],
                [f"{self._helper('shut')}({name})"],
                [f"{self._helper('shut_quietly')}({name})"],
                [f"{self._helper('shut_if')}({name}, wanted)"],
                ["with suppress(sqlite3.Error):", f"    {name}.close()"],
                ["try:", f"    {name}.close()", "except sqlite3.Error:", "    log.warning('not closed')"],
                [f"with closing({name}):", "    pass"],
                [f"{name}.commit()", f"{name}.close()"],
            ],
            [10, 1, 1, 0.4, 0.5, 0.4, 0.4, 1],
        )[0]

    def _give_away(self, scope: Scope, depth: int) -> Block:
        name = self._pick(scope, (OPEN,))
        if name is None or name == "given":
            return self._plain(scope, depth)
        return Block(
            [
                self.rng.choice(
                    [
                        f"work({name})",
                        f"{self._helper('keep')}({name})",
                        f"sink.append({name})",
                        f"sink.conn = {name}",
                        f"sink['a'] = {name}",
                    ]
                )
            ],
            scope,
        )

    def _leave(self, scope: Scope, depth: int) -> Block:
        if depth == 0 and self.rng.random() < 0.7:
            return self._use(scope, depth)
        if scope.is_in_finally and self.rng.random() < 0.85:
            return self._use(scope, depth)
        options = ["return", "return", "raise"]
        if scope.is_in_loop:
            options += ["break", "continue", "break", "continue"]
        what = self.rng.choice(options)
        if what == "return":
            return self._return(scope)
        ended = replace(scope, is_ended=True)
        return Block(["raise ValueError('stop')" if what == "raise" else what], ended)

    def _return(self, scope: Scope) -> Block:
        ended = replace(scope, is_ended=True)
        name = self._pick(scope, (OPEN, MAYBE, OWNER))
        if name is not None and self.rng.random() < 0.3:
            state = dict(scope.connections)[name]
            options = [f"return {name}", f"return {name}, number"]
            if state == OPEN:
                options.append(f"return {name}.execute('select 1').fetchall()")
                options.append(f"return {self._helper('Recorder')}({name})")
            return Block([self.rng.choice(options)], ended)
        return Block([self.rng.choice(["return", "return None", "return number", "return work()"])], ended)

    # Names.

    def _pick(self, scope: Scope, states: tuple[str, ...], *, but: str = "") -> str | None:
        """Return a name in one of some states that does not begin with *but*."""
        names = [name for name, state in scope.connections if state in states and not (but and name.startswith(but))]
        return self.rng.choice(names) if names else None

    def _new_name(self, scope: Scope) -> str:
        if scope.connections and self.rng.random() < 0.1:
            reused = [name for name, state in scope.connections if name != "given"]
            if reused:
                return self.rng.choice(reused)
        taken = {name for name, _ in scope.connections}
        free = [name for name in ("conn", "db", "other", "third", "fourth") if name not in taken]
        if free:
            return free[0]
        self.names += 1
        return f"conn{self.names}"

    def _flag(self) -> str:
        return self.rng.choice(["flag", "flag", "urgent"])

    def _helper(self, name: str) -> str:
        """A name whose definition is put above the function that uses it."""
        return name
