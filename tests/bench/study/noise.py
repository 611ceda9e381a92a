"""How long a study of noise takes: 20 trials of 6 amounts, on all embedded keywords."""

import subprocess
import sys
import tempfile
import time

from tests.bench.figures import Figure
from tests.program import TINYBENCH

AMOUNTS = ".01,.05,.1,.2,.3,.4"
TRIALS = 20
TIMEOUT_S = 1800


def figures() -> list[Figure]:
    """Return the time of the whole command, its library built anew."""
    with tempfile.TemporaryDirectory() as folder:
        words = ["study", "noise", "--task", "kws", "--eta", AMOUNTS, "--trials", str(TRIALS)]
        start_s = time.perf_counter()
        subprocess.run(
            ["env", f"TINYBENCH_CACHE={folder}/cache", *TINYBENCH, *words, "--together-only", "-q",
             "-o", f"{folder}/study"],
            check=True, stdout=subprocess.DEVNULL, timeout=TIMEOUT_S,
        )  # fmt: skip
        took_s = time.perf_counter() - start_s
    where = "tinybench study noise, embedded keywords, 6 amounts of 20 trials, on this computer"
    return [Figure("study.noise_kws_20x6_s", took_s, "s", 60.0, where)]


if __name__ == "__main__":
    sys.stdout.writelines(f"{one.name} {one.value:.3f} {one.unit}\n" for one in figures())
