"""The real OpenOCD writes our firmware, over the protocol of an ST-LINK, into a simulated chip."""

import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from msgspec import structs

from tests.runner.desk.desk_board import FLASH, RESET, desk_board
from tests.runner.desk.st_link import PAGE_B, SERIAL, Stm32L4r5, stlink_server
from tinybench.errors import FlashError, TinybenchError, UsageError
from tinybench.runner import cli
from tinybench.runner.build import tool
from tinybench.runner.build.board import Board, load_board, names
from tinybench.runner.build.firmware import Image, build, converted
from tinybench.runner.build.inputs import resolve
from tinybench.runner.build.task import load_task
from tinybench.runner.desk.flash import Site, flasher_of, reset, write_image
from tinybench.runner.results.result import read_result

BOARD = "nucleo-l4r5"


@pytest.fixture
def image() -> Image:
    """The firmware that would be flashed."""
    task = load_task("kws")
    return build(load_board(BOARD), task, resolve(task, None, None).model)


@contextmanager
def _board(
    folder: Path, chip: Stm32L4r5 | None, serials: tuple[str, ...] = (SERIAL,)
) -> Iterator[Board]:
    """Yield the board as declared, but for the way OpenOCD takes to its probe.

    There is no core that could run OpenOCD's loader, so it gets no working memory for one.
    """
    board = load_board(BOARD)
    config = folder / "simulated.cfg"
    declared = flasher_of(board, "openocd")[1].words["config"]
    with stlink_server(chip, serials) as port:
        config.write_text(
            f"set WORKAREASIZE 0\nsource [find {declared}]\nhla_stlink_backend tcp {port}\n"
        )
        flasher = structs.replace(board.flash["openocd"], words={"config": str(config)})
        yield structs.replace(board, flash={"openocd": flasher})


@pytest.mark.parametrize("probe", [None, SERIAL], ids=["the only probe", "a chosen one"])
def test_it_writes_and_verifies_the_image(tmp_path: Path, image: Image, probe: str | None) -> None:
    """Byte for byte where the linker put it; other pages keep what they held; then it runs."""
    chip = Stm32L4r5()
    raw = converted(load_board(BOARD), image, "bin").read_bytes()
    with _board(tmp_path, chip) as board:
        said = write_image(board, image, Site(probe=probe))
    assert said == f"{BOARD}: build-{image.build_id} was written and verified by openocd"
    assert chip.flash[: len(raw)] == raw
    pages_b = -(-len(raw) // PAGE_B) * PAGE_B
    assert set(chip.flash[len(raw) : pages_b]) <= {0xFF}
    assert set(chip.flash[pages_b:]) == {0}
    assert chip.running


def test_a_byte_that_is_not_written_is_found(tmp_path: Path, image: Image) -> None:
    """By OpenOCD's own verification."""
    with (
        _board(tmp_path, Stm32L4r5(stuck=1234)) as board,
        pytest.raises(FlashError, match="what was read back is not what was written"),
    ):
        write_image(board, image, Site())


@pytest.mark.parametrize(
    ("chip", "serials", "probe", "kind", "words"),
    [
        (None, (SERIAL,), None, FlashError, "the chip does not answer"),
        (Stm32L4r5(device=0x413), (SERIAL,), None, UsageError, "is --board right"),
        (Stm32L4r5(), (), None, FlashError, "there is no debug probe"),
        (Stm32L4r5(), (SERIAL,), "077", UsageError, "no probe has the serial number 077"),
    ],
    ids=["no chip", "another chip", "no probe", "another probe"],
)
def test_what_is_wrong_on_the_bench_is_told(
    tmp_path: Path,
    image: Image,
    chip: Stm32L4r5 | None,
    serials: tuple[str, ...],
    probe: str | None,
    kind: type[TinybenchError],
    words: str,
) -> None:
    """In OpenOCD's own words of version 0.12; nothing is written."""
    with _board(tmp_path, chip, serials) as board, pytest.raises(kind, match=words):
        write_image(board, image, Site(probe=probe))
    assert chip is None or set(chip.flash) == {0}


def test_it_resets_the_chip(tmp_path: Path) -> None:
    """Which runs afterwards."""
    chip = Stm32L4r5()
    with _board(tmp_path, chip) as board:
        assert reset(board, Site(), None) == f"{BOARD} was reset by flasher"
    assert chip.resets
    assert chip.running


def test_what_openocd_wrote_is_what_runs(
    tmp_path: Path, image: Image, capsys: pytest.CaptureFixture[str]
) -> None:
    """One command line: build, ask, write, verify, reset, and a run of the bytes in the flash.

    QEMU runs them: not the ELF, but what the simulated chip's flash holds after OpenOCD.
    """
    emulated = load_board(BOARD, emulate=True)
    contents = tmp_path / "flash.bin"
    starter = tmp_path / "start"

    def start(flash: bytes) -> None:
        if any(flash[:8]):  # an empty chip runs nothing
            contents.write_bytes(flash[: 1 << 20])
            (tmp_path / RESET).write_text("again\n")

    argv = emulated.command(str(contents))
    starter.write_text(
        f'#!/bin/sh\n[ -f "{contents}" ] && exec {shlex.join(argv)}\nexec sleep 60\n'
    )
    starter.chmod(0o755)
    (tmp_path / FLASH).symlink_to(starter)
    with _board(tmp_path, Stm32L4r5(on_start=start)) as board, desk_board(tmp_path) as port:
        config = board.flash["openocd"].words["config"]
        text = names()[BOARD].read_text()
        assert '"board/st_nucleo_l4.cfg"' in text
        (tmp_path / "mine.toml").write_text(text.replace("board/st_nucleo_l4.cfg", config))
        run = ["--board", str(tmp_path / "mine.toml"), "--port", port, "--task", "kws",
               "--mode", "accuracy", "--limit", "2", "--out", str(tmp_path / "run")]  # fmt: skip
        assert cli.main(run) == 1  # a limit breaks a rule
    said = capsys.readouterr()
    assert f"build-{image.build_id} was written and verified by openocd" in said.err
    result = read_result(tmp_path / "run")
    assert result.complete
    assert not result.emulated  # so far as the runner can know
    assert result.accuracy is not None
    assert len(result.accuracy.answers) == 2


def test_before_0_12_an_st_link_is_selected_by_its_older_word() -> None:
    """The real OpenOCD, whose `adapter` is made to refuse as the older one does."""
    select = tool.filled(tool.tool("openocd").select, [], {"probe": "ABC"})
    older = "proc adapter args {error invalid}; proc hla_serial serial {echo chosen-$serial}"
    argv = ["openocd", "-c", older, *select, "-c", "shutdown"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert "chosen-ABC" in done.stdout + done.stderr
