"""Time limits that a function or class is given and that never reach the call they are meant for.

A parameter that is never read, an attribute that is only ever assigned, a field of a settings object that nobody asks
for: each beside a call that could be bounded and is not. What is read anywhere is taken to be used.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lintdb.finding import Confidence
from lintdb.rules.base import Answer, Bound
from lintdb.rules.settings import not_given

if TYPE_CHECKING:
    import libcst as cst

    from lintdb.flow.results import FunctionFlow, KnownCall
    from lintdb.rules.base import FileContext, Opening
    from lintdb.syntax.names import ClassInfo, FunctionInfo

_LIMIT = re.compile(r"timeout|deadline|time_limit", re.IGNORECASE)
_OTHER = re.compile(
    r"idle|cache|expir|ttl|retry|visib|heartbeat|keepalive|job|task|http|request_|lease|poll|stale|recycle|shutdown"
    r"|close|clos|connected|type|error|exc|handler|callback|class|factory|default_timeout",
    re.IGNORECASE,
)
_MEANT = (
    ("connect-timeout", re.compile(r"conn|login|open", re.IGNORECASE)),
    ("query-timeout", re.compile(r"query|statement|stmt|execut|command|read|socket|operation", re.IGNORECASE)),
    ("checkout-timeout", re.compile(r"pool|acquire|checkout|wait", re.IGNORECASE)),
    ("lock-timeout", re.compile(r"lock|busy", re.IGNORECASE)),
)
_OF_STORE = re.compile(
    r"db|database|sql|postgre|pg_|maria|mongo|redis|valkey|cassandra|scylla|elastic|opensearch|neo4j|duckdb|clickhouse"
    r"|influx|oracle|query|queries|statement|stmt|conn|pool|lock|socket|acquire|checkout|cursor|login|open_|operation"
    r"|server_selection|repository|storage|cache",
    re.IGNORECASE,
)
"""How fields of settings, or their class, are called that are about a database; a program has limits of many sorts."""
_NAMES = tuple(name for name, _ in _MEANT)
_NOT_GIVEN = (Bound.ABSENT, Bound.LIMITED, Bound.PARTIAL)


@dataclass(frozen=True)
class Unforwarded:
    """A time limit that does not reach a call: where it comes in, how it is called, which setting it would be."""

    node: cst.CSTNode
    given_at: cst.CSTNode
    words: str
    setting: str
    suggest: str
    confidence: Confidence


def find_unforwarded(ctx: FileContext) -> Iterator[Unforwarded]:
    """Yield each time limit of the file that never reaches its call; at most one for a call."""
    if ctx.is_test:
        return
    for opening in ctx.openings:
        if opening.is_configured:
            continue
        found = _of_opening(opening, ctx)
        if found is not None:
            yield found
    opened = {id(opening.node) for opening in ctx.openings}
    for flow in ctx.flows if _LIMIT.search(ctx.text) is not None else ():
        yield from _of_calls(flow, opened, ctx)


def _of_opening(opening: Opening, ctx: FileContext) -> Unforwarded | None:
    function = opening.function
    for name, node in _ignored_parameters(function):
        answer = not_given(opening, ctx, *_settings_meant_by(name))
        if answer is not None:
            return _unforwarded(opening.node, node, f"the parameter `{name}`", answer, _confidence(function))
    if function.owner is not None and not function.owner.has_unknown_base:
        for attribute in _ignored_attributes(function.owner, ctx):
            answer = not_given(opening, ctx, *_settings_meant_by(attribute))
            if answer is not None:
                given_at = function.owner.assigned[attribute][0][0].node
                return _unforwarded(opening.node, given_at, f"`self.{attribute}`", answer, Confidence.MEDIUM)
    for owner, source in _objects_read(opening, ctx):
        for field in _ignored_fields(owner, ctx):
            if not _is_of_store(field, owner):
                continue
            answer = not_given(opening, ctx, *_settings_meant_by(field))
            if answer is not None:
                return _unforwarded(opening.node, owner.node, f"`{source}.{field}`", answer, Confidence.MEDIUM)
    return None


def _of_calls(flow: FunctionFlow, opened: set[int], ctx: FileContext) -> Iterator[Unforwarded]:
    """Checkouts and queries on what the function was given."""
    for name, node in _ignored_parameters(flow.function):
        for call in flow.calls:
            if id(call.node) in opened:
                continue
            answer = _answer_of(call, flow.function, _settings_meant_by(name), ctx)
            if answer is not None and _is_open(answer):
                words = f"the parameter `{name}`"
                yield _unforwarded(call.node, node, words, answer, _confidence(flow.function))
                break


def _answer_of(call: KnownCall, function: FunctionInfo, names: tuple[str, ...], ctx: FileContext) -> Answer | None:
    for name in names:
        answer = ctx.answer_of_call(call, function, name)
        if answer is not None:
            return answer
    kind = ctx.program.knowledge.kind(call.receiver or "")
    if kind is None or call.model.sql is None or "query-timeout" not in names:
        return None
    for setting in kind.settings:
        if setting.name == "query-timeout" and setting.call_arguments:
            given = {argument.keyword.value for argument in call.node.args if argument.keyword is not None}
            if given & set(setting.call_arguments) or any(argument.star == "**" for argument in call.node.args):
                return None
            return Answer(Bound.ABSENT, setting, spelling=f"{setting.call_arguments[0]}=…")
    return None


def _is_open(answer: Answer) -> bool:
    return answer.bound in _NOT_GIVEN and answer.node is None


def _unforwarded(
    node: cst.CSTNode, given_at: cst.CSTNode, words: str, answer: Answer, confidence: Confidence
) -> Unforwarded:
    setting = answer.setting
    keywords = [argument.keyword for argument in setting.arguments if argument.keyword is not None]
    suggest = answer.spelling or (f"{keywords[0]}=…" if keywords else setting.suggest)
    return Unforwarded(node, given_at, words, setting.name, suggest, confidence)


def _settings_meant_by(name: str) -> tuple[str, ...]:
    """Return the settings that a limit of that name is for: `connect_timeout` is about connecting, `timeout` any."""
    meant = tuple(setting for setting, pattern in _MEANT if pattern.search(name))
    return meant or _NAMES


def _is_limit(name: str) -> bool:
    return _LIMIT.search(name) is not None and _OTHER.search(name) is None


def _ignored_parameters(function: FunctionInfo) -> Iterator[tuple[str, cst.CSTNode]]:
    """Yield the parameters that are called like a time limit and that nothing in the function reads."""
    if function.is_module or "locals" in function.loads or _is_stub(function):
        return
    inner = [*function.nested.values(), *function.lambdas.values()]
    for param in function.params:
        name = param.name.value
        if param.star or name.startswith("_") or not _is_limit(name):
            continue
        if name not in function.loads and not any(name in each.free_names for each in inner):
            yield name, param


def _is_stub(function: FunctionInfo) -> bool:
    return any("overload" in str(getattr(getattr(d, "attr", d), "value", "")) for d in function.decorators)


def _confidence(function: FunctionInfo) -> Confidence:
    """A method of a class with unknown bases may have to take a parameter that it has no use for."""
    owner = function.owner
    if owner is None or function.name == "__init__" or not owner.has_unknown_base:
        return Confidence.MEDIUM
    return Confidence.LOW


def _ignored_attributes(owner: ClassInfo, ctx: FileContext) -> Iterator[str]:
    """Yield attributes that are set from a parameter of `__init__`, called like a limit, and read nowhere."""
    for attribute, assignments in owner.assigned.items():
        if not _is_limit(attribute) or not any(scope.name == "__init__" for scope, _, _ in assignments):
            continue
        is_parameter = any(
            getattr(value, "value", None) in {param.name.value for param in scope.params}
            for scope, value, _ in assignments
        )
        if is_parameter and not _is_read(attribute, owner, ctx):
            yield attribute


_WHOLE = r"__dict__|\bvars\(|\basdict\(|model_dump|\.dict\(|\bgetattr\("


def _is_read(name: str, owner: ClassInfo, ctx: FileContext) -> bool:
    """Whether an attribute of a class is read anywhere in the file, or could be: by its name, or all of them at once.

    `self.name` in a class that is no relative is another attribute.
    """
    index = ctx.program.index
    family = ctx.program.classes.family_of(owner)
    read = rf"\.{re.escape(name)}\b(?!\s*(?::[^=\n]*)?=(?!=))"
    text = ctx.text
    for other in index.classes.values():
        code = index.code_of(other.node)
        if other not in family:
            text = text.replace(code.strip(), "")
            if any(match not in ("self", "cls") for match in re.findall(rf"(\w+){read}", code)):
                return True
    text = re.sub(r"#[^\n]*", "", text)
    found = re.findall(rf"(\w+|\)|\]){read}", text)
    receivers = [receiver for receiver in found if receiver not in index.body.imports]
    return bool(receivers) or re.search(_WHOLE, text) is not None


def _objects_read(opening: Opening, ctx: FileContext) -> Iterator[tuple[ClassInfo, str]]:
    """Yield the classes of whose objects the arguments of a call read fields, and what it calls the objects."""
    import libcst as cst

    from lintdb.syntax.names import ClassInfo
    from lintdb.syntax.walk import walk

    types = ctx.program.types.wide
    seen: set[ClassInfo] = set()
    for node in walk(opening.node):
        if not isinstance(node, cst.Attribute) or not isinstance(node.value, (cst.Name, cst.Attribute)):
            continue
        held = node.value
        owner = types.type_of_expression(held, opening.function) or types.type_of_receiver(held, opening.function)
        if isinstance(owner, ClassInfo) and owner is not opening.function.owner and owner not in seen:
            seen.add(owner)
            yield owner, ctx.source_of(node.value, 40)


def _is_of_store(field: str, owner: ClassInfo) -> bool:
    """Whether a limit among settings is one of a database, by its name or that of its class."""
    return _OF_STORE.search(field) is not None or _OF_STORE.search(owner.name) is not None


def _ignored_fields(owner: ClassInfo, ctx: FileContext) -> Iterator[str]:
    for name, (_, annotation) in owner.body_values.items():
        if annotation is not None and _is_limit(name) and not _is_field_read(name, owner, ctx):
            yield name


def _is_field_read(name: str, owner: ClassInfo, ctx: FileContext) -> bool:
    return (_is_read if owner.index is ctx.program.index else _is_read_in_project)(name, owner, ctx)


def _is_read_in_project(name: str, owner: ClassInfo, ctx: FileContext) -> bool:
    """Whether any file of the project reads a field of that name of anything, or may read all of such an object."""
    texts = _texts_with(name, ctx)
    if texts is None:
        return True  # the other files are not known
    word = re.escape(name)
    read = re.compile(rf"\.{word}\b(?!\s*(?::[^=\n]*)?=(?!=))|(?:getattr\([^,()]*,|\[)\s*[\"']{word}[\"']")
    if any(read.search(re.sub(r"#[^\n]*", "", text)) for _, text in texts):
        return True
    return any(re.search(_WHOLE, text) is not None for _, text in _texts_with(owner.name, ctx) or ())


def _texts_with(word: str, ctx: FileContext) -> tuple[tuple[str, str], ...] | None:
    return ctx.program.index.texts_with(word)
