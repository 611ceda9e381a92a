"""Models of pruned layers that were fitted again, kept as files that run like any other model."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import msgspec

from tinybench.errors import BenchError, RunFolderError
from tinybench.files import write_whole
from tinybench.models.compiler.graph import Graph

from ..kept import keep_part
from ..parts import Pieces
from ..patched_file import written
from ..subject import Subject
from .sparsity_c import Way

FOLDER = "models"


class Fitted(msgspec.Struct, frozen=True):
    """What is told of a model beside its file."""

    score: float
    """Of the inputs that are scored, by its own C on this computer."""
    sha256: str


FITTED = Pieces(
    r"[a-z]{1,20}-[0-9.e+-]{1,12}x(?:-[0-9]{1,3}x(?:[0-9]{1,7}|all))?-(?:mended|learnt)",
    Fitted, ("{}.tflite",), FOLDER,
)  # fmt: skip


def save_model(
    of: Subject, folder: Path, say: Callable[[str], None], way: Way, step: str, graph: Graph,
    score: float,
) -> None:  # fmt: skip
    """Keep the model of a way, after a step such as ", mended", in the folder of a study.

    Where its weights cannot be told from others in the file, that is said. Raises RunFolderError.
    """
    block = f"-{way.block}" if way.block else ""
    name = f"{way.scheme}-{way.rate:g}x{block}-{step.strip(', ')}"
    path = folder / FOLDER / f"{name}.tflite"
    try:
        data = written(of.data, of.graph, graph)
    except BenchError as error:
        say(f"no {path.name} is kept: {error}")
        return
    try:
        path.parent.mkdir(exist_ok=True)
        write_whole(path, data)
    except OSError as error:
        raise RunFolderError(f"cannot write into {path.parent}: {error}") from error
    keep_part(path.with_suffix(".json"), Fitted(score, hashlib.sha256(data).hexdigest()))
