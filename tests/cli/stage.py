"""A home, a stagehand and a pen: command lines in, what a person or a pipe saw out, the same on every machine."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import pyte

import cortex

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"
WIDE = 400
SIZE = r"\d+\.\d\d (?:B|KB|MB|GB|TB)"


@dataclass(frozen=True, slots=True)
class Step:
    """One command line. `typed` are pairs of what is waited for at the terminal and what is typed then; a pipe gets
    `given`. `loose`: the cells of tables depend on the machine, so only their columns are kept. `wide`: so do the
    lengths of lines, so they get a wide terminal."""

    words: str
    typed: Sequence[tuple[str, str]] = ()
    given: str = ""
    loose: bool = False
    wide: bool = False


@dataclass
class Stage:
    """`home` is the user's; commands run in it."""

    home: Path
    port: int
    hand: subprocess.Popen[str]
    columns: int | None = None
    environment: Mapping[str, str] = field(default_factory=dict)

    def perform(self, step: Step) -> str:
        """What came of it, as it is recorded."""
        columns = WIDE if self.columns and step.wide else self.columns
        how = {"given": step.given} if columns is None else {"columns": columns, "typed": step.typed}
        order = {
            "arguments": words(step.words), "folder": str(self.home), "environment": dict(self.environment), **how,
        }  # fmt: skip
        assert self.hand.stdin
        assert self.hand.stdout
        self.hand.stdin.write(json.dumps(order) + "\n")
        self.hand.stdin.flush()
        done = json.loads(self.hand.stdout.readline())
        lines = [f"$ cortex {step.words}"]
        if columns is None:
            lines += [*done["out"].splitlines(), *(f"stderr: {line}" for line in done["err"].splitlines())]
        else:
            lines += seen(done["out"], columns)
        text = self.same_everywhere("\n".join(lines))
        if step.loose:
            text = loosened(text)
        return text + (f"\n[exit {done['code']}]" if done["code"] else "") + "\n"

    def same_everywhere(self, text: str) -> str:
        changes = {sys.executable: "PYTHON", str(self.home): "HOME", str(ROOT): "ROOT", str(self.port): "PORT"}
        for found, name in changes.items():
            text = text.replace(found, name)
        for pattern, name in (
            (rf"\bv?{re.escape(cortex.__version__)}\b", "VERSION"),
            (rf"\b{SIZE} free", "SIZE free"),
            (r"\b\d+ threads? for", "N threads for"),
            (r"xllamacpp [\d.]+\d", "xllamacpp RELEASE"),
            (r'"created": \d+', '"created": TIME'),
            (r'"(total|available)": \d+', r'"\1": NUMBER'),
            (r"\n[^\n]* \.\. \d+ s[^\n]*", ""),  # a slow machine is told of every ten seconds
            (r"━[^\n]*", "━ ..."),
            (r"((?:Downloading|Verifying) \S+:) [ \d]+% of [^\n]*(\n[^\n]*\1[^\n]*)*", r"\1 ..."),
            (r'"sha256": "\w+"', '"sha256": DIGEST'),
            (r"and so on[ a-z\n]*\n\[stopped", "and so on ...\n[stopped"),
        ):
            text = re.sub(pattern, name, text)
        return text


def words(line: str) -> list[str]:
    import shlex

    return shlex.split(line)


def seen(output: str, columns: int) -> list[str]:
    """The lines that stand on the terminal in the end."""
    screen = pyte.Screen(columns, 1000)
    pyte.Stream(screen).feed(output)
    return [line.rstrip() for line in "\n".join(screen.display).rstrip().splitlines()]


def loosened(text: str) -> str:
    """Tables as the names of their columns."""
    lines = re.sub(r"(?m)^\+[-+]+\+\n", "", text + "\n").splitlines()
    kept, rows = [], False
    for line in lines:
        table = line.startswith("|")
        if table and not rows:
            kept.append("|".join(f" {cell.strip()} " for cell in line.split("|"))[1:-1] + " ...")
        elif not table:
            kept.append(line)
        rows = table
    return "\n".join(line for line in kept if not re.fullmatch(r"\+[-+]+\+", line))


@contextmanager
def stage(
    home: Path, port: int, columns: int | None, more: Mapping[str, str] = MappingProxyType({})
) -> Iterator[Stage]:
    """`more` is of the environment."""
    environment = {
        "HOME": str(home),
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(TESTS),  # the server finds its engines there
        "TERM": "xterm-256color",
        "LANG": "C.UTF-8",
        "CORTEX_PORT": str(port),
        **more,
    }
    command = [sys.executable, str(TESTS / "cli" / "stagehand.py")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as hand:
        try:
            yield Stage(home, port, hand, columns, environment)
        finally:
            assert hand.stdin
            hand.stdin.close()
