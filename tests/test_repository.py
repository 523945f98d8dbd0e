"""Where a repository begins, and from where services read the paths of a report."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from lintdb.repository import TrackedFiles, find_checkout
from tests.command import LEAK, Run, write

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
LONG = f"gen/{'long' * 50}.py"


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


def git(*arguments: str) -> None:
    """Run git in the current folder, apart from the user's settings."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    settings = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    someone = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    subprocess.run(["git", *someone, *arguments], env={**clean, **settings}, check=True, capture_output=True)


@needs_git
@pytest.mark.usefixtures("fake")
class TestTrackedFiles:
    """A pattern of a .gitignore file says nothing of what git tracks."""

    @pytest.fixture(params=["2", "4", "sha256"])
    def repository(self, run: Run, request: pytest.FixtureRequest) -> Run:
        kind: str = request.param
        git("init", "--quiet", *(["--object-format=sha256"] if kind == "sha256" else []))
        write(".gitignore", "gen/\n*_pb2.py\n/deep/er\n")
        tracked = ["a.py", "a_pb2.py", "deep/er/and/deeper/kept.py", "gen/kept.py", LONG, "gen/sub/kept.py"]
        untracked = ["gen/new.py", "gen/other/new.py", "gen/sub/new.py", "new.py", "new_pb2.py"]
        for path in (*tracked, *untracked, "gen/notes.txt"):
            write(path, LEAK)
        git("add", "--force", ".gitignore", "gen/notes.txt", *tracked)
        if kind != "sha256":
            git("update-index", "--index-version", kind)
            # An entry with more flags than others have.
            git("update-index", "--skip-worktree", "a.py")
        return run

    def test_they_are_checked(self, repository: Run) -> None:
        assert _paths_in(repository("check").out) == [
            *("a.py", "a_pb2.py", "deep/er/and/deeper/kept.py", "gen/kept.py", LONG),
            *("gen/sub/kept.py", "new.py"),
        ]

    def test_what_is_named_or_excluded(self, repository: Run) -> None:
        assert _paths_in(repository("check", "gen/sub").out) == ["gen/sub/kept.py", "gen/sub/new.py"]
        found = _paths_in(repository("check", "--extend-exclude", "gen,deep").out)
        assert found == ["a.py", "a_pb2.py", "new.py"]
        assert len(_paths_in(repository("check", "deep").out)) == 1
        write("lintdb.toml", "respect-gitignore = false\n")
        assert len(_paths_in(repository("check").out)) == 11

    def test_working_tree_of_another_repository(self, repository: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        git("commit", "--quiet", "--message", "all")
        git("worktree", "add", "--quiet", "--detach", "gen/tree")
        monkeypatch.chdir("gen/tree")
        write("new_pb2.py", LEAK)
        assert "a_pb2.py" in _paths_in(repository("check").out)
        assert "new_pb2.py" not in _paths_in(repository("check").out)

    @pytest.mark.parametrize(
        "data", [b"", b"DIRC", b"DIRC\0\0\0\2\0\0\0\7", b"DIRC\0\0\0\x09\0\0\0\0", b"\0" * 99, None]
    )
    def test_index_that_cannot_be_read(self, run: Run, data: bytes | None) -> None:
        write(".gitignore", "gen/\n")
        write("gen/x.py", LEAK)
        write("x.py", LEAK)
        if data is not None:
            write(".git/index", data)
        else:
            write(".git", "gitdir: nowhere\n")
        assert _paths_in(run("check").out) == ["x.py"]

    def test_index_that_is_cut_off(self, repository: Run) -> None:
        data = Path(".git/index").read_bytes()
        for length in range(0, len(data), 7):
            Path(".git/index").write_bytes(data[:length])
            TrackedFiles().have(str(Path("gen").absolute()))


def _paths_in(report: str) -> list[str]:
    return [line.partition(":")[0].replace(os.sep, "/") for line in report.splitlines()]
