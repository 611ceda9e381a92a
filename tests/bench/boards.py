"""Real boards without one: what each task takes in emulation, and what else is proved of them.

    python -m tests.bench.boards [--each] [--published] [--task TASK] [BOARD ...]

With boards, or --each for all, only what each task takes on these, by the official model where the
mirror or the cache has it, and each line says which; with --published, only the
estimates of boards that others have measured, beside the least latency that was published for them
(of TINYBENCH_MIRROR, or of what `tinybench fetch published` brought).
"""

import argparse
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from tests import ROOT
from tests.bench.cycles import (
    CODE_FLASH_MUST_B,
    CYCLES_MUST,
    INSTRUCTIONS_MUST,
    official_model,
)
from tests.bench.figures import Figure
from tests.firmware import esp32_chips, fake_chip, register_esp32
from tests.firmware.register_families import FAMILIES, broken_checks, checks, of, record
from tinybench.declare import load
from tinybench.errors import ModelError, TinybenchError
from tinybench.runner.build.board import Board, load_board, names
from tinybench.runner.build.firmware import Image, build
from tinybench.runner.build.inputs import resolve
from tinybench.runner.build.task import load_task
from tinybench.runner.compare.published import table as published
from tinybench.runner.cycles.estimate import can_estimate, estimate
from tinybench.runner.dut.client import Dut
from tinybench.transport.process import ProcessTransport

MODEL = ROOT / "models" / "embedded" / "kws01.tflite"
FAMILIES_MUST, DECLARED_MUST = 11, 30
TOO_MANY = re.compile(r"(\d+) bytes too many for (FLASH|RAM|ITCM|DTCM)")
BESIDE = {"nucleo-h7a3zi-q": "H7A3ZI", "nucleo-u575zi-q": "U575ZI", "nucleo-l4r5zi-p": "L4R5ZI"}
"""Boards, and what the names of their published systems have in common but for - and _."""
NEEDS = re.compile(r"bytes of (flash|RAM|DTCM)\b.*?: (\d+) too many")


def figures() -> list[Figure]:
    """Return what boards there are, what of them is proved, and what each task takes on chips."""
    boards = [load(path, Board) for path in names().values()]
    built = [board for board in boards if board.toolchain is not None]
    orders = _registers(boards)
    passed, total = (
        sum(int(value) for value in values)
        for values in ([one.value for one in orders], [one.must or 0 for one in orders])
    )
    families = {board.family for board in built}
    where = f"of {total}, all families"
    return [
        Figure("boards.families", len(families), "1", FAMILIES_MUST, "ports", better="higher"),
        Figure("boards.declared", len(boards), "1", DECLARED_MUST, "files", better="higher"),
        Figure("boards.register_checks", passed, "1", total, where, better="higher"),
        *orders,
        _built(built),
        *on_chips(real(boards)),
        *beside_published(),
    ]


def real(boards: Sequence[Board]) -> list[str]:
    """Return the boards that people own, but for those that `make bench` runs whole."""
    return [one.name for one in boards if one.attached and one.name not in INSTRUCTIONS_MUST]


def beside_published(tasks: Sequence[str] = tuple(CYCLES_MUST)) -> Iterator[Figure]:
    """Yield estimated latencies of our kernels over the least published ones of the same board.

    Of the closed division. The firmware is another one, so this is no error of the estimate.
    """
    with tempfile.TemporaryDirectory() as folder:
        table = published.load() or published.fetch((), Path(folder))
    for name, system in BESIDE.items():
        board = load_board(name, emulate=True)
        for task_name in tasks:
            known = [
                (entry.latency_s, entry)
                for entry in table.entries
                if entry.task == task_name
                and entry.division == "closed"
                and system in entry.system.upper().replace("-", "").replace("_", "")
                and entry.latency_s
            ]
            if not known:
                continue
            best_s, best = min(known, key=lambda one: one[0])
            task = load_task(task_name)
            inputs = resolve(task, None, official_model(task.model))
            try:
                image = build(board, task, inputs.model)
            except ModelError as error:
                missing_b, where = lacks(str(error))
                yield Figure(f"lacks_b.{name}.{task_name}", missing_b, "B", None, where)
                continue
            data = inputs.samples.samples[0].windows()[0]
            cycles = estimate(board, image, data, calibrated=False).whole
            low, usual, high = (
                one / board.clock_hz * 1e3 for one in (cycles.low, cycles.usual, cycles.high)
            )
            where = (
                f"estimated {usual:.2f} ms ({low:.2f} to {high:.2f}), over {best_s * 1e3:.2f} ms "
                f"measured by {best.submitter}, v{best.round}, {best.system}"
            )
            yield Figure(
                f"beside_published.{name}.{task_name}",
                round(usual / best_s / 1e3, 3),
                "1",
                None,
                where,
            )


def on_chips(boards: Sequence[str], tasks: Sequence[str] = tuple(CYCLES_MUST)) -> Iterator[Figure]:
    """Yield what each task takes on each of these boards, emulated; or what it lacks there."""
    for name in boards:
        board = load_board(name, emulate=True)
        for task_name in tasks:
            task = load_task(task_name)
            inputs = resolve(task, None, official_model(task.model))
            at = f"{name}.{task_name}"
            try:
                image = build(board, task, inputs.model)
            except ModelError as error:
                missing_b, where = lacks(str(error))
                yield Figure(f"lacks_b.{at}", missing_b, "B", None, where)
                continue
            yield Figure(
                f"ram_b.{at}", image.ram_b, "B", None, "whole firmware, its stack included"
            )
            yield Figure(f"flash_b.{at}", image.flash_b, "B", None, "whole firmware with weights")
            if (code_b := image.code_flash_b) is not None:
                yield Figure(
                    f"code_flash_b.{at}", code_b, "B", CODE_FLASH_MUST_B, "without weights"
                )
            try:
                data = inputs.samples.samples[0].windows()[0]
                yield from _taken(board, image, at, data, f"{inputs.model_origin} model")
            except TinybenchError as error:  # the other rows are as they are
                yield Figure(f"failed.{at}", 1, "1", 0, str(error))


def lacks(words: str) -> tuple[int, str]:
    """Return how many bytes a model lacks on a board at least, and of what; of flash and RAM, the
    first. Raises ValueError for words that say neither."""
    if found := TOO_MANY.search(words):
        return int(found[1]), f"does not fit: {found[2]}"
    if found := NEEDS.search(words):
        return int(found[2]), f"does not fit: {found[1]}, the model alone"
    raise ValueError(f"a model does not fit, and these words do not say by how much: {words}")


def _taken(board: Board, image: Image, at: str, data: bytes, of: str) -> Iterator[Figure]:
    """Yield the instructions of an inference, and its cycles where there are timings."""
    where = f"emulated, exact, one inference, {of}"
    if can_estimate(board):
        cycles = estimate(board, image, data, calibrated=False).whole
        yield Figure(f"instructions.{at}", cycles.instructions, "1", None, where)
        bounds = f"estimated, {cycles.low:,} to {cycles.high:,}, {of}"
        yield Figure(f"cycles.{at}", cycles.usual, "1", None, bounds)
        return
    with closing(ProcessTransport(board.command(image.elf))) as line:
        dut = Dut(line)
        dut.handshake()
        took_us = dut.infer(data, 1, 1).elapsed_us
    yield Figure(f"instructions.{at}", took_us * 1000 // board.instruction_ns, "1", None, where)


def _registers(boards: list[Board]) -> list[Figure]:
    """Run the checks on both builds of each board whose family has some."""
    found: list[Figure] = []
    for board in boards:
        if board.family in esp32_chips.CHIPS:
            found.append(_esp32(board))
        if board.family not in FAMILIES:
            continue
        family = of(board)
        passed = total = 0
        for energy in (False, True):
            with tempfile.TemporaryDirectory() as folder:
                library = fake_chip.build(board, Path(folder) / "port", energy=energy)
                log = record(family, library, energy=energy)
            count = len(checks(family, energy=energy))
            total += count
            passed += 0 if log is None else count - len(broken_checks(family, log, energy=energy))
        where = f"{family.manual}, text and energy build, of {total}"
        name = f"register_order_checks_passed.{board.name}"
        found.append(Figure(name, passed, "1", total, where, better="higher"))
    return found


def _esp32(board: Board) -> Figure:
    passed = total = 0
    for energy in (False, True):
        wires = register_esp32.wired(board, energy=energy)
        with tempfile.TemporaryDirectory() as folder:
            library = register_esp32.build(board, Path(folder) / "port", energy=energy)
            log = register_esp32.record(wires, library, energy=energy)
        count = len(register_esp32.checks(wires))
        total += count
        broken = count if log is None else len(register_esp32.broken_checks(wires, log))
        passed += count - broken
    where = f"{esp32_chips.CHIPS[board.family].manual}, text and energy build, of {total}"
    name = f"register_order_checks_passed.{board.name}"
    return Figure(name, passed, "1", total, where, better="higher")


def _built(boards: list[Board]) -> Figure:
    """Build the keyword model for each board, as the Makefile does, with -Werror."""
    done = 0
    for board in boards:
        try:
            build(board, load_task("kws"), MODEL)
        except TinybenchError as error:
            print(f"{board.name}: {error}")
        else:
            done += 1
    where = "with the keyword model, -Wall -Wextra -Wconversion -Werror"
    return Figure("boards_built", done, "1", len(boards), where, better="higher")


def main(words: Sequence[str] | None = None) -> int:
    """Print a line a figure; one that is not what it must be is marked, and no failure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("board", nargs="*")
    parser.add_argument("--each", action="store_true")
    parser.add_argument("--published", action="store_true")
    parser.add_argument("--task", action="append", choices=list(CYCLES_MUST))
    said = parser.parse_args(words)
    tasks = said.task or tuple(CYCLES_MUST)
    named = real([load(path, Board) for path in names().values()]) if said.each else said.board
    found = on_chips(named, tasks) if named else beside_published(tasks)
    for one in found if named or said.published else figures():
        mark = "MISS" if one.missed else ""
        print(
            f"{one.name:<45} {one.value:>12,.12g} {one.unit:<5} {mark:<5} {one.where}", flush=True
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
