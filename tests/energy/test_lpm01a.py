"""LPM01A: both decoders in any pieces, damaged in any way; the driver against the simulated one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinybench.energy.drivers.lpm01a import attached
from tinybench.energy.drivers.lpm01a import open as open_lpm01a
from tinybench.energy.lpm01a_stream import AsciiDecoder, BinaryDecoder
from tinybench.energy.monitor import Capture, MonitorSpec, open_monitor
from tinybench.energy.simulated.load import Windows
from tinybench.energy.simulated.lpm01a import SimulatedLpm01a, hexa
from tinybench.energy.simulated.port import PseudoPort
from tinybench.energy.simulated.scene import Scene
from tinybench.energy.trace import Chunk
from tinybench.errors import UsageError

Decoder = AsciiDecoder | BinaryDecoder


def decode(decoder: Decoder, data: bytes, piece_b: int = 4096) -> list[Chunk]:
    """Return all chunks of a stream that is fed in pieces."""
    chunks = []
    for at in range(0, len(data), piece_b):
        decoder.feed(data[at : at + piece_b])
        chunks.append(decoder.take())
    decoder.finish()
    return [chunk for chunk in [*chunks, decoder.take()] if chunk is not None]


def joined(chunks: list[Chunk]) -> np.ndarray:
    """Return the samples of chunks, which must follow each other without a hole."""
    count = 0
    for chunk in chunks:
        assert chunk.start_index == count
        count += len(chunk.samples)
    return np.concatenate([chunk.samples for chunk in chunks]) if chunks else np.empty(0)


def insist_nan_only_in_gaps(chunks: list[Chunk]) -> None:
    """Insist that no NaN passes as a sample."""
    samples = joined(chunks)
    lost = np.zeros(len(samples), np.bool_)
    for chunk in chunks:
        for gap in chunk.gaps:
            lost[gap.start_index : gap.start_index + gap.count] = True
    assert np.all(np.isfinite(samples) | lost)


def ascii_stream(values: list[str], every: int = 1000, rate_hz: int = 5000) -> bytes:
    """Return samples with a time stamp after each thousand."""
    out = b""
    for index, value in enumerate(values, start=1):
        out += value.encode() + b"\r\n"
        if index % every == 0:
            ms = index * 1000 // rate_hz
            out += b"TimeStamp: %03ds %03dms, buff 02%%\r\n" % (ms // 1000, ms % 1000)
    return out


def binary_stream(values: np.ndarray) -> bytes:
    """Return samples at 100 kS/s with a time stamp before each thousand, and the end."""
    out = b""
    for index in range(0, len(values), 1000):
        out += b"\xf0\xf3" + (index // 100).to_bytes(4, "big") + b"\x02\xff\xff"
        out += hexa(values[index : index + 1000])
    return out + b"\xf0\xf4\xff\xff"


def test_the_examples_of_the_manual_are_decoded() -> None:
    """6409-07 and 0x52A0 are 640.9 uA. Ref: UM2269 Rev 6."""
    text = joined(decode(AsciiDecoder(5000), b"6409-07\r\n"))
    binary = joined(
        decode(BinaryDecoder(1000), b"\xf0\xf3\0\0\0\0\2\xff\xff\x52\xa0\xf0\xf4\xff\xff")
    )
    assert text == pytest.approx([640.9e-6])
    assert binary == pytest.approx([640.9e-6], rel=1e-4)


@given(piece_b=st.integers(1, 700))
@settings(deadline=None, max_examples=20)
def test_the_size_of_the_pieces_does_not_matter(piece_b: int) -> None:
    """A stream decodes to the same samples however the line cuts it."""
    stream = ascii_stream([f"{1000 + index % 9000:04d}-06" for index in range(2300)])
    whole = joined(decode(AsciiDecoder(5000), stream))
    assert np.array_equal(joined(decode(AsciiDecoder(5000), stream, piece_b)), whole)
    assert len(whole) == 2300
    binary = binary_stream(np.linspace(1e-6, 0.04, 2300))
    whole = joined(decode(BinaryDecoder(100_000), binary))
    assert np.array_equal(joined(decode(BinaryDecoder(100_000), binary, piece_b)), whole)
    assert len(whole) == 2300


@given(values=st.lists(st.floats(1e-7, 0.05), min_size=1, max_size=200))
@settings(deadline=None)
def test_the_binary_format_is_within_its_quantisation(values: list[float]) -> None:
    """12 bits of mantissa in powers of 16: at most 0.2 % off."""
    decoded = joined(decode(BinaryDecoder(100_000), binary_stream(np.array(values))))
    assert decoded == pytest.approx(values, rel=0.002)


@given(st.data())
@settings(deadline=None, max_examples=60)
def test_a_damaged_stream_never_raises_and_its_gaps_hold_every_nan(data: st.DataObject) -> None:
    """Bytes lost, changed or added anywhere: what is left is on the right time axis."""
    binary = data.draw(st.booleans())
    stream = bytearray(
        binary_stream(np.full(5000, 1e-3)) if binary else ascii_stream(["1000-06"] * 5000)
    )
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(stream) - 1))
        kind = data.draw(st.sampled_from(("lose", "change", "add")))
        some = data.draw(st.binary(min_size=1, max_size=30))
        if kind == "lose":
            del stream[at : at + len(some)]
        elif kind == "change":
            stream[at : at + len(some)] = some
        else:
            stream[at:at] = some
    decoder: Decoder = BinaryDecoder(100_000) if binary else AsciiDecoder(5000)
    insist_nan_only_in_gaps(decode(decoder, bytes(stream), data.draw(st.integers(1, 5000))))


@given(noise=st.binary(max_size=3000), piece_b=st.integers(1, 500))
@settings(deadline=None)
def test_noise_never_raises(noise: bytes, piece_b: int) -> None:
    """Any bytes at all decode to samples, gaps, a failure, or nothing."""
    for decoder in (AsciiDecoder(5000), BinaryDecoder(100_000)):
        insist_nan_only_in_gaps(decode(decoder, noise, piece_b))


def test_what_is_no_stream_is_said_and_not_collected_for_ever() -> None:
    """Lines that are no samples, and samples without any time stamp."""
    noise = AsciiDecoder(5000)
    noise.feed(b"PowerShield > what\r\n" * 600)
    assert "no samples" in noise.failure
    endless = AsciiDecoder(5000)
    endless.feed(b"6409-07\r\n" * 20_001)
    assert "no time stamp" in endless.failure


@pytest.mark.parametrize("cut", [b"", b"64", b"6409-07", b"TimeSt", b"event 0"])
def test_an_overflow_is_told_from_an_end_wherever_it_cuts_a_line(cut: bytes) -> None:
    """The instrument's buffer is full in the middle of whatever it was sending."""
    decoder = AsciiDecoder(5000)
    decoder.feed(b"6409-07\r\n" + cut + b"error: transmit buffer overflow\r\nend\r\n")
    assert decoder.ended
    assert "overflow" in decoder.failure


def test_a_lost_sample_is_a_gap_where_it_was() -> None:
    """A damaged line costs one sample, by the next time stamp, and shifts no other."""
    lines = [f"{1000 + index:04d}-06" for index in range(3000)]
    lines[1500] = "2x00-06"
    chunks = decode(AsciiDecoder(5000), ascii_stream(lines))
    gaps = [gap for chunk in chunks for gap in chunk.gaps]
    assert [(gap.start_index, gap.count) for gap in gaps] == [(1500, 1)]
    assert joined(chunks)[1501] == pytest.approx(2501e-6)


def test_samples_that_vanish_without_a_trace_make_the_stretch_doubtful() -> None:
    """Ten whole lines are gone: nobody knows where, so the thousand between two stamps go."""
    lines = ascii_stream(["1000-06"] * 3000).split(b"\r\n")
    del lines[1500:1510]
    chunks = decode(AsciiDecoder(5000), b"\r\n".join(lines))
    gaps = [gap for chunk in chunks for gap in chunk.gaps]
    assert [(gap.start_index, gap.count) for gap in gaps] == [(1000, 1000)]
    assert len(joined(chunks)) == 3000


def test_a_missing_event_number_makes_all_since_the_last_edge_doubtful() -> None:
    """Event 01 is lost: what looks like the window from 00 to 02 is none."""
    lines = ["1000-06"] * 1000
    lines[100] += "\r\nevent 00 ris"
    lines[600] += "\r\nevent 02 ris"
    chunks = decode(AsciiDecoder(5000), ascii_stream(lines))
    edges = [edge.time_s for chunk in chunks for edge in chunk.edges]
    assert edges == pytest.approx([100.5 / 5000, 600.5 / 5000])
    (gap,) = [gap for chunk in chunks for gap in chunk.gaps]
    assert gap.start_index <= 101
    assert gap.start_index + gap.count >= 600


def test_events_count_on_after_99() -> None:
    """The event after 99 is 00."""
    lines = [f"1000-06\r\nevent {index % 100:02d} fal" for index in range(205)]
    chunks = decode(AsciiDecoder(5000), ascii_stream(lines))
    assert sum(len(chunk.edges) for chunk in chunks) == 205
    assert not any(chunk.gaps for chunk in chunks)


def test_the_summary_at_the_end_is_no_samples() -> None:
    """Its least and its most are written as samples are; in one piece, or byte by byte."""
    stream = ascii_stream(["1000-06"] * 1500) + b"end\r\nsummary beg\r\n0000-09\r\n9999-05\r\n"
    for size in (1, 7, len(stream)):
        decoder = AsciiDecoder(5000)
        for at in range(0, len(stream), size):
            decoder.feed(stream[at : at + size])
        decoder.finish()
        assert decoder.ended
        chunk = decoder.take()
        assert chunk is not None
        assert chunk.samples.max() == pytest.approx(1e-3)
        assert chunk.samples.min() == pytest.approx(1e-3)


def test_the_dut_is_powered_while_a_thread_reads_the_samples() -> None:
    """The boot pulse is in the trace: sampling begins before the supply is on."""
    device = SimulatedLpm01a(Scene(Windows()))
    chunks: list[Chunk] = []
    with PseudoPort(device) as port:
        monitor = open_monitor(MonitorSpec(driver="lpm01a", port=port.path))
        try:
            with Capture(monitor, chunks.append) as capture:
                monitor.power_on()
                capture.check()
                assert device.supply.on
                while sum(len(chunk.edges) for chunk in list(chunks)) < 2:
                    capture.check()
                monitor.power_off()
                assert not device.supply.on
        finally:
            monitor.close()
    assert len(joined(chunks)) >= 5000


@pytest.mark.parametrize(
    "wrong",
    [
        MonitorSpec(driver="lpm01a", port="x", rate_hz=10_000),
        MonitorSpec(driver="lpm01a", port="x", rate_hz=3000),
        MonitorSpec(driver="lpm01a", port="x", rate_hz=100_000, output="energy"),
        MonitorSpec(driver="lpm01a", port="x", voltage_v=5.0),
    ],
)
def test_what_the_instrument_cannot_do_is_said_before_it_is_opened(wrong: MonitorSpec) -> None:
    """A rate or voltage out of range is a mistake of usage that names what is valid."""
    with pytest.raises(UsageError):
        open_lpm01a(wrong)


def test_what_is_not_plugged_in_is_not_listed() -> None:
    """Nothing here has the USB numbers of the instrument."""
    assert attached() == []
