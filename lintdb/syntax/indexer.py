"""Builds a `ModuleIndex`: the one walk over a module's tree."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable
from typing import Any

import libcst as cst

from lintdb.syntax.keys import attribute_key, item_key, may_be_owner
from lintdb.syntax.links import Links
from lintdb.syntax.modules import OWN, ModuleName
from lintdb.syntax.names import FUNCTIONS_PER_MODULE, ClassInfo, FunctionInfo, ModuleIndex, asked_attribute
from lintdb.syntax.nodes import last_name
from lintdb.syntax.walk import push_children


def _import_name(node: cst.Attribute | cst.Name) -> str:
    parts: list[str] = []
    current: cst.BaseExpression = node
    while isinstance(current, cst.Attribute):
        parts.append(current.attr.value)
        current = current.value
    if isinstance(current, cst.Name):
        parts.append(current.value)
    return ".".join(reversed(parts))


class _Indexer:
    """The walk. `_visit` dispatches on the exact node class; everything else just goes down."""

    def __init__(
        self,
        module: cst.Module,
        name: ModuleName,
        links: Links | None,
        libraries: Container[str],
        exports: Callable[[str], Iterable[str]],
    ) -> None:
        self.index = ModuleIndex(module, name, links)
        self.libraries = libraries
        self.exports = exports
        # Class, attribute, and who assigns what to it: the class may be defined further down.
        self.given: list[tuple[str, str, tuple[FunctionInfo, cst.BaseExpression | None, cst.Annotation | None]]] = []
        body = self.index.body
        self.index.all_functions.append(body)
        self.index.of_node[id(module)] = body
        # Each says whether it has dealt with the code below the node, too.
        self.handlers: dict[type[cst.CSTNode], Callable[[Any, FunctionInfo, ClassInfo | None], bool]] = {
            cst.FunctionDef: self._function,
            cst.Lambda: self._lambda,
            cst.ClassDef: self._class,
            cst.Call: self._call,
            cst.Name: self._name,
            cst.Attribute: self._attribute,
            cst.Subscript: self._subscript,
            cst.Import: self._import,
            cst.ImportFrom: self._import_from,
            cst.Assign: self._assign,
            cst.AnnAssign: self._annotated,
            cst.AugAssign: self._augmented,
            cst.AssignTarget: self._target_only,
            cst.For: self._for,
            cst.NamedExpr: self._named,
            cst.AsName: self._as_name,
            cst.CompFor: self._comp_for,
            cst.Del: self._del,
            cst.Global: self._outer,
            cst.Nonlocal: self._outer,
            cst.Yield: self._yield,
            cst.Param: self._param,
            cst.MatchAs: self._match_name,
            cst.MatchStar: self._match_name,
            cst.MatchMapping: self._match_mapping,
            cst.Annotation: self._skip,
        }

    def _number(self) -> int:
        return self.index.name.number * FUNCTIONS_PER_MODULE + len(self.index.of_node)

    def run(self) -> ModuleIndex:
        self._down(self.index.module, self.index.body, None)
        for name, attribute, given in self.given:
            owner = self.index.classes.get(name)
            if owner is not None and (given[0].is_module or not self.index.is_local(name, given[0])):
                owner.given.setdefault(attribute, []).append(given)
            dotted = self.index.imported(name, given[0]) if owner is None else None
            if dotted is not None:
                self.index.placed.setdefault(f"{dotted}.{attribute}", []).append(given)
        return self.index

    def _down(self, node: cst.CSTNode, scope: FunctionInfo, owner: ClassInfo | None) -> None:
        handlers = self.handlers
        # An explicit stack: expressions may be nested deeper than the interpreter's recursion limit allows.
        stack: list[cst.CSTNode] = [node]
        first = True
        while stack:
            current = stack.pop()
            if not first or current is not node:
                handler = handlers.get(type(current))
                if handler is not None and handler(current, scope, owner):
                    continue
            first = False
            push_children(current, stack)

    def _function(self, node: cst.FunctionDef, scope: FunctionInfo, owner: ClassInfo | None) -> bool:
        name = node.name.value
        prefix = owner.qualname + "." if owner else "" if scope.is_module else scope.qualname + "."
        info = FunctionInfo(
            self.index, node, name, prefix + name, owner, scope,
            is_async=node.asynchronous is not None,
            number=self._number(),
            decorators=tuple(d.decorator for d in node.decorators),
        )  # fmt: skip
        self.index.all_functions.append(info)
        self.index.of_node[id(node)] = info
        if owner is not None:
            owner.methods[name] = info
        else:
            scope.bound.add(name)
            scope.nested[name] = info
            if scope.is_module:
                self.index.functions[name] = info
        for decorator in node.decorators:
            self._down(decorator, scope, None)
        for param in info.params:
            if param.default is not None:
                self._visit(param.default, scope)
            info.bound.add(param.name.value)
        self._down(node.body, info, None)
        return True

    def _lambda(self, node: cst.Lambda, scope: FunctionInfo, owner: ClassInfo | None) -> bool:
        info = FunctionInfo(
            self.index, node, "<lambda>", scope.qualname + ".<lambda>", None, scope, number=self._number()
        )
        self.index.of_node[id(node)] = info
        scope.lambdas[id(node)] = info
        for param in info.params:
            if param.default is not None:
                self._visit(param.default, scope)
            info.bound.add(param.name.value)
        self._visit(node.body, info)
        return True

    def _visit(self, node: cst.CSTNode, scope: FunctionInfo) -> None:
        handler = self.handlers.get(type(node))
        if handler is None or not handler(node, scope, None):
            self._down(node, scope, None)

    def _class(self, node: cst.ClassDef, scope: FunctionInfo, owner: ClassInfo | None) -> bool:
        name = node.name.value
        prefix = owner.qualname + "." if owner else "" if scope.is_module else scope.qualname + "."
        info = ClassInfo(self.index, node, name, prefix + name, tuple(base.value for base in node.bases))
        self.index.classes.setdefault(name, info)
        scope.bound.add(name)
        for decorator in node.decorators:
            self._down(decorator, scope, None)
        for base in [*node.bases, *node.keywords]:
            self._visit(base.value, scope)
        # Names bound in the class body are not visible as bare names in the methods: a scope of its own, thrown away.
        body = cst.FunctionDef(node.name, cst.Parameters(), node.body)
        inner = FunctionInfo(self.index, body, name, info.qualname, None, scope)
        inner.calls, inner.loads, inner.attributes = scope.calls, scope.loads, scope.attributes
        self._down(node.body, inner, info)
        for method in info.methods.values():
            method.parent = scope
        for child in self.index.all_functions:
            if child.parent is inner:
                child.parent = scope
        return True

    def _call(self, node: cst.Call, scope: FunctionInfo, owner: ClassInfo | None) -> bool:
        scope.calls.append(node)
        asked = asked_attribute(node)
        if asked is not None:
            scope.attributes.add(asked[1])
        return False

    def _name(self, node: cst.Name, scope: FunctionInfo, owner: ClassInfo | None) -> bool:
        scope.loads.add(node.value)
        return True

    def _attribute(self, node: cst.Attribute, scope: FunctionInfo, owner: ClassInfo | None) -> bool:
        scope.attributes.add(node.attr.value)
        key = key_of(node)
        if key is not None:
            scope.keys.add(key)
        return False

    def _subscript(self, node: cst.Subscript, scope: FunctionInfo, owner: ClassInfo | None) -> bool:
        key = key_of(node)
        if key is not None:
            scope.keys.add(key)
        return False

    def _import(self, node: cst.Import, scope: FunctionInfo, owner: ClassInfo | None) -> bool:
        for alias in node.names:
            dotted = _import_name(alias.name)
            if alias.asname is not None and isinstance(alias.asname.name, cst.Name):
                self._bind_import(scope, alias.asname.name.value, dotted)
            else:
                root = dotted.partition(".")[0]
                self._bind_import(scope, root, root)
        return True

    def _import_from(self, node: cst.ImportFrom, scope: FunctionInfo, owner: ClassInfo | None) -> bool:
        module = _import_name(node.module) if node.module is not None else ""
        base = self.index.name.absolute(len(node.relative), module)
        if isinstance(node.names, cst.ImportStar):
            self.index.stars.append(base)
            if base.partition(".")[0] in self.libraries and not self._is_hidden(base):
                self.index.starred.update((name, f"{base}.{name}") for name in self.exports(base))
            return True
        for alias in node.names:
            name = _import_name(alias.name)
            bound = alias.asname.name.value if alias.asname and isinstance(alias.asname.name, cst.Name) else name
            self._bind_import(scope, bound, f"{base}.{name}" if not base.endswith(".") else base + name)
        return True

    def _bind_import(self, scope: FunctionInfo, name: str, dotted: str) -> None:
        if dotted.partition(".")[0] in self.libraries:
            dotted = OWN + dotted if self._is_hidden(dotted) else dotted
        elif self.index.links is not None:
            dotted = self.index.links.library_behind(dotted, self.index) or dotted
        # `try: import a as x / except ImportError: import b as x`: the first of which anything is known is meant.
        first = scope.imports.setdefault(name, dotted)
        if first == dotted or not self._is_known(dotted):
            return
        if self._is_known(first):
            scope.other_imports.setdefault(name, []).append(dotted)
        else:
            scope.imports[name] = dotted

    def _is_hidden(self, dotted: str) -> bool:
        """Whether a module of the project is meant where a library could be, too."""
        return self.index.links is not None and self.index.links.hides_library(dotted, self.index)

    def _is_known(self, dotted: str) -> bool:
        """Whether an imported name is a library's that is known, or leads to a module of the project."""
        if dotted.partition(".")[0] in self.libraries:
            return True
        return self.index.links is not None and self.index.links.leads_to_module(dotted, self.index)

    def _bind(self, target: cst.CSTNode, scope: FunctionInfo, owner: ClassInfo | None) -> None:
        """Bind the names of an assignment target and visit the parts of it that are read."""
        if isinstance(target, cst.Name):
            scope.bound.add(target.value)
        elif isinstance(target, (cst.Tuple, cst.List)):
            for element in target.elements:
                self._bind(element.value, scope, owner)
        elif isinstance(target, cst.StarredElement):
            self._bind(target.value, scope, owner)
        else:
            self._visit(target, scope)

    def _assign(self, node: cst.Assign, scope: FunctionInfo, owner: ClassInfo | None) -> bool:
        for item in node.targets:
            self._record(item.target, node.value, None, scope, owner)
            self._bind(item.target, scope, owner)
        self._visit(node.value, scope)
        return True

    def _record(
        self,
        target: cst.CSTNode,
        value: cst.BaseExpression | None,
        annotation: cst.Annotation | None,
        scope: FunctionInfo,
        owner: ClassInfo | None,
    ) -> None:
        key = key_of(target)
        if key is not None:
            self.index.kept.setdefault(key, []).append((scope, value))
        if isinstance(target, cst.Subscript):
            self.index.stored.append((target.value, scope, value))
        if isinstance(target, cst.Name):
            if owner is not None:
                owner.body_values[target.value] = (value, annotation)
            elif scope.is_module or target.value in scope.outer:
                self.index.values.setdefault(target.value, []).append(value)
                if annotation is not None:
                    self.index.annotations[target.value] = annotation
        elif isinstance(target, cst.Attribute) and isinstance(target.value, cst.Name):
            method = scope
            while method.owner is None and method.parent is not None and not method.parent.is_module:
                method = method.parent
            if method.owner is not None and method.params and method.params[0].name.value == target.value.value:
                method.owner.assigned.setdefault(target.attr.value, []).append((scope, value, annotation))
            else:
                self.given.append((target.value.value, target.attr.value, (scope, value, annotation)))
        elif isinstance(target, (cst.Tuple, cst.List)):
            for element in target.elements:
                self._record(element.value, None, None, scope, owner)

    def _annotated(self, node: cst.AnnAssign, scope: FunctionInfo, owner: ClassInfo | None) -> bool:
        self._record(node.target, node.value, node.annotation, scope, owner)
        self._bind(node.target, scope, owner)
        if node.value is not None:
            self._visit(node.value, scope)
            if isinstance(node.target, cst.Name) and owner is None:
                scope.annotations.append(node.annotation)
        return True

    def _augmented(self, node: cst.AugAssign, scope: FunctionInfo, owner: ClassInfo | None) -> bool:
        self._record(node.target, None, None, scope, owner)
        self._bind(node.target, scope, owner)
        if isinstance(node.target, cst.Name):
            scope.loads.add(node.target.value)
        self._visit(node.value, scope)
        return True

    def _target_only(self, node: cst.AssignTarget, scope: FunctionInfo, owner: ClassInfo | None) -> bool:
        self._bind(node.target, scope, owner)
        return True

    def _for(self, node: cst.For, scope: FunctionInfo, owner: ClassInfo | None) -> bool:
        self._record(node.target, None, None, scope, owner)
        self._bind(node.target, scope, owner)
        self._visit(node.iter, scope)
        self._down(node.body, scope, owner)
        if node.orelse is not None:
            self._down(node.orelse, scope, owner)
        return True

    def _named(self, node: cst.NamedExpr, scope: FunctionInfo, owner: ClassInfo | None) -> bool:
        self._bind(node.target, scope, owner)
        self._visit(node.value, scope)
        return True

    def _as_name(self, node: cst.AsName, scope: FunctionInfo, owner: ClassInfo | None) -> bool:
        self._record(node.name, None, None, scope, owner)
        self._bind(node.name, scope, owner)
        return True

    def _comp_for(self, node: cst.CompFor, scope: FunctionInfo, owner: ClassInfo | None) -> bool:
        self._bind(node.target, scope, owner)
        self._visit(node.iter, scope)
        for condition in node.ifs:
            self._visit(condition.test, scope)
        if node.inner_for_in is not None:
            self._visit(node.inner_for_in, scope)
        return True

    def _del(self, node: cst.Del, scope: FunctionInfo, owner: ClassInfo | None) -> bool:
        self._bind(node.target, scope, owner)
        return True

    def _outer(self, node: cst.Global | cst.Nonlocal, scope: FunctionInfo, owner: ClassInfo | None) -> bool:
        scope.outer.update(item.name.value for item in node.names)
        return True

    def _yield(self, node: cst.Yield, scope: FunctionInfo, owner: ClassInfo | None) -> bool:
        scope.is_generator = True
        return False

    def _param(self, node: cst.Param, scope: FunctionInfo, owner: ClassInfo | None) -> bool:
        return True

    def _match_name(self, node: cst.MatchAs | cst.MatchStar, scope: FunctionInfo, owner: ClassInfo | None) -> bool:
        if node.name is not None:
            scope.bound.add(node.name.value)
        if isinstance(node, cst.MatchAs) and node.pattern is not None:
            self._visit(node.pattern, scope)
        return True

    def _match_mapping(self, node: cst.MatchMapping, scope: FunctionInfo, owner: ClassInfo | None) -> bool:
        if node.rest is not None:
            scope.bound.add(node.rest.value)
        return False

    def _skip(self, node: cst.Annotation, scope: FunctionInfo, owner: ClassInfo | None) -> bool:
        return True


def build_index(
    module: cst.Module,
    name: ModuleName | None = None,
    links: Links | None = None,
    libraries: Container[str] = (),
    exports: Callable[[str], Iterable[str]] = lambda _: (),
) -> ModuleIndex:
    """Walk the module once and return what its names mean; *name* and *links* are its place in a project.

    *libraries* are the top-level names of libraries of which something is known, *exports* gives the names that
    `from … import *` brings from a module of theirs.
    """
    return _Indexer(module, name or ModuleName(), links, libraries, exports).run()


def key_of(node: cst.CSTNode) -> str | None:
    """Return the key of an expression that reads, or is given, what stands on an application or the like."""
    if isinstance(node, cst.Attribute):
        inner = node.value
        owner = last_name(inner)
        if not may_be_owner(owner):
            return None
        return attribute_key(owner, last_name(inner.value) if isinstance(inner, cst.Attribute) else "", node.attr.value)
    if not isinstance(node, cst.Subscript) or len(node.slice) != 1:
        return None
    index = node.slice[0].slice
    value = index.value if isinstance(index, cst.Index) else None
    return item_key(last_name(node.value), value.evaluated_value) if isinstance(value, cst.SimpleString) else None
