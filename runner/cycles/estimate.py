"""Estimate the cycles of an inference: a short session of its own, in an emulator that counts.

The measured run knows nothing of it: its emulator has no plugin.
"""

import contextlib
from collections.abc import Callable
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from tinybench.errors import (
    DeclarationError,
    ProtocolError,
    ToolMissingError,
    TransportError,
    UsageError,
)
from tinybench.files import write_whole
from tinybench.scratch import scratch
from tinybench.transport.process import ProcessTransport

from ..build.board import Board
from ..build.firmware import Image
from ..dut.client import Dut
from ..results.cycles import Cycles
from . import plugin
from .code import functions, parse_code, read_image
from .core import Memory, core_file, memory_file
from .kept import calibration_file
from .plugin import Counts
from .price import Clocked, amounts, declared, price

INFER, LAYER = "model_infer", "model_infer_layer"
"""The engine's functions that are counted. Ref: firmware/core/model.h."""
VENEER = "__{}_veneer"
"""What GNU ld calls its way to a function that a call does not reach."""
LAYERS_TIMEOUT_S = 600.0
STREAM = "stream-"
"""What `caps` say of firmware that hears. Ref: docs/stream.md."""


class Estimate(NamedTuple):
    """Cycles of one inference, and of its layers."""

    whole: Cycles
    layers: list[Cycles]
    """One after the other; none where the engine has no layers."""
    counts: Counts
    """What the whole executed."""
    amounts: dict[str, int]
    """How often each price was paid in it."""


def can_estimate(board: Board) -> bool:
    """Return whether there is what an estimate needs: an emulator that counts, declared timings."""
    return board.plugs and board.cycles is not None and board.clock_hz > 0


def estimate(
    board: Board, image: Image, data: bytes, *, layers: bool = False, calibrated: bool = True
) -> Estimate:
    """Estimate one inference on an input, behind another that fills the caches.

    `calibrated`: by the user's calibration of this board, where there is one.

    Raises UsageError for a board of which no timings are declared, ToolMissingError where the
    plugin cannot be built or QEMU takes none, and any BenchError.
    """
    if board.cores > 1:
        raise UsageError(
            f"cycles are estimated of one core, and two compute on board {board.name}: --cores 1"
        )
    if board.cycles is None or not can_estimate(board):
        raise UsageError(
            f"cycles cannot be estimated for board {board.name}: it has no table [cycles], or is "
            "not emulated here. docs/cycles.md says what its declaration needs"
        )
    clocked = of_board(board, calibrated=calibrated)
    raw = read_image(Path(image.elf))
    code, starts = parse_code(raw), functions(raw)
    one = _counted(board, image, starts, clocked.memory, INFER, data)
    parts = _counted(board, image, starts, clocked.memory, LAYER, data) if layers else []
    paid = amounts(clocked, code, one[-1])
    try:
        whole, *each = (price(clocked, code, part) for part in (one[-1], *parts))
    except DeclarationError as error:
        if clocked.calibration is None:
            raise
        raise DeclarationError(f"{calibration_file(board.name)}: {error}") from error
    return Estimate(whole, each, one[-1], paid)


def estimate_function(
    board: Board, image: Image, function: str, data: bytes, ask: Callable[[Dut], None]
) -> Cycles:
    """Estimate the last of the calls of a function of the firmware that `ask` brings about.

    It is given a DUT that has inferred `data`. Raises what `estimate` raises.
    """
    if not can_estimate(board):
        raise UsageError(f"cycles cannot be estimated for board {board.name}: see docs/cycles.md")
    clocked = of_board(board, calibrated=True)
    raw = read_image(Path(image.elf))
    found = _counted(board, image, functions(raw), clocked.memory, function, data, ask)
    return price(clocked, parse_code(raw), found[-1])


def of_board(board: Board, *, calibrated: bool) -> Clocked:
    """Load the timings that a board declares, with its calibration where it has one.

    Raises UsageError for a board without, DeclarationError, OSError.
    """
    timed = board.cycles
    if timed is None or not board.clock_hz:
        raise UsageError(f"board {board.name}: no table [cycles] and no clock, so no model of it")
    return declared(
        core_file(timed.core),
        None if timed.memory is None else memory_file(timed.memory),
        board.clock_hz,
        timed,
        calibration_file(board.name) if calibrated else None,
    )


def _flash(board: Board) -> list[range]:
    """Return where flash is read: as code and, where that is another place, as data."""
    there = board.memory
    if there is None:
        return []
    origins = [there.flash_origin]
    if there.constants_origin not in (None, there.flash_origin):
        origins.append(there.constants_origin)
    return [range(first, first + there.flash_size_b) for first in origins]


def _counted(
    board: Board,
    image: Image,
    starts: dict[str, int],
    memory: Memory | None,
    function: str,
    data: bytes,
    ask: Callable[[Dut], None] | None = None,
) -> list[Counts]:
    """Return what a function executed: in an inference once or for each layer, or as `ask` has it.


    Kept in the cache, for the same image and input give the same.
    """
    start = starts.get(function)
    if start is None:
        raise ProtocolError(f"{image.elf} has no function {function}, so that nothing is counted")
    flash, veneer = _flash(board), starts.get(VENEER.format(function), 0)
    so = plugin.built()
    made_of = (
        *board.command(""),
        image.elf_sha256,
        sha256(data).hexdigest(),
        *plugin.words(so, Path(), start, memory, *flash, veneer=veneer),
    )
    kept = so.parent / f"counts-{sha256(chr(0).join(made_of).encode()).hexdigest()[:32]}"
    with contextlib.suppress(ProtocolError):
        return plugin.read_counts(kept)
    with scratch() as folder:
        out = folder / "counts"
        more = plugin.words(so, out, start, memory, *flash, veneer=veneer)
        try:
            with closing(ProcessTransport([*board.command(image.elf), *more])) as line:
                dut = Dut(line)
                hears = any(word.startswith(STREAM) for word in dut.handshake().caps)
                if hears:  # else each frame would be the first of a stream, which takes long
                    dut.keep_state(True)
                dut.infer(data, 1, 1)
                wanted, inferences = 1, 2
                if ask is not None:
                    ask(dut)
                    inferences = 1
                elif function == LAYER:
                    wanted = len(dut.command("profile-layers 2", LAYERS_TIMEOUT_S))
        except TransportError as error:
            if plugin.NO_PLUGINS.search(str(error)):
                raise ToolMissingError(
                    f"cannot estimate cycles: this QEMU takes no plugins ({error}); install one "
                    "that does, such as Debian's"
                ) from error
            raise
        found = plugin.read_counts(out)
    if len(found) < inferences * wanted:
        raise ProtocolError(
            f"the plugin counted {function} {len(found)} times, wanted {inferences * wanted} or "
            "more"
        )
    last = found[len(found) - wanted :]
    with contextlib.suppress(OSError):  # it is counted again, then
        write_whole(kept, plugin.as_text(last))
    return last
