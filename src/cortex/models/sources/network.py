"""How downloads leave this machine: the configuration's proxy and certificate settings, for every source.

A proxy of the environment (HTTPS_PROXY, NO_PROXY ...) wins over the configuration's. pip takes the proxy from us, and
everything else from its own settings.
"""

from __future__ import annotations

import os
import ssl
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from cortex.config import Config

if TYPE_CHECKING:
    import httpx

PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")
PATIENCE = 10.0  # seconds without an answer of a hub, after which the next source is tried


@dataclass(frozen=True, slots=True)
class Network:
    """`proxy` "" is none. `without` are hosts that are reached without it. `verify`: whether a source's certificate is
    checked, and whether its name is; `verify_proxy` the same for the proxy's."""

    proxy: str = ""
    without: tuple[str, ...] = ()
    verify: tuple[bool, bool] = (True, True)
    verify_proxy: tuple[bool, bool] = (True, True)


_network = Network()
_hubs: Network | None = None  # what `huggingface_hub` was told


def use(config: Config) -> None:
    """Let all downloads of this process go as `config` says, from now on."""
    global _network
    _network = Network(
        proxy=_with_user(config.proxy_url, config.proxy_username, config.proxy_password),
        without=tuple(host for host in (part.strip() for part in config.no_proxy.split(",")) if host),
        verify=(config.verify_peer_ssl, config.verify_host_ssl),
        verify_proxy=(config.verify_proxy_ssl, config.verify_proxy_host_ssl),
    )


def client(**options: Any) -> httpx.Client:
    """A client of the network; `options` are httpx's."""
    import httpx  # late: it takes a quarter of a second to import, and most commands need no download

    return httpx.Client(follow_redirects=True, **_options(httpx), **options)


def hub() -> None:
    """Let `huggingface_hub` use the network too, with an end to its patience. To be called before each use of it."""
    global _hubs
    if _hubs == _network:
        return
    from huggingface_hub import get_session, set_client_factory

    # httpx in its version 1, httpx2 in version 2; its hooks are what makes HF_HUB_OFFLINE hold.
    library = sys.modules[type(get_session()).__module__.split(".")[0]]
    options = {"event_hooks": get_session().event_hooks, "follow_redirects": True, "timeout": PATIENCE}
    set_client_factory(lambda: library.Client(**_options(library), **options))
    _hubs = _network


def environment() -> Mapping[str, str]:
    """The environment of a program that we start: with the configuration's proxy, where it has none itself."""
    if not _proxied():
        return os.environ
    own = dict.fromkeys(("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"), _network.proxy)
    return {**own, "NO_PROXY": ",".join(_network.without), **os.environ}


def _proxied() -> bool:
    """Whether the configuration's proxy is the one to use."""
    return bool(_network.proxy) and not any(os.environ.get(name) or os.environ.get(name.lower()) for name in PROXIES)


def _options(library: Any) -> dict[str, Any]:
    verify = _context(_network.verify)
    if not _proxied():
        return {"verify": verify}
    checked = _network.proxy.startswith("https:") and _network.verify_proxy != (True, True)
    context = _context(_network.verify_proxy) if checked else None
    through = library.HTTPTransport(proxy=library.Proxy(_network.proxy, ssl_context=context), verify=verify)
    direct = {pattern: None for host in _network.without for pattern in _patterns(host)}
    return {"verify": verify, "mounts": {"all://": through, **direct}}


def _context(verify: tuple[bool, bool]) -> ssl.SSLContext | bool:
    peer, name = verify
    if peer and name:
        return True
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED if peer else ssl.CERT_NONE
    return context


def _patterns(host: str) -> tuple[str, ...]:
    """The addresses at a host that needs no proxy, and below it, as httpx writes them."""
    if host == "*":
        return ("all://*",)
    name = host.removeprefix("*").removeprefix(".")
    if name.count(":") > 1:  # an address of IPv6, with brackets or without
        return (f"all://{name}",) if name.startswith("[") else (f"all://[{name}]",)
    return (f"all://{name}", f"all://*.{name}")


def _with_user(address: str, user: str, password: str) -> str:
    """The proxy's address with the name and password that it wants."""
    parts = urlsplit(address)
    if not user or not parts.netloc or "@" in parts.netloc:
        return address
    login = quote(user, safe="") + (f":{quote(password, safe='')}" if password else "")
    return parts._replace(netloc=f"{login}@{parts.netloc}").geturl()
