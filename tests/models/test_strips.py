"""Operators that the compiler computes strip by strip, and when; that no output differs is proved
where the kernels run, in tests/firmware/test_random_strips.py."""

from pathlib import Path

import numpy as np
import pytest

from tests import official
from tests.models import planted, wide
from tests.models import tflite_builder as build
from tests.models.tflite_builder import RELU, Model
from tinybench.models.compiler import KERNELS, Manifest, compile_model
from tinybench.models.compiler.anatomy import anatomy
from tinybench.models.compiler.lower import lower
from tinybench.models.compiler.reader import read_graph
from tinybench.models.compiler.strips import least_b
from tinybench.models.compiler.strips.cut import as_whole, at_least, cut
from tinybench.models.compiler.strips.run import links


def compiled(
    model: Model, folder: Path, kernels: str = "plain", *, strips: bool = True
) -> Manifest:
    """Return what is said of a model."""
    tflite = build.write(model)
    return compile_model(tflite, folder, model_id="x01", kernels=kernels, strips=strips)


@pytest.mark.parametrize("kernels", KERNELS)
def test_the_widest_tensor_is_never_whole(kernels: str, tmp_path: Path) -> None:
    """The arena is smaller for it; weights, products and the lines of operators stay."""
    model = wide.first_stage(np.random.default_rng(5))
    whole = compiled(model, tmp_path, kernels, strips=False)
    less = compiled(model, tmp_path, kernels)
    (one,) = less.strips
    assert one.first <= 2 < one.last
    assert one.arena_b == whole.arena_b > less.arena_b
    assert less.tensor_ram_b == whole.tensor_ram_b - (whole.arena_b - less.arena_b)
    assert (less.weights_b, less.macs) == (whole.weights_b, whole.macs)
    assert less.computed_macs == whole.computed_macs
    for new, old in zip(less.operators, whole.operators, strict=True):
        assert (new.index, new.kernel, new.output_shape) == (
            old.index,
            old.kernel,
            old.output_shape,
        )
        assert (new.input_shapes, new.weights_b) == (old.input_shapes, old.weights_b)
        assert new.computed_macs == old.computed_macs


def test_the_layers_of_a_firmware_are_named_by_their_operators(tmp_path: Path) -> None:
    """In the order in which they run: strip after strip, then what follows."""
    model = wide.first_stage(np.random.default_rng(5))
    found = compiled(model, tmp_path)
    (one,) = found.strips
    run = list(range(one.first, one.last + 1))
    strips = [run] * one.count
    ends = [[i] for i in range(one.first)], [[i] for i in range(one.last + 1, 5)]
    assert found.layers == [i for part in (*ends[0], *strips, *ends[1]) for i in part]
    count = f"const uint32_t model_layer_count = {len(found.layers)} "
    assert count in (tmp_path / "model.c").read_text()
    assert compiled(model, tmp_path, strips=False).layers == []


def test_what_would_not_be_smaller_is_computed_whole(tmp_path: Path) -> None:
    """The same C comes of it either way."""
    rng = np.random.default_rng(0)
    one_layer = build.convolution(rng, (30, 30, 8), 8)
    for model in (one_layer, wide.first_stage(rng, side=16)):
        texts = {compiled(model, tmp_path, strips=on).model_c_sha256 for on in (True, False)}
        assert len(texts) == 1


@pytest.mark.parametrize("seed", range(8))
def test_no_strips_take_less_than_what_is_said_before_they_are_cut(seed: int) -> None:
    """Neither bytes nor calls: else a better way would never be looked at."""
    graph = read_graph(build.write(wide.random_run(np.random.default_rng(seed))))
    _, steps = lower(graph, "blocked")
    run = [link for _, link in links(graph, steps, 0, lambda _graph, _step: False)]
    assert run
    for rows in range(2, run[-1].window.out_h, 2):
        made = cut(graph, run, rows, frozenset(), as_whole)
        assert made is not None
        bytes_said, calls_said = at_least(graph, run, rows)
        assert calls_said <= len(made.steps) - len(run)
        assert bytes_said <= least_b(made.graph, made.steps)


def test_a_tensor_that_two_read_or_that_is_an_output_stays_whole(tmp_path: Path) -> None:
    """Strips of it would have to be made twice, or kept."""
    rng = np.random.default_rng(1)
    for ends in (1, 2):
        net = planted.Net()
        net.put(build.activation(rng, (1, 24, 24, 4)))
        at = net.layer(build.convolution(rng, (24, 24, 4), 32, (1, 1), relu=RELU), 0)
        shape = planted.shape_of(net, at)
        down = build.convolution(rng, shape, 4, stride=(2, 2), relu=RELU)
        outputs = [net.layer(down, at) for _ in range(ends)]
        model = net.model(*outputs, *([at] if ends == 1 else []))
        assert compiled(model, tmp_path).strips == []


def test_the_official_vww_model_takes_no_more_ram_than_it_must(
    mirror: Path, tmp_path: Path
) -> None:
    """52,000 bytes of tensor RAM with DSP instructions; the keyword model stays as it is."""
    tflite = official.model_path(mirror, "vww01")
    found = compile_model(tflite, tmp_path, model_id="vww01", kernels="dsp")
    assert found.tensor_ram_b <= 52_000
    need = anatomy(tflite, ("dsp",)).needs["dsp"]
    assert (need.tensor_ram_b, need.strips) == (found.tensor_ram_b, found.strips)
    kws = official.model_path(mirror, "kws01")
    assert compile_model(kws, tmp_path, model_id="kws01", kernels="dsp").strips == []
