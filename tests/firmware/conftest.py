"""Fixtures of the firmware's tests: each target with its kernels, and a device that lives on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.firmware import model_runner
from tests.firmware.dut_process import READY, DutProcess
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


@pytest.fixture(scope="module")
def long_lived(elf: Path) -> Iterator[DutProcess]:
    """One device that all generated input of a file goes to; `elf` is that file's."""
    with DutProcess([str(elf)]) as process:
        process.read_until(READY)
        yield process
        assert process.close_line() == 0
        assert process.words() == ""
