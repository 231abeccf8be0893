"""`cortex dialects detect, render, parse`: what a model would be told, and how what it says would be read."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from cortex.cli import show
from cortex.cli.state import State, state
from cortex.core.errors import BadRequest

if TYPE_CHECKING:
    from cortex.core.chat import Chat, Schema
    from cortex.core.profile import Profile

AUTO = "auto"  # the dialect that is detected
Thinking = Literal["no", "may", "open"]


def detect(file: Annotated[Path, typer.Argument(help="A GGUF file, or a chat template.")]) -> None:
    """Say which dialect a model would be spoken to in, and why."""
    found = profile(file, AUTO)
    show.say(found.dialect.name)
    show.say(f"  {reason(found)}")


def render(
    context: typer.Context,
    request: Annotated[Path | None, typer.Argument(help="A chat request as JSON; without it, stdin.")] = None,
    template: Annotated[Path | None, typer.Option(help="Render with this chat template.")] = None,
    gguf: Annotated[Path | None, typer.Option(help="Render with the chat template of this GGUF file.")] = None,
    model: Annotated[str, typer.Option(help="Render with the chat template of this model.")] = "",
    dialect: Annotated[str, typer.Option(help="Write calls in this dialect, not in the one detected.")] = AUTO,
) -> None:
    """Print the exact prompt that a model would get for `{"messages": [...], "tools": [...], ...}`."""
    from cortex.core.plan import plan

    files = [file for file in (template, gguf) if file]
    if len(files) + bool(model) != 1:
        raise BadRequest("name one of --template, --gguf and --model")
    told = stored(state(context), model, dialect) if model else profile(files[0], dialect)
    prompt = plan(asked(given(request)), told, datetime.now()).job.prompt
    typer.echo("".join(segment.text for segment in prompt), nl=False)


def parse(
    dialect: Annotated[str, typer.Option(help="Read in this dialect.")],
    tools: Annotated[Path | None, typer.Option(help="OpenAI's `tools` as JSON; without it, any name is known.")] = None,
    thinking: Annotated[Thinking, typer.Option(help="A thought cannot come, may come, or was opened before.")] = "may",
) -> None:
    """Read what a model said from stdin; print it as a message of OpenAI's API."""
    from cortex import dialects
    from cortex.core.events import fold
    from cortex.core.parse import Parser
    from cortex.core.replay import reading
    from cortex.server.wire.response import Head, completion

    spoken = dialects.by_family(dialect) or dialects.find(dialect)
    known = schemas(tools) if tools else None
    numbers = count()
    parser = Parser(spoken, reading(known, thinking), lambda said: said or f"call_{next(numbers)}")
    said = sys.stdin.buffer.read().decode("utf-8", "replace")
    reply = fold([*parser.feed(said), *parser.flush()])
    choice = completion(Head("", 0, "", ""), reply)["choices"][0]
    show.say(json.dumps({**choice["message"], "finish_reason": choice["finish_reason"]}, indent=2, ensure_ascii=False))


# What a model is


def profile(file: Path, dialect: str) -> Profile:
    """What a GGUF or a chat template tells; BadRequest where the file is neither."""
    try:
        with file.open("rb") as opened:
            magic = opened.read(4)
    except OSError as error:
        raise BadRequest(f"{file} cannot be read: {error.strerror}") from error
    return of_gguf(file, file.name, {"dialect": dialect}) if magic == b"GGUF" else of_template(file, dialect)


def stored(state: State, id: str, dialect: str) -> Profile:
    """A model of the store, as its settings have it; a dialect that is named wins over them."""
    model = state.store().find(id)
    chosen = {} if dialect == AUTO else {"dialect": dialect}
    return of_gguf(model.path, model.id, {**model.settings, **chosen})


def of_gguf(file: Path, name: str, given: Mapping[str, Any]) -> Profile:
    from cortex.models import gguf
    from cortex.models.open import profiled
    from cortex.models.settings import settings

    found, _ = profiled(name, gguf.read(file), settings(given))
    return found


def of_template(file: Path, dialect: str) -> Profile:
    from cortex import dialects
    from cortex.core.profile import Profile
    from cortex.core.repair import repair

    try:
        template, _ = repair(file.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise BadRequest(f"{file} is neither a GGUF nor a chat template: it is not text") from error
    if "{%" not in template and "{{" not in template:
        raise BadRequest(f"{file} is neither a GGUF nor a chat template: there is nothing of Jinja in it")
    spoken = dialects.detect(template) if dialect == AUTO else dialects.find(dialect)
    return Profile(file.name, template, spoken, specials={})


def reason(profile: Profile) -> str:
    """Why this dialect was chosen, in words."""
    from cortex import dialects

    dialect, alone = profile.dialect, dialects.detect(profile.template)
    if alone != dialect:
        return f"the catalogue says so for such a file; its template alone looks like {alone.name}"
    if dialect.detect:
        return f"the template mentions tools and contains {', '.join(map(repr, dialect.detect))}"
    if "tools" in profile.template:
        return "the template mentions tools, but holds the spellings of no dialect"
    return "the template never mentions tools: the model is told of them in words of our own"


# What was asked


def given(file: Path | None) -> bytes:
    try:
        return file.read_bytes() if file else sys.stdin.buffer.read()
    except OSError as error:
        raise BadRequest(f"{file} cannot be read: {error.strerror}") from error


def asked(raw: bytes) -> Chat:
    """The chat of a request, which need not name a model; BadRequest names the field at fault."""
    from cortex.server.wire import body, chat

    return chat.read({"model": "any", **body.decode(raw)}).chat


def schemas(file: Path) -> dict[str, Schema]:
    """The tools of a file by name: a list, or an object with `tools`."""
    from cortex.server.wire.node import Node
    from cortex.server.wire.tools import read_tools

    try:
        value = json.loads(given(file))
    except ValueError as error:
        raise BadRequest(f"{file} is not JSON: {error}") from error
    listed = value.get("tools") if isinstance(value, dict) else value
    return {tool.name: tool.parameters for tool in read_tools(Node(listed, "tools"))}
