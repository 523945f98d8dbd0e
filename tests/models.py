"""The driver models as tests go through them."""

from __future__ import annotations

import pytest

from lintdb.drivers import catalog
from lintdb.drivers.catalog import Models, load_models

DRIVERS = catalog.driver_names()
VERSIONS = [(name, version) for name in DRIVERS for version in catalog.known_versions(name)]

each_driver = pytest.mark.parametrize("name", DRIVERS)
each_version = pytest.mark.parametrize(("name", "version"), VERSIONS, ids=[f"{n}-{v}" for n, v in VERSIONS])


def models_of(name: str, version: str | None = None) -> Models:
    """Return the models for one library and what it requires, in a version or the newest."""
    return load_models([name], {name: version} if version else None)
