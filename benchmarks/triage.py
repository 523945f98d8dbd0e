"""Which of the corpus' findings are right: draws a sample to be judged, keeps the verdicts, renders the table.

    python -m benchmarks.triage sample FINDINGS [--per-rule 20] [--seed 1]
    python -m benchmarks.triage update FINDINGS [--only NAME,NAME]
    python -m benchmarks.triage table [--check]

FINDINGS is what `python -m benchmarks.corpus run … --write FINDINGS` wrote. `sample` prints the findings of a
reproducible sample that nobody has judged, as lines for triage.csv. `update` notes there which findings are reported
now, and says which true ones are lost and which false ones remain; after a run over some packages (`--only`, as `run`
was told) it leaves the verdicts on others as they are. `table` writes PRECISION.md from triage.csv.
"""

from __future__ import annotations

import argparse
import csv
import io
import random
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.corpus import PACKAGES, Place, choose, parse_packages, parse_places

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping, Sequence

HERE = Path(__file__).resolve().parent
VERDICTS = HERE / "triage.csv"
TABLE = HERE / "PRECISION.md"
WORDS = ("true", "debatable", "false")


class Judged(NamedTuple):
    """One line of triage.csv. `reported`: lintdb said so when the file was last updated."""

    place: Place
    version: str
    reported: bool
    verdict: str
    reason: str


_COLUMNS = ("package", "version", "path", "code", "function", "text", "reported", "verdict", "reason")


def parse_verdicts(text: str) -> list[Judged]:
    """Read triage.csv; raises ValueError for a line that is not complete."""
    rows = list(csv.reader(io.StringIO(text)))
    if not rows or tuple(rows[0]) != _COLUMNS:
        raise ValueError(f"the first line must name the columns {', '.join(_COLUMNS)}")
    judged = []
    for number, row in enumerate(rows[1:], 2):
        if len(row) != len(_COLUMNS):
            raise ValueError(f"line {number} has {len(row)} columns and not {len(_COLUMNS)}")
        package, version, path, code, function, line, reported, verdict, reason = row
        if verdict not in WORDS or reported not in ("yes", "no") or not reason:
            raise ValueError(f"line {number} needs yes or no, {', '.join(WORDS)}, and a reason")
        judged.append(Judged(Place(package, path, code, function, line), version, reported == "yes", verdict, reason))
    return judged


def render_verdicts(judged: Iterable[Judged]) -> str:
    """Return verdicts as the text of triage.csv, sorted by rule and place."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for each in sorted(judged, key=lambda each: (each.place.code, each.place)):
        place, reported = each.place, "yes" if each.reported else "no"
        package, *rest = place
        writer.writerow([package, each.version, *rest, reported, each.verdict, each.reason])
    return out.getvalue()


def draw(places: Iterable[Place], per_rule: int, seed: int) -> list[Place]:
    """Return a sample: of each rule *per_rule* findings or all, taken from the packages in turn."""
    by_rule: dict[str, dict[str, list[Place]]] = {}
    for place in sorted(places):
        by_rule.setdefault(place.code, {}).setdefault(place.package, []).append(place)
    sample: list[Place] = []
    for code, packages in sorted(by_rule.items()):
        dice = random.Random(f"{seed}:{code}")  # noqa: S311 - the same sample each time is what is wanted
        piles = [dice.sample(pile, len(pile)) for pile in packages.values()]
        dice.shuffle(piles)
        taken: list[Place] = []
        while piles and len(taken) < per_rule:
            taken += [pile.pop() for pile in piles[: per_rule - len(taken)]]
            piles = [pile for pile in piles if pile]
        sample += sorted(taken)
    return sample


def unjudged(sample: Iterable[Place], judged: Iterable[Judged]) -> list[Place]:
    """Return the findings of a sample that have no verdict; several at one place need as many."""
    left = Counter(each.place for each in judged)
    missing = []
    for place in sample:
        if left[place] > 0:
            left[place] -= 1
        else:
            missing.append(place)
    return missing


def updated(judged: Sequence[Judged], places: Iterable[Place], checked: Container[str] | None = None) -> list[Judged]:
    """Return the verdicts, each with whether its finding is reported.

    *checked* are the packages that were run over (None: all); what is said of others stays as it is.
    """
    left = Counter(places)
    found = []
    for each in judged:
        if checked is not None and each.place.package not in checked:
            found.append(each)
            continue
        found.append(each._replace(reported=left[each.place] > 0))
        left[each.place] -= 1
    return found


def render_changes(before: Iterable[Judged], after: Iterable[Judged]) -> str:
    """Return the true findings that are no longer reported, and the false ones that are, one a line."""
    lost = [new for old, new in zip(before, after, strict=True) if new.verdict == "true" and not new.reported]
    wrong = [each for each in after if each.verdict == "false" and each.reported]
    lines = ["lost: " + "\t".join(each.place) for each in lost] + ["false: " + "\t".join(each.place) for each in wrong]
    return "".join(line + "\n" for line in lines)


def render_table(judged: Sequence[Judged], defaults: Mapping[str, bool]) -> str:
    """Return the table of PRECISION.md: how many findings of each rule are right, of those that are reported now."""
    codes = sorted({each.place.code for each in judged})
    lines = [
        "| rule | on by default | judged | true | debatable | false | true | not false | mended | lost |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    groups = [(code, [each for each in judged if each.place.code == code]) for code in codes]
    on = [each for each in judged if defaults.get(each.place.code)]
    groups += [("**on by default**", on), ("**all**", list(judged))]
    for title, group in groups:
        reported = Counter(each.verdict for each in group if each.reported)
        gone = Counter(each.verdict for each in group if not each.reported)
        count = reported.total()
        cells = [title, "" if title.startswith("*") else "yes" if defaults.get(title) else "no", str(count)]
        cells += [str(reported[word]) for word in WORDS]
        cells += [_share(reported["true"], count), _share(count - reported["false"], count)]
        cells += [str(gone["false"]), str(gone["true"])]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "-"


_HEAD = """\
# Precision

<!-- Written by `python -m benchmarks.triage table` from triage.csv: change it there. -->

How many of lintdb's findings in the corpus of published packages ([corpus.txt](corpus.txt)) are right. Each was judged
by reading the code around it, in other files, too: *true* means that a maintainer would thank for it, *false* that what
it says is wrong or does no harm, *debatable* that it is as it says, and that a good maintainer may shrug. The first
share counts only what is true, the second all that is not false. *mended* were false and are no longer reported, *lost*
were true and are no longer reported. [triage.csv](triage.csv) has each verdict with its reason.

"""


def render_page(judged: Sequence[Judged], defaults: Mapping[str, bool]) -> str:
    """Return the whole of PRECISION.md."""
    return _HEAD + render_table(judged, defaults)


def defaults() -> dict[str, bool]:
    """Return which rules are on by default."""
    from lintdb.rules.registry import all_metas

    return {meta.code: meta.default for meta in all_metas()}


def _command() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.triage", description=(__doc__ or "").partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    sample = commands.add_parser("sample", help="print what of a sample has no verdict yet")
    sample.add_argument("findings", type=Path)
    sample.add_argument("--per-rule", type=int, default=20)
    sample.add_argument("--seed", type=int, default=1)
    update = commands.add_parser("update", help="note which findings are reported")
    update.add_argument("findings", type=Path)
    update.add_argument("--only", metavar="NAME,NAME", help="the packages that were run over, if not all")
    table = commands.add_parser("table", help="write PRECISION.md")
    table.add_argument("--check", action="store_true", help="only say whether it is up to date")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; 0 if all is well, 1 if something is to be done, 2 for what cannot be done."""
    arguments = _command().parse_args(argv)
    try:
        judged = parse_verdicts(VERDICTS.read_text(encoding="utf-8"))
        if arguments.command == "table":
            return _write_table(render_page(judged, defaults()), check=arguments.check)
        places = parse_places(arguments.findings.read_text(encoding="utf-8"))
        packages = parse_packages(PACKAGES.read_text(encoding="utf-8"))
        if arguments.command == "update":
            checked = {package.name for package in choose(packages, arguments.only)}
            return _update(judged, places, checked if arguments.only is not None else None)
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    versions = {package.name: package.version for package in packages}
    missing = unjudged(draw(places, arguments.per_rule, arguments.seed), judged)
    writer = csv.writer(sys.stdout, lineterminator="\n")
    for place in missing:
        package, *rest = place
        writer.writerow([package, versions.get(package, ""), *rest, "yes", "", ""])
    return int(bool(missing))


def _update(judged: Sequence[Judged], places: Sequence[Place], checked: Container[str] | None) -> int:
    after = updated(judged, places, checked)
    VERDICTS.write_text(render_verdicts(after), encoding="utf-8")
    print(render_changes(judged, after), end="")
    return 0


def _write_table(page: str, *, check: bool) -> int:
    if TABLE.exists() and TABLE.read_text(encoding="utf-8") == page:
        return 0
    if check:
        print(f"{TABLE.name} is not up to date: run `python -m benchmarks.triage table`")
        return 1
    TABLE.write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
