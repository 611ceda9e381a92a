"""A pytest plugin: fixtures with the figures of a run, for the tests of a firmware team.

    pytest --tinybench-board mps2-an386

    def test_a_keyword_is_spotted_in_time(tinybench_run):
        assert tinybench_run.valid
        assert tinybench_run.estimated_latency_high_s < 0.25

pytest loads this file by the entry point of the distribution, in every project beside which
tinybench is installed: so it imports nothing of tinybench before a fixture is asked for.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

if TYPE_CHECKING:
    import tinybench

    from .build.board import Board

KEYS = ("task", "mode", "profile", "division", "model", "limit")
"""What the marker may change for a test."""
OF_SCENARIO = (
    *("scenario", "min_queries", "min_duration", "seed", "target_qps", "deadline", "streams"),
    *("audits", "interference"),
)
"""What the marker alone may say: queries of MLPerf Inference in place of a mode."""
FOR_ALL = ("board", "port", "emulate", "wait")
"""What the options say for every test."""
MARKER = (
    f"tinybench(...): a run with another {', '.join(KEYS)} than the options say; or with "
    f"{', '.join(OF_SCENARIO)}"
)
LOCK_TIMEOUT_S = 24 * 3600.0
"""For a run of another worker; its lock is free when that worker has ended."""
OPTIONS = {
    "board": (None, "board of the fixture tinybench_run, such as mps2-an386; without it or a "
              "port, tests that use the fixture are skipped"),
    "port": (None, "serial port of a real board"),
    "task": ("kws", "task (default: kws)"),
    "mode": ("all", "accuracy, performance, energy or all (default)"),
    "profile": ("quick", "how much is measured and what judges it (default: quick)"),
    "division": ("closed", "closed (default) or open"),
    "model": (None, "an int8 .tflite of your own"),
    "limit": (None, "only so many accuracy inputs"),
    "wait": (0.0, "seconds to wait for a board that another run has (default: 0)"),
    "out": (None, "folder in which run folders are made (default: a temporary one)"),
}  # fmt: skip


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("tinybench", "benchmarks of a board by tinybench")
    for name, (default, words) in OPTIONS.items():
        kind = {"limit": int, "wait": float}.get(name, str)
        group.addoption(
            f"--tinybench-{name}", default=default, metavar=name.upper(), help=words, type=kind
        )
    group.addoption(
        "--tinybench-emulate", action="store_true", help="emulate a board that is a real one"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Name the marker, for --strict-markers."""
    config.addinivalue_line("markers", MARKER)


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say what is measured, where anything is."""
    where = _option(config, "board") or _option(config, "port")
    if where is None:
        return None
    return f"tinybench: {_option(config, 'task')} on {where}, profile {_option(config, 'profile')}"


@pytest.fixture(scope="session")
def tinybench_board(request: pytest.FixtureRequest) -> "Board":
    """The declaration of the board of --tinybench-board."""
    from tinybench.errors import TinybenchError

    from .build.board import load_board
    from .results.defaults import PORT_BOARD

    _insist_board(request.config)
    try:
        name = _option(request.config, "board") or PORT_BOARD
        return load_board(name, emulate=_option(request.config, "emulate"))
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

    _insist_board(request.config)
    try:
        outcome = _tinybench_runs(_asked(request))
    except TinybenchError as error:
        pytest.fail(f"tinybench: {error}", pytrace=False)
    request.node.user_properties.append(("tinybench_run", str(outcome.folder)))
    words = [f"{outcome.verdict.words}; run folder: {outcome.folder}"]
    words += [f"{v.rule}: wanted {v.wanted}, found {v.found}" for v in outcome.violations]
    request.node.add_report_section("setup", "tinybench", "\n".join(words))
    return tinybench.summary(outcome)


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
    """Do a run, or read the note of the worker that has done it; only one runs at a time."""
    from datetime import UTC, datetime

    import msgspec
    from filelock import FileLock

    import tinybench
    from tinybench.errors import TinybenchError

    notes.mkdir(parents=True, exist_ok=True)
    written = notes / f"{key}.json"
    with FileLock(notes / "lock", timeout=LOCK_TIMEOUT_S):
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


def _option(config: pytest.Config, name: str) -> Any:
    return config.getoption(f"--tinybench-{name}")


def _insist_board(config: pytest.Config) -> None:
    """Skip the test where no board is asked for."""
    if _option(config, "board") is None and _option(config, "port") is None:
        pytest.skip("no board: give one with --tinybench-board, such as mps2-an386")


def _asked(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Return the words of the run that the options and the marker of a test ask for."""
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
        break  # the one nearest to the test
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
