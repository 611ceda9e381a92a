"""What a run claims is held against its log: forged files are named, true ones are not."""

import json
from pathlib import Path

import pytest

from tests import ROOT
from tests.runner.audit import trees
from tinybench.runner.audit.audit import audit
from tinybench.runner.audit.result import Audit, Run
from tinybench.runner.cli import main

ENERGY = """\
Energy data for trial 0
  Elapsed time  : 1200.002
  Inferences    : 1
  Power         : 25.6220 mW.
  Total Energy  : 30746401.810 uJ
  Energy/Inf    : 30746401.810 uJ/inf
Median energy cost is 30746401.8100 uJ/inf.
Accuracy: 44 True positives, 6 False negatives, 4 False positives
Average duty cycle: 0.56085
Average period: 0.031987 s
Estimated throughput: 55.742 inf./sec.
"""
HEAD = "Logging initialized. Writing output to log.txt\nDevice model retrieved: sww01\n"


@pytest.fixture(autouse=True)
def _no_labels(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty mirror: nothing is fetched."""
    (tmp_path / "mirror").mkdir()
    monkeypatch.setenv("TINYBENCH_MIRROR", str(tmp_path / "mirror"))


@pytest.fixture
def newer(tmp_path: Path) -> Path:
    """A sound performance run of the v1.3 runner: 250 inferences in 10.862042 s a window."""
    folder = trees.task_folder(tmp_path / "tree", round_="v1.3") / "performance"
    return trees.newer(folder, "p", 5, 250, 10_862_042)


def _run(folder: Path) -> Run:
    (run,) = audit(folder).runs
    return run


def _said(run: Run, rule: str) -> str:
    return "\n".join(f"{v.wanted} | {v.found}" for v in run.violations if v.rule == rule)


def _edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_a_run_whose_files_agree_has_no_difference(newer: Path) -> None:
    """Milliseconds in the log are the microseconds of results.json, rounded."""
    run = _run(newer)
    assert [(one.name, one.recomputed, one.reproduced) for one in run.figures] == [
        ("windows", "5", True),
        ("throughput", "23.016", True),
    ]
    assert {violation.rule for violation in run.violations} == {"missing-mode"}


def test_forged_iterations_differ_from_the_log(newer: Path) -> None:
    """results.json and results.txt agree on +25 %; the log ran 250 a window."""
    _edit(newer / "results.json", '"iterations": 250', '"iterations": 312')
    _edit(newer / "results.txt", "23.016", f"{312 / 10.862042:.3f}")
    run = _run(newer)
    figure = run.figures[-1]
    assert (figure.published, figure.recomputed, figure.reproduced) == ("28.724", "23.016", False)
    said = _said(run, "files-differ")
    assert f"250 for {trees.KWS[0]} in log.txt" in said
    assert f"312 for {trees.KWS[0]} in results.json; so 5 of its kind" in said


def test_forged_run_times_differ_from_the_log(newer: Path) -> None:
    """A tenth faster in both claims."""
    _edit(newer / "results.json", "10862042", "10052042")
    _edit(newer / "results.txt", "23.016", f"{250 / 10.052042:.3f}")
    run = _run(newer)
    assert (run.figures[-1].recomputed, run.figures[-1].reproduced) == ("23.016", False)
    assert "10.862 s in log.txt" in _said(run, "files-differ")


def test_forged_outputs_differ_from_the_log(newer: Path) -> None:
    """To the decimals that both print."""
    _edit(newer / "results.json", "0.9", "0.8")
    assert "outputs: [0.900," in _said(_run(newer), "files-differ")


def test_a_left_out_window_is_named(newer: Path) -> None:
    """The slowest one, say: the log has five, results.json four."""
    entries = json.loads((newer / "results.json").read_text(encoding="utf-8"))
    trees.write(newer, {"results.json": json.dumps(entries[:4])})
    assert "inferences: 5 in log.txt | 4 in results.json" in _said(_run(newer), "files-differ")


def test_results_json_without_its_log_proves_nothing(newer: Path) -> None:
    """It repeats what is claimed."""
    (newer / "log.txt").unlink()
    assert "results.json only" in _said(_run(newer), "missing-log")


def test_a_trace_of_another_length_than_the_logs_is_named(newer: Path) -> None:
    """The log counts samples and edges as they came."""
    entries = json.loads((newer / "results.json").read_text(encoding="utf-8"))
    for entry in entries:
        entry["power"] = {"samples": [0.01] * 9, "timestamps": [["1", 2], ["2", 8]]}
    log = (newer / "log.txt").read_text(encoding="utf-8")
    captured = "done\nCaptured samples:9 timestamps:2\n"
    trees.write(
        newer, {"results.json": json.dumps(entries), "log.txt": log.replace("done\n", captured)}
    )
    assert _said(_run(newer), "files-differ") == ""
    _edit(newer / "log.txt", "Captured samples:9", "Captured samples:10")
    said = _said(_run(newer), "files-differ")
    assert said.startswith("the trace: 10 and 2 in log.txt | 9 samples and 2 edges in trace 1")


@pytest.mark.parametrize(
    ("stated", "kind"),
    [
        ({"detections": [80, 9000], "start": 0.5}, "detections: 2 in log.txt, 9936 ms |"),
        ({"detections": [80, 9936], "start": 0.4}, "start and stop of an inference: 0.50000 s in"),
        ({"detections": [80, 9936], "start": 0.5}, ""),
    ],
)
def test_an_edited_stream_is_named(tmp_path: Path, stated: dict[str, object], kind: str) -> None:
    """Detections and edges, where the log has them, too."""
    infer = {"wav_file": "long_wav.wav", "detections": stated["detections"]}
    duty = {"start_times_s": [stated["start"]], "stop_times_s": [0.51]}
    log = HEAD + "[80, 9936]\nDuty cycle start times\n50000,\nDuty cycle stop times\n51000,\n"
    folder = trees.task_folder(tmp_path / "tree", "sww", "v1.3") / "performance"
    entries = json.dumps([{"infer": infer, "dutycycle": duty}])
    trees.write(folder, {"results.json": entries, "log.txt": log})
    said = _said(_run(folder), "files-differ")
    assert said.startswith(kind) if kind else said == ""


@pytest.mark.parametrize(
    ("old", "new", "figure"),
    [
        ("30746401", "20746401", "energy"),
        ("44 True positives, 6", "46 True positives, 4", "detections"),
        ("duty cycle: 0.56085", "duty cycle: 0.46085", "duty cycle"),
        ("period: 0.031987", "period: 0.021987", "period"),
        ("throughput: 55.742", "throughput: 65.742", "throughput"),
    ],
)
def test_a_figure_that_the_log_states_otherwise_differs(
    tmp_path: Path, old: str, new: str, figure: str
) -> None:
    """Though nothing else is published from which it could be computed."""
    folder = trees.task_folder(tmp_path / "tree", "sww", "v1.3") / "energy"
    log = HEAD + ENERGY.replace("  ", "")
    trees.write(folder, {"results.txt": ENERGY, "log.txt": log})
    sound = _run(folder)
    assert all(one.reproduced is not False for one in sound.figures)
    assert not _said(sound, "files-differ") + _said(sound, "figure")
    trees.write(folder, {"results.txt": ENERGY.replace(old, new)})
    run = _run(folder)
    assert [one.name for one in run.figures if one.reproduced is False] == [figure]
    assert "log.txt, which states another than results.txt" in _said(run, "figure")


def test_energy_that_is_not_power_by_time_is_named(tmp_path: Path) -> None:
    """Forged in every file, but for the power beside it."""
    folder = trees.task_folder(tmp_path / "tree", "sww", "v1.3") / "energy"
    text = ENERGY.replace("30746401", "20746401")
    trees.write(folder, {"results.txt": text, "log.txt": HEAD + text})
    assert "25.6220 mW in 1200.002 s" in _said(_run(folder), "figure")


def test_a_stream_whose_figures_contradict_each_other_is_named(tmp_path: Path) -> None:
    """The throughput is one by the busy time, in every file alike."""
    folder = trees.task_folder(tmp_path / "tree", "sww", "v1.3") / "energy"
    text = ENERGY.replace("duty cycle: 0.56085", "duty cycle: 0.46085")
    trees.write(folder, {"results.txt": text, "log.txt": HEAD + text})
    run = _run(folder)
    assert "by a duty cycle of 0.46085 in 0.031987 s | 55.742" in _said(run, "figure")
    assert "missing-trace" in {violation.rule for violation in run.violations}
    assert [one.outcome for one in run.figures if one.name == "energy"] == ["as printed"]


@pytest.mark.parametrize(
    ("name", "meant"),
    [("enegy", "energy"), ("Preformance", "performance"), ("acuracy", "accuracy"), ("tower", "")],
)
def test_a_misspelt_mode_is_named(tmp_path: Path, name: str, meant: str) -> None:
    """It is audited as the mode that is meant, which is then not missing."""
    task = trees.task_folder(tmp_path / "tree")
    others = {"accuracy": trees.accuracy, "performance": trees.performance}
    for mode, write in others.items():
        write(task / (name if mode == meant else mode))
    if meant not in others:
        trees.performance(task / name)
    runs = audit(tmp_path / "tree").runs
    said = "".join(_said(run, "mode-name") for run in runs)
    assert said == (
        f"a folder {meant} | {name}, which looks like {meant} misspelt" if meant else ""
    )
    if meant:
        assert not any(_said(run, "missing-mode") for run in runs)


@pytest.fixture(scope="module")
def cases() -> Path:
    """The folder of trees that were edited so that they lie."""
    path = ROOT.parent / "shared" / "cases" / "audit"
    if not path.is_dir():
        pytest.skip("the folder of cases (../shared/cases) is not here")
    return path


def _differing(found: Audit) -> list[tuple[str, str, str | None]]:
    return [
        (one.name, one.published, one.recomputed)
        for run in found.runs
        for one in run.figures
        if one.reproduced is False
    ]


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("sww_forged", [("energy", "1782776.7999", "4782776.7999")]),
        ("forge3", [("throughput", "25.838", "20.703")]),
        ("enegy", []),
    ],
)
def test_the_cases_are_told_by_their_logs(
    cases: Path, name: str, wanted: list[tuple[str, str, str]]
) -> None:
    """Each ends with status 1; only the forged figure differs, and has its right value."""
    found = audit(cases / name)
    assert _differing(found) == wanted
    assert main(["audit", str(cases / name)]) == 1
    rules = {one.rule for run in found.runs for one in run.violations}
    also = {"sww_forged": {"missing-trace"}, "forge3": {"modes-contradict"}}.get(name, set())
    assert rules == ({"files-differ", "figure"} | also if wanted else {"mode-name"})
    (row,) = found.systems
    assert row.grade == ("figure" if wanted else "paperwork")
    assert [text.split()[1:3] for text in row.corrected] == [[a, c] for a, _, c in wanted]
