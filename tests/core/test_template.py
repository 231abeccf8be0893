"""Jinja as Hugging Face speaks it, and what a template of a stranger cannot do."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from cortex.core import sandbox
from cortex.core.template import TemplateError, asks, render

NOON = datetime(2026, 1, 2, 12, 0)
GROW = "{%% set ns = namespace(x='abcdefgh') %%}{%% for i in range(60) %%}{%% set ns.x = %s %%}{%% endfor %%}"
NEST = "{% set ns = namespace(x=['a']) %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}"


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ {'a': '<ü>'} | tojson }}", '{"a": "<ü>"}'),
        ("{{ 'ü' | tojson(ensure_ascii=true) }}", '"\\u00fc"'),
        ("{{ {'b': 1, 'a': 2} | tojson(indent=1, sort_keys=true) }}", '{\n "a": 2,\n "b": 1\n}'),
        ("{{ [1, 2] | tojson(separators=(',', ':')) }}", "[1,2]"),
        ("{{ [{'f': 1}] | map(attribute='f') | tojson }}", "[1]"),
        ("{{ ('{\"a\": [1]}' | from_json).a[0] }}{{ '2' | fromjson }}", "12"),
        ("{% for i in [1, 2, 3] %}{% if i == 2 %}{% break %}{% endif %}{{ i }}{% endfor %}", "1"),
        ("{% for i in [1, 2, 3] %}{% if i == 2 %}{% continue %}{% endif %}{{ i }}{% endfor %}", "13"),
        ("{% for i in [] %}{{ i }}{% else %}none{% endfor %}", "none"),
        ("{% for i in [1, 2] %}{{ loop.index }}{{ loop.last }}{% endfor %}", "1False2True"),
        ("{% generation %}said{% endgeneration %}", "said"),
        ("{% set a = 1 %}{% generation %}{% set a = 2 %}{{ a }}{% endgeneration %}{{ a }}", "21"),
        ("{{ strftime_now('%d %B %Y') }}", "02 January 2026"),
        ("  {% if true %}\nx{% endif %}", "x"),
        ("{{ nothing }}{{ {}.nothing }}|{{ nothing is defined }}", "|False"),
        ("{% set l = [1] %}{% set _ = l.append(2) %}{{ l }}{{ l.pop(0) }}", "[1, 2]1"),
        ("{% for k, v in {'a': 1}.items() %}{{ k ~ v }}{% endfor %}{{ {'a': 1} | items | list }}", "a1[('a', 1)]"),
        (
            "{{ 'a' + 'b' }}{{ [1] + [2] }}{{ 'ab' * 2 }}{{ 2 * 'ab' }}{{ 2 ** 3 }}{{ 7 % 4 }}",
            "ab[1, 2]ababab" + "ab83",
        ),
        ("{{ '%s-%03d' % ('a', 7) }}{{ '%s' | format('b') }}{{ '{:>3}'.format(4) }}", "a-007b  4"),
        ("{{ 'a-b'.split('-') | join('+') }}{{ ', '.join(['x', 'y']) }}{{ 'aXa'.replace('X', 'b') }}", "a+bx, yaba"),
        ("{% macro m(x) %}<{{ caller() }}{{ x }}>{% endmacro %}{% call m(1) %}c{% endcall %}", "<c1>"),
        ("{{ range(3) | list }}{{ 'ab' | center(6) }}|{{ 1.25 | round(1) }}", "[0, 1, 2]  ab  |1.2"),
        ("{{ {'a': (1, 'x')} }}", "{'a': (1, 'x')}"),
    ],
)
def test_templates_are_hugging_faces_dialect_of_jinja(template: str, text: str) -> None:
    assert render(template, {}, NOON) == text


@pytest.mark.parametrize(
    "template",
    [
        "{{ x.y.z }}",
        "{% if %}",
        "{{ 1 + 'a' }}",
        "{{ ''.__class__.__mro__ }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ 1 / 0 }}",
        "{{ {} | tojson(indent=x.y) }}",
        "{{ nothing | tojson }}",
        "{% include 'x' %}",
        "{{ 1 | no_such_filter }}",
        "{{ raise_exception('no') }}",
    ],
)
def test_whatever_a_template_does_is_a_template_error(template: str) -> None:
    with pytest.raises(TemplateError):
        render(template, {}, NOON)


@pytest.mark.parametrize(
    "template",
    [
        "{{ range(10**9) }}",
        "{% for a in range(9000) %}{% for b in range(9000) %}{% endfor %}{% endfor %}",
        "{% set l = [1] %}{% for i in l %}{% set _ = l.append(1) %}{% endfor %}",
        "{% macro f(n) %}{{ f(n) }}{% endmacro %}{{ f(1) }}",
        "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}",
        "{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}",
        "{% set l = [1] %}{% set _ = l.append(l) %}{{ l }}",
        "{{ 'a' * 10**9 }}",
        "{{ 10**9 * 'a' }}",
        "{{ 9 ** (9 ** 9) }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ '%1000000000d' | format(1) }}",
        "{{ '%*d' % (1000000000, 1) }}",
        "{{ '{:1000000000}'.format(1) }}",
        "{{ '{:{}}'.format(1, 1000000000) }}",
        "{{ 'a'.ljust(10**9) }}",
        "{{ 'a' | center(1000000000) }}",
        "{{ 'a\nb' | indent(width=1000000000) }}",
        "{{ [1] | batch(1000000000, 'x') | list }}",
        "{{ lipsum(1000000000) }}",
        GROW % "ns.x ~ ns.x",
        GROW % "ns.x + ns.x",
        GROW % "ns.x.replace('a', ns.x)",
        GROW % "ns.x.join([ns.x, ns.x])",
        NEST + "{{ ns.x }}",
        NEST + "{{ ns.x | tojson }}",
        NEST + "{{ {'a': ns.x} | string | length }}",
        "{% set x = 'a' * 1000000 %}{% for i in range(99) %}{{ x }}{% endfor %}",
    ],
)
def test_a_template_comes_to_an_end_and_stays_small(template: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "STEPS", 200_000)  # less patience than in the product: the tests are quicker
    monkeypatch.setattr(sandbox, "LONGEST", 2**20)
    with pytest.raises(TemplateError):
        render(template, {}, NOON)


def test_what_a_template_changes_is_its_own_copy() -> None:
    given: dict[str, Any] = {"messages": [{"role": "user"}]}
    assert render("{% set _ = messages.append(1) %}{{ messages | length }}", given, NOON) == "2"
    assert given == {"messages": [{"role": "user"}]}


def test_the_variables_that_a_template_asks_for_are_known() -> None:
    asked = asks("{% if enable_thinking %}{% for m in messages %}{{ m.tools }}{% endfor %}{% endif %}")
    assert asked == {"enable_thinking", "messages"}
    assert asks("{% if %}") == frozenset()


def rows(folder: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "templates" / name).read_text(encoding="utf-8").splitlines()]


def played(folder: Path, row: dict[str, Any], options: dict[str, Any]) -> str:
    messages = [
        {**message, "reasoning_content": message["reasoning"]} if "reasoning" in message else message
        for message in row["messages"]
    ]
    source = (folder / "templates" / row["template_file"]).read_text(encoding="utf-8")
    try:
        values = {"messages": messages, "tools": row["tools"], "documents": None, **options}
        return render(source, values, datetime(2025, 6, 28))
    except TemplateError as error:
        return f"{type(error).__name__}: {error}"


@pytest.mark.slow
def test_every_prompt_is_the_one_that_transformers_renders(shared_data: Path) -> None:
    given = [row for row in rows(shared_data, "render_reference_hf.jsonl") if "expected_prompt" in row]
    wrong = [row["id"] for row in given if played(shared_data, row, row["kwargs"]) != row["expected_prompt"]]
    assert given
    assert wrong == []


def test_every_prompt_is_the_one_that_two_other_servers_agree_on(shared_data: Path) -> None:
    given = [row for row in rows(shared_data, "render_cases.jsonl") if row["jinja_check"] == "match"]
    wrong = [row["id"] for row in given if played(shared_data, row, row["jinja_kwargs"]) != row["expected_prompt"]]
    assert given
    assert wrong == []
