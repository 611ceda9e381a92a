"""One session over a faulty port, and what became of it: the clean result, an error, or worse."""

import contextlib
import random
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import NoReturn

from tests.faults.kinds import ANYWHERE, FRAME_LIES, NOISE, TEXT_LIES, noise
from tests.faults.port import PHASES, FaultyPort, Lie, Place
from tests.firmware.dut_process import FIRMWARE
from tinybench.errors import OtherDutError, TinybenchError
from tinybench.runner.dut.client import Dut
from tinybench.runner.dut.identity import Identity
from tinybench.runner.dut.inference import Inference
from tinybench.runner.dut.line import Patience
from tinybench.runner.dut.text_link import TIME_TOLERANCE, TIME_TOLERANCE_US
from tinybench.transport.process import ProcessTransport

ENGINE = Path(__file__).with_name("engine.c")
LINKS = ("frames", "stock")
UNVERIFIED = "stock, not verified"
"""A link that is fooled: `--no-verify`."""
INPUT_B = 1300
MODEL_ID = b"kws01"
BUILD_ID = b"0123456789abcdef"
SALT = b"savour"
PATIENCE = Patience(
    reply_s=0.1,
    name_s=0.08,
    name_tries=3,
    quiet_s=0.01,
    noise_s=0.25,
    return_s=0.1,
    inference_s=0.1,
    tries=4,
)
UNHURRIED = replace(PATIENCE, reply_s=5.0, name_s=5.0, return_s=5.0, inference_s=5.0)
"""Where nothing is lost, waiting costs nothing, and a busy computer is no fault."""
HUNG_S = 120.0
"""A session that takes longer hangs; with every deadline above, none needs an eighth of it."""
THREE = "three of them"
"""Three faults in one session, the first at the phase."""
ANY = "any"
"""The phase of what lasts for the whole session."""

STRIDE_B = 300
_DATA = random.Random(7).randbytes(3 * INPUT_B)  # noqa: S311 - test data
SESSION = [
    (_DATA[at:][:INPUT_B], iterations, warmup)
    for at, iterations, warmup in (
        (0, 1, 0),
        *((number * STRIDE_B, 1, 0) for number in range(1, 4)),
        (2 * INPUT_B, 1, 0),
        (0, 4, 1),
        (INPUT_B, 70, 1),
        (2 * INPUT_B, 7, 2),
    )
]
"""Input, iterations and warm-ups of each inference: an accuracy run, in which windows slide over a
recording and each is known before its turn; a calibration, two windows."""


@dataclass(frozen=True)
class Case:
    """What happens in one session."""

    link: str
    kind: str
    phase: str
    seed: int


@dataclass(frozen=True)
class Verdict:
    """What became of a session."""

    case: Case
    word: str
    """"same" (as the clean one), "refused" (a clear error), "wrong" or "hung"."""
    struck: int
    """Faults that found their place."""
    said: str


@dataclass(frozen=True)
class Answers:
    """What a session finds."""

    identity: Identity
    inferences: list[Inference]


class Hung(BaseException):
    """Nothing that the client catches."""


def build_devices(folder: Path) -> Path:
    """Build the devices: the own one, one with another model, another image; returns `folder`."""
    own = folder / "own"
    core = FIRMWARE / "core"
    sources = [*sorted(core.glob("*.c")), FIRMWARE / "ports" / "host.c", ENGINE]
    options = ["-std=c11", "-O1", f"-I{core}", f"-DINPUT_B={INPUT_B}", "-Wl,--wrap=port_micros"]
    command = ["gcc", *options, f'-DTB_BUILD_ID="{BUILD_ID.decode()}"', *map(str, sources)]
    done = subprocess.run(
        [*command, "-o", str(own)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    # A text in the image is as good as a build of its own: each is there to be replaced.
    for name, text, by in (
        ("other_model", MODEL_ID, b"other"),
        ("other_image", BUILD_ID, bytes(reversed(BUILD_ID))),
    ):
        image = own.read_bytes()
        assert text in image
        other = folder / name
        other.write_bytes(image.replace(text, by).replace(SALT, b"pepper"))
        other.chmod(0o755)
    return folder


def cases(seeds: range) -> Iterator[Case]:
    """Yield every kind at every phase on both links, with each seed."""
    for seed in seeds:
        for link in LINKS:
            for kind in (*ANYWHERE, THREE):
                for phase in PHASES:
                    yield Case(link, kind, phase, seed)
            for kind in (*_lies(link), *NOISE):
                yield Case(link, kind, ANY, seed)


def sample() -> list[Case]:
    """Return every kind once on both links, each at another phase than the kind before."""
    every = [case for case in cases(range(1)) if case.phase == ANY]
    for link in LINKS:
        for number, kind in enumerate((*ANYWHERE, THREE)):
            every.append(Case(link, kind, PHASES[number % len(PHASES)], number))
    return every


def _lies(link: str) -> dict[str, Callable[[], Lie]]:
    return FRAME_LIES if link == "frames" else TEXT_LIES


def clean(devices: Path, link: str) -> tuple[Answers, Counter[tuple[str, str]]]:
    """Return what a session without faults finds, and the bytes that pass, by phase and way."""
    port = _port(devices, random.Random(0))  # noqa: S311 - no secrets
    try:
        return _session(port, link, None, UNHURRIED), port.counts
    finally:
        port.close()


def judge(devices: Path, case: Case, wanted: Answers, counts: Counter[tuple[str, str]]) -> Verdict:
    """Run one session with its faults, and compare it with the clean one."""
    chance = random.Random(f"{case}")  # noqa: S311 - no secrets
    port = _port(devices, chance)
    _prepare(port, case, counts)
    try:
        with alarm(HUNG_S):
            found = _session(port, case.link, wanted.identity)
    except TinybenchError as error:
        word, said = "refused", f"{type(error).__name__}: {error}"
    except Hung:
        word, said = "hung", ""
    except Exception as error:  # a traceback is no clear error
        word, said = "wrong", f"{type(error).__name__}: {error}"
    else:
        same = _same(found, wanted, exact=case.link == "frames")
        word, said = ("same", "") if same else ("wrong", str(found))
    finally:
        port.close()
    return Verdict(case, word, port.struck, said)


def _prepare(port: FaultyPort, case: Case, counts: Counter[tuple[str, str]]) -> None:
    """Put the faults of a case in place."""
    chance = port.chance
    if case.kind in NOISE:
        port.lies.append(noise(NOISE[case.kind]))
    elif case.phase == ANY:
        port.lies.append(_lies(case.link)[case.kind]())
    elif case.kind == THREE:
        for phase in (case.phase, *chance.choices(PHASES, k=2)):
            place = _place(chance, counts, phase)
            port.waiting.append((place, ANYWHERE[chance.choice(list(ANYWHERE))]))
    else:
        port.waiting.append((_place(chance, counts, case.phase), ANYWHERE[case.kind]))


def _place(chance: random.Random, counts: Counter[tuple[str, str]], phase: str) -> Place:
    """Return a byte of a phase, in either direction as far as bytes pass in it."""
    way = chance.choice(
        [way for (of, way), count in sorted(counts.items()) if of == phase and count]
    )
    return Place(phase, way, chance.randrange(counts[phase, way]))


def _port(devices: Path, chance: random.Random) -> FaultyPort:
    return FaultyPort(
        lambda name: ProcessTransport([str(devices / name)]),
        chance,
        PATIENCE.reply_s,
    )


def _session(
    port: FaultyPort, link: str, wanted: Identity | None, patience: Patience = PATIENCE
) -> Answers:
    """Do what a run does; it goes on with the DUT that began it, and with no other."""
    dut = Dut(port, verify=link != UNVERIFIED, fast=link == "frames", patience=patience)
    identity = dut.handshake()
    if wanted is not None and identity != wanted:
        raise OtherDutError(f"{identity} answers, not {wanted}")
    known = [data if (n, w) == (1, 0) else None for data, n, w in SESSION[1:]]
    inferences = [
        dut.infer(data, n, w, then)
        for (data, n, w), then in zip(SESSION, [*known, None], strict=True)
    ]
    with contextlib.suppress(TinybenchError):  # all is known; as at the end of a run
        dut.leave()
    return Answers(identity, inferences)


def _same(found: Answers, wanted: Answers, *, exact: bool) -> bool:
    """Whether all is the same; of the time, unless `exact`, as far as stock can prove it."""

    def close(a_us: int, b_us: int) -> bool:
        return abs(a_us - b_us) <= (0 if exact else max(TIME_TOLERANCE_US, TIME_TOLERANCE * b_us))

    return found.identity == wanted.identity and all(
        (a.iterations, a.results) == (b.iterations, b.results) and close(a.elapsed_us, b.elapsed_us)
        for a, b in zip(found.inferences, wanted.inferences, strict=True)
    )


@contextlib.contextmanager
def alarm(seconds: float) -> Iterator[None]:
    """Raise Hung in this thread, the main one, after so long."""

    def ring(_number: int, _frame: FrameType | None) -> NoReturn:
        raise Hung

    before: Callable[[int, FrameType | None], object] | int | None = signal.signal(
        signal.SIGALRM, ring
    )
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
