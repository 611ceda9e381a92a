"""Traces of other programs: read as what they are, or refused by name and line."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyjls import DataType, Writer

from tinybench.energy.analysis import analyse
from tinybench.energy.examine import examine, told
from tinybench.energy.importers import open_any
from tinybench.energy.importers.table import read_table
from tinybench.energy.trace import Chunk, Edge, Gap, TraceHead, TraceWriter
from tinybench.errors import TinybenchError, TraceError, UsageError
from tinybench.runner.cli import main

EDGES = (500, 1000, 2000, 3000, 4000)
"""A mark and two windows, in samples."""


def _eembc(folder: Path, samples: list[float] | None = None, **files: str | bytes) -> Path:
    samples = [10.0] * 5000 if samples is None else samples
    folder.mkdir(exist_ok=True)
    raw = struct.pack(f"<Bf{len(samples)}f", 0xF1, 1000.0, *samples)
    (folder / "trace1-energy.bin").write_bytes(raw)
    (folder / "trace1-timestamps.json").write_text(json.dumps([at / 1e3 for at in EDGES]))
    for name, content in files.items():
        path = folder / name.replace("__", "-").replace("_", ".")
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def test_edges_out_of_order_make_no_number_of_ours(tmp_path: Path) -> None:
    """The old rule takes them as they stand, and finds nothing between."""
    _eembc(tmp_path, trace1__timestamps_json="[0.5, 2.0, 1.0]")
    with open_any(tmp_path) as trace:
        found = examine(trace, [])
    assert found.rules[0].windows[0].window.energy_uj == 0
    assert found.tinybench.windows[0].energy_j == pytest.approx(0.01)


def _v13(folder: Path, entries: object) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / "results.json"
    path.write_text(json.dumps(entries))
    return path


def _entry(edges: list[list[object]], count: int = 3000, iterations: int = 10) -> dict[str, object]:
    return {
        "file": "a.bin",
        "infer": {"iterations": iterations, "results": [1.0]},
        "power": {"samples": [1e-5] * count, "timestamps": edges, "voltage": 3},
    }


@pytest.mark.parametrize("name", [".", "trace1-energy.bin", "trace1-timestamps.json"])
def test_an_eembc_trace_opens_by_any_of_its_names(tmp_path: Path, name: str) -> None:
    """10 uJ a sample: 10 mW; without a log edges pair up, and --iterations says how many.

    The rule's own time gives its first window a sample too many.
    """
    with open_any(_eembc(tmp_path) / name) as trace:
        assert (trace.head.rate_hz, trace.head.unit, trace.head.method) == (1000, "uJ", "eembc")
        found = examine(told(trace, 100, None, None), [])
    assert found.tinybench.valid
    assert found.tinybench.median_j == pytest.approx(1e-4)
    (rule,) = found.rules
    assert [beside.window.energy_uj for beside in rule.windows] == [10010, 10000]
    assert rule.median_uj == pytest.approx(100.05)
    assert rule.reproduced is None


def test_iterations_come_from_the_results_where_there_is_no_log(tmp_path: Path) -> None:
    """And a log that is no log does no harm."""
    text = "1 ulp-ml:   # Inferences :  50\n1 ulp-ml:   # Inferences :  50\n"
    with open_any(_eembc(tmp_path, results_txt=text, log_txt=b"\xff\x00 nonsense")) as trace:
        assert [infer.iterations for infer in trace.infers] == [50, 50]
        assert analyse(trace).median_j == pytest.approx(2e-4)


def test_the_eembc_rule_needs_every_sample_before_its_edge_only(tmp_path: Path) -> None:
    """Time is added up in double precision: sample 1000 begins a hair before 1.000 s."""
    samples = [0.0] * 5000
    samples[999], samples[1000], samples[1999], samples[2000] = 1.0, 10.0, 100.0, 1000.0
    with open_any(_eembc(tmp_path, samples)) as trace:
        (rule,) = examine(trace, []).rules
    added = 0.0
    times = []
    for _ in range(5000):
        times.append(added)
        added += 0.001
    wanted = sum(s for s, at in zip(samples, times, strict=True) if 1.0 <= at < 2.0)
    assert rule.windows[0].window.energy_uj == wanted


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "found nothing"),
        (b"\xf1\x00\x00", "found byte 0xf1"),
        (b"\xf2" + bytes(8), "found byte 0xf2"),
        (b"\xf1" + struct.pack("<f", 0) + bytes(8), "are no rate"),
        (b"\xf1" + struct.pack("<f", float("nan")) + bytes(8), "are no rate"),
        (b"\xf1" + struct.pack("<f", 1000), "cut short"),
        (b"\xf1" + struct.pack("<f", 1000) + bytes(6), "1 samples and 2 bytes of another"),
    ],
)
def test_a_damaged_eembc_trace_is_refused(tmp_path: Path, raw: bytes, words: str) -> None:
    """By what is wrong with it."""
    _eembc(tmp_path, trace1__energy_bin=raw)
    with pytest.raises(TraceError, match=words):
        open_any(tmp_path)


@pytest.mark.parametrize("text", ["", "{}", '["a"]', "[-1.0]", "[1e999]", "null"])
def test_edges_that_are_none_are_refused(tmp_path: Path, text: str) -> None:
    """The message names the file."""
    _eembc(tmp_path, trace1__timestamps_json=text)
    with pytest.raises(TraceError, match=r"trace1-timestamps\.json"):
        open_any(tmp_path)
    (tmp_path / "trace1-timestamps.json").unlink()
    with pytest.raises(TraceError, match="beside it"):
        open_any(tmp_path)


def test_a_nan_in_an_eembc_trace_never_becomes_a_number(tmp_path: Path) -> None:
    """One in a window of a thousand is flagged by us; the rule of old adds it up."""
    samples = [10.0] * 5000
    samples[1500] = float("nan")
    with open_any(_eembc(tmp_path, samples)) as trace:
        found = analyse(trace)
    assert found.windows[0].lost == 1
    assert found.windows[0].energy_j == pytest.approx(0.01, rel=1e-6)
    assert main(["energy", "analyse", str(tmp_path), "--json"]) == 1


def test_a_v13_result_joins_its_infers(tmp_path: Path) -> None:
    """The boot pulse is the mark; each infer is bounded by its own samples."""
    first = _entry([["00", 100], ["01", 500], ["02", 2500]])
    second = _entry([["03", 400], ["04", 2400]])
    with open_any(_v13(tmp_path, [first, second])) as trace:
        assert trace.count == 6000
        found = examine(trace, [])
    assert found.tinybench.valid
    assert found.tinybench.median_j == pytest.approx(2e-3)
    (rule,) = found.rules
    assert [beside.window.energy_uj for beside in rule.windows] == pytest.approx([20000, 20000])


@pytest.mark.parametrize(
    ("stated", "wanted_v"), [(3, 3.0), ("1800m", 1.8), ("3.3 V", 3.3), ("?", None), (None, None)]
)
def test_a_v13_voltage_is_stated_in_several_ways(
    tmp_path: Path, stated: object, wanted_v: float | None
) -> None:
    """As the configuration had it; it is shown, and no energy depends on it."""
    entry = _entry([["01", 500], ["02", 2500]])
    power = entry["power"]
    assert isinstance(power, dict)
    power["voltage"] = stated
    with open_any(_v13(tmp_path, entry)) as trace:
        assert trace.head.voltage_v == (None if wanted_v is None else pytest.approx(wanted_v))
        assert analyse(trace).valid


def test_a_streaming_result_is_one_inference(tmp_path: Path) -> None:
    """Streaming wake words: no infer in the entry, one window over the whole recording."""
    entry = _entry([["00", 100], ["01", 500], ["02", 2500]])
    del entry["infer"]
    with open_any(_v13(tmp_path, entry | {"audio_file": "long_wav.wav"})) as trace:
        found = examine(trace, [])
    assert found.tinybench.valid
    assert found.tinybench.median_j == pytest.approx(20e-3)
    assert found.rules[0].median_uj == pytest.approx(20000)


def test_an_extra_edge_fools_the_v13_rule_and_not_ours(tmp_path: Path) -> None:
    """It takes the last two, whatever they are; we take none."""
    entry = _entry([["01", 500], ["02", 2500], ["03", 2600]])
    with open_any(_v13(tmp_path, entry)) as trace:
        found = examine(trace, [])
    (rule,) = found.rules
    assert rule.windows[0].window.energy_uj == pytest.approx(1000)
    assert not found.tinybench.valid
    assert found.tinybench.windows[0].faults == ["3 edges where two belong"]


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ([], "no infer was recorded"),
        ([{"file": "a"}], "not an energy result"),
        ([{"power": {"samples": "no", "timestamps": []}}], "not an energy result"),
        ([_entry([["00", 5000]])], "an edge at sample 5000 of 3000"),
        ([_entry([["00", -1]])], "an edge at sample -1 of 3000"),
        ([_entry([["01", 5]], count=0)], "an edge at sample 5 of 0"),
        ([_entry([], count=0)], "no samples"),
    ],
)
def test_a_wrong_v13_result_is_refused(tmp_path: Path, entries: object, words: str) -> None:
    """A result of another mode, or an edge that is outside of its samples."""
    with pytest.raises(TraceError, match=words):
        open_any(_v13(tmp_path, entries))


def test_a_v13_result_with_one_edge_has_no_window_by_its_rule(tmp_path: Path) -> None:
    """The rule says so; ours has a fault."""
    path = _v13(tmp_path, [_entry([["01", 5]])])
    with open_any(path) as trace:
        assert not analyse(trace).valid
        with pytest.raises(TraceError, match="takes the last two"):
            examine(trace, ["v1.3"])


def _jls(path: Path, *, high: int = 1, pins: int = 1, gap: bool = False) -> Path:
    """Write a file as another program would: current, voltage, and inputs at twice the rate."""
    rate_hz, count = 1000, 5000
    with Writer(str(path)) as writer:
        writer.source_def(
            source_id=1, name="js220", vendor="j", model="JS220", version="1", serial_number="7"
        )
        for number, name, unit in ((1, "current", "A"), (2, "voltage", "V")):
            writer.signal_def(
                signal_id=number, source_id=1, sample_rate=rate_hz, name=name, units=unit
            )
        for pin in range(pins):
            writer.signal_def(
                signal_id=3 + pin,
                source_id=1,
                sample_rate=2 * rate_hz,
                name=f"gpi[{pin}]",
                data_type=DataType.U1,
            )
        current_a, voltage_v = np.full(count, 0.005, np.float32), np.full(count, 2.0, np.float32)
        cuts = ((0, 2500), (2508, count)) if gap else ((0, count),)
        for first, last in cuts:
            writer.fsr_f32(1, first, current_a[first:last])
            writer.fsr_f32(2, first, voltage_v[first:last])
        level = np.full(2 * count, high, np.uint8)
        for at in EDGES:
            level[2 * at : 2 * at + 4] = 1 - high  # a pulse of 2 ms
        for pin in range(pins):
            for first, last in cuts:
                packed = np.packbits(level[2 * first : 2 * last], bitorder="little")
                writer.fsr(3 + pin, 2 * first, packed)
    return path


def test_a_joulescope_file_gives_its_windows(tmp_path: Path) -> None:
    """Falling edges of its only input that changes, in its own time; 10 mW by i x v."""
    with open_any(_jls(tmp_path / "a.jls")) as trace:
        assert (trace.head.monitor, trace.head.serial) == ("JS220", "7")
        found = analyse(told(trace, 10, None, None))
    assert found.valid
    assert found.median_j == pytest.approx(1e-3, rel=1e-6)
    assert [window.start_s for window in found.windows] == pytest.approx([0.99975, 2.99975])
    assert found.windows[0].voltage_v == pytest.approx(2.0)


def test_several_inputs_that_change_need_a_choice(tmp_path: Path) -> None:
    """Never a guess."""
    path = _jls(tmp_path / "a.jls", pins=2)
    with pytest.raises(UsageError, match=r"gpi\[0\], gpi\[1\].*--channel"):
        open_any(path)
    with open_any(path, channel="gpi[1]") as trace:
        assert analyse(trace).valid
    with pytest.raises(UsageError, match="no channel 'gpi7'"):
        open_any(path, channel="gpi7")


def test_a_gap_of_an_input_is_no_edge(tmp_path: Path) -> None:
    """Lost bits read as 0: on a line that rests high that looks like two edges more."""
    with open_any(_jls(tmp_path / "a.jls", gap=True)) as trace:
        found = analyse(trace)
    assert found.edges == 5
    assert found.valid


def test_a_jls_without_current_or_power_is_refused(tmp_path: Path) -> None:
    """And one that is none at all."""
    path = tmp_path / "a.jls"
    with Writer(str(path)) as writer:
        writer.source_def(source_id=1, name="x", vendor="", model="", version="", serial_number="")
        writer.signal_def(signal_id=1, source_id=1, sample_rate=10, name="light", units="lx")
        writer.fsr_f32(1, 0, np.zeros(10, np.float32))
    with pytest.raises(TraceError, match="no signal 'current' or 'power'; it has light"):
        open_any(path)
    path.write_bytes(b"no JLS")
    with pytest.raises(TraceError, match="not a JLS file"):
        open_any(path)


def _levels(at: int) -> str:
    return "00100000" if any(edge <= at < edge + 3 for edge in EDGES) else "00000000"


def test_a_ppk2_export_gives_its_windows(tmp_path: Path) -> None:
    """Current in uA, time in ms, eight inputs as digits of which one changes."""
    lines = [f"{at},{5000.0:.3f},{_levels(at)}" for at in range(5000)]
    path = tmp_path / "ppk2.csv"
    path.write_text("\n".join(["Timestamp(ms),Current(uA),D0-D7", *lines]) + "\n")
    with open_any(path, voltage_v=2.0) as trace:
        assert (trace.head.monitor, trace.head.rate_hz) == ("ppk2", 1000.0)
        both = analyse(told(trace, 10, None, None))
        assert both.valid
        assert both.median_j == pytest.approx(1e-3, rel=1e-3)
    with open_any(path) as trace, pytest.raises(TraceError, match="--voltage"):
        analyse(trace)


@pytest.mark.parametrize(
    "header",
    [
        "time_s,current_a,voltage_v,edge",
        "Time (s);Current (A);Voltage (V);edge",
        "t\tI [A]\tV [V]\tedge",
        "# made by hand\n\nTimer,Main current (A),Main voltage (V),edge",
    ],
)
def test_columns_are_told_by_their_names(tmp_path: Path, header: str) -> None:
    """Whatever parts them, and with a decimal comma where a semicolon does."""
    delimiter = next(mark for mark in ";\t," if mark in header)
    rows = [[f"{at / 1e3:.3f}", "0.005", "2.0", str(int(at in EDGES))] for at in range(5000)]
    text = "\n".join([header, *(delimiter.join(row) for row in rows)])
    if delimiter == ";":
        text = text.replace(".", ",")
    path = tmp_path / "a.csv"
    path.write_text(text + "\n")
    with open_any(path) as trace:
        assert trace.head.rate_hz == pytest.approx(1000)
        found = analyse(told(trace, 10, None, None))
    assert found.valid
    assert found.median_j == pytest.approx(1e-3, rel=1e-3)


def test_power_and_other_units_are_scaled(tmp_path: Path) -> None:
    """mW, and a rate that the user gives where there is no time."""
    path = tmp_path / "a.csv"
    path.write_text("power_mw,edge\n" + "".join(f"10,{int(at in EDGES)}\n" for at in range(5000)))
    with open_any(path, rate_hz=1000) as trace:
        assert trace.head.unit == "W"
        assert analyse(told(trace, 10, None, None)).median_j == pytest.approx(1e-3, rel=1e-3)
    with pytest.raises(TraceError, match="--rate"):
        open_any(path)


def test_a_step_in_time_is_a_gap(tmp_path: Path) -> None:
    """Its samples are lost, wherever the file is cut into blocks; the rate is that of the rest."""
    count, lost = 200_000, (65_530, 65_550)
    rows = (f"{at * 1e-5:.5f},0.01" for at in range(count) if not lost[0] <= at < lost[1])
    path = tmp_path / "a.csv"
    path.write_text("time_s,power_w\n" + "\n".join(rows) + "\n")
    with open_any(path) as trace:
        assert trace.head.rate_hz == pytest.approx(1e5, rel=1e-9)
        assert list(trace.gaps) == [Gap(lost[0], lost[1] - lost[0])]
        assert trace.count == count
        samples, _ = trace.read(lost[0] - 1, lost[1] + 1)
        assert np.isnan(samples[1:-1]).all()
        assert samples[[0, -1]] == pytest.approx([0.01, 0.01])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "names no column"),
        ("a,b\n1,2\n", "names no column"),
        ("time_s,current_a\n", "0 samples are no trace"),
        ("time_s,current_a\n0,1\n", "1 samples are no trace"),
        ("time_s,current_a\n0,1\n1,2\n1,3\n", "line 4: time stands still"),
        ("time_s,current_a\n0,1\n2,2\n1,3\n", "line 4: time stands still"),
        ("time_s,current_a\n0,1\nnan,2\n1,3\n", "line 3: the time is nan"),
        ("time_s,current_a\n0,1\n1,x\n", "line 3: column 2 holds no number: 'x'"),
        ("time_s,current_a\n0,1\n1\n", "line 3 has 1 columns, where 2 belong"),
    ],
)
def test_a_wrong_table_is_refused(tmp_path: Path, text: str, words: str) -> None:
    """With the line."""
    path = tmp_path / "a.csv"
    path.write_text(text)
    with pytest.raises(TraceError, match=words):
        open_any(path)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    raw=st.binary(max_size=300),
    name=st.sampled_from(["a.csv", "results.json", "trace1-energy.bin", "a.jls", "a.json"]),
)
def test_any_bytes_are_refused_or_read(tmp_path: Path, raw: bytes, name: str) -> None:
    """Never a traceback; the message names the file."""
    for old in tmp_path.iterdir():
        old.unlink()
    (tmp_path / name).write_bytes(raw)
    try:
        with open_any(tmp_path / name) as trace:
            analyse(trace)
    except TinybenchError as error:
        assert tmp_path.name in str(error) or "voltage" in str(error)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(at=st.lists(st.tuples(st.integers(0, 400), st.characters()), max_size=4))
def test_a_damaged_table_is_refused_or_read(tmp_path: Path, at: list[tuple[int, str]]) -> None:
    """One wrong character anywhere: an error of ours, or numbers."""
    good = "time_s,current_a,voltage_v,edge\n"
    good += "".join(f"{n / 100:.2f},0.01,3.0,{int(n % 7 == 0)}\n" for n in range(30))
    text = list(good)
    for place, mark in at:
        text[place % len(text)] = mark
    path = tmp_path / "a.csv"
    path.write_text("".join(text), encoding="utf-8", errors="replace")
    try:
        analyse(read_table(path))
    except TinybenchError as error:
        assert str(error)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    rate=st.binary(min_size=4, max_size=4),
    samples=st.lists(st.binary(min_size=4, max_size=4), min_size=1, max_size=50),
    stamps=st.lists(st.floats(0, 1) | st.floats(allow_nan=False), max_size=8),
    log=st.text(max_size=100) | st.from_regex(r"[0-9]{1,20}\.[0-9]{1,9} io: Command .{0,40}"),
)
def test_any_numbers_in_an_eembc_trace_give_a_number_or_a_reason(
    tmp_path: Path, rate: bytes, samples: list[bytes], stamps: list[float], log: str
) -> None:
    """Infinities, NaN, denormals, edges anywhere: what we report is finite."""
    raw = b"\xf1" + rate + b"".join(samples)
    files = {"trace1__energy_bin": raw, "trace1__timestamps_json": json.dumps(stamps)}
    _eembc(tmp_path, log_txt=log.encode(errors="replace"), **files)
    try:
        with open_any(tmp_path) as trace:
            found = examine(told(trace, 3, None, None), ["eembc"])
    except TinybenchError as error:
        assert str(error)
        return
    for window in found.tinybench.windows:
        for value in (window.energy_j, window.uncertainty_j, window.per_inference_j):
            assert value is None or np.isfinite(value)
    assert found.tinybench.median_j is None or np.isfinite(found.tinybench.median_j)


def test_the_command_refuses_what_it_cannot_open(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing there, an empty folder, two traces, an unknown kind, a number that is none."""
    assert main(["energy", "analyse", str(tmp_path / "none.jls")]) == 2
    assert "there is no such file" in capsys.readouterr().err
    assert main(["energy", "analyse", str(tmp_path)]) == 2
    assert "there is no trace in this folder" in capsys.readouterr().err
    (tmp_path / "a.wav").write_bytes(b"RIFF")
    assert main(["energy", "analyse", str(tmp_path / "a.wav")]) == 2
    assert "not a trace of a known kind" in capsys.readouterr().err
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("time_s,power_w\n0,1\n1,1\n")
    assert main(["energy", "analyse", str(tmp_path)]) == 2
    assert "several traces (a.csv, b.csv)" in capsys.readouterr().err
    for option in ("--voltage", "--rate"):
        assert main(["energy", "analyse", str(tmp_path / "a.csv"), option, "-1"]) == 2
        assert "give a number above 0" in capsys.readouterr().err
    assert main(["energy", "analyse", str(tmp_path / "a.csv"), "--marks", "-1"]) == 2
    assert "give 0 or more" in capsys.readouterr().err
    assert main(["energy"]) == 2


def test_a_stored_trace_is_analysed_by_its_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a run folder has it; a modelled one is labelled."""
    head = TraceHead(rate_hz=1000, unit="A", voltage_v=2.0, modelled=True)
    with TraceWriter(tmp_path / "trace", head) as writer:
        edges = [Edge(at / 1e3) for at in EDGES]
        writer.write(Chunk(0, np.full(5000, 0.005, np.float32), edges=edges))
    (tmp_path / "result.json").write_text("{}")
    assert main(["energy", "analyse", str(tmp_path)]) == 1
    shown = capsys.readouterr().out
    assert "modelled: no measurement" in shown
    assert "2 windows, the rules want 5" in shown
