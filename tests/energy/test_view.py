"""A trace in the browser: columns, sums, levels, folded inferences, and who may ask for them."""

import contextlib
import http.client
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.browser import HEADINGS, TAB_STOPS, TOO_WIDE, Browser
from tinybench.energy.analysis import analyse
from tinybench.energy.pictures import envelope
from tinybench.energy.trace import Edge, Infer, Trace, TraceHead
from tinybench.energy.view import shape
from tinybench.energy.view.pyramid import BLOCK, Pyramid
from tinybench.energy.view.served import TraceServer
from tinybench.runner import cli

RATE_HZ = 10_000.0
PERIOD = 100
"""Samples of an inference."""


def _trace(power: NDArray[np.float64], rate_hz: float = RATE_HZ) -> Trace:
    count = len(power)
    return Trace(
        head=TraceHead(rate_hz=rate_hz, unit="W", monitor="a test's", voltage_v=2.0, marks=0),
        count=count,
        read=lambda start, stop: (power[start:stop], None),
        edges=[Edge(1.0), Edge(3.0)],
        infers=[Infer(200)],
        name="trace.jls",
    )


def _power() -> NDArray[np.float64]:
    """4 s: 1 mW, between 1 and 3 s inferences of 100 samples: 10 mW, then 20 mW."""
    power = np.full(40_000, 1e-3)
    power[10_000:30_000] = np.tile(np.repeat([10e-3, 20e-3], PERIOD // 2), 200)
    return power


def _built(trace: Trace) -> Pyramid:
    pyramid = Pyramid(trace)
    assert len(list(pyramid.build())) == pyramid.pieces
    return pyramid


def test_no_peak_is_lost_at_any_zoom() -> None:
    """Of millions of samples each column has the lowest and the highest; lost ones leave holes."""
    rng = np.random.default_rng(1)
    power = rng.uniform(1e-3, 2e-3, 3_000_000)
    power[1_234_567] = 9.0
    power[2_345_678] = 0.0
    power[BLOCK * 100 : BLOCK * 200] = np.nan
    trace = _trace(power)
    _, low, mean, high = _built(trace).columns(0.0, 300.0, 500)
    assert len(mean) <= 500
    assert np.nanmax(high) == 9.0
    assert np.nanmin(low) == 0.0
    assert np.isnan(mean).sum() >= 10
    assert np.nanmean(mean) == pytest.approx(1.5e-3, rel=0.01)
    near = _built(trace).columns(123.4, 123.5, 200)
    for ours, read in zip(near, envelope(trace, 123.4, 123.5, 200), strict=True):
        assert np.array_equal(ours, read, equal_nan=True)


def test_sums_between_markers_are_those_of_the_samples() -> None:
    """Duration, charge, energy and means; lost samples are counted and add nothing."""
    power = _power()
    power[:100] = np.nan
    found = shape.sums(_trace(power), 0.0, 1.0)
    assert (found.duration_s, found.samples, found.lost) == (1.0, 9900, 100)
    assert found.energy_j == pytest.approx(0.99e-3)
    assert found.charge_c == pytest.approx(0.99e-3 / 2)
    assert found.mean_w == pytest.approx(1e-3)
    later = shape.sums(_trace(power), 1.0, 3.0)
    assert (later.lost, later.mean_w) == (0, pytest.approx(15e-3))


def test_levels_of_sleep_and_work_stand_apart() -> None:
    """Three levels are three bars, and no sample is left out."""
    found = shape.levels(_trace(_power()), 0.0, 4.0)
    assert sorted(count for count in found.counts if count) == [10_000, 10_000, 20_000]
    assert shape.levels(_trace(np.zeros(100)), 0.0, 0.01) == shape.Levels([], [])


def test_inferences_are_laid_over_each_other() -> None:
    """The same shape 200 times deviates by nothing; one that differs is in the range."""
    found = shape.fold(_trace(_power()), 1.0, 3.0, 200)
    assert found is not None
    assert (found.count, len(found.mean)) == (200, PERIOD)
    assert found.mean == pytest.approx([10e-3] * 50 + [20e-3] * 50)
    assert max(found.deviation) < 1e-12
    power = _power()
    power[20_010] = 50e-3
    odd = shape.fold(_trace(power), 1.0, 3.0, 200)
    assert odd is not None
    assert max(odd.high) == 50e-3
    alike = shape.fold(_trace(np.full(40_000, 0.0112)), 1.0, 3.0, 200)
    assert alike is not None
    assert max(alike.deviation) == 0, "what a sum rounds is no deviation"
    assert shape.fold(_trace(power), 1.0, 3.0, 10_000) is None, "two samples are no shape"


def test_a_spectrum_has_its_peak_where_the_power_swings() -> None:
    """50 inferences a second of two levels: its fundamental, to the width of a line."""
    found = shape.spectrum(_trace(_power()), 1.0, 3.0)
    peak = found.frequency_hz[int(np.argmax(found.density))]
    assert peak == pytest.approx(RATE_HZ / PERIOD, abs=RATE_HZ / shape.SEGMENT)
    assert shape.spectrum(_trace(_power()), 1.0, 1.1) == shape.Spectrum([], [])


@pytest.fixture
def served() -> Iterator[TraceServer]:
    """A trace that is served on a free port."""
    trace = _trace(_power())
    with TraceServer(0, trace, _built(trace), analyse(trace)) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def _get(server: TraceServer, path: str, host: str = "") -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=20)
    name = host or f"127.0.0.1:{server.server_address[1]}"
    connection.request("GET", path, headers={"Host": name})
    answer = connection.getresponse()
    with contextlib.closing(connection):
        return answer.status, answer.read().decode()


def test_only_who_knows_the_address_is_answered(served: TraceServer) -> None:
    """Another path, another name of this computer, a wrong question: a status and words."""
    key = f"/{served.key}/"
    assert served.server_address[0] == "127.0.0.1"
    assert _get(served, key)[0] == 200
    assert _get(served, "/")[0] == 404
    assert _get(served, "/guessed/power?from=0&to=1&columns=9")[0] == 404
    assert _get(served, key, host="evil.example")[0] == 403
    for words in ("power?from=0&to=99&columns=9", "power?from=nan&to=1&columns=9", "power?from=0",
                  "power?from=0&to=1&columns=99999999", "sums?from=1&to=1", "nothing?from=0&to=1",
                  "fold?from=1&to=3&count=x"):  # fmt: skip
        assert _get(served, key + words)[0] == 400, words
    assert _get(served, key + "power?from=0&to=4&columns=40")[0] == 200


def test_a_trace_is_walked_with_the_keyboard(served: TraceServer, chromium: Browser) -> None:
    """To a window, two markers in it, and the sums between them; the page is for everyone."""
    for width in (390, 1280):
        chromium.open(served.address, width=width)
        wait = "new Promise((done) => setTimeout(done, 600))"
        chromium.run(wait)
        assert chromium.said == []
        assert chromium.run(TOO_WIDE) == []
        assert chromium.run(TAB_STOPS) <= 20
        assert set(chromium.run(HEADINGS)) == {1, 2}
        for dark in (False, True):
            chromium.resize(width, dark=dark)
            chromium.leave(f"energy-view-{width}-{'dark' if dark else 'light'}")
        assert chromium.faults() == []
    chromium.run("document.querySelector('#power').focus()")
    for key in ("w", "a", *"." * 50, "b"):
        chromium.press(key)
    chromium.run(wait)
    told = chromium.run("document.querySelector('#sums').innerText")
    assert "duration\t1 s" in told
    assert "mean\t7.5 mA, 15 mW" in told
    assert "energy\t15 mJ" in told
    assert "200 of 200 inferences" in chromium.run("document.querySelector('#folded').textContent")


def test_the_command_serves_a_trace_for_a_while(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It prints the address, and ends by itself after `--seconds`; a port in use is said."""
    table = tmp_path / "trace.csv"
    table.write_text("t[s],i[a]\n" + "".join(f"{n / 1000},0.001\n" for n in range(2000)))
    assert cli.main(["energy", "view", str(table), "--voltage", "3", "--seconds", "0.1"]) == 0
    assert "http://127.0.0.1:" in capsys.readouterr().out
    assert cli.main(["energy", "view", str(table), "--voltage", "3", "--tcp-port", "99999999"]) == 2
    assert "leave --tcp-port out" in capsys.readouterr().err
