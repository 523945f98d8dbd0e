"""`lintdb baseline`: a table that silences all that is found, and nothing else."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lintdb.cli import main
from lintdb.commands.baseline import _pattern_for
from lintdb.settings import PathPattern
from lintdb.toml import load_toml, render_string
from tests.command import LEAK, Run, write
from tests.harness import FIXTURES

PROGRAMS = [
    *(FIXTURES / "programs" / "orders").glob("*.py"),
    *(FIXTURES / "rules" / f"{code}.py" for code in ("LDB105", "LDB305", "LDB504", "LDB112")),
]


def test_what_is_found_is_silenced_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for path in PROGRAMS:
        folder = Path("src" if path.parent.name == "orders" else ".")
        folder.mkdir(exist_ok=True)
        shutil.copy(path, folder / path.name)
    assert main(["baseline", "--select", "all"]) == 0
    table = capsys.readouterr().out
    assert main(["baseline", "--select", "all"]) == 0
    assert capsys.readouterr().out == table
    Path("pyproject.toml").write_text(table + '[tool.lintdb]\nselect = ["all"]\n', encoding="utf-8")
    assert main(["check", "--unused-ignores"]) == 0, capsys.readouterr().out
    capsys.readouterr()
    assert main(["baseline"]) == 0
    ran = capsys.readouterr()
    assert (ran.out, ran.err) == ("", "No findings: no table (checked 8 files)\n")


@pytest.mark.usefixtures("fake")
class TestBaseline:
    """With a small engine."""

    def test_order_and_places(self, run: Run) -> None:
        write("b.py", LEAK + "    maybe()\n    leak()\n")
        write("a/c.py", LEAK)
        write("clean.py", "")
        ran = run("baseline")
        assert (ran.code, ran.err) == (0, "4 findings in 2 files (checked 3 files)\n")
        assert ran.out == (
            "# for pyproject.toml\n"
            "[tool.lintdb.per-file-ignores]\n"
            '"/b.py" = ["LDB101", "LDB121"]\n'
            '"a/c.py" = ["LDB101"]\n'
        )
        assert run("baseline", "a", "--select", "LDB12").out == ""

    def test_entries_stay_and_each_configuration_has_its_table(self, run: Run) -> None:
        write("x.py", LEAK + "    maybe()\n")
        write("sub/deep/x.py", LEAK)
        write("pyproject.toml", "[tool.lintdb.per-file-ignores]\n'tests/**' = ['LDB1']\n'/x.py' = ['LDB121']\n")
        write("sub/lintdb.toml", "min-confidence = 'high'\n")
        ran = run("baseline", "--per-file-ignores", "y.py:LDB1")
        assert ran.out == (
            "# for pyproject.toml, in the place of the table that is there\n"
            "[tool.lintdb.per-file-ignores]\n"
            '"tests/**" = ["LDB1"]\n'
            '"/x.py" = ["LDB121", "LDB101"]\n'
            "\n"
            "# for sub/lintdb.toml\n"
            "[per-file-ignores]\n"
            '"deep/x.py" = ["LDB101"]\n'
        )

    def test_file_that_cannot_be_checked(self, run: Run) -> None:
        write("x.py", LEAK)
        write("y.py", b"\0")
        ran = run("baseline", "x.py", "y.py", "gone.py")
        assert ran.code == 2
        assert '"/x.py" = ["LDB101"]\n' in ran.out
        assert "y.py" not in ran.out
        assert "y.py:1:1: the file holds a NUL byte" in ran.err
        assert "lintdb: error: gone.py: no such file or folder\n" in ran.err


@pytest.mark.parametrize(
    "name", ["x.py", "a/b.py", "a/[b].py", "*.py", "a/x?.py", "!x.py", "#x/y.py", "é/ü 😀.py", 'q"\\.py']
)
def test_pattern_names_the_file_alone(name: str) -> None:
    text = _pattern_for(f"/project/{name}", "/project")
    pattern = PathPattern(text, "/project")
    assert pattern.fault is None
    assert pattern.matches(f"/project/{name}")
    for other in (f"/project/sub/{name}", "/project/x2.py", "/project/a/b", "/project/a/xy.py"):
        assert not pattern.matches(other)
    assert load_toml(f"{render_string(text)} = 1") == {text: 1}


def test_file_outside_of_the_folder_of_the_configuration() -> None:
    assert _pattern_for("/other/x.py", "/project") == "/x.py"
