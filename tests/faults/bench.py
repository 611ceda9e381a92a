"""The fault bench: thousands of sessions with faults, a table of what became of them.

`python -m tests.faults.bench [SEEDS]` runs every kind at every phase on both links with so many
seeds, writes the figures to build/soak.json, and ends with 1 if any result was wrong or any session
hung; the boards of clocks/, whose time is wrong, with some of them. `python -m tests.faults.bench
LINK KIND PHASE SEED` repeats one of them.
"""

import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from tests.faults.clocks import boards
from tests.faults.port import PHASES
from tests.faults.verdict import ANY, LINKS, Case, Verdict, build_devices, cases, clean, judge
from tests.soak import record

SEEDS = 12
CLOCK_SEEDS = 4
"""Of wrong clocks, whose sessions take seconds."""
WORDS = ("same", "refused", "wrong", "hung")


def main(words: list[str]) -> int:
    """Run, print, record."""
    with tempfile.TemporaryDirectory() as folder:
        devices = build_devices(Path(folder))
        if len(words) == 4:
            case = Case(words[0], words[1], words[2], int(words[3]))
            if case.link == boards.TIME:
                print(boards.judge(boards.build_board(Path(folder)), case))
                return 0
            print(judge(devices, case, *clean(devices, case.link)))
            return 0
        seeds = range(int(words[0]) if words else SEEDS)
        verdicts = list(judged(devices, cases(seeds)))
    for link in LINKS:
        print(f"\n{link}: sessions with the clean result + sessions refused\n")
        print(table([verdict for verdict in verdicts if verdict.case.link == link]))
    timed = list(boards.judged(boards.cases(boards.KINDS, seeds[:CLOCK_SEEDS])))
    print("\ntime, in each mode: sessions judged sound + sessions found\n")
    print(table(timed, boards.MODES))
    verdicts += timed
    bad = [verdict for verdict in verdicts if verdict.word in ("wrong", "hung")]
    for verdict in bad:
        print(f"\n{verdict.word.upper()}: {verdict.case}: {verdict.said[:300]}")
    found = Counter(verdict.word for verdict in verdicts)
    figures = {
        "runs": (len(verdicts), 2000, "higher"),
        "struck": (sum(verdict.struck > 0 for verdict in verdicts), 1800, "higher"),
        "recovered": (found["same"], 0, "higher"),
        "refused": (found["refused"], len(verdicts), "lower"),
        "wrong": (found["wrong"], 0, "lower"),
        "hung": (found["hung"], 0, "lower"),
    }
    print()
    for name, (value, must, better) in figures.items():
        record(f"faults.{name}", value, must, better=better)
        print(f"faults.{name:<10} {value:>6}")
    return 1 if bad else 0


def judged(devices: Path, wanted: Iterable[Case]) -> Iterator[Verdict]:
    """Judge each case, on every core; yield the verdicts in order."""
    cleans = {link: clean(devices, link) for link in LINKS}
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        yield from pool.map(partial(_judge_one, devices, cleans), wanted, chunksize=4)


def _judge_one(devices: Path, cleans: dict, case: Case) -> Verdict:
    return judge(devices, case, *cleans[case.link])


def table(verdicts: list[Verdict], columns: Sequence[str] = (*PHASES, ANY)) -> str:
    """Return a line for each kind: same + refused at each phase, and whatever is worse."""
    found: Counter[tuple[str, str, str]] = Counter()
    for verdict in verdicts:
        found[verdict.case.kind, verdict.case.phase, verdict.word] += 1
    lines = [f"{'kind':<28}" + "".join(f"{phase:>12}" for phase in columns)]
    for kind in dict.fromkeys(verdict.case.kind for verdict in verdicts):
        cells = []
        for phase in columns:
            same, refused, wrong, hung = (found[kind, phase, word] for word in WORDS)
            worse = (f" WRONG {wrong}" if wrong else "") + (f" HUNG {hung}" if hung else "")
            cells.append(f"{same} + {refused}{worse}" if same + refused + wrong + hung else "")
        lines.append(f"{kind:<28}" + "".join(f"{cell:>12}" for cell in cells))
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
