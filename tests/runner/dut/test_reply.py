"""The grammar of replies: tolerant beside the protocol, strict inside it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.project import skips
from tinybench.errors import ProtocolError
from tinybench.runner.dut.inference import Inference, answered
from tinybench.runner.dut.last_words import is_boot, is_fatal
from tinybench.runner.dut.reply import (
    Said,
    is_asked_for,
    read_line,
    read_lines,
    read_results,
    read_window,
)

REPLY = (
    b"m-warmup-start-0\r\nm-warmup-done\r\nm-infer-start-1\r\nm-lap-us-1000\r\n"
    b"m-lap-us-121000\r\nm-infer-done\r\nm-results-[0.941,0.059]\r\n"
)
TRUTH = Inference(1, 120_000, "0.941,0.059")


def _read(reply: bytes, *, marks: bool = False) -> Inference:
    return read_window(read_lines(reply), 1, 0, marks=marks)[0]


TALK = {
    "a log before it": (b"m-warmup-start", b"[00:00:01.2,0] <inf> nn: go\r\nm-warmup-start"),
    "debug output inside it": (b"m-lap-us-121", b"results: 0xFFF9\r\nm-lap-us-121"),
    "a log in colour": (b"m-infer-done", b"\x1b[0;32mI (342) nn: done\x1b[0m\r\nm-infer-done"),
    "words glued to a line": (b"m-results", b"Type errorm-results"),
    "an echo": (b"m-warmup-start", b"infer 1 0\r\nm-warmup-start"),
    "an echo glued to a line": (b"m-warmup-start", b"infer 1 0%m-warmup-start"),
    "a command that is confirmed": (b"m-warmup-s", b"Received command: infer 1 0\r\nm-warmup-s"),
    "a prompt": (b"m-infer-done", b"uart:~$ m-infer-done"),
    "numbers": (b"m-infer-done", b"12\r\n-3\r\nm-infer-done"),
    "not even text": (b"m-infer-done", b"\xff\x80\xf8\r\nm-infer-done"),
    "text beyond ASCII": (b"m-infer-done", "23 °C m-infer-done".encode()),
    "a size that is right": (
        b"m-lap-us-1000",
        b"Input db has 4 elemented, expected 4\r\nm-lap-us-1000",
    ),
}


@pytest.mark.parametrize("talk", TALK)
def test_what_is_beside_the_protocol_is_read_through(talk: str) -> None:
    """One line or a piece of one; the reply is the same, and the talk is there to be counted."""
    reply = REPLY.replace(*TALK[talk])
    assert reply != REPLY
    assert _read(reply) == TRUTH
    assert any(said.beside for said in read_lines(reply))


@pytest.mark.parametrize("end", [b"\n", b"\r\r\n", b"\r\n\r\n", b" \r\n", b"\x1b[0m\r\n"])
def test_lines_may_end_in_many_ways(end: bytes) -> None:
    """Without CR, with two, with blank lines between; none of it is talk."""
    reply = REPLY.replace(b"\r\n", end)
    assert _read(reply) == TRUTH
    assert not any(said.beside for said in read_lines(reply))


FORMS = {
    "a comma behind the last number": (b"059]", b"059,]", TRUTH),
    "no results": (b"0.941,0.059", b"", Inference(1, 120_000, "")),
    "a clock of 64 bits": (
        b"m-lap-us-1000\r\nm-lap-us-121000",
        b"m-lap-us-10005317390\r\nm-lap-us-10005332312",
        Inference(1, 14_922, "0.941,0.059"),
    ),
    "a clock that passes 32 bits": (
        b"m-lap-us-1000\r\nm-lap-us-121000",
        b"m-lap-us-4294967000\r\nm-lap-us-4294968000",
        Inference(1, 1000, "0.941,0.059"),
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_forms_of_other_firmware_are_read(form: str) -> None:
    """As published logs have them."""
    old, new, wanted = FORMS[form]
    found = _read(REPLY.replace(old, new))
    assert found == wanted
    assert answered(found.results) == ([0.941, 0.059] if found.results else [])


FAULTS = {
    "a line lost": (b"m-infer-done\r\n", b""),
    "a line doubled": (b"m-lap-us-1000\r\n", b"m-lap-us-1000\r\nm-lap-us-1000\r\n"),
    "an order changed": (b"m-lap-us-121000\r\nm-infer-done", b"m-infer-done\r\nm-lap-us-121000"),
    "another count": (b"infer-start-1", b"infer-start-10"),
    "a word of the protocol damaged": (b"m-infer-done", b"m-infer-dome"),
    "its beginning damaged": (b"m-infer-done", b"n-infer-done"),
    "an end lost": (b"m-warmup-done\r\n", b"m-warmup-done"),
    "something behind a word": (b"m-infer-done", b"m-infer-done."),
    "an unknown word": (b"m-infer-done", b"m-other\r\nm-infer-done"),
    "an error": (b"m-infer-done", b"oh e-[Inference failed with -7]\r\nm-infer-done"),
    "another size": (b"m-lap-us-1000", b"Input db has 3 elemented, expected 4\r\nm-lap-us-1000"),
    "a stamp that is none": (b"us-1000", b"us-1O00"),
    "a stamp beyond 63 bits": (b"us-1000", b"us-10000000000000000000"),
    "a clock that goes back": (b"us-1000", b"us-10005317390"),
    "a stamp cut": (b"us-121000", b"us-121\n000"),
    "a stamp cut, the rest glued": (b"us-121000\r\n", b"us-121\r\n000"),
    "results cut": (b",0.059]", b""),
    "results with a hole": (b",0.059", b",,0.059"),
    "a result that is no number": (b"0.059", b"nan"),
    "a comma alone": (b"0.941,0.059", b","),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_inside_the_protocol_is_not_read_through(fault: str) -> None:
    """A damaged line is missing, and not talk."""
    reply = REPLY.replace(*FAULTS[fault])
    assert reply != REPLY
    with pytest.raises(ProtocolError, match="infer 1 0%"):
        _read(reply)


def test_a_stamp_cut_among_bare_line_feeds_is_seen_by_its_rest() -> None:
    """Firmware that ends lines by LF alone: the cut looks like any other end."""
    with pytest.raises(ProtocolError, match="may be cut"):
        _read(REPLY.replace(b"\r\n", b"\n").replace(b"us-121000", b"us-121\n000"))


def test_the_wrong_build_is_named() -> None:
    """Time stamps on the pin or on the line: one of the two builds has them there."""
    unstamped = REPLY.replace(b"m-lap-us-1000\r\nm-lap-us-121000\r\n", b"")
    assert _read(unstamped, marks=True).results == TRUTH.results
    with pytest.raises(ProtocolError, match="is this the energy build"):
        _read(unstamped)
    with pytest.raises(ProtocolError, match="needs the energy build"):
        _read(REPLY, marks=True)


@pytest.mark.parametrize(
    ("pending", "may"),
    [
        (b"", True),
        (b"uart:~$ ", True),
        (b"I (342) nn: done\r\n", True),
        (b"I (342) nn: do", True),
        (b"m-ready\r\n", False),
        (b"m-rea", False),
        (b"m", False),
        (b"talk\r\nm-lap-us-1\r\nmore talk", False),
    ],
)
def test_what_may_stand_before_a_reply(pending: bytes, may: bool) -> None:
    """Talk may; a line of the protocol, or its beginning, would shift every reply by one."""
    assert is_asked_for(pending) == may


@given(st.binary(max_size=80))
def test_any_line_can_be_read(raw: bytes) -> None:
    """Into a line of the protocol, and what is beside it, both without what colours them."""
    said = read_line(raw.replace(b"\n", b""))
    assert said.word is None or said.word.startswith(("m-", "e-[", "Input db has"))
    assert "\x1b[0m" not in said.beside


@given(st.lists(st.binary(max_size=30).map(lambda talk: talk.replace(b"\n", b"")), max_size=8))
def test_any_talk_gives_the_truth_or_an_error(talk: list[bytes]) -> None:
    """Lines of anything, put anywhere between those of a reply."""
    lines = REPLY.splitlines(keepends=True)
    for number, line in enumerate(talk):
        lines.insert((len(line) * 7 + number) % (len(lines) + 1), line + b"\r\n")
    try:
        assert _read(b"".join(lines)) == TRUTH
    except ProtocolError:
        assert any(b"m-" in line or b"e-[" in line or line.strip().isdigit() for line in talk)


@given(st.text())
def test_results_are_finite_numbers_none_or_an_error(text: str) -> None:
    """Nothing else than plain decimals passes."""
    try:
        results = read_results(f"m-results-[{text}]")
    except ProtocolError:
        return
    assert all(abs(value) < float("inf") for value in answered(results))


LAST_WORDS = [
    "++ MbedOS Fault Handler ++",
    "++ MbedOS Error Info ++",
    "E: ***** HARD FAULT *****",
    "[00:00:26.158,000] <err> os: >>> ZEPHYR FATAL ERROR 0: CPU exception on CPU 0",
    "ASSERTION FAIL [addr != ((void *)0)] @ keys.c:210",
    "Guru Meditation Error: Core  1 panic'ed (LoadProhibited). Exception was unhandled.",
    "abort() was called at PC 0x400d123c on core 0",
    "assert failed: xQueueSemaphoreTake queue.c:1549 (pxQueue->uxItemSize == 0)",
    "***ERROR*** A stack overflow in task main has been detected.",
    "*** PANIC ***",
    'assertion "n > 0" failed: file "model.c", line 12, function: run',
    "AllocateTensors() failed",
    "Didn't find op for builtin opcode 'CONV_2D' version '6'",
    "Arena size is too small for all buffers. Needed 102400 but only 98080 was available.",
]


@pytest.mark.parametrize("line", LAST_WORDS)
def test_last_words_are_known(line: str) -> None:
    """As the systems print them."""
    assert is_fatal(line)


@pytest.mark.parametrize(
    "line",
    [
        "ets Jul 29 2019 12:21:46",
        "ESP-ROM:esp32s3-20210327",
        " ets Jan  8 2013,rst cause:2, boot mode:(3,6)",
        "rst:0xc (SW_CPU_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)",
    ],
)
def test_a_boot_is_no_last_word(line: str) -> None:
    """Whoever opens the port may have reset the board: it will answer in a moment."""
    assert is_boot(line)
    assert not is_fatal(line)


@pytest.mark.parametrize(
    "line",
    [
        "E (5765) task_wdt: Task watchdog got triggered. The following tasks did not reset it:",
        "4 bytes lost due to alignment. To avoid this loss, please make sure the tensor_arena is",
        "[00:00:01.234,000] <err> nn: Invoke failed",
        "Initialized",
        "assets loaded",
    ],
)
def test_what_firmware_survives_is_no_last_word(line: str) -> None:
    """Long inferences set off a watchdog that only warns; a log of an error is no end."""
    assert not is_fatal(line)
    assert not is_boot(line)


CASES = {
    "cr_cr_lf": TRUTH,
    "echo_glued": TRUTH,
    "lap_64_bit": Inference(1, 14_922, "0.941,0.059"),
    "last_words": None,
    "no_results": Inference(1, 120_000, ""),
    "order_changed": None,
    "received_command": TRUTH,
    "talkative": TRUTH,
    "trailing_comma": TRUTH,
}


def test_the_shared_cases_give_their_right_values(shared_data: Path) -> None:
    """Replies of other people's firmware."""
    folder = shared_data.parent / "cases" / "replies"
    if not folder.is_dir():
        pytest.skip(f"{skips.NO_DATA} ({folder}) is not here")
    assert {path.stem for path in folder.glob("*.txt")} >= CASES.keys()
    for name, wanted in CASES.items():
        data = (folder / f"{name}.txt").read_bytes()
        if wanted is None:
            with pytest.raises(ProtocolError):
                _read(data.removesuffix(b"m-ready\r\n"))
        else:
            reply, ready = read_lines(data)[:-1], read_lines(data)[-1]
            assert ready.word == "m-ready"
            assert read_window(reply, 1, 0)[0] == wanted


def test_a_word_is_found_wherever_it_stands() -> None:
    """Behind anything that is no line of the protocol itself."""
    assert read_line(b"system up. m-ready\r").word == "m-ready"
    assert read_line(b"value-[3]").word is None
    assert read_line(b"e-mail sent").word is None


@pytest.mark.parametrize(
    "line",
    [
        b"Listening for samples ...",
        b"They come by themselves.",
        b"Already listening. Ignoring start request",
        b"Streaming stopped.",
        b"Not listening. Ignoring stop request",
    ],
)
def test_what_a_stream_answers_in_words_is_no_talk(line: bytes) -> None:
    """Firmware that answers so is not called talkative; the same words in a log are beside."""
    assert read_line(line + b"\r") == Said(line.decode(), text=True)
    assert read_line(b"log: " + line + b"\r").word is None
