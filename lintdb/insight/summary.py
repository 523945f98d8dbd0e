"""What lintdb understood of the functions and classes of a file."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lintdb.insight.classes import describe_class
from lintdb.insight.functions import Description, describe_function
from lintdb.insight.opened import Opened, UnanswerableError
from lintdb.selection import did_you_mean
from lintdb.syntax.names import ClassInfo, FunctionInfo


def describe(opened: Opened, name: str | None = None) -> Iterator[list[str]]:
    """Yield a headline, with what is below it, for each function and class of that name, or of interest.

    Raises `UnanswerableError` if there is none of that name.
    """
    for function in opened.functions:
        opened.watch(function)  # so that it is known how functions are called
    classes = [owner for owner in opened.index.classes.values() if _is_meant(owner, name, opened)]
    functions = [info for info in opened.index.all_functions if _is_meant(info, name, opened)]
    if name is not None and not classes and not functions:
        names = [each.qualname for each in opened.index.all_functions[1:]]
        names += [each.qualname for each in opened.index.classes.values()]
        cure = did_you_mean(name, names)
        if not cure and names:
            cure = f"; it has: {', '.join(names[:20])}"
        raise UnanswerableError(f"{opened.source.path} has no function or class {name!r}{cure}")
    both: list[FunctionInfo | ClassInfo] = [*classes, *functions]
    opened.locate([each.node for each in both])
    meant = sorted(both, key=lambda each: _line(each, opened))
    for each in meant:
        yield describe_class(opened, each) if isinstance(each, ClassInfo) else describe_function(opened, each)


def _is_meant(each: FunctionInfo | ClassInfo, name: str | None, opened: Opened) -> bool:
    if name is not None:
        return name in (each.name, each.qualname)
    if isinstance(each, FunctionInfo):
        if each.is_module:
            return False
        is_called = any(start.resources for start in opened.program.workspace.starts(each))
        if is_called or (each in opened.functions and _has_to_do_with_resources(each, opened)):
            return True
        return _cleans_up_parameter(each, opened) and any(Description(opened, each).supposed())
    return any(
        method in opened.functions and _has_to_do_with_resources(method, opened) for method in each.methods.values()
    )


def _has_to_do_with_resources(info: FunctionInfo, opened: Opened) -> bool:
    """Whether the function calls something that a driver model describes, or is given a resource."""
    run = opened.watch(info)
    is_given = any(run.knowledge.kind(site.kind) is not None for site in run.sites.values())
    return is_given or any(call.model.driver != "stdlib" for call in run.calls.values())


def _cleans_up_parameter(info: FunctionInfo, opened: Opened) -> bool:
    """Whether a method that releases something is called on a parameter: `conn.close()`."""
    names = {param.name.value for param in info.params}
    methods = (call.func for call in info.calls if isinstance(call.func, cst.Attribute))
    return any(
        isinstance(each.value, cst.Name)
        and each.value.value in names
        and opened.program.knowledge.is_clean_up(each.attr.value)
        for each in methods
    )


def _line(each: FunctionInfo | ClassInfo, opened: Opened) -> tuple[int, str]:
    place = opened.place(each.node)
    return (place.span.line if place is not None else 0, each.qualname)
