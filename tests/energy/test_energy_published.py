"""Published energy results, from the samples that were published with them."""

import json
import re
from pathlib import Path

import pytest

from tinybench.energy.examine import Examination, examine, published_beside, throughput_beside
from tinybench.energy.importers import open_any
from tinybench.runner.cli import main

EEMBC = [
    ("v0.5/closed/reference/results/Nucleo-L4R5ZI/ad/energy", "416.312"),
    ("v0.5/closed/reference/results/Nucleo-L4R5ZI/ic/energy", "29207.010"),
    ("v0.5/closed/reference/results/Nucleo-L4R5ZI/kws/energy", "7373.704"),
    ("v0.5/closed/reference/results/Nucleo-L4R5ZI/vww/energy", "24312.648"),
    ("v0.7/open/hls4ml-finn/results/pynq-z2/kws/KWS-W3A3/power", "30.667"),
    ("v1.1/closed/STMicroelectronics/results/NUCLEO_L4R5ZI/ic/energy", "7019.085"),
    ("v1.2/closed/STMicroelectronics/results/NUCLEO_L4R5ZI/kws/energy", "1820.454"),
]
V13 = "v1.3/closed/STMicroelectronics/results/NUCLEO_L4R5ZI-P"
EDGE_CASE = EEMBC[5][0]


def _examine(folder: Path) -> Examination:
    with open_any(folder) as trace:
        return examine(trace, [], published_beside(folder))


def _assert_printed(found: Examination, folder: Path, median: str) -> None:
    """Compare with what results.txt prints, to its last digit."""
    text = (folder / "results.txt").read_text()
    (rule,) = found.rules
    decimals = len(median.partition(".")[2])
    energies = re.findall(r"Energy\s*:\s*([\d.]+) uJ\n", text)
    each = re.findall(r"Energy/Inf\.?\s*:\s*([\d.]+) uJ", text)
    assert [f"{beside.window.energy_uj:.3f}" for beside in rule.windows] == energies
    assert [f"{beside.window.per_inference_uj:.3f}" for beside in rule.windows] == each
    assert f"{rule.median_uj:.{decimals}f}" == median
    assert rule.reproduced
    assert all(beside.reproduced for beside in rule.windows)


@pytest.mark.parametrize(("folder", "median"), EEMBC)
def test_the_eembc_rule_gives_every_published_window(
    shared_data: Path, folder: str, median: str
) -> None:
    """v0.5 to v1.2: energy, energy per inference and median, to the last printed digit."""
    path = shared_data / "published" / folder
    found = _examine(path)
    assert found.rules[0].method == "eembc"
    _assert_printed(found, path, median)


@pytest.mark.parametrize(
    ("task", "median"), [("kws", "1430.6681"), ("ic", "5495.9150"), ("ad", "160.4232")]
)
def test_the_v13_rule_gives_every_published_window(
    shared_data: Path, task: str, median: str
) -> None:
    """The last two edges of each infer, whatever they are."""
    path = shared_data / "published" / V13 / task / "energy"
    found = _examine(path)
    assert found.rules[0].method == "v1.3"
    _assert_printed(found, path, median)


def test_every_recorded_trace_that_is_there_is_reproduced(shared_data: Path) -> None:
    """However many: each window and the median, to the last printed digit."""
    published = shared_data / "published"
    traces = [*published.rglob("*-energy.bin"), *published.glob("v1.3/**/energy/results.json")]
    assert len(traces) >= 10
    wrong = []
    for path in traces:
        with open_any(path) as trace:
            found = examine(trace, [], published_beside(path))
        if not found.rules or found.rules[0].reproduced is not True:
            wrong.append(path)
    assert wrong == []


@pytest.mark.parametrize(
    "folder",
    [folder for folder, _ in EEMBC if folder != EDGE_CASE]
    + [f"{V13}/{task}/energy" for task in ("kws", "ic", "ad")],
)
def test_our_own_method_is_close_to_the_published_one(shared_data: Path, folder: str) -> None:
    """Both see the same windows; a fraction of a sample at both ends is all they differ by."""
    found = _examine(shared_data / "published" / folder)
    own, (rule,) = found.tinybench, found.rules
    assert own.valid, (own.faults, own.windows)
    assert [beside.own for beside in rule.windows] == [1, 2, 3, 4, 5]
    for window, beside in zip(own.windows, rule.windows, strict=True):
        assert beside.own_difference_uj is not None
        assert window.monitor_s is not None
        a_sample_uj = beside.window.energy_uj / window.monitor_s * 1e-3
        assert abs(beside.own_difference_uj) < 2 * a_sample_uj
    assert rule.own_difference_uj is not None
    assert own.uncertainty_j is not None
    assert (own.terms_j["repeatability"] or 0.0) > 0


def test_a_published_result_of_windows_between_the_inferences_is_shown_as_one(
    shared_data: Path,
) -> None:
    """v1.1 ic: an edge is missing, and every published window lies between two inferences.

    The published figures are reproduced; the log places the edges, so that ours are the windows of
    the inferences themselves, and the infer with one edge is invalid.
    """
    found = _examine(shared_data / "published" / EDGE_CASE)
    own, (rule,) = found.tinybench, found.rules
    assert rule.reproduced
    assert [round(beside.window.elapsed_s, 3) for beside in rule.windows] == [
        10.088,
        10.010,
        9.987,
        10.060,
    ]
    assert [beside.own for beside in rule.windows] == [None] * 4
    assert not own.valid
    assert own.edges == 10
    assert own.windows[0].faults == ["1 edge where two belong"]
    assert own.windows[0].energy_j is None
    assert [window.faults for window in own.windows[1:]] == [[]] * 4
    for window in own.windows[1:]:
        assert window.monitor_s == pytest.approx(10.7, abs=0.01)
        assert window.host_s == pytest.approx(window.monitor_s, abs=0.03)
    assert any("lasts 9.987 s" in said for said in found.against_rules)


def test_the_duts_clock_of_the_performance_run_is_compared(shared_data: Path) -> None:
    """v1.3: 0.3 % apart, which is stored and shown, and is in no ratio."""
    folder = shared_data / "published" / V13 / "ad" / "energy"
    throughput_per_s = throughput_beside(folder)
    with open_any(folder) as trace:
        found = examine(trace, [], None, throughput_per_s)
        assert examine(trace, [], None, 20.0).performance_skew_ppm is None
    assert found.performance_skew_ppm is not None
    assert 500 < abs(found.performance_skew_ppm) < 7000
    assert throughput_beside(shared_data / "published" / EDGE_CASE) is None


def test_the_command_prints_the_published_figures(
    shared_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a table, and in one JSON document; the status says whether the trace is sound."""
    good = str(shared_data / "published" / V13 / "kws" / "energy")
    assert main(["energy", "analyse", good]) == 0
    shown = capsys.readouterr().out
    assert "v1.3 rule: median 1430.6681 uJ/inference, published 1430.6681: reproduced" in shown
    assert "sound" in shown
    assert main(["energy", "analyse", good, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["tinybench"]["valid"]
    assert document["rules"][0]["median_uj"] == pytest.approx(1430.6681, abs=5e-5)
    edge_case = str(shared_data / "published" / EDGE_CASE)
    assert main(["energy", "analyse", edge_case]) == 1
    shown = capsys.readouterr().out
    assert "NOT sound" in shown
    assert main(["energy", "analyse", good, "--method", "last-two"]) == 2
    assert "there is no method 'last-two'" in capsys.readouterr().err
