"""What a step of learning takes on an emulated Cortex-M4, and whether it is NumPy's."""

import json
import subprocess
import sys
import tempfile
from typing import Any

from tests import ROOT
from tests.bench.figures import Figure
from tests.program import TINYBENCH

TIMEOUT_S = 1800
HEAD_STEPS_LEAST = 80.0
"""A second, of batches of 10 by a head of 12 x 64 at 25 MHz."""
RAM_MOST_B = 7e3
AD_AUC_LEAST = 0.9
AD_MODEL = ROOT / "models" / "embedded" / "ad01.tflite"


def told_by(*words: str) -> dict[str, Any]:
    """Return the document of a training."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [*TINYBENCH, "train", *words, "-q", "--json", "-o", f"{folder}/t"],
            check=True, capture_output=True, timeout=TIMEOUT_S,
        )  # fmt: skip
    return json.loads(done.stdout)


def of_a_stranger() -> list[Figure]:
    """Return what the biases of the detector make of a machine that it does not know."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [sys.executable, "-m", "tinybench.models.training.stranger", folder],
            check=True, capture_output=True, timeout=TIMEOUT_S,
        )  # fmt: skip
        told = told_by(
            "--task", "ad", "--board", "host", "--data", folder, "--model", str(AD_MODEL),
            "--init", "model", "--part", "bias", "--rate", "0.3", "--target", "0.9",
        )  # fmt: skip
    (trial,) = told["trials"]
    where = "tinybench train --task ad: the biases of the last layer, a machine not known before"
    largest = max(point["difference"] for point in trial["points"])
    return [
        Figure("train.ad_auc_before", trial["points"][0]["score"], "1", None, where),
        Figure("train.ad_auc", trial["best"], "1", AD_AUC_LEAST, f"{where}; learnt", "higher"),
        Figure("train.ad_samples_to_target", trial["samples"], "1", None, f"{where}; AUC 0.9"),
        Figure("train.ad_ram", told["training_ram_b"], "B", None, where),
        Figure("train.ad_equal_numpy", largest, "1", 1e-5, where),
    ]


def figures() -> list[Figure]:
    """Return instructions and estimated cycles of a step, its RAM, and the difference to NumPy."""
    words = ("--task", "kws", "--board", "mps2-an386", "--limit", "120", "--target", "0.88")
    told = told_by(*words, "--samples", "flash")
    cost, (trial,) = told["cost"], told["trials"]
    batch = cost["batch"]
    counted = {
        what: (batch * cost["add"][what] + cost["step"][what], batch * cost["body"][what])
        for what in ("instructions", "cycles")
    }
    head, body = counted["instructions"]
    head_cycles, body_cycles = counted["cycles"]
    where = "tinybench train --task kws on mps2-an386, a new head of 12 x 64 float32, batches of 10"
    estimated = f"{where}; estimated at {cost['clock_hz'] / 1e6:g} MHz"
    return [
        Figure(
            "train.kws_head_steps_per_s", cost["clock_hz"] / head_cycles, "1/s", HEAD_STEPS_LEAST,
            f"{estimated}, the head alone", "higher",
        ),
        Figure("train.kws_head_instructions", head, "1", None, f"{where}; emulated, exact"),
        Figure("train.kws_head_cycles", head_cycles, "1", None, estimated),
        Figure("train.kws_step_instructions", head + body, "1", None, f"{where}; with the body"),
        Figure("train.kws_step_cycles", head_cycles + body_cycles, "1", None, estimated),
        Figure("train.kws_ram", told["training_ram_b"], "B", RAM_MOST_B, where),
        Figure("train.kws_tensor_ram", told["tensor_ram_b"], "B", None, "of inference beside it"),
        Figure(
            "train.equal_numpy", max(point["difference"] for point in trial["points"]), "1", 1e-5,
            "largest difference of a weight after any epoch",
        ),
        Figure(
            "train.kws_samples_flash", told["samples_b"], "B", None,
            f"{told['trained']} inputs that are kept there",
        ),
        Figure("train.kws_samples_to_target", trial["samples"], "1", None, f"{where}; to 0.88"),
        *of_a_stranger(),
    ]  # fmt: skip


if __name__ == "__main__":
    sys.stdout.writelines(f"{one.name} {one.value:.6g} {one.unit}\n" for one in figures())
