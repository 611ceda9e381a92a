"""The files of one mode in the form of the v1.3 runner: log.txt, results.txt, results.json.

They hold what the run stored, digit for digit. What a run does not store is left out: the DUT's own
time stamps and the time of day of each input, which are in the run's transcript.
Ref: mlcommons/tiny, benchmark/runner; its submission checker reads the last line of results.txt.
"""

import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from tinybench.datasets.declaration import load_dataset
from tinybench.errors import RunFolderError

from ..build.task import Task
from ..results.result import Accuracy, Answer, Energy, EnergyWindow, Result, Window
from ..rules import WINDOW_MIN_S
from .samples import WindowSamples

RULE = "-" * 57
WARMUP = 1


@dataclass(frozen=True)
class Texts:
    """The three files of a mode, as text."""

    log: str
    results: str
    json: bytes


@dataclass(frozen=True)
class Marks:
    """What stands in every file of a mode, where it is not empty."""

    rehearsal: str
    inputs: str
    """That the inputs are unverified, and where they come from."""

    @property
    def lines(self) -> list[str]:
        return [_one_line(words) for words in (self.rehearsal, self.inputs) if words]


@dataclass(frozen=True)
class _Entry:
    """One `infer`: what results.json and the log say of it."""

    input: str
    segment: int
    iterations: int
    warmups: int
    results: str
    elapsed_us: int | None


def accuracy(result: Result, found: Accuracy, task: Task, mark: Marks) -> Texts:
    """Return the files of the accuracy mode; `mark` stands in each."""
    entries = [entry for answer in found.answers for entry in _entries(answer, task)]
    score = [f"Top 1% = {found.top1 * 100:.1f}"] if found.top1 is not None else []
    score += [f"AUC = {found.auc:.3f}"] if found.auc is not None else []
    stamp = _stamp(result)
    lines = [f"{stamp} ulp-mlperf: {words}" for words in score]
    log = [*head(result, "accuracy", mark)]
    for number, entry in enumerate(entries, start=1):
        log += _logged(entry, number, stamp)
    labels = {answer.input: answer.label for answer in found.answers}
    return _texts(
        [*log, *lines], lines, _json(entries, "a", labels, task, len(task.classes), mark), mark
    )


def performance(
    result: Result, windows: Sequence[Window], labels: dict[str, int], task: Task, mark: Marks
) -> Texts:
    """Return the files of the performance mode."""
    entries = [_Entry(w.input, 0, w.iterations, w.warmup, w.results, w.elapsed_us) for w in windows]
    stamp = _stamp(result)
    rates = [w.iterations / (w.elapsed_us * 1e-6) for w in windows]
    table: list[str] = []
    for number, (window, rate) in enumerate(zip(windows, rates, strict=True), start=1):
        long_enough = window.elapsed_us * 1e-6 >= WINDOW_MIN_S
        table += [
            f"Performance results for window {number}",
            f"    # Inferences : {window.iterations}",
            f"    Runtime: {window.elapsed_us / 1e6} sec.",
            f"    Throughput: {rate} inf./sec.",
            "    Runtime requirements have been met."
            if long_enough
            else f"    Runtime is below {WINDOW_MIN_S:g} sec.",
        ]
    median = f"{stamp} ulp-mlperf: Median throughput is {statistics.median(rates):>10.3f} inf./sec."
    table += [f"{stamp} ulp-mlperf: {RULE}", median, f"{stamp} ulp-mlperf: {RULE}"]
    log = [*head(result, "performance", mark)]
    for number, entry in enumerate(entries, start=1):
        log += _logged(entry, number, stamp)
    entries_json = list(_json(entries, "p", labels, task, len(task.classes), mark))
    for row, rate in zip(entries_json, rates, strict=True):
        row["infer"]["throughput"] = rate
    return _texts([*log, "-" * 20, *(line.strip() for line in table)], table, entries_json, mark)


def energy(
    result: Result,
    found: Energy,
    samples: Sequence[WindowSamples],
    labels: dict[str, int],
    task: Task,
    mark: Marks,
) -> Texts:
    """Return the files of the energy mode, with the samples of each window."""
    windows = found.windows
    entries = [_Entry(w.input, 0, w.iterations, WARMUP, w.results, None) for w in windows]
    stamp = _stamp(result)
    table = ["Energy mode"]
    each_uj = []
    for number, (window, own) in enumerate(zip(windows, samples, strict=True)):
        # Divided first and converted after, as the runner does: the digits depend on it.
        each_uj.append(own.energy_j / window.iterations * 1e6)
        table += [
            f"Energy data for trial {number}",
            f"  Elapsed time  : {own.lasts_s}",
            f"  Inferences    : {window.iterations}",
            f"  Power         : {own.energy_j / own.lasts_s * 1e3:.4f} mW.",
            f"  Total Energy  : {own.energy_j * 1e6:.3f} uJ",
            f"  Energy/Inf    : {each_uj[-1]:.3f} uJ/inf",
        ]
    median = f"{stamp} ulp-mlperf: Median energy cost is {statistics.median(each_uj):.4f} uJ/inf."
    table += [f"{stamp} ulp-mlperf: {RULE}", median, f"{stamp} ulp-mlperf: {RULE}"]
    log = [*head(result, "energy", mark), _monitor(found)]
    for number, (entry, own) in enumerate(zip(entries, samples, strict=True), start=1):
        log += _logged(entry, number, stamp)
        log.append(f"Captured samples:{len(own.samples_j)} timestamps:2")
    rows = list(_json(entries, "e", labels, task, len(task.classes), mark))
    for number, (row, own) in enumerate(zip(rows, samples, strict=True)):
        row["power"] = {
            "samples": own.samples_j,
            "timestamps": [
                [f"{2 * number + 1:02d}", own.start],
                [f"{2 * number + 2:02d}", own.stop],
            ],
            "extracted_power": None,
            "voltage": found.voltage_v,
        }
    return _texts([*log, "-" * 20, *(line.strip() for line in table)], table, rows, mark)


def labels_of(windows: Sequence[Window | EnergyWindow], found: Accuracy) -> dict[str, int]:
    """Return the class of each window's input. Raises RunFolderError for one without an answer."""
    labels = {answer.input: answer.label for answer in found.answers}
    for window in windows:
        if window.input not in labels:
            raise RunFolderError(
                f"the accuracy run has no answer to {window.input}, the input of a window: the "
                "runs do not belong together"
            )
    return labels


def _entries(answer: Answer, task: Task) -> list[_Entry]:
    """Return an answer as one entry for each input of its file."""
    words = answer.results.split(",")
    width = task.result_count
    rows = [",".join(words[at : at + width]) for at in range(0, len(words), width)]
    return [
        _Entry(answer.input, segment, 1, 0, row, elapsed_us)
        for segment, (row, elapsed_us) in enumerate(zip(rows, answer.elapsed_us, strict=True))
    ]


def _json(
    entries: Sequence[_Entry],
    mode: str,
    labels: dict[str, int],
    task: Task,
    count: int,
    mark: Marks,
) -> Iterator[dict]:
    dataset = load_dataset(task.dataset)
    sliding = dataset.stride_b is not None
    totals: dict[str, int] = {}
    for entry in entries:
        totals[entry.input] = totals.get(entry.input, 0) + 1
    for entry in entries:
        infer: dict[str, object] = {"results": _numbers(entry)}
        if entry.elapsed_us is not None:
            infer["elapsed_time"] = entry.elapsed_us
        infer |= {"total_inferences": 1, "iterations": entry.iterations, "warmups": entry.warmups}
        row: dict[str, object] = {
            "file": entry.input,
            "classes": str(count),
            "class": str(labels[entry.input]),
            "bytes_to_send": str(dataset.input_b) if sliding else None,
            "stride": str(dataset.stride_b) if sliding else None,
            "total_length": totals[entry.input] if sliding else None,
            "infer": infer,
            "mode": mode,
        }
        if mark.rehearsal:
            row["rehearsal"] = mark.rehearsal
        if mark.inputs:
            row["inputs"] = mark.inputs
        yield row


def head(result: Result, mode: str, mark: Marks) -> list[str]:
    """Return what a reader needs to know of where the log comes from."""
    lines = [
        f"tinybench {result.tinybench}: {mode} of {result.task} on {result.board}, "
        f"from {result.started_at} to {result.finished_at}",
        "This log is written from the stored run; its time stamps are that of the run's end.",
        f"time base: {result.time_base}",
        f"inputs: {result.inputs.name}, SHA-256 {result.inputs.sha256}",
        f"model: {result.model.name}, SHA-256 {result.model.sha256}",
    ]
    if result.firmware is not None:
        lines.append(f"firmware: SHA-256 {result.firmware.elf_sha256}, {result.firmware.compiler}")
    link = result.link
    if link is not None:
        lines.append(
            f"link: {link.protocol}, {'verified' if link.verified else 'not verified'}, "
            f"{link.retries} retries, {link.restarts} restarts, {link.resent_frames} frames sent "
            f"again, {link.quarantined_lines} lines set aside, "
            f"{link.beside_lines} lines beside the protocol"
        )
    lines += mark.lines
    lines += [f"Device name retrieved: {result.dut}", f"Device model retrieved: {result.model_id}"]
    return [_one_line(line) for line in lines]


def _monitor(energy: Energy) -> str:
    volts = "" if energy.voltage_v is None else f", {energy.voltage_v:g} V"
    return _one_line(
        f"energy monitor: {energy.monitor} {energy.monitor_serial} {energy.monitor_firmware}"
        f"{volts}, {energy.rate_hz:g} samples/s, added up to samples of 1 ms"
    )


def _numbers(entry: _Entry) -> list[float]:
    """Return the results; none where the DUT had none."""
    return [float(word) for word in entry.results.split(",") if word]


def _logged(entry: _Entry, number: int, stamp: str) -> list[str]:
    values = ", ".join(map(str, _numbers(entry)))
    said = f"{stamp} ulp-mlperf:"
    lines = [
        _one_line(f"{said} Loading file {entry.input} segment {entry.segment}"),
        f"{said} Load complete.",
        f"Running inference with {entry.warmups}/{entry.iterations} (warmup/measured) iterations "
        "...",
        "done",
    ]
    if entry.elapsed_us is not None:
        lasted_s = entry.elapsed_us * 1e-6
        lines += [
            f"{said} Performance results for window {number}:",
            f"{said}   # Inferences : {entry.iterations:>13}",
            f"{said}   Runtime      : {lasted_s:>10.3f} sec.",
            f"{said}   Throughput   : {entry.iterations / lasted_s if lasted_s else 0:>10.3f} "
            "inf./sec.",
        ]
    return [*lines, f"{said}   m-results    : [{values}]"]


def _texts(log: list[str], results: list[str], rows: Iterable[dict], mark: Marks) -> Texts:
    return Texts(
        "\n".join(log) + "\n",
        "\n".join([*mark.lines, *results]) + "\n",
        b"[" + b",".join(map(msgspec.json.encode, rows)) + b"]\n",
    )


def _stamp(result: Result) -> str:
    return f"{datetime.fromisoformat(result.finished_at):%m%d.%H%M%S}"


def _one_line(text: str) -> str:
    """Return a text as ASCII without control characters: those would forge lines, and the public
    checker reads with whatever encoding its user has."""
    line = "".join(c if c.isprintable() else " " for c in text)
    return line.encode("ascii", "backslashreplace").decode()
