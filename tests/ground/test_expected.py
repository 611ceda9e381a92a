"""What is wrong with a value, in words: no regular expression, and no word of a parser."""

from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import Meta

from tests.project.rooms import SOURCES
from tinybench.expected import in_words, like
from tinybench.plural import counted

Word = Annotated[str, like(r"^(plain|dsp)\Z", "one of plain, dsp")]


class Inner(msgspec.Struct):
    """What stands in a table."""

    least: Annotated[int, Meta(ge=1)] = 1
    words: list[Word] = []
    which: Literal["x", "y"] = "x"


class Outer(msgspec.Struct):
    """What is declared."""

    count: int = 0
    share: Annotated[float, Meta(gt=0, le=60)] = 1
    word: Word | None = None
    pair: Annotated[list[int], Meta(min_length=2)] | None = None
    text: Annotated[str, Meta(min_length=1)] = "a"
    several: Word | list[Word] = "dsp"
    place: tuple[Word, int] = ("dsp", 1)
    named: dict[Word, Inner] = {}
    eights: Annotated[int, Meta(multiple_of=8)] = 8


@pytest.mark.parametrize(
    ("raw", "key", "text"),
    [
        ({"count": "x"}, "count", "give a whole number, not 'x'"),
        ({"count": True}, "count", "give a whole number, not true"),
        ({"share": 0}, "share", "give a number of more than 0, not 0"),
        ({"share": 60.5}, "share", "give a number of 60 or less, not 60.5"),
        ({"word": "dps"}, "word", "give one of plain, dsp, not 'dps'"),
        ({"word": 3}, "word", "give one of plain, dsp, not 3"),
        ({"pair": [1]}, "pair", "give a list of at least 2 entries, not a list of 1"),
        ({"text": ""}, "text", "give a text of at least 1 character, not ''"),
        ({"several": ["dsp", "x"]}, "several[1]", "give one of plain, dsp, not 'x'"),
        ({"several": {}}, "several", "give a text or a list, not a table of 0"),
        ({"place": ["x", 1]}, "place[0]", "give one of plain, dsp, not 'x'"),
        ({"place": ["dsp"]}, "place", "give a list of 2 entries, not a list of 1"),
        ({"named": {"dsp": {}, "x": {}}}, "named", "give one of plain, dsp, not 'x'"),
        ({"named": {"dsp": {}, "plain": {"least": 0}}}, "named.plain.least",
         "give a whole number of 1 or more, not 0"),
        ({"named": {"dsp": {"words": ["x"]}}}, "named.dsp.words[0]",
         "give one of plain, dsp, not 'x'"),
        ({"named": {"dsp": {"which": "z"}}}, "named.dsp.which", "give one of x, y, not 'z'"),
        ({"eights": 3}, "eights", "give a whole number that is a multiple of 8, not 3"),
        (3, "", "give a table, not 3"),
    ],
)  # fmt: skip
def test_it_is_said_what_to_give_and_in_which_of_all_tables(raw: Any, key: str, text: str) -> None:
    """By the words that stand beside the type."""
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert(raw, Outer)
    assert in_words(caught.value, Outer, raw) == (key, text)


def test_each_pattern_has_words() -> None:
    """It is made by `like` alone."""
    bare = [path for path in SOURCES if "Meta(pattern=" in path.read_text(encoding="utf-8")]
    assert [path.name for path in bare] == ["expected.py"]


def test_one_thing_is_not_several() -> None:
    """Nor several one."""
    assert [counted(n, "row") for n in (0, 1, 1200)] == ["0 rows", "1 row", "1,200 rows"]
    assert [counted(n, "study", "studies") for n in (1, 2)] == ["1 study", "2 studies"]
