"""What a run found, as it is stored: `result.json` in its own folder."""

import re
from importlib.metadata import version
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from tinybench.errors import RunFolderError
from tinybench.files import DOCUMENT_MOST_B, read_bytes, write_whole
from tinybench.printable import one_line
from tinybench.read import read_json

from .cycles import Cycles
from .firmware import Firmware
from .scenario import Scenario
from .stream import Stream

FORMAT = 1
RESULT_FILE = "result.json"


class Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The DUT's answer to one input of the accuracy set."""

    input: str
    label: int
    results: str
    """The numbers as the DUT printed them, separated by commas; one input of a file after the
    other, where it has several. Empty where the DUT had none: no answer to this input."""
    elapsed_us: list[int]
    """Time of each inference by the DUT's clock."""
    expected: list[float] = []
    """Outputs that the user expects of it, where any are given."""


class Window(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One timed window of the performance mode."""

    input: str
    iterations: int
    warmup: int
    elapsed_us: int
    results: str
    host_s: float | None = None
    """The same by the host's clock, from the request to its answer; None where it is not known."""
    host_uncertainty_s: float | None = None
    """k = 2: of the line and of a busy host."""
    single_us: int | None = None
    """One inference on this input, just before the window; None where none was timed."""
    single_results: str | None = None
    """... and its results."""
    counted_s: float | None = None
    """The same by the emulator's own count of instructions; None where there is none."""
    counted_uncertainty_s: float | None = None
    """k = 2: of what the board did besides."""


class Clock(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A DUT's clock beside a second one, over the longest span in which it ran on."""

    ratio: float
    """Seconds of the DUT's in one of the second clock's."""
    uncertainty: float
    """Of the ratio, k = 2."""
    span_s: float
    stamps: int
    """Time stamps in it."""
    witness: Literal["host", "emulator"] = "host"
    """Whose the second clock is: the host's, or the emulator's own count of instructions."""


class Expected(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The DUT's answers beside the outputs that the user expects."""

    count: int
    """Inputs of which outputs are expected, and that have an answer."""
    equal: int | None = None
    """Inputs all of whose outputs are the expected ones; None where they are no golden outputs."""
    tolerance: float | None = None
    """Most that an output of these may differ: half a step of a quantised one."""
    first_differing: str | None = None
    """Name of the first input whose outputs differ, with both values of one."""
    mae: float | None = None
    """Mean absolute error over all outputs."""
    rmse: float | None = None
    """Root of the mean squared error."""
    r2: float | None = None
    """Coefficient of determination, all outputs together; None where the expected ones are all
    the same."""
    iou: float | None = None
    """Intersection over union of masks, over all inputs: the mean over the classes there are."""


class Accuracy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Score over the accuracy set: `top1` with `correct`, or `auc`, each a share of 1."""

    count: int
    """Inputs answered; files, where a file has several inputs."""
    unanswered: int = 0
    """... of these with empty results: none of them counts as right."""
    top1: float | None = None
    correct: int | None = None
    auc: float | None = None
    latency_p50_s: float | None
    latency_p90_s: float | None
    latency_p99_s: float | None
    """Percentiles over single inferences, each timed by the DUT's clock; None where one took 0 us:
    that is no time."""
    answers: list[Answer]
    scored: bool = True
    """False where the inputs have no classes: the answers are held against a reference only."""
    top5: float | None = None
    """Share of inputs whose class is among the five largest outputs, where there are more."""
    recalls: list[float | None] = []
    """Of the inputs of each class, the share that is right; null for a class without inputs. None
    at all in results of older versions."""
    expected: Expected | None = None
    """Where outputs are given, and no classes."""


class Performance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Score over the timed windows; the medians are over windows."""

    throughput_per_s: float
    latency_s: float
    instructions_per_inference: int | None
    """Exact; only where time is an instruction count."""
    windows: list[Window]
    latency_uncertainty_s: float | None = None
    """k = 2: the spread of the windows, the resolution of the DUT's timer, its clock beside the
    host's; None where time is an instruction count, or nothing was held against the clock."""


class EnergyWindow(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One window of the energy mode, by the monitor's clock; energies in J."""

    input: str
    iterations: int
    results: str
    start_s: float | None
    stop_s: float | None
    energy_j: float | None
    """None where the window cannot be trusted; `faults` say why."""
    uncertainty_j: float | None
    """k = 2."""
    power_w: float | None
    monitor_s: float | None
    dut_s: float | None
    host_s: float | None
    lost: int
    clipped: int
    faults: list[str]
    warnings: list[str]


class Energy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Energy of one inference, the median over the windows."""

    per_inference_j: float | None
    uncertainty_j: float | None
    """k = 2."""
    terms_j: dict[str, float | None]
    """Standard uncertainties (k = 1) of it, by name; null where nobody states it."""
    not_stated: list[str]
    """Terms that nobody states for this monitor: `uncertainty_j` is incomplete without them."""
    modelled: bool
    """No measurement: an emulated board's time, and a model of its power."""
    model_source: str
    """Where the model's figures come from; empty for a measurement."""
    monitor: str
    monitor_serial: str
    monitor_firmware: str
    voltage_v: float | None
    rate_hz: float
    edges: int
    lost: int
    warnings: list[str]
    faults: list[str]
    windows: list[EnergyWindow]


class Environment(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where the board stood, as whoever ran it states."""

    ambient_c: float | None = None
    """Temperature of the room, in degrees Celsius."""
    supply_v: float | None = None
    """Of the board; what a monitor supplies is in `energy`."""


class InputsUsed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the inputs came from."""

    name: str
    """Of the dataset and, where it has several, of the list: "ic01 (list of round v0.5)"."""
    note: str
    """Which inputs and model these are, and how to get the official ones."""
    sha256: str
    """Over the lines `name,class,SHA-256` of each input, in order."""
    count: int
    """Inputs in the whole set."""
    limit: int | None = None
    """`--limit`: only so many inputs were asked for."""
    first: list[str] = []
    """The set's first inputs, as many as a run has windows."""
    stream: bool = False
    """Whether they were answered as one stream, the model's state kept from each to the next;
    windows begin anew all the same."""


class ModelUsed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The model under test."""

    name: str
    kind: str
    """"official" (the reference model), "embedded", "custom" or "engine": what an engine holds."""
    sha256: str
    """Of the .tflite; of an engine's sources, where these are all that is known."""
    macs: int | None
    """Of the model as given; None where nobody knows."""
    tensor_ram_b: int | None
    """Upload buffer, arena and result together; None where we did not compile the model."""
    weights_b: int | None
    computed_macs: int | None = None
    """Those that are computed, where channels were left out; None where we did not compile it."""
    pruned: bool = False
    """Whether channels were left out that are constants or that nobody reads; no output differs."""


class Link(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How inputs and answers crossed the line, and what had to be done again."""

    protocol: str
    """"frames" (docs/link.md) or "stock"."""
    verified: bool
    """Whether each upload and each result was proved to be what was sent."""
    baud: int | None
    """None where the line has no rate."""
    chunk_b: int
    """Data bytes of a frame or of a `db`, at the end."""
    boards: int
    """Boards that shared the accuracy set."""
    retries: int
    restarts: int
    reopened: int
    resent_frames: int
    quarantined_lines: int
    beside_lines: int = 0
    """Lines of the DUT that are none of the protocol: read through, and kept in the transcript."""
    echoed_lines: int = 0
    """... of these with what was sent in them: the DUT echoes."""
    profile: str = ""
    """Version of the protocol that the DUT states; empty where it states none, or in older
    results."""


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A mode that was begun; a run that was interrupted may begin one twice."""

    mode: str
    started_at: str
    """ISO 8601, UTC."""
    rested_s: float | None = None
    """How long the board had rested; None where nothing was run before it."""


class FloatModel(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Quality of the float model on the same inputs, computed on the host."""

    name: str
    sha256: str
    quality: float | None
    """Top-1 or AUC, a share of 1; None where it could not be computed."""
    count: int
    """Inputs it was computed on."""
    computed_by: str
    """Interpreter and its version."""
    why_not: str = ""
    """Why there is no quality."""


class Reference(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The DUT's answers beside those of the reference kernels, computed on the host."""

    computed_by: str
    """Interpreter and its version; empty where there is none."""
    count: int
    """Inputs that both answered."""
    equal: int
    """Inputs whose outputs are the same."""
    to_the_bit: bool = True
    """False where outputs are floats, held to their last printed digit, and with `steps`."""
    steps: int = 0
    """Most steps of its scale that an equal output may be off, of an ONNX model: 1, for onnxruntime
    computes with real numbers between the roundings to int8; more where its own answer moves as far
    when each rounding is off by a sixteenth of a step."""
    first_differing: str | None = None
    """Name of the first input whose outputs differ, with both values of one."""
    first_layer: str = ""
    """The first layer whose output differs on that input, found by cutting the model; or why it
    was not found."""
    why_not: str = ""
    """Why nothing was compared."""

    @property
    def within(self) -> str:
        """How near an equal output is."""
        if self.steps == 1:
            return "within one step of its scale"
        if self.steps:
            return f"within {self.steps} steps of its scale"
        return "to the bit" if self.to_the_bit else "to the last printed digit"


def not_compared(why: str) -> Reference:
    """Return that nothing was held against a reference, and why."""
    return Reference(computed_by="", count=0, equal=0, why_not=why)


class Git(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """State of a git working tree."""

    commit: str
    dirty: bool
    """Whether files differ from the commit."""


class Provenance(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What decided the result besides the files beside it; no names of users, no paths."""

    rules_sha256: str
    """Of the rules, the task's and the profile's declaration."""
    head_sha256: str | None = None
    """Of the journal's first line, which says what was asked; older runs have none."""
    packages: dict[str, str]
    """Versions of the Python packages that tinybench depends on."""
    machine: str
    """Of the host, such as "x86_64"."""
    cpu: str
    """Of the host, as it calls itself; empty where it does not."""
    tinybench_git: Git | None
    """Where tinybench runs from a checkout."""
    project_git: Git | None
    """Of the folder in which it was run."""
    board_serials: list[str]
    """USB serial number of each port's adapter or board; empty where it has none."""


class Result(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A run's scores and where they come from. Times are ISO 8601 in UTC."""

    format: int = FORMAT
    tinybench: str
    started_at: str
    finished_at: str
    complete: bool
    """False when the run was interrupted or the bench failed; `error` says how."""
    error: str | None = None
    board: str
    core: str
    task: str
    model_id: str
    mode: str
    division: str
    profile: str = "mlperf-tiny"
    """By which the run was done, and is judged if nothing else is asked for."""
    dataset: str
    """"official" (to the byte), "unverified" (its names and labels alone), "embedded" (never an
    MLPerf result) or "custom"."""
    emulated: bool
    """Time is an instruction count, not a measurement."""
    time_base: str
    dut: str
    inputs: InputsUsed
    model: ModelUsed
    firmware: Firmware | None
    """None where the board held it already and it is not known what was built into it."""
    link: Link | None = None
    """None when the run ended before the board answered."""
    interface_board: bool = False
    """Whether an interface board stood between the host and the DUT in energy mode."""
    environment: Environment | None = None
    """None where nothing was stated."""
    clocks: list[Clock] = []
    """Of each board; an emulated one's beside the emulator's count."""
    steps: list[Step] = []
    """In the order in which they were begun."""
    resumed: int = 0
    """Times that the run was interrupted and gone on with."""
    tools: dict[str, str]
    """Versions of what built and ran it."""
    accuracy: Accuracy | None = None
    performance: Performance | None = None
    scenario: Scenario | None = None
    stream: Stream | None = None
    """Of a task that is a stream."""
    energy: Energy | None = None
    float_model: FloatModel | None = None
    """Only where the profile asks for it."""
    reference: Reference | None = None
    """Likewise."""
    cycles: Cycles | None = None
    """Estimated, no measurement; only of a board that QEMU emulates, and with declared timings."""
    no_cycles: str = ""
    """Why an emulated run has no estimate; empty where it has one, or is older than this field."""
    vips: float | None = None
    """Top-1 times inferences per second, where both were measured."""
    vops: float | None = None
    """Top-1 times MACs per second."""
    files_sha256: dict[str, str]
    """Of what is stored beside this file: declarations, images, inputs, and what was measured."""
    provenance: Provenance | None = None
    """None in results of early versions."""

    def __repr__(self) -> str:
        """Return what it is of: an assertion that fails shows this, not all that was measured."""
        return f"<result: {one_line(f'{self.task} on {self.board}')}, {self.started_at[:19]}>"


def write_result(folder: Path, result: Result) -> None:
    """Write `result.json` whole or not at all. Raises RunFolderError when the disk refuses."""
    path = folder / RESULT_FILE
    try:
        write_whole(path, msgspec.json.format(msgspec.json.encode(result), indent=1) + b"\n")
    except OSError as error:
        raise RunFolderError(f"cannot write {path}: {error}") from error


def read_result(folder: Path) -> Result:
    """Read the result of a run folder.

    Raises RunFolderError: no such folder, no result in it, damaged, or written by a newer version.
    """
    path = folder / RESULT_FILE if folder.is_dir() else folder
    try:
        raw = read_bytes(path, DOCUMENT_MOST_B, links=path == folder)
    except FileNotFoundError:
        raise RunFolderError(f"{path}: there is no result here; give the folder of a run") from None
    except OSError as error:
        raise RunFolderError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        return _of_format(read_json(raw, type=Result), path)
    except msgspec.MsgspecError as error:
        try:
            head = _of_format(read_json(raw, type=_Head), path)
        except msgspec.MsgspecError as none:
            raise RunFolderError(f"{path}: not a result: {none}") from none
        if newer(head.tinybench):
            raise RunFolderError(
                f"{path}: written by tinybench {head.tinybench}, newer than this "
                f"{version('tinybench-mcu')}: update tinybench ({error})"
            ) from error
        raise RunFolderError(f"{path}: damaged: {error}") from error


class _Head(msgspec.Struct):
    """What every version of the format begins with."""

    format: int
    tinybench: str


Read = TypeVar("Read", "Result", _Head)


def _of_format(read: Read, path: Path) -> Read:
    """Return what was read; raises RunFolderError where that is written in another format."""
    if read.format != FORMAT:
        raise RunFolderError(
            f"{path}: written in format {read.format} by tinybench {read.tinybench}; this version "
            f"reads format {FORMAT}: update tinybench"
        )
    return read


def newer(other: str) -> bool:
    """Return whether a version of tinybench is newer than this one."""
    theirs, ours = (
        [int(number) for number in re.findall(r"[0-9]{1,9}", words)[:3]]
        for words in (other, version("tinybench-mcu"))
    )
    return theirs > ours
