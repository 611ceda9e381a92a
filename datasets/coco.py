"""Make a visual wake words input from a photograph of COCO, as the reference preparation did."""

import io

import numpy as np
from numpy.typing import NDArray

from tinybench import extras
from tinybench.errors import DatasetError, ToolMissingError

SIDE_PX = 96
PHOTO_LIMIT_PX = 8192
"""Of either side; those of COCO have at most 640."""


def picture(jpeg: bytes, where: str) -> bytes:
    """Return a JPEG photograph as 96x96 RGB, uint8 interleaved, its proportions not kept.

    `where` names it in messages. Raises DatasetError for what is no JPEG picture, ToolMissingError
    without Pillow.
    """
    try:
        from PIL import Image
    except ImportError:
        raise ToolMissingError(extras.missing("reading photographs", "Pillow", "prepare")) from None
    try:
        with Image.open(io.BytesIO(jpeg), formats=["JPEG"]) as photo:
            if max(photo.size) > PHOTO_LIMIT_PX:
                raise DatasetError(
                    f"{where}: {photo.width}x{photo.height} pixels: no photograph of COCO"
                )
            pixels = np.asarray(photo.convert("RGB"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DatasetError(
            f"{where}: not a JPEG picture that can be read: {error}; download it again"
        ) from error
    return shrink(pixels, SIDE_PX, SIDE_PX).tobytes()


def shrink(pixels: NDArray[np.uint8], high_px: int, wide_px: int) -> NDArray[np.uint8]:
    """Return (height, width, 3) in another size: smoothed, then interpolated at pixel centres.

    Each sum is taken in the order in which the reference's library takes it: where a picture is
    white all over, one rounding more or less is a step of the result.
    Ref: SiliconLabs/platform_ml_models, eembc/Person_detection; scikit-image, transform.resize
    with anti_aliasing; equal to its version 0.26 to the byte on pictures that are not enlarged.
    """
    floats = pixels * (1.0 / 255)
    top, below = _places(pixels.shape[0], high_px)
    left, right = _places(pixels.shape[1], wide_px)
    rows = _smoothed(floats, high_px, top)
    cells = _smoothed(rows.swapaxes(0, 1), wide_px, left).swapaxes(0, 1)
    down, across = below[:, np.newaxis, np.newaxis], right[np.newaxis, :, np.newaxis]
    upper, lower = cells[:high_px], cells[high_px:]
    shrunk = upper[:, :wide_px] * (1 - down) * (1 - across)
    shrunk += upper[:, wide_px:] * (1 - down) * across
    shrunk += lower[:, :wide_px] * down * (1 - across)
    shrunk += lower[:, wide_px:] * down * across
    # The reference cuts the fraction off.
    return (255 * shrunk.clip(floats.min(), floats.max())).astype(np.uint8)


def _places(length: int, side: int) -> tuple[NDArray[np.intp], NDArray[np.floating]]:
    """Return which lines of `length` each of `side` lies between, and how far from the first.

    The lines are (2 * side): the first neighbour of all, then the second of all.
    """
    exact = (np.arange(side) + 0.5) * (length / side) - 0.5
    first = np.floor(exact).astype(np.intp)
    return np.concatenate([first, first + 1]), exact - first


def _smoothed(lines: NDArray[np.floating], side: int, at: NDArray[np.intp]) -> NDArray[np.floating]:
    """Return the lines `at` of a picture, smoothed over their neighbours by a Gaussian window."""
    length = len(lines)
    sigma = max(0.0, (length / side - 1) / 2)
    at = _mirrored(at, length)
    reach = int(4 * sigma + 0.5)
    if not reach:
        return lines[at]
    window = np.exp(-0.5 / (sigma * sigma) * np.arange(reach + 1) ** 2)
    window /= np.append(window[:0:-1], window).sum()
    smoothed = lines[at] * window[0]
    for away in range(reach, 0, -1):
        before, after = (_mirrored(at + step, length) for step in (-away, away))
        smoothed += (lines[before] + lines[after]) * window[away]
    return smoothed


def _mirrored(index: NDArray[np.intp], length: int) -> NDArray[np.intp]:
    """Return indices beyond an end folded back, the last line itself not repeated."""
    period = max(1, 2 * (length - 1))
    folded = np.abs(index) % period
    return np.where(folded >= length, period - folded, folded)
