"""Estimates of cycles: what is counted, what it costs, and what is said where neither can be."""

import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import ROOT
from tinybench.errors import DeclarationError, ProtocolError, UsageError
from tinybench.runner import cli
from tinybench.runner.build.board import load_board
from tinybench.runner.cycles import plugin
from tinybench.runner.cycles.code import Code
from tinybench.runner.cycles.core import load_core, load_memory
from tinybench.runner.cycles.plugin import Counts, as_text, parse_counts
from tinybench.runner.cycles.price import Clocked, price

FIRMWARE = ROOT / "firmware"
COUNT = st.integers(0, 10**15 - 1)
COUNTS = st.builds(
    Counts,
    st.dictionaries(
        st.tuples(st.integers(0, 2**32 - 1), st.integers(1, 999)),
        st.integers(1, 10**15 - 1),
        min_size=1,
        max_size=5,
    ),
    *[COUNT] * 5,
)


@given(st.lists(COUNTS, max_size=3))
def test_counts_are_read_as_they_were_written(counts: list[Counts]) -> None:
    """Each, in order."""
    assert parse_counts(as_text(counts)) == counts


@given(st.lists(COUNTS, min_size=1, max_size=2), st.data())
def test_damaged_counts_are_never_other_counts_with_another_shape(
    counts: list[Counts], data: st.DataObject
) -> None:
    """A cut anywhere but between two is refused; so is any foreign byte."""
    text = as_text(counts)
    end = data.draw(st.integers(0, len(text) - 1))
    try:
        assert parse_counts(text[:end]) == counts[: text[:end].count(b"total")]
    except ProtocolError as error:
        assert "plugin that counts cycles" in str(error)
    with pytest.raises(ProtocolError, match="line"):
        parse_counts(text[:end] + b"\xff" + text[end:])


def _priced(words: bytes, counts: Counts, core: str = "cortex-m4", memory: str = "") -> tuple:
    code = Code([(0, memoryview(words))])
    clocked = Clocked(load_core(core), load_memory(memory) if memory else None, "", 120_000_000)
    found = price(clocked, code, counts)
    return found.instructions, found.usual, found.limited_by


def test_a_block_costs_what_the_manual_says() -> None:
    """LDR 2, the next that does not wait for it 1, one that does 2, MUL 1, BX 1 and P."""
    block = bytes.fromhex("08684a6813684b437047")  # r0,[r1] r2,[r1,4] r3,[r2] mul bx
    found = _priced(block, Counts({(0, 5): 100}, 100, 7, 0, 0, 0))
    assert found == (
        500,
        100 * (2 + 1 + 2 + 1 + 1) + 150 + 7,
        {"load": 507, "branch": 250, "multiply": 100},
    )


def test_missed_lines_wait_for_the_flash() -> None:
    """At 120 MHz five wait states: 2.5, 7.5 and 10 cycles a line."""
    block = bytes.fromhex("00bf")
    instructions, usual, limits = _priced(
        block, Counts({(0, 1): 10}, 0, 0, 2, 4, 8), memory="art-stm32l4plus"
    )
    assert (instructions, usual) == (10, 10 + 5 + 30 + 80)
    assert limits == {"flash": 115, "arithmetic": 10}
    memory = load_memory("art-stm32l4plus")
    assert [memory.waits(hz) for hz in (16_000_000, 20_000_001, 120_000_000)] == [0, 1, 5]
    with pytest.raises(UsageError, match="known up to 120 MHz, not at 121 MHz"):
        memory.waits(121_000_000)


@pytest.mark.parametrize("name", sorted(path.stem for path in (FIRMWARE / "cores").glob("*.toml")))
def test_bounds_hold_the_usual_figure(name: str) -> None:
    """Of each core."""
    core = load_core(name)
    assert core.name == name
    for cost in (getattr(core.cycles, field) for field in core.cycles.__struct_fields__):
        assert not isinstance(cost, list) or cost == sorted(cost)


def _declared(name: str, folder: Path, **other: tuple[str, str]) -> str:
    """Write a changed copy of a declaration; `cores_` and `boards_` are what is changed."""
    for kind, (was, now) in other.items():
        path = FIRMWARE / kind / f"{name}.toml"
        text = path.read_text()
        assert was in text
        (folder / f"{kind}.toml").write_text(text.replace(was, now))
    return str(folder / f"{next(iter(other))}.toml")


def test_a_core_without_a_price_is_named_with_its_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One that the firmware needs; one that every core has; bounds out of order."""
    core = _declared("cortex-m4", tmp_path, cores=("load_many = 1", ""))
    board = _declared("mps2-an386", tmp_path, boards=('"cortex-m4"', json.dumps(core)))
    assert cli.main(["profile", "--task", "kws", "--board", board]) == 2
    said = capsys.readouterr().err
    assert "core cortex-m4: missing key 'cycles.load_many'" in said
    _declared("cortex-m4", tmp_path, cores=("alu = 1", ""))
    with pytest.raises(DeclarationError, match=r"cycles.*missing key.*alu|missing key `alu`"):
        load_core(core)
    _declared("cortex-m4", tmp_path, cores=("[2, 7, 12]", "[2, 12, 7]"))
    with pytest.raises(DeclarationError, match="divide is not"):
        load_core(core)


def test_without_a_compiler_or_plugins_a_profile_says_why_it_has_no_cycles(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The measurement stands; exit 0."""
    if (qemu := shutil.which("qemu-system-arm")) is None:
        pytest.skip("qemu-system-arm is not installed")
    own = tmp_path / "qemu-system-arm"
    own.write_text(
        '#!/bin/sh\ncase "$*" in *-plugin*) echo "-plugin: invalid option" >&2; exit 1;; esac\n'
        f'exec {qemu} "$@"\n'
    )
    own.chmod(0o755)
    board = _declared("mps2-an386", tmp_path, boards=('"qemu-system-arm"', json.dumps(str(own))))
    assert cli.main(["profile", "--task", "kws", "--board", board]) == 0
    said = capsys.readouterr().out
    assert "this QEMU takes no plugins" in " ".join(said.split())
    assert "estimated" not in said
    monkeypatch.setattr(plugin, "COMPILERS", ())
    assert cli.main(["profile", "--task", "kws"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "apt-get install gcc" in said
    assert load_board(board).cycles is not None
