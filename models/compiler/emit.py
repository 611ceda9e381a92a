"""Write a compiled model as C: constants, arena, and one function a layer."""

import math
from typing import Literal

import msgspec
import numpy as np

from .graph import Graph, Tensor
from .layout import Memory
from .step import Constant, Step

_PER_LINE = 24


InputFormat = Literal["int8", "uint8", "float32"]
ResultKind = Literal["output", "mse"]


class Interface(msgspec.Struct, frozen=True):
    """What is uploaded and what is answered."""

    input_format: InputFormat = "int8"
    """Elements of the upload. "uint8": the model's int8 plus 128. "float32": little endian, in the
    units of the model's input, quantised on the device."""
    result: ResultKind = "output"
    """"output": the dequantised outputs. "mse": one value, their mean squared error against the
    uploaded floats."""
    decimals: int | None = None
    """Print at least so many decimals; None: as many as tell two outputs apart."""

    def input_b(self, source: Tensor) -> int:
        """Return the bytes of an upload."""
        return source.elements * (4 if self.input_format == "float32" else 1)

    def quantised_b(self, source: Tensor) -> int:
        """Return the bytes of the quantised input that is kept beside the upload."""
        return source.elements if self.input_format == "float32" else 0


def emit(
    graph: Graph, steps: list[Step], memory: Memory, model_id: str, interface: Interface
) -> str:
    """Return the text of model.c, which implements firmware/core/model.h."""
    source, target = graph.tensors[graph.input], graph.tensors[graph.output]
    input_b, floats = interface.input_b(source), interface.input_format == "float32"
    mse = interface.result == "mse"
    layers = [step for step in steps if step.function]
    headers = sorted({"kernels.h", *(step.header for step in layers)})
    # The published reference logs cut off where the decimals just tell two outputs apart (kws01),
    # and round where there are more (vww01, ic01, ad01).
    enough = max(0, math.ceil(-math.log10(target.scale)))
    decimals = max(enough, interface.decimals or 0)
    rounded = mse or decimals > enough
    parts = [
        "/* Generated from a .tflite by the tinybench model compiler. */",
        '#include "model.h"\n',
        *(['#include "float32.h"'] if floats else []),
        *(f'#include "{header}"' for header in headers),
        "",
        f'const char model_id[] = "{model_id}";',
        f"const uint32_t model_input_b = {input_b};",
        f"uint8_t model_input[{input_b}] __attribute__((aligned(8)));",
        f"const uint8_t model_input_flip = {'0x80' if interface.input_format == 'uint8' else 0};",
        f"const uint32_t model_result_count = {1 if mse else target.elements};",
        f"const uint32_t model_result_decimals = {decimals};",
        f"const bool model_result_rounded = {'true' if rounded else 'false'};",
        f"const uint32_t model_layer_count = {len(layers)};\n",
    ]
    if floats:
        parts.append(f"static int8_t input[{source.elements}] __attribute__((aligned(8)));")
    else:
        parts.append("#define input ((const int8_t *)model_input)")
    if memory.arena_b:
        parts.append(f"static int8_t arena[{memory.arena_b}] __attribute__((aligned(8)));")
    zeros = _numbers(np.full(target.elements, target.zero_point))
    parts += [
        "/* Starts as zeros, once dequantised. */",
        f"static int8_t output[{target.elements}] __attribute__((aligned(4))) = {{\n{zeros}}};\n",
    ]
    parts += [_constants(step) for step in layers]
    parts += [_layer(i, step, memory) for i, step in enumerate(layers)]
    parts += [
        "int model_infer(void) {",
        *(f"    layer_{i}();" for i in range(len(layers))),
        "    return 0;",
        "}\n",
        "int model_infer_layer(uint32_t index) {",
        "    static void (*const layers[])(void) = {",
        *(f"        layer_{i}," for i in range(len(layers))),
        "    };",
        "    layers[index]();",
        "    return 0;",
        "}\n",
        "void model_load(void) {",
        *_load(source, interface),
        "}\n",
        *_results(target, interface),
    ]
    return "\n".join(parts)


def _load(source: Tensor, interface: Interface) -> list[str]:
    if interface.input_format != "float32":
        return []
    return [
        f"    quantise_float32(model_input, {source.elements}, {_float(source.scale)}, "
        f"{source.zero_point}, input);"
    ]


def _results(target: Tensor, interface: Interface) -> list[str]:
    """Return model_finish and model_result."""
    if interface.result == "mse":
        return [
            "static float error;\n",
            "void model_finish(void) {",
            f"    error = mean_squared_error(model_input, output, {target.elements}, "
            f"{_float(target.scale)}, {target.zero_point});",
            "}\n",
            "float model_result(uint32_t index) {",
            "    (void)index;",
            "    return error;",
            "}\n",
        ]
    return [
        "void model_finish(void) {",
        "}\n",
        "float model_result(uint32_t index) {",
        f"    return (float)(output[index] - ({target.zero_point})) * {_float(target.scale)};",
        "}\n",
    ]


def _constants(step: Step) -> str:
    """Return a step's constant arrays and its parameter struct."""
    name = f"op{step.operator.index}"
    lines = [_array(name, constant) for constant in step.constants]
    fields = [f".{constant.field} = {name}_{constant.field}" for constant in step.constants]
    fields += [f".{field} = {value}" for field, value in step.fields.items()]
    lines.append(
        f"static const struct {step.function} {name} = {{\n    "
        + ",\n    ".join(fields)
        + ",\n};\n"
    )
    return "\n".join(lines)


def _array(name: str, constant: Constant) -> str:
    if constant.values.ndim == 2:
        body = "".join(f"    {{{', '.join(map(str, row))}}},\n" for row in constant.values.tolist())
    else:
        body = _numbers(constant.values)
    return (
        f"static const {constant.ctype} {name}_{constant.field}[{len(constant.values)}] "
        f"__attribute__((aligned(4))) = {{\n{body}}};"
    )


def _numbers(values: np.ndarray) -> str:
    texts = list(map(str, values.tolist()))
    return "".join(
        "    " + ", ".join(texts[i : i + _PER_LINE]) + ",\n"
        for i in range(0, len(texts), _PER_LINE)
    )


def _layer(number: int, step: Step, memory: Memory) -> str:
    return f"static void layer_{number}(void) {{\n{_call(step, memory)}\n}}\n"


def _call(step: Step, memory: Memory) -> str:
    index = step.operator.index
    arguments = [
        f"&op{index}",
        *(memory.places[i] for i in step.inputs),
        memory.places[step.output],
    ]
    if step.scratch_b:
        arguments.append(memory.scratch[index])
    return f"    {step.function}({', '.join(arguments)});"


def _float(value: float) -> str:
    """Return a single-precision literal with the value's own bits."""
    return f"{float(np.float32(value)).hex()}f"
