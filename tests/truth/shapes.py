"""Makes pieces of programs that are written as a whole: retries, closers, collections, flags, own classes."""

from __future__ import annotations

from dataclasses import replace

from tests.truth.library import READS, WRITES
from tests.truth.scope import MAYBE, OPEN, OWNER, Block, Scope, indent, outer, uncertain
from tests.truth.transactions import Transactions


class Shapes(Transactions):
    """Whole shapes; each takes and gives what the statements of its bases do."""

    def _shape(self, scope: Scope, depth: int) -> Block:
        makers = [self._retry, self._closer, self._collection, self._failed_flag, self._own_class, self._row_loop]
        makers += [self._stack_object, self._pair, self._match_value, self._by_text, self._kept_error, self._guard]
        makers += [self._nested_owner]
        return self.rng.choice(makers)(scope, depth)

    def _retry(self, scope: Scope, depth: int) -> Block:
        """A few tries, then give up."""
        name = self._new_name(scope)
        lines = [
            f"for attempt in {self.rng.choice(['range(3)', 'items'])}:",
            "    try:",
            f"        {name} = sqlite3.connect(path)",
            *(["        break"] if (is_early := self.rng.random() < 0.5) else []),
            f"    except {self.rng.choice(['sqlite3.OperationalError', 'sqlite3.Error'])}:",
            "        log.warning('trying again')",
            *([] if is_early else ["    else:", "        break"]),
            "else:",
            f"    {self.rng.choice(['return None', 'raise RuntimeError(path)'])}",
        ]
        return Block(lines, scope.bind(name, OPEN))

    def _closer(self, scope: Scope, depth: int) -> Block:
        """The release under another name, called where it is due."""
        name = self._pick(scope, (OPEN,))
        if name is None or name == "given":
            return self._acquire(scope, depth)
        made = self.rng.choice(
            [f"finish = {name}.close", f"finish = lambda: {name}.close()", f"finish = partial({name}.close)"]
        )
        body = self._block(scope, depth=max(depth + 1, 3), size=self.rng.randint(1, 2))
        kept = tuple(each for each in body.scope.connections if each[0] != name)
        after = outer(replace(body.scope, connections=kept), scope, is_ended=body.scope.is_ended)
        if self.rng.random() < 0.6:
            return Block([made, "try:", *indent(body.lines), "finally:", "    finish()"], after)
        return Block([made, *body.lines, *([] if body.scope.is_ended else ["finish()"])], after)

    def _collection(self, scope: Scope, depth: int) -> Block:
        """Several connections in a list or a dictionary, and a loop that closes them."""
        use = self.rng.choice(["work()", "check(number)", "log.info('working')"])
        roll = self.rng.random()
        if roll < 0.4:
            fill = ["opened = []"]
            inside = ["for item in items:", "    opened.append(sqlite3.connect(item))", use]
            last = ["for each in opened:", "    each.close()"]
        elif roll < 0.7:
            fill = ["opened = [sqlite3.connect(path), sqlite3.connect(other_path)]"]
            inside = [use, f"opened[0].execute({self.rng.choice(READS)!r})"]
            last = ["for each in opened:", "    each.close()"]
        else:
            fill = ["opened = {'a': sqlite3.connect(path)}"]
            inside = [f"opened['a'].execute({self.rng.choice(READS)!r})", use]
            last = ["for each in opened.values():", "    each.close()"]
        if self.rng.random() < 0.6:
            return Block([*fill, "try:", *indent(inside), "finally:", *indent(last)], scope)
        return Block([*fill, *inside, *(last if self.rng.random() < 0.7 else [])], scope)

    def _failed_flag(self, scope: Scope, depth: int) -> Block:
        """A flag says in `finally` whether all went well."""
        name = self._new_name(scope)
        inner = scope.bind(name, OPEN)
        body = self._block(inner, depth=max(depth + 1, 3), size=self.rng.randint(1, 2))
        lines = [f"{name} = sqlite3.connect(path)", "done = False", "try:"]
        lines += indent([*body.lines, *([] if body.scope.is_ended else [f"{name}.commit()", "done = True"])])
        how = self.rng.choice(["rollback", "close", "both"])
        if how == "rollback":
            last = ["if not done:", f"    {name}.rollback()", f"{name}.close()"]
        elif how == "close":
            last = ["if not done:", f"    {name}.close()"]
        else:
            last = ["if not done:", "    log.warning('failed')", f"{name}.close()"]
        lines += ["finally:", *indent(last)]
        if how == "close":
            state = dict(body.scope.connections).get(name, OPEN)
            after = body.scope.bind(name, state)
        else:
            kept = tuple(each for each in body.scope.connections if each[0] != name)
            after = replace(body.scope, connections=kept)
        return Block(lines, outer(after, scope, is_ended=body.scope.is_ended))

    def _own_class(self, scope: Scope, depth: int) -> Block:
        """Classes that own a connection: opened on entry, on demand, by a subclass."""
        name = self._new_name(scope)
        roll = self.rng.random()
        if roll < 0.4:
            body = self._block(scope.bind(name, OPEN), depth=depth + 1, size=self.rng.randint(1, 2))
            bound = dict(scope.connections)
            kept = tuple(each for each in body.scope.connections if each[0] in bound)
            after = outer(replace(body.scope, connections=kept), scope, is_ended=body.scope.is_ended)
            return Block([f"with {self._helper('Opened')}(path) as {name}:", *indent(body.lines)], after)
        if roll < 0.7:
            lines = [f"{name} = {self._helper('Archive')}(path)", f"{name}.add(number)"]
        else:
            lines = [f"{name} = {self._helper('Lazy')}(path)", f"{name}.get().execute({self.rng.choice(READS)!r})"]
        if self.rng.random() < 0.5:
            lines = [lines[0], "try:", f"    {lines[1]}", "finally:", f"    {name}.close()"]
        elif self.rng.random() < 0.6:
            lines.append(f"{name}.close()")
        kept = tuple(each for each in scope.connections if each[0] != name)
        return Block(lines, replace(scope, connections=kept))

    def _nested_owner(self, scope: Scope, depth: int) -> Block:
        """An object whose attribute owns a connection, released as a whole, through the attribute, or not at all."""
        name = self._new_name(scope)
        kind = self.rng.choice(["Ledger", "Keeper", "Office"])
        made = (
            f"{self._helper(kind)}({self._helper('Store')}(path))"
            if kind == "Keeper"
            else f"{self._helper(kind)}(path)"
        )
        uses = [f"{name}.add(number)", f"{name}.store.add(number)", f"{name}.store.conn.execute({READS[0]!r})"]
        use = [self.rng.choice([*uses, self._opaque_call()]) for _ in range(self.rng.randint(1, 2))]
        ends = [f"{name}.close()"] * 4 + [f"{name}.store.close()", f"{name}.store.conn.close()"]
        end = self.rng.choice(ends)
        roll = self.rng.random()
        kept = tuple(each for each in scope.connections if each[0] != name)
        after = replace(scope, connections=kept)
        if roll < 0.25:
            return Block([f"{name} = {made}", "try:", *indent(use), "finally:", f"    {end}"], after)
        if roll < 0.45:
            head = f"with {made} as {name}:" if self.rng.random() < 0.6 else f"with closing({made}) as {name}:"
            body = self._block(replace(after, is_in_finally=False), depth=max(depth + 1, 3), size=1)
            return Block([head, *indent([*use, *body.lines])], outer(body.scope, scope, is_ended=body.scope.is_ended))
        if roll < 0.6:
            return Block([f"{name} = {made}", f"inner = {name}.store", *use, "inner.close()"], after)
        if roll < 0.7:
            return Block([f"{name} = {made}", *use, f"return {name}"], replace(after, is_ended=True))
        return Block([f"{name} = {made}", *use, *([end] if roll < 0.9 else [])], after)

    def _row_loop(self, scope: Scope, depth: int) -> Block:
        """`while (row := cur.fetchone()) is not None:`"""
        name = self._pick(scope, (OPEN,))
        if name is None:
            return self._acquire(scope, depth)
        inner = replace(scope, is_in_loop=True)
        body = self._block(inner, depth=max(depth + 1, 3), size=1)
        head = self.rng.choice(["while (row := cur.fetchone()) is not None:", "while row := cur.fetchone():"])
        lines = [f"cur = {name}.execute({self.rng.choice(READS)!r})", head, *indent(body.lines)]
        if self.rng.random() < 0.2:
            lines += ["else:", f"    {self._opaque_call()}"]
        return Block(lines, outer(uncertain(scope, body.scope), scope, is_ended=False))

    def _stack_object(self, scope: Scope, depth: int) -> Block:
        """An ExitStack that is closed by hand, or handed on."""
        name = self._new_name(scope)
        opened = f"{name} = stack.enter_context(closing(sqlite3.connect(path)))"
        body = self._block(scope.bind(name, OPEN), depth=max(depth + 1, 3), size=1)
        kept = tuple(each for each in body.scope.connections if each[0] != name)
        after = outer(replace(body.scope, connections=kept), scope, is_ended=body.scope.is_ended)
        roll = self.rng.random()
        if roll < 0.5:
            lines = [
                "stack = ExitStack()",
                "try:",
                f"    {opened}",
                *indent(body.lines),
                "finally:",
                "    stack.close()",
            ]
            return Block(lines, after)
        if roll < 0.75:
            register = self.rng.choice([f"stack.callback({name}.close)", f"stack.push(closing({name}))"])
            lines = [f"{name} = sqlite3.connect(path)", register, *body.lines]
            return Block(["with ExitStack() as stack:", *indent(lines)], after)
        lines = [
            "with ExitStack() as stack:",
            f"    {opened}",
            f"    {self._opaque_call()}",
            "    return stack.pop_all()",
        ]
        return Block(lines, replace(scope, is_ended=True))

    def _pair(self, scope: Scope, depth: int) -> Block:
        """Several values at once."""
        name = self._new_name(scope)
        other = self._new_name(scope.bind(name, OPEN))
        roll = self.rng.random()
        if roll < 0.4:
            line = f"{name}, {other} = sqlite3.connect(path), sqlite3.connect(other_path)"
            return Block([line], scope.bind(name, OPEN).bind(other, OPEN))
        if roll < 0.7:
            line = f"{name}, cur = {self._helper('make_pair')}(path)"
            return Block([line], replace(scope.bind(name, OPEN), cursors=(*scope.cursors, "cur")))
        known = self._pick(scope, (OPEN,))
        if known is None or known == "given":
            return self._acquire(scope, depth)
        return Block([f"{name} = {self._helper('configured')}({known})"], scope.bind(name, OPEN))

    def _match_value(self, scope: Scope, depth: int) -> Block:
        """A `match` over what may be None, or with guards."""
        name = self._pick(scope, (MAYBE,))
        if self.has_match:
            return self._if(scope, depth)
        self.has_match = True
        if name is not None:
            last = self.rng.choice(["case _:", "case sqlite3.Connection():", "case found:"])
            inside = f"found.execute({READS[0]!r})" if "found" in last else f"{name}.execute({READS[1]!r})"
            lines = [
                f"match {name}:",
                "    case None:",
                f"        {self._opaque_call()}",
                f"    {last}",
                f"        {inside}",
            ]
            return Block(lines, scope)
        body = self._block(scope, depth=max(depth + 1, 3), size=1)
        first = self.rng.choice(["case int() if flag:", "case {'kind': kind}:", "case [first, *_]:", "case 5 | 6:"])
        lines = [
            "match number:",
            f"    {first}",
            *indent(indent(body.lines)),
            "    case _:",
            f"        {self._opaque_call()}",
        ]
        return Block(lines, outer(uncertain(scope, body.scope), scope, is_ended=False))

    def _by_text(self, scope: Scope, depth: int) -> Block:
        """Transactions by their statements, scripts, several rows at once."""
        name = self._pick(scope, (OPEN,))
        if name is None:
            new = self._new_name(scope)
            return Block([f"{new} = sqlite3.connect(path, isolation_level=None)"], scope.bind(new, OPEN))
        write = self.rng.choice(
            [
                f"{name}.execute({self.rng.choice(WRITES)!r})",
                f"{name}.executemany('insert into orders values (?)', items)",
            ]
        )
        end = self.rng.choice([f"{name}.execute('commit')", f"{name}.execute('rollback')", f"{name}.commit()"])
        script = f"{name}.executescript('delete from orders; vacuum')"
        return Block(self.rng.choice([[write, end], [write], [script], [write, script]]), scope)

    def _kept_error(self, scope: Scope, depth: int) -> Block:
        """An error that is kept, and raised when all is done."""
        body = self._block(scope, depth=max(depth + 1, 3), size=self.rng.randint(1, 2))
        lines = [
            "failure = None",
            "try:",
            *indent(body.lines),
            f"except {self.rng.choice(['Exception', 'sqlite3.Error'])} as error:",
        ]
        lines += ["    failure = error", "if failure is not None:"]
        name = self._pick(scope, (OPEN,), but="given")
        if name is not None and self.rng.random() < 0.5:
            lines.append(f"    {name}.close()")
        lines.append(
            f"    {self.rng.choice(['raise failure', 'return None', 'raise RuntimeError(path) from failure'])}"
        )
        return Block(lines, outer(uncertain(scope, body.scope), scope, is_ended=False))

    def _guard(self, scope: Scope, depth: int) -> Block:
        """What may be None is made sure of in other ways."""
        name = self._pick(scope, (MAYBE,), but="given")
        if name is None:
            known = self._pick(scope, (OPEN,), but="given")
            if known is None or OWNER in dict(scope.connections).values():
                return self._acquire(scope, depth)
            return Block([f"del {known}"], replace(scope, connections=_without(scope, known)))
        how = self.rng.choice(
            [
                [f"assert {name} is not None", f"{name}.close()"],
                [f"if isinstance({name}, sqlite3.Connection):", f"    {name}.close()"],
                [f"{name}.close() if {name} else None"],
                [f"{name} is not None and {name}.close()"],
                [f"if {name} is None:", "    return None", f"{name}.close()"],
                [f"{name} = {name} or sqlite3.connect(path)", f"{name}.close()"],
            ]
        )
        return Block(how, replace(scope, connections=_without(scope, name)))


def _without(scope: Scope, name: str) -> tuple[tuple[str, str], ...]:
    return tuple(each for each in scope.connections if each[0] != name)
