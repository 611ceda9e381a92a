"""Write a compiled model as C: constants, arena, and one function a layer."""

import itertools
import math
from collections import Counter
from collections.abc import Sequence

import msgspec
import numpy as np

from tinybench.errors import ModelError

from .checks import is_quantised
from .graph import Graph, Tensor
from .interface import Interface, Upload, uploads
from .layout import Memory
from .step import Constant, Step

_PER_LINE = 24
CTYPES = {
    "FLOAT32": "float",
    "INT32": "int32_t",
    "INT16": "int16_t",
    "INT64": "int64_t",
    "UINT8": "uint8_t",
    "BOOL": "uint8_t",
}
"""Of a model's outputs; int8_t where none is named."""
FLOAT_DECIMALS = 6


def emit(
    graph: Graph,
    steps: list[Step],
    memory: Memory,
    model_id: str,
    interface: Interface,
    frames: int = 0,
    *,
    small: bool = False,
) -> str:
    """Return the text of model.c, which implements firmware/core/model.h.

    `small`: no layer stands twice in the flash, by itself and as a part of the inference.
    `frames`: so many inferences of an input of zeros begin a stream; 0 where a state begins as its
    tensor says.
    """
    sources = uploads(graph, interface)
    targets = [graph.tensors[i] for i in graph.outputs]
    input_b = sum(upload.size_b for upload in sources)
    layers = layers_of(steps)
    headers = sorted({"kernels.h", *(step.header for step in steps if step.function)})
    halved = any(step.beside for step in steps)
    headers += ["second_core.h"] * halved
    status = "second_core_status()" if halved else "0"
    decimals, rounded = printed_as(graph, interface)
    floats = any(upload.quantised for upload in sources)
    copied = any(not (upload.in_place or upload.quantised) for upload in sources)
    stateful = any(t.initial is not None for t in graph.tensors)
    flipped = any(upload.flipped for upload in sources)
    parts = [
        "/* Generated from a .tflite by the tinybench model compiler. */",
        '#include "model.h"\n',
        *(["#include <string.h>\n"] if copied or stateful else []),
        *(['#include "float32.h"'] if floats or interface.result == "mse" else []),
        *(f'#include "{header}"' for header in headers),
        "",
        f'const char model_id[] = "{model_id}";',
        f"const uint32_t model_input_b = {input_b};",
        f"uint8_t model_input[{input_b}] __attribute__((aligned(8)));",
        f"const uint8_t model_input_flip = {'0x80' if flipped else 0};",
        f"const uint32_t model_result_count = {result_count(graph, interface)};",
        f"const uint32_t model_result_decimals = {decimals};",
        f"const bool model_result_rounded = {'true' if rounded else 'false'};",
        f"const uint32_t model_layer_count = {len(layers)} + MODEL_LAYERS_BEFORE;",
        *_input_steps(sources[0].tensor),
        "",
        *(_input(i, upload) for i, upload in enumerate(sources)),
    ]
    if memory.arena_b:
        parts.append(f"static int8_t arena[{memory.arena_b}] __attribute__((aligned(8)));")
    for i, target in enumerate(targets):
        if memory.places[target.index] == f"output_{i}":
            ctype = CTYPES.get(target.type, "int8_t")
            parts.append(
                f"static {ctype} output_{i}[{target.elements}] __attribute__((aligned(8)));"
            )
    parts.append("static bool finished; /* without it, a result is 0 */\n")
    parts += _operands(graph, steps)
    states = [t for t in graph.tensors if t.initial is not None]
    parts += _states(states, _fill(sources[0], len(layers), frames) if frames else None)
    structs = _Structs()
    calls = [[(structs.name(name, step), i, step) for name, i, step in layer] for layer in layers]
    parts += structs.texts
    begins = "    if (!state_kept) {\n        reset_state();\n    }\n" if states else ""
    parts += [
        _layer(i, layer, memory, graph.tensors, begins if i == 0 else "", apart=small)
        for i, layer in enumerate(calls)
    ]
    parts += [
        "int model_infer(void) {",
        *(f"    layer_{i}();" for i in range(len(layers))),
        f"    return {status};",
        "}\n",
        "int model_infer_layer(uint32_t index) {",
        "    static void (*const layers[])(void) = {",
        *(f"        layer_{i}," for i in range(len(layers))),
        "    };",
        "    layers[index]();",
        f"    return {status};",
        "}\n",
        "void model_load(void) {",
        *(_load(i, upload) for i, upload in enumerate(sources) if not upload.in_place),
        "}\n",
        *_results(targets, memory, interface),
    ]
    return "\n".join(parts)


def layers_of(steps: list[Step]) -> list[list[tuple[str, int, Step]]]:
    """Return the steps of each operator that calls kernels, with their names in C and numbers.

    An operator that is computed strip by strip has several such layers.
    """
    numbered = [(i, step) for i, step in enumerate(steps) if step.function]
    layers = []
    before = Counter[int]()
    for index, group in itertools.groupby(numbered, lambda pair: pair[1].operator.index):
        calls, at = list(group), before[index]
        alone = len(calls) == 1 and not at
        names = [f"op{index}"] if alone else [f"op{index}_{at + n}" for n in range(len(calls))]
        before[index] += len(calls)
        layers.append([(name, i, step) for name, (i, step) in zip(names, calls, strict=True)])
    return layers


def result_count(graph: Graph, interface: Interface) -> int:
    """Return how many values a model answers."""
    if interface.result == "mse":
        return 1
    return sum(graph.tensors[i].elements for i in graph.outputs)


def printed_as(graph: Graph, interface: Interface) -> tuple[int, bool]:
    """Return how many decimals of a result are printed, and whether they are rounded or cut off."""
    # The published reference logs cut off where the decimals just tell two outputs apart (kws01),
    # and round where there are more (vww01, ic01, ad01).
    enough = max(enough_decimals(graph.tensors[i]) for i in graph.outputs)
    decimals = max(enough, interface.decimals or 0)
    return decimals, interface.result == "mse" or decimals > enough


def enough_decimals(target: Tensor) -> int:
    """Return how many decimals tell two values of an output apart."""
    if not is_quantised(target):
        return FLOAT_DECIMALS if target.type == "FLOAT32" else 0
    return max(0, math.ceil(-math.log10(target.scale)))


def _input_steps(tensor: Tensor) -> list[str]:
    """Return what a step of an input of int8 stands for."""
    if tensor.type != "INT8" or not (tensor.scales and tensor.zero_points):
        return []
    return [
        f"const float model_input_scale = {_float(tensor.scale)};",
        f"const int32_t model_input_zero_point = {tensor.zero_point};",
    ]


def _input(number: int, upload: Upload) -> str:
    if upload.in_place:
        place = f"(model_input + {upload.offset_b})" if upload.offset_b else "model_input"
        return f"#define input_{number} ((const int8_t *){place})"
    return f"static int8_t input_{number}[{upload.tensor.size_b}] __attribute__((aligned(8)));"


def _load(number: int, upload: Upload) -> str:
    tensor = upload.tensor
    place = f"model_input + {upload.offset_b}" if upload.offset_b else "model_input"
    if not upload.quantised:
        return f"    memcpy(input_{number}, {place}, {upload.size_b});"
    given = f"{place}, {tensor.elements}, {_float(tensor.scale)}"
    if tensor.type == "INT16":
        return f"    quantise_float32_int16({given}, (int16_t *)input_{number});"
    return f"    quantise_float32({given}, {tensor.zero_point}, input_{number});"


def _results(targets: list[Tensor], memory: Memory, interface: Interface) -> list[str]:
    """Return model_finish and model_result."""
    if interface.result == "mse":
        (target,) = targets
        return [
            "static float error;\n",
            "void model_finish(void) {",
            "    finished = true;",
            f"    error = {_error(target)};",
            "}\n",
            "float model_result(uint32_t index) {",
            "    (void)index;",
            "    return finished ? error : 0.0f;",
            "}\n",
        ]
    lines = [
        "void model_finish(void) {",
        "    finished = true;",
        "}\n",
        "float model_result(uint32_t index) {",
        "    if (!finished) {",
        "        return 0.0f;",
        "    }",
    ]
    for i, target in enumerate(targets):
        value = _result(target, memory.places[target.index])
        if i == len(targets) - 1:
            lines.append(f"    return {value};")
        else:
            lines += [
                f"    if (index < {target.elements}) {{",
                f"        return {value};",
                "    }",
                f"    index -= {target.elements};",
            ]
    return [*lines, "}\n"]


def _error(target: Tensor) -> str:
    given = f"model_input, output_0, {target.elements}"
    if target.type == "FLOAT32":
        return f"mean_squared_error_float32({given})"
    given += f", {_float(target.scale)}"
    if target.type == "INT16":
        return f"mean_squared_error_int16({given})"
    return f"mean_squared_error({given}, {target.zero_point})"


def _result(target: Tensor, place: str) -> str:
    if target.type == "FLOAT32":
        return f"{place}[index]"
    if not is_quantised(target):
        return f"(float){place}[index]"
    return f"(float)({place}[index] - ({target.zero_point})) * {_float(target.scale)}"


def _operands(graph: Graph, steps: list[Step]) -> list[str]:
    """Return the constant tensors that kernels read as they read activations."""
    read = sorted({i for step in steps for i in step.inputs if graph.tensors[i].data is not None})
    return [
        f"static const int8_t constant_{i}[{len(data)}] __attribute__((aligned(4))) = "
        f"{{\n{_numbers(np.frombuffer(data, np.int8))}}};\n"
        for i in read
        if (data := graph.tensors[i].data) is not None
    ]


def _fill(upload: Upload, layers: int, frames: int) -> tuple[list[str], list[str]]:
    """Return what is declared for, and what puts a stream's states back: frames of zeros."""
    size_b = upload.tensor.size_b
    place = "model_input" if upload.in_place else "input_0"
    declared = [
        *(f"static void layer_{i}(void);" for i in range(layers)),
        f"static int8_t waiting[{size_b}];",
    ]
    return declared, [
        "    const bool kept = state_kept;",
        "    state_kept = true; /* while it fills */",
        f"    memcpy(waiting, {place}, {size_b});",
        f"    memset({place}, 0, {size_b});",
        f"    for (int32_t frame = 0; frame < {frames}; frame++) {{",
        *(f"        layer_{i}();" for i in range(layers)),
        "    }",
        f"    memcpy({place}, waiting, {size_b});",
        "    state_kept = kept;",
    ]


def _states(states: list[Tensor], fill: tuple[list[str], list[str]] | None) -> list[str]:
    """Return the memory of states, and what puts them back to how they begin.

    `fill`: what is declared for that, and done, other than to copy their initial values.
    """
    if not states:
        return []
    texts, resets = fill or (list[str](), list[str]())
    for t in states:
        initial = t.initial or b""
        texts.append(f"static int8_t state_{t.index}[{t.size_b}] __attribute__((aligned(8)));")
        if fill:
            continue
        if len(set(initial)) == 1:
            resets.append(f"    memset(state_{t.index}, {initial[0]}, sizeof state_{t.index});")
            continue
        texts.append(
            f"static const int8_t initial_{t.index}[{t.size_b}] = "
            f"{{\n{_numbers(np.frombuffer(initial, np.int8))}}};"
        )
        resets.append(f"    memcpy(state_{t.index}, initial_{t.index}, sizeof state_{t.index});")
    return [
        *texts,
        "static bool state_kept;\n",
        "static void reset_state(void) {",
        *resets,
        "}\n",
        "bool model_keep_state(bool kept) {",
        "    state_kept = kept;",
        "    reset_state();",
        "    return true;",
        "}\n",
    ]


class _Structs:
    """The constant arrays and parameter structs of steps, each once."""

    def __init__(self) -> None:
        """Begin with none."""
        self.texts = list[str]()
        self.arrays = dict[int, str]()
        self.structs = dict[str, str]()

    def name(self, name: str, step: Step) -> str:
        """Return what a step's parameters are called: `name`, or that of the same ones before."""
        fields = [f".{one.field} = {self._array(name, one)}" for one in step.constants]
        fields += [
            f".{field} = {_float(value) if isinstance(value, float) else value}"
            for field, value in step.fields.items()
        ]
        of = f"static const struct {step.parameters or step.function} "
        body = " = {\n    " + ",\n    ".join(fields) + ",\n};\n"
        if of + body not in self.structs:
            self.structs[of + body] = name
            self.texts.append(of + name + body)
        return self.structs[of + body]

    def _array(self, name: str, constant: Constant) -> str:
        """Return the name of an array; strips of one operator share theirs."""
        if id(constant) not in self.arrays:
            self.arrays[id(constant)] = f"{name}_{constant.field}"
            self.texts.append(_array(name, constant))
        return self.arrays[id(constant)]


def _array(name: str, constant: Constant) -> str:
    if constant.values.ndim == 2:
        rows = constant.values.tolist()
        body = "".join(f"    {{{', '.join(map(_number, row))}}},\n" for row in rows)
    else:
        body = _numbers(constant.values)
    return (
        f"static const {constant.ctype} {name}_{constant.field}[{len(constant.values)}] "
        f"__attribute__((aligned(4))) = {{\n{body}}};"
    )


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else _float(value)


def _numbers(values: np.ndarray) -> str:
    if values.dtype == np.float32:
        texts = [f"{value.hex()}f" for value in values.tolist()]
    else:
        texts = list(map(str, values.tolist()))
    return "".join(
        "    " + ", ".join(texts[i : i + _PER_LINE]) + ",\n"
        for i in range(0, len(texts), _PER_LINE)
    )


def _layer(
    number: int,
    layer: list[tuple[str, int, Step]],
    memory: Memory,
    tensors: tuple[Tensor, ...],
    begins: str,
    *,
    apart: bool,
) -> str:
    beside = [_call(*one, memory, tensors) for one in layer if one[2].beside]
    own = [_call(*one, memory, tensors) for one in layer if not one[2].beside]
    # Of strips there are many: once in flash is enough.
    apart = apart or any(step.whole for _, _, step in layer)
    how = "__attribute__((noinline)) " if apart else ""
    other = ""
    if beside:
        name = f"layer_{number}_beside"
        other = "\n".join([f"static void {name}(void) {{", *beside, "}\n\n"])
        own = [f"    second_core_begin({name});", *own, "    second_core_end();"]
    calls = "\n".join(own)
    return f"{other}static {how}void layer_{number}(void) {{\n{begins}{calls}\n}}\n"


def _call(name: str, number: int, step: Step, memory: Memory, tensors: tuple[Tensor, ...]) -> str:
    ends = [*step.inputs, step.output]
    places = [
        f"{memory.places[i]} + {step.begins[i]}" if step.begins.get(i) else memory.places[i]
        for i in ends
    ]
    if step.images > 1:
        parts_b = [tensors[i].size_b // step.images for i in ends]
        places = [
            f"({'int8_t' if i == step.output else 'const int8_t'} *)({place}) + image * {part_b}"
            for place, part_b, i in zip(places, parts_b, ends, strict=True)
        ]
    arguments = [f"&{name}", *places, *([memory.scratch[number]] if step.scratch_b else [])]
    call = f"    {step.function}({', '.join(arguments)});"
    if step.images == 1:
        return call
    return f"    for (int32_t image = 0; image < {step.images}; image++) {{\n    {call}\n    }}"


def _float(value: float) -> str:
    """Return a single-precision literal with the value's own bits."""
    return f"{float(np.float32(value)).hex()}f"


def constants_of(steps: Sequence[Step]) -> list[tuple[str, Constant]]:
    """Return the constants of all steps, each once, by what they are called in C."""
    found: dict[int, tuple[str, Constant]] = {}
    for name, _, step in itertools.chain.from_iterable(layers_of(list(steps))):
        for one in step.constants:
            found.setdefault(id(one), (f"{name}_{one.field}", one))
    return list(found.values())


def form_of(steps: Sequence[Step]) -> bytes:
    """Return all of the steps but the values of their constants."""
    return msgspec.json.encode(
        [
            (
                *(step.function, step.fields, step.inputs, step.output, step.scratch_b),
                *((one.field, one.ctype, one.values.shape) for one in step.constants),
            )
            for step in steps
        ]
    )


def bytes_of(constant: Constant) -> bytes:
    """Return a constant as it lies in memory, little endian."""
    values = constant.values
    width = constant.size_b // values.size if values.size else 1
    kind = "f" if constant.ctype == "float" else "i"
    return np.ascontiguousarray(values).astype(f"<{kind}{width}").tobytes()


def places(steps: Sequence[Step]) -> str:
    """Return C that says where each constant lies. Ref: firmware/core/model.h, model_place."""
    names = [name for name, _ in constants_of(steps)]
    if not names:
        raise ModelError("a model without constants has nothing to be patched")
    rows = "".join(f"        {{(uint8_t *){name}, sizeof {name}}},\n" for name in names)
    return (
        "\nuint8_t *model_place(uint32_t index, uint32_t *size_b) {\n"
        "    static struct {\n        uint8_t *at;\n        uint32_t size_b;\n    } places[] = {\n"
        f"{rows}    }};\n"
        f"    if (index >= {len(names)}) {{\n        return NULL;\n    }}\n"
        "    *size_b = places[index].size_b;\n    return places[index].at;\n}\n"
    )
