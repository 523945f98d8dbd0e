"""`lintdb debug`: looks inside lintdb."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import click

from lintdb.commands.options import engine_options, is_file, settings_options
from lintdb.commands.output import CLEAN, fail, wrapped, write
from lintdb.room import with_room


@click.group("debug")
def debug_group() -> None:
    """Look inside lintdb; the output may change at any time."""


@debug_group.command("flow")
@click.argument("target", metavar="FILE:FUNCTION")
def debug_flow_command(target: str) -> int:
    """Print the control flow graph of a function, with the effects that lintdb sees in it."""
    path, separator, function = target.rpartition(":")
    if not separator or not path or not function:
        raise click.UsageError("say FILE:FUNCTION, for example orders/report.py:load")
    from lintdb import engine

    try:
        text = with_room(lambda: engine.debug_flow(path, function))
    except (LookupError, OSError, ValueError) as error:
        return fail(str(error.args[0]) if isinstance(error, LookupError) and error.args else str(error))
    write(text.rstrip("\n") + "\n")
    return CLEAN


@debug_group.command("summary")
@click.argument("target", metavar="FILE[:NAME]")
@settings_options
def debug_summary_command(target: str, **config_options: Any) -> int:
    """Print what lintdb understood of a function or class: what it opens, hands on, releases, and owes."""
    path, separator, name = target.rpartition(":")
    if not separator or is_file(target):
        path, name = target, ""
    if not path or (separator and path != target and not name):
        raise click.UsageError("say FILE or FILE:NAME, for example orders/store.py:Store.close")
    from lintdb.insight.opened import UnanswerableError, ask
    from lintdb.insight.summary import describe

    options = engine_options(path, config_options).options
    try:
        parts = ask(path, options, lambda opened: list(describe(opened, name or None)))
    except UnanswerableError as error:
        return fail(str(error))
    texts = ["".join(f"{line}\n" for line in _paragraph(part)) for part in parts]
    write("\n".join(texts) or f"{path}: nothing in it has to do with anything that lintdb knows\n")
    return CLEAN


def _paragraph(part: Sequence[str]) -> Iterator[str]:
    from lintdb.reporters.text import printable

    yield printable(part[0])
    for line in part[1:]:
        yield from wrapped(printable(line), "  - ")
