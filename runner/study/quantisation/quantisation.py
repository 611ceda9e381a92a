"""What a way to quantise costs: one float model as floats, int8 and int16, each on a board."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast, get_args

import msgspec
import numpy as np
import numpy.typing as npt

from tinybench.cache import cache_folder
from tinybench.errors import BuildError, ModelError, UsageError
from tinybench.files import write_whole
from tinybench.models import quantiser
from tinybench.models.compiler.graph import Graph
from tinybench.models.compiler.interface import Interface
from tinybench.models.compiler.reader import read_graph
from tinybench.models.declaration import load_model
from tinybench.models.model_file import read_model_file
from tinybench.models.quantiser import Scheme, Step
from tinybench.models.training.command import tensorflow
from tinybench.models.training.tuned import tuned
from tinybench.scratch import scratch

from ...build.inputs import float_files
from ...build.own_task import Given, Label, own_task
from ...build.task import load_task
from ...build.truth import Truth
from ...dut.inference import answered
from ...results.result import Result
from ...results.words import request_of
from ...session.own_model import examined
from .. import energy
from ..host_engine import Floats, build, infer, load, ranges
from ..kept import chosen, keep_part, kept_part, open_study, store_study
from ..parts import Part, Pieces, Share, share
from ..runs import done, insist_run, is_emulated, kind_here
from ..shards import on_each
from ..subject import Subject, values_of
from ..work import Work

FLOAT = "float"
TUNED: dict[str, Scheme] = {"qat-tensor": "int8-tensor", "qat-channel": "int8-channel"}
"""Schemes of which the weights learn before, by TensorFlow, to lose less by it."""
SCHEMES = (*get_args(Scheme), *TUNED)
SEED = 1
"""Of what is random when weights learn."""
PROFILE = "quick"
NEAR = 1e-4
"""Of floats: sums in another order, of a compiler or a core, may differ by this."""
INPUTS_LEAST = 10
LABEL = Label(
    title="A model quantised by a study", licence="the user's", citation="arXiv 1712.05877"
)


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What decides a study."""

    study: str = "quantisation"
    format: int = 1
    task: str
    board: str
    float_sha256: str
    model_sha256: str
    dataset_sha256: str
    schemes: list[str]
    calibrate: int
    """Inputs that give the ranges."""
    test: int
    """Other inputs, that are scored."""
    emulated: bool = False
    """Whether the board is: what is counted and what is measured are never one study."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One way to quantise; None where it was not measured."""

    scheme: str
    refused: str | None = None
    """Why it is not on this board."""
    score: float
    """Top-1 of all tested inputs, by the model's C on this computer."""
    lost: float
    """Of the float model's."""
    same_class: float
    """Share of the inputs that are of the class that the float model says."""
    file_b: int
    rows: int = 0
    """Inputs that the board answered, at most as many as its profile has."""
    rows_equal: int = 0
    """... to which it answered what the same C does here."""
    emulated: bool | None = None
    latency_s: float | None = None
    instructions: int | None = None
    cycles: int | None = None
    weights_b: int | None = None
    flash_b: int | None = None
    ram_b: int | None = None
    tensor_ram_b: int | None = None
    energy_j: float | None = None
    energy_modelled: bool | None = None
    run: str | None = None
    """Its folder, in that of the study."""


PIECES = Pieces(
    "|".join((FLOAT, *SCHEMES)), Row, ("{}", energy.BESIDE, "models/{}.tflite", "tasks/{}")
)


class QuantisationStudy(msgspec.Struct, frozen=True, kw_only=True):
    """What a study of quantisation found."""

    asked: Asked
    tinybench: str
    model: str
    origin: str
    """Where the float model comes from."""
    dataset: str
    dataset_origin: str
    emulated: bool
    rows: list[Row]


@dataclass(frozen=True)
class Source:
    """The float model, and where it comes from."""

    data: bytes
    origin: str


@dataclass(frozen=True)
class Parts:
    """What all schemes share."""

    of: Subject
    graph: Graph
    """Of floats."""
    step: Step
    """Of the int8 inputs."""
    calibration: Floats
    tested: Floats
    labels: npt.NDArray[np.intp]
    found: dict[int, quantiser.Range]
    """The range of each activation."""


def float_model(of: Subject, path: Path | None, data: bytes | None) -> Source:
    """Return the float model: a file's bytes, the one that is published, or the int8 one as floats.

    The published one goes with the published inputs and model alone.
    """
    if path is not None and data is not None:
        return Source(data, path.name)
    if of.model_origin == "official":
        for file in float_files(load_model(load_task(of.task).model)):
            there = cache_folder() / file.address
            if there.is_file():
                read = there.read_bytes()
                if hashlib.sha256(read).hexdigest() == file.sha256:
                    return Source(read, f"{there.name}, published")
    said = f"{of.model} ({of.model_origin}), its weights as floats: no float model of it is here"
    return Source(quantiser.as_floats(of.graph), said)


def unlike(of: Subject, source: Source) -> str:
    """Return what to say of the published float model where other inputs are scored; else ""."""
    published = {file.sha256 for file in float_files(load_model(load_task(of.task).model))}
    digest = hashlib.sha256(source.data).hexdigest()
    if of.dataset_origin != "embedded" or digest not in published:
        return ""
    return (
        "the published float model goes with the official inputs, and these are embedded ones: "
        "scores here say nothing of it; to use the official ones type: "
        f"tinybench fetch {of.task}"
    )


def ask(
    of: Subject,
    source: Source,
    board: str,
    schemes: Sequence[str],
    calibrate: int,
    test: int,
    *,
    emulate: bool = False,
) -> Asked:
    """Return what a study of a subject with classes is asked for, checked.

    Raises UsageError, ModelError.
    """
    count = len(of.labels)
    if count < INPUTS_LEAST:
        raise UsageError(f"{count} inputs: {INPUTS_LEAST} are needed to calibrate and to test")
    graph = read_graph(source.data)
    quantiser.check_float(graph)
    own = of.graph.tensors[of.graph.inputs[0]]
    if graph.tensors[graph.inputs[0]].elements != own.elements:
        raise UsageError(
            f"the float model takes {graph.tensors[graph.inputs[0]].elements} values, an input of "
            f"task {of.task} has {own.elements}: give the float model of this task"
        )
    if own.type != "INT8":
        raise UsageError(f"the model of task {of.task} takes {own.type}: one of INT8 is needed")
    calibrate = min(calibrate, count // 2)
    return Asked(
        task=of.task, board=kind_here(board), float_sha256=hashlib.sha256(source.data).hexdigest(),
        model_sha256=of.model_sha256, dataset_sha256=of.dataset_sha256,
        schemes=chosen("--schemes", schemes, SCHEMES), calibrate=calibrate,
        test=min(test, count - calibrate), emulated=is_emulated(board, emulate=emulate),
    )  # fmt: skip


def run_quantisation(
    of: Subject,
    source: Source,
    asked: Asked,
    work: Work,
) -> QuantisationStudy:
    """Quantise the model each way, score it here, run it on the board, and sum up.

    What the folder has is not done again. Raises UsageError, ModelError, RunFolderError,
    BuildError and what a board raises.
    """
    rows = _rows(of, source, asked, work, None)
    study = QuantisationStudy(
        asked=asked,
        tinybench=version("tinybench-mcu"),
        model=of.model,
        origin=source.origin,
        dataset=of.dataset,
        dataset_origin=of.dataset_origin,
        emulated=any(row.emulated for row in rows),
        rows=rows,
    )
    store_study(work.folder, study)
    return study


def share_quantisation(
    of: Subject,
    source: Source,
    asked: Asked,
    work: Work,
    part: Part,
) -> Share:
    """Do the schemes of a part, as `run_quantisation` does all."""
    rows = _rows(of, source, asked, work, part)
    schemes = {"schemes": len(rows)}
    return Share(study=asked.study, part=str(part), done=schemes, same=same(rows))


def same(rows: Sequence[Row]) -> bool:
    """Return whether no board answered otherwise than the same C on this computer."""
    return all(row.rows_equal == row.rows for row in rows)


def _rows(
    of: Subject,
    source: Source,
    asked: Asked,
    work: Work,
    part: Part | None,
) -> list[Row]:
    """Return the rows of a part's schemes; of those that the folder has, nothing is said."""
    insist_run(work.words)
    text = energy.first(work)
    schemes = share(list(enumerate((FLOAT, *asked.schemes))), part)
    if any(scheme in TUNED and not _has_learnt(work.folder, scheme) for _, scheme in schemes):
        tensorflow()
    with open_study(work.folder, asked, str(part or "")), scratch() as libraries:
        parts, here = _parts(of, source, asked, libraries)

        def row(one: tuple[int, str], there: Work) -> Row:
            number, scheme = one
            if (before := kept_part(work.folder / f"{scheme}.json", Row)) is not None:
                return before
            work.say(f"{scheme}: on {asked.board}")
            return _row(scheme, number, parts, here, source, there, libraries)

        return [_with_energy(found, work) for found in on_each(text, row, schemes)]


def _with_energy(row: Row, work: Work) -> Row:
    """Return a row with its energy, where a monitor is named and the run has none."""
    if not work.words.get("monitor") or row.run is None or row.energy_j is not None:
        return row
    task = work.folder / "tasks" / row.run / "task.toml"
    found = energy.energy_of(work, row.run, task=task, division="open", profile=PROFILE)
    return keep_part(work.folder / f"{row.run}.json", msgspec.structs.replace(row, **found))


def _has_learnt(folder: Path, scheme: str) -> bool:
    """Return whether a folder has the model of a scheme whose weights learn, or its row."""
    return (folder / f"{scheme}.json").is_file() or _model(folder, scheme).is_file()


def _model(folder: Path, scheme: str) -> Path:
    return folder / "models" / f"{scheme}.tflite"


def _parts(of: Subject, source: Source, asked: Asked, folder: Path) -> tuple[Parts, Floats]:
    """Return what all schemes share, and the answers of the float model to the tested inputs."""
    tensor = of.graph.tensors[of.graph.inputs[0]]
    step = Step(tensor.scale, tensor.zero_point)
    first = [int(np.flatnonzero(of.owners == i)[0]) for i in range(len(of.labels))]
    real = values_of(of)[first]
    count = len(first)
    taken = np.unique(np.arange(asked.calibrate) * count // asked.calibrate)
    left = np.setdiff1d(np.arange(count), taken)
    tested = left[np.arange(asked.test) * len(left) // asked.test]
    graph = read_graph(source.data)
    loaded = load(build(graph, Interface(), "float"), folder, 0)
    found = ranges(loaded, graph, _bytes(real[taken]))
    labels = np.array(of.labels)[tested]
    parts = Parts(of, graph, step, real[taken], real[tested], labels, found)
    return parts, infer(loaded, _bytes(real[tested]))


def _bytes(values: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    return np.ascontiguousarray(values).view(np.uint8).reshape(len(values), -1)


def _row(
    scheme: str,
    number: int,
    parts: Parts,
    float_answers: Floats,
    source: Source,
    work: Work,
    libraries: Path,
) -> Row:
    """Return the row of one scheme, and keep it."""
    stored = work.folder / f"{scheme}.json"
    path = _model(work.folder, scheme)
    path.parent.mkdir(exist_ok=True)
    data, uploads = source.data, _bytes(parts.tested)
    if scheme in SCHEMES:
        learnt = scheme in TUNED and path.is_file()
        data = read_model_file(path) if learnt else _quantised(parts, scheme)
        tensor = read_graph(data).tensors[0]
        step = Step(tensor.scale, tensor.zero_point)
        uploads = _bytes(quantiser.as_steps(parts.tested, step, wide=tensor.type == "INT16"))
    write_whole(path, data)
    here = float_answers
    if scheme != FLOAT:
        here = infer(load(build(read_graph(data), Interface(), scheme), libraries, number), uploads)
    score = float(np.mean(here.argmax(axis=1) == parts.labels))
    row = Row(
        scheme=scheme,
        score=score,
        lost=float(np.mean(float_answers.argmax(axis=1) == parts.labels)) - score,
        same_class=float(np.mean(here.argmax(axis=1) == float_answers.argmax(axis=1))),
        file_b=len(data),
    )
    out = work.folder / scheme
    try:
        task = _task(path, uploads, parts.labels, work.folder / "tasks" / scheme)
        request = request_of(
            **work.words, task=str(task), out=out, profile=PROFILE, division="open"
        )
        result = done(request, out, work.track, lambda _: None).result
    except (ModelError, BuildError) as error:  # as one that does not fit
        return keep_part(stored, msgspec.structs.replace(row, refused=str(error)))
    return keep_part(stored, _measured(row, result, here))


def _quantised(parts: Parts, scheme: str) -> bytes:
    """Return the .tflite of a scheme. Raises ToolMissingError where weights cannot learn."""
    graph, how = parts.graph, cast(Scheme, TUNED.get(scheme, scheme))
    if scheme in TUNED:
        graph = tuned(graph, parts.calibration, parts.found, how, parts.step, SEED)
    return quantiser.quantised(graph, parts.found, how, parts.step)


def _task(
    path: Path, uploads: npt.NDArray[np.uint8], labels: npt.NDArray[np.intp], folder: Path
) -> Path:
    """Write the task of a scheme on the tested inputs."""
    classes = tuple(map(str, range(int(labels.max()) + 1)))
    truth = Truth(metric="top1", labels=tuple(map(int, labels)), classes=classes)
    inputs = tuple((f"row-{n:05}.bin", one.tobytes()) for n, one in enumerate(uploads))
    return own_task(
        path, examined(path, ours=True), Given(inputs, "tested inputs", truth), folder,
        replace(LABEL, name=path.stem),
    )  # fmt: skip


def _measured(row: Row, result: Result, here: Floats) -> Row:
    """Return a row with what the board answered and took."""
    answers = result.accuracy.answers if result.accuracy else []
    equal = 0
    for one in answers:
        decimals = len(one.results.partition(",")[0].partition(".")[2])
        near = NEAR if row.scheme == FLOAT else 10.0**-decimals
        number = int(one.input.removeprefix("row-").removesuffix(".bin"))
        equal += bool((np.abs(np.array(answered(one.results)) - here[number]) <= near).all())
    timed, firmware, drawn = result.performance, result.firmware, result.energy
    return msgspec.structs.replace(
        row,
        rows=len(answers),
        rows_equal=equal,
        emulated=result.emulated,
        latency_s=timed and timed.latency_s,
        instructions=timed and timed.instructions_per_inference,
        cycles=result.cycles and result.cycles.usual,
        weights_b=result.model.weights_b,
        flash_b=firmware and firmware.flash_b,
        ram_b=firmware and firmware.ram_b,
        tensor_ram_b=result.model.tensor_ram_b,
        energy_j=drawn and drawn.per_inference_j,
        energy_modelled=drawn and drawn.modelled,
        run=row.scheme,
    )
