"""Hold the estimate of cycles against an independent one of the same firmware, task by task.

    python -m tests.bench.cycles [--board mps2-an386|nucleo-l4r5]

The other estimate priced the same instructions by another program, whose blocks a disassembler of
others (capstone) took apart. Two programs that agree read the manual alike; whether a chip agrees
with the manual, a board alone can say.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tinybench.runner.build.board import load_board
from tinybench.runner.build.firmware import build
from tinybench.runner.build.inputs import resolve
from tinybench.runner.build.task import load_task
from tinybench.runner.cycles.estimate import estimate
from tinybench.runner.results.cycles import Cycles

OTHER = {
    "mps2-an386": {"kws": 4.98e6, "vww": 14.89e6, "ic": 20.28e6, "ad": 0.510e6},
    "nucleo-l4r5": {"kws": 5.34e6, "vww": 16.13e6, "ic": 22.07e6, "ad": 0.609e6},
}
"""Cycles of the other estimate: zero wait, and five wait states of a flash of 128 bits."""
MOST = 0.05
"""Farthest that the two may be apart, as a share."""


class Compared(NamedTuple):
    """One task on one board."""

    board: str
    task: str
    cycles: Cycles
    other: float

    @property
    def differs(self) -> float:
        """How far from the other estimate, as a share."""
        return self.cycles.usual / self.other - 1


def compared(boards: Sequence[str]) -> Iterator[Compared]:
    """Yield each task on each board."""
    for name in boards:
        board = load_board(name, emulate=name.startswith("nucleo"))
        for task_name, other in OTHER[name].items():
            task = load_task(task_name)
            inputs = resolve(task)
            image = build(board, task, inputs.model)
            data = inputs.samples.samples[0].windows()[0]
            yield Compared(name, task_name, estimate(board, image, data).whole, other)


def main(words: Sequence[str] | None = None) -> int:
    """Print a line a task; status 1 where the two are farther apart than they may be."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--board", choices=OTHER, action="append")
    said = parser.parse_args(words)
    print(
        "board        task  instructions  est. cycles         low        high       other  differs"
    )
    worst = 0.0
    for one in compared(said.board or list(OTHER)):
        worst = max(worst, abs(one.differs))
        found = one.cycles
        print(
            f"{one.board:<12} {one.task:<4} {found.instructions:>13,} {found.usual:>12,} "
            f"{found.low:>11,} {found.high:>11,} {one.other:>11,.0f} {one.differs:>+8.1%}"
        )
    print(f"cycles.worst_difference {worst:.3f}, may be {MOST}")
    return 0 if worst <= MOST else 1


if __name__ == "__main__":
    sys.exit(main())
