"""The fully connected layers of a model in less flash: what is kept, its score, and a board."""

from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from tests.program import tinybench
from tests.runner.study.dealt import gathered
from tests.runner.study.test_quantisation import doubled
from tinybench.errors import OtherFolderError, UsageError
from tinybench.models import quantiser
from tinybench.models.compiler.interface import Interface
from tinybench.models.compiler.reader import read_graph
from tinybench.runner.report.study import compress as report
from tinybench.runner.results.asked import open_asked
from tinybench.runner.study import host_engine
from tinybench.runner.study.compress.asked import METHODS, Asked
from tinybench.runner.study.compress.compress import CompressStudy, pieces
from tinybench.runner.study.compress.layers import kept, model_with, moments_of
from tinybench.runner.study.compress.of_model import ask_layers, run_layers, share_layers
from tinybench.runner.study.compress.robe import robe
from tinybench.runner.study.compress.tied import weights
from tinybench.runner.study.kept import Trial
from tinybench.runner.study.layers.layer import biases, layers_of
from tinybench.runner.study.listed import find_studies
from tinybench.runner.study.sound import Sound
from tinybench.runner.study.subject import Subject, digest, halves, of_samples
from tinybench.runner.study.work import Work
from tinybench.track import silent


def int8(metric: str) -> Subject:
    """Return a model of two layers of int8 that gives what it is given but for what it loses."""
    of = doubled(metric)
    ranges = dict.fromkeys(range(len(of.graph.tensors)), (-4.0, 4.0))
    data = quantiser.quantised(of.graph, ranges, "int8-channel")
    return replace(
        of, graph=read_graph(data), data=data,
        interface=Interface("float32", "mse" if metric == "auc" else "output"),
    )  # fmt: skip


def asked_of(of: Subject, first: Subject, rates: tuple[float, ...] = (2, 4)) -> Asked:
    """Return what a study of few weights asks."""
    return ask_layers(of, first, "host", METHODS, rates, 4, 1)


@pytest.mark.parametrize(("metric", "told"), [("regression", "r2"), ("auc", "auc")])
def test_layers_are_scored_by_inputs_that_they_were_not_fitted_to(
    metric: str, told: str, tmp_path: Path
) -> None:
    """By the task's metric; board, C and NumPy have the same sums; parts are the same study."""
    first, of = halves(int8(metric), 0)
    assert not {*map(bytes, first.inputs)} & {*map(bytes, of.inputs)}
    asked, words = asked_of(of, first), {"board": "host"}
    found = run_layers(of, first, asked, Work(tmp_path / "whole", words, silent, print))
    assert (found.metric, found.same, len(found.layers)) == (told, True, 2)
    assert (found.tested, found.compared) == (len(of.labels), 16)
    rows = {(row.method, row.rate): row for row in found.rows}
    assert len(rows) == 7
    dense = rows["dense", 1]
    assert dense.score > 0.8
    assert dense.weights_b == 64
    assert rows["robe", 4].weights_b == 16 + 20
    assert rows["palette", 2].score > dense.score - 0.1
    assert [(row.metric, row.scope) for row in find_studies(tmp_path / "whole").rows] == [
        (told, "layers")
    ] * 7
    assert "these layers are 100 % of the model's multiplications" in report.markdown(found)
    assert report.METRIC[told] in report.markdown(found)
    assert " sd" not in report.markdown(found)
    assert report.as_png(found).startswith(b"\x89PNG")
    if metric == "auc":
        return
    (tmp_path / "whole" / "study.json").unlink()
    before = (tmp_path / "whole" / "engine.json").stat().st_mtime_ns
    again = run_layers(of, first, asked, Work(tmp_path / "whole", words, silent, print))
    assert again == found
    assert (tmp_path / "whole" / "engine.json").stat().st_mtime_ns == before
    dealt = gathered(
        tmp_path,
        lambda folder, part: share_layers(
            of, first, asked, Work(folder, words, silent, print), part
        ),
        lambda folder: run_layers(of, first, asked, Work(folder, words, silent, print)),
        asked,
        pieces(asked),
    )
    parts = msgspec.json.decode(dealt, type=CompressStudy)
    assert [(row.score, row.weights_b) for row in parts.rows] == [
        (row.score, row.weights_b) for row in found.rows
    ]
    assert parts.same


def test_a_score_and_an_image_are_of_the_same_weights(tmp_path: Path) -> None:
    """Where another processor fitted others, both are done again."""
    first, of = halves(int8("regression"), 0)
    asked = asked_of(of, first)
    work = Work(tmp_path, {"board": "host"}, silent, print)
    found = run_layers(of, first, asked, work)
    trials, image = tmp_path / "trials.jsonl", tmp_path / "engine.json"
    lines = trials.read_bytes().splitlines(keepends=True)
    other = msgspec.structs.replace(
        msgspec.json.decode(lines[1], type=Trial), score=0.125, weights_sha256="0" * 64
    )
    trials.write_bytes(b"".join([*lines, msgspec.json.encode(other) + b"\n"]))
    before = image.stat().st_mtime_ns
    again = run_layers(of, first, asked, work)
    assert [row.score for row in again.rows] == [row.score for row in found.rows]
    assert image.stat().st_mtime_ns > before
    assert trials.read_bytes().splitlines(keepends=True)[-1] == lines[1]


def test_a_study_is_of_its_inputs_and_of_how_they_are_scored(tmp_path: Path) -> None:
    """Other ones go on in no folder of it, one of before neither; that can still be shown."""
    first, of = halves(int8("regression"), 0)
    asked = asked_of(of, first)
    few = of_samples(of, np.arange(of.count - 1))
    others = (
        *((few, first), (of, of_samples(first, np.arange(first.count - 1)))),
        (replace(of, metric="none"), first),
        (replace(of, interface=Interface("float32", decimals=1)), first),
        (replace(of, expected=(of.expected[0] + 1, *of.expected[1:])), first),
        (replace(of, sound=Sound(((1.0, 2.0),), 3.0)), first),
    )
    found = {digest(*one) for one in others}
    assert len(found | {asked.inputs_sha256}) == len(others) + 1
    assert asked_of(few, first) != asked
    before = msgspec.to_builtins(asked)
    del before["inputs_sha256"]
    (tmp_path / "asked.json").write_bytes(msgspec.json.encode(before))
    with pytest.raises(OtherFolderError, match="inputs_sha256 is"):
        open_asked(tmp_path, asked, "study")
    assert msgspec.convert(before, Asked).inputs_sha256 == ""


def test_what_is_kept_is_fitted_to_what_layers_gave(tmp_path: Path) -> None:
    """The sums of a layer are nearer to what they were than by the mean of the tied weights.

    A palette of as many values as there are weights keeps all; biases make up for the mean.
    """
    first, of = halves(int8("regression"), 0)
    layers, without = layers_of(of.graph)
    assert not without
    loaded = host_engine.load(host_engine.build(of.graph, of.interface, of.model_id), tmp_path, 0)
    read = moments_of(first, layers, loaded)
    shared = robe(32, 4)
    named = kept(layers, ("robe", 2.0), shared, read)
    blunt = kept(
        layers, ("robe", 2.0), shared, [replace(x, squares=np.eye(len(x.mean))) for x in read]
    )
    far = []
    for one in (named, blunt):
        lost = 0.0
        for whole, layer, x in zip(weights(one.net)[1:], layers, read, strict=True):
            apart = layer.values.astype(float) - whole
            lost += float(np.einsum("oi,ij,oj->", apart, x.squares, apart))
        far.append(lost)
    assert far[0] < far[1]
    graph = model_with(of.graph, layers, named, read)
    for layer, x, whole in zip(layers, read, weights(named.net)[1:], strict=True):
        both = [biases(g, layer.op) for g in (of.graph, graph)]
        moved = (layer.values.astype(float) - whole) @ x.mean
        assert np.abs(both[1] - both[0] - moved).max() <= 0.5
        assert graph.tensors[layer.tensor].data == whole.tobytes()


def test_layers_that_cannot_be_kept_are_refused_or_named() -> None:
    """Weights that two layers share stay; a model of floats has no layer of int8."""
    of = int8("regression")
    first, second = of.graph.operators
    both = msgspec.structs.replace(
        second, inputs=(second.inputs[0], second.inputs[1], first.inputs[2])
    )
    found, without = layers_of(msgspec.structs.replace(of.graph, operators=(first, both)))
    assert not found
    assert "those of another layer, too" in without[0]
    with pytest.raises(UsageError, match="its weights are no int8 constants"):
        asked_of(doubled("regression"), of)
    with pytest.raises(UsageError, match="that are scored are all of one class, which have no AUC"):
        asked_of(replace(int8("auc"), labels=(0,) * 24), of)
    with pytest.raises(UsageError, match="prunes a layer whole, of 32 weights"):
        ask_layers(of, of, "host", ["prune"], (64,), 4, 1)
    with pytest.raises(UsageError, match="blocks of 16 weights, in an array of 8"):
        ask_layers(of, of, "host", ["robe"], (8,), 16, 1)
    with pytest.raises(UsageError, match="both told as 2"):
        asked_of(of, of, (2, 2.0000001))
    with pytest.raises(UsageError, match="rates of 2, 4, 8 alone"):
        ask_layers(of, of, "host", ["palette"], (3,), 16, 1)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--layers",), "are of --task"),
        (("--limit", "3"), "are of --task"),
        (("--task", "kws", "--limit", "3"), "add --layers"),
        (("--task", "ad", "--hidden", "4", "--trials", "2"), "--hidden, --trials: of nets"),
        (("--task", "kws", "--layers", "--test", "3000"), "--test: of nets"),
        (("--task", "ad", "--csv", "x.csv"), "--csv: of nets"),
    ],
)
def test_what_is_of_nets_or_of_layers_is_not_mixed(words: tuple[str, ...], said: str) -> None:
    """In one line, before anything is read."""
    done = tinybench("study", "compress", *words)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert said in done.stderr
