"""The harness must be able to fail: tiny programs with invented findings, no engine."""

from __future__ import annotations

import pytest

from lintdb.finding import Confidence, Finding, Severity, Span
from tests import harness
from tests.harness import FixtureError, Mark


def found(line: int, code: str = "LDB101", confidence: Confidence = Confidence.HIGH, message: str = "open") -> Finding:
    span = Span(line, 1, line, 2)
    return Finding("f.py", span, code, "some-name", message, Severity.ERROR, confidence)


def problems(text: str, *findings: Finding) -> list[str]:
    """Compare as a fixture test does: the usual run lacks the findings of confidence low."""
    usual = [finding for finding in findings if finding.confidence > Confidence.LOW]
    return [f"{each.line}: {each.text}" for each in harness.compare(harness.parse_marks(text), usual, findings)]


class TestMarks:
    def test_one_code(self) -> None:
        assert harness.parse_marks("a = 1\nb = 2  # LDB101\n") == [Mark(2, "LDB101")]

    def test_several_codes_and_texts(self) -> None:
        text = 'a = 1  # LDB101, LDB402: "a, \\"b\\" # c"\n'
        assert harness.parse_marks(text) == [Mark(1, "LDB101"), Mark(1, "LDB402", text='a, "b" # c')]

    @pytest.mark.parametrize("kind", ["missed", "false", "low"])
    def test_kinds(self, kind: str) -> None:
        assert harness.parse_marks(f"a = 1  # {kind}: LDB101, LDB102\n") == [
            Mark(1, "LDB101", kind),
            Mark(1, "LDB102", kind),
        ]

    @pytest.mark.parametrize("separator", [" # ", "; "])
    def test_kinds_are_separated(self, separator: str) -> None:
        text = f"a = 1  # LDB101{separator}missed: LDB102\n"
        assert harness.parse_marks(text) == [Mark(1, "LDB101"), Mark(1, "LDB102", "missed")]

    def test_suppression_in_front_of_a_mark(self) -> None:
        assert harness.parse_marks("a = 1  # noqa: LDB101  # LDB001\n") == [Mark(1, "LDB001")]

    def test_behind_a_string_of_many_lines(self) -> None:
        assert harness.parse_marks('a = """\n# LDB102\n"""  # LDB101\n') == [Mark(3, "LDB101")]

    @pytest.mark.parametrize(
        "text",
        [
            "# LDB101 is about connections\na = 1\n",
            'a = "# LDB101"\n',
            "a = 1  # see LDB101\n",
            "a = 1  # noqa: LDB101\n",
            "if a:\n    # LDB101\n    pass\n",
        ],
    )
    def test_no_marks(self, text: str) -> None:
        assert harness.parse_marks(text) == []

    @pytest.mark.parametrize("comment", ["LDB10", "LDB101 here", "missed: connection", "false: LDB101 why", "LDB101:"])
    def test_malformed_marks_are_refused(self, comment: str) -> None:
        with pytest.raises(FixtureError, match="line 1"):
            harness.parse_marks(f"a = 1  # {comment}\n")


class TestDirective:
    def test_options(self) -> None:
        directive = harness.parse_directive(
            '# lintdb-fixture: select=LDB1,LDB504 target-version=pymysql:0.9 strict-cursors=true\n"""Doc."""\n'
        )
        assert directive == harness.Directive(("LDB1", "LDB504"), {"pymysql": "0.9"}, strict_cursors=True)

    def test_below_code_it_is_a_comment(self) -> None:
        assert harness.parse_directive("a = 1\n# lintdb-fixture: select=LDB1\n") == harness.Directive()

    @pytest.mark.parametrize("option", ["selct=LDB1", "select=", "target-version=pymysql", "strict-cursors=yes"])
    def test_unknown_options_are_refused(self, option: str) -> None:
        with pytest.raises(FixtureError, match="no option"):
            harness.parse_directive(f"# lintdb-fixture: {option}\n")


class TestCompare:
    def test_agreement(self) -> None:
        text = 'a = 1  # LDB101\nb = 1  # low: LDB121\nc = 1  # missed: LDB102\nd = 1  # false: LDB401: "open"\ne = 1\n'
        assert problems(text, found(1), found(2, "LDB121", Confidence.LOW), found(4, "LDB401")) == []

    def test_expected_but_not_found(self) -> None:
        assert problems("a = 1  # LDB101\n") == ["1: expected LDB101, not found"]

    def test_other_text(self) -> None:
        assert problems('a = 1  # LDB101: "shut"\n', found(1)) == [
            "1: expected LDB101: 'shut', not found (this line has: LDB101 open)",
            "1: unexpected LDB101 open",
        ]

    def test_other_line(self) -> None:
        assert problems("a = 1  # LDB101\nb = 2\n", found(2)) == [
            "1: expected LDB101, not found",
            "2: unexpected LDB101 open",
        ]

    def test_found_on_an_unmarked_line(self) -> None:
        assert problems("a = 1\n", found(1)) == ["1: unexpected LDB101 open"]

    def test_found_twice_but_marked_once(self) -> None:
        assert problems("a = 1  # LDB101\n", found(1), found(1)) == ["1: unexpected LDB101 open"]

    def test_marked_twice_but_found_once(self) -> None:
        assert problems("a = 1  # LDB101, LDB101\n", found(1)) == ["1: expected LDB101, not found"]

    def test_bare_mark_leaves_the_finding_to_the_mark_with_its_text(self) -> None:
        text = 'a = 1  # LDB101, LDB101: "first"\n'
        assert problems(text, found(1, message="first"), found(1, message="second")) == []

    def test_missed_alarm_that_is_found(self) -> None:
        assert problems("a = 1  # missed: LDB101\n", found(1)) == ["1: no longer missed: change the mark to `# LDB101`"]

    def test_missed_alarm_that_is_found_with_low_confidence(self) -> None:
        assert problems("a = 1  # missed: LDB101\n", found(1, confidence=Confidence.LOW)) == [
            "1: no longer missed: change the mark to `# low: LDB101`"
        ]

    def test_false_alarm_that_is_gone(self) -> None:
        assert problems("a = 1  # false: LDB101\n") == ["1: the false alarm LDB101 is gone: remove the mark"]

    def test_false_alarm_of_low_confidence(self) -> None:
        assert problems("a = 1  # false: LDB101\n", found(1, confidence=Confidence.LOW)) == []

    def test_low_finding_on_an_unmarked_line(self) -> None:
        assert problems("a = 1\n", found(1, confidence=Confidence.LOW)) == [
            "1: unexpected at confidence low (`# low:`): LDB101 open"
        ]

    def test_expected_finding_that_is_only_of_low_confidence(self) -> None:
        [problem] = problems("a = 1  # LDB101\n", found(1, confidence=Confidence.LOW))
        assert problem.startswith("1: LDB101 is found with confidence low only")

    def test_low_mark_that_is_found_with_more(self) -> None:
        [problem] = problems("a = 1  # low: LDB101\n", found(1, confidence=Confidence.MEDIUM))
        assert problem.startswith("1: LDB101 is no longer of confidence low")

    def test_low_mark_that_is_not_found(self) -> None:
        assert problems("a = 1  # low: LDB101\n") == ["1: expected LDB101, not found"]


class TestNames:
    @pytest.mark.parametrize(
        ("name", "verdict"),
        [
            ("closed_ok", "ok"),
            ("skipped_bad", "bad"),
            ("HolderBad", "bad"),
            ("Holder.closes_ok", "ok"),
            ("helper", None),
            ("book", None),
            ("ok", None),
        ],
    )
    def test_verdict(self, name: str, verdict: str | None) -> None:
        assert harness.verdict_of(name) == verdict

    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            ("def f_bad():\n    pass\n", "f_bad is called bad but has no mark"),
            ("def f_ok():\n    a = 1  # missed: LDB101\n", "f_ok is called ok but has the mark LDB101"),
            ("def f():\n    a = 1  # LDB101\n", "f has marks, so its name must end in _ok or _bad"),
            ("def f():\n    pass\n", None),
            ("def f_bad():\n    a = 1  # low: LDB101\n", None),
            ("def f_ok():\n    a = 1  # false: LDB101\n", None),
            ("class C:\n    a = 1  # LDB101\n", None),
            ("class CBad:\n    a = 1\n", "CBad is called bad but has no mark"),
        ],
    )
    def test_name_and_marks(self, text: str, problem: str | None) -> None:
        subject = harness.find_subjects(text)[0]
        texts = [each.text for each in harness.naming_problems(subject, harness.parse_marks(text))]
        assert texts == ([problem] if problem else [])

    def test_subjects(self) -> None:
        text = "import a\n@a\ndef f_ok():\n    pass\nclass C:\n    def m_bad(self):\n        pass\n    x = 1\n"
        subjects = harness.find_subjects(text)
        assert [(each.name, each.first_line, each.last_line) for each in subjects] == [
            ("f_ok", 2, 4),
            ("C", 5, 8),
            ("C.m_bad", 6, 7),
            ("<module>", 1, 9),
        ]
        names = [harness.subject_of(line, subjects).name for line in range(1, 9)]
        assert names == ["<module>", "f_ok", "f_ok", "f_ok", "C", "C.m_bad", "C.m_bad", "C"]


def test_problems_are_rendered_with_their_source() -> None:
    problem = harness.Problem(2, "unexpected LDB101 open")
    assert harness.render_problems("rules/LDB101.md", "a\n  b()\n", [problem], first_line=10) == (
        "rules/LDB101.md:11: unexpected LDB101 open\n    b()"
    )


def test_problems_fail_the_test() -> None:
    harness.fail_if([], "f.py", "")
    with pytest.raises(pytest.fail.Exception, match=r"f\.py:1: unexpected LDB101 open\n    a = 1"):
        harness.fail_if([harness.Problem(1, "unexpected LDB101 open")], "f.py", "a = 1\n")
