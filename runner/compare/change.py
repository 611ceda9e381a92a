"""Two sets of runs compared metric by metric, with noise told from change, and gates on it."""

import math
import re
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import msgspec

from tinybench.declare import nearest
from tinybench.errors import RunFolderError, UsageError
from tinybench.files import DOCUMENT_MOST_B, read_bytes
from tinybench.read import read_json

from ..results.result import FORMAT, Result, newer, read_result
from ..rules import insist_intact
from .chance import SIGNIFICANCE, by_chance
from .metrics import LABELS, METRICS, TIMES, UNITS, Metric, metrics_of
from .store import SCORES, run_folders

OWN_MODEL = "model"
"""The profile of `tinybench model`."""
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
    own_model: bool = False
    """Whether the task is no more than a model of one's own: `tinybench model`."""


class Baseline(msgspec.Struct, frozen=True, kw_only=True):
    """A committed file of what runs measured."""

    baseline: int = FORMAT
    tinybench: str
    runs: list[Measured]


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One metric, old and new, in the SI unit of METRICS."""

    task: str
    board: str
    metric: str
    unit: str
    label: str
    """"emulated" or "modelled", or empty for a measurement."""
    old: float | None
    new: float | None
    difference: float | None
    relative: float | None
    """Of the old value; None where that is 0."""
    real: bool | None
    """Whether it is more than noise; None where too few windows tell."""
    why: str


class Gate(msgspec.Struct, frozen=True, kw_only=True):
    """A change that may not be: beyond `limit`, a share of the old value or in SI units."""

    text: str
    metric: str
    sign: int
    """1: more than the limit fails; -1: less."""
    limit: float
    relative: bool


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """A gate that failed, and where."""

    gate: str
    task: str
    board: str
    found: str


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """All differences; what was on one side only; the gates that failed."""

    differences: list[Difference]
    notes: list[str]
    failures: list[Failure]


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
    if not common and len(old) == len(new) == 1:
        old, notes = _beside(old, new)
        common = [key for key in old if key in new]
    if not common:
        raise UsageError(_nothing_in_common(base, head, old, new))
    for key in common:
        _insist_comparable(old[key], new[key])
    differences = [line for key in common for line in _differences(old[key], new[key])]
    notes += [
        f"{board}, {task}: only in {path}"
        for one, other, path in ((old, new, base), (new, old, head))
        for task, board in one
        if (task, board) not in other
    ]
    failures = [failure for gate in parsed for failure in _judge(gate, differences)]
    return Comparison(differences=differences, notes=notes, failures=failures)


def write_baseline(runs: Sequence[Path], out: Path) -> int:
    """Write the figures of runs, or folders of runs, into one file; return how many there are.

    Raises RunFolderError: no whole run, or the file cannot be written; UsageError: two of one
    task and board among the arguments.
    """
    together: dict[tuple[str, str], Measured] = {}
    for path in runs:
        for key, found in measured(path).items():
            if key in together:
                raise UsageError(
                    f"two runs of {found.task} on {found.board} ({together[key].run}, "
                    f"{found.run}); a baseline holds one: name one of them"
                )
            together[key] = found
    document = Baseline(tinybench=version("tinybench-mcu"), runs=list(together.values()))
    partial = out.with_name(out.name + ".partial")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(msgspec.json.format(msgspec.json.encode(document), indent=1) + b"\n")
        partial.replace(out)
    except OSError as error:
        raise RunFolderError(f"cannot write {out}: {error}") from error
    return len(together)


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
            _insist_comparable(found[key], one)
            before = found[key]
            inputs = before.inputs if one.inputs is None else one.inputs
            one = msgspec.structs.replace(
                one,
                metrics=before.metrics | one.metrics,
                inputs=inputs,
                energy_modelled=before.energy_modelled or one.energy_modelled,
            )
        found[key] = one
    return found


def parse_gate(text: str) -> Gate:
    """Return a gate such as "latency>2%", "accuracy<-0.5pt" or "flash>1KiB".

    Raises UsageError with what would be right.
    """
    match = re.fullmatch(
        r"\s*([a-z_0-9]+)\s*([<>])\s*([+-]?[0-9]{1,15}(?:\.[0-9]{1,15})?)\s*(\S*)\s*", text
    )
    examples = "'latency>2%', 'accuracy<-0.5pt', 'flash>1KiB' or 'instructions>0'"
    if match is None:
        raise UsageError(f"--fail-on '{text}': give a metric, < or >, and a change: {examples}")
    name, sign, number, unit = match.groups()
    if name not in METRICS:
        raise UsageError(f"--fail-on '{text}': no metric '{name}': {nearest(name, METRICS)}")
    units = {"%": 0.01} | UNITS[METRICS[name]]
    if unit not in units:
        known = ", ".join(word or "no unit" for word in units)
        raise UsageError(f"--fail-on '{text}': the unit of a change of {name} is one of: {known}")
    limit = float(number) * units[unit]
    if limit and (limit > 0) != (sign == ">"):
        raise UsageError(
            f"--fail-on '{text}': it is true of no change at all; more is '>' with a positive "
            f"number, less is '<' with a negative one, as in {examples}"
        )
    return Gate(
        text=text.strip(),
        metric=name,
        sign=1 if sign == ">" else -1,
        limit=limit,
        relative=unit == "%",
    )


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
        own_model=result.profile == OWN_MODEL,
    )


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
        "same task on the same board"
    )


def _beside(
    old: dict[tuple[str, str], Measured], new: dict[tuple[str, str], Measured]
) -> tuple[dict[tuple[str, str], Measured], list[str]]:
    """Return the one old run under the name of the new one, where both are of a user's models.

    They may be two models, or one on two boards. Else what was given.
    """
    ((was, one),), ((now, other),) = old.items(), new.items()
    if not (one.own_model and other.own_model):
        return old, []
    one = msgspec.structs.replace(one, task=now[0], board=now[1])
    return {now: one}, [f"{now[0]} on {now[1]}: against {was[0]} on {was[1]}"]


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
        label = LABELS.get(name, "emulated" if old.emulated and name in TIMES else "")
        if name == "energy" and (old if before else new).energy_modelled:
            label = "modelled"
        change = None if before is None or after is None else after.value - before.value
        real, why = (
            (None, "") if before is None or after is None else _more_than_noise(before, after)
        )
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


def _judge(gate: Gate, differences: list[Difference]) -> list[Failure]:
    """Return where the gate fails: beyond its limit and not known to be noise, or not measured."""
    lines = [line for line in differences if line.metric == gate.metric and line.old is not None]
    if not lines:
        raise UsageError(
            f"--fail-on '{gate.text}': BASE has no {gate.metric} of what is compared, so this "
            "could never fail; run that mode, or leave it out"
        )
    failures = []
    for line in lines:
        change = line.relative if gate.relative else line.difference
        if line.new is None:
            found = f"HEAD has no {gate.metric}"
        elif change is None:  # a percentage of nothing: any growth is beyond it
            if not line.difference or line.difference * gate.sign <= 0:
                continue
            found = f"{line.old:g} became {line.new:g}"
        elif (change - gate.limit) * gate.sign > 0 and line.real is not False:
            unit = "" if line.unit == "1" else f" {line.unit}"
            found = f"{change:+.3%}" if gate.relative else f"{change:+.6g}{unit}"
        else:
            continue
        failures.append(Failure(gate=gate.text, task=line.task, board=line.board, found=found))
    return failures
