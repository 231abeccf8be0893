"""Plan -> runner -> bytes -> text -> parser -> events: the one place where both halves meet.

There is no second path: a reply that is not streamed is the fold of these events.
"""

from __future__ import annotations

import asyncio
import codecs
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import TypeVar

from cortex.core.errors import BadRequest
from cortex.core.events import Done, Echo, Event, Reasoning, Tokens
from cortex.core.job import Finish, Job, Usage, Vector
from cortex.core.passage import Passage
from cortex.core.plan import Asked, another
from cortex.core.rounds import Rounds
from cortex.core.stop import Stop
from cortex.runner.parent import Runner, Ticket

AT_ONCE = 8  # texts of one request that become vectors
STOPPED: Finish = "stop"
T = TypeVar("T")


def call_id(said: str) -> str:
    """A new id; it ends with the one that the model wrote, so that the next prompt can show it again."""
    return (
        f"call_{secrets.token_hex(8)}{said}" if said.isalnum() and len(said) < 16 else f"call_{secrets.token_hex(12)}"
    )


async def complete(plan: Asked, runner: Runner, new_id: Callable[[str], str] = call_id) -> AsyncGenerator[Event, None]:
    """The events of one reply, the last of which is `Done`; closing the generator frees the job's place.

    Returns when the job has been admitted; raises BadRequest, or EngineError, before any event where it is not.
    """
    return await begun(plan, await admitted(plan, runner), new_id)


async def several(
    plan: Asked, runner: Runner, count: int, new_id: Callable[[str], str] = call_id
) -> list[AsyncGenerator[Event, None]]:
    """The same for `count` replies to one prompt, which is computed once: the others are submitted when the first of
    them has begun."""
    ticket = await admitted(plan, runner)
    first = await begun(plan, ticket, new_id)
    return [first, *(later(another(plan, number), runner, ticket, new_id) for number in range(1, count))]


async def admitted(plan: Asked, runner: Runner) -> Ticket:
    """The ticket of the plan's job. Where its grammar does not compile, it is asked again which part is at fault."""
    try:
        return await runner.submit(plan.job)
    except BadRequest as error:
        if error.param or error.code != "invalid_grammar":
            raise
    return await runner.submit(replace(plan.job, parts=plan.parts()))


async def later(
    plan: Asked, runner: Runner, first: Ticket, new_id: Callable[[str], str]
) -> AsyncGenerator[Event, None]:
    await first.begun.wait()
    async with aclosing(await complete(plan, runner, new_id)) as events:
        async for event in events:
            yield event


async def continued(passages: Sequence[Passage], runner: Runner, count: int) -> list[AsyncGenerator[Event, None]]:
    """`several` for each of these texts: first all replies to the first, then those to the others."""
    replies = await several(passages[0], runner, count)  # at once: a runner that has a job is not ended for another
    others = [asyncio.create_task(several(passage, runner, count)) for passage in passages[1:]]
    try:
        return replies + [reply for group in await asyncio.gather(*others) for reply in group]
    except BaseException:
        for reply in replies + [reply for group in await dropped(others) for reply in group]:
            await reply.aclose()
        raise


async def dropped(tasks: Sequence[asyncio.Task[T]]) -> list[T]:
    """End these tasks; what those gave that had ended already."""
    for task in tasks:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    return [result for result in results if not isinstance(result, BaseException)]


async def vectors(jobs: Sequence[Job], runner: Runner) -> list[Vector]:
    """The vectors of these jobs. Raises what is raised first; then none of them goes on. Few are submitted at a time:
    a thousand texts of one client are one request in the model's line, not a thousand."""
    first, places = await runner.submit(jobs[0]), asyncio.Semaphore(AT_ONCE)
    others = [asyncio.create_task(embed(job, runner, places)) for job in jobs[1:]]
    try:
        return [await vector(first), *await asyncio.gather(*others)]
    except BaseException:
        await first.aclose()
        await dropped(others)
        raise


async def embed(job: Job, runner: Runner, places: asyncio.Semaphore) -> Vector:
    async with places:
        return await vector(await runner.submit(job))


async def vector(ticket: Ticket) -> Vector:
    pieces = [piece async for piece in ticket]
    return Vector(b"".join(piece.data for piece in pieces), pieces[-1].usage)


async def begun(plan: Asked, ticket: Ticket, new_id: Callable[[str], str]) -> AsyncGenerator[Event, None]:
    events = follow(plan, ticket, new_id)
    await anext(events)  # a generator that has not begun would not run its `finally` when it is closed
    return events


async def follow(plan: Asked, ticket: Ticket, new_id: Callable[[str], str]) -> AsyncGenerator[Event, None]:
    parser, stop, inline = plan.parser(new_id), Stop(plan.stop), plan.inline()
    rounds = Rounds(endless=plan.job.ignore_eos)
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    usage, finish = Usage(), STOPPED
    thought = 0  # tokens of pieces that held some of a thought
    try:
        yield Done(finish, usage)
        async for piece in ticket:
            if piece.prompt:
                yield Echo(piece.prompt)
            if piece.tokens:
                yield Tokens(piece.tokens)
            said = [*stop.feed(rounds.feed(parser.feed(decoder.decode(piece.data))))]
            if Reasoning in map(type, said):
                thought += piece.usage.completion - usage.completion
            usage, finish = piece.usage, piece.finish or STOPPED
            for event in inline.feed(said):
                yield event
            if stop.hit or rounds.hit:
                break
        else:
            rest = rounds.feed(parser.feed(decoder.decode(b"", final=True)) + parser.flush())
            for event in inline.feed(stop.feed(rest)):
                yield event
        ended = stop.hit or rounds.hit
        done = Done(STOPPED if ended else finish, replace(usage, reasoning=thought))
        for event in inline.feed([*stop.flush(), done]):
            yield event
    finally:
        await ticket.aclose()


class Choices:
    """The events of one or several replies, each with its reply's number, as they come. `aclose` frees all places."""

    def __init__(self, replies: Sequence[AsyncGenerator[Event, None]]) -> None:
        self.replies = replies
        self._queue: asyncio.Queue[tuple[int, Event] | Exception] = asyncio.Queue()
        self._pumps: list[asyncio.Task[None]] = []

    async def events(self) -> AsyncIterator[tuple[int, Event]]:
        """Raises what a reply raises, which ends all of them."""
        if len(self.replies) == 1:
            async for event in self.replies[0]:
                yield 0, event
            return
        self._pumps = [asyncio.create_task(self._pump(*each)) for each in enumerate(self.replies)]
        left = len(self.replies)
        while left:
            item = await self._queue.get()
            if isinstance(item, Exception):
                raise item
            left -= isinstance(item[1], Done)
            yield item

    async def _pump(self, number: int, reply: AsyncGenerator[Event, None]) -> None:
        try:
            async for event in reply:
                self._queue.put_nowait((number, event))
        except Exception as error:  # noqa: BLE001  # the reader raises it
            self._queue.put_nowait(error)

    async def aclose(self) -> None:
        for pump in self._pumps:
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)
        for reply in self.replies:
            await reply.aclose()
