"""Rule on the inputs: official by their bytes, or not judged; and what a result says of itself."""

from collections.abc import Iterator

from tinybench.datasets.declaration import load_dataset, title_of
from tinybench.errors import UsageError

from ..build.task import Task, load_task
from ..results.result import Result
from .rule import DATASETS, Rule, Ruling

OFFICIAL_INPUTS = Rule("official-inputs", DATASETS + ", the official inputs")
UNVERIFIED = "unverified"


def rulings(result: Result, task: Task) -> Iterator[Ruling]:
    """Yield what is said of inputs that are named as official ones; with others it is no result."""
    wanted = f"the official inputs of {task.dataset}, to the byte"
    if result.dataset == "official":
        yield OFFICIAL_INPUTS.kept(wanted, f"{result.inputs.name}, as official")
    elif result.dataset == UNVERIFIED:
        found = f"{result.inputs.name}, unverified: only names and labels are the official ones"
        yield OFFICIAL_INPUTS.not_judged(wanted, found)


def claimed(result: Result) -> Iterator[Ruling]:
    """Yield what is wrong where a stored result calls inputs official: by the hash over all."""
    if result.dataset != "official":
        return
    try:
        dataset = load_dataset(load_task(result.task).dataset)
    except UsageError:  # a task of the user's own has no official inputs
        named = None
    else:
        named = {title_of(dataset, one): one for one in dataset.lists}.get(result.inputs.name)
    # Of a list without a hash the run has seen what its inputs were made from, and nobody else can.
    if named is None or named.sha256 not in (None, result.inputs.sha256):
        yield OFFICIAL_INPUTS.broken(
            "inputs with the hash of an official list",
            f"{result.inputs.name}, SHA-256 {result.inputs.sha256[:16]}...",
            "the stored result was changed, or a version wrote it that looked at labels alone: run "
            "it again",
        )
