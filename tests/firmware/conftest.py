"""Fixtures of the kernel tests: each target once, with its kernels compiled."""

from pathlib import Path

import pytest

from tests.firmware import model_runner
from tests.firmware.model_runner import TARGETS, Target


@pytest.fixture(scope="module", params=TARGETS, ids=lambda target: target.name)
def target(request: pytest.FixtureRequest) -> Target:
    """Return where a model runs."""
    tool = model_runner.missing_tool(request.param)
    if tool is not None:
        pytest.skip(f"{tool} is not installed")
    return request.param


@pytest.fixture(scope="module")
def objects(target: Target, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return the compiled kernels."""
    return model_runner.build_kernels(target, tmp_path_factory.mktemp(target.name))
