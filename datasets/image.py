"""Read a PNG picture as values of 0 to 255."""

import io

import numpy as np
from numpy.typing import NDArray

from tinybench import extras
from tinybench.errors import DatasetError, ToolMissingError

SIDE_MOST_PX = 8192
PIXELS_MOST = 1 << 22
ADVICE = "convert it, such as with: magick IN -depth 8 -alpha off OUT.png"
GREYS, OPAQUE = ("1", "L", "LA"), 255


def read_png(raw: bytes, where: str) -> NDArray[np.uint8]:
    """Return a picture as (height, width, channels): 1 of grey, or 3 of RGB.

    `where` names it in messages. Raises DatasetError for what is no PNG, is damaged, of 16 bits a
    value, or not opaque; ToolMissingError without Pillow.
    """
    try:
        from PIL import Image
    except ImportError:
        raise ToolMissingError(extras.missing("reading a picture", "Pillow", "prepare")) from None
    try:
        with Image.open(io.BytesIO(raw), formats=["PNG"]) as picture:
            wide, high = picture.size
            if max(wide, high) > SIDE_MOST_PX or wide * high > PIXELS_MOST:
                raise DatasetError(f"{where}: {wide}x{high} pixels; make it smaller before")
            if picture.mode.startswith("I"):
                raise DatasetError(f"{where}: a picture of 16 bits a value is not read; {ADVICE}")
            opaque = picture.convert("RGBA").getextrema()[-1] == (OPAQUE, OPAQUE)
            pixels = np.asarray(picture.convert("L" if picture.mode in GREYS else "RGB"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DatasetError(
            f"{where}: not a PNG picture that can be read: {error}; copy it again"
        ) from error
    if not opaque:
        raise DatasetError(f"{where}: parts of it are transparent; {ADVICE}")
    return pixels.reshape(high, wide, -1)
