"""Numbers as the firmware writes them: cut off or rounded, to the digit."""

import subprocess
from collections.abc import Callable
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.firmware.dut_process import FIRMWARE

Write = Callable[[list[tuple[float, int, bool]]], list[str]]
"""From (value, decimals, rounded) of each number to its text."""


@pytest.fixture(scope="module")
def write(tmp_path_factory: pytest.TempPathFactory) -> Write:
    """Return the firmware's text_decimal, built for the host with the sanitizers."""
    program = tmp_path_factory.mktemp("text") / "print_decimals"
    words = ["gcc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-g", f"-I{FIRMWARE / 'core'}"]
    words += ["-fsanitize=address,undefined,float-cast-overflow", "-fno-sanitize-recover=all"]
    sources = (Path(__file__).with_name("print_decimals.c"), FIRMWARE / "core" / "text.c")
    subprocess.run([*words, *map(str, sources), "-o", str(program)], check=True, timeout=120)

    def run(numbers: list[tuple[float, int, bool]]) -> list[str]:
        lines = "".join(f"{value.hex()} {d} {int(rounded)}\n" for value, d, rounded in numbers)
        done = subprocess.run(
            [str(program)], input=lines, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    return run


@pytest.mark.parametrize(
    ("value", "decimals", "cut_off", "rounded"),
    [
        (0.0, 3, "0.000", "0.000"),
        (0.0078125, 3, "0.007", "0.008"),
        (0.0078125, 6, "0.007812", "0.007813"),  # halfway: away from zero
        (0.00390625, 3, "0.003", "0.004"),
        (0.5, 0, "0", "1"),
        (1.5, 0, "1", "2"),
        (-0.5, 1, "-0.5", "-0.5"),
        (-0.25, 1, "-0.2", "-0.3"),
        (-2.5, 0, "-2", "-3"),
        (0.99609375, 2, "0.99", "1.00"),  # the carry goes into the whole
        (9.96875, 1, "9.9", "10.0"),
        (0.699999988079071, 3, "0.699", "0.700"),  # 0.7 as a float
        (16777215.0, 2, "16777215.00", "16777215.00"),
        (4294967040.0, 1, "4294967040.0", "4294967040.0"),  # the largest float below 2^32
        (4294967296.0, 1, "inf", "inf"),
        (-float("inf"), 3, "-inf", "-inf"),
        (float("nan"), 3, "nan", "nan"),
        (2.0**-149, 6, "0.000000", "0.000000"),
        (2.0**-20, 17, "0.00000095367431640", "0.00000095367431641"),
    ],
)
def test_a_number_is_cut_off_or_rounded(
    write: Write, value: float, decimals: int, cut_off: str, rounded: str
) -> None:
    """Toward zero, or to the nearest with halves away from zero."""
    assert write([(value, decimals, False), (value, decimals, True)]) == [cut_off, rounded]


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.floats(2.0**-20, 2.0**31, width=32), st.booleans(), st.integers(0, 9), st.booleans()
        ),
        min_size=1,
        max_size=80,
    )
)
def test_any_number_equals_exact_decimal_arithmetic(
    write: Write, numbers: list[tuple[float, bool, int, bool]]
) -> None:
    """Every digit, for each float that a score can be."""
    signed = [(-value if negative else value, d, how) for value, negative, d, how in numbers]
    wanted = []
    for value, d, how in signed:
        rounding = ROUND_HALF_UP if how else ROUND_DOWN
        wanted.append(f"{Decimal(value).quantize(Decimal(1).scaleb(-d), rounding):f}")
    assert write(signed) == wanted
