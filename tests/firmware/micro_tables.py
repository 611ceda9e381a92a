"""Write firmware/audio/micro_tables.h from its formulas: python -m tests.firmware.micro_tables.

Ref: tensorflow/lite/experimental/microfrontend: window, filterbank and PCAN's gain, as
microWakeWord sets them.
"""

import sys

import numpy as np

from tests.firmware.audio_tables import columns, mel

WINDOW, LINES, BANDS = 480, 257, 40
LOW_HZ, HIGH_HZ, LINE_HZ = 125.0, 7500.0, 31.25
ONE = 1 << 12
GAIN_BITS, STRENGTH, OFFSET = 21, 0.95, 80.0
NOISE_FINER = 7
"""Bits of the noise below what the gain is a function of."""
OCTAVES = 32


def micro_tables_h() -> str:
    """Return the text of the file."""
    angles = 2 * np.pi * (np.arange(WINDOW // 2) + 0.5) / WINDOW
    hann = np.floor((0.5 - 0.5 * np.cos(angles)) * ONE + 0.5).astype(int)
    peaks = mel(LOW_HZ) + (mel(HIGH_HZ) - mel(LOW_HZ)) / (BANDS + 1) * np.arange(BANDS + 2)
    lines = mel(np.arange(LINES) * LINE_HZ)
    begin = int(1.5 + LOW_HZ / LINE_HZ)
    first = [begin, *np.searchsorted(lines, peaks[1:], side="right").tolist()]
    weights = np.zeros(first[-1])
    for low, high, start, end in zip(peaks, peaks[1:], first, first[1:], strict=False):
        weights[start:end] = (high - lines[start:end]) / (high - low)
    quantised = np.floor(weights * ONE + 0.5).astype(int)
    rows = [f"    {{{', '.join(map(str, _octave(n)))}}}," for n in range(OCTAVES)]
    return "\n".join(
        [
            "/* Generated from formulas by tests/firmware/micro_tables.py. */",
            "/* clang-format off */",
            "#ifndef TINYBENCH_MICRO_TABLES_H",
            "#define TINYBENCH_MICRO_TABLES_H\n",
            "#include <stdint.h>\n",
            "/* Half of the window, in units of 2^-12. */",
            f"static const int16_t micro_hann[{len(hann)}] = {{",
            *columns([f"{n}," for n in hann.tolist()], 14),
            "};\n",
            "/* Lines from each peak in mel to the next. */",
            f"static const uint16_t micro_first[{len(first)}] = {{",
            *columns([f"{n}," for n in first], 14),
            "};\n",
            "/* How much of each line belongs to the band that falls there, in units of 2^-12. */",
            f"static const uint16_t micro_weight[{len(quantised)}] = {{",
            *columns([f"{n}," for n in quantised.tolist()], 14),
            "};\n",
            "/* The gain in each octave of the noise: its beginning, and a parabola from there. */",
            f"static const int16_t micro_gain[{OCTAVES}][3] = {{",
            *rows,
            "};\n",
            "#endif\n",
        ]
    )


def _octave(octave: int) -> tuple[int, int, int]:
    begin = 2.0**octave
    low, middle, high = (_gain(begin * part) for part in (1, 1.5, 2))
    slope = 4 * (middle - low) - (high - low)
    return low, slope, high - low - slope


def _gain(noise: float) -> int:
    return min(0x7FFF, int(2.0**GAIN_BITS * (noise / 2**NOISE_FINER + OFFSET) ** -STRENGTH + 0.5))


if __name__ == "__main__":
    sys.stdout.write(micro_tables_h())
