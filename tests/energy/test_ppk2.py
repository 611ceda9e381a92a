"""PPK2: the decoder in any pieces, damaged in any way; metadata; the hidden loss."""

from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.energy.test_lpm01a import insist_nan_only_in_gaps, joined
from tinybench.energy.drivers import ppk2
from tinybench.energy.monitor import MonitorSpec, load_spec, open_monitor, supply_of
from tinybench.energy.ppk2_stream import Decoder, current_table, parse_metadata
from tinybench.energy.simulated.load import Blinking
from tinybench.energy.simulated.port import PseudoPort
from tinybench.energy.simulated.ppk2 import SimulatedPpk2, encode, metadata
from tinybench.energy.simulated.scene import Scene
from tinybench.energy.trace import Chunk
from tinybench.errors import DeclarationError, MonitorError, UsageError
from tinybench.transport.usb_ports import Port

TABLE = current_table(parse_metadata(metadata())[0], 3.0)


def words(count: int, current_a: float = 1e-3) -> np.ndarray:
    """Return the words of a constant current, with pin 0 low from 100 to 105."""
    pin = np.ones(count, np.uint32)
    pin[100:105] = 0
    return encode(np.full(count, current_a), 0, pin)


def decode(data: bytes, piece_b: int = 4096, edge: str = "falling") -> list[Chunk]:
    """Return all chunks of a stream that is fed in pieces."""
    decoder = Decoder(TABLE, 0, edge)
    chunks = []
    for at in range(0, len(data), piece_b):
        chunks += decoder.feed(data[at : at + piece_b])
    return chunks + decoder.finish()


def gaps(chunks: list[Chunk]) -> list[tuple[int, int]]:
    """Return all gaps as (start, count)."""
    return [(gap.start_index, gap.count) for chunk in chunks for gap in chunk.gaps]


def test_the_formula_of_the_instrument_is_applied() -> None:
    """i = UG x (r (GS r + GI) + S Vdd + I) with r = (adc - O)(1.8 / 163840) / R."""
    text = metadata().replace("O2: 0.0000", "O2: 8.0").replace("S2: 0.0000", "S2: 1e-6")
    calibration, hardware = parse_metadata(text.replace("UG2: 1.0000", "UG2: 1.5"))
    raw = (4 * 1000 - 8.0) * (1.8 / 163840) / 10.15
    wanted = 1.5 * (raw * (raw + 1) + 3e-6)
    assert current_table(calibration, 3.0)[(2 << 14) + 1000] == pytest.approx(wanted, rel=1e-6)
    assert hardware == "hardware 9173"


def test_a_coefficient_that_is_missing_or_damaged_is_refused() -> None:
    """nan is what some instruments say; anything else that is no number is an error."""
    nan = metadata().replace("GI3: 1.0000", "GI3: -nan")
    assert parse_metadata(nan)[0].unknown == ("GI3",)
    for damaged in ("GI3: 1.0x", "GI3: inf", "G3: 1.0"):
        with pytest.raises(MonitorError, match="GI3"):
            parse_metadata(metadata().replace("GI3: 1.0000", damaged))


@pytest.mark.parametrize("current_a", [5e-6, 200e-6, 2e-3, 30e-3, 0.4])
def test_a_current_in_each_range_comes_back(current_a: float) -> None:
    """What the simulated ADC quantises, the decoder undoes."""
    samples = joined(decode(words(20_000, current_a).tobytes()))
    assert samples.mean() == pytest.approx(current_a, rel=1e-3)


@given(piece_b=st.integers(1, 3000), cut=st.integers(0, 300))
@settings(deadline=None, max_examples=30)
def test_the_size_of_the_pieces_does_not_matter(piece_b: int, cut: int) -> None:
    """Old bytes before the stream and any pieces: the same samples and the same edge."""
    stream = words(3000).tobytes()[cut // 100 :]
    chunks = decode(stream, piece_b)
    first = 0 if cut < 100 else 1
    assert len(joined(chunks)) == 3000 - first
    (edge,) = [edge for chunk in chunks for edge in chunk.edges]
    assert edge.time_s == pytest.approx((100 - first - 0.5) * 1e-5)
    assert edge.uncertainty_s == pytest.approx(5e-6)


@pytest.mark.parametrize(("edge", "count"), [("falling", 1), ("rising", 1), ("both", 2)])
def test_only_the_edges_that_are_asked_for_are_told(edge: str, count: int) -> None:
    """The DUT marks by falling edges."""
    chunks = decode(words(3000).tobytes(), edge=edge)
    assert sum(len(chunk.edges) for chunk in chunks) == count


@pytest.mark.parametrize("lost", [1, 20, 63])
def test_lost_words_are_a_gap_of_their_number(lost: int) -> None:
    """By the counter."""
    stream = words(3000)
    chunks = decode(np.delete(stream, np.s_[1000 : 1000 + lost]).tobytes(), 512)
    assert gaps(chunks) == [(1000, lost)]
    assert len(joined(chunks)) == 3000


def test_a_lost_byte_costs_one_sample() -> None:
    """The stream goes on three bytes later; by the counter one word is missing."""
    stream = words(3000).tobytes()
    chunks = decode(stream[:4002] + stream[4003:], 512)
    assert gaps(chunks) == [(1000, 1)]
    assert len(joined(chunks)) == 3000


def test_words_that_cannot_be_are_gaps() -> None:
    """A range that does not exist, and one that holds for a single sample far from its own."""
    stream = words(3000)
    stream[500] |= np.uint32(7 << 14)
    stream[600] = (int(stream[600]) & ~(7 << 14)) | (4 << 14)
    assert gaps(decode(stream.tobytes())) == [(500, 1), (600, 1)]


@given(st.data())
@settings(deadline=None, max_examples=60)
def test_a_damaged_stream_never_raises_and_its_gaps_hold_every_nan(data: st.DataObject) -> None:
    """Bytes lost, changed or added anywhere."""
    stream = bytearray(words(2000).tobytes())
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(stream) - 1))
        some = data.draw(st.binary(min_size=1, max_size=50))
        lost = data.draw(st.integers(0, 50))
        stream[at : at + lost] = some
    insist_nan_only_in_gaps(decode(bytes(stream), data.draw(st.integers(1, 5000))))


@given(noise=st.binary(max_size=3000))
@settings(deadline=None)
def test_noise_never_raises(noise: bytes) -> None:
    """Any bytes at all decode to samples and gaps, or to nothing."""
    insist_nan_only_in_gaps(decode(noise, 700))


def test_as_ampere_meter_it_sets_no_voltage_and_its_own_mode() -> None:
    """The DUT's own supply passes through; the voltage is the one that was stated."""
    modes: list[tuple[Literal["ampere", "source"], int, int]] = [
        ("ampere", 1, 0),
        ("source", 2, 1800),
    ]
    for mode, code, millivolts in modes:
        device = SimulatedPpk2(Scene(Blinking(), real_time=False))
        with PseudoPort(device, real_time=False) as port:
            spec = MonitorSpec(driver="ppk2", port=port.path, voltage_v=1.8, mode=mode)
            monitor = open_monitor(spec)
            try:
                assert monitor.head.voltage_v == 1.8
                assert ("ampere" in monitor.head.monitor) == (mode == "ampere")
                monitor.power_on()
                monitor.start()
                next(iter(monitor.chunks()))
                assert (device.mode, device.millivolts, device.supply.on) == (
                    code,
                    millivolts,
                    True,
                )
            finally:
                monitor.close()


def test_an_ampere_meter_without_a_stated_voltage_is_refused(tmp_path: Path) -> None:
    """In its declaration, naming what is missing; of another monitor, too."""
    path = tmp_path / "a.toml"
    path.write_text('driver = "ppk2"\nmode = "ampere"\n')
    with pytest.raises(DeclarationError, match=r"state the DUT's own supply, as voltage_v = 3\.0"):
        load_spec(str(path))
    path.write_text('driver = "lpm01a"\nmode = "ampere"\nvoltage_v = 3.0\n')
    with pytest.raises(UsageError, match="mode = 'ampere' is for a ppk2"):
        open_monitor(load_spec(str(path)))
    path.write_text('driver = "ppk2"\nmode = "ampere"\nvoltage_v = 9.0\nport = "x"\n')
    with pytest.raises(UsageError, match=r"a PPK2 measures a supply of 0\.8 to 5\.0 V"):
        open_monitor(load_spec(str(path)))


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (MonitorSpec(driver="ppk2"), "is supplied with 3 V by the ppk2"),
        (MonitorSpec(driver="lpm01a", voltage_v=1.8), "is supplied with 1.8 V by the lpm01a"),
        (MonitorSpec(driver="ppk2", mode="ampere", voltage_v=3.3), "own supply, stated as 3.3 V"),
        (MonitorSpec(driver="joulescope"), "supplies nothing"),
    ],
)
def test_what_a_dut_is_about_to_get_is_a_sentence(spec: MonitorSpec, words: str) -> None:
    """Of a source its voltage, of an ampere meter the stated one, of others that it has its own."""
    assert words in supply_of(spec)


@pytest.mark.parametrize(
    ("seen", "first"),
    [
        ([("/dev/ttyACM10", "1-1:1.3"), ("/dev/ttyACM9", "1-1:1.1")], "/dev/ttyACM9"),
        ([("/dev/ttyACM3", "1-1:1.3"), ("/dev/ttyACM12", "1-1:1.1")], "/dev/ttyACM12"),
        ([("/dev/ttyACM10", "1-1"), ("/dev/ttyACM9", "1-1")], "/dev/ttyACM9"),
        ([("COM10", ""), ("COM9", "")], "COM9"),
    ],
)
def test_of_two_ports_the_lower_usb_interface_measures(
    monkeypatch: pytest.MonkeyPatch, seen: list[tuple[str, str]], first: str
) -> None:
    """Else the first by natural order: ttyACM10 comes after ttyACM9."""
    monkeypatch.setattr(
        ppk2, "ports", lambda *_: [Port(name, "S", ppk2.USB, place) for name, place in seen]
    )
    assert [found.port for found in ppk2.attached()] == [first]
