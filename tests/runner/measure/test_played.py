"""A recording is played by a simulated interface board: to stock firmware, and to our own."""

import contextlib
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests import streaming_data
from tests.runner.measure.stock_dut import StockDut
from tinybench.datasets.wake.wav import write_wav
from tinybench.energy.monitor import MonitorSpec
from tinybench.energy.simulated.interface_board import SimulatedInterfaceBoard
from tinybench.energy.simulated.lpm01a import SimulatedLpm01a
from tinybench.energy.simulated.port import PseudoPort
from tinybench.energy.simulated.scene import Scene
from tinybench.energy.simulated.studio import Deaf, Ear, Studio
from tinybench.energy.simulated.wires import wires
from tinybench.errors import ProtocolError, UsageError
from tinybench.runner.build.board import load_board
from tinybench.runner.build.firmware import build
from tinybench.runner.build.stream_task import stream_task
from tinybench.runner.dut.client import Dut
from tinybench.runner.dut.interface_board import InterfaceBoard
from tinybench.runner.measure import played
from tinybench.runner.measure.energy_mode import Bench, measure_once
from tinybench.runner.measure.played import Played, play
from tinybench.runner.measure.playing import Playing, Recording, as_playing
from tinybench.runner.streaming.score import RULES_TAIL_S
from tinybench.runner.streaming.verdict import judge
from tinybench.transport.process import ProcessTransport
from tinybench.transport.serial_port import SerialTransport
from tinybench.transport.transport import Transport

BAUD = 115_200
NAME = "short.wav"
LENGTH_S = 12.0
CARD = {NAME: write_wav(np.zeros(int(LENGTH_S * 16_000), np.int16)), "other.wav": b"RIFF"}
FRAMES = (-(-int(LENGTH_S * 16_000) // 1024) - 2) * 2
"""That the board lets hear: what is in the last halves of its ring is not."""
WORDS = ((1.0, 1.6), (5.0, 5.5), (9.0, 9.4))
HIT = {
    frame
    for start_s, _ in WORDS
    for frame in range(int(start_s / 0.032) + 9, int(start_s / 0.032) + 20)
}


@dataclass
class Desk:
    """An interface board with a DUT behind it, seen from the host."""

    board: InterfaceBoard
    dut: Dut
    studio: Studio

    def play(self, length_s: float = LENGTH_S, name: str = NAME) -> Played:
        """Play, by the simulated board's time."""
        return play(
            self.board, self.dut, name, length_s,
            clock=lambda: self.studio.now_s, rest=lambda _: None,
        )  # fmt: skip


@contextlib.contextmanager
def desk(
    line: Transport,
    ear: Ear,
    card: Mapping[str, bytes] = CARD,
    *,
    slow_ppm: float = 0.0,
    faults: frozenset[str] = frozenset(),
) -> Iterator[Desk]:
    """Put a DUT behind a simulated board, on a port."""
    studio = Studio(card, ear, slow_ppm, faults)
    simulated = SimulatedInterfaceBoard(line, baud=BAUD, dut_baud=BAUD, studio=studio)
    with PseudoPort(simulated) as port, closing(SerialTransport(port.path, BAUD)) as serial:
        board = InterfaceBoard(serial, dut_baud=BAUD)
        board.prepare()
        dut = Dut(board, fast=False)
        assert dut.handshake().model_id == "sww01"
        yield Desk(board, dut, studio)


def heard(
    detects: Callable[[int], bool] = HIT.__contains__,
    *,
    slow_ppm: float = 0.0,
    faults: frozenset[str] = frozenset(),
    lists: bool = True,
    marker: bool = True,
) -> Played:
    """Return what is noted of stock firmware with such detections."""
    dut = StockDut(detects, lists=lists, marker=marker)
    with desk(dut, dut, slow_ppm=slow_ppm, faults=faults) as there:
        return there.play()


def test_stock_firmware_is_heard_and_scored() -> None:
    """Detections in milliseconds, duty of the first 100 frames in ticks, and each output."""
    found = heard()
    assert found.doubts == ()
    assert len(found.detections_s) == len(HIT)
    assert found.detections_s == pytest.approx([0.032 * frame for frame in sorted(HIT)], abs=2e-3)
    assert len(found.starts_s) == 100
    assert found.duty == pytest.approx(0.0179 / 0.032, rel=1e-3)
    assert found.processing_s == pytest.approx(0.0179, abs=2e-5)
    assert found.activations is not None
    assert np.flatnonzero(found.activations[:, 0] > 115).tolist() == sorted(HIT)
    assert len(found.activations) == FRAMES
    assert found.told is None
    assert judge(found.detections_ms, WORDS, length_s=LENGTH_S).rules.counts == (3, 0, 0)


def test_published_firmware_tells_no_outputs() -> None:
    """Then there are none, and nothing else is different."""
    found = heard(lists=False)
    assert found.activations is None
    assert found.doubts == ()


def test_a_slow_board_is_told_by_the_period_and_no_doubt() -> None:
    """0.2 % is what boards are off by; later detections come later, by as much."""
    found = heard(slow_ppm=2000)
    assert found.doubts == ()
    assert found.period_s == pytest.approx(0.032064, rel=2e-4)
    assert found.detections_s[-1] == pytest.approx(0.032 * max(HIT) * 1.002, abs=2e-3)
    judged = judge(found.detections_ms, WORDS, length_s=LENGTH_S, period_s=found.period_s)
    assert judged.drift.period_ppm == pytest.approx(2000, abs=100)


def test_a_dut_that_pulses_on_every_frame_has_false_alarms_only() -> None:
    """Each word is found, and between them is one alarm a second."""
    found = heard(lambda _: True)
    assert len(found.detections_s) == FRAMES - 1
    hits, missed, false = judge(found.detections_ms, WORDS, length_s=LENGTH_S).rules.counts
    assert (hits, missed) == (3, 0)
    assert false >= 4


def test_a_dut_that_never_pulses_again_misses_all() -> None:
    """The marker alone is no doubt; without it nothing can be counted."""
    found = heard(lambda _: False)
    assert (found.detections_s, found.doubts) == ([], ())
    assert judge(found.detections_ms, WORDS, length_s=LENGTH_S).rules.counts == (0, 3, 0)
    silent = heard(lambda _: False, marker=False)
    assert silent.detections_s == []
    assert any("no pulse at all" in doubt for doubt in silent.doubts)
    lost = heard(faults=frozenset({"first pulse lost"}))
    assert any("was lost, and all times are counted from another" in one for one in lost.doubts)


def test_sound_that_stands_still_for_a_second_is_no_result() -> None:
    """By the length of the recording; and where it is early, by the first frames."""
    found = heard(faults=frozenset({"stall"}))
    assert any("it stood still" in doubt for doubt in found.doubts)
    ticks = [*range(0, 32_000, 3200), *range(132_000, 160_000, 3200)]
    assert any("began late" in doubt for doubt in played._of_periods(ticks, [t + 1 for t in ticks]))


@pytest.mark.parametrize("fault", ["line lost", "line garbled", "line doubled"])
def test_a_list_is_read_until_two_are_alike(fault: str) -> None:
    """What was lost or damaged on the line the first time does not count."""
    assert heard(faults=frozenset({fault})).detections_ms == heard().detections_ms


def test_edges_that_do_not_fit_are_doubts() -> None:
    """A rise without its fall, and times that go back."""
    assert "rose 2 times and fell 1 times" in played._of_periods([1, 2], [3])[0]
    assert "out of order" in played._of_periods([10, 5], [11, 12])[0]
    assert "never rose" in played._of_periods([], [])[0]
    assert played._of_periods([0, 3200, 6400], [10, 3210, 6410]) == []


def test_what_cannot_be_played_is_said() -> None:
    """A name that is not there, a file that the board cannot play, a length that is none."""
    dut = StockDut(HIT.__contains__)
    with desk(dut, dut) as there:
        with pytest.raises(UsageError, match=r"shor\.wav is not on the interface board's card"):
            there.play(name="shor.wav")
        with pytest.raises(ProtocolError, match=r"does not play other\.wav.*Error playing file"):
            there.play(name="OTHER.WAV")
        for length_s in (0.0, -1.0, float("nan"), 1e9):
            with pytest.raises(UsageError, match="cannot be played"):
                there.play(length_s=length_s)
        assert there.play().doubts == ()


def test_noise_is_no_list() -> None:
    """Whatever comes as a list is read as one, or not at all, and nothing else happens."""
    chance = random.Random(1)  # noqa: S311 - a sequence that can be repeated
    good = ["Detection Timestamps (ms)", "12,", "345,", "6789,"]
    ticks = ["Duty cycle start times (s)", "1, 2, ", "", "Duty cycle stop times (s)", "3, 4, "]
    assert played._detections(good) == [12, 345, 6789]
    assert played._periods(ticks) == ([1, 2], [3, 4])
    for _ in range(2000):
        for rows in (good, ticks):
            lines = list(rows)
            for _ in range(chance.randrange(1, 4)):
                at = chance.randrange(len(lines))
                where = chance.randrange(len(lines[at]) + 1)
                lines[at] = lines[at][:where] + chr(chance.randrange(256)) + lines[at][where:]
            for found in (played._detections(lines), *(played._periods(lines) or (None, None))):
                assert found is None or all(0 <= number < 10**10 for number in found)
    assert played._activations(["target activations: ", "[1, -2,", "3]"]) is not None
    for list_ in (["[1, 128]"], ["[1, x]"], ["1, 2"], []):
        with pytest.raises(ProtocolError, match="none of int8"):
            played._activations(["target activations: ", *list_])


def test_a_dut_that_does_not_hear_is_refused(core: Path) -> None:
    """Firmware of another task says so at `start`."""
    dut = ProcessTransport([str(core)])
    simulated = SimulatedInterfaceBoard(dut, baud=BAUD, dut_baud=BAUD, studio=Studio(CARD, Deaf()))
    with (
        closing(dut),
        PseudoPort(simulated) as port,
        closing(SerialTransport(port.path, BAUD)) as serial,
    ):
        board = InterfaceBoard(serial, dut_baud=BAUD)
        board.prepare()
        other = Dut(board, fast=False)
        other.handshake()
        with pytest.raises(ProtocolError, match="does not begin a stream"):
            play(board, other, NAME, LENGTH_S, rest=lambda _: None)


class StreamLoad:
    """Draws 5 mA from the first mark of a stream to the second, else 1 mA; its time passes as the
    host's, and as the studio's."""

    def __init__(self) -> None:
        self.studio = Studio()
        self._marks: list[float] = []
        self._zero = (0.0, 0.0)
        self._lock = threading.Lock()

    def begin(self) -> None:
        """Time 0 is now."""
        with self._lock:
            self._marks, self._zero = [], (time.monotonic(), self.studio.now_s)

    def known_s(self) -> float:
        """Return what time it is."""
        return time.monotonic() - self._zero[0] + self.studio.now_s - self._zero[1]

    def mark(self) -> None:
        """Take an edge."""
        with self._lock:
            self._marks.append(self.known_s())

    def current_a(self, start_s: float, dt_s: float, count: int) -> NDArray[np.float64]:
        """Return the mean current of samples."""
        with self._lock:
            edges = [*self._marks[1:], *[np.inf] * 2]
        times_s = start_s + dt_s * np.arange(count)
        return np.where((times_s >= edges[0]) & (times_s < edges[1]), 5e-3, 1e-3)

    def falling_s(self, start_s: float, stop_s: float) -> list[float]:
        """Return the marks in between."""
        with self._lock:
            return [edge_s for edge_s in self._marks if start_s <= edge_s < stop_s]


def _under_monitor(load: StreamLoad, dut: StockDut, folder: Path) -> Playing:
    """Play to a DUT that a simulated monitor supplies and watches."""
    device = SimulatedLpm01a(Scene(load, real_time=False), voltage_v=3.0)
    with desk(dut, dut) as there, PseudoPort(device, real_time=False) as port:
        load.studio = there.studio
        spec = MonitorSpec(driver="lpm01a", port=port.path, voltage_v=3.0, rate_hz=1000.0)
        bench = Bench(spec, lambda: contextlib.nullcontext(there.dut))
        energy, found = measure_once(bench, lambda _: there.play(), NAME, folder)
    return as_playing(found, Recording(NAME, LENGTH_S), energy)


def test_a_stream_is_one_window_of_energy(tmp_path: Path) -> None:
    """From `start` to `stop`: its mean power, by a simulated monitor that sees the timing pin."""
    load = StreamLoad()
    found = _under_monitor(load, StockDut(HIT.__contains__, on_mark=load.mark), tmp_path)
    assert found.doubts == []
    assert found.energy is not None
    assert (found.energy.faults, found.energy.edges) == ([], 3)
    (window,) = found.energy.windows
    assert window.monitor_s is not None
    assert window.monitor_s > LENGTH_S
    assert found.power_w == pytest.approx(3.0 * 5e-3, rel=2e-3)


def test_an_edge_too_many_is_no_power(tmp_path: Path) -> None:
    """A DUT that marks more than a beginning, a start and a stop: which are the window's?"""
    load = StreamLoad()

    def twice() -> None:
        load.mark()
        load.studio.now_s += 0.01
        load.mark()

    found = _under_monitor(load, StockDut(HIT.__contains__, on_mark=twice), tmp_path)
    assert found.power_w is None
    assert any("edges, where 1 mark and two for each" in doubt for doubt in found.doubts)


def test_our_firmware_is_heard_by_the_official_protocol(shared_data: Path, tmp_path: Path) -> None:
    """The public sound of 10 s: two words of three; the firmware tells of all frames."""
    path = tmp_path / "reference.tflite"
    path.write_bytes(streaming_data.model(shared_data))
    elf = build(load_board("host"), stream_task(path), path).elf
    sound = streaming_data.sound(shared_data, "short_wav_easy10s").reshape(-1)
    card = {"short_wav_easy10s.wav": write_wav(sound)}
    with (
        wires(0.004) as there,
        closing(ProcessTransport([*there.env, elf])) as line,
        desk(line, there, card) as bench,
    ):
        for _ in range(2):
            found = bench.play(10.0, "short_wav_easy10s.wav")
            assert found.doubts == ()
            frames = [round(at_s / 0.032) for at_s in found.detections_s]
            assert frames == [*range(43, 67), 156]
            assert found.told is not None
            assert (found.told.frames, found.told.lost, found.told.stalls) == (310, 0, 0)
            assert found.told.elapsed_s == pytest.approx(309 * 0.032, rel=1e-3)
            assert found.told.duty > 0
            assert found.duty == pytest.approx(0.125, rel=1e-2)
            assert found.activations is not None
            assert np.flatnonzero(found.activations[:, 0] > 115).tolist() == frames
            truth = [(1.0, 1.65), (4.0, 4.6), (7.0, 7.36)]
            assert judge(found.detections_ms, truth, length_s=10.0).rules.counts == (2, 1, 0)
            assert RULES_TAIL_S == 1.0
        bench.studio.faults = frozenset({"stall"})
        stalled = bench.play(10.0, "short_wav_easy10s.wav")
        assert any("1 times it stood still" in doubt for doubt in stalled.doubts)
