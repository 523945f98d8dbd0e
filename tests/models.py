"""The driver models as tests go through them."""

from __future__ import annotations

import pytest

from lintdb.drivers import catalog
from lintdb.drivers.catalog import Models, load_models
from lintdb.drivers.own import OwnModel, read_own_table
from lintdb.engine import EngineOptions, check_source
from lintdb.rules.registry import all_metas
from lintdb.source import SourceFile

DRIVERS = catalog.driver_names()
VERSIONS = [(name, version) for name in DRIVERS for version in catalog.known_versions(name)]

each_driver = pytest.mark.parametrize("name", DRIVERS)
each_version = pytest.mark.parametrize(("name", "version"), VERSIONS, ids=[f"{n}-{v}" for n, v in VERSIONS])


def models_of(name: str, version: str | None = None) -> Models:
    """Return the models for one library and what it requires, in a version or the newest."""
    return load_models([name], {name: version} if version else None)


def own(**data: object) -> tuple[OwnModel, ...]:
    """Return one checked model called `mycompany`."""
    model = read_own_table("mycompany", data, "lintdb.toml", "drivers.mycompany")
    catalog.load_models(["mycompany"], None, (model,))
    return (model,)


def codes(text: str, models: tuple[OwnModel, ...], **versions: str) -> list[str]:
    """Return line and code of what is found in a program."""
    enabled = frozenset(meta.code for meta in all_metas() if meta.default)
    options = EngineOptions(enabled, own_models=models, target_versions=versions)
    return [f"{each.span.line}: {each.code}" for each in check_source(SourceFile("x.py", text), options).findings]
