"""The plugin of QEMU's alone: driven by a QEMU of a few lines, block by block."""

import subprocess
from pathlib import Path

import pytest

from tests import ROOT
from tinybench.host_library import compiler
from tinybench.runner.cycles.plugin import Counts, parse_counts

PLUGIN = ROOT / "firmware" / "cycles" / "plugin.c"
BLOCKS = ["block 100 4", "block 200 8", "block 210 2", "block 300 1", "block 108 1"]
"""The call, the function in two blocks, a far one, and what the call returns to."""


@pytest.fixture(scope="module")
def qemu(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if (program := compiler()) is None:
        pytest.skip("there is no C compiler")
    out = tmp_path_factory.mktemp("qemu") / "qemu"
    flags = ["-std=c11", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-fsanitize=undefined"]
    sources = [PLUGIN, Path(__file__).with_name("qemu.c")]
    subprocess.run([program, *flags, *sources, "-o", out], check=True, timeout=60)
    return out


def _counted(qemu: Path, folder: Path, did: list[str], *more: str) -> list[Counts]:
    words = [qemu, f"out={folder / 'counts'}", "start=0x200", *more]
    said = "\n".join([*BLOCKS, *(f"{line} 0" * line.startswith("run") or line for line in did)])
    subprocess.run(words, input=said, text=True, check=True, timeout=60)
    return parse_counts((folder / "counts").read_bytes())


def test_what_is_between_a_call_and_its_return_is_counted(qemu: Path, tmp_path: Path) -> None:
    """Each time anew; a branch is taken where the next block is not the next in memory."""
    once = ["run 100", "run 200", "run 210", "run 300", "run 210", "run 108", "run 300"]
    found = _counted(qemu, tmp_path, once * 2)
    blocks = {(0x200, 8): 1, (0x210, 2): 2, (0x300, 1): 1}
    assert found == [Counts(blocks, taken=3, unaligned=0, code_next=0, code_far=0, data=0)] * 2
    assert _counted(qemu, tmp_path, once[:5]) == []


def test_accesses_across_a_boundary_are_unaligned(qemu: Path, tmp_path: Path) -> None:
    """Of a half word, a word, and of eight bytes at no word; not of bytes, nor outside."""
    did = ["load 1 2", "run 100", "run 200"]
    did += ["load 1 1", "store 2 2", "load 6 3", "load 4 3", "load 3 0", "load 4 2", "run 108"]
    (found,) = _counted(qemu, tmp_path, did)
    assert found.unaligned == 3


def test_lines_that_a_cache_has_not_are_counted(qemu: Path, tmp_path: Path) -> None:
    """Two lines of 16 bytes of each kind, the least recently used goes; none outside of flash."""
    cache = ("flash=0x200:0x1000", "line=16", "code=2", "data=2")
    did = ["run 100", "run 200", "run 210", "run 200", "run 300", "run 200", "run 210"]
    did += [f"load {address} 2" for address in ("400", "40c", "410", "404", "420", "400", "410")]
    did += ["load 2000 2", "store 800 2", "run 108"]
    (found,) = _counted(qemu, tmp_path, did, *cache)
    # Code: 200 far, 210 next, 200 there, 300 far (210 goes), 200 there, 210 next (300 goes).
    assert (found.code_far, found.code_next) == (2, 2)
    # Data: 400, 410, 420 (410 goes), 410 (420 goes).
    assert found.data == 4


def test_lines_that_are_read_between_two_calls_fill_the_cache_and_are_not_counted(
    qemu: Path, tmp_path: Path
) -> None:
    """What the function finds there it need not wait for; what takes its place it waits for."""
    cache = ("flash=0x100:0x1000", "line=16", "code=4", "data=4")
    once = ["run 100", "run 200", "run 210", "run 108"]
    found = _counted(qemu, tmp_path, ["run 300", *once, "run 300", *once], *cache)
    assert [(one.code_far, one.code_next) for one in found] == [(1, 1), (0, 0)]
    found = _counted(qemu, tmp_path, [*once, "run 300", *once], *cache[:2], "code=2", "data=2")
    assert [(one.code_far, one.code_next) for one in found] == [(1, 1), (1, 1)]


def test_a_cache_of_few_ways_has_no_place_for_lines_that_are_apart(
    qemu: Path, tmp_path: Path
) -> None:
    """Four lines in two sets: every other line is of the same one; code and data share them."""
    cache = ("flash=0x200:0x1000", "flash=0x2000:0x3000", "line=16", "code=4", "data=4", "ways=2")
    did = ["run 100", "run 200"]
    did += [f"load {address} 2" for address in ("2400", "2410", "2420", "2440", "2410", "2400")]
    did += ["run 108"]
    (found,) = _counted(qemu, tmp_path, did, *cache)
    assert found.data == 5  # 2440 takes the place of 2400, and 2410 is in the other set
    (found,) = _counted(qemu, tmp_path, ["run 100", "run 200", "load 200 2", "run 108"], *cache)
    assert found.data == 1
    unified = (*cache, "unified=1")
    (found,) = _counted(qemu, tmp_path, ["run 100", "run 200", "load 200 2", "run 108"], *unified)
    assert found.data == 0


@pytest.mark.parametrize(
    "word", ["", "x", "start", "start=0x2g", "line=0", "code=2049", "flash=1", "out=/", "more=1"]
)
def test_a_word_that_it_does_not_know_stops_qemu(qemu: Path, word: str, tmp_path: Path) -> None:
    """With the word."""
    words = [qemu, f"out={tmp_path / 'counts'}", "start=512", word]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert f"cannot take the word '{word}'" in done.stderr
