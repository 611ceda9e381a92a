"""The process that stands for a chip; its line is its standard input and output.

python -m tinybench.runner.chip CHIP IMAGE INSTRUCTION_NS SOURCE_HZ [ORIGIN:SIZE:r|rw ...]
    [-plugin PLUGIN,WORD,...]
"""

import sys
from pathlib import Path

from tinybench.declare import find, load, named
from tinybench.errors import TinybenchError, UsageError

from .declaration import Chip, Region
from .image import read_image
from .machine import Machine, main_loop
from .riscv import RiscvMachine

PLUGIN = "-plugin"
"""As QEMU is told. Ref: runner/cycles/plugin.py."""


def main(words: list[str]) -> int:
    """Run an image on a chip. Returns the exit status."""
    try:
        machine = _machine(*words)
    except (TinybenchError, TypeError, ValueError) as error:
        _say(str(error))
        return 2
    return main_loop(machine, _say)


def _machine(name: str, image: str, instruction_ns: str, source_hz: str, *words: str) -> Machine:
    memory, plugin = words, ""
    if words[-2:-1] == (PLUGIN,):
        memory, plugin = words[:-2], words[-1]
    chip = load(find("chip", name, named("firmware", "chips")), Chip)
    read = read_image(Path(image))
    riscv = chip.cpu == "rv32" or (chip.riscv is not None and read.machine == RiscvMachine.KIND)
    kind = RiscvMachine if riscv else Machine
    return kind(
        chip,
        read,
        [_region(word) for word in memory],
        instruction_ns=int(instruction_ns),
        source_hz=int(source_hz),
        plugin=plugin,
    )


def _region(word: str) -> Region:
    origin, _, rest = word.partition(":")
    size_b, _, access = rest.partition(":")
    access, _, same_as = access.partition("@")
    if access not in ("r", "rw"):
        raise UsageError(f"'{word}' is no memory: wanted ORIGIN:SIZE:r, :rw, or :r@ORIGIN")
    return Region(
        origin=int(origin, 0),
        size_b=int(size_b, 0),
        writes=access == "rw",
        same_as=int(same_as, 0) if same_as else None,
    )


def _say(words: str) -> None:
    sys.stderr.write(f"{words}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
