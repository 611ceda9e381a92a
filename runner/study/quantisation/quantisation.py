"""What a way to quantise costs: one float model as floats, int8 and int16, each on a board."""

import hashlib
from collections.abc import Sequence
from contextlib import ExitStack
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
from tinybench.models.compiler.checks import is_quantised
from tinybench.models.compiler.graph import Graph
from tinybench.models.compiler.reader import read_graph
from tinybench.models.declaration import load_model
from tinybench.models.model_file import read_model_file
from tinybench.models.quantiser import Scheme, Step
from tinybench.models.training.command import tensorflow
from tinybench.models.training.tuned import tuned
from tinybench.scratch import scratch

from ...build.inputs import float_files
from ...build.own_task import Given, Label, decimals_of, own_task
from ...build.truth import Truth
from ...dut.inference import answered
from ...results.result import Result
from ...results.words import request_of
from ...session.own_model import examined
from .. import energy
from ..declared import board_asked
from ..host_engine import Floats, Values, build, infer, load, ranges
from ..kept import chosen, keep_part, kept_part, open_study, store_study
from ..parts import Part, Pieces, Share, share
from ..runs import done, insist_run, is_emulated
from ..shards import on_each
from ..subject import Subject, digest
from ..work import Work
from ..worth import AGREEMENT, BY_CLEAN, Measure, agreement, answers, measure, worth
from .tested import Tested, against, counts_of, dealt

FLOAT = "float"
TUNED: dict[str, Scheme] = {"qat-tensor": "int8-tensor", "qat-channel": "int8-channel"}
"""Schemes of which the weights learn before, by TensorFlow, to lose less by it."""
SCHEMES = (*get_args(Scheme), *TUNED)
SEED = 1
"""Of what is random when weights learn."""
PROFILE = "quick"
NEAR = 1e-4
"""Of floats: sums in another order, of a compiler or a core, may differ by this, or this share."""
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
    """Other inputs, that are scored; of a stream seconds behind half of its words."""
    inputs_sha256: str = ""
    """Of both, and of how they are scored; empty in a folder of before."""
    emulated: bool = False
    """Whether the board is: what is counted and what is measured are never one study."""
    board_sha256: str = ""
    """Of what its file says, of a board of one's own."""
    task_sha256: str = ""
    """Likewise of the task."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One way to quantise; None where it was not measured."""

    scheme: str
    refused: str | None = None
    """Why it is not on this board."""
    score: float
    """Of all tested inputs, by the model's C on this computer; by which metric the study says."""
    lost: float
    """Of the float model's."""
    same_class: float | None = None
    """Where classes are told apart: share of the inputs that are of the class that the float model
    says."""
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
    metric: Measure = "top1"
    """What scores are."""
    by_floats: bool = False
    """Whether answers are held against those of the float model, as nothing else is known."""
    words: int | None = None
    """Of a stream, that are listened for."""


@dataclass(frozen=True)
class Source:
    """The float model, and where it comes from."""

    data: bytes
    origin: str


@dataclass(frozen=True)
class Parts:
    """What all schemes share."""

    tested: Tested
    graph: Graph
    """Of floats."""
    step: Step | None
    """Of the int8 inputs; None: as the ranges say."""
    found: dict[int, quantiser.Range]
    """The range of each activation."""
    floats: Floats
    """Answers of the float model to what is scored."""
    scored: Subject
    """What should come out of that."""


def float_model(of: Subject, path: Path | None, data: bytes | None) -> Source:
    """Return the float model: a file's bytes, the one that is published, or the int8 one as floats.

    The published one goes with the published inputs and model alone. A model that is of floats
    already is it itself.
    """
    if path is not None and data is not None:
        return Source(data, path.name)
    if of.graph.tensors[of.graph.inputs[0]].type == "FLOAT32":
        return Source(of.data, f"{of.model} ({of.model_origin}), of floats as it is")
    if of.model_origin == "official":
        for file in float_files(load_model(of.declared)):
            there = cache_folder() / file.address
            if there.is_file():
                read = there.read_bytes()
                if hashlib.sha256(read).hexdigest() == file.sha256:
                    return Source(read, f"{there.name}, published")
    said = f"{of.model} ({of.model_origin}), its weights as floats: no float model of it is here"
    return Source(quantiser.as_floats(of.graph), said)


def unlike(of: Subject, source: Source) -> str:
    """Return what to say of the published float model where other inputs are scored; else ""."""
    if of.dataset_origin != "embedded":
        return ""
    published = {file.sha256 for file in float_files(load_model(of.declared))}
    if hashlib.sha256(source.data).hexdigest() not in published:
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
    test: int | None = None,
    *,
    emulate: bool = False,
) -> Asked:
    """Return what a study of a subject is asked for, checked; None `test`: as many as is usual.

    Raises UsageError, ModelError.
    """
    graph = read_graph(source.data)
    quantiser.check_float(graph)
    own = of.graph.tensors[of.graph.inputs[0]]
    if graph.tensors[graph.inputs[0]].elements != own.elements:
        raise UsageError(
            f"the float model takes {graph.tensors[graph.inputs[0]].elements} values, an input of "
            f"task {of.task} has {own.elements}: give the float model of this task"
        )
    if own.type not in ("INT8", "FLOAT32"):
        raise UsageError(
            f"the model of task {of.task} takes {own.type}: one of INT8 or FLOAT32 is needed"
        )
    calibrate, test = counts_of(of, calibrate, test)
    tested = dealt(of, calibrate, test)
    there = board_asked(board)
    return Asked(
        task=of.task, board=there.name, float_sha256=hashlib.sha256(source.data).hexdigest(),
        model_sha256=of.model_sha256, dataset_sha256=of.dataset_sha256,
        board_sha256=there.sha256, task_sha256=of.task_sha256,
        schemes=chosen("--schemes", schemes, SCHEMES), calibrate=calibrate,
        test=test, inputs_sha256=digest(tested.first, tested.of),
        emulated=is_emulated(board, emulate=emulate),
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
    rows, scored = _rows(of, source, asked, work, None)
    study = QuantisationStudy(
        asked=asked,
        tinybench=version("tinybench-mcu"),
        model=of.model,
        origin=source.origin,
        dataset=of.dataset,
        dataset_origin=of.dataset_origin,
        emulated=any(row.emulated for row in rows),
        rows=rows,
        metric=measure(scored),
        by_floats=of.metric in BY_CLEAN,
        words=len(scored.sound.words_s) if scored.sound else None,
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
    rows, _ = _rows(of, source, asked, work, part)
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
) -> tuple[list[Row], Subject]:
    """Return the rows of a part's schemes, and what they are scored by.

    Of rows that the folder has nothing is said.
    """
    insist_run(work.words)
    text = energy.first(work)
    schemes = share(list(enumerate((FLOAT, *asked.schemes))), part)
    if any(scheme in TUNED and not _has_learnt(work.folder, scheme) for _, scheme in schemes):
        tensorflow()
    with scratch() as libraries, ExitStack() as stack:
        parts = _parts(of, source, asked, libraries)  # says what has no score before a folder is
        stack.enter_context(open_study(work.folder, asked, str(part or "")))

        def row(one: tuple[int, str], there: Work) -> Row:
            number, scheme = one
            if (before := kept_part(work.folder / f"{scheme}.json", Row)) is not None:
                return before
            work.say(f"{scheme}: on {asked.board}")
            return _row(scheme, number, parts, source, there, libraries)

        rows = [_with_energy(found, work) for found in on_each(text, row, schemes)]
        return rows, parts.scored


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


def _parts(of: Subject, source: Source, asked: Asked, folder: Path) -> Parts:
    """Return what all schemes share."""
    tensor = of.graph.tensors[of.graph.inputs[0]]
    step = Step(tensor.scale, tensor.zero_point) if tensor.type == "INT8" else None
    tested, graph = dealt(of, asked.calibrate, asked.test), read_graph(source.data)
    loaded = load(build(graph, tested.interface, "float"), folder, 0)
    found = ranges(loaded, graph, _bytes(tested.calibration))
    here = infer(loaded, _bytes(tested.uploads))
    floats = _with(tested, graph)
    return Parts(tested, graph, step, found, here, against(floats, answers(floats, here)))


def _with(tested: Tested, graph: Graph) -> Subject:
    """Return what is scored as a subject of another model, as its own task has it."""
    ends = [graph.tensors[index] for index in graph.outputs]
    decimals = decimals_of(one.scale for one in ends if is_quantised(one))
    interface = msgspec.structs.replace(tested.interface, decimals=decimals)
    return replace(tested.of, graph=graph, interface=interface)


def _printed(parts: Parts, graph: Graph, outputs: Floats) -> Values:
    """Return what a board prints for answers of a model."""
    return answers(_with(parts.tested, graph), outputs)


def _bytes(values: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    return np.ascontiguousarray(values).view(np.uint8).reshape(len(values), -1)


def _row(
    scheme: str,
    number: int,
    parts: Parts,
    source: Source,
    work: Work,
    libraries: Path,
) -> Row:
    """Return the row of one scheme, and keep it."""
    stored = work.folder / f"{scheme}.json"
    path = _model(work.folder, scheme)
    path.parent.mkdir(exist_ok=True)
    tested, data = parts.tested, source.data
    uploads = _bytes(tested.uploads)
    if scheme in SCHEMES:
        learnt = scheme in TUNED and path.is_file()
        data = read_model_file(path) if learnt else _quantised(parts, scheme)
        tensor = read_graph(data).tensors[0]
        step = Step(tensor.scale, tensor.zero_point)
        if not tested.squared:
            wide = tensor.type == "INT16"
            uploads = _bytes(quantiser.as_steps(tested.uploads, step, wide=wide))
    write_whole(path, data)
    here, graph = parts.floats, read_graph(data)
    if scheme != FLOAT:
        library = build(graph, tested.interface, scheme)
        here = infer(load(library, libraries, number), uploads)
    found, floats = _printed(parts, graph, here), _printed(parts, parts.graph, parts.floats)
    score, clean = (worth(parts.scored, one).score for one in (found, floats))
    same_class = None
    if measure(parts.scored) in ("top1", AGREEMENT):
        same_class = agreement(parts.scored, found, floats)
    row = Row(
        scheme=scheme, score=score, lost=clean - score, same_class=same_class, file_b=len(data)
    )
    out = work.folder / scheme
    try:
        task = _task(path, uploads, parts, work.folder / "tasks" / scheme)
        request = request_of(
            **work.words, task=str(task), out=out, profile=PROFILE, division="open"
        )
        result = done(request, out, work.track, lambda _: None).result
    except (ModelError, BuildError) as error:  # as one that does not fit
        return keep_part(stored, msgspec.structs.replace(row, refused=str(error)))
    return keep_part(stored, _measured(row, result, here, tested))


def _quantised(parts: Parts, scheme: str) -> bytes:
    """Return the .tflite of a scheme. Raises ToolMissingError where weights cannot learn."""
    graph, how = parts.graph, cast(Scheme, TUNED.get(scheme, scheme))
    if scheme in TUNED:
        graph = tuned(graph, parts.tested.calibration, parts.found, how, parts.step, SEED)
    return quantiser.quantised(graph, parts.found, how, parts.step)


def _task(path: Path, uploads: npt.NDArray[np.uint8], parts: Parts, folder: Path) -> Path:
    """Write the task of a scheme on the tested inputs."""
    tested = parts.tested
    inputs = tuple(
        (f"row-{at:05}.bin", uploads[tested.of_board(at)].tobytes()) for at in tested.board.tolist()
    )
    given = Given(inputs, "tested inputs", _truth(tested.of), squared=tested.squared)
    label = replace(LABEL, name=path.stem)
    return own_task(path, examined(path, ours=True), given, folder, label)


def _truth(of: Subject) -> Truth:
    """Return what a run holds answers against."""
    labels = tuple(map(int, of.labels))
    if of.metric == "top1":
        classes = tuple(map(str, range(max(labels) + 1)))
        return Truth(metric="top1", labels=labels, classes=classes)
    if of.metric == "auc":
        return Truth(metric="auc", labels=labels)
    if of.metric in ("regression", "iou") and all(len(one) for one in of.expected):
        expected = tuple(tuple(one.tolist()) for one in of.expected)
        return Truth(metric=of.metric, expected=expected, channels=of.channels)
    return Truth()


def _measured(row: Row, result: Result, here: Floats, tested: Tested) -> Row:
    """Return a row with what the board answered and took."""
    answers = result.accuracy.answers if result.accuracy else []
    equal = 0
    for one in answers:
        decimals = len(one.results.partition(",")[0].partition(".")[2])
        number = int(one.input.removeprefix("row-").removesuffix(".bin"))
        wanted = here[tested.of_board(number)].ravel().astype(np.float64)
        near = NEAR if row.scheme == FLOAT else 10.0**-decimals
        if tested.squared or row.scheme == FLOAT:  # sums of floats, of any size
            near = np.maximum(near, NEAR * np.abs(wanted))
        found = np.array(answered(one.results))
        equal += len(found) == len(wanted) and bool((np.abs(found - wanted) <= near).all())
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
