"""Profiles: how much a run measures, and what is said of a result that is judged by one."""

import re
import time
from pathlib import Path

import msgspec
import pytest

from tests import ROOT
from tests.runner.results.a_result import good_result
from tinybench.datasets.reader import Sample
from tinybench.errors import DeclarationError, RunFolderError, UsageError
from tinybench.runner import rules
from tinybench.runner.build.task import load_task, names
from tinybench.runner.measure.modes import WindowLength
from tinybench.runner.results import score
from tinybench.runner.results.result import (
    Environment,
    FloatModel,
    Performance,
    Result,
    Step,
    write_result,
)
from tinybench.runner.rules.judge import judge
from tinybench.runner.session.plan import drawn
from tinybench.track import silent

KWS = load_task("kws")
replace = msgspec.structs.replace


def _ruling(result: Result, profile: str, rule: str) -> rules.Ruling:
    """Return what one rule says, which it must say once."""
    found = rules.judged(result, KWS, rules.load_profile(profile)).rulings
    (one,) = (ruling for ruling in found if ruling.rule == rule)
    return one


def _quick_result() -> Result:
    """Return what a quick run stores: 128 inputs, five windows of 2.04 s."""
    good = good_result(profile="quick")
    assert good.accuracy is not None
    assert good.performance is not None
    windows = [replace(w, iterations=10, elapsed_us=2_040_000) for w in good.performance.windows]
    return replace(
        good,
        accuracy=score.accuracy(good.accuracy.answers[:128], "top1"),
        performance=Performance(10 / 2.04, 0.204, 1, windows),
        steps=[Step("performance", "2026-11-21T10:00:00+00:00", None), Step("accuracy", "", 0.0)],
    )


def test_the_packaged_profiles_are_those_of_the_issue() -> None:
    """Each says where its figures come from; three ask for less than MLPerf Tiny."""
    profiles = [rules.load_profile(name) for name in rules.names()]
    assert {profile.name: profile.mlperf for profile in profiles} == {
        "mlperf-tiny": True,
        "model": False,
        "normal": True,
        "quick": False,
        "rapid": False,
        "submission": True,
    }
    assert all(profile.source for profile in profiles)


@pytest.mark.parametrize(
    ("ambient_c", "state"),
    [(None, "not judged"), (19.9, "broken"), (20.0, "kept"), (25.0, "kept"), (26.0, "broken")],
)
def test_a_submission_says_how_warm_the_room_was(ambient_c: float | None, state: str) -> None:
    """Between 20 and 25 degrees, of a real board; an emulated one stands in no room."""
    told = None if ambient_c is None else Environment(ambient_c=ambient_c)
    result = good_result(profile="submission", environment=told, emulated=False)
    assert _ruling(result, "submission", "ambient").state == state
    emulated = good_result(profile="submission", environment=told)
    assert _ruling(emulated, "submission", "ambient").state == "kept"


def test_a_quick_run_is_valid_under_quick_and_never_called_an_mlperf_result() -> None:
    """In words that a reader cannot miss."""
    verdict = rules.judged(_quick_result(), KWS, rules.load_profile("quick"))
    assert verdict.valid
    assert verdict.words == "valid under profile quick, not an MLPerf result"


def test_a_quick_run_is_not_valid_by_the_published_rules() -> None:
    """`tinybench check RUN --profile mlperf-tiny` says what is missing."""
    broken = {violation.rule for violation in rules.check(_quick_result(), KWS)}
    assert broken == {"accuracy-count", "window-duration"}


def test_a_part_of_the_set_does_not_judge_the_quality_target() -> None:
    """114 of 128 right says little about 90 % of 1000."""
    assert _ruling(_quick_result(), "quick", "accuracy-threshold").state == "not judged"


def test_a_whole_run_keeps_quick_as_well() -> None:
    """More than was asked for is enough."""
    result = replace(good_result(), steps=_quick_result().steps)
    assert rules.check(result, KWS, rules.load_profile("quick")) == []


def test_one_input_too_few_is_named_with_what_to_change() -> None:
    """127 of 128."""
    quick = _quick_result()
    assert quick.accuracy is not None
    short = replace(quick, accuracy=score.accuracy(quick.accuracy.answers[:127], "top1"))
    assert _ruling(short, "quick", "accuracy-count").advice.startswith("1 more inputs")


def test_a_laxer_profile_cannot_borrow_the_name_of_the_published_rules(tmp_path: Path) -> None:
    """What it asks for decides, not what it is called."""
    path = tmp_path / "mine.toml"
    path.write_text('name = "mlperf-tiny"\ntitle = "x"\nsource = "x"\nwindow_min_s = 0.1\n')
    verdict = rules.judged(good_result(), KWS, rules.load_profile(str(path)))
    assert verdict.words == "valid, not an MLPerf result"


def test_quick_asks_less_of_a_process_of_this_computer(tmp_path: Path) -> None:
    """Shorter windows and no rest on board `host`, and on no other; judged by it as well."""
    quick = rules.load_profile("quick")
    assert (quick.on("host").window_min_s, quick.on("host").cool_down_s) == (0.2, 0.0)
    assert quick.on("Cortex-M4") == quick
    assert quick.window_min_s == 2.0
    normal = rules.load_profile("normal")
    assert normal.on("host") == normal
    short = _quick_result()
    assert short.performance is not None
    windows = [replace(one, elapsed_us=one.elapsed_us // 10) for one in short.performance.windows]
    short = replace(short, performance=replace(short.performance, windows=windows))
    assert _ruling(replace(short, core="host"), "quick", "window-duration").state == "kept"
    broken = [violation.rule for violation in rules.check(short, KWS, quick)]
    assert broken.count("window-duration") == 5
    path = tmp_path / "mine.toml"
    path.write_text('name = "m"\ntitle = "x"\nsource = "x"\n[host]\nwindow_s = 1\n')
    with pytest.raises(DeclarationError, match="did you mean 'window_min_s'"):
        rules.load_profile(str(path))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("window_min_s = 0", "window_min_s"),
        ("windows = 0", "windows"),
        ("accuracy_inputs = 0", "accuracy_inputs"),
        ("float_share = 1.5", "float_share"),
        ("cooldown_s = 5", "did you mean 'cool_down_s'"),
    ],
)
def test_a_wrong_profile_is_refused_by_its_key(tmp_path: Path, line: str, said: str) -> None:
    """Before anything is measured."""
    path = tmp_path / "mine.toml"
    path.write_text(f'name = "mine"\ntitle = "x"\nsource = "x"\n{line}\n')
    with pytest.raises(DeclarationError, match=said):
        rules.load_profile(str(path))


def test_an_unknown_profile_is_refused_with_the_nearest() -> None:
    """A slip of the keyboard."""
    with pytest.raises(UsageError, match="did you mean 'quick'"):
        rules.load_profile("quik")


def test_too_few_inferences_are_named_unless_the_window_is_long() -> None:
    """205 in a window, or 120 s: as the app stops a run after 600 s."""
    good = good_result()
    assert good.performance is not None
    few = [replace(w, iterations=60, elapsed_us=12_240_000) for w in good.performance.windows]
    slow = [replace(w, iterations=60, elapsed_us=120_000_001) for w in few]
    verdicts = [
        rules.check(
            replace(good, performance=Performance(60e6 / windows[0].elapsed_us, 1, 1, windows)),
            KWS,
            rules.load_profile("normal"),
        )
        for windows in (few, slow)
    ]
    short, long = ([v for v in found if v.rule == "window-iterations"] for found in verdicts)
    assert [violation.advice for violation in short] == ["145 more iterations"] * 5
    assert long == []


@pytest.mark.parametrize(
    ("order", "state"),
    [
        (["performance", "accuracy"], "kept"),
        (["accuracy", "performance"], "broken"),
        (["accuracy", "accuracy", "performance"], "broken"),
        ([], "not judged"),
    ],
)
def test_the_order_of_modes_is_judged_by_what_was_begun_first(order: list[str], state: str) -> None:
    """An old result does not say."""
    steps = [Step(mode, "", None) for mode in order]
    assert _ruling(good_result(steps=steps), "normal", "order").state == state


@pytest.mark.parametrize(
    ("rested_s", "emulated", "state"),
    [(None, False, "kept"), (300.0, False, "kept"), (299.0, False, "broken"), (0.0, True, "kept")],
)
def test_a_board_that_has_not_rested_breaks_the_cool_down(
    rested_s: float | None, emulated: bool, state: str
) -> None:
    """Five minutes before the performance mode; an emulated board does not warm up."""
    steps = [Step("performance", "", rested_s)]
    assert (
        _ruling(good_result(steps=steps, emulated=emulated), "normal", "cool-down").state == state
    )


@pytest.mark.parametrize(
    ("quality", "state"), [(0.90, "kept"), (0.919, "kept"), (0.92, "broken"), (None, "not judged")]
)
def test_quality_is_judged_as_a_share_of_the_float_models(
    quality: float | None, state: str
) -> None:
    """0.901 is 98.04 % of 0.919, and 97.9 % of 0.92; without a float model nothing is judged."""
    model = FloatModel(
        name="f", sha256="0", quality=quality, count=1000, computed_by="x", why_not="none there"
    )
    result = good_result(float_model=model)
    assert _ruling(result, "submission", "float-share").state == state


def test_what_was_not_judged_never_passes_silently() -> None:
    """It is a caveat beside the verdict, with its reason."""
    from tinybench.runner.report.terminal.text import caveats

    result = good_result(steps=_quick_result().steps)
    verdict = rules.judged(result, KWS, rules.load_profile("submission"))
    assert "not judged: float-share, this run did not compute it" in caveats(result, verdict)


def test_what_no_program_can_judge_is_declared_with_what_speaks_for_it() -> None:
    """Caching would make windows, which repeat one input, faster than single inferences."""
    verdict = rules.judged(good_result(), KWS)
    declared = {one.rule: one.found for one in verdict.rulings if one.state == "declared"}
    assert set(declared) == {"no-caching", "no-input-shortcuts", "pre-post-untimed"}
    assert "204.000 ms an inference in windows" in declared["no-caching"]
    assert "204.000 ms on inputs met once" in declared["no-caching"]
    assert "differs by 0.0000%" in declared["no-input-shortcuts"]


def test_windows_on_other_inputs_than_the_first_are_not_valid() -> None:
    """The rules want the first five; the result says which those are."""
    good = good_result()
    result = replace(good, inputs=replace(good.inputs, first=["a", "b", "c", "d", "e"]))
    assert _ruling(result, "mlperf-tiny", "performance-inputs").state == "broken"


def test_every_rule_is_in_the_documentation() -> None:
    """docs/results.md lists each rule by its name, and no other."""
    from tinybench.runner.rules import accuracy, clock, energy, figures, outputs, performance, run
    from tinybench.runner.rules.evidence import clauses

    modules = (run, accuracy, performance, clock, energy, figures, outputs, clauses)
    known = {
        value.name
        for module in modules
        for value in vars(module).values()
        if isinstance(value, rules.Rule)
    }
    docs = ROOT / "docs" / "results.md"
    table = docs.read_text().partition("## Rules")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `([\w-]+)` \|", table, re.MULTILINE)) == known


def _samples(count: int) -> tuple[Sample, ...]:
    where = Path("x")
    return tuple(Sample(f"{n}", n * 10 // count, 1, 1, 1, "0", where) for n in range(count))


@pytest.mark.parametrize("count", [1, 5, 6, 128, 999, 1000, 5000])
def test_a_part_of_the_set_is_drawn_and_holds_the_first(count: int) -> None:
    """The windows run on the first inputs; a set that is sorted by class has all of its classes."""
    samples = _samples(1000)
    part = drawn(samples, count, 5)
    assert len({sample.name for sample in part}) == len(part) == min(count, 1000)
    assert part[:5] == list(samples[: min(5, count)])
    if count >= 128:
        assert {sample.label for sample in part} == set(range(10))


def test_a_window_is_as_long_as_the_profile_wants() -> None:
    """By time, by inferences, and by inferences up to a time."""
    assert WindowLength(10).iterations(10, 2.0) == 51  # 0.2 s each, 2 % of margin
    assert WindowLength(10, 205, 120).iterations(10, 2.0) == 205
    assert WindowLength(10, 205, 120).iterations(10, 20.0) == 62  # 2 s each: 120 s come first


def test_the_board_rests_between_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    """`--task all` tells each run when the one before it ended; nothing was before the first."""
    from tinybench.runner.results.request import Request
    from tinybench.runner.session import run as session

    asked: list[tuple[str, float | None]] = []
    monkeypatch.setattr(session, "run", lambda *words: asked.append((words[0].task, words[3])))
    began_s = time.monotonic()
    list(session.run_all(Request(board="host", task="all"), silent, lambda _: None))
    assert [name for name, _ in asked] == list(names())
    assert asked[0][1] is None
    assert all(until is not None and until >= began_s for _, until in asked[1:])


def test_a_task_with_another_target_is_none_of_mlperf(tmp_path: Path) -> None:
    """A file that calls itself kws, with half the threshold; and a task of one's own."""
    for change in ({"rules": replace(KWS.rules, closed_threshold=0.45)}, {"name": "mine"}):
        verdict = rules.judged(good_result(), replace(KWS, **change))
        assert verdict.words == "valid, not an MLPerf result"


def test_a_run_without_its_profile_is_judged_by_another_one(tmp_path: Path) -> None:
    """The message says how."""
    write_result(tmp_path, good_result(profile="mine"))
    with pytest.raises(RunFolderError, match="--profile mlperf-tiny"):
        judge(tmp_path)
    assert judge(tmp_path, "mlperf-tiny").violations == []
