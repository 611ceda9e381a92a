"""Weights in less flash: where they are, what a net of them answers, and on a board."""

import ctypes
from pathlib import Path

import numpy as np
import pytest

from tests.bench.study.compress import GOLDEN, equal_pairs, in_c, library
from tests.program import tinybench
from tinybench.errors import UsageError
from tinybench.runner.study.compress.compress import (
    METHODS,
    CompressStudy,
    ask,
    run_compress,
    ties_of,
)
from tinybench.runner.study.compress.compress_c import palette, sparse
from tinybench.runner.study.compress.robe import index, robe
from tinybench.runner.study.compress.tied import (
    as_ints,
    drawn,
    palettised,
    pruned,
    trained,
    untied,
    weights,
)
from tinybench.runner.study.listed import find_studies
from tinybench.runner.study.rows import Rows
from tinybench.runner.study.work import Work
from tinybench.track import silent


def table(count: int = 120, features: int = 11) -> Rows:
    """Return rows of three classes that a small net tells apart."""
    rng = np.random.default_rng(4)
    labels = np.arange(count) % 3
    values = rng.normal(0, 1, (count, features)) + 2 * np.eye(3, features)[labels]
    return Rows("made", values, labels, ("a", "b", "c"))


def studied(
    folder: Path, board: str = "mps2-an386", rates: tuple[float, ...] = (2, 4), shards: int = 1
) -> tuple[CompressStudy, list[str]]:
    """Do a study of few rows; return what was said, too."""
    words = list[str]()
    rows = table()
    asked = ask(rows, "", board, METHODS, rates, 9, 4, 30, 1, 1)
    work = Work(folder, {"board": board}, silent, words.append, shards)
    found = run_compress(rows, asked, work)
    return found, words


def test_weights_are_where_the_published_code_has_them() -> None:
    """The places that were computed by it, of an array of 1000 in blocks of 4."""
    for row, places in GOLDEN.items():
        assert tuple(index(robe(1000, 4), row, np.arange(8))) == places


def test_c_finds_weights_where_python_does() -> None:
    """10^5 pairs, rows of all 32 bits, in arrays of all sizes."""
    assert equal_pairs() == 1


def test_a_row_of_an_embedding_table_is_looked_up_block_by_block() -> None:
    """All values of a row, its last block cut off; C steps from hash to hash, Python does not."""
    array = np.random.default_rng(1).integers(-127, 128, 5000, np.int8)
    of, c = robe(5000, 8), library()
    there = in_c(of, array.ctypes.data)
    for row in (0, 1, 999, 2**32 - 1):
        out = np.zeros(45, np.int8)
        c.robe_row(ctypes.byref(there), ctypes.c_uint32(row), 45, ctypes.c_void_p(out.ctypes.data))
        assert (out == array[index(of, row, np.arange(45))]).all()


def test_each_way_to_keep_weights_gives_back_the_weights() -> None:
    """Codes unpack to their values, columns say where the others are, a shared array has few."""
    rows = table()
    x = np.clip(np.rint(rows.values * 30), -127, 127).astype(np.int8)
    labels = rows.targets.astype(np.intp)
    dense = trained(drawn(untied(11, 9, 3), 1), x, labels, 1, 5)
    for bits in (1, 2, 4):
        net = as_ints(palettised(dense, bits), x)
        for layer, whole in enumerate(weights(net)):
            values, codes, found = palette(net, layer)
            assert found == bits
            shifts = np.arange(0, 8, bits)
            each = (codes[:, None] >> shifts & (1 << bits) - 1).reshape(len(whole), -1)
            assert (values[each[:, : whole.shape[1]]] == whole).all()
    net = as_ints(pruned(dense, 4), x)
    for layer, whole in enumerate(weights(net)):
        values, lengths, columns = sparse(net, layer)
        made = np.zeros_like(whole)
        made[np.repeat(np.arange(len(whole)), lengths), columns] = values
        assert (made == whole).all()
        assert len(values) == round(whole.size / 4)
    shared = as_ints(drawn(ties_of(robe(31, 4), 11, 9, 3), 1), x)
    assert len(shared.entries) == 31


def test_board_c_and_python_answer_the_same_and_nothing_is_done_again(tmp_path: Path) -> None:
    """All ways in one image on an emulated core, each counted; an interrupted study goes on."""
    found, _ = studied(tmp_path)
    assert [(row.method, row.rate) for row in found.rows] == [
        ("dense", 1), ("robe", 2), ("robe", 4), ("palette", 2), ("palette", 4), ("prune", 2),
        ("prune", 4),
    ]  # fmt: skip
    assert all(row.rows_equal == found.tested for row in found.rows)
    assert found.board_rows == found.board_rows_equal == 30
    assert found.rows[0].score > 0.7
    assert found.rows[0].weights_b == 9 * (11 + 3)
    assert found.rows[2].weights_b == round(9 * 14 / 4) + 20
    assert found.emulated
    for row in found.rows:
        assert 500 < (row.instructions or 0) < 5000
        assert (row.cycles_low or 0) < (row.cycles or 0) < (row.cycles_high or 0)
    assert find_studies(tmp_path).rows[1].name == "robe 2x"
    lines = (tmp_path / "trials.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "trials.jsonl").write_bytes(b"".join(lines[:3]) + lines[3][:10])
    (tmp_path / "study.json").unlink()
    again, said = studied(tmp_path)
    assert again == found
    assert "3 nets are there already" in said[0]
    assert not any("in one image" in line for line in said)


def test_what_cannot_be_kept_is_refused(tmp_path: Path) -> None:
    """Each in a line that says what to do, before anything is trained."""
    rows = table()
    for methods, rates, block, words in (
        (("zip",), (2.0,), 4, "valid: robe"),
        (("robe",), (1.0,), 4, "more than 1"),
        (("robe",), (4.0,), 4000, "lower rate or smaller blocks"),
        (("prune",), (32.0,), 4, "prunes a layer whole"),
        (("palette",), (16.0,), 4, "rates of 2, 4, 8"),
    ):
        with pytest.raises(UsageError, match=words):
            ask(rows, "", "host", methods, rates, 9, block, 30, 1, 1)
    real = Rows("real", rows.values, rows.values[:, 0], ())
    with pytest.raises(UsageError, match="real values"):
        ask(real, "", "host", METHODS, (2.0,), 9, 4, 30, 1, 1)
    done = tinybench("study", "compress", "--rates", "2,-1")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "no number of 0 or more" in done.stderr
