"""Pictures and sounds as inputs of a model, as it is declared."""

import io
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tinybench.datasets.image import read_png
from tinybench.datasets.mfcc import mfcc
from tinybench.datasets.preparation import Picture, Preparation, load_preparation, names, prepared
from tinybench.datasets.wake.wav import write_wav
from tinybench.errors import DatasetError, ToolMissingError

RNG = np.random.default_rng(5)


def written(made: Image.Image) -> bytes:
    """Return a picture as a PNG file."""
    file = io.BytesIO()
    made.save(file, "PNG")
    return file.getvalue()


def picture(*shape: int, most: int = 256) -> NDArray[np.uint8]:
    """Return random values."""
    return RNG.integers(0, most, shape, np.uint8)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_every_kind_of_picture_is_read(mode: str) -> None:
    """Two colours, grey, a palette or RGB, with opacity where all of it is opaque."""
    made = Image.fromarray(picture(11, 7, 3)).convert(mode)
    found = read_png(written(made), "x.png")
    wanted = np.asarray(made.convert("RGB"))
    assert found.shape == (11, 7, 1 if mode in ("1", "L", "LA") else 3)
    assert np.array_equal(np.broadcast_to(found, wanted.shape), wanted)


def test_what_cannot_be_read_is_refused_in_words() -> None:
    """Other files, halves, damage, 16 bits, holes, and pictures too large."""
    good = written(Image.fromarray(picture(40, 40, 3)))
    damaged = bytearray(good)
    damaged[len(good) // 2] ^= 1
    clear = Image.new("RGBA", (4, 4), (1, 2, 3, 255))
    clear.putpixel((0, 0), (1, 2, 3, 3))
    cases = {
        "not a PNG": b"GIF89a" + good,
        "truncated": good[: len(good) // 2],
        "not a PNG picture": bytes(damaged),
        "transparent": written(clear),
        "16 bits": written(Image.new("I;16", (4, 4))),
        "make it smaller": written(Image.new("1", (8193, 1))),
    }
    for said, raw in cases.items():
        with pytest.raises(DatasetError, match=said):
            read_png(raw, "x.png")


def test_without_pillow_the_message_says_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra is named."""
    raw = written(Image.new("L", (4, 4)))
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ToolMissingError, match=r"install -e '\S*\[prepare\]'"):
        read_png(raw, "x.png")


def test_values_are_what_is_declared() -> None:
    """Of 0 to 1, of -1 to 1, colour by colour; channels first where the model has them so."""
    values = picture(4, 6, 3)
    raw, file = written(Image.fromarray(values)), Path("x.png")
    unit = prepared(raw, file, [1, 4, 6, 3], load_preparation("unit"))
    assert np.allclose(unit, values / 255)
    signed = prepared(raw, file, [1, 3, 4, 6], load_preparation("signed"))
    assert np.allclose(signed, (values / 127.5 - 1).transpose(2, 0, 1))
    each = prepared(raw, file, [1, 4, 6, 3], load_preparation("imagenet"))
    assert np.allclose(each[..., 2], (values[..., 2] - 103.53) / 57.375)
    grey = prepared(raw, file, [1, 4, 6, 1], load_preparation("pixels"))
    assert np.allclose(grey[..., 0], values @ [0.299, 0.587, 0.114])


def test_a_picture_of_another_size_is_scaled_only_where_that_is_declared() -> None:
    """Evenly coloured ones stay so."""
    raw = written(Image.new("L", (12, 9), 77))
    scaled = prepared(raw, Path("x.png"), [1, 4, 6, 3], load_preparation("pixels"))
    assert scaled.shape == (4, 6, 3)
    assert np.abs(scaled - 77).max() <= 1
    strict = Preparation(name="strict", picture=Picture())
    with pytest.raises(DatasetError, match="12x9 pixels, and the model takes 6x4"):
        prepared(raw, Path("x.png"), [1, 4, 6, 3], strict)


def test_a_sound_is_its_samples_or_its_features() -> None:
    """One second as 16,000 samples of -1 to 1, or as 49 x 10 MFCC; another length is no second."""
    samples = (9000 * np.sin(np.arange(16_000) / 9)).astype(np.int16)
    raw, file = write_wav(samples), Path("x.wav")
    unit = prepared(raw, file, [1, 16_000], load_preparation("unit"))
    assert np.allclose(unit, samples / 32768)
    features = prepared(raw, file, [1, 49, 10, 1], load_preparation("keyword"))
    assert np.array_equal(features, mfcc(samples))
    with pytest.raises(DatasetError, match=r"x\.wav: .*16000 samples"):
        prepared(write_wav(samples[:99]), file, [1, 49, 10, 1], load_preparation("keyword"))


def test_what_is_not_declared_is_not_guessed() -> None:
    """A picture without a preparation, or with that of a sound, is refused with the names."""
    raw = written(Image.new("L", (4, 4), 9))
    for how in (None, load_preparation("keyword")):
        with pytest.raises(DatasetError, match="--prepare imagenet or pixels or signed or unit"):
            prepared(raw, Path("x.png"), [1, 4, 4, 1], how)
    with pytest.raises(DatasetError, match="no picture of 1 or 3 channels"):
        prepared(raw, Path("x.png"), [1, 16], load_preparation("unit"))


@pytest.mark.parametrize("name", names())
def test_each_declaration_of_the_package_is_called_as_its_file(name: str) -> None:
    """And says what it is for."""
    found = load_preparation(name)
    assert found.name == name
    assert found.title
    assert found.picture or found.sound
