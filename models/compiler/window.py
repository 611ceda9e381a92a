"""The sliding window of a two-dimensional operator."""

import msgspec

from tinybench.errors import ModelError

from .checks import image
from .graph import Operator, Tensor

PADDING_SAME, PADDING_VALID = 0, 1
PADDING_GIVEN = 2
"""By rows and columns of its own, as ONNX has it, in the options SIDES; no .tflite says so."""
SIDES = ("PadTop", "PadLeft", "PadBottom", "PadRight")
TURNED = (
    *((f"{what}_h", f"{what}_w") for what in ("in", "out", "kernel", "stride", "dilation")),
    ("pad_top", "pad_left"),
)
"""What rows and columns have each."""
DILATION_MAX = 1 << 15
REACH_MAX = 1 << 24


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
    dilation_h: int = 1
    """Rows from one tap to the next."""
    dilation_w: int = 1

    def fields(self) -> dict[str, int]:
        """Return the fields that all kernels with a window have."""
        fields = msgspec.structs.asdict(self)
        del fields["dilation_h"], fields["dilation_w"]
        return fields

    def dilations(self) -> dict[str, int]:
        """Return the fields of those that know dilation."""
        return {"dilation_h": self.dilation_h, "dilation_w": self.dilation_w}

    @property
    def dilated(self) -> bool:
        """Whether the taps are apart."""
        return (self.dilation_h, self.dilation_w) != (1, 1)

    @property
    def turned(self) -> "Window":
        """The same with rows and columns exchanged."""
        fields = msgspec.structs.asdict(self)
        for one, other in TURNED:
            fields[one], fields[other] = fields[other], fields[one]
        return Window(**fields)

    @property
    def pixels(self) -> int:
        """Output positions."""
        return self.out_h * self.out_w

    @property
    def pointwise(self) -> bool:
        """Whether each output pixel takes the one input pixel in its place."""
        return (
            self.kernel_h == self.kernel_w == self.stride_h == self.stride_w == 1
            and self.pad_top == self.pad_left == 0
        )


def window_of(op: Operator, source: Tensor, target: Tensor, kernel_h: int, kernel_w: int) -> Window:
    """Return the window of an operator; raises ModelError where the output's shape does not fit."""
    in_h, in_w, in_c = image(source)
    out_h, out_w, out_c = image(target)
    stride_h, stride_w = int(op.options["StrideH"]), int(op.options["StrideW"])
    padding = op.options["Padding"]
    if stride_h < 1 or stride_w < 1:
        raise ModelError(f"stride {stride_h}x{stride_w}; at least 1x1 is needed")
    if padding not in (PADDING_SAME, PADDING_VALID) and SIDES[0] not in op.options:
        raise ModelError(f"padding {padding} is not supported; SAME and VALID are")
    top, left, bottom, right = (int(op.options.get(side, 0)) for side in SIDES)
    dilation_h, dilation_w = (
        int(op.options.get(name, 1)) for name in ("DilationHFactor", "DilationWFactor")
    )
    if not (0 < dilation_h <= DILATION_MAX and 0 < dilation_w <= DILATION_MAX):
        raise ModelError(
            f"dilation {dilation_h}x{dilation_w}; 1x1 to {DILATION_MAX}x{DILATION_MAX} is supported"
        )
    # From the first tap to the last.
    reach_h, reach_w = (kernel_h - 1) * dilation_h + 1, (kernel_w - 1) * dilation_w + 1
    if max(reach_h, reach_w) > REACH_MAX:
        raise ModelError(f"its window is {reach_h}x{reach_w}; {REACH_MAX} a side are the most")
    if padding == PADDING_SAME:
        wanted = -(-in_h // stride_h), -(-in_w // stride_w)
    else:
        wanted = (
            (top + in_h + bottom - reach_h) // stride_h + 1,
            (left + in_w + right - reach_w) // stride_w + 1,
        )
    if (out_h, out_w) != wanted:
        raise ModelError(
            f"its output, {target}, is {out_h}x{out_w}; "
            f"kernel, stride and padding give {wanted[0]}x{wanted[1]}"
        )
    if padding == PADDING_SAME:
        top = max(0, (out_h - 1) * stride_h + reach_h - in_h) // 2
        left = max(0, (out_w - 1) * stride_w + reach_w - in_w) // 2
    return Window(
        in_h=in_h,
        in_w=in_w,
        in_c=in_c,
        out_h=out_h,
        out_w=out_w,
        out_c=out_c,
        kernel_h=kernel_h,
        kernel_w=kernel_w,
        stride_h=stride_h,
        stride_w=stride_w,
        pad_top=top,
        pad_left=left,
        dilation_h=dilation_h,
        dilation_w=dilation_w,
    )
