"""How users name rules: a preset (`core`, `default`, `all`), a prefix of a code (`LDB`, `LDB1`, `LDB101`) or a name.

Letter case is ignored. Which presets a rule belongs to is read off its metadata (`RuleMeta.preset`).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lintdb.rules.base import RuleMeta

PRESETS = {
    "core": "what to adopt first: errors, found surely",
    "default": "what is reported without configuration",
    "all": "every rule, those that are off by default, too",
}
"""The named selections with their meaning; each holds the ones before it."""

_ALL_CODES = "; `lintdb rules` lists all codes"
_LEVELS = {"all": 0, "ldb": 1, "default": 2, "core": 3}
"""How specific the selectors are that name fewer digits than `LDB1` has characters."""


def matching_codes(selectors: Iterable[str], metas: Iterable[RuleMeta]) -> frozenset[str]:
    """Return the codes of all rules that one of *selectors* means: a preset, a prefix of a code, or a name."""
    metas = tuple(metas)
    return frozenset(meta.code for selector in selectors for meta in metas if _selects(selector, meta))


def check_selector(selector: str, metas: Iterable[RuleMeta]) -> str | None:
    """Return what is wrong with *selector*, with a suggestion where there is one; None if it means some rule."""
    metas = tuple(metas)
    if matching_codes([selector], metas):
        return None
    cure = suggest_rule(selector, metas, PRESETS) or f"; the presets are {', '.join(PRESETS)}{_ALL_CODES}"
    return f"no rule is called {selector!r}{cure}"


def suggest_rule(selector: str, metas: Iterable[RuleMeta], others: Iterable[str] = ()) -> str:
    """Return what to say to somebody who has named no rule: a name (or one of *others*) that is like it, if any is."""
    if selector.upper().startswith("LDB"):
        # Codes are all alike: the one that differs in a digit is about something else.
        return _ALL_CODES
    return did_you_mean(selector, [*(meta.name for meta in metas), *others])


def is_preset(text: str) -> bool:
    """Whether *text* names a preset."""
    return text.lower() in PRESETS


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean …?` for the word of *known* that is most like *word*, else an empty string."""
    by_lower_case = {text.lower(): text for text in known}
    close = difflib.get_close_matches(word.lower(), by_lower_case, n=1)
    return f"; did you mean `{by_lower_case[close[0]]}`?" if close else ""


def specificity(selector: str) -> int:
    """Order selectors: `all`, `LDB`, `default`, `core`, then by the number of digits; a name counts as a whole code."""
    text = selector.lower()
    if text in _LEVELS:
        return _LEVELS[text]
    return len(text) if text.startswith("ldb") else len("LDB101")


def _selects(selector: str, meta: RuleMeta) -> bool:
    if is_preset(selector):
        names = list(PRESETS)
        return names.index(meta.preset) <= names.index(selector.lower())
    text = selector.upper()
    # "L" alone would be a prefix too, but a selector has at least the letters of a code: LDB.
    return (text.startswith("LDB") and meta.code.startswith(text)) or selector.lower() == meta.name
