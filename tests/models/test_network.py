"""Proxies and certificates, for every source: what the environment says, then what the configuration says."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest

from cortex.config import Config
from cortex.core.errors import CortexError
from cortex.models.catalogue import Catalogue
from cortex.models.pull import pull
from cortex.models.sources import Unreachable, line, network
from cortex.models.store import Store
from models import tiny
from models.heard import Heard
from models.hub import Hub, serving

GGUF = tiny.gguf()
SHA256 = hashlib.sha256(GGUF).hexdigest()
NOTHING = Catalogue({})
CERTIFICATE = Path(__file__).with_name("other_invalid.pem")  # for a host of that name, signed by nobody


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "data")


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, cache: Path) -> Iterator[None]:
    """No proxy at first; and none is left behind."""
    for name in (*network.PROXIES, "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setattr(line, "PAUSE", 0.01)
    huggingface_hub.close_session()
    yield
    network.use(_config())
    huggingface_hub.close_session()


def _config(**settings: Any) -> Config:
    return Config(file=Path("rc"), data_folder=Path("data"), log_folder=Path("data"), **settings)


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """The hub is at an address that only the proxy knows. That is the loopback hub, which takes whole addresses."""
    with serving(Hub({"author/Repo": {"main": {"f.gguf": GGUF}}})) as proxy:
        monkeypatch.setenv("HF_ENDPOINT", "http://hub.invalid")
        yield proxy


def _hosts(proxy: Hub) -> set[str]:
    return {asked.host.partition(":")[0] for asked in proxy.asked}


def test_a_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch, store: Store, proxy: Hub) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.setenv("NO_PROXY", "localhost")
    network.use(_config(proxy_url="http://127.0.0.1:9"))  # the environment comes first
    assert pull(store, "author:Repo:f.gguf", Heard(), catalogue=NOTHING).sha256 == SHA256
    assert _hosts(proxy) == {"hub.invalid", "localhost"}


def test_a_proxy_of_the_configuration_is_used(store: Store, proxy: Hub) -> None:
    network.use(_config(proxy_url=proxy.url, proxy_username="me", proxy_password="p@ss", no_proxy="localhost, ::1"))
    assert pull(store, "author/Repo", Heard(), catalogue=NOTHING).sha256 == SHA256
    assert _hosts(proxy) == {"hub.invalid", "localhost"}
    assert {asked.proxy for asked in proxy.asked if asked.host == "hub.invalid"} == {"Basic bWU6cEBzcw=="}


def test_a_changed_proxy_holds_at_once(store: Store, proxy: Hub) -> None:
    network.use(_config(proxy_url="http://127.0.0.1:9"))
    with pytest.raises(Unreachable):
        pull(store, "author:Repo:f.gguf", Heard(), catalogue=NOTHING)
    network.use(_config(proxy_url=proxy.url, no_proxy="localhost"))
    assert pull(store, "author:Repo:f.gguf", Heard(), catalogue=NOTHING).sha256 == SHA256


@pytest.mark.parametrize("host", ["*", "::1", "[::1]", "[::1]:8080", ".corp", "*.corp", "host:8080", "10.0.0.0/8"])
def test_every_way_to_write_a_host_without_a_proxy_makes_a_client(host: str) -> None:
    network.use(_config(proxy_url="http://proxy:3128", no_proxy=host))
    network.client().close()


def test_pip_is_given_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    network.use(_config(proxy_url="http://proxy:3128", no_proxy="localhost,.corp"))
    told = network.environment()
    assert (told["HTTPS_PROXY"], told["http_proxy"]) == ("http://proxy:3128",) * 2
    assert told["NO_PROXY"] == "localhost,.corp"
    monkeypatch.setenv("https_proxy", "http://mine:1")
    assert "HTTPS_PROXY" not in network.environment()


@pytest.mark.parametrize(
    ("settings", "trusted", "works"),
    [
        ({}, False, False),
        ({"verify_peer_ssl": False}, False, True),
        ({}, True, False),  # it is another host's certificate
        ({"verify_host_ssl": False}, True, True),
        ({"verify_host_ssl": False}, False, False),
    ],
)
def test_certificates_are_checked_unless_somebody_says_otherwise(
    store: Store, monkeypatch: pytest.MonkeyPatch, settings: dict[str, bool], trusted: bool, works: bool
) -> None:
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    network.use(_config(**settings))
    with serving(Hub({"author/Repo": {"main": {"f.gguf": GGUF}}}, files={"/f.gguf": GGUF}), context) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        for name in (hub.url.replace("127.0.0.1", "localhost") + "/f.gguf", "author/Repo"):
            try:
                assert pull(store, name, Heard(), catalogue=NOTHING).sha256 == SHA256
            except CortexError as error:
                assert "certificate" in error.message.lower()
                assert not works
            else:
                assert works
