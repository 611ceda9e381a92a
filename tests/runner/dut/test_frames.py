"""Frames of the fast link: COBS and CRC-32 around a message."""

from hypothesis import example, given
from hypothesis import strategies as st

from tinybench.runner.dut import frames
from tinybench.runner.dut.frames import Frame

FRAMES = st.builds(
    Frame,
    kind=st.integers(0, 255),
    upload=st.integers(0, 255),
    number=st.integers(0, 65535),
    payload=st.binary(max_size=600),
)


@given(FRAMES)
@example(Frame(1, 2, 3, bytes(512)))
@example(Frame(1, 2, 3, b"\x01" * 512))
@example(Frame(1, 2, 3, b"\x01" * 247))  # with its CRC a run of 254 and more
def test_any_frame_survives_with_one_zero_at_its_end(frame: Frame) -> None:
    """The line sees no zero but the closing one, and the message comes back whole."""
    raw = frames.encode(frame)
    assert raw.index(0) == len(raw) - 1
    assert frames.decode(raw[:-1]) == frame


def _slowly_stuffed(data: bytes) -> bytes:
    """Return COBS of `data` as docs/link.md defines it, a byte at a time."""
    out, run = bytearray(), bytearray()
    for byte in data + b"\0":
        if byte:
            run.append(byte)
        if byte == 0 or len(run) == 254:
            out.append(len(run) + 1)
            out += run
            run.clear()
    return bytes(out)


RUNS = st.lists(
    st.tuples(st.sampled_from([0, 0, 1, 2, 253, 254, 255, 509]), st.integers(0, 100)), max_size=20
)


@given(RUNS.map(lambda runs: b"".join(b"x" * run + bytes(zeros) for run, zeros in runs)))
def test_stuffing_is_that_of_the_definition(data: bytes) -> None:
    """Bit for bit: long runs, and many zeros, for which there is a way of their own."""
    assert frames._stuffed(data) == _slowly_stuffed(data)
    assert frames._unstuffed(frames._stuffed(data)) == data


@given(FRAMES, st.data())
def test_no_damaged_frame_is_taken(frame: Frame, data: st.DataObject) -> None:
    """A byte lost, doubled or changed leaves no frame."""
    block = frames.encode(frame)[:-1]
    at = data.draw(st.integers(0, len(block) - 1))
    kind = data.draw(st.sampled_from(("lost", "doubled", "changed")))
    if kind == "lost":
        damaged = block[:at] + block[at + 1 :]
    elif kind == "doubled":
        damaged = block[: at + 1] + block[at:]
    else:
        damaged = block[:at] + bytes([block[at] ^ data.draw(st.integers(1, 255))]) + block[at + 1 :]
    assert frames.decode(damaged) is None


@given(st.binary(max_size=600))
def test_noise_is_no_frame(noise: bytes) -> None:
    """Bytes without a right CRC-32 are nothing, whatever they hold."""
    assert frames.decode(noise) is None


def test_the_bytes_on_the_line_are_these() -> None:
    """The vector that docs/link.md gives."""
    assert frames.encode(Frame(frames.DATA, 1, 0, b"abc")).hex() == "0301010102030861626373e21db000"
