"""The tested rows as a data set folder, for a run of the task's own model on them."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tinybench.datasets.declaration import load_dataset
from tinybench.errors import DatasetError
from tinybench.files import write_whole

from ...build.inputs import resolve
from ...build.task import load_task


def words_of(
    task: str, own: Mapping[str, Any], rows: Iterable[int], folder: Path
) -> dict[str, Any]:
    """Write some inputs of a task, by their numbers, and return the words of a run of them.

    `own`: by which words, `data` and `model`, the task's inputs and model were chosen; the model is
    the one that was. Raises DatasetError, ModelError.
    """
    declared = load_task(task)
    found = resolve(declared, own.get("data"), own.get("model"))
    dataset = load_dataset(declared.dataset)
    there = folder / dataset.folder
    samples = [found.samples.samples[row] for row in rows]
    sliding = f",{dataset.input_b},{dataset.stride_b}" if dataset.stride_b else ""
    labels = "".join(f"{one.name},{dataset.classes},{one.label}{sliding}\n" for one in samples)
    files = {one.name: one.read() for one in samples} | {dataset.labels: labels.encode()}
    if dataset.expected is not None:
        known = (",".join([one.name, *map(repr, one.expected)]) for one in samples if one.expected)
        files[dataset.expected] = "".join(f"{line}\n" for line in known).encode()
    try:
        there.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            write_whole(there / name, data)
    except OSError as error:
        raise DatasetError(f"{there}: cannot write the tested rows: {error}") from error
    return {**own, "data": folder, "model": found.model}
