"""Write firmware/audio/tables.h from its formulas: python -m tests.firmware.audio_tables > FILE."""

import sys

import numpy as np

POINTS = 1024
BANDS = 40
NYQUIST_HZ = 8000.0
PER_LINE = 4


def main() -> None:
    """Write the file to standard output."""
    sys.stdout.write(tables_h())


def tables_h() -> str:
    """Return the text of the file."""
    sines = np.sin(2 * np.pi * np.arange(POINTS // 4 + 1) / POINTS)
    mel_of_line = mel(np.arange(POINTS // 2) * NYQUIST_HZ / (POINTS // 2))
    places = mel_of_line / (mel(NYQUIST_HZ) / (BANDS + 1))
    first = np.searchsorted(places, np.arange(BANDS + 2))
    first[0] = 1  # line 0 belongs to no triangle
    return "\n".join(
        [
            "/* Generated from formulas by tests/firmware/audio_tables.py. */",
            "#ifndef TINYBENCH_TABLES_H",
            "#define TINYBENCH_TABLES_H\n",
            '#include "number.h"\n',
            f"/* sin(2 pi n / {POINTS}). */",
            f"static const Weight quarter_sine[{len(sines)}] = {{",
            *_lines("WEIGHT", sines),
            "};\n",
            "/* Lines from each peak in mel, or the end of the first triangle, to the next. */",
            f"static const uint16_t mel_first[{len(first)}] = {{",
            *columns([f"{n}," for n in first.tolist()], 14),
            "};\n",
            "/* How far each line is from one peak to the next. */",
            f"static const Part mel_part[{len(places)}] = {{",
            *_lines("PART", places % 1),
            "};\n",
            "#endif\n",
        ]
    )


def mel(hz: np.ndarray | float) -> np.ndarray:
    """Return frequencies in mel."""
    return 1127 * np.log(1 + np.asarray(hz) / 700)


def _lines(macro: str, values: np.ndarray) -> list[str]:
    return _rows([f"{macro}({value:.10f})" for value in values.tolist()], PER_LINE)


def columns(words: list[str], count: int) -> list[str]:
    """Return lines of a table, as clang-format sets them."""
    wide = max(map(len, words))
    rows = [words[i : i + count] for i in range(0, len(words), count)]
    return [f"    {' '.join(word.ljust(wide) for word in row).rstrip()}" for row in rows]


def _rows(words: list[str], count: int) -> list[str]:
    rows = [words[i : i + count] for i in range(0, len(words), count)]
    return [f"    {', '.join(row)}," for row in rows]


if __name__ == "__main__":
    main()
