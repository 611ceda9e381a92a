"""Rules on a stream: all of it was heard, in time; its words were found, and few that are none."""

from collections.abc import Iterator

from ..results.result import Result
from ..results.stream import PERIOD_S, Stream
from ..streaming.score import RECORDING_S, WORDS, limits
from .profile import Profile
from .rule import CHECKER, RULES, Rule, Ruling

CLAUSE = RULES + ", streaming wake word"
HEARD = Rule("stream-heard", CLAUSE + ": all of the audio is processed")
RECORDING = Rule("stream-recording", CHECKER + ", sww: TP + FN = 50")
DEADLINE = Rule("stream-deadline", CLAUSE + ": a frame is processed before the next one is whole")
MISSES = Rule("stream-misses", CLAUSE + ", closed division quality target")
ALARMS = Rule("stream-false-alarms", CLAUSE + ", closed division quality target")
READINGS = Rule(
    "stream-readings", "energyrunner for sww, README and code: until when a pulse counts"
)
FEATURES = Rule("stream-features", CLAUSE + ": features as the reference firmware computes them")
SOUND = Rule("stream-undoubted", CLAUSE + ": detections are those of the words in the list")


def rulings(result: Result, profile: Profile) -> Iterator[Ruling]:
    """Yield what these rules say."""
    found = result.stream
    if found is None:
        yield HEARD.broken("a stream that was heard", "nothing was heard", "run it again")
        return
    yield _heard(found)
    if profile.recording == "long":
        yield _recording(found)
    yield _deadline(result, found)
    yield _features(found)
    yield SOUND.judged(
        not found.score.doubts,
        "pulses and words that fit each other",
        "; ".join(found.score.doubts) or "they do",
        "look at the list of words, and at the firmware",
    )
    closed = result.division == "closed"
    first, (missed_most, false_most) = found.first, limits(len(found.words_s))
    for rule, what, count, most in (
        (MISSES, "words missed", first.missed, missed_most),
        (ALARMS, "false alarms", first.false, false_most),
    ):
        wanted = f"at most {most} {what} with {len(found.words_s)} words"
        said = f"{count}, with a pulse counting until {first.tail_s:g} s after a word"
        if closed:
            yield rule.judged(count <= most, wanted, said, "another model, or --division open")
        else:
            yield rule.kept("any number, in the open division", said)
    yield _readings(found)


def _heard(found: Stream) -> Ruling:
    wanted = f"all {found.expected:,} frames, each once"
    said = f"{found.heard:,} answered, {found.counted:,} counted by the DUT"
    again = f", in the {found.begun}. stream that was begun" if found.begun > 1 else ""
    return HEARD.judged(not found.lost, wanted, said + again, "look at the line: tinybench link")


def _recording(found: Stream) -> Ruling:
    words = len(found.words_s)
    return RECORDING.judged(
        words == WORDS and found.length_s == RECORDING_S,
        f"a recording of {RECORDING_S:g} s with {WORDS} words",
        f"{found.recording}, {found.length_s:g} s with {words} words",
        "a short one is judged by --profile quick",
    )


def _deadline(result: Result, found: Stream) -> Ruling:
    wanted = f"each frame within {PERIOD_S * 1e3:g} ms"
    times = found.in_time(emulated=result.emulated)
    if times is None:
        why = result.no_cycles or "no timings of its core are declared"
        return DEADLINE.not_judged(wanted, f"emulated, without an estimate of cycles: {why}")
    said = f"{times.missed} of {found.heard:,} later, the slowest {times.max_s * 1e3:.3f} ms"
    said += f"; {times.overruns} frames of audio would be lost" if times.overruns else ""
    if result.core == "host":
        return DEADLINE.declared(wanted, f"{said}; a computer does other things as well")
    label = ", estimated" if result.emulated else ""
    return DEADLINE.judged(
        not times.missed and not times.overruns,
        wanted,
        said + label,
        "a faster clock, a smaller model, or inferences frame by frame: without --whole",
    )


def _features(found: Stream) -> Ruling:
    # C leaves open what becomes of such a value: the reference's binaries let it go around.
    wanted = "the features of the reference firmware, in which values beyond int8 go around"
    if not found.outside:
        return FEATURES.kept(wanted, "no value was beyond int8: both ways give the same")
    if found.wraps:
        return FEATURES.kept(wanted, f"{found.outside:,} values went around")
    return FEATURES.declared(
        wanted, f"{found.outside:,} values were saturated; they go around with --compatible"
    )


def _readings(found: Stream) -> Ruling:
    wanted = "the same verdict until 1 s after a word, as the rules say, and until 2 s"
    said = "; ".join(
        f"{one.found}/{one.missed}/{one.false} until {one.tail_s:g} s"
        + (f" without a drift of {one.without_ppm:+.0f} ppm" if one.without_ppm else "")
        for one in found.score.readings
    )
    if found.score.disagreement:
        return READINGS.declared(wanted, f"they disagree: {found.score.disagreement}")
    return READINGS.kept(wanted, f"found/missed/false {said}")
