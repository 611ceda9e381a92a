"""Clients of a fleet: of stored runs, by the word of each figure, and in FedScale's terms."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.program import tinybench
from tests.runner.results.a_result import good_result
from tinybench.errors import UsageError
from tinybench.runner.fleet.client import (
    as_capacities,
    bounds,
    cost,
    origins,
    read_capacities,
    simulated,
)
from tinybench.runner.fleet.stored import stored
from tinybench.runner.results.cycles import Cycles, Drawn
from tinybench.runner.results.result import Energy, write_result
from tinybench.runner.train.document import Asked, Cost, Part, Training, Trial, Words
from tinybench.runner.train.kept import open_training, store_training

CYCLES = Cycles(
    core="m4", memory="", timings_sha256="0", clock_hz=100_000_000, wait_states=0,
    instructions=6_375_000, low=6_000_000, usual=8_000_000, high=12_000_000, limited_by={},
    energy=Drawn(low_j=1e-4, usual_j=2e-4, high_j=3e-4, voltage_v=3.0, source="a data sheet"),
)  # fmt: skip

COST = Cost(
    body=Part(instructions=1, cycles=3_000_000, cycles_low=2_000_000, cycles_high=4_000_000),
    add=Part(instructions=1, cycles=20_000, cycles_low=10_000, cycles_high=30_000),
    step=Part(instructions=1, cycles=50_000, cycles_low=40_000, cycles_high=60_000),
    batch=10, clock_hz=25_000_000,
)  # fmt: skip

TRIAL = Trial(
    seed=1, reached=False, ended="epochs", best=0.5, samples=100, steps=10, board_s=2.0,
    host_s=3.0, energy_j=0.12, retries=0, points=[], checkpoint="",
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
    by_board = {one.board: one for one in stored([runs], None, 25_000, 0.03)}
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
    found = stored([runs], 10, 25_000, 0.03)
    assert len({one.name for one in found}) == 10
    assert [one.board for one in found[:4]] == [one.board for one in found[4:8]]
    for count in (0, 10_001):
        with pytest.raises(UsageError, match="a fleet has 1 to"):
            stored([runs], count, 25_000, 0.03)


def test_a_run_without_a_latency_is_no_client(tmp_path: Path) -> None:
    """It says what to run; a folder without runs says that."""
    write_result(tmp_path, good_result(performance=None, mode="accuracy"))
    with pytest.raises(UsageError, match="has no latency"):
        stored([tmp_path], None, 25_000, 0.03)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="no run and no finished training"):
        stored([tmp_path / "empty"], None, 25_000, 0.03)


def test_capacities_are_those_of_fedscale_and_come_back(runs: Path, tmp_path: Path) -> None:
    """ms a sample and kbit/s under each number, with our own figures beside; there and back."""
    path = tmp_path / "capacities.json"
    done = tinybench("fleet", "clients", "--runs", str(runs), "--json", "-o", str(path))
    assert done.returncode == 0, done.stderr
    said = json.loads(path.read_text())
    assert list(said) == ["0", "1", "2", "3"]
    assert {one["communication"] for one in said.values()} == {200_000 / 1024}
    assert {one["computation"] for one in said.values()} == {204, 80}
    assert read_capacities(path, 0.03) == [
        msgspec.structs.replace(one, board=one.name, source="", bounds_s=None)
        for one in stored([runs], None, 25_000, 0.03)
    ]
    path.write_text('{"7": {"computation": 20.0, "communication": 200.0}}')  # as FedScale has it
    (bare,) = read_capacities(path, 0.03)
    assert (bare.sample_s, bare.bandwidth_b_per_s, bare.time) == (0.02, 25_600, "simulated")
    shown = tinybench("fleet", "clients", "--runs", str(runs))
    assert "measured" in shown.stdout
    assert "estimated" in shown.stdout


def test_fedscale_makes_our_times_of_our_capacities(runs: Path) -> None:
    """By its formula, on every client that it looks up: the n-th of N has the capacity n mod N."""
    training(runs / "t", cost=COST)
    clients = stored([runs], 7, 25_000, 0.03)
    found = {int(n): one for n, one in as_capacities(clients).items()}
    batch, steps, one_way_b = 16, 10, 2600
    size_kbit = one_way_b / 1024 * 8
    times_s = sorted(
        3.0 * batch * steps * found[n % 7].computation / 1000
        + (size_kbit + size_kbit) / found[n % 7].communication
        for n in range(1, 8)
    )
    ours_s = sorted(cost(one, batch, steps, 2 * one_way_b).lasts_s for one in clients)
    assert times_s == pytest.approx(ours_s, rel=1e-9)


def training(folder: Path, **changed: Any) -> None:
    """Store a training of 100 samples in 2 s of an emulated board that draws 60 mW."""
    words = Words(task="kws", model=None, data=None, limit=None, board={})
    asked = Asked(
        task="kws", board="mps2-an386", model="kws01.tflite", model_sha256="0", dataset="kws01",
        dataset_sha256="0", target=0.9, init="zero", weights="float32", part="all", rows=[0, 1],
        columns=[0], rate=0.02, momentum=0.9, batch=10, epochs=1, budget_s=None, evaluate_every=10,
        held_out=0.5, limit=None, seeds=[1],
    )  # fmt: skip
    words_of = {
        "emulated": True, "time_base": "emulated: one instruction is 40 ns", "features": 1,
        "outputs": 2, "classes": ["a", "b"], "trained": 10, "held_out": 10, "unseen": [],
        "flash_b": 1, "ram_b": 1, "training_ram_b": 1, "samples_b": 0, "metric": "top1",
        "energy": "modelled", "energy_source": "a data sheet", "tensor_ram_b": 1,
        "elf_sha256": "0", "trials": [TRIAL],
    }  # fmt: skip
    open_training(folder, asked, words)
    store_training(folder, Training(asked=asked, tinybench="0", **{**words_of, **changed}))


def test_a_client_of_a_training_takes_what_learning_took(tmp_path: Path) -> None:
    """Not three inferences; times and joules by their own words, doubtful ones left out."""
    training(tmp_path / "a", cost=COST)
    training(tmp_path / "b")
    doubtful = msgspec.structs.replace(TRIAL, energy_j=9.0, energy_doubts=["an edge is lost"])
    real = {"emulated": False, "time_base": "clock of the board", "energy": "measured"}
    training(tmp_path / "c", **real, trials=[TRIAL, doubtful])
    (tmp_path / "d").mkdir()
    write_result(tmp_path / "d", good_result(emulated=False))
    run, estimated, emulated, measured = stored([tmp_path], None, 25_000, 0.0)
    step_s = (10 * (3_000_000 + 20_000) + 50_000) / 25e6
    assert estimated.sample_s == pytest.approx(step_s / 10)
    assert (estimated.time, estimated.energy) == ("estimated", "modelled")
    assert estimated.bounds_s == pytest.approx(
        ((10 * 2_010_000 + 40_000) / 250e6, (10 * 4_030_000 + 60_000) / 250e6)
    )
    assert estimated.sample_j == pytest.approx(0.06 * step_s / 10)
    assert (emulated.time, emulated.sample_s, emulated.sample_j) == ("emulated", 0.02, 0.0012)
    assert (measured.time, measured.energy) == ("measured", "measured")
    assert measured.sample_j == pytest.approx(0.0012)
    assert cost(measured, 16, 10, 0).lasts_s == pytest.approx(16 * 10 * 0.02)
    assert cost(run, 16, 10, 0).lasts_s == pytest.approx(3 * 16 * 10 * 0.204)
    shown = tinybench("fleet", "clients", "--runs", str(tmp_path)).stdout
    assert [line.split()[2] for line in shown.splitlines() if line.startswith("mps2")] == [
        "inference", "learning", "learning", "learning",
    ]  # fmt: skip


def test_a_training_that_learnt_nothing_is_no_client(tmp_path: Path) -> None:
    """It has no time of a sample; one that has not ended is none yet."""
    training(tmp_path / "a", trials=[])
    with pytest.raises(UsageError, match="nothing was learnt in this training"):
        stored([tmp_path], None, 25_000, 0.03)
    (tmp_path / "a" / "train.json").unlink()
    with pytest.raises(UsageError, match="no run and no finished training"):
        stored([tmp_path], None, 25_000, 0.03)


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
