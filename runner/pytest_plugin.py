"""A pytest plugin: fixtures with the figures of a run, for the tests of a firmware team.

    pytest --tinybench-board mps2-an386

    def test_a_keyword_is_spotted_in_time(tinybench_run, tinybench_baseline):
        assert tinybench_run.valid
        assert tinybench_run.estimated_latency_high_s < 0.25
        assert tinybench_baseline.passes("instructions>1%")

pytest loads this file by the entry point of the distribution, in every project beside which
tinybench is installed: so it imports nothing of tinybench before a fixture is asked for.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

if TYPE_CHECKING:
    import tinybench

    from .build.board import Board
    from .compare.change import Comparison

KEYS = ("board", "emulate", "task", "mode", "profile", "division", "model", "limit")
"""What the marker may change for a test."""
OF_SCENARIO = (
    *("scenario", "min_queries", "min_duration", "seed", "target_qps", "deadline", "streams"),
    *("audits", "interference"),
)
"""What the marker alone may say: queries of MLPerf Inference in place of a mode."""
FOR_ALL = ("port", "wait")
"""What is said for every test."""
MARKER = (
    f"tinybench(...): a run with another {', '.join(KEYS)} than the options say; or with "
    f"{', '.join(OF_SCENARIO)}"
)
LOCK_TIMEOUT_S = 24 * 3600.0
"""For a run of another worker; its lock is free when that worker has ended."""
NO_BOARD = (
    "no board: give one with --tinybench-board, such as mps2-an386, in the marker, or as "
    "tinybench_board in the ini file"
)
OPTIONS = {
    "board": (None, "board of the fixtures, such as mps2-an386; tests that use them are skipped "
              "without it, a port, or a board in their marker"),
    "port": (None, "serial port of a real board"),
    "task": ("kws", "task (default: kws)"),
    "mode": ("all", "accuracy, performance, energy or all (default)"),
    "profile": ("quick", "how much is measured and what judges it (default: quick)"),
    "division": ("closed", "closed (default) or open"),
    "model": (None, "an int8 .tflite of your own"),
    "limit": (None, "only so many accuracy inputs"),
    "wait": (0.0, "seconds to wait for a board that another run has (default: 0)"),
    "out": (None, "folder in which run folders are made (default: a temporary one)"),
    "baseline": ("tinybench-baseline.json", "file of the fixture tinybench_baseline (default: "
                 "tinybench-baseline.json)"),
}  # fmt: skip
"""Each also an ini option, with underscores; there a path is from the folder of the ini file."""
FLAGS = {
    "emulate": "emulate a board that is a real one",
    "update": "write what is measured into the baseline, and pass its tests",
}
KINDS: dict[str, Callable[[str], Any]] = {"limit": int, "wait": float}
PATHS = ("model", "out", "baseline", "board", "profile")
"""Options that are paths, or may be: a board or profile that ends in .toml."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("tinybench", "benchmarks of a board by tinybench")
    for name, (_, words) in OPTIONS.items():
        kind = KINDS.get(name, str)
        group.addoption(f"--tinybench-{name}", metavar=name.upper(), help=words, type=kind)
        parser.addini(f"tinybench_{name}", words)
    for name, words in FLAGS.items():
        group.addoption(f"--tinybench-{name}", action="store_true", help=words)
    parser.addini("tinybench_emulate", FLAGS["emulate"], type="bool", default=False)


def pytest_configure(config: pytest.Config) -> None:
    """Name the marker, for --strict-markers; refuse an ini file with a number that is none."""
    config.addinivalue_line("markers", MARKER)
    for name in KINDS:
        _option(config, name)


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say what is measured, where anything is."""
    where = _option(config, "board") or _option(config, "port")
    if where is None:
        return None
    return f"tinybench: {_option(config, 'task')} on {where}, profile {_option(config, 'profile')}"


@pytest.fixture
def tinybench_board(request: pytest.FixtureRequest) -> "Board":
    """The declaration of the board that the marker or the options name."""
    from tinybench.errors import TinybenchError

    from .build.board import load_board
    from .results.defaults import PORT_BOARD

    try:
        asked = _asked(request)
        return load_board(asked["board"] or PORT_BOARD, emulate=asked["emulate"])
    except TinybenchError as error:
        pytest.fail(f"tinybench: {error}", pytrace=False)


@pytest.fixture
def tinybench_run(
    request: pytest.FixtureRequest,
    _tinybench_runs: Callable[[dict[str, Any]], "tinybench.Outcome"],
) -> "tinybench.Summary":
    """The figures of a run: a `Summary`, with the fields of `tinybench.load_runs`; SI units.

    One run of the same kind is shared by all tests that ask for it, also those of other workers
    of pytest-xdist. A bench that fails is an error of the test, with the bench's own words.
    """
    import tinybench
    from tinybench.errors import TinybenchError

    try:
        outcome = _tinybench_runs(_asked(request))
    except TinybenchError as error:
        pytest.fail(f"tinybench: {error}", pytrace=False)
    request.node.user_properties.append(("tinybench_run", str(outcome.folder)))
    words = [f"{outcome.verdict.words}; run folder: {outcome.folder}"]
    words += [f"{v.rule}: wanted {v.wanted}, found {v.found}" for v in outcome.violations]
    request.node.add_report_section("setup", "tinybench", "\n".join(words))
    return tinybench.summary(outcome)


@dataclass(frozen=True, repr=False)
class Gates:
    """Gates on a run; true when none failed, and with `strict` when all are passed."""

    comparison: "Comparison"
    strict: bool = False

    def __bool__(self) -> bool:
        return not (self.comparison.failures or (self.strict and self.comparison.doubts))

    def __repr__(self) -> str:
        """Return the verdict in a line: an assertion that fails shows this."""
        from .report.terminal.comparison import verdict

        found = [*self.comparison.failures, *self.comparison.doubts]
        said = [f"{one.gate}: {one.found}" for one in found]
        return f"<{'; '.join([verdict(self.comparison), *said])}>"


@dataclass(frozen=True, repr=False)
class Baseline:
    """The run of a test beside the baseline; written there first, with --tinybench-update."""

    run: Path
    file: Path

    def passes(self, *gates: str, strict: bool = False) -> Gates:
        """Return whether the run passes gates such as "instructions>1%", or the usual ones.

        A gate is undecided on windows that are too noisy to judge by: a warning says so, and with
        `strict` it does not pass.
        The test fails where that cannot be said: a wrong gate, a baseline without this run, runs
        that cannot be compared.
        """
        from tinybench.errors import TinybenchError

        from .compare.change import measured
        from .gate.gate import held

        try:
            before = measured(self.file) if self.file.exists() else {}
            found = held(measured(self.run), before, gates, self.file, self.run)
        except TinybenchError as error:
            pytest.fail(f"tinybench: {error}", pytrace=False)
        if found is None:
            pytest.fail(
                f"tinybench: {self.file} has no run of this task on this board; write it with: "
                "pytest --tinybench-update",
                pytrace=False,
            )
        for doubt in found.doubts:
            warnings.warn(f"tinybench: {doubt.gate} is undecided: {doubt.found}", stacklevel=2)
        return Gates(found, strict)

    def __repr__(self) -> str:
        return f"<baseline {self.file.name}>"


@pytest.fixture
def tinybench_baseline(
    request: pytest.FixtureRequest,
    _tinybench_runs: Callable[[dict[str, Any]], "tinybench.Outcome"],
    tinybench_run: "tinybench.Summary",
) -> Baseline:
    """The run of this test beside the committed baseline.

        def test_nothing_got_worse(tinybench_baseline):
            assert tinybench_baseline.passes("instructions>1%", "flash>1KiB")

    With --tinybench-update what was measured is written into it, and its other runs stay.
    """
    from filelock import FileLock

    from tinybench.errors import TinybenchError

    from .compare.baseline import merge_baseline

    file, folder = Path(_option(request.config, "baseline")), Path(tinybench_run.run)
    if request.config.getoption("--tinybench-update"):
        try:
            with FileLock(folder.parent / "baseline.lock", timeout=LOCK_TIMEOUT_S):
                merge_baseline(folder, file, file)
        except TinybenchError as error:
            pytest.fail(f"tinybench: {error}", pytrace=False)
    return Baseline(folder, file)


class _Done(NamedTuple):
    """How a run ended: its folder, or what the bench said."""

    folder: str
    error: str


@pytest.fixture(scope="session")
def _tinybench_runs(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> "Callable[[dict[str, Any]], tinybench.Outcome]":
    """Return what does a run unless it has been done, in this session, by any worker."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if hasattr(request.config, "workerinput") else base
    out = _option(request.config, "out")
    outcomes: dict[str, tinybench.Outcome] = {}

    def once(asked: dict[str, Any]) -> "tinybench.Outcome":
        import tinybench
        from tinybench.errors import BenchError

        key = _key(asked)
        if key not in outcomes:
            done = _shared(asked, shared / "tinybench", key, None if out is None else Path(out))
            if done.error:
                raise BenchError(done.error)
            outcomes[key] = tinybench.check(done.folder, thorough=False)
        return outcomes[key]

    return once


def _shared(asked: dict[str, Any], notes: Path, key: str, out: Path | None) -> _Done:
    """Do a run, or read the note of the worker that has done it.

    A board does one run at a time, whichever worker asks; so does everything that is no emulator,
    for another run would disturb its clock.
    """
    from datetime import UTC, datetime

    import msgspec
    from filelock import FileLock

    import tinybench
    from tinybench.errors import TinybenchError

    notes.mkdir(parents=True, exist_ok=True)
    written = notes / f"{key}.json"
    with FileLock(notes / f"{_bench(asked)}.lock", timeout=LOCK_TIMEOUT_S):
        if written.is_file():
            return msgspec.json.decode(written.read_bytes(), type=_Done)
        folder = (out or notes) / f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}Z-{key}"
        try:
            outcome = tinybench.run(**asked, out=folder, progress=False)
            done = _Done(str(outcome.folder), "")
        except TinybenchError as error:
            done = _Done("", str(error))
        written.write_bytes(msgspec.json.encode(done))
        return done


def _bench(asked: dict[str, Any]) -> str:
    """Return a file name for what two runs may not use at once."""
    import hashlib

    board = _declared(asked)
    if board is None or not board.emulated:
        return "bench"
    return f"board-{hashlib.sha256(board.name.encode()).hexdigest()[:16]}"


def _declared(asked: dict[str, Any]) -> "Board | None":
    """Return the board of a run; None for one of the bench file, or none, as the run will say."""
    from tinybench.errors import TinybenchError

    from .build.board import load_board

    try:
        return load_board(asked["board"] or "", emulate=bool(asked["emulate"]))
    except TinybenchError:
        return None


def _option(config: pytest.Config, name: str) -> Any:
    """Return what the command line says, else the ini file, else the default."""
    given = config.getoption(f"--tinybench-{name}")
    if given not in (None, False):
        return given
    filed = config.getini(f"tinybench_{name}")
    if name == "emulate" or filed in (None, ""):
        return filed if name == "emulate" else OPTIONS[name][0]
    try:
        value = KINDS.get(name, str)(filed)
    except ValueError:
        raise pytest.UsageError(f"tinybench_{name} = {filed}: no number") from None
    if name in PATHS and (name not in ("board", "profile") or filed.endswith(".toml")):
        return str((config.inipath.parent if config.inipath else config.rootpath) / filed)
    return value


def _asked(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Return the words of the run that marker, options and ini file ask for.

    Skips the test where no board is asked for. Raises UsageError for a marker that says nonsense.
    """
    from tinybench.errors import UsageError

    asked = {name: _option(request.config, name) for name in (*KEYS, *FOR_ALL)}
    for marker in request.node.iter_markers("tinybench"):
        wrong = [
            *marker.args,
            *(name for name in marker.kwargs if name not in (*KEYS, *OF_SCENARIO)),
        ]
        if wrong:
            known = ", ".join((*KEYS, *OF_SCENARIO))
            raise UsageError(f"the marker tinybench takes {known}, not '{wrong[0]}'")
        if "scenario" in marker.kwargs:
            asked["mode"] = None  # that of the options: a scenario is one of its own
        asked |= marker.kwargs
        if "board" in marker.kwargs and "emulate" not in marker.kwargs:
            asked["emulate"] = False  # that of the options is of their board
        board = _declared(asked) if "board" in marker.kwargs else None
        if board is not None and board.emulator is not None:
            asked["port"] = None
        break  # the one nearest to the test
    if asked["board"] is None and asked["port"] is None:
        pytest.skip(NO_BOARD)
    return asked


def _key(asked: dict[str, Any]) -> str:
    """Return a file name for a kind of run."""
    import hashlib

    import msgspec

    from .results.words import request_of

    meant = request_of(**asked).absolute()
    digest = hashlib.sha256(msgspec.json.encode(meant, enc_hook=str)).hexdigest()[:8]
    words = "".join(c if c.isalnum() or c == "-" else "_" for c in f"{meant.board}-{meant.task}")
    return f"{words[-60:]}-{digest}"
