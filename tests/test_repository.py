"""Where a repository begins, and from where services read the paths of a report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lintdb.repository import find_checkout
from tests.command import LEAK, Run, write


@pytest.mark.parametrize(
    "places",
    [
        ([], None, "a/b", None),
        (["a"], None, "a/b/c", "a"),
        (["a"], None, "a", "a"),
        (["a", "a/b"], None, "a/b/c", "a/b"),
        # A submodule belongs to the repository whose job it is; what is checked out below a workspace does not.
        (["a", "a/b"], "a", "a/b/c", "a"),
        (["a/b"], "a", "a/b/c", "a/b"),
        ([], "a", "a/b/c", "a"),
        ([], "a", "a", "a"),
        (["a"], "elsewhere", "a/b", "a"),
        ([], "a", "ab", None),
        (["a"], "", "a/b", "a"),
    ],
)
def test_checkout(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    places: tuple[list[str], str | None, str, str | None],
) -> None:
    repositories, workspace, here, expected = places
    monkeypatch.delenv("GITHUB_WORKSPACE", raising=False)
    if workspace is not None:
        monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path / workspace) if workspace else "")
    (tmp_path / here).mkdir(parents=True)
    for each in repositories:
        (tmp_path / each / ".git").mkdir(parents=True)
    assert find_checkout(str(tmp_path / here)) == (str(tmp_path / expected) if expected else None)


@pytest.mark.usefixtures("fake")
class TestReports:
    """Reports of a run in a subfolder of a repository."""

    @pytest.fixture
    def backend(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
        for path in ("backend/shop/x.py", "tools/y.py"):
            write(path, LEAK)
        write("backend/z.py", b"\0")
        Path(".git").mkdir()
        monkeypatch.chdir("backend")
        return run

    def test_github(self, backend: Run) -> None:
        lines = backend("check", ".", "../tools", "gone.py", "--output-format", "github").out.splitlines()
        files = [line.partition("file=")[2].partition(",")[0] for line in lines]
        assert files == ["tools/y.py", "backend/shop/x.py", "backend/z.py", "backend/gone.py"]
        assert lines[1].partition("::error")[2].partition("::")[2].startswith("shop/x.py:4:5: LDB101")

    def test_sarif(self, backend: Run) -> None:
        [log] = json.loads(backend("check", "--output-format", "sarif").out)["runs"]
        assert [_uri(result) for result in log["results"]] == ["backend/shop/x.py", "backend/z.py"]
        assert [_uri(each) for each in log["invocations"][0]["toolExecutionNotifications"]] == ["backend/z.py"]

    def test_run_that_did_not_take_place(self, backend: Run) -> None:
        write("lintdb.toml", "selekt = []\n")
        out = backend("check", "--output-format", "github").out
        assert out.startswith("::error title=lintdb,file=backend/lintdb.toml,line=1::lintdb.toml:1: `selekt`")

    def test_other_formats_have_paths_as_users_write_them(self, backend: Run) -> None:
        assert backend("check", "shop").out.replace("\\", "/").startswith("shop/x.py:4:5: LDB101")
        [found] = json.loads(backend("check", "shop", "--output-format", "json").out)
        assert Path(found["path"]) == Path("shop/x.py")


def _uri(result: dict[str, Any]) -> str:
    [location] = result["locations"]
    uri: str = location["physicalLocation"]["artifactLocation"]["uri"]
    return uri
