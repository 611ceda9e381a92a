"""A place of a labgrid as a board's lock, against labgrid's own coordinator on loopback."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tinybench.errors import BenchError, DeclarationError, TakenError, ToolMissingError, UsageError
from tinybench.runner.desk.bench import find_bench, load_bench
from tinybench.runner.desk.labgrid import acquired
from tinybench.runner.desk.lock_keys import places_of
from tinybench.runner.desk.reserve import reserved
from tinybench.runner.results.request import Request

PROGRAMS = Path(sys.prefix) / "labgrid" / "bin"
"""`make setup-test` puts it there, by itself."""
PORT = "socket://127.0.0.1:9"
BENCH = f"""
[boards.rig]
board = "serial"
port = "{PORT}"
lock = "labgrid:rig-1"
"""


@pytest.fixture(scope="module")
def coordinator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve a labgrid with one place."""
    if not (PROGRAMS / "labgrid-coordinator").is_file():
        pytest.skip("labgrid is not installed beside the tests")
    folder = tmp_path_factory.mktemp("labgrid")  # it writes its places where it is started
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{one.getsockname()[1]}"
    with (folder / "said").open("wb") as said:
        process = subprocess.Popen(
            [PROGRAMS / "labgrid-coordinator", "-l", address], cwd=folder, stdout=said, stderr=said
        )
    try:
        deadline_s = time.monotonic() + 60
        while asked(address, "create").returncode != 0:
            assert time.monotonic() < deadline_s, (folder / "said").read_text()
        yield address
    finally:
        process.terminate()
        process.wait(30)


def asked(address: str, what: str, who: str = "me") -> "subprocess.CompletedProcess[str]":
    """Ask it as somebody."""
    return subprocess.run(
        [PROGRAMS / "labgrid-client", "-x", address, "-p", "rig-1", what],
        env={**os.environ, "LG_USERNAME": who}, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip


@pytest.fixture
def here(coordinator: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Stand at a desk with a board whose lock is that place."""
    (tmp_path / "bench.toml").write_text(BENCH)
    monkeypatch.setenv("TINYBENCH_BENCH", str(tmp_path / "bench.toml"))
    monkeypatch.setenv("TINYBENCH_LOCKS", str(tmp_path / "locks"))
    monkeypatch.setenv("LG_COORDINATOR", coordinator)
    monkeypatch.setenv("LG_USERNAME", "me")
    monkeypatch.setenv("PATH", f"{PROGRAMS}:{os.environ['PATH']}")
    return coordinator


def holder(address: str) -> str:
    """Return who has the place."""
    lines = asked(address, "show").stdout.splitlines()
    return next(line for line in lines if "acquired:" in line).partition("acquired:")[2].strip()


def test_a_run_has_the_place_of_its_board_and_lets_it_go(here: str) -> None:
    """By its port as by its name in bench.toml; another board's line is not of it."""
    with reserved(Request(board="serial", task="kws", ports=(PORT,)), print):
        assert holder(here).endswith("/me")
    assert not holder(here).endswith("/me")
    bench = load_bench(find_bench())
    assert places_of({PORT}, bench) == ["labgrid:rig-1"]
    assert places_of({"socket://127.0.0.1:8"}, bench) == []


def test_a_place_that_another_has_is_waited_for_so_long(here: str) -> None:
    """And the lock of this computer is free again."""
    assert asked(here, "acquire", "other").returncode == 0
    request = Request(board="rig", task="kws", ports=(PORT,))
    said: list[str] = []
    try:
        with pytest.raises(TakenError, match="/other"), reserved(request, said.append):
            pass
        with (
            pytest.raises(TakenError, match="within 1 s"),
            acquired(["labgrid:rig-1"], 1.0, said.append),
        ):
            pass
    finally:
        assert asked(here, "release", "other").returncode == 0
    assert "waiting up to 1 s" in said[-1]


def test_what_a_killed_run_left_is_let_go_by_the_next(here: str) -> None:
    """A place that was acquired by hand is not."""
    script = (
        "import os\nfrom tinybench.runner.desk.labgrid import acquired\n"
        "with acquired(['labgrid:rig-1'], 0.0, print): os._exit(9)\n"
    )
    assert subprocess.run([sys.executable, "-c", script], timeout=60, check=False).returncode == 9
    assert holder(here).endswith("/me")
    with acquired(["labgrid:rig-1"], 0.0, print):
        pass
    assert asked(here, "acquire").returncode == 0
    with pytest.raises(TakenError, match="already acquired"), acquired(["labgrid:rig-1"], 0, print):
        pass
    assert asked(here, "release").returncode == 0


def test_what_cannot_be_had_is_told(here: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A place that there is not, a coordinator that does not answer, no labgrid at all."""
    for kind, place, coordinator, path in (
        (UsageError, "labgrid:nowhere", here, os.environ["PATH"]),
        (BenchError, "labgrid:rig-1", "127.0.0.1:1", os.environ["PATH"]),
        (ToolMissingError, "labgrid:rig-1", here, "/nowhere"),
    ):
        monkeypatch.setenv("LG_COORDINATOR", coordinator)
        monkeypatch.setenv("PATH", path)
        with pytest.raises(kind), acquired([place], 0.0, print):
            pass


@pytest.mark.parametrize("lock", ["rig", "labgrid:", "labgrid:-x", "labgrid:a b", "other:rig"])
def test_a_lock_that_is_none_is_refused(tmp_path: Path, lock: str) -> None:
    """Where the bench file is read."""
    path = tmp_path / "bench.toml"
    path.write_text(BENCH.replace("labgrid:rig-1", lock))
    with pytest.raises(DeclarationError, match="lock"):
        load_bench(path)
