"""Whether an opening call bounds something: looks at every spelling of a setting that can be seen, and says so if not.

An answer of UNKNOWN means: the bound may be given in a place that cannot be seen (a variable, `**settings`, the
environment), so nothing must be reported.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from lintdb.rules.base import Answer, Bound

if TYPE_CHECKING:
    import libcst as cst

    from lintdb.effects import Argument, Setting
    from lintdb.flow.results import KnownCall
    from lintdb.rules.base import FileContext, Opening
    from lintdb.syntax.literals import Evaluator
    from lintdb.syntax.names import FunctionInfo


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


def arguments_of(evaluator: Evaluator, call: cst.Call) -> Arguments:
    """Return the arguments of the opening call."""
    positional: list[cst.BaseExpression] = []
    keywords: dict[str, cst.BaseExpression] = {}
    is_hidden = False
    for argument in call.args:
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


def dsn_of(evaluator: Evaluator, arguments: Arguments, which: Argument | None) -> Dsn:
    """Return what can be seen of the connection string that the opening call is given."""
    node = arguments.find(which) if which is not None else None
    if node is None:
        return Dsn(None, {}, is_hidden=False)
    node = evaluator.resolved(node)
    value = evaluator.value(node)
    if not isinstance(value, str):
        return _dsn_of_pieces(evaluator, node)
    scheme = value.split("://")[0].lower() if "://" in value else None
    options = _options(value)
    is_elsewhere = "service" in options or not value.strip()
    return Dsn(scheme, options, is_hidden=is_elsewhere)


def _dsn_of_pieces(evaluator: Evaluator, node: cst.BaseExpression) -> Dsn:
    """Return what can be seen of a connection string that is put together."""
    from lintdb.syntax.templates import template_of

    pieces = template_of(node, evaluator.index, evaluator.scope)
    text = "".join(piece if isinstance(piece, str) else "\0" for piece in pieces)
    scheme = text.split("://")[0] if "://" in text else None
    options = _options(text)
    is_hidden = "service" in options or any(
        not isinstance(piece, str)
        and _may_hold_options(evaluator.code_of(piece), pieces[:number], pieces[number + 1 :])
        for number, piece in enumerate(pieces)
    )
    return Dsn(scheme if scheme and "\0" not in scheme else None, options, is_hidden)


_PART = re.compile(
    r"(?:db|database|name|schema|catalog|keyspace|port|host|hostname|server|addr|address)\W*$", re.IGNORECASE
)
"""What code ends with that stands for one part of a URL: `settings.POSTGRES_DB`, `os.environ["DB_NAME"]`."""


def _may_hold_options(code: str, before: Sequence[object], after: Sequence[object]) -> bool:
    """Whether a part of a connection string that cannot be seen may hold more than the one value that stands there."""
    so_far = "".join(piece if isinstance(piece, str) else "\0" for piece in before)
    rest = "".join(piece if isinstance(piece, str) else "\0" for piece in after)
    if "://" not in so_far:
        is_scheme = re.match(r"[\w+]*://", rest) is not None
        return not is_scheme and not so_far.rstrip("'\"").endswith("=")
    if "?" in so_far:
        return not so_far.endswith("=")
    is_last = not rest or rest[0] in "?\0"
    return is_last and _PART.search(code) is None


def _options(text: str) -> dict[str, str]:
    if "://" in text:
        try:
            query = urlsplit(text.replace("\0", "x")).query
        except ValueError:
            return {}
        return dict(parse_qsl(query, keep_blank_values=True))
    return {m.group(1): m.group(2).strip("'") for m in re.finditer(r"(\w+)\s*=\s*('[^']*'|[^\s;]+)", text)}


def look(opening: Opening, ctx: FileContext) -> tuple[Evaluator, Arguments, Dsn]:
    """Return what can be seen of an opening call."""
    from lintdb.syntax.literals import Evaluator  # loads libcst, which listing rules does not need

    evaluator = Evaluator(ctx.program.index, opening.function)
    arguments = arguments_of(evaluator, opening.node)
    return evaluator, arguments, dsn_of(evaluator, arguments, opening.model.dsn)


def evaluate(setting: Setting, opening: Opening, ctx: FileContext, *, is_call: bool = False) -> Answer:
    """Return whether one setting is given at an opening call; `is_call`: it is one of that very call only."""
    evaluator, arguments, dsn = look(opening, ctx)
    found = _given(setting, evaluator, arguments, dsn)
    covers_part = bool(setting.complete_with) and not arguments.is_hidden
    covers_part = covers_part and all(arguments.find(argument) is None for argument in setting.complete_with)
    if found is not None and found.bound is Bound.IMMEDIATE:
        is_other = _is_decided_otherwise(setting, arguments) or _is_set_elsewhere(setting, evaluator, opening, ctx)
        found = Answer(Bound.UNKNOWN, setting) if is_other else found
    if found is not None:
        return replace(found, bound=Bound.PARTIAL) if found.bound is Bound.GIVEN and covers_part else found
    if _is_decided_otherwise(setting, arguments):
        return Answer(Bound.UNKNOWN, setting)
    if setting.default == "immediate":
        is_hidden = arguments.is_hidden or _is_set_elsewhere(setting, evaluator, opening, ctx)
        return Answer(Bound.UNKNOWN if is_hidden else Bound.IMMEDIATE, setting)
    if setting.default == "limited":
        return Answer(Bound.PARTIAL if covers_part and not dsn.is_hidden else Bound.LIMITED, setting)
    in_dsn = bool(setting.dsn or setting.options)
    from_environment = in_dsn and not opening.node.args and opening.model.dsn is not None
    if setting.default == "unknown" or arguments.is_hidden or (dsn.is_hidden and in_dsn) or from_environment:
        return Answer(Bound.UNKNOWN, setting)
    if _is_set_elsewhere(setting, evaluator, opening, ctx, is_call=is_call):
        return Answer(Bound.UNKNOWN, setting)
    return Answer(Bound.ABSENT, setting)


def _is_decided_otherwise(setting: Setting, arguments: Arguments) -> bool:
    """Whether an argument is given that may make the bound pointless, and none that only what has it accepts."""
    if any(arguments.find(argument) is not None for argument in setting.proven_by):
        return False
    return any(arguments.find(argument) is not None for argument in setting.decided_by)


def _given(setting: Setting, evaluator: Evaluator, arguments: Arguments, dsn: Dsn) -> Answer | None:
    """Return what the call says of a setting, in whichever spelling; None if it says nothing."""
    for node, spelling in _spellings(setting, evaluator, arguments):
        if node is None:
            return Answer(Bound.UNKNOWN, setting)
        value = evaluator.value(node)
        return Answer(_bound_of_value(setting, value), setting, node, spelling)
    for key in setting.dsn:
        if key in dsn.options:
            return Answer(_bound_of_text(setting, dsn.options[key]), setting, None, f"{key}={dsn.options[key]}")
    found = _given_in_options(setting, evaluator, arguments, dsn)
    if found is not None:
        return found
    for argument in setting.sql_arguments:
        node = arguments.find(argument)
        if node is not None:
            text = _visible_text(node, evaluator)
            if not isinstance(text, str) or any(_normal(prefix) in _normal(text) for prefix in setting.sql):
                return Answer(Bound.GIVEN, setting, node)
    return None


def _given_in_options(setting: Setting, evaluator: Evaluator, arguments: Arguments, dsn: Dsn) -> Answer | None:
    """`options="-c statement_timeout=5000"`, as an argument, in the connection string, or in a dict."""
    if not setting.options:
        return None
    texts: list[object] = [dsn.options.get("options", "")]
    node = arguments.keywords.get("options")
    if node is not None:
        texts.append(_visible_text(node, evaluator))
    for keyword in setting.nested:
        outer = arguments.keywords.get(keyword)
        items = evaluator.mapping(outer) if outer is not None else None
        if items is not None and "options" in items:
            texts.append(_visible_text(items["options"], evaluator))
    for text in texts:
        if not isinstance(text, str):
            return Answer(Bound.UNKNOWN, setting)
        for name in setting.options:
            match = re.search(rf"\b{re.escape(name)}\s*=\s*'?(\w+)", text.replace("%3D", "=").replace("%20", " "))
            if match:
                return Answer(_bound_of_text(setting, match.group(1)), setting, None, name)
    return None


def _bound_of_value(setting: Setting, value: object) -> Bound:
    if any(value == item and type(value) is type(item) for item in setting.unlimited):
        return Bound.DISABLED
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return Bound.IMMEDIATE if is_number and value in setting.immediate else Bound.GIVEN


def _bound_of_text(setting: Setting, text: str) -> Bound:
    return Bound.DISABLED if text in {str(item) for item in setting.unlimited} else Bound.GIVEN


def _visible_text(node: cst.CSTNode, evaluator: Evaluator) -> object:
    text = evaluator.template(node, hidden="x")
    return text if text is not None else evaluator.value(node)


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


def _is_limited_around(opening: Opening, evaluator: Evaluator, ctx: FileContext) -> bool:
    """Whether a limit is put around a call: in its own function, or where the file calls that function."""
    import libcst as cst

    module = evaluator.index.module
    function = opening.function
    is_awaited = False
    for outer in ctx.repetition.fates.ancestry(function).ancestors(opening.node):
        if isinstance(outer, cst.With):
            heads = [item.item for item in outer.items]
        elif isinstance(outer, cst.Call):
            heads = [outer.func]
        elif isinstance(outer, cst.FunctionDef):
            heads = [decorator.decorator for decorator in outer.decorators]
        else:
            is_awaited = is_awaited or isinstance(outer, (cst.Await, cst.WithItem))
            continue
        if any(_OUTER_LIMIT.search(module.code_for_node(head)) for head in heads):
            return True
    if not is_awaited and _OUTER_LIMIT.search(module.code_for_node(function.node)):
        return True  # a coroutine that is waited for later
    outermost = function
    while outermost.parent is not None and not outermost.parent.is_module:
        outermost = outermost.parent
    around = rf"(?:wait_for|timeout|fail_after|move_on_after)\(\s*(?:[\w.]*\.)?{re.escape(outermost.name)}\("
    return re.search(around, ctx.text) is not None


def _is_set_elsewhere(
    setting: Setting, evaluator: Evaluator, opening: Opening, ctx: FileContext, *, is_call: bool = False
) -> bool:
    """Whether code near the call may give the bound: session SQL, an attribute, per-call arguments, a limit around."""
    if any(name in ctx.text for name in setting.environment):
        return True
    code = evaluator.surroundings(opening.node)
    if is_call:
        return _is_limited_around(opening, evaluator, ctx)
    text = _normal(code)
    if any(_normal(prefix) in text for prefix in setting.sql):
        return True
    if any(re.search(rf"\.{re.escape(name)}\s*=(?!=)", code) for name in setting.attributes):
        return True
    if any(re.search(rf"\.{re.escape(name)}\s*\(", code) for name in setting.methods):
        return True
    if setting.name.endswith("-timeout") and _OUTER_LIMIT.search(code):
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


def answers(opening: Opening, ctx: FileContext, *names: str) -> list[Answer]:
    """Return one answer for each of the named settings that the opening call has; schemes are sorted out first."""
    found: list[Answer] = []
    for name in names:
        candidates = list(opening.settings(name))
        if any(setting.schemes for setting in candidates):
            _, _, dsn = look(opening, ctx)
            if dsn.scheme is None:
                candidates = [setting for setting in candidates if not setting.schemes]
            else:
                candidates = [s for s in candidates if not s.schemes or dsn.scheme in s.schemes]
        if candidates:
            found.append(evaluate(candidates[0], opening, ctx))
    return found


def is_local(opening: Opening, ctx: FileContext) -> bool:
    """Whether a connection string that can be seen leads to a file, not over a network."""
    return bool(opening.kind.local_schemes) and look(opening, ctx)[2].scheme in opening.kind.local_schemes


def may_be_local(opening: Opening, ctx: FileContext) -> bool:
    """Whether a connection string that cannot be seen may lead to a file: the code around it speaks of such ones."""
    schemes = {scheme.partition("+")[0] for scheme in opening.kind.local_schemes}
    evaluator, _, dsn = look(opening, ctx)
    if not schemes or dsn.scheme is not None:
        return False
    code = evaluator.surroundings(opening.node)
    return re.search(rf"(?<![a-z])(?:{'|'.join(map(re.escape, schemes))})", code, re.IGNORECASE) is not None


def may_be_another(opening: Opening, ctx: FileContext) -> bool:
    """Whether hidden arguments may make something else of it: a pool class that keeps nothing.

    Taken to be so only where the file speaks of the argument that decides.
    """
    _, arguments, _ = look(opening, ctx)
    if not arguments.is_hidden:
        return False
    for name in opening.model.names:
        for model in ctx.program.knowledge.function(name):
            kind = ctx.program.knowledge.kind(model.acquires) if model.acquires is not None else None
            if kind is not None and not kind.is_pool:
                words = [condition.argument.keyword for condition in model.when]
                if any(word is not None and word in ctx.text for word in words):
                    return True
    return False


def answer_of_call(call: KnownCall, function: FunctionInfo, name: str, ctx: FileContext) -> Answer | None:
    """Return the answer for a setting of one call on a resource, or of what that call acquires."""
    from lintdb.rules.base import Opening

    knowledge = ctx.program.knowledge
    made = call.model.acquires or (call.model.gives if call.model.gives != "self" else None)
    kind = knowledge.kind(made or call.receiver or "")
    if kind is None:
        return None
    settings = [*call.model.settings, *(kind.settings if made is not None else ())]
    found = next((setting for setting in settings if setting.name == name), None)
    if found is None:
        return None
    return evaluate(found, Opening(call.node, function, call.model, kind, "", ""), ctx, is_call=True)


def not_given(opening: Opening, ctx: FileContext, *names: str) -> Answer | None:
    """Return the first of the named settings that the arguments of an opening call could give, and do not.

    Where all arguments can be seen, that is: what a connection string or the environment may hold does not count.
    """
    evaluator, arguments, dsn = look(opening, ctx)
    if arguments.is_hidden:
        return None
    for name in names:
        for setting in opening.settings(name):
            if setting.schemes and dsn.scheme is not None and dsn.scheme not in setting.schemes:
                continue
            if _given(setting, evaluator, arguments, dsn) is not None:
                return None
            if setting.arguments or setting.nested:
                return Answer(Bound.ABSENT, setting)
    return None


def number_of(answer: Answer, opening: Opening, ctx: FileContext) -> float | None:
    """Return the number that holds for a setting: given as a literal, or the library's own; None if it is not seen."""
    if answer.bound in (Bound.UNKNOWN, Bound.DISABLED):
        return None
    if answer.spelling and answer.node is None:
        return as_number(answer.spelling.partition("=")[2])
    evaluator, arguments, dsn = look(opening, ctx)
    if answer.node is None and (arguments.is_hidden or (dsn.is_hidden and answer.setting.dsn)):
        return None  # it may be given where it is not seen
    value = evaluator.value(answer.node) if answer.node is not None else answer.setting.value
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def as_number(text: str) -> float | None:
    """Return the number that a text is, or None."""
    try:
        return float(text)
    except ValueError:
        return None


def refused(opening: Opening, ctx: FileContext) -> list[str]:
    """Return the arguments that are given to an opening call and that what it makes does not take."""
    arguments = look(opening, ctx)[1]
    return [a.keyword for a in opening.kind.refuses if a.keyword is not None and a.keyword in arguments.keywords]


_SECONDS = {"s": 1.0, "ms": 0.001, "us": 0.000001}


def seconds_of(setting: Setting, opening: Opening, ctx: FileContext) -> tuple[float, str] | None:
    """Return the seconds that a limit of an opening call lasts, and how it is written there; None if not seen."""
    answer = evaluate(setting, opening, ctx)
    if answer.bound is Bound.GIVEN and answer.node is not None:
        value = look(opening, ctx)[0].value(answer.node)
        number = as_number(value) if isinstance(value, str) else value
        words = f"{answer.spelling}={ctx.source_of(answer.node, 30)}"
    else:
        number = number_of(answer, opening, ctx)
        words = answer.spelling or f"{setting.arguments[0].keyword}={setting.value}" if setting.arguments else ""
    if isinstance(number, bool) or not isinstance(number, (int, float)) or number <= 0:
        return None
    return number * _SECONDS[setting.unit], words


def seconds_around(call: KnownCall, function: FunctionInfo, name: str, ctx: FileContext) -> tuple[float, float] | None:
    """Return the seconds of a limit that a call is given, and of the innermost limit around it in the function."""
    from lintdb.flow.limits import limit_around
    from lintdb.syntax.literals import Evaluator

    answer = answer_of_call(call, function, name, ctx)
    if answer is None or answer.bound is not Bound.GIVEN or answer.node is None:
        return None
    outer = limit_around(call.node, ctx.repetition.fates, function)
    if outer is None:
        return None
    evaluator = Evaluator(ctx.program.index, function)
    numbers = [evaluator.value(answer.node), evaluator.value(outer)]
    if any(isinstance(number, bool) or not isinstance(number, (int, float)) for number in numbers):
        return None
    inner, around = (float(number) for number in numbers if isinstance(number, (int, float)))
    return inner * _SECONDS[answer.setting.unit], around
