"""Makes the statements of a program that hold others."""

from __future__ import annotations

from dataclasses import replace

from tests.truth.library import ERRORS
from tests.truth.scope import MAYBE, NOTHING, OPEN, OWNER, Block, Scope, indent, narrow, outer, uncertain
from tests.truth.statements import Statements


class Compounds(Statements):
    """Branches, loops, `try`, `with`, `match`."""

    def _condition(self, scope: Scope) -> str:
        name = self._pick(scope, (MAYBE, OPEN, NOTHING), but="given")
        options = [self._flag(), f"not {self._flag()}", "number == 1", "size > 3", "work()", "flag and urgent"]
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
                lines = [f"if ({name} := {value}) is not None:", *indent(inner.lines)]
                return Block(lines, inner.scope.join(scope.bind(name, NOTHING)))
        condition = self._condition(scope)
        then_scope, else_scope = narrow(scope, condition)
        then = self._block(then_scope, depth=depth + 1, size=self.rng.randint(1, 3))
        lines = [f"if {condition}:", *indent(then.lines)]
        if self.rng.random() < 0.4:
            other = self._block(else_scope, depth=depth + 1, size=self.rng.randint(1, 2))
            lines += ["else:", *indent(other.lines)]
        else:
            other = Block([], else_scope)
        both_end = then.scope.is_ended and other.scope.is_ended
        joined = then.scope.join(other.scope)
        return Block(lines, outer(joined, scope, is_ended=both_end))

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
        lines += ["try:", *indent(inside)]
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
        lines += ["finally:", *indent(final)]
        kept = tuple(each for each in after.connections if each[0] != name)
        return Block(lines, outer(replace(after, connections=kept), scope, is_ended=after.is_ended))

    def _try(self, scope: Scope, depth: int) -> Block:
        body = self._block(scope, depth=depth + 1, size=self.rng.randint(1, 3))
        lines = ["try:", *indent(body.lines)]
        interrupted = uncertain(scope, body.scope)
        after = body.scope
        has_handlers = self.rng.random() < 0.8
        if has_handlers:
            handlers, scopes = self._handlers(interrupted, depth)
            lines += handlers
            if self.rng.random() < 0.25 and not body.scope.is_ended:
                orelse = self._block(body.scope, depth=depth + 1, size=self.rng.randint(1, 2))
                lines += ["else:", *indent(orelse.lines)]
                after = orelse.scope
            is_ended = after.is_ended and all(each.is_ended for each in scopes)
            for each in scopes:
                after = after.join(each)
            after = replace(after, is_ended=is_ended)
        if not has_handlers or self.rng.random() < 0.35:
            final_scope = replace(interrupted, is_in_finally=True, is_in_loop=False, is_ended=False)
            final = self._block(final_scope, depth=max(depth + 1, 3), size=self.rng.randint(1, 2))
            if self.rng.random() < 0.6:
                name = self._pick(final_scope, (OPEN, MAYBE, OWNER))
                if name is not None and name != "given":
                    final = Block(self._close(name, dict(final_scope.connections)[name]), final_scope)
            lines += ["finally:", *indent(final.lines)]
            after = replace(after, is_ended=after.is_ended or final.scope.is_ended)
        return Block(lines, outer(after, scope, is_ended=after.is_ended))

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
            lines += [head, *indent(body.lines)]
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
            head = "async with AsyncExitStack() as stack:" if self.is_async else "with ExitStack() as stack:"
            inside, inner = self._in_stack(scope)
        elif kind == "suppress":
            head = f"with suppress({self.rng.choice(['sqlite3.Error', 'Exception', 'KeyError'])}):"
        elif kind == "opaque":
            head = "async with build():" if self.is_async else "with build():"
        else:
            head, inner = self._with_other(kind, scope)
        body = self._block(inner, depth=depth + 1, size=self.rng.randint(1, 3))
        after = body.scope
        if kind == "suppress":
            after = replace(uncertain(scope, body.scope), is_ended=False)
        elif kind not in ("keeps", "transaction"):
            bound = dict(scope.connections)
            after = replace(after, connections=tuple(each for each in after.connections if each[0] in bound))
        if kind == "existing":
            after = replace(after, connections=tuple(each for each in after.connections if each[0] != known))
        return Block([head, *indent([*inside, *body.lines])], outer(after, scope, is_ended=after.is_ended))

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
            if self.is_async:
                helper = self._helper(self.rng.choice(["lent", "lent_badly"]))
                return f"async with {helper}({path}) as {name}:", scope.bind(name, OPEN)
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
        heads = ["async for item in items:" if self.is_async else "for item in items:"] * 5 + ["for _ in range(2):"]
        name = self._pick(scope, (OPEN,))
        if name is not None:
            heads.append(f"for row in {name}.execute('select id from orders'):")
        heads.append(f"for row in {self._helper('rows_of')}(path):")
        head = self.rng.choice(heads)
        inner = replace(scope, is_in_loop=True)
        body = self._block(inner, depth=depth + 1, size=self.rng.randint(1, 3))
        lines = [head, *indent(body.lines)]
        after = uncertain(scope, body.scope)
        if self.rng.random() < 0.15:
            orelse = self._block(replace(after, is_ended=False), depth=depth + 1, size=1)
            lines += ["else:", *indent(orelse.lines)]
            after = replace(uncertain(after, orelse.scope), is_ended=False)
        return Block(lines, outer(after, scope, is_ended=False))

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
        return Block([head, *indent([*body.lines, *last])], outer(uncertain(scope, body.scope), scope, is_ended=False))

    def _match(self, scope: Scope, depth: int) -> Block:
        if self.has_match:
            return self._if(scope, depth)
        self.has_match = True
        lines = ["match number:"]
        scopes = []
        for case in ["7", "8", "_"][: self.rng.choice([2, 3])]:
            body = self._block(scope, depth=depth + 1, size=self.rng.randint(1, 2))
            lines += indent([f"case {case}:", *indent(body.lines)])
            scopes.append(body.scope)
        if len(scopes) < 3:
            scopes.append(scope)
        after = scopes[0]
        for each in scopes[1:]:
            after = after.join(each)
        is_ended = all(each.is_ended for each in scopes)
        return Block(lines, outer(after, scope, is_ended=is_ended))

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
        if name is None or depth > 2 or self.is_async:
            return self._use(scope, depth)
        return Block([self.rng.choice([f"yield {name}", "yield number"])], scope)
