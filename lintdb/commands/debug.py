"""`lintdb debug`: looks inside lintdb."""

from __future__ import annotations

import click

from lintdb.commands.output import CLEAN, fail, write


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
        text = engine.debug_flow(path, function)
    except (LookupError, OSError, ValueError) as error:
        return fail(str(error.args[0]) if isinstance(error, LookupError) and error.args else str(error))
    write(text.rstrip("\n") + "\n")
    return CLEAN
