"""The `lintdb` command.

Exit codes: 0 clean, 1 findings, 2 lintdb could not do its job: bad usage or configuration, a file that cannot be read
or parsed, a crash. 130 after Ctrl-C. No traceback reaches a user unless LINTDB_DEBUG is set.

The engine is imported inside the commands that need it: `lintdb --help` and completion must stay instant.
"""

from __future__ import annotations

import os
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from lintdb import __version__
from lintdb.config import (
    OUTPUT_FORMATS,
    ConfigError,
    ConfigFinder,
    Overrides,
    PathPattern,
    PerFileIgnore,
    Settings,
    driver_called,
    enabled_codes,
    enabled_codes_for,
    is_version,
)
from lintdb.finding import Confidence, FileProblem, FileResult, Finding, Severity, Span
from lintdb.selection import check_selector, did_you_mean

if TYPE_CHECKING:
    from lintdb.engine import EngineOptions
    from lintdb.rules.base import RuleMeta
    from lintdb.source import SourceFile

CLEAN, FINDINGS, FAILED, INTERRUPTED = 0, 1, 2, 130
UNPARSABLE_FILE = "LDB002"
_STDIN = "-"
_STDIN_NAME = "<stdin>"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with *argv* (by default the program's own) and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character gets an escape instead of an encoding error.
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="backslashreplace")
    try:
        code = cli.main(args=argv, prog_name="lintdb", standalone_mode=False)
    except click.exceptions.Abort:
        return INTERRUPTED
    except click.ClickException as error:
        error.show()
        return FAILED
    except ConfigError as error:
        return _fail(str(error))
    except Exception as error:  # noqa: BLE001 - the last place to turn a crash into a message
        _report_crash(error)
        return FAILED
    return code if isinstance(code, int) else CLEAN


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="lintdb", message="%(prog)s %(version)s")
def cli() -> None:
    """Find database resources that Python code misuses: left open, never given back, waited on forever.

    Exit codes: 0 clean, 1 findings, 2 lintdb could not do its job.
    """


def _split_list(_context: click.Context, _parameter: click.Parameter, values: Sequence[str]) -> tuple[str, ...] | None:
    """Return the words of a repeatable option whose values may be lists with commas; None if it was not given."""
    return tuple(word for value in values for word in re.split(r"[,\s]+", value) if word) if values else None


def _list_option(name: str, metavar: str, description: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    return click.option(name, multiple=True, callback=_split_list, metavar=metavar, help=description)


def _settings_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that change settings; `_ConfigOptions` takes them."""
    options = (
        _list_option("--select", "RULES", "Rules to run: codes, prefixes of codes (LDB1), names, or ALL."),
        _list_option("--ignore", "RULES", "Rules not to run."),
        _list_option("--extend-select", "RULES", "Rules to run besides those selected or on by default."),
        click.option(
            "--per-file-ignores", multiple=True, metavar="PATTERN:RULES", help="Rules not to run in some files."
        ),
        _list_option("--exclude", "PATTERNS", "Files and folders to leave out, instead of the `exclude` setting."),
        _list_option("--extend-exclude", "PATTERNS", "Files and folders to leave out besides those."),
        click.option(
            "--min-confidence",
            type=click.Choice([confidence.label for confidence in Confidence]),
            help="Leave out findings that are less sure.  [default: medium]",
        ),
        click.option(
            "--target-version",
            "target_versions",
            multiple=True,
            metavar="LIBRARY=VERSION",
            help="Version of a database library to assume, for example psycopg=3.2.",
        ),
        click.option(
            "--follow-imports/--no-follow-imports",
            default=None,
            help="Follow what a file uses of other files of its project.  [default: follow]",
        ),
        click.option(
            "--config",
            type=click.Path(exists=True, dir_okay=False),
            help="Use this configuration file for all files.",
        ),
        click.option("--isolated", is_flag=True, help="Use no configuration file."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@dataclass(frozen=True)
class _ConfigOptions:
    """The options of `_settings_options` as they were given."""

    select: tuple[str, ...] | None
    ignore: tuple[str, ...] | None
    extend_select: tuple[str, ...] | None
    per_file_ignores: tuple[str, ...]
    exclude: tuple[str, ...] | None
    extend_exclude: tuple[str, ...] | None
    min_confidence: str | None
    target_versions: tuple[str, ...]
    follow_imports: bool | None
    config: str | None
    isolated: bool

    def build_finder(
        self, metas: Sequence[RuleMeta], *, jobs: int | None = None, output_format: str | None = None
    ) -> ConfigFinder:
        """Return the finder for these options; raises ConfigError, with the option as the key."""
        if self.config is not None and self.isolated:
            raise click.UsageError("--config and --isolated contradict each other")
        for option, selectors in (
            ("--select", self.select),
            ("--ignore", self.ignore),
            ("--extend-select", self.extend_select),
        ):
            _check_selectors(option, selectors or (), metas)
        root = str(Path.cwd())
        overrides = Overrides(
            select=self.select,
            ignore=self.ignore or (),
            extend_select=self.extend_select or (),
            per_file_ignores=tuple(_parse_per_file_ignore(text, root, metas) for text in self.per_file_ignores),
            exclude=None if self.exclude is None else tuple(PathPattern(text, root) for text in self.exclude),
            extend_exclude=tuple(PathPattern(text, root) for text in self.extend_exclude or ()),
            min_confidence=None if self.min_confidence is None else Confidence.parse(self.min_confidence),
            output_format=output_format,
            target_version=dict(_parse_target_version(text) for text in self.target_versions),
            follow_imports=self.follow_imports,
            jobs=jobs,
        )
        return ConfigFinder(metas, overrides=overrides, isolated=self.isolated, config=self.config)


@cli.command("check")
@click.argument("paths", nargs=-1)
@_settings_options
@click.option("--output-format", type=click.Choice(OUTPUT_FORMATS), help="[default: full on a terminal, else concise]")
@click.option("--output-file", type=click.Path(dir_okay=False), help="Write the findings there.")
@click.option("--statistics", is_flag=True, help="Count the findings of each rule.")
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
    finder = _ConfigOptions(**config_options).build_finder(metas, jobs=jobs, output_format=output_format)
    check = _Check(metas, finder)
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
        check.run(paths or (".",), force_exclude=force_exclude)

    shown_format = finder.for_run().output_format
    if shown_format is None:
        shown_format = "full" if output_file is None and _is_terminal(sys.stdout) else "concise"
    if not _write_report(check, shown_format, output_file, statistics=statistics):
        return FAILED
    if check.has_problem:
        return FAILED
    return FINDINGS if check.findings and not exit_zero else CLEAN


class _Check:
    """One run of `lintdb check`: what it found, and what it could not check."""

    def __init__(self, metas: Sequence[RuleMeta], finder: ConfigFinder) -> None:
        self.metas = metas
        self.findings: tuple[Finding, ...] = ()
        self.problems: tuple[FileProblem, ...] = ()
        self.checked = 0
        self.has_problem = False
        self._finder = finder
        self._enabled: dict[int, frozenset[str]] = {}
        self._options: dict[tuple[int, frozenset[str]], EngineOptions] = {}
        self._sources: dict[str, SourceFile] = {}

    def run(self, paths: Iterable[str], *, force_exclude: bool) -> None:
        """Check all files under *paths*."""
        from lintdb.files import FileTask, check_files, find_files

        found = find_files(paths, self._finder.for_folder, force_exclude=force_exclude)
        tasks = [FileTask(path, self._options_for(path)) for path in found.files]
        results = check_files(tasks, self._finder.for_run().jobs)
        self._take([*results, *(FileResult(problem.path, problem=problem) for problem in found.problems)])
        if not tasks and not found.problems:
            _note("warning: no Python files found")

    def run_on_stdin(self, name: str | None, *, force_exclude: bool) -> None:
        """Check standard input as if it were the file *name*."""
        from lintdb.files import check_source_safely
        from lintdb.source import decode_source

        shown = name or _STDIN_NAME
        absolute = _absolute(shown)
        if force_exclude and self._finder.for_file(absolute).is_below_excluded(absolute):
            return
        source = decode_source(shown, sys.stdin.buffer.read())
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

    def _options_for(self, path: str) -> EngineOptions:
        from lintdb.engine import EngineOptions

        settings, codes = self._settings_and_codes(path)
        key = (id(settings), codes)
        if key not in self._options:
            self._options[key] = EngineOptions.from_settings(settings, codes, use_pins=not self._finder.is_isolated)
        return self._options[key]

    def _settings_and_codes(self, path: str) -> tuple[Settings, frozenset[str]]:
        absolute = _absolute(path)
        settings = self._finder.for_file(absolute)
        if settings.per_file_ignores:
            return settings, enabled_codes_for(settings, absolute, self.metas)
        # The finder keeps its settings as long as it lives, so that their identity is a key.
        if id(settings) not in self._enabled:
            self._enabled[id(settings)] = enabled_codes(settings, self.metas)
        return settings, self._enabled[id(settings)]

    def _take(self, results: Iterable[FileResult]) -> None:
        findings: list[Finding] = []
        problems: list[FileProblem] = []
        for result in results:
            findings += result.findings
            if result.problem is None:
                self.checked += 1
                continue
            self.has_problem = True
            if not result.problem.is_crash and UNPARSABLE_FILE in self._settings_and_codes(result.path)[1]:
                findings.append(_unparsable(result.problem, self.metas))
            else:
                problems.append(result.problem)
        self.findings = tuple(sorted(findings, key=lambda finding: finding.sort_key))
        self.problems = tuple(problems)


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


def _write_report(check: _Check, output_format: str, output_file: str | None, *, statistics: bool) -> bool:
    """Write what *check* found, and tell of problems on standard error; False if the file cannot be written."""
    from lintdb.reporters import TEXT_FORMATS, render, text

    report = render(
        output_format,
        check.findings,
        check.metas,
        problems=check.problems,
        lines_of=check.lines_of,
        color=output_file is None and _wants_color(sys.stdout),
    )
    is_text = output_format in TEXT_FORMATS
    if statistics and is_text:
        report += text.render_statistics(check.findings)
    if output_file is None:
        _write(report)
    else:
        try:
            Path(output_file).write_text(report, encoding="utf-8", errors="backslashreplace")
        except OSError as error:
            _fail(f"cannot write {output_file}: {error.strerror or error}")
            return False
    for problem in check.problems:
        _note(_describe_problem(problem))
    if statistics and not is_text:
        # A machine reads standard output: statistics would spoil it.
        _note(text.render_statistics(check.findings).rstrip("\n"))
    if is_text and (check.checked or check.has_problem):
        _note(_summary(check))
    return True


def _describe_problem(problem: FileProblem) -> str:
    from lintdb.reporters.text import printable

    place = ":".join(str(part) for part in (printable(problem.path), problem.line, problem.column) if part)
    if not problem.is_crash:
        return f"{place}: {printable(problem.message)}"
    return f"{place}: lintdb crashed on this file: {printable(problem.message)}\n{_BUG}"


def _summary(check: _Check) -> str:
    failed = {problem.path for problem in check.problems}
    failed |= {finding.path for finding in check.findings if finding.code == UNPARSABLE_FILE}
    checked = f"checked {_count(check.checked, 'file')}"
    if failed:
        checked += f", could not check {_count(len(failed), 'file')}"
    if check.findings:
        files = len({finding.path for finding in check.findings})
        return f"Found {_count(len(check.findings), 'finding')} in {_count(files, 'file')} ({checked})"
    return f"No findings, but not all was checked: {checked}" if check.has_problem else f"All clean: {checked}"


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


@cli.command("rule")
@click.argument("code_or_name")
def rule_command(code_or_name: str) -> int:
    """Explain one rule: its page of the rule book. The start of a code (LDB1) lists the rules that begin so."""
    from lintdb.rulebook import find_page
    from lintdb.rules.registry import all_metas

    wanted = code_or_name.lower()
    metas = all_metas()
    meta = next((meta for meta in metas if wanted in {meta.code.lower(), meta.name}), None)
    if meta is None:
        family = [meta for meta in metas if wanted.startswith("ldb") and meta.code.lower().startswith(wanted)]
        if family:
            _write(_list_rules(family))
            return CLEAN
        known = [text for meta in metas for text in (meta.code, meta.name)]
        # What is like the start of a code that no rule has would be a guess.
        cure = "" if re.fullmatch(r"ldb\d{0,2}", wanted) else did_you_mean(code_or_name, known)
        return _fail(f"no rule is called {code_or_name!r}{cure}")
    try:
        page = find_page(meta.code)
    except LookupError:
        page = f"# {meta.code}: {meta.name}\n\n{meta.summary}\n\n{meta.help}\n"
    _write(page.rstrip("\n") + "\n")
    return CLEAN


@cli.command("rules")
@click.option("--output-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
def rules_command(output_format: str) -> int:
    """List all rules."""
    from lintdb.rules.registry import all_metas

    metas = all_metas()
    if output_format == "json":
        _write(_rules_as_json(metas))
        return CLEAN
    _write(_list_rules(metas))
    return CLEAN


def _list_rules(metas: Sequence[RuleMeta]) -> str:
    width = max((len(meta.name) for meta in metas), default=0)
    return "".join(
        f"{meta.code}  {meta.name:<{width}}  {'on' if meta.default else 'off':<3}  {meta.severity.value:<7}"
        f"  {meta.summary}\n"
        for meta in metas
    )


def _rules_as_json(metas: Iterable[RuleMeta]) -> str:
    import json

    rules = [
        {
            "code": meta.code,
            "name": meta.name,
            "summary": meta.summary,
            "severity": meta.severity.value,
            "default": meta.default,
            "help": meta.help,
            "since": meta.since,
        }
        for meta in metas
    ]
    return json.dumps(rules, indent=2) + "\n"


@cli.command("drivers")
@click.argument("name", required=False, metavar="[NAME[=VERSION]]")
@click.option("--check", "file", type=click.Path(exists=True, dir_okay=False), help="Check a driver model of your own.")
@click.option("--schema", is_flag=True, help="Print the JSON Schema of driver models, for editors.")
@click.option("--config", type=click.Path(exists=True, dir_okay=False), help="Take own models from this file.")
@click.option("--isolated", is_flag=True, help="Use no configuration file.")
def drivers_command(*, name: str | None, file: str | None, schema: bool, config: str | None, isolated: bool) -> int:
    """List the database libraries that lintdb knows, or what it knows about one. Models of your own are among them."""
    from lintdb.drivers import catalog
    from lintdb.rules.registry import all_metas

    if [name is not None, file is not None, schema].count(True) > 1:
        raise click.UsageError("NAME, --check and --schema exclude each other")
    if file is not None:
        return _check_model(file)
    if schema:
        _write(catalog.json_schema())
        return CLEAN
    if config is not None and isolated:
        raise click.UsageError("--config and --isolated contradict each other")
    own = ConfigFinder(all_metas(), isolated=isolated, config=config).for_run().own_models
    library, _, version = (name or "").partition("=")
    version = version.removeprefix("=")
    if version and not is_version(version):
        raise ConfigError(f"{version!r} is not a version, such as 2.9")
    try:
        text = catalog.describe(library, version or None, own) if name is not None else catalog.describe_all(own)
    except LookupError as error:
        return _fail(str(error.args[0]) if error.args else f"no driver is called {library!r}")
    _write(text.rstrip("\n") + "\n")
    return CLEAN


def _check_model(file: str) -> int:
    from lintdb.drivers import catalog
    from lintdb.drivers.model import ModelError

    try:
        model = catalog.read_own_file(file)
    except ModelError as error:
        return _fail(str(error))
    driver = catalog.load_driver(model.name, None, (model,))
    counts = f"{_count(len(driver.kinds), 'kind')}, {_count(len(driver.functions), 'function')}"
    _write(f"{file}: the model of `{model.name}` is right ({counts})\n")
    return CLEAN


@cli.command("config")
@click.argument("path", default=".")
@_settings_options
def config_command(path: str, **config_options: Any) -> int:
    """Print the settings that hold for PATH, the library versions pinned around it, and the rules that are on there."""
    from lintdb.rules.registry import all_metas

    metas = all_metas()
    finder = _ConfigOptions(**config_options).build_finder(metas)
    absolute = _absolute(path)
    is_folder = Path(absolute).is_dir()
    settings = finder.for_folder(absolute) if is_folder else finder.for_file(absolute)
    pins = [] if finder.is_isolated else _render_pins(Path(absolute) if is_folder else Path(absolute).parent, settings)
    _write(_render_settings(settings, sorted(enabled_codes_for(settings, absolute, metas)), pins))
    return CLEAN


def _render_pins(folder: Path, settings: Settings) -> list[str]:
    """Return comments about the library versions that files around *folder* pin, and about those that say nothing."""
    from lintdb.drivers.pins import read_pins
    from lintdb.reporters.text import printable

    pins = read_pins(folder)
    lines = [f"# {printable(warning)}" for warning in pins.warnings]
    if not pins.versions:
        return [
            *lines,
            "# no library versions are pinned: the newest known ones count, but for those in target-version",
        ]
    lines.append("# library versions that the project pins; for all others the newest known one counts")
    for driver, version in sorted(pins.versions.items()):
        beaten = ", but target-version counts" if driver in settings.target_version else ""
        lines.append(f"#   {driver} {version} ({printable(str(pins.sources[driver]))}{beaten})")
    return lines


def _render_settings(settings: Settings, codes: Sequence[str], pins: Sequence[str]) -> str:
    overrides = settings.overrides
    lines = [f"# from {settings.path}" if settings.path else "# no configuration file: these are the defaults"]
    select = settings.select if overrides.select is None else overrides.select
    if select is not None:
        lines.append(f"select = {_toml_list(select)}")
    is_replaced = overrides.select is not None
    lines += [
        f"extend-select = {_toml_list((*(() if is_replaced else settings.extend_select), *overrides.extend_select))}",
        f"ignore = {_toml_list((*(() if is_replaced else settings.ignore), *overrides.ignore))}",
        f"exclude = {_toml_list(pattern.text for pattern in settings.exclude)}",
        f"extend-exclude = {_toml_list(pattern.text for pattern in settings.extend_exclude)}",
        f"min-confidence = {_toml_string(settings.min_confidence.label)}",
        f"strict-cursors = {str(settings.strict_cursors).lower()}",
        f"follow-imports = {str(settings.follow_imports).lower()}",
        f"respect-gitignore = {str(settings.respect_gitignore).lower()}",
    ]
    if settings.output_format is not None:
        lines.append(f"output-format = {_toml_string(settings.output_format)}")
    if settings.jobs is not None:
        lines.append(f"jobs = {settings.jobs}")
    lines += _toml_table("target-version", {name: _toml_string(text) for name, text in settings.target_version.items()})
    ignores = {entry.pattern.text: _toml_list(entry.selectors) for entry in settings.per_file_ignores}
    lines += _toml_table("per-file-ignores", ignores)
    lines += ["", *pins, f"# {_count(len(codes), 'rule')} on: {', '.join(codes)}"]
    return "\n".join(lines) + "\n"


def _toml_table(name: str, entries: Mapping[str, str]) -> list[str]:
    return [f"[{name}]", *(f"{_toml_string(key)} = {value}" for key, value in entries.items())] if entries else []


def _toml_list(values: Iterable[str]) -> str:
    return "[" + ", ".join(map(_toml_string, values)) + "]"


def _toml_string(text: str) -> str:
    import json

    # The escapes of JSON are a part of those of TOML.
    return json.dumps(text)


@cli.group("debug")
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
        return _fail(str(error.args[0]) if isinstance(error, LookupError) and error.args else str(error))
    _write(text.rstrip("\n") + "\n")
    return CLEAN


def _check_selectors(option: str, selectors: Iterable[str], metas: Sequence[RuleMeta]) -> None:
    for selector in selectors:
        if fault := check_selector(selector, metas):
            raise ConfigError(fault, key=option)


def _parse_per_file_ignore(text: str, root: str, metas: Sequence[RuleMeta]) -> PerFileIgnore:
    pattern, separator, codes = text.rpartition(":")
    selectors = tuple(word for word in re.split(r"[,\s]+", codes) if word)
    if not separator or not pattern.strip() or not selectors:
        raise ConfigError(f'{text!r} is not PATTERN:RULES, for example "tests/*:LDB1"', key="--per-file-ignores")
    _check_selectors("--per-file-ignores", selectors, metas)
    return PerFileIgnore(PathPattern(pattern.strip(), root), selectors)


def _parse_target_version(text: str) -> tuple[str, str]:
    library, _, version = (part.strip() for part in text.partition("="))
    if not library or not is_version(version):
        raise ConfigError(f"{text!r} is not LIBRARY=VERSION, for example psycopg=3.2", key="--target-version")
    try:
        return driver_called(library), version
    except ConfigError as error:
        raise ConfigError(error.message, key="--target-version") from error


def _absolute(path: str) -> str:
    """Return *path* made absolute and without `..`, links left alone: patterns are compared with what was typed."""
    return os.path.abspath(path)  # noqa: PTH100


def _wants_color(stream: TextIO) -> bool:
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (_is_terminal(stream) and os.environ.get("TERM") != "dumb")


def _is_terminal(stream: TextIO) -> bool:
    return stream.isatty()


def _write(text: str) -> None:
    """Write to standard output. A reader that has gone away (`lintdb check | head`) is no failure."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        # What is still buffered goes nowhere, or the interpreter would complain about it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _note(text: str) -> None:
    """Tell the user something on standard error."""
    if text:
        click.echo(text, err=True)


def _fail(message: str) -> int:
    _note(f"lintdb: error: {message}")
    return FAILED


_BUG = "This is a bug in lintdb, please report it. LINTDB_DEBUG=1 shows where it happened."


def _report_crash(error: Exception) -> None:
    _note(f"lintdb: error: {type(error).__name__}: {error}\n{_BUG}")
    if os.environ.get("LINTDB_DEBUG"):
        traceback.print_exception(error)
