"""Boards in a fleet: they learn what NumPy does, die in mid-round, and are asked elsewhere."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest

from tests import ROOT
from tests.runner.fleet.digits_fleet import SETTING
from tests.runner.train.test_training import BOARD
from tinybench.errors import BenchError, UsageError
from tinybench.runner.cli import main
from tinybench.runner.fleet.board import Order, Reply, do, serve
from tinybench.runner.fleet.boards import Ask, Seats, ask_here, on_boards, probed, seats
from tinybench.runner.fleet.client import Client
from tinybench.runner.fleet.federate import Fleet, Outcome, federate
from tinybench.runner.fleet.split import spread
from tinybench.runner.fleet.study import ask as asked
from tinybench.runner.fleet.workers import elsewhere

DYING = ROOT / "tests" / "runner" / "session" / "dying_board.py"
FEW = msgspec.structs.replace(
    SETTING, per_round=2, steps=2, batch=4, rate=0.02, rounds_most=3, target=1.0
)


@pytest.fixture(scope="module")
def two() -> Seats:
    """Two boards that are processes of this computer, and all inputs of kws."""
    return seats(["host", "host"], False, "kws", 90, 1)


def run(of: Seats, clients: Sequence[Client], ask: Ask, said: list[str]) -> Outcome:
    """Let boards learn for three rounds, the inputs spread evenly."""
    labels = of.learnable.labels
    members = spread(labels, len(clients), "iid", alpha=1, each=2, seed=1)
    trainer = on_boards(of, members, ask, said.append)
    return federate(Fleet(clients, members, of.learnable), FEW, 1, trainer)


def test_boards_learn_to_the_bit_what_numpy_does(two: Seats) -> None:
    """Their times are their own; a weight that is another one is counted."""
    clients = probed(two, ask_here, 0.02, 25_000, 0.03)
    assert [one.name for one in clients] == ["host-1", "host-2"]
    assert {(one.time, one.live, one.sample_j) for one in clients} == {("measured", True, None)}
    orders = list[Order]()
    replies = list[Reply]()

    def noting(given: Sequence[Order]) -> list[Reply]:
        orders.extend(given)
        replies.extend(ask_here(given))
        return replies[-len(given) :]

    found = run(two, clients, noting, [])
    assert [(one.taken, one.differing) for one in found.rounds] == [(2, 0)] * 3
    assert found.rounds[-1].score > found.rounds[0].score > 0.1
    took_s = [[turn.compute_s for turn in one.turns] for one in found.rounds]
    assert took_s == [[one.compute_s for one in replies[at : at + 2]] for at in (0, 2, 4)]
    # The whole way once more, with one bit of one weight turned.
    again = dict(zip(map(msgspec.json.encode, orders), replies, strict=True))

    def turned(given: Sequence[Order]) -> list[Reply]:
        first, *more = [again.get(msgspec.json.encode(one), Reply(why="another")) for one in given]
        head = np.frombuffer(first.head, np.uint32).copy()
        head[:1] ^= 1
        return [msgspec.structs.replace(first, head=head.tobytes()), *more]

    assert run(two, clients, turned, []).rounds[0].differing == 1


def test_a_board_that_dies_in_mid_round_is_asked_again(two: Seats, tmp_path: Path) -> None:
    """Its wire is cut in the second round; a line says so, others go on, and then it is back."""
    dying, mark = tmp_path / "dying.toml", tmp_path / "dead"
    whole, cut = ["{elf}"], [sys.executable, str(DYING), "15000", str(mark), "{elf}"]
    dying.write_text(BOARD.format(argv=json.dumps(whole)))
    of = Seats(["host", str(dying)], False, two.of, two.learnable, two.samples)
    clients = probed(of, ask_here, 0.02, 25_000, 0.03)
    rounds = iter((whole, cut, whole))

    def ask(orders: Sequence[Order]) -> list[Reply]:
        dying.write_text(BOARD.format(argv=json.dumps(next(rounds))))
        return ask_here(orders)

    said = list[str]()
    found = run(of, clients, ask, said)
    assert mark.exists()
    assert [(one.taken, one.died) for one in found.rounds] == [(2, 0), (1, 1), (2, 0)]
    (line,) = [one for one in said if "has died" in one]
    assert line.startswith(f"round 2: {dying}-2 has died: ")
    assert "asked again when it is chosen again" in line


def test_a_rate_that_diverges_on_a_board_is_refused(two: Seats) -> None:
    """The board stops, nothing comes of it, and the model stays what it was."""
    one = two.samples[0]
    order = Order(
        board="host", emulate=False, task="kws", rate=3e38, seed=1, head=b"",
        inputs=[one.windows()[0]], labels=[one.label], steps=[[0]] * 4,
    )  # fmt: skip
    reply = do(order)
    assert (reply.why, reply.head) == ("", b"")
    assert np.isnan(reply.losses[-1])
    clients = probed(two, ask_here, 0.02, 25_000, 0.03)
    found = run(two, clients, lambda orders: [reply for _ in orders], [])
    assert [(one.taken, one.refused) for one in found.rounds] == [(0, 2)] * 3


def test_boards_that_are_not_there_or_cannot_learn_so_are_refused(two: Seats) -> None:
    """Before the first round, with what the board says."""
    with pytest.raises(
        UsageError, match="board nowhere cannot take part: there is no board 'nowhere'"
    ):
        probed(
            Seats(["nowhere"], False, two.of, two.learnable, two.samples), ask_here, 0.1, 1e4, 0.0
        )
    silent = Reply(why="it is silent", status=3)
    with pytest.raises(BenchError, match="board host cannot take part: it is silent"):
        probed(two, lambda orders: [silent for _ in orders], 0.1, 1e4, 0.0)
    live = [
        Client(
            name="a", board="host", sample_s=1, learning=1, live=True, time="measured",
            sample_j=None, energy=None, bandwidth_b_per_s=1e4, radio_w=0,
        )
    ]  # fmt: skip
    words = {"split": "iid", "alpha": 1.0, "labels": 2, "trials": 1, "seed": 1}
    for changed in ({"hidden": 4}, {"method": "fedprox"}):
        setting = msgspec.structs.replace(FEW, per_round=1, **changed)
        with pytest.raises(UsageError, match="boards learn a softmax"):
            asked(two.learnable, live, [setting], **words)


def test_the_boards_of_dask_workers_learn_one_a_client(two: Seats) -> None:
    """A worker's board is a client; what is asked and answered is bytes, the same as here."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        1, threads_per_worker=2, host="127.0.0.1", dashboard_address=None, memory_limit=None,
        resources={"board:host": 2},
    ) as cluster:  # fmt: skip
        with elsewhere(cluster.scheduler_address, None, []) as (names, ask):
            assert names == ["host", "host"]
            assert [one.time for one in probed(two, ask, 0.02, 25_000, 0.03)] == ["measured"] * 2
            one = two.samples[0]
            order = Order(
                board="host", emulate=False, task="kws", rate=0.1, seed=1, head=b"",
                inputs=[one.windows()[0]], labels=[one.label], steps=[[0, 0]],
            )  # fmt: skip
            assert ask([order])[0].head == do(order).head
        with (
            pytest.raises(UsageError, match="no worker offers nrf52: host, host are there"),
            elsewhere(cluster.scheduler_address, None, ["nrf52"]),
        ):
            pass
    no_board = Order(
        board="nowhere", emulate=False, task="kws", rate=1, seed=1, head=b"", inputs=[b""],
        labels=[0], steps=[[0]],
    )  # fmt: skip
    assert "there is no board 'nowhere'" in json.loads(serve(msgspec.json.encode(no_board)))["why"]


def test_a_fleet_of_boards_says_what_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who learnt, on whose clock, and that NumPy agrees."""
    words = ("--steps", "2", "--batch", "4", "--rounds", "1", "--trials", "1", "--target", "0.01")
    boards = ("--boards", "host,host", "--task", "kws", "--split", "iid", "--per-round", "2")
    assert main(["fleet", *boards, *words, "-o", str(tmp_path / "f")]) == 0
    out, err = capsys.readouterr()
    assert "fleet of 2 clients (2 host) on features of kws01-embedded, on boards" in out
    assert "client time = what its board took for its steps + bytes / bandwidth" in out
    assert "what boards learnt equals the same steps in NumPy to the bit" in out
    assert "round 1: 2 of 2 boards have learnt 2 steps" in err
    # The runs are there already, although the boards have another time of a sample now.
    assert main(["fleet", *boards, *words, "-o", str(tmp_path / "f")]) == 0
    assert "1 of 1 run there already" in capsys.readouterr().err
