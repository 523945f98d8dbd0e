"""From a node up: what holds it, which loops are around it."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import libcst as cst

from lintdb.syntax.nodes import is_none
from lintdb.syntax.walk import children, walk

COMPREHENSIONS = (cst.ListComp, cst.SetComp, cst.DictComp, cst.GeneratorExp)

_LOOKS = (
    cst.Attribute, cst.Subscript, cst.For, cst.CompFor, cst.If, cst.While, cst.Comparison, cst.ComparisonTarget,
    cst.UnaryOperation, cst.Param,
)  # fmt: skip


class Ancestry:
    """The parents of all code below one node."""

    def __init__(self, root: cst.CSTNode) -> None:
        self.root = root
        self._parents: dict[int, cst.CSTNode] = {}
        for node in walk(root):
            for child in children(node):
                self._parents[id(child)] = node

    def ancestors(self, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
        """Yield what holds *node*, innermost first, up to the root."""
        current = self._parents.get(id(node))
        while current is not None:
            yield current
            current = self._parents.get(id(current))

    def loops(self, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
        """Yield the loops that run *node* once for each round, innermost first; the function around it ends them.

        A comprehension counts as a loop; what its first `for` goes through, and what a `for` statement does, is
        evaluated once.
        """
        inner = node
        for outer in self.ancestors(node):
            if isinstance(outer, (cst.FunctionDef, cst.Lambda, cst.ClassDef)):
                return
            if _repeats(outer, inner):
                yield outer
            inner = outer


def _repeats(outer: cst.CSTNode, inner: cst.CSTNode) -> bool:
    if isinstance(outer, cst.For):
        return inner is outer.body
    if isinstance(outer, cst.While):
        return inner is not outer.orelse
    return isinstance(outer, COMPREHENSIONS) and inner is not outer.for_in


def names_bound(node: cst.CSTNode) -> set[str]:
    """Return the names that a loop gives a value: its targets, and whatever its body assigns."""
    found: set[str] = set()
    for each in walk(node):
        if isinstance(each, (cst.For, cst.CompFor, cst.NamedExpr)):
            targets: list[cst.CSTNode] = [each.target]
        elif isinstance(each, cst.Assign):
            targets = [target.target for target in each.targets]
        elif isinstance(each, (cst.AnnAssign, cst.AugAssign)):
            targets = [each.target]
        elif isinstance(each, cst.AsName):
            targets = [each.name]
        else:
            continue
        for target in targets:
            found.update(name.value for name in walk(target) if isinstance(name, cst.Name))
    return found


def names_read(node: cst.CSTNode) -> set[str]:
    """Return all names below a node."""
    return {each.value for each in walk(node) if isinstance(each, cst.Name)}


def is_left_early(loop: cst.CSTNode) -> bool:
    """Whether a loop is left from within: one that tries until it works, or that looks for the first."""
    stack = [loop]
    while stack:
        node = stack.pop()
        if isinstance(node, (cst.Break, cst.Return)):
            return True
        if node is loop or not isinstance(node, (cst.FunctionDef, cst.Lambda, cst.ClassDef)):
            stack.extend(node.children)
    return False


def iterated(loop: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """Yield what a loop goes through: one expression for a `for` statement, one or more for a comprehension."""
    if isinstance(loop, cst.For):
        yield loop.iter
    elif isinstance(loop, COMPREHENSIONS):
        part: cst.CompFor | None = loop.for_in
        while part is not None:
            yield part.iter
            part = part.inner_for_in


def first_name(node: cst.CSTNode) -> str | None:
    """Return the name that a chain of attributes, calls and subscripts begins with."""
    while isinstance(node, (cst.Attribute, cst.Call, cst.Subscript)):
        node = node.func if isinstance(node, cst.Call) else node.value
    return node.value if isinstance(node, cst.Name) else None


def names_given(node: cst.CSTNode) -> set[str]:
    """Return the names in the arguments of all calls in an expression: `a.b(x).c(y)` is given `x` and `y`."""
    calls = [each for each in (node, *walk(node)) if isinstance(each, cst.Call)]
    return {name for call in calls for argument in call.args for name in names_read(argument)}


@functools.lru_cache(maxsize=64)
def may_hand_on(code: cst.CSTNode, name: str) -> bool:
    """Whether code does anything with the value of a variable but look at it: its attributes, its items, its truth.

    What takes a step of a coroutine does.
    """
    ancestry = Ancestry(code)
    for node in walk(code):
        if isinstance(node, cst.Name) and node.value == name:
            parent, outer = [*ancestry.ancestors(node), None, None][:2]
            is_keyword = isinstance(parent, cst.Arg) and parent.value is not node
            if not is_keyword and not isinstance(parent, _LOOKS):
                return True
            if isinstance(parent, cst.Attribute) and parent.value is node and _takes_step(parent, outer):
                return True
    return False


def is_done_once(node: cst.CSTNode, around: Ancestry) -> bool:
    """Whether code is run for the first time only: where nothing is kept yet, and what it gives is kept.

    `if self._conn is None: self._conn = connect()`, or the same behind `if self._conn is not None: return self._conn`.
    """
    inner = node
    for outer in around.ancestors(node):
        if isinstance(outer, cst.If) and inner is outer.body:
            found = [each for each in _missing(outer.test) if _lives_on(each, around.root)]
            if any(_keeps(outer.body, each, node) for each in found):
                return True
        elif isinstance(outer, cst.IndentedBlock):
            before = outer.body[: next((at for at, each in enumerate(outer.body) if each is inner), 0)]
            found = [each for one in before if isinstance(one, cst.If) and _leaves(one) for each in _present(one.test)]
            if any(_keeps(outer, each, node) for each in found if _lives_on(each, around.root)):
                return True
        inner = outer
    return False


def _lives_on(kept: cst.BaseExpression, code: cst.CSTNode) -> bool:
    """Whether a place is there for the next call, too: an attribute, or a name that is not the function's own."""
    if not isinstance(kept, cst.Name):
        return True
    is_bound = False
    for node in walk(code):
        if isinstance(node, (cst.Global, cst.Nonlocal)) and any(each.name.value == kept.value for each in node.names):
            return True
        targets = [each.target for each in node.targets] if isinstance(node, cst.Assign) else [node]
        is_given = isinstance(node, (cst.Assign, cst.Param))
        names = [getattr(each, "name", each) for each in targets] if is_given else []
        is_bound = is_bound or any(isinstance(each, cst.Name) and each.value == kept.value for each in names)
    return not is_bound


def _missing(test: cst.BaseExpression) -> list[cst.BaseExpression]:
    """Return what is not there yet where a test holds: `x is None`, `not x`, `key not in kept`, the first of `or`."""
    if isinstance(test, cst.BooleanOperation):
        return [*_missing(test.left), *_missing(test.right)]
    if isinstance(test, cst.UnaryOperation) and isinstance(test.operator, cst.Not):
        return [test.expression]
    if not isinstance(test, cst.Comparison) or len(test.comparisons) != 1:
        return []
    other = test.comparisons[0]
    asks_for_none = isinstance(other.operator, cst.Is) and is_none(other.comparator)
    return [test.left] if asks_for_none else [other.comparator] if isinstance(other.operator, cst.NotIn) else []


def _present(test: cst.BaseExpression) -> list[cst.BaseExpression]:
    """Return what is there where a test holds: `x is not None`, `x`, `key in kept`."""
    if not isinstance(test, cst.Comparison) or len(test.comparisons) != 1:
        return [test] if isinstance(test, (cst.Name, cst.Attribute)) else []
    other = test.comparisons[0]
    is_some = isinstance(other.operator, cst.IsNot) and is_none(other.comparator)
    return [test.left] if is_some else [other.comparator] if isinstance(other.operator, cst.In) else []


def _leaves(branch: cst.If) -> bool:
    last = branch.body.body[-1] if branch.orelse is None and branch.body.body else None
    return isinstance(last, cst.SimpleStatementLine) and isinstance(last.body[-1], cst.Return)


def _keeps(block: cst.CSTNode, kept: cst.BaseExpression, node: cst.CSTNode) -> bool:
    """Whether code puts what a call gives, or a variable, where something was looked for, or there under a key."""
    for each in walk(block):
        if not isinstance(each, cst.Assign):
            continue
        for target in each.targets:
            place: cst.BaseExpression = target.target
            place = place.value if isinstance(place, cst.Subscript) and not isinstance(kept, cst.Subscript) else place
            is_it = isinstance(each.value, cst.Name) or any(inner is node for inner in walk(each.value))
            if is_it and place.deep_equals(kept):
                return True
    return False


_READERS = frozenset({
    "list", "tuple", "set", "frozenset", "dict", "sorted", "sum", "min", "max", "any", "all", "next", "deque",
})  # fmt: skip
_READING_METHODS = frozenset({"join", "extend", "update"})
_PASS_ON = frozenset({"enumerate", "zip", "map", "filter", "iter", "islice", "chain", "reversed", "batched"})
"""What reads no element before somebody asks it for one."""


def reads_at_once(node: cst.CSTNode, code: cst.CSTNode) -> bool:
    """Whether the code around an expression reads from it where it stands: a loop over it, `list(…)`, `yield from`."""
    inner = node
    outers = list(Ancestry(code).ancestors(node))
    for at, outer in enumerate(outers):
        if isinstance(outer, (cst.For, cst.CompFor)):
            if outer.iter is not inner:
                return False
            if isinstance(outer, cst.For):
                return outer.asynchronous is None
        elif isinstance(outer, cst.Call):
            name = outer.func.attr if isinstance(outer.func, cst.Attribute) else outer.func
            called = name.value if isinstance(name, cst.Name) else ""
            if called not in _PASS_ON:
                is_awaited = isinstance([*outers, None][at + 1], cst.Await)
                return called in (_READERS if name is outer.func else _READING_METHODS) and not is_awaited
        elif isinstance(outer, (cst.ListComp, cst.SetComp, cst.DictComp, cst.From)):
            return True
        elif not isinstance(outer, (cst.Arg, cst.GeneratorExp)) or getattr(outer, "keyword", None) is not None:
            return False
        inner = outer
    return False


def _takes_step(method: cst.Attribute, outer: cst.CSTNode | None) -> bool:
    """Whether a method runs a coroutine step by step: `send(None)`; what sends something else is no coroutine."""
    is_called = isinstance(outer, cst.Call) and outer.func is method
    given = outer.args[0].value if isinstance(outer, cst.Call) and is_called and outer.args else None
    is_step = not is_called or (isinstance(given, cst.Name) and given.value == "None")
    return method.attr.value == "__await__" or (method.attr.value == "send" and is_step)


def guarded_by_main(module: cst.Module) -> set[int]:
    """Return the identities of all nodes that run only when the module is the program: `if __name__ == "__main__"`."""
    return {id(node) for body in _main_blocks(module) for node in walk(body)}


def called_by_main(module: cst.Module) -> set[str]:
    """Return the functions that the last statement of such a block calls: with them the process ends."""
    lasts = [body.body[-1] for body in _main_blocks(module) if body.body]
    calls = [node for last in lasts for node in walk(last) if isinstance(node, cst.Call)]
    return {call.func.value for call in calls if isinstance(call.func, cst.Name)}


def _main_blocks(module: cst.Module) -> Iterator[cst.BaseSuite]:
    for statement in module.body:
        if isinstance(statement, cst.If) and "__name__" in names_read(statement.test):
            yield statement.body
