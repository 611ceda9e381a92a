"""Dataset folders: what is read, and what is refused with which words."""

import os
import zipfile
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tinybench.datasets.declaration import Dataset, is_file_name
from tinybench.datasets.reader import parse_labels, read_samples
from tinybench.errors import DatasetError

THREE = Dataset(
    name="toy01",
    title="Three inputs of four bytes",
    count=3,
    input_b=4,
    classes=2,
    folder="toy01",
    labels="y_labels.csv",
    licence="CC0-1.0",
    citation="none",
    archive="toy01.zip",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A right dataset folder; its parent is what --data is given."""
    folder = tmp_path / "datasets" / "toy01"
    folder.mkdir(parents=True)
    (folder / "y_labels.csv").write_text("b.bin,2,1\na.bin,2,0\nc.bin,2,1\n")
    for name in "abc":
        (folder / f"{name}.bin").write_bytes(name.encode() * 4)
    return folder


def test_samples_are_in_the_order_of_the_labels(folder: Path) -> None:
    """Order and classes are those of the label file, and the bytes those of the file it names."""
    samples = read_samples(folder, THREE).samples
    assert [(s.name, s.label, s.read()) for s in samples] == [
        ("b.bin", 1, b"bbbb"),
        ("a.bin", 0, b"aaaa"),
        ("c.bin", 1, b"cccc"),
    ]


def test_the_folder_or_its_parent_is_given(folder: Path) -> None:
    """--data DIR may be the dataset's folder or the one that contains it."""
    assert read_samples(folder.parent, THREE) == read_samples(folder, THREE)


def test_zip_equals_folder(folder: Path, tmp_path: Path) -> None:
    """A zip with the layout of a dataset folder gives the same samples and the same hash."""
    with zipfile.ZipFile(tmp_path / "toy01.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for file in folder.iterdir():
            archive.write(file, f"toy01/{file.name}")
    zipped = read_samples(zipfile.Path(tmp_path / "toy01.zip"), THREE)
    plain = read_samples(folder, THREE)
    assert zipped.sha256 == plain.sha256
    assert [s.read() for s in zipped.samples] == [s.read() for s in plain.samples]


@pytest.mark.parametrize("damage", ["flipped", "cut"])
def test_damaged_zip_is_refused(folder: Path, tmp_path: Path, damage: str) -> None:
    """A zip whose content does not match its own checksums never gives a sample."""
    path = tmp_path / "toy01.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in folder.iterdir():
            archive.write(file, f"toy01/{file.name}")
    raw = path.read_bytes()
    at = raw.index(b"bbbb")
    path.write_bytes(raw[:at] + b"bbxb" + raw[at + 4 :] if damage == "flipped" else raw[:at])
    with pytest.raises((DatasetError, zipfile.BadZipFile)):
        read_samples(zipfile.Path(path), THREE)


def test_hash_covers_labels_names_order_and_bytes(folder: Path) -> None:
    """Any change of a label, a name, the order or a byte changes the hash of the set."""
    labels = folder / "y_labels.csv"
    seen = {read_samples(folder, THREE).sha256}
    for text in ("b.bin,2,0\na.bin,2,0\nc.bin,2,1\n", "a.bin,2,0\nb.bin,2,1\nc.bin,2,1\n"):
        labels.write_text(text)
        seen.add(read_samples(folder, THREE).sha256)
    (folder / "c.bin").write_bytes(b"cccd")
    seen.add(read_samples(folder, THREE).sha256)
    assert len(seen) == 4


def test_a_file_that_changes_during_the_run_is_refused(folder: Path) -> None:
    """What is uploaded is what was hashed, or nothing."""
    sample = read_samples(folder, THREE).samples[0]
    sample.file.open("wb").write(b"zzzz")
    with pytest.raises(DatasetError, match=r"b\.bin: changed while it was in use"):
        sample.read()


def test_byte_order_mark_crlf_and_blank_lines_are_accepted(folder: Path) -> None:
    """A label file saved by a Windows editor reads as the plain one."""
    (folder / "y_labels.csv").write_bytes(b"\xef\xbb\xbfb.bin,2,1\r\n\r\n a.bin , 2 , 0 \r\n  \n")
    assert [(s.name, s.label) for s in read_samples(folder, THREE).samples] == [
        ("b.bin", 1),
        ("a.bin", 0),
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("a.bin,2", "line 2: 2 fields in 'a.bin,2', wanted 'file,2,class'"),
        ("a.bin,2,0,2560,512", "line 2: 5 fields"),
        ("file,classes,class", "line 2: 'classes' is not a number"),
        ("a.bin,2,1.0", "line 2: '1.0' is not a number"),
        ("a.bin,2,-1", "line 2: '-1' is not a number"),
        ("a.bin,2,1_0", "line 2: '1_0' is not a number"),
        ("a.bin,2,\u0661", "line 2: '\u0661' is not a number"),
        ("a.bin,2," + "9" * 5000, "is not a number"),
        ("a.bin,2,2", "line 2: class 2 in 'a.bin,2,2', wanted 'file,2,class' with a class of 0"),
        ("a.bin,12,1", "line 2: 12 classes in 'a.bin,12,1'.*another task"),
        ("b.bin,2,1", r"line 2: 'b\.bin' is already on line 1"),
        ("../a.bin,2,1", r"line 2: '\.\./a\.bin' is not the name of a file beside"),
        ("/etc/passwd,2,1", "is not the name of a file"),
        ("C:a.bin,2,1", "is not the name of a file"),
        ("..\\a.bin,2,1", "is not the name of a file"),
        ("..,2,1", "is not the name of a file"),
        (",2,1", "is not the name of a file"),
        ("a\0.bin,2,1", "is not the name of a file"),
        ("\udcff.bin,2,1", "line 2: byte 0xff is not UTF-8"),
        ("gone.bin,2,1", r"gone\.bin: the label file names it, but there is no such file"),
        ("n" * 5000 + ",2,1", "is not the name of a file"),
    ],
)
def test_bad_label_lines_are_named(folder: Path, line: str, message: str) -> None:
    """The message has the label file, the line's number, what is wrong and what is wanted."""
    text = f"b.bin,2,1\n{line}\n".encode("utf-8", "surrogateescape")
    (folder / "y_labels.csv").write_bytes(text)
    with pytest.raises(DatasetError, match=message) as caught:
        read_samples(folder, THREE)
    assert str(folder) in str(caught.value)
    assert len(str(caught.value)) < 600 or line.startswith("nnn")


@pytest.mark.parametrize("size_b", [0, 3, 5, 100_000])
def test_wrong_size_names_file_wanted_and_found(folder: Path, size_b: int) -> None:
    """A short or long input is refused with both sizes, and not read into memory whole."""
    (folder / "a.bin").write_bytes(bytes(size_b))
    with pytest.raises(
        DatasetError, match=rf"a\.bin: an input must have 4 bytes, this file has {size_b}:"
    ):
        read_samples(folder, THREE)


def test_no_folder_no_labels_no_lines(folder: Path, tmp_path: Path) -> None:
    """Each thing that can be absent has its own message."""
    with pytest.raises(
        DatasetError, match=r"nowhere: there is no such folder.*toy01/y_labels\.csv"
    ):
        read_samples(tmp_path / "nowhere", THREE)
    with pytest.raises(DatasetError, match=r"y_labels\.csv: there is no such folder"):
        read_samples(folder / "y_labels.csv", THREE)
    with pytest.raises(DatasetError, match=r"no label file: looked for toy01/y_labels\.csv"):
        read_samples(tmp_path, THREE)
    (folder / "y_labels.csv").write_text("\n\n")
    with pytest.raises(DatasetError, match=r"y_labels\.csv: no label in it; wanted"):
        read_samples(folder, THREE)


def test_a_pipe_is_no_input(folder: Path) -> None:
    """A named pipe in place of an input is refused rather than waited for."""
    (folder / "a.bin").unlink()
    os.mkfifo(folder / "a.bin")
    with pytest.raises(DatasetError, match="no such file"):
        read_samples(folder, THREE)


@given(st.binary(max_size=200) | st.text("ab.,/\\012\r\n\ufeff ", max_size=200).map(str.encode))
@example(b"\xef\xbb\xbf")
@example(b"a,2,1\ra,2,1")
def test_any_bytes_give_labels_or_a_dataset_error(raw: bytes) -> None:
    """Whatever a label file holds, the parser returns labels in range or raises DatasetError."""
    try:
        labels = parse_labels(raw, THREE, "y_labels.csv")
    except DatasetError:
        return
    assert labels
    assert len({label.name for label in labels}) == len(labels)
    assert all(0 <= label.label < 2 and is_file_name(label.name) for label in labels)


def test_the_official_keywords_read(shared_data: Path) -> None:
    """The official set has 1000 inputs of 490 bytes in 12 classes, 70 to 92 of each."""
    from tinybench.datasets.declaration import load_dataset

    dataset = load_dataset("kws01")
    assert dataset.source is not None
    samples = read_samples(shared_data / "mirror" / dataset.source.address, dataset).samples
    counts = [sum(s.label == label for s in samples) for label in range(dataset.classes)]
    assert len(samples) == dataset.count
    assert (min(counts), max(counts)) == (70, 92)
