"""The result document of MLPerf Mobile, of scenarios and other runs."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.program import tinybench
from tests.runner.compare.test_change import put
from tests.runner.results.a_result import good_result
from tinybench.runner import cli
from tinybench.runner.results.result import Environment, Result
from tinybench.runner.results.scenario import Asked, Query
from tinybench.runner.results.scenario.score import score

RUN = {
    "throughput", "accuracy", "accuracy2", "dataset", "measured_duration", "measured_samples",
    "start_datetime", "loadgen",
}  # fmt: skip
SPECIFIED: dict[str, set[str]] = {
    "": {"meta", "results", "environment_info", "build_info"},
    "meta": {"uuid", "creation_date", "upload_date"},
    "environment_info": {"platform", "value"},
    "environment_info.value": {"android", "ios", "windows"},
    "build_info": {
        "version", "build_number", "build_date", "official_release_flag", "dev_test_flag",
        "backend_list", "git_branch", "git_commit", "git_dirty_flag",
    },
    "results.0": {
        "benchmark_id", "benchmark_name", "loadgen_scenario", "backend_settings", "backend_info",
        "performance_run", "accuracy_run", "min_duration", "min_samples",
    },
    "results.0.backend_settings": {
        "accelerator_code", "accelerator_desc", "framework", "delegate", "model_path", "batch_size",
        "extra_settings",
    },
    "results.0.backend_settings.extra_settings.0": {"id", "name", "value", "value_name"},
    "results.0.backend_info": {"filename", "vendor_name", "backend_name", "accelerator_name"},
    "results.0.performance_run.throughput": {"value"},
    "results.0.performance_run.loadgen": {
        "query_count", "latency_mean", "latency90", "is_min_duration_met", "is_min_query_met",
        "is_early_stopping_met", "is_result_valid",
    },
    "results.0.performance_run.dataset": {"name", "type", "data_path", "groundtruth_path"},
    "results.0.accuracy_run.accuracy": {"normalized", "formatted"},
    "results.0.performance_run": RUN,
    "results.0.accuracy_run": RUN,
}  # fmt: skip
"""The keys of each map. Ref: mlcommons/mobile_app_open, tools/extended_result_schema.json."""


def a_scenario(**changed: object) -> Result:
    """Return a run of a hundred queries one after the other on a board."""
    asked = Asked(name="single-stream", min_queries=64, min_duration_s=1.0)
    queries = [Query([0], [50_000 + number], 60_000, ["1.0"]) for number in range(100)]
    found = score(asked, queries, None, emulated=False)
    changed = {"scenario": found, "emulated": False, "board": "mine"} | changed
    return good_result(mode="scenario", accuracy=None, performance=None, **changed)


def _at(document: Any, path: str) -> Any:
    for part in filter(None, path.split(".")):
        document = document[int(part) if part.isdigit() else part]
    return document


def test_the_document_has_every_section_and_key_and_no_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a scenario and an accuracy run of one task on one board: one result with both."""
    told = Environment(ambient_c=22.5, supply_v=3.3)
    put(tmp_path / "a", a_scenario(environment=told))
    put(tmp_path / "b", good_result(emulated=False, board="mine"))
    cli.main(["report", str(tmp_path), "--to", "mlperf-mobile-json"])
    document = json.loads(capsys.readouterr().out)
    for path, keys in SPECIFIED.items():
        assert set(_at(document, path)) == keys, path
    (one,) = document["results"]
    run = one["performance_run"]
    assert run["throughput"]["value"] == pytest.approx(1 / 0.05009)
    assert run["measured_samples"] == run["loadgen"]["query_count"] == 100
    assert one["accuracy_run"]["accuracy"] == {"normalized": 0.901, "formatted": "90.1%"}
    extra = {line["id"]: line["value"] for line in one["backend_settings"]["extra_settings"]}
    assert (extra["ambient"], extra["supply"]) == ("22.5", "3.3")


def test_an_emulated_run_is_called_so_in_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Among the settings: the form has no other place."""
    put(tmp_path / "a", a_scenario(emulated=True))
    cli.main(["report", str(tmp_path), "--to", "mlperf-mobile-json"])
    assert "emulated: time is an instruction count" in capsys.readouterr().out


def test_what_has_no_place_in_the_form_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run with neither queries nor answers; exit status 2, and what to run."""
    put(tmp_path / "a", good_result(mode="performance", accuracy=None))
    words = ["report", str(tmp_path), "--to", "mlperf-mobile-json", "-o", str(tmp_path / "out")]
    assert cli.main(words) == 2
    assert "accuracy mode" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_two_runs_of_a_kind_are_no_one_result(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both are named."""
    put(tmp_path / "a", a_scenario())
    put(tmp_path / "b", a_scenario())
    assert cli.main(["report", str(tmp_path), "--to", "mlperf-mobile-json"]) == 2
    assert "have a performance run" in capsys.readouterr().err


def test_where_the_board_stood_is_recorded(tmp_path: Path) -> None:
    """Temperature and supply, as stated, in the result, its journal and what is shown."""
    words = ["--board", "host", "--task", "kws", "--mode", "accuracy", "--limit", "5"]
    out = tmp_path / "run"
    done = tinybench(*words, "--ambient", "21.5", "--supply", "3.3", "-o", str(out))
    assert "environment  21.5 °C, 3.3 V, as stated" in done.stdout
    told = msgspec.json.decode((out / "result.json").read_bytes())["environment"]
    assert told == {"ambient_c": 21.5, "supply_v": 3.3}
    checked = tinybench("check", str(out), "--profile", "submission", "--rules")
    line = next(line for line in checked.stdout.splitlines() if line.startswith("ambient "))
    assert "kept" in line
    assert "a room of 20 to 25 °C" in line
    for wrong in (["--ambient", "hot"], ["--ambient", "500"], ["--supply", "0"]):
        assert tinybench(*words, *wrong).returncode == 2
