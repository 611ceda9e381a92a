"""DEPTH_TO_SPACE: channels become blocks of pixels."""

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
    if block < 1 or channels % (block * block):
        raise ModelError(f"blocks of {block}x{block} from {channels} channels")
    few = channels // (block * block)
    check_shape(target, (1, height * block, width * block, few))
    # [y][block row][x][block column][channel], as it is written.
    stride = dense((height, width, block, block, few))
    reads = (0, [stride[0], stride[2], stride[1], stride[3], stride[4]])
    return moved(op, source, target, (height, block, width, block, few), reads=reads)


KIND = Kind(
    options="DepthToSpaceOptions", fields=("BlockSize",), types=TYPES, each_image=True, lower=_lower
)
