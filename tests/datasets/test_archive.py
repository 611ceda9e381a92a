"""The zip files of embedded sets."""

import zipfile
from pathlib import Path

from tinybench.datasets.archive import write_archive


def test_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    """Neither the clock nor the order of the inputs is in the file."""
    write_archive(tmp_path / "a.zip", "set", "x.bin,2,0\n", {"x.bin": b"1", "y.bin": b"2"})
    write_archive(tmp_path / "new" / "b.zip", "set", "x.bin,2,0\n", {"y.bin": b"2", "x.bin": b"1"})
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "new" / "b.zip").read_bytes()


def test_archive_holds_labels_and_inputs(tmp_path: Path) -> None:
    """It unpacks to an EEMBC dataset folder."""
    write_archive(tmp_path / "a.zip", "set", "x.bin,2,0\n", {"x.bin": b"12"})
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert archive.namelist() == ["set/x.bin", "set/y_labels.csv"]
        assert archive.read("set/x.bin") == b"12"
        assert archive.read("set/y_labels.csv") == b"x.bin,2,0\n"
