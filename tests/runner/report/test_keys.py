"""What is typed while something runs."""

import os
import subprocess
import sys

import pytest

from tinybench.runner.report.live.keys import NAME_MAX, TYPED_MAX, Typed

SAYS = """
import sys, time
from tinybench.runner.report.live.keys import typed
with typed() as keys:
    for line in range(int(sys.argv[1])):
        while not (found := keys.taken()):
            time.sleep(0.01)
        print(found, flush=True)
"""


def _taken(data: bytes, *, keys: bool) -> list[str]:
    read_fd, write_fd = os.pipe()
    os.write(write_fd, data)
    os.close(write_fd)
    listening = Typed(read_fd, keys=keys)
    found: list[str] = []
    for _ in range(100):
        found += listening.taken()
    os.close(read_fd)
    return found


@pytest.mark.parametrize(
    ("data", "keys", "found"),
    [
        (b"a q", True, ["a", "", "q"]),
        (b"\x1b[A", True, ["", "[", "A"]),
        (b"one\ntwo words\n\ncut", False, ["one", "two words", ""]),
        (b"x" * 1000 + b"\nb\n", False, ["x" * NAME_MAX, "b"]),
        (b"\xff\xfe\n", False, ["\ufffd\ufffd"]),
        (b"", False, []),
    ],
)
def test_a_key_or_a_line_is_taken(data: bytes, keys: bool, found: list[str]) -> None:
    """A key that prints nothing has no name; the rest of a long line is dropped."""
    assert _taken(data, keys=keys) == found


def test_a_file_in_the_place_of_a_person_ends() -> None:
    """At so many lines, and without waiting."""
    read_fd, write_fd = os.pipe()
    listening = Typed(read_fd, keys=False)
    assert listening.taken() == []
    taken = 0
    for _ in range(2 * TYPED_MAX // 500):
        os.write(write_fd, b"\n" * 500)
        taken += len(listening.taken())
    os.close(write_fd)
    os.close(read_fd)
    assert taken == TYPED_MAX


def test_standard_input_is_listened_to() -> None:
    """Of a pipe, line by line as they come."""
    command = [sys.executable, "-c", SAYS, "2"]
    with subprocess.Popen(command, stdin=-1, stdout=-1, text=True) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        for name in ("flash", "infer"):
            child.stdin.write(name + "\n")
            child.stdin.flush()
            assert child.stdout.readline() == f"['{name}']\n"
