"""Chat templates that are known to be broken, corrected by what they print. Never touches a template that is right."""

from __future__ import annotations

import re

from cortex.core.template import SOME_DAY, TemplateError, render

PROBE = {
    "messages": [{"role": "user", "content": "?"}],
    "tools": [{"type": "function", "function": {"name": "f", "description": "", "parameters": {}}}],
    "add_generation_prompt": True,
}
DOUBLED = re.compile(r"\{\{(\\?\"name\\?\": <function-name>, \\?\"arguments\\?\": <args-json-object>)\}\}")


def repair(template: str) -> tuple[str, str | None]:
    """The corrected template, and a note of what was wrong with it (None: nothing)."""
    if '{{"name"' in prints(template):
        corrected = DOUBLED.sub(r"{\1}", template)
        if '{{"name"' not in prints(corrected):
            return corrected, 'the chat template shows calls with doubled braces, {{"name": ...}}; corrected'
    return template, None


def prints(template: str) -> str:
    try:
        return render(template, PROBE, SOME_DAY)
    except TemplateError:
        return ""
