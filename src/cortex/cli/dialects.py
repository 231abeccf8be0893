"""`cortex dialects ...`: how each model family writes its calls, and our reading of it. Never needs the server."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cortex.cli import dialects_replay, dialects_try, show
from cortex.cli.help import SHAPE, Commands

if TYPE_CHECKING:
    from cortex.core.dialect import Dialect

HELP = "How model families write tool calls: show, detect, try."
app = typer.Typer(name="dialects", cls=Commands, help=HELP, epilog="Example: cortex dialects show hermes", **SHAPE)
app.command(epilog="Example: cortex dialects replay cases.jsonl --cuts all --show-failures")(dialects_replay.replay)
app.command(epilog="Example: cortex dialects detect qwen3.gguf")(dialects_try.detect)
app.command(epilog="Example: cortex dialects render chat.json --template chat_template.jinja")(dialects_try.render)
app.command(epilog="Example: cortex dialects parse --dialect hermes --tools tools.json < reply.txt")(dialects_try.parse)


@app.command("list", epilog="Example: cortex dialects list --json")
def list_dialects(as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False) -> None:
    """List the dialects: the families that write so, one call, and what is known of them."""
    from cortex import dialects

    rows = [summary(dialects.find(name)) for name in dialects.names()]
    if as_json:
        show.say(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    cells = [
        (row["name"], ", ".join(row["families"]), row["call"], row["arguments"], ", ".join(row["supports"]))
        for row in rows
    ]
    show.listing(("Dialect", "Families", "A call", "Arguments", "Supports"), cells, none="")


def summary(dialect: Dialect) -> dict[str, Any]:
    """JSON-ready."""
    return {
        "name": dialect.name,
        "families": list(dialect.aliases),
        "call": one_line(dialect.write([("f", {"key": "value"})])),
        "arguments": type(dialect.notation.arguments).__name__.lower(),
        "supports": supports(dialect),
    }


def supports(dialect: Dialect) -> list[str]:
    """What a dialect has beyond a call and another."""
    facts = {
        "thoughts": bool(dialect.thought),
        "ids": "«id»" in dialect.notation.call,
        "messages": bool(dialect.text),
        "other notations": bool(dialect.also),
        "a prompt of its own": bool(dialect.prompt),
    }
    return [fact for fact, true in facts.items() if true]


def one_line(text: str) -> str:
    return text.replace("\n", "↵")


EXAMPLE = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city"],
}


@app.command("show", epilog="Example: cortex dialects show hermes --grammar")
def show_dialect(
    name: Annotated[str, typer.Argument(help="The name of a dialect, or of a family.")],
    grammar: Annotated[bool, typer.Option("--grammar", help="Also the grammar, for one tool as an example.")] = False,
) -> None:
    """Draw how a dialect writes: one call, two calls, thoughts, results."""
    from cortex import dialects

    dialect = dialects.by_family(name) or dialects.find(name)
    show.say(f"{dialect.name}\n\n{dialects.about(dialect.name)}")
    for title, text in drawn(dialect).items():
        show.say(f"\n{title}:\n{indented(text)}")
    if grammar:
        show.say(f"\nGrammar:\n{indented(example_grammar(dialect))}")


def drawn(dialect: Dialect) -> dict[str, str]:
    weather, time = ("get_weather", {"city": "Paris", "days": 3}), ("get_time", {"zone": "CET"})
    return {
        "One call": dialect.write([weather]),
        "Two calls": dialect.write([weather, time]),
        **{
            f"Also read ({number})": replace(dialect, notation=other).write([weather])
            for number, other in enumerate(dialect.also, 1)
        },
        "A thought": "\n".join(f"{span.open}…{span.close}" for span in dialect.thought) or "is not marked",
        "Results": results(dialect),
    }


def results(dialect: Dialect) -> str:
    from cortex.core.drawing import fill

    if not dialect.results:
        return "as the model's own chat template renders them"
    return fill(dialect.results, {"results": fill(dialect.result, {"name": "get_weather", "result": '{"sun": true}'})})


def example_grammar(dialect: Dialect) -> str:
    from cortex.core import grammar
    from cortex.core.chat import Tool
    from cortex.core.rules import Rules

    tool = Tool("get_weather", parameters=EXAMPLE)
    return grammar.build(dialect, Rules((tool,), thought="may"), {})


def indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())
