"""What the tests compile, kept from one run of them to the next, by the hash of all it is made of.

In build/tests, of at most MOST_B; without it all is compiled anew. What Python of ours makes is not
kept, for that is what is tested: neither images nor what they execute.
"""

import contextlib
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

from tests import ROOT
from tinybench.program import ask, first_line
from tinybench.runner.build.firmware import sources_sha256

FOLDER = ROOT / "build" / "tests"
MOST_B = 500_000_000
TIMEOUT_S = 60.0


def prune(folder: Path = FOLDER, most_b: int = MOST_B) -> None:
    """Remove what was made longest ago, or of programs used, so that no more is kept."""
    files = list[tuple[float, int, Path]]()
    for above, _, names in os.walk(folder):
        for path in (Path(above, name) for name in names):
            with contextlib.suppress(OSError):  # another run of the tests works here, too
                files.append((path.stat().st_mtime, path.stat().st_size, path))
    total_b = sum(size_b for _, size_b, _ in files)
    for _, size_b, path in sorted(files):
        if total_b <= most_b:
            break
        total_b -= size_b
        path.unlink(missing_ok=True)


def made(command: Iterable[str], inputs: Iterable[bytes], make: Callable[[Path], None]) -> Path:
    """Return the file that a compiler makes, as it was made before where all is the same.

    The command is without the paths that differ from run to run; the files behind these are
    `inputs`. `make` gets a folder, and writes the file "made" there.
    """
    command = list(command)
    digest = hashlib.sha256("\0".join([*command, version(command[0]), sources()]).encode())
    for data in inputs:
        digest.update(hashlib.sha256(data).digest())
    kept = FOLDER / "programs" / digest.hexdigest()[:32]
    if kept.is_file():
        with contextlib.suppress(OSError):
            os.utime(kept)
        return kept
    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".", dir=kept.parent) as folder:
        make(Path(folder))
        Path(folder, "made").replace(kept)
    return kept


@cache
def version(compiler: str) -> str:
    """Return what a compiler calls itself, which file it is, and the C library it links."""
    library = Path(first_line(ask([compiler, "-print-file-name=libc.a"], TIMEOUT_S).out))
    linked = library.stat() if library.is_file() else None
    named = first_line(ask([compiler, "--version"], TIMEOUT_S).out)
    return f"{shutil.which(compiler)} {named} {linked and (linked.st_mtime, linked.st_size)}"


@cache
def sources() -> str:
    """Return a hash of all C of the firmware and of its tests, headers included."""
    digest = hashlib.sha256(sources_sha256().encode())
    for path in sorted((ROOT / "tests" / "firmware").iterdir()):
        if path.suffix in (".c", ".h", ".ld", ".S"):
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
