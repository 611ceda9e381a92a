"""What noise leaves of the official keyword model, beside what another engine found."""

import os
import sys
from pathlib import Path

import numpy as np

from tests.official import keyword_inputs, keywords, model_path
from tinybench.models.compiler.interface import Interface
from tinybench.models.compiler.reader import read_graph
from tinybench.runner.study.noise.asked import ask
from tinybench.runner.study.noise.findings import NoiseStudy
from tinybench.runner.study.noise.noise import processors, run_noise
from tinybench.runner.study.subject import Subject
from tinybench.scratch import scratch
from tinybench.track import silent

GOLDEN = {0.05: (0.891, 0.016), 0.1: (0.839, 0.038), 0.2: (0.564, 0.094), 0.4: (0.165, 0.06)}
"""Top-1 of the official model on 1000 inputs: mean and deviation of 20 trials by another engine."""
TRIALS, INPUTS = 20, 1000


def of_model(model: bytes, inputs: np.ndarray, labels: np.ndarray) -> Subject:
    """Return a subject of a model's bytes."""
    return Subject(
        task="own",
        model_id="own",
        metric="top1",
        graph=read_graph(model),
        interface=Interface(),
        inputs=inputs,
        owners=np.arange(len(inputs)),
        labels=tuple(labels.tolist()),
        model="own.tflite",
        model_sha256="",
        model_origin="custom",
        dataset="own",
        dataset_origin="custom",
        dataset_sha256="",
        note="",
    )


def golden(mirror: Path, folder: Path) -> NoiseStudy:
    """Return the study of the official model on the official inputs."""
    inputs = keyword_inputs(mirror, INPUTS)
    _, _, text = keywords(mirror)
    labels = np.array([int(line.split(b",")[2]) for line in text.split()[:INPUTS]])
    own = of_model(
        model_path(mirror, "kws01").read_bytes(),
        np.ascontiguousarray(inputs).view(np.uint8),
        labels,
    )
    asked = ask(own, "gaussian", [0, *GOLDEN], TRIALS, 1, parts=False)
    return run_noise(own, asked, folder, processors(), silent, lambda _: None)


def apart(found: NoiseStudy) -> dict[float, float]:
    """Return how far the mean at each amount is from the other engine's, in standard errors."""
    errors = dict[float, float]()
    for point in found.points[1:]:
        mean, deviation = GOLDEN[point.amount]
        error = float(np.hypot(point.error, deviation / np.sqrt(TRIALS)))
        errors[point.amount] = abs(point.mean - mean) / error
    return errors


def main() -> None:
    """Print a line an amount; TINYBENCH_MIRROR says where the official files are."""
    with scratch() as folder:
        found = golden(Path(os.environ["TINYBENCH_MIRROR"]), folder / "study")
    sys.stdout.write(
        f"eta 0: top-1 {found.clean:.3f}, the same to the bit: {found.clean_identical}\n"
    )
    for point, errors in zip(found.points[1:], apart(found).values(), strict=True):
        sys.stdout.write(
            f"eta {point.amount:g}: top-1 {point.mean:.3f} +- {point.error:.3f}, the other engine "
            f"{GOLDEN[point.amount][0]:.3f}: {errors:.1f} standard errors apart\n"
        )


if __name__ == "__main__":
    main()
