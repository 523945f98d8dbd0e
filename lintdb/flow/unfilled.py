"""Which attributes of the one object that a module makes never hold anything: `repository = Repository()`.

Its constructor keeps there what it is given, nothing was given, and no other code of the project fills them.
"""

from __future__ import annotations

import re

import libcst as cst

from lintdb.syntax.given import given_by
from lintdb.syntax.names import ClassInfo, FunctionInfo, ModuleIndex
from lintdb.syntax.nodes import is_none
from lintdb.syntax.walk import walk


def never_filled(name: str, owner: ClassInfo, index: ModuleIndex) -> frozenset[str]:
    """Return the attributes of the object of a class under a top-level name of a module that are None at all times."""
    made, init = index.constant(name), owner.find_method("__init__")
    if not isinstance(made, cst.Call) or index.symbol_of(made.func, index.body) is not owner or init is None:
        return frozenset()
    if owner.has_unknown_base or not isinstance(init.node, cst.FunctionDef) or init.node.decorators:
        return frozenset()
    missing = _missing(init, made)
    return frozenset(
        attribute
        for attribute in {attribute for each in owner.lineage for attribute in each.assigned}
        if missing and _kept(attribute, owner, init) in missing and not _is_filled(attribute, owner, index)
    )


def _missing(init: FunctionInfo, made: cst.Call) -> set[str]:
    """Return the parameters that are None in a call of a constructor, and stay so in it."""
    rebound = {
        node.value
        for each in init.nodes
        if isinstance(each, (cst.AssignTarget, cst.AugAssign, cst.AnnAssign, cst.NamedExpr, cst.For, cst.AsName))
        for node in walk(each.name if isinstance(each, cst.AsName) else each.target)
        if isinstance(node, cst.Name)
    }
    given = {each.name.value: given_by([(init, made)], each.name.value, init) for each in init.params[1:]}
    return {name for name, found in given.items() if found and is_none(found[0].node) and name not in rebound}


def _kept(attribute: str, owner: ClassInfo, init: FunctionInfo) -> str:
    """Return the parameter of a constructor that an attribute holds, if no method gives it anything else."""
    if any(attribute in each.given or not _is_empty(attribute, each) for each in owner.lineage):
        return ""
    stores = [store for each in owner.lineage for store in each.assigned.get(attribute, ())]
    value = stores[0][1] if len(stores) == 1 and stores[0][0] is init else None
    return value.value if isinstance(value, cst.Name) else ""


def _is_empty(attribute: str, owner: ClassInfo) -> bool:
    value = owner.body_values[attribute][0] if attribute in owner.body_values else None
    return value is None or is_none(value)


def _is_filled(attribute: str, owner: ClassInfo, index: ModuleIndex) -> bool:
    """Whether code of the project may give an attribute of an object of a class a value from elsewhere."""
    links = index.links
    texts = links.texts_with(attribute, index) if links is not None else None
    # Without a project there are the files that are at hand.
    codes = [text for _, text in texts] if texts is not None else [index.text, owner.index.text]
    stored = re.compile(rf"(?<!\bself)(?<!\bcls)\.{re.escape(attribute)}\s*(?::[^=\n]+)?=(?!=)")
    by_name = re.compile(rf"setattr\(|__dict__|patch\.object\([^)]*[\"']{re.escape(attribute)}[\"']")
    return any(stored.search(code) or by_name.search(code) for code in codes)
