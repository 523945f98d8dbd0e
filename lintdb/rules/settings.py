"""Whether an opening call bounds something: looks at every spelling of a setting that can be seen, and says so if not.

An answer of UNKNOWN means: the bound may be given in a place that cannot be seen (a variable, `**settings`, the
environment), so nothing must be reported.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from lintdb.finding import Confidence
from lintdb.rules.arguments import Arguments, arguments_of
from lintdb.rules.base import Answer, Bound
from lintdb.rules.connection_strings import Dsn, dsn_of
from lintdb.rules.places import reached_from

if TYPE_CHECKING:
    import libcst as cst

    from lintdb.effects import Setting
    from lintdb.flow.results import KnownCall
    from lintdb.rules.base import FileContext, Opening
    from lintdb.syntax.literals import Evaluator
    from lintdb.syntax.names import FunctionInfo


def look(opening: Opening, ctx: FileContext) -> tuple[Evaluator, Arguments, Dsn]:
    """Return what can be seen of an opening call."""
    from lintdb.syntax.literals import Evaluator  # loads libcst, which listing rules does not need

    evaluator = Evaluator(ctx.program.index, opening.function)
    arguments = arguments_of(evaluator, opening.call)
    place = opening.model.dsn
    key = (id(opening.call), place)
    if key not in ctx.connection_strings:
        node = arguments.find(place) if place is not None else None
        ctx.connection_strings[key] = dsn_of(evaluator, node, ctx.model_of, opening.kind.local_schemes)
    return evaluator, arguments, ctx.connection_strings[key]


def evaluate(setting: Setting, opening: Opening, ctx: FileContext, *, is_call: bool = False) -> Answer:
    """Return whether one setting is given at an opening call; `is_call`: it is one of that very call only."""
    answer = _evaluate(setting, opening, ctx, is_call=is_call)
    if setting.dsn or setting.options or setting.schemes:
        answer = replace(answer, surest=min(answer.surest, look(opening, ctx)[2].surest))
    return replace(answer, version=f"{opening.driver} {opening.version}") if setting.is_of_version else answer


def _evaluate(setting: Setting, opening: Opening, ctx: FileContext, *, is_call: bool) -> Answer:
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
    from_environment = in_dsn and not opening.call.args and opening.model.dsn is not None
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
        return _answer_of(setting, node, spelling, evaluator)
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


def _answer_of(setting: Setting, node: cst.BaseExpression, spelling: str, evaluator: Evaluator) -> Answer:
    """Return what an argument says; where it cannot be seen, what it says unless the environment says otherwise."""
    from lintdb.syntax.fields import Certainty
    from lintdb.syntax.literals import HIDDEN

    value = evaluator.value(node)
    if value is not HIDDEN:
        return Answer(_bound_of_value(setting, value), setting, node, spelling)
    default, certainty = evaluator.default(node)
    surest = Confidence.LOW if certainty is Certainty.CALLERS else Confidence.MEDIUM
    return Answer(_bound_of_value(setting, default), setting, node, spelling, surest)


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
            # `-c name=5`, `-cname=5`, `--name=5`
            given = rf"(?:\b|-c){re.escape(name)}\s*=\s*'?(\w+)"
            match = re.search(given, text.replace("%3D", "=").replace("%20", " "))
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


def _is_limited_around(opening: Opening, evaluator: Evaluator, ctx: FileContext) -> bool:
    """Whether a limit is put around a call: in its own function, or where the file calls that function."""
    import libcst as cst

    index = evaluator.index
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
        if any(_OUTER_LIMIT.search(index.code_of(head)) for head in heads):
            return True
    if not is_awaited and _OUTER_LIMIT.search(index.code_of(function.node)):
        return True  # a coroutine that is waited for later
    outermost = function
    while outermost.parent is not None and not outermost.parent.is_module:
        outermost = outermost.parent
    return outermost.name in _calls_with_a_limit(ctx.text)


_LIMITED_CALL = re.compile(r"(?:wait_for|timeout|fail_after|move_on_after)\(\s*(?:[\w.]*\.)?(\w+)\(")


@functools.lru_cache(maxsize=16)
def _calls_with_a_limit(text: str) -> frozenset[str]:
    """Return the functions that a file calls within a limit: `wait_for(connect(…), 5)`."""
    return frozenset(_LIMITED_CALL.findall(text))


def _is_set_elsewhere(
    setting: Setting, evaluator: Evaluator, opening: Opening, ctx: FileContext, *, is_call: bool = False
) -> bool:
    """Whether code near the call may give the bound: session SQL, an attribute, per-call arguments, a limit around."""
    if any(name in ctx.text for name in setting.environment):
        return True
    code = evaluator.surroundings(opening.node)
    if is_call:
        return _is_limited_around(opening, evaluator, ctx)
    if _sets(setting, code) or _is_set_by_function(setting, evaluator, look(opening, ctx)[1]):
        return True
    if setting.name == "connect-timeout" and not opening.function.is_module:
        # One that the function itself begins later is too late for this call.
        own = evaluator.index.code_of(opening.function.node)
        is_elsewhere = len(_OUTER_LIMIT.findall(code)) > len(_OUTER_LIMIT.findall(own))
        if is_elsewhere or _is_limited_around(opening, evaluator, ctx):
            return True
    elif setting.name.endswith("-timeout") and _OUTER_LIMIT.search(code):
        return True
    if setting.name == "query-timeout":
        return any(_bounds_each_query(name, code) for name in setting.call_arguments)
    return False


def _sets(setting: Setting, code: str) -> bool:
    """Whether code runs a statement that sets a bound, assigns an attribute or calls a method that does."""
    text = _normal(code)
    return (
        any(_normal(prefix) in text for prefix in setting.sql)
        or any(re.search(rf"\.{re.escape(name)}\s*=(?!=)", code) for name in setting.attributes)
        or any(re.search(rf"\.{re.escape(name)}\s*\(", code) for name in setting.methods)
    )


def _is_set_by_function(setting: Setting, evaluator: Evaluator, arguments: Arguments) -> bool:
    """Whether a function that is called with each new object may set a bound: it does, or cannot be seen."""
    from lintdb.syntax.names import FunctionInfo  # loads libcst, which listing rules does not need

    for argument in setting.prepared_by:
        node = arguments.find(argument)
        if node is None:
            continue
        function = evaluator.index.symbol_of(node, evaluator.scope, is_needed=True)
        if not isinstance(function, FunctionInfo):
            return True
        if any(_may_set(setting, each) for each in reached_from(function)):
            return True
    return False


_RUNS = frozenset({"execute", "executemany", "executescript", "run", "fetch", "fetchval", "fetchrow", "cmd_query"})


def _may_set(setting: Setting, function: FunctionInfo) -> bool:
    """Whether a function that prepares a connection sets a bound, or may: by a statement, or a function, not seen."""
    import libcst as cst

    from lintdb.syntax.literals import Evaluator

    if _sets(setting, function.index.code_of(function.node)):
        return True
    evaluator = Evaluator(function.index, function)
    words = {re.split(r"\W+", prefix.strip("'\""))[-1] for prefix in setting.sql} - {""}
    params = {param.name.value for param in function.params}
    for call in function.calls:
        given = [argument.value for argument in call.args]
        if isinstance(call.func, cst.Attribute) and call.func.attr.value in _RUNS and given:
            text = evaluator.value(given[0])
            if not isinstance(text, str) or any(word in text for word in words):
                return True
        is_handed = any(isinstance(each, cst.Name) and each.value in params for each in given)
        if is_handed and function.index.symbol_of(call.func, function, is_needed=True) is None:
            return True
    return False


def _bounds_each_query(argument: str, code: str) -> bool:
    """Whether every visible query is given its own bound; one without is enough to need a general one."""
    queries = re.findall(r"\.(?:execute|executemany|fetch|fetchrow|fetchval|find|aggregate)\(", code)
    return bool(queries) and len(re.findall(rf"\b{re.escape(argument)}\s*=(?!=)", code)) >= len(queries)


def answers(opening: Opening, ctx: FileContext, *names: str) -> list[Answer]:
    """Return one answer for each of the named settings that the opening call has; schemes are sorted out first."""
    found = _answers(opening, ctx, *names)
    for other in opening.others:
        theirs = {answer.setting.name: answer.bound for answer in _answers(other, ctx, *names)}
        found = [
            each if theirs.get(each.setting.name) is each.bound else Answer(Bound.UNKNOWN, each.setting)
            for each in found
        ]
    return found


def _answers(opening: Opening, ctx: FileContext, *names: str) -> list[Answer]:
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
    answer = _evaluate(found, Opening(call.node, function, call.model, kind, "", ""), ctx, is_call=True)
    if answer.bound in (Bound.ABSENT, Bound.DISABLED) and _is_bounded_by_owner(call, found, kind.driver, ctx):
        return Answer(Bound.LIMITED, found)
    return replace(answer, version=knowledge.version_of(call.model.driver)) if found.is_of_version else answer


def _is_bounded_by_owner(call: KnownCall, setting: Setting, driver: str, ctx: FileContext) -> bool:
    """Whether a limit of what a call works on bounds it: of the opening that made it, else of all in the file."""
    if not setting.bounded_by:
        return False
    openings = [each for each in ctx.openings if each.kind.driver == driver and any(each.settings(setting.bounded_by))]
    own = [each for each in openings if any(each.node is origin for origin in call.origins)]
    bounds = {answer.bound for each in own or openings for answer in ctx.answers(each, setting.bounded_by)}
    return bool(bounds) and bounds <= {Bound.GIVEN, Bound.LIMITED}


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


def not_yet(answer: Answer, opening: Opening, ctx: FileContext) -> str:
    """Return the argument that is given to an opening call for a limit, and that this version does not know; or ""."""
    arguments = look(opening, ctx)[1]
    return next((a.keyword for a in answer.setting.not_yet if a.keyword in arguments.keywords and a.keyword), "")


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


def seconds_within(call: KnownCall, function: FunctionInfo, ctx: FileContext) -> tuple[float, float, str] | None:
    """Return the seconds that a call waits, those of the limit of what it works on, and how that one is written there.

    Both must be given as numbers, the latter at the opening of what the call works on, or at the only one of the file.
    """
    answer = answer_of_call(call, function, "wait-timeout", ctx)
    if answer is None or answer.bound is not Bound.GIVEN or answer.node is None or not answer.setting.within:
        return None
    from lintdb.syntax.literals import Evaluator  # loads libcst, which listing rules does not need

    number = Evaluator(ctx.program.index, function).value(answer.node)
    if isinstance(number, bool) or not isinstance(number, (int, float)):
        return None
    opening = _opening_of(call, function, ctx)
    for limit in opening.settings(answer.setting.within) if opening is not None else ():
        given = seconds_of(limit, opening, ctx) if opening is not None else None
        if given is not None and opening is not None and evaluate(limit, opening, ctx).bound is Bound.GIVEN:
            return number * _SECONDS[answer.setting.unit], *given
    return None


def _opening_of(call: KnownCall, function: FunctionInfo, ctx: FileContext) -> Opening | None:
    """Return the opening of what a call works on: in its function, for its attribute, or the only one of the file."""
    kind = ctx.program.knowledge.kind(call.receiver or "")
    openings = [each for each in ctx.openings if kind is not None and each.kind.driver == kind.driver]
    origins = [*call.origins]
    if isinstance(call.root, tuple) and call.root[0] == "self" and function.owner is not None:
        origins += [value for _, value, _ in function.owner.assigned.get(str(call.root[1]), ()) if value is not None]
    own = [each for each in openings if any(each.node is origin for origin in origins)]
    is_given = isinstance(call.root, tuple) and call.root[0] == "param"
    found = own or ([] if is_given else openings)
    return found[0] if len(found) == 1 else None


def _given_to_the_query(call: KnownCall, name: str, ctx: FileContext) -> Answer | None:
    """Return the limit that one query is given in the place of its connection's: `conn.fetch(sql, timeout=5)`."""
    kind = ctx.program.knowledge.kind(call.receiver or "")
    for setting in kind.settings if kind is not None and call.model.sql is not None else ():
        for argument in call.node.args if setting.name == name else ():
            if argument.keyword is not None and argument.keyword.value in setting.call_arguments:
                unit = "ms" if argument.keyword.value.lower().endswith("ms") else "s"
                return Answer(Bound.GIVEN, replace(setting, unit=unit), argument.value)
    return None


def seconds_around(call: KnownCall, function: FunctionInfo, name: str, ctx: FileContext) -> tuple[float, float] | None:
    """Return the seconds of a limit that a call is given, and of the innermost limit around it in the function."""
    from lintdb.flow.limits import limit_around
    from lintdb.syntax.literals import Evaluator

    answer = answer_of_call(call, function, name, ctx) or _given_to_the_query(call, name, ctx)
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
