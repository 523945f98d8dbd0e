"""Comments that silence findings, and findings about comments that silence nothing.

    conn = connect(dsn)  # noqa                              all codes of all checkers
    conn = connect(dsn)  # noqa: LDB101,E501                 these, or all that start so; flake8's own grammar
    conn = connect(dsn)  # lintdb: ignore[LDB101] pooled     these codes, prefixes or rule names; the rest is a reason
    conn = connect(dsn)  # lintdb: ignore                    all codes of lintdb
    # lintdb: skip-file                                      the whole file
    # flake8: noqa                                           the whole file, for all checkers
    # flake8: noqa: LDB101,E501                              these codes in the whole file

A `# lintdb:` comment that looks like one of these, and has another shape, silences nothing and is reported, so that a
slip of the pen is noticed; and so is one whose colon is missing, or not where it belongs: `# lintdb ignore[LDB101]`. A
sentence that begins so is no more than that.

A comment counts for a finding when it stands on a line of the finding itself, or on the first or the last line of the
statement that holds it. `skip-file` may stand anywhere, but must be alone on its line and not indented; flake8's
`# flake8: noqa` must be alone on its line.

Only real comments count, so the file is cut into tokens; that is done only for text that holds the words at all. Where
Python's tokenizer gives up, for instance on syntax newer than the Python that runs lintdb, the lines after that are
searched as they are, and no comment found so is ever called unused.
"""

from __future__ import annotations

import difflib
import itertools
import re
import tokenize
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from lintdb.finding import Confidence, Finding, Severity, Span
from lintdb.rules import registry
from lintdb.rules.base import RuleMeta
from lintdb.selection import check_selector, did_you_mean, is_preset, matching_codes
from lintdb.source import SourceFile

UNUSED_SUPPRESSION = "LDB001"

_WORDS = re.compile(r"noqa|lintdb", re.IGNORECASE)
_SKIP_WORDS = re.compile(r"skip-file|flake8", re.IGNORECASE)
_NOQA = re.compile(r"# noqa(?::[\s]?(?P<codes>(?:[A-Z]+[0-9]+(?:[,\s]+)?)+))?", re.IGNORECASE)
_OWN_COMMENT = re.compile(r"#\s*lintdb:\s*(?P<text>[^#]*)", re.IGNORECASE)
_IGNORE_APART = re.compile(r"ignore\s+\[(?P<codes>[^\]]*)\]", re.IGNORECASE)
_IGNORE = re.compile(r"ignore(?:\[(?P<codes>[^\]]*)\]|(?![\w-]|\s*\[))", re.IGNORECASE)
_WITHOUT_COLON = re.compile(
    r"""
    \#\s*lintdb(?P<between>\s*[;.,=]\s*|\s+-+\s+|\s+:\s*|\s+)     # anything but a colon that follows at once
    (?P<text>(?:ignore|disable|noqa|skip-file)(?![\w-])[^#]*)
    """,
    re.IGNORECASE | re.VERBOSE,
)
_SKIP = re.compile(r"skip-file(?![\w-])", re.IGNORECASE)
_NEXT_WORD = re.compile(r"[\s:=,(]*([\w-]*)")
_CODE = re.compile(r"LDB\d+", re.IGNORECASE)
_DIRECTIVE = re.compile(r"(?:ignor|disabl|enabl|noqa|nolint|skip|suppress|silenc|exclud|allow)[\w-]*", re.IGNORECASE)
"""Words with which comments begin that silence something, of this tool or of others."""
_LEAST_LIKENESS = 0.75
_SKIP_FILE = re.compile(r"#\s*lintdb:\s*skip-file(?![\w-])", re.IGNORECASE)
_FLAKE8_SKIP_FILE = re.compile(r"# flake8[:=]\s*noqa(?!:)", re.IGNORECASE)
_FLAKE8_FILE_CODES = re.compile(r"# flake8[:=]\s*noqa:\s?(?P<codes>(?:[A-Z]+[0-9]+(?:[,\s]+)?)+)", re.IGNORECASE)
_SELECTOR = re.compile(r"[^\s,]+")


@dataclass(frozen=True)
class _Comment:
    """The text of a comment from its `#`; `column` counts from 0. `is_certain` says that the tokenizer saw it.

    `is_alone`: there is no code on its line.
    """

    line: int
    column: int
    text: str
    is_alone: bool
    is_certain: bool = True


@dataclass(frozen=True)
class _Selector:
    """One code, prefix or name in a comment, with the codes it silences."""

    text: str
    span: Span
    codes: frozenset[str]
    fault: str | None = None


@dataclass
class _Suppression:
    """A comment that silences: everything if `selectors` is None, in the whole file if `is_for_file`."""

    line: int
    selectors: tuple[_Selector, ...] | None
    is_certain: bool
    is_for_file: bool = False
    used: set[str] = field(default_factory=set)

    def silences(self, code: str) -> bool:
        """Whether this comment is meant for *code*; remembers the selectors that were."""
        if self.selectors is None:
            return True
        meant = [selector.text for selector in self.selectors if code in selector.codes]
        self.used.update(meant)
        return bool(meant)


_OWN_WORDS = re.compile("ldb|lintdb", re.IGNORECASE)


def may_silence(text: str) -> bool:
    """Whether a text has a word with which comments that silence begin."""
    return _WORDS.search(text) is not None


def is_skipped(source: SourceFile, *, honor_noqa: bool = True) -> bool:
    """Whether a comment asks to leave the whole file alone."""
    return _SKIP_WORDS.search(source.text) is not None and _asks_to_skip(_iter_comments(source), honor_noqa=honor_noqa)


def silencing_line(source: SourceFile, finding: Finding, *, honor_noqa: bool) -> int | None:
    """Return the line of a comment that silences *finding*; None if none does but one for the whole file without codes.

    Of several it is the first one.
    """
    metas = registry.all_metas()
    lines = _lines_for(finding)
    suppressions = _iter_suppressions(_iter_comments(source), metas, honor_noqa=honor_noqa)
    meant = (each for each in suppressions if each.is_for_file or each.line in lines)
    return next((each.line for each in meant if each.silences(finding.code)), None)


def apply_suppressions(
    source: SourceFile,
    findings: Sequence[Finding],
    enabled: frozenset[str],
    *,
    honor_noqa: bool,
    report_unused: bool,
) -> tuple[Finding, ...]:
    """Return *findings* without the silenced ones, and with one for each selector that silenced nothing.

    Give it all findings, those of low confidence too: otherwise a comment for one of these would look unused. Comments
    for codes that are not *enabled* are never called unused: another run may need them. With *honor_noqa* off, only
    lintdb's own comments count. Call it for files without findings as well.
    """
    if not may_silence(source.text) or not (findings or _OWN_WORDS.search(source.text)):
        # Comments for other tools alone have nothing to silence, and nothing to be called unused.
        return tuple(findings)
    comments = list(_iter_comments(source))
    if _asks_to_skip(comments, honor_noqa=honor_noqa):
        return ()
    metas = registry.all_metas()
    suppressions = list(_iter_suppressions(comments, metas, honor_noqa=honor_noqa))
    by_line: dict[int, list[_Suppression]] = {}
    for suppression in suppressions:
        if not suppression.is_for_file:
            by_line.setdefault(suppression.line, []).append(suppression)

    for_file = [suppression for suppression in suppressions if suppression.is_for_file]
    kept = [finding for finding in findings if not _is_silenced(finding, by_line, for_file)]
    if report_unused and UNUSED_SUPPRESSION in enabled:
        unused = [f for s in suppressions for f in _iter_unused(source, s, enabled, metas, kept)]
        kept += [finding for finding in unused if not _is_silenced(finding, by_line, for_file)]
    return tuple(sorted(kept, key=lambda finding: finding.sort_key))


def _asks_to_skip(comments: Iterable[_Comment], *, honor_noqa: bool) -> bool:
    return any(
        (comment.column == 0 and _SKIP_FILE.match(comment.text) is not None)
        or (honor_noqa and comment.is_alone and _FLAKE8_SKIP_FILE.match(comment.text) is not None)
        for comment in comments
    )


def _is_silenced(finding: Finding, by_line: dict[int, list[_Suppression]], for_file: Sequence[_Suppression]) -> bool:
    lines = _lines_for(finding)
    # Every comment is asked, even after one has said yes: each of them is in use.
    asked = [*for_file, *(suppression for line in lines for suppression in by_line.get(line, ()))]
    answers = [suppression.silences(finding.code) for suppression in asked]
    return any(answers)


def _lines_for(finding: Finding) -> set[int]:
    """Return the lines on which a comment counts for *finding*."""
    lines = set(range(finding.span.line, finding.span.end_line + 1))
    if finding.statement is not None:
        lines |= {finding.statement.line, finding.statement.end_line}
    return lines


def _iter_comments(source: SourceFile) -> Iterator[_Comment]:
    """Yield the comments of *source* that may concern us."""
    lines = source.lines
    reader = iter(lines)
    reached = 0
    try:
        # Lines are handed over with one kind of end, since a lone carriage return confuses the tokenizer.
        for token in tokenize.generate_tokens(lambda: next(reader) + "\n"):
            reached = token.end[0]
            if token.type == tokenize.COMMENT and _WORDS.search(token.string):
                is_alone = not token.line[: token.start[1]].strip()
                yield _Comment(token.start[0], token.start[1], token.string, is_alone)
    except (tokenize.TokenError, SyntaxError):
        for number, line in enumerate(lines[reached:], start=reached + 1):
            for found in re.finditer(r"#\s*(?:noqa|lintdb:|flake8[:=]).*", line, re.IGNORECASE):
                is_alone = not line[: found.start()].strip()
                yield _Comment(number, found.start(), found[0], is_alone, is_certain=False)


def _iter_suppressions(
    comments: Iterable[_Comment], metas: Sequence[RuleMeta], *, honor_noqa: bool
) -> Iterator[_Suppression]:
    for comment in comments:
        if honor_noqa and (noqa := _NOQA.search(comment.text)):
            yield _build_suppression(comment, noqa, metas, is_foreign_allowed=True)
        if honor_noqa and comment.is_alone and (codes := _FLAKE8_FILE_CODES.match(comment.text)):
            yield replace(_build_suppression(comment, codes, metas, is_foreign_allowed=True), is_for_file=True)
        for own in _OWN_COMMENT.finditer(comment.text):
            ignore = _IGNORE.match(comment.text, own.start("text"))
            if ignore is not None and ignore["codes"] is not None and not ignore["codes"].strip():
                yield _build_misread(comment, own, "its brackets are empty; write `# lintdb: ignore[LDB101]`")
            elif ignore is not None and not _names_bare_rule(comment.text, ignore, metas):
                yield _build_suppression(comment, ignore, metas, is_foreign_allowed=False)
            elif fault := _find_fault(comment, own, metas):
                yield _build_misread(comment, own, fault)
        for nearly in _WITHOUT_COLON.finditer(comment.text):
            if _is_command(nearly["text"], metas):
                yield _build_misread(comment, nearly, _fault_before(nearly, metas))


def _build_suppression(
    comment: _Comment, found: re.Match[str], metas: Sequence[RuleMeta], *, is_foreign_allowed: bool
) -> _Suppression:
    if found["codes"] is None:
        return _Suppression(comment.line, None, comment.is_certain)
    selectors: list[_Selector] = []
    for word in _SELECTOR.finditer(comment.text, found.start("codes"), found.end("codes")):
        text = word[0]
        if is_foreign_allowed and not text.upper().startswith("LDB"):
            continue
        column = comment.column + word.start() + 1
        span = Span(comment.line, column, comment.line, column + len(text))
        selectors.append(_Selector(text, span, matching_codes([text], metas), check_selector(text, metas)))
    return _Suppression(comment.line, tuple(selectors), comment.is_certain)


def _names_bare_rule(text: str, ignore: re.Match[str], metas: Sequence[RuleMeta]) -> bool:
    """Whether a rule follows `ignore` without brackets: then not everything is meant to be silenced."""
    following = _NEXT_WORD.match(text, ignore.end())
    if ignore["codes"] is not None or following is None:
        return False
    word = following[1]
    return _CODE.match(word) is not None or (not is_preset(word) and bool(matching_codes([word], metas)))


def _find_fault(comment: _Comment, own: re.Match[str], metas: Sequence[RuleMeta]) -> str | None:
    """Return what is wrong with a `# lintdb:` comment that is no `ignore`; None for a `skip-file` in its place."""
    if _SKIP.match(own["text"]):
        is_in_place = comment.column == 0 and own.start() == 0
        return None if is_in_place else "`skip-file` counts only alone on its line and not indented"
    text = own["text"].rstrip()
    word = re.split(r"[\s\[(=:]", text, maxsplit=1)[0]
    if not _is_like_directive(word, text, metas):
        return None
    codes = _CODE.findall(text)
    if (apart := _IGNORE_APART.match(text)) is not None:
        return f"a blank stands before its brackets; write `# lintdb: ignore[{apart['codes'].strip() or 'LDB101'}]`"
    if word.lower() == "ignore" and "[" not in text:
        named = _rules_named(text[len(word) :], metas)
        return f"the brackets are missing; write `# lintdb: ignore[{', '.join(named) or 'LDB101'}]`"
    if codes or word.lower() == "ignore":
        cure = f"; write `# lintdb: ignore[{', '.join(codes) or 'LDB101'}]`"
    else:
        cure = (
            did_you_mean(word, ("ignore", "skip-file")) or "; lintdb knows `ignore[LDB101]`, `ignore` and `skip-file`"
        )
    return f"`{text.split()[0] if text else 'lintdb:'}` is not understood{cure}"


def _is_command(text: str, metas: Sequence[RuleMeta]) -> bool:
    """Whether a text that begins with a word for silencing is no sentence: nothing follows, or brackets, or a rule."""
    following = re.sub(r"^[\w-]+", "", text).strip()
    return not following or following[0] in "[(=:" or bool(_rules_named(following, metas))


def _fault_before(nearly: re.Match[str], metas: Sequence[RuleMeta]) -> str:
    """Return what is wrong before the word of a comment that silences something, with the comment as it should be."""
    brackets = re.search(r"\[([^\]]*)\]", nearly["text"])
    named = brackets[1].strip() if brackets else ", ".join(_rules_named(nearly["text"].partition(" ")[2], metas))
    is_for_file = nearly["text"].lower().startswith("skip-file")
    meant = "skip-file" if is_for_file else f"ignore[{named}]" if named else "ignore"
    fault = "a blank stands before its colon" if ":" in nearly["between"] else "the colon behind `lintdb` is missing"
    return f"{fault}; write `# lintdb: {meant}`"


def _is_like_directive(word: str, text: str, metas: Sequence[RuleMeta]) -> bool:
    """Whether a text, which begins with a word, is meant to silence something: no sentence is, unless it has a code."""
    if _CODE.search(text) is not None or len(text.split()) < 2 or text[len(word)] in "[(=:":
        return True
    if _DIRECTIVE.fullmatch(word) is not None or any(not is_preset(each) for each in _rules_named(text, metas)):
        return True
    return bool(difflib.get_close_matches(word.lower(), ("ignore", "skip-file"), n=1, cutoff=_LEAST_LIKENESS))


def _rules_named(text: str, metas: Sequence[RuleMeta]) -> list[str]:
    """Return the codes and names of rules with which a text begins; a reason may follow."""
    words = re.findall(r"[\w-]+", text)
    return list(itertools.takewhile(lambda word: _CODE.match(word) or matching_codes([word], metas), words))


def _build_misread(comment: _Comment, own: re.Match[str], fault: str) -> _Suppression:
    start = comment.column + own.start() + 1
    span = Span(comment.line, start, comment.line, start + len(own[0].rstrip()))
    return _Suppression(comment.line, (_Selector(own[0], span, frozenset(), fault),), comment.is_certain)


def _iter_unused(
    source: SourceFile,
    suppression: _Suppression,
    enabled: frozenset[str],
    metas: Sequence[RuleMeta],
    kept: Sequence[Finding],
) -> Iterator[Finding]:
    """Yield a finding for each selector that silenced nothing; *kept* are the findings that no comment silenced."""
    if suppression.selectors is None or not suppression.is_certain:
        return
    for selector in suppression.selectors:
        if selector.fault is not None:
            what = "this comment" if len(suppression.selectors) == 1 else f"`{selector.text}`"
            finding = unused_suppression(
                source.path, selector.span, f"{what} silences nothing: {selector.fault}", metas
            )
            yield replace(finding, help="correct the comment, or delete it")
        elif (
            selector.text not in suppression.used
            and selector.codes <= enabled
            # Whether a comment about unused comments is in use can only be told after the fact.
            and selector.codes != {UNUSED_SUPPRESSION}
        ):
            yield _unused(source, selector, metas, kept)


def _unused(source: SourceFile, selector: _Selector, metas: Sequence[RuleMeta], kept: Sequence[Finding]) -> Finding:
    message = f"`{selector.text}` silences nothing here"
    line = _line_meant(source, selector, kept)
    if line is None:
        return unused_suppression(source.path, selector.span, message, metas)
    message += f": it has to stand at the end of line {line}, behind the code"
    return replace(unused_suppression(source.path, selector.span, message, metas), help="move the comment there")


def _line_meant(source: SourceFile, selector: _Selector, kept: Sequence[Finding]) -> int | None:
    """Return the line on which a comment would count that stands alone above a statement with such a finding."""
    number = selector.span.line
    if not source.lines[number - 1].lstrip().startswith("#"):
        return None
    code = (each for each in range(number + 1, len(source.lines) + 1) if _is_code(source.lines[each - 1]))
    following = next(code, None)
    for finding in kept:
        first = finding.statement.line if finding.statement is not None else finding.span.line
        if following in {first, finding.span.line} and finding.code in selector.codes:
            return first
    return None


def _is_code(line: str) -> bool:
    text = line.strip()
    return bool(text) and not text.startswith("#")


def unused_suppression(path: str, span: Span, message: str, metas: Sequence[RuleMeta]) -> Finding:
    """Return the finding about a suppression that silences nothing."""
    meta = next((meta for meta in metas if meta.code == UNUSED_SUPPRESSION), None)
    return Finding(
        path=path,
        span=span,
        code=UNUSED_SUPPRESSION,
        name=meta.name if meta else "unused-suppression",
        message=message,
        severity=meta.severity if meta else Severity.WARNING,
        confidence=Confidence.HIGH,
        help=meta.help if meta else "take the comment out",
    )
