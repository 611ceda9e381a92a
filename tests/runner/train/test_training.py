"""`tinybench train` as a user has it: here, on an emulated board, and when things break."""

import contextlib
import itertools
import json
import re
import shutil
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs

from tests import ROOT
from tests.faults.line import FaultyLine
from tests.program import tinybench
from tinybench.errors import ProtocolError
from tinybench.runner.build.board import load_board
from tinybench.runner.build.firmware import build
from tinybench.runner.desk.line import open_line
from tinybench.runner.dut.client import Dut
from tinybench.runner.dut.line import Patience
from tinybench.runner.learning.course import read_course
from tinybench.runner.results.result import Energy, EnergyWindow
from tinybench.runner.train import link
from tinybench.runner.train.document import Training
from tinybench.runner.train.given import Given, given
from tinybench.runner.train.kept import asked_before, read_training
from tinybench.runner.train.learn import Lesson, learn
from tinybench.runner.train.link import Trainee
from tinybench.runner.train.run import built, spent
from tinybench.track import silent

DYING = ROOT / "tests" / "runner" / "session" / "dying_board.py"
BOARD = """
name = "host"
description = "A host process behind a wire that is cut"
family = "host"
core = "host"

[toolchain]
prefix = ""
kernels = "plain"

[emulator]
argv = {argv}
"""
LITTLE = ("train", "--task", "kws", "--board", "host", "--limit", "48")
SHORT = (*LITTLE, "--target", "1", "--epochs", "3")
BYTES_TO_DUT = 75_000
"""Two evaluations of 24 inputs, with an epoch between them, and a part of the next one."""


def last_words(folder: Path, seed: int = 1) -> bytes:
    """Return the last checkpoint of a seed."""
    return max((folder / f"seed-{seed}").glob("*.bin")).read_bytes()


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seeds that do not reach their target."""
    out = tmp_path_factory.mktemp("train") / "learnt"
    done = tinybench(*SHORT, "--seeds", "2", "-o", str(out))
    assert done.returncode == 1, done.stdout + done.stderr
    assert "2 of 2 seeds did not reach 1: the best was 0." in " ".join(done.stdout.split())
    assert "not an MLPerf Training result" in done.stdout
    return out


@pytest.mark.parametrize("layers", [(), ("--hidden", "16")], ids=["one", "two"])
def test_a_new_head_reaches_its_target_and_says_what_it_took(
    layers: tuple[str, ...], tmp_path: Path
) -> None:
    """Time, samples and RAM; the board's weights are NumPy's to the bit at each evaluation."""
    words = ("--target", ".6", "-o", str(tmp_path / "t"), "--to", "json")
    done = tinybench(*LITTLE[:-1], "72", *layers, *words)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    (trial,) = told["trials"]
    assert (trial["reached"], trial["ended"], told["note"]) == (
        True, "target", "not an MLPerf Training result",
    )  # fmt: skip
    assert [point["differing"] for point in trial["points"]] == [0] * len(trial["points"])
    assert trial["points"][0]["score"] < 0.2
    assert trial["best"] >= 0.6
    assert trial["samples"] == trial["steps"] * 10
    assert 0 < trial["board_s"] < trial["host_s"]
    assert told["training_ram_b"] < told["ram_b"]
    assert told["unseen"] == []


def test_what_is_not_reached_ends_by_epochs_and_says_the_best(learnt: Path) -> None:
    """Each seed has its own order, and a checkpoint a point."""
    found = read_training(learnt)
    assert [one.ended for one in found.trials] == ["epochs", "epochs"]
    assert last_words(learnt, 1) != last_words(learnt, 2)
    for one in found.trials:
        assert one.best == max(point.score for point in one.points)
        assert (learnt / one.checkpoint).is_file()
        assert len(one.points) == 4


def test_samples_in_flash_teach_what_streamed_ones_do_to_the_bit(
    tmp_path: Path, learnt: Path
) -> None:
    """An epoch is one command then; from where another one ended, it goes on the same."""
    out = tmp_path / "flash"
    done = tinybench(*SHORT, "--samples", "flash", "-o", str(out))
    assert done.returncode == 1, done.stdout + done.stderr
    assert "samples 11,760 B of flash" in " ".join(done.stderr.split())
    assert last_words(out) == last_words(learnt)
    transcript = (out / "transcript.jsonl").read_text()
    assert transcript.count("train run ") == 3
    assert "train add" not in transcript
    for ending in ("bin", "json"):
        max((out / "seed-1").glob(f"*.{ending}")).unlink()
    again = tinybench("resume", str(out), "--to", "csv")
    assert again.returncode == 1, again.stderr
    assert last_words(out) == last_words(learnt)


def test_a_detector_adapts_to_one_machine_by_its_biases(tmp_path: Path) -> None:
    """By the squared error of normal windows alone; it is scored by the AUC of whole recordings."""
    out, words = tmp_path / "ad", ("--init", "model", "--part", "bias", "--rate", "0.1")
    done = tinybench(
        "train", "--task", "ad", "--board", "host", "--only", "id_04", "--limit", "8", "--epochs",
        "1", "--target", "1", "--drift", "offset=-6", *words, "-o", str(out),
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    found = read_training(out)
    (trial,) = found.trials
    assert (found.metric, found.outputs, found.held_out, found.trained) == ("auc", 640, 6, 2 * 57)
    assert [point.differing for point in trial.points] == [0, 0]
    assert trial.before is not None
    assert 0 < trial.points[0].score <= 1
    assert read_course(out / "seed-1").metric == "auc"


def test_energy_is_of_the_steps_alone_and_modelled_where_the_board_is_emulated(
    tmp_path: Path,
) -> None:
    """Windows between edges of the pin; evaluations are none; and it is not gone on with."""
    out = tmp_path / "t"
    words = ("--limit", "36", "--target", "1", "--epochs", "2", "--samples", "flash")
    done = tinybench(
        "train", "--task", "kws", "--board", "mps2-an386", *words, "--monitor", "modelled", "-o",
        str(out),
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    found = read_training(out)
    (trial,) = found.trials
    assert (found.energy, trial.energy_doubts) == ("modelled", [])
    joules = [point.energy_j or 0 for point in trial.points]
    power_w = [j / point.board_s for j, point in zip(joules[1:], trial.points[1:], strict=True)]
    assert joules[0] == 0
    assert power_w == pytest.approx([power_w[0]] * 2, rel=0.01)
    assert read_course(out / "seed-1").energy == "modelled"
    again = tinybench("resume", str(out))
    assert (again.returncode, "cannot be gone on with" in " ".join(again.stderr.split())) == (
        2,
        True,
    )


def test_its_seeds_are_runs_whose_time_to_quality_is_judged(learnt: Path) -> None:
    """Two of two that missed their target make it invalid, whatever the others took."""
    done = tinybench("quality", str(learnt), "--to", "json")
    assert done.returncode == 1, done.stderr
    (judged,) = json.loads(done.stdout)
    assert (judged["seeds"], judged["target"]) == ([1, 2], 1)
    assert not judged["valid"]
    for seed, trial in zip((1, 2), read_training(learnt).trials, strict=True):
        course = read_course(learnt / f"seed-{seed}")
        assert [one.score for one in course.points] == [one.score for one in trial.points]
        assert course.time == "measured"


def test_a_board_that_dies_in_mid_epoch_goes_on_from_its_checkpoint(
    tmp_path: Path, learnt: Path
) -> None:
    """Exit status 3; resumed, the weights are those of a training that nothing disturbed."""
    mark, out, board = tmp_path / "dead", tmp_path / "run", tmp_path / "dying.toml"
    argv = [sys.executable, str(DYING), str(BYTES_TO_DUT), str(mark), "{elf}"]
    board.write_text(BOARD.format(argv=json.dumps(argv)))
    words = [*SHORT[:3], "--board", str(board), *SHORT[5:]]
    done = tinybench(*words, "-o", str(out))
    assert done.returncode == 3, done.stdout + done.stderr
    assert mark.exists()
    assert f"tinybench resume {out}" in done.stderr
    assert "Traceback" not in done.stderr
    kept = sorted(path.name for path in (out / "seed-1").glob("*.bin"))
    assert 1 < len(kept) < 4
    argv[2] = str(10**9)
    mark.unlink()
    board.write_text(BOARD.format(argv=json.dumps(argv)))
    again = tinybench("resume", str(out), "--to", "csv")
    assert again.returncode == 1, again.stderr
    assert again.stdout.startswith("seed,step,samples,board_s,")
    assert last_words(out) == last_words(learnt)


def test_a_checkpoint_that_is_damaged_or_of_another_head_is_refused(
    tmp_path: Path, learnt: Path
) -> None:
    """Nothing is trained on from it, and the message names the file."""
    out = tmp_path / "run"
    shutil.copytree(learnt, out)
    last = max((out / "seed-1").glob("*.bin"))
    whole = last.read_bytes()
    last.write_bytes(whole[:-1])
    done = tinybench("resume", str(out))
    assert (done.returncode, "SHA-256 differs" in done.stderr) == (2, True)
    last.write_bytes(whole)
    beside = last.with_suffix(".json")
    said = json.loads(beside.read_text())
    beside.write_text(json.dumps({**said, "head_sha256": "0" * 64}))
    done = tinybench("resume", str(out))
    assert done.returncode == 2
    assert "a checkpoint of another model" in done.stderr
    asked = out / "asked.json"
    asked.write_text(asked.read_text().replace(said["model_sha256"], "1" * 64))
    done = tinybench("resume", str(out))
    assert done.returncode == 2
    assert "another model or other inputs" in done.stderr
    for wrong in ('"batch": 0', '"seeds": []', '"init": "none"', '"rate": -1'):
        name = wrong.partition(":")[0]
        changed = re.sub(rf"{name}: (\[[^]]*\]|[^,\n]*)", wrong, asked.read_text())
        (out / "asked.json").write_text(changed)
        done = tinybench("resume", str(out))
        assert (done.returncode, "asked.json: not what" in done.stderr) == (2, True), done.stderr
    done = tinybench(*LITTLE, "-o", str(learnt))
    assert (done.returncode, "asked for otherwise" in done.stderr) == (2, True)


def test_a_rate_that_diverges_stops_and_keeps_the_checkpoint_before(tmp_path: Path) -> None:
    """The board stops at what is no number; exit status 1."""
    out = tmp_path / "run"
    done = tinybench(*LITTLE, "--rate", "1e38", "-o", str(out))
    assert done.returncode == 1, done.stderr
    assert "diverged: a weight or the loss was no number any more" in done.stdout
    assert "Warning" not in done.stderr
    found = read_training(out)
    assert found.trials[0].ended == "diverged"
    assert (out / found.trials[0].checkpoint).is_file()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--task", "ad"), "by --init model"),
        (("--task", "sww"), "scored by words found"),
        (("--task", "ad", "--init", "model", "--only", "normal"), "inputs of one kind alone"),
        (("--task", "kws", "--only", "nobody"), "in the name of none"),
        (("--task", "kws", "--hidden", "8", "--part", "bias"), "hidden units learns whole"),
        (("--task", "kws", "--drift", "gain=none"), "a number of gain, offset, noise"),
        (("--task", "kws", "--monitor", "lpm01a"), "--monitor needs --samples flash"),
        (("--task", "ad", "--init", "model", "--samples", "flash"), "at most 65535 of 2,097,152 B"),
        (("--task", "kws", "--model", "models/embedded/ad01.tflite"), "this one ends in"),
        (("--task", "kws", "--board", "serial", "--port", "/dev/null"), "no firmware is built"),
        (("--task", "kws", "--part", "sparse"), "which part learns by --rows or --columns"),
        (("--task", "kws", "--rows", "1"), "both are of it alone"),
        (("--task", "kws", "--part", "sparse", "--rows", "12"), "numbers of 0 to 11"),
        (("--task", "kws", "--part", "sparse", "--columns", "4-2"), "numbers of 0 to 63"),
        (("--task", "kws", "--batch", "300"), "leaves 156 to train on"),
        (("--task", "kws", "--held-out", "0"), "to evaluate on"),
        (("--task", "kws", "--rate", "nan"), "number above 0"),
        (("--task", "kws", "--momentum", "1"), "share below 1"),
        (("--task", "kws", "--target", "88"), "no share"),
        ((), "say of which task"),
    ],
)
def test_what_cannot_be_trained_is_said_before_anything_is_built(
    words: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    """Exit status 2, no folder, and what to do."""
    out = tmp_path / "run"
    more = () if "--board" in words else ("--board", "host")
    done = tinybench("train", *words, *more, "-o", str(out))
    assert done.returncode == 2, done.stdout + done.stderr
    assert said in " ".join(done.stderr.split())
    assert not out.exists()


def taught(of: Given, board: str) -> tuple[list[list[str]], list[str]]:
    """Return what a board answers to two steps of training, and all words of what it learnt."""
    there = load_board(board)
    image = built(of, there)
    line = open_line(there.command(image.elf))
    try:
        dut = Dut(line)
        assert "train-1" in dut.handshake().caps
        said = [dut.command("train begin 3dcccccd 3f666666 2 3", 30)]
        for n, one in enumerate(of.trained[:4]):
            dut.infer(one.data(), 1, 0)
            dut.command(f"train add {one.label} {n % 2}", 30)
            if n % 2:
                said += [
                    [line.split(",")[2] for line in dut.command(f"train step {n // 2}", 30)]
                    for _ in range(2)
                ]
        words = [
            dut.command(f"train read {at} {min(64, of.variant.words - at)}", 30)[0]
            for at in range(0, of.variant.words, 64)
        ]
        return said, [*words, *dut.command("train sum", 30)]
    finally:
        line.close()


@pytest.mark.parametrize(
    "board",
    [
        "mps2-an386",
        *(
            pytest.param(name, marks=pytest.mark.soak)
            for name in ("mps2-an385", "mps3-an547", "qemu-riscv32")
        ),
    ],
)
def test_emulated_cores_learn_what_this_computer_learns_to_the_bit(board: str) -> None:
    """Ints, whose sums are floats all the same; a step that is asked for twice is done once."""
    of = given("kws", init="model", weights="int8")
    here = taught(of, "host")
    assert here == taught(of, board)
    assert here[0][1] == here[0][2] != here[0][3]


def test_the_firmware_refuses_what_makes_no_sense() -> None:
    """Labels out of range, steps out of order, half a batch, words that are not there."""
    of = given("kws")
    board = load_board("host")
    line = open_line(board.command(built(of, board).elf))
    dut = Dut(line)
    dut.handshake()
    for command, said in (
        ("add 0 0", "'train begin' comes first"),
        ("write 0 00000000", "'train begin' comes first"),
        ("begin 7f800000 00000000 1 1", "requires RATE MOMENTUM BATCH SEED"),
        ("begin 3f800000 00000000 0 1", "requires RATE MOMENTUM BATCH SEED"),
        ("begin 3f800000 00000000 1 1", "m-train-begin-[64,12,12,64,32,1561,0,"),
        ("add 0 0", "requires an inference first"),
        ("add 12 0", "no such label"),
        ("add 0 1", "out of order"),
        ("step 0", "requires a full batch"),
        ("step 1", "out of order"),
        ("run 0 0 1", "requires samples in flash"),
        ("sample 0", "no such sample in flash"),
        ("read 1556 6", "at most 64 of the words there are"),
        ("write 1560 0000000000000000", "words of 8 hex digits"),
        ("write 0 3f8000", "words of 8 hex digits"),
        ("write 0 3f80000g", "words of 8 hex digits"),
        ("write 0 3f800000", "m-train-write-[0,1,"),
        ("read 0 1", "m-train-read-[0,3f800000,"),
        ("end#00000000", "came damaged"),
        ("end#abc", "came damaged"),
        ("end#cafe", "came damaged"),
        (f"end#{zlib.crc32(b'end'):08x}", f"m-train-end-[0,{zlib.crc32(b'0'):08x}]"),
        ("", "requires begin, add, step, run"),
    ):
        assert said in " ".join(dut.command(f"train {command}".strip(), 30)), command
    line.close()


def test_firmware_that_cannot_learn_is_told_so() -> None:
    """That of an ordinary run says nothing of it in its caps."""
    board, of = load_board("host"), given("kws")
    with contextlib.closing(
        open_line(board.command(build(board, of.task, of.inputs.model).elf))
    ) as line:
        dut = Dut(line)
        dut.handshake()
        with pytest.raises(ProtocolError, match="does not say train-1 in its caps"):
            Trainee(dut, of.variant.shape)
        assert "Unknown command: train" in dut.command("train sum", 30)[0]


@pytest.mark.parametrize("seed", [0, *(pytest.param(n, marks=pytest.mark.soak) for n in (1, 2))])
def test_a_noisy_line_changes_nothing_that_is_learnt(
    seed: int, tmp_path: Path, learnt: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Digits become other digits, both ways, and answers are lost: it is asked again."""
    monkeypatch.setattr(link, "REPLY_S", 1.0)
    chance = np.random.default_rng(seed)

    def noisy(data: bytes) -> bytes:
        at = int(chance.integers(max(1, len(data))))
        if b"train" not in data or chance.random() > 0.06:
            return data
        if chance.random() < 0.1:
            return b""
        digit = b"%d" % chance.integers(10)
        return data[:at] + digit + data[at + 1 :] if data[at : at + 1].isdigit() else data

    asked, _ = asked_before(learnt)
    asked = structs.replace(asked, target=2.0)  # all of one input is reached at once
    of = given("kws", limit=48)
    lesson = Lesson(asked, of.variant, "0" * 64, of.trained, of.held_out[:1], None)
    board = load_board("host")
    line = FaultyLine(open_line(board.command(built(of, board).elf)), noisy, noisy)
    with contextlib.closing(line):
        dut = Dut(line, patience=Patience(reply_s=0.5))
        dut.handshake()
        (tmp_path / "seed-1").mkdir()
        found = learn(lesson, 1, dut, tmp_path / "seed-1", silent, lambda _point: None)
    assert found.retries > 0
    assert [point.differing for point in found.points] == [0] * len(found.points)
    assert last_words(tmp_path) == last_words(learnt)


def test_a_checkpoint_is_one_stay_in_text_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many commands it is: frames are left once to read it, once to write it; then they
    are back, also where the board was lost meanwhile."""
    monkeypatch.setattr(link, "REPLY_S", 1.0)
    of, board = given("kws"), load_board("host")
    sent: list[bytes] = []
    lost = [False]

    def heard(data: bytes) -> bytes:
        sent.append(data)
        if lost[0] and b"train read 640" in data:
            lost[0] = False
            return b""
        return data

    line = FaultyLine(open_line(board.command(built(of, board).elf)), lambda data: data, heard)
    with contextlib.closing(line):
        dut = Dut(line, patience=Patience(reply_s=0.5))
        dut.handshake()
        trainee = Trainee(dut, of.variant.shape)
        trainee.begin(0.1, 0.0, 1, 1)
        for again in (False, True):
            sent.clear()
            lost[0] = again
            trainee.write(trainee.read())
            said = b"".join(sent)
            assert said.count(b"frames%") == 2
            assert said.count(b"train ") == -(-1561 // 64) + -(-1561 // 6) + 2 + again
            assert (dut.protocol, trainee.retries) == ("frames", int(again))
        assert dut.infer(of.trained[0].data(), 1, 0).elapsed_us > 0


@pytest.mark.parametrize("phase_s", [2e-3, 3e-3])
def test_a_phase_hardly_longer_than_its_pulse_is_doubted(learnt: Path, phase_s: float) -> None:
    """The pulse of 25 us is in the window, and no step is in the pulse."""
    trial = read_training(learnt).trials[0]
    ends = [point.step for point in trial.points]
    windows = [
        EnergyWindow(
            input=f"to {stop}", iterations=stop - start, results="", start_s=1.0 * stop,
            stop_s=stop + phase_s, energy_j=1e-6, uncertainty_j=None, power_w=None,
            monitor_s=phase_s, dut_s=None, host_s=None, lost=0, clipped=0, faults=[], warnings=[],
        )
        for start, stop in itertools.pairwise(ends)
    ]  # fmt: skip
    energy = Energy(
        per_inference_j=None, uncertainty_j=None, terms_j={}, not_stated=[], modelled=False,
        model_source="", monitor="simulated", monitor_serial="", monitor_firmware="",
        voltage_v=3.0, rate_hz=1e6, edges=7, lost=0, warnings=[], faults=[], windows=windows,
    )  # fmt: skip
    found = spent(trial, energy)
    assert found.energy_j == pytest.approx(3e-6)
    doubts = ["a phase lasted 2.00 ms, and the pulse that marks its beginning is 25 us of it"]
    assert [one.partition(":")[0] for one in found.energy_doubts] == doubts * (phase_s < 2.5e-3)


def test_a_document_of_a_training_can_be_read_again(learnt: Path) -> None:
    """It says what was asked, and no number of it is none."""
    found: Training = read_training(learnt)
    assert found.asked.rows == list(range(12))
    assert all(np.isfinite(point.score) for one in found.trials for point in one.points)
