"""The action for other repositories: its own steps are read here, and run in two of those."""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml

from tests import ROOT
from tests.runner.compare.test_store import stored
from tinybench.runner.cli.root import root
from tinybench.runner.cli.tree import leaves
from tinybench.runner.compare.baseline import write_baseline

ACTION = ROOT / "action.yml"
GITLAB = ROOT / "templates" / "gate.yml"
CONTAINER = ROOT / "Containerfile"
INPUT = re.compile(r"\$\{\{ inputs\.([a-z-]+) \}\}")
ENGINE = """\
#include "model.h"

const char model_id[] = TB_MODEL_ID;
const uint32_t model_input_b = 490;
_Alignas(4) uint8_t model_input[490];
const uint8_t model_input_flip = 0;
const uint32_t model_result_count = 12;
const uint32_t model_result_decimals = 3;
const bool model_result_rounded = false;
const uint32_t model_layer_count = 1;
static int32_t sums[12];

void model_load(void) {
}

int model_infer(void) {
    for (uint32_t i = 0; i < 12; i++) {
        sums[i] = 0;
        for (uint32_t k = i; k < 490; k += 12) {
            sums[i] += (int8_t)model_input[k];
        }
    }
    return 0;
}

int model_infer_layer(uint32_t index) {
    (void)index;
    return model_infer();
}

void model_finish(void) {
}

float model_result(uint32_t index) {
    return (float)sums[index];
}
"""
PROFILE = """\
name = "moment"
title = "as little as can be judged"
source = "these tests"
accuracy_inputs = 10
window_min_s = 0.02
"""


@dataclass(frozen=True)
class Step:
    """How a step ended, and what it told GitHub."""

    status: int
    log: str
    outputs: dict[str, str] = field(default_factory=dict)
    summary: str = ""

    @property
    def obeyed(self) -> list[str]:
        """The workflow commands that GitHub would obey."""
        found: list[str] = []
        token = None
        for line in self.log.splitlines():
            if token is not None:
                token = None if line.strip() == f"::{token}::" else token
            elif line.startswith("::stop-commands::"):
                token = line.removeprefix("::stop-commands::")
            elif line.lstrip().startswith("::"):
                found.append(line)
        return found


def _action() -> dict[str, Any]:
    return yaml.safe_load(ACTION.read_text())


def _step(name: str) -> dict[str, Any]:
    (found,) = (step for step in _action()["runs"]["steps"] if step["name"] == name)
    return found


def _run(step: str, repository: Path, **given: str) -> Step:
    """Run a step of the action as GitHub does, with the inputs that a workflow gives."""
    known = _action()["inputs"]
    assert given.keys() <= {name.replace("-", "_") for name in known}
    values = {
        name: str(given.get(name.replace("-", "_"), words.get("default", "")))
        for name, words in known.items()
    }
    asked = _step(step).get("env", {})
    outputs, summary = repository.parent / "outputs", repository.parent / "summary.md"
    outputs.write_text("")
    summary.write_text("")
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", _step(step)["run"]],
        cwd=repository,
        env={
            **os.environ,
            **{name: INPUT.sub(lambda m: values[m[1]], text) for name, text in asked.items()},
            "GITHUB_ACTION_PATH": str(repository.parent / "action"),
            "GITHUB_WORKSPACE": str(repository),
            "GITHUB_OUTPUT": str(outputs),
            "GITHUB_STEP_SUMMARY": str(summary),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=240,
        check=False,
    )
    found = re.findall(r"^(\w+)<<(\w+)\n(.*?)\n\2$", outputs.read_text(), re.M | re.S)
    said = {name: word for name, _, word in found}
    return Step(done.returncode, done.stdout, said, summary.read_text())


def _foreign(folder: Path) -> Path:
    """Return an empty repository of others, beside which the action is checked out."""
    action = folder / "action"
    action.mkdir()
    shutil.copytree(ROOT / ".ci", action / ".ci")
    (action / ".venv").symlink_to(sys.prefix)
    repository = folder / "foreign"
    repository.mkdir()
    return repository


@pytest.fixture(scope="module")
def foreign_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with a .tflite, and the baseline that its first gate gave."""
    repository = _foreign(tmp_path_factory.mktemp("model"))
    shutil.copy(ROOT / "models" / "embedded" / "ad01.tflite", repository / "model.tflite")
    done = _run("gate", repository, model="model.tflite")
    assert (done.status, done.outputs["verdict"]) == (2, "no-baseline"), done.log
    assert [line.partition("::")[0] for line in done.obeyed] == [""]
    assert "no-baseline" not in done.obeyed[0]
    assert "tinybench: no baseline" in done.obeyed[0].replace("%3A", ":")
    made = repository / "tinybench-gate" / "baseline.json"
    shutil.copy(made, repository / "tinybench-baseline.json")
    return repository


def test_a_repository_with_a_model_passes_what_has_not_changed(foreign_model: Path) -> None:
    """The baseline of the first run, committed, is one that the next run keeps."""
    done = _run("gate", foreign_model, model="model.tflite", out="second")
    assert done.status == 0, done.log
    assert done.outputs == {
        "verdict": "passed", "summary": "second/summary.md", "folder": "second",
    }  # fmt: skip
    assert done.obeyed == []
    assert done.summary.startswith("## tinybench: gate passed; gates passed: 3 of 3; 0 of ")
    assert "data:image/svg+xml;base64," in done.summary
    assert {path.name for path in (foreign_model / "second").iterdir()} == {
        "run", "baseline.json", "summary.md", "report.html", "rules.xml", "gates.xml",
        "changes.svg", "comparison.json",
    }  # fmt: skip


def test_a_regression_is_annotated_where_it_can_be_changed(foreign_model: Path) -> None:
    """Two gates of three fail at the lines of the baseline; the third passes."""
    baseline = json.loads((foreign_model / "tinybench-baseline.json").read_bytes())
    metrics = baseline["runs"][0]["metrics"]
    metrics["instructions"]["value"] -= 1
    metrics["flash"]["value"] -= 2048
    told = foreign_model / "stricter.json"
    told.write_text(json.dumps(baseline, indent=1))
    done = _run(
        "gate", foreign_model, model="model.tflite", out="third", baseline="stricter.json",
        fail_on="instructions>0\nflash>1KiB\n\nram>0B\n",
    )  # fmt: skip
    assert (done.status, done.outputs["verdict"]) == (1, "failed"), done.log
    assert "gates passed: 1 of 3" in done.summary
    first, second = done.obeyed
    for line, gate, metric in (
        (first, "instructions>0", "instructions"),
        (second, "flash>1KiB", "flash"),
    ):
        match = re.match(r"::error file=stricter\.json,line=(\d+),title=gate ([^:]*)::", line)
        assert match is not None, line
        assert match[2] == gate
        assert f'"{metric}"' in told.read_text().splitlines()[int(match[1]) - 1]
    cases = ET.parse(foreign_model / "third" / "gates.xml").getroot().findall(".//testcase")  # noqa: S314
    failed = {case.attrib["name"]: case.find("failure") is not None for case in cases}
    assert failed == {"instructions>0": True, "flash>1KiB": True, "ram>0B": False}


def test_inputs_are_words_and_no_commands(foreign_model: Path) -> None:
    """What a pull request may choose is neither run by a shell nor obeyed by GitHub."""
    hurt = foreign_model / "hurt"
    name = f"$(touch {hurt});`touch {hurt}`\n::error::forged"
    done = _run("gate", foreign_model, model=name, fail_on=f"ram>0B\n$(touch {hurt})", out="x")
    assert done.status == 2
    assert not hurt.exists()
    assert done.outputs == {"verdict": "error"}
    (line,) = done.obeyed
    assert line.startswith("::error title=tinybench::")
    assert all("${{" not in step.get("run", "") for step in _action()["runs"]["steps"])


@pytest.fixture(scope="module")
def foreign_firmware(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with an inference engine of its own, and a profile."""
    repository = _foreign(tmp_path_factory.mktemp("firmware"))
    (repository / "src").mkdir()
    (repository / "src" / "engine.c").write_text(ENGINE)
    (repository / "moment.toml").write_text(PROFILE)
    return repository


def test_a_repository_with_firmware_updates_its_baseline(foreign_firmware: Path) -> None:
    """Its engine is built into the firmware and measured; what it was asked for is written.

    Also where the old one cannot be compared with, for it answered other inputs.
    """
    baseline = foreign_firmware / "tinybench-baseline.json"
    write_baseline([stored(foreign_firmware.parent / "old", board="mps2-an386")], baseline)
    done = _run(
        "gate", foreign_firmware, task="kws", engine="src", board="mps2-an386",
        profile="moment.toml", update="true",
    )  # fmt: skip
    assert (done.status, done.outputs["verdict"]) == (0, "updated"), done.log
    assert [line.partition(" ")[0] for line in done.obeyed] == ["::warning"]
    assert "not compared with the old baseline: kws on mps2-an386" in done.log
    (run,) = json.loads(baseline.read_bytes())["runs"]
    assert (run["task"], run["board"]) == ("kws", "mps2-an386")
    assert run["metrics"]["instructions"]["value"] > 490


def test_a_mistake_in_the_firmware_is_annotated_at_its_line(foreign_firmware: Path) -> None:
    """As the compiler says it, in the file of the pull request."""
    source = foreign_firmware / "src" / "engine.c"
    source.write_text(ENGINE.replace("sums[i] = 0;", "sums[i] = nothing;"))
    done = _run(
        "gate", foreign_firmware, task="kws", engine="src", board="mps2-an386",
        profile="moment.toml", out="broken",
    )  # fmt: skip
    source.write_text(ENGINE)
    assert (done.status, done.outputs) == (3, {"verdict": "error"}), done.log
    number = ENGINE.splitlines().index("        sums[i] = 0;") + 1
    assert done.obeyed[0].startswith(f"::error file=src/engine.c,line={number}::"), done.obeyed
    assert "nothing" in done.obeyed[0]


def test_setting_up_beside_another_repository_needs_no_makefile_there(
    foreign_firmware: Path,
) -> None:
    """The action brings its own, and what it downloads lies where the cache looks for it."""
    action = foreign_firmware.parent / "action"
    shutil.copy(ROOT / "Makefile", action)
    home = foreign_firmware.parent / "home"
    home.mkdir()
    (action / "pyproject.toml").write_text("")
    os.utime(action / "pyproject.toml", (0, 0))  # older than the environment, which is whole
    done = subprocess.run(
        ["bash", "-e", "-c", _step("set up")["run"]],
        cwd=foreign_firmware,
        env={**os.environ, "GITHUB_ACTION_PATH": str(action), "HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    kept = _step("toolchain, as it was kept")["with"]["path"]
    assert (home / kept.removeprefix("~/") / "apt.conf").is_file()


def test_the_files_for_ci_systems_keep_their_published_schemas() -> None:
    """No misspelt key, which GitHub or GitLab would find out only when it is too late."""
    for schema, path in (("github-actions", ACTION), ("gitlab-ci", GITLAB)):
        words = ["check_jsonschema", "--builtin-schema", f"vendor.{schema}", str(path)]
        done = subprocess.run([sys.executable, "-m", *words], capture_output=True, check=False)
        assert done.returncode == 0, done.stdout.decode()


def test_every_input_reaches_the_gate() -> None:
    """By a variable that the script reads, as an option that the command has; in GitLab, too."""
    script = (ROOT / ".ci" / "gate").read_text()
    names = re.search(r"for name in ([a-z ]+); do", script)
    assert names is not None
    (gate,) = (command for path, command in leaves(root) if path == "gate")
    options = {option for one in gate.params for option in one.opts}
    assert {f"--{name}" for name in names[1].split()} <= options
    known = {f"TINYBENCH_GATE_{name.upper()}" for name in names[1].split()}
    known |= set(re.findall(r"TINYBENCH_GATE_[A-Z_]+[A-Z]", script))
    given = _step("gate")["env"]
    assert set(given) == known
    assert {INPUT.sub(r"\1", text) for text in given.values()} == (
        _action()["inputs"].keys() - {"artifact"}
    )
    job = yaml.safe_load(GITLAB.read_text())["tinybench"]
    named = {name for name in job["variables"] if name.startswith("TINYBENCH_GATE_")}
    assert named <= known
    assert job["artifacts"]["paths"] == [job["variables"]["TINYBENCH_GATE_OUT"]]


def test_the_container_is_made_of_steps_that_exist() -> None:
    """Each instruction is known, and the checkout has the target that it makes."""
    text = re.sub(r"^#.*\n", "", CONTAINER.read_text(), flags=re.M).replace("\\\n", " ")
    lines = [line.split(None, 1) for line in text.splitlines() if line.strip()]
    assert [word for word, _ in lines] == [
        "FROM", "RUN", "COPY", "RUN", "ENV", "WORKDIR", "ENTRYPOINT",
    ]  # fmt: skip
    steps = [rest for word, rest in lines if word == "RUN"]
    for step in steps:
        checked = subprocess.run(["sh", "-n", "-c", step], capture_output=True, check=False)
        assert checked.returncode == 0, checked.stderr
    assert re.search(r"make -C /opt/tinybench setup ", steps[1])
    assert json.loads(lines[-1][1]) == ["tinybench"]
    ignored = (ROOT / ".containerignore").read_text().split()
    assert {".git", ".venv"} <= set(ignored)  # an environment of another place does not run there
