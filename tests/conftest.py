"""Fixtures for tests of the command."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from lintdb.cli import main
from tests.command import METAS, Ran, Run, fake_check, seen_options


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs the command in an empty folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR", "LINTDB_DEBUG", "GITHUB_WORKSPACE"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: str, stdin: bytes = b"") -> Ran:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        code = main(arguments)
        out, err = capsys.readouterr()
        return Ran(code, out, err)

    return run


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a small known engine in the place of the real one."""
    seen_options.clear()
    monkeypatch.setattr("lintdb.engine.check_source", fake_check)
    monkeypatch.setattr("lintdb.rules.registry.all_metas", lambda: METAS)
