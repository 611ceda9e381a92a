"""The embedded wake word and the talk around it: speech by espeak-ng, and lists to build from it.

Voices are those of the embedded keywords: training and test never share a variant.
"""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..keywords import ACCENTS, OTHER_WORDS, VARIANTS, Split, Utterance, check_variants, speak
from .build_list import Background, BuildList, Word
from .features import SAMPLE_RATE_HZ

WAKE_WORD = "marvin"
NEAR_WORDS = (
    "martin", "marble", "morning", "garden", "carving", "margin", "starving", "marvellous",
    "marine", "harvest", "carbon", "melvin", "calvin", "market", "marvel", "mark", "vin", "mar",
)  # fmt: skip
"""Words that sound like it; each is also what somebody says in training."""
TALK_WORDS = (
    *OTHER_WORDS,
    "about", "after", "again", "always", "animal", "answer", "autumn", "because", "before", "begin",
    "better", "between", "bread", "bridge", "brother", "building", "button", "castle", "chair",
    "change", "children", "circle", "city", "coffee", "colour", "corner", "country", "dance",
    "daughter", "different", "dinner", "doctor", "door", "early", "earth", "evening", "every",
    "family", "farmer", "father", "finger", "fish", "floor", "flower", "forest", "friend", "glass",
    "green", "hammer", "hand", "heavy", "hill", "holiday", "horse", "hundred", "island", "kitchen",
    "ladder", "language", "large", "letter", "listen", "little", "machine", "many", "matter",
    "meadow", "mirror", "money", "mother", "mountain", "narrow", "never", "number", "ocean",
    "orange", "paper", "pencil", "picture", "place", "plant", "question", "quiet", "rabbit", "rain",
    "read", "remember", "river", "road", "school", "second", "shadow", "silver", "simple", "sister",
    "small", "soldier", "something", "song", "spring", "station", "stone", "story", "street",
    "strong", "table", "teacher", "thousand", "ticket", "today", "together", "tomorrow", "travel",
    "valley", "village", "voice", "walk", "warm", "weather", "welcome", "winter", "woman", "wonder",
    "wooden", "world", "write", "yellow", "young",
)  # fmt: skip

_TALK_WPM = (130, 190)
_GRID_S = 1 / 16
"""Times of talk are multiples of it: exact as floats, and whole samples."""


def word_clips(split: Split, words: Iterable[str], seed: int) -> list[NDArray[np.int16]]:
    """Return each word, said by some voice of a split at some speed and pitch.

    Raises as `keywords.speak` does.
    """
    rng = np.random.default_rng([seed, sorted(VARIANTS).index(split), 1])
    return _spoken([_utterance(split, word, rng, (110, 190)) for word in words])


def sentences(split: Split, count: int, seed: int, near: float) -> list[NDArray[np.int16]]:
    """Return sentences of six to ten words, of which a share of `near` sound like the wake word.

    Raises as `keywords.speak` does.
    """
    rng = np.random.default_rng([seed, sorted(VARIANTS).index(split), 2])
    said = []
    for _ in range(count):
        words = [
            str(rng.choice(NEAR_WORDS if rng.random() < near else TALK_WORDS))
            for _ in range(rng.integers(6, 11))
        ]
        said.append(_utterance(split, " ".join(words), rng, _TALK_WPM))
    return _spoken(said)


def _utterance(
    split: Split, text: str, rng: np.random.Generator, speeds_wpm: tuple[int, int]
) -> Utterance:
    return Utterance(
        text=text,
        voice=f"{rng.choice(ACCENTS)}+{rng.choice(VARIANTS[split])}",
        speed_wpm=int(rng.integers(*speeds_wpm)),
        pitch=int(rng.integers(20, 81)),
    )


def _spoken(said: list[Utterance]) -> list[NDArray[np.int16]]:
    check_variants()
    with ThreadPoolExecutor() as pool:  # threads that wait for espeak-ng
        return [_as_clip(speech) for speech in pool.map(speak, said)]


def _as_clip(speech: NDArray[np.float64]) -> NDArray[np.int16]:
    return np.round(speech * (29_000 / np.abs(speech).max())).astype(np.int16)


@dataclass(frozen=True, slots=True)
class Section:
    """A stretch of a recording, and what is heard behind its words."""

    begin_s: float
    end_s: float
    talk: float = 0.0
    """Levels: standard deviations before the whole is scaled; words have 0.5 to 0.75."""
    music: float = 0.0
    pink: float = 0.01
    hum: float = 0.0
    white: float = 0.0


def backgrounds(
    sections: Iterable[Section], talk: dict[str, int], rng: np.random.Generator
) -> list[Background]:
    """Return the backgrounds of sections; `talk`: names of sentences and their samples."""
    found = []
    for section in sections:
        for kind in ("pink", "white", "hum", "music"):
            level = getattr(section, kind)
            if level:
                path = f"{{made}}/{kind}/{rng.integers(1 << 30)}"
                found.append(Background(path, section.begin_s, section.end_s, level))
        at_s, names = section.begin_s, []
        while section.talk:
            names = names or list(rng.permutation(list(talk)))
            name = str(names.pop())
            end_s = at_s + talk[name] // int(SAMPLE_RATE_HZ * _GRID_S) * _GRID_S
            if end_s > section.end_s:
                break
            found.append(Background(name, at_s, end_s, section.talk))
            at_s = end_s + _GRID_S * int(rng.integers(2, 8))
    return found


def words(
    names: Iterable[str], first_s: float, last_s: float, gap_s: float, rng: np.random.Generator
) -> list[Word]:
    """Return words at random times, the first and the last given, at least `gap_s` apart."""
    names = list(names)
    gaps_s = rng.exponential(size=len(names) - 1)
    gaps_s *= (last_s - first_s - gap_s * len(gaps_s)) / gaps_s.sum()
    at_s = first_s + np.concatenate([[0.0], np.cumsum(gaps_s + gap_s)])
    levels = rng.uniform(0.5, 0.75, len(names))
    return [
        Word(name, round(float(at), 3), round(float(level), 3))
        for name, at, level in zip(names, at_s, levels, strict=True)
    ]


LONG = (
    Section(0, 100),
    Section(100, 200, talk=0.06),
    Section(200, 300, talk=0.12),
    Section(300, 400, music=0.06),
    Section(400, 450, music=0.12),
    Section(450, 500, pink=0.06),
    Section(500, 540, pink=0.12),
    Section(540, 600, hum=0.12),
    Section(600, 750, talk=0.6),
    Section(750, 900, talk=0.5, music=0.3),
    Section(900, 1200, talk=0.4, pink=0.05),
)
"""The backgrounds of the 20 minutes: words at 12 to 35 dB above them, then none for 10 minutes."""
SHORT = (
    Section(0, 20),
    Section(20, 40, talk=0.1),
    Section(40, 60, music=0.1),
    Section(60, 75, pink=0.1),
    Section(75, 120, talk=0.5),
)


def long_list(spoken: list[str], talk: dict[str, int], seed: int) -> BuildList:
    """Return the list of the 20 minutes, with all of the words by 570 s, as the official one."""
    rng = np.random.default_rng([seed, 20])
    return BuildList(
        backgrounds=backgrounds(LONG, talk, rng),
        words=words(spoken, 8.0, 570.0, 4.0, rng),
        length_s=1200.0,
    )


def short_list(spoken: list[str], talk: dict[str, int], seed: int) -> BuildList:
    """Return the list of two minutes, with all of the words in the first 72 s."""
    rng = np.random.default_rng([seed, 2])
    return BuildList(
        backgrounds=backgrounds(SHORT, talk, rng),
        words=words(spoken, 4.0, 72.0, 4.0, rng),
        length_s=120.0,
    )
