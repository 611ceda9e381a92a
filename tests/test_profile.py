"""Profiles of a model's layers."""

import csv
import io
import json

import pytest

from tinybench.runner.errors import ProtocolError
from tinybench.runner.profile import layer_times, profile
from tinybench.runner.report.profile import as_csv, as_trace


@pytest.mark.parametrize("task", ["kws", "ad"])
def test_layers_add_up_to_the_inference(task: str) -> None:
    """On the emulated board the layers' sum is the whole inference within 1 %, in every format."""
    found = profile("mps2-an386", task)
    total_us = sum(layer.microseconds for layer in found.layers)
    assert found.emulated
    assert total_us == pytest.approx(found.inference_us, rel=0.01)
    assert sum(layer.share for layer in found.layers) == pytest.approx(1)
    rows = list(csv.DictReader(io.StringIO(as_csv(found))))
    assert [int(row["index"]) for row in rows] == [layer.index for layer in found.layers]
    events = json.loads(as_trace(found))["traceEvents"]
    assert events[0]["dur"] == pytest.approx(total_us)
    assert len(events) == len(found.layers) + 1


@pytest.mark.parametrize("line", ["m-layer-1-5", "m-layer-0-", "e-[Unknown command: x]", ""])
def test_a_wrong_line_is_refused(line: str) -> None:
    """A missing, damaged or foreign line never becomes a time."""
    assert layer_times(["m-layer-0-7", "m-layer-1-9"]) == [7, 9]
    with pytest.raises(ProtocolError, match="profile-layers"):
        layer_times([line])
