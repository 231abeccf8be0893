"""Custom tools: what their texts have to follow is enforced in every notation, and read back as it was."""

from __future__ import annotations

import json
import random
import re
from datetime import datetime

import lark
import pytest
from definitions import CASES, JSON, SUM, Case
from replies import DIALECTS, WEATHER, read
from test_random_model import Model, ends_of
from vocabulary import Marked, accepts

from cortex.core import custom, grammar
from cortex.core.chat import Assistant, Chat, Choice, Input, ToolCall, ToolResult, User
from cortex.core.defined.write import quoted, raw, verbatim
from cortex.core.dialect import Dialect
from cortex.core.errors import BadRequest
from cortex.core.lark import Lark
from cortex.core.parse import Reading
from cortex.core.plan import Plan, plan
from cortex.core.profile import Profile
from cortex.core.rules import Rules
from cortex.core.schema import arguments
from cortex.dialects import find

WITHOUT_JSON = ("minimax-m3", "gemma4", "functiongemma")  # whose arguments are never read as JSON
IN_JSON = {("beam", "json")}  # where a text might hold what closes it, it stands in JSON


def alone(rule: str, out: Lark) -> str:
    out.rule(rule, "start")
    return str(out)


def named(case: Case) -> str:
    return case.name


def spoken(dialect: Dialect) -> str:
    return dialect.name


def followed(case: Case, text: str) -> bool:
    """Whether another parser than ours says that the text follows the definition."""
    if case.input.syntax == "regex":
        return re.fullmatch(case.input.definition, text) is not None
    parser = lark.Lark(case.input.definition, parser="earley", lexer="dynamic_complete")
    try:
        parser.parse(text)
    except lark.exceptions.LarkError:
        return False
    return True


@pytest.mark.parametrize("case", CASES, ids=named)
def test_the_cases_mean_to_another_parser_what_they_mean_here(case: Case) -> None:
    assert [text for text in case.right if not followed(case, text)] == []
    assert [text for text in case.wrong if followed(case, text) and not text.endswith((" ", "\n"))] == []


@pytest.mark.parametrize("case", CASES, ids=named)
def test_a_text_follows_its_definition_in_quotes_and_raw(case: Case) -> None:
    out, code, bare = Lark({}), Lark({}), Lark({})
    in_json, in_code = alone(quoted(out, case.input), out), alone(quoted(code, case.input, "'"), code)
    as_it_is = alone(raw(bare, case.input, ()), bare)
    for text in (*case.right, *case.wrong):
        said = json.dumps(text, ensure_ascii=False)
        right = text in case.right
        assert accepts(in_json, said) is right, text
        assert accepts(in_code, "'" + said[1:-1].replace('\\"', '"').replace("'", "\\'") + "'") is right, text
        assert accepts(as_it_is, text) is right, text


def test_what_is_no_more_than_a_regular_expression_is_one_pattern() -> None:
    assert {case.name: verbatim(case.input) is not None for case in CASES} == {
        **dict.fromkeys(("patch", "quotes", "date", "escapes", "words"), True),
        **dict.fromkeys(("sum", "json", "lists"), False),
    }


def required(dialect: Dialect, case: Case, marked: Marked) -> str:
    return grammar.build(dialect, Rules((case.tool,), must=True, parallel=False), marked.specials)


@pytest.mark.parametrize("dialect", DIALECTS, ids=spoken)
def test_every_notation_enforces_the_text_and_reads_it_back(dialect: Dialect) -> None:
    for marked in (Marked(), Marked.of(dialect)):
        for case in CASES:
            built = required(dialect, case, marked)
            for text in case.right:
                said = dialect.write([("say", {"input": text})])
                if (dialect.name, case.name) in IN_JSON:
                    said = dialect.write([("say", json.dumps({"input": text}, ensure_ascii=False))])
                assert accepts(built, said, marked), said
                (call,) = read(dialect, [said], Reading({"say": arguments(case.tool)}, must=True)).calls
                assert json.loads(call.arguments) == {"input": text}
            for text in case.wrong:
                assert not accepts(built, dialect.write([("say", {"input": text})]), marked), text


def tails(case: Case) -> list[str]:
    """What texts like to end with, as it is and in quotes: a definition may be hard to come to the end of by chance."""
    texts = [text[at:] for text in case.right for at in (len(text) // 4, len(text) // 2)]
    return [*texts, *(json.dumps(text, ensure_ascii=False)[1:-1] for text in texts)]


@pytest.mark.parametrize("case", CASES, ids=named)
def test_the_random_model_says_only_what_another_parser_accepts(case: Case) -> None:
    chance = random.Random(case.name)
    model, finished = Model(chance, limit=1000), 0
    for number, dialect in enumerate(DIALECTS):
        marked = Marked.of(dialect) if number % 2 else Marked()
        likes = [*ends_of(dialect), *tails(case)]
        said = model.say(required(dialect, case, marked), marked, "", likes)
        if said is None:
            continue
        finished += 1
        (call,) = read(dialect, [said], Reading({"say": arguments(case.tool)}, must=True)).calls
        assert call.complete
        assert followed(case, json.loads(call.arguments)["input"]), said
    assert finished > len(DIALECTS) / 3


def planned(*inputs: Input, dialect: str = "hermes", **more: object) -> Plan:
    tools = tuple(custom.tool(f"say{at}", "Say it", each, f"tools.{at}.custom") for at, each in enumerate(inputs))
    chat = Chat((User("Hi"),), tools, **more)
    template = "{{ messages }}{% for t in tools %}{{ t | tojson }}{% endfor %}"
    return plan(chat, Profile("m", template, find(dialect), {}), datetime(2026, 1, 1))


def test_the_model_is_told_of_the_format_and_of_nothing_else() -> None:
    made = planned(SUM.input, Input(), Input("regex", "[a-z]+"))
    prompt = "".join(segment.text for segment in made.job.prompt)
    assert "must follow this Lark grammar:" in prompt
    assert "must follow this regular expression:\\n[a-z]+" in prompt
    assert prompt.count("must follow") == 2
    assert custom.FOLLOWS not in prompt


def test_each_definition_alone_tells_an_engine_which_is_at_fault() -> None:
    made = planned(Input(), SUM.input)
    (anything, sums) = made.parts()
    assert (anything.param, sums.param) == ("tools.0.custom", "tools.1.custom")
    assert accepts(sums.grammar, '{"input": "1 + 2"}')
    assert not accepts(sums.grammar, '{"input": "1 +"}')
    assert accepts(anything.grammar, '{"input": "anything"}')


def test_loose_json_is_held_to_the_definition_too() -> None:
    made = planned(JSON.input, dialect="qwen3-coder")
    call = '{{"name": "say0", "arguments": {{"input": {}}}}}'.format
    assert accepts(made.job.grammar, call(json.dumps('["a"]')))
    assert not accepts(made.job.grammar, call(json.dumps('["a"')))


@pytest.mark.parametrize("choice", [Choice(), Choice("none"), Choice("required", frozenset({"say0"}))])
@pytest.mark.parametrize(
    ("input", "says"),
    [
        (Input("lark", "start: foo"), "'foo', which is not defined"),
        (Input("regex", "(?=a)a"), "begins with '(?' cannot be enforced"),
        (Input("regex", "(a"), "is no regular expression"),
    ],
)
def test_what_cannot_be_followed_is_a_mistake_of_the_request(choice: Choice, input: Input, says: str) -> None:
    with pytest.raises(BadRequest) as caught:
        planned(input, choice=choice)
    assert caught.value.param == "tools.0.custom"
    assert caught.value.message.startswith("tools.0.custom ")
    assert says in caught.value.message


CHARACTERS = Input("lark", 'start: (TEXT start?) | "(" start ")"\nTEXT: /[^()]/')
TWISTED = Input("lark", 'start: (WORD | "\\"" start "\\"")*\nWORD: /[a-z\\n]+/')


def test_two_escapes_that_a_lexer_cannot_tell_apart_are_refused() -> None:
    with pytest.raises(BadRequest, match="begin with a backslash") as caught:
        planned(TWISTED)
    assert caught.value.param == "tools.0.custom"


@pytest.mark.parametrize("name", WITHOUT_JSON)
def test_a_text_that_may_hold_what_closes_it_is_refused_where_it_cannot_stand_in_json(name: str) -> None:
    tool = custom.tool(
        "say", "", Input("lark", 'start: (TEXT start?) | "(" start ")"\nTEXT: /[^()]/'), "tools.0.custom"
    )
    with pytest.raises(BadRequest, match="cannot be told from what closes it") as caught:
        grammar.build(find(name), Rules((tool,), must=True), {})
    assert caught.value.param == "tools.0.custom"


@pytest.mark.parametrize("dialect", DIALECTS, ids=spoken)
def test_functions_and_custom_tools_are_called_in_one_reply(dialect: Dialect) -> None:
    tools, calls = (SUM.tool, WEATHER), [("say", {"input": "1 + 2"}), ("get_weather", {"city": "x", "days": 1})]
    built = grammar.build(dialect, Rules(tools, must=True), {})
    for each in (calls, calls[::-1]):
        said = dialect.write(each)
        assert accepts(built, said), said
        found = read(dialect, [said], Reading({tool.name: arguments(tool) for tool in tools}, must=True)).calls
        assert [(call.name, json.loads(call.arguments)) for call in found] == each


@pytest.mark.parametrize("dialect", [each for each in DIALECTS if each.name not in WITHOUT_JSON], ids=spoken)
def test_a_text_that_may_hold_what_closes_it_stands_in_json_and_is_read_back(dialect: Dialect) -> None:
    tool = custom.tool("say", "", CHARACTERS, "tools.0.custom")
    text = 'a</parameter>"\n</x>(b)'
    arguments_in_json = json.dumps({"input": text}, ensure_ascii=False)
    ways = [dialect.write([("say", given)]) for given in ({"input": text}, arguments_in_json)]
    built = grammar.build(dialect, Rules((tool,), must=True, parallel=False), {})
    said = [way for way in ways if accepts(built, way)]
    assert said
    for way in said:
        (call,) = read(dialect, [way], Reading({"say": arguments(tool)}, must=True)).calls
        assert json.loads(call.arguments) == {"input": text}


def test_a_history_of_custom_calls_is_told_like_any_other() -> None:
    call = ToolCall("call_1", "say0", '{"input": "1 + 2"}')
    told = (User("Hi"), Assistant("", (call,)), ToolResult("3", "call_1"))
    tools = (custom.tool("say0", "Say it", SUM.input, ""),)
    for name in ("hermes", "qwen3-coder", "fallback"):
        profile = Profile("m", "{% for m in messages %}{{ m.content }}{% endfor %}", find(name), {})
        made = plan(Chat(told, tools), profile, datetime(2026, 1, 1))
        prompt = "".join(segment.text for segment in made.job.prompt)
        assert profile.dialect.write([("say0", {"input": "1 + 2"})]) in prompt
        assert "3" in prompt
