"""Pruned layers fitted again: by inputs alone, and by labels; what a board then runs."""

import hashlib
import re
import sys
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from tests.bench.study.noise_golden import of_model, wide
from tests.models import tflite_builder as build_model
from tinybench import extras
from tinybench.errors import RunFolderError, ToolMissingError, UsageError
from tinybench.models.compiler.interface import Interface
from tinybench.models.compiler.reader import read_graph
from tinybench.runner.study.host_engine import build, infer, load, patch, written
from tinybench.runner.study.kept import keep_part
from tinybench.runner.study.layers.columns import columns_of, pixels_of
from tinybench.runner.study.layers.told import told
from tinybench.runner.study.one_image import on_host, sources
from tinybench.runner.study.parts import gather
from tinybench.runner.study.sparsity import mended as mended_
from tinybench.runner.study.sparsity.candidates import MENDED, Makes
from tinybench.runner.study.sparsity.findings import Asked, SparsityStudy
from tinybench.runner.study.sparsity.fitted import Fitted, Store
from tinybench.runner.study.sparsity.matrices import made, matrices_of
from tinybench.runner.study.sparsity.mended import mended, whole_of
from tinybench.runner.study.sparsity.pruned import Block
from tinybench.runner.study.sparsity.sparsity import ask, pieces, run_sparsity
from tinybench.runner.study.sparsity.sparsity_c import (
    Way,
    left,
    order_in,
)
from tinybench.runner.study.sparsity.split import Split, split
from tinybench.runner.study.subject import Subject, dealt, subject
from tinybench.runner.study.work import Work
from tinybench.runner.study.worth import answers, worth
from tinybench.track import silent

BLOCKS = (Block(8, 0), Block(16, 20))


def test_what_is_left_is_fitted_to_inputs_without_labels(tmp_path: Path) -> None:
    """A keyword model whose convolutions lose a third in blocks keeps most of its score by it."""
    parts = split(subject("kws", limit=160), 1)
    of, half = parts.scored, parts.fitted
    assert (len(of.labels), len(half.inputs), len(parts.held.labels)) == (80, 60, 20)
    matrices, _ = matrices_of(of.graph, 2, convolutions=True)
    way = Way("bcr", "plain", 1.5, BLOCKS[0])
    first = load(build(of.graph, of.interface, of.model_id), tmp_path, 0)
    clean = worth(of, answers(of, infer(first, of.inputs))).score
    tensors_of = [one.tensor for one in matrices]
    whole = whole_of(half, tensors_of, first)
    prune = Makes(matrices, lambda _: MENDED).prune(way)
    graph = mended(of, tensors_of, prune, whole, first, tmp_path)
    for one in matrices:
        found = np.frombuffer(graph.tensors[one.tensor].data or b"", np.int8)
        found = found.reshape(one.values.shape)
        assert (left(way, found) == found).all()
        assert 1.4 < found.size / np.count_nonzero(found) < 1.7
    tensors = [msgspec.structs.replace(one) for one in of.graph.tensors]
    for one in matrices:
        data = left(way, one.values).tobytes()
        tensors[one.tensor] = msgspec.structs.replace(tensors[one.tensor], data=data)
    once = msgspec.structs.replace(of.graph, tensors=tuple(tensors))
    scores = list[float]()
    for each in (once, graph):
        assert patch(first, each)
        scores.append(worth(of, answers(of, infer(first, of.inputs))).score)
    assert scores[0] < clean - 0.4
    assert scores[1] > clean - 0.15


def test_a_mended_model_is_a_file_that_answers_so(tmp_path: Path) -> None:
    """Beside the figures, under its name; it is gathered like these, and a board runs its weights.

    Weights that are gone are fitted again, and a board runs those; others in their place are
    refused.
    """
    parts = split(wide(64), 1)
    of = parts.scored
    matrices, _ = matrices_of(of.graph, 4)
    blocks = (Block(8, 0),)
    words = ("bcr", "reordered", "csr")
    asked = ask(matrices, "wide", "host", words, (1.5,), blocks, of, 1, parts)
    given = (matrices, [], asked, blocks)
    words = ({"board": "host"}, silent, lambda _: None)
    found = run_sparsity(of, *given, Work(tmp_path / "a", *words), parts)
    into = tmp_path / "b"
    gather(into, [tmp_path / "a"], asked, pieces(matrices, asked, blocks, "host"))
    assert run_sparsity(of, *given, Work(into, *words), parts) == found
    inputs = np.random.default_rng(2).integers(-128, 128, (6, 64), np.int8)
    here = on_host(into / "engine", inputs, 4, sources())
    names = enumerate(("bcr-1.5x-8xall", "reordered-1.5x-8xall", "csr-1.5x"), 1)
    for row, (number, name) in zip(found.rows[1:], names, strict=True):
        data = (into / "models" / f"{name}-mended.tflite").read_bytes()
        graph = read_graph(data)
        loaded = load(build(graph, of.interface, name), tmp_path, number)
        assert worth(of, answers(of, infer(loaded, of.inputs))).score == row.mended
        assert len(data) == len(of.data)
        assert row.counted_score == row.mended
        assert (row.weights, row.rows_equal) == ("mended", found.inputs)
        layers = [
            np.frombuffer(graph.tensors[one.tensor].data or b"", np.int8).reshape(one.values.shape)
            for one in matrices
        ]
        assert (here[:, number] == told(layers, inputs)).all()
        assert row.left == sum(map(np.count_nonzero, layers)) / sum(one.size for one in layers)
    lines = (into / "trials.jsonl").read_bytes().splitlines(keepends=True)
    for trial in (b'"trial":0', b'"trial":1'):  # as after kill -9 between the two
        (into / "trials.jsonl").write_bytes(b"".join(one for one in lines if trial in one))
        assert run_sparsity(of, *given, Work(into, *words), parts) == found
        assert len((into / "trials.jsonl").read_bytes().splitlines()) == len(lines) * 3 // 2
    path = into / "models" / "csr-1.5x-mended.int8"
    before = path.read_bytes()
    path.unlink()
    assert run_sparsity(of, *given, Work(into, *words), parts) == found
    assert path.read_bytes() == before
    other = np.frombuffer(before, np.int8).copy()
    other[::2] = 0
    keep_part(path.with_suffix(".json"), Fitted(0.5, hashlib.sha256(other.tobytes()).hexdigest()))
    path.write_bytes(other.tobytes())
    anew = run_sparsity(of, *given, Work(into, *words), parts)
    assert [row.left for row in anew.rows[:-1]] == [row.left for row in found.rows[:-1]]
    assert anew.rows[-1].rows_equal == anew.board_rows_equal == found.inputs
    assert anew.rows[-1].left == np.count_nonzero(other) / len(other) < found.rows[-1].left
    assert anew.rows[-1].weights_b < found.rows[-1].weights_b
    path.write_bytes(path.read_bytes()[:-1] + b"\x7e")
    with pytest.raises(RunFolderError, match="remove both, and ask for the same again"):
        run_sparsity(of, *given, Work(into, *words), parts)
    path.with_suffix(".json").write_bytes(b"{")
    with pytest.raises(RunFolderError, match=r"cannot be read: .*; remove both"):
        run_sparsity(of, *given, Work(into, *words), parts)


def test_weights_whose_sums_became_too_large_are_run_in_plain_c(tmp_path: Path) -> None:
    """After fitting no two rows may share words any more, whichever of them is the first."""
    matrices = made((8, 600), 1)
    store = Store(wide(64), tmp_path, matrices, lambda _: None)
    ways = [Way("csr", kernel, 1.0) for kernel in ("dsp", "mve")]
    for row in (None, 3, 4):
        whole = matrices[0].values.copy()
        if row is not None:
            whole[row] = 127
        path = store.path(ways[0], MENDED)
        keep_part(
            path.with_suffix(".json"), Fitted(0.5, hashlib.sha256(whole.tobytes()).hexdigest())
        )
        path.write_bytes(whole.tobytes())
        makes = Makes(matrices, lambda _: MENDED, store)
        found = [makes.candidate(way) for way in ways]
        assert [one.way.kernel for one in found] == ["plain" if row else "dsp", "mve"]
        assert len({makes.digest(way) for way in ways}) == 1
        assert all((one.layers[0].whole == whole).all() for one in found)


def test_no_library_in_use_is_written_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each that mending loads is a file of its own, whichever way is mended."""
    of, numbers = wide(64), list[int]()
    matrices, _ = matrices_of(of.graph, 4)
    tensors = [one.tensor for one in matrices]
    first = load(build(of.graph, of.interface, of.model_id), tmp_path, 0)
    whole = whole_of(of, tensors, first)
    monkeypatch.setattr(mended_, "patch", lambda *given: patch(*given) and False)
    monkeypatch.setattr(mended_, "build", lambda *_: None)
    monkeypatch.setattr(mended_, "load", lambda *given: numbers.append(given[2]) or first)
    for rate in (2.0, 4.0):
        prune = Makes(matrices, lambda _: MENDED).prune(Way("csr", "plain", rate))
        mended(of, tensors, prune, whole, first, tmp_path)
    assert len({*numbers}) == 2 * len(tensors)


def learn(parts: Split, folder: Path) -> SparsityStudy:
    """Do a small study of a task that learns, in blocks of one form at one rate."""
    of = parts.scored
    matrices, _ = matrices_of(of.graph, 4, convolutions=True)
    asked = ask(matrices, "kws", "host", ("bcr",), (1.5,), BLOCKS[:1], of, 1, parts, learn=True)
    work = Work(folder, {"board": "host"}, silent, lambda _: None)
    return run_sparsity(of, matrices, [], asked, BLOCKS[:1], work, parts)


@pytest.mark.training
def test_a_pruned_model_learns_from_labels_in_its_own_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It tells more classes than as it was pruned; the same seed gives it again, from the file."""
    from tinybench.models.training import sparse

    monkeypatch.setattr(sparse, "ROUNDS", 2)
    monkeypatch.setattr(sparse, "ALONE", 40)
    parts = split(subject("kws", limit=160), 1)
    found = learn(parts, tmp_path / "study")
    row = found.rows[-1]
    assert row.score is not None
    assert row.mended is not None
    assert row.learnt is not None
    assert row.learnt > max(row.score + 0.4, row.mended - 0.1)
    assert found.asked.learnt == len(parts.fitted.inputs) == 60
    lines = (tmp_path / "study" / "trials.jsonl").read_bytes().splitlines(keepends=True)
    assert b"learnt" in lines[-1]
    (tmp_path / "study" / "trials.jsonl").write_bytes(b"".join(lines[:-1]))
    assert learn(parts, tmp_path / "study") == found


def test_what_cannot_learn_is_refused_before_anything_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Labels beyond the classes, outputs that are no inputs, no TensorFlow: each in a line."""
    parts = split(subject("kws", limit=40), 1)
    first, of = parts.fitted, parts.scored
    matrices, _ = matrices_of(of.graph, 4, convolutions=True)

    def asked(first: Subject) -> None:
        given = replace(parts, fitted=first)
        ask(matrices, "kws", "host", ("bcr",), (1.5,), BLOCKS[:1], of, 1, given, learn=True)

    with pytest.raises(UsageError, match="tells 12 classes"):
        asked(replace(first, labels=(12, *first.labels[1:])))
    with pytest.raises(UsageError, match="takes 490 values and gives 12"):
        asked(replace(first, metric="auc"))
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(ToolMissingError, match=re.escape(extras.command("train"))):
        learn(parts, tmp_path)
    assert not (tmp_path / "trials.jsonl").read_bytes()


def test_no_sample_is_learnt_from_and_chosen_by_or_scored() -> None:
    """Each is in one part with its windows; of a task with an AUC, only normal ones are learnt
    from. Files that take turns, as those of four machines, are in the half that is scored and in
    the other one.
    """
    whole = subject("ad", limit=80)
    first = [int(np.flatnonzero(whole.owners == n)[0]) for n in range(80)]
    at = {whole.inputs[row].tobytes(): n for n, row in enumerate(first)}
    parts, found = split(whole, 1), list[int]()
    scored, held, fitted = (
        [at[one.inputs[row].tobytes()] for row in np.unique(one.owners, return_index=True)[1]]
        for one in (parts.scored, parts.held, parts.fitted)
    )
    for part, taken in ((parts.scored, scored), (parts.held, held), (parts.fitted, fitted)):
        assert part.labels == tuple(whole.labels[n] for n in taken)
        wanted = [whole.inputs[whole.owners == n] for n in taken]
        assert (part.inputs == np.concatenate(wanted)).all()
        assert [part.owners.tolist().count(n) for n in range(len(wanted))] == [*map(len, wanted)]
        found += taken
    assert sorted(found) == [*range(80)]
    assert [whole.labels[n] for n in fitted] == [0] * 15
    assert sorted(whole.labels[n] for n in held) == [0] * 5 + [1] * 20
    assert {n % 4 for n in scored} == {n % 4 for n in fitted} == {0, 1, 2, 3}
    assert (split(whole, 1).scored.inputs == parts.scored.inputs).all()
    assert (split(whole, 2).scored.inputs != parts.scored.inputs).any()


def test_any_sample_can_be_in_either_half() -> None:
    """Also where each label has a single one, by another seed."""
    of = replace(windowed(), labels=tuple(range(40)))
    learnt = [set(dealt(of, seed)[0].tolist()) for seed in range(8)]
    assert set.union(*learnt) == {*range(40)}


def test_each_part_has_each_class() -> None:
    """Also where labels come in turns, as those of the pictures do, or in a row."""
    for labels in (tuple(range(5)) * 8, tuple(n // 8 for n in range(40))):
        parts = split(replace(windowed(), labels=labels), 1)
        for part, count in ((parts.scored, 4), (parts.fitted, 3), (parts.held, 1)):
            assert sorted(part.labels) == [label for label in range(5) for _ in range(count)]


def test_a_part_without_a_score_is_refused_by_its_name() -> None:
    """Before a folder is made; and a study is of the inputs of each part."""
    whole = subject("ad", limit=40)
    parts = split(whole, 1)
    matrices, _ = matrices_of(whole.graph, 2)

    def asked(given: Split) -> Asked:
        return ask(matrices, "ad", "host", ("csr",), (2.0,), (), given.scored, 1, given)

    found = asked(parts)
    assert (found.samples, found.mended, found.held) == (20, 8, 12)
    for name, which in (("held", "that are held out"), ("scored", "that are scored")):
        part = getattr(parts, name)
        odd = replace(part, labels=(0,) * len(part.labels))
        with pytest.raises(UsageError, match=f"of task ad {which} are all of one class"):
            asked(replace(parts, **{name: odd}))
        other = replace(part, labels=tuple(1 - label for label in part.labels))
        assert asked(replace(parts, **{name: other})) != found
    assert asked(replace(parts, fitted=replace(parts.fitted, channels=2))) != found


def test_weights_or_biases_that_layers_share_stay() -> None:
    """What is written for one of them would be the other's, too."""
    of = wide(64)
    first, second = (op for op in of.graph.operators if op.name == "FULLY_CONNECTED")
    shared = msgspec.structs.replace(first, inputs=(*first.inputs[:2], second.inputs[2]))
    operators = tuple(shared if op is first else op for op in of.graph.operators)
    found, without = matrices_of(msgspec.structs.replace(of.graph, operators=operators), 1)
    assert not found
    assert "those of another layer, too" in without[0]


def test_too_few_inputs_are_refused() -> None:
    """A single one, too few to choose by, none that is normal: in a line."""
    few = windowed()
    for labels, metric, words in (
        ((0,), "top1", "1 in all: no input is left to choose by; .* higher --limit"),
        ((0,) * 6, "top1", "6 in all: no input is left to choose by"),
        ((1,) * 40, "auc", "dealt out, 40 in all: no normal input is left to learn from"),
    ):
        count = len(labels)
        given = {"inputs": few.inputs[:count], "owners": np.arange(count), "labels": labels}
        with pytest.raises(UsageError, match=words):
            split(replace(few, metric=metric, **given), 1)


def windowed() -> Subject:
    """Return two convolutions with windows behind one of 3 channels; 40 images of bytes."""
    rng = np.random.default_rng(5)
    model = build_model.chain(
        build_model.convolution(rng, (9, 8, 3), 8),
        build_model.convolution(rng, (9, 8, 8), 16, stride=(2, 2), relu=build_model.RELU),
        build_model.convolution(
            rng, (5, 4, 16), 8, (2, 3), padding=build_model.VALID, dilation=(3, 1), bias=False
        ),
    )
    inputs = rng.integers(0, 256, (40, 9 * 8 * 3), np.uint8)
    found = of_model(build_model.write(model), inputs, np.zeros(40, np.int64))
    return replace(found, interface=Interface("uint8"))


def test_a_window_is_a_row_of_a_matrix(tmp_path: Path) -> None:
    """Strides, edges of the zero point, dilation, an input that is turned over: rows times the
    matrix and biases, rescaled, are what the layer writes.
    """
    of = windowed()
    loaded = load(build(of.graph, of.interface, of.model_id), tmp_path, 0)
    rng = np.random.default_rng(1)
    for op in of.graph.operators:
        source, target = (of.graph.tensors[index] for index in (op.inputs[0], op.outputs[0]))
        weights = of.graph.tensors[op.inputs[1]]
        which = rng.permutation(len(of.inputs) * pixels_of(of.graph, op))[:300]
        read = written(loaded, of.graph, of.inputs, op.inputs[0])
        rows = columns_of(of.graph, op, read, which).astype(np.int64) - source.zero_point
        matrix = np.frombuffer(weights.data or b"", np.int8).reshape(weights.shape[0], -1)
        sums = rows @ matrix.T.astype(np.int64)
        if op.inputs[2] >= 0:
            sums += np.frombuffer(of.graph.tensors[op.inputs[2]].data or b"", "<i4")
        scales = source.scale * np.array(weights.scales) / target.scale
        low = (
            target.zero_point if op.options["FusedActivationFunction"] == build_model.RELU else -128
        )
        wanted = np.clip(np.rint(sums * scales) + target.zero_point, low, 127)
        gave = written(loaded, of.graph, of.inputs, op.outputs[0])
        gave = gave.reshape(-1, len(matrix))[which]
        assert np.abs(wanted - gave).max() <= 1  # halves, which are rounded otherwise
        assert (wanted == gave).mean() > 0.99
        assert len(np.unique(gave)) > 50


@pytest.mark.parametrize("scheme", ["bcr", "reordered"])
def test_convolutions_with_windows_are_fitted_and_stay_pruned(tmp_path: Path, scheme: str) -> None:
    """The sums of what is fitted are nearer to what they were; odd widths are named."""
    of = windowed()
    matrices, without = matrices_of(of.graph, 2, convolutions=True, windows=True)
    assert [one.values.shape for one in matrices] == [(16, 72), (8, 96)]
    assert without == ["0 8x3x3x3: its 27 inputs do not come in fours"]
    assert "--windows prunes it" in "".join(matrices_of(of.graph, 2, convolutions=True)[1])
    way = Way(scheme, "plain", 1.5, BLOCKS[0])
    first = load(build(of.graph, of.interface, of.model_id), tmp_path, 0)
    clean = infer(first, of.inputs)
    tensors_of = [one.tensor for one in matrices]
    whole = whole_of(of, tensors_of, first)
    prune = Makes(matrices, lambda _: MENDED).prune(way)
    fitted = mended(of, tensors_of, prune, whole, first, tmp_path)
    once = list(of.graph.tensors)
    for one in matrices:
        found = np.frombuffer(fitted.tensors[one.tensor].data or b"", np.int8)
        found = found.reshape(one.values.shape)
        order = order_in(way, one.values)
        assert (left(way, found, order) == found).all()
        assert 0 < np.count_nonzero(found) < found.size / 1.4
        data = left(way, one.values, order).tobytes()
        once[one.tensor] = msgspec.structs.replace(once[one.tensor], data=data)
    lost = list[float]()
    for graph in (msgspec.structs.replace(of.graph, tensors=tuple(once)), fitted):
        assert patch(first, graph)
        lost.append(float(np.square(infer(first, of.inputs) - clean).mean()))

    assert lost[1] < lost[0] / 2


def test_a_layer_is_fitted_to_what_the_model_reads(tmp_path: Path) -> None:
    """Floats that are quantised on the board are as many steps of int8, not bytes."""
    whole = windowed()
    source = whole.graph.tensors[whole.graph.inputs[0]]
    steps = np.random.default_rng(2).uniform(-140, 140, (5, source.elements))
    floats = ((steps - source.zero_point) * source.scale).astype(np.float32)
    of = replace(whole, inputs=floats.view(np.uint8), interface=Interface("float32"))
    loaded = load(build(of.graph, of.interface, of.model_id), tmp_path, 0)
    read = written(loaded, of.graph, of.inputs, source.index)
    assert read.shape == steps.shape
    assert np.abs(read - np.clip(steps, -128, 127)).max() < 0.51
