"""Models of the zoo on a board: measured, held against what is declared, refused or not there."""

import csv
import hashlib
import io
import json
from pathlib import Path

import numpy as np
import pytest

from tests.models import random_operators, tflite_builder
from tests.models.tflite_builder import Model, Operator, Tensor
from tests.program import tinybench
from tests.runner.build.test_zoo import declared, put
from tinybench.models.compiler.anatomy import End
from tinybench.models.declaration import load_zoo_model
from tinybench.runner.cli import main
from tinybench.runner.compare.change import compare
from tinybench.runner.measure.outputs import outputs_sha256
from tinybench.runner.report.zoo import as_csv, markdown
from tinybench.runner.session.zoo import Row

BOARD = "mps2-an386"
ZEROS = "0" * 64


def _end(kind: str, scale: float | None, zero_point: int | None, count: int) -> End:
    return End(name="out", type=kind, shape=[1, count], scale=scale, zero_point=zero_point)


def test_printed_outputs_stand_for_the_bytes_that_they_are_of() -> None:
    """The nearest step of each, in the output's own type; of floats and of half an answer none."""
    ends = [_end("INT8", 0.5, -1, 2), _end("UINT8", 0.25, 10, 1), _end("INT32", None, None, 1)]
    said = ["0.5,-63.51,1.26,70000", "1.0,63.5,-2.5,-1"]
    data = bytes([0, 0x80, 15]) + (70000).to_bytes(4, "little")
    data += bytes([1, 126, 0]) + (-1).to_bytes(4, "little", signed=True)
    assert outputs_sha256(said, ends) == hashlib.sha256(data).hexdigest()
    assert outputs_sha256([*said, ""], ends) is None
    assert outputs_sha256(["1"], [_end("FLOAT32", None, None, 1)]) is None


@pytest.mark.parametrize("name", ["kws01", "sww01", "ad01"])
def test_the_declared_outputs_are_those_of_the_reference(name: str, mirror: Path) -> None:
    """The seeded inputs into the reference kernels, anew: the hash in the declaration."""
    pytest.importorskip("tflite_micro", reason="the oracle, tflite-micro, is not installed")
    from tests.models.zoo_outputs import outputs_sha256 as computed

    model = load_zoo_model(name)
    assert computed(mirror / model.source.address) == model.outputs_sha256


def test_each_model_is_a_line_whatever_becomes_of_it(tmp_path: Path) -> None:
    """Exact, other than declared, refused, not there: all in one table, and a status that says so.

    The runs are those of a model like any other: they can be compared with themselves.
    """
    pytest.importorskip("tflite_micro", reason="the oracle, tflite-micro, is not installed")
    from tests.models.zoo_outputs import outputs_sha256 as computed

    good = tflite_builder.write(random_operators.requantise(np.random.default_rng(3)))
    cosine = Model([Tensor([1, 4]), Tensor([1, 4])], [Operator("CUMSUM", [0], [1])], [0], [1])
    (tmp_path / "good.tflite").write_bytes(good)
    found_sha256 = computed(tmp_path / "good.tflite")
    names = {"exact": good, "other": good, "refused": tflite_builder.write(cosine), "gone": b"x"}
    for name, data in names.items():
        model = declared(tmp_path, data, name)
        if name != "gone":
            put(tmp_path / "mirror", model, data)
        path = tmp_path / f"{name}.toml"
        sha256 = {"exact": found_sha256, "other": ZEROS}.get(name)
        if sha256 is not None:
            line = f'outputs_sha256 = "{sha256}"\n\n[source]'
            path.write_text(path.read_text().replace("\n[source]", line))
    words = ["zoo", "run", "--board", BOARD, "--to", "json", "-o", str(tmp_path / "zoo")]
    words += [str(tmp_path / f"{name}.toml") for name in names]
    done = tinybench(*words, TINYBENCH_MIRROR=str(tmp_path / "mirror"))
    assert done.returncode == 3, done.stderr
    assert "4 of 4: gone on mps2-an386" in done.stderr
    rows = {row["model"]: row for row in json.loads(done.stdout)}
    assert (rows["exact"]["exact"], rows["other"]["exact"]) == (True, False)
    assert rows["exact"]["exact_by"][0] == rows["other"]["exact_by"][0] == "declaration"
    assert rows["exact"]["valid"]
    assert rows["exact"]["distinct"] > 10
    assert rows["exact"]["instructions"] > 0
    assert rows["refused"]["refused"].startswith("operator 0 is CUMSUM, which is not supported")
    assert "cannot be read from the mirror" in rows["gone"]["failed"]
    assert rows["gone"]["instructions"] is rows["refused"]["valid"] is None
    found = compare(tmp_path / "zoo", tmp_path / "zoo", ["instructions>0"])
    assert {one.task for one in found.differences} == {"exact", "other"}
    assert found.failures == []


def test_a_table_says_what_was_not_measured() -> None:
    """In Markdown and CSV: nothing for a number, the reason in one line, one answer to all."""
    found = [
        Row(model="a", title="A", board="b", refused="operator 0 is X,\nwhich is not"),
        Row(model="c", title="=C", board="b", valid=True, exact=True, to_the_bit=True, distinct=1),
        Row(model="d", title="D", board="b", valid=False, broken_rules=["one", "two"], exact=False),
    ]
    text = markdown(found)
    assert "| a | b | - | - | - | - | - | refused: operator 0 is X, which is not |" in text
    assert "| to the bit, one answer to all | valid |" in text
    assert "| no | not valid: one, two |" in text
    lines = list(csv.DictReader(io.StringIO(as_csv(found))))
    assert [line["title"] for line in lines] == ["A", "'=C", "D"]
    assert lines[0]["instructions"] == ""


def test_a_zoo_run_without_a_board_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """It says what to type; so does a port for two boards, and a model that is none."""
    for words, said in (
        (("run", "kws01"), "zoo run: say where: --board"),
        (("run", "--board", "host", "--board", BOARD, "--port", "x"), "--port is that of one"),
        (("fetch", "nosuch"), "no model of the zoo 'nosuch'"),
        (("run", "--board", "nosuch", "kws01"), "nosuch"),
    ):
        assert main(["zoo", *words]) == 2
        assert said in capsys.readouterr().err
