"""The first layer that differs from the reference kernels, found by halving the model."""

from collections.abc import Callable

from msgspec.structs import replace

from tinybench.datasets.reader import Sample
from tinybench.errors import TinybenchError
from tinybench.models.compiler.graph import Graph, Operator
from tinybench.models.compiler.reader import read_graph
from tinybench.models.compiler.reader.cut import cut, layers_of
from tinybench.models.model_file import read_model_file
from tinybench.scratch import scratch
from tinybench.track import Track, silent

from ..build.firmware import build
from ..build.own_task import OUTPUTS_MOST
from ..measure import modes
from ..measure.reference import compare
from .connect import load_boards, open_boards
from .plan import Plan

NOWHERE = (
    "no layer differs where the model ends behind it: the layers agree by themselves, and what "
    "differs is how they share memory"
)


def first_layer(plan: Plan, sample: Sample, track: Track, say: Callable[[str], None]) -> str:
    """Return the first layer whose output differs on a sample, in words.

    The model is cut behind a layer, built for the same board and run there; half of the layers are
    left each time. What differs stays different, as a rule. A board on a port is written each
    time, where its declaration says how, and holds the whole model in the end.
    """
    if plan.engine is not None or plan.image is None:
        return "not looked for: the firmware is not built here"
    if plan.sites and not (plan.board.flash and plan.asked.flash):
        return f"not looked for: nothing says how board {plan.board.name} is written"
    try:
        data = read_model_file(plan.inputs.model)
        graph = read_graph(data)
        layers = layers_of(graph, OUTPUTS_MOST)
        low, high = 0, len(layers)
        for _ in track(range(high.bit_length()), "first differing layer", high.bit_length()):
            if low >= high:
                continue
            middle = (low + high) // 2
            if _differs(plan, cut(data, layers[middle]), graph, layers[middle], sample, say):
                high = middle
            else:
                low = middle + 1
    except TinybenchError as error:
        return f"not found: {error}"
    finally:
        if plan.sites:
            load_boards(plan.board, plan.image, plan.sites, plan.monitor, say, write=True)
    if high == len(layers):
        return NOWHERE
    before = layers[high - 1].index + 1 if high else 0
    unseen = [op for op in graph.operators if before <= op.index < layers[high].index]
    if any(graph.tensors[op.outputs[0]].elements > OUTPUTS_MOST for op in unseen if op.outputs):
        return f"{unseen[0]} to {layers[high]}, of which only the last has few enough outputs"
    return str(layers[high])


def _differs(
    plan: Plan,
    data: bytes,
    graph: Graph,
    layer: Operator,
    sample: Sample,
    say: Callable[[str], None],
) -> bool:
    """Return whether a layer's output on the board is another one than by the reference."""
    count = graph.tensors[layer.outputs[0]].elements
    task = replace(plan.task, outputs=count, result="output")
    with scratch() as folder:
        model = folder / "cut.tflite"
        model.write_bytes(data)
        image = build(plan.board, task, model)
        load_boards(plan.board, image, plan.sites, plan.monitor, say, write=True)
        lines = plan.sites[:1] or [plan.board.command(image.elf)]
        asked = plan.asked
        with open_boards(plan.board, lines, folder, asked.verify, asked.raise_baud, say) as (
            dut,
            *_,
        ):
            dut.handshake()
            (answer,) = modes.accuracy(dut, [sample], count)
        found = compare(task, model, [sample], {sample.name: answer}, silent)
    return found.equal < found.count
