"""Features of a stream of sound, as the firmware's C computes them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import streaming_data
from tinybench.datasets.wake import on_device
from tinybench.datasets.wake.embedded import read_recording
from tinybench.datasets.wake.features import histories
from tinybench.errors import DatasetError, ToolMissingError


@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize("name", streaming_data.SOUNDS)
def test_public_sounds_give_the_golden_features(shared_data: Path, name: str, fixed: bool) -> None:
    """To the bit, in floats and in fixed point."""
    sound = streaming_data.sound(shared_data, name)
    found = on_device.features(sound, fixed=fixed)
    np.testing.assert_array_equal(
        found.values, streaming_data.golden(shared_data, f"{name}_fw_features_i8")
    )
    assert found.outside == 0


@pytest.mark.parametrize("fixed", [False, True])
def test_loud_sound_saturates_or_wraps(shared_data: Path, fixed: bool) -> None:
    """Values beyond int8 are counted, and go around only where that is asked for."""
    sound = streaming_data.golden(shared_data, "loud_i16").astype(np.int16)
    for wraps, kind in ((False, "saturating"), (True, "wrapping")):
        found = on_device.features(sound, wraps=wraps, fixed=fixed)
        wanted = streaming_data.golden(shared_data, f"loud_fw_features_i8_{kind}")
        np.testing.assert_array_equal(found.values, wanted)
        assert found.outside == 48


def test_the_history_begins_as_zeros() -> None:
    """What a model sees is the last 30 frames, the newest last; before the first all is 0."""
    values = np.arange(1, 36, dtype=np.int8)[:, np.newaxis].repeat(40, axis=1)
    seen = histories(values)
    assert seen.shape == (35, 30, 40)
    assert seen[0, :, 0].tolist() == [0] * 29 + [1]
    assert seen[34, :, 7].tolist() == list(range(6, 36))


def test_other_sound_is_refused() -> None:
    """Floats and two channels are no sound for a wake word; a rest of less than a hop is none."""
    wrong: list[Any] = [np.zeros(512), np.zeros((512, 2), np.int16)]
    for sound in wrong:
        with pytest.raises(DatasetError, match="one channel of int16"):
            on_device.features(sound)
    assert on_device.features(np.zeros(1023, np.int16)).values.shape == (1, 40)


def test_a_missing_compiler_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The message says what to install."""
    monkeypatch.setenv("TINYBENCH_CACHE", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    on_device._library.cache_clear()
    with pytest.raises(ToolMissingError, match="apt-get install gcc"):
        on_device.features(np.zeros(512, np.int16))
    on_device._library.cache_clear()


def test_micro_features_are_of_what_is_new() -> None:
    """Silence is none; a steady tone stands in its own bands and fades into the noise, a second one
    stands out; in fixed point nearly all values are the same."""
    assert set(on_device.micro(np.zeros(1600, np.int16)).values.ravel()) == {-128}
    at_s = np.arange(2 * 16_000) / 16_000
    tone = 8000 * np.sin(2 * np.pi * 1000 * at_s) + 8000 * np.sin(2 * np.pi * 4000 * at_s) * (
        at_s > 1
    )
    found = on_device.micro(np.round(tone).astype(np.int16)).values.astype(int)
    assert (found[:2] == -128).all()
    assert int(found[5].argmax()) == 12  # of peaks in mel from 125 to 7500 Hz, that at 1 kHz
    assert found[95, 12] < found[5, 12] - 20
    assert int(found[105].argmax()) == 30
    fixed = on_device.micro(np.round(tone).astype(np.int16), fixed=True).values
    assert np.mean(found == fixed) > 0.99


@pytest.mark.soak
def test_micro_features_are_those_of_the_public_front_end() -> None:
    """Of speech 96 % of the values are the same, and 97 % within a step: its transform rounds to
    int16 at each stage, this one once."""
    tensorflow = pytest.importorskip("tensorflow")
    ops = "tensorflow.lite.experimental.microfrontend.python.ops.audio_microfrontend_op"
    front_end = pytest.importorskip(ops)
    sound = read_recording("short").samples[: 30 * 16_000]
    public = front_end.audio_microfrontend(
        tensorflow.constant(sound), sample_rate=16_000, window_size=30, window_step=10,
        num_channels=40, upper_band_limit=7500, lower_band_limit=125, enable_pcan=True,
    )  # fmt: skip
    wanted = np.minimum((np.array(public).astype(int) * 256 + 333) // 666, 255) - 128
    for fixed in (False, True):
        off = np.abs(on_device.micro(sound, fixed=fixed).values[2:].astype(int) - wanted)
        assert np.mean(off == 0) > 0.96
        assert np.mean(off <= 1) > 0.97
