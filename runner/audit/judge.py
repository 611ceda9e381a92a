"""Name the rules that a published run breaks, each with what was wanted and what was found."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence

from tinybench.energy.methods import RuleResult

from ..build.task import METRICS, Task
from ..rules import ENERGY_README, README, RULES, WINDOW_MIN_S, WINDOWS, Violation
from .evidence import Evidence, Inferred
from .labels import OLD_LIST, OLD_ROUND, LabelList
from .printed import Printed, PrintedWindow
from .read import Read
from .result import Figure
from .text import shown

DATASETS = "energyrunner datasets README, the whole accuracy set"
CHECKER = "MLPerf Tiny submission checker"
STREAM_ERRORS_MAX = 8
STREAM_WORDS = 50
CLOCK_SHARE_MAX = 0.02
"""By how much the DUT's clock may be off the host's; the worst oscillator in a microcontroller."""
UNIT_OFF_SHARE = 0.1
HOST_MIN_US = 2_000_000
"""Shorter windows say nothing of clocks."""
HOST_LATE_US = 100_000
"""By how much the host may note a line late."""
UNIT_SHARE = 0.02
"""How near to a power of 1000 two figures are apart when it is their unit."""
TO_W = {"nw": 1e-9, "uw": 1e-6, "µw": 1e-6, "mw": 1e-3, "w": 1.0}
SHOWN = 3
"""Names that a message lists."""

Answers = dict[tuple[str, int], Inferred]


def files(run: Read) -> Iterator[Violation]:
    """Yield what is missing or cannot be read."""
    for what in run.unreadable:
        yield Violation(
            "unreadable-file", CHECKER, "files that can be read", what, "publish the whole file"
        )
    has_evidence = bool(run.evidence.inferred or run.evidence.stream)
    if not has_evidence and run.mode != "energy":
        yield Violation(
            "missing-log",
            RULES + ", results can be reproduced",
            f"a log of the {run.mode} run",
            "results.txt only" if run.printed_in else "no inference in any file",
            "publish log.txt",
        )
    if run.printed.empty:
        yield Violation(
            "missing-results",
            CHECKER,
            f"a results.txt with the figures of the {run.mode} run",
            "none of its figures in any file",
            "publish results.txt",
        )


def log(run: Read) -> Iterator[Violation]:
    """Yield what went wrong while the run was made."""
    evidence = run.evidence
    undecodable = evidence.undecodable
    if run.printed_in not in [shown(path.name) for path in run.place.logs]:
        undecodable += run.printed.undecodable
    if undecodable:
        yield Violation(
            "undecodable-bytes",
            "protocol, 8N1 text",
            "a log of readable text",
            f"{undecodable} undecodable bytes or characters",
            "mend the line to the DUT, and run it again",
        )
    if evidence.rehearsal:
        yield Violation(
            "rehearsal",
            RULES + ", results are measured on the system",
            "a result",
            shown(evidence.rehearsal),
            "run it on a board, with the official inputs, and submit that",
        )
    for kind, count in evidence.faults.items():
        rule = "input-size" if kind == "an input of the wrong size" else "log-fault"
        yield Violation(
            rule,
            RULES + ", every inference is one of the benchmark",
            "none",
            f"{kind}, {count} times; first: {shown(evidence.examples.get(kind, ''))}",
            "mend the firmware or the line, and run it again",
        )
    wanted = run.place.task
    models = [shown(model) for model in evidence.models]
    if wanted and models and not any(_same_model(model, wanted) for model in models):
        yield Violation(
            "model-id",
            RULES + ", benchmark models",
            wanted,
            ", ".join(models),
            "flash the firmware of this task",
        )


def range_of_outputs(run: Read, task: Task | None) -> Iterator[Violation]:
    """Yield outputs of a classifier that are no probabilities, but for the slack of rounding."""
    if task is None or task.metric != "top1":
        return
    slack = 0.1
    for one in run.evidence.inferred:
        if any(not -slack <= value <= 1 + slack for value in one.outputs):
            yield Violation(
                "output-range",
                "protocol, m-results are softmax outputs",
                "outputs of 0 to 1",
                f"{_row(one)} for {shown(one.input)}",
                "print the dequantised outputs",
            )
            return


def _same_model(found: str, wanted: str) -> bool:
    found = found.lower()
    return found == wanted or {found, wanted} <= {"sww01", "strww01"}


def inputs(run: Read, known: LabelList | None, task: Task | None) -> Iterator[Violation]:
    """Yield what is wrong with the set of an accuracy run: each official input exactly once."""
    inferred = run.evidence.inferred
    if not inferred:
        return
    per_file = Counter(one.input for one in inferred)
    twice = [k for k, n in Counter((o.input, o.offset) for o in inferred).items() if n > 1]
    if not run.eembc:  # the v1.3 runner's windows are counted, not named
        twice = [] if task is not None and task.metric == "auc" else [
            (name, 0) for name, n in per_file.items() if n > 1
        ]  # fmt: skip
    if twice:
        yield Violation(
            "inputs-once",
            DATASETS,
            "each input once",
            f"{len(twice)} inputs several times: {_names([name for name, _ in twice])}",
            "run the set again",
        )
    if len(set(per_file.values())) > 1 and task is not None and task.metric == "auc":
        most = max(per_file.values())
        short = [name for name, n in per_file.items() if n < most]
        yield Violation(
            "missing-inputs",
            DATASETS,
            f"{most} windows of each file",
            f"{len(short)} files have fewer: {_names(short)}",
            "run the whole set",
        )
    if known is not None:
        yield from _against_list(run, known, per_file)
    elif task is not None and len(per_file) not in task.rules.accuracy_count:
        yield Violation(
            "missing-inputs",
            DATASETS,
            f"{' or '.join(map(str, task.rules.accuracy_count))} inputs",
            f"{len(per_file)} inputs",
            "run the whole set",
        )


def _against_list(run: Read, known: LabelList, per_file: Counter[str]) -> Iterator[Violation]:
    missing = [name for name in known.labels if name not in per_file]
    others = [name for name in per_file if name not in known.labels]
    if missing:
        yield Violation(
            "missing-inputs",
            DATASETS,
            f"all {len(known.labels)} inputs of {known.name}",
            f"{len(missing)} missing: {_names(missing)}",
            "run the whole set",
        )
    if others:
        yield Violation(
            "wrong-inputs",
            DATASETS,
            f"inputs of {known.name}",
            f"{len(others)} others: {_names(others)}",
            "run the official set",
        )
    stated = [
        one.input
        for one in run.evidence.inferred
        if one.label is not None and known.labels.get(one.input, one.label) != one.label
    ]
    if stated:
        yield Violation(
            "wrong-labels",
            DATASETS,
            "the classes of the official list",
            f"{len(stated)} inputs with another class: {_names(stated)}",
            "use the official label file",
        )


def old_list(run: Read, known: LabelList | None) -> Iterator[Violation]:
    """Yield a set of inputs that was replaced before the run's round; of any mode."""
    if known is not None and known.name == OLD_LIST and run.place.round not in ("", OLD_ROUND):
        yield Violation(
            "wrong-inputs",
            DATASETS,
            f"inputs of the official list of round v{run.place.round}",
            f"inputs of {OLD_LIST}, such as " + shown(run.evidence.inferred[0].input),
            "run the official set",
        )


def windows(run: Read, known: LabelList | None) -> Iterator[Violation]:
    """Yield what is wrong with the windows of a performance run, by the DUT's clock."""
    inferred = run.evidence.inferred
    if inferred:
        yield from _which_inputs([one.input for one in inferred], known, README, run.mode)
    spans_s = [None if o.elapsed_us is None else o.elapsed_us * 1e-6 for o in inferred]
    counts = [one.iterations for one in inferred]
    if not inferred:
        spans_s = [_value(window.runtime_s) for window in run.printed.performance]
        counts = [window.iterations or 0 for window in run.printed.performance]
        if run.printed.performance and len(spans_s) != WINDOWS:
            yield _count(len(spans_s), README, run.mode)
    yield from _durations(spans_s, counts, README)
    for number, one in enumerate(inferred, start=1):
        yield from _clock(number, one)


def _which_inputs(
    names: Sequence[str], known: LabelList | None, clause: str, mode: str
) -> Iterator[Violation]:
    if len(names) != WINDOWS or len(set(names)) != len(names):
        yield _count(len(names), clause, mode, len(set(names)))
    elif known is not None and set(names) != set(list(known.labels)[:WINDOWS]):
        first = list(known.labels)[:WINDOWS]
        yield Violation(
            "first-inputs",
            clause,
            f"the first {WINDOWS} inputs of the list: {', '.join(first)}",
            _names(names, WINDOWS),
            f"run the {mode} mode on the first inputs",
        )


def _count(count: int, clause: str, mode: str, different: int | None = None) -> Violation:
    on = "" if different is None else f" on {different} inputs"
    return Violation(
        f"{mode}-windows",
        clause,
        f"{WINDOWS} windows on {WINDOWS} different inputs",
        f"{count} windows{on}",
        f"run the {mode} mode whole",
    )


def _durations(
    spans_s: Sequence[float | None], counts: Sequence[int], clause: str
) -> Iterator[Violation]:
    for number, (span_s, count) in enumerate(zip(spans_s, counts, strict=True), start=1):
        if span_s is None:
            yield Violation(
                "window-clock",
                clause,
                "two time stamps in every window",
                f"window {number} has none, or one",
                "run it again",
            )
        elif span_s < WINDOW_MIN_S:
            more = int(count * (WINDOW_MIN_S / max(span_s, 1e-6) - 1)) + 1
            yield Violation(
                "window-duration",
                clause + ", run time",
                f"at least {WINDOW_MIN_S:.0f} s in every window",
                f"window {number} lasted {span_s:.3f} s",
                f"{more} more iterations",
            )


def _clock(number: int, one: Inferred) -> Iterator[Violation]:
    """Yield a DUT's clock that cannot count microseconds, by the host's time stamps."""
    if one.elapsed_us is None or one.host_us is None or one.host_us < HOST_MIN_US:
        return
    allowed_us = max(HOST_LATE_US, CLOCK_SHARE_MAX * one.host_us)
    if abs(one.elapsed_us - one.host_us) <= allowed_us:
        return
    ratio = one.host_us / max(one.elapsed_us, 1)
    power = round(math.log10(ratio) / 3) * 3
    unit = power != 0 and abs(ratio / 10.0**power - 1) < UNIT_OFF_SHARE
    yield Violation(
        "unit" if unit else "dut-clock",
        README + ", timestamps in microseconds",
        f"{one.host_us * 1e-6:.3f} s by the host's log",
        f"window {number} lasted {one.elapsed_us * 1e-6:.6f} s by the DUT"
        + (f", off by 10^{power}" if unit else ""),
        "let the time stamps count microseconds",
    )


def energy(run: Read, rule: RuleResult | None, known: LabelList | None) -> Iterator[Violation]:
    """Yield what is wrong with the windows of an energy run, by the monitor's clock."""
    inferred = run.evidence.inferred
    if inferred:
        yield from _which_inputs([one.input for one in inferred], known, ENERGY_README, "energy")
    if rule is not None:
        spans_s = [window.elapsed_s for window in rule.windows]
        counts = [window.iterations or 0 for window in rule.windows]
    else:
        spans_s = [_value(window.runtime_s) for window in run.printed.energy]
        counts = [window.iterations or 0 for window in run.printed.energy]
        spans_s = [span_s for span_s in spans_s if span_s is not None]
        counts = counts[: len(spans_s)]
    if len(inferred) in (0, WINDOWS) and spans_s and len(spans_s) != WINDOWS:
        yield _count(len(spans_s), ENERGY_README, "energy")
    if rule is None and run.printed.energy_uj:
        yield Violation(
            "missing-trace",
            RULES + ", results can be reproduced",
            "the samples of the monitor",
            "no trace that can be read",
            "publish the trace",
        )
    yield from _durations(spans_s, counts, ENERGY_README)


def streaming(run: Read, figures: Sequence[Figure]) -> Iterator[Violation]:
    """Yield broken limits of a streaming run."""
    found = next((f.recomputed or f.published for f in figures if f.name == "detections"), None)
    if found is None:
        return
    hits, missed, false = (int(word) for word in found.split()[1::2])
    wanted = (
        f"{STREAM_WORDS} words, at most {STREAM_ERRORS_MAX} missed and {STREAM_ERRORS_MAX} false"
    )
    too_many = max(missed, false) > STREAM_ERRORS_MAX and run.place.division == "closed"
    if hits + missed != STREAM_WORDS or too_many:
        yield Violation(
            "stream-score",
            RULES + ", streaming wake word",
            wanted,
            found,
            "use the reference model and the whole recording",
        )


def units(printed: Printed, figures: Sequence[Figure]) -> Iterator[Violation]:
    """Yield figures that are off by powers of 1000, and units that are not the field's."""
    for one in figures:
        power = _power_of_1000(one.recomputed, one.published)
        if power:
            yield Violation(
                "unit",
                RULES + ", reported units",
                f"{one.recomputed} {one.unit} ({one.name})",
                f"{one.published}, off by 10^{power}",
                "report it in its unit",
            )
    wanted = {"throughput": "inf./sec", "energy": "uj/inf"}
    for name, unit in printed.units.items():
        if not unit.lower().startswith(wanted[name]):
            yield _unit(name, wanted[name], unit)
    for window in printed.energy:
        yield from _window_units(window)


def _window_units(window: PrintedWindow) -> Iterator[Violation]:
    for name, unit in window.units.items():
        if name != "power" and unit.lower() not in ("uj", "µj"):
            yield _unit(f"{name} of window {window.number}", "uJ", unit)
    energy_uj, lasted_s = _value(window.energy_uj), _value(window.runtime_s)
    to_w = TO_W.get(window.units.get("power", "").lower())
    power = _value(window.power)
    if to_w is None and window.power:
        yield _unit(f"power of window {window.number}", "uW or mW", window.units.get("power", ""))
    elif to_w and power and energy_uj and lasted_s:
        ratio = energy_uj * 1e-6 / lasted_s / (power * to_w)
        off = round(math.log10(ratio) / 3) * 3
        if off:
            yield Violation(
                "unit",
                ENERGY_README + ", power is energy by time",
                f"{energy_uj * 1e-6 / lasted_s:.6g} W",
                f"{window.power} {window.units['power']} in window {window.number}, off by "
                f"10^{off}",
                "report it in its unit",
            )


def _unit(name: str, wanted: str, unit: str) -> Violation:
    return Violation(
        "unit",
        CHECKER,
        f"{name} in {wanted}",
        shown(unit) or "no unit",
        "report it in its unit",
    )


def _power_of_1000(recomputed: str | None, published: str) -> int:
    try:
        ratio = float(recomputed or "nan") / float(published)
    except (ValueError, ZeroDivisionError):
        return 0
    if not (math.isfinite(ratio) and ratio > 0):
        return 0
    power = round(math.log10(ratio) / 3) * 3
    return power if power and abs(ratio / 10.0**power - 1) < UNIT_SHARE else 0


def _value(text: str) -> float | None:
    value = float(text) if text else 0.0
    return value if value > 0 else None


def differing(figures: Sequence[Figure]) -> Iterator[Violation]:
    """Yield the figures that are not those of the run's own files."""
    for one in figures:
        if one.reproduced is False:
            yield Violation(
                "figure",
                RULES + ", results can be reproduced",
                f"{one.name} {one.recomputed} {one.unit}".rstrip() + f", from {one.source}",
                one.published,
                "publish the figure that belongs to the log",
            )


def threshold(run: Read, figures: Sequence[Figure], task: Task | None) -> Iterator[Violation]:
    """Yield a quality below the target of the closed division."""
    if task is None or run.place.division != "closed":
        return
    name, scale = ("top-1", 0.01) if task.metric == "top1" else ("AUC", 1.0)
    for one in figures:
        text = one.recomputed or one.published
        # Published figures are rounded, and are accepted as they are printed.
        if one.name == name and float(text) * scale < task.rules.closed_threshold - 1e-9:
            yield Violation(
                "accuracy-threshold",
                RULES + ", closed division quality target",
                f"{METRICS[task.metric]} at least {task.rules.closed_threshold:.1%}",
                text,
                "use the reference model, or the open division",
            )


def same_output(answers: Answers, evidence: Evidence, mode: str) -> Iterator[Violation]:
    """Yield inputs whose outputs in windows are not those of accuracy mode."""
    changed = []
    for one in evidence.inferred:
        reference = answers.get((one.input, one.offset))
        if reference is not None and not _equal(reference, one):
            changed.append((one, reference))
    if changed:
        one, reference = changed[0]
        yield Violation(
            "same-output",
            RULES + ", every mode runs the same inference",
            f"{_row(reference)} for {shown(one.input)}, as in accuracy mode",
            f"{_row(one)} in {mode} mode; so {len(changed)} of {len(evidence.inferred)} windows",
            "the engine must not overwrite its input between inferences",
        )


def _equal(one: Inferred, other: Inferred) -> bool:
    """Compare to the decimals that both print."""
    if len(one.outputs) != len(other.outputs):
        return False
    step = 10.0 ** -min(one.decimals, other.decimals)
    return all(abs(a - b) < 0.51 * step for a, b in zip(one.outputs, other.outputs, strict=True))


def _row(one: Inferred) -> str:
    return "[" + ",".join(f"{value:.{one.decimals}f}" for value in one.outputs[:12]) + "]"


def _names(names: Sequence[str], most: int = SHOWN) -> str:
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(shown(name[:80]) for name in names[:most]) + rest


def missing_modes(modes: set[str], task: str) -> Iterator[Violation]:
    """Yield the modes that a task of a submission must have and this one has not."""
    wanted = {"performance"} if task == "sww01" else {"accuracy", "performance"}
    if task == "sww01" and "energy" in modes:
        return
    for mode in sorted(wanted - modes):
        yield Violation(
            "missing-mode",
            CHECKER,
            f"a folder {mode}",
            "only " + ", ".join(sorted(modes)),
            f"publish the {mode} run",
        )


def tree(links: Sequence[str], oversized: Sequence[str], broken: Sequence[str]) -> list[Violation]:
    """Return what does not belong into a submission at all."""
    found = []
    for rule, wanted, names, advice in (
        ("symbolic-links", "no links", links, "publish the files themselves"),
        ("file-size", "no file over 50 MB", oversized, "leave it out, or split it"),
        ("unreadable-file", "folders that can be read", broken, "make them readable"),
    ):
        if names:
            found.append(Violation(rule, CHECKER, wanted, _names(names, 5), advice))
    return found
