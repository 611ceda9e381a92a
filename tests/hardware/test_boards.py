"""The boards of this desk: `make hardware`. Without them, what was recorded of them is replayed."""

import os
from pathlib import Path

import pytest

from tests.hardware import loop
from tinybench.runner.desk.bench import find_bench

BENCH = find_bench()
LOCKS = os.environ.get("TINYBENCH_LOCKS")
NOBODY = "no board: name one in bench.toml (tinybench bench init)"


@pytest.fixture(autouse=True)
def with_other_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A board is shared with whatever else runs on this computer."""
    monkeypatch.delenv("TINYBENCH_LOCKS")
    if LOCKS:
        monkeypatch.setenv("TINYBENCH_LOCKS", LOCKS)


@pytest.mark.hardware
@pytest.mark.parametrize("name", loop.boards(BENCH) or [NOBODY])
def test_a_board_of_this_desk_measures_the_model_it_holds(name: str, tmp_path: Path) -> None:
    """A whole run; recorded the first time, replayed where the board is not attached."""
    record = loop.RECORDED / name
    port = loop.port_of(name, BENCH)
    if port is not None:
        result = loop.measure(port, tmp_path / "run", wait_s=600.0)
        if not record.exists():
            loop.record(tmp_path / "run", record)
    elif record.exists():
        result = loop.replay(record, tmp_path / "run")
        assert loop.compared(result) == loop.compared(loop.recorded_result(record))
    else:
        pytest.skip(f"no board and no record of one: {name}")
    assert result.complete
    assert result.accuracy is not None
    assert result.accuracy.count == loop.INPUTS
    assert result.performance is not None
