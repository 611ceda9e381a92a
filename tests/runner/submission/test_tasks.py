"""Every task of MLPerf Tiny that can be run makes the same round trip: submitted, then audited."""

from pathlib import Path

import numpy as np
import pytest

from tests.runner.results.a_result import good_result
from tests.runner.submission import checker
from tinybench.datasets.declaration import load_dataset, title_of
from tinybench.runner.audit.audit import audit
from tinybench.runner.build.task import Task, load_task
from tinybench.runner.results import score
from tinybench.runner.results.result import (
    Answer,
    InputsUsed,
    Performance,
    Result,
    Window,
    write_result,
)
from tinybench.runner.submission.tree import submit

COUNTS = {"kws": 1000, "vww": 1000, "ic": 200, "ic02": 200, "ad": 248}
WINDOWS_OF_A_FILE = 3
"""Of ad; the official files have 196, which takes longer."""


def _answers(task: Task) -> list[Answer]:
    """Return answers of which nearly all are right, with as many decimals as the task prints."""
    chance = np.random.default_rng(COUNTS[task.name])
    found = []
    for number in range(COUNTS[task.name]):
        label = number % len(task.classes)
        if task.result == "mse":
            name = f"{'anomaly' if label else 'normal'}_id_01_{number:08d}.bin"
            middle = 14.0 if label else 10.0
            values = [chance.normal(middle, 1.5) for _ in range(WINDOWS_OF_A_FILE)]
            text = ",".join(f"{value:.{task.result_decimals}f}" for value in values)
            found.append(Answer(name, label, text, [5000 + n for n in range(WINDOWS_OF_A_FILE)]))
            continue
        guess = label if chance.random() < 0.95 else (label + 1) % len(task.classes)
        values = [0.0] * len(task.classes)
        values[guess] = 0.6 + 0.4 * chance.random()
        values[(guess + 1) % len(values)] = 1 - values[guess]
        text = ",".join(f"{value:.{task.result_decimals}f}" for value in values)
        found.append(Answer(f"{number:012d}.bin", label, text, [5000 + number]))
    return found


def _result(name: str) -> Result:
    task = load_task(name)
    answers = _answers(task)
    windows = [
        Window(
            a.input,
            2000 + n,
            1,
            10_100_000 + 37 * n,
            _first(a, task),
            single_us=5050,
            single_results=_first(a, task),
        )
        for n, a in enumerate(answers[:5])
    ]
    rate = score.median_throughput_per_s(windows)
    dataset = load_dataset(task.dataset)
    used = dataset.lists[0]
    title, sha256 = title_of(dataset, used), used.sha256 or "0" * 64
    return good_result(
        inputs=InputsUsed(title, "official inputs", sha256, len(answers)),
        task=name,
        model_id=task.model_id,
        board="mps2-an386",
        emulated=False,
        time_base="clock of the board",
        accuracy=score.accuracy(answers, task.metric),
        performance=Performance(rate, 1 / rate, None, windows),
    )


def _first(answer: Answer, task: Task) -> str:
    return ",".join(answer.results.split(",")[: task.result_count])


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty mirror: nothing is fetched."""
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    monkeypatch.setenv("TINYBENCH_MIRROR", str(mirror))
    return mirror


def test_all_tasks_make_the_round_trip(tmp_path: Path, offline: Path) -> None:
    """One submission of five tasks; an audit by their label files gives the figures of the runs."""
    results = {name: _result(name) for name in COUNTS}
    labels = tmp_path / "labels"
    for name, result in results.items():
        folder = tmp_path / "runs" / name
        folder.mkdir(parents=True)
        write_result(folder, result)
        dataset = load_dataset(load_task(name).dataset)
        assert result.accuracy is not None
        count = len(load_task(name).classes)
        sliding = f",{dataset.input_b},{dataset.stride_b}" if dataset.stride_b else ""
        lines = [f"{a.input},{count},{a.label}{sliding}\n" for a in result.accuracy.answers]
        (labels / dataset.name).mkdir(parents=True, exist_ok=True)
        (labels / dataset.name / dataset.labels).write_text("".join(lines))
    (tmp_path / "desk.toml").write_text('Status = "preview"\n')

    made = submit([tmp_path / "runs"], submitter="Me", system=tmp_path / "desk.toml",
                  division="closed", out=tmp_path / "tree")  # fmt: skip
    assert made.refused == []
    assert set(made.tasks) == set(COUNTS)
    assert checker.objections(tmp_path / "tree") == []
    tasks = {path.name for path in (tmp_path / "tree/closed/Me/results/desk").iterdir()}
    assert tasks == {"kws", "vww", "ic", "ic2", "ad"}

    found = audit(tmp_path / "tree", labels, tmp_path / "cache")
    assert found.valid, [(run.path, run.violations) for run in found.runs if run.violations]
    assert (found.reproduced, found.differing, found.not_recomputable) == (15, 0, 0)
    for run in found.runs:
        name = {"ic02": "ic02"}.get(run.task, run.task.removesuffix("01"))
        result = results[name]
        assert result.accuracy is not None
        assert result.performance is not None
        for figure in run.figures:
            ours = {
                "top-1": f"{(result.accuracy.top1 or 0) * 100:.1f}",
                "AUC": f"{result.accuracy.auc or 0:.3f}",
                "throughput": f"{result.performance.throughput_per_s:.3f}",
                "windows": "5",
            }[figure.name]
            assert figure.recomputed == ours, run.path
