"""Fixtures every test may use."""

import gc
import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests import ROOT, kept
from tests.browser import Browser, browser
from tests.project import skips

MIRROR = os.environ.get("TINYBENCH_MIRROR")
"""Where the official data is announced to be; read before any test changes it."""
DATA = Path(MIRROR).parent if MIRROR else ROOT.parent / "shared" / "data"


# How fast a machine is, is no property of what is tested.
settings.register_profile("any pace", deadline=None)
settings.load_profile("any pace")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Make a skipped test a failure where tests/project/skips.py says so."""
    return skips.judged((yield), MIRROR)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Make a skipped file a failure where tests/project/skips.py says so."""
    return skips.judged((yield), MIRROR)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for no garbage among thousands of tests, neither while they are collected nor after."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with whole runs, for which others need not wait then; give long tests their time."""
    items.sort(key=lambda item: item.path.parent.name not in ("emulated", "docs"))
    for item in items:
        if any(item.get_closest_marker(name) for name in ("soak", "training", "hardware")):
            item.add_marker(pytest.mark.timeout(0))


def pytest_sessionstart() -> None:
    """Keep no more of what was compiled than there is room for; before any worker looks at it."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        kept.prune()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of official inputs, models and published results, kept outside the repository."""
    if not (DATA / "published").is_dir():
        pytest.skip(f"{skips.NO_DATA} ({DATA}) is not here")
    return DATA


@pytest.fixture(scope="session")
def mirror() -> Path:
    """Local mirror of the public repositories, laid out as for TINYBENCH_MIRROR."""
    path = Path(MIRROR or DATA / "mirror")
    if not path.is_dir():
        pytest.skip(f"{skips.NO_DATA} ({path}) is not here")
    return path


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of what is built once for all workers."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, shared: Path) -> Iterator[None]:
    """Each worker has a cache, locks, an empty bench and no calibrations: none sees the user's.

    Images are the same for all of them, and what they execute; what C alone makes is that of
    earlier runs, too.
    """
    (tmp_path_factory.getbasetemp() / "cache").mkdir()
    for name, folder in (("firmware", shared), ("objects", kept.FOLDER), ("cycles", shared)):
        (folder / name).mkdir(parents=True, exist_ok=True)
        (tmp_path_factory.getbasetemp() / "cache" / name).symlink_to(folder / name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TINYBENCH_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
        patch.setenv("TINYBENCH_LOCKS", str(tmp_path_factory.getbasetemp() / "locks"))
        (tmp_path_factory.getbasetemp() / "no-bench.toml").touch()
        patch.setenv("TINYBENCH_BENCH", str(tmp_path_factory.getbasetemp() / "no-bench.toml"))
        patch.setenv("TINYBENCH_CALIBRATIONS", str(tmp_path_factory.getbasetemp() / "none"))
        patch.delenv("TINYBENCH_MIRROR", raising=False)
        # A thousand programs are started: none compiles again what another one has.
        patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        yield


@pytest.fixture(scope="session")
def core(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Program: the C core for the host, model id "fake01", 490 bytes in, 4 values out."""
    from tests.firmware.dut_process import build
    from tinybench.runner.build.board import load_board

    return build(load_board("host"), tmp_path_factory.mktemp("core") / "host")


@pytest.fixture(scope="session")
def line(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program that is a serial line as slow as a real one."""
    from tests.link.paced_line import build

    return build(tmp_path_factory.mktemp("line"))


@pytest.fixture(scope="session")
def firmware() -> str:
    """The keyword spotting firmware of the host."""
    from tinybench.runner.build.board import load_board
    from tinybench.runner.build.firmware import build
    from tinybench.runner.build.inputs import resolve
    from tinybench.runner.build.task import load_task

    task = load_task("kws")
    return build(load_board("host"), task, resolve(task).model).elf


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A real Chromium, one a worker; without one a test fails, and does not skip."""
    with browser(tmp_path_factory.mktemp("chromium")) as opened:
        yield opened
