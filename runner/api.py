"""The Python door: what `import tinybench` offers, in the words of the command line."""

import logging
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, TypeAlias, Unpack, overload

from tinybench.errors import UsageError
from tinybench.track import Track, silent

from .build.fit import Examined
from .compare.frames import Run, answers, layers, load_runs, trace, windows
from .compare.store import Summary
from .compare.store import summary as _summary
from .report.terminal.progress import track_for, track_if_watched
from .results.result import Result
from .results.words import SuiteWords, Words, request_of
from .rules import Verdict, Violation
from .rules.judge import Outcome, judge

__all__ = [
    "Examined",
    "Outcome",
    "Result",
    "Run",
    "Summary",
    "Verdict",
    "Violation",
    "answers",
    "check",
    "layers",
    "load_runs",
    "model",
    "resume",
    "run",
    "run_all",
    "summary",
    "trace",
    "windows",
]

Say: TypeAlias = Callable[[str], object]
"""Takes a sentence for the user."""


def run(
    *, progress: bool | Track | None = None, say: Say | None = None, **words: Unpack[Words]
) -> Outcome:
    """Run a task on a board: build, measure, store, judge; return the result and its verdict.

        outcome = tinybench.run(board="mps2-an386", task="kws", limit=50)
        outcome.verdict.valid, outcome.result, outcome.folder

    The words are the long options of the command line, with its defaults; None is the same as
    nothing, and a path may be a str or a Path:

    | word | type | what |
    | --- | --- | --- |
    | `task` | str | such as kws; auto: that of the model which the board on the port holds |
    | `board` | str | name, or a .toml file; mps2-an386 (emulated), and with a port: serial |
    | `mode` | str | accuracy, performance, energy or all (default) |
    | `division` | str | closed (default) or open |
    | `profile` | str | mlperf-tiny (default), rapid, quick, normal, submission, or a .toml file |
    | `emulate` | bool | run a real board's firmware in an emulator |
    | `clock` | int, str | of a board of the package: Hz, or a text such as "80MHz" |
    | `limit` | int | only so many accuracy inputs; breaks the run rules |
    | `iterations` | int | inferences of a window, to begin with; calibrated unless given |
    | `scenario` | str | single-stream, multi-stream, server or offline, instead of a mode |
    | `min_queries` | int | of a scenario, at least |
    | `min_duration` | float or str | ... and so long, by the DUT: seconds, or such as "10m" |
    | `seed` | int | of the order of its inputs and of arrivals, 0 by default |
    | `target_qps` | float | arrivals a second at a server; by default the most it can take |
    | `deadline` | float | seconds in which a server answers 99 % of its queries |
    | `streams` | int | inputs of a query, of multi-stream; 8 by default |
    | `audits` | bool | audit the DUT as well: does it compute every answer? |
    | `engine_loadgen` | bool | the genuine LoadGen asks the queries (extra `loadgen`) |
    | `interference` | str | such as "interrupt:50ms:100000": in the firmware of an emulated board |
    | `data` | path | an EEMBC dataset folder |
    | `cores` | 1 or 2 | that compute, on a board with two; as its file says |
    | `model` | path | an int8 .tflite of your own |
    | `engine` | path or str | folder of an engine of your own, or tflm, tflm-cmsis-nn, cmsis-nn |
    | `engine_source` | path | source tree of the latter; that of the variable TINYBENCH_TFLM |
    | `out` | path | run folder, a new one; runs/... in the working folder |
    | `port` | str or several | serial port or URL of the board, or those of several equal boards |
    | `flasher` | str | such as st-flash; the first that the board declares |
    | `flash` | bool | False: leave the firmware of the board as it is (`--no-flash`) |
    | `baud` | int or "auto" | rate of the port; 115200, in energy mode 9600 |
    | `verify` | bool | False: do not read uploads back over the stock protocol (`--no-verify`) |
    | `prune` | bool | False: compute channels that change no output, too (`--no-prune`) |
    | `strips` | bool | False: compute every operator whole, in a larger arena (`--no-strips`) |
    | `whole` | bool | of a stream: infer on the whole history at each frame (`--whole`) |
    | `compatible` | bool | of a stream: features beyond int8 go around (`--compatible`) |
    | `shards` | int | share the accuracy set among so many emulators |
    | `monitor` | str | energy monitor, its .toml file, or modelled |
    | `interface_board` | bool | in energy mode the port is that of an interface board |
    | `probe` | str | serial number of the board's debug probe |
    | `hub` | str | hub port that switches the board's power, such as 1-1.4:2 |
    | `ambient` | float | temperature of the room in degrees Celsius, to be recorded |
    | `supply` | float | supply of the board in V, likewise |
    | `wait` | float or str | for a board that another run has: seconds, or such as "10m" |

    `progress`: True and False show bars or nothing; by default there are bars in a terminal and in
    a notebook, and nothing elsewhere; a function such as tqdm, called with (items, label, total),
    shows its own. `say` takes the sentences that the command line prints, such as `print`; by
    default they are logged as information of the logger "tinybench".

    An outcome that is not valid is returned as any other: `outcome.violations` are the rules it
    breaks. Raises UsageError for a word that is none or cannot be, and what else is wrong on
    paper; BenchError when the bench fails: both are `tinybench.errors.TinybenchError`. After an
    error, or KeyboardInterrupt, which passes through, `tinybench.resume` goes on with the run.
    """
    from .session.run import run as one_run

    request = request_of(**words)
    if request.task == "all":
        raise UsageError("task: 'all' is several runs: use tinybench.run_all()")
    return one_run(request, shown(progress), heard(say))


def run_all(
    *, progress: bool | Track | None = None, say: Say | None = None, **words: Unpack[SuiteWords]
) -> Iterator[Outcome]:
    """Run every task, each with a folder of its own below `out`; yield each outcome as it comes.

    The words are those of `run` without `task`, and without `engine`, which is one for a task.
    What is not asked for is not run: the next task begins when the next outcome is. Raises as
    `run`; a wrong word at once.
    """
    from .session.run import run_all as all_runs

    if "task" in words:
        raise UsageError("run_all takes no 'task': it runs them all; tinybench.run() runs one")
    request = request_of(task="all", **words)
    return all_runs(request, shown(progress), heard(say))


@overload
def model(
    file: os.PathLike[str] | str,
    *,
    board: None = None,
    check: bool = False,
    progress: bool | Track | None = None,
    say: Say | None = None,
    **words: Any,
) -> Examined: ...


@overload
def model(
    file: os.PathLike[str] | str,
    *,
    board: os.PathLike[str] | str,
    check: Literal[True],
    progress: bool | Track | None = None,
    say: Say | None = None,
    **words: Any,
) -> Examined: ...


@overload
def model(
    file: os.PathLike[str] | str,
    *,
    board: os.PathLike[str] | str,
    check: Literal[False] = False,
    progress: bool | Track | None = None,
    say: Say | None = None,
    **words: Any,
) -> Outcome: ...


def model(
    file: os.PathLike[str] | str,
    *,
    board: os.PathLike[str] | str | None = None,
    check: bool = False,
    progress: bool | Track | None = None,
    say: Say | None = None,
    **words: Any,
) -> Examined | Outcome:
    """Say what a model of your own is and where it fits; with a board, measure it there.

        tinybench.model("my.tflite").anatomy.macs
        [one.board for one in tinybench.model("my.tflite").boards if one.verdict == "fits"]
        outcome = tinybench.model("my.tflite", board="mps2-an386", inputs="x.npy", labels="y.csv")
        outcome.result.accuracy.top1, outcome.result.reference.equal

    Without a board, and with `check=True`, nothing is built: `anatomy` is what the model holds,
    `boards` how it fits on each, or on that one. Else the outcome is that of a run. The words are
    the long options of `tinybench model`; of a run it takes `board`, `emulate`, `out`, `port`,
    `flash`, `baud`, `monitor`, `probe`, `wait`, `iterations`, `prune`, `strips`, `engine` and
    `engine_source`, as `run` does, and besides:

    | word | type | what |
    | --- | --- | --- |
    | `check` | bool | with a board: only whether it fits there |
    | `inputs` | path | .npy, .csv, .bin, .png or .wav, or a folder; random ones by default |
    | `prepare` | str | what .png and .wav become: unit, signed, ... or a .toml file |
    | `count` | int | random inputs, 20 by default |
    | `seed` | int | of these, 1 by default |
    | `labels` | path | .csv with the class of each input |
    | `classes` | str or several | names of the classes, in the order of the outputs |
    | `expect` | path | outputs that it should give, a file or a folder |
    | `metric` | str | top1 or auc, of labels; exact (default), regression or iou, of outputs |
    | `tolerance` | float | most that an expected output may differ |
    | `state` | str | of a model that keeps one: reset (default), or keep: inputs are a stream |

    `progress`, `say` and what is raised are as in `run`; ModelError for a file that is no model.
    """
    from .build.fit import examine
    from .session.own_model import measure

    path = Path(file)
    if board is None or check:
        prune, strips = (words.pop(word, None) is not False for word in ("prune", "strips"))
        idle = next((word for word, value in words.items() if value is not None), None)
        if idle is not None or (check and board is None):
            raise UsageError(f"{idle or 'check'} needs a board, and to be measured there")
        return examine(
            path, None if board is None else os.fspath(board), prune=prune, strips=strips
        )
    return measure(path, {**words, "board": board}, shown(progress), heard(say))


def resume(
    run: os.PathLike[str] | str, *, progress: bool | Track | None = None, say: Say | None = None
) -> Outcome:
    """Go on with a run that was interrupted, by its folder; what is done is not done again.

    `progress` and `say` as in `run`. Raises RunFolderError when there is nothing to go on with, or
    when firmware, model, dataset or rules have changed since; else as `run`.
    """
    from .session.run import resume as go_on

    return go_on(Path(run), shown(progress), heard(say))


def check(
    run: os.PathLike[str] | str, profile: str | None = None, *, thorough: bool = True
) -> Outcome:
    """Judge a stored run again, by its folder, and by another profile if one is given.

    `thorough`: also hold the result against journal, transcript and trace, which reads the whole
    folder. Raises RunFolderError when there is no run that can be read, UsageError for an unknown
    profile.
    """
    return judge(Path(run), profile, thorough=thorough)


def summary(outcome: Outcome) -> Summary:
    """Return the figures of a run as one row, with the fields of `load_runs`; None is not measured.

    SI units, shares of 1. `broken_rules` are the names of the rules it breaks.
    """
    return _summary(outcome.result, outcome.verdict, outcome.folder)


def shown(progress: bool | Track | None) -> Track:
    """Return what shows progress, as `run` says it."""
    if progress is None:
        return track_if_watched(sys.stderr)
    if isinstance(progress, bool):
        return track_for(sys.stderr) if progress else silent
    return progress


def heard(say: Say | None) -> Callable[[str], None]:
    """Return what takes a sentence, as `run` says it."""
    if say is None:
        return logging.getLogger("tinybench").info
    told = say

    def tell(text: str) -> None:
        told(text)

    return tell
