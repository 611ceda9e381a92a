"""A result that keeps every rule, for tests to break."""

import msgspec

from tinybench.runner.results import score
from tinybench.runner.results.firmware import Firmware
from tinybench.runner.results.result import (
    Answer,
    Clock,
    InputsUsed,
    ModelUsed,
    Performance,
    Result,
    Window,
)

KWS_INPUTS_SHA256 = "57990d310a970fc0efdf72ebd9695d09fb27a13fc3cdce4571de550bee9830f9"
"""Of the official set, as datasets/kws01.toml has it."""
RIGHT = "0.000,0.996"
WRONG = "0.996,0.000"

COUNTED = Clock(ratio=0.9999, uncertainty=1e-3, span_s=60.0, stamps=10, witness="emulator")


def good_result(**changed: object) -> Result:
    """Return a complete official run of 1000 inputs, 901 of them right, with fields replaced."""
    answers = [
        Answer(f"tst_{number:06d}.bin", 1, RIGHT if number < 901 else WRONG, [204_000])
        for number in range(1000)
    ]
    windows = [Window(answers[number].input, 50, 1, 10_200_000, RIGHT) for number in range(5)]
    result = Result(
        tinybench="0.1.0",
        started_at="2026-11-21T10:00:00+00:00",
        finished_at="2026-11-21T10:01:00+00:00",
        complete=True,
        board="mps2-an386",
        core="Cortex-M4F",
        task="kws",
        model_id="kws01",
        mode="all",
        division="closed",
        dataset="official",
        emulated=True,
        time_base="emulated: one instruction is 32 ns",
        dut="tinybench",
        inputs=InputsUsed("kws01", "1000 official inputs", KWS_INPUTS_SHA256, 1000),
        model=ModelUsed("kws_ref_model.tflite", "official", "1" * 64, 2_656_768, 16_502, 30_000),
        firmware=Firmware("2" * 64, "3" * 64, "gcc", 40_000, 10_000, 20_000),
        clocks=[COUNTED],
        tools={"python": "3.11"},
        accuracy=score.accuracy(answers, "top1"),
        performance=Performance(50 / 10.2, 10.2 / 50, 6_375_000, windows),
        files_sha256={},
    )
    return msgspec.structs.replace(result, **changed)
