"""Reach an interface board and the DUT behind it, play a recording, and say what was heard."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import msgspec

from tinybench.datasets.wake.features import SAMPLE_RATE_HZ
from tinybench.energy.monitor import MonitorSpec
from tinybench.errors import ProtocolError, TinybenchError

from ..build.task import EARLY_STREAM
from ..desk.line import open_line
from ..desk.station import Site
from ..dut.client import Dut
from ..dut.interface_board import InterfaceBoard
from ..results.result import Energy
from .energy_mode import Bench, measure_once
from .played import Played, play

STREAM_MODELS = ("sww01", EARLY_STREAM)


class Infer(msgspec.Struct, frozen=True, kw_only=True):
    """The recording, and what was detected in it. Ref: results.json of the public runner."""

    wav_file: str
    length_sec: float
    sample_rate: int = SAMPLE_RATE_HZ
    detection_windows: list[tuple[float, float]]
    detections: list[int]
    """ms by the board's timer; the first marks the beginning."""
    iterations: int = 1
    warmups: int = 0


class DutyCycle(msgspec.Struct, frozen=True, kw_only=True):
    """Of the first frames, by the board's timer; None where there were none."""

    duty_cycle: float | None
    period: float | None
    processing_time: float | None
    start_times_s: list[float]
    stop_times_s: list[float]


class AllFrames(msgspec.Struct, frozen=True, kw_only=True):
    """Of all frames, by the DUT's own clock, as firmware of ours tells."""

    frames: int
    duty_cycle: float
    longest_s: float
    late: int
    """Frames that took longer than their 32 ms."""
    lost: int
    stalls: int
    outside: int
    """Features beyond int8."""


class Playing(msgspec.Struct, frozen=True, kw_only=True):
    """What was heard of a recording, as an entry of the public runner's results.json, and more."""

    infer: Infer
    dutycycle: DutyCycle
    activations: list[int] | None
    """Output 0 of each frame; None where the DUT does not tell."""
    all_frames: AllFrames | None
    energy: Energy | None
    power_w: float | None
    """In the mean of the one window; None without a monitor, or where it is no result."""
    play_s: float
    dut: str
    doubts: list[str]


@dataclass(frozen=True)
class Recording:
    """A file on the interface board's card, and when its words are."""

    name: str
    length_s: float
    windows_s: Sequence[tuple[float, float]] = ()


def hear_played(
    sites: Sequence[Site],
    recording: Recording,
    monitor: MonitorSpec | None = None,
    folder: Path | None = None,
    *,
    wraps: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> Playing:
    """Play a recording to the DUT behind an interface board, at `sites[0]`; or beside it, where
    there is a second one.

    `monitor`: supplies and measures the DUT meanwhile; its trace goes to `folder`, which is needed
    then. Raises any TinybenchError.
    """
    with ExitStack() as stack:
        line = stack.enter_context(closing(open_line(sites[0], say=say)))
        board = InterfaceBoard(line, sites[0].dut_baud)
        vendor = list[str]()

        @contextlib.contextmanager
        def connect() -> Iterator[Dut]:
            with ExitStack() as own:
                beside = sites[1] if len(sites) > 1 else None
                named = board.prepare(behind=beside is None)
                say(f"{sites[0].port}: {named}")
                way = board if beside is None else own.enter_context(closing(open_line(beside)))
                dut = Dut(way, fast=False, marks=monitor is not None)
                identity = dut.handshake()
                if identity.model_id not in STREAM_MODELS:
                    raise ProtocolError(
                        f"the DUT holds model '{identity.model_id}', and not the streaming wake "
                        f"word, {' or '.join(STREAM_MODELS)}: it hears no recording"
                    )
                vendor.append(identity.vendor)
                yield dut
                with contextlib.suppress(TinybenchError):
                    dut.leave()

        def run(dut: Dut) -> Played:
            return play(board, dut, recording.name, recording.length_s, wraps=wraps)

        if monitor is None or folder is None:
            energy = None
            found = run(stack.enter_context(connect()))
        else:
            energy, found = measure_once(Bench(monitor, connect), run, recording.name, folder)
    return as_playing(found, recording, energy, vendor[-1])


def as_playing(
    found: Played, recording: Recording, energy: Energy | None, vendor: str = ""
) -> Playing:
    """Return what was noted as one structure; faults of the window are doubts, too."""
    doubts = list(found.doubts)
    windows = [] if energy is None else energy.windows
    faults = [] if energy is None else [*energy.faults, *(f for w in windows for f in w.faults)]
    told = found.told
    return Playing(
        infer=Infer(
            wav_file=recording.name,
            length_sec=recording.length_s,
            detection_windows=list(recording.windows_s),
            detections=list(found.detections_ms),
        ),
        dutycycle=DutyCycle(
            duty_cycle=found.duty,
            period=found.period_s,
            processing_time=found.processing_s,
            start_times_s=[round(at_s, 5) for at_s in found.starts_s.tolist()],
            stop_times_s=[round(at_s, 5) for at_s in found.stops_s.tolist()],
        ),
        activations=None if found.activations is None else found.activations[:, 0].tolist(),
        all_frames=None
        if told is None
        else AllFrames(
            frames=told.frames,
            duty_cycle=told.duty,
            longest_s=told.longest_s,
            late=told.late,
            lost=told.lost,
            stalls=told.stalls,
            outside=told.outside,
        ),
        energy=energy,
        power_w=windows[0].power_w if len(windows) == 1 and not faults else None,
        play_s=found.play_s,
        dut=vendor,
        doubts=doubts + faults,
    )
