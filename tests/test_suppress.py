"""Which comments silence which findings, and which comments are reported because they silence nothing."""

from __future__ import annotations

import pytest

from lintdb.finding import Confidence, Finding, Severity, Span
from lintdb.rules.base import RuleMeta
from lintdb.source import SourceFile
from lintdb.suppress import apply_suppressions, is_skipped

NAMES = {
    "LDB001": "unused-suppression",
    "LDB101": "connection-not-closed",
    "LDB102": "cursor-not-closed",
    "LDB104": "pool-not-closed",
    "LDB117": "release-in-del",
    "LDB201": "missing-rollback",
}
METAS = tuple(RuleMeta(code, name, "summary", Severity.ERROR, "help", "0.1") for code, name in NAMES.items())
ENABLED = frozenset(NAMES) - {"LDB117"}


@pytest.fixture(autouse=True)
def few_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lintdb.rules.registry.all_metas", lambda: METAS)


def finding(
    code: str = "LDB101", line: int = 1, *, end_line: int | None = None, statement: Span | None = None
) -> Finding:
    span = Span(line, 1, end_line or line, 8)
    return Finding(
        "x.py", span, code, NAMES[code], "is open", Severity.ERROR, Confidence.HIGH, statement=statement or span
    )


def codes_left(text: str, *findings: Finding, honor_noqa: bool = True, report_unused: bool = False) -> list[str]:
    left = apply_suppressions(
        SourceFile("x.py", text), findings, ENABLED, honor_noqa=honor_noqa, report_unused=report_unused
    )
    return [item.code for item in left]


def unused(text: str, *findings: Finding, enabled: frozenset[str] = ENABLED, honor_noqa: bool = True) -> list[str]:
    left = apply_suppressions(SourceFile("x.py", text), findings, enabled, honor_noqa=honor_noqa, report_unused=True)
    return [f"{item.span.line}:{item.span.column} {item.message}" for item in left if item.code == "LDB001"]


@pytest.mark.parametrize(
    "comment",
    [
        "# noqa",
        "# NOQA",
        "# noqa: LDB101",
        "# noqa:LDB101",
        "# noqa: ldb101",
        "# NoQA:E501,LDB101",
        "# noqa: E501, LDB101",
        "# noqa: E501 LDB101",
        "# noqa: LDB101 owned by the pool",
        "# noqa: LDB1",
        "# type: ignore  # noqa: LDB101",
        "# noqa: we know",
        "# lintdb: ignore",
        "# lintdb: ignore all of it",
        "# lintdb: ignore because LDB101 knows no daemons",
        "# lintdb:ignore[LDB101]",
        "# lintdb: ignore[LDB101] owned by the pool",
        "# lintdb: ignore[LDB201, ldb101]",
        "# lintdb: ignore[LDB1]",
        "# lintdb: ignore[connection-not-closed]",
        "# pragma: no cover  # lintdb: ignore[LDB101]",
    ],
)
def test_comment_silences(comment: str) -> None:
    assert codes_left(f"conn = connect()  {comment}\n", finding()) == []


@pytest.mark.parametrize(
    "comment",
    [
        "# noqa: LDB102",
        "# noqa: E501",
        "# noqa: LDB102,E501",
        "# lintdb: ignore[LDB102]",
        "# lintdb: ignore[]",
        "# lintdb: ignored",
        "# lintdb: ignor[LDB101]",
        "# lintdb: ignore LDB101",
        "# lintdb: ignore: LDB101",
        "# lintdb: ignore connection-not-closed",
        "# lintdb: ignore [LDB101]",
        "# lintdb: ignore[LDB101",
        "# lintdb: ignore-next-line",
        "# lintdb: disable=LDB101",
        "# lintdb ignore",
        "# lintdb: ignore[cursor-not-closed]",
        "# lintdb: skip-file",
    ],
)
def test_comment_for_something_else_silences_nothing(comment: str) -> None:
    assert codes_left(f"conn = connect()  {comment}\n", finding()) == ["LDB101"]


@pytest.mark.parametrize("text", ['conn = connect("# noqa")\n', '"""\n# noqa\n# lintdb: skip-file\n"""\n'])
def test_words_in_strings_are_no_comments(text: str) -> None:
    assert codes_left(text, finding(), finding(line=2)) == ["LDB101", "LDB101"]


def test_other_lines_are_not_concerned() -> None:
    assert codes_left("# noqa\nconn = connect()\n# noqa\n", finding(line=2)) == ["LDB101"]


STATEMENT = "conn = connect(\n    dsn,\n    timeout=5,\n)\n"


@pytest.mark.parametrize(("line", "left"), [(1, []), (2, ["LDB101"]), (3, []), (4, [])])
def test_ends_of_the_statement_and_lines_of_the_finding(line: int, left: list[str]) -> None:
    lines = STATEMENT.splitlines()
    lines[line - 1] += "  # noqa: LDB101"
    found = finding(line=3, statement=Span(1, 1, 4, 2))
    assert codes_left("\n".join(lines), found) == left


def test_noqa_is_left_to_flake8() -> None:
    text = "conn = connect()  # noqa: LDB101\n"
    assert codes_left(text, finding(), honor_noqa=False, report_unused=True) == ["LDB101"]
    assert codes_left("conn = connect()  # lintdb: ignore\n", finding(), honor_noqa=False) == []


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_all_line_ends(ends: str) -> None:
    text = f"import x{ends}conn = connect()  # noqa: LDB101{ends}y = 1{ends}"
    assert codes_left(text, finding(line=2), report_unused=True) == []


@pytest.mark.parametrize(
    "text",
    [
        "# lintdb: skip-file\nconn = connect()\n",
        "conn = connect()\n\n#lintdb:skip-file generated\n",
        "# flake8: noqa\nconn = connect()\n",
        "if x:\n    # flake8: noqa\n    conn = connect()\n",
    ],
)
def test_whole_file_is_skipped(text: str) -> None:
    assert is_skipped(SourceFile("x.py", text))
    assert codes_left(text, finding(), finding(line=2)) == []


@pytest.mark.parametrize(
    "text",
    [
        "if x:\n    # lintdb: skip-file\n    conn = connect()\n",
        "conn = connect()  # lintdb: skip-file\n",
        "# flake8: noqa: E501\nconn = connect()\n",
        "# flake8: noqa: LDB101\nconn = connect()\n",
        "conn = connect()  # flake8: noqa\n",
        "# about lintdb: skip-file\n",
        "'''\n# lintdb: skip-file\n'''\n",
    ],
)
def test_whole_file_is_not_skipped(text: str) -> None:
    assert not is_skipped(SourceFile("x.py", text))


@pytest.mark.parametrize(
    ("comment", "left"),
    [
        ("# flake8: noqa: LDB101", ["LDB201"]),
        ("# flake8: noqa: E501, LDB1, LDB2", []),
        ("    # flake8:noqa:ldb201", ["LDB101"]),
        ("# flake8: noqa: E501", ["LDB101", "LDB201"]),
        ("x = 1  # flake8: noqa: LDB101", ["LDB101", "LDB201"]),
        ('"""\n# flake8: noqa: LDB101\n"""', ["LDB101", "LDB201"]),
    ],
)
def test_codes_for_the_whole_file(comment: str, left: list[str]) -> None:
    text = f"if x:\n    pass\n{comment}\n\nconn = connect()\n"
    both = finding(line=5), finding(code="LDB201", line=5)
    assert codes_left(text, *both, report_unused=True) == left
    assert codes_left(text, *both, honor_noqa=False) == ["LDB101", "LDB201"]


def test_unused_codes_for_the_whole_file() -> None:
    assert unused("# flake8: noqa: E501, LDB101\nx = 1\n") == ["1:23 `LDB101` silences nothing here"]
    assert unused("x = 1  # flake8: noqa: LDB101\n") == []


def test_flake8_skips_only_where_noqa_counts() -> None:
    assert not is_skipped(SourceFile("x.py", "# flake8: noqa\n"), honor_noqa=False)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1  # noqa: LDB101\n", "1:16 `LDB101` silences nothing here"),
        ("x = 1  # noqa: E501, LDB101\n", "1:22 `LDB101` silences nothing here"),
        ("x = 1  # lintdb: ignore[missing-rollback]\n", "1:25 `missing-rollback` silences nothing here"),
        (
            "x = 1  # noqa: LDB901\n",
            "1:16 this comment silences nothing: no rule is called 'LDB901'; `lintdb rules` lists all codes",
        ),
        (
            "x = 1  # lintdb: ignore[pool-not-closd]\n",
            "1:25 this comment silences nothing: no rule is called 'pool-not-closd'; did you mean `pool-not-closed`?",
        ),
    ],
)
def test_unused_suppression_is_reported(text: str, message: str) -> None:
    assert unused(text) == [message]


def test_one_of_several_that_is_no_rule_is_named() -> None:
    assert unused("x = 1  # lintdb: ignore[LDB101, pool-not-closd]\n") == [
        "1:25 `LDB101` silences nothing here",
        "1:33 `pool-not-closd` silences nothing: no rule is called 'pool-not-closd'; did you mean `pool-not-closed`?",
    ]


@pytest.mark.parametrize(
    ("comment", "fault"),
    [
        ("# lintdb: ignor[LDB101]", "`ignor[LDB101]` is not understood; write `# lintdb: ignore[LDB101]`"),
        ("# lintdb: ignor", "`ignor` is not understood; did you mean `ignore`?"),
        ("# lintdb: disable=LDB101", "`disable=LDB101` is not understood; write `# lintdb: ignore[LDB101]`"),
        ("# lintdb: ignore LDB101", "the brackets are missing; write `# lintdb: ignore[LDB101]`"),
        ("# lintdb: ignore: LDB1, LDB201 old", "the brackets are missing; write `# lintdb: ignore[LDB1, LDB201]`"),
        ("# lintdb: ignore(pool-not-closed)", "the brackets are missing; write `# lintdb: ignore[pool-not-closed]`"),
        ("# lintdb: ignore[LDB101", "`ignore[LDB101` is not understood; write `# lintdb: ignore[LDB101]`"),
        (
            "# lintdb: ignore [LDB101, LDB201]",
            "a blank stands before its brackets; write `# lintdb: ignore[LDB101, LDB201]`",
        ),
        ("# lintdb : ignore[LDB101]", "a blank stands before its colon; write `# lintdb: ignore[LDB101]`"),
        ("# lintdb ignore[LDB101]", "the colon behind `lintdb` is missing; write `# lintdb: ignore[LDB101]`"),
        ("# lintdb; ignore [LDB101] old", "the colon behind `lintdb` is missing; write `# lintdb: ignore[LDB101]`"),
        (
            "# lintdb - ignore: LDB1, LDB201",
            "the colon behind `lintdb` is missing; write `# lintdb: ignore[LDB1, LDB201]`",
        ),
        (
            "# LintDB ignore pool-not-closed",
            "the colon behind `lintdb` is missing; write `# lintdb: ignore[pool-not-closed]`",
        ),
        ("# lintdb ignore", "the colon behind `lintdb` is missing; write `# lintdb: ignore`"),
        ("# lintdb skip-file", "the colon behind `lintdb` is missing; write `# lintdb: skip-file`"),
        ("# lintdb: ignore[]", "its brackets are empty; write `# lintdb: ignore[LDB101]`"),
        ("# lintdb: skipfile", "`skipfile` is not understood; did you mean `skip-file`?"),
        ("# lintdb: off", "`off` is not understood; lintdb knows `ignore[LDB101]`, `ignore` and `skip-file`"),
        ("# lintdb:", "`lintdb:` is not understood; lintdb knows `ignore[LDB101]`, `ignore` and `skip-file`"),
        ("# lintdb: skip-file", "`skip-file` counts only alone on its line and not indented"),
        ("# lintdb: ingore the pool", "`ingore` is not understood; did you mean `ignore`?"),
        ("# lintdb: skip this line", "`skip` is not understood; did you mean `skip-file`?"),
        (
            "# lintdb: disable all",
            "`disable` is not understood; lintdb knows `ignore[LDB101]`, `ignore` and `skip-file`",
        ),
        ("# lintdb: no LDB101 here", "`no` is not understood; write `# lintdb: ignore[LDB101]`"),
        (
            "# lintdb: pool-not-closed is fine",
            "`pool-not-closed` is not understood; lintdb knows `ignore[LDB101]`, `ignore` and `skip-file`",
        ),
    ],
)
def test_comment_that_is_not_understood_is_reported(comment: str, fault: str) -> None:
    assert unused(f"x = 1  {comment}\n") == [f"1:8 this comment silences nothing: {fault}"]
    assert unused(f"x = 1  {comment}  # noqa: LDB001\n") == []


@pytest.mark.parametrize(
    "comment",
    [
        "# lintdb-fixture: select=LDB1",
        "# about lintdb: it is a tool",
        "# lintdb finds it",
        "# lintdb: the pool closes what it has lent",
        "# lintdb: all connections are closed by the pool",
        "# LintDB: on this path nothing is open, see above (and below)",
        "# lintdb: none of these is kept",
        "# lintdb ignores[LDB101] where a pool lends it",
        "# lintdb ignore this one, it is of the pool",
        "# the option of lintdb : ignore",
        "# lintdb - ignore what it says here",
    ],
)
def test_comment_that_only_speaks_of_lintdb_is_not_reported(comment: str) -> None:
    assert unused(f"x = 1  {comment}\n") == []


def test_only_the_unused_part_is_reported() -> None:
    assert unused("conn = connect()  # noqa: LDB101,LDB201\n", finding()) == ["1:34 `LDB201` silences nothing here"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("# noqa: LDB101\nconn = connect()\n", 2),
        ("if x:\n    # lintdb: ignore[LDB101] kept\n\n    # for life\n    conn = connect()\n", 5),
        ("# lintdb: ignore[connection-not-closed]\nconn = (\n    connect()\n)\n", 2),
    ],
)
def test_comment_above_its_line_is_told_where_it_counts(text: str, line: int) -> None:
    statement = Span(line, 1, line + text.count("(\n") * 2, 9)
    at = line + text.count("(\n")
    [message] = unused(text, finding(line=at, statement=statement))
    assert message.endswith(f"` silences nothing here: it has to stand at the end of line {line}, behind the code")


@pytest.mark.parametrize(
    "text",
    [
        "# noqa: LDB201\nconn = connect()\n",
        "# noqa: LDB101\nx = 1\nconn = connect()\n",
        "x = 1  # noqa: LDB101\nconn = connect()\n",
    ],
)
def test_comment_above_something_else_is_only_unused(text: str) -> None:
    [message] = unused(text, finding(line=text.count("\n")))
    assert message.endswith(" silences nothing here")


def test_two_comments_for_one_finding_are_both_used() -> None:
    text = "conn = connect(  # noqa: LDB101\n)  # lintdb: ignore[LDB101]\n"
    assert unused(text, finding(statement=Span(1, 1, 2, 2))) == []


@pytest.mark.parametrize(
    "comment",
    [
        "# noqa",
        "# noqa: E501",
        "# lintdb: ignore",
        "# noqa: LDB117",
        "# lintdb: ignore[release-in-del]",
        "# noqa: LDB1",
        "# noqa: LDB001",
    ],
)
def test_suppressions_that_another_run_may_need_are_not_reported(comment: str) -> None:
    assert unused(f"x = 1  {comment}\n") == []


def test_unused_suppressions_can_be_switched_off_and_silenced() -> None:
    assert unused("x = 1  # noqa: LDB101\n", enabled=frozenset({"LDB101"})) == []
    assert unused("x = 1  # noqa: LDB101,LDB001\n") == []
    assert unused("x = 1  # noqa: LDB101\n", honor_noqa=False) == []
    assert codes_left("x = 1  # noqa: LDB101\n", report_unused=False) == []


def test_after_a_tokenizer_fault_comments_still_silence_but_are_not_judged() -> None:
    text = "x = (\nconn = connect()  # noqa: LDB101\ny = 1  # noqa: LDB201\n  z\n w '''\n"
    assert codes_left(text, finding(line=2), report_unused=True) in ([], ["LDB001"])
    text = "    x = 1\n  y = 2\nconn = connect()  # noqa: LDB101\ny = 1  # noqa: LDB201\n"
    assert codes_left(text, finding(line=3), report_unused=True) == []


def test_text_without_the_words_is_passed_through() -> None:
    assert codes_left("conn = connect()\n", finding()) == ["LDB101"]
