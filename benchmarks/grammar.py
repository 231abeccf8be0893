"""What a grammar costs while a reply is said: compiling it, and each token's mask, check and draw. Decodes nothing.

    python benchmarks/grammar.py MODEL.gguf [--dialects hermes,fallback,harmony] [--tools 2,64,300] [--rounds 5]

Of the model only the vocabulary is loaded. A text is said under the grammars of `tool_choice: "auto"`, and then a call
with arguments of several kinds. Times are in microseconds, compiling in milliseconds; of each token the least of some
rounds counts. `rest` is what consuming a token and asking for forced ones takes, `draw` the choice of a token with the
mask, where one is needed, `free` without a grammar: its price is rest + draw - free. The logits are random numbers.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
from schemas import tool

from cortex.core.chat import Chat, Choice, Sampling, Tool, User
from cortex.core.dialect import Dialect
from cortex.core.plan import plan
from cortex.core.profile import Profile
from cortex.dialects import find
from cortex.engines.constraint import Grammars, Mask, llama_tokenizer
from cortex.engines.llama import abi, log
from cortex.engines.llama.sampling import Logits, Sampler
from cortex.engines.llama.vocabulary import Vocabulary

PROSE: Final = """\
The weather in Paris is mild today, with light clouds and a gentle breeze from the west. You could take a walk along \
the Seine, visit the Louvre, or simply sit in a café and watch the people go by.

Here is what I would suggest:

1. Start at 9:00 with breakfast (about 12 euros).
2. Walk to the "Jardin du Luxembourg"; it's free.
3. In the evening, try [this list](https://example.org/a?b=c) of restaurants.

```python
def greet(name):
    return {"hello": name}
```

That's all, enjoy!"""
NOTE: Final = "Bring a warm coat, since the evenings are cold; do not forget the umbrella: it rains a lot over there."
WEATHER: Final = Tool(
    "get_weather",
    "The weather of a city.",
    {
        "type": "object",
        "properties": {
            "note": {"type": "string"},
            "days": {"type": "number"},
            "unit": {"enum": ["celsius", "fahrenheit"]},
        },
        "required": ["note"],
    },
)
CALL: Final = {"note": NOTE, "days": 12.75, "unit": "celsius"}
PLACES: Final = {"string": NOTE, "number": "12.75", "enum": "celsius"}


@dataclass(frozen=True, slots=True)
class Costs:
    """Seconds that one token took."""

    mask: float
    rest: float
    draw: float  # with the mask, where the engine asks for one
    free: float


@dataclass(frozen=True)
class Bench:
    """A vocabulary, and what it takes to say something with it."""

    vocabulary: Vocabulary
    grammars: Grammars
    specials: Mapping[str, int]
    ids: Mapping[bytes, Sequence[int]]
    logits: Logits

    def grammar(self, dialect: Dialect, tools: Sequence[Tool]) -> str:
        profile = Profile("bench", "{{ messages[0].content }}", dialect, self.specials)
        chat = Chat((User("Hi"),), tuple(tools), Choice("auto"))
        return plan(chat, profile, datetime(2026, 1, 1)).job.grammar or ""

    def said(self, grammar: str, text: bytes) -> Iterator[tuple[int, Costs]]:
        """Say this text as the grammar allows: where each token that was not forced begins, and what it cost. The twin
        is asked for every mask; the engine asks for those that it needs, and a second time they cost less."""
        constraint, twin = (self.grammars.compile(grammar) for _ in range(2))
        place = len(self.vocabulary.text(constraint.forced()))
        twin.forced()
        with_mask, without = Sampler(Sampling(), 1), Sampler(Sampling(), 1)
        while place < len(text) and not constraint.finished:
            draw_s, _ = timed(lambda: with_mask.choose(self.logits, constraint))
            mask_s, mask = timed(twin.mask)
            free_s, _ = timed(lambda: without.sample(self.logits))
            token = self.longest(text[place : place + 32], mask)
            check_s, _ = timed(lambda: constraint.consume(token))  # noqa: B023
            force_s, forced = timed(constraint.forced)
            twin.consume(token)
            twin.forced()
            yield place, Costs(mask_s, check_s + force_s, draw_s, free_s)
            place += len(self.vocabulary.pieces[token]) + len(self.vocabulary.text(forced))

    def longest(self, text: bytes, mask: Mask) -> int:
        """The longest token that the text begins with and the grammar allows."""
        for end in range(len(text), 0, -1):
            for token in self.ids.get(text[:end], ()):
                if mask[token // 32] >> token % 32 & 1:
                    return token
        raise SystemExit(f"the grammar does not allow {text!r}")


def timed(act: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = act()
    return time.perf_counter() - start, result


def bench(path: str) -> Bench:
    lib = abi.load()
    log.listen()
    params = lib.llama_model_default_params()
    params.vocab_only = True
    model = lib.llama_model_load_from_file(path.encode(), params)
    if model == abi.ffi.NULL:
        raise SystemExit(f"{path} cannot be loaded")
    vocabulary = Vocabulary(lib, lib.llama_model_get_vocab(model))
    pointer, function = vocabulary.addresses
    pieces, special = vocabulary.pieces, vocabulary.special
    tokenizer = llama_tokenizer(pieces, special, sorted(vocabulary.eog), vocabulary=pointer, tokenize=function)
    specials = {pieces[token].decode(errors="replace"): token for token in range(vocabulary.size) if special[token]}
    ids: dict[bytes, list[int]] = {}
    for token, piece in enumerate(pieces):
        ids.setdefault(piece, []).append(token)
    logits = np.random.default_rng(1).normal(0, 3, vocabulary.size).astype(np.float32)
    return Bench(vocabulary, Grammars(tokenizer), specials, ids, logits)


def least(rounds: int, say: Callable[[], list[tuple[int, Costs]]]) -> list[tuple[int, Costs]]:
    """Every round says the same tokens; what took longer in some was something else on this machine."""
    every = zip(*(say() for _ in range(rounds)), strict=True)
    return [(same[0][0], Costs(*map(min, zip(*(astuple(cost) for _, cost in same), strict=True)))) for same in every]


def row(costs: Sequence[Costs]) -> str:
    """Mask: median, mean, 99th percentile; then the means of the others, and the price."""
    masks = sorted(cost.mask for cost in costs)
    mean = {key: statistics.fmean(getattr(cost, key) for cost in costs) for key in ("mask", "rest", "draw", "free")}
    price = mean["rest"] + mean["draw"] - mean["free"]
    numbers = [statistics.median(masks), mean["mask"], masks[len(masks) * 99 // 100]]
    numbers += [mean["rest"], mean["draw"], mean["free"], price]
    return "".join(f"{number * 1e6:9.1f}" for number in numbers) + f"{len(costs):8}"


def place(spans: Mapping[str, range], at: int) -> str:
    return next((name for name, span in spans.items() if at in span), "between")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("model")
    parser.add_argument("--dialects", default="hermes,fallback,harmony")
    parser.add_argument("--tools", default="2,64,300")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    made = bench(args.model)
    draw = random.Random(7)
    others = [tool(number, draw, 0) for number in range(1000)]
    print(f"{made.vocabulary.size} tokens\n")
    heads = ("median", "mean", "p99", "rest", "draw", "free", "price", "tokens")
    print(
        f"{'dialect':12} {'tools':>5}  {'compile':>8} {'again':>6}  {'said':8}"
        + "".join(f"{head:>9}" for head in heads)
    )
    for name in args.dialects.split(","):
        for count in map(int, args.tools.split(",")):
            dialect = find(name)
            grammar = made.grammar(dialect, [WEATHER, *others[: count - 1]])
            report(made, dialect, grammar, f"{name:12} {count:5}", args.rounds)


def report(made: Bench, dialect: Dialect, grammar: str, title: str, rounds: int) -> None:
    fresh = min(timed(lambda: Grammars(made.grammars.tokenizer).compile(grammar))[0] for _ in range(rounds))
    made.grammars.compile(grammar)
    again = min(timed(lambda: made.grammars.compile(grammar))[0] for _ in range(rounds))
    opened = dialect.text[0].open if dialect.text else ""
    text, call = (opened + PROSE).encode(), dialect.write([(WEATHER.name, CALL)]).encode()
    spans = {name: span(call, value.encode()) for name, value in PLACES.items()}
    arguments = call.index(NOTE.encode()) - 16
    title = f"{title}  {fresh * 1e3:8.1f} {again * 1e3:6.2f}"
    prose = least(rounds, lambda: list(made.said(grammar, text)))
    print(f"{title}  {'text':8}{row([cost for _, cost in prose])}")
    called = least(rounds, lambda: list(made.said(grammar, call)))
    for name in ("string", "number", "enum", "between"):
        found = [cost for at, cost in called if place(spans, at) == name and at > arguments]
        if found:
            print(f"{'':{len(title)}}  {name:8}{row(found)}")


def span(text: bytes, value: bytes) -> range:
    return range(text.index(value), text.index(value) + len(value))


if __name__ == "__main__":
    main()
