"""What bench.py compares: each command, the version installed for this interpreter, or why it cannot run."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
from dataclasses import dataclass, field
from pathlib import Path

Corpus = dict[str, int | str]  # what the census counted

PROGRAMS = str(Path(__file__).with_name("programs.py"))
FLAKE8_ITSELF = "flake8,pyflakes,pycodestyle,mccabe"


@dataclass(frozen=True)
class Run:
    """One process and those it waited for. Seconds, and megabytes of 10**6 bytes."""

    wall_s: float
    cpu_s: float  # user and system time
    peak_mb: float  # of the largest single process, not of all together
    exit: int  # negative: ended by that signal
    last_words: str  # last line on stderr
    timed_out: bool


@dataclass
class Contender:
    """What is compared: a command, and where its figures go."""

    key: str
    title: str
    command: list[str]
    version: str
    lines: int  # lines of the corpus that its speed is counted in
    reason_missing: str = ""
    good_exits: tuple[int, ...] = (0,)
    runs: list[Run] = field(default_factory=list)

    @property
    def is_finished(self) -> bool:
        """Whether it has runs and none was stopped by the time limit."""
        return bool(self.runs) and not any(run.timed_out for run in self.runs)

    @property
    def failure(self) -> Run | None:
        """The first run that ended as it should not, so that its figures are in doubt; None if there is none."""
        return next((run for run in self.runs if run.exit not in self.good_exits and not run.timed_out), None)


def version_of(distribution: str) -> str | None:
    """Return the installed version for this interpreter, or None."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def find_tool(key: str, title: str, distributions: str, command: list[str], lines: int) -> Contender:
    """Return the contender, marked as missing unless all of `distributions` (separated by blanks) are installed."""
    versions = {name: version_of(name) for name in distributions.split()}
    missing = ", ".join(name for name, version in versions.items() if version is None)
    version = " ".join(version for version in versions.values() if version)
    return Contender(key, title, command, version, lines, f"not installed: {missing}" if missing else "")


def build_parsers(target: str, gated: str, corpus: Corpus) -> list[Contender]:
    """Return the two yardsticks: libcst on the files listed in `gated`, and `ast` on all files below `target`."""
    command = [sys.executable, PROGRAMS, "parse-libcst", gated]
    bare = find_tool("libcst", "libcst parse, gated files", "libcst", command, int(corpus.get("gated_lines", 0)))
    bare.reason_missing = bare.reason_missing or str(corpus.get("gate_missing", ""))
    command = [sys.executable, PROGRAMS, "parse-ast", target]
    return [bare, Contender("ast", "ast.parse, all files", command, platform.python_version(), int(corpus["lines"]))]


def build_flake8(target: str, lines: int) -> list[Contender]:
    """Return flake8 alone, with lintdb's plugin, and with flake8-async."""

    def command(visible: str, *options: str) -> list[str]:
        return [sys.executable, PROGRAMS, "flake8", visible, "--isolated", "--exit-zero", *options, target]

    lintdb = command(f"{FLAKE8_ITSELF},lintdb", "--select", "LDB")
    trio = command(f"{FLAKE8_ITSELF},flake8-async", "--select", "ASYNC")
    return [
        find_tool("flake8", "flake8", "flake8", command(FLAKE8_ITSELF), lines),
        find_tool("flake8-lintdb", "flake8 --select LDB", "flake8 lintdb", lintdb, lines),
        find_tool("flake8-async", "flake8 --select ASYNC", "flake8 flake8-async", trio, lines),
    ]


def build_contenders(folder: Path, scratch: Path, corpus: Corpus) -> list[Contender]:
    """Return every contender in running order, those that are not installed with the reason.

    `scratch` is an own directory that outlives the measurement and holds the list `gated` of the census.
    """
    target, lines, module = str(folder), int(corpus["lines"]), [sys.executable, "-m"]
    lintdb = [*module, "lintdb", "check", "--isolated", "--no-cache", "--exit-zero", "--output-format", "json"]
    # Beside the interpreter, not on PATH; the format with the least to write.
    ruff = [str(Path(sys.executable).with_name("ruff")), "check", "--isolated", "--no-cache", "--no-respect-gitignore"]
    ruff += ["--config", "include = ['*.py']", "--select", "ALL", "--exit-zero", "--output-format", "concise"]
    pylint = [*module, "pylint", "--rcfile", os.devnull, "--persistent", "n", "--recursive", "y", "--exit-zero"]
    pylint += ["--disable=all", "--enable=consider-using-with"]
    # Own configurations keep the two from reading one in the folder; fixit's may name code to import.
    bandit_config = scratch / "bandit.ini"
    bandit_config.write_text("[bandit]\n", encoding="utf-8")
    fixit_config = scratch / "fixit.toml"
    fixit_config.write_text("[tool.fixit]\nroot = true\n", encoding="utf-8")
    bandit = [
        *module,
        "bandit",
        "--quiet",
        "--exit-zero",
        "--ini",
        str(bandit_config),
        "--format",
        "json",
        "--recursive",
    ]
    fixit = [*module, "fixit", "--quiet", "--config-file", str(fixit_config), "lint"]
    contenders = [
        find_tool("lintdb", "lintdb", "lintdb", [*lintdb, target], lines),
        find_tool("lintdb-1", "lintdb --jobs 1", "lintdb", [*lintdb, "--jobs", "1", target], lines),
        *build_parsers(target, str(scratch / "gated"), corpus),
        find_tool("ruff", "ruff --select ALL", "ruff", [*ruff, target], lines),
        *build_flake8(target, lines),
        find_tool("pylint", "pylint consider-using-with", "pylint", [*pylint, target], lines),
        find_tool("bandit", "bandit", "bandit", [*bandit, target], lines),
        find_tool("fixit", "fixit", "fixit", [*fixit, target], lines),
    ]
    contenders[-1].good_exits = (0, 1)  # fixit cannot be asked to return 0 in spite of findings
    return contenders
