"""The firmware's fast link: binary frames, of which no damage makes a wrong input or result."""

import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.firmware.dut_process import FAKE_MODEL, READY, DutProcess, build
from tinybench.runner import frames
from tinybench.runner.board import load_board
from tinybench.runner.frames import Frame

INPUT_B = 1500  # two full frames and a short one
PAYLOAD_B = 512
SANITIZERS = "-fsanitize=address,undefined,float-cast-overflow -fno-sanitize-recover=all"
MODEL = FAKE_MODEL.read_text().replace("#define INPUT_B 490", f"#define INPUT_B {INPUT_B}")
INPUT = bytes(range(250)) * 6


@pytest.fixture(scope="module")
def elf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The host's firmware with an engine of three frames of input, under sanitizers."""
    folder = tmp_path_factory.mktemp("firmware") / "host"
    return build(load_board("host"), folder, f"CFLAGS_EXTRA={SANITIZERS}", model=MODEL)


@pytest.fixture
def dut(elf: Path) -> Iterator[DutProcess]:
    """A device in its frames state."""
    with DutProcess([str(elf)]) as process:
        process.read_until(READY)
        assert process.ask(b"frames") == "m-frames-[1]\r\n"
        yield process
        assert process.pending() == b""
        assert process.alive()
        assert process.words() == ""


def data(upload: int, number: int, whole: bytes = INPUT) -> Frame:
    """Return one frame of an input."""
    start = number * PAYLOAD_B
    return Frame(frames.DATA, upload, number, whole[start : start + PAYLOAD_B])


def infer(
    upload: int, number: int, whole: bytes = INPUT, iterations: int = 1, warmups: int = 0
) -> Frame:
    """Return a request to infer an input."""
    payload = struct.pack("<III", iterations, warmups, zlib.crc32(whole))
    return Frame(frames.INFER, upload, number, payload)


def ack(upload: int, number: int, bits: int = 0) -> Frame:
    """Return what a DATA frame should be answered by."""
    return Frame(frames.ACK, upload, number, struct.pack("<I", bits))


def refused(request: Frame, reason: int, detail: int = 0) -> Frame:
    """Return the refusal of a request."""
    payload = struct.pack("<Bi", reason, detail)
    return Frame(frames.REFUSED, request.upload, request.number, payload)


def answer(dut: DutProcess) -> Frame:
    """Return the next frame that the device sends."""
    frame = frames.decode(dut.read_until(b"\0")[:-1])
    assert frame is not None
    return frame


def ask(dut: DutProcess, frame: Frame) -> Frame:
    """Send a frame and return the answer."""
    dut.send(frames.encode(frame))
    return answer(dut)


def upload(dut: DutProcess, number: int, whole: bytes = INPUT) -> None:
    """Upload a whole input."""
    for i in range(3):
        assert ask(dut, data(number, i, whole)) == ack(number, i + 1)


def leave(dut: DutProcess) -> None:
    """Go back to text."""
    dut.send(frames.encode(Frame(frames.LEAVE, 0, 0)))
    assert dut.read_until(READY) == b"\r\n" + READY


def values(whole: bytes = INPUT) -> str:
    """Return the fake engine's results."""
    return f"0.{sum(whole) % 256 * 1000 // 256:03},0.007,0.996,{sum(whole)}.000"


def test_an_input_is_inferred(dut: DutProcess) -> None:
    """Frames, a request, and a result with its iterations, two time stamps and the values."""
    upload(dut, 7)
    result = ask(dut, infer(7, 300, iterations=5, warmups=2))
    assert result[:3] == (frames.RESULT, 7, 300)
    iterations, start_us, end_us = struct.unpack_from("<III", result.payload)
    assert iterations == 5
    assert (end_us - start_us) % 2**32 < 10_000_000
    assert result.payload[12:].decode() == values()


def test_text_after_leaving(dut: DutProcess) -> None:
    """After LEAVE the text commands see the input and the results of the frames."""
    upload(dut, 1)
    ask(dut, infer(1, 0))
    leave(dut)
    assert dut.ask(b"results") == f"m-results-[{values()}]\r\n"
    shown = re.findall(r"[0-9a-f]{2}(?=[-\r])", dut.ask(b"db print"))
    assert bytes.fromhex("".join(shown)) == INPUT
    assert dut.ask(b"infer 2 0").endswith(f"m-results-[{values()}]\r\n")
    assert dut.ask(b"db 00") == "e-[Command 'db' requires 'db load' first]\r\n"
