"""Columns of categories in a CSV: which they are, what a net is given, and what is refused."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from tests.program import tinybench
from tinybench.errors import DatasetError, ModelError, UsageError
from tinybench.runner.study import rows as rows_of
from tinybench.runner.study.compress import asked as compress_asked
from tinybench.runner.study.compress import tied
from tinybench.runner.study.compress.asked import ask
from tinybench.runner.study.compress.compress import run_compress
from tinybench.runner.study.compress.tables import as_bytes, tables_of, unknown
from tinybench.runner.study.compress.tied import answers, as_ints, drawn, untied
from tinybench.runner.study.rows import Category, Parts, Rows, digest, read_csv
from tinybench.runner.study.work import Work
from tinybench.track import silent

HEAD = "city,device,temp,what\n"
LINES = "Oslo,7,1.5,a\nRome,8,2,b\nOslo,7,-1,a\nBern,9,0,b\n"


def read(folder: Path, text: str, categories: Sequence[str] | None = (), **more: str) -> Rows:
    """Return the rows of a CSV of this text."""
    path = folder / "mine.csv"
    path.write_text(text)
    return read_csv(path, more.get("target"), categories=categories)


def test_words_are_categories_and_numbers_are_when_they_are_named(tmp_path: Path) -> None:
    """Columns keep their order; a file without names has them by their places."""
    rows = read(tmp_path, HEAD + LINES)
    (city,) = rows.categories
    assert (city.name, city.values) == ("city", ("Oslo", "Rome", "Bern"))
    assert city.which.tolist() == [0, 1, 0, 2]
    assert rows.values.tolist() == [[7, 1.5], [8, 2], [7, -1], [9, 0]]
    assert rows.classes == ("a", "b")
    assert read(tmp_path, LINES).categories[0].name == "column 1"
    both = read(tmp_path, HEAD + LINES, ("device",))
    assert [one.name for one in both.categories] == ["city", "device"]
    assert both.categories[1].values == ("7", "8", "9")
    assert both.values.tolist() == [[1.5], [2], [-1], [0]]
    odd = read(tmp_path, f"{HEAD}?,7,1,a\nNA,8,2,b\nnan,7,3,b\n?,8,4,a\n", ("city",))
    assert odd.categories[0].values == ("?", "NA", "nan")
    all_words = read(tmp_path, "city,kind,what\nOslo,x,a\nRome,y,b\nOslo,x,a\n", ("city", "kind"))
    assert all_words.values.shape == (3, 0)
    assert read(tmp_path, HEAD + LINES, target="city").categories[0].name == "what"
    assert len({digest(rows), digest(both), digest(read(tmp_path, HEAD + LINES * 2))}) == 3


LONG = HEAD + LINES * 9


@pytest.mark.parametrize(
    ("text", "categories", "words"),
    [
        (LONG, ("town",), "no column 'town': city, device"),
        (LINES, ("city",), "no column 'city': none named"),
        (LONG, ("city", "what"), "'what' is what to tell"),
        (LONG.replace("device", "city"), ("city",), "2 columns are called 'city'"),
        (f"{LONG},8,1,a\n", (), r":38: column 1 \(city\) is missing"),
        (f"{LONG}NA,8,1,a\n", (), r":38: column 1 \(city\) is missing.*'NA' is .*--embed"),
        (f"{HEAD}?,8,1,a\n{LINES}", (), r":2: column 1 \(city\) is missing.*'\?' is .*--embed"),
        (f"{LONG}inf,8,1,a\n", (), r"\(city\) is inf, a number"),
        (f"{LONG}12,8,1,a\n", (), r"\(city\) is 12, a number, and began with 'Oslo'.*--embed"),
        (f"{LONG}Ulm,x,1,a\n", (), r"\(device\) is 'x', which is no number.*--embed"),
        (f"{LONG}Ulm,x,1,a\n", None, r"\(city\) is 'Oslo', which is no number.*as such"),
        ("city,temp,what\nOslo,1.5,a,oops\n", (), ":2: 4 cells, wanted 3"),
        (LONG.replace("Rome", "Oslo").replace("Bern", "Oslo"), (), "has one value alone"),
        (HEAD + LINES, ("temp",), "has another value in each row"),
        ("city,kind,what\nOslo,x,a\nRome,y,b\n", (), "may be names or a row.*--embed"),
        (",".join(["w"] * 65) + ",1,a\n" + LINES, (), "65 columns of categories; at most 64"),
    ],
)  # fmt: skip
def test_a_column_that_teaches_nothing_is_refused(
    tmp_path: Path, text: str, categories: Sequence[str] | None, words: str
) -> None:
    """By its place and name, in a sentence that says what to do."""
    with pytest.raises(DatasetError, match=words):
        read(tmp_path, text, categories)


def test_more_values_than_16_bits_tell_are_refused_as_they_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the line that is too much, whatever follows."""
    assert rows_of.VALUES_MOST == 65535
    monkeypatch.setattr(rows_of, "VALUES_MOST", 30)
    text = "id,x,what\n" + "".join(f"v{n},1,a\n" for n in range(50)) + "odd line\n"
    with pytest.raises(DatasetError, match=r":32: column 1 \(id\) has more than 30 values"):
        read(tmp_path, text)


def parts(count: int = 700) -> Parts:
    """Return rows with a category of 600 values and one of 2; the last 100 are tested."""
    first = Category("id", tuple(map(str, range(600))), np.arange(count) % 600)
    second = Category("on", ("no", "yes"), np.arange(count) % 2)
    values = np.arange(count, dtype=np.float64)[:, None]
    rows = Rows("made", values, np.arange(count) % 3, ("a", "b", "c"), (first, second))
    return Parts(rows, np.arange(300), np.arange(count - 100, count))


def test_a_board_is_sent_ids_and_then_numbers() -> None:
    """Ids of 16 bits, the low byte first; 0 is any value that no row has which is learnt from."""
    tables, inputs = tables_of(parts(), 16)
    assert (tables.names, tables.rows, tables.count) == (("id", "on"), (301, 3), 304)
    assert tables.firsts.tolist() == [0, 301, 304]
    assert inputs.rows[299].tolist() == [300, 301 + 2]
    assert inputs.rows[500].tolist() == [0, 301 + 1]
    sent = as_bytes(inputs).view(np.uint8)
    assert sent.shape == (700, 5)
    assert sent[299, :4].tolist() == [300 & 255, 1, 2, 0]
    assert sent[500, :4].tolist() == [0, 0, 1, 0]
    tested = inputs.of(np.arange(550, 650))
    assert unknown(tested) == [50, 0]


def test_what_nets_are_given_is_held_in_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a few rows at a time a net is the same, and so are its answers."""
    of = parts()
    tables, inputs = tables_of(of, 4)
    net = drawn(untied(tables.shapes(1, 8, 3)), 1)
    whole = as_ints(net, inputs.of(of.train))
    wanted = answers(whole, inputs)
    monkeypatch.setattr(tied, "SLICE", 9 * 7)
    some = as_ints(net, inputs.of(of.train))
    assert (some.multiplier, some.shift) == (whole.multiplier, whole.shift)
    assert [one.tolist() for one in some.biases] == [one.tolist() for one in whole.biases]
    assert answers(some, inputs).tolist() == wanted.tolist()
    assert len(np.unique(wanted)) > 1


def test_tables_that_no_board_holds_are_refused_before_anything_is_learnt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One alone, or the nets of an image together."""
    rows = parts().rows

    def asked(board: str, width: int | None = 16) -> compress_asked.Asked:
        return ask(rows, "", board, ("robe",), (2,), 9, 4, 60, 1, 1, width=width)

    assert (asked("host", None).width, asked("host").embed) == (16, ["id", "on"])
    for width in (0, 257):
        with pytest.raises(UsageError, match="1 to 256"):
            asked("host", width)
    many = Category("id", tuple(map(str, range(5000))), np.arange(9000) % 5000)
    large = Rows("large", np.zeros((9000, 1)), np.arange(9000) % 3, ("a", "b", "c"), (many,))
    words = {"board": "qemu-microbit"}
    with pytest.raises(UsageError, match="more than 1,048,576 weights"):
        ask(large, "", "host", ("robe",), (2,), 9, 4, 60, 1, 1, width=256)
    with pytest.raises(UsageError, match=r"qemu-microbit has 262,144 bytes of flash"):
        ask(large, "", "qemu-microbit", ("robe",), (2,), 9, 4, 60, 1, 1, width=64)
    fits = ask(large, "", "qemu-microbit", ("robe",), (2,), 9, 4, 60, 1, 1, width=48)
    with pytest.raises(ModelError, match=r"2 candidates are in one image.*--shards"):
        run_compress(large, fits, Work(tmp_path / "s", words, silent, lambda _: None))
    assert not (tmp_path / "s" / "trials.jsonl").read_bytes()
    none = Rows("none", rows.values, rows.targets, rows.classes)
    with pytest.raises(UsageError, match="--width is of embedding tables"):
        ask(none, "", "host", ("robe",), (2,), 9, 4, 60, 1, 1, width=8)


def test_rows_are_of_one_source_and_columns_of_a_csv() -> None:
    """A line each, and exit status 2."""
    for words, said in (
        (("--tables", "--csv", "x.csv"), "rows are learnt from one"),
        (("--embed", "city"), "--embed is of --csv"),
        (("--csv", "x.csv", "--embed", "a,,b"), "empty name"),
    ):
        done = tinybench("study", "compress", *words)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert said in done.stderr
