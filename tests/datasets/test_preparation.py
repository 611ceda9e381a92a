"""Pictures and sounds as inputs of a model, as it is declared."""

import zlib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.datasets.png_writer import SIGNATURE, chunk, png
from tinybench.datasets.mfcc import mfcc
from tinybench.datasets.png import read_png
from tinybench.datasets.preparation import Picture, Preparation, load_preparation, names, prepared
from tinybench.datasets.wake.wav import write_wav
from tinybench.errors import DatasetError

RNG = np.random.default_rng(5)
GREY, RGB, PALETTE, GREY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6
ALL_FILTERS = (1, 2, 3, 4, 0)


def picture(*shape: int, most: int = 256) -> NDArray[np.uint8]:
    """Return random values."""
    return RNG.integers(0, most, shape, np.uint8)


@pytest.mark.parametrize(
    ("colour", "channels"), [(GREY, 1), (RGB, 3), (GREY_ALPHA, 2), (RGB_ALPHA, 4)]
)
def test_every_filter_is_undone(colour: int, channels: int) -> None:
    """Rows filtered in five ways are the values that were written, without opacity."""
    values = picture(11, 7, channels)
    if channels in (2, 4):
        values[..., -1] = 255
    found = read_png(png(values, colour, filters=ALL_FILTERS), "x.png")
    assert np.array_equal(found, values[..., : {2: 1, 4: 3}.get(channels)])


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_few_bits_a_value_span_black_to_white(depth: int) -> None:
    """Grey of few bits is scaled to 0 to 255, also where a row ends within a byte."""
    values = picture(5, 9, 1, most=1 << depth)
    found = read_png(png(values, GREY, depth=depth, filters=ALL_FILTERS), "x.png")
    assert np.array_equal(found, values * np.uint8(255 // ((1 << depth) - 1)))


def test_a_palette_becomes_its_colours() -> None:
    """And one that lacks a colour is refused."""
    colours, values = picture(16, 3), picture(6, 5, 1, most=16)
    values[0, 0] = 15
    whole = chunk(b"PLTE", colours.tobytes())
    found = read_png(png(values, PALETTE, depth=4, more=whole), "x.png")
    assert np.array_equal(found, colours[values[..., 0]])
    less = chunk(b"PLTE", colours[:15].tobytes())
    with pytest.raises(DatasetError, match="palette lacks a colour"):
        read_png(png(values, PALETTE, depth=4, more=less), "x.png")


def test_what_cannot_be_read_is_refused_in_words() -> None:
    """Other files, halves, damage, interlacing, 16 bits, holes, and pictures too large."""
    good = png(picture(4, 4, 3), RGB)
    damaged = bytearray(good)
    damaged[len(good) // 2] ^= 1
    cleared = np.maximum(picture(4, 4, 4), 1)
    cleared[0, 0, 3] = 3
    header = np.array([1 << 20, 1 << 20], ">u4").tobytes() + bytes([8, 2, 0, 0, 0])
    huge = SIGNATURE + chunk(b"IHDR", header) + chunk(b"IEND", b"")
    cases = {
        "no PNG picture": b"GIF89a" + good,
        "or half of one": good[: len(good) // 2],
        "a damaged": bytes(damaged),
        "interlaced": png(picture(4, 4, 3), RGB, interlaced=1),
        "transparent": png(cleared, RGB_ALPHA),
        "make it smaller": huge,
        "filter 9": _with_filter(9),
    }
    for said, raw in cases.items():
        with pytest.raises(DatasetError, match=said):
            read_png(raw, "x.png")


def _with_filter(kind: int) -> bytes:
    values = picture(1, 4, 1)
    made = png(values, GREY)
    packed = zlib.compress(bytes([kind]) + values.tobytes())
    begin = made.index(b"IDAT") - 4
    return made[:begin] + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def test_values_are_what_is_declared() -> None:
    """Of 0 to 1, of -1 to 1, colour by colour; channels first where the model has them so."""
    values = picture(4, 6, 3)
    raw, file = png(values, RGB), Path("x.png")
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
    raw = png(np.full((9, 12, 1), 77, np.uint8), GREY)
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
    raw = png(picture(4, 4, 1), GREY)
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
