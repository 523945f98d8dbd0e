"""The small programs that bench.py measures beside whole tools: each runs alone in a process of its own.

    python programs.py census FOLDER LIST     count the corpus and write the files that pass lintdb's gate to LIST
    python programs.py parse-libcst LIST      parse the files of LIST with libcst, and do nothing else
    python programs.py parse-ast FOLDER       parse every Python file below FOLDER with `ast`
    python programs.py flake8 DISTS ARG...    run flake8 with the plugins of the named distributions only

Nothing of what is read is imported or run. Imports are local to the program that needs them: none pays for another's.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import tokenize
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

# Directories that at least one of the compared tools leaves out unless told otherwise.
OFTEN_EXCLUDED = frozenset(
    {
        "__pycache__", "__pypackages__", "_build", "buck-out", "build", "dist", "node_modules", "site-packages", "venv",
        "CVS",
    }
)  # fmt: skip


def iter_python_files(folder: Path) -> Iterator[Path]:
    """Yield every regular `*.py` file below `folder` in a fixed order, links not followed."""
    for directory, names, files in os.walk(folder):
        names.sort()
        for name in sorted(files):
            path = Path(directory, name)
            if name.endswith(".py") and path.is_file() and not path.is_symlink():
                yield path


def count_lines(data: bytes) -> int:
    """Return the number of lines in `data`; a last line without a line end counts."""
    return data.count(b"\n") + (bool(data) and not data.endswith(b"\n"))


def is_often_excluded(path: Path, folder: Path) -> bool:
    """Say whether a directory between `folder` and `path` is one that some tool skips by default."""
    parents = path.relative_to(folder).parts[:-1]
    return any(part.startswith(".") or part.endswith(".egg") or part in OFTEN_EXCLUDED for part in parents)


def read_text(path: Path) -> str | None:
    """Return the text of a Python file by its own coding line, or None if it has no valid one."""
    try:
        with tokenize.open(path) as stream:
            return stream.read()
    except (SyntaxError, UnicodeError):
        return None


def census(folder: Path, list_file: Path) -> dict[str, int | str]:
    """Count files, lines and bytes below `folder` and write the paths that pass the gate to `list_file`, NUL-separated.

    Without an importable `lintdb.gate` the answer says why under `gate_missing`, and no list is written.
    """
    result: dict[str, int | str] = {"files": 0, "lines": 0, "bytes": 0, "often_excluded": 0}
    passes: Callable[[str], bool] | None = None
    try:
        passes = importlib.import_module("lintdb.gate").passes
    except (ImportError, AttributeError) as error:
        result["gate_missing"] = str(error)
    gated: list[str] = []
    gated_lines = files = lines = size = excluded = 0
    for path in iter_python_files(folder):
        data = path.read_bytes()
        files += 1
        lines += count_lines(data)
        size += len(data)
        excluded += is_often_excluded(path, folder)
        if passes is not None and (text := read_text(path)) is not None and passes(text):
            gated.append(str(path))
            gated_lines += count_lines(data)
    result |= {"files": files, "lines": lines, "bytes": size, "often_excluded": excluded}
    if passes is not None:
        result |= {"gated_files": len(gated), "gated_lines": gated_lines}
        list_file.write_bytes(b"\0".join(map(os.fsencode, gated)))
    return result


def parse_all(paths: Iterable[Path], parses: Callable[[bytes], bool]) -> dict[str, int]:
    """Read and parse each file, dropping each tree at once, and count those that parsed and those that did not."""
    verdicts = Counter(parses(path.read_bytes()) for path in paths)
    return {"parsed": verdicts[True], "failed": verdicts[False]}


def parse_libcst(list_file: Path) -> dict[str, int]:
    """Parse the files that `census` listed: the least that any tool built on libcst must pay for them."""
    import libcst

    paths = (Path(os.fsdecode(name)) for name in list_file.read_bytes().split(b"\0") if name)

    def parses(data: bytes) -> bool:
        try:
            libcst.parse_module(data)
        except (libcst.ParserSyntaxError, SyntaxError, ValueError, RecursionError):
            return False
        return True

    return parse_all(paths, parses)


def parse_ast(folder: Path) -> dict[str, int]:
    """Parse every Python file below `folder` with the standard library."""
    import ast
    import warnings

    warnings.simplefilter("ignore")  # invalid escapes in the files read

    def parses(data: bytes) -> bool:
        try:
            ast.parse(data)
        except (SyntaxError, ValueError, RecursionError):
            return False
        return True

    return parse_all(iter_python_files(folder), parses)


def flake8(distributions: frozenset[str], arguments: list[str]) -> int:
    """Run flake8 as if only `distributions` were installed beside it, and return its exit status.

    flake8 loads and runs every plugin that it finds, whatever is selected, and has no option against that.
    """
    import importlib.metadata
    import multiprocessing

    run: Callable[[list[str]], int] = importlib.import_module("flake8.main.cli").main
    visible = [
        distribution
        for distribution in importlib.metadata.distributions()
        if distribution.metadata["Name"].lower().replace("_", "-") in distributions
    ]
    importlib.metadata.distributions = lambda **_: iter(visible)
    # Workers started in another way would look for plugins again, without this filter.
    multiprocessing.set_start_method("fork")
    return run(arguments)


def main(argv: list[str]) -> int:
    """Run one program by name; those that count print one JSON object."""
    match argv:
        case ["census", folder, list_file]:
            print(json.dumps(census(Path(folder), Path(list_file))))
        case ["parse-libcst", list_file]:
            print(json.dumps(parse_libcst(Path(list_file))))
        case ["parse-ast", folder]:
            print(json.dumps(parse_ast(Path(folder))))
        case ["flake8", distributions, *arguments]:
            return flake8(frozenset(distributions.split(",")), arguments)
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
