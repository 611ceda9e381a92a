"""Profiles of a model's layers."""

import csv
import io
import json
import re
from pathlib import Path

import pytest
from rich.console import Console

from tests.firmware import dut_process
from tests.models import tflite_builder
from tests.models.tflite_builder import Model, Operator, Tensor
from tests.runner.desk.desk_board import FLASH, desk_board
from tinybench.errors import ProtocolError
from tinybench.models.compiler import compile_model
from tinybench.runner import cli
from tinybench.runner.build.board import load_board, names
from tinybench.runner.build.firmware import build
from tinybench.runner.build.inputs import resolve
from tinybench.runner.build.task import load_task
from tinybench.runner.measure.profile import Profile, layer_times, profile
from tinybench.runner.report.terminal.profile import as_csv, as_trace, table


@pytest.mark.parametrize(
    ("board", "task"),
    [("mps2-an386", "kws"), ("mps2-an386", "ad"), ("mps3-an547", "ic"), ("mps2-an386", "sww")],
)
def test_layers_add_up_to_the_inference(board: str, task: str) -> None:
    """On an emulated board the layers' sum is the whole inference within 1 %, in every format."""
    found = profile(load_board(board), load_task(task))
    total_us = sum(layer.microseconds for layer in found.layers)
    assert found.emulated
    assert total_us == pytest.approx(found.inference_us, rel=0.01)
    assert sum(layer.share for layer in found.layers) == pytest.approx(1)
    rows = list(csv.DictReader(io.StringIO(as_csv(found))))
    assert [int(row["index"]) for row in rows] == [layer.index for layer in found.layers]
    for row, layer in zip(rows, found.layers, strict=True):
        assert float(row["instructions"]) == layer.instructions
        assert (int(row["macs"]), int(row["flash_b"])) == (layer.macs, layer.flash_b)
        assert int(row["computed_macs"]) == layer.computed_macs
        per_mac = row["instructions_per_mac"]
        assert per_mac == ("" if not layer.macs else str(layer.instructions_per_mac))
    events = json.loads(as_trace(found))["traceEvents"]
    assert len(events) == len(found.layers) + 1
    _assert_nested(events)
    shown = _shown(found)
    assert all(word in shown for word in ("MACs", "instructions", "per MAC", "share", "flash B"))
    assert "not a measurement" in shown
    assert found.cycles is not None
    assert "estimated" in shown
    assert "est. cycles low high per MAC limited by" in shown
    within = _shown(found, summed=False)  # in a report, which says these by itself
    assert ("limited by:" in shown, "limited by:" in within) == (True, False)
    assert "est. cycles low high per MAC limited by" in within
    assert found.cycles.low < found.cycles.usual < found.cycles.high
    measured = found.inference_us * 1000 / load_board(board).instruction_ns
    assert found.cycles.instructions == pytest.approx(measured, rel=0.005)
    by_layer = [layer.cycles for layer in found.layers if layer.cycles is not None]
    assert len(by_layer) == len(found.layers)
    assert sum(one.usual for one in by_layer) == pytest.approx(found.cycles.usual, rel=0.01)
    assert sum(float(row["cycles"]) for row in rows) == sum(one.usual for one in by_layer)
    # No core has a softmax of its own; ad is fully connected layers alone.
    assert ("plain kernels, for want of" in shown) == (task != "ad")


def _assert_nested(events: list[dict]) -> None:
    """Every layer is a slice inside the inference, none begins before the last one ends."""
    whole, *layers = events
    end_us = whole["ts"]
    for event in layers:
        assert (event["ph"], event["pid"], event["tid"]) == ("X", whole["pid"], whole["tid"])
        assert event["ts"] == pytest.approx(end_us)
        end_us = event["ts"] + event["dur"]
    assert end_us == pytest.approx(whole["ts"] + whole["dur"])


def _shown(found: Profile, *, summed: bool = True) -> str:
    console = Console(width=100, file=io.StringIO())
    with console.capture() as capture:
        console.print(table(found, summed=summed))
    return " ".join(capture.get().split())


def test_more_layers_than_there_is_room_for_are_timed_in_turns(tmp_path: Path) -> None:
    """Each once, in their order; what they compute is what an inference does."""
    tensor = Tensor([1, 4], scales=[0.1], zero_points=[0])
    adds = [Operator("ADD", [number, 0], [number + 1]) for number in range(300)]
    model = Model([tensor] * 301, adds, [0], [300])
    compile_model(tflite_builder.write(model), tmp_path, model_id="long01")
    text = (tmp_path / "model.c").read_text()
    elf = dut_process.build(load_board("host"), tmp_path / "host", model=text)
    with dut_process.DutProcess([str(elf)]) as dut:
        dut.read_until(dut_process.READY)
        dut.upload(bytes([1, 255, 0, 2]))
        inferred = dut.ask(b"infer 1 0")
        timed = dut.ask(b"profile-layers 2").splitlines()
        results = dut.ask(b"results").strip()
    assert len(layer_times([line for line in timed if line.startswith("m-layer-")])) == 300
    assert results.splitlines()[0] in inferred


def test_a_host_process_is_timed_in_microseconds() -> None:
    """No instructions where time is no instruction count, and no word of emulation."""
    found = profile(load_board("host"), load_task("ad"))
    assert not found.emulated
    assert all(layer.instructions is None for layer in found.layers)
    assert {row["instructions"] for row in csv.DictReader(io.StringIO(as_csv(found)))} == {""}
    assert "emulated" not in _shown(found)
    assert "MACs us share ns per MAC" in _shown(found)


def test_a_board_on_a_port_is_timed_in_the_build_made_for_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--port`: its layers are timed where it holds this build; with another one, exit 3."""
    text = names()["host"].read_text().split("[emulator]")[0].replace('"host"', '"desk"', 1)
    (tmp_path / "desk.toml").write_text(text)
    board = load_board(str(tmp_path / "desk.toml"))
    words = ["profile", "--board", str(tmp_path / "desk.toml"), "--json"]
    for held in ("ad", "ic"):
        task = load_task(held)
        image = build(board, task, resolve(task).model)
        (tmp_path / held).mkdir()
        (tmp_path / held / FLASH).symlink_to(image.elf)
    with desk_board(tmp_path / "ad") as port:
        assert cli.main([*words, "--task", "ad", "--port", port]) == 0
    assert len(json.loads(capsys.readouterr().out)["layers"]) == 10
    with desk_board(tmp_path / "ic") as port:
        assert cli.main([*words, "--task", "ad", "--port", port]) == 3
    assert "the DUT holds model 'ic01'" in capsys.readouterr().err


def test_firmware_that_cannot_time_layers_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Stock firmware does not know `caps`: exit 3, and what to use instead."""
    text = names()["host"].read_text()
    # This project's own core, on a line that makes its answer to `caps` that of stock firmware.
    unknown = "s/^m-caps-.*/e-[Unknown command: caps]\\r/"
    argv = json.dumps(["sh", "-c", f"{{elf}} | sed -u '{unknown}'"])
    text, found = re.subn(r"(?m)^argv = .*$", lambda _: f"argv = {argv}", text)
    assert found == 1
    (tmp_path / "stock.toml").write_text(text)
    assert cli.main(["profile", "--task", "ad", "--board", str(tmp_path / "stock.toml")]) == 3
    said = capsys.readouterr().err
    assert "cannot time layers: 'caps%' does not list 'profile'" in said
    assert "Use this project's own firmware" in said


def test_files_are_written_by_the_command(tmp_path: Path) -> None:
    """CSV and a trace for Perfetto can be read again; a place that cannot be written is said."""
    words = ["profile", "--task", "ad", "--board", "host", "--to"]
    assert cli.main([*words, "csv", "-o", str(tmp_path / "p.csv")]) == 0
    assert cli.main([*words, "perfetto", "-o", str(tmp_path / "p.json")]) == 0
    assert len(list(csv.DictReader((tmp_path / "p.csv").open()))) == 10
    assert len(json.loads((tmp_path / "p.json").read_bytes())["traceEvents"]) == 11
    assert cli.main([*words, "csv", "-o", str(tmp_path / "p.csv" / "below")]) == 2


@pytest.mark.parametrize("line", ["m-layer-1-5", "m-layer-0-", "e-[Unknown command: x]", ""])
def test_a_wrong_line_is_refused(line: str) -> None:
    """A missing, damaged or foreign line never becomes a time."""
    assert layer_times(["m-layer-0-7", "m-layer-1-9"]) == [7, 9]
    with pytest.raises(ProtocolError, match="profile-layers"):
        layer_times([line])
