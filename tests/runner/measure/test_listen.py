"""A board hears a recording: its outputs, its times, and what disturbs it."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from tests import streaming_data
from tests.faults.line import FaultyLine
from tests.firmware.model_runner import reference
from tests.models import tflite_builder as build_model
from tests.models.packaged import MODELS
from tests.models.streaming import wake_word
from tests.models.tflite_builder import VALID
from tinybench.datasets.wake.embedded import read_recording
from tinybench.datasets.wake.on_device import features, micro
from tinybench.errors import DatasetError, ModelError, ProtocolError, UsageError
from tinybench.runner.build.board import load_board
from tinybench.runner.build.firmware import build
from tinybench.runner.build.stream_task import stream_task
from tinybench.runner.build.task import FrontEnd
from tinybench.runner.dut.client import Dut
from tinybench.runner.measure.listen import Heard, SampleClock, listen
from tinybench.runner.measure.listening import hear
from tinybench.runner.results.stream.score import busy
from tinybench.runner.streaming.heard import read_heard
from tinybench.transport.process import ProcessTransport

NAME = "marvin_617de221_0"
SOAK = [pytest.param(name, marks=pytest.mark.soak) for name in ("mps3-an547", "nucleo-l4r5")]
BOARDS = ["host", "mps2-an386", *SOAK]


@pytest.fixture(scope="module")
def model(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reference model."""
    path = tmp_path_factory.mktemp("model") / "reference.tflite"
    path.write_bytes(streaming_data.model(shared_data))
    return path


def _elf(board: str, model: Path) -> list[str]:
    there = load_board(board, emulate=board.startswith("nucleo"))
    return there.command(build(there, stream_task(model), model).elf)


@pytest.mark.parametrize("board", BOARDS)
def test_public_sound_gives_the_golden_detections(
    board: str, model: Path, shared_data: Path
) -> None:
    """Each output of each frame, on every emulated board; the second stream is the first again."""
    with closing(ProcessTransport(_elf(board, model))) as line:
        dut = Dut(line)
        dut.handshake()
        sound = streaming_data.sound(shared_data, NAME)
        for _ in range(2):
            heard = listen(dut, sound)
            wanted = streaming_data.golden(shared_data, f"{NAME}_outputs_i8")
            np.testing.assert_array_equal(heard.activations, wanted)
            assert heard.detections() == list(range(19, 31))
            assert heard.outside == 0
            assert heard.elapsed_us.shape == (31,)
        loud = streaming_data.golden(shared_data, "loud_i16").astype(np.int16)
        assert [listen(dut, loud, wraps=wraps).outside for wraps in (False, True)] == [48, 48]


def test_cycles_are_those_of_a_frame_of_a_running_stream(model: Path) -> None:
    """Two witnesses count its instructions; the duty cycle and the power are made of the cycles."""
    board = load_board("mps2-an386")
    sound = np.random.default_rng(0).normal(0, 900, 6 * 512).astype(np.int16)
    found = hear(board, model, sound, threshold=115)
    assert found.cycles is not None
    assert found.instructions is not None
    assert found.duty is not None
    assert abs(found.cycles.instructions - found.instructions[0]) < 500
    assert found.duty == pytest.approx(found.cycles.usual / 25e6 / 0.032)
    assert found.power_w == pytest.approx(3.3 * (1e-3 + 2.4e-3 * found.duty))
    assert (found.computed_macs, found.macs) == (46_040, 826_368)
    assert len(found.elapsed_us) == len(found.activations) == 6


def test_a_disturbed_stream_begins_anew(model: Path, shared_data: Path) -> None:
    """What was sent again was perhaps heard twice: all of it is heard anew, or nothing is."""
    with closing(FaultyLine(ProcessTransport(_elf("host", model)))) as line:
        dut = Dut(line, fast=False)
        dut.handshake()
        sound = streaming_data.sound(shared_data, NAME)[: 4 * 512]
        wanted = streaming_data.golden(shared_data, f"{NAME}_outputs_i8")[:4]
        left = [b"m-results-["]

        def garbled(data: bytes) -> bytes:
            return data.replace(left.pop(), b"m-resulxs-[") if left and left[0] in data else data

        line.to_host = garbled
        np.testing.assert_array_equal(listen(dut, sound).activations, wanted)
        assert dut.tally.retries == 1
        line.to_host = lambda data: data.replace(b"m-heard-[4", b"m-heard-[5")
        with pytest.raises(ProtocolError, match="has heard 5 frames, it was sent 4"):
            listen(dut, sound)


def test_what_cannot_be_heard_is_refused(core: Path, tmp_path: Path) -> None:
    """No frame; firmware that does not hear; a model of pictures."""
    with closing(ProcessTransport([str(core)])) as line:
        dut = Dut(line)
        dut.handshake()
        with pytest.raises(ProtocolError, match="the firmware does not hear"):
            listen(dut, np.zeros(512, np.int16))
        with pytest.raises(DatasetError, match="a recording of 511 samples"):
            listen(dut, np.zeros(511, np.int16))
    with pytest.raises(ModelError, match="of 40 features of int8 a frame"):
        stream_task(MODELS / "kws01.tflite")
    layer = build_model.convolution(np.random.default_rng(0), (4, 1, 40), 2, (4, 1), padding=VALID)
    for scale, said in (
        (0.004, "no probabilities of int8"),
        (1e-9, "a step of its input is 1e-09"),
    ):
        first = replace(layer.tensors[0], scales=[scale])
        path = tmp_path / "other.tflite"
        path.write_bytes(build_model.write(replace(layer, tensors=[first, *layer.tensors[1:]])))
        with pytest.raises(ModelError, match=said):
            stream_task(path)


def test_busy_times_are_of_all_frames() -> None:
    """Quantiles are times that were measured; a frame beyond 32 ms is a missed deadline."""
    times_us = [8_000] * 5 + [16_000] * 4 + [40_000]
    found = busy(times_us)
    assert (found.p50_s, found.p90_s, found.max_s, found.missed) == (0.016, 0.04, 0.04, 1)
    assert found.duty == pytest.approx(0.0144 / 0.032)
    assert busy(times_us, 0.5).missed == 0
    assert (busy([40_000] * 2).overruns, busy([40_000] * 100).overruns) == (0, 20)
    assert busy([32_000] * 100).overruns == 0
    heard = Heard(np.array([[115, 0], [116, 0]], np.int8), np.array(times_us[:2]), 0)
    assert heard.detections() == [1]


class Clock:
    """A clock that stands, and goes on when it is waited for or told to."""

    def __init__(self, *, answer_s: float) -> None:
        self.now = 100.0
        self.answer_s = answer_s
        self.rests: list[float] = []

    def now_s(self) -> float:
        """Return the time, later each time by what an answer takes."""
        self.now += self.answer_s
        return self.now

    def rest(self, seconds: float) -> None:
        """Let time pass."""
        self.rests.append(seconds)
        self.now += seconds


def test_a_frame_that_the_next_has_caught_up_with_is_counted(
    model: Path, shared_data: Path
) -> None:
    """Sent by the sample clock: none of a fast line; of one that takes 2 ms too long, all that are
    more than a frame behind."""
    with closing(ProcessTransport(_elf("host", model))) as line:
        dut = Dut(line)
        dut.handshake()
        sound = streaming_data.sound(shared_data, NAME)
        wanted = streaming_data.golden(shared_data, f"{NAME}_outputs_i8")
        for answer_s, overruns in ((0.001, 0), (0.0341, 31 - 15)):
            clock = Clock(answer_s=answer_s)
            heard = listen(dut, sound, clock=SampleClock(clock.now_s, clock.rest))
            np.testing.assert_array_equal(heard.activations, wanted)
            assert heard.overruns == overruns
            assert bool(clock.rests) == (overruns == 0)


@pytest.mark.parametrize(
    ("front_end", "rows", "scale"), [("micro", 3, 26 / 255), ("log-mel", 1, 1 / 270)]
)
def test_a_model_with_a_state_of_its_own_hears(
    front_end: FrontEnd, rows: int, scale: float, tmp_path: Path
) -> None:
    """It takes its newest rows from the declared front end, gives what the reference kernels do,
    and is scored by the length of its frames."""
    pytest.importorskip("tflite_micro")
    model = tmp_path / "state.tflite"
    model.write_bytes(build_model.write(wake_word(rows, scale)))
    sound = read_recording("short").samples[4 * 16_000 : 6 * 16_000]
    found = hear(load_board("host"), model, sound, threshold=0, front_end=front_end)
    given = micro(sound) if front_end == "micro" else features(sound, scale)
    frames = len(given.values) // rows
    newest = given.values[: frames * rows].reshape(frames, -1)
    wanted = reference(model.read_bytes(), newest)
    assert len(set(wanted.ravel().tolist())) > 10
    got = np.array(found.activations) + 128
    np.testing.assert_array_equal(got, wanted.astype(int))
    assert (found.keeps_state, found.frames) == (True, frames)
    assert found.period_s == {"micro": 0.03, "log-mel": 0.032}[front_end]
    heard = read_heard(msgspec.json.encode(found), "heard.json")
    assert heard.detections_ms[1:] == tuple(
        round(one.end_s * 1000 - found.period_s * 1000) for one in found.detections if one.frame
    )
    other: FrontEnd = "log-mel" if front_end == "micro" else "micro"
    with pytest.raises(ModelError, match=f"it is one of --front-end {front_end}"):
        stream_task(model, front_end=other)


def test_a_model_with_a_state_takes_only_some_rows_anew(tmp_path: Path) -> None:
    """More are no newest rows, but a history."""
    model = tmp_path / "state.tflite"
    model.write_bytes(build_model.write(wake_word(17, 0.1)))
    with pytest.raises(ModelError, match="takes 17 rows of features anew"):
        stream_task(model, front_end="micro")
    sound = np.zeros(16_000, np.int16)
    with pytest.raises(UsageError, match="micro saturates"):
        hear(load_board("host"), model, sound, threshold=0, front_end="micro", wraps=True)
