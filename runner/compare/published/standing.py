"""Where a result stands among the published ones of its task: share, reference board, best."""

import re
from collections.abc import Callable, Sequence

import msgspec

from tinybench.datasets.declaration import load_dataset, title_of
from tinybench.errors import UsageError

from ...audit.labels import OLD_ROUND
from ...build.task import load_task
from ...results.result import Result
from ...results.stream import PERIOD_S, Stream
from ...streaming.score import RUNNER_TAIL_S
from .entry import Entry, f1_of
from .table import Table

REFERENCE = "reference"
"""Submitter of the results of the reference board."""
TOP1_DECIMALS, AUC_DECIMALS = 3, 2
"""Of shares of 1, as the runners print them at least: 90.1 % and .86."""

_CORTEX = re.compile(r"Cortex\W{0,3}([AMR]\d{1,3}\+?)", re.IGNORECASE)
_RISCV = re.compile(r"RISC-?V|\bRV(?:32|64)|AndesCore|XuanTie", re.IGNORECASE)


class Beside(msgspec.Struct, frozen=True, kw_only=True):
    """A published figure beside ours; in the unit of the standing."""

    value: float
    submitter: str
    system: str
    round: str


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """One figure among the published ones of its task, closed division."""

    metric: str
    """"latency" and "energy" of one inference, "top-1" or "AUC"; of a stream "F1", "time of a
    frame", "duty cycle" and "mean power"."""
    unit: str
    """"s", "J", "W", or empty for shares of 1."""
    value: float
    not_comparable: str
    """Why it has no place among them, such as "emulated"; empty where it has one."""
    better_than: float | None
    """Share of the published figures that ours is better than; None where it is not comparable."""
    as_good_as: int = 0
    """Published figures that ours equals, rounded to their digits; none where not comparable."""
    count: int
    """Published figures."""
    core: str
    """What kind of core ours is, such as "Cortex-M4"; empty where it is not known."""
    best_per_core: dict[str, Beside]
    """The best of each kind of core that is known, the best kind first."""
    reference: Beside | None
    """The reference board."""
    best: Beside


def standings(result: Result, table: Table) -> list[Standing]:
    """Return those figures of a result that were published for its task, too."""
    published = [e for e in table.entries if e.task == result.task and e.division == "closed"]
    other_model = "" if result.model.kind == "official" else "another model"
    other_inputs = "" if result.dataset == "official" else f"{result.dataset} inputs"
    other_list = "" if other_inputs else _other_list(result)
    emulated = "emulated: an instruction count" if result.emulated else ""
    host = "host process: no microcontroller" if result.core == "host" else ""
    core = kind_of_core(result.core)
    found: list[Standing] = []

    def add(
        metric: str, unit: str, value: float | None, why: Sequence[str],
        read: Callable[[Entry], float | None], low_is_good: bool, decimals: int | None = None,
    ) -> None:  # fmt: skip
        said = "; ".join(words for words in why if words)
        known = [(e, v) for e in published if (v := read(e)) is not None]
        if decimals is not None:
            known = [(e, v) for e, v in known if not _of_replaced_list(e)]
        if value is not None and known:
            found.append(_standing(metric, unit, value, said, known, core, low_is_good, decimals))

    if result.accuracy is not None:
        part = result.accuracy.count < result.inputs.count
        why = [
            other_model,
            other_inputs,
            other_list,
            "" if result.complete else "a part of a run",
            f"{result.accuracy.count} of {result.inputs.count} inputs" if part else "",
        ]
        top1, auc = result.accuracy.top1, result.accuracy.auc
        add("top-1", "", top1, why, lambda e: e.top1, False, TOP1_DECIMALS)
        add("AUC", "", auc, why, lambda e: e.auc, False, AUC_DECIMALS)
    if result.performance is not None:
        latency_s = result.performance.latency_s
        add("latency", "s", latency_s, [emulated, host, other_model], lambda e: e.latency_s, True)
    if result.energy is not None:
        energy_j = result.energy.per_inference_j
        why = ["modelled" if result.energy.modelled else "", other_model]
        add("energy", "J", energy_j, why, lambda e: e.energy_j, True)
    if (stream := result.stream) is not None:
        why = [other_model, other_inputs, "" if result.complete else "a part of a run"]
        add("F1", "", _published_f1(stream), why, lambda e: e.f1, False)
        times = stream.in_time(emulated=result.emulated)
        estimated = "emulated: estimated cycles" if result.emulated else ""
        why = [estimated, host, other_model]
        add(
            "time of a frame",
            "s",
            times and times.duty * PERIOD_S,
            why,
            lambda e: e.latency_s,
            True,
        )
        add("duty cycle", "", times and times.duty, why, lambda e: e.duty, True)
        power_w = stream.power_w
        add("mean power", "W", power_w, ["modelled", other_model], lambda e: e.power_w, True)
    return found


def _published_f1(stream: Stream) -> float | None:
    """Return the F1 as every published one was counted: by the runner's code, as heard."""
    return next(
        f1_of(one.found, one.missed, one.false)
        for one in stream.score.readings
        if one.tail_s == RUNNER_TAIL_S and not one.without_ppm
    )


def _other_list(result: Result) -> str:
    """Return which list the inputs are of, where it is not the one of the rounds compared with."""
    try:
        dataset = load_dataset(load_task(result.task).dataset)
    except UsageError:
        return "a task of one's own"
    in_use = title_of(dataset, dataset.lists[0] if dataset.lists else None)
    return "" if result.inputs.name == in_use else f"inputs of {result.inputs.name}"


def _of_replaced_list(entry: Entry) -> bool:
    """Return whether a published accuracy is one of a list that later rounds replaced."""
    return entry.round == OLD_ROUND and entry.task in ("ic", "ic02")


def _rounded(value: float, published: float, decimals: int) -> float:
    """Return a share with as many decimals as a published one has, at least `decimals`."""
    digits = f"{published:.6f}".rstrip("0").partition(".")[2]
    return round(value, max(decimals, len(digits)))


def kind_of_core(words: str) -> str:
    """Return the kind of a core, such as "Cortex-M4" or "RISC-V"; empty where it is not known."""
    if match := _CORTEX.search(words[:200]):
        return f"Cortex-{match[1].upper()}"
    return "RISC-V" if _RISCV.search(words[:200]) else ""


def _standing(
    metric: str,
    unit: str,
    value: float,
    not_comparable: str,
    known: Sequence[tuple[Entry, float]],
    core: str,
    low_is_good: bool,
    decimals: int | None,
) -> Standing:
    """`decimals`: of the published figures at least; None: they are compared with all digits."""
    sign = 1 if low_is_good else -1
    ours = [value if decimals is None else _rounded(value, other, decimals) for _, other in known]
    theirs = [other if decimals is None else _rounded(other, other, decimals) for _, other in known]
    pairs = list(zip(ours, theirs, strict=True))
    ordered = sorted(known, key=lambda item: sign * item[1])
    beaten = sum(sign * own < sign * other for own, other in pairs)
    equal = sum(own == other for own, other in pairs)
    per_core: dict[str, Beside] = {}
    for item in ordered:
        if kind := kind_of_core(item[0].processor):
            per_core.setdefault(kind, _beside(item))
    reference = [item for item in ordered if item[0].submitter.lower() == REFERENCE]
    return Standing(
        metric=metric,
        unit=unit,
        value=value,
        not_comparable=not_comparable,
        better_than=None if not_comparable else beaten / len(known),
        as_good_as=0 if not_comparable else equal,
        count=len(known),
        core=core,
        best_per_core=per_core,
        reference=_beside(reference[0]) if reference else None,
        best=_beside(ordered[0]),
    )


def _beside(item: tuple[Entry, float]) -> Beside:
    entry, value = item
    return Beside(value=value, submitter=entry.submitter, system=entry.system, round=entry.round)
