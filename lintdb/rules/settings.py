"""Whether an opening call bounds something: looks at every spelling of a setting that can be seen, and says so if not.

An answer of UNKNOWN means: the bound may be given in a place that cannot be seen (a variable, `**settings`, the
environment), so nothing must be reported.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

import libcst as cst

from lintdb.rules.base import Answer, Bound
from lintdb.syntax.walk import walk

if TYPE_CHECKING:
    from lintdb.effects import Argument, Setting
    from lintdb.rules.base import FileContext, Opening
    from lintdb.syntax.names import FunctionInfo


class _Hidden:
    """A value that cannot be seen."""


HIDDEN = _Hidden()


class Evaluator:
    """Evaluates literal expressions in the scope of one call: constants, single assignments, dict displays."""

    def __init__(self, opening: Opening, ctx: FileContext) -> None:
        self.opening = opening
        self.ctx = ctx
        self.index = ctx.program.index
        self.scope = opening.function

    def value(self, node: cst.CSTNode, depth: int = 0) -> object:
        """Return the literal that an expression stands for, `HIDDEN` where it cannot be told."""
        if isinstance(node, cst.Name):
            if node.value in ("None", "True", "False"):
                return {"None": None, "True": True, "False": False}[node.value]
            target = self.single_assignment(node.value) if depth < 4 else None
            return self.value(target, depth + 1) if target is not None else HIDDEN
        if isinstance(node, (cst.SimpleString, cst.ConcatenatedString)):
            text = node.evaluated_value
            return text if text is not None else HIDDEN
        if isinstance(node, (cst.Integer, cst.Float)):
            return node.evaluated_value
        if isinstance(node, cst.UnaryOperation) and isinstance(node.operator, cst.Minus):
            inner = self.value(node.expression, depth + 1)
            return -inner if isinstance(inner, (int, float)) else HIDDEN
        return HIDDEN

    def single_assignment(self, name: str) -> cst.BaseExpression | None:
        """Return the only value that a local or module-level name is given, or None."""
        function: FunctionInfo | None = self.scope
        while function is not None and not function.is_module:
            if any(param.name.value == name for param in function.params):
                return None
            if self.index.is_local(name, function):
                return self._only_local(name, function)
            function = function.parent
        return self.index.constant(name)

    def _only_local(self, name: str, function: FunctionInfo) -> cst.BaseExpression | None:
        body = function.node.body if isinstance(function.node, cst.FunctionDef) else None
        if body is None:
            return None
        found: list[cst.BaseExpression | None] = []
        for node in walk(body):
            if isinstance(node, cst.Assign):
                for target in node.targets:
                    if isinstance(target.target, cst.Name) and target.target.value == name:
                        found.append(node.value)
                    elif _binds(target.target, name):
                        found.append(None)
            elif isinstance(node, (cst.AnnAssign, cst.AugAssign, cst.NamedExpr)) and _binds(node.target, name):
                found.append(node.value if isinstance(node, cst.AnnAssign) else None)
            elif isinstance(node, (cst.For, cst.CompFor)) and _binds(node.target, name):
                found.append(None)
            elif isinstance(node, cst.AsName) and _binds(node.name, name):
                found.append(None)
        return found[0] if len(found) == 1 else None

    def mapping(self, node: cst.CSTNode) -> dict[str, cst.BaseExpression] | None:
        """Return the items of a dict display, directly or through a name that nothing changes; None if hidden."""
        if isinstance(node, cst.Name):
            target = self.single_assignment(node.value)
            if target is None or self._is_changed(node.value):
                return None
            node = target
        if isinstance(node, cst.Dict):
            items: dict[str, cst.BaseExpression] = {}
            for element in node.elements:
                if not isinstance(element, cst.DictElement):
                    inner = self.mapping(element.value)
                    if inner is None:
                        return None
                    items.update(inner)
                    continue
                key = self.value(element.key)
                if not isinstance(key, str):
                    return None
                items[key] = element.value
            return items
        if isinstance(node, cst.Call) and isinstance(node.func, cst.Name) and node.func.value == "dict":
            items = {}
            for argument in node.args:
                if argument.keyword is None:
                    inner = self.mapping(argument.value)
                    if inner is None:
                        return None
                    items.update(inner)
                else:
                    items[argument.keyword.value] = argument.value
            return items
        return None

    def _is_changed(self, name: str) -> bool:
        """Whether something other than reading is done to a dict under this name: item assignment, `update`, …"""
        is_local = not self.scope.is_module and self.index.is_local(name, self.scope)
        text = self.index.module.code_for_node(self.scope.node) if is_local else self.ctx.text
        pattern = rf"\b{re.escape(name)}\s*(?:\[[^\]]*\]\s*=(?!=)|\|=|\.(?:update|setdefault|pop|clear)\b)"
        return re.search(pattern, text) is not None


def _binds(target: cst.CSTNode, name: str) -> bool:
    if isinstance(target, cst.Name):
        return target.value == name
    if isinstance(target, (cst.Tuple, cst.List)):
        return any(_binds(element.value, name) for element in target.elements)
    return False


@dataclass(frozen=True)
class Arguments:
    """The arguments of a call with visible `**` dicts merged in; `is_hidden` if some cannot be seen."""

    positional: tuple[cst.BaseExpression, ...]
    keywords: dict[str, cst.BaseExpression]
    is_hidden: bool

    def find(self, argument: Argument) -> cst.BaseExpression | None:
        """Return the expression given for an argument."""
        if argument.keyword is not None and argument.keyword in self.keywords:
            return self.keywords[argument.keyword]
        if argument.position is not None and argument.position < len(self.positional):
            return self.positional[argument.position]
        return None


def arguments_of(evaluator: Evaluator) -> Arguments:
    """Return the arguments of the opening call."""
    positional: list[cst.BaseExpression] = []
    keywords: dict[str, cst.BaseExpression] = {}
    is_hidden = False
    for argument in evaluator.opening.node.args:
        if argument.star == "**":
            inner = evaluator.mapping(argument.value)
            if inner is None:
                is_hidden = True
            else:
                keywords.update(inner)
        elif argument.star:
            is_hidden = True
        elif argument.keyword is not None:
            keywords[argument.keyword.value] = argument.value
        else:
            positional.append(argument.value)
    return Arguments(tuple(positional), keywords, is_hidden)


@dataclass(frozen=True)
class Dsn:
    """A connection string: its scheme and options; `is_hidden` if not all of it can be seen."""

    scheme: str | None
    options: dict[str, str]
    is_hidden: bool
    is_given: bool


def dsn_of(evaluator: Evaluator, arguments: Arguments) -> Dsn:
    """Return what can be seen of the connection string that the opening call is given."""
    which = evaluator.opening.model.dsn
    node = arguments.find(which) if which is not None else None
    if node is None:
        return Dsn(None, {}, False, False)
    if isinstance(node, cst.Name):
        target = evaluator.single_assignment(node.value)
        node = target if target is not None else node
    if isinstance(node, cst.FormattedString):
        # Interpolated parts hide what they hold, but not the text around them.
        text = "".join(p.value if isinstance(p, cst.FormattedStringText) else "\0" for p in node.parts)
        scheme = text.split("://")[0] if "://" in text else None
        return Dsn(scheme if scheme and "\0" not in scheme else None, _options(text), True, True)
    value = evaluator.value(node)
    if not isinstance(value, str):
        return Dsn(None, {}, True, True)
    scheme = value.split("://")[0].lower() if "://" in value else None
    options = _options(value)
    is_elsewhere = "service" in options or not value.strip()
    return Dsn(scheme, options, is_elsewhere, True)


def _options(text: str) -> dict[str, str]:
    if "://" in text:
        try:
            query = urlsplit(text.replace("\0", "x")).query
        except ValueError:
            return {}
        return dict(parse_qsl(query, keep_blank_values=True))
    return {m.group(1): m.group(2).strip("'") for m in re.finditer(r"(\w+)\s*=\s*('[^']*'|\S+)", text)}


def evaluate(setting: Setting, opening: Opening, ctx: FileContext) -> Answer:
    """Return whether one setting is given at an opening call."""
    evaluator = Evaluator(opening, ctx)
    arguments = arguments_of(evaluator)
    dsn = dsn_of(evaluator, arguments)
    found = _given(setting, evaluator, arguments, dsn)
    if found is not None:
        is_whole = any(arguments.find(argument) is not None for argument in setting.complete_with)
        if found.bound is Bound.GIVEN and setting.complete_with and not is_whole and not arguments.is_hidden:
            return Answer(Bound.PARTIAL, setting)
        return found
    if setting.default == "limited" or setting.default == "immediate":
        if setting.complete_with and not arguments.is_hidden and not dsn.is_hidden:
            if not any(arguments.find(argument) is not None for argument in setting.complete_with):
                return Answer(Bound.PARTIAL, setting)
        return Answer(Bound.LIMITED, setting)
    in_dsn = bool(setting.dsn or setting.options)
    if setting.default == "unknown" or arguments.is_hidden or (dsn.is_hidden and in_dsn):
        return Answer(Bound.UNKNOWN, setting)
    if _is_set_elsewhere(setting, opening, ctx):
        return Answer(Bound.UNKNOWN, setting)
    return Answer(Bound.ABSENT, setting)


def _given(setting: Setting, evaluator: Evaluator, arguments: Arguments, dsn: Dsn) -> Answer | None:
    for node, spelling in _spellings(setting, evaluator, arguments):
        if node is None:
            return Answer(Bound.UNKNOWN, setting)
        value = evaluator.value(node)
        if any(value == item and type(value) is type(item) for item in setting.unlimited):
            return Answer(Bound.DISABLED, setting, node, spelling)
        return Answer(Bound.GIVEN, setting, node, spelling)
    for key in setting.dsn:
        if key in dsn.options:
            value_text = dsn.options[key]
            off = {str(item) for item in setting.unlimited}
            return Answer(Bound.DISABLED if value_text in off else Bound.GIVEN, setting, None, f"{key}={value_text}")
    option_texts: list[object] = [dsn.options.get("options", "")] if setting.options else []
    if setting.options:
        node = arguments.keywords.get("options")
        if node is not None:
            option_texts.append(_visible_text(node, evaluator))
        for keyword in setting.nested:
            outer = arguments.keywords.get(keyword)
            items = evaluator.mapping(outer) if outer is not None else None
            if items is not None and "options" in items:
                option_texts.append(_visible_text(items["options"], evaluator))
    for text in option_texts:
        if not isinstance(text, str):
            return Answer(Bound.UNKNOWN, setting)
        for name in setting.options:
            match = re.search(rf"\b{re.escape(name)}\s*=\s*'?(\w+)", text.replace("%3D", "=").replace("%20", " "))
            if match:
                off = {str(item) for item in setting.unlimited}
                return Answer(Bound.DISABLED if match.group(1) in off else Bound.GIVEN, setting, None, name)
    for argument in setting.sql_arguments:
        node = arguments.find(argument)
        if node is not None:
            text = _visible_text(node, evaluator)
            if not isinstance(text, str) or any(_normal(prefix) in _normal(text) for prefix in setting.sql):
                return Answer(Bound.GIVEN, setting, node)
    return None


def _visible_text(node: cst.CSTNode, evaluator: Evaluator) -> object:
    if isinstance(node, cst.FormattedString):
        return "".join(p.value if isinstance(p, cst.FormattedStringText) else "x" for p in node.parts)
    return evaluator.value(node)


def _spellings(
    setting: Setting, evaluator: Evaluator, arguments: Arguments
) -> Iterator[tuple[cst.BaseExpression | None, str]]:
    """Yield the expressions given for a setting; a None stands for one that may be there but cannot be seen."""
    for argument in setting.arguments:
        node = arguments.find(argument)
        if node is not None:
            yield node, argument.keyword or ""
    for keyword, keys in setting.nested.items():
        outer = arguments.keywords.get(keyword)
        if outer is None:
            continue
        items = evaluator.mapping(outer)
        if items is None:
            yield None, keyword
            continue
        for key in keys:
            if key == "options" and setting.options:
                continue
            first, _, rest = key.partition(".")
            node = items.get(first)
            if node is not None and rest:
                inner = evaluator.mapping(node)
                if inner is None:
                    yield None, key
                    continue
                node = inner.get(rest)
            if node is not None:
                yield node, key


def _normal(text: str) -> str:
    return re.sub(r"\s+", " ", text.lower()).strip()


_OUTER_LIMIT = re.compile(r"\b(?:asyncio\.timeout|wait_for|move_on_after|fail_after|async_timeout)\b")
_HANDS_ON = re.compile(r"\b(?:configure|init|setup|reset|on_connect|connect_callback|checkout_callback)\s*=")


def _is_set_elsewhere(setting: Setting, opening: Opening, ctx: FileContext) -> bool:
    """Whether code near the call may give the bound: session SQL, an attribute, per-call arguments, a limit around."""
    if any(name in ctx.text for name in setting.environment):
        return True
    code = _surroundings(opening, ctx)
    text = _normal(code)
    if any(_normal(prefix) in text for prefix in setting.sql):
        return True
    if any(re.search(rf"\.{re.escape(name)}\s*=(?!=)", code) for name in setting.attributes):
        return True
    if any(re.search(rf"\.{re.escape(name)}\s*\(", code) for name in setting.methods):
        return True
    if _OUTER_LIMIT.search(code):
        return True
    if setting.name == "query-timeout":
        if _HANDS_ON.search(ctx.source_of(opening.node, 2000)):
            return True
        return any(_bounds_each_query(name, code) for name in setting.call_arguments)
    return False


def _bounds_each_query(argument: str, code: str) -> bool:
    """Whether every visible query is given its own bound; one without is enough to need a general one."""
    queries = re.findall(r"\.(?:execute|executemany|fetch|fetchrow|fetchval|find|aggregate)\(", code)
    return bool(queries) and len(re.findall(rf"\b{re.escape(argument)}\s*=(?!=)", code)) >= len(queries)


def _surroundings(opening: Opening, ctx: FileContext) -> str:
    """Return the code that handles what the call opens: its function, its class, or what uses the module-level name."""
    index = ctx.program.index
    module = index.module
    function = opening.function
    while function.parent is not None and not function.parent.is_module:
        function = function.parent
    if function.owner is not None:
        return module.code_for_node(function.owner.node)
    if not function.is_module:
        code = module.code_for_node(function.node)
        # What the file hands the connection to may bound it.
        helpers = [f for name, f in index.functions.items() if re.search(rf"\b{re.escape(name)}\(", code)]
        return code + "".join(module.code_for_node(helper.node) for helper in helpers if helper is not function)
    names = [
        target.target.value
        for statement in module.body
        if isinstance(statement, cst.SimpleStatementLine)
        for small in statement.body
        if isinstance(small, cst.Assign) and small.value is opening.node
        for target in small.targets
        if isinstance(target.target, cst.Name)
    ]
    parts = [module.code_for_node(s) for s in module.body if isinstance(s, cst.SimpleStatementLine)]
    for statement in module.body:
        if isinstance(statement, (cst.FunctionDef, cst.ClassDef)):
            code = module.code_for_node(statement)
            if any(re.search(rf"\b{re.escape(name)}\b", code) for name in names):
                parts.append(code)
    return "".join(parts)


def answers(opening: Opening, ctx: FileContext, *names: str) -> list[Answer]:
    """Return one answer for each of the named settings that the opening call has; schemes are sorted out first."""
    found: list[Answer] = []
    for name in names:
        candidates = list(opening.settings(name))
        if any(setting.schemes for setting in candidates):
            evaluator = Evaluator(opening, ctx)
            dsn = dsn_of(evaluator, arguments_of(evaluator))
            if dsn.scheme is None:
                candidates = [setting for setting in candidates if not setting.schemes]
            else:
                candidates = [s for s in candidates if not s.schemes or dsn.scheme in s.schemes]
        if candidates:
            found.append(evaluate(candidates[0], opening, ctx))
    return found
