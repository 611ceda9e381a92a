"""Models that keep a state: it is put back for every inference, or lasts through a stream."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.firmware import model_runner
from tests.firmware.dut_process import READY, DutProcess, build
from tests.firmware.model_runner import HOST
from tests.models import tflite_builder
from tests.models.random_lstm import lstm
from tests.models.streaming import running_sum, svdf
from tinybench.errors import ModelError
from tinybench.models.compiler import compile_model
from tinybench.models.compiler.reader import read_outline
from tinybench.runner.build.board import load_board

LENGTH = 12


@pytest.fixture(scope="module")
def streaming_objects(
    host_objects: list[Path], tmp_path_factory: pytest.TempPathFactory
) -> list[Path]:
    """The kernels for the host, and a program that keeps the state from one input to the next."""
    folder = tmp_path_factory.mktemp("streaming")
    return model_runner.other_driver(HOST, host_objects, folder, "-DKEEP_STATE")


MODELS = {
    "initialised": lambda: running_sum(initial=[5, -3, 100, 7]),
    "never assigned before it is read": running_sum,
    "with a subgraph that is never called": lambda: running_sum(extra=1),
}


@pytest.mark.parametrize("case", MODELS)
def test_a_stream_carries_its_state_and_an_input_alone_begins_anew(
    case: str, streaming_objects: list[Path], host_objects: list[Path], tmp_path: Path
) -> None:
    """Kept, the answers are those of the reference invoked again and again; else its first ones."""
    pytest.importorskip("tflite_micro", reason="the oracle, tflite-micro, is not installed")
    tflite = tflite_builder.write(MODELS[case]())
    data = np.random.default_rng(0).integers(-20, 20, (LENGTH, 4)).astype(np.int8)
    streamed, manifest = model_runner.answers(HOST, streaming_objects, tflite, data, tmp_path)
    np.testing.assert_array_equal(streamed, model_runner.reference_answers(tflite, data))
    assert manifest.state_b == 4
    alone, _ = model_runner.answers(HOST, host_objects, tflite, data, tmp_path)
    fresh = [model_runner.reference_answers(tflite, one[None])[0] for one in data]
    np.testing.assert_array_equal(alone, fresh)
    assert (streamed[1:] != alone[1:]).any()


@pytest.mark.parametrize("wide", [False, True])
def test_a_layer_that_remembers_equals_the_reference(
    wide: bool, streaming_objects: list[Path], tmp_path: Path
) -> None:
    """A stream through an SVDF with a state of int8 or of int16 gives the same, to the bit."""
    pytest.importorskip("tflite_micro", reason="the oracle, tflite-micro, is not installed")
    rng = np.random.default_rng(3)
    for _ in range(6):
        model = svdf(rng, wide)
        tflite = tflite_builder.write(model)
        data = rng.integers(-128, 128, (24, model.tensors[0].shape[1])).astype(np.int8)
        found, _ = model_runner.answers(HOST, streaming_objects, tflite, data, tmp_path)
        np.testing.assert_array_equal(found, model_runner.reference_answers(tflite, data))
        assert len(np.unique(found)) > 10


def test_sums_beyond_32_bits_go_around(streaming_objects: list[Path], tmp_path: Path) -> None:
    """As in the reference: the greatest weights of a long memory of int16 leave 32 bits."""
    pytest.importorskip("tflite_micro", reason="the oracle, tflite-micro, is not installed")
    rng = np.random.default_rng(8)
    beyond = 0
    for _ in range(6):
        model = svdf(rng, wide=True, greatest=32767)
        times = model.tensors[2].data
        assert times is not None
        beyond += int(np.abs(times.astype(np.int64)).sum() * 32767 > 2**31)
        tflite = tflite_builder.write(model)
        data = rng.choice([-128, 127], (24, model.tensors[0].shape[1])).astype(np.int8)
        found, _ = model_runner.answers(HOST, streaming_objects, tflite, data, tmp_path)
        np.testing.assert_array_equal(found, model_runner.reference_answers(tflite, data))
    assert beyond > 0


def test_sequences_go_on_where_they_were(streaming_objects: list[Path], tmp_path: Path) -> None:
    """An LSTM of int8 begins each sequence with the output and the cell of the one before."""
    pytest.importorskip("tflite_micro", reason="the oracle, tflite-micro, is not installed")
    rng = np.random.default_rng(4)
    for cell_bits in (9, 11, 12, 15):
        model = lstm(rng, cell_bits)
        tflite = tflite_builder.write(model)
        data = rng.integers(-128, 128, (8, np.prod(model.tensors[0].shape))).astype(np.int8)
        found, _ = model_runner.answers(HOST, streaming_objects, tflite, data, tmp_path)
        np.testing.assert_array_equal(found, model_runner.reference_answers(tflite, data))
        assert (found != model_runner.reference_answers(tflite, data, alone=True)).any()


def test_a_state_is_kept_and_put_back_by_a_command(tmp_path: Path) -> None:
    """Windows of one inference or of many answer alike, until the state is to be kept."""
    compile_model(tflite_builder.write(running_sum()), tmp_path, model_id="sum01")
    text = (tmp_path / "model.c").read_text()
    elf = build(load_board("host"), tmp_path / "host", model=text)
    answers = []
    with DutProcess([str(elf)]) as dut:
        dut.read_until(READY)
        dut.upload(bytes([13] * 4))  # 1.0 each, into a sum that is 0
        for command in (
            *(b"infer 1 0", b"infer 3 2", b"state keep", b"infer 1 0", b"infer 1 0"),
            *(b"profile-layers 1", b"results", b"state keep", b"infer 2 0", b"state reset"),
            *(b"infer 1 0", b"state", b"state x"),
        ):
            reply = dut.ask(command)
            if "m-results" in reply or command.startswith(b"state"):
                answers.append(reply.strip().splitlines()[-1])
    sums = ["m-results-[" + ",".join([f"{n}.0"] * 4) + "]" for n in range(4)]
    assert answers == [
        *(sums[1], sums[1], "m-state-[kept]", sums[1], sums[2], sums[3], "m-state-[kept]"),
        *(sums[2], "m-state-[reset]", sums[1]),
        *["e-[Command 'state' requires 'keep' or 'reset']"] * 2,
    ]


def with_weights(model: tflite_builder.Model, kind: str) -> tflite_builder.Model:
    """Return an SVDF whose weights have another type."""
    tensors = list(model.tensors)
    tensors[1] = replace(tensors[1], type=kind)
    return replace(model, tensors=tensors)


def never_assigned() -> tflite_builder.Model:
    """Return a model that reads a variable, and has no operator that assigns it."""
    model = running_sum(extra=1)
    return replace(model, operators=model.operators[:3])


REFUSED = {
    "an initialiser that computes": (
        lambda: running_sum(initial=[1, 2, 3, 4], computes=True),
        r"subgraph 1, which is called once, computes: operator \d QUANTIZE; only assignments",
    ),
    "another size": (
        lambda: running_sum(initial=[1, 2, 3]),
        r"variable 'state' begins with 3 bytes; it holds 4",
    ),
    "a subgraph that is not there": (
        lambda: running_sum(initial=[1, 2, 3, 4], called=7),
        r"operator 0 CALL_ONCE calls subgraph 7 of 2",
    ),
    "weights of another type": (
        lambda: with_weights(svdf(np.random.default_rng(0)), "FLOAT32"),
        r"operator 0 SVDF: its weights, tensor 1 't1', are FLOAT32; INT8 is supported",
    ),
    "a variable that nothing assigns": (
        never_assigned,
        r"operator 1 READ_VARIABLE reads variable 'state', which nothing ever assigns",
    ),
    "itself": (
        lambda: running_sum(initial=[1, 2, 3, 4], called=0),
        r"operator 0 CALL_ONCE calls subgraph 0 of 2",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_kept_is_named(case: str, tmp_path: Path) -> None:
    """Initialisers that cannot be resolved are refused in words."""
    make, words = REFUSED[case]
    with pytest.raises(ModelError, match=words):
        compile_model(tflite_builder.write(make()), tmp_path, model_id="x01")


def test_no_engine_is_offered_for_a_variable_that_nothing_assigns(tmp_path: Path) -> None:
    """None has a value for it: TensorFlow Lite Micro reads memory that it never made."""
    with pytest.raises(ModelError, match="which nothing ever assigns"):
        read_outline(tflite_builder.write(never_assigned()))
