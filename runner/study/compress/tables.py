"""Categories as rows of embedding tables, and all that a net is given as bytes for a board."""

from dataclasses import dataclass

import numpy as np

from ..layers.layer import MOST
from ..rows import Parts, middle_and_half
from .tied import Inputs, Int8, Places, Shapes


@dataclass(frozen=True)
class Tables:
    """The tables of all columns of categories, one after the other.

    Row 0 of each stands for values that no row has which is learnt from.
    """

    names: tuple[str, ...]
    rows: tuple[int, ...]
    width: int

    @property
    def firsts(self) -> Places:
        """Return where each table begins, and where the last ends."""
        return np.cumsum([0, *self.rows], dtype=np.int64)

    @property
    def count(self) -> int:
        """Return the rows of all tables."""
        return sum(self.rows)

    def shapes(self, numbers: int, hidden: int, classes: int) -> Shapes:
        """Return the matrices of a net: tables, and layers."""
        looked_up = self.width * len(self.rows)
        return (self.count, self.width), (hidden, looked_up + numbers), (classes, hidden)


def tables_of(parts: Parts, width: int) -> tuple[Tables, Inputs]:
    """Return the tables of what is learnt from, and what nets are given of all rows."""
    columns, ids = parts.rows.categories, list[Places]()
    for one in columns:
        known = np.unique(one.which[parts.train])
        places = np.zeros(len(one.values), np.int64)
        places[known] = np.arange(1, len(known) + 1)
        ids.append(places[one.which])
    rows = tuple(int(each.max()) + 1 for each in ids)
    tables = Tables(tuple(one.name for one in columns), rows, width)
    firsts = tables.firsts[:-1]
    given = np.array(ids, np.int64).reshape(len(ids), len(parts.rows.targets)).T + firsts
    return tables, Inputs(given, _as_int8(parts), firsts)


def _as_int8(parts: Parts) -> Int8:
    """Return all numbers as a board gets them, scaled by the rows that are learnt from."""
    values = parts.rows.values
    middle, half = middle_and_half(values[parts.train])
    return np.clip(np.rint((values - middle) / half * MOST), -MOST, MOST).astype(np.int8)


def as_bytes(inputs: Inputs) -> Int8:
    """Return what a board is sent of each row: ids of 16 bits, the low byte first, then numbers."""
    ids = np.ascontiguousarray(inputs.rows - inputs.firsts, "<u2")
    return np.hstack((ids.view(np.int8).reshape(len(ids), -1), inputs.numbers))


def unknown(inputs: Inputs) -> list[int]:
    """Return of each column how many rows have a value that is not in its table."""
    return [int(count) for count in (inputs.rows == inputs.firsts).sum(axis=0)]
