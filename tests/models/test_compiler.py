"""The model compiler: what it writes, what it refuses and how, and the official models."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests import official
from tests.models import tflite_builder as build
from tests.models.random_operators import RANDOM
from tests.models.tflite_builder import Model, Operator, Tensor, replaced
from tinybench.errors import ModelError
from tinybench.models.compiler import KERNELS, compile_model, layout
from tinybench.models.compiler.fixed_point import quantised_multiplier
from tinybench.models.compiler.operators import conv_2d
from tinybench.models.compiler.overlap import Overlap
from tinybench.models.compiler.plan import Buffer, at_once_b, plan, spans_of
from tinybench.models.compiler.reader import read_graph


def small() -> Model:
    """Return a model with most operators, small enough to damage byte by byte."""
    rng = np.random.default_rng(0)
    return build.chain(
        build.convolution(rng, (6, 5, 2), 4, relu=build.RELU),
        build.convolution(rng, (6, 5, 4), 4, depthwise=True, relu=build.RELU),
        build.convolution(rng, (6, 5, 4), 6, (1, 1)),
        build.average_pool(rng, (6, 5, 6), (6, 5), (6, 5)),
        build.reshape(rng, (1, 1, 1, 6), (1, 6)),
        build.fully_connected(rng, 6, 3),
        build.softmax(rng, 3, 0.1),
    )


def with_option(**options: int) -> Model:
    """Return the small model with other options in its first convolution."""
    model = small()
    first = model.operators[0]
    changed = Operator(first.name, first.inputs, first.outputs, {**first.options, **options})
    return replaced(model, operators=[changed, *model.operators[1:]])


def several(*names: str) -> Model:
    """Return a chain of operators of one input each."""
    tensors = [build.activation(np.random.default_rng(0), [1, 4]) for _ in range(len(names) + 1)]
    operators = [
        Operator(name, [i], [i + 1], {"Beta": 1.0} if name == "SOFTMAX" else {})
        for i, name in enumerate(names)
    ]
    return Model(tensors, operators, [0], [len(names)])


def with_tensor(index: int, **changes: object) -> Model:
    """Return the small model with one tensor changed."""
    model = small()
    tensors = list(model.tensors)
    tensors[index] = replaced(tensors[index], **changes)
    return replaced(model, tensors=tensors)


# ----------------------------------------------------------------------------------- what it writes


@pytest.mark.parametrize("kernels", KERNELS)
def test_same_input_gives_the_same_bytes(kernels: str, tmp_path: Path) -> None:
    """Compiling twice writes the same C and the same manifest."""
    written = []
    for name in ("a", "b"):
        compile_model(build.write(small()), tmp_path / name, model_id="x01", kernels=kernels)
        written.append([p.read_bytes() for p in sorted((tmp_path / name).iterdir())])
    assert written[0] == written[1]


def test_manifest_holds_hashes_and_a_line_for_each_operator(tmp_path: Path) -> None:
    """The manifest's hashes are those of the files, and its totals those of its operators."""
    tflite = build.write(small())
    manifest = compile_model(tflite, tmp_path, model_id="x01", kernels="dsp")
    assert manifest.tflite_sha256 == hashlib.sha256(tflite).hexdigest()
    text = (tmp_path / "model.c").read_bytes()
    assert manifest.model_c_sha256 == hashlib.sha256(text).hexdigest()
    assert [entry.operator for entry in manifest.operators] == [op.name for op in small().operators]
    assert manifest.macs == sum(entry.macs for entry in manifest.operators)
    assert manifest.macs == 30 * (9 * 2 * 4 + 9 * 4 + 4 * 6) + 6 * 3
    assert manifest.weights_b == sum(entry.weights_b for entry in manifest.operators)
    assert manifest.tables_b == 4 * 256, "exponentials of the softmax"
    assert manifest.arena_b >= max(entry.arena_b for entry in manifest.operators)
    assert manifest.tensor_ram_b == manifest.input_b + manifest.arena_b + manifest.result_b
    assert json.loads((tmp_path / "manifest.json").read_text())["arena_b"] == manifest.arena_b


def test_decimals_tell_any_two_outputs_apart(tmp_path: Path) -> None:
    """A softmax output, 1/256 a step, is printed with three decimals."""
    compile_model(build.write(small()), tmp_path, model_id="x01")
    assert "model_result_decimals = 3;" in (tmp_path / "model.c").read_text()


@given(
    raw=st.lists(
        st.tuples(st.integers(1, 500), st.integers(0, 12), st.integers(0, 5)), max_size=14
    ),
    pairs=st.dictionaries(
        st.tuples(st.integers(0, 13), st.integers(0, 13)),
        st.builds(Overlap, st.integers(-600, 600), st.booleans()),
        max_size=8,
    ),
)
def test_buffers_that_live_together_do_not_overlap(
    raw: list[tuple[int, int, int]], pairs: dict[tuple[int, int], Overlap]
) -> None:
    """Live buffers share bytes only as they are allowed to, and all lie in the arena."""
    buffers = [Buffer(size, first, first + length) for size, first, length in raw]
    overlaps = {
        (i, j): Overlap(0 if overlap.exact else overlap.lead_b, overlap.exact)
        for (i, j), overlap in pairs.items()
        if i < len(raw) and j < len(raw) and i != j and (j, i) not in pairs
    }
    offsets, arena_b = plan(buffers, overlaps)
    assert arena_b >= (at_once_b(spans_of(buffers, overlaps)) if buffers else 0)
    spans = [range(o, o + b.size_b) for o, b in zip(offsets, buffers, strict=True)]
    for i, one in enumerate(buffers):
        assert spans[i].stop <= arena_b
        assert spans[i].start % 8 == 0
        for j, other in enumerate(buffers[:i]):
            apart = spans[i].stop <= spans[j].start or spans[j].stop <= spans[i].start
            live = one.first <= other.last and other.first <= one.last
            assert apart or not live or _allowed(overlaps, offsets, i, j)


def _allowed(overlaps: dict[tuple[int, int], Overlap], offsets: list[int], i: int, j: int) -> bool:
    output, source = (i, j) if (i, j) in overlaps else (j, i)
    overlap = overlaps.get((output, source))
    if overlap is None:
        return False
    lead_b = offsets[source] - offsets[output]
    return lead_b == 0 if overlap.exact else lead_b >= overlap.lead_b


@given(st.floats(1e-9, 1e3))
def test_quantised_multiplier_is_normalised_and_near(real: float) -> None:
    """The multiplier has its top bit set and is right to 31 bits."""
    multiplier, shift = quantised_multiplier(real)
    assert 1 << 30 <= multiplier < 1 << 31
    assert multiplier * 2.0 ** (shift - 31) == pytest.approx(real, rel=2.0**-30)


def chosen(model: Model, kernels: str, folder: Path) -> list[str]:
    """Return the kernel of each operator."""
    manifest = compile_model(build.write(model), folder, model_id="x01", kernels=kernels)
    return [entry.kernel for entry in manifest.operators]


@pytest.mark.parametrize(
    ("kernels", "wanted"),
    [
        ("plain", ["conv_2d", "add"]),
        ("blocked", ["conv_2d_blocked", "add_blocked"]),
        ("rv32", ["fully_connected_rv32", "add_blocked"]),
        ("thumb2", ["fully_connected_blocked", "add_blocked"]),
        ("dsp", ["fully_connected_dsp", "add_blocked"]),
        ("mve", ["conv_2d_mve", "add_mve"]),
    ],
)
def test_a_kernel_whose_arithmetic_would_not_be_exact_gives_way_to_plain_c(
    kernels: str, wanted: list[str], tmp_path: Path
) -> None:
    """Each variant has its addition, but not where the sum's rounding would leave 32 bits."""
    rng = np.random.default_rng(0)
    assert chosen(build.add(rng, 8), kernels, tmp_path) == wanted
    coarse = build.add(rng, 8, out_ratio=5000.0)
    assert chosen(coarse, kernels, tmp_path) == [wanted[0], "add"]


def test_a_pool_too_large_for_its_vector_kernel_is_plain(tmp_path: Path) -> None:
    """Of 3969 pixels the mean is exact with the product by an inverse, of 4096 maybe not."""
    rng = np.random.default_rng(0)
    for side, kernel in ((63, "average_pool_2d_mve"), (64, "average_pool_2d")):
        pool = build.average_pool(rng, (side, side, 1), (side, side), (1, 1))
        assert chosen(pool, "mve", tmp_path) == [kernel]


def test_a_long_chain_takes_work_in_proportion(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 800 buffers only those that live together are compared; the chain needs two places."""
    looked = 0

    class Counted(Buffer, frozen=True):
        def __getattribute__(self, name: str) -> object:
            nonlocal looked
            looked += name == "first"
            return super().__getattribute__(name)

    monkeypatch.setattr(layout, "Buffer", Counted)
    rng = np.random.default_rng(0)
    model = build.chain(*(build.average_pool(rng, (2, 2, 4), (1, 1), (1, 1)) for _ in range(800)))
    manifest = compile_model(build.write(model), tmp_path, model_id="x01")
    assert len(manifest.operators) == 800
    assert manifest.arena_b == 2 * 16
    assert 0 < looked < 20 * 800


def test_a_layer_is_read_once_while_it_is_there() -> None:
    """And anew where its tensors are others, as those of one image of a batch."""
    graph = read_graph(build.write(build.convolution(np.random.default_rng(0), (4, 4, 3), 2)))
    (op,) = graph.operators
    found = conv_2d.read(graph, op)
    assert conv_2d.read(graph, op) is found
    tensors = [replace(tensor, name="other") for tensor in graph.tensors]
    other = conv_2d.read(replace(graph, tensors=tuple(tensors)), op)
    assert other is not found
    assert other.source.name == "other"


def test_what_is_odd_and_never_used_does_not_matter(tmp_path: Path) -> None:
    """Tensors that no operator touches are not looked at, and change nothing."""
    plain = compile_model(build.write(small()), tmp_path / "plain", model_id="x01")
    odd = [
        Tensor([0]),
        Tensor([1, 100_000]),
        Tensor([1, 2], "INT16"),
        Tensor([1, 2], signature=[-1, -1]),
    ]
    model = small()
    more = replaced(model, tensors=[*model.tensors, *odd])
    beside = compile_model(build.write(more), tmp_path / "odd", model_id="x01")
    assert beside.model_c_sha256 == plain.model_c_sha256


# ---------------------------------------------------------------------------------- what it refuses


REFUSED: dict[str, tuple[Callable[[], Model], str]] = {
    "dilation": (
        lambda: with_option(DilationHFactor=0),
        r"operator 0 CONV_2D: dilation 0x1; 1x1 to",
    ),
    "activation": (
        lambda: with_option(FusedActivationFunction=4),
        r"operator 0 CONV_2D: fused activation 4 is not supported",
    ),
    "padding": (lambda: with_option(Padding=7), r"operator 0 CONV_2D: padding 7"),
    "stride": (lambda: with_option(StrideW=0), r"operator 0 CONV_2D: stride 1x0"),
    "output shape": (lambda: with_option(StrideW=2), r"operator 0 CONV_2D: .* give 6x3"),
    "pool window": (
        lambda: build.average_pool(np.random.default_rng(0), (1, 2, 1), (1, 4), (1, 1), build.SAME),
        r"operator 0 AVERAGE_POOL_2D: its window is 1x4; 1x1 to 2 rows or columns",
    ),
    "groups": (
        lambda: with_tensor(1, shape=[4, 3, 3, 1], data=np.ones(36, np.int8)),
        r"operator 0 CONV_2D: .*grouped convolution is not supported",
    ),
    "short weights": (
        lambda: with_tensor(1, data=np.ones(5, np.int8)),
        r"operator 0 CONV_2D: .* hold 5 bytes, but the shape \[4, 3, 3, 2\] needs 72",
    ),
    "weights with a zero point": (
        lambda: with_tensor(1, zero_points=[0, 0, 3, 0]),
        r"operator 0 CONV_2D: .* zero points \[0, 3\]",
    ),
    "weights along another axis": (
        lambda: with_tensor(1, axis=3),
        r"operator 0 CONV_2D: .* axis 3; 0 is needed",
    ),
    "int16 activation": (
        lambda: with_tensor(3, type="INT16"),
        r"operator 0 CONV_2D works on INT16 and INT8 at once \(tensor 3 't3' is INT16\), where all",
    ),
    "scale": (lambda: with_tensor(3, scales=[0.0]), r"tensor 3 't3' has a scale that is not"),
    "zero point": (lambda: with_tensor(3, zero_points=[200]), r"tensor 3 .* zero point 200"),
    "batch": (lambda: with_tensor(0, shape=[2, 6, 5, 2]), r"tensor 0 .* only a batch of 1"),
    "dynamic shape": (
        lambda: with_tensor(0, shape=[1, 1, 5, 2], signature=[1, -1, 5, 2]),
        r"tensor 0 't0' has the dynamic shape \[1, -1, 5, 2\]",
    ),
    "huge shape": (
        lambda: with_tensor(0, shape=[1, 1 << 20, 5, 2]),
        r"tensor 0 .* takes 10485760 bytes of RAM",
    ),
    "a dimension of nothing": (
        lambda: with_tensor(0, shape=[1, 0, 5, 2]),
        r"tensor 0 .* at least 1",
    ),
    "many dimensions": (lambda: with_tensor(0, shape=[1] * 9), r"tensor 0 't0' has 9 dimensions"),
    "more than any RAM": (
        lambda: build.convolution(np.random.default_rng(0), (8192, 8192, 1), 1, (1, 1)),
        r"tensor 0 't0' of the shape \[1, 8192, 8192, 1\] takes 67108864 bytes of RAM; 8388608",
    ),
    "a name of commands and of a second line": (
        lambda: with_tensor(3, type="INT16", name="x\x1b[2J\ntinybench: valid\r"),
        r"\(tensor 3 'x\\x1b\[2J\\x0atinybench: valid\\x0d' is INT16",
    ),
    "an endless name": (
        lambda: with_tensor(3, type="INT16", name="x" * 5000),
        r"\(tensor 3 'x{200}' is INT16\)",
    ),
    "an input twice": (
        lambda: replaced(small(), inputs=[0, 0]),
        r"the model's inputs name a tensor twice: \[0, 0\]",
    ),
    "no input": (lambda: replaced(small(), inputs=[]), r"has 0 inputs; 1 to 16 are supported"),
    "a constant as output": (
        lambda: replaced(small(), outputs=[3, 4]),
        r"no operator writes the model's output, tensor 4",
    ),
    "unsupported operator": (
        lambda: Model(
            [build.activation(np.random.default_rng(0), [1, 4]) for _ in range(2)],
            [Operator("CUMSUM", [0], [1])],
            [0],
            [1],
        ),
        r"operator 0 is CUMSUM, which is not supported; \d+ kinds are \(docs/operators.md\)",
    ),
    "unsupported operators": (
        lambda: several("CUMSUM", "LSTM", "CUMSUM", "RELU"),
        r"3 of 4 operators are not supported: CUMSUM \(2\), LSTM \(1\); \d+ kinds are",
    ),
    "several faults": (
        lambda: several("TANH", "MAXIMUM", "TANH", "SOFTMAX"),
        r"operator 0 TANH: its output .* \(and 1 more TANH\); operator 1 MAXIMUM: has 1 inputs.*; "
        "operator 3 SOFTMAX: its output has scale",
    ),
    "accumulator overflow": (
        lambda: with_tensor(2, data=np.full(4, 2**31 - 1, np.int32)),
        r"operator 0 CONV_2D: channel 0 can reach .* more than 32 bits hold",
    ),
    "nothing to do": (
        lambda: build.reshape(np.random.default_rng(0), [1, 4], [1, 2, 2]),
        r"there is nothing to compute",
    ),
    "float16": (
        lambda: Model(
            [Tensor([1, 4], "FLOAT16"), Tensor([1, 4], "FLOAT16")],
            [Operator("SOFTMAX", [0], [1], {"Beta": 1.0})],
            [0],
            [1],
        ),
        r"tensor 0 't0' is FLOAT16, which SOFTMAX does not know; quantise to int8 first",
    ),
    "floats into int8": (
        lambda: Model(
            [Tensor([1, 4], "FLOAT32"), build.activation(np.random.default_rng(0), [1, 4])],
            [Operator("SOFTMAX", [0], [1], {"Beta": 1.0})],
            [0],
            [1],
        ),
        r"operator 0 SOFTMAX works on FLOAT32 and INT8 at once \(tensor 0 't0' is FLOAT32\)",
    ),
    "a weight that is no number": (
        lambda: Model(
            [
                Tensor([1, 4], "FLOAT32"),
                Tensor([1, 4], "FLOAT32", data=np.array([1, 2, np.nan, 4], np.float32)),
                Tensor([1, 1], "FLOAT32"),
            ],
            [Operator("FULLY_CONNECTED", [0, 1], [2])],
            [0],
            [2],
        ),
        r"operator 0 FULLY_CONNECTED: its weights, tensor 1 't1', hold what is no number",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("kernels", KERNELS)
def test_what_cannot_be_compiled_is_named(case: str, kernels: str, tmp_path: Path) -> None:
    """What is not supported is refused with its operator or tensor, and nothing is written."""
    model, message = REFUSED[case]
    with pytest.raises(ModelError, match=message):
        compile_model(build.write(model()), tmp_path / "out", model_id="x01", kernels=kernels)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("data", [b"", b"TFL3", b"\x7fELF" + bytes(100), bytes(64)])
def test_a_file_that_is_no_tflite_is_refused(data: bytes, tmp_path: Path) -> None:
    """The message says what is missing."""
    with pytest.raises(ModelError, match=r"not a \.tflite file"):
        compile_model(data, tmp_path, model_id="x01")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A path that cannot be read is in the message."""
    with pytest.raises(ModelError, match=r"gone\.tflite: cannot be read"):
        compile_model(tmp_path / "gone.tflite", tmp_path, model_id="x01")


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("name", ["ADD", "GATHER", "SQUEEZE"])
def test_an_operator_without_outputs_is_refused(name: str, kernels: str, tmp_path: Path) -> None:
    """Whichever it is, beside another that leads to the model's output."""
    model = build.beside([RANDOM[made](np.random.default_rng(0)) for made in ("SQUEEZE", name)])
    *others, last = model.operators
    unled = replaced(
        model, operators=[*others, replaced(last, outputs=[])], outputs=model.outputs[:1]
    )
    with pytest.raises(ModelError, match="has no outputs; 1 is needed"):
        compile_model(build.write(unled), tmp_path, model_id="x01", kernels=kernels)


SMALL = build.write(small())


@settings(
    deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(end=st.integers(0, len(SMALL) - 1), kernels=st.sampled_from(KERNELS))
def test_a_truncated_model_is_refused_or_compiled(end: int, kernels: str, tmp_path: Path) -> None:
    """Cut anywhere, a model gives ModelError and nothing else, unless the rest is still whole."""
    _compile_or_refuse(SMALL[:end], tmp_path, kernels)


@settings(
    deadline=None, max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    changes=st.lists(
        st.tuples(st.integers(0, len(SMALL) - 1), st.integers(0, 255)), min_size=1, max_size=4
    ),
    kernels=st.sampled_from(KERNELS),
)
def test_a_damaged_model_is_refused_or_compiled(
    changes: list[tuple[int, int]], kernels: str, tmp_path: Path
) -> None:
    """With any bytes changed, a model gives ModelError or compiles."""
    data = bytearray(SMALL)
    for at, value in changes:
        data[at] = value
    _compile_or_refuse(bytes(data), tmp_path, kernels)


@settings(
    deadline=None, max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    name=st.sampled_from(sorted(RANDOM)),
    seed=st.integers(0, 20),
    changes=st.lists(
        st.tuples(
            st.floats(0, 1, exclude_max=True),
            st.one_of(
                st.integers(0, 255).map(lambda value: bytes([value])),
                st.sampled_from([0, 1, -1, 65535, 2**31 - 1, -(2**31)]).map(
                    lambda value: value.to_bytes(4, "little", signed=True)
                ),
                st.floats(width=32).map(lambda value: np.float32(value).tobytes()),
            ),
        ),
        min_size=1,
        max_size=3,
    ),
    kernels=st.sampled_from(KERNELS),
)
def test_a_damaged_model_of_any_operator_is_refused_or_compiled(
    name: str, seed: int, changes: list[tuple[float, bytes]], kernels: str, tmp_path: Path
) -> None:
    """With bytes, words or floats changed anywhere, it gives ModelError or compiles."""
    data = bytearray(build.write(RANDOM[name](np.random.default_rng(seed))))
    for place, value in changes:
        at = int(place * (len(data) - len(value))) // len(value) * len(value)
        data[at : at + len(value)] = value
    _compile_or_refuse(bytes(data), tmp_path, kernels)


def _compile_or_refuse(data: bytes, folder: Path, kernels: str) -> None:
    try:
        compile_model(data, folder, model_id="x01", kernels=kernels)
    except ModelError as error:
        assert str(error)


# --------------------------------------------------------------------------------- official models


def test_half_of_an_official_model_is_refused(mirror: Path, tmp_path: Path) -> None:
    """A model cut in half is damaged; one of floats with weights of int8 is one of floats."""
    path = official.model_path(mirror, "kws01")
    data = path.read_bytes()
    with pytest.raises(ModelError, match=r"damaged or cut short \(26968 bytes\)"):
        compile_model(data[: len(data) // 2], tmp_path, model_id="kws01")
    in_floats = path.with_name("kws_ref_model_float32.tflite")
    entries = compile_model(in_floats, tmp_path, model_id="kws01").operators
    assert {entry.kernel for entry in entries if "CONV_2D" in entry.operator} == {"conv_2d_float32"}
