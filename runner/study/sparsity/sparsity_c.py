"""Pruned matrices as candidates of an engine in C, and the flash and RAM that they take."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..layers.told import DIGITS, FACTOR
from ..one_image import array, write_engine
from .pruned import (
    EIGHT,
    NARROW,
    Block,
    Int8,
    Kept,
    Numbers,
    NumbersT,
    all_of,
    by_blocks,
    by_channels,
    by_weights,
    eights_of,
    of_blocks,
)
from .reordered import Places, order_of

DENSE, BLOCKS, REORDERED = "dense", "bcr", "reordered"
CALLS = {"plain": "dot_blocks", "dsp": "dot_blocks_dsp", "mve": "dot_blocks_mve"}
SUM_B = 4


@dataclass(frozen=True)
class Way:
    """One way to keep the weights of all layers."""

    scheme: str
    kernel: str
    """"plain", "dsp" or "mve"."""
    rate: float
    block: Block | None = None


@dataclass(frozen=True)
class Left:
    """What a way leaves of the weights of one layer."""

    whole: Int8
    """[outputs][inputs], what is left out is 0."""
    order: Places | None
    """Of rows, where they are reordered."""


@dataclass(frozen=True)
class Scratch:
    """RAM of a candidate beside the inputs and the sums of a layer."""

    buffer_b: int = 0
    """Inputs of a block, copied together."""
    part: int = 0
    """Sums of rows in another order, or of those alone that are left."""

    @property
    def size_b(self) -> int:
        """Return how much it is in all."""
        return self.buffer_b + SUM_B * self.part


@dataclass
class Made:
    """C that is being written."""

    written: bool = True
    """Whether its arrays are, or are counted alone."""
    texts: list[str] = field(default_factory=list[str])
    calls: list[str] = field(default_factory=list[str])
    size_b: int = 0

    def array(self, ctype: str, name: str, values: npt.NDArray[np.generic]) -> None:
        """Add a constant array, and its bytes."""
        if self.written:
            self.texts.append(array(ctype, name, values))
        self.size_b += values.size * (2 if "16" in ctype else 1)


def order_in(way: Way, whole: Numbers) -> Places | None:
    """Return the order that a way puts the rows of a matrix in, by its weights; None: as they lie.

    It is of the weights before anything is fitted, and stays.
    """
    if way.scheme != REORDERED or way.block is None:
        return None
    return order_of(whole, way.block, way.rate)


def left(way: Way, whole: NumbersT, order: Places | None = None) -> NumbersT:
    """Return a matrix with what a way leaves out set to 0."""
    if way.scheme == "csr":
        return by_weights(whole, way.rate)
    found = np.zeros_like(whole)
    if way.scheme == "channel":
        rows = by_channels(whole, way.rate)
        found[rows] = whole[rows]
        return found
    if way.block is None:
        return whole
    rows = np.arange(len(whole)) if order is None else order
    found[rows] = of_blocks(whole[rows], by_blocks(whole[rows], way.block, way.rate))
    return found


def scratch_of(way: Way, layers: Sequence[Left]) -> Scratch:
    """Return the scratch that the C of a way takes, of all layers the most."""
    columns, sums = [0], [0]
    for one in layers:
        if way.scheme == "channel":
            sums.append(_eights(len(by_channels(one.whole, way.rate))))
        elif way.block is not None:
            columns += [len(kept.columns) for kept in _kept(way, way.block, one)]
            sums.append(0 if one.order is None else len(one.order))
    return Scratch(max(columns), max(sums))


def _eights(rows: int) -> int:
    return -(-rows // EIGHT) * EIGHT


def _rows(one: Left) -> Int8:
    """Return the rows of a layer in their order."""
    return one.whole if one.order is None else one.whole[one.order]


def _kept(way: Way, block: Block, one: Left) -> list[Kept]:
    return by_blocks(_rows(one), block, way.rate)


def write_ways(folder: Path, ways: Sequence[Way], layers: Sequence[list[Left]]) -> list[int]:
    """Write an engine whose candidates are ways to keep weights; return the bytes of each.

    `layers`: of each way, of the same shapes; all have the first of the same inputs. Raises
    BuildError.
    """
    shapes = [one.whole.shape for one in layers[0]]
    columns = max(in_c for _, in_c in shapes)
    scratch = [scratch_of(*both) for both in zip(ways, layers, strict=True)]
    texts = [
        f"static int32_t sums[{max(_eights(out_c) for out_c, _ in shapes)}];\n"
        f"static int32_t part[{max(1, *(one.part for one in scratch))}];\n"
        f"static int8_t buffer[{max(1, *(one.buffer_b for one in scratch))}] "
        "__attribute__((aligned(4)));\n"
    ]
    bodies, sizes = list[str](), list[int]()
    for n, (way, each) in enumerate(zip(ways, layers, strict=True)):
        made = Made()
        for layer, one in enumerate(each):
            _layer(made, way, f"{n}_{layer}", one)
        texts += made.texts
        sizes.append(made.size_b)
        bodies.append(
            "    uint32_t told = 0;\n" + "".join(made.calls) +
            f"    results[{n}] = (float)(told & 0x{DIGITS:x}u);\n"
        )  # fmt: skip
    dsp = any(way.kernel == "dsp" for way in ways)
    write_engine(
        folder, "sparsity", "".join(texts), bodies, -(-columns // 4) * 4, len(ways), dsp=dsp
    )
    return sizes


def weights_b(way: Way, layers: Sequence[Left]) -> int:
    """Return the bytes that `write_ways` takes for a way."""
    made = Made(written=False)
    for one in layers:
        _layer(made, way, "", one)
    return made.size_b


def _layer(made: Made, way: Way, name: str, one: Left) -> None:
    whole, found = one.whole, "sums"
    out_c, in_c = whole.shape
    made.calls.append("    memset(sums, 0, sizeof sums);\n")
    if way.scheme == "csr":
        made.array("int8_t", f"values_{name}", whole[whole != 0])
        made.array("uint16_t", f"lengths_{name}", (whole != 0).sum(axis=1))
        narrow = in_c <= NARROW
        made.array("uint8_t" if narrow else "uint16_t", f"at_{name}", np.nonzero(whole)[1])
        place = f"at_{name}, 0" if narrow else f"0, at_{name}"
        made.texts.append(
            f"static const struct sparse_rows rows_{name} = {{values_{name}, lengths_{name}, "
            f"{place}}};\n"
        )
        made.calls.append(f"    dot_sparse_rows(&rows_{name}, INPUT, {out_c}, sums);\n")
    elif way.scheme == "channel":
        rows = by_channels(whole, way.rate)
        made.calls.append(f"    memset(part, 0, {SUM_B * _eights(len(rows))});\n")
        _dense(made, way, name, whole[rows], "part")
        _put(made, name, rows, "part", "sums")
    elif way.block is not None:
        _blocks(made, way, name, _rows(one), _kept(way, way.block, one), way.block)
        if one.order is not None:
            _put(made, name, one.order, "sums", "part")
            found = "part"
    else:
        _dense(made, way, name, whole, "sums")
    made.calls.append(f"    told = told * {FACTOR} + told_apart({found}, {out_c});\n")


def _put(made: Made, name: str, rows: Places, of: str, into: str) -> None:
    """Write what brings the sums of rows to where they belong."""
    made.array("uint16_t", f"rows_{name}", rows)
    made.calls.append(f"    put_rows(rows_{name}, {of}, {len(rows)}, {into});\n")


def _dense(made: Made, way: Way, name: str, whole: Int8, into: str) -> None:
    if way.kernel != "plain":
        _blocks(made, way, name, whole, all_of(whole), None, into)
        return
    made.array("int8_t", f"weights_{name}", whole)
    out_c, in_c = whole.shape
    made.calls.append(f"    dot_dense(weights_{name}, INPUT, {in_c}, {out_c}, {into});\n")


def _blocks(
    made: Made, way: Way, name: str, whole: Int8, kept: list[Kept], block: Block | None,
    into: str = "sums",
) -> None:  # fmt: skip
    out_c, in_c = whole.shape
    form = block or Block(64, 0)
    width = form.width or in_c
    made.array("int8_t", f"weights_{name}", eights_of(whole, kept, dsp=way.kernel == "dsp"))
    made.array("uint16_t", f"counts_{name}", np.array([len(one.columns) for one in kept]))
    masks = np.array([sum(1 << eight for eight in one.eights) for one in kept])
    made.array("uint8_t", f"eights_{name}", masks)
    place = "0, 0"
    if block is not None:
        narrow = width <= NARROW
        columns = np.concatenate([one.columns for one in kept])
        made.array("uint8_t" if narrow else "uint16_t", f"at_{name}", columns)
        place = f"at_{name}, 0" if narrow else f"0, at_{name}"
    made.texts.append(
        f"static const struct blocks blocks_{name} = {{weights_{name}, counts_{name}, "
        f"eights_{name}, {place}, {form.rows}, {width}, {-(-in_c // width)}}};\n"
    )
    made.calls.append(f"    {CALLS[way.kernel]}(&blocks_{name}, INPUT, {out_c}, buffer, {into});\n")
