"""What a fleet learns from: features with classes, scaled, and the rows that are kept to test."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from tinybench.errors import UsageError
from tinybench.models.compiler.graph import Graph
from tinybench.models.compiler.interface import Interface
from tinybench.scratch import scratch

from ..learning.head import Floats
from ..study.host_engine import build, infer, load
from ..study.rows import Rows, digits, read_csv, split
from ..study.subject import CLASSES, Subject, subject

Labels = npt.NDArray[np.int64]
DIGITS = "digits"
BODY_LAST = "FULLY_CONNECTED"
"""The layer that a head replaces: the last one of its kind."""


@dataclass(frozen=True)
class Learnable:
    """Rows to learn from, and rows to test on."""

    name: str
    values: Floats
    """[rows][features], the largest of them 1."""
    labels: Labels
    tests: Floats
    test_labels: Labels
    classes: tuple[str, ...]

    @property
    def sha256(self) -> str:
        """What tells it from others."""
        parts = (self.values, self.labels, self.tests, self.test_labels)
        return hashlib.sha256(b"".join(map(np.ndarray.tobytes, parts))).hexdigest()


def learnable(task: str | None, csv: Path | None, test: int, seed: int) -> Learnable:
    """Return the rows of a CSV, the features of a task by its model's body, or digits.

    Raises UsageError, DatasetError, ToolMissingError, ModelError, BuildError.
    """
    if csv is not None:
        rows = read_csv(csv, None, regression=False)
    else:
        rows = digits() if task in (None, DIGITS) else features(subject(task or "", takes=CLASSES))
    learnt, tested = split(rows, test, seed)
    most = float(np.abs(rows.values[learnt]).max(initial=0.0)) or 1.0
    values = (rows.values / most).astype(np.float32)
    labels = np.asarray(rows.targets, np.int64)
    return Learnable(
        rows.name, values[learnt], labels[learnt], values[tested], labels[tested], rows.classes
    )


def features(of: Subject) -> Rows:
    """Return what a task's model, compiled for this computer, gives its last dense layer.

    A sample of several windows is the mean of theirs.
    """
    graph = body(of.graph, of.model)
    interface = Interface(input_format=of.interface.input_format)
    with scratch() as folder:
        outputs = infer(load(build(graph, interface, of.model_id), folder, 0), of.inputs)
    sums = np.zeros((len(of.labels), outputs.shape[1]))
    np.add.at(sums, of.owners, outputs)
    values = sums / np.bincount(of.owners, minlength=len(of.labels))[:, None]
    classes = tuple(map(str, range(max(of.labels) + 1)))
    return Rows(f"features of {of.dataset}", values, np.array(of.labels), classes)


def body(graph: Graph, model: str) -> Graph:
    """Return a model up to its last dense layer. Raises UsageError for one without."""
    dense = [op for op in graph.operators if op.name == BODY_LAST]
    if not dense or graph.operators[0] is dense[-1]:
        raise UsageError(f"{model} has no dense layer behind others, which a head could replace")
    cut = graph.operators.index(dense[-1])
    end: Any = dense[-1].inputs[0]
    return msgspec.structs.replace(graph, operators=graph.operators[:cut], outputs=(end,))
