"""Models and data that cannot be right, given on the command line: refused by name, with exit 2."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.models import tflite_builder as build
from tests.models.test_compiler import with_option, with_tensor
from tests.models.tflite_builder import Model
from tinybench.models.declaration import package_folder
from tinybench.runner import cli
from tinybench.runner.build import firmware
from tinybench.runner.build.board import load_board, names
from tinybench.runner.build.task import load_task

EMBEDDED = package_folder() / "embedded"


def keywords(classes: int, *, per_channel: bool = True) -> Model:
    """Return a small keyword model with so many classes."""
    rng = np.random.default_rng(0)
    return build.chain(
        build.convolution(rng, (49, 10, 1), 8, (3, 3), (2, 2), per_channel=per_channel),
        build.average_pool(rng, (25, 5, 8), (25, 5), (25, 5)),
        build.reshape(rng, (1, 1, 1, 8), (1, 8)),
        build.fully_connected(rng, 8, classes, per_channel=per_channel),
        build.softmax(rng, classes, 0.1),
    )


MODELS: dict[str, tuple[Callable[[], Model], str]] = {
    "fewer classes than labels": (
        lambda: keywords(10),
        "this model is not one for task kws: it has 10 results, the task has 12",
    ),
    "dynamic shape": (
        lambda: with_tensor(0, shape=[1, 1, 5, 2], signature=[1, -1, 5, 2]),
        r"tensor 0 't0' has the dynamic shape \[1, -1, 5, 2\]; convert the model with fixed shapes",
    ),
    "groups": (
        lambda: with_tensor(1, shape=[4, 3, 3, 1], data=np.ones(36, np.int8)),
        "operator 0 CONV_2D: .* grouped convolution is not supported",
    ),
    "padding": (
        lambda: with_option(Padding=7),
        "operator 0 CONV_2D: padding 7 is not supported; SAME and VALID are",
    ),
    "stride": (lambda: with_option(StrideH=0), "operator 0 CONV_2D: stride 0x1; at least 1x1"),
    "scales": (
        lambda: with_tensor(1, scales=[0.1, 0.1]),
        "operator 0 CONV_2D: its weights, tensor 1 't1', have 2 scales .* 1 or 4 scales",
    ),
}


def refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Return the one line with which a command is refused."""
    assert cli.main(words) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    *_, line = printed.err.splitlines()
    assert line.startswith("tinybench: ")
    return line


@pytest.mark.parametrize("case", MODELS)
def test_a_model_that_cannot_be_used_is_named_with_what_is_wrong(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file, then the tensor or operator; nothing is built and there is no run folder."""
    model, message = MODELS[case]
    path = tmp_path / "mine.tflite"
    path.write_bytes(build.write(model()))
    words = ["--task", "kws", "--model", str(path), "--out", str(tmp_path / "run")]
    assert re.search(rf"mine\.tflite: {message}", refused(words, capsys))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("per_channel", [False, True])
def test_weights_may_have_one_scale_or_one_a_channel(
    per_channel: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both kinds of quantisation run; that they are right is shown with the kernels."""
    path = tmp_path / "mine.tflite"
    path.write_bytes(build.write(keywords(12, per_channel=per_channel)))
    words = ["--board", "host", "--task", "kws", "--model", str(path), "--mode", "accuracy"]
    assert cli.main([*words, "--limit", "1", "--out", str(tmp_path / "run")]) == 1
    assert "custom: mine.tflite" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("task", "label", "size_b", "message"),
    [
        ("kws", "a.bin,14,13", 490, "14 classes in 'a.bin,14,13', wanted 'file,12,class'"),
        ("kws", "a.bin,12,12", 490, "class 12 in 'a.bin,12,12', .* class of 0 to 11"),
        ("kws", "a.bin,12,11", 489, r"a\.bin: an input must have 490 bytes, this file has 489"),
        ("ad", "a.bin,2,0,2560,512", 2559, r"a\.bin: .* a window of 2560 bytes .* has 2559 bytes"),
        ("ad", "a.bin,2,0,2560,512", 2561, r"a\.bin: .* strides of 512, this one has 2561 bytes"),
        ("ad", "a.bin,2,0,2560,500", 2560, "a window of 2560 by 500 bytes .* wanted .*,2560,512'"),
        ("ad", "a.bin,2,0", 2560, "3 fields in 'a.bin,2,0', wanted 'file,2,class,2560,512'"),
    ],
)
def test_data_that_do_not_fit_the_task_are_named(
    task: str,
    label: str,
    size_b: int,
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Labels with more classes than the model, files shorter than a window, and their like."""
    folder = tmp_path / f"{task}01"
    folder.mkdir()
    (folder / "a.bin").write_bytes(bytes(size_b))
    (folder / "y_labels.csv").write_text(label)
    words = ["--task", task, "--data", str(tmp_path), "--out", str(tmp_path / "run")]
    words += ["--model", str(EMBEDDED / f"{task}01.tflite")]
    assert re.search(message, refused(words, capsys))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("key", "size_b", "message"),
    [
        ("flash_size_b", 32_768, r"needs (\d+) bytes of flash for weights, the board has 32768: "),
        ("ram_size_b", 4_096, r"needs (\d+) bytes of RAM for tensors, the board has 4096: "),
    ],
)
def test_a_model_larger_than_a_memory_is_refused_before_building(
    key: str, size_b: int, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Which memory, and by how many bytes."""
    line = refused(["--board", str(_smaller(tmp_path, key, size_b)), "--task", "kws"], capsys)
    match = re.search(message + r"(\d+) too many", line)
    assert match is not None
    assert int(match[2]) == int(match[1]) - size_b > 0


@pytest.mark.parametrize("memory", ["flash", "ram"])
def test_firmware_larger_than_a_memory_is_refused_with_the_linkers_figure(
    memory: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The model alone would fit: only the linker knows by how much all of it does not."""
    image = firmware.build(load_board("mps2-an386"), load_task("kws"), EMBEDDED / "kws01.tflite")
    assert image.manifest is not None
    model_b, all_b = {
        "flash": (image.manifest.weights_b, image.flash_b),
        "ram": (image.manifest.tensor_ram_b, image.ram_b),
    }[memory]
    board = _smaller(tmp_path, f"{memory}_size_b", (model_b + all_b) // 2)
    line = refused(["--board", str(board), "--task", "kws"], capsys)
    assert re.search(rf"does not fit .*: [1-9]\d* bytes too many for {memory.upper()}\. Use", line)


def _smaller(folder: Path, key: str, size_b: int) -> Path:
    """Return the declaration of the emulated M4 with another size of a memory."""
    text = names()["mps2-an386"].read_text()
    text, found = re.subn(f"(?m)^{key} = .*$", f"{key} = {size_b}", text)
    assert found == 1
    path = folder / "small.toml"
    path.write_text(text)
    return path


def test_a_cache_folder_with_a_space_is_named_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """make knows no spaces in paths; the message says which variable names another folder."""
    monkeypatch.setenv("TINYBENCH_CACHE", str(tmp_path / "ho me"))
    line = refused(["--board", "host", "--task", "kws", "--out", str(tmp_path / "run")], capsys)
    assert "cannot handle the space" in line
    assert "TINYBENCH_CACHE" in line


DEEP_TOML = "a = " + "[" * 100_000
LONG_TOML = "a = " + "9" * 5000
KEYS_TOML = "a." * 100_000 + "a = 1"


@pytest.mark.parametrize("text", [DEEP_TOML, LONG_TOML, KEYS_TOML], ids=["deep", "long", "keys"])
@pytest.mark.parametrize(
    "line",
    [
        "--board a.toml --task kws",
        "--task a.toml",
        "--task kws --profile a.toml",
        "--board left --task kws",
        "profile --task a.toml",
        "bench",
        "energy live --monitor a.toml",
        "submit run --submitter a --system a.toml -o tree",
    ],
)
def test_a_declaration_that_would_break_its_reader_is_refused(
    line: str,
    text: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Nested 100,000 deep, a number of 5000 digits, a key of 100,000 parts: by the file's name."""
    (tmp_path / "a.toml").write_text(text)
    monkeypatch.chdir(tmp_path)
    if line in ("bench", "--board left --task kws"):
        monkeypatch.setenv("TINYBENCH_BENCH", "a.toml")
    assert re.search("a.toml: .*(nested too deep|digits|64 parts)", refused(line.split(), capsys))


@pytest.mark.parametrize(
    "raw",
    ["[" * 100_000, '{"x": ' + "[" * 100_000, '{"format": ' + "9" * 5000 + "}"],
    ids=["deep", "deep inside", "long"],
)
@pytest.mark.parametrize(
    "line",
    [
        "check .",
        "report . --to json",
        "compare result.json result.json",
        "baseline write . -o new.json",
        "energy analyse result.json",
        "submit . --submitter a --system result.json -o tree",
    ],
)
def test_a_document_that_would_break_its_reader_is_refused(
    line: str,
    raw: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A result or a description as deep, or with a number as long."""
    (tmp_path / "result.json").write_text(raw)
    monkeypatch.chdir(tmp_path)
    assert "result.json" in refused(line.split(), capsys)


def test_an_emulator_without_a_program_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`argv = []` starts nothing: the file and the key are named."""
    text, found = re.subn(r"(?m)^argv = .*$", "argv = []", names()["host"].read_text())
    assert found == 1
    path = tmp_path / "none.toml"
    path.write_text(text)
    line = refused(["--board", str(path), "--task", "kws"], capsys)
    assert "none.toml: key 'emulator.argv': " in line


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("model {}", "MODEL: 'aaaa.*': no file has so long a name"),
        ("run --task kws --data {}", "--data: 'aaaa.*': no file has so long a name"),
        ("run --task kws --engine {}", "no such folder, and no engine of that name"),
        ("study sweep --task kws --by iterations=1,2 --board {},b", "there is no 'aaaa.*'"),
        ("study sweep --task kws --by engine=tflm,{}", "no such folder, and no engine"),
        ("study sweep --task kws --by model={},b", "cannot be read: File name too long"),
    ],
)
def test_a_name_that_no_file_can_have_is_wrong_usage(
    words: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The system refuses to look for it, and that is nothing that the bench failed by."""
    assert cli.main(words.format("a" * 300).split()) == 2
    assert re.search(message, capsys.readouterr().err)
