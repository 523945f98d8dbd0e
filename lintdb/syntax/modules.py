"""What a module is called."""

from __future__ import annotations

from dataclasses import dataclass

OWN = "project:"
"""What a dotted name begins with that leads to a module of the project, though a library is called the same."""


@dataclass(frozen=True)
class ModuleName:
    """The place of a module in its project.

    `path` is the file, `dotted` the name under which others import it ("" if nobody can), `is_package` whether it is an
    `__init__.py`. `number` tells the modules of a project apart, whatever the order in which they are read.
    """

    path: str = ""
    dotted: str = ""
    is_package: bool = False
    number: int = 0

    def absolute(self, level: int, dotted: str) -> str:
        """Return the absolute name of a relative import; where that cannot be told, the name with its dots."""
        if not level:
            return dotted
        parts = self.dotted.split(".") if self.dotted else []
        up = level - 1 if self.is_package else level
        if up > len(parts) or (not parts and not self.is_package):
            return "." * level + dotted
        base = parts[: len(parts) - up]
        return ".".join([*base, dotted] if dotted else base) or "." * level + dotted
