"""A study of a fleet: kept, gone on with, shown in each form; and what a user may get wrong."""

import json
import math
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from tests.program import LISTENING
from tests.runner.fleet.digits_fleet import SETTING, clients, digits
from tests.runner.results.a_result import good_result
from tinybench.errors import RunFolderError, UsageError
from tinybench.runner.cli import main
from tinybench.runner.fleet.privacy import epsilon
from tinybench.runner.fleet.study import ask, by, notes, run_fleet, summed
from tinybench.runner.learning.course import find_courses
from tinybench.runner.results.result import write_result
from tinybench.track import silent

Typed = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def tinybench(capsys: pytest.CaptureFixture[str]) -> Typed:
    """Return the command line in this process, which has imported what is slow to import."""

    def typed(*words: str) -> subprocess.CompletedProcess[str]:
        status = main(list(words))
        out, err = capsys.readouterr()
        return subprocess.CompletedProcess(words, status, out, err)

    return typed


ASKED = {"split": "labels", "alpha": 0.3, "labels": 2, "trials": 2, "seed": 1}


def test_a_study_is_not_done_again(tmp_path: Path) -> None:
    """Each run is kept with its course; another study is refused its folder."""
    settings = [msgspec.structs.replace(SETTING, select=s) for s in ("random", "oort")]
    parts = ask(digits(), clients(), settings, **ASKED)
    said: list[str] = []
    found = run_fleet(parts, tmp_path / "f", by(0), silent, said.append)
    assert [(row.reached, row.trials) for row in found.rows] == [(2, 2), (2, 2)]
    first = found.runs[0]
    assert found.rows[0].rounds == (len(first.rounds) + len(found.runs[1].rounds)) / 2
    courses = [one for _, one in find_courses([tmp_path / "f"])]
    assert len(courses) == 4
    by_seed = {(one.what, one.seed): one for one in courses}
    (mine,) = [one for (what, seed), one in by_seed.items() if "random" in what and seed == 1]
    assert mine.reached is not None
    assert mine.reached.time_s == pytest.approx(first.lasts_s)
    assert mine.reached.energy_j == pytest.approx(first.energy_j)
    assert (mine.time, mine.energy) == ("simulated", "simulated")
    before = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("run.json")}
    assert run_fleet(parts, tmp_path / "f", by(0), silent, said.append) == found
    assert before == {p: p.stat().st_mtime_ns for p in tmp_path.rglob("run.json")}
    other = ask(digits(), clients(), settings[:1], **ASKED)
    with pytest.raises(RunFolderError, match="asked for otherwise"):
        run_fleet(other, tmp_path / "f", by(0), silent, said.append)
    next(tmp_path.rglob("run.json")).write_text("{}")
    with pytest.raises(RunFolderError, match="give -o a new folder"):
        run_fleet(parts, tmp_path / "f", by(0), silent, said.append)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"method": "sgd"}, "--method sgd: valid: fedavg"),
        ({"select": "slowest"}, "--select slowest"),
        ({"combine": "max"}, "--combine max"),
        ({"per_round": 21}, "--per-round 21: 1 to 20"),
        ({"steps": 0}, "--steps 0"),
        ({"batch": 10**6}, "--batch"),
        ({"target": 1.5}, "--target 1.5"),
        ({"drop": 1.0}, "--drop 1"),
        ({"noise": 1.0}, "--noise needs --clip"),
        ({"clip": 1.0, "combine": "median"}, "--clip is a length"),
        ({"attackers": 21}, "--attackers 21"),
    ],
)
def test_a_setting_that_means_nothing_is_refused(changed: dict[str, object], words: str) -> None:
    """By its option, before a folder is made."""
    setting = msgspec.structs.replace(SETTING, **changed)
    with pytest.raises(UsageError, match=words):
        ask(digits(), clients(), [setting], **ASKED)


def test_noise_proves_a_privacy() -> None:
    """More noise, or clients drawn at random, prove more; none proves nothing."""
    pytest.importorskip("dp_accounting")
    little, much = (epsilon(n, 10, 100, 50, sampled=True) for n in (1.0, 4.0))
    assert 0 < much < little < epsilon(1.0, 10, 100, 50, sampled=False)
    assert epsilon(0.0, 10, 100, 50, sampled=True) == math.inf
    # One Gaussian mechanism, by the closed form of its Renyi divergence: order a / (2 (z / 2)^2).
    z, delta = 8.0, 1e-5
    best = min(
        a * 4 / (2 * z * z) + math.log1p(-1 / a) - math.log(delta * a) / (a - 1)
        for a in [1 + n / 100 for n in range(1, 10_000)]
    )
    assert epsilon(z, 10, 10, 1, sampled=False) == pytest.approx(best, rel=0.02)


def test_the_command_compares_settings_and_shows_them_again(
    tmp_path: Path, tinybench: Typed
) -> None:
    """In every form; exit status 1 where a target was missed, and what the best was."""
    folder = str(tmp_path / "f")
    words = ("fleet", "--select", "random,fastest", "--rounds", "40", "--trials", "2", "-o", folder)
    done = tinybench(*words)
    assert done.returncode == 1, done.stderr
    assert "simulated clock" in done.stdout
    assert "client time = 3 x batch x local steps x time a sample + bytes" in done.stdout
    assert "settings that never reached 0.88: 1; the best score 0." in done.stdout
    for form, wanted in (
        ("markdown", "| method | clients |"),
        ("csv", "data,split,clients,time,energy,method,select"),
        ("json", '"study": "fleet"'),
    ):
        shown = tinybench("fleet", "show", folder, "--to", form)
        assert shown.returncode == 0
        assert wanted in shown.stdout
    drawn = tinybench("fleet", "show", folder, "--to", "svg", "-o", str(tmp_path / "plots"))
    assert drawn.returncode == 0
    names = sorted(one.stem for one in (tmp_path / "plots").iterdir())
    assert names == [
        "first-rounds-of-fedavg-random-k5-e10", "learning-over-energy", "learning-over-rounds",
        "learning-over-time",
    ]  # fmt: skip
    assert all("simulated clock" in one.read_text() for one in (tmp_path / "plots").iterdir())
    wrong = tinybench("study", "show", folder)
    assert wrong.returncode == 2


def test_clients_of_runs_without_energy_have_no_joules(tmp_path: Path, tinybench: Typed) -> None:
    """Dashes, and a sentence; a plan by energy says what to do."""
    (tmp_path / "runs" / "a").mkdir(parents=True)
    write_result(tmp_path / "runs" / "a", good_result(emulated=False))
    words = ("--runs", str(tmp_path / "runs"), "--clients", "6", "--split", "iid", "--trials", "1")
    done = tinybench("fleet", *words, "-o", str(tmp_path / "f"))
    assert done.returncode == 0, done.stderr
    assert "energy of clients: unknown" in done.stdout
    row = json.loads((tmp_path / "f" / "study.json").read_text())["rows"][0]
    assert row["energy_j"] is None
    assert row["time_s"] > 0
    assert not (tmp_path / "f" / "learning-over-energy.svg").exists()
    plan = tinybench("fleet", "plan", *words, "--bound", "100,1", "-o", str(tmp_path / "p"))
    assert plan.returncode == 2
    assert "--gamma 0 plans by time alone" in plan.stderr
    plan = tinybench(
        *("fleet", "plan", *words, "--bound", "100,1", "--gamma", "0", "-o", str(tmp_path / "q")),
        *("--to", "csv"),
    )
    assert plan.returncode == 0, plan.stderr
    assert plan.stdout.splitlines()[0] == "per_round,steps,rounds,time_s,energy_j,cost,tried"


def test_a_plan_is_printed_with_its_bound(tmp_path: Path, tinybench: Typed) -> None:
    """The formula, A0 and B0, and the map; everyone is equal here, as in the paper."""
    equal = {str(n): {"computation": 2.0, "communication": 200.0} for n in range(1, 21)}
    (tmp_path / "equal.json").write_text(json.dumps(equal))
    words = ("--capacities", str(tmp_path / "equal.json"), "--bound", "100,1", "--gamma", "0")
    grid = ("--per-round", "1-20", "--steps", "1-30", "-o", str(tmp_path / "p"))
    done = tinybench("fleet", "plan", *words, *grid)
    assert done.returncode == 0, done.stderr
    assert "K 20 clients a round" in done.stdout
    assert "R(K, E) = (A0 + B0 (1 + (N - K) / (K (N - 1))) E^2) / E with A0 100, B0 1, N 20" in (
        done.stdout
    )
    assert "<svg" in (tmp_path / "p" / "cost-by-k-and-e.svg").read_text()
    for form in ("markdown", "json", "terminal"):
        assert tinybench("fleet", "show", str(tmp_path / "p"), "--to", form).returncode == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--task", "kws", "--csv", "x.csv"), "learns from one"),
        (("--task", "ad"), "scored by top-1, such as kws"),
        (("--csv", "nowhere.csv"), "cannot be read"),
        (("--runs", "nowhere"), "no such folder"),
        (("--capacities", "nowhere"), "cannot be read"),
        (("--runs", ".", "--capacities", "x"), "give one of them"),
        (("--boards", "host"), "boards learn the head of a task: --task kws"),
        (("--boards", "host,"), "a board without a name"),
        (("--boards", "host", "--task", "ad"), "scored by top-1, such as kws"),
        (("--boards", "host", "--task", "kws", "--clients", "3"), "leave --clients out"),
        (("--boards", "host", "--task", "kws", "--workers", "2"), "boards learn themselves"),
        (("--emulate",), "are of boards that learn themselves"),
        (("--leader", "tcp://192.0.2.1:8751"), "leaves this computer without TLS"),
        (("--leader", "here"), "is no address of a leader"),
        (("--leader", "tls://192.0.2.1:8751"), "needs --tls DIR"),
        (("--rate", "1e39"), "within single precision"),
        (("--availability", "nowhere"), "cannot be read"),
        (("--per-round", "0"), "no count of 1 or more"),
        (("--per-round", "1-1000"), "no range"),
        (("--target", "2"), "no share"),
        (("--noise", "1"), "--noise needs --clip"),
        (("--split", "labels", "--labels", "11"), "there are 10 labels"),
        (("--hidden", "100000000"), "a smaller --hidden"),
        (("plan", "--bound", "1"), "not A0,B0"),
        (("plan", "--bound", "0,0"), "nor are both 0"),
        (("show", "nowhere"), "cannot be read"),
    ],
)
def test_what_a_user_gets_wrong_is_said(
    words: tuple[str, ...], said: str, tmp_path: Path, tinybench: Typed
) -> None:
    """Exit status 2, one line, no traceback, no folder."""
    own = () if words[0] == "show" else ("-o", str(tmp_path / "f"))
    done = tinybench("fleet", *words, *own)
    assert done.returncode == 2, done.stdout
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "f").exists()


def test_classes_that_no_client_has_and_clients_without_rows_are_named() -> None:
    """Of two clients with two digits each nobody learns six: how many tested rows that is."""
    few = [msgspec.structs.replace(SETTING, per_round=2, rounds_most=2)]
    parts = ask(digits(), clients()[:2], few, **ASKED)
    found = summed(parts, [], [])
    (line,) = notes(found)
    assert len(found.unseen) == 6
    assert line.startswith(f"no client has rows of {', '.join(found.unseen)}: {found.unseen_tests}")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", "there is no trace"),
        ('[{"active": [0], "inactive": [], "finish_time": 1}]', "as many of both"),
        ('[{"active": [5], "inactive": [1], "finish_time": 9}]', "do not follow"),
        ('[{"active": [1], "inactive": [1], "finish_time": 9}]', "no length"),
        ("{", "no traces"),
    ],
)
def test_traces_that_go_back_in_time_are_refused(
    text: str, said: str, tmp_path: Path, tinybench: Typed
) -> None:
    """By file and number."""
    path = tmp_path / "traces.json"
    path.write_text(text)
    done = tinybench("fleet", "--availability", str(path), "-o", str(tmp_path / "f"))
    assert done.returncode == 2
    assert said in done.stderr


def test_an_interrupted_study_says_how_to_go_on(tmp_path: Path, tinybench: Typed) -> None:
    """Ctrl-C leaves the runs that are done; the same words go on there."""
    words = (
        *("fleet", "--target", "1", "--rounds", "60", "--trials", "100", "--per-round", "5"),
        *("-o", str(tmp_path / "f"), "-q"),
    )
    begun = subprocess.Popen([*LISTENING, *words], stderr=subprocess.PIPE, text=True)
    deadline_s = time.monotonic() + 240
    while not list(tmp_path.rglob("run.json")) and time.monotonic() < deadline_s:
        time.sleep(0.05)
    begun.send_signal(signal.SIGINT)
    _, said = begun.communicate(timeout=240)
    assert begun.returncode == 130
    assert "interrupted" in said
    assert list(tmp_path.rglob("run.json"))
    assert not (tmp_path / "f" / "study.json").exists()
    unfinished = tinybench("fleet", "show", str(tmp_path / "f"))
    assert unfinished.returncode == 2
    assert "it was interrupted" in unfinished.stderr
