"""Parts of a study at work beside each other, each on an emulated board of its own."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from tinybench.errors import UsageError

from ..desk.bench import find_bench, load_bench

SHARDS_MOST = 64
Part = TypeVar("Part")
Found = TypeVar("Found")


def insist_shards(shards: int, words: dict[str, Any]) -> None:
    """Raise UsageError for more boards at a time than the words of a run can mean."""
    if shards > SHARDS_MOST:
        raise UsageError(f"--shards {shards}: at most {SHARDS_MOST}")
    named = words["board"] in load_bench(find_bench()).boards and not words.get("emulate")
    if shards > 1 and (words.get("port") or named):
        raise UsageError("--shards is of emulated boards: a port has one board")


def each(shards: int, work: Callable[[Part], Found], parts: Sequence[Part]) -> list[Found]:
    """Return what `work` makes of each part, in their order; so many at a time.

    One at a time is done in this thread, which Ctrl-C interrupts. Raises what the first part that
    failed did; parts that were not begun are left then.
    """
    if shards == 1 or len(parts) < 2:
        return [work(one) for one in parts]
    with ThreadPoolExecutor(min(shards, len(parts))) as pool:
        try:
            return [one.result() for one in [pool.submit(work, part) for part in parts]]
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
