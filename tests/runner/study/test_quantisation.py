"""Float models quantised after training: the file, its answers, and what it takes on a board."""

import hashlib
import sys
from dataclasses import replace
from pathlib import Path
from typing import get_args

import msgspec
import numpy as np
import pytest

from tests import ROOT
from tests.program import tinybench
from tests.runner.study.dealt import but_times, copy_runs, gathered
from tinybench.datasets.fetch import Pinned
from tinybench.errors import ModelError, ToolMissingError, UsageError
from tinybench.models import quantiser, tflite_writer
from tinybench.models.compiler.graph import Graph
from tinybench.models.compiler.interface import Interface
from tinybench.models.compiler.reader import read_graph
from tinybench.models.quantiser import Scheme, Step
from tinybench.models.tflite_writer import RELU, SAME, Operator, Tensor
from tinybench.runner.build.own_task import Given, own_task
from tinybench.runner.build.truth import Truth
from tinybench.runner.report.study import quantisation as report
from tinybench.runner.results.asked import open_asked
from tinybench.runner.results.result import read_result
from tinybench.runner.session.own_model import examined
from tinybench.runner.study import host_engine
from tinybench.runner.study.listed import find_studies
from tinybench.runner.study.quantisation import quantisation
from tinybench.runner.study.quantisation.quantisation import (
    PIECES,
    QuantisationStudy,
    Source,
    ask,
    float_model,
    run_quantisation,
    share_quantisation,
    unlike,
)
from tinybench.runner.study.quantisation.tested import against, counts_of, dealt
from tinybench.runner.study.sound import Sound
from tinybench.runner.study.subject import ANY_METRIC, Subject, of_samples, subject
from tinybench.runner.study.work import Work
from tinybench.runner.study.worth import worth
from tinybench.track import silent

Floats = np.ndarray
SCHEMES: tuple[Scheme, ...] = get_args(Scheme)


def net(seed: int = 3) -> bytes:
    """Return a small float net of random weights: 8x8x3, convolutions, a pool, dense, softmax."""
    rng = np.random.default_rng(seed)

    def floats(*shape: int, scale: float = 0.5) -> Tensor:
        return Tensor(shape, "FLOAT32", data=rng.normal(0, scale, shape).astype("<f4"))

    def one(*shape: int) -> Tensor:
        return Tensor(shape, "FLOAT32")

    tensors = [
        one(1, 8, 8, 3), floats(6, 3, 3, 3), floats(6), one(1, 4, 4, 6),
        floats(1, 3, 3, 6), floats(6, scale=0.1), one(1, 4, 4, 6), one(1, 4, 4, 6),
        one(1, 1, 1, 6), floats(5, 6, scale=2), floats(5), one(1, 5), one(1, 5), one(1, 6),
        Tensor([2], "INT32", data=np.array([1, 6], "<i4")),
    ]  # fmt: skip
    convolved = {"Padding": SAME, "StrideW": 2, "StrideH": 2, "FusedActivationFunction": RELU,
                 "DilationWFactor": 1, "DilationHFactor": 1}  # fmt: skip
    deep = {**convolved, "StrideW": 1, "StrideH": 1, "DepthMultiplier": 1}
    pooled = {"Padding": 1, "StrideW": 4, "StrideH": 4, "FilterWidth": 4, "FilterHeight": 4}
    operators = [
        Operator("CONV_2D", [0, 1, 2], [3], convolved),
        Operator("DEPTHWISE_CONV_2D", [3, 4, 5], [6], deep),
        Operator("ADD", [3, 6], [7]),
        Operator("AVERAGE_POOL_2D", [7], [8], pooled),
        Operator("RESHAPE", [8, 14], [13]),
        Operator("FULLY_CONNECTED", [13, 9, 10], [11]),
        Operator("SOFTMAX", [11], [12], {"Beta": 1.0}),
    ]
    return tflite_writer.write(tflite_writer.Model(tensors, operators, [0], [12]))


@pytest.fixture(scope="module")
def answered(
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, tuple[bytes, Floats, Floats]]:
    """Each scheme's file, uploads and answers; and those of the floats."""
    folder = tmp_path_factory.mktemp("libraries")
    values = np.random.default_rng(1).normal(0, 1, (60, 8 * 8 * 3)).astype("<f4")
    graph = read_graph(net())
    loaded = host_engine.load(host_engine.build(graph, Interface(), "net"), folder, 0)
    uploads = values.view(np.uint8)
    found = {"float": (net(), uploads, host_engine.infer(loaded, uploads))}
    ranges = host_engine.ranges(loaded, graph, uploads[:30])
    for number, scheme in enumerate(SCHEMES, 1):
        data = quantiser.quantised(graph, ranges, scheme)
        made = read_graph(data)
        tensor = made.tensors[made.inputs[0]]
        step, wide = Step(tensor.scale, tensor.zero_point), tensor.type == "INT16"
        each = np.ascontiguousarray(quantiser.as_steps(values, step, wide=wide))
        each = each.view(np.uint8).reshape(60, -1)
        library = host_engine.build(made, Interface(), f"net{number}")
        answers = host_engine.infer(host_engine.load(library, folder, number), each)
        found[scheme] = data, each, answers
    return found


def test_quantised_nets_answer_as_the_floats_do(
    answered: dict[str, tuple[bytes, Floats, Floats]],
) -> None:
    """Within a few steps of int8; int16 activations are nearer; most classes are equal."""
    floats = answered["float"][2]
    far = {name: float(np.abs(answered[name][2] - floats).mean()) for name in SCHEMES}
    assert far["int16x8"] < far["int8-channel"] < 0.02
    assert far["int8-channel"] < far["int8-tensor"] < 0.05
    for name in SCHEMES:
        same = answered[name][2].argmax(axis=1) == floats.argmax(axis=1)
        assert same.mean() >= 0.9


def test_the_file_is_one_that_litert_reads_and_computes_alike(
    answered: dict[str, tuple[bytes, Floats, Floats]],
) -> None:
    """By its own kernels, to the bit."""
    litert = pytest.importorskip("ai_edge_litert.interpreter")
    plain = litert.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    for name in SCHEMES:
        data, uploads, answers = answered[name]
        scale, zero = (1 / 32768, 0) if name == "int16x8" else (1 / 256, -128)
        there = litert.Interpreter(model_content=data, experimental_op_resolver_type=plain)
        there.allocate_tensors()
        (source,), (target,) = there.get_input_details(), there.get_output_details()
        for one, answer in zip(uploads[:10], answers[:10], strict=True):
            there.set_tensor(source["index"], one.view(source["dtype"]).reshape(1, 8, 8, 3))
            there.invoke()
            wanted = there.get_tensor(target["index"]).ravel()
            assert np.rint(answer / scale + zero).tolist() == wanted.tolist()


def test_each_scheme_has_its_own_steps(answered: dict[str, tuple[bytes, Floats, Floats]]) -> None:
    """One scale a layer or one a channel; biases of int32 or int64; 0 is exact."""

    def weights(name: str) -> Graph:
        return read_graph(answered[name][0])

    for name, count, bias in (
        ("int8-tensor", 1, "INT32"), ("int8-channel", 6, "INT32"), ("int16x8", 6, "INT64"),
    ):  # fmt: skip
        graph = weights(name)
        convolution = graph.operators[0]
        tensors = [graph.tensors[index] for index in convolution.inputs]
        assert (len(tensors[1].scales), tensors[2].type) == (count, bias)
        assert tensors[1].data is not None
        assert np.abs(np.frombuffer(tensors[1].data, "i1").astype(int)).max() == 127
    step = quantiser.step_of(0.5, 2.0, wide=False)
    assert (step.zero_point, step.scale) == (-128, 2 / 255)
    assert quantiser.step_of(0.0, 0.0, wide=True).scale > 0
    with pytest.raises(ModelError, match="infinite"):
        quantiser.step_of(0.0, float("inf"), wide=False)


@pytest.fixture(scope="module")
def own() -> Subject:
    """The net of int8 as a task's model, by ranges that it about has; any labels."""
    highs = {3: 10.0, 6: 10.0, 7: 12.0, 8: 6.0, 11: 20.0, 12: 1.0, 13: 6.0}
    ranges = {0: (-4.0, 4.0), **{index: (0.0, high) for index, high in highs.items()}}
    data = quantiser.quantised(read_graph(net()), ranges | {11: (-20.0, 20.0)}, "int8-channel")
    inputs = np.random.default_rng(2).integers(0, 256, (20, 8 * 8 * 3), np.uint8)
    return Subject(
        task="own", model_id="own", metric="top1", graph=read_graph(data), interface=Interface(),
        inputs=inputs, owners=np.arange(20), labels=tuple(range(5)) * 4, model="own.tflite",
        model_sha256="", model_origin="custom", dataset="own", dataset_origin="custom",
        dataset_sha256="", note="",
    )  # fmt: skip


def studied(of: Subject, folder: Path) -> tuple[QuantisationStudy, list[str]]:
    """Quantise the model's weights anew; return what was said, too."""
    said = list[str]()
    source = float_model(of, None, None)
    asked = ask(of, source, "host", ["int8-channel"], 6, 8)
    work = Work(folder, {"board": "host"}, silent, said.append)
    return run_quantisation(of, source, asked, work), said


def test_a_model_of_integers_made_floats_and_integers_again_answers_as_before(
    own: Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every answer of the board is that of the C here; nothing is done twice.

    Parts that are gathered are the same study.
    """
    whole = tmp_path / "whole"
    found, _ = studied(own, whole)
    assert "its weights as floats" in found.origin
    assert [row.scheme for row in found.rows] == ["float", "int8-channel"]
    for row in found.rows:
        assert row.rows == row.rows_equal == 8
        assert (row.same_class or 0) >= 7 / 8
        assert row.latency_s
    assert (found.rows[0].tensor_ram_b or 0) > 3 * (found.rows[1].tensor_ram_b or 0)
    assert [row.name for row in find_studies(whole).rows] == ["float", "int8-channel"]
    (whole / "study.json").unlink()
    states = {path: path.stat().st_mtime_ns for path in whole.glob("*/result.json")}
    assert studied(own, whole)[0] == found
    assert all(path.stat().st_mtime_ns == at for path, at in states.items())
    assert report.as_csv(found).count("\n") == 3
    assert "points lost" in report.markdown(found)
    assert report.as_png(found).startswith(b"\x89PNG")
    copy_runs(monkeypatch, quantisation, whole)
    source, words = float_model(own, None, None), ({"board": "host"}, silent, lambda _: None, 1)
    assert but_times(whole) == gathered(
        tmp_path,
        lambda folder, part: share_quantisation(
            own, source, found.asked, Work(folder, *words), part
        ),
        lambda folder: run_quantisation(own, source, found.asked, Work(folder, *words)),
        found.asked,
        PIECES,
    )
    assert (tmp_path / "gathered" / "models" / "float.tflite").is_file()


def test_weights_that_have_learnt_need_no_tensorflow(
    own: Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A study that was interrupted behind the learning goes on from its model."""
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    source = float_model(own, None, None)
    asked = ask(own, source, "host", ["qat-channel"], 6, 8)
    given = (own, source, asked, Work(tmp_path, {"board": "host"}, silent, lambda _: None))
    with pytest.raises(ToolMissingError):
        run_quantisation(*given)
    open_asked(tmp_path, asked, "study")
    (tmp_path / "models").mkdir()
    ranges = dict.fromkeys(range(len(own.graph.tensors)), (-20.0, 20.0))
    learnt = quantiser.quantised(read_graph(source.data), ranges, "int8-channel")
    (tmp_path / "models" / "qat-channel.tflite").write_bytes(learnt)
    assert [row.rows_equal for row in run_quantisation(*given).rows] == [8, 8]


def test_what_cannot_be_quantised_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is built, with what would do."""
    kws = subject("kws", limit=14)
    source = float_model(kws, Path("net.tflite"), net())
    with pytest.raises(UsageError, match="takes 192 values"):
        ask(kws, source, "host", SCHEMES, 10, 10)
    assert not unlike(kws, source)
    published = b"published"
    with monkeypatch.context() as patch:
        pinned = Pinned("address", hashlib.sha256(published).hexdigest())
        patch.setattr(quantisation, "float_files", lambda _: (pinned,))
        assert "goes with the official inputs" in unlike(kws, Source(published, "own.tflite"))
        assert not unlike(replace(kws, dataset_origin="official"), Source(published, "own.tflite"))
    data = (ROOT / "models" / "embedded" / "kws01.tflite").read_bytes()
    whole = float_model(kws, Path("own"), data)
    with pytest.raises(ModelError, match="whose inputs and outputs are floats"):
        ask(kws, whole, "host", SCHEMES, 10, 10)
    done = tinybench("study", "quantisation", "--task", "kws", "--schemes", "int4")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "none of int8-tensor" in done.stderr


def doubled(metric: str) -> Subject:
    """Return a model of dense layers that gives its 8 inputs again but for four: 24 samples.

    Each is two windows; of every third sample the lost inputs are large, so that it is odd.
    """
    rng = np.random.default_rng(6)
    into = np.eye(4, 8) + rng.normal(0, 0.02, (4, 8))
    weights = [Tensor((4, 8), "FLOAT32", data=into.astype("<f4")),
               Tensor((8, 4), "FLOAT32", data=into.T.astype("<f4"))]  # fmt: skip
    biases = [Tensor((n,), "FLOAT32", data=np.zeros(n, "<f4")) for n in (4, 8)]
    ends = [Tensor((1, n), "FLOAT32") for n in (8, 4, 8)]
    tensors = [ends[0], weights[0], biases[0], ends[1], weights[1], biases[1], ends[2]]
    operators = [
        Operator("FULLY_CONNECTED", [0, 1, 2], [3]), Operator("FULLY_CONNECTED", [3, 4, 5], [6])
    ]  # fmt: skip
    data = tflite_writer.write(tflite_writer.Model(tensors, operators, [0], [6]))
    labels = tuple(int(n % 3 == 0) for n in range(24))
    values = rng.normal(0, 1, (48, 8)).astype("<f4")
    values[:, 4:] *= np.where(np.repeat(labels, 2)[:, None] == 1, 1.0, 0.3)
    windows = 2 if metric == "auc" else 1
    owners = np.arange(48) // windows
    targets = tuple(values @ into.T @ into + rng.normal(0, 0.1, (48, 8)))
    return Subject(
        task="own", model_id="own", metric=metric, graph=read_graph(data),
        interface=Interface("float32", "mse" if metric == "auc" else "output"),
        inputs=values.view(np.uint8).reshape(48, -1), owners=owners,
        labels=labels if metric == "auc" else (0,) * 48, model="own.tflite", model_sha256="",
        model_origin="custom", dataset="own", dataset_origin="custom", dataset_sha256="", note="",
        data=data, expected=targets if metric == "regression" else (),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("metric", "told", "least"),
    [("auc", "auc", 0.9), ("regression", "r2", 0.8), ("none", "agreement", 0.9)],
)
def test_a_study_scores_as_a_run_does(metric: str, told: str, least: float, tmp_path: Path) -> None:
    """By AUC of the error to floats, R2, or as the float model answers; boards answer as C here.

    A model that is of floats is the float model; its inputs' steps are those of the ranges. Of an
    AUC no odd sample calibrates.
    """
    of = doubled(metric)
    source = float_model(of, None, None)
    assert "of floats as it is" in source.origin
    asked = ask(of, source, "host", SCHEMES, 8, 12)
    parts = dealt(of, asked.calibrate, asked.test)
    if metric == "auc":
        assert np.abs(parts.calibration[:, 4:]).max() < 1.5 < np.abs(parts.uploads[:, 4:]).max()
    found = run_quantisation(of, source, asked, Work(tmp_path, {"board": "host"}, silent, print))
    assert (found.metric, found.by_floats) == (told, metric == "none")
    for row in found.rows:
        assert row.rows == row.rows_equal == 12
        assert least <= row.score <= 1
        assert (row.same_class is None) == (metric != "none")
    assert found.rows[0].lost == 0
    lines = report.markdown(found)
    assert report.METRIC[told] in lines
    share = told in ("top1", "agreement", "unchanged")
    assert ("of 12 inputs, a standard error of up to 14.4 points" in lines) == share
    assert ("held against the float model" in lines) == (metric == "none")
    assert {row.metric for row in find_studies(tmp_path).rows} == {told}
    document = tmp_path / "study.json"
    document.write_bytes(document.read_bytes().replace(f'"{told}"'.encode(), b'"evil"'))
    assert "Invalid enum value 'evil'" in find_studies(tmp_path).unreadable[0]


def test_a_study_is_of_the_inputs_that_it_takes() -> None:
    """Of what gives the ranges as of what is scored, by which metric, however many there are."""
    of = doubled("auc")
    asked = ask(of, (source := float_model(of, None, None)), "host", SCHEMES, 4, 12)
    for other in (
        replace(of, metric="none"), replace(of, inputs=np.roll(of.inputs, 6, axis=0)),
        of_samples(of, np.arange(1, 24)),
    ):  # fmt: skip
        found = ask(other, source, "host", SCHEMES, 4, 12)
        assert msgspec.structs.replace(found, inputs_sha256=asked.inputs_sha256) == asked
        assert found != asked


def test_scores_are_of_what_a_board_prints(tmp_path: Path) -> None:
    """Errors that differ beyond its decimals are as large as each other, here as in a run."""
    of = doubled("auc")
    small = of.inputs.view("<f4") * np.float32(1e-3)
    of = replace(of, inputs=small.view(np.uint8).reshape(of.inputs.shape))
    source = float_model(of, None, None)
    asked = ask(of, source, "host", ["int8-tensor"], 8, 12)
    found = run_quantisation(of, source, asked, Work(tmp_path, {"board": "host"}, silent, print))
    for row in found.rows:
        accuracy = read_result(tmp_path / row.scheme).accuracy
        assert accuracy is not None
        assert accuracy.auc == row.score


def test_a_task_of_ones_own_is_known_by_its_file(tmp_path: Path) -> None:
    """No task of the package has its name; its model has no published form of floats."""
    of = doubled("regression")
    model = tmp_path / "own.tflite"
    model.write_bytes(of.data)
    expected = tuple(tuple(map(float, one)) for one in of.expected)
    rows = tuple((f"{n:02}.bin", one.tobytes()) for n, one in enumerate(of.inputs))
    given = Given(rows, "rows", Truth(metric="regression", expected=expected))
    task = own_task(model, examined(model, ours=True), given, tmp_path / "task")
    found = subject(str(task), takes=ANY_METRIC)
    source = float_model(found, None, None)
    assert source.data == of.data
    assert not unlike(found, source)
    assert not unlike(replace(found, dataset_origin="embedded"), source)
    asked = ask(found, source, "host", SCHEMES, 10, 10)
    assert (asked.task, asked.calibrate, asked.test) == ("own", 10, 10)


def test_outputs_of_several_rows_are_held_against_the_floats_by_r2() -> None:
    """Where nothing else is known; the floats' own have an R2 of 1."""
    of = doubled("exact")
    target = of.graph.tensors[of.graph.outputs[0]]
    shaped = list(of.graph.tensors)
    shaped[target.index] = msgspec.structs.replace(target, shape=(2, 4))
    of = replace(of, graph=msgspec.structs.replace(of.graph, tensors=tuple(shaped)))
    answers = np.random.default_rng(1).normal(0, 1, (48, 8))
    held = against(of, answers)
    assert held.metric == "regression"
    assert worth(held, answers).score == 1
    assert worth(held, answers + 0.1).score < 1
    with pytest.raises(UsageError, match=r"what the float model answers, have targets .* no R2"):
        against(of, np.ones((48, 8)))


def test_a_stream_is_cut_in_two_between_words() -> None:
    """Histories of frames: those before half of the words calibrate, those behind are scored."""
    words = tuple((at, at + 0.5) for at in (1.0, 4.0, 8.0, 12.0))
    of = replace(
        subject("kws", limit=14), metric="stream", sound=Sound(words, 16.0), labels=(0,),
        inputs=np.arange(500)[:, None].repeat(40, axis=1).astype(np.uint8),
        owners=np.zeros(500, np.intp),
    )  # fmt: skip
    tensors = list(of.graph.tensors)
    source = of.graph.inputs[0]
    tensors[source] = msgspec.structs.replace(tensors[source], shape=(1, 3, 1, 40))
    of = replace(of, graph=msgspec.structs.replace(of.graph, tensors=tuple(tensors)))
    calibrate, seconds = counts_of(of, 10, None)
    found = dealt(of, calibrate, seconds)
    first = 172 + 2  # the first frame that begins behind 5.5 s, and one history later
    assert found.calibration.shape == (10, 120)
    assert found.of.inputs[0].reshape(3, 40)[:, 0].tolist() == [first - 2, first - 1, first]
    assert found.of.sound is not None
    assert found.of.sound.words_s == ((8 - first * 0.032, 8.5 - first * 0.032),
                                      (12 - first * 0.032, 12.5 - first * 0.032))  # fmt: skip
    assert dealt(of, 10, 5).of.sound == Sound(found.of.sound.words_s[:1], 5.0)
    with pytest.raises(UsageError, match="a whole one in the part that is scored"):
        counts_of(of, 10, 1)


def uneven(data: bytes) -> Graph:
    """Return a float net of which a channel of the first layer has 30 times larger weights.

    The next layer makes up for it: the same answers, but one scale for all rounds much away.
    """
    graph = read_graph(data)
    tensors = list(graph.tensors)
    for index, at, times in ((1, 0, 30.0), (2, 0, 30.0), (4, 0, 1 / 30)):
        one = tensors[index]
        values = np.frombuffer(one.data or b"", "<f4").reshape(one.shape).copy()
        channel = (..., at) if index == 4 else (at,)
        values[channel] *= times
        tensors[index] = msgspec.structs.replace(one, data=values.tobytes())
    operators = tuple(op for op in graph.operators if op.name != "ADD")
    swapped = tuple(
        msgspec.structs.replace(op, inputs=(6,)) if op.name == "AVERAGE_POOL_2D" else op
        for op in operators
    )
    return msgspec.structs.replace(graph, tensors=tuple(tensors), operators=swapped)


@pytest.mark.training
def test_weights_that_learn_to_be_rounded_lose_less_by_it(tmp_path: Path) -> None:
    """A net that one scale for a layer harms answers more as its floats do; the floats, as in C."""
    from tinybench.models.training import answers, tuned

    graph = uneven(net())
    values = np.random.default_rng(1).normal(0, 1, (120, 8 * 8 * 3)).astype(np.float32)
    uploads = values.view(np.uint8).reshape(120, -1)
    loaded = host_engine.load(host_engine.build(graph, Interface(), "uneven"), tmp_path, 0)
    wanted = host_engine.infer(loaded, uploads)
    theirs = answers.answers(graph, values.reshape(-1, 8, 8, 3)).numpy()
    assert np.abs(theirs - wanted).max() < 1e-5
    found = host_engine.ranges(loaded, graph, uploads[:80])
    step = quantiser.step_of(float(values.min()), float(values.max()), wide=False)
    learnt = tuned.tuned(graph, values[:80], found, "int8-tensor", step, 1)
    apart = []
    for number, each in enumerate((graph, learnt), 1):
        data = read_graph(quantiser.quantised(each, found, "int8-tensor", step))
        built = host_engine.build(data, Interface(), f"uneven{number}")
        rows = quantiser.as_steps(values[80:], step, wide=False).view(np.uint8).reshape(40, -1)
        answers = host_engine.infer(host_engine.load(built, tmp_path, number), rows)
        apart.append(float(np.abs(answers - wanted[80:]).mean()))
    assert apart[1] < 0.9 * apart[0]


@pytest.mark.training
def test_the_converter_of_tensorflow_gives_a_model_that_answers_alike(tmp_path: Path) -> None:
    """A Keras net, as floats to our quantiser, and as integers by TensorFlow's."""
    from tinybench.models.training.command import tensorflow
    from tinybench.models.training.quantise import quantise

    keras = tensorflow(1).keras
    layers = keras.layers
    inputs = layers.Input((8, 8, 3))
    x = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu")(inputs)
    x = layers.DepthwiseConv2D(3, padding="same", activation="relu")(x)
    x = layers.Flatten()(layers.AveragePooling2D(4)(x))
    model = keras.Model(inputs, layers.Dense(4, activation="softmax")(x))
    values = np.random.default_rng(1).normal(0, 1, (64, 8, 8, 3)).astype(np.float32)
    converter = tensorflow().lite.TFLiteConverter.from_keras_model(model)
    graph = read_graph(converter.convert())
    theirs = read_graph(quantise(model, values))
    loaded = host_engine.load(host_engine.build(graph, Interface(), "keras"), tmp_path, 0)
    uploads = np.ascontiguousarray(values).view(np.uint8).reshape(64, -1)
    ours = read_graph(
        quantiser.quantised(graph, host_engine.ranges(loaded, graph, uploads), "int8-channel")
    )
    answers = []
    for number, made in enumerate((ours, theirs), 1):
        tensor = made.tensors[made.inputs[0]]
        each = quantiser.as_steps(values, Step(tensor.scale, tensor.zero_point), wide=False)
        library = host_engine.build(made, Interface(), f"keras{number}")
        data = np.ascontiguousarray(each).view(np.uint8).reshape(64, -1)
        answers.append(host_engine.infer(host_engine.load(library, tmp_path, number), data))
    assert np.abs(answers[0] - answers[1]).max() < 0.03
