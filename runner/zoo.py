"""The model zoo from Python: `tinybench.zoo`, in the words of `tinybench zoo`."""

import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tinybench.errors import FetchError, UsageError
from tinybench.models.declaration import ZooModel
from tinybench.track import Track

from .api import Say, heard, shown
from .build.zoo import bring, import_zoo, load_zoo, model_file
from .session.run_folder import default_folder, insist_free
from .session.zoo import Row, run_zoo

__all__ = ["Row", "ZooModel", "fetch", "import_models", "models", "run"]


def models(*names: str) -> list[ZooModel]:
    """Return public models by their names, or by the path of a declaration; all by default.

        [one.name for one in tinybench.zoo.models()]

    Each says where it is public, its SHA-256, size, licence, and the hash of the outputs that it
    should give. Raises UsageError for a name that is none.
    """
    return load_zoo(names)


def fetch(*names: str, progress: bool | Track | None = None) -> dict[str, Path]:
    """Get models into the cache, each checked by its SHA-256; return where each lies.

        file = tinybench.zoo.fetch("person-detect")["person-detect"]
        tinybench.model(file, board="mps2-an386")

    Raises FetchError where one cannot be had, by its name.
    """
    wanted = load_zoo(names)
    lost = bring(wanted, shown(progress))
    if lost:
        name, why = next(iter(lost.items()))
        raise FetchError(f"{len(lost)} of {len(wanted)} models are not here: {name}: {why}")
    return {one.name: model_file(one) for one in wanted}


def import_models(
    folder: os.PathLike[str] | str, *, progress: bool | Track | None = None
) -> list[str]:
    """Take models from a folder into the cache, by their bytes; return their names.

    Raises UsageError for a folder that holds none.
    """
    return import_zoo(Path(folder), shown(progress))


def run(
    *names: str,
    board: str | Sequence[str],
    out: os.PathLike[str] | str | None = None,
    progress: bool | Track | None = None,
    say: Say | None = None,
    **words: Any,
) -> Iterator[Row]:
    """Measure models on a board, or on several; yield what was found of each.

        rows = list(tinybench.zoo.run("kws01", "micro-speech", board="mps2-an386"))
        [(row.model, row.instructions, row.exact) for row in rows if row.refused is None]

    Each is a run as of `tinybench.model`, in a folder of its own below `out`, fetched where it is
    not in the cache. The words are `emulate`, `port`, `probe` and `wait`. A row says why a model is
    `refused`, or what `failed`; `exact` is whether every output is the expected one. What is not
    asked for is not run. Raises UsageError for a name, a word or a board that cannot be.
    """
    boards = [board] if isinstance(board, str) else list(board)
    if not boards:
        raise UsageError("zoo.run: say where: board='mps2-an386' ('tinybench boards')")
    wrong = sorted(set(words) - {"emulate", "port", "probe", "wait"})
    if wrong:
        raise UsageError(
            f"zoo.run: '{wrong[0]}' is no word of it; valid: emulate, port, probe, wait"
        )
    if words.get("port") and len(boards) > 1:
        raise UsageError("zoo.run: port is that of one board: give one board")
    wanted = load_zoo(names)
    place = "-".join(Path(one).stem for one in boards)
    folder = default_folder("zoo", place, datetime.now(UTC)) if out is None else Path(out)
    insist_free(folder)
    told = heard(say)
    return run_zoo(wanted, boards, words, folder, shown(progress), told, told)
