"""Estimates of cycles: what is counted, what it costs, and what is said where neither can be."""

import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import ROOT
from tinybench import host_library
from tinybench.errors import DeclarationError, ProtocolError, UsageError
from tinybench.runner import cli
from tinybench.runner.build.board import Running, load_board
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
    """The measurement stands, and so does a run's: by its instructions, and no time of a board."""
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
    asked = ["--task", "kws", "--mode", "accuracy", "--limit", "1", "--board", board]
    assert cli.main([*asked, "--out", str(tmp_path / "run")]) == 1  # of a part of the set
    said = " ".join(capsys.readouterr().out.split())
    assert "time not known: cannot estimate cycles: this QEMU takes no plugins" in said
    assert "instructions, inferences one by one" in said
    assert "estimated" not in said
    assert not any(word in said for word in (" ms", "inferences/s"))
    monkeypatch.setattr(host_library, "COMPILERS", ())
    assert cli.main(["profile", "--task", "kws"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "apt-get install gcc" in said
    assert load_board(board).cycles is not None


@pytest.mark.parametrize(
    ("kind", "was", "now", "said"),
    [
        ("boards", "[179, 208, 256]", "[208, 179, 256]", "ua_per_mhz is not"),
        ("boards", "[179, 208, 256]", "[179, 256]", "cycles.power.ua_per_mhz"),
        ("boards", "[179, 208, 256]", "-1", "cycles.power.ua_per_mhz"),
        ("boards", "[179, 208, 256]", "nan", "cycles.power.ua_per_mhz"),
        ("boards", "voltage_v = 3.0", "voltage_v = 0", "cycles.power.voltage_v"),
        ("boards", "voltage_v = 3.0", "volt = 3.0", "did you mean 'voltage_v'"),
        ("memories", "[16_000_000, 1]", "[6_000_000, 1]", "not in the order of their clocks"),
        ("memories", "[16_000_000, 1]", "[16_000_000, 3]", "not in the order of their clocks"),
        ("memories", "[16_000_000, 1]", "[-1, 1]", "wait_states"),
        ("memories", "line_b = 32", "line_b = 0", "line_b"),
        ("memories", "uncertainty = 0.1", "uncertainty = 1.5", "uncertainty"),
        ("cores", "load = 2", "load = inf", "cycles.load"),
        ("cores", "load = 2", "load = -2", "cycles.load"),
        ("cores", "load = 2", "loud = 2", "did you mean 'load'"),
    ],
)
def test_nonsense_in_a_declaration_is_named(
    tmp_path: Path, kind: str, was: str, now: str, said: str
) -> None:
    """A board's current, a memory's wait states, a core's prices: the key, and what is wrong."""
    stem = {"boards": "nucleo-l4r5", "memories": "art-stm32l4plus", "cores": "cortex-m4"}[kind]
    path = _declared(stem, tmp_path, **{kind: (was, now)})
    with pytest.raises(DeclarationError) as error:
        {"boards": load_board, "memories": load_memory, "cores": load_core}[kind](path)
    assert said in str(error.value)


def test_wait_states_are_those_of_the_supply() -> None:
    """By name; without one those of the first that goes as fast, and never of a clock too fast."""
    memory = load_memory("art-stm32f4")
    assert [memory.waits(168_000_000), memory.waits(168_000_000, "1.8 to 2.1 V")] == [5, 8]
    assert load_memory("art-stm32l4plus").waits(26_000_000, "range 2") == 2
    with pytest.raises(UsageError, match=r"known up to 120 MHz, and fewer for 'range 2'"):
        load_memory("art-stm32l4plus").waits(80_000_000, "range 2")
    with pytest.raises(UsageError, match=r"no supply 'range 3'"):
        load_memory("art-stm32l4plus").waits(8_000_000, "range 3")


def test_energy_is_cycles_by_the_declared_current() -> None:
    """Microamperes a megahertz, times volts, times cycles; none where no current is declared."""
    power = Running(voltage_v=2.0, ua_per_mhz=[100, 150, 200], source="a test")
    clocked = Clocked(load_core("cortex-m4"), None, "", 10**8, power=power)
    code, counts = Code([(0, memoryview(bytes.fromhex("00bf")))]), Counts({(0, 1): 10**6}, *[0] * 5)
    found = price(clocked, code, counts)
    assert found.energy is not None
    assert (found.low, found.usual, found.high) == (950_000, 10**6, 1_050_000)
    energy = (found.energy.low_j, found.energy.usual_j, found.energy.high_j)
    assert energy == pytest.approx((190e-6, 300e-6, 420e-6))
    assert price(clocked._replace(power=None), code, counts).energy is None
