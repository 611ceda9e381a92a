"""What a stream is worth: words and alarms from its outputs, duty cycle from its times."""

import math
from collections.abc import Sequence

from tinybench.errors import ProtocolError

from ...dut.inference import parse_results
from ...streaming.score import THRESHOLD
from ...streaming.summary import summarise
from ...streaming.verdict import judge_frames
from ..cycles import Cycles
from . import PERIOD_S, Busy, Stream, Streamed

SAMPLE_RATE_HZ = 16_000
FRAME_SAMPLES = 512
Currents = tuple[float, float, float]
"""Voltage in V, current in A while it infers, and while it waits."""


def score(
    streamed: Streamed | None,
    *,
    whole: bool,
    wraps: bool,
    cycles: Cycles | None,
    instruction_ns: int,
    currents: Currents | None,
) -> Stream | None:
    """Return what a stream is worth; None without one.

    `whole` and `wraps` as in `Stream`; `cycles` of a frame, where they are estimated;
    `instruction_ns`: emulated time of an instruction, 0 where time is measured; `currents`:
    what the board's declaration says that it draws. Raises ProtocolError for answers that are no
    outputs.
    """
    if streamed is None:
        return None
    from ...streaming.curve import det_curve

    if len(streamed.results) != len(streamed.device_us):
        raise ProtocolError(
            f"{len(streamed.results)} frames have outputs, {len(streamed.device_us)} have times"
        )
    activations = steps(streamed.results)
    word = [row[0] for row in activations]
    length_s = streamed.samples / SAMPLE_RATE_HZ
    detected = [frame for frame, value in enumerate(word) if value > THRESHOLD]
    estimated = None
    if cycles is not None and instruction_ns:
        # Each frame has its own instructions; what one of them takes is that of the counted frame.
        scale = cycles.usual / max(1, cycles.instructions) / cycles.clock_hz * 1e9 / instruction_ns
        estimated = busy(streamed.device_us, scale)
    judged = judge_frames(detected, streamed.words_s, length_s=length_s)
    return Stream(
        recording=streamed.recording,
        length_s=length_s,
        words_s=streamed.words_s,
        threshold=THRESHOLD,
        whole=whole,
        expected=streamed.samples // FRAME_SAMPLES,
        heard=len(word),
        counted=streamed.counted,
        begun=streamed.begun,
        outside=streamed.outside,
        wraps=wraps,
        score=summarise(judged, streamed.words_s, det_curve(_array(word), streamed.words_s)),
        busy=busy(streamed.device_us),
        estimated=estimated,
        power_w=power_w(estimated and estimated.duty, currents),
        detections=detected,
        word=word,
        device_us=streamed.device_us,
        loudness=streamed.loudness,
    )


def steps(results: Sequence[str]) -> list[list[int]]:
    """Return the outputs of each frame in steps of 1/256, less 128, from what was printed.

    Decimals are cut off: three of them, of steps of 1/256. Raises ProtocolError for what is no
    list of numbers, and for a frame with another count of them than the first.
    """
    found: list[list[int]] = []
    known: dict[str, list[int]] = {}
    for number, text in enumerate(results):
        if text not in known:
            known[text] = [
                max(0, min(255, round(value * 256))) - 128 for value in parse_results(text)
            ]
        found.append(known[text])
        if len(found[-1]) != len(found[0]):
            raise ProtocolError(
                f"frame {number} has {len(found[-1])} outputs, the first had {len(found[0])}"
            )
    return found


def busy(device_us: Sequence[int], scale: float = 1.0, period_s: float = PERIOD_S) -> Busy:
    """Return the statistics of frames, one each `period_s`; `scale`: times the DUT's time, such as
    cycles by a clock."""
    times_s = [us * (scale * 1e-6) for us in device_us]
    ordered = sorted(times_s)
    p50_s, p90_s = (ordered[math.ceil(share * (len(ordered) - 1))] for share in (0.5, 0.9))
    return Busy(
        p50_s=p50_s,
        p90_s=p90_s,
        max_s=ordered[-1],
        duty=math.fsum(times_s) / len(times_s) / period_s,
        missed=sum(time_s > period_s for time_s in times_s),
        overruns=_overruns(times_s, period_s),
    )


def power_w(duty: float | None, currents: Currents | None) -> float | None:
    """Return the mean power by a board's model; None where it has none, or is never idle."""
    if duty is None or currents is None or duty > 1:
        return None
    voltage_v, active_a, idle_a = currents
    return voltage_v * (duty * active_a + (1 - duty) * idle_a)


def _overruns(times_s: Sequence[float], period_s: float) -> int:
    """Return how many frames would be lost: frame k stands in its buffer for one period."""
    lost, free_s = 0, 0.0
    for number, time_s in enumerate(times_s, start=1):
        there_s = number * period_s
        if free_s > there_s + period_s:
            lost += 1
        else:
            free_s = max(free_s, there_s) + time_s
    return lost


def _array(word: Sequence[int]):
    import numpy as np

    return np.array(word, np.int8)
