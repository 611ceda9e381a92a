"""Hold our kernels against CMSIS-NN's, a layer at a time, in estimated cycles of a core.

    python -m tests.bench.cmsis_nn SOURCES [--core cortex-m4] [--zoo | --model FILE ...]

SOURCES is a folder of CMSIS-NN, with its Include and Source. Nothing of it is in this repository.
Without more, some layers of well-known networks, and odd ones; with --zoo those of the package's
models and of all of the zoo's that are here, each form once. Part of `make bench` where the
environment's CMSIS_NN names that folder.
"""

import argparse
import math
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tests.bench.figures import Figure
from tests.firmware import model_runner
from tests.firmware.model_runner import CORTEX_M3, CORTEX_M4, CORTEX_M55, INCLUDES, Target
from tests.models import tflite_builder as build
from tests.models.packaged import MODELS
from tests.models.tflite_builder import RELU, VALID, Model
from tinybench.errors import ModelError
from tinybench.models.compiler import compile_model
from tinybench.models.compiler.graph import Graph, Operator
from tinybench.models.compiler.interface import MAX_ENDS
from tinybench.models.compiler.layer import layer_channels, read_layer
from tinybench.models.compiler.reader import read_graph
from tinybench.models.compiler.window import window_of
from tinybench.models.model_file import read_model_file
from tinybench.runner.build.board import load_board
from tinybench.runner.build.zoo import bring, is_here, load_zoo, model_file
from tinybench.runner.cycles import plugin
from tinybench.runner.cycles.code import functions, parse_code, read_image
from tinybench.runner.cycles.estimate import of_board
from tinybench.runner.cycles.price import price
from tinybench.runner.results.cycles import Cycles
from tinybench.track import silent


class Core(NamedTuple):
    """What runs the layers, and the board by whose timings they are priced."""

    target: Target
    board: str


CORES = {
    "cortex-m3": Core(CORTEX_M3, "mps2-an385"),
    "cortex-m4": Core(CORTEX_M4, "mps2-an386"),
    "stm32l4r5": Core(CORTEX_M4, "nucleo-l4r5"),
    "cortex-m55": Core(CORTEX_M55, "mps3-an547"),
}
"""The third waits for its flash, and has a cache before it."""
KINDS = {
    "CONV_2D": "conv",
    "DEPTHWISE_CONV_2D": "depthwise",
    "FULLY_CONNECTED": "fully connected",
}
DTYPES = {"INT8": "<i1", "INT32": "<i4"}
"""Of weights and biases."""
BUFFER_B = 1 << 18
FLASH_B = 1 << 22
"""Of the emulated boards, from address 0 on."""
GROUP_MOST_B = 1 << 20
"""Of the tensors and weights of layers in one image."""
FOLDERS = tuple(
    f"{name}Functions" for name in ("Convolution", "FullyConnected", "NNSupport", "Transpose")
)
OTHER_TYPES = re.compile(r"_(f16|f32|s16|s4)")
TIMEOUT_S = 600
MUST = 1.1


def layers() -> dict[str, Model]:
    """Return the layers that are compared: those of well-known networks, and odd ones."""
    rng = np.random.default_rng(0)

    def conv(*args: object, **named: object) -> Model:
        return build.convolution(rng, *args, relu=RELU, **named)  # pyright: ignore[reportArgumentType]

    def deep(*args: object, **named: object) -> Model:
        return conv(*args, depthwise=True, **named)

    return {
        "conv 3x3, 3 channels, step 2": conv((48, 48, 3), 8, (3, 3), (2, 2)),
        "conv 3x3": conv((16, 16, 16), 16),
        "conv 10x4, 1 channel, step 2": conv((49, 10, 1), 64, (10, 4), (2, 2)),
        "conv 1x1": conv((12, 12, 32), 64, (1, 1)),
        "conv 1x1, odd channels": conv((9, 9, 21), 13, (1, 1)),
        "conv 1x7": conv((1, 64, 16), 16, (1, 7)),
        "conv 3x3, dilated": conv((16, 16, 16), 16, dilation=(2, 2)),
        "depthwise 3x3": deep((24, 24, 16), 16),
        "depthwise 3x3, step 2": deep((24, 24, 16), 16, (3, 3), (2, 2)),
        "depthwise 3x3, small": deep((6, 6, 64), 64),
        "depthwise 5x5": deep((12, 12, 24), 24, (5, 5)),
        "depthwise 9x1": deep((40, 1, 32), 32, (9, 1)),
        "depthwise 10x8, multiplier 8": deep((49, 40, 1), 8, (10, 8), (2, 2)),
        "depthwise 3x3, multiplier 2": deep((12, 12, 8), 16),
        "depthwise 3x3, dilated": deep((16, 16, 16), 16, dilation=(2, 2), padding=VALID),
        "fully connected": build.fully_connected(rng, 256, 64),
    }


def layers_of(paths: Iterable[Path]) -> dict[str, Model]:
    """Return the layers of models, each form once, with the weights of the first that has it."""
    found: dict[str, Model] = {}
    for path in paths:
        try:
            graph = read_graph(read_model_file(path))
        except ModelError as error:
            print(f"{path.name}: left out: {error}", file=sys.stderr)
            continue
        for op in graph.operators:
            made = _alone(graph, op)
            if made is not None and _small(made[1]):
                found.setdefault(*made)
    return found


def _alone(graph: Graph, op: Operator) -> tuple[str, Model] | None:
    """Return what a layer is, and it alone; None for operators of other kinds."""
    if op.name not in KINDS or graph.tensors[op.inputs[1]].data is None:
        return None
    given = [graph.tensors[i] for i in op.inputs if i >= 0]
    source, weights, target = *given[:2], graph.tensors[op.outputs[0]]
    if source.type != "INT8" or weights.type != "INT8":
        return None
    if op.name == "FULLY_CONNECTED":
        out_c, in_c = weights.shape
        name = f"fully connected {in_c} to {out_c}, {math.prod(source.shape) // in_c} times"
    else:
        w = window_of(op, source, target, weights.shape[1], weights.shape[2])
        name = (
            f"{KINDS[op.name]} {w.kernel_h}x{w.kernel_w} of {w.in_h}x{w.in_w}x{w.in_c} "
            f"to {w.out_c}, step {w.stride_h}x{w.stride_w}"
            + f", dilated {w.dilation_h}x{w.dilation_w}" * w.dilated
            + ", valid" * (op.options["Padding"] == VALID)
        )
    tensors = [
        build.Tensor(
            list(tensor.shape), tensor.type, tensor.scales, tensor.zero_points, tensor.axis,
            None
            if tensor.data is None
            else np.frombuffer(tensor.data, DTYPES[tensor.type]).reshape(tensor.shape),
        )
        for tensor in (*given, target)
    ]  # fmt: skip
    inputs = [*range(len(given)), *[-1] * (len(op.inputs) - len(given))]
    alone = build.Operator(op.name, inputs, [len(given)], dict(op.options))
    return name, Model(tensors, [alone], [0], [len(given)])


def _bytes(model: Model) -> int:
    return sum(math.prod(tensor.shape) for tensor in model.tensors)


def _small(model: Model) -> bool:
    return _bytes(model) <= GROUP_MOST_B


def groups(named: Mapping[str, Model]) -> Iterator[dict[str, Model]]:
    """Yield layers that together are one model which the emulated boards have the memory for."""
    group: dict[str, Model] = {}
    for name, model in named.items():
        size_b = sum(map(_bytes, [*group.values(), model]))
        if group and (len(group) == MAX_ENDS or size_b > GROUP_MOST_B):
            yield group
            group = {}
        group[name] = model
    if group:
        yield group


def compare(
    sources: Path, core: Core, named: Mapping[str, Model]
) -> dict[str, tuple[Cycles, Cycles | None, bool]]:
    """Return cycles by our kernel and by CMSIS-NN's, and whether both gave the same bytes.

    None for a layer that CMSIS-NN refuses.
    """
    found: dict[str, tuple[Cycles, Cycles | None, bool]] = {}
    include = f"-I{sources / 'Include'}"
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        ours = model_runner.build_kernels(core.target, folder)
        ours = [path for path in ours if path.stem != "run_model"]
        theirs = folder / "theirs"
        theirs.mkdir()
        files = [
            path
            for name in FOLDERS
            for path in sorted((sources / "Source" / name).glob("*.c"))
            if "s8" in path.stem or not OTHER_TYPES.search(path.stem)
        ]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            built = pool.map(
                lambda p: _run(
                    *core.target.compiler, include, "-c", p, "-o", theirs / f"{p.stem}.o"
                ),
                files,
            )
            list(built)
        for group in groups(named):
            found |= _of_group(core, group, folder, include, [*ours, *sorted(theirs.glob("*.o"))])
    return found


def _of_group(
    core: Core, named: Mapping[str, Model], folder: Path, include: str, objects: Sequence[Path]
) -> dict[str, tuple[Cycles, Cycles | None, bool]]:
    tflite = build.write(build.beside(list(named.values())))
    compile_model(
        tflite, folder, model_id="bench01", kernels=core.target.kernels, prune=False, strips=False
    )
    (folder / "layers.h").write_text(_header(read_graph(tflite)))
    program = folder / "program"
    _run(
        *core.target.compiler, *INCLUDES, include, f"-I{folder}", f"-DBUFFER_B={BUFFER_B}",
        Path(__file__).with_suffix(".c"), *objects, *core.target.link, "-o", program,
    )  # fmt: skip
    clocked = of_board(load_board(core.board), calibrated=False)
    raw = read_image(program)
    starts, code, priced = functions(raw), parse_code(raw), list[list[Cycles]]()
    for function in ("ours", "theirs"):
        out = folder / f"{function}.counts"
        counting = plugin.words(
            plugin.built(), out, starts[function], clocked.memory, range(FLASH_B)
        )
        _run(*core.target.emulator, *counting, *model_runner.EMULATION, program, cwd=folder)
        priced.append([price(clocked, code, counts) for counts in plugin.read_counts(out)])
    took_same = np.frombuffer((folder / "output.bin").read_bytes(), np.uint8).reshape(-1, 2)
    return {
        name: (own, other if took else None, bool(same))
        for name, own, other, (took, same) in zip(named, *priced, took_same.tolist(), strict=True)
    }


def _header(graph: Graph) -> str:
    """Return the layers as CMSIS-NN takes them."""
    arrays, entries = list[str](), list[str]()
    for i, op in enumerate(graph.operators):
        values, entry = _layer(graph, op, f"layer_{i}")
        arrays += values
        entries.append(entry)
    most_b = max(graph.tensors[i].elements for i in graph.outputs)
    count = len(graph.operators)
    starts = ", ".join(f"input_{i}" for i in range(count))
    ends = ", ".join(f"output_{i}" for i in range(count))
    return "\n".join(
        [
            *arrays,
            f"#define OUTPUT_MOST_B {most_b}",
            "static const struct layer layers[] = {",
            *entries,
            "};",
            f"static const int8_t *const inputs[] = {{{starts}}};",
            f"static const int8_t *const outputs[] = {{{ends}}};\n",
        ]
    )


def _layer(graph: Graph, op: Operator, name: str) -> tuple[list[str], str]:
    full = op.name == "FULLY_CONNECTED"
    layer = read_layer(graph, op, 2 if full else 4)
    weights, source, target = layer.weights, layer.source, layer.target
    deep = op.name == "DEPTHWISE_CONV_2D"
    out_c = target.shape[-1]
    rows = weights.reshape(-1, out_c).T if deep else weights.reshape(out_c, -1)
    channels = layer_channels(op, layer, rows, 3 if deep else 0)
    stage = channels.plain
    arrays = [
        f"static const {kind} {name}_{what}[] = {{{', '.join(map(str, values.tolist()))}}};"
        for what, kind, values in (
            ("weights", "int8_t", weights.reshape(-1)),
            ("biases", "int32_t", stage[:, 0]),
            ("multipliers", "int32_t", stage[:, 1]),
            ("shifts", "int32_t", stage[:, 2]),
        )
    ]
    if full:
        in_c = weights.shape[1]
        form = f"{{1, 1, 1, {in_c}}}, {{{in_c}, 1, 1, {out_c}}}, {{1, 1, 1, {out_c}}}, " + (
            "{1, 1}, {0, 0}, {1, 1}"
        )
    else:
        w = window_of(op, source, target, weights.shape[1], weights.shape[2])
        last = out_c if deep else w.in_c
        form = (
            f"{{1, {w.in_h}, {w.in_w}, {w.in_c}}}, "
            f"{{{1 if deep else out_c}, {w.kernel_h}, {w.kernel_w}, {last}}}, "
            f"{{1, {w.out_h}, {w.out_w}, {out_c}}}, {{{w.stride_w}, {w.stride_h}}}, "
            f"{{{w.pad_left}, {w.pad_top}}}, {{{w.dilation_w}, {w.dilation_h}}}"
        )
    kind = "FULLY" if full else "DEPTHWISE" if deep else "CONVOLUTION"
    low, high = channels.limits
    entry = (
        f"    {{{kind}, {form}, {-source.zero_point}, {target.zero_point}, {{{low}, {high}}}, "
        f"{out_c // source.shape[-1] if deep else 1}, {name}_weights, {name}_biases, "
        f"{name}_multipliers, {name}_shifts}},"
    )
    return arrays, entry


def _run(*command: object, cwd: Path | None = None) -> None:
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{command[0]} ended with {done.returncode}:\n{done.stderr}")


def zoo_files() -> list[Path]:
    """Return the package's models, and those of the zoo that are in the cache or the mirror."""
    zoo = load_zoo(())
    bring(zoo, silent)
    return [*sorted(MODELS.glob("*.tflite")), *(model_file(one) for one in zoo if is_here(one))]


def ratios_of(
    found: Mapping[str, tuple[Cycles, Cycles | None, bool]],
) -> dict[str, float]:
    """Return our usual cycles by theirs, of the layers that CMSIS-NN took."""
    return {name: ours.usual / theirs.usual for name, (ours, theirs, _) in found.items() if theirs}


def figures() -> list[Figure]:
    """Return the worst ratio on each core; nothing where no sources are named."""
    sources = os.environ.get("CMSIS_NN")
    if not sources:
        return []
    named, found = layers() | layers_of(zoo_files()), list[Figure]()
    for name, core in CORES.items():
        ratios = ratios_of(compare(Path(sources), core, named))
        worst = max(ratios, key=lambda name: ratios[name])
        where = f"estimated cycles by CMSIS-NN's, worst of {len(ratios)} layers: {worst}"
        found.append(Figure(f"kernels.worst_vs_cmsis_nn.{name}", ratios[worst], "1", MUST, where))
    return found


def main(words: Sequence[str] | None = None) -> int:
    """Print a line a layer, and the worst ratio; status 1 where bytes differ."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("sources", type=Path, help="folder of CMSIS-NN, with Include and Source")
    parser.add_argument("--core", choices=CORES, default="cortex-m4")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--zoo", action="store_true", help="the layers of the zoo's models")
    which.add_argument("--model", type=Path, action="append", help="those of this one; repeatable")
    said = parser.parse_args(words)
    if not (said.sources / "Include" / "arm_nnfunctions.h").is_file():
        parser.error(f"{said.sources} has no Include/arm_nnfunctions.h: name CMSIS-NN's folder")
    paths = zoo_files() if said.zoo else said.model
    named = layers() if paths is None else layers_of(paths)
    if not named:
        parser.error("these models have no convolution or fully connected layer of int8")
    found = compare(said.sources.resolve(), CORES[said.core], named)
    width = max(map(len, found))
    print(f"{'layer':<{width}} {'ours':>12} {'CMSIS-NN':>12} {'ratio':>7}")
    for name, (ours, theirs, same) in found.items():
        ratio = f"{ours.usual / theirs.usual:>7.2f}" if theirs else "refused"
        other = f"{theirs.usual:>12,}" if theirs else f"{'':>12}"
        differs = "" if same or not theirs else "DIFFERS"
        print(f"{name:<{width}} {ours.usual:>12,} {other} {ratio} {differs}".rstrip())
    ratios = ratios_of(found)
    if ratios:
        print(f"kernels.worst_vs_cmsis_nn {max(ratios.values()):.3f} on {said.core}, in cycles")
    return 0 if all(same or not theirs for _, theirs, same in found.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
