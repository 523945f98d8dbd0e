"""Classes of a project that derive from one of a library: what their constructor hands on to it."""

from __future__ import annotations

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
    constructor = owner.find_method("__init__")
    arguments: list[cst.Arg] | None = list(call.args)
    if constructor is not None:
        arguments = _handed_on(call, constructor)
    if name is None or arguments is None:
        return None
    return name, cst.Call(call.func, arguments)


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
    found: list[cst.Arg] = []
    for argument in inner[0].args:
        if argument.star == "*":
            return None
        if argument.star == "**":
            if not isinstance(argument.value, cst.Name) or argument.value.value != rest or _uses(node, rest) != 1:
                return None
            found += others
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


def _uses(node: cst.FunctionDef, name: str | None) -> int:
    return sum(isinstance(each, cst.Name) and each.value == name for each in walk(node.body))
