"""How users name rules: `ALL`, a prefix of a code (`LDB`, `LDB1`, `LDB101`) or a name; letter case is ignored."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lintdb.rules.base import RuleMeta


def matching_codes(selectors: Iterable[str], metas: Iterable[RuleMeta]) -> frozenset[str]:
    """Return the codes of all rules that one of *selectors* means: `ALL`, a prefix of a code, or a rule's name."""
    metas = tuple(metas)
    return frozenset(meta.code for selector in selectors for meta in metas if _selects(selector, meta))


def check_selector(selector: str, metas: Iterable[RuleMeta]) -> str | None:
    """Return what is wrong with *selector*, with a suggestion where there is one; None if it means some rule."""
    metas = tuple(metas)
    if matching_codes([selector], metas):
        return None
    known = [text for meta in metas for text in (meta.code, meta.name)] + ["ALL"]
    return f"no rule is called {selector!r}{did_you_mean(selector, known)}"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean …?` for the word of *known* that is most like *word*, else an empty string."""
    by_lower_case = {text.lower(): text for text in known}
    close = difflib.get_close_matches(word.lower(), by_lower_case, n=1)
    return f"; did you mean `{by_lower_case[close[0]]}`?" if close else ""


def specificity(selector: str) -> int:
    """Order selectors: `ALL`, then `LDB`, then by the number of digits; a name is as specific as a whole code."""
    text = selector.upper()
    if text == "ALL":
        return 0
    return len(text) if text.startswith("LDB") else len("LDB101")


def _selects(selector: str, meta: RuleMeta) -> bool:
    text = selector.upper()
    # "L" alone would be a prefix too, but a selector has at least the letters of a code: LDB.
    return text == "ALL" or (text.startswith("LDB") and meta.code.startswith(text)) or selector.lower() == meta.name
