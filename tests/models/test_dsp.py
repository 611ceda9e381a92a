"""Weights for the DSP kernels: exact by arithmetic, and no larger than there is room for."""

from pathlib import Path

import numpy as np

from tests.models import tflite_builder as build
from tests.models.tflite_builder import RELU, VALID
from tinybench.models.compiler import Manifest, compile_model
from tinybench.models.compiler.dsp import choose, halves, winograd
from tinybench.models.compiler.layout import lay_out
from tinybench.models.compiler.lower import lower
from tinybench.models.compiler.operators import conv_2d
from tinybench.models.compiler.reader import read_graph


def test_two_channels_in_a_word_give_both_sums() -> None:
    """Of random weights and inputs, least and greatest among them, both sums are exact."""
    rng = np.random.default_rng(5)
    for _ in range(200):
        least = int(rng.choice([-128, -127, -1, 0]))
        rows = rng.integers(least, 128, (int(rng.integers(1, 6)), int(rng.integers(1, 70))))
        if not halves.fits(rows):
            assert rows.min() == -128
            continue
        pairs = halves.side_by_side(rows.astype(np.int8))
        second = pairs[:, :, 0].astype(np.int64)
        both = pairs.view(np.int16)[:, :, 0].astype(np.int64)
        inputs = rng.choice([-128, 127, 3], rows.shape[1])
        first = (both @ inputs - second @ inputs) >> 8
        found = np.stack([first, second @ inputs], axis=1).reshape(-1)[: len(rows)]
        np.testing.assert_array_equal(found, rows @ inputs)


def test_sums_beyond_24_bits_share_no_words() -> None:
    """A first channel whose sums, 256 times, might leave 32 bits is refused; a second is not."""
    rows = np.full((2, 700), 127, np.int8)
    assert not halves.fits(rows)
    rows[0] = 1
    assert halves.fits(rows)


def test_transformed_windows_give_four_times_the_sums() -> None:
    """A tile of four outputs by the transformed weights is that of the window, to the bit."""
    rng = np.random.default_rng(6)
    model = build.convolution(rng, (4, 4, 10), 6, padding=VALID)
    graph = read_graph(build.write(model))
    conv = conv_2d.read(graph, graph.operators[0])
    packed = winograd.weights_of(conv).reshape(2, 16, 3, 2, 4, 2).transpose(0, 4, 1, 2, 5, 3)
    moved = packed.reshape(8, 4, 4, 12).astype(np.int64)[:6, :, :, :10]
    image = rng.choice([-128, 127], (4, 4, 10))
    sides = np.array([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]])
    values = np.einsum("ai,bj,ijc->abc", sides, sides, image)
    assert np.abs(values).max() < 1 << 15
    sums = np.einsum("oabc,abc->oab", moved, values)
    back = np.array([[1, 1, 1, 0], [0, 1, -1, -1]])
    found = np.einsum("ia,jb,oab->oij", back, back, sums)
    windows = np.lib.stride_tricks.sliding_window_view(image, (3, 3), (0, 1))
    wanted = np.einsum("ijcyx,oyxc->oij", windows, conv.rows.astype(np.int64).reshape(6, 3, 3, 10))
    np.testing.assert_array_equal(found, 4 * wanted)


def _compiled(folder: Path, flash_b: int | None) -> Manifest:
    rng = np.random.default_rng(7)
    layers = (
        build.convolution(rng, (24, 24, 8), 8, relu=RELU),
        build.convolution(rng, (24, 24, 8), 16, stride=(4, 4), relu=RELU),
        build.convolution(rng, (6, 6, 16), 16, relu=RELU),
    )
    tflite = build.write(build.chain(*layers))
    return compile_model(tflite, folder, model_id="x01", kernels="dsp", flash_b=flash_b)


def test_flash_is_spent_where_it_saves_most(tmp_path: Path) -> None:
    """With less room the layer of few pixels is the first to take less flash; then all do."""
    fast, strided = "conv_3x3_dsp", "conv_2d_dsp"
    all_b = _compiled(tmp_path, None).weights_b
    found = [
        [entry.kernel for entry in _compiled(tmp_path, flash_b).operators]
        for flash_b in (all_b, all_b - 1, 0)
    ]
    assert found == [[fast, strided, fast], [fast, strided, strided], [strided] * 3]


def test_a_faster_layer_takes_no_more_memory(tmp_path: Path) -> None:
    """What would make the arena larger is not done, such as an output that needs its own place."""
    rng = np.random.default_rng(8)
    layers = (
        build.convolution(rng, (12, 12, 16), 16, (1, 1)),
        build.convolution(rng, (12, 12, 16), 12),
        build.convolution(rng, (12, 12, 12), 2, (1, 1)),
    )
    tflite = build.write(build.chain(*layers))
    manifest = compile_model(tflite, tmp_path, model_id="x01", kernels="dsp")
    assert [entry.kernel for entry in manifest.operators] == ["conv_2d_dsp"] * 3


def test_weights_are_copied_where_the_arena_has_room(tmp_path: Path) -> None:
    """Layers beside the widest one read them from RAM, and the arena is as large as without."""
    rng = np.random.default_rng(9)
    model = build.chain(
        build.convolution(rng, (12, 12, 4), 16, (1, 1), relu=RELU),
        build.convolution(rng, (12, 12, 16), 16, (2, 2), stride=(2, 2), relu=RELU),
        build.convolution(rng, (6, 6, 16), 16, (1, 1), relu=RELU),
    )
    graph = read_graph(build.write(model))
    _, steps = lower(graph, "dsp")
    found = choose.kept_in_ram(graph, steps)
    assert [step.fields.get("kept_at", 0) > 0 for step in found] == [True, False, True]
    assert lay_out(graph, found).arena_b == lay_out(graph, steps).arena_b
