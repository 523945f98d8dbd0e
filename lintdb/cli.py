"""The `lintdb` command.

Exit codes: 0 clean, 1 findings, 2 lintdb could not do its job: bad usage or configuration, a file that cannot be read
or parsed, a crash. 130 after Ctrl-C. No traceback reaches a user unless LINTDB_DEBUG is set.

The engine is imported inside the commands that need it: `lintdb --help` and completion must stay instant.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from lintdb import __version__
from lintdb.commands.baseline import baseline_command
from lintdb.commands.check import check_command
from lintdb.commands.debug import debug_group
from lintdb.commands.output import CLEAN, FAILED, INTERRUPTED, drop, end_now, fail, is_full, note, report_crash
from lintdb.commands.reference import drivers_command, rule_command, rules_command
from lintdb.commands.settings import config_command
from lintdb.commands.why import why_command
from lintdb.config import ConfigError
from lintdb.room import is_left_behind
from lintdb.selection import did_you_mean


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with *argv* (by default the program's own) and return its exit code."""
    for name in ("stdout", "stderr"):
        # Whoever started us may have closed it: then what is written there goes nowhere.
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - open to the end
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character gets an escape instead of an encoding error.
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="backslashreplace")
    try:
        code = cli.main(args=argv, prog_name="lintdb", standalone_mode=False)
    except click.exceptions.Abort:
        note("lintdb: interrupted")
        if is_left_behind():
            end_now(INTERRUPTED)
        return INTERRUPTED
    except click.ClickException as error:
        error.show()
        return FAILED
    except ConfigError as error:
        return fail(str(error))
    except OSError as error:
        # Files that are read or written are named where that fails; what is left is standard output.
        if error.filename is not None or not is_full(error):
            report_crash(error)
            return FAILED
        drop(sys.stdout)
        return fail(f"cannot write the output: {error.strerror}")
    except Exception as error:  # noqa: BLE001 - the last place to turn a crash into a message
        report_crash(error)
        return FAILED
    return code if isinstance(code, int) else CLEAN


_MEANT = {"explain": "rule", "list": "rules", "lint": "check", "run": "check"}
"""What other linters call our commands."""


class _Commands(click.Group):
    """The commands; one that does not exist is answered with the one that may be meant."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            meant = _MEANT.get(name)
            cure = f"; did you mean `{meant}`?" if meant is not None else did_you_mean(name, self.commands)
            if Path(name).exists():
                cure = f"; to check it: `lintdb check {name}`"
            ctx.fail(f"no command is called {name!r}{cure}")
        return super().resolve_command(ctx, args)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="lintdb", message="%(prog)s %(version)s")
def cli() -> None:
    """Find database resources that Python code misuses: left open, never given back, waited on forever.

    Exit codes: 0 clean, 1 findings, 2 lintdb could not do its job, 130 interrupted.
    """


for _command in (
    check_command, why_command, baseline_command, rule_command, rules_command, drivers_command, config_command,
    debug_group,
):  # fmt: skip
    cli.add_command(_command)
