"""Clocks of DUTs against the host's: of a window, of a whole log, and what a figure then is."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.runner.audit import trees
from tinybench.runner.audit.audit import audit
from tinybench.runner.audit.evidence import Evidence
from tinybench.runner.audit.judging import clock
from tinybench.runner.audit.result import Run


@pytest.fixture(autouse=True)
def _no_labels(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty mirror: nothing is fetched."""
    (tmp_path / "mirror").mkdir()
    monkeypatch.setenv("TINYBENCH_MIRROR", str(tmp_path / "mirror"))


def _run(folder: Path) -> Run:
    (run,) = audit(folder).runs
    return run


def _evidence(ratio: float, gap_s: float = 1.0, count: int = 60, wrap: bool = False) -> Evidence:
    found = Evidence()
    offset_us = (1 << 32) - 5_000_000 if wrap else 0
    for n in range(count):
        found.stamp((offset_us + round(n * gap_s * 1e6 * ratio)) % (1 << 32), n * gap_s)
    return found


@pytest.mark.parametrize("wrap", [False, True])
@pytest.mark.parametrize(("ratio", "wrong"), [(1.0, False), (1.015, False), (0.668, True),
                                              (1.05, True), (1e-3, True)])  # fmt: skip
def test_short_inferences_tell_the_clock_together(ratio: float, wrong: bool, wrap: bool) -> None:
    """Each lasts too little to be compared by itself; 32 bits may wrap around among them."""
    found = clock.whole(_evidence(ratio, wrap=wrap))
    assert found is not None
    assert found.ratio == pytest.approx(ratio, rel=1e-3)
    assert found.wrong == wrong


def test_a_clock_that_begins_anew_tells_nothing() -> None:
    """At each inference, or by chance."""
    anew = Evidence()
    for n in range(60):
        anew.stamp(7, float(2 * n))
        anew.stamp(40_007, 2 * n + 0.04)
    assert clock.whole(anew) is None
    chance = Evidence()
    for n, dut_us in enumerate(np.random.default_rng(1).integers(1 << 32, size=60)):
        chance.stamp(int(dut_us), float(n))
    assert clock.whole(chance) is None


def test_a_host_that_prints_seconds_is_given_its_step() -> None:
    """43 s are known to a second: 2 % off may be the host's, 10 % are the DUT's."""
    for ratio, wrong in ((1.03, False), (1.1, True)):
        evidence = _evidence(ratio, 11.0, 5)
        evidence.host_step_s = 1.0
        found = clock.whole(evidence)
        assert found is not None
        assert found.wrong == wrong


def test_a_wrong_clock_of_windows_corrects_the_throughput(tmp_path: Path) -> None:
    """6.465 inf/s by a clock that counts two thirds are 4.32 by the host's."""
    folder = trees.task_folder(tmp_path / "tree") / "performance"
    elapsed_us = round(250 / 6.465 * 1e6)
    trees.performance(
        folder, elapsed_us=elapsed_us, median="6.465", host_us=round(250 / 4.32 * 1e6)
    )
    run = _run(folder)
    (figure,) = run.figures
    assert figure.reproduced
    assert (figure.corrected, figure.correction) == ("4.320", "by the host's clock")
    assert run.grade == "figure"
    assert "dut-clock" in {violation.rule for violation in run.violations}


def test_a_wrong_clock_in_accuracy_mode_is_named_apart(tmp_path: Path) -> None:
    """Its figures do not hang on it."""
    lines = []
    for n, name in enumerate(trees.KWS):
        at_us = 1000 + round(n * 2e6 * 0.7)
        lines += trees.infer(name, trees.outputs(name), 1, 28_000, at_us, at_s=10.0 + 2 * n)
    folder = trees.task_folder(tmp_path / "tree") / "accuracy"
    text = "1.0 ulp-mlperf: Top-1: 100.0%\n"
    trees.write(folder, {"log.txt": trees.eembc_log(lines), "results.txt": text})
    run = _run(folder)
    assert "accuracy-clock" in {violation.rule for violation in run.violations}
    assert run.grade == "rule"


@pytest.mark.parametrize(("ratio", "wrong"), [(1.0, False), (0.8, True)])
def test_the_newer_runners_times_are_held_against_its_log(
    tmp_path: Path, ratio: float, wrong: bool
) -> None:
    """Month, day and seconds in the log, over midnight; start and end in results.json."""
    folder = trees.task_folder(tmp_path / "tree", round_="v1.3") / "performance"
    elapsed_us = round(11e6 * ratio)
    trees.newer(folder, "p", 5, 250, elapsed_us)
    entries = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    for n, entry in enumerate(entries):
        start_us = round(n * 12e6 * ratio)
        entry["infer"] |= {"start_time": start_us, "end_time": start_us + elapsed_us}
    log = (folder / "log.txt").read_text(encoding="utf-8")
    parts = log.split("done\n0725.1 ")
    times = ["0731.235930", "0731.235942", "0731.235954", "0801.000006", "0801.000018"]
    log = parts[0] + "".join(
        f"done\n{at} {part}" for at, part in zip(times, parts[1:], strict=True)
    )
    trees.write(folder, {"results.json": json.dumps(entries), "log.txt": log})
    assert ("dut-clock" in {violation.rule for violation in _run(folder).violations}) == wrong


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("end_time", 12_000_000, "11.000000 s for"),
        ("throughput", 30.0, "30.000 inf./s for"),
    ],
)
def test_an_entry_that_contradicts_itself_is_named(
    tmp_path: Path, field: str, value: float, said: str
) -> None:
    """The run time is end minus start; the throughput iterations by run time."""
    folder = trees.task_folder(tmp_path / "tree", round_="v1.3") / "performance"
    trees.newer(folder, "p", 5, 250, 11_000_000)
    path = folder / "results.json"
    entries = json.loads(path.read_text(encoding="utf-8"))
    for entry in entries:
        entry["infer"] |= {"start_time": 500, "end_time": 11_000_500, "throughput": 250 / 11}
    trees.write(folder, {"results.json": json.dumps(entries)})
    assert "files-differ" not in {violation.rule for violation in _run(folder).violations}
    entries[2]["infer"][field] = value
    trees.write(folder, {"results.json": json.dumps(entries)})
    found = [v.found for v in _run(folder).violations if v.rule == "files-differ"]
    assert len(found) == 1
    assert found[0].startswith(said)
