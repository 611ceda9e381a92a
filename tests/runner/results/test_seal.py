"""The seal of a run folder."""

from pathlib import Path

from tinybench.runner.results.seal import read_seal, write_seal


def test_a_seal_is_of_files_that_are_whole(tmp_path: Path) -> None:
    """What a killed process has left of one is none of the run's, nor is what a link leads to."""
    (tmp_path / "result.json").write_text("{}")
    (tmp_path / "result.json.0a1b2c~").write_text("{")
    (tmp_path / "link").symlink_to("result.json")
    write_seal(tmp_path)
    assert [*(read_seal(tmp_path) or {})] == ["result.json"]
