"""Two cores answer as one, to the bit; one that does not answer is found out, and nothing hangs."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from tests import ROOT
from tests.firmware.dut_process import READY, DutProcess, build
from tests.program import tinybench
from tinybench.declare import load
from tinybench.errors import UsageError
from tinybench.models.compiler import compile_model
from tinybench.runner.build.board import Board, load_board, names
from tinybench.runner.build.task import load_task
from tinybench.runner.build.task import names as tasks
from tinybench.runner.results.result import read_result

DUAL = sorted(name for name, path in names().items() if load(path, Board).second_core is not None)
EMULATED = ["mps2-an521", "pico", "pico-2", "pico-2-riscv"]
TRIED = (("mps2-an521", "kws"), ("pico", "ad"), ("pico-2", "vww"), ("pico-2-riscv", "kws"))
"""In each run of the tests; the others in the long ones."""
SHARES = {"kws": 0.999, "vww": 0.83, "ic": 0.999, "ad": 0.99, "ic02": 0.999, "sww": 0.96}
"""Least part of the MACs that is divided, whatever kernels: of vww some operators are in strips."""
FAKE = """
#include "model.h"
#include "second_core.h"
const char model_id[] = "kws01";
const uint32_t model_input_b = 4;
uint8_t model_input[4] __attribute__((aligned(4)));
const uint8_t model_input_flip = 0;
const uint32_t model_result_count = 1;
const uint32_t model_result_decimals = 0;
const bool model_result_rounded = false;
const uint32_t model_layer_count = 1;
static volatile uint32_t done;
static void job(void) { JOB }
void model_load(void) {}
int model_infer(void) {
    second_core_begin(job);
    second_core_end();
    return second_core_status();
}
int model_infer_layer(uint32_t index) { (void)index; return model_infer(); }
void model_finish(void) {}
float model_result(uint32_t index) { (void)index; return (float)done; }
"""


def answers(
    folder: Path, board: str, task: str, cores: int, *words: str, limit: int | None = 1
) -> list[str]:
    """Return what a board answers to the first inputs of a task, on so many cores."""
    asked = ["--board", board, "--task", task, "--cores", str(cores), "--mode", "accuracy", *words]
    asked += [] if limit is None else ["--limit", str(limit)]
    done = tinybench(*asked, "--out", str(folder))
    assert done.returncode in (0, 1), done.stderr
    result = read_result(folder)
    assert result.accuracy is not None
    assert result.firmware is not None
    assert (result.firmware.second_core is not None) == (cores == 2)
    return [answer.results for answer in result.accuracy.answers]


@pytest.mark.parametrize("task", ["kws", "ad"])
def test_two_threads_answer_as_one(task: str, tmp_path: Path) -> None:
    """On the host, where a thread is the second core, at the same time indeed."""
    one, two = (answers(tmp_path / str(n), "host", task, n) for n in (1, 2))
    assert one == two


@pytest.mark.soak
@pytest.mark.parametrize("task", [name for name in tasks() if not load_task(name).streams])
def test_two_threads_answer_as_one_to_a_whole_set(task: str, tmp_path: Path) -> None:
    """Each embedded input."""
    one, two = (answers(tmp_path / str(n), "host", task, n, limit=None) for n in (1, 2))
    assert one == two


@pytest.mark.parametrize(
    ("board", "task"),
    [
        pytest.param(board, task, marks=[] if (board, task) in TRIED else pytest.mark.soak)
        for board in EMULATED
        for task in ("kws", "vww", "ad", "ic")
    ],
)
def test_two_emulated_cores_answer_as_the_host(board: str, task: str, tmp_path: Path) -> None:
    """By the kernels of each, rows and channels alike."""
    emulate = ["--emulate"] * (load_board(board).attached is not None)
    assert answers(tmp_path / "two", board, task, 2, *emulate) == answers(
        tmp_path / "host", "host", task, 1
    )


@pytest.mark.parametrize("kernels", ["plain", "blocked", "thumb2", "dsp", "rv32", "mve"])
@pytest.mark.parametrize("task", ["kws", "vww", "ic", "ad", "sww"])
def test_most_of_a_model_is_divided(task: str, kernels: str, tmp_path: Path) -> None:
    """With the bytes that it takes; no weight is there twice."""
    model = ROOT / "models" / "embedded" / f"{load_task(task).model_id}.tflite"
    one, two = (
        compile_model(model, tmp_path / str(n), model_id="m", kernels=kernels, cores=n)
        for n in (1, 2)
    )
    assert one.halves is None
    assert two.halves is not None
    assert two.halves.macs >= SHARES[task] * (two.computed_macs or 0)
    assert two.arena_b - one.arena_b <= two.halves.arena_more_b
    assert two.computed_macs == one.computed_macs
    assert two.weights_b <= 1.02 * one.weights_b


@pytest.mark.parametrize("name", [*EMULATED, "host"])
def test_a_core_that_does_not_answer_is_found_out(name: str, tmp_path: Path) -> None:
    """Its first job is done; the next is not within the deadline: nothing hangs, nor is asked
    of it again."""
    emulate = load_board(name).attached is not None
    board = load_board(name, emulate=emulate).on_cores(2)
    model = FAKE.replace("JOB", "while (done == 1) {} done++;")
    image = build(board, tmp_path / "firmware", model=model)
    with DutProcess(board.command(str(image))) as dut:
        dut.read_until(READY)
        dut.upload(bytes(4))
        assert "m-results-[1]" in dut.ask(b"infer 1 0")
        for _ in range(2):
            assert "e-[The second core did not answer]" in dut.ask(b"infer 1 0")
        assert "m-name-dut" in dut.ask(b"name")


@pytest.mark.parametrize(("task", "input_b"), [("kws", 490), ("vww", 27648), ("ad", 640)])
def test_the_halves_of_a_layer_share_nothing_that_is_written(
    task: str, input_b: int, tmp_path: Path
) -> None:
    """Nor do the cores talk by anything but their two counters: GCC's thread sanitizer watches."""
    model = ROOT / "models" / "embedded" / f"{load_task(task).model_id}.tflite"
    compile_model(model, tmp_path / "c", model_id="m", cores=2)
    image = build(
        load_board("host").on_cores(2),
        tmp_path / "firmware",
        "CFLAGS_EXTRA=-fsanitize=thread",
        model=(tmp_path / "c" / "model.c").read_text(),
    )
    with DutProcess([str(image)]) as dut:
        dut.read_until(READY)
        dut.upload(bytes(at % 251 for at in range(input_b)))
        assert "m-results-[" in dut.ask(b"infer 2 0")
        assert "WARNING: ThreadSanitizer" not in dut.words()


def test_a_core_that_never_starts_is_found_out(tmp_path: Path) -> None:
    """The run ends with what to try, and exit status 3."""
    board = replace(
        load_board("mps2-an521"), port={**load_board("mps2-an521").port,
                                        "system_control_origin": 0x50022000},
    )  # fmt: skip
    model = FAKE.replace("JOB", "done++;")
    image = build(board, tmp_path / "firmware", model=model)
    with DutProcess(board.command(str(image))) as dut:
        dut.read_until(READY)
        dut.upload(bytes(4))
        assert "e-[The second core did not answer]" in dut.ask(b"infer 1 0")


def test_the_second_core_has_no_peripherals_in_the_model(tmp_path: Path) -> None:
    """What it touches of them is an error that says so."""
    board = load_board("pico", emulate=True).on_cores(2)
    model = FAKE.replace("JOB", "done = *(volatile uint32_t *)0x40034018u;")
    image = build(board, tmp_path / "firmware", model=model)
    with DutProcess(board.command(str(image))) as dut:
        dut.read_until(READY)
        dut.upload(bytes(4))
        dut.send(b"infer 1 0%")
        with pytest.raises(AssertionError, match=r"second core.*peripherals are the first core's"):
            dut.read_until(b"m-results")


def test_two_cores_are_refused_where_there_is_one() -> None:
    """With the boards that have two; one core is any board's."""
    board = load_board("mps2-an386")
    assert board.on_cores(1) is board
    with pytest.raises(UsageError, match=", ".join(DUAL)):
        board.on_cores(2)
