"""What a user sees of an analysis: findings, their spans and the steps that prove them.

These frozen dataclasses are the only types that leave the engine. Reporters, the command line and the flake8 plugin
know nothing else.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field


class Severity(enum.Enum):
    """How bad the defect is where it is real."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Confidence(enum.IntEnum):
    """How sure lintdb is that the defect is real; ordered, so that a minimum can be compared."""

    LOW = 1
    MEDIUM = 2
    HIGH = 3

    @classmethod
    def parse(cls, text: str) -> Confidence:
        """Return the confidence called *text* (`low`, `medium`, `high`); raises ValueError with the allowed words."""
        try:
            return cls[text.upper()]
        except KeyError:
            raise ValueError(f"{text!r} is not a confidence: use low, medium or high") from None

    @property
    def label(self) -> str:
        """The lower-case word used in options and output."""
        return self.name.lower()


@dataclass(frozen=True, order=True)
class Span:
    """A stretch of source. Lines count from 1, columns from 1 in characters; `end_column` is exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int


@dataclass(frozen=True)
class Step:
    """One line of a witness: what happens where. `path` is given as the finding's own path is."""

    path: str
    span: Span
    message: str


@dataclass(frozen=True)
class Resource:
    """The resource that a finding is about: its kind as users say it, its name in the source, where it was acquired."""

    kind: str
    name: str | None
    line: int


@dataclass(frozen=True)
class Finding:
    """One defect at one place.

    `statement` is the span of the whole statement that holds the finding: a suppression comment on its first or on
    its last line counts. `help` says how to mend it. `steps` is the witness in the order of execution.
    """

    path: str
    span: Span
    code: str
    name: str
    message: str
    severity: Severity
    confidence: Confidence
    help: str = ""
    resource: Resource | None = None
    steps: tuple[Step, ...] = ()
    statement: Span | None = field(default=None, compare=False)

    @property
    def sort_key(self) -> tuple[str, int, int, str, str]:
        """Findings are reported by path, then position, then code."""
        return (self.path, self.span.line, self.span.column, self.code, self.message)

    def has_own_place(self, step: Step) -> bool:
        """Whether *step*, one of the witness, stands for something that happens at its place.

        To leave a function by its end is written nowhere. Where nothing has led there but what was acquired, such a
        last step has the place of the first one.
        """
        first, last = self.steps[0], self.steps[-1]
        return step is first or step is not last or (step.path, step.span) != (first.path, first.span)


@dataclass(frozen=True)
class FileProblem:
    """Why a file could not be checked: an unreadable or unparsable file, or a crash of lintdb itself.

    The same says what is wrong with a file of the project that is read for the sake of others, and where.

    `line` and `column` count from 1 and are 0 where no position is known.
    """

    path: str
    message: str
    line: int = 0
    column: int = 0
    is_crash: bool = False


@dataclass(frozen=True)
class FileResult:
    """All that came out of checking one file.

    `muted` are the codes that were asked about without being shown; `warnings` say what could not be learnt about the
    file's project, which other files may say, too.
    """

    path: str
    findings: tuple[Finding, ...] = ()
    problem: FileProblem | None = None
    muted: frozenset[str] = frozenset()
    warnings: tuple[FileProblem, ...] = ()
