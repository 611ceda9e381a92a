"""Noise and music that are computed, in whole numbers: the same to the bit on every machine."""

import numpy as np
from numpy.typing import NDArray

from .features import SAMPLE_RATE_HZ

KINDS = ("white", "pink", "hum", "music")

_OCTAVES = 12
"""Of pink noise: its slowest part changes each 4096 samples."""
_CHORDS = ((0, 4, 7), (9, 12, 16), (5, 9, 12), (7, 11, 14), (2, 5, 9), (4, 7, 11))
_BEAT_SAMPLES = 6400
_PARTS = ((0, 16), (1, 8))
"""Words of 32 bits of a random number, and from which bit on they are taken."""


def made(kind: str, number: int, count: int) -> NDArray[np.int16]:
    """Return `count` samples of a kind of sound; each number is another one, of any length."""
    chance = np.random.PCG64([KINDS.index(kind), number])
    if kind == "white":
        return _white(chance, count).astype(np.int16)
    if kind == "pink":
        return (_pink(chance, count) >> 2).astype(np.int16)
    if kind == "hum":
        return _hum(chance, count)
    return _music(chance, count)


def _white(chance: np.random.PCG64, count: int) -> NDArray[np.int32]:
    """Return noise with a triangular distribution, within +-16384."""
    raw = np.asarray(chance.random_raw(count)).astype("<u8", copy=False)
    words = raw.view("<u4").reshape(count, 2)  # bits 16 to 29 of the 64, and 40 to 53
    first, second = ((words[:, at] >> shift & 0x3FFF).astype(np.int32) for at, shift in _PARTS)
    return first - second


def _pink(chance: np.random.PCG64, count: int) -> NDArray[np.int32]:
    """Return a sum of noises, each of half the rate of the one before it."""
    noises = [_white(chance, (count >> octave) + 1) for octave in range(_OCTAVES)]
    total = noises.pop()
    while noises:  # the slower ones together go on to the next
        faster = noises.pop()
        faster += np.repeat(total, 2)[: len(faster)]
        total = faster
    return total[:count]


def _hum(chance: np.random.PCG64, count: int) -> NDArray[np.int16]:
    """Return the harmonics of a mains frequency, in a little noise."""
    levels = _white(chance, 13)
    hum = _white(chance, count).astype(np.int64) // 16
    mains_step = 2048 + 8 * int(levels[12] % 64)  # 50 Hz and up, in turns of 10^-3 x 0.4
    at = np.arange(count, dtype=np.int64)
    for harmonic in range(1, 13):
        level = 512 + abs(int(levels[harmonic - 1])) // 8
        hum += _triangle(at * mains_step * harmonic // 10) * level // (4096 * harmonic)
    return np.clip(hum, -32768, 32767).astype(np.int16)


def _music(chance: np.random.PCG64, count: int) -> NDArray[np.int16]:
    """Return chords, a bass and a tune, each note struck and dying away, with a drum."""
    beats = -(-count // _BEAT_SAMPLES) * 4 // 3 + 1
    draws = (np.asarray(chance.random_raw(4 * beats)) >> np.uint64(40)).astype(np.int64)
    key = 45 + int(draws[0] % 12)
    tempo = _BEAT_SAMPLES * (3 + int(draws[1] % 3)) // 4
    music = np.zeros((beats + 4) * tempo, np.int64)
    drum = _white(chance, tempo).astype(np.int64)
    struck = dict[tuple[int, int, int], NDArray[np.int64]]()
    for beat in range(beats):
        chord = _CHORDS[int(draws[4 * (beat // 4)] % len(_CHORDS))]
        at = beat * tempo
        notes = [(key + chord[beat % 3], 2, 3)]
        if beat % 4 == 0:
            notes += [(key + tone, 4, 2) for tone in chord] + [(key - 12 + chord[0], 4, 4)]
        if draws[4 * beat + 1] % 3:
            notes.append((key + 12 + chord[int(draws[4 * beat + 2] % 3)], 1, 3))
        for pitch, lasts, level in notes:
            if (pitch, lasts, level) not in struck:
                struck[pitch, lasts, level] = level * _note(pitch, lasts * tempo) // 8
            note = struck[pitch, lasts, level]
            music[at : at + len(note)] += note
        if draws[4 * beat + 3] % 4:
            music[at : at + tempo // 4] += _dying(drum[: tempo // 4]) // 4
    return np.clip(music[:count], -32768, 32767).astype(np.int16)


def _note(pitch: int, count: int) -> NDArray[np.int64]:
    """Return a tone of a pitch (69 is 440 Hz) with overtones, dying away."""
    step = round(440 * 2 ** ((pitch - 69) / 12) * 65536 / SAMPLE_RATE_HZ)
    at = np.arange(count, dtype=np.int64) * step
    tone = _triangle(at) + _triangle(2 * at) // 3 + _triangle(5 * at) // 6
    return _dying(tone)


def _dying(sound: NDArray[np.int64]) -> NDArray[np.int64]:
    left = np.arange(len(sound), 0, -1, dtype=np.int64) * 1024 // max(1, len(sound))
    return sound * left * left >> 20


def _triangle(phase: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return a triangle wave within +-16384 of a phase in 65536 parts of a turn."""
    return np.abs((phase & 0xFFFF) - 32768) - 16384
