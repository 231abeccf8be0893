"""The tree of sequences against the same kept as lists, which are compared one by one."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from cortex.engines.llama.prefix import common
from cortex.engines.llama.tree import Node, Tree

TOKENS = st.lists(st.integers(0, 2), max_size=9)
KEYS = st.integers(0, 5)


def nodes(tree: Tree[int]) -> Iterator[Node[int]]:
    waiting = [tree._root]
    while waiting:
        yield (node := waiting.pop())
        waiting += node.children.values()


class Sequences(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.tree: Tree[int] = Tree()
        self.lists: dict[int, list[int]] = {}

    @rule(key=KEYS, tokens=TOKENS)
    def put(self, key: int, tokens: list[int]) -> None:
        self.tree.put(key, tokens)
        self.lists[key] = list(tokens)

    @rule(key=KEYS, tokens=TOKENS)
    def extend(self, key: int, tokens: list[int]) -> None:
        self.tree.extend(key, tokens)
        self.lists[key] = [*self.lists.get(key, []), *tokens]

    @rule(key=KEYS, keep=st.integers(0, 12))
    def cut(self, key: int, keep: int) -> None:
        self.tree.cut(key, keep)
        if key in self.lists:
            del self.lists[key][keep:]

    @rule(key=KEYS)
    def drop(self, key: int) -> None:
        self.tree.drop(key)
        self.lists.pop(key, None)

    @rule(tokens=TOKENS)
    def longest(self, tokens: list[int]) -> None:
        shared = {key: common(tokens, held) for key, held in self.lists.items()}
        most = max(shared.values(), default=0)
        length, keys = self.tree.longest(tokens)
        assert length == most
        assert sorted(keys) == sorted(key for key in shared if most and shared[key] == most)

    @rule(tokens=TOKENS)
    def whole(self, tokens: list[int]) -> None:
        expected = sorted((len(held), key) for key, held in self.lists.items() if tokens[: len(held)] == held)
        found = list(self.tree.whole(tokens))
        assert sorted(found) == expected
        assert [length for length, _ in found] == [length for length, _ in expected]

    @invariant()
    def it_has_no_node_too_many_and_knows_where_each_is(self) -> None:
        for node in nodes(self.tree):
            if parent := node.parent:
                assert node.keys or len(node.children) > 1
                assert parent.children[node.tokens[0]] is node
                assert node.end == parent.end + len(node.tokens)
            assert all(self.tree._ends[key] is node for key in node.keys)


Sequences.TestCase.settings = settings(max_examples=100, stateful_step_count=30)
test_a_tree_finds_what_lists_would = Sequences.TestCase


def test_a_sequence_that_is_another_ones_beginning_is_found_with_it() -> None:
    tree: Tree[str] = Tree()
    tree.put("short", [1, 2])
    tree.put("long", [1, 2, 3, 4])
    assert tree.longest([1, 2, 3, 9]) == (3, ["long"])
    assert (tree.longest([1, 2, 9])[0], set(tree.longest([1, 2, 9])[1])) == (2, {"short", "long"})
    assert list(tree.whole([1, 2, 3, 4, 5])) == [(2, "short"), (4, "long")]


def test_what_is_given_is_not_kept() -> None:
    """A tree that held a caller's list would change it, or change with it."""
    tokens = [1, 2]
    tree: Tree[str] = Tree()
    tree.put("a", tokens)
    tree.extend("a", [3])
    tokens.append(9)
    assert tree.longest([1, 2, 3]) == (3, ["a"])
    assert tokens == [1, 2, 9]
