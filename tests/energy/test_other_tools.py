"""Files of other tools: Keysight's .dlog, Otii, Monsoon; each a small one with its right value."""

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tinybench.energy.analysis import analyse
from tinybench.energy.examine import told
from tinybench.energy.importers import open_any
from tinybench.errors import TinybenchError, TraceError, UsageError

DESCRIPTION = """<!-- N6700X dlog settings -->
<dlog>
  <channel id="1">
    <sense_volt>{v1}</sense_volt><sense_curr>{i1}</sense_curr>
    <ident><model>N6785A</model><option><1ua>0</1ua><2ua>0</2ua></option></ident>
  </channel>
  <channel id="2">
    <sense_volt>{v2}</sense_volt><sense_curr>{i2}</sense_curr>
    <ident><model>N6731B</model></ident>
  </channel>
  <frame>
    <sense_minmax>{minmax}</sense_minmax><time>600</time><offset>0</offset><tint>{tint}</tint>
  </frame>
</dlog>
"""


def _dlog(rows: list[tuple[float, ...]], **said: object) -> bytes:
    words = {"v1": 1, "i1": 1, "v2": 0, "i2": 0, "minmax": 0, "tint": "0.001"} | said
    values = b"".join(struct.pack(f">{len(row)}f", *row) for row in rows)
    return DESCRIPTION.format(**words).encode() + bytes(8) + values


ROWS = [(3.0, 0.012 if 1000 <= k < 2000 else 0.005) for k in range(3000)]


def test_a_dlog_gives_its_energy(tmp_path: Path) -> None:
    """12 mA at 3.0 V for 1 s are 36 mJ; what is not stated of its accuracy is unknown."""
    path = tmp_path / "a.dlog"
    path.write_bytes(_dlog(list(ROWS)))
    with open_any(path) as trace:
        assert (trace.head.rate_hz, trace.count, trace.head.voltage_measured) == (1000, 3000, True)
        assert trace.head.monitor == "Keysight N6785A"
        found = analyse(told(trace, None, None, None, [(1.0, 2.0)]))
    assert found.median_j == pytest.approx(36e-3, rel=1e-3)
    assert found.not_stated == ["gain", "offset", "voltage"]


def test_an_output_of_a_dlog_is_chosen(tmp_path: Path) -> None:
    """The one with a current; of several, by name. Without its voltage, that is to be told."""
    path = tmp_path / "a.dlog"
    path.write_bytes(_dlog([(5.0, 3.0, 0.001 * k) for k in range(4)], i1=0, v2=1, i2=1))
    with open_any(path) as trace:
        samples, volts = trace.read(0, 4)
        assert samples == pytest.approx([0, 0.001, 0.002, 0.003])
        assert volts == pytest.approx([3.0] * 4)
    path.write_bytes(_dlog([(3.0, 0.1, 0.2)] * 4, i2=1))
    with pytest.raises(UsageError, match=r"several outputs was logged \(1, 2\).*--channel"):
        open_any(path)
    with open_any(path, channel="2", voltage_v=1.8) as trace:
        assert trace.read(0, 4)[0] == pytest.approx([0.2] * 4)
        assert (trace.head.voltage_v, trace.head.monitor) == (1.8, "Keysight N6731B")
    with pytest.raises(UsageError, match="no output '3'"):
        open_any(path, channel="3")


def test_a_sample_of_a_dlog_that_is_no_number_is_lost(tmp_path: Path) -> None:
    """As SCPI says that there is none."""
    path = tmp_path / "a.dlog"
    path.write_bytes(_dlog([(3.0, 0.01), (3.0, 9.91e37), (3.0, 0.01)]))
    with open_any(path) as trace:
        assert np.isnan(trace.read(0, 3)[0]).tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no description"),
        (b"x" * 3_000_000, "no description"),
        (_dlog(list(ROWS))[:-1], "cut short"),
        (_dlog([]), "cut short"),
        (_dlog(list(ROWS), minmax=1), "minima and maxima"),
        (_dlog(list(ROWS), tint=""), "no interval"),
        (_dlog(list(ROWS), tint="0"), "no interval"),
        (_dlog(list(ROWS), tint="1e999"), "no interval"),
        (_dlog(list(ROWS), i1=0, v2=1), "no output was logged with its current"),
        (_dlog([(0.01, 3.0)] * 4), r"a mean of 3 A at 0\.01 V is none"),
        (_dlog([(3.0, 1e9)] * 4), r"a mean of 1e\+09 A at 3 V is none"),
        (_dlog([(3.0, float("nan"))] * 4), "no sample is a number"),
        (b"<dlog>\n<!DOCTYPE x [<!ENTITY a 'b'>]>&a;</dlog>\n", "no interval"),
    ],
)
def test_what_is_no_dlog_is_refused_by_name(tmp_path: Path, data: bytes, words: str) -> None:
    """With what to do instead."""
    path = tmp_path / "a.dlog"
    path.write_bytes(data)
    with pytest.raises(TraceError, match=rf"\.dlog of Keysight's data logger: .*{words}.*as CSV"):
        open_any(path)


@given(
    at=st.lists(st.tuples(st.integers(0, 900), st.binary(max_size=9)), max_size=5),
    cut=st.integers(0, 900),
)
@settings(
    deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_damaged_dlog_is_refused_or_read(
    tmp_path: Path, at: list[tuple[int, bytes]], cut: int
) -> None:
    """Bytes changed, added and cut off anywhere."""
    data = bytearray(_dlog([(3.0, 0.01)] * 40))
    for place, some in at:
        data[place : place + 2] = some
    path = tmp_path / "a.dlog"
    path.write_bytes(bytes(data[: len(data) - cut]))
    try:
        with open_any(path) as trace:
            analyse(told(trace, None, None, 3.0, [(0.0, 0.01)]))
    except TinybenchError as error:
        assert str(path) in str(error)


OTII = '"Timer","Arc Main Current (A)","Arc Main Voltage (V)","Arc Main Energy (J)","Arc GPI1"'
OTII_UTC = '"Wall-clock time (UTC)","Arc Main Current (A)","Arc Main Voltage (V)"'
MONSOON = (
    "Time (s),Main Min Current (mA),Main Avg Current (mA),Main Max Current (mA),"
    "Main Avg Power (mW),Main Avg Voltage (V)"
)
PYMONSOON = "Time(ms),Main(mA),Main Voltage(V),"


@pytest.mark.parametrize(
    ("header", "row", "said"),
    [
        (OTII, "{t:.6f},{a},3.0,{sum},1", {}),
        (OTII_UTC, "2026-06-01 10:00:{t:09.6f},{a},3.0", {}),
        (OTII_UTC, "2026-06-01T10:00:{t:09.6f}Z,{a},3.0", {}),
        (MONSOON, "{t:.4f},1.0,{ma},90,{mw},3.0", {}),
        (PYMONSOON, "{packet},{ma},3.0,", {"columns": "-,i[ma],v", "rate_hz": 1000.0}),
        (OTII.replace(",", ";"), "{comma};{acomma};3,0;0,1;1", {}),
    ],
)
def test_exports_of_otii_and_monsoon_are_read(
    tmp_path: Path, header: str, row: str, said: dict[str, str | float]
) -> None:
    """12 mA at 3.0 V for 1 s are 36 mJ; minima, maxima and running sums are no samples."""
    path = tmp_path / "a.csv"
    lines = [header]
    for k in range(3000):
        amperes = 0.012 if 1000 <= k < 2000 else 0.005
        words = {"t": k / 1e3, "a": amperes, "ma": amperes * 1e3, "mw": amperes * 3e3}
        words |= {
            "sum": k * 1e-5,
            "packet": k // 10 / 100,
            "comma": f"{k / 1e3:.3f}".replace(".", ","),
        }
        lines.append(row.format(**words, acomma=str(amperes).replace(".", ",")))
    path.write_text("\n".join(lines) + "\n")
    with open_any(path, **said) as trace:  # pyright: ignore[reportArgumentType]
        assert (trace.head.unit, trace.head.voltage_measured) == ("A", True)
        found = analyse(told(trace, None, None, None, [(1.0, 2.0)]))
    assert found.median_j == pytest.approx(36e-3, rel=1e-3)
    assert found.not_stated == ["gain", "offset", "voltage"]


def test_times_of_packets_are_refused_with_what_to_tell(tmp_path: Path) -> None:
    """Several samples with one time, as PyMonsoon writes them."""
    path = tmp_path / "a.csv"
    path.write_text(PYMONSOON + "\n0.0,5.0,3.0,\n0.0,5.0,3.0,\n")
    with pytest.raises(
        TraceError, match=r"line 3: time stands still.*--columns -,i\[ma\],v --rate"
    ):
        open_any(path)


def test_a_running_sum_of_energy_is_no_sample(tmp_path: Path) -> None:
    """Otii writes one; the energy of each sample goes up and down, or stays."""
    path = tmp_path / "a.csv"
    for values, wrong in ((range(50), True), ([0, 1, 1] * 20, False), ([5] * 50, False)):
        rows = "\n".join(f"{k / 1e3},{value}e-6" for k, value in enumerate(values))
        path.write_text(f"time_s,energy_j\n{rows}\n")
        if wrong:
            with pytest.raises(TraceError, match="it is a running sum"):
                open_any(path)
        else:
            with open_any(path) as trace:
                assert trace.head.unit == "J"
