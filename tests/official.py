"""The official models and inputs, as they lie in the mirror of the public repositories."""

from pathlib import Path

import numpy as np

from tinybench.datasets.declaration import Dataset, load_dataset
from tinybench.models.declaration import load_model

MODELS = ("kws01", "vww01", "ic01", "ic02", "ad01")


def model_path(mirror: Path, name: str) -> Path:
    """Return the .tflite of an official model."""
    source = load_model(name).source
    assert source is not None
    return mirror / source.address


def keywords(mirror: Path) -> tuple[Dataset, Path, bytes]:
    """Return the official keyword set, the folder it is in, and its labels."""
    dataset = load_dataset("kws01")
    assert dataset.source is not None
    folder = mirror / dataset.source.address
    return dataset, folder, (folder / "y_labels.csv").read_bytes()


def keyword_inputs(mirror: Path, count: int) -> np.ndarray:
    """Return the first official keyword inputs [count][490], in the order of the labels."""
    _, folder, labels = keywords(mirror)
    lines = labels.decode().split()[:count]
    return np.stack([np.fromfile(folder / line.split(",")[0], np.int8) for line in lines])
