"""Every reply to `infer` in the published logs is read: none is refused for its format."""

import re
from collections.abc import Iterator
from pathlib import Path

from tinybench.runner.dut.reply import Said, read_line, read_window

ASKED = re.compile(r'Command "(io )?dut infer (\d+) (\d+)"')
SAID = re.compile(r"^[0-9.]+ (?:dut|io): (.*)")
READY = "m-ready"
REPLIES = 4000
"""The shared logs have some more."""


def _replies(log: Path) -> Iterator[tuple[int, int, bool, list[Said]]]:
    """Yield iterations, warm-up, whether it was in energy mode, and the reply to each `infer`."""
    asked: tuple[int, int, bool] | None = None
    reply: list[Said] = []
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        if match := ASKED.search(line):
            asked, reply = (int(match[2]), int(match[3]), match[1] is not None), []
        elif asked and (match := SAID.match(line)):
            if asked[2] and not match[1].startswith("[dut]: "):
                continue  # the interface board's own
            said = read_line(match[1].removeprefix("[dut]: ").encode())
            if said.word == READY:
                yield *asked, reply
                asked = None
            elif said.word is not None or said.beside:
                reply.append(said)


def test_no_published_reply_is_refused(shared_data: Path) -> None:
    """Rounds v0.5 to v1.2; the logs of later ones do not have the DUT's own lines."""
    count = 0
    for log in sorted((shared_data / "published").rglob("log.txt")):
        for iterations, warmup, marks, reply in _replies(log):
            found, _ = read_window(reply, iterations, warmup, marks=marks)
            assert found.results, log
            assert marks or found.elapsed_us > 0, log
            count += 1
    assert count > REPLIES
