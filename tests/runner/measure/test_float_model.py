"""Quality of the float model: computed on the host, on the inputs that the DUT had."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tinybench import extras
from tinybench.errors import ModelError
from tinybench.models.declaration import load_model, names
from tinybench.runner.build.inputs import float_files, resolve
from tinybench.runner.build.task import load_task
from tinybench.runner.measure.float_model import float_quality
from tinybench.runner.results.seal import file_sha256
from tinybench.track import silent

KWS = load_task("kws")


def test_the_published_float_model_is_right_905_times(mirror: Path) -> None:
    """On the 1000 official inputs, where the int8 model has 901."""
    inputs = resolve(KWS, cache=mirror)
    found = float_quality(KWS, inputs, inputs.samples.samples, silent, cache=mirror)
    assert (found.quality, found.count) == (0.905, 1000)
    assert found.name == "kws_ref_model_float32.tflite"
    assert found.computed_by.startswith("ai-edge-litert ")


def test_every_official_model_has_a_float_model_with_its_checksum(mirror: Path) -> None:
    """The declared checksums are those of the files; embedded models have none, a stream no
    accuracy that would need one."""
    for name in names():
        files = float_files(load_model(name))
        assert len(files) == (0 if name.endswith("-embedded") or name == "sww01" else 1)
        for file in files:
            assert (
                file_sha256((mirror / file.address).parent, (mirror / file.address).name)
                == file.sha256
            )


@pytest.mark.parametrize("task", ["vww", "ic", "ic02", "ad"])
def test_the_other_float_models_take_what_their_task_uploads(task: str, mirror: Path) -> None:
    """Run on the package's own inputs: what counts here is that shapes and formats fit."""
    declared = load_task(task)
    official = mirror / _address(declared.model)
    inputs = resolve(declared, cache=Path("nowhere"))
    inputs = replace(inputs, model=official, model_origin="official")
    some = inputs.samples.samples[:4] + inputs.samples.samples[-4:]
    found = float_quality(declared, inputs, some, silent, cache=mirror)
    assert found.quality is not None
    assert 0 <= found.quality <= 1
    assert found.count == 8


def _address(model: str) -> str:
    source = load_model(model).source
    assert source is not None
    return source.address


def test_no_float_model_is_no_quality_and_says_why(tmp_path: Path) -> None:
    """An embedded model has none; the official one may not have been fetched."""
    inputs = resolve(KWS, cache=tmp_path)
    none = float_quality(KWS, inputs, inputs.samples.samples, silent, cache=tmp_path)
    assert (none.quality, none.count) == (None, 0)
    assert "no float model is published for the model 'kws01.tflite'" in none.why_not
    official = replace(inputs, model_origin="official")
    none = float_quality(KWS, official, inputs.samples.samples, silent, cache=tmp_path)
    assert "type: tinybench fetch kws" in none.why_not


def test_without_litert_there_is_no_quality_and_no_error(
    mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says what to install."""
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    inputs = resolve(KWS, cache=mirror)
    none = float_quality(KWS, inputs, inputs.samples.samples, silent, cache=mirror)
    assert extras.command("float") in none.why_not


def test_a_damaged_float_model_is_named(mirror: Path, tmp_path: Path) -> None:
    """As every file of the cache."""
    inputs = resolve(KWS, cache=mirror)
    (file,) = float_files(load_model("kws01"))
    path = tmp_path / file.address
    path.parent.mkdir(parents=True)
    path.write_bytes(b"not a model")
    with pytest.raises(ModelError, match="is damaged"):
        float_quality(KWS, inputs, inputs.samples.samples, silent, cache=tmp_path)
