"""Random ONNX models, and what onnxruntime's quantiser and runtime make of them."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.calibrate import CalibrationDataReader

from tinybench.models.compiler.reader import read_graph

from .tflite_builder import Rng

OPSET = 17
IR_VERSION = 8
CALIBRATIONS = 4


@dataclass
class Drawing:
    """A float model while it is written."""

    nodes: list[Any] = field(default_factory=list)
    constants: list[Any] = field(default_factory=list)
    inputs: list[tuple[str, list[int]]] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)

    def input(self, *shape: int) -> str:
        """Return the name of a new input."""
        self.inputs.append((f"x{len(self.inputs)}", list(shape)))
        return self.inputs[-1][0]

    def constant(self, values: npt.ArrayLike, dtype: str = "float32") -> str:
        """Return the name of a new constant."""
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Return the output of a new node."""
        return self.ops(kind, inputs, 1, **attributes)[0]

    def ops(self, kind: str, inputs: Sequence[str], count: int, **attributes: Any) -> list[str]:
        """Return the outputs of a new node."""
        outputs = [f"n{len(self.nodes)}_{i}" for i in range(count)]
        name = f"{kind}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), outputs, name, **attributes))
        return outputs

    def write(self, opset: int = OPSET) -> Any:
        """Return the model."""
        ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in self.inputs]
        results = [helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in self.outputs]
        graph = helper.make_graph(self.nodes, "drawn", ends, results, self.constants)
        opsets = [helper.make_opsetid("", opset)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)


class _Calibration(CalibrationDataReader):
    """Random inputs, as the quantiser asks for them."""

    def __init__(self, inputs: Sequence[tuple[str, list[int]]], rng: Rng) -> None:
        self.left = [
            {name: rng.normal(0, 1, shape).astype(np.float32) for name, shape in inputs}
            for _ in range(CALIBRATIONS)
        ]

    def get_next(self) -> dict[str, Any] | None:  # type: ignore[override]
        return self.left.pop() if self.left else None


def quantised(drawing: Drawing, rng: Rng, *, unsigned: bool = False, per_channel: bool = True,
              opset: int = OPSET) -> bytes:  # fmt: skip
    """Return the model in QDQ form."""
    with tempfile.TemporaryDirectory() as folder:
        paths = Path(folder) / "float.onnx", Path(folder) / "int8.onnx"
        onnx.save(drawing.write(opset), paths[0])
        quantize_static(
            *paths,
            _Calibration(drawing.inputs, rng),
            quant_format=QuantFormat.QDQ,
            per_channel=per_channel,
            activation_type=QuantType.QUInt8 if unsigned else QuantType.QInt8,
            weight_type=QuantType.QInt8,
            extra_options={"ForceQuantizeNoInputCheck": True},
        )
        return paths[1].read_bytes()


def reference_answers(model: bytes, uploads: np.ndarray) -> np.ndarray:
    """Return [uploads][values], what onnxruntime makes of int8 inputs, in real numbers."""
    graph = read_graph(model)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    sources = [graph.tensors[i] for i in graph.inputs]
    ends = np.cumsum([source.elements for source in sources])[:-1]
    found = []
    for upload in uploads.view(np.int8):
        feeds = {
            declared.name: (
                (part.astype(np.int64) - source.zero_point).astype(np.float32)
                * np.float32(source.scale)
            ).reshape(source.shape)
            for declared, source, part in zip(
                session.get_inputs(), sources, np.split(upload, ends), strict=True
            )
        }
        found.append(
            np.concatenate([np.asarray(one).reshape(-1) for one in session.run(None, feeds)])
        )
    return np.stack(found)


def steps_of(model: bytes) -> np.ndarray:
    """Return the scale of each output value."""
    graph = read_graph(model)
    outputs = [graph.tensors[i] for i in graph.outputs]
    return np.concatenate([np.full(one.elements, one.scale) for one in outputs])


def _weights(rng: Rng, *shape: int) -> npt.NDArray[np.float32]:
    return (rng.normal(0, 1, shape) / np.sqrt(np.prod(shape[1:]))).astype(np.float32)


def _conv(d: Drawing, rng: Rng, source: str, channels: int, count: int, kernel: Sequence[int],
          group: int = 1, **attributes: Any) -> str:  # fmt: skip
    weights = d.constant(_weights(rng, count, channels // group, *kernel))
    biases = d.constant(rng.normal(0, 0.3, count))
    return d.op("Conv", source, weights, biases, group=group, **attributes)


def _int(rng: Rng, low: int, high: int) -> int:
    return int(rng.integers(low, high + 1))


def convolution(d: Drawing, rng: Rng) -> str:
    """A convolution of any window, border, step and dilation, whole or in groups."""
    groups = int(rng.choice([1, 1, 2, 3]))
    channels, count = groups * _int(rng, 1, 4), groups * _int(rng, 1, 4)
    kernel = [_int(rng, 1, 4), _int(rng, 1, 4)]
    source = d.input(1, channels, _int(rng, 8, 12), _int(rng, 8, 12))
    dilations = [_int(rng, 1, 2) for _ in range(2)]
    pads = [_int(rng, 0, 3) for _ in range(4)]
    made = _conv(d, rng, source, channels, count, kernel, groups, pads=pads, dilations=dilations,
                 strides=[_int(rng, 1, 3) for _ in range(2)])  # fmt: skip
    return _activated(d, rng, made)


def _image(d: Drawing, channels: int, height: int, width: int) -> str:
    """Return an input behind a pool, which rounds nothing and lies in memory channels last."""
    return d.op("MaxPool", d.input(1, channels, height + 1, width), kernel_shape=[2, 1])


def _activated(d: Drawing, rng: Rng, source: str) -> str:
    kind = _int(rng, 0, 3)
    if kind == 1:
        return d.op("Relu", source)
    if kind > 1:
        limits = (0, 6) if kind == 2 else (-0.4, 0.7)
        return d.op("Clip", source, *(d.constant(limit) for limit in limits))
    return source


def depthwise(d: Drawing, rng: Rng) -> str:
    """Filters of one channel each."""
    channels, many = _int(rng, 2, 9), _int(rng, 1, 2)
    source = _image(d, channels, 9, _int(rng, 7, 10))
    stride, side = _int(rng, 1, 2), _int(rng, 2, 3)
    deep = _conv(d, rng, source, channels, channels * many, (side, side), channels,
                 strides=[stride, stride], pads=[1, 1, 1, 1])  # fmt: skip
    return _activated(d, rng, deep)


def sequence(d: Drawing, rng: Rng) -> str:
    """A pool and a convolution of one dimension."""
    source = d.op("MaxPool", d.input(1, 4, 20), kernel_shape=[2], pads=[1, 0])
    made = d.op("Relu", _conv(d, rng, source, 4, 6, (3,), pads=[1, 1], strides=[2]))
    return d.op("Flatten", made)


def dense(d: Drawing, rng: Rng) -> str:
    """A fully connected layer behind an image."""
    channels, height, width = (_int(rng, 1, 4) for _ in range(3))
    source = _image(d, channels, height, width)
    flat, depth = d.op("Flatten", source), channels * height * width
    if rng.integers(2):
        weights = d.constant(_weights(rng, 7, depth))
        made = d.op("Gemm", flat, weights, d.constant(rng.normal(0, 0.3, 7)), transB=1)
    else:
        made = d.op("MatMul", flat, d.constant(_weights(rng, 7, depth).T))
    return d.op("Relu", made)


def rows(d: Drawing, rng: Rng) -> str:
    """A matrix product of several rows."""
    return d.op("MatMul", d.input(1, 3, 5), d.constant(_weights(rng, 4, 5).T))


def pools(d: Drawing, rng: Rng) -> str:
    """Pools with borders on every side."""
    source = d.input(1, 3, _int(rng, 6, 9), _int(rng, 6, 9))
    kind = str(rng.choice(["MaxPool", "AveragePool"]))
    more: dict[str, Any] = {"ceil_mode": _int(rng, 0, 1)}
    if kind == "AveragePool":
        more = {"count_include_pad": _int(rng, 0, 1)}
    return d.op(kind, source, kernel_shape=[3, 2], strides=[_int(rng, 1, 3), 2],
                pads=[_int(rng, 0, 2), 1, _int(rng, 0, 2), 0], **more)  # fmt: skip


def means(d: Drawing, rng: Rng) -> str:
    """Means of an image, and of parts of it."""
    source = _image(d, 6, 5, 4)
    if rng.integers(2):
        return d.op("Flatten", d.op("GlobalAveragePool", source))
    return d.op("ReduceMean", source, axes=[_int(rng, 1, 3)], keepdims=_int(rng, 0, 1))


def squeeze_and_excite(d: Drawing, rng: Rng) -> str:
    """An image times a factor for each channel, by HardSigmoid or Sigmoid."""
    source, few = _image(d, 6, 6, 5), _image(d, 6, 1, 1)
    kind = str(rng.choice(["HardSigmoid", "Sigmoid"]))
    return d.op("Mul", source, d.op(kind, few))


def residual(d: Drawing, rng: Rng) -> str:
    """The sum, difference, less or greater of two branches, or of one and a constant."""
    first, kind = _image(d, 4, 5, 5), str(rng.choice(["Add", "Sub", "Mul", "Min", "Max"]))
    constant = kind in ("Add", "Mul") and rng.integers(2)
    second = d.constant(rng.normal(0, 1, (4, 1, 1))) if constant else _image(d, 4, 5, 5)
    return d.op("Flatten", d.op(kind, first, second))


def functions(d: Drawing, rng: Rng) -> str:
    """Functions of one value, one after the other."""
    source = _image(d, 5, 4, 4)
    kinds: list[tuple[str, dict[str, float]]] = [
        *(("HardSwish", {}), ("LeakyRelu", {"alpha": 0.1}), ("Elu", {}), ("Tanh", {})),
        *(("Sigmoid", {}), ("Softplus", {}), ("Relu", {}), ("HardSigmoid", {}), ("Abs", {})),
    ]
    for number in rng.permutation(len(kinds))[:2]:
        kind, attributes = kinds[number]
        source = d.op(kind, source, **attributes)
    half = d.op("Mul", source, d.constant(0.5))
    return d.op("Sub", d.constant(1.5), half)


def swish(d: Drawing, rng: Rng) -> str:
    """A value times a function of itself."""
    source = _image(d, 5, 3, 3)
    return d.op("Mul", source, d.op("Sigmoid", source))


def classes(d: Drawing, rng: Rng) -> str:
    """Softmax over channels, or over the last dimension."""
    source = _image(d, 5, 3, 3)
    return d.op("Softmax", source, axis=int(rng.choice([1, -1])))


def joined(d: Drawing, rng: Rng) -> str:
    """Parts of an image, split and joined along an axis."""
    source = _image(d, 6, 4, 4)
    axis = int(rng.choice([1, 2, -1]))
    whole = 6 if axis == 1 else 4
    lengths = d.constant([1, 2, whole - 3], "int64")
    first, second, third = d.ops("Split", [source, lengths], 3, axis=axis)
    return d.op("Concat", d.op("Relu", third), first, second, axis=axis)


def cut(d: Drawing, rng: Rng) -> str:
    """Slices with steps, borders, and places."""
    source = _image(d, 4, 6, 7)
    bounds = [[1, -1], [100, -100], [2, 3], [2, -1]]
    made = d.op("Slice", source, *(d.constant(bound, "int64") for bound in bounds))
    made = d.op("Pad", made, d.constant([0, 1, 0, 2, 0, 0, 3, 1], "int64"), d.constant(0.0))
    return d.op("Gather", made, d.constant([2, 0], "int64"), axis=1)


def resized(d: Drawing, rng: Rng) -> str:
    """An image of twice or three times the size."""
    source = _image(d, 4, 4, 3)
    factors = d.constant([1, 1, _int(rng, 2, 3), 2])
    made = d.op("Resize", source, "", factors, mode="nearest", nearest_mode="floor",
                coordinate_transformation_mode="asymmetric")  # fmt: skip
    return d.op("DepthToSpace", made, blocksize=2)


def enlarged(d: Drawing, rng: Rng) -> str:
    """An image that grows, by lines between its pixels or by filters."""
    if rng.integers(2):
        where = str(rng.choice(["half_pixel", "asymmetric", "align_corners"]))
        return d.op("Resize", _image(d, 3, 4, 5), "", "", d.constant([1, 3, 8, 10], "int64"),
                    mode="linear", coordinate_transformation_mode=where)  # fmt: skip
    weights = d.constant(_weights(rng, 3, 4, _int(rng, 2, 3), 3))
    return d.op("ConvTranspose", _image(d, 3, 4, 3), weights, d.constant(rng.normal(0, 0.3, 4)),
                strides=[2, _int(rng, 1, 3)], pads=[1, 0, _int(rng, 0, 1), 1])  # fmt: skip


def shapes(d: Drawing, rng: Rng) -> str:
    """Transposes and reshapes: channels last outside, and a shape that is computed."""
    outer = d.op("Transpose", d.input(1, 4, 5, 2), perm=[0, 3, 1, 2])
    source = _conv(d, rng, outer, 2, 3, (2, 2))
    one = d.op("Gather", d.op("Shape", source), d.constant(1, "int64"), axis=0)
    wanted = d.op("Concat", d.constant([1], "int64"),
                  d.op("Unsqueeze", one, d.constant([0], "int64")), d.constant([-1], "int64"),
                  axis=0)  # fmt: skip
    made = d.op("Transpose", d.op("Reshape", source, wanted), perm=[0, 2, 1])
    return d.op("Squeeze", d.op("Unsqueeze", made, d.constant([1], "int64")),
                d.constant([0], "int64"))  # fmt: skip


RANDOM: dict[str, Callable[[Drawing, Rng], str]] = {
    made.__name__: made
    for made in (
        *(convolution, depthwise, sequence, dense, rows, pools, means, squeeze_and_excite),
        *(residual, functions, swish, classes, joined, cut, resized, enlarged, shapes),
    )
}
"""What adds a random model to a drawing, and returns its output."""


GROUPS = (
    ("convolution", "depthwise", "sequence", "dense", "rows", "pools", "means", "classes"),
    ("squeeze_and_excite", "residual", "functions", "swish", "joined", "cut", "resized", "shapes"),
    ("convolution", "convolution", "depthwise", "pools", "enlarged", "enlarged"),
)
"""Models that together have no more inputs than one may have; some twice, for they are many."""


def beside(names: Sequence[str], rng: Rng) -> Drawing:
    """Return random models side by side, as one with all their inputs and outputs."""
    drawing = Drawing()
    for name in names:
        drawing.outputs.append(RANDOM[name](drawing, rng))
    return drawing
