"""Who uses a function or a class, in its own file and in the others of its project, read from names alone.

What is found may be too much (another function of that name), hardly too little: what cannot be told is an `Unknown`.
"""

from __future__ import annotations

import ast
import functools
import itertools
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from lintdb.flow.words import COMMAND_BODIES, COMMAND_CLASS, COMMAND_HOOKS, RUNNERS, RUNS
from lintdb.syntax.modules import ModuleName
from lintdb.syntax.names import NEUTRAL_BASES, ClassInfo, FunctionInfo, ModuleIndex
from lintdb.syntax.outline import ImportedName, imported_names
from lintdb.syntax.plain import children_of
from lintdb.syntax.refusal import parsed_by_python

_MOST_STEPS = 4
"""Modules that a name goes through, one importing it from the other."""

_MOST_PARSED = 48
"""Files whose trees are kept: who is asked for once is asked for again, in the same files."""

_AS = re.compile(r"\b(\w+)[ \t]+as\b")
_COMMENTS = re.compile(r"#[^\n]*")
_NEUTRAL = frozenset({each.rpartition(".")[2] for each in NEUTRAL_BASES})
"""Classes that call nothing of what derives from them."""

AnyFunction = ast.FunctionDef | ast.AsyncFunctionDef
_OF_COROUTINES = frozenset({"send", "throw", "close", "__await__"})
_BLOCKS = (ast.With, ast.AsyncWith, ast.Try, *([ast.TryStar] if hasattr(ast, "TryStar") else []))
"""What may catch an error, and what follows may go on."""
_LOOPS = ast.For | ast.AsyncFor | ast.While | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


@dataclass(frozen=True)
class Target:
    """A function or class, as far as names tell: where it is defined, and how it can be reached from elsewhere.

    `is_open`: it is a method of a class that derives from another one, which may call it without any mention; of those
    for commands, it is known what they call.
    """

    name: str
    path: str
    owner: str = ""
    is_nested: bool = False
    is_open: bool = False

    @classmethod
    def of(cls, what: FunctionInfo | ClassInfo) -> Target:
        """Return the target that a function or class of the analysis is."""
        if isinstance(what, ClassInfo):
            return cls(what.name, what.index.name.path)
        owner = what.owner.name if what.owner is not None else ""
        bases = [base for each in what.owner.lineage for base in each.outside_bases] if what.owner is not None else []
        is_open = any(base is None or _may_call(base.rpartition(".")[2], what.name) for base in bases)
        return cls(what.name, what.index.name.path, owner, what.is_nested, is_open)

    @property
    def made_by(self) -> Target:
        """The class that is called where this runs, if it is the constructor; itself if not."""
        return Target(self.owner, self.path) if self.owner and self.name == "__init__" else self

    @property
    def module(self) -> str:
        """The last part of the name of the module that defines it; that of its package for an `__init__.py`."""
        return _module_at(self.path)

    def names_in(self, path: str, text: str, ways: Collection[str], rivals: _Files | None = None) -> _Names:
        """Return how a file can mean it; *ways* are the modules that it can be had from, see `ways_to`.

        *rivals* are files that are called like its own, and define one of the same name: imports of these mean that.
        """
        if path == self.path:
            return _Names(by_name=not self.owner, by_attribute=bool(self.owner))
        if self.is_nested or (self.owner and self.name.startswith("_")):
            return _Names(by_name=False, by_attribute=False)
        if self.owner:
            return _Names(by_name=False, by_attribute=True)
        imported = _imported(text)
        if rivals is not None and rivals.modules:
            own = _Files.of((self.path,))
            imported = [
                each for each in imported if not rivals.are_meant_by(each, path) or own.are_meant_by(each, path)
            ]
        given = [each for each in imported if _last_part(each.base) in ways]
        modules = frozenset(
            last for each in imported if (last := _last_part(each.name or each.base)) in ways and each.name != self.name
        )
        if f".{self.module}.{self.name}" in text:
            modules |= {self.module}  # `import shop`, then `shop.jobs.refresh()`
        is_unclear = any(is_renamed(each, text) for each in modules)
        return _Names(
            by_name=any(each.name in (self.name, "*") for each in given),
            by_attribute=bool(modules),
            modules=frozenset() if is_unclear else modules,
        )

    def is_meant_by(self, node: ast.AST, names: _Names) -> bool:
        """Whether an expression may stand for it."""
        if isinstance(node, ast.Attribute):
            is_of_module = not names.modules or last_name(node.value) in names.modules
            return names.by_attribute and is_of_module and node.attr == self.name
        return isinstance(node, ast.Name) and names.by_name and node.id == self.name


def _may_call(base: str, method: str) -> bool:
    """Whether a class may call a method of one that derives from it: those for commands call a few alone."""
    return base not in _NEUTRAL and not (base.endswith(COMMAND_CLASS) and method not in COMMAND_HOOKS)


class ParsedFile:
    """A file as Python parses it, which knows what stands in what, and where names are mentioned."""

    def __init__(self, tree: ast.Module) -> None:
        self.tree = tree
        self.outside = tuple(each for each in tree.body if not isinstance(each, AnyFunction | ast.ClassDef))
        self.functions = {each.name: each for each in tree.body if isinstance(each, AnyFunction)}
        self._parents: dict[ast.AST, ast.AST] = {}
        self._mentions: dict[str, list[ast.Name | ast.Attribute]] = {}
        found: list[ast.AST] = [tree]
        for node in found:
            children = children_of(node)
            self._parents.update(dict.fromkeys(children, node))
            found += children
            if isinstance(node, ast.Name | ast.Attribute):
                self._mentions.setdefault(last_name(node), []).append(node)

    def around(self, node: ast.AST) -> Iterator[ast.AST]:
        """Yield what holds a node, innermost first."""
        while node in self._parents:
            node = self._parents[node]
            yield node

    def mentions(self, name: str) -> Sequence[ast.Name | ast.Attribute]:
        """Return the names and attributes that are called so."""
        return self._mentions.get(name, ())


@functools.lru_cache(maxsize=_MOST_PARSED)
def parsed_file(text: str) -> ParsedFile | Exception:
    """Return a file parsed, or why it cannot be; the last ones are kept."""
    tree = parsed_by_python(text)
    return ParsedFile(tree) if isinstance(tree, ast.Module) else tree


class _Names(NamedTuple):
    """Whether a file can mean a function by its name alone, and as an attribute: of modules, or of anything."""

    by_name: bool
    by_attribute: bool
    modules: frozenset[str] = frozenset()


def ways_to(target: Target, near: FunctionInfo | ClassInfo) -> frozenset[str]:
    """Return the modules, by their last names, that others can have a function or class from.

    That is its own, and each that imports it from such a one: packages do that to pass it on.
    """
    links = near.index.links
    found = todo = {target.module}
    for _ in range(_MOST_STEPS if not target.owner and not target.is_nested else 0):
        texts = {path: text for word in todo for path, text in _texts_with(word, target, near)}
        new = {
            module
            for path, text in texts.items()
            if (module := _module_at(path)) not in found and _imports(target.name, found, text)
        }
        if not new or links is None:
            break
        found, todo = found | new, new
    return frozenset(found)


def _texts_with(word: str, target: Target, near: FunctionInfo | ClassInfo) -> tuple[tuple[str, str], ...]:
    """Return path and text of the files that mention a word: of the target's own if there is no project."""
    texts = near.index.texts_with(word)
    return texts if texts is not None else ((target.path, near.index.text),)


def _imports(name: str, modules: Collection[str], text: str) -> bool:
    """Whether a file imports a name, or all names, from one of some modules."""
    return any(each.name in (name, "*") and _last_part(each.base) in modules for each in _imported(text))


@functools.lru_cache(maxsize=1024)
def _imported(text: str) -> list[ImportedName]:
    return imported_names(text, ModuleName())


def _module_at(path: str) -> str:
    place = Path(path)
    return place.stem if place.stem != "__init__" else place.parent.name


class Place(NamedTuple):
    """Where a node stands: the functions and classes around it, and what is special about the place.

    `is_main`: in the block that is run if the file is a program; `is_given`: handed to what runs coroutines;
    `given_to`: the last name of the call that it is handed to as it is; `call`: the one that calls it;
    `is_used_at_once`: what that returns is dropped, or asked for something, where it stands: no coroutine would run;
    `is_annotation`: in an annotation, which does nothing; `is_beside`: in an `async with` or `async for`;
    `is_repeated`: in a loop; `is_deferred`: in a lambda; `watched_by`: the `try` statements in whose bodies it stands,
    and the blocks; `is_awaited`: what it returns is; `result_given_to`: the last name of the call that is handed that;
    `asked_for`: the attribute that is read of it, not that of what it returns; `base`: what it is read from, if it is
    an attribute itself.
    Loops and blocks are those within the innermost function.
    """

    around: tuple[AnyFunction | ast.ClassDef, ...] = ()
    is_main: bool = False
    is_given: bool = False
    given_to: str = ""
    call: ast.Call | None = None
    is_used_at_once: bool = False
    is_annotation: bool = False
    is_beside: bool = False
    is_repeated: bool = False
    is_deferred: bool = False
    watched_by: tuple[ast.AST, ...] = ()
    is_awaited: bool = False
    result_given_to: str = ""
    asked_for: str = ""
    base: ast.expr | None = None

    @property
    def is_called(self) -> bool:
        """Whether it stands as what a call calls."""
        return self.call is not None


class Use(NamedTuple):
    """One mention of a function: the file, the place in it, what that file does outside of functions, and its own."""

    path: str
    place: Place
    outside: tuple[ast.stmt, ...]
    own: Mapping[str, AnyFunction]

    @property
    def by(self) -> AnyFunction | None:
        """The function that it stands in."""
        return next((each for each in reversed(self.place.around) if isinstance(each, AnyFunction)), None)

    @property
    def user(self) -> Target | None:
        """The same function, as one that can be looked for."""
        by = self.by
        if by is None:
            return None
        at = self.place.around.index(by)
        outer = self.place.around[at - 1] if at else None
        is_nested = isinstance(outer, AnyFunction)
        if not isinstance(outer, ast.ClassDef):
            return Target(by.name, self.path, is_nested=is_nested)
        is_open = any(_may_call(last_name(each), by.name) for each in outer.bases)
        return Target(by.name, self.path, outer.name, is_open=is_open)

    @property
    def owner_name(self) -> str:
        """The name of the class in which that function is a method; empty if it is none."""
        by = self.by
        at = self.place.around.index(by) if by is not None else 0
        outer = self.place.around[at - 1] if at else None
        return outer.name if isinstance(outer, ast.ClassDef) else ""

    @property
    def is_in_command_body(self) -> bool:
        """Whether it stands in a method of a class that may be the body of a command, by its name."""
        return self.by is not None and self.by.name in COMMAND_BODIES and bool(self.owner_name)

    @property
    def runs_with(self) -> Target | None:
        """What is called where that function runs: the class, if it is the constructor."""
        return self.user.made_by if self.user is not None else None

    @property
    def code(self) -> tuple[ast.AST, ...]:
        """What runs around it: the outermost function, or all that is outside of functions."""
        functions = [each for each in self.place.around if isinstance(each, AnyFunction)]
        return tuple(functions[:1]) or self.outside


class Unknown(NamedTuple):
    """A file that may use a function in ways that names do not tell."""

    path: str


def find_uses(
    target: Target, near: FunctionInfo | ClassInfo, does_not_count: Callable[[str], bool]
) -> Iterator[Use | Unknown]:
    """Yield what mentions a function or class in the project of *near*; in its file alone if there is no project.

    *does_not_count* says of a path that uses in that file do not matter, as those in tests.
    """
    ways = ways_to(target, near)
    texts = _texts_with(target.name, target, near)
    rivals = _rivals(target, texts)
    for path, text in texts:
        if does_not_count(path) and path != target.path:
            continue
        names = target.names_in(path, text, ways, rivals)
        file = parsed_file(text) if names.by_name or names.by_attribute else None
        uses = list(_uses_in(file, target, path, names)) if isinstance(file, ParsedFile) else []
        yield from uses
        may_be_renamed = names.by_name and is_renamed(target.name, text)
        is_offered = names.by_name and not uses and _is_package(path) and path != target.path
        if may_be_renamed or is_offered or isinstance(file, Exception):
            yield Unknown(path)


def _rivals(target: Target, texts: Iterable[tuple[str, str]]) -> _Files:
    """Return the other files whose module has the same name as a target's, and defines one called like that, too.

    One that imports something of such a module may have it from there.
    """
    if target.owner or target.is_nested:
        return _Files.of(())
    return _Files.of(
        path
        for path, text in texts
        if path != target.path
        and _module_at(path) == target.module
        and _defines(target.name, text)
        and not any(target.module in (_last_part(each.base), each.name) for each in _imported(text))
    )


@functools.lru_cache(maxsize=4096)
def _defines(name: str, text: str) -> bool:
    pattern = rf"^(?:(?:async[ \t]+)?def|class)[ \t]+{re.escape(name)}\b"
    return name in text and re.search(pattern, text, re.MULTILINE) is not None


class _Files(NamedTuple):
    """Some files, as import statements mean them: by their paths, and by the last parts of these."""

    modules: frozenset[tuple[str, ...]]
    ends: frozenset[tuple[str, ...]]

    @classmethod
    def of(cls, paths: Iterable[str]) -> _Files:
        places = [Path(path) for path in paths]
        modules = [(each.parent if each.name == "__init__.py" else each.with_suffix("")).parts for each in places]
        ends = (parts[-number:] for parts in modules for number in range(2, len(parts)))
        return cls(frozenset(modules), frozenset(ends))

    def are_meant_by(self, imported: ImportedName, importer: str) -> bool:
        """Whether an import statement of *importer* means one: all that it says of the way there fits.

        Of `tools` alone it says nothing, unless it begins with a dot.
        """
        dotted = imported.base.lstrip(".")
        level = len(imported.base) - len(dotted)
        base = tuple(dotted.split(".")) if dotted else ()
        ways = (base, (*base, imported.name))
        if not level:
            return any(parts in self.ends for parts in ways)
        folder = Path(importer).parts[:-level]
        return any(folder + parts in self.modules for parts in ways)


def importers(index: ModuleIndex, path: str | None = None) -> Iterator[str]:
    """Yield the paths of the files of the project that import a module, as far as its last name tells.

    It is another one of the project if a *path* is given.
    """
    path = path or index.name.path
    stem = _module_at(path) if path else ""
    texts = index.links.texts_with(stem, index) if index.links is not None and stem else None
    for other, text in texts or ():
        if other != path and is_imported_in(text, stem):
            yield other


def is_imported(index: ModuleIndex, path: str | None = None) -> bool:
    """Whether another file of the project imports a module, as far as its last name tells; *path* as above."""
    return any(True for _ in importers(index, path))


def is_imported_in(text: str, stem: str) -> bool:
    """Whether a file imports a module that has a last name, or something of it."""
    return any(stem in (_last_part(each.base), each.name) for each in _imported(text))


def is_called_elsewhere(function: FunctionInfo, does_not_count: Callable[[str], bool]) -> bool:
    """Whether functions in other files of the project call one, under any name: they go on when that ends.

    A package that passes it on may do so for the sake of its metadata, as the command that it is.
    """
    target = Target(function.name, function.index.name.path)
    if function.index.links is None or not target.path:
        return False
    for use in find_uses(target, function, does_not_count):
        is_call = use.by is not None if isinstance(use, Use) else not _is_package(use.path)
        if use.path != target.path and is_call:
            return True
    return False


def last_name(node: ast.AST) -> str:
    """Return the last part of a dotted name."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def runs_coroutine(call: ast.Call) -> bool:
    """Whether a call runs the coroutine, or coroutine function, that it is given, and comes back when that is done."""
    name = last_name(call.func)
    if name != "run":
        return name in RUNS
    return isinstance(call.func, ast.Name) or last_name(getattr(call.func, "value", call)) in RUNNERS


def _uses_in(file: ParsedFile, target: Target, path: str, names: _Names) -> Iterator[Use]:
    for node in file.mentions(target.name):
        if target.is_meant_by(node, names):
            yield Use(path, _place_of(node, file), file.outside, file.functions)


def _place_of(node: ast.AST, file: ParsedFile) -> Place:
    """Return where a mention stands; `run(main)` and `run(main())` both hand it over."""
    chain = [node, *file.around(node)]
    functions = tuple(each for each in reversed(chain[1:]) if isinstance(each, AnyFunction | ast.ClassDef))
    end = next((at for at, each in enumerate(chain) if at and isinstance(each, AnyFunction | ast.ClassDef)), len(chain))
    inside = chain[1:end]
    call = chain[1] if isinstance(chain[1], ast.Call) and chain[1].func is node else None
    given = next((at for at, each in enumerate(chain[1:]) if not _calls(each, chain[at])), 0)
    return Place(
        functions,
        is_main=not functions and len(chain) > 1 and _is_main_guard(chain[-2]),
        is_given=_runs(chain, given),
        given_to=_given_to(chain),
        call=call,
        is_used_at_once=call is not None and _is_no_coroutine(chain[2]),
        is_annotation=any(_annotates(child, each) for child, each in itertools.pairwise(chain[: end + 1])),
        is_beside=any(isinstance(each, ast.AsyncWith | ast.AsyncFor) for each in inside),
        is_repeated=any(isinstance(each, _LOOPS) for each in inside),
        is_deferred=any(isinstance(each, ast.Lambda) for each in inside),
        watched_by=tuple(
            each
            for child, each in itertools.pairwise(chain[:end])
            if isinstance(each, _BLOCKS) and any(child is statement for statement in each.body)
        ),
        is_awaited=call is not None and isinstance(chain[2], ast.Await),
        result_given_to=_given_to(chain, 1) if call is not None else "",
        asked_for=chain[1].attr if isinstance(chain[1], ast.Attribute) and chain[1].value is node else "",
        base=node.value if isinstance(node, ast.Attribute) else None,
    )


def _calls(outer: ast.AST, node: ast.AST) -> bool:
    return isinstance(outer, ast.Call) and outer.func is node


def _is_no_coroutine(outer: ast.AST) -> bool:
    """Whether what stands around a call shows that it did not return a coroutine which anybody runs."""
    if isinstance(outer, ast.Attribute):
        return outer.attr not in _OF_COROUTINES
    return isinstance(outer, ast.Expr | ast.Subscript | ast.For)


def _call_given(chain: Sequence[ast.AST], at: int) -> ast.Call | None:
    """Return the call that the node at a place of a chain is an argument of."""
    outer = chain[at + 1] if at + 1 < len(chain) else None
    if isinstance(outer, ast.keyword):
        outer = chain[at + 2]
        return outer if isinstance(outer, ast.Call) else None
    return outer if isinstance(outer, ast.Call) and outer.func is not chain[at] else None


def _runs(chain: Sequence[ast.AST], at: int) -> bool:
    call = _call_given(chain, at)
    return call is not None and runs_coroutine(call)


def _given_to(chain: Sequence[ast.AST], at: int = 0) -> str:
    call = _call_given(chain, at)
    return last_name(call.func) if call is not None else ""


def _annotates(node: ast.AST, outer: ast.AST) -> bool:
    return node in (getattr(outer, "annotation", None), getattr(outer, "returns", None))


def _is_package(path: str) -> bool:
    return Path(path).name == "__init__.py"


def is_renamed(name: str, text: str) -> bool:
    """Whether a file imports something under a name of its own."""
    return name in _renamed(text)


@functools.lru_cache(maxsize=1024)
def _renamed(text: str) -> frozenset[str]:
    return frozenset(_AS.findall(_COMMENTS.sub("", text)))


def _is_main_guard(statement: ast.AST) -> bool:
    return isinstance(statement, ast.If) and any(
        isinstance(node, ast.Constant) and node.value == "__main__" for node in ast.walk(statement.test)
    )


def _last_part(dotted: str) -> str:
    return dotted.rpartition(".")[2]
