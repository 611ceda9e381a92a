"""What noise leaves of the official keyword model, beside what another engine found."""

import os
import sys
from pathlib import Path

import numpy as np

from tests.models import tflite_builder as build_model
from tests.official import keyword_inputs, keywords, model_path
from tinybench.models.compiler.interface import Interface
from tinybench.models.compiler.reader import read_graph
from tinybench.runner.study.noise.asked import ask
from tinybench.runner.study.noise.findings import NoiseStudy
from tinybench.runner.study.noise.noise import processors, run_noise
from tinybench.runner.study.subject import Subject
from tinybench.runner.study.work import Work
from tinybench.scratch import scratch
from tinybench.track import silent

GOLDEN = {0.05: (0.891, 0.016), 0.1: (0.839, 0.038), 0.2: (0.564, 0.094), 0.4: (0.165, 0.06)}
"""Top-1 of the official model on 1000 inputs: mean and deviation of 20 trials by another engine."""
TRIALS, INPUTS = 20, 1000
WIDTHS, WIDE_ETA = (12, 192), 0.8
"""Of networks that differ by their width alone."""


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
        data=model,
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
    asked = ask(own, "gaussian", [0, *GOLDEN], TRIALS, 1, alone=False)
    return run_noise(own, asked, Work(folder, {}, silent, lambda _: None, processors()))


def apart(found: NoiseStudy) -> dict[float, float]:
    """Return how far the mean at each amount is from the other engine's, in standard errors."""
    errors = dict[float, float]()
    for point in found.points[1:]:
        mean, deviation = GOLDEN[point.amount]
        error = float(np.hypot(point.error, deviation / np.sqrt(TRIALS)))
        errors[point.amount] = abs(point.mean - mean) / error
    return errors


def kept_by_width(folder: Path, trials: int = TRIALS) -> dict[int, float]:
    """Return the share of its score that a network of so many hidden units keeps at WIDE_ETA."""
    found = dict[int, float]()
    for units in WIDTHS:
        own = wide(units)
        asked = ask(own, "gaussian", [0, WIDE_ETA], trials, 1, alone=False)
        work = Work(folder / str(units), {}, silent, lambda _: None, processors())
        study = run_noise(own, asked, work)
        found[units] = study.points[-1].normalised
    return found


def wide(units: int, classes: int = 6, values: int = 16) -> Subject:
    """Return a network of one hidden layer of random features, and what it tells apart."""
    rng = np.random.default_rng(3)
    centres = rng.normal(0, 45, (classes, values))
    labels = np.arange(240) % classes
    inputs = np.clip(np.rint(centres[labels] + rng.normal(0, 14, (240, values))), -127, 127)
    first = rng.integers(-127, 128, (units, values)).astype(np.int8)
    sums = inputs @ first.T
    scale = float(np.abs(sums).max()) / 255
    hidden = np.clip(np.rint(np.maximum(sums, 0) / scale), 0, 255)
    means = np.stack([hidden[labels == n].mean(axis=0) for n in range(classes)])
    last = means - means.mean(axis=0)  # the mean that is nearest
    step = float(np.abs(last).max()) / 127
    second = np.rint(last / step).astype(np.int8)
    biases = -np.rint(((means + means.mean(axis=0)) / 2 * second).sum(axis=1)).astype(np.int32)
    most = float(np.abs(hidden @ second.T + biases).max()) * scale * step
    tensor = build_model.Tensor
    model = build_model.Model(
        [
            tensor([1, values], scales=[1.0], zero_points=[0]),
            tensor([units, values], scales=[1.0], zero_points=[0], data=first),
            tensor([1, units], scales=[scale], zero_points=[-128]),
            tensor([classes, units], scales=[step], zero_points=[0], data=second),
            tensor([classes], "INT32", scales=[scale * step], zero_points=[0], data=biases),
            tensor([1, classes], scales=[most / 127], zero_points=[0]),
        ],
        [
            build_model.Operator(
                "FULLY_CONNECTED", [0, 1, -1], [2], {"FusedActivationFunction": build_model.RELU}
            ),
            build_model.Operator("FULLY_CONNECTED", [2, 3, 4], [5]),
        ],
        [0],
        [5],
    )
    bytes_ = np.ascontiguousarray(inputs.astype(np.int8)).view(np.uint8)
    return of_model(build_model.write(model), bytes_, labels)


def main() -> None:
    """Print a line an amount; TINYBENCH_MIRROR says where the official files are."""
    with scratch() as folder:
        found = golden(Path(os.environ["TINYBENCH_MIRROR"]), folder / "study")
        kept = kept_by_width(folder)
    sys.stdout.write(
        f"eta 0: top-1 {found.clean:.3f}, the same to the bit: {found.clean_identical}\n"
    )
    for point, errors in zip(found.points[1:], apart(found).values(), strict=True):
        sys.stdout.write(
            f"eta {point.amount:g}: top-1 {point.mean:.3f} +- {point.error:.3f}, the other engine "
            f"{GOLDEN[point.amount][0]:.3f}: {errors:.1f} standard errors apart\n"
        )
    for units, share in kept.items():
        sys.stdout.write(
            f"a made network of {units} hidden units, eta {WIDE_ETA:g}: {share:.3f} of its score "
            "is left\n"
        )


if __name__ == "__main__":
    main()
