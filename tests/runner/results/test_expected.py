"""Scores from answers and what is known of their inputs: classes, outputs, targets, masks."""

import random

import pytest
from msgspec.structs import replace

from tinybench.runner.results import score
from tinybench.runner.results.result import Answer


def _answers(*pairs: tuple[list[float], list[float]]) -> list[Answer]:
    return [
        Answer(f"{n}.bin", 0, ",".join(map(str, out)), [10], want)
        for n, (out, want) in enumerate(pairs)
    ]


def _classified(*pairs: tuple[list[float], int]) -> list[Answer]:
    return [
        Answer(f"{n}.bin", label, ",".join(map(str, out)), [10])
        for n, (out, label) in enumerate(pairs)
    ]


def test_classes_have_a_recall_each_and_top_5_where_there_are_more() -> None:
    """A class without inputs has none; of equal values the first one is before the others."""
    rising = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
    found = score.accuracy(_classified((rising, 5), (rising, 1), (rising, 0), (rising, 5)), "top1")
    assert (found.top1, found.top5) == (2 / 4, 3 / 4)
    assert found.recalls == [0.0, 0.0, None, None, None, 1.0]
    assert score.figures(found) == {"accuracy": 0.5, "top5": 0.75, "recall": 0.0}
    assert score.accuracy(_classified(([1.0] * 6, 5)), "top1").top5 == 0
    assert score.accuracy(_classified(([1.0, 0.0], 0)), "top1").top5 is None


def test_an_older_result_without_recalls_is_still_what_its_answers_give() -> None:
    """They are left out of what is computed again."""
    whole = score.accuracy(_classified(([0.9, 0.1], 0)), "top1")
    older = replace(whole, recalls=[], top5=None)
    assert score.as_stored(whole, older) == older
    assert score.as_stored(whole, whole) == whole


def test_golden_outputs_are_equal_within_the_tolerance() -> None:
    """The first input that differs is named, with both values; one without an answer differs."""
    pairs = _answers(([1.0, 2.0], [1.1, 2.0]), ([1.0, 2.0], [1.0, 2.5]), ([7.0, 7.0], []))
    found = score.accuracy([*pairs, Answer("x", 0, "", [10], [1.0])], "exact", 0.15).expected
    assert found is not None
    assert (found.count, found.equal) == (3, 1)
    assert found.first_differing == "1.bin: output 1 is 2, not 2.5; 1 of 2 differ"
    assert (found.mae, found.iou) == (None, None)


def test_targets_have_errors_and_no_top_1() -> None:
    """Ref: sklearn.metrics: mean_absolute_error 0.5, r2_score 0.9486081370449679 of its example."""
    true, told = [3, -0.5, 2, 7], [2.5, 0.0, 2, 8]
    scored = score.accuracy(
        _answers(*(([out], [want]) for out, want in zip(told, true, strict=True))), "regression"
    )
    found = scored.expected
    assert found is not None
    assert scored.top1 is None
    assert (found.mae, found.rmse) == (0.5, pytest.approx(0.375**0.5))
    assert found.r2 == pytest.approx(0.9486081370449679)
    same = score.accuracy(_answers(([1.0], [2.0]), ([3.0], [2.0])), "regression").expected
    assert same is not None
    assert (same.mae, same.r2) == (1.0, None)


@pytest.mark.parametrize("channels", [1, 3])
def test_masks_overlap_as_counted_pixel_by_pixel(channels: int) -> None:
    """Over all inputs: what both have beside what either has, the mean over the classes."""
    rng = random.Random(channels)  # noqa: S311 - test data
    pairs = [
        ([rng.random() for _ in range(12)], [float(rng.random() < 0.5) for _ in range(12)])
        for _ in range(4)
    ]

    def classes(values: list[float]) -> list[int]:
        if channels == 1:
            return [int(value >= 0.5) for value in values]
        rows = [values[at : at + channels] for at in range(0, 12, channels)]
        return [row.index(max(row)) for row in rows]

    pixels = [p for out, want in pairs for p in zip(classes(out), classes(want), strict=True)]
    overlaps = []
    for number in [1] if channels == 1 else range(channels):
        either = [pixel for pixel in pixels if number in pixel]
        overlaps.append(sum(a == b for a, b in either) / len(either))
    found = score.accuracy(_answers(*pairs), "iou", 0.0, channels).expected
    assert found is not None
    assert found.iou == pytest.approx(sum(overlaps) / len(overlaps))
    empty = score.accuracy(_answers(([0.0] * 4, [0.0] * 4)), "iou").expected
    assert empty is not None
    assert empty.iou is None
