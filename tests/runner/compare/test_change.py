"""Runs compared: noise told from change, gates, baselines, and what cannot be compared."""

import itertools
import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.runner.compare.test_store import stored
from tests.runner.results.a_result import RIGHT, good_result
from tinybench.errors import RunFolderError, UsageError
from tinybench.runner import cli
from tinybench.runner.compare.baseline import write_baseline
from tinybench.runner.compare.chance import by_chance
from tinybench.runner.compare.change import (
    Comparison,
    compare,
)
from tinybench.runner.compare.gate import Difference, parse_gate
from tinybench.runner.results import score
from tinybench.runner.results.cycles import Cycles
from tinybench.runner.results.result import (
    Answer,
    Energy,
    EnergyWindow,
    Performance,
    Result,
    Window,
)

WINDOWS_MS = [204.0, 204.1, 203.9, 204.2, 203.8]


def measured(windows_ms: list[float], **changed: object) -> Result:
    """Return a run of a real board with windows of 50 inferences of so many ms each."""
    windows = [
        Window(f"{n}.bin", 50, 1, round(ms * 50_000), RIGHT) for n, ms in enumerate(windows_ms)
    ]
    throughput_per_s = score.median_throughput_per_s(windows)
    performance = Performance(throughput_per_s, 1 / throughput_per_s, None, windows)
    return good_result(performance=performance, emulated=False, board="mine", **changed)


def energy(each_uj: list[float], uncertainty_uj: float, modelled: bool = False) -> Energy:
    """Return an energy of windows with so many uJ an inference."""
    windows = [
        EnergyWindow(
            input="0.bin",
            iterations=10,
            results=RIGHT,
            start_s=0.0,
            stop_s=10.0,
            energy_j=uj * 1e-5,
            uncertainty_j=uncertainty_uj * 1e-5,
            power_w=0.01,
            monitor_s=10.0,
            dut_s=10.0,
            host_s=10.0,
            lost=0,
            clipped=0,
            faults=[],
            warnings=[],
        )
        for uj in each_uj
    ]
    return Energy(
        per_inference_j=sorted(each_uj)[len(each_uj) // 2] * 1e-6,
        uncertainty_j=uncertainty_uj * 1e-6,
        terms_j={},
        not_stated=[],
        modelled=modelled,
        model_source="",
        monitor="lpm01a",
        monitor_serial="1",
        monitor_firmware="1",
        voltage_v=3.3,
        rate_hz=1e5,
        edges=10,
        lost=0,
        warnings=[],
        faults=[],
        windows=windows,
    )


def put(folder: Path, result: Result) -> Path:
    """Store a result and return its folder."""
    return stored(folder, **{k: getattr(result, k) for k in result.__struct_fields__})


def _line(found: Comparison, metric: str) -> Difference:
    (line,) = (line for line in found.differences if line.metric == metric)
    return line


def test_equal_runs_differ_in_nothing(tmp_path: Path) -> None:
    """And no gate fails, not even one that allows no change."""
    base, head = stored(tmp_path / "a"), stored(tmp_path / "b")
    found = compare(base, head, ["instructions>0", "latency>0%", "accuracy<0pt", "flash>0B"])
    assert found.failures == []
    assert {line.difference for line in found.differences} == {0}
    assert {line.real for line in found.differences} == {False}


def test_one_instruction_more_is_a_difference(tmp_path: Path) -> None:
    """Instruction counts are exact: nothing about them is noise."""
    good = good_result().performance
    assert good is not None
    more = msgspec.structs.replace(good, instructions_per_inference=6_375_001)
    base, head = stored(tmp_path / "a"), stored(tmp_path / "b", performance=more)
    found = compare(base, head, ["instructions>0"])
    line = _line(found, "instructions")
    assert (line.difference, line.real, line.label) == (1, True, "emulated")
    (failure,) = found.failures
    assert failure.found == "+1"


def test_an_estimate_is_exact_under_the_same_timings_alone(tmp_path: Path) -> None:
    """Under others, such as those of a calibration, nobody knows; a gate counts what it sees."""
    cycles = Cycles(
        core="cortex-m4",
        memory="",
        timings_sha256="1" * 64,
        clock_hz=25_000_000,
        wait_states=0,
        instructions=6_375_000,
        low=7_000_000,
        usual=8_000_000,
        high=9_000_000,
        limited_by={"load": 8_000_000},
    )
    base = stored(tmp_path / "a", cycles=cycles)
    more = msgspec.structs.replace(cycles, usual=8_400_000)
    found = compare(base, stored(tmp_path / "b", cycles=more), ["estimated_latency>1%"])
    line = _line(found, "estimated_latency")
    assert (line.old, line.new, line.real, line.label) == (0.32, 0.336, True, "estimated")
    assert len(found.failures) == 1
    other = msgspec.structs.replace(more, timings_sha256="2" * 64)
    found = compare(base, stored(tmp_path / "c", cycles=other), ["cycles>1%"])
    line = _line(found, "cycles")
    assert (line.real, line.why) == (None, "priced by other timings")
    assert len(found.failures) == 1


@pytest.mark.parametrize(
    ("head_ms", "real"),
    [
        ([208.0, 208.1, 207.9, 208.2, 207.8], True),
        ([204.05, 204.15, 203.85, 204.2, 203.8], False),
        ([208.0, 208.1, 207.9], True),
        ([208.0], None),
        ([900.0, 203.9, 204.1, 203.8, 204.3], False),
    ],
    ids=["shifted", "the same within noise", "three against five", "one window", "an outlier"],
)
def test_windows_tell_noise_from_change(
    tmp_path: Path, head_ms: list[float], real: bool | None
) -> None:
    """By rank, so that one window gone wrong changes nothing; too few windows do not tell."""
    base = put(tmp_path / "a", measured(WINDOWS_MS))
    head = put(tmp_path / "b", measured(head_ms))
    found = compare(base, head, ["latency>1%"])
    assert _line(found, "latency").real is real
    assert _line(found, "latency").label == ""
    wants = real is not False
    assert bool(found.failures) == wants


def test_an_energy_within_its_uncertainty_is_no_change(tmp_path: Path) -> None:
    """However far apart the windows are, a stated uncertainty is not beaten."""
    first = energy([100, 100.1, 100.2, 99.9, 99.8], 2)
    second = energy([101, 101.1, 101.2, 100.9, 100.8], 2)
    base = put(tmp_path / "a", measured(WINDOWS_MS, energy=first))
    head = put(tmp_path / "b", measured(WINDOWS_MS, energy=second))
    assert _line(compare(base, head), "energy").real is False
    sharp = msgspec.structs.replace(second, uncertainty_j=1e-8)
    base = put(
        tmp_path / "c",
        measured(WINDOWS_MS, energy=msgspec.structs.replace(first, uncertainty_j=1e-8)),
    )
    head = put(tmp_path / "d", measured(WINDOWS_MS, energy=sharp))
    found = compare(base, head, ["energy>0.5uJ"])
    assert _line(found, "energy").real is True
    assert len(found.failures) == 1


def test_modelled_energy_is_labelled_and_not_compared_with_measured(tmp_path: Path) -> None:
    """A model's figure never passes as a measurement."""
    modelled = energy([100, 101, 102, 103, 104], 1, modelled=True)
    base = put(tmp_path / "a", measured(WINDOWS_MS, energy=modelled))
    head = put(tmp_path / "b", measured(WINDOWS_MS, energy=modelled))
    assert _line(compare(base, head), "energy").label == "modelled"
    real = put(tmp_path / "c", measured(WINDOWS_MS, energy=energy([100.0] * 5, 1)))
    with pytest.raises(UsageError, match="modelled"):
        compare(base, real)


def test_the_gates_of_the_firmware_team(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each of them fails by its own change, with exit status 1, and not by a smaller one."""
    good = good_result()
    assert good.firmware is not None
    answers = [Answer(f"{n}.bin", 1, RIGHT if n < 890 else "0.9,0.1", [1]) for n in range(1000)]
    base = stored(tmp_path / "base")
    head = stored(
        tmp_path / "head",
        accuracy=score.accuracy(answers, "top1"),
        firmware=msgspec.structs.replace(good.firmware, flash_b=42_000),
        performance=Performance(50 / 10.5, 10.5 / 50, 6_562_500, good.performance.windows),  # pyright: ignore[reportOptionalMemberAccess]
    )
    gates = ["latency>2%", "accuracy<-0.5pt", "flash>1KiB"]
    words = [word for gate in gates for word in ("--fail-on", gate)]
    assert cli.main(["compare", str(base), str(head), *words]) == 1
    shown = capsys.readouterr().out
    assert all(f"FAILED {gate}: kws on mps2-an386" in shown for gate in gates)
    assert "latency (emulated)" in shown
    assert cli.main(["compare", str(base), str(head)]) == 0
    loose = ["--fail-on", "latency>3%", "--fail-on", "accuracy<-2pt", "--fail-on", "flash>2KiB"]
    assert cli.main(["compare", str(base), str(head), *loose]) == 0
    assert cli.main(["compare", str(head), str(base), *words]) == 0  # better is no failure
    capsys.readouterr()
    assert cli.main(["compare", str(base), str(head), "--json", *words]) == 1
    told = json.loads(capsys.readouterr().out)
    assert [failure["gate"] for failure in told["failures"]] == gates


def test_a_baseline_stands_for_its_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Compared with a baseline, or with the run it was made of, the difference is the same."""
    base = put(tmp_path / "a", measured(WINDOWS_MS))
    head = put(tmp_path / "b", measured([ms + 3 for ms in WINDOWS_MS]))
    file = tmp_path / "new" / "baseline.json"
    assert cli.main(["baseline", "write", str(base), "-o", str(file)]) == 0
    assert "1 run written" in capsys.readouterr().out
    assert compare(file, head) == compare(base, head)
    assert len(file.read_bytes()) < 4000


def test_folders_are_compared_run_by_run(tmp_path: Path) -> None:
    """The newest run of each task and board counts; what one side lacks is noted."""
    old, new = tmp_path / "old", tmp_path / "new"
    stored(old / "1", performance=None)
    stored(old / "2", started_at="2026-11-20T10:00:00+00:00", dut="an older one")
    stored(old / "3", board="mps2-an385")
    stored(new / "1")
    found = compare(old, new)
    assert _line(found, "latency").difference == 0
    assert {(line.task, line.board) for line in found.differences} == {("kws", "mps2-an386")}
    assert found.notes == [f"mps2-an385, kws: only in {old}"]


def test_two_boards_are_compared_where_they_may_be(tmp_path: Path) -> None:
    """One board on each side; of an emulated and a measured one no times, and it is said."""
    old, new = stored(tmp_path / "old"), stored(tmp_path / "new", board="mps2-an385")
    found = compare(old, new)
    assert {line.board for line in found.differences} == {"mps2-an385"}
    assert _line(found, "instructions").difference == 0
    assert found.notes[0].startswith("two boards: old is mps2-an386, new is mps2-an385")
    assert "not equally fast" in found.notes[1]
    clock = {"emulated": False, "board": "mine", "time_base": "clock of the board"}
    found = compare(old, stored(tmp_path / "measured", **clock))
    assert {line.metric for line in found.differences} >= {"accuracy", "flash", "ram"}
    assert not {"latency", "instructions"} & {line.metric for line in found.differences}
    assert "one is emulated or modelled and the other measured: instructions" in found.notes[1]
    several = tmp_path / "several"
    stored(several / "1", board="a")
    stored(several / "2", board="b")
    with pytest.raises(UsageError, match="are of different boards"):
        compare(old, several)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"task": "vww"}, "different tasks: kws on mps2-an386, against vww on mps2-an386"),
        ({"emulated": False}, "one is emulated, the other is measured"),
        (
            {"inputs": msgspec.structs.replace(good_result().inputs, sha256="f" * 64)},
            "they had other inputs",
        ),
        (
            {"accuracy": score.accuracy([Answer("0.bin", 1, RIGHT, [1])], "top1")},
            "1000 and 1 inputs were answered",
        ),
        ({"complete": False}, "no run here reached its end"),
    ],
    ids=["task", "emulated", "inputs", "limit", "incomplete"],
)
@pytest.mark.parametrize("as_baseline", [False, True])
def test_what_cannot_be_compared_is_refused(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    changed: dict[str, object],
    words: str,
    as_baseline: bool,
) -> None:
    """With both sides named, also by a baseline, and with exit status 2."""
    base, head = stored(tmp_path / "a"), stored(tmp_path / "b", **changed)
    if as_baseline:
        write_baseline([base], tmp_path / "baseline.json")
        base = tmp_path / "baseline.json"
    assert cli.main(["compare", str(base), str(head)]) == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not a baseline"),
        (b'{"baseline": 1, "tinybench": "0.1.0"', "not a baseline"),
        (b'{"baseline": 1, "tinybench": "0.1.0", "runs": [{}]}', "damaged"),
        (b'{"baseline": 2, "tinybench": "99.0", "runs": []}', "by tinybench 99.0.*update"),
        (b"\xff\xfe", "not a baseline"),
    ],
)
def test_a_damaged_baseline_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    """By its name, and with what is wrong."""
    path = tmp_path / "baseline.json"
    path.write_bytes(content)
    with pytest.raises(RunFolderError, match=words):
        compare(path, stored(tmp_path / "a"))


def test_two_runs_of_a_kind_make_no_baseline(tmp_path: Path) -> None:
    """Which of them is meant is not guessed."""
    runs = [stored(tmp_path / name) for name in "ab"]
    with pytest.raises(UsageError, match="two runs of kws on mps2-an386"):
        write_baseline(runs, tmp_path / "baseline.json")
    with pytest.raises(RunFolderError, match="cannot write"):
        write_baseline(runs[:1], runs[0] / "result.json" / "x")


@pytest.mark.parametrize(
    ("gate", "words"),
    [
        ("latency", "give a metric, < or >"),
        ("latency>", "give a metric, < or >"),
        ("latancy>2%", "did you mean 'latency'"),
        ("latency>2KiB", "one of: %, s, ms, us"),
        ("flash>2pt", "one of: %, B, kB, KiB, MiB"),
        ("latency>-2%", "true of no change at all"),
        ("accuracy<0.5pt", "true of no change at all"),
        ("energy>1uJ", "BASE has no energy"),
    ],
)
def test_a_wrong_gate_is_refused(tmp_path: Path, gate: str, words: str) -> None:
    """A gate that could never fail is an error, and the message says what would be right."""
    run = stored(tmp_path / "a")
    with pytest.raises(UsageError, match=words):
        compare(run, run, [gate])


def test_units_of_a_gate() -> None:
    """All in SI afterwards; per cent is a share of the old value."""
    limits = {text: parse_gate(text).limit for text in ("latency>2ms", "flash > 1KiB")}
    assert limits == {"latency>2ms": 0.002, "flash > 1KiB": 1024}
    assert parse_gate("accuracy<-0.5pt").limit == pytest.approx(-0.005)
    assert parse_gate("energy>1%").relative


@given(
    st.one_of(
        st.text(),
        st.from_regex(r"(latency|flash|accuracy)[<>][+-]?[0-9.]{1,30}(%|pt|KiB|)", fullmatch=True),
    )
)
def test_any_text_is_a_gate_or_refused(text: str) -> None:
    """With a finite limit on the side of its sign, or with a message that quotes it."""
    try:
        gate = parse_gate(text)
    except UsageError as error:
        assert text in str(error)
        return
    assert abs(gate.limit) < 1e30
    assert gate.limit * gate.sign >= 0


def test_a_metric_that_was_lost_fails_its_gate(tmp_path: Path) -> None:
    """A gate on what HEAD no longer measures must not pass in silence."""
    base, head = stored(tmp_path / "a"), stored(tmp_path / "b", performance=None)
    (failure,) = compare(base, head, ["latency>2%"]).failures
    assert failure.found == "HEAD has no latency"


@given(
    st.lists(st.integers(0, 5), min_size=1, max_size=5),
    st.lists(st.integers(0, 5), min_size=1, max_size=5),
)
def test_the_rank_sum_test_counts_every_deal(old: list[int], new: list[int]) -> None:
    """Against its definition: all ways to choose which values were the old ones, equal ones too."""
    found = by_chance(old, new)
    values = [*old, *new]
    deals = list(itertools.combinations(range(len(values)), len(old)))
    if found is None:
        assert 2 / len(deals) >= 0.05
        return

    def wins(chosen: tuple[int, ...]) -> float:
        rest = [values[i] for i in range(len(values)) if i not in chosen]
        pairs = itertools.product((values[i] for i in chosen), rest)
        return sum((a > b) + (a == b) / 2 for a, b in pairs)

    middle = len(old) * len(new) / 2
    seen = abs(wins(tuple(range(len(old)))) - middle)
    as_far = sum(abs(wins(deal) - middle) >= seen for deal in deals)
    assert found == pytest.approx(as_far / len(deals))


def test_many_windows_use_the_normal_limit() -> None:
    """Near the exact probability, and at once."""
    same = by_chance(list(range(0, 200, 2)), list(range(1, 201, 2)))
    assert same is not None
    assert same > 0.8
    apart = by_chance(list(range(100)), list(range(50, 150)))
    assert apart is not None
    assert apart < 1e-6
    assert by_chance([1.0] * 50, [1.0] * 50) == 1.0


def test_markdown_of_a_comparison_escapes_and_labels(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A board's name cannot break the table, and emulated figures are called so."""
    name = "<b>|\x1b[31m"
    base, head = stored(tmp_path / "a", board=name), stored(tmp_path / "b", board=name)
    assert cli.main(["compare", str(base), str(head), "--to", "markdown"]) == 0
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "<b>" not in shown
    assert "&lt;b&gt;\\|\\\\x1b\\[31m" in shown
    assert "instructions (emulated)" in shown
    assert {line.count(" | ") for line in shown.splitlines() if line.startswith("| kws")} == {7}
