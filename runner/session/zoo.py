"""The models of the zoo on boards, one after the other: each a run, together one table."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from tinybench.errors import BenchError, DatasetError, ModelError, UsageError
from tinybench.models.compiler.anatomy import End, anatomy
from tinybench.models.declaration import ZOO_INPUTS, ZOO_SEED, ZooModel
from tinybench.track import Track

from ..build.board import load_board
from ..build.own_task import Label
from ..build.zoo import bring, model_file
from ..desk.bench import find_bench, load_bench
from ..measure.outputs import outputs_sha256
from ..results.result import Result
from ..rules.judge import Outcome
from .own_model import measure


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One model on one board; None where it was not measured."""

    model: str
    title: str
    board: str
    refused: str | None = None
    """Why the model cannot be on this board: an operator that is not supported, too large, ..."""
    failed: str | None = None
    """What the bench, or the download, failed by."""
    valid: bool | None = None
    broken_rules: list[str] = []
    emulated: bool | None = None
    """Whether times are instruction counts."""
    latency_s: float | None = None
    latency_uncertainty_s: float | None = None
    """k = 2; None where time is a count."""
    instructions: int | None = None
    """Of an inference."""
    macs: int | None = None
    flash_b: int | None = None
    ram_b: int | None = None
    """Of the whole image."""
    tensor_ram_b: int | None = None
    exact: bool | None = None
    """Whether every output is the expected one; None: there was nothing to hold them against."""
    to_the_bit: bool | None = None
    """... all of it; False: a float, to the last printed digit."""
    exact_by: list[str] = []
    """What they were held against: "declaration" (the hash in it), the reference interpreter."""
    answers: int | None = None
    distinct: int | None = None
    """How many answers differ from each other: of a few, being exact says less."""
    run: str | None = None
    """The run folder."""


def run_zoo(
    zoo: Sequence[ZooModel],
    boards: Sequence[str],
    words: Mapping[str, Any],
    out: Path,
    track: Track,
    say: Callable[[str], None],
    told: Callable[[str], None],
) -> Iterator[Row]:
    """Measure each model on each board, on the seeded inputs; yield what was found of it.

    `words`: what else `measure` takes. Each run has a folder of its own below `out`. What is not in
    the cache is fetched. `say` takes a sentence on each run, `told` what such a run says. Raises
    UsageError for a word or a board that cannot be; what one model alone cannot is in its row.
    """
    own = load_bench(find_bench()).boards
    for name in boards:
        if name not in own:
            load_board(name)
    lost = bring(zoo, track)
    total = len(zoo) * len(boards)
    for number, (board, model) in enumerate(((b, m) for b in boards for m in zoo), start=1):
        say(f"{number} of {total}: {model.name} on {board}")
        row = Row(model=model.name, title=model.title, board=board)
        if model.name in lost:
            yield msgspec.structs.replace(row, failed=lost[model.name])
            continue
        label = Label(model.name, model.title, model.licence, model.citation)
        asked = {"board": board, "out": out / f"{Path(board).stem}-{model.name}"}
        asked |= {"count": ZOO_INPUTS, "seed": ZOO_SEED}
        try:
            file = model_file(model)
            ends = anatomy(file, ("plain",)).outputs
            outcome = measure(file, {**words, **asked}, track, told, label)
        except (ModelError, DatasetError) as error:
            yield msgspec.structs.replace(row, refused=_reason(error, model))
        except BenchError as error:
            yield msgspec.structs.replace(row, failed=str(error))
        else:
            yield _row(row, outcome, model, ends)


def _reason(error: UsageError, model: ZooModel) -> str:
    """Return why a model is refused, without where its file lies."""
    text = str(error)
    return text.rpartition(f"{Path(model.source.path).name}: ")[2]


def _row(row: Row, outcome: Outcome, model: ZooModel, outputs: Sequence[End]) -> Row:
    result: Result = outcome.result
    performance, firmware = result.performance, result.firmware
    printed = [answer.results for answer in result.accuracy.answers] if result.accuracy else []
    verdicts = {}
    if model.outputs_sha256 is not None:
        verdicts["declaration"] = outputs_sha256(printed, outputs) == model.outputs_sha256
    if result.reference is not None and result.reference.count:
        verdicts[result.reference.computed_by] = result.reference.equal == result.reference.count
    return msgspec.structs.replace(
        row,
        board=result.board,
        valid=outcome.verdict.valid,
        broken_rules=list(dict.fromkeys(one.rule for one in outcome.violations)),
        emulated=result.emulated,
        latency_s=performance and performance.latency_s,
        latency_uncertainty_s=performance and performance.latency_uncertainty_s,
        instructions=performance and performance.instructions_per_inference,
        macs=result.model.macs,
        flash_b=firmware and firmware.flash_b,
        ram_b=firmware and firmware.ram_b,
        tensor_ram_b=result.model.tensor_ram_b,
        exact=all(verdicts.values()) if verdicts else None,
        to_the_bit=all(end.type != "FLOAT32" for end in outputs),
        exact_by=list(verdicts),
        answers=len(printed),
        distinct=len(set(printed)),
        run=str(outcome.folder),
    )
