"""How much faster pruned blocks are than dense layers, and smaller than single weights."""

import json
import subprocess
import sys
import tempfile

from tests.bench.figures import Figure
from tests.program import TINYBENCH

TIMEOUT_S = 1800
SPEEDUPS = {4.0: 2.3, 8.0: 5.6, 16.0: 9.3, 32.0: 14.9}
"""By the rate, at least: instructions of the fastest dense kernel for each of the blocks'."""
FLASH_MOST = 0.45


def figures() -> list[Figure]:
    """Return the speed-ups in instructions, and the flash against that of single weights."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [*TINYBENCH, "study", "sparsity", "-q", "--json", "-o", f"{folder}/s"],
            check=True, capture_output=True, timeout=TIMEOUT_S,
        )  # fmt: skip
    rows = json.loads(done.stdout)["rows"]
    dense = min(row["instructions"] for row in rows if row["scheme"] == "dense")
    blocks = {row["rate"]: row for row in rows if row["kernel"] == "dsp" and row["block"]
              and row["chosen"]}  # fmt: skip
    csr = {row["rate"]: row for row in rows if row["scheme"] == "csr"}
    where = "tinybench study sparsity, 128x640 int8 on mps2-an386, DSP blocks against dense DSP"
    found = [
        Figure(
            f"sparsity.speedup.{rate:g}x", dense / blocks[rate]["instructions"], "1", least, where,
            "higher",
        )
        for rate, least in SPEEDUPS.items()
    ]  # fmt: skip
    flash = max(blocks[rate]["weights_b"] / csr[rate]["weights_b"] for rate in SPEEDUPS)
    where = "the same, most of all rates, blocks against CSR"
    return [*found, Figure("sparsity.flash_vs_csr", flash, "1", FLASH_MOST, where)]


if __name__ == "__main__":
    sys.stdout.writelines(f"{one.name} {one.value:.3f} {one.unit}\n" for one in figures())
