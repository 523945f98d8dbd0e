"""Write what is made from data: the tables in README.md and DRIVERS.md, the index of the rule book, the JSON Schema.

    python scripts/generate.py            writes what is out of date
    python scripts/generate.py --check    writes nothing; says what is out of date and exits 1

Rule metadata lives in `RuleMeta` alone and libraries in the driver models alone; these tables are copies of them.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parent.parent
# The checkout that holds this script is described, whatever lintdb is installed.
sys.path.insert(0, str(ROOT))

from lintdb.commands.check import check_command  # noqa: E402
from lintdb.drivers import catalog  # noqa: E402
from lintdb.drivers.model import Driver  # noqa: E402
from lintdb.rules.base import RuleMeta  # noqa: E402
from lintdb.rules.registry import all_metas  # noqa: E402
from lintdb.selection import PRESETS, matching_codes  # noqa: E402
from scripts import model_documents  # noqa: E402

SECTIONS = {
    "0": "The run itself",
    "1": "Lifetimes: what is opened gets closed",
    "2": "Transactions: every unit of work ends",
    "3": "Pools: bounded, healthy, created once",
    "4": "Timeouts: nothing waits forever",
    "5": "Concurrency: one owner at a time, no blocked loop",
    "6": "Query text and connection strings",
    "7": "Results and errors",
}

# Families of the driver models as readers say them, in the order of the table.
TRACKED = {
    "connection": "connections",
    "cursor": "cursors",
    "session": "sessions",
    "pool": "pools",
    "checkout": "connections checked out of pools",
    "transaction": "transactions",
    "result": "results",
}


class GenerateError(Exception):
    """A document lacks the markers that say where generated text goes."""


def render_rule_table(metas: Sequence[RuleMeta], folder: str) -> str:
    """Render a Markdown table of rules, with links to their pages below *folder*."""
    rows = ["| code | name | severity | preset | what it reports |", "|---|---|---|---|---|"]
    for meta in sorted(metas, key=lambda meta: meta.code):
        link = f"[{meta.code}]({folder}{meta.code}.md)"
        rows.append(f"| {link} | {meta.name} | {meta.severity.value} | {meta.preset} | {_cell(meta.summary)} |")
    return "\n".join(rows)


def render_preset_table(metas: Sequence[RuleMeta]) -> str:
    """Render a Markdown table of the presets, with their rules as far as these are fewer than most."""
    rows = ["| preset | rules | what it has |", "|---|--:|---|"]
    for name, meaning in PRESETS.items():
        codes = sorted(matching_codes([name], metas))
        listed = f": {', '.join(codes)}" if len(codes) < len(metas) / 2 else ""
        rows.append(f"| `{name}` | {len(codes)} | {meaning}{listed} |")
    return "\n".join(rows)


def render_rule_index(metas: Sequence[RuleMeta]) -> str:
    """Render `rules/README.md`: the rules by the first digit of their code."""
    parts = [
        "# The rule book",
        "<!-- Written by scripts/generate.py from the rules' metadata: change it there. -->",
        "One page per rule. `lintdb rule LDB101` prints a page; the code blocks of every page are run as tests.",
    ]
    for digit, title in SECTIONS.items():
        group = [meta for meta in metas if meta.code.startswith(f"LDB{digit}")]
        if group:
            parts += [f"## {title}", render_rule_table(group, "")]
    return "\n\n".join(parts) + "\n"


def render_library_table(drivers: Sequence[tuple[Driver, Sequence[str]]]) -> str:
    """Render a Markdown table of the libraries that lintdb knows."""
    rows = ["| library | versions | imported as | followed |", "|---|---|---|---|"]
    for driver, families in sorted(drivers, key=lambda entry: entry[0].title.lower()):
        followed = ", ".join(words for family, words in TRACKED.items() if family in families)
        imports = ", ".join(f"`{name}`" for name in driver.imports)
        rows.append(f"| {_cell(driver.title)} | {_cell(driver.known_versions)} | {imports} | {followed or '-'} |")
    return "\n".join(rows)


def render_option_table() -> str:
    """Render a Markdown table of the options of `lintdb check`."""
    rows = ["| option | meaning |", "|---|---|"]
    for parameter in check_command.params:
        if isinstance(parameter, click.Option):
            value = f" {parameter.metavar}" if parameter.metavar else ""
            names = ", ".join(f"`{name}{value}`" for name in (*parameter.opts, *parameter.secondary_opts))
            choices = parameter.type.choices if isinstance(parameter.type, click.Choice) else ()
            words = [*(["One of " + ", ".join(choices) + "."] if choices else []), parameter.help or ""]
            rows.append(f"| {names} | {_cell(' '.join(words).replace('  [', ' ['))} |")
    return "\n".join(rows)


def replace_between_markers(text: str, name: str, content: str) -> str:
    """Return *text* with *content* between `<!-- begin <name> … -->` and `<!-- end <name> -->`."""
    pattern = re.compile(rf"(<!-- begin {name}\b[^>]*-->\n).*?(<!-- end {name} -->)", re.S)
    if len(pattern.findall(text)) != 1:
        raise GenerateError(f"needs `<!-- begin {name} -->` and `<!-- end {name} -->` exactly once")
    return pattern.sub(lambda match: f"{match[1]}{content}\n{match[2]}", text)


def render_readme(text: str) -> str:
    """Return the README with its tables renewed."""
    text = replace_between_markers(text, "rules", render_rule_table(all_metas(), "rules/"))
    text = replace_between_markers(text, "presets", render_preset_table(all_metas()))
    text = replace_between_markers(text, "options", render_option_table())
    drivers = [(catalog.load_driver(name), catalog.families_of(name)) for name in catalog.driver_names()]
    return replace_between_markers(text, "libraries", render_library_table(drivers))


DOCUMENTS: dict[str, Callable[[str], str]] = {
    "README.md": render_readme,
    "rules/README.md": lambda _: render_rule_index(all_metas()),
    "DRIVERS.md": lambda text: replace_between_markers(text, "schema", model_documents.render_reference()),
    "lintdb/drivers/schema.json": lambda _: model_documents.render_schema(),
}


def outdated(root: Path) -> dict[Path, str]:
    """Return the documents that are out of date, with the text that they should have."""
    result = {}
    for name, render in DOCUMENTS.items():
        path = root / name
        old = path.read_text(encoding="utf-8") if path.exists() else ""
        try:
            new = render(old)
        except GenerateError as error:
            raise GenerateError(f"{name} {error}") from None
        if new != old:
            result[path] = new
    return result


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    parser = argparse.ArgumentParser(description="Write the documents that are made from data.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if something is out of date")
    options = parser.parse_args(arguments)
    try:
        changes = outdated(root)
    except GenerateError as error:
        print(f"generate: {error}", file=sys.stderr)
        return 2
    for path, text in changes.items():
        name = path.relative_to(root)
        if options.check:
            print(f"{name} is out of date: run `python scripts/generate.py`", file=sys.stderr)
        else:
            path.write_text(text, encoding="utf-8")
            print(f"wrote {name}")
    return 1 if changes and options.check else 0


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    sys.exit(main())
