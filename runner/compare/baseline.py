"""Baselines: small files with the figures of runs, to be committed and compared with."""

from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path

import msgspec

from tinybench.errors import RunFolderError, UsageError
from tinybench.files import write_whole

from .change import Baseline, Measured, measured


def write_baseline(runs: Sequence[Path], out: Path) -> int:
    """Write the figures of runs, or folders of runs, into one file; return how many there are.

    Raises RunFolderError: no whole run, or the file cannot be written; UsageError: two of one
    task and board among the arguments.
    """
    together: dict[tuple[str, str], Measured] = {}
    for path in runs:
        for key, found in measured(path).items():
            if key in together:
                raise UsageError(
                    f"two runs of {found.task} on {found.board} ({together[key].run}, "
                    f"{found.run}); a baseline holds one: name one of them"
                )
            together[key] = found
    _put(together.values(), out)
    return len(together)


def merge_baseline(run: Path, before: Path, out: Path) -> None:
    """Write the figures of a run in place of its own in `before`, whose other runs stay.

    Raises RunFolderError: a file that cannot be read or written.
    """
    kept = measured(before) if before.exists() else {}
    _put((kept | measured(run)).values(), out)


def _put(runs: Iterable[Measured], out: Path) -> None:
    document = Baseline(tinybench=version("tinybench-mcu"), runs=list(runs))
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        write_whole(out, msgspec.json.format(msgspec.json.encode(document), indent=1) + b"\n")
    except OSError as error:
        raise RunFolderError(f"cannot write {out}: {error}") from error
