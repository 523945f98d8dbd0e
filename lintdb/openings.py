"""What a file opens: calls that make a connection, client, pool or engine, and settings that make frameworks do so.

Rules are handed both as `Opening`s. For settings that is the call that the framework will make, put together from the
expressions that stand there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from types import MappingProxyType
from typing import NamedTuple

import libcst as cst

from lintdb.drivers.catalog import Models, import_roots
from lintdb.effects import CallModel, Condition, Configuration, Kind, Setting
from lintdb.finding import Confidence
from lintdb.flow.behind import completed
from lintdb.flow.program import Program
from lintdb.rules.base import Opening
from lintdb.rules.places import is_rehearsed_name, is_rehearsed_settings
from lintdb.source import SourceFile
from lintdb.syntax.configured import Settings, first_place, iter_settings
from lintdb.syntax.fields import variable_called
from lintdb.syntax.literals import HIDDEN, Evaluator
from lintdb.syntax.mappings import SEVERAL, Items, inside
from lintdb.syntax.names import FunctionInfo, ModuleIndex, Variable
from lintdb.syntax.subclasses import base_call, derived_class

Load = Callable[[str], Models]
"""Gives the models of a library by its name, and of those that it requires, for the versions of the project."""


def find_openings(program: Program, models: Models) -> Iterator[Opening]:
    """Yield the calls that make a connection, client, pool or engine, found by name alone."""
    seen: set[int] = set()
    finder = _Finder(program, models)
    has_partials = not program.index.imported_names().isdisjoint(("functools", "functools.partial"))
    for function in program.index.all_functions:
        scopes = [function, *function.lambdas.values()]
        for scope in scopes:
            for call in scope.calls:
                if id(call) in seen:
                    continue
                seen.add(id(call))
                given = _completed(call, program.index, scope) if has_partials else None
                found = list(finder.find(call, given, scope))
                if found:
                    # Of a name with several imports the one that is meant has the arguments that the call gives.
                    yield max(found, key=Opening.known_arguments)


class _Finder:
    """Finds what the calls of a module open. `given` is the call with the arguments of a partial that it calls."""

    def __init__(self, program: Program, models: Models) -> None:
        self._program = program
        self._models = models

    def find(self, call: cst.Call, given: cst.Call | None, scope: FunctionInfo) -> Iterator[Opening]:
        """Yield what a call may open by each of its names, or as an object of a class of the project."""
        whole = given if given is not None else call
        index = self._program.index
        dotted = index.dotted(whole.func, scope)
        is_found = False
        for name in [dotted, *index.other_names(whole.func, scope)] if dotted is not None else ():
            for opening in self._openings(name, call, given, scope):
                is_found = True
                yield opening
        if not is_found:
            yield from self._derived(call, whole, scope)

    def _derived(self, call: cst.Call, whole: cst.Call, scope: FunctionInfo) -> Iterator[Opening]:
        owner = derived_class(whole, scope, self._program.index)
        found = base_call(whole, owner) if owner is not None else None
        if owner is None or found is None:
            return
        for opening in self._openings(found[0], call, found[1], scope):
            # A class that has ways of its own to connect, or to get one, may bound them.
            if all(owner.find_method(name) is None for name in opening.kind.methods):
                yield opening

    def _openings(self, name: str, call: cst.Call, given: cst.Call | None, scope: FunctionInfo) -> Iterator[Opening]:
        model = self._program.types.model_of_call(name, given if given is not None else call, scope)
        kind = self._program.knowledge.kind(model.acquires) if model is not None and model.acquires else None
        driver = self._models.driver(model.driver) if model is not None else None
        if model is not None and kind is not None and driver is not None:
            yield Opening(call, scope, model, kind, driver.title, driver.version, driver.switches, given)


def _completed(call: cst.Call, index: ModuleIndex, scope: FunctionInfo) -> cst.Call | None:
    """Return what `connect(…)` calls where `connect = functools.partial(psycopg2.connect, …)`: with all arguments."""
    value = Evaluator(index, scope).single_assignment(call.func.value) if isinstance(call.func, cst.Name) else None
    if not isinstance(value, cst.Call) or index.dotted(value.func, scope) != "functools.partial":
        return None
    return completed(value, call)


def find_configured(
    program: Program, models: Models, load: Load, required: Collection[str], source: SourceFile
) -> Iterator[Opening]:
    """Yield the calls that frameworks make with the settings of a file.

    *required* are the libraries that the project asks for: they tell which of several a framework takes.
    """
    configurations = [each for driver in models.drivers for each in driver.configurations]
    configurations = [
        each for each in configurations if each.keywords_of or any(word in source.text for word in each.words)
    ]
    words = {word for each in configurations for word in each.words}
    places = list(iter_settings(program.index, words)) if words else []
    for configuration in configurations:
        maker = _Maker(program, configuration, load, required)
        given = _arguments_of(configuration, program) if configuration.keywords_of else places
        found = [(table, each.owner) for each in given for table in _tables(configuration, each)]
        found += [(table, None) for table in _changed_parts(configuration, program.index)]
        for table, owner in found:
            opening = maker.make(table)
            if opening is not None:
                is_rehearsed = is_rehearsed_settings(source.path) or (owner and is_rehearsed_name(owner.name))
                yield replace(opening, surest=Confidence.LOW) if is_rehearsed else opening


def _arguments_of(configuration: Configuration, program: Program) -> Iterator[Settings]:
    """Yield the keyword arguments of the calls that a configuration is given in, among others perhaps."""
    for function in program.index.all_functions:
        for call in function.calls:
            if program.index.dotted(call.func, function) == configuration.keywords_of:
                items = {each.keyword.value: each.value for each in call.args if each.keyword is not None}
                yield Settings(function, items, is_complete=False)


_NOTHING = cst.Dict([])


class _Table(NamedTuple):
    """The items that one call is made of: what they are called, where they stand, whether others may belong to them.

    `elsewhere` are those of another module that they are put to: they are its own affair, and yet count for conditions.
    """

    items: Items
    name: str
    place: cst.BaseExpression
    evaluator: Evaluator
    scope: FunctionInfo
    is_complete: bool
    elsewhere: _Table | None = None

    def inner(self, key: str) -> Items | None:
        """Return the items of a dictionary under a key; a dot leads into an inner one. None: not all can be seen."""
        items, name = self.items, self.name
        found: Items | None = {}
        for part in key.split("."):
            node = items.get(part)
            name = inside(name, part) if name else part
            is_empty = node is None or self.evaluator.value(node) in (True, None, False)
            found = self.evaluator.items_of(_NOTHING if node is None or is_empty else node, name, self.scope)
            if found is None:
                return None
            items = found
        return found

    def value(self, condition: Condition) -> tuple[bool, object]:
        """Return whether the key of a condition is given, and its value unless the environment says otherwise."""
        items: Items | None = self.items
        key = condition.argument.keyword or ""
        if condition.key is not None:
            items, key = self.inner(key), condition.key
        node = (items or {}).get(key)
        if node is None:
            return self.elsewhere.value(condition) if self.elsewhere is not None else (False, HIDDEN)
        value = self.evaluator.default(node).value
        return value is not None and value is not False, value

    def meets(self, condition: Condition) -> bool:
        is_given, value = self.value(condition)
        if condition.given is not None:
            return is_given is condition.given
        return condition.is_met_by(value)


def _tables(configuration: Configuration, settings: Settings) -> Iterator[_Table]:
    evaluator = Evaluator(settings.scope.index, settings.scope)
    if not configuration.table:
        place = first_place({key: settings.items[key] for key in configuration.keys if key in settings.items})
        if place is not None:
            # A connection string alone may as well be used by code that gives its own options.
            merged = {key.partition(".")[0] for key in configuration.merged}
            is_complete = settings.is_complete and (bool(settings.holder) or not merged.isdisjoint(settings.items))
            place = first_place({key: settings.items[key] for key in merged if key in settings.items}) or place
            yield _Table(settings.items, settings.holder, place, evaluator, settings.scope, is_complete)
        return
    name = settings.name_of(configuration.table)
    node = settings.items.get(configuration.table)
    if node is not None and node is not SEVERAL:
        whole = _Table({}, name, node, evaluator, settings.scope, settings.is_complete)
        for part in _parts(configuration, whole):
            # As above: a connection string alone.
            is_alone = bool(configuration.plain) and part.items.keys() <= {configuration.plain}
            yield part._replace(is_complete=part.is_complete and (bool(settings.holder) or not is_alone))


def _parts(configuration: Configuration, whole: _Table) -> Iterator[_Table]:
    """Yield the dictionary that stands at a place, or each of those in it."""
    items = whole.evaluator.items_of(whole.place, whole.name, whole.scope)
    if items is None:
        return
    if not configuration.each:
        yield whole._replace(items=items)
        return
    for alias, value in items.items():
        # `if testing: DATABASES["default"] = {…}`: each of its values stands for itself.
        values = whole.evaluator.values_of(whole.place, whole.name, whole.scope, alias) if value is SEVERAL else [value]
        for each in values:
            part = whole._replace(name=inside(whole.name, alias), place=each)
            inner = part.evaluator.items_of(each, part.name, part.scope)
            if inner is not None:
                yield part._replace(items=inner)
            elif configuration.plain and _is_text(each, part.evaluator):
                yield part._replace(items={configuration.plain: each})


def _is_text(node: cst.BaseExpression, evaluator: Evaluator) -> bool:
    """Whether something is a text for sure; what cannot be seen may be a dictionary."""
    return isinstance(node, (cst.FormattedString, cst.ConcatenatedString)) or isinstance(evaluator.value(node), str)


def _changed_parts(configuration: Configuration, index: ModuleIndex) -> Iterator[_Table]:
    """Yield what a module puts into the dictionaries that it has from another one: `from .base import *`."""
    name = configuration.table
    base = _imported_variable(name, index) if name and name not in index.values else None
    value = base.index.constant(base.name) if base is not None else None
    if base is None or value is None:
        return
    body = base.index.body
    for theirs in _parts(configuration, _Table({}, name, value, Evaluator(base.index, body), body, is_complete=False)):
        own = _Table({}, theirs.name, _NOTHING, Evaluator(index, index.body), index.body, is_complete=False)
        items = own.evaluator.items_of(_NOTHING, own.name, own.scope)
        own = own._replace(items=items or {}, elsewhere=theirs)
        given = [own.items, *(own.inner(key) or {} for key in configuration.merged)]
        place = next((place for each in given if (place := first_place(each)) is not None), None)
        if items is not None and place is not None:
            yield own._replace(place=place)


def _imported_variable(name: str, index: ModuleIndex) -> Variable | None:
    """Return the variable of another module that a name of a module is: imported, or with all that is in there."""
    targets = [index.body.imports.get(name), *(f"{star}.{name}" for star in reversed(index.stars))]
    return next((found for target in targets if (found := variable_called(target, index)) is not None), None)


class _Maker:
    """Makes the call of one configuration out of the items that it is given."""

    def __init__(self, program: Program, configuration: Configuration, load: Load, required: Collection[str]) -> None:
        self._program = program
        self._configuration = configuration
        self._load = load
        self._required = required

    def make(self, table: _Table) -> Opening | None:
        """Return the call; None if its conditions do not hold, or nothing of it can be seen."""
        if not all(table.meets(condition) for condition in self._configuration.when):
            return None
        found = [opening for opening in self._candidates(self._call(table), table) if opening is not None]
        return replace(found[0], others=tuple(found[1:])) if found else None

    def _call(self, table: _Table) -> cst.Call:
        given: dict[str, cst.BaseExpression] = {}
        is_hidden = not table.is_complete
        if self._configuration.as_is:
            given.update(table.items)
        for key, argument in self._configuration.arguments.items():
            if key in table.items:
                given[argument] = table.items[key]
        for key in self._configuration.merged:
            items = table.inner(key)
            is_hidden = is_hidden or items is None
            given.update(items or {})
        arguments = [cst.Arg(value, keyword=cst.Name(name)) for name, value in given.items() if name.isidentifier()]
        if is_hidden:
            arguments.append(cst.Arg(SEVERAL, star="**"))
        return cst.Call(cst.Name("settings"), arguments)

    def _candidates(self, call: cst.Call, table: _Table) -> Iterator[Opening | None]:
        configuration = self._configuration
        if configuration.acquires is not None:
            models = self._load(configuration.driver)
            model = CallModel(names=(), acquires=configuration.acquires, driver=configuration.driver)
            yield self._opening(call, model, models, table)
            return
        roots = import_roots()
        libraries = {name: roots.get(name.partition(".")[0], "") for name in configuration.calls}
        asked_for = [name for name, library in libraries.items() if library in self._required]
        for name in asked_for or configuration.calls:
            models = self._load(libraries[name])
            first = self._program.types.first_possible(models.functions.get(name, ()), call, self._program.index.body)
            yield self._opening(call, first, models, table)

    def _opening(self, call: cst.Call, model: CallModel | None, models: Models, table: _Table) -> Opening | None:
        kind = models.kinds.get(model.acquires) if model is not None and model.acquires is not None else None
        driver = models.driver(model.driver) if model is not None else None
        if model is None or kind is None or driver is None:
            return None
        keys = {argument: key for key, argument in self._configuration.arguments.items()}
        return Opening(
            call,
            table.scope,
            replace(model, settings=tuple(self._settings(model.settings))),
            self._kind(kind),
            driver.title,
            driver.version,
            tuple(each for each in driver.switches if each.name not in self._configuration.decides),
            place=table.place,
            keys=MappingProxyType(keys),
            is_here=self._is_here(table),
        )

    def _kind(self, kind: Kind) -> Kind:
        configuration = self._configuration
        settings = (*configuration.settings, *self._settings(kind.settings))
        return replace(kind, label=configuration.label or kind.label, settings=settings)

    def _settings(self, settings: Iterable[Setting]) -> Iterator[Setting]:
        """Yield the settings that are decided there, with cures as they are written there."""
        limits = self._configuration.limits
        for setting in settings:
            if not limits or setting.name in limits:
                yield replace(setting, suggest=spell(self._configuration.suggest, setting.suggest))

    def _is_here(self, table: _Table) -> bool:
        host = self._configuration.host
        if host not in table.items and table.elsewhere is not None:
            return self._is_here(table.elsewhere)
        return bool(host) and (host not in table.items or table.evaluator.value(table.items[host]) == "")


_ARGUMENT = re.compile(r"(?:^|(?<=, ))(\w+)=")


def spell(frame: str, cure: str) -> str:
    """Return a cure, `timeout=5`, as an item of the settings that *frame* shows: `OPTIONS = {"timeout": 5}`."""
    if not frame or not cure:
        return cure
    return frame.replace("…", _ARGUMENT.sub(r'"\1": ', cure))
