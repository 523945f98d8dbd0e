"""The one command: `nox` runs every check that a change must pass. `nox -l` lists the rest.

The plain sessions run in the current environment (`pip install -e '.[test]'`), so they start at once. `tests_on` makes
an environment for each other interpreter that it finds.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import nox

nox.needs_version = ">=2024.4.15"
nox.options.sessions = ["lint", "types", "generated", "dogfood", "tests", "wheel"]
nox.options.reuse_existing_virtualenvs = True

MINOR_VERSIONS = range(10, 16)


def find_interpreters() -> list[str]:
    """Return the versions, such as `3.12`, that can be run here; pyenv's are made callable by their short name."""
    names = [f"3.{minor}" for minor in MINOR_VERSIONS]
    if shutil.which("pyenv"):
        _enable_pyenv_versions(names)
    return [name for name in names if _runs(f"python{name}")]


def _enable_pyenv_versions(names: list[str]) -> None:
    """Let pyenv's shims find the newest installed patch of each version; the one in use stays first."""
    installed = _output("pyenv", "versions", "--bare").split()
    newest = {}
    for name in names:
        patches = [version for version in installed if version.startswith(f"{name}.") and version[5:].isdigit()]
        if patches:
            newest[name] = max(patches, key=lambda version: int(version.rpartition(".")[2]))
    in_use = _output("pyenv", "version-name").strip().split(":")
    os.environ["PYENV_VERSION"] = ":".join(dict.fromkeys([*filter(None, in_use), *newest.values()]))


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def _runs(command: str) -> bool:
    path = shutil.which(command)
    return path is not None and subprocess.run([path, "-c", ""], capture_output=True, check=False).returncode == 0


CURRENT = f"{sys.version_info.major}.{sys.version_info.minor}"
OTHERS = [version for version in find_interpreters() if version != CURRENT]


def run_module(session: nox.Session, module: str, *arguments: str) -> None:
    """Run a module with the interpreter that runs nox."""
    session.run(sys.executable, "-m", module, *arguments, external=True)


@nox.session(python=False)
def lint(session: nox.Session) -> None:
    """Formatting and lint."""
    run_module(session, "ruff", "format", "--check", ".")
    run_module(session, "ruff", "check", ".")


@nox.session(python=False)
def types(session: nox.Session) -> None:
    """Types, strictly."""
    run_module(session, "mypy")


@nox.session(python=False)
def generated(session: nox.Session) -> None:
    """Documents made from data are up to date."""
    session.run(sys.executable, "scripts/generate.py", "--check", external=True)


@nox.session(python=False)
def dogfood(session: nox.Session) -> None:
    """Lintdb has nothing to say about its own code."""
    run_module(session, "lintdb", "check", *(session.posargs or ["."]))


@nox.session(python=False)
def tests(session: nox.Session) -> None:
    """The tests, without the slow ones and those that need a server; arguments go to pytest."""
    run_module(session, "pytest", *session.posargs)


@nox.session(python=False)
def wheel(session: nox.Session) -> None:
    """The wheel builds, installs and runs."""
    run_module(session, "pytest", "-n", "0", "-m", "slow", "tests/test_wheel.py", *session.posargs)


@nox.session(python=False)
def pre_commit(session: nox.Session) -> None:
    """The pre-commit hook refuses a bad commit and lets a good one pass, with the real program."""
    run_module(session, "pytest", "-n", "0", "-m", "slow", "tests/test_pre_commit.py", *session.posargs)


@nox.session(python=False)
def slow(session: nox.Session) -> None:
    """All slow tests: wheel, pre-commit, generated programs in bulk."""
    run_module(session, "pytest", "-n", "0", "-m", "slow", *session.posargs)


@nox.session(python=False)
def servers(session: nox.Session) -> None:
    """What models say, tried on PostgreSQL, MariaDB and Redis, which the tests start and stop."""
    run_module(session, "pytest", "-n", "0", "-m", "servers", "tests/probes", *session.posargs)


BESIDES = ("aiohttp", "greenlet", "opensearch-py[async]", "psycopg[binary]", "tornado")
"""What libraries need for a part of themselves that the models describe."""


@nox.session(python=CURRENT)
def drivers(session: nox.Session) -> None:
    """Models against the libraries: all that have wheels are installed, their names looked up, their ways tried."""
    session.install("-e", ".[test]")
    listing = """
from lintdb.drivers import catalog
print(*[name for driver in catalog.driver_names() for name in catalog.load_driver(driver).distributions[:1]])
"""
    found = session.run("python", "-c", listing, silent=True)
    # One at a time: a library without a wheel for this machine is left out, and its tests say so.
    for name in [*str(found).split(), *BESIDES]:
        session.run("python", "-m", "pip", "install", "--quiet", "--only-binary", ":all:", name, success_codes=[0, 1])
    session.run(
        "python", "-m", "pytest", "-n", "0", "-m", "drivers", "tests/test_installed_libraries.py", *session.posargs
    )
    session.run("python", "-m", "pytest", "-n", "0", "-m", "servers or not servers", "tests/probes", *session.posargs)


@nox.session(python=OTHERS or False)
def tests_on(session: nox.Session) -> None:
    """The tests on each other interpreter that is installed."""
    if not OTHERS:
        session.skip("no other interpreter is installed")
    session.install("-e", ".[test]")
    session.run("python", "-m", "pytest", *session.posargs)
