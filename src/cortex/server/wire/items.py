"""The items of `/v1/responses`: what a client sends, made whole, and the core's messages of them.

An item that cannot be read is refused by its place: none is dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from cortex.core.chat import Assistant, Message, System, ToolCall, ToolResult, User
from cortex.core.errors import BadRequest
from cortex.server.wire.messages import call, custom_call
from cortex.server.wire.node import Node

Item = Mapping[str, Any]
_ROLES = '"user", "assistant", "system" or "developer"'
_KINDS = (
    '"message", "function_call", "function_call_output", "custom_tool_call", "custom_tool_call_output", "reasoning" '
    'or "item_reference"'
)
_PARTS = "a string or a list of text parts"
_TEXTS: Final = ("input_text", "output_text", "text", "summary_text", "reasoning_text")
_OTHERS: Final = ("input_image", "input_file", "input_audio")
PREFIXES: Final = {
    "message": "msg_",
    "function_call": "fc_",
    "function_call_output": "fco_",
    "custom_tool_call": "ctc_",
    "custom_tool_call_output": "ctco_",
    "reasoning": "rs_",
}
_HOSTED: Final = (  # and what OpenAI's own server makes of a long conversation
    "file_search_call",
    "web_search_call",
    "computer_call",
    "computer_call_output",
    "image_generation_call",
    "code_interpreter_call",
    "local_shell_call",
    "local_shell_call_output",
    "shell_call",
    "shell_call_output",
    "apply_patch_call",
    "apply_patch_call_output",
    "mcp_list_tools",
    "mcp_approval_request",
    "mcp_approval_response",
    "mcp_call",
    "tool_search_call",
    "tool_search_output",
    "additional_tools",
    "compaction",
    "compaction_trigger",
    "program",
    "program_output",
    "configuration_update",
)
Known = Callable[[str], Item | None]  # an item of an earlier response, by its id


def read_items(node: Node, new_id: Callable[[str], str], known: Known) -> tuple[Item, ...]:
    """What `input` holds, each item with an id, a type and its content as a list."""
    if isinstance(node.value, str):
        return (_message({"role": "user", "content": node.value}, new_id("msg_")),)
    items = tuple(_whole(item, new_id, known) for item in node.items())
    if not items:
        raise BadRequest("input must hold at least one item", param="input", code="empty_array")
    return items


def kind_of(node: Node) -> str:
    """The type of this item; what has only a role is a message. BadRequest for one that nobody here understands."""
    kind = node.get("type")
    if kind is None:
        node.need("role", _ROLES)
        return "message"
    if kind.string() in PREFIXES or kind.value == "item_reference":
        return kind.string()
    if kind.string() in _HOSTED:
        raise kind.refused("it is of a tool that OpenAI hosts, and this server runs none")
    raise kind.wrong(_KINDS)


def _whole(node: Node, new_id: Callable[[str], str], known: Known) -> Item:
    kind = kind_of(node)
    if kind == "item_reference":
        id = node.need("id", "the id of an item of an earlier response")
        if (found := known(id.string())) is None:
            raise BadRequest(f"{id.path}: no item {id.value!r:.60} is kept here; send the item itself", param=id.path)
        return found
    given = node.get("id")
    name = given.string() if given else new_id(PREFIXES[kind])
    _said(node, kind)  # raises what is wrong with it
    if kind == "message":
        return _message(node.object(), name)
    state = {} if kind.startswith("custom") else {"status": "completed"}
    return {**state, **node.object(), "id": name, "type": kind}


def _message(message: Item, id: str) -> Item:
    whole = {"status": "completed", **message, "id": id, "type": "message"}
    if not isinstance(text := message["content"], str):
        return whole
    said = {"type": "output_text", "annotations": []} if message["role"] == "assistant" else {"type": "input_text"}
    return whole | {"content": [said | {"text": text}]}


Said = System | User | ToolResult | ToolCall | str  # an assistant's own words are a string


def _said(node: Node, kind: str) -> Said | Assistant:
    """What one item says; a thought is an assistant that says nothing else."""
    match kind:
        case "message":
            return _spoken(node)
        case "reasoning":
            return Assistant(reasoning=_parts(node.get("content")) or _parts(node.get("summary")))
        case "function_call":
            return call(node, _call_id(node))
        case "custom_tool_call":
            return custom_call(node, _call_id(node))
        case _:
            return ToolResult(_parts(node.need("output", _PARTS)), _call_id(node))


def _call_id(node: Node) -> str:
    return node.need("call_id", "the call_id of a call").string()


def _spoken(node: Node) -> System | User | str:
    role, text = node.need("role", _ROLES), _parts(node.need("content", _PARTS))
    match role.string():
        case "user":
            return User(text)
        case "system" | "developer":
            return System(text)
        case "assistant":
            return text
    raise role.wrong(_ROLES)


def _parts(node: Node | None) -> str:
    if node is None:
        return ""
    match node.value:
        case str() as text:
            return text
        case list():
            return "\n".join(_part(part) for part in node.items())
    raise node.wrong(_PARTS)


def _part(node: Node) -> str:
    kind = node.need("type", '"input_text" or "output_text"')
    if kind.string() in _TEXTS:
        return node.need("text", "a string").string()
    if kind.value == "refusal":
        return node.need("refusal", "a string").string()
    if kind.value in _OTHERS:
        raise kind.refused("this model reads only text, so a content part must be of type input_text")
    raise kind.wrong('"input_text" or "output_text"')


def messages(items: Iterable[Node]) -> tuple[Message, ...]:
    """The conversation of these items. An assistant's thought, words and calls that stand together are one message."""
    story = _Story()
    for item in items:
        story.add(item, _said(item, kind_of(item)))
    return story.told()


class _Story:
    def __init__(self) -> None:
        self._done: list[Message] = []
        self._turn: Assistant | None = None
        self._calls: set[str] = set()

    def add(self, item: Node, said: Said | Assistant) -> None:
        match said:
            case str():
                self._join(Assistant(said))
            case ToolCall():
                self._calls.add(said.id)
                self._join(Assistant(calls=(said,)))
            case Assistant(reasoning=thought):
                if thought:
                    self._join(said)
            case ToolResult() if said.call_id not in self._calls:
                path = f"{item.path}.call_id"
                raise BadRequest(f"{path}: no call with the id {said.call_id!r:.60} comes before it", param=path)
            case _:
                self._end()
                self._done.append(said)

    def told(self) -> tuple[Message, ...]:
        self._end()
        return tuple(self._done)

    def _join(self, more: Assistant) -> None:
        """One message as long as thought, words and calls come in that order."""
        turn = self._turn
        if turn is None or (more.reasoning and (turn.text or turn.calls)) or (more.text and turn.calls):
            self._end()
            self._turn = more
            return
        texts = (turn.text, more.text), (turn.reasoning, more.reasoning)
        text, reasoning = ("\n".join(filter(None, pair)) for pair in texts)
        self._turn = Assistant(text, turn.calls + more.calls, reasoning)

    def _end(self) -> None:
        if self._turn is not None:
            self._done.append(self._turn)
        self._turn = None


def nodes(items: Sequence[Item], place: str) -> list[Node]:
    return [Node(item, f"{place}.{number}") for number, item in enumerate(items)]
