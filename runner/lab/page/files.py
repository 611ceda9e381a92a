"""The files of a run or a study: which there are, one of them, or all in one archive."""

import asyncio
import tempfile
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO, Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from tinybench.errors import BenchError
from tinybench.files import open_regular

from .. import order
from ..order import FILES_MOST_B
from ..store import Row
from . import results
from .answer import Door, RefusedError, asked_row

TEXTS = {".json", ".jsonl", ".toml", ".csv", ".txt"}
PIECE_B = 1 << 20
ZIPPED_AT = (1980, 1, 1, 0, 0, 0)
"""Of each file in an archive, so that the same run is the same bytes."""
SHOWN_MOST = 200
"""Names of files on the page of a job; the archive has all of them."""
IN_MEMORY_B = 8 << 20
SANDBOX = {"Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'none'"}
"""What a worker sent is shown, and does nothing."""


def listed(door: Door, row: Row) -> dict[str, Any]:
    """Return names and bytes of files of a job, those outside of folders first; links are none.

    `files_more`: how many there are besides.
    """
    if row.folder is None:
        return {"files": [], "files_more": 0}
    folder = door.leader.folder / "runs" / row.folder
    try:
        names = order.listed(folder, deep=row.job.study is not None)
        names.sort(key=lambda name: name.count("/"))
        shown = [(one, (folder / one).lstat().st_size) for one in names[:SHOWN_MOST]]
    except OSError:
        return {"files": [], "files_more": 0}
    found = [{"name": name, "bytes": size_b} for name, size_b in shown]
    return {"files": found, "files_more": len(names) - len(found)}


async def one(door: Door, request: Request) -> Response:
    """Answer with a file of a run: a text to read, anything else to keep."""
    (folder, row), name = _folder(door, request), str(request.path_params["name"])
    try:
        file = await asyncio.to_thread(_opened, folder, name, deep=row.job.study is not None)
    except (BenchError, OSError):
        raise RefusedError(404, "there is no such file in that run") from None
    text = Path(name).suffix in TEXTS
    how = "inline" if text else "attachment"
    kind = "text/plain" if text else "application/octet-stream"
    return StreamingResponse(
        _pieces(file), media_type=kind, headers={**SANDBOX, "Content-Disposition": how}
    )


async def archive(door: Door, request: Request) -> Response:
    """Answer with all files of a run and its report as a zip; one is made at a time."""
    folder, row = _folder(door, request)
    async with door.zipping:
        file = await asyncio.to_thread(_zipped, folder, row)
    named = {"Content-Disposition": f'attachment; filename="job-{row.id}.zip"'}
    return StreamingResponse(_pieces(file), media_type="application/zip", headers=named)


def _opened(folder: Path, name: str, *, deep: bool) -> IO[bytes]:
    """Open a file of a folder. Raises BenchError, OSError for what is none, or leads out of it."""
    order.insist_name(name, deep=deep)
    if any((folder / above).is_symlink() for above in Path(name).parents):
        raise BenchError(f"{name}: a link leads there")
    return open_regular(folder / name, FILES_MOST_B, links=False)


def _folder(door: Door, request: Request) -> tuple[Path, Row]:
    row = asked_row(door, request)
    if row.folder is None:
        raise RefusedError(404, f"job {row.id} has no result: it is {row.state}")
    return door.leader.folder / "runs" / row.folder, row


def _zipped(folder: Path, row: Row) -> IO[bytes]:
    root = f"job-{row.id}"
    made = tempfile.SpooledTemporaryFile(IN_MEMORY_B)  # noqa: SIM115 - closed once it is sent
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as into:
        for name in order.listed(folder, deep=row.job.study is not None):
            with (
                open_regular(folder / name, FILES_MOST_B, links=False) as file,
                into.open(_entry(f"{root}/{name}"), "w", force_zip64=True) as entry,
            ):
                while piece := file.read(PIECE_B):
                    entry.write(piece)
        if row.job.study is None:
            into.writestr(_entry(f"{root}/report.html"), results.page_of(folder))
    made.seek(0)
    return made


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, ZIPPED_AT)
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


async def _pieces(file: IO[bytes]) -> AsyncIterator[bytes]:
    with file:
        while piece := await asyncio.to_thread(file.read, PIECE_B):
            yield piece
