"""The corpus run: its list, its stable findings and their difference, on packages made here."""

from __future__ import annotations

import io
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

from benchmarks import corpus
from benchmarks.corpus import Package, Place

HASH = "0" * 64
LEAK = """\
import sqlite3


class Store:
    @staticmethod
    def size(path):
        conn = sqlite3.connect(path)
        return conn.execute("select count(*) from t").fetchone()[0]
"""


@pytest.fixture
def package(tmp_path: Path) -> Package:
    """A package that lies unpacked below `tmp_path`."""
    made = Package("shop", "1.0", f"shop==1.0 --hash=sha256:{HASH}")
    folder = tmp_path / "src" / made.folder
    folder.mkdir(parents=True)
    (folder / "store.py").write_text(LEAK)
    return made


class TestList:
    def test_holds_enough_packages_with_exact_versions(self) -> None:
        packages = corpus.parse_packages(corpus.PACKAGES.read_text(encoding="utf-8"))
        assert len({package.name.lower() for package in packages}) == len(packages) >= 25

    def test_application_by_commit(self) -> None:
        commit = "0123456789abcdef" * 2 + "01234567"
        (package,) = corpus.parse_packages(f"shop @ git+https://example.org/shop/shop@{commit}\n")
        assert (package.folder, package.repository, package.commit) == (
            "shop-0123456789ab", "https://example.org/shop/shop", commit,
        )  # fmt: skip

    @pytest.mark.parametrize(
        "line",
        [
            "shop", "shop>=1.0", "shop==1.0", f"shop==1.0 --hash=md5:{HASH}",
            "shop @ git+https://example.org/shop/shop@main", "shop @ git+https://example.org/shop/shop",
        ],
    )  # fmt: skip
    def test_refuses_what_is_not_exact(self, line: str) -> None:
        with pytest.raises(ValueError, match="not of the form"):
            corpus.parse_packages(f"# words\n\n{line}\n")

    def test_only(self) -> None:
        packages = corpus.parse_packages(f"a==1 --hash=sha256:{HASH}\nb.c==2.0 --hash=sha256:{HASH}\n")
        assert corpus.choose(packages, None) == packages
        assert [package.folder for package in corpus.choose(packages, "b.c")] == ["b.c-2.0"]
        with pytest.raises(ValueError, match="d, e"):
            corpus.choose(packages, "a,e,d")


class TestUnpack:
    def test_wheel(self, tmp_path: Path) -> None:
        with zipfile.ZipFile(tmp_path / "shop.whl", "w") as archive:
            archive.writestr("shop/a.py", "x = 1\n")
        corpus.unpack(tmp_path / "shop.whl", tmp_path / "out")
        assert (tmp_path / "out" / "shop" / "a.py").read_text() == "x = 1\n"

    @pytest.mark.parametrize(("name", "is_allowed"), [("shop/a.py", True), ("../a.py", False)])
    def test_source_distribution(self, tmp_path: Path, name: str, *, is_allowed: bool) -> None:
        with tarfile.open(tmp_path / "shop.tar.gz", "w:gz") as archive:
            entry = tarfile.TarInfo(name)
            entry.size = 6
            archive.addfile(entry, io.BytesIO(b"x = 1\n"))
        if is_allowed:
            corpus.unpack(tmp_path / "shop.tar.gz", tmp_path / "out")
            assert (tmp_path / "out" / name).read_text() == "x = 1\n"
        else:
            with pytest.raises(tarfile.OutsideDestinationError):
                corpus.unpack(tmp_path / "shop.tar.gz", tmp_path / "out")

    def test_what_is_there_is_not_fetched_again(self, tmp_path: Path, package: Package) -> None:
        corpus.fetch(package, tmp_path)
        assert not (tmp_path / "archives").exists()


def git(*words: str, folder: Path) -> str:
    identity = ("-c", "user.name=shop", "-c", "user.email=shop@example.org")
    done = subprocess.run(["git", *identity, *words], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


class TestApplication:
    @pytest.fixture
    def application(self, tmp_path: Path) -> Package:
        """A repository with two commits, of which the first is meant."""
        source = tmp_path / "source"
        source.mkdir()
        git("init", "--quiet", folder=source)
        git("config", "uploadpack.allowAnySHA1InWant", "true", folder=source)
        (source / "store.py").write_text(LEAK)
        git("add", "store.py", folder=source)
        git("commit", "--quiet", "-m", "first", folder=source)
        commit = git("rev-parse", "HEAD", folder=source)
        (source / "store.py").write_text("")
        git("commit", "--quiet", "-am", "second", folder=source)
        return Package("shop", commit[:12], "", source.as_uri(), commit)

    def test_is_fetched_and_checked_as_of_its_commit(self, tmp_path: Path, application: Package) -> None:
        corpus.fetch(application, tmp_path)
        run = corpus.check(application, tmp_path)
        assert [(place.path, place.code) for place in run.places] == [("store.py", "LDB101")]

    def test_commit_that_is_not_there(self, tmp_path: Path, application: Package) -> None:
        with pytest.raises(RuntimeError, match="git could not get shop"):
            corpus.fetch(application._replace(commit="0" * 40), tmp_path)


class TestPlaces:
    @pytest.mark.parametrize(
        ("line", "name"),
        [(1, corpus.MODULE), (4, "Store"), (5, "Store.size"), (7, "Store.size"), (8, "Store.size"), (99, "<module>")],
    )
    def test_function_at(self, line: int, name: str) -> None:
        assert corpus.function_at(LEAK, line) == name

    def test_functions_below_other_statements(self) -> None:
        text = (
            "try:\n    def f():\n        for x in y:\n            def g():\n                pass\nfinally:\n    z()\n"
        )
        assert [corpus.function_at(text, line) for line in (2, 3, 5, 7)] == ["f", "f", "f.g", corpus.MODULE]

    def test_no_python(self) -> None:
        assert corpus.function_at("def f(:\n    pass\n", 2) == corpus.MODULE

    def test_survive_writing_and_reading(self) -> None:
        places = [
            Place("b", "b/x.py", "LDB101", "f", 'conn = connect("ü")'),
            Place("a", "x.py", "LDB402", "<module>", ""),
        ]
        assert corpus.parse_places(corpus.render_places(places)) == sorted(places)

    def test_other_files_are_refused(self) -> None:
        with pytest.raises(ValueError, match="line 2 has 1 fields"):
            corpus.parse_places("a\tb\tLDB101\tf\tx\nno findings\n")


class TestDifference:
    ONE = Place("a", "x.py", "LDB101", "f", "conn = connect()")
    OTHER = Place("a", "x.py", "LDB121", "g", "conn = connect()")

    def test_order_does_not_count(self) -> None:
        assert corpus.render_difference([self.ONE, self.OTHER], [self.OTHER, self.ONE]) == ""

    def test_came_and_went(self) -> None:
        assert corpus.render_difference([self.ONE, self.ONE], [self.ONE, self.OTHER]).splitlines() == [
            "- " + "\t".join(self.ONE),
            "+ " + "\t".join(self.OTHER),
            "LDB101: 0 came, 1 went",
            "LDB121: 1 came, 0 went",
        ]

    def test_exit_code_says_whether_anything_differs(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        old, new = tmp_path / "old", tmp_path / "new"
        old.write_text(corpus.render_places([self.ONE]), encoding="utf-8")
        new.write_text(corpus.render_places([self.OTHER]), encoding="utf-8")
        assert corpus.main(["compare", str(old), str(old)]) == 0
        assert capsys.readouterr().out == "no difference\n"
        assert corpus.main(["compare", str(old), str(new)]) == 1
        assert "LDB121: 1 came, 0 went" in capsys.readouterr().out
        assert corpus.main(["compare", str(old), str(tmp_path / "none")]) == 2


class TestRun:
    def test_finds_and_times(self, tmp_path: Path, package: Package) -> None:
        run = corpus.check(package, tmp_path)
        leaks = [place for place in run.places if place.code == "LDB101"]
        assert leaks == [Place("shop", "store.py", "LDB101", "Store.size", "conn = sqlite3.connect(path)")]
        assert (run.files, run.lines, run.faults) == (1, 8, [])
        assert 0 < run.seconds["store.py"] < corpus.FILE_LIMIT_S
        assert "1 packages, 1 Python files, 8 lines (below the bar of 1,500,000)" in corpus.render_run([run], 1.0)

    def test_lines_that_move_change_nothing(self, tmp_path: Path, package: Package) -> None:
        before = corpus.check(package, tmp_path).places
        (tmp_path / "src" / package.folder / "store.py").write_text("\n\n" + LEAK.replace("select", "SELECT"))
        assert corpus.check(package, tmp_path).places == before

    def test_slow_files_are_faults(self, tmp_path: Path, package: Package, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(corpus, "FILE_LIMIT_S", 0.0)
        (fault,) = corpus.check(package, tmp_path).faults
        assert fault.startswith("store.py took ")

    def test_crashes_are_faults(self, tmp_path: Path, package: Package, monkeypatch: pytest.MonkeyPatch) -> None:
        crash = "def crash(*_, **options):\n    raise ZeroDivisionError('oh')\n\n\nengine.check_source = crash\n\n\n"
        broken = tmp_path / "broken_check.py"
        check = corpus.CHECK.read_text(encoding="utf-8")
        broken.write_text(check.replace("def main(", crash + "def main(", 1), encoding="utf-8")
        monkeypatch.setattr(corpus, "CHECK", broken)
        run = corpus.check(package, tmp_path)
        assert run.places == []
        assert any("ZeroDivisionError: oh" in fault for fault in run.faults)

    def test_unparsable_files_are_findings(self, tmp_path: Path, package: Package) -> None:
        (tmp_path / "src" / package.folder / "old.py").write_text("import sqlite3\nprint 'x'\n")
        run = corpus.check(package, tmp_path)
        assert [place.code for place in run.places if place.path == "old.py"] == ["LDB002"]
        assert run.faults == []

    def test_links_that_lead_nowhere_are_findings(self, tmp_path: Path, package: Package) -> None:
        (tmp_path / "src" / package.folder / "gone.py").symlink_to(tmp_path / "nowhere.py")
        run = corpus.check(package, tmp_path)
        gone = corpus.Place(package.name, "gone.py", "LDB002", corpus.MODULE, "")
        assert [place for place in run.places if place.path == "gone.py"] == [gone]
        assert run.faults == []

    def test_nothing_of_a_package_is_imported(self, tmp_path: Path, package: Package) -> None:
        folder = tmp_path / "src" / package.folder
        for name in ("click.py", "sqlite3.py", "sitecustomize.py", "conftest.py"):
            (folder / name).write_text("raise SystemExit('imported')\n")
        run = corpus.check(package, tmp_path)
        assert run.faults == []
        assert any(place.code == "LDB101" for place in run.places)

    def test_says_what_is_not_there(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert corpus.main(["run", str(tmp_path), "--only", "aiomysql"]) == 2
        assert "run `fetch` first; not there: aiomysql-" in capsys.readouterr().err
