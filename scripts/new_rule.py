"""Start a rule: writes its module, its page and its fixture, so that nothing about a rule is forgotten.

python scripts/new_rule.py LDB204 commit-on-error-path
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

MODULE = '''\
"""{code}: say in one sentence which code is wrong, so that a reader knows when the rule speaks."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from lintdb.finding import Severity
from lintdb.rules.base import Report, Rule, RuleMeta

if TYPE_CHECKING:
    from collections.abc import Iterator

    import libcst as cst

    from lintdb.rules.base import FileContext


class {class_name}(Rule):
    """Reports nothing yet: fill the handler, and drop the ones that the rule does not need."""

    meta: ClassVar[RuleMeta] = RuleMeta(
        code="{code}",
        name="{name}",
        summary="{words}",
        severity=Severity.WARNING,
        help="say how to mend it",
        since="{since}",
    )

    def visit_Call(self, node: cst.Call, ctx: FileContext) -> Iterator[Report]:
        yield from ()
'''

PAGE = """\
# {code}: {name}

## What it does

Reports code in which … (one sentence, as the user would see it).

## Why is this bad

What happens in production, and who notices it first.

## Bad

```python
import psycopg2


def report(dsn):
    conn = psycopg2.connect(dsn)  # {code}
```

## Good

```python
import psycopg2
```

## How it decides

What counts, what ends tracking, which versions of a library differ.

## Known limits

What it does not see. Each limit has a line marked `missed:` or `false:` in `fixtures/rules/{code}.py`.

## References

- The library's own documentation of the behaviour.
"""

FIXTURE = '''\
"""{code} {name}: one function per situation; the mark stands on the line where the finding belongs."""

import psycopg2


def describe_the_defect_bad(dsn):
    conn = psycopg2.connect(dsn)  # {code}
    return conn.closed


def describe_what_is_fine_ok(dsn):
    return psycopg2.connect(dsn)
'''


class NewRuleError(Exception):
    """The rule cannot be started; the message says what to change."""


def write_rule(root: Path, code: str, name: str, since: str) -> list[Path]:
    """Write the three files of a rule below *root* and return them; raises NewRuleError and writes nothing instead."""
    if not re.fullmatch(r"LDB\d{3}", code):
        raise NewRuleError(f"{code!r} is not a code: use LDB and three digits")
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", name):
        raise NewRuleError(f"{name!r} is not a name: use lower-case words joined by hyphens that name the defect")
    if re.match(r"(no|disallow|avoid|use)-", name):
        raise NewRuleError(f"{name!r} names a cure: name the defect, so that it reads well after `allow`")
    _refuse_taken(root, code, name)
    values = {
        "code": code,
        "name": name,
        "words": name.replace("-", " "),
        "class_name": "".join(word.capitalize() for word in name.split("-")),
        "since": since,
    }
    files = {
        root / "lintdb" / "rules" / f"{code.lower()}_{name.replace('-', '_')}.py": MODULE,
        root / "rules" / f"{code}.md": PAGE,
        root / "fixtures" / "rules" / f"{code}.py": FIXTURE,
    }
    for path, template in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(template.format(**values), encoding="utf-8")
    return list(files)


def _refuse_taken(root: Path, code: str, name: str) -> None:
    """Raise NewRuleError if the code or the name belongs to a rule already, or to what is left of one."""
    modules = root / "lintdb" / "rules"
    taken = [
        *modules.glob(f"{code.lower()}_*.py"),
        *modules.glob(f"ldb[0-9][0-9][0-9]_{name.replace('-', '_')}.py"),
        *(
            path
            for path in (root / "rules" / f"{code}.md", root / "fixtures" / "rules" / f"{code}.py")
            if path.exists()
        ),
    ]
    if taken:
        listed = ", ".join(str(path.relative_to(root)) for path in taken)
        raise NewRuleError(f"{code} {name} is taken: {listed}. A code never changes its meaning: choose another")


def next_version(root: Path) -> str:
    """Return the major and minor number of the version in the package: the release that a new rule belongs to."""
    text = (root / "lintdb" / "__init__.py").read_text(encoding="utf-8")
    match = re.search(r'^__version__ = "(\d+\.\d+)', text, re.M)
    if match is None:
        raise NewRuleError("lintdb/__init__.py has no __version__")
    return match[1]


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    parser = argparse.ArgumentParser(description="Write the module, the page and the fixture of a new rule.")
    parser.add_argument("code", help="LDB and three digits, for example LDB204")
    parser.add_argument("name", help="the defect in lower-case words joined by hyphens: commit-on-error-path")
    options = parser.parse_args(arguments)
    try:
        written = write_rule(root, options.code, options.name, next_version(root))
    except NewRuleError as error:
        print(f"new_rule: {error}", file=sys.stderr)
        return 2
    for path in written:
        print(f"wrote {path.relative_to(root)}")
    print("Next: fill them, then run `python scripts/generate.py` and `nox`.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
