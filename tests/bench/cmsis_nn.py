"""Hold our kernels against CMSIS-NN's, a layer at a time, in instructions on an emulated core.

    python -m tests.bench.cmsis_nn SOURCES [--core cortex-m4|cortex-m3|cortex-m55]

SOURCES is a folder of CMSIS-NN, with its Include and Source. Nothing of it is in this repository.
Part of `make bench` where the environment's CMSIS_NN names that folder.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from tests.bench.figures import Figure
from tests.firmware import model_runner
from tests.firmware.model_runner import CORTEX_M3, CORTEX_M4, CORTEX_M55, INCLUDES, Target
from tests.models import tflite_builder as build
from tests.models.tflite_builder import RELU, VALID, Model
from tinybench.models.compiler import compile_model
from tinybench.models.compiler.graph import Graph, Operator
from tinybench.models.compiler.layer import layer_channels, read_layer
from tinybench.models.compiler.reader import read_graph
from tinybench.models.compiler.window import window_of

CORES = {target.name: target for target in (CORTEX_M3, CORTEX_M4, CORTEX_M55)}
FPGAIO = {"cortex-m3": 0x4002_8000, "cortex-m4": 0x4002_8000, "cortex-m55": 0x5930_2000}
INSTRUCTIONS_A_TICK = 1.25
"""An instruction takes 32 ns (-icount shift=5), a tick of 25 MHz 40 ns."""
BUFFER_B = 1 << 18
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


def compare(sources: Path, target: Target) -> dict[str, tuple[float, float, bool]]:
    """Return instructions by our kernel and by CMSIS-NN's, and whether both gave the same bytes."""
    named = layers()
    tflite = build.write(build.beside(list(named.values())))
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        compile_model(tflite, folder, model_id="bench01", kernels=target.kernels, prune=False)
        (folder / "layers.h").write_text(_header(read_graph(tflite)))
        objects = model_runner.build_kernels(target, folder)
        objects = [path for path in objects if path.stem != "run_model"]
        theirs = folder / "theirs"
        theirs.mkdir()
        files = [
            path
            for name in FOLDERS
            for path in sorted((sources / "Source" / name).glob("*.c"))
            if "s8" in path.stem or not OTHER_TYPES.search(path.stem)
        ]
        include = f"-I{sources / 'Include'}"
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            built = pool.map(
                lambda p: _run(*target.compiler, include, "-c", p, "-o", theirs / f"{p.stem}.o"),
                files,
            )
            list(built)
        program = folder / "program"
        _run(
            *target.compiler, *INCLUDES, include, f"-I{folder}",
            f"-DFPGAIO_ORIGIN={FPGAIO[target.name]:#x}", f"-DBUFFER_B={BUFFER_B}",
            Path(__file__).with_suffix(".c"), *objects, *sorted(theirs.glob("*.o")),
            *target.link, "-o", program,
        )  # fmt: skip
        _run(
            *target.emulator, "-icount", "shift=5",
            *(("-global", "mps2-fpgaio.prescale-clk=25000000") if "an547" in str(target) else ()),
            *model_runner.EMULATION, program, cwd=folder,
        )  # fmt: skip
        words = np.frombuffer((folder / "output.bin").read_bytes(), "<u4").reshape(-1, 3)
    return {
        name: (ours * INSTRUCTIONS_A_TICK, other * INSTRUCTIONS_A_TICK, bool(same))
        for name, (ours, other, same) in zip(named, words.tolist(), strict=True)
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


def figures() -> list[Figure]:
    """Return the worst ratio on each core; nothing where no sources are named."""
    sources = os.environ.get("CMSIS_NN")
    if not sources:
        return []
    found = []
    for target in CORES.values():
        ratios = {
            name: ours / theirs
            for name, (ours, theirs, _) in compare(Path(sources), target).items()
            if theirs
        }
        worst = max(ratios, key=lambda name: ratios[name])
        where = f"instructions by CMSIS-NN's, worst of {len(ratios)} layers: {worst}"
        name = f"kernels.worst_vs_cmsis_nn.{target.name}"
        found.append(Figure(name, ratios[worst], "1", MUST, where))
    return found


def main(words: Sequence[str] | None = None) -> int:
    """Print a line a layer, and the worst ratio; status 1 where bytes differ."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("sources", type=Path, help="folder of CMSIS-NN, with Include and Source")
    parser.add_argument("--core", choices=CORES, default="cortex-m4")
    said = parser.parse_args(words)
    if not (said.sources / "Include" / "arm_nnfunctions.h").is_file():
        parser.error(f"{said.sources} has no Include/arm_nnfunctions.h: name CMSIS-NN's folder")
    found = compare(said.sources.resolve(), CORES[said.core])
    print(f"{'layer':<34} {'ours':>12} {'CMSIS-NN':>12} {'ratio':>6}")
    for name, (ours, theirs, same) in found.items():
        ratio = f"{ours / theirs:>6.2f}" if theirs else "refused"
        print(f"{name:<34} {ours:>12,.0f} {theirs:>12,.0f} {ratio} {'' if same else 'DIFFERS'}")
    ratios = [ours / theirs for ours, theirs, _ in found.values() if theirs]
    print(f"kernels.worst_vs_cmsis_nn {max(ratios):.3f} on {said.core}, in instructions")
    return 0 if all(same or not theirs for _, theirs, same in found.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
