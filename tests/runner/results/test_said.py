"""What a DUT answered, read out of transcripts of other people's firmware."""

import json
import struct
from pathlib import Path

import pytest

from tinybench.runner.dut.frames import RESULT, Frame, encode
from tinybench.runner.results.transcript import laps

REPLY = (
    "m-warmup-start-0\r\nm-warmup-done\r\nm-infer-start-3\r\nm-lap-us-1000\r\n"
    "m-lap-us-121000\r\nm-infer-done\r\nm-results-[0.941,0.059]\r\nm-ready\r\n"
)


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        ("", "", (3, 120_000, "0.941,0.059")),
        ("\r\n", "\r\r\n", (3, 120_000, "0.941,0.059")),
        ("m-lap-us-121", "talk: 5\r\nm-lap-us-121", (3, 120_000, "0.941,0.059")),
        ("m-infer-start-3", "infer 3 0%m-infer-start-3\x1b[0m", (3, 120_000, "0.941,0.059")),
        ("0.059]", "0.059,]", (3, 120_000, "0.941,0.059")),
        ("0.941,0.059", "", (3, 120_000, "")),
        ("m-lap-us-121000", "m-lap-us-10005332312", (3, 10_005_331_312, "0.941,0.059")),
        ("m-lap-us-1000", "m-lap-us-10005332312", (3, 0, "0.941,0.059")),
    ],
)
def test_a_transcript_is_read_as_the_client_read_it(
    tmp_path: Path, old: str, new: str, wanted: tuple[int, int, str]
) -> None:
    """A result is held against it: each form that the client takes is one here, too."""
    reply = REPLY.replace(old, new) if old else REPLY
    path = tmp_path / "transcript.jsonl"
    lines = [
        {"t_s": 0.1, "to": "dut", "text": "infer 3 0%"},
        {"t_s": 0.2, "to": "host", "text": reply[:40]},
        {"t_s": 0.3, "to": "host", "text": reply[40:]},
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    (lap,) = laps(path)
    assert lap.inferred == wanted
    assert (lap.asked_s, lap.answered_s) == (0.1, 0.3)


def test_a_frame_is_found_after_any_amount_of_text(tmp_path: Path) -> None:
    """Megabytes without one, as when an upload is read back; then one in parts."""
    said = ["m-buffer-00-01\r\n" * 40_000] * 5
    frame = encode(Frame(RESULT, 0, 7, struct.pack("<III", 3, 1000, 121_000) + b"0.9,0.1"))
    path = tmp_path / "transcript.jsonl"
    lines = [{"t_s": 0.1, "to": "host", "text": text} for text in said]
    for part in (b"\0" + frame[:9], frame[9:20], frame[20:]):
        lines.append({"t_s": 0.2, "to": "host", "hex": part.hex()})
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    (lap,) = laps(path)
    assert lap.inferred == (3, 120_000, "0.9,0.1")
