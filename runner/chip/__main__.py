"""The process that stands for a chip; its line is its standard input and output.

python -m tinybench.runner.chip CHIP IMAGE INSTRUCTION_NS SOURCE_HZ [ORIGIN:SIZE:r|rw ...]
"""

import sys
from pathlib import Path

from tinybench.declare import find, load, named
from tinybench.errors import TinybenchError, UsageError

from .declaration import Chip, Region
from .image import read_image
from .machine import Machine, main_loop


def main(words: list[str]) -> int:
    """Run an image on a chip. Returns the exit status."""
    try:
        machine = _machine(*words)
    except (TinybenchError, TypeError, ValueError) as error:
        _say(str(error))
        return 2
    return main_loop(machine, _say)


def _machine(name: str, image: str, instruction_ns: str, source_hz: str, *memory: str) -> Machine:
    chip = load(find("chip", name, named("firmware", "chips")), Chip)
    return Machine(
        chip,
        read_image(Path(image)),
        [_region(word) for word in memory],
        instruction_ns=int(instruction_ns),
        source_hz=int(source_hz),
    )


def _region(word: str) -> Region:
    origin, _, rest = word.partition(":")
    size_b, _, access = rest.partition(":")
    if access not in ("r", "rw"):
        raise UsageError(f"'{word}' is no memory: wanted ORIGIN:SIZE:r or ORIGIN:SIZE:rw")
    return Region(origin=int(origin, 0), size_b=int(size_b, 0), writes=access == "rw")


def _say(words: str) -> None:
    sys.stderr.write(f"{words}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
