"""Print the estimated cycles of our kernels, task by task, beside what they must be.

    python -m tests.bench.cycles [--board BOARD] [--task TASK]

Both may be repeated; without them nucleo-l4r5, and kws, vww, ic and ad. The models are the official
ones where they were fetched, else those in the package. An image and what it executes are kept in
the cache, so that only what has changed is built and counted again. `make bench` has the same
figures of every board.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tests.bench.__main__ import CYCLES_MUST, INSTRUCTIONS_MUST
from tinybench.cache import cache_folder
from tinybench.models.declaration import load_model
from tinybench.runner.build.board import load_board
from tinybench.runner.build.firmware import build
from tinybench.runner.build.inputs import resolve
from tinybench.runner.build.task import load_task
from tinybench.runner.cycles.estimate import estimate
from tinybench.runner.results.cycles import Cycles

BOARDS, TASKS = ("nucleo-l4r5",), ("kws", "vww", "ic", "ad")


class Estimated(NamedTuple):
    """One task on one board."""

    name: str
    model: str
    """Where the model came from."""
    cycles: Cycles
    macs: int
    """Those that are computed."""
    must: float | None
    instructions_must: float | None


def estimated(boards: Sequence[str], tasks: Sequence[str]) -> Iterator[Estimated]:
    """Yield each task on each board, by the declared timings alone."""
    for board_name in boards:
        board = load_board(board_name, emulate=True)
        for task_name in tasks:
            task = load_task(task_name)
            source = load_model(task.model).source
            official = cache_folder() / source.address if source else None
            there = official is not None and official.is_file()
            inputs = resolve(task, None, official if there else None)
            image = build(board, task, inputs.model)
            data = inputs.samples.samples[0].windows()[0]
            assert image.manifest is not None
            yield Estimated(
                f"cycles.{board_name}.{task_name}",
                inputs.model_origin,
                estimate(board, image, data, calibrated=False).whole,
                image.manifest.computed_macs or image.manifest.macs,
                CYCLES_MUST.get(task_name) if board_name == "nucleo-l4r5" else None,
                INSTRUCTIONS_MUST.get(board_name, {}).get(task_name),
            )


def main(words: Sequence[str] | None = None) -> int:
    """Print a line a task; a figure that is not what it must be is marked, and no failure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--board", action="append")
    parser.add_argument("--task", action="append")
    said = parser.parse_args(words)
    print(
        f"{'estimated':<26} {'cycles':>12} {'low':>12} {'high':>12} {'must':>12} {'per MAC':>7} "
        f"{'instructions':>13} {'must':>12}  model"
    )
    for one in estimated(said.board or BOARDS, said.task or TASKS):
        found = one.cycles
        print(
            f"{one.name:<26} {found.usual:>12,} {found.low:>12,} {found.high:>12,} "
            f"{_must(found.usual, one.must):>12} {found.usual / max(1, one.macs):>7.2f} "
            f"{found.instructions:>13,} {_must(found.instructions, one.instructions_must):>12}  "
            f"{one.model}",
            flush=True,
        )
    return 0


def _must(value: float, must: float | None) -> str:
    """Return what a figure must be, marked where it is more."""
    return "-" if must is None else f"{'not ' * (value > must)}{must:,.0f}"


if __name__ == "__main__":
    sys.exit(main())
