"""The protocol client against the real C core."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinybench.errors import (
    BenchError,
    DeadlineError,
    InferenceError,
    OtherDutError,
    ProtocolError,
    TransportError,
)
from tinybench.runner.dut.client import Dut
from tinybench.runner.dut.inference import Inference, parse_results
from tinybench.runner.dut.line import Line, Patience, Tally
from tinybench.runner.dut.text_link import TextLink
from tinybench.transport.process import ProcessTransport
from tinybench.transport.recorder import Recorder
from tinybench.transport.replay import ReplayTransport
from tinybench.transport.transcript import entries

INPUT = bytes(range(1, 206)) + bytes(285)
IMPATIENT = Patience(reply_s=0.3, name_s=0.2, noise_s=0.5, inference_s=0.2, tries=2)


@pytest.fixture
def line(core: Path) -> Iterator[ProcessTransport]:
    """The core as a child process."""
    transport = ProcessTransport([str(core)])
    yield transport
    transport.close()


def test_the_handshake_finds_vendor_model_and_capabilities(line: ProcessTransport) -> None:
    """The boot banner before the answer is no answer."""
    identity = Dut(line).handshake()
    assert (identity.vendor, identity.model_id) == ("tinybench", "fake01")
    assert "profile" in identity.caps


def test_the_handshake_survives_half_a_command_on_the_line(line: ProcessTransport) -> None:
    """What another program left unfinished spoils the first try, not the run."""
    line.write(b"db 00112")
    assert Dut(line).handshake().vendor == "tinybench"


def test_a_mark_on_the_pin_wants_the_energy_build(line: ProcessTransport) -> None:
    """That for performance prints the time instead."""
    dut = Dut(line)
    dut.handshake()
    with pytest.raises(ProtocolError, match=r"'timestamp%': 'm-lap-us-[0-9]+'.*energy build"):
        dut.mark()


@pytest.mark.parametrize("fast", [True, False])
def test_an_upload_and_an_inference_answer_what_the_engine_computes(
    line: ProcessTransport, fast: bool
) -> None:
    """The engine's first value is the sum of the input in 256ths, by either protocol."""
    dut = Dut(line, fast=fast)
    dut.handshake()
    assert dut.protocol == ("frames" if fast else "stock")
    assert dut.verified
    inference = dut.infer(INPUT, 3, 1)
    assert inference.iterations == 3
    assert inference.results.split(",")[0] == f"{sum(INPUT) % 256 / 256:.9f}"[:5]
    assert dut.infer(INPUT, 5, 2).results == inference.results
    assert dut.tally == Tally()


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\xe1" + bytes(489), "'nan', which is no number"),
        (bytes(491), "exceeds maximum of 490|no answer to an upload"),
        (bytes(100), "Input db has 100 elemented, expected 490|no answer to an upload"),
    ],
)
def test_what_never_goes_well_is_an_error_after_some_attempts(
    line: ProcessTransport, fast: bool, data: bytes, words: str
) -> None:
    """Results that are no numbers, an input of another size."""
    dut = Dut(line, fast=fast, patience=IMPATIENT)
    dut.handshake()
    with pytest.raises(BenchError, match=f"given up after 1 retries.*({words})"):
        dut.infer(data, 1, 0)


@pytest.mark.parametrize("warmup", [0, 1])
@pytest.mark.parametrize("fast", [True, False])
def test_an_engine_that_fails_is_asked_once(
    line: ProcessTransport, fast: bool, warmup: int
) -> None:
    """That is its answer, whole and to what was sent; the next input is inferred as any other."""
    dut = Dut(line, fast=fast, patience=IMPATIENT)
    dut.handshake()
    with pytest.raises(InferenceError, match="failed, with status -7"):
        dut.infer(b"\xe0" + bytes(489), 1, warmup)
    assert dut.infer(INPUT, 1, warmup).results
    assert dut.tally == Tally()


def test_an_upload_that_nobody_proved_is_sent_again_where_the_engine_fails(
    line: ProcessTransport,
) -> None:
    """What failed may be another input than the one that was sent."""
    dut = Dut(line, fast=False, verify=False, patience=IMPATIENT)
    dut.handshake()
    with pytest.raises(InferenceError, match=r"given up after 1 retries.*failed, with status -7"):
        dut.infer(b"\xe0" + bytes(489), 1, 0)


def test_the_dut_holds_an_input_until_another_is_sent(line: ProcessTransport) -> None:
    """Windows on one input upload it once."""
    sent = _sent(line)
    dut = Dut(line)
    dut.handshake()
    dut.infer(INPUT, 1, 0)
    before = len(b"".join(sent))
    dut.infer(INPUT, 1, 0)
    assert len(b"".join(sent)) - before < 100


def _sliding(count: int, stride_b: int) -> list[bytes]:
    """Return windows that slide over a recording whose bytes are no bad input."""
    recording = bytes(1 + at * at % 199 for at in range(490 + count * stride_b))
    return [recording[at * stride_b :][:490] for at in range(count)]


@pytest.mark.parametrize("ahead", [True, False])
def test_of_windows_that_slide_only_what_is_new_is_sent(
    line: ProcessTransport, ahead: bool
) -> None:
    """Whether the next is sent ahead or not; each answer is that of its own window."""
    windows = _sliding(20, 49)
    sent = _sent(line)
    dut = Dut(line)
    dut.handshake()
    before = len(b"".join(sent))
    upcoming = [*windows[1:], None] if ahead else [None] * len(windows)
    found = [dut.infer(one, 1, 0, then) for one, then in zip(windows, upcoming, strict=True)]
    assert len(b"".join(sent)) - before < 490 + 20 * (49 + 50)
    assert [float(one.results.split(",")[0]) for one in found] == pytest.approx(
        [sum(window) % 256 / 256 for window in windows], abs=1e-3
    )
    assert dut.tally == Tally()


def test_the_next_input_is_on_its_way_before_the_answer(core: Path, tmp_path: Path) -> None:
    """But for the first, whose time is not known, and now and then: then the DUT rests, and whoever
    counts beside it is told. A replay sends the same at the same places."""
    path = tmp_path / "transcript.jsonl"
    windows = _sliding(140, 7)
    rests: list[int] = []

    def answers(dut: Dut) -> list[Inference]:
        dut.handshake()
        upcoming = [*windows[1:], None]
        return [dut.infer(one, 1, 0, then) for one, then in zip(windows, upcoming, strict=True)]

    recorded = Recorder(ProcessTransport([str(core)]), path)
    found = answers(Dut(recorded, answered=rests.append))
    recorded.close()
    assert answers(Dut(ReplayTransport(path))) == found
    asked = [len(data) for _, to, data in entries(path) if to == "dut" and len(data) > 40]
    assert len(asked) == len(windows)
    assert len(rests) == 4  # the first, after 64, after 64 more, the last


def test_what_was_sent_ahead_and_is_not_wanted_disturbs_nothing(line: ProcessTransport) -> None:
    """Another input is asked for, or a text command, instead of the one that was announced."""
    one, two, three, four, *_ = _sliding(4, 7)
    dut = Dut(line)
    dut.handshake()
    wanted = {data: dut.infer(data, 1, 0).results for data in (one, two, three, four)}
    assert dut.infer(one, 1, 0, then=two).results == wanted[one]
    assert dut.infer(four, 1, 0, then=one).results == wanted[four]
    assert dut.infer(one, 3, 1, then=two).results == wanted[one]
    assert dut.command("name", 1.0) == ["m-name-dut-[tinybench]"]
    assert dut.infer(three, 1, 0).results == wanted[three]
    assert dut.tally == Tally()


def test_firmware_that_knows_neither_gets_whole_inputs_one_by_one(line: ProcessTransport) -> None:
    """Of another time, or of somebody else: what `caps` does not have is not asked of it."""
    read = line.read
    line.read = lambda wait_s: read(wait_s).replace(b" slide ahead", b"")  # type: ignore[method-assign]
    windows = _sliding(4, 49)
    dut = Dut(line)
    assert "slide" not in dut.handshake().caps
    assert dut.protocol == "frames"
    sent = _sent(line)
    for window, then in zip(windows, [*windows[1:], None], strict=True):
        dut.infer(window, 1, 0, then)
    assert [len(data) > 490 for data in sent] == [True] * 4


def _sent(line: ProcessTransport) -> list[bytes]:
    """Return the list to which all that is sent from now on is added."""
    sent: list[bytes] = []
    write = line.write
    line.write = lambda data: (sent.append(data), write(data))[1]  # type: ignore[method-assign]
    return sent


@pytest.mark.parametrize(("probe", "chunk_b"), [(False, 31), (True, 38)])
def test_stock_uploads_are_31_bytes_a_command_unless_more_is_tried(
    line: ProcessTransport, probe: bool, chunk_b: int
) -> None:
    """Stock ports are promised 64 bytes without a handshake; 38 fill the command buffer."""
    dut = Dut(line, fast=False, probe=probe)
    dut.handshake()
    sent = _sent(line)
    dut.infer(INPUT, 1, 0)
    uploads = [data for data in sent if re.fullmatch(rb"db [0-9a-f]+%", data)]
    assert max(map(len, uploads)) == len(b"db %") + 2 * chunk_b
    assert dut.chunk_b == chunk_b


def test_an_upload_is_read_back_in_a_time_that_grows_with_it(line: ProcessTransport) -> None:
    """Five characters a byte, also on a line that has no rate: a process beside others."""
    asked = Line(line, Tally())
    waited: list[float] = []
    link = TextLink(asked, Patience(), verify=True)
    link.load = lambda _: None  # type: ignore[method-assign]

    def command(text: str, timeout_s: float) -> list[str]:
        waited.append(timeout_s)
        raise DeadlineError(text)

    asked.command = command  # type: ignore[method-assign]
    for size_b in (490, 602_112):
        with pytest.raises(DeadlineError, match="db print"):
            link.infer(bytes(size_b), 1, 0, 1.0)
    assert waited[0] < 2
    assert waited[1] > 30


def test_nothing_that_looks_for_a_dut_is_an_empty_command(line: ProcessTransport) -> None:
    """Stock firmware reads a command up to the first zero, and crashes on an empty one."""
    sent = _sent(line)
    line.read = lambda _: b""  # type: ignore[method-assign]
    with pytest.raises(DeadlineError):
        Dut(line, patience=IMPATIENT).handshake()
    commands = b"".join(sent).split(b"%")[:-1]
    assert len(commands) == 5
    assert all(command.startswith(b"name") for command in commands)


def test_text_commands_work_beside_frames(line: ProcessTransport) -> None:
    """A command leaves frames mode and comes back to it."""
    dut = Dut(line)
    dut.handshake()
    dut.infer(INPUT, 1, 0)
    assert any(text.startswith("m-buffer-01-02") for text in dut.command("db print", 2.0))
    assert dut.infer(INPUT, 1, 0).results
    dut.leave()
    assert dut.command("results", 2.0)[0].startswith("m-results-[")


def test_a_new_run_finds_a_dut_that_was_left_in_frames_mode(line: ProcessTransport) -> None:
    """A runner that was killed leaves the DUT waiting for frames."""
    Dut(line).handshake()
    dut = Dut(line, patience=Patience(name_s=0.3))
    assert dut.handshake().model_id == "fake01"
    assert dut.infer(INPUT, 1, 0).results


def test_a_dut_that_dies_between_two_inputs_is_started_again(line: ProcessTransport) -> None:
    """The same DUT answers afterwards, so the run goes on and counts it."""
    dut = Dut(line)
    dut.handshake()
    first = dut.infer(INPUT, 1, 0)
    line._child.kill()
    assert dut.infer(INPUT, 1, 0).results == first.results
    assert (dut.tally.retries, dut.tally.reopened) == (1, 1)


def test_a_dut_that_falls_silent_for_good_is_given_up_after_two_searches(
    line: ProcessTransport,
) -> None:
    """A dead board does not keep a CI runner busy for minutes."""
    dut = Dut(line, patience=Patience(name_s=0.1, name_tries=2, tries=50))
    dut.handshake()
    line._argv = ["sleep", "60"]
    line._child.kill()
    with pytest.raises(DeadlineError, match=r"given up after 2 retries.*did not answer 'name%'"):
        dut.infer(INPUT, 1, 0)


def test_another_dut_after_a_fault_is_an_error(
    line: ProcessTransport, core: Path, tmp_path: Path
) -> None:
    """A board that comes back with another model never goes on with the run."""
    dut = Dut(line)
    dut.handshake()
    dut.infer(INPUT, 1, 0)
    other = tmp_path / "other"
    other.write_bytes(core.read_bytes().replace(b"fake01", b"fake02"))
    other.chmod(0o755)
    line._argv = [str(other)]
    line._child.kill()
    with pytest.raises(OtherDutError, match=r"another DUT answers.*fake02.*fake01"):
        dut.infer(INPUT, 1, 0)


def test_a_silent_dut_is_an_error_that_says_what_was_tried() -> None:
    """A program that answers nothing does not hang the run."""
    line = ProcessTransport(["sleep", "60"])
    try:
        with pytest.raises(DeadlineError, match=r"did not answer 'name%' 5 times.*seen: nothing"):
            Dut(line, patience=IMPATIENT).handshake()
    finally:
        line.close()


def test_a_dut_that_never_stops_talking_is_an_error() -> None:
    """The wrong port may send for ever."""
    line = ProcessTransport(["yes"])
    try:
        with pytest.raises(ProtocolError, match="never quiet"):
            Dut(line, patience=IMPATIENT).handshake()
    finally:
        line.close()


def test_a_dut_that_dies_is_an_error_that_says_how() -> None:
    """The child's own last words are in the message."""
    script = "echo out of coffee >&2; exit 7"
    line = ProcessTransport(["sh", "-c", script])
    try:
        with pytest.raises(TransportError, match=r"sh ended with exit status 7.*out of coffee"):
            Dut(line).handshake()
    finally:
        line.close()


def test_a_recorded_session_replays_without_the_dut(core: Path, tmp_path: Path) -> None:
    """The transcript of a run is the fixture of a test."""
    path = tmp_path / "transcript.jsonl"
    recorded = Recorder(ProcessTransport([str(core)]), path)
    dut = Dut(recorded)
    identity = dut.handshake()
    inference = dut.infer(INPUT, 2, 1)
    recorded.close()

    replayed = Dut(ReplayTransport(path))
    assert replayed.handshake() == identity
    assert replayed.infer(INPUT, 2, 1) == inference


def test_a_replay_refuses_another_question(core: Path, tmp_path: Path) -> None:
    """A transcript answers only what it was asked."""
    path = tmp_path / "transcript.jsonl"
    recorded = Recorder(ProcessTransport([str(core)]), path)
    Dut(recorded).handshake()
    recorded.close()
    replayed = Dut(ReplayTransport(path))
    replayed.handshake()
    with pytest.raises(TransportError, match="where the runner sends"):
        replayed.infer(INPUT, 1, 0)


@given(st.text())
def test_any_text_is_finite_numbers_or_an_error(text: str) -> None:
    """Nothing else than plain decimals passes as results."""
    try:
        values = parse_results(text)
    except ProtocolError:
        return
    assert ",".join(text.split(",")) == text
    assert all(abs(value) < float("inf") for value in values)


@pytest.mark.parametrize("text", ["", "nan", "inf", "0.1,", "1e5", "0x1", "0.5 ", "٣", "1_0", "-"])
def test_what_python_would_take_for_a_number_may_still_be_none(text: str) -> None:
    """The protocol knows digits, a point and a minus."""
    with pytest.raises(ProtocolError):
        parse_results(text)
