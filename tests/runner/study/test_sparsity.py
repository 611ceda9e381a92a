"""Pruned layers: what is left, how it is stored, and that C computes it to the bit."""

import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from tests.bench.study.noise_golden import of_model, wide
from tests.models import tflite_builder as build_model
from tests.program import tinybench
from tinybench import extras
from tinybench.errors import ModelError, RunFolderError, ToolMissingError, UsageError
from tinybench.models.compiler.dsp.halves import fits
from tinybench.models.compiler.interface import Interface
from tinybench.models.compiler.reader import read_graph
from tinybench.runner.report.study import sparsity as report
from tinybench.runner.study.host_engine import build, infer, load, patch, written
from tinybench.runner.study.images import Boarded, Counted, OnBoard
from tinybench.runner.study.listed import find_studies
from tinybench.runner.study.one_image import on_host, sources
from tinybench.runner.study.parts import gather
from tinybench.runner.study.sparsity import mended as mended_
from tinybench.runner.study.sparsity.candidates import Makes
from tinybench.runner.study.sparsity.columns import columns_of, pixels_of
from tinybench.runner.study.sparsity.findings import Row, SparsityStudy, break_even, rows_of
from tinybench.runner.study.sparsity.matrices import made, matrices_of
from tinybench.runner.study.sparsity.mended import mended, whole_of
from tinybench.runner.study.sparsity.pruned import (
    Block,
    Int8,
    all_of,
    by_blocks,
    by_channels,
    by_weights,
    eights_of,
    of_blocks,
    shares_words,
)
from tinybench.runner.study.sparsity.reordered import order_of
from tinybench.runner.study.sparsity.scored import weights_of
from tinybench.runner.study.sparsity.sparsity import SCHEMES, ask, pieces, run_sparsity
from tinybench.runner.study.sparsity.sparsity_c import (
    CALLS,
    Left,
    Way,
    left,
    order_in,
    scratch_of,
    told,
    write_ways,
)
from tinybench.runner.study.subject import Subject, halves, subject
from tinybench.runner.study.work import Work
from tinybench.runner.study.worth import answers, worth
from tinybench.track import silent

BLOCKS = (Block(8, 0), Block(16, 20))


def studied(
    folder: Path, board: str, of: Subject | None = None, shards: int = 1
) -> tuple[SparsityStudy, list[str]]:
    """Do a small study; return what was said, too."""
    without, words = list[str](), list[str]()
    matrices = made((20, 308), 1)
    if of is not None:
        matrices, without = matrices_of(of.graph, 4)
    schemes, rates = (SCHEMES, (2.0, 4.0)) if of is None else (("bcr", "channel"), (4.0,))
    blocks = BLOCKS if of is None else BLOCKS[:1]
    asked = ask(matrices, of.model if of else "made", board, schemes, rates, blocks, of, 1)
    work = Work(folder, {"board": board}, silent, words.append, shards)
    found = run_sparsity(of, matrices, without, asked, blocks, work)
    return found, words


def left_of(way: Way, matrices: list[Int8]) -> list[Left]:
    """Return what a way leaves of matrices, with the order of rows."""
    orders = [order_in(way, one) for one in matrices]
    both = zip(matrices, orders, strict=True)
    return [Left(left(way, one, order), order) for one, order in both]


def test_each_way_computes_the_pruned_layer_to_the_bit(tmp_path: Path) -> None:
    """Odd sizes, columns of one and of two bytes, reordered rows, layers: C here against NumPy.

    In scratch of no more bytes than are told of.
    """
    rng = np.random.default_rng(3)
    matrices = [rng.integers(-127, 128, shape, np.int8) for shape in ((21, 308), (3, 36), (64, 8))]
    ways = [Way("dense", "plain", 1), Way("dense", "dsp", 1), Way("csr", "plain", 3)]
    ways += [Way("channel", kernel, 2) for kernel in CALLS]
    ways += [
        Way(scheme, kernel, rate, block)
        for scheme in ("bcr", "reordered")
        for kernel in CALLS
        for rate in (1.0, 2.5, 8.0)
        for block in (Block(8, 0), Block(16, 100), Block(64, 4))
    ]
    layers = [left_of(way, matrices) for way in ways]
    write_ways(tmp_path / "engine", ways, layers)
    inputs = rng.integers(-128, 128, (20, 308), np.int8)
    here = on_host(tmp_path / "engine", inputs, len(ways), sources())
    for n, way in enumerate(ways):
        wanted = told([one.whole for one in layers[n]], inputs)
        assert (here[:, n] == wanted).all(), way


def test_blocks_keep_what_is_largest_at_the_rate() -> None:
    """Columns that are large stay in a block of their rows; half of the rows where these are."""
    whole = np.ones((16, 32), np.int8)
    whole[:8, 4:12] = 100
    whole[8:, 20:28] = 90
    kept = by_blocks(whole, Block(8, 0), 4)
    assert [one.columns.tolist() for one in kept] == [[*range(4, 12)], [*range(20, 28)]]
    whole[8:] = 1
    whole[:8, :16] = 50
    (one,) = by_blocks(whole, Block(16, 0), 4)
    assert one.eights == (0,)
    assert one.columns.tolist() == [*range(16)]
    assert np.count_nonzero(of_blocks(whole, [one])) == 128
    assert np.count_nonzero(by_weights(whole, 4)) == 128
    assert by_channels(whole, 2).tolist() == [*range(8)]


def test_rows_of_like_columns_come_into_one_block() -> None:
    """Also where they take turns; rows that lie well stay; single blocks have nothing to choose."""
    whole = np.ones((32, 32), np.int8)
    whole[::2, 4:12], whole[1::2, 20:28] = 100, 90
    way = Way("reordered", "plain", 4, Block(16, 0))
    order = order_in(way, whole)
    assert order is not None
    assert sorted(map(sorted, order.reshape(2, 16).tolist())) == [
        [*range(0, 32, 2)],
        [*range(1, 32, 2)],
    ]
    found = left(way, whole, order)
    assert (found != 0).tolist() == (whole > 1).tolist()
    assert (left(way, found, order) == found).all()
    apart = left(replace(way, scheme="bcr"), whole)
    assert np.count_nonzero(apart) == np.count_nonzero(found)
    assert np.square(apart.astype(int)).sum() < np.square(found.astype(int)).sum() * 0.6
    assert order_of(whole[order], Block(16, 0), 4).tolist() == [*range(32)]
    assert order_of(whole, Block(64, 0), 4).tolist() == [*range(32)]
    wide_ones = np.hstack([whole, whole[::-1]])
    assert sorted(order_of(wide_ones, Block(8, 32), 4).tolist()) == [*range(32)]


@pytest.mark.parametrize(
    "way", [Way("reordered", "dsp", 3, Block(16, 100)), Way("channel", "dsp", 3)], ids=str
)
def test_scratch_is_all_that_is_written_beside_sums(tmp_path: Path, way: Way) -> None:
    """Bytes behind what is told of stay as they were; its last ones do not."""
    rng = np.random.default_rng(4)
    layers = [left_of(way, [rng.integers(-127, 128, (40, 308), np.int8)])]
    write_ways(tmp_path / "engine", [way], layers)
    scratch, source = scratch_of(way, layers[0]), tmp_path / "engine" / "engine.c"
    text = source.read_text()
    for name, count, there in (("buffer", scratch.buffer_b, 1), ("part", scratch.part, 8)):
        if not count:
            continue
        assert f" {name}[{count}]" in text
        text = text.replace(f" {name}[{count}]", f" {name}[{count} + 32]")
        body = (
            f"candidate_0();\n        for (uint32_t i = 0; i < 32; i++) {{\n            if ({name}"
        )
        check = f"[{count} + i] != 99) {{\n                return -1;\n            }}\n        }}\n"
        begin = f"for (uint32_t i = 0; i < {there} + 32; i++) {name}[{count} - {there} + i] = 99;\n"
        last = (
            f"        if ({name}[{count} - {there}] == 99) {{\n            return -1;\n        }}\n"
        )
        text = text.replace("candidate_0();\n", begin + body + check + last)
    source.write_text(text)
    inputs = rng.integers(-100, 90, (4, 308), np.int8)
    found = on_host(tmp_path / "engine", inputs, 1, sources())
    assert (found[:, 0] == told([layers[0][0].whole], inputs)).all()


def test_words_are_shared_only_where_that_is_exact() -> None:
    """No weight of -128, no sum beyond 23 bits; both forms have the same bytes."""
    whole = np.full((8, 600), 127, np.int8)
    assert not shares_words(whole)
    assert shares_words(whole[:, :512])
    assert fits(whole[:, :512])
    whole = np.zeros((8, 8), np.int8)
    whole[0, 0] = -128
    assert not shares_words(whole)
    rng = np.random.default_rng(0)
    whole = rng.integers(-127, 128, (12, 20), np.int8)
    forms = [eights_of(whole, all_of(whole), dsp=dsp) for dsp in (False, True)]
    assert len(forms[0]) == len(forms[1]) == 16 * 20


@pytest.mark.parametrize(
    ("board", "fast", "shards"), [("mps2-an386", "dsp", 1), ("mps3-an547", "mve", 2)]
)
def test_an_emulated_core_computes_the_same_and_counts(
    tmp_path: Path, board: str, fast: str, shards: int
) -> None:
    """Its kernels beside plain ones; each rate has a chosen block; nothing is done again.

    Of one image, or of two that share the candidates.
    """
    found, _ = studied(tmp_path, board, shards=shards)
    assert len(list(tmp_path.glob("engine*/engine.c"))) == shards
    assert found.board_rows_equal == found.inputs
    assert all(row.rows_equal == found.inputs for row in found.rows)
    assert {row.kernel for row in found.rows} == {"plain", fast}
    chosen = [(row.scheme, row.kernel, row.rate) for row in found.rows if row.block and row.chosen]
    assert sorted(chosen) == [
        (scheme, kernel, rate)
        for scheme in ("bcr", "reordered")
        for kernel in (fast, "plain")
        for rate in (2, 4)
    ]
    dense = next(row for row in found.rows if row.scheme == "dense" and row.kernel == fast)
    assert dense.speedup == 1
    assert all(row.instructions for row in found.rows)
    for row in found.rows:
        if row.scheme == "csr":
            assert row.weights_b == 3 * round(20 * 308 / row.rate) + 2 * 20
        if row.scheme == "reordered":  # its sums go elsewhere
            other = next(one for one in found.rows if one.scheme == "bcr" and one.block == row.block
                         and (one.kernel, one.rate) == (row.kernel, row.rate))  # fmt: skip
            assert row.scratch_b > other.scratch_b > 0
    (tmp_path / "study.json").unlink()  # as if it had been interrupted: its images are there
    again, said = studied(tmp_path, board)
    assert again == found
    assert not said
    stored = next(tmp_path.glob("engine*.json"))
    stored.write_text(stored.read_text().replace('"weights_b":[', '"weights_b":[1,'))
    with pytest.raises(RunFolderError, match="candidates; give -o a new folder"):
        studied(tmp_path, board)


def test_a_task_is_scored_with_its_layers_pruned(tmp_path: Path) -> None:
    """By the model's own C; a core without DSP instructions has plain kernels alone."""
    of = wide(64)
    found, _ = studied(tmp_path, "host", of)
    assert found.metric == "top1"
    assert len(found.layers) == 2
    dense = found.rows[0]
    assert dense.score == found.clean
    assert {row.kernel for row in found.rows} == {"plain"}
    assert found.board_rows_equal == found.inputs
    assert all(0 <= (row.score if row.score is not None else -1) <= 1 for row in found.rows)
    assert [row.score for row in find_studies(tmp_path).rows] == [row.score for row in found.rows]
    lines = (tmp_path / "trials.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "trials.jsonl").write_bytes(b"".join(lines[:-1]))
    assert studied(tmp_path, "host", of)[0] == found


def test_what_is_left_is_fitted_to_inputs_without_labels(tmp_path: Path) -> None:
    """A keyword model whose convolutions lose a third in blocks keeps most of its score by it."""
    half, of = halves(subject("kws", limit=160))
    assert len(of.labels) == len(half.inputs) == 80
    matrices, _ = matrices_of(of.graph, 2, convolutions=True)
    way = Way("bcr", "plain", 1.5, BLOCKS[0])
    first = load(build(of.graph, of.interface, of.model_id), tmp_path, 0)
    clean = worth(of, answers(of, infer(first, of.inputs))).score
    tensors_of = [one.tensor for one in matrices]
    whole = whole_of(of.graph, tensors_of, half.inputs, first)
    graph = mended(of, tensors_of, way, whole, first, tmp_path)
    for one in matrices:
        found = np.frombuffer(graph.tensors[one.tensor].data or b"", np.int8)
        found = found.reshape(one.values.shape)
        assert (left(way, found) == found).all()
        assert 1.4 < found.size / np.count_nonzero(found) < 1.7
    tensors = [msgspec.structs.replace(one) for one in of.graph.tensors]
    for one in matrices:
        data = left(way, one.values).tobytes()
        tensors[one.tensor] = msgspec.structs.replace(tensors[one.tensor], data=data)
    once = msgspec.structs.replace(of.graph, tensors=tuple(tensors))
    scores = list[float]()
    for each in (once, graph):
        assert patch(first, each)
        scores.append(worth(of, answers(of, infer(first, of.inputs))).score)
    assert scores[0] < clean - 0.4
    assert scores[1] > clean - 0.15


def test_a_mended_model_is_a_file_that_answers_so(tmp_path: Path) -> None:
    """Beside the figures, under its name; it is gathered like these, and a board runs its weights.

    Weights that are gone are fitted again; others in their place are refused.
    """
    first, of = halves(wide(64))
    matrices, _ = matrices_of(of.graph, 4)
    blocks = (Block(8, 0),)
    words = ("bcr", "reordered", "csr")
    asked = ask(matrices, "wide", "host", words, (1.5,), blocks, of, 1, first)
    given = (matrices, [], asked, blocks)
    words = ({"board": "host"}, silent, lambda _: None)
    found = run_sparsity(of, *given, Work(tmp_path / "a", *words), first)
    into = tmp_path / "b"
    gather(into, [tmp_path / "a"], asked, pieces(matrices, asked, blocks))
    assert run_sparsity(of, *given, Work(into, *words), first) == found
    inputs = np.random.default_rng(2).integers(-128, 128, (6, 64), np.int8)
    here = on_host(into / "engine", inputs, 4, sources())
    names = enumerate(("bcr-1.5x-8xall", "reordered-1.5x-8xall", "csr-1.5x"), 1)
    for row, (number, name) in zip(found.rows[1:], names, strict=True):
        data = (into / "models" / f"{name}-mended.tflite").read_bytes()
        graph = read_graph(data)
        loaded = load(build(graph, of.interface, name), tmp_path, number)
        assert worth(of, answers(of, infer(loaded, of.inputs))).score == row.mended == row.last
        assert len(data) == len(of.data)
        assert (row.weights, row.rows_equal) == ("mended", found.inputs)
        layers = [weights_of(graph, one.tensor) for one in matrices]
        assert (here[:, number] == told(layers, inputs)).all()
        assert row.left == sum(map(np.count_nonzero, layers)) / sum(one.size for one in layers)
    path = into / "models" / "csr-1.5x-mended.int8"
    before = path.read_bytes()
    path.unlink()
    assert run_sparsity(of, *given, Work(into, *words), first) == found
    assert path.read_bytes() == before
    path.write_bytes(path.read_bytes()[:-1] + b"\x7e")
    with pytest.raises(RunFolderError, match="remove both, and ask for the same again"):
        run_sparsity(of, *given, Work(into, *words), first)


def counted_as(cycles: Sequence[int], scores: Sequence[dict[str, float]]) -> list[Row]:
    """Return rows of a dense layer; of blocks in two forms, and single weights, at two rates."""
    matrices, blocks = made((16, 64), 1), (Block(8, 0), Block(16, 0))
    ways = [Way("dense", "plain", 1)]
    for rate in (2.0, 4.0):
        ways += [Way("bcr", "plain", rate, one) for one in blocks] + [Way("csr", "plain", rate)]
    each = [Counted(latency_s=1.0, cycles=count) for count in cycles]
    there = OnBoard(board="b", emulated=True, flash_b=1, ram_b=1, rows=2, odd=[], counted=each)
    board = Boarded(there=there, weights_b=[1] * 7, equal=[2] * 7)
    return rows_of(
        [Makes(matrices, "pruned").candidate(way) for way in ways], matrices, scores, board
    )


def test_blocks_are_chosen_by_cycles_then_by_the_last_score() -> None:
    """Of equal cycles the higher score of what learnt, whatever it was before; fewer go first."""
    scores = [{"pruned": 0.9, "mended": 0.9, "learnt": 0.9}] * 7
    scores[1] = {"pruned": 0.8, "mended": 0.8, "learnt": 0.5}
    scores[2] = {"pruned": 0.1, "mended": 0.2, "learnt": 0.6}
    rows = counted_as([100, 60, 60, 150, 40, 41, 39], scores)
    chosen = [(row.rate, row.block) for row in rows if row.block and row.chosen]
    assert chosen == [(2, "16xall"), (4, "8xall")]
    scores[1], scores[2] = ({"pruned": 0.1, "mended": 0.8}, {"pruned": 0.8, "mended": 0.1})
    rows = counted_as([100, 60, 60, 150, 40, 41, 39], scores)
    assert next(row.block for row in rows if row.block and row.chosen) == "8xall"


def test_blocks_break_even_where_they_are_faster_from_there_on() -> None:
    """Than dense layers and than single weights: figures for all, and words in the report."""
    rows = counted_as([50, 60, 61, 150, 40, 41, 39], [{}] * 7)
    assert break_even(rows, "bcr") == (4.0, None)
    assert break_even(rows, "reordered") == (None, None)
    rows = counted_as([50, 49, 61, 150, 40, 41, 42], [{}] * 7)
    assert break_even(rows, "bcr") == (2.0, 2.0)


def test_candidates_beyond_the_flash_are_refused_before_they_are_compiled(tmp_path: Path) -> None:
    """With what they take, what there is, and what to do."""
    matrices = made((512, 1024), 1)
    asked = ask(matrices, "made", "qemu-microbit", ("dense",), (2.0,), (), None, 1)
    words = ({"board": "qemu-microbit"}, silent, lambda _: None)
    with pytest.raises(ModelError, match=r"take 524288 bytes, and qemu-microbit has .* --shards"):
        run_sparsity(None, matrices, [], asked, (), Work(tmp_path, *words))
    assert not list(tmp_path.glob("*-host.c"))


def test_no_library_in_use_is_written_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each that mending loads is a file of its own, whichever way is mended."""
    of, numbers = wide(64), list[int]()
    tensors = [one.tensor for one in matrices_of(of.graph, 4)[0]]
    first = load(build(of.graph, of.interface, of.model_id), tmp_path, 0)
    whole = whole_of(of.graph, tensors, of.inputs, first)
    monkeypatch.setattr(mended_, "patch", lambda *given: patch(*given) and False)
    monkeypatch.setattr(mended_, "build", lambda *_: None)
    monkeypatch.setattr(mended_, "load", lambda *given: numbers.append(given[2]) or first)
    for rate in (2.0, 4.0):
        mended(of, tensors, Way("csr", "plain", rate), whole, first, tmp_path)
    assert len({*numbers}) == 2 * len(tensors)


def learn(of: Subject, first: Subject, folder: Path) -> SparsityStudy:
    """Do a small study of a task that learns, in blocks of one form at one rate."""
    matrices, _ = matrices_of(of.graph, 4, convolutions=True)
    asked = ask(matrices, "kws", "host", ("bcr",), (1.5,), BLOCKS[:1], of, 1, first, learn=True)
    work = Work(folder, {"board": "host"}, silent, lambda _: None)
    return run_sparsity(of, matrices, [], asked, BLOCKS[:1], work, first)


@pytest.mark.training
def test_a_pruned_model_learns_from_labels_in_its_own_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It tells more classes than as it was pruned; the same seed gives it again, from the file."""
    from tinybench.models.training import sparse

    monkeypatch.setattr(sparse, "ROUNDS", 2)
    monkeypatch.setattr(sparse, "ALONE", 40)
    first, of = halves(subject("kws", limit=160))
    found = learn(of, first, tmp_path / "study")
    row = found.rows[-1]
    assert row.score is not None
    assert row.mended is not None
    assert row.learnt is not None
    assert row.learnt > max(row.score + 0.4, row.mended - 0.1)
    assert found.asked.learnt == len(first.inputs) == 80
    lines = (tmp_path / "study" / "trials.jsonl").read_bytes().splitlines(keepends=True)
    assert b"learnt" in lines[-1]
    (tmp_path / "study" / "trials.jsonl").write_bytes(b"".join(lines[:-1]))
    assert learn(of, first, tmp_path / "study") == found


def test_what_cannot_learn_is_refused_before_anything_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Labels beyond the classes, outputs that are no inputs, no TensorFlow: each in a line."""
    first, of = halves(subject("kws", limit=40))
    matrices, _ = matrices_of(of.graph, 4, convolutions=True)

    def asked(first: Subject) -> None:
        ask(matrices, "kws", "host", ("bcr",), (1.5,), BLOCKS[:1], of, 1, first, learn=True)

    with pytest.raises(UsageError, match="tells 12 classes"):
        asked(replace(first, labels=(12, *first.labels[1:])))
    with pytest.raises(UsageError, match="takes 490 values and gives 12"):
        asked(replace(first, metric="auc"))
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(ToolMissingError, match=re.escape(extras.command("train"))):
        learn(of, first, tmp_path)
    assert not (tmp_path / "trials.jsonl").read_bytes()


def test_half_is_learnt_from_and_half_is_scored() -> None:
    """Every second sample with its windows; of a task with an AUC, normal ones are learnt from."""
    whole = subject("ad", limit=24)
    first, of = halves(whole)
    assert of.labels == whole.labels[1::2]
    assert first.labels == tuple(label for label in whole.labels[::2] if label == 0)
    for half, taken in (
        (of, range(1, 24, 2)),
        (first, [n for n in range(0, 24, 2) if whole.labels[n] == 0]),
    ):
        wanted = [whole.inputs[whole.owners == n] for n in taken]
        assert (half.inputs == np.concatenate(wanted)).all()
        assert [half.owners.tolist().count(n) for n in range(len(wanted))] == [*map(len, wanted)]


def test_both_halves_have_each_class() -> None:
    """Also where labels come in turns, as those of the pictures do."""
    for half in halves(replace(windowed(), labels=tuple(range(10)) * 4)):
        assert sorted(half.labels) == [label for label in range(10) for _ in range(2)]


def test_convolutions_of_one_pixel_are_pruned_as_matrices() -> None:
    """Those of the keyword model; its first one has a window, and is named as left out."""
    graph = subject("kws", limit=4).graph
    matrices, without = matrices_of(graph, 4, convolutions=True)
    assert [one.values.shape for one in matrices] == [(64, 64)] * 4
    for one in matrices:
        assert one.values.tobytes() == graph.tensors[one.tensor].data
    assert len(without) == 1
    assert "more than one pixel" in without[0]
    more, without = matrices_of(graph, 4, convolutions=True, windows=True)
    assert [one.values.shape for one in more] == [(64, 40), *[(64, 64)] * 4]
    assert not without


def windowed() -> Subject:
    """Return two convolutions with windows behind one of 3 channels; 40 images of bytes."""
    rng = np.random.default_rng(5)
    model = build_model.chain(
        build_model.convolution(rng, (9, 8, 3), 8),
        build_model.convolution(rng, (9, 8, 8), 16, stride=(2, 2), relu=build_model.RELU),
        build_model.convolution(
            rng, (5, 4, 16), 8, (2, 3), padding=build_model.VALID, dilation=(3, 1), bias=False
        ),
    )
    inputs = rng.integers(0, 256, (40, 9 * 8 * 3), np.uint8)
    found = of_model(build_model.write(model), inputs, np.zeros(40, np.int64))
    return replace(found, interface=Interface("uint8"))


def test_a_window_is_a_row_of_a_matrix(tmp_path: Path) -> None:
    """Strides, edges of the zero point, dilation, an input that is turned over: rows times the
    matrix and biases, rescaled, are what the layer writes.
    """
    of = windowed()
    loaded = load(build(of.graph, of.interface, of.model_id), tmp_path, 0)
    rng = np.random.default_rng(1)
    for op in of.graph.operators:
        source, target = (of.graph.tensors[index] for index in (op.inputs[0], op.outputs[0]))
        weights = of.graph.tensors[op.inputs[1]]
        which = rng.permutation(len(of.inputs) * pixels_of(of.graph, op))[:300]
        read = written(loaded, of.graph, of.inputs, op.inputs[0])
        rows = columns_of(of.graph, op, read, which).astype(np.int64) - source.zero_point
        matrix = np.frombuffer(weights.data or b"", np.int8).reshape(weights.shape[0], -1)
        sums = rows @ matrix.T.astype(np.int64)
        if op.inputs[2] >= 0:
            sums += np.frombuffer(of.graph.tensors[op.inputs[2]].data or b"", "<i4")
        scales = source.scale * np.array(weights.scales) / target.scale
        low = (
            target.zero_point if op.options["FusedActivationFunction"] == build_model.RELU else -128
        )
        wanted = np.clip(np.rint(sums * scales) + target.zero_point, low, 127)
        gave = written(loaded, of.graph, of.inputs, op.outputs[0])
        gave = gave.reshape(-1, len(matrix))[which]
        assert np.abs(wanted - gave).max() <= 1  # halves, which are rounded otherwise
        assert (wanted == gave).mean() > 0.99
        assert len(np.unique(gave)) > 50


@pytest.mark.parametrize("scheme", ["bcr", "reordered"])
def test_convolutions_with_windows_are_fitted_and_stay_pruned(tmp_path: Path, scheme: str) -> None:
    """The sums of what is fitted are nearer to what they were; odd widths are named."""
    of = windowed()
    matrices, without = matrices_of(of.graph, 2, convolutions=True, windows=True)
    assert [one.values.shape for one in matrices] == [(16, 72), (8, 96)]
    assert without == ["0 8x3x3x3: its 27 inputs do not come in fours"]
    assert "--windows prunes it" in "".join(matrices_of(of.graph, 2, convolutions=True)[1])
    way = Way(scheme, "plain", 1.5, BLOCKS[0])
    first = load(build(of.graph, of.interface, of.model_id), tmp_path, 0)
    clean = infer(first, of.inputs)
    tensors_of = [one.tensor for one in matrices]
    whole = whole_of(of.graph, tensors_of, of.inputs, first)
    fitted = mended(of, tensors_of, way, whole, first, tmp_path)
    once = list(of.graph.tensors)
    for one in matrices:
        found = np.frombuffer(fitted.tensors[one.tensor].data or b"", np.int8)
        found = found.reshape(one.values.shape)
        order = order_in(way, one.values)
        assert (left(way, found, order) == found).all()
        assert 0 < np.count_nonzero(found) < found.size / 1.4
        data = left(way, one.values, order).tobytes()
        once[one.tensor] = msgspec.structs.replace(once[one.tensor], data=data)
    lost = list[float]()
    for graph in (msgspec.structs.replace(of.graph, tensors=tuple(once)), fitted):
        assert patch(first, graph)
        lost.append(float(np.square(infer(first, of.inputs) - clean).mean()))

    assert lost[1] < lost[0] / 2


def test_a_layer_is_fitted_to_what_the_model_reads(tmp_path: Path) -> None:
    """Floats that are quantised on the board are as many steps of int8, not bytes."""
    whole = windowed()
    source = whole.graph.tensors[whole.graph.inputs[0]]
    steps = np.random.default_rng(2).uniform(-140, 140, (5, source.elements))
    floats = ((steps - source.zero_point) * source.scale).astype(np.float32)
    of = replace(whole, inputs=floats.view(np.uint8), interface=Interface("float32"))
    loaded = load(build(of.graph, of.interface, of.model_id), tmp_path, 0)
    read = written(loaded, of.graph, of.inputs, source.index)
    assert read.shape == steps.shape
    assert np.abs(read - np.clip(steps, -128, 127)).max() < 0.51


def test_dense_layers_can_stand_alone(tmp_path: Path) -> None:
    """They are beside all others anyway: asked for with them, it is the same study."""
    matrices = made((8, 16), 1)
    alone, both, other = (
        ask(matrices, "made", "host", words, (2.0,), (), None, 1)
        for words in (("dense",), ("dense", "csr"), ("csr",))
    )
    assert both == other
    given = (alone, (), Work(tmp_path, {"board": "host"}, silent, lambda _: None))
    found = run_sparsity(None, matrices, [], *given)
    assert [row.scheme for row in found.rows] == ["dense"]
    assert "blocks are faster" not in report.markdown(found)
    assert report.as_png(found).startswith(b"\x89PNG")


def test_what_cannot_be_pruned_is_refused() -> None:
    """Each in a line that says what to do."""
    small = made((8, 16), 1)
    for matrices, rates, blocks, words in (
        ([], (2.0,), BLOCKS, "no such layer of int8"),
        (small, (32.0,), BLOCKS, "prunes layer 8x16 whole"),
        (small, (0.5,), BLOCKS, "1 to 1024"),
        (small, (2.0,), (Block(12, 0),), "rows in eights"),
        (small, (2.0,), (Block(8, 6),), "columns in fours"),
    ):
        with pytest.raises(UsageError, match=words):
            ask(matrices, "made", "host", SCHEMES, rates, blocks, None, 1)
    with pytest.raises(UsageError, match="inputs in fours"):
        made((8, 10), 1)
    done = tinybench("study", "sparsity", "--blocks", "8")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "no ROWSxCOLUMNS" in done.stderr
    done = tinybench("study", "sparsity", "--task", "ic", "--windows")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "--windows is of --convolutions" in done.stderr
