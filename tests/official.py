"""The official models and inputs, as they lie in the mirror of the public repositories."""

from pathlib import Path

import numpy as np

from tinybench.datasets.declaration import load_dataset
from tinybench.models.declaration import load_model

MODELS = ("kws01", "vww01", "ic01", "ic02", "ad01")


def model_path(mirror: Path, name: str) -> Path:
    """Return the .tflite of an official model."""
    source = load_model(name).source
    assert source is not None
    return mirror / source.address


def keyword_inputs(mirror: Path, count: int) -> np.ndarray:
    """Return the first official keyword inputs [count][490], in the order of the labels."""
    source = load_dataset("kws01").source
    assert source is not None
    folder = mirror / source.address
    lines = (folder / "y_labels.csv").read_text().split()[:count]
    return np.stack([np.fromfile(folder / line.split(",")[0], np.int8) for line in lines])
