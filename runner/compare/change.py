"""Two sets of runs compared metric by metric, with noise told from change, and gates on it."""

import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from tinybench.errors import RunFolderError, UsageError
from tinybench.files import DOCUMENT_MOST_B, read_bytes
from tinybench.read import read_json

from ..results.result import FORMAT, InputsUsed, Result, newer, read_result
from ..results.scenario import Asked
from ..rules import insist_intact
from . import distribution
from .chance import SIGNIFICANCE, by_chance
from .gate import Difference, Doubt, Failure, Gate, failures_of, parse_gate, too_noisy
from .metrics import (
    ESTIMATED,
    LABELS,
    METRICS,
    OF_QUERIES,
    QUERIES,
    TIMES,
    Metric,
    metrics_of,
)
from .store import SCORES, run_folders

OWN_MODEL = "model"
"""The profile of `tinybench model`."""
_SEEDED = re.compile(r"seed[0-9]+-[0-9]+\.bin")
_SCORES = {"accuracy", *SCORES, "f1", "words_missed", "false_alarms"}


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What is compared of a run, or of the newest runs of a task on a board."""

    task: str
    board: str
    emulated: bool
    energy_modelled: bool
    inputs_sha256: str
    inputs: int | None
    """Answered in the accuracy mode."""
    started_at: str
    run: str
    """Name of the run's folder."""
    metrics: dict[str, Metric]
    scenario: str = ""
    """Of whose queries the metrics are; empty without any."""
    interference: str = ""
    """What was injected."""
    latencies_us: str = ""
    """Packed: of the queries, or of single inferences where these are measured."""
    seeded: str = ""
    """How many random inputs there were, and the first's name, which has their seed; empty where
    they are the user's. What they are hangs on what the model takes, too."""
    own_model: bool = False
    """Whether the task is no more than a model of one's own: `tinybench model`."""


class Baseline(msgspec.Struct, frozen=True, kw_only=True):
    """A committed file of what runs measured."""

    baseline: int = FORMAT
    tinybench: str
    runs: list[Measured]


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """All differences; what was on one side only; the gates, and where they failed."""

    differences: list[Difference]
    notes: list[str]
    failures: list[Failure]
    gates: list[str] = []
    doubts: list[Doubt] = []
    """Gates that are undecided: the windows are too noisy to tell."""
    distributions: list[distribution.Distribution] = []


def compare(base: Path, head: Path, gates: Sequence[str] = ()) -> Comparison:
    """Compare two runs, folders of runs or baseline files; judge the difference by `gates`.

    Of several runs of a task on a board, the newest that has a metric counts for it. Raises
    UsageError: a wrong gate, nothing in common, other inputs; RunFolderError: what cannot be read.
    """
    return between(base, head, measured(base), measured(head), gates)


def between(
    base: Path,
    head: Path,
    old: dict[tuple[str, str], Measured],
    new: dict[tuple[str, str], Measured],
    gates: Sequence[str] = (),
) -> Comparison:
    """Compare what two paths hold, by (task, board). Raises UsageError, as `compare`."""
    parsed = [parse_gate(text) for text in gates]
    common = [key for key in old if key in new]
    notes: list[str] = []
    if not common:
        old, new, notes = _beside(old, new)
        common = [key for key in old if key in new]
    if not common:
        raise UsageError(_nothing_in_common(base, head, old, new))
    for key in common:
        _insist_comparable(old[key], new[key])
    differences = [line for key in common for line in _differences(old[key], new[key])]
    notes += [words for key in common for words in _disturbed(old[key], new[key])]
    notes += [
        f"{board}, {task}: only in {path}"
        for one, other, path in ((old, new, base), (new, old, head))
        for task, board in one
        if (task, board) not in other
    ]
    failures = [failure for gate in parsed for failure in failures_of(gate, differences)]
    failed = {failure.gate for failure in failures}
    left = [gate for gate in parsed if gate.text not in failed]
    return Comparison(
        differences=differences,
        notes=notes,
        failures=failures,
        doubts=[doubt for key in common for doubt in _doubts(left, old[key], new[key])],
        gates=[gate.text for gate in parsed],
        distributions=[one for key in common for one in _distributions(old[key], new[key])],
    )


def _doubts(gates: Sequence[Gate], old: Measured, new: Measured) -> Iterator[Doubt]:
    """Yield the gates that cannot see the change that they ask about."""
    for gate in gates:
        before, after = old.metrics.get(gate.metric), new.metrics.get(gate.metric)
        if before is not None and after is not None and (why := too_noisy(gate, before, after)):
            yield Doubt(gate=gate.text, task=new.task, board=new.board, found=why)


def measured(path: Path) -> dict[tuple[str, str], Measured]:
    """Return what a run, a folder of runs or a baseline file holds, by (task, board).

    Raises RunFolderError: it cannot be read, holds no whole run, or was changed after it.
    """
    if path.is_file() and path.name != "result.json":
        return {(run.task, run.board): run for run in _read_baseline(path).runs}
    results = [(folder, read_result(folder)) for folder in _folders(path)]
    whole = [
        (folder, insist_intact(result, folder) if folder.is_dir() else result)
        for folder, result in results
        if result.complete
    ]
    if not whole:
        raise RunFolderError(f"{path}: no run here reached its end; run it again, or resume it")
    found: dict[tuple[str, str], Measured] = {}
    for folder, result in sorted(whole, key=lambda pair: pair[1].started_at):
        key = (result.task, result.board)
        one = _measured(result, folder)
        if key in found:
            if not (found[key].scenario and one.scenario):
                _insist_comparable(found[key], one)
            before = _without_queries(found[key]) if one.scenario else found[key]
            inputs = before.inputs if one.inputs is None else one.inputs
            one = msgspec.structs.replace(
                one,
                metrics=before.metrics | one.metrics,
                inputs=inputs,
                scenario=one.scenario or before.scenario,
                interference=one.interference if one.scenario else before.interference,
                latencies_us=one.latencies_us or before.latencies_us,
                energy_modelled=before.energy_modelled or one.energy_modelled,
            )
        found[key] = one
    return found


def _folders(path: Path) -> list[Path]:
    if path.is_dir() and not (path / "result.json").exists():
        return run_folders(path)
    return [path]  # read_result says what is wrong with any other


def _read_baseline(path: Path) -> Baseline:
    try:
        raw = read_bytes(path, DOCUMENT_MOST_B)
    except OSError as error:
        raise RunFolderError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        head = read_json(raw, type=_Head)
    except msgspec.MsgspecError as error:
        raise RunFolderError(
            f"{path}: not a baseline, nor a run's result.json: {error}; 'tinybench baseline "
            "write' makes one"
        ) from error
    if head.baseline != FORMAT:
        raise RunFolderError(
            f"{path}: a baseline in format {head.baseline} by tinybench {head.tinybench}; this "
            f"version reads format {FORMAT}: "
            + ("update tinybench" if newer(head.tinybench) else "write it again")
        )
    try:
        return read_json(raw, type=Baseline)
    except msgspec.MsgspecError as error:
        raise RunFolderError(f"{path}: damaged: {error}") from error


class _Head(msgspec.Struct):
    baseline: int
    tinybench: str


def _measured(result: Result, folder: Path) -> Measured:
    """Return the metrics of a result."""
    scenario = result.scenario
    disturbed = scenario and scenario.asked.interference
    return Measured(
        task=result.task,
        board=result.board,
        emulated=result.emulated,
        energy_modelled=result.energy is not None and result.energy.modelled,
        inputs_sha256="stream-" * result.inputs.stream + result.inputs.sha256,
        inputs=None if result.accuracy is None else result.accuracy.count,
        started_at=result.started_at,
        run=folder.resolve().name if folder.is_dir() else folder.resolve().parent.name,
        metrics=metrics_of(result),
        scenario=_queries_of(scenario.asked) if scenario else "",
        interference=disturbed.words if disturbed else "",
        latencies_us=distribution.packed(_latencies_us(result)),
        seeded=_seeded(result.inputs),
        own_model=result.profile == OWN_MODEL,
    )


def _seeded(inputs: InputsUsed) -> str:
    first = inputs.first[0] if inputs.first else ""
    return f"{inputs.count} from {first}" if _SEEDED.fullmatch(first) else ""


def _queries_of(asked: Asked) -> str:
    """Return what the queries of a scenario were, so that only equal ones are compared."""
    said = asked.name + f" of {asked.streams} inputs" * (asked.name == "multi-stream")
    return said + (f" with {asked.deadline_s:g} s" if asked.deadline_s else "")


def _latencies_us(result: Result) -> list[int]:
    """Return the latencies of queries; without any those of single inferences, if measured."""
    if (found := result.scenario) is not None:
        each = found.asked.samples
        starts = range(0, len(found.device_us), each)
        return [sum(found.device_us[start : start + each]) for start in starts]
    if result.emulated or result.accuracy is None:
        return []
    return [us for answer in result.accuracy.answers for us in answer.elapsed_us]


def _without_queries(found: Measured) -> Measured:
    """Return what was measured without what a newer scenario takes the place of."""
    left = {name: one for name, one in found.metrics.items() if name not in OF_QUERIES}
    return msgspec.structs.replace(found, metrics=left, latencies_us="", scenario="")


def _disturbed(old: Measured, new: Measured) -> Iterator[str]:
    """Yield what is to be said of interference that was injected."""
    for which, one in (("old", old), ("new", new)):
        if one.interference:
            where = f"{one.task} on {one.board}, {which}"
            yield f"{where}: interference was injected: {one.interference}"


def _distributions(old: Measured, new: Measured) -> Iterator[distribution.Distribution]:
    """Yield how the latencies of the two are distributed, where there are enough of both."""
    if bool(old.scenario) != bool(new.scenario):
        return
    of = "queries" if old.scenario else "single inferences"
    was, now = (distribution.unpacked(one.latencies_us) for one in (old, new))
    found = distribution.compared(was, now, task=old.task, board=old.board, of=of)
    if found is not None:
        yield found


def _nothing_in_common(
    base: Path,
    head: Path,
    old: dict[tuple[str, str], Measured],
    new: dict[tuple[str, str], Measured],
) -> str:
    def said(found: dict[tuple[str, str], Measured]) -> str:
        return ", ".join(f"{task} on {board}" for task, board in found) or "nothing"

    tasks = {task for task, _ in old} & {task for task, _ in new}
    boards = {board for _, board in old} & {board for _, board in new}
    what = "different tasks" if boards else "different boards" if tasks else "other runs"
    return (
        f"{base} and {head} are of {what}: {said(old)}, against {said(new)}; compare runs of the "
        "same task on the same board, or of one board on each side"
    )


_ByKey = dict[tuple[str, str], Measured]


def _beside(old: _ByKey, new: _ByKey) -> tuple[_ByKey, _ByKey, list[str]]:
    """Return the old runs under the names of the new ones, where they are of other boards.

    One board on each side, with tasks in common; or one model of the user's each. Else what was
    given. The words say what may be compared, and what is left out because it may not.
    """
    if len(old) == len(new) == 1:
        ((was, one),), ((now, other),) = old.items(), new.items()
        if one.own_model and other.own_model:
            one = msgspec.structs.replace(one, task=now[0], board=now[1])
            return {now: one}, new, [f"{now[0]} on {now[1]}: against {was[0]} on {was[1]}"]
    boards = [sorted({board for _, board in side}) for side in (old, new)]
    tasks = {task for task, _ in old} & {task for task, _ in new}
    if list(map(len, boards)) != [1, 1] or not tasks:
        return old, new, []
    (before,), (after,) = boards
    notes = [f"two boards: old is {before}, new is {after}; a difference is of boards, no change"]
    renamed, kept = {}, dict(new)
    for task in sorted(tasks):
        pair = [old[task, before], new[task, after]]
        left_out = _unlike(*pair)
        pair = [
            msgspec.structs.replace(
                one,
                board=after,
                emulated=pair[1].emulated,
                energy_modelled=pair[1].energy_modelled,
                latencies_us="" if pair[0].emulated != pair[1].emulated else one.latencies_us,
                metrics={k: v for k, v in one.metrics.items() if k not in left_out},
            )
            for one in pair
        ]
        renamed[task, after], kept[task, after] = pair
        if left_out:
            notes.append(
                f"{task}: not compared, for one is emulated or modelled and the other measured: "
                + ", ".join(sorted(left_out))
            )
        elif pair[1].emulated:
            notes.append(
                f"{task}: instructions of two cores are not equally fast; the estimates of latency "
                "are of each board's own clock"
            )
    return renamed, kept, notes


def _unlike(one: Measured, other: Measured) -> set[str]:
    """Return the figures of two boards that are not of one kind."""
    there = one.metrics.keys() | other.metrics.keys()
    unlike: set[str] = set()
    if one.emulated != other.emulated:
        unlike |= {*TIMES, *ESTIMATED, *OF_QUERIES, "instructions", "energy", "power", "duty"}
    if one.energy_modelled != other.energy_modelled:
        unlike |= {"energy"}
    return unlike & there


def _insist_comparable(old: Measured, new: Measured) -> None:
    """Raise UsageError when the runs were not given the same.

    How long a model takes, and how large it is, does not hang on the inputs: only scores do.
    """
    where = f"{old.task} on {old.board}: {old.run} and {new.run}"
    if old.emulated != new.emulated:
        raise UsageError(f"{where} cannot be compared: one is emulated, the other is measured")
    if (
        old.own_model
        and new.own_model
        and not (_SCORES & (old.metrics.keys() | new.metrics.keys()))
    ):
        return
    if old.scenario and new.scenario and old.scenario != new.scenario:
        raise UsageError(
            f"{where} cannot be compared: one is {old.scenario}, the other {new.scenario}; run "
            "both with the same --scenario"
        )
    known = old.inputs_sha256 and new.inputs_sha256  # of a published result they are not
    if known and old.inputs_sha256 != new.inputs_sha256:
        raise UsageError(
            f"{where} cannot be compared: they had other inputs (SHA-256 {old.inputs_sha256[:12]}, "
            f"{new.inputs_sha256[:12]}); run both on the same dataset"
        )
    if old.inputs is not None and new.inputs is not None and old.inputs != new.inputs:
        raise UsageError(
            f"{where} cannot be compared: {old.inputs} and {new.inputs} inputs were answered; run "
            "both with the same --profile, and the same --limit or none"
        )
    both = "energy" in old.metrics and "energy" in new.metrics
    if both and old.energy_modelled != new.energy_modelled:
        raise UsageError(f"{where} cannot be compared: the energy of one is modelled")


def _differences(old: Measured, new: Measured) -> list[Difference]:
    lines = []
    for name, unit in METRICS.items():
        before, after = old.metrics.get(name), new.metrics.get(name)
        if before is None and after is None:
            continue
        label = LABELS.get(name, "emulated" if old.emulated and name in TIMES + OF_QUERIES else "")
        if name == "energy" and (old if before else new).energy_modelled:
            label = "modelled"
        change = None if before is None or after is None else after.value - before.value
        real, why = None, ""
        if before is not None and after is not None:
            real, why = _told_apart(name, before, after, old, new)
        lines.append(
            Difference(
                task=old.task,
                board=old.board,
                metric=name,
                unit=unit,
                label=label,
                old=before and before.value,
                new=after and after.value,
                difference=change,
                relative=change / before.value
                if change is not None and before is not None and before.value
                else None,
                real=real,
                why=why or ("no old value" if before is None else "no new value"),
            )
        )
    return lines


def _told_apart(
    name: str, before: Metric, after: Metric, old: Measured, new: Measured
) -> tuple[bool | None, str]:
    """Return whether a metric has really changed, and by what that is known."""
    if name not in OF_QUERIES or before.value == after.value:
        return _more_than_noise(before, after)
    if old.scenario.startswith("server"):
        return None, "its queue is computed, each at its own rate"
    was, now = (distribution.unpacked(one.latencies_us) for one in (old, new))
    if min(len(was), len(now)) < distribution.LEAST:
        return None, "too few queries to tell"
    if name in QUERIES:
        middle_s = (before.value + after.value) / 2
        chance = distribution.beyond(was, now, middle_s * 1e6)
    else:
        chance = by_chance(was, now)
    if chance is None:
        return None, "too few queries to tell"
    return chance < SIGNIFICANCE, f"p = {chance:.2g}, {distribution.confidence(chance)}"


def _more_than_noise(old: Metric, new: Metric) -> tuple[bool | None, str]:
    """Return whether a difference is more than noise, and by what that is known."""
    change = abs(new.value - old.value)
    if old.priced_by != new.priced_by and old.priced_by and new.priced_by:
        return None, "priced by other timings"
    if old.exact and new.exact:
        return change > 0, "exact" if change else "equal"
    if not change:
        return False, "equal"
    stated = math.hypot(old.uncertainty or 0.0, new.uncertainty or 0.0)
    if change <= stated:
        return False, "within the uncertainty (k = 2)"
    chance = by_chance(old.samples, new.samples)
    counts = f"{len(old.samples)} and {len(new.samples)} windows"
    if chance is None:
        return None, f"{counts} are too few to tell"
    return chance < SIGNIFICANCE, f"p = {chance:.2g}, {counts}"
