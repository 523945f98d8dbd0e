"""The verdicts on findings of the corpus: reading, sampling, and the table."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import corpus, triage
from benchmarks.corpus import Place
from benchmarks.triage import Judged


def place(package: str, code: str = "LDB101", number: int = 0) -> Place:
    return Place(package, "x.py", code, f"f{number}", "conn = connect()")


def judged(number: int, verdict: str, *, reported: bool = True, code: str = "LDB101") -> Judged:
    return Judged(place("a", code, number), "1.0", reported, verdict, "because")


class TestVerdicts:
    def test_of_the_repository(self) -> None:
        text = triage.VERDICTS.read_text(encoding="utf-8")
        found = triage.parse_verdicts(text)
        assert triage.render_verdicts(found) == text
        assert sum(each.reported for each in found) >= 150

    def test_table_is_up_to_date(self) -> None:
        found = triage.parse_verdicts(triage.VERDICTS.read_text(encoding="utf-8"))
        assert triage.TABLE.read_text(encoding="utf-8") == triage.render_page(found, triage.defaults())

    def test_versions_are_those_of_the_corpus(self) -> None:
        versions = {p.name: p.version for p in corpus.parse_packages(corpus.PACKAGES.read_text(encoding="utf-8"))}
        found = triage.parse_verdicts(triage.VERDICTS.read_text(encoding="utf-8"))
        assert all(versions[each.place.package] == each.version for each in found if each.reported)

    @pytest.mark.parametrize(
        ("row", "words"),
        [
            ("a,1.0,x.py,LDB101,f,conn,yes,right,because", "line 2 needs"),
            ("a,1.0,x.py,LDB101,f,conn,perhaps,true,because", "line 2 needs"),
            ("a,1.0,x.py,LDB101,f,conn,yes,true,", "line 2 needs"),
            ("a,1.0,x.py,LDB101,f,conn,yes,true", "line 2 has 8 columns"),
        ],
    )
    def test_incomplete_lines_are_refused(self, row: str, words: str) -> None:
        heading = triage.render_verdicts([]).strip()
        with pytest.raises(ValueError, match=words):
            triage.parse_verdicts(f"{heading}\n{row}\n")

    def test_other_columns_are_refused(self) -> None:
        with pytest.raises(ValueError, match="the first line"):
            triage.parse_verdicts("a,b\n")


PLACES = [place(package, code, n) for package in "abc" for code in ("LDB101", "LDB402") for n in range(10)]


class TestSample:
    def test_is_the_same_each_time(self) -> None:
        assert triage.draw(PLACES, 5, 1) == triage.draw(reversed(PLACES), 5, 1)
        assert triage.draw(PLACES, 5, 1) != triage.draw(PLACES, 5, 2)

    def test_takes_from_all_rules_and_packages(self) -> None:
        sample = triage.draw(PLACES, 6, 1)
        counts = [
            sum(each.code == code and each.package == package for each in sample)
            for code in ("LDB101", "LDB402")
            for package in "abc"
        ]
        assert counts == [2] * 6

    def test_takes_all_of_what_is_rare(self) -> None:
        assert triage.draw(PLACES[:3], 20, 1) == sorted(PLACES[:3])

    def test_what_has_a_verdict_is_left_out(self) -> None:
        twice = [place("a"), place("a"), place("b")]
        assert triage.unjudged(twice, [judged(0, "true")]) == [place("a"), place("b")]


class TestUpdate:
    def test_lost_and_remaining(self) -> None:
        before = [judged(0, "true"), judged(1, "false"), judged(2, "false")]
        after = triage.updated(before, [place("a", number=1)])
        assert [each.reported for each in after] == [False, True, False]
        lines = triage.render_changes(before, after).splitlines()
        assert lines == ["lost: " + "\t".join(place("a")), "false: " + "\t".join(place("a", number=1))]

    def test_two_at_one_place(self) -> None:
        assert [each.reported for each in triage.updated([judged(0, "true")] * 2, [place("a")])] == [True, False]

    def test_packages_that_were_not_run_over_stay_as_they_are(self) -> None:
        other = Judged(place("b"), "1.0", True, "true", "because")
        after = triage.updated([judged(0, "true"), other], [], {"a"})
        assert [each.reported for each in after] == [False, True]

    def test_of_a_run_over_one_package(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        verdicts, findings = tmp_path / "triage.csv", tmp_path / "now.tsv"
        kept = Judged(place("celery"), "1.0", True, "true", "because")
        lost = Judged(place("rq"), "1.0", True, "true", "because")
        verdicts.write_text(triage.render_verdicts([kept, lost]), encoding="utf-8")
        findings.write_text("", encoding="utf-8")
        monkeypatch.setattr(triage, "VERDICTS", verdicts)
        assert triage.main(["update", str(findings), "--only", "rq"]) == 0
        assert capsys.readouterr().out == "lost: " + "\t".join(lost.place) + "\n"
        after = triage.parse_verdicts(verdicts.read_text(encoding="utf-8"))
        assert [each.reported for each in after] == [True, False]

    def test_of_a_package_that_is_not_in_the_corpus(self, tmp_path: Path) -> None:
        findings = tmp_path / "now.tsv"
        findings.write_text("", encoding="utf-8")
        assert triage.main(["update", str(findings), "--only", "nothing"]) == 2


class TestTable:
    def test_shares(self) -> None:
        rows = [judged(0, "true"), judged(1, "true"), judged(2, "debatable"), judged(3, "false")]
        gone = [
            judged(4, "false", reported=False),
            judged(5, "true", reported=False),
            judged(6, "false", code="LDB703"),
        ]
        table = triage.render_table([*rows, *gone], {"LDB101": True, "LDB703": False}).splitlines()
        assert table[2:] == [
            "| LDB101 | yes | 4 | 2 | 1 | 1 | 50 % | 75 % | 1 | 1 |",
            "| LDB703 | no | 1 | 0 | 0 | 1 | 0 % | 0 % | 0 | 0 |",
            "| **on by default** |  | 4 | 2 | 1 | 1 | 50 % | 75 % | 1 | 1 |",
            "| **all** |  | 5 | 2 | 1 | 2 | 40 % | 60 % | 1 | 1 |",
        ]
