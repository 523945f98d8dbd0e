"""What becomes of the value of a call: kept, released, returned (as what), or used and dropped.

Looks at the text of one function, without paths: every use of the value counts, on whichever path it is. What is given
to unknown code is unknown.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import libcst as cst

from lintdb.effects import CallModel, Kind
from lintdb.flow.stdlib import CLOSING, COMBINES, LOG_METHODS, NEVER_RAISES, PASSES_THROUGH
from lintdb.syntax.ancestry import Ancestry
from lintdb.syntax.names import FunctionInfo
from lintdb.syntax.walk import walk

if TYPE_CHECKING:
    from lintdb.flow.program import Program

MAX_DEPTH = 40
"""Names and calls that a value is followed through one after the other; each is followed once."""
_BINDS = (cst.Assign, cst.AnnAssign, cst.NamedExpr)
_ENDS = (
    cst.Expr, cst.Comparison, cst.UnaryOperation, cst.If, cst.While, cst.Assert, cst.Del, cst.From, cst.For,
    cst.CompFor, cst.FormattedStringExpression, cst.IfExp,
)  # fmt: skip


class Fate(enum.Enum):
    """What one use of a value means for it."""

    USED = "used"
    RETURNED = "returned"
    KEPT = "kept"
    RELEASED = "released"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Use:
    """One use. For RETURNED: the kind of what is returned, and its place where a tuple is.

    `is_lent`: a method of it is not called there, but may be elsewhere, and beside: `submit(client.get, key)`.
    """

    fate: Fate
    kind: Kind | None = None
    index: int | None = None
    is_lent: bool = False


@dataclass(frozen=True)
class _Followed:
    """A value on its way: its kind, the function it is in, its place in a tuple, and how far it has come.

    `names` are those that have been followed so far, from wherever: what is done with each is told once.
    """

    kind: Kind | None
    function: FunctionInfo
    index: int | None = None
    depth: int = 0
    names: set[tuple[str, str | None, FunctionInfo]] = field(default_factory=set, compare=False)

    def as_kind(self, kind: Kind | None) -> _Followed:
        return replace(self, kind=kind, index=None, depth=self.depth + 1)


class Fates:
    """Answers for the functions of one module."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.index = program.index
        self._ancestries: dict[int, Ancestry] = {}

    def ancestry(self, function: FunctionInfo) -> Ancestry:
        """Return the parents of the code of a function."""
        found = self._ancestries.get(id(function))
        if found is None:
            found = self._ancestries[id(function)] = Ancestry(function.node)
        return found

    def uses(self, node: cst.CSTNode, kind: Kind | None, function: FunctionInfo, index: int | None = None) -> list[Use]:
        """Return what is done with the value of *node*; *index* selects an element, where the value is a tuple."""
        return list(self._climb(node, _Followed(kind, function, index)))

    def callee(self, call: cst.Call, function: FunctionInfo) -> FunctionInfo | None:
        """Return the function or method of this module that a call runs."""
        func = call.func
        if isinstance(func, cst.Name):
            return self.index.find_function(func.value, function)
        if isinstance(func, cst.Attribute) and isinstance(func.value, cst.Name) and function.owner is not None:
            first = function.params[0].name.value if function.params and function.is_method else None
            if func.value.value == first:
                return function.owner.find_method(func.attr.value)
        return None

    # --- up from an expression --------------------------------------------------------------------------------------

    def _climb(self, node: cst.CSTNode, value: _Followed) -> Iterator[Use]:
        if value.depth > MAX_DEPTH:
            yield Use(Fate.UNKNOWN)
            return
        inner = node
        for outer in self.ancestry(value.function).ancestors(node):
            if isinstance(outer, cst.Tuple):
                place = next((i for i, element in enumerate(outer.elements) if element is inner), None)
                value = replace(value, index=place)
            elif not _passes(outer, inner):
                yield from self._arrive(outer, inner, value)
                return
            inner = outer
        yield Use(Fate.RETURNED if isinstance(value.function.node, cst.Lambda) else Fate.USED, value.kind)

    def _arrive(self, outer: cst.CSTNode, inner: cst.CSTNode, value: _Followed) -> Iterator[Use]:
        """The value has come to something that does more than hand it up."""
        if isinstance(outer, cst.Call):
            yield from self._in_call(outer, inner, value)
        elif isinstance(outer, cst.Attribute):
            yield from self._attribute(outer, value)
        elif isinstance(outer, cst.Subscript) and inner is outer.value:
            yield from self._climb(outer, value.as_kind(self._kind(value.kind.any_item if value.kind else None)))
        elif isinstance(outer, cst.WithItem):
            yield from self._with_item(outer, value)
        elif isinstance(outer, (cst.Return, cst.Yield)):
            yield Use(Fate.RETURNED, value.kind, value.index)
        elif isinstance(outer, _BINDS):
            for target in [t.target for t in outer.targets] if isinstance(outer, cst.Assign) else [outer.target]:
                yield from self._bound(target, value)
        elif isinstance(outer, (*_ENDS, cst.Subscript)):
            yield Use(Fate.USED)
        else:
            yield Use(Fate.KEPT)  # in a container, a default, a closure

    def _bound(self, target: cst.CSTNode, value: _Followed) -> Iterator[Use]:
        if isinstance(target, cst.Tuple) and value.index is not None and value.index < len(target.elements):
            target = target.elements[value.index].value
        function = value.function
        if not isinstance(target, cst.Name) or function.is_module or not self.index.is_local(target.value, function):
            yield Use(Fate.KEPT)
            return
        yield from self._of_name(target.value, value.as_kind(value.kind))

    def _of_name(self, name: str, value: _Followed) -> Iterator[Use]:
        """Yield what is done with the value of a local name, wherever it is read."""
        key = (name, value.kind.id if value.kind is not None else None, value.function)
        if key in value.names:
            return
        value.names.add(key)
        ancestry = self.ancestry(value.function)
        for node in walk(value.function.node):
            if isinstance(node, (cst.FunctionDef, cst.Lambda)) and node is not value.function.node:
                info = self.index.of_node.get(id(node))
                if info is not None and name in info.free_names:
                    yield Use(Fate.UNKNOWN)
            elif isinstance(node, cst.Name) and node.value == name and not _is_written(node, ancestry):
                yield from self._climb(node, value.as_kind(value.kind))

    def _attribute(self, node: cst.Attribute, value: _Followed) -> Iterator[Use]:
        """`engine.connect()`, `client.shop`: a method of it, or a part."""
        parent = next(self.ancestry(value.function).ancestors(node), None)
        name = node.attr.value
        kind = value.kind
        if isinstance(parent, cst.AssignTarget):
            yield Use(Fate.USED)  # `conn.row_factory = …`
            return
        if isinstance(parent, cst.Call) and parent.func is node:
            model = self._method(kind, name, parent, value.function)
            if model is not None and model.releases == "self":
                yield _released(kind)
            elif model is not None and (model.acquires or model.gives) is not None:
                made = kind if model.gives == "self" else self._kind(model.acquires or model.gives)
                yield from self._climb(parent, value.as_kind(made))
            else:
                yield Use(Fate.USED)
            return
        if kind is not None and any(model.releases == "self" for model in kind.methods.get(name, ())):
            yield _released(kind)  # `atexit.register(engine.dispose)`
            return
        part = kind.attributes.get(name, kind.any_attribute) if kind is not None else None
        if part is not None:
            yield from self._climb(node, value.as_kind(self._kind(part)))
        else:
            yield Use(Fate.USED, is_lent=True)

    def _with_item(self, node: cst.WithItem, value: _Followed) -> Iterator[Use]:
        kind = value.kind
        blocks = (kind.with_block, kind.async_with_block) if kind is not None else ()
        if any(block is not None and block.releases for block in blocks):
            yield _released(kind)
        if node.asname is not None:
            yield from self._bound(node.asname.name, value)
        yield Use(Fate.USED)

    # --- down into a call -------------------------------------------------------------------------------------------

    def _in_call(self, call: cst.Call, inner: cst.CSTNode, value: _Followed) -> Iterator[Use]:
        if inner is call.func:  # a factory that is called
            model = self._method(value.kind, "__call__", call, value.function)
            made = self._kind(model.acquires or model.gives) if model is not None else None
            yield from self._climb(call, value.as_kind(made))
            return
        dotted = self.index.dotted(call.func, value.function)
        is_method = isinstance(call.func, cst.Attribute) and dotted is None
        if dotted in CLOSING:
            yield _released(value.kind)
            parent = next(self.ancestry(value.function).ancestors(call), None)
            if isinstance(parent, cst.WithItem) and parent.asname is not None:
                yield from self._bound(parent.asname.name, value)
        elif dotted in PASSES_THROUGH:
            yield from self._climb(call, value.as_kind(value.kind))
        elif dotted in NEVER_RAISES or (
            is_method and isinstance(call.func, cst.Attribute) and call.func.attr.value in LOG_METHODS
        ):
            yield Use(Fate.USED)
        elif dotted in COMBINES and value.kind is not None and value.kind.iterable:
            yield Use(Fate.USED)  # its rows are what is combined
        else:
            model = self.program.types.model_of_call(dotted, call, value.function) if dotted is not None else None
            if is_method and isinstance(call.func, cst.Attribute):
                # `pool.putconn(conn)`
                receiver = self._kind_of(call.func.value, value.function)
                model = self._method(receiver, call.func.attr.value, call, value.function)
            yield from self._as_argument(call, inner, model, value)

    def _as_argument(
        self, call: cst.Call, inner: cst.CSTNode, model: CallModel | None, value: _Followed
    ) -> Iterator[Use]:
        if model is not None:
            made = self._kind(model.acquires or model.gives)
            if made is not None:
                yield from self._climb(call, value.as_kind(made))
            else:
                yield Use(Fate.USED if model.borrows else Fate.KEPT)
            return
        callee = self.callee(call, value.function)
        name = _parameter(call, inner, callee) if callee is not None else None
        if callee is None or name is None:
            yield Use(Fate.UNKNOWN)
            return
        uses = list(self._of_name(name, replace(value.as_kind(value.kind), function=callee)))
        if any(use.fate in (Fate.RETURNED, Fate.UNKNOWN, Fate.KEPT) for use in uses):
            yield Use(Fate.UNKNOWN)
        else:
            yield from uses

    def _kind_of(self, node: cst.BaseExpression, function: FunctionInfo) -> Kind | None:
        """Return the kind of what an expression holds; of a variable that is given several values, of each of them."""
        values = function.given.get(node.value, ()) if isinstance(node, cst.Name) else ()
        kinds = {self.program.types.kind_of_expression(each, function) for each in values if len(values) > 1}
        return self._kind(kinds.pop() if len(kinds) == 1 else self.program.types.kind_of_expression(node, function))

    def _method(self, kind: Kind | None, name: str, call: cst.Call, scope: FunctionInfo) -> CallModel | None:
        models = kind.methods.get(name, ()) if kind is not None else ()
        return self.program.types.first_possible(models, call, scope)

    def _kind(self, name: str | None) -> Kind | None:
        return self.program.knowledge.kind(name) if name is not None else None


def _passes(outer: cst.CSTNode, inner: cst.CSTNode) -> bool:
    """Whether an expression hands up the value below it."""
    if isinstance(outer, cst.IfExp):
        return inner is not outer.test
    return isinstance(outer, (cst.Await, cst.BooleanOperation, cst.Element, cst.Arg))


def _is_written(node: cst.Name, ancestry: Ancestry) -> bool:
    """Whether a name is given a value here, and not read."""
    inner: cst.CSTNode = node
    for outer in ancestry.ancestors(node):
        if isinstance(outer, (cst.FunctionDef, cst.ClassDef)):
            return outer.name is inner
        if isinstance(outer, (cst.AssignTarget, cst.Param, cst.AsName, cst.NameItem)):
            return True
        if isinstance(outer, (cst.AnnAssign, cst.NamedExpr, cst.For, cst.CompFor)):
            return outer.target is inner
        if not isinstance(outer, (cst.Tuple, cst.List, cst.Element)):
            return False
        inner = outer
    return False


def _parameter(call: cst.Call, inner: cst.CSTNode, callee: FunctionInfo) -> str | None:
    """Return the name of the parameter that an argument of a call is bound to."""
    if any(argument.star for argument in call.args):
        return None
    names = [param.name.value for param in callee.params][1 if callee.is_method else 0 :]
    for position, argument in enumerate(call.args):
        if argument is inner:
            if argument.keyword is not None:
                return argument.keyword.value if argument.keyword.value in names else None
            return names[position] if position < len(names) else None
    return None


def _released(kind: Kind | None) -> Use:
    """Releasing what was taken from a pool leaves the pool as it is."""
    return Use(Fate.RELEASED if kind is None or kind.is_pool else Fate.USED)
