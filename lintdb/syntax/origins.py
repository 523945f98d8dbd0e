"""Where the value of an expression comes from: harmless, from outside, or not known. Looks; follows nothing."""

from __future__ import annotations

import enum
import functools
import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import libcst as cst

from lintdb.syntax.class_constants import is_constant, is_constant_of_classes
from lintdb.syntax.comprehensions import loop_of
from lintdb.syntax.docstrings import is_said_to_hold_no_text
from lintdb.syntax.given import given_for, items_at
from lintdb.syntax.literals import is_literal, only_value
from lintdb.syntax.names import ClassInfo, FunctionInfo
from lintdb.syntax.program_names import SAME_TEXT, is_name_of_keyword
from lintdb.syntax.walk import unspaced, walk

if TYPE_CHECKING:
    from lintdb.syntax.names import ModuleIndex


class Trust(enum.IntEnum):
    """How much harm a value can do."""

    HARMLESS = 0
    DOCUMENTED = 1
    """a parameter that is a number, by its documentation alone; the name of a keyword, which callers write out"""
    UNKNOWN = 2
    PARAMETER = 3
    ENVIRONMENT = 4
    """what whoever starts the program has set for it"""
    INPUT = 5


@dataclass(frozen=True)
class Origin:
    """What is known of a value: the trust, and the node that it comes from, with words for it."""

    trust: Trust
    node: cst.CSTNode | None = None
    words: str = ""


_SURE = frozenset({Trust.HARMLESS, Trust.ENVIRONMENT, Trust.INPUT})
"""What holds for a part of something if it holds for the whole."""
HARMLESS = Origin(Trust.HARMLESS)
UNKNOWN = Origin(Trust.UNKNOWN)

_TYPES_WITHOUT_TEXT = frozenset({
    "int", "float", "bool", "Decimal", "date", "datetime", "time", "timedelta", "UUID", "Literal", "Fraction",
    "complex", "LiteralString",
})  # fmt: skip
_TEXT_TYPES = frozenset({"str", "Any", "object", "AnyStr", "Optional", "Union", "Text", "bytes"})
_CONTAINERS = frozenset({
    "dict", "list", "tuple", "set", "frozenset", "Dict", "List", "Tuple", "Set", "Mapping", "MutableMapping",
    "Sequence", "Iterable", "Iterator", "Collection", "typing", "collections", "abc", "None",
})  # fmt: skip
_SAFE_CALLS = frozenset({
    "int", "float", "len", "bool", "abs", "round", "hash", "id", "ord", "range", "sum", "divmod", "hex", "oct",
    "time.time", "time.monotonic", "uuid.uuid1", "uuid.uuid4", "uuid.uuid5", "decimal.Decimal", "os.getpid",
    "datetime.datetime.now", "datetime.datetime.utcnow", "datetime.date.today", "datetime.datetime.today",
    "datetime.timedelta", "random.randint", "random.random", "secrets.token_hex", "type", "uuid.UUID",
    "datetime.datetime.fromtimestamp", "datetime.date", "datetime.datetime", "math.floor", "math.ceil",
    "datetime.datetime.utcfromtimestamp", "datetime.datetime.strptime", "datetime.datetime.fromisoformat",
    "datetime.datetime.combine", "datetime.date.fromtimestamp", "datetime.date.fromisoformat", "datetime.time",
    "datetime.time.fromisoformat", "django.utils.timezone.now", "psycopg2.extensions.adapt",
})  # fmt: skip
_SAFE_METHODS = frozenset({
    "isoformat", "strftime", "timestamp", "total_seconds", "hexdigest", "count", "index", "bit_length", "toordinal",
    "as_string", "mogrify", "compile",
})  # fmt: skip
_OF_A_DATE = frozenset({"date", "time"})
"""Methods of dates that take nothing: with arguments, others are called so."""
_COUNTED_WITH = frozenset({"datetime.timedelta", "int", "float", "len", "time.time"})
"""What gives a number or a span of time: what these can be added to is a number or a date, and no text."""
_PARTS_OF_TEXT = frozenset({
    "split", "rsplit", "splitlines", "partition", "rpartition", "swapcase", "center", "expandtabs",
})  # fmt: skip
_CONVERTS = frozenset({"str", "repr", "format", "list", "tuple", "set", "sorted", "reversed", "min", "max", "map"})
_CLEANS = re.compile(r"quot|escap|liter|sanit|ident|placeholder|param|valid|check|safe|clean", re.IGNORECASE)
_MARKS = re.compile(r"placeholder|marker|bind|param|_?ph\b|qmark|\bmarks?\b", re.IGNORECASE)
_REQUESTS = re.compile(
    r"(?:^|\.)(?:request|req)\.(?:args|form|json|values|cookies|headers|query_params|path_params|GET|POST|data|params|"
    r"match_info|rel_url|query|body|get_json|files|view_args|matchdict|arguments)\b"
)
_ENVIRONMENT = re.compile(r"os\.(?:environ|environb|getenv|getenvb)\b")
_OF_A_REQUEST = ("flask.g.", "flask.globals.g.", "quart.g.", "flask.session.", "quart.session.")
_INPUT_CALLS = frozenset({"input", "sys.stdin.read", "sys.stdin.readline"})
_ENUMERATIONS = ("Enum", "Flag", "Choices")
_LITERALS = (
    cst.SimpleString, cst.Integer, cst.Float, cst.Comparison, cst.FormattedStringText, cst.UnaryOperation,
)  # fmt: skip
_PLAIN = frozenset({"staticmethod", "classmethod"})
_PROPERTIES = frozenset({"property", "cached_property"})
_FILLING = frozenset({"update", "append", "extend", "insert", "add", "setdefault", "appendleft"})
"""Methods that put something into a list, a set, a dictionary."""
_MOST_CALLS = 4
"""Functions of the project that are looked into one from another."""
_TESTS = frozenset({"isdigit", "isidentifier", "isalnum", "isnumeric", "isdecimal", "isalpha"})


class Origins:
    """Answers for one function of a module."""

    def __init__(self, index: ModuleIndex, function: FunctionInfo, callers: tuple[FunctionInfo, ...] = ()) -> None:
        self.index = index
        self.function = function
        self._callers = (*callers, function)
        self._followed = frozenset(each.name for each in callers)
        self._seen: set[tuple[str, cst.CompFor | None]] = set()
        self._before: set[str] = set()

    def of(self, node: cst.CSTNode) -> Origin:
        """Return where the value of an expression comes from."""
        if isinstance(node, _LITERALS):
            return HARMLESS
        if isinstance(node, (cst.Attribute, cst.Subscript, cst.Call)) and self._is_compared(node):
            return HARMLESS
        method = self._METHODS.get(type(node))
        if method is not None:
            return method(self, node)
        parts = _parts(node)
        return self._worst(parts) if parts is not None else UNKNOWN

    def _expression(self, node: cst.FormattedStringExpression) -> Origin:
        spec = "".join(p.value for p in node.format_spec or () if isinstance(p, cst.FormattedStringText))
        return HARMLESS if re.search(r"[dfFeEgGnxXob%]$", spec) else self.of(node.expression)

    def _worst(self, nodes: Iterable[cst.CSTNode]) -> Origin:
        return max((self.of(node) for node in nodes), key=lambda origin: origin.trust, default=HARMLESS)

    # --- names --------------------------------------------------------------------------------------------------------

    def _name(self, node: cst.Name) -> Origin:
        name = node.value
        if name in ("None", "True", "False"):
            return HARMLESS
        scope: FunctionInfo | None = self.function
        while scope is not None and not scope.is_module:
            if self.index.is_local(name, scope):
                return self._local(node, scope)
            scope = scope.parent
        if self.index.imported(name, self.function) is not None or name in self.index.classes:
            return self._from_outside(node) or HARMLESS
        return self._global(name)

    def _from_outside(self, node: cst.BaseExpression) -> Origin | None:
        """What a request, the command line or the environment gives: by how it is written, or by what is imported."""
        dotted = self.index.dotted(node, self.function) or ""
        if _ENVIRONMENT.match(dotted):
            return Origin(Trust.ENVIRONMENT, node, "comes from the environment")
        if re.match(r"sys\.argv\b", dotted):
            return Origin(Trust.INPUT, node, "comes from the command line")
        if _REQUESTS.search(self.index.code_of(node)):
            return Origin(Trust.INPUT, node, "comes from the request")
        return None

    def _global(self, name: str) -> Origin:
        """A name of the module: a constant, if it is spelled like one or never gets anything but what is harmless."""
        values = self.index.values.get(name, [])
        if name.isupper() or (values and all(value is not None and is_literal(value) for value in values)):
            return HARMLESS
        if not values or (name, None) in self._seen or len(self._callers) > _MOST_CALLS:
            return UNKNOWN
        module = Origins(self.index, self.index.body, self._callers)
        module._seen = {*self._seen, (name, None)}
        is_harmless = all(value is not None and module.of(value).trust is Trust.HARMLESS for value in values)
        return HARMLESS if is_harmless else UNKNOWN

    def _local(self, node: cst.Name, scope: FunctionInfo) -> Origin:
        name = node.value
        loop = loop_of(node, scope)
        if name in self._before and loop is None:
            return UNKNOWN
        if (name, loop) in self._seen or _is_checked(name, scope, self._followed):
            return HARMLESS  # what a name gets from itself adds nothing
        self._seen.add((name, loop))
        try:
            return self._of_local(name, scope) if loop is None else self._of_loop(loop, name, scope)
        finally:
            self._seen.discard((name, loop))

    def _of_local(self, name: str, scope: FunctionInfo) -> Origin:
        found = [self._given(self._parameter(p), name, scope) for p in scope.params if p.name.value == name]
        for node in scope.nodes:
            if isinstance(node, cst.Assign):
                if self._is_cleaned(node, name):
                    return HARMLESS
                for target in node.targets:
                    found += self._assigned(target.target, node.value, name)
            elif isinstance(node, (cst.AnnAssign, cst.NamedExpr, cst.AugAssign)) and node.value is not None:
                found += self._assigned(node.target, node.value, name)
            elif isinstance(node, cst.For) and _binds(node.target, name):
                found.append(self._of_loop(node, name, scope))
            elif isinstance(node, cst.AsName) and _binds(node.name, name):
                found.append(UNKNOWN)
            elif isinstance(node, cst.Call) and _fills(node, name):
                found.append(self._worst(argument.value for argument in node.args))
        return max(found, key=lambda origin: origin.trust, default=UNKNOWN)

    def _of_loop(self, loop: cst.For | cst.CompFor, name: str, scope: FunctionInfo) -> Origin:
        if is_name_of_keyword(loop, name, scope):
            return Origin(Trust.DOCUMENTED, loop.target, f"`{name}` is the name of a keyword")
        column = self._column(loop, name, scope)
        return self._worst(column) if column is not None else self._element(loop.iter)

    def _is_cleaned(self, node: cst.Assign, name: str) -> bool:
        """`limit = int(limit)`: from there on it is harmless."""
        is_own = any(isinstance(each.target, cst.Name) and each.target.value == name for each in node.targets)
        if not is_own or not _binds(node.value, name):
            return False
        self._before.add(name)
        try:
            return self.of(node.value).trust is Trust.HARMLESS
        finally:
            self._before.discard(name)

    def _assigned(self, target: cst.BaseExpression, value: cst.BaseExpression, name: str) -> list[Origin]:
        if isinstance(target, cst.Name):
            if target.value != name:
                return []
            origin = self.of(value)
            return [origin if origin.node is not None else Origin(origin.trust, value, "comes from here")]
        # An item gives the list or dictionary something, and nothing to the key that it is put under.
        if not _binds(target.value if isinstance(target, cst.Subscript) else target, name):
            return []
        if isinstance(target, (cst.Tuple, cst.List)) and isinstance(value, (cst.Tuple, cst.List)):
            pairs = zip(target.elements, value.elements, strict=False)
            return [self.of(item.value) for each, item in pairs if _binds(each.value, name)]
        return [Origin(Trust.UNKNOWN, value, "comes from here")]

    def _given(self, origin: Origin, name: str, scope: FunctionInfo) -> Origin:
        """A parameter for which all calls give what is harmless is that, too; they tell more than a docstring does."""
        if origin.trust not in (Trust.PARAMETER, Trust.DOCUMENTED) or len(self._callers) > _MOST_CALLS:
            return origin
        given = given_for(name, scope)
        if given is None:
            return origin
        callers = (*self._callers, scope)
        worst = max(
            (
                Origins(caller.index, caller, callers).of(node).trust if caller not in callers else Trust.UNKNOWN
                for node, caller in given
            ),
            default=Trust.HARMLESS,
        )
        if worst is Trust.HARMLESS:
            return HARMLESS
        is_refuted = origin.trust is Trust.DOCUMENTED and worst >= Trust.ENVIRONMENT
        return replace(origin, trust=Trust.PARAMETER) if is_refuted else origin

    def _column(self, loop: cst.For | cst.CompFor, name: str, scope: FunctionInfo) -> list[cst.BaseExpression] | None:
        """`for key, value in pairs`, of a list that is written down: what stands at the place of a name.

        `enumerate` gives a number at the first place, which comes from nothing.
        """
        if not isinstance(loop.target, cst.Tuple):
            return None
        places = [number for number, each in enumerate(loop.target.elements) if _binds(each.value, name)]
        rows: cst.BaseExpression | None = loop.iter
        if places == [0] and isinstance(rows, cst.Call) and self.index.dotted(rows.func, scope) == "enumerate":
            return []
        if isinstance(rows, cst.Name) and self.index.is_local(rows.value, scope):
            rows = only_value(rows.value, scope)
        return items_at(places[0], rows) if len(places) == 1 else None

    def _element(self, iterated: cst.BaseExpression) -> Origin:
        """One of several: of a literal, a range, a constant; `enumerate` counts."""
        if isinstance(iterated, cst.Call):
            dotted = self.index.dotted(iterated.func, self.function)
            if dotted == "range":
                return HARMLESS
            if dotted in ("enumerate", "sorted", "reversed", "zip", "set", "list", "tuple") and iterated.args:
                return self._worst(argument.value for argument in iterated.args if argument.keyword is None)
        origin = self.of(iterated)
        # What a parameter holds is somebody else's list of anything: columns, tables, values.
        return origin if origin.trust is not Trust.PARAMETER else Origin(Trust.UNKNOWN, origin.node, origin.words)

    def _parameter(self, param: cst.Param) -> Origin:
        name = param.name.value
        if param.annotation is not None:
            words = set(re.findall(r"\w+", self.index.code_of(param.annotation.annotation)))
            # Of a plain `dict` or `list` nobody says what is in it.
            if not (words & _TEXT_TYPES or words <= _CONTAINERS) or (
                words & _TYPES_WITHOUT_TEXT and not words & {"str", "Any", "object"}
            ):
                return HARMLESS
        if isinstance(param.default, (cst.Integer, cst.Float)) or _MARKS.search(name):
            return HARMLESS
        if isinstance(param.default, cst.Name) and param.default.value in ("True", "False"):
            return HARMLESS
        if self.function.is_method and param is self.function.params[0]:
            return UNKNOWN
        is_said = param.annotation is None and is_said_to_hold_no_text(name, self.function)
        trust = Trust.DOCUMENTED if is_said else Trust.PARAMETER
        return Origin(trust, param, f"`{name}` is a parameter of {self.function.name}()")

    # --- parts of things ----------------------------------------------------------------------------------------------

    def _attribute(self, node: cst.Attribute) -> Origin:
        if (outside := self._from_outside(node)) is not None:
            return outside
        if node.attr.value.isupper() or node.attr.value in ("__name__", "__tablename__", "value", "name"):
            root = _root(node)
            if node.attr.value.isupper() or (root is not None and root.value[:1].isupper()):
                return HARMLESS  # a constant, a member of an enumeration, a class's own name
            if root is not None and self._is_member(root.value):
                return HARMLESS
        dotted = self.index.dotted(node, self.function)
        if dotted is not None and dotted.startswith(_OF_A_REQUEST):
            return Origin(Trust.UNKNOWN, node, "is set for each request")
        if dotted is not None or _MARKS.search(node.attr.value):
            return HARMLESS
        return HARMLESS if self._is_class_constant(node) or self._is_harmless_property(node) else UNKNOWN

    def _is_member(self, name: str) -> bool:
        """Whether a variable is a member of an enumeration, by its annotation, its only value, or the loop around it.

        Enumerations of other files of the project count, too.
        """
        for param in self.function.params:
            if param.name.value == name:
                said = param.annotation.annotation if param.annotation is not None else None
                return said is not None and self._names_enumeration(said)
        value = only_value(name, self.function)
        if isinstance(value, cst.Call):
            return self._is_enumeration(value.func)
        loops = (node for node in self.function.nodes if isinstance(node, (cst.For, cst.CompFor)))
        return any(
            isinstance(loop.target, cst.Name) and loop.target.value == name and self._is_enumeration(loop.iter)
            for loop in loops
        )

    def _names_enumeration(self, annotation: cst.BaseExpression) -> bool:
        """Through quotes, `X | None` and `Optional[X]`."""
        if isinstance(annotation, cst.SimpleString):
            text = annotation.evaluated_value
            try:
                return isinstance(text, str) and self._names_enumeration(cst.parse_expression(text))
            except cst.ParserSyntaxError:
                return False
        if isinstance(annotation, cst.BinaryOperation):
            return any(self._names_enumeration(each) for each in (annotation.left, annotation.right))
        if isinstance(annotation, cst.Subscript):
            inner = [each.slice.value for each in annotation.slice if isinstance(each.slice, cst.Index)]
            is_optional = isinstance(annotation.value, cst.Name) and annotation.value.value == "Optional"
            return is_optional and any(self._names_enumeration(each) for each in inner)
        return self._is_enumeration(annotation)

    def _is_enumeration(self, node: cst.BaseExpression) -> bool:
        owner = self.index.symbol_of(node, self.function, is_needed=True)
        lineage = owner.lineage if isinstance(owner, ClassInfo) else ()
        bases = (each.index.dotted(base, each.index.body) for each in lineage for base in each.bases)
        return any(base is not None and base.endswith(_ENUMERATIONS) for base in bases)

    def _is_class_constant(self, node: cst.Attribute) -> bool:
        """`self.table`, `Item.table`, where the class and its methods give it nothing but literals."""
        owner = self.function.owner
        if owner is not None and isinstance(node.value, cst.Name) and node.value.value in ("self", "cls"):
            return is_constant(owner, node.attr.value)
        return is_constant_of_classes(node, self.function)

    def _is_harmless_property(self, node: cst.Attribute) -> bool:
        """`self.names`, a property that returns nothing but constants."""
        found = self._own_method(node)
        names = {_name_of(each) for each in found.decorators} if found is not None else set()
        return found is not None and not names.isdisjoint(_PROPERTIES) and self._returns_no_harm(found, _PROPERTIES)

    def _subscript(self, node: cst.Subscript) -> Origin:
        if (outside := self._from_outside(node.value)) is not None:
            return replace(outside, node=node)
        base = self.of(node.value)
        return base if base.trust in _SURE else Origin(Trust.UNKNOWN, base.node, base.words)

    def _is_compared(self, node: cst.Attribute | cst.Subscript | cst.Call) -> bool:
        """Whether the function compares what is written so with what is allowed: `data["sort"] not in COLUMNS`.

        What is allowed is known: a constant, or what is written down. Of calls only `get` gives the same twice.
        """
        compared = _comparisons(self.function)
        if not compared:
            return False
        if isinstance(node, cst.Call) and not (isinstance(node.func, cst.Attribute) and node.func.attr.value == "get"):
            return False
        allowed = compared.get(unspaced(node), ())
        return any(_lists_something(each) and self.of(each).trust is Trust.HARMLESS for each in allowed)

    def _call(self, node: cst.Call) -> Origin:
        dotted = self.index.dotted(node.func, self.function)
        values = [argument.value for argument in node.args]
        text = self.index.code_of(node.func)
        if dotted in _INPUT_CALLS:
            return Origin(Trust.INPUT, node, "comes from outside")
        if (outside := self._from_outside(node.func)) is not None:
            return replace(outside, node=node)
        if dotted in _SAFE_CALLS:
            return HARMLESS
        if dotted == "re.sub" and _keeps_only_words(values):
            return HARMLESS
        if dotted in _CONVERTS:
            first = values[0] if values else None
            if dotted == "map" and first is not None:
                inner = self.index.dotted(first, self.function)
                return HARMLESS if inner in _SAFE_CALLS else self._worst(values[1:])
            return self._worst(values)
        name = text.rpartition(".")[2]
        if _CLEANS.search(name) or self._gives_no_harm(node):
            return HARMLESS
        return self._method(node.func, name, values) if isinstance(node.func, cst.Attribute) else UNKNOWN

    def _gives_no_harm(self, node: cst.Call) -> bool:
        """Whether a function of the project gives nothing that can do harm, whatever it gets."""
        called = self._own_method(node.func) or self.index.symbol_of(node.func, self.function, is_needed=True)
        return isinstance(called, FunctionInfo) and self._returns_no_harm(called, _PLAIN)

    def _returns_no_harm(self, called: FunctionInfo, decorators: frozenset[str]) -> bool:
        if called.is_generator or called in self._callers or len(self._callers) > _MOST_CALLS:
            return False
        if not all(_name_of(each) in decorators for each in called.decorators):
            return False
        inner = Origins(called.index, called, self._callers)
        given = [each.value for each in walk(called.node) if isinstance(each, cst.Return) and each.value is not None]
        return bool(given) and all(inner.of(value).trust is Trust.HARMLESS for value in given)

    def _own_method(self, function: cst.BaseExpression) -> FunctionInfo | None:
        """`self.name`, `cls.name`: the method of the class that the function is in."""
        owner = self.function.owner
        if owner is None or not isinstance(function, cst.Attribute) or not isinstance(function.value, cst.Name):
            return None
        return owner.find_method(function.attr.value) if function.value.value in ("self", "cls") else None

    def _method(self, function: cst.Attribute, name: str, values: list[cst.BaseExpression]) -> Origin:
        """A method of a text, a date, a dict."""
        if name in _SAFE_METHODS or (name in _OF_A_DATE and not values):
            return HARMLESS
        if name == "join" and values:
            return self._worst((function.value, values[0]))
        if name == "format":
            return self._worst((function.value, *values))
        if name in SAME_TEXT:
            return self.of(function.value)
        if name in _PARTS_OF_TEXT:
            # What is called so may do anything, but for what is known.
            return min(self._worst((function.value, *values)), UNKNOWN, key=lambda origin: origin.trust)
        if name == "replace":
            doubles = bool(values) and "'" in self.index.code_of(values[0])
            return HARMLESS if doubles else self._worst((function.value, *values[1:2]))
        if name in ("values", "keys", "items") and not values:
            # What is called `params` has placeholders alone by its name; as a mapping, it has the values as well.
            origin = self.of(function.value)
            root = _root(function.value)
            is_constant = root is not None and root.value.isupper()
            return origin if origin.trust in _SURE and (is_constant or origin.trust is not Trust.HARMLESS) else UNKNOWN
        if name == "get":
            origin = self.of(function.value)
            return origin if origin.trust in _SURE else UNKNOWN
        return UNKNOWN

    def _binary(self, node: cst.BinaryOperation) -> Origin:
        if isinstance(node.operator, cst.Modulo):
            return self._worst((node.left, node.right))
        if isinstance(node.operator, cst.Add) and (self._is_counted(node.left) or self._is_counted(node.right)):
            return HARMLESS
        if isinstance(node.operator, (cst.Add, cst.Multiply)):
            sides = [self.of(node.left), self.of(node.right)]
            if isinstance(node.operator, cst.Multiply) and any(side.trust is Trust.HARMLESS for side in sides):
                return HARMLESS  # a text so many times, or a number
            return max(sides, key=lambda origin: origin.trust)
        return HARMLESS

    def _is_counted(self, node: cst.BaseExpression) -> bool:
        """Whether an expression is a number or a span of time, as it is written."""
        if isinstance(node, cst.Call):
            return self.index.dotted(node.func, self.function) in _COUNTED_WITH
        return isinstance(node, (cst.Integer, cst.Float))

    _METHODS: ClassVar[dict[type[cst.CSTNode], Callable[[Any, Any], Origin]]] = {
        cst.FormattedStringExpression: _expression, cst.Name: _name, cst.Attribute: _attribute,
        cst.Subscript: _subscript, cst.Call: _call, cst.BinaryOperation: _binary,
    }  # fmt: skip


def _parts(node: cst.CSTNode) -> list[cst.CSTNode] | None:
    """Return the expressions that the value of another is made of, or is one of; None where that is not known."""
    if isinstance(node, cst.IfExp):
        return [node.body, node.orelse]
    if isinstance(node, (cst.BooleanOperation, cst.ConcatenatedString)):
        return [node.left, node.right]
    if isinstance(node, cst.FormattedString):
        return list(node.parts)
    if isinstance(node, (cst.List, cst.Tuple, cst.Set)):
        return [element.value for element in node.elements]
    if isinstance(node, cst.Dict):
        return [element.value for element in node.elements]
    if isinstance(node, (cst.ListComp, cst.GeneratorExp, cst.SetComp)):
        return [node.elt]
    return [node.expression] if isinstance(node, cst.Await) else None


def _name_of(decorator: cst.BaseExpression) -> str:
    """Return the last name of a decorator without arguments."""
    name = decorator.attr if isinstance(decorator, cst.Attribute) else decorator
    return name.value if isinstance(name, cst.Name) else ""


_ANYTHING_BUT_WORDS = re.compile(r"(?:\[\^[\w\s.:,-]+\]|\\W)[+*]?")


def _keeps_only_words(values: list[cst.BaseExpression]) -> bool:
    """`re.sub("[^a-z0-9_]", "_", name)`: what is left has no quote in it."""
    literals = [value.evaluated_value if isinstance(value, cst.SimpleString) else None for value in values[:2]]
    pattern, filler = literals if len(literals) > 1 else (None, None)
    if not isinstance(pattern, str) or not isinstance(filler, str) or "'" in filler:
        return False
    return (
        _ANYTHING_BUT_WORDS.fullmatch(pattern.replace("\\w", "w").replace("\\d", "d").replace("\\-", "-")) is not None
    )


def _root(node: cst.CSTNode) -> cst.Name | None:
    while isinstance(node, cst.Attribute):
        node = node.value
    return node if isinstance(node, cst.Name) else None


def _fills(call: cst.Call, name: str) -> bool:
    """`names.update(more)`, `names.append(name)`"""
    if not isinstance(call.func, cst.Attribute) or call.func.attr.value not in _FILLING:
        return False
    return isinstance(call.func.value, cst.Name) and call.func.value.value == name


def _binds(target: cst.CSTNode, name: str) -> bool:
    return any(isinstance(node, cst.Name) and node.value == name for node in walk(target)) or (
        isinstance(target, cst.Name) and target.value == name
    )


def _converts(node: cst.Comparison | cst.Expr, name: str) -> bool:
    """`int(name) > 0`, or `int(name)` as a statement: what is no number does not get past it."""
    call = node.left if isinstance(node, cst.Comparison) else node.value
    if not isinstance(call, cst.Call) or not isinstance(call.func, cst.Name) or len(call.args) != 1:
        return False
    given = call.args[0].value
    return call.func.value in ("int", "float") and isinstance(given, cst.Name) and given.value == name


@functools.lru_cache(maxsize=256)
def _comparisons(scope: FunctionInfo) -> dict[str, list[cst.BaseExpression]]:
    """Return what a function compares with `in` and `not in`, as it is written, and with what."""
    found: dict[str, list[cst.BaseExpression]] = {}
    for node in scope.nodes:
        if isinstance(node, cst.Comparison) and isinstance(node.comparisons[0].operator, (cst.In, cst.NotIn)):
            found.setdefault(unspaced(node.left), []).append(node.comparisons[0].comparator)
    return found


def _lists_something(node: cst.BaseExpression) -> bool:
    """Whether what a value is compared with may list what is allowed: `(None, "")` only says what is missing."""
    if not isinstance(node, (cst.Tuple, cst.List, cst.Set)):
        return isinstance(node, (cst.Name, cst.Attribute, cst.Dict, cst.Call))
    texts = [each.value for each in node.elements]
    return any(isinstance(each, cst.SimpleString) and each.evaluated_value for each in texts) or any(
        isinstance(each, (cst.Name, cst.Attribute)) and getattr(each, "value", "") != "None" for each in texts
    )


def _is_checked(name: str, scope: FunctionInfo, followed: Collection[str]) -> bool:
    """Whether the function compares a name with what is allowed: `in`, `isinstance`, `isdigit`, a pattern.

    *followed* are functions that the value is given to, which are looked into: what they are called says no more.
    """
    for node in scope.nodes:
        if isinstance(node, (cst.Comparison, cst.Expr)) and _converts(node, name):
            return True
        if isinstance(node, cst.Comparison) and isinstance(node.left, cst.Name) and node.left.value == name:
            if any(isinstance(each.operator, (cst.In, cst.NotIn)) for each in node.comparisons):
                return True
        elif isinstance(node, cst.Call):
            function = node.func
            if isinstance(function, cst.Attribute):
                is_own = isinstance(function.value, cst.Name) and function.value.value == name
                if is_own and function.attr.value in _TESTS:
                    return True
                called = function.attr.value
            else:
                called = function.value if isinstance(function, cst.Name) else ""
            is_test = called in ("match", "fullmatch", "isinstance")
            # What a class is called that keeps the outcome (`ValidationResult(table=table)`) checks nothing.
            is_named = _CLEANS.search(called) is not None and called not in followed and not called[:1].isupper()
            is_test = is_test or is_named
            if is_test and any(isinstance(a.value, cst.Name) and a.value.value == name for a in node.args):
                return True
    return False
