"""What is told of a job while it runs: the latest latency, and what the board draws."""

import json
import subprocess
import sys

import msgspec
import pytest
from msgspec.structs import replace

from tests.runner.lab.small_lab import asleep
from tinybench.runner.lab.child import latency_s
from tinybench.runner.lab.order import Order, Told
from tinybench.runner.lab.work import _listen
from tinybench.runner.results.result import Answer, Window
from tinybench.runner.results.scenario import Query


def test_what_was_just_measured_has_a_latency() -> None:
    """A window's of each of its inferences, the mean of an input's or a query's."""
    for item, wanted in (
        (Window("a", 50, 1, 10_200_000, ""), 0.204),
        (Answer("a", 1, "", [1000, 3000]), 0.002),
        (Answer("a", 1, "", []), None),
        (Query([1], [5000], 0, [""]), 0.005),
        ("anything", None),
    ):
        assert latency_s(item) == pytest.approx(wanted)


def test_a_worker_passes_on_what_a_job_says_and_no_more() -> None:
    """Lines that are none, and words of another kind, are left out; the job goes on."""
    lines = [
        b"no JSON",
        json.dumps({"note": "accuracy", "done": 1, "total": 4, "latency_s": 0.2}).encode(),
        json.dumps({"note": "energy\x1b[31m", "power_w": 0.01, "modelled": True}).encode(),
        json.dumps({"note": "x", "power_w": "much"}).encode(),
        json.dumps({"error": "the board is gone"}).encode(),
    ]
    data = b"\n".join(lines)
    script = f"import sys; sys.stdout.buffer.write({data!r})"
    child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    told: list[Told] = []
    order = Order(lab="0" * 16, id=3, attempt=2, board="b", job=asleep(1))
    assert _listen(child, order, told.append) == "the board is gone"
    child.wait(30)
    assert [(one.id, one.attempt) for one in told] == [(3, 2)] * 2
    assert (told[0].latency_s, told[0].done, told[1].power_w, told[1].modelled) == (
        0.2, 1, 0.01, True,
    )  # fmt: skip
    assert "\x1b" not in str(told[1].note)
    assert msgspec.to_builtins(told[0])["power_w"] is None


def test_what_a_run_says_on_its_way_is_not_how_far_it_is() -> None:
    """A sentence on its inputs is none; what is counted, measured or waited for is."""
    said = Told(id=1, attempt=1, note="300 embedded inputs")
    assert said.doing is None
    assert replace(said, note="accuracy", done=0, total=9).doing == "accuracy"
    assert replace(said, note="energy", power_w=0.0).doing == "energy"
    assert replace(said, note="waiting up to 60 s").doing == "waiting up to 60 s"
