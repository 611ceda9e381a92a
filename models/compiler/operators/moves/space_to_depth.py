"""SPACE_TO_DEPTH: blocks of pixels become channels."""

from tinybench.errors import ModelError

from ...checks import check_shape, image
from ...graph import Graph, Operator
from ...step import Kind, Step, Variant
from ...strides import dense
from . import TYPES, moved, source_of


def _lower(graph: Graph, op: Operator, _variant: Variant) -> Step:
    source, target = source_of(graph, op, (1,)), graph.tensors[op.outputs[0]]
    height, width, channels = image(source)
    block = int(op.options["BlockSize"])
    if block < 1 or height % block or width % block:
        raise ModelError(f"blocks of {block}x{block} from {height}x{width} pixels")
    rows, columns = height // block, width // block
    check_shape(target, (1, rows, columns, channels * block * block))
    stride = dense((rows, block, columns, block, channels))
    reads = (0, [stride[0], stride[2], stride[1], stride[3], stride[4]])
    return moved(op, source, target, (rows, columns, block, block, channels), reads=reads)


KIND = Kind(
    options="SpaceToDepthOptions", fields=("BlockSize",), types=TYPES, each_image=True, lower=_lower
)
