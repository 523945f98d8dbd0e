"""Measures lintdb beside bare parsing and beside other linters, on any folder, in one interleaved run.

    python benchmarks/bench.py FOLDER [--rounds 3] [--tools KEY,KEY] [--timeout SECONDS] [--json FILE]

Uses what is installed for the interpreter that runs it and downloads nothing; a tool that is not there is named as
missing. Each measurement is a fresh process without cache. One round runs every contender once (A B C, A B C, …), so
that a busy spell of the machine falls on all of them. Needs a POSIX system (`os.wait4`) and the standard library.
README.md says what each row does and where the comparison is unfair.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from contenders import PROGRAMS, Contender, Corpus, Run, build_contenders

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Machine = dict[str, str | int | float]

BASELINE = "lintdb"


@dataclass(frozen=True)
class Spread:
    """Median, smallest and largest of the rounds, in the unit of what was measured."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        """Summarise at least one value."""
        numbers = sorted(values)
        return cls(statistics.median(numbers), numbers[0], numbers[-1])

    def text(self, digits: int) -> str:
        """Render as `median (low-high)`."""
        return f"{self.median:.{digits}f} ({self.low:.{digits}f}-{self.high:.{digits}f})"


class Bar(NamedTuple):
    """A limit that the project sets itself: `top` may cost at most `limit` times what `bottom` costs."""

    title: str
    top: str
    bottom: str
    metric: str
    limit: float
    limit_text: str


BARS = (
    Bar("CPU of lintdb --jobs 1 / CPU of the bare libcst parse", "lintdb-1", "libcst", "cpu_s", 2.5, "2.5"),
    Bar("wall of lintdb / wall of flake8", "lintdb", "flake8", "wall_s", 1 / 3, "1/3"),
)


def run_once(command: Sequence[str], folder: Path, timeout_s: float) -> Run:
    """Run `command` in `folder` with its output discarded and return its cost, after at most `timeout_s` seconds.

    The kernel charges a child at least the peak memory of this process, about 20 MB: it starts as a copy.
    """
    with tempfile.TemporaryFile() as errors:
        started = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            start_new_session=True,  # so that a stop reaches its workers too
        )
        stopped = threading.Event()

        def stop() -> None:
            stopped.set()
            os.killpg(process.pid, signal.SIGKILL)

        timer = threading.Timer(timeout_s, stop)
        timer.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            stop()
            process.wait()
            raise
        finally:
            timer.cancel()
        wall_s = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(max(0, errors.seek(0, os.SEEK_END) - 4096))
        words = errors.read().decode("utf-8", "replace").strip().splitlines()
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kilobytes elsewhere
    return Run(
        wall_s=wall_s,
        cpu_s=usage.ru_utime + usage.ru_stime,
        peak_mb=usage.ru_maxrss * unit / 1e6,
        exit=process.returncode,
        last_words=words[-1] if words else "",
        timed_out=stopped.is_set(),
    )


def take_census(folder: Path, list_file: Path) -> Corpus:
    """Count the corpus and list the files that pass the gate, in a process of its own so that this one stays small."""
    command = [sys.executable, PROGRAMS, "census", str(folder), str(list_file)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True, cwd=list_file.parent)
    result: Corpus = json.loads(answer.stdout)
    return result


def measure(contenders: Sequence[Contender], rounds: int, timeout_s: float, scratch: Path) -> None:
    """Run what is present `rounds` times in turn, and no more what exceeded `timeout_s` seconds once."""
    empty = scratch / "empty"  # no configuration to be found, nothing to shadow a module of a tool
    empty.mkdir()
    for number in range(1, rounds + 1):
        for contender in contenders:
            if contender.reason_missing or (contender.runs and not contender.is_finished):
                continue
            run = run_once(contender.command, empty, timeout_s)
            contender.runs.append(run)
            print(f"round {number}/{rounds}: {contender.title}: {run.wall_s:.1f} s", file=sys.stderr, flush=True)


def ratio(top: Contender | None, bottom: Contender | None, metric: str) -> Spread | None:
    """Return cost of `top` over cost of `bottom`, round by round, or None if either has no complete figures."""
    if not (top and bottom and top.is_finished and bottom.is_finished):
        return None
    pairs = zip(top.runs, bottom.runs, strict=True)
    return Spread.of(getattr(over, metric) / max(getattr(under, metric), 1e-6) for over, under in pairs)


def describe_machine() -> Machine:
    """Say what ran this: processor, usable cores, memory in GB, load of the last minute, system, Python."""
    model = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), model)
    except OSError:
        pass  # not Linux: the shorter name stays
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return {
        "processor": model,
        "cores": cores,
        "memory_gb": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9, 1),
        "load_before": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
    }


def render_row(contender: Contender, baseline: Contender | None) -> list[str]:
    """Return the cells of one table row."""
    name = f"{contender.title} [{contender.version}]"
    if not contender.is_finished:
        return [name, f"stopped after {contender.runs[-1].wall_s:.0f} s", *[""] * 5]
    wall = Spread.of(run.wall_s for run in contender.runs)
    ratios = [ratio(contender, baseline, metric) for metric in ("wall_s", "cpu_s")]
    return [
        name,
        wall.text(2),
        Spread.of(run.cpu_s for run in contender.runs).text(2),
        f"{max(run.peak_mb for run in contender.runs):.0f}",
        f"{contender.lines / wall.median:,.0f}",
        *("-" if spread is None else f"{spread.median:.2f}" for spread in ratios),
    ]


def render_table(rows: Sequence[Sequence[str]]) -> str:
    """Lay out rows in columns, the first flush left and the others flush right; the first row is the heading."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    laid_out = [
        "  ".join(cell.rjust(width) if place else cell.ljust(width) for place, (cell, width) in enumerate(cells))
        for cells in (zip(row, widths, strict=True) for row in rows)
    ]
    laid_out.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(line.rstrip() for line in laid_out)


def render_bar(bar: Bar, by_key: dict[str, Contender]) -> str:
    """Return one line: the measured ratio, the limit, and whether it is kept."""
    top, bottom = by_key.get(bar.top), by_key.get(bar.bottom)
    spread = ratio(top, bottom, bar.metric)
    if spread is None:
        return f"{bar.title}: not measured (bar: at most {bar.limit_text})"
    verdict = "met" if spread.median <= bar.limit else "MISSED"
    if failed := [item.title for item in (top, bottom) if item and item.failure]:
        verdict = f"not valid, since {' and '.join(failed)} ended with an error"
    return f"{bar.title}: {spread.text(2)}, bar at most {bar.limit_text}: {verdict}"


def render_notes(contenders: Sequence[Contender], corpus: Corpus, machine: Machine) -> list[str]:
    """Return what a reader must know to trust the table: missing tools, odd exits, skipped files, a busy machine."""
    notes = []
    for contender in contenders:
        if contender.reason_missing:
            notes.append(f"missing: {contender.title}: {contender.reason_missing}")
        elif odd := contender.failure:
            notes.append(f"note: {contender.title} ended with {odd.exit}: {odd.last_words[:200]}")
    if corpus["often_excluded"]:
        notes.append(f"note: {corpus['often_excluded']} files lie in directories that some tools skip (build, .venv)")
    if float(machine["load_before"]) > 0.3 * int(machine["cores"]):
        notes.append("note: other work was running at the start, which lengthens the wall time of parallel tools most")
    return notes


def render(contenders: Sequence[Contender], corpus: Corpus, machine: Machine) -> str:
    """Return the whole report as text."""
    by_key = {contender.key: contender for contender in contenders}
    baseline = by_key.get(BASELINE)
    gate = (
        f"gate passes {corpus['gated_files']:,} files, {corpus['gated_lines']:,} lines"
        if "gated_files" in corpus
        else "gate not available"
    )
    size = f"{corpus['files']:,} Python files, {corpus['lines']:,} lines, {int(corpus['bytes']) / 1e6:.1f} MB"
    heading = ["tool", "wall s", "CPU s", "peak MB", "lines/s", "wall ÷ lintdb", "CPU ÷ lintdb"]
    rows = [heading, *(render_row(contender, baseline) for contender in contenders if contender.runs)]
    return "\n".join(
        [
            "{processor}, {cores} cores, {memory_gb} GB, load {load_before}; {system}; {python}".format(**machine),
            f"{size}; {gate}",
            "",
            render_table(rows),
            "",
            *render_notes(contenders, corpus, machine),
            *(render_bar(bar, by_key) for bar in BARS),
        ]
    )


def to_json(contenders: Sequence[Contender], corpus: Corpus, machine: Machine) -> str:
    """Return everything measured, each run included, with the units in the names."""
    by_key = {contender.key: contender for contender in contenders}
    bars = []
    for bar in BARS:
        spread = ratio(by_key.get(bar.top), by_key.get(bar.bottom), bar.metric)
        bars.append({**bar._asdict(), "measured": asdict(spread) if spread else None})
    document = {"machine": machine, "corpus": corpus, "contenders": [asdict(item) for item in contenders], "bars": bars}
    return json.dumps(document, indent=1) + "\n"


def positive(text: str) -> int:
    """Read a number of at least 1, for argparse."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; 0 whatever the bars say, 2 if there is nothing to measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="folder with Python files")
    parser.add_argument("--rounds", type=positive, default=3, help="times that each tool runs (default 3)")
    parser.add_argument(
        "--timeout", type=positive, default=1800, metavar="SECONDS", help="limit per run (default 1800)"
    )
    parser.add_argument("--tools", metavar="KEY,KEY", help="run only these (keys stand in the README)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there as well")
    arguments = parser.parse_args(argv)
    folder = arguments.folder.resolve()
    if not folder.is_dir():
        parser.error(f"{arguments.folder} is not a folder")
    machine = describe_machine()
    with tempfile.TemporaryDirectory(prefix="lintdb-bench-") as name:
        scratch = Path(name)
        corpus = take_census(folder, scratch / "gated")  # also brings the files into the page cache, for all alike
        if not corpus["files"]:
            parser.error(f"no Python files below {arguments.folder}")
        contenders = build_contenders(folder, scratch, corpus)
        if arguments.tools is not None:
            wanted = set(arguments.tools.split(","))
            if unknown := wanted - {contender.key for contender in contenders}:
                parser.error(f"no tool named {', '.join(sorted(unknown))}")
            contenders = [contender for contender in contenders if contender.key in wanted]
        measure(contenders, arguments.rounds, arguments.timeout, scratch)
    machine["load_after"] = round(os.getloadavg()[0], 2)
    print(render(contenders, corpus, machine))
    if arguments.json:
        arguments.json.write_text(to_json(contenders, corpus, machine), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
