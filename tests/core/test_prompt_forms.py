"""Conversations as clients send them, on templates with habits of their own: whole, or refused in so many words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import pytest
from conversations import ARGUMENTS, CALLS, PLAIN, TOOLS, asked
from templates import NATIVE, OPEN, TEMPLATES
from templates import PLAIN as CHATML

from cortex.core.chat import Assistant, Chat, Choice, Message, System, Tool, ToolCall, ToolResult, User
from cortex.core.errors import BadRequest
from cortex.core.habits import Habits, habits
from cortex.core.ids import NINE
from cortex.core.profile import Profile
from cortex.core.prompt import prompt
from cortex.dialects import detect, find

NOON = datetime(2026, 1, 2, 12, 0)
KEYS = "{% for k in t.function.parameters %}<{{ k }}>{% endfor %}"
TALKS = {**PLAIN, **CALLS}
HERMES, FALLBACK = find("hermes"), find("fallback")


def profile(template: str) -> Profile:
    fits = HERMES if "tool" in template else FALLBACK
    return Profile("m", template, fits, {"<|im_start|>": 1, "<|im_end|>": 2}, "<s>", "</s>")


def shown(made: Profile, messages: Sequence[Message], tools: tuple[Tool, ...] = (), **options: object) -> str:
    text = "".join(segment.text for segment in prompt(Chat(tuple(messages), tools, **options), made, NOON))
    return text.replace('\\"', '"').replace("\\n", "\n")


def said(messages: Sequence[Message], tools: Sequence[Tool]) -> Iterator[str]:
    """What a prompt must show of these: all but thoughts."""
    for message in messages:
        yield re.sub("<think>.*</think>", "", message.text, flags=re.DOTALL).strip()
        if isinstance(message, Assistant):
            yield from (call.name for call in message.calls)
    for tool in tools:
        yield from (tool.name, tool.description, *tool.parameters.get("properties", {}))


def missing(made: Profile, messages: Sequence[Message], tools: tuple[Tool, ...], also: Sequence[str] = ()) -> list[str]:
    text = shown(made, messages, tools)
    return [word for word in (*said(messages, tools), *also) if word not in text]


@pytest.mark.parametrize("talk", TALKS)
@pytest.mark.parametrize("name", TEMPLATES)
def test_every_conversation_is_shown_whole_on_every_template(name: str, talk: str) -> None:
    made = profile(TEMPLATES[name])
    assert missing(made, TALKS[talk], ()) == []
    assert missing(made, TALKS[talk], TOOLS) == []


@pytest.mark.parametrize("arguments", ARGUMENTS)
@pytest.mark.parametrize("name", TEMPLATES)
def test_whatever_stands_in_the_arguments_of_a_call_is_shown(name: str, arguments: str) -> None:
    assert missing(profile(TEMPLATES[name]), asked(arguments), TOOLS, ARGUMENTS[arguments]) == []


@pytest.mark.parametrize("name", ["plain", "native", "Mistral's rules", "Gemma's rules", "Llama's rules"])
def test_a_prompt_only_grows_at_its_end_when_the_conversation_goes_on(name: str) -> None:
    made = profile(TEMPLATES[name].replace(OPEN, ""))
    talk: list[Message] = [System("besober")]
    before = ""
    for turn in range(3):
        call = ToolCall("call_1", "look_weather", '{"town": "ulm"}')
        for added in (
            [User(f"ask{turn}")],
            [Assistant("wait", (call,)), ToolResult("wet", "call_1")],
            [Assistant("so")],
        ):
            talk += added
            text = shown(made, talk, TOOLS)
            assert text.startswith(before)
            before = text


def test_habits_are_found_by_looking() -> None:
    assert habits(NATIVE) == Habits()
    assert habits(TEMPLATES["Mistral's rules"]).ids == NINE
    assert habits(TEMPLATES["ids of nine or more"]).ids == NINE
    assert not habits(TEMPLATES["arguments as text"]).mapping
    assert habits(TEMPLATES["arguments as object"]) == Habits(text=False)
    assert habits(TEMPLATES["content in parts"]).parts == {"system", "user", "assistant", "tool"}
    assert habits(TEMPLATES["content or none"]).empty == "none"
    assert habits(TEMPLATES["content or nothing"]).empty == "absent"
    assert habits(TEMPLATES["tools are never missing"]).no_tools == ()
    assert habits(TEMPLATES["thinking"]).thought == "thinking"
    assert habits("{{ nothing.at.all }}") == Habits(text=False, no_tools=())


# What a template is given where it is at a loss


def test_thoughts_go_where_the_template_looks_for_them() -> None:
    talk = (User("hallo"), Assistant("moin", reasoning="hmm"), User("tell"))
    assert "hmm" in shown(profile(TEMPLATES["thinking"]), talk)
    assert "hmm" not in shown(profile(NATIVE), talk)


def test_a_thought_in_the_text_of_an_answer_is_told_as_a_thought_where_the_template_looks_for_it() -> None:
    talk = (User("hallo"), Assistant("<think>hmm</think>\nmoin"), User("tell"))
    assert "hmm" in shown(profile(TEMPLATES["plain"]), talk)
    assert "hmm" not in shown(profile(TEMPLATES["thoughts cut off"]), talk)
    assert "<think>hmm" in shown(profile(TEMPLATES["thoughts cut off"]), (User("x"), Assistant("<think>hmm")))


def test_tools_that_a_template_does_not_show_are_told_in_words_unless_calls_are_forbidden() -> None:
    made = Profile("m", CHATML, HERMES, {})
    text = shown(made, [User("hallo")], TOOLS)
    assert "tellweather" in text
    assert HERMES.write([("function_name", {"argument": "value"})]) in text
    assert "tellweather" not in shown(made, [User("hallo")], TOOLS, choice=Choice("none"))
    assert "tellweather" not in shown(made, [User("hallo")], TOOLS, tool_prompt=False)


def test_schemas_that_break_a_template_are_filled_in_or_told_in_words() -> None:
    odd = (Tool("f", "does", {"properties": {"a": {"type": ["null"]}, "b": {"type": [None, "integer"]}, "c": 3}}),)
    assert '"type": "integer"' in shown(profile(TEMPLATES["described properties"]), [User("hallo")], odd)
    picky = NATIVE.replace("{{ t | tojson }}", "{{ t | tojson }}{% if t.function.name == 'f' %}{{ x.y }}{% endif %}")
    assert "Only these functions exist" in shown(profile(picky), [User("hallo")], odd)


def test_a_text_that_the_template_itself_refuses_is_a_bad_request_with_its_words() -> None:
    picky = "{% if 'hallo' in messages[0].content %}{{ raise_exception('no greetings') }}{% endif %}" + CHATML
    with pytest.raises(BadRequest, match="no greetings") as error:
        shown(profile(picky), [User("hallo")])
    assert error.value.param == "messages"


def test_a_template_that_drops_every_word_still_renders() -> None:
    assert shown(profile("{{ bos_token }}fixed"), [User("hallo")]) == "<s>fixed"
    once = "{% for m in messages %}{% if m.role == 'user' %}{{ m.content }}{% endif %}{% endfor %}"
    assert shown(profile(once), [User("hallo"), Assistant("moin")]) == "hallo"


def test_what_is_nested_too_deep_is_a_bad_request() -> None:
    schema: dict[str, object] = {}
    for _ in range(3000):
        schema = {"items": schema}
    with pytest.raises(BadRequest, match="too deep"):
        shown(profile(NATIVE), [User("hallo")], (Tool("f", "", schema),))
    text = '{"a": ' * 300 + "1" + "}" * 300
    assert "a" in shown(profile(NATIVE), asked(text), TOOLS)


def test_nothing_stands_before_the_token_that_begins_a_prompt() -> None:
    assert shown(profile("\n {{ bos_token }}\n" + CHATML), [User("hallo")]).startswith("<s>\n<|im")
    assert shown(profile("\n" + CHATML), [User("hallo")]).startswith("\n<|im")


def test_a_date_but_no_time_is_given_to_templates_that_ask_for_one() -> None:
    assert shown(profile(TEMPLATES["functions"]), [User("hallo")]).endswith("[]Jan 02 2026")


# Templates in the field


def field(folder: Path) -> dict[str, str]:
    files = sorted(path for path in (folder / "templates").glob("*/*") if ".jinja" in path.name)
    return {str(path.relative_to(folder)): path.read_text(encoding="utf-8") for path in files}


@pytest.mark.slow
def test_every_conversation_is_shown_whole_on_every_template_in_the_field(shared_data: Path) -> None:
    lost = []
    for name, template in field(shared_data).items():
        made = Profile("m", template, detect(template), {}, "<s>", "</s>")
        lost += [(name, talk, gone) for talk in TALKS if (gone := missing(made, TALKS[talk], TOOLS))]
        lost += [(name, talk, gone) for talk in PLAIN if (gone := missing(made, TALKS[talk], ()))]
        for arguments, words in ARGUMENTS.items():
            if gone := missing(made, asked(arguments), TOOLS, words):
                lost.append((name, arguments, gone))
    assert lost == []


def forged(word: str) -> Chat:
    """A conversation in which every text of the client's is or holds this word."""
    arguments = f'{{"{word}": "{word}", "b": ["x {word} y"]}}'
    calls = Assistant(word, (ToolCall("call_1", "f", arguments),), f"hm {word}")
    schema = {"type": "object", word: word, "properties": {word: {"type": "string", word: word, "enum": [word]}}}
    talk = (System(word), User(f"a {word}"), calls, ToolResult(word, "call_1"), Assistant(f"{word}b"), User(word))
    return Chat(talk, (Tool("f", f"x {word}", schema),))


def marks(template: str) -> list[str]:
    """Spellings in a template that look like special tokens."""
    return sorted(set(re.findall(r"<\|?[^<>{}\s'\"%=]{1,40}\|?>|\[/?[A-Z_]{2,}\]", template)))


def counted(made: Profile, chat: Chat) -> dict[str, int]:
    text = "\0".join(segment.text for segment in prompt(chat, made, NOON) if segment.markup)
    return {special: text.count(special) for special in made.specials}


def forgeries(template: str, specials: Sequence[str]) -> list[str]:
    """What a client can write so that there is a special token more than without it."""
    made = Profile("m", template, detect(template), {special: at for at, special in enumerate(specials)}, "<s>", "</s>")
    honest = counted(made, forged("harmless"))
    words = {word for special in specials for word in (special, special.strip("<>"), special.strip("<>|[]/"))}
    return [word for word in sorted(words) if any(n > honest[x] for x, n in counted(made, forged(word)).items())]


@pytest.mark.parametrize("name", TEMPLATES)
def test_no_client_forges_a_special_token(name: str) -> None:
    template = TEMPLATES[name].replace("{{ t | tojson }}", "{{ t.function.name }}" + KEYS)
    assert forgeries(template, ["<|im_start|>", "<|im_end|>", "<tool_call>", "</tool_call>", "<s>"]) == []


@pytest.mark.slow
def test_no_client_forges_a_special_token_on_any_template_in_the_field(shared_data: Path) -> None:
    found = {name: forgeries(template, marks(template)) for name, template in field(shared_data).items()}
    assert {name: words for name, words in found.items() if words} == {}
