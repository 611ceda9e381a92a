"""The command line as a user's shell runs it: a process of its own."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from multiprocessing import get_context
from pathlib import Path
from typing import Any

TINYBENCH = [sys.executable, "-m", "tinybench.runner"]
LISTENING = ["env", "--default-signal=INT", *TINYBENCH]
"""A shell that starts a test run in the background makes its children ignore Ctrl-C."""
TIMEOUT_S = 300
_LOADED = [
    "tinybench.runner.cli.run",
    "tinybench.runner.session.run",
    "tinybench.runner.report.page",
    "tinybench.runner.compare",
    "tinybench.runner.audit.audit",
    "tinybench.models.compiler",
    # Which runs, and reports on them, import when they need them.
    "tinybench.energy.importers",
    "tinybench.runner.compare.published.standing",
    "tinybench.runner.compare.store",
    "tinybench.runner.report.formats",
    "tinybench.runner.report.markdown",
    "tinybench.runner.report.page.run",
    "tinybench.runner.report.terminal.comparison",
    "tinybench.runner.report.terminal.progress",
    "tinybench.runner.report.terminal.text",
    "matplotlib.backends.backend_agg",
    "rich.console",
]
_FORKS = get_context("forkserver")
"""Processes that begin as copies of one that has imported these modules: most of the processor
that a short command takes is their import."""
_FORKS.set_forkserver_preload(_LOADED)
_AT_START = ("PYTHON", "LC_", "LANG")
"""Variables that Python reads when it starts, which a copy has done."""


def tinybench(
    *words: str, program: Sequence[str] = TINYBENCH, **changed: str
) -> subprocess.CompletedProcess[str]:
    """Run the command line to its end, with some changed variables of the environment."""
    env = os.environ | changed
    if program == TINYBENCH and not any(name.startswith(_AT_START) for name in changed):
        return copied(words, env, Path.cwd())
    return subprocess.run(
        [*program, *words],
        env=env,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


def untimed(*words: str, **changed: str) -> subprocess.CompletedProcess[str]:
    """Run it on a computer that times no windows of the energy mode.

    For an emulated DUT hurries beside the instruments that watch it, and a rule finds that.
    """
    return copied(words, os.environ | changed, Path.cwd(), timed=False)


def copied(
    words: Sequence[str],
    env: Mapping[str, str],
    folder: Path,
    *,
    together: bool = False,
    timed: bool = True,
) -> subprocess.CompletedProcess[str]:
    """Run the command line in a folder, as a copy of a process that has loaded it.

    `together`: what goes to standard error stands in its place in the standard output.
    `timed`: not as `untimed` has it.
    """
    argv = [*TINYBENCH, *words]
    with tempfile.TemporaryDirectory() as scratch:
        printed = [str(Path(scratch) / name) for name in ("out", "out" if together else "err")]
        said = (list(words), dict(env), str(folder), printed)
        process = _FORKS.Process(target=_copy, args=said, kwargs={"timed": timed})
        process.start()
        process.join(TIMEOUT_S)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(argv, TIMEOUT_S)
        out, err = (Path(path).read_text(encoding="utf-8") for path in printed)
        status = process.exitcode
        process.close()
    return subprocess.CompletedProcess(argv, status, out, err)


def _copy(
    words: list[str], env: dict[str, str], folder: str, printed: list[str], *, timed: bool
) -> None:
    for number, path in enumerate(printed, start=1):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(folder)
    sys.argv = ["tinybench", *words]
    from tinybench.runner.cli import main

    if not timed:
        _time_no_window()
    sys.exit(main())


def _time_no_window() -> None:
    from tinybench.runner.measure import energy_mode

    made: Any = energy_mode.Infer
    energy_mode.Infer = lambda **said: made(**said | {"host_s": None, "host_stop_s": None})
