"""The rows of all studies below a folder."""

from pathlib import Path

from tests.bench.study.noise_golden import wide
from tests.program import tinybench
from tests.runner.study.test_noise import study
from tinybench.runner.report.study.listed import as_csv
from tinybench.runner.study.listed import find_studies


def test_each_study_is_rows_and_a_damaged_one_hides_no_other(tmp_path: Path) -> None:
    """In the order of their folders; what cannot be read is said."""
    found = study(wide(12), tmp_path / "b", [0, 0.4])
    for name, text in (
        ("a", "{"),
        ("c", '{"asked":{"study":"sleep"}}'),
        ("d", '{"asked":{"study":"noise"}}'),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "study.json").write_text(text)
    told = find_studies(tmp_path)
    assert [(row.study, row.name, row.score) for row in told.rows] == [
        ("noise", f"gaussian {point.amount:g}", point.mean) for point in found.points
    ]
    assert [row.score_deviation for row in told.rows] == [None, found.points[1].deviation]
    assert {(row.score_by, row.energy_kind) for row in told.rows} == {("computer", "")}
    assert told.studies == 1
    assert len(told.unreadable) == 3
    assert "no study of this version" in told.unreadable[1]
    done = tinybench("results", str(tmp_path), "--studies", "--to", "csv")
    assert done.stdout == as_csv(told.rows)
    assert done.stderr.count("left out") == 3
    assert "2 rows of 1 study below" in done.stderr
