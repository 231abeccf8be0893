"""Errors as JSON: OpenAI's error object, and beside it the flat `message` that Cortex's clients read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cortex.core.errors import BadRequest, CortexError, NotFound


class TooLarge(BadRequest):
    status = 413
    code = "request_too_large"


class TooSlow(BadRequest):
    status = 408
    code = "request_timeout"


class BadEncoding(BadRequest):
    status = 415
    code = "unsupported_content_encoding"


class Unauthorized(CortexError):
    status = 401
    kind = "invalid_request_error"
    code = "invalid_api_key"


class Forbidden(CortexError):
    status = 403
    kind = "request_forbidden"
    code = "origin_not_allowed"


class NoRoute(NotFound):
    code = "unknown_url"


class WrongMethod(CortexError):
    status = 405
    kind = "invalid_request_error"
    code = "method_not_allowed"


class Crash(CortexError):
    """A fault of ours that nobody foresaw. The message names the request, so that the log line can be found."""

    code = "internal_error"


@contextmanager
def about(field: str, *others: str) -> Iterator[None]:
    """What is wrong with what a client named is told of the request's field `field`, where it is told of none, or of
    one of the `others`: those who found it do not know the request."""
    try:
        yield
    except CortexError as error:
        if error.status >= 500 or error.param not in (None, *others):
            raise
        raise type(error)(f"{field}: {error.message}", param=field, code=error.code) from error


def error_body(error: CortexError) -> dict[str, Any]:
    """The body of an error reply, and the data of an error event in a stream that has begun."""
    fields = {"message": error.message, "type": error.kind, "param": error.param, "code": error.code}
    return {"error": fields, "message": error.message}
