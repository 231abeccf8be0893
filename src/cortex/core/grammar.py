"""From dialect x tools x choice to one Lark grammar. Never any format: policy (who must call, how often) lives here,
once for all dialects; a dialect only says what a call looks like.

A reply is thoughts, and then either calls, or free text that may lead to calls (prose.py), or an answer that follows a
schema.
"""

from __future__ import annotations

from collections.abc import Mapping

from cortex.core.calls import Calls
from cortex.core.chat import Schema
from cortex.core.custom import is_ruled
from cortex.core.dialect import Dialect
from cortex.core.lark import Lark
from cortex.core.prose import Prose
from cortex.core.rules import Rules
from cortex.core.shapes import shaped


def build(dialect: Dialect, rules: Rules, specials: Mapping[str, int]) -> str:
    """The grammar of a reply that may hold calls, must follow a schema, or both."""
    calls = Calls(Lark(specials), dialect, rules)
    calls.out.rule(f"{calls.thoughts()} {body(calls)}", "start")
    return str(calls.out)


def silent(dialect: Dialect, rules: Rules, specials: Mapping[str, int]) -> str:
    """The grammar of a reply in words: no call to the tools can be read out of it, nor does it begin like one."""
    calls = Calls(Lark(specials), dialect, rules)
    calls.out.rule(f"{calls.thoughts()} {Prose(calls).silent()}", "start")
    return str(calls.out)


def body(calls: Calls) -> str:
    own = "" if not calls.rules.tools else calls.section(calls.dialect.notation)
    if calls.rules.must:
        return own
    if calls.rules.schema is None:
        return Prose(calls).auto()
    answer = calls.message(calls.out.json(calls.rules.schema, lenient=True))
    return f"( {own} | {answer} )" if own else answer


def check(schema: Schema, *, strict: bool = False) -> str:
    """A grammar of this schema alone: tells which of many cannot be compiled."""
    out = Lark({})
    out.rule(
        shaped(out, schema, lenient=not strict) if is_ruled(schema) else out.json(schema, lenient=not strict), "start"
    )
    return str(out)
