"""Every field of `POST /v1/responses`, once, as fields.py has those of a chat: obeyed, accepted or refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from cortex.server.wire import fields
from cortex.server.wire.decoding import MOST_LIKELY
from cortex.server.wire.fields import Accepted, Field, Obeyed, Refused, Table
from cortex.server.wire.known import keys
from cortex.server.wire.shapes import FLAG, INT, LIST, OBJECT, TEXT, TOOL_CHOICE, Json, span

_INPUT: Final[Json] = {"anyOf": [TEXT, {"type": "array", "minItems": 1, "items": OBJECT}]}
_TOOLS: Final[Json] = {
    "type": "array",
    "items": {"type": "object", "required": ["type", "name"], "properties": {"type": {"enum": ["function", "custom"]}}},
}
_STATELESS: Final = "responses are kept in memory only"
_OWN = (
    Field("input", Obeyed(), "A text, or the items of the conversation so far.", _INPUT),
    Field("instructions", Obeyed(), "A system message before the input; it is not carried on.", TEXT),
    Field("previous_response_id", Obeyed(), "Go on from this response, if it is still kept.", TEXT),
    Field("store", Obeyed(), "Keep the response, in memory, so that another can go on from it. Default true.", FLAG),
    Field("metadata", Obeyed(), "Up to 16 texts by name, kept with the response.", OBJECT),
    Field("tools", Obeyed(), "Functions and custom tools that the model may call.", _TOOLS),
    Field("tool_choice", Obeyed(), "Whether to call, and what: a mode, a named tool or allowed_tools.", TOOL_CHOICE),
    Field("text", Obeyed(), "`format`: text, json_object or json_schema; `verbosity`.", OBJECT),
    Field("reasoning", Obeyed(), "`effort`: how much to think, where the model's template knows it.", OBJECT),
    Field("max_output_tokens", Obeyed(), "The most tokens of the reply.", INT),
    Field("include", Obeyed(), "message.output_text.logprobs; what else there is is always included.", LIST),
    Field("top_logprobs", Obeyed(), "So many of the likeliest with each token.", span("integer", 0, MOST_LIKELY)),
    Field("stream_options", Obeyed(), "No option of a stream changes anything here.", OBJECT),
    Field("max_tool_calls", Accepted("it counts calls to OpenAI's own tools, and there are none here"), "", INT),
    Field("background", Refused("nothing is answered later than its request", (False,)), "false.", FLAG),
    Field("background_options", Refused("nothing is answered later than its request"), "null.", OBJECT),
    Field("conversation", Refused(f"{_STATELESS}: use previous_response_id"), "null.", OBJECT),
    Field("prompt", Refused("no prompt templates are kept here: send instructions"), "null.", OBJECT),
    Field("truncation", Refused("no item is left out silently", ("disabled",)), '"disabled".', TEXT),
    Field("context_management", Refused("no item is left out silently"), "null.", LIST),
    Field("image", Refused("only text can be read here"), "null.", OBJECT),
    Field("access_programs", Refused("this is OpenAI's own"), "null.", OBJECT),
)
_AS_IN_A_CHAT = (
    "model stream parallel_tool_calls temperature top_p user safety_identifier service_tier moderation "
    "prompt_cache_key prompt_cache_options prompt_cache_retention"
)
_BEYOND = (
    "seed stop frequency_penalty presence_penalty logit_bias top_k min_p repeat_penalty repeat_last_n dialect "
    "chat_template_kwargs add_custom_system_prompt engine cache_prompt ignore_eos typ_p min_keep tfs_z mirostat "
    "mirostat_tau mirostat_eta dynatemp_range dynatemp_exponent penalize_nl"
)
TABLE: Final[Table] = {
    row.name: row
    for row in (
        *_OWN,
        *(fields.FIELDS[name] for name in _AS_IN_A_CHAT.split()),
        *(fields.as_ours(fields.FIELDS[name]) for name in _BEYOND.split()),
    )
}
INCLUDED: Final = frozenset(
    {
        "message.output_text.logprobs",
        "reasoning.encrypted_content",
        "file_search_call.results",
        "web_search_call.results",
        "web_search_call.action.sources",
        "message.input_image.image_url",
        "computer_call_output.output.image_url",
        "code_interpreter_call.outputs",
    }
)
NESTED: Final[Mapping[str, frozenset[str]]] = keys(
    {
        "input.*": (
            "type id role content status phase name arguments input call_id output summary encrypted_content "
            "parsed_arguments"
        ),
        "input.*.content.*": "type text refusal annotations logprobs parsed prompt_cache_breakpoint",
        "input.*.summary.*": "type text",
        "input.*.output.*": "type text annotations logprobs prompt_cache_breakpoint",
        "tools.*": "type name description parameters strict format",
        "tools.*.format": "type syntax definition",
        "tool_choice": "type name mode tools",
        "text": "format verbosity",
        "text.format": "type name description schema strict",
        "reasoning": "effort summary generate_summary context mode",
        "stream_options": "include_obfuscation",
    }
)
