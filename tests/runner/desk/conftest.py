"""Fixtures of the desk's tests: a declared real board."""

from pathlib import Path

import pytest

from tests.runner.desk.desk_files import BOARD


@pytest.fixture
def board(tmp_path: Path) -> str:
    """A declared real board, by its path."""
    path = tmp_path / "test-nucleo.toml"
    path.write_text(BOARD)
    return str(path)
