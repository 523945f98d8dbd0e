"""Models that a project brings along: every front end sees them, they extend lintdb's own, and mistakes are named."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lintdb import files, gate
from lintdb.cli import main
from lintdb.config import ConfigError, read_config
from lintdb.drivers import catalog
from lintdb.drivers.model import ModelError
from lintdb.drivers.own import read_own_table
from lintdb.effects import WithBlock
from lintdb.rules.registry import all_metas
from lintdb.toml import find_line
from tests.harness import ROOT
from tests.models import codes, own

INLINE = """
[tool.lintdb.drivers.mycompany]
extends = "psycopg2"
functions = [
    { names = ["mycompany.db.get_conn"], acquires = "connection" },
    { names = ["mycompany.db.release"], releases = 0, raises = "never" },
]
"""
FILE = """
[driver]
name = "mycompany"
extends = "psycopg2"

[[functions]]
names = ["mycompany.db.get_conn"]
acquires = "connection"

[[functions]]
names = ["mycompany.db.release"]
releases = 0
raises = "never"
"""
PROGRAM = """\
from mycompany.db import get_conn, release


def leak():
    conn = get_conn()
    conn.cursor().execute("select 1")
    release(conn)


def fine():
    conn = get_conn()
    try:
        conn.cursor().execute("select 1")
    finally:
        release(conn)
"""
FOUND = "program.py:5:12: LDB121"

Project = Callable[[dict[str, str]], Path]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Return a function that writes files into an empty folder, which is the current one."""
    monkeypatch.chdir(tmp_path)

    def write(texts: dict[str, str]) -> Path:
        for name, text in texts.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return tmp_path

    return write


def run_python(folder: Path, *arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    """Run a module of this checkout in a folder."""
    command = [sys.executable, "-m", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=folder, input=text, capture_output=True, text=True, check=False, env=environment)


# --- front ends ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["pyproject", "lintdb.toml", "file", "glob"])
def test_check(project: Project, capsys: pytest.CaptureFixture[str], where: str) -> None:
    if where == "pyproject":
        project({"program.py": PROGRAM, "pyproject.toml": INLINE})
    elif where == "lintdb.toml":
        project({"program.py": PROGRAM, "lintdb.toml": INLINE.replace("tool.lintdb.", "")})
    else:
        pattern = "models/mycompany.toml" if where == "file" else "models/**/*.toml"
        project(
            {"program.py": PROGRAM, "lintdb.toml": f'driver-models = ["{pattern}"]\n', "models/mycompany.toml": FILE}
        )
    assert main(["check", "--output-format", "concise"]) == 1
    assert [line.split(" ")[:2] for line in capsys.readouterr().out.splitlines()] == [FOUND.split(" ")]
    assert main(["check", "--isolated"]) == 0


def test_standard_input(project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    folder = project({"pyproject.toml": INLINE})
    done = run_python(folder, "lintdb", "check", "-", "--stdin-filename", "program.py", text=PROGRAM)
    assert (done.returncode, done.stdout.startswith(FOUND)) == (1, True)


def test_worker_processes(
    project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_SMALL_RUN_BYTES", 0)
    project({"pyproject.toml": INLINE, **{f"p{number}.py": PROGRAM for number in range(4)}})
    assert main(["check", "--jobs", "2", "--output-format", "concise"]) == 1
    assert [line.split(" ")[:2] for line in capsys.readouterr().out.splitlines()] == [
        [f"p{number}.py:5:12:", "LDB121"] for number in range(4)
    ]


def test_flake8(project: Project) -> None:
    folder = project({"program.py": PROGRAM, "pyproject.toml": INLINE})
    done = run_python(folder, "flake8", "--select", "LDB", "program.py")
    assert [line.split(" ")[:2] for line in done.stdout.splitlines()] == [["program.py:5:12:", "LDB121"]]


def test_the_nearest_configuration_decides(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    project({"a/program.py": PROGRAM, "a/pyproject.toml": INLINE, "b/program.py": PROGRAM, "b/lintdb.toml": ""})
    assert main(["check", "--output-format", "json"]) == 1
    assert [finding["path"] for finding in json.loads(capsys.readouterr().out)] == ["a/program.py"]


@pytest.mark.parametrize("follow", ["--follow-imports", "--no-follow-imports"])
def test_what_the_model_says_comes_before_what_the_code_shows(
    project: Project, capsys: pytest.CaptureFixture[str], follow: str
) -> None:
    """The factory is too dynamic to be understood; what it hands out is what the model says."""
    project({
        "pyproject.toml": INLINE,
        "mycompany/__init__.py": "",
        "mycompany/db.py": "def get_conn(*a):\n    return registry[a]\n\n\ndef release(conn): ...\n",
        "program.py": PROGRAM,
    })  # fmt: skip
    assert main(["check", "--output-format", "concise", follow]) == 1
    assert [line.split(" ")[:2] for line in capsys.readouterr().out.splitlines()] == [["program.py:5:12:", "LDB121"]]


def test_relative_imports(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    project({
        "pyproject.toml": INLINE,
        "mycompany/__init__.py": "",
        "mycompany/db.py": "def get_conn(*a):\n    return registry[a]\n\n\ndef release(conn): ...\n",
        "mycompany/a.py": PROGRAM.replace("mycompany.db", ".db"),
        "mycompany/sub/__init__.py": "",
        "mycompany/sub/b.py": PROGRAM.replace("mycompany.db", "..db"),
        "mycompany/c.py": "from . import db\n\n\ndef f():\n    db.get_conn()\n",
    })  # fmt: skip
    assert main(["check", "--output-format", "concise"]) == 1
    assert [line.split(" ")[:2] for line in capsys.readouterr().out.splitlines()] == [
        ["mycompany/a.py:5:12:", "LDB121"],
        ["mycompany/c.py:5:5:", "LDB101"],
        ["mycompany/sub/b.py:5:12:", "LDB121"],
    ]


# --- the gate --------------------------------------------------------------------------------------------------------

NAMES = {"functions": [{"names": ["mycompany.db.get_conn", "open"], "acquires": "connection"}]}


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ("import mycompany", True),
        ("from mycompany.db import get_conn", True),
        ("from . import db", True),
        ("from .db import get_conn", True),
        ("from ..db import (\n    other,\n)", True),
        ("from .things import (\n    get_conn,\n)", True),
        ("x = open(path)", True),
        ("import db", False),
        ("from . import things", False),
        ("reopen(x); opened = 1", False),
    ],
)
def test_the_gate_knows_own_models(text: str, passes: bool) -> None:
    assert ("mycompany" in gate.mentioned(text, own(extends="psycopg2", **NAMES))) is passes
    assert gate.mentioned(text) == frozenset()


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        (("a", "b", 0, "c"), 2),
        (("a", "b", 1, "c"), 3),
        (("a", "b", 1, "gone"), 1),
        (("gone",), 0),
        (("t", 0, "x"), 7),
        (("t", 1, "x"), 9),
        (("t", 1, "gone"), 8),
        (("u", "v", "w x"), 12),
        (("u", "v"), 10),
    ],
)
def test_line_of_a_key(keys: tuple[str | int, ...], line: int) -> None:
    text = (
        "a.b = [\n    { c = 1 },\n    { d = 'c', c = 2 },\n]\n# x = 1\n"
        "[[t]]\nx = 1\n[[ t ]]\nx = 2\n[u.v]\nw = 1\n'w x' = 2\n"
    )
    assert find_line(text, keys) == line


# --- extending -------------------------------------------------------------------------------------------------------

GET_CONN = {"names": ["mycompany.db.get_conn"], "acquires": "connection"}


def test_settings_are_those_of_the_own_factory() -> None:
    text = (
        "import psycopg2\nfrom mycompany.db import get_conn\n\n"
        'def f():\n    conn = get_conn("host=db")\n    conn.close()\n'
    )
    assert "5: LDB401" in codes(text.replace("= get_conn(", "= psycopg2.connect("), ())
    assert "5: LDB401" not in codes(text, own(extends="psycopg2", functions=[GET_CONN]))
    kinds = {"connection": {"settings_like_base": ["connect-timeout"]}}
    assert "5: LDB401" in codes(text, own(extends="psycopg2", functions=[GET_CONN], kinds=kinds))


def test_what_is_extended_behaves_as_it_does() -> None:
    text = (
        "from mycompany.db import get_conn\n\n\ndef f():\n    conn = get_conn()\n    try:\n"
        '        conn.cursor().execute("insert into t values (1)")\n    finally:\n        conn.close()\n'
    )
    models = own(extends="psycopg2", functions=[GET_CONN])
    assert codes(text, models) == ["7: LDB202"]
    blocking = "import mycompany.db\n\n\nasync def f():\n    mycompany.db.get_conn().close()\n"
    assert "5: LDB501" in codes(blocking, models)
    caught = (
        "import psycopg2\nfrom mycompany.db import get_conn, first\n\n\ndef f():\n    conn = first()\n    try:\n"
        "        other = get_conn()\n    except psycopg2.Error:\n        conn.close()\n        raise\n"
        "    other.close()\n    conn.close()\n"
    )
    first = {**GET_CONN, "names": ["mycompany.db.first"]}
    assert codes(caught, own(extends="psycopg2", functions=[GET_CONN, first])) == []


def test_a_kind_of_the_same_name_is_refined() -> None:
    kinds = {"connection": {"with": "release", "label": "our connection", "methods": [{"names": ["ping"]}]}}
    models = own(extends="psycopg2", functions=[GET_CONN], kinds=kinds)
    kind = catalog.load_models(["mycompany"], None, models).kinds["mycompany.connection"]
    assert (kind.with_block, kind.label, kind.autocommit) == (WithBlock.RELEASE, "our connection", False)
    assert {"ping", "cursor"} <= set(kind.methods)
    text = "from mycompany.db import get_conn\n\n\ndef f():\n    with get_conn() as conn:\n        conn.cursor()\n"
    assert codes(text, models) == []
    assert codes(text, own(extends="psycopg2", functions=[GET_CONN])) == ["5: LDB111"]


def test_objects_that_are_always_there() -> None:
    kinds = {"connection": {"objects": ["mycompany.db.here"]}}
    text = (
        "from mycompany.db import here\n\n\ndef f(name):\n    with here.cursor() as cur:\n"
        "        cur.execute(f\"select 1 from t where a = '{name}'\")\n"
    )
    assert codes(text, own(extends="psycopg2", kinds=kinds)) == ["6: LDB601"]
    assert codes(text.replace("from mycompany.db", "from mycompany.other"), own(extends="psycopg2", kinds=kinds)) == []


def test_own_functions_come_before_those_of_lintdb() -> None:
    text = "import psycopg2\n\n\ndef f(dsn):\n    psycopg2.connect(dsn)\n"
    functions = [{"names": ["psycopg2.connect"], "gives": "connection"}]
    assert "5: LDB101" in codes(text, ())
    assert codes(text, own(extends="psycopg2", functions=functions)) == []


def test_unknown_connections_are_known_by_their_use_as_without_own_models() -> None:
    """A kind that only stands for psycopg2's own must not make it doubtful whose methods a parameter has."""
    text = (
        "import psycopg2\nimport mycompany\n\n\ndef f(conn):\n    try:\n        conn.cursor().execute('insert into t "
        "values (1)')\n        conn.commit()\n    except psycopg2.Error:\n        print('failed')\n"
    )
    assert codes(text, own(extends="psycopg2", functions=[GET_CONN])) == codes(text, ())


def test_versions() -> None:
    functions = [{**GET_CONN, "since": "2.0"}]
    text = "from mycompany.db import get_conn\n\n\ndef f():\n    get_conn()\n"
    models = own(extends="psycopg2", newest="2.1", functions=functions)
    assert codes(text, models) == ["5: LDB101"]
    assert codes(text, models, mycompany="1.9") == []


def test_kinds_that_the_pinned_version_of_the_library_lacks_are_left_out() -> None:
    functions = [{"names": ["mycompany.db.get_pool"], "acquires": "returning_pool"}]
    text = "from mycompany.db import get_pool\n\n\ndef f():\n    get_pool()\n"
    models = own(extends="psycopg_pool", functions=functions)
    assert codes(text, models) == ["5: LDB104"]
    assert codes(text, models, psycopg_pool="3.1.9") == []


# --- mistakes --------------------------------------------------------------------------------------------------------

HEAD = "[tool.lintdb]\n[tool.lintdb.drivers.mycompany]\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            HEAD + 'extends = "psycopg22"\n',
            "`tool.lintdb.drivers.mycompany.extends`: 'psycopg22' is no model of lintdb's (did you mean 'psycopg2'?)",
        ),
        (
            HEAD + 'extend = "psycopg2"\n',
            "pyproject.toml:3: `tool.lintdb.drivers.mycompany.extend`: unknown key (did you mean 'extends'?); DRIVERS",
        ),
        (
            HEAD + "[tool.lintdb.drivers.mycompany.kinds.connection]\nfamily = 'conection'\n",
            "mycompany.kinds.connection.family`: 'conection' is not allowed; use one of connection, cursor, session, ",
        ),
        (
            HEAD + "[tool.lintdb.drivers.mycompany.kinds.connection]\nlabel = 'x'\n",
            "`tool.lintdb.drivers.mycompany.kinds.connection.family`: is missing; use one of connection",
        ),
        (
            HEAD + "[tool.lintdb.drivers.mycompany.kinds.connection]\nfamily = 'connection'\n",
            "mycompany.kinds.connection`: nothing releases it: give a method or a function `releases`, or say `duty",
        ),
        (
            HEAD + 'extends = "psycopg2"\nfunctions = [{ names = ["m.f"], acquires = "conection" }]\n',
            "[0].acquires`: 'conection' is not a kind of this file, nor of psycopg2 (did you mean 'connection'?)",
        ),
        (
            HEAD + 'functions = [{ names = ["m.f"], acquires = "psycopg2.connection" }]\n',
            "functions[0].acquires`: 'psycopg2.connection' is not a kind of this file; there are none",
        ),
        (
            HEAD + "functions = [{ acquires = 'x' }]\n",
            "pyproject.toml:3: `tool.lintdb.drivers.mycompany.functions[0].names`: is missing",
        ),
        (
            HEAD + "functions = [{ names = ['m.f'], since = '2' }]\n",
            "`tool.lintdb.drivers.mycompany.newest`: is missing: entries with `since` or `until` need it",
        ),
        ("[tool.lintdb.drivers]\nmycompany = 3\n", "`tool.lintdb.drivers.mycompany`: expected a table, got 3"),
        ("[tool.lintdb]\ndrivers = 3\n", "pyproject.toml:2: `drivers`: must be a table, not a number"),
        (
            "[tool.lintdb.drivers.redis]\nextends = 'redis'\n",
            "`tool.lintdb.drivers.redis`: 'redis' is a model of lintdb's: call this one otherwise, and let it extend",
        ),
        (
            "[tool.lintdb.drivers.my-company]\n",
            "'my-company' cannot be the name of a model: use letters, digits and `_`",
        ),
        (
            "[tool.lintdb]\ndriver-models = ['none.toml']\n",
            "pyproject.toml:2: `tool.lintdb.driver-models`: there is no file none.toml",
        ),
        ("[tool.lintdb]\ndriver-models = 'a.toml'\n", "`driver-models`: must be a list of files, for example ["),
        (
            "[tool.lintdb]\ndriver-models = ['bad.toml']\n",
            "bad.toml:3: `driver.titel`: unknown key (did you mean 'title'?)",
        ),
        ("[tool.lintdb]\ndriver-models = ['broken.toml']\n", "broken.toml:1: not valid TOML"),
        ("[tool.lintdb]\ndriver-models = ['empty.toml']\n", "empty.toml: the table [driver] is missing"),
        ("[tool.lintdb]\ndriver-models = ['latin.toml']\n", "latin.toml: not UTF-8: save the file as UTF-8"),
        (
            "[tool.lintdb]\ndriver-models = ['*good.toml']\n",
            "'mycompany' is described twice: a_good.toml does it, too",
        ),
        (
            "[tool.lintdb]\n[tool.lintdb.target-version]\nmycompny = '2'\n" + INLINE,
            "`target-version`: no library is called 'mycompny'; did you mean `mycompany`?",
        ),
    ],
)
def test_mistakes_are_named(project: Project, capsys: pytest.CaptureFixture[str], text: str, message: str) -> None:
    folder = project(
        {"pyproject.toml": text, "empty.toml": "", "bad.toml": "[driver]\nname = 'x'\ntitel = 'X'\n", "x.py": ""}
    )
    (folder / "broken.toml").write_text("[driver")
    (folder / "latin.toml").write_bytes(b"[driver]\nname = 'x'\ntitle = '\xe9'\n")
    for name in ("a_good.toml", "b_good.toml"):
        (folder / name).write_text(FILE)
    with pytest.raises(ConfigError) as caught:
        read_config("pyproject.toml", all_metas(), must_apply=False)
    assert message in str(caught.value)
    assert main(["check"]) == 2
    err = capsys.readouterr().err
    assert err.startswith("lintdb: error: ")
    assert message in err


def test_flake8_names_mistakes(project: Project) -> None:
    folder = project({"program.py": PROGRAM, "pyproject.toml": HEAD + "extends = 'x'\n"})
    done = run_python(folder, "flake8", "program.py")
    assert "`tool.lintdb.drivers.mycompany.extends`: 'x' is no model of lintdb's" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


# --- lintdb drivers --------------------------------------------------------------------------------------------------


class TestCommand:
    def test_lists_own_models(self, project: Project, capsys: pytest.CaptureFixture[str]) -> None:
        project({"pyproject.toml": INLINE})
        assert main(["drivers"]) == 0
        last = capsys.readouterr().out.splitlines()[-1]
        assert last.split() == ["mycompany", "mycompany", "connection,", "cursor,", "result"]
        assert main(["drivers", "--isolated"]) == 0
        assert "mycompany" not in capsys.readouterr().out

    def test_config_names_them(self, project: Project, capsys: pytest.CaptureFixture[str]) -> None:
        project({"lintdb.toml": 'driver-models = ["m/*.toml"]\n', "m/a.toml": FILE})
        assert main(["config"]) == 0
        assert "# own models, in drivers and driver-models\n#   mycompany (m/a.toml)\n" in capsys.readouterr().out

    @pytest.mark.parametrize(
        ("where", "text", "place"),
        [
            (
                "models/my.toml",
                FILE.replace('"connection"', '"conection"'),
                "models/my.toml:8: `functions[0].acquires`",
            ),
            ("models/my.toml", FILE.replace('"connection"', '"connection'), "models/my.toml:8: not valid TOML"),
            ("models/my.toml", FILE + '[kinds.a]\nlike = "b.c"\n', "models/my.toml:15: `kinds.a.like`"),
            (
                "models/my.toml",
                FILE + '[kinds.a]\nfamily = "cursor"\nlabel = "a"\nattributes = { b = "c" }\n',
                "models/my.toml:17: `kinds.a.attributes.b`",
            ),
            (
                "pyproject.toml",
                INLINE.replace('"connection"', '"conection"'),
                "pyproject.toml:5: `tool.lintdb.drivers.mycompany.functions[0].acquires`",
            ),
            (
                "pyproject.toml",
                INLINE.replace("releases = 0", 'gives = "conection"'),
                "pyproject.toml:6: `tool.lintdb.drivers.mycompany.functions[1].gives`",
            ),
            (
                "lintdb.toml",
                INLINE.replace("tool.lintdb.", "").replace("releases = 0", 'gives = "conection"'),
                "lintdb.toml:6: `drivers.mycompany.functions[1].gives`",
            ),
        ],
    )
    def test_a_fault_has_its_line(
        self, project: Project, capsys: pytest.CaptureFixture[str], where: str, text: str, place: str
    ) -> None:
        if where == "models/my.toml":
            project({"lintdb.toml": 'driver-models = ["models/*.toml"]\n'})
        project({where: text, "program.py": PROGRAM})
        assert main(["check"]) == 2
        assert capsys.readouterr().err.startswith(f"lintdb: error: {place}: ".replace("TOML: ", "TOML"))

    def test_describes_an_own_model(self, project: Project, capsys: pytest.CaptureFixture[str]) -> None:
        project({"pyproject.toml": INLINE})
        assert main(["drivers", "mycompany"]) == 0
        out = capsys.readouterr().out
        assert "mycompany.connection: psycopg2 connection [connection]" in out
        assert "mycompany.db.get_conn()" in out
        assert "mycompany.db.release(first argument)" in out

    def test_names_that_nothing_uses(self, project: Project, capsys: pytest.CaptureFixture[str]) -> None:
        project({"pyproject.toml": INLINE, "db.py": "def get_conn():\n    ...\n\n\ndef release(conn):\n    ...\n"})
        said = "used in no Python file below this folder: "
        assert main(["drivers", "mycompany"]) == 0
        assert capsys.readouterr().out.endswith(f"{said}mycompany.db.get_conn, mycompany.db.release\n")
        project({"program.py": "from mycompany.db import get_conn\n"})
        assert main(["drivers", "mycompany"]) == 0
        assert capsys.readouterr().out.endswith(f"{said}mycompany.db.release\n")
        project({"program.py": PROGRAM})
        assert main(["drivers", "mycompany"]) == 0
        assert said not in capsys.readouterr().out

    @pytest.mark.parametrize(
        ("which", "shown"),
        [
            ("0", "first argument"),
            ("3", "argument 4"),
            ('"conn"', "conn="),
            ('{ position = 1, keyword = "conn" }', "second argument or conn="),
        ],
    )
    def test_says_which_argument_is_released(
        self, project: Project, capsys: pytest.CaptureFixture[str], which: str, shown: str
    ) -> None:
        kind = f"""
[tool.lintdb.drivers.mycompany.kinds.database]
family = "other"
types = ["mycompany.db.Database"]
methods = [{{ names = ["get"], acquires = "connection" }}, {{ names = ["put"], releases = {which} }}]
"""
        project({"pyproject.toml": INLINE.replace("releases = 0", f"releases = {which}") + kind})
        assert main(["drivers", "mycompany"]) == 0
        out = capsys.readouterr().out
        assert f"mycompany.db.release({shown})" in out
        assert f"<mycompany.database>.put({shown})" in " ".join(out.split())

    def test_an_argument_of_which_the_model_does_not_speak(
        self, project: Project, capsys: pytest.CaptureFixture[str]
    ) -> None:
        project({"pyproject.toml": INLINE, "program.py": PROGRAM.replace("release(conn)", "release(conn=conn)")})
        assert main(["why", "program.py:11"]) == 0
        said = " ".join(capsys.readouterr().out.split())
        assert "line 15: given to `release()` by an argument of which its model does not speak" in said

    def test_check(self, project: Project, capsys: pytest.CaptureFixture[str]) -> None:
        project({"m.toml": FILE})
        assert main(["drivers", "--check", "m.toml"]) == 0
        assert capsys.readouterr().out == "m.toml: the model of `mycompany` is right (1 kind, 2 functions)\n"

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            (FILE.replace("acquires", "acquire"), "8: functions[0].acquire: unknown key (did you mean 'acquires'?)"),
            (FILE.replace('name = "mycompany"', ""), "2: driver.name: is missing"),
            (FILE.replace('"mycompany"', '"redis"'), "3: driver.name: 'redis' is a model of lintdb's"),
            (FILE.replace("releases = 0", "releases = -1"), '12: functions[1].releases: expected "self", a position'),
            (
                FILE.replace("releases = 0", 'releases = "0"'),
                '12: functions[1].releases: "0" is a keyword, which none is called: write the position without quotes',
            ),
            (
                FILE.replace('"mycompany.db.release"', '"mycompany.db.free", "release"'),
                (
                    '11: functions[1].names: "release" has no dot, and so matches no function: write it as others '
                    'import it, such as "mycompany.release"'
                ),
            ),
            (
                FILE.replace('"mycompany.db.get_conn"', '"open"'),
                (
                    '7: functions[0].names: "open" has no dot, and so is Python\'s own `open()`, which hands out no '
                    'such thing: write it as others import it, such as "mycompany.open"'
                ),
            ),
            (
                FILE + '\n[kinds.connection]\nmethods = [\n    { names = ["ping"] },\n    { names = "db.C.x" },\n]\n',
                (
                    '18: kinds.connection.methods[1].names: "db.C.x" has a dot, and so matches no method: write what '
                    'stands behind the last dot, "x"'
                ),
            ),
            (
                FILE.replace("releases = 0", "borrows = false") + '\n[kinds.pipe]\nfamily = "other"\n',
                "15: kinds.pipe: nothing releases it",
            ),
        ],
    )
    def test_check_finds_mistakes(
        self, project: Project, capsys: pytest.CaptureFixture[str], text: str, message: str
    ) -> None:
        project({"m.toml": text})
        assert main(["drivers", "--check", "m.toml"]) == 2
        assert capsys.readouterr().err.startswith(f"lintdb: error: m.toml:{message}")
        project({"lintdb.toml": 'driver-models = ["m.toml"]\n'})
        assert main(["check"]) == 2
        line, key, said = message.split(": ", 2)
        assert capsys.readouterr().err.startswith(f"lintdb: error: m.toml:{line}: `{key}`: {said}")

    @pytest.mark.parametrize(
        ("text", "cure"),
        [
            ("functions = []\n", "\n"),
            ("[drivers.x]\nextends = 'redis'\n", "; a configuration is checked by `lintdb drivers --config m.toml`\n"),
            ("[tool.lintdb.drivers.x]\n", "; a configuration is checked by `lintdb drivers --config m.toml`\n"),
        ],
    )
    def test_check_shows_how_a_model_begins(
        self, project: Project, capsys: pytest.CaptureFixture[str], text: str, cure: str
    ) -> None:
        project({"m.toml": text})
        assert main(["drivers", "--check", "m.toml"]) == 2
        said, _, hint = capsys.readouterr().err.partition("\nA model of your own begins like this")
        assert said == f"lintdb: error: m.toml: the table [driver] is missing{cure}"
        project({"m.toml": "\n".join(line.strip() for line in hint.splitlines()[1:])})
        assert main(["drivers", "--check", "m.toml"]) == 0

    def test_names_may_be_one_text_and_those_of_builtins(
        self, project: Project, capsys: pytest.CaptureFixture[str]
    ) -> None:
        text = FILE.replace('names = ["mycompany.db.get_conn"]', 'names = "mycompany.db.get_conn"')
        handles = (ROOT / "fixtures" / "own_models" / "handles.toml").read_text(encoding="utf-8")
        for name, model in {"m.toml": text, "h.toml": handles}.items():
            project({name: model})
            assert main(["drivers", "--check", name]) == 0
            assert capsys.readouterr().err == ""

    def test_method_among_functions_is_warned_of(self, project: Project, capsys: pytest.CaptureFixture[str]) -> None:
        text = FILE.replace('"mycompany.db.get_conn"', '"mycompany.db.get_conn", "mycompany.Db.get"')
        project(
            {"m.toml": text, "n.toml": f'{text}\n[kinds.db]\nfamily = "other"\nduty = "none"\ntypes = "mycompany.Db"\n'}
        )
        assert main(["drivers", "--check", "m.toml"]) == 0
        assert capsys.readouterr().err == (
            'warning: m.toml: "mycompany.Db.get" is what is called on the class itself, `Db.get()`; for a method of '
            'its objects, write a kind with `types = ["mycompany.Db"]` and "get" in `methods` (DRIVERS.md: a class of '
            "your own)\n"
        )
        assert main(["drivers", "--check", "n.toml"]) == 0
        assert capsys.readouterr().err == ""

    def test_schema(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["drivers", "--schema"]) == 0
        assert json.loads(capsys.readouterr().out)["title"] == "A driver model of lintdb"

    def test_one_version(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["drivers", "pymysql=0.9.3"]) == 0
        assert capsys.readouterr().out.startswith("PyMySQL 0.9.3 ")
        assert main(["drivers", "pymysql"]) == 0
        assert "before 1.0          end of with: is an error" in capsys.readouterr().out

    @pytest.mark.parametrize("arguments", [["redis", "--schema"], ["--schema", "--check", "m.toml"]])
    def test_options_that_exclude_each_other(self, project: Project, arguments: list[str]) -> None:
        project({"m.toml": FILE})
        assert main(["drivers", *arguments]) == 2


def test_a_model_of_lintdb_is_no_own_model() -> None:
    model = read_own_table("redis", {}, "lintdb.toml", "drivers.redis")
    with pytest.raises(ModelError, match="'redis' is a model of lintdb's"):
        catalog.load_driver("redis", None, (model,))


def test_a_kind_without_a_label_is_called_by_its_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = 'functions = [{ names = ["mycompany.lend"], acquires = "short_loan" }]\n'
    text += "[tool.lintdb.drivers.mycompany.kinds.short_loan]\nfamily = 'checkout'\n"
    text += "methods = [{ names = ['done'], releases = 'self' }]\n"
    monkeypatch.chdir(tmp_path)
    Path("pyproject.toml").write_text(HEAD + text, encoding="utf-8")
    Path("app.py").write_text("import mycompany\n\n\ndef f():\n    mycompany.lend()\n", encoding="utf-8")
    assert main(["check"]) == 1
    assert "LDB105 the mycompany short loan is never returned" in capsys.readouterr().out
