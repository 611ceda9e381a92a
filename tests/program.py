"""The command line as a user's shell runs it: a process of its own."""

import os
import subprocess
import sys
from collections.abc import Sequence

TINYBENCH = [sys.executable, "-m", "tinybench.runner"]
LISTENING = ["env", "--default-signal=INT", *TINYBENCH]
"""A shell that starts a test run in the background makes its children ignore Ctrl-C."""
TIMEOUT_S = 300


def tinybench(
    *words: str, program: Sequence[str] = TINYBENCH, **changed: str
) -> subprocess.CompletedProcess[str]:
    """Run the command line to its end, with some changed variables of the environment."""
    return subprocess.run(
        [*program, *words],
        env=os.environ | changed,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
