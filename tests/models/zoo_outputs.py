"""What the reference kernels answer to the seeded inputs of a model of the zoo.

python -m tests.models.zoo_outputs FILE... prints what a declaration in models/zoo/ says of each.
"""

import hashlib
import sys
from pathlib import Path

import numpy as np
from tflite import Model
from tflite_micro import runtime

from tinybench.models.declaration import ZOO_INPUTS, ZOO_SEED
from tinybench.models.model_file import read_model_file

ARENA_B = 64 << 20


def outputs_sha256(path: Path) -> str | None:
    """Return the hash that a declaration has; None where an output is a float.

    Raises RuntimeError where the reference has no kernels for the model.
    """
    data = read_model_file(path)
    subgraph = Model.GetRootAs(data).Subgraphs(0)
    assert subgraph is not None
    interpreter = runtime.Interpreter.from_bytes(data, arena_size=ARENA_B)
    sources = [interpreter.get_input_details(n) for n in range(subgraph.InputsLength())]
    targets = range(subgraph.OutputsLength())
    rng = np.random.default_rng(ZOO_SEED)
    digest = hashlib.sha256()
    for _ in range(ZOO_INPUTS):
        interpreter = runtime.Interpreter.from_bytes(
            data, arena_size=ARENA_B
        )  # a state begins anew
        for number, source in enumerate(sources):
            dtype, shape = np.dtype(source["dtype"]), source["shape"]
            if dtype.kind == "f":
                values = rng.uniform(-1, 1, shape).astype(dtype)
            else:
                values = rng.integers(0, 256, shape.prod() * dtype.itemsize, np.uint8).view(dtype)
            interpreter.set_input(values.reshape(shape), number)
        interpreter.invoke()
        for number in targets:
            output = interpreter.get_output(number)
            if output.dtype.kind == "f":
                return None
            digest.update(output.tobytes())
    return digest.hexdigest()


if __name__ == "__main__":
    for word in sys.argv[1:]:
        file = Path(word)
        print(f'sha256 = "{hashlib.sha256(file.read_bytes()).hexdigest()}"')
        print(f"size_b = {file.stat().st_size:_}")
        if found := outputs_sha256(file):
            print(f'outputs_sha256 = "{found}"')
