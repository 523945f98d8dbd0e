"""From the paths a user gives to checked files: the walk over folders and the pool of processes.

The walk takes `*.py`, obeys .gitignore files (which say nothing of files that git tracks) and the `exclude` settings,
never follows a link to a folder (so link loops cannot catch it), takes a file and links to it for one, and lists files
in a stable order. A file or folder that the user names is always taken, even where an exclusion covers it; only
`force_exclude` changes that.

The pool hands out chunks of about equal size in bytes. Whatever happens to one file, the others are checked: an
exception becomes that file's problem, and when a process dies the files it had in hand are tried again one by one, so
that only the guilty one is lost.
"""

# Paths are strings here: the walk visits each entry of large trees, and Path objects would dominate that.
# ruff: noqa: PTH100, PTH110, PTH112, PTH118, PTH120, PTH202

from __future__ import annotations

import functools
import gc
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from lintdb.config import ConfigError
from lintdb.finding import FileProblem, FileResult
from lintdb.project.surroundings import Projects
from lintdb.repository import TrackedFiles
from lintdb.room import ran_out_of_room, with_room
from lintdb.settings import path_below
from lintdb.source import NO_SUCH_PATH, SourceFile, read_source

if TYPE_CHECKING:
    from concurrent.futures import ProcessPoolExecutor
    from ctypes import Array, c_byte

    from pathspec import GitIgnoreSpec

    from lintdb.engine import EngineOptions
    from lintdb.progress import Progress
    from lintdb.settings import PathPattern, Settings

SettingsFor = Callable[[str], "Settings"]

# A process costs about as much to start as it takes to pass this many bytes through the text gate and a few parses.
_SMALL_RUN_BYTES = 400_000
_CHUNKS_PER_JOB = 8
_TELL_SECONDS = 0.25
_TRACED = -50
"""Frames of a trace that are shown, counted from where it happened: one too deep has a hundred thousand."""
_SELDOM = (50_000, 20, 50)
"""Thresholds of the garbage collector: syntax trees are many objects that stay; to look through them often is dear."""


class LeftOut(NamedTuple):
    """A file or folder that is not checked, and by whose word."""

    shown: str
    absolute: str
    because: str


BY_EXCLUDE, BY_GIT = "`exclude` leaves out", "git ignores"


class _Place(NamedTuple):
    """Where a file was found, and where it really is: not the same if a link leads to it."""

    shown: str
    absolute: str
    real: str


class FileTask(NamedTuple):
    """A file to check, and how."""

    path: str
    options: EngineOptions


@dataclass(frozen=True)
class FoundFiles:
    """The files to check, in the order to check them, and what stood in the way of finding more.

    `absent` are the paths that lead nowhere: not a file that cannot be checked, but a slip of who has named it.
    `broken` are configurations that cannot be followed: they alone know what is to be checked in their folders.
    `left_out` are the files and folders that would have been looked at but for a setting.
    `idle` are the patterns of `exclude` and `extend-exclude` that left out nothing, with the settings that have them.
    """

    files: tuple[str, ...]
    problems: tuple[FileProblem, ...] = ()
    absent: tuple[FileProblem, ...] = ()
    broken: tuple[ConfigError, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    idle: tuple[tuple[Settings, str, PathPattern], ...] = ()


def find_files(paths: Iterable[str], settings_for: SettingsFor, *, force_exclude: bool = False) -> FoundFiles:
    """Return the Python files under *paths*; *settings_for* gives the settings of a folder (absolute path)."""
    walk = _Walk(settings_for)
    files: dict[str, _Place] = {}
    absent: list[FileProblem] = []
    for path in paths:
        shown = _without_dot(path)
        absolute = os.path.abspath(path)
        if force_exclude:
            settings = walk.settings_for(os.path.dirname(absolute))
            if settings is None:
                continue
            if settings.is_below_excluded(absolute):
                walk.note_use(settings, absolute)
                walk.left_out.append(LeftOut(shown, absolute, BY_EXCLUDE))
                continue
        if leads_nowhere(path):
            absent.append(FileProblem(shown or "''", NO_SUCH_PATH))
            continue
        place = _Place(shown, absolute, _real_path(absolute))
        for each in walk.iter_folder(place) if os.path.isdir(path) else [place]:
            known = files.get(each.real)
            # A file and links to it are one: it is checked once, under its own name if that was found, too.
            if known is None or (known.absolute != known.real == each.absolute):
                files.pop(each.real, None)
                files[each.real] = each
    return FoundFiles(
        tuple(each.shown for each in files.values()),
        tuple(walk.problems),
        tuple(absent),
        tuple(walk.broken),
        tuple(walk.left_out),
        tuple(walk.idle()),
    )


def leads_nowhere(path: str) -> bool:
    """Whether there is nothing at *path*. Where nobody may look there may be something: to read it says why not."""
    try:
        os.lstat(path)
    except PermissionError:
        return False
    except (OSError, ValueError):
        return True
    return False


def _real_path(path: str) -> str:
    """Return where *path* (absolute) leads; a link that leads nowhere stands for itself."""
    return os.path.realpath(path) if os.path.exists(path) else path


def describe_left_out(left_out: Iterable[LeftOut]) -> str | None:
    """Return what keeps Python files from being checked, with one of them; None if there are none.

    This looks into the folders that were left out, which may be large: ask when nothing else was found.
    """
    found: dict[str, str] = {}
    for each in left_out:
        if each.because not in found and (path := _first_file(each)) is not None:
            found[each.because] = path
            if len(found) == len((BY_EXCLUDE, BY_GIT)):
                break
    return f"{' or '.join(found)}, such as {next(iter(found.values()))}" if found else None


def _first_file(left_out: LeftOut) -> str | None:
    if not os.path.isdir(left_out.absolute):
        return left_out.shown if os.path.exists(left_out.absolute) else None
    for folder, folders, names in os.walk(left_out.absolute):
        folders.sort()
        if first := min((name for name in names if name.endswith(".py")), default=None):
            return os.path.join(left_out.shown, os.path.relpath(os.path.join(folder, first), left_out.absolute))
    return None


class _Walk:
    def __init__(self, settings_for: SettingsFor) -> None:
        self._settings_for = settings_for
        self._ignores = _IgnoreFiles()
        self._tracked = TrackedFiles()
        self.problems: list[FileProblem] = []
        self.broken: list[ConfigError] = []
        self.left_out: list[LeftOut] = []
        self._walked_with: dict[str | None, Settings] = {}
        self._used: set[PathPattern] = set()

    def note_use(self, settings: Settings, path: str) -> None:
        """Remember which patterns exclude *path* (absolute), or a folder above it."""
        while path_below(path, settings.root):
            self._used.update(settings.excluding(path))
            path = os.path.dirname(path)

    def idle(self) -> Iterator[tuple[Settings, str, PathPattern]]:
        """Yield the patterns that somebody has written and that left out nothing, with their keys or options.

        What git would ignore is not there yet, or not on this machine; what is there may be no Python file.
        """
        told: set[PathPattern] = set()
        for settings in self._walked_with.values():
            for key, pattern in settings.own_exclusions:
                if pattern not in self._used and pattern not in told and not self._may_come(pattern):
                    told.add(pattern)
                    yield settings, key, pattern

    def _may_come(self, pattern: PathPattern) -> bool:
        path = os.path.join(pattern.root, pattern.text.removeprefix("./").strip("/"))
        if os.path.lexists(path):
            return True
        while path_below(path, pattern.root):
            if self._ignores.cover(path, is_folder=True):
                return True
            path = os.path.dirname(path)
        return False

    def settings_for(self, folder: str) -> Settings | None:
        """Return the settings of *folder* (absolute), or None where its configuration is broken: that is noted."""
        try:
            return self._settings_for(folder)
        except ConfigError as error:
            if error not in self.broken:
                self.broken.append(error)
            return None

    def iter_folder(self, place: _Place) -> Iterator[_Place]:
        """Yield the files in a folder and, after them, those below it."""
        pending = [(place, False)]
        while pending:
            (shown, absolute, real), is_ignored = pending.pop()
            try:
                with os.scandir(absolute) as entries:
                    ordered = sorted(entries, key=lambda entry: entry.name)
            except OSError as error:
                message = "no permission to read the folder: grant it, or leave the folder out with `extend-exclude`"
                if not isinstance(error, PermissionError):
                    message = f"cannot read the folder: {error.strerror or error}"
                self.problems.append(FileProblem(shown or ".", message))
                continue
            settings = self.settings_for(absolute)
            if settings is None:
                continue
            self._walked_with[settings.path] = settings
            folders: list[tuple[_Place, bool]] = []
            for entry in ordered:
                is_folder = entry.is_dir(follow_symlinks=False)
                if not is_folder and not _is_python_file(entry):
                    continue
                shown_child = os.path.join(shown, entry.name)
                if settings.is_excluded(entry.path):
                    self._used.update(settings.excluding(entry.path))
                    self.left_out.append(LeftOut(shown_child, entry.path, BY_EXCLUDE))
                    continue
                # In an ignored folder, where the walk is for the sake of tracked files, git ignores all others.
                ignored = settings.respect_gitignore and (is_ignored or self._ignores.cover(entry.path, is_folder))
                if ignored and not self._tracked.have(entry.path):
                    self.left_out.append(LeftOut(shown_child, entry.path, BY_GIT))
                    continue
                real_child = _real_path(entry.path) if entry.is_symlink() else os.path.join(real, entry.name)
                child = _Place(shown_child, entry.path, real_child)
                if is_folder:
                    folders.append((child, ignored))
                else:
                    yield child
            pending.extend(reversed(folders))


def _is_python_file(entry: os.DirEntry[str]) -> bool:
    """Whether a folder's entry is a file for us: not a named pipe called x.py, nor an editor's lock `.#x.py`.

    A link that leads nowhere is taken, so that it is reported and not skipped in silence.
    """
    if not entry.name.endswith(".py") or entry.name.startswith(".#"):
        return False
    try:
        return entry.is_file() or (entry.is_symlink() and not os.path.exists(entry.path))
    except OSError:
        # A link loop: reading the file will say so.
        return True


class _IgnoreFiles:
    """The .gitignore files above each folder, up to the root of its repository, and that one's .git/info/exclude.

    Outside a repository all .gitignore files above count. A user's global git settings do not: results must not
    depend on the machine.
    """

    def __init__(self) -> None:
        self._by_folder: dict[str, tuple[tuple[str, GitIgnoreSpec], ...]] = {}

    def cover(self, path: str, is_folder: bool) -> bool:
        """Whether git would ignore *path* (absolute) for its own sake, unless it tracks it.

        The deepest pattern that matches decides.
        """
        folder = os.path.dirname(path)
        for base, spec in self._specs(folder):
            below = path[len(base) :].replace(os.sep, "/")
            verdict = spec.check_file(below + "/" if is_folder else below).include
            if verdict is None:
                continue
            # A match of the folder itself counts for nothing here: then the user has named it, or something below it.
            inside = folder[len(base) :].replace(os.sep, "/")
            return verdict and not (inside and spec.check_file(inside + "/").include)
        return False

    def _specs(self, folder: str) -> tuple[tuple[str, GitIgnoreSpec], ...]:
        """Return (folder with a separator at its end, patterns) for *folder* and those above it, deepest first."""
        known = self._by_folder.get(folder)
        if known is not None:
            return known
        base = folder if folder.endswith(os.sep) else folder + os.sep
        specs = self._read(base, ".gitignore")
        parent = os.path.dirname(folder)
        if os.path.lexists(base + ".git"):
            specs += self._read(base, os.path.join(".git", "info", "exclude"))
        elif parent != folder:
            specs += self._specs(parent)
        self._by_folder[folder] = specs
        return specs

    @staticmethod
    def _read(base: str, name: str) -> tuple[tuple[str, GitIgnoreSpec], ...]:
        try:
            with open(base + name, encoding="utf-8", errors="surrogateescape") as file:  # noqa: PTH123
                lines = file.read().splitlines()
        except OSError:
            return ()
        # Imported here because a tree without .gitignore files needs no patterns, and starts faster without them.
        from pathspec import GitIgnoreSpec

        try:
            return ((base, GitIgnoreSpec.from_lines(lines)),)
        except ValueError:
            # git passes over a line that is no pattern, and so do we.
            return ((base, GitIgnoreSpec.from_lines(line for line in lines if _is_pattern(line))),)


def _is_pattern(line: str) -> bool:
    from pathspec import GitIgnoreSpec

    try:
        GitIgnoreSpec.from_lines([line])
    except ValueError:
        return False
    return True


def _without_dot(path: str) -> str:
    """Return *path* as it shall be shown: `./a/b.py` is `a/b.py`, and `.` an empty prefix."""
    while path.startswith("." + os.sep):
        path = path[2:].lstrip(os.sep)
    return "" if path == "." else path


def check_files(
    tasks: Sequence[FileTask], jobs: int | None = None, progress: Progress | None = None
) -> tuple[FileResult, ...]:
    """Return the result of each task, in their order; *jobs* is the number of processes, one per core by default.

    *progress* is told how many are done.
    """
    sizes = [_size_of(task.path) for task in tasks]
    jobs = min(jobs or os.cpu_count() or 1, len(tasks))
    if jobs <= 1 or sum(sizes) < _SMALL_RUN_BYTES:
        return _check_here(tasks, progress)
    try:
        return _Pool(tasks, progress).run(build_chunks(sizes, jobs * _CHUNKS_PER_JOB), jobs)
    except (ImportError, NotImplementedError, OSError):
        # Some sandboxes allow no further processes, or no semaphores.
        return _check_here(tasks, progress)


def _check_here(tasks: Sequence[FileTask], progress: Progress | None) -> tuple[FileResult, ...]:
    projects = Projects()
    before = gc.get_threshold()
    gc.set_threshold(*_SELDOM)
    try:
        with progress.ticking() if progress else nullcontext():
            return with_room(lambda: tuple(_check_all(tasks, projects, progress.reach if progress else None)))
    finally:
        gc.set_threshold(*before)


def _check_all(
    tasks: Iterable[FileTask], projects: Projects, reached: Callable[[int], None] | None
) -> Iterator[FileResult]:
    for number, task in enumerate(tasks, start=1):
        yield check_file(task, projects)
        if reached is not None:
            reached(number)


def check_file(task: FileTask, projects: Projects | None = None) -> FileResult:
    """Read and check one file; *projects* is what the files of a run share.

    Never raises but for an interrupt: a crash becomes the file's problem.
    """
    source = read_source(task.path)
    if isinstance(source, FileProblem):
        return FileResult(task.path, problem=source)
    return check_source_safely(source, task.options, projects)


def check_source_safely(source: SourceFile, options: EngineOptions, projects: Projects | None = None) -> FileResult:
    """Return what the engine says about *source*; a crash of lintdb becomes the file's problem."""
    # Imported here, so that nothing of the engine is loaded before there is a file to check.
    from lintdb import engine

    try:
        return engine.check_source(source, options, projects)
    except Exception as error:  # noqa: BLE001 - one bad file must not keep the others from being checked
        if os.environ.get("LINTDB_DEBUG"):
            traceback.print_exc(_TRACED, file=sys.stderr)
        message = f"{type(error).__name__}: {error}"
        problem = FileProblem(source.path, message, is_crash=True)
        if ran_out_of_room(error):
            from lintdb.syntax.refusal import describe_overflow

            problem = describe_overflow(source) or problem
        return FileResult(source.path, problem=problem)


def build_chunks(sizes: Sequence[int], count: int) -> list[range]:
    """Cut the files with these *sizes* into about *count* runs of neighbours with about equal sums."""
    # Opening even an empty file costs something.
    weights = [size + 1 for size in sizes]
    target = -(-sum(weights) // count)
    chunks: list[range] = []
    start = filled = 0
    for index, weight in enumerate(weights):
        if filled and filled + weight > target:
            chunks.append(range(start, index))
            start, filled = index, 0
        filled += weight
    if filled:
        chunks.append(range(start, len(weights)))
    return chunks


class _Pool:
    """Checks chunks of files in processes, one chunk a process at a time, so that a death has few suspects."""

    def __init__(self, tasks: Sequence[FileTask], progress: Progress | None) -> None:
        self._tasks = tasks
        self._progress = progress
        # Chunks are few, and take long. No lock: a process that dies would keep it.
        self._reports = _new_reports(len(tasks)) if progress is not None else None
        self._results: dict[int, FileResult] = {}

    def run(self, chunks: Sequence[range], jobs: int) -> tuple[FileResult, ...]:
        waiting = list(reversed(chunks))
        suspects: list[range] = []
        while waiting:
            suspects += self._run_until_death(waiting, jobs)
        # One process and one file at a time: now whoever is in hand when the process dies is guilty.
        waiting = [range(index, index + 1) for chunk in reversed(suspects) for index in reversed(chunk)]
        while waiting:
            for guilty in self._run_until_death(waiting, jobs=1):
                path = self._tasks[guilty.start].path
                problem = FileProblem(path, "the process that checked this file died", is_crash=True)
                self._results[guilty.start] = FileResult(path, problem=problem)
        return tuple(self._results[index] for index in range(len(self._tasks)))

    def _run_until_death(self, waiting: list[range], jobs: int) -> list[range]:
        """Take chunks off the end of *waiting* and check them; return those in hand when a process died, if one did."""
        from concurrent.futures.process import BrokenProcessPool, ProcessPoolExecutor

        executor = ProcessPoolExecutor(min(jobs, len(waiting)), initializer=_prepare_worker, initargs=(self._reports,))
        in_hand: dict[Future[list[FileResult]], range] = {}
        lost: list[range] = []
        try:
            while (waiting or in_hand) and not lost:
                while waiting and len(in_hand) < jobs:
                    chunk = waiting.pop()
                    in_hand[executor.submit(_check_chunk, self._tasks[chunk.start : chunk.stop], chunk.start)] = chunk
                done = self._wait(in_hand)
                for future in done:
                    chunk = in_hand.pop(future)
                    try:
                        self._results.update(zip(chunk, future.result(), strict=True))
                    except BrokenProcessPool:
                        lost.append(chunk)
            return lost + list(in_hand.values())
        except BrokenProcessPool:
            # Raised by submit(): the process died between two chunks; all that is in hand is lost with it.
            return [*lost, chunk, *in_hand.values()]
        except BaseException:
            _stop(executor)
            raise
        finally:
            executor.shutdown(wait=True, cancel_futures=True)

    def _wait(self, in_hand: Iterable[Future[list[FileResult]]]) -> set[Future[list[FileResult]]]:
        """Wait until a chunk is done, and tell meanwhile how far all of them are."""
        if self._progress is None or self._reports is None:
            return wait(in_hand, return_when=FIRST_COMPLETED).done
        done: set[Future[list[FileResult]]] = set()
        while not done:
            done = wait(in_hand, _TELL_SECONDS, return_when=FIRST_COMPLETED).done
            self._progress.reach(bytes(self._reports).count(1))
        return done


def _stop(executor: ProcessPoolExecutor) -> None:
    """End the workers at once: after an interrupt nobody waits for their chunks."""
    for process in list((executor._processes or {}).values()):  # noqa: SLF001 - no public way before Python 3.14
        process.terminate()


def _new_reports(count: int) -> Array[c_byte]:
    # Most runs need no processes, and start faster without this.
    from multiprocessing.sharedctypes import RawArray

    reports: Array[c_byte] = RawArray("b", count)
    return reports


_reports: list[Array[c_byte]] = []
"""In a worker: a byte for each file of the run, set once it is checked; empty if nobody wants to know."""


def _prepare_worker(reports: Array[c_byte] | None) -> None:
    if reports is not None:
        _reports.append(reports)
    # Ctrl-C reaches the whole group of processes. Workers just end; the parent does the talking.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    gc.set_threshold(*_SELDOM)


@functools.cache
def _shared() -> Projects:
    """What all chunks of one worker process share; the process ends with the run."""
    return Projects()


def _check_chunk(tasks: Sequence[FileTask], start: int) -> list[FileResult]:
    """Check files in a worker; *start* is the place of the first of them in the run."""

    def report(number: int) -> None:
        for each in _reports:
            each[start + number - 1] = 1

    return with_room(lambda: list(_check_all(tasks, _shared(), report)))


def _size_of(path: str) -> int:
    try:
        return os.path.getsize(path)
    except OSError:
        return 0
