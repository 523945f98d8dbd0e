"""Whether each method of a class, or function of a module, commits what it writes, and which do not keep to that."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from lintdb.rules.base import FileContext
from lintdb.rules.places import is_handler, is_test_file, reached_from

if TYPE_CHECKING:
    from lintdb.flow.results import FunctionFlow, LostWork
    from lintdb.syntax.names import ClassInfo, FunctionInfo

_ENDS = re.compile(
    r"commit|save|flush|finish|finali[sz]e|close|exit|end|done|stop|shutdown|sync|apply|dump|persist|tear_?down|del",
    re.IGNORECASE,
)
"""Names of methods that commit for others."""


def forgotten_commits(owner: ClassInfo, flows: Sequence[FunctionFlow], ctx: FileContext) -> Iterator[LostWork]:
    """Yield writes of public methods that are left uncommitted in a class where each method commits its own.

    *flows* are of the methods of the class and its relatives. Silent where somebody else may commit: a method that does
    nothing else, whoever gets the connection, a caller within the class or one that commits itself, an unknown base.
    What a method sends with `flush()` it leaves to others to commit.
    """
    left = sorted({name for flow in flows for name in flow.left_work})
    if not left or owner.has_unknown_base:
        return
    code = [each.index.code_of(each.node) for each in ctx.program.classes.family_of(owner)]
    for attribute in left:
        if not _commits_in_each_method(attribute, flows) or _is_committed_outside(attribute, ctx.text):
            continue
        for flow in flows:
            name = flow.function.name
            is_own = flow.function.owner is owner and flow.function.is_instance_method
            is_public = not name.startswith("_") and not flow.function.decorators
            is_used = any(re.search(rf"\b(?:self|cls|super\(\))\.{re.escape(name)}\b", text) for text in code)
            is_left = attribute in flow.left_work and attribute not in flow.committed_attributes
            if not (is_left and is_own and is_public and not is_used):
                continue
            work = flow.left_work.get(attribute)
            if (
                work is not None
                and not _is_flushed(attribute, flow.function)
                and not _do_callers_commit(flow.function, owner)
            ):
                yield work


def uncommitted_class(owner: ClassInfo, flows: Sequence[FunctionFlow], ctx: FileContext) -> Iterator[LostWork]:
    """Yield the first write of a class that opens its own connection, if nothing that has to do with it ever commits.

    Silent where the class has an unknown base, hands the connection out, or enters it as a block, and where any file of
    the project that names the class, or the attribute, speaks of a commit.
    """
    opened = {
        each.name: each for each in ctx.program.classes.opened_attributes(owner) if each.kind.family == "connection"
    }
    left = {
        name: work for flow in reversed(flows) if flow.function.owner is owner for name, work in flow.left_work.items()
    }
    if owner.has_unknown_base or is_test_file(ctx.program.index.name.path):
        return
    for attribute in sorted(opened.keys() & left.keys()):
        named = [ctx.program.index.texts_with(word) for word in (owner.name, attribute)]
        texts = [ctx.text, *(text for found in named for _, text in found or ())]
        own = "\n".join(each.index.code_of(each.node) for each in owner.lineage)
        is_shared = re.search(
            rf"with[^\n:]*\.{attribute}\b|(?:return|yield|[(,=])\s*\w+\.{attribute}\s*(?:[,)\]]|$)", own, re.MULTILINE
        )
        if None not in named and is_shared is None and not any(_speaks_of_commit(text) for text in texts):
            yield left[attribute]
            return


def forgotten_commits_of_module(ctx: FileContext) -> Iterator[LostWork]:
    """Yield writes that functions leave uncommitted on what the module keeps, where each of the others commits its own.

    Silent where somebody else may commit: a function that does nothing else, whoever gets the connection or calls the
    function, a block on it.
    """
    for name in sorted({name for flow in ctx.flows for name in flow.left_globals}):
        committing = [flow for flow in ctx.flows if name in flow.committed_globals]
        keeps = all(
            each.committed_globals[name] and not _ENDS.search(each.function.name) and not _is_hook(each.function)
            for each in committing
        )
        if not committing or not keeps or _may_be_committed_by_others(name, ctx):
            continue
        for flow in ctx.flows:
            function = flow.function
            is_left = name in flow.left_globals and name not in flow.committed_globals
            if is_left and not function.is_module and not _is_used(function):
                yield flow.left_globals[name]


_OF_REQUEST = frozenset({"flask.g", "quart.g", "flask.globals.g"})
"""What keeps things for one request, and forgets them at its end."""
_COMMITS = re.compile(r"commit|isolation_level", re.IGNORECASE)
_COMMENT = re.compile(r"^[ \t]*#.*$|#[^\n\"']*$", re.MULTILINE)
_DOCSTRING = re.compile(r":[ \t]*\n[ \t]*\"{3}[\s\S]*?\"{3}")
_HOOK_OF_REQUESTS = re.compile(
    r"after_(?:app_)?request|teardown_(?:app_?)?(?:request|context)|after_this_request|got_request"
    r"|request_finished|request_tearing_down|appcontext_tearing_down"
)


def _speaks_of_commit(code: str) -> bool:
    """Whether code does, beside its comments and docstrings."""
    return _COMMITS.search(_COMMENT.sub("", _DOCSTRING.sub(":", code))) is not None


def forgotten_commits_of_requests(ctx: FileContext) -> Iterator[tuple[LostWork, FunctionInfo]]:
    """Yield writes of request handlers on what a function keeps in Flask's `g`, that nobody commits; and that function.

    Silent where the function is called by others, where it or anything that it calls speaks of a commit, and where
    what the project does at the end of a request may commit.
    """
    for flow in ctx.flows:
        function = flow.function
        for giver, work in flow.left_given.items():
            if not is_handler(function) or not _keeps_for_request(giver) or _is_used(function):
                continue
            codes = (each.index.code_of(each.node) for each in (*reached_from(function), *reached_from(giver)))
            if not any(_speaks_of_commit(code) for code in codes) and not _commits_after_requests(giver):
                yield work, giver


def forgotten_commits_of_scopes(ctx: FileContext) -> Iterator[tuple[LostWork, str]]:
    """Yield writes of request handlers on what a framework drops with the request, that nobody commits; and its name.

    Silent where the handler is called by others, where anything that is called by it speaks of a commit, in any file of
    the project, and where what the project does at the end of a request may commit.
    """
    for flow in ctx.flows:
        function = flow.function
        is_view = is_handler(function) and not _is_used(function)
        if not flow.left_scoped or not (is_view or _is_method_of_view(function)):
            continue
        codes = (each.index.code_of(each.node) for each in reached_from(function))
        if any(_speaks_of_commit(code) for code in codes) or _commits_after_requests(function):
            continue
        if _is_said(_COMMITS_BY_ITSELF, function) or any(_may_commit(name, function) for name in _called_by(function)):
            continue
        yield from ((work, name) for name, work in flow.left_scoped.items())


_BASES_OF_VIEWS = frozenset({
    "flask.views.MethodView", "flask_restful.Resource", "flask_restx.Resource", "flask_restplus.Resource",
})  # fmt: skip
_VERBS = frozenset({"get", "post", "put", "patch", "delete"})
_FRAMEWORKS = re.compile(r"(?:flask|quart|werkzeug|jinja2|requests|json|os|datetime|logging|time|uuid)(?:_\w+)?\.")
"""Libraries that do not commit, whatever their functions are called."""
_REGISTERS = _VERBS | {"route"}
"""Decorators of views."""
_OF_ALL = ("decorators", "method_decorators")
"""Attributes of such a class that wrap its methods."""


def _is_method_of_view(function: FunctionInfo) -> bool:
    """Whether a framework alone calls a method, for requests, and no class of the project does anything round it."""
    owner = function.owner
    if owner is None or function.name not in _VERBS or len(owner.bases) != 1 or owner.node.decorators:
        return False
    is_wrapped = "dispatch_request" in owner.methods or not owner.body_values.keys().isdisjoint(_OF_ALL)
    if is_wrapped or _BASES_OF_VIEWS.isdisjoint(owner.outside_bases):
        return False
    index = function.index
    texts = [index.text, *(text for _, text in index.texts_with(owner.name) or ())]
    calls_itself = re.search(rf"\bself\.{function.name}\(|\bgetattr\(self\b", index.code_of(owner.node)) is not None
    return not calls_itself and all(_only_registers(owner.name, text) for text in texts) and not _wraps_all(function)


def _only_registers(name: str, text: str) -> bool:
    """Whether a file does nothing with a view's class but to define, import and register it."""
    for line in _COMMENT.sub("", text).splitlines():
        if re.search(rf"\b{name}\b", line) is None or re.match(
            rf"\s*(?:class\s+{name}\b|from\b|import\b|{name},?\s*$)", line
        ):
            continue
        if (
            re.search(rf"\badd_resource\(\s*(?:\w+\.)*{name}\s*,|view_func\s*=\s*(?:\w+\.)*{name}\.as_view\(", line)
            is None
        ):
            return False
    return True


def _wraps_all(function: FunctionInfo) -> bool:
    """Whether the project has something done round all views: `Api(app, decorators=[…])`."""
    index = function.index
    texts = [index.text, *(text for _, text in index.texts_with("decorators") or ())]
    return any(re.search(r"\bApi\([^()]*\bdecorators\b", text) for text in texts)


_COMMITS_BY_ITSELF = ("SQLALCHEMY_COMMIT_ON_TEARDOWN", "COMMIT_ON_TEARDOWN", "autocommit")
"""What a project sets so that nobody has to commit."""


def _called_by(function: FunctionInfo) -> Iterator[str]:
    """Yield the last names of what a function, and the project's functions that it calls, call; and of decorators.

    Not what registers a view, nor what is a library's: `request.args.get("name")`.
    """
    import libcst as cst  # listing rules does not need it

    from lintdb.syntax.nodes import last_name

    for each in reached_from(function):
        for decorator in each.decorators:
            target = decorator.func if isinstance(decorator, cst.Call) else decorator
            if not isinstance(target, cst.Attribute) or target.attr.value not in _REGISTERS:
                yield last_name(target)
        for call in each.calls:
            dotted = each.index.dotted(call.func, each) or ""
            if _FRAMEWORKS.match(dotted) is None or _is_own(dotted, each):
                yield last_name(call.func)


def _is_own(dotted: str, function: FunctionInfo) -> bool:
    links = function.index.links
    return links is not None and links.defines(dotted, function.index)


def _may_commit(name: str, function: FunctionInfo) -> bool:
    """Whether some function of the project that has a name speaks of a commit: it may be the one that is meant."""
    links, index = function.index.links, function.index
    texts = links.texts_with(name, index) if links is not None and index.name.path and name else ()
    if texts is None:
        return True  # any file may belong to the project
    head = rf"^([ \t]*)(?:async +)?def +{re.escape(name)}\b.*"
    defined = re.compile(rf"{head}(?:\n(?:\1[ \t]+.*|[ \t]*)$)*", re.MULTILINE)
    return any(_speaks_of_commit(found.group()) for _, text in texts for found in defined.finditer(text))


def _is_said(words: Sequence[str], function: FunctionInfo) -> bool:
    return any(function.index.texts_with(word) for word in words)


def _keeps_for_request(giver: FunctionInfo) -> bool:
    return any(giver.index.imported(name, giver) in _OF_REQUEST for name in giver.loads)


def _commits_after_requests(giver: FunctionInfo) -> bool:
    """Whether a file of the project that does something at the end of a request speaks of a commit, too."""
    links, index = giver.index.links, giver.index
    texts: list[str] = [index.text]
    if links is not None and index.name.path:
        for word in (
            "after_request",
            "teardown_request",
            "teardown_appcontext",
            "after_this_request",
            "after_app_request",
            "request_finished",
            "request_tearing_down",
            "appcontext_tearing_down",
        ):
            texts += [text for _, text in links.texts_with(word, index) or ()]
    return any(_HOOK_OF_REQUESTS.search(text) and _ends_with_commit(text) for text in texts)


def _ends_with_commit(text: str) -> bool:
    """Whether a function of a file that is registered as such a hook commits, or calls what may."""
    from lintdb.flow.users import ParsedFile, parsed_file  # loads libcst, which listing rules does not need

    file = parsed_file(text)
    if not isinstance(file, ParsedFile):
        return True
    for node in ast.walk(file.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            registered = " ".join(ast.unparse(each) for each in node.decorator_list)
            is_hook = _HOOK_OF_REQUESTS.search(registered) is not None
            is_given = (
                re.search(rf"(?:{_HOOK_OF_REQUESTS.pattern})\w*(?:\.connect)?\(\s*(?:\w+\.)*{node.name}\b", text)
                is not None
            )
            if (is_hook or is_given) and "commit" in ast.unparse(node):
                return True
    return False


_HOOKS = re.compile(
    r"after|before|teardown|middleware|event|listen|hook|complet|wrapper|decorat|periodic|signal|task|loop"
)


def _is_hook(function: FunctionInfo) -> bool:
    """Whether a function may run behind others: as their wrapper, or by what it is called or registered with."""
    if function.is_nested:
        return True
    registered = " ".join(function.index.code_of(each) for each in function.decorators)
    return _HOOKS.search(f"{function.name} {registered}".lower()) is not None


_WORKS = frozenset(
    {"execute", "executemany", "executescript", "cursor", "commit", "rollback", "close", "total_changes"}
)


def _may_be_committed_by_others(name: str, ctx: FileContext) -> bool:
    """Whether a block commits what a module-level name holds, or anybody else gets it: it is more than worked with."""
    from lintdb.flow.users import ParsedFile, importers, parsed_file  # loads libcst, which listing rules does not need

    file = parsed_file(ctx.text)
    if not isinstance(file, ParsedFile):
        return True
    for node in file.mentions(name):
        outer, further = [*file.around(node), node, node][:2]
        is_filled = isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        is_method = isinstance(outer, ast.Attribute) and isinstance(further, ast.Call) and further.func is outer
        if not is_filled and not (is_method and isinstance(outer, ast.Attribute) and outer.attr in _WORKS):
            return True
    index = ctx.program.index
    texts = index.texts_with(name)
    mentioning = {path for path, _ in texts or ()} - {index.name.path}
    return any(path in mentioning for path in importers(index)) if mentioning else False


def _is_used(function: FunctionInfo) -> bool:
    """Whether anything mentions a function beside the framework that it is registered with."""
    from lintdb.flow.users import Target, find_uses  # loads libcst, which listing rules does not need

    return any(True for _ in find_uses(Target.of(function), function, is_test_file))


def _is_flushed(attribute: str, function: FunctionInfo) -> bool:
    code = function.index.code_of(function.node)
    return re.search(rf"\bself\.{re.escape(attribute)}\.flush\(", code) is not None


def _do_callers_commit(function: FunctionInfo, owner: ClassInfo) -> bool:
    """Whether a function of the project that names the class calls a method of it, and commits itself."""
    from lintdb.flow.users import Target, Use, find_uses, last_name  # loads libcst, which listing rules does not need
    from lintdb.syntax.plain import walk_tree

    uses = (use for use in find_uses(Target.of(function), function, is_test_file) if isinstance(use, Use))
    for use in uses:
        nodes = [node for code in use.code for node in walk_tree(code)] if use.place.is_called else []
        names = {last_name(node.func) for node in nodes if isinstance(node, ast.Call)}
        if "commit" in names and any(last_name(node) == owner.name for node in nodes):
            return True
    return False


def _commits_in_each_method(attribute: str, flows: Sequence[FunctionFlow]) -> bool:
    committing = [flow for flow in flows if attribute in flow.committed_attributes]
    return bool(committing) and all(
        flow.committed_attributes[attribute]
        and attribute not in flow.given_attributes
        and not _ENDS.search(flow.function.name)
        for flow in committing
    )


def _is_committed_outside(attribute: str, text: str) -> bool:
    """Whether code of the file commits what some object keeps under that name and that is not its own."""
    held = rf"(?<!self)(?<!cls)\.{re.escape(attribute)}"
    return re.search(rf"{held}\.commit\b|\bwith\s+[\w.]+{held}\b", text) is not None
