"""The clients of a fleet: how long a board takes for a sample, what it draws, and its link."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from tinybench.errors import UsageError
from tinybench.files import DOCUMENT_MOST_B, read_bytes
from tinybench.printable import one_line
from tinybench.read import read_json

from ..learning.course import Origin

LEARNING = 3.0
"""A sample that is learnt from takes so many times an inference: there, and back for both factors.
Ref: FedScale, client_metadata.py."""
CLIENTS_MOST = 10_000
BITS, KILO, KIBI, MILLI = 8, 1000.0, 1024.0, 1000.0
MEDIAN_S, SPREAD, POWER_W = 0.02, 1.0, 0.02
"""Of simulated clients: an inference, the standard deviation of its logarithm, and the draw."""


class Client(msgspec.Struct, frozen=True, kw_only=True):
    """A board that learns from data of its own."""

    name: str
    board: str
    source: str = ""
    """Folder of the run or of the training that its figures are of."""
    sample_s: float
    """Of an inference on one sample; or, where `learning` is 1, of learning from it."""
    learning: float = LEARNING
    """So many times that learning from a sample takes."""
    live: bool = False
    """It is a board that learns itself; `sample_s` is of one sample, before the first round."""
    time: Origin
    bounds_s: tuple[float, float] | None = None
    """Between which it is, where it is estimated."""
    sample_j: float | None
    """... and its energy; None where nobody knows."""
    energy: Origin | None
    bandwidth_b_per_s: float
    """Of its link, either way; declared, or simulated."""
    radio_w: float
    """What it draws while it sends and receives; declared."""


class Cost(msgspec.Struct, frozen=True):
    """What a round costs a client."""

    compute_s: float
    link_s: float
    energy_j: float | None

    @property
    def lasts_s(self) -> float:
        """From the weights' arrival on its link to its answer."""
        return self.compute_s + self.link_s


def cost(client: Client, batch: int, steps: int, both_ways_b: int) -> Cost:
    """Return what so many local steps of so many samples, and the weights' way, cost.

    time = 3 x batch x steps x time of a sample + bytes / bandwidth, without the 3 where the time is
    that of learning from a sample. Ref: FedScale.
    """
    return took(client, client.learning * batch * steps * client.sample_s, both_ways_b)


def took(client: Client, compute_s: float, both_ways_b: int) -> Cost:
    """Return what so much time of computing, and the weights' way, cost."""
    link_s = both_ways_b / client.bandwidth_b_per_s
    spent_j = None
    if client.sample_j is not None:
        spent_j = compute_s * client.sample_j / client.sample_s + client.radio_w * link_s
    return Cost(compute_s, link_s, spent_j)


def simulated(
    count: int, seed: int, bandwidth_b_per_s: float, radio_w: float, spread: float = SPREAD
) -> list[Client]:
    """Return clients whose speeds and links are lognormal; the same seed, the same clients."""
    insist_count(count)
    rng = np.random.default_rng([seed, count])
    times_s = MEDIAN_S * np.exp(spread * rng.standard_normal(count))
    links = bandwidth_b_per_s * np.exp(spread / 2 * rng.standard_normal(count))
    return [
        Client(
            name=f"simulated-{number}", board="simulated", sample_s=float(time_s),
            time="simulated", sample_j=POWER_W * float(time_s), energy="simulated",
            bandwidth_b_per_s=float(link), radio_w=radio_w,
        )
        for number, (time_s, link) in enumerate(zip(times_s, links, strict=True), 1)
    ]  # fmt: skip


def insist_count(count: int) -> None:
    """Raise UsageError for a number of clients that is no fleet's."""
    if not 1 <= count <= CLIENTS_MOST:
        raise UsageError(f"{count} clients: a fleet has 1 to {CLIENTS_MOST}")


# In FedScale's terms. Ref: FedScale, client_device_capacity; client_metadata.py, aggregator.py: its
# client n takes the capacity n mod N, and an update of so many bytes has bytes / 1024 x 8 kbit.


class _Capacity(msgspec.Struct, frozen=True, omit_defaults=True):
    computation: float
    """ms of a sample, of which learning takes LEARNING times as much."""
    communication: float
    """Units of 1024 bit a second."""
    name: str = ""
    origin: Origin = "simulated"
    joules: float | None = None
    """Of the same; ours, FedScale has none."""
    energy: Origin | None = None
    trained: bool = False
    """Whether both are a third of what learning from a sample took."""


def as_capacities(clients: Sequence[Client]) -> dict[str, _Capacity]:
    """Return what FedScale calls the capacity of each device, by its number from 0 on.

    Its own get_completion_time makes of them the times that `cost` gives.
    """
    found: dict[str, _Capacity] = {}
    for number, one in enumerate(clients):
        share = one.learning / LEARNING
        found[str(number)] = _Capacity(
            one.sample_s * share * MILLI, one.bandwidth_b_per_s * BITS / KIBI, one.name, one.time,
            None if one.sample_j is None else one.sample_j * share, one.energy,
            one.learning != LEARNING,
        )  # fmt: skip
    return found


def read_capacities(path: Path, radio_w: float) -> list[Client]:
    """Return the clients of a JSON file of capacities. Raises UsageError for what is none."""
    try:
        data = read_bytes(path, DOCUMENT_MOST_B)
        found = read_json(data, type=dict[str, _Capacity])
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror or error}") from error
    except msgspec.MsgspecError as error:
        raise UsageError(
            f'{path}: no capacities: {error}; wanted {{"0": {{"computation": 20.0, '
            '"communication": 200.0}, ...}: ms of a sample, and kbit/s'
        ) from error
    insist_count(len(found))
    clients = list[Client]()
    for key, one in found.items():
        if not (one.computation > 0 and one.communication > 0):
            raise UsageError(f"{path}: client {key[:40]!r}: both its figures are to be above 0")
        if one.joules is not None and one.joules < 0:
            raise UsageError(f"{path}: client {key[:40]!r}: its joules are below 0")
        name = one_line(one.name or f"client-{key}")[:60]
        learning = 1.0 if one.trained else LEARNING
        times = LEARNING / learning
        clients.append(
            Client(
                name=name, board=name, sample_s=one.computation * times / MILLI, learning=learning,
                time=one.origin, sample_j=None if one.joules is None else one.joules * times,
                energy=one.energy if one.joules is not None else None,
                bandwidth_b_per_s=one.communication * KIBI / BITS, radio_w=radio_w,
            )
        )  # fmt: skip
    return clients


def origins(clients: Sequence[Client]) -> tuple[str, str]:
    """Return what the times and the energies of clients are, such as "12 measured, 4 estimated"."""
    times = [one.time for one in clients]
    joules = ["unknown" if one.energy is None else one.energy for one in clients]
    return _counted(times), _counted(joules)


def trained(clients: Sequence[Client]) -> int:
    """Return how many clients have the time of learning from a sample, and not of an inference."""
    return sum(one.learning != LEARNING for one in clients)


def bounds(clients: Sequence[Client]) -> tuple[float, float] | None:
    """Return how far estimated times may be off, least and most, as factors; None of none."""
    known = [(one.sample_s, one.bounds_s) for one in clients if one.bounds_s is not None]
    if not known:
        return None
    return min(low / usual for usual, (low, _) in known), max(h / usual for usual, (_, h) in known)


def _counted(kinds: Sequence[str]) -> str:
    present = dict.fromkeys(sorted(kinds))
    if len(present) == 1:
        return kinds[0]
    return ", ".join(f"{kinds.count(one)} {one}" for one in present)
