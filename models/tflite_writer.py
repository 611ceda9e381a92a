"""Write a model as the bytes of a .tflite file, from tensors and operators."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import flatbuffers
import numpy as np
import tflite

# Where the name of the options is not that of the operator.
_OPTIONS = {
    "CONV_2D": "Conv2DOptions",
    "DEPTHWISE_CONV_2D": "DepthwiseConv2DOptions",
    "AVERAGE_POOL_2D": "Pool2DOptions",
    "MAX_POOL_2D": "Pool2DOptions",
    "L2_POOL_2D": "Pool2DOptions",
    "BATCH_MATMUL": "BatchMatMulOptions",
    "L2_NORMALIZATION": "L2NormOptions",
    "SVDF": "SVDFOptions",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "UnidirectionalSequenceLSTMOptions",
    "MEAN": "ReducerOptions",
    "SUM": "ReducerOptions",
    "REDUCE_MAX": "ReducerOptions",
    "REDUCE_MIN": "ReducerOptions",
    "REDUCE_ALL": "ReducerOptions",
    "REDUCE_ANY": "ReducerOptions",
    "MAXIMUM": "MaximumMinimumOptions",
    "MINIMUM": "MaximumMinimumOptions",
    "SPACE_TO_BATCH_ND": "SpaceToBatchNDOptions",
    "BATCH_TO_SPACE_ND": "BatchToSpaceNDOptions",
}
SAME, VALID = tflite.Padding.SAME, tflite.Padding.VALID
NONE = tflite.ActivationFunctionType.NONE
RELU = tflite.ActivationFunctionType.RELU
RELU6 = tflite.ActivationFunctionType.RELU6


@dataclass(frozen=True)
class Tensor:
    """A tensor to be written; an activation where `data` is None."""

    shape: Sequence[int]
    type: str = "INT8"
    scales: Sequence[float] = ()
    zero_points: Sequence[int] = ()
    axis: int = 0
    data: np.ndarray | None = None
    signature: Sequence[int] = ()
    name: str = ""
    """By default "t" and its number."""
    variable: bool = False
    """Whether it lasts from one inference to the next."""
    rows: Sequence[Sequence[int]] | None = None
    """Of a sparse matrix: the columns that `data` has, row by row."""


@dataclass(frozen=True)
class Operator:
    """An operator to be written; inputs and outputs are tensor indices."""

    name: str
    inputs: Sequence[int]
    outputs: Sequence[int]
    options: Mapping[str, float | str] = field(default_factory=dict)


@dataclass(frozen=True)
class Model:
    """A model to be written."""

    tensors: Sequence[Tensor]
    operators: Sequence[Operator]
    inputs: Sequence[int]
    outputs: Sequence[int]
    others: Sequence["Model"] = ()
    """Further subgraphs."""


def write(model: Model) -> bytes:
    """Return the model as the bytes of a .tflite file."""
    out = flatbuffers.Builder(4096)
    parts = [model, *model.others]
    names = sorted({op.name for part in parts for op in part.operators})
    buffers = [_buffer(out, None)]
    subgraphs = [_subgraph(out, part, names, buffers) for part in parts]
    codes = [_code(out, name) for name in names]
    tables = (_offsets(out, codes), _offsets(out, subgraphs), _offsets(out, buffers))
    tflite.ModelStart(out)
    tflite.ModelAddVersion(out, 3)
    tflite.ModelAddOperatorCodes(out, tables[0])
    tflite.ModelAddSubgraphs(out, tables[1])
    tflite.ModelAddBuffers(out, tables[2])
    out.Finish(tflite.ModelEnd(out), b"TFL3")
    return bytes(out.Output())


def _subgraph(out: Any, model: Model, names: Sequence[str], buffers: list[int]) -> int:
    """Write a subgraph; what its constants hold is added to `buffers`."""
    tensors = []
    for i, tensor in enumerate(model.tensors):
        if tensor.data is not None:
            buffers.append(_buffer(out, tensor.data.tobytes()))
        tensors.append(
            _tensor(
                out, tensor.name or f"t{i}", tensor, 0 if tensor.data is None else len(buffers) - 1
            )
        )
    operators = [_operator(out, op, names.index(op.name)) for op in model.operators]
    tables = _offsets(out, tensors), _offsets(out, operators)
    ends = _ints(out, model.inputs), _ints(out, model.outputs)
    tflite.SubGraphStart(out)
    tflite.SubGraphAddTensors(out, tables[0])
    tflite.SubGraphAddInputs(out, ends[0])
    tflite.SubGraphAddOutputs(out, ends[1])
    tflite.SubGraphAddOperators(out, tables[1])
    return tflite.SubGraphEnd(out)


def _buffer(out: Any, data: bytes | None) -> int:
    vector = None if data is None else out.CreateByteVector(data)
    tflite.BufferStart(out)
    if vector is not None:
        tflite.BufferAddData(out, vector)
    return tflite.BufferEnd(out)


def _tensor(out: Any, name: str, tensor: Tensor, buffer: int) -> int:
    text, shape = out.CreateString(name), _ints(out, tensor.shape)
    signature = _ints(out, tensor.signature) if tensor.signature else None
    sparsity = None if tensor.rows is None else _sparsity(out, tensor.rows)
    quantisation = None
    if tensor.scales:
        scales = out.CreateNumpyVector(np.array(tensor.scales, np.float32))
        zero_points = out.CreateNumpyVector(np.array(tensor.zero_points, np.int64))
        tflite.QuantizationParametersStart(out)
        tflite.QuantizationParametersAddScale(out, scales)
        tflite.QuantizationParametersAddZeroPoint(out, zero_points)
        tflite.QuantizationParametersAddQuantizedDimension(out, tensor.axis)
        quantisation = tflite.QuantizationParametersEnd(out)
    tflite.TensorStart(out)
    tflite.TensorAddShape(out, shape)
    tflite.TensorAddType(out, getattr(tflite.TensorType, tensor.type))
    tflite.TensorAddBuffer(out, buffer)
    tflite.TensorAddName(out, text)
    tflite.TensorAddIsVariable(out, tensor.variable)
    if quantisation is not None:
        tflite.TensorAddQuantization(out, quantisation)
    if signature is not None:
        tflite.TensorAddShapeSignature(out, signature)
    if sparsity is not None:
        tflite.TensorAddSparsity(out, sparsity)
    return tflite.TensorEnd(out)


def _sparsity(out: Any, rows: Sequence[Sequence[int]]) -> int:
    """Write that the rows of a matrix are dense, and its columns the given ones."""
    indices = []
    for values in (np.cumsum([0, *map(len, rows)]), np.concatenate([*rows, []])):
        vector = out.CreateNumpyVector(np.array(values, np.int32))
        tflite.Int32VectorStart(out)
        tflite.Int32VectorAddValues(out, vector)
        indices.append(tflite.Int32VectorEnd(out))
    tflite.DimensionMetadataStart(out)
    tflite.DimensionMetadataAddDenseSize(out, len(rows))
    levels = [tflite.DimensionMetadataEnd(out)]
    tflite.DimensionMetadataStart(out)
    tflite.DimensionMetadataAddFormat(out, tflite.DimensionType.SPARSE_CSR)
    tflite.DimensionMetadataAddArraySegmentsType(out, tflite.SparseIndexVector.Int32Vector)
    tflite.DimensionMetadataAddArraySegments(out, indices[0])
    tflite.DimensionMetadataAddArrayIndicesType(out, tflite.SparseIndexVector.Int32Vector)
    tflite.DimensionMetadataAddArrayIndices(out, indices[1])
    levels.append(tflite.DimensionMetadataEnd(out))
    tables = _ints(out, [0, 1]), _offsets(out, levels)
    tflite.SparsityParametersStart(out)
    tflite.SparsityParametersAddTraversalOrder(out, tables[0])
    tflite.SparsityParametersAddDimMetadata(out, tables[1])
    return tflite.SparsityParametersEnd(out)


def _operator(out: Any, op: Operator, code: int) -> int:
    kind = _OPTIONS.get(op.name, op.name.title().replace("_", "") + "Options")
    options = None
    if hasattr(tflite, f"{kind}Start"):
        values = {
            name: out.CreateString(value) if isinstance(value, str) else value
            for name, value in op.options.items()
        }
        getattr(tflite, f"{kind}Start")(out)
        for name, value in values.items():
            getattr(tflite, f"{kind}Add{name}")(out, value)
        options = getattr(tflite, f"{kind}End")(out)
    ends = _ints(out, op.inputs), _ints(out, op.outputs)
    tflite.OperatorStart(out)
    tflite.OperatorAddOpcodeIndex(out, code)
    tflite.OperatorAddInputs(out, ends[0])
    tflite.OperatorAddOutputs(out, ends[1])
    if options is not None:
        tflite.OperatorAddBuiltinOptionsType(out, getattr(tflite.BuiltinOptions, kind))
        tflite.OperatorAddBuiltinOptions(out, options)
    return tflite.OperatorEnd(out)


def _code(out: Any, name: str) -> int:
    number = getattr(tflite.BuiltinOperator, name)
    tflite.OperatorCodeStart(out)
    tflite.OperatorCodeAddDeprecatedBuiltinCode(out, min(number, 127))
    tflite.OperatorCodeAddVersion(out, 1)
    tflite.OperatorCodeAddBuiltinCode(out, number)
    return tflite.OperatorCodeEnd(out)


def _ints(out: Any, values: Sequence[int]) -> int:
    return out.CreateNumpyVector(np.array(values, np.int32))


def _offsets(out: Any, offsets: Sequence[int]) -> int:
    out.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        out.PrependUOffsetTRelative(offset)
    return out.EndVector()
