"""The firmware core, built for the host with sanitizers, answers every command as it should."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.firmware.dut_process import READY, DutProcess, build
from tinybench.runner.build.board import load_board

INPUT_B = 490
SANITIZERS = "-fsanitize=address,undefined,float-cast-overflow -fno-sanitize-recover=all"
BANNER = re.compile(rb"m-timestamp-mode-performance\r\nm-lap-us-\d+\r\nm-init-done\r\nm-ready\r\n")
NEEDS_INPUT = "e-[Inference needs a complete input]\r\n"


@pytest.fixture(scope="module")
def elf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The host's firmware with the fake engine, under AddressSanitizer and UBSan."""
    folder = tmp_path_factory.mktemp("firmware") / "host"
    return build(load_board("host"), folder, f"CFLAGS_EXTRA={SANITIZERS}")


@pytest.fixture
def dut(elf: Path) -> Iterator[DutProcess]:
    """A device fresh from power-up, its banner read."""
    with DutProcess([str(elf)]) as process:
        assert BANNER.fullmatch(process.read_until(READY))
        yield process
        assert process.pending() == b""
        assert process.alive()
        assert process.words() == ""


def laps_us(reply: str) -> list[int]:
    """Return the time stamps in a reply."""
    return [int(us) for us in re.findall(r"m-lap-us-(\d+)\r\n", reply)]


def test_identity(dut: DutProcess) -> None:
    """name, profile and caps say who answers, letter by letter."""
    assert dut.ask(b"name") == "m-name-dut-[tinybench]\r\n"
    assert dut.ask(b"profile") == (
        "m-profile-[ULPMark for tinyML Firmware V0.0.1]\r\nm-model-[fake01]\r\n"
    )
    assert dut.ask(b"caps") == "m-caps-[profile frames-1-512-4096 slide ahead]\r\n"


def test_help_names_every_command(dut: DutProcess) -> None:
    """help is free text that mentions each command."""
    reply = dut.ask(b"help")
    for name in (
        *("name", "profile", "caps", "timestamp", "db load", "db print", "infer", "results"),
        *("profile-layers", "state keep", "state reset", "frames", "baud"),
    ):
        assert f"\r\n{name} " in reply


def test_a_model_without_a_state_says_so(dut: DutProcess) -> None:
    """Neither keeps one nor puts it back."""
    for command in (b"state keep", b"state reset"):
        assert dut.ask(command) == "e-[Command 'state' needs a model that has one]\r\n"


def test_timestamp_is_monotonic_microseconds(dut: DutProcess) -> None:
    """timestamp answers one lap line; a later one is not earlier (modulo 2^32)."""
    first = laps_us(dut.ask(b"timestamp"))
    second = laps_us(dut.ask(b"timestamp"))
    assert len(first) == len(second) == 1
    assert (second[0] - first[0]) % 2**32 < 2**31


def test_upload_and_print(dut: DutProcess) -> None:
    """Bytes arrive as sent, in either case of hex, and db print shows them eight a line."""
    assert dut.ask(b"db load 10") == "m-[Expecting 10 bytes]\r\n"
    assert dut.ask(b"db 00fFaB") == ""
    assert dut.ask(b"db 0123456789cdEF") == "m-load-done\r\n"
    assert dut.ask(b"db print") == ("m-buffer-00-ff-ab-01-23-45-67-89\r\nm-buffer-cd-ef\r\n\r\n")


def test_print_of_full_lines_has_no_empty_line(dut: DutProcess) -> None:
    """An empty line follows only a last line that is not full, as in stock firmware."""
    dut.ask(b"db load 8")
    assert dut.ask(b"db 0011223344556677") == "m-load-done\r\n"
    assert dut.ask(b"db print") == "m-buffer-00-11-22-33-44-55-66-77\r\n"


def test_print_shows_only_what_was_received(dut: DutProcess) -> None:
    """After part of an upload db print shows that part, and nothing of an earlier upload."""
    assert dut.ask(b"db print") == ""
    dut.upload(bytes([0x11] * INPUT_B))
    dut.ask(b"db load 490")
    assert dut.ask(b"db print") == ""
    dut.ask(b"db a1b2")
    assert dut.ask(b"db print") == "m-buffer-a1-b2\r\n\r\n"


@pytest.mark.parametrize(
    ("command", "reply"),
    [
        (b"db", "e-[Command 'db' requires a subcommand]\r\n"),
        (b"db load", "e-[Command 'db load' requires the # of bytes]\r\n"),
        (b"db load 0", "e-[Command 'db load' must be >0 bytes]\r\n"),
        (b"db load x", "e-[Command 'db load' must be >0 bytes]\r\n"),
        (b"db load -", "e-[Command 'db load' must be >0 bytes]\r\n"),
        (b"db load 4 x", "m-[Expecting 4 bytes]\r\n"),
        (b"db load 12a", "e-[Command 'db load' must be >0 bytes]\r\n"),
        (b"db load 490", "m-[Expecting 490 bytes]\r\n"),
        (b"db load 491", "Supplied buffer size 491 exceeds maximum of 490\n"),
        (b"db load -1", "Supplied buffer size -1 exceeds maximum of 490\n"),
        (
            b"db load 99999999999999999999",
            "Supplied buffer size 2147483647 exceeds maximum of 490\n",
        ),
        (
            b"db load -99999999999999999999",
            "Supplied buffer size -2147483647 exceeds maximum of 490\n",
        ),
        (b"db 123", "e-[Insufficent number of hex digits]\r\n"),
        (b"db 12g4", "e-[Invalid hex digit 'g4']\r\n"),
        (b"db 1234\xff\x0056", "e-[Invalid hex digit '??']\r\n"),
        (b"db prin", "e-[Invalid hex digit 'pr']\r\n"),
        (b"db 1234", "e-[Command 'db' requires 'db load' first]\r\n"),
        (b"infer 0 0", "e-[Inference iterations must be >0]\r\n"),
        (b"infer -1 0", "e-[Inference iterations must be >0]\r\n"),
        (b"infer x 0", "e-[Inference iterations must be >0]\r\n"),
        (b"infer 1?0 0", "e-[Inference iterations must be >0]\r\n"),
        (b"infer 1 -1", "e-[Inference warmup must be >=0]\r\n"),
        (b"infer 1 x", "e-[Inference warmup must be >=0]\r\n"),
        (b"infer 1 0", "Input db has 0 elemented, expected 490\n" + NEEDS_INPUT),
        (b"infer", "Input db has 0 elemented, expected 490\n" + NEEDS_INPUT),
        (b"bogus", "e-[Unknown command: bogus]\r\n"),
        (b"Name", "e-[Unknown command: Name]\r\n"),
        (b"names", "e-[Unknown command: names]\r\n"),
        (b"bogus 1 2", "e-[Unknown command: bogus]\r\n"),
        (b"\r\nname", "e-[Unknown command: ??name]\r\n"),
        (b"na\x00me", "e-[Unknown command: na?me]\r\n"),
        (b"\xf8\x80\xffname", "e-[Unknown command: ???name]\r\n"),
        (b"\tname", "e-[Unknown command: ?name]\r\n"),
        (b"  name   x ", "m-name-dut-[tinybench]\r\n"),
        (b"", ""),
        (b"    ", ""),
    ],
)
def test_reply_to_one_command_after_power_up(dut: DutProcess, command: bytes, reply: str) -> None:
    """Each wrong or odd command has its own answer, and exactly one m-ready."""
    assert dut.ask(command) == reply


def test_more_bytes_than_announced_are_refused_whole(dut: DutProcess) -> None:
    """A db with too many bytes changes nothing, also after the upload is complete."""
    too_many = "e-[Command 'db' has more bytes than 'db load' announced]\r\n"
    dut.ask(b"db load 3")
    assert dut.ask(b"db 0102") == ""
    assert dut.ask(b"db 0304") == too_many
    assert dut.ask(b"db 03") == "m-load-done\r\n"
    assert dut.ask(b"db 04") == too_many
    assert dut.ask(b"db print") == "m-buffer-01-02-03\r\n\r\n"


def test_refused_digits_change_nothing(dut: DutProcess) -> None:
    """A db with a bad digit or an odd one takes no byte, so that it can be sent again."""
    dut.ask(b"db load 4")
    assert dut.ask(b"db 01zz").startswith("e-[Invalid")
    assert dut.ask(b"db 010").startswith("e-[Insufficent")
    assert dut.ask(b"db 01020304") == "m-load-done\r\n"
    assert dut.ask(b"db print") == "m-buffer-01-02-03-04\r\n\r\n"


@pytest.mark.parametrize("load", [b"db load 0", b"db load 491", b"db load x"])
def test_refused_load_forgets_the_upload(dut: DutProcess, load: bytes) -> None:
    """After a db load that was refused there is neither room for bytes nor an input."""
    dut.upload(bytes(INPUT_B))
    dut.ask(load)
    assert dut.ask(b"db 00") == "e-[Command 'db' requires 'db load' first]\r\n"
    assert dut.ask(b"infer 1 0") == "Input db has 0 elemented, expected 490\n" + NEEDS_INPUT


@pytest.mark.parametrize("size_b", [1, 489])
def test_incomplete_input_is_not_inferred(dut: DutProcess, size_b: int) -> None:
    """An input that is short gives the stock line and an error, but no result."""
    dut.upload(bytes(size_b))
    expected = f"Input db has {size_b} elemented, expected 490\n" + NEEDS_INPUT
    assert dut.ask(b"infer 1 0") == expected


def test_infer_lines_in_stock_order(dut: DutProcess) -> None:
    """infer answers warm-up, start, two time stamps, done and results, in this order."""
    dut.upload(bytes([1] * INPUT_B))
    reply = dut.ask(b"infer 3 2")
    assert re.fullmatch(
        r"m-warmup-start-2\r\nm-warmup-done\r\nm-infer-start-3\r\n"
        r"m-lap-us-\d+\r\nm-lap-us-\d+\r\nm-infer-done\r\n"
        r"m-results-\[0\.914,0\.007,0\.996,490\.000\]\r\n",
        reply,
    )
    assert dut.ask(b"results") == reply.splitlines(keepends=True)[-1]


@pytest.mark.parametrize(
    ("command", "iterations", "warmups"),
    [(b"infer", 1, 10), (b"infer 2", 2, 10), (b"infer 2 0", 2, 0)],
)
def test_infer_defaults(dut: DutProcess, command: bytes, iterations: int, warmups: int) -> None:
    """Omitted numbers are 1 iteration and 10 warm-ups, as in stock firmware."""
    dut.upload(bytes(INPUT_B))
    reply = dut.ask(command)
    assert f"m-warmup-start-{warmups}\r\n" in reply
    assert f"m-infer-start-{iterations}\r\n" in reply


def test_the_input_survives_inference(dut: DutProcess) -> None:
    """Inferring twice on one upload gives one answer."""
    dut.upload(bytes(range(245)) * 2)
    first = dut.ask(b"infer 1 0").splitlines()[-1]
    assert dut.ask(b"infer 5 3").splitlines()[-1] == first


def test_failing_engine_gives_no_results(dut: DutProcess) -> None:
    """An engine that fails stops the window at once, however long, and prints no result."""
    dut.upload(b"\xe0" + bytes(INPUT_B - 1))
    assert dut.ask(b"infer 2147483647 0") == (
        "m-warmup-start-0\r\nm-warmup-done\r\nm-infer-start-2147483647\r\n"
        "e-[Inference failed with -7]\r\n"
    )
    assert dut.ask(b"infer 1 99999999999") == (
        "m-warmup-start-2147483647\r\ne-[Inference failed with -7]\r\n"
    )


def test_results_of_odd_values(dut: DutProcess) -> None:
    """NaN, infinities, negative and large values are printed safely, truncated toward zero."""
    assert dut.ask(b"results") == "m-results-[0.000,0.000,0.000,0.000]\r\n"
    dut.upload(b"\xe1" + bytes(INPUT_B - 1))
    assert dut.ask(b"infer 1 0").endswith("m-results-[nan,inf,-inf,-1.500]\r\n")
    dut.upload(b"\xe2" + bytes(INPUT_B - 1))
    assert dut.ask(b"infer 1 0").endswith("m-results-[4294967040.000,inf,-0.000,0.699]\r\n")


def test_command_is_cut_at_80_characters(dut: DutProcess) -> None:
    """As in stock firmware: 38 bytes fit in a db; a longer command still has an answer."""
    dut.ask(b"db load 38")
    assert dut.ask(b"db " + b"a5" * 38) == "m-load-done\r\n"
    dut.ask(b"db load 39")
    assert dut.ask(b"db " + b"a5" * 39) == "e-[Insufficent number of hex digits]\r\n"
    assert dut.ask(b"x" * 80) == f"e-[Unknown command: {'x' * 80}]\r\n"
    assert dut.ask(b"y" * 5000) == f"e-[Unknown command: {'y' * 80}]\r\n"
    assert dut.ask(b"name") == "m-name-dut-[tinybench]\r\n"


def test_ends_with_its_line(elf: Path) -> None:
    """The process ends when its input closes, in the middle of a command too."""
    with DutProcess([str(elf)]) as process:
        process.read_until(READY)
        process.send(b"db lo")
        assert process.close_line() == 0
        assert process.words() == ""


WORDS = st.sampled_from(
    [
        b"db",
        b"load",
        b"print",
        b"infer",
        b"results",
        b"name",
        b"%",
        b" ",
        b"0",
        b"490",
        b"-1",
        b"a5",
    ]
)


@settings(deadline=None, max_examples=300)
@given(st.lists(st.one_of(st.binary(max_size=100), WORDS), max_size=30).map(b"".join))
def test_any_bytes_are_survived(long_lived: DutProcess, data: bytes) -> None:
    """Whatever comes, each command has exactly one m-ready and no line holds a raw byte."""
    data += b"%"
    long_lived.send(data)
    for _ in range(data.count(b"%")):
        reply = long_lived.read_until(READY)
        assert re.fullmatch(rb"[ -~\r\n]*", reply)
    assert long_lived.ask(b"name") == "m-name-dut-[tinybench]\r\n"


@settings(deadline=None, max_examples=200)
@given(
    st.lists(
        st.one_of(
            st.integers(-3, 600).map(lambda n: b"db load %d" % n),
            st.binary(max_size=45).map(lambda data: b"db " + data.hex().encode()),
            st.sampled_from([b"db print", b"db", b"infer 1 0", b"results", b""]),
        ),
        max_size=40,
    )
)
def test_commands_in_any_order(long_lived: DutProcess, commands: list[bytes]) -> None:
    """No order of valid commands breaks the buffer: db print shows what a model of it holds."""
    long_lived.ask(b"db load 0")
    announced_b, held = 0, b""
    for command in commands:
        reply = long_lived.ask(command)
        if command.startswith(b"db load"):
            size_b = int(command.split()[-1])
            announced_b, held = (size_b if 0 < size_b <= INPUT_B else 0), b""
        elif command == b"db print":
            assert bytes.fromhex("".join(re.findall(r"[0-9a-f]{2}(?=[-\r])", reply))) == held
        elif reply in {"", "m-load-done\r\n"}:
            held += bytes.fromhex(command[3:].decode())
            assert len(held) <= announced_b or command == b""
