"""What names mean in one module: imports, functions, classes, and the values that top-level names are given once.

Built in the one walk over the tree. Resolution is by scope: a dotted name is resolved only if its root is imported (at
module level or in an enclosing function) or is a builtin that nothing rebinds; a local name of the same spelling hides
it.
"""

from __future__ import annotations

import builtins
import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import libcst as cst

from lintdb.syntax.walk import child_fields

FunctionNode = cst.FunctionDef | cst.Lambda
_BUILTINS = frozenset(dir(builtins))


@dataclass(eq=False)
class FunctionInfo:
    """A function, method, lambda, or the module's own body (`node` is then the module).

    `number` tells the functions of a module apart.
    """

    node: cst.FunctionDef | cst.Lambda | cst.Module
    name: str
    qualname: str
    owner: ClassInfo | None
    parent: FunctionInfo | None
    calls: list[cst.Call] = field(default_factory=list)
    attributes: set[str] = field(default_factory=set)
    loads: set[str] = field(default_factory=set)
    bound: set[str] = field(default_factory=set)
    outer: set[str] = field(default_factory=set)
    imports: dict[str, str] = field(default_factory=dict)
    nested: dict[str, FunctionInfo] = field(default_factory=dict)
    lambdas: dict[int, FunctionInfo] = field(default_factory=dict)
    number: int = 0
    is_async: bool = False
    is_generator: bool = False
    decorators: tuple[cst.BaseExpression, ...] = ()

    @property
    def is_module(self) -> bool:
        """Whether this is the module's own body."""
        return isinstance(self.node, cst.Module)

    @functools.cached_property
    def params(self) -> list[cst.Param]:
        """All parameters in the order of the signature; `*args` and `**kwargs` included."""
        if isinstance(self.node, cst.Module):
            return []
        p = self.node.params
        found = [*p.posonly_params, *p.params]
        if isinstance(p.star_arg, cst.Param):
            found.append(p.star_arg)
        found += p.kwonly_params
        if p.star_kwarg is not None:
            found.append(p.star_kwarg)
        return found

    @property
    def is_method(self) -> bool:
        """Whether the first parameter is the instance (or the class)."""
        return self.owner is not None and not any(
            isinstance(d, cst.Name) and d.value == "staticmethod" for d in self.decorators
        )

    @property
    def is_property(self) -> bool:
        """Whether reading the attribute of its name runs the function."""
        return self.owner is not None and [d.value for d in self.decorators if isinstance(d, cst.Name)] == ["property"]

    @property
    def is_instance_method(self) -> bool:
        """Whether calling it through the class needs an instance as first argument."""
        return self.is_method and not any(isinstance(d, cst.Name) and d.value == "classmethod" for d in self.decorators)

    @functools.cached_property
    def free_names(self) -> set[str]:
        """Names that this function (or one nested in it) reads from enclosing scopes."""
        names = self.loads - (self.bound - self.outer)
        for inner in [*self.nested.values(), *self.lambdas.values()]:
            names |= inner.free_names - self.bound
        return names


@dataclass(eq=False)
class ClassInfo:
    """A class of the module: its methods, and what its methods assign to attributes of the instance."""

    node: cst.ClassDef
    name: str
    qualname: str
    bases: tuple[cst.BaseExpression, ...]
    methods: dict[str, FunctionInfo] = field(default_factory=dict)
    assigned: dict[str, list[tuple[FunctionInfo, cst.BaseExpression | None, cst.Annotation | None]]] = field(
        default_factory=dict
    )
    body_values: dict[str, tuple[cst.BaseExpression | None, cst.Annotation | None]] = field(default_factory=dict)

    def is_part_of_constructor(self, method: FunctionInfo) -> bool:
        """Whether a private method is called by `__init__` alone."""
        callers = {
            each.name
            for each in self.methods.values()
            for call in each.calls
            if isinstance(call.func, cst.Attribute) and call.func.attr.value == method.name
        }
        return method.name.startswith("_") and callers == {"__init__"}


@dataclass(eq=False)
class ModuleIndex:
    """Everything that names of one module stand for."""

    module: cst.Module
    body: FunctionInfo
    functions: dict[str, FunctionInfo] = field(default_factory=dict)
    all_functions: list[FunctionInfo] = field(default_factory=list)
    classes: dict[str, ClassInfo] = field(default_factory=dict)
    values: dict[str, list[cst.BaseExpression | None]] = field(default_factory=dict)
    annotations: dict[str, cst.Annotation] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)
    of_node: dict[int, FunctionInfo] = field(default_factory=dict)

    @functools.cached_property
    def properties(self) -> frozenset[str]:
        """The names of all properties of the module's classes."""
        return frozenset(info.name for info in self.all_functions if info.is_property)

    def dotted(self, expression: cst.CSTNode, scope: FunctionInfo) -> str | None:
        """Return the dotted name that an expression stands for, or None where it is not an import or a builtin."""
        parts: list[str] = []
        node = expression
        while isinstance(node, cst.Attribute):
            parts.append(node.attr.value)
            node = node.value
        if not isinstance(node, cst.Name):
            return None
        root = self.imported(node.value, scope)
        if root is None:
            return None
        return ".".join([root, *reversed(parts)])

    def imported(self, name: str, scope: FunctionInfo) -> str | None:
        """Return what an imported name or unshadowed builtin stands for, looking through the enclosing scopes."""
        function: FunctionInfo | None = scope
        while function is not None:
            target = function.imports.get(name)
            if target is not None:
                return target
            if name in function.bound and name not in function.outer:
                return None
            function = function.parent
        if name in self.classes or name in self.functions:
            return None
        return name if name in _BUILTINS else None

    def is_local(self, name: str, scope: FunctionInfo) -> bool:
        """Whether a name is bound in the function itself (not module-level, not an enclosing function's)."""
        return name in scope.bound and name not in scope.outer

    def find_function(self, name: str, scope: FunctionInfo) -> FunctionInfo | None:
        """Return the function of this module that a bare name calls, or None where it may be something else."""
        function: FunctionInfo | None = scope
        while function is not None:
            if name in function.nested and not function.is_module:
                return function.nested[name]
            if not function.is_module and self.is_local(name, function):
                return None
            if function.is_module:
                break
            function = function.parent
        if name in self.values or name in self.body.imports:
            return None
        return self.functions.get(name)

    def find_class(self, name: str, scope: FunctionInfo) -> ClassInfo | None:
        """Return the class of this module that a bare name stands for."""
        function: FunctionInfo | None = scope
        while function is not None and not function.is_module:
            if self.is_local(name, function) and name not in self.classes:
                return None
            function = function.parent
        if name in self.values:
            return None
        return self.classes.get(name)

    def find_method(self, owner: ClassInfo, name: str, seen: frozenset[str] = frozenset()) -> FunctionInfo | None:
        """Return the method that an instance of the class has, from the class itself or from bases in this module."""
        if name in owner.methods:
            return owner.methods[name]
        if owner.name in seen:
            return None
        for base in owner.bases:
            if isinstance(base, cst.Name) and base.value in self.classes:
                found = self.find_method(self.classes[base.value], name, seen | {owner.name})
                if found is not None:
                    return found
        return None

    def has_unknown_base(self, owner: ClassInfo, seen: frozenset[str] = frozenset()) -> bool:
        """Whether the class inherits from something that this module does not define (`object` and ABC apart)."""
        for base in owner.bases:
            if isinstance(base, cst.Name) and base.value in self.classes and base.value not in seen:
                if self.has_unknown_base(self.classes[base.value], seen | {owner.name}):
                    return True
            elif self.dotted(base, self.body) not in ("object", "abc.ABC", "typing.Protocol", "typing.Generic"):
                return True
        return False

    def constant(self, name: str) -> cst.BaseExpression | None:
        """Return the expression of a module-level name that is assigned exactly once."""
        values = self.values.get(name)
        return values[0] if values is not None and len(values) == 1 else None


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

    def __init__(self, module: cst.Module) -> None:
        body = FunctionInfo(module, "<module>", "<module>", None, None)
        self.index = ModuleIndex(module, body)
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

    def run(self) -> ModuleIndex:
        self._down(self.index.module, self.index.body, None)
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
            found: list[cst.CSTNode] = []
            for name in child_fields(type(current)):
                value = getattr(current, name)
                if isinstance(value, cst.CSTNode):
                    found.append(value)
                elif isinstance(value, (tuple, list)):
                    found.extend(item for item in value if isinstance(item, cst.CSTNode))
            found.reverse()
            stack.extend(found)

    def _function(self, node: cst.FunctionDef, scope: FunctionInfo, owner: ClassInfo | None) -> bool:
        name = node.name.value
        prefix = owner.qualname + "." if owner else "" if scope.is_module else scope.qualname + "."
        info = FunctionInfo(
            node, name, prefix + name, owner, scope,
            is_async=node.asynchronous is not None,
            number=len(self.index.of_node),
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
        info = FunctionInfo(node, "<lambda>", scope.qualname + ".<lambda>", None, scope, number=len(self.index.of_node))
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
        info = ClassInfo(node, name, prefix + name, tuple(base.value for base in node.bases))
        self.index.classes.setdefault(name, info)
        scope.bound.add(name)
        for decorator in node.decorators:
            self._down(decorator, scope, None)
        for base in [*node.bases, *node.keywords]:
            self._visit(base.value, scope)
        # Names bound in the class body are not visible as bare names in the methods: a scope of its own, thrown away.
        inner = FunctionInfo(node.body, name, info.qualname, None, scope)  # type: ignore[arg-type]
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
        return False

    def _name(self, node: cst.Name, scope: FunctionInfo, owner: ClassInfo | None) -> bool:
        scope.loads.add(node.value)
        return True

    def _attribute(self, node: cst.Attribute, scope: FunctionInfo, owner: ClassInfo | None) -> bool:
        scope.attributes.add(node.attr.value)
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
        base = "." * len(node.relative) + (_import_name(node.module) if node.module is not None else "")
        if isinstance(node.names, cst.ImportStar):
            self.index.stars.append(base)
            return True
        for alias in node.names:
            name = _import_name(alias.name)
            bound = alias.asname.name.value if alias.asname and isinstance(alias.asname.name, cst.Name) else name
            self._bind_import(scope, bound, f"{base}.{name}" if not base.endswith(".") else base + name)
        return True

    @staticmethod
    def _bind_import(scope: FunctionInfo, name: str, dotted: str) -> None:
        # `try: import a as x / except ImportError: import b as x`: the first is the one that is meant.
        scope.imports.setdefault(name, dotted)

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
        elif isinstance(target, (cst.Tuple, cst.List)):
            for element in target.elements:
                self._record(element.value, None, None, scope, owner)

    def _annotated(self, node: cst.AnnAssign, scope: FunctionInfo, owner: ClassInfo | None) -> bool:
        self._record(node.target, node.value, node.annotation, scope, owner)
        self._bind(node.target, scope, owner)
        if node.value is not None:
            self._visit(node.value, scope)
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


def build_index(module: cst.Module) -> ModuleIndex:
    """Walk the module once and return what its names mean."""
    return _Indexer(module).run()
