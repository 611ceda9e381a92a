"""The zoo from Python: its models, brought into the cache, taken from a folder, measured."""

import os
from pathlib import Path

import numpy as np
import pytest

import tinybench
from tests.models import random_operators, tflite_builder
from tests.runner.build.test_zoo import declared, put
from tinybench.errors import FetchError, UsageError


def test_models_are_fetched_and_measured_as_in_the_shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where each lies, what was found of it on a board, why one is refused."""
    monkeypatch.setenv("TINYBENCH_MIRROR", str(tmp_path / "mirror"))
    good = tflite_builder.write(random_operators.requantise(np.random.default_rng(3)))
    refused = tflite_builder.write(tflite_builder.refused(16))
    for name, data in (("good", good), ("refused", refused)):
        put(tmp_path / "mirror", declared(tmp_path, data, name), data)
    names = [str(tmp_path / f"{name}.toml") for name in ("good", "refused")]
    assert [one.name for one in tinybench.zoo.models(*names)] == ["good", "refused"]
    files = tinybench.zoo.fetch(*names, progress=False)
    assert files["good"].read_bytes() == good
    assert files["good"].is_relative_to(os.environ["TINYBENCH_CACHE"])
    told = list[str]()
    rows = tinybench.zoo.run(*names, board="host", out=tmp_path / "zoo", say=told.append)
    first, second = list(rows)
    assert (first.model, first.board, first.refused) == ("good", "host", None)
    assert first.run == str(tmp_path / "zoo" / "host-good")
    assert "batch dimensions" in (second.refused or "")
    assert "2 of 2: refused on host" in told


def test_what_cannot_be_is_said_before_anything_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name, a word, no board, a port for two, a folder without models, one that is nowhere."""
    monkeypatch.setenv("TINYBENCH_MIRROR", str(tmp_path))
    for said, call in (
        ("no model of the zoo 'nosuch'", lambda: tinybench.zoo.models("nosuch")),
        ("'limit' is no word of it", lambda: tinybench.zoo.run(board="host", limit=3)),
        ("say where", lambda: tinybench.zoo.run(board=[])),
        ("give one board", lambda: tinybench.zoo.run(board=["host", "serial"], port="x")),
        ("holds no model of the zoo", lambda: tinybench.zoo.import_models(tmp_path)),
    ):
        with pytest.raises(UsageError, match=said):
            call()
    with pytest.raises(FetchError, match="1 of 1 models are not here: kws01: "):
        tinybench.zoo.fetch("kws01", progress=False)
