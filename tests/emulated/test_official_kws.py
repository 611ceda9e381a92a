"""The main job on the official inputs, against the published log of the real reference board."""

import json
import re
import subprocess
from pathlib import Path

import msgspec
import pytest

from tests.program import TINYBENCH, tinybench
from tinybench.runner.results.result import Result, read_result

LOG = "published/v0.5/closed/reference/results/Nucleo-L4R5ZI/kws/accuracy/log.txt"
TIMEOUT_S = 600


@pytest.fixture(scope="module")
def folder(mirror: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run folder of the default run after `tinybench fetch kws`."""
    scratch = tmp_path_factory.mktemp("official")
    environment = {"PATH": "/usr/bin:/bin", "TINYBENCH_MIRROR": str(mirror)}
    environment["TINYBENCH_CACHE"] = str(scratch / "cache")
    for words in (["fetch", "kws"], ["--task", "kws", "--json", "--out", str(scratch / "run")]):
        done = subprocess.run(
            [*TINYBENCH, *words],
            env=environment,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    (scratch / "run" / "printed.json").write_text(done.stdout)
    return scratch / "run"


@pytest.fixture(scope="module")
def result(folder: Path) -> Result:
    """What that run stored."""
    return read_result(folder)


def test_901_of_the_1000_official_inputs_are_right(result: Result) -> None:
    """As with the reference kernels of TensorFlow Lite Micro."""
    assert result.accuracy is not None
    assert (result.accuracy.correct, result.accuracy.count) == (901, 1000)


def test_every_output_is_that_of_the_published_log_of_the_real_board(
    result: Result, shared_data: Path
) -> None:
    """The v0.5 log has three decimals, cut off; ours prints the same, digit for digit."""
    text = (shared_data / LOG).read_text()
    names = re.findall(r'Command "bload dut ".*/(\S+\.bin)""', text)
    published = dict(zip(names, re.findall(r"dut: m-results-\[(.*)\]", text), strict=True))
    assert result.accuracy is not None
    ours = {answer.input: answer.results for answer in result.accuracy.answers}
    assert len(published) == 1000
    assert ours == published


def test_the_windows_keep_the_rules_and_agree_to_the_instruction(result: Result) -> None:
    """Five windows of at least 10 s emulated; the work hardly depends on the input."""
    performance = result.performance
    assert performance is not None
    assert len(performance.windows) == 5
    assert min(window.elapsed_us for window in performance.windows) >= 10_000_000
    assert performance.instructions_per_inference is not None
    per_window = [window.elapsed_us / window.iterations for window in performance.windows]
    assert max(per_window) - min(per_window) < 1e-5 * min(per_window)


def test_the_json_document_says_that_the_figures_are_emulated(folder: Path) -> None:
    """`--json` prints one document, with the labels beside the figures."""
    document = json.loads((folder / "printed.json").read_text())
    assert document["board"] == "mps2-an386"
    assert document["task"] == "kws"
    assert document["mode"] == "all"
    assert document["dataset"] == "official"
    assert document["valid"] is True
    assert document["violations"] == []
    assert document["accuracy"]["top1"] == 0.901
    assert document["accuracy"]["count"] == 1000
    assert document["performance"]["throughput_per_s"] > 0
    assert document["performance"]["instructions_per_inference"] < 7_900_000
    assert document["emulated"] is True
    assert any("not a measurement" in caveat for caveat in document["caveats"])
    assert Path(document["run_dir"]) == folder


def test_a_stored_result_that_was_edited_is_judged_so(folder: Path, tmp_path: Path) -> None:
    """`tinybench check` computes scores and hashes again."""
    copy = tmp_path / "copy"
    subprocess.run(["cp", "-r", str(folder), str(copy)], check=True)
    good = tinybench("check", str(copy), "--json")
    assert good.returncode == 0

    stored = msgspec.json.decode((copy / "result.json").read_bytes())
    stored["accuracy"]["top1"] = 0.95
    (copy / "result.json").write_bytes(msgspec.json.encode(stored))
    (copy / "board.toml").write_text("# another board\n")
    bad = tinybench("check", str(copy), "--json")
    broken = {violation["rule"] for violation in json.loads(bad.stdout)["violations"]}
    assert bad.returncode == 1
    assert {"accuracy-recomputed", "sealed", "stored-files"} <= broken
