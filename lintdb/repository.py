"""What git knows of a folder, read from its files: git itself is not run, and need not be there."""

# Paths are strings here, as in `files`, which asks this for folders of large trees.
# ruff: noqa: PTH118, PTH120

from __future__ import annotations

import os


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
