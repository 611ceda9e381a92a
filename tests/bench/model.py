"""How long it takes to say what a model is and where it fits, without a board."""

import statistics
import subprocess
import sys
import time

from tests.bench.figures import Figure
from tests.models.packaged import MODELS
from tests.program import TINYBENCH

REPEATS = 5
MODELS_OF = ("kws01", "vww01", "ic01", "ad01")


def figures() -> list[Figure]:
    """Return the slowest of the package's models, as whole processes."""
    slowest_s = max(statistics.median(_took_s(name) for _ in range(REPEATS)) for name in MODELS_OF)
    where = (
        f"tinybench model FILE, slowest of {len(MODELS_OF)} models, median of {REPEATS} processes"
    )
    return [Figure("model.analyse_s", slowest_s, "s", 1.0, where)]


def _took_s(name: str) -> float:
    start_s = time.perf_counter()
    command = [*TINYBENCH, "model", str(MODELS / f"{name}.tflite"), "--to", "json"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=600)
    return time.perf_counter() - start_s


if __name__ == "__main__":
    sys.stdout.writelines(f"{one.name} {one.value:.3f} {one.unit}\n" for one in figures())
