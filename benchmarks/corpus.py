"""Runs lintdb over published packages, and shows what a change of lintdb changes there.

    python -m benchmarks.corpus fetch FOLDER [--only NAME,NAME]
    python -m benchmarks.corpus run FOLDER [--only NAME,NAME] [--write FILE] [--json FILE] [--jobs N]
    python -m benchmarks.corpus compare OLD NEW

corpus.txt lists the packages, and applications by commit. `fetch` has pip download them into FOLDER and unpacks them
there, or git fetch the commit; nothing of them is imported or run. `run` checks them with all rules and without any
configuration (applications with the versions of libraries that they pin), prints what it found, and fails where lintdb
crashed or took too long. FILE holds the findings in a form that only changes with the findings; `compare` shows
the difference between two such files. README.md says how to read all this.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.programs import iter_python_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

HERE = Path(__file__).resolve().parent
PACKAGES = HERE / "corpus.txt"
CHECK = HERE / "timed_check.py"
FILE_LIMIT_S = 10.0
PACKAGE_LIMIT_S = 600.0
LINES_BAR = 1_500_000
MODULE = "<module>"


class Package(NamedTuple):
    """A package of the corpus: one published archive, or (with a *repository*) one commit."""

    name: str
    version: str
    requirement: str
    repository: str = ""
    commit: str = ""

    @property
    def folder(self) -> str:
        """The name of the folder that it is unpacked into; another version is another folder."""
        return f"{self.name}-{self.version}"


class Place(NamedTuple):
    """A finding without its line number: what stays the same when code around it moves.

    `function` is the qualified name of the innermost function or class, `text` the line that the finding points at.
    """

    package: str
    path: str
    code: str
    function: str
    text: str


@dataclass
class PackageRun:
    """What one run over one package gave. `seconds` has the processor time of each file."""

    package: Package
    places: list[Place] = field(default_factory=list)
    findings: list[dict[str, Any]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    files: int = 0
    lines: int = 0


_REQUIREMENT = re.compile(r"(?P<name>[\w.-]+)==(?P<version>\S+) --hash=sha256:[0-9a-f]{64}")


_COMMIT = re.compile(r"(?P<name>[\w.-]+) @ git\+(?P<repository>https://\S+)@(?P<commit>[0-9a-f]{40})")


def parse_packages(text: str) -> list[Package]:
    """Return the packages of a list like corpus.txt; raises ValueError for a line without exact version, or commit."""
    packages = []
    for line in text.splitlines():
        requirement = line.strip()
        if not requirement or requirement.startswith("#"):
            continue
        match = _REQUIREMENT.fullmatch(requirement)
        if match is not None:
            packages.append(Package(match["name"], match["version"], requirement))
            continue
        match = _COMMIT.fullmatch(requirement)
        if match is None:
            raise ValueError(
                f"not of the form `name==version --hash=sha256:…` or `name @ git+https://…@commit`: {requirement}"
            )
        commit = match["commit"]
        packages.append(Package(match["name"], commit[:12], requirement, match["repository"], commit))
    return packages


def fetch(package: Package, folder: Path) -> None:
    """Download and unpack a package unless that is done; raises RuntimeError with the last words of pip or git."""
    target = folder / "src" / package.folder
    if target.exists():
        return
    if package.repository:
        _check_out(package, target)
        return
    archives = folder / "archives" / package.folder
    archives.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        wanted = Path(scratch, "wanted.txt")
        wanted.write_text(package.requirement + "\n", encoding="utf-8")
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(archives)]
        done = subprocess.run([*pip, "-r", str(wanted)], capture_output=True, text=True, cwd=scratch, check=False)
    if done.returncode:
        raise RuntimeError(f"pip could not get {package.name}: {(done.stderr.strip() or 'no reason given')[-300:]}")
    (archive,) = archives.iterdir()
    partial = target.with_name(target.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    unpack(archive, partial)
    partial.rename(target)


def _check_out(package: Package, target: Path) -> None:
    """Have git fetch one commit, without its history."""
    partial = target.with_name(target.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    for words in (
        ("init", "--quiet"),
        ("fetch", "--quiet", "--depth", "1", package.repository, package.commit),
        ("checkout", "--quiet", "FETCH_HEAD"),
    ):
        done = subprocess.run(["git", *words], capture_output=True, text=True, cwd=partial, check=False)
        if done.returncode:
            raise RuntimeError(f"git could not get {package.name}: {(done.stderr.strip() or 'no reason given')[-300:]}")
    partial.rename(target)


def unpack(archive: Path, target: Path) -> None:
    """Unpack a wheel or source distribution into a new folder; nothing can land outside of it."""
    target.mkdir(parents=True)
    if archive.suffix in {".whl", ".zip"}:
        with zipfile.ZipFile(archive) as zipped:
            zipped.extractall(target)  # noqa: S202 - zipfile strips what leads elsewhere
    else:
        with tarfile.open(archive) as tar:
            tar.extractall(target, filter="data")


def check(package: Package, folder: Path) -> PackageRun:
    """Run lintdb over an unpacked package, in a process of its own."""
    source = folder / "src" / package.folder
    run = PackageRun(package)
    for path in iter_python_files(source):
        data = path.read_bytes()
        run.files += 1
        run.lines += data.count(b"\n") + (bool(data) and not data.endswith(b"\n"))
    with tempfile.TemporaryDirectory() as scratch:
        log = Path(scratch, "log")
        log.touch()
        options = ["--select", "ALL", "--no-cache", "--exit-zero", "--output-format", "json", "."]
        if not package.repository:
            options.insert(0, "--isolated")  # an application says which versions it runs with
        try:
            done = subprocess.run(
                [sys.executable, str(CHECK), str(log), *options],
                capture_output=True,
                text=True,
                cwd=source,
                env={**os.environ, "PYTHONPATH": str(HERE.parent)},
                timeout=PACKAGE_LIMIT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            in_hand = log.read_text(encoding="utf-8").splitlines()[-1:]
            run.faults.append(f"stopped after {PACKAGE_LIMIT_S:.0f} s; in hand: {''.join(in_hand)}")
            return run
        run.seconds = read_log(log.read_text(encoding="utf-8"))
    run.faults += [line for line in done.stderr.splitlines() if line.strip()]
    run.faults += [
        f"{path} took {seconds:.1f} s" for path, seconds in sorted(run.seconds.items()) if seconds > FILE_LIMIT_S
    ]
    try:
        run.findings = json.loads(done.stdout)
    except ValueError:
        run.faults.append(f"lintdb ended with {done.returncode} and without a report")
    run.places = sorted(places_of(package.name, run.findings, source))
    return run


def read_log(text: str) -> dict[str, float]:
    """Return the seconds of each file that timed_check.py says was checked to its end."""
    entries = [json.loads(line) for line in text.splitlines()]
    return {entry["path"]: entry["seconds"] for entry in entries if "seconds" in entry}


def places_of(package: str, findings: Iterable[dict[str, Any]], source: Path) -> list[Place]:
    """Return the places of *findings*, whose paths are relative to the folder *source*, in the same order."""
    texts: dict[str, str] = {}
    places = []
    for finding in findings:
        path = str(finding["path"])
        if path not in texts:
            texts[path] = _text_of(source / path)
        lines = texts[path].splitlines()
        line = int(finding["line"])
        text = " ".join(lines[line - 1].split()) if line <= len(lines) else ""
        places.append(Place(package, path.replace(os.sep, "/"), finding["code"], function_at(texts[path], line), text))
    return places


def _text_of(path: Path) -> str:
    """Return the text of a file; none of one that cannot be read, like a link that leads nowhere."""
    try:
        return path.read_bytes().decode("utf-8", "replace")
    except OSError:
        return ""


def function_at(text: str, line: int) -> str:
    """Return the qualified name of the innermost function or class at a line; `<module>` outside of all of them.

    So too for a file that the running Python cannot parse. A decorator belongs to what it decorates.
    """
    try:
        body: Sequence[ast.stmt] = ast.parse(text).body
    except (SyntaxError, ValueError):
        return MODULE
    names: list[str] = []
    pending: list[ast.AST] = list(body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            if not first <= line <= (node.end_lineno or first):
                continue
            names.append(node.name)
            pending = list(node.body)
        elif not isinstance(node, ast.expr):
            pending += ast.iter_child_nodes(node)
    return ".".join(names) or MODULE


def render_places(places: Iterable[Place]) -> str:
    """Return findings as sorted lines, their fields separated by tabs."""
    return "".join("\t".join(place) + "\n" for place in sorted(places))


def parse_places(text: str) -> list[Place]:
    """Read what `render_places` wrote; raises ValueError for a line that it cannot have written."""
    places = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line:
            continue
        cells = line.split("\t")
        if len(cells) != len(Place._fields):
            raise ValueError(f"line {number} has {len(cells)} fields and not {len(Place._fields)}")
        places.append(Place(*cells))
    return places


def render_difference(old: Iterable[Place], new: Iterable[Place]) -> str:
    """Return the findings that came (`+`) and went (`-`), and how many of each rule; nothing if none did."""
    before, after = Counter(old), Counter(new)
    changes = [("-", place) for place in (before - after).elements()]
    changes += [("+", place) for place in (after - before).elements()]
    if not changes:
        return ""
    lines = [f"{sign} " + "\t".join(place) for sign, place in sorted(changes, key=lambda change: change[1])]
    counts = Counter((place.code, sign) for sign, place in changes)
    codes = sorted({code for code, _ in counts})
    lines += [f"{code}: {counts[code, '+']} came, {counts[code, '-']} went" for code in codes]
    return "\n".join(lines) + "\n"


def render_run(runs: Sequence[PackageRun], wall_s: float) -> str:
    """Return size, time, findings per rule and what went wrong, as text."""
    counts = Counter(place.code for run in runs for place in run.places)
    packages = {code: len({run.package for run in runs for p in run.places if p.code == code}) for code in counts}
    times = sorted(((seconds, run.package.name, path) for run in runs for path, seconds in run.seconds.items()))
    lines = sum(run.lines for run in runs)
    report = [
        f"{len(runs)} packages, {sum(run.files for run in runs):,} Python files, {lines:,} lines"
        + ("" if lines >= LINES_BAR else f" (below the bar of {LINES_BAR:,})"),
        f"{wall_s:.0f} s, {sum(seconds for seconds, *_ in times):.0f} s of processor time in files",
        *(f"slowest: {seconds:.1f} s {name} {path}" for seconds, name, path in reversed(times[-3:])),
        "",
        *(f"{code}  {counts[code]:5} in {packages[code]} packages" for code in sorted(counts)),
        f"all     {sum(counts.values()):5}",
        "",
    ]
    faults = [f"{run.package.name}: {fault}" for run in runs for fault in run.faults]
    return "\n".join([*report, *faults, f"{len(faults)} faults"]) + "\n"


def run_corpus(packages: Sequence[Package], folder: Path, jobs: int) -> list[PackageRun]:
    """Check the packages, several at a time, and return the runs in the order of the list."""
    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(lambda package: check(package, folder), packages))


def choose(packages: Sequence[Package], only: str | None) -> list[Package]:
    """Return the packages named in *only*, a list with commas; raises ValueError for a name that is not there."""
    if only is None:
        return list(packages)
    wanted = set(only.split(","))
    if unknown := wanted - {package.name for package in packages}:
        raise ValueError(f"not in {PACKAGES.name}: {', '.join(sorted(unknown))}")
    return [package for package in packages if package.name in wanted]


def _command() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.corpus", description=(__doc__ or "").partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    for name, summary in (("fetch", "download and unpack the packages"), ("run", "check them")):
        command = commands.add_parser(name, help=summary)
        command.add_argument("folder", type=Path, help="where the packages are, or will be")
        command.add_argument("--only", metavar="NAME,NAME", help="these packages alone")
        if name == "run":
            command.add_argument("--write", type=Path, metavar="FILE", help="write the findings there, for compare")
            command.add_argument("--json", type=Path, metavar="FILE", help="write all that lintdb said there")
            command.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="packages checked at a time")
    compare = commands.add_parser("compare", help="show what differs between two runs; 1 if anything does")
    compare.add_argument("old", type=Path)
    compare.add_argument("new", type=Path)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; 0 if all is well, 1 for faults or differences, 2 for what cannot be done."""
    arguments = _command().parse_args(argv)
    try:
        if arguments.command == "compare":
            old, new = (parse_places(path.read_text(encoding="utf-8")) for path in (arguments.old, arguments.new))
            difference = render_difference(old, new)
            print(difference or "no difference\n", end="")
            return bool(difference)
        packages = choose(parse_packages(PACKAGES.read_text(encoding="utf-8")), arguments.only)
        folder = arguments.folder.resolve()
        if arguments.command == "fetch":
            for package in packages:
                print(package.folder, flush=True)
                fetch(package, folder)
            return 0
        missing = [package.folder for package in packages if not (folder / "src" / package.folder).is_dir()]
        if missing:
            raise RuntimeError(f"run `fetch` first; not there: {', '.join(missing)}")
    except (OSError, ValueError, RuntimeError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    begun = time.perf_counter()
    runs = run_corpus(packages, folder, arguments.jobs)
    print(render_run(runs, time.perf_counter() - begun), end="")
    if arguments.write:
        arguments.write.write_text(render_places(place for run in runs for place in run.places), encoding="utf-8")
    if arguments.json:
        by_package = {run.package.name: run.findings for run in runs}
        arguments.json.write_text(json.dumps(by_package, indent=1) + "\n", encoding="utf-8")
    return int(any(run.faults for run in runs))


if __name__ == "__main__":
    sys.exit(main())
