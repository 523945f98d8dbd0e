"""The data path of one file: gate, parse, one walk, flow, rules, positions, findings, suppression.

libcst is imported only when a file has passed the gate.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lintdb import gate
from lintdb.finding import Confidence, FileProblem, FileResult, Finding, Resource, Span, Step
from lintdb.project.surroundings import Projects
from lintdb.room import with_room
from lintdb.source import SourceFile
from lintdb.suppress import apply_suppressions, may_silence

if TYPE_CHECKING:
    import libcst as cst

    from lintdb.drivers.catalog import Models, Own
    from lintdb.drivers.pins import Pins
    from lintdb.flow.program import Program
    from lintdb.flow.results import FunctionFlow
    from lintdb.rules.base import Opening, Report, Rule
    from lintdb.settings import Settings
    from lintdb.syntax.names import ClassInfo


class RuleCrash(Exception):
    """A rule or the flow engine failed on a file: a bug in lintdb. Says which rule and where."""


@dataclass(frozen=True)
class EngineOptions:
    """What one run asks of the engine.

    `target_versions` maps a driver to a library version; `use_pins` takes those that it does not name from the
    project's own requirement and lock files. `follow_imports`: what a file uses of other files of its project is
    followed there. `own_models` are the driver models that the project brings along. `muted` rules run, too, for the
    defects that they speak of instead of others, but what they find is not shown; with `tell_muted` all of them run,
    and the result says which of them have found something.
    """

    codes: frozenset[str]
    min_confidence: Confidence = Confidence.MEDIUM
    target_versions: Mapping[str, str] = field(default_factory=dict)
    strict_cursors: bool = False
    report_unused_suppressions: bool = True
    honor_noqa: bool = True
    use_pins: bool = False
    follow_imports: bool = True
    own_models: Own = ()
    muted: frozenset[str] = frozenset()
    tell_muted: bool = False

    @classmethod
    def from_settings(
        cls,
        settings: Settings,
        codes: frozenset[str],
        muted: frozenset[str] = frozenset(),
        *,
        honor_noqa: bool = True,
        use_pins: bool = True,
        tell_muted: bool = False,
    ) -> EngineOptions:
        """Return what a file's settings mean to the engine; *codes* are the rules to run on it."""
        return cls(
            codes=codes,
            min_confidence=settings.min_confidence,
            target_versions=dict(settings.target_version),
            strict_cursors=settings.strict_cursors,
            honor_noqa=honor_noqa,
            use_pins=use_pins,
            follow_imports=settings.follow_imports,
            own_models=settings.own_models,
            muted=muted,
            tell_muted=tell_muted,
        )

    @property
    def asked(self) -> frozenset[str]:
        """The codes whose findings are wanted, whether they are shown or counted."""
        return self.codes | self.muted if self.tell_muted else self.codes


@dataclass(frozen=True)
class Examined:
    """What the rules find in a file, at whatever confidence; *program* is None where no rule can speak of anything."""

    program: Program | None = None
    found: tuple[tuple[Rule, Report], ...] = ()
    warnings: tuple[FileProblem, ...] = ()


def check_source(source: SourceFile, options: EngineOptions, projects: Projects | None = None) -> FileResult:
    """Check one file; returns its findings, suppressed and sorted, or the problem that kept it from being checked.

    *projects* keeps what was found out about other files from one file of a run to the next. Raises `RuleCrash` where
    lintdb itself fails; callers that check many files turn that into a problem of the file.
    """
    examined = examine(source, options, projects)
    return examined if isinstance(examined, FileResult) else settle(source, examined, options)


def examine(source: SourceFile, options: EngineOptions, projects: Projects | None = None) -> Examined | FileResult:
    """Run the rules that *options* asks for over a file; a result where the file cannot be checked.

    What is found can be settled for these options and for any that differ from them in nothing but the confidence, or
    in that they select fewer rules.
    """
    own = options.own_models
    drivers = gate.mentioned(source.text, own)
    if projects is None:
        projects = Projects()
    # What stands on an application is reached without any import: `request.app.db`.
    may_concern = options.follow_imports and ("import" in source.text or "app" in source.text or "bot" in source.text)
    if not drivers and not (may_concern and projects.surroundings(own).concerns(source)):
        return Examined()
    # Only now: where most files have nothing to be followed, a thread for each would cost more than all else.
    return with_room(lambda: _follow(source, options, projects, drivers, may_concern=may_concern))


def settle(source: SourceFile, examined: Examined, options: EngineOptions) -> FileResult:
    """Return what of that which the rules have found is shown to whoever asks with these options."""
    program = examined.program
    reports = spoken(examined.found, options) if program is not None else []
    if not may_silence(source.text):
        # Nobody will ask about the others, and to find their places takes time.
        reports = [(rule, report) for rule, report in reports if report.confidence >= options.min_confidence]
    checked: list[Finding] = []
    if program is not None and reports:
        checked = with_room(lambda: to_findings(source, program, reports))
    kept = apply_suppressions(
        source,
        checked,
        options.codes,
        honor_noqa=options.honor_noqa,
        report_unused=options.report_unused_suppressions and "LDB001" in options.codes,
    )
    sure = [finding for finding in kept if finding.confidence >= options.min_confidence]
    shown = sorted((each for each in sure if each.code in options.codes), key=lambda finding: finding.sort_key)
    muted = frozenset(each.code for each in sure) - options.codes
    return FileResult(source.path, tuple(shown), muted=muted, warnings=examined.warnings)


def _follow(
    source: SourceFile, options: EngineOptions, projects: Projects, drivers: frozenset[str], *, may_concern: bool
) -> Examined | FileResult:
    from lintdb.drivers.catalog import load_models

    own = options.own_models
    versions = versions_for(source, options)
    warnings = _unknown_versions(source, options)
    models = load_models(drivers, versions, own)
    is_idle = drivers and not has_triggers(source, models)
    if is_idle and not (may_concern and projects.surroundings(own).concerns(source)):
        return Examined(warnings=warnings)
    program = open_program(source, versions, projects if options.follow_imports else None, own)
    if isinstance(program, FileProblem):
        return FileResult(source.path, problem=program, warnings=warnings)
    return Examined(program, tuple(find_reports(source, program, models, options)), warnings)


def versions_for(source: SourceFile, options: EngineOptions) -> dict[str, str]:
    """Return the library versions that hold for a file: those that are asked for, else those that are pinned.

    Where there is neither, what only works with old releases tells that the file is written for one of them.
    """
    from lintdb.drivers.told import told_versions
    from lintdb.syntax.refusal import parsed_by_python

    own = options.own_models
    versions = told_versions(gate.mentioned(source.text, own), source.text, parsed_by_python, own)
    if options.use_pins:
        versions |= _pinned(_folder_of(source)).versions
    return versions | dict(options.target_versions)


def _unknown_versions(source: SourceFile, options: EngineOptions) -> tuple[FileProblem, ...]:
    """Return what keeps lintdb from knowing the versions that a file's project pins."""
    return _pin_faults(_folder_of(source)) if options.use_pins else ()


def _folder_of(source: SourceFile) -> Path:
    return Path(os.path.abspath(source.path)).parent  # noqa: PTH100 (links are kept)


def _required(source: SourceFile, options: EngineOptions) -> frozenset[str]:
    """Return the libraries that a file's project asks for, in whichever version."""
    pinned = _pinned(_folder_of(source)).required if options.use_pins else frozenset()
    return pinned | options.target_versions.keys()


_IMPORT = re.compile(r"^[ \t]*(?:from[ \t]+[\w.]+[ \t]+)?import[ \t]+(?:\([^)]*\)|[^\n]*)", re.MULTILINE)


def has_triggers(source: SourceFile, models: Models) -> bool:
    """Whether a file that imports a library also uses something of it that a rule can speak of.

    Table definitions and type declarations are most of what imports an ORM; they are not worth the slower parser. A
    file that Python itself cannot parse is, so that its fault is reported.
    """
    from lintdb.syntax.refusal import is_sound

    text = _IMPORT.sub(lambda match: match.group() if " as " in match.group() else "", source.text)
    return models.triggers.search(text) is not None or not is_sound(source)


def open_program(
    source: SourceFile, versions: Mapping[str, str], projects: Projects | None, own: Own = ()
) -> Program | FileProblem:
    """Parse a file and return it ready to be followed; without *projects* no other file is looked at."""
    if projects is not None:
        return projects.get(versions, own).open(source)
    from lintdb.drivers.answers import Answers
    from lintdb.drivers.catalog import exported_names, import_roots, load_models
    from lintdb.flow.program import Program
    from lintdb.syntax.indexer import build_index
    from lintdb.syntax.parse import parse_module

    module = parse_module(source)
    if isinstance(module, FileProblem):
        return module
    index = build_index(module, libraries=import_roots(), exports=exported_names)
    models = load_models(gate.mentioned(source.text, own), versions, own)
    return Program(index, Answers(models, versions, own, index.imported_names, text=index.text))


def spoken(found: Iterable[tuple[Rule, Report]], options: EngineOptions) -> list[tuple[Rule, Report]]:
    """Return what the rules that are asked for say, without what a more exact rule speaks for."""
    from lintdb.rules.doubles import without_superseded

    running = _running(options)
    left = without_superseded([each for each in found if each[0].meta.code in running], options.min_confidence)
    return [(rule, report) for rule, report in left if rule.meta.code in options.asked]


def _running(options: EngineOptions) -> frozenset[str]:
    """Return the rules that run: those that are asked for, and the muted ones that speak instead of others."""
    from lintdb.rules.registry import all_rules

    return options.asked | {rule.meta.code for rule in all_rules() if rule.meta.supersedes} & options.muted


def find_reports(
    source: SourceFile, program: Program, models: Models, options: EngineOptions
) -> Iterator[tuple[Rule, Report]]:
    """Yield all that the selected rules find in a file, also what they find together (see `rules.doubles`).

    Of a file that is out of use nothing is sure: nobody is harmed by it.
    """
    from lintdb.rules.places import is_set_aside

    is_low = None
    for rule, report in _reports(source, program, models, options):
        is_low = is_set_aside(program.index) if is_low is None else is_low
        yield rule, replace(report, confidence=Confidence.LOW) if is_low else report


def _reports(
    source: SourceFile, program: Program, models: Models, options: EngineOptions
) -> Iterator[tuple[Rule, Report]]:
    from lintdb.rules.base import FileContext
    from lintdb.rules.registry import all_rules

    running = _running(options)
    rules = [rule for rule in all_rules() if rule.meta.code in running]
    flows = list(_flows(source, program))
    handed_on = frozenset(node for flow in flows for node in flow.handed_on)
    openings = tuple(_openings(source, program, models, options))
    context = FileContext(source.path, source.text, program, options.strict_cursors, openings, handed_on, tuple(flows))
    classes = [
        (owner, _flows_of(owner, flows, program)) for owner in program.index.classes.values() if _may_keep(owner)
    ]
    for rule in rules:
        try:
            yield from ((rule, report) for report in rule.check_file(context))
            for opening in context.openings:
                yield from ((rule, _bounded(report, opening)) for report in rule.check_opening(opening, context))
            for flow in flows:
                for report in rule.check_function(flow, context):
                    # Of what only callers tell lintdb speaks where it is sure.
                    if not flow.is_by_callers or report.confidence > Confidence.LOW:
                        yield rule, report
            for owner, of_class in classes:
                yield from ((rule, report) for report in rule.check_class(owner, of_class, context))
        except Exception as error:
            raise RuleCrash(f"{rule.meta.code} failed on {source.path}: {type(error).__name__}: {error}") from error


def _openings(source: SourceFile, program: Program, models: Models, options: EngineOptions) -> Iterator[Opening]:
    from lintdb.drivers.catalog import load_models
    from lintdb.openings import find_configured, find_openings

    yield from find_openings(program, models)
    versions = versions_for(source, options)
    yield from find_configured(
        program,
        models,
        lambda driver: load_models([driver], versions, options.own_models),
        _required(source, options),
        source,
    )


def _bounded(report: Report, opening: Opening) -> Report:
    """Return a report of an opening that is no surer than the opening allows."""
    return report if report.confidence <= opening.surest else replace(report, confidence=opening.surest)


def _may_keep(owner: ClassInfo) -> bool:
    """Whether objects of a class get attributes from code that the rules can speak of."""
    return bool(owner.assigned or owner.given) or any(not each.is_instance_method for each in owner.methods.values())


def _flows_of(owner: ClassInfo, flows: list[FunctionFlow], program: Program) -> list[FunctionFlow]:
    family = program.classes.family_of(owner)
    return [flow for flow in flows if flow.function.owner in family]


def _flows(source: SourceFile, program: Program) -> Iterator[FunctionFlow]:
    for function in program.candidates():
        try:
            yield program.follow(function)
        except Exception as error:
            place = f"{function.qualname} in {source.path}"
            raise RuleCrash(f"the flow engine failed on {place}: {type(error).__name__}: {error}") from error


@functools.cache
def _pinned(folder: Path) -> Pins:
    """What the project around a folder says of libraries and their versions, read once per process and folder."""
    from lintdb.drivers.pins import read_pins

    return read_pins(folder)


@functools.cache
def _pin_faults(folder: Path) -> tuple[FileProblem, ...]:
    from lintdb.pin_files import faults_around

    return faults_around(str(folder), _pinned(folder).warnings)


def to_findings(source: SourceFile, program: Program, reports: list[tuple[Rule, Report]]) -> list[Finding]:
    """Return reports as users see them: with positions, and the surest alone of those of one rule at one place."""
    if not reports:
        return []
    from lintdb.syntax.spans import spans_of, statements_of

    module = program.index.module
    nodes: list[cst.CSTNode] = []
    for _, report in reports:
        nodes.append(report.node)
        nodes += [step.node for step in report.steps]
        if report.acquired_at is not None:
            nodes.append(report.acquired_at)
    statements = statements_of(module, [report.node for _, report in reports])
    spans = spans_of(module, [*nodes, *statements.values()], source.text)
    nowhere = Span(1, 1, 1, 1)
    found: dict[tuple[str, Span], Finding] = {}
    for rule, report in reports:
        span = spans.get(id(report.node), nowhere)
        acquired = spans.get(id(report.acquired_at), span) if report.acquired_at is not None else span
        resource = None
        if report.resource_kind is not None:
            resource = Resource(report.resource_kind, report.resource_name, acquired.line)
        statement = statements.get(id(report.node))
        finding = Finding(
            path=source.path,
            span=span,
            code=rule.meta.code,
            name=rule.meta.name,
            message=report.message,
            severity=rule.meta.severity,
            confidence=report.confidence,
            help=report.help if report.help is not None else rule.meta.help,
            resource=resource,
            steps=tuple(_steps(source.path, report, spans)),
            statement=spans.get(id(statement)) if statement is not None else None,
        )
        known = found.get((finding.code, finding.span))
        if known is None or finding.confidence > known.confidence:
            found[finding.code, finding.span] = finding
    return list(found.values())


def _steps(path: str, report: Report, spans: Mapping[int, Span]) -> Iterable[Step]:
    for step in report.steps:
        span = spans.get(id(step.node))
        if span is not None:
            yield Step(path, span, step.message)


def debug_flow(path: str, function_name: str) -> str:
    """Return the graph of a function and the states that reach each block, for people.

    Raises ValueError with a clear message for a file that cannot be read or a function that is not there.
    """
    from lintdb.flow.debug import render_flow
    from lintdb.source import read_source

    source = read_source(path)
    if isinstance(source, FileProblem):
        raise ValueError(f"{path}: {source.message}")
    program = open_program(source, {}, Projects())
    if isinstance(program, FileProblem):
        raise ValueError(f"{path}:{program.line}: {program.message}")
    functions = [f for f in program.index.all_functions if function_name in (f.qualname, f.name)]
    if not functions:
        names = ", ".join(f.qualname for f in program.index.all_functions[1:20])
        raise ValueError(f"{path} has no function {function_name!r}; it has: {names}")
    return "\n\n".join(render_flow(program, function) for function in functions)
