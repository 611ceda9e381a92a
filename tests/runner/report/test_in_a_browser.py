"""Pages of each kind in a real Chromium: for everyone, on a phone, in the dark, on paper.

Pictures of them are left in the folder that TINYBENCH_SHOTS names.
"""

import itertools
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest

from tests.browser import HEADINGS, TAB_STOPS, TOO_WIDE, Browser
from tests.runner.audit.trees import KWS, eembc_log, infer, outputs
from tests.runner.compare.test_change import energy
from tests.runner.compare.test_store import stored
from tests.runner.report.test_mobile import a_scenario
from tests.runner.results.a_result import good_result
from tests.runner.results.test_stream import scored, streamed
from tinybench.energy.trace import Chunk, Edge, TraceHead, TraceWriter
from tinybench.runner import cli
from tinybench.runner.results import score
from tinybench.runner.results.result import Answer, Energy, write_result
from tinybench.runner.results.stream import PERIOD_S

STOPS_MOST = 20
PAGE_MOST_B = 400_000
IMPEDED = """
[...document.querySelectorAll("script[src],link[rel=stylesheet],img:not([src^='data:'])")]
  .map((one) => one.outerHTML)
"""
NAMELESS = """
[...document.querySelectorAll("svg")].filter((one) => !one.ariaLabel ||
  !one.closest(".card").querySelector(".behind table caption")).length
"""
ON_PAPER = """
[...document.querySelectorAll(".control, input, button")]
  .filter((one) => one.getClientRects().length && one.closest("thead") === null).length
"""


def _report(folder: Path, *runs: Path) -> str:
    out = folder / "page.html"
    assert cli.main(["report", *map(str, runs), "--to", "html", "-o", str(out)]) in (0, 1)
    return str(out)


def _traced(window: Energy) -> Energy:
    first = msgspec.structs.replace(window.windows[0], start_s=5.0, stop_s=15.0)
    return msgspec.structs.replace(window, windows=[first, *window.windows[1:]])


def _one(folder: Path) -> str:
    """A run of a real emulated board, with all that one leaves, and a trace."""
    run = folder / "run"
    words = ["--board", "mps2-an386", "--task", "kws", "--profile", "rapid", "--mode", "all"]
    assert cli.main(["-q", *words, "--monitor", "modelled", "--out", str(run)]) == 0
    return _report(folder, run)


def _two_classes(folder: Path) -> str:
    """A measured anomaly run with an energy trace: ROC, DET, power over time."""
    answers = [Answer(f"{n}.bin", n % 2, f"{n % 7 + 2 * (n % 2)}.5", [1000 + n]) for n in range(40)]
    run = stored(
        folder / "run",
        task="ad",
        model_id="ad01",
        board="mine",
        emulated=False,
        time_base="clock of the board",
        accuracy=score.accuracy(answers, "auc"),
        energy=_traced(energy([100, 100.1, 100.2, 99.9, 99.8], 2)),
    )
    power = np.full(20_000, 1e-3)
    power[5000:15_000] = 10e-3
    with TraceWriter(run / "energy.jls", TraceHead(rate_hz=1000.0, unit="W")) as writer:
        writer.write(Chunk(0, power, edges=[Edge(5.0), Edge(15.0)]))
    return _report(folder, run)


def _many(folder: Path) -> str:
    """Runs that are compared: measured ones of two tasks, and emulated ones."""
    good = good_result().performance
    assert good is not None
    runs = []
    for number in range(12):
        timed = msgspec.structs.replace(
            good, latency_s=0.1 + 0.01 * number, latency_uncertainty_s=0.002
        )
        runs.append(
            stored(
                folder / f"run{number}",
                board=f"board-{number}",
                emulated=number > 9,
                task="kws" if number % 2 else "vww",
                performance=timed,
                energy=energy([100.0 - number] * 5, 2),
            )
        )
    return _report(folder, *runs)


def _stream(folder: Path) -> str:
    """A wake word heard by a board, with a word missed and a false alarm."""
    heard = streamed([round(at_s / PERIOD_S) for at_s in (1.4, 1.5, 20.6, 30.0)])
    times_us = [8000 + number * 7919 % 300 for number in range(len(heard.results))]
    stream = scored(msgspec.structs.replace(heard, device_us=times_us, loudness=[900, 30_000] * 99))
    run = stored(
        folder / "run", task="sww", model_id="sww01", mode="stream", board="mine", emulated=False,
        time_base="clock of the board", accuracy=None, performance=None, stream=stream,
    )  # fmt: skip
    return _report(folder, run)


def _scenario(folder: Path) -> str:
    """A scenario on a board: its latencies, their tail and their order."""
    run = folder / "run"
    run.mkdir()
    write_result(run, a_scenario())
    return _report(folder, run)


def _history(folder: Path) -> str:
    """Runs of a month, which became faster once."""
    good = good_result().performance
    assert good is not None
    for number in range(12):
        latency_s = (0.1 if number < 6 else 0.09) + 0.0001 * (number % 3)
        timed = msgspec.structs.replace(good, latency_s=latency_s, latency_uncertainty_s=0.0004)
        stored(
            folder / "runs" / str(number),
            board="mine",
            emulated=False,
            started_at=f"2026-11-{number + 1:02}T10:00:00+00:00",
            performance=msgspec.structs.replace(timed, instructions_per_inference=None),
        )
    out = folder / "page.html"
    words = ["history", str(folder / "runs"), "--metric", "latency", "--metric", "flash"]
    assert cli.main([*words, "--to", "html", "-o", str(out)]) == 0
    return str(out)


def _audit(folder: Path) -> str:
    """A small tree of published results, one of which is wrong."""
    place = folder / "tree" / "closed" / "us" / "results" / "board" / "kws"
    place.mkdir(parents=True)
    lines = [line for name in KWS for line in infer(name, outputs(name, name != KWS[3]))]
    (place / "accuracy").mkdir()
    (place / "accuracy" / "log.txt").write_text(eembc_log(lines))
    (place / "accuracy" / "results.txt").write_text("Top-1: 100.0 %\n")
    out = folder / "audit.html"
    words = ["audit", str(folder / "tree"), "--to", "html", "-o", str(out)]
    assert cli.main(words) in (0, 1)
    return str(out)


@pytest.mark.parametrize("make", [_one, _two_classes, _many, _stream, _scenario, _history, _audit])
def test_a_page_is_for_everyone(
    make: Callable[[Path], str],
    chromium: Browser,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """axe-core finds nothing, light or dark; nothing is too wide for a phone, nameless or slow."""
    (tmp_path / "mirror").mkdir()
    monkeypatch.setenv("TINYBENCH_MIRROR", str(tmp_path / "mirror"))  # nothing is fetched
    path = make(tmp_path)
    name = make.__name__.strip("_").replace("_", "-")
    assert Path(path).stat().st_size < PAGE_MOST_B
    for width in (1280, 390):
        chromium.open(f"file://{path}", width=width)
        assert chromium.said == []
        assert chromium.run(IMPEDED) == [], "nothing is fetched, no script is waited for"
        assert chromium.run(TOO_WIDE) == []
        assert chromium.run(TAB_STOPS) <= STOPS_MOST
        headings = chromium.run(HEADINGS)
        assert headings[0] == 1
        assert all(after <= before + 1 for before, after in itertools.pairwise(headings))
        for dark in (False, True):
            chromium.resize(width, dark=dark)
            chromium.leave(f"{name}-{width}-{'dark' if dark else 'light'}")
            if dark == (width == 1280):
                assert chromium.faults() == []
    assert chromium.run(NAMELESS) == 0, "each figure has a name, and a table behind it"
    chromium.resize(1280, media="print")
    assert chromium.run(ON_PAPER) == 0


def test_a_page_that_is_not_for_everyone_is_found_out(chromium: Browser, tmp_path: Path) -> None:
    """The checks see a faint text, a nameless picture, what is too wide, and what is not there."""
    page = tmp_path / "page.html"
    page.write_text(
        '<!doctype html><html lang="en"><title>a</title><main><h1>a</h1><img src="gone.png">'
        '<p style="color:#ccc;background:#fff;width:900px">faint</p>' + "<button>b</button>" * 21
    )
    chromium.open(f"file://{page}", width=390)
    found = " ".join(chromium.faults())
    assert "color-contrast" in found
    assert "image-alt" in found
    assert chromium.run(TOO_WIDE) != []
    assert chromium.run(TAB_STOPS) == 21
    assert "gone.png" in chromium.said[0]


def test_the_table_of_runs_sorts_and_filters(chromium: Browser, tmp_path: Path) -> None:
    """By number where there are numbers; marks of rows that are left out fade."""
    chromium.open(f"file://{_many(tmp_path)}")
    rows = "[...document.querySelectorAll('.runs tbody tr:not([hidden])')]"
    column = f"{rows}.map((row) => row.cells[4].textContent)"
    press = "document.querySelectorAll('.runs thead button')[4].click()"
    before = chromium.run(column)
    chromium.run(press)
    up = chromium.run(column)
    assert sorted(before) == sorted(up)
    shown = [float(cell.partition(" ")[0]) for cell in up if cell != "-"]
    assert shown == sorted(shown)
    assert up[-2:] == ["-", "-"], "what was not measured comes last"
    chromium.run(press)
    down = chromium.run(column)[:10]
    assert [float(cell.partition(" ")[0]) for cell in down] == shown[::-1]
    chromium.run(
        "(() => { const only = document.querySelector('.only'); only.value = 'board-3';"
        "only.dispatchEvent(new Event('input')); })()"
    )
    assert chromium.run("document.querySelector('.hits').textContent") == "1 of 12 runs"
    left = "document.querySelectorAll('.mark:not(.left-out)[data-run]').length"
    assert 0 < chromium.run(left) <= 4


def test_the_tables_behind_figures_are_shown_where_they_are_asked_for(
    chromium: Browser, tmp_path: Path
) -> None:
    """By one switch; a screen reader has them without it."""
    chromium.open(f"file://{_report(tmp_path, stored(tmp_path / 'run'))}")
    height = "document.querySelector('.behind').getBoundingClientRect().height"
    assert chromium.run(height) <= 1
    chromium.run("document.querySelector('#tables').click()")
    assert chromium.run(height) > 50


def test_a_search_of_the_transcript_keeps_the_lines_with_the_word(
    chromium: Browser, tmp_path: Path
) -> None:
    """And says how many there are."""
    run = stored(tmp_path / "run")
    lines = [f'{{"t_s": {n}, "to": "dut", "text": "line {n}%"}}\n' for n in range(30)]
    (run / "transcript.jsonl").write_text("".join(lines))
    chromium.open(f"file://{_report(tmp_path, run)}")
    chromium.run(
        "(() => { const one = document.querySelector('.filter'); one.value = 'line 2';"
        "one.dispatchEvent(new Event('input')); })()"
    )
    shown = "[...document.querySelectorAll('.lines div:not([hidden])')].length"
    assert chromium.run(shown) == 11
    assert chromium.run("document.querySelector('.hits').textContent") == "11 lines"
