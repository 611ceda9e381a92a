"""Lists to build a recording by, what is wrong with them, and the builder against a public one."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinybench.datasets.wake import official
from tinybench.datasets.wake.build_list import BuildList, Word, read_build_list
from tinybench.datasets.wake.recording import as_int16, build, trimmed
from tinybench.datasets.wake.wav import read_wav, write_wav
from tinybench.errors import DatasetError
from tinybench.runner.cli import main

RATE = 16_000
TINY = "mlcommons/tiny/1afd2c9820f795965a6134facd0b4dfae41ef23f/benchmark"


def _list(**changed: Any) -> dict[str, Any]:
    return {
        "configs_background": [["{musan_path}/noise/a.wav", 0.0, 3.0, 0.1]],
        "configs_wakeword": [
            ["{speech_commands_path}/marvin/a.wav", 1.0, 0.6],
            ["{speech_commands_path}/marvin/b.wav", 2.0, 0.7],
        ],
        "length_sec": 4.0,
        "sample_rate": RATE,
    } | changed


def _read(**changed: Any) -> BuildList:
    return read_build_list(json.dumps(_list(**changed)).encode(), "spec.json")


def _piece(path: str, count: int | None) -> np.ndarray:
    chance = np.random.default_rng(len(path))
    return (chance.standard_normal(RATE // 2 if count is None else count) * 4000).astype(np.int16)


NAME = "{musan_path}/noise/a.wav"
SAID = "{speech_commands_path}/marvin/a.wav"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"sample_rate": 8000}, "a sample rate of 8000"),
        ({"length_sec": -1}, "not a list to build a recording by"),
        ({"length_sec": 1e9}, "not a list"),
        ({"surprise": 1}, "surprise"),
        ({"configs_wakeword": [[SAID, 1.0]]}, "not a list"),
        ({"configs_wakeword": [[SAID, 5.0, 0.6]]}, "word 1: at 5 s, after the end"),
        ({"configs_wakeword": [[SAID, 2, 1], [SAID, 1, 1]]}, "word 2, at 1 s, does not come after"),
        ({"configs_wakeword": [["../marvin.wav", 1.0, 0.6]]}, "word 1: '../marvin.wav' is not"),
        ({"configs_wakeword": [["{a}/../b.wav", 1.0, 0.6]]}, "is not the path of a piece"),
        ({"configs_wakeword": [["{a}//etc/b.wav", 1.0, 0.6]]}, "is not the path of a piece"),
        ({"configs_wakeword": [[SAID, 1.0, 0]]}, "not a list"),
        ({"configs_background": [[NAME, 2.0, 1.0, 0.1]]}, "background 1: from 2 to 1 s"),
        ({"configs_background": [[NAME, 2.0, 5.0, 0.1]]}, "in a recording of 4 s"),
        ({"configs_background": [[NAME, 5e-5, 1.00001, 0.1]]}, "times that are whole samples"),
        ({"configs_background": [["a.wav", 0.0, 1.0, 0.1]]}, "background 1: 'a.wav' is not"),
    ],
)
def test_a_wrong_list_is_refused_by_name(changed: dict[str, Any], said: str) -> None:
    """The message names the list, the entry, and what is wrong with it."""
    with pytest.raises(DatasetError, match=r"spec\.json") as error:
        _read(**changed)
    assert said in str(error.value)


@settings(max_examples=60)
@given(st.binary(max_size=80) | st.recursive(
    st.none() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.sampled_from(list(_list())), inner, max_size=4),
    max_leaves=8,
).map(lambda value: json.dumps(value).encode()))  # fmt: skip
def test_any_bytes_are_a_list_or_refused(raw: bytes) -> None:
    """Never another error."""
    try:
        read_build_list(raw, "spec.json")
    except DatasetError as error:
        assert str(error).startswith("spec.json")


def test_a_recording_is_backgrounds_and_words_scaled_by_the_peak() -> None:
    """Its windows are those of the trimmed words; without anything in it there is none."""
    built = build(_read(), _piece, "spec.json")
    assert len(built.samples) == 4 * RATE
    assert built.length_s == 4
    word = trimmed(_piece(SAID, None))
    assert built.windows_s == ((1.0, 1 + len(word) / RATE), (2.0, 2 + len(word) / RATE))
    assert np.abs(built.samples.astype(int)).max() in (32767, 32768)
    with pytest.raises(DatasetError, match="nothing to build"):
        build(_read(configs_background=[], configs_wakeword=[]), _piece, "spec.json")


def test_words_that_overlap_are_named() -> None:
    """And so are those that reach the end, pieces that are too short, and silent ones."""
    wrong = {
        "words 1 and 2 overlap: one ends at 1.": [[SAID, 1.0, 0.6], [SAID, 1.2, 0.6]],
        "would reach the end": [[SAID, 3.9, 0.6]],
    }
    for said, words in wrong.items():
        with pytest.raises(DatasetError, match=said):
            build(_read(configs_wakeword=words), _piece, "spec.json")
    for said, count in (("lasts 0.625 s, and 3.000 s are wanted", 10_000), ("silence", 48_000)):
        with pytest.raises(DatasetError, match=said):
            build(_read(), lambda *_, count=count: np.zeros(count, np.int16), "spec.json")


def test_a_positive_peak_wraps() -> None:
    """As the public builder leaves it: a click, which players hear as well."""
    assert as_int16(np.array([0.5, 1.0, -0.25], np.float32)).tolist() == [16384, -32768, -8192]
    assert as_int16(np.zeros(2, np.float32)).tolist() == [0, 0]


def test_the_public_recording_of_ten_seconds_is_built_again(mirror: Path) -> None:
    """Its two words without background, cut out of it, at their levels: to one step; the peak,
    which wrapped, wraps again, and the file is written as it was."""
    raw = (mirror / TINY / "runner/sww_data_dir/short_wav_easy10s.wav").read_bytes()
    samples = read_wav(raw, "short")
    assert write_wav(samples) == raw
    truth = official.windows_of(
        (mirror / TINY / "runner/sww_data_dir/sww_short_test.json").read_bytes(), "short"
    )
    public = read_build_list(
        (mirror / TINY / "training/streaming_wakeword/short_wav_easy10s_spec.json").read_bytes(),
        "short",
    )
    clips = {}
    words: list[Word] = []
    for word, (start_s, end_s) in list(zip(public.words, truth.detection_windows, strict=True))[:2]:
        clip = samples[round(start_s * RATE) : round(end_s * RATE)].astype(int)
        clip[clip == -32768] = 32767  # what it was before it wrapped, nearly
        # A trimmed word ends before its last loud sample.
        clips[word.path] = np.append(clip, clip.max()).astype(np.int16)
        words.append(word)
    built = build(BuildList(backgrounds=[], words=words, length_s=5.0), lambda path, _: clips[path],
                  "short")  # fmt: skip
    assert built.windows_s == tuple(truth.detection_windows[:2])
    assert samples[72_834] == built.samples[72_834] == -32768
    assert np.abs(built.samples.astype(int) - samples[: 5 * RATE]).max() <= 1


def test_the_official_list_is_read(mirror: Path) -> None:
    """50 words, which begin where the official list of words says."""
    wanted = read_build_list((mirror / official.LIST.address).read_bytes(), "long")
    truth = official.windows_of((mirror / official.WORDS.address).read_bytes(), "long")
    assert [one.at_s for one in wanted.words] == [start for start, _ in truth.detection_windows]
    assert (len(wanted.words), wanted.length_s) == (50, 1200)


def test_a_file_is_known_by_its_blob_id() -> None:
    """As git prints it; this is the well-known id of an empty one."""
    assert official.blob_id(b"") == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"


@pytest.fixture
def corpora(tmp_path: Path) -> Path:
    """Folder with the pieces and the list of a recording of 4 s."""
    (tmp_path / "spec.json").write_text(json.dumps(_list()))
    for path in ("musan/noise/a.wav", "speech/marvin/a.wav", "speech/marvin/b.wav"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        noise = _piece(path, 3 * RATE if "noise" in path else None)
        (tmp_path / path).write_bytes(write_wav(noise))
    return tmp_path


def _prepare(corpora: Path, *more: str) -> int:
    places = ["--from", str(corpora / "speech"), "--noise", str(corpora / "musan")]
    out = ["--spec", str(corpora / "spec.json"), "-o", str(corpora / "made")]
    return main(["prepare", "sww", *places, *out, *more])


def test_the_command_builds_a_recording(corpora: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The wav and the list of its words, with the ids that tell whether it is the official one."""
    assert _prepare(corpora) == 0
    said = capsys.readouterr().out
    raw = (corpora / "made" / "long_wav.wav").read_bytes()
    assert f"git blob id {official.blob_id(raw)}" in said
    truth = official.windows_of((corpora / "made" / "long_wav.json").read_bytes(), "made")
    assert [start for start, _ in truth.detection_windows] == [1.0, 2.0]
    assert len(read_wav(raw, "made")) == 4 * RATE


def test_the_command_names_what_is_missing(
    corpora: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A piece that the list names, a root that is not known, the originals themselves."""
    (corpora / "speech/marvin/b.wav").unlink()
    assert _prepare(corpora) == 2
    assert "marvin/b.wav: the list names it" in capsys.readouterr().err
    text = (corpora / "spec.json").read_text().replace("{musan_path}", "{elsewhere}")
    (corpora / "spec.json").write_text(text)
    assert _prepare(corpora) == 2
    assert "there is no root 'elsewhere'" in capsys.readouterr().err
    assert main(["prepare", "sww"]) == 2
    assert "--noise where MUSAN is" in capsys.readouterr().err
    assert main(["prepare", "kws", "--noise", "musan"]) == 2
