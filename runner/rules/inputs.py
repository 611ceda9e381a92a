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
    """Yield whether a stored result may call its inputs official: by the hash over all of them."""
    if result.dataset != "official":
        return
    wanted = "inputs with the hash of an official list"
    found = f"{result.inputs.name}, SHA-256 {result.inputs.sha256[:16]}..."
    try:
        dataset = load_dataset(load_task(result.task).dataset)
    except UsageError:  # a task of the user's own
        yield OFFICIAL_INPUTS.broken(wanted, f"task {result.task}, which has none", "run it again")
        return
    named = {title_of(dataset, one): one for one in dataset.lists}.get(result.inputs.name)
    if named is not None and named.sha256 is None:
        yield OFFICIAL_INPUTS.declared(wanted, f"{found}, made from {named.made_from}")
        return
    yield OFFICIAL_INPUTS.judged(
        named is not None and result.inputs.sha256 == named.sha256,
        wanted,
        found,
        "the stored result was changed, or a version wrote it that looked at labels alone: run it "
        "again",
    )
