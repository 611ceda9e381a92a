"""Sessions with boards whose time is wrong, or right: real processes, the whole of a run's code."""

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from tests.faults.verdict import Case, Hung, Verdict, alarm
from tests.firmware.dut_process import FIRMWARE
from tinybench.errors import TinybenchError
from tinybench.runner.results.request import Request
from tinybench.runner.rules.judge import Outcome
from tinybench.runner.session.run import run
from tinybench.track import silent

ENGINE = Path(__file__).with_name("timed.c")
JITTER = "a tenth of jitter"
KINDS: dict[str, dict[str, float]] = {
    "clock ten times fast": {"RATIO": 10},
    "clock twice fast": {"RATIO": 1.9987},
    "clock 3 % fast": {"RATIO": 1.03},
    "clock 3 % slow": {"RATIO": 0.97},
    "clock half slow": {"RATIO": 0.5},
    "clock drifts ahead": {"DRIFT": 0.02},
    "clock drifts back": {"DRIFT": -0.02},
    "cache": {"CACHED": 0.01},
    "cheap repeat": {"REPEATED": 0.5},
    "repeat for nothing": {"REPEATED": 0.002},
}
"""What is wrong with a board's time: the environment of `timed.c`."""
RULES = {"clock", "single-latency"}
"""One of them must say so."""
TIME = "time"
"""What these cases have in the place of a link."""
MODES = ("performance", "all")
"""... and in the place of a phase."""
WINDOW_S = 0.4
DRIFT_WINDOW_S = 0.8
"""Of a clock that drifts, which a busy computer hides in a short run."""
HUNG_S = 120.0
"""A session takes three seconds; under load the computer may take a few times as long."""
AT_ONCE = 2
"""Sessions a processor: a board that sleeps needs none."""

BOARD = """\
name = "timed"
description = "A board that takes its time"
family = "host"
core = "Cortex-M4F"

[emulator]
argv = [{argv}]
"""
PROFILE = """\
name = "moment"
title = "A moment"
source = "these tests"
windows = 5
window_min_s = {window_s}
accuracy_inputs = 12
"""
LOAD = "import os\nparent = os.getppid()\nwhile os.getppid() == parent:\n    pass"


def build_board(folder: Path) -> Path:
    """Build the board; return its program."""
    core = FIRMWARE / "core"
    elf = folder / "timed"
    sources = [*sorted(core.glob("*.c")), FIRMWARE / "ports" / "host.c", ENGINE]
    wrapped = "-Wl,--wrap=port_micros,--wrap=port_getc"
    command = ["gcc", "-std=c11", "-O1", f"-I{core}", wrapped, *map(str, sources), "-o", str(elf)]
    subprocess.run(command, check=True, timeout=120)
    return elf


def cases(kinds: Iterable[str], seeds: range) -> Iterator[Case]:
    """Yield every kind in each mode, with each seed."""
    for kind in kinds:
        for mode in MODES:
            for seed in seeds:
                yield Case(TIME, kind, mode, seed)


def judged(wanted: Iterable[Case]) -> Iterator[Verdict]:
    """Do the sessions, several at once; yield what became of each, in order."""
    with tempfile.TemporaryDirectory() as folder:
        elf = build_board(Path(folder))
        with ProcessPoolExecutor(AT_ONCE * (os.cpu_count() or 1)) as pool:
            yield from pool.map(partial(judge, elf), wanted)


def judge(elf: Path, case: Case) -> Verdict:
    """Do one session: of a sound board it is "same" when it is valid, else "refused" when found."""
    sound = case.kind == JITTER
    try:
        with tempfile.TemporaryDirectory() as folder, alarm(HUNG_S):
            outcome = held(elf, case, Path(folder))
    except TinybenchError as error:
        return Verdict(case, "wrong" if sound else "refused", 1, f"{type(error).__name__}: {error}")
    except Hung:
        return Verdict(case, "hung", 1, "")
    broken = [one for one in outcome.violations if sound or one.rule in RULES]
    word = "refused" if broken and not sound else "wrong" if broken or not sound else "same"
    return Verdict(case, word, 1, "; ".join(f"{one.rule}: {one.found}" for one in broken))


def held(elf: Path, case: Case, folder: Path) -> Outcome:
    """Do a run of a board in an empty folder, as a user would; return it, judged."""
    wrong = {**KINDS.get(case.kind, {}), "SEED": case.seed + 1}
    words = ["env", *(f"{name}={value}" for name, value in wrong.items()), str(elf)]
    board, profile = folder / "timed.toml", folder / "moment.toml"
    board.write_text(BOARD.format(argv=", ".join(f'"{word}"' for word in words)))
    window_s = DRIFT_WINDOW_S if "DRIFT" in wrong else WINDOW_S
    profile.write_text(PROFILE.format(window_s=window_s))
    request = Request(
        board=str(board), task="kws", mode=case.phase, profile=str(profile), out=folder / "run"
    )
    return run(request, silent, lambda _: None)


@contextlib.contextmanager
def load(count: int) -> Iterator[None]:
    """Keep so many processors of this computer busy."""
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            child = subprocess.Popen([sys.executable, "-c", LOAD])
            stack.callback(child.wait)
            stack.callback(child.kill)
        yield
