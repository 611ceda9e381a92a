"""Figures that studies must reach, as `make bench` measures them: there a miss fails nothing."""

from types import ModuleType

import pytest

from tests.bench.study import classic, compress, sparsity
from tests.soak import hold


@pytest.mark.soak
@pytest.mark.parametrize("study", [classic, compress, sparsity], ids=lambda one: one.__name__)
def test_the_figures_of_a_study_are_what_they_must_be(study: ModuleType) -> None:
    """Counts and scores, which are the same each time; no wall time."""
    pytest.importorskip("emlearn")
    hold(study.figures())
