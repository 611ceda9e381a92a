"""The run rules: read a stored result, name each broken rule with its clause.

Judging is apart from measuring: the same function judges a result now, and an old one again.
Ref: MLPerf Tiny Rules (mlcommons/tiny, benchmark/MLPerfTiny_Rules.adoc); energyrunner README.
"""

import hashlib
import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from . import score
from .errors import ProtocolError
from .result import Accuracy, EnergyWindow, Result, Window
from .task import METRICS, Task

WINDOWS = 5
WINDOW_MIN_S = 10.0
README = "energyrunner README, performance mode"
ENERGY_README = "energyrunner README, energy mode"
RULES = "MLPerf Tiny Rules"


class Violation(msgspec.Struct, frozen=True):
    """A broken rule: its name and clause, what it wants, what the result has, what to change."""

    rule: str
    clause: str
    wanted: str
    found: str
    advice: str


def check(result: Result, task: Task) -> list[Violation]:
    """Return the rules of `task` that `result` breaks; an empty list means that it is valid."""
    return list(_check(result, task))


def check_files(result: Result, folder: Path) -> list[Violation]:
    """Return a violation for each file of the run folder that is not the one the run wrote."""
    found = []
    for name, wanted in result.files_sha256.items():
        path = folder / name
        digest = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "no such file"
        if digest != wanted:
            found.append(
                Violation(
                    "stored-files",
                    RULES + ", results can be reproduced",
                    f"{name} with SHA-256 {wanted[:16]}...",
                    digest[:16] + "..." if path.is_file() else digest,
                    "the folder was changed after the run: run it again",
                )
            )
    return found


def _check(result: Result, task: Task) -> Iterator[Violation]:
    if not result.complete:
        yield Violation(
            "complete",
            RULES + ", a result is a whole run",
            "a run that reached its end",
            result.error or "an interrupted run",
            "run it again",
        )
    if result.model_id != task.model_id:
        yield Violation(
            "model-id",
            RULES + ", benchmark models",
            task.model_id,
            result.model_id,
            "flash the firmware of this task",
        )
    if result.division == "closed" and result.dataset == "official":
        yield from _reference_model(result)
    if result.mode in ("accuracy", "all"):
        yield from _accuracy(result, task)
    if result.mode in ("performance", "all"):
        yield from _performance(result)
    if result.mode == "energy" or result.energy is not None:
        yield from _energy(result)
    if result.accuracy is not None:
        yield from _same_output(result.accuracy, _windows(result))


def _reference_model(result: Result) -> Iterator[Violation]:
    if result.model.kind != "official":
        yield Violation(
            "reference-model",
            RULES + ", closed division",
            "the reference model",
            f"model '{result.model.name}'",
            "use the reference model, or --division open",
        )


def _accuracy(result: Result, task: Task) -> Iterator[Violation]:
    accuracy = result.accuracy
    official = result.dataset == "official"
    wanted = task.rules.accuracy_count if official else [result.inputs.count]
    distinct = len({answer.input for answer in accuracy.answers}) if accuracy else 0
    answered = len(accuracy.answers) if accuracy else 0
    if answered not in wanted or distinct != answered:
        yield Violation(
            "accuracy-count",
            "energyrunner datasets README, the whole accuracy set",
            f"{' or '.join(map(str, wanted))} inputs, each once",
            f"{answered} answers to {distinct} inputs",
            "run without --limit" if result.inputs.limit else "run the whole set",
        )
    if accuracy is None or not accuracy.answers:
        return
    try:
        recomputed = score.accuracy(accuracy.answers, task.metric)
    except ProtocolError as error:
        recomputed, seen = None, str(error)
    else:
        seen = _accuracy_text(recomputed)
    if recomputed != accuracy:
        yield Violation(
            "accuracy-recomputed",
            RULES + ", accuracy metric",
            f"from the stored answers: {seen}",
            _accuracy_text(accuracy),
            "the stored result was changed after the run: run it again",
        )
    if result.division == "closed" and recomputed is not None:
        found = recomputed.top1 if task.metric == "top1" else recomputed.auc
        if found is None or found < task.rules.closed_threshold:
            yield Violation(
                "accuracy-threshold",
                RULES + ", closed division quality target",
                f"{METRICS[task.metric]} at least {task.rules.closed_threshold:.1%}",
                "no score: only one kind of input" if found is None else f"{found:.1%}",
                "use the reference model, or --division open",
            )


def _accuracy_text(accuracy: Accuracy) -> str:
    if accuracy.top1 is not None:
        return f"top-1 {accuracy.top1:.4f} ({accuracy.correct} of {accuracy.count})"
    return f"AUC {accuracy.auc} over {accuracy.count} files"


def _performance(result: Result) -> Iterator[Violation]:
    windows = result.performance.windows if result.performance else []
    if len(windows) != WINDOWS or len({window.input for window in windows}) != len(windows):
        yield Violation(
            "performance-windows",
            README,
            f"{WINDOWS} windows on {WINDOWS} different inputs",
            f"{len(windows)} windows on {len({window.input for window in windows})} inputs",
            "run the performance mode whole",
        )
    for number, window in enumerate(windows, start=1):
        lasted_s = window.elapsed_us * 1e-6
        if lasted_s < WINDOW_MIN_S:
            more = int(window.iterations * (WINDOW_MIN_S / max(lasted_s, 1e-6) - 1)) + 1
            yield Violation(
                "window-duration",
                README + ", run time",
                f"at least {WINDOW_MIN_S:.0f} s in every window",
                f"window {number} lasted {lasted_s:.3f} s",
                f"{more} more iterations",
            )
    if result.performance and windows and all(window.elapsed_us > 0 for window in windows):
        found = result.performance.throughput_per_s
        recomputed = score.median_throughput_per_s(windows)
        if abs(found - recomputed) > 1e-9 * recomputed:
            yield Violation(
                "throughput-recomputed",
                README + ", median throughput",
                f"{recomputed:.6f} inferences/s, from the stored windows",
                f"{found:.6f}",
                "the stored result was changed after the run: run it again",
            )


def _energy(result: Result) -> Iterator[Violation]:
    energy = result.energy
    windows = energy.windows if energy else []
    if len(windows) != WINDOWS or len({window.input for window in windows}) != len(windows):
        yield Violation(
            "energy-windows",
            ENERGY_README,
            f"{WINDOWS} windows on {WINDOWS} different inputs",
            f"{len(windows)} windows on {len({window.input for window in windows})} inputs",
            "run the energy mode whole",
        )
    for number, window in enumerate(windows, start=1):
        for fault in window.faults:
            yield Violation(
                "energy-window",
                ENERGY_README + ", edges and samples",
                "two edges for each infer, at most 0.1 % of the samples lost, none clipped",
                f"window {number}: {fault}",
                "mend the wiring or the monitor's settings, and run the energy mode again",
            )
        if window.monitor_s is not None and window.monitor_s < WINDOW_MIN_S:
            more = int(window.iterations * (WINDOW_MIN_S / max(window.monitor_s, 1e-6) - 1)) + 1
            yield Violation(
                "energy-duration",
                ENERGY_README + ", run time",
                f"at least {WINDOW_MIN_S:.0f} s in every window, by the monitor's clock",
                f"window {number} lasted {window.monitor_s:.3f} s",
                f"{more} more iterations",
            )
    good = [
        window.energy_j / window.iterations
        for window in windows
        if window.energy_j is not None and window.iterations
    ]
    if energy is not None and good and energy.per_inference_j is not None:
        recomputed = statistics.median(good)
        if abs(energy.per_inference_j - recomputed) > 1e-9 * recomputed:
            yield Violation(
                "energy-recomputed",
                ENERGY_README + ", median energy",
                f"{recomputed * 1e6:.4f} uJ/inference, from the stored windows",
                f"{energy.per_inference_j * 1e6:.4f}",
                "the stored result was changed after the run: run it again",
            )


def _windows(result: Result) -> list[Window | EnergyWindow]:
    """Return the windows of both modes."""
    timed = result.performance.windows if result.performance else []
    measured = result.energy.windows if result.energy else []
    return [*timed, *measured]


def _same_output(
    accuracy: Accuracy, windows: Sequence[Window | EnergyWindow]
) -> Iterator[Violation]:
    answers = {answer.input: answer.results for answer in accuracy.answers}
    for number, window in enumerate(windows, start=1):
        # Of a file with several inputs the window runs the first one.
        first = window.results.count(",") + 1
        expected = ",".join(answers.get(window.input, window.results).split(",")[:first])
        if expected != window.results:
            yield Violation(
                "same-output",
                RULES + ", every mode runs the same inference",
                f"[{expected}] for {window.input}, as in accuracy mode",
                f"[{window.results}] in window {number}",
                "the engine must not overwrite its input between inferences",
            )
