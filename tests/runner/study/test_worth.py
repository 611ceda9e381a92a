"""What answers are worth in a study: the figure that a run has of the same inputs, or agreement."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.models import tflite_builder as build_model
from tests.models.packaged import MODELS
from tests.models.streaming import wake_word
from tests.program import tinybench
from tinybench.datasets.wake.embedded import read_recording
from tinybench.datasets.wake.features import INPUT_SCALE
from tinybench.datasets.wake.official import write_recording
from tinybench.datasets.wake.recording import Recording
from tinybench.errors import UsageError
from tinybench.models.compiler.anatomy import anatomy
from tinybench.runner import api
from tinybench.runner.build.own_task import Given, own_task
from tinybench.runner.build.truth import Truth
from tinybench.runner.results.result import Result
from tinybench.runner.results.score import figures
from tinybench.runner.study.host_engine import infer, load
from tinybench.runner.study.kept import TRIALS_FILE
from tinybench.runner.study.noise.asked import ask
from tinybench.runner.study.noise.findings import NoiseStudy
from tinybench.runner.study.noise.noise import run_noise
from tinybench.runner.study.sound import FRAME_S, later
from tinybench.runner.study.subject import ANY_METRIC, Subject, engine_of, halves, subject
from tinybench.runner.study.work import Work
from tinybench.runner.study.worth import answers, worth
from tinybench.scratch import scratch
from tinybench.track import silent

KWS = MODELS / "kws01.tflite"
INPUTS, CLASSES = 10, 12
SECONDS = 20


@pytest.fixture(scope="module")
def kws() -> Subject:
    """Ten keywords, and their model."""
    return subject("kws", limit=INPUTS)


@pytest.fixture(scope="module")
def clean(kws: Subject) -> np.ndarray:
    """What the model answers to them."""
    return clean_of(kws)


def clean_of(of: Subject) -> np.ndarray:
    """Return the answers of a model as it is."""
    with scratch() as folder:
        return answers(of, infer(load(engine_of(of), folder, 0), of.inputs))


def own(folder: Path, of: Subject, model: Path, truth: Truth) -> str:
    """Write the inputs of a subject as a task of one's own, of which something is known."""
    inputs = tuple((f"{n}.bin", one.tobytes()) for n, one in enumerate(of.inputs))
    found = anatomy(model, ("blocked",))
    return str(own_task(model, found, Given(inputs, "made", truth), folder / "task"))


def ran(task: str, out: Path, **words: object) -> Result:
    """Run a task on this computer's own firmware."""
    more = {"mode": "accuracy", "profile": "rapid", "progress": False, **words}
    return api.run(board="host", task=task, out=out, **more).result  # type: ignore[arg-type]


def disturbed(of: Subject, folder: Path, amounts: list[float]) -> NoiseStudy:
    """Study a little noise."""
    asked = ask(of, "gaussian", amounts, 2, 1, alone=False)
    return run_noise(of, asked, Work(folder, {}, silent, lambda _: None, 2))


def in_classes(labels: np.ndarray, count: int) -> tuple[tuple[float, ...], ...]:
    """Return a 1 where the label is, for each row of labels, one after the other."""
    return tuple(tuple(row.ravel().tolist()) for row in np.eye(count)[labels])


@pytest.mark.parametrize("metric", ["top1", "regression", "iou", "iou of 4"])
def test_without_noise_the_score_is_that_of_a_run(
    metric: str, kws: Subject, clean: np.ndarray, tmp_path: Path
) -> None:
    """To the last digit, of what a board prints; with noise less is left."""
    labels = np.array(kws.labels)
    pixels = clean.reshape(INPUTS, 3, 4).argmax(axis=2)
    pixels[0] = (pixels[0] + 1) % 4  # so that not all are right
    truth = {
        "top1": Truth(metric="top1", labels=kws.labels, classes=tuple(map(str, range(CLASSES)))),
        "regression": Truth(metric="regression", expected=in_classes(labels, CLASSES)),
        "iou": Truth(metric="iou", expected=in_classes(labels, CLASSES)),
        "iou of 4": Truth(metric="iou", expected=in_classes(pixels, 4), channels=4),
    }[metric]
    task = own(tmp_path, kws, KWS, truth)
    result = ran(task, tmp_path / "run")
    assert result.accuracy is not None
    name, study = {"top1": ("accuracy", "top1"), "regression": ("r2", "r2")}.get(
        metric, ("iou", "iou")
    )
    wanted = figures(result.accuracy)[name]
    assert 0 < wanted <= 1
    found = disturbed(subject(task, takes=ANY_METRIC), tmp_path / "study", [0, 2])
    assert (found.metric, found.clean, found.points[0].mean) == (study, wanted, wanted)
    assert found.clean_identical
    assert found.points[1].mean < wanted


def test_a_single_score_is_ranked_as_it_is_printed(tmp_path: Path) -> None:
    """AUC of outputs that are rounded to fewer decimals than they have."""
    rng = np.random.default_rng(4)
    weights = rng.integers(-90, 90, (1, 16)).astype(np.int8)
    tensor = build_model.Tensor
    model = build_model.Model(
        [
            tensor([1, 16], scales=[1.0], zero_points=[0]),
            tensor([1, 16], scales=[0.01], zero_points=[0], data=weights),
            tensor([1, 1], scales=[3.3], zero_points=[0]),
        ],
        [build_model.Operator("FULLY_CONNECTED", [0, 1, -1], [2])],
        [0],
        [2],
    )
    path = tmp_path / "rank.tflite"
    path.write_bytes(build_model.write(model))
    inputs = rng.integers(-90, 90, (24, 16)).astype(np.int8)
    labels = (inputs @ weights[0].astype(int) > rng.normal(0, 20_000, 24)).astype(int)
    made = replace(subject("kws", limit=1), inputs=inputs.view(np.uint8))
    truth = Truth(metric="auc", labels=tuple(labels.tolist()))
    task = own(tmp_path, made, path, truth)
    result = ran(task, tmp_path / "run")
    assert result.accuracy is not None
    found = disturbed(subject(task), tmp_path / "study", [0])
    assert found.points[0].mean == found.clean == result.accuracy.auc
    assert 0.5 < found.clean < 1


@pytest.mark.parametrize("metric", ["none", "exact"])
def test_inputs_without_labels_are_held_against_the_clean_model(
    metric: str, kws: Subject, clean: np.ndarray, tmp_path: Path
) -> None:
    """All agree without noise, whatever the golden outputs, and on a board; the words say so."""
    expected = tuple(map(tuple, (clean + 0.5).tolist())) if metric == "exact" else ()
    task = own(tmp_path, kws, KWS, Truth(metric=metric, expected=expected))
    done = tinybench(
        *("study", "noise", "--task", task, "--eta", "0,.5", "--trials", "2", "--together-only"),
        *("-o", str(tmp_path / "s"), *(("--board", "host") if metric == "none" else ())),
    )
    assert done.returncode == 0, done.stderr
    assert (": 3 of 3 trials have this computer's answers" in done.stdout) == (metric == "none")
    assert "without noise: agreement 1.0000; eta 0 gives the same to the bit" in done.stdout
    assert "no label says whether it is right" in done.stdout
    of = replace(subject(task, takes=ANY_METRIC), clean=clean)
    other = clean.copy()
    other[:4] = np.roll(clean[:4], 1, axis=1)
    other[5] = np.nan
    assert worth(of, other).score == (INPUTS - 5) / INPUTS
    assert worth(of, clean * 0.5).score == 1  # the largest is where it was


def test_answers_that_are_no_numbers_are_wrong_ones(
    kws: Subject, clean: np.ndarray, tmp_path: Path
) -> None:
    """They leave no error out of R2, and no pixel of a mask right; R2 below 0 is 0."""
    classes = in_classes(np.array(kws.labels), CLASSES)
    expected = tuple(np.array(row) for row in classes)
    regression = replace(kws, metric="regression", expected=expected)
    spoilt = clean.copy()
    spoilt[0, 3] = np.nan
    assert worth(regression, spoilt).score == 0 < worth(regression, clean).score
    assert worth(regression, clean - 9).score == 0
    mask = replace(kws, metric="iou", expected=expected)
    perfect = np.array(classes)
    assert worth(mask, perfect).score == 1
    spoilt = perfect.copy()
    spoilt[0] = np.inf
    assert worth(mask, spoilt).score < 0.9
    wide = replace(mask, channels=4)
    assert worth(wide, np.full((INPUTS, CLASSES), np.nan)).score == 0
    same = replace(regression, expected=tuple(np.ones(CLASSES) for _ in expected))
    with pytest.raises(UsageError, match="targets that are all the same, which have no R2"):
        worth(same, clean)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of 20 seconds; the last word is said to be where it is not."""
    short, out = read_recording("short"), tmp_path_factory.mktemp("data")
    first, second, third = short.windows_s[:3]
    moved = (third[0] - 2.5, third[0] - 2.0)
    write_recording(
        out, "mine", Recording(short.samples[: SECONDS * 16_000 + 100], (first, second, moved))
    )
    return out


def test_a_stream_is_heard_as_by_a_board(data: Path, tmp_path: Path) -> None:
    """Output 0 of each frame, words missed, false alarms and F1; with noise, too, the state is
    begun anew with each trial."""
    result = ran("sww", tmp_path / "run", data=data, mode="all")
    assert result.stream is not None
    of = subject("sww", data, takes=ANY_METRIC)
    word = np.rint(clean_of(of)[:, 0] * 256) - 128
    assert word.tolist() == result.stream.word
    found = disturbed(of, tmp_path / "study", [0, 3])
    first = result.stream.first
    assert (found.clean, found.clean_missed, found.clean_false_alarms) == (
        first.f1, first.missed, first.false,
    )  # fmt: skip
    assert (first.missed, first.false) == (1, 1)
    assert (found.metric, found.words, found.asked.samples) == ("f1", 3, SECONDS * 16_000 // 512)
    assert found.clean_identical
    assert found.points[0].mean == first.f1
    assert (found.points[0].missed, found.points[0].false_alarms) == (1, 1)
    assert found.points[1].mean < first.f1
    lines = sorted((tmp_path / "study" / TRIALS_FILE).read_bytes().splitlines())
    again = disturbed(of, tmp_path / "again", [0, 3])
    assert sorted((tmp_path / "again" / TRIALS_FILE).read_bytes().splitlines()) == lines
    assert again == found


def test_a_model_that_keeps_its_own_history_is_heard_so(data: Path, tmp_path: Path) -> None:
    """Its state begins with each stream."""
    model = tmp_path / "own.tflite"
    model.write_bytes(build_model.write(wake_word(1, INPUT_SCALE)))
    result = ran("sww", tmp_path / "run", data=data, model=model, mode="all")
    assert result.stream is not None
    of = subject("sww", data, model, takes=ANY_METRIC)
    with scratch() as folder:
        loaded = load(engine_of(of), folder, 0)
        for _ in range(2):
            found = answers(of, infer(loaded, of.inputs))
            assert (np.rint(found[:, 0] * 256) - 128).tolist() == result.stream.word
    assert len(set(result.stream.word)) > 9


def test_a_limit_of_a_stream_is_seconds(data: Path) -> None:
    """No word is cut; where there is none left, or on a board, it is refused in words."""
    whole = subject("sww", data, takes=ANY_METRIC)
    assert whole.sound is not None
    end_s = whole.sound.words_s[1][1]
    some = subject("sww", data, limit=int(end_s) + 2, takes=ANY_METRIC)
    assert some.sound is not None
    assert some.sound.words_s == whole.sound.words_s[:2]
    assert end_s + 1 <= some.sound.length_s <= whole.sound.words_s[2][0]
    assert np.array_equal(some.inputs, whole.inputs[: some.count])
    words = ("study", "noise", "--task", "sww", "--data", str(data))
    for more, said, lines in (
        (("--limit", "1"), "there is no whole word", 1),
        (("--board", "mps2-an386"), "studied on this computer alone", 2),
    ):
        done = tinybench(*words, *more)
        assert (done.returncode, done.stderr.count("\n")) == (2, lines), done.stderr
        assert said in done.stderr


def test_halves_of_a_stream_share_no_moment(data: Path) -> None:
    """Those that are learnt from end behind the first half of the words, the rest begin there.

    No word counts that began before: not one that follows within a second, either.
    """
    of = subject("sww", data, takes=ANY_METRIC)
    assert of.sound is not None
    learnt, scored = halves(of, 0)
    assert scored.sound is not None
    size = of.graph.tensors[of.graph.inputs[0]].elements
    assert learnt.inputs.shape == (learnt.count, size)
    history = size // of.inputs.shape[1]
    assert len(of.inputs) == learnt.count + history - 1 + scored.count
    first = learnt.inputs[-1].reshape(history, -1), scored.inputs[0].reshape(history, -1)
    both = np.concatenate([first[0][-1:], first[1]])
    assert np.array_equal(both, of.inputs[learnt.count - 1 : learnt.count + history])
    assert len(scored.sound.words_s) == len(of.sound.words_s) - 1
    last = of.inputs[-(size // of.inputs.shape[1]) :].reshape(-1)
    assert np.array_equal(scored.inputs[-1], last)
    first_s = of.sound.length_s - scored.sound.length_s
    assert scored.sound.words_s[0][0] + first_s == pytest.approx(of.sound.words_s[1][0], abs=0.021)
    words = ((4.0, 4.5), (5.0, 6.0), (12.0, 12.5))
    _, frames, sound = later(replace(of.sound, words_s=words), history, None)
    assert frames.start * FRAME_S >= 7
    assert len(sound.words_s) == 1
