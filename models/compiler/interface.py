"""What is uploaded to a compiled model, and what it answers."""

from typing import Literal, get_args

import msgspec

from tinybench.errors import ModelError

from .graph import Graph, Tensor

InputFormat = Literal["int8", "uint8", "int16", "int32", "float32"]
ResultKind = Literal["output", "mse"]
DECIMALS_MAX = 17
"""A float32 printed by the firmware has no more of its own."""
ALIGNMENT_B = 8
MAX_ENDS = 16
"""Inputs of a model, and outputs."""

FORMATS: dict[str, dict[str, InputFormat]] = {
    "INT8": {"int8": "int8", "uint8": "uint8", "float32": "float32"},
    "UINT8": {"uint8": "int8", "int8": "uint8"},
    "INT16": {"int16": "int8", "float32": "float32"},
    "INT32": {"int32": "int8"},
    "FLOAT32": {"float32": "int8"},
}
"""By the type of a model's input, what may be uploaded, and what is then done to it: nothing
("int8"), the highest bit of each byte turned over ("uint8"), or floats quantised ("float32")."""

COMPARED = ("INT8", "INT16", "FLOAT32")
"""Types of an output that is held against floats."""


class Interface(msgspec.Struct, frozen=True):
    """What is uploaded and what is answered."""

    input_format: InputFormat | None = None
    """Elements of the upload; None: the model's own. "uint8" for a model of int8: plus 128.
    "int16", "int32": little endian. "float32": likewise, in the units of the model's input;
    quantised on the device where the model wants integers. Several inputs follow each other without
    gaps, in the model's order."""
    result: ResultKind = "output"
    """"output": the dequantised outputs, one after the other. "mse": one value, the mean squared
    error of the output against the uploaded floats."""
    decimals: int | None = None
    """Print at least so many decimals; None: as many as tell two outputs apart."""


class Upload(msgspec.Struct, frozen=True):
    """How an input of the model comes out of the upload buffer."""

    tensor: Tensor
    offset_b: int
    """Where it begins in the buffer."""
    size_b: int
    quantised: bool
    """Whether floats become int8 or int16."""
    flipped: bool
    """Whether the highest bit of each byte is turned over on its way."""

    @property
    def in_place(self) -> bool:
        """Whether the model reads it where it was uploaded."""
        return not self.quantised and self.offset_b % ALIGNMENT_B == 0


def uploads(graph: Graph, interface: Interface) -> list[Upload]:
    """Return how each input is uploaded; raises ModelError where it cannot be in that format."""
    found, offset_b = list[Upload](), 0
    for tensor in (graph.tensors[i] for i in graph.inputs):
        known = FORMATS.get(tensor.type)
        if known is None:
            raise ModelError(f"the model's input, {tensor}, is {tensor.type}; int8, uint8, "
                             "int16, int32 and float32 can be uploaded")  # fmt: skip
        wanted = interface.input_format or tensor.type.lower()
        if wanted not in known:
            raise ModelError(
                f"the model's input, {tensor}, is {tensor.type} and cannot be uploaded as "
                f"{wanted}; use input format {' or '.join(known)}"
            )
        done = known[wanted]
        size_b = tensor.elements * 4 if done == "float32" else tensor.size_b
        found.append(Upload(tensor, offset_b, size_b, done == "float32", done == "uint8"))
        offset_b += size_b
    if len({upload.flipped for upload in found}) > 1:
        raise ModelError("the model has inputs of int8 and of uint8; say no input format")
    return found


def ends_b(graph: Graph, interface: Interface) -> tuple[int, int, int]:
    """Return the bytes of the upload buffer, of the inputs that are copies of it, of the outputs.

    Raises as `uploads`.
    """
    sources = uploads(graph, interface)
    copies_b = sum(upload.tensor.size_b for upload in sources if not upload.in_place)
    result_b = sum(graph.tensors[i].size_b for i in graph.outputs)
    return sum(upload.size_b for upload in sources), copies_b, result_b


def check_interface(graph: Graph, interface: Interface) -> None:
    """Raise ModelError for what cannot be uploaded or answered."""
    for name, value, valid in (
        ("input format", interface.input_format, (None, *get_args(InputFormat))),
        ("result", interface.result, get_args(ResultKind)),
    ):
        if value not in valid:
            raise ModelError(f"{name} '{value}': valid: {', '.join(filter(None, valid))}")
    if interface.decimals is not None and not 0 <= interface.decimals <= DECIMALS_MAX:
        raise ModelError(f"{interface.decimals} decimals: 0 to {DECIMALS_MAX} can be printed")
    uploads(graph, interface)
    if interface.result == "mse":
        if interface.input_format != "float32":
            raise ModelError(
                "result 'mse' compares the output with an input of floats; use it with input "
                f"format 'float32', not '{interface.input_format or 'int8'}'"
            )
        sources, targets = ([graph.tensors[i] for i in e] for e in (graph.inputs, graph.outputs))
        if len(sources) != 1 or len(targets) != 1 or targets[0].type not in COMPARED:
            raise ModelError(
                "result 'mse' needs one input and one output of int8, int16 or float32"
            )
        source, target = sources[0], targets[0]
        if source.elements != target.elements:
            raise ModelError(
                f"result 'mse' needs as many outputs as inputs; this model has {source.elements} "
                f"inputs and {target.elements} outputs"
            )
