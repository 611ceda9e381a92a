"""How the models are trained: what is held out, and how fast they learn."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .command import tensorflow


def held_and_used(
    rng: np.random.Generator, count: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the places of the inputs that validate, one in twenty, and of those trained on."""
    held, used = np.split(rng.permutation(count), [count // 20])
    return held, used


def optimizer(steps: int) -> Any:
    """Return the optimizer of so many steps; its rate falls along a cosine to a hundredth."""
    optimizers = tensorflow().keras.optimizers
    return optimizers.Adam(optimizers.schedules.CosineDecay(2e-3, steps, alpha=0.01))
