"""Rule pages are programs too: what stands under Bad is reported as marked, what stands under Good is not."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lintdb import rulebook
from tests import harness

if TYPE_CHECKING:
    from _pytest.mark.structures import ParameterSet

PAGES = sorted((harness.ROOT / "rules").glob("LDB*.md"))

PAGE = """\
# LDB101: connection-not-closed

Before any section.

## Bad

Text.

```python
conn = connect()  # LDB101
## no heading
```

More text.

```text
output
```

## Good ##

````python
with connect() as conn:
    '''
```
    '''
````
"""


def examples_of_pages(section: str) -> list[ParameterSet]:
    parameters = []
    for path in PAGES:
        found = [each for each in rulebook.examples(path.read_text(encoding="utf-8")) if each.section == section]
        for number, example in enumerate(found, start=1):
            parameters.append(pytest.param(path.stem, example, id=f"{path.stem}-{section}-{number}"))
    return parameters


def check(code: str, example: rulebook.Example) -> harness.Checked:
    """Run an example with its page's code, or as its directive says."""
    return harness.check(f"rules/{code}.md", example.code, frozenset({code}))


def check_as_read(code: str, example: rulebook.Example) -> harness.Checked:
    """Run an example with the rules that are on by default, and its page's; of directives readers see the version."""
    text = re.sub(r"select=\S+", "", example.code)
    return harness.check(f"rules/{code}.md", text, harness.default_codes() | {code})


@pytest.mark.parametrize(("code", "example"), examples_of_pages("Bad"))
def test_bad_example(code: str, example: rulebook.Example) -> None:
    checked = check(code, example)
    if checked.marks:
        harness.fail_if(checked.all_problems(), checked.path, example.code, example.first_line)
        assert any(mark.code == code for mark in checked.marks), "a bad example must show the page's own defect"
    elif not any(finding.code == code for finding in checked.findings):
        pytest.fail(f"{checked.path}:{example.first_line}: nothing found in\n{example.code}", pytrace=False)


@pytest.mark.parametrize(("code", "example"), examples_of_pages("Good"))
def test_good_example(code: str, example: rulebook.Example) -> None:
    checked = check(code, example)
    harness.fail_if(checked.all_problems(), checked.path, example.code, example.first_line)
    assert not checked.findings, "a good example must be silent"


@pytest.mark.parametrize(("code", "example"), examples_of_pages("Bad"))
def test_bad_example_fires_beside_the_rules_that_are_on(code: str, example: rulebook.Example) -> None:
    """Who copies it, and turns the rule on if need be, finds what the page shows."""
    checked = check_as_read(code, example)
    shown = [mark for mark in checked.marks if mark.code == code and mark.kind == harness.EXPECTED]
    silent = [mark.line for mark in shown if not any(mark.fits(finding) for finding in checked.findings)]
    assert not silent, f"{checked.path}:{example.first_line}: nothing found in lines {silent} of\n{example.code}"


@pytest.mark.parametrize(("code", "example"), examples_of_pages("Good"))
def test_good_example_is_good_for_the_rules_that_are_on(code: str, example: rulebook.Example) -> None:
    """Who copies it is not told of something else."""
    checked = check_as_read(code, example)
    found = [f"{each.span.line}: {each.code} {each.message}" for each in checked.findings]
    assert not found, f"{checked.path}:{example.first_line}:\n  " + "\n  ".join(found)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_page_has_examples(path: Path) -> None:
    found = rulebook.examples(path.read_text(encoding="utf-8"))
    for example in found:
        ast.parse(example.code)
    # A file that cannot be parsed is no Python example.
    needed = {"Good"} if path.stem == "LDB002" else {"Bad", "Good"}
    assert needed <= {example.section for example in found}


class TestRulebook:
    def test_sections(self) -> None:
        found = rulebook.sections(PAGE)
        assert list(found) == ["Bad", "Good"]
        assert found["Bad"].startswith("Text.\n\n```python\nconn = connect()  # LDB101\n## no heading\n```\n")
        assert found["Bad"].endswith("```text\noutput\n```")

    def test_examples_are_the_python_blocks(self) -> None:
        assert rulebook.examples(PAGE) == [
            ("Bad", "conn = connect()  # LDB101\n## no heading\n", 10),
            ("Good", "with connect() as conn:\n    '''\n```\n    '''\n", 23),
        ]

    def test_example_names_its_line(self) -> None:
        lines = PAGE.splitlines()
        for example in rulebook.examples(PAGE):
            assert lines[example.first_line - 1] == example.code.splitlines()[0]

    def test_readers_see_the_version_that_an_example_is_about(self) -> None:
        page = "```python\n# lintdb-fixture: select=LDB1 target-version=redis:7.4,pymysql:1.0\na = 1\n```\n"
        shown = "```python\n# lintdb check --target-version redis=7.4,pymysql=1.0\na = 1\n```\n"
        assert rulebook.for_readers(page) == shown
        assert (
            rulebook.for_readers(page.replace(" target-version=redis:7.4,pymysql:1.0", "")) == "```python\na = 1\n```\n"
        )

    def test_block_at_the_end_of_the_page_may_be_open(self) -> None:
        assert rulebook.examples("```python\na = 1") == [("", "a = 1\n", 2)]

    def test_page_in_any_case(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "LDB101.md").write_text("# LDB101: ä\n", encoding="utf-8")
        monkeypatch.setattr(rulebook, "find_folder", lambda: tmp_path)
        assert rulebook.find_page("ldb101") == "# LDB101: ä\n"

    @pytest.mark.parametrize("code", ["LDB999", "../LDB101", "", "README"])
    def test_no_page(self, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "book").mkdir()
        (tmp_path / "LDB101.md").write_text("outside")
        monkeypatch.setattr(rulebook, "find_folder", lambda: tmp_path / "book")
        with pytest.raises(rulebook.PageNotFoundError, match="has no page"):
            rulebook.find_page(code)

    def test_no_folder(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(rulebook, "find_folder", lambda: None)
        with pytest.raises(rulebook.PageNotFoundError):
            rulebook.find_page("LDB101")

    def test_checkout_has_the_folder(self) -> None:
        assert rulebook.find_folder() == harness.ROOT / "rules"
