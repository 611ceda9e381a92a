"""What of a head learns, in which numbers, and what RAM that takes: declared before anything is
built, and written as the header of the firmware."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
import numpy.typing as npt

from tinybench.errors import UsageError

from ..learning import head as shapes
from .document import HIDDEN_MOST
from .head import Floats, Head
from .samples import ORDER_B

BITS = {"float32": 32, "int16": 16, "int8": 8}
PARTS = ("all", "bias", "sparse")
INITS = ("zero", "model")
HEADROOM = 2.0
"""Ranges of int weights reach so many times as far as the largest weight of the row at first."""
REACH = 2.0
"""... and so far where all are 0."""
WORD_B = 4
HIDDEN_SEED = 1
"""Of the weights that a hidden layer begins with: an image has one beginning for all seeds."""
_PART = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?")


@dataclass(frozen=True)
class Variant:
    """A head that learns: what it begins as, and which part of it changes."""

    bits: int
    """Of a weight: 32 (float), 16 or 8."""
    rows: tuple[int, ...]
    """Outputs that learn."""
    columns: tuple[int, ...]
    """Weights of each of them that do; none: biases alone."""
    weights: npt.NDArray[np.float32 | np.int16 | np.int8]
    """[classes][features], as the firmware begins; in steps of `scales` where they are ints.

    With a hidden layer its units are the features.
    """
    biases: Floats
    scales: Floats
    """Of each row; 1 where weights are floats."""
    squared: bool = False
    """By the mean squared error of outputs to inputs; else by softmax and cross entropy."""
    hidden: Floats | None = None
    """[units][body] of a hidden layer as it begins; its biases begin as 0."""
    samples: int = 0
    """Kept in flash; 0: they come over the link."""

    @property
    def body(self) -> int:
        """How many values the frozen model gives."""
        return (self.weights if self.hidden is None else self.hidden).shape[1]

    @property
    def shape(self) -> tuple[int, ...]:
        """As the firmware says it at `train begin`."""
        rows, columns = len(self.rows), len(self.columns)
        classes = self.weights.shape[0]
        return (self.body, classes, rows, columns, self.bits, self.words, self.samples)

    @property
    def trained(self) -> int:
        """How many weights learn."""
        return len(self.rows) * len(self.columns)

    @property
    def words(self) -> int:
        """Words of 32 bits that hold all of learning, as a checkpoint has them."""
        return self.hidden_words + 2 * (self.trained + len(self.rows)) + 1

    @property
    def hidden_words(self) -> int:
        """Of them those of a hidden layer, which come first."""
        return 0 if self.hidden is None else 2 * (self.hidden.size + len(self.hidden))

    @property
    def ram_b(self) -> int:
        """RAM of learning: weights, biases, what momentum gathers, one input's and its outputs."""
        classes, features = self.weights.shape
        mixed = features if 0 < len(self.columns) < features else 0
        own = (self.trained + mixed) * self.bits // 8
        reals = self.trained + 2 * len(self.rows) + features + classes + self.hidden_words
        reals += 0 if self.hidden is None else self.body
        return own + WORD_B * reals + ORDER_B * self.samples


def numbers(text: str, most: int, word: str) -> tuple[int, ...]:
    """Return the numbers of a list such as 0-15,32, each once. Raises UsageError."""
    found = set[int]()
    for part in text.split(","):
        match = _PART.fullmatch(part.strip())
        first = int(match[1]) if match else most
        last = int(match[2] or match[1]) if match else most
        if not first <= last < most:
            raise UsageError(
                f"{word} '{part[:40]}': numbers of 0 to {most - 1} are needed, such as 0-3,7"
            )
        found.update(range(first, last + 1))
    return tuple(sorted(found))


class Learns(TypedDict, total=False):
    """What `declare` takes: which part of a head learns, from what, in which type."""

    init: str
    weights: str
    part: str
    rows: str | None
    columns: str | None
    hidden: int


def declare(
    head: Head,
    init: str = "zero",
    weights: str = "float32",
    part: str = "all",
    rows: str | None = None,
    columns: str | None = None,
    hidden: int = 0,
) -> Variant:
    """Return the variant that these words ask for. Raises UsageError."""
    if head.squared and init == "zero" and not hidden:
        raise UsageError("what gives its input again learns from what it is, by --init model")
    if hidden:
        return _with_hidden(head, hidden, (init, weights, part) == ("zero", "float32", "all"))
    sparse = part == "sparse"
    if sparse != (rows is not None or columns is not None):
        raise UsageError(
            "--part sparse says which part learns by --rows or --columns; both are of it alone"
        )
    own = head.weights if init == "model" else np.zeros_like(head.weights)
    biases = head.biases if init == "model" else np.zeros_like(head.biases)
    scales = np.ones(head.classes, np.float32)
    bits = BITS[weights]
    if bits != 32:
        limit = (1 << (bits - 1)) - 1
        widest = np.abs(own).max(axis=1)
        reach = np.where(widest > 0, HEADROOM * widest, REACH)
        scales = (reach / limit).astype(np.float32)
        own = np.rint(own / scales[:, None]).astype(np.int8 if bits == 8 else np.int16)
    every = tuple(range(head.features))
    of_columns = every if columns is None else numbers(columns, head.features, "--columns")
    return Variant(
        bits=bits,
        rows=tuple(range(head.classes)) if rows is None else numbers(rows, head.classes, "--rows"),
        columns=() if part == "bias" else of_columns,
        weights=own,
        biases=biases,
        scales=scales,
        squared=head.squared,
    )


def _with_hidden(head: Head, units: int, plain: bool) -> Variant:
    if not plain or units > HIDDEN_MOST:
        raise UsageError(
            f"--hidden {units}: a new head of at most {HIDDEN_MOST} hidden units learns whole, in "
            "floats: leave out --init, --weights and --part"
        )
    shape = shapes.Head(head.features, head.classes, units)
    first, last = shapes.layers_of(shape, shapes.drawn(shape, HIDDEN_SEED))
    return Variant(
        bits=32,
        rows=tuple(range(head.classes)),
        columns=tuple(range(units)),
        weights=np.ascontiguousarray(last[:-1].T),
        biases=np.zeros_like(head.biases),
        scales=np.ones(head.classes, np.float32),
        squared=head.squared,
        hidden=np.ascontiguousarray(first[:-1].T),
    )


def header(variant: Variant, samples: str) -> str:
    """Return train_config.h; `samples`: what it says of those in flash. Ref: firmware/train/."""
    classes, features = variant.weights.shape
    kind = "float" if variant.bits == 32 else f"int{variant.bits}_t"
    rows = {row: i for i, row in enumerate(variant.rows)}
    lines = [
        "/* Written by `tinybench train`: the head, and what of it learns. */",
        "#ifndef TINYBENCH_TRAIN_CONFIG_H",
        "#define TINYBENCH_TRAIN_CONFIG_H",
        "#include <stdint.h>",
        f"#define TRAIN_BODY {variant.body}u",
        f"#define TRAIN_HIDDEN {0 if variant.hidden is None else len(variant.hidden)}u",
        f"#define TRAIN_SQUARED {int(variant.squared)}",
        f"#define TRAIN_FEATURES {features}u",
        f"#define TRAIN_CLASSES {classes}u",
        f"#define TRAIN_ROWS {len(variant.rows)}u",
        f"#define TRAIN_COLUMNS {len(variant.columns)}u",
        f"#define TRAIN_BITS {variant.bits}",
        f"typedef {kind} train_weight;",
        "#ifdef TRAIN_HEAD",
        _array("uint16_t", "train_rows", [str(row) for row in variant.rows]),
        _array("uint16_t", "train_columns", [str(one) for one in variant.columns] or ["0"]),
        _array("int16_t", "train_row_of", [str(rows.get(row, -1)) for row in range(classes)]),
        _array("float", "train_biases", [_float(one) for one in variant.biases]),
    ]
    if variant.bits != 32:
        lines.append(_array("float", "train_scales", [_float(one) for one in variant.scales]))
    each = [
        "{" + ", ".join(_float(one) if variant.bits == 32 else str(one) for one in row) + "}"
        for row in variant.weights
    ]
    lines += [
        f"static const train_weight train_weights[{classes}][{features}] = {{",
        ",\n".join(each),
        "};",
        "#endif",
    ]
    if variant.hidden is not None:
        units = ["{" + ", ".join(map(_float, unit)) + "}" for unit in variant.hidden]
        lines += [
            "#ifdef TRAIN_LAYER",
            f"static const float train_hidden_weights[{len(units)}][{variant.body}] = {{",
            ",\n".join(units),
            "};",
            "#endif",
        ]
    return "\n".join(lines) + f"\n{samples}#endif\n"


def _array(ctype: str, name: str, values: Sequence[str]) -> str:
    return f"static const {ctype} {name}[{len(values)}] = {{{', '.join(values)}}};"


def _float(value: np.float32) -> str:
    return f"{float(value).hex()}f"
