"""Energy of a study that a monitor measures: a board on a port, supplied by an instrument."""

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from tests import ROOT
from tests.runner.measure.brief import brief
from tinybench.energy.simulated.emulated import EmulatedLoad, timing_pin
from tinybench.energy.simulated.lpm01a import SimulatedLpm01a
from tinybench.energy.simulated.port import PseudoPort
from tinybench.energy.simulated.scene import Scene
from tinybench.errors import UsageError
from tinybench.runner.build.board import load_board
from tinybench.runner.desk.reserve import reserved
from tinybench.runner.measure import energy_mode
from tinybench.runner.report.study.classic import cells
from tinybench.runner.results.result import read_result
from tinybench.runner.results.words import request_of
from tinybench.runner.rules.judge import Outcome, judge
from tinybench.runner.study import energy
from tinybench.runner.study.classic import classic
from tinybench.runner.study.classic.classic import ask, run_classic
from tinybench.runner.study.listed import find_studies
from tinybench.runner.study.rows import Rows
from tinybench.runner.study.runs import insist_run
from tinybench.runner.study.work import Work
from tinybench.track import silent
from tinybench.transport.process import ProcessTransport

ACTIVE_A, VOLTAGE_V = 3.4e-3, 3.3
WRITER = """\
#!/bin/sh
set -e
cp "$1" "$(dirname "$0")/new"
mv "$(dirname "$0")/new" "$(dirname "$0")/flash"
echo Verified
"""


class Wired:
    """A board behind a port that runs what is in its flash; a monitor may switch its supply."""

    def __init__(self, flash: Path, pin: str) -> None:
        self._flash, self._pin = flash, pin
        self._emulated = load_board("mps2-an386")
        self._lock = threading.Lock()
        self._on, self._board, self._runs = True, None, None
        """Until a monitor is there, it is supplied by its port."""
        self._board: ProcessTransport | None
        self._runs: tuple[int, int] | None

    def power(self, on: bool) -> None:
        """Switch the supply."""
        with self._lock:
            self._on, self._runs = on, None

    def hear(self, data: bytes) -> bytes:
        """Take bytes of the host."""
        with self._lock:
            if (board := self._there()) is not None:
                board.write(data)
        return b""

    def speak(self, now_s: float, room_b: int) -> bytes:  # noqa: ARG002 - as a Device
        """Return bytes of the board."""
        with self._lock:
            board = self._there()
            return b"" if board is None else board.read(0.0)

    def overflow(self) -> bytes:
        """Lose nothing."""
        return b""

    def close(self) -> None:
        """Take it away."""
        self.power(False)
        with self._lock:
            self._there()

    def _there(self) -> ProcessTransport | None:
        """Return the board, started anew where its flash or its supply is another."""
        found = self._flash.stat() if self._on and self._flash.exists() else None
        runs = None if found is None else (found.st_ino, found.st_mtime_ns)
        if runs is None or runs != self._runs:
            if self._board is not None:
                self._board.close()
            self._board, self._runs = None, runs
            if runs is not None:
                command = self._emulated.command(str(self._flash), self._pin)
                self._board = ProcessTransport(command)
        return self._board


@contextmanager
def bench(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the words of a run on a board that an LPM01A supplies, each on a port."""
    writer = folder / "writer"
    writer.write_text(WRITER)
    writer.chmod(0o755)
    text = (ROOT / "firmware" / "boards" / "mps2-an386.toml").read_text().split("[emulator]")[0]
    board = folder / "real.toml"
    board.write_text(
        text.replace('"mps2-an386"', '"real"')
        + f'[flash.mine]\nwrite = ["{writer}", "{{elf}}"]\nwritten = "Verified"\n'
    )
    load = EmulatedLoad(1e-3, ACTIVE_A)
    with timing_pin(load) as pin, closing(Wired(folder / "flash", pin)) as dut:
        monitor = SimulatedLpm01a(Scene(load, real_time=False, on_power=dut.power))
        with (
            PseudoPort(monitor, real_time=False) as monitor_port,
            PseudoPort(dut, real_time=False) as port,
        ):
            desk = folder / "desk.toml"
            desk.write_text(
                f'driver = "lpm01a"\nport = "{monitor_port.path}"\nvoltage_v = {VOLTAGE_V}\n'
            )
            yield {"board": str(board), "port": port.path, "monitor": str(desk)}


def test_energy_that_a_monitor_measures_is_in_the_table_of_classic_models(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By another build, once all have run; asked for later, it is all that is done anew."""
    monkeypatch.setattr(classic, "PROFILE", brief(tmp_path)[1])
    made: Any = energy_mode.Infer  # an emulated board hurries beside the instrument
    untimed = {"host_s": None, "host_stop_s": None}
    monkeypatch.setattr(energy_mode, "Infer", lambda **said: made(**said | untimed))
    rng = np.random.default_rng(4)
    values = rng.integers(0, 5, (80, 6)).astype(np.float64)
    rows = Rows("made", values, (values[:, 0] > 2).astype(int), ("a", "b"))
    with bench(tmp_path) as words:
        asked = ask(rows, "", words["board"], ["linear"], 8, 1, [1])
        work = Work(tmp_path / "study", words, silent, lambda _: None)
        without = run_classic(rows, asked, replace(work, words={**words, "monitor": None}))
        assert without.rows[0].energy_j is None
        whole = run_classic(rows, asked, work)
    (row,) = whole.rows
    measured = read_result(work.folder / "linear-energy").energy
    assert measured is not None
    window = measured.windows[0]
    assert row.energy_j == pytest.approx(
        ACTIVE_A * VOLTAGE_V * (window.monitor_s or 0) / window.iterations, rel=0.01
    )
    assert (row.energy_modelled, row.rows_equal) == (False, 8)
    cleared = msgspec.structs.replace(row, energy_j=None, energy_modelled=None)
    assert cleared == without.rows[0]
    assert "modelled" not in cells(whole, row)[8]
    assert [one.energy_kind for one in find_studies(work.folder).rows] == ["measured"]
    insist_measured_again(work, monkeypatch)


def insist_measured_again(work: Work, patch: pytest.MonkeyPatch) -> None:
    """See that a run none of whose windows can be trusted is put aside, for one that may be."""
    out, beside = work.folder / "linear-energy", work.folder / "linear-energy-begun-1"
    well = judge(out)
    assert well.result.energy is not None
    without = msgspec.structs.replace(well.result.energy, per_inference_j=None)
    doubted = msgspec.structs.replace(well.result, energy=without)
    (out / "result.json").write_bytes(msgspec.json.encode(doubted))

    def done(_request: Any, there: Path, *_: Any) -> Outcome:
        assert (there, there.exists()) == (out, False)
        return well

    patch.setattr(energy, "done", done)
    found = energy.energy_of(work, "linear", task="kws")
    assert found["energy_j"] == well.result.energy.per_inference_j
    assert (beside / "result.json").is_file()


def test_a_monitor_that_cannot_be_is_refused_first() -> None:
    """By its name; an emulated board has the energy of a model alone."""
    with pytest.raises(UsageError, match="lpm01a"):
        insist_run({"board": "nucleo-l4r5", "monitor": "lpm01b"})
    with pytest.raises(UsageError, match="is a child process"):
        insist_run({"board": "mps2-an386", "monitor": "lpm01a"})
    insist_run({"board": "nucleo-l4r5", "port": "/dev/null", "monitor": "lpm01a"})


def test_a_monitor_that_sees_no_edges_is_refused_first(tmp_path: Path) -> None:
    """Of a study and of a run alike, by what it is: nobody waits for edges that never come."""
    blind = tmp_path / "blind.toml"
    blind.write_text('driver = "lpm01a"\nwire_format = "binary"\n')
    for monitor in ("n6705", str(blind)):
        words: dict[str, Any] = {"board": "nucleo-l4r5", "port": "/dev/null", "monitor": monitor}
        with pytest.raises(UsageError, match="records no edges of the timing pin"):
            insist_run(words)
        asked = request_of(**words, mode="energy", task="ad")
        with pytest.raises(UsageError, match="records no edges"), reserved(asked, print):
            pass


def test_a_board_whose_energy_build_cannot_be_heard_is_refused_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Models are not learnt, and run, for an energy that never comes."""
    bench = tmp_path / "bench.toml"
    monkeypatch.setenv("TINYBENCH_BENCH", str(bench))
    table = '[boards.left]\nboard = "nucleo-l4r5"\nserial = "AA"\n'
    bench.write_text(table)
    words = {"board": "left", "monitor": "lpm01a"}
    with pytest.raises(UsageError, match="talks on other pins"):
        insist_run(words)
    insist_run({**words, "port": "/dev/null"})
    bench.write_text(f'{table}energy_port = "/dev/null"\n')
    insist_run(words)
