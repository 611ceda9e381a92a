"""The published trees: every figure that can be computed again is reproduced."""

import csv
import json
import re
import shutil
from pathlib import Path

import pytest

from tinybench.runner.audit.audit import audit
from tinybench.runner.audit.result import Audit, Run
from tinybench.runner.cli import main

L4 = "closed/STMicroelectronics/results/NUCLEO_L4R5ZI"


@pytest.fixture(scope="module")
def published(shared_data: Path, mirror: Path, tmp_path_factory: pytest.TempPathFactory) -> Audit:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TINYBENCH_MIRROR", str(mirror))
        return audit(shared_data / "published", cache=tmp_path_factory.mktemp("cache"))


def _run(found: Audit, path: str) -> Run:
    (run,) = (run for run in found.runs if run.path == path)
    return run


def _rules(run: Run) -> set[str]:
    return {violation.rule for violation in run.violations}


def test_every_figure_with_its_files_is_reproduced(published: Audit) -> None:
    """All rounds, both runners; only what has no log cannot be computed.

    The energy of a streaming run without its samples only repeats what its windows print.
    """
    assert published.notes == []
    assert published.differing == 0
    assert published.reproduced == 57
    repeated = [
        (run.task, run.mode, figure.name)
        for run in published.runs
        for figure in run.figures
        if figure.as_printed
    ]
    assert repeated == [("sww01", "energy", "energy")]
    assert published.as_printed == 1
    assert published.not_recomputable == 7
    lost = [
        (run.task, run.mode, figure.name)
        for run in published.runs
        for figure in run.figures
        if figure.outcome == "cannot be computed"
    ]
    assert set(lost) == {
        ("ad01", "accuracy", "top-1"),
        ("ad01", "accuracy", "AUC"),
        ("sww01", "energy", "duty cycle"),
        ("sww01", "energy", "period"),
        ("sww01", "energy", "throughput"),
    }


def test_the_figures_are_those_of_the_published_table(published: Audit, shared_data: Path) -> None:
    """Recomputed values, beside the table of all rounds."""
    table = {}
    with (shared_data / "published_results.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            key = (row["round"], row["division"], row["submitter"], row["system"])
            table[*key, row["task"]] = row
    columns = {
        ("accuracy", "top-1"): "top1_pct",
        ("accuracy", "AUC"): "auc",
        ("performance", "throughput"): "inf_per_s",
        ("energy", "energy"): "energy_uJ_per_inf",
    }
    compared = 0
    for run in published.runs:
        row = table[run.round, run.division, run.submitter, run.system, run.task[:-2]]
        for figure in run.figures:
            column = columns.get((run.mode, figure.name))
            if column is not None and figure.recomputed is not None:
                assert figure.corrected is None
                assert float(figure.recomputed) == pytest.approx(float(row[column]), abs=1e-9)
                compared += 1
    assert compared == 35


@pytest.mark.parametrize("task", ["ic", "kws", "vww"])
def test_outputs_that_change_between_modes_are_named(published: Audit, task: str) -> None:
    """The reference of v0.5 ran on its own overwritten input in performance mode."""
    folder = f"v0.5/closed/reference/results/Nucleo-L4R5ZI/{task}"
    assert "same-output" in _rules(_run(published, f"{folder}/performance"))
    assert "same-output" not in _rules(_run(published, f"{folder}/accuracy"))
    assert "same-output" not in _rules(_run(published, f"v1.2/{L4}/kws/performance"))


def test_the_edge_case_of_v11_is_named(published: Audit) -> None:
    """Four windows, one of 9.987 s, on inputs that were replaced after v0.5."""
    run = _run(published, f"v1.1/{L4}/ic/energy")
    assert _rules(run) == {"energy-windows", "window-duration", "missing-mode"}
    assert "list of round v0.5" in "".join(run.notes)
    assert "window 3 lasted 9.987 s" in [violation.found for violation in run.violations]


def test_sound_runs_have_no_broken_rule(published: Audit) -> None:
    """What is right stays unblamed."""
    sound = [run.path for run in published.runs if run.sound]
    for mode in ("accuracy", "performance", "energy"):
        assert f"v1.2/{L4}/kws/{mode}" in sound
        assert f"v1.3/{L4}-P/ic/{mode}" in sound
    assert f"v1.3/{L4}-P/sww/performance" in sound


def test_systems_are_rolled_up_by_their_gravest_rule(published: Audit) -> None:
    """24 broken rules: none of a figure, 18 of the benchmark, 6 of paperwork."""
    assert [(row.round, row.system, row.grade, row.broken) for row in published.systems] == [
        ("0.5", "Nucleo-L4R5ZI", "rule", {"rule": 16, "paperwork": 1}),
        ("1.1", "NUCLEO_L4R5ZI", "rule", {"rule": 2, "paperwork": 2}),
        ("1.3", "NUCLEO_L4R5ZI-P", "paperwork", {"paperwork": 3}),
        ("0.7", "pynq-z2#KWS-W3A3", "sound", {}),
        ("1.2", "NUCLEO_L4R5ZI", "sound", {}),
    ]


def test_streams_are_scored_by_every_reading(
    shared_data: Path, mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until 1 s after a word six of nine break the limits; until 2 s, or without drift, none."""
    monkeypatch.setenv("TINYBENCH_MIRROR", str(mirror))
    found = audit(shared_data / "streaming", cache=tmp_path)
    late = [v for run in found.runs for v in run.violations if v.rule == "stream-delay"]
    assert len(found.runs) == 9
    assert len(late) == 6
    assert "TP 43 FN 7 FP 24 until 1 s; TP 44 FN 6 FP 4 until 2 s" in late[0].found
    assert "TP 44 FN 6 FP 4 until 1 s once the playback clock's drift of +2040 ppm" in late[0].found
    assert (found.reproduced, found.as_printed, found.differing) == (21, 5, 0)
    table = json.loads((shared_data / "streaming/golden/published_rescored.json").read_bytes())
    known = {(row["system"], row["mode"]): row for row in table}
    for run in found.runs:
        (figure,) = (one for one in run.figures if one.name == "detections")
        row = known[run.system, run.mode]
        readings = re.findall(r"TP (\d+) FN (\d+) FP (\d+)", figure.source)
        wanted = {row["code2s"], row["rule1s"], row["corr1s"]}
        assert {"/".join(one) for one in [*readings, (figure.recomputed or "").split()[1::2]]} == (
            wanted
        )
        (ppm,) = re.findall(r"([+-]\d+) ppm by the words", figure.source)
        assert int(ppm) == pytest.approx(row["slope_ppm"], abs=10)


def test_a_stream_with_an_inference_that_never_ended_is_said(
    shared_data: Path, mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many starts as stops are counted; and a stream without its first pulse is doubtful."""
    monkeypatch.setenv("TINYBENCH_MIRROR", str(mirror))
    part = "v1.3/closed/STMicroelectronics/results/NUCLEO_U575ZI_Q/sww/performance"
    own = tmp_path / part
    own.mkdir(parents=True)
    for name in ("results.txt", "results.json"):
        shutil.copyfile(shared_data / "streaming/published" / part / name, own / name)
    stored = json.loads((own / "results.json").read_bytes())
    stored[0]["dutycycle"]["stop_times_s"].pop()
    stored[0]["infer"]["detections"].pop(0)
    (own / "results.json").write_text(json.dumps(stored))
    (run,) = audit(tmp_path, cache=tmp_path / "cache").runs
    (duty,) = (one for one in run.figures if one.name == "duty cycle")
    assert "99 inferences in results.json, which began 100 times and ended 99" in duty.source
    (doubt,) = (one for one in run.violations if one.rule == "stream-doubt")
    assert "the one that marks the beginning, within 1 s, was lost" in doubt.found


def test_undecodable_bytes_are_named(published: Audit) -> None:
    """As the v1.3 runner notes them in its log."""
    assert _rules(_run(published, f"v1.3/{L4}-P/kws/accuracy")) == {"undecodable-bytes"}


def test_the_command_audits_a_part_of_a_tree(
    shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As table, JSON and HTML; status 0 for a sound part, 1 for another."""
    page = tmp_path / "audit.html"
    sound = shared_data / "published" / "v1.2"
    assert main(["audit", str(sound), "--to", "html", "-o", str(page)]) == 0
    assert main(["audit", str(sound)]) == 0
    assert "6 figures reproduced, 0 broken rules in 3 runs" in capsys.readouterr().out
    assert "1820.454" in page.read_text(encoding="utf-8")
    broken = shared_data / "published" / "v1.1"
    assert main(["audit", str(broken), "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert not document["valid"]
    assert document["runs"][0]["figures"][1]["recomputed"] == "7019.085"
