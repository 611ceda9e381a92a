"""Measure the link on a line as fast as its wire, beside a bare client; part of `make bench`.

Run alone: python -m tests.bench.link. Each client is a process of its own; so are the line and the
device, the C core.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests import ROOT
from tests.bench.figures import Figure
from tests.firmware.dut_process import build as build_core
from tests.link import bare_client, paced_line
from tests.link.byte_counter import send, time_bytes
from tinybench.runner.build.board import load_board

ENGINE = ROOT / "tests" / "link" / "timed_model.c"
VWW_B = 27648
KWS_B = 490
LINES = {"115200": (115200, 0), "921600": (921600, 0), "921600_latency16": (921600, 16)}
"""Name: bits a second, and the latency of the host's adapter in ms."""
INFER_US = 1000
ROUNDS = 2
NO_SLOWER = 1.02
"""What the yardstick itself differs by from one measurement to the next."""
CLIENT_TIMEOUT_S = 120


def build_device(folder: Path, model_id: str, input_b: int) -> Path:
    """Build the C core for the host with the timed engine; returns the program."""
    options = f"-DMODEL_ID={model_id} -DINPUT_B={input_b} -DRESULTS=12 -DINFER_US={INFER_US}"
    return build_core(
        load_board("host"), folder, f"CFLAGS_EXTRA={options}", model=ENGINE.read_text()
    )


def figures() -> list[Figure]:
    """Measure everything; takes about two minutes."""
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        line = paced_line.build(scratch)
        vww = build_device(scratch / "vww", "vww01", VWW_B)
        kws = build_device(scratch / "kws", "kws01", KWS_B)
        return _line_itself(line) + _uploads(line, vww) + _runs(line, kws)


def _line_itself(line: Path) -> list[Figure]:
    """Measure the time of a byte each way, in bit times: 10, and never less."""
    found: list[Figure] = []
    for baud, count in ((115200, 30_000), (921600, 240_000)):
        device = [sys.executable, "-m", "tests.link.byte_counter", str(count), str(baud)]
        with (
            paced_line.paced_line(line, device) as path,
            bare_client.open_port(path, baud) as port,
        ):
            os.read(port, 1)  # the device is there; at another rate it would be another byte
            send(port, bytes(count))
            took_s, timed_b = map(float, _read_line(port).split())
            os.write(port, b"?")
            back_s, back_b = time_bytes(port, count)
        where = f"of {count} bytes through the paced line; 10 is the wire's own"
        found += [
            Figure(f"link.paced_bits.to_dut.{baud}", took_s * baud / timed_b, "bit", 10.1, where),
            Figure(f"link.paced_bits.to_host.{baud}", back_s * baud / back_b, "bit", 10.1, where),
        ]
    return found


def _uploads(line: Path, device: Path) -> list[Figure]:
    """Time the upload of a VWW input with its answer, without the inference itself."""
    found: list[Figure] = []
    for baud, fast_ms, share, rounds, count in (
        (115200, 2530, 0.95, 1, 1),
        (921600, 320, 0.94, ROUNDS, 4),
    ):
        took_ms: dict[str, float] = {}
        cpu_share = 0.0
        for kind in ("bare", "stock", "fast") * rounds:
            ms, cpu_share = _measure(line, device, kind, str(baud), VWW_B, count)
            took_ms[kind] = min(ms - INFER_US / 1000, took_ms.get(kind, ms))
        bare_ms, stock_ms, fast_took_ms = (took_ms[kind] for kind in ("bare", "stock", "fast"))
        where = f"upload and answer of {VWW_B} bytes; the bare client {bare_ms:.0f} ms"
        line_share = VWW_B * 10 / baud / fast_took_ms * 1000
        found += [
            Figure(f"link.vww_upload_ms.fast.{baud}", fast_took_ms, "ms", fast_ms, where),
            Figure(f"link.vww_upload_ms.stock.{baud}", stock_ms, "ms", bare_ms * NO_SLOWER, where),
            Figure(
                f"link.line_share.fast.{baud}", line_share, "1", share, "payload / line", "higher"
            ),
        ]
        if baud == 921600:
            words = "processor time of the runner / wall time, during these uploads"
            found.append(Figure(f"link.cpu_share.fast.{baud}", cpu_share, "1", 0.08, words))
    return found


def _runs(line: Path, device: Path) -> list[Figure]:
    """Time the inputs of a KWS accuracy run, an inference of 1 ms included."""
    found: list[Figure] = []
    for name, fast_ms in (("115200", 60), ("921600", 9), ("921600_latency16", 45)):
        took_ms: dict[str, list[float]] = {}
        for _ in range(ROUNDS):
            for kind in ("bare", "stock", "fast", "stock_verified"):
                count = 8 if kind == "stock_verified" else 20
                took_ms.setdefault(kind, []).append(
                    _measure(line, device, kind, name, KWS_B, count)[0]
                )
        best = {kind: min(each) for kind, each in took_ms.items()}
        where = f"an input of {KWS_B} bytes and its answer, the better of {ROUNDS} lower quartiles"
        musts = {
            "fast": fast_ms,
            "stock": best["bare"] * NO_SLOWER,
            "bare": None,
            "stock_verified": None,
        }
        found += [
            Figure(f"link.kws_input_ms.{kind}.{name}", best[kind], "ms", must, where)
            for kind, must in musts.items()
        ]
    return found


def _measure(
    line: Path, device: Path, kind: str, name: str, input_b: int, count: int
) -> tuple[float, float]:
    """Return ms an input, and the client's share of a processor.

    The lower quartile of the inputs: what else this computer does only adds to the others.
    """
    baud, latency_ms = LINES[name]
    setup = ["sh", "-c", f'stty raw -echo {baud}; exec "$0"', str(device)]
    with paced_line.paced_line(line, setup, latency_ms=latency_ms) as path:
        words = [kind, path, str(baud), str(input_b), str(count)]
        done = subprocess.run(
            [sys.executable, "-m", "tests.link.client", *words],
            capture_output=True,
            text=True,
            timeout=CLIENT_TIMEOUT_S,
            check=False,
        )
    if done.returncode != 0:
        raise SystemExit(f"the {kind} client at {name}: {done.stderr}")
    document = json.loads(done.stdout)
    quartile = sorted(document["input_ms"])[len(document["input_ms"]) // 4]
    return quartile, document["cpu_share"]


def _read_line(port: int) -> bytes:
    words = b""
    while not words.endswith(b"\n"):
        words += os.read(port, 1)
    return words


if __name__ == "__main__":
    for figure in figures():
        mark = "MISS" if figure.missed else ""
        print(f"{figure.name:<41} {figure.value:>10.4g} {figure.unit:<5} {mark:<5} {figure.where}")
