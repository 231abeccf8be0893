"""The error tree, by whose fault it is. No HTTP here; `status` and `kind` say how an API words it.

CortexError
  BadRequest      the client asked for something that cannot be done (400)
    TooLong       the prompt does not fit into the context (400, context_length_exceeded)
  NotFound        there is no such model or thing (404)
  Busy            not now; a later try may succeed (503)
    Crowded       too many requests wait already (429)
  EngineError     ours: the engine failed or ended (500)
    LoadError     a model cannot be loaded: its file is broken, a setting is wrong (503)
      NoRoom      too little memory is free now (503)
        TooBig    it needs more memory than models may take at all (503)
"""

from __future__ import annotations

from typing import ClassVar


class CortexError(Exception):
    """An error with a message for people.

    `param` names the request's field at fault, dotted: `tools.0.function.name`. `again`: the seconds after which the
    same request may well succeed; None where it would fail again.
    """

    status: ClassVar[int] = 500
    kind: ClassVar[str] = "server_error"
    code: str | None = None
    again: ClassVar[int | None] = None

    def __init__(self, message: str, *, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.message, self.param = message, param
        self.code = code or type(self).code


class BadRequest(CortexError):
    status = 400
    kind = "invalid_request_error"
    code = "invalid_value"


class TooLong(BadRequest):
    code = "context_length_exceeded"


class NotFound(CortexError):
    status = 404
    kind = "invalid_request_error"
    code = "not_found"


class Busy(CortexError):
    status = 503
    kind = "server_error"
    code = "busy"
    again = 5


class Crowded(Busy):
    status = 429
    kind = "requests"  # what OpenAI's own say where there were too many of them
    code = "rate_limit_exceeded"


class EngineError(CortexError):
    code = "engine_error"


class LoadError(EngineError):
    status = 503
    code = "model_load_failed"


class NoRoom(LoadError):
    code = "insufficient_memory"
    again: ClassVar[int | None] = 30


class TooBig(NoRoom):
    again = None
