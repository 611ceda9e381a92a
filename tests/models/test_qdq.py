"""ONNX models in QDQ form become graphs; others, and damaged ones, are refused in words."""

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper

from tests.models.random_onnx import Drawing, beside, quantised
from tinybench import extras
from tinybench.errors import ModelError
from tinybench.models.compiler.layout import lay_out
from tinybench.models.compiler.lower import lower
from tinybench.models.compiler.qdq import READERS, onnx_file
from tinybench.models.compiler.reader import read_graph

MUTANTS = 400


def _network(d: Drawing, rng: np.random.Generator) -> None:
    """Draw a small network: two convolutions, a pool, a fully connected layer, a softmax."""
    weights = d.constant(rng.normal(0, 0.3, (4, 3, 3, 3)))
    made = d.op("Conv", d.input(1, 3, 8, 6), weights, strides=[2, 2], pads=[1, 1, 1, 1])
    made = d.op("Relu", made)
    weights = d.constant(rng.normal(0, 0.3, (4, 1, 3, 3)))
    made = d.op("Conv", made, weights, d.constant(rng.normal(0, 1, 4)), group=4, pads=[1] * 4)
    made = d.op("MaxPool", d.op("Clip", made, d.constant(0), d.constant(6)), kernel_shape=[2, 1])
    made = d.op("Gemm", d.op("Flatten", made), d.constant(rng.normal(0, 0.3, (36, 5))))
    d.outputs.append(d.op("Softmax", made, axis=-1))


@pytest.fixture(scope="module")
def network() -> bytes:
    """Return a small network in QDQ form."""
    drawing, rng = Drawing(), np.random.default_rng(0)
    _network(drawing, rng)
    return quantised(drawing, rng)


def test_activations_are_fused_and_layouts_moved_once(network: bytes) -> None:
    """Channels go to the end behind the input; the weights behind Flatten take their order."""
    graph = read_graph(network)
    assert [op.name for op in graph.operators] == [
        *("TRANSPOSE", "CONV_2D", "DEPTHWISE_CONV_2D", "MAX_POOL_2D", "RESHAPE"),
        *("FULLY_CONNECTED", "SOFTMAX", "LOOK_UP"),
    ]
    source, target = graph.tensors[graph.inputs[0]], graph.tensors[graph.outputs[0]]
    assert (source.name, source.type, source.shape) == ("x0", "INT8", (1, 3, 8, 6))
    assert (target.type, target.shape) == ("INT8", (1, 5))


def test_channels_that_are_last_already_stay_there() -> None:
    """A model that begins with a Transpose to NCHW needs none."""
    rng, drawing = np.random.default_rng(0), Drawing()
    turned = drawing.op("Transpose", drawing.input(1, 6, 5, 3), perm=[0, 3, 1, 2])
    made = drawing.op("Conv", turned, drawing.constant(rng.normal(0, 1, (4, 3, 2, 2))))
    drawing.outputs.append(drawing.op("GlobalAveragePool", made))
    graph = read_graph(quantised(drawing, rng))
    assert [op.name for op in graph.operators] == ["CONV_2D", "MEAN", "RESHAPE"]


def test_uint8_is_the_same_model(network: bytes) -> None:
    """Activations of uint8 become int8: the same real numbers, the zero points 128 less."""
    drawing, rng = Drawing(), np.random.default_rng(0)
    _network(drawing, rng)
    graph, other = read_graph(network), read_graph(quantised(drawing, rng, unsigned=True))
    assert [op.name for op in graph.operators] == [op.name for op in other.operators]
    assert {t.type for t in other.tensors} == {"INT8", "INT32"}


def test_a_batch_that_is_left_open_means_one_input(network: bytes) -> None:
    """Another dimension that is open is refused."""
    proto = onnx.ModelProto.FromString(network)
    dimensions = proto.graph.input[0].type.tensor_type.shape.dim
    dimensions[0].dim_param = "batch"
    assert read_graph(proto.SerializeToString()).tensors == read_graph(network).tensors
    dimensions[2].dim_param = "height"
    with pytest.raises(ModelError, match="'x0' has a dynamic shape; export"):
        read_graph(proto.SerializeToString())


def _integers(proto: Any, unsigned: bool) -> None:
    """Take away the quantiser of the input: the model then takes integers."""
    (first,) = (n for n in proto.graph.node if n.input and n.input[0] == "x0")
    proto.graph.node.remove(first)
    proto.graph.input[0].name = first.output[0]
    kind = TensorProto.UINT8 if unsigned else TensorProto.INT8
    proto.graph.input[0].type.tensor_type.elem_type = kind


@pytest.mark.parametrize("unsigned", [False, True])
def test_an_input_of_integers_is_taken_as_it_is(unsigned: bool) -> None:
    """In the type that the file declares."""
    drawing, rng = Drawing(), np.random.default_rng(0)
    _network(drawing, rng)
    proto = onnx.ModelProto.FromString(quantised(drawing, rng, unsigned=unsigned))
    _integers(proto, unsigned)
    graph = read_graph(proto.SerializeToString())
    (source,) = (graph.tensors[i] for i in graph.inputs)
    assert source.type == ("UINT8" if unsigned else "INT8")
    assert ("QUANTIZE" in [op.name for op in graph.operators]) == unsigned
    assert lay_out(graph, lower(graph, "plain")[1]).arena_b


def _renamed(proto: Any, **names: str) -> None:
    for node in proto.graph.node:
        node.op_type = names.get(node.op_type, node.op_type)


def _outside(proto: Any) -> None:
    tensor = max(proto.graph.initializer, key=lambda one: len(one.raw_data))
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")


def _no_zero_point(proto: Any, value: int) -> None:
    for one in proto.graph.initializer:
        if one.data_type == TensorProto.INT8 and one.dims == [4] and "zero_point" in one.name:
            one.CopyFrom(numpy_helper.from_array(np.full(4, value, np.int8), one.name))


def _scale(proto: Any, value: float) -> None:
    (one,) = (i for i in proto.graph.initializer if i.name == "x0_scale")
    one.CopyFrom(numpy_helper.from_array(np.array(value, np.float32), one.name))


def _loop(proto: Any) -> None:
    proto.graph.node[3].input[0] = proto.graph.output[0].name


CHANGES: dict[str, tuple[Callable[[Any], object], str]] = {
    "unknown": (
        lambda p: _renamed(p, Conv="LSTM", Softmax="Einsum"),
        r"3 of \d+ operators of ONNX are not supported: LSTM \(2\), Einsum \(1\); \d+ kinds are",
    ),
    "batch normalization": (
        lambda p: _renamed(p, Softmax="BatchNormalization"),
        r"BatchNormalization \(1\); fold .*quant_pre_process",
    ),
    "integers": (lambda p: _renamed(p, Conv="QLinearConv"), r"another form than QDQ \(QLinearCo"),
    "floats": (lambda p: _renamed(p, QuantizeLinear="Identity"), "not quantised .*quantize_static"),
    "outside": (_outside, "lies in a file beside the model; put all of it into one file"),
    "functions": (lambda p: p.functions.add(name="f"), "functions or sparse tensors of its own"),
    "no opset": (lambda p: p.ClearField("opset_import"), "names no version of its operators"),
    "weights' zero point": (
        lambda p: _no_zero_point(p, 3),
        r"node \d+ Conv .*weight_type=QuantType.QInt8$",
    ),
    "scale": (lambda p: _scale(p, -1.0), "has the scale -1, which is not a positive number"),
    "no number": (lambda p: _scale(p, float("nan")), "has the scale nan, which is not a positive"),
    "loop": (_loop, "reads 'n[0-9]_0', which nothing has written"),
    "no output": (lambda p: p.graph.output.pop(), r"not quantised \(0 nodes"),
    "strange output": (
        lambda p: p.graph.output.add(name="\n gone"),
        r"nothing writes the model's output '\\x0a gone'",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_cannot_be_read_is_refused_in_words(network: bytes, change: str) -> None:
    """All unknown operators at once with their counts; what to do, and where it stands."""
    proto = onnx.ModelProto.FromString(network)
    CHANGES[change][0](proto)
    with pytest.raises(ModelError, match=CHANGES[change][1]):
        read_graph(proto.SerializeToString())


def test_work_is_bounded_whatever_a_file_claims(
    network: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Millions of empty messages, tensors of shapes that nothing holds, files that are too long."""
    proto = onnx.ModelProto.FromString(network)
    tensor = proto.graph.initializer.add(name="x", data_type=TensorProto.INT8)
    tensor.dims.extend([1 << 40, 1 << 40])
    proto.graph.node[0].input.append("x")
    with pytest.raises(ModelError, match=r"tensor 'x' has the shape \[1099511627776, "):
        read_graph(proto.SerializeToString())
    nodes = b"\x0a\x00" * (onnx_file.FIELDS_MOST + 1)  # two bytes a node
    size = len(nodes)
    length = bytes(
        [size & 0x7F | 0x80, size >> 7 & 0x7F | 0x80, size >> 14 & 0x7F | 0x80, size >> 21]
    )
    with pytest.raises(ModelError, match="more than 1000000 fields of ONNX"):
        read_graph(b"\x08\x08\x3a" + length + nodes)
    monkeypatch.setattr(onnx_file, "FILE_MOST_B", 100)
    with pytest.raises(ModelError, match="bytes of ONNX; 100 are more than any"):
        read_graph(network)


def test_growing_activations_are_refused() -> None:
    """A Resize to more than any microcontroller holds."""
    drawing, rng = Drawing(), np.random.default_rng(0)
    factors = drawing.constant([1, 1, 60, 60])
    source, mode = drawing.input(1, 1, 60, 60), "asymmetric"
    made = drawing.op("Resize", source, "", factors, nearest_mode="floor",
                      coordinate_transformation_mode=mode)  # fmt: skip
    drawing.outputs.append(made)
    with pytest.raises(ModelError, match=r"node \d+ Resize .* 12960000 bytes"):
        read_graph(quantised(drawing, rng))


def test_without_its_package_it_says_what_to_type(
    network: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The extra, in the words of any other."""
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(ModelError) as refused:
        read_graph(network)
    assert str(refused.value) == extras.missing("an ONNX model", "onnx", "onnx")


def _mutant(data: bytes, rng: random.Random) -> bytes:
    """Return bytes with some of them changed, cut out, doubled, or all that follows lost."""
    changed = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 8])):
        at = rng.randrange(len(changed) or 1)
        kind = rng.randrange(6)
        if kind == 0:
            del changed[at : at + rng.randrange(1, 9)]
        elif kind == 1:
            changed[at:at] = changed[at : at + rng.randrange(1, 9)]
        elif kind == 2:
            del changed[max(at, 8) :]
        elif changed:
            changed[at] = rng.choice([0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)])
    return bytes(changed)


def _survive(data: bytes) -> bool:
    """Whether a graph came of it, if not a ModelError; anything else fails the test."""
    try:
        graph = read_graph(data)
        lay_out(graph, lower(graph, "plain")[1])
    except ModelError as error:
        assert "\n" not in str(error)
        return False
    return True


def _fuzz(network: bytes, count: int, seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311
    drawing = beside(
        ["shapes", "cut", "joined", "means", "enlarged", "resized"], np.random.default_rng(seed)
    )
    models = [network, quantised(drawing, np.random.default_rng(seed))]
    survived = sum(_survive(_mutant(rng.choice(models), rng)) for _ in range(count))
    assert 0 < survived < count


def test_damaged_models_are_refused_or_read(network: bytes) -> None:
    """Mutants of made models: a clear error or a model, never another exception."""
    _fuzz(network, MUTANTS, 1)


@pytest.mark.soak
def test_many_damaged_models_are_refused_or_read(network: bytes) -> None:
    """As above, for long."""
    _fuzz(network, 20_000, 2)


def test_every_reader_is_of_an_operator_of_onnx() -> None:
    """Their names are those of the standard; Upsample is one of its old ones."""
    known = {schema.name for schema in onnx.defs.get_all_schemas_with_history()}
    assert set(READERS) <= known
