"""A grammar is compiled once and serves many replies: what one of them said must not change what the next may say.

The lexer of a compiled grammar is shared by its copies and grows as it is used; it once took states for dead that were
not, depending on which texts had been read before.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from llguidance import LLMatcher
from replies import DIALECTS, TOOLS, TWO
from vocabulary import BYTES

from cortex.core import grammar
from cortex.core.dialect import Dialect
from cortex.core.rules import Rules

BARE = '{"name": "now", "arguments": {}}'
WORDS = ["Just text.", "```python\nnow()\n```\n", '{"name": "Bob"}', "now is the time {", "<think"]


def texts(dialect: Dialect) -> Sequence[str]:
    """Replies, beginnings of replies, and what only looks like one."""
    opener, closer = dialect.reasoning
    written = dialect.write(TWO)
    thought = f"{opener}so {{do}} it{closer}{dialect.joint or chr(10)}"
    slips = [f"[{BARE}]", f"Well.\n{BARE}", f"<tool_call>\n{BARE}\n</tool_call>"]
    return [written, thought + written, thought + "Done.", f"Let me see.\n{written}", *slips, *WORDS]


def heard(matcher: LLMatcher, text: str) -> tuple[int, bool]:
    """How much of the text is allowed, and whether it is a whole reply."""
    used = matcher.deep_copy()
    return used.try_consume_tokens(list(text.encode())), used.is_accepting()


@pytest.mark.slow
@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_a_compiled_grammar_remembers_nothing_of_other_replies(dialect: Dialect) -> None:
    lark = grammar.build(dialect, Rules(TOOLS, thought="may"), {})
    alone = {text: heard(LLMatcher(BYTES, lark, log_level=0), text) for text in texts(dialect)}
    assert len(set(alone.values())) > 2
    for order in (texts(dialect), texts(dialect)[::-1]):
        shared = LLMatcher(BYTES, lark, log_level=0)
        for text in order:
            assert heard(shared, text) == alone[text], (order, text)
