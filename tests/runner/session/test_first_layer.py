"""Where outputs differ from the reference kernels, the run names the first layer that does."""

import importlib.resources
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tflite

import tinybench
from tests import ROOT
from tests.models import tflite_builder as build
from tinybench.errors import ModelError
from tinybench.models.compiler.reader import read_graph
from tinybench.models.compiler.reader.cut import cut, layers_of
from tinybench.runner.build import firmware

HONEST = "const int32_t mean = (sum + half) / count;"


def layers() -> build.Model:
    """Return two convolutions before an average pool, and one behind it."""
    rng = np.random.default_rng(0)
    return build.chain(
        build.convolution(rng, (6, 6, 2), 4),
        build.convolution(rng, (6, 6, 4), 4, depthwise=True),
        build.average_pool(rng, (6, 6, 4), (2, 2), (2, 2)),
        build.convolution(rng, (3, 3, 4), 3, (1, 1)),
    )


@pytest.fixture
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Firmware whose average pool is a step too high."""
    folder = tmp_path / "firmware"
    shutil.copytree(ROOT / "firmware", folder)
    kernel = folder / "kernels" / "average_pool_2d.c"
    text = kernel.read_text(encoding="utf-8")
    assert HONEST in text
    kernel.write_text(text.replace(HONEST, HONEST[:-1] + " + 1;"), encoding="utf-8")
    real = importlib.resources.files
    monkeypatch.setattr(
        firmware, "files", lambda name: folder if name == "tinybench.firmware" else real(name)
    )


@pytest.mark.usefixtures("broken")
def test_a_broken_kernel_is_named_by_its_first_layer(tmp_path: Path) -> None:
    """The pool is wrong, and so is what comes behind it: the pool is named, over the USART of a
    real board's firmware under emulation."""
    pytest.importorskip("tflite_micro", reason="the oracle, tflite-micro, is not installed")
    model = tmp_path / "layers.tflite"
    model.write_bytes(build.write(layers()))
    outcome = tinybench.model(
        model, board="nucleo-l4r5", emulate=True, count=5, out=tmp_path / "out"
    )
    found = outcome.result.reference
    assert found is not None
    assert found.equal < found.count
    assert found.first_layer == "operator 2 AVERAGE_POOL_2D"
    (broken,) = [one for one in outcome.violations if one.rule == "reference-outputs"]
    assert "first differing layer: operator 2 AVERAGE_POOL_2D" in broken.found


def test_a_model_is_cut_behind_each_of_its_layers() -> None:
    """What the layer gives is the only output, and what comes behind it is left out."""
    data = build.write(layers())
    graph = read_graph(data)
    for number, layer in enumerate(layers_of(graph, 1000)):
        part = read_graph(cut(data, layer))
        assert part.outputs == layer.outputs
        assert part.operators == graph.operators[: number + 1]
    assert [op.index for op in layers_of(graph, 100)] == [2, 3]


def test_a_model_whose_tables_share_memory_is_not_cut() -> None:
    """Another output of the model would be one of an operator, too: it is refused, not guessed."""
    data = bytearray(build.write(layers()))
    graph = read_graph(bytes(data))
    # The model's outputs are read where the last operator's outputs stand.
    subgraph: Any = tflite.Model.GetRootAs(data, 0).Subgraphs(0)
    operator = subgraph.Operators(3)._tab
    field = subgraph._tab.Pos + subgraph._tab.Offset(8)
    place = operator.Vector(operator.Offset(8)) - 4
    data[field : field + 4] = (place - field).to_bytes(4, "little")
    assert read_graph(bytes(data)).outputs == graph.outputs
    with pytest.raises(ModelError, match="which has a value already"):
        cut(bytes(data), layers_of(graph, 1000)[1])
