"""The HTML report: whole in one file, with every plot, labelled, and deaf to what a board says."""

import base64
import hashlib
import html
import itertools
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.runner.compare.test_change import energy
from tests.runner.compare.test_store import stored
from tests.runner.results.a_result import good_result
from tinybench.energy.trace import Chunk, Edge, TraceHead, TraceWriter
from tinybench.runner import cli
from tinybench.runner.measure.profile import Layer, Profile
from tinybench.runner.report.page import plots
from tinybench.runner.report.page.answers import roc_points
from tinybench.runner.report.page.many import pareto
from tinybench.runner.report.page.power import COLUMNS, powers
from tinybench.runner.results import score
from tinybench.runner.results.result import Answer, Energy, Result, read_result

EVIL = "<img src=x onerror=alert(1)></script><script>alert(1)</script>\x1b[31m\"'&|"
MODELLED = energy([100, 100.1, 100.2, 99.9, 99.8], 2, modelled=True)


class _Page(HTMLParser):
    """The elements and attributes of a page, and the text of its scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.inline: dict[str, str] = {}
        self.words: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        if self.tags[-1:] == ["script"] or self.tags[-1:] == ["style"]:
            self.inline.setdefault(self.tags[-1], data)
        self.words.append(data)


def _page(*runs: Path) -> str:
    out = runs[0].parent / "report.html"
    assert cli.main(["report", *map(str, runs), "--to", "html", "-o", str(out)]) in (0, 1)
    return out.read_text(encoding="utf-8")


def _ad() -> Result:
    """Return an anomaly run: 20 normal, 20 anomalous files, scores that overlap."""
    answers = [Answer(f"{n}.bin", n % 2, f"{n % 7 + 2 * (n % 2)}.5", [1000 + n]) for n in range(40)]
    return good_result(task="ad", model_id="ad01", accuracy=score.accuracy(answers, "auc"))


def test_the_page_needs_nothing_but_itself(tmp_path: Path) -> None:
    """It links to nowhere; the policy names its one style and its one script by their hashes."""
    text = _page(stored(tmp_path / "run", energy=MODELLED))
    page = _Page(text)
    assert not re.search(r"""(src|href)=["']?(?!#|data:)|url\(|@import|https?://""", text)
    (policy,) = (v for k, v in page.attributes if k == "content" and v and "default-src" in v)
    assert policy.startswith("default-src 'none'")
    for content in (page.inline["style"], page.inline["script"]):
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    assert len(text) < 400_000


def test_what_a_board_says_is_shown_and_never_obeyed(tmp_path: Path) -> None:
    """In every place where a text of the run stands: no element and no handler comes of it."""
    good = good_result()
    assert good.accuracy is not None
    answers = [msgspec.structs.replace(a, input=EVIL + a.input) for a in good.accuracy.answers]
    folder = stored(
        tmp_path / "run",
        board=EVIL,
        dut=EVIL,
        error=EVIL,
        complete=False,
        core=EVIL,
        time_base=EVIL,
        accuracy=msgspec.structs.replace(good.accuracy, answers=answers),
        energy=msgspec.structs.replace(MODELLED, monitor=EVIL, model_source=EVIL, faults=[EVIL]),
    )
    line = {"t_s": 1.0, "to": "host", "text": EVIL}
    (folder / "transcript.jsonl").write_bytes(msgspec.json.encode(line) + EVIL.encode())
    (folder / "profile.json").write_text(EVIL)
    text = _page(folder)
    page = _Page(text)
    assert page.tags.count("script") == 1
    assert "img" not in page.tags
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert "\x1b" not in text
    assert html.escape(EVIL[:20]) in text
    plain = _Page(_page(stored(tmp_path / "plain", energy=MODELLED)))
    assert set(page.tags) <= {*plain.tags, "input", "output"}


def test_every_plot_is_there_and_labelled(tmp_path: Path) -> None:
    """Emulated times and modelled energy are called so beside the numbers themselves."""
    page = _page(stored(tmp_path / "run", energy=MODELLED))
    titles = re.findall(r"<h3>([^<]*?) ?(?:<span.*?)?</h3>", page)
    assert "<h2>Broken rules</h2>" in page
    assert titles == [
        "Instructions in each window",
        "Confusion matrix",
        "Misread inputs",
        "Instructions of single inferences",
        "Energy of each window",
        "Power over time",
        "Figures",
        "Where it comes from",
    ]
    assert "6375000 instructions (emulated) an inference" in page
    assert "emulated: time is an instruction count, not a measurement" in page
    assert "modelled uJ/inference (k = 2)" in page
    assert "energy: modelled, not a measurement" in page


def test_measured_figures_are_not_called_emulated(tmp_path: Path) -> None:
    """The label says something only where it does not stand everywhere."""
    folder = stored(tmp_path / "run", emulated=False, board="mine", time_base="clock of the board")
    words = "".join(_Page(_page(folder)).words)
    assert "204 ms an inference" in _page(folder)
    assert "emulated ms" not in words


def test_the_confusion_matrix_counts_and_names_inputs(tmp_path: Path) -> None:
    """99 of 1000 are wrong, all in one cell, whose inputs are kept for the touch."""
    page = _page(stored(tmp_path / "run"))
    assert 'data-tip="1 answered as 0: 99 of 1000" data-cell="1,0"' in page
    assert 'data-tip="1 answered as 1: 901 of 1000" data-cell="1,1"' in page
    (inputs,) = re.findall(r'data-inputs="(.*?)"', page)
    cells = msgspec.json.decode(html.unescape(inputs))
    assert list(cells) == ["1,0"]
    assert len(cells["1,0"]) == 99
    assert cells["1,0"][0] == "tst_000901.bin"


def test_an_anomaly_run_has_a_roc_instead(tmp_path: Path) -> None:
    """With a threshold for each point, and the area that the result has."""
    result = _ad()
    folder = stored(
        tmp_path / "run", task="ad", model_id="ad01", accuracy=result.accuracy, energy=None
    )
    page = _page(folder)
    assert "<h3>ROC <span" in page
    assert "<h3>DET <span" in page
    assert "Confusion" not in page
    assert result.accuracy is not None
    assert f"AUC {result.accuracy.auc:.3f}" in page


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 1)), min_size=2, max_size=30))
def test_the_area_below_the_roc_is_the_auc(scores: list[tuple[int, int]]) -> None:
    """By trapezoids over its points, for equal scores too; it rises from (0, 0) to (1, 1)."""
    values, labels = [float(value) for value, _ in scores], [label for _, label in scores]
    wanted = score.auc(values, labels)
    if wanted is None:
        return
    points = roc_points(list(zip(values, labels, strict=True)))
    assert points[0][1:] == (0, 0)
    assert points[-1][1:] == (1, 1)
    area = sum((b[1] - a[1]) * (a[2] + b[2]) / 2 for a, b in itertools.pairwise(points))
    assert area == pytest.approx(wanted)


def test_the_layers_come_from_a_stored_profile(tmp_path: Path) -> None:
    """Emulated instructions, called so; a damaged file is said and hides nothing else."""
    folder = stored(tmp_path / "run")
    layer = Layer(
        index=0,
        operator="CONV_2D",
        kernel="conv_2d_dsp",
        output_shape=[1, 25, 5, 64],
        macs=320_000,
        computed_macs=3_125,
        microseconds=100.0,
        instructions=3125.0,
        share=1.0,
        flash_b=3328,
        ram_b=8000,
    )
    profile = Profile(
        board="mps2-an386",
        core="Cortex-M4F",
        task="kws",
        model="m.tflite",
        emulated=True,
        iterations=9,
        inference_us=101.0,
        layers=[layer],
    )
    (folder / "profile.json").write_bytes(msgspec.json.encode(profile))
    page = _page(folder)
    assert "0 CONV_2D (conv_2d_dsp): 3,125 instructions (emulated)" in page
    assert "3,125 MACs, " in page
    assert layer.instructions_per_mac == 1, "of those that are computed"
    assert "emulated us" not in page
    (folder / "profile.json").write_bytes(msgspec.json.encode(profile)[:50])
    page = _page(folder)
    assert "<h3>Layers</h3>" in page
    assert "cannot be read" in page
    assert "<h3>Confusion matrix <span" in page


def test_a_long_transcript_is_shown_by_both_ends(tmp_path: Path) -> None:
    """Lines stay whole; what is left out is counted; bytes that are no text are shown as hex."""
    folder = stored(tmp_path / "run")
    lines = [f'{{"t_s": {n}.5, "to": "dut", "text": "line {n}%"}}\n' for n in range(3000)]
    lines[0] = '{"t_s": 0, "to": "host", "hex": "00ff1b"}\n'
    (folder / "transcript.jsonl").write_text("".join(lines))
    page = _page(folder)
    assert "3 bytes 00ff1b" in page
    assert "line 1%" in page
    assert "line 2999%" in page
    assert "line 1500%" not in page
    shown = re.findall(r">\s*(\d+)\.5000 → line (\d+)%</div>", page)
    assert len(shown) > 500
    assert all(time == number for time, number in shown)
    (left_out,) = re.findall(r"([\d,]+) bytes in the middle are left out", page)
    kept_b = sum(len(lines[int(number)]) for _, number in shown) + len(lines[0])
    total_b = sum(map(len, lines))
    assert int(left_out.replace(",", "")) == pytest.approx(total_b - kept_b, abs=200)


def test_several_runs_are_one_page_that_compares_them(tmp_path: Path) -> None:
    """A row each, a picture of each trade, and times of one kind beside each other only."""
    runs = [stored(tmp_path / name, board=f"{name}|board", emulated=False) for name in "abc"]
    runs.append(stored(tmp_path / "emulated", energy=MODELLED))
    page = _page(*runs)
    assert page.count("<tr data-run=") == 4
    assert page.count(">b|board</td>") == 4, "in the table, and behind bars and two trades"
    assert "<h3>Broken rules" not in page
    (title,) = re.findall(r'<h2 id="g0">(.*?)</h2>', page)
    assert title == "kws, time measured"
    assert "time emulated" not in page, "without an estimate there are no milliseconds"
    assert "All runs" not in _page(runs[0])


def test_no_run_of_a_front_is_beaten_in_both() -> None:
    """And each that is left out is beaten by one of it."""
    points = [(1.0, 5.0), (2.0, 4.0), (3.0, 4.5), (3.0, 1.0), (4.0, 1.0), (1.0, 6.0)]
    assert pareto(points, more_is_better=False) == [(1.0, 5.0), (2.0, 4.0), (3.0, 1.0)]
    assert pareto(points, more_is_better=True) == [(1.0, 6.0)]


def test_a_result_of_wrong_numbers_is_still_a_page(tmp_path: Path) -> None:
    """Labels that there are not, answers that are no numbers, windows without iterations."""
    good = good_result()
    assert good.accuracy is not None
    assert good.performance is not None
    odd = [
        Answer("a", 10**9, "0.1,0.9", [1]),
        Answer("b", -1, "0.1,0.9", [1]),
        Answer("c", 1, "nan", [1]),
        Answer("d", 1, "0.1,0.9", []),
    ]
    windows = [msgspec.structs.replace(good.performance.windows[0], iterations=0)]
    folder = stored(
        tmp_path / "run",
        accuracy=msgspec.structs.replace(good.accuracy, answers=odd),
        performance=msgspec.structs.replace(good.performance, windows=windows * 5),
    )
    page = _page(folder)
    assert "3 answers are no numbers" in page


@given(
    st.lists(st.floats(0, 1e6, allow_subnormal=False), min_size=1, max_size=20),
    st.floats(0.001, 1e6),
)
def test_plots_take_any_values(values: list[float], middle: float) -> None:
    """Equal ones, one alone, far apart: every mark is inside the picture."""
    tips = [""] * len(values)
    pictures = [
        plots.dots(values, tips, "ms", middle),
        plots.histogram(values, "ms"),
        plots.whiskers(values, [None] * len(values), tips, "uJ"),
        plots.layers(tips, values, tips, "us"),
        plots.tail(values, "ms"),
        plots.over_time(values, "ms"),
        plots.ranges(tips, [(0.0, value, value) for value in values], tips, "ms", tips),
        plots.trade([(value, middle) for value in values], "ms", "uJ"),
        plots.scatter([plots.Mark(value + 1e-6, middle, "") for value in values], "ms", "uJ"),
    ]
    drawn = "".join(one.svg("a plot", "measured") for one in pictures)
    assert "nan" not in drawn
    places = [float(y) for y in re.findall(r'c?y="(-?[\d.]+)"', drawn)]
    assert all(-1 <= y <= plots.HEIGHT + 400 for y in places)


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with an energy trace: 20 s, a window of 10 s from 5 s on, and a hole in it."""
    folder = stored(tmp_path_factory.mktemp("traced") / "run", energy=_one_window())
    head = TraceHead(rate_hz=1000.0, unit="W", monitor="test")
    power = np.full(20_000, 1e-3)
    power[5000:15_000] = 10e-3
    power[7000] = 12e-3
    power[18_000] = 1.0
    power[9000:10_000] = np.nan
    with TraceWriter(folder / "energy.jls", head) as writer:
        writer.write(Chunk(0, power, edges=[Edge(5.0), Edge(15.0)]))
    return folder


def _one_window() -> Energy:
    found = msgspec.structs.replace(MODELLED, modelled=False)
    window = msgspec.structs.replace(found.windows[0], start_s=5.0, stop_s=15.0)
    return msgspec.structs.replace(found, windows=[window])


def test_the_power_of_a_window_is_shown_over_time(traced: Path) -> None:
    """Lowest, mean and highest of each column; peaks are kept, holes left, and the size bounded."""
    energy_found = read_result(traced).energy
    assert energy_found is not None
    (one,), why = powers(traced, energy_found)
    assert why == ""
    assert one.lasts_s == 10
    assert len(one.points) <= COLUMNS
    inside = [p for p in one.points if 0.1 < p[0] < 9.9]
    assert max(high for *_, high in inside if high is not None) == 12  # one sample of 55
    assert {low for _, low, _, _ in inside if low is not None} == {10}
    holes = [at for at, _, mean, _ in inside if mean is None]
    assert holes
    assert 3.9 < min(holes) < max(holes) < 5.1
    assert [at for at, *_ in one.points] == sorted(at for at, *_ in one.points)
    page = _page(traced)
    assert "Power in window 1" in page
    assert page.count('class="spread"') == 3  # before and after the hole, and of the inferences
    assert "One inference on the next" in page
    assert "Levels of power" in page
    assert "data-power" in page
    assert "modelled mW" not in page


def test_a_trace_that_is_gone_or_damaged_is_said(traced: Path, tmp_path: Path) -> None:
    """The page is there all the same."""
    copy = tmp_path / "run"
    shutil.copytree(traced, copy)
    (copy / "energy.jls").write_bytes(b"no trace")
    assert "the trace cannot be read" in _page(copy)
    (copy / "energy.jls").unlink()
    assert "the trace is not in the run folder" in _page(copy)


def test_a_tail_of_equal_values_is_seen() -> None:
    """It falls at once, from all of them to none."""
    points = re.findall(
        r'<polyline class="curve" points="([^"]*)"', plots.tail([115.7] * 128, "ms").content
    )
    (x, top), (last_x, bottom) = (pair.split(",") for pair in points[0].split())
    assert x == last_x
    assert float(bottom) - float(top) > 100
