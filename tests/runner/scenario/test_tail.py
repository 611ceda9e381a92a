"""Percentiles as LoadGen takes them, and early stopping."""

import math

import pytest

from tinybench.runner.scenario.tail import chance, estimate, most_over, percentile, queries_needed


@pytest.mark.parametrize(
    ("share", "needed"), [(0.9, 64), (0.95, 130), (0.97, 219), (0.99, 662), (0.999, 6636)]
)
def test_so_many_queries_prove_a_percentile(share: float, needed: int) -> None:
    """Golden counts of LoadGen, one query over the percentile; one query less proves nothing."""
    assert queries_needed(1, share) == needed
    assert most_over(needed, share) == 1
    assert most_over(needed - 1, share) == 0
    assert estimate([1.0] * (needed - 1), share) is None


def test_the_chance_is_the_sum_of_binomial_terms() -> None:
    """Added up the slow way, in whole numbers, for every count of up to 60 queries."""
    for queries in (1, 2, 17, 60):
        for over in range(queries + 1):
            terms = [math.comb(queries, k) * 0.1**k * 0.9 ** (queries - k) for k in range(over + 1)]
            assert chance(over, queries, 0.9) == pytest.approx(math.fsum(terms), abs=1e-12)


def test_an_estimate_leaves_out_what_the_confidence_allows() -> None:
    """Of 1024 queries 78 may be above the true 90th percentile: the 78th slowest stands."""
    found = estimate([float(number) for number in range(1024)], 0.9)
    over = most_over(1024, 0.9)
    assert found is not None
    assert (found.value, found.discarded) == (1024.0 - over, over - 1)
    assert over < 102


def test_a_percentile_is_one_of_the_values() -> None:
    """No interpolation: of ten values the 90th percentile is the largest, the median the sixth."""
    values = [float(number) for number in range(1, 11)]
    assert percentile(values, 0.9) == 10.0
    assert percentile(values, 0.5) == 6.0
    assert percentile([3.0], 0.999) == 3.0
