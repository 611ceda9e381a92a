"""What a classic model takes of a board at least: told before it is learnt and built."""

from tinybench.errors import ModelError

from ...build.board import Board
from ...build.fit import check_least
from ..one_image import IMAGE_MOST_B
from .learn import HIDDEN

FEATURE_B, FLOAT_B, DISTANCE_B = 2, 4, 8
BINARY = 2
"""Classes that emlearn's net tells apart by one unit."""
NEIGHBOURS_MOST = 0x7FFF
"""Rows that emlearn's neighbours know: it numbers them by int16."""


def insist_room(kind: str, board: Board, features: int, outputs: int, learnt: int) -> None:
    """Raise ModelError for a model that no image of a board holds, or that emlearn cannot count.

    `learnt`: rows that it is learnt from.
    """
    if kind == "knn" and learnt > NEIGHBOURS_MOST:
        raise ModelError(
            f"emlearn numbers neighbours by int16, at most {NEIGHBOURS_MOST:,}, and {learnt:,} "
            "rows are to learn from: give fewer rows"
        )
    flash_b, ram_b = least_b(kind, features, outputs, learnt)
    check_least(board, flash_b, ram_b)
    if flash_b > IMAGE_MOST_B:
        raise ModelError(
            f"the model takes {flash_b:,} bytes of flash, and an image of a study at most "
            f"{IMAGE_MOST_B:,}: give fewer rows or features"
        )


def least_b(kind: str, features: int, outputs: int, learnt: int) -> tuple[int, int]:
    """Return flash and RAM of a model's numbers, without code; of trees no flash is known before.

    An input is kept twice, as it is uploaded and as it is worked on; by emlearn's net as floats,
    beside two buffers of its widest layer.
    """
    flash_b, ram_b = 0, 2 * FEATURE_B * features + FLOAT_B * outputs
    if kind == "linear":
        flash_b = FLOAT_B * (features + 1) * outputs
    if kind == "mlp":
        units = outputs - (outputs == BINARY)
        flash_b = FLOAT_B * (HIDDEN * (features + 1 + units) + units)
        ram_b += FLOAT_B * (features + 2 * max(features, HIDDEN))
    if kind == "knn":
        flash_b, ram_b = FEATURE_B * (features + 1) * learnt, ram_b + DISTANCE_B * learnt
    return flash_b, ram_b
