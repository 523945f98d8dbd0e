"""What commands say of library versions for which no model was made."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lintdb.drivers.own import OwnModel

_NUMBERS = re.compile(r"\d+(?:\.\d+)*")


def beyond_models(driver: str, version: str, own: tuple[OwnModel, ...]) -> str:
    """Return what lintdb makes of a version that the model of a library does not reach; an empty text for others."""
    from packaging.version import Version

    from lintdb.drivers.catalog import load_driver

    known = load_driver(driver, None, own).known_versions
    ends = _NUMBERS.findall(known.partition(",")[0])
    if not ends:
        # Models of a project's own mostly know no versions.
        return ""
    release = Version(version).release
    oldest, newest = (Version(end).release for end in (ends[0], ends[-1]))
    if release[: len(newest)] > newest:
        return f"{version} is newer than what lintdb knows ({known}); what holds for {ends[-1]} is taken"
    # Who says "3" leaves open which one of these it is.
    if release[: len(oldest)] < oldest[: len(release)]:
        return f"{version} is older than what lintdb knows ({known}); what holds for {ends[0]} is taken"
    return ""
