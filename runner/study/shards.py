"""Parts of a study at work beside each other, each on a board of its own."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from tinybench.errors import (
    AbsentError,
    BoardOutError,
    DeadlineError,
    FlashError,
    MonitorError,
    OtherDutError,
    ProtocolError,
    TakenError,
    TinybenchError,
    TransportError,
    UsageError,
)
from tinybench.track import Track

from .runs import board_of
from .work import Work

SHARDS_MOST = 64
OF_A_BOARD = (
    *(AbsentError, TakenError, FlashError, TransportError, DeadlineError, ProtocolError),
    *(MonitorError, OtherDutError),
)
"""What one board fails by; other errors, as of the model or this computer, all boards would."""
NONE: Mapping[str, TinybenchError] = MappingProxyType({})
Item = TypeVar("Item")
Part = TypeVar("Part")
Found = TypeVar("Found")
Seat = TypeVar("Seat")


class Boards(Generic[Seat]):
    """Boards of this desk by their names; each is free, at work, or out since it failed."""

    def __init__(
        self,
        seats: Mapping[str, Seat],
        say: Callable[[str], None],
        out: Mapping[str, TinybenchError] = NONE,
        *,
        named: bool = True,
    ) -> None:
        """`out`: those without a seat, for they failed before; `named`: in bench.toml."""
        self._seats, self._free, self._say, self._named = dict(seats), deque(seats), say, named
        self._out, self._all = dict(out), [*out, *seats]
        self._change = threading.Condition()

    @property
    def left(self) -> int:
        """How many are not out."""
        return len(self._all) - len(self._out)

    @contextmanager
    def one(self, stop: threading.Event) -> Iterator[Seat]:
        """Yield a board, once one is free; of several one is out that fails, as by OF_A_BOARD.

        Then, and where all are out, BoardOutError is raised. Once `stop` is set, who waited for a
        board is interrupted.
        """
        with self._change:
            self._change.wait_for(lambda: self._free or not self.left)
            if stop.is_set():
                raise KeyboardInterrupt
            if not self.left:
                raise BoardOutError("no board is left")
            name = self._free.popleft()
        fault: TinybenchError | None = None
        try:
            yield self._seats[name]
        except OF_A_BOARD as error:
            if len(self._all) == 1:
                raise
            fault = error
            raise BoardOutError(f"board {name}: {error}") from error
        finally:
            with self._change:
                if fault is None:
                    self._free.append(name)
                else:
                    self._out[name] = fault
                    self._say(f"board {name} is out: {fault}")
                self._change.notify_all()

    def insist(self) -> None:
        """Raise BoardOutError, which names them, where boards are out."""
        if not self._out:
            return
        said = "; ".join(f"board {name}: {error}" for name, error in self._out.items())
        well = [name for name in self._all if name not in self._out] or self._all
        words = f", with the same -o and --board {','.join(well)}" if self._named else ""
        raise BoardOutError(
            f"{said}. What is measured is kept: ask for the same again{words} to have the rest"
        ) from next(iter(self._out.values()))


def well(
    names: Iterable[str],
    do: Callable[[str], Found],
    out: dict[str, TinybenchError],
    say: Callable[[str], None],
) -> dict[str, Found]:
    """Return what `do` makes of boards by their names; `out` gets those that fail by OF_A_BOARD.

    Raises what one board fails by that is alone; BoardOutError where all are out.
    """
    found, left = dict[str, Found](), list(names)
    several = len(left) + len(out) > 1
    for name in left:
        try:
            found[name] = do(name)
        except OF_A_BOARD as error:
            if not several:
                raise
            out[name] = error
            say(f"board {name} is out: {error}")
    if not found:
        Boards(found, say, out).insist()
    return found


def insist_shards(shards: int, words: dict[str, Any]) -> None:
    """Raise UsageError for more boards at a time than the words of a run can mean."""
    if shards > SHARDS_MOST:
        raise UsageError(f"--shards {shards}: at most {SHARDS_MOST}")
    board = board_of(words["board"], emulate=bool(words.get("emulate")))
    if shards > 1 and (words.get("port") or board.emulator is None):
        raise UsageError(
            "--shards is of emulated boards: a port has one board; several of bench.toml are at "
            "work as --board LEFT,RIGHT"
        )


def each(
    shards: int,
    work: Callable[[Part], Found],
    parts: Sequence[Part],
    stop: threading.Event | None = None,
) -> list[Found]:
    """Return what `work` makes of each part, in their order; so many at a time.

    One at a time is done in this thread, which Ctrl-C interrupts. Raises what the part did that
    failed first, as soon as it has; parts that were not begun are left then, and `stop` is set for
    those at work.
    """
    if shards == 1 or len(parts) < 2:
        return [work(one) for one in parts]
    ended = stop or threading.Event()

    def begun(part: Part) -> Found:
        if ended.is_set():
            raise KeyboardInterrupt
        return work(part)

    with ThreadPoolExecutor(min(shards, len(parts))) as pool:
        try:
            futures = [pool.submit(begun, part) for part in parts]
            done, _ = wait(futures, return_when=FIRST_EXCEPTION)
            return [one.result() for one in futures if one in done]
        finally:
            ended.set()
            pool.shutdown(wait=True, cancel_futures=True)


def on_each(
    work: Work,
    do: Callable[[Part, Work], Found],
    parts: Sequence[Part],
    boards: Boards[str] | None = None,
) -> list[Found]:
    """Return what `do` makes of each part; the words of the work that it is told name one board.

    Of several boards of this desk one that fails is out, and the others do what is left but for the
    part that it failed at; then BoardOutError says which. With `boards` that is left to the caller,
    and what was done is returned. Raises what a part raises that is no board's fault.
    """
    stop = threading.Event()
    whole = replace(work, track=_until(stop, work.track))
    if not work.boards:
        return each(work.shards, lambda part: do(part, whole), parts, stop)
    of = boards or boards_of(work)

    def one(part: Part) -> list[Found]:
        try:
            with of.one(stop) as name:
                return [do(part, replace(whole, words={**work.words, "board": name}))]
        except BoardOutError:
            return []

    found = each(len(work.boards), one, parts, stop)
    if boards is None:
        of.insist()
    return [one for some in found for one in some]


def boards_of(work: Work) -> Boards[str]:
    """Return the boards of this desk that a study is dealt out over."""
    return Boards({name: name for name in work.boards}, work.say)


def _until(stop: threading.Event, track: Track) -> Track:
    """Return what shows progress until a study ends early: then what is at work is interrupted."""

    def tracked(items: Iterable[Item], label: str, total: int) -> Iterator[Item]:
        for item in track(items, label, total):
            yield item
            if stop.is_set():
                raise KeyboardInterrupt

    return tracked
