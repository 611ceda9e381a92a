"""The sliding window of a two-dimensional operator."""

import msgspec


class Window(msgspec.Struct, frozen=True):
    """Where a sliding window of a two-dimensional operator lies."""

    in_h: int
    in_w: int
    in_c: int
    out_h: int
    out_w: int
    out_c: int
    kernel_h: int
    kernel_w: int
    stride_h: int
    stride_w: int
    pad_top: int
    pad_left: int

    @property
    def pixels(self) -> int:
        """Output positions."""
        return self.out_h * self.out_w
