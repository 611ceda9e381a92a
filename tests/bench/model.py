"""How long it takes to say what a model is and where it fits, and to compile one of many layers."""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from tests.bench.figures import Figure
from tests.models import planted
from tests.models import tflite_builder as build
from tests.models.packaged import MODELS
from tests.program import TINYBENCH

REPEATS = 5
MODELS_OF = ("kws01", "vww01", "ic01", "ad01")
LAYERS = 2000
SHAPE = (16, 16, 8)


def figures() -> list[Figure]:
    """Return the slowest of the package's models, and a model of many layers, as processes."""
    slowest_s = max(
        _took_s("model", MODELS / f"{name}.tflite", "--to", "json") for name in MODELS_OF
    )
    where = (
        f"tinybench model FILE, slowest of {len(MODELS_OF)} models, median of {REPEATS} processes"
    )
    with tempfile.TemporaryDirectory() as folder:
        many = Path(folder) / "many.tflite"
        many.write_bytes(_many_layers())
        compiled_s = max(
            _took_s("compile", many, "-o", f"{folder}/c", "--kernels", kernels)
            for kernels in ("plain", "dsp")
        )
    return [
        Figure("model.analyse_s", slowest_s, "s", 1.0, where),
        Figure("compile_2000_ops_s", compiled_s, "s", 3.0,
               f"tinybench compile FILE, {LAYERS} convolutions, plain or dsp, the slower, "
               f"median of {REPEATS} processes"),
    ]  # fmt: skip


def _many_layers() -> bytes:
    """Return a model of convolutions of 3x3 and of 1x1, one after the other."""
    rng, height, channels = np.random.default_rng(0), SHAPE[0], SHAPE[-1]
    net = planted.begun(rng, channels, height)
    at, scale = 0, net.tensors[0].scales[0]
    for i in range(LAYERS):
        window = (3, 3) if i % 2 else (1, 1)
        layer = build.convolution(rng, SHAPE, channels, window, relu=build.RELU)
        at = net.layer(layer, at, scale)
    return build.write(net.model(at))


def _took_s(command: str, model: Path, *words: str) -> float:
    return statistics.median(
        _once_s([*TINYBENCH, command, str(model), *words]) for _ in range(REPEATS)
    )


def _once_s(command: list[str]) -> float:
    start_s = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=600)
    return time.perf_counter() - start_s


if __name__ == "__main__":
    sys.stdout.writelines(f"{one.name} {one.value:.3f} {one.unit}\n" for one in figures())
