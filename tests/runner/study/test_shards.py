"""Parts of a study beside each other."""

import threading

import pytest

from tinybench.errors import BenchError, UsageError
from tinybench.runner.study.shards import Boards, each, insist_shards


def test_parts_come_back_in_their_order_however_many_are_at_work() -> None:
    """Each waits for the next one, so that they end in the opposite order."""
    ended = [threading.Event() for _ in range(4)]
    ended[3].set()

    def work(part: int) -> int:
        if part < 3:
            assert ended[part + 1].wait(30)
        ended[part].set()
        return part * part

    assert each(4, work, range(4)) == [0, 1, 4, 9]


def test_one_at_a_time_is_in_the_thread_that_asked() -> None:
    """There Ctrl-C interrupts it."""
    assert set(each(1, lambda _: threading.get_ident(), range(3))) == {threading.get_ident()}


def test_a_part_that_fails_leaves_those_that_were_not_begun() -> None:
    """Its error is what is raised."""
    begun, go = list[int](), threading.Event()

    def work(part: int) -> None:
        begun.append(part)
        if part == 0:
            raise BenchError("the first")
        assert go.wait(30)

    threading.Timer(0.05, go.set).start()
    with pytest.raises(BenchError, match="the first"):
        each(2, work, range(50))
    assert len(begun) < 50


def test_a_part_that_fails_is_heard_of_while_an_earlier_one_is_at_work() -> None:
    """That one learns of it, and no other is begun."""
    begun, stop = list[int](), threading.Event()

    def work(part: int) -> None:
        begun.append(part)
        if part == 1:
            raise BenchError("the second")
        assert stop.wait(30)

    with pytest.raises(BenchError, match="the second"):
        each(2, work, range(50), stop)
    assert set(begun) <= {0, 1, 2}


def test_who_waits_for_a_board_begins_nothing_once_the_study_ends() -> None:
    """Though the board is free then."""
    of, stop, told = Boards({"left": 1}, print), threading.Event(), list[str]()

    def waits() -> None:
        try:
            with of.one(stop):
                told.append("begun")
        except KeyboardInterrupt:
            told.append("interrupted")

    thread = threading.Thread(target=waits)
    with of.one(stop):
        thread.start()
        stop.set()
    thread.join(30)
    assert told == ["interrupted"]


def test_a_port_has_one_board() -> None:
    """And emulated ones have a limit."""
    for shards, words in ((2, {"port": "/dev/ttyACM0"}), (65, {"port": ""})):
        with pytest.raises(UsageError, match="--shards"):
            insist_shards(shards, {"board": "mps2-an386", **words})
    insist_shards(64, {"board": "mps2-an386", "port": ""})
