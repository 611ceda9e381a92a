"""The features of sound that a board computes."""

import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests import ROOT, kept
from tests.firmware import audio_tables, micro_tables, model_runner, sounds
from tests.firmware.model_runner import Target
from tinybench.datasets.wake.on_device import features, micro

AUDIO = ROOT / "firmware" / "audio"
FLOATS = ("host", "cortex-m4", "cortex-m55")
FRAMES = 12


def test_the_tables_are_those_of_their_formulas() -> None:
    """The checked-in tables are what their generator writes."""
    assert (AUDIO / "tables.h").read_text(encoding="utf-8") == audio_tables.tables_h()
    assert (AUDIO / "micro_tables.h").read_text(encoding="utf-8") == micro_tables.micro_tables_h()


def test_each_core_computes_what_the_host_does(target: Target, tmp_path: Path) -> None:
    """To the bit, in floats with a floating-point unit, in fixed point without; sanitized here."""
    floats = target.name in FLOATS
    options = ["-DTB_AUDIO_FIXED"] if target.name == "host-blocked" else []
    sound = np.concatenate([sound[: FRAMES * 512] for sound in sounds.hostile().values()])
    found, outside = _run(target, options, sound, tmp_path)
    fixed = not floats or bool(options)
    hops = sound[: len(sound) // 512 * 512].reshape(-1, 512)
    wanted = (features(sound, fixed=fixed), micro(hops[:, :480].reshape(-1), fixed=fixed))
    np.testing.assert_array_equal(found[:, 0], wanted[0].values)
    np.testing.assert_array_equal(found[:, 1:].reshape(-1, 40), wanted[1].values)
    assert outside == [one.outside for one in wanted]
    assert outside[0] > 0


def _run(
    target: Target, options: list[str], sound: np.ndarray, folder: Path
) -> tuple[np.ndarray, list[int]]:
    here = model_runner.HERE
    words = [
        *target.compiler, *model_runner.WARNINGS, *model_runner.INCLUDES, f"-I{AUDIO}", *options,
        *sorted(AUDIO.glob("*.c")), here / "run_features.c", here / target.streams, *target.link,
    ]  # fmt: skip
    command = [str(word) for word in words]

    def make(into: Path) -> None:
        subprocess.run([*command, "-o", str(into / "made")], check=True, timeout=60)

    program = kept.made(command, [], make)
    (folder / "input.bin").write_bytes(sound.tobytes())
    on_host = target.compiler is model_runner.HOST.compiler
    done = subprocess.run(
        [program] if on_host else [*target.emulator, *model_runner.EMULATION, program],
        input=sound.tobytes() if on_host else None,
        capture_output=True,
        cwd=folder,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    output = done.stdout if on_host else (folder / "output.bin").read_bytes()
    values = np.frombuffer(output[:-8], np.int8).reshape(-1, 4, 40)
    return values, np.frombuffer(output[-8:], "<i4").tolist()


@pytest.mark.parametrize("fixed", [False, True])
def test_any_sound_gives_the_features_of_the_definition(fixed: bool) -> None:
    """Within one step of the definition in double precision, equal in 99.9 % of the values."""
    found, wanted = list[np.ndarray](), list[np.ndarray]()
    for sound in sounds.hostile().values():
        found.append(features(sound, fixed=fixed).values)
        wanted.append(sounds.defined(sound))
    off = np.abs(np.concatenate(found).astype(int) - np.concatenate(wanted))
    assert off.max() <= 1
    assert np.mean(off == 0) >= 0.999, np.mean(off == 0)
