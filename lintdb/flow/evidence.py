"""What a name from elsewhere must hold, by what a function does with it: `def store(conn)`, `self.request.db`.

Only solid evidence counts. The name says connection or session, every method that is called on it is one of that kind,
and something ties it to one library: a handler for the library's errors round a call on it, a statement made by the
library that it executes, a function of the library that gets a part of it; or the methods are those of no other kind;
or the file knows one library only, and what the function makes of it runs statements as a part of that does.
A method that only one library has speaks whatever the name, where all that is done with its value fits: `x.pubsub()`;
and so do some methods of what has a name as everybody gives it in that library, `engine.connect()`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import libcst as cst

from lintdb.effects import CallModel, Event, Form, Kind, Raises
from lintdb.flow.knowledge import Knowledge
from lintdb.syntax.names import FunctionInfo, ModuleIndex
from lintdb.syntax.walk import walk

_ENDS = (Event.COMMIT, Event.ROLLBACK)
_GO_THROUGH = frozenset(
    {"list", "tuple", "set", "frozenset", "dict", "sorted", "sum", "min", "max", "any", "all", "len"}
)


@dataclass
class _Use:
    """How a function uses one name: the methods, those whose call is awaited, the libraries that it is tied to.

    `handed`: methods whose value is an argument or returned, so that somebody else may await it.
    """

    methods: set[str] = field(default_factory=set)
    awaited: set[str] = field(default_factory=set)
    handed: set[str] = field(default_factory=set)
    drivers: set[str] = field(default_factory=set)
    passed_as: set[str] = field(default_factory=set)


class Evidence:
    """Answers for the functions of one module. A name is a variable, or a dotted chain that begins with one."""

    def __init__(self, index: ModuleIndex, knowledge: Knowledge) -> None:
        self.index = index
        self.knowledge = knowledge
        self._found: dict[int, dict[str, str]] = {}
        self._kinds: list[Kind] | None = None
        self._self_committing: list[Kind] = []
        self._telling: set[str] = set()
        self._makers: set[str] = set()

    def kinds(self, function: FunctionInfo) -> dict[str, str]:
        """Return which kind each name of a function holds that nothing but its use tells."""
        found = self._found.get(id(function))
        if found is None:
            # A function that calls itself is asked for while it is looked at.
            self._found[id(function)] = found = {}
            if not function.is_module and self._is_candidate(function):
                found.update(self._find(function))
        return found

    def told_by(self, method: cst.Attribute, function: FunctionInfo) -> str | None:
        """Return the kind of what a method is called on, if that method tells it whatever the name: `x.pubsub()`."""
        name = self._name(method.value, function)
        if name is None or method.attr.value not in self._telltales(name):
            return None
        return self.kinds(function).get(name)

    def fitting(self, name: str, function: FunctionInfo, kinds: Iterable[Kind]) -> list[Kind]:
        """Return those of some kinds that have all methods which a function calls on a name."""
        use = self._uses(function).get(name, _Use())
        return [kind for kind in kinds if _fits(kind, use)]

    def _telltales(self, name: str) -> frozenset[str]:
        return self.knowledge.telltales(name.rpartition(".")[2])

    def _candidates(self) -> list[Kind]:
        if self._kinds is None:
            usable = [kind for kind in self.knowledge.kinds() if _is_usable(kind)]
            # What commits each statement by itself is none, but what fits one of them may be one.
            self._self_committing = [kind for kind in usable if kind.autocommit is True]
            self._kinds = [
                kind
                for kind in usable
                if kind.autocommit is not True
                and any(model.event in _ENDS for models in kind.methods.values() for model in models)
            ]
            for kind in self._kinds:
                for name, models in kind.methods.items():
                    if any(self._makes_part(model) for model in models):
                        self._makers.add(name)
                    elif any(model.event in (*_ENDS, Event.WRITE) or model.sql is not None for model in models):
                        self._telling.add(name)
            self._telling |= self._makers
        return self._kinds

    def _makes_part(self, model: CallModel) -> bool:
        """Whether a method makes something that runs statements for its owner."""
        part = self.knowledge.kind(model.acquires) if model.acquires is not None and model.sql is None else None
        if part is None or part.events_on != "parent":
            return False
        return any(each.sql is not None for models in part.methods.values() for each in models)

    def _is_candidate(self, function: FunctionInfo) -> bool:
        words = self.knowledge.telltales() | self.knowledge.named_telltales()
        words |= self._telling if self._candidates() else set()
        return any(isinstance(call.func, cst.Attribute) and call.func.attr.value in words for call in function.calls)

    def _find(self, function: FunctionInfo) -> Iterator[tuple[str, str]]:
        uses = self._uses(function)
        for name, use in uses.items():
            if use.methods & self._telltales(name):
                told = self._told(name, use, uses, self._parts(function))
                if told is not None:
                    yield name, told
                continue
            kind = next(iter(use.passed_as)) if len(use.passed_as) == 1 and not use.methods else None
            if kind is None and use.methods & self._telling:
                made = [part for part, source in self._parts(function).items() if source == name and part in uses]
                kind = self._kind_of(name.rpartition(".")[2], use, [uses[part] for part in made])
            if kind is not None:
                yield name, kind

    def _told(self, name: str, use: _Use, uses: dict[str, _Use], parts: dict[str, str]) -> str | None:
        """Return the kind of what has a telltale method: the one whose value can be used as this function does."""
        telltales = self._telltales(name) & use.methods
        made = [uses[part] for part, source in parts.items() if source == name and part in uses]
        fitting: dict[str, str] = {}
        for kind in self.knowledge.kinds():
            models = [model for method in telltales for model in kind.methods.get(method, ())]
            part = self.knowledge.kind(next((model.acquires for model in models if model.acquires), ""))
            if (
                kind.types
                and part is not None
                and _fits(kind, use)
                and made
                and all(_fits(part, each) for each in made)
            ):
                fitting.setdefault(part.id, kind.id)
        return next(iter(fitting.values())) if len(fitting) == 1 else None

    def _uses(self, function: FunctionInfo) -> dict[str, _Use]:
        uses: dict[str, _Use] = {}
        awaited = {id(node.expression) for node in function.nodes if isinstance(node, cst.Await)}
        handed = {id(node.value) for node in function.nodes if isinstance(node, (cst.Arg, cst.Return, cst.Element))}
        handed -= {id(arg.value) for call in function.calls if _goes_through(call) for arg in call.args}
        parts: dict[str, str] = {}
        for call in function.calls:
            if not isinstance(call.func, cst.Attribute):
                continue
            name = self._name(call.func.value, function)
            if name is None:
                continue
            use = uses.setdefault(name, _Use())
            use.methods.add(call.func.attr.value)
            if id(call) in awaited:
                use.awaited.add(call.func.attr.value)
            elif id(call) in handed:
                use.handed.add(call.func.attr.value)
            for argument in call.args[:1]:
                use.drivers.update(self._maker(argument.value, function))
        if any(use.methods & self._telling for use in uses.values()):
            self._add_handlers(function, uses)
            parts = self._parts(function)
        for call in function.calls:
            self._add_receivers(call, function, uses, parts)
            self._add_passed(call, function, uses)
        return uses

    def _name(self, node: cst.BaseExpression, function: FunctionInfo) -> str | None:
        """Return the dotted name of an expression that is not the name of something of a library."""
        parts: list[str] = []
        root = node
        while isinstance(root, cst.Attribute):
            parts.append(root.attr.value)
            root = root.value
        if not isinstance(root, cst.Name):
            return None
        parts.append(root.value)
        name = ".".join(reversed(parts))
        dotted = self.index.dotted(node, function)
        return None if dotted is not None and self.knowledge.is_of_driver(dotted) else name

    def _maker(self, node: cst.BaseExpression, function: FunctionInfo) -> set[str]:
        """Return the library whose statement an expression is: `insert(users).values(name=name)`."""
        while isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute):
            models = self._models(node, function)
            if models:
                return models
            node = node.func.value
        return self._models(node, function) if isinstance(node, cst.Call) else set()

    def _models(self, call: cst.Call, function: FunctionInfo) -> set[str]:
        dotted = self.index.dotted(call.func, function)
        models = self.knowledge.function(dotted) if dotted is not None else ()
        return {model.driver for model in models if model.query_event is not None or model.unwraps is not None}

    def _add_handlers(self, function: FunctionInfo, uses: dict[str, _Use]) -> None:
        """Tie the names that are used in a `try` body to the libraries whose errors its handlers name."""
        for node in function.nodes:
            if not isinstance(node, cst.Try):
                continue
            drivers: set[str] = set()
            for handler in node.handlers:
                caught = self._drivers_caught(handler, function)
                drivers |= caught
                # `except OperationalError: session.rollback()`
                self._tie(handler.body, caught, function, uses)
            self._tie(node.body, drivers, function, uses)

    def _drivers_caught(self, handler: cst.ExceptHandler, function: FunctionInfo) -> set[str]:
        drivers: set[str] = set()
        for each in _classes(handler.type) if handler.type is not None else ():
            dotted = self.index.dotted(each, function)
            drivers |= self.knowledge.drivers_of_error(dotted) if dotted is not None else set()
        return drivers

    def _tie(self, code: cst.CSTNode, drivers: set[str], function: FunctionInfo, uses: dict[str, _Use]) -> None:
        for call in walk(code) if drivers else ():
            if isinstance(call, cst.Call) and isinstance(call.func, cst.Attribute):
                name = self._name(call.func.value, function)
                if name in uses and call.func.attr.value in self._telling:
                    uses[name].drivers |= drivers

    def _parts(self, function: FunctionInfo) -> dict[str, str]:
        """Return the names that such parts get, with the name of what they come from."""
        found: dict[str, str] = {}
        makers = self._makers | self.knowledge.telltales() | self.knowledge.named_telltales()
        for node in function.nodes:
            value: cst.BaseExpression | None = None
            target: cst.CSTNode | None = None
            if isinstance(node, cst.Assign) and len(node.targets) == 1:
                value, target = node.value, node.targets[0].target
            elif isinstance(node, cst.WithItem) and node.asname is not None:
                value, target = node.item, node.asname.name
            value = value.expression if isinstance(value, cst.Await) else value
            if not isinstance(value, cst.Call) or not isinstance(target, (cst.Name, cst.Attribute)):
                continue
            if isinstance(value.func, cst.Attribute) and value.func.attr.value in makers:
                source, part = self._name(value.func.value, function), self._name(target, function)
                if source is not None and part is not None:
                    found[part] = source
        return found

    def _add_receivers(
        self, call: cst.Call, function: FunctionInfo, uses: dict[str, _Use], parts: dict[str, str]
    ) -> None:
        """`execute_values(cur, …)`: the part is one of that library, and so is what it comes from."""
        dotted = self.index.dotted(call.func, function)
        for model in self.knowledge.function(dotted) if dotted is not None else ():
            position = model.receiver.position if model.receiver is not None else None
            given = call.args[position].value if position is not None and position < len(call.args) else None
            if isinstance(given, cst.Name):
                source = parts.get(given.value)
                if source is not None and source in uses:
                    uses[source].drivers.add(model.driver)

    def _add_passed(self, call: cst.Call, function: FunctionInfo, uses: dict[str, _Use]) -> None:
        """A name that is only handed to a function of this module is what that function takes it for."""
        callee = self.index.find_function(call.func.value, function) if isinstance(call.func, cst.Name) else None
        if callee is None or callee is function:
            return
        names = [param.name.value for param in callee.params]
        for position, argument in enumerate(call.args):
            parameter = argument.keyword.value if argument.keyword is not None else None
            if parameter is None and position < len(names) and not argument.star:
                parameter = names[position]
            kind = self.kinds(callee).get(parameter) if parameter is not None else None
            name = self._name(argument.value, function)
            if kind is not None and name is not None:
                uses.setdefault(name, _Use()).passed_as.add(kind)

    def _kind_of(self, last: str, use: _Use, parts: list[_Use]) -> str | None:
        families = self.knowledge.families_named(last)
        fitting = [kind for kind in self._candidates() if kind.family in families and _fits(kind, use)]
        tied = [kind for kind in fitting if kind.driver in use.drivers]
        if not tied:
            # Nothing but the methods speaks: they must be telling, and of one library only.
            if (
                len(fitting) == 0
                or len({kind.driver for kind in fitting}) != 1
                or not (self._is_telling(fitting[0], use.methods) or self._makes(fitting[0], use, parts))
            ):
                return None
            tied = fitting
        if any(kind.driver == tied[0].driver and _fits(kind, use) for kind in self._self_committing):
            return None
        sessions = [kind for kind in tied if kind.family == "session"]
        return (sessions or tied)[0].id

    def _makes(self, kind: Kind, use: _Use, parts: list[_Use]) -> bool:
        """Whether what is made of something runs statements as a part of such a kind does, and does nothing else."""
        models = [model for name in use.methods & self._makers for model in kind.methods.get(name, ())]
        made = self.knowledge.kind(next((model.acquires for model in models if model.acquires is not None), ""))
        if made is None or not parts or not all(_fits(made, part) for part in parts):
            return False
        runs = {name for name, calls in made.methods.items() if any(model.sql is not None for model in calls)}
        return all(part.methods & runs for part in parts)

    def _is_telling(self, kind: Kind, methods: set[str]) -> bool:
        """Whether methods are those of such a kind, and of little else."""
        models = [model for name in methods for model in kind.methods.get(name, ())]
        ends = any(model.event in _ENDS for model in models)
        # `session.add(user)` notes a write, and something else sends it.
        notes = any(model.event is Event.WRITE and model.raises is Raises.NEVER for model in models)
        sends = any(model.event is Event.WRITE and model.raises is not Raises.NEVER for model in models)
        return (notes and (ends or sends)) or (bool(methods & self._makers) and ends)


def _classes(expression: cst.BaseExpression) -> list[cst.BaseExpression]:
    """Return the classes of a handler, one by one."""
    if isinstance(expression, cst.Tuple):
        return [element.value for element in expression.elements]
    return [expression]


def _goes_through(call: cst.Call) -> bool:
    """`list(session.run(query))`: what is gone through at once is nothing that somebody awaits."""
    return isinstance(call.func, cst.Name) and call.func.value in _GO_THROUGH


def _is_usable(kind: Kind) -> bool:
    """Whether statements run on such a kind, and programs name it."""
    return bool(kind.types) and kind.family in ("connection", "checkout", "session")


def _fits(kind: Kind, use: _Use) -> bool:
    """Whether every call could be one on such a kind, with and without `await`."""
    for name in use.methods:
        models = kind.methods.get(name)
        if models is None and name not in kind.attributes and name not in kind.state_flags:
            return False
        if models and (name in use.awaited) and not any(m.coroutine or m.form is not Form.VALUE for m in models):
            return False
    coroutines = {name for name in use.methods if any(m.coroutine for m in kind.methods.get(name, ()))}
    return coroutines <= use.awaited | use.handed
