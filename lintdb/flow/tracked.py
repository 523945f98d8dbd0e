"""Objects that something which tracks them has given: to assign to their attributes is to write.

`user = session.get(User, number)` and then `user.name = name`. Told from the text of one function: a variable that is
given one value only, or goes through one thing only, and a class of the project whose body declares the attribute.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import libcst as cst

from lintdb.syntax.literals import only_value, unawaited
from lintdb.syntax.names import ClassInfo, FunctionInfo

_MOST_NAMES = 3
"""Variables between the call and the object."""

_LETS_GO = frozenset({"expunge", "expunge_all", "make_transient", "no_autoflush", "merge"})
"""After which an object is somebody's copy."""

_ASKS = frozenset({"get", "get_one", "query", "scalars", "scalar", "execute", "exec", "stream_scalars"})
"""Methods that are asked for objects of a class."""

_BY_KEY = frozenset({"get", "get_one"})
"""What is asked for a class, and then for a key."""


class Tracked(NamedTuple):
    """What has given an object, by its name, and what the object is."""

    giver: str
    owner: ClassInfo

    def declares(self, attribute: str) -> bool:
        """Whether the class, or a base, declares an attribute by a call or an annotation with a type in it."""
        for each in self.owner.lineage:
            value, annotation = each.body_values.get(attribute, (None, None))
            said = annotation.annotation if annotation is not None else None
            if isinstance(value, cst.Call) or isinstance(said, cst.Subscript) or (said is not None and _is_table(each)):
                return True
        return False


@functools.lru_cache(maxsize=1024)
def tracked(name: str, function: FunctionInfo) -> Tracked | None:
    """Return what has given the object that a variable of a function holds; None if that cannot be told."""
    if not _LETS_GO.isdisjoint((*function.attributes, *function.loads)):
        return None
    node = _source(name, function)
    for _ in range(_MOST_NAMES):
        if not isinstance(node, cst.Name):
            break
        node = _source(node.value, function)
    first = _first_call(node)
    if first is None or not isinstance(first.func, cst.Attribute) or not isinstance(first.func.value, cst.Name):
        return None
    if first.func.attr.value not in _ASKS:
        return None  # to look for a class may take another file
    owner = _class_asked_for(first, function)
    return Tracked(first.func.value.value, owner) if owner is not None else None


def _source(name: str, function: FunctionInfo) -> cst.BaseExpression | None:
    """Return the one thing that a variable is given, or goes through."""
    loops = [
        node.iter
        for node in function.nodes
        if isinstance(node, cst.For) and isinstance(node.target, cst.Name) and node.target.value == name
    ]
    value = unawaited(only_value(name, function))
    return value if not loops else loops[0] if value is None and len(loops) == 1 else None


def _first_call(node: cst.BaseExpression | None) -> cst.Call | None:
    """Return the call that a chain of methods begins with: `s.query(User)` of `s.query(User).filter(…).one()`."""
    found: cst.Call | None = None
    while isinstance(node, (cst.Call, cst.Attribute, cst.Await)):
        if isinstance(node, cst.Call):
            found, node = node, node.func
        else:
            node = node.value if isinstance(node, cst.Attribute) else node.expression
    return found


def _class_asked_for(call: cst.Call, function: FunctionInfo) -> ClassInfo | None:
    """Return the class whose objects a call asks for: `get(User, 1)`, `query(User)`, `scalars(select(User))`."""
    asked = call.args[0].value if call.args and not call.args[0].star else None
    if len(call.args) > 1 and getattr(getattr(call.func, "attr", None), "value", "") not in _BY_KEY:
        return None  # rows of several things
    if isinstance(asked, cst.Name) and function.index.is_local(asked.value, function):
        asked = only_value(asked.value, function)
    inner = _first_call(asked)
    if inner is not None:
        asked = inner.args[0].value if len(inner.args) == 1 and not inner.args[0].star else None
    if not isinstance(asked, (cst.Name, cst.Attribute)):
        return None
    symbol = function.index.symbol_of(asked, function, is_needed=True)
    return symbol if isinstance(symbol, ClassInfo) else None


def _is_table(owner: ClassInfo) -> bool:
    """`class User(SQLModel, table=True)`: what its body declares are columns."""
    return any(each.keyword is not None and each.keyword.value == "table" for each in owner.node.keywords)
