"""A training as a table for a terminal, and its points in CSV."""

import csv
import io

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tinybench.plural import counted
from tinybench.printable import one_line

from ...build.task import METRICS
from ...train.document import NOT_MLPERF, Part, Point, Training, Trial
from ..table import cell

HEADER = ("seed", "ended by", "best", "samples", "steps", "time", "here", "energy", "as NumPy")
COLUMNS = ("seed", *Point.__struct_fields__)
WHERE = {"link": "over the link", "flash": "from flash"}
CURVE_MOST = 12
"""Points of a seed that a terminal shows."""


def terminal(found: Training) -> RenderableType:
    """Return what each seed came to, the way there, and what a step takes."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for name in HEADER:
        table.add_column(name, justify="right", no_wrap=True)
    for one in found.trials:
        table.add_row(*_cells(one))
    shown: list[RenderableType] = [Text(_title(found)), "", table, ""]
    for one in found.trials:
        step = -(-len(one.points) // CURVE_MOST)
        points = [*one.points[:-1:step], one.points[-1]]
        curve = "  ".join(f"{point.samples}: {point.score:.3f}" for point in points)
        shown.append(Text(f"seed {one.seed}, held-out {_metric(found)} by samples: {curve}"))
    return Group(*shown, "", *map(Text, said(found)))


def as_csv(found: Training) -> str:
    """Return one line a point, of all seeds."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in found.trials:
        for point in one.points:
            values = (getattr(point, name) for name in Point.__struct_fields__)
            writer.writerow([one.seed, *map(cell, values)])
    return text.getvalue()


def _title(found: Training) -> str:
    asked = found.asked
    layer = f", {counted(asked.hidden, 'hidden unit')}" if asked.hidden else ""
    part = f"{len(asked.rows)} of {found.outputs} outputs, {len(asked.columns)} of "
    return one_line(
        f"trained on {asked.board_name}: the head of {asked.model} for {asked.task}{layer}, "
        f"{asked.weights} weights, part {asked.part} ({part}{_inputs(found)} weights of each), to "
        f"{_metric(found)} {asked.target:g}; {NOT_MLPERF}"
    )


def _cells(one: Trial) -> tuple[str, ...]:
    differing = sum(point.differing for point in one.points)
    largest = max(point.difference for point in one.points)
    return (
        str(one.seed),
        one.ended,
        f"{one.best:.4f}",
        f"{one.samples:,}",
        f"{one.steps:,}",
        f"{one.board_s:.3f} s",
        f"{one.host_s:.1f} s",
        "-" if one.energy_j is None else f"{one.energy_j * 1e3:.3g} mJ",
        f"{largest:.1g} apart" if differing else "to the bit",
    )


def said(found: Training) -> list[str]:
    """Return in sentences what the figures are."""
    asked = found.asked
    tensors = "" if found.tensor_ram_b is None else f", {found.tensor_ram_b:,} B tensors"
    samples = f"; samples: {found.samples_b:,} B of flash" if found.samples_b else ""
    lines = [
        f"{counted(found.trained, 'sample')}, {found.held_out} held out and never "
        "trained; an epoch is "
        f"{found.trained // asked.batch} batches of {asked.batch}, {WHERE[asked.samples]}; rate "
        f"{asked.rate:g}, momentum {asked.momentum:g}, from {asked.init}",
        f"RAM: {found.ram_b:,} B, of them {found.training_ram_b:,} B for learning{tensors}"
        + samples,
        f"time: {found.time_base}; of body, gradient and steps, evaluations left out. here: this "
        "computer's, with the line",
    ]
    if any(one.energy_j is not None for one in found.trials):
        lines.append(_energy(found))
    if doubts := [doubt for one in found.trials for doubt in one.energy_doubts]:
        lines.append(f"doubtful energy: {one_line('; '.join(dict.fromkeys(doubts)))}")
    for one in found.trials:
        if one.before is not None and one.points:
            lines.append(
                f"seed {one.seed}, {_metric(found)} before the drift {one_line(asked.drift)}: "
                f"{one.before:.4f}; after it {one.points[0].score:.4f}, learnt {one.best:.4f}"
            )
    if found.emulated:
        lines.append("emulated: time is an instruction count, and no measurement")
    if found.cost is not None:
        cost = found.cost
        lines += [
            f"a step of {cost.batch}: {cost.instructions:,} instructions (exact), {cost.cycles:,} "
            f"estimated cycles at {cost.clock_hz / 1e6:g} MHz, {cost.head_cycles:,} of the head",
            f"of a sample: body {_part(cost.body)}; gradient {_part(cost.add)}; of a step: weights "
            f"{_part(cost.step)}",
        ]
    elif found.no_cost:
        lines.append(f"no estimate of cycles: {one_line(found.no_cost)}")
    if retries := sum(one.retries for one in found.trials):
        lines.append(f"sent again on a doubt: {retries} commands and uploads")
    if found.unseen:
        unseen = ", ".join(map(one_line, found.unseen))
        lines.append(f"classes without a sample to train on: {unseen}")
    short = [one for one in found.trials if not one.reached]
    if short:
        lines.append(
            f"{len(short)} of {len(found.trials)} seeds did not reach {asked.target:g}: the best "
            f"was {max(one.best for one in short):.4f}"
        )
    if any(one.ended == "diverged" for one in found.trials):
        lines.append(
            "diverged: a weight or the loss was no number any more, and the board stopped; the "
            "checkpoint before is kept. Take a lower --rate"
        )
    return lines


def _inputs(found: Training) -> int:
    return found.asked.hidden or found.features


def _metric(found: Training) -> str:
    return METRICS[found.metric]


def _energy(found: Training) -> str:
    if not found.asked.monitor:
        return "energy: modelled, the declared power of the board at work times that time"
    source = one_line(found.energy_source)
    return f"energy: {found.energy}, of the steps alone, between edges of the pin; {source}"


def _part(one: Part) -> str:
    return (
        f"{one.instructions:,} instructions, {one.cycles:,} cycles ({one.cycles_low:,} to "
        f"{one.cycles_high:,})"
    )
