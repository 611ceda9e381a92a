"""Would a simpler model do? Classic ones trained here, run on a board row by row, in one table."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

import msgspec
import numpy as np
import numpy.typing as npt

from tinybench.errors import BuildError, ModelError, OtherFolderError, UsageError
from tinybench.models.compiler.anatomy import Anatomy, End
from tinybench.plural import counted

from ...build.own_task import Given, Label, engine_task
from ...build.truth import Truth
from ...dut.inference import answered
from ...results.expected import beside as held_against
from ...results.result import Result
from ...results.score import latency_s, vips, vops
from ...results.words import request_of
from .. import energy
from ..declared import board_asked
from ..kept import chosen, keep_part, kept_part, open_study, store_study
from ..one_image import on_host
from ..parts import Part, Pieces, Share, share
from ..rows import Parts, Rows, digest, split
from ..runs import board_of, done, insist_run, is_emulated
from ..shards import on_each
from ..work import Work
from .engine_c import write_engine
from .learn import KINDS, Ints, Timed, in_units, macs_of, scale_of, trained, unit_of
from .room import insist_room
from .same_rows import words_of

NEURAL = "neural"
"""The task's own model, beside the classic ones."""
PROFILE = "quick"
THREADS_MOST = 64
DIGITS = 1e-5
"""Relative: answers that are printed, or are sums of floats, are the same to this."""
Score = Annotated[float, msgspec.Meta(le=1)]
Count = Annotated[int, msgspec.Meta(ge=0)]
Amount = Annotated[float, msgspec.Meta(ge=0)]
Own = Mapping[str, Any]
NOTHING: Own = MappingProxyType({})
LABEL = Label(title="A classic model", licence="the user's", citation="scikit-learn; emlearn")


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What decides a study."""

    study: str = "classic"
    format: int = 2
    """1: the task's own model had other inputs than the tested rows."""
    source: str
    """Of the rows: a task, or a file's name."""
    rows_sha256: str
    board: str
    models: list[str]
    test: int
    seed: int
    regression: bool
    threads: list[int]
    model_sha256: str = ""
    """Of the model of the task, which stands beside."""
    emulated: bool = False
    """Whether the board is: what is counted and what is measured are never one study."""
    board_sha256: str = ""
    """Of what its file says, of a board of one's own."""
    task_sha256: str = ""
    """Likewise of the task."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One model; None where it was not measured."""

    model: str
    refused: str | None = None
    """Why it is not on this board."""
    learnt_score: Score | None = None
    """Of scikit-learn's own predictions: top-1, or R2."""
    score: Score | None = None
    """Of the board's answers."""
    rows: Count = 0
    rows_equal: Count | None = None
    """Answers of the board that are those of the same C on this computer."""
    rows_as_learnt: Count | None = None
    """... that are scikit-learn's; of real values none is counted."""
    emulated: bool | None = None
    latency_s: Amount | None = None
    instructions: Count | None = None
    estimated_cycles: Count | None = None
    flash_b: Count | None = None
    ram_b: Count | None = None
    energy_j: Amount | None = None
    energy_modelled: bool | None = None
    macs: Count | None = None
    """None where a count of multiplications means nothing."""
    vips: Amount | None = None
    """By the latency; of an emulated board None."""
    vops: Amount | None = None
    estimated_vips: Amount | None = None
    """Of an emulated board: by its estimated cycles."""
    estimated_vops: Amount | None = None
    times: list[Timed] = []
    run: str | None = None
    """Its folder, in that of the study."""


def is_of(kind: str, row: Row) -> bool:
    """Return whether a row has the figures of a model, in the folder of its run."""
    model = row.model.startswith(NEURAL) if kind == NEURAL else row.model == kind
    return model and row.run in (None, kind)


PIECES = Pieces(
    "|".join((*KINDS, NEURAL)),
    Row,
    ("{}", energy.BESIDE, "engines/{}", "tasks/{}"),
    fits=is_of,
)


class ClassicStudy(msgspec.Struct, frozen=True, kw_only=True):
    """What a study of classic models found."""

    asked: Asked
    tinybench: str
    source: str
    classes: list[str]
    features: int
    learnt_from: int
    """Rows."""
    tested: int
    unit: float = 1.0
    """Of real values: what 1 of a board's answer is in the rows."""
    rows: list[Row]


def insist_threads(threads: int) -> None:
    """Raise UsageError for more threads than are learnt with."""
    if threads > THREADS_MOST:
        raise UsageError(f"--threads {threads}: at most {THREADS_MOST}")


def ask(
    rows: Rows,
    source: str,
    board: str,
    models: Sequence[str],
    test: int,
    seed: int,
    threads: Sequence[int],
    *,
    emulate: bool = False,
) -> Asked:
    """Return what a study is asked for. Raises UsageError for a model that is none."""
    there = board_asked(board)
    return Asked(
        source=source,
        rows_sha256=digest(rows),
        board=there.name,
        board_sha256=there.sha256,
        task_sha256=rows.task_sha256,
        models=chosen("--models", models, KINDS),
        test=test,
        seed=seed,
        regression=not rows.classes,
        threads=sorted(set(threads)),
        model_sha256=rows.model_sha256,
        emulated=is_emulated(board, emulate=emulate),
    )


def run_classic(
    rows: Rows,
    asked: Asked,
    work: Work,
    own: Own = NOTHING,
) -> ClassicStudy:
    """Train each model, run it on the board, and sum up; what the folder has is not done again.

    All is learnt before anything runs, for its time is told; where the rows are of a task, its own
    model stands beside. `own`: words of that one's run: its model and data, and the
    task where that is a file and no name. Raises UsageError, DatasetError, RunFolderError,
    ToolMissingError and what the bench fails by.
    """
    parts, found = _rows(rows, asked, work, None, own)
    study = ClassicStudy(
        asked=asked,
        tinybench=version("tinybench-mcu"),
        source=asked.source or rows.name,
        classes=list(rows.classes),
        features=rows.values.shape[1],
        learnt_from=len(parts.train),
        tested=len(parts.test),
        unit=unit_of(rows),
        rows=found,
    )
    store_study(work.folder, study)
    return study


def share_classic(
    rows: Rows,
    asked: Asked,
    work: Work,
    part: Part,
    own: Own = NOTHING,
) -> Share:
    """Do the models of a part, as `run_classic` does all."""
    _, found = _rows(rows, asked, work, part, own)
    models = {"models": len(found)}
    return Share(study=asked.study, part=str(part), done=models, same=same(found))


def same(rows: Sequence[Row]) -> bool:
    """Return whether no board answered otherwise, or less, than the same C on this computer.

    The task's own model is held against its outputs by its run.
    """
    return all(
        row.rows_equal == row.rows or row.refused is not None or row.run == NEURAL for row in rows
    )


def any_learnt(rows: Sequence[Row]) -> bool:
    """Return whether a model that was learnt ran, beside the task's own."""
    return any(row.refused is None and row.run != NEURAL for row in rows)


def _rows(
    rows: Rows,
    asked: Asked,
    work: Work,
    part: Part | None,
    own: Own,
) -> tuple[Parts, list[Row]]:
    """Return how rows are split, and the rows of a part's models."""
    insist_run(work.words)
    text = energy.first(work)
    parts = Parts(in_units(rows, unit_of(rows)), *split(rows, asked.test, asked.seed))
    kinds = [*asked.models, *([NEURAL] if asked.source else [])]
    with open_study(work.folder, asked, str(part or "")):
        jobs: list[Callable[[Work], Row]] = [
            partial(_neural, asked, parts, own)
            if kind == NEURAL
            else _model(kind, parts, asked, text)
            for kind in share(kinds, part)
        ]
        found = on_each(text, lambda job, there: job(there), jobs)
        return parts, [_with_energy(row, asked, parts, work, own) for row in found]


def _model(
    kind: str,
    parts: Parts,
    asked: Asked,
    work: Work,
) -> Callable[[Work], Row]:
    """Train one model, and return what runs it and gives its row: that of the folder, if there."""
    stored = work.folder / f"{kind}.json"
    before = _kept(stored, kind)
    if before is not None:
        return lambda _: before
    if kind == "knn" and parts.regression:
        refused = Row(
            model=kind, refused="emlearn's neighbours tell classes apart, and give no values"
        )
        return lambda _: refused
    count = 1 if parts.regression else len(parts.rows.classes)
    features = parts.rows.values.shape[1]
    board = board_of(str(work.words["board"]), emulate=bool(work.words.get("emulate")))
    try:
        insist_room(kind, board, features, count, len(parts.train))
    except ModelError as error:
        refused = Row(model=kind, refused=str(error))
        return lambda _: refused
    work.say(f"{kind}: trained on {counted(len(parts.train), 'row')}")
    scale = scale_of(parts.rows.values[parts.train], kind)
    inputs = scale.apply(parts.rows.values[parts.test])
    model, predicted, times = trained(
        kind,
        (scale.apply(parts.rows.values[parts.train]), parts.rows.targets[parts.train]),
        inputs,
        asked.threads,
        regression=parts.regression,
        seed=asked.seed,
    )
    engine = work.folder / "engines" / kind
    write_engine(kind, model, engine, features, count, regression=parts.regression)
    here = on_host(engine, inputs.astype("<i2"), count, ("learnt.h",))
    truth = parts.rows.targets[parts.test]
    row = Row(
        model=kind,
        learnt_score=scored(predicted, truth, regression=parts.regression),
        rows=len(inputs),
        macs=macs_of(kind, features, count),
        times=times,
    )
    task = _task(kind, engine, inputs, parts, work.folder / "tasks" / kind)

    def run(there: Work) -> Row:
        try:
            request = request_of(
                **there.words, task=task, engine=engine, out=work.folder / kind, profile=PROFILE,
                division="open",
            )  # fmt: skip
            result = done(request, work.folder / kind, there.track, work.say).result
        except (ModelError, BuildError) as error:  # as one that is too large
            return keep_part(stored, msgspec.structs.replace(row, refused=str(error)))
        found = beside(row, result, here, predicted, truth, regression=parts.regression)
        return keep_part(stored, msgspec.structs.replace(found, run=kind))

    return run


def _kept(path: Path, kind: str) -> Row | None:
    """Return the row of a model that is done already. Raises RunFolderError for another one's."""
    found = kept_part(path, Row)
    if found is not None and not is_of(kind, found):
        raise OtherFolderError(f"{path}: the figures of another model; give -o a new folder")
    return found


def _with_energy(row: Row, asked: Asked, parts: Parts, work: Work, own: Own) -> Row:
    """Return a row with its energy, where a monitor is named and the run has none."""
    if not work.words.get("monitor") or row.run is None or row.energy_j is not None:
        return row
    words: dict[str, Any]
    if row.run == NEURAL:
        words = _own_words(asked, parts, own, work)
    else:
        task, engine = (work.folder / place / row.run for place in ("tasks", "engines"))
        words = {"task": task / "task.toml", "engine": engine, "division": "open"}
    found = energy.energy_of(work, row.run, **words, profile=PROFILE)
    return keep_part(work.folder / f"{row.run}.json", msgspec.structs.replace(row, **found))


def _task(kind: str, engine: Path, inputs: Ints, parts: Parts, folder: Path) -> Path:
    """Write the task of the tested rows."""
    source = (engine / "engine.c").read_bytes() + (engine / "learnt.h").read_bytes()
    targets = parts.rows.targets[parts.test]
    count = 1 if parts.regression else len(parts.rows.classes)
    truth = (
        Truth(metric="regression", expected=tuple((float(one),) for one in targets))
        if parts.regression
        else Truth(metric="top1", labels=tuple(map(int, targets)), classes=parts.rows.classes)
    )
    data = [row.astype("<i2").tobytes() for row in inputs]
    given = Given(
        tuple((f"row-{n:05}.bin", one) for n, one in enumerate(data)), "rows of a table", truth
    )
    ends = [("INT16", inputs.shape[1]), ("FLOAT32", count)]
    found = Anatomy(
        file="model.c",
        sha256=hashlib.sha256(source).hexdigest(),
        size_b=len(source),
        inputs=[_end(*ends[0])],
        outputs=[_end(*ends[1])],
        input_b=2 * inputs.shape[1],
        operators={},
        macs=0,
        computed_macs=0,
        removed=[],
        needs={},
    )
    return engine_task(source, found, given, folder, label_of(kind))


def label_of(kind: str) -> Label:
    """Return what a model is called in its declarations."""
    return Label(name=kind, title=LABEL.title, licence=LABEL.licence, citation=LABEL.citation)


def _end(kind: str, count: int) -> End:
    return End(name="", type=kind, shape=[1, count], scale=None, zero_point=None)


def beside(
    row: Row,
    result: Result,
    here: npt.NDArray[np.float32],
    predicted: npt.NDArray[Any],
    truth: npt.NDArray[Any],
    *,
    regression: bool,
) -> Row:
    """Return a row with what a board answered, beside this computer and scikit-learn."""
    answers = result.accuracy.answers if result.accuracy else []
    there = np.array([answered(answer.results) for answer in answers], np.float64)
    score, equal, as_learnt = None, None, None
    if there.shape == here.shape:
        if regression:
            near = np.abs(there - here) <= DIGITS * np.maximum(1.0, np.abs(here))
            equal, found = int(near.all(axis=1).sum()), there[:, 0]
        else:
            found = there.argmax(axis=1)
            equal = int((found == here.argmax(axis=1)).sum())
            as_learnt = int((found == predicted).sum())
        score = scored(found, truth, regression=regression)
    timed, cycles, drawn = result.performance, result.cycles, result.energy
    valid = None if regression else score
    return msgspec.structs.replace(
        row,
        score=score,
        rows_equal=equal,
        rows_as_learnt=as_learnt,
        emulated=result.emulated,
        latency_s=timed and timed.latency_s,
        instructions=timed and timed.instructions_per_inference,
        estimated_cycles=cycles and cycles.usual,
        flash_b=result.firmware and result.firmware.flash_b,
        ram_b=result.firmware and result.firmware.ram_b,
        energy_j=drawn and drawn.per_inference_j,
        energy_modelled=drawn and drawn.modelled,
        **valid_per_second(result, valid, row.macs),
    )


def valid_per_second(result: Result, score: float | None, macs: int | None) -> dict[str, Any]:
    """Return VIPS and VOPS by the time of an inference that a report has: measured or estimated."""
    each_s = latency_s(result)
    if score is None or not each_s:
        return {}
    which = "estimated_" * result.emulated
    found = {f"{which}vips": vips([(score, each_s)])}
    if macs:
        found[f"{which}vops"] = vops([(score, each_s, macs)])
    return found


def top1(found: npt.NDArray[Any], truth: npt.NDArray[Any]) -> float:
    """Return the share of classes that are the true ones."""
    return float(np.mean(found == truth))


def scored(found: npt.NDArray[Any], truth: npt.NDArray[Any], *, regression: bool) -> float | None:
    """Return top-1, or R2 as of a run: None of values that are all the same."""
    if not regression:
        return top1(found, truth)
    wanted = [("", (value,)) for value in truth.tolist()]
    return held_against(wanted, [(value,) for value in found.tolist()], "regression", 0.0, 1).r2


def _own_words(asked: Asked, parts: Parts, own: Own, work: Work) -> dict[str, Any]:
    """Return the words of a run of the task's own model on the tested rows, which are written."""
    task = str(own.get("task") or asked.source)
    given = words_of(task, own, parts.test.tolist(), work.folder / "tasks" / NEURAL)
    return {**given, "task": task}


def _neural(
    asked: Asked,
    parts: Parts,
    own: Own,
    work: Work,
) -> Row:
    """Return the row of the task's own model, on the tested rows: the folder's, if there."""
    out, stored = work.folder / NEURAL, work.folder / f"{NEURAL}.json"
    if (before := _kept(stored, NEURAL)) is not None:
        return before
    words = _own_words(asked, parts, own, work)
    request = request_of(**work.words, **words, limit=len(parts.test), out=out, profile=PROFILE)
    result = done(request, out, work.track, work.say).result
    timed, accuracy = result.performance, result.accuracy
    held = accuracy and accuracy.expected
    row = Row(
        model=f"neural ({result.model.name})",
        score=held.r2 if held and asked.regression else accuracy and accuracy.top1,
        rows=accuracy.count if accuracy else 0,
        emulated=result.emulated,
        latency_s=timed and timed.latency_s,
        instructions=timed and timed.instructions_per_inference,
        estimated_cycles=result.cycles and result.cycles.usual,
        flash_b=result.firmware and result.firmware.flash_b,
        ram_b=result.firmware and result.firmware.ram_b,
        energy_j=result.energy and result.energy.per_inference_j,
        energy_modelled=result.energy and result.energy.modelled,
        macs=result.model.macs,
        **valid_per_second(result, accuracy and accuracy.top1, result.model.macs),
        run=NEURAL,
    )
    return keep_part(stored, row)
