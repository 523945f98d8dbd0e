"""What the decorators of a function make of it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

import libcst as cst

from lintdb.flow.commands import is_command
from lintdb.flow.stdlib import (
    CACHES,
    FIXTURES,
    GENERATOR_MANAGERS,
    KEEPS_FUNCTION,
)
from lintdb.flow.words import COMMAND_BODIES, COMMAND_CLASS
from lintdb.flow.wrappers import catches_errors, gives_what_it_gets
from lintdb.syntax.decorating import decorating
from lintdb.syntax.names import FunctionInfo
from lintdb.syntax.refusal import parsed_by_python

_ENDS_WITH_IT = frozenset({"main", "_main", "__main__", "run_migrations_online", "run_migrations_offline"})
"""What functions are called that a process was started for; those of migrations by the template of their tool."""


def _names(info: FunctionInfo) -> Iterator[str]:
    for decorator in info.decorators:
        dotted = decorating(decorator, info).dotted
        if dotted is not None:
            yield dotted


def is_generator_manager(info: FunctionInfo) -> bool:
    """Whether the function is made a context manager by its decorator."""
    return info.is_generator and any(name in GENERATOR_MANAGERS for name in _names(info))


def is_fixture(info: FunctionInfo) -> bool:
    """Whether a test framework calls the function and runs what follows its `yield` whatever happens."""
    return any(name in FIXTURES for name in _names(info))


def is_cached(info: FunctionInfo) -> bool:
    """Whether the function's result is made once and kept."""
    return any(name in CACHES for name in _names(info))


def keeps_function(info: FunctionInfo) -> bool:
    """Whether a call of the decorated name runs the function as written, and gives what that gives."""
    return all(
        (each.dotted in KEEPS_FUNCTION and each.dotted not in CACHES) or gives_what_it_gets(each, info)
        for each in (decorating(decorator, info, is_needed=True) for decorator in info.decorators)
    )


def may_catch(info: FunctionInfo) -> bool:
    """Whether a decorator of the project's own may let other errors out than the function, or none."""
    return any(catches_errors(decorating(each, info, is_needed=True)) for each in info.decorators)


def runs_function(info: FunctionInfo, is_block: Callable[[cst.BaseExpression], bool]) -> bool:
    """Whether a call of the decorated name runs the function there and then, whatever is done before and after.

    So it is with a decorator of the project whose inner function calls what the decorator is given; one that hands it
    to a thread does not call it itself. *is_block* says of a decorator that it is a context manager of a library.
    """
    return bool(info.decorators) and all(_runs_what_it_gets(each, info) or is_block(each) for each in info.decorators)


def _runs_what_it_gets(decorator: cst.BaseExpression, info: FunctionInfo) -> bool:
    found = decorating(decorator, info)
    if found.dotted in KEEPS_FUNCTION:
        return found.dotted not in CACHES
    symbol = found.scope.index.symbol_of(found.target, found.scope)
    # `@retried(3)`: what the call gives is the decorator.
    makers = [symbol, *symbol.nested.values()] if isinstance(symbol, FunctionInfo) else []
    return any(_calls_what_it_gets(each) for each in makers)


def _calls_what_it_gets(decorator: FunctionInfo) -> bool:
    """Whether an inner function of a decorator calls its first parameter itself, not in a function further in."""
    if decorator.is_async or not decorator.params:
        return False
    given = decorator.params[0].name.value
    return any(
        not inner.is_async and any(isinstance(call.func, cst.Name) and call.func.value == given for call in inner.calls)
        for inner in decorator.nested.values()
    )


def ends_with_process(info: FunctionInfo) -> bool:
    """Whether the process ends when this function does, so that what an error leaves open is closed by that."""
    is_main = info.is_module or info.name in _ENDS_WITH_IT or _is_body_of_command(info)
    return is_main or any(_is_command(decorator, info) for decorator in info.decorators)


def _is_body_of_command(info: FunctionInfo) -> bool:
    """`handle` of Django's `BaseCommand`, `take_action` of cliff's `Command`, and of what others call so."""
    owners = info.owner.lineage if info.owner is not None and info.name in COMMAND_BODIES else ()
    return any(base is not None and base.endswith(COMMAND_CLASS) for each in owners for base in each.outside_bases)


def _is_command(decorator: cst.BaseExpression, info: FunctionInfo) -> bool:
    """`@click.command()`, `@app.cli.command("load")`: the function is what the process was started for."""
    target = decorator.func if isinstance(decorator, cst.Call) else decorator
    if not isinstance(target, cst.Attribute) or target.attr.value != "command":
        return False
    tree = parsed_by_python(info.index.code_of(decorator))
    params = [param.name.value for param in info.params] if info.is_async else None
    statement = tree.body[0] if isinstance(tree, ast.Module) else None
    return isinstance(statement, ast.Expr) and is_command(statement.value, params)
