"""The command line at a terminal, in what depends on time, on what was typed before, and on the terminal's width."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread

import pytest

from cli.desk import Desk, delta, serving
from cli.stage import Stage, Step, seen, stage
from cortex.cli.lines import typed
from cortex.config import persist, read
from models import tiny
from models.hub import Hub
from models.hub import serving as serving_hub

UP, CTRL_C, CTRL_D = "> ", "\x03", "\x04"
CHAT = "POST /v1/chat/completions"
PASTE = "\x1b[200~{}\x1b[201~"


@pytest.fixture(scope="module")
def terminal() -> Iterator[Stage]:
    """A terminal of 60 columns, in a home with one model and no server of its own."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with TemporaryDirectory(dir="/tmp", prefix="cortex-") as folder, stage(Path(folder), port, 60) as performed:
        persist(Path(folder, ".cortexrc"), {"apiServerPort": port})
        tiny.write(Path(folder, "m.gguf"))
        assert "Successfully" in performed.perform(Step("models import --model_id m:1b --model_path m.gguf"))
        yield performed


@pytest.fixture
def desk(terminal: Stage) -> Iterator[Desk]:
    assert read(terminal.home / ".cortexrc")
    with serving(Desk(), terminal.home / ".cortexrc") as desk:
        desk.answers |= {"POST /v1/models/start": (200, {}), CHAT: [delta(content="Yes."), "[DONE]"]}
        yield desk


def _said(desk: Desk) -> list[str]:
    return [body["messages"][-1]["content"] for body in desk.bodies(CHAT)]


def test_a_message_may_have_several_lines(terminal: Stage, desk: Desk) -> None:
    typed = [
        *[(UP, "one \\\r"), (". ", "two\r")],
        *[(UP, '"""three\r'), (". ", "\r"), (". ", 'four"""\r')],
        *[(UP, PASTE.format("five\nsix") + "\r"), (UP, "//seven\r"), (UP, "exit()\r")],
    ]
    terminal.perform(Step("run m", typed=typed))
    assert _said(desk) == ["one \ntwo", "three\n\nfour", "five\nsix", "/seven"]


def test_what_was_typed_comes_back_with_the_arrows(terminal: Stage, desk: Desk) -> None:
    terminal.perform(Step("run m", typed=[(UP, '"""first\r'), (". ", 'message"""\r'), (UP, "exit()\r")]))
    terminal.perform(Step("run m", typed=[(UP, "\x1b[A\x1b[A\r"), (UP, "exit()\r")]))
    assert _said(desk) == ["first\nmessage", "first\nmessage"]
    kept = terminal.home / "cortexcpp" / "chat_history.jsonl"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert json.loads(kept.read_text().splitlines()[-1]) == "exit()"


def test_the_end_of_input_ends_a_chat_and_leaves_the_server(terminal: Stage, desk: Desk) -> None:
    shown = terminal.perform(Step("run m", typed=[(UP, "Hello\r"), (UP, CTRL_D)]))
    assert shown.splitlines()[-3:] == ["> Hello", "Yes.", ">"]
    assert not desk.closed.is_set()


def test_an_error_is_told_and_the_chat_goes_on(terminal: Stage, desk: Desk) -> None:
    desk.answers[CHAT] = (400, {"message": "too long"})
    shown = terminal.perform(Step("run m", typed=[(UP, "Hello\r"), (UP, "exit()\r")]))
    assert shown.splitlines()[-3:] == ["> Hello", "Error: too long", "> exit()"]


def test_a_result_that_is_not_given_takes_the_question_back(terminal: Stage, desk: Desk) -> None:
    call = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    ended = json.dumps({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]})
    desk.answers[CHAT] = [delta(tool_calls=[call]), ended, "[DONE]"]
    shown = terminal.perform(
        Step(
            "run m",
            typed=[(UP, "Hello\r"), ("f returns: ", CTRL_C), (UP, "Again\r"), ("f returns: ", CTRL_D), (UP, CTRL_D)],
        )
    )
    assert shown.count("[taken back]") == 2
    assert [len(body["messages"]) for body in desk.bodies(CHAT)] == [1, 1]


def test_thoughts_stand_on_lines_of_their_own(terminal: Stage, desk: Desk) -> None:
    desk.answers[CHAT] = [delta(reasoning_content="Well."), delta(content="Yes."), "[DONE]"]
    shown = terminal.perform(Step("run m", typed=[(UP, "Hello\r"), (UP, "exit()\r")]))
    assert shown.splitlines()[-4:] == ["> Hello", "Well.", "Yes.", "> exit()"]


def test_a_reply_that_was_cut_off_says_so(terminal: Stage, desk: Desk) -> None:
    ended = json.dumps({"choices": [{"index": 0, "delta": {}, "finish_reason": "length"}]})
    desk.answers[CHAT] = [delta(content="Ye"), ended, "[DONE]"]
    shown = terminal.perform(Step("run m", typed=[(UP, "Hello\r"), (UP, "exit()\r")]))
    assert "[cut off: the context is full, or max_tokens was" in shown


def test_a_verbose_chat_tells_the_speed(terminal: Stage, desk: Desk) -> None:
    counted = json.dumps({"choices": [], "usage": {"completion_tokens": 5}})
    desk.answers[CHAT] = [delta(content="Yes."), counted, "[DONE]"]
    shown = terminal.perform(Step("run m --verbose", typed=[(UP, "Hello\r"), (UP, "exit()\r")]))
    assert re.search(r"^\[5 tokens, \d+\.\d a second\]$", shown, re.M)


def test_ctrl_c_gives_a_load_up(terminal: Stage, desk: Desk) -> None:
    desk.answers["GET /v1/models/status/m:1b"] = (202, {"progress": 0.5})
    desk.answers["POST /v1/models/start"] = None  # it never answers
    shown = terminal.perform(Step("run m", typed=[("50%", CTRL_C)]))
    assert shown.endswith("Interrupted.\n[exit 130]\n")


def test_a_repository_with_several_files_here_is_a_menu(terminal: Stage, desk: Desk) -> None:
    ids = ("author:Repo:m-Q4_K_M.gguf", "author:Repo:m-Q8_0.gguf")
    for id in ids:
        terminal.perform(Step(f"models import --model_id {id} --model_path m.gguf"))
    shown = terminal.perform(Step("run -d author/Repo", typed=[("(1-2): ", "2\r")]))
    assert shown.splitlines()[1:4] == [
        "Local Models: (press enter to select)",
        *(f"    {number}. {id}" for number, id in enumerate(ids, 1)),
    ]
    assert desk.bodies("POST /v1/models/start") == [{"model": ids[1]}]
    for id in ids:
        terminal.perform(Step(f"models delete {id}"))


def test_logs_follow_what_comes(terminal: Stage) -> None:
    log = terminal.home / "cortexcpp" / "logs" / "cortex.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("old\n")
    over = Event()

    def write() -> None:
        while not over.wait(0.05):
            with log.open("a") as file:
                file.write("new\n")

    writer = Thread(target=write)
    writer.start()
    shown = terminal.perform(Step("logs -f -n 0", typed=[("new", CTRL_C)]))
    over.set()
    writer.join()
    assert set(shown.replace("^C", "").split()[6:]) == {"new"}
    assert not shown.endswith("]\n")


def test_a_pull_that_is_stopped_goes_on_later(terminal: Stage) -> None:
    data = tiny.gguf() + bytes(1 << 20)
    with serving_hub(Hub({"cortexso/big": {"1b": {"model.gguf": data}}}, slow=0.3)) as hub:
        slow = replace(terminal, environment={**terminal.environment, "HF_ENDPOINT": hub.url})
        shown = slow.perform(Step("pull big:1b", typed=[("/s", CTRL_C)]))
        lines = shown.splitlines()
        assert lines[-3:] == ["The download was stopped. Pull again to go on with it.", "Interrupted.", "[exit 130]"]
        assert "of downloads that were not ended" in slow.perform(Step("doctor"))
        hub.slow = 0.0
        assert "Model big:1b downloaded successfully!" in slow.perform(Step("pull big:1b"))
        assert any(not asked.startswith("bytes=0-") for asked in hub.ranges_of("model.gguf") if asked)
    slow.perform(Step("models delete big:1b"))


def test_a_prompt_does_not_go_with_an_output_that_goes_elsewhere(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("2\n"))
    assert typed("Select an option (1-2): ") == "2"
    assert tuple(capsys.readouterr()) == ("", "Select an option (1-2): ")


def _raw(terminal: Stage, words: str, **environment: str) -> str:
    """All that a command sends to a terminal of 40 columns."""
    order = {
        "arguments": words.split(), "folder": str(terminal.home), "columns": 40, "typed": [],
        "environment": {**terminal.environment, **environment},
    }  # fmt: skip
    assert terminal.hand.stdin
    assert terminal.hand.stdout
    terminal.hand.stdin.write(json.dumps(order) + "\n")
    terminal.hand.stdin.flush()
    return str(json.loads(terminal.hand.stdout.readline())["out"])


@pytest.mark.parametrize(
    ("environment", "coloured"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)],
)
def test_who_wants_no_colours_gets_none(terminal: Stage, environment: dict[str, str], coloured: bool) -> None:
    assert ("\x1b[" in _raw(terminal, "doctor", **environment)) == coloured


def test_a_terminal_that_cannot_draw_over_a_line_gets_lines(terminal: Stage) -> None:
    with serving_hub(Hub({"cortexso/some": {"1b": {"model.gguf": tiny.gguf()}}})) as hub:
        shown = _raw(terminal, "pull some:1b", HF_ENDPOINT=hub.url, TERM="dumb")
    assert "\x1b" not in shown
    assert "Verifying SHA-256: 100% of 784.00 B\r\n" in shown
    _raw(terminal, "models delete some:1b")


def test_a_bar_on_a_narrow_terminal_has_one_number_beside_it(terminal: Stage) -> None:
    with serving_hub(Hub({"cortexso/some": {"1b": {"model.gguf": tiny.gguf()}}})) as hub:
        shown = _raw(terminal, "pull some:1b", HF_ENDPOINT=hub.url)
    last = seen(shown, 40)[-3]
    assert re.fullmatch(r"Downloading ━+ 100% 0+:00", last), last
    _raw(terminal, "models delete some:1b")


def test_the_help_of_a_chat_fits_a_narrow_terminal(terminal: Stage, desk: Desk) -> None:
    narrow = replace(terminal, columns=40)
    shown = narrow.perform(Step("run m", typed=[(UP, "/help\r"), (UP, "/exit\r")]))
    assert "/system TEXT    tell the model how to\n                behave;" in shown


@pytest.mark.parametrize("words", ["", "run --help", "doctor", "config status", "models list", "hardware list"])
def test_nothing_is_wider_than_a_narrow_terminal(terminal: Stage, words: str) -> None:
    """A table whose line is broken by the terminal has a rule that goes on in the next line."""
    lines = terminal.perform(Step(words)).splitlines()[1:]
    assert not [line for line in lines if line.startswith(("-", "=")) and set(line) <= set("-+=")]
    assert len(lines) > 3
