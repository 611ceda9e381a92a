"""Figures of an accuracy mode: confusion matrix, misread inputs, ROC and DET, single inferences."""

from collections.abc import Sequence
from pathlib import Path

from tinybench.errors import ProtocolError, TinybenchError

from ...build.task import Task, load_task
from ...dut.inference import answered
from ...results import score
from ...results.result import Accuracy, Answer, Result
from . import plots
from .misread import pictures
from .parts import Behind, Html, card, figure, note, table, text
from .timed import COUNTED, distribution, scaled

INPUTS_SHOWN = 200
"""Names of inputs kept for one cell of a confusion matrix."""
CURVE_ROWS = 20
"""Of the table behind a curve."""
LEAST_RATE = 1e-3
"""Where the axes of a DET curve end."""

Read = list[tuple[Answer, list[float]]]


def answers(result: Result, found: Accuracy, folder: Path, stamp: str) -> list[str]:
    """Return what is shown of the answers to the accuracy set."""
    read: Read = []
    unread = 0
    for answer in found.answers:
        try:
            out = answered(answer.results)
        except ProtocolError:
            out = []
        if out and answer.label in range(max(2, len(out))):
            read.append((answer, out))
        else:
            unread += 1
    cards = []
    if found.top1 is not None:
        cards += _classified(result, read, folder, stamp)
    scores = _scores(read, found.top1 is not None)
    if {label for _, label in scores} == {0, 1}:
        cards += _curves(scores, found.auc, stamp)
    if unread:
        said = f"{unread} answers are no numbers, or for labels that there are not"
        cards.append(card("Unreadable answers", note(said)))
    instruction_ns = score.instruction_ns(result.time_base)
    each = [scaled(us, instruction_ns) for answer in found.answers for us in answer.elapsed_us]
    if each:
        what = "Instructions" if instruction_ns else "Latency"
        unit = COUNTED if instruction_ns else "ms"
        title = f"{what} of single inferences"
        cards.append(distribution(title, each, unit, stamp, "each input once, by the DUT's clock"))
    return cards


def _classified(result: Result, read: Read, folder: Path, stamp: str) -> list[str]:
    """Return the confusion matrix, and the inputs that were misread."""
    count = max([2, *(len(out) for _, out in read)])
    task = _task(result, folder)
    known = [] if task is None else task.classes
    classes = known if len(known) == count else [str(number) for number in range(count)]
    counts = [[0] * count for _ in range(count)]
    inputs: dict[str, list[str]] = {}
    wrong: list[tuple[Answer, int, float]] = []
    for answer, out in read:
        guess = score.arg_max(out)
        counts[answer.label][guess] += 1
        if guess != answer.label:
            inputs.setdefault(f"{answer.label},{guess}", []).append(answer.input)
            wrong.append((answer, guess, out[guess]))
    shown = {cell: names[:INPUTS_SHOWN] for cell, names in inputs.items()}
    rows = [(name, *each) for name, each in zip(classes, counts, strict=True)]
    cards = [
        figure(
            "Confusion matrix",
            plots.confusion(counts, classes),
            Behind(("label / answer", *classes), rows),
            stamp,
            note="down: the label; across: the answer. Touch a red cell for its inputs",
            more='<p class="note inputs"></p>',
            data={"inputs": shown},
        )
    ]
    if wrong:
        cards.append(_misread(wrong, classes, task, folder, len(read)))
    return cards


def _misread(
    wrong: list[tuple[Answer, int, float]],
    classes: Sequence[str],
    task: Task | None,
    folder: Path,
    count: int,
) -> str:
    """Return the misread inputs, the surest errors first, with their pictures where at hand."""
    wrong.sort(key=lambda one: -one[2])
    drawn = pictures([answer.input for answer, _, _ in wrong], task, folder)
    parts = [
        f'<figure class="input"><img alt="{text(drawn[answer.input].alt)}" '
        f'src="{drawn[answer.input].address}"><figcaption>{text(classes[answer.label])} read as '
        f"{text(classes[guess])}</figcaption></figure>"
        for answer, guess, _ in wrong
        if answer.input in drawn
    ]
    rows = [
        (answer.input, classes[answer.label], classes[guess], f"{output:g}")
        for answer, guess, output in wrong[:CURVE_ROWS]
    ]
    behind = table(("input", "label", "answer", "its output"), rows, "Misread inputs, as a table")
    said = f"{len(wrong)} of {count} are misread; first those of which the model is most sure"
    if not drawn:
        said += ". Their pictures are not at hand, or no pictures"
    body = (
        Html(f'<div class="inputs-shown">{"".join(parts)}</div>{note(said)}')
        if parts
        else note(said)
    )
    shown = "" if parts else " shown"
    return card("Misread inputs", f'{body}<div class="behind{shown}">{behind}</div>')


def _scores(read: Read, classified: bool) -> list[tuple[float, int]]:
    """Return (score, label) of what has two classes: of two outputs the second, of one the mean."""
    if classified:
        return [(out[1], a.label) for a, out in read if len(out) == 2]
    return [(sum(out) / len(out), answer.label) for answer, out in read]


def _curves(scores: Sequence[tuple[float, int]], area: float | None, stamp: str) -> list[str]:
    """Return the ROC and the DET, each with its thresholds."""
    points = roc_points(scores)
    slider = (
        f'<input class="threshold control" type="range" min="0" max="{len(points) - 1}" '
        f'value="{len(points) // 4}" aria-label="threshold"><p class="note at"></p>'
    )
    shown = [(None if p[0] == float("inf") else p[0], p[1], p[2]) for p in points]
    step = max(1, len(points) // CURVE_ROWS)
    thinned = [*points[::step], points[-1]]
    rows = [(f"{at:.6g}", f"{false:.4f}", f"{true:.4f}") for at, false, true in thinned]
    behind = Behind(("threshold", "false positive rate", "true positive rate"), rows)
    auc = score.auc([s for s, _ in scores], [n for _, n in scores]) if area is None else area
    roc = figure("ROC", plots.roc(points, auc), behind, stamp, more=slider, data={"points": shown})
    missed = [(false, 1 - true) for _, false, true in points]
    rows = [(f"{at:.6g}", f"{false:.4f}", f"{1 - true:.4f}") for at, false, true in thinned]
    det = figure(
        "DET",
        plots.det(missed, LEAST_RATE),
        Behind(("threshold", "false positive rate", "false negative rate"), rows),
        stamp,
        note="axes by the normal distribution; dashed: both rates are equal",
    )
    return [roc, det]


def roc_points(scores: Sequence[tuple[float, int]]) -> list[tuple[float, float, float]]:
    """Return (threshold, false positive rate, true positive rate) for each score, falling."""
    positives = sum(label for _, label in scores)
    negatives = len(scores) - positives
    points, true, false = [(float("inf"), 0.0, 0.0)], 0, 0
    ordered = sorted(scores, reverse=True)
    for index, (threshold, label) in enumerate(ordered):
        true, false = true + label, false + 1 - label
        if index + 1 == len(ordered) or ordered[index + 1][0] != threshold:
            points.append((threshold, false / negatives, true / positives))
    return points


def _task(result: Result, folder: Path) -> Task | None:
    stored = folder / "task.toml"
    try:
        return load_task(
            str(stored) if stored.is_file() and not stored.is_symlink() else result.task
        )
    except TinybenchError:
        return None
