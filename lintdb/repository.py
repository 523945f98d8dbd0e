"""What git knows of a folder, read from its files: git itself is not run, and need not be there."""

# Paths are strings here, as in `files`, which asks this for folders of large trees.
# ruff: noqa: PTH112, PTH118, PTH120, PTH123

from __future__ import annotations

import os
import struct
from collections.abc import Iterator

_SUFFIX = b".py"
_HASH_SIZES = (20, 32)
"""Bytes of a hash, SHA-1 or SHA-256. An index does not say which it has, but only one of them makes sense of it."""
_STAT_SIZE = 40
_EXTENDED = 0x4000
_LONG_NAME = 0xFFF


def find_root(folder: str) -> str | None:
    """Return the root of the repository in which *folder* (absolute) lies; None if it lies in none."""
    while not os.path.lexists(os.path.join(folder, ".git")):
        parent = os.path.dirname(folder)
        if parent == folder:
            return None
        folder = parent
    return folder


def find_checkout(folder: str) -> str | None:
    """Return the folder from which a service reads the paths in a report of a run in *folder* (absolute), if any is.

    It is the root of the repository, in a job of GitHub's that of the one whose workspace this is, even where the run
    takes place in a submodule. A job may also check repositories out into folders of its workspace, or hand a workspace
    without `.git` to a container.
    """
    workspace = os.environ.get("GITHUB_WORKSPACE")
    if not workspace:
        return find_root(folder)
    workspace = os.path.realpath(workspace)
    if not (folder + os.sep).startswith(workspace.rstrip(os.sep) + os.sep):
        return find_root(folder)
    if os.path.lexists(os.path.join(workspace, ".git")):
        return workspace
    return find_root(folder) or workspace


class TrackedFiles:
    """The Python files that git tracks, though a pattern may say that it ignores them; an index is read once.

    Of an index that is split in two (`core.splitIndex`) only the part of that name is read.
    """

    def __init__(self) -> None:
        self._roots: dict[str, str | None] = {}
        self._names: dict[str, frozenset[str]] = {}

    def have(self, path: str) -> bool:
        """Whether *path* (absolute) is such a file, or a folder with one in it or below it."""
        root = self._root_of(os.path.dirname(path))
        if root is None:
            return False
        if root not in self._names:
            self._names[root] = _with_folders(_read_index(root))
        return path[len(root) :].replace(os.sep, "/").lstrip("/") in self._names[root]

    def _root_of(self, folder: str) -> str | None:
        if folder not in self._roots:
            self._roots[folder] = find_root(folder)
        return self._roots[folder]


def _with_folders(names: Iterator[bytes]) -> frozenset[str]:
    known: set[bytes] = set()
    for name in names:
        path = name
        while path and path not in known:
            known.add(path)
            path = path.rpartition(b"/")[0]
    return frozenset(os.fsdecode(path) for path in known)


def _read_index(root: str) -> Iterator[bytes]:
    """Yield the paths of the Python files in the index of the repository at *root*, as git writes them."""
    try:
        with open(os.path.join(_git_folder(root), "index"), "rb") as file:
            data = file.read()
    except (OSError, ValueError):
        # Nothing was ever added, or `.git` leads nowhere.
        return
    for hash_size in _HASH_SIZES:
        try:
            names = list(_iter_names(data, hash_size))
        except (struct.error, ValueError, IndexError):
            continue
        yield from (name for name in names if name.endswith(_SUFFIX))
        return


def _git_folder(root: str) -> str:
    """Return where git keeps what it knows of a working tree: `.git`, or the folder that a file of that name tells."""
    path = os.path.join(root, ".git")
    if os.path.isdir(path):
        return path
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return os.path.join(root, file.read().removeprefix("gitdir:").strip())


def _iter_names(data: bytes, hash_size: int) -> Iterator[bytes]:
    """Yield the path of each entry; raises one of several errors if this is no index, or not one with such hashes.

    Before its path an entry has what `stat()` says of the file, a hash and flags; in version 4 a path says only how it
    differs from the one before it.
    """
    signature, version, count = struct.unpack_from(">4sLL", data)
    if signature != b"DIRC" or version not in {2, 3, 4}:
        raise ValueError("not an index that is known")
    position = 12
    name = b""
    for _ in range(count):
        start = position + _STAT_SIZE + hash_size + 2
        flags = data[start - 2] << 8 | data[start - 1]
        if flags & _EXTENDED:
            start += 2
        kept = 0
        if version == 4:
            dropped, start = _read_number(data, start)
            kept = len(name) - dropped
        end = data.index(b"\0", start)
        name = name[:kept] + data[start:end]
        if len(name) != flags & _LONG_NAME and (flags & _LONG_NAME) != _LONG_NAME:
            raise ValueError("the name of an entry is not as long as it shall be")
        yield name
        # Up to version 3 an entry is filled up with at least one zero, to a multiple of eight.
        position = end + 1 if version == 4 else position + (end - position + 8) // 8 * 8


def _read_number(data: bytes, position: int) -> tuple[int, int]:
    """Return the number at *position*, seven bits a byte, and where it ends."""
    byte = data[position]
    number = byte & 0x7F
    while byte & 0x80:
        position += 1
        byte = data[position]
        number = (number + 1 << 7) | (byte & 0x7F)
    return number, position + 1
