"""Some samples of a set: of each kind its share, and of files in turns all."""

import pytest

from tinybench.datasets.part import places


@pytest.mark.parametrize("count", [10, 40, 63])
def test_files_in_turns_are_all_taken_from(count: int) -> None:
    """Four machines in turns, four normal recordings and four others: each machine is there."""
    labels = [n // 4 % 2 for n in range(80)]
    found = places(labels, count)
    assert found == places(labels, count)
    assert found == sorted(set(found))
    assert len(found) == count
    assert abs(sum(labels[place] for place in found) - count / 2) <= 1
    assert {place % 4 for place in found} == {0, 1, 2, 3}


def test_a_rare_label_has_its_share() -> None:
    """Wherever it stands in the set."""
    labels = [0] * 90 + [7] * 10
    assert sum(labels[place] == 7 for place in places(labels, 50)) == 5


@pytest.mark.parametrize("count", [3, 4, 100])
def test_no_more_are_taken_than_there_are(count: int) -> None:
    """All of them, in their order, then; and of none, none."""
    assert places([2, 1, 0], count) == [0, 1, 2]
    assert places([], count) == []
