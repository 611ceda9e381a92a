"""Measure once, compare with a baseline, and say whether the change may pass."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from tinybench.errors import UsageError
from tinybench.track import Track

from ..build.own_task import name_of
from ..compare.baseline import merge_baseline
from ..compare.change import Comparison, Measured, between, measured
from ..compare.gate import parse_gate
from ..results.defaults import DEFAULT_BOARD, PORT_BOARD
from ..results.words import OwnWords, request_of
from ..rules.judge import Outcome
from ..session.own_model import measure as measure_model
from ..session.run import run as run_task
from ..session.run_folder import insist_free

RUN = "run"
"""The run, in the folder of a gate."""
BASELINE_FILE = Path("tinybench-baseline.json")
USUAL_EMULATED = ("instructions>1%", "accuracy<-0.5pt", "flash>1KiB", "ram>1KiB")
USUAL_MEASURED = ("latency>5%", "energy>5%", "accuracy<-0.5pt", "flash>1KiB", "ram>1KiB")
USUAL_HERE = ("accuracy<-0.5pt",)
"""Of board host: its times and sizes are those of whatever computer it ran on."""
OF_A_MODEL = tuple(OwnWords.__annotations__)
"""Words of a model's gate, which a task's has not: its inputs, and what should come out."""
OF_A_TASK = ("profile", "division", "data")
"""Words of a task's gate, which a model's has not."""

Word = Literal["passed", "undecided", "failed", "no-baseline", "updated"]


@dataclass(frozen=True)
class Gated:
    """What came of a gate."""

    word: Word
    sentence: str
    outcome: Outcome
    comparison: Comparison | None
    """None without a baseline."""
    baseline: Path
    folder: Path
    strict: bool = False
    """Whether what cannot be told fails."""

    @property
    def status(self) -> int:
        """What the command exits with: 1 for a gate or a rule, 2 without a baseline."""
        if self.word == "no-baseline":
            return 2
        if self.word == "undecided" and self.strict:
            return 1
        return 1 if self.word == "failed" or self.outcome.violations else 0


def gate(
    words: Mapping[str, Any],
    *,
    baseline: Path,
    gates: Sequence[str],
    update: bool,
    strict: bool = False,
    out: Path | None,
    track: Track,
    say: Callable[[str], None],
) -> Gated:
    """Measure a task or a model, and hold it against the baseline by `gates`, or the usual ones.

    `words` are those of a run, or with a model and no task those of one's own model. `update`:
    what was measured becomes the baseline, whose other runs stay. `strict`: windows too noisy to
    see the change that a gate asks about fail. Without a baseline nothing
    passes. In `out`, a new folder, there are then the run and baseline.json, what it would be as
    a baseline. Raises UsageError for gates that cannot be, before anything is measured, and as
    `run` and `compare`.
    """
    folder = out or Path("runs") / f"{datetime.now(UTC):%Y%m%dT%H%M%S}Z-gate"
    insist_free(folder)
    if baseline.is_dir():
        raise UsageError(f"{baseline}: a folder; a baseline is a file, such as {BASELINE_FILE}")
    before = measured(baseline) if baseline.exists() else {}
    _insist_possible(gates, before, baseline)
    if not update:
        _insist_same_model(words, before, baseline)
    outcome = _measured(words, folder / RUN, track, say)
    now = measured(outcome.folder)
    merge_baseline(outcome.folder, baseline, folder / "baseline.json")
    found = None
    try:
        found = held(now, before, gates, baseline, outcome.folder)
    except UsageError as error:  # other inputs, say: just then a new baseline is wanted
        if not update:
            raise
        say(f"not compared with the old baseline: {error}")
    if update:
        merge_baseline(outcome.folder, baseline, baseline)
    word = _word(found, outcome, update=update)
    return Gated(word, _sentence(word, outcome, baseline), outcome, found, baseline, folder, strict)


def usual(old: Measured) -> list[str]:
    """Return the gates that hold where none is named: those of figures that the baseline has."""
    texts = USUAL_EMULATED if old.emulated else USUAL_MEASURED
    if old.board == "host":
        texts = USUAL_HERE
    return [text for text in texts if text.replace(">", "<").partition("<")[0] in old.metrics]


def _insist_possible(
    gates: Sequence[str], before: dict[tuple[str, str], Measured], baseline: Path
) -> None:
    """Raise UsageError for a gate that is none, or of which no run of the baseline has a figure."""
    for parsed in map(parse_gate, gates):
        if before and not any(parsed.metric in one.metrics for one in before.values()):
            raise UsageError(
                f"--fail-on '{parsed.text}': no run in {baseline} has {parsed.metric}, so this "
                "could never fail; measure that, or leave it out"
            )


def _insist_same_model(
    words: Mapping[str, Any], before: dict[tuple[str, str], Measured], baseline: Path
) -> None:
    """Raise UsageError where all models that a baseline has, on any board, have other names."""
    model = words.get("model")
    if model is None or words.get("task") is not None:
        return
    name = name_of(str(model))
    own = sorted({task for (task, _), one in before.items() if one.own_model})
    if own and name not in own:
        raise UsageError(
            f"{baseline} is of {', '.join(own)}, and {model} is another model by its name "
            f"({name}): give that model or another --baseline, or run it again with --update, "
            "which adds this one; 'tinybench compare' tells two models apart"
        )


def _insist_same_inputs(old: Measured, new: Measured, baseline: Path) -> None:
    """Raise UsageError where the same seed gave other inputs: these are as the model takes them."""
    seeded = old.seeded and old.seeded == new.seeded
    if seeded and old.inputs_sha256 != new.inputs_sha256:
        raise UsageError(
            f"{baseline} has {old.task} on {old.board} as a model that takes other inputs: it is "
            "another model by the same name, or its input has another shape or type now. If that "
            "is meant, run it again with --update"
        )


def _measured(
    words: Mapping[str, Any], out: Path, track: Track, say: Callable[[str], None]
) -> Outcome:
    given = {word: value for word, value in words.items() if value is not None}
    if "task" in given:
        _refuse(given, OF_A_MODEL, "of a task", "--model without --task")
        if given["task"] == "all":
            raise UsageError("gate: one task at a time, each has figures of its own")
        own = "model" in given or "engine" in given
        asked: dict[str, Any] = {"division": "open" if own else "closed"} | given | {"out": out}
        return run_task(request_of(**asked), track, say)
    if "model" not in given:
        raise UsageError("gate: say of what: --task kws, or --model FILE")
    _refuse(given, OF_A_TASK, "of a model alone", "--task")
    model = Path(given.pop("model"))
    board = PORT_BOARD if "port" in given else DEFAULT_BOARD
    return measure_model(model, {"board": board} | given | {"out": out}, track, say)


def _refuse(given: Mapping[str, Any], theirs: Sequence[str], what: str, instead: str) -> None:
    """Raise UsageError for a word that the other kind of gate takes."""
    for word in theirs:
        if word in given:
            raise UsageError(f"gate: --{word} is not for a gate {what}: it is for {instead}")


def held(
    now: dict[tuple[str, str], Measured],
    before: dict[tuple[str, str], Measured],
    gates: Sequence[str],
    baseline: Path,
    head: Path,
) -> Comparison | None:
    """Return the comparison with what the baseline has of this; None where it has nothing."""
    ((key, new),) = now.items()
    if key not in before:
        return None
    old = before[key]
    _insist_same_inputs(old, new, baseline)
    return between(baseline, head, {key: old}, now, gates or usual(old))


def _word(found: Comparison | None, outcome: Outcome, *, update: bool) -> Word:
    if update:
        return "updated"
    if found is None:
        return "no-baseline"
    if found.failures or outcome.violations:
        return "failed"
    return "undecided" if found.doubts else "passed"


def _sentence(word: Word, outcome: Outcome, baseline: Path) -> str:
    """Return what to do now."""
    what = f"{outcome.result.task} on {outcome.result.board}"
    if word == "updated":
        return f"{what}: {baseline} is written; commit it"
    if word == "no-baseline":
        return (
            f"{what}: {baseline} has no run of it to compare with; commit the baseline.json in the "
            "folder of this gate as that file, or run it again with --update"
        )
    if word == "failed":
        return (
            f"{what}: if the change is meant, run it again with --update and commit {baseline}"
            if not outcome.violations
            else f"{what}: {outcome.verdict.words}"
        )
    if word == "undecided":
        return (
            f"{what}: the windows are too noisy to judge by: run it again with nothing else beside "
            "it, or allow more with --fail-on"
        )
    return f"{what}: {outcome.verdict.words}"
