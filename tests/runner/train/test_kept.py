"""The folder of a training: what others have put there is refused, whatever it is."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tinybench.errors import RunFolderError
from tinybench.runner.train.document import Checkpoint, Point
from tinybench.runner.train.kept import asked_before, checkpoints, keep

POINT = Point(step=7, samples=70, board_s=0.5, host_s=1.0, score=0.5, loss=1.5)
LEARNT = np.arange(5, dtype=np.uint32)
VALUES = st.one_of(st.none(), st.integers(), st.floats(), st.text(max_size=5), st.booleans())


def test_a_checkpoint_is_read_back_as_it_was_kept(tmp_path: Path) -> None:
    """The last one's words, and the points of all of them, in their order."""
    for step in (7, 1_000_000, 20):
        keep(tmp_path, msgspec.structs.replace(POINT, step=step), 1, LEARNT * step, "h", "m")
    points, words = checkpoints(tmp_path, 1, "h", "m", len(LEARNT))
    assert [one.step for one in points] == [7, 20, 1_000_000]
    assert (words == LEARNT * 1_000_000).all()
    with pytest.raises(RunFolderError, match="SHA-256 differs"):
        checkpoints(tmp_path, 1, "h", "m", len(LEARNT) + 1)
    with pytest.raises(RunFolderError, match="another model, head or seed"):
        checkpoints(tmp_path, 2, "h", "m", len(LEARNT))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(field=st.sampled_from(Checkpoint.__struct_fields__), value=VALUES, cut=st.integers(0, 300))
def test_whatever_stands_in_a_checkpoint_is_refused_or_is_one(
    tmp_path: Path, field: str, value: Any, cut: int
) -> None:
    """Wrong types, other values, half a file: one kind of error, and never another one."""
    keep(tmp_path, POINT, 1, LEARNT, "h", "m")
    path = tmp_path / "step-000007.json"
    said = msgspec.json.decode(path.read_bytes())
    for data in (msgspec.json.encode({**said, field: value}), path.read_bytes()[:cut]):
        path.write_bytes(data)
        try:
            points, words = checkpoints(tmp_path, 1, "h", "m", len(LEARNT))
        except RunFolderError:
            continue
        assert points == [POINT]
        assert (words == LEARNT).all()


@given(data=st.binary(max_size=60))
def test_a_folder_that_is_none_is_refused(
    data: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Bytes in place of what was asked."""
    folder = tmp_path_factory.getbasetemp() / "none"
    folder.mkdir(exist_ok=True)
    (folder / "asked.json").write_bytes(data)
    with pytest.raises(RunFolderError, match=r"asked\.json"):
        asked_before(folder)
