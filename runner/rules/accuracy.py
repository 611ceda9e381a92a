"""Rules of the accuracy mode: the whole set, each input once; the score, and its target."""

from collections.abc import Iterator

from tinybench.errors import ProtocolError

from ..build.task import METRICS, Task
from ..results import score
from ..results.result import Accuracy, Expected, Reference, Result
from .inputs import UNVERIFIED
from .profile import Profile
from .rule import DATASETS, MOBILE, RULES, Rule, Ruling

COUNT = Rule("accuracy-count", DATASETS + ", the whole accuracy set, each input once")
RECOMPUTED = Rule("accuracy-recomputed", RULES + ", accuracy metric")
THRESHOLD = Rule("accuracy-threshold", RULES + ", closed division quality target")
REFERENCE = Rule("reference-outputs", "this project, profile model: outputs as the reference's")
EXPECTED = Rule("expected-outputs", "this project: outputs as the user expects them")
FLOAT_SHARE = Rule("float-share", MOBILE + ", quality as a share of the float model's")


def rulings(result: Result, task: Task, profile: Profile) -> Iterator[Ruling]:
    """Yield what the rules of the accuracy mode say."""
    accuracy = result.accuracy
    yield _count(result, task, profile)
    if accuracy is None or not accuracy.answers:
        return
    try:
        recomputed = score.as_stored(
            score.accuracy(accuracy.answers, task.metric, task.tolerance, task.channels), accuracy
        )
    except (ProtocolError, ArithmeticError) as error:
        recomputed, seen = None, str(error)
    else:
        seen = _text(recomputed)
    yield RECOMPUTED.judged(
        recomputed == accuracy,
        f"from the stored answers: {seen}",
        _text(accuracy),
        "the stored result was changed after the run: run it again",
    )
    if recomputed is None:
        return
    if profile.reference_outputs:
        yield _reference(result.reference)
    if task.metric == "exact":
        yield _expected(recomputed.expected)
    if task.metric not in ("top1", "auc"):
        return  # errors and overlaps have no target: they are reported, and gates hold them
    found = recomputed.top1 if task.metric == "top1" else recomputed.auc
    if result.division == "closed" and not _is_whole(result, task):
        yield _part(task, found)
    else:
        yield _threshold(result, task, found)
    if profile.float_share is not None:
        yield _float_share(result, task, found, profile.float_share)


def _wanted(result: Result, task: Task) -> list[int]:
    """Return the sizes of a whole set."""
    named_so = result.dataset in ("official", UNVERIFIED)
    return task.rules.accuracy_count if named_so else [result.inputs.count]


def _is_whole(result: Result, task: Task) -> bool:
    return result.accuracy is not None and len(result.accuracy.answers) in _wanted(result, task)


def _count(result: Result, task: Task, profile: Profile) -> Ruling:
    wanted = _wanted(result, task)
    answers = result.accuracy.answers if result.accuracy else []
    distinct = len({answer.input for answer in answers})
    found = f"{len(answers)} answers to {distinct} inputs"
    once = distinct == len(answers)
    if profile.accuracy_inputs is not None:
        least = min(profile.accuracy_inputs, *wanted)
        advice = f"{least - distinct} more inputs: raise --limit, or leave it out"
        if not once:
            advice = "run it again: an input was answered twice"
        return COUNT.judged(
            distinct >= least and once, f"at least {least} inputs, each once", found, advice
        )
    return COUNT.judged(
        len(answers) in wanted and once,
        f"{' or '.join(map(str, wanted))} inputs, each once",
        found,
        "run without --limit" if result.inputs.limit else "run the whole set",
    )


def _threshold(result: Result, task: Task, found: float | None) -> Ruling:
    if result.division == "open":
        return THRESHOLD.kept("reported, in the open division", _share(found))
    advice = "use the reference model, or --division open"
    if result.model.kind == "official":
        advice = (
            "the reference model is used: it reaches this, so the firmware or the inputs are at "
            "fault; or --division open"
        )
    return THRESHOLD.judged(
        found is not None and found >= task.rules.closed_threshold,
        _least(task),
        _share(found),
        advice,
    )


def _part(task: Task, found: float | None) -> Ruling:
    return THRESHOLD.not_judged(_least(task), f"{_share(found)}, on a part of the set")


def _least(task: Task) -> str:
    return f"{METRICS[task.metric]} at least {task.rules.closed_threshold:.1%}"


def _share(found: float | None) -> str:
    return "no score: only one kind of input" if found is None else f"{found:.1%}"


def _reference(found: Reference | None) -> Ruling:
    whose = "onnxruntime gives it" if found and found.steps else "the reference kernels give it"
    wanted = f"every output as {whose}, {found.within if found else 'to the bit'}"
    if found is None or not found.count:
        why = found.why_not if found else "this run did not compare it"
        return REFERENCE.not_judged(wanted, why)
    return REFERENCE.judged(
        found.equal == found.count,
        wanted,
        f"{found.equal} of {found.count} inputs"
        + (f"; {found.first_differing}" if found.first_differing else "")
        + (f"; first differing layer: {found.first_layer}" if found.first_layer else ""),
        "the kernels compute something else: report the model and the board",
    )


def _expected(found: Expected | None) -> Ruling:
    within = found.tolerance if found else 0.0
    wanted = f"every output as it is expected, within {within:g}"
    if found is None or not found.count or found.equal is None:
        return EXPECTED.not_judged(wanted, "no outputs are expected of these inputs")
    first = f"; {found.first_differing}" if found.first_differing else ""
    return EXPECTED.judged(
        found.equal == found.count,
        wanted,
        f"{found.equal} of {found.count} inputs{first}",
        "see whether model and outputs are of one version, and whether 'reference-outputs' is kept",
    )


def _float_share(result: Result, task: Task, found: float | None, share: float) -> Ruling:
    reference = result.float_model
    if reference is None or reference.quality is None:
        why = "this run did not compute it" if reference is None else reference.why_not
        return FLOAT_SHARE.not_judged(f"at least {share:.0%} of the float model's quality", why)
    least = share * reference.quality
    wanted = (
        f"{METRICS[task.metric]} at least {least:.2%}: {share:.0%} of the float model's "
        f"{reference.quality:.2%}"
    )
    seen = "no score" if found is None else f"{found:.2%}, {found / reference.quality:.2%} of it"
    return FLOAT_SHARE.judged(
        found is not None and found >= least,
        wanted,
        seen,
        "quantise with more calibration inputs, or with training",
    )


def _text(accuracy: Accuracy) -> str:
    if accuracy.top1 is not None:
        return f"top-1 {accuracy.top1:.4f} ({accuracy.correct} of {accuracy.count})"
    if not accuracy.scored:
        return f"{accuracy.count} answers, not scored"
    if accuracy.expected is not None:
        known = ", ".join(f"{name} {value:.6g}" for name, value in score.figures(accuracy).items())
        return f"{accuracy.count} answers, {known or 'no score'}"
    return f"AUC {accuracy.auc} over {accuracy.count} files"
