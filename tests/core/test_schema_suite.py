"""The field's schema suites, replayed: never silently weaker, and what is valid can be said.

All schemas with CORTEX_SCHEMA_SUITE=all, else every third. With `-s` the table by keyword is printed.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator, Draft202012Validator
from llguidance import LLMatcher
from spoken import Speaker, Spent
from vocabulary import BYTES

from cortex.core.enforce import NOTHING, Enforced, enforced
from cortex.core.grammar import check
from cortex.core.place import Nonsense
from cortex.engines.constraint import LIMITS

EVERY = 1 if os.environ.get("CORTEX_SCHEMA_SUITE") == "all" else 3
FOUND, TRIED = 20_000, 400  # steps in which a valid value must be said, and in which an invalid one is tried
NONSENSE = {"enum": [], "type": 123, "prefixItems": {"type": "string"}}  # what no schema may say, in these suites

# Valid values that are refused although nothing is named, each with the reason.
NARROWER = {
    "optional/format/time": "leap seconds are told in UTC only",
    "optional/float-overflow": "1e308 as an integer would have 309 digits",
    "draft7/ref/5": "what stands beside $ref counts, as in all drafts since 2019",
    "dynamicRef/13": "the other schema is not here; its properties are not known",
    "Github_hard---o38538": "the order of keys was not found",
    "Github_medium---o48116": "the order of keys was not found",
    "JsonSchemaStore---asmdef": "the order of keys was not found",
}  # fmt: skip


@dataclass
class Tally:
    """Counts by keyword: values that were said, refused, or accepted with a gap named; and the rest, by name."""

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def add(self, row: dict[str, Any], what: str) -> None:
        for keyword in {*keywords(row["schema"]), "(all)"}:
            self.counts.setdefault(keyword, Counter())[what] += 1

    def table(self) -> str:
        columns = ["valid said", "valid refused", "invalid refused", "invalid, gap named"]
        lines = [f"| keyword | {' | '.join(columns)} |", "| --- | ---: | ---: | ---: | ---: |"]
        for keyword in sorted(self.counts):
            lines.append(f"| `{keyword}` | {' | '.join(str(self.counts[keyword][name]) for name in columns)} |")
        return "\n".join(lines)


def keywords(schema: Any) -> Iterator[str]:
    """The keywords that occur in a schema, where they stand as keywords."""
    if isinstance(schema, list):
        for item in schema:
            yield from keywords(item)
    if isinstance(schema, dict):
        for key, value in schema.items():
            yield key
            names = key in ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
            if key not in ("enum", "const", "default", "examples"):
                yield from keywords(list(value.values()) if names and isinstance(value, dict) else value)


def rows(folder: Path) -> list[dict[str, Any]]:
    with (folder / "schemas" / "schemas.jsonl").open() as lines:
        return [json.loads(line) for number, line in enumerate(lines) if number % EVERY == 0]


def values(row: dict[str, Any], kind: str) -> list[Any]:
    """The suite's values; its texts are read as values, where they are not about one engine's spelling."""
    given = list(row[kind])
    if row.get("strict_mode") is not True:
        for text in row.get(f"{kind}_text", []):
            try:
                value = json.loads(text)
            except ValueError:
                continue
            draft = Draft202012Validator if "prefixItems" in str(row["schema"]) else Draft7Validator
            if draft(row["schema"]).is_valid(value) is (kind == "valid"):
                given.append(value)
    return given


def replay(row: dict[str, Any], found: Enforced, tally: Tally) -> None:
    matcher = LLMatcher(BYTES, check(found.schema, strict=True), log_level=0, limits=LIMITS)
    if matcher.is_error():
        refused = "nsatisfiable" in matcher.get_error() or found.schema == NOTHING
        if not refused or values(row, "valid"):
            tally.wrong.append(f"{row['id']}: {matcher.get_error()[:200]}")
        return
    speaker = Speaker(matcher, row["schema"])
    for value in values(row, "valid"):
        if said(speaker, value, FOUND):
            tally.add(row, "valid said")
        else:
            tally.add(row, "valid refused")
            if not any(part in row["id"] for part in NARROWER):
                tally.wrong.append(f"{row['id']}: refuses {json.dumps(value)[:150]}")
    for value in values(row, "invalid"):
        if not said(speaker, value, TRIED):
            tally.add(row, "invalid refused")
        elif found.gaps:
            tally.add(row, "invalid, gap named")
        else:
            tally.wrong.append(f"{row['id']}: silently accepts {json.dumps(value)[:150]}")


def said(speaker: Speaker, value: Any, steps: int) -> bool:
    try:
        return speaker.can(value, steps)
    except Spent:
        return False


@pytest.mark.slow
def test_nothing_invalid_is_accepted_silently_and_nothing_valid_refused(shared_data: Path) -> None:
    tally = Tally()
    for row in rows(shared_data):
        schema = row["schema"] if isinstance(row["schema"], dict) else {} if row["schema"] else NOTHING
        try:
            replay(row, enforced(schema), tally)
        except Nonsense as error:
            if NONSENSE.get(error.path[-1], ...) != schema.get(error.path[-1]) and schema != NOTHING:
                tally.wrong.append(f"{row['id']}: {error}")
    print(tally.table())  # noqa: T201
    assert not tally.wrong, "\n".join(tally.wrong)
    assert len(tally.counts) > 50


@pytest.mark.parametrize("text", ['{"b": 1, "a": [2, "x"]}', "2", '{"a": []}'])
def test_a_value_is_said_in_any_order_of_its_keys(text: str) -> None:
    schema = {"properties": {"a": {"items": {"type": ["integer", "string"]}}, "b": {}}}
    speaker = Speaker(LLMatcher(BYTES, check(schema, strict=True), log_level=0), schema)
    assert said(speaker, json.loads(text, parse_int=float), FOUND)
    assert not said(speaker, {"a": [1.5]}, TRIED)
    assert not said(speaker, {"b": 1, "a": [1]}, 3)
