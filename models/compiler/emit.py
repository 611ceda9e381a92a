"""Write a compiled model as C: constants, arena, and one call an operator."""

import math

import numpy as np

from .graph import Graph
from .layout import Memory
from .lower import Constant, Step

_PER_LINE = 24


def emit(graph: Graph, steps: list[Step], memory: Memory, model_id: str) -> str:
    """Return the text of model.c, which implements firmware/core/model.h."""
    source, target = graph.tensors[graph.input], graph.tensors[graph.output]
    # Values are printed cut off: so many decimals that one step of the output shows.
    decimals = max(0, math.ceil(-math.log10(target.scale)))
    parts = [
        "/* Generated from a .tflite by the tinybench model compiler. */",
        '#include "model.h"\n\n#include "kernels.h"\n',
        f'const char model_id[] = "{model_id}";',
        f"const uint32_t model_input_b = {source.elements};",
        f"uint8_t model_input[{source.elements}] __attribute__((aligned(8)));",
        f"const uint32_t model_result_count = {target.elements};",
        f"const uint32_t model_result_decimals = {decimals};\n",
    ]
    if memory.arena_b:
        parts.append(f"static int8_t arena[{memory.arena_b}] __attribute__((aligned(8)));")
    zeros = _numbers(np.full(target.elements, target.zero_point))
    parts += [
        "/* Starts as zeros, once dequantised. */",
        f"static int8_t output[{target.elements}] __attribute__((aligned(4))) = {{\n{zeros}}};\n",
    ]
    parts += [_constants(step) for step in steps if step.function]
    parts += [
        "int model_infer(void) {",
        "    const int8_t *input = (const int8_t *)model_input;",
        *(_call(step, memory) for step in steps if step.function),
        "    return 0;",
        "}\n",
        "float model_result(uint32_t index) {",
        f"    return (float)(output[index] - ({target.zero_point})) * {_float(target.scale)};",
        "}\n",
    ]
    return "\n".join(parts)


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
