"""Ports of real chips write their registers in the order that the manuals demand."""

import ctypes
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.firmware.fake_chip import build
from tests.firmware.register_order import FAMILIES, Log, broken_checks, checks, record
from tinybench.runner.board import load_board, names

BOARDS = [name for name in names() if load_board(name).family in FAMILIES]
ONE_EACH = {load_board(name).family: name for name in BOARDS}
DATA_REGISTERS = {0x40004828, 0x40008028, 0x40004404}


@pytest.mark.parametrize("energy", [False, True], ids=["text", "energy"])
@pytest.mark.parametrize("name", BOARDS)
def test_every_demand_is_kept(name: str, energy: bool, tmp_path: Path) -> None:
    """Each check of the family finds nothing, in both builds of each board."""
    board = load_board(name)
    log = record(board.family, build(board, tmp_path / "port", energy=energy), energy=energy)
    assert log is not None, "the port waits for ever"
    assert broken_checks(board.family, log, energy=energy) == {}


@pytest.fixture(scope="module", params=ONE_EACH)
def ports(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, dict[bool, ctypes.CDLL]]:
    """A family, and both builds of the port of one of its boards, by whether it is for energy."""
    board = load_board(ONE_EACH[request.param])
    folder = tmp_path_factory.mktemp("port")
    return board.family, {
        energy: build(board, folder / str(energy), energy=energy) for energy in (False, True)
    }


def test_no_write_can_be_missing(ports: tuple[str, dict[bool, ctypes.CDLL]]) -> None:
    """When the chip loses any one write, the port waits for ever or a check says so."""
    family, libraries = ports
    unnoticed: list[str] = []
    for energy, library in libraries.items():
        whole = record(family, library, energy=energy)
        assert whole is not None
        known = dict(FAMILIES[family].reset)
        for number, access in enumerate(access for access in whole if access.write):
            changes = known.get(access.address) != access.value
            known[access.address] = access.value
            if not changes or access.address in DATA_REGISTERS:
                continue
            log = record(family, library, energy=energy, lost=number)
            if log is not None and not broken_checks(family, log, energy=energy):
                unnoticed.append(f"{access.address:#x} = {access.value:#x}")
    assert not unnoticed


def test_each_check_can_fail(ports: tuple[str, dict[bool, ctypes.CDLL]]) -> None:
    """Each is broken by a write that comes too late or without its bits, or a flag nobody reads."""
    family, libraries = ports
    seen: set[str] = set()
    for energy, library in libraries.items():
        whole = record(family, library, energy=energy)
        assert whole is not None
        for log in spoilt(family, whole):
            seen |= set(broken_checks(family, log, energy=energy))
    assert {check.name for check in checks(family, energy=True)} - seen == set()


def spoilt(family: str, log: Log) -> Iterator[Log]:
    """Yield records in which one thing is wrong."""
    known = dict(FAMILIES[family].reset)
    for number, access in enumerate(log):
        if access.write:
            rest = list(log[number + 1 :])
            # What was read of the register until it is written again would tell its value.
            same = [at for at, a in enumerate(rest) if a.address == access.address]
            again = next((at for at in same if rest[at].write), len(rest))
            rest = [a for at, a in enumerate(rest) if at >= again or at not in same]
            yield [*log[:number], *rest, access]
            for value in (0, access.value & ~known.get(access.address, 0)):
                yield [*log[:number], access._replace(value=value), *rest]
        known[access.address] = access.value
    for address in {access.address for access in log}:
        yield [access for access in log if access.write or access.address != address]


def test_a_crystal_that_does_not_run_gives_no_number(tmp_path: Path) -> None:
    """Without the LSE the STM32L4's clock is not trimmed: the port waits, and its LED is on."""
    board = load_board(ONE_EACH["stm32l4"])
    library = build(board, tmp_path / "port")
    chip = FAMILIES["stm32l4"].chip()
    chip.ready = [rule for rule in chip.ready if rule.flag_address & 0xFFF != 0x090]
    assert not chip.call(library, "port_init")
    pins = [access for access in chip.log if access.write and access.address & 0x3FF == 0x018]
    assert len(pins) == 1
