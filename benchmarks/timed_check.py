"""Runs `lintdb check` in one process and notes what each file costs.

    python timed_check.py LOG ARGUMENT...

LOG gets one line of JSON when a file is begun and one when it is done, so that after a time-out the last line names the
file that was in hand. The arguments are those of `lintdb check`. Run it by its path, not with `-m`: then Python looks
for modules in this folder and not in the current one, which holds what is checked.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lintdb import cli, engine

if TYPE_CHECKING:
    from lintdb.finding import FileResult
    from lintdb.source import SourceFile


def main(argv: list[str]) -> int:
    """Check, and return the exit code of the command."""
    log_path, *arguments = argv
    with Path(log_path).open("w", encoding="utf-8", buffering=1) as log:
        check_source = engine.check_source

        def timed(source: SourceFile, *rest: Any, **options: Any) -> FileResult:
            print(json.dumps({"path": source.path}), file=log)
            begun = time.process_time()
            try:
                return check_source(source, *rest, **options)
            finally:
                print(json.dumps({"path": source.path, "seconds": time.process_time() - begun}), file=log)

        engine.check_source = timed
        return cli.main(["check", *arguments, "--jobs", "1"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
