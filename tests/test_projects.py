"""Files of one project: what is found in one must not depend on the others that are checked, nor on when they are.

What the flow over several files finds is said by the fixtures in `fixtures/projects/`.
"""

from __future__ import annotations

import ast
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from lintdb.engine import EngineOptions, check_source
from lintdb.files import FileTask, check_files
from lintdb.finding import FileResult
from lintdb.flow.program import Program
from lintdb.project.interest import Interest
from lintdb.project.layout import Layout, Located
from lintdb.project.project import Project
from lintdb.project.surroundings import Projects
from lintdb.source import SourceFile
from lintdb.syntax.keys import Keys, keys_mentioned
from lintdb.syntax.modules import ModuleName
from lintdb.syntax.outline import ImportedName, imported_names, outline_of
from tests import harness

OPTIONS = EngineOptions(harness.codes_for(("LDB1", "LDB2", "LDB5")))

DB = "import sqlite3\n\n\ndef connect(path):\n    return sqlite3.connect(path)\n"
USE = "from db import connect\n\n\ndef f(path):\n    conn = connect(path)\n    conn.execute('select 1')\n"
LEAK_IN_USE = ["5:12 LDB101"]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Mapping[str, str]], Path]:
    """Make the current folder the root of a project, and return a function that fills it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text("")

    def make(files: Mapping[str, str]) -> Path:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path

    return make


def shown(results: tuple[FileResult, ...]) -> dict[str, list[str]]:
    """Return the findings of each file, as text that shows all there is to them."""
    return {result.path: [repr(each) for each in result.findings] + [repr(result.problem)] for result in results}


def findings(path: Path | str, options: EngineOptions = OPTIONS, projects: Projects | None = None) -> list[str]:
    source = SourceFile(str(path), Path(path).read_text())
    result = check_source(source, options, projects)
    assert result.problem is None
    return [f"{each.span.line}:{each.span.column} {each.code}" for each in result.findings]


def lintdb(cwd: Path, *arguments: str, text: str | None = None, fails: bool = False) -> list[str]:
    """Run the command and return what it finds, as `path:line:column code`."""
    start = [sys.executable, "-m", "lintdb", "check", "--output-format", "json", "--exit-zero"]
    environment = {**os.environ, "PYTHONPATH": str(harness.ROOT)}
    result = subprocess.run(
        [*start, *arguments], cwd=cwd, input=text, capture_output=True, text=True, check=False, env=environment
    )
    assert result.returncode == (2 if fails else 0), result.stderr
    return [f"{each['path']}:{each['line']}:{each['column']} {each['code']}" for each in _findings_of(result.stdout)]


def _findings_of(output: str) -> list[dict[str, object]]:
    found = json.loads(output)
    return list(found["findings"] if isinstance(found, dict) else found)


# --- neither order nor processes ------------------------------------------------------------------------------------


def synthetic(seed: int, count: int = 40) -> Iterator[tuple[str, str]]:
    """Yield the files of a project whose modules open, close and use each other's connections, in circles, too."""
    chance = random.Random(seed)
    for number in range(count):
        other, third, fourth = (f"m{chance.randrange(count)}" for _ in range(3))
        opening = chance.choice([f"{other}.connect(path)", f"{other}.connect(path)", "sqlite3.connect(path)"])
        closing = chance.choice([f"{third}.shut(conn)", "conn.close()", "conn.close()", "conn.execute('select 1')"])
        base = chance.choice([f"{fourth}.Store", "object", "object"])
        yield (
            f"app/m{number}.py",
            f"import sqlite3\nfrom app import {other}, {third}, {fourth}\n"
            f"from app.{third} import connect as open_it\n\n\n"
            f"def connect(path):\n    return {opening}\n\n\n"
            f"def shut(conn):\n    {closing}\n\n\n"
            f"def used(path):\n    conn = {third}.connect(path)\n    try:\n        conn.execute('select 1')\n"
            f"    finally:\n        {fourth}.shut(conn)\n\n\n"
            f"def kept(path):\n    conn = open_it(path)\n    return conn.execute('select 1').fetchone()\n\n\n"
            f"class Store({base}):\n    def __init__(self, path):\n        self.conn = open_it(path)\n\n"
            f"    def close(self):\n        {other}.shut(self.conn)\n\n\n"
            f"def stored(path):\n    store = {third}.Store(path)\n    try:\n        return store.conn.total_changes\n"
            f"    finally:\n        store.close()\n" + "# to fill a few pages\n" * 600,
        )
    yield "app/__init__.py", ""


def check_in_other_ways(tasks: list[FileTask], expected: dict[str, list[str]]) -> None:
    """Check in other orders, in processes, and a few files each in a run of its own: always the same is found."""
    chance = random.Random(4)
    for jobs in (1, 2):
        chance.shuffle(tasks)
        assert shown(check_files(tasks, jobs=jobs)) == expected
    for task in tasks[:8]:
        assert shown(check_files([task], jobs=1)) == {task.path: expected[task.path]}


def test_order_and_processes_do_not_matter_in_a_project(write: Callable[[Mapping[str, str]], Path]) -> None:
    files = dict(synthetic(1))
    write(files)
    assert sum(map(len, files.values())) > 400_000, "too small for several processes"
    tasks = [FileTask(name, OPTIONS) for name in sorted(files)]
    expected = shown(check_files(tasks, jobs=1))
    # A project in which nothing is found would prove nothing.
    assert sum("LDB101" in each for found in expected.values() for each in found) > 10
    check_in_other_ways(tasks, expected)


def test_order_and_processes_do_not_matter_in_the_fixtures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lintdb.files._SMALL_RUN_BYTES", 0)
    tasks = [FileTask(str(path), OPTIONS) for path in harness.iter_fixtures("projects")]
    expected = shown(check_files(tasks, jobs=1))
    assert sum("LDB101" in each for found in expected.values() for each in found) > 50
    check_in_other_ways(tasks, expected)


def test_a_long_circle_ends(write: Callable[[Mapping[str, str]], Path]) -> None:
    count = 60
    files = {
        f"r{n}.py": f"import sqlite3\nfrom r{(n + 1) % count} import connect as go_on, helper as help_on\n\n\n"
        f"def connect(path, deep=False):\n    return go_on(path) if deep else sqlite3.connect(path)\n\n\n"
        f"def helper(conn):\n    help_on(conn)\n\n\n"
        f"def f(path):\n    conn = sqlite3.connect(path)\n    help_on(conn)\n    return go_on\n"
        for n in range(count)
    }
    folder = write(files)
    expected = shown(check_files([FileTask(name, OPTIONS) for name in files], jobs=1))
    assert shown(check_files([FileTask(name, OPTIONS) for name in reversed(files)], jobs=1)) == expected
    assert findings(folder / "r7.py") == findings(folder / "r7.py", projects=Projects())


def test_names_that_lead_in_a_circle_lead_nowhere(write: Callable[[Mapping[str, str]], Path]) -> None:
    folder = write({
        "a.py": "import sqlite3\nfrom b import connect\n\nx = sqlite3.connect\n",
        "b.py": "import sqlite3\nfrom c import connect\n\nx = sqlite3.connect\n",
        "c.py": "import sqlite3\nfrom a import *\nfrom b import *\n\nx = sqlite3.connect\n",
        "use.py": "import sqlite3\nfrom a import connect\n\n\ndef f(p):\n    connect(p).execute('select 1')\n",
    })  # fmt: skip
    assert findings(folder / "use.py") == []


# --- files that cannot be used ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("other.py", b"def connect(path:\n    return\n"),
        ("other.py", b"\xff\xfe\x00broken"),
        ("other.py", b"# coding: no-such-coding\nimport sqlite3\n"),
        ("other.py", b"print 'python 2', `x`\n"),
        ("other.py", b""),
        ("other/__init__.py/x.py", b"# a folder where a file should be\n"),
        ("elsewhere.py", b"# other does not exist\n"),
    ],
)
def test_a_module_that_cannot_be_used_does_not_matter_to_others(
    write: Callable[[Mapping[str, str]], Path], name: str, content: bytes
) -> None:
    folder = write({"db.py": DB, "use.py": USE.replace("\n\n\n", "\nfrom other import *\nimport other\n\n\n", 1)})
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    assert findings(folder / "use.py") == ["7:12 LDB101"]


def test_a_module_that_may_not_be_read_does_not_matter_to_others(
    write: Callable[[Mapping[str, str]], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write({"db.py": DB, "other.py": DB, "use.py": "from other import connect as c\n" + USE})
    asked: list[str] = []
    opened = Path.open

    def refuse(path: str | Path, *arguments: Any, **options: Any) -> Any:
        if Path(path).name == "other.py":
            asked.append(str(path))
            raise PermissionError(13, "no")
        return opened(Path(path), *arguments, **options)

    monkeypatch.setattr("builtins.open", refuse)
    monkeypatch.setattr(Path, "open", refuse)
    result = check_source(SourceFile(str(folder / "use.py"), (folder / "use.py").read_bytes().decode()), OPTIONS)
    assert [each.code for each in result.findings] == ["LDB101"]


def test_a_module_nested_beyond_reason_does_not_matter_to_others(write: Callable[[Mapping[str, str]], Path]) -> None:
    deep = DB + "x = " + "(" * 5000 + ")" * 5000 + "\n"
    folder = write({"db.py": DB, "deep.py": deep, "use.py": "from deep import connect as c\n" + USE + "    c(path)\n"})
    assert findings(folder / "use.py") == ["6:12 LDB101"]


def test_a_broken_module_is_named_alike_whether_it_is_met_as_an_import_or_not(
    write: Callable[[Mapping[str, str]], Path],
) -> None:
    use = (
        "import sqlite3\nfrom broken import load\n\n\ndef f(path):\n    conn = sqlite3.connect(path)\n    load(conn)\n"
    )
    folder = write({"a.py": use, "broken.py": "import sqlite3\n\nLIMIT = 12abc\n", "z.py": use})
    assert lintdb(folder, "--select", "LDB002", ".", fails=True) == ["broken.py:3:10 LDB002"]
    assert lintdb(folder, "--select", "LDB002", "z.py", "./broken.py", fails=True) == ["broken.py:3:10 LDB002"]
    assert lintdb(folder, "--select", "LDB002", "--per-file-ignores", "/broken.py:LDB002", ".", fails=True) == []


# --- texts and switches ----------------------------------------------------------------------------------------------


def test_a_text_stands_for_its_file_and_sees_the_others(write: Callable[[Mapping[str, str]], Path]) -> None:
    folder = write({"app/__init__.py": "", "app/db.py": DB, "app/use.py": "x = 1\n"})
    text = USE.replace("from db", "from .db")
    assert lintdb(folder, "--select", "LDB101", "--stdin-filename", "app/use.py", "-", text=text) == [
        "app/use.py:5:12 LDB101"
    ]
    assert lintdb(folder, "--select", "LDB101", "--stdin-filename", "app/new.py", "-", text=text) == [
        "app/new.py:5:12 LDB101"
    ]


def test_a_text_that_is_checked_is_what_others_see(write: Callable[[Mapping[str, str]], Path]) -> None:
    folder = write({"db.py": "def connect(path):\n    return path\n", "use.py": USE})
    projects = Projects()
    check_source(SourceFile(str(folder / "db.py"), DB), OPTIONS, projects)
    assert findings(folder / "use.py", projects=projects) == LEAK_IN_USE
    assert findings(folder / "use.py") == []


def test_imports_are_not_followed_if_not_wanted(write: Callable[[Mapping[str, str]], Path]) -> None:
    folder = write({"db.py": DB, "use.py": USE})
    assert lintdb(folder, "--select", "LDB101", ".") == ["use.py:5:12 LDB101"]
    assert lintdb(folder, "--select", "LDB101", "--no-follow-imports", ".") == []
    (folder / "pyproject.toml").write_text("[tool.lintdb]\nfollow-imports = false\n")
    assert lintdb(folder, "--select", "LDB101", ".") == []
    assert lintdb(folder, "--select", "LDB101", "--follow-imports", ".") == ["use.py:5:12 LDB101"]


@pytest.mark.parametrize(
    ("text", "is_needed"),
    [
        ("from tools import add\n\nprint(add(1, 2))\n", False),
        ("import db\n\nprint(db.__doc__)\n", False),
        ("from db import connect\n\n\ndef f(path):\n    connect(path).execute('select 1')\n", True),
    ],
)
def test_libcst_is_for_files_that_have_to_do_with_databases(
    write: Callable[[Mapping[str, str]], Path], text: str, *, is_needed: bool
) -> None:
    folder = write({"db.py": DB, "tools.py": "def add(a, b):\n    return a + b\n", "use.py": text})
    script = (
        "import sys\n"
        "from lintdb.cli import main\n"
        "try:\n    main(['check', '--isolated', '--exit-zero', 'use.py', 'tools.py'])\n"
        "except SystemExit:\n    pass\n"
        "print('libcst' in sys.modules)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(harness.ROOT)}
    result = subprocess.run(
        [sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, check=False, env=environment
    )
    assert result.stdout.split()[-1] == str(is_needed), result.stderr


# --- flake8 ----------------------------------------------------------------------------------------------------------


def flake8(folder: Path, *arguments: str) -> list[str]:
    environment = {**os.environ, "PYTHONPATH": str(harness.ROOT)}
    result = subprocess.run(
        [sys.executable, "-m", "flake8", "--isolated", "--select", "LDB1", *arguments],
        cwd=folder, capture_output=True, text=True, check=False, env=environment,
    )  # fmt: skip
    assert not result.stderr
    return [" ".join(line.split()[:2]).removeprefix("./") for line in result.stdout.splitlines()]


def test_flake8_reads_other_files_on_demand(write: Callable[[Mapping[str, str]], Path]) -> None:
    folder = write({"db.py": DB, "use.py": USE})
    assert flake8(folder, "use.py") == ["use.py:5:12: LDB101"]
    assert flake8(folder, "--jobs=2", "use.py", "db.py") == ["use.py:5:12: LDB101"]
    assert flake8(folder, "--lintdb-no-follow-imports", "use.py", "db.py") == []
    (folder / "pyproject.toml").write_text("[tool.lintdb]\nfollow-imports = false\n")
    assert flake8(folder, "use.py") == []


def test_the_budget_bounds_what_is_read_for_one_file(write: Callable[[Mapping[str, str]], Path]) -> None:
    second = "from db2 import connect as c\n" + USE.replace("connect(path)", "c(path)")
    folder = write({"db.py": DB, "db2.py": DB + "# long\n" * 100, "use.py": USE, "use2.py": second})
    projects = Projects(budget=len(DB) + 10)
    assert findings(folder / "use2.py", projects=projects) == []
    assert findings(folder / "use.py", projects=projects) == LEAK_IN_USE
    assert findings(folder / "use.py", projects=Projects(budget=10)) == []
    assert findings(folder / "use2.py", projects=Projects()) == ["6:12 LDB101"]


# --- where modules lie -----------------------------------------------------------------------------------------------


def located(folder: Path, dotted: str, importer: str) -> tuple[str, tuple[str, ...]] | None:
    found = Layout().locate(dotted, str(folder / importer))
    assert found is None or isinstance(found, Located)
    return (Path(found.path).relative_to(folder).as_posix(), found.rest) if found is not None else None


@pytest.mark.parametrize(
    ("dotted", "importer", "expected"),
    [
        ("pkg.db.connect", "pkg/use.py", ("pkg/db.py", ("connect",))),
        ("pkg.db.connect", "script.py", ("pkg/db.py", ("connect",))),
        ("pkg.sub.Thing.method", "pkg/use.py", ("pkg/sub/__init__.py", ("Thing", "method"))),
        ("pkg.nothing", "pkg/use.py", ("pkg/__init__.py", ("nothing",))),
        ("db.connect", "pkg/use.py", ("db.py", ("connect",))),
        ("use.f", "pkg/db.py", ("pkg/use.py", ("f",))),  # the program is started inside of its package
        ("use.g", "pkg/db.py", None),
        ("use.f", "pkg/sub/__init__.py", ("pkg/use.py", ("f",))),
        ("use.f", "named/db.py", None),  # its modules name their package
        ("sub.f", "space/part.py", None),
        ("space.part.x", "script.py", ("space/part.py", ("x",))),
        ("space.x", "script.py", None),
        ("installed.core.run", "script.py", ("src/installed/core.py", ("run",))),
        ("core", "src/installed/__init__.py", ("src/installed/core.py", ())),
        ("core.run", "src/installed/__init__.py", None),
        ("json.loads", "pkg/db.py", None),
        ("redis.Redis", "pkg/db.py", None),
        ("sqlite3.connect", "script.py", None),
        ("near.x", "space/part.py", ("space/near.py", ("x",))),
        ("db.connect", "space/part.py", ("db.py", ("connect",))),
        (".near.x", "space/part.py", ("space/near.py", ("x",))),
        ("..db.connect", "space/part.py", ("db.py", ("connect",))),
        ("pkg.db", "pkg/db.py", None),
    ],
)
def test_dotted_names_lead_to_files(
    write: Callable[[Mapping[str, str]], Path], dotted: str, importer: str, expected: tuple[str, tuple[str, ...]] | None
) -> None:
    names = (
        "pkg/__init__.py pkg/db.py pkg/use.py pkg/json.py pkg/redis.py pkg/sub/__init__.py db.py script.py "
        "space/part.py space/near.py "
        "src/installed/__init__.py src/installed/core.py"
    )
    texts = {"pkg/use.py": "def f(): ...\n", "named/use.py": "def f(): ...\n", "named/db.py": "from .use import f\n"}
    folder = write({**dict.fromkeys(names.split(), ""), "named/__init__.py": "", **texts})
    assert located(folder, dotted, importer) == expected


@pytest.mark.parametrize(
    ("path", "dotted", "is_package"),
    [
        ("pkg/db.py", "pkg.db", False),
        ("pkg/__init__.py", "pkg", True),
        ("pkg/sub/deep.py", "pkg.sub.deep", False),
        ("space/part.py", "part", False),
        ("src/pkg2/x.py", "pkg2.x", False),
        ("script.py", "script", False),
    ],
)
def test_files_have_dotted_names(
    write: Callable[[Mapping[str, str]], Path], path: str, dotted: str, *, is_package: bool
) -> None:
    names = "pkg/__init__.py pkg/db.py pkg/sub/__init__.py pkg/sub/deep.py space/part.py src/pkg2/__init__.py script.py"
    folder = write(dict.fromkeys([*names.split(), "src/pkg2/x.py"], ""))
    name = Layout().name_of(str(folder / path))
    assert (name.dotted, name.is_package) == (dotted, is_package)
    assert name.number == Layout().name_of(str(folder / path)).number


def test_the_files_of_a_project_are_its_own(write: Callable[[Mapping[str, str]], Path]) -> None:
    own = ["setup.py", "shop/__init__.py", "shop/db.py", "src/main.py"]
    others = [".hidden/a.py", "env/lib/b.py", "node_modules/c.py", "site-packages/d.py", "shop/data.txt"]
    root = write(dict.fromkeys([*own, *others], "") | {"env/pyvenv.cfg": ""})
    found = Layout().files_around(str(root / "shop" / "db.py"))
    assert found is not None
    assert sorted(str(Path(each).relative_to(root)) for each in found) == own


def test_what_has_no_root_or_too_many_files_is_no_project(
    write: Callable[[Mapping[str, str]], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write({"a.py": "", "b.py": "", "c.py": ""})
    monkeypatch.setattr("lintdb.project.layout._MOST_FILES", 2)
    assert Layout().files_around(str(root / "a.py")) is None
    monkeypatch.setattr("lintdb.project.layout._MOST_FILES", 3)
    assert Layout().files_around(str(root / "a.py")) is not None
    (root / "pyproject.toml").unlink()
    monkeypatch.setattr("lintdb.project.layout._ROOT_MARKS", frozenset())
    assert Layout().files_around(str(root / "a.py")) is None


@pytest.mark.parametrize(
    ("text", "read", "put"),
    [
        ('request.app["pool"].acquire()', {'["pool"]'}, set()),
        ("app['pool'] = await make()", set(), {'["pool"]'}),
        ('app["pool"] == other', {'["pool"]'}, set()),
        ("app.state.pool: Pool = make()", set(), {".state.pool"}),
        ("web_app.ctx.redis.get(key)", {".ctx.redis"}, set()),
        ("self.bot.pool.fetch(query)\nbot.pool = pool", {".pool"}, {".pool"}),
        ('app.route("/")\nconfig["pool"]\nstate.pool\nrequest.state.pool', set(), set()),
    ],
)
def test_keys_of_applications_are_read_from_text(text: str, read: set[str], put: set[str]) -> None:
    assert keys_mentioned(text) == Keys(frozenset(read), frozenset(put))


def test_modules_have_numbers_of_their_own(write: Callable[[Mapping[str, str]], Path]) -> None:
    folder = write({"a/x.py": "", "b/x.py": "", "pkg/__init__.py": "", "pkg/a.py": "", "pkg/b.py": ""})
    layout = Layout()
    numbers = [layout.name_of(str(folder / name)).number for name in ("pkg/__init__.py", "pkg/a.py", "pkg/b.py")]
    assert len(set(numbers)) == 3


@pytest.mark.parametrize(
    ("module", "level", "dotted", "expected"),
    [
        (ModuleName("", "pkg.mod"), 0, "other", "other"),
        (ModuleName("", "pkg.mod"), 1, "other", "pkg.other"),
        (ModuleName("", "pkg.mod"), 1, "", "pkg"),
        (ModuleName("", "pkg.sub", True), 1, "other", "pkg.sub.other"),
        (ModuleName("", "pkg.sub", True), 2, "other", "pkg.other"),
        (ModuleName("", "script"), 1, "other", "other"),
        (ModuleName("", "script"), 2, "other", "..other"),
        (ModuleName("", "script"), 1, "", "."),
        (ModuleName(), 1, "other", ".other"),
    ],
)
def test_relative_names(module: ModuleName, level: int, dotted: str, expected: str) -> None:
    assert module.absolute(level, dotted) == expected


# --- what is worth parsing -------------------------------------------------------------------------------------------


def names_of_interest(folder: Path, path: str) -> set[str]:
    def read(name: str) -> str | None:
        return Path(name).read_text() if Path(name).is_file() else None

    found = Interest(Layout(), read).names_in(str(folder / path))
    return {name for name in found if name != "<module>"}


def test_names_of_interest(write: Callable[[Mapping[str, str]], Path]) -> None:
    folder = write({
        "db.py": DB + "\n\ndef add(a, b):\n    return a + b\n\n\nlimit = 5\nmain = connect('x')\n",
        "api.py": "from db import add, connect as open_db, limit\n\n\ndef run(path):\n    return open_db(path)\n\n\n"
                  "def total():\n    return add(1, limit)\n\n\nclass Store:\n    def __init__(self):\n"
                  "        self.conn = run('x')\n",
        "top.py": "import api\n\n\ndef make():\n    return api.Store()\n\n\ndef count():\n    return api.total()\n",
        "star.py": "from api import *\n",
        "plain.py": "import json\n\n\ndef load(text):\n    return json.loads(text)\n",
    })  # fmt: skip
    assert names_of_interest(folder, "db.py") == {"connect", "main"}
    assert names_of_interest(folder, "api.py") == {"open_db", "run", "Store"}
    assert names_of_interest(folder, "top.py") == {"make"}
    assert names_of_interest(folder, "star.py") >= {"run", "Store"}
    assert "total" not in names_of_interest(folder, "star.py")
    assert names_of_interest(folder, "plain.py") == set()
    assert names_of_interest(folder, "absent.py") == set()


def test_interest_does_not_depend_on_who_asked_before(write: Callable[[Mapping[str, str]], Path]) -> None:
    files = dict(synthetic(5, count=12))
    folder = write(files)

    def read(name: str) -> str | None:
        return Path(name).read_text() if Path(name).is_file() else None

    forward, backward = Interest(Layout(), read), Interest(Layout(), read)
    one = {name: forward.names_in(str(folder / name)) for name in files}
    other = {name: backward.names_in(str(folder / name)) for name in reversed(files)}
    assert one == other


def test_imports_are_read_from_text() -> None:
    text = (
        "import a, b.c as d\nfrom . import e\nfrom .f import (g as h,  # why\n    i)\nfrom j import *\n"
        "if x:\n    import k; y = 1\n# import l\n'''\nimport m\n'''\n"
    )
    found = imported_names(text, ModuleName("", "pkg.mod"))
    assert found[:7] == [
        ImportedName("a", ""), ImportedName("b.c", ""), ImportedName("pkg", "e"), ImportedName("pkg.f", "g"),
        ImportedName("pkg.f", "i"), ImportedName("j", "*"), ImportedName("k", ""),
    ]  # fmt: skip
    assert ImportedName("l", "") not in found


def test_outline() -> None:
    text = (
        "import a.b\nimport a.c as c\nfrom .d import e as f\nfrom g import *\n"
        "try:\n    from h import x\nexcept ImportError:\n    from i import x\n"
        "def one():\n    import inner\n    return c.run(f).result\n"
        "if a:\n    two = one()\nclass Three(f):\n    def m(self):\n        return self.n\n"
        "a.b.start()\n"
    )
    outline = outline_of(text, ModuleName("", "pkg.mod"))
    assert outline.imports == {
        "a": ["a"], "c": ["a.c"], "f": ["pkg.d.e"], "x": ["h.x", "i.x"], "inner": ["inner"],
    }  # fmt: skip
    assert outline.stars == ["g"]
    assert set(outline.definitions) == {"one", "two", "Three", "<module>"}
    assert {("c", "run"), ("f",)} <= outline.definitions["one"].chains
    assert outline.definitions["two"].is_value
    assert not outline.definitions["one"].is_value
    assert ("self", "n") in outline.definitions["Three"].chains
    assert ("a", "b", "start") in outline.definitions["<module>"].chains
    assert [name for name, each in outline.definitions.items() if each.is_class] == ["Three"]


def test_outline_of_a_variable_that_functions_set() -> None:
    text = "def f():\n    for each in ():\n        def g():\n            global conn\n            conn = a.connect()\n"
    definition = outline_of(text, ModuleName("", "m")).definitions["conn"]
    assert definition.is_value
    assert definition.chains == {("a", "connect"), ("conn",)}


def test_outline_of_what_python_cannot_parse_is_empty() -> None:
    outline = outline_of("def f(:\n", ModuleName("", "m"))
    assert not outline.definitions
    assert not outline.imports


KEEPING = "import redis\n\nconn = redis.Redis()\n\n\ndef open():\n    return conn\n\n\n"
CLASS = "class Store:\n    @property\n    def key(self):\n        return conn.get('key')\n"


def test_only_files_that_may_have_a_class_are_parsed_for_properties(
    write: Callable[[Mapping[str, str]], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    imports = "from a import conn, open\nfrom c import Store\n"
    write(
        {
            "a.py": KEEPING,
            "b.py": KEEPING + CLASS,
            "c.py": "from b import Store\n",
            "use.py": f"import redis\n{imports}\nredis.Redis()\n",
        }
    )
    parsed: list[str] = []
    original = Project._parse

    def parse(self: Project, path: str, source: SourceFile) -> object:
        parsed.append(Path(path).name)
        return original(self, path, source)

    monkeypatch.setattr(Project, "_parse", parse)
    program = Projects().get({}).open(SourceFile("use.py", Path("use.py").read_text()))
    assert isinstance(program, Program)
    assert program.index.properties == {"key"}
    assert sorted(parsed) == ["b.py", "c.py", "use.py"]


@pytest.mark.parametrize(
    ("text", "is_tested"),
    [
        ("from db import conn\nconn.get('a')\n", False),
        ("import db\ndb.conn = connect()\n", False),
        ("from db import conn, x\nrun(conn, 1)\nrun(1, conn)\n", False),
        ("# conn\nglobal conn\nconn: object = connect()\nconn = db.conn\n", False),
        ("from db import conn\nif conn:\n    pass\n", True),
        ("from db import conn\nif (conn is None):\n    pass\n", True),
        ("from db import conn as other\n", True),
        ("from db import conn\nother = conn\n", True),
        ("import db\nx = db.conn or 1\n", True),
        ("from db import conn\nassert conn == 1, conn\n", True),
    ],
)
def test_a_variable_may_be_tested_by_whoever_mentions_it_alone(
    text: str, is_tested: bool, write: Callable[[Mapping[str, str]], Path]
) -> None:
    write({"db.py": "conn = connect()\n", "use.py": text})
    path = str(Path("db.py").absolute())
    assert Projects().surroundings().may_be_tested("conn", path) is is_tested


def test_the_texts_of_this_file_are_programs() -> None:
    for text in (DB, USE, *(text for _, text in synthetic(1, count=5))):
        ast.parse(text)


SCOPED = """
from sqlalchemy import create_engine
from sqlalchemy.orm import scoped_session, sessionmaker

SESSION = scoped_session(sessionmaker(bind=create_engine("postgresql://db/shop")))
"""
USE_OF_SCOPED = """
from db import SESSION


def store(user):
    try:
        SESSION.add(user)
        SESSION.commit()
    except Exception:
        print("not stored")
"""


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ("", ["7:9 LDB201"]),
        ("def drop(names):\n    names.remove('x')\n", ["7:9 LDB201"]),
        ("from db import SESSION\n\n\ndef teardown(error):\n    SESSION.remove()\n", []),
        ("from db import SESSION\n\napp.teardown_appcontext(SESSION.remove)\n", []),
        ("from db import SESSION\n\n\n@app.teardown_request\ndef end(error):\n    SESSION.close()\n", []),
    ],
)
def test_scope_that_nothing_ends(write: Callable[[Mapping[str, str]], Path], other: str, expected: list[str]) -> None:
    """A scoped session is a session of its thread where no file of the project removes it."""
    root = write({"db.py": SCOPED, "use.py": USE_OF_SCOPED, "app.py": other})
    assert findings(root / "use.py", projects=Projects()) == expected
