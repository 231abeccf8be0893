"""The API's documentation as one HTML page, from its OpenAPI document. No script, no network: it is read offline."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

Json = Mapping[str, Any]

_STYLE = """
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 18%, transparent) }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
code, pre { font: 13px/1.45 ui-monospace, monospace }
pre { border: 1px solid var(--line); border-radius: 6px; padding: .7rem; overflow-x: auto }
details { border: 1px solid var(--line); border-radius: 6px; margin: .5rem 0; padding: .4rem .8rem }
summary { cursor: pointer } summary code { font-size: 14px; margin-right: .6rem }
.verb { display: inline-block; min-width: 4.2rem; font-weight: 700 }
.GET { color: #2a7de1 } .POST { color: #2e9e4f } .DELETE { color: #d0453a } .PATCH { color: #c27c0e }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 }
td, th { text-align: left; vertical-align: top; padding: .25rem .6rem; border-top: 1px solid var(--line) }
.type { opacity: .7; white-space: nowrap }
"""
_EXAMPLE = """curl http://127.0.0.1:39281/v1/chat/completions -H 'Content-Type: application/json' -d '{
  "model": "qwen2.5-coder:1.5b",
  "messages": [{"role": "user", "content": "Where is order_70705?"}],
  "tools": [{"type": "function", "function": {"name": "get_delivery_date", "parameters": {
    "type": "object", "properties": {"order_id": {"type": "string"}}, "required": ["order_id"]}}}]
}'"""


def render(document: Json) -> str:
    """The whole page."""
    info = document["info"]
    shapes = document.get("components", {}).get("schemas", {})
    return "".join(
        [
            '<!doctype html><html lang="en"><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width">',
            f"<title>{escape(info['title'])}</title><style>{_STYLE}</style>",
            f"<h1>{escape(info['title'])} <small>{escape(info['version'])}</small></h1>",
            f"<p>{_prose(info.get('description', ''))}</p><pre>{escape(_EXAMPLE)}</pre>",
            '<p>For machines: <a href="/openapi.json">openapi.json</a></p><h2>Routes</h2>',
            *_routes(document["paths"]),
            "<h2>Shapes</h2>",
            *(_shape(name, schema) for name, schema in shapes.items()),
            "</html>",
        ]
    )


def _routes(paths: Json) -> Iterator[str]:
    for path, verbs in paths.items():
        for verb, route in verbs.items():
            yield _route(path, verb.upper(), route)


def _route(path: str, verb: str, route: Json) -> str:
    title = f'<span class="verb {verb}">{verb}</span><code>{escape(path)}</code>{escape(route.get("summary", ""))}'
    body = route.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    asked = f"<h4>Request</h4>{_fields(body)}" if body else ""
    replies = "".join(_reply(status, reply) for status, reply in route.get("responses", {}).items())
    about = _prose(route.get("description", ""))
    return f"<details><summary>{title}</summary><p>{about}</p>{asked}<h4>Replies</h4><table>{replies}</table></details>"


def _reply(status: str, reply: Json) -> str:
    forms = "<br>".join(_form(kind, form.get("schema", {})) for kind, form in reply.get("content", {}).items())
    return f"<tr><th>{escape(status)}<td>{_prose(reply.get('description', ''))}<td>{forms}"


def _form(kind: str, schema: Json) -> str:
    return f"<code>{escape(kind)}</code> {_type(schema)} {_prose(schema.get('description', ''))}"


def _shape(name: str, schema: Json) -> str:
    about = _prose(schema.get("description", ""))
    title = f'<details id="{escape(name)}"><summary><code>{escape(name)}</code></summary>'
    return f"{title}<p>{about}</p>{_fields(schema)}</details>"


def _fields(schema: Json) -> str:
    if "properties" not in schema:
        return _type(schema)
    needed = schema.get("required", [])
    rows = (
        f'<tr><td><code>{escape(name)}</code>{" *" if name in needed else ""}<td class="type">{_type(field)}'
        f"<td>{_prose(field.get('description', ''))}"
        for name, field in schema["properties"].items()
    )
    return f"<table>{''.join(rows)}</table>"


def _type(schema: Json) -> str:
    match schema:
        case {"$ref": str(ref)}:
            name = escape(ref.rsplit("/", 1)[-1])
            return f'<a href="#{name}">{name}</a>'
        case {"anyOf": list(forms)}:
            return " or ".join(_type(form) for form in forms)
        case {"enum": list(values)}:
            return " | ".join(map(_value, values))
        case {"const": value}:
            return _value(value)
        case {"type": "array", "items": items}:
            return f"list of {_type(items)}"
        case _:
            return escape(f"{schema.get('type', 'any')}{_span(schema)}")


def _value(value: object) -> str:
    return escape(value if isinstance(value, str) else json.dumps(value))


def _span(schema: Json) -> str:
    match schema:
        case {"minimum": low, "maximum": high}:
            return f" {low} to {high}"
        case {"minimum": low}:
            return f" {low} or more"
    return ""


def _prose(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))
