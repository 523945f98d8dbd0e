"""Why is what a line acquires reported, or why not?"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

import libcst as cst

from lintdb.effects import Duty, Kind
from lintdb.engine import check_source, to_findings
from lintdb.finding import Finding, Span
from lintdb.flow import watch
from lintdb.flow.lent import lent_leaks
from lintdb.flow.patches import is_patched
from lintdb.flow.results import Leak
from lintdb.flow.users import Target, find_uses
from lintdb.flow.values import SiteKey
from lintdb.flow.watch import Fate, Watcher
from lintdb.insight.opened import Opened, UnanswerableError, shown_path
from lintdb.insight.reasons import Reason, Reasons, minded_families
from lintdb.openings import find_openings
from lintdb.rules.lifetimes import verb_of
from lintdb.rules.registry import all_metas
from lintdb.source import SourceFile, read_source
from lintdb.suppress import apply_suppressions, is_skipped, silencing_line
from lintdb.syntax.names import FunctionInfo

if TYPE_CHECKING:
    from lintdb.rules.base import Opening, Report, Rule

REPORTED, SILENCED, RELEASED, TRANSFERRED, LOST = "reported", "silenced", "released", "transferred", "lost"
BORROWED, OPEN, UNREACHED = "borrowed", "open", "unreached"
"""Verdicts. `BORROWED`: it owes no release here; `OPEN`: it may stay open, and no rule minds; `UNREACHED`: no path that
is followed gets there."""
_BESIDES = frozenset({"LDB305", "LDB504"})
"""Codes outside of LDB1xx that stand for a finding about a lifetime: one defect, one finding."""
_NEAREST, _MOST_USERS = 3, 5
_SHARED = "LDB502"
"""The rule that speaks, in other files, of what a global keeps."""


@dataclass(frozen=True)
class Silenced:
    """A finding that users do not see, and why."""

    finding: Finding
    because: str


@dataclass(frozen=True)
class Acquired:
    """Something that a line acquires, with the verdict, and what speaks for it.

    `findings` are reported, about its lifetime; `others` are findings about other things at the same place, `elsewhere`
    those about what is done with it on other lines, and in other files.
    """

    span: Span
    kind: str
    name: str | None
    code: str
    function: str
    verdict: str
    summary: str
    findings: tuple[Finding, ...] = ()
    silenced: tuple[Silenced, ...] = ()
    reasons: tuple[Reason, ...] = ()
    others: tuple[Finding, ...] = ()
    elsewhere: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Nearby:
    """A place where something is acquired, near to one where nothing is."""

    line: int
    column: int
    text: str


@dataclass(frozen=True)
class Answer:
    """All that a line acquires, and the `findings` on it that are about nothing of that.

    Where there is neither, `nearest` are the places that acquire something: other columns of the line, where a column
    was asked about, and the lines around.
    """

    path: str
    line: int
    column: int | None
    acquired: tuple[Acquired, ...] = ()
    nearest: tuple[Nearby, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass(eq=False)
class _Group:
    """The sites of one call that acquire one kind: a `finally` block is followed once for each way into it."""

    node: cst.CSTNode
    kind: Kind
    sites: list[tuple[Watcher, SiteKey]] = field(default_factory=list)

    @property
    def run(self) -> Watcher:
        return self.sites[0][0]

    @property
    def name(self) -> str | None:
        return next((name for run, key in self.sites if (name := run.sites[key].name)), None)

    def fates(self) -> list[Fate]:
        found: dict[Fate, Fate] = {}
        for run, key in self.sites:
            for fate in run.fates.get(key, {}).values():
                known = found.get(fate)
                if known is None or (known.on_error and not fate.on_error):
                    found[fate] = fate
        whats = {fate.what for fate in found}
        if watch.YIELDED in whats and watch.RELEASED not in whats and not self.run.is_manager:
            # Who iterates may release it, whatever the generator does: that it is open at the end says nothing.
            found = {fate: fate for fate in found.values() if fate.what not in (watch.OPEN, watch.OVERWRITTEN)}
        return list(found.values())

    def nodes(self) -> set[int]:
        """Return the nodes at which a rule may speak of it: the call, releases that are not awaited or not called."""
        found = {id(self.node)}
        for run, key in self.sites:
            found.add(id(run.sites[key].node))
            found |= {id(run.sites[each].node) for each, meant in run.meant_releases.items() if key in meant}
            found |= {id(each.node) for each in run.after.uncalled.values() if each.acquired_at is self.node}
        return found


def _covers(span: Span, line: int, column: int | None) -> bool:
    """Whether a span is on a line, and at a column of it if one is given."""
    if column is None:
        return span.line <= line <= span.end_line
    return (span.line, span.column) <= (line, column) < (span.end_line, span.end_column)


class Inquiry:
    """Answers for the lines of one file; `ignored_by` has what per-file-ignores leave out there, code → pattern."""

    def __init__(self, opened: Opened, ignored_by: Mapping[str, str] = MappingProxyType({})) -> None:
        self.opened = opened
        self.ignored_by = ignored_by

    def answer(self, line: int, column: int | None = None) -> Answer:
        """Return what a line acquires (or what stands at a column of it), and why it is or is not reported.

        Raises `UnanswerableError` for a line that the file does not have.
        """
        source = self.opened.source
        if not 1 <= line <= len(source.lines):
            lines = "1 line" if len(source.lines) == 1 else f"{len(source.lines)} lines"
            raise UnanswerableError(f"{source.path} has no line {line}: it has {lines}")
        acquired = [
            *(self._explain(group) for group in self._groups if self._stands_at(group.node, line, column)),
            *(self._explain_unreached(each) for each in self._unreached if self._stands_at(each.node, line, column)),
            *(self._explain_lent(*each) for each in self._lent if self._stands_at(each[1].node, line, column)),
        ]
        shown = sorted(acquired, key=_order)
        begun = [each for each in shown if each.span.line == line] or shown
        told = {finding for each in begun for finding in (*each.findings, *each.others)}
        on_line = tuple(self._others_on(line, told))
        others = tuple(each for each in on_line if _covers(each.span, line, column))
        nearest = () if begun or others else tuple(self._nearest(line, on_line))
        return Answer(source.path, line, column, tuple(begun), nearest, others)

    def everything(self) -> list[Acquired]:
        """Return all that the file acquires, in source order."""
        found = [*map(self._explain, self._groups), *map(self._explain_unreached, self._unreached)]
        found += [self._explain_lent(*each) for each in self._lent]
        return sorted(found, key=_order)

    # --- what is acquired where -------------------------------------------------------------------------------------

    @functools.cached_property
    def _groups(self) -> list[_Group]:
        found: dict[tuple[int, str], _Group] = {}
        for info in self.opened.functions:
            run = self.opened.watch(info)
            for key, site in run.sites.items():
                kind = run.knowledge.kind(site.kind)
                if kind is None or kind.family not in minded_families() or not _is_acquisition(key):
                    continue
                node = run.origins.get(key, site.node)
                group = found.setdefault((id(node), kind.id), _Group(node, kind))
                group.sites.append((run, key))
        groups = list(found.values())
        self.opened.locate([each.node for each in groups])
        return [each for each in groups if self.opened.place(each.node) is not None]

    @functools.cached_property
    def _unreached(self) -> list[Opening]:
        reached = {id(group.node) for group in self._groups}
        openings = [
            each
            for each in find_openings(self.opened.program, self.opened.models)
            if id(each.node) not in reached and each.kind.family in minded_families()
        ]
        self.opened.locate([each.node for each in openings])
        return openings

    @functools.cached_property
    def _lent(self) -> list[tuple[FunctionInfo, Leak]]:
        program = self.opened.program
        lent = [(info, leak) for info in self.opened.functions for leak in lent_leaks(program, info)]
        self.opened.locate([leak.node for _, leak in lent])
        return lent

    def _span(self, node: cst.CSTNode) -> Span:
        place = self.opened.place(node)
        assert place is not None
        return place.span

    def _stands_at(self, node: cst.CSTNode, line: int, column: int | None) -> bool:
        return _covers(self._span(node), line, column)

    def _nearest(self, line: int, on_line: Iterable[Finding]) -> Iterator[Nearby]:
        """Yield what stands at other columns of a line, the findings *on_line* too, and what other lines acquire."""
        beside = {each.span.column: f"{each.code} {each.message}" for each in on_line}
        found: dict[int, Nearby] = {}
        titles = [(group.node, _title(group.kind, group.name)) for group in self._groups]
        titles += [(opening.node, _title(opening.kind, None)) for opening in self._unreached]
        for node, text in titles:
            span = self._span(node)
            if span.line == line:
                beside[span.column] = text
            else:
                found.setdefault(span.line, Nearby(span.line, span.column, text))
        here = [Nearby(line, column, text) for column, text in sorted(beside.items())]
        closest = sorted(found, key=lambda each: (abs(each - line), each))[: _NEAREST - bool(here)]
        yield from sorted([*here, *(found[each] for each in closest)], key=lambda each: (each.line, each.column))

    # --- why --------------------------------------------------------------------------------------------------------

    def _explain(self, group: _Group) -> Acquired:
        findings, silenced, others = self._said(group.nodes(), group.kind)
        fates = group.fates()
        reasons = self._reasons(group, fates)
        verdict = _verdict(group, fates, is_reported=bool(findings), is_silenced=bool(silenced))
        return Acquired(
            self._span(group.node),
            group.kind.label,
            group.name,
            self.opened.code(group.node),
            group.run.function.qualname,
            verdict,
            _summary(verdict, group.kind, {fate.what for fate in fates}),
            findings,
            silenced,
            tuple(reasons),
            others,
            (
                *self._elsewhere(group, {*findings, *others, *(each.finding for each in silenced)}),
                *self._shared_elsewhere(group, fates),
            ),
        )

    def _elsewhere(self, group: _Group, told: set[Finding]) -> Iterator[Finding]:
        """Yield the findings that are shown on other lines, and are about what is done with a resource."""
        meant = [(rule, report) for rule, report in self._selected if self._is_about(report, group)]
        found = to_findings(self.opened.source, self.opened.program, meant)
        for finding in sorted(found, key=lambda each: each.sort_key):
            is_here = finding.span.line == self._span(group.node).line
            if not is_here and finding not in told and self._why_silent(finding) is None:
                yield finding

    def _shared_elsewhere(self, group: _Group, fates: Sequence[Fate]) -> Iterator[Finding]:
        """Yield what a check of other files of the project says of their sharing what a global of this one keeps."""
        for name in _kept_globally(fates):
            for path in self._users(name)[:_MOST_USERS]:
                source = read_source(path)
                result = check_source(source, self.opened.options) if isinstance(source, SourceFile) else None
                for finding in result.findings if result is not None else ():
                    known = finding.resource
                    if (
                        finding.code == _SHARED
                        and known is not None
                        and (known.name, known.kind) == (name, group.kind.label)
                    ):
                        yield finding

    def _users(self, name: str) -> list[str]:
        """Return the paths of the other files of the project that use a global of this one."""
        target = Target(name, self.opened.index.name.path)
        if self.opened.index.links is None or not target.path:
            return []
        uses = find_uses(target, self.opened.index.body, lambda _: False)
        return [shown_path(path) for path in sorted({use.path for use in uses} - {target.path})]

    def _is_about(self, report: Report, group: _Group) -> bool:
        """Whether a report is about a resource: by the call that it is about, else by a name that no other one has."""
        if report.resource_kind is None or id(report.node) in group.nodes():
            return False
        if any(report.acquired_at is each.node for each in self._groups):
            return False  # it is about that, which may belong to the resource
        for run, key in group.sites:
            if id(report.node) in run.touched:
                return key in run.touched[id(report.node)]
        if report.resource_name is None or (report.resource_name, report.resource_kind) != (
            group.name,
            group.kind.label,
        ):
            return False
        function = group.run.function
        alike = [each for each in self._groups if each.run.function is function and each.name == group.name]
        return len(alike) == 1 and any(node is report.node for node in function.nodes)

    def _reasons(self, group: _Group, fates: Sequence[Fate]) -> list[Reason]:
        run, key = group.sites[0]
        words = Reasons(self.opened, run, group.kind, group.name)
        differ = len(fates) > 1
        reasons = [words.of(fate, differ) for fate in fates]
        reasons = list({(each.what, each.text, each.place): each for each in reasons}.values())
        reasons.sort(key=lambda each: (each.place is None, each.place.span.line if each.place else 0))
        for name in _kept_globally(fates):
            if users := self._users(name):
                more = f" and {len(users) - _MOST_USERS} others" if len(users) > _MOST_USERS else ""
                shown = ", ".join(users[:_MOST_USERS]) + more
                text = f"other files use `{name}`, too ({shown}): what is wrong with that is reported there"
                reasons.append(Reason("shared", text))
        if not group_owes(group):
            reasons.insert(0, Reason("borrowed", self._lender(run, key, group)))
        elif not fates:
            reasons.append(Reason("endless", f"no path gets from there to an end of `{run.function.name}()`"))
        if not run.is_complete:
            reasons.append(Reason("incomplete", f"`{run.function.name}()` has too many paths: not all are followed"))
        return reasons

    def _lender(self, run: Watcher, key: SiteKey, group: _Group) -> str:
        """Say why something owes no release to the function that acquires it."""
        code = f"`{self.opened.code(group.node)}`"
        if key[0] == "managed":
            ways = run.managers.get(key[1], []) if isinstance(key[1], int) else []
            ends = any(summary.ends_yielded for summary in ways)
            always = " without an error" if not any(summary.ends_yielded_on_error for summary in ways) else ""
            return f"{code} lends it to the block" + (f", and releases it when the block ends{always}" if ends else "")
        if key[0] == "given" and len(key) > 2:
            return f"{code} hands it out; somebody else owes its release"
        if group.kind.duty is Duty.NONE:
            return "it holds nothing that must be released"
        parent = run.born[key].parent if key in run.born else None
        owner = run.sites.get(parent[0]) if parent is not None else None
        kind = run.knowledge.kind(owner.kind) if owner is not None else None
        if kind is not None and owner is not None:
            name = f"`{owner.name}`" if owner.name else f"its {kind.label}"
            return f"it holds nothing of its own beside {name}"
        return f"{code} lends it" if parent is not None else f"{code} hands it out, and leaves nothing to release"

    def _explain_unreached(self, opening: Opening) -> Acquired:
        findings, silenced, others = self._said({id(opening.node)}, opening.kind)
        function = opening.function
        name = "the module" if function.is_module else f"`{function.name}()`"
        dotted = self.opened.index.dotted(opening.node.func, function)
        run = self.opened.watch(function)
        if dotted is not None and is_patched(dotted, run.patched):
            text = "the test puts something else in its place"
        elif isinstance(function.node, cst.Lambda):
            text = "made in a `lambda`, which is followed where it is called"
        elif not run.is_complete:
            text = f"{name} has too many paths: none of those that are followed gets here"
        else:
            text = f"no path through {name} gets here, or what is made here is never entered or awaited"
        verdict = REPORTED if findings else SILENCED if silenced else UNREACHED
        return Acquired(
            self._span(opening.node),
            opening.kind.label,
            None,
            self.opened.code(opening.node),
            function.qualname,
            verdict,
            _summary(verdict, opening.kind, set()),
            findings,
            silenced,
            (Reason("unreached", text),),
            others,
        )

    def _explain_lent(self, info: FunctionInfo, leak: Leak) -> Acquired:
        findings, silenced, others = self._said({id(leak.node)}, leak.kind)
        verb = verb_of(leak.kind)
        text = f"`{info.name}()` is given it; {verb} when the block ends well, and not after every error of the block"
        verdict = REPORTED if findings else SILENCED if silenced else "open"
        return Acquired(
            self._span(leak.node), leak.kind.label, leak.name, self.opened.code(leak.node), info.qualname, verdict,
            _summary(verdict, leak.kind, set()), findings, silenced, (Reason("lent", text),), others,
        )  # fmt: skip

    # --- what the rules say -----------------------------------------------------------------------------------------

    @functools.cached_property
    def _selected(self) -> list[tuple[Rule, Report]]:
        return self.opened.reports(self.opened.options.codes)

    @functools.cached_property
    def _all(self) -> list[tuple[Rule, Report]]:
        return self.opened.reports(frozenset(meta.code for meta in all_metas()))

    def _others_on(self, line: int, told: set[Finding]) -> Iterator[Finding]:
        """Yield the findings that are shown on a line and have not been told of."""
        found = to_findings(self.opened.source, self.opened.program, self._selected)
        for finding in sorted(found, key=lambda each: each.sort_key):
            if finding.span.line == line and finding not in told and self._why_silent(finding) is None:
                yield finding

    def _said(
        self, nodes: set[int], kind: Kind
    ) -> tuple[tuple[Finding, ...], tuple[Silenced, ...], tuple[Finding, ...]]:
        """Return the findings about a lifetime that are shown, those that are not, and findings about other things."""
        own = self._findings(self._selected, nodes, kind)
        shown: list[Finding] = []
        silenced: list[Silenced] = []
        for finding in own:
            because = self._why_silent(finding)
            if because is None:
                shown.append(finding)
            else:
                silenced.append(Silenced(finding, because))
        if not own:
            for finding in self._findings(self._all, nodes, kind):
                pattern = self.ignored_by.get(finding.code)
                because = f"{finding.code} is not selected for this file"
                if pattern is not None:
                    because = f"`per-file-ignores` leaves {finding.code} out, by the pattern `{pattern}`"
                if finding.confidence < self.opened.options.min_confidence:
                    because += f", and its confidence is {finding.confidence.label}"
                silenced.append(Silenced(finding, because))
        others = [
            each
            for each in self._findings(self._selected, nodes, kind, is_lifetime=False)
            if self._why_silent(each) is None
        ]
        return tuple(shown), tuple(silenced), tuple(others)

    def _findings(
        self, reports: Iterable[tuple[Rule, Report]], nodes: set[int], kind: Kind, *, is_lifetime: bool = True
    ) -> list[Finding]:
        """Return the findings about one thing, those of one sort."""
        meant = [
            (rule, report)
            for rule, report in reports
            if (id(report.node) in nodes or id(report.acquired_at) in nodes)
            and report.resource_kind in (None, kind.label)
            and (rule.meta.code.startswith("LDB1") or rule.meta.code in _BESIDES) is is_lifetime
        ]
        return sorted(to_findings(self.opened.source, self.opened.program, meant), key=lambda each: each.sort_key)

    def _why_silent(self, finding: Finding) -> str | None:
        """Say why users do not see a finding of a rule that runs; None where they do."""
        source, options = self.opened.source, self.opened.options
        left = apply_suppressions(source, [finding], options.codes, honor_noqa=options.honor_noqa, report_unused=False)
        if not left:
            if is_skipped(source, honor_noqa=options.honor_noqa):
                return "a comment asks to skip the whole file"
            line = silencing_line(source, finding, honor_noqa=options.honor_noqa)
            return f"silenced by the comment on line {line}" if line is not None else "silenced by a comment"
        if finding.confidence < options.min_confidence:
            return (
                f"its confidence is {finding.confidence.label}, and `min-confidence` is {options.min_confidence.label}"
            )
        return None


def _kept_globally(fates: Iterable[Fate]) -> list[str]:
    """Return the names of the globals that a resource is kept in."""
    kept = (fate.name for fate in fates if fate.what == watch.KEPT and fate.by == "global")
    return [name for name in dict.fromkeys(kept) if name]


def _order(acquired: Acquired) -> tuple[Span, str]:
    return acquired.span, acquired.kind


def _is_acquisition(key: SiteKey) -> bool:
    """Whether a site is a call, rather than a parameter, an attribute or a part of something."""
    return isinstance(key[0], int) or (key[0] in ("given", "managed") and isinstance(key[1], int))


def group_owes(group: _Group) -> bool:
    """Whether some path owes a release."""
    return any(key in run.owing for run, key in group.sites)


def _title(kind: Kind, name: str | None) -> str:
    return f"{kind.label} `{name}`" if name else kind.label


def _verdict(group: _Group, fates: Sequence[Fate], *, is_reported: bool, is_silenced: bool) -> str:
    whats = {fate.what for fate in fates}
    if is_reported:
        return REPORTED
    if is_silenced:
        return SILENCED
    if not group_owes(group):
        return BORROWED
    if watch.LOST in whats or not group.run.is_complete:
        return LOST
    if whats & {watch.OPEN, watch.OVERWRITTEN}:
        return OPEN
    if whats & {watch.RETURNED, watch.KEPT} or whats == {watch.YIELDED}:
        return TRANSFERRED
    return RELEASED


def _summary(verdict: str, kind: Kind, whats: set[str]) -> str:
    """Return the verdict in words."""
    verb = verb_of(kind)
    match verdict:
        case "reported":
            return "reported"
        case "silenced":
            return "found, but not shown"
        case "borrowed":
            return f"not reported: it need not be {verb} here"
        case "lost":
            return "not reported: lintdb loses sight of it on some path, and is silent where it does not know"
        case "open":
            return "not reported, though some path leaves it open: that does no harm that a rule would speak of"
        case "unreached":
            return "not reported: lintdb never sees it open"
        case "transferred":
            more = f", or is {verb}" if whats & {watch.RELEASED, watch.WITH_PARENT} else ""
            return f"not reported: it gets a new owner{more}"
    if not whats or whats & {watch.KILLED}:
        return "not reported: no path leaves it open where the function ends"
    if whats <= {watch.WITH_PARENT, watch.COVERED}:
        return "not reported: it goes with what it belongs to, on every path that lintdb follows"
    if whats == {watch.UNUSED}:
        return "not reported: it opens nothing before it is used, and no path that lintdb follows uses it"
    using = " and that uses it" if watch.UNUSED in whats else ""
    # What a subscript, an attribute or a sum may raise is taken not to: more than this is not known.
    return f"not reported: {verb} on every path that lintdb follows{using}"
