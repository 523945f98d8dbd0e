"""The walk finds the right files in a stable order; the pool checks them all, whatever happens to one of them."""

from __future__ import annotations

import dataclasses
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from lintdb import files
from lintdb.engine import EngineOptions
from lintdb.files import FileTask, build_chunks, check_files, find_files
from lintdb.finding import Confidence, FileResult, Finding, Severity, Span
from lintdb.settings import PathPattern, Settings
from lintdb.source import SourceFile
from tests.harness import ROOT

OPTIONS = EngineOptions(
    codes=frozenset({"LDB101"}), min_confidence=Confidence.MEDIUM, target_versions={}, strict_cursors=False
)


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Make the current folder an empty one, and return a function that fills it."""
    monkeypatch.chdir(tmp_path)

    def make(paths: str) -> None:
        for path in paths.split():
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            Path(path).write_text("x = 1\n")

    return make


def found(*paths: str, force_exclude: bool = False, **changes: Iterable[str] | bool) -> list[str]:
    root = str(Path.cwd())
    settings = Settings.defaults(root)
    for name, value in changes.items():
        change: Any = value if isinstance(value, bool) else tuple(PathPattern(text, root) for text in value)
        settings = dataclasses.replace(settings, **{name: change})
    result = find_files(paths or (".",), lambda folder: settings, force_exclude=force_exclude)
    assert result.problems == ()
    return [path.replace(os.sep, "/") for path in result.files]


def test_python_files_in_stable_order(tree: Callable[[str], None]) -> None:
    tree("b.py a.py z/b.py a/x.py a/a.pyi README.md a/notpy a/b/c.py .hidden/h.py")
    assert found() == ["a.py", "b.py", ".hidden/h.py", "a/x.py", "a/b/c.py", "z/b.py"]


def test_paths_are_shown_as_they_were_given(tree: Callable[[str], None]) -> None:
    tree("a/x.py")
    absolute = str(Path("a").absolute())
    assert found("./a") == found("a") == found("a/") == ["a/x.py"]
    assert found(absolute) == [f"{absolute}/x.py"]


def test_a_file_is_checked_once(tree: Callable[[str], None]) -> None:
    tree("a/x.py a/y.py")
    assert found("a/y.py", ".", "a", "./a/x.py") == ["a/y.py", "a/x.py"]


def test_named_files_need_no_suffix(tree: Callable[[str], None]) -> None:
    tree("script x.txt")
    assert found("script", "x.txt") == ["script", "x.txt"]


def test_paths_that_lead_nowhere_are_told_apart(tree: Callable[[str], None]) -> None:
    tree("x.py")
    Path("dangling.py").symlink_to("gone.py")
    seen = find_files(["x.py", "./absent.py", "dangling.py"], Settings.defaults)
    assert seen.files == ("x.py", "dangling.py")
    assert [problem.path for problem in seen.absent] == ["absent.py"]


def test_default_excludes(tree: Callable[[str], None]) -> None:
    tree("a.py .venv/x.py venv/x.py a/node_modules/x.py build/x.py lib/site-packages/x.py a/.git/x.py a/builds/x.py")
    assert found() == ["a.py", "a/builds/x.py"]


def test_what_is_named_is_taken_unless_exclusion_is_forced(tree: Callable[[str], None]) -> None:
    tree("venv/x.py venv/node_modules/y.py gen/a/z.py")
    assert found("venv") == ["venv/x.py"]
    assert found("venv/x.py") == ["venv/x.py"]
    assert found("gen", exclude=["gen/a"]) == []
    assert found("gen/a", exclude=["gen/a"]) == ["gen/a/z.py"]
    assert found("venv", "venv/x.py", force_exclude=True) == []
    assert found("gen/a/z.py", exclude=["gen"], force_exclude=True) == []


def test_extend_exclude(tree: Callable[[str], None]) -> None:
    tree("a.py a_pb2.py venv/x.py docs/conf.py docs/x.py")
    assert found(extend_exclude=["*_pb2.py", "docs/conf.py"]) == ["a.py", "docs/x.py"]


def test_gitignore_is_obeyed_at_each_level(tree: Callable[[str], None]) -> None:
    tree("a.py out/x.py lib/gen.py lib/keep_gen.py lib/deep/gen.py lib/deep/local.py local.py data/a.py data/b.py")
    Path(".gitignore").write_text("out/\n*gen.py\n/data/*\n!/data/b.py\n")
    Path("lib/.gitignore").write_text("!keep_gen.py\n")
    Path("lib/deep/.gitignore").write_text("local.py\n")
    assert found() == ["a.py", "local.py", "data/b.py", "lib/keep_gen.py"]
    assert found("lib/deep") == []
    assert found("out") == ["out/x.py"]
    assert found("lib/gen.py") == ["lib/gen.py"]
    assert len(found(respect_gitignore=False)) == 9


def test_gitignore_of_the_repository_ends_at_its_root(tree: Callable[[str], None]) -> None:
    tree("repo/a.py repo/b.py repo/c.py repo/.git/HEAD")
    Path(".gitignore").write_text("a.py\n")
    Path("repo/.git/info").mkdir()
    Path("repo/.git/info/exclude").write_text("b.py\n")
    assert found("repo") == ["repo/a.py", "repo/c.py"]


def test_broken_line_in_gitignore_is_passed_over(tree: Callable[[str], None]) -> None:
    tree("a.py b.py")
    Path(".gitignore").write_bytes(b"!\n\xff\xfe\na.py\n")
    assert found() == ["b.py"]


def test_links_to_folders_are_not_followed_but_links_to_files_are(
    tree: Callable[[str], None], tmp_path_factory: pytest.TempPathFactory
) -> None:
    tree("a/x.py")
    Path("a/loop").symlink_to("..", target_is_directory=True)
    Path("a/self").symlink_to("self")
    outside = tmp_path_factory.mktemp("outside") / "y.py"
    outside.write_text("x = 1\n")
    Path("a/y.py").symlink_to(outside)
    assert found() == ["a/x.py", "a/y.py"]
    assert found("a/loop/a") == ["a/loop/a/x.py", "a/loop/a/y.py"]


def test_a_file_and_links_to_it_are_one(tree: Callable[[str], None]) -> None:
    tree("a/x.py b/own.py")
    for link in ("a.py", "b/x.py", "z.py"):
        Path(link).symlink_to(Path("a/x.py").absolute())
    Path("c").symlink_to("a", target_is_directory=True)
    assert found() == ["a/x.py", "b/own.py"]
    # Under its own name if that is among them, else under that of the first link.
    assert found("b") == ["b/own.py", "b/x.py"]
    assert found("z.py", "a.py", "b") == ["z.py", "b/own.py"]
    assert found("c", "b", "a/x.py", "a.py") == ["b/own.py", "a/x.py"]
    assert found("c/x.py", "c") == ["c/x.py"]
    assert found(exclude=["a"]) == ["a.py", "b/own.py"]


def test_links_that_lead_nowhere_are_all_reported(tree: Callable[[str], None]) -> None:
    tree("a/x.py")
    for link in ("x.py", "y.py"):
        Path(link).symlink_to("gone.py")
    assert found() == ["x.py", "y.py", "a/x.py"]


def test_broken_links_are_listed_so_that_they_are_reported(tree: Callable[[str], None]) -> None:
    Path("x.py").symlink_to("gone.py")
    Path("y.py").symlink_to("y.py")
    Path(".#x.py").symlink_to("me@host.1234")
    assert found() == ["x.py", "y.py"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes")
def test_named_pipe_is_left_alone(tree: Callable[[str], None]) -> None:
    os.mkfifo("x.py")
    assert found() == []


def test_folder_with_the_name_of_a_file_is_walked(tree: Callable[[str], None]) -> None:
    tree("x.py/y.py")
    assert found() == ["x.py/y.py"]


def test_unreadable_folder_is_a_problem(tree: Callable[[str], None], monkeypatch: pytest.MonkeyPatch) -> None:
    tree("a/x.py b/y.py")
    scandir = os.scandir

    def refuse(path: str) -> object:
        if path.endswith("a"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    result = find_files(["."], Settings.defaults)
    assert result.files == (str(Path("b/y.py")),)
    assert [(problem.path, problem.message) for problem in result.problems] == [
        ("a", "no permission to read the folder: grant it, or leave the folder out with `extend-exclude`")
    ]


@pytest.mark.parametrize(
    ("sizes", "count", "expected"),
    [
        ([], 3, []),
        ([0, 0], 3, [range(1), range(1, 2)]),
        ([10, 10, 10, 10], 2, [range(2), range(2, 4)]),
        ([1, 1, 1, 100, 1, 1], 3, [range(3), range(3, 4), range(4, 6)]),
    ],
)
def test_chunks_cover_all_files_in_order(sizes: list[int], count: int, expected: list[range]) -> None:
    chunks = build_chunks(sizes, count)
    assert [index for chunk in chunks for index in chunk] == list(range(len(sizes)))
    assert chunks == expected


def fake_check(source: SourceFile, options: EngineOptions, _projects: object = None) -> FileResult:
    """Find one thing per file, unless the file's text says what goes wrong instead."""
    if "die" in source.text:
        os._exit(3)
    if "crash" in source.text:
        raise KeyError("no such node")
    if "deep" in source.text or "endless" in source.text:
        raise RecursionError
    span = Span(1, 1, 1, 2)
    name = source.text.split()[0]
    return FileResult(
        source.path,
        (Finding(source.path, span, "LDB101", name, name, Severity.ERROR, Confidence.HIGH),),
    )


@pytest.fixture
def many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[int, str]], list[FileTask]]:
    """Return a function that makes forty files, some with another text, and the tasks to check them with the fake."""
    monkeypatch.setattr("lintdb.engine.check_source", fake_check)

    def make(texts: dict[int, str]) -> list[FileTask]:
        tasks = []
        for number in range(40):
            path = tmp_path / f"f{number:02}.py"
            path.write_text(texts.get(number, f"name{number}") + "\n" * (number % 7))
            tasks.append(FileTask(str(path), OPTIONS))
        return tasks

    return make


# The fake reaches a worker only by being inherited.
needs_fork = pytest.mark.skipif(multiprocessing.get_start_method() != "fork", reason="workers would not see the fake")


def run_in_pool(tasks: list[FileTask], monkeypatch: pytest.MonkeyPatch) -> tuple[FileResult, ...]:
    monkeypatch.setattr(files, "_SMALL_RUN_BYTES", 0)
    return check_files(tasks, jobs=2)


@needs_fork
def test_processes_change_nothing(
    many: Callable[[dict[int, str]], list[FileTask]], monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks = many({3: "crash", 7: "deep"})
    alone = check_files(tasks, jobs=1)
    assert run_in_pool(tasks, monkeypatch) == alone
    assert [result.path for result in alone] == [task.path for task in tasks]


@pytest.mark.parametrize(
    ("text", "message", "is_crash"),
    [
        ("crash", "KeyError: 'no such node'", True),
        ("endless", "RecursionError: ", True),
        ("deep" + ".x" * 200, "the code is nested too deeply to be followed: split it into smaller statements", False),
    ],
)
def test_crash_in_one_file_leaves_the_others(
    many: Callable[[dict[int, str]], list[FileTask]], text: str, message: str, is_crash: bool
) -> None:
    results = check_files(many({5: text}), jobs=2)
    problem = results[5].problem
    assert problem is not None
    assert problem.message.startswith(message)
    assert problem.is_crash is is_crash
    assert [len(result.findings) for result in results] == [1] * 5 + [0] + [1] * 34


@needs_fork
def test_death_of_a_process_costs_only_the_guilty_files(
    many: Callable[[dict[int, str]], list[FileTask]], monkeypatch: pytest.MonkeyPatch
) -> None:
    results = run_in_pool(many({4: "die", 5: "die", 33: "die"}), monkeypatch)
    guilty = [number for number, result in enumerate(results) if result.problem is not None]
    assert guilty == [4, 5, 33]
    assert all(result.problem is None or result.problem.is_crash for result in results)
    assert sum(len(result.findings) for result in results) == 37


def test_where_no_process_can_be_started_the_work_is_done_here(
    many: Callable[[dict[int, str]], list[FileTask]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **kwargs: object) -> object:
        raise OSError("no semaphores")

    monkeypatch.setattr("concurrent.futures.process.ProcessPoolExecutor", refuse)
    assert sum(len(result.findings) for result in run_in_pool(many({}), monkeypatch)) == 40


def test_missing_file_is_a_problem_but_no_crash(tmp_path: Path) -> None:
    (result,) = check_files([FileTask(str(tmp_path / "x.py"), OPTIONS)])
    assert result.problem is not None
    assert not result.problem.is_crash


@pytest.mark.parametrize("text", ["crash", "deep"])
def test_traceback_of_a_crash_is_shown_on_request(
    many: Callable[[dict[int, str]], list[FileTask]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    text: str,
) -> None:
    tasks = many({0: text})[:1]
    check_files(tasks)
    assert capsys.readouterr().err == ""
    monkeypatch.setenv("LINTDB_DEBUG", "1")
    check_files(tasks)
    assert "Traceback" in capsys.readouterr().err


def test_nothing_of_the_walk_loads_the_parser() -> None:
    code = "import sys, lintdb.files, lintdb.config, lintdb.suppress; sys.exit('libcst' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_processes_that_inherit_nothing(tmp_path: Path) -> None:
    for number in range(4):
        (tmp_path / f"f{number}.py").write_text("x = 1  # noqa: LDB101\n")
    script = tmp_path / "script"
    script.write_text(
        "import multiprocessing, sys\n"
        "from lintdb import cli, files\n"
        "if __name__ == '__main__':\n"
        "    multiprocessing.set_start_method('spawn')\n"
        "    files._SMALL_RUN_BYTES = 0\n"
        f"    sys.exit(cli.main(['check', '--jobs', '2', {str(tmp_path)!r}]))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ran = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False, env=environment)
    assert ran.stderr == "Found 4 findings in 4 files (checked 4 files)\n"
    assert ran.stdout.count("LDB001") == 4
