"""What a run prints: the scores a person reads, and the same in the JSON document."""

import io
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from tests.runner.results.a_result import good_result
from tinybench.models.compiler import KERNELS
from tinybench.runner.dut.reply import PROFILE
from tinybench.runner.report.document import document, suite_document
from tinybench.runner.report.terminal.model import is_plain
from tinybench.runner.report.terminal.text import report, suite
from tinybench.runner.results import score
from tinybench.runner.results.result import Answer, Link, Performance, Result
from tinybench.runner.rules import Verdict


def _result(
    right: int, of: int, latency_s: float, macs: int, latencies_us: list[int] | None = None
) -> Result:
    """Return a run with so many right answers, of a model with so many MACs."""
    good = good_result()
    assert good.performance is not None
    answers = [
        Answer(f"{n}.bin", 1, "0.0,1.0" if n < right else "1.0,0.0", [us])
        for n, us in zip(range(of), latencies_us or [1000] * of, strict=True)
    ]
    accuracy = score.accuracy(answers, "top1")
    assert accuracy.top1 is not None
    performance = Performance(1 / latency_s, latency_s, None, good.performance.windows)
    return good_result(
        accuracy=accuracy,
        performance=performance,
        model=msgspec.structs.replace(good.model, macs=macs),
        vips=score.vips([(accuracy.top1, latency_s)]),
        vops=score.vops([(accuracy.top1, latency_s, macs)]),
    )


KEPT = Verdict("mlperf-tiny", True, [])
GOLDEN = [(75, 100, 0.2, 3_800_000_000), (70, 100, 0.05, 300_000_000)]
"""AIoTBench's case: VIPS 17.75, VOPS 18450 million a second."""


def _printed(result: Result) -> str:
    console = Console(width=120, file=io.StringIO())
    with console.capture() as capture:
        console.print(report(result, KEPT, Path("runs/x")))
    return capture.get()


def test_the_suite_score_of_the_golden_case_is_printed() -> None:
    """As a line and in the document; a task without top-1, or without a latency, adds nothing."""
    results = [_result(*golden) for golden in GOLDEN]
    good = good_result()
    assert good.accuracy is not None
    by_auc = msgspec.structs.replace(good.accuracy, top1=None, correct=None, auc=0.9)
    results += [good_result(accuracy=by_auc), good_result(performance=None)]
    assert suite(results) == "suite: no score, for kws on mps2-an386 has no estimated time"
    measured = [msgspec.structs.replace(result, emulated=False) for result in results[:2]]
    shown = "suite: 17.750 valid inferences/s, 18450.000 M valid MACs/s"
    assert suite([*measured, *results[2:]]) == shown
    told = suite_document([(result, KEPT, Path("runs/x")) for result in results])
    assert told["vips"] == pytest.approx(17.75)
    assert told["vops"] == pytest.approx(18_450e6)
    assert told["emulated"] is True


@pytest.mark.parametrize(
    ("golden", "line"),
    [
        (GOLDEN[0], "3.750 valid inferences/s, 14250.000 M valid MACs/s"),
        (GOLDEN[1], "14.000 valid inferences/s, 4200.000 M valid MACs/s"),
    ],
)
def test_each_run_prints_its_own_scores(golden: tuple[int, int, float, int], line: str) -> None:
    """VIPS and VOPS stand in the report and in the document."""
    result = msgspec.structs.replace(_result(*golden), emulated=False)
    (shown,) = (text for text in _printed(result).splitlines() if text.startswith("VIPS, VOPS"))
    assert line in shown
    told = document(result, KEPT, Path("runs/x"))
    assert (told["vips"], told["vops"]) == (result.vips, result.vops)


def test_percentiles_of_single_inferences_are_printed() -> None:
    """p50, p90 and p99 of a hundred: in milliseconds, of an emulated board in instructions."""
    result = _result(90, 100, 0.05, 1, [1000 * n for n in range(1, 101)])
    assert "p50 1,562,500, p90 2,812,500, p99 3,093,750 instructions, one by" in " ".join(
        _printed(result).replace("inferences ", "").split()
    )
    measured = msgspec.structs.replace(result, emulated=False, time_base="clock of the board")
    assert "p50 50.000, p90 90.000, p99 99.000 ms, inferences one by one" in _printed(measured)
    told = document(result, KEPT, Path("runs/x"))["accuracy"]
    assert isinstance(told, dict)
    found = [told[f"latency_p{percent}_s"] for percent in (50, 90, 99)]
    assert found == pytest.approx([0.05, 0.09, 0.099])
    assert "answers" not in told


def test_an_accuracy_run_alone_prints_no_throughput_score() -> None:
    """Without timed windows there is no VIPS to print, and none is made up."""
    shown = _printed(good_result(performance=None))
    assert "VIPS" not in shown
    assert "p99" in shown


def test_a_dut_that_talks_is_said_to() -> None:
    """How much is beside the protocol, that it echoes, and which version it speaks."""
    link = Link(
        protocol="stock",
        verified=True,
        baud=115_200,
        chunk_b=31,
        boards=1,
        retries=0,
        restarts=0,
        reopened=0,
        resent_frames=0,
        quarantined_lines=0,
        beside_lines=1200,
        echoed_lines=7,
        profile=PROFILE,
    )
    printed = " ".join(_printed(good_result(link=link)).split())
    assert "talkative DUT: 1,200 lines beside the protocol" in printed
    assert "echoes what it is sent, in 7 of its lines" in printed
    assert "another version" not in printed
    other = msgspec.structs.replace(link, beside_lines=1, profile="ULPMark V9")
    printed = " ".join(_printed(good_result(link=other)).split())
    assert "1 line beside" in printed
    assert "another version of the protocol: 'ULPMark V9'" in printed


def test_inputs_without_an_answer_are_said() -> None:
    """They count, and none of them as right."""
    answers = [Answer(f"{n}.bin", 1, "" if n < 3 else "0.0,1.0", [1000]) for n in range(10)]
    printed = _printed(good_result(accuracy=score.accuracy(answers, "top1")))
    assert "top-1 70.0% (7 of 10)" in printed
    assert "3 of 10 inputs have no answer" in " ".join(printed.split())


def test_no_kernel_of_a_variant_is_called_plain() -> None:
    """Whatever variants there are."""
    assert is_plain("conv_2d")
    assert not any(is_plain(f"conv_2d_{kernels}") for kernels in KERNELS if kernels != "plain")
