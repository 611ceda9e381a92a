"""Download pinned public files into the user's cache, each checked by its SHA-256."""

import errno
import functools
import hashlib
import os
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tinybench.errors import FetchError
from tinybench.files import WHOLE_MOST_B, read_bytes
from tinybench.track import Track

from .declaration import Dataset, load_checksums, package_folder

if TYPE_CHECKING:
    from requests import Session

RAW_ADDRESS = "https://raw.githubusercontent.com"

_TEMPORARY_STATUS = {408, 425, 429, 500, 502, 503, 504}
_CHUNK_B = 1 << 16
_NEXT = (
    "run it again (it goes on where it stopped), point TINYBENCH_MIRROR to a folder that has the "
    "file, or use what you have: inputs with --data DIR, models with tinybench zoo import DIR"
)


@dataclass(frozen=True, slots=True)
class Pinned:
    """A public file at one commit, and what it must contain."""

    address: str
    """`<owner>/<repository>/<commit>/<path>`: below RAW_ADDRESS, in the cache and in a mirror."""
    sha256: str


class _TransferError(Exception):
    """A transfer broke off in a way that another attempt may mend."""


def mirror_folder() -> Path | None:
    """Return the folder that TINYBENCH_MIRROR names, or None when it is not set.

    Raises FetchError when there is no such folder.
    """
    chosen = os.environ.get("TINYBENCH_MIRROR")
    if not chosen:
        return None
    mirror = Path(chosen).expanduser().absolute()
    if not mirror.is_dir():
        raise FetchError(
            f"TINYBENCH_MIRROR is {mirror}, and there is no such folder; wanted one laid out "
            "<owner>/<repository>/<commit>/<path>, or no TINYBENCH_MIRROR to use the network"
        )
    return mirror


def dataset_files(dataset: Dataset) -> tuple[Pinned, ...]:
    """Return the public files that a fetched dataset consists of; none for one in the package.

    Raises DeclarationError when its checksum list is wrong.
    """
    if dataset.source is None or dataset.checksums is None:
        return ()
    checksums = load_checksums(package_folder() / dataset.checksums)
    names = [dataset.labels] if dataset.prepared else list(checksums)
    files = [Pinned(f"{dataset.source.address}/{name}", checksums[name]) for name in names]
    for one in dataset.lists[1:]:
        sha256 = load_checksums(package_folder() / one.checksums)[one.labels]
        files.append(Pinned(f"{one.source.address}/{one.labels}", sha256))
    if dataset.places is not None and dataset.places_sha256 is not None:
        files.append(Pinned(dataset.places.address, dataset.places_sha256))
    return tuple(files)


def missing(files: Sequence[Pinned], cache: Path) -> int:
    """Return how many of the files are not in the cache.

    Quick: a file gets its name there only after its checksum was right, so none is read. Who uses
    a file still compares its checksum, for it may have been damaged since.
    """
    there = functools.cache(lambda folder: _names(cache / folder))
    places = (file.address.rpartition("/") for file in files)
    return sum(name not in there(folder) for folder, _, name in places)


def _names(folder: Path) -> set[str]:
    """Return the files of a folder; of one that is not there, none."""
    try:
        with os.scandir(folder) as entries:
            return {entry.name for entry in entries if entry.is_file()}
    except (FileNotFoundError, NotADirectoryError):
        return set()


def fetch(
    files: Sequence[Pinned],
    cache: Path,
    track: Track,
    *,
    label: str,
    mirror: Path | None = None,
    raw_address: str = RAW_ADDRESS,
    timeout_s: float = 30.0,
    attempts: int = 3,
    workers: int = 8,
) -> None:
    """Bring all files into the cache; those there with the right checksum are left alone.

    A file appears in the cache whole or not at all, so what an interrupted call leaves is what the
    next one need not fetch. Each attempt at a file ends within `timeout_s` (and the wait for a
    single packet that began before). Raises FetchError for the first file that fails for good.
    """
    import pooch
    import requests
    from requests.adapters import HTTPAdapter

    pooch.get_logger().setLevel("WARNING")  # it would report each file
    stop = threading.Event()
    to_do: queue.SimpleQueue[Pinned] = queue.SimpleQueue()
    done: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
    for file in files:
        to_do.put(file)

    with requests.Session() as session:
        session.mount("https://", HTTPAdapter(pool_maxsize=workers))
        session.mount("http://", HTTPAdapter(pool_maxsize=workers))
        session.headers["Accept-Encoding"] = "identity"

        def chunks(file: Pinned) -> Iterator[bytes]:
            if mirror is not None:
                return _mirrored(mirror / file.address)
            return _downloaded(session, f"{raw_address}/{file.address}", timeout_s, stop)

        def work() -> None:
            while not stop.is_set():
                try:
                    _fetch_one(to_do.get_nowait(), cache, chunks, attempts, stop)
                except queue.Empty:
                    return
                except BaseException as error:  # whatever it is, the caller waits for it
                    done.put(error)
                else:
                    done.put(None)

        # Daemons, for a pool's threads would hold up Ctrl-C until a stalled server times out.
        threads = [
            threading.Thread(target=work, name=f"tinybench-fetch-{n}", daemon=True)
            for n in range(min(workers, len(files)))
        ]
        for thread in threads:
            thread.start()
        longest_s = 60.0 + attempts * 4 * timeout_s
        try:
            for error in track((done.get(timeout=longest_s) for _ in files), label, len(files)):
                if error is not None:
                    raise error
        except queue.Empty:
            raise FetchError(f"no file arrived within {longest_s:.0f} s; {_NEXT}") from None
        finally:
            stop.set()
            deadline = time.monotonic() + 2.0
            for thread in threads:
                thread.join(max(0.0, deadline - time.monotonic()))


def _fetch_one(
    file: Pinned,
    cache: Path,
    chunks: Callable[[Pinned], Iterator[bytes]],
    attempts: int,
    stop: threading.Event,
) -> None:
    """Bring one file into the cache, with retries; raises FetchError."""
    import pooch

    target = cache / file.address
    seen = ""
    for attempt in range(attempts):
        if attempt > 0 and stop.wait(2.0 ** (attempt - 1)):
            raise FetchError(f"{file.address}: stopped")
        found = hashlib.sha256()

        def transfer(_address: str, to: str, _pooch: Any, found: Any = found) -> None:
            with Path(to).open("wb") as stream:
                for chunk in chunks(file):
                    found.update(chunk)
                    stream.write(chunk)

        try:
            # Skips a file that is right, writes to a temporary one, compares, then renames.
            pooch.retrieve(
                url=file.address,
                known_hash=f"sha256:{file.sha256}",
                fname=target.name,
                path=target.parent,
                downloader=transfer,  # pyright: ignore[reportArgumentType]  its stub misnames them
            )
        except _TransferError as error:
            seen = str(error)
        except ValueError:
            seen = (
                f"{file.address}: its SHA-256 is {found.hexdigest()}, wanted {file.sha256}; "
                "it was not kept"
            )
        except OSError as error:
            raise FetchError(_disk_message(target, error)) from error
        else:
            return
    raise FetchError(f"tried {attempts} times: {seen}; {_NEXT}")


def _downloaded(
    session: "Session", address: str, timeout_s: float, stop: threading.Event
) -> Iterator[bytes]:
    """Yield the body at an address; raises _TransferError, or FetchError if a retry is no use."""
    import requests
    import urllib3

    end = time.monotonic() + timeout_s
    received_b = 0
    try:
        with session.get(address, stream=True, timeout=min(10.0, timeout_s)) as response:
            if response.status_code != 200:
                seen = f"the server said {response.status_code} {response.reason}"
                if response.status_code in _TEMPORARY_STATUS:
                    raise _TransferError(f"{address}: {seen}")
                raise FetchError(f"{address}: {seen}; {_NEXT}")
            length = response.headers.get("Content-Length", "")
            # read1 returns what one packet brought, so that a server that drips meets the deadline.
            while chunk := response.raw.read1(_CHUNK_B):
                if stop.is_set() or time.monotonic() > end:
                    raise _TransferError(f"{address}: not complete after {timeout_s:g} s")
                received_b += len(chunk)
                yield chunk
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        # What requests says of a lost connection ends with its reason, after all the rest.
        reason = getattr(error.args[0] if error.args else None, "reason", error)
        raise _TransferError(f"{address}: {reason}") from error
    if length.isdecimal() and received_b != int(length):
        raise _TransferError(
            f"{address}: the connection closed after {received_b} of {length} bytes"
        )


def _mirrored(path: Path) -> Iterator[bytes]:
    """Yield the bytes of a file in the mirror; raises FetchError when it cannot be read."""
    try:
        data = read_bytes(path, WHOLE_MOST_B)
    except OSError as error:
        raise FetchError(
            f"{path}: cannot be read from the mirror: {error.strerror}; complete the mirror, or "
            "unset TINYBENCH_MIRROR to use the network"
        ) from error
    yield data


def _disk_message(target: Path, error: OSError) -> str:
    """Say why a file cannot be written into the cache."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return (
            f"{target}: the disk is full; make room, or choose another folder with "
            "TINYBENCH_CACHE, and run it again (it goes on where it stopped)"
        )
    return (
        f"{target}: cannot be written: {error.strerror or error}; make it writable, or choose "
        "another folder with TINYBENCH_CACHE"
    )
