"""What the commands of this folder share: options, messages, and the modules of the train extra."""

import argparse
import hashlib
import importlib
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np

from tinybench import extras
from tinybench.errors import TinybenchError, ToolMissingError
from tinybench.scratch import scratch

SEED = 1

Make = Callable[[Path, Path, int, bool], None]
"""Makes a set and its models: (folder of data, folder of models, seed, short)."""


def command(module: str, description: str, make: Make, arguments: list[str] | None = None) -> int:
    """Parse the options --out, --short and --seed, and make what is asked for.

    Returns the exit status; an error of tinybench's own is printed and sets it.
    """
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=description)
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="folder for all files (default: the package's own)"
    )
    parser.add_argument(
        "--short", action="store_true", help="smoke run of about a minute; writes nothing kept"
    )
    parser.add_argument("--seed", type=int, default=SEED, metavar="N")
    options = parser.parse_args(arguments)
    package = Path(__file__).resolve().parents[2]
    data, models = package / "datasets" / "embedded", package / "models" / "embedded"
    try:
        began_s = time.monotonic()
        if options.short:
            with scratch() as own:
                out = options.out or own
                make(out, out, options.seed, True)
        else:
            make(options.out or data, options.out or models, options.seed, False)
        say(f"made in {time.monotonic() - began_s:.0f} s")
    except TinybenchError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_status
    return 0


def say(line: str) -> None:
    """Print a line of progress at once."""
    print(line, flush=True)


def tools(seed: int) -> str:
    """Make training repeatable, and return the versions and the seed that decide what it makes.

    Raises ToolMissingError where TensorFlow is not installed.
    """
    return f"numpy {np.__version__}, TensorFlow {tensorflow(seed).__version__}, seed {seed}"


def described(path: Path) -> str:
    """Return name, size and SHA-256 of a file, as the package's declarations name them."""
    data = path.read_bytes()
    return f"{path} ({len(data)} bytes, SHA-256 {hashlib.sha256(data).hexdigest()})"


def say_set(path: Path, count: int, what: str) -> None:
    """Say which test set was written."""
    say(f"test set: {count} {what}, {described(path)}")


def tensorflow(seed: int | None = None) -> ModuleType:
    """Import TensorFlow, which takes seconds; with a seed, set it and make training repeatable.

    Raises ToolMissingError where it is not installed.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # oneDNN chooses its order of summation by processor: without it more machines agree.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    module = extra("tensorflow")
    if seed is not None:
        module.keras.utils.set_random_seed(seed)
        module.config.experimental.enable_op_determinism()
    return module


def extra(name: str) -> ModuleType:
    """Import a module of the training extra, or raise ToolMissingError."""
    try:
        return importlib.import_module(name)
    except ImportError:
        raise ToolMissingError(
            extras.missing("training", f"the Python module {name}", "train")
        ) from None
