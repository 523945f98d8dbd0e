"""The wheel is what users get: built, installed into an empty environment and run from outside the checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from tests.harness import ROOT

pytestmark = pytest.mark.slow

LEAK = """\
import sqlite3


def count(path):
    conn = sqlite3.connect(path, timeout=5)
    return conn.execute("select count(*) from orders").fetchone()
"""


def run(*command: str | Path, cwd: Path, code: int = 0) -> str:
    """Run a command apart from the checkout, return its standard output, fail with all it said."""
    environment = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    result = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == code, f"{command}\n{result.stdout}\n{result.stderr}"
    return result.stdout


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the source distribution, and the wheel from that: both must hold all they need."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--outdir", folder, ROOT, cwd=folder)
    return folder


@pytest.fixture(scope="module")
def installed(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel with flake8 into a new environment; return its folder of commands."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True)
    commands = folder / ("Scripts" if os.name == "nt" else "bin")
    [wheel] = dist.glob("*.whl")
    run(commands / "python", "-m", "pip", "install", "--quiet", f"{wheel}[flake8]", cwd=folder)
    return commands


@pytest.fixture
def leak(tmp_path: Path) -> Path:
    path = tmp_path / "leak.py"
    path.write_text(LEAK, encoding="utf-8")
    return path


def test_wheel_holds_pages_driver_models_and_the_typed_marker(dist: Path) -> None:
    [wheel] = dist.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    pages = {f"lintdb/_rulebook/{path.name}" for path in (ROOT / "rules").glob("LDB*.md")}
    models = {f"lintdb/drivers/{path.name}" for path in (ROOT / "lintdb" / "drivers").glob("*.toml")}
    models.add("lintdb/drivers/schema.json")
    assert pages | models | {"lintdb/py.typed"} <= names
    assert not [name for name in names if name.startswith(("tests/", "fixtures/", "rules/"))]


def test_rule_page(installed: Path, tmp_path: Path) -> None:
    page = run(installed / "lintdb", "rule", "LDB101", cwd=tmp_path)
    assert "connection-not-closed" in page
    assert "Why is this bad" in page


def test_check(installed: Path, leak: Path) -> None:
    output = run(installed / "lintdb", "check", "--output-format", "concise", leak.name, cwd=leak.parent, code=1)
    assert "leak.py:5:12: LDB101" in output


def test_module_runs(installed: Path, leak: Path) -> None:
    output = run(
        installed / "python", "-m", "lintdb", "check", "--output-format", "json", leak, cwd=leak.parent, code=1
    )
    assert "LDB101" in json.dumps(json.loads(output))


def test_flake8_knows_the_plugin(installed: Path, leak: Path) -> None:
    assert "lintdb" in run(installed / "flake8", "--version", cwd=leak.parent)
    assert "LDB101" in run(installed / "flake8", "--isolated", leak.name, cwd=leak.parent, code=1)


def test_nothing_is_imported_from_the_checkout(installed: Path, tmp_path: Path) -> None:
    where = run(installed / "python", "-c", "import lintdb; print(lintdb.__file__)", cwd=tmp_path)
    assert not Path(where.strip()).is_relative_to(ROOT)
