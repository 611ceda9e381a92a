"""Scores from answers."""

from tinybench.runner import score


def test_arg_max_takes_the_first_of_equals() -> None:
    """A tie goes to the lower class, as in the public runner's arg-max."""
    assert score.arg_max([0.1, 0.4, 0.4]) == 1


def test_correct_counts_outputs_with_their_maximum_at_the_label() -> None:
    """Top-1 compares the arg-max with the label."""
    assert score.correct([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]], [0, 1, 1]) == 2


def test_throughput_is_inferences_over_the_elapsed_time() -> None:
    """100 inferences in 18.192 s are those 5.497 per second that v0.5 published for kws."""
    assert f"{score.throughput_per_s(100, 18_192_390):.3f}" == "5.497"


def test_the_median_of_five_windows_is_the_middle_one() -> None:
    """One disturbed window does not move the result."""
    assert score.median([5.0, 1.0, 5.2, 5.1, 9.0]) == 5.1
