"""A device that talks in frames: its model, what is sent to it, and what it should answer."""

import struct
import zlib
from pathlib import Path

from tests.firmware.dut_process import FAKE_MODEL, READY, DutProcess, build
from tinybench.runner.build.board import load_board
from tinybench.runner.dut import frames
from tinybench.runner.dut.frames import Frame

INPUT_B = 1500  # two full frames and a short one
PAYLOAD_B = 512
_SANITIZERS = "-fsanitize=address,undefined,float-cast-overflow -fno-sanitize-recover=all"
INPUT = bytes(range(250)) * 6
OTHER = bytes(INPUT_B)

# The fake engine with another input size; its second and third result count inferences and loads.
MODEL = (
    FAKE_MODEL.read_text()
    .replace("#define INPUT_B 490", f"#define INPUT_B {INPUT_B}")
    .replace("static float results[", "static float inferences, loads;\nstatic float results[")
    .replace("uint32_t sum = 0;", "uint32_t sum = 0;\n    inferences += 1;")
    .replace("2.0f / 256.0f", "inferences")
    .replace("255.0f / 256.0f", "loads")
    .replace("void model_load(void) {", "void model_load(void) {\n    loads += 1;")
)


def build_device(folder: Path) -> Path:
    """Build the host's firmware with an engine of three frames of input, under sanitizers."""
    return build(load_board("host"), folder, f"CFLAGS_EXTRA={_SANITIZERS}", model=MODEL)


def data(upload: int, number: int, whole: bytes = INPUT) -> Frame:
    """Return one frame of an input."""
    start = number * PAYLOAD_B
    return Frame(frames.DATA, upload, number, whole[start : start + PAYLOAD_B])


def slide(upload: int, number: int, new: bytes) -> Frame:
    """Return what makes the next upload of upload `number`, with new bytes at its end."""
    return Frame(frames.SLIDE, upload, number, new)


def infer(
    upload: int, number: int, whole: bytes = INPUT, iterations: int = 1, warmups: int = 0
) -> Frame:
    """Return a request to infer an input."""
    payload = struct.pack("<III", iterations, warmups, zlib.crc32(whole))
    return Frame(frames.INFER, upload, number, payload)


LEAVE = Frame(frames.LEAVE, 0, 0)


def ack(upload: int, number: int, bits: int = 0) -> Frame:
    """Return what a DATA frame should be answered by."""
    return Frame(frames.ACK, upload, number, struct.pack("<I", bits))


def refused(request: Frame, reason: int, detail: int = 0) -> Frame:
    """Return the refusal of a request."""
    payload = struct.pack("<Bi", reason, detail)
    return Frame(frames.REFUSED, request.upload, request.number, payload)


def text(result: Frame) -> str:
    """Return the values in a RESULT."""
    assert result.kind == frames.RESULT
    return result.payload[12:].decode("ascii")


def values(inferences: int, loads: int, whole: bytes = INPUT) -> str:
    """Return the fake engine's results."""
    share = sum(whole) % 256 * 1000 // 256
    return f"0.{share:03},{inferences}.000,{loads}.000,{sum(whole)}.000"


def answer(dut: DutProcess) -> Frame:
    """Return the next frame that the device sends; its bytes are those that the host would send."""
    raw = dut.read_until(b"\0")
    frame = frames.decode(raw[:-1])
    assert frame is not None
    assert frames.encode(frame) == raw
    return frame


def ask(dut: DutProcess, *sent: Frame) -> Frame:
    """Send frames and return the answer, or the first of several."""
    dut.send(b"".join(map(frames.encode, sent)))
    return answer(dut)


def enter(dut: DutProcess) -> None:
    """Go from text to frames."""
    assert dut.ask(b"frames") == "m-frames-[1]\r\n"


def leave(dut: DutProcess) -> None:
    """Go back to text."""
    dut.send(frames.encode(LEAVE))
    assert dut.read_until(READY) == b"\r\n" + READY


def upload(dut: DutProcess, number: int, whole: bytes = INPUT) -> None:
    """Upload a whole input."""
    for i in range(3):
        assert ask(dut, data(number, i, whole)) == ack(number, i + 1)
