"""A server on loopback that is told things by HTTP, and answers as it is bid."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Heard:
    """A server on loopback, what it heard, and what it answers: each status once, the last on."""

    address: str
    statuses: list[int]
    asked: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)


@contextlib.contextmanager
def listening(*statuses: int, pause_s: float = 0.0) -> Iterator[Heard]:
    """Serve on loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard.asked.append((self.path, dict(self.headers), body))
            time.sleep(pause_s)
            left = heard.statuses
            self.send_response(left.pop(0) if len(left) > 1 else left[0])
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    heard = Heard(f"http://127.0.0.1:{server.server_port}", list(statuses))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield heard
    finally:
        server.shutdown()
        server.server_close()


def until(met: Callable[[], bool]) -> None:
    """Wait for something that happens."""
    deadline_s = time.monotonic() + 30
    while not met():
        assert time.monotonic() < deadline_s
        time.sleep(0.01)
