"""The picture of an arena."""

from pathlib import Path

import numpy as np
import pytest

from tests.models import tflite_builder as build
from tests.models import wide
from tinybench.models.compiler.anatomy import Anatomy, anatomy
from tinybench.runner.report.arena import NAMED_MOST, as_png, numbered

matplotlib = pytest.importorskip("matplotlib", reason="matplotlib draws the picture")


def found(model: build.Model, folder: Path) -> Anatomy:
    """Return what is known of a model."""
    path = folder / "a $name$.tflite"
    path.write_bytes(build.write(model))
    return anatomy(path, ("plain",))


def test_the_picture_is_black_on_white_whatever_the_users_style_is(tmp_path: Path) -> None:
    """The same bytes in a style of light words on a dark ground; a name is no formula."""
    one = found(wide.first_stage(np.random.default_rng(5), side=16), tmp_path)
    drawn = as_png(one)
    assert drawn.startswith(b"\x89PNG")
    with matplotlib.style.context("dark_background"):
        assert as_png(one) == drawn


@pytest.mark.parametrize("layers", [1, 40])
def test_no_number_of_a_tensor_hides_another(layers: int, tmp_path: Path) -> None:
    """However many there are: the largest are numbered, and those of the widest operator."""
    rng = np.random.default_rng(0)
    chain = [build.convolution(rng, (6, 6, 4), 4, (1, 1)) for _ in range(layers + 1)]
    (need,) = found(build.chain(*chain), tmp_path).needs.values()
    places = numbered(need)
    assert len(places) == min(layers, NAMED_MOST)
    for i, (x, y) in enumerate(places.values()):
        for other_x, other_y in [*places.values()][:i]:
            assert abs(x - other_x) > len(need.operators) / 50 or abs(y - other_y) > 0.04
    peak = max(need.operators, key=lambda entry: entry.arena_b).index
    alive = {life.what for life in need.lives if life.first <= peak <= life.last}
    assert {what for what in alive if not what.startswith("scratch")} <= places.keys()
