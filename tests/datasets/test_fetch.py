"""Fetching: a real server that serves, breaks off, stalls and lies, and the official files."""

import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TypeVar

import pytest

from tinybench.datasets.fetch import Pinned, fetch, mirror_folder, missing
from tinybench.errors import FetchError
from tinybench.track import silent

T = TypeVar("T")
FOLDER = "owner/repository/" + "0" * 40
BODIES = {f"{FOLDER}/{n:02d}.bin": bytes([n]) * (n * 1000) for n in range(20)}
FILES = [Pinned(path, hashlib.sha256(body).hexdigest()) for path, body in BODIES.items()]
ONE = FILES[7]


@dataclass
class Server:
    """A server of BODIES on loopback, and how it misbehaves."""

    address: str = ""
    asked: Counter[str] = field(default_factory=Counter)
    """How often each path was asked for."""
    ill: dict[str, list[str]] = field(default_factory=dict)
    """What happens to the next requests of a path; it is served well when the list is empty."""
    closing: threading.Event = field(default_factory=threading.Event)
    meeting: threading.Barrier | None = None
    """Requests wait here for each other."""


@pytest.fixture
def server() -> Iterator[Server]:
    """A running server; stalled requests end when the test does."""
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path.removeprefix("/")
            state.asked[path] += 1
            if state.meeting is not None:
                state.meeting.wait(timeout=120)
            body = BODIES[path]
            ills = state.ill.get(path, [])
            ill = ills.pop(0) if ills else ""
            if ill.isdecimal():
                self.send_error(int(ill))
                return
            if ill == "silent":
                state.closing.wait(timeout=60)
                self.close_connection = True
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if ill == "wrong":
                body = b"x" * len(body)
            if ill == "short":
                body = body[: len(body) // 2]
                self.close_connection = True
            if ill == "drip":
                self.close_connection = True
                for byte in body:
                    if state.closing.wait(timeout=0.05):
                        return
                    self.wfile.write(bytes([byte]))
                    self.wfile.flush()
                return
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

        def handle(self) -> None:
            try:
                super().handle()
            except ConnectionError:
                self.close_connection = True  # the client gave up, as it should

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    state.address = f"http://127.0.0.1:{http.server_port}"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield state
    state.closing.set()
    http.shutdown()
    http.server_close()
    thread.join()


def kept(cache: Path) -> list[str]:
    """Return every file below the cache, temporary ones too."""
    return sorted(str(path.relative_to(cache)) for path in cache.rglob("*") if path.is_file())


def assert_complete(cache: Path) -> None:
    """All files are there, with the right bytes, and nothing else."""
    assert kept(cache) == sorted(BODIES)
    assert all((cache / path).read_bytes() == body for path, body in BODIES.items())
    assert missing(FILES, cache) == 0


def assert_no_thread_left() -> None:
    """Threads of a fetch end by themselves soon after it."""
    end = time.monotonic() + 20
    while any(t.name.startswith("tinybench-fetch") for t in threading.enumerate()):
        assert time.monotonic() < end
        time.sleep(0.02)


def test_all_files_arrive_and_none_is_asked_for_twice(server: Server, tmp_path: Path) -> None:
    """A first fetch brings each file once; a second one asks for nothing."""
    assert missing(FILES, tmp_path) == len(FILES)
    for _ in range(2):
        fetch(FILES, tmp_path, silent, label="", raw_address=server.address)
        assert_complete(tmp_path)
        assert server.asked == Counter(list(BODIES))
    assert_no_thread_left()


def test_progress_counts_every_file(server: Server, tmp_path: Path) -> None:
    """The progress has the label, the total, and one item a file, whether fetched or there."""
    seen: list[tuple[str, int, int]] = []

    def track(items: Iterable[T], label: str, total: int) -> Iterator[T]:
        got = list(items)
        seen.append((label, total, len(got)))
        return iter(got)

    for _ in range(2):
        fetch(FILES, tmp_path, track, label="fetch toy", raw_address=server.address)
    assert seen == [("fetch toy", 20, 20)] * 2


def test_downloads_are_parallel(server: Server, tmp_path: Path) -> None:
    """With four workers, four requests are under way at once."""
    server.meeting = threading.Barrier(4)
    fetch(FILES, tmp_path, silent, label="", raw_address=server.address, workers=4)
    assert_complete(tmp_path)


@pytest.mark.parametrize("ill", ["short", "503", "429", "wrong", "silent"])
def test_a_passing_failure_is_retried(server: Server, tmp_path: Path, ill: str) -> None:
    """A file that fails once arrives at the second attempt."""
    server.ill[ONE.address] = [ill]
    wait_s = 3.0 if ill == "silent" else 30.0  # a busy machine may be slow to answer at all
    where = server.address
    fetch(FILES, tmp_path, silent, label="", raw_address=where, timeout_s=wait_s, attempts=2)
    assert_complete(tmp_path)
    assert server.asked[ONE.address] == 2


@pytest.mark.parametrize(
    ("ill", "message"),
    [
        ("short", r"IncompleteRead|connection closed after 3500 of 7000"),
        ("503", "the server said 503"),
        ("silent", "timed out"),
        ("drip", "not complete after 0.5 s"),
        ("wrong", f"its SHA-256 is {hashlib.sha256(b'x' * 7000).hexdigest()}, wanted {ONE.sha256}"),
    ],
)
def test_a_lasting_failure_names_file_and_address(
    server: Server, tmp_path: Path, ill: str, message: str
) -> None:
    """A file that keeps failing is named, with what was seen and what to try; it is not kept."""
    server.ill[ONE.address] = [ill] * 9
    with pytest.raises(FetchError, match=message) as caught:
        fetch(
            [ONE],
            tmp_path,
            silent,
            label="",
            raw_address=server.address,
            timeout_s=0.5,
            attempts=2,
        )
    assert ONE.address in str(caught.value)
    assert "run it again" in str(caught.value)
    assert server.asked[ONE.address] == 2
    assert kept(tmp_path) == []
    assert_no_thread_left()


def test_a_file_that_does_not_exist_is_not_retried(server: Server, tmp_path: Path) -> None:
    """404 is final, and the message has the whole address."""
    server.ill[ONE.address] = ["404"] * 9
    with pytest.raises(FetchError, match=f"{server.address}/{ONE.address}: the server said 404"):
        fetch(FILES, tmp_path, silent, label="", raw_address=server.address)
    assert server.asked[ONE.address] == 1


def test_no_server_at_all(tmp_path: Path) -> None:
    """A refused connection is a FetchError with the way out, not a traceback."""
    with pytest.raises(FetchError, match=r"(?s)tried 1 times.*TINYBENCH_MIRROR.*--data DIR"):
        fetch([ONE], tmp_path, silent, label="", raw_address="http://127.0.0.1:9", attempts=1)


def test_a_damaged_file_in_the_cache_is_fetched_again(server: Server, tmp_path: Path) -> None:
    """A file there with the wrong bytes is replaced, and only that one."""
    fetch(FILES, tmp_path, silent, label="", raw_address=server.address)
    (tmp_path / ONE.address).write_bytes(b"damaged")
    fetch(FILES, tmp_path, silent, label="", raw_address=server.address)
    assert_complete(tmp_path)
    assert server.asked == Counter(list(BODIES)) + Counter([ONE.address])


def test_an_interrupted_fetch_goes_on_where_it_stopped(server: Server, tmp_path: Path) -> None:
    """What had arrived before Ctrl-C is whole, and is not asked for again."""

    def interrupted(items: Iterable[T], label: str, total: int) -> Iterator[T]:
        for number, item in enumerate(items):
            if number == 5:
                raise KeyboardInterrupt
            yield item

    for path in list(BODIES)[10:]:
        server.ill[path] = ["silent"]
    with pytest.raises(KeyboardInterrupt):
        fetch(
            FILES,
            tmp_path,
            interrupted,
            label="",
            raw_address=server.address,
            timeout_s=1.0,
            workers=2,
        )
    assert_no_thread_left()
    there = kept(tmp_path)
    assert 5 <= len(there) < len(FILES)
    assert missing(FILES, tmp_path) == len(FILES) - len(there)
    server.ill.clear()
    server.asked.clear()
    fetch(FILES, tmp_path, silent, label="", raw_address=server.address)
    assert_complete(tmp_path)
    assert server.asked == Counter(set(BODIES) - set(there))


PROGRAM = """
import sys
from pathlib import Path
from tinybench.datasets.fetch import Pinned, fetch

def track(iterable, label, total):
    for item in iterable:
        print("one", flush=True)
        yield item

files = [Pinned(*line.split()) for line in sys.stdin]
fetch(files, Path(sys.argv[1]), track, label="", raw_address=sys.argv[2], timeout_s=60)
"""


def test_ctrl_c_ends_a_process_that_waits_for_a_stalled_server(
    server: Server, tmp_path: Path
) -> None:
    """SIGINT ends the process long before the server's time is up, and no partial file is kept."""
    for path in list(BODIES)[1:]:
        server.ill[path] = ["silent"] * 9
    # A shell that starts a test run in the background makes its children ignore Ctrl-C.
    listening = ["env", "--default-signal=INT"]
    with subprocess.Popen(
        [*listening, sys.executable, "-c", PROGRAM, str(tmp_path), server.address],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("".join(f"{f.address} {f.sha256}\n" for f in FILES).encode())
        process.stdin.close()
        assert process.stdout.readline() == b"one\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=120) == -signal.SIGINT
    assert missing(FILES, tmp_path) == len(FILES) - 1


def test_a_mirror_serves_the_same_paths(tmp_path: Path) -> None:
    """With a mirror nothing is downloaded, and the checksums hold as for a download."""
    mirror, cache = tmp_path / "mirror", tmp_path / "cache"
    (mirror / FOLDER).mkdir(parents=True)
    for path, body in BODIES.items():
        (mirror / path).write_bytes(body)
    nowhere = "http://127.0.0.1:9"
    fetch(FILES, cache, silent, label="", mirror=mirror, raw_address=nowhere)
    assert_complete(cache)
    (cache / ONE.address).unlink()
    (mirror / ONE.address).write_bytes(b"other")
    with pytest.raises(FetchError, match=f"{ONE.address}.*its SHA-256 is .*wanted {ONE.sha256}"):
        fetch(FILES, cache, silent, label="", mirror=mirror, attempts=1)
    (mirror / ONE.address).unlink()
    with pytest.raises(FetchError, match=f"{mirror / ONE.address}: cannot be read from the mirror"):
        fetch(FILES, cache, silent, label="", mirror=mirror)
    assert missing(FILES, cache) == 1


def test_a_cache_that_cannot_be_written(server: Server, tmp_path: Path) -> None:
    """A file in the place of the cache folder is named, with the way out."""
    (tmp_path / "owner").write_text("not a folder")
    with pytest.raises(FetchError, match=r"cannot be written: .*TINYBENCH_CACHE"):
        fetch([ONE], tmp_path, silent, label="", raw_address=server.address)


FULL_DISK = """
mount -t tmpfs -o size=64k tmpfs "$1" && printf %s "$3" | "$2" -c "$4" "$1" "$5"
status=$?; find "$1" -type f -printf '%P %s\\n'; exit $status
"""


def test_a_full_disk_is_said(server: Server, tmp_path: Path) -> None:
    """On a file system of 64 kB the error says that the disk is full; what fits stays, whole."""
    unshare = ["unshare", "--user", "--map-root-user", "--mount"]
    try:
        subprocess.run(
            [*unshare, "mount", "-t", "tmpfs", "none", str(tmp_path)], check=True, timeout=30
        )
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("a small file system cannot be mounted here (unshare, mount)")
    files = "".join(f"{f.address} {f.sha256}\n" for f in FILES)
    shell = [*unshare, "sh", "-c", FULL_DISK, "sh"]
    done = subprocess.run(
        [*shell, str(tmp_path), sys.executable, files, PROGRAM, server.address],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert "FetchError" in done.stderr
    assert "the disk is full; make room" in done.stderr
    there = [line.split() for line in done.stdout.splitlines() if line != "one"]
    assert there
    assert all(len(BODIES[path]) == int(size_b) for path, size_b in there)


def test_the_mirror_comes_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TINYBENCH_MIRROR chooses a folder, which must exist; empty means none."""
    monkeypatch.setenv("TINYBENCH_MIRROR", "")
    assert mirror_folder() is None
    monkeypatch.setenv("TINYBENCH_MIRROR", str(tmp_path))
    assert mirror_folder() == tmp_path
    monkeypatch.setenv("TINYBENCH_MIRROR", str(tmp_path / "gone"))
    with pytest.raises(FetchError, match=r"TINYBENCH_MIRROR is .*gone, and there is no such"):
        mirror_folder()


def test_import_is_light() -> None:
    """The command line starts without the network libraries."""
    code = (
        "import sys, tinybench.runner.build.inputs; print({'pooch', 'requests'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env=os.environ,
    )
    assert done.stdout == "set()\n"
