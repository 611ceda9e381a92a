"""Pruned matrices as candidates of an engine in C, and the flash that they take."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..one_image import array, write_engine
from .pruned import (
    EIGHT,
    NARROW,
    Block,
    Int8,
    Kept,
    NumbersT,
    all_of,
    by_blocks,
    by_channels,
    by_weights,
    eights_of,
    of_blocks,
)

DENSE = "dense"
CALLS = {"plain": "dot_blocks", "dsp": "dot_blocks_dsp", "mve": "dot_blocks_mve"}
FACTOR, DIGITS = 31, 0xFFFFFF
"""Of the number that stands for sums. Ref: told_apart in firmware/compressed/blocks.c."""


@dataclass(frozen=True)
class Way:
    """One way to keep the weights of all layers."""

    scheme: str
    kernel: str
    """"plain", "dsp" or "mve"."""
    rate: float
    block: Block | None = None


@dataclass
class Made:
    """C that is being written."""

    texts: list[str] = field(default_factory=list[str])
    calls: list[str] = field(default_factory=list[str])
    size_b: int = 0

    def array(self, ctype: str, name: str, values: npt.NDArray[np.generic]) -> None:
        """Add a constant array, and its bytes."""
        self.texts.append(array(ctype, name, values))
        self.size_b += values.size * (2 if "16" in ctype else 1)


def left(way: Way, whole: NumbersT) -> NumbersT:
    """Return a matrix with what a way leaves out set to 0."""
    if way.scheme == "csr":
        return by_weights(whole, way.rate)
    if way.scheme == "channel":
        found = np.zeros_like(whole)
        rows = by_channels(whole, way.rate)
        found[rows] = whole[rows]
        return found
    if way.block is not None:
        return of_blocks(whole, by_blocks(whole, way.block, way.rate))
    return whole


def write_ways(folder: Path, ways: list[Way], matrices: list[Int8]) -> list[int]:
    """Write an engine whose candidates are ways to keep matrices; return the bytes of each.

    All matrices have the first of the same inputs. Raises BuildError.
    """
    rows = max(-(-len(one) // EIGHT) * EIGHT for one in matrices)
    columns = max(one.shape[1] for one in matrices)
    declared = [
        f"static int32_t sums[{rows}], part[{rows}];\n"
        f"static int8_t buffer[{columns}] __attribute__((aligned(4)));\n"
    ]
    bodies, sizes = list[str](), list[int]()
    for n, way in enumerate(ways):
        made = Made()
        for layer, whole in enumerate(matrices):
            _layer(made, way, f"{n}_{layer}", whole)
        declared += made.texts
        sizes.append(made.size_b)
        bodies.append(
            "    uint32_t told = 0;\n" + "".join(made.calls) +
            f"    results[{n}] = (float)(told & 0x{DIGITS:x}u);\n"
        )  # fmt: skip
    dsp = any(way.kernel == "dsp" for way in ways)
    write_engine(
        folder, "sparsity", "".join(declared), bodies, -(-columns // 4) * 4, len(ways), dsp=dsp
    )
    return sizes


def _layer(made: Made, way: Way, name: str, whole: Int8) -> None:
    out_c, in_c = whole.shape
    made.calls.append("    memset(sums, 0, sizeof sums);\n")
    if way.scheme == "csr":
        pruned = by_weights(whole, way.rate)
        made.array("int8_t", f"values_{name}", pruned[pruned != 0])
        made.array("uint16_t", f"lengths_{name}", (pruned != 0).sum(axis=1))
        narrow = in_c <= NARROW
        made.array("uint8_t" if narrow else "uint16_t", f"at_{name}", np.nonzero(pruned)[1])
        place = f"at_{name}, 0" if narrow else f"0, at_{name}"
        made.texts.append(
            f"static const struct sparse_rows rows_{name} = {{values_{name}, lengths_{name}, "
            f"{place}}};\n"
        )
        made.calls.append(f"    dot_sparse_rows(&rows_{name}, INPUT, {out_c}, sums);\n")
    elif way.scheme == "channel":
        rows = by_channels(whole, way.rate)
        made.array("uint16_t", f"rows_{name}", rows)
        made.calls.append("    memset(part, 0, sizeof part);\n")
        _dense(made, way, name, whole[rows], "part")
        made.calls.append(
            f"    for (uint32_t i = 0; i < {len(rows)}; i++) {{\n"
            f"        sums[rows_{name}[i]] = part[i];\n    }}\n"
        )
    elif way.block is not None:
        kept = by_blocks(whole, way.block, way.rate)
        _blocks(made, way, name, whole, kept, way.block)
    else:
        _dense(made, way, name, whole, "sums")
    made.calls.append(f"    told = told * {FACTOR} + told_apart(sums, {out_c});\n")


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


def told(matrices: list[Int8], inputs: Int8) -> npt.NDArray[np.float32]:
    """Return the number that stands for the sums of all matrices, of inputs [rows][columns]."""
    found = np.zeros(len(inputs), np.uint64)
    for whole in matrices:
        sums = inputs[:, : whole.shape[1]].astype(np.int64) @ whole.astype(np.int64).T
        one = np.zeros(len(inputs), np.uint64)
        for column in (sums & 0xFFFFFFFF).astype(np.uint64).T:
            one = (one * FACTOR + column) & 0xFFFFFFFF
        found = (found * FACTOR + (one & DIGITS)) & 0xFFFFFFFF
    return (found & DIGITS).astype(np.float32)
