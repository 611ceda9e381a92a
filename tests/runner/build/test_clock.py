"""Clock trees: a wished frequency becomes dividers and wait states, or the nearest is named."""

import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests import ROOT
from tinybench.declare import load, named
from tinybench.errors import DeclarationError, UsageError
from tinybench.runner import cli
from tinybench.runner.build.board import load_board, names
from tinybench.runner.build.clock.at import at_clock
from tinybench.runner.build.clock.tree import MHZ, Clock, Settings, Tree, settings, shown, solve

TREES = {name: load(path, Tree) for name, path in named("firmware", "clocks").items()}
L4 = Clock(tree="stm32l4plus", source="msi", source_hz=48 * MHZ)
F4 = Clock(tree="stm32f446", source="hse", source_hz=8 * MHZ)


def kept(tree: Tree, found: Settings, clock_hz: int) -> bool:
    """Whether settings give the frequency, and break no limit of the tree."""
    return (
        found.source_hz * found.n == clock_hz * found.m * found.divide
        and tree.m[0] <= found.m <= tree.m[1]
        and tree.n[0] <= found.n <= tree.n[1]
        and found.divide in tree.divide
        and tree.input_hz[0] <= found.source_hz / found.m <= tree.input_hz[1]
        and tree.vco_hz[0] <= found.source_hz * found.n / found.m <= tree.vco_hz[1]
        and clock_hz <= tree.supply[found.supply].wait_states[found.wait_states]
    )


@pytest.mark.parametrize("name", TREES)
def test_whatever_is_solved_keeps_every_limit(name: str) -> None:
    """Each whole MHz from each source is made exactly and within all limits, or not at all."""
    tree = TREES[name]
    made = 0
    for source, one in tree.sources.items():
        for source_hz in one.hz or [8 * MHZ, 25 * MHZ]:
            clock = Clock(tree=name, source=source, source_hz=source_hz)
            for mhz in range(1, tree.supply[-1].wait_states[-1] // MHZ + 2):
                found = solve(tree, clock, mhz * MHZ)
                made += found is not None
                assert found is None or kept(tree, found, mhz * MHZ)
    assert made > 50


@pytest.mark.parametrize(
    ("clock", "mhz", "supply", "wait_states"),
    [
        (L4, 120, "range 1 boost", 5),
        (L4, 81, "range 1 boost", 4),
        (L4, 80, "range 1", 3),
        (L4, 70, "range 1", 3),
        (L4, 40, "range 1", 1),
        (replace(L4, tree="stm32l4"), 80, "range 1", 4),
        (F4, 180, "scale 1 over-drive", 5),
        (F4, 168, "scale 1", 5),
        (replace(F4, tree="stm32f411"), 64, "scale 1", 1),
    ],
)
def test_voltage_and_wait_states_are_those_of_the_manual(
    clock: Clock, mhz: int, supply: str, wait_states: int
) -> None:
    """The lowest voltage that allows the frequency, and the fewest wait states at it."""
    found = settings(clock, mhz * MHZ)
    assert TREES[clock.tree].supply[found.supply].name == supply
    assert found.wait_states == wait_states


@pytest.mark.parametrize(
    ("clock", "hz", "near"),
    [
        (L4, 121 * MHZ, 120 * MHZ),
        (L4, 7 * MHZ, 8 * MHZ),
        (L4, 2**32 - 1, 120 * MHZ),
        (L4, 0, 8 * MHZ),
        (L4, 64_500_000, 64 * MHZ),
        (F4, 23 * MHZ, 24 * MHZ),
    ],
)
def test_a_frequency_that_is_not_there_names_the_nearest(clock: Clock, hz: int, near: int) -> None:
    """Too fast, too slow, none, or between two."""
    with pytest.raises(
        DeclarationError, match=rf"clock_hz.*nearest that it can is {shown(near)}\Z"
    ):
        settings(clock, hz)


def test_what_the_chip_has_not_is_refused() -> None:
    """A tree, a source or its frequency that there is not: named, with what there is."""
    with pytest.raises(UsageError, match=r"no clock tree 'stm32l44'.*stm32l4"):
        settings(replace(L4, tree="stm32l44"), 80 * MHZ)
    with pytest.raises(DeclarationError, match=r"no source 'hsr': did you mean 'hs[ei]'"):
        settings(replace(L4, source="hsr"), 80 * MHZ)
    with pytest.raises(
        DeclarationError, match=r"msi of stm32l4plus .* at 47 MHz, but at 4 MHz or 8 MHz"
    ):
        settings(replace(L4, source_hz=47 * MHZ), 80 * MHZ)
    with pytest.raises(DeclarationError, match=r"hse.* at 2 MHz, but at 4 MHz to 48 MHz"):
        settings(replace(L4, source="hse", source_hz=2 * MHZ), 80 * MHZ)


def test_every_board_declares_a_clock_that_its_chip_can_make() -> None:
    """Those in the package; a board of ST's without the table would not build."""
    for name in names():
        board = load_board(name)
        assert (board.clock is not None) == board.family.startswith(("stm32", "rp2"))


def test_a_wrong_clock_is_said_before_anything_is_built(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit status 2, the file, the key and the nearest frequency."""
    text = names()["nucleo-f411re"].read_text(encoding="utf-8")
    own = tmp_path / "own.toml"
    own.write_text(re.sub("clock_hz = 100_000_000", "clock_hz = 101_000_000", text))
    assert cli.main(["flash", "--board", str(own), "--task", "kws"]) == 2
    words = capsys.readouterr().err
    assert f"{own}: key 'clock_hz': stm32f411 cannot run at 101 MHz" in words
    assert "nearest that it can is 100 MHz" in words


def test_the_page_of_boards_says_what_each_tree_gives() -> None:
    """From the least to the most, by the source of some board that uses it."""
    page = (ROOT / "docs" / "boards.md").read_text()
    clocks = {
        board.clock.tree: board.clock
        for name in names()
        if (board := load_board(name)).clock is not None
    }
    for tree, clock in clocks.items():
        (row,) = re.findall(rf"^\| `{tree}` \|.*\| (\d+) to (\d+) \|", page, re.MULTILINE)
        for wish, mhz in zip((1, 2**32 - 1), row, strict=True):
            with pytest.raises(DeclarationError, match=rf"nearest that it can is {mhz} MHz\Z"):
                settings(clock, wish)


@pytest.mark.parametrize(("old", "new"), [("m = [1, 8]", "m = [8, 1]"), ("[1, 8]", "[1, 9999]")])
def test_a_tree_that_is_none_is_refused(old: str, new: str, tmp_path: Path) -> None:
    """Bounds the wrong way round, or so wide that a search of them would take long."""
    text = named("firmware", "clocks")["stm32l4plus"].read_text(encoding="utf-8")
    path = tmp_path / "tree.toml"
    path.write_text(text.replace(old, new))
    with pytest.raises(DeclarationError):
        load(path, Tree)


def test_a_clock_that_a_chip_without_choice_has_not_is_refused(tmp_path: Path) -> None:
    """Before anything is built, with the nearest that it has."""
    for name, hz, near in (
        ("nrf52840-dk", 64, 64),
        ("esp32-c3-devkitm-1", 160, 80),
        ("esp32-c6-devkitc-1", 160, 80),
    ):
        text = names()[name].read_text()
        own = tmp_path / f"{name}.toml"
        own.write_text(text.replace(f"clock_hz = {hz}_000_000", "clock_hz = 100_000_000"))
        with pytest.raises(DeclarationError, match=rf"clock_hz.*nearest that it can is {near} MHz"):
            load_board(str(own))


def test_a_board_of_the_package_at_another_clock_is_a_declaration_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a name of its own, and all else as it was; its own clock is the board itself."""
    monkeypatch.setenv("TINYBENCH_CACHE", str(tmp_path))
    assert at_clock("nucleo-l4r5", 120 * MHZ) == "nucleo-l4r5"
    for emulate in (False, True):
        found = load_board(at_clock("nucleo-l4r5", 80 * MHZ), emulate=emulate)
        own = load_board("nucleo-l4r5", emulate=emulate)
        assert found == replace(own, name="nucleo-l4r5-80mhz", clock_hz=80 * MHZ)
    assert load_board(at_clock("esp32-c3-devkitm-1", 80 * MHZ)).clock_hz == 80 * MHZ
    for name in names():  # each that has a choice can be written so
        board = load_board(name)
        if board.clock is not None:
            assert load_board(at_clock(name, 48 * MHZ)).clock_hz == 48 * MHZ


@pytest.mark.parametrize(
    ("board", "clock", "said"),
    [
        ("nucleo-l4r5", "121MHz", "nearest that it can is 120 MHz"),
        ("nucleo-l4r5", "70.5MHz", "nearest that it can is 70 MHz"),
        (
            "pico",
            "10MHz",
            "(whole MHz from 18 to 133, as its PLL divides); the nearest that it can is 18 MHz",
        ),
        ("pico-2", "4000MHz", "nearest that it can is 150 MHz"),
        ("mps2-an386", "80MHz", "nearest that it can is 25 MHz"),
        ("nrf5340-dk", "100MHz", "nearest that it can is 128 MHz"),
        ("host", "80MHz", "no clock that could be chosen"),
        ("nucleo-l4r5", "80GHz", "no clock such as 80MHz"),
        ("nucleo-l4r5", "5000MHz", "no clock such as 80MHz"),
        (str(names()["nucleo-l4r5"]), "80MHz", "say clock_hz in it"),
    ],
)
def test_a_clock_that_cannot_be_is_refused_where_it_is_typed(
    board: str, clock: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit status 2, with the nearest, before anything is built."""
    words = ["--board", board, "--task", "kws", "--clock", clock]
    assert cli.main(words) == 2
    assert said in capsys.readouterr().err
