"""Generated programs are run and analysed; lintdb must agree with what they do.

What lintdb is known to get wrong stands in `known.txt`, one line each. A new disagreement fails, and so does one that
is gone: then `python -m tests.truth.compare --write-known` brings the list up to date, and its diff says what changed.
"""

from __future__ import annotations

import pytest

from lintdb.finding import Confidence
from tests.truth import compare, verdicts
from tests.truth.execute import Program
from tests.truth.generator import generate


@pytest.mark.parametrize("chunk", compare.QUICK_CHUNKS, ids=lambda chunk: f"{chunk.start}-{chunk.stop - 1}")
def test_lintdb_agrees_with_what_programs_do(chunk: range) -> None:
    known = {line for line in compare.read_known() if int(line.split()[0]) in chunk}
    total = compare.tally(chunk, max_runs=compare.QUICK_RUNS)
    found = set(compare.known_lines(total))
    new, gone = sorted(found - known), sorted(known - found)
    message = [f"new: {line}" for line in new] + [f"gone, which is good: {line}" for line in gone]
    if message:
        message.append("python -m tests.truth.compare --explain SEED shows one; --write-known accepts all")
        pytest.fail("\n".join(message), pytrace=False)


def test_a_seed_gives_the_same_program() -> None:
    assert [generate(seed) for seed in range(20)] == [generate(seed) for seed in range(20)]


def test_programs_are_various() -> None:
    text = "".join(generate(seed) for seed in range(1000))
    for word in (
        "finally:", "else:", "except (KeyError, sqlite3.Error)", "with closing(", "ExitStack()", "match number:", ":=",
        "break", "continue", "return", "yield", "nullcontext()", "suppress(", "Store(", "make_or_none(", "while True:",
        "[work(item)", "begin immediate", "is not None", "cursor()", "def finish():", "rows_of(", "raise",
    ):  # fmt: skip
        assert word in text, word


LEAKS = """
import sqlite3

def subject(path, work, flag):
    conn = sqlite3.connect(path)
    try:
        if flag:
            return None
        work()
    except ValueError:
        pass
    conn.close()
"""


def test_a_truth_is_found_by_running() -> None:
    truth = Program(LEAKS).truth("subject")
    assert truth.is_complete
    assert {line: known.verdict for line, known in truth.connections.items()} == {5: "leaks"}


def test_a_path_that_only_an_error_takes() -> None:
    truth = Program(LEAKS.replace("return None", "flag = None")).truth("subject")
    assert {line: known.verdict for line, known in truth.connections.items()} == {5: "leaks on error"}


def test_a_disagreement_shrinks() -> None:
    text = LEAKS.replace("    conn.close()\n", "    work()\n    conn.close()\n    print(path)\n")
    verdict = verdicts.Verdict(verdicts.CONNECTIONS[0], 5, verdicts.FOUND, "it leaks; said: normal high")
    assert any(each == verdict for each in compare.compare_program(text).verdicts)
    smaller = compare.shrink(text, verdict)
    assert len(smaller) < len(text) / 2
    assert "sqlite3.connect(path)" in smaller


def test_confidence_is_heeded() -> None:
    unlikely = LEAKS.replace("ValueError", "sqlite3.Error").replace("return None", "flag = None")
    found = compare.compare_program(unlikely).verdicts
    assert not [each for each in found if each.is_disagreement]
    assert [each.confidence for each in compare.findings_of(unlikely)] == [Confidence.LOW]
