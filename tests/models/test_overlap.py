"""Which memory an output may take over while its input is still read."""

from collections.abc import Iterator

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tinybench.models.compiler.overlap import Overlap, pixel_by_pixel, plane_by_plane, rows_together
from tinybench.models.compiler.window import Window


@st.composite
def windows(draw: st.DrawFn) -> Window:
    """Return the window of a small layer with SAME or VALID padding."""
    in_h, in_w = draw(st.integers(1, 7)), draw(st.integers(1, 7))
    kernel_h, kernel_w = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    stride_h, stride_w = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    if kernel_h <= in_h and kernel_w <= in_w and draw(st.booleans()):
        out_h, out_w = (in_h - kernel_h) // stride_h + 1, (in_w - kernel_w) // stride_w + 1
    else:
        out_h, out_w = -(-in_h // stride_h), -(-in_w // stride_w)
    return Window(
        in_h=in_h,
        in_w=in_w,
        in_c=draw(st.integers(1, 4)),
        out_h=out_h,
        out_w=out_w,
        out_c=draw(st.integers(1, 4)),
        kernel_h=kernel_h,
        kernel_w=kernel_w,
        stride_h=stride_h,
        stride_w=stride_w,
        pad_top=max(0, (out_h - 1) * stride_h + kernel_h - in_h) // 2,
        pad_left=max(0, (out_w - 1) * stride_w + kernel_w - in_w) // 2,
    )


def read_by(window: Window, y: int, x: int) -> np.ndarray:
    """Return the input bytes that an output pixel reads."""
    image = np.arange(window.in_h * window.in_w * window.in_c)
    image = image.reshape(window.in_h, window.in_w, window.in_c)
    top, left = y * window.stride_h - window.pad_top, x * window.stride_w - window.pad_left
    rows = slice(max(0, top), max(0, top + window.kernel_h))
    return image[rows, max(0, left) : max(0, left + window.kernel_w)].reshape(-1)


Turn = tuple[list[np.ndarray], range]
"""Input bytes that a kernel reads, and output bytes that it then writes."""


def pixel_turns(window: Window, together: int, alone: int = 0) -> Iterator[Turn]:
    """Return what a kernel does that computes so many pixels together; the first ones alone."""
    pixels = [(y, x) for y in range(window.out_h) for x in range(window.out_w)]
    alone = min(alone, len(pixels))
    for first in [*range(alone), *range(alone, len(pixels), together)]:
        some = pixels[first : first + (1 if first < alone else together)]
        reads = [read_by(window, y, x) for y, x in some]
        yield reads, range(first * window.out_c, (first + len(some)) * window.out_c)


def row_turns(window: Window, together: int) -> Iterator[Turn]:
    """Return what a kernel does that computes so many rows together."""
    row, in_row = window.out_w * window.out_c, window.in_w * window.in_c
    for y in range(0, window.out_h, together):
        past = min(y + together, window.out_h)
        tops = [i * window.stride_h - window.pad_top for i in range(y, past)]
        reads = [
            np.arange(max(0, top) * in_row, min(window.in_h, top + window.kernel_h) * in_row)
            for top in tops
        ]
        yield reads, range(y * row, past * row)


def plane_turns(window: Window) -> Iterator[Turn]:
    """Return what a kernel does that copies a plane before it writes one."""
    before, after = window.in_h * window.in_w, window.out_h * window.out_w
    for c in range(window.out_c):
        reads = [np.arange(c * before, (c + 1) * before)]
        yield reads, range(c * after, (c + 1) * after)


def spoils(turns: Iterator[Turn], lead_b: int, writes_first: bool = False) -> bool:
    """Whether an output that begins `lead_b` before its input overwrites what is read later."""
    written = set[int]()
    for reads, writes in turns:
        places = {at - lead_b for at in writes}
        if writes_first:
            written |= places
        if any(not written.isdisjoint(some.tolist()) for some in reads):
            return True
        written |= places
    return False


@given(windows(), st.integers(1, 3))
def test_pixels_never_overwrite_what_is_still_to_be_read(window: Window, together: int) -> None:
    """With the lead nothing is overwritten, and with one byte less something may be."""
    overlap = pixel_by_pixel(window, together, reads_while_writing=False)
    assert not spoils(pixel_turns(window, together), overlap.lead_b)
    assert not spoils(pixel_turns(window, together), overlap.lead_b + 5)
    overlap = pixel_by_pixel(window, together, reads_while_writing=True)
    assert not spoils(pixel_turns(window, together), overlap.lead_b, writes_first=True)
    overlap = pixel_by_pixel(window, together, reads_while_writing=True, begins_anywhere=True)
    for alone in range(together):
        assert not spoils(pixel_turns(window, together, alone), overlap.lead_b, writes_first=True)


@given(windows(), st.integers(1, 3))
def test_rows_never_overwrite_what_is_still_to_be_read(window: Window, together: int) -> None:
    """With the lead of the row-wise kernel, no row is overwritten before all have read it."""
    lead_b = rows_together(window, together).lead_b
    assert not spoils(row_turns(window, together), lead_b, writes_first=True)


@given(windows())
def test_planes_never_overwrite_what_is_still_to_be_copied(window: Window) -> None:
    """With the lead of the plane-wise kernel, no plane is overwritten before it is copied."""
    assert not spoils(plane_turns(window), plane_by_plane(window).lead_b)


def test_a_same_convolution_runs_a_row_and_a_window_ahead() -> None:
    """3x3, stride 1: a row and a pixel are enough, and one byte less is too little."""
    window = Window(8, 8, 4, 8, 8, 4, 3, 3, 1, 1, 1, 1)
    overlap = pixel_by_pixel(window, 2, reads_while_writing=False)
    assert overlap == Overlap((8 + 1) * 4)
    assert not spoils(pixel_turns(window, 2), overlap.lead_b)
    assert spoils(pixel_turns(window, 2), overlap.lead_b - 1)
