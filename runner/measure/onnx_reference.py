"""The DUT's answers beside those of onnxruntime, within one step of each output's scale.

onnxruntime runs the file as it stands, without its optimisations: real numbers in single precision
between the roundings to int8. Ours are whole numbers throughout, which round otherwise where a
value lies nearly halfway, so that the last step may differ. Behind many layers such a step grows:
an answer may be off by one step, and by as many more as onnxruntime's own answer to this input
moves when every rounding is off by a sixteenth of a step.
"""

import importlib.util
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
import numpy.typing as npt

from tinybench import extras
from tinybench.datasets.reader import Sample
from tinybench.models.compiler.graph import Graph, Tensor
from tinybench.printable import one_line
from tinybench.track import Track

from ..build.task import Task
from ..dut.inference import answered
from ..results.result import Answer, Reference, not_compared

EXTRA = "onnx"
STEPS = 1
ROUNDING = 1e-3
"""Of a step, for what is lost in single precision."""
SHAKE = 1 / 16
QUIET = 4
WORDS_MOST = 200
Values = npt.NDArray[np.float64]


def compare(
    task: Task,
    data: bytes,
    graph: Graph,
    samples: Sequence[Sample],
    answers: Mapping[str, Answer],
    track: Track,
) -> Reference:
    """Return how many answers onnxruntime gives as well, or why nothing can be compared.

    `graph` is what was read of `data`, the ONNX file.
    """
    if importlib.util.find_spec("onnxruntime") is None:
        return not_compared(extras.missing("the reference", "onnxruntime", EXTRA))
    sources, targets = ([graph.tensors[i] for i in ends] for ends in (graph.inputs, graph.outputs))
    equal, steps, first = 0, STEPS, None
    try:
        session, moved = _session(data), list[Any]()
        for sample in track(samples, "reference", len(samples)):
            feeds = _feeds(session, sources, sample.windows()[0], task.input_format)
            wanted = _infer(session, feeds, targets)
            printed = answers[sample.name].results
            differs = _differing(printed, wanted, STEPS)
            if differs:
                moved = moved or [_session(_shaken(data, by)) for by in (-SHAKE, SHAKE)]
                most = STEPS + max(_apart(_infer(one, feeds, targets), wanted) for one in moved)
                differs = _differing(printed, wanted, most)
                steps = max(steps, most)
            equal += not differs
            first = first or (differs and f"{sample.name}: {differs}")
    except Exception as error:  # onnxruntime's have no class in common
        said = (str(error).splitlines() or ["without a word"])[0][:WORDS_MOST]
        return not_compared(f"onnxruntime refuses the model: {one_line(said)}")
    return Reference(
        computed_by=f"onnxruntime {version('onnxruntime')}",
        count=len(samples),
        equal=equal,
        to_the_bit=False,
        steps=steps,
        first_differing=first or None,
    )


def _session(data: bytes) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = QUIET
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def _shaken(data: bytes, by: float) -> bytes:
    """Return the model with every rounding of an activation off by a part of a step."""
    import onnx
    from onnx import helper, numpy_helper

    proto = onnx.ModelProto.FromString(data)
    constants = {one.name: one for one in proto.graph.initializer}
    nodes = []
    for node in proto.graph.node:
        if (
            node.op_type == "QuantizeLinear"
            and node.input[0] not in constants
            and node.input[1] in constants
        ):
            name = f"{node.output[0]} off"
            scale = numpy_helper.to_array(constants[node.input[1]])
            off = np.asarray(scale * by, np.float32)
            proto.graph.initializer.append(numpy_helper.from_array(off, f"{name} by"))
            nodes.append(helper.make_node("Add", [node.input[0], f"{name} by"], [name]))
            node.input[0] = name
        nodes.append(node)
    del proto.graph.node[:]
    proto.graph.node.extend(nodes)
    return proto.SerializeToString()


def _infer(
    session: Any, feeds: dict[str, npt.NDArray[Any]], targets: Sequence[Tensor]
) -> tuple[Values, Values]:
    """Return all outputs in real units, and their steps."""
    found = [np.asarray(one, np.float64) for one in session.run(None, feeds)]
    steps = [np.full(target.elements, target.scale) for target in targets]
    return np.concatenate(_reals(found, session, targets)), np.concatenate(steps)


def _apart(one: tuple[Values, Values], other: tuple[Values, Values]) -> int:
    """Return by how many steps two answers differ at most."""
    return int(np.rint(abs(one[0] - other[0]) / one[1]).max())


def _feeds(
    session: Any, sources: Sequence[Tensor], upload: bytes, input_format: str
) -> dict[str, npt.NDArray[Any]]:
    """Return the inputs: what was uploaded, in the types that the file declares."""
    feeds, at = {}, 0
    for declared, source in zip(session.get_inputs(), sources, strict=True):
        part = np.frombuffer(upload, np.uint8, source.elements, at)
        at += source.elements
        if source.type.lower() != input_format:
            part = part ^ np.uint8(0x80)
        whole = part.view(source.type.lower()).reshape(source.shape)
        if "float" in declared.type:
            steps = (whole.astype(np.int64) - source.zero_point).astype(np.float32)
            whole = steps * np.float32(source.scale)
        feeds[declared.name] = whole
    return feeds


def _reals(found: Sequence[Values], session: Any, targets: Sequence[Tensor]) -> list[Values]:
    """Return outputs in real units; those that the file declares as integers are scaled."""
    reals = []
    for one, declared, target in zip(found, session.get_outputs(), targets, strict=True):
        offset = 128 if "uint8" in declared.type else 0
        scaled = (one - target.zero_point - offset) * target.scale
        reals.append((one if "float" in declared.type else scaled).reshape(-1))
    return reals


def _differing(printed: str, wanted: tuple[Values, Values], most: int) -> str:
    """Return where printed outputs are off by more than so many steps; "" where nowhere."""
    found, (reals, steps) = np.array(answered(printed)), wanted
    if found.shape != reals.shape:
        return f"{found.size} outputs, not {reals.size}"
    # As many decimals are printed as tell two steps apart, so a value stands for the nearest one.
    off = abs(np.rint(found / steps) - reals / steps) > most + ROUNDING
    if not off.any():
        return ""
    at = int(np.flatnonzero(off)[0])
    both = f"{found[at]:g}, not {reals[at]:g}, in steps of {steps[at]:g}"
    return f"output {at} is {both}; {off.sum()} of {off.size} differ"
