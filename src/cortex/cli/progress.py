"""What is shown while something takes time, on stderr: bars and spinners on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import TYPE_CHECKING

import typer

from cortex.cli import show
from cortex.cli.terminal import animates, unechoed

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


NARROW = 60  # columns


class Downloading:
    """Shows a pull: bars on a terminal; elsewhere a line every tenth, two seconds apart at least. A `pull.Watch`."""

    def __init__(self) -> None:
        self._bars: Progress | None = None
        self._silence = ExitStack()
        self._task: TaskID | None = None
        self._phase, self._tenth, self._said = "", -1, 0.0
        self._told = False

    def __enter__(self) -> Downloading:
        if animates() and not show.hushed():
            self._bars = _bars()
            self._silence.enter_context(unechoed())
            self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bars:
            self._bars.stop()
        self._silence.close()

    @property
    def told(self) -> bool:
        """Whether there was anything to tell: nothing is downloaded that is here."""
        return self._told

    def say(self, line: str) -> None:
        self._told = True
        if show.hushed():
            return
        if self._bars:
            self._bars.console.print(line, highlight=False, markup=False)
        else:
            typer.echo(line, err=True)

    def bytes(self, phase: str, done: int, total: int) -> None:
        if self._bars:
            self._bar(self._bars, phase, done, total)
        elif not show.hushed():
            self._line(phase, done, total)

    def _bar(self, bars: Progress, phase: str, done: int, total: int) -> None:
        if phase != self._phase or self._task is None:
            if self._task is None:  # the bars have the first word only, so that they fit a narrow terminal
                bars.console.print(phase, highlight=False, markup=False)
            # What is there already counts as done from the start, so that it does not count as speed.
            self._phase = phase
            self._task = bars.add_task(phase.split()[0], total=total or None, completed=done, of="", speed="")
        of = f"{show.size(done)}/{show.size(total)}" if total else show.size(done)
        speed = f"{show.size(bars.tasks[self._task].speed or 0)}/s"
        bars.update(self._task, completed=done, total=total or None, of=of, speed=speed)

    def _line(self, phase: str, done: int, total: int) -> None:
        tenth = 10 * done // total if total else done // 100_000_000
        if phase == self._phase and (tenth == self._tenth or time.monotonic() - self._said < 2):
            return
        self._phase, self._tenth, self._said = phase, tenth, time.monotonic()
        of = f" {100 * done // total:3d}% of {show.size(total)}" if total else f" {show.size(done)}"
        typer.echo(f"{phase}:{of}", err=True)


def _bars() -> Progress:
    """A bar for each phase. A narrow terminal has no room for numbers beside it but one."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, ProgressColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.table import Column

    console, whole = Console(stderr=True), Column(no_wrap=True)
    numbers: list[ProgressColumn] = [TaskProgressColumn(table_column=whole)]
    if console.width >= NARROW:
        numbers = [TextColumn(f"{{task.fields[{name}]}}", markup=False, table_column=whole) for name in ("of", "speed")]
    return Progress(
        TextColumn("{task.description}", markup=False, table_column=whole),
        BarColumn(bar_width=None, table_column=Column(ratio=1)),
        *numbers,
        TimeRemainingColumn(compact=True, table_column=whole),
        console=console,
        expand=True,
    )


@contextmanager
def waiting(what: str) -> Iterator[Callable[[float | None], None]]:
    """Shows that something takes time, with the seconds it has taken. Tell it the fraction done, or None, now and then.

    On a terminal a spinner; elsewhere one line now and one every ten seconds.
    """
    if show.hushed():
        yield lambda fraction: None
        return
    if not animates():
        yield _plain(what)
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with unechoed(), Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what)
        yield lambda fraction: progress.update(task, description=what + _percent(fraction))


def glancing(what: str) -> AbstractContextManager[object]:
    """The same for what takes a few seconds at most: nothing but on a terminal."""
    return waiting(what) if animates() else nullcontext()


def _plain(what: str) -> Callable[[float | None], None]:
    typer.echo(f"{what} ..", err=True)
    begun = said = time.monotonic()

    def told(fraction: float | None) -> None:
        nonlocal said
        if time.monotonic() - said >= 10:
            said = time.monotonic()
            typer.echo(f"{what} .. {said - begun:.0f} s{_percent(fraction)}", err=True)

    return told


def _percent(fraction: float | None) -> str:
    return "" if fraction is None else f" {100 * fraction:.0f}%"
