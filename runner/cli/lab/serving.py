"""What serves a lab: everything on one computer, a leader, a worker, and certificates."""

from pathlib import Path
from typing import Any

from ..options import PATH, command, tcp_port
from ..output import Voice
from ..tree import Option

FOLDER = "folder of the queue, the results, the token (default: TINYBENCH_LAB, or the user's own)"


def folder() -> Option:
    """Return --lab."""
    return Option("--lab", type=PATH, metavar="DIR", help=FOLDER)


def _ports() -> list[Option]:
    return [
        Option("--http", type=tcp_port, metavar="N", default="8750", help="port of the page"),
        Option("--dask", type=tcp_port, metavar="N", default="8751",
               help="port that workers join at"),
    ]  # fmt: skip


def _emulated(text: str) -> Option:
    return Option("--emulated", multiple=True, metavar="BOARD", help=text)


@command(
    "here",
    folder(),
    *_ports(),
    _emulated("an emulated board; repeat it for several (default: mps2-an386 and mps3-an547)"),
    examples=("tinybench lab", "tinybench lab --emulated mps2-an386"),
)
def here(voice: Voice, lab: Path | None, http: int, dask: int, emulated: tuple[str, ...]) -> int:
    """Serve a lab on this computer: its boards, two emulated ones, and a page on loopback."""
    from ...lab.places import EMULATED
    from ...lab.serve import Serving, lead

    told = Serving(_own(lab), port=http, dask_port=dask, here=emulated or EMULATED)
    lead(told, voice.note)
    return 0


@command(
    "serve",
    folder(),
    Option("--host", metavar="HOST", default="127.0.0.1",
           help="address to listen on; any but loopback takes `lab init` first"),
    *_ports(),
    examples=("tinybench lab serve", "tinybench lab serve --host 192.168.1.10"),
)  # fmt: skip
def serve(voice: Voice, lab: Path | None, host: str, http: int, dask: int) -> int:
    """Serve a lab as its leader alone; workers join it."""
    from ...lab.serve import Serving, lead

    lead(Serving(_own(lab), host=host, port=http, dask_port=dask), voice.note)
    return 0


@command(
    "worker",
    Option("--leader", metavar="ADDRESS", default="tcp://127.0.0.1:8751",
           help="what `lab serve` prints (default: tcp://127.0.0.1:8751)"),
    Option("--name", metavar="NAME", help="of this worker (default: that of the computer)"),
    Option("--host", metavar="HOST", help="address at which the leader reaches this computer"),
    Option("--tls", type=PATH, metavar="DIR", help="folder of the files that `lab init` made"),
    Option("--work", type=PATH, metavar="DIR",
           help="folder of the runs (default: one in the lab's folder)"),
    _emulated("an emulated board as well; repeat it for several"),
    examples=("tinybench lab worker --leader tls://192.168.1.10:8751 --tls tls",),
)  # fmt: skip
def worker(
    voice: Voice, work: Path | None, emulated: tuple[str, ...], name: str | None, **said: Any
) -> int:
    """Give the boards of this computer's bench.toml to a lab."""
    from ...lab.serve import Working
    from ...lab.serve import work as serve_leader

    place = work or _own(None) / "worker"
    told = Working(
        said["leader"], place, name or "", said["host"], emulated=emulated, tls=said["tls"]
    )
    serve_leader(told, voice.note)
    return 0


@command(
    "init",
    folder(),
    Option("--host", metavar="HOST", required=True,
           help="name or address by which workers and browsers reach the leader"),
    examples=("tinybench lab init --host 192.168.1.10",),
)  # fmt: skip
def init(voice: Voice, lab: Path | None, host: str) -> int:
    """Make the certificates and the token of a lab that leaves this computer."""
    from ...lab import safety

    place = _own(lab)
    for path in safety.make_certificates(safety.tls_folder(place), [host]):
        print(path)
    safety.token(place)
    voice.note(
        f"a worker gets ca.pem, worker.pem and worker-key.pem; people get ca.pem and "
        f"{place / 'token'}. Whoever has a key and reaches the lab's port may run anything on "
        "its workers: keep them as you keep an SSH key"
    )
    return 0


def _own(lab: Path | None) -> Path:
    from ...lab.ask import lab_folder

    return lab_folder(lab)
