"""What the rules about attributes share: which of them matter, and whether other code of the file releases them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING

from lintdb.rules.base import FileContext

if TYPE_CHECKING:
    import libcst as cst

    from lintdb.effects import Kind
    from lintdb.flow.classes import OpenedAttribute
    from lintdb.flow.results import FunctionFlow
    from lintdb.syntax.names import ClassInfo, FunctionInfo

DYNAMIC = re.compile(r"\bgetattr\(self,(?!\s*[\"'])|\bvars\(self\)|\bself\.__dict__")
"""Code in which it cannot be told which attributes are reached."""
FAMILIES = ("connection", "session", "checkout", "pool")


def is_filled_before(
    method: FunctionInfo,
    attribute: str,
    fillers: Iterable[OpenedAttribute],
    flows: Iterable[FunctionFlow],
    ctx: FileContext,
) -> bool:
    """Whether an attribute surely holds something when a method replaces that, and nothing says that it is closed.

    A path of the method has used it before, or making the object fills it: *fillers* are what else does.
    """
    if _asks_first(method, attribute, ctx):
        return False
    if any(flow.function is method and attribute in flow.replaced_in_use for flow in flows):
        return True
    first = method.owner.find_method("__init__") if method.owner is not None else None
    at_start = _run_by(first) if first is not None else []
    is_filled = any(each.method in at_start for each in fillers)
    return is_filled and (method not in at_start or any(each.method is first for each in fillers))


def _asks_first(method: FunctionInfo, attribute: str, ctx: FileContext) -> bool:
    """Whether a test in a method calls another one of its object that looks at an attribute: `if self.is_closed():`."""
    import libcst as cst

    from lintdb.syntax.walk import walk

    owner = method.owner
    if owner is None or not method.params:
        return False
    tests = [node.test for node in method.nodes if isinstance(node, (cst.If, cst.While, cst.IfExp))]
    for node in (each for test in tests for each in walk(test)):
        function = node.func if isinstance(node, cst.Call) else None
        base = function.value if isinstance(function, cst.Attribute) else None
        is_own = isinstance(base, cst.Name) and base.value == method.params[0].name.value
        helper = owner.find_method(function.attr.value) if is_own and isinstance(function, cst.Attribute) else None
        if helper is not None and attribute in ctx.program.classes.reach.of(helper, owner).names:
            return True
    return False


def _run_by(method: FunctionInfo) -> list[FunctionInfo]:
    """Return a method and all methods that it calls on its object, directly or through them."""
    found = [method]
    for each in found:
        names = each.own_attributes if each.is_method else ()
        methods = (method.owner.find_method(name) for name in names) if method.owner is not None else ()
        found += [other for other in methods if other is not None and other not in found]
    return found


def is_subscription(kind: Kind) -> bool:
    """Whether a kind keeps a connection for what it is told of from then on: of results the one that classes keep."""
    return any(model.joins for models in kind.methods.values() for model in models)


def is_released_elsewhere(owner: ClassInfo, attribute: str, kind: Kind, ctx: FileContext) -> bool:
    """Whether other code of the file releases an attribute of that name: of some object, or of a base's `self`."""
    names = _releases(kind)
    names = [name for name in names if not any(model.coroutine for model in kind.methods[name])] or names
    awaited = r"await\s+\w+\.\w*" if all(m.coroutine for name in names for m in kind.methods[name]) else ""
    pattern = rf"(?<!self)(?<!cls)\.{re.escape(attribute)}\.(?:{'|'.join(map(re.escape, names))})\b" if names else r"$^"
    if re.search(awaited + pattern if awaited else pattern, ctx.text) is not None:
        return True
    relatives = [each.index.code_of(each.node) for each in ctx.program.classes.family_of(owner) if each is not owner]
    in_base = (
        rf"{awaited or 'self'}\.{re.escape(attribute)}\.(?:{'|'.join(map(re.escape, names))})\b" if names else r"$^"
    )
    return any(re.search(in_base, code) for code in relatives)


def is_looked_after(owner: ClassInfo, attribute: str, kinds: Iterable[Kind], ctx: FileContext) -> bool:
    """Whether methods of a class release an attribute whose kind they do not know, or do more with it than call it."""
    code = "\n".join(each.index.code_of(each.node) for each in ctx.program.classes.family_of(owner))
    names = "|".join(re.escape(name) for kind in kinds for name in _releases(kind))
    held = rf"\bself\.{re.escape(attribute)}\b"
    return re.search(rf"{held}\.(?:{names or '$^'})\b|{held}(?!\s*(?:[.:]|=(?!=)))", code) is not None


def is_handed_on(owner: ClassInfo, attribute: str, kind: Kind, ctx: FileContext) -> bool:
    """Whether another attribute, which a method that releases reaches, is made of one, or is its release.

    `self.handle = Handle(self.conn)`, `self._close = self.conn.close`; not what a library makes of it and leaves open.
    """
    import libcst as cst

    from lintdb.syntax.namesakes import names_of
    from lintdb.syntax.walk import walk

    classes = ctx.program.classes
    endings = [*classes.releases(owner, beside_del=True), *classes.finalizers(owner)]
    reached = {name for method in endings for name in classes.reach.of(method, owner).names}
    names = names_of(owner, attribute)
    meant = {f"self.{each}{release}" for each in names for release in ("", *(f".{name}" for name in _releases(kind)))}
    for other, assigned in owner.assigned.items():
        if other == attribute or other not in reached or ctx.program.types.attribute_kind(owner, other) is not None:
            continue
        for _, value, _ in assigned:
            nodes = list(walk(value)) if value is not None else []
            called = {id(node.func) for node in nodes if isinstance(node, cst.Call)}
            given = [node.value for node in nodes if isinstance(node, (cst.Arg, cst.Element))]
            if any(ctx.source_of(each) in meant for each in (*given, *nodes[:1]) if id(each) not in called):
                return True
    return False


def forgotten_by(owner: ClassInfo, attribute: str, kind: Kind, ctx: FileContext) -> FunctionInfo | None:
    """Return the method that is meant to release an attribute, and does no more than write None over it.

    None where any code of the project releases it, by its name or by what a method of the class gives it out as, or
    has another name for it.
    """
    from lintdb.flow.words import RELEASING_NAMES  # loads libcst, which listing rules does not need

    found = next(
        (
            method
            for name, method in owner.methods.items()
            if name in RELEASING_NAMES and not name.startswith("__") and _only_forgets(method, attribute, owner)
        ),
        None,
    )
    if found is None:
        return None
    held = {attribute, *(name for name, method in owner.methods.items() if gives_out(method, attribute))}
    names = "|".join(map(re.escape, sorted(held)))
    releases = "|".join(map(re.escape, _releases(kind))) or "$^"
    released = re.compile(rf"\.(?:{names})(?:\(\))?\.(?:{releases})\b")
    taken = re.compile(
        rf"(?:=|\(|,|\b(?:with|return|yield|await))\s*[\w.]*\.(?:{names})(?:\(\))?[ \t]*(?:[\n),:]|as\b|$)"
    )
    links, index = owner.index.links, owner.index
    texts = {each.index.name.path: each.index.text for each in ctx.program.classes.family_of(owner)}
    for name in held if links is not None and index.name.path else ():
        texts.update(links.texts_with(name, index) or () if links is not None else ())
    own = rf"return (?:self|cls)\.{re.escape(attribute)}\b"
    family = [re.sub(own, "", each.index.code_of(each.node)) for each in ctx.program.classes.family_of(owner)]
    others = [re.sub(r"\b(?:self|cls)\.\w+", "", text) for text in texts.values()]
    return None if any(released.search(text) or taken.search(text) for text in (*family, *others)) else found


def gives_out(method: FunctionInfo, attribute: str) -> bool:
    """Whether a method returns what an attribute holds."""
    return re.search(rf"return (?:self|cls)\.{re.escape(attribute)}\b", method.index.code_of(method.node)) is not None


def _only_forgets(method: FunctionInfo, attribute: str, owner: ClassInfo) -> bool:
    """Whether a method writes None over an attribute, and does nothing else with it but ask whether it is there."""
    import libcst as cst  # as above

    from lintdb.syntax.nodes import is_none

    written = [value for scope, value, _ in owner.assigned.get(attribute, ()) if scope is method]
    code = owner.index.code_of(method.node)
    if not written:  # on the class itself
        written = [None] if re.search(rf"\bcls\.{re.escape(attribute)}\s*=\s*None\b", code) else []
        is_forgotten = bool(written)
    else:
        is_forgotten = all(value is not None and is_none(value) for value in written)
    if not is_forgotten:
        return False
    called = {each.func.attr.value for each in method.calls if isinstance(each.func, cst.Attribute)}
    if not called.isdisjoint(owner.methods) or re.search(r"\bsuper\(", code):
        return False  # another method of it may release it
    read = rf"\b(?:self|cls)\.{re.escape(attribute)}\b(?!\s*=(?!=))"
    asked = rf"(?:\b(?:if|elif|and|or|not|while)\s+(?:not\s+)?{read}(?=\s*(?::|is\b|!=|==|and\b|or\b)))"
    return re.search(read, re.sub(asked, "", code)) is None


def by_any_name(names: AbstractSet[str], owner: ClassInfo) -> set[str]:
    """Return attributes of a class with all others that hold the same."""
    from lintdb.syntax.namesakes import names_of  # loads libcst, which listing rules does not need

    return {each for name in names for each in names_of(owner, name)}


def is_put_back(method: FunctionInfo, opened: cst.Call, store: cst.CSTNode) -> bool:
    """Whether a manager puts what it has lent back into an attribute, and not what a call opens for that there."""
    from lintdb.flow.decorators import is_generator_manager  # loads libcst, which listing rules does not need
    from lintdb.syntax.walk import walk

    return is_generator_manager(method) and all(node is not opened for node in walk(store))


def vain_releases(attribute: str, kind: Kind, flows: Sequence[FunctionFlow], ctx: FileContext) -> Iterator[cst.CSTNode]:
    """Yield the releases of an attribute that do nothing: they are not awaited, or named and not called."""
    pattern = re.compile(rf"self\.{re.escape(attribute)}\.(?:{'|'.join(map(re.escape, _releases(kind)))})\b")
    for flow in flows:
        unawaited = [node for each in flow.unawaited for node in each.started or (each.node,)]
        for node in [*unawaited, *(each.node for each in flow.uncalled)]:
            if pattern.match(ctx.source_of(node, 200)):
                yield node


def _releases(kind: Kind) -> list[str]:
    return [name for name, models in kind.methods.items() if any(model.releases == "self" for model in models)]
