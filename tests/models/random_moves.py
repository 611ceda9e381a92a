"""One random model of each operator that moves values and computes none."""

from collections.abc import Callable

import numpy as np

from .random_tensors import constant_of, image_of, ints, like, model, quantised, scalar, shape_of
from .tflite_builder import Model, Operator, Rng, Tensor


def reshaped(name: str) -> Callable[[Rng], Model]:
    """Return the maker of another name of the same memory, between two requantisations."""

    def make(rng: Rng) -> Model:
        shape = [1, *(n + 1 for n in shape_of(rng, 1, 3))]
        after = shape[1:] if name == "SQUEEZE" else [1, *shape]
        source, target = quantised(rng, shape), quantised(rng, after)
        middle = quantised(rng, shape)
        extra = {"SQUEEZE": [], "EXPAND_DIMS": [ints(0)], "RESHAPE": [ints(*after)]}[name]
        tensors = [source, middle, like(middle, after), target, *extra]
        operators = [
            Operator("QUANTIZE", [0], [1]),
            Operator(name, [1, *([4] if extra else [])], [2]),
            Operator("QUANTIZE", [2], [3]),
        ]
        return Model(tensors, operators, [0], [3])

    return make


def concatenation(rng: Rng) -> Model:
    """Return a CONCATENATION of one to four tensors, one of them a constant now and then."""
    shape = shape_of(rng)
    axis = int(rng.integers(len(shape)))
    source = quantised(rng, shape)
    parts = [source]
    for _ in range(int(rng.integers(0, 4))):
        other = list(shape)
        other[axis] = int(rng.integers(1, 5))
        parts.append(like(source, other))
    if len(parts) > 1 and rng.random() < 0.3:
        parts[-1] = constant_of(rng, parts[-1])
    whole = list(shape)
    whole[axis] = sum(part.shape[axis] for part in parts)
    axis -= len(shape) if rng.random() < 0.3 else 0
    return model("CONCATENATION", parts, [like(source, whole)], Axis=axis)


def pack(rng: Rng) -> Model:
    """Return a PACK of one to four tensors."""
    shape = shape_of(rng, 1, 3)
    source = quantised(rng, shape)
    count, axis = int(rng.integers(1, 5)), int(rng.integers(len(shape) + 1))
    whole = [*shape[:axis], count, *shape[axis:]]
    target = like(source, whole)
    return model("PACK", [source] * count, [target], ValuesCount=count, Axis=axis)


def unpack(rng: Rng) -> Model:
    """Return an UNPACK into one to four tensors."""
    shape = shape_of(rng, 2, 4, 4)
    source, axis = quantised(rng, shape), int(rng.integers(len(shape)))
    part = like(source, shape[:axis] + shape[axis + 1 :])
    return model("UNPACK", [source], [part] * shape[axis], Num=shape[axis], Axis=axis)


def split(rng: Rng) -> Model:
    """Return a SPLIT into equal parts."""
    shape, count = shape_of(rng), int(rng.integers(1, 4))
    axis = int(rng.integers(len(shape)))
    source = quantised(rng, shape)
    whole = list(shape)
    whole[axis] *= count
    axis -= len(shape) if rng.random() < 0.3 else 0
    parts = [source] * count
    return model("SPLIT", [scalar(axis), like(source, whole)], parts, NumSplits=count)


def split_v(rng: Rng) -> Model:
    """Return a SPLIT_V into parts of random lengths."""
    shape, sizes = shape_of(rng), [int(n) for n in rng.integers(1, 5, rng.integers(1, 4))]
    axis = int(rng.integers(len(shape)))
    source = quantised(rng, [*shape[:axis], sum(sizes), *shape[axis + 1 :]])
    parts = [like(source, [*shape[:axis], n, *shape[axis + 1 :]]) for n in sizes]
    lengths = ints(*sizes)
    return model("SPLIT_V", [source, lengths, scalar(axis)], parts, NumSplits=len(sizes))


def slice_(rng: Rng) -> Model:
    """Return a SLICE; a size of -1 is the rest."""
    shape = shape_of(rng)
    begins = [int(rng.integers(0, n)) for n in shape]
    sizes = [int(rng.integers(1, n - b + 1)) for n, b in zip(shape, begins, strict=True)]
    said = [-1 if b + s == n else s for n, b, s in zip(shape, begins, sizes, strict=True)]
    source = quantised(rng, shape)
    return model("SLICE", [source, ints(*begins), ints(*said)], [like(source, sizes)])


def strided_slice(rng: Rng) -> Model:
    """Return a STRIDED_SLICE with steps of both signs, masks, and axes that vanish."""
    while True:
        shape = shape_of(rng)
        rank = len(shape)
        begins = [int(rng.integers(-n, n)) for n in shape]
        ends = [int(rng.integers(-n - 2, n + 3)) for n in shape]
        steps = [int(n) for n in rng.choice([1, 1, 2, 3, -1, -2], rank)]
        first, last, gone = (int(rng.integers(0, 1 << rank)) for _ in range(3))
        gone &= ~first & int(rng.integers(0, 1 << rank))
        taken = []
        for i in range(rank):
            begin, end = None if first >> i & 1 else begins[i], None if last >> i & 1 else ends[i]
            if gone >> i & 1:
                steps[i] = 1
                taken.append(begins[i])
            else:
                taken.append(slice(begin, end, steps[i]))
        wanted = np.zeros(shape)[tuple(taken)].shape
        if 0 not in wanted and wanted:
            break
    source = quantised(rng, shape)
    inputs = [source, ints(*begins), ints(*ends), ints(*steps)]
    masks = {"BeginMask": first, "EndMask": last, "ShrinkAxisMask": gone}
    return model("STRIDED_SLICE", inputs, [like(source, wanted)], **masks)


def transpose(rng: Rng) -> Model:
    """Return a TRANSPOSE of any order."""
    shape = shape_of(rng)
    order = [int(i) for i in rng.permutation(len(shape))]
    source = quantised(rng, shape)
    return model("TRANSPOSE", [source, ints(*order)], [like(source, [shape[i] for i in order])])


def pad(name: str) -> Callable[[Rng], Model]:
    """Return the maker of a PAD or PADV2."""

    def make(rng: Rng) -> Model:
        shape = shape_of(rng)
        borders = rng.integers(0, 3, (len(shape), 2))
        source = quantised(rng, shape)
        target = like(source, [int(n) for n in np.array(shape) + borders.sum(axis=1)])
        table = Tensor(borders.shape, "INT32", data=borders.astype(np.int32))
        value = [constant_of(rng, like(source, [1]))] if name == "PADV2" else []
        return model(name, [source, table, *value], [target])

    return make


def gather(rng: Rng) -> Model:
    """Return a GATHER of some places of an axis."""
    shape = shape_of(rng)
    axis = int(rng.integers(len(shape)))
    places = [int(n) for n in rng.integers(0, shape[axis], rng.integers(1, 6))]
    source = quantised(rng, shape)
    target = like(source, [*shape[:axis], len(places), *shape[axis + 1 :]])
    return model("GATHER", [source, ints(*places)], [target], Axis=axis)


def gather_nd(rng: Rng) -> Model:
    """Return a GATHER_ND by places along one axis or several."""
    shape = shape_of(rng)
    count = int(rng.integers(1, len(shape) + 1))
    lists = [int(n) for n in rng.integers(1, 4, rng.integers(1, 3))]
    places = rng.integers(0, shape[:count], (*lists, count)).astype(np.int32)
    source = quantised(rng, shape)
    target = like(source, [*lists, *shape[count:]])
    return model("GATHER_ND", [source, Tensor(places.shape, "INT32", data=places)], [target])


def tokens(rng: Rng, name: str = "GATHER") -> Model:
    """Return an operator that takes rows of a table of 7 by ids, which are the model's input."""
    table = constant_of(rng, quantised(rng, [7, 4]))
    ids, flat = Tensor([1, 5], "INT32"), Tensor([5, 1] if name == "GATHER_ND" else [5], "INT32")
    tensors = [ids, ints(*flat.shape), flat, table, like(table, [5, 4])]
    ends = [2, 3] if name == "EMBEDDING_LOOKUP" else [3, 2]
    operators = [Operator("RESHAPE", [0, 1], [2]), Operator(name, ends, [4])]
    return Model(tensors, operators, [0], [4])


def depth_to_space(rng: Rng) -> Model:
    """Return a DEPTH_TO_SPACE."""
    block = int(rng.integers(1, 4))
    _, height, width, few = image_of(rng)
    source = quantised(rng, [1, height, width, few * block * block])
    target = like(source, [1, height * block, width * block, few])
    return model("DEPTH_TO_SPACE", [source], [target], BlockSize=block)


def space_to_depth(rng: Rng) -> Model:
    """Return a SPACE_TO_DEPTH."""
    back = depth_to_space(rng)
    source, target = back.tensors
    options = back.operators[0].options
    return model("SPACE_TO_DEPTH", [target], [source], **options)


def batch_to_space(rng: Rng) -> Model:
    """Return a BATCH_TO_SPACE_ND that crops rows and columns."""
    blocks = [int(n) for n in rng.integers(1, 4, 2)]
    pixels = [int(n) for n in rng.integers(1, 8, 2)]
    batch, channels = int(rng.integers(1, 3)), int(rng.integers(1, 4))
    before = [int(n) for n in rng.integers(0, 3, 2)]
    after = [-(p + b) % k for p, b, k in zip(pixels, before, blocks, strict=True)]
    borders = np.array([before, after]).T.astype(np.int32)
    rows, columns = (
        (p + b + a) // k for p, b, a, k in zip(pixels, before, after, blocks, strict=True)
    )
    source = quantised(rng, [batch * blocks[0] * blocks[1], rows, columns, channels])
    inputs = [source, ints(*blocks), Tensor([2, 2], "INT32", data=borders)]
    return model("BATCH_TO_SPACE_ND", inputs, [like(source, [batch, *pixels, channels])])


def space_to_batch(rng: Rng) -> Model:
    """Return a SPACE_TO_BATCH_ND without a border, whose value the reference leaves to chance."""
    blocks = [int(n) for n in rng.integers(1, 4, 2)]
    rows, columns, batch, channels = (int(n) for n in rng.integers(1, 4, 4))
    source = quantised(rng, [batch, rows * blocks[0], columns * blocks[1], channels])
    target = like(source, [batch * blocks[0] * blocks[1], rows, columns, channels])
    inputs = [source, ints(*blocks), Tensor([2, 2], "INT32", data=np.zeros((2, 2), np.int32))]
    return model("SPACE_TO_BATCH_ND", inputs, [target])
