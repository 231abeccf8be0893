"""Every command once: what it prints where, and its exit code."""

from __future__ import annotations

import io
import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from cli.conftest import Cortex
from cli.desk import Desk, Raw, delta
from cortex import __version__
from cortex.cli import background, hardware, show
from cortex.config import Flags, load, read
from models import tiny

CHAT = "POST /v1/chat/completions"


def _import(cortex: Cortex, home: Path, id: str = "tiny:1b") -> Path:
    file = tiny.write(home / f"{id}.gguf")
    assert cortex("models", "import", "--model_id", id, "--model_path", str(file)).code == 0
    return file


def test_version(cortex: Cortex) -> None:
    assert cortex("--version").out == f"v{__version__}\n"
    assert cortex("-v").code == 0


def test_help_shows_an_example(cortex: Cortex) -> None:
    assert "cortex run -d" in cortex("--help").out
    assert "Example" in cortex("pull", "-h").out


def test_an_unknown_command_is_a_usage_error(cortex: Cortex) -> None:
    assert cortex("nonsense").code == 2


def test_a_broken_configuration_is_one_line_on_stderr(cortex: Cortex, home: Path) -> None:
    (home / "rc").write_text("apiServerPort: many")
    done = cortex("ps")
    assert (done.code, done.out, done.err.count("\n")) == (1, "", 1)
    assert done.err.startswith("Error: apiServerPort")


def test_an_imported_model_is_listed_shown_and_deleted(cortex: Cortex, home: Path) -> None:
    file = tiny.write(home / "f.gguf")
    done = cortex("models", "import", "--model_id", "llama3.1:8b-gguf-q4-km", "--model_path", str(file))
    assert done.out == f"Successfully import model from  '{file}' for modelID 'llama3.1:8b-gguf-q4-km'.\n"
    assert "| 1       | llama3.1:8b-gguf-q4-km |" in cortex("models", "list").out
    assert json.loads(cortex("models", "get", "llama3.1").out)["architecture"] == "llama"
    assert cortex("models", "delete", "llama3.1:8b-gguf-q4-km").out == (
        "Model llama3.1:8b-gguf-q4-km deleted successfully\n"
    )
    assert file.exists()
    assert cortex("models", "list").out == "No local models available!\n"


def test_list_shows_what_contains_the_filter(cortex: Cortex, home: Path) -> None:
    for id in ("coder:1b", "other:1b"):
        _import(cortex, home, id)
    out = cortex("models", "list", "CODER").out
    assert "coder:1b" in out
    assert "other:1b" not in out


def test_delete_wants_the_whole_id(cortex: Cortex, home: Path) -> None:
    _import(cortex, home)
    done = cortex("models", "delete", "tin")
    assert done.code == 1
    assert "tiny:1b" in done.err
    assert cortex("models", "remove", "tiny:1b").code == 0


def test_delete_stops_the_model_first(cortex: Cortex, home: Path, desk: Desk) -> None:
    _import(cortex, home)
    desk.answers["POST /v1/models/stop"] = (400, {"message": "Model tiny:1b is not running"})
    assert cortex("models", "delete", "tiny:1b").code == 0
    assert desk.bodies("POST /v1/models/stop") == [{"model": "tiny:1b"}]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ((401, {"message": "this API key is not known"}), "this API key is not known"),
        ((403, {"message": "not for you"}), "not for you"),
        ((429, {"message": "too many requests wait"}), "too many requests wait"),
        ((500, {"message": "the engine failed"}), "the engine failed"),
        ((502, None), "the server answered with status 502"),
    ],
)
def test_a_model_that_cannot_be_stopped_is_not_deleted(
    cortex: Cortex, home: Path, desk: Desk, answer: object, told: str
) -> None:
    _import(cortex, home)
    desk.answers["POST /v1/models/stop"] = answer
    done = cortex("models", "delete", "tiny:1b")
    assert (done.code, done.err) == (1, f"Error: Failed to delete model: {told}\n")
    assert "tiny:1b" in cortex("models", "list").out


def test_a_server_that_goes_away_while_a_model_is_stopped_is_named(cortex: Cortex, home: Path, desk: Desk) -> None:
    _import(cortex, home)
    desk.breaks.add("POST /v1/models/stop")
    done = cortex("models", "delete", "tiny:1b")
    assert done.code == 1
    assert done.err.startswith("Error: Failed to delete model: the server at http://127.0.0.1:")
    assert "tiny:1b" in cortex("models", "list").out


def test_a_broken_file_is_refused_with_a_reason(cortex: Cortex, home: Path) -> None:
    (home / "f.gguf").write_bytes(tiny.gguf()[:-1])
    done = cortex("models", "import", "--model_id", "x", "--model_path", str(home / "f.gguf"))
    assert done.code == 1
    assert "cut off" in done.err


def test_settings_are_changed_and_shown(cortex: Cortex, home: Path) -> None:
    _import(cortex, home)
    done = cortex("models", "update", "--model_id", "tiny:1b", "temperature=0.2", 'stop=["x"]', "dialect=hermes")
    assert done.out == "Successfully updated model ID 'tiny:1b'!\n"
    known = json.loads(cortex("models", "get", "tiny:1b").out)
    assert (known["temperature"], known["stop"], known["dialect"]) == (0.2, ["x"], "hermes")
    assert cortex("models", "update", "--model_id", "tiny:1b", "temprature=1").code == 1
    assert cortex("models", "update", "--model_id", "tiny:1b", "temperature").code == 2


def test_pull_of_an_unknown_name_says_what_is_known(cortex: Cortex) -> None:
    done = cortex("pull", "no-such-model")
    assert done.code == 1
    assert "qwen2.5-coder:1.5b" in done.err


def test_run_without_any_model_says_what_to_do(cortex: Cortex) -> None:
    done = cortex("run")
    assert done.code == 1
    assert "No local models available!" in done.err


def test_run_detached_loads_and_returns(cortex: Cortex, home: Path, desk: Desk) -> None:
    _import(cortex, home)
    desk.answers["POST /v1/models/start"] = (200, {"message": "Started successfully!"})
    done = cortex("run", "-d", "tiny:1b")
    assert done.code == 0
    assert done.out == ("tiny:1b model started successfully. Use `cortex run tiny:1b` for interactive chat shell\n")
    assert cortex("run", "-d", "tiny:1b", "--ctx_len", "2048").code == 0
    assert desk.bodies("POST /v1/models/start") == [{"model": "tiny:1b"}, {"model": "tiny:1b", "ctx_len": 2048}]


def test_a_model_that_does_not_load_is_told_in_the_server_s_words(cortex: Cortex, home: Path, desk: Desk) -> None:
    _import(cortex, home)
    desk.answers["POST /v1/models/start"] = (503, {"message": "not enough memory: 2 GB", "error": {}})
    done = cortex("models", "start", "tiny")
    assert done.code == 1
    assert done.err.splitlines()[-1] == "Error: Failed to start model: not enough memory: 2 GB"


def test_what_is_no_server_s_answer_is_told_in_one_line(cortex: Cortex, home: Path, desk: Desk) -> None:
    _import(cortex, home)
    desk.answers["POST /v1/models/stop"] = (501, Raw("<html>\n<p>Not here</p>"))
    done = cortex("models", "stop", "tiny")
    told = "the answer, of status 501, is not JSON: is that a Cortex server?"
    assert (done.code, done.err) == (1, f"Error: Failed to stop model: {told}\n")


def test_models_stop(cortex: Cortex, home: Path, desk: Desk) -> None:
    _import(cortex, home)
    desk.answers["POST /v1/models/stop"] = (200, {"message": "Stopped successfully!"})
    assert cortex("models", "stop", "tiny").out == "Model stopped!\n"
    desk.answers["POST /v1/models/stop"] = (400, {"message": "it is not running"})
    assert "Failed to stop model: it is not running" in cortex("models", "stop", "tiny").err


def test_ps_draws_the_original_s_table(cortex: Cortex, desk: Desk) -> None:
    row = {"id": "llama3.2:3b-gguf-q4-km", "engine": "llama-cpp", "ram": 323202580, "vram": 0, "uptime": 3665.4}
    desk.answers["GET /inferences/server/models"] = (200, {"data": [row]})
    lines = cortex("ps").out.splitlines()
    assert lines[0] == lines[2] == lines[4]
    assert lines[1].split("|")[1:3] == [" Model                  ", " Engine    "]
    assert lines[3] == "| llama3.2:3b-gguf-q4-km | llama-cpp | 308.23 MB | 0.00 B | 1 hour, 1 minute, 5 seconds |"


def test_ps_without_models_and_without_a_server(cortex: Cortex, desk: Desk) -> None:
    desk.answers["GET /inferences/server/models"] = (200, {"data": []})
    assert cortex("ps").out == "No models loaded!\n"
    cortex_answers = desk.answers
    cortex_answers["DELETE /processManager/destroy"] = (200, {"message": "bye"})
    assert cortex("stop").out == "Server stopped!\n"
    done = cortex("ps")
    assert (done.code, done.out) == (0, "No models loaded!\n")
    assert "cortex start" in done.err


def test_stop_without_a_server_fails(cortex: Cortex) -> None:
    done = cortex("stop")
    assert done.code == 1
    assert "no server runs" in done.err


def test_the_api_key_of_the_configuration_is_sent(cortex: Cortex, home: Path, desk: Desk) -> None:
    with (home / "rc").open("a") as rc:
        rc.write("apiKeys: [k1, k2]\n")
    desk.answers["GET /inferences/server/models"] = (200, {"data": []})
    cortex("ps")
    assert desk.keys == {"Bearer k1"}


def test_start_beside_a_running_server_says_so(cortex: Cortex, desk: Desk) -> None:
    assert cortex("start").out == "The server has already started\n"


def test_a_port_of_another_program_is_named_with_a_way_out(cortex: Cortex, home: Path, desk: Desk) -> None:
    desk.health = "hello"
    port = read(home / "rc")["apiServerPort"]
    done = cortex("start")
    assert done.code == 1
    assert f"port {port} on 127.0.0.1 is in use" in done.err
    assert f"cortex start --port {port + 1}" in done.err
    assert "another program" in cortex("stop").err


def test_a_program_that_speaks_no_http_is_no_server(cortex: Cortex, home: Path) -> None:
    with socket.create_server(("127.0.0.1", read(home / "rc")["apiServerPort"])) as other:
        other.settimeout(10)
        asked = subprocess.Popen(
            [sys.executable, "-m", "cortex.cli", "--config_file_path", str(home / "rc"), "stop"], stderr=subprocess.PIPE
        )
        connection, _ = other.accept()
        with connection:
            connection.sendall(b"220 mail.example.org ready\r\n")
        _, said = asked.communicate(timeout=30)
    assert asked.returncode == 1
    assert b"no server runs" in said


def test_a_server_that_does_not_come_up_shows_its_last_words(
    cortex: Cortex, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dies = "import sys; print('first', flush=True); print('no such thing as luck', file=sys.stderr); sys.exit(3)"
    monkeypatch.setattr(background, "command", lambda config: [sys.executable, "-c", dies])
    done = cortex("start")
    assert done.code == 1
    assert "Could not start server: no such thing as luck" in done.err
    assert str(home / "data" / "logs" / "cortex.log") in done.err


def test_start_keeps_what_it_was_told(cortex: Cortex, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "ensure", lambda state, *options: True)
    data = home / "other"
    assert cortex("--data_folder_path", str(data), "start", "--host", "127.0.0.2", "--port", "4711").code == 0
    kept = read(home / "rc")
    assert (kept["apiServerHost"], kept["apiServerPort"], kept["dataFolderPath"]) == ("127.0.0.2", 4711, str(data))
    assert cortex("start", "--max-waiting", "9", "--request-timeout", "2m").code == 0
    settings = load(Flags(home / "rc"), environment={})
    assert (settings.max_waiting, settings.request_timeout) == (9, 120.0)
    kept = read(home / "rc")
    assert cortex("start", "--max-waiting", "many").code == 2
    assert cortex("start", "--port", "99999").code == 2
    assert read(home / "rc") == kept


def test_a_piped_chat_streams_replies_and_remembers(
    cortex: Cortex, home: Path, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    _import(cortex, home)
    desk.answers["POST /v1/models/start"] = (200, {})
    desk.answers[CHAT] = [
        delta(role="assistant", content=""),
        delta(reasoning_content="hm"),
        delta(content="Good "),
        delta(content="day"),
        json.dumps({"choices": [], "usage": {}}),
        "[DONE]",
    ]
    monkeypatch.setattr("sys.stdin", io.StringIO("Hello\n\nAgain\nexit()\nnever asked\n"))
    done = cortex("run", "tiny:1b")
    assert (done.code, done.out) == (0, "Good day\nGood day\n")
    assert "hm" in done.err
    roles = [[(message["role"], message["content"]) for message in body["messages"]] for body in desk.bodies(CHAT)]
    first = [("user", "Hello")]
    assert roles == [first, [*first, ("assistant", "Good day"), ("user", "Again")]]


@pytest.mark.parametrize(
    "answer", [(400, {"message": "too long"}), [delta(content="Go"), json.dumps({"error": {"message": "too long"}})]]
)
def test_a_piped_chat_ends_with_its_first_error(
    cortex: Cortex, home: Path, desk: Desk, monkeypatch: pytest.MonkeyPatch, answer: object
) -> None:
    _import(cortex, home)
    desk.answers |= {"POST /v1/models/start": (200, {}), CHAT: answer}
    monkeypatch.setattr("sys.stdin", io.StringIO("Hello\nAgain\n"))
    done = cortex("run", "tiny:1b")
    assert done.code == 1
    assert done.err.splitlines()[-1] == "Error: too long"
    assert len(desk.bodies(CHAT)) == 1


def test_run_without_a_name_takes_the_only_model_and_asks_among_several(
    cortex: Cortex, home: Path, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.answers["POST /v1/models/start"] = (200, {})
    _import(cortex, home, "a:1b")
    assert cortex("run", "-d").out.startswith("a:1b model started")
    _import(cortex, home, "b:1b")
    monkeypatch.setattr("sys.stdin", io.StringIO("2\n"))
    done = cortex("run", "-d")
    assert done.code == 2
    assert "a:1b, b:1b" in done.err


def test_run_of_a_repository_asks_among_its_files_that_are_here(cortex: Cortex, home: Path, desk: Desk) -> None:
    desk.answers["POST /v1/models/start"] = (200, {})
    for file in ("m-Q4_K_M.gguf", "m-Q8_0.gguf"):
        path = tiny.write(home / file)
        cortex("models", "import", "--model_id", f"author:Repo:{file}", "--model_path", str(path))
    for name in ("author/Repo", "https://huggingface.co/author/Repo"):
        done = cortex("run", "-d", name)
        assert (done.code, done.out) == (2, "")
        assert done.err == (
            f"Error: Say which model to run, {name} may be any of: author:Repo:m-Q4_K_M.gguf, author:Repo:m-Q8_0.gguf\n"
        )
    cortex("models", "delete", "author:Repo:m-Q8_0.gguf")
    assert cortex("run", "-d", "author/Repo").out.startswith("author:Repo:m-Q4_K_M.gguf model started")


def test_sizes_and_times_are_written_as_the_original_did() -> None:
    assert [show.size(count) for count in (0, 1023, 323202580, 2007931781)] == [
        "0.00 B",
        "1023.00 B",
        "308.23 MB",
        "1.87 GB",
    ]
    assert [show.duration(seconds) for seconds in (0, 7, 61, 3945)] == [
        "0 seconds",
        "7 seconds",
        "1 minute, 1 second",
        "1 hour, 5 minutes, 45 seconds",
    ]


def test_settings_are_kept_and_shown_a_list_with_a_row_for_each_item(cortex: Cortex, home: Path) -> None:
    done = cortex("config", "--allowed_origins", "http://a,http://b", "--api-keys", "k1", "--ctx_len", "2048")
    assert done.out == "Configuration updated successfully!\n"
    assert read(home / "rc") | {"apiKeys": ["k1"], "ctxLen": 2048} == read(home / "rc")
    lines = [line.split("|")[1:3] for line in cortex("config", "status").out.splitlines()[1::2]]
    rows = [(name.strip(), value.strip()) for name, value in lines]
    assert rows[:3] == [("Config name", "Value"), ("allowed_origins", "http://a"), ("allowed_origins", "http://b")]
    assert ("ctx_len", "2048") in rows
    assert "k1" not in str(rows)
    assert json.loads(cortex("config", "status", "--json").out)["allowed_origins"] == ["http://a", "http://b"]
    assert cortex("config").out == cortex("config", "status").out


def test_a_running_server_is_told_of_what_it_can_obey_at_once(cortex: Cortex, home: Path, desk: Desk) -> None:
    desk.answers["PATCH /v1/configs"] = (200, {"message": "Configuration updated successfully"})
    done = cortex("config", "--cors", "off", "--host", "0.0.0.0")
    assert done.code == 0
    assert desk.bodies("PATCH /v1/configs") == [{"cors": False}]
    assert read(home / "rc")["apiServerHost"] == "0.0.0.0"
    assert done.err == "host: holds from the next start on: `cortex stop`, then `cortex start`.\n"


def test_start_takes_the_original_s_options(cortex: Cortex, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flags: list[str] = []
    monkeypatch.setattr(background, "ensure", lambda state, *options: bool(flags.extend(options)) or True)
    words = "start --hf-token t --origins http://a --verify-ssl-peer off --loglevel debug --logspath logs --loglines 5"
    done = cortex(*words.split())
    assert (done.code, flags) == (0, ["--loglevel", "DEBUG"])
    assert done.err == "Warning: --loglines has no effect: the log is not cut\n"
    kept = read(home / "rc")
    assert (kept["huggingFaceToken"], kept["allowedOrigins"], kept["verifyPeerSsl"]) == ("t", ["http://a"], False)
    assert kept["logFolderPath"] == str(Path("logs").absolute())


def test_gpus_are_chosen_before_the_model_is_loaded(cortex: Cortex, home: Path, desk: Desk) -> None:
    _import(cortex, home)
    desk.answers["POST /v1/models/start"] = (200, {})
    desk.answers["POST /v1/hardware/activate"] = (200, {"activated_gpus": [0, 1]})
    assert cortex("run", "-d", "tiny:1b", "--gpus", "[0, 1]", "--flash-attn", "on", "--ngl", "5").code == 0
    assert [asked for asked, _ in desk.asked][:2] == ["POST /v1/hardware/activate", "POST /v1/models/start"]
    assert desk.bodies("POST /v1/models/start") == [{"model": "tiny:1b", "ngl": 5, "flash_attn": True}]
    assert cortex("hardware", "activate", "--gpus", "0,1").out == "Activated GPUs: 0 1\n"
    assert cortex("hardware", "activate", "--gpus", "[]").out == "Deactivated all GPUs!\n"


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ("run -d tiny --gpus x", 2, "--gpus must be numbers"),
        ("models start tiny --gpus x", 2, "--gpus must be numbers"),
        ("run tiny --tools /nowhere", 1, "/nowhere cannot be read: No such file"),
    ],
)
def test_a_slip_is_told_before_a_server_is_started(
    cortex: Cortex, home: Path, monkeypatch: pytest.MonkeyPatch, words: str, code: int, told: str
) -> None:
    started: list[object] = []
    monkeypatch.setattr(background, "ensure", lambda *options: bool(started.append(options)) or True)
    _import(cortex, home)
    done = cortex(*words.split())
    assert (done.code, started) == (code, [])
    assert told in done.err


def test_gpus_that_nobody_names_are_not_deactivated(cortex: Cortex, desk: Desk) -> None:
    done = cortex("hardware", "activate", "--gpus", "")
    assert (done.code, done.out, desk.bodies("POST /v1/hardware/activate")) == (2, "", [])


def test_what_no_server_starts_with_is_not_kept(cortex: Cortex, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "command", lambda config: [sys.executable, "-c", "import sys; sys.exit('no')"])
    before = (home / "rc").read_bytes()
    assert cortex("start", "--ctx_len", "512").code == 1
    assert (home / "rc").read_bytes() == before


def test_a_file_that_a_setting_names_is_there_and_named_whole(
    cortex: Cortex, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _import(cortex, home)
    monkeypatch.chdir(home)
    (home / "t.jinja").write_text("{{ tools }}")
    for key in ("template", "tool_prompt"):
        done = cortex("models", "update", "--model_id", "tiny:1b", f"--{key}", "nowhere")
        assert (done.code, done.err) == (
            2, f"Error: --{key}: {home / 'nowhere'} cannot be read: No such file or directory\n"
        )  # fmt: skip
        assert cortex("models", "update", "--model_id", "tiny:1b", f"--{key}", "t.jinja").code == 0
        assert json.loads(cortex("models", "list", "--json").out)[0][key] == str(home / "t.jinja")
        assert cortex("models", "update", "--model_id", "tiny:1b", f"--{key}", "").code == 0


def test_a_battery_and_a_gpu_are_drawn() -> None:
    gpu = {"id": "0", "name": "H100", "version": "9.0", "total_vram": 81559, "free_vram": 80000, "activated": True}
    more = {"additional_information": {"driver_version": "550", "compute_cap": "9.0"}}
    assert hardware.rows("gpu", [gpu | more]) == [("0", "H100", "9.0", 81559, 80000, "550", "9.0", "Yes")]
    power = {"battery_life": 80, "charging_status": "Discharging", "is_power_saving": False}
    assert hardware.rows("power", power) == [(80, "Discharging", "No")]
