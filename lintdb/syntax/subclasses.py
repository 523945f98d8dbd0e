"""Classes of a project that derive from one of a library: what their constructor hands on to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import libcst as cst

from lintdb.syntax.mappings import SEVERAL
from lintdb.syntax.names import NEUTRAL_BASES, ClassInfo, FunctionInfo, ModuleIndex
from lintdb.syntax.walk import walk


def derived_class(call: cst.Call, scope: FunctionInfo, index: ModuleIndex) -> ClassInfo | None:
    """Return the class of the project that a call makes an object of."""
    found = index.symbol_of(call.func, scope)
    return found if isinstance(found, ClassInfo) else None


def base_call(call: cst.Call, owner: ClassInfo) -> tuple[str, cst.Call] | None:
    """Return the name of the one outside base of a class, and *call* with the arguments that reach its constructor.

    None: there are several bases, or what the constructor does with its arguments cannot be seen.
    """
    names = {name for each in owner.lineage for name in each.outside_bases if name not in NEUTRAL_BASES}
    if len(names) != 1 or None in names or owner.find_method("__new__") is not None:
        return None
    name = names.pop()
    given = call
    for each in owner.lineage:
        constructor = each.methods.get("__init__")
        if constructor is None:
            continue
        arguments = _handed_on(given, constructor)  # to the next class of the project, or to the library's at last
        if arguments is None:
            return None
        given = cst.Call(call.func, arguments)
    return (name, given) if name is not None else None


def _handed_on(call: cst.Call, constructor: FunctionInfo) -> list[cst.Arg] | None:
    inner = [each for each in constructor.calls if _is_base_constructor(each)]
    node = constructor.node
    if len(inner) != 1 or not isinstance(node, cst.FunctionDef):
        return None
    rest = node.params.star_kwarg.name.value if node.params.star_kwarg is not None else None
    bound = _bind(call, node.params)
    if bound is None:
        return None
    given, others = bound
    # What a parameter is given before it is handed on may be anything.
    given |= {each: SEVERAL for each in given if each in constructor.given}
    found: list[cst.Arg] = []
    for argument in inner[0].args:
        if argument.star == "*":
            return None
        if argument.star == "**":
            if rest is None or not isinstance(argument.value, cst.Name) or argument.value.value != rest:
                return None
            handed = _rest(node, rest, others, given)
            if handed is None:
                return None
            found += handed
        else:
            found.append(argument.with_changes(value=_seen(argument.value, given)))
    return found


def _is_base_constructor(call: cst.Call) -> bool:
    """`super().__init__(…)`."""
    func = call.func
    if not isinstance(func, cst.Attribute) or func.attr.value != "__init__" or not isinstance(func.value, cst.Call):
        return False
    return isinstance(func.value.func, cst.Name) and func.value.func.value == "super"


def _bind(call: cst.Call, params: cst.Parameters) -> tuple[dict[str, cst.BaseExpression | None], list[cst.Arg]] | None:
    """Return what each parameter gets, and the keywords that none of them takes; None if that cannot be told."""
    if params.posonly_params or any(each.star for each in call.args):
        return None
    names = [each.name.value for each in params.params][1:]
    given = {each.name.value: each.default for each in (*params.params[1:], *params.kwonly_params)}
    others: list[cst.Arg] = []
    for position, argument in enumerate(call.args):
        if argument.keyword is not None:
            if argument.keyword.value in given:
                given[argument.keyword.value] = argument.value
            else:
                others.append(argument)
        elif position < len(names):
            given[names[position]] = argument.value
        else:
            return None
    return given, others


def _seen(value: cst.BaseExpression, given: dict[str, cst.BaseExpression | None]) -> cst.BaseExpression:
    """Return what an argument is for this call: a literal stands for itself, a parameter for what it is given."""
    if isinstance(value, cst.Name) and given.get(value.value) is not None:
        return given[value.value] or SEVERAL
    return SEVERAL if any(isinstance(each, (cst.Name, cst.Call)) for each in walk(value)) else value


class _Put(NamedTuple):
    """What a statement puts into the keywords that a constructor hands on; `is_default`: unless they are given."""

    key: str
    value: cst.BaseExpression
    is_default: bool


def _rest(
    node: cst.FunctionDef, rest: str, others: list[cst.Arg], given: dict[str, cst.BaseExpression | None]
) -> list[cst.Arg] | None:
    """Return the keywords that a constructor hands on by `**kwargs`, *rest*: *others*, and what it has put to them.

    `if pool: kwargs["connection_pool"] = pool` puts nothing where no pool is given. None: it does something else, too.
    """
    found = {each.keyword.value if each.keyword is not None else "": each for each in others}
    uses = 0
    for statement, conditions in _statements(node.body, ()):
        mentioned = sum(isinstance(each, cst.Name) and each.value == rest for each in walk(statement))
        put = _put(statement, rest)
        if put is None:
            uses += mentioned
            continue
        if mentioned > 1 or not put.key.isidentifier():
            return None
        is_never = any(_is_nothing(given.get(name)) for name in conditions)
        if not is_never and not (put.is_default and put.key in found):
            value = _seen(put.value, given) if not conditions else SEVERAL
            found[put.key] = cst.Arg(value, keyword=cst.Name(put.key))
    return list(found.values()) if uses == 1 else None


def _statements(body: cst.BaseSuite, conditions: tuple[str, ...]) -> Iterator[tuple[cst.CSTNode, tuple[str, ...]]]:
    """Yield the statements of a block, and of those under `if name:`, with the names that must be true for them."""
    for statement in body.body:
        if isinstance(statement, cst.If) and isinstance(statement.test, cst.Name) and statement.orelse is None:
            yield statement.test, conditions
            yield from _statements(statement.body, (*conditions, statement.test.value))
        elif isinstance(statement, cst.SimpleStatementLine):
            yield from ((each, conditions) for each in statement.body)
        else:
            yield statement, conditions


def _put(statement: cst.CSTNode, rest: str) -> _Put | None:
    """`kwargs["key"] = value`, `kwargs.setdefault("key", value)`."""
    if isinstance(statement, cst.Assign) and len(statement.targets) == 1:
        target = statement.targets[0].target
        if isinstance(target, cst.Subscript) and _is_name(target.value, rest) and len(target.slice) == 1:
            index = target.slice[0].slice
            key = _text(index.value) if isinstance(index, cst.Index) else None
            return _Put(key, statement.value, is_default=False) if key is not None else None
    call = statement.value if isinstance(statement, cst.Expr) else None
    if (
        not isinstance(call, cst.Call)
        or not isinstance(call.func, cst.Attribute)
        or not _is_name(call.func.value, rest)
    ):
        return None
    if call.func.attr.value != "setdefault" or len(call.args) != 2:
        return None
    key = _text(call.args[0].value)
    return _Put(key, call.args[1].value, is_default=True) if key is not None else None


def _is_name(node: cst.CSTNode, name: str) -> bool:
    return isinstance(node, cst.Name) and node.value == name


def _text(node: cst.CSTNode) -> str | None:
    value = node.evaluated_value if isinstance(node, cst.SimpleString) else None
    return value if isinstance(value, str) else None


def _is_nothing(value: cst.BaseExpression | None) -> bool:
    return isinstance(value, cst.Name) and value.value in ("None", "False")
