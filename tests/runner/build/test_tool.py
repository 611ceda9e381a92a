"""Programs of others: their declarations, the real ones as far as they go without a probe."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tinybench.declare import load
from tinybench.errors import (
    DeclarationError,
    FlashError,
    TinybenchError,
    ToolMissingError,
    UsageError,
)
from tinybench.runner.build.board import load_board, names
from tinybench.runner.build.tool import Tool, call, filled, packaged, tool
from tinybench.runner.desk.flash import Site, flasher_of, power_cycle, resets

BOARDS = [name for name in names() if load_board(name).flash]
NO_OPENOCD = {
    "nucleo-u575zi-q": "pyocd",
    **dict.fromkeys(("nrf52840-dk", "nrf5340-dk"), "jlink"),
    "nano-33-ble": "bossac",
    **dict.fromkeys(("xiao-nrf52840", "feather-nrf52840"), "uf2"),
    **dict.fromkeys(("pico", "pico-2", "pico-2-riscv", "nano-rp2040-connect"), "picotool"),
    **dict.fromkeys(
        ("esp32-c3-devkitm-1", "esp32-c6-devkitc-1", "xiao-esp32c3", "xiao-esp32c6"), "esptool"
    ),
}
"""Of which OpenOCD 0.12 has no file, or whose probe has a tool of its own; and what comes first."""
BY_OPENOCD = [name for name in BOARDS if name not in NO_OPENOCD]
BANKS = {
    "stm32f4": "stm32f2x",
    "stm32f7": "stm32f2x",
    "stm32g0": "stm32l4x",
    "stm32h7": "stm32h7x",
    "stm32l4": "stm32l4x",
}
"""OpenOCD's flash driver of each family."""
PROBE = "066DFF515049657187212124"


@pytest.mark.parametrize("name", packaged())
def test_what_ships_loads_and_does_something(name: str) -> None:
    """Each declaration is valid; a program comes with what to type when it is missing."""
    declared = load(packaged()[name], Tool)
    assert declared.description
    assert declared.copy or (declared.install and declared.written)
    assert declared.write or declared.cycle or declared.copy


@pytest.mark.parametrize("name", BOARDS)
def test_every_flasher_of_every_board_has_all_its_words(name: str) -> None:
    """A board declares OpenOCD first, if it can, and what each of its flashers must know of it."""
    board = load_board(name)
    assert next(iter(board.flash)) == NO_OPENOCD.get(name, "openocd")
    assert ("openocd" in board.flash) == (name in BY_OPENOCD)
    for flasher in board.flash:
        flasher_of(board, flasher)


def test_a_probe_is_named_only_where_one_was_chosen() -> None:
    """The words that choose a probe vanish without one."""
    argv, select = ["prog", "{select}", "write", "{elf}"], ["--serial", "{probe}"]
    assert filled(argv, select, {"elf": "a b"}) == ["prog", "write", "a b"]
    assert filled(argv, select, {"elf": "x", "probe": "7"}) == [
        "prog", "--serial", "7", "write", "x",
    ]  # fmt: skip


def test_a_path_in_a_tcl_word_is_quoted_for_tcl() -> None:
    """Braces around a placeholder stay."""
    assert filled(["program {{elf}} verify"], [], {"elf": "/a b"}) == ["program {/a b} verify"]


@pytest.mark.parametrize("action", ["write", "reset"])
def test_a_serial_number_is_no_command(tmp_path: Path, action: str) -> None:
    """What a USB device gives as its serial number the real OpenOCD takes for text, not for Tcl."""
    flasher = flasher_of(load_board("nucleo-l4r5"), "openocd")[1]
    words = _words(tmp_path, flasher, "[puts [string reverse dekcah]]")
    with pytest.raises(FlashError, match="no debug probe") as raised:
        call(flasher, getattr(flasher, action), words, "write it")
    assert "hacked" not in str(raised.value)


@pytest.mark.parametrize("serial", ["}; puts hacked; {", "0670\\", "0670\nputs hacked"])
def test_a_serial_number_that_tcl_cannot_quote_is_refused(serial: str) -> None:
    """With another flasher, whose words are no program, it may be given."""
    with pytest.raises(UsageError, match=r"openocd takes no .* \{probe\}.*--flasher"):
        filled(tool("openocd").reset, tool("openocd").select, {"config": "x", "probe": serial})
    taken = filled(tool("st-flash").reset, tool("st-flash").select, {"probe": serial})
    assert taken == ["st-flash", "--serial", serial, "reset"]


def test_pyocd_compares_an_image_below_any_folder() -> None:
    """Its commander splits a command into words as the real one does; the path stays one."""
    cmdline = pytest.importorskip("pyocd.utility.cmdline")
    path = "/home/J O'Doe; x/firmware.bin"
    argv = filled(tool("pyocd").verify, [], {"target": "x", "address": "0x0", "bin": path})
    assert cmdline.split_command(argv[argv.index("-c") + 1]) == ["compare", "0x0", path]


def test_a_placeholder_without_a_word_is_named() -> None:
    """The message has the argument list, and the nearest word."""
    with pytest.raises(DeclarationError, match=r"no word for \{confg\}.*did you mean 'config'"):
        filled(["openocd", "{confg}"], [], {"config": "x"})


def test_a_board_may_say_what_the_package_does_not() -> None:
    """Its keys go before those of the packaged tool; a tool of its own needs no other file."""
    mine = tool("st-flash", Tool(timeout_s=5))
    assert (mine.timeout_s, mine.write) == (5, tool("st-flash").write)
    own = Tool(write=["mine", "{elf}"])
    assert tool("mine", own) == own
    with pytest.raises(UsageError, match="no tool 'st-flsh': did you mean 'st-flash'"):
        tool("st-flsh", Tool())


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("[flash.openocd]\nwritten = '('", "no regular expression"),
        ("[flash.openocd]\nwirte = ['a']", "unknown key 'flash.openocd.wirte': .*'write'"),
        ("[flash.openocd.seen]\nno_prob = 'a'", "no_prob"),
        ("[reset]\nline = 'cts'", "reset.line"),
    ],
)
def test_what_is_wrong_in_a_board_is_named(tmp_path: Path, table: str, words: str) -> None:
    """A mistake in its tables gives the key."""
    text = names()["mps2-an386"].read_text()
    (tmp_path / "mine.toml").write_text(f"{text}\n{table}\n")
    with pytest.raises(DeclarationError, match=words):
        load_board(str(tmp_path / "mine.toml"))


def _words(tmp_path: Path, flasher: Tool, probe: str | None) -> dict[str, str]:
    image = tmp_path / "firmware.bin"
    image.write_bytes(bytes(64))
    words = {"elf": str(image), "bin": str(image), "address": "0x8000000", **flasher.words}
    return words | ({"probe": probe} if probe else {})


ACTIONS = ("write", "verify", "reset")
CALLS = [
    (board, name, action)
    for number, (board, name) in enumerate(
        (board, name)
        for board in BOARDS
        for name in load_board(board).flash
        if name in ("openocd", "st-flash", "pyocd")
    )
    if getattr(
        flasher_of(load_board(board), name)[1], action := ACTIONS[(number + number // 3) % 3]
    )
]
"""An action of each flasher of each board, of those programs that are here."""
PROBES = (None, PROBE)
"""Every other call names one."""


@pytest.mark.parametrize(
    ("board", "name", "action", "probe"),
    [(*call, PROBES[number % 2]) for number, call in enumerate(CALLS)],
)
def test_the_real_program_takes_our_arguments_and_misses_only_the_probe(
    tmp_path: Path, board: str, name: str, action: str, probe: str | None
) -> None:
    """Its configuration is found and its command line accepted: what it says is "no probe"."""
    flasher = flasher_of(load_board(board), name)[1]
    argv = getattr(flasher, action)
    words = _words(tmp_path, flasher, probe)
    with pytest.raises(TinybenchError) as raised:
        call(flasher, argv, words, f"write {board}", flasher.written)
    message = str(raised.value)
    if name == "pyocd" and probe:
        assert raised.value.exit_status == 2
        assert f"no probe has the serial number {PROBE}" in message
    else:
        assert raised.value.exit_status == 3
        assert "there is no debug probe" in message
    assert f"tried: {argv[0]} " in message
    assert (PROBE in message) == bool(probe)


@pytest.mark.parametrize("board", BY_OPENOCD)
def test_the_real_openocd_knows_the_chip_and_its_flash(board: str) -> None:
    """The board's configuration declares one core and a flash bank at the linker's address."""
    declared = load_board(board)
    config = flasher_of(declared, "openocd")[1].words["config"]
    done = subprocess.run(
        ["openocd", "-f", config, "-c", "echo [target names]; echo [flash list]; shutdown"],
        capture_output=True, text=True, timeout=30, check=True,
    )  # fmt: skip
    assert declared.memory is not None
    assert len(re.findall(rf"(?m)^{declared.family}x\.cpu\d*$", done.stderr)) == 1
    bank = rf"name {declared.family}x\S* driver (\S+) base (\d+)"
    driver, base = re.findall(bank, done.stderr)[0]
    # Of the F4 and the F7, the base is only looked up in the chip.
    origin = 0 if declared.family in ("stm32f4", "stm32f7") else declared.memory.flash_origin
    assert (driver, int(base)) == (BANKS[declared.family], origin)


def test_the_real_openocd_refuses_a_configuration_it_has_not(tmp_path: Path) -> None:
    """An OpenOCD that is too old for a board is told from a missing probe."""
    flasher = tool("openocd")
    words = _words(tmp_path, flasher, None) | {"config": "board/of_the_future.cfg"}
    with pytest.raises(ToolMissingError, match="does not know the board"):
        call(flasher, flasher.write, words, "write it")


def test_the_real_st_flash_refuses_what_it_does_not_know(tmp_path: Path) -> None:
    """So that "no probe" means: all that stood before was accepted."""
    flasher = tool("st-flash")
    argv = [*flasher.write[:-1], "--nonsense", "{address}"]
    with pytest.raises(FlashError, match="example read option"):
        call(flasher, argv, _words(tmp_path, flasher, None), "write it")


def test_the_real_pyocd_says_which_pack_is_missing(tmp_path: Path) -> None:
    """It looks for the chip's pack before it speaks to a probe, here a remote one."""
    flasher = flasher_of(load_board("nucleo-l4r5"), "pyocd")[1]
    words = _words(tmp_path, flasher, "remote:127.0.0.1:1")
    with pytest.raises(ToolMissingError, match="pyocd pack install stm32l4r5zitx"):
        call(flasher, flasher.write, words, "write it")


def test_the_real_uhubctl_takes_our_arguments_and_misses_only_the_hub() -> None:
    """A supply that cannot be switched is a matter of configuration."""
    with pytest.raises(UsageError, match=r"no hub at 1-1\.4 can switch its ports") as raised:
        power_cycle("1-1.4:2")
    assert "uhubctl -l 1-1.4 -p 2 -a cycle -d 2" in str(raised.value)


@pytest.mark.parametrize("hub", ["1-1.4", ":2", "1-1:", "1-1:x"])
def test_a_hub_is_named_with_its_port(hub: str) -> None:
    """Anything else is refused before a program is started."""
    with pytest.raises(UsageError, match=r"such as 1-1\.4:2"):
        power_cycle(hub)


@pytest.mark.parametrize(
    ("name", "said", "status", "words"),
    [
        ("openocd", "Error: libusb_open() failed with LIBUSB_ERROR_ACCESS\nError: open failed", 3,
         "doctor --udev"),
        ("openocd", "Error: No device matches the serial string\nError: open failed", 2,
         f"serial number {PROBE}"),
        ("openocd", "Info : STLINK V2J37M26\nError: init mode failed (unable to connect to the "
         "target)", 3, "jumper"),
        ("openocd", "Warn : Cannot identify target as an STM32 family device.\nError: auto_probe "
         "failed", 2, "is --board right"),
        ("openocd", "Error: checksum mismatch - attempting binary compare\n** Verify Failed **", 3,
         "read back"),
        ("st-flash", "ERROR usb.c: Could not open USB device 0x0483:0x374b, access error.", 3,
         "doctor --udev"),
        ("st-flash", "ERROR common.c: Verification of flash failed at offset: 4096", 3,
         "read back"),
        ("st-flash", "WARN common.c: unknown chip id! 0x497", 2, "is --board right"),
        ("stm32-programmer-cli", "Error: No debug probe detected.", 3, "no debug probe"),
        ("stm32-programmer-cli", "Error: No STM32 target found! If your product embeds Debug "
         "Authentication, please perform a discovery", 3, "jumper"),
        ("pyocd", "Enter the number of the debug probe or 'q' to quit> ", 2, "--probe"),
        ("pyocd", "Mismatched byte at 0x08000010 (offset 0x10): 0xff (memory) != 0x01 (file)", 3,
         "read back"),
        ("uhubctl", "No compatible devices detected!\nThere were permission problems while "
         "accessing USB.", 3, "doctor --udev"),
    ],
)  # fmt: skip
def test_what_a_program_says_becomes_what_to_try_next(
    name: str, said: str, status: int, words: str
) -> None:
    """Words that need a probe or a hub to be heard; the program's own follow ours."""
    declared = tool(name)
    argv = [sys.executable, "-c", "import sys; sys.exit(sys.argv[1])", said]
    with pytest.raises(TinybenchError, match=words) as raised:
        call(declared, argv, {"probe": PROBE, "location": "1"}, "write it", declared.written)
    assert raised.value.exit_status == status
    assert said.splitlines()[-1].strip() in str(raised.value)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("print('all is well')", "failed, and says why below"),
        ("print('Error: Data mismatch'); print('Download verified successfully')", "Data mismatch"),
        ("import time; print('still', flush=True); time.sleep(60)", "not done within 1 s"),
        ("import os; os.kill(os.getpid(), 9)", r"said nothing: .*; it ended with exit status -9\Z"),
        ("print('x' * 9000); import sys; sys.exit(1)", r"\.\.\."),
        ("import sys; sys.stdout.buffer.write(bytes(range(256))); sys.exit(1)", "\\ufffd"),
    ],
)
def test_a_program_that_does_not_say_it_is_done_has_failed(code: str, words: str) -> None:
    """Whatever its exit status, its output, or how long it would go on."""
    patience_s = 1 if "sleep" in code else 120
    declared = Tool(written="Download verified", failed="(?m)^Error:", timeout_s=patience_s)
    with pytest.raises(FlashError, match=words) as raised:
        call(declared, [sys.executable, "-c", code], {}, "write it", declared.written)
    assert len(str(raised.value)) < 1500


def test_a_program_that_is_not_installed_is_named_with_what_to_type() -> None:
    """Exit status 2: the bench is as it should be, the computer is not."""
    declared = Tool(install="sudo apt-get install it")
    with pytest.raises(ToolMissingError, match=r"'no-such-tool' is not installed.*apt-get"):
        call(declared, ["no-such-tool"], {}, "write it")


STAND_IN = """\
import sys
words = sys.argv[1:]
def refuse(why):
    print("Error:", why); sys.exit(1)
commands = {"-c": [], "-q": None, "-w": [], "-v": None, "-rst": None}
found, at = {}, None
for word in words:
    if word.startswith("-"):
        if word not in commands: refuse("Wrong command " + word)
        found[word] = at = []
    elif at is None: refuse("Wrong argument " + word)
    else: at.append(word)
for name, given in found.items():
    if commands[name] is None and given: refuse(name + " takes no argument")
connect = dict(word.split("=", 1) for word in found.get("-c", []))
if connect.pop("port", None) != "SWD" or set(connect) - {"sn"}: refuse("Wrong connection")
if "sn" in connect and connect["sn"] != "%(probe)s": refuse("No debug probe detected.")
if "-w" in found:
    (file,) = found["-w"]
    if not file.endswith((".elf", ".hex")): refuse("a binary file needs a start address")
    if list(found).index("-v") < list(found).index("-w"): refuse("nothing to verify")
    print("Download verified successfully")
print("Software reset is performed" if "-rst" in found else "")
"""


@pytest.mark.parametrize("probe", [None, PROBE, "12"])
@pytest.mark.parametrize("action", ["write", "reset"])
def test_stm32_programmer_cli_is_called_as_its_manual_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, action: str, probe: str | None
) -> None:
    """By a stand-in, since the program cannot be had here: it checks the command line by UM2237."""
    program = tmp_path / "STM32_Programmer_CLI"
    program.write_text(f"#!{sys.executable}\n" + STAND_IN % {"probe": PROBE})
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    flasher = flasher_of(load_board("nucleo-l4r5"), "stm32-programmer-cli")[1]
    words = {"elf": "firmware.elf"} | ({"probe": probe} if probe else {})
    done = flasher.written if action == "write" else "Software reset"
    if probe == "12":
        with pytest.raises(FlashError, match="no debug probe"):
            call(flasher, getattr(flasher, action), words, "write it", done)
    else:
        assert call(flasher, getattr(flasher, action), words, "write it", done)


def test_a_board_on_no_port_is_reset_by_its_flasher_or_its_hub() -> None:
    """The gentlest way first."""
    board = load_board("nucleo-l4r5")
    assert list(resets(board, Site(hub="1-1:2"))) == ["flasher", "hub"]
    assert list(resets(board, Site(flasher="mass-storage"))) == []
