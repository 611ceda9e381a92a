"""Rules on a run as a whole: that it is one, of which model and firmware, and in which order."""

from collections.abc import Iterator

from ..build.task import Task
from ..results.result import Result, Step
from .inputs import UNVERIFIED
from .profile import Profile
from .rule import MOBILE, RULES, Rule, Ruling

COMPLETE = Rule("complete", RULES + ", a result is a whole run")
MODEL_ID = Rule("model-id", RULES + ", benchmark models")
REFERENCE_MODEL = Rule("reference-model", RULES + ", closed division")
SAME_FIRMWARE = Rule("same-firmware", RULES + ", accuracy and performance run the same firmware")
ORDER = Rule("order", MOBILE + ", performance before accuracy")
AMBIENT = Rule("ambient", "MLPerf Mobile submission rules, temperature range")
COOL_DOWN = Rule("cool-down", MOBILE + ", rest before the performance mode")


def rulings(result: Result, task: Task, profile: Profile) -> Iterator[Ruling]:
    """Yield what the rules on the whole run say."""
    yield COMPLETE.judged(
        result.complete,
        "a run that reached its end",
        "it did" if result.complete else result.error or "an interrupted run",
        "run it again, or go on with it: tinybench resume RUN",
    )
    yield MODEL_ID.judged(
        result.model_id == task.model_id,
        task.model_id,
        result.model_id,
        "flash the firmware of this task",
    )
    yield from _reference_model(result)
    if result.mode == "all":
        yield _same_firmware(result)
    if profile.performance_first and result.mode == "all":
        yield _order(result)
    if profile.ambient_c is not None:
        yield _ambient(result, *profile.ambient_c)
    if profile.cool_down_s and result.mode in ("performance", "all", "scenario"):
        yield _cool_down(result, profile.cool_down_s)


def _ambient(result: Result, low_c: float, high_c: float) -> Ruling:
    wanted = f"a room of {low_c:g} to {high_c:g} °C, recorded"
    told = result.environment
    if result.emulated:
        return AMBIENT.kept(wanted, "an emulated board, which no room warms")
    if told is None or told.ambient_c is None:
        return AMBIENT.not_judged(wanted, "the result does not say: state it with --ambient")
    return AMBIENT.judged(
        low_c <= told.ambient_c <= high_c,
        wanted,
        f"{told.ambient_c:g} °C",
        "run it in such a room, and state its temperature with --ambient",
    )


def _reference_model(result: Result) -> Iterator[Ruling]:
    """Judge the model, on official inputs: on others no result is one of either division."""
    if result.dataset not in ("official", UNVERIFIED):
        return
    found = f"model '{result.model.name}' ({result.model.kind})"
    wanted = "the reference model"
    engine = result.firmware and result.firmware.engine
    if result.division == "open":
        yield REFERENCE_MODEL.kept("any model, in the open division", found)
    elif result.model.kind == "engine":
        found = f"engine '{result.model.name}', whose model is not known here"
        advice = "name the .tflite that it runs with --model, or use --division open"
        yield REFERENCE_MODEL.broken(wanted, found, advice)
    elif engine is not None and not engine.version and result.model.kind == "official":
        yield REFERENCE_MODEL.declared(wanted, f"{found}, as is said of engine '{engine.name}'")
    else:
        yield REFERENCE_MODEL.judged(
            result.model.kind == "official",
            wanted,
            found,
            "use the reference model, or --division open",
        )


def _same_firmware(result: Result) -> Ruling:
    wanted = "one image for both modes"
    if result.firmware is None:
        return SAME_FIRMWARE.declared(
            wanted,
            f"the same DUT '{result.dut}' answered throughout; its image was built elsewhere",
        )
    return SAME_FIRMWARE.kept(wanted, f"image {result.firmware.elf_sha256[:16]}... in one run")


def _first(result: Result, mode: str) -> Step | None:
    return next((step for step in result.steps if step.mode == mode), None)


def _order(result: Result) -> Ruling:
    wanted = "performance, then accuracy"
    performance, accuracy = _first(result, "performance"), _first(result, "accuracy")
    if performance is None or accuracy is None:
        return ORDER.not_judged(wanted, "the result does not say in which order it was measured")
    begun = [step.mode for step in result.steps]
    return ORDER.judged(
        begun.index("performance") < begun.index("accuracy"),
        wanted,
        ", then ".join(dict.fromkeys(begun)),
        "run it with this profile: --profile NAME",
    )


def _cool_down(result: Result, wanted_s: float) -> Ruling:
    mode = "scenario" if result.mode == "scenario" else "performance"
    wanted = f"at least {wanted_s:g} s of rest before the {mode} mode"
    step = _first(result, mode)
    if result.emulated:
        return COOL_DOWN.kept(wanted, "an emulated board, which does not warm up")
    if step is None:
        return COOL_DOWN.not_judged(wanted, "the result does not say how long the board rested")
    if step.rested_s is None:
        return COOL_DOWN.kept(wanted, "nothing was run before it")
    return COOL_DOWN.judged(
        step.rested_s >= wanted_s,
        wanted,
        f"{step.rested_s:.1f} s",
        f"{wanted_s - step.rested_s:.0f} s more: run it with this profile, --profile NAME",
    )
