"""Models of pruned layers that were fitted again: kept as files that run, and as bare weights."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np

from tinybench.errors import BenchError, OtherFolderError, RunFolderError
from tinybench.files import DOCUMENT_MOST_B, read_bytes, write_whole
from tinybench.models.compiler.graph import Graph
from tinybench.models.patched_file import written
from tinybench.read import read_json

from ..kept import keep_part
from ..parts import Pieces
from ..subject import Subject
from .matrices import Matrix
from .pruned import Int8
from .sparsity_c import Way

FOLDER = "models"


class Fitted(msgspec.Struct, frozen=True):
    """What is told of a model beside its files."""

    score: float
    """Of the inputs that are scored, by its own C on this computer."""
    weights_sha256: str
    """Of the weights of its pruned layers, which a board runs."""
    sha256: str | None = None
    """Of the model file; None where none is kept."""


FITTED = Pieces(
    r"[a-z]{1,20}-[0-9.e+-]{1,12}x(?:-[0-9]{1,3}x(?:[0-9]{1,7}|all))?-(?:mended|learnt)",
    Fitted, ("{}.tflite", "{}.int8"), FOLDER,
)  # fmt: skip


@dataclass(frozen=True)
class Store:
    """Where the fitted models of a study are."""

    of: Subject
    folder: Path
    """Of the study."""
    matrices: Sequence[Matrix]
    say: Callable[[str], None]
    said: set[str] = field(default_factory=set[str])
    """Why models are not kept: once for all of them."""

    def path(self, way: Way, step: str) -> Path:
        """Return the file of a way's weights, after a step such as "mended"."""
        block = f"-{way.block}" if way.block else ""
        name = f"{way.scheme}-{way.rate:g}x{block}-{step}"
        return self.folder / FOLDER / f"{name}.int8"

    def has(self, way: Way, step: str) -> bool:
        """Return whether there are the weights of a way after a step."""
        path = self.path(way, step)
        return path.exists() and path.with_suffix(".json").exists()

    def save(self, way: Way, step: str, graph: Graph, score: float) -> None:
        """Keep the model of a way after a step, and the weights of its pruned layers.

        Where weights cannot be told from others in the model file, that is said. Raises
        RunFolderError.
        """
        path = self.path(way, step)
        weights = b"".join(graph.tensors[one.tensor].data or b"" for one in self.matrices)
        digest, model = hashlib.sha256(weights).hexdigest(), path.with_suffix(".tflite")
        try:
            path.parent.mkdir(exist_ok=True)
            try:
                data = written(self.of.data, self.of.graph, graph)
                write_whole(model, data)
                found = Fitted(score, digest, hashlib.sha256(data).hexdigest())
            except BenchError as error:
                if str(error) not in self.said:
                    self.said.add(str(error))
                    self.say(f"no {model.name} is kept, nor others like it: {error}")
                found = Fitted(score, digest)
            write_whole(path, weights)
        except OSError as error:
            raise RunFolderError(f"cannot write into {path.parent}: {error}") from error
        keep_part(path.with_suffix(".json"), found)

    def load(self, way: Way, step: str) -> list[Int8]:
        """Return the weights of the pruned layers of a way after a step, [outputs][inputs] each.

        Raises RunFolderError.
        """
        path, found = self.path(way, step), list[Int8]()
        size = sum(one.values.size for one in self.matrices)
        beside = path.with_suffix(".json")
        try:
            told = read_json(read_bytes(beside, DOCUMENT_MOST_B, links=False), type=Fitted)
            data = read_bytes(path, size, links=False)
        except (OSError, msgspec.MsgspecError) as error:
            raise OtherFolderError(
                f"{path} and {beside.name}: cannot be read: {error}; remove both, and ask for the "
                "same again"
            ) from error
        digest = hashlib.sha256(data).hexdigest()
        if len(data) != size or told.weights_sha256 != digest:
            raise OtherFolderError(
                f"{path}: not the {size} weights that {path.stem}.json tells of; remove both, and "
                "ask for the same again"
            )
        whole = np.frombuffer(data, np.int8)
        for one in self.matrices:
            found.append(whole[: one.values.size].reshape(one.values.shape))
            whole = whole[one.values.size :]
        return found
