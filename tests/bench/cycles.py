"""Print the estimated cycles of our kernels, task by task, beside what they must be.

    python -m tests.bench.cycles [--board BOARD] [--task TASK] [--layers]

Both may be repeated; without them nucleo-l4r5, and the five tasks. With `--layers` each layer, and
what each kernel takes for a multiply-accumulate. The models are the official ones
of TINYBENCH_MIRROR, or where they were fetched, else those in the package. An image and what it
executes are kept in the cache, so that only what has changed is built and counted again. `make
bench` has the same figures of every board.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.official import model_path
from tinybench.cache import cache_folder
from tinybench.datasets.fetch import mirror_folder
from tinybench.models.compiler import Manifest
from tinybench.models.declaration import load_model
from tinybench.runner.build.board import load_board
from tinybench.runner.build.firmware import build
from tinybench.runner.build.inputs import resolve
from tinybench.runner.build.task import load_task
from tinybench.runner.cycles.estimate import estimate
from tinybench.runner.measure.profile import steps_of
from tinybench.runner.results.cycles import Cycles

BOARDS = ("nucleo-l4r5",)
CYCLES_MUST = {"kws": 4.6e6, "vww": 8.5e6, "ic": 16.5e6, "ic02": 80e6, "ad": 0.48e6}
"""Of nucleo-l4r5, estimated: below the best published of real boards with this core."""
_M4 = {"kws": 6.3e6, "vww": 16e6, "ic": 23e6, "ic02": 112e6, "ad": 0.50e6}
INSTRUCTIONS_MUST = {
    "mps2-an385": {"kws": 7.2e6, "vww": 12.5e6, "ic": 28e6, "ic02": 140e6, "ad": 0.70e6},
    "mps2-an386": _M4,
    "mps2-an500": _M4,
    "mps2-an505": _M4,
    "mps3-an547": {"kws": 0.80e6, "vww": 1.9e6, "ic": 2.6e6, "ic02": 10.5e6, "ad": 0.055e6},
    "nucleo-l4r5": _M4,
    "stm32-h405": _M4,
    "qemu-riscv32": {"kws": 9.72e6, "vww": 16.9e6, "ic": 37.8e6, "ic02": 189e6, "ad": 0.945e6},
}
"""Of each board, counted."""
CODE_FLASH_MUST_B = 28e3
"""Of the firmware without weights, on any board."""


class Layer(NamedTuple):
    """One operator, or all that a kernel computes."""

    name: str
    kernel: str
    macs: int
    """Those that are computed."""
    cycles: int
    instructions: int


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
    layers: list[Layer]
    """In their order, where they were asked for."""


def estimated(
    boards: Sequence[str], tasks: Sequence[str], *, layers: bool = False
) -> Iterator[Estimated]:
    """Yield each task on each board, by the declared timings alone."""
    for board_name in boards:
        board = load_board(board_name, emulate=True)
        for task_name in tasks:
            task = load_task(task_name)
            inputs = resolve(task, None, official_model(task.model))
            image = build(board, task, inputs.model)
            data = inputs.samples.samples[0].windows()[0]
            assert image.manifest is not None
            found = estimate(board, image, data, layers=layers, calibrated=False)
            yield Estimated(
                f"cycles.{board_name}.{task_name}",
                inputs.model_origin,
                found.whole,
                image.manifest.computed_macs or image.manifest.macs,
                CYCLES_MUST.get(task_name) if board_name == "nucleo-l4r5" else None,
                INSTRUCTIONS_MUST.get(board_name, {}).get(task_name),
                _layers(image.manifest, found.layers),
            )


def _layers(manifest: Manifest, each: Sequence[Cycles]) -> list[Layer]:
    """Return the operators with what all calls of their kernels take; none without `each`."""
    calls: dict[int, list[Cycles]] = {}
    for index, cycles in zip(steps_of(manifest).order, each, strict=True) if each else ():
        calls.setdefault(index, []).append(cycles)
    return [
        Layer(
            f"{entry.index} {entry.operator} {'x'.join(map(str, entry.output_shape))}",
            entry.kernel,
            entry.macs if entry.computed_macs is None else entry.computed_macs,
            sum(cycles.usual for cycles in calls[entry.index]),
            sum(cycles.instructions for cycles in calls[entry.index]),
        )
        for entry in manifest.operators
        if entry.index in calls
    ]


def by_kernel(layers: Sequence[Layer]) -> list[Layer]:
    """Return what each kernel takes in all layers that it computes."""
    kernels = dict.fromkeys(layer.kernel for layer in layers)
    return [
        Layer(
            "all",
            kernel,
            sum(layer.macs for layer in of),
            sum(layer.cycles for layer in of),
            sum(layer.instructions for layer in of),
        )
        for kernel in kernels
        for of in [[layer for layer in layers if layer.kernel == kernel]]
    ]


def official_model(model: str) -> Path | None:
    """Return the official model, of the mirror or of the cache; None where it is not there."""
    mirror, source = mirror_folder(), load_model(model).source
    if mirror is not None:
        path = model_path(mirror, model)
    else:
        path = cache_folder() / source.address if source else None
    return path if path is not None and path.is_file() else None


def main(words: Sequence[str] | None = None) -> int:
    """Print a line a task; a figure that is not what it must be is marked, and no failure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--board", action="append")
    parser.add_argument("--task", action="append")
    parser.add_argument("--layers", action="store_true")
    said = parser.parse_args(words)
    print(
        f"{'estimated':<26} {'cycles':>12} {'low':>12} {'high':>12} {'must':>12} {'per MAC':>7} "
        f"{'instructions':>13} {'must':>12}  model"
    )
    tasks = said.task or tuple(CYCLES_MUST)
    for one in estimated(said.board or BOARDS, tasks, layers=said.layers):
        found = one.cycles
        print(
            f"{one.name:<26} {found.usual:>12,} {found.low:>12,} {found.high:>12,} "
            f"{_must(found.usual, one.must):>12} {found.usual / max(1, one.macs):>7.2f} "
            f"{found.instructions:>13,} {_must(found.instructions, one.instructions_must):>12}  "
            f"{one.model}",
            flush=True,
        )
        for layer in (*one.layers, *by_kernel(one.layers)):
            each = "".join(
                f"{value:>12,} {value / layer.macs if layer.macs else 0:>6.2f}"
                for value in (layer.cycles, layer.instructions)
            )
            print(f"  {layer.name:<34} {layer.kernel:<24} {layer.macs:>10,} {each}")
    return 0


def _must(value: float, must: float | None) -> str:
    """Return what a figure must be, marked where it is more."""
    return "-" if must is None else f"{'not ' * (value > must)}{must:,.0f}"


if __name__ == "__main__":
    sys.exit(main())
