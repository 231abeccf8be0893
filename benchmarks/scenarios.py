"""The scenarios (a) to (j): what one round of each sends to one server, and what it measures. Judges no answer.

Each is run on every server in turn, on ours first, and what it measures is compared pair by pair. Where another server
makes no call where ours does, `ask_as` has it write as many tokens as ours did (`ignore_eos`, `max_tokens`).
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import workload
from client import Json, Reply
from servers import Server
from workload import SYSTEM, user

LENGTHS = 64  # tokens of a plain reply
AGENTS, TURNS = 8, 2
STREAM = 200  # tokens of a reply whose chunks are paid for one by one
IDLE = 3.0  # seconds
MOST = 400  # tokens of any reply


@dataclass(frozen=True, slots=True)
class Goal:
    """What a measure should be, at most; at least, where more is better. Ratios are ours to the other server's."""

    measure: str
    bound: float
    ratio: bool = True
    more: bool = False

    def met(self, value: float) -> bool:
        return value >= self.bound if self.more else value <= self.bound


Measures = dict[str, float]


@dataclass(frozen=True, slots=True)
class Scenario:
    """`once` is one round, numbered from 1; round 0 is not measured: it warms the caches and finds out whether calls
    are made. `rounds` limits how often it is run. `restarts`: the server is started anew before each round."""

    key: str
    title: str
    once: Callable[[Visit, int], Measures]
    goals: tuple[Goal, ...]
    rounds: int = 99
    restarts: bool = False


@dataclass(slots=True)
class Visit:
    """One round on one server. `leader` counts ours's tokens by the reply's key, the same for all servers of a round;
    `forced` says that this server is to write as many. `replies` are all that came."""

    server: Server
    leader: dict[Any, Reply]
    leads: bool
    forced: bool
    replies: dict[Any, Reply] = field(default_factory=dict)

    def ask(self, key: Any, body: Json, *, stream: bool = True) -> Reply:
        """The reply as the server makes it, or as long as ours was."""
        if self.forced and key in self.leader:
            body = body | {"max_tokens": max(1, self.leader[key].tokens), "ignore_eos": True}
        reply = self.server.ask({"max_tokens": MOST} | body, stream=stream)
        self.replies[key] = reply
        if self.leads:
            self.leader[key] = reply
        return reply

    @property
    def totals(self) -> Measures:
        """Tokens, and decode steps where all replies tell of theirs."""
        replies = self.replies.values()
        tokens = sum(reply.tokens for reply in replies)
        decodes = [reply.decodes for reply in replies if reply.decodes is not None]
        found: Measures = {"tokens": tokens}
        if len(decodes) == len(replies) and tokens:
            found["decodes per token"] = sum(decodes) / tokens
        return found


def misses(visit: Visit) -> bool:
    """Whether this server made no call where ours made one."""
    return any(visit.leader[key].calls and not reply.calls for key, reply in visit.replies.items())


def single(body: Callable[[int], Json]) -> Callable[[Visit, int], Measures]:
    """One request, timed as a whole."""

    def once(visit: Visit, number: int) -> Measures:
        return {"seconds": visit.ask(0, body(number)).seconds} | visit.totals

    return once


def named(number: int) -> Json:
    choice = {"type": "function", "function": {"name": "get_current_weather"}}
    return {"messages": [SYSTEM, workload.weather(number)], "tools": [workload.WEATHER], "tool_choice": choice}


def auto(number: int) -> Json:
    return {"messages": [SYSTEM, workload.weather(number)], "tools": [workload.WEATHER, workload.DELIVERY]}


def copies(number: int) -> Json:
    wanted = f"Save a note with exactly this text, word for word:\n\n{workload.passage(number)}"
    choice = {"type": "function", "function": {"name": "save_note"}}
    return {"messages": [SYSTEM, user(wanted)], "tools": [workload.SAVE], "tool_choice": choice}


def agent(visit: Visit, number: int) -> Measures:
    """Six turns: five calls with their results, and one that is free."""
    book, price = f"book-{4000 + 37 * number}", 10 + number
    results = (
        f'{{"book_id": "{book}", "title": "A Guide to {workload.city(number)}", "author": "M. Weber"}}',
        f'{{"book_id": "{book}", "copies": {3 + number % 5}}}',
        f'{{"book_id": "{book}", "price": {price}.50, "currency": "EUR"}}',
        f'{{"book_id": "{book}", "reserved": 2, "until": "2026-12-0{1 + number % 9}"}}',
        '{"sent": true}',
    )
    wanted = (
        f"Find the book 'A Guide to {workload.city(number)}'. Tell me its stock and its price in EUR, reserve 2 "
        "copies, and send a mail about it to anna@example.com. One step at a time."
    )
    messages, seconds = [SYSTEM, user(wanted)], 0.0
    for turn, result in enumerate((*results, "")):
        reply = visit.ask(turn, _step(messages, "required" if result else "auto"))
        seconds += reply.seconds
        messages = [*messages, reply.message, *_results(reply, result)]
    return {"seconds": seconds} | visit.totals


def _step(messages: list[Json], choice: str) -> Json:
    fields = {"tool_choice": choice, "parallel_tool_calls": False, "max_tokens": 80}
    return {"messages": messages, "tools": workload.SHOP} | fields


def _results(reply: Reply, result: str) -> list[Json]:
    """A result for each call; where none was made, the result as a user would paste it."""
    made = [{"role": "tool", "tool_call_id": call["id"], "content": result} for call in reply.calls.values()]
    return made or [user(f"Result: {result}. Go on.")]


def eight(visit: Visit, number: int) -> Measures:
    """Agents that share their tools, all at once: tokens a second of all together."""
    began = time.perf_counter()
    with ThreadPoolExecutor(AGENTS) as crowd:
        list(crowd.map(lambda index: _one_of_eight(visit, number * AGENTS + index, index), range(AGENTS)))
    seconds = time.perf_counter() - began
    totals = visit.totals
    return {"seconds": seconds, "tokens per second": totals["tokens"] / seconds} | totals


def _one_of_eight(visit: Visit, number: int, index: int) -> None:
    messages = [SYSTEM, user(f"How many copies of book-{1000 + number} are there, and what does it cost in EUR?")]
    for turn in range(TURNS):
        reply = visit.ask((index, turn), _step(messages, "required"))
        messages = [*messages, reply.message, *_results(reply, f'{{"copies": {number % 9}}}')]


def sixty_four(visit: Visit, number: int) -> Measures:
    """A new question, cut after one token; then the whole reply to it, with its prompt in the cache."""
    act = ("close the blind", "start the fan", "lock the door", "dim the lamp")[number % 4]
    messages = [SYSTEM, user(f"Please {act} in the room {workload.city(number)}.")]
    body = {"messages": messages, "tools": workload.many(64), "tool_choice": "auto"}
    first = visit.server.ask(body | {"max_tokens": 1})
    whole = visit.ask(0, body)
    return {"first token": first.seconds, "seconds per token": whole.seconds / max(1, whole.tokens)} | visit.totals


def restarted(visit: Visit, number: int) -> Measures:
    """The first call of a server that has just been started; its tools were seen before."""
    wanted = user(f"Find the open invoices of {workload.city(number)} Ltd.")
    choice = {"type": "function", "function": {"name": "search_invoices"}}
    reply = visit.ask(0, {"messages": [SYSTEM, wanted], "tools": workload.large(12), "tool_choice": choice})
    return {"seconds": reply.seconds, "prompt": reply.prompt, "cached": reply.cached} | visit.totals


def plain(visit: Visit, number: int) -> Measures:
    wanted = f"{workload.passage(number, 60)}\n\nWrite a story that goes on from here."
    body = {"messages": [user(wanted)], "max_tokens": LENGTHS, "ignore_eos": True}
    before = visit.server.cpu()
    reply = visit.ask(0, body)
    return {"seconds": reply.seconds, "CPU per token": (visit.server.cpu() - before) / LENGTHS} | visit.totals


def streaming(visit: Visit, number: int) -> Measures:
    """The same reply whole and streamed; what the process that speaks HTTP spends on each chunk after the first."""
    body = {"messages": [user(f"Count from {number} on.")], "max_tokens": LENGTHS, "ignore_eos": True}
    visit.server.ask(body | {"max_tokens": 1})  # its prompt is in the cache for all that follow
    whole = visit.server.ask(body, stream=False)
    reply = visit.ask(0, body)
    found = {"overhead per token": (reply.seconds - whole.seconds) / LENGTHS}
    return found | http_cost(visit.server, body | {"max_tokens": STREAM}) | visit.totals


def http_cost(server: Server, body: Json) -> Measures:
    """What the process that speaks HTTP spends on a request that is cut after one token, and on each chunk that this
    one has more; nothing where its time cannot be seen. What it takes while nothing happens is taken off."""
    if server.http_cpu() is None:
        return {}
    marks = [server.http_cpu() or 0.0]
    time.sleep(IDLE)
    marks.append(server.http_cpu() or 0.0)
    short = server.ask(body | {"max_tokens": 1})
    marks.append(server.http_cpu() or 0.0)
    reply = server.ask(body)
    marks.append(server.http_cpu() or 0.0)
    idle, request, whole = (after - before for before, after in itertools.pairwise(marks))
    idle *= (reply.seconds - short.seconds) / IDLE
    return {
        "HTTP CPU per request": request,
        "HTTP CPU per chunk": (whole - request - idle) / max(1, reply.chunks - short.chunks),
    }


def time_and_decodes(time: float, decodes: float) -> tuple[Goal, ...]:
    return Goal("seconds", time), Goal("decodes per token", decodes, ratio=False)


ALL: Mapping[str, Scenario] = {
    one.key: one
    for one in (
        Scenario("a", "a named call, its tools in the cache", single(named), time_and_decodes(0.6, 0.25)),
        Scenario("b", "auto, two tools", single(auto), time_and_decodes(0.65, 0.35)),
        Scenario("c", "a call that copies 200 tokens", single(copies), time_and_decodes(0.75, 0.18), 4),
        Scenario("d", "an agent of six turns", agent, time_and_decodes(0.7, 0.4), 4),
        Scenario("e", "eight agents at once", eight, (Goal("tokens per second", 1.5, more=True),), 4),
        Scenario("f", "64 small tools", sixty_four, (Goal("first token", 0.8), Goal("seconds per token", 0.9))),
        Scenario("g", "first call after a restart, 2,000 tokens of tools", restarted, (Goal("seconds", 0.1),), 3, True),
        Scenario("h", "plain chat", plain, (Goal("seconds", 1.0),)),
        Scenario("j", "streaming", streaming, (Goal("HTTP CPU per chunk", 150e-6, ratio=False),)),
    )
}
MEMORY = Goal("memory", 1.1)
