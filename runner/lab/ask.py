"""Asking a leader, by HTTP: what the commands of a lab do."""

import io
import os
from pathlib import Path
from typing import IO, Any

import msgspec
import requests
from urllib3.exceptions import HTTPError

from tinybench.errors import BenchError, UsageError
from tinybench.printable import one_line
from tinybench.read import read_json

from . import safety

TIMEOUT_S = (5.0, 120.0)
"""To connect, and until an answer begins."""
ANSWER_MOST_B = 64 << 20
PIECE_B = 1 << 20


def lab_folder(given: Path | None) -> Path:
    """Return the folder of a lab: as given, that of TINYBENCH_LAB, else the user's own."""
    if given is not None:
        return given
    if own := os.environ.get("TINYBENCH_LAB"):
        return Path(own)
    import platformdirs

    return platformdirs.user_data_path("tinybench") / "lab"


class Lab:
    """A lab that is reached by the address of its page."""

    def __init__(self, address: str, folder: Path) -> None:
        if "@" in address or "?" in address or not address.startswith(("http://", "https://")):
            bare = address.partition("?")[0].rpartition("@")[2]  # what is told may be logged
            raise UsageError(
                f"'{bare[:60]}' is no address of a lab such as http://127.0.0.1:8750; a token "
                "is no part of it: it lies in the lab's folder, or in TINYBENCH_LAB_TOKEN"
            )
        self._address = address.rstrip("/")
        self._session = requests.Session()
        self._session.trust_env = False
        token = os.environ.get("TINYBENCH_LAB_TOKEN") or safety.known_token(folder)
        host = self._address.partition("://")[2].rpartition(":")[0].strip("[]")
        if address.startswith("http://") and not safety.is_loopback(host):
            raise UsageError(
                f"{address} would carry the token in the open: a lab there is https://"
            )
        if token:
            self._session.headers["Authorization"] = f"Bearer {token}"
        authority = safety.tls_folder(folder) / "ca.pem"
        if address.startswith("https://") and authority.is_file():
            self._session.verify = str(authority)

    def get(self, path: str, **words: Any) -> Any:
        """Return what the lab says. Raises as `post`."""
        return self._asked("GET", path, None, words)

    def text(self, path: str, **words: Any) -> str:
        """Return what the lab says as text. Raises as `post`."""
        return self._raw("GET", path, None, words).decode("utf-8", "replace")

    def post(self, path: str, told: Any, **words: Any) -> Any:
        """Tell the lab something, and return its answer.

        Raises UsageError for what it refuses, BenchError where it cannot be reached.
        """
        return self._asked("POST", path, msgspec.json.encode(told), words)

    def fetch(self, path: str, into: IO[bytes], most_b: int) -> None:
        """Write into a file what the lab sends, so many bytes at most. Raises as `post`."""
        self._take("GET", path, None, {}, into, most_b)

    def _asked(self, method: str, path: str, body: bytes | None, words: dict[str, Any]) -> Any:
        try:
            return read_json(self._raw(method, path, body, words))
        except msgspec.MsgspecError as error:
            raise BenchError(f"{self._address} answers what no lab does: {error}") from None

    def _raw(self, method: str, path: str, body: bytes | None, words: dict[str, Any]) -> bytes:
        into = io.BytesIO()
        self._take(method, path, body, words, into, ANSWER_MOST_B)
        return into.getvalue()

    def _take(
        self,
        method: str,
        path: str,
        body: bytes | None,
        words: dict[str, Any],
        into: IO[bytes],
        most_b: int,
    ) -> None:
        """Write an answer into a file, or raise what the lab says against it."""
        try:
            with self._session.request(
                method,
                self._address + path,
                params={k: v for k, v in words.items() if v is not None},
                data=body,
                headers={"Content-Type": "application/json"} if body is not None else {},
                timeout=TIMEOUT_S,
                stream=True,
                allow_redirects=False,
            ) as answer:
                status, left_b = answer.status_code, most_b
                told = io.BytesIO() if status != 200 else into
                while left_b >= 0 and (piece := answer.raw.read(PIECE_B, decode_content=True)):
                    left_b -= len(piece)
                    told.write(piece)
        except requests.exceptions.SSLError:
            raise BenchError(
                f"{self._address} is not the lab whose ca.pem is in tls/ of the lab's folder, or "
                "none is there: name that folder by --lab or TINYBENCH_LAB; who serves has the file"
            ) from None
        except (requests.exceptions.RequestException, HTTPError) as error:
            raise BenchError(
                f"no lab answers at {self._address} ({type(error).__name__}): start one with "
                "`tinybench lab`, or name it with --at"
            ) from None
        if left_b < 0:
            raise BenchError(f"{self._address} sends more than any answer of a lab is long")
        if status != 200:
            told.seek(0)
            raise self._refused(status, told.read())

    def _refused(self, status: int, data: bytes) -> BenchError | UsageError:
        try:
            why = one_line(str(read_json(data, type=dict[str, Any])["error"]))[:2000]
        except (msgspec.MsgspecError, KeyError):
            why = f"it answers with status {status}, which no lab does"
        if status == 401:
            why += (
                ". Name that folder by --lab or TINYBENCH_LAB, or the token by TINYBENCH_LAB_TOKEN"
            )
        return (BenchError if status >= 500 else UsageError)(f"{self._address}: {why}")
