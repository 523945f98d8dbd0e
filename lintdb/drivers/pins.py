"""Which versions of the modelled libraries a project uses, read from its own files.

Looked at, in the folder of a checked file and upwards to the root of the repository: lock files, requirements and
constraints, `pyproject.toml`, `Pipfile`, `setup.cfg`, what `setup.py` has written out, `environment.yml`. An exact pin
wins over a range, a near file over a far one. A range with an upper end means the newest version inside of it that a
model tells apart. Nothing is executed, and a file that cannot be read is worth a warning, never an error.
"""

from __future__ import annotations

import ast
import configparser
import json
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, Specifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from lintdb.drivers.catalog import conda_names, distributions, known_versions
from lintdb.toml import load_toml

MAX_BYTES = 20_000_000
MAX_INCLUDES = 5

_LOCKED = re.compile(r'^\[\[packages?\]\]\s*\nname = "([^"\n]+)"\s*\nversion = "([^"\n]+)"', re.MULTILINE)
_CONDA_ITEM = re.compile(r"^\s*-\s*(.+)", re.MULTILINE)
_CONDA_LIST = re.compile(r"^\s*(?:-\s*)?(?:dependencies|pip):\s*\[([^\]]*)\]", re.MULTILINE)
_CONDA = re.compile(r"\s*['\"]?(?:[\w.-]+::)?([A-Za-z0-9][\w.-]*)\s*([=<>!~][^#'\"\n]*)")
_COMMENT = re.compile(r"(?:^|\s)#.*", re.DOTALL)
_IS_LIST = re.compile(r";\s*(?![^;]*[\"'])")
"""Semicolons between requirements; before a marker (`; python_version < "3.9"`) there are quotes behind it."""
_NO_SLIP = re.compile(
    r"""
    :// | ^[\w+.-]+:\S | ^[./~\\] | ^[^=<>!~;]*[/\\] | \.(?:whl|zip|egg|tgz|tar\.\w+)\b   # URLs, paths, archives
    | [{}$%] | @\w+@ | [^\t\ -~]                                                      # templates, other languages
    | ^@                                                                 # `@EXPLICIT` of conda
    | ^[\w.-]+=[^=\s]+=[^=\s]+$                                          # what `conda list --export` writes
    """,
    re.VERBOSE,
)
"""What stands beside requirements and says nothing of a version, or nothing that is understood here."""
_POETRY_PART = re.compile(r"^\s*(\^|~(?!=))\s*(\d+(?:\.\d+)*)\s*$")


@dataclass(frozen=True)
class Pins:
    """What a project says: driver → version, driver → file that says so, and what could not be read.

    `warnings` begin with the file, `FILE: ` or `FILE:LINE: `. `others` are exact versions that do not count, driver →
    file → version: another file pins a newer one, or is nearer.
    `required` are the drivers that it asks for, also those of which it leaves the version open.
    """

    versions: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    sources: Mapping[str, Path] = field(default_factory=lambda: MappingProxyType({}))
    warnings: tuple[str, ...] = ()
    required: frozenset[str] = frozenset()
    others: Mapping[str, Mapping[Path, str]] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True)
class _Wish:
    """A file asks for a distribution in some versions."""

    distribution: str
    specifier: SpecifierSet
    file: Path

    def exact(self) -> Version | None:
        """Return the one version that is allowed, or None."""
        for specifier in self.specifier:
            if specifier.operator in ("==", "===") and not specifier.version.endswith(".*"):
                try:
                    return Version(specifier.version)
                except InvalidVersion:
                    return None
        return None


class _Reader:
    """Reads the files of one folder after another; keeps what they ask for, nearest first, and the warnings."""

    def __init__(self) -> None:
        self.known = distributions()
        self.wishes: list[_Wish] = []
        self.warnings: list[str] = []

    def read_folder(self, folder: Path) -> None:
        for pattern, parse in _FILES:
            try:
                files = sorted(file for file in folder.glob(pattern) if file.is_file())
            except OSError as error:
                self.warnings.append(f"{folder}: {error}")
                continue
            for file in files:
                self.read_file(file, parse)

    def read_file(self, file: Path, parse: Callable[[_Reader, str, Path], None]) -> None:
        try:
            if file.stat().st_size > MAX_BYTES:
                self.warnings.append(f"{file}: too large to look for versions in it")
                return
            parse(self, file.read_bytes().decode("utf-8-sig", errors="replace"), file)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, configparser.Error) as error:
            # Whatever shape the file has, the check goes on without it.
            self.warnings.append(f"{file}: cannot look for versions in it: {_reason(error)}")

    def add(self, name: str, specifier: str, file: Path, line: int = 0) -> None:
        """Note that *file* wants a distribution; names that no model knows are passed over. *line* is for warnings."""
        normalized = canonicalize_name(name)
        if normalized not in self.known:
            return
        try:
            wanted = SpecifierSet(specifier)
        except InvalidSpecifier:
            self.warnings.append(f"{_place(file, line)}: {name}: {specifier!r} is not a version specifier")
            return
        self.wishes.append(_Wish(normalized, wanted, file))
        # Of `===` anything goes, as far as pip reads it; what is filled in later is no slip.
        odd = [part.version for part in wanted if part.operator == "===" and not _is_version(part.version)]
        if odd and not _NO_SLIP.search(odd[0]):
            cure = f"correct it, for example to `{name}==1.0`, or take it out"
            self.warnings.append(f"{_place(file, line)}: `{name}{specifier}`: {odd[0]!r} is no version: {cure}")

    def add_requirement(self, text: str, file: Path, line: int = 0) -> None:
        """Note one requirement as pip writes it. Those for other Pythons and platforms are passed over.

        *line* is where it stands, if that is known; a warning about it says so.
        """
        text = _COMMENT.sub("", text).partition(" --")[0].strip()
        if not text or text.startswith("-"):
            return
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            if self._is_slip(text, file):
                cure = f"correct it, for example to `{_name_in(text) or 'redis'}==1.0`, or take it out"
                self.warnings.append(f"{_place(file, line)}: `{text}` is no requirement: {cure}")
            return
        marker = requirement.marker
        if marker is not None and "extra" not in str(marker) and not marker.evaluate():
            return
        self.add(requirement.name, str(requirement.specifier), file, line)

    def _is_slip(self, text: str, file: Path) -> bool:
        """Whether a text that is no requirement was meant as one, of a library that a model knows.

        Paths, URLs and templates say nothing of a version, and what another name begins loses none that matters here.
        What begins with no name is a slip in a file that has nothing but requirements.
        """
        if _NO_SLIP.search(text):
            return False
        name = _name_in(text)
        return (
            canonicalize_name(name) in self.known if name else file.match("requirements*") or file.match("constraints*")
        )


def _place(file: Path, line: int) -> str:
    return f"{file}:{line}" if line else str(file)


def _is_version(text: str) -> bool:
    try:
        Version(text)
    except InvalidVersion:
        return False
    return True


def _name_in(text: str) -> str:
    """Return the name with which a requirement begins, empty if it begins with none."""
    found = re.match(r"[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?", text)
    return found[0] if found else ""


def _line_of(part: str, text: str) -> int:
    """Return the first line of *text*, from 1, that has *part* in it; 0 if none has."""
    return next((number for number, line in enumerate(text.splitlines(), 1) if part in line), 0)


def _reason(error: Exception) -> str:
    if isinstance(error, PermissionError):
        return "no permission to read the file: grant it"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error).splitlines()[0] if str(error) else repr(error)


# --- one function for each kind of file -------------------------------------------------------------------------------


def _read_toml_lock(reader: _Reader, text: str, file: Path) -> None:
    """uv.lock, poetry.lock, pdm.lock, pylock.toml put name and version first; they are too large to parse."""
    for name, version in _LOCKED.findall(text.replace("\r\n", "\n")):
        reader.add(name, f"=={version}", file)


def _read_pipfile_lock(reader: _Reader, text: str, file: Path) -> None:
    data = json.loads(text)
    for section in ("default", "develop"):
        for name, entry in data.get(section, {}).items():
            if isinstance(entry, dict) and isinstance(entry.get("version"), str):
                reader.add(name, entry["version"], file)


def _read_requirements(reader: _Reader, text: str, file: Path, depth: int = 0) -> None:
    for number, line in _joined_lines(text):
        included = re.match(r"\s*(?:-r|--requirement|-c|--constraint)[\s=]+(\S+)", line)
        if included is None:
            reader.add_requirement(line, file, number)
        elif depth < MAX_INCLUDES and "://" not in included[1]:
            other = file.parent / included[1]
            if _is_there(other) and other.is_file():
                reader.read_file(other, lambda r, inner, path: _read_requirements(r, inner, path, depth + 1))
                continue
            # Who asks for it can mend that; the file that is not there names nobody.
            fault = "this is no file: correct" if _is_there(other) else "no such file: create it, correct"
            cure = f"{fault} the name, or take the line out"
            reader.warnings.append(f"{file}:{number}: `{included[0].strip()}`: {cure}")


def _joined_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines of a text with the number of each; a backslash at the end of one goes on with the next."""
    joined, first = "", 1
    for number, line in enumerate(text.splitlines(), 1):
        first = first if joined else number
        if line.endswith("\\"):
            joined += line[:-1] + " "
            continue
        yield first, joined + line
        joined = ""
    if joined:
        yield first, joined


def _read_pyproject(reader: _Reader, text: str, file: Path) -> None:
    data = load_toml(text)
    project = data.get("project", {})
    lists = [project.get("dependencies", []), *project.get("optional-dependencies", {}).values()]
    lists += data.get("dependency-groups", {}).values()
    tool = data.get("tool", {})
    lists += [tool.get("uv", {}).get("dev-dependencies", []), *tool.get("pdm", {}).get("dev-dependencies", {}).values()]
    for requirement in (item for entry in lists for item in entry if isinstance(item, str)):
        reader.add_requirement(requirement, file, _line_of(requirement, text))
    poetry = tool.get("poetry", {})
    tables = [poetry.get("dependencies", {}), poetry.get("dev-dependencies", {})]
    _add_tables(reader, [*tables, *(group.get("dependencies", {}) for group in poetry.get("group", {}).values())], file)


def _read_pipfile(reader: _Reader, text: str, file: Path) -> None:
    data = load_toml(text)
    _add_tables(reader, [data.get("packages", {}), data.get("dev-packages", {})], file)


def _add_tables(reader: _Reader, tables: Iterable[Mapping[str, Any]], file: Path) -> None:
    """Note what tables of names and versions ask for, as Poetry and Pipenv have them."""
    for name, wanted in (item for table in tables for item in table.items()):
        specifier = _poetry_specifier(wanted)
        if specifier is not None:
            reader.add(name, specifier, file)


def _poetry_specifier(wanted: Any) -> str | None:
    """Return what Poetry means by `^1.2`, `~1.2`, a bare version, a table with `version`, or several of them."""
    if isinstance(wanted, list):
        return _poetry_specifier(wanted[-1]) if wanted else None
    if isinstance(wanted, dict):
        return _poetry_specifier(wanted.get("version"))
    if not isinstance(wanted, str):
        return None
    parts = [_poetry_part(part) for part in wanted.split("||")[-1].split(",")]
    return ",".join(part for part in parts if part)


def _poetry_part(part: str) -> str:
    part = part.strip()
    match = _POETRY_PART.match(part)
    if match is None:
        if part[:1].isdigit():
            return f"=={part}"
        return "" if part == "*" else part
    numbers = [int(number) for number in match[2].split(".")]
    if match[1] == "~":
        kept = min(len(numbers), 2)
    else:
        # A caret keeps everything up to the first number that is not zero.
        kept = next((n + 1 for n, number in enumerate(numbers) if number), len(numbers))
    upper = [*numbers[: kept - 1], numbers[kept - 1] + 1]
    return f">={match[2]},<{'.'.join(map(str, upper))}"


def _read_setup_cfg(reader: _Reader, text: str, file: Path) -> None:
    parser = configparser.RawConfigParser(strict=False)
    parser.read_string(text)
    texts = [parser.get("options", "install_requires", fallback="")]
    if parser.has_section("options.extras_require"):
        texts += [value for _, value in parser.items("options.extras_require")]
    for value in texts:
        # As setuptools reads it: a value of one line has a list between semicolons.
        lines = value.splitlines() if "\n" in value.strip() else value.split(";") if _IS_LIST.search(value) else [value]
        for line in lines:
            reader.add_requirement(line, file, _line_of(line, text))


def _read_setup_py(reader: _Reader, text: str, file: Path) -> None:
    """The texts in `install_requires=[…]` and `extras_require={…}`, there or in a list of the module."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes in it
            tree = ast.parse(text)
    except SyntaxError:
        return  # for another Python
    assigned = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    keywords = [each for node in ast.walk(tree) if isinstance(node, ast.Call) for each in node.keywords]
    for keyword in keywords:
        if keyword.arg in ("install_requires", "extras_require"):
            value = keyword.value
            meant = assigned.get(value.id, value) if isinstance(value, ast.Name) else value
            lists = meant.values if isinstance(meant, ast.Dict) else [meant]
            for each in lists:
                for part in each.elts if isinstance(each, ast.List | ast.Tuple) else ():
                    if isinstance(part, ast.Constant) and isinstance(part.value, str):
                        reader.add_requirement(part.value, file, part.lineno)


def _read_environment(reader: _Reader, text: str, file: Path) -> None:
    """Items such as `- redis=5.0.1` and, below `pip:`, `- redis==5.0.1`; one `=` is conda's "starts with".

    Conda calls some packages otherwise: `- redis-py=5.0.1`.
    """
    lists = [re.findall(r"'[^']*'|\"[^\"]*\"|[^,\s][^,]*", inner) for inner in _CONDA_LIST.findall(text)]
    for item in [*_CONDA_ITEM.findall(text), *(item for inner in lists for item in inner)]:
        match = _CONDA.match(item)
        if match is None:
            continue
        name, wanted = match[1], match[2].strip()
        if re.match(r"=[^=]", wanted):
            version = wanted[1:].split("=")[0].strip().rstrip(".*")
            wanted = f"=={version}.*" if version.count(".") < 2 else f"=={version}"
        reader.add(conda_names().get(canonicalize_name(name), name), wanted.replace(" ", ""), file)


_FILES: tuple[tuple[str, Callable[[_Reader, str, Path], None]], ...] = (
    ("uv.lock", _read_toml_lock),
    ("poetry.lock", _read_toml_lock),
    ("pdm.lock", _read_toml_lock),
    ("pylock*.toml", _read_toml_lock),
    ("Pipfile.lock", _read_pipfile_lock),
    ("constraints*.txt", _read_requirements),
    ("requirements*.txt", _read_requirements),
    ("requirements/*.txt", _read_requirements),
    ("requirement/*.txt", _read_requirements),
    ("pyproject.toml", _read_pyproject),
    ("Pipfile", _read_pipfile),
    ("setup.cfg", _read_setup_cfg),
    ("setup.py", _read_setup_py),
    ("environment.yml", _read_environment),
    ("environment.yaml", _read_environment),
)


# --- choosing ---------------------------------------------------------------------------------------------------------


def read_pins(start_dir: Path) -> Pins:
    """Return what the files around *start_dir* say about versions. Never raises because of a file."""
    reader = _Reader()
    for folder in _iter_folders(start_dir):
        reader.read_folder(folder)
    versions: dict[str, str] = {}
    sources: dict[str, Path] = {}
    others: dict[str, Mapping[Path, str]] = {}
    by_driver: dict[str, list[_Wish]] = {}
    for wish in reader.wishes:
        by_driver.setdefault(reader.known[wish.distribution], []).append(wish)
    for driver, wishes in by_driver.items():
        chosen = _choose(wishes, known_versions(driver))
        if chosen is not None:
            versions[driver], sources[driver] = chosen
            others[driver] = MappingProxyType(_contradicting(wishes, *chosen))
    return Pins(
        MappingProxyType(versions),
        MappingProxyType(sources),
        tuple(dict.fromkeys(reader.warnings)),
        frozenset(by_driver),
        MappingProxyType({driver: each for driver, each in others.items() if each}),
    )


def find_versions(start_dir: Path) -> Mapping[str, str]:
    """Return driver → version for the libraries whose version the project around *start_dir* settles."""
    return read_pins(start_dir).versions


def _iter_folders(start_dir: Path) -> Iterator[Path]:
    """The folder and those above it, up to the root of the repository."""
    start = start_dir.absolute()
    for folder in (start, *start.parents):
        yield folder
        if _is_there(folder / ".git") or _is_there(folder / ".hg"):
            return


def _is_there(path: Path) -> bool:
    """Whether something is at a path, as far as its folder may be looked into."""
    try:
        return path.exists()
    except OSError:
        return False


def _choose(wishes: list[_Wish], known: Iterable[str]) -> tuple[str, Path] | None:
    """Return the version that the wishes (nearest first) settle, and the file that does."""
    exact = [(wish, version) for wish in wishes if (version := wish.exact()) is not None]
    if exact:
        nearest = exact[0][0].file.parent
        # A lock file with markers can hold several versions; the newest is for the newest Python.
        wish, version = max((pair for pair in exact if pair[0].file.parent == nearest), key=lambda pair: pair[1])
        return str(version), wish.file
    for wish in wishes:
        version = newest_within(wish.specifier, known)
        if version is not None:
            return str(version), wish.file
    return None


def _contradicting(wishes: Iterable[_Wish], chosen: str, source: Path) -> dict[Path, str]:
    """Return the exact versions that other files than the one that counts pin instead, of each file the newest."""
    found: dict[Path, Version] = {}
    for wish in wishes:
        version = wish.exact()
        if version is not None and wish.file != source:
            found[wish.file] = max(version, found.get(wish.file, version))
    return {file: str(version) for file, version in found.items() if version != Version(chosen)}


def newest_within(specifier: SpecifierSet, known: Iterable[str]) -> Version | None:
    """Return the newest of the *known* versions that a range with an upper end allows; None if it has no such end.

    The versions that the range itself names are candidates, too. Where it lies between two known versions, or below
    all of them, the next one below (or the oldest) stands for it: models do not change in between.
    """
    versions = sorted(Version(text) for text in known)
    limits = [limit for part in specifier if (limit := _upper_end(part)) is not None]
    if not limits:
        return None
    named = [Version(part.version) for part in specifier if not part.version.endswith(".*") and part.operator != "==="]
    allowed = [version for version in (*versions, *named) if specifier.contains(version, prereleases=True)]
    if allowed:
        return max(allowed)
    below = [version for version in versions if version < min(limits)]
    return max(below) if below else versions[0]


def _upper_end(part: Specifier) -> Version | None:
    """Return where a specifier ends, or None if it goes on for ever."""
    if part.operator in ("<", "<="):
        return Version(part.version)
    if part.operator == "==" and part.version.endswith(".*"):
        return _next(Version(part.version[:-2]).release)
    if part.operator == "~=":
        return _next(Version(part.version).release[:-1])
    return None


def _next(release: tuple[int, ...]) -> Version:
    return Version(".".join(map(str, (*release[:-1], release[-1] + 1))))
