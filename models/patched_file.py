"""A model file with other weights, written where they lie."""

from tinybench.errors import BenchError
from tinybench.models.compiler.graph import Graph


def written(data: bytes, old: Graph, new: Graph) -> bytes:
    """Return a .tflite with the weights of another graph of the same form, where they lie.

    Raises BenchError where a tensor is not found in the file as it is read, or twice.
    """
    found = bytearray(data)
    for before, after in zip(old.tensors, new.tensors, strict=True):
        if before.data is None or after.data is None or before.data == after.data:
            continue
        places = data.count(before.data)
        if places != 1 or len(before.data) != len(after.data):
            raise BenchError(
                f"tensor {before.name} stands {places} times in the model file: its weights cannot "
                "be written there"
            )
        at = data.find(before.data)
        found[at : at + len(before.data)] = after.data
    return bytes(found)
