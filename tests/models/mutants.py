"""Damage models of all operators, and look at how the compiler takes it.

python -m tests.models.mutants COUNT SEED
"""

import json
import resource
import signal
import struct
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.models import planted, random_batches, random_floats, random_int16, streaming, wide
from tests.models import tflite_builder as build
from tests.models.random_lite import LITE, WHOLE_OR_AT_RUN_TIME
from tests.models.random_operators import RANDOM
from tests.models.tflite_builder import Model, Operator, Rng, Tensor, replaced
from tinybench.errors import ModelError
from tinybench.models.compiler import KERNELS, compile_model

MEMORY_B = 4 << 30
"""Of addresses, with what Python and numpy take."""
CPU_S = 30
"""Of one mutant."""
FINDINGS_MOST = 20
TYPES = ("INT8", "UINT8", "INT16", "INT32", "INT64", "FLOAT16", "FLOAT32", "BOOL")
REALS = (0.0, 1e-30, 0.05, 1.0, 1e30, -0.1, np.inf, np.nan)
WORDS = (0, 1, 2, -1, 127, 255, 65535, 1 << 20, (1 << 31) - 1, -(1 << 31))


def _chain(rng: Rng) -> Model:
    """Return several layers, as a model has them."""
    return build.chain(
        build.convolution(rng, (6, 6, 2), 4),
        build.convolution(rng, (6, 6, 4), 8, depthwise=True),
        build.average_pool(rng, (6, 6, 8), (2, 2), (2, 2)),
    )


def _several(rng: Rng) -> Model:
    """Return two models side by side."""
    names = rng.choice(sorted(RANDOM), 2)
    return build.beside([RANDOM[name](rng) for name in names])


MAKERS: dict[str, Callable[[Rng], Model]] = {
    **RANDOM,
    **LITE,
    **WHOLE_OR_AT_RUN_TIME,
    **{
        f"{name} of floats": lambda rng, make=random_floats.MAKERS[name]: random_floats.floats(
            make(rng)
        )
        for name in random_floats.NAMES
    },
    **{
        f"{name} of int16": lambda rng, name=name: random_int16.wide(name, rng)
        for name in random_int16.NAMES
    },
    "batches": random_batches.any_of,
    "chain": _chain,
    "in strips": wide.random_run,
    "planted": planted.planted,
    "several": _several,
    "state": lambda _: streaming.running_sum(initial=[1, 2, 3, 4]),
    "svdf": streaming.svdf,
}


def _changed_tensor(rng: Rng, tensor: Tensor) -> Tensor:
    """Return a tensor with one of its fields changed."""
    shape = list(tensor.shape)
    other = list(shape)
    if other:
        at = int(rng.integers(len(other)))
        other[at] = max(-2, other[at] + int(rng.choice([-2, -1, 1, 2, 1000])))
    changed = [
        replaced(tensor, shape=other),
        replaced(tensor, shape=[*shape, int(rng.integers(1, 3))]),
        replaced(tensor, shape=shape[1:]),
        replaced(tensor, type=str(rng.choice(TYPES))),
        replaced(tensor, scales=[float(rng.choice(REALS))], zero_points=[0]),
        replaced(tensor, scales=(), zero_points=()),
        replaced(tensor, zero_points=[int(rng.choice(WORDS))] * len(tensor.scales)),
    ]
    if tensor.data is not None:
        values = rng.integers(-9, 9, tensor.data.shape).astype(tensor.data.dtype)
        changed += [replaced(tensor, data=values), replaced(tensor, data=None)]
    return changed[int(rng.integers(len(changed)))]


def _changed_operator(rng: Rng, op: Operator, tensors: int) -> Operator:
    """Return an operator with an end or an option changed."""
    ends = {"inputs": list(op.inputs), "outputs": list(op.outputs)}
    name = str(rng.choice(sorted(ends)))
    numbers = {key for key, value in op.options.items() if not isinstance(value, str)}
    if rng.random() < 0.5 and numbers:
        key = str(rng.choice(sorted(numbers)))
        value = int(rng.choice([-1, 0, 1, 2, 3, 4, 5, 7, 100]))
        return replaced(op, options={**op.options, key: value})
    if not ends[name] or rng.random() < 0.3:
        return replaced(op, **{name: [*ends[name], int(rng.integers(tensors))]})
    ends[name][int(rng.integers(len(ends[name])))] = int(rng.integers(-1, tensors))
    return replaced(op, **{name: ends[name]})


def _changed(rng: Rng, model: Model) -> Model:
    """Return a model with a tensor or an operator changed."""
    tensors, operators = list(model.tensors), list(model.operators)
    if rng.random() < 0.6:
        at = int(rng.integers(len(tensors)))
        tensors[at] = _changed_tensor(rng, tensors[at])
    else:
        at = int(rng.integers(len(operators)))
        operators[at] = _changed_operator(rng, operators[at], len(tensors))
    return replaced(model, tensors=tensors, operators=operators)


def mutant(rng: Rng) -> tuple[str, bytes]:
    """Return a model with parts, bytes or words changed, and what it was."""
    name = str(rng.choice(sorted(MAKERS)))
    model = MAKERS[name](rng)
    how = rng.random()
    if how < 0.6:
        for _ in range(int(rng.integers(1, 3))):
            model = _changed(rng, model)
    try:
        data = bytearray(build.write(model))
    except (TypeError, struct.error, OverflowError):  # no file can say that
        data = bytearray(build.write(MAKERS[name](rng)))
        how = 1.0
    if how > 0.5:
        for _ in range(int(rng.integers(1, 4))):
            _damage(rng, data)
    return name, bytes(data)


def _damage(rng: Rng, data: bytearray) -> None:
    """Change a byte or a word, copy a word, or cut the file off."""
    kind = rng.random()
    at = int(rng.integers(len(data)))
    if kind < 0.4 or len(data) < 8:
        data[at] = int(rng.integers(256))
        return
    at = min(at, len(data) - 4) // 4 * 4
    if kind < 0.6:
        data[at : at + 4] = int(rng.choice(WORDS)).to_bytes(4, "little", signed=True)
    elif kind < 0.85:  # a neighbour, as of an offset or an index
        before = int.from_bytes(data[at : at + 4], "little", signed=True)
        word = max(-(1 << 31), min((1 << 31) - 1, before + int(rng.integers(-8, 9))))
        data[at : at + 4] = word.to_bytes(4, "little", signed=True)
    elif kind < 0.97:
        other = int(rng.integers(len(data) - 3))
        data[at : at + 4] = data[other : other + 4]
    else:
        del data[max(at, 8) :]


def _late(_signal: int, _frame: object) -> None:
    raise TimeoutError(f"more than {CPU_S} s of one model")


def search(count: int, seed: int) -> tuple[int, list[str]]:
    """Return how many mutants were looked at, and what came of those that are findings."""
    done, found = 0, list[str]()
    signal.signal(signal.SIGPROF, _late)
    with tempfile.TemporaryDirectory() as folder:
        for number in range(count):
            rng = np.random.default_rng([seed, number])
            name, data = mutant(rng)
            signal.setitimer(signal.ITIMER_PROF, CPU_S)
            try:
                kernels = KERNELS[number % len(KERNELS)]
                compile_model(data, Path(folder), model_id="x01", kernels=kernels)
            except ModelError as error:
                if "\n" in str(error):
                    found.append(f"{number} {name}: two lines")
            except BaseException:
                found.append(f"{number} {name}: {traceback.format_exc()}")
            finally:
                signal.setitimer(signal.ITIMER_PROF, 0)
            done += 1
            if len(found) >= FINDINGS_MOST:
                break
    return done, found


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_B, MEMORY_B))
    done, found = search(int(sys.argv[1]), int(sys.argv[2]))
    print(json.dumps({"count": done, "found": found}))
