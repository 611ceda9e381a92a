"""Operators that TensorFlow Lite Micro has not, or not so, give what TensorFlow Lite gives."""

from pathlib import Path

import numpy as np
import pytest

from tests.firmware import model_runner
from tests.firmware.model_runner import HOST
from tests.firmware.test_random_operators import groups, steps_between, uploads
from tests.models import random_lite
from tests.models import tflite_builder as build
from tinybench.models.compiler.reader import read_graph

pytest.importorskip("ai_edge_litert", reason="the oracle, ai-edge-litert, is not installed")

EACH = 4
STEPS = {"POW": 1}
"""Steps of single precision from the oracle; 0 for all others."""


def lite_answers(tflite: bytes, data: np.ndarray) -> np.ndarray:
    """Return what TensorFlow Lite gives, as answers() does."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    oracle = Interpreter(
        model_content=tflite, experimental_op_resolver_type=OpResolverType.BUILTIN_REF
    )
    oracle.allocate_tensors()
    graph = read_graph(tflite)
    sources, targets = oracle.get_input_details(), oracle.get_output_details()
    ends_b = np.cumsum([graph.tensors[i].size_b for i in graph.inputs])
    found = []
    for upload in data:
        parts = np.split(np.frombuffer(upload.tobytes(), np.uint8), ends_b[:-1])
        for detail, part in zip(sources, parts, strict=True):
            values = part.view(detail["dtype"]).reshape(detail["shape"])
            oracle.set_tensor(detail["index"], values)
        oracle.invoke()
        answer = []
        for detail in targets:
            values = oracle.get_tensor(detail["index"]).reshape(-1).astype(np.float32)
            scale, zero_point = detail["quantization"]
            answer.append((values - np.float32(zero_point)) * np.float32(scale or 1.0))
        found.append(np.concatenate(answer))
    return np.stack(found)


@pytest.mark.parametrize("name", [*random_lite.LITE, *random_lite.WHOLE_OR_AT_RUN_TIME])
def test_random_models_equal_tensorflow_lite(
    name: str, host_objects: list[Path], tmp_path: Path
) -> None:
    """Four models of an operator on random inputs: to the bit, or within the steps of STEPS."""
    rng = np.random.default_rng(4)
    makers = random_lite.LITE | random_lite.WHOLE_OR_AT_RUN_TIME
    for group in groups(makers[name](rng) for _ in range(EACH)):
        tflite = build.write(build.beside(group))
        data = uploads(tflite, rng)
        found, _ = model_runner.answers(HOST, host_objects, tflite, data, tmp_path)
        wanted = lite_answers(tflite, data)
        np.testing.assert_array_equal(np.isnan(found), np.isnan(wanted))
        steps = steps_between(np.nan_to_num(found), np.nan_to_num(wanted))
        assert steps.max() <= STEPS.get(name, 0)
        assert len(np.unique(wanted)) > 1, "the outputs show nothing"
