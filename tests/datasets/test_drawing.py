"""Shapes, textures and the camera of rendered sets."""

import numpy as np
import pytest

from tinybench.datasets import drawing


def test_areas_of_shapes() -> None:
    """Masks cover as many pixels as the shapes' areas, edges shared out."""
    frame = drawing.place(64, (31.3, 33.1), 20)
    shapes = {
        "ellipse": (drawing.ellipse(frame, (0, 0), (1, 0.5), 0.7), np.pi * 0.5),
        "box": (drawing.box(frame, (-0.5, -1), (0.5, 0.7)), 1.7),
        "limb": (drawing.limb(frame, (-0.5, 0), (0.5, 0), (0.2, 0.2)), 0.4 + np.pi * 0.04),
        # An arrow's head, not convex.
        "polygon": (drawing.polygon(frame, [(-1, -1), (1, 0), (-1, 1), (-0.5, 0)]), 1.5),
    }
    for name, (mask, area) in shapes.items():
        assert mask.sum() / 400 == pytest.approx(area, rel=0.02), name
        assert mask.dtype == np.float32, name
        assert (mask.min(), mask.max()) == (0, 1), name


def test_frame_turns_and_mirrors() -> None:
    """A quarter turn takes right to down; a negative stretch mirrors."""
    turned = drawing.place(64, (32, 32), 16, angle_rad=np.pi / 2)
    mask = drawing.ellipse(turned, (1, 0), (0.2, 0.2))
    assert np.unravel_index(mask.argmax(), mask.shape)[0] > 40
    mirrored = drawing.place(64, (32, 32), 16, stretch=-1)
    mask = drawing.ellipse(mirrored, (1, 0), (0.2, 0.2))
    assert np.unravel_index(mask.argmax(), mask.shape)[1] < 24


def test_paint_changes_what_the_mask_covers_only() -> None:
    """Half coverage gives half the colour; an empty mask changes nothing."""
    picture = np.zeros((8, 8, 3), np.float32)
    mask = np.zeros((8, 8), np.float32)
    drawing.paint(picture, mask, (1, 1, 1))
    assert not picture.any()
    mask[2, 3], mask[5, 6] = 0.5, 1
    drawing.paint(picture, mask, (1, 0.5, 0))
    assert picture[2, 3].tolist() == [0.5, 0.25, 0]
    assert picture[5, 6].tolist() == [1, 0.5, 0]
    assert np.count_nonzero(picture) == 4


def test_blur_keeps_the_mean_of_a_flat_picture() -> None:
    """A flat picture stays flat to its edges, and a point spreads."""
    flat = np.full((16, 16, 3), 0.3, np.float32)
    assert drawing.blur(flat, 0.8) == pytest.approx(flat)
    flat[8, 8] = 1
    assert 0.3 < drawing.blur(flat, 0.8)[8, 9, 0] < 0.6


def test_photograph_has_the_levels_of_rgb565() -> None:
    """Red and blue have 32 levels, green 64; black stays within 0..255 under noise."""
    rng = np.random.default_rng(1)
    seen = drawing.photograph(rng.random((96, 96, 3), np.float32) * 3 - 1, rng, noise=0.05)
    assert [len(np.unique(seen[..., channel])) for channel in range(3)] == [32, 64, 32]
    assert (seen.min(), seen.max()) == (0, 255)
