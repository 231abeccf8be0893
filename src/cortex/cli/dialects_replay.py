"""`cortex dialects replay`: recorded model outputs through our parser, and what came of them. Never judges itself."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cortex.cli import show
from cortex.cli.progress import waiting
from cortex.core.errors import BadRequest

if TYPE_CHECKING:
    from cortex.core.replay import Case, Verdict

KINDS = ("tool_call", "no_tool", "reasoning", "malformed_or_plain_markers", "partial")
SHORT = {"malformed_or_plain_markers": "markers"}
NOBODY = "-"  # where a family has no dialect
WIDEST = 600  # characters of a value that are shown

Cuts = Literal["all", "chars", "none"]
How = Annotated[
    Cuts,
    typer.Option(
        help="How each text is cut, besides whole: 'chars' character by character; 'all' also in two at every place, "
        "or, past 400 characters, in pieces of 2, 3, 5, 7, 16 and 64. All of them have to give the same reply."
    ),
]


def replay(
    cases: Annotated[Path, typer.Argument(help="JSON lines; templates that they name are in templates/ beside.")],
    cuts: How = "none",
    show_failures: Annotated[bool, typer.Option("--show-failures", help="Show each case that failed.")] = False,
    family: Annotated[str, typer.Option(help="Only this family, or all families of this dialect.")] = "",
    case: Annotated[str, typer.Option(help="Only cases whose id contains this.")] = "",
) -> None:
    """Read recorded model outputs and compare with what they should mean. Exit code 0: all passed."""
    chosen = [one for one in read(cases) if chosen_by(one, family, case)]
    if not chosen:
        raise BadRequest(f"{cases} holds no such case")
    results = list(judged(chosen, cuts, templates(cases.parent)))
    if show_failures:
        for result in results:
            if not result.passed:
                show.say(failure(result))
    tell(results)
    raise typer.Exit(int(not all(result.passed for result in results)))


@dataclass(frozen=True, slots=True)
class Result:
    """A case and its verdict; none where no dialect claims its family."""

    case: Case
    verdict: Verdict | None

    @property
    def passed(self) -> bool:
        return self.verdict is not None and self.verdict.passed

    @property
    def dialect(self) -> str:
        return self.verdict.dialect if self.verdict else NOBODY


# Reading


def read(path: Path) -> list[Case]:
    from cortex.core import replay

    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadRequest(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    found = []
    for number, line in enumerate(lines, 1):
        try:
            if line.strip():
                found.append(replay.case(json.loads(line)))
        except (ValueError, BadRequest) as error:
            raise BadRequest(f"{path}, line {number}: {error}") from error
    return found


def chosen_by(case: Case, family: str, id: str) -> bool:
    from cortex import dialects

    claimed = dialects.by_family(case.family)
    return id in case.id and family in ("", case.family, claimed.name if claimed else NOBODY)


def templates(folder: Path) -> Callable[[str], str]:
    """Where the text of a case's template is looked up: anywhere under `templates/`; "" where it is not."""
    found = {path.name: path for path in sorted((folder / "templates").rglob("*.jinja*"), reverse=True)}
    return lambda name: found[name].read_text(encoding="utf-8") if name in found else ""


def judged(cases: Sequence[Case], cuts: Cuts, template: Callable[[str], str]) -> Iterator[Result]:
    from cortex import dialects
    from cortex.core.replay import replay

    now = datetime.now()
    with progress(f"Replaying {len(cases)} cases") as told:
        for number, case in enumerate(cases):
            told(number / len(cases))
            dialect = dialects.by_family(case.family)
            given = template(case.template) if case.template else ""
            yield Result(case, replay(case, dialect, cuts=cuts, template=given, now=now) if dialect else None)


def progress(what: str) -> AbstractContextManager[Callable[[float | None], None]]:
    """Shown on a terminal only."""
    return waiting(what) if sys.stderr.isatty() else nullcontext(lambda fraction: None)


# Telling


@dataclass(slots=True)
class Tally:
    """Passed and all, by kind."""

    passed: Counter[str] = field(default_factory=Counter)
    all: Counter[str] = field(default_factory=Counter)

    def add(self, result: Result) -> None:
        self.all[result.case.kind] += 1
        self.passed[result.case.kind] += result.passed

    def of(self, *kinds: str) -> str:
        total = sum(self.all[kind] for kind in kinds)
        return f"{sum(self.passed[kind] for kind in kinds)}/{total}" if total else ""

    def share(self, *kinds: str) -> str:
        total = sum(self.all[kind] for kind in kinds)
        return f"{100 * sum(self.passed[kind] for kind in kinds) / total:.1f}%" if total else ""


def tell(results: Iterable[Result]) -> None:
    """The tables by family and by kind; the last line is `N/M passed`."""
    families: dict[tuple[str, str], Tally] = {}
    total = Tally()
    for result in results:
        total.add(result)
        families.setdefault((result.case.family, result.dialect), Tally()).add(result)
    kinds = [*KINDS, *sorted(set(total.all) - set(KINDS))]
    kinds = [kind for kind in kinds if total.all[kind]]
    rows = [
        (family, dialect, *(tally.of(kind) for kind in kinds), tally.of(*kinds), tally.share(*kinds))
        for (family, dialect), tally in sorted(families.items())
    ]
    show.say(show.table(("Family", "Dialect", *(SHORT.get(kind, kind) for kind in kinds), "Passed", "%"), rows))
    show.say(show.table(("Kind", "Passed", "%"), [(kind, total.of(kind), total.share(kind)) for kind in kinds]))
    strangers = [
        f"{family} ({tally.all.total()})" for (family, dialect), tally in families.items() if dialect == NOBODY
    ]
    if strangers:
        show.say(f"Families without a dialect, counted as failed: {', '.join(strangers)}")
    show.say(f"{total.of(*kinds)} passed")


def failure(result: Result) -> str:
    """What there is to know of a case that failed, on a few lines."""
    case, verdict = result.case, result.verdict
    if verdict is None:
        return f"✗ {case.id}  {case.kind}: no dialect claims the family {case.family!r}\n"
    facts = (case.kind, result.dialect, case.expected.scope, f"thought {verdict.thought}", verdict.cut)
    lines = [
        f"✗ {case.id}  {' · '.join(facts)}",
        f"  {'output':<10} {shown(json.dumps(case.text, ensure_ascii=False))}",
        *([f"  {'tools':<10} {shown(', '.join(signatures(case)))}"] if case.tools is not None else []),
    ]
    for problem in verdict.problems:
        at = differs(problem.expected, problem.got)
        lines.append(f"  {problem.field:<10} expected {shown(problem.expected, at)}")
        lines.append(f"  {'':<10}      got {shown(problem.got, at)}")
    return "\n".join([*lines, *([f"  {'note':<10} {case.note[:160]}"] if case.note else []), ""])


def signatures(case: Case) -> list[str]:
    from cortex.core.replay import functions

    found = functions(case.tools or ()).items()
    return [f"{name}({', '.join(map(typed, (schema.get('properties') or {}).items()))})" for name, schema in found]


def typed(property: tuple[str, object]) -> str:
    match property:
        case name, {"type": str(kind)}:
            return f"{name}: {kind}"
    return property[0]


def differs(one: str, other: str) -> int:
    """Where two texts begin to differ."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def shown(text: str, at: int = 0) -> str:
    """A long text around the place that matters."""
    if len(text) <= WIDEST:
        return text
    start = max(0, min(at - WIDEST // 2, len(text) - WIDEST))
    end = start + WIDEST
    return f"{'…' if start else ''}{text[start:end]}{f'… ({len(text)} characters)' if end < len(text) else ''}"
