"""Classic models trained by scikit-learn on integers that a board has, timed by threads."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from tinybench import extras
from tinybench.errors import ToolMissingError

from ..rows import Floats, Rows, middle_and_half

KINDS = ("linear", "forest", "extra-trees", "knn", "mlp")
REACH = 32_000
"""Largest feature: of int16, with room for values beyond those that were learnt from."""
SQUARES_MOST = (1 << 30) - 1
"""Of a distance of emlearn's neighbours, whose root is taken in 32 bits."""
LARGE = 1e6
"""Real values from which on they are learnt in another unit."""
TREES, DEPTH, NEIGHBOURS, HIDDEN = 10, 8, 3, 32
SEEDS = 1 << 32
"""That scikit-learn knows."""
THREADED = ("forest", "extra-trees", "knn")
Ints = npt.NDArray[np.int16]


@dataclass(frozen=True)
class Scale:
    """How features become int16: (value - middle) * step, twice an integer."""

    middle: Floats
    step: Floats
    reach: int

    def apply(self, values: Floats) -> Ints:
        """Return values [rows][features] as a board gets them.

        Twice an integer: the threshold between two of them is an integer, which emlearn does not
        cut off.
        """
        halves = np.rint((values - self.middle) * self.step)
        most = self.reach // 2
        return (2 * np.clip(halves, -most, most)).astype(np.int16)


def unit_of(rows: Rows) -> float:
    """Return the power of ten that real values are learnt in: 1 where that does.

    emlearn writes what it learnt with 6 decimals, and a board its answers, below 2^32.
    """
    most = 0.0 if rows.classes else float(np.abs(rows.targets.astype(np.float64)).max(initial=0.0))
    if most == 0 or 1 <= most < LARGE:
        return 1.0
    return float(f"1e{math.floor(math.log10(most)) - 3}")


def in_units(rows: Rows, unit: float) -> Rows:
    """Return rows whose targets are in a unit."""
    return rows if unit == 1 else replace(rows, targets=rows.targets.astype(np.float64) / unit)


class Timed(msgspec.Struct, frozen=True):
    """Wall time of training, and of predicting all test rows, on this computer."""

    threads: int
    train_s: float
    predict_s: float


def scale_of(values: Floats, kind: str) -> Scale:
    """Return the scale that spreads what is learnt from over int16, as far as a model can take."""
    reach = REACH
    if kind == "knn":
        reach = min(REACH, int(np.sqrt(SQUARES_MOST / values.shape[1]) / 2))
    middle, half = middle_and_half(values)
    return Scale(middle, (reach // 2) / half, reach)


def learner(kind: str, *, regression: bool, seed: int, threads: int) -> Any:
    """Return an untrained model of scikit-learn. Raises ToolMissingError without it."""
    try:
        from sklearn import ensemble, linear_model, neighbors, neural_network
    except ImportError as error:
        raise ToolMissingError(extras.missing("study classic", "scikit-learn", "study")) from error
    forest: Any
    net: Any
    seed %= SEEDS
    trees = {"n_estimators": TREES, "max_depth": DEPTH, "random_state": seed, "n_jobs": threads}
    if kind == "linear":
        if regression:
            return linear_model.LinearRegression()
        return linear_model.LogisticRegression(max_iter=1000, random_state=seed)
    if kind == "knn":
        return neighbors.KNeighborsClassifier(NEIGHBOURS, n_jobs=threads)
    if kind == "mlp":
        net = neural_network.MLPRegressor if regression else neural_network.MLPClassifier
        return net(hidden_layer_sizes=(HIDDEN,), max_iter=300, random_state=seed)
    if kind == "forest":
        forest = ensemble.RandomForestRegressor if regression else ensemble.RandomForestClassifier
    else:
        forest = ensemble.ExtraTreesRegressor if regression else ensemble.ExtraTreesClassifier
    return forest(**trees)


def unit(kind: str, values: Ints) -> npt.NDArray[Any]:
    """Return features as a model is given them: floats of -1 to 1, or integers."""
    if kind in ("linear", "mlp"):
        return values.astype(np.float64) / REACH
    return values


def trained(
    kind: str,
    train: tuple[Ints, npt.NDArray[Any]],
    test: Ints,
    threads: Sequence[int],
    *,
    regression: bool,
    seed: int,
) -> tuple[Any, npt.NDArray[Any], list[Timed]]:
    """Train with each number of threads; return the model, what it predicts, and the times."""
    import warnings

    times, model, found = list[Timed](), None, np.zeros(0)
    for count in threads if kind in THREADED else (1,):
        model = learner(kind, regression=regression, seed=seed, threads=count)
        begin_s = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it could be trained for longer
            if kind == "mlp" and regression:
                _fit_net(model, unit(kind, train[0]), train[1])
            else:
                model.fit(unit(kind, train[0]), train[1])
        trained_s = time.perf_counter()
        found = model.predict(unit(kind, test))
        times.append(Timed(count, trained_s - begin_s, time.perf_counter() - trained_s))
    return model, found, times


def _fit_net(model: Any, values: npt.NDArray[Any], targets: npt.NDArray[Any]) -> None:
    """Train a net of real values around 0, where it learns, and put them back into its output."""
    middle, spread = float(targets.mean()), float(targets.std()) or 1.0
    model.fit(values, (targets - middle) / spread)
    model.coefs_[-1] = model.coefs_[-1] * spread
    model.intercepts_[-1] = model.intercepts_[-1] * spread + middle


def macs_of(kind: str, features: int, outputs: int) -> int | None:
    """Return the multiplications of an inference; None where they mean nothing."""
    if kind == "linear":
        return features * outputs
    return HIDDEN * (features + outputs) if kind == "mlp" else None
