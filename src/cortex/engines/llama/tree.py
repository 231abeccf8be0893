"""Sequences of tokens by their beginnings: which of them share the most with a prompt. A radix tree; pure.

A search takes as long as what is found is long, however many sequences there are: 64 that share most of 30,000 tokens
are searched in the time of one comparison. So does adding tokens at the end of a sequence, and cutting some off.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from cortex.engines.llama.prefix import common

Key = TypeVar("Key", bound=Hashable)


@dataclass(slots=True, eq=False)
class Node(Generic[Key]):
    """`tokens` lead here from `parent`, `end` of them from the root; the sequences `keys` end here. But for the root,
    one without keys has at least two children."""

    tokens: list[int]
    end: int = 0
    parent: Node[Key] | None = None
    children: dict[int, Node[Key]] = field(default_factory=dict)  # by their first token
    keys: set[Key] = field(default_factory=set)


class Tree(Generic[Key]):
    """One sequence of tokens for each key; one that was never told of has none."""

    def __init__(self) -> None:
        self._root: Node[Key] = Node([])
        self._ends: dict[Key, Node[Key]] = {}

    def put(self, key: Key, tokens: Sequence[int]) -> None:
        """This is the key's sequence now."""
        self.drop(key)
        self.extend(key, tokens)

    def extend(self, key: Key, tokens: Sequence[int]) -> None:
        """These tokens follow in the key's sequence."""
        node = self._ends.get(key, self._root)
        if node.parent and not node.children and len(node.keys) == 1:
            node.tokens += tokens
            node.end += len(tokens)
            return
        node.keys.discard(key)
        self._end(key, self._walk(node, tokens))
        self._tidy(node)

    def cut(self, key: Key, keep: int) -> None:
        """Only the first `keep` tokens are left of the key's sequence."""
        last = node = self._ends.get(key, self._root)
        if keep >= node.end:
            return
        node.keys.discard(key)
        while node.parent and keep <= node.parent.end:
            node = node.parent
        if node.parent and keep < node.end:
            node = self._shorten(node, keep - node.parent.end)
        self._end(key, node)
        self._tidy(last)

    def drop(self, key: Key) -> None:
        """Forget this key's sequence."""
        self.cut(key, 0)
        self._root.keys.discard(key)
        self._ends.pop(key, None)

    def longest(self, tokens: Sequence[int]) -> tuple[int, list[Key]]:
        """How many of these tokens a sequence begins with at most, and all sequences that do; none where it is 0."""
        node, known = self._root, 0
        while child := self._child(node, tokens, known):
            node, length = child, len(child.tokens)
            part = tokens[known : known + length]
            if part != child.tokens:
                known += common(part, child.tokens)
                break
            known += length
        return known, [*_below(node)] if known else []

    def whole(self, tokens: Sequence[int]) -> Iterator[tuple[int, Key]]:
        """The sequences all of whose tokens are the beginning of these, with their lengths, the shortest first."""
        node: Node[Key] | None = self._root
        while node:
            yield from ((node.end, key) for key in node.keys)
            child = self._child(node, tokens, node.end)
            node = child if child and tokens[node.end : child.end] == child.tokens else None

    def _walk(self, node: Node[Key], tokens: Sequence[int]) -> Node[Key]:
        """The node where these tokens lead from another one, made where there is none."""
        at = 0
        while child := self._child(node, tokens, at):
            same = common(tokens[at : at + len(child.tokens)], child.tokens)
            node, at = child if same == len(child.tokens) else self._split(child, same), at + same
        if at == len(tokens):
            return node
        leaf = node.children[tokens[at]] = Node(list(tokens[at:]), node.end + len(tokens) - at, node)
        return leaf

    def _child(self, node: Node[Key], tokens: Sequence[int], at: int) -> Node[Key] | None:
        return node.children.get(tokens[at]) if at < len(tokens) else None

    def _shorten(self, node: Node[Key], keep: int) -> Node[Key]:
        """The node that ends after so many of this one's tokens: itself where nothing needs the rest."""
        if node.keys or node.children:
            return self._split(node, keep)
        node.end -= len(node.tokens) - keep
        del node.tokens[keep:]
        return node

    def _split(self, node: Node[Key], keep: int) -> Node[Key]:
        """A new node between this one and its parent, after so many of its tokens."""
        upper = Node(node.tokens[:keep], node.end - len(node.tokens) + keep, node.parent)
        if node.parent:
            node.parent.children[node.tokens[0]] = upper
        del node.tokens[:keep]
        node.parent, upper.children[node.tokens[0]] = upper, node
        return upper

    def _end(self, key: Key, node: Node[Key]) -> None:
        node.keys.add(key)
        self._ends[key] = node

    def _tidy(self, node: Node[Key]) -> None:
        """Nodes from this one up that nothing needs any more go, or become one with their only child."""
        while node.parent and not node.keys and not node.children:
            del node.parent.children[node.tokens[0]]
            node = node.parent
        if node.parent and not node.keys and len(node.children) == 1:
            self._join(node, *node.children.values())

    def _join(self, node: Node[Key], child: Node[Key]) -> None:
        node.tokens += child.tokens
        node.end, node.children, node.keys = child.end, child.children, child.keys
        for below in node.children.values():
            below.parent = node
        self._ends |= dict.fromkeys(node.keys, node)


def _below(node: Node[Key]) -> Iterator[Key]:
    """The sequences that lead through this node."""
    nodes = [node]
    while nodes:
        node = nodes.pop()
        yield from node.keys
        nodes += node.children.values()
