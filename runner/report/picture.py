"""The latencies of runs as one PNG: how they are distributed, their tail, their order in time."""

import io
from collections.abc import Sequence
from typing import Any

from tinybench import extras
from tinybench.errors import ToolMissingError, UsageError
from tinybench.printable import one_line

from ..results.result import Result

RUNS_MAX = 20
"""In one picture."""
BINS = 60
DPI = 110
POINTS = 20_000
"""Of a curve: more would be no longer seen."""


def as_png(results: Sequence[Result]) -> bytes:
    """Return the picture, a row a run.

    Raises UsageError: a run without latencies one by one, or too many runs; ToolMissingError
    without matplotlib.
    """
    if not 0 < len(results) <= RUNS_MAX:
        raise UsageError(
            f"--to png draws 1 to {RUNS_MAX} runs, not {len(results)}: name some of them"
        )
    drawn = [(result, _each_ms(result)) for result in results]
    for result, each_ms in drawn:
        if not each_ms:
            raise UsageError(
                f"{result.task} on {result.board}: --to png draws latencies one by one, and this "
                "run has none; run it with --scenario, or in accuracy mode"
            )
    try:
        from matplotlib.figure import Figure  # drawn without pyplot: no global state, no display
    except ImportError as error:
        raise ToolMissingError(extras.missing("--to png", "matplotlib", "energy")) from error
    figure = Figure(figsize=(13, 3.6 * len(drawn)), layout="constrained")
    panels = figure.subplots(len(drawn), 3, squeeze=False)
    for row, (result, each_ms) in zip(panels, drawn, strict=True):
        _draw(row, each_ms, "emulated ms" if result.emulated else "ms")
        row[0].set_title(_title(result), loc="left", fontsize="medium", parse_math=False)
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=DPI)
    return data.getvalue()


def _each_ms(result: Result) -> list[float]:
    """Return the time of each inference, in the order in which they were done."""
    if result.scenario is not None:
        return [us * 1e-3 for us in result.scenario.device_us]
    answers = result.accuracy.answers if result.accuracy else []
    return [us * 1e-3 for answer in answers for us in answer.elapsed_us]


def _title(result: Result) -> str:
    found = result.scenario
    said = f"{result.task} on {result.board}"
    said += f", {found.asked.name}" if found else ", accuracy mode"
    if found is not None and found.asked.interference is not None:
        said += f"; injected: {found.asked.interference.words}"
    return one_line(said)


def _draw(axes: Sequence[Any], each_ms: Sequence[float], unit: str) -> None:
    ordered = sorted(each_ms)
    count = len(ordered)
    step = max(1, count // POINTS)
    axes[0].hist(each_ms, bins=BINS, color="tab:blue", log=True)
    axes[0].set_ylim(bottom=0.5)
    axes[0].ticklabel_format(axis="x", useOffset=False)
    axes[0].set_xlabel(unit)
    axes[0].set_ylabel("inferences")
    ranks = [*range(0, count - 1, step), count - 1]
    above = [1 - rank / count for rank in ranks]
    axes[1].step([ordered[rank] for rank in ranks], above, where="pre", color="tab:blue")
    axes[1].set_yscale("log")
    axes[1].ticklabel_format(axis="x", useOffset=False)
    axes[1].set_xlabel(unit)
    axes[1].set_ylabel("share that takes as long or longer")
    axes[1].grid(visible=True, alpha=0.3)
    for share, name in ((0.1, "p90"), (0.01, "p99"), (0.001, "p99.9")):
        if share * count >= 1:
            axes[1].axhline(share, color="grey", linewidth=0.8, linestyle=":")
            axes[1].annotate(name, (1.0, share), xycoords=("axes fraction", "data"), ha="right")
    starts = range(0, count, step)
    worst = [max(each_ms[start : start + step]) for start in starts]  # an outlier is never lost
    axes[2].plot(list(starts), worst, ".", markersize=3, color="tab:blue")
    axes[2].ticklabel_format(axis="y", useOffset=False)
    axes[2].set_xlabel("inference")
    axes[2].set_ylabel(unit)
