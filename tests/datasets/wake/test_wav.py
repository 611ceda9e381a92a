"""Wav files of recordings: what is read, what is refused by name, and what was compressed."""

import io
import struct
import wave

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinybench.datasets.wake import adpcm
from tinybench.datasets.wake.wav import read_wav, write_wav
from tinybench.errors import DatasetError

NOISE = np.random.default_rng(1).integers(-32768, 32768, 2000).astype(np.int16)


def _wav(data: bytes, channels: int = 1, width: int = 2, rate_hz: int = 16_000) -> bytes:
    raw = io.BytesIO()
    with wave.open(raw, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate_hz)
        file.writeframes(data)
    return raw.getvalue()


def test_what_is_written_is_read() -> None:
    """Two equal channels behind a header of 44 bytes, as other readers see them."""
    raw = write_wav(NOISE)
    assert len(raw) == 44 + 4 * len(NOISE)
    assert (read_wav(raw, "x") == NOISE).all()
    with wave.open(io.BytesIO(raw)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, 16_000)
    assert (read_wav(_wav(NOISE.tobytes()), "x") == NOISE).all()


def test_chunks_that_are_no_samples_are_passed_over() -> None:
    """Such as a list of texts of an odd length, before and after the format."""
    plain = _wav(NOISE.tobytes())
    text = b"LIST" + struct.pack("<I", 5) + b"INFO!\0"
    raw = plain[:12] + text + plain[12:36] + text + plain[36:]
    assert (read_wav(raw, "x") == NOISE).all()


def _patched(at: int, value: bytes) -> bytes:
    raw = bytearray(_wav(NOISE.tobytes()))
    raw[at : at + len(value)] = value
    return bytes(raw)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (_wav(NOISE.tobytes(), rate_hz=44_100), "44100 samples a second, wanted 16000"),
        (_wav(NOISE.tobytes(), width=1), "8 bits a sample, wanted 16"),
        (_wav(NOISE[:1998].tobytes(), width=3), "24 bits a sample"),
        (_wav(NOISE[:1998].tobytes(), channels=3), "3 channels"),
        (_wav(NOISE.tobytes(), channels=2), "its two channels differ in 1000 of 1000"),
        (_wav(NOISE.tobytes())[:-1], "says 4000 bytes of samples, and 3999 are there"),
        (_wav(NOISE.tobytes())[:40], "there are no samples in its 40 bytes"),
        (_patched(40, b"\xff\xff\xff\xff"), "says 4294967295 bytes"),
        (_patched(40, b"\x01\x00\x00\x00"), "says 1 bytes"),
        (_patched(20, b"\x03\x00"), "floats, wanted 16-bit PCM"),
        (_patched(20, b"\x77\x00"), "format 0x0077"),
        (_patched(32, b"\x07\x00"), "its header is damaged"),
        (_patched(36, b"junk"), "there are no samples"),
        (_patched(12, b"data"), "come before their format"),
        (b"RIFF\0\0\0\0WAVEfmt \1\0\0\0\1\0", "its format has 1 bytes"),
        (b"ID3 and so on", "not a wav file"),
        (b"", "not a wav file"),
    ],
)
def test_what_cannot_be_played_is_refused_by_name(raw: bytes, said: str) -> None:
    """The message names the file, what is wrong with it, and what is wanted."""
    with pytest.raises(DatasetError, match=r"song\.wav: ") as error:
        read_wav(raw, "song.wav")
    assert said in str(error.value)


@settings(max_examples=60)
@given(st.data())
def test_damaged_files_are_read_or_refused(data: st.DataObject) -> None:
    """Any bytes in any place of a file: samples, or a DatasetError."""
    read, good = data.draw(
        st.sampled_from([(read_wav, write_wav(NOISE[:40])), (adpcm.read_wav, PRESSED)])
    )
    raw = bytearray(good)
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, 63))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(raw)))
    try:
        assert len(read(bytes(raw[:cut]), "x")) <= len(raw) * 2
    except DatasetError as error:
        assert str(error).startswith("x: ")


TONE = np.round(9000 * np.sin(np.arange(3000) * 0.2)).astype(np.int16)
PRESSED = adpcm.write_wav(TONE)


def test_compressed_speech_is_nearly_the_same() -> None:
    """Four bits a sample, 30 dB below a tone or less; its length is kept."""
    assert len(PRESSED) == 60 + 6 * adpcm.BLOCK_B
    again = adpcm.read_wav(PRESSED, "x")
    assert len(again) == len(TONE)
    error = again.astype(float) - TONE
    assert error.std() < TONE.std() / 30
    assert len(adpcm.read_wav(adpcm.write_wav(TONE[:0]), "x")) == 0
    loud = np.where(np.arange(600) // 50 % 2, 32767, -32768).astype(np.int16)
    assert np.abs(adpcm.read_wav(adpcm.write_wav(loud), "x")[40:50] - loud[40:50]).max() < 4000


def test_compressed_speech_of_another_form_is_refused() -> None:
    """By the file's name."""
    for raw in (PRESSED[:-1], write_wav(TONE), b"", PRESSED[:60]):
        with pytest.raises(DatasetError, match="x: "):
            adpcm.read_wav(raw, "x")
