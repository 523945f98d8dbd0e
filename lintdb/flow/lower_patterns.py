"""Patterns of `match`: what each tests, and the names that it binds."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lintdb.flow import ir
from lintdb.flow.cfg import Block
from lintdb.flow.lower_expressions import Expressions
from lintdb.syntax.walk import walk


class Patterns(Expressions):
    """Lowers `match` patterns: each branches to its case or to the next one."""

    def pattern(
        self,
        pattern: cst.CSTNode,
        subject: ir.Operand,
        length: int,
        body: Block,
        other: Block,
        *,
        last_of: cst.CSTNode | None = None,
    ) -> None:
        """Branch on one pattern; *length* is that of a subject written as a tuple, else -1.

        *last_of* is the code of the subject, for the last case.
        """
        if isinstance(pattern, cst.MatchAs):
            if pattern.name is not None:
                self.emit(ir.StoreOp(pattern, self.in_cleanup, pattern.name.value, subject))
            if pattern.pattern is None:
                self.goto(body)
                return
            pattern = pattern.pattern
        if isinstance(pattern, cst.MatchOr):
            *others, last = (element.pattern for element in pattern.patterns)
            for each in others:
                following = self.block("or")
                self.pattern(each, subject, length, body, following)
                self.continue_in(following)
            pattern = last
        condition = self._test(pattern, subject)
        if _always_matches(pattern, length):
            other = self.block("dead")
            condition = ir.Truth(ir.Constant(True))
        self.branch(pattern, condition, body, other, subject=last_of)
        saved = self.current
        self.continue_in(body)
        for name, is_star in _captures(pattern):
            # Which part of the subject it is does not matter: it may be any of them.
            part: ir.Operand = ir.ItemOf(subject, None)
            part = ir.Display((part,)) if is_star else part
            self.emit(ir.StoreOp(pattern, self.in_cleanup, name, part))
        self.current = saved

    def _test(self, pattern: cst.CSTNode, subject: ir.Operand) -> ir.Condition:
        """Return the condition under which a pattern matches."""
        if isinstance(pattern, cst.MatchValue):
            value = self.literal(pattern.value)
            if isinstance(value, ir.Constant):
                return ir.Equals(subject, value.value)
        elif isinstance(pattern, cst.MatchSingleton):
            if pattern.value.value == "None":
                return ir.IsNone(subject)
        elif isinstance(pattern, cst.MatchClass):
            plain = not pattern.patterns and not pattern.kwds
            return ir.IsInstance(subject, self.types_in(pattern.cls) if plain else ())
        elif isinstance(pattern, (cst.MatchList, cst.MatchTuple)):
            stars = sum(isinstance(element, cst.MatchStar) for element in pattern.patterns)
            return ir.HasParts(subject, len(pattern.patterns) - stars, stars > 0, _takes_any_parts(pattern))
        return ir.Truth(ir.UNKNOWN)


def _always_matches(pattern: cst.CSTNode, length: int) -> bool:
    """Whether a sequence pattern takes every tuple of a length: `[_, *rest]` for one of two."""
    if length < 0 or not isinstance(pattern, (cst.MatchList, cst.MatchTuple)):
        return False
    stars = sum(isinstance(element, cst.MatchStar) for element in pattern.patterns)
    plain = len(pattern.patterns) - stars
    if (plain > length) if stars else (plain != length):
        return False
    return _takes_any_parts(pattern)


def _takes_any_parts(pattern: cst.MatchSequence) -> bool:
    """Whether a sequence pattern asks for nothing but the number of parts."""
    return all(
        isinstance(element, cst.MatchStar) or (isinstance(element.value, cst.MatchAs) and element.value.pattern is None)
        for element in pattern.patterns
    )


def _captures(pattern: cst.CSTNode) -> Iterator[tuple[str, bool]]:
    """Yield the names that a pattern binds to parts of its subject; true for those that take several."""
    for node in walk(pattern):
        if isinstance(node, (cst.MatchAs, cst.MatchStar)) and node.name is not None:
            yield node.name.value, isinstance(node, cst.MatchStar)
        elif isinstance(node, cst.MatchMapping) and node.rest is not None:
            yield node.rest.value, True
