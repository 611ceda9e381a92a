"""Quality of a task's float model, computed on the host on the inputs that the DUT had.

The float models are those that MLPerf Tiny publishes beside the int8 ones; LiteRT runs them. Where
there is none for the model under test, or no LiteRT, the quality is None and says why.
"""

import statistics
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tinybench import extras
from tinybench.cache import cache_folder
from tinybench.datasets.reader import Sample
from tinybench.errors import ModelError
from tinybench.models.declaration import load_model
from tinybench.track import Track

from ..build.inputs import Inputs, float_files
from ..build.task import Task
from ..results import score
from ..results.result import FloatModel
from ..results.seal import file_sha256

Floats = npt.NDArray[np.float32]


def float_quality(
    task: Task, inputs: Inputs, samples: Sequence[Sample], track: Track, cache: Path | None = None
) -> FloatModel:
    """Return the quality of the float model on `samples`, with those bytes as the DUT had them.

    Raises ModelError when the float model in the cache is damaged.
    """
    if inputs.model_origin != "official":
        return _none(f"no float model is published for the model '{inputs.model.name}'")
    model = load_model(task.model)
    found = float_files(model)
    if not found:
        return _none(f"no float model is declared for {model.name}")
    (file,) = found
    path = (cache or cache_folder()) / file.address
    if not path.is_file():
        return _none(f"the float model is not in the cache; type: tinybench fetch {task.name}")
    if (sha256 := file_sha256(path.parent, path.name)) != file.sha256:
        raise ModelError(
            f"{path}: the float model in the cache is damaged: its SHA-256 is {sha256}, wanted "
            f"{file.sha256}; type: tinybench fetch {task.name}"
        )
    try:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType
    except ImportError:
        return _none(extras.missing("the float model", "LiteRT", "float"))
    # LiteRT's own kernels: what XNNPACK computes depends on the host.
    plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = Interpreter(model_path=str(path), experimental_op_resolver_type=plain)
    interpreter.allocate_tensors()
    int8 = Interpreter(model_path=str(inputs.model), experimental_op_resolver_type=plain)
    scale, zero_point = int8.get_input_details()[0]["quantization"]
    outputs = [
        [_infer(interpreter, task, window, scale, zero_point) for window in sample.windows()]
        for sample in track(samples, "float model", len(samples))
    ]
    return FloatModel(
        name=path.name,
        sha256=sha256,
        quality=_quality(task, outputs, [sample.label for sample in samples]),
        count=len(samples),
        computed_by=f"ai-edge-litert {version('ai-edge-litert')}",
    )


def _none(why: str) -> FloatModel:
    return FloatModel(name="", sha256="", quality=None, count=0, computed_by="", why_not=why)


def _real(task: Task, data: bytes, scale: float, zero_point: int) -> Floats:
    """Return the real values that uploaded bytes stand for."""
    if task.input_format == "float32":
        return np.frombuffer(data, "<f4")
    if task.input_format == "uint8":
        quantised = np.frombuffer(data, np.uint8).astype(np.int32) - 128
    else:
        quantised = np.frombuffer(data, np.int8).astype(np.int32)
    return ((quantised - zero_point) * scale).astype(np.float32)


def _infer(run: Any, task: Task, data: bytes, scale: float, zero_point: int) -> list[float]:
    """Return what `m-results` would hold."""
    given = run.get_input_details()[0]
    real = _real(task, data, scale, zero_point)
    run.set_tensor(given["index"], real.reshape(given["shape"]))
    run.invoke()
    out = run.get_tensor(run.get_output_details()[0]["index"]).ravel()
    if task.result == "mse":
        return [float(np.mean((real - out) ** 2))]
    return [float(value) for value in out]


def _quality(
    task: Task, outputs: Sequence[Sequence[Sequence[float]]], labels: Sequence[int]
) -> float | None:
    """Return top-1 or AUC; `outputs` is (files, windows, values)."""
    if task.metric == "top1":
        return score.correct([windows[0] for windows in outputs], labels) / len(labels)
    means = [statistics.fmean(value for out in windows for value in out) for windows in outputs]
    return score.auc(means, labels)
