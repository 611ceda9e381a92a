"""Nets whose weights take less flash, as candidates of an engine in C."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..one_image import array, write_engine
from .robe import Robe
from .tied import Int8, IntNet, weights

CONSTANTS_B = 20
"""Of ROBE beside its array: size, block, a, b, c."""
NARROW = 256
"""Columns that a byte tells."""
Named = tuple[str, IntNet, Robe | None]
"""Method, net, and how its rows share an array."""


def write_nets(folder: Path, nets: Sequence[Named]) -> None:
    """Write an engine whose candidates are nets of one form; result n is the class by net n.

    Raises BuildError.
    """
    hidden, features = nets[0][1].ties.places[0].shape
    classes = len(nets[0][1].ties.places[1])
    declared = [f"static int32_t sums[{max(hidden, classes)}];\nstatic int8_t hidden[{hidden}];\n"]
    bodies = list[str]()
    for n, (method, net, shared) in enumerate(nets):
        for layer, biases in enumerate(net.biases):
            declared.append(array("int32_t", f"biases_{n}_{layer}", biases))
        made, calls = _of(n, method, net, shared)
        declared.append(made)
        first, second = (
            call.format(into="INPUT" if layer == 0 else "hidden")
            for layer, call in enumerate(calls)
        )
        bodies.append(
            f"    memcpy(sums, biases_{n}_0, sizeof biases_{n}_0);\n    {first}\n"
            f"    activate(sums, {hidden}, {net.multiplier}, {net.shift}, hidden);\n"
            f"    memcpy(sums, biases_{n}_1, sizeof biases_{n}_1);\n    {second}\n"
            f"    results[{n}] = (float)largest(sums, {classes});\n"
        )
    write_engine(folder, "compress", "".join(declared), bodies, features, len(nets))


def _of(n: int, method: str, net: IntNet, shared: Robe | None) -> tuple[str, list[str]]:
    """Return the constants of a net, and the call of each layer."""
    shapes = [place.shape for place in net.ties.places]
    if shared is not None:
        of = (
            f"static const struct robe robe_{n} = {{entries_{n}, {shared.size}, {shared.block}, "
            f"{shared.a}u, {shared.b}u, {shared.c}u}};\n"
        )
        firsts = (0, shapes[0][0])
        return array("int8_t", f"entries_{n}", net.entries) + of, [
            f"dot_robe(&robe_{n}, {first}, {{into}}, {shape[1]}, {shape[0]}, sums);"
            for first, shape in zip(firsts, shapes, strict=True)
        ]
    texts, calls = list[str](), list[str]()
    for layer, (whole, (rows, columns)) in enumerate(zip(weights(net), shapes, strict=True)):
        name = f"{n}_{layer}"
        if method == "palette":
            values, codes, bits = palette(net, layer)
            texts += [
                array("int8_t", f"values_{name}", values),
                array("uint8_t", f"codes_{name}", codes),
                f"static const struct palette palette_{name} = {{codes_{name}, values_{name}, "
                f"{bits}}};\n",
            ]
            calls.append(f"dot_palette(&palette_{name}, {{into}}, {columns}, {rows}, sums);")
        elif method == "prune":
            values, lengths, at = sparse(net, layer)
            ctype, place = (
                ("uint8_t", f"at_{name}, 0") if columns <= NARROW else ("uint16_t", f"0, at_{name}")
            )
            texts += [
                array("int8_t", f"values_{name}", values),
                array("uint16_t", f"lengths_{name}", lengths),
                array(ctype, f"at_{name}", at),
                f"static const struct sparse_rows rows_{name} = {{values_{name}, lengths_{name}, "
                f"{place}}};\n",
            ]
            calls.append(f"dot_sparse_rows(&rows_{name}, {{into}}, {rows}, sums);")
        else:
            texts.append(array("int8_t", f"weights_{name}", whole))
            calls.append(f"dot_dense(weights_{name}, {{into}}, {columns}, {rows}, sums);")
    return "".join(texts), calls


def palette(net: IntNet, layer: int) -> tuple[Int8, npt.NDArray[np.uint8], int]:
    """Return the values of a layer's palette, its codes packed row by row, and their bits."""
    size = len(net.entries) // 2
    bits = size.bit_length() - 1
    codes = (net.ties.places[layer] - layer * size).astype(np.uint8)
    each = 8 // bits
    padded = np.pad(codes, ((0, 0), (0, -codes.shape[1] % each))).reshape(len(codes), -1, each)
    packed = (padded << (np.arange(each, dtype=np.uint8) * bits)).sum(axis=2).astype(np.uint8)
    return net.entries[layer * size :][:size], packed.ravel(), bits


def sparse(net: IntNet, layer: int) -> tuple[Int8, npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return the weights that are left of a layer, how many a row has, and their columns."""
    kept = net.ties.places[layer] < len(net.entries) - net.ties.zeros
    return weights(net)[layer][kept], kept.sum(axis=1), np.nonzero(kept)[1]


def weights_b(method: str, net: IntNet, shared: Robe | None) -> int:
    """Return the bytes of flash of all that stands for a net's weights."""
    if shared is not None:
        return len(net.entries) + CONSTANTS_B
    found = 0
    for layer, place in enumerate(net.ties.places):
        if method == "palette":
            values, codes, _ = palette(net, layer)
            found += len(values) + len(codes)
        elif method == "prune":
            values, lengths, _ = sparse(net, layer)
            found += len(values) * (2 if place.shape[1] <= NARROW else 3) + 2 * len(lengths)
        else:
            found += place.size
    return found
