"""Candidates of a study side by side in images, each a layer of one: run and counted."""

import ctypes
import hashlib
import subprocess
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tinybench import host_library
from tinybench.errors import (
    BenchError,
    BuildError,
    ModelError,
    ToolMissingError,
    UsageError,
)
from tinybench.files import read_bytes
from tinybench.models.compiler.anatomy import Anatomy, End
from tinybench.models.compiler.manifest import OperatorEntry
from tinybench.plural import counted
from tinybench.program import ask

from ..build.board import Board
from ..build.engine import load_engine
from ..build.firmware import build
from ..build.make.board_mk import toolchain_of
from ..build.own_task import Given, Label, engine_task
from ..cycles.estimate import can_estimate, estimate
from ..desk.flash import load
from ..desk.identity import insist_task
from ..desk.line import open_line
from ..desk.reserve import reserved
from ..dut.client import Dut
from ..dut.inference import answered
from ..measure.profile import Layer, Steps, priced, time_layers
from ..results.words import request_of
from .images import Boarded, Counted, Digest, Group, OnBoard
from .kept import keep_part
from .runs import board_of
from .shards import on_each
from .work import Work

COMPRESSED = "compressed"
"""Folder of the firmware, whose C is copied into the engine."""
FUNCTIONS = (
    *("dot_dense", "dot_robe", "robe_row", "dot_palette", "palette_row", "dot_sparse_rows"),
    *("sparse_table_row", "dot_blocks", "dot_blocks_dsp", "dot_blocks_mve", "dot_8", "put_rows"),
    *("add_eight", "add_eight_plain", "add_eight_mve", "add_four"),
    *("gather", "gather_wide", "gather_mve", "gather_wide_mve"),
)
"""Of that C, what computes weights."""
IMAGE_MOST_B, SOURCE_MOST_B = 1 << 22, 1 << 25
"""Weights of an image, of a board of any flash; as C each takes some characters."""
PER_LINE = 24
SYMBOLS_TIMEOUT_S = 20
FEWER = (
    "ask for fewer of them at a time; of an emulated board --shards deals them out to several "
    "images"
)
HARNESS = """
#define STUDY __attribute__((visibility("default")))
STUDY int study_infer(const uint8_t *in, uint32_t count, float *out) {
    for (uint32_t i = 0; i < count; i++, in += model_input_b) {
        memcpy(model_input, in, model_input_b);
        model_load();
        if (model_infer() != 0) {
            return -1;
        }
        model_finish();
        for (uint32_t r = 0; r < model_result_count; r++) {
            *out++ = model_result(r);
        }
    }
    return 0;
}
"""
ENGINE = """\
/* Written by `tinybench study {study}`: each layer is a candidate. */
#include <string.h>

#include "model.h"

#include "compressed.h"

#ifndef TB_MODEL_ID
#define TB_MODEL_ID "host"
#endif
const char model_id[] = TB_MODEL_ID;
const uint32_t model_input_b = {input_b};
uint8_t model_input[{input_b}] __attribute__((aligned(4)));
const uint8_t model_input_flip = 0;
const uint32_t model_result_count = {results};
const uint32_t model_result_decimals = 0;
const bool model_result_rounded = true;
const uint32_t model_layer_count = {count};

#define INPUT ((const int8_t *)model_input)
static float results[{results}];
{declared}
{bodies}
void model_load(void) {{
}}

int model_infer_layer(uint32_t index) {{
    switch (index) {{
{cases}    default:
        return -1;
    }}
    return 0;
}}

int model_infer(void) {{
    for (uint32_t i = 0; i < model_layer_count; i++) {{
        if (model_infer_layer(i) != 0) {{
            return -1;
        }}
    }}
    return 0;
}}

void model_finish(void) {{
}}

float model_result(uint32_t index) {{
    return results[index];
}}
"""


@dataclass(frozen=True)
class Candidates:
    """What is to be held against each other."""

    names: list[str]
    data: npt.NDArray[np.int8]
    """Inputs, [rows][bytes]."""
    board_rows: int
    """The first so many are a board's, too."""
    wanted: Callable[[int], npt.NDArray[Any]]
    """What one should answer, [rows]."""
    write: Callable[[Path, Sequence[int]], list[int]]
    """Writes an engine of some of them; returns the flash of the weights of each."""
    digest: Digest | None = None
    """Of the weights of one, where its image is kept with them."""


def on_boards(
    of: Candidates,
    left: Sequence[Group],
    work: Work,
) -> None:
    """Run candidates here and on boards, image by image, and keep what is found.

    Raises ModelError where those of an image do not fit, and whatever a board raises.
    """
    if not left:
        return
    where = "one image" if len(left) == 1 else f"{len(left)} images"
    count = sum(len(group.which) for group in left)
    work.say(f"{counted(count, 'candidate')} in {where} for {work.words['board']}")

    def one(group: Group, there: Work) -> None:
        image = _image(of, group.which, work.folder / group.name, there)
        keep_part(work.folder / f"{group.name}.json", image)

    on_each(work, one, left)


def _image(
    of: Candidates,
    group: Sequence[int],
    engine: Path,
    work: Work,
) -> Boarded:
    """Run some of the candidates here and on a board."""
    sizes = of.write(engine, group)
    insist_fit(sizes, work.words)
    here = on_host(engine, of.data, len(group), sources())
    equal = [int((here[:, n] == of.wanted(at)).sum()) for n, at in enumerate(group)]
    few, names = of.board_rows, [of.names[at] for at in group]
    there = _on_board(engine, names, of.data[:few], here[:few], work)
    weights = [] if of.digest is None else [of.digest(at) for at in group]
    return Boarded(there=there, weights_b=sizes, equal=equal, weights_sha256=weights)


def insist_fit(sizes: Sequence[int], words: dict[str, Any]) -> None:
    """Raise ModelError for weights that no flash of the board holds: before a long compilation."""
    memory = board_of(str(words["board"]), emulate=bool(words.get("emulate"))).memory
    least, has = IMAGE_MOST_B, f"an image takes {IMAGE_MOST_B} bytes of them"
    if memory is not None and memory.flash_size_b <= least:
        least, has = (
            memory.flash_size_b,
            f"{words['board']} has {memory.flash_size_b} bytes of flash",
        )
    if sum(sizes) > least:
        raise ModelError(
            f"{_together(sizes)} in one image: the weights take {sum(sizes)} bytes, and "
            f"{has}; {FEWER}"
        )


def _together(of: Sequence[Any]) -> str:
    return f"{counted(len(of), 'candidate')} {'is' if len(of) == 1 else 'are'}"


def array(ctype: str, name: str, values: npt.NDArray[Any]) -> str:
    """Return a constant array in C, aligned to words; an empty one has one 0."""
    texts = list(map(str, values.ravel().tolist())) or ["0"]
    lines = (", ".join(texts[i : i + PER_LINE]) for i in range(0, len(texts), PER_LINE))
    body = "".join(f"    {line},\n" for line in lines)
    return (
        f"static const {ctype} {name}[{len(texts)}] __attribute__((aligned(4))) = {{\n{body}}};\n"
    )


def write_engine(
    folder: Path,
    study: str,
    declared: str,
    bodies: Sequence[str],
    input_b: int,
    results: int,
    *,
    dsp: bool = False,
) -> None:
    """Write an engine whose layer n is `bodies[n]`, C that reads INPUT and writes `results`.

    `dsp`: with DSP instructions, where the core has them. Raises BuildError.
    """  # fmt: skip
    cases = "".join(
        f"    case {n}:\n        candidate_{n}();\n        break;\n" for n in range(len(bodies))
    )
    functions = "".join(
        f"static void candidate_{n}(void) {{\n{body}}}\n\n" for n, body in enumerate(bodies)
    )
    text = ENGINE.format(
        study=study, input_b=input_b, results=results, count=len(bodies), declared=declared,
        bodies=functions, cases=cases,
    )  # fmt: skip
    firmware = Path(str(files("tinybench.firmware")))
    flags = "ENGINE_CFLAGS := -O2"
    if dsp:
        flags += " -DTB_DOT_8\nENGINE_KERNELS := fully_connected_dsp.c"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for source in sorted((firmware / COMPRESSED).iterdir()):
            (folder / source.name).write_bytes(source.read_bytes())
        (folder / "engine.c").write_text(text, encoding="utf-8")
        (folder / "engine.mk").write_text(flags + "\n", encoding="utf-8")
    except OSError as error:
        raise BuildError(f"{folder}: cannot write the candidates' C: {error}") from error


def on_host(
    engine: Path, data: npt.NDArray[Any], count: int, beside: Sequence[str] = ()
) -> npt.NDArray[np.float32]:
    """Return what an engine's C answers on this computer to inputs [rows][...], [rows][count].

    `beside`: names of its other files. Raises ToolMissingError, BuildError, BenchError.
    """
    text = (engine / "engine.c").read_text(encoding="utf-8") + HARNESS
    made = engine.parent / f"{engine.name}-host.c"
    made.write_text(text, encoding="utf-8")
    model_h = Path(str(files("tinybench.firmware"))) / "core" / "model.h"
    flags = [
        word
        for word in (engine / "engine.mk").read_text(encoding="utf-8").split()[2:]
        if word.startswith(("-I", "-D"))
    ]
    built = host_library.built(
        made,
        "studies",
        engine.name,
        f"the C of {engine.name}",
        "a study infers by C compiled for this computer",
        (*(engine / name for name in beside), model_h),
        (*flags, "-w"),
    )
    library = ctypes.CDLL(str(built))
    out = np.zeros((len(data), count), np.float32)
    whole = np.ascontiguousarray(data)
    status = library.study_infer(
        ctypes.c_void_p(whole.ctypes.data), len(whole), ctypes.c_void_p(out.ctypes.data)
    )
    if status != 0:
        raise BenchError(f"the C of {engine.name} says on this computer that an inference failed")
    return out


def sources() -> list[str]:
    """Return the names of the files that `write_engine` copies beside an engine."""
    folder = Path(str(files("tinybench.firmware"))) / COMPRESSED
    return sorted(path.name for path in folder.iterdir() if path.suffix in (".c", ".h"))


def _on_board(
    engine: Path,
    names: Sequence[str],
    data: npt.NDArray[np.int8],
    here: npt.NDArray[np.float32],
    work: Work,
) -> OnBoard:
    """Build an engine for a board, hold its answers against those `here`, and time each candidate.

    Raises ModelError where the candidates do not fit, and whatever a board raises.
    """
    task = _task(engine, data, here.shape[1])
    request = request_of(**work.words, task=str(task), engine=str(engine), division="open")
    with reserved(request, work.say) as (station, _):
        board, found_task = station.board, station.task
        if found_task is None:
            raise UsageError(f"{task} names no task")
        try:
            image = build(board, found_task, load_engine(engine))
        except ModelError as error:  # as where it does not fit
            raise ModelError(f"{_together(names)} in one image: {error}, or {FEWER}") from error
        site = station.sites[0] if station.sites else None
        if site is not None:
            load(board, image, site, work.say, write=True)
        entries = [_entry(n, name) for n, name in enumerate(names)]
        steps, first = Steps(entries, engine=engine.name), data[0].tobytes()
        with closing(open_line(site or board.command(image.elf))) as line:
            dut = Dut(line)
            insist_task(dut.handshake(), found_task, image)
            rows = work.track(data, "rows", len(data))
            there = [answered(dut.infer(row.tobytes(), 1, 0).results) for row in rows]
            timed = time_layers(dut, board, found_task.name, "", steps, first)
        if can_estimate(board):
            try:
                timed = priced(timed, steps, estimate(board, image, first, layers=True))
            except ToolMissingError as error:
                work.say(f"no estimate of cycles: {error}")
    odd = [n for n, row in enumerate(here) if there[n] != row.tolist()]
    counted = [_counted(layer) for layer in timed.layers]
    return OnBoard(
        board=board.name, emulated=board.emulated, flash_b=image.flash_b, ram_b=image.ram_b,
        rows=len(data), odd=odd, counted=counted,
        functions_b=functions_in(board, image.elf, FUNCTIONS),
    )  # fmt: skip


def _counted(layer: Layer) -> Counted:
    cycles, count = layer.cycles, layer.instructions
    if cycles is not None:
        count = cycles.instructions
    return Counted(
        latency_s=layer.microseconds * 1e-6,
        instructions=None if count is None else round(count),
        cycles=cycles and cycles.usual,
        cycles_low=cycles and cycles.low,
        cycles_high=cycles and cycles.high,
    )


def _entry(index: int, name: str) -> OperatorEntry:
    return OperatorEntry(
        index=index, operator=name, input_shapes=[], output_shape=[], kernel="engine", macs=0,
        weights_b=0, arena_b=0,
    )  # fmt: skip


def _task(engine: Path, data: npt.NDArray[np.int8], results: int) -> Path:
    """Write the task of the inputs, beside the engine."""
    source = b"".join(
        read_bytes(path, SOURCE_MOST_B, links=False) for path in sorted(engine.iterdir())
    )
    given = Given(
        tuple((f"row-{n:05}.bin", row.tobytes()) for n, row in enumerate(data)), "rows of a study"
    )
    found = Anatomy(
        file="model.c", sha256=hashlib.sha256(source).hexdigest(), size_b=len(source),
        inputs=[End(name="", type="INT8", shape=[1, data.shape[1]], scale=None, zero_point=None)],
        outputs=[End(name="", type="FLOAT32", shape=[1, results], scale=None, zero_point=None)],
        input_b=data.shape[1], operators={}, macs=0, computed_macs=0, removed=[], needs={},
    )  # fmt: skip
    label = Label(engine.name, "Candidates of a study", "the user's", "tinybench study")
    return engine_task(source, found, given, engine.parent / f"{engine.name}-task", label)


def functions_in(board: Board, elf: str, names: Iterable[str]) -> dict[str, int]:
    """Return the bytes of functions of an image, by name; what is inlined is not among them.

    Empty where `nm` of the board's compiler is not there or says none.
    """
    try:
        done = ask([toolchain_of(board).prefix + "nm", "-S", elf], SYMBOLS_TIMEOUT_S)
    except (OSError, subprocess.SubprocessError):
        return {}
    wanted, found = {*names}, dict[str, int]()
    for line in done.out.splitlines() if done.status == 0 else ():
        match line.split():
            case [_, size, "T" | "t", symbol]:
                name = symbol.split(".")[0]  # without .isra.0, .part.0
                if name in wanted:
                    found[name] = found.get(name, 0) + int(size, 16)
            case _:
                pass
    return found
