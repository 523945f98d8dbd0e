"""Makes units of work: several writes that belong together, what ends them, and what a failure leaves."""

from __future__ import annotations

from tests.truth.compound import Compounds
from tests.truth.library import READS, WRITES
from tests.truth.scope import OPEN, Block, Scope, indent


class Transactions(Compounds):
    """Units of work; each method takes and gives what the statements of the bases do."""

    def _unit(self, scope: Scope, depth: int) -> Block:
        """Writes, a commit, and a handler that rolls back, or not."""
        name = "given" if ("given", OPEN) in scope.connections else self._pick(scope, (OPEN,))
        if name is None:
            return self._acquire(scope, depth)
        writes = [f"{name}.execute({self.rng.choice(WRITES)!r})" for _ in range(self.rng.randint(1, 2))]
        if self.rng.random() < 0.3:
            writes.append(self._opaque_call())
        if self.rng.random() < 0.8:
            writes.append(f"{name}.commit()")
        error = self.rng.choice(["sqlite3.Error", "sqlite3.Error", "Exception", "sqlite3.IntegrityError", "ValueError"])
        handler = [f"{name}.rollback()"] if self.rng.random() < 0.5 else ["log.exception('failed')"]
        if self.rng.random() < 0.5:
            handler.append("raise")
        lines = ["try:", *indent(writes), f"except {error}:", *indent(handler)]
        return Block(lines, scope)

    def _begun(self, scope: Scope, depth: int) -> Block:
        """A transaction that a statement begins, and another ends, or not."""
        name = "given" if ("given", OPEN) in scope.connections else self._pick(scope, (OPEN,))
        if name is None:
            name = self._new_name(scope)
            opened = [f"{name} = sqlite3.connect(path, isolation_level=None)"]
            scope = scope.bind(name, OPEN)
        else:
            opened = []
        ends = [f"{name}.execute('commit')", f"{name}.commit()", f"{name}.execute('rollback')"]
        body = self._block(scope, depth=max(depth + 1, 3), size=1).lines if self.rng.random() < 0.3 else []
        work = [f"{name}.execute({self.rng.choice(WRITES)!r})", *body]
        if self.rng.random() < 0.2:
            work.append(f"if {self._flag()}:")
            work += indent([self.rng.choice([*ends, "work()"]), "return None"])
        begin = f"{name}.execute({self.rng.choice(['begin', 'begin immediate'])!r})"
        if self.rng.random() < 0.25:
            return Block([*opened, begin, *work, self.rng.choice([*ends, "work()"])], scope)
        error = self.rng.choice(["sqlite3.Error", "sqlite3.Error", "Exception", "BaseException", "ValueError", ""])
        handler = [self.rng.choice([f"{name}.rollback()", f"{name}.execute('rollback')", "log.exception('failed')"])]
        if self.rng.random() < 0.7:
            handler.append("raise")
        is_late = self.rng.random() < 0.3
        tried = [*([] if is_late else [begin]), *work]
        last = [self.rng.choice(ends[:2])]
        end = ["else:", *indent(last)] if self.rng.random() < 0.3 else []
        lines = [*opened, *([begin] if is_late else []), "try:", *indent(tried if end else [*tried, *last])]
        return Block([*lines, f"except {error}:" if error else "except:", *indent(handler), *end], scope)

    def _work(self, scope: Scope, depth: int) -> Block:
        """Writes of one unit, in one `try`: in a loop or not, through a cursor or a helper, with all sorts of ends."""
        name = "given" if ("given", OPEN) in scope.connections else self._pick(scope, (OPEN,))
        if name is None:
            return self._acquire(scope, depth)
        is_in_round = self.rng.random() < 0.2
        lines: list[str] = []
        by = name
        if self.rng.random() < 0.2:
            by = "cur"
            lines.append(f"cur = {name}.cursor()")
        steps = [self._write(by, name) for _ in range(self.rng.choice([1, 2, 2, 3]))]
        if self.rng.random() < 0.2:
            steps.insert(self.rng.randint(0, len(steps)), [self._opaque_call()])
        tried = [line for step in steps for line in step]
        commit = self.rng.choice([f"{name}.commit()", f"{name}.commit()", f"{self._helper('save')}({name})"])
        where = self.rng.choices(["in", "else", "after", "nowhere"], [6, 2, 1, 0.5])[0]
        error = self.rng.choice(["sqlite3.Error", "sqlite3.Error", "Exception", "sqlite3.DatabaseError", ""])
        lines += ["try:", *indent([*tried, *([commit] if where == "in" else [])])]
        lines += [f"except {error}:" if error else "except:"]
        lines += indent(self._ending(name, is_in_round=is_in_round))
        if where == "else":
            lines += ["else:", *indent([commit])]
        elif where == "after":
            lines.append(commit)
        if is_in_round:
            lines = ["for item in items:", *indent(lines)]
        return Block(lines, scope)

    def _write(self, by: str, name: str) -> list[str]:
        """Lines that write: by a cursor or the connection, in rounds, if a flag says so, or through a helper."""
        write = f"{by}.execute({self.rng.choice(WRITES)!r})"
        many = f"{by}.executemany('insert into orders values (?)', items)"
        rounds = ["for each in items:", f"    {by}.execute('insert into orders values (?)', (each,))"]
        chosen = [f"if {self._flag()}:", f"    {write}"]
        read = [f"row = {by}.execute({self.rng.choice(READS)!r}).fetchone()", write]
        helped = [f"{self._helper('note')}({name}, number)"]
        return self.rng.choices([[write], [many], rounds, chosen, read, helped], [6, 1, 0.6, 1, 1, 1])[0]

    def _ending(self, name: str, *, is_in_round: bool) -> list[str]:
        """What a handler does with a unit that failed, and how it goes on."""
        undoes = [
            [f"{name}.rollback()"],
            [f"{self._helper('undo')}({name})"],
            [f"{self._helper('undo_quietly')}({name})"],
        ]
        keeps = [["log.exception('failed')"], [f"{self._helper('count_safely')}({name})"], ["ready = False"]]
        lines = self.rng.choice(undoes if self.rng.random() < 0.5 else keeps)
        ends = ["", "", "raise", "return None", "return False", "raise RuntimeError('failed')"]
        last = self.rng.choice([*ends, *(["continue", "break"] if is_in_round else [])])
        return [*lines, *([last] if last else [])]
