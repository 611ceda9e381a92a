"""What the compiler says about a compiled model: hashes, sizes and one line an operator."""

import msgspec


class OperatorEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One operator of a compiled model."""

    index: int
    operator: str
    input_shapes: list[list[int]]
    output_shape: list[int]
    kernel: str
    """C functions that compute it, in their order; "" where nothing is left to do at run time."""
    macs: int
    weights_b: int
    """Bytes of weights and constants it reads from flash."""
    arena_b: int
    """Bytes of the arena that hold live tensors or scratch while it runs."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """A compiled model; written as manifest.json beside the C."""

    model_id: str
    tflite_sha256: str
    model_c_sha256: str
    kernels: str
    """Kernel variant: "plain", "blocked", "dsp" or "mve"."""
    input_b: int
    """Bytes of the upload buffer."""
    output_count: int
    macs: int
    weights_b: int
    """Bytes of all constants."""
    tables_b: int
    """Those of them that are tables of a kernel's arithmetic and no part of the model."""
    arena_b: int
    """Bytes of the arena: activations and scratch, without the upload buffer."""
    result_b: int
    """Bytes that keep the output of the last inference."""
    tensor_ram_b: int
    """Bytes of RAM for all tensors: upload buffer, quantised input where it is not the upload
    itself, arena and result."""
    operators: list[OperatorEntry]
