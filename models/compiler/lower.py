"""Turn operators of a graph into kernel calls with constant parameters, or say why not."""

from tinybench.errors import ModelError

from .checks import check_scales
from .fixed_point import INT8_MAX, INT8_MIN
from .graph import Graph, Operator
from .operators import kind
from .step import Planes, Step, Variant


def lower(graph: Graph, kernels: str) -> list[Step]:
    """Return one step for each operator, in the graph's order.

    `kernels` is that of `Variant`.
    Raises ModelError naming the first operator that cannot be compiled, and why.
    """
    check_activations(graph)
    variant = Variant(kernels, planar_tensors(graph) if kernels == "dsp" else frozenset())
    lowered = []
    for op in graph.operators:
        try:
            lowered.append(kind(op.name).lower(graph, op, variant))
        except ModelError as error:
            raise ModelError(f"{op}: {error}") from None
    return lowered


def check_activations(graph: Graph) -> None:
    """Raise ModelError unless every activation is int8 with one sensible scale."""
    used = [
        graph.input,
        *(i for op in graph.operators for i in (*op.inputs, *op.outputs) if i >= 0),
    ]
    for tensor in (graph.tensors[i] for i in used):
        if tensor.data is not None:
            continue
        if tensor.type != "INT8":
            raise ModelError(
                f"{tensor} is {tensor.type}; only full int8 models can be compiled: "
                "quantise to int8 first, input and output included"
            )
        if len(tensor.scales) != 1 or len(tensor.zero_points) != 1:
            raise ModelError(f"{tensor} needs one scale and one zero point, for all of it")
        check_scales(tensor)
        if not INT8_MIN <= tensor.zero_point <= INT8_MAX:
            raise ModelError(f"{tensor} has the zero point {tensor.zero_point}, outside int8")
        if not tensor.shape or (len(tensor.shape) > 1 and tensor.shape[0] != 1):
            raise ModelError(
                f"{tensor} has the shape {list(tensor.shape)}; only a batch of 1 is supported"
            )


def planar_tensors(graph: Graph) -> frozenset[int]:
    """Return the activations that the DSP kernels keep channel by channel (CHW) in memory.

    A tensor is planar when all that touch it agree to that, and one of them wants it.
    """
    planar = {t.index for t in graph.tensors if t.data is None and len(t.shape) == 4}
    planar -= {graph.input, graph.output}
    asked = [(op, _planes(graph, op)) for op in graph.operators]
    while True:
        rejected: set[int] = set()
        for op, planes in asked:
            ends = {*op.inputs[:1], *op.outputs[:1]}
            split = planes.both and not ends <= planar
            if split or not planes.reads:
                rejected |= set(op.inputs)
            if split or not planes.writes:
                rejected |= set(op.outputs[:1])
        if not rejected & planar:
            break
        planar -= rejected
    # Between convolutions nothing is won, and windows are gathered faster from NHWC.
    wanted = {tensor for _, planes in asked for tensor in planes.wanted}
    return frozenset(planar & wanted)


def _planes(graph: Graph, op: Operator) -> Planes:
    try:
        return kind(op.name).planes(graph, op)
    except ModelError:
        return Planes()  # lower() reports it
