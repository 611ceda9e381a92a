"""The workflow of docs/ci.md: its steps are run here, so they are known to work."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests import ROOT
from tinybench.runner.cli import main
from tinybench.runner.cli.root import root
from tinybench.runner.cli.tree import leaves
from tinybench.runner.pytest_plugin import FLAGS, OPTIONS
from tinybench.runner.results.result import read_result

WORKFLOW = ROOT / ".github" / "workflows" / "bench.yml"
DOCS = ROOT / "docs" / "ci.md"
BASELINE = Path(".github") / "bench-baseline.json"
WRITE_BASELINE = f".venv/bin/tinybench baseline write build/bench -o {BASELINE}"
TOOLS = "apt-get update && apt-get install -y --no-install-recommends ca-certificates git make"
DEBIAN_12_GCC = "12.2"


def _steps(job: str) -> dict[str, str]:
    """Return {name: command} of a job's steps."""
    steps = yaml.safe_load(WORKFLOW.read_text())["jobs"][job]["steps"]
    return {step["name"]: step["run"] for step in steps if "run" in step}


def _run(command: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Run a step as GitHub does: bash, which fails with the first command that fails."""
    environment = os.environ | {"GITHUB_STEP_SUMMARY": str(folder / "summary.md")}
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a job has after `make setup` and its step "measure"."""
    folder = tmp_path_factory.mktemp("checkout")
    (folder / ".venv").symlink_to(sys.prefix)
    shutil.copytree(ROOT / ".github", folder / ".github")
    done = _run(_steps("emulated")["measure"], folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_the_workflow_keeps_the_published_schema_of_workflows() -> None:
    """No misspelt key, which GitHub would find out only when it is too late."""
    words = ["check_jsonschema", "--builtin-schema", "vendor.github-workflows", str(WORKFLOW)]
    done = subprocess.run([sys.executable, "-m", *words], capture_output=True, check=False)
    assert done.returncode == 0, done.stdout.decode()


def test_what_is_set_up_is_what_the_makefile_sets_up() -> None:
    """`make setup` is what users and `make test` begin with."""
    assert _steps("emulated")["tools"] == TOOLS
    assert _steps("emulated")["set up"] == _steps("board")["set up"] == "make setup"
    assert "setup:" in (ROOT / "Makefile").read_text()


def test_the_gate_passes_what_has_not_changed(checkout: Path) -> None:
    """Against a baseline that was just written by the command of the documentation."""
    assert f"    {WRITE_BASELINE}\n" in DOCS.read_text()
    assert _run(WRITE_BASELINE, checkout).returncode == 0
    done = _run(_steps("emulated")["gate"], checkout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "instructions" in (checkout / "summary.md").read_text()


def test_the_gate_stops_a_regression_and_says_which(checkout: Path, tmp_path: Path) -> None:
    """Two per cent more instructions than the baseline has."""
    folder = tmp_path / "checkout"
    shutil.copytree(checkout, folder, symlinks=True)
    assert _run(WRITE_BASELINE, folder).returncode == 0
    baseline = json.loads((folder / BASELINE).read_bytes())
    baseline["runs"][0]["metrics"]["instructions"]["value"] /= 1.02
    (folder / BASELINE).write_text(json.dumps(baseline))
    done = _run(_steps("emulated")["gate"], folder)
    assert done.returncode == 1
    assert "instructions>1%" in done.stdout.replace("\\", "").replace("&gt;", ">")


def test_the_committed_baseline_is_that_of_this_firmware(checkout: Path) -> None:
    """It can be compared with a run of today; with the compiler of the job, it passes the gate."""
    folder = checkout / "committed"
    folder.mkdir()
    (folder / ".venv").symlink_to(sys.prefix)
    (folder / "build").symlink_to(checkout / "build")
    shutil.copytree(ROOT / ".github", folder / ".github")
    done = _run(_steps("emulated")["gate"], folder)
    told = read_result(checkout / "build" / "bench" / "kws-mps2-an386").firmware
    assert told is not None
    allowed = {0} if DEBIAN_12_GCC in told.compiler else {0, 1}
    assert done.returncode in allowed, (
        f"{done.stdout}{done.stderr}\nwhere that is meant, write the baseline again: run the step "
        f"'measure' of {WORKFLOW.name} without a cache of official inputs, then: {WRITE_BASELINE}"
    )


def test_summary_and_report_are_written_whatever_came_out(checkout: Path) -> None:
    """A table for the job's summary, and a page for the artefacts."""
    for name in ("summary", "report"):
        done = _run(_steps("emulated")[name], checkout)
        assert done.returncode == 0, done.stderr
    assert "| kws | mps2-an386 | valid |" in (checkout / "summary.md").read_text()
    assert (checkout / "build" / "bench" / "report.html").is_file()


def _commands() -> list[str]:
    """Return the tinybench commands of the job on a real board, and of the documentation."""
    found = [
        command.replace("$BOARD", "nucleo-l4r5").split(" | ")[0]
        for command in _steps("board").values()
    ]
    found += re.findall(r"^    (\.venv/bin/tinybench .*)$", DOCS.read_text(), re.MULTILINE)
    return [command for command in found if "tinybench" in command]


@pytest.mark.parametrize("command", _commands())
def test_every_command_is_one_that_tinybench_takes(
    command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The steps on a real board cannot be run here; a slip in their options can be seen."""
    words = shlex.split(command)[1:]
    asked: list[str] = []
    for path, leaf in leaves(root):
        monkeypatch.setattr(leaf, "do", lambda *_, path=path, **__: asked.append(path) or 0)
    assert main(words) == 0
    assert len(asked) == 1


def test_the_options_of_the_plugin_are_documented() -> None:
    """Each of them, and no other."""
    found = re.findall(r"^\| `--tinybench-(\w+)` \|", DOCS.read_text(), re.MULTILINE)
    assert sorted(found) == sorted([*OPTIONS, *FLAGS])


def test_the_tests_of_the_documentation_pass(tmp_path: Path) -> None:
    """The example of docs/ci.md, on the emulated board."""
    (example,) = re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL)
    (tmp_path / "test_example.py").write_text(example)
    words = [sys.executable, "-m", "pytest", "-q"]
    done = subprocess.run(
        [*words, "--tinybench-board", "mps2-an386", "--tinybench-update"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "3 passed" in done.stdout, done.stdout
