"""One model by several engines: a table of what each costs, and why one has no line."""

import json
import os
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.models.packaged import MODELS
from tests.models.tflite_builder import refused as refused_model
from tests.models.tflite_builder import write
from tests.runner.results.a_result import good_result
from tinybench.errors import UsageError
from tinybench.models.compiler import compile_model
from tinybench.runner import cli
from tinybench.runner.build.task import load_task
from tinybench.runner.cli.output import table_text
from tinybench.runner.measure.profile import engine_steps
from tinybench.runner.report.terminal.engines import document, table
from tinybench.runner.results.firmware import EngineUsed, Firmware, Sections
from tinybench.runner.results.result import Reference
from tinybench.runner.rules import judged
from tinybench.runner.rules.judge import Outcome
from tinybench.runner.session.side_by_side import Row, measure_each
from tinybench.track import silent

NO_TREE = "the source tree of TensorFlow Lite Micro (TINYBENCH_TFLM)"


def _row(name: str, instructions: int, arena_b: int | None, equal: int) -> Row:
    result = good_result()
    assert result.performance is not None
    result = replace(
        result,
        performance=replace(result.performance, instructions_per_inference=instructions),
        firmware=Firmware(
            elf_sha256="0" * 64,
            sources_sha256="0" * 64,
            compiler="gcc",
            flash_b=51_504,
            code_flash_b=None,
            ram_b=14_960,
            engine=EngineUsed(
                name, "0" * 64, arena_b=arena_b, layers=12, own_layers={"SOFTMAX": 1, "ADD": 2}
            )
            if name != "tinybench"
            else None,
            sections=Sections(
                text_b=14_812,
                rodata_b=36_628,
                data_b=64,
                bss_b=10_800,
                stack_b=4_096,
                arena_b=arena_b,
            ),
        ),
        reference=Reference(
            computed_by="x", count=20, equal=equal, first_differing="a: b" if equal < 20 else None
        ),
    )
    return Row(name, Outcome(result, judged(result, load_task("kws")), Path(name)))


def test_engines_stand_in_one_table() -> None:
    """What each costs, whether it is exact, and below it what differs or was not run."""
    rows = [
        _row("tinybench", 3_461_785, 8_384, 20),
        _row("tflm", 43_041_141, 22_784, 19),
        Row("mine", None, "operator 0 is\nABS", 2),
    ]
    lines = table_text(table(rows)).splitlines()
    cells = {line.split()[0]: line.split() for line in lines[:4]}
    assert {"3,461,785", "51,504", "14,960", "8,384", "yes"} <= set(cells["tinybench"])
    assert "22,784" in cells["tflm"]
    assert " all " in lines[1]
    assert " 9 of 12 " in lines[2]
    assert "tflm: 3 of 12 layers are done by our plain kernels: SOFTMAX (1), ADD (2)" in lines
    assert "19 of 20" in lines[2]
    assert lines[3].split()[-3:] == ["not", "run", "-"]
    assert lines[6].split() == ["tinybench", "14,812", "36,628", "64", "10,800", "8,384", "4,096"]
    assert lines[7].split()[-2:] == ["22,784", "4,096"]
    assert "mine: operator 0 is\\x0aABS" in lines
    assert "tflm: a: b" in lines
    told = document(rows)["engines"]
    assert [one["run"] and one["run"]["valid"] for one in told[:2]] == [
        not row.outcome.violations for row in rows[:2] if row.outcome
    ]
    assert (told[2]["run"], told[2]["why_not"]) == (None, "operator 0 is\nABS")


def test_an_engine_named_twice_is_a_mistake(tmp_path: Path) -> None:
    """Their runs would have one folder; a tree that nobody names is said before anything runs."""
    words = {"board": "host", "out": tmp_path / "out"}
    model = MODELS / "kws01.tflite"
    with pytest.raises(UsageError, match="tflm, tflm: one of them is named twice"):
        measure_each(model, words, ("tflm", "tflm"), silent, print)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("TINYBENCH_TFLM", raising=False)
        with pytest.raises(UsageError, match="--engine-source DIR"):
            measure_each(model, words, ("tinybench", "tflm"), silent, print)
    assert not (tmp_path / "out").exists()


def test_every_operator_is_a_layer_of_an_engine(tmp_path: Path) -> None:
    """Also those that our compiler leaves out; with its MACs, where it takes the model."""
    path = MODELS / "kws01.tflite"
    manifest = compile_model(path, tmp_path / "c", model_id="kws01")
    steps = engine_steps("tflm", path, manifest)
    assert [entry.operator for entry in steps.entries].count("CONV_2D") == 5
    assert sum(entry.macs for entry in steps.entries) == manifest.macs
    assert steps.engine == "tflm"
    refused = tmp_path / "refused.tflite"
    refused.write_bytes(write(refused_model(16)))
    assert [e.output_shape for e in engine_steps("tflm", refused, None).entries] == [[1, 16]]


@pytest.mark.soak
def test_tensorflow_lite_micro_runs_what_we_refuse(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Built from the user's tree: exact, with an arena, layers, and beside our own engine."""
    if not os.environ.get("TINYBENCH_TFLM"):
        pytest.skip(f"{NO_TREE} is not named")
    refused = tmp_path / "refused.tflite"
    refused.write_bytes(write(refused_model(16)))
    words = ["--board", "mps2-an386", "--engine", "tinybench", "--engine", "tflm-cmsis-nn", "-o"]
    assert cli.main(["model", str(refused), *words, str(tmp_path / "refused")]) == 2
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split()[-3:] == ["not", "run", "-"]
    assert lines[2].split()[-3:-1] == ["yes", "valid"]
    assert "GATHER: batch dimensions 1; 0 is supported" in lines[3]
    assert cli.main(["model", str(MODELS / "kws01.tflite"), *words, str(tmp_path / "kws")]) == 0
    assert " yes " in capsys.readouterr().out.splitlines()[2]
    profile = json.loads((tmp_path / "kws" / "tflm-cmsis-nn" / "profile.json").read_bytes())
    assert profile["engine"] == "tflm-cmsis-nn"
    assert sum(layer["microseconds"] for layer in profile["layers"]) == pytest.approx(
        profile["inference_us"], rel=0.05
    )
