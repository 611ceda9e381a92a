"""The command line as a user's shell runs it: a process of its own."""

import os
import subprocess
import sys
from collections.abc import Sequence

TINYBENCH = [sys.executable, "-m", "tinybench.runner"]
LISTENING = ["env", "--default-signal=INT", *TINYBENCH]
"""A shell that starts a test run in the background makes its children ignore Ctrl-C."""
TIMEOUT_S = 300
_UNTIMED = """
import sys
from tinybench.runner.cli import main
from tinybench.runner.measure import energy_mode
made = energy_mode.Infer
energy_mode.Infer = lambda **said: made(**said | {"host_s": None, "host_stop_s": None})
sys.exit(main())
"""
UNTIMED = [sys.executable, "-c", _UNTIMED]
"""The command line on a computer that times no windows of the energy mode: an emulated DUT hurries
beside the instruments that watch it, and a rule finds that."""


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
