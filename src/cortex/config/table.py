"""Every setting that there is, once: what it is called where, what it may be, and what it is where nobody says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cortex.config.kinds import (
    ADDRESS,
    DURATION,
    HOSTS,
    KEYS,
    PATIENCE,
    ROOM,
    SIZE,
    SWITCH,
    TEXT,
    TEXTS,
    TOKEN,
    Kind,
    maybe,
    one_of,
    whole,
)
from cortex.core.errors import BadRequest

HOST, PORT = "127.0.0.1", 39281
ORIGINS = tuple(f"http://{host}:{PORT}" for host in ("localhost", "127.0.0.1", "0.0.0.0"))
MOST = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Setting:
    """`name` is its name in `/v1/configs`, on command lines and in the environment (`CORTEX_` before it, in capitals);
    `key` its name in `.cortexrc`; `field` in `Config`. `live`: a running server obeys a change at once. A `secret` is
    never shown. `others` are further variables of the environment that say the same."""

    name: str
    key: str
    kind: Kind
    default: Any
    about: str
    live: bool = True
    secret: bool = False
    others: tuple[str, ...] = ()

    @property
    def field(self) -> str:
        return {"cors": "enable_cors"}.get(self.name, self.name)

    @property
    def variables(self) -> tuple[str, ...]:
        return (f"CORTEX_{self.name.upper()}", *self.others)

    def read(self, value: Any, called: str = "") -> Any:
        """`value` as it was written somewhere, understood. `BadRequest` says what would be right; `called` is what the
        writer calls this setting."""
        try:
            return self.kind.read(value)
        except (ValueError, TypeError, OverflowError):
            name = called or self.name
            shown = "what was given" if self.secret else repr(value)
            raise BadRequest(f"{name} must be {self.kind.what}, not {shown}", param=name) from None

    def read_text(self, text: str, called: str = "") -> Any:
        """The same for a text of a command line or of the environment, where items stand between commas."""
        items = [item.strip() for item in text.split(",") if item.strip()]
        return self.read(items if self.kind.many else text, called)


PORT_NUMBER = whole(1, 65535, "a port number (1 to 65535)")
# The lowest and highest number that a model may be loaded with: llama.cpp has 256 sequences, of which we use two a
# request, and 512 threads.
BOUNDS = {"ctx_len": (1, MOST), "n_parallel": (1, 128), "ngl": (-1, MOST), "cpu_threads": (0, 512)}
CACHE_TYPES = ("f16", "q8_0", "q4_0")

SETTINGS: tuple[Setting, ...] = (
    Setting("host", "apiServerHost", TEXT, HOST, "the address to listen at", live=False),
    Setting("port", "apiServerPort", PORT_NUMBER, PORT, "the port to listen at", live=False),
    Setting("cors", "enableCors", SWITCH, True, "whether web pages of other origins may ask"),
    Setting("allowed_origins", "allowedOrigins", TEXTS, ORIGINS, "the web pages that may ask; * allows all"),
    Setting("api_keys", "apiKeys", KEYS, (), "who asks needs one of these; empty lets everybody in", secret=True),
    Setting(
        *("huggingface_token", "huggingFaceToken", TOKEN, "", "for gated repositories"),
        secret=True,
        others=("HF_TOKEN",),
    ),
    Setting("github_token", "gitHubToken", TEXT, "", "kept for the original's sake; nothing uses it", secret=True),
    Setting("proxy_url", "proxyUrl", ADDRESS, "", "downloads go through this proxy"),
    Setting("proxy_username", "proxyUsername", TEXT, "", "for the proxy"),
    Setting("proxy_password", "proxyPassword", TEXT, "", "for the proxy", secret=True),
    Setting("no_proxy", "noProxy", HOSTS, "example.com,::1,localhost,127.0.0.1", "hosts that need no proxy"),
    Setting("verify_proxy_ssl", "verifyProxySsl", SWITCH, True, "check the certificate of an https proxy"),
    Setting("verify_proxy_host_ssl", "verifyProxyHostSsl", SWITCH, True, "check that it names the proxy's host"),
    Setting("verify_peer_ssl", "verifyPeerSsl", SWITCH, True, "check the certificates of sources"),
    Setting("verify_host_ssl", "verifyHostSsl", SWITCH, True, "check that they name the source's host"),
    Setting("memory_budget", "memoryBudget", SIZE, 0.75, "what all loaded models may take together"),
    Setting("memory_wait", "memoryWait", DURATION, 60.0, "how long a request waits for models at work to make room"),
    Setting("max_waiting", "maxWaiting", whole(0, MOST), 256, "how many requests may wait for one model"),
    Setting("request_timeout", "requestTimeout", PATIENCE, 60.0, "how long a request may take to arrive"),
    Setting("keep_alive", "keepAlive", DURATION, 1800.0, "how long a model stays loaded without work"),
    Setting(
        "prefix_cache", "prefixCache", ROOM, 2 << 30, "disk for beginnings of prompts that are kept over a restart"
    ),
    Setting("ctx_len", "ctxLen", maybe(whole(*BOUNDS["ctx_len"])), None, "tokens of context for one request"),
    Setting(
        "n_parallel", "nParallel", maybe(whole(*BOUNDS["n_parallel"])), None, "requests that one model decodes together"
    ),
    Setting("ngl", "ngl", maybe(whole(*BOUNDS["ngl"])), None, "layers on the GPU; -1: all"),
    Setting("cache_type", "cacheType", maybe(one_of(*CACHE_TYPES)), None, "the numbers of the KV cache"),
    Setting("flash_attn", "flashAttn", maybe(SWITCH), None, "flash attention; auto leaves it to llama.cpp"),
    Setting(
        "cpu_threads",
        "cpuThreads",
        maybe(whole(*BOUNDS["cpu_threads"])),
        None,
        "threads of a model; 0: as many as compute best",
    ),
)
NAMED = {setting.name: setting for setting in SETTINGS}
LOADING = ("ctx_len", "n_parallel", "ngl", "cache_type", "flash_attn", "cpu_threads")  # defaults for every model


def setting(name: str) -> Setting:
    """The setting of this name; `BadRequest` where there is none."""
    if name not in NAMED:
        raise BadRequest(f"{name} is not a setting; there are: {', '.join(NAMED)}", param=name, code="unknown_setting")
    return NAMED[name]
