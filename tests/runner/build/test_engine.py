"""Engines other than ours: built in, driven over the real protocol, named in the result."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import ROOT
from tests.firmware.dut_process import FAKE_MODEL, READY, DutProcess
from tests.firmware.dut_process import build as firmware_of
from tests.runner.results.a_result import good_result
from tinybench.errors import BuildError, UsageError
from tinybench.runner import cli
from tinybench.runner.build.board import load_board
from tinybench.runner.build.engine import load_engine
from tinybench.runner.build.firmware import build, missing_cxx
from tinybench.runner.build.task import load_task
from tinybench.runner.results.result import ModelUsed
from tinybench.runner.rules import check

TH_ENGINE = """\
#include "api/internally_implemented.h"
#include "api/submitter_implemented.h"

static uint8_t input[490];
static int initialised, loads, pres, posts, inferences;

void th_final_initialize(void) { initialised++; th_printf("hello\\n"); }
void th_pre(void) { pres++; }
void th_post(void) { posts++; }

void th_load_tensor(void) {
    loads++;
    th_memset(input, 0, sizeof input);
    if (ee_get_buffer(input, sizeof input) != 490 || input[0] == 0xE0) {
        th_printf("cannot load\\n");
    }
}

void th_infer(void) {
    inferences++;
    if (input[0] == 0xE1) {
        th_printf("cannot infer\\n");
    }
    if (input[0] == 0xE2) {
        ee_get_buffer_pointer()[0] = 0;
    }
}

void th_results(void) {
    th_printf("before\\r\\nm-results-[");
    if (input[0] == 0xE3) {
        for (int i = 0; i < 1000; i++) {
            th_printf("%d,", i);
        }
    }
    th_printf("%0.3f,%.6f,%f,%.1f", 0.0625f, 1.0 / 3, -2.5, 0.25);
    th_printf(",%d,%i,%u,%lu,%ld,%zu", -12, 2147483647, 4000000000u, 123456ul, -1l, sizeof input);
    th_printf(",%02x,%5d,%05d,%c%s%%%q", 7, -42, -42, 'c', "text", 0);
    th_printf(",%d-%d-%d-%d-%d]\\r\\n", initialised, loads, pres, posts, inferences);
}
"""
PRINTED = (
    "0.063,0.333333,-2.500000,0.3,-12,2147483647,4000000000,123456,-1,490,07,  -42,-0042,ctext%%q"
)

TWELVE = """\
#include "api/submitter_implemented.h"

void th_load_tensor(void) {}
void th_infer(void) {}
void th_results(void) {
    th_printf("m-results-[%.1f", 1.0);
    for (int i = 1; i < 12; i++) {
        th_printf(",%.1f", 0.0);
    }
    th_printf("]\\r\\n");
}
"""
"""Knows one class of keywords."""


def engine(folder: Path, text: str) -> Path:
    """Write an engine of one source."""
    folder.mkdir(parents=True)
    (folder / "engine.c").write_text(text)
    return folder


@pytest.fixture(scope="module")
def th_elf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An engine of the th_* API, for the host, under sanitizers."""
    scratch = tmp_path_factory.mktemp("th")
    options = ("MODEL_ID=kws01", "INPUT_B=490", "CFLAGS_EXTRA=-fsanitize=address,undefined")
    folder = engine(scratch / "engine", TH_ENGINE)
    return firmware_of(load_board("host"), scratch / "out", *options, engine=folder)


@pytest.fixture
def th(th_elf: Path) -> Iterator[DutProcess]:
    """That engine, fresh from power-up."""
    with DutProcess([str(th_elf)]) as dut:
        dut.read_until(READY)
        yield dut
        assert dut.words() == ""


def test_an_engine_of_the_public_api_is_driven_as_by_stock_firmware(th: DutProcess) -> None:
    """Loaded before each window, bracketed by th_pre and th_post; what it prints is answered."""
    assert "m-model-[kws01]\r\n" in th.ask(b"profile")
    th.upload(bytes(490))
    results = f"m-results-[{PRINTED},1-1-1-1-5]\r\n"
    assert th.ask(b"infer 3 2").endswith("m-infer-done\r\n" + results)
    assert th.ask(b"results") == results
    assert th.ask(b"infer 1 0").endswith(f"m-results-[{PRINTED},1-2-2-2-6]\r\n")


@pytest.mark.parametrize("first", [0xE0, 0xE1])
def test_an_engine_that_prints_instead_has_failed(th: DutProcess, first: int) -> None:
    """What th_load_tensor or th_infer says is an error, and no result follows it."""
    th.upload(bytes([first]) + bytes(489))
    reply = th.ask(b"infer 2 0")
    assert reply.endswith("e-[Inference failed with -1]\r\n")
    assert "m-results" not in reply
    th.upload(bytes(490))
    assert "m-results" in th.ask(b"infer 1 0")


def test_results_longer_than_any_are_none(th: DutProcess) -> None:
    """An engine that prints without end writes past no buffer; its answer has no values."""
    th.upload(bytes([0xE3]) + bytes(489))
    assert th.ask(b"infer 1 0").endswith("m-results-[]\r\n")


def test_an_engine_of_model_h_runs_as_compiled_ones_do(tmp_path: Path) -> None:
    """The engine of the firmware's own tests, handed in as a folder, on an emulated RISC-V core."""
    board = load_board("qemu-riscv32")
    folder = engine(tmp_path / "engine", FAKE_MODEL.read_text())
    elf = firmware_of(board, tmp_path / "out", engine=folder)
    with DutProcess(board.command(str(elf))) as dut:
        dut.read_until(READY)
        assert "m-model-[fake01]\r\n" in dut.ask(b"profile")
        dut.upload(b"\x01" + bytes(489))
        assert dut.ask(b"infer 1 0").endswith("m-results-[0.003,0.007,0.996,1.000]\r\n")


def test_engine_mk_says_what_is_built(tmp_path: Path) -> None:
    """Sources in subfolders, flags, and an archive of an engine's own build."""
    folder = engine(tmp_path / "engine", "#error not listed\n")
    (folder / "src").mkdir()
    head = "#include <stdint.h>\nextern const float first;\n#ifndef GIVEN\n#error no flag\n#endif\n"
    text = FAKE_MODEL.read_text().replace("(float)(sum % 256) / 256.0f", "first")
    (folder / "src" / "a.c").write_text(head + text)
    (folder / "b.c").write_text("const float first = 0.25f;\n")
    subprocess.run(["gcc", "-c", "b.c", "-o", "b.o"], cwd=folder, check=True)
    subprocess.run(["ar", "rc", "libb.a", "b.o"], cwd=folder, check=True)
    (folder / "engine.mk").write_text(
        "ENGINE_SOURCES := src/a.c\nENGINE_CFLAGS := -DGIVEN\nENGINE_LIBS := libb.a\n"
    )
    elf = firmware_of(load_board("host"), tmp_path / "out", engine=folder)
    with DutProcess([str(elf)]) as dut:
        dut.read_until(READY)
        dut.upload(bytes(490))
        assert "m-results-[0.250," in dut.ask(b"infer 1 0")


COPIES = """\
#include <stdint.h>
#include <string.h>
#include "api/internally_implemented.h"
#include "api/submitter_implemented.h"

static uint32_t sum;

void th_load_tensor(void) {}

void th_infer(void) {
    const uint8_t *bytes = ee_get_buffer_pointer();
    for (int round = 0; round < 20; round++) {
        for (int at = 0; at + 4 <= 490; at += 4) {
            uint32_t word;
            memcpy(&word, bytes + at, 4);
            sum = (sum << 1 | sum >> 31) ^ word;
        }
    }
}

void th_results(void) { th_printf("m-results-[%u]\\r\\n", (unsigned)sum); }
"""


def window_us(elf: Path) -> int:
    """Return the emulated time of 50 inferences, which counts instructions."""
    with DutProcess(load_board("mps2-an386").command(str(elf))) as dut:
        dut.read_until(READY)
        dut.upload(bytes(range(245)) * 2)
        start_us, end_us = map(int, re.findall(r"m-lap-us-([0-9]+)", dut.ask(b"infer 50 1")))
    return end_us - start_us


def test_an_engine_costs_what_it_costs_alone(tmp_path: Path) -> None:
    """Built here or by its maker's own compiler call, hosted: instructions are the same to 1 %."""
    board = load_board("mps2-an386")
    assert board.toolchain is not None
    options = ("MODEL_ID=kws01", "INPUT_B=490", "ENGINE_API=th")
    ours = engine(tmp_path / "sources", COPIES)
    alone = tmp_path / "alone"
    alone.mkdir()
    (alone / "engine.mk").write_text("ENGINE_SOURCES :=\nENGINE_LIBS := libalone.a\n")
    include = f"-I{ROOT / 'firmware' / 'th_api'}"
    command = ["arm-none-eabi-gcc", "-O3", *board.toolchain.cflags, include]
    command += ["-DMAX_DB_INPUT_SIZE=490", "-c", str(ours / "engine.c"), "-o", "alone.o"]
    subprocess.run(command, cwd=alone, check=True, timeout=60)
    subprocess.run(
        ["arm-none-eabi-ar", "rc", "libalone.a", "alone.o"], cwd=alone, check=True, timeout=60
    )
    here = window_us(firmware_of(board, tmp_path / "out", *options, engine=ours))
    there = window_us(firmware_of(board, tmp_path / "alone-out", *options, engine=alone))
    assert here == pytest.approx(there, rel=0.01)


def test_an_engine_is_compiled_as_it_asks(tmp_path: Path) -> None:
    """Its own flags come last; those of the board and its own are told of it, no folder of here."""
    folder = engine(
        tmp_path / "mine", TWELVE + "#ifndef __OPTIMIZE_SIZE__\n#error not -Os\n#endif\n"
    )
    (folder / "engine.mk").write_text(
        f"ENGINE_CFLAGS := -Os -DOWN=1 -I$(ENGINE)/include -isystem {tmp_path}/other -Inear/by\n"
    )
    image = build(load_board("mps2-an386"), load_task("kws"), load_engine(folder))
    flags = "-mcpu=cortex-m4 -mthumb -mfloat-abi=hard -mfpu=fpv4-sp-d16"
    assert image.engine_flags == (
        f"-O3 {flags} -Os -DOWN=1 -Iengine/include -isystem other -Inear/by"
    )


def test_a_run_says_whose_engine_it_was(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Name and hash are in the result, and a caveat; no size is told that nobody knows."""
    folder = engine(tmp_path / "mine", TWELVE)
    words = ["--board", "host", "--task", "kws", "--limit", "2", "--mode", "accuracy", "--json"]
    assert cli.main([*words, "--engine", str(folder), "--out", str(tmp_path / "a")]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["firmware"]["engine"] == {
        "name": "mine",
        "sha256": load_engine(folder).sha256,
        "flags": "-O3",
        "version": "",
        "arena_b": None,
        "layers": None,
        "own_layers": {},
    }
    assert document["model"]["kind"] == "engine"
    assert (document["model"]["macs"], document["model"]["weights_b"]) == (None, None)
    assert document["firmware"]["code_flash_b"] is None
    assert "engine mine: not ours, and its model is not known here" in document["caveats"]
    assert not (tmp_path / "a" / "manifest.json").exists()
    assert cli.main(["results", str(tmp_path / "a")]) == 0
    assert (
        cli.main(["report", str(tmp_path / "a"), "--to", "html", "-o", f"{tmp_path}/a.html"]) == 1
    )
    assert "MACs not known" in (tmp_path / "a.html").read_text()
    assert cli.main(["compare", str(tmp_path / "a"), str(tmp_path / "a")]) == 0


def test_the_closed_division_wants_to_know_the_engines_model() -> None:
    """An engine's own model is not the reference model; the open division takes any."""
    task = load_task("kws")
    model = ModelUsed("mine", "engine", "0" * 64, None, None, None)
    (broken,) = check(good_result(model=model), task)
    assert broken.rule == "reference-model"
    assert broken.found == "engine 'mine', whose model is not known here"
    assert check(good_result(model=model, division="open"), task) == []


def test_a_model_that_the_engine_is_said_to_run_is_named_with_a_caveat(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """--model beside --engine is a claim: its MACs count, and the report says whose word it is."""
    folder = engine(tmp_path / "mine", TWELVE)
    model = ROOT / "models" / "embedded" / "kws01.tflite"
    words = ["--board", "host", "--task", "kws", "--limit", "1", "--mode", "accuracy", "--json"]
    words += ["--engine", str(folder), "--model", str(model), "--out", str(tmp_path / "a")]
    assert cli.main(words) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["model"]["kind"] == "embedded"
    assert document["model"]["macs"] > 0
    assert any("maker's word" in words for words in document["caveats"])


def test_other_sources_are_another_image(tmp_path: Path) -> None:
    """A changed engine is not taken for the one built before; hidden files do not count."""
    folder = engine(tmp_path / "mine", TWELVE)
    host, task = load_board("host"), load_task("kws")
    first = build(host, task, load_engine(folder))
    (folder / ".git").mkdir()
    (folder / ".git" / "HEAD").write_text("x")
    assert build(host, task, load_engine(folder)) == first
    (folder / "weights.h").write_text("// other\n")
    assert build(host, task, load_engine(folder)).build_id != first.build_id


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--engine", "{}/none"], "cannot be read"),
        (["--engine", "{}/empty"], r"neither \.c or \.cc files nor"),
        (
            ["--engine", "{}/mine", "--board", "serial", "--port", "/dev/null"],
            "holds its own already",
        ),
        (["--engine", "{}/mine", "--task", "all"], "an engine is one for a task"),
        (["--engine", "{}/a b"], "has a space in it"),
        (["--engine", "{}/broken"], "does not build; make says"),
    ],
)
def test_what_is_no_engine_is_refused(
    words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In words that name the folder and what to do."""
    (tmp_path / "empty").mkdir()
    engine(tmp_path / "mine", TWELVE)
    engine(tmp_path / "a b", TWELVE + "// not built before\n")
    engine(tmp_path / "broken", "int x = ;\n")
    given = [word.format(tmp_path) for word in words]
    given += ["--out", str(tmp_path / "run")]
    for option, default in (("--board", "host"), ("--task", "kws")):
        given += [] if option in given else [option, default]
    assert cli.main(given) in (2, 3)
    assert re.search(message, capsys.readouterr().err)


@pytest.mark.parametrize("name", ["engine.mk", "src.c", "weights.h"])
def test_a_pipe_among_the_sources_is_refused(name: str, tmp_path: Path) -> None:
    """It is named, and neither make nor a compiler waits for it."""
    folder = engine(tmp_path / "mine", TWELVE)
    os.mkfifo(folder / name)
    with pytest.raises(UsageError, match=f"a pipe, a socket or a device, .*{name}"):
        load_engine(folder)


def test_a_folder_of_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home folder given by mistake is not read to its end."""
    monkeypatch.setattr("tinybench.runner.build.engine.FILES_MAX", 3)
    for index in range(4):
        (tmp_path / f"{index}.c").touch()
    with pytest.raises(UsageError, match="more than 3 files"):
        load_engine(tmp_path)


CXX_ENGINE = """\
#include "model.h"

struct Table {
    explicit Table(float first) : value(first) {}
    virtual ~Table() {}
    virtual float at(uint32_t index) const { return value + (float)index; }
    float value;
};
static Table table{(float)model_input_b};

const char model_id[] = "cxx01";
const uint32_t model_input_b = 4;
uint8_t model_input[4] __attribute__((aligned(4)));
const uint8_t model_input_flip = 0;
const uint32_t model_result_count = 2, model_result_decimals = 1, model_layer_count = 1;
const bool model_result_rounded = true;
void model_load(void) {}
int model_infer(void) { return 0; }
int model_infer_layer(uint32_t) { return 0; }
void model_finish(void) {}
float model_result(uint32_t index) { return table.at(index) + model_input[0]; }
"""
"""Answers what only its constructor knows."""


@pytest.mark.parametrize("name", ["mps2-an386", "qemu-riscv32", "host"])
def test_constructors_run_before_main(name: str, tmp_path: Path) -> None:
    """An engine of C++ with a static object and virtual functions gives the right answers."""
    (tmp_path / "engine").mkdir()
    (tmp_path / "engine" / "engine.cc").write_text(CXX_ENGINE)
    board = load_board(name)
    elf = firmware_of(board, tmp_path / "out", engine=tmp_path / "engine")
    with DutProcess(board.command(str(elf))) as dut:
        dut.read_until(READY)
        dut.upload(b"\x02\x00\x00\x00")
        assert dut.ask(b"infer 1 0").endswith("m-results-[6.0,7.0]\r\n")


TAKES_MEMORY = "static int *taken = new int[4];\n", "taken[0] = 1"
THROWS = "", "if (model_input[0]) throw 1"


@pytest.mark.parametrize(
    ("head", "does", "wants"),
    [(*TAKES_MEMORY, "ENGINE_HEAP_B := BYTES"), (*THROWS, "without .-fno-exceptions.")],
)
def test_what_firmware_has_not_is_refused_in_words(
    head: str, does: str, wants: str, tmp_path: Path
) -> None:
    """A heap that nobody declared, and exceptions: at the build, not by a silent board."""
    text = CXX_ENGINE.replace("model_load(void) {", f"model_load(void) {{ {does};")
    (tmp_path / "engine").mkdir()
    (tmp_path / "engine" / "engine.cc").write_text(
        text.replace("struct Table", head + "struct Table")
    )
    with pytest.raises(BuildError, match=wants):
        build(load_board("mps2-an386"), load_task("kws"), load_engine(tmp_path / "engine"))


def test_a_declared_heap_is_there(tmp_path: Path) -> None:
    """With ENGINE_HEAP_B, new gives memory."""
    head, does = TAKES_MEMORY
    text = CXX_ENGINE.replace("model_load(void) {", f"model_load(void) {{ {does};")
    text = text.replace("+ model_input[0]", "+ (float)taken[0]")
    (tmp_path / "engine").mkdir()
    (tmp_path / "engine" / "engine.mk").write_text("ENGINE_HEAP_B := 2048\n")
    (tmp_path / "engine" / "engine.cc").write_text(
        text.replace("struct Table", head + "struct Table")
    )
    board = load_board("mps2-an386")
    elf = firmware_of(board, tmp_path / "out", engine=tmp_path / "engine")
    with DutProcess(board.command(str(elf))) as dut:
        dut.read_until(READY)
        dut.upload(bytes(4))
        assert dut.ask(b"infer 1 0").endswith("m-results-[5.0,6.0]\r\n")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("x.h:3:10: fatal error: type_traits: No such file or directory", "libstdc.*-newlib"),
        ("x.h:3:10: fatal error: weights.h: No such file or directory", r"\A\Z"),
        ("x.c: undefined reference to `arm_nn_vec_mat_mult_t_s8'", "lacks kernels that it calls"),
    ],
)
def test_a_missing_cxx_library_is_named(said: str, told: str) -> None:
    """By a header of it that the compiler does not find; others are the engine's own."""
    assert re.search(told, missing_cxx(load_board("mps2-an386"), said))
