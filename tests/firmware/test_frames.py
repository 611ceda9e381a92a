"""The firmware's fast link: binary frames, of which no damage makes a wrong input or result."""

import re
import shutil
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.firmware.dut_process import FIRMWARE, READY, DutProcess, build
from tests.firmware.frame_line import (
    INPUT,
    INPUT_B,
    LEAVE,
    MODEL,
    OTHER,
    ack,
    answer,
    ask,
    build_device,
    data,
    enter,
    infer,
    leave,
    refused,
    slide,
    text,
    upload,
    values,
)
from tinybench.runner.build.board import load_board
from tinybench.runner.dut import frames
from tinybench.runner.dut.frames import Frame


@pytest.fixture(scope="module")
def elf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The host's firmware with an engine of three frames of input, under sanitizers."""
    return build_device(tmp_path_factory.mktemp("firmware") / "host")


@pytest.fixture
def dut(elf: Path) -> Iterator[DutProcess]:
    """A device in its frames state."""
    with DutProcess([str(elf)]) as process:
        process.read_until(READY)
        enter(process)
        yield process
        assert process.pending() == b""
        assert process.alive()
        assert process.words() == ""


def test_an_input_is_inferred(dut: DutProcess) -> None:
    """Three frames, a request, and a result with its iterations, two time stamps and the values."""
    upload(dut, 7)
    result = ask(dut, infer(7, 300, iterations=5, warmups=2))
    assert result[:3] == (frames.RESULT, 7, 300)
    iterations, start_us, end_us = struct.unpack_from("<III", result.payload)
    assert iterations == 5
    assert (end_us - start_us) % 2**32 < 10_000_000
    assert text(result) == values(7, 1)


def test_frames_in_any_order_make_the_input(dut: DutProcess) -> None:
    """What came beyond a gap shows in the bitmap, and the engine loads the input once."""
    assert ask(dut, data(1, 2)) == ack(1, 0, 0b10)
    assert ask(dut, data(1, 1)) == ack(1, 0, 0b11)
    assert ask(dut, data(1, 1)) == ack(1, 0, 0b11)
    assert ask(dut, data(1, 0)) == ack(1, 3)
    assert ask(dut, data(1, 0)) == ack(1, 3)
    assert text(ask(dut, infer(1, 0))) == values(1, 1)


def test_a_frame_already_received_is_not_written_again(dut: DutProcess) -> None:
    """Other bytes under the number of a frame that is there change nothing."""
    assert ask(dut, data(1, 0)) == ack(1, 1)
    assert ask(dut, data(1, 0, OTHER)) == ack(1, 1)
    assert ask(dut, data(1, 1)) == ack(1, 2)
    assert ask(dut, data(1, 2)) == ack(1, 3)
    assert ask(dut, data(1, 2, OTHER)) == ack(1, 3)
    assert text(ask(dut, infer(1, 0))) == values(1, 1)


def test_another_number_starts_another_upload(dut: DutProcess) -> None:
    """Nothing of the earlier input is left, also when it was complete."""
    upload(dut, 255)
    assert ask(dut, data(0, 1)) == ack(0, 0, 0b1)
    assert ask(dut, data(0, 0)) == ack(0, 2)
    request = infer(255, 0)
    assert ask(dut, request) == ack(0, 2)
    assert answer(dut) == refused(request, frames.INCOMPLETE)
    assert ask(dut, data(0, 2)) == ack(0, 3)
    assert text(ask(dut, infer(0, 0))) == values(1, 2)


@pytest.mark.parametrize(
    "wrong",
    [
        Frame(frames.DATA, 1, 0, b""),
        Frame(frames.DATA, 1, 0, INPUT[:511]),
        Frame(frames.DATA, 1, 2, INPUT[1024:1499]),
        Frame(frames.DATA, 1, 2, INPUT[:512]),
        Frame(frames.DATA, 1, 3, b""),
        Frame(frames.DATA, 1, 3, INPUT[:512]),
        Frame(frames.DATA, 1, 255, INPUT[:512]),
        Frame(frames.DATA, 1, 256, INPUT[:512]),
        Frame(frames.DATA, 1, 65535, INPUT[:512]),
        Frame(frames.DATA, 2, 0, INPUT[:511]),
        Frame(frames.DATA, 2, 3, INPUT[:512]),
    ],
    ids=lambda frame: f"{frame.upload}-{frame.number}-{len(frame.payload)}",
)
def test_a_frame_that_does_not_fit_changes_nothing(dut: DutProcess, wrong: Frame) -> None:
    """Of another length or place: acknowledged, not stored, and no start of an upload."""
    assert ask(dut, data(1, 1)) == ack(1, 0, 0b1)
    assert ask(dut, wrong) == ack(1, 0, 0b1)
    assert ask(dut, data(1, 0)) == ack(1, 2)
    assert ask(dut, data(1, 2)) == ack(1, 3)
    assert text(ask(dut, infer(1, 0))) == values(1, 1)


@pytest.mark.parametrize("new_b", [1, 250, 512])
def test_an_input_slides(dut: DutProcess, new_b: int) -> None:
    """The rest of the one before moves down, and the engine loads the input anew; a doubled frame
    moves nothing."""
    upload(dut, 1)
    whole = INPUT[new_b:] + OTHER[:new_b]
    for _ in range(2):
        assert ask(dut, slide(2, 1, OTHER[:new_b])) == ack(2, 3)
    assert text(ask(dut, infer(2, 0, whole))) == values(1, 2, whole)
    assert ask(dut, slide(3, 2, INPUT[:new_b])) == ack(3, 3)
    whole = whole[new_b:] + INPUT[:new_b]
    assert text(ask(dut, infer(3, 0, whole))) == values(2, 3, whole)
    leave(dut)
    shown = re.findall(r"[0-9a-f]{2}(?=[-\r])", dut.ask(b"db print"))
    assert bytes.fromhex("".join(shown)) == whole


@pytest.mark.parametrize(
    "wrong",
    [
        slide(1, 1, b"x"),
        slide(2, 0, b"x"),
        slide(2, 2, b"x"),
        slide(2, 257, b"x"),
        slide(2, 1, b""),
    ],
    ids=lambda frame: f"{frame.upload}-{frame.number}-{len(frame.payload)}",
)
def test_a_slide_that_does_not_fit_changes_nothing(dut: DutProcess, wrong: Frame) -> None:
    """From another upload than the current one, of its own number, without a byte."""
    upload(dut, 1)
    assert ask(dut, wrong) == ack(1, 3)
    assert text(ask(dut, infer(1, 0))) == values(1, 1)


def test_part_of_an_input_does_not_slide(dut: DutProcess) -> None:
    """What has a gap is no input, whatever is moved; and nothing is loaded."""
    ask(dut, data(1, 0))
    assert ask(dut, slide(2, 1, b"x")) == ack(1, 1)
    assert ask(dut, data(1, 1)) == ack(1, 2)
    assert ask(dut, data(1, 2)) == ack(1, 3)
    assert text(ask(dut, infer(1, 0))) == values(1, 1)


def test_a_repeated_request_is_not_inferred_again(dut: DutProcess) -> None:
    """The same request gets the same bytes, also when the next upload is under way."""
    upload(dut, 1)
    result = ask(dut, infer(1, 4, iterations=2))
    assert ask(dut, infer(1, 4, iterations=2)) == result
    assert ask(dut, data(2, 0)) == ack(2, 1)
    assert ask(dut, infer(1, 4, iterations=2)) == result
    assert text(result) == values(2, 1)


@pytest.mark.parametrize(
    "other",
    [infer(1, 5), infer(1, 4, iterations=3), infer(1, 4, warmups=1)],
    ids=["number", "iterations", "warm-ups"],
)
def test_another_request_is_inferred(dut: DutProcess, other: Frame) -> None:
    """A request that differs in anything is a new one."""
    upload(dut, 1)
    assert text(ask(dut, infer(1, 4))) == values(1, 1)
    iterations, warmups, _ = struct.unpack("<III", other.payload)
    assert text(ask(dut, other)) == values(1 + iterations + warmups, 1)


def test_the_same_numbers_on_another_input_are_inferred(dut: DutProcess) -> None:
    """A result of one input never answers a request on another."""
    upload(dut, 1)
    assert text(ask(dut, infer(1, 4))) == values(1, 1)
    upload(dut, 2)
    upload(dut, 1, OTHER)
    assert text(ask(dut, infer(1, 4, OTHER))) == values(2, 3, OTHER)


def test_an_incomplete_input_is_refused(dut: DutProcess) -> None:
    """The acknowledgement first, so that the host knows what is missing."""
    request = infer(0, 9)
    assert ask(dut, request) == ack(0, 0)
    assert answer(dut) == refused(request, frames.INCOMPLETE)
    ask(dut, data(0, 0))
    assert ask(dut, data(0, 2)) == ack(0, 1, 0b1)
    assert ask(dut, request) == ack(0, 1, 0b1)
    assert answer(dut) == refused(request, frames.INCOMPLETE)
    assert ask(dut, data(0, 1)) == ack(0, 3)
    assert text(ask(dut, request)) == values(1, 1)


def test_another_input_is_refused_and_forgotten(dut: DutProcess) -> None:
    """Where the CRC-32 of the whole differs nothing is inferred, and all of it is sent again."""
    upload(dut, 1, OTHER)
    request = infer(1, 0)
    assert ask(dut, request) == refused(request, frames.OTHER_INPUT)
    assert ask(dut, request) == ack(1, 0)
    assert answer(dut) == refused(request, frames.INCOMPLETE)
    upload(dut, 1)
    assert text(ask(dut, request)) == values(1, 2)


def test_a_count_of_zero_is_refused(dut: DutProcess) -> None:
    """No iterations are no window; the upload stays."""
    upload(dut, 1)
    request = infer(1, 65535, iterations=0, warmups=5)
    assert ask(dut, request) == refused(request, frames.BAD_COUNT)
    assert text(ask(dut, infer(1, 0))) == values(1, 1)


@pytest.mark.parametrize(("iterations", "warmups"), [(2**32 - 1, 0), (1, 2**32 - 1)])
def test_a_failing_engine_is_refused(dut: DutProcess, iterations: int, warmups: int) -> None:
    """The window stops at once, with the engine's status; the request before it is forgotten."""
    upload(dut, 1)
    ask(dut, infer(1, 0))
    failing = b"\xe0" + INPUT[1:]
    upload(dut, 2, failing)
    request = infer(2, 1, failing, iterations, warmups)
    assert ask(dut, request) == refused(request, frames.ENGINE_FAILED, -7)
    assert ask(dut, infer(1, 0)) == ack(2, 3)
    assert answer(dut) == refused(infer(1, 0), frames.INCOMPLETE)


def test_odd_results(dut: DutProcess) -> None:
    """NaN and infinities come as text, as in m-results."""
    odd = b"\xe1" + INPUT[1:]
    upload(dut, 1, odd)
    assert text(ask(dut, infer(1, 0, odd))) == "nan,inf,-inf,-1.500"


@pytest.mark.parametrize(
    "ignored",
    [
        b"\0",
        b"\0\0\0",
        b"\x01\0",
        b"\x02\x01\0",
        b"\xff\0",
        b"name%\0",
        frames.encode(Frame(0, 1, 0)),
        frames.encode(Frame(0x25, 1, 0, b"%")),
        frames.encode(Frame(frames.ACK, 1, 3, bytes(4))),
        frames.encode(Frame(frames.INFER, 1, 0, bytes(11))),
        frames.encode(Frame(frames.INFER, 1, 0, bytes(13))),
        frames.encode(Frame(frames.LEAVE, 0, 0, b"x")),
        frames.encode(Frame(frames.DATA, 1, 2, bytes(513))),
        frames.encode(Frame(frames.DATA, 1, 2, b"x" * 60000)),
        b"\x01" * 600 + b"\0",
        b"\xff" * 100000 + b"\0",
    ],
    ids=lambda raw: f"{raw[:6].hex()}-{len(raw)}",
)
def test_what_is_no_frame_is_dropped_in_silence(dut: DutProcess, ignored: bytes) -> None:
    """Empty, damaged, unknown and too long blocks: no answer, and the next frame is good."""
    assert ask(dut, data(1, 0)) == ack(1, 1)
    dut.send(ignored)
    assert ask(dut, data(1, 1)) == ack(1, 2)


def test_any_byte_value_arrives(dut: DutProcess) -> None:
    """Zeros, full runs without one, and every byte value."""
    for number, whole in enumerate(
        (bytes(INPUT_B), b"\x01" * INPUT_B, b"\xff" * INPUT_B, (bytes(range(256)) * 6)[:INPUT_B])
    ):
        upload(dut, number, whole)
        assert text(ask(dut, infer(number, 0, whole))) == values(number + 1, number + 1, whole)


def test_a_whole_window_in_one_piece(dut: DutProcess) -> None:
    """A host may send as much as caps promises before it reads an answer."""
    sent = [data(1, i % 3) for i in range(7)]
    assert sum(len(frames.encode(frame)) for frame in sent) <= 4096
    assert ask(dut, *sent) == ack(1, 1)
    assert [answer(dut) for _ in sent[1:]] == [ack(1, 2)] + [ack(1, 3)] * 5


def test_the_next_upload_may_follow_a_request(dut: DutProcess) -> None:
    """Frames that come during an inference are taken after it, in order."""
    upload(dut, 1)
    result = ask(dut, infer(1, 0, iterations=20000), *(data(2, i, OTHER) for i in range(3)))
    assert text(result) == values(20000, 1)
    assert [answer(dut) for _ in range(3)] == [ack(2, 1), ack(2, 2), ack(2, 3)]
    assert text(ask(dut, infer(2, 1, OTHER))) == values(20001, 2, OTHER)


def test_text_after_leaving(dut: DutProcess) -> None:
    """After LEAVE the text commands see the input and the results of the frames."""
    upload(dut, 1)
    ask(dut, infer(1, 0))
    leave(dut)
    assert dut.ask(b"results") == f"m-results-[{values(1, 1)}]\r\n"
    shown = re.findall(r"[0-9a-f]{2}(?=[-\r])", dut.ask(b"db print"))
    assert bytes.fromhex("".join(shown)) == INPUT
    assert dut.ask(b"infer 2 0").endswith(f"m-results-[{values(3, 1)}]\r\n")
    assert dut.ask(b"db 00") == "e-[Command 'db' requires 'db load' first]\r\n"


def test_leaving_forgets_part_of_an_input(dut: DutProcess) -> None:
    """What has gaps is not shown as if it were the input's beginning, nor inferred."""
    ask(dut, data(1, 0))
    assert ask(dut, data(1, 2)) == ack(1, 1, 0b1)
    leave(dut)
    assert dut.ask(b"db print") == ""
    assert dut.ask(b"infer 1 0").startswith("Input db has 0 elemented, expected 1500\n")


def test_one_input_at_a_time(dut: DutProcess) -> None:
    """Entering the frames state forgets all uploads and requests; db load forgets the frames."""
    upload(dut, 0)
    request = infer(0, 0)
    ask(dut, request)
    leave(dut)
    enter(dut)
    assert ask(dut, request) == ack(0, 0)
    assert answer(dut) == refused(request, frames.INCOMPLETE)
    upload(dut, 0)
    leave(dut)
    dut.ask(b"db load 1500")
    assert dut.ask(b"infer 1 0").startswith("Input db has 0 elemented, expected 1500\n")
    dut.upload(INPUT)
    enter(dut)
    assert ask(dut, request) == ack(0, 0)
    assert answer(dut) == refused(request, frames.INCOMPLETE)


def test_text_state_survives_a_lost_host(dut: DutProcess) -> None:
    """A zero and LEAVE lead to text from the middle of a frame, and harm nothing in text."""
    dut.send(frames.encode(data(1, 0))[:100] + b"\0")
    leave(dut)
    dut.send(b"\0" + frames.encode(LEAVE))
    assert dut.ask(b"name").startswith("e-[Unknown command: ?")
    assert dut.ask(b"name") == "m-name-dut-[tinybench]\r\n"


def test_the_process_ends_with_its_line(elf: Path) -> None:
    """Also in the middle of a frame."""
    with DutProcess([str(elf)]) as process:
        process.read_until(READY)
        enter(process)
        process.send(frames.encode(data(1, 0))[:-10])
        assert process.close_line() == 0
        assert process.words() == ""


def test_input_bytes_are_as_sent(tmp_path: Path) -> None:
    """The CRC-32 and db print speak of the bytes on the line, whatever the model stores; what
    slides is stored as what was uploaded."""
    model = MODEL.replace("#define FLIP 0", "#define FLIP 0x80")
    flipped = bytes(byte ^ 0x80 for byte in INPUT)
    with DutProcess([str(build(load_board("host"), tmp_path / "flip", model=model))]) as process:
        process.read_until(READY)
        enter(process)
        upload(process, 1)
        assert text(ask(process, infer(1, 0))) == values(1, 1, flipped)
        assert ask(process, slide(2, 1, b"\x7f")) == ack(2, 3)
        found = text(ask(process, infer(2, 0, INPUT[1:] + b"\x7f")))
        assert found == values(2, 2, flipped[1:] + b"\xff")
        leave(process)
        assert process.ask(b"db print").startswith("m-buffer-01-02-03-")


@pytest.mark.parametrize(("input_b", "offered"), [(256 * 512, True), (256 * 512 + 1, False)])
def test_an_input_of_too_many_frames(tmp_path: Path, input_b: int, offered: bool) -> None:
    """What the bitmap does not hold is not offered; 256 frames are, the last one included."""
    model = MODEL.replace(f"#define INPUT_B {INPUT_B}", f"#define INPUT_B {input_b}")
    whole = bytes(range(256)) * 512
    with DutProcess([str(build(load_board("host"), tmp_path / "large", model=model))]) as process:
        process.read_until(READY)
        assert ("frames-1-512-4096" in process.ask(b"caps")) == offered
        if not offered:
            assert process.ask(b"frames").startswith("e-[Command 'frames' needs ")
            return
        enter(process)
        for i in range(255):
            assert ask(process, data(1, 255 - i, whole)).number == 0
        assert ask(process, data(1, 0, whole)) == ack(1, 256)
        assert ask(process, infer(1, 0, whole)).kind == frames.RESULT


@pytest.mark.parametrize(("receive_b", "offered"), [(0, False), (525, False), (526, True)])
def test_a_port_without_a_buffer_offers_no_frames(
    tmp_path: Path, receive_b: int, offered: bool
) -> None:
    """The port has to hold the longest frame while nobody reads."""
    firmware = tmp_path / "firmware"
    shutil.copytree(FIRMWARE, firmware)
    port = firmware / "ports" / "host.c"
    port.write_text(port.read_text().replace("receive_b = 4096", f"receive_b = {receive_b}"))
    program = build(load_board("host"), tmp_path / "out", model=MODEL, firmware=firmware)
    with DutProcess([str(program)]) as process:
        process.read_until(READY)
        assert (f"frames-1-512-{receive_b}" in process.ask(b"caps")) == offered
