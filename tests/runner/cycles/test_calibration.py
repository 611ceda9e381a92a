"""Calibrations: a model that is narrowed by one measurement keeps the truth within its bounds."""

import math
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests import ROOT
from tests.runner.results.a_result import good_result
from tinybench.errors import DeclarationError, UsageError
from tinybench.runner import cli
from tinybench.runner.build.board import load_board
from tinybench.runner.build.firmware import build
from tinybench.runner.build.inputs import resolve
from tinybench.runner.build.task import load_task
from tinybench.runner.cycles.calibration import PAID, Calibration, dot, narrowed
from tinybench.runner.cycles.core import Range
from tinybench.runner.cycles.estimate import Estimate, estimate
from tinybench.runner.measure import calibrate as by
from tinybench.runner.rules import Verdict
from tinybench.runner.rules.judge import Outcome
from tinybench.track import silent

FIRMWARE = ROOT / "firmware"
PRICE = st.floats(0, 20)
BOUNDS = st.tuples(PRICE, PRICE, PRICE).map(lambda three: Range(*sorted(three)))
AMOUNTS = st.dictionaries(st.sampled_from(PAID[:6]), st.integers(0, 10**7))
MADE_UP = {"alu = 1": "alu = 1.02", "taken = [1, 1.5, 3]": "taken = 2.4", "load = 2": "load = 1.95"}
"""What a chip that never was does otherwise than the usual Cortex-M4, within the bounds of that."""


def _calibration(amounts: dict[str, int], cycles: float, uncertainty: float = 0.0) -> Calibration:
    return Calibration(
        board="mps2-an386",
        core="cortex-m4",
        clock_hz=25_000_000,
        task="kws",
        cycles=cycles,
        uncertainty=uncertainty,
        source="a test",
        amounts=amounts,
    )


@settings(max_examples=50)
@given(st.data(), AMOUNTS, AMOUNTS)
def test_the_truth_stays_within_narrowed_bounds(
    data: st.DataObject, known: dict[str, int], new: dict[str, int]
) -> None:
    """Whatever prices within their bounds a chip has; never wider than without the measurement."""
    prices = {name: data.draw(BOUNDS) for name in PAID[:6]}
    true = {name: data.draw(st.floats(cost.low, cost.high)) for name, cost in prices.items()}
    assume(any(known.values()))
    measured = dot(known, true)
    assume(measured > 1)
    found, usual = narrowed(_calibration(known, measured), prices, new)
    slack = 1e-6 * (1 + found.high)
    assert found.low - slack <= dot(new, true) <= found.high + slack
    assert found.low - slack <= found.usual <= found.high + slack
    own = [dot(new, {name: cost[i] for name, cost in prices.items()}) for i in (0, 2)]
    assert own[0] <= found.low + slack
    assert found.high <= own[1] + slack
    assert dot(known, usual) == pytest.approx(measured, rel=1e-6)
    same, _ = narrowed(_calibration(known, measured), prices, known)
    assert (same.low, same.high) == pytest.approx((measured, measured), rel=1e-6)


def test_what_the_model_cannot_explain_is_refused() -> None:
    """A sum beyond all bounds."""
    prices = {name: Range(1, 1, 2) for name in PAID}
    with pytest.raises(DeclarationError, match=r"21 cycles, and .* allows 10 to 20"):
        narrowed(_calibration({"alu": 10}, 21), prices, {"alu": 1})


def _board(folder: Path, name: str, core: str) -> str:
    text = (FIRMWARE / "boards" / "mps2-an386.toml").read_text()
    (folder / name).write_text(text.replace('core = "cortex-m4"', f'core = "{core}"'))
    return str(folder / name)


def _estimate(board: str, task_name: str) -> Estimate:
    there, task = load_board(board), load_task(task_name)
    inputs = resolve(task)
    image = build(there, task, inputs.model)
    return estimate(there, image, inputs.samples.samples[0].windows()[0])


def test_a_board_whose_timing_is_known_is_found_by_one_measurement(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A chip that is a double: calibrated on one task, the truth of another lies within less."""
    monkeypatch.setenv("TINYBENCH_CALIBRATIONS", str(tmp_path / "kept"))
    text = (FIRMWARE / "cores" / "cortex-m4.toml").read_text()
    for was, now in MADE_UP.items():
        assert was in text
        text = text.replace(was, now)
    (tmp_path / "true.toml").write_text(text)
    model = _board(tmp_path, "board.toml", "cortex-m4")
    chip = _board(tmp_path, "chip.toml", "true.toml")
    true = {task: _estimate(chip, task).whole.usual for task in ("kws", "ad")}
    before = _estimate(model, "ad").whole
    latency_ms = f"{true['kws'] / 25e3:.4f}"
    assert cli.main(["calibrate", model, "--latency-ms", latency_ms, "--task", "kws"]) == 0
    kept = tmp_path / "kept" / "mps2-an386.toml"
    assert str(kept) in capsys.readouterr().out
    after = _estimate(model, "ad").whole
    assert before.low < after.low <= true["ad"] <= after.high < before.high
    assert abs(after.usual - true["ad"]) < abs(before.usual - true["ad"])
    assert after.calibrated_by == f"kws, {float(latency_ms):.6g} ms: a time given by hand"
    same = _estimate(model, "kws").whole
    assert (same.low, same.high) == pytest.approx(
        (0.99 * true["kws"], 1.01 * true["kws"]), rel=1e-4
    )
    # Others take it over, and no other board does.
    theirs = tmp_path / "theirs.toml"
    kept.rename(theirs)
    assert cli.main(["calibrate", model, str(theirs)]) == 0
    assert kept.read_bytes() == theirs.read_bytes()
    assert cli.main(["calibrate", "mps2-an385", str(theirs)]) == 2
    assert "a calibration of board mps2-an386, not mps2-an385" in capsys.readouterr().err
    kept.write_text(theirs.read_text().replace("25000000", "26000000"))
    with pytest.raises(
        DeclarationError, match=r"mps2-an386\.toml.*clock in Hz 26000000, the board 25"
    ):
        _estimate(model, "ad")


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        ("cycles = 5000000.0", "cycles = nan", "cycles"),
        ("cycles = 5000000.0", "cycles = 9e99", "cycles"),
        ("cycles = 5000000.0", "cycles = 1.0", "allows"),
        ("alu = 5000000", "alu = -1", "amounts"),
        ("alu = 5000000", "alu = 0", "all are 0"),
        ("alu = 5000000", "lode = 1", "'lode', which has no price"),
        ("alu = 5000000", f"alu = {10**30}", "amounts"),
        ('core = "cortex-m4"', 'core = "cortex-m3"', "has the core cortex-m3"),
        ('memory = ""', 'memory = "art-stm32f4"', "memory system art-stm32f4"),
        ('source = "a test"', f'source = "{"x" * 500}"', "source"),
        ('source = "a test"', 'sauce = "a test"', "did you mean 'source'"),
    ],
)
def test_nonsense_in_a_calibration_is_named(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    was: str,
    now: str,
    said: str,
) -> None:
    """By file and key; nothing is kept."""
    monkeypatch.setenv("TINYBENCH_CALIBRATIONS", str(tmp_path / "kept"))
    text = by.as_toml(_calibration({"alu": 5_000_000}, 5e6, 0.01))
    assert was in text
    (tmp_path / "bad.toml").write_text(text.replace(was, now))
    board = _board(tmp_path, "board.toml", "cortex-m4")
    assert cli.main(["calibrate", board, str(tmp_path / "bad.toml")]) == 2
    assert said in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "kept").exists()


def test_a_run_calibrates_by_its_own_firmware_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is valid, measured, of this board and clock; firmware of others is not executed."""
    monkeypatch.setenv("TINYBENCH_CALIBRATIONS", str(tmp_path / "kept"))
    board = load_board(_board(tmp_path, "board.toml", "cortex-m4"))
    image = build(board, load_task("kws"), resolve(load_task("kws")).model)
    good = good_result(board="mps2-an386", emulated=False, time_base="clock of the board")
    assert good.firmware is not None
    told = {
        "ours": good_result(
            board="mps2-an386",
            emulated=False,
            firmware=by.replace(good.firmware, elf_sha256=image.elf_sha256),
        ),
        "other": good,
        "emulated": good_result(board="mps2-an386"),
        "elsewhere": good_result(board="nucleo-l4r5", emulated=False),
    }

    def judged(folder: Path, *, thorough: bool) -> Outcome:
        assert thorough
        return Outcome(told[folder.name], Verdict("quick", True, []), folder)

    monkeypatch.setattr(by, "judge", judged)
    for name in told:
        (tmp_path / name).mkdir()
        (tmp_path / name / "board.toml").write_bytes((tmp_path / "board.toml").read_bytes())
    measured = by.of_run(tmp_path / "ours", board)
    assert measured.latency_s == 0.204
    usual = estimate(board, image, bytes(490), calibrated=False).whole.usual
    measured = measured._replace(latency_s=1.02 * usual / 25e6)
    found = by.calibrate(board, measured, silent, lambda _: None)
    assert math.isclose(found.calibration.cycles, 1.02 * usual)
    assert found.after.high - found.after.low < found.before.high - found.before.low
    with pytest.raises(UsageError, match="its image is not executed here"):
        by.calibrate(board, by.of_run(tmp_path / "other", board), silent, lambda _: None)
    for name in ("emulated", "elsewhere"):
        with pytest.raises(UsageError, match="calibrate mps2-an386 by a run that measured it"):
            by.of_run(tmp_path / name, board)


def test_a_published_log_gives_its_rate_or_is_none(tmp_path: Path) -> None:
    """The median throughput of results.txt."""
    log = tmp_path / "results.txt"
    log.write_text("00021.033 ulp-mlperf: Median throughput is     10.019 inf./sec.\n")
    assert by.of_log(log, "kws").latency_s == pytest.approx(1 / 10.019)
    log.write_text("nothing of the kind\n")
    with pytest.raises(UsageError, match=r"no results\.txt"):
        by.of_log(log, "kws")
