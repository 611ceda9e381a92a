"""Let a board hear a recording: frame by frame, each as soon as the last one is answered.

The DUT gets 512 samples (32 ms at 16 kHz), answers the model's outputs, and tells the time it took,
on its own clock. Nothing is lost on the way and nothing heard twice: what was sent again on a doubt
has changed the stream, which is then begun anew.

Or frames are sent by the sample clock, as a microphone has them: one that is still waiting when the
next is complete would have been lost.
"""

import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tinybench.datasets.wake.features import HOP_SAMPLES, SAMPLE_RATE_HZ
from tinybench.errors import DatasetError, ProtocolError
from tinybench.track import Track, silent

from ..dut.client import Dut
from ..dut.reply import shown_lines
from ..results.stream.score import steps
from ..streaming.score import THRESHOLD
from .modes import disturbed

CAP = "stream-{}"
"""What `caps` say of firmware that hears frames of so many samples."""
STREAMS = 3
"""Times that a disturbed stream is begun anew."""
ANSWER_S = 20.0
PARTS = 4000
"""Of the picture of a recording."""
FRAMES_MAX = 1 << 20
"""Of a recording, 9 hours."""

_HEARD = re.compile(r"m-heard-\[([0-9]{1,10}) ([0-9]{1,10})\]")


@dataclass(frozen=True)
class Heard:
    """What a board made of a recording."""

    activations: NDArray[np.int8]
    """(frames, outputs): the probability in steps of 1/256, less 128. Frame k ends with sample
    512 (k + 1)."""
    elapsed_us: NDArray[np.int64]
    """(frames,): time from a frame's samples to its outputs, on the DUT's clock."""
    outside: int
    """Features beyond int8."""
    results: tuple[str, ...] = ()
    """(frames,): the outputs, as they were printed."""
    counted: int = 0
    """Frames that the DUT has counted."""
    begun: int = 1
    """Times that the stream was begun."""
    overruns: int = 0
    """Of a stream by the sample clock: frames that the next one has caught up with."""

    def detections(self, threshold: int = THRESHOLD) -> list[int]:
        """Return the frames whose output 0 is above the threshold."""
        return np.flatnonzero(self.activations[:, 0] > threshold).tolist()


@dataclass(frozen=True)
class SampleClock:
    """Lets a frame wait until its last sample is there."""

    now_s: Callable[[], float] = time.monotonic
    rest: Callable[[float], None] = time.sleep

    def late_s(self, due_s: float) -> float:
        """Wait until a moment; return how long it is over."""
        while (left_s := due_s - self.now_s()) > 0:
            self.rest(left_s)
        return -left_s


def frames_of(samples: NDArray[np.int16], hop_samples: int = HOP_SAMPLES) -> int:
    """Return how many frames there are; raises DatasetError for none, or too many."""
    frames = len(samples) // hop_samples
    if not 0 < frames <= FRAMES_MAX:
        raise DatasetError(
            f"a recording of {len(samples)} samples: 1 to {FRAMES_MAX} frames of {hop_samples} can "
            "be heard"
        )
    return frames


def loudness(samples: NDArray[np.int16]) -> list[int]:
    """Return the largest sample of each of up to `PARTS` parts of a recording, as a picture has."""
    each = -(-len(samples) // PARTS)
    sizes = np.abs(samples.astype(np.int32))
    return np.maximum.reduceat(sizes, np.arange(0, len(sizes), each)).tolist()


def listen(
    dut: Dut,
    samples: NDArray[np.int16],
    *,
    hop_samples: int = HOP_SAMPLES,
    wraps: bool = False,
    track: Track = silent,
    clock: SampleClock | None = None,
) -> Heard:
    """Return what a DUT, after its handshake, hears in sound of 16 kHz, from a new stream's start.

    Samples behind the last whole frame, of `hop_samples`, are left out. `wraps`: features beyond
    int8 go around, as in the reference firmware. `clock`: send frames by it. Raises DatasetError
    for less than a frame, ProtocolError for firmware that hears nothing, or a stream that never
    comes through; else as `Dut.infer`.
    """
    frames = frames_of(samples, hop_samples)
    if not dut.can(cap := CAP.format(hop_samples)):
        raise ProtocolError(
            f"the firmware does not hear: 'caps%' does not list '{cap}'. Use this project's own, "
            "built for a streaming task"
        )
    hops = samples[: frames * hop_samples].astype("<i2").reshape(frames, hop_samples)
    for begun in range(1, STREAMS + 1):
        dut.command("stop quiet", ANSWER_S)  # what another program may have begun
        dut.keep_state(True)
        dut.command("start uploads wraps" if wraps else "start uploads", ANSWER_S)
        before = disturbed(dut)
        heard = _hear(dut, hops, track, clock)
        stopped = dut.command("stop quiet", ANSWER_S)
        dut.keep_state(False)
        if disturbed(dut) == before:
            return _whole(*heard, stopped, begun)
    raise ProtocolError(
        f"{STREAMS} streams of {frames} frames, and in each something was sent again. Look at the "
        "line with: tinybench link"
    )


def _hear(
    dut: Dut, hops: NDArray[np.int16], track: Track, clock: SampleClock | None
) -> tuple[list[str], NDArray[np.int64], int]:
    """Return outputs, as they were printed, times of all frames, and how many were overtaken."""
    results, times, overruns = list[str](), list[int](), 0
    frames = [hop.tobytes() for hop in hops]
    each: Iterable[tuple[bytes, bytes | None]] = pairwise([*frames, None])  # type: ignore[arg-type]
    period_s = hops.shape[1] / SAMPLE_RATE_HZ
    began_s = clock.now_s() if clock is not None else 0.0
    for frame, then in track(each, "listen", len(frames)):
        if clock is not None:
            overruns += clock.late_s(began_s + (len(times) + 1) * period_s) > period_s
        # By the sample clock the next frame is not there yet.
        answer = dut.infer(frame, 1, 0, then if clock is None else None)
        results.append(answer.results)
        times.append(answer.elapsed_us)
    return results, np.array(times, np.int64), overruns


def _whole(
    results: list[str],
    elapsed_us: NDArray[np.int64],
    overruns: int,
    stopped: list[str],
    begun: int,
) -> Heard:
    """Return what was heard, if the DUT has counted as many frames."""
    match = next(filter(None, map(_HEARD.fullmatch, stopped)), None)
    if match is None:
        raise ProtocolError(f"unexpected reply to 'stop quiet%': {shown_lines(stopped)}; wanted "
                            "m-heard-[FRAMES OUTSIDE]")  # fmt: skip
    if int(match[1]) != len(results):
        raise ProtocolError(
            f"the DUT has heard {match[1]} frames, it was sent {len(results)}: its stream is "
            "another one"
        )
    return Heard(
        np.array(steps(results), np.int8),
        elapsed_us,
        int(match[2]),
        tuple(results),
        int(match[1]),
        begun,
        overruns,
    )
