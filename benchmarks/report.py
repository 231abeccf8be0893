"""Results -> one page of Markdown and a chart. Measures nothing."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import chart
from scenarios import MEMORY, Goal, Measures, Scenario

UNITS = {
    "seconds": (1.0, 2, "s"),
    "first token": (1.0, 2, "s"),
    "seconds per token": (1e3, 0, "ms"),
    "overhead per token": (1e3, 2, "ms"),
    "HTTP CPU per chunk": (1e6, 0, "us"),
    "HTTP CPU per request": (1e3, 1, "ms"),
    "CPU per token": (1e3, 0, "ms"),
    "tokens per second": (1.0, 1, "/s"),
    "decodes per token": (1.0, 2, ""),
    "memory": (1e-6, 0, "MB"),
    "tokens": (1.0, 0, ""),
    "prompt": (1.0, 0, ""),
    "cached": (1.0, 0, ""),
}


@dataclass(slots=True)
class Result:
    """One scenario: what each round measured on each server, and how many cores others used meanwhile. `forced` are the
    servers that made no call and wrote as many tokens as ours."""

    scenario: Scenario
    arms: list[str]
    rounds: list[dict[str, Measures]] = field(default_factory=list)
    beside: list[float] = field(default_factory=list)
    forced: set[str] = field(default_factory=set)

    def values(self, arm: str, measure: str) -> list[float]:
        return [one[arm][measure] for one in self.rounds if measure in one[arm]]

    def ratios(self, arm: str, measure: str) -> list[float]:
        """Ours to this server's, pair by pair."""
        ours = self.arms[0]
        both = [one for one in self.rounds if measure in one[ours] and one[arm].get(measure)]
        return [one[ours][measure] / one[arm][measure] for one in both]

    @property
    def measures(self) -> list[str]:
        return [name for name in self.rounds[0][self.arms[0]] if name in UNITS]


@dataclass(frozen=True, slots=True)
class Section:
    model: str
    results: list[Result]
    memory: dict[str, float]


@dataclass(frozen=True, slots=True)
class Head:
    machine: str
    arms: list[str]


def line(result: Result) -> str:
    """One scenario in one line, for the terminal."""
    parts = [
        f"{goal.measure} {_told(goal, values)}"
        for goal in result.scenario.goals
        for arm in result.arms[1:]
        if (values := _values(result, goal, arm))
    ]
    return f"{result.scenario.key} {result.scenario.title}: {'; '.join(dict.fromkeys(parts))}"


def write(file: Path, head: Head, sections: Sequence[Section], seconds: float) -> None:
    """The page, and its chart beside it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    picture = file.with_suffix(".svg")
    picture.write_text(chart.ratios(_bars(head, sections)))
    file.write_text("\n".join(_page(head, sections, seconds, picture.name)) + "\n")


def _page(head: Head, sections: Sequence[Section], seconds: float, picture: str) -> Iterator[str]:
    ours, *others = head.arms
    yield f"# {ours} beside {', '.join(others)}"
    yield ""
    yield f"{time.strftime('%Y-%m-%d', time.gmtime())}, {head.machine} at the start, {seconds / 60:.0f} minutes in all."
    yield "Greedy decoding. The servers run side by side, and each round asks all of them the same, in turn."
    yield "A ratio is the median over the rounds of ours to the other's in the same round, with the least and the most."
    yield '"Beside" is how many cores other processes kept busy meanwhile, at the median.'
    yield ""
    yield f"![ratios]({picture})"
    for section in sections:
        yield from ("", f"## {section.model}", "", "### Goals", "")
        yield "| | measure | beside which server | measured | goal | |"
        yield "| --- | --- | --- | --- | --- | --- |"
        yield from _goals(section)
        yield from ("", "### Medians", "")
        yield f"| | measure | {' | '.join(head.arms)} | rounds | beside |"
        yield f"| --- | --- |{' --- |' * len(head.arms)} --- | --- |"
        for result in _sorted(section):
            yield from _medians(result)
        yield from _notes(section)


def _goals(section: Section) -> Iterator[str]:
    for result in _sorted(section):
        for goal in result.scenario.goals:
            for arm in result.arms[1:] if goal.ratio else result.arms[:1]:
                if values := _values(result, goal, arm):
                    yield _goal(result.scenario, goal, arm if goal.ratio else "", values)
    ours, *others = section.memory
    for arm in others:
        if section.memory[ours] and section.memory[arm]:
            ratio = section.memory[ours] / section.memory[arm]
            told = f"{ratio:.2f} | {_bound(MEMORY)} | {_met(MEMORY, ratio)}"
            yield f"| i | memory: peak of the process tree | {arm} | {told} |"


def _goal(scenario: Scenario, goal: Goal, arm: str, values: Sequence[float]) -> str:
    told = f"{_told(goal, values)} | {_bound(goal)} | {_met(goal, statistics.median(values))}"
    return f"| {scenario.key} | {scenario.title}: {goal.measure} | {arm} | {told} |"


def _medians(result: Result) -> Iterator[str]:
    for measure in result.measures:
        cells = [_median(result.values(arm, measure), measure) for arm in result.arms]
        beside = f"{statistics.median(result.beside):.1f}" if result.beside else ""
        yield f"| {result.scenario.key} | {measure} | {' | '.join(cells)} | {len(result.rounds)} | {beside} |"


def _notes(section: Section) -> Iterator[str]:
    yield ""
    if any(section.memory.values()):
        told = ", ".join(f"{arm} {bytes / 1e6:.0f} MB" for arm, bytes in section.memory.items())
        yield f"(i) Peaks of resident memory, the mapped model file included: {told}."
    for arm in section.results[0].arms[1:]:
        if keys := [result.scenario.key for result in _sorted(section) if arm in result.forced]:
            yield (
                f"In {', '.join(keys)} {arm} made no call where ours did: there it wrote as many tokens as ours "
                "(`ignore_eos`, `max_tokens`)."
            )


def _bars(head: Head, sections: Sequence[Section]) -> list[chart.Bar]:
    bars = []
    for section in sections:
        for result in _sorted(section):
            for goal in (one for one in result.scenario.goals if one.ratio):
                for arm in result.arms[1:]:
                    values = [1 / one for one in result.ratios(arm, goal.measure)] if goal.more else None
                    values = values or result.ratios(arm, goal.measure)
                    if values:
                        bound = 1 / goal.bound if goal.more else goal.bound
                        name = f"{section.model} {result.scenario.key}: {goal.measure}"
                        named = f"{name} ({arm})" if len(head.arms) > 2 else name
                        bars.append(chart.Bar(named, statistics.median(values), min(values), max(values), bound))
    return bars


def _sorted(section: Section) -> list[Result]:
    return sorted(section.results, key=lambda result: result.scenario.key)


def _values(result: Result, goal: Goal, arm: str) -> list[float]:
    return result.ratios(arm, goal.measure) if goal.ratio else result.values(result.arms[0], goal.measure)


def _told(goal: Goal, values: Sequence[float]) -> str:
    middle, least, most = (_figure(goal, value) for value in (statistics.median(values), min(values), max(values)))
    return f"{middle} ({least} to {most})"


def _figure(goal: Goal, value: float) -> str:
    if goal.ratio:
        return f"{value:.2f}"
    factor, digits, unit = UNITS[goal.measure]
    return f"{value * factor:.{digits}f} {unit}".strip()


def _bound(goal: Goal) -> str:
    return f"{'at least' if goal.more else 'at most'} {_figure(goal, goal.bound)}"


def _met(goal: Goal, value: float) -> str:
    return "met" if goal.met(value) else "**not met**"


def _median(values: Sequence[float], measure: str) -> str:
    factor, digits, unit = UNITS[measure]
    return f"{statistics.median(values) * factor:.{digits}f} {unit}".strip() if values else ""
