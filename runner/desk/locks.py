"""What one run has, no other run gets: a lock for each board, monitor and interface board."""

import contextlib
import getpass
import hashlib
import os
import re
import shlex
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from tinybench.errors import TakenError, UsageError
from tinybench.files import DOCUMENT_MOST_B, read_bytes, write_whole
from tinybench.read import read_json

POLL_S = 0.1
ANYBODY = 0o666
"""Runs of several users may share a folder of locks."""


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """Who has a lock, as it is written beside it."""

    pid: int
    user: str
    host: str
    command: str
    since: str
    folder: str | None = None
    """Run folder, once there is one."""

    def words(self) -> str:
        """Return who it is, in words."""
        stored = f", run folder {self.folder}" if self.folder else ""
        return (
            f"process {self.pid} of {self.user} on {self.host}, since {self.since}: "
            f"{self.command}{stored}"
        )


def lock_folder() -> Path:
    """Return the folder of the locks: the user's own; TINYBENCH_LOCKS names another one."""
    own = os.environ.get("TINYBENCH_LOCKS")
    if own:
        return Path(own)
    import platformdirs

    return platformdirs.user_cache_path("tinybench") / "locks"


@contextlib.contextmanager
def hold(
    wanted: dict[str, str], wait_s: float, say: Callable[[str], None]
) -> Iterator[Callable[[Path], None]]:
    """Hold locks; yields a function that tells others the run folder.

    `wanted` is {what is locked, such as a serial number: its name in messages}. All of them are
    waited for `wait_s` together; `say` is told when there is something to wait for. The system
    frees them when this process ends, however it ends. Raises TakenError when another run has one,
    UsageError when the folder of locks cannot be used.
    """
    deadline_s = time.monotonic() + wait_s
    with ExitStack() as stack:
        held = []
        for key in sorted(wanted):  # in one order, so that no two runs wait for each other
            held.append(_taken(key, wanted[key], deadline_s, wait_s, say, stack))
        since = datetime.now(UTC).isoformat(timespec="seconds")
        myself = Holder(
            pid=os.getpid(),
            user=_user(),
            host=socket.gethostname(),
            command=shlex.join(sys.argv),
            since=since,
        )

        def tell(folder: Path) -> None:
            _tell(held, msgspec.structs.replace(myself, folder=str(folder.absolute())))

        _tell(held, myself)
        yield tell


def _taken(
    key: str,
    name: str,
    deadline_s: float,
    wait_s: float,
    say: Callable[[str], None],
    stack: ExitStack,
) -> Path:
    """Take one lock, freed with the stack; return its file."""
    from filelock import FileLock, Timeout

    path = lock_folder() / _file_name(key)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path, mode=ANYBODY)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            if wait_s <= 0:
                raise TakenError(
                    f"{name} is taken by {_holder(path)}. Wait for it with --wait 10m, or use "
                    "another one"
                ) from None
            say(f"waiting up to {wait_s:.0f} s for {name}, taken by {_holder(path)}")
            lock.acquire(timeout=max(0.0, deadline_s - time.monotonic()), poll_interval=POLL_S)
    except Timeout:
        raise TakenError(
            f"{name} did not become free within {wait_s:.0f} s; it is taken by {_holder(path)}"
        ) from None
    except OSError as error:
        raise UsageError(
            f"cannot make the lock {path} that keeps two runs apart: {error.strerror or error}. "
            "Name a folder that can be written, by TINYBENCH_LOCKS=FOLDER"
        ) from error
    stack.callback(lock.release)
    _forget(path)  # who had it before, if that one crashed
    stack.callback(_forget, path)
    return path


def _file_name(key: str) -> str:
    """Return a file name for any text, that a person can recognise."""
    readable = re.sub(r"[^A-Za-z0-9.-]+", "_", key).strip("_.")[:60]
    return f"{readable}-{hashlib.sha256(key.encode(errors='replace')).hexdigest()[:12]}.lock"


def _tell(held: list[Path], holder: Holder) -> None:
    """Write beside each lock who has it; a full disk leaves others without that word only."""
    for path in held:
        with contextlib.suppress(OSError):
            write_whole(path.with_suffix(".json"), msgspec.json.encode(holder))


def _forget(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.with_suffix(".json").unlink()


def _holder(path: Path) -> str:
    """Return in words who has a lock, as far as it is known."""
    try:
        return read_json(
            read_bytes(path.with_suffix(".json"), DOCUMENT_MOST_B), type=Holder
        ).words()
    except (OSError, msgspec.MsgspecError):
        return "another tinybench, which has not said more"


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user without a name
        return "an unnamed user"
