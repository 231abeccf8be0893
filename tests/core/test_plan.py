"""What is decided before the first token."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest
from replies import NOW, TOOLS, WEATHER
from vocabulary import accepts

from cortex.core.chat import Chat, Choice, Sampling, Tool, User
from cortex.core.errors import BadRequest
from cortex.core.job import Part
from cortex.core.plan import Plan, another, plan
from cortex.core.profile import Profile
from cortex.dialects import find

PROFILE = Profile("m", "{{ messages[0].content }}", find("fallback"), {})
CALL = PROFILE.dialect.write([("now", {})])


def planned(chat: Chat, profile: Profile = PROFILE) -> Plan:
    return plan(chat, profile, datetime(2026, 1, 1))


def chat(**options: object) -> Chat:
    return Chat((User("Hi"),), **options)


def test_a_plain_chat_is_free() -> None:
    sampling = Sampling(temperature=0)
    found = planned(chat(sampling=sampling, max_tokens=5, stop=("x",)))
    assert (found.job.grammar, found.parts(), found.job.max_tokens, found.stop) == (None, (), 5, ("x",))
    assert found.job.sampling is sampling
    assert not found.reading.names


@pytest.mark.parametrize(
    ("options", "calls", "words", "names"),
    [
        ({}, True, True, {"get_weather", "now", "tag"}),
        ({"choice": Choice("none")}, False, True, set()),
        ({"choice": Choice("required")}, True, False, {"get_weather", "now", "tag"}),
        ({"choice": Choice("required", frozenset({"now"}))}, True, False, {"now"}),
        ({"choice": Choice("required", frozenset({"tag"}))}, False, False, {"tag"}),
        ({"choice": Choice("auto", frozenset({"now", "tag"}))}, True, True, {"now", "tag"}),
    ],
)
def test_each_choice_has_its_grammar_and_its_reading(
    options: dict[str, object], calls: bool, words: bool, names: set[str]
) -> None:
    found = planned(chat(tools=TOOLS, **options))
    assert found.job.grammar
    assert accepts(found.job.grammar, CALL) is calls
    assert accepts(found.job.grammar, "In words.") is words
    assert set(found.reading.names or ()) == names
    assert found.reading.must is (not words)


def test_a_schema_for_the_answer_holds_with_tools_and_without() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    for tools, choice in (((), Choice()), (TOOLS, Choice()), (TOOLS, Choice("none"))):
        found = planned(chat(tools=tools, schema=schema, choice=choice))
        assert found.job.grammar
        assert accepts(found.job.grammar, '{"a": 1}')
        assert not accepts(found.job.grammar, '{"a": "b"}')
        assert accepts(found.job.grammar, CALL) is (bool(tools) and choice.mode == "auto")
        assert found.parts()[-1].param == "response_format"
    assert not planned(chat(tools=TOOLS, schema=schema)).reading.loose


def test_each_tools_schema_can_be_tried_alone() -> None:
    parts = planned(chat(tools=(WEATHER, NOW))).parts()
    assert [part.param for part in parts] == ["tools.0.function.parameters", "tools.1.function.parameters"]
    assert accepts(parts[0].grammar, '{"city": "a", "days": 1}')
    assert accepts(parts[1].grammar, "{}")


def test_what_of_the_schemas_is_not_enforced_is_a_warning() -> None:
    odd = Tool("odd", parameters={"properties": {"a": {"not": {"minimum": 3}}}})
    found = planned(chat(tools=(NOW, odd)))
    assert found.warnings == ("tools.1.function.parameters.properties.a.not: not enforced",)
    assert planned(chat(tools=TOOLS)).warnings == ()


def test_one_odd_tool_does_not_spoil_the_others() -> None:
    odd = Tool(
        "odd", parameters={"properties": {"a": {"$ref": "https://example.org/a.json"}, "b": {"pattern": "(?=x)"}}}
    )
    found = planned(chat(tools=(NOW, odd), choice=Choice("required")))
    assert found.job.grammar
    assert accepts(found.job.grammar, CALL)


@pytest.mark.parametrize(
    ("options", "param"),
    [
        (
            {"tools": (NOW, Tool("t", parameters={"properties": {"x": {"not": {"minimum": 3}}}}, strict=True))},
            "tools.1.function.parameters.properties.x.not",
        ),
        (
            {"schema": {"properties": {"x": {"not": {"minimum": 3}}}}, "schema_strict": True},
            "response_format.json_schema.schema.properties.x.not",
        ),
        (
            {"tools": (Tool("t", parameters={"properties": {"a": {"pattern": "("}}}),)},
            "tools.0.function.parameters.properties.a.pattern",
        ),
        ({"tools": TOOLS, "choice": Choice("required", frozenset({"nowhere"}))}, "tool_choice"),
        ({"choice": Choice("required")}, "tool_choice"),
        ({"tools": (NOW, Tool("t", parameters={"type": "string"}))}, "tools.1.function.parameters.type"),
    ],
)
def test_what_cannot_be_obeyed_is_a_bad_request_that_names_the_field(options: dict[str, object], param: str) -> None:
    with pytest.raises(BadRequest) as error:
        planned(chat(**options))
    assert error.value.param == param


def test_a_grammar_of_the_clients_own_is_the_jobs_and_all_that_is_said_is_text() -> None:
    template = "{{ messages[0].content }}<think>\n"
    found = planned(chat(grammar='root ::= "x"'), replace(PROFILE, template=template))
    assert found.job.grammar == 'root ::= "x"'
    assert found.parts() == (Part("grammar", 'root ::= "x"'),)
    assert found.reading.thought == "no"
    assert not found.reading.calls


@pytest.mark.parametrize("other", [{"tools": TOOLS}, {"tools": TOOLS, "choice": Choice("none")}, {"schema": {}}])
def test_a_grammar_of_the_clients_own_goes_with_nothing_else(other: dict[str, object]) -> None:
    with pytest.raises(BadRequest, match="together with") as error:
        planned(chat(grammar="x", **other))
    assert error.value.param == "grammar"


def test_what_is_asked_of_the_engine_reaches_the_job() -> None:
    job = planned(chat(logprobs=3, ignore_eos=True, prediction="so")).job
    assert (job.logprobs, job.ignore_eos, job.prediction) == (3, True, "so")


@pytest.mark.parametrize(
    ("template", "thinking", "text"),
    [
        ("{{ messages[0].content }}<think>\n", True, "so</think>Yes"),
        ("{{ messages[0].content }}{% if think %}<think>{% endif %}", False, "<think>so</think>Yes"),
        ("{{ messages[0].content }}", False, "Yes"),
    ],
)
def test_a_thought_may_come_where_the_template_knows_thoughts(template: str, thinking: bool, text: str) -> None:
    found = planned(chat(tools=TOOLS), replace(PROFILE, template=template))
    assert (found.reading.thought == "open") is thinking
    assert found.job.grammar
    assert accepts(found.job.grammar, text)
    silent = planned(chat(tools=TOOLS, choice=Choice("none")), replace(PROFILE, template=template))
    assert silent.job.grammar
    assert accepts(silent.job.grammar, text)


def test_the_parser_reads_with_the_plans_reading() -> None:
    parser = planned(chat(tools=TOOLS)).parser(lambda said: said or "call_1")
    assert [type(event).__name__ for event in parser.feed(CALL)][:2] == ["CallBegin", "CallDelta"]


def test_another_reply_to_the_same_request_draws_with_a_seed_of_its_own() -> None:
    seeded, free = planned(chat(sampling=Sampling(seed=7))), planned(chat(sampling=Sampling(seed=None)))
    assert [another(seeded, number).job.sampling.seed for number in range(3)] == [7, 8, 9]
    assert another(free, 2) is free


def test_thoughts_go_where_the_chat_wants_them() -> None:
    assert planned(chat(thoughts="both")).inline().thoughts == "both"
