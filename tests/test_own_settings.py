"""Settings of frameworks that a project describes in models of its own."""

from __future__ import annotations

import pytest

from lintdb.drivers.model import ModelError
from lintdb.engine import EngineOptions, check_source
from lintdb.source import SourceFile
from tests.models import codes, own

SETTINGS = """\
SHOP_DATABASE = {
    "host": "db.example.com",
    "options": {
        "connect_timeout": 0,
        "options": "-c statement_timeout=5000",
    },
}


class Production:
    SHOP_DATABASE = {"host": "db.example.com", "options": {"connect_timeout": 5}}


class Local:
    SHOP_DATABASE = {"options": load_options()}
"""


def test_settings_of_a_framework_are_described() -> None:
    models = own(
        configurations=[
            {
                "table": "SHOP_DATABASE",
                "calls": ["psycopg2.connect"],
                "arguments": {"host": "host"},
                "merged": ["options"],
                "suggest": '"options": {…}',
                "label": "database of the shop",
            }
        ]
    )
    found = check_source(
        SourceFile("settings.py", SETTINGS), EngineOptions(frozenset({"LDB402", "LDB404"}), own_models=models)
    ).findings
    assert [(each.span.line, each.code) for each in found] == [(4, "LDB404"), (11, "LDB402")]
    assert "database of the shop" in found[1].message
    assert '"options": {"options": \'-c statement_timeout=5000\'}' in (found[1].help or "")
    assert codes(SETTINGS, ()) == []


def test_configuration_without_a_call_is_refused() -> None:
    with pytest.raises(ModelError, match="needs `calls` or `acquires`"):
        own(configurations=[{"table": "SHOP_DATABASE"}])
