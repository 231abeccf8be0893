"""Arguments as `city=Paris days=2`, which models slip into that write them one by one. Never reads a whole call."""

from __future__ import annotations

import json
import re

from cortex.core.arguments.texts import quoted, typed
from cortex.core.members import Members
from cortex.core.scan import NEED_TEXT, Scanner, Steps

PAIR = re.compile(r'\s*([A-Za-z_]\w*)=("(?:[^"\\]|\\.)*"|[^\s"<]+(?:[ \t]+(?!\w+=)[^\s"<]+)*)(?=\s|\Z)')


def pairs(scan: Scanner, known: Members, after: str) -> Steps[str]:
    """Consume pairs that go up to this literal; the arguments as JSON. "" where something else comes."""
    while (end := scan.text.find(after.strip())) < 0:
        if scan.ended or not scan.text.lstrip()[:1].isidentifier():
            return ""
        yield NEED_TEXT
    found = [*PAIR.finditer(scan.text[:end])]
    if not found or "".join(one[0] for one in found).strip() != scan.text[:end].strip():
        return ""
    scan.take(end)
    return f"{{{', '.join(pair(one[1], one[2], known) for one in found)}}}"


def pair(key: str, text: str, known: Members) -> str:
    said = (*quoted(text), text)[0]
    return f"{json.dumps(key)}: {typed(said, known.properties.get(key, known.additional or {}))}"
