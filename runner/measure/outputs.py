"""What a DUT has printed, as the bytes that its model computed."""

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np

from tinybench.models.compiler.anatomy import End

from ..build.truth import TYPES
from ..dut.inference import answered


def outputs_sha256(answers: Iterable[str], outputs: Sequence[End]) -> str | None:
    """Return the hash of all outputs, one answer after the other, each in its own type.

    A printed value stands for the step that it is nearest to. None where an output is a float,
    of which less is printed than it is, or where an answer is not whole.
    """
    digest, count = hashlib.sha256(), sum(end.elements for end in outputs)
    if any(end.type == "FLOAT32" or end.type not in TYPES for end in outputs):
        return None
    for printed in answers:
        values = np.array(answered(printed))
        if values.size != count:
            return None
        at = 0
        for end in outputs:
            part = values[at : at + end.elements]
            steps = np.rint(part / (end.scale or 1.0)) + (end.zero_point or 0)
            ends = np.iinfo(TYPES[end.type])
            digest.update(np.clip(steps, ends.min, ends.max).astype(TYPES[end.type]).tobytes())
            at += end.elements
    return digest.hexdigest()
