"""Weights in less flash: where they are, what a net of them answers, and on a board."""

import ctypes
from pathlib import Path

import msgspec
import numpy as np
import pytest

from tests.bench.study.compress import equal_pairs, equal_rows, in_c, is_golden, library
from tests.program import tinybench
from tinybench.errors import UsageError
from tinybench.runner.report.study import compress as compress_report
from tinybench.runner.study.compress.asked import METHODS, ask, form_of
from tinybench.runner.study.compress.compress import CompressStudy, run_compress
from tinybench.runner.study.compress.compress_c import palette, sparse, weights_b
from tinybench.runner.study.compress.events import events
from tinybench.runner.study.compress.robe import Robe, index, robe, roomy
from tinybench.runner.study.compress.tied import (
    IntNet,
    as_ints,
    drawn,
    palettised,
    pruned,
    ties_of,
    trained,
    untied,
    weights,
)
from tinybench.runner.study.listed import find_studies
from tinybench.runner.study.rows import Category, Parts, Rows, digest, split
from tinybench.runner.study.work import Work
from tinybench.track import silent


def table(count: int = 120, features: int = 11) -> Rows:
    """Return rows of three classes that a small net tells apart."""
    rng = np.random.default_rng(4)
    labels = np.arange(count) % 3
    values = rng.normal(0, 1, (count, features)) + 2 * np.eye(3, features)[labels]
    return Rows("made", values, labels, ("a", "b", "c"))


def logged(count: int = 300, values: int = 40) -> Rows:
    """Return rows of three classes that a category tells, which has some values but once."""
    rng = np.random.default_rng(5)
    which = np.concatenate((np.arange(values), rng.integers(0, 12, count - values)))
    other = rng.integers(0, 5, count)
    labels = (which + (other == 4)) % 3
    names = tuple(map(str, range(values)))
    categories = (Category("code", names, which), Category("part", names[:5], other))
    return Rows("made", rng.normal(0, 1, (count, 1)), labels, ("a", "b", "c"), categories)


def studied(
    folder: Path,
    board: str = "mps2-an386",
    rates: tuple[float, ...] = (2, 4),
    shards: int = 1,
    rows: Rows | None = None,
) -> tuple[CompressStudy, list[str]]:
    """Do a study of few rows; return what was said, too."""
    words = list[str]()
    rows = rows or table()
    asked = ask(rows, "", board, METHODS, rates, 9, 4, 30, 1, 1)
    work = Work(folder, {"board": board}, silent, words.append, shards)
    found = run_compress(rows, asked, work)
    return found, words


def test_weights_are_where_the_published_code_has_them() -> None:
    """The places that were computed by it, of an array of 1000 in blocks of 4."""
    assert is_golden()


def test_c_finds_weights_where_python_does() -> None:
    """10^5 pairs, rows of all 32 bits, in arrays of all sizes."""
    assert equal_pairs() == 1


def test_c_looks_rows_of_tables_up_where_python_does() -> None:
    """10^5 pairs of row and place in it, of tables of all widths in arrays of all sizes."""
    assert equal_rows() == 1


def test_an_array_is_of_a_size_at_which_rows_differ() -> None:
    """Of the size that was asked for all but 169 of 692 rows are another one's; of one near, none.

    Where there are fewer places than rows, fewest of them are the same.
    """

    def different(of: Robe, rows: int) -> int:
        return len({*map(bytes, index(of, np.arange(rows)[:, None], np.arange(16)))})

    assert different(robe(1390, 8), 692) == 169
    of = roomy(1390, 8, 692)
    assert 1390 * 0.95 <= of.size <= 1390
    assert different(of, 692) == 692
    assert different(roomy(340, 16, 692), 692) > 300
    assert roomy(16, 16, 3).size == 16
    with pytest.raises(UsageError, match="smaller blocks"):
        roomy(15, 16, 3)


def test_a_row_of_an_embedding_table_is_looked_up_block_by_block() -> None:
    """All values of a row, its last block cut off; C steps from hash to hash, Python does not."""
    array = np.random.default_rng(1).integers(-127, 128, 5000, np.int8)
    of, c = robe(5000, 8), library()
    there = in_c(of, array.ctypes.data)
    for row in (0, 1, 999, 2**32 - 1):
        out = np.zeros(45, np.int8)
        c.robe_row(ctypes.byref(there), ctypes.c_uint32(row), 45, ctypes.c_void_p(out.ctypes.data))
        assert (out == array[index(of, row, np.arange(45))]).all()


@pytest.mark.parametrize("rows", [table(), logged()], ids=["layers", "tables"])
def test_each_way_to_keep_weights_gives_back_the_weights(rows: Rows) -> None:
    """Codes unpack to their values, columns say where the others are, a shared array has few.

    Where there are tables they alone are kept otherwise; what it is said to take, it takes.
    """
    asked = ask(rows, "", "host", METHODS, (2,), 9, 4, 30, 1, 1)
    form, inputs = form_of(Parts(rows, *split(rows, 30, 1)), asked)
    labels, shapes = rows.targets.astype(np.intp), form.shapes
    which = (0,) if rows.categories else (1, 2)
    dense = trained(drawn(untied(shapes), 1), inputs, labels, 1, 5)
    for bits in (1, 2, 4):
        net = as_ints(palettised(dense, bits), inputs)
        size_b = 0
        for n in which:
            whole = weights(net)[n]
            values, codes, found = palette(net, n)
            assert found == bits
            shifts = np.arange(0, 8, bits)
            each = (codes[:, None] >> shifts & (1 << bits) - 1).reshape(len(whole), -1)
            assert (values[each[:, : whole.shape[1]]] == whole).all()
            size_b += len(values) + len(codes)
        assert_kept(net, which, size_b, weights_b("palette", 8 / bits, shapes, None))
    net = as_ints(pruned(dense, 4), inputs)
    size_b = 0
    for n in which:
        whole = weights(net)[n]
        values, lengths, columns = sparse(net, n)
        made = np.zeros_like(whole)
        made[np.repeat(np.arange(len(whole)), lengths), columns] = values
        assert (made == whole).all()
        assert len(values) == round(whole.size / 4)
        size_b += 2 * len(values) + 2 * (len(whole) + (n == 0))
    assert_kept(net, which, size_b, weights_b("prune", 4, shapes, None))
    of = form.shared(4)
    net = as_ints(drawn(ties_of(of, shapes), 1), inputs)
    assert_kept(net, which, of.size + 20, weights_b("robe", 4, shapes, of))
    assert all(net.ties.places[n].max() < of.size for n in which)


def assert_kept(net: IntNet, which: tuple[int, ...], size_b: int, told: tuple[int, int]) -> None:
    """What is not kept otherwise is a byte a weight; tables are told from layers."""
    others = [weights(net)[n].size for n in range(3) if n not in which]
    assert told[0 if which == (0,) else 1] == size_b
    assert sum(told) == size_b + sum(others)


def test_rows_of_tables_are_what_is_kept_of_them() -> None:
    """Each kernel of the firmware copies the row that is asked for, and nothing beyond it."""
    rng, c = np.random.default_rng(3), library()
    whole = rng.integers(-127, 128, (7000, 20), np.int8) * (rng.random((7000, 20)) < 0.5)
    left = np.nonzero(whole)
    starts = np.cumsum([0, *(whole != 0).sum(axis=1)])
    values, columns = whole[left], left[1].astype(np.uint8)
    codes, means = rng.integers(0, 4, (50, 20)).astype(np.uint8), np.array([-9, 0, 4, 99], np.int8)
    packed = (codes.reshape(50, 5, 4) << np.arange(0, 8, 2)).sum(axis=2).astype(np.uint8)
    coded = Pointers(packed.ctypes.data, means.ctypes.data, 2)
    short, wide = starts[:101].astype(np.uint16), starts.astype(np.uint32)
    assert starts[-1] > 1 << 16
    at = values.ctypes.data, columns.ctypes.data
    few, many = Pointers(*at, short.ctypes.data, 0), Pointers(*at, 0, wide.ctypes.data)
    for name, op, table_of, rows in (
        ("dense_row", whole.ctypes.data, whole, (0, 6999)),
        ("palette_row", coded, means[codes], (0, 1, 49)),
        ("sparse_table_row", few, whole, (0, 1, 99)),
        ("sparse_table_row", many, whole, (0, 3500, 6999)),
    ):
        for row in rows:
            out = np.full(21, 77, np.int8)
            call = getattr(c, name)
            first = ctypes.byref(op) if isinstance(op, Pointers) else ctypes.c_void_p(op)
            call(first, ctypes.c_uint32(row), 20, ctypes.c_void_p(out.ctypes.data))
            assert out.tolist() == [*table_of[row].tolist(), 77], (name, row)


class Pointers(ctypes.Structure):
    """The structs of compressed.h that begin with two pointers: a palette, a sparse table."""

    _fields_ = tuple((name, ctypes.c_void_p) for name in ("a", "b", "c", "d"))


def test_an_id_that_no_table_has_is_that_of_any_other_value() -> None:
    """Row 0 of its own table; ids are of 16 bits, the low byte first, and may lie anywhere."""
    c, firsts = library(), np.array([0, 300, 304, 304 + 65536], np.uint32)
    for k, given, row in (
        (0, 299, 299), (0, 300, 0), (0, 65535, 0), (1, 3, 303), (1, 4, 300), (2, 65535, 65839),
    ):  # fmt: skip
        inputs = np.frombuffer(bytes(1 + 2 * k) + given.to_bytes(2, "little"), np.uint8)
        at = ctypes.c_void_p(inputs.ctypes.data + 1), ctypes.c_void_p(firsts.ctypes.data)
        assert c.row_of_table(*at, k) == row


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
    listed = find_studies(tmp_path).rows
    assert (listed[1].name, listed[1].scope) == ("robe 2x", "model")
    shown = compress_report.markdown(found)
    assert "| palette 2-bit | 4x |" in shown
    assert "at 8x at most" not in shown
    lost = dict[str, float](robe=0.016, palette=0.015, prune=-0.01)
    rows = [
        msgspec.structs.replace(one, rate=8, lost=lost[one.method])
        for one in found.rows
        if one.rate == 4
    ]
    shown = compress_report.markdown(msgspec.structs.replace(found, rows=rows))
    assert "at 8x at most 1.5 points lost: palette 1-bit (1.5; " in shown
    assert ", prune (-1.0; " in shown
    shown = compress_report.markdown(msgspec.structs.replace(found, rows=rows[:1]))
    assert "at 8x at most 1.5 points lost: none" in shown
    lines = (tmp_path / "trials.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "trials.jsonl").write_bytes(b"".join(lines[:3]) + lines[3][:10])
    (tmp_path / "study.json").unlink()
    again, said = studied(tmp_path)
    assert again == found
    assert "3 nets there already" in said[0]
    assert not any("in one image" in line for line in said)


def test_tables_on_a_board_answer_as_python_does(tmp_path: Path) -> None:
    """Rows are told by ids, of which some are of no learnt row; flash of tables stands alone."""
    found, _ = studied(tmp_path, rates=(2,), rows=logged())
    assert [row.method for row in found.rows] == ["dense", "robe", "palette", "prune"]
    assert all(row.rows_equal == found.tested == 30 for row in found.rows)
    assert found.board_rows_equal == 30
    assert found.rows[0].score > 0.7
    (code, part) = found.tables
    assert (code.column, part.column, part.rows, part.unknown) == ("code", "part", 6, 0)
    assert 0 < code.unknown < 15
    assert code.rows == 1 + 40 - code.unknown
    rows = code.rows + part.rows
    layers_b = 9 * (2 * 16 + 1) + 3 * 9
    assert found.rows[0].tables_b == rows * 16
    assert found.rows[2].tables_b == 16 + rows * 8
    assert all(row.weights_b - row.tables_b == layers_b for row in found.rows)
    shown = compress_report.markdown(found)
    assert "tables B" in shown
    assert f"code {code.rows} rows, {code.unknown} of 30 tested values in none of them" in shown
    text = compress_report.as_csv(found)
    assert (text.count("\n"), text.split(",")[2]) == (5, "emulated")


def test_events_are_the_same_each_time_and_teach() -> None:
    """Those that are made without a CSV: what they are is in their name."""
    rows = events()
    assert rows.name == "synthetic events"
    assert digest(rows) == digest(events())
    assert digest(rows).startswith("4e3d0374bfbfb4b4")
    sizes = [np.unique(one.which).size for one in rows.categories]
    assert sizes[0] > 256
    assert np.bincount(rows.targets.astype(np.intp)).min() > len(rows.targets) / 20


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
