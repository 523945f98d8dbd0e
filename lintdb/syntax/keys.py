"""Keys under which files of a program leave things for each other, on objects that it has one of.

Applications are such objects, and bots: `app["pool"] = …` (aiohttp), `app.state.pool = …` (Starlette, FastAPI),
`app.ctx.pool = …` (Sanic), `app.pool = …` (Flask), `bot.pool = …`. Who reads it gets to the object through something
else: `request.app["pool"]`, `current_app.pool`, `self.bot.pool`. Names alone tell. A key is written as it is read from
the object: `["pool"]`, `.state.pool`, `.pool`.
"""

from __future__ import annotations

import functools
import re
from typing import NamedTuple

SHELVES = frozenset({"state", "ctx"})
"""Attributes of applications that are there for programs to put things on."""

_APPLICATION = re.compile(r"(?:\w*_)?(?:app|application)")
_BOT = re.compile(r"(?:\w*_)?bot")
_MENTIONED = re.compile(
    r"(?:(?:app|application)(?:\[\s*(?P<quote>[\"'])(?P<item>[^\"'\]\\]+)(?P=quote)\s*\]|(?P<shelf>\.(?:state|ctx)\.\w+))"
    r"|(?:bot|app|application)(?P<plain>\.\w+)\b(?!\())(?P<is_put>\s*(?::[^\n=]+)?=(?!=))?"
)
_OF_EVERY_APPLICATION = frozenset({"config", "logger", "debug", "secret_key", "name", "cli", "jinja_env", "extensions"})


_MAKES_APPLICATION = re.compile(
    r"\b(?:Flask|Quart|FastAPI|Starlette|Litestar|Sanic|Application|Bot|AutoShardedBot)\(", re.ASCII
)


def makes_application(text: str) -> bool:
    """Whether a file makes an object that programs leave things on, as far as a look at it tells."""
    return _MAKES_APPLICATION.search(text) is not None


class Keys(NamedTuple):
    """The keys that a text reads, and those that it puts something under."""

    read: frozenset[str]
    put: frozenset[str]


def item_key(holder: str, item: object) -> str | None:
    """Return the key of `holder[item]`; None if that is none. *holder* is the last name of what is subscripted."""
    return f'["{item}"]' if isinstance(item, str) and _is_application(holder) else None


def may_be_owner(name: str) -> bool:
    """Whether `….name.x` can have a key at all: most attributes have none, and that is soon told."""
    return name in SHELVES or name.endswith(("bot", "app", "application"))


def attribute_key(owner: str, holder: str, name: str) -> str | None:
    """Return the key of `holder.owner.name`, or `owner.name`; None if it is none."""
    if owner in SHELVES and _is_application(holder):
        return f".{owner}.{name}"
    is_own = _is_bot(owner) or (_is_application(owner) and name not in _OF_EVERY_APPLICATION)
    return f".{name}" if is_own else None


def keys_mentioned(text: str) -> Keys:
    """Return the keys in a text, as far as a look at it tells."""
    read: set[str] = set()
    put: set[str] = set()
    for match in _MENTIONED.finditer(text):
        key = f'["{match["item"]}"]' if match["item"] is not None else match["shelf"] or match["plain"]
        if key.removeprefix(".") not in _OF_EVERY_APPLICATION:
            (put if match["is_put"] else read).add(key)
    return Keys(frozenset(read), frozenset(put))


@functools.lru_cache(maxsize=4096)
def _is_application(name: str) -> bool:
    return _APPLICATION.fullmatch(name) is not None


@functools.lru_cache(maxsize=4096)
def _is_bot(name: str) -> bool:
    return _BOT.fullmatch(name) is not None
