"""The configuration: which of flag, environment, file and default wins, and that a file survives being written."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cortex.config import NAMED, SETTINGS, Config, Flags, Setting, load, persist, read
from cortex.config.paths import absolute
from cortex.core.errors import BadRequest
from cortex.models import modelfile

HOSTS = "::1, [::2]:80, .corp, *.corp, host:80, 10.0.0.0/8"


def _load(tmp_path: Path, text: str | None = None, flags: Flags | None = None, **environment: str) -> Config:
    file = tmp_path / "rc"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    return load(flags or Flags(), environment={"CORTEX_CONFIG": str(file)} | environment)


def test_without_a_file_the_original_s_defaults_hold(tmp_path: Path) -> None:
    config = _load(tmp_path)
    assert (config.host, config.port, config.url) == ("127.0.0.1", 39281, "http://127.0.0.1:39281")
    assert config.data_folder == Path.home() / "cortexcpp"
    assert load(environment={}).file == Path.home() / ".cortexrc"


def test_flag_wins_over_environment_over_file_over_default(tmp_path: Path) -> None:
    text = "apiServerPort: 1111\napiServerHost: host.file\n"
    assert _load(tmp_path).port == 39281
    assert _load(tmp_path, text).port == 1111
    assert _load(tmp_path, text, CORTEX_PORT="2222").port == 2222
    assert _load(tmp_path, text, Flags(port=3333), CORTEX_PORT="2222").port == 3333
    assert _load(tmp_path, text).host == "host.file"
    assert _load(tmp_path, text, CORTEX_HOST="host.env").host == "host.env"
    assert _load(tmp_path, text, Flags(host="host.flag"), CORTEX_HOST="host.env").host == "host.flag"


def test_a_data_folder_from_outside_takes_the_logs_along(tmp_path: Path) -> None:
    text = "dataFolderPath: /a\nlogFolderPath: /b\n"
    assert (_load(tmp_path, text).data_folder, _load(tmp_path, text).log_folder) == (Path("/a"), Path("/b"))
    moved = _load(tmp_path, text, CORTEX_DATA_FOLDER="/c")
    assert (moved.data_folder, moved.log) == (Path("/c"), Path("/c/logs/cortex.log"))
    assert _load(tmp_path, text, Flags(data_folder=Path("/d")), CORTEX_DATA_FOLDER="/c").data_folder == Path("/d")


def test_a_partial_file_is_enough(tmp_path: Path) -> None:
    config = _load(tmp_path, "apiServerHost: 0.0.0.0\nenableCors: true\n")
    assert (config.host, config.port, config.enable_cors) == ("0.0.0.0", 39281, True)
    assert config.url == "http://127.0.0.1:39281"
    assert _load(tmp_path, "").port == 39281


def test_a_byte_order_mark_and_a_port_in_quotes_are_what_the_original_wrote(tmp_path: Path) -> None:
    assert _load(tmp_path, '\ufeffapiServerPort: "4000"\n').port == 4000


def test_writing_keeps_what_others_wrote(tmp_path: Path) -> None:
    file = tmp_path / "rc"
    file.write_text('\ufefffuture: {deep: [1, 2]}\napiServerPort: "4000"\nllamacppVersion: ü\n', encoding="utf-8")
    persist(file, {"apiServerPort": "5000"})
    assert read(file) == {"future": {"deep": [1, 2]}, "apiServerPort": "5000", "llamacppVersion": "ü"}
    persist(file, {})
    assert load(Flags(file=file), environment={}).port == 5000
    assert [path.name for path in tmp_path.iterdir()] == ["rc"]


@contextmanager
def full_disk(size: int) -> Iterator[None]:
    """No file may grow beyond so many bytes."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.parametrize("size", [0, 10, 9000])
def test_a_file_that_cannot_be_written_is_as_it_was_and_nothing_lies_beside_it(tmp_path: Path, size: int) -> None:
    file = tmp_path / "rc"
    persist(file, {"apiServerPort": 4000})
    with full_disk(size), pytest.raises(BadRequest, match="cannot be written"):
        persist(file, {"noProxy": "host," * 5000})
    assert read(file) == {"apiServerPort": 4000}
    assert [path.name for path in tmp_path.iterdir()] == ["rc"]
    with full_disk(size), pytest.raises(OSError):
        modelfile.write(tmp_path / "model.yml", {"id": "m" * 20000}, {})
    assert [path.name for path in tmp_path.iterdir()] == ["rc"]


def test_a_file_that_holds_keys_is_its_owner_s_alone(tmp_path: Path) -> None:
    persist(tmp_path / "rc", {"apiKeys": ["sk-one"]})
    assert (tmp_path / "rc").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("apiServerPort: many", "apiServerPort"),
        ("apiServerPort: 70000", "apiServerPort"),
        ("enableCors: perhaps", "enableCors"),
        ("apiKeys: secret", "apiKeys"),
        ('apiKeys: [""]', "none of them empty"),
        ("apiKeys: [ключ]", "in ASCII"),
        ("dataFolderPath: [a]", "dataFolderPath"),
        ("- a list", "key: value"),
        ("a: b: c", "cannot be read"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(BadRequest, match=why):
        _load(tmp_path, text)


def test_a_wrong_port_in_the_environment_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="CORTEX_PORT"):
        _load(tmp_path, CORTEX_PORT="http")


def test_an_ipv6_host_gets_its_brackets(tmp_path: Path) -> None:
    assert _load(tmp_path, CORTEX_HOST="::").url == "http://[::1]:39281"


@pytest.mark.parametrize(
    ("text", "size"),
    [("", 2 << 30), ("prefixCache: 500MB", 500_000_000), ("prefixCache: off", 0), ("prefixCache: 0", 0)],
)
def test_disk_for_what_is_kept_over_a_restart_has_a_size_or_is_off(tmp_path: Path, text: str, size: int) -> None:
    assert _load(tmp_path, text).prefix_cache == size


@pytest.mark.parametrize("value", ["10%", "much", "-1", "[]"])
def test_a_size_on_disk_that_cannot_be_meant_is_refused_by_name(tmp_path: Path, value: str) -> None:
    with pytest.raises(BadRequest, match="prefixCache"):
        _load(tmp_path, f"prefixCache: {value}")


@pytest.mark.parametrize(
    ("text", "environment", "waiting", "timeout"),
    [
        ("", {}, 256, 60.0),
        ("maxWaiting: 5\nrequestTimeout: 2m", {}, 5, 120.0),
        ("maxWaiting: 5\nrequestTimeout: off", {"CORTEX_MAX_WAITING": "0", "CORTEX_REQUEST_TIMEOUT": "90"}, 0, 90.0),
        ("requestTimeout: off", {}, 256, None),
    ],
)
def test_how_many_may_wait_and_how_long_a_request_may_take(
    tmp_path: Path, text: str, environment: dict[str, str], waiting: int, timeout: float | None
) -> None:
    settings = _load(tmp_path, text, **environment)
    assert (settings.max_waiting, settings.request_timeout) == (waiting, timeout)


def test_a_line_of_less_than_none_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="maxWaiting"):
        _load(tmp_path, "maxWaiting: -1")


# -- every setting -----------------------------------------------------------------------------------------------------


def row(each: Setting) -> str:
    """The setting's line in docs/configuration.md."""
    value = each.kind.write(each.default)
    value = ", ".join(value) if each.kind.many else str(value).lower() if isinstance(value, bool) else value
    default = f"`{value}`" if value not in ("", None) else ""
    later = "" if each.live else ". From the next start on"
    return f"| `{each.name}` | `{each.key}` | {default} | {each.about}: {each.kind.what}{later} |"


def test_the_documentation_lists_every_setting_with_its_default() -> None:
    page = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")
    listed = [line for line in page.splitlines() if line.startswith("| `")]
    assert listed == [row(each) for each in SETTINGS]


@pytest.mark.parametrize("each", SETTINGS, ids=lambda each: each.name)
def test_every_setting_has_a_field_and_its_default_survives_being_written(each: Setting, tmp_path: Path) -> None:
    plain = _load(tmp_path)
    assert getattr(plain, each.field) == each.default
    persist(tmp_path / "rc", {each.key: each.kind.write(each.default)})
    assert getattr(_load(tmp_path), each.field) == each.default


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("memory_budget", "8GB", 8 * 10**9),
        ("memory_budget", "8 GiB", 8 * 2**30),
        ("memory_budget", "1.5g", 3 * 2**29),
        ("memory_budget", "50%", 0.5),
        ("keep_alive", "90", 90.0),
        ("keep_alive", "1h30m", 5400.0),
        ("keep_alive", "0", 0.0),
        ("keep_alive", "off", None),
        ("keep_alive", "-1", None),
        ("request_timeout", "1", 1.0),
        ("request_timeout", "off", None),
        ("proxy_url", "https://me:secret@proxy.example.org:3128/", "https://me:secret@proxy.example.org:3128/"),
        ("proxy_url", "http://[::1]:3128", "http://[::1]:3128"),
        ("proxy_url", "", ""),
        ("no_proxy", "*", "*"),
        ("no_proxy", HOSTS, HOSTS),
        ("huggingface_token", " hf_x\n", "hf_x"),
        ("api_keys", "one, two", ("one", "two")),
        ("cors", "OFF", False),
        ("flash_attn", "on", True),
        ("flash_attn", "auto", None),
        ("ngl", "-1", -1),
    ],
)
def test_flag_and_environment_say_the_same_as_the_file(tmp_path: Path, name: str, text: str, value: object) -> None:
    field = NAMED[name].field
    assert getattr(_load(tmp_path, None, Flags(settings={name: text})), field) == value
    assert getattr(_load(tmp_path, None, None, **{f"CORTEX_{name.upper()}": text}), field) == value
    persist(tmp_path / "rc", {NAMED[name].key: NAMED[name].kind.write(value)})
    assert getattr(_load(tmp_path), field) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("memory_budget", "0"),
        ("memory_budget", "200%"),
        ("memory_budget", "8 elephants"),
        ("keep_alive", "soon"),
        ("keep_alive", "5m5"),
        ("keep_alive", "1e99"),
        ("keep_alive", ""),
        ("n_parallel", "0"),
        ("n_parallel", "1.5"),
        ("cache_type", "f64"),
        ("request_timeout", "0"),
        ("request_timeout", "0.5s"),
        ("request_timeout", "-5"),
        ("proxy_url", "proxy:3128"),
        ("proxy_url", "socks5://proxy:1080"),
        ("proxy_url", "http://"),
        ("proxy_url", "http://["),
        ("proxy_url", "http://proxy:port"),
        ("proxy_url", "http://proxy:0"),
        ("proxy_url", "http://proxy:65536"),
        ("proxy_url", "http://proxy/path"),
        ("proxy_url", "http://pro xy"),
        ("proxy_url", "http://pröxy"),
        ("no_proxy", "["),
        ("no_proxy", ":::::"),
        ("no_proxy", "[host]"),
        ("no_proxy", "höst"),
        ("no_proxy", "http://host"),
        ("api_keys", "sk-one,schlüssel"),
        ("api_keys", "a\nb"),
        ("huggingface_token", "hf_ü"),
        ("flash_attn", "maybe"),
    ],
)
def test_what_a_flag_cannot_mean_is_refused_by_its_name(tmp_path: Path, name: str, text: str) -> None:
    with pytest.raises(BadRequest, match=f"--{name} must be"):
        _load(tmp_path, None, Flags(settings={name: text}))


@pytest.mark.parametrize(
    ("size", "shown"), [(8 << 30, "8 GiB"), (4 * 10**9, "4 GB"), (1500 * 10**6, "1500 MB"), (7, "7 B"), (0.75, "75%")]
)
def test_a_size_is_shown_in_the_unit_that_it_was_given_in(size: int | float, shown: str) -> None:
    assert NAMED["memory_budget"].kind.write(size) == shown


def test_a_secret_is_not_repeated_in_an_error(tmp_path: Path) -> None:
    with pytest.raises(BadRequest) as error:
        _load(tmp_path, "apiKeys: {a: sk-secret}\n")
    assert "sk-secret" not in error.value.message


def test_a_token_of_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    assert _load(tmp_path, "huggingFaceToken: old\n", HF_TOKEN="new").huggingface_token == "new"


def test_nobody_s_home_is_a_name_like_any_other(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "mine"))
    monkeypatch.chdir(tmp_path)
    assert absolute("~/a.gguf") == tmp_path / "mine" / "a.gguf"
    assert absolute("~nobody9/a.gguf") == tmp_path / "~nobody9" / "a.gguf"
