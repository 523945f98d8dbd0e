"""Names that a test replaces: `mock.patch("driver.connect")`, `monkeypatch.setattr(driver, "connect", fake)`."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lintdb.syntax.names import FunctionInfo, ModuleIndex

_SET_UPS = ("setUp", "setup_method", "setUpClass", "setup_class")


def patched_names(info: FunctionInfo, index: ModuleIndex) -> frozenset[str]:
    """Return the dotted names that calls and decorators of a test (or of its class) put something else in place of.

    Each as it is written, so with the module in front that it is patched in: `shop.storage.driver.connect`.
    """
    return frozenset(name for call, scope in _calls(info) if (name := _patched(call, scope, index)) is not None)


def is_patched(dotted: str, names: frozenset[str]) -> bool:
    """Whether one of the patched names is that of *dotted*, or of a method of it, or as another module knows it."""
    candidates = [each for name in names for each in (name, name.rpartition(".")[0])]
    return any(name == dotted or name.endswith(f".{dotted}") for name in candidates)


def is_replaced(callee: str, module: str, names: frozenset[str]) -> bool:
    """Whether what a module calls, as it is written there, is patched: `Driver.open`, by `shop.storage.Driver`.

    *module* is the last part of the module's name.
    """
    parts = callee.split(".")
    written = [".".join(parts[: count + 1]) for count in range(len(parts))]
    # A name alone may be any module's; one with what it belongs to is the library's own.
    ends = tuple(end for each in written for end in (f".{module}.{each}", f".{each}" if "." in each else "") if end)
    return any(f".{name}".endswith(ends) for name in names)


def reaches_patched(info: FunctionInfo, names: frozenset[str]) -> bool:
    """Whether a function is patched, or mentions what is, itself or in the functions of its file that it mentions."""
    words = {name.rpartition(".")[2] for name in names}
    reached = [info]
    for each in reached:  # grows
        mentioned = each.loads | each.attributes | {each.name}
        if not words.isdisjoint(mentioned):
            return True
        classes = each.owner.lineage if each.owner is not None else ()  # in other files, too: `super().connect()`
        known = [*each.index.functions.values(), *(method for part in classes for method in part.methods.values())]
        reached += [other for other in known if other.name in mentioned and other not in reached]
    return False


def _calls(info: FunctionInfo) -> Iterator[tuple[cst.Call, FunctionInfo]]:
    scope: FunctionInfo | None = info
    while scope is not None and not scope.is_module:
        parts = [scope]
        decorators = list(scope.decorators)
        if scope.owner is not None:
            decorators += [each.decorator for each in scope.owner.node.decorators]
            parts += [scope.owner.methods[name] for name in _SET_UPS if name in scope.owner.methods]
        for each in decorators:
            if isinstance(each, cst.Call):
                yield each, scope
        for part in parts:
            for call in part.calls:
                yield call, part
        scope = scope.parent


def _patched(call: cst.Call, scope: FunctionInfo, index: ModuleIndex) -> str | None:
    """Return the name that a call patches: given as a text, or as an object and the name of its attribute."""
    name = call.func.attr if isinstance(call.func, cst.Attribute) else call.func
    if not isinstance(name, cst.Name) or name.value not in ("patch", "object", "setattr"):
        return None
    values = [argument.value for argument in call.args if argument.keyword is None and not argument.star]
    texts = [value.evaluated_value if isinstance(value, cst.SimpleString) else None for value in values[:2]]
    if texts and isinstance(texts[0], str):
        return texts[0]
    if len(texts) < 2 or not isinstance(texts[1], str):
        return None
    target = index.dotted(values[0], scope) or getattr(values[0], "value", None)  # a class of this very file
    return f"{target}.{texts[1]}" if isinstance(target, str) else None
