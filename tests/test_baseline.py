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
    assert ran.out == table.replace("pyproject.toml", "pyproject.toml, in the place of the table that is there")
    assert ran.err == "No findings beyond the table that is there (checked 8 files)\n"


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
        ran = run("baseline", "a", "--select", "LDB12")
        assert (ran.out, ran.err) == ("", "No findings: no table (checked 1 file)\n")

    def test_table_is_for_the_pyproject_that_is_there(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        write("shop/pyproject.toml", '[project]\nname = "shop"\n')
        write("shop/pkg/x.py", LEAK)
        home = Path("shop/pyproject.toml").absolute()
        table = '[tool.lintdb.per-file-ignores]\n"pkg/x.py" = ["LDB101"]\n'
        for folder, paths, named in (
            ("shop/pkg", (), str(home)),
            ("shop/pkg", ("x.py",), str(home)),
            ("shop", ("pkg",), "pyproject.toml"),
            (".", ("shop/pkg",), "shop/pyproject.toml"),
            ("/", (str(home.parent / "pkg"),), None),
        ):
            with monkeypatch.context() as patch:
                patch.chdir(folder)
                ran = run("baseline", *paths)
            head, _, rest = ran.out.partition("\n")
            assert head == f"# for {named}" if named else head.endswith("shop/pyproject.toml"), (folder, paths)
            assert rest == table
        home.write_text(home.read_text() + table)
        assert run("check", "shop").code == 0
        with monkeypatch.context() as patch:
            patch.chdir("shop/pkg")
            assert run("check").code == 0

    def test_one_table_for_the_run(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        """A pyproject.toml below the current folder, such as one of test data, does not divide it."""
        write("pyproject.toml", "")
        write("tests/data/pyproject.toml", "")
        write("tests/data/x.py", LEAK)
        write("x.py", LEAK)
        assert run("baseline").out.splitlines()[2:] == ['"/x.py" = ["LDB101"]', '"tests/data/x.py" = ["LDB101"]']
        Path("pyproject.toml").unlink()
        assert run("baseline").out.count("# for ") == 1

    def test_no_pyproject_beyond_the_repository(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        write("pyproject.toml", "")
        write("repo/.git/HEAD", "")
        write("repo/pkg/x.py", LEAK)
        repo = Path("repo").absolute()
        monkeypatch.chdir("repo/pkg")
        assert run("baseline").out.splitlines()[0] == "# for pyproject.toml"
        monkeypatch.chdir("/")
        out = run("baseline", str(repo / "pkg")).out
        assert out.splitlines()[0].endswith("repo/pkg/pyproject.toml")
        assert '"/x.py"' in out

    def test_table_stays_where_nothing_else_is_found(self, run: Run) -> None:
        write("x.py", LEAK)
        write("a/y.py", LEAK)
        write("pyproject.toml", "[tool.lintdb.per-file-ignores]\n'tests/**' = ['LDB1']\n'*.py' = ['LDB101']\n")
        ran = run("baseline")
        assert ran.out == (
            "# for pyproject.toml, in the place of the table that is there\n"
            "[tool.lintdb.per-file-ignores]\n"
            '"tests/**" = ["LDB1"]\n'
            '"*.py" = ["LDB101"]\n'
        )
        assert ran.err.endswith("No findings beyond the table that is there (checked 2 files)\n")
        Path("pyproject.toml").write_text(ran.out)
        assert run("baseline", "a").out == ran.out

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
