"""Damaged models of all operators: refused in words or compiled, in little time and memory."""

import json
import subprocess
import sys

import numpy as np
import pytest

from tests import ROOT, soak
from tests.models import mutants
from tinybench.models.compiler.operators import names

COUNT = 300
SOAK = 1_000_000
PROCESSES = 2
SOAK_TIMEOUT_S = 6 * 3600


def test_models_of_every_operator_are_damaged() -> None:
    """Those that have a file, in one of the random models."""
    drawn = {
        op.name
        for make in mutants.MAKERS.values()
        for seed in range(3)
        for op in make(np.random.default_rng(seed)).operators
    }
    assert set(names()) <= drawn


def test_a_few_hundred_mutants_are_refused_or_compiled() -> None:
    """No traceback, no line broken in two, none that takes longer than CPU_S."""
    assert mutants.search(COUNT, seed=0) == (COUNT, [])


@pytest.mark.soak
def test_a_million_mutants_are_refused_or_compiled() -> None:
    """The same in processes of bounded memory; the figures go to build/soak.json."""
    children = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.models.mutants", str(SOAK // PROCESSES), str(seed)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in range(1, PROCESSES + 1)
    ]
    found, done = list[str](), 0
    for child in children:
        out, _ = child.communicate(timeout=SOAK_TIMEOUT_S)
        assert child.returncode == 0, "it ran out of memory, or was killed"
        told = json.loads(out)
        found += told["found"]
        done += told["count"]
    soak.record("model.mutants", done, SOAK, better="higher")
    soak.record("model.tracebacks", len(found), 0, better="lower")
    assert found == []
    assert done >= SOAK
