"""Plan -> runner -> bytes -> text -> parser -> events: the one place where both halves meet.

There is no second path: a reply that is not streamed is the fold of these events.
"""

from __future__ import annotations

import codecs
import secrets
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace

from cortex.core.events import Done, Event, Reasoning, Tokens
from cortex.core.job import Usage
from cortex.core.plan import Plan
from cortex.core.stop import Stop
from cortex.runner.parent import Runner, Ticket


def call_id(said: str) -> str:
    """A new id; it ends with the one that the model wrote, so that the next prompt can show it again."""
    return (
        f"call_{secrets.token_hex(8)}{said}" if said.isalnum() and len(said) < 16 else f"call_{secrets.token_hex(12)}"
    )


async def complete(plan: Plan, runner: Runner, new_id: Callable[[str], str] = call_id) -> AsyncGenerator[Event, None]:
    """The events of one reply, the last of which is `Done`; closing the generator frees the job's place.

    Returns when the job has been admitted; raises BadRequest, or EngineError, before any event where it is not.
    """
    ticket = await runner.submit(plan.job)
    events = follow(plan, ticket, new_id)
    await anext(events)  # a generator that has not begun would not run its `finally` when it is closed
    return events


async def follow(plan: Plan, ticket: Ticket, new_id: Callable[[str], str]) -> AsyncGenerator[Event, None]:
    parser, stop = plan.parser(new_id), Stop(plan.stop)
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    done = Done("stop", Usage())
    thought = 0  # tokens of pieces that held some of a thought
    try:
        yield done
        async for piece in ticket:
            if piece.tokens:
                yield Tokens(piece.tokens)
            said = stop.feed(parser.feed(decoder.decode(piece.data)))
            thought += (piece.usage.completion - done.usage.completion) * any(isinstance(one, Reasoning) for one in said)
            for event in said:
                yield event
            done = Done(piece.finish or "stop", replace(piece.usage, reasoning=thought))
            if stop.hit:
                break
        else:
            for event in stop.feed(parser.feed(decoder.decode(b"", final=True)) + parser.flush()):
                yield event
        for event in stop.flush():
            yield event
        yield Done("stop", done.usage) if stop.hit else done
    finally:
        await ticket.aclose()
