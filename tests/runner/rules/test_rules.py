"""The run rules: each is broken by exactly what it is about."""

from pathlib import Path

import msgspec
import pytest

from tests.runner.results.a_result import WRONG, good_result
from tinybench.runner import rules
from tinybench.runner.build.task import load_task
from tinybench.runner.report.terminal.text import caveats
from tinybench.runner.results import score
from tinybench.runner.results.result import Accuracy, Performance, Result, Window

KWS = load_task("kws")
replace = msgspec.structs.replace


def _broken(result: Result) -> list[str]:
    return [violation.rule for violation in rules.check(result, KWS)]


def _accuracy(result: Result) -> Accuracy:
    assert result.accuracy is not None
    return result.accuracy


def _performance(result: Result) -> Performance:
    assert result.performance is not None
    return result.performance


def _windows(windows: list[Window]) -> Result:
    good = good_result()
    rates = sorted(window.iterations * 1e6 / window.elapsed_us for window in windows)
    middle = rates[len(rates) // 2]
    return replace(good, performance=Performance(middle, 1 / middle, 1, windows))


def test_a_run_that_keeps_every_rule_is_valid() -> None:
    """No violation, no complaint."""
    assert _broken(good_result()) == []


@pytest.mark.parametrize(
    ("mode", "absent"), [("accuracy", "performance"), ("performance", "accuracy")]
)
def test_a_single_mode_is_judged_by_its_own_rules(mode: str, absent: str) -> None:
    """`--mode accuracy` owes no windows, `--mode performance` no answers."""
    assert _broken(good_result(mode=mode, **{absent: None})) == []


def test_a_mode_that_measured_nothing_breaks_its_rules() -> None:
    """An empty result is not a valid one."""
    empty = good_result(accuracy=None, performance=None)
    assert _broken(empty) == ["accuracy-count", "performance-windows"]


def test_an_interrupted_run_is_not_valid_and_says_why() -> None:
    """Part of a run is no result."""
    (violation,) = rules.check(good_result(complete=False, error="interrupted by the user"), KWS)
    assert (violation.rule, violation.found) == ("complete", "interrupted by the user")


def test_a_run_of_another_model_is_not_valid() -> None:
    """The model id must be the task's."""
    assert _broken(good_result(model_id="vww01")) == ["model-id"]


def test_a_missing_input_is_not_valid() -> None:
    """999 of 1000 inputs are not the whole set."""
    good = good_result()
    answers = _accuracy(good).answers[:-1]
    short = score.accuracy(answers, "top1")
    assert _broken(replace(good, accuracy=short)) == ["accuracy-count"]


def test_an_input_that_was_answered_twice_is_not_valid() -> None:
    """Each input counts exactly once."""
    good = good_result()
    answers = [*_accuracy(good).answers[:-1], _accuracy(good).answers[-2]]
    doubled = score.accuracy(answers, "top1")
    assert _broken(replace(good, accuracy=doubled)) == ["accuracy-count"]


def test_an_embedded_run_is_counted_against_its_own_set() -> None:
    """The embedded set has its own size, which --limit must not cut."""
    good = good_result(dataset="embedded")
    assert _broken(good) == []
    larger = replace(good, inputs=replace(good.inputs, count=1001))
    assert _broken(larger) == ["accuracy-count"]


def test_an_accuracy_below_the_closed_threshold_is_not_valid_in_the_closed_division() -> None:
    """89.9 % is not 90 %; the open division only reports it."""
    good = good_result()
    answers = list(_accuracy(good).answers)
    answers[899:901] = [replace(answer, results=WRONG) for answer in answers[899:901]]
    low = replace(good, accuracy=score.accuracy(answers, "top1"))
    assert _broken(low) == ["accuracy-threshold"]
    assert _broken(replace(low, division="open")) == []


def test_a_part_of_the_set_is_not_held_against_the_threshold() -> None:
    """Fifteen inputs are no accuracy, whoever's the model; that they are too few is broken."""
    good = good_result()
    answers = _accuracy(good).answers
    part = replace(good, accuracy=score.accuracy(answers[:5] + answers[990:], "top1"))
    rulings = {ruling.rule: ruling for ruling in rules.judged(part, KWS).rulings}
    assert rulings["accuracy-threshold"].state == "not judged"
    assert _broken(part) == ["accuracy-count"]


def test_the_reference_model_is_not_told_to_who_uses_it() -> None:
    """Below the threshold with the reference model: something else is at fault."""
    good = good_result()
    answers = _accuracy(good).answers
    low = replace(good, accuracy=score.accuracy(answers[:5] + answers[25:], "top1"))
    whole = replace(low, dataset="custom", inputs=replace(good.inputs, count=980))
    (violation,) = rules.check(whole, KWS)
    assert "the reference model is used" in violation.advice
    other = replace(whole, model=replace(good.model, kind="custom"))
    (violation,) = rules.check(other, KWS)
    assert violation.advice.startswith("use the reference model")


def test_unverified_inputs_are_never_called_official() -> None:
    """Names and labels of the official set, other bytes: not judged, and said so."""
    result = good_result(dataset="unverified")
    verdict = rules.judged(result, KWS)
    assert [one.rule for one in verdict.not_judged] == ["official-inputs"]
    assert any("unverified" in words for words in caveats(result, verdict))
    few = replace(result, inputs=replace(result.inputs, count=999))
    assert rules.check(few, KWS) == []  # its own count does not matter: it is called the whole set


def test_a_stored_result_may_call_official_what_has_the_official_hash(tmp_path: Path) -> None:
    """Whoever edits `dataset` in a result is contradicted by the hash of the inputs in it."""
    good = good_result()
    assert not [r for r in rules.evidence(good, tmp_path) if r.rule == "official-inputs"]
    for inputs in (
        replace(good.inputs, sha256="0" * 64),
        replace(good.inputs, name="kws01-embedded"),
    ):
        forged = replace(good, inputs=inputs)
        broken = [r.rule for r in rules.evidence(forged, tmp_path) if r.state == "broken"]
        assert broken == ["official-inputs"]


def test_another_model_than_the_reference_needs_the_open_division() -> None:
    """Closed means the reference model, on the official inputs."""
    good = good_result()
    other = replace(good, model=replace(good.model, kind="custom"))
    assert _broken(other) == ["reference-model"]
    assert _broken(replace(other, division="open")) == []


def test_four_windows_are_not_valid() -> None:
    """The rules want five; a published v1.1 result has four."""
    assert _broken(_windows(_performance(good_result()).windows[:4])) == ["performance-windows"]


def test_five_windows_on_one_input_are_not_valid() -> None:
    """The five windows use five different inputs."""
    window = _performance(good_result()).windows[0]
    assert _broken(_windows([window] * 5)) == ["performance-windows"]


def test_a_short_window_is_named_with_how_many_iterations_it_lacks() -> None:
    """Published results have windows of 1.1 s; here the third lasts 9.2 s."""
    windows = list(_performance(good_result()).windows)
    windows[2] = replace(windows[2], iterations=46, elapsed_us=9_200_000)
    (violation,) = rules.check(_windows(windows), KWS)
    assert violation.rule == "window-duration"
    assert violation.found == "window 3 lasted 9.200 s"
    assert violation.advice == "5 more iterations"


def test_five_short_windows_do_not_pass() -> None:
    """The public runner takes five windows of 2.1 s without a word."""
    windows = [
        replace(window, iterations=10, elapsed_us=2_100_000)
        for window in _performance(good_result()).windows
    ]
    assert _broken(_windows(windows)) == ["window-duration"] * 5


def test_a_different_output_in_a_window_is_not_valid() -> None:
    """In 109 of 235 published runs the engine had overwritten its input between inferences."""
    windows = list(_performance(good_result()).windows)
    windows[4] = replace(windows[4], results="0.004,0.992")
    assert _broken(_windows(windows)) == ["same-output"]


def test_a_window_without_an_answer_has_none_to_compare() -> None:
    """Empty results are no output, and so not another one."""
    windows = list(_performance(good_result()).windows)
    windows[4] = replace(windows[4], results="")
    assert _broken(_windows(windows)) == []


def test_an_edited_accuracy_is_noticed() -> None:
    """The score is computed again from the stored answers."""
    good = good_result()
    better = replace(_accuracy(good), top1=0.95, correct=950)
    assert _broken(replace(good, accuracy=better)) == ["accuracy-recomputed"]


def test_an_edited_throughput_is_noticed() -> None:
    """The median is computed again from the stored windows."""
    good = good_result()
    faster = replace(_performance(good), throughput_per_s=100.0)
    assert _broken(replace(good, performance=faster)) == ["throughput-recomputed"]


def test_every_violation_says_what_was_wanted_found_and_what_to_change() -> None:
    """No rule is broken without words."""
    result = good_result(complete=False, model_id="x", accuracy=None, performance=None)
    for violation in rules.check(result, KWS):
        assert all(msgspec.structs.astuple(violation))
