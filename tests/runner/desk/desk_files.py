"""A board file and a bench file of the tests."""

import tempfile
from pathlib import Path

from tinybench.runner.desk.bench import Bench, load_bench

BOARD = """\
name = "test-nucleo"
description = "A board of the tests"
family = "stm32l4"
core = "Cortex-M4F"

[attached]
usb = ["0483:374b", "0483:3752"]
"""


def load_text(text: str) -> Bench:
    """Load a bench file of this text."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "bench.toml").write_text(text)
        return load_bench(Path(folder) / "bench.toml")
