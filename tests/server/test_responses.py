"""`/v1/responses` over HTTP: whole and streamed the same, each event one of OpenAI's, conversations that go on.

`serving` checks every body and every event strictly against the models of the `openai` package.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Literal

import httpx
import openai
import pytest
from openai import OpenAI
from openai.types.responses import ResponseFunctionToolCall
from played import NAMES, STOP, PlayedService, Serving, call, serving
from pydantic import BaseModel

from cortex.core.chat import Assistant, System, ToolCall, ToolResult, User
from cortex.core.errors import BadRequest, EngineError, TooLong
from cortex.core.events import CallBegin, CallDelta, CallEnd, Done, Text, Tokens
from cortex.core.job import Chosen, Logprob, Usage
from cortex.server.kept import Kept, Memory
from cortex.server.wire import docs_responses as docs

Local = Serving[PlayedService]
TOOLS: Any = [
    {"type": "function", "name": "get_date", "parameters": {"type": "object", "properties": {}}, "strict": True},
    {"type": "function", "name": "get_weather", "description": "The weather."},
    {"type": "custom", "name": "patch"},
]
PATCH = [CallBegin(0, "call_0", "patch"), CallDelta(0, '{"inp'), CallDelta(0, 'ut": "a\\u00e'), CallDelta(0, '4\\n'),
         CallDelta(0, 'b"}'), CallEnd(0), STOP]  # fmt: skip


@pytest.fixture(scope="module")
def house() -> Iterator[Local]:
    with serving(PlayedService()) as running:
        yield running


@pytest.fixture
def local(house: Local) -> Local:
    """The one server of this file, as it was in the beginning."""
    service, fresh = house.service, PlayedService()
    service.scripts = fresh.scripts | {"patch": PATCH, "breaks": [Text("Well, "), EngineError("the engine failed")]}
    service.failures, service.warnings, service.asked = {}, (), []
    return house


def asked(model: str = "words", input: Any = "Hi", **more: Any) -> dict[str, Any]:
    return {"model": model, "input": input, **more}


def whole(http: httpx.Client, **sent: Any) -> dict[str, Any]:
    reply = http.post("/v1/responses", json=asked(**sent))
    assert reply.status_code == 200, reply.text
    docs.ResponseBody.model_validate(reply.json())
    return dict(reply.json())


def streamed(http: httpx.Client, **sent: Any) -> list[dict[str, Any]]:
    reply = http.post("/v1/responses", json=asked(**sent, stream=True))
    assert reply.status_code == 200, reply.text
    assert "[DONE]" not in reply.text
    return [json.loads(line.removeprefix("data: ")) for line in reply.text.splitlines() if line.startswith("data: ")]


def refused(http: httpx.Client, **sent: Any) -> tuple[int, str | None, str]:
    reply = http.post("/v1/responses", json=asked(**sent))
    return reply.status_code, reply.json()["error"]["param"], reply.json()["message"]


def same(response: dict[str, Any]) -> dict[str, Any]:
    """The response without what is another's in each answer."""
    output = [{key: value for key, value in item.items() if key != "id"} for item in response["output"]]
    return {**response, "id": "", "output": output}


@pytest.mark.parametrize("name", [*NAMES, "patch"])
def test_a_stream_ends_with_the_body_that_is_sent_without_streaming(http: httpx.Client, name: str) -> None:
    body, events = whole(http, model=name, tools=TOOLS), streamed(http, model=name, tools=TOOLS)
    assert [event["type"] for event in events[:2]] == ["response.created", "response.in_progress"]
    last = events[-1]
    assert last["type"] == f"response.{body['status']}"
    assert same(last["response"]) == same(body)


@pytest.mark.parametrize("name", [*NAMES, "patch"])
def test_the_pieces_of_a_stream_add_up_to_its_items(http: httpx.Client, name: str) -> None:
    events = streamed(http, model=name, tools=TOOLS)
    texts, begun, ended = dict[str, str](), list[Any](), list[Any]()
    for event in events:
        kind = event["type"].rpartition(".")[2]
        if kind == "delta":
            texts[event["item_id"]] = texts.get(event["item_id"], "") + event["delta"]
        elif event["type"] == "response.output_item.added":
            begun.append((event["output_index"], event["item"]["id"]))
        elif event["type"] == "response.output_item.done":
            ended.append(event["item"])
            assert begun[-1] == (event["output_index"], event["item"]["id"]), "one after the other"
    assert ended == events[-1]["response"]["output"]
    assert [index for index, _ in begun] == list(range(len(ended)))
    for item in ended:
        said = item.get("arguments") or item.get("input") or "".join(part["text"] for part in item.get("content", []))
        assert texts.get(item["id"], "") == said


def test_every_kind_of_event_that_clients_know_comes_in_order(http: httpx.Client) -> None:
    kinds = [event["type"].removeprefix("response.") for event in streamed(http, model="thinks and calls", tools=TOOLS)]
    assert kinds == [
        *("created", "in_progress"),
        *("output_item.added", "content_part.added", "reasoning_text.delta", "reasoning_text.done"),
        *("content_part.done", "output_item.done"),
        *("output_item.added", "function_call_arguments.delta", "function_call_arguments.done", "output_item.done"),
        "completed",
    ]
    kinds = [event["type"].removeprefix("response.") for event in streamed(http, model="words")]
    assert kinds[2:6] == ["output_item.added", "content_part.added", "output_text.delta", "output_text.delta"]
    assert kinds[-4:] == ["output_text.done", "content_part.done", "output_item.done", "completed"]


def test_a_reply_that_was_cut_off_says_so(http: httpx.Client) -> None:
    body = whole(http, model="cut", tools=TOOLS)
    assert (body["status"], body["incomplete_details"]) == ("incomplete", {"reason": "max_output_tokens"})
    assert (body["output"][0]["status"], body["completed_at"]) == ("incomplete", None)


def test_custom_tools_get_text_in_whole_characters(http: httpx.Client) -> None:
    (item,) = whole(http, model="patch", tools=TOOLS)["output"]
    assert (item["type"], item["name"], item["input"], item["call_id"]) == (
        "custom_tool_call",
        "patch",
        "aä\nb",
        "call_0",
    )
    events = streamed(http, model="patch", tools=TOOLS)
    assert [e["delta"] for e in events if e["type"].endswith("input.delta")] == ["a", "ä\n", "b"]


def test_a_failure_is_an_error_before_the_stream_and_an_event_in_it(http: httpx.Client) -> None:
    assert http.post("/v1/responses", json=asked("breaks")).status_code == 500
    *_, last = streamed(http, model="breaks")
    assert (last["type"], last["response"]["status"]) == ("response.failed", "failed")
    assert last["response"]["error"] == {"code": "server_error", "message": "the engine failed"}
    assert http.get(f"/v1/responses/{last['response']['id']}").status_code == 404


def test_usage_in_openais_words(http: httpx.Client) -> None:
    assert whole(http)["usage"] == {
        "input_tokens": 12,
        "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 8},
        "output_tokens": 7,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 19,
    }


def test_openais_client_creates_streams_and_parses(client: OpenAI, local: Local) -> None:
    class Day(BaseModel):
        day: str

    made = client.responses.create(model="two", input="Hi", tools=TOOLS)
    calls = [item for item in made.output if isinstance(item, ResponseFunctionToolCall)]
    assert [item.name for item in calls] == ["get_date", "get_weather"]
    with client.responses.stream(model="two", input="Hi", tools=TOOLS) as stream:
        deltas = "".join(event.delta for event in stream if event.type == "response.function_call_arguments.delta")
        final = stream.get_final_response()
    assert deltas == "".join(item.arguments for item in calls)
    assert [item.type for item in final.output] == ["function_call", "function_call"]
    parsed = client.responses.parse(model="json", input="Hi", text_format=Day)
    assert parsed.output_parsed == Day(day="Monday")
    assert local.service.asked[-1].schema_strict
    with client.responses.stream(model="json", input="Hi", text_format=Day) as stream:
        assert stream.get_final_response().output_parsed == Day(day="Monday")


def test_the_spelling_of_a_message_and_no_other_token_is_rated(http: httpx.Client, local: Local) -> None:
    def rated(text: str) -> Chosen:
        token = Logprob(text.encode(), -0.5)
        return Chosen(token, (token,))

    local.service.scripts["rated"] = [
        Tokens((rated("<tool_call>"), rated("{}"))), *call(0, "get_date", "{}"), Tokens((rated("</tool_call>"),)),
        Tokens((rated("O"), rated("k"))), Text("Ok"), Tokens((rated("!"),)), Text("!"), STOP,
    ]  # fmt: skip
    body = whole(http, model="rated", tools=TOOLS, top_logprobs=1, include=["message.output_text.logprobs"])
    (part,) = body["output"][1]["content"]
    assert [one["token"] for one in part["logprobs"]] == ["O", "k", "!"]
    assert part["logprobs"][0]["top_logprobs"] == [{"token": "O", "logprob": -0.5, "bytes": [79]}]
    events = streamed(http, model="rated", tools=TOOLS, top_logprobs=1)
    told = [event["logprobs"] for event in events if event["type"] == "response.output_text.delta"]
    assert [[one["token"] for one in logprobs] for logprobs in told] == [["O", "k"], ["!"]]


# -- conversations that go on ------------------------------------------------------------------------------------------


def test_a_response_goes_on_from_the_one_before(http: httpx.Client, local: Local) -> None:
    first = whole(http, model="call", tools=TOOLS, instructions="Be brief.", input="What day is it?")
    (made,) = first["output"]
    result = {"type": "function_call_output", "call_id": made["call_id"], "output": "Monday"}
    second = whole(http, model="words", previous_response_id=first["id"], input=[result])
    assert second["previous_response_id"] == first["id"]
    told = local.service.asked[-1].messages
    assert told == (
        User("What day is it?"),
        Assistant(calls=(ToolCall("call_0", "get_date", made["arguments"]),)),
        ToolResult("Monday", "call_0"),
    ), "instructions are not carried on"
    third = whole(http, previous_response_id=second["id"], input="And tomorrow?", instructions="Be kind.")
    assert local.service.asked[-1].messages == (
        System("Be kind."), *told, Assistant("Hello, wörld\n✓"), User("And tomorrow?"),
    )  # fmt: skip
    assert http.get(f"/v1/responses/{third['id']}").json() == third


def test_a_streamed_response_is_kept_too(http: httpx.Client, client: OpenAI, local: Local) -> None:
    last = streamed(http, input="Hi")[-1]["response"]
    client.responses.create(model="words", input="More", previous_response_id=last["id"])
    assert local.service.asked[-1].messages == (User("Hi"), Assistant("Hello, wörld\n✓"), User("More"))


def test_what_is_not_to_be_kept_is_not(http: httpx.Client) -> None:
    body = whole(http, store=False)
    assert http.get(f"/v1/responses/{body['id']}").status_code == 404
    status, param, said = refused(http, previous_response_id=body["id"])
    assert (status, param) == (400, "previous_response_id")
    assert "send its items" in said


def test_openais_client_fetches_lists_and_forgets(client: OpenAI, http: httpx.Client) -> None:
    first = client.responses.create(model="thinks", input="Hi", metadata={"a": "b"})
    second = client.responses.create(
        model="words",
        input=[{"role": "developer", "content": "Be brief."}, {"role": "user", "content": "More"}],
        previous_response_id=first.id,
    )
    assert client.responses.retrieve(first.id).metadata == {"a": "b"}
    items = [item.to_dict() for item in client.responses.input_items.list(second.id, order="asc", limit=2)]
    kinds = [(item.get("role"), item["type"]) for item in items]
    assert kinds == [("user", "message"), (None, "reasoning"), ("assistant", "message"), ("developer", "message"),
                     ("user", "message")]  # fmt: skip
    newest = http.get(f"/v1/responses/{second.id}/input_items", params={"limit": 1}).json()
    assert newest["has_more"]
    assert newest["first_id"] == newest["last_id"] == items[-1]["id"]
    client.responses.delete(first.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(first.id)
    client.responses.create(model="words", input="More", previous_response_id=second.id)


@pytest.mark.parametrize(
    ("params", "param"),
    [({"limit": 0}, "limit"), ({"limit": "x"}, "limit"), ({"order": "up"}, "order"), ({"after": "msg_0"}, "after")],
)
def test_a_page_that_there_is_not_is_refused(http: httpx.Client, params: dict[str, Any], param: str) -> None:
    reply = http.get(f"/v1/responses/{whole(http)['id']}/input_items", params=params)
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, param)


def test_what_has_ended_is_not_streamed_again(http: httpx.Client) -> None:
    reply = http.get(f"/v1/responses/{whole(http)['id']}", params={"stream": "true"})
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, "stream")


def test_an_item_is_referred_to_by_its_id(http: httpx.Client, local: Local) -> None:
    made = whole(http, model="call", tools=TOOLS)["output"][0]
    result = {"type": "function_call_output", "call_id": made["call_id"], "output": "Monday"}
    whole(http, input=[{"role": "user", "content": "Day?"}, {"type": "item_reference", "id": made["id"]}, result])
    assert local.service.asked[-1].messages[1] == Assistant(calls=(ToolCall("call_0", "get_date", made["arguments"]),))
    assert refused(http, input=[{"type": "item_reference", "id": "fc_0"}])[:2] == (400, "input.0.id")


def kept(number: int, text: str = "x") -> Kept:
    item = {"id": f"msg_{number}", "type": "message", "role": "user", "content": text}
    return Kept({"id": f"resp_{number}", "output": []}, (), (item,))


def test_only_so_many_are_kept_and_those_used_longest_ago_go_first() -> None:
    memory = Memory(most=2)
    memory.put(kept(1))
    memory.put(kept(2))
    assert memory.get("resp_1")
    memory.put(kept(3))
    assert [memory.get(f"resp_{number}") is not None for number in (1, 2, 3)] == [True, False, True]
    assert memory.item("msg_3") == kept(3).items[0]
    assert memory.item("msg_2") is None
    assert not memory.drop("resp_2")


def test_only_so_many_bytes_are_kept() -> None:
    memory = Memory(bytes=1000)
    for number in range(9):
        memory.put(kept(number, "x" * 300))
    assert [memory.get(f"resp_{number}") is not None for number in range(9)] == [False] * 7 + [True] * 2
    memory.put(kept(9, "x" * 2000))
    assert memory.conversation("resp_9") is None


# -- what the core and the service complain of ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "param", "says"),
    [
        (TooLong("shorten messages", param="messages"), "input", "shorten input"),
        (BadRequest("no", param="response_format", code="invalid_grammar"), "text.format", "no"),
        (BadRequest("reasoning_effort: no", param="reasoning_effort"), "reasoning.effort", "reasoning.effort: no"),
        (BadRequest("no", param="tools.0.parameters"), "tools.0.parameters", "no"),
    ],
)
def test_a_complaint_names_the_field_of_this_api(
    http: httpx.Client, local: Local, error: BadRequest, param: str, says: str
) -> None:
    local.service.failures["words"] = error
    assert refused(http) == (400, param, says)


def test_what_had_no_effect_is_named(http: httpx.Client, local: Local) -> None:
    local.service.warnings = ("verbosity has no effect: the model's chat template does not know it",)
    sent: Any = {"reasoning": {"effort": "low", "summary": "auto", "context": "auto"}, "colour": "red"}
    named = [
        "colour: this server knows no such field; it has no effect",
        "reasoning.summary has no effect: thoughts are told in full, and stay with their turn",
        "text.verbosity has no effect: the model's chat template does not know it",
    ]
    assert whole(http, **sent)["cortex"]["warnings"] == named
    assert streamed(http, **sent)[0]["response"]["cortex"]["warnings"] == named


Mode = Literal["auto", "required"]


@pytest.mark.parametrize("mode", ["auto", "required"])
def test_what_was_asked_is_repeated_as_it_is_in_force(http: httpx.Client, mode: Mode) -> None:
    """The models of the `openai` package check the forms."""
    form = {"type": "json_schema", "name": "day", "schema": {"type": "object"}, "strict": True}
    allowed = {"type": "allowed_tools", "mode": mode, "tools": [{"type": "function", "name": "get_date"}]}
    body = whole(http, tools=TOOLS, tool_choice=allowed, text={"format": form}, temperature=0.5, max_output_tokens=50)
    assert body["tool_choice"] == allowed
    assert body["text"]["format"] == form | {"description": None}
    assert [tool["name"] for tool in body["tools"]] == ["get_date", "get_weather", "patch"]
    assert (body["temperature"], body["max_output_tokens"], body["truncation"]) == (0.5, 50, "disabled")
    named = whole(http, tools=TOOLS, tool_choice={"type": "custom", "name": "patch"})
    assert named["tool_choice"] == {"type": "custom", "name": "patch"}
    assert not named["parallel_tool_calls"], "one that is named is called once"


def test_nothing_but_white_space_is_an_empty_message(http: httpx.Client, local: Local) -> None:
    local.service.scripts["blank call"] = [
        Text("\n"),
        *call(0, "get_date", "{}"),
        Text("\n"),
        Done("stop", Usage(1, 2)),
    ]
    assert [item["type"] for item in whole(http, model="blank call", tools=TOOLS)["output"]] == ["function_call"]
    assert whole(http, model="nothing")["output"][0]["content"][0]["text"] == ""
