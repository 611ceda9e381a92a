"""Frames that are lost, doubled, changed and reordered: answered as docs/link.md says."""

import struct
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.firmware.dut_process import DutProcess
from tests.firmware.frame_line import (
    INPUT,
    OTHER,
    PAYLOAD_B,
    ack,
    answer,
    build_device,
    data,
    enter,
    infer,
    leave,
    refused,
    slide,
    text,
    upload,
)
from tinybench.runner.dut import frames
from tinybench.runner.dut.frames import Frame


@pytest.fixture(scope="module")
def elf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The host's firmware with an engine of three frames of input, under sanitizers."""
    return build_device(tmp_path_factory.mktemp("firmware") / "host")


class Oracle:
    """What a device should answer: docs/link.md, section 4, in a few lines."""

    def __init__(self) -> None:
        self._upload = 0
        self._held: dict[int, bytes] = {}
        self._answered: Frame | None = None

    def answers(self, frame: Frame) -> list[Frame]:
        """Take a frame and return what it is answered by."""
        if frame.kind != frames.INFER:
            (self._take if frame.kind == frames.DATA else self._slide)(frame)
            return [self._ack()]
        iterations, _, crc = struct.unpack("<III", frame.payload)
        result = Frame(frames.RESULT, frame.upload, frame.number, frame.payload[:4])
        if frame == self._answered:
            return [result]
        if frame.upload != self._upload or len(self._held) < 3:
            return [self._ack(), refused(frame, frames.INCOMPLETE)]
        whole = b"".join(self._held[i] for i in range(3))
        if crc != zlib.crc32(whole):
            self._held = {}
            return [refused(frame, frames.OTHER_INPUT)]
        if iterations == 0:
            return [refused(frame, frames.BAD_COUNT)]
        self._answered = frame
        return [result]

    def _take(self, frame: Frame) -> None:
        fits = frame.number < 3 and len(frame.payload) == (512, 512, 476)[frame.number]
        if fits and frame.upload != self._upload:
            self._upload, self._held = frame.upload, {}
        if fits:
            self._held.setdefault(frame.number, frame.payload)

    def _slide(self, frame: Frame) -> None:
        new = frame.payload
        goes_on = frame.number == self._upload != frame.upload and len(self._held) == 3
        if goes_on and 0 < len(new) <= PAYLOAD_B:
            whole = b"".join(self._held[i] for i in range(3))[len(new) :] + new
            self._held = {i: data(0, i, whole).payload for i in range(3)}
            self._upload = frame.upload

    def _ack(self) -> Frame:
        first = next(i for i in range(4) if i not in self._held)
        return ack(self._upload, first, sum(1 << i - first - 1 for i in self._held if i > first))


FRAMES = st.one_of(
    st.builds(data, st.integers(0, 2), st.integers(0, 2), st.sampled_from([INPUT, INPUT, OTHER])),
    st.builds(
        Frame,
        st.just(frames.DATA),
        st.integers(0, 2),
        st.integers(0, 4),
        st.sampled_from([0, 475, 476, 511, 512]).map(bytes),
    ),
    st.builds(
        slide,
        st.integers(0, 2),
        st.integers(0, 2),
        st.sampled_from([INPUT[:250], INPUT[:250], b"", b"x", bytes(512)]),
    ),
    st.builds(
        infer,
        st.integers(0, 2),
        st.sampled_from([0, 0, 65535]),
        st.sampled_from([INPUT, INPUT, OTHER]),
        st.sampled_from([0, 1, 1, 1, 2]),
        st.integers(0, 1),
    ),
)


@st.composite
def on_the_line(draw: st.DrawFn) -> bytes:
    """Return frames of which some were damaged on their way."""
    out = b"\0"
    for frame in draw(st.lists(FRAMES, max_size=30)):
        raw = frames.encode(frame)
        at = draw(st.integers(0, len(raw) - 1))
        out += {
            "whole": raw,
            "lost byte": raw[:at] + raw[at + 1 :],
            "doubled byte": raw[: at + 1] + raw[at:],
            "changed byte": raw[:at] + bytes([raw[at] ^ draw(st.integers(1, 255))]) + raw[at + 1 :],
            "cut": raw[:at],
            "noise before": draw(st.binary(max_size=20)) + raw,
            "doubled": raw + raw,
            "zero before": b"\0" + raw,
        }[
            draw(
                st.sampled_from(
                    ["whole"] * 8
                    + ["lost byte", "doubled byte", "changed byte", "cut"]
                    + ["noise before", "doubled", "zero before"]
                )
            )
        ]
    return out + b"\0"


@settings(deadline=None, max_examples=200)
@given(on_the_line())
def test_whatever_comes_is_answered_as_the_page_says(long_lived: DutProcess, line: bytes) -> None:
    """Lost, doubled, changed, reordered: each good frame has its answer, and nothing else has."""
    enter(long_lived)
    long_lived.send(line)
    oracle = Oracle()
    for block in line.split(b"\0"):
        frame = frames.decode(block)
        if frame is None or frame.kind not in {frames.DATA, frames.SLIDE, frames.INFER}:
            continue
        for expected in oracle.answers(frame):
            seen = answer(long_lived)
            if expected.kind == frames.RESULT:
                assert text(seen)
                seen = seen._replace(payload=seen.payload[:4])
            assert seen == expected
    leave(long_lived)


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=3000))
def test_any_bytes_are_survived(long_lived: DutProcess, noise: bytes) -> None:
    """No noise is answered, nor harms what follows."""
    enter(long_lived)
    long_lived.send(noise + b"\0")
    upload(long_lived, 1)
    leave(long_lived)
