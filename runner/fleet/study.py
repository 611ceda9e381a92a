"""A fleet in numbers: runs of several settings and seeds, to a quality, kept as they end."""

import contextlib
import hashlib
import statistics
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import msgspec

from tinybench.errors import UsageError
from tinybench.plural import counted
from tinybench.track import Track

from ..learning.course import Course, Point, write_course
from ..learning.head import Head
from ..study.kept import keep_part, kept_part, open_study, store_study
from ..train.document import FLOAT_MAX
from .available import Trace
from .choose import SELECTIONS
from .client import CLIENTS_MOST, LEARNING, Client, bounds, origins, trained
from .combine import ATTACKS, COMBINES
from .data import Learnable
from .federate import Fleet, Outcome, Setting, federate
from .privacy import accountant, epsilon
from .split import Members, spread, unseen
from .train import Trainer, here
from .workers import WORKERS_MOST, workers

METHODS = ("fedavg", "fedprox")
SETTINGS_MOST, TRIALS_MOST, ROUNDS_MOST, STEPS_MOST, BATCH_MOST = 64, 100, 100_000, 1000, 4096
WEIGHTS_MOST = 1 << 27
"""Of all clients of a round together, which are in memory at once."""
RUN_FILE = "run.json"


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What decides a study of a fleet."""

    study: str = "fleet"
    format: int = 1
    data: str
    data_sha256: str
    clients_sha256: str
    split: str
    alpha: float
    labels: int
    settings: list[Setting]
    trials: int
    seed: int


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A setting: means over the seeds that reached the target; None where none did."""

    setting: Setting
    trials: int
    reached: int
    rounds: float | None
    time_s: float | None
    energy_j: float | None
    """Of all clients; None also where a client's energy is not known."""
    bytes: float | None
    straggling: float
    """Share of the time in which half of a round's clients had long answered, over all seeds."""
    best: float
    """The best score of any seed."""
    ended: list[str]
    died: int
    refused: int
    epsilon: float | None = None
    """Of one client's data, after the rounds of the longest seed; None without noise."""


class FleetStudy(msgspec.Struct, frozen=True, kw_only=True):
    """What a study of a fleet found."""

    asked: Asked
    tinybench: str
    clients: int
    boards: dict[str, int]
    time: str
    """What the times of its clients are, such as "12 measured, 4 estimated" ..."""
    energy: str
    """... and their energies."""
    live: bool
    """Whether its clients are boards that learnt themselves."""
    trained: int
    """Clients whose time is that of learning from a sample, and not of an inference."""
    bounds: tuple[float, float] | None
    """Factors between which estimated times of clients are; None of none."""
    features: int
    weights: int
    learnt_from: int
    tested: int
    empty: list[str]
    """Clients without data, which never take part."""
    unseen: list[str]
    """Classes of which no client has a row ..."""
    unseen_tests: int
    """... and how many tested rows are theirs."""
    rows: list[Row]
    runs: list[Outcome]


@dataclass(frozen=True)
class Parts:
    """Who takes part, and what is asked of them."""

    fleet: Fleet
    asked: Asked


def ask(
    learnable: Learnable,
    clients: Sequence[Client],
    settings: Sequence[Setting],
    *,
    split: str,
    alpha: float,
    labels: int,
    trials: int,
    seed: int,
    traces: Sequence[Trace] | None = None,
) -> Parts:
    """Return a study, checked. Raises UsageError."""
    if not 1 <= len(settings) <= SETTINGS_MOST:
        raise UsageError(f"{len(settings)} settings: 1 to {SETTINGS_MOST} are compared at once")
    if not 1 <= trials <= TRIALS_MOST:
        raise UsageError(f"--trials {trials}: 1 to {TRIALS_MOST} seeds of each setting")
    if len(clients) > CLIENTS_MOST:
        raise UsageError(f"{len(clients)} clients: at most {CLIENTS_MOST}")
    members = spread(learnable.labels, len(clients), split, alpha=alpha, each=labels, seed=seed)
    features, classes = learnable.values.shape[1], len(learnable.classes)
    live = any(one.live for one in clients)
    for one in settings:
        check(one, len(clients))
        if live and (one.method != "fedavg" or one.hidden):
            raise UsageError(
                "boards learn a softmax, and are not pulled: --method fedavg, without --hidden"
            )
        weights = one.per_round * Head(features, classes, one.hidden).size
        if weights > WEIGHTS_MOST:
            raise UsageError(
                f"{one.per_round} clients a round with {weights // one.per_round} weights each: a "
                f"round has at most {WEIGHTS_MOST}; take fewer clients, or a smaller --hidden"
            )
    known = [
        msgspec.structs.replace(c, sample_s=0, sample_j=None) if c.live else c for c in clients
    ]
    digest = hashlib.sha256(msgspec.json.encode((known, list(traces or ())))).hexdigest()
    asked = Asked(
        data=learnable.name,
        data_sha256=learnable.sha256,
        clients_sha256=digest,
        split=split,
        alpha=alpha,
        labels=labels,
        settings=list(settings),
        trials=trials,
        seed=seed,
    )
    return Parts(Fleet(clients, members, learnable, traces), asked)


def check(one: Setting, clients: int) -> None:
    """Raise UsageError for a setting that means nothing."""
    for option, word, valid in (
        ("--method", one.method, METHODS),
        ("--select", one.select, SELECTIONS),
        ("--combine", one.combine, COMBINES),
        ("--attack", one.attack or ATTACKS[0], ATTACKS),
    ):
        if word not in valid:
            raise UsageError(f"{option} {word}: valid: {', '.join(valid)}")
    for option, value, most in (
        ("--per-round", one.per_round, clients),
        ("--steps", one.steps, STEPS_MOST),
        ("--batch", one.batch, BATCH_MOST),
        ("--rounds", one.rounds_most, ROUNDS_MOST),
    ):
        if not 1 <= value <= most:
            raise UsageError(f"{option} {value}: 1 to {most}")
    if not 0 < one.target <= 1:
        raise UsageError(f"--target {one.target:g}: a share of 1, above 0")
    if not 0 <= one.drop < 1:
        raise UsageError(f"--drop {one.drop:g}: a probability below 1")
    if one.noise and one.clip is None:
        raise UsageError("--noise needs --clip: its length is in units of the longest update")
    if one.clip is not None and (one.combine != "mean" or one.clip <= 0):
        raise UsageError("--clip is a length above 0, and its updates are combined by their mean")
    if not 0 < one.rate <= FLOAT_MAX:
        raise UsageError(f"--rate {one.rate:g}: above 0, and within single precision")
    if one.noise:
        accountant()  # before anything is run
    if one.attackers > clients:
        raise UsageError(f"--attackers {one.attackers}: the fleet has {counted(clients, 'client')}")


def run_fleet(
    parts: Parts,
    folder: Path,
    hands: Callable[[Fleet], AbstractContextManager[Trainer]],
    track: Track,
    say: Callable[[str], None],
) -> FleetStudy:
    """Do every run that the folder does not have yet, and sum up.

    `hands`: who trains its clients; opened once something is to be trained. Raises RunFolderError,
    and what these raise.
    """
    asked, fleet = parts.asked, parts.fleet
    wanted = [
        (setting, asked.seed + trial) for setting in asked.settings for trial in range(asked.trials)
    ]
    runs = list[Outcome]()
    with open_study(folder, asked), contextlib.ExitStack() as stack:
        trainer: Trainer | None = None
        known = sum((_place(folder, *one) / RUN_FILE).exists() for one in wanted)
        if known:
            say(f"{folder}: {known} of {counted(len(wanted), 'run')} there already")
        for setting, seed in track(wanted, "fleet", len(wanted)):
            place = _place(folder, setting, seed)
            found = kept_part(place / RUN_FILE, Outcome)
            if found is None:
                if trainer is None:
                    trainer = stack.enter_context(hands(fleet))
                found = federate(fleet, setting, seed, trainer)
                _keep(place, found, fleet, asked)
            runs.append(found)
    rows = [_row([one for one in runs if one.setting == s], fleet) for s in asked.settings]
    study = summed(parts, rows, runs)
    store_study(folder, study)
    return study


def by(count: int) -> Callable[[Fleet], AbstractContextManager[Trainer]]:
    """Return who trains simulated clients: so many dask workers, or this process where it is 0.

    Raises UsageError.
    """
    if not 0 <= count <= WORKERS_MOST:
        raise UsageError(f"--workers {count}: at most {WORKERS_MOST}")

    def hands(fleet: Fleet) -> AbstractContextManager[Trainer]:
        rows = (fleet.learnable.values, fleet.learnable.labels, fleet.members)
        return workers(count, *rows) if count else contextlib.nullcontext(here(*rows))

    return hands


def _place(folder: Path, setting: Setting, seed: int) -> Path:
    return folder / "runs" / setting.name / str(seed)


def _keep(place: Path, found: Outcome, fleet: Fleet, asked: Asked) -> None:
    """Keep a run, and its course for `tinybench quality`."""
    write_course(place, course(found, fleet, asked))
    keep_part(place / RUN_FILE, found)


def course(found: Outcome, fleet: Fleet, asked: Asked) -> Course:
    """Return the course of a run, a point a round. Its clock is simulated, whatever its clients."""
    setting = found.setting
    points, samples, joules = list[Point](), 0, 0.0
    for one in found.rounds:
        samples += setting.batch * setting.steps * (one.taken + one.refused)
        joules += one.energy_j or 0.0
        points.append(
            Point(
                samples,
                one.begins_s + one.lasts_s,
                None if found.energy_j is None else joules,
                one.score,
            )
        )
    times, _ = origins(fleet.clients)
    return Course(
        what=(
            f"{setting.name}, {counted(len(fleet.clients), 'client')} ({times}), "
            f"{asked.data}, {asked.split}, "
            f"batch {setting.batch}, rate {setting.rate:g}, {_more(setting)}"
        ),
        seed=found.seed,
        batch=setting.batch * setting.steps * setting.per_round,
        target=setting.target,
        time="simulated",
        energy=None if found.energy_j is None else "simulated",
        points=points,
        ended=found.ended,
    )


def _more(setting: Setting) -> str:
    """Return how updates are combined, and what is done to them."""
    words = [setting.combine]
    if setting.clip is not None:
        words.append(f"clip {setting.clip:g}, noise {setting.noise:g}")
    if setting.drop:
        words.append(f"drop {setting.drop:g}")
    if setting.attackers:
        words.append(f"{setting.attackers} send {setting.attack}")
    return ", ".join(words)


def _row(runs: Sequence[Outcome], fleet: Fleet) -> Row:
    setting = runs[0].setting
    ends = [one for one in runs if one.reached]
    joules = [one.energy_j for one in ends]
    known = [one for one in joules if one is not None]
    longest = max(len(one.rounds) for one in runs)
    holders = sum(len(own) > 0 for own in fleet.members)
    return Row(
        setting=setting,
        trials=len(runs),
        reached=len(ends),
        rounds=_mean([len(one.rounds) for one in ends]),
        time_s=_mean([one.lasts_s for one in ends]),
        energy_j=_mean(known) if len(known) == len(joules) else None,
        bytes=_mean([one.bytes for one in ends]),
        straggling=statistics.fmean(one.straggling for one in runs),
        best=max(one.best for one in runs),
        ended=[one.ended for one in runs],
        died=sum(each.died for one in runs for each in one.rounds),
        refused=sum(each.refused for one in runs for each in one.rounds),
        epsilon=epsilon(
            setting.noise, setting.per_round, holders, longest,
            sampled=setting.select == "random" and fleet.traces is None and not setting.drop,
        ) if setting.noise else None,
    )  # fmt: skip


def _mean(values: Sequence[float]) -> float | None:
    return statistics.fmean(values) if values else None


def summed(parts: Parts, rows: list[Row], runs: list[Outcome]) -> FleetStudy:
    """Return what rows and runs come to, with who took part."""
    fleet, learnable = parts.fleet, parts.fleet.learnable
    boards: dict[str, int] = {}
    for one in fleet.clients:
        boards[one.board] = boards.get(one.board, 0) + 1
    time, energy = origins(fleet.clients)
    missing = unseen(learnable.labels, fleet.members, len(learnable.classes))
    return FleetStudy(
        asked=parts.asked,
        tinybench=version("tinybench-mcu"),
        clients=len(fleet.clients),
        boards=boards,
        time=time,
        energy=energy,
        live=any(one.live for one in fleet.clients),
        trained=trained(fleet.clients),
        bounds=bounds(fleet.clients),
        features=learnable.values.shape[1],
        weights=fleet.head(parts.asked.settings[0]).size,
        learnt_from=sum(map(len, fleet.members)),
        tested=len(learnable.test_labels),
        empty=_empty(fleet.clients, fleet.members),
        unseen=[learnable.classes[n] for n in missing],
        unseen_tests=int(sum((learnable.test_labels == n).sum() for n in missing)),
        rows=rows,
        runs=runs,
    )


def _empty(clients: Sequence[Client], members: Members) -> list[str]:
    return [one.name for one, own in zip(clients, members, strict=True) if not len(own)]


def notes(found: FleetStudy) -> list[str]:
    """Return what is unusual about who learns what, in sentences."""
    lines = list[str]()
    if found.empty:
        names = ", ".join(found.empty[:5]) + (", ..." if found.empty[5:] else "")
        lines.append(f"{len(found.empty)} clients have no data and never take part: {names}")
    if found.unseen:
        lines.append(
            f"no client has rows of {', '.join(found.unseen)}: {found.unseen_tests} of "
            f"{found.tested} tested rows are theirs, and cannot be told"
        )
    if found.bounds is not None:
        low, high = found.bounds
        lines.append(
            f"estimated times are usual figures: a client's is {low:.2f} to {high:.2f} times that"
        )
    if found.live:
        differing = sum(each.differing for run in found.runs for each in run.rounds)
        lines.append(
            f"{differing} weights that boards learnt differ from those of the same steps in NumPy"
            if differing
            else "what boards learnt equals the same steps in NumPy to the bit"
        )
    if "unknown" in found.energy:
        lines.append(
            f"energy of clients: {found.energy}; joules are given where each client's is known"
        )
    return lines


def formula(found: FleetStudy) -> str:
    """Return in words what the time of a client is."""
    if found.live:
        return "client time = what its board took for its steps + bytes / bandwidth"
    rest = "batch x local steps x time a sample + bytes / bandwidth"
    if not found.trained:
        return f"client time = {LEARNING:g} x {rest}"
    if found.trained == found.clients:
        return f"client time = {rest}: of learning from a sample, by stored trainings"
    return (
        f"client time = {LEARNING:g} x {rest}; without the {LEARNING:g} of {found.trained} clients "
        "whose time is that of learning from a sample, by stored trainings"
    )
