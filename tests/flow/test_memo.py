"""Results that depend on each other: what is kept, and that looking for them comes to an end."""

from __future__ import annotations

from collections import Counter

import pytest

from lintdb.flow.memo import MAX_RUNS, Memo

Graph = dict[str, str]


class Reach:
    """Computes what can be reached from a node of a graph, which is a computation that depends on itself."""

    def __init__(self, graph: Graph, *, may_give_up: bool = True) -> None:
        self.graph = graph
        self.memo = Memo()
        self.runs: Counter[str] = Counter()
        self.may_give_up = may_give_up

    def of(self, node: str) -> frozenset[str] | None:
        return self.memo.get(node, lambda: self._find(node), may_give_up=self.may_give_up)

    def _find(self, node: str) -> frozenset[str]:
        self.runs[node] += 1
        self.memo.spend(1)
        found = {node}
        for target in self.graph[node]:
            found |= self.of(target) or frozenset()
        return frozenset(found)


def test_a_result_is_computed_once() -> None:
    reach = Reach({"a": "bc", "b": "c", "c": ""})
    assert reach.of("a") == frozenset("abc")
    assert reach.of("b") == frozenset("bc")
    assert set(reach.runs.values()) == {1}


@pytest.mark.parametrize("order", ["abc", "bca", "cab", "cba"])
def test_what_depends_on_itself_does_not_depend_on_who_asks_first(order: str) -> None:
    reach = Reach({"a": "b", "b": "c", "c": "a"})
    assert {node: reach.of(node) for node in order} == dict.fromkeys("abc", frozenset("abc"))


def test_what_was_cut_is_not_kept() -> None:
    reach = Reach({"a": "b", "b": "a"})
    reach.of("a")
    assert list(reach.memo.known()) == ["a"]


def tangle(size: int) -> Graph:
    nodes = "".join(chr(ord("A") + number) for number in range(size))
    return dict.fromkeys(nodes, nodes) | {"x": "Ay", "y": ""}


def test_a_tangle_is_given_up_at_once() -> None:
    reach = Reach(tangle(20))
    assert reach.of("x") == frozenset("xy"), "who asks for it goes on"
    assert all(reach.of(node) is None or node in (reach.of(node) or ()) for node in tangle(20))
    assert reach.runs.total() < 3 * MAX_RUNS


def test_what_may_not_be_given_up_is_not_kept_where_it_is() -> None:
    reach = Reach(tangle(12), may_give_up=False)
    assert reach.of("x") == frozenset("xy")
    assert "A" not in reach.memo.known()
    assert "x" not in reach.memo.known()


def test_an_error_leaves_no_computation_under_way() -> None:
    memo = Memo()

    def fail() -> int:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        memo.get("a", fail)
    assert memo.get("a", lambda: 1) == 1


SHARED = {"a": "bc", "b": "d", "c": "d", "d": "", "e": "f", "f": ""}


def test_what_is_shared_is_paid_once() -> None:
    reach = Reach(SHARED)
    reach.memo.begin(4)
    assert reach.of("a") == frozenset("abcd")
    assert reach.of("b") == frozenset("bd"), "it has been paid for"
    assert reach.of("e") is None, "nothing is left"
    assert reach.of("a") == frozenset("abcd")


def test_what_costs_too_much_uses_up_the_budget() -> None:
    reach = Reach(SHARED)
    reach.memo.begin(3)
    assert reach.of("a") is None
    assert reach.of("d") is None, "also where it was computed on the way"
    reach.memo.begin(4)
    assert reach.of("a") == frozenset("abcd")


@pytest.mark.parametrize("before", ["", "d", "b", "a", "fda", "ea"])
@pytest.mark.parametrize("graph", [SHARED, {"a": "b", "b": "ca", "c": "d", "d": "", "e": "f", "f": ""}])
@pytest.mark.parametrize("budget", range(8))
def test_what_was_asked_before_does_not_matter(before: str, graph: Graph, budget: int) -> None:
    cold, warm = Reach(graph), Reach(graph)
    for node in before:
        warm.of(node)
    cold.memo.begin(budget)
    warm.memo.begin(budget)
    assert [warm.of(node) for node in "bcae"] == [cold.of(node) for node in "bcae"]
