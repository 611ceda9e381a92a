"""SPACE_TO_BATCH_ND: every so many pixels become an image of their own, after a border of zeros.

The border holds the zero point, as in TensorFlow Lite; TensorFlow Lite Micro never sets it.
"""

from tinybench.errors import ModelError

from ...checks import check_shape, numbers
from ...graph import Graph, Operator, Tensor
from ...step import Kind, Step, Variant
from ...strides import dense
from . import TYPES, filled, moved, source_of

BLOCK_MAX = 256


def spread(
    graph: Graph, op: Operator, images: Tensor, batches: Tensor
) -> tuple[tuple[int, int], tuple[int, int, int, int]]:
    """Return the blocks of pixels, and how many rows and columns surround the image in them.

    `images` has the pixels, `batches` has one image for each place in a block.
    """
    blocks, borders = (numbers(graph.tensors[i], "blocks and borders") for i in op.inputs[1:])
    if len(images.shape) == 3 and len(blocks) == 1 and len(borders) == 2:
        blocks, borders = [*blocks, 1], [*borders, 0, 0]
    if len(images.shape) not in (3, 4) or len(blocks) != 2 or len(borders) != 4:
        raise ModelError(f"blocks {blocks} and borders {borders} for {list(images.shape)}")
    if min(blocks) < 1 or min(borders) < 0 or blocks[0] * blocks[1] > BLOCK_MAX:
        raise ModelError(
            f"blocks {blocks} and borders {borders}; blocks of 1 to {BLOCK_MAX} pixels and "
            "borders from 0 on are supported"
        )
    batch, height, width, channels = _four(images)
    top, bottom, left, right = borders
    rows, columns = height + top + bottom, width + left + right
    if rows % blocks[0] or columns % blocks[1]:
        raise ModelError(f"blocks {blocks} of {rows}x{columns} pixels")
    wanted = (batch * blocks[0] * blocks[1], rows // blocks[0], columns // blocks[1], channels)
    check_shape(batches, wanted if len(images.shape) == 4 else (wanted[0], wanted[1], channels))
    return (blocks[0], blocks[1]), (top, bottom, left, right)


def phases(
    images: Tensor, batches: Tensor, blocks: tuple[int, int], top: int, left: int
) -> list[tuple[list[int], tuple[int, list[int]], tuple[int, list[int]]]]:
    """Return for each place in a block the loops over its pixels: shape, and place and strides in
    `images` and in `batches`."""
    batch, height, width, channels = _four(images)
    _, rows, columns, _ = _four(batches)
    pixels, spots = dense((batch, height, width, channels)), dense((0, rows, columns, channels))
    found = []
    for phase in range(blocks[0] * blocks[1]):
        y, x = divmod(phase, blocks[1])
        first_row, first_column = -((y - top) // blocks[0]), -((x - left) // blocks[1])
        first_row, first_column = max(0, first_row), max(0, first_column)
        last_row = min(rows, -((y - top - height) // blocks[0]))
        last_column = min(columns, -((x - left - width) // blocks[1]))
        if last_row <= first_row or last_column <= first_column:
            continue
        shape = [batch, last_row - first_row, last_column - first_column, channels]
        at_y, at_x = first_row * blocks[0] + y - top, first_column * blocks[1] + x - left
        inside = (
            at_y * pixels[1] + at_x * pixels[2],
            [pixels[0], pixels[1] * blocks[0], pixels[2] * blocks[1], 1],
        )
        spread_out = (
            phase * batch * spots[0] + first_row * spots[1] + first_column * spots[2],
            [spots[0], spots[1], spots[2], 1],
        )
        found.append((shape, inside, spread_out))
    return found


def _four(tensor: Tensor) -> tuple[int, int, int, int]:
    """Return the shape as that of images; three dimensions are those of one column."""
    if len(tensor.shape) == 3:
        return tensor.shape[0], tensor.shape[1], 1, tensor.shape[2]
    batch, height, width, channels = tensor.shape
    return batch, height, width, channels


def _lower(graph: Graph, op: Operator, _variant: Variant) -> list[Step]:
    source, target = source_of(graph, op, (3,)), graph.tensors[op.outputs[0]]
    blocks, borders = spread(graph, op, source, target)
    steps = (
        [filled(op, target, target.zero_point if target.zero_points else 0)] if any(borders) else []
    )
    for shape, reads, writes in phases(source, target, blocks, borders[0], borders[2]):
        steps.append(moved(op, source, target, shape, reads=reads, writes=writes))
    return steps


KIND = Kind(types=TYPES, lower=_lower)
