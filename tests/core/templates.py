"""Chat templates of our own, each with a habit that templates in the field have."""

from __future__ import annotations

from typing import Final

TURN: Final = "<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n"
OPEN: Final = "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
TOOLS: Final = "{% if tools %}# Tools\n{% for t in tools %}{{ t | tojson }}\n{% endfor %}{% endif %}"
CALLS: Final = (
    "{% for c in m.tool_calls %}<tool_call>"
    '{"name": "{{ c.function.name }}", "arguments": {{ c.function.arguments | tojson }}, "id": "{{ c.id }}"}'
    "</tool_call>{% endfor %}"
)
LOOP: Final = "{% for m in messages %}"
END: Final = "{% endfor %}"

FULL: Final = "{% if not m.content and m.role == 'assistant' %}{{ raise_exception('empty') }}{% endif %}{{ m.content }}"

PLAIN: Final = LOOP + TURN + END + OPEN
NATIVE: Final = TOOLS + LOOP + "<|im_start|>{{ m.role }}\n{{ m.content }}" + CALLS + "<|im_end|>\n" + END + OPEN

STRICT_TURNS: Final = (
    "{% set ns = namespace(user=true) %}{% for m in messages %}"
    "{% if m.role == 'system' %}{% if not loop.first %}{{ raise_exception('system first') }}{% endif %}"
    "{% elif m.role != 'tool' and not m.tool_calls %}{% if (m.role == 'user') != ns.user %}"
    "{{ raise_exception('roles must alternate') }}{% endif %}{% set ns.user = not ns.user %}{% endif %}{% endfor %}"
)
NINE_IDS: Final = (
    "{% for m in messages %}{% for c in m.tool_calls or [] %}{% if c.id | length != 9 %}"
    "{{ raise_exception('ids have nine letters') }}{% endif %}{% endfor %}"
    "{% if m.role == 'tool' and m.tool_call_id | length != 9 %}{{ raise_exception('nine!') }}{% endif %}{% endfor %}"
)
NO_SYSTEM: Final = "{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}"
ONE_CALL: Final = (
    "{% for m in messages %}{% if m.tool_calls and m.tool_calls | length > 1 %}"
    "{{ raise_exception('one call at once') }}{% endif %}{% endfor %}"
)
EITHER: Final = (
    TOOLS + LOOP + "<|im_start|>{{ m.role }}\n{% if m.tool_calls %}" + CALLS + "{% else %}{{ m.content }}{% endif %}"
    "<|im_end|>\n" + END + OPEN
)
KNOWN_RESULTS: Final = (
    "{% set ns = namespace(calls=[]) %}"
    + TOOLS
    + LOOP
    + "{% for c in m.tool_calls or [] %}{% set _ = ns.calls.append(c.id) %}{% endfor %}"
    "{% if m.role != 'tool' or m.tool_call_id in ns.calls %}<|im_start|>{{ m.role }}\n{{ m.content }}"
    + CALLS
    + "<|im_end|>\n{% endif %}"
    + END
    + OPEN
)
FIRST_SYSTEM: Final = (
    "{% if messages[0].role == 'system' %}{{ messages[0].content }}\n" + TOOLS + "{% endif %}" + LOOP +
    "{% if m.role != 'system' %}" + TURN.replace("<|im_end|>", CALLS + "<|im_end|>") + "{% endif %}" + END + OPEN
)  # fmt: skip
NEEDS_TOOLS: Final = "{% for t in tools %}{{ t | tojson }}{% endfor %}" + LOOP + "{{ m.content }}" + CALLS + END

TEMPLATES: Final = {
    "plain": PLAIN,
    "native": NATIVE,
    "Mistral's rules": STRICT_TURNS + NINE_IDS + NATIVE,
    "ids of nine or more": NINE_IDS.replace("!= 9", "< 9") + NATIVE,
    "alternating, text or calls": STRICT_TURNS + EITHER,
    "Gemma's rules": NO_SYSTEM + STRICT_TURNS.replace(" and not m.tool_calls", "") + PLAIN,
    "Llama's rules": ONE_CALL + EITHER,
    "results of known calls only": KNOWN_RESULTS,
    "tools in the system message": FIRST_SYSTEM,
    "tools are never missing": NEEDS_TOOLS,
    "arguments as text": NATIVE.replace("c.function.arguments | tojson", "'' + c.function.arguments"),
    "arguments as object": NATIVE.replace("arguments | tojson", "arguments.items() | list | tojson"),
    "arguments not twice as JSON": NATIVE.replace("{{ c.function.arguments | tojson }}", "{{ c.function.arguments }}"),
    "content in parts": NATIVE.replace("{{ m.content }}", "{% for p in m.content %}{{ p['text'] }}{% endfor %}"),
    "content or none": NATIVE.replace("{{ m.content }}", "{% if m.content is not none %}" + FULL + "{% endif %}"),
    "content or nothing": NATIVE.replace("{{ m.content }}", "{% if 'content' in m %}" + FULL + "{% endif %}"),
    "described properties": NATIVE.replace(
        "{{ t | tojson }}", "{{ t | tojson }}{% for p in t.function.parameters.properties.values() %}"
        "{{ p.description + p.type }}{% endfor %}"),
    "functions": PLAIN + "{{ functions + datetime }}",
    "thinking": NATIVE.replace("{{ m.content }}", "{{ m.thinking }}{{ m.content }}"),
    "thoughts cut off": PLAIN.replace("m.content", "m.content.split('</think>')[-1]"),
}  # fmt: skip
