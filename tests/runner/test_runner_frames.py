"""Frames: what goes in comes out, however the bytes are cut."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import pytest

from cortex.core.chat import Sampling
from cortex.core.errors import BadRequest, Busy, CortexError, EngineError, LoadError, NoRoom, NotFound, TooLong
from cortex.core.job import Chosen, Cut, Failure, Job, Logprob, Part, Piece, Segment, Usage
from cortex.engines.base import Load
from cortex.runner import frames

SAMPLING = Sampling(temperature=0, seed=2**63, logit_bias=((1, -100.0), (2, 0.5)))
PROMPT = (Segment("<|im_start|>"), Segment("höllo ☃", markup=False))
PARTS = (Part("tools.0.function.parameters", "start: /b/"),)
JOB = Job(PROMPT, grammar="start: /a/", parts=PARTS, sampling=SAMPLING, max_tokens=9)
SAID = Chosen(Logprob(b"\xe2\x98", -0.5), (Logprob(b"", -0.25), Logprob(b"\xe2\x98", -0.5)))
ORDERS: list[frames.Order] = [
    frames.Start(Load("/m.gguf", engine="scripted", context=9, extra={"replies": ["a", "b"], "size": 3}), 20),
    frames.Start(Load("/m.gguf"), 30),
    frames.Submit(7, JOB),
    frames.Submit(8, replace(JOB, logprobs=2, ignore_eos=True, prediction="höllo")),
    frames.Tokenize(7, (*PROMPT, Segment(tokens=(1, 2**31))), True),
    frames.Cancel(7),
    frames.Quit(),
]
REPORTS: list[frames.Report] = [
    frames.Loading(0.5),
    frames.Ready(4096),
    frames.LoadFailed("no such file"),
    frames.LoadFailed("too little memory", room=True),
    frames.Admitted(7),
    frames.Tokenized(7, Cut((1, 2), (b"\xe2", b"\x98"), b"\xe2\x98")),
    frames.Refused(7, "BadRequest", "no", "tools.0", None),
    frames.Pieces(
        [Piece(1, b"\xe2\x98"), Piece(2, b"", "length", Usage(1, 2, 3, 4, 5))], [Failure(3, "no", client=True)]
    ),
    frames.Pieces([Piece(1, b"\xe2\x98", tokens=(SAID, Chosen(SAID.token)))], []),
]


@pytest.mark.parametrize("order", ORDERS, ids=repr)
def test_an_order_arrives_as_it_was_sent(order: frames.Order) -> None:
    assert [frames.ORDERS.decode(body) for body in frames.Splitter().feed(frames.pack(order))] == [order]


@pytest.mark.parametrize("report", REPORTS, ids=repr)
def test_a_report_arrives_as_it_was_sent(report: frames.Report) -> None:
    assert [frames.REPORTS.decode(body) for body in frames.Splitter().feed(frames.pack(report))] == [report]


@pytest.mark.parametrize("size", range(1, 40))
def test_frames_are_whole_however_the_stream_is_cut(size: int) -> None:
    stream, splitter = b"".join(map(frames.pack, REPORTS)), frames.Splitter()
    bodies = [body for at in range(0, len(stream), size) for body in splitter.feed(stream[at : at + size])]
    assert [frames.REPORTS.decode(body) for body in bodies] == REPORTS


def test_a_corrupt_length_is_an_error_and_not_a_long_wait() -> None:
    with pytest.raises(frames.FrameTooLong):
        frames.Splitter().feed(b"HTTP/1.1 200 OK")


def test_a_read_only_mapping_is_a_mapping() -> None:
    start = frames.Start(Load("", extra=MappingProxyType({"size": 3})), 20)
    [body] = frames.Splitter().feed(frames.pack(start))
    assert frames.ORDERS.decode(body) == frames.Start(Load("", extra={"size": 3}), 20)


def test_what_no_frame_can_hold_is_an_error() -> None:
    with pytest.raises(TypeError, match="a frame cannot hold a object"):
        frames.pack(frames.Start(Load("", extra={"thing": object()}), 20))


@pytest.mark.parametrize("kind", [BadRequest, TooLong, NotFound, Busy, NoRoom, EngineError])
def test_an_error_keeps_its_kind_and_fields(kind: type[CortexError]) -> None:
    error = frames.refusal(frames.refused(7, kind("no", param="tools.0", code="odd")))
    assert (type(error), error.message, error.param, error.code) == (kind, "no", "tools.0", "odd")


def test_a_kind_that_only_the_engine_knows_arrives_as_its_next_kin() -> None:
    class Private(TooLong):
        pass

    assert type(frames.refusal(frames.refused(7, Private("no")))) is TooLong
    assert type(frames.refusal(frames.refused(7, LoadError("no")))) is EngineError
    assert type(frames.refusal(frames.refused(7, CortexError("no")))) is EngineError
