"""What each output format looks like, and that nothing from a checked file can disturb it."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lintdb.finding import Confidence, FileProblem, Finding, Resource, Severity, Span, Step
from lintdb.reporters import render
from lintdb.reporters.text import render_statistics
from lintdb.rules.base import RuleMeta

METAS = (
    RuleMeta("LDB101", "connection-not-closed", "connection is not closed", Severity.ERROR, "close it", "0.1"),
    RuleMeta(
        "LDB121",
        "connection-not-closed-on-error",
        "connection is not closed if something raises",
        Severity.WARNING,
        "close it in `finally`",
        "0.1",
        default=False,
    ),
)

REPORT = """\
def report(dsn):
    conn = psycopg2.connect(dsn, connect_timeout=5)
    cur = conn.cursor()
    cur.execute(SQL)
    rows = cur.fetchall()
    conn.close()
"""


def span_of(text: str, part: str) -> Span:
    """Return the span of the first place where *part* stands in *text*."""
    start = text.index(part)
    line = text.count("\n", 0, start) + 1
    column = start - (text.rfind("\n", 0, start) + 1) + 1
    return Span(line, column, line, column + len(part))


def step(text: str, part: str, message: str, path: str = "orders/report.py") -> Step:
    return Step(path, span_of(text, part), message)


LEAK = Finding(
    path="orders/report.py",
    span=span_of(REPORT, "psycopg2.connect(dsn, connect_timeout=5)"),
    code="LDB121",
    name="connection-not-closed-on-error",
    message="`conn` is not closed if `cur.execute()` raises",
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    help="close it in `finally`, or wrap it in `contextlib.closing(...)`",
    resource=Resource("connection", "conn", 2),
    steps=(
        step(REPORT, "psycopg2.connect(dsn, connect_timeout=5)", "psycopg2 connection opened here"),
        step(REPORT, "cur.execute(SQL)", "raises"),
        step(REPORT, "conn.close()", "skipped on that path"),
        step(REPORT, "cur.execute(SQL)", "leaves report() with `conn` open"),
    ),
)


def simple(text: str, part: str, **changes: Any) -> Finding:
    fields: dict[str, Any] = {
        "path": "x.py",
        "span": span_of(text, part),
        "code": "LDB101",
        "name": "connection-not-closed",
        "message": "`conn` is not closed",
        "severity": Severity.ERROR,
        "confidence": Confidence.MEDIUM,
    }
    return Finding(**{**fields, **changes})


def full(finding: Finding, *texts: tuple[str, str], color: bool = False) -> str:
    lines = {path: text.split("\n") for path, text in texts}
    return render("full", [finding], METAS, lines_of=lambda path: lines.get(path, ()), color=color)


def test_concise() -> None:
    assert render("concise", [LEAK], METAS) == (
        "orders/report.py:2:12: LDB121 `conn` is not closed if `cur.execute()` raises\n"
    )
    assert render("concise", [], METAS) == ""


def test_full_draws_the_witness_along_the_source() -> None:
    assert full(LEAK, ("orders/report.py", REPORT)) == (
        "orders/report.py:2:12: LDB121 `conn` is not closed if `cur.execute()` raises\n"
        "  |\n"
        "2 |     conn = psycopg2.connect(dsn, connect_timeout=5)\n"
        "  |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ 1: psycopg2 connection opened here\n"
        "4 |     cur.execute(SQL)\n"
        "  |     ---------------- 2: raises\n"
        "6 |     conn.close()\n"
        "  |     ------------ 3: skipped on that path\n"
        "  = 4: leaves report() with `conn` open\n"
        "  rule: connection-not-closed-on-error (warning, confidence high)\n"
        "  help: close it in `finally`, or wrap it in `contextlib.closing(...)`\n"
        "\n"
    )


def test_full_without_steps_underlines_the_finding() -> None:
    text = "a = 1\nconn = connect()\n"
    assert full(simple(text, "connect()"), ("x.py", text)) == (
        "x.py:2:8: LDB101 `conn` is not closed\n"
        "  |\n"
        "2 | conn = connect()\n"
        "  |        ^^^^^^^^^\n"
        "  rule: connection-not-closed (error, confidence medium)\n"
        "\n"
    )


def test_full_with_steps_in_another_file() -> None:
    text, helper = "\n" * 9 + "conn = make()\n", "def make():\n    return connect()\n"
    finding = simple(
        text,
        "make()",
        steps=(step(helper, "connect()", "opened here", "db.py"), step(text, "make()", "arrives here", "x.py")),
    )
    assert full(finding, ("x.py", text), ("db.py", helper)).splitlines()[1:] == [
        "   |",
        "10 | conn = make()",
        "   |        ^^^^^^ 2: arrives here",
        "  --> db.py",
        "   |",
        " 2 |     return connect()",
        "   |            --------- 1: opened here",
        "   rule: connection-not-closed (error, confidence medium)",
        "",
    ]


def test_full_of_a_file_that_cannot_be_shown() -> None:
    assert full(LEAK).splitlines()[1:] == [
        "  = 1: psycopg2 connection opened here (line 2)",
        "  = 2: raises (line 4)",
        "  = 3: skipped on that path (line 6)",
        "  = 4: leaves report() with `conn` open",
        "  rule: connection-not-closed-on-error (warning, confidence high)",
        "  help: close it in `finally`, or wrap it in `contextlib.closing(...)`",
        "",
    ]


def columns(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def underlined(text: str, part: str) -> tuple[str, str, str]:
    """Return what a terminal shows left of, above and right of the underline for *part*."""
    code, marks = full(simple(text, part), ("x.py", text)).splitlines()[2:4]
    code, marks = code.partition(" | ")[2], marks.partition(" | ")[2]
    start, width = marks.index("^"), marks.count("^")
    cells = [char for char in code for _ in range(columns(char))]
    return "".join(cells[:start]), "".join(cells[start : start + width]), "".join(cells[start + width :])


def test_tabs_and_wide_characters_keep_the_underline_in_place() -> None:
    assert underlined("\tconn = connect()\t# x\n", "connect()")[:2] == ("    conn = ", "connect()")
    left, above, _ = underlined("名前 = connect('数据')\n", "connect('数据')")
    assert (left, above) == ("名名前前 = ", "connect('数数据据')")


def test_span_over_several_lines_is_underlined_to_the_end_of_the_first() -> None:
    text = "conn = connect(\n    dsn,\n)\n"
    finding = simple(text, "connect(", span=Span(1, 8, 3, 2))
    assert full(finding, ("x.py", text)).splitlines()[2:4] == ["1 | conn = connect(", "  |        ^^^^^^^^"]


@pytest.mark.parametrize(("before", "after"), [(0, 5000), (5000, 0), (5000, 5000), (60, 60)])
def test_long_lines_are_cut_around_the_finding(before: int, after: int) -> None:
    text = "a" * before + "connect()" + "b" * after + "\n"
    left, above, right = underlined(text, "connect()")
    assert above == "connect()"
    assert len(left + above + right) <= 120
    assert left.startswith("...") is (before > 100)
    assert right.endswith("...") is (after > 20)


def test_nothing_from_a_file_reaches_the_terminal_as_a_control_character() -> None:
    text = "x = '\x1b[31m\u202e\x9b'; connect()\x0c\n"
    finding = simple(text, "connect()", path="a\nb\udcff.py", message="\x1b]0;x\x07", help="\u2066")
    shown = full(finding, ("a\nb\udcff.py", text)) + render("concise", [finding], METAS)
    assert all(char == "\n" or char.isprintable() for char in shown)
    assert "x = '\\x1b[31m\\u202e\\x9b'; connect()" in shown
    assert shown.startswith("a\\nb\\udcff.py:1:")
    assert underlined(text.replace("\n", ""), "connect()")[1] == "connect()"


def test_color_changes_nothing_but_color() -> None:
    import click

    plain, colored = (full(LEAK, ("orders/report.py", REPORT), color=color) for color in (False, True))
    assert colored != plain
    assert click.unstyle(colored) == plain
    assert "\x1b" not in plain


def test_statistics() -> None:
    text = "connect()\n"
    findings = [simple(text, "connect()"), LEAK] + [LEAK] * 10
    assert render_statistics(findings) == (
        "11  LDB121  connection-not-closed-on-error\n 1  LDB101  connection-not-closed\n"
    )


def test_json() -> None:
    assert json.loads(render("json", [LEAK], METAS)) == [
        {
            "path": "orders/report.py",
            "line": 2,
            "column": 12,
            "end_line": 2,
            "end_column": 52,
            "code": "LDB121",
            "name": "connection-not-closed-on-error",
            "message": "`conn` is not closed if `cur.execute()` raises",
            "severity": "warning",
            "confidence": "high",
            "help": "close it in `finally`, or wrap it in `contextlib.closing(...)`",
            "resource": {"kind": "connection", "name": "conn", "line": 2},
            "steps": [
                {
                    "path": "orders/report.py",
                    "line": 2,
                    "column": 12,
                    "message": "psycopg2 connection opened here",
                    "has_own_place": True,
                },
                {
                    "path": "orders/report.py",
                    "line": 4,
                    "column": 5,
                    "message": "raises",
                    "has_own_place": True,
                },
                {
                    "path": "orders/report.py",
                    "line": 6,
                    "column": 5,
                    "message": "skipped on that path",
                    "has_own_place": True,
                },
                {
                    "path": "orders/report.py",
                    "line": 4,
                    "column": 5,
                    "message": "leaves report() with `conn` open",
                    "has_own_place": True,
                },
            ],
        }
    ]
    assert json.loads(render("json", [], METAS)) == []
    assert json.loads(render("json", [simple("connect()", "connect()")], METAS))[0]["resource"] is None


def test_a_function_is_left_nowhere_in_particular() -> None:
    """By its end: the last step has no line of its own, and that of the call which opens is not said to be it."""
    opened, *_, left = LEAK.steps
    finding = replace(LEAK, steps=(opened, replace(left, span=opened.span)))
    said = render("github", [finding], METAS)
    assert "%0A1: line 2: psycopg2 connection opened here%0A2: leaves report() with `conn` open%0A" in said
    [found] = json.loads(render("json", [finding], METAS))
    assert [(each["line"], each["has_own_place"]) for each in found["steps"]] == [(2, True), (2, False)]
    alone = replace(LEAK, steps=(opened,))
    assert "%0A1: line 2: psycopg2 connection opened here%0A" in render("github", [alone], METAS)


def test_github() -> None:
    assert render("github", [LEAK], METAS) == (
        "::warning title=LDB121 connection-not-closed-on-error,"
        "file=orders/report.py,line=2,endLine=2,col=12,endColumn=52"
        "::orders/report.py:2:12: LDB121 `conn` is not closed if `cur.execute()` raises"
        "%0A1: line 2: psycopg2 connection opened here%0A2: line 4: raises%0A3: line 6: skipped on that path"
        "%0A4: line 4: leaves report() with `conn` open"
        "%0Ahelp: close it in `finally`, or wrap it in `contextlib.closing(...)`\n"
    )


def test_github_escapes_what_would_be_a_command() -> None:
    finding = simple("connect()", "connect()", path="a,b:c\n.py", message="100%\n::error::x")
    (line,) = render("github", [finding], METAS).splitlines()
    assert "file=a%2Cb%3Ac%0A.py," in line
    assert line.endswith("100%25%0A::error::x")


def test_github_gives_no_columns_over_several_lines() -> None:
    finding = simple("connect()", "connect()", span=Span(1, 2, 3, 4))
    assert "line=1,endLine=3::" in render("github", [finding], METAS)


def test_github_gives_files_from_the_root_and_texts_as_users_write_them(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    names = ["orders/x.py", str(tmp_path / "y.py"), "../up.py", "../../out.py", "<stdin>"]
    findings = [simple("connect()", "connect()", path=name, span=Span(1, 0, 2, 1)) for name in names]
    warning = FileProblem("uv.lock", "broken", 3)
    output = render("github", findings, METAS, warnings=[warning], root=str(tmp_path.parent)).replace("\\", "/")
    lines = output.splitlines()
    here, out = tmp_path.name, (tmp_path.parent.parent / "out.py").as_posix().replace(":", "%3A")
    files = [line.partition("file=")[2].partition(",line=")[0] for line in lines]
    assert files == [f"{here}/orders/x.py", f"{here}/y.py", "up.py", out, "<stdin>", f"{here}/uv.lock"]
    assert "::orders/x.py:1:0: LDB101" in lines[0]


def test_sarif_gives_paths_from_the_root(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    problem = FileProblem(str(tmp_path / "y.py"), "cannot be read", 1)
    log = json.loads(render("sarif", [LEAK], METAS, problems=[problem], root=str(tmp_path.parent)))
    [run] = log["runs"]
    check_sarif_run(run)
    [result] = run["results"]
    [told] = run["invocations"][0]["toolExecutionNotifications"]
    steps = result["codeFlows"][0]["threadFlows"][0]["locations"]
    places = [*result["locations"], *told["locations"], *(each["location"] for each in steps)]
    base = {"uriBaseId": "%SRCROOT%"}
    assert [each["physicalLocation"]["artifactLocation"] for each in places] == [
        {"uri": f"{tmp_path.name}/{name}", **base}
        for name in ["orders/report.py", "y.py", *["orders/report.py"] * len(steps)]
    ]


def sarif(findings: Sequence[Finding], problems: Sequence[FileProblem] = ()) -> dict[str, Any]:
    log: dict[str, Any] = json.loads(render("sarif", findings, METAS, problems=problems))
    assert log["version"] == "2.1.0"
    runs: list[dict[str, Any]] = log["runs"]
    (run,) = runs
    check_sarif_run(run)
    return run


def check_sarif_run(run: dict[str, Any]) -> None:
    """Check what the standard demands of the objects that we write: required keys, allowed keys, ranges, references."""
    assert set(run) == {"tool", "invocations", "columnKind", "results"}
    driver = run["tool"]["driver"]
    assert driver["name"] == "lintdb"
    ids = [rule["id"] for rule in driver["rules"]]
    assert len(ids) == len(set(ids))
    for rule in driver["rules"]:
        assert rule["shortDescription"]["text"]
        assert rule["fullDescription"]["text"]
        assert rule["help"]["text"]
        assert rule["defaultConfiguration"]["level"] in {"error", "warning", "note"}
    assert isinstance(run["invocations"][0]["executionSuccessful"], bool)
    for result in run["results"]:
        assert set(result) <= {"ruleId", "ruleIndex", "level", "message", "locations", "codeFlows", "properties"}
        assert result["message"]["text"]
        assert result["level"] in {"error", "warning", "note"}
        assert ids[result["ruleIndex"]] == result["ruleId"]
        locations = list(result["locations"])
        for code_flow in result.get("codeFlows", []):
            for thread_flow in code_flow["threadFlows"]:
                assert thread_flow["locations"]
                locations += [each["location"] for each in thread_flow["locations"]]
        for location in locations:
            physical = location["physicalLocation"]
            assert set(physical["artifactLocation"]) <= {"uri", "uriBaseId"}
            region = physical.get("region")
            assert region is None or all(isinstance(value, int) and value >= 1 for value in region.values())


def test_sarif_tells_the_witness_as_a_code_flow() -> None:
    run = sarif([LEAK])
    (result,) = run["results"]
    assert (result["ruleId"], result["level"]) == ("LDB121", "warning")
    assert result["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "orders/report.py", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 2, "startColumn": 12, "endLine": 2, "endColumn": 52},
    }
    steps = result["codeFlows"][0]["threadFlows"][0]["locations"]
    assert [each["location"]["message"]["text"] for each in steps] == [each.message for each in LEAK.steps]
    assert [each["executionOrder"] for each in steps] == [1, 2, 3, 4]
    assert run["invocations"][0]["executionSuccessful"]


def test_sarif_rules_come_from_the_metadata() -> None:
    rules = sarif([])["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["LDB101", "LDB121"]
    assert rules[0]["name"] == "ConnectionNotClosed"
    assert rules[0]["defaultConfiguration"] == {"enabled": True, "level": "error"}
    assert rules[1]["defaultConfiguration"] == {"enabled": False, "level": "warning"}


def test_sarif_paths_are_uris(tmp_path: Path) -> None:
    names = ["a b/ü%.py", str(tmp_path / "x.py")]
    run = sarif([simple("connect()", "connect()", path=name) for name in names])
    uris = [result["locations"][0]["physicalLocation"]["artifactLocation"] for result in run["results"]]
    assert uris == [{"uri": "a%20b/%C3%BC%25.py", "uriBaseId": "%SRCROOT%"}, {"uri": (tmp_path / "x.py").as_uri()}]


def test_sarif_tells_of_a_run_that_did_not_succeed() -> None:
    (invocation,) = sarif([], [FileProblem("x.py", "crashed", is_crash=True)])["invocations"]
    assert not invocation["executionSuccessful"]
    assert invocation["toolExecutionNotifications"][0]["message"]["text"] == "crashed"


def test_unknown_format() -> None:
    with pytest.raises(ValueError, match="xml"):
        render("xml", [], METAS)
