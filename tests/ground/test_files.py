"""Files of others: only regular ones are opened, within a bound; nothing is written by a link."""

import os
import socket
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tinybench.files import (
    holds,
    is_file_name,
    is_partial,
    open_regular,
    open_zip,
    own_regular,
    read_bytes,
    write_whole,
)


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(os.path.relpath(path))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (os.mkfifo, "a pipe, a socket or a device"),
        (_socket, "a pipe, a socket or a device"),
        (lambda path: path.symlink_to("/dev/zero"), "a pipe, a socket or a device"),
        (Path.mkdir, "Is a directory"),
        (lambda path: os.truncate(os.open(path, os.O_CREAT | os.O_RDWR), 11), "more than 10 bytes"),
        (lambda path: path.symlink_to(path), "symbolic links"),
        (lambda _: None, "No such file"),
    ],
)
def test_what_is_no_file_of_that_size_is_refused(
    make: Callable[[Path], object], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without waiting for it."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "file"
    make(path)
    with pytest.raises(OSError, match=said):
        open_regular(path, 10)


def test_a_link_is_followed_only_where_it_may_be(tmp_path: Path) -> None:
    """A user names files by links; in a folder of others a link is none."""
    (tmp_path / "file").write_bytes(b"0123456789")
    (tmp_path / "link").symlink_to("file")
    assert read_bytes(tmp_path / "link", 10) == b"0123456789"
    assert read_bytes(tmp_path / "file", 10, links=False) == b"0123456789"
    with pytest.raises(OSError, match="a link, which is not followed"):
        read_bytes(tmp_path / "link", 10, links=False)


def test_a_file_holds_just_these_bytes(tmp_path: Path) -> None:
    """Neither fewer nor more, and what is no file holds nothing; it is not waited for."""
    (tmp_path / "file").write_bytes(b"0123456789")
    os.mkfifo(tmp_path / "pipe")
    assert holds(tmp_path / "file", b"0123456789")
    assert not any(holds(tmp_path / "file", data) for data in (b"", b"012345678", b"0123456789a"))
    assert not any(holds(tmp_path / name, b"") for name in ("pipe", "none"))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_archive_that_unpacks_whole_is_refused(method: int, tmp_path: Path) -> None:
    """Any part of it may be a thousand times as large; by deflate it comes piece by piece."""
    for used in (zipfile.ZIP_DEFLATED, method):
        with zipfile.ZipFile(tmp_path / str(used), "w", used) as archive:
            archive.writestr("zeros", bytes(1 << 20))
    with open_zip(tmp_path / str(zipfile.ZIP_DEFLATED)) as archive, archive.open("zeros") as part:
        assert part.read(7) == bytes(7)
    with pytest.raises(zipfile.BadZipFile, match=r"'zeros' in it .* another method than deflate"):
        open_zip(tmp_path / str(method))
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="a pipe"):
        open_zip(tmp_path / "pipe")


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    """Neither whole nor at its end; what stood in the way is replaced."""
    others = tmp_path / "others"
    others.write_bytes(b"theirs")
    (tmp_path / "file").symlink_to(others)
    with pytest.raises(OSError, match="symbolic links"):
        open(tmp_path / "file", "ab", opener=own_regular)  # noqa: SIM115
    write_whole(tmp_path / "file", b"ours")
    assert (tmp_path / "file").read_bytes() == b"ours"
    assert not (tmp_path / "file").is_symlink()
    assert others.read_bytes() == b"theirs"


def test_writers_of_one_file_at_once_leave_that_of_one_of_them(tmp_path: Path) -> None:
    """Threads of one program, too; and no piece of another one's."""
    path = tmp_path / "file"
    texts = [bytes([number]) * 50_000 for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        for writing in [pool.submit(write_whole, path, text) for text in texts * 25]:
            writing.result()
    assert path.read_bytes() in texts
    assert [*tmp_path.iterdir()] == [path]


def test_what_a_killed_process_leaves_is_known_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And another writer that has just that name takes nothing of it away."""
    taken = list[Path]()
    monkeypatch.setattr(Path, "replace", lambda path, _: taken.append(path))
    write_whole(tmp_path / "file", b"ours")
    assert is_partial(taken[0].name)
    assert not any(map(is_partial, ("file", "file~", "file.0a1b2c", ".0a1b2c~", "a.0A1B2C~")))
    monkeypatch.setattr(os, "urandom", lambda _: bytes.fromhex(taken[0].name[-7:-1]))
    with pytest.raises(FileExistsError):
        write_whole(tmp_path / "file", b"theirs")
    assert taken[0].read_bytes() == b"ours"


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    """Neither half a file nor its beginning under another name."""
    (tmp_path / "file").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_whole(tmp_path / "file", b"ours")
    assert [one.name for one in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "a/b", "/a", "a\\b", "c:a", "a\n", "\0", "a\x1b[2J", "a" * 248, "\ud800"],
)
def test_a_name_that_leads_elsewhere_is_none(name: str) -> None:
    """Separators, drives, the folder itself and the one above, control characters; or nowhere."""
    assert not is_file_name(name)


@pytest.mark.parametrize(
    "name", ["a", "...", ".a", "a b.txt", "tst_000000.bin", "\N{LATIN SMALL LETTER E WITH ACUTE}"]
)
def test_a_plain_name_is_one(name: str) -> None:
    """Whatever else it holds."""
    assert is_file_name(name)
