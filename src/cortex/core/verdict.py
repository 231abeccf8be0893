"""Whether a reply is what was expected of it, by what the source of the expectation looked at. Never parses a reply.

White space. Content and reasoning are compared stripped, and null is "". Where calls or thoughts stood between two
stretches of text, the white space around them is free: sources keep all of it, some of it or none.

Arguments are compared as JSON values: the order of keys is free, 1 is 1.0, true is not 1. A call that was cut off has
the arguments that its text amounts to once what is open in it is closed: `{"city": "Par` is `{"city": "Par"}`.

Scopes:
    full                    calls, reasoning and content
    tool_parser_only        calls; content unless null. Nobody split off a thought there, so the expected content may
                            hold it: ours is compared with and without the thought put back in its marks. Some sources
                            keep the text after the first call and some drop it: both are right
    reasoning_parser_only   reasoning and content. Nobody looked for calls there: where we read some, the expected
                            content holds their markup; then no word of it may be missing from our reply (`lost`), and
                            all of our text must stand in it
`inline`: the thought stays in the content, which is compared with the thought put back.
`lenient`: markers without a clean call, where sources fall back in ways of their own. Any reply is right that loses
nothing: every word of the output, except markup, is found in content, reasoning, names or arguments.
`untyped`: no tool says of which type an argument is: sources type a bare `42` or keep it as text. Both are right.
`silent`: the source looked only at what is there: null is not compared, nor arguments that it does not name.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby, takewhile
from typing import Any, Literal

from cortex.core.dialect import Dialect
from cortex.core.events import Call, CallBegin, Event, Reasoning, Text, fold
from cortex.core.loose import KEYS

Scope = Literal["full", "tool_parser_only", "reasoning_parser_only"]


@dataclass(frozen=True, slots=True)
class Expected:
    content: str | None = None
    reasoning: str | None = None
    calls: tuple[tuple[str, Any], ...] = ()
    scope: Scope = "full"
    inline: bool = False
    lenient: bool = False
    silent: bool = False
    untyped: bool = False


@dataclass(frozen=True, slots=True)
class Heard:
    """A reply as it is compared: its stretches of text and of thought, and its calls. `first` is the number of the
    texts that stand before the first call."""

    texts: tuple[str, ...]
    thoughts: tuple[str, ...]
    calls: tuple[Call, ...]
    first: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Problem:
    """One field that is not as expected, both sides in words."""

    field: str
    expected: str
    got: str


def heard(events: Sequence[Event]) -> Heard:
    """The reply that these events add up to. What stands between two calls or thoughts is a stretch of its own."""
    groups = [(kind, list(group)) for kind, group in groupby(events, type)]
    led = takewhile(lambda group: group[0] is not CallBegin, groups)
    return Heard(
        texts=tuple(fold(group).text for kind, group in groups if kind is Text),
        thoughts=tuple(fold(group).reasoning for kind, group in groups if kind is Reasoning),
        calls=tuple(fold(events).calls),
        first=sum(kind is Text for kind, _ in led),
    )


def unlike(one: Heard, other: Heard) -> tuple[Problem, ...]:
    """Where two readings of one text differ."""
    fields = (
        ("content", one.texts, other.texts),
        ("reasoning", one.thoughts, other.thoughts),
        ("calls", exact(one.calls), exact(other.calls)),
    )
    return tuple(Problem(name, dump(left), dump(right)) for name, left, right in fields if left != right)


def exact(calls: Iterable[Call]) -> list[tuple[str, str, bool]]:
    return [(call.name, call.arguments, call.complete) for call in calls]


def dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def problems(expected: Expected, got: Heard, text: str, dialect: Dialect) -> tuple[Problem, ...]:
    """Where the reply is not as expected; `text` is the output that it was read from."""
    found = tuple(differences(expected, got, dialect))
    if not found or not expected.lenient:
        return found
    gone = lost(text, got, dialect)
    return (*found, Problem("lost text", "nothing", dump(gone))) if gone else ()


def differences(expected: Expected, got: Heard, dialect: Dialect) -> Iterator[Problem]:
    if expected.scope != "reasoning_parser_only" and not same_calls(expected, got.calls):
        yield Problem("calls", dump(expected.calls), dump([(call.name, arguments(call)) for call in got.calls]))
    if looks_at_reasoning(expected) and not same_text(expected.reasoning, got.thoughts):
        yield Problem("reasoning", dump(expected.reasoning), dump("".join(got.thoughts) or None))
    if looks_at_content(expected) and not same_content(expected, got, dialect):
        yield Problem("content", dump(expected.content), dump("".join(got.texts) or None))


def looks_at_reasoning(expected: Expected) -> bool:
    if expected.scope == "tool_parser_only" or expected.inline:
        return False
    return expected.reasoning is not None or not expected.silent


def looks_at_content(expected: Expected) -> bool:
    return expected.content is not None or not (expected.silent or expected.scope == "tool_parser_only")


# Text


def same_text(expected: str | None, stretches: Iterable[str]) -> bool:
    """Whether these stretches, with any white space between them, are what was expected."""
    rest = expected or ""
    for stretch in map(str.strip, stretches):
        rest = rest.lstrip()
        if not rest.startswith(stretch):
            return False
        rest = rest.removeprefix(stretch)
    return not rest.strip()


def same_content(expected: Expected, got: Heard, dialect: Dialect) -> bool:
    if same_text(expected.content, got.texts) and not (expected.inline and got.thoughts):
        return True
    if expected.scope == "tool_parser_only" and got.calls and same_text(expected.content, got.texts[: got.first]):
        return True
    if expected.inline or expected.scope == "tool_parser_only":
        return any(same_text(expected.content, texts) for texts in put_back(got, dialect))
    if expected.scope == "reasoning_parser_only" and (got.calls or not got.texts):
        content = expected.content or ""
        return not lost(content, got, dialect) and all(text.strip() in content for text in got.texts)
    return False


def put_back(got: Heard, dialect: Dialect) -> Iterator[Sequence[str]]:
    """The content with the thought before it again: with both marks, or as it is where the prompt opened it."""
    if not got.thoughts:
        return
    yield (*got.thoughts, *got.texts)
    for span in dialect.thought:
        for before, after in ((span.open, span.close), ("", span.close), (span.open, "")):
            yield (before, *got.thoughts, after, *got.texts)


# Calls


def same_calls(expected: Expected, got: Sequence[Call]) -> bool:
    return len(expected.calls) == len(got) and all(
        name == call.name and same_json(value, looked_at(value, arguments(call), expected), untyped=expected.untyped)
        for (name, value), call in zip(expected.calls, got, strict=True)
    )


def looked_at(value: Any, given: Any, expected: Expected) -> Any:
    """The arguments less those that a silent source did not look at."""
    if expected.silent and isinstance(value, dict) and isinstance(given, dict):
        return {key: given[key] for key in given if key in value}
    return given


def arguments(call: Call) -> Any:
    """The call's arguments as a value; text that is no JSON stays text."""
    try:
        return json.loads(call.arguments) if call.complete else closed(call.arguments)
    except (ValueError, RecursionError):
        return call.arguments


def same_json(one: Any, other: Any, *, untyped: bool = False) -> bool:
    """Whether two values are the same. `untyped`: so are a number, true, false or null and the text that spells it."""
    match one, other:
        case dict(), dict():
            alike = (same_json(one[key], other[key], untyped=untyped) for key in one if key in other)
            return one.keys() == other.keys() and all(alike)
        case list(), list():
            pairs = zip(one, other, strict=False)
            return len(one) == len(other) and all(same_json(*pair, untyped=untyped) for pair in pairs)
        case (str() as text, (bool() | int() | float() | None) as value) if untyped:
            return text == dump(value)
        case ((bool() | int() | float() | None) as value, str() as text) if untyped:
            return text == dump(value)
        case (bool(), _) | (_, bool()):
            return one is other
        case _:
            return bool(one == other or (one != one and other != other))  # NaN is NaN here


def closed(text: str) -> Any:
    """The value of JSON text that was cut off: of its longest beginning that is JSON once what is open is closed."""
    for end in range(len(text), 0, -1):
        try:
            return json.loads(text[:end] + endings(text[:end]))
        except ValueError:
            continue
    return {}


def endings(text: str) -> str:
    """The marks that close what this beginning of JSON leaves open."""
    stack, escaped = "", False
    for char in text:
        if stack[:1] == '"':
            if char == '"' and not escaped:
                stack = stack[1:]
            escaped = char == "\\" and not escaped
        elif char in '"{[':
            stack = {"{": "}", "[": "]"}.get(char, char) + stack
        elif char in "}]":
            stack = stack[1:]
    return stack


# Lost text

TAG = re.compile(
    r"<[^\s<>][^<>\n]*>"  # <tool_call>, </arg_key>, <|channel|>, <function=f>
    r"|<[^\s<>]*\Z"  # one that the end of the text cut off
    r"|\[/?[A-Z_]+\]"  # [TOOL_CALLS]
)
ESCAPE = re.compile(r'\\u([0-9a-fA-F]{4})|\\[bfnrt"/\\]')
ENVELOPE = {*KEYS, "name", "id", "type", "function", "json"}  # what JSON around a call consists of, in any family
ALIKE = {"none": "null"}  # Python's words that are other words in JSON


def lost(text: str, got: Heard, dialect: Dialect) -> list[str]:
    """The words of an output that the reply does not hold, less markup.

    A word is a run of letters, digits and _, in any case. Markup is what stands in <...> or in [CAPITALS], and the
    words of the dialect's own notation. A word counts as often as it is there.
    """
    given = Counter(words(TAG.sub(" ", text)))
    kept = Counter(words(" ".join(spoken(got, dialect.notation.call.count("«name»")))))
    markup = ENVELOPE | set(words(" ".join(written(dialect))))
    return sorted(word for word in given - kept if word not in markup)


def written(dialect: Dialect) -> Iterator[str]:
    """Everything that the dialect itself puts around what a model says."""
    for notation in dialect.notations:
        yield replace(dialect, notation=notation).write([("", {"": ""}), ("", {"": ""})])
    for span in (*dialect.thought, *dialect.text):
        yield from (span.open, span.close)
    yield from (dialect.joint, *dialect.markup)


def spoken(got: Heard, names: int) -> Iterator[str]:
    """Everything that the reply holds; `names` says how often a call of the family spells its name."""
    yield from got.texts
    yield from got.thoughts
    for call in got.calls:
        yield from (*[call.name] * names, call.arguments)


def words(text: str) -> list[str]:
    plain = ESCAPE.sub(lambda found: chr(int(found[1], 16)) if found[1] else " ", text)
    return [ALIKE.get(word, word) for word in re.findall(r"\w+", plain.lower())]
