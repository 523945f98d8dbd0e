"""The hook, with the real pre-commit program: it refuses a commit with a defect and lets a sound one pass.

pre-commit clones the hook's repository, so this checkout, with what is not committed yet, is first copied into one.
It installs lintdb into an environment of its own, which needs the package registry that pip is set up for.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness import ROOT
from tests.test_documents import blocks

pytestmark = pytest.mark.slow

BAD = """\
import psycopg2


def count(dsn):
    conn = psycopg2.connect(dsn, connect_timeout=5, options="-c statement_timeout=5000")
    with conn.cursor() as cur:
        cur.execute("select count(*) from orders")
        row = cur.fetchone()
    conn.close()
    return row
"""
GOOD = """\
from contextlib import closing

import psycopg2


def count(dsn):
    with closing(psycopg2.connect(dsn, connect_timeout=5, options="-c statement_timeout=5000")) as conn:
        with conn.cursor() as cur:
            cur.execute("select count(*) from orders")
            return cur.fetchone()
"""
CONFIG = """\
repos:
  - repo: {repository}
    rev: {revision}
    hooks:
      - id: lintdb
"""


class Repository:
    """A git repository for one test, apart from the user's settings."""

    def __init__(self, path: Path, home: Path) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        self._environment = {
            # The settings of a commit that is under way, when a hook runs these tests, must not leak in.
            **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "PRE_COMMIT_HOME": str(home),
            "GIT_AUTHOR_NAME": "a",
            "GIT_AUTHOR_EMAIL": "a@example.org",
            "GIT_COMMITTER_NAME": "a",
            "GIT_COMMITTER_EMAIL": "a@example.org",
        }
        self.must("git", "init", "--quiet")

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the repository; its output and errors come together."""
        return subprocess.run(
            command,
            cwd=self.path,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def must(self, *command: str) -> str:
        """Run a command that has to succeed and return its output."""
        result = self.run(*command)
        assert result.returncode == 0, f"{command}\n{result.stdout}"
        return result.stdout.strip()

    def commit(self, name: str, text: str) -> subprocess.CompletedProcess[str]:
        """Write a file and try to commit it."""
        (self.path / name).write_text(text, encoding="utf-8")
        self.must("git", "add", "--all")
        return self.run("git", "commit", "--message", f"Change {name}")


LOCAL = next(block for block in blocks("README.md", "yaml") if "repo: local" in block)


@pytest.fixture(scope="module")
def hook_repository(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Copy this checkout into a repository; return it and the revision to use."""
    target = tmp_path_factory.mktemp("hook") / "lintdb"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    repository = Repository(target, tmp_path_factory.mktemp("unused"))
    repository.must("git", "add", "--all")
    repository.must("git", "commit", "--quiet", "--message", "Snapshot")
    return target, repository.must("git", "rev-parse", "HEAD")


@pytest.fixture(scope="module")
def project(hook_repository: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """A project whose commits pass through the hook."""
    repository = Repository(tmp_path_factory.mktemp("project"), tmp_path_factory.mktemp("home"))
    path, revision = hook_repository
    config = CONFIG.format(repository=path, revision=revision)
    (repository.path / ".pre-commit-config.yaml").write_text(config, encoding="utf-8")
    repository.must(sys.executable, "-m", "pre_commit", "install", "--install-hooks")
    return repository


def test_bad_commit_is_refused_with_the_finding(project: Repository) -> None:
    result = project.commit("report.py", BAD)
    assert result.returncode != 0, result.stdout
    assert "report.py:5:12: LDB121" in result.stdout
    assert project.run("git", "rev-parse", "--verify", "HEAD").returncode != 0, "nothing may be committed"


def test_good_commit_passes(project: Repository) -> None:
    result = project.commit("report.py", GOOD)
    assert result.returncode == 0, result.stdout
    assert "Passed" in result.stdout
    assert project.must("git", "show", "HEAD:report.py") == GOOD.strip()


def test_commit_without_python_is_not_held_up(project: Repository) -> None:
    result = project.commit("notes.txt", "psycopg2.connect(dsn)\n")
    assert result.returncode == 0, result.stdout
    assert "no files to check" in result.stdout


def test_excludes_of_the_configuration_count(project: Repository) -> None:
    (project.path / "lintdb.toml").write_text('extend-exclude = ["generated.py"]\n', encoding="utf-8")
    result = project.commit("generated.py", BAD)
    assert result.returncode == 0, result.stdout


def test_hook_that_is_written_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hooks = (ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8").splitlines()
    for key in ("entry:", "types:", "require_serial:"):
        [line] = [line.strip() for line in hooks if line.strip().startswith(key)]
        assert line in LOCAL
    # The command of the environment in which the tests run.
    monkeypatch.setenv("PATH", os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])))
    repository = Repository(tmp_path / "project", tmp_path / "home")
    (repository.path / ".pre-commit-config.yaml").write_text(LOCAL, encoding="utf-8")
    repository.must(sys.executable, "-m", "pre_commit", "install")
    result = repository.commit("report.py", BAD)
    assert result.returncode != 0, result.stdout
    assert "report.py:5:12: LDB121" in result.stdout
    result = repository.commit("report.py", GOOD)
    assert result.returncode == 0, result.stdout
