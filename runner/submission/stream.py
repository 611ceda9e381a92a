"""The files of a streaming run in the form of the v1.3 runner: log.txt, results.txt, results.json.

Times of all frames are given, where an interface board keeps those of the first 100. The score is
by the runner's code, as every published one is; the stored result has the other readings, too.
Ref: mlcommons/tiny, benchmark/runner; its submission checker reads three lines of results.txt.
"""

import msgspec

from tinybench.errors import UsageError

from ..results.result import Result
from ..results.stream import PERIOD_S, Stream
from ..streaming.score import FRAME_MS, RUNNER_TAIL_S
from . import logs

DIGITS = 9
"""After the point of a time in s: nanoseconds."""


def performance(result: Result, found: Stream, mark: logs.Marks) -> logs.Texts:
    """Return the files of the performance mode; `mark` stands in each.

    Raises UsageError for an emulated run without an estimate: it has no time.
    """
    times = found.in_time(emulated=result.emulated)
    if times is None or not times.duty:
        raise UsageError(
            f"{result.task}: an emulated run without an estimate of cycles has no times to hand "
            f"in{': ' * bool(result.no_cycles)}{result.no_cycles}"
        )
    read = next(
        one for one in found.score.readings if one.tail_s == RUNNER_TAIL_S and not one.without_ppm
    )
    starts_s, stops_s = _spans_s(found, times.duty)
    busy_s = times.duty * PERIOD_S
    lines = [
        f"Accuracy: {read.found} True positives, {read.missed} False negatives, {read.false} False "
        "positives",
        f"Average duty cycle: {times.duty:.5f}",
        f"Average period: {PERIOD_S:.6f} s",
        f"Estimated throughput: {1 / busy_s:.2f} inf./sec.",
    ]
    frames = [0, *(frame for frame in found.detections if frame)]
    detections_ms = [FRAME_MS * (frame + 1) for frame in frames]
    log = [
        *logs.head(result, "performance", mark),
        f"Playing {found.recording} (length = {found.length_s:g}s) ...",
        "... done",
        str(detections_ms),
        *lines,
    ]
    row: dict[str, object] = {
        "infer": {
            "wav_file": found.recording,
            "length_sec": found.length_s,
            "sample_rate": 16_000,
            "detection_windows": found.words_s,
            "detections": detections_ms,
            "iterations": 1,
            "warmups": 0,
        },
        "dutycycle": {
            "duty_cycle": times.duty,
            "period": PERIOD_S,
            "processing_time": busy_s,
            "start_times_s": starts_s,
            "stop_times_s": stops_s,
        },
        "activations": found.word,
        "mode": "p",
    }
    row |= {"rehearsal": mark.rehearsal} if mark.rehearsal else {}
    row |= {"inputs": mark.inputs} if mark.inputs else {}
    return logs.Texts(
        "\n".join(log) + "\n",
        "\n".join([*mark.lines, *lines]) + "\n",
        b"[" + msgspec.json.encode(row) + b"]\n",
    )


def _spans_s(found: Stream, duty: float) -> tuple[list[float], list[float]]:
    """Return when each frame was begun and done, as long as they take in the mean of all `duty`."""
    scale = duty / found.busy.duty * 1e-6 if found.busy.duty else 0.0
    starts_s = [round((number + 1) * PERIOD_S, DIGITS) for number in range(len(found.device_us))]
    stops_s = [
        round(start_s + us * scale, DIGITS)
        for start_s, us in zip(starts_s, found.device_us, strict=True)
    ]
    return starts_s, stops_s
