"""Runs that the tests of rules and evidence share."""

from pathlib import Path

import pytest

from tests.runner.rules.a_run import short_run


@pytest.fixture(scope="session")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on the host: ten inputs, five short windows."""
    return short_run(tmp_path_factory.mktemp("measured"), board="host")


@pytest.fixture(scope="session")
def energetic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in energy mode, of an emulated board and a simulated monitor."""
    folder = tmp_path_factory.mktemp("energetic")
    return short_run(folder, board="mps2-an386", mode="energy", seconds=0.3)
