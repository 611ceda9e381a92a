"""A random layer of long short-term memory."""

import numpy as np

from .random_tensors import quantised
from .tflite_builder import Model, Operator, Rng, Tensor

HIDDEN, CELL = 18, 19
ACTIVATION_TANH = 4


def lstm(rng: Rng, cell_bits: int | None = None) -> Model:
    """Return a layer over some sequences, with the batch or the time in front.

    `cell_bits`: its cell is in steps of two to the minus that.
    """
    batches, steps, in_c, units = (int(n) for n in rng.integers(1, [4, 8, 40, 12]))
    time_major = bool(rng.random() < 0.4)
    first, second = (steps, batches) if time_major else (batches, steps)
    source = quantised(rng, [first, second, in_c], scale=float(rng.uniform(0.005, 0.05)))
    hidden = Tensor([batches, units], scales=[float(rng.uniform(0.006, 0.01))],
                    zero_points=[int(rng.integers(-20, 20))], variable=True)  # fmt: skip
    cell_bits = int(rng.integers(9, 16)) if cell_bits is None else cell_bits
    cell = Tensor([batches, units], "INT16", [2.0**-cell_bits], [0], variable=True)
    target = Tensor([first, second, units], scales=hidden.scales, zero_points=hidden.zero_points)
    inputs: dict[int, Tensor] = {0: source, HIDDEN: hidden, CELL: cell}
    for gate in range(4):
        for at, end, count in ((1, source, in_c), (5, hidden, units)):
            weights = rng.integers(-127, 128, (units, count)).astype(np.int8)
            # Values of a few units of what the functions are given.
            spread = float(end.scales[0]) * 80 * 80 * np.sqrt(count)
            scale = float(rng.uniform(0.5, 4) / spread)
            inputs[at + gate] = Tensor(weights.shape, "INT8", [scale], [0], data=weights)
        scale = float(inputs[1 + gate].scales[0] * source.scales[0])
        biases = (rng.normal(0, 1, units) / scale).astype(np.int32)
        inputs[12 + gate] = Tensor([units], "INT32", [scale], [0], data=biases)
    order = sorted(inputs)
    operator = Operator(
        "UNIDIRECTIONAL_SEQUENCE_LSTM",
        [order.index(i) if i in inputs else -1 for i in range(24)],
        [len(order)],
        {
            "FusedActivationFunction": ACTIVATION_TANH,
            "CellClip": float(rng.choice([0.0, 10.0, 0.5])),
            "TimeMajor": time_major,
        },
    )
    return Model([*(inputs[i] for i in order), target], [operator], [0], [len(order)])
