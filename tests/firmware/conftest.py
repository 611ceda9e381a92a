"""Fixtures of the firmware's tests: each target with its kernels, and a device that lives on."""

import fcntl
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.firmware import model_runner
from tests.firmware.dut_process import READY, DutProcess
from tests.firmware.model_runner import HOST, TARGETS, Target


@pytest.fixture(scope="module", params=TARGETS, ids=lambda target: target.name)
def target(request: pytest.FixtureRequest) -> Target:
    """Return where a model runs."""
    tool = model_runner.missing_tool(request.param)
    if tool is not None:
        pytest.skip(f"{tool} is not installed")
    return request.param


def kernels_of(target: Target, shared: Path) -> list[Path]:
    """Return a target's compiled kernels, which one of all workers builds."""
    named = HOST if target.compiler is HOST.compiler else target
    folder = shared / f"kernels-{named.name}"
    with (shared / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        listed = folder / "objects.txt"
        if not listed.exists():
            folder.mkdir(exist_ok=True)
            built = model_runner.build_kernels(named, folder)
            listed.write_text("\n".join(map(str, built)))
    return [Path(line) for line in listed.read_text().splitlines()]


@pytest.fixture(scope="module")
def objects(target: Target, shared: Path) -> list[Path]:
    """Return the compiled kernels."""
    return kernels_of(target, shared)


@pytest.fixture(scope="module")
def host_objects(shared: Path) -> list[Path]:
    """Return the kernels, built for the host with sanitizers."""
    return kernels_of(HOST, shared)


@pytest.fixture(scope="module")
def long_lived(elf: Path) -> Iterator[DutProcess]:
    """One device that all generated input of a file goes to; `elf` is that file's."""
    with DutProcess([str(elf)]) as process:
        process.read_until(READY)
        yield process
        assert process.close_line() == 0
        assert process.words() == ""
