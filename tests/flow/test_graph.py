"""The control flow graph: which ways exist, and above all which do not."""

from __future__ import annotations

import libcst as cst
import pytest

from lintdb.flow import ir
from lintdb.flow.builder import build_cfg
from lintdb.flow.cfg import CFG, EdgeKind
from lintdb.syntax.indexer import build_index


def graph(body: str, head: str = "def f(a, b, work):") -> CFG:
    text = head + "\n" + "\n".join(f"    {line}" for line in body.splitlines()) + "\n"
    index = build_index(cst.parse_module(text))
    return build_cfg(index.all_functions[1], index)


def paths(cfg: CFG, limit: int = 400) -> set[tuple[str, ...]]:
    """Return the calls on each way from the entry to an end, loops passed at most once, with the end's name."""
    found: set[tuple[str, ...]] = set()
    stack: list[tuple[int, tuple[str, ...], tuple[int, ...]]] = [(cfg.entry, (), ())]
    while stack and len(found) < limit:
        block_id, seen, visited = stack.pop()
        if visited.count(block_id) > 1:
            continue
        block = cfg.blocks[block_id]
        calls = tuple(
            cst.Module([]).code_for_node(operation.node).partition("(")[0]
            for operation in block.operations
            if isinstance(operation.node, cst.Call)
        )
        if block_id in (cfg.exit, cfg.raise_exit):
            found.add((*seen, "return" if block_id == cfg.exit else "raise"))
            continue
        for edge in block.edges():
            if edge.kind is not EdgeKind.RAISE or isinstance(block.terminator, ir.Raise):
                stack.append((edge.target, (*seen, *calls), (*visited, block_id)))
            if edge.kind is EdgeKind.RAISE and calls:
                # An exception leaves after any prefix of the calls; the longest that raises stands for them.
                stack.append((edge.target, (*seen, *calls[:-1]), (*visited, block_id)))
    return found


def test_finally_runs_on_every_way_out() -> None:
    ways = paths(graph("try:\n    work()\nfinally:\n    done()"))
    assert ("work", "done", "return") in ways
    assert ("done", "raise") in ways, "the exception goes on after the clean-up"
    assert ("done", "return") not in ways, "a way in by an exception never leaves as if nothing had happened"


def test_return_in_try_passes_finally_once() -> None:
    ways = paths(graph("try:\n    return work()\nfinally:\n    done()"))
    assert ("work", "done", "return") in ways
    assert not any(way.count("done") > 1 for way in ways)


def test_break_passes_finally_and_leaves_the_loop() -> None:
    ways = paths(graph("while True:\n    try:\n        break\n    finally:\n        done()\nafter()"))
    assert ("done", "after", "return") in ways
    assert ("after", "return") not in ways


def test_endless_loop_has_no_end() -> None:
    ways = paths(graph("while True:\n    work()"))
    assert not any(way[-1] == "return" for way in ways)


def test_else_runs_only_if_nothing_raised() -> None:
    ways = paths(graph("try:\n    work()\nexcept ValueError:\n    caught()\nelse:\n    fine()"))
    assert ("work", "fine", "return") in ways
    assert ("caught", "return") in ways
    assert not any("caught" in way and "fine" in way for way in ways)


def test_an_exception_in_a_handler_leaves_the_try() -> None:
    ways = paths(graph("try:\n    work()\nexcept ValueError:\n    caught()\nexcept KeyError:\n    other()"))
    assert not any("caught" in way and "other" in way for way in ways)


def test_swallowing_inner_manager_goes_on_inside_the_outer_one() -> None:
    cfg = graph("with a:\n    with b:\n        work()\n    inside()")
    assert ("inside", "return") in paths(cfg), "the inner manager may swallow what work() raises"


def test_process_end_is_an_end() -> None:
    cfg = graph("import sys\nif a:\n    sys.exit(1)\nwork()")
    assert ("work", "return") in paths(cfg)


@pytest.mark.parametrize(
    "statement", ["pass", "a = b", "a.x = b", "a = b + 1", "a = [b for b in a]", "print(a)", "len(a)"]
)
def test_what_cannot_raise(statement: str) -> None:
    cfg = graph(statement)
    raising = [
        operation for block in cfg.blocks for operation in block.operations if isinstance(operation.node, cst.Call)
    ]
    assert raising == []


def test_text_of_a_graph() -> None:
    text = graph("x = work(a)\nif x:\n    return 1").as_text()
    assert "work(a)" in text
    assert "if " in text
    assert "exceptions →" in text


@pytest.mark.parametrize(("levels", "is_whole"), [(6, True), (18, False)])
def test_each_level_of_finally_doubles_the_graph(levels: int, *, is_whole: bool) -> None:
    lines = []
    for level in range(levels):
        indent = "    " * level
        lines += [f"{indent}try:", f"{indent}    work()", f"{indent}except ValueError:", f"{indent}    b()"]
        lines.append(f"{indent}finally:")
    lines.append("    " * levels + "a()")
    cfg = graph("\n".join(lines))
    assert cfg.is_whole is is_whole
    assert len(paths(cfg, limit=3)) > 0
