"""A study of sparsity as tables for a terminal, in Markdown and in CSV, and as a picture."""

from typing import Any

import msgspec
from rich.console import RenderableType

from tinybench.plural import counted
from tinybench.printable import one_line

from ...study.sparsity.findings import Row, SparsityStudy, fastest_within
from .frame import (
    EMULATED,
    METRIC,
    SAID,
    below,
    code_of,
    columns,
    count,
    in_csv,
    in_markdown,
    of_model,
    picture,
    plain_tick,
)

COLUMNS = Row.__struct_fields__
KERNELS = {
    "plain": ("dot_blocks", "add_eight_plain", "gather", "gather_wide"),
    "dsp": ("dot_blocks_dsp", "add_eight", "dot_8", "gather", "gather_wide"),
    "mve": ("dot_blocks_mve", "add_eight_mve", "add_four", "gather_mve", "gather_wide_mve"),
}
"""Functions of blocks; what is inlined is in the first."""
POINTS = (1, 5)
"""Of 100 of a score, that may be lost where the fastest way is told."""
MORE = 1.2
"""Times the weights of its rate, beyond which what a candidate keeps is told."""


def header(found: SparsityStudy) -> tuple[str, ...]:
    """Return the heads of the columns."""
    return (
        *("scheme", "kernel", "rate", "block", METRIC.get(found.metric, "squares kept")),
        *(("mended",) if found.asked.mended else ()),
        *(("learnt",) if found.asked.learnt else ()),
        *(("counted",) if found.asked.mended else ()),
        *("weights B", "scratch B", "smaller", "equal"),
        "instructions" if found.emulated else "latency us",
        *("est. cycles", "speed-up"),
    )


def cells(row: Row, found: SparsityStudy) -> tuple[str, ...]:
    """Return what a person reads of one row."""
    time = row.instructions if found.emulated else round((row.latency_s or 0) * 1e6, 2)
    return (
        row.scheme,
        row.kernel,
        f"{row.rate:g}x",
        row.block or "-",
        f"{row.squares if row.score is None else row.score:.4f}",
        *((_score(row.mended),) if found.asked.mended else ()),
        *((_score(row.learnt),) if found.asked.learnt else ()),
        *((row.weights,) if found.asked.mended else ()),
        f"{row.weights_b:,}",
        count(row.scratch_b),
        f"{row.smaller:.2f}x",
        f"{row.rows_equal} of {found.inputs}",
        count(time),
        count(row.cycles),
        f"{row.speedup:.2f}x",
    )


def _score(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def title(found: SparsityStudy) -> str:
    """Return what was pruned, and where it was run."""
    which = (
        f"{counted(len(found.layers), 'layer')} of {found.asked.source}"
        if found.metric
        else found.asked.source
    )
    return one_line(f"pruned: {which} on {found.asked.board}")


def said(found: SparsityStudy) -> list[str]:
    """Return in sentences what was found, and what the columns mean."""
    lines = list[str]()
    if found.clean is not None:
        lines.append(
            f"{METRIC[found.metric]} of {counted(found.asked.samples, 'input')} with nothing "
            f"pruned: {found.clean:.4f}"
            + ("" if found.asked.learnt else "; nothing is trained again")
        )
    if found.metric in SAID:
        lines.append(SAID[found.metric])
    if found.asked.mended:
        lines.append(
            f"mended: what is left was fitted again, layer by layer, to "
            f"{counted(found.asked.mended, 'other input')} without labels"
        )
    if found.asked.learnt:
        lines.append(
            "learnt: from there the whole model learnt from these inputs"
            + (" and their labels" if found.metric == "top1" else ", which are normal ones")
        )
    if found.asked.mended:
        lines.append(
            f"counted: whose weights the board runs, those of the highest score {_chosen_by(found)}"
            "; bytes, equal, time and speed-up are of them"
        )
    ends = (
        ("bcr", "blocks", "dense", found.break_even),
        ("bcr", "blocks", "csr", found.break_even_csr),
        ("reordered", "blocks of reordered rows", "dense", found.break_even_reordered),
        ("reordered", "blocks of reordered rows", "csr", found.break_even_reordered_csr),
    )
    beside = ("dense", *found.asked.schemes)
    for _, what, name, rate in (end for end in ends if end[0] in beside and end[2] in beside):
        lines.append(f"{what} are faster than {name}: {_from(rate, found.asked.rates)}")
    lines += _within(found)
    if found.macs_share is not None:
        lines.append(of_model(found.macs_share))
    more = [row for row in shown(found) if row.left * row.rate > MORE]
    if more:
        most = max(more, key=lambda row: row.left * row.rate)
        lines.append(
            f"{counted(len(more), 'candidate')} with more than the rate says, for 8x4 weights of "
            f"each block are left, and a row: {most.scheme} at {most.rate:g}x is "
            f"{1 / most.left:.1f}x"
        )
    lines += [
        "weights B: flash of weights, columns, lengths and masks, without code; time: of these "
        "layers alone, one after the other, without biases",
        *code_of(
            found.functions_b,
            {f"{row.scheme} {row.kernel}": _functions(row) for row in found.rows},
        ),
        "speed-up: over the fastest dense kernel here, by estimated cycles where there are any; of "
        "blocks the fastest form of a rate is shown (--to csv has all)",
        "scratch: RAM beside the inputs and the sums of a layer: inputs of a block that are copied "
        "together, sums of rows in another order, or of those alone that are left",
        "equal: inputs to which C answers as the pruned dense layers do in Python; the board "
        f"answered {found.board_rows_equal} of {found.inputs} as the same C does here; the largest "
        f"image of candidates: {found.image_flash_b:,} B of flash, {found.image_ram_b:,} B of RAM",
    ]
    if found.emulated:
        lines.append(EMULATED)
    lines += [f"left as it is: {one_line(one)}" for one in found.left_out]
    return lines


def _functions(row: Row) -> list[str]:
    """Return the functions that the C of a way calls for its weights."""
    if row.scheme == "csr":
        return ["dot_sparse_rows"]
    put = ["put_rows"] if row.scheme in {"reordered", "channel"} else []
    if row.kernel == "plain" and not row.block:
        return ["dot_dense", *put]
    return [*KERNELS[row.kernel], *put]


def _from(rate: float | None, rates: list[float]) -> str:
    """Return from which rate on something is faster, in words; `rates`: asked for, in order."""
    if rate is None:
        return f"not up to {rates[-1]:g}x, of the rates that were asked for"
    if rate > rates[0]:
        return f"from {rate:g}x on, of the rates that were asked for"
    begins = f"; where it begins below {rate:g}x, lower --rates tell" if rate > 1 else ""
    return f"at every rate asked for{begins}"


def _within(found: SparsityStudy) -> list[str]:
    """Return how fast each scheme is that answers nearly as well as nothing pruned."""
    if found.clean is None:
        return []
    lines = list[str]()
    for points in POINTS:
        fastest = fastest_within(found.rows, found.clean, points / 100)
        each = "; ".join(
            f"{scheme} none" if row is None else
            " ".join(filter(None, (scheme, f"{row.rate:g}x", row.block)))
            + f", {row.speedup:.2f} times as fast"
            for scheme, row in fastest.items()
        )  # fmt: skip
        within = f"within {counted(points, 'point')} of dense {METRIC[found.metric]}"
        lines += [f"{within}: {each}"] if each else []
    return lines


def _chosen_by(found: SparsityStudy) -> str:
    """Return what whose weights a board runs was chosen by."""
    if not found.asked.held:  # of a version that held none out
        return "of the same inputs that are scored"
    return f"of {counted(found.asked.held, 'input')} neither fitted to nor scored"


def shown(found: SparsityStudy) -> list[Row]:
    """Return the rows of a table: of blocks the chosen ones."""
    return [row for row in found.rows if row.chosen]


def terminal(found: SparsityStudy) -> RenderableType:
    """Return a line a candidate, and what was found."""
    table = columns(header(found), [cells(row, found) for row in shown(found)], left=2)
    return below(title(found), table, said(found))


def markdown(found: SparsityStudy) -> str:
    """Return the table as Markdown."""
    lines = [cells(row, found) for row in shown(found)]
    return in_markdown(title(found), header(found), lines, said(found))


def as_csv(found: SparsityStudy) -> str:
    """Return one line a candidate, all of them, under the names of `Row`."""
    ends = (found.asked.source, found.asked.board, found.emulated)
    lines = [(*ends, *msgspec.structs.astuple(row)) for row in found.rows]
    return in_csv(("source", "board", "emulated", *COLUMNS), lines)


def as_png(found: SparsityStudy) -> bytes:
    """Return the picture: speed-up and flash against the rate, a line a scheme and kernel.

    Raises ToolMissingError without matplotlib.
    """
    kind = " (emulated)" if found.emulated else ""
    return picture(title(found) + kind, 3, lambda panels: _draw(panels, found))


STEPS = {"score": ("as pruned", ":"), "mended": ("mended", "--"), "learnt": ("learnt", "-")}
"""Fields of scores, with what they are called and drawn by."""


def _steps(found: SparsityStudy) -> list[str]:
    """Return the fields of the scores that candidates have, the last of them last."""
    more = {"score": True, "mended": found.asked.mended, "learnt": found.asked.learnt}
    return [name for name, there in more.items() if there]


def _draw(panels: Any, found: SparsityStudy) -> None:
    steps = _steps(found) if found.clean is not None else ["squares"]
    fields = (["speedup"], ["weights_b"], steps)
    lines = dict[str, list[Row]]()
    for row in shown(found):
        if row.scheme != "dense":
            lines.setdefault(f"{row.scheme}, {row.kernel}", []).append(row)
    labels = (
        f"speed-up over dense, by {_time(found)}",
        "flash of the weights, bytes",
        METRIC.get(found.metric, "share of the weights' squares"),
    )
    dense = [row for row in found.rows if row.scheme == "dense"]
    dense.sort(key=lambda row: -row.speedup)
    for axes, names, label in zip(panels, fields, labels, strict=True):
        axes.axhline(getattr(dense[0], names[0]), color="grey", linestyle="-.", label="dense")
        before = list[list[Any]]()
        for number, (each, group) in enumerate(lines.items()):
            at = [row.rate for row in group]
            for name in names:
                style = STEPS[name][1] if name != names[-1] else "-"
                drawn = [getattr(row, name) for row in group]
                look: dict[str, Any] = {"linestyle": style, "marker": "o", "color": f"C{number}"}
                if [name, at, drawn] in before:  # the one below shows beside it
                    look |= {"linestyle": (0, (4, 4)), "markersize": 3}
                before.append([name, at, drawn])
                axes.plot(at, drawn, label=each, **look)
        axes.set_xscale("log", base=2)
        axes.set_xticks(found.asked.rates, [f"{rate:g}x" for rate in found.asked.rates])
        axes.minorticks_off()
        if names is not steps:
            axes.set_yscale("log", base=2)
            axes.yaxis.set_major_formatter(plain_tick)
        axes.set_xlabel("rate")
        axes.set_ylabel(label)
        axes.grid(visible=True, alpha=0.3)
    panels[0].legend(fontsize="small")
    if len(steps) > 1:
        for name in steps:
            words, style = STEPS[name]
            panels[2].plot([], [], "-" if name == steps[-1] else style, color="grey", label=words)
        handles, names = panels[2].get_legend_handles_labels()
        shown_by = handles[-len(steps) :], names[-len(steps) :]
        above: dict[str, Any] = {"loc": "lower right", "bbox_to_anchor": (1, 1), "frameon": False}
        panels[2].legend(*shown_by, fontsize="small", ncols=len(steps), borderpad=0, **above)


def _time(found: SparsityStudy) -> str:
    """Return what a speed-up is told by."""
    if all(row.cycles for row in found.rows):
        return "estimated cycles"
    return "instructions" if all(row.instructions for row in found.rows) else "measured time"
