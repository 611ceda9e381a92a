"""Clients of a fleet: of stored runs, by the word of each figure, and in FedScale's terms."""

import json
from pathlib import Path

import msgspec
import pytest

from tests.program import tinybench
from tests.runner.results.a_result import good_result
from tinybench.errors import UsageError
from tinybench.runner.fleet.client import (
    as_capacities,
    bounds,
    cost,
    of_runs,
    origins,
    read_capacities,
    simulated,
)
from tinybench.runner.results.cycles import Cycles, Drawn
from tinybench.runner.results.result import Energy, write_result

CYCLES = Cycles(
    core="m4", memory="", timings_sha256="0", clock_hz=100_000_000, wait_states=0,
    instructions=6_375_000, low=6_000_000, usual=8_000_000, high=12_000_000, limited_by={},
    energy=Drawn(low_j=1e-4, usual_j=2e-4, high_j=3e-4, voltage_v=3.0, source="a data sheet"),
)  # fmt: skip


def energy(*, modelled: bool) -> Energy:
    """Return 50 uJ an inference."""
    return Energy(
        per_inference_j=5e-5, uncertainty_j=None, terms_j={}, not_stated=[], modelled=modelled,
        model_source="", monitor="simulated", monitor_serial="", monitor_firmware="",
        voltage_v=3.0, rate_hz=1e3, edges=2, lost=0, warnings=[], faults=[], windows=[],
    )  # fmt: skip


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """A measured run, one of estimated cycles, one of a count alone with modelled energy."""
    root = tmp_path / "runs"
    for name, changed in {
        "a": {"emulated": False, "energy": energy(modelled=False), "board": "nucleo-l4r5"},
        "b": {"cycles": CYCLES},
        "c": {"energy": energy(modelled=True), "board": "qemu-riscv32"},
        "d": {"emulated": False, "board": "bare"},
    }.items():
        (root / name).mkdir(parents=True)
        write_result(root / name, good_result(**changed))
    return root


def test_each_figure_of_a_run_wears_its_own_word(runs: Path) -> None:
    """Measured, estimated and emulated times; measured, modelled, estimated and no energy."""
    by_board = {one.board: one for one in of_runs([runs], None, 25_000, 0.03)}
    assert (by_board["nucleo-l4r5"].time, by_board["nucleo-l4r5"].energy) == (
        "measured",
        "measured",
    )
    assert by_board["nucleo-l4r5"].sample_s == pytest.approx(0.204)
    estimated = by_board["mps2-an386"]
    assert (estimated.time, estimated.energy) == ("estimated", "estimated")
    assert (estimated.sample_s, estimated.sample_j) == (0.08, 2e-4)
    assert estimated.bounds_s == (0.06, 0.12)
    assert (by_board["qemu-riscv32"].time, by_board["qemu-riscv32"].energy) == (
        "emulated", "modelled",
    )  # fmt: skip
    assert (by_board["bare"].time, by_board["bare"].energy) == ("measured", None)
    assert cost(by_board["bare"], 1, 1, 10).energy_j is None
    times, joules = origins(list(by_board.values()))
    assert times == "1 emulated, 1 estimated, 2 measured"
    assert joules == "1 estimated, 1 measured, 1 modelled, 1 unknown"
    assert bounds(list(by_board.values())) == pytest.approx((0.75, 1.5))


def test_runs_are_dealt_out_in_turn(runs: Path) -> None:
    """Ten clients of four runs, each with a name of its own."""
    found = of_runs([runs], 10, 25_000, 0.03)
    assert len({one.name for one in found}) == 10
    assert [one.board for one in found[:4]] == [one.board for one in found[4:8]]
    for count in (0, 10_001):
        with pytest.raises(UsageError, match="a fleet has 1 to"):
            of_runs([runs], count, 25_000, 0.03)


def test_a_run_without_a_latency_is_no_client(tmp_path: Path) -> None:
    """It says what to run; a folder without runs says that."""
    write_result(tmp_path, good_result(performance=None, mode="accuracy"))
    with pytest.raises(UsageError, match="has no latency"):
        of_runs([tmp_path], None, 25_000, 0.03)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="no run in it"):
        of_runs([tmp_path / "empty"], None, 25_000, 0.03)


def test_capacities_are_those_of_fedscale_and_come_back(runs: Path, tmp_path: Path) -> None:
    """ms a sample and kbit/s under each number, with our own figures beside; there and back."""
    clients = of_runs([runs], None, 25_000, 0.03)
    path = tmp_path / "capacities.json"
    done = tinybench("fleet", "clients", "--runs", str(runs), "--json", "-o", str(path))
    assert done.returncode == 0, done.stderr
    said = json.loads(path.read_text())
    assert list(said) == ["1", "2", "3", "4"]
    assert {one["communication"] for one in said.values()} == {200}
    assert {one["computation"] for one in said.values()} == {204, 80}
    back = read_capacities(path, 0.03)
    for one, again in zip(clients, back, strict=True):
        assert again.sample_s == pytest.approx(one.sample_s)
        assert (again.time, again.energy, again.sample_j) == (one.time, one.energy, one.sample_j)
        assert again.bandwidth_b_per_s == one.bandwidth_b_per_s
    path.write_text('{"7": {"computation": 20.0, "communication": 200.0}}')  # as FedScale has it
    (bare,) = read_capacities(path, 0.03)
    assert (bare.sample_s, bare.bandwidth_b_per_s, bare.time) == (0.02, 25_000, "simulated")
    shown = tinybench("fleet", "clients", "--runs", str(runs))
    assert "measured" in shown.stdout
    assert "estimated" in shown.stdout


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[]", "no capacities"),
        ("{}", "a fleet has 1 to"),
        ('{"1": {"computation": 0, "communication": 1}}', "above 0"),
        ('{"1": {"computation": 1, "communication": 1, "joules": -1}}', "below 0"),
        ('{"1": {"computation": 1e999, "communication": 1}}', "no capacities"),
        ('{"1": {"computation": 1, "communication": 1, "origin": "made up"}}', "no capacities"),
        ("\x80\x04pickle", "no capacities"),
    ],
)
def test_a_file_of_no_capacities_is_refused(text: str, words: str, tmp_path: Path) -> None:
    """By its name, and with what is wanted."""
    path = tmp_path / "capacities.json"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(UsageError, match=words):
        read_capacities(path, 0.03)


def test_simulated_clients_are_the_same_by_the_same_seed() -> None:
    """Lognormal speeds, and figures that can be stored."""
    one, two = simulated(50, 1, 25_000, 0.03), simulated(50, 1, 25_000, 0.03)
    assert one == two
    assert simulated(50, 2, 25_000, 0.03) != one
    times = [client.sample_s for client in one]
    assert max(times) > 4 * min(times)
    assert len(msgspec.json.encode(as_capacities(one))) > 100
