"""Makes programs that use sqlite3 as people do, well and badly, from a seed.

A program is a few helpers and one function, `subject`. Names are bound before they are used, and what may be None is
tested before it is called: such mistakes would end a path for reasons that are not the point.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

HEADER = """import logging
import sqlite3
from contextlib import ExitStack, closing, contextmanager, nullcontext, suppress

log = logging.getLogger(__name__)
"""

HELPERS = {
    "shut": """
def shut(conn):
    conn.close()
""",
    "shut_if_open": """
def shut_if_open(conn):
    if conn is not None:
        conn.close()
""",
    "shut_quietly": """
def shut_quietly(conn):
    try:
        conn.close()
    except sqlite3.Error:
        log.warning("not closed")
""",
    "shut_if": """
def shut_if(conn, wanted):
    if wanted:
        conn.close()
""",
    "count": """
def count(conn):
    return conn.execute("select count(*) from orders").fetchone()
""",
    "count_safely": """
def count_safely(conn):
    try:
        return conn.execute("select count(*) from orders").fetchone()
    except sqlite3.Error:
        return None
""",
    "store": """
def store(conn, value):
    with conn:
        conn.execute("insert into orders values (?)", (value,))
""",
    "make": """
def make(path):
    conn = sqlite3.connect(path)
    conn.row_factory = sqlite3.Row
    return conn
""",
    "make_safely": """
def make_safely(path):
    conn = sqlite3.connect(path)
    try:
        conn.execute("pragma foreign_keys = on")
    except sqlite3.Error:
        conn.close()
        raise
    return conn
""",
    "make_or_none": """
def make_or_none(path, wanted):
    if not wanted:
        return None
    return sqlite3.connect(path)
""",
    "try_make": """
def try_make(path):
    try:
        return sqlite3.connect(path)
    except sqlite3.Error:
        return None
""",
    "managed": """
@contextmanager
def managed(path):
    conn = sqlite3.connect(path)
    try:
        yield conn
    finally:
        conn.close()
""",
    "managed_badly": """
@contextmanager
def managed_badly(path):
    conn = sqlite3.connect(path)
    yield conn
    conn.close()
""",
    "unit": """
@contextmanager
def unit(conn):
    try:
        yield conn.cursor()
        conn.commit()
    except Exception:
        conn.rollback()
        raise
""",
    "Store": """
class Store:
    def __init__(self, path):
        self.conn = sqlite3.connect(path)

    def add(self, value):
        self.conn.execute("insert into orders values (?)", (value,))
        self.conn.commit()

    def close(self):
        self.conn.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.close()
""",
    "Recorder": """
class Recorder:
    def __init__(self, conn):
        self.conn = conn

    def execute(self, sql):
        return self.conn.execute(sql)

    def close(self):
        self.conn.close()
""",
    "rows_of": """
def rows_of(path):
    with closing(sqlite3.connect(path)) as conn:
        for row in conn.execute("select id from orders"):
            yield row
""",
}

PARAMETERS = ["path", "other_path", "work", "check", "flag", "urgent", "items", "number", "build", "sink", "wanted"]
READS = ["select id from orders", "select 1", "pragma foreign_keys = on"]
WRITES = ["delete from orders", "insert into orders values (1)", "update orders set id = 2"]
ERRORS = [
    "sqlite3.Error", "sqlite3.Error", "sqlite3.Error", "sqlite3.OperationalError", "sqlite3.DatabaseError",
    "sqlite3.IntegrityError", "Exception", "Exception", "Exception", "ValueError", "KeyError",
    "(KeyError, sqlite3.Error)", "(ValueError, KeyError)", "BaseException", "",
]  # fmt: skip

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


@dataclass
class Generator:
    """One program's worth of decisions."""

    rng: random.Random
    names: int = 0
    budget: int = 22
    has_match: bool = False

    def program(self) -> str:
        """Return the text of a program."""
        parameters = list(PARAMETERS)
        scope = Scope()
        if self.rng.random() < 0.12:
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
        function = f"\n\n{decorator}def subject({', '.join(used)}):\n{text}\n"
        helpers = "".join(f"\n{HELPERS[name]}" for name in HELPERS if f"{name}(" in text)
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
        return _indent(lines)

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
        nested += [(self._unit, 2.5 if ("given", OPEN) in scope.connections else 0.7), (self._guarded, 4)]
        nested += [(self._nested_function, 0.5), (self._yield, 0.3)]
        options = simple if depth >= 4 or self.budget <= 0 else simple + nested
        makers, weights = zip(*options, strict=True)
        return self.rng.choices(makers, weights)[0](scope, depth)  # type: ignore[no-any-return]

    # Simple statements.

    def _connect(self) -> tuple[str, str]:
        """Return an expression that opens, and what its value may be."""
        path = self.rng.choice(["path", "path", "other_path"])
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
            lines = [self.rng.choice([f"if {name}:", f"if {name} is not None:"]), *_indent(lines)]
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
        other = self._new_name(scope)
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
        if scope.flags and self.rng.random() < 0.3:
            lines = [f"if {self.rng.choice(scope.flags)}:", *_indent(lines)]
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
            [self.rng.choice([f"work({name})", f"sink.append({name})", f"sink.conn = {name}", f"sink['a'] = {name}"])],
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

    # Compound statements.

    def _condition(self, scope: Scope) -> str:
        name = self._pick(scope, (MAYBE, OPEN, NOTHING), but="given")
        options = [self._flag(), f"not {self._flag()}", "number == 1", "number > 3", "work()", "flag and urgent"]
        if name is not None:
            options += [f"{name} is None", f"{name} is not None", f"{name}", f"not {name}"]
        options += list(scope.flags)
        return self.rng.choice(options)

    def _if(self, scope: Scope, depth: int) -> Block:
        if self.rng.random() < 0.1:
            name = self._new_name(scope)
            value, state = self._connect()
            if state == MAYBE:
                inner = self._block(scope.bind(name, OPEN), depth=depth + 1, size=self.rng.randint(1, 2))
                lines = [f"if ({name} := {value}) is not None:", *_indent(inner.lines)]
                return Block(lines, inner.scope.join(scope.bind(name, NOTHING)))
        condition = self._condition(scope)
        then_scope, else_scope = _narrow(scope, condition)
        then = self._block(then_scope, depth=depth + 1, size=self.rng.randint(1, 3))
        lines = [f"if {condition}:", *_indent(then.lines)]
        if self.rng.random() < 0.4:
            other = self._block(else_scope, depth=depth + 1, size=self.rng.randint(1, 2))
            lines += ["else:", *_indent(other.lines)]
        else:
            other = Block([], else_scope)
        both_end = then.scope.is_ended and other.scope.is_ended
        joined = then.scope.join(other.scope)
        return Block(lines, _outer(joined, scope, is_ended=both_end))

    def _guarded(self, scope: Scope, depth: int) -> Block:
        """Opened, then released in finally: what most people write."""
        name = self._new_name(scope)
        value, state = self._connect()
        lines: list[str] = []
        inner_scope = scope.bind(name, state)
        body = self._block(inner_scope, depth=depth + 1, size=self.rng.randint(1, 3))
        if self.rng.random() < 0.3 and state != OWNER:
            # None first, acquired inside.
            lines.append(f"{name} = None")
            inside = [f"{name} = {value}", *body.lines]
            closing_state = MAYBE
        else:
            lines.append(f"{name} = {value}")
            if self.rng.random() < 0.15:
                lines += self._use(inner_scope, depth).lines
            inside = body.lines
            closing_state = state
        lines += ["try:", *_indent(inside)]
        after = body.scope
        if self.rng.random() < 0.4:
            handlers, scopes = self._handlers(scope.bind(name, MAYBE if closing_state == MAYBE else state), depth)
            lines += handlers
            for each in scopes:
                after = after.join(each)
            after = replace(after, is_ended=body.scope.is_ended and all(each.is_ended for each in scopes))
        final = self._close(name, MAYBE if dict(body.scope.connections).get(name) != state else closing_state)
        if self.rng.random() < 0.15:
            before = self._use(replace(scope.bind(name, closing_state), is_in_finally=True), 4).lines
            final = [*before, *final]
        lines += ["finally:", *_indent(final)]
        kept = tuple(each for each in after.connections if each[0] != name)
        return Block(lines, _outer(replace(after, connections=kept), scope, is_ended=after.is_ended))

    def _try(self, scope: Scope, depth: int) -> Block:
        body = self._block(scope, depth=depth + 1, size=self.rng.randint(1, 3))
        lines = ["try:", *_indent(body.lines)]
        uncertain = _uncertain(scope, body.scope)
        after = body.scope
        has_handlers = self.rng.random() < 0.8
        if has_handlers:
            handlers, scopes = self._handlers(uncertain, depth)
            lines += handlers
            if self.rng.random() < 0.25 and not body.scope.is_ended:
                orelse = self._block(body.scope, depth=depth + 1, size=self.rng.randint(1, 2))
                lines += ["else:", *_indent(orelse.lines)]
                after = orelse.scope
            is_ended = after.is_ended and all(each.is_ended for each in scopes)
            for each in scopes:
                after = after.join(each)
            after = replace(after, is_ended=is_ended)
        if not has_handlers or self.rng.random() < 0.35:
            final_scope = replace(uncertain, is_in_finally=True, is_in_loop=False, is_ended=False)
            final = self._block(final_scope, depth=max(depth + 1, 3), size=self.rng.randint(1, 2))
            if self.rng.random() < 0.6:
                name = self._pick(final_scope, (OPEN, MAYBE, OWNER))
                if name is not None and name != "given":
                    final = Block(self._close(name, dict(final_scope.connections)[name]), final_scope)
            lines += ["finally:", *_indent(final.lines)]
            after = replace(after, is_ended=after.is_ended or final.scope.is_ended)
        return Block(lines, _outer(after, scope, is_ended=after.is_ended))

    def _handlers(self, scope: Scope, depth: int) -> tuple[list[str], list[Scope]]:
        lines: list[str] = []
        scopes = []
        start = replace(scope, is_in_handler=True, is_ended=False)
        for number in range(self.rng.choice([1, 1, 1, 2])):
            error = self.rng.choice(ERRORS)
            if number == 0 and error == "":
                error = "Exception"
            if error == "":
                head = "except:"
            else:
                head = f"except {error}:" if self.rng.random() < 0.6 else f"except {error} as error:"
            body = self._handler_body(start, depth, has_name=" as " in head)
            lines += [head, *_indent(body.lines)]
            scopes.append(body.scope)
        return lines, scopes

    def _handler_body(self, scope: Scope, depth: int, *, has_name: bool) -> Block:
        name = self._pick(scope, (OPEN, OWNER, MAYBE))
        ended = replace(scope, is_ended=True)
        roll = self.rng.random()
        lines: list[str] = []
        if name is not None and name != "given" and roll < 0.35:
            lines += self._close(name, dict(scope.connections)[name])
        elif name is not None and roll < 0.5 and dict(scope.connections)[name] == OPEN:
            lines.append(f"{name}.rollback()")
        elif roll < 0.8:
            lines.append("log.exception('failed')")
        else:
            made = self._block(scope, depth=max(depth + 1, 3), size=1)
            if made.scope.is_ended:
                return made
            lines += made.lines
        last = self.rng.random()
        if last < 0.35:
            return Block([*lines, "raise"], ended)
        if last < 0.45:
            cause = " from error" if has_name else ""
            return Block([*lines, f"raise RuntimeError('failed'){cause}"], ended)
        if last < 0.6:
            return Block([*lines, "return None"], ended)
        if last < 0.7 and scope.is_in_loop:
            return Block([*lines, self.rng.choice(["continue", "break"])], ended)
        return Block(lines, scope)

    def _with(self, scope: Scope, depth: int) -> Block:
        known = self._pick(scope, (OPEN,))
        kinds = ["closing"] * 3 + ["keeps", "managed", "stack", "suppress", "opaque", "owner", "null"]
        kinds += ["transaction", "existing", "cursor", "unit"] if known is not None else []
        kind = self.rng.choice(kinds)
        inside: list[str] = []
        inner = scope
        if known is not None and kind in ("transaction", "existing", "cursor", "unit"):
            head, inner = self._with_known(kind, known, scope)
        elif kind == "closing":
            head, inner = self._with_closing(scope)
        elif kind == "stack":
            head = "with ExitStack() as stack:"
            inside, inner = self._in_stack(scope)
        elif kind == "suppress":
            head = f"with suppress({self.rng.choice(['sqlite3.Error', 'Exception', 'KeyError'])}):"
        elif kind == "opaque":
            head = "with build():"
        else:
            head, inner = self._with_other(kind, scope)
        body = self._block(inner, depth=depth + 1, size=self.rng.randint(1, 3))
        after = body.scope
        if kind == "suppress":
            after = replace(_uncertain(scope, body.scope), is_ended=False)
        elif kind not in ("keeps", "transaction"):
            bound = dict(scope.connections)
            after = replace(after, connections=tuple(each for each in after.connections if each[0] in bound))
        return Block([head, *_indent([*inside, *body.lines])], _outer(after, scope, is_ended=after.is_ended))

    def _with_closing(self, scope: Scope) -> tuple[str, Scope]:
        name = self._new_name(scope)
        value, state = self._connect()
        while state == MAYBE:
            value, state = self._connect()
        inner = scope.bind(name, state)
        roll = self.rng.random()
        if roll < 0.2:
            other = self._new_name(inner)
            return (
                f"with closing({value}) as {name}, closing(sqlite3.connect(path)) as {other}:",
                inner.bind(other, OPEN),
            )
        if roll < 0.4 and state == OPEN:
            return f"with closing({value}) as {name}, {name}:", inner
        return f"with closing({value}) as {name}:", inner

    def _in_stack(self, scope: Scope) -> tuple[list[str], Scope]:
        name = self._new_name(scope)
        value, state = self._connect()
        if state == OPEN and self.rng.random() < 0.7:
            return [f"{name} = stack.enter_context(closing({value}))"], scope.bind(name, OPEN)
        between = [self._opaque_call()] if self.rng.random() < 0.2 else []
        lines = [f"{name} = sqlite3.connect(path)", *between, f"stack.callback({name}.close)"]
        return lines, scope.bind(name, OPEN)

    def _with_other(self, kind: str, scope: Scope) -> tuple[str, Scope]:
        name = self._new_name(scope)
        path = self.rng.choice(["path", "other_path"])
        if kind == "keeps":
            return f"with sqlite3.connect({path}) as {name}:", scope.bind(name, OPEN)
        if kind == "managed":
            helper = self._helper(self.rng.choice(["managed", "managed_badly"]))
            return f"with {helper}({path}) as {name}:", scope.bind(name, OPEN)
        if kind == "owner":
            return f"with {self._helper('Store')}({path}) as {name}:", scope.bind(name, OWNER)
        value = f"closing(sqlite3.connect({path})) if {self._flag()} else nullcontext()"
        return f"with {value} as {name}:", scope.bind(name, MAYBE)

    def _with_known(self, kind: str, name: str, scope: Scope) -> tuple[str, Scope]:
        if kind == "transaction":
            return f"with {name}:", scope
        if kind == "existing":
            return f"with closing({name}):", scope
        inner = replace(scope, cursors=(*scope.cursors, "cur"))
        if kind == "unit":
            return f"with {self._helper('unit')}({name}) as cur:", inner
        return f"with closing({name}.cursor()) as cur:", inner

    def _for(self, scope: Scope, depth: int) -> Block:
        heads = ["for item in items:"] * 5 + ["for _ in range(2):"]
        name = self._pick(scope, (OPEN,))
        if name is not None:
            heads.append(f"for row in {name}.execute('select id from orders'):")
        heads.append(f"for row in {self._helper('rows_of')}(path):")
        head = self.rng.choice(heads)
        inner = replace(scope, is_in_loop=True)
        body = self._block(inner, depth=depth + 1, size=self.rng.randint(1, 3))
        lines = [head, *_indent(body.lines)]
        after = _uncertain(scope, body.scope)
        if self.rng.random() < 0.15:
            orelse = self._block(replace(after, is_ended=False), depth=depth + 1, size=1)
            lines += ["else:", *_indent(orelse.lines)]
            after = replace(_uncertain(after, orelse.scope), is_ended=False)
        return Block(lines, _outer(after, scope, is_ended=False))

    def _while(self, scope: Scope, depth: int) -> Block:
        if self.rng.random() < 0.5:
            name = self._new_name(scope)
            lines = [
                "while True:",
                "    try:",
                f"        {name} = sqlite3.connect(path)",
                "    except sqlite3.OperationalError:",
                "        log.warning('trying again')",
                "    else:",
                "        break",
            ]
            return Block(lines, scope.bind(name, OPEN))
        inner = replace(scope, is_in_loop=True)
        body = self._block(inner, depth=depth + 1, size=self.rng.randint(1, 2))
        head = self.rng.choice(["while work():", "while number > 0:"])
        last = [] if body.scope.is_ended else ["number -= 1"]
        return Block(
            [head, *_indent([*body.lines, *last])], _outer(_uncertain(scope, body.scope), scope, is_ended=False)
        )

    def _match(self, scope: Scope, depth: int) -> Block:
        if self.has_match:
            return self._if(scope, depth)
        self.has_match = True
        lines = ["match number:"]
        scopes = []
        for case in ["7", "8", "_"][: self.rng.choice([2, 3])]:
            body = self._block(scope, depth=depth + 1, size=self.rng.randint(1, 2))
            lines += _indent([f"case {case}:", *_indent(body.lines)])
            scopes.append(body.scope)
        if len(scopes) < 3:
            scopes.append(scope)
        after = scopes[0]
        for each in scopes[1:]:
            after = after.join(each)
        is_ended = all(each.is_ended for each in scopes)
        return Block(lines, _outer(after, scope, is_ended=is_ended))

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
        lines = ["try:", *_indent(writes), f"except {error}:", *_indent(handler)]
        return Block(lines, scope)

    def _nested_function(self, scope: Scope, depth: int) -> Block:
        name = self._pick(scope, (OPEN,))
        if name is None or name == "given":
            return self._plain(scope, depth)
        lines = ["def finish():", f"    {name}.close()"]
        called = [["finish()"], ["try:", "    work()", "finally:", "    finish()"], ["work()", "finish()"]]
        lines += self.rng.choice(called)
        kept = tuple(each for each in scope.connections if each[0] != name)
        return Block(lines, replace(scope, connections=kept))

    def _yield(self, scope: Scope, depth: int) -> Block:
        name = self._pick(scope, (OPEN,))
        if name is None or depth > 2:
            return self._use(scope, depth)
        return Block([self.rng.choice([f"yield {name}", "yield number"])], scope)

    # Names.

    def _pick(self, scope: Scope, states: tuple[str, ...], *, but: str = "") -> str | None:
        names = [name for name, state in scope.connections if state in states and name != but]
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


def _narrow(scope: Scope, condition: str) -> tuple[Scope, Scope]:
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


def _uncertain(before: Scope, after: Scope) -> Scope:
    """What is known when the code between may have run in part."""
    there = dict(after.connections)
    kept = tuple(
        (name, state if there.get(name, state) == state else MAYBE)
        for name, state in before.connections
        if OWNER not in (state, there.get(name, state)) or there.get(name, state) == state
    )
    return replace(before, connections=kept)


def _outer(inner: Scope, outer: Scope, *, is_ended: bool) -> Scope:
    return replace(
        inner,
        is_ended=is_ended,
        is_in_loop=outer.is_in_loop,
        is_in_finally=outer.is_in_finally,
        is_in_handler=outer.is_in_handler,
    )


def _indent(lines: list[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def generate(seed: int) -> str:
    """Return the program of a seed: always the same text."""
    rng = random.Random(seed)
    return Generator(rng, budget=rng.randint(3, 20)).program()
