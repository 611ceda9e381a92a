"""What a model loses by noise and faults: the same C as a board's, its constants written anew."""

import csv
import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from tests.bench.study.noise_golden import apart, golden, kept_by_width, of_model
from tests.models import tflite_builder as build_model
from tests.program import tinybench
from tests.soak import record
from tinybench.errors import ModelError, RunFolderError, UsageError
from tinybench.runner.build.inputs import resolve
from tinybench.runner.build.task import load_task
from tinybench.runner.report.study import noise as report
from tinybench.runner.study import host_engine
from tinybench.runner.study.kept import TRIALS_FILE, open_study, read_study, read_trials
from tinybench.runner.study.noise import perturb
from tinybench.runner.study.noise.asked import ask
from tinybench.runner.study.noise.findings import NoiseStudy, Spread, at_drop, ends_at_drop
from tinybench.runner.study.noise.noise import run_noise
from tinybench.runner.study.subject import Subject, subject
from tinybench.runner.study.work import Work
from tinybench.runner.study.worth import answers, worth
from tinybench.scratch import scratch
from tinybench.track import silent


@pytest.fixture(scope="module")
def kws() -> Subject:
    """Keywords and their model, a few of them."""
    return subject("kws", limit=30)


@pytest.fixture(scope="module")
def loaded(kws: Subject) -> Iterator[host_engine.Loaded]:
    """Its C, in this process."""
    with scratch() as folder:
        built = host_engine.build(kws.graph, kws.interface, kws.model_id)
        yield host_engine.load(built, folder, 0)


def study(of: Subject, folder: Path, amounts: list[float], **more: object) -> NoiseStudy:
    """Do a small study."""
    words: dict[str, object] = {"noise": "gaussian", "trials": 3, "seed": 1, "alone": False}
    asked = ask(of, amounts=amounts, **{**words, **more})  # type: ignore[arg-type]
    return run_noise(of, asked, Work(folder, {}, silent, lambda _: None, 2))


def test_written_constants_are_those_of_a_model_compiled_with_such_weights(
    kws: Subject, loaded: host_engine.Loaded
) -> None:
    """Disturbed in memory or built so, by other kernels: the same outputs to the bit."""
    rng = np.random.default_rng(5)
    graph = perturb.disturbed(kws.graph, perturb.weights_of(kws.graph), "gaussian", 0.2, rng)
    assert host_engine.patch(loaded, graph)
    found = host_engine.infer(loaded, kws.inputs)
    with scratch() as folder:
        built = host_engine.build(graph, kws.interface, "anew", "plain")
        wanted = host_engine.infer(host_engine.load(built, folder, 0), kws.inputs)
    assert found.tobytes() == wanted.tobytes()
    assert host_engine.patch(loaded, kws.graph)
    assert host_engine.infer(loaded, kws.inputs).tobytes() != wanted.tobytes()


def test_the_undisturbed_answers_are_those_of_the_reference_kernels(
    kws: Subject, loaded: host_engine.Loaded
) -> None:
    """The library answers what TensorFlow Lite Micro answers."""
    runtime = pytest.importorskip("tflite_micro").runtime
    path = Path(__file__).parents[3] / "models" / "embedded" / "kws01.tflite"
    interpreter = runtime.Interpreter.from_bytes(path.read_bytes())
    assert host_engine.patch(loaded, kws.graph)
    found = host_engine.infer(loaded, kws.inputs[:5])
    for one, answer in zip(kws.inputs[:5], found, strict=True):
        interpreter.set_input(one.view(np.int8).reshape(1, 49, 10, 1), 0)
        interpreter.invoke()
        wanted = interpreter.get_output(0).reshape(-1).astype(np.float64)
        assert np.allclose(answer, (wanted + 128) / 256)  # softmax: steps of 1/256


def test_nothing_is_lost_at_0_and_more_with_more_noise(kws: Subject, tmp_path: Path) -> None:
    """Amount 0 is the same to the bit; the mean falls; the same seed gives the same study."""
    found = study(kws, tmp_path / "a", [0.4, 0, 0.1])
    assert found.clean_identical
    assert [point.amount for point in found.points] == [0, 0.1, 0.4]
    means = [point.mean for point in found.points]
    assert means[0] == found.clean
    assert means == sorted(means, reverse=True)
    assert means[-1] < 0.5 * found.clean
    again = study(kws, tmp_path / "b", [0, 0.1, 0.4])
    assert again == found
    other = study(kws, tmp_path / "c", [0, 0.1, 0.4], seed=2)
    assert other.points != found.points


def test_a_study_that_was_interrupted_goes_on(kws: Subject, tmp_path: Path) -> None:
    """Trials on disk are kept, a line cut short is done again, and the figures are the same."""
    whole = study(kws, tmp_path, [0, 0.2])
    trials = tmp_path / TRIALS_FILE
    lines = sorted(trials.read_bytes().splitlines(keepends=True))  # as "amount":0 is before 0.2
    first = json.loads(lines[1]) | {"score": 0.0}
    trials.write_bytes(lines[0] + json.dumps(first).encode() + b"\n" + lines[2][:20])
    resumed = study(kws, tmp_path, [0, 0.2])
    assert len(trials.read_bytes().splitlines()) == len(lines)
    scores = [json.loads(line)["score"] for line in trials.read_bytes().splitlines()]
    assert 0.0 in scores  # what was there was not done again
    assert resumed.points[0] == whole.points[0]
    with pytest.raises(RunFolderError, match=r"otherwise .*: seed is 1 there, and 9 here; ask"):
        study(kws, tmp_path, [0, 0.2], seed=9)
    asked = ask(kws, "gaussian", [0, 0.2], 3, 1, alone=False)
    with open_study(tmp_path, asked), pytest.raises(RunFolderError, match="another tinybench"):
        study(kws, tmp_path, [0, 0.2])
    trials.write_bytes(b'{"part": 3}\n')
    with pytest.raises(RunFolderError, match="no trial"):
        study(kws, tmp_path, [0, 0.2])


def test_what_is_done_at_an_interruption_is_kept(kws: Subject, tmp_path: Path) -> None:
    """Also where nobody had looked at it yet."""

    def track(items: Iterable[Any], label: str, total: int) -> Iterator[Any]:
        assert (len(list(items)), label) == (total, "noise")
        raise KeyboardInterrupt
        yield

    asked = ask(kws, "gaussian", [0.1], 3, 1, alone=False)
    with pytest.raises(KeyboardInterrupt):
        run_noise(kws, asked, Work(tmp_path, {}, track, lambda _: None, 2))
    assert len(read_trials(tmp_path)) == 3


def test_layers_and_bits_are_taken_one_by_one(kws: Subject, tmp_path: Path) -> None:
    """Each layer with weights alone, each of eight bits, the most fragile first."""
    few = replace(kws, inputs=kws.inputs[:8], owners=kws.owners[:8], labels=kws.labels[:8])
    found = study(few, tmp_path, [0, 0.02], noise="bit-flip", trials=1, alone=True)
    assert {part.name for part in found.layers} >= {"0 CONV_2D", "10 FULLY_CONNECTED"}
    assert sum(part.weights or 0 for part in found.layers) == found.weights == 22_016
    assert sorted(part.name for part in found.bits) == [f"bit {n}" for n in range(8)]
    means = [part.score.mean for part in found.bits]
    assert means == sorted(means)
    assert "most fragile layer: one trial of each does not tell" in "\n".join(report.said(found))


def test_what_trials_do_not_tell_apart_is_said(kws: Subject, tmp_path: Path) -> None:
    """Layers nearer than two standard errors; an amount of a drop between the means' bounds."""
    few = replace(kws, inputs=kws.inputs[:8], owners=kws.owners[:8], labels=kws.labels[:8])
    found = study(few, tmp_path, [0, 0.2], trials=8, alone=True)
    apart = [
        msgspec.structs.replace(
            found.layers[0], name=name,
            score=msgspec.structs.replace(found.layers[0].score, mean=mean, error=error),
        )
        for name, mean, error in (("1", 0.86, 0.02), ("4", 0.87, 0.018), ("9", 0.92, 0.003))
    ]  # fmt: skip
    said = "\n".join(report.said(msgspec.structs.replace(found, layers=apart)))
    assert "not told apart from 4: nearer" in said
    low, high = found.at_drop_ends["5%"]
    amount = found.at_drop["5%"]
    assert low is not None
    assert amount is not None
    assert low <= amount <= (high or 1)
    assert ends_at_drop(found.points, "levels", 0.05, found.clean) is None


@pytest.mark.parametrize("noise", ["bit-flip", "stuck-at-1"])
def test_faults_of_activations_do_harm_by_their_rate(
    kws: Subject, loaded: host_engine.Loaded, noise: str
) -> None:
    """None at rate 0; outputs of noise alone where every second bit is wrong."""
    assert host_engine.patch(loaded, kws.graph)
    clean = host_engine.infer(loaded, kws.inputs)
    rng = np.random.default_rng(1)
    found = []
    for rate in (0.0, 0.3):
        if noise == "bit-flip":
            found.append(host_engine.infer(loaded, kws.inputs, seed=7, rate=rate))
        else:
            stuck = perturb.stuck_cells(loaded.built.arena_b, noise, rate, rng)
            found.append(host_engine.infer(loaded, kws.inputs, stuck=stuck))
    assert found[0].tobytes() == clean.tobytes()
    noisy, whole = (worth(kws, answers(kws, one)).score for one in (found[1], clean))
    assert noisy < 0.5 < whole
    last = host_engine.infer(
        loaded, kws.inputs, seed=7, rate=1.0, layer=len(loaded.built.layers) - 1
    )
    assert np.allclose(last + clean, 255 / 256)  # every bit of the answer turned over


def test_a_wider_network_keeps_more(tmp_path: Path) -> None:
    """Redundancy: as many classes told apart by more hidden units lose less. Ref: 2011.11840."""
    few, many = kept_by_width(tmp_path, trials=12).values()
    assert many > few + 0.1


def test_a_model_without_weights_is_refused(tmp_path: Path) -> None:
    """By name, with what can be disturbed instead."""
    tensor = build_model.Tensor
    model = build_model.Model(
        [
            tensor([1, 4], scales=[0.1], zero_points=[0]),
            tensor([1, 4], scales=[1 / 256], zero_points=[-128]),
        ],
        [build_model.Operator("SOFTMAX", [0], [1], {"Beta": 1.0})],
        [0],
        [1],
    )
    inputs = np.eye(4, dtype=np.uint8) * 100
    with pytest.raises(UsageError, match="no weights"):
        study(of_model(build_model.write(model), inputs, np.arange(4)), tmp_path, [0.1])


def test_analog_noise_has_the_size_that_was_asked_for() -> None:
    """Sigma is eta times that of the layer's weights; int8 stays int8."""
    rng = np.random.default_rng(0)
    values = np.clip(np.rint(rng.normal(0, 30, 80_000)), -127, 127).astype(np.float32)
    moved = perturb.noisy(values, "gaussian", 0.2, rng) - values
    assert moved.std() == pytest.approx(0.2 * values.std(), rel=0.02)
    assert abs(moved.mean()) < 0.01 * values.std()
    ratio = perturb.noisy(values, "multiplicative", 0.2, rng)[values != 0] / values[values != 0]
    assert (ratio.mean(), ratio.std()) == pytest.approx((1, 0.2), rel=0.02)
    codes = values.astype(np.int8)
    assert len(np.unique(perturb.noisy(codes, "levels", 4, rng))) <= 4
    decayed = perturb.noisy(values, "drift", 0.1, rng)
    assert np.median(decayed[values > 20] / values[values > 20]) == pytest.approx(0.25, abs=0.03)
    rounded = perturb.noisy(codes, "gaussian", 0.2, rng)
    assert rounded.dtype == np.int8
    assert (rounded - codes.astype(int)).std() == pytest.approx(0.2 * codes.std(), rel=0.02)


@pytest.mark.parametrize("noise", perturb.BITS)
def test_bits_flip_or_stick_by_their_rate(noise: str) -> None:
    """As many as asked for; one bit alone where one is named; all at rate 1."""
    rng = np.random.default_rng(0)
    values = rng.integers(-128, 128, 50_000).astype(np.int8)
    changed = (perturb.faulty(values, noise, 0.1, rng) ^ values).view(np.uint8)
    share = np.unpackbits(changed).mean()
    assert share == pytest.approx(0.1 if noise == "bit-flip" else 0.05, rel=0.05)
    sign = (perturb.faulty(values, noise, 0.5, rng, bit=7) ^ values).view(np.uint8)
    assert set(np.unique(sign)) == {0, 128}
    all_ = perturb.faulty(values, noise, 1.0, rng)
    wanted = {"bit-flip": ~values, "stuck-at-0": values * 0, "stuck-at-1": values * 0 - 1}
    assert np.array_equal(all_, wanted[noise])
    assert np.array_equal(perturb.faulty(values, noise, 0.0, rng), values)


def test_where_the_score_has_dropped_is_read_between_points() -> None:
    """Along a straight line, of rates along their logarithm; never where it never drops."""

    def points(*pairs: tuple[float, float]) -> list[Spread]:
        rest = {"trials": 1, "mean": 0.0, "deviation": 0.0, "error": 0.0, "least": 0.0, "most": 0.0}
        return [Spread(amount=a, normalised=n, **rest) for a, n in pairs]

    assert at_drop(points((0, 1), (0.2, 0.9)), "gaussian", 0.05) == pytest.approx(0.1)
    assert at_drop(points((1e-4, 1), (1e-2, 0.9)), "bit-flip", 0.05) == pytest.approx(1e-3)
    assert at_drop(points((0, 1), (0.2, 0.99)), "gaussian", 0.05) is None
    assert at_drop(points((64, 1), (32, 0.97), (16, 0.5)), "levels", 0.05) == 32
    assert at_drop(points((64, 0.9)), "levels", 0.05) is None
    assert at_drop(points((64, 1), (32, 0.97)), "levels", 0.05) == 32
    assert at_drop(points((0.2, 0.9)), "gaussian", 0.05) == pytest.approx(0.1)


def test_an_answer_that_is_no_number_is_not_right(kws: Subject) -> None:
    """NaN has no largest value, though a search for one finds it."""
    outputs = np.full((30, 12), np.nan, np.float32)
    assert worth(kws, answers(kws, outputs)).score == 0


def test_words_that_mean_nothing_are_refused(kws: Subject) -> None:
    """Before anything is built, with what may be said."""
    for noise, amounts, words in (
        ("gaussian", [-0.1], "0 or more"),
        ("bit-flip", [2.0], "share of the bits"),
        ("levels", [1.0], "2 to 65536"),
        ("gaussian", [], "0 amounts"),
        ("hum", [0.1], "valid: gaussian"),
    ):
        with pytest.raises(UsageError, match=words):
            ask(kws, noise, amounts, 1, 1)
    with pytest.raises(UsageError, match="faults of memory"):
        ask(kws, "gaussian", [0.1], 1, 1, "activations")
    with pytest.raises(UsageError, match=r"words found: .* top-1 or AUC, such as kws"):
        subject("sww")
    with pytest.raises(ModelError, match="has 3072 bytes of input, the task has 490"):
        subject("kws", model=resolve(load_task("ic")).model)  # its C would read beyond an input


def test_a_study_is_of_the_inputs_that_are_taken(kws: Subject) -> None:
    """Of as many, one other or another label is another study; a part is not the whole."""
    asked = ask(kws, "gaussian", [0.1], 1, 1)
    flipped = kws.inputs.copy()
    flipped[0, 0] ^= 1
    labels = ((kws.labels[0] + 1) % 12, *kws.labels[1:])
    for other in (replace(kws, inputs=flipped), replace(kws, labels=labels)):
        assert ask(other, "gaussian", [0.1], 1, 1) != asked


def test_what_is_lost_below_the_least_amount_is_said_to_be_on_a_line(
    kws: Subject, tmp_path: Path
) -> None:
    """Nothing was tried there; between two amounts it stands as it is."""
    found = study(kws, tmp_path, [0.0, 0.4], trials=1)
    assert " 5% lost: below eta 0.4, the least of these (0." in " ".join(report.said(found))
    between = msgspec.structs.replace(found, at_drop={"5%": 0.45})
    assert "5% lost: at eta 0.45 (no bounds: one trial of each amount)" in report.said(between)


@pytest.mark.parametrize(
    ("was", "forged"),
    [('"top1"', '"top9"'), ('"deviation": 0.0', '"deviation": -1'), ('"mean": ', '"mean": 1')],
)
def test_a_document_that_somebody_wrote_is_refused_in_words(
    was: str, forged: str, kws: Subject, tmp_path: Path
) -> None:
    """No table or picture is made of a measure that there is not, or of a share beyond 1."""
    study(kws, tmp_path, [0.3], trials=1)
    path = tmp_path / "study.json"
    assert was in path.read_text()
    path.write_text(path.read_text().replace(was, forged))
    with pytest.raises(RunFolderError, match="no study of this kind"):
        read_study(tmp_path, NoiseStudy)


def test_the_command_prints_a_table_and_leaves_document_trials_and_picture(tmp_path: Path) -> None:
    """As CSV a row an amount; study.json is what --json prints."""
    words = ("study", "noise", "--task", "kws", "--limit", "10", "--trials", "2", "--eta", "0,.3")
    done = tinybench(*words, "--together-only", "-o", str(tmp_path / "s"), "--to", "csv")
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(done.stdout.splitlines()))
    assert [(row["amount"], row["board"]) for row in rows] == [("0.0", ""), ("0.3", "")]
    told = tinybench("study", "show", str(tmp_path / "s"), "--json")
    assert told.stdout == (tmp_path / "s" / "study.json").read_text()
    assert (tmp_path / "s" / "study.png").read_bytes().startswith(b"\x89PNG")
    (tmp_path / "s" / "study.png").unlink()
    (tmp_path / "s" / "study.png").mkdir()
    again = tinybench(*words, "--together-only", "-o", str(tmp_path / "s"), "--to", "csv")
    assert (again.returncode, again.stdout) == (0, done.stdout)
    assert "no picture: cannot write" in again.stderr
    assert f"tinybench study show {tmp_path / 's'} --to png" in again.stderr
    wrong = tinybench("study", "noise", "--task", "kws", "--rate", ".1")
    assert (wrong.returncode, wrong.stderr.count("\n")) == (2, 1)
    assert "give its amounts by --eta" in wrong.stderr


@pytest.mark.soak
def test_the_official_model_loses_what_it_lost_elsewhere(mirror: Path, tmp_path: Path) -> None:
    """Each mean within three standard errors of both, and the more noise the lower."""
    found = golden(mirror, tmp_path)
    assert found.clean_identical
    means = [point.mean for point in found.points]
    assert means == sorted(means, reverse=True)
    worst = max(apart(found).values())
    record("study.noise_golden_errors", worst, 3, unit="standard errors", better="lower")
    assert worst <= 3
