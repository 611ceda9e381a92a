"""The protocol client against the real C core."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinybench.runner import dut as dut_module
from tinybench.runner.dut import Dut, parse_results
from tinybench.runner.errors import DeadlineError, ProtocolError, TransportError
from tinybench.runner.transport import ProcessTransport, Recorder, ReplayTransport

INPUT = bytes(range(1, 206)) + bytes(285)


@pytest.fixture
def line(core: Path) -> Iterator[ProcessTransport]:
    """The core as a child process."""
    transport = ProcessTransport([str(core)])
    yield transport
    transport.close()


@pytest.fixture
def dut(line: ProcessTransport) -> Dut:
    """A DUT that has been found."""
    found = Dut(line)
    found.handshake()
    return found


def test_the_handshake_finds_vendor_model_and_capabilities(line: ProcessTransport) -> None:
    """The boot banner before the answer is no answer."""
    identity = Dut(line).handshake()
    assert (identity.vendor, identity.model_id, identity.caps) == (
        "tinybench",
        "fake01",
        ("profile", "frames-1-512-4096"),
    )


def test_the_handshake_survives_half_a_command_on_the_line(line: ProcessTransport) -> None:
    """What another program left unfinished spoils the first try, not the run."""
    line.write(b"db 00112")
    assert Dut(line).handshake().vendor == "tinybench"


def test_an_upload_and_an_inference_answer_what_the_engine_computes(dut: Dut) -> None:
    """The engine's first value is the sum of the input in 256ths."""
    dut.load(INPUT)
    inference = dut.infer(3, 1, 10.0)
    assert inference.iterations == 3
    assert inference.results.split(",")[0] == f"{sum(INPUT) % 256 / 256:.9f}"[:5]


def test_the_same_input_answers_the_same_twice(dut: Dut) -> None:
    """Nothing is left over from one inference to the next."""
    dut.load(INPUT)
    assert dut.infer(1, 0, 10.0).results == dut.infer(5, 2, 10.0).results


def test_an_input_of_the_wrong_size_is_refused(dut: Dut) -> None:
    """The DUT names its own size; the client does not go on."""
    with pytest.raises(ProtocolError, match="exceeds maximum of 490"):
        dut.load(bytes(491))


def test_an_inference_on_half_an_input_is_refused(dut: Dut) -> None:
    """A short upload never becomes a result."""
    dut.load(bytes(100))
    with pytest.raises(ProtocolError, match="Input db has 100 elemented, expected 490"):
        dut.infer(1, 0, 10.0)


def test_an_engine_that_fails_is_an_error(dut: Dut) -> None:
    """A negative status of the engine carries no results."""
    dut.load(b"\xe0" + bytes(489))
    with pytest.raises(ProtocolError, match="Inference failed with -7"):
        dut.infer(1, 0, 10.0)


def test_results_that_are_no_finite_numbers_are_refused(dut: Dut) -> None:
    """NaN and infinity never become part of a result."""
    dut.load(b"\xe1" + bytes(489))
    with pytest.raises(ProtocolError, match="'nan', which is no number"):
        dut.infer(1, 0, 10.0)


def test_a_silent_dut_is_an_error_that_says_what_was_tried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A program that answers nothing does not hang the run."""
    monkeypatch.setattr(dut_module, "HANDSHAKE_TIMEOUT_S", 0.2)
    line = ProcessTransport(["sleep", "60"])
    try:
        with pytest.raises(DeadlineError, match=r"did not answer 'name%' 5 times.*seen: nothing"):
            Dut(line).handshake()
    finally:
        line.close()


def test_a_dut_that_never_stops_talking_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wrong port may send for ever."""
    monkeypatch.setattr(dut_module, "DRAIN_TIMEOUT_S", 0.5)
    line = ProcessTransport(["yes"])
    try:
        with pytest.raises(ProtocolError, match="never quiet"):
            Dut(line).handshake()
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
    dut.load(INPUT)
    inference = dut.infer(2, 1, 10.0)
    recorded.close()

    replayed = Dut(ReplayTransport(path))
    assert replayed.handshake() == identity
    replayed.load(INPUT)
    assert replayed.infer(2, 1, 10.0) == inference


def test_a_replay_refuses_another_question(core: Path, tmp_path: Path) -> None:
    """A transcript answers only what it was asked."""
    path = tmp_path / "transcript.jsonl"
    recorded = Recorder(ProcessTransport([str(core)]), path)
    Dut(recorded).handshake()
    recorded.close()
    replayed = Dut(ReplayTransport(path))
    replayed.handshake()
    with pytest.raises(TransportError, match="where the runner sends"):
        replayed.load(INPUT)


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
