"""Give plain steps the form of the MVE kernels, where they have one."""

import msgspec
import numpy as np

from .lower import INT8_MIN, Constant, Step, short_form
from .overlap import pixel_by_pixel, row_by_row
from .window import Window

TAPS, CHANNELS = 16, 4
"""Lanes of a vector of int8 and of int32."""


def vectorised(step: Step) -> Step:
    """Return the step with its MVE kernel, or as it is where there is none for its shape."""
    if step.function == "conv_2d":
        return _conv_2d(step)
    if step.function == "fully_connected":
        return _fully_connected(step)
    if step.function == "depthwise_conv_2d":
        return _depthwise_3x3(step)
    return step


def _conv_2d(step: Step) -> Step:
    fields = step.fields
    constants = _constants(step)
    if constants is None:
        return step
    blocks = -(-fields["kernel_h"] * fields["kernel_w"] * fields["in_c"] // TAPS)
    pointwise = all(
        fields[name] == 1 for name in ("kernel_h", "kernel_w", "stride_h", "stride_w")
    ) and not (fields["pad_top"] or fields["pad_left"])
    return msgspec.structs.replace(
        step,
        function="conv_2d_mve",
        fields={
            **_without_output(fields),
            "blocks": blocks,
            "pointwise": int(pointwise),
            "in_zero_point": -fields["in_offset"],
            **_output_fields(fields),
        },
        constants=constants,
        scratch_b=2 * blocks * TAPS,
        overlaps={step.inputs[0]: pixel_by_pixel(_window(fields), 2, reads_while_writing=False)},
    )


def _fully_connected(step: Step) -> Step:
    constants = _constants(step)
    if constants is None:
        return step
    return msgspec.structs.replace(
        step,
        function="fully_connected_mve",
        fields={**_without_output(step.fields), **_output_fields(step.fields)},
        constants=constants,
    )


def _constants(step: Step) -> list[Constant] | None:
    """Return weights and output stage of a convolution; None where it would not be exact."""
    out_c = step.fields["out_c"]
    rows = step.constants[0].values.reshape(out_c, -1)
    entries = _output_stage(step, rows)
    if entries is None:
        return None
    groups, blocks = -(-out_c // CHANNELS), -(-rows.shape[1] // TAPS)
    packed = np.zeros((groups * CHANNELS, blocks * TAPS), np.int8)
    packed[:out_c, : rows.shape[1]] = rows
    packed = packed.reshape(groups, CHANNELS, blocks, TAPS).transpose(0, 2, 1, 3)
    return [_weights(packed), _channels(entries, list(range(groups * CHANNELS)))]


def _depthwise_3x3(step: Step) -> Step:
    fields = step.fields
    channels = fields["out_c"]
    rows = step.constants[0].values.reshape(-1, channels).T
    entries = _output_stage(step, rows)
    # Sums of two products must fit 16 bits.
    if (
        entries is None
        or fields["kernel_h"] != 3
        or fields["kernel_w"] != 3
        or fields["in_c"] != channels
        or rows.min() == INT8_MIN
    ):
        return step
    # Few channels are computed for several pixels at once.
    pixels = TAPS // channels if TAPS % channels == 0 and fields["stride_w"] == 1 else 1
    rows, entries = np.tile(rows, (pixels, 1)), np.tile(entries, (pixels, 1))
    blocks = -(-len(rows) // TAPS)
    packed = np.zeros((blocks * TAPS, 9), np.int8)
    packed[: len(rows)] = rows
    packed = packed.reshape(blocks, TAPS, 9).transpose(0, 2, 1)
    # The kernel's vectors hold every fourth channel.
    order = [
        16 * b + first + 4 * i for b in range(blocks) for first in (0, 2, 1, 3) for i in range(4)
    ]
    overlap = row_by_row(_window(fields))
    width = max(fields["pad_left"] + fields["in_w"], (fields["out_w"] - 1) * fields["stride_w"] + 3)
    fields = (
        _without_output(fields)
        | {
            "row_b": width * channels,
            "pixels": pixels,
            "in_zero_point": -fields["in_offset"],
        }
        | _output_fields(fields)
    )
    for name in ("kernel_h", "kernel_w", "out_c", "multiplier"):
        del fields[name]
    return msgspec.structs.replace(
        step,
        function="depthwise_3x3_mve",
        fields=fields,
        constants=[_weights(packed), _channels(entries, order)],
        scratch_b=3 * width * channels + TAPS,
        overlaps={step.inputs[0]: overlap},
    )


def _window(fields: dict[str, int]) -> Window:
    return Window(**{name: fields[name] for name in Window.__struct_fields__})


def _output_stage(step: Step, rows: np.ndarray) -> np.ndarray | None:
    """Return [channels][4]: bias, multiplier, rounding, minus right shift; None if not exact.

    `rows` are the weights, [channels][taps].
    """
    fields = step.fields
    entries = np.zeros((len(rows), 4), np.int64)
    for c, (bias, multiplier, shift) in enumerate(step.constants[1].values.tolist()):
        weights = rows[c].astype(np.int64)
        folded = bias + fields["in_offset"] * int(weights.sum())
        magnitude = int(np.abs(weights).sum())
        entry = short_form(folded, magnitude, multiplier, -shift, fields["out_offset"])
        if entry is None or (_exact_negatives(fields) and entry[3] == 0 and entry[1] != 0):
            return None
        entries[c] = entry[0] // 2, entry[1], entry[2], -entry[3]
    return entries


def _exact_negatives(fields: dict[str, int]) -> bool:
    return fields["out_min"] < fields["out_offset"]


def _without_output(fields: dict[str, int]) -> dict[str, int]:
    return {
        name: value
        for name, value in fields.items()
        if name not in ("in_offset", "out_offset", "out_min", "out_max")
    }


def _output_fields(fields: dict[str, int]) -> dict[str, int]:
    return {
        "exact_negatives": int(_exact_negatives(fields)),
        "out_min": fields["out_min"],
        "out_max": fields["out_max"],
    }


def _channels(entries: np.ndarray, order: list[int]) -> Constant:
    """Return the output stage in vectors of four channels, in this order, filled up with zeros."""
    padded = np.zeros((len(order), 4), np.int64)
    padded[: len(entries)] = entries
    flat = padded[order].reshape(-1, CHANNELS, 4).transpose(0, 2, 1).reshape(-1)
    return Constant("channels", "int32_t", flat, 4 * flat.size)


def _weights(packed: np.ndarray) -> Constant:
    flat = np.ascontiguousarray(packed).reshape(-1)
    return Constant("weights", "int8_t", flat, flat.size)
