"""Models that a project brings along: in its configuration, or in files that the configuration names.

They are written in the same grammar as lintdb's own. What is new is `extends`: the kinds of one of lintdb's models can
be named as if they stood in the model, and a kind of the same name takes over all that it does not say itself. So a
factory that hands out psycopg2 connections is a line.
"""

from __future__ import annotations

import builtins
import glob
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lintdb.drivers.grammar import INLINE_MODEL, OWN_MODEL
from lintdb.drivers.model import Driver, ModelError
from lintdb.drivers.reader import (
    build_driver,
    find_cut_overs,
    iter_tables,
    placed,
    read_model_file,
    references_in,
    texts,
)
from lintdb.drivers.shapes import ShapeError, hint
from lintdb.effects import Kind
from lintdb.toml import find_line

_HEAD_KEYS = frozenset(INLINE_MODEL.keys) - frozenset(OWN_MODEL.keys)
# Taken from the model in `extends`, where the own one is silent: what the calls behind it do.
_TAKEN = ("errors", "blocking", "paramstyle", "naive_time", "quotes_names")


@dataclass(frozen=True)
class OwnModel:
    """A model as the project has it, its shape checked. `key` is the dotted way to it in `file`, empty in its own file.

    `content` is the model as JSON: plain data that can be compared, kept as a key and sent to other processes. `path`
    leads to its own file; `file` is what messages call that.
    """

    name: str
    content: str
    file: str = field(compare=False)
    key: str = field(compare=False)
    path: str = field(compare=False, default="")


def read_own_file(path: str, file: str) -> OwnModel:
    """Return the model in a file of its own, which messages call *file*; raises `ModelError` if its shape is wrong."""
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ModelError("not UTF-8: save the file as UTF-8", file) from None
    except OSError as error:
        raise ModelError(f"cannot read the file: {error.strerror or error}", file) from None
    data = read_model_file(text, file)
    with with_line(path), placed(file):
        OWN_MODEL.check(data)
    return OwnModel(data["driver"]["name"], json.dumps(data), file, "", path)


@contextmanager
def with_line(path: str) -> Iterator[None]:
    """Give a `ModelError` inside the block its line in the file *path*; the configuration, without one, does that."""
    try:
        yield
    except ModelError as error:
        if path and not error.line:
            with suppress(OSError, ValueError):
                error.line = find_line(Path(path).read_text(encoding="utf-8-sig"), error.keys)
        raise


def read_own_table(name: str, data: object, file: str, key: str) -> OwnModel:
    """Return the model in a table of the configuration, which is at the dotted *key*; raises `ModelError`."""
    with placed(file, key):
        INLINE_MODEL.check(data)
    assert isinstance(data, dict)
    head = {"name": name, **{each: value for each, value in data.items() if each in _HEAD_KEYS}}
    rest = {each: value for each, value in data.items() if each not in _HEAD_KEYS}
    return OwnModel(name, json.dumps({"driver": head, **rest}), file, key)


def iter_own(
    file: str, keys: Sequence[str], tables: Mapping[str, object], patterns: Iterable[str], shown: Callable[[str], str]
) -> Iterator[OwnModel]:
    """Yield the models of a configuration: those in its *tables*, and those in the files that match its *patterns*.

    *file* is the configuration as messages call it, *keys* lead to its settings; *shown* shortens paths for messages.
    Raises `ModelError`.
    """
    for name, table in tables.items():
        yield read_own_table(name, table, file, ".".join((*keys, "drivers", name)))
    read: set[str] = set()
    for pattern in patterns:
        found = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 - paths stay as the user has spelled them
        paths = [path for path in found if Path(path).is_file()]
        if not paths:
            raise ModelError(f"there is no file {shown(pattern)}", file, ".".join((*keys, "driver-models")))
        for path in paths:
            if path not in read:
                read.add(path)
                yield read_own_file(path, shown(path))


def check_names(model: OwnModel) -> None:
    """Raise `ModelError` for a function or a method by whose name nothing is ever called."""
    data: dict[str, Any] = json.loads(model.content)
    with placed(model.file, model.key):
        for kind, described in data.get("kinds", {}).items():
            for number, table in enumerate(described.get("methods", ())):
                for name in texts(table["names"]):
                    if "." in name:
                        cure = f'write what stands behind the last dot, "{name.rpartition(".")[2]}"'
                        message = f'"{name}" has a dot, and so matches no method: {cure}'
                        raise ShapeError(message, "kinds", kind, "methods", number, "names")
        for number, table in enumerate(data.get("functions", ())):
            for name in texts(table["names"]):
                if "." in name or name.startswith("@"):
                    continue
                cure = f'write it as others import it, such as "{model.name}.{name}"'
                fault = "has no dot, and so matches no function"
                if hasattr(builtins, name):
                    made = table.get("acquires", table.get("gives"))
                    if made is None or made in data.get("kinds", {}):
                        continue
                    fault = f"has no dot, and so is Python's own `{name}()`, which hands out no such thing"
                raise ShapeError(f'"{name}" {fault}: {cure}', "functions", number, "names")


def unused_names(model: OwnModel, texts_of_files: Iterable[str]) -> tuple[str, ...]:
    """Return the functions and classes of a model that no text mentions but to define them, by their last names."""
    data: dict[str, Any] = json.loads(model.content)
    names = [each for table in data.get("functions", ()) for each in texts(table["names"])]
    names += [each for table in data.get("kinds", {}).values() for each in texts(table.get("types"))]
    lasts = {name: name.rpartition(".")[2] for name in names if "." in name and not name.startswith("@")}
    unused = {last: re.compile(rf"(?<!\bdef )(?<!\bclass )\b{re.escape(last)}\b") for last in lasts.values()}
    for text in texts_of_files:
        unused = {last: use for last, use in unused.items() if use.search(text) is None}
        if not unused:
            break
    return tuple(dict.fromkeys(name for name, last in lasts.items() if last in unused))


def iter_doubtful_names(model: OwnModel) -> Iterator[str]:
    """Yield what is to be said of names that are right, and seldom what is meant."""
    data: dict[str, Any] = json.loads(model.content)
    described = {each for table in data.get("kinds", {}).values() for each in texts(table.get("types"))}
    for name in (each for table in data.get("functions", ()) for each in texts(table["names"])):
        owner, _, method = name.rpartition(".")
        last = owner.rpartition(".")[2]
        if last[:1].isupper() and owner not in described:
            yield (
                f'"{name}" is what is called on the class itself, `{last}.{method}()`; for a method of its objects, '
                f'write a kind with `types = ["{owner}"]` and "{method}" in `methods` (DRIVERS.md: a class of your own)'
            )


def build_own(model: OwnModel, load: Callable[[str], Driver], known: tuple[str, ...], version: str | None) -> Driver:
    """Return what an own model says about one version (None: its newest); raises `ModelError`.

    *known* are the names of lintdb's models, *load* reads one.
    """
    data: dict[str, Any] = json.loads(model.content)
    head = data["driver"]
    with placed(model.file, model.key):
        head_key = () if model.key else ("driver",)
        if not model.name.isidentifier():
            raise ShapeError(f"{model.name!r} cannot be the name of a model: use letters, digits and `_`", *head_key)
        if model.name in known:
            message = f"{model.name!r} is a model of lintdb's: call this one otherwise, and let it extend that one"
            raise ShapeError(message, *head_key, *(() if model.key else ("name",)))
        for key in ("extends", "requires"):
            for name in texts(head.get(key)):
                if name not in known:
                    raise ShapeError(f"{name!r} is no model of lintdb's{hint(name, known)}", *head_key, key)
        if "newest" not in head and find_cut_overs(data):
            raise ShapeError("is missing: entries with `since` or `until` need it", *head_key, "newest")
        base = load(head["extends"]) if "extends" in head else None
        if base is not None:
            _extend(data, base)
        foreign = [kind for name in _required(texts(head.get("requires")), load) for kind in load(name).kinds]
        for key, default in (
            ("imports", []),
            ("distributions", []),
            ("newest", "0"),
            ("versions", head.get("newest", "")),
        ):
            head.setdefault(key, default)
        return build_driver(data, version, foreign)


def _required(names: Iterable[str], load: Callable[[str], Driver]) -> Iterable[str]:
    """Return some drivers and those that they require in turn."""
    found: dict[str, None] = {}
    todo = list(names)
    while todo:
        name = todo.pop()
        if name not in found:
            found[name] = None
            todo += load(name).requires
    return found


def _extend(data: dict[str, Any], base: Driver) -> None:
    head = data["driver"]
    head["requires"] = [base.name, *texts(head.get("requires"))]
    for key in _TAKEN:
        if (value := getattr(base, key)) is not None:
            head.setdefault(key, value)
    written = data.get("kinds", {})
    for name, table in written.items():
        original = base.kinds.get(f"{base.name}.{name}")
        if original is not None and "like" not in table and "family" not in table:
            table.update(_all_of(original) | table)
        elif "like" in table and table["like"] not in written and f"{base.name}.{table['like']}" in base.kinds:
            table["like"] = f"{base.name}.{table['like']}"
    tables = [table for _, table in iter_tables(data)]
    named = {
        name for table in tables for keys, name in references_in(table) if keys != ("like",) and name not in written
    }
    originals = {name: base.kinds.get(f"{base.name}.{name}") for name in sorted(named)}
    data["kinds"] = {name: _all_of(original) for name, original in originals.items() if original} | written


def _all_of(original: Kind) -> dict[str, Any]:
    """Return the table of a kind that is just like one of another driver, but for its settings.

    Those are of the call that makes it, and another call makes it now. Who must not share it each kind says for itself.
    """
    return {"like": original.id, "unshared": list(original.unshared)}
