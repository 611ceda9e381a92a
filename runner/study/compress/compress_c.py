"""Nets whose weights take less flash, as candidates of an engine in C."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..layers.told import DIGITS, FACTOR
from ..one_image import array, write_engine
from .robe import Robe
from .tables import Tables
from .tied import Int8, IntNet, Shapes, shapes_of, shrunk, weights

CONSTANTS_B = 20
"""Of ROBE beside its array: size, block, a, b, c."""
NARROW = 256
"""Columns that a byte tells."""
NEAR = 1 << 16
"""Places that 16 bits tell."""


@dataclass(frozen=True)
class Named:
    """A net, and how what shrinks of its weights is kept: tables, or layers where it has none."""

    method: str
    net: IntNet
    shared: Robe | None = None

    def kept(self, which: int) -> str:
        """Return by which method tables (0) or a layer are kept."""
        return self.method if which in shrunk(shapes_of(self.net.ties)) else "dense"


def write_nets(folder: Path, nets: Sequence[Named], tables: Tables, numbers: int) -> None:
    """Write an engine whose candidates are nets of one form; result n is the class by net n.

    An input has an id for each table, and so many numbers. Raises BuildError.
    """
    _, (hidden, inputs), (classes, _) = shapes_of(nets[0].net.ties)
    declared = [f"static int32_t sums[{max(hidden, classes)}];\nstatic int8_t hidden[{hidden}];\n"]
    ids = len(tables.rows)
    if ids:
        declared.append(f"static int8_t given[{inputs}] __attribute__((aligned(4)));\n")
        declared.append(array("uint32_t", "firsts", tables.firsts))
    bodies = list[str]()
    for n, one in enumerate(nets):
        net = one.net
        for layer, biases in enumerate(net.biases):
            declared.append(array("int32_t", f"biases_{n}_{layer}", biases))
        body = ""
        if ids:
            made, call = _table(n, one)
            declared.append(made)
            body = _looked_up(call, ids, tables.width, numbers)
        if one.shared is not None:
            declared.append(_array_of(n, one.net, one.shared))
        (made, first), (more, second) = _layer(n, one, 1), _layer(n, one, 2)
        declared += made, more
        bodies.append(
            f"{body}    memcpy(sums, biases_{n}_0, sizeof biases_{n}_0);\n"
            f"    {first.format(into='given' if ids else 'INPUT')}\n"
            f"    activate(sums, {hidden}, {net.multiplier}, {net.shift}, hidden);\n"
            f"    memcpy(sums, biases_{n}_1, sizeof biases_{n}_1);\n"
            f"    {second.format(into='hidden')}\n"
            f"    results[{n}] = (float)largest(sums, {classes});\n"
        )
    write_engine(folder, "compress", "".join(declared), bodies, 2 * ids + numbers, len(nets))


def write_layers(folder: Path, kept: Sequence[Named]) -> None:
    """Write an engine whose candidates are the layers of a model, one after the other.

    Each reads as many of the input's first values as it has inputs; result n is a number that tells
    all sums by the nth apart, as `layers.told` has it. Raises BuildError.
    """
    shapes = shapes_of(kept[0].net.ties)[1:]
    columns, rows = (max(one[at] for one in shapes) for at in (1, 0))
    declared, bodies = [f"static int32_t sums[{rows}];\n"], list[str]()
    for n, one in enumerate(kept):
        if one.shared is not None:
            declared.append(_array_of(n, one.net, one.shared))
        body = "    uint32_t told = 0;\n"
        for layer, (out_c, _) in enumerate(shapes, 1):
            made, call = _layer(n, one, layer)
            declared.append(made)
            body += (
                f"    memset(sums, 0, sizeof sums);\n    {call.format(into='INPUT')}\n"
                f"    told = told * {FACTOR} + told_apart(sums, {out_c});\n"
            )
        bodies.append(body + f"    results[{n}] = (float)(told & 0x{DIGITS:x}u);\n")
    write_engine(folder, "compress", "".join(declared), bodies, columns, len(kept))


def _looked_up(call: str, ids: int, width: int, numbers: int) -> str:
    """Return the C that puts rows of tables, and then numbers, into `given`."""
    text = (
        f"    for (uint32_t k = 0; k < {ids}; k++) {{\n"
        f"        {call}, row_of_table(model_input, firsts, k), {width}, given + {width} * k);\n"
        f"    }}\n"
    )
    if numbers:
        text += f"    memcpy(given + {width * ids}, model_input + {2 * ids}, {numbers});\n"
    return text


def _array_of(n: int, net: IntNet, of: Robe) -> str:
    return array("int8_t", f"entries_{n}", net.entries[: of.size]) + (
        f"static const struct robe robe_{n} = {{entries_{n}, {of.size}, {of.block}, "
        f"{of.a}u, {of.b}u, {of.c}u}};\n"
    )


def _table(n: int, one: Named) -> tuple[str, str]:
    """Return the constants of all tables, and how the call begins that copies a row of them."""
    name, kept = f"{n}_0", one.kept(0)
    if kept == "robe":
        return "", f"robe_row(&robe_{n}"
    if kept == "palette":
        return _coded(name, one.net, 0), f"palette_row(&palette_{name}"
    if kept == "prune":
        values, lengths, at = sparse(one.net, 0)
        near = len(values) < NEAR
        text = (
            array("int8_t", f"values_{name}", values)
            + array("uint8_t", f"at_{name}", at)
            + array("uint16_t" if near else "uint32_t", f"starts_{name}", np.cumsum([0, *lengths]))
            + f"static const struct sparse_table table_{name} = {{values_{name}, at_{name}, "
            f"{f'starts_{name}, 0' if near else f'0, starts_{name}'}}};\n"
        )
        return text, f"sparse_table_row(&table_{name}"
    return array("int8_t", f"weights_{name}", weights(one.net)[0]), f"dense_row(weights_{name}"


def _layer(n: int, one: Named, layer: int) -> tuple[str, str]:
    """Return the constants of a layer, and its call."""
    shapes = shapes_of(one.net.ties)
    name, kept, (rows, columns) = f"{n}_{layer}", one.kept(layer), shapes[layer]
    if kept == "robe":
        first = sum(rows for rows, _ in shapes[1:layer])
        return "", f"dot_robe(&robe_{n}, {first}, {{into}}, {columns}, {rows}, sums);"
    if kept == "palette":
        return _coded(name, one.net, layer), (
            f"dot_palette(&palette_{name}, {{into}}, {columns}, {rows}, sums);"
        )
    if kept == "prune":
        values, lengths, at = sparse(one.net, layer)
        narrow = columns <= NARROW
        text = (
            array("int8_t", f"values_{name}", values)
            + array("uint16_t", f"lengths_{name}", lengths)
            + array("uint8_t" if narrow else "uint16_t", f"at_{name}", at)
            + f"static const struct sparse_rows rows_{name} = {{values_{name}, lengths_{name}, "
            f"{f'at_{name}, 0' if narrow else f'0, at_{name}'}}};\n"
        )
        return text, f"dot_sparse_rows(&rows_{name}, {{into}}, {rows}, sums);"
    return array("int8_t", f"weights_{name}", weights(one.net)[layer]), (
        f"dot_dense(weights_{name}, {{into}}, {columns}, {rows}, sums);"
    )


def _coded(name: str, net: IntNet, which: int) -> str:
    values, codes, bits = palette(net, which)
    return (
        array("int8_t", f"values_{name}", values)
        + array("uint8_t", f"codes_{name}", codes)
        + f"static const struct palette palette_{name} = {{codes_{name}, values_{name}, {bits}}};\n"
    )


def palette(net: IntNet, which: int) -> tuple[Int8, npt.NDArray[np.uint8], int]:
    """Return the palette of tables or of a layer, its codes packed row by row, and their bits."""
    mine = np.flatnonzero(net.ties.groups == which)
    bits = len(mine).bit_length() - 1
    codes = (net.ties.places[which] - mine[0]).astype(np.uint8)
    each = 8 // bits
    padded = np.pad(codes, ((0, 0), (0, -codes.shape[1] % each))).reshape(len(codes), -1, each)
    packed = (padded << (np.arange(each, dtype=np.uint8) * bits)).sum(axis=2).astype(np.uint8)
    return net.entries[mine], packed.ravel(), bits


def sparse(net: IntNet, which: int) -> tuple[Int8, npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return what is left of tables or of a layer, how many a row has, and their columns."""
    kept = net.ties.places[which] < len(net.entries) - net.ties.zeros
    return weights(net)[which][kept], kept.sum(axis=1), np.nonzero(kept)[1]


def weights_b(method: str, rate: float, shapes: Shapes, shared: Robe | None) -> tuple[int, int]:
    """Return the bytes of flash of all that stands for tables, and for the layers."""
    which = shrunk(shapes)
    each = [
        _bytes(method if n in which else "dense", rate, n, *shape) for n, shape in enumerate(shapes)
    ]
    if shared is not None:
        each[which[0]] += shared.size + CONSTANTS_B
    return each[0], sum(each[1:])


def _bytes(kept: str, rate: float, which: int, rows: int, columns: int) -> int:
    """Return the flash of tables (0) or of a layer, without what they share."""
    if kept == "robe":
        return 0
    if kept == "palette":
        bits = round(8 / rate)
        return (1 << bits) + rows * -(-columns * bits // 8)
    if kept == "prune":
        count = round(rows * columns / rate)
        if which == 0:
            return 2 * count + (2 if count < NEAR else 4) * (rows + 1)
        return count * (2 if columns <= NARROW else 3) + 2 * rows
    return rows * columns
