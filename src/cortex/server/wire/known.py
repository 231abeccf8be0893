"""Which keys the nested objects of a chat request may have, and which of a request's keys nobody knows."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from cortex.core.errors import BadRequest

# A pattern's `*` stands for any place in a list. Objects that are not listed here (schemas, metadata,
# template arguments) are the client's own, and are not looked into.
_MESSAGE = (
    "role content name tool_calls tool_call_id function_call refusal audio annotations parsed "
    "reasoning reasoning_content"
)
_KEYS = {
    "messages.*": _MESSAGE,
    "messages.*.content.*": "type text refusal image_url input_audio file cache_control prompt_cache_breakpoint",
    "messages.*.tool_calls.*": "id type index function custom",
    "messages.*.tool_calls.*.function": "name arguments parsed_arguments",
    "messages.*.tool_calls.*.custom": "name input",
    "messages.*.function_call": "name arguments",
    "tools.*": "type function custom name description format cache_control prompt_cache_breakpoint",
    "tools.*.function": "name description parameters strict",
    "tools.*.format": "type grammar syntax definition",
    "tools.*.format.grammar": "syntax definition",
    "tools.*.custom": "name description format",
    "tools.*.custom.format": "type grammar syntax definition",
    "tools.*.custom.format.grammar": "syntax definition",
    "tool_choice": "type function custom allowed_tools name mode tools",
    "tool_choice.function": "name",
    "tool_choice.custom": "name",
    "tool_choice.allowed_tools": "mode tools",
    "functions.*": "name description parameters strict",
    "function_call": "name",
    "response_format": "type json_schema schema",
    "response_format.json_schema": "name description schema strict",
    "prediction": "type content",
    "prediction.content.*": "type text prompt_cache_breakpoint",
    "stream_options": "include_usage include_obfuscation",
}
Nested = Mapping[str, frozenset[str]]


def keys(words: Mapping[str, str]) -> Nested:
    """The keys that each of these patterns' objects may have, of a line of words."""
    return {pattern: frozenset(line.split()) for pattern, line in words.items()}


NESTED: Nested = keys(_KEYS)


UNKNOWN = "this server knows no such field; it has no effect"


def idle(
    body: Mapping[str, Any], top: Collection[str], nested: Nested, *, strict: bool, why: str = UNKNOWN
) -> list[str]:
    """What the client sent to no effect: a warning for each field that no table names; under `strict` an error for the
    first one."""
    unknown = unknown_keys(body, frozenset(top), nested)
    if strict and unknown:
        raise BadRequest(f"{unknown[0]}: {why.partition(';')[0]}", param=unknown[0], code="unknown_parameter")
    return [f"{path}: {why}" for path in unknown]


def unknown_keys(body: Mapping[str, Any], top: frozenset[str], nested: Nested = NESTED) -> tuple[str, ...]:
    """The dotted places of all keys with a value that no table names; `top` are the request's own fields."""
    return tuple(_walk(body, "", "", {"": top, **nested}))


def _walk(value: Any, pattern: str, path: str, known: Mapping[str, frozenset[str]]) -> Iterator[str]:
    match value:
        case dict() if pattern in known:
            for key, inner in value.items():
                if key in known[pattern]:
                    yield from _walk(inner, _join(pattern, key), _join(path, key), known)
                elif inner is not None:
                    yield _join(path, key)
        case list():
            for index, inner in enumerate(value):
                yield from _walk(inner, _join(pattern, "*"), _join(path, str(index)), known)


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
