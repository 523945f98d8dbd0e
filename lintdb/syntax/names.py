"""What names mean in one module: imports, functions, classes, and the values that top-level names are given once.

Resolution is by scope: a dotted name is resolved only if its root is imported (at module level or in an enclosing
function) or is a builtin that nothing rebinds; a local name of the same spelling hides it. What lies in other modules
of the project is asked of `Links`.
"""

from __future__ import annotations

import builtins
import functools
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import libcst as cst

from lintdb.syntax.modules import ModuleName
from lintdb.syntax.walk import walk

if TYPE_CHECKING:
    from lintdb.syntax.links import Found, Links

_BUILTINS = frozenset(dir(builtins))
CONSTANTS = {"None": None, "True": True, "False": False}
"""The names that are constants, with their values."""
_NAMES_OF_OBJECTS = frozenset({"", "self", "cls", "klass", "mcs", "mcls", "metacls", "this", "me", "s", "obj"})
"""How people name the first parameter of a method, but for underscores."""
_ALL_ATTRIBUTES = frozenset({"__dict__", "__class__"})
"""Attributes through which an object's others are reached without being named."""
NEUTRAL_BASES = frozenset({
    "object", "abc.ABC", "typing.Protocol", "typing.Generic", "typing_extensions.Protocol",
    "contextlib.AbstractContextManager", "contextlib.AbstractAsyncContextManager", "contextlib.ContextDecorator",
})  # fmt: skip
"""Classes that give those which derive from them neither attributes nor a life cycle."""


@dataclass(eq=False, repr=False)
class FunctionInfo:
    """A function, method, lambda, or the module's own body (`node` is then the module).

    `number` tells the functions of a project apart. `other_imports` has what else a name of `imports` may stand for,
    `keys` what it reads or puts on applications and the like (see `lintdb.syntax.keys`).
    """

    index: ModuleIndex
    node: cst.FunctionDef | cst.Lambda | cst.Module
    name: str
    qualname: str
    owner: ClassInfo | None
    parent: FunctionInfo | None
    calls: list[cst.Call] = field(default_factory=list)
    attributes: set[str] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)
    loads: set[str] = field(default_factory=set)
    bound: set[str] = field(default_factory=set)
    outer: set[str] = field(default_factory=set)
    imports: dict[str, str] = field(default_factory=dict)
    other_imports: dict[str, list[str]] = field(default_factory=dict)
    annotations: list[cst.Annotation] = field(default_factory=list)
    nested: dict[str, FunctionInfo] = field(default_factory=dict)
    lambdas: dict[int, FunctionInfo] = field(default_factory=dict)
    number: int = 0
    is_async: bool = False
    is_generator: bool = False
    decorators: tuple[cst.BaseExpression, ...] = ()

    def __repr__(self) -> str:
        return f"<FunctionInfo {self.qualname}>"

    @functools.cached_property
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
    def is_nested(self) -> bool:
        """Whether it is defined in another function, whose variables it can read."""
        return self.parent is not None and not self.parent.is_module

    @functools.cached_property
    def is_method(self) -> bool:
        """Whether the first parameter is the instance (or the class)."""
        return self.owner is not None and not (
            any(isinstance(d, cst.Name) and d.value == "staticmethod" for d in self.decorators)
            or self._stands_in_namespace
        )

    @property
    def _stands_in_namespace(self) -> bool:
        """Whether the class is no more than a namespace to it, though nothing says `staticmethod`.

        It takes no argument, so that no instance can call it, or the module calls it by the name of the class alone.
        """
        owner = self.owner
        if owner is None or self.name.startswith("__") or not all(map(_makes_manager, self.decorators)):
            return False
        if not self.params:
            return True
        first = self.params[0].name.value.strip("_")
        if owner.bases or "__init__" in owner.methods or self.params[0].star or first in _NAMES_OF_OBJECTS:
            return False
        return self.index.read_from.get(self.name) == {owner.name}

    @functools.cached_property
    def nodes(self) -> tuple[cst.CSTNode, ...]:
        """The node of the function and all code below it, as `walk` goes: many questions go through all of it."""
        return tuple(walk(self.node))

    @functools.cached_property
    def given(self) -> dict[str, list[cst.BaseExpression | None]]:
        """All that its local names are given: an expression, or None for a part of one, an item, a change."""
        found: dict[str, list[cst.BaseExpression | None]] = defaultdict(list)
        body = self.node.body if isinstance(self.node, cst.FunctionDef) else None
        for node in walk(body) if body is not None else ():
            if isinstance(node, cst.Assign):
                for target in node.targets:
                    value = node.value if isinstance(target.target, cst.Name) else None
                    for name in _names_in(target.target):
                        found[name].append(value)
            elif _is_merge(node):
                continue  # what is put into a dictionary is no other value of the name
            elif isinstance(node, (cst.AnnAssign, cst.AugAssign, cst.NamedExpr, cst.For, cst.CompFor)):
                for name in _names_in(node.target):
                    found[name].append(node.value if isinstance(node, cst.AnnAssign) else None)
            elif isinstance(node, cst.AsName):
                for name in _names_in(node.name):
                    found[name].append(None)
        return found

    @functools.cached_property
    def compared(self) -> frozenset[str]:
        """The parameters that it compares with something: `kind == "redis"`, `kind in NAMES`, `match kind`."""
        found: set[str] = set()
        for node in self.nodes:
            subject = (
                node.left if isinstance(node, cst.Comparison) else node.subject if isinstance(node, cst.Match) else None
            )
            if isinstance(subject, cst.Name):
                found.add(subject.value)
        return frozenset(found & {param.name.value for param in self.params})

    @property
    def is_as_written(self) -> bool:
        """Whether no decorator makes something else of it than a method without an object."""
        return all(getattr(each, "value", None) in ("staticmethod", "classmethod") for each in self.decorators)

    @functools.cached_property
    def called(self) -> frozenset[str]:
        """The parameters that it calls itself, and gives nothing else: `return f()`."""
        named = {call.func.value for call in self.calls if isinstance(call.func, cst.Name)}
        return frozenset(p.name.value for p in self.params if p.name.value in named - self.given.keys())

    @functools.cached_property
    def optional(self) -> frozenset[str]:
        """The parameters that are None unless an object is given: by their default, and by `conn or connect()`."""
        chosen = {
            node.left.value
            for node in self.nodes
            if isinstance(node, cst.BooleanOperation)
            and isinstance(node.operator, cst.Or)
            and isinstance(node.left, cst.Name)
            and isinstance(node.right, (cst.Call, cst.Await))
        }
        return frozenset(
            param.name.value
            for param in self.params
            if param.name.value in chosen
            and param.default is not None
            and _is_name(param.default, "None")
            and param.name.value not in self.given
        )

    @functools.cached_property
    def once(self) -> frozenset[str]:
        """The variables of its module that it sets to True, and to nothing else: it has been called before."""
        given = {name: self.given.get(name, []) for name in self.outer}
        return frozenset(
            name
            for name, values in given.items()
            if values and all(value is not None and _is_name(value, "True") for value in values)
        )

    @functools.cached_property
    def deciding(self) -> frozenset[str]:
        """The parameters that it does nothing with but test their truth: `if flag:`, `if not flag and rows:`."""
        found: Counter[str] = Counter()
        for node in self.nodes:
            if isinstance(node, (cst.If, cst.IfExp, cst.While)):
                found.update(_tested_names(node.test))
        params = {param.name.value for param in self.params} & found.keys()
        named = Counter(node.value for node in self.nodes if isinstance(node, cst.Name) and node.value in params)
        return frozenset(name for name in params if named[name] == found[name] + 1)

    @functools.cached_property
    def hands_object_on(self) -> bool:
        """Whether it does anything with its first parameter but reach for an attribute."""
        name = self.params[0].name.value if self.params else ""
        found = reached = 0
        for node in self.nodes:
            found += isinstance(node, cst.Name) and node.value == name
            reached += isinstance(node, cst.Attribute) and isinstance(node.value, cst.Name) and node.value.value == name
        params = sum(param.name.value == name for param in self.params)
        return found > reached + params or not self.own_attributes.isdisjoint(_ALL_ATTRIBUTES)

    @functools.cached_property
    def own_attributes(self) -> frozenset[str]:
        """The attributes of its first parameter, and of `super()`, that it names, itself or in a nested function."""
        name = self.params[0].name.value if self.params else ""
        named = {
            node.attr.value
            for node in self.nodes
            if isinstance(node, cst.Attribute) and (_is_name(node.value, name) or _is_super(node.value))
        }
        asked = (asked_attribute(call) for call in self.calls)
        return frozenset(named | {each[1] for each in asked if each is not None and _is_name(each[0], name)})

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


@dataclass(eq=False, repr=False)
class ClassInfo:
    """A class of the module: its methods, and what its methods assign to attributes of the instance.

    `given` is what other code of the module assigns to its attributes by its name: `Store.conn = connect(path)`.
    """

    index: ModuleIndex
    node: cst.ClassDef
    name: str
    qualname: str
    bases: tuple[cst.BaseExpression, ...]
    methods: dict[str, FunctionInfo] = field(default_factory=dict)
    assigned: dict[str, list[tuple[FunctionInfo, cst.BaseExpression | None, cst.Annotation | None]]] = field(
        default_factory=dict
    )
    body_values: dict[str, tuple[cst.BaseExpression | None, cst.Annotation | None]] = field(default_factory=dict)
    given: dict[str, list[tuple[FunctionInfo, cst.BaseExpression | None, cst.Annotation | None]]] = field(
        default_factory=dict
    )

    def __repr__(self) -> str:
        return f"<ClassInfo {self.name}>"

    @functools.cached_property
    def matters(self) -> bool:
        """Whether the class can have to do with resources, by what its code mentions."""
        links = self.index.links
        return links is not None and self.index.classes.get(self.name) is self and links.matters(self.name, self.index)

    @functools.cached_property
    def parents(self) -> tuple[ClassInfo, ...]:
        """The classes of the project that this one derives from directly."""
        found = (self._symbol_of(base) for base in self.bases)
        return tuple(each for each in found if isinstance(each, ClassInfo) and each is not self)

    @functools.cached_property
    def lineage(self) -> tuple[ClassInfo, ...]:
        """The class and all that it derives from in the project, each once, nearest first."""
        found: dict[ClassInfo, None] = {}
        todo = [self]
        while todo:
            current = todo.pop()
            if current not in found:
                found[current] = None
                todo.extend(reversed(current.parents))
        return tuple(found)

    @functools.cached_property
    def outside_bases(self) -> tuple[str | None, ...]:
        """Dotted names of the bases that the project does not define; None for those that cannot be named."""
        found: list[str | None] = []
        for base in self.bases:
            symbol = self._symbol_of(base)
            if not isinstance(symbol, ClassInfo) or symbol is self:
                found.append(self.index.dotted(self._meant(base), self.index.body))
        return tuple(found)

    @functools.cached_property
    def has_unknown_base(self) -> bool:
        """Whether the class inherits from something that the project does not define (`object`, ABC and such apart)."""
        return any(base not in NEUTRAL_BASES for each in self.lineage for base in each.outside_bases)

    def _symbol_of(self, base: cst.BaseExpression) -> Symbol | None:
        # A base may do nothing but keep what the class works with.
        meant = self._meant(base)
        found = self.index.symbol_of(meant, self.index.body, is_needed=True)
        if found is not None or not isinstance(meant, cst.Name) or meant.value in self.index.body.imports:
            return found
        starred = (self.index.find(f"{star}.{meant.value}", is_needed=True) for star in reversed(self.index.stars))
        return next((each.symbol for each in starred if each is not None and not each.rest), None)

    def _meant(self, base: cst.BaseExpression) -> cst.BaseExpression:
        """Return what a base stands for: `Base = Client[bytes] if TYPE_CHECKING else Client` in two statements, too."""
        plain = _unsubscripted(base)
        is_alias = isinstance(plain, cst.Name) and plain.value not in self.index.body.imports
        values = self.index.values.get(plain.value, ()) if is_alias and isinstance(plain, cst.Name) else ()
        aliased = [_unsubscripted(value) for value in values if value is not None]
        names = {self.index.dotted(each, self.index.body) for each in aliased}
        return aliased[0] if len(aliased) == len(values) and len(names) == 1 and None not in names else plain

    def find_method(self, name: str) -> FunctionInfo | None:
        """Return the method that an instance has, from the class itself or from its bases in the project."""
        return next((each.methods[name] for each in self.lineage if name in each.methods), None)

    @property
    def derived(self) -> list[ClassInfo]:
        """The classes of the same module that derive from it, directly or not."""
        return [each for each in self.index.classes.values() if each is not self and self in each.lineage]

    def is_part_of_constructor(self, method: FunctionInfo) -> bool:
        """Whether a private method is called by `__init__` alone."""
        callers = {
            each.name
            for each in self.methods.values()
            for call in each.calls
            if isinstance(call.func, cst.Attribute) and call.func.attr.value == method.name
        }
        return method.name.startswith("_") and callers == {"__init__"}


@dataclass(frozen=True)
class Variable:
    """A module-level name that is given a value."""

    index: ModuleIndex
    name: str


Symbol = FunctionInfo | ClassInfo | Variable


@dataclass(eq=False, repr=False)
class ModuleIndex:
    """Everything that names of one module stand for."""

    module: cst.Module
    name: ModuleName = field(default_factory=ModuleName)
    links: Links | None = None
    functions: dict[str, FunctionInfo] = field(default_factory=dict)
    all_functions: list[FunctionInfo] = field(default_factory=list)
    classes: dict[str, ClassInfo] = field(default_factory=dict)
    values: dict[str, list[cst.BaseExpression | None]] = field(default_factory=dict)
    annotations: dict[str, cst.Annotation] = field(default_factory=dict)
    placed: dict[str, list[tuple[FunctionInfo, cst.BaseExpression | None, cst.Annotation | None]]] = field(
        default_factory=dict
    )
    """What the module assigns to attributes of imported names: `flask.g.conn`."""
    kept: dict[str, list[tuple[FunctionInfo, cst.BaseExpression | None]]] = field(default_factory=dict)
    """What the module puts under keys of applications and the like (see `lintdb.syntax.keys`)."""
    stored: list[tuple[cst.BaseExpression, FunctionInfo, cst.BaseExpression | None]] = field(default_factory=list)
    """What the module puts under any key: the container, the function that does it, and the value."""
    stars: list[str] = field(default_factory=list)
    starred: dict[str, str] = field(default_factory=dict)
    """What may be imported by `from library import *`: name → dotted name, of libraries that are known."""
    of_node: dict[int, FunctionInfo] = field(default_factory=dict)
    _code: dict[int, str] = field(default_factory=dict)
    body: FunctionInfo = field(init=False)

    def __repr__(self) -> str:
        return f"<ModuleIndex {self.name.dotted or self.name.path}>"

    def __post_init__(self) -> None:
        self.body = FunctionInfo(
            self, self.module, "<module>", "<module>", None, None, number=self.name.number * FUNCTIONS_PER_MODULE
        )

    @functools.cached_property
    def text(self) -> str:
        """The module as it is written; who has the text gives it, as libcst takes long to put it together anew."""
        return self.module.code

    @functools.cached_property
    def properties(self) -> frozenset[str]:
        """The names of the properties of all classes that the module has, imports or derives from."""
        classes = {each for own in self.classes.values() for each in own.lineage}
        for dotted in self.imported_names():
            may_be_class = self.links is not None and self.links.may_be_class(dotted, self)
            found = self.find(dotted) if may_be_class else None
            if found is not None and isinstance(found.symbol, ClassInfo):
                classes.update(found.symbol.lineage)
        return frozenset(info.name for each in classes for info in each.methods.values() if info.is_property)

    def properties_behind(self, dotted: str) -> frozenset[str]:
        """Return the names of the properties that an object may have which another module keeps under a name."""
        found = self.find(dotted)
        is_kept = found is not None and not found.rest and isinstance(found.symbol, Variable)
        return found.symbol.index.properties if found is not None and is_kept else frozenset()

    def imported_names(self) -> set[str]:
        """Return the dotted names that the module imports anywhere, and the modules that it imports everything of."""
        return {*self.stars, *(target for info in self.all_functions for target in info.imports.values())}

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

    def other_names(self, expression: cst.CSTNode, scope: FunctionInfo) -> list[str]:
        """Return the dotted names besides `dotted` that an expression may stand for: of a name with several imports."""
        found = self.dotted(expression, scope)
        while isinstance(expression, cst.Attribute):
            expression = expression.value
        function: FunctionInfo | None = scope
        while isinstance(expression, cst.Name) and found is not None and function is not None:
            first = function.imports.get(expression.value)
            if first is not None:
                others = function.other_imports.get(expression.value, ())
                return [other + found.removeprefix(first) for other in others]
            function = function.parent
        return []

    def imported(self, name: str, scope: FunctionInfo) -> str | None:
        """Return what an imported name or unshadowed builtin stands for, looking through the enclosing scopes."""
        function: FunctionInfo | None = scope
        while function is not None:
            target = function.imports.get(name)
            if target is not None:
                return target
            if name in function.bound and name not in function.outer:
                return self.imported_again(name) if function.is_module else None
            function = function.parent
        if name in self.classes or name in self.functions:
            return None
        # The last star is the one that counts, and it hides builtins.
        for star in reversed(self.stars):
            starred = f"{star}.{name}"
            passed_on = self.links.library_behind(starred, self) if self.links is not None else None
            if passed_on is not None or self.find(starred):
                return passed_on or starred
            if self.starred.get(name) == starred or (name in self.starred and self._is_of_project(starred)):
                break  # of several stars the last one counts, of libraries and of the project
        else:
            return name if name in _BUILTINS else None
        return starred if self.starred[name] == starred else None

    def imported_again(self, name: str) -> str | None:
        """Return what a name of the module stands for that is given once, and to a part of what is imported.

        `connect = sqlite3.connect`: a name that begins with a capital, or stands for something of the project, has its
        own ways to be looked up.
        """
        value = self.constant(name)
        base: cst.CSTNode | None = value
        while isinstance(base, cst.Attribute):
            base = base.value
        if not isinstance(value, cst.Attribute) or not isinstance(base, cst.Name) or name[:1].isupper():
            return None
        if name in self.functions or name in self.body.imports:
            return None
        found = self.dotted(value, self.body) if base.value in self.body.imports else None
        return found if found is not None and not self._is_of_project(found) else None

    def _is_of_project(self, dotted: str) -> bool:
        return self.links is not None and self.links.defines(dotted, self)

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

    def texts_with(self, word: str) -> tuple[tuple[str, str], ...] | None:
        """Return path and text of each file of the project that mentions a word: see `Links.texts_with`."""
        return self.links.texts_with(word, self) if self.links is not None else None

    @functools.cached_property
    def read_from(self) -> Mapping[str, AbstractSet[str]]:
        """The names that stand right before each attribute, wherever the text of the module has one."""
        found: dict[str, set[str]] = defaultdict(set)
        for holder, attribute in re.findall(r"(\w*)\.(?=(\w+))", self.text):
            found[attribute].add(holder)
        return found

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

    def symbol_of(self, expression: cst.CSTNode, scope: FunctionInfo, *, is_needed: bool = False) -> Symbol | None:
        """Return the function, class or module-level variable of the project that an expression names."""
        if isinstance(expression, cst.Name):
            return self.symbol_called(expression.value, scope, is_needed=is_needed)
        return self._symbol_at(self.dotted(expression, scope), is_needed=is_needed)

    def symbol_called(self, name: str, scope: FunctionInfo, *, is_needed: bool = False) -> Symbol | None:
        """Return the function, class or module-level variable of the project that a name stands for."""
        found = self.find_class(name, scope) or self.find_function(name, scope)
        return found or self._symbol_at(self.imported(name, scope), is_needed=is_needed)

    def _symbol_at(self, dotted: str | None, *, is_needed: bool) -> Symbol | None:
        target = self.find(dotted, is_needed=is_needed) if dotted is not None else None
        return target.symbol if target is not None and not target.rest else None

    def find(self, dotted: str, *, is_needed: bool = False) -> Found | None:
        """Return what an imported dotted name leads to in the project; see `Links.find`."""
        return self.links.find(dotted, self, is_needed=is_needed) if self.links is not None else None

    def code_of(self, node: cst.CSTNode) -> str:
        """Return the source of a node of the module; that of large ones is asked for again and again, and kept."""
        if not isinstance(node, (cst.FunctionDef, cst.ClassDef)):
            return self.module.code_for_node(node)
        found = self._code.get(id(node))
        if found is None:
            found = self._code[id(node)] = self.module.code_for_node(node)
        return found

    def partial_of(self, name: str) -> str | None:
        """Return what a name of the module calls with more arguments: `connect = partial(driver.connect, DSN)`."""
        made = self.constant(name)
        if not isinstance(made, cst.Call) or not made.args or self.dotted(made.func, self.body) != "functools.partial":
            return None
        return self.dotted(made.args[0].value, self.body)

    def constant(self, name: str) -> cst.BaseExpression | None:
        """Return the expression of a module-level name that is assigned exactly once."""
        values = self.values.get(name)
        return values[0] if values is not None and len(values) == 1 else None


FUNCTIONS_PER_MODULE = 1 << 16
"""More than any module has: a function's number is that of its module times this, plus its own."""


def _unsubscripted(base: cst.BaseExpression) -> cst.BaseExpression:
    """`Base[T]` derives from `Base`."""
    return base.value if isinstance(base, cst.Subscript) else base


def asked_attribute(call: cst.Call) -> tuple[cst.BaseExpression, str] | None:
    """`getattr(object, "name", default)`: the object and the name, if that is written out."""
    is_asked = isinstance(call.func, cst.Name) and call.func.value == "getattr" and len(call.args) in (2, 3)
    name = call.args[1].value if is_asked else None
    text = name.evaluated_value if isinstance(name, cst.SimpleString) else None
    return (call.args[0].value, text) if isinstance(text, str) and text.isidentifier() else None


def _is_merge(node: cst.CSTNode) -> bool:
    """Whether a node is `name |= {…}`."""
    if not isinstance(node, cst.AugAssign) or not isinstance(node.operator, cst.BitOrAssign):
        return False
    value = node.value
    is_call = isinstance(value, cst.Call) and isinstance(value.func, cst.Name) and value.func.value == "dict"
    return is_call or isinstance(value, cst.Dict)


def _names_in(target: cst.CSTNode) -> Iterator[str]:
    """Yield the names that a target binds."""
    if isinstance(target, cst.Name):
        yield target.value
    elif isinstance(target, (cst.Tuple, cst.List)):
        for element in target.elements:
            yield from _names_in(element.value)


def _tested_names(node: cst.BaseExpression) -> Iterator[str]:
    """Yield the names whose truth an expression asks for."""
    if isinstance(node, cst.BooleanOperation):
        yield from _tested_names(node.left)
        yield from _tested_names(node.right)
    elif isinstance(node, cst.UnaryOperation) and isinstance(node.operator, cst.Not):
        yield from _tested_names(node.expression)
    elif isinstance(node, cst.Name):
        yield node.value


def _is_name(node: cst.BaseExpression, name: str) -> bool:
    return isinstance(node, cst.Name) and node.value == name


def _makes_manager(decorator: cst.BaseExpression) -> bool:
    """Whether a decorator is that of the standard library which makes a context manager, and nothing else, of it."""
    name = decorator.attr if isinstance(decorator, cst.Attribute) else decorator
    return isinstance(name, cst.Name) and name.value in ("contextmanager", "asynccontextmanager")


def _is_super(node: cst.BaseExpression) -> bool:
    return isinstance(node, cst.Call) and _is_name(node.func, "super")
