"""Finds the rules: one module each in this package, `ldb<number>_<name>.py`, holding one `Rule` with `meta`.

Metadata must be had without libcst (option parsing, `lintdb rules`), so each module imports libcst only for types.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
import re

import lintdb.rules
from lintdb.finding import Severity
from lintdb.rules.base import Rule, RuleMeta

_MODULE = re.compile(r"ldb\d{3}_\w+")

UNUSED_SUPPRESSION = RuleMeta(
    code="LDB001",
    name="unused-suppression",
    summary="a suppression comment that silences nothing",
    severity=Severity.WARNING,
    help="delete the comment, or the code in it that is not needed",
    since="0.1",
)
UNPARSABLE_FILE = RuleMeta(
    code="LDB002",
    name="unparsable-file",
    summary="the file cannot be read or parsed",
    severity=Severity.ERROR,
    help="mend the file, or exclude it",
    since="0.1",
)


class RegistryError(Exception):
    """A rule module is not what a rule module must be."""


@functools.cache
def all_rules() -> tuple[Rule, ...]:
    """Return one instance of each rule, ordered by code. Raises `RegistryError` for a module that is not a rule."""
    rules: list[Rule] = []
    for module_info in pkgutil.iter_modules(lintdb.rules.__path__):
        if not _MODULE.fullmatch(module_info.name):
            continue
        module = importlib.import_module(f"lintdb.rules.{module_info.name}")
        classes = [
            item
            for item in vars(module).values()
            if isinstance(item, type) and issubclass(item, Rule) and item.__module__ == module.__name__
        ]
        if len(classes) != 1 or not hasattr(classes[0], "meta"):
            raise RegistryError(f"{module.__name__}: a rule module holds exactly one Rule with `meta`")
        expected = f"{classes[0].meta.code.lower()}_{classes[0].meta.name.replace('-', '_')}"
        if module_info.name != expected:
            raise RegistryError(f"{module.__name__}: the module must be called {expected}")
        rules.append(classes[0]())
    rules.sort(key=lambda rule: rule.meta.code)
    for key in ("code", "name"):
        values = [getattr(meta, key) for meta in _metas(rules)]
        doubles = sorted({value for value in values if values.count(value) > 1})
        if doubles:
            raise RegistryError(f"two rules have the {key} {doubles[0]}")
    return tuple(rules)


def _metas(rules: list[Rule]) -> list[RuleMeta]:
    return [UNUSED_SUPPRESSION, UNPARSABLE_FILE, *(rule.meta for rule in rules)]


@functools.cache
def all_metas() -> tuple[RuleMeta, ...]:
    """Return the metadata of every rule, those about the run included, ordered by code."""
    return tuple(_metas(list(all_rules())))
