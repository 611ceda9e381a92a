"""What runs measured, as pandas DataFrames whose columns and dtypes are always the same."""

import math
import os
import statistics
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from tinybench.errors import ProtocolError, RunFolderError, TraceError, UsageError
from tinybench.files import DOCUMENT_MOST_B, read_bytes
from tinybench.read import read_json

from ..dut.inference import answered
from ..results.names import MANIFEST_FILE, PROFILE_FILE, TRACE_FILE
from ..results.result import EnergyWindow, Result, Window, read_result
from ..results.score import arg_max
from ..rules import changed_files
from ..rules.judge import Outcome
from .store import Summary, find_runs
from .typed_frame import dtypes_of, frame_of, load_pandas

if TYPE_CHECKING:
    import pandas

    from tinybench.energy.trace import Chunk, TraceHead

Run = Outcome | os.PathLike[str] | str
"""A run: what `run` returned, or its folder."""

TRACE_CHUNK = 65536
MEASURED, EMULATED, MODELLED = "measured", "emulated", "modelled"


class _WindowRow(msgspec.Struct, frozen=True, kw_only=True):
    run: str
    started_at: str
    task: str
    board: str
    mode: str
    window: int
    input: str
    iterations: int
    duration_s: float | None
    latency_s: float | None
    energy_j: float | None
    energy_uncertainty_j: float | None
    energy_per_inference_j: float | None
    power_w: float | None
    lost: int | None
    clipped: int | None
    faults: list[str]
    time_is: str
    energy_is: str | None
    valid: bool


class _AnswerRow(msgspec.Struct, frozen=True, kw_only=True):
    input: str
    label: int
    predicted: int | None
    correct: bool | None
    score: float | None
    latency_s: float | None
    inferences: int
    outputs: list[float]
    expected: list[float]
    time_is: str


class _LayerRow(msgspec.Struct, frozen=True, kw_only=True):
    index: int
    operator: str
    kernel: str
    output_shape: list[int]
    macs: int
    computed_macs: int | None
    flash_b: int | None
    ram_b: int | None
    time_s: float | None
    instructions: float | None
    estimated_cycles: int | None
    limited_by: str | None
    share: float | None
    time_is: str | None


def load_runs(path: os.PathLike[str] | str) -> "pandas.DataFrame":
    """Return the runs at or below a folder, one row a run, the oldest first.

    Each run is judged by the rules of this version. Units are in the names (`_s` seconds, `_j`
    joules, `_b` bytes), shares are of 1, and what was not measured is `pandas.NA`:

    | column | dtype | what |
    | --- | --- | --- |
    | `run` | string | folder of the run |
    | `started_at` | datetime64[ns, UTC] | when it began |
    | `task` | string | such as kws |
    | `board` | string | name in the board's declaration |
    | `core` | string | such as Cortex-M4F |
    | `mode` | string | accuracy, performance, energy, all, scenario or stream |
    | `division` | string | closed or open |
    | `profile` | string | by which the run was done and is judged |
    | `mlperf` | boolean | the profile asks for no less than the MLPerf Tiny run rules |
    | `dataset` | string | official, embedded (never an MLPerf result) or custom |
    | `emulated` | boolean | times are instruction counts, not measurements |
    | `complete` | boolean | the run reached its end |
    | `valid` | boolean | it keeps every rule of its profile |
    | `broken_rules` | object | list of the names of those it breaks |
    | `inputs` | Int64 | inputs answered in the accuracy mode |
    | `top1` | Float64 | top-1 accuracy |
    | `auc` | Float64 | area under the ROC curve |
    | `top5` | Float64 | share with the class among the five largest outputs |
    | `recall` | Float64 | of the class with the least |
    | `exact` | Float64 | share of golden outputs that are as expected |
    | `iou` | Float64 | intersection over union of masks |
    | `r2` | Float64 | coefficient of determination of a regression |
    | `mae` | Float64 | mean absolute error, in the unit of the outputs |
    | `rmse` | Float64 | root of the mean squared error |
    | `f1` | Float64 | of the words of a stream, a detection counting until 1 s after a word |
    | `words_missed` | Int64 | of a stream |
    | `false_alarms` | Int64 | of a stream |
    | `duty` | Float64 | share of a stream's time that the board works, by its clock |
    | `estimated_duty` | Float64 | of an emulated board, by the estimated cycles of a frame |
    | `deadlines_missed` | Int64 | frames longer than 32 ms; of an emulated board, estimated |
    | `modelled_power_w` | Float64 | mean of a stream: a model's, not a measurement |
    | `latency_s` | Float64 | of one inference, the median over windows |
    | `latency_uncertainty_s` | Float64 | of it, k = 2 |
    | `scenario` | string | single-stream, multi-stream, server or offline |
    | `interference` | string | what was injected into an emulated board's firmware |
    | `rate_per_s` | Float64 | inferences a second in it; of a server, arrivals |
    | `latency_p50_s` | Float64 | of single inferences, queries or frames, the DUT's clock |
    | `latency_p90_s` | Float64 | likewise |
    | `latency_p99_s` | Float64 | likewise |
    | `throughput_per_s` | Float64 | inferences a second, the median over windows |
    | `instructions_per_inference` | Int64 | exact; only of an emulated board |
    | `estimated_cycles` | Int64 | of one inference, by a model of the core: no measurement |
    | `estimated_cycles_low` | Int64 | the lower figure |
    | `estimated_cycles_high` | Int64 | the upper figure |
    | `estimated_latency_s` | Float64 | those cycles at the clock of the board |
    | `estimated_latency_low_s` | Float64 | the lower figure |
    | `estimated_latency_high_s` | Float64 | the upper figure |
    | `estimated_energy_j` | Float64 | those cycles by a declared current of the board |
    | `estimated_energy_low_j` | Float64 | the lower figure |
    | `estimated_energy_high_j` | Float64 | the upper figure |
    | `calibrated_by` | string | which measurement narrowed the model; empty where none did |
    | `energy_per_inference_j` | Float64 | the median over windows |
    | `energy_uncertainty_j` | Float64 | of it, k = 2 |
    | `energy_modelled` | boolean | the energy is a model's, not a measurement |
    | `vips` | Float64 | top-1 times inferences a second |
    | `vops` | Float64 | top-1 times MACs a second |
    | `model` | string | file name of the model |
    | `model_kind` | string | official, embedded, custom or engine |
    | `macs` | Int64 | multiply-accumulates of one inference, of the model as given |
    | `weights_b` | Int64 | weights |
    | `tensor_ram_b` | Int64 | upload buffer, arena and result |
    | `flash_b` | Int64 | code and constants, with weights |
    | `code_flash_b` | Int64 | code and tables, without weights |
    | `ram_b` | Int64 | RAM, static |
    | `git_commit` | string | of the project in whose folder it was run, or of its tag `commit` |
    | `dut` | string | who answered, in its own words |
    | `tinybench` | string | version that wrote the result |
    | `tags` | object | list of words of its owner, such as "commit=1a2b3c" |
    | `time_is` | string | measured, or emulated: instruction counts |
    | `energy_is` | string | measured, or modelled; NA without energy |

    Runs that cannot be read are left out with a warning. Raises RunFolderError when there is no
    such folder, ToolMissingError without pandas.
    """
    load_pandas()
    found = find_runs(Path(path))
    _warn(found.unreadable)
    rows = [
        (*msgspec.structs.astuple(run), _time_is(run.emulated), _energy_is(run.energy_modelled))
        for run in found.runs
    ]
    words = {"time_is": "string", "energy_is": "string"}
    return frame_of(dtypes_of(Summary) | words, rows)


def windows(path: os.PathLike[str] | str) -> "pandas.DataFrame":
    """Return the timed windows of the runs at or below a folder, one row a window.

    The oldest run comes first; in a run, the windows of the performance mode before those of the
    energy mode. What a mode does not measure is `pandas.NA`:

    | column | dtype | what |
    | --- | --- | --- |
    | `run` | string | folder of the run |
    | `started_at` | datetime64[ns, UTC] | when the run began |
    | `task` | string | such as kws |
    | `board` | string | name in the board's declaration |
    | `mode` | string | performance or energy |
    | `window` | Int64 | place in its mode, from 0 |
    | `input` | string | name of the input that the window repeats |
    | `iterations` | Int64 | inferences in the window |
    | `duration_s` | Float64 | by the DUT's clock; in energy mode by the monitor's |
    | `latency_s` | Float64 | of one inference: duration over iterations |
    | `energy_j` | Float64 | of the whole window; NA where it cannot be trusted |
    | `energy_uncertainty_j` | Float64 | of it, k = 2 |
    | `energy_per_inference_j` | Float64 | energy over iterations |
    | `power_w` | Float64 | mean over the window |
    | `lost` | Int64 | samples of the monitor that nobody has |
    | `clipped` | Int64 | samples at the end of the monitor's range |
    | `faults` | object | list of texts: why the energy cannot be trusted |
    | `time_is` | string | measured, or emulated: instruction counts |
    | `energy_is` | string | measured, or modelled; NA in performance mode |
    | `valid` | boolean | the run keeps every rule of its profile, as in `load_runs` |

    Runs that cannot be read are left out with a warning. Raises RunFolderError when there is no
    such folder, ToolMissingError without pandas.
    """
    load_pandas()
    found = find_runs(Path(path))
    rows, unreadable = [], [*found.unreadable]
    for run in found.runs:
        try:
            rows += _windows_of(Path(run.run), read_result(Path(run.run)), run.valid)
        except RunFolderError as error:  # gone since
            unreadable.append(str(error))
    _warn(unreadable)
    return frame_of(dtypes_of(_WindowRow), map(msgspec.structs.astuple, rows))


def answers(run: Run) -> "pandas.DataFrame":
    """Return what a run answered in the accuracy mode, one row an input; none without that mode.

    | column | dtype | what |
    | --- | --- | --- |
    | `input` | string | name of the input |
    | `label` | Int64 | index of the class it has; of an anomaly task 1 for anomalous |
    | `predicted` | Int64 | index of the largest output; NA with scores, or without an answer |
    | `correct` | boolean | whether that is the label; NA of a task with scores |
    | `score` | Float64 | anomaly score, the mean over the file's inputs; NA with classes |
    | `latency_s` | Float64 | of one inference by the DUT's clock, the mean over the file's inputs |
    | `inferences` | Int64 | how many: 1, or as many inputs as the file has |
    | `outputs` | object | list of the numbers the DUT answered, as floats |
    | `expected` | object | list of those that the user expects; empty without any |
    | `time_is` | string | measured, or emulated: instruction counts |

    `run` is what `tinybench.run` returned, or the folder of a run, which is warned of when it is
    not as the run left it. Raises RunFolderError when there is none that can be read,
    ToolMissingError without pandas.
    """
    load_pandas()
    folder, result = _read(run)
    if result.accuracy is None:
        return frame_of(dtypes_of(_AnswerRow), [])
    classes, rows = result.accuracy.top1 is not None, []
    for answer in result.accuracy.answers:
        try:
            outputs = answered(answer.results)
        except ProtocolError as error:
            raise RunFolderError(f"{folder}: damaged at input {answer.input}: {error}") from error
        times_us = answer.elapsed_us
        predicted = arg_max(outputs) if classes and outputs else None
        row = _AnswerRow(
            input=answer.input,
            label=answer.label,
            predicted=predicted,
            correct=predicted == answer.label if classes else None,
            score=None if classes or not outputs else statistics.fmean(outputs),
            latency_s=statistics.fmean(times_us) * 1e-6 if times_us else None,
            inferences=len(times_us),
            outputs=outputs,
            expected=answer.expected,
            time_is=_time_is(result.emulated),
        )
        rows.append(msgspec.structs.astuple(row))
    return frame_of(dtypes_of(_AnswerRow), rows)


def layers(run: Run) -> "pandas.DataFrame":
    """Return the layers of a run's model, one row an operator, in the order in which they run.

    Costs are those of one inference. Times are those of `profile.json` in the run folder, which a
    run of our firmware writes; without it they are NA, and the rest is what the model compiler
    says. With an engine of your own there is no row: nobody knows
    its layers.

    | column | dtype | what |
    | --- | --- | --- |
    | `index` | Int64 | of the operator in the model |
    | `operator` | string | such as CONV_2D |
    | `kernel` | string | C function that computes it; "" where nothing is left to do |
    | `output_shape` | object | list of int |
    | `macs` | Int64 | multiply-accumulates, of the model as given |
    | `computed_macs` | Int64 | those that are computed; NA where an older version wrote them |
    | `flash_b` | Int64 | weights and constants |
    | `ram_b` | Int64 | bytes of the arena in use while it runs |
    | `time_s` | Float64 | of the layer; NA where it was not timed |
    | `instructions` | Float64 | mean count; only of an emulated board |
    | `estimated_cycles` | Int64 | by a model of the core; NA where there is no estimate |
    | `limited_by` | string | what most of those cycles went to, such as multiply, load or flash |
    | `share` | Float64 | of all layers' time, 0..1 |
    | `time_is` | string | measured, or emulated: instruction counts; NA where it was not timed |

    `run` is what `tinybench.run` returned, or the folder of a run, which is warned of when it is
    not as the run left it. Raises RunFolderError when it or its layers cannot be read,
    ToolMissingError without pandas.
    """
    load_pandas()
    folder, _ = _read(run)
    return frame_of(dtypes_of(_LayerRow), map(msgspec.structs.astuple, _layers_of(folder)))


def trace(run: Run, *, chunk: int = TRACE_CHUNK) -> "Iterator[pandas.DataFrame]":
    """Yield the energy trace of a run in frames of at most `chunk` samples, one row a sample.

    Only one of them is in memory at a time, however long the trace is. The columns are plain
    NumPy; a sample that was lost, and what the monitor does not tell, is NaN:

    | column | dtype | what |
    | --- | --- | --- |
    | `t_s` | float64 | when the sample begins, since the first, by the monitor's clock |
    | `current_a` | float32 | current; NaN of a monitor of power or energy |
    | `voltage_v` | float32 | measured with each sample, or the one that was set |
    | `power_w` | float64 | power; NaN where neither it nor the voltage is known |
    | `energy_is` | category | measured or modelled |

    `run` is what `tinybench.run` returned, or the folder of a run, which is warned of when it is
    not as the run left it. Raises UsageError for a chunk of less than one sample, RunFolderError
    where there is no run that can be read, TraceError where it has no trace or a damaged one,
    ToolMissingError without pandas.
    """
    if isinstance(chunk, bool) or not isinstance(chunk, int) or chunk < 1:
        raise UsageError(f"a chunk of {chunk!r} samples is none: 1 or more")
    load_pandas()
    from tinybench.energy.trace import open_trace

    folder, _ = _read(run)
    path = folder / TRACE_FILE
    if not path.is_file():
        raise TraceError(
            f"{path}: there is no such file: this run measured no energy, which a run with a "
            "monitor or in mode energy does"
        )

    def frames() -> Iterator["pandas.DataFrame"]:
        with open_trace(path, links=False) as stored:
            for piece in stored.chunks(size=chunk):
                yield _samples(stored.head, piece)

    return frames()


def _samples(head: "TraceHead", piece: "Chunk") -> "pandas.DataFrame":
    import numpy as np

    pd = load_pandas()
    count = len(piece.samples)
    unknown = np.full(count, np.nan, np.float32)
    current_a = piece.samples if head.unit == "A" else unknown
    voltage_v = piece.voltage_v
    if voltage_v is None:
        known_v = math.nan if head.voltage_v is None else head.voltage_v
        voltage_v = np.full(count, known_v, np.float32)
    if head.unit == "A":
        power_w = piece.samples.astype(np.float64) * voltage_v
    else:
        scale = {"W": 1.0, "J": head.rate_hz, "uJ": 1e-6 * head.rate_hz}[head.unit]
        power_w = piece.samples.astype(np.float64) * scale
    codes = np.full(count, int(head.modelled), np.int8)
    return pd.DataFrame(
        {
            "t_s": (piece.start_index + np.arange(count)) / head.rate_hz,
            "current_a": current_a.astype(np.float32, copy=False),
            "voltage_v": voltage_v.astype(np.float32, copy=False),
            "power_w": power_w,
            "energy_is": pd.Categorical.from_codes(codes, categories=[MEASURED, MODELLED]),
        }
    )


def _windows_of(folder: Path, result: Result, valid: bool) -> Iterator[_WindowRow]:
    timed = result.performance.windows if result.performance else []
    energy = result.energy
    for mode, found in (("performance", timed), ("energy", energy.windows if energy else [])):
        for number, window in enumerate(found):
            duration_s, measured = _measured(window)
            energy_j = measured and measured.energy_j
            iterations = window.iterations
            yield _WindowRow(
                run=str(folder),
                started_at=result.started_at,
                task=result.task,
                board=result.board,
                mode=mode,
                window=number,
                input=window.input,
                iterations=iterations,
                duration_s=duration_s,
                latency_s=_each(duration_s, iterations),
                energy_j=energy_j,
                energy_uncertainty_j=measured and measured.uncertainty_j,
                energy_per_inference_j=_each(energy_j, iterations),
                power_w=measured and measured.power_w,
                lost=measured and measured.lost,
                clipped=measured and measured.clipped,
                faults=measured.faults if measured else [],
                time_is=_time_is(result.emulated),
                energy_is=_energy_is(energy.modelled) if measured and energy else None,
                valid=valid,
            )


def _measured(window: Window | EnergyWindow) -> tuple[float | None, EnergyWindow | None]:
    """Return how long a window took, and the window again where its energy was measured."""
    if isinstance(window, EnergyWindow):
        return window.monitor_s, window
    return window.elapsed_us * 1e-6, None


def _each(whole: float | None, iterations: int) -> float | None:
    return None if whole is None or iterations < 1 else whole / iterations


def _layers_of(folder: Path) -> list[_LayerRow]:
    from tinybench.models.compiler.manifest import Manifest

    from ..measure.profile import Profile

    path = folder / PROFILE_FILE
    try:
        if path.exists():
            timed = read_json(read_bytes(path, DOCUMENT_MOST_B, links=False), type=Profile)
            return [
                _LayerRow(
                    index=layer.index,
                    operator=layer.operator,
                    kernel=layer.kernel,
                    output_shape=layer.output_shape,
                    macs=layer.macs,
                    computed_macs=layer.computed_macs,
                    flash_b=layer.flash_b,
                    ram_b=layer.ram_b,
                    time_s=layer.microseconds * 1e-6,
                    instructions=layer.instructions,
                    estimated_cycles=layer.cycles and layer.cycles.usual,
                    limited_by=layer.cycles and next(iter(layer.cycles.limited_by), None),
                    share=layer.share,
                    time_is=_time_is(timed.emulated),
                )
                for layer in timed.layers
            ]
        path = folder / MANIFEST_FILE
        if not path.exists():
            return []
        compiled = read_json(read_bytes(path, DOCUMENT_MOST_B, links=False), type=Manifest | None)
    except (OSError, msgspec.MsgspecError) as error:
        raise RunFolderError(f"{path}: cannot be read: {error}") from error
    return [
        _LayerRow(
            index=entry.index,
            operator=entry.operator,
            kernel=entry.kernel,
            output_shape=entry.output_shape,
            macs=entry.macs,
            computed_macs=entry.computed_macs,
            flash_b=entry.weights_b,
            ram_b=entry.arena_b,
            time_s=None,
            instructions=None,
            estimated_cycles=None,
            limited_by=None,
            share=None,
            time_is=None,
        )
        for entry in (compiled.operators if compiled else [])
    ]


def _read(run: Run) -> tuple[Path, Result]:
    """Return a run, with a warning where its folder is not as the run left it."""
    if isinstance(run, Outcome):  # which has its verdict
        return run.folder, run.result
    folder = Path(run)
    result = read_result(folder)
    changed = [ruling for ruling in changed_files(result, folder) if ruling.state == "broken"]
    if changed:
        said = "; ".join(f"{one.rule}: {one.found}" for one in changed)
        warnings.warn(f"{folder} is not as its run left it: {said}", stacklevel=3)
    return folder, result


def _time_is(emulated: bool) -> str:
    return EMULATED if emulated else MEASURED


def _energy_is(modelled: bool | None) -> str | None:
    return None if modelled is None else MODELLED if modelled else MEASURED


def _warn(unreadable: Sequence[str]) -> None:
    if unreadable:
        warnings.warn("left out: " + "; ".join(unreadable), stacklevel=3)
