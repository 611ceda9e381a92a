"""Estimate the cycles of the official models, and hold them against what they must be.

    TINYBENCH_MIRROR=DIR python -m tests.bench.cycles [--board mps2-an386|nucleo-l4r5]

A task whose official model is in no mirror is estimated with the model of the package, of which
nothing is demanded.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tests.official import model_path
from tinybench.datasets.fetch import mirror_folder
from tinybench.runner.build.board import load_board
from tinybench.runner.build.firmware import build
from tinybench.runner.build.inputs import resolve
from tinybench.runner.build.task import load_task
from tinybench.runner.cycles.estimate import estimate
from tinybench.runner.results.cycles import Cycles

BOARDS = ("mps2-an386", "nucleo-l4r5")
CYCLES_MUST = {"kws": 4.6e6, "vww": 8.5e6, "ic": 16.5e6, "ic02": 80e6, "ad": 0.48e6}
"""Of nucleo-l4r5, estimated: below the best published of real boards with this core."""


class Estimated(NamedTuple):
    """One task on one board."""

    board: str
    task: str
    official: bool
    cycles: Cycles
    tensor_ram_b: int

    @property
    def must(self) -> float | None:
        """Return the most cycles that it may take."""
        return CYCLES_MUST[self.task] if self.board == "nucleo-l4r5" and self.official else None


def estimated(boards: Sequence[str]) -> Iterator[Estimated]:
    """Yield each task on each board."""
    mirror = mirror_folder()
    for name in boards:
        board = load_board(name, emulate=name.startswith("nucleo"))
        for task_name in CYCLES_MUST:
            task = load_task(task_name)
            inputs = resolve(task)
            official = None if mirror is None else model_path(mirror, task.model)
            there = official is not None and official.is_file()
            image = build(board, task, official if official and there else inputs.model)
            data = inputs.samples.samples[0].windows()[0]
            found = estimate(board, image, data).whole
            ram_b = 0 if image.manifest is None else image.manifest.tensor_ram_b
            yield Estimated(name, task_name, there, found, ram_b)


def main(words: Sequence[str] | None = None) -> int:
    """Print a line a task; status 1 where one takes more than it may."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--board", choices=BOARDS, action="append")
    said = parser.parse_args(words)
    print(
        "board        task  model     instructions  est. cycles         low        high        must"
        "  tensor RAM (bytes)"
    )
    missed = 0
    for one in estimated(said.board or BOARDS):
        found = one.cycles
        missed += one.must is not None and found.usual > one.must
        print(
            f"{one.board:<12} {one.task:<5} {'official' if one.official else 'embedded':<8} "
            f"{found.instructions:>13,} {found.usual:>12,} {found.low:>11,} {found.high:>11,} "
            f"{'' if one.must is None else f'{one.must:,.0f}':>11} {one.tensor_ram_b:>19,}"
        )
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
