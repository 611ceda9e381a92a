"""Which recording and which model a stream takes, and what is said of them."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests import streaming_data
from tests.models.packaged import MODELS
from tinybench.datasets.wake.official import STEM, WORDS, write_recording
from tinybench.datasets.wake.recording import Recording
from tinybench.errors import ModelError, UsageError
from tinybench.models.declaration import load_model
from tinybench.runner.build.engine import Engine
from tinybench.runner.build.inputs import resolve
from tinybench.runner.build.official import fetched
from tinybench.runner.build.task import load_task

SWW = load_task("sww")


@pytest.fixture(scope="module")
def prepared(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache with the official words, and a recording of them that is silent."""
    cache = tmp_path_factory.mktemp("cache")
    raw = (shared_data / "mirror" / WORDS.address).read_bytes()
    windows_s = tuple(map(tuple, json.loads(raw)[0]["detection_windows"]))
    folder = (cache / WORDS.address).parent
    write_recording(folder, STEM, Recording(np.zeros(1200 * 16_000, np.int16), windows_s))
    (cache / WORDS.address).write_bytes(raw)
    return cache


@pytest.fixture
def official_model(prepared: Path, shared_data: Path) -> Iterator[Path]:
    """The official model in that cache, while a test runs."""
    source = load_model("sww01").source
    assert source is not None
    path = prepared / source.address
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(streaming_data.model_path(shared_data), path)
    yield path
    path.unlink()


def test_without_anything_the_recordings_are_the_packages(tmp_path: Path) -> None:
    """The long one for the rules, the short one for a look; each has its own hash."""
    long, short = resolve(SWW, cache=tmp_path), resolve(SWW, cache=tmp_path, which="short")
    assert (long.dataset_origin, long.model_origin) == ("embedded", "embedded")
    assert (long.name, short.name) == ("sww01-embedded (long)", "sww01-embedded (short)")
    assert (long.uploads, short.uploads) == (37_500, 3_750)
    assert long.samples.sha256 != short.samples.sha256
    assert len(long.first) == 1024
    assert "tinybench prepare sww --from" in long.note


def test_what_was_prepared_is_used_with_the_official_model(
    prepared: Path, official_model: Path
) -> None:
    """Silent as it is, it is unverified; a look takes the package's short one all the same."""
    found = resolve(SWW, cache=prepared)
    assert (found.dataset_origin, found.model_origin) == ("unverified", "official")
    assert (found.name, found.model) == ("sww01", official_model)
    assert resolve(SWW, cache=prepared, which="short").dataset_origin == "embedded"
    assert fetched(SWW, prepared).endswith("the recording is there, too")


def test_a_recording_needs_a_model(prepared: Path) -> None:
    """Without the official one the package's own is played; with --data it is asked for."""
    assert resolve(SWW, cache=prepared).dataset_origin == "embedded"
    folder = (prepared / WORDS.address).parent
    with pytest.raises(ModelError, match="type: tinybench fetch sww"):
        resolve(SWW, folder, cache=prepared)
    own = resolve(SWW, folder, MODELS / "sww01.tflite", cache=prepared)
    assert (own.dataset_origin, own.model_origin) == ("unverified", "embedded")


def test_an_engine_hears_nothing(tmp_path: Path) -> None:
    """And what is not prepared is said to be built, with the originals' addresses."""
    with pytest.raises(UsageError, match="hears nothing"):
        resolve(SWW, model=Engine("mine", str(tmp_path), "0" * 64), cache=tmp_path)
    assert "https://www.openslr.org/17/" in fetched(SWW, tmp_path)
