"""`lintdb check`: files and folders are checked, findings reported."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from lintdb.commands.ignores import IgnoresInUse, idle_exclusion_warnings, stale_pattern_warning
from lintdb.commands.options import (
    ConfigOptions,
    absolute_path,
    is_file,
    is_folder,
    settings_options,
    shown_path,
    warn_of_versions,
)
from lintdb.commands.output import (
    CLEAN,
    FAILED,
    FINDINGS,
    count,
    describe_problem,
    fail,
    is_terminal,
    note,
    shows_progress,
    tell_warnings,
    wants_color,
    write,
)
from lintdb.config import ConfigError, ConfigFinder, current_folder
from lintdb.finding import Confidence, FileProblem, FileResult, Finding, Severity, Span
from lintdb.progress import watching
from lintdb.settings import OUTPUT_FORMATS, Settings, enabled_codes, enabled_codes_for, muted_codes_for

if TYPE_CHECKING:
    from lintdb.engine import EngineOptions
    from lintdb.rules.base import RuleMeta
    from lintdb.source import SourceFile

UNPARSABLE_FILE = "LDB002"
_STDIN = "-"
_STDIN_NAME = "<stdin>"


class _CheckCommand(click.Command):
    """A command whose report says so, too, where the command line or the configuration cannot be followed."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        given = list(args)
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            if not ctx.resilient_parsing:
                # What can be understood in spite of it says where the report belongs.
                known = self.make_context(
                    ctx.info_name, given, ctx.parent, resilient_parsing=True, ignore_unknown_options=True
                )
                _report_failure(error, known.params.get("output_format"), known.params.get("output_file"))
            raise

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (ConfigError, click.UsageError) as error:
            _report_failure(error, ctx.params["output_format"] or _configured_format(ctx), ctx.params["output_file"])
            raise


def _configured_format(ctx: click.Context) -> str | None:
    """Return the format that the configuration of the run names, if at least that can be understood."""
    from lintdb.rules.registry import all_metas

    try:
        finder = ConfigFinder(all_metas(), isolated=ctx.params["isolated"], config=ctx.params["config"])
        return finder.for_run().output_format
    except ConfigError as error:
        return error.output_format


def _report_failure(error: ConfigError | click.UsageError, output_format: str | None, output_file: str | None) -> None:
    """Write the report of a run that did not take place: data formats have no findings, and why, if they can say so."""
    from lintdb.reporters import TEXT_FORMATS, render
    from lintdb.rules.registry import all_metas

    if output_format is None or output_format in TEXT_FORMATS:
        return
    problem = _as_problem(error) if isinstance(error, ConfigError) else FileProblem("", error.format_message())
    report = render(output_format, (), all_metas(), problems=[problem], root=_root_of_paths())
    if _deliver(report, output_file) and output_file is not None:
        note(f"lintdb: note: {output_file} has no findings, because nothing was checked")


def _as_problem(error: ConfigError) -> FileProblem:
    message = f"`{error.key}`: {error.message}" if error.key else error.message
    return FileProblem(error.path or "", message, error.line)


@click.command("check", cls=_CheckCommand)
@click.argument("paths", nargs=-1)
@settings_options
@click.option(
    "--output-format",
    type=click.Choice(OUTPUT_FORMATS),
    help="How findings are written.  [default: full on a terminal, else concise]",
)
@click.option("--output-file", type=click.Path(dir_okay=False), help="Write the findings there.")
@click.option("--statistics", is_flag=True, help="Count the findings of each rule.")
@click.option(
    "--unused-ignores",
    is_flag=True,
    help="Report entries of `per-file-ignores` that silence nothing, too (LDB001).",
)
@click.option("--exit-zero", is_flag=True, help="Exit with 0 even if there are findings.")
@click.option(
    "--jobs", "-j", type=click.IntRange(min=1), metavar="N", help="Processes to use.  [default: one per core]"
)
@click.option("--stdin-filename", metavar="PATH", help="Read from standard input, as if it were this file.")
@click.option("--force-exclude", is_flag=True, help="Leave excluded files out even if they are named in PATHS.")
@click.option("--no-cache", is_flag=True, help="Accepted for scripts; lintdb keeps no cache yet.")
def check_command(
    *,
    paths: tuple[str, ...],
    output_format: str | None,
    output_file: str | None,
    statistics: bool,
    unused_ignores: bool,
    exit_zero: bool,
    jobs: int | None,
    stdin_filename: str | None,
    force_exclude: bool,
    no_cache: bool,  # noqa: ARG001 - nothing to switch off
    **config_options: Any,
) -> int:
    """Check files and folders (by default the current one; `-` reads from standard input)."""
    from lintdb.rules.registry import all_metas

    metas = all_metas()
    finder = ConfigOptions(**config_options).build_finder(metas, jobs=jobs, output_format=output_format)
    warn_of_versions(finder)
    check = Check(metas, finder, unused_ignores=unused_ignores)
    if stdin_filename is not None and not paths:
        # A name for standard input says that it is to be read.
        paths = (_STDIN,)
    if _STDIN in paths:
        if len(paths) > 1:
            raise click.UsageError("`-` (standard input) cannot be checked together with other paths")
        check.run_on_stdin(stdin_filename, force_exclude=force_exclude)
    elif stdin_filename is not None:
        raise click.UsageError("--stdin-filename names what is read when PATHS is `-`; it goes with no other path")
    else:
        is_watched = shows_progress(finder.for_run().output_format, output_file)
        check.run(paths or (".",), force_exclude=force_exclude, is_watched=is_watched)

    shown_format = finder.for_run().output_format
    if shown_format is None:
        shown_format = "full" if output_file is None and is_terminal(sys.stdout) else "concise"
    if not _write_report(check, shown_format, output_file, statistics=statistics):
        return FAILED
    if check.problems or check.faults:
        return FAILED
    return FINDINGS if check.findings and not exit_zero else CLEAN


class Check:
    """One run of `lintdb check`: what it found, and what it could not check.

    `problems` are all that kept files from being checked; `untold` are those of them that are no findings; `absent` are
    paths that lead nowhere, `broken` configurations that cannot be followed: nothing is checked where they hold.
    `warnings` are about files of the project that are read for the sake of others.
    """

    def __init__(self, metas: Sequence[RuleMeta], finder: ConfigFinder, *, unused_ignores: bool) -> None:
        self.metas = metas
        self.findings: tuple[Finding, ...] = ()
        self.problems: tuple[FileProblem, ...] = ()
        self.untold: tuple[FileProblem, ...] = ()
        self.absent: tuple[FileProblem, ...] = ()
        self.broken: tuple[FileProblem, ...] = ()
        self.warnings: tuple[FileProblem, ...] = ()
        self.checked = 0
        self._finder = finder
        self._unused_ignores = unused_ignores
        self._ignores = IgnoresInUse()
        self._enabled: dict[int, frozenset[str]] = {}
        self._options: dict[tuple[int, frozenset[str]], EngineOptions] = {}
        self._sources: dict[str, SourceFile] = {}

    @property
    def faults(self) -> tuple[FileProblem, ...]:
        """What kept the run from its job and is about no file that can be checked."""
        return (*self.absent, *self.broken)

    @property
    def with_ignores(self) -> tuple[Settings, ...]:
        """The settings of checked files whose configuration has entries in `per-file-ignores`."""
        return self._ignores.configurations

    def run(self, paths: Iterable[str], *, force_exclude: bool, is_watched: bool) -> None:
        """Check all files under *paths*; if somebody watches, standard error shows how far that has come.

        Raises ConfigError if the configuration of the run itself is broken.
        """
        from lintdb.files import FileTask, check_files, describe_left_out, find_files

        paths = tuple(paths)
        jobs = self._finder.for_run().jobs
        found = find_files(paths, self._finder.for_folder, force_exclude=force_exclude)
        # The walk has asked for the configurations of folders; those of files that are named show here.
        options = {path: self._options_or_error(path) for path in found.files}
        tasks = [FileTask(path, each) for path, each in options.items() if not isinstance(each, ConfigError)]
        broken = (*found.broken, *(each for each in options.values() if isinstance(each, ConfigError)))
        self.broken = tuple(_as_problem(error) for error in dict.fromkeys(broken))
        odd = {path for path in found.files if not path.endswith(".py") and is_file(path)}
        with watching(len(tasks), sys.stderr if is_watched else None) as progress:
            checked = check_files(tasks, jobs, progress)
        doubtful = {each.path for each in checked if each.path in odd and _is_doubtful(each)}
        results = [_with_doubt(each) if each.path in doubtful else each for each in checked]
        folders = [absolute_path(path) for path in paths if is_folder(path)]
        for result in results:
            absolute = absolute_path(result.path)
            self._ignores.silenced(self._finder.for_file(absolute), absolute, result.muted)
        stale = self._ignores.stale_findings(folders, self.metas) if self._unused_ignores else ()
        self._take([*results, *(FileResult(problem.path, problem=problem) for problem in found.problems)], stale)
        # Nobody knows what would be found in a text that is no Python: to say that it is clean would be wrong.
        self.checked -= len(doubtful)
        self.absent = found.absent
        if self._unused_ignores and self._ignores.is_in_vain(folders):
            note("warning: --unused-ignores judges a configuration only if its whole folder is checked")
        if not self._unused_ignores:
            for entry in self._ignores.stale_files(folders):
                note(entry.as_warning())
        for pattern in self._ignores.stale_patterns(folders):
            note(stale_pattern_warning(pattern))
        for warning in idle_exclusion_warnings(found.idle, folders) if not found.problems else ():
            note(warning)
        if not tasks and not found.problems and not self.faults:
            left_out = describe_left_out(found.left_out)
            note(f"warning: no Python files {'found' if left_out is None else f'but those that {left_out}'}")
        elif tasks and not any(task.options.codes for task in tasks):
            note("warning: no rule is on, so nothing is looked for")

    def run_on_stdin(self, name: str | None, *, force_exclude: bool) -> None:
        """Check standard input as if it were the file *name*."""
        from lintdb.files import check_source_safely
        from lintdb.source import decode_source

        shown = name or _STDIN_NAME
        absolute = absolute_path(shown)
        if force_exclude and self._finder.for_file(absolute).is_below_excluded(absolute):
            return
        source = decode_source(shown, _read_stdin())
        if isinstance(source, FileProblem):
            self._take([FileResult(shown, problem=source)])
            return
        self._sources[shown] = source
        self._take([check_source_safely(source, self._options_for(shown))])

    def lines_of(self, path: str) -> Sequence[str]:
        """Return the lines of a file for code frames; none if it has become unreadable."""
        from lintdb.source import read_source

        if path not in self._sources:
            source = read_source(path)
            if isinstance(source, FileProblem):
                return ()
            self._sources[path] = source
        return self._sources[path].lines

    def _options_or_error(self, path: str) -> EngineOptions | ConfigError:
        try:
            return self._options_for(path)
        except ConfigError as error:
            return error

    def _options_for(self, path: str) -> EngineOptions:
        from lintdb.engine import EngineOptions

        settings, codes = self._settings_and_codes(path)
        key = (id(settings), codes)
        if key not in self._options:
            muted = muted_codes_for(settings, absolute_path(path), self.metas)
            self._options[key] = EngineOptions.from_settings(
                settings, codes, muted, use_pins=not self._finder.is_isolated, tell_muted=self._unused_ignores
            )
        return self._options[key]

    def _settings_and_codes(self, path: str) -> tuple[Settings, frozenset[str]]:
        absolute = absolute_path(path)
        settings = self._finder.for_file(absolute)
        if settings.per_file_ignores:
            self._ignores.saw(settings, absolute)
            return settings, enabled_codes_for(settings, absolute, self.metas)
        # The finder keeps its settings as long as it lives, so that their identity is a key.
        if id(settings) not in self._enabled:
            self._enabled[id(settings)] = enabled_codes(settings, self.metas)
        return settings, self._enabled[id(settings)]

    def _tells_unparsable(self, path: str) -> bool:
        try:
            return UNPARSABLE_FILE in self._settings_and_codes(path)[1]
        except ConfigError:
            # A folder that was named, which cannot be read, where the configuration cannot be followed either.
            return False

    def _take(self, results: Sequence[FileResult], more: Iterable[Finding] = ()) -> None:
        """Take over what was found in files, and *more* that is about none of them."""
        findings: list[Finding] = list(more)
        problems: list[FileProblem] = []
        untold: list[FileProblem] = []
        for result in results:
            findings += result.findings
            if result.problem is None:
                self.checked += 1
                continue
            problems.append(result.problem)
            if not result.problem.is_crash and self._tells_unparsable(result.path):
                findings.append(_unparsable(result.problem, self.metas))
            else:
                untold.append(result.problem)
        self.findings = tuple(sorted(findings, key=lambda finding: finding.sort_key))
        self.problems, self.untold = tuple(problems), tuple(untold)
        told = dict.fromkeys((*self._finder.warnings, *(each for result in results for each in result.warnings)))
        self.warnings = tuple(replace(each, path=shown_path(each.path)) for each in sorted(told, key=_place_of))


def _read_stdin() -> bytes:
    # Python has no such stream where whoever started it has closed it.
    stream: TextIO | None = sys.stdin
    if stream is None:
        raise ConfigError("standard input is closed: there is nothing to read for `-`")
    try:
        return stream.buffer.read()
    except OSError as error:
        raise ConfigError(f"cannot read standard input: {error.strerror or error}") from error


def _is_doubtful(result: FileResult) -> bool:
    """Whether nothing is found because the file is no Python; what stands in it may even keep it from being read."""
    from lintdb.source import looks_like_python, read_source

    problem = result.problem
    if result.findings or (problem is not None and (problem.is_crash or not problem.line)):
        return False
    source = read_source(result.path)
    return (problem is not None or not isinstance(source, FileProblem)) and not looks_like_python(source)


def _with_doubt(result: FileResult) -> FileResult:
    doubt = FileProblem(result.path, "this does not look like Python, and lintdb checks nothing else")
    return replace(result, problem=None, warnings=(*result.warnings, doubt))


def _place_of(problem: FileProblem) -> tuple[str, int, str]:
    return problem.path, problem.line, problem.message


def _unparsable(problem: FileProblem, metas: Iterable[RuleMeta]) -> Finding:
    meta = next((meta for meta in metas if meta.code == UNPARSABLE_FILE), None)
    line, column = max(problem.line, 1), max(problem.column, 1)
    return Finding(
        path=problem.path,
        span=Span(line, column, line, column + 1),
        code=UNPARSABLE_FILE,
        name=meta.name if meta else "unparsable-file",
        message=problem.message,
        severity=meta.severity if meta else Severity.ERROR,
        confidence=Confidence.HIGH,
    )


def _write_report(check: Check, output_format: str, output_file: str | None, *, statistics: bool) -> bool:
    """Write what *check* found, and tell of problems on standard error; False if the file cannot be written."""
    from lintdb.reporters import TEXT_FORMATS, render, text

    report = render(
        output_format,
        check.findings,
        check.metas,
        problems=(*check.problems, *check.faults),
        warnings=check.warnings,
        lines_of=check.lines_of,
        color=output_file is None and wants_color(sys.stdout),
        root=_root_of_paths(),
    )
    is_text = output_format in TEXT_FORMATS
    if statistics and is_text:
        report += text.render_statistics(check.findings)
    if not _deliver(report, output_file):
        return False
    tell_warnings(check.warnings)
    for problem in check.untold:
        note(describe_problem(problem))
    for problem in check.faults:
        fail(describe_problem(problem))
    if statistics and not is_text:
        # A machine reads standard output: statistics would spoil it.
        note(text.render_statistics(check.findings).rstrip("\n"))
    if is_text and (check.checked or check.problems):
        note(_summary(check))
    return True


def _root_of_paths() -> str | None:
    from lintdb.repository import find_checkout

    try:
        return find_checkout(current_folder())
    except ConfigError:
        return None


def _deliver(report: str, output_file: str | None) -> bool:
    """Write a report where it belongs, over what may be there; False if that cannot be done."""
    if output_file is None:
        write(report)
        return True
    try:
        Path(output_file).write_text(report, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        fail(f"cannot write {output_file}: {error.strerror or error}")
        return False
    return True


def _summary(check: Check) -> str:
    checked = f"checked {count(check.checked, 'file')}"
    if check.problems:
        checked += f", could not check {count(len({problem.path for problem in check.problems}), 'file')}"
    if check.broken:
        checked += ", none where a configuration is broken"
    if check.findings:
        files = len({finding.path for finding in check.findings})
        return f"Found {count(len(check.findings), 'finding')} in {count(files, 'file')} ({checked})"
    if check.problems or check.faults:
        return f"No findings, but not all was checked: {checked}"
    return f"All clean: {checked}"
