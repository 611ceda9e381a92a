"""What a model of one's own is given, by what its user says."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs

from tests.models.packaged import MODELS
from tests.models.streaming import running_sum
from tests.models.tflite_builder import Operator, refused, write
from tinybench.errors import ModelError, UsageError
from tinybench.models.compiler.anatomy import Anatomy, anatomy
from tinybench.runner.session.own_model import inputs_of, measure
from tinybench.runner.session.side_by_side import measure_each
from tinybench.track import silent


@pytest.fixture(scope="module")
def found() -> Anatomy:
    """The keyword model of the package."""
    return anatomy(MODELS / "kws01.tflite", ("plain",))


def test_the_labels_in_a_folder_of_inputs_are_theirs(found: Anatomy, tmp_path: Path) -> None:
    """labels.csv is no input, and says the classes; what else is said goes before it."""
    for number in range(6):
        np.save(tmp_path / f"{number}.npy", np.full(490, number, np.int8))
    lines = [f"{number}.npy,{number}" for number in range(6)]
    (tmp_path / "labels.csv").write_text("\n".join(lines))
    given = inputs_of(found, {"inputs": tmp_path})
    assert len(given.inputs) == 6
    assert (given.truth.metric, list(given.truth.labels)) == ("top1", list(range(6)))
    other = tmp_path.parent / "other.csv"
    other.write_text("\n".join("11" for _ in range(6)))
    (tmp_path / "labels.csv").unlink()
    assert set(inputs_of(found, {"inputs": tmp_path, "labels": other}).truth.labels) == {11}


def test_a_preparation_needs_files_to_prepare(found: Anatomy) -> None:
    """Random bytes are what they are."""
    with pytest.raises(UsageError, match="--prepare is of --inputs"):
        inputs_of(found, {"prepare": "unit"})


def test_as_many_inputs_as_no_memory_holds_are_refused(found: Anatomy) -> None:
    """Before the first of them is drawn."""
    with pytest.raises(UsageError, match="--count 99999999: a set has at most 10,000 inputs"):
        inputs_of(found, {"count": 99_999_999})


def test_a_state_that_we_cannot_compile_another_engine_may_keep(tmp_path: Path) -> None:
    """A stream of a model that we refuse is refused for the lack of a state alone."""
    engine = tmp_path / "engine"
    engine.mkdir()
    (engine / "engine.c").touch()
    words = {"board": "host", "engine": str(engine), "state": "keep", "count": 99_999_999}
    keeps, none = tmp_path / "keeps.tflite", tmp_path / "none.tflite"
    model = running_sum()
    operators = [*model.operators, Operator("CUMSUM", [3, 3], [3])]
    keeps.write_bytes(write(replace(model, operators=operators)))
    none.write_bytes(write(refused(4)))
    with pytest.raises(UsageError, match="--count"):  # what is looked at next
        measure(keeps, words, silent, print)
    with pytest.raises(UsageError, match="this one has none"):
        measure(none, words, silent, print)


@pytest.mark.parametrize(
    ("types", "said"),
    [
        (["INT64", "BOOL"], "has inputs of INT64, BOOL; those that can be uploaded are of INT8"),
        (["INT8", "FLOAT32"], "its inputs are of INT8 and FLOAT32; in a run all are of one type"),
    ],
)
def test_inputs_that_no_upload_brings_are_refused(
    found: Anatomy, types: list[str], said: str
) -> None:
    """By the model's file and their types, before one is drawn or read."""
    (end,) = found.inputs
    odd = structs.replace(found, inputs=[structs.replace(end, type=kind) for kind in types])
    with pytest.raises(ModelError, match=said):
        inputs_of(odd, {})


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"board": "mps2-an38"}, "did you mean 'mps2-an386'"),
        ({"engine": "tfml"}, "did you mean 'tflm'"),
        ({"engine": "tflm", "engine_source": "/dev"}, "/dev: no source tree of TensorFlow"),
        ({"board": "qemu-riscv32", "engine": "tflm-cmsis-nn"}, "not by riscv64-unknown-elf-gcc"),
        ({"board": "mps2-an386", "probe": "0123"}, "--probe is for a board on a port"),
        ({"board": "mps2-an386", "monitor": "ppk2"}, "leave --monitor out"),
        ({"board": "nano-33-ble", "port": "socket://localhost:1", "emulate": True}, "leave --port"),
        ({"out": "."}, "is not an empty folder"),
    ],
)
def test_what_cannot_be_on_paper_is_refused_before_the_model_is_read(
    words: dict[str, object], said: str
) -> None:
    """Nothing is said, and the file need not even be there; each of several engines likewise."""
    heard = list[str]()
    words = {"board": "host", **words}
    with pytest.raises(UsageError, match=said):
        measure(Path("gone.tflite"), words, silent, heard.append)
    if "engine" in words:
        engines = ("tinybench", str(words.pop("engine")))
        with pytest.raises(UsageError, match=said):
            measure_each(Path("gone.tflite"), words, engines, silent, heard.append)
    assert not heard
