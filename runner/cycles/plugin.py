"""The plugin of QEMU's that counts what a core executes: built, started, and what it wrote read.

Ref: firmware/cycles/plugin.c, which says what it takes and writes.
"""

import re
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from tinybench import host_library
from tinybench.errors import ProtocolError
from tinybench.files import DOCUMENT_MOST_B, read_bytes

from .core import Memory

INSTRUCTIONS_MOST = 2_000_000
"""In all blocks together: more than any microcontroller's flash holds."""
NO_PLUGINS = re.compile(r"(?i)-plugin: |plugin.*(?:not|un)supported|not compiled .*plugin")
"""What a QEMU says that was built without plugins."""
_BLOCK = re.compile(rb"block ([0-9a-f]{1,8}) ([1-9][0-9]{0,2}) ([1-9][0-9]{0,14})")
_TOTAL = re.compile(rb"total" + rb" ([0-9]{1,15})" * 5)


class Counts(NamedTuple):
    """What was executed between a function's entry and its return."""

    blocks: dict[tuple[int, int], int]
    """Executions by address and number of instructions."""
    taken: int
    """Branches."""
    unaligned: int
    """Accesses to memory."""
    code_next: int
    """Lines of code that the cache had not, right behind the one before."""
    code_far: int
    """... elsewhere."""
    data: int
    """Lines of constants that it had not."""


def built() -> Path:
    """Return the plugin, which is built once and kept in the cache.

    Raises ToolMissingError where there is no compiler, BuildError with the compiler's words.
    """
    return host_library.built(
        Path(str(files("tinybench.firmware"))) / "cycles" / "plugin.c",
        "cycles",
        "plugin",
        "the plugin that counts cycles",
        "cannot estimate cycles: no C compiler for the plugin of QEMU's that counts them",
    )


def words(
    plugin: Path, out: Path, start: int, memory: Memory | None, *flash: range, veneer: int = 0
) -> list[str]:
    """Return what QEMU is told so that it counts a function at `start` into the file `out`.

    `flash`: where it is read; a second range where data is read elsewhere than code. `veneer`: the
    linker's way to the function, where a call does not reach it.
    """
    said = [str(plugin), f"out={out}", f"start={start:#x}"]
    said += [f"veneer={veneer:#x}"] if veneer else []
    if memory is not None:
        said += [
            *(f"flash={one.start:#x}:{one.stop:#x}" for one in flash),
            f"line={memory.line_b}",
            f"code={memory.code_lines}",
            f"data={memory.data_lines}",
        ]
        said += [f"ways={memory.ways}"] if memory.ways else []
        said += ["unified=1"] if memory.unified else []
    return ["-plugin", ",".join(word.replace(",", ",,") for word in said)]


def read_counts(path: Path) -> list[Counts]:
    """Read what the plugin wrote, one for each time that the function returned.

    Raises ProtocolError for a file that is missing or holds anything else.
    """
    try:
        raw = read_bytes(path, DOCUMENT_MOST_B)
    except OSError as error:
        raise ProtocolError(f"the plugin that counts cycles wrote nothing: {error}") from error
    return parse_counts(raw)


def as_text(counts: Iterable[Counts]) -> bytes:
    """Return counts as the plugin writes them."""
    lines: list[str] = []
    for one in counts:
        lines += [f"block {at:x} {count} {times}" for (at, count), times in one.blocks.items()]
        lines.append(" ".join(map(str, ("total", *one[1:]))))
    return "".join(f"{line}\n" for line in lines).encode()


def parse_counts(raw: bytes) -> list[Counts]:
    """Return the counts in what the plugin wrote. Raises ProtocolError for any other line."""
    found: list[Counts] = []
    blocks: dict[tuple[int, int], int] = {}
    instructions = 0
    for number, line in enumerate(raw.splitlines(keepends=True), 1):
        whole = line.removesuffix(b"\n")
        if block := _BLOCK.fullmatch(whole):
            at = int(block[1], 16), int(block[2])
            blocks[at] = blocks.get(at, 0) + int(block[3])
            instructions += at[1]
            if instructions > INSTRUCTIONS_MOST:
                raise ProtocolError(
                    f"the blocks that a plugin counted have over {INSTRUCTIONS_MOST} instructions"
                )
        elif (total := _TOTAL.fullmatch(whole)) and blocks and whole != line:
            found.append(Counts(blocks, *(int(digits) for digits in total.groups())))
            blocks = {}
        else:
            raise ProtocolError(
                f"line {number} of what the plugin that counts cycles wrote is {line[:80]!r}; "
                "wanted 'block ADDRESS INSTRUCTIONS EXECUTIONS' or 'total' and five counts"
            )
    if blocks:
        raise ProtocolError("what the plugin that counts cycles wrote ends without its total")
    return found
