"""`lintdb rule`, `rules` and `drivers`: what there is to know about rules and libraries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import click

from lintdb.commands.options import list_option
from lintdb.commands.output import CLEAN, FAILED, count, fail, note, write
from lintdb.commands.versions import beyond_models
from lintdb.config import ConfigError, ConfigFinder, check_selectors, is_version
from lintdb.selection import is_preset, matching_codes, suggest_rule

if TYPE_CHECKING:
    from lintdb.drivers.own import OwnModel
    from lintdb.rules.base import RuleMeta


_BEGINNING = """
A model of your own begins like this; DRIVERS.md has all keys:

    [driver]
    name = "mycompany"
    extends = "psycopg2"

    [[functions]]
    names = ["mycompany.db.get_conn"]
    acquires = "connection"\
"""


@click.command("rule")
@click.argument("code_or_name")
def rule_command(code_or_name: str) -> int:
    """Explain one rule: its page of the rule book. The start of a code (LDB1) lists the rules that begin so."""
    from lintdb.rulebook import find_page, for_readers
    from lintdb.rules.registry import all_metas

    wanted = code_or_name.lower()
    metas = all_metas()
    meta = next((meta for meta in metas if wanted in {meta.code.lower(), meta.name}), None)
    if meta is None:
        family = [meta for meta in metas if wanted.startswith("ldb") and meta.code.lower().startswith(wanted)]
        if family:
            write(_list_rules(family))
            return CLEAN
        if is_preset(code_or_name):
            return fail(f"{wanted!r} is a preset, not a rule: `lintdb rules --select {wanted}` lists what it has")
        return fail(f"no rule is called {code_or_name!r}{suggest_rule(code_or_name, metas)}")
    try:
        page = for_readers(find_page(meta.code))
    except LookupError:
        page = f"# {meta.code}: {meta.name}\n\n{meta.summary}\n\n{meta.help}\n"
    write(page.rstrip("\n") + "\n")
    return CLEAN


@click.command("rules")
@click.option("--output-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
@list_option("--select", "RULES", "List these only: codes, prefixes of codes, names, or presets (core, default, all).")
def rules_command(output_format: str, select: tuple[str, ...] | None) -> int:
    """List the rules, with the smallest preset that has them."""
    from lintdb.rules.registry import all_metas

    metas = all_metas()
    if select is not None:
        check_selectors("--select", select, metas)
        chosen = matching_codes(select, metas)
        metas = tuple(meta for meta in metas if meta.code in chosen)
    if output_format == "json":
        write(_rules_as_json(metas))
        return CLEAN
    write(_list_rules(metas))
    return CLEAN


def _list_rules(metas: Sequence[RuleMeta]) -> str:
    width = max((len(meta.name) for meta in metas), default=0)
    return "".join(
        f"{meta.code}  {meta.name:<{width}}  {meta.preset:<7}  {meta.severity.value:<7}  {meta.summary}\n"
        for meta in metas
    )


def _rules_as_json(metas: Iterable[RuleMeta]) -> str:
    import json

    rules = [
        {
            "code": meta.code,
            "name": meta.name,
            "summary": meta.summary,
            "severity": meta.severity.value,
            "default": meta.default,
            "preset": meta.preset,
            "help": meta.help,
            "since": meta.since,
        }
        for meta in metas
    ]
    return json.dumps(rules, indent=2) + "\n"


@click.command("drivers")
@click.argument("name", required=False, metavar="[NAME[=VERSION]]")
@click.option("--check", "file", type=click.Path(exists=True, dir_okay=False), help="Check a driver model of your own.")
@click.option("--schema", is_flag=True, help="Print the JSON Schema of driver models, for editors.")
@click.option("--config", type=click.Path(exists=True, dir_okay=False), help="Take own models from this file.")
@click.option("--isolated", is_flag=True, help="Use no configuration file.")
def drivers_command(*, name: str | None, file: str | None, schema: bool, config: str | None, isolated: bool) -> int:
    """List the database libraries that lintdb knows, or what it knows about one. Models of your own are among them."""
    from lintdb.drivers import catalog
    from lintdb.rules.registry import all_metas

    if [name is not None, file is not None, schema].count(True) > 1:
        raise click.UsageError("NAME, --check and --schema exclude each other")
    if file is not None:
        return _check_model(file)
    if schema:
        write(catalog.json_schema())
        return CLEAN
    if config is not None and isolated:
        raise click.UsageError("--config and --isolated contradict each other")
    finder = ConfigFinder(all_metas(), isolated=isolated, config=config)
    own = finder.for_run().own_models
    library, _, version = (name or "").partition("=")
    version = version.removeprefix("=")
    if version and not is_version(version):
        raise ConfigError(f"{version!r} is not a version, such as 2.9")
    try:
        text = catalog.describe(library, version or None, own) if name is not None else catalog.describe_all(own)
    except LookupError as error:
        return fail(str(error.args[0]) if error.args else f"no driver is called {library!r}")
    if version and library != catalog.STANDARD:
        title, _, rest = text.partition("\n")
        said = beyond_models(catalog.find_driver(library, own), version, own)
        text = f"{title}\n  {said}\n{rest}" if said else text
    write(text.rstrip("\n") + "\n" + "".join(_render_unused(model, finder) for model in own if model.name == library))
    return CLEAN


def _render_unused(model: OwnModel, finder: ConfigFinder) -> str:
    """Return which names of an own model no Python file below the current folder uses: a slip, or of no use here."""
    from lintdb.drivers.own import unused_names
    from lintdb.files import find_files
    from lintdb.source import SourceFile, read_source

    sources = map(read_source, find_files(["."], finder.for_folder).files)
    unused = unused_names(model, (source.text for source in sources if isinstance(source, SourceFile)))
    return f"\nused in no Python file below this folder: {', '.join(unused)}\n" if unused else ""


def _check_model(file: str) -> int:
    from lintdb.drivers import catalog
    from lintdb.drivers.model import MissingHeadError, ModelError
    from lintdb.drivers.own import iter_doubtful_names

    try:
        model = catalog.read_own_file(file)
    except MissingHeadError as error:
        fail(str(error))
        note(_BEGINNING)
        return FAILED
    except ModelError as error:
        return fail(str(error))
    driver = catalog.load_driver(model.name, None, (model,))
    counts = f"{count(len(driver.kinds), 'kind')}, {count(len(driver.functions), 'function')}"
    for doubt in iter_doubtful_names(model):
        note(f"warning: {file}: {doubt}")
    write(f"{file}: the model of `{model.name}` is right ({counts})\n")
    return CLEAN
