"""QEMU's count, asked for over its own protocol: what comes, and what does not."""

import socket

import pytest

from tinybench.transport.emulator_count import EmulatorCount, emulator_count

NS = 32
GREETING = b'{"QMP": {"version": {}, "capabilities": ["oob"]}}\r\n{"return": {}}\r\n'
Notes = list[tuple[str, bytes]]


def _call(count: EmulatorCount) -> socket.socket:
    """Connect as QEMU does when it starts."""
    qemu = socket.socket(socket.AF_UNIX)
    qemu.connect(count.words[1].removeprefix("unix:"))
    return qemu


def _noted(answer: bytes) -> Notes:
    """Return what is noted of an answer that comes before the next question."""
    notes: Notes = []
    with emulator_count(NS) as count, _call(count) as qemu:
        count.ask(2, lambda *note: notes.append(note))
        qemu.sendall(GREETING + answer)
        count.hear(lambda *note: notes.append(note))
    return notes


def test_what_qemu_counted_is_noted_with_its_question() -> None:
    """As its answer reads, after its greeting."""
    answer = b'{"return": {"icount": 5368, "mode": "none"}, "id": 1}\r\n'
    assert _noted(answer) == [
        ("emulator", b"asked 1"),
        ("emulator", b"5368 instructions of 32 ns for 1"),
    ]


@pytest.mark.parametrize(
    "answer",
    [b'{"error": {"class": "CommandNotFound"}, "id": 1}\n', b"[1]\n", b"\xff\n",
     b"[" * 9999 + b"\n", b'{"id": 1}\n', b'{"id": 1, "return": {"icount": 1e999}}\n',
     b'{"id": "x", "return": {"icount": 1}}\n', b"x" * 200_000, b""],
)  # fmt: skip
def test_an_answer_that_is_none_is_not_noted(answer: bytes) -> None:
    """An older QEMU, a line cut short, no answer at all: none of it ends a run."""
    assert _noted(answer) == [("emulator", b"asked 1")]


def test_single_inferences_are_counted_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    """They may be thousands; several at once are a window."""
    monkeypatch.setattr("tinybench.transport.emulator_count.SELDOM_S", 1e9)
    notes: Notes = []
    with emulator_count(NS) as count, _call(count):
        for inferences in (1, 1, 1, 90):
            count.ask(inferences, lambda *note: notes.append(note))
    assert notes == [("emulator", b"asked 1"), ("emulator", b"asked 2")]


def test_an_emulator_that_was_started_anew_is_asked_again() -> None:
    """The first one hangs up; without a second nobody is asked."""
    notes: Notes = []
    with emulator_count(NS) as count:
        count.ask(2, lambda *note: notes.append(note))
        assert notes == []
        _call(count).close()
        for _ in range(3):
            count.ask(2, lambda *note: notes.append(note))
        with _call(count) as qemu:
            count.ask(2, lambda *note: notes.append(note))
            qemu.sendall(b'{"return": {"icount": 7}, "id": %d}\n' % len(notes))
            count.hear(lambda *note: notes.append(note))
    assert notes[-1][1].startswith(b"7 instructions")
