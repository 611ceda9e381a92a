"""How far the output of a kernel must run ahead of an input whose memory it takes over."""

import functools

import msgspec
import numpy as np

from .window import Window


class Overlap(msgspec.Struct, frozen=True):
    """Where an output may begin in the memory of an input that is not needed later."""

    lead_b: int = 0
    """At least so many bytes before the input begins; after that where negative."""
    exact: bool = False
    """Exactly so many bytes before, or outside."""


IN_PLACE = Overlap()
SAME_PLACE = Overlap(exact=True)
KEPT_WINDOWS = 256
"""What was worked out for so many is kept: a network repeats its layers' forms."""


@functools.lru_cache(KEPT_WINDOWS)
def pixel_by_pixel(
    window: Window, together: int, reads_while_writing: bool, begins_anywhere: bool = False
) -> Overlap:
    """Return the overlap of a kernel that computes pixel after pixel, channels innermost.

    It reads the windows of `together` pixels, then writes all their channels;
    `reads_while_writing` says that it still reads those windows meanwhile, `begins_anywhere` that
    so many together may begin at any pixel.
    """
    pixels = window.out_h * window.out_w
    tops = np.arange(window.out_h) * window.stride_h - window.pad_top
    lefts = np.arange(window.out_w) * window.stride_w - window.pad_left
    rows = np.clip(tops, 0, window.in_h)[:, None] * window.in_w
    first_read = ((rows + np.clip(lefts, 0, window.in_w)) * window.in_c).reshape(-1)
    # What a pixel and all after it read begins here.
    first_needed = np.minimum.accumulate(first_read[::-1])[::-1]
    begins = np.arange(0, pixels, 1 if begins_anywhere else together)
    ends = np.minimum(begins + together, pixels)
    if not reads_while_writing:
        begins, ends = ends[:-1], ends[:-1]
    if not begins.size:
        return Overlap(-window.in_h * window.in_w * window.in_c)
    return Overlap(int((ends * window.out_c - first_needed[begins]).max()))


def rows_together(window: Window, together: int) -> Overlap:
    """Return the overlap of a kernel that writes so many rows while it reads those they take."""
    begins = np.arange(0, window.out_h, together)
    written = np.minimum(begins + together, window.out_h) * window.out_w * window.out_c
    needed = np.clip(begins * window.stride_h - window.pad_top, 0, window.in_h)
    return Overlap(int((written - needed * window.in_w * window.in_c).max()))


def plane_by_plane(window: Window) -> Overlap:
    """Return the overlap of a kernel that copies each plane, then writes that of the output."""
    growth = window.out_h * window.out_w - window.in_h * window.in_w
    return Overlap(growth * (window.out_c - 1 if growth > 0 else 1))
