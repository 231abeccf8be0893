"""Kinds of settings: how a value is read, from YAML, JSON or a command line, and how it is written."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

Read = Callable[[Any], Any]
WORDS = {"true": True, "on": True, "yes": True, "1": True, "false": False, "off": False, "no": False, "0": False}
UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
UNITS |= {"kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}
SECONDS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
NAME = re.compile(r"\w[\w.-]*", re.ASCII)  # of a host; also a number of IPv4
HOSTED = re.compile(r"\*|(?:\*?\.)?\w[\w.-]*(?::\d{1,5})?(?:/\d{1,3})?", re.ASCII)  # in no_proxy, but for IPv6
VISIBLE = re.compile(r"[\x21-\x7e]+")
KEY = re.compile(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?")  # what a header can carry
LONGEST = 10 * 365 * 86400.0  # seconds


@dataclass(frozen=True, slots=True)
class Kind:
    """`what` says in words what belongs here. `read` raises ValueError for anything else; `write` gives what YAML and
    JSON can hold, and what `read` takes again. `many` are lists: on a command line their items stand between commas."""

    what: str
    read: Read
    write: Callable[[Any], Any] = lambda value: value
    many: bool = False


def _text(value: Any) -> str:
    if value is None or isinstance(value, dict | list | bool):
        raise ValueError
    return str(value)


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or any(isinstance(item, dict | list) or item is None for item in value):
        raise ValueError
    return tuple(str(item) for item in value)


def _switch(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if not isinstance(value, str) or value.lower() not in WORDS:
        raise ValueError
    return WORDS[value.lower()]


def _whole(value: Any) -> int:
    if isinstance(value, bool) or (isinstance(value, float) and value != int(value)):
        raise ValueError
    return int(_text(value)) if isinstance(value, str) else int(value)


def _size(value: Any) -> int | float:
    """Bytes, or the fraction of the machine's memory."""
    text = _text(value).strip().lower()
    if match := re.fullmatch(r"(\d+(?:\.\d+)?)\s*%", text):
        fraction = float(match[1]) / 100
        if not 0 < fraction <= 1:
            raise ValueError
        return fraction
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?i?b?)", text)
    if not match or match[2] not in UNITS or float(match[1]) <= 0:
        raise ValueError
    return int(float(match[1]) * UNITS[match[2]])


def _room(value: Any) -> int:
    """Bytes; 0 for `off`."""
    if value in (0, False, "0", "off"):
        return 0
    size = _size(value)
    if isinstance(size, float):
        raise ValueError
    return size


def _sized(value: int | float) -> str:
    if isinstance(value, float):
        return f"{value * 100:g}%"
    for unit in ("TiB", "GiB", "MiB", "GB", "MB"):
        if value % UNITS[unit.lower()] == 0:
            return f"{value // UNITS[unit.lower()]} {unit}"
    return f"{value} B"


def duration(value: Any) -> float | None:
    """Seconds; None where something shall last for ever (`off`, or -1 as Ollama has it). Raises ValueError."""
    if value is False or (isinstance(value, str) and value.lower() in ("off", "never", "-1")) or value == -1:
        return None
    if isinstance(value, bool):
        raise ValueError
    text = _text(value).strip().lower()
    parts = re.findall(r"(\d+(?:\.\d+)?)\s*([smhd]?)", text)
    if not parts or "".join(f"{number}{unit}" for number, unit in parts) != text.replace(" ", ""):
        raise ValueError
    if len(parts) > 1 and not all(unit for _, unit in parts):
        raise ValueError
    seconds = sum(float(number) * SECONDS[unit] for number, unit in parts)
    if seconds > LONGEST:
        raise ValueError
    return seconds


def lasting(seconds: float | None) -> str:
    """What `duration` reads again: `off`, `90s`, `30m`."""
    if seconds is None:
        return "off"
    for unit in ("h", "m"):
        if seconds and seconds % SECONDS[unit] == 0:
            return f"{seconds / SECONDS[unit]:g}{unit}"
    return f"{seconds:g}s"


def _patience(value: Any) -> float | None:
    seconds = duration(value)
    if seconds is not None and seconds < 1:  # nothing would arrive in time, not even a better setting
        raise ValueError
    return seconds


def _address(value: Any) -> str:
    """Of a proxy. SOCKS needs a package of its own, which httpx only takes where it is installed."""
    text = _text(value)
    url = urlsplit(text)  # raises for what is no address
    beyond = url.path.strip("/") or url.query or url.fragment
    there = url.scheme in ("http", "https") and _host(url.hostname or "") and url.port != 0 and not beyond
    if text and not (there and VISIBLE.fullmatch(text)):
        raise ValueError
    return text


def _hosts(value: Any) -> str:
    text = _text(value)
    for part in filter(None, map(str.strip, text.split(","))):
        if not HOSTED.fullmatch(part) and not _number(re.sub(r"^\[(.+)\](:\d{1,5})?$", r"\1", part)):
            raise ValueError
    return text


def _host(name: str) -> bool:
    return bool(NAME.fullmatch(name)) or _number(name)


def _number(name: str) -> bool:
    """Whether it is an address of IPv6 (or IPv4)."""
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _keys(value: Any) -> tuple[str, ...]:
    keys = _texts(value)
    if not all(map(KEY.fullmatch, keys)):
        raise ValueError
    return keys


def _token(value: Any) -> str:
    text = _text(value).strip()
    if text and not KEY.fullmatch(text):
        raise ValueError
    return text


def whole(low: int, high: int, what: str = "") -> Kind:
    """Whole numbers from `low` to `high`."""

    def read(value: Any) -> int:
        number = _whole(value)
        if not low <= number <= high:
            raise ValueError
        return number

    return Kind(what or f"a whole number from {low} to {high}", read)


def maybe(kind: Kind) -> Kind:
    """The same, or `auto`: None, and somebody else decides."""

    def read(value: Any) -> Any:
        return None if value is None or value == "auto" else kind.read(value)

    return Kind(f"{kind.what}, or auto", read, lambda value: "auto" if value is None else kind.write(value))


def one_of(*names: str) -> Kind:
    def read(value: Any) -> str:
        if value not in names:
            raise ValueError
        return str(value)

    return Kind(f"one of {', '.join(names)}", read)


TEXT = Kind("a text", _text)
TEXTS = Kind("a list of texts", _texts, list, many=True)
SWITCH = Kind("true or false", _switch)
SIZE = Kind("a size such as 8GB or 75%", _size, _sized)
ROOM = Kind("a size such as 2GB, or off", _room, lambda value: _sized(value) if value else "off")
DURATION = Kind("a time such as 90s, 30m or 2h, or off", duration, lasting)
PATIENCE = Kind("a time of a second or more, such as 90s, 30m or 2h, or off", _patience, lasting)
ADDRESS = Kind("an address such as http://proxy:3128, of http or https", _address)
HOSTS = Kind("hosts between commas, such as localhost,.example.com", _hosts)
KEYS = Kind("a list of keys in ASCII, none of them empty", _keys, list, many=True)
TOKEN = Kind("a text in ASCII", _token)
