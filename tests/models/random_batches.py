"""Random models of operators that do the same to each image of a batch."""

from collections.abc import Callable

import numpy as np

from . import tflite_builder as build
from .random_convolutions import convolution
from .random_operators import RANDOM
from .tflite_builder import Model, Rng, replaced

_MAKERS: dict[str, Callable[[Rng], Model]] = {
    name: RANDOM[name]
    for name in (
        *("DEPTH_TO_SPACE", "MAX_POOL_2D", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"),
        *("SPACE_TO_DEPTH", "TRANSPOSE_CONV"),
    )
} | {
    "CONV_2D": lambda rng: convolution(rng, depthwise=False),
    "DEPTHWISE_CONV_2D": lambda rng: convolution(rng, depthwise=True),
    "AVERAGE_POOL_2D": lambda rng: build.average_pool(rng, (5, 6, 3), (3, 2), (2, 1), build.SAME),
    "FULLY_CONNECTED": lambda rng: build.fully_connected(rng, 7, 5),
    "SOFTMAX": lambda rng: build.softmax(rng, 9, 0.1),
}
NAMES = sorted(_MAKERS)


def batch_of(name: str, rng: Rng) -> Model:
    """Return the random model of an operator, on two to four images at once."""
    made = _MAKERS[name](rng)
    count = int(rng.integers(2, 5))
    tensors = [
        replaced(tensor, shape=[count, *tensor.shape[1:]]) if tensor.data is None else tensor
        for tensor in made.tensors
    ]
    if name == "TRANSPOSE_CONV":  # whose first input says the shape of the output
        wanted = np.array(tensors[made.outputs[0]].shape, np.int32)
        tensors[0] = replaced(tensors[0], data=wanted)
    return replaced(made, tensors=tensors)


def any_of(rng: Rng) -> Model:
    """Return one of them."""
    return batch_of(str(rng.choice(NAMES)), rng)
