"""docs/link.md tells the truth: both sides of the link give and take its test vectors."""

import re
import struct
import zlib
from pathlib import Path

import pytest

from tests import ROOT
from tests.firmware.dut_process import FAKE_MODEL, READY, DutProcess, build
from tinybench.runner.build.board import load_board
from tinybench.runner.dut import frames
from tinybench.runner.dut.frames import Frame

PAGE = (ROOT / "docs" / "link.md").read_text(encoding="utf-8")
EIGHT = bytes(range(0x10, 0x18))
LARGE = (bytes(range(256)) * 6)[:1500]

VECTORS = {
    "DATA, upload 7": Frame(frames.DATA, 7, 0, EIGHT),
    "DATA, upload 0": Frame(frames.DATA, 0, 2, bytes(10)),
    "DATA, upload 3": Frame(frames.DATA, 3, 1, bytes(1 + i % 255 for i in range(512))),
    "REFUSED": Frame(frames.REFUSED, 255, 65535, struct.pack("<Bi", frames.ENGINE_FAILED, -7)),
    "SLIDE, upload 8": Frame(frames.SLIDE, 8, 7, bytes([0x18, 0x19])),
    "LEAVE:": Frame(frames.LEAVE, 0, 0),
}


def block(heading: str) -> str:
    """Return the first fenced block after the line that begins with `heading`."""
    return PAGE.split("\n" + heading, 1)[1].split("```\n", 2)[1]


def table(first_column: str, second_column: str) -> list[tuple[str, str]]:
    """Return the rows of a table of two columns."""
    rows = PAGE.split(f"| {first_column} | {second_column} |\n| --- | --- |\n")[1].split("\n\n")[0]
    return [(row.split("|")[1].strip(), row.split("|")[2].strip()) for row in rows.splitlines()]


def cells(words: str) -> bytes:
    """Return the bytes of a table cell: hex, and how often."""
    out = b""
    for count, raw in re.findall(r"(?:(\d+) times )?`([0-9a-f ]+)`", words):
        out += bytes.fromhex(raw) * int(count or 1)
    return out


def talk(heading: str) -> list[tuple[str, str]]:
    """Return (arrow, words) of each line of an exchange, without its remark."""
    lines = block(heading).splitlines()
    return [(line[0], line[2:].split("#")[0].strip()) for line in lines]


def start(folder: Path, input_b: int) -> DutProcess:
    """Start the C core with a model that takes so many bytes and answers 0.250,0.750."""
    model = (
        FAKE_MODEL.read_text()
        .replace("#define INPUT_B 490", f"#define INPUT_B {input_b}")
        .replace("#define RESULTS 4", "#define RESULTS 2")
        .replace("return results[index]", "return index == 0 ? 0.25f : 0.75f")
        .replace("float results[RESULTS]", "float results[4]")
    )
    dut = DutProcess([str(build(load_board("host"), folder / "out", model=model))])
    dut.read_until(READY)
    return dut


@pytest.mark.parametrize("heading", VECTORS)
def test_a_frame_has_these_bytes(heading: str) -> None:
    """The host encodes each vector as the page has it, and decodes it."""
    raw = bytes.fromhex(block(heading))
    assert frames.encode(VECTORS[heading]) == raw
    assert frames.decode(raw[:-1]) == VECTORS[heading]


def test_checksums() -> None:
    """CRC-32 is zlib's."""
    rows = table("bytes", "CRC-32")
    assert len(rows) == 3
    for data, crc in rows:
        assert f"`{zlib.crc32(cells(data)):08x}`" == crc


def test_byte_stuffing() -> None:
    """The host's COBS is the page's, with and without a last code byte of 1 behind a full piece."""
    rows = table("bytes", "COBS, without the closing zero")
    assert len(rows) == 8
    for data, stuffed in rows:
        assert frames._stuffed(cells(data)) == cells(stuffed)
        assert frames._unstuffed(cells(stuffed)) == cells(data)
    assert frames._unstuffed(b"\xff" + b"\x01" * 254) == b"\x01" * 254


def test_the_firmware_takes_the_long_vector(tmp_path: Path) -> None:
    """The core acknowledges the DATA frame with full pieces: frame 1 of 3 is there."""
    with start(tmp_path, len(LARGE)) as dut:
        dut.ask(b"frames")
        dut.send(bytes.fromhex(block("DATA, upload 3")))
        seen = frames.decode(dut.read_until(b"\0")[:-1])
        assert seen == Frame(frames.ACK, 3, 0, struct.pack("<I", 0b1))


def test_the_session(tmp_path: Path) -> None:
    """The core answers the page's session byte by byte, but for the time stamps."""
    lines = talk("### A session")
    assert [arrow for arrow, _ in lines].count(">") == 6
    earlier = None
    with start(tmp_path, len(EIGHT)) as dut:
        for arrow, words in lines:
            raw = bytes.fromhex(words)
            if arrow == ">":
                dut.send(raw)
                continue
            seen = dut.read_until(raw[-1:] if raw[-1] == 0 else READY)
            wanted = frames.decode(raw[:-1])
            if wanted is not None and wanted.kind == frames.RESULT:
                assert frames.encode(wanted) == raw
                result = frames.decode(seen[:-1])
                assert result is not None
                assert result._replace(payload=b"") == wanted._replace(payload=b"")
                assert result.payload[:4] == wanted.payload[:4]
                assert result.payload[12:] == wanted.payload[12:] == b"0.250,0.750"
                assert earlier in (None, seen)
                earlier = seen
            else:
                assert seen == raw
        assert earlier is not None
        assert dut.pending() == b""


def test_the_lost_frame(tmp_path: Path) -> None:
    """The core's acknowledgements show the gap, and close it, as on the page."""
    lines = talk("### A lost frame")
    assert [arrow for arrow, _ in lines].count("<") == 3
    with start(tmp_path, len(LARGE)) as dut:
        dut.ask(b"frames")
        for arrow, words in lines:
            if arrow == "<":
                assert dut.read_until(b"\0") == bytes.fromhex(words)
                continue
            number, upload = map(int, re.findall(r"\d+", words))
            payload = LARGE[512 * number : 512 * (number + 1)]
            raw = frames.encode(Frame(frames.DATA, upload, number, payload))
            if words.endswith("damaged"):
                raw = raw[:50] + b"%" + raw[51:]
            dut.send(raw)
        assert dut.pending() == b""


def test_what_the_page_promises_of_our_firmware(tmp_path: Path) -> None:
    """The example of caps names our version, payload and window, and a frame's longest form."""
    with start(tmp_path, len(LARGE)) as dut:
        word = dut.ask(b"caps").split()[1].rstrip("]")
    example = next(line for line in PAGE.splitlines() if line.startswith("    m-caps-["))
    assert word in example.split()
    longest = frames.encode(Frame(frames.DATA, 1, 0, b"\x01" * 512))
    assert f"on the line: {len(longest)} for 512\nbytes of payload" in PAGE
