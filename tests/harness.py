"""Runs programs whose comments say what lintdb must find in them, and tells how the findings differ from that.

The grammar is the same in `fixtures/` and in the code blocks of rule pages. A mark is a comment behind code:

    conn = connect(dsn)  # LDB101                          found on this line
    conn = connect(dsn)  # LDB101, LDB402: "text"          both; the message of the second contains the text
    conn = connect(dsn)  # missed: LDB101                  a known missed alarm; fails once it is found
    conn = connect(dsn)  # false: LDB121                   a known false alarm; fails once it is gone
    conn = connect(dsn)  # low: LDB121                     found with `--min-confidence low` only

Several marks in one comment are separated by `;` or `#`. A finding on a line without a mark for it is a failure.
A comment `# lintdb-fixture: select=LDB1,LDB504 target-version=pymysql:0.9 strict-cursors=true` above the code says
what to run; without it the caller's codes are run. `python=3.11` says that an older Python cannot parse the file.
"""

from __future__ import annotations

import ast
import functools
import io
import re
import sys
import tokenize
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lintdb.finding import Confidence, FileProblem, FileResult, Finding, Severity, Span

if TYPE_CHECKING:
    from lintdb.engine import EngineOptions, Examined
    from lintdb.project.surroundings import Projects
    from lintdb.rules.base import Report, Rule
    from lintdb.source import SourceFile

ROOT = Path(__file__).resolve().parent.parent
FIXTURES = ROOT / "fixtures"

_OF_SEVERAL_FILES = ("projects", "programs")
"""Folders below `fixtures/` whose files import each other; all others stand alone."""

EXPECTED, MISSED, FALSE, LOW = "expected", "missed", "false", "low"

_ITEM = r"LDB\d{3}(?:\s*:\s*\"(?:[^\"\\]|\\.)*\")?"
_MARKS = re.compile(rf"(?:(?P<kind>missed|false|low)\s*:\s*)?(?P<items>{_ITEM}(?:\s*,\s*{_ITEM})*)")
_LOOKS_LIKE_MARKS = re.compile(r"(?:(?:missed|false|low)\s*:|LDB\d)")
_CODE_AND_TEXT = re.compile(r"(?P<code>LDB\d{3})(?:\s*:\s*(?P<text>\"(?:[^\"\\]|\\.)*\"))?")
_SEPARATOR = re.compile(r"[#;](?=(?:[^\"]*\"[^\"]*\")*[^\"]*$)")
_DIRECTIVE = re.compile(r"#\s*lintdb-fixture:\s*(?P<options>.*?)\s*")


class FixtureError(Exception):
    """A fixture breaks the grammar, so it proves nothing."""


@dataclass(frozen=True)
class Mark:
    """What one comment says about one code on its line."""

    line: int
    code: str
    kind: str = EXPECTED
    text: str | None = None

    def fits(self, finding: Finding) -> bool:
        """Whether *finding* is the one that this mark speaks of."""
        is_here = self.line == finding.span.line and self.code == finding.code
        return is_here and (self.text is None or self.text in finding.message)

    def __str__(self) -> str:
        return f"{self.code}: {self.text!r}" if self.text is not None else self.code


@dataclass(frozen=True)
class Directive:
    """What a fixture's first comment asks for: prefixes of codes, driver versions, strict cursors, models, Python."""

    select: tuple[str, ...] = ()
    target_versions: dict[str, str] = field(default_factory=dict)
    strict_cursors: bool = False
    driver_models: tuple[str, ...] = ()
    python: tuple[int, int] = (3, 10)


@dataclass(frozen=True)
class Problem:
    """One difference between the marks and the findings."""

    line: int
    text: str


@dataclass(frozen=True)
class Subject:
    """A function (or class) of a fixture, or what stands outside of all: the part that one test speaks of."""

    name: str
    first_line: int
    last_line: int
    is_function: bool

    def __contains__(self, line: int) -> bool:
        return self.first_line <= line <= self.last_line


def enter_program(folder: Path, monkeypatch: pytest.MonkeyPatch, files: Mapping[str, str]) -> Path:
    """Write the files of a program into a folder, make that the current one, and return it."""
    monkeypatch.chdir(folder)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def parse_marks(text: str) -> list[Mark]:
    """Return the marks of a program; raises FixtureError for a comment that starts like marks but is none."""
    return [mark for line, comment in _trailing_comments(text) for mark in _marks_of(comment, line)]


def parse_directive(text: str) -> Directive:
    """Return what the comment above the code asks for; raises FixtureError for an option that does not exist."""
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            break
        if match := _DIRECTIVE.fullmatch(line):
            return _directive_of(match["options"])
    return Directive()


def find_subjects(text: str) -> list[Subject]:
    """Return the parts of a program in order: functions and classes, methods named by verdict, then the rest.

    Parts may lie within others; `subject_of` picks the innermost. The rest is `<module>` and contains every line.
    """
    subjects: list[Subject] = []
    for node in _statements(text):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        subjects.append(_subject(node, node.name))
        if isinstance(node, ast.ClassDef):
            subjects += [
                _subject(method, f"{node.name}.{method.name}")
                for method in node.body
                if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef) and verdict_of(method.name)
            ]
    return [*subjects, Subject("<module>", 1, len(text.splitlines()) + 1, is_function=False)]


def subject_of(line: int, subjects: Iterable[Subject]) -> Subject:
    """Return the innermost of *subjects* that holds *line*."""
    return min((each for each in subjects if line in each), key=lambda each: each.last_line - each.first_line)


def verdict_of(name: str) -> str | None:
    """Return `ok` or `bad` as the end of a function's or class's name says, None where it says neither."""
    match = re.search(r"(?:_(ok|bad)|\B(Ok|Bad))$", name)
    return (match[1] or match[2]).lower() if match else None


def marks_of_part(part: Subject, subjects: list[Subject], marks: Iterable[Mark]) -> list[Mark]:
    """Return the marks that the name of *part* answers for: a class for all of its methods, too."""
    if part.is_function or part.name == "<module>":
        return [mark for mark in marks if subject_of(mark.line, subjects) == part]
    return [mark for mark in marks if mark.line in part]


def naming_problems(subject: Subject, marks: list[Mark]) -> list[Problem]:
    """Return where the name of a part and its marks disagree: `_bad` has a mark, `_ok` at most known false alarms."""
    verdict = verdict_of(subject.name)
    defects = [mark for mark in marks if mark.kind != FALSE]
    if verdict == "bad" and not marks:
        return [Problem(subject.first_line, f"{subject.name} is called bad but has no mark")]
    if verdict == "ok" and defects:
        return [Problem(defects[0].line, f"{subject.name} is called ok but has the mark {defects[0]}")]
    if verdict is None and marks and subject.is_function:
        return [Problem(marks[0].line, f"{subject.name} has marks, so its name must end in _ok or _bad")]
    return []


def compare(marks: Iterable[Mark], findings: Iterable[Finding], with_low: Iterable[Finding]) -> list[Problem]:
    """Return every difference between the marks and the findings, by line.

    *findings* are those of confidence medium and more, *with_low* those of a run that reports low ones too.
    """
    usual = list(findings)
    low = [finding for finding in with_low if finding.confidence is Confidence.LOW]
    problems: list[Problem] = []
    # A mark with a text is matched first: a bare one on its line may take any finding that is left.
    for mark in sorted(marks, key=lambda mark: mark.text is None):
        place = _take(mark, usual) or _take(mark, low, is_low=True)
        if problem := _judge(mark, place):
            problems.append(Problem(mark.line, problem + _nearby(mark, place, [*usual, *low])))
    problems += [Problem(each.span.line, f"unexpected {each.code} {each.message}") for each in usual]
    problems += [
        Problem(each.span.line, f"unexpected at confidence low (`# low:`): {each.code} {each.message}") for each in low
    ]
    return sorted(problems, key=lambda problem: problem.line)


def render_problems(path: str, text: str, problems: Iterable[Problem], first_line: int = 1) -> str:
    """Render differences as `path:line: what` with the line of source below each."""
    lines = text.splitlines()
    blocks = []
    for problem in problems:
        source = lines[problem.line - 1].strip() if 0 < problem.line <= len(lines) else ""
        blocks.append(f"{path}:{problem.line + first_line - 1}: {problem.text}\n    {source}")
    return "\n".join(blocks)


def fail_if(problems: list[Problem], path: str, text: str, first_line: int = 1) -> None:
    """Fail the test with the differences, and nothing but them, if there are any."""
    if problems:
        pytest.fail(render_problems(path, text, problems, first_line), pytrace=False)


@dataclass(frozen=True)
class Checked:
    """What lintdb says of a program, at the usual confidence and at the lowest, with its marks."""

    path: str
    text: str
    marks: tuple[Mark, ...]
    findings: tuple[Finding, ...]
    with_low: tuple[Finding, ...]

    def all_problems(self) -> list[Problem]:
        """Return the differences in the whole program."""
        return compare(self.marks, self.findings, self.with_low)


def check(path: str, text: str, default_codes: frozenset[str]) -> Checked:
    """Run lintdb over a program with the codes that its directive selects, else *default_codes*."""
    directive = parse_directive(text)
    codes = codes_for(directive.select) if directive.select else default_codes
    examined = examine(path, text)
    usual, with_low = (
        _findings_of(settle(path, text, examined, codes, minimum), codes)
        for minimum in (Confidence.MEDIUM, Confidence.LOW)
    )
    return Checked(path, text, tuple(parse_marks(text)), usual, with_low)


@functools.cache
def check_fixture(path: Path) -> Checked:
    """Run a file of `fixtures/`: rules/LDBnnn.py alone with its code, programs/ by default, the others as they say."""
    relative = path.relative_to(FIXTURES)
    text = path.read_text(encoding="utf-8")
    if relative.parts[0] == "rules":
        return check(str(relative), text, frozenset({path.stem}))
    if relative.parts[0] in ("patterns", "projects") and text and not parse_directive(text).select:
        raise FixtureError(f"{relative}: the first line must say `# lintdb-fixture: select=…`")
    # Programs say where a row may be missing, too: each has such places, and that rule is off by default.
    return check(str(relative), text, default_codes() | {"LDB701"})


@functools.lru_cache(maxsize=4)
def examine(path: str, text: str) -> Examined | FileResult:
    """Run all rules over a text, which need not exist as a file, as `lintdb check` does.

    Several tests look at what was found in one program, with different codes, so it is followed once for all of them.
    """
    from lintdb.engine import examine

    source, projects = place(path, text)
    options = options_of(path, codes_for(("LDB",)), parse_directive(text), Confidence.LOW)
    return examine(source, options, projects)


def reports_of(path: Path) -> list[tuple[Rule, Report]]:
    """Return all that the rules find in a file of `fixtures/` at the usual confidence, doubles included."""
    examined = examine(str(path.relative_to(FIXTURES)), path.read_text(encoding="utf-8"))
    found = () if isinstance(examined, FileResult) else examined.found
    return [(rule, report) for rule, report in found if report.confidence >= Confidence.MEDIUM]


def settle(
    path: str, text: str, examined: Examined | FileResult, codes: frozenset[str], minimum: Confidence
) -> FileResult:
    """Return what of that is reported with some codes at a confidence."""
    from lintdb.engine import settle

    if isinstance(examined, FileResult):
        return examined
    source, _ = place(path, text)
    return settle(source, examined, options_of(path, codes, parse_directive(text), minimum))


def place(path: str, text: str) -> tuple[SourceFile, Projects | None]:
    """Return a program where it lies and what it shares with the others; None for one that stands alone."""
    from lintdb.source import SourceFile

    if path.partition("/")[0] not in _OF_SEVERAL_FILES:
        return SourceFile(path, text), None
    return SourceFile(str(FIXTURES / path), text), _shared_projects()


@functools.cache
def _shared_projects() -> Projects:
    """What the fixtures of several files share, as the files of one run do."""
    from lintdb.project.surroundings import Projects

    return Projects()


def options_of(path: str, codes: frozenset[str], directive: Directive, minimum: Confidence) -> EngineOptions:
    """Return what the directive of a fixture asks of the engine."""
    from lintdb.drivers.catalog import read_own_file
    from lintdb.engine import EngineOptions

    return EngineOptions(
        codes=codes,
        min_confidence=minimum,
        target_versions=dict(directive.target_versions),
        strict_cursors=directive.strict_cursors,
        own_models=tuple(read_own_file(str((FIXTURES / path).parent / name)) for name in directive.driver_models),
    )


def default_codes() -> frozenset[str]:
    """The codes that are reported without configuration."""
    from lintdb.rules.registry import all_metas

    return frozenset(meta.code for meta in all_metas() if meta.default)


def codes_for(prefixes: tuple[str, ...]) -> frozenset[str]:
    """Return all codes that start with one of *prefixes*; raises FixtureError for a prefix of none."""
    from lintdb.rules.registry import all_metas

    codes = [meta.code for meta in all_metas()]
    for prefix in prefixes:
        if not any(code.startswith(prefix) for code in codes):
            raise FixtureError(f"no rule has a code that starts with {prefix}")
    return frozenset(code for code in codes if code.startswith(prefixes))


def iter_fixtures(folder: str) -> Iterator[Path]:
    """Yield the Python files of a folder below `fixtures/`, in order, that the Python that runs the tests can read."""
    for path in sorted((FIXTURES / folder).rglob("*.py")):
        if parse_directive(path.read_text(encoding="utf-8")).python <= sys.version_info[:2]:
            yield path


def _findings_of(result: FileResult, codes: frozenset[str]) -> tuple[Finding, ...]:
    """Return the findings; a file that cannot be checked proves only the rule that says so (LDB002)."""
    if result.problem is None:
        return result.findings
    if "LDB002" not in codes:
        raise FixtureError(f"{result.path}:{result.problem.line}: {result.problem.message}")
    return (*result.findings, _finding_of(result.problem))


def _finding_of(problem: FileProblem) -> Finding:
    span = Span(problem.line, problem.column, problem.line, problem.column + 1)
    return Finding(
        path=problem.path,
        span=span,
        code="LDB002",
        name="unparsable-file",
        message=problem.message,
        severity=Severity.ERROR,
        confidence=Confidence.HIGH,
    )


def _statements(text: str) -> list[ast.stmt]:
    """Return the statements of a module; none if it cannot be parsed, which running it will say better."""
    try:
        return ast.parse(text).body
    except SyntaxError:
        return []


def _trailing_comments(text: str) -> Iterator[tuple[int, str]]:
    """Yield line and text of each comment that stands behind code."""
    has_code = False
    ignored = {tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
    line = 0
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.start[0] != line:
            # The last line of a string that spans lines has code on it, too.
            has_code, line = False, token.start[0]
        if token.type == tokenize.COMMENT and has_code:
            yield token.start[0], token.string
        elif token.type not in ignored and token.type != tokenize.COMMENT:
            has_code, line = True, token.end[0]


def _marks_of(comment: str, line: int) -> Iterator[Mark]:
    for piece in _SEPARATOR.split(comment):
        body = piece.strip()
        if not _LOOKS_LIKE_MARKS.match(body):
            continue
        match = _MARKS.fullmatch(body)
        if match is None:
            raise FixtureError(f"line {line}: not a mark: {body}")
        for item in _CODE_AND_TEXT.finditer(match["items"]):
            text = ast.literal_eval(item["text"]) if item["text"] else None
            yield Mark(line, item["code"], match["kind"] or EXPECTED, text)


def _directive_of(options: str) -> Directive:
    select: tuple[str, ...] = ()
    versions: dict[str, str] = {}
    strict_cursors = False
    driver_models: tuple[str, ...] = ()
    python = (3, 10)
    for option in options.split():
        key, _, value = option.partition("=")
        values = tuple(part for part in value.split(",") if part)
        if key == "select" and values:
            select = values
        elif key == "target-version" and all(":" in part for part in values):
            versions = dict(part.split(":", 1) for part in values)
        elif option == "strict-cursors=true":
            strict_cursors = True
        elif key == "driver-models" and values:
            driver_models = values
        elif key == "python" and re.fullmatch(r"3\.\d+", value):
            python = (3, int(value[2:]))
        else:
            raise FixtureError(f"lintdb-fixture has no option {option!r}")
    return Directive(select, versions, strict_cursors, driver_models, python)


def _subject(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, name: str) -> Subject:
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    return Subject(name, first, node.end_lineno or node.lineno, not isinstance(node, ast.ClassDef))


def _take(mark: Mark, findings: list[Finding], *, is_low: bool = False) -> str | None:
    """Remove the finding that *mark* speaks of and say where it was: `usual`, `low`, or None if it is nowhere."""
    for finding in findings:
        if mark.fits(finding):
            findings.remove(finding)
            return "low" if is_low else "usual"
    return None


def _judge(mark: Mark, place: str | None) -> str | None:
    """Return what is wrong about a mark whose finding was in *place*, or None."""
    good_places: dict[str, set[str | None]] = {
        EXPECTED: {"usual"},
        LOW: {"low"},
        FALSE: {"usual", "low"},
        MISSED: {None},
    }
    if place in good_places[mark.kind]:
        return None
    if mark.kind == MISSED:
        target = "# low: " if place == "low" else "# "
        return f"no longer missed: change the mark to `{target}{mark.code}`"
    if mark.kind == FALSE:
        return f"the false alarm {mark} is gone: remove the mark"
    if mark.kind == LOW and place == "usual":
        return f"{mark} is no longer of confidence low: change the mark to `# {mark.code}`"
    if place == "low":
        return f"{mark} is found with confidence low only: lintdb must be surer, or change the mark to `# low:`"
    return f"expected {mark}, not found"


def _nearby(mark: Mark, place: str | None, others: list[Finding]) -> str:
    """Return what was found on the line of a mark that found nothing, or nothing."""
    if place is not None or mark.kind in {FALSE, MISSED}:
        return ""
    here = [f"{finding.code} {finding.message}" for finding in others if finding.span.line == mark.line]
    return f" (this line has: {'; '.join(here)})" if here else ""
