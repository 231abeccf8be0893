"""One address that is asked, patiently: broken connections and busy servers are tried again. Keeps nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cortex.models.sources import Denied, Missing, Unreachable

if TYPE_CHECKING:
    import httpx

TRIES = 5  # in a row without one new byte
PAUSE = 0.5  # seconds before the second try; doubled with each further one
AGAIN = (408, 425, 429, 500, 502, 503, 504)  # answers that may be another one in a moment


class Again(Exception):
    """An answer that was not what it should be, and may be in a moment."""


@dataclass(slots=True)
class Line:
    """Several threads may ask at once, until it is `stopped`. `reached`: it has answered at least once."""

    client: httpx.Client
    url: str
    stopped: threading.Event = field(default_factory=threading.Event)
    reached: bool = False

    @property
    def host(self) -> str:
        import httpx

        return httpx.URL(self.url).host

    def ask(
        self,
        use: Callable[[httpx.Response], None],
        headers: Callable[[], Mapping[str, str]],
        place: Callable[[], int] = lambda: 0,
    ) -> None:
        """GET the address and `use` the answer, which may not have been read yet.

        `headers` is asked before each try. As long as `place` moves on, there is another try. Raises `Unreachable`.
        """
        import httpx

        failures = 0
        while not self.stopped.is_set():
            before = place()
            try:
                with self.client.stream("GET", self.url, headers=headers()) as answer:
                    self._accept(answer)
                    return use(answer)
            except (httpx.TransportError, Again) as error:
                failures = 1 if place() > before else failures + 1
                unknown = not self.reached and isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
                if failures >= TRIES or unknown:  # a host that never answered is given up at once
                    raise Unreachable(f"{self.host} cannot be reached: {error or type(error).__name__}") from error
                self.stopped.wait(PAUSE * 2 ** (failures - 1))
        return None

    def _accept(self, answer: httpx.Response) -> None:
        self.reached = True
        said = f"{answer.url.host} answered {answer.status_code} {answer.reason_phrase} for {self.url}"
        match answer.status_code:
            case 200 | 206:
                return
            case code if code in AGAIN:
                raise Again(said)
            case 401 | 403:
                raise Denied(f"{said}: it wants to know who asks")
            case 404 | 410:
                raise Missing(said)
            case 416:
                raise Missing(f"{said}: the file is empty")
        raise Unreachable(said)
