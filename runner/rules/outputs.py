"""Rules on what is inferred: the same in every mode; and what only the submitter can declare."""

import statistics
from collections.abc import Iterator, Sequence

from ..results import score
from ..results.result import Answer, EnergyWindow, Performance, Result, Window
from .rule import RULES, Rule, Ruling

SAME_OUTPUT = Rule("same-output", RULES + ", every mode runs the same inference")
NO_CACHING = Rule("no-caching", RULES + ", no caching between inputs")
NO_SHORTCUTS = Rule("no-input-shortcuts", RULES + ", no input-dependent shortcuts")
UNTIMED = Rule("pre-post-untimed", RULES + ", pre- and post-processing untimed")


def rulings(result: Result) -> Iterator[Ruling]:
    """Yield what these rules say."""
    timed = result.performance.windows if result.performance else []
    measured = result.energy.windows if result.energy else []
    answers = result.accuracy.answers if result.accuracy else []
    alone = [] if result.inputs.stream else answers
    yield from _same_output(alone, [*timed, *measured])
    if result.performance is not None and timed:
        yield _no_caching(answers, result.performance)
        yield _no_shortcuts(timed)
    if timed or measured or answers:
        yield UNTIMED.declared(
            "only the inference lies between the two time stamps",
            "inputs are uploaded before, results printed after the DUT's time stamps",
        )


def _same_output(
    answers: Sequence[Answer], windows: Sequence[Window | EnergyWindow]
) -> Iterator[Ruling]:
    known = {answer.input: answer.results for answer in answers}
    for window in windows:
        if isinstance(window, Window) and window.single_results is not None:
            known.setdefault(window.input, window.single_results)
    compared = 0
    differ = False
    for number, window in enumerate(windows, start=1):
        # No answer, by itself or in the window, is none to compare.
        if not known.get(window.input) or not window.results:
            continue
        compared += 1
        # Of a file with several inputs the window runs the first one.
        first = window.results.count(",") + 1
        expected = ",".join(known[window.input].split(",")[:first])
        if expected != window.results:
            differ = True
            yield SAME_OUTPUT.broken(
                f"[{expected}] for {window.input}, as it was answered by itself",
                f"[{window.results}] in window {number}",
                "the engine must not overwrite its input between inferences",
            )
    wanted = "the same output for the same input in every mode"
    if windows and not compared:
        yield SAME_OUTPUT.not_judged(wanted, "no input of a window was answered by itself")
    elif compared and not differ:
        yield SAME_OUTPUT.kept(wanted, f"the same in {compared} of {len(windows)} windows")


def _no_caching(answers: Sequence[Answer], performance: Performance) -> Ruling:
    wanted = "each inference is computed anew"
    single_us = [us for answer in answers for us in answer.elapsed_us]
    if not single_us:
        return NO_CACHING.declared(wanted, "no single inferences to compare the windows with")
    single_s = statistics.median(single_us) * 1e-6
    return NO_CACHING.declared(
        wanted,
        f"{performance.latency_s * 1e3:.3f} ms an inference in windows, which repeat one input; "
        f"{single_s * 1e3:.3f} ms on inputs met once",
    )


def _no_shortcuts(windows: Sequence[Window]) -> Ruling:
    wanted = "no inference is cut short by what its input is"
    return NO_SHORTCUTS.declared(
        wanted,
        f"throughput on {len(windows)} different inputs differs by {score.spread(windows):.4%}",
    )
