"""A page on a trace, served to this computer alone: what it asks for is read from the trace."""

import base64
import contextlib
import hashlib
import secrets
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import numpy as np

from tinybench.errors import TinybenchError, UsageError
from tinybench.printable import all_printable

from ..analysis import Analysis
from ..trace import Trace
from . import shape
from .pyramid import Pyramid

HOST = "127.0.0.1"
COLUMNS_MOST = 4000
EDGES_MOST = 2000
"""Shown at once; of more edges none are, until one looks closer."""


class TraceServer(ThreadingHTTPServer):
    """Serves one trace on a port of the loopback, below a path that nobody can guess."""

    daemon_threads = True

    def __init__(self, port: int, trace: Trace, pyramid: Pyramid, found: Analysis | None) -> None:
        self.key = secrets.token_urlsafe(12)
        self.trace, self.pyramid, self.found = trace, pyramid, found
        self.reading = threading.Lock()
        """One request at a time reads the file."""
        try:
            super().__init__((HOST, port), _Asked)
        except (OSError, OverflowError) as error:
            raise UsageError(
                f"cannot serve on port {port} of {HOST}: {error}; leave --tcp-port out for a "
                "free one"
            ) from error

    @property
    def address(self) -> str:
        """Of the page."""
        return f"http://{HOST}:{self.server_address[1]}/{self.key}/"

    def handle_error(self, request: object, client_address: object) -> None:
        """Keep quiet about a browser that went away."""


def serve(server: TraceServer, seconds: float | None) -> None:
    """Answer until so much time is over, or the user interrupts."""
    if seconds is not None:
        threading.Timer(seconds, server.shutdown).start()
    with contextlib.suppress(KeyboardInterrupt):
        server.serve_forever(0.2)


class _Asked(BaseHTTPRequestHandler):
    """One request. What is wrong is answered with a status and words."""

    timeout = 30.0

    @property
    def _of(self) -> TraceServer:
        assert isinstance(self.server, TraceServer)  # noqa: S101
        return self.server

    def do_GET(self) -> None:
        """Answer with the page, or with what it asks for."""
        port = self._of.server_address[1]
        if self.headers.get("Host") not in (f"{HOST}:{port}", f"localhost:{port}"):
            self._send(403, "text/plain", b"asked by another name than this computer's own")
            return
        split = urlsplit(self.path)
        _, key, *names = split.path.split("/")
        if not secrets.compare_digest(key.encode(), self._of.key.encode()) or len(names) != 1:
            self._send(404, "text/plain", b"there is nothing here")
            return
        if names == [""]:
            self._send(200, "text/html; charset=utf-8", *_page())
            return
        try:
            words = {name: values[-1] for name, values in parse_qs(split.query).items()}
            with self._of.reading:
                told = _told(self._of, names[0], words)
            body = msgspec.json.encode(all_printable(told))
        except (ValueError, KeyError, OverflowError, TinybenchError) as error:
            self._send(400, "text/plain; charset=utf-8", str(error).encode())
            return
        self._send(200, "application/json", body)

    def _send(
        self, status: int, kind: str, body: bytes, policy: str = "default-src 'none'"
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", policy)
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing: the terminal is the user's."""


def _page() -> tuple[bytes, str]:
    """Return the page and its policy: its own style and script, and what it asks of us."""
    here = files(__package__ or "")
    parts = {
        name: here.joinpath(f"view.{name}").read_text("utf-8") for name in ("html", "css", "js")
    }
    page = parts["html"].replace("/*css*/", parts["css"]).replace("/*js*/", parts["js"])
    style, script = (
        "sha256-" + base64.b64encode(hashlib.sha256(parts[name].encode()).digest()).decode()
        for name in ("css", "js")
    )
    policy = (
        f"default-src 'none'; style-src '{style}'; script-src '{script}'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return page.encode(), policy


def _told(server: TraceServer, name: str, words: dict[str, str]) -> Any:
    """Return what the page asks for. Raises ValueError, KeyError, TraceError."""
    trace = server.trace
    length_s = trace.count / trace.head.rate_hz
    if name == "trace":
        return _trace(server, length_s)
    start_s, stop_s = float(words["from"]), float(words["to"])
    if not 0 <= start_s < stop_s <= length_s * 1.000001:
        raise ValueError(f"no samples from {start_s} s to {stop_s} s; there are {length_s} s")
    if name == "power":
        most = int(words["columns"])
        if not 0 < most <= COLUMNS_MOST:
            raise ValueError(f"columns: 1 to {COLUMNS_MOST}, not {most}")
        columns = server.pyramid.columns(start_s, stop_s, most)
        edges = [edge.time_s for edge in trace.edges if start_s <= edge.time_s <= stop_s]
        return {
            "points": [_numbers(row) for row in zip(*columns, strict=True)],
            "edges": edges if len(edges) <= EDGES_MOST else [],
        }
    if name == "sums":
        return shape.sums(trace, start_s, stop_s)
    if name == "levels":
        return shape.levels(trace, start_s, stop_s)
    if name == "spectrum":
        return shape.spectrum(trace, start_s, stop_s)
    if name == "fold":
        return shape.fold(trace, start_s, stop_s, min(10_000_000, max(1, int(words["count"]))))
    raise ValueError(f"'{name}' is nothing that is told of a trace")


def _trace(server: TraceServer, length_s: float) -> dict[str, Any]:
    """Return what is known of the trace as a whole."""
    head, windows = server.trace.head, server.found.windows if server.found else []
    return {
        "name": server.trace.name.rpartition("/")[2],
        "monitor": " ".join(filter(None, (head.monitor, head.serial))),
        "rate_hz": head.rate_hz,
        "voltage_v": head.voltage_v,
        "length_s": length_s,
        "samples": server.trace.count,
        "modelled": head.modelled,
        "edges": len(server.trace.edges),
        "windows": [
            {
                "number": one.number,
                "start_s": one.start_s,
                "stop_s": one.stop_s,
                "iterations": one.iterations,
                "input": one.input,
                "energy_j": one.energy_j,
                "uncertainty_j": one.uncertainty_j,
                "faults": one.faults,
            }
            for one in windows
            if one.start_s is not None and one.stop_s is not None
        ],
    }


def _numbers(row: tuple[float, ...]) -> list[float | None]:
    """Return numbers as JSON has them: none where samples were lost."""
    return [float(value) if np.isfinite(value) else None for value in row]
