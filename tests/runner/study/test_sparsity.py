"""Pruned layers: what is left, how it is stored, and that C computes it to the bit."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.bench.study.noise_golden import wide
from tests.program import tinybench
from tinybench.errors import ModelError, RunFolderError, UsageError
from tinybench.models.compiler.dsp.halves import fits
from tinybench.models.compiler.lower import macs_share
from tinybench.runner.report.study import sparsity as report
from tinybench.runner.study.images import Boarded, Counted, OnBoard
from tinybench.runner.study.kept import read_study, store_study
from tinybench.runner.study.layers.told import told
from tinybench.runner.study.listed import find_studies
from tinybench.runner.study.one_image import on_host, sources
from tinybench.runner.study.sparsity.candidates import Makes
from tinybench.runner.study.sparsity.findings import Row, SparsityStudy, best, break_even, rows_of
from tinybench.runner.study.sparsity.matrices import made, matrices_of
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
from tinybench.runner.study.sparsity.sparsity import SCHEMES, ask, run_sparsity
from tinybench.runner.study.sparsity.sparsity_c import (
    CALLS,
    Left,
    Way,
    left,
    order_in,
    scratch_of,
    weights_b,
    write_ways,
)
from tinybench.runner.study.subject import Subject, subject
from tinybench.runner.study.work import Work
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
    assert 200 < found.functions_b["dot_blocks"] < 500
    size_b = sum(found.functions_b.get(name, 0) for name in report.KERNELS[fast])
    assert f", bcr {fast} {size_b:,} B" in report.markdown(found)
    head, line, *_ = report.as_csv(found).splitlines()
    told_of = dict(zip(head.split(","), line.split(","), strict=True))
    assert (told_of["board"], told_of["emulated"], told_of["scheme"]) == (board, "True", "dense")
    assert all(row.instructions for row in found.rows)
    for row in found.rows:
        if row.scheme == "csr":
            assert row.weights_b == 3 * round(20 * 308 / row.rate) + 2 * 20
        if row.scheme == "reordered":  # its sums go elsewhere
            other = next(one for one in found.rows if one.scheme == "bcr" and one.block == row.block
                         and (one.kernel, one.rate) == (row.kernel, row.rate))  # fmt: skip
            assert (row.scratch_b or 0) > (other.scratch_b or 0) > 0
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
    listed = find_studies(tmp_path).rows
    assert [row.score for row in listed] == [row.score for row in found.rows]
    assert {row.scope for row in listed} == {"layers"}
    lines = (tmp_path / "trials.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "trials.jsonl").write_bytes(b"".join(lines[:-1]))
    assert studied(tmp_path, "host", of)[0] == found


def counted_as(
    cycles: Sequence[int],
    scores: Sequence[dict[str, float]],
    held: Sequence[dict[str, float]] = (),
) -> list[Row]:
    """Return rows of a dense layer; of blocks in two forms, and single weights, at two rates."""
    ways, blocks = [Way("dense", "plain", 1)], (Block(8, 0), Block(16, 0))
    for rate in (2.0, 4.0):
        ways += [Way("bcr", "plain", rate, one) for one in blocks] + [Way("csr", "plain", rate)]
    return counted_ways(ways, cycles, scores, held)


def counted_ways(
    ways: Sequence[Way],
    cycles: Sequence[int],
    scores: Sequence[dict[str, float]],
    held: Sequence[dict[str, float]] = (),
) -> list[Row]:
    """Return rows of ways of which each takes so many cycles, and has scores by the step.

    `held`: of the inputs that steps are chosen by; without, they are chosen by `scores`.
    """
    matrices, makes = made((16, 64), 1), Makes(made((16, 64), 1), lambda _: "pruned")
    each = [Counted(latency_s=1.0, cycles=count) for count in cycles]
    there = OnBoard(board="b", emulated=True, flash_b=1, ram_b=1, rows=2, odd=[], counted=each)
    board = Boarded(there=there, weights_b=[1] * len(ways), equal=[2] * len(ways))
    candidates = [
        replace(makes.candidate(way), weights=best(each))
        for way, each in zip(ways, held or scores, strict=True)
    ]
    return rows_of(candidates, matrices, scores, held or [{}] * len(ways), board)


def test_what_has_to_run_in_plain_c_stands_there_once() -> None:
    """Beside its plain row there is none of the same kernel, rate and block."""
    ways = [Way("dense", "plain", 1), *[Way("bcr", "plain", 2, BLOCKS[0])] * 2]
    rows = counted_ways([*ways, Way("channel", "plain", 2)], [9, 5, 6, 7], [{}] * 4)
    assert [(row.scheme, row.cycles) for row in rows] == [("dense", 9), ("bcr", 5), ("channel", 7)]


def test_blocks_are_chosen_by_cycles_then_by_the_best_score() -> None:
    """Of equal cycles the higher score of any step; fewer go first. Equal scores: the last step."""
    scores = [{"pruned": 0.9, "mended": 0.9, "learnt": 0.9}] * 7
    scores[1] = {"pruned": 0.5, "mended": 0.5, "learnt": 0.4}
    scores[2] = {"pruned": 0.1, "mended": 0.6, "learnt": 0.3}
    rows = counted_as([100, 60, 60, 150, 40, 41, 39], scores)
    chosen = [(row.rate, row.block) for row in rows if row.block and row.chosen]
    assert chosen == [(2, "16xall"), (4, "8xall")]
    assert [row.weights for row in rows[:3]] == ["learnt", "mended", "mended"]
    assert [row.counted_score for row in rows[:3]] == [0.9, 0.5, 0.6]


def test_nothing_is_chosen_by_the_inputs_that_are_scored() -> None:
    """Neither the step whose weights are run, nor of equal cycles the block, where some are held.

    The score that is told is that of what was chosen, though another would have a higher one.
    """
    scores = [{"pruned": 0.9, "mended": 0.1}] * 7
    held = [{"pruned": 0.2, "mended": 0.3}] * 7
    held[1], scores[2] = {"pruned": 0.2, "mended": 0.4}, {"pruned": 0.9, "mended": 0.8}
    rows = counted_as([100, 60, 60, 150, 40, 41, 39], scores, held)
    assert {row.weights for row in rows} == {"mended"}
    assert [(row.block, row.counted_score) for row in rows if row.block and row.chosen] == [
        ("8xall", 0.1),
        ("8xall", 0.1),
    ]
    assert [row.held_mended for row in rows[1:3]] == [0.4, 0.3]


def test_blocks_break_even_where_they_are_faster_from_there_on() -> None:
    """Than dense layers and than single weights: figures for all, and words in the report."""
    rows = counted_as([50, 60, 61, 150, 40, 41, 39], [{}] * 7)
    assert break_even(rows, "bcr") == (4.0, None)
    assert break_even(rows, "reordered") == (None, None)
    rows = counted_as([50, 49, 61, 150, 40, 41, 42], [{}] * 7)
    assert break_even(rows, "bcr") == (2.0, 2.0)


def test_what_is_fast_and_right_is_told_beside_what_is_fast(tmp_path: Path) -> None:
    """Of each scheme the fastest within 1 and 5 points, slower ones too; of one layer in words.

    A study whose `squares` were called otherwise is shown, too.
    """
    worth = [{"pruned": score} for score in (0.9, 0.6, 0.86, 0.89, 0.2, 0.3, 0.5)]
    rows = counted_as([50, 30, 40, 100, 20, 20, 30], worth)
    asked = ask(made((16, 64), 1), "made", "host", ("bcr", "csr"), (2.0, 4.0), (), None, 1)
    found = SparsityStudy(
        asked=asked, tinybench="1", layers=["0 16x64"], left_out=[], clean=0.9, metric="top1",
        emulated=True, image_flash_b=1, image_ram_b=1, inputs=2, board_rows_equal=2,
        break_even=2.0, break_even_csr=4.0, macs_share=0.5, rows=rows,
    )  # fmt: skip
    shown = report.markdown(found)
    for words in (
        "pruned: 1 layer of made",
        "than dense: at every rate asked for; where it begins below 2x, lower --rates tell",
        "than csr: from 4x on, of the rates that were asked for",
        "within 1 point of dense top-1: bcr none; csr 2x, 0.50 times as fast",
        "within 5 points of dense top-1: bcr 2x 16xall, 1.25 times as fast; csr 2x, 0.50 times",
        "50 % of the model's multiplications: if time goes as these do, the whole model becomes "
        "at most 2 times as fast",
    ):
        assert words in shown
    store_study(tmp_path, found)
    document = tmp_path / "study.json"
    document.write_text(document.read_text().replace('"squares"', '"energy"'))
    assert read_study(tmp_path, SparsityStudy) == found


def test_candidates_beyond_the_flash_are_refused_before_they_are_compiled(tmp_path: Path) -> None:
    """With what they take, what there is, and what to do."""
    matrices = made((512, 1024), 1)
    asked = ask(matrices, "made", "qemu-microbit", ("dense",), (2.0,), (), None, 1)
    words = ({"board": "qemu-microbit"}, silent, lambda _: None)
    with pytest.raises(ModelError, match=r"take 524288 bytes, and qemu-microbit has .* --shards"):
        run_sparsity(None, matrices, [], asked, (), Work(tmp_path, *words))
    assert not list(tmp_path.glob("*-host.c"))


def test_candidates_beyond_the_flash_are_refused_before_they_are_scored(tmp_path: Path) -> None:
    """What they take is counted of the weights as they are pruned, as the C has them."""
    of = wide(9000)
    with pytest.raises(ModelError, match=r"3 candidates are in one image: .* --shards"):
        studied(tmp_path, "qemu-microbit", of)
    assert not (tmp_path / "trials.jsonl").read_bytes()
    matrices = made((24, 64), 1)
    for way in (Way("csr", "plain", 2), Way("channel", "dsp", 2), Way("bcr", "dsp", 2, BLOCKS[0])):
        layers = left_of(way, [one.values for one in matrices])
        assert write_ways(tmp_path / "engine", [way], [layers]) == [weights_b(way, layers)]


def test_convolutions_of_one_pixel_are_pruned_as_matrices() -> None:
    """Those of the keyword model; its first one has a window, and is named as left out."""
    graph = subject("kws", limit=4).graph
    matrices, without = matrices_of(graph, 4, convolutions=True)
    assert [one.values.shape for one in matrices] == [(64, 64)] * 4
    others = 125 * (64 * 40 + 4 * 64 * 9) + 64 * 12
    share = macs_share(graph, [one.tensor for one in matrices])
    assert share == pytest.approx(125 * 4 * 64 * 64 / (125 * 4 * 64 * 64 + others))
    for one in matrices:
        assert one.values.tobytes() == graph.tensors[one.tensor].data
    assert len(without) == 1
    assert "more than one pixel" in without[0]
    more, without = matrices_of(graph, 4, convolutions=True, windows=True)
    assert [one.values.shape for one in more] == [(64, 40), *[(64, 64)] * 4]
    assert not without


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


def test_a_board_at_work_is_interrupted_between_rows(tmp_path: Path) -> None:
    """As by Ctrl-C, or where another image failed; nothing of the image is kept."""

    def track(items: Iterable[Any], label: str, total: int) -> Iterator[Any]:
        yield from itertools.islice(items, 1)
        assert (label, total > 1) == ("rows", True)
        raise KeyboardInterrupt

    matrices = made((8, 16), 1)
    asked = ask(matrices, "made", "host", ("dense",), (2.0,), (), None, 1)
    work = Work(tmp_path, {"board": "host"}, track, lambda _: None)
    with pytest.raises(KeyboardInterrupt):
        run_sparsity(None, matrices, [], asked, (), work)
    assert [one.name for one in tmp_path.glob("*.json")] == ["asked.json"]


def test_what_cannot_be_pruned_is_refused() -> None:
    """Each in a line that says what to do."""
    small = made((8, 16), 1)
    for matrices, rates, blocks, words in (
        ([], (2.0,), BLOCKS, "no such layer of int8"),
        (small, (32.0,), BLOCKS, "prunes layer 8x16 whole"),
        (small, (0.5,), BLOCKS, "1 to 1024"),
        (small, (2.0,), (Block(12, 0),), "rows in eights"),
        (small, (2.0,), (Block(8, 6),), "columns in fours"),
        (small, (2.0, 2.0000001), BLOCKS, "are both told as 2"),
        (made((70_000, 8), 1), (2.0,), BLOCKS, "layer 70000x8 has 70,000 rows .* at most 65,535"),
        (made((3000, 8), 1), (2.0,), BLOCKS, "reordered .* of 8 rows: .* 1,125,000 pairs"),
    ):
        with pytest.raises(UsageError, match=words):
            ask(matrices, "made", "host", SCHEMES, rates, blocks, None, 1)
    with pytest.raises(UsageError, match="inputs in fours"):
        made((8, 10), 1)
    why = ["0 8x16: its weights are no int8 constants", "1 4x8: its inputs are INT16, not INT8"]
    with pytest.raises(UsageError, match=r"no such layer .* \(0 8x16: .* constants; 1 4x8: .*\):"):
        ask([], "made", "host", SCHEMES, (2.0,), BLOCKS, None, 1, without=why)
    done = tinybench("study", "sparsity", "--blocks", "8")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "no ROWSxCOLUMNS" in done.stderr
    done = tinybench("study", "sparsity", "--task", "ic", "--windows")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "--windows is of --convolutions" in done.stderr
