"""Operators are found by the names of their files, and a new one needs no other file."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import tflite

from tests.docs.blocks import DOCS, blocks
from tests.firmware import model_runner
from tests.firmware.model_runner import CORTEX_M4, HOST, Target
from tests.models import tflite_builder as build
from tinybench.errors import ModelError
from tinybench.models.compiler import compile_model, operators

FILES = sorted(
    path.stem.upper()
    for path in Path(operators.__path__[0]).rglob("*.py")
    if path.stem != "__init__" and path.stem.upper() not in operators.OWN
)


def absolute(count: int, zero_point: int) -> bytes:
    """Return a model of an operator that the page has a kernel for."""
    ends = [build.Tensor([1, count], scales=[0.1], zero_points=[zero_point]) for _ in range(2)]
    return build.write(build.Model(ends, [build.Operator("ABS", [0], [1])], [0], [1]))


@pytest.fixture
def extended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the kernels, with the files of docs/add-an-operator.md added, in their folders."""
    module = f"{operators.__name__}.abs"
    kernels = tmp_path / "kernels"
    shutil.copytree(model_runner.KERNELS, kernels)
    (tmp_path / "operators").mkdir()
    for block in blocks((DOCS / "add-an-operator.md").read_text(encoding="utf-8")):
        if block.title is not None:
            assert not (tmp_path / block.title).exists()
            (tmp_path / block.title).write_text(block.text, encoding="utf-8")
    monkeypatch.setattr(operators, "__path__", [*operators.__path__, str(tmp_path / "operators")])
    monkeypatch.setattr(model_runner, "INCLUDES", [f"-I{kernels}", *model_runner.INCLUDES])
    monkeypatch.setattr(model_runner, "KERNELS", kernels)
    yield tmp_path
    sys.modules.pop(module, None)


@pytest.mark.parametrize("target", [HOST, CORTEX_M4], ids=lambda target: target.name)
def test_an_operator_is_added_by_new_files_only(extended: Path, target: Target) -> None:
    """The page's operator and kernel compile, run, and equal the reference to the bit."""
    pytest.importorskip("tflite_micro", reason="the oracle, tflite-micro, is not installed")
    assert model_runner.missing_tool(target) is None
    model = absolute(300, -7)
    inputs = model_runner.edge_and_random_inputs(20, 300, 0)
    built = extended / target.name
    built.mkdir()
    objects = model_runner.build_kernels(target, built, only={"absolute"})
    found, manifest = model_runner.infer(target, objects, model, inputs, built)
    assert (found == model_runner.reference(model, inputs)).all()
    assert [entry.kernel for entry in manifest.operators] == ["absolute"]
    assert operators.names() == FILES


def test_the_supported_operators_are_the_files() -> None:
    """Each file is named as an operator of the schema, and reads options that the schema has."""
    assert operators.names() == FILES
    for name in FILES:
        kind = operators.kind(name)
        if kind.fields:
            assert set(kind.fields) <= set(vars(getattr(tflite, kind.options)))
            assert hasattr(tflite.BuiltinOptions, kind.options)


@pytest.mark.parametrize("name", ["CUMSUM", "add", "Add", "__INIT__", "..STEP", "ADD.OS", "OS", ""])
def test_only_names_of_the_schema_with_a_file_are_looked_up(name: str) -> None:
    """No other name leads to an import, whoever wrote it."""
    before = set(sys.modules)
    with pytest.raises(ModelError, match=r"which is not supported; \d+ kinds are"):
        operators.kind(name)
    assert set(sys.modules) == before


def test_a_file_that_the_schema_does_not_know_is_no_operator(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is neither listed nor imported."""
    (tmp_path / "stray.py").write_text("raise SystemExit\n")
    monkeypatch.setattr(operators, "__path__", [*operators.__path__, str(tmp_path)])
    assert operators.names() == FILES
    with pytest.raises(ModelError, match="is STRAY, which"):
        operators.kind("STRAY")


def test_without_its_file_an_operator_is_refused(tmp_path: Path) -> None:
    """The refusal says how many have one."""
    ends = build.Tensor([1, 4], scales=[0.1], zero_points=[0])
    unknown = build.Model([ends, ends], [build.Operator("CUMSUM", [0], [1])], [0], [1])
    with pytest.raises(ModelError, match=f"0 is CUMSUM, which is .*; {len(FILES)} kinds are "):
        compile_model(build.write(unknown), tmp_path, model_id="x01")
