"""Folders for a moment: gone with their user, and those of killed users with the next one."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.project.rooms import SOURCES
from tinybench import scratch as module
from tinybench.scratch import MARK, SWEPT_MAX, scratch

TIMEOUT_S = 60
USER = """
import subprocess, sys
from pathlib import Path
from tinybench.scratch import scratch
with scratch(Path(sys.argv[1]), "own-") as folder:
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "deep" / "er" / "file").write_bytes(bytes(1000))
    child = subprocess.Popen(sys.argv[2:], close_fds=False) if sys.argv[2:] else None
    print(child.pid if child else 0, flush=True)
    sys.stdin.read()
"""


@contextmanager
def _user(place: Path, *child: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Run a process that works in a scratch folder in `place`; yields it and its child's id."""
    with subprocess.Popen(
        [sys.executable, "-c", USER, str(place), *child],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            yield process, int(process.stdout.readline())
        finally:
            process.kill()


def _kill(place: Path) -> Path:
    """Return the folder that a killed process left in `place`."""
    before = set(place.iterdir())
    with _user(place) as (process, _):
        process.send_signal(signal.SIGKILL)
        process.wait(TIMEOUT_S)
    (left,) = set(place.iterdir()) - before
    assert (left / "in" / "deep" / "er" / "file").is_file()
    return left


def _use(place: Path, prefix: str = "own-") -> None:
    """Work in a scratch folder in `place` for a moment."""
    with scratch(place, prefix) as folder:
        (folder / "file").touch()


def test_a_scratch_folder_is_empty_this_users_own_and_gone_afterwards(tmp_path: Path) -> None:
    """On every way out, and also when all in it was moved away; the system's place unless given."""
    with scratch(tmp_path) as folder, scratch(tmp_path) as other:
        assert list(folder.iterdir()) == list(other.iterdir()) == []
        assert folder != other
        assert folder.parent.stat().st_mode & 0o777 == 0o700
        folder.rename(tmp_path / "kept")
    with pytest.raises(IsADirectoryError), scratch(tmp_path) as folder:
        folder.write_text("x")
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    with scratch() as folder:
        assert folder.is_relative_to(tempfile.gettempdir())


def test_what_a_killed_process_left_is_swept_by_the_next(tmp_path: Path) -> None:
    """With all that is in it; of its prefix alone."""
    left = _kill(tmp_path)
    _use(tmp_path, "other-")
    assert left.is_dir()
    _use(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_use_is_left(tmp_path: Path) -> None:
    """Of another process, of this one, and of a child that outlived its parent."""
    with _user(tmp_path) as (process, _):
        (used,) = tmp_path.iterdir()
        with scratch(tmp_path, "own-") as folder:
            _use(tmp_path)
            assert folder.is_dir()
        assert (used / "in" / "deep" / "er" / "file").is_file()
        process.communicate("", timeout=TIMEOUT_S)
    assert list(tmp_path.iterdir()) == []
    with _user(tmp_path, "sleep", str(TIMEOUT_S)) as (process, child):
        (used,) = tmp_path.iterdir()
        process.send_signal(signal.SIGKILL)
        process.wait(TIMEOUT_S)
        _use(tmp_path)
        assert (used / "in" / "deep" / "er" / "file").is_file()
        os.kill(child, signal.SIGKILL)
        deadline_s = time.monotonic() + TIMEOUT_S
        while used.exists():
            assert time.monotonic() < deadline_s
            _use(tmp_path)


def test_what_is_not_a_scratch_folder_is_left(tmp_path: Path) -> None:
    """The same prefix: a folder or a file of the user, a link, a mark that is a link or a pipe."""
    left = _kill(tmp_path)
    place, away = tmp_path / "place", tmp_path / "away"
    place.mkdir()
    left.rename(away)
    (place / "own-link").symlink_to(away)
    (place / "own-file").touch()
    for name in ("folder", "linked", "pipe", "folders"):
        (place / f"own-{name}" / "in").mkdir(parents=True)
        (place / f"own-{name}" / "in" / "kept").touch()
    (place / "own-linked" / MARK).symlink_to(away / MARK)
    os.mkfifo(place / "own-pipe" / MARK)
    (place / "own-folders" / MARK).mkdir()
    before = {path: path.lstat().st_mode for path in place.rglob("*")}
    _use(place)
    assert {path: path.lstat().st_mode for path in place.rglob("*")} == before
    assert (away / "in" / "deep" / "er" / "file").is_file()


def test_links_in_a_leftover_are_not_followed(tmp_path: Path) -> None:
    """Below its top and in place of it; what a user put beside it is not removed."""
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").touch()
    place = tmp_path / "place"
    place.mkdir()
    (_kill(place) / "in" / "deep" / "link").symlink_to(kept)
    _use(place)
    assert list(place.iterdir()) == []
    left = _kill(place)
    (left / "in").rename(left / "mine")
    (left / "in").symlink_to(kept)
    _use(place)
    assert (left / "mine" / "deep" / "er" / "file").is_file()
    assert (kept / "file").is_file()


def test_a_leftover_of_another_user_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a folder that all users share, also when root looks."""
    left = _kill(tmp_path)
    uid = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: uid + 1)
    _use(tmp_path)
    assert (left / "in" / "deep" / "er" / "file").is_file()


def test_so_many_leftovers_are_swept_and_no_more(tmp_path: Path) -> None:
    """A run does not pay for all that ever happened: the rest is swept later."""
    count = 2 * SWEPT_MAX + 5
    for number in range(count):
        (tmp_path / f"own-{number}").mkdir()
        (tmp_path / f"own-{number}" / MARK).touch()
    with scratch(tmp_path, "own-"):
        assert len(list(tmp_path.iterdir())) == count - SWEPT_MAX + 1
    assert len(list(tmp_path.iterdir())) == count - 2 * SWEPT_MAX
    _use(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_without_locks_nothing_is_marked_or_swept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a system that is not POSIX: nobody could say whether it is in use."""
    left = _kill(tmp_path)
    monkeypatch.setattr(module, "fcntl", None)
    with scratch(tmp_path, "own-") as folder:
        assert list(folder.parent.iterdir()) == [folder]
    assert list(tmp_path.iterdir()) == [left]


def test_many_at_once_never_take_a_folder_from_another(tmp_path: Path) -> None:
    """Each makes, fills and removes its own while the others sweep."""
    wrong: list[str] = []

    def work() -> None:
        for _ in range(60):
            with scratch(tmp_path, "own-") as folder:
                try:
                    (folder / "file").write_text("x")
                    assert (folder / "file").read_text() == "x"
                    assert (folder.parent / MARK).is_file()
                except (OSError, AssertionError) as error:
                    wrong.append(repr(error))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(TIMEOUT_S)
    assert wrong == []
    assert list(tmp_path.iterdir()) == []


def test_every_folder_for_a_moment_is_made_here() -> None:
    """So that none is left by a kill: nothing else of the program makes one."""
    made = [path.name for path in SOURCES if "tempfile.mkd" in path.read_text()]
    assert made == ["scratch.py"]
    assert [path for path in SOURCES if "TemporaryDirectory" in path.read_text()] == []
