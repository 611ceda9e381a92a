"""Measure speed, memory and size of the main job; print a table and write build/bench.json.

Run by `make bench`. Needs the official keyword data: fetched, or taken from TINYBENCH_MIRROR.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from tests import ROOT
from tests.bench import (
    boards as bench_boards,
)
from tests.bench import (
    cmsis_nn as bench_cmsis_nn,
)
from tests.bench import (
    energy as bench_energy,
)
from tests.bench import (
    exports as bench_exports,
)
from tests.bench import (
    flash as bench_flash,
)
from tests.bench import (
    fleet as bench_fleet,
)
from tests.bench import (
    lab as bench_lab,
)
from tests.bench import (
    link as bench_link,
)
from tests.bench import (
    model as bench_model,
)
from tests.bench import (
    monitors as bench_monitors,
)
from tests.bench import (
    results as bench_results,
)
from tests.bench import (
    scenario as bench_scenario,
)
from tests.bench import (
    stream as bench_stream,
)
from tests.bench import (
    train as bench_train,
)
from tests.bench import (
    zoo as bench_zoo,
)
from tests.bench.cycles import CODE_FLASH_MUST_B, CYCLES_MUST, INSTRUCTIONS_MUST
from tests.bench.figures import Figure
from tests.bench.study import classic as bench_classic
from tests.bench.study import compress as bench_compress
from tests.bench.study import defaults as bench_defaults
from tests.bench.study import noise as bench_noise
from tests.bench.study import sparsity as bench_sparsity
from tests.program import TINYBENCH
from tinybench.models.declaration import load_model
from tinybench.runner.build.board import load_board
from tinybench.runner.build.task import load_task, names

OUT = ROOT / "build" / "bench.json"
RUN_TIMEOUT_S = 1800
REPEATS = 7

# Far less than TensorFlow Lite Micro with CMSIS-NN takes on the same emulated core.
TENSOR_RAM_MUST_B = {"kws": 17e3, "vww": 84e3, "ic": 53e3, "ic02": 132e3, "ad": 5e3}
REFERENCE_RAM_MUST_B = {"kws": 8934, "vww": 52_000, "ic": 37_386, "ic02": 88_842, "ad": 4096}
"""Of nucleo-l4r5, the board of the published reference results."""


def main() -> int:
    """Measure everything; a figure that is not what it must be is marked, and no failure."""
    environment = dict(os.environ)
    mirror = ROOT.parent / "shared" / "data" / "mirror"
    if "TINYBENCH_MIRROR" not in environment and mirror.is_dir():
        environment["TINYBENCH_MIRROR"] = str(mirror)
    with tempfile.TemporaryDirectory() as scratch:
        environment["TINYBENCH_CACHE"] = scratch + "/cache"
        figures = _start_up(environment) + _main_job(environment, Path(scratch))
        figures += _every_board(environment) + bench_zoo.figures(environment)
    figures += bench_boards.figures() + bench_cmsis_nn.figures()
    figures += bench_link.figures() + bench_stream.figures()
    figures += bench_energy.figures() + bench_monitors.figures()
    figures += bench_exports.figures() + bench_scenario.figures() + bench_lab.figures()
    figures += bench_noise.figures() + bench_classic.figures() + bench_compress.figures()
    figures += bench_defaults.figures()
    figures += bench_sparsity.figures() + bench_fleet.figures() + bench_train.figures()
    figures += bench_results.figures() + bench_flash.figures() + bench_model.figures()
    _print(figures)
    OUT.parent.mkdir(exist_ok=True)
    document = {
        figure.name: {
            "value": figure.value,
            "unit": figure.unit,
            "must": figure.must,
            "better": figure.better,
        }
        for figure in figures
    }
    OUT.write_text(json.dumps(document, indent=2) + "\n")
    missed = sum(figure.missed for figure in figures)
    print(f"\n{len(figures) - missed} of {len(figures)} as they must be, {missed} not yet")
    print(f"written to {OUT.relative_to(ROOT)}")
    return 0


def _start_up(environment: dict[str, str]) -> list[Figure]:
    slowest_s = max(
        statistics.median(_run([*TINYBENCH, word], environment)[0] for _ in range(REPEATS))
        for word in ("--help", "boards")
    )
    where = f"slower of --help and boards, median of {REPEATS} whole processes"
    bare_s, import_s = (
        statistics.median(
            _run([sys.executable, "-c", code], environment)[0] for _ in range(REPEATS)
        )
        for code in ("pass", "import tinybench")
    )
    beyond = f"import tinybench, beyond an empty program; medians of {REPEATS} processes"
    return [
        Figure("cli_help_s", slowest_s, "s", 0.3, where),
        Figure("import_s", import_s - bare_s, "s", 0.1, beyond),
    ]


def _main_job(environment: dict[str, str], scratch: Path) -> list[Figure]:
    _run([*TINYBENCH, "fetch", "kws"], environment)
    model = next((scratch / "cache").rglob("kws_ref_model.tflite"))
    command = [*TINYBENCH, "compile", str(model), "-o", str(scratch / "c"), "--kernels", "dsp"]
    compile_s = statistics.median(_run(command, environment)[0] for _ in range(REPEATS))
    command = [*TINYBENCH, "--task", "kws", "--json", "--out", str(scratch / "run")]
    wall_s, peak_mb, words = _run(command, environment)
    result = json.loads(words)
    run = f"tinybench --task kws, {result['accuracy']['count']} {result['dataset']} inputs"
    return [
        Figure("default_run_wall_s", wall_s, "s", 60, f"{run}, firmware build included"),
        Figure("default_run_peak_rss_mb", peak_mb, "MB", 300, f"{run}, largest process of the run"),
        Figure(
            "compile_kws_s", compile_s, "s", 2, f"tinybench compile, median of {REPEATS} processes"
        ),
    ]


def _every_board(environment: dict[str, str]) -> list[Figure]:
    """Run the reference model of every task on every emulated board, in performance mode."""
    figures: list[Figure] = []
    for task in names():
        _run([*TINYBENCH, "fetch", task], environment)
        declaration = load_task(task)
        source = load_model(declaration.model).source
        assert source is not None
        model = Path(environment["TINYBENCH_CACHE"]) / source.address
        for board, musts in INSTRUCTIONS_MUST.items():
            with tempfile.TemporaryDirectory() as folder:
                command = [*TINYBENCH, "--board", board, "--task", task, "--model", str(model)]
                command += ["--mode", "performance", "--json", "--out", folder]
                command += ["--emulate"] * (load_board(board).attached is not None)
                result = json.loads(_run(command, environment)[2])
            instructions = result["performance"]["instructions_per_inference"]
            must = musts.get(task)
            ram_b = result["model"]["tensor_ram_b"]
            code_b = result["firmware"]["code_flash_b"]
            name = f"{board}.{task}"
            ram_musts = REFERENCE_RAM_MUST_B if board == "nucleo-l4r5" else TENSOR_RAM_MUST_B
            figures += [
                Figure(
                    f"instructions.{name}",
                    instructions,
                    "1",
                    must,
                    "emulated, exact, per inference",
                ),
                Figure(f"tensor_ram_b.{name}", ram_b, "B", ram_musts[task], "all tensors"),
                Figure(
                    f"code_flash_b.{name}",
                    code_b,
                    "B",
                    CODE_FLASH_MUST_B,
                    "whole firmware without weights",
                ),
                *_whole_image(name, result["firmware"]),
                Figure(
                    f"cycles.{name}",
                    result["cycles"]["usual"],
                    "1",
                    CYCLES_MUST[task] if board == "nucleo-l4r5" else None,
                    "estimated, per inference",
                ),
            ]
    return figures


def _whole_image(name: str, firmware: dict[str, int]) -> list[Figure]:
    return [
        Figure(f"ram_b.{name}", firmware["ram_b"], "B", None, "whole firmware, its stack included"),
        Figure(f"flash_b.{name}", firmware["flash_b"], "B", None, "whole firmware with weights"),
    ]


def _run(command: list[str], environment: dict[str, str]) -> tuple[float, float, str]:
    """Return wall time in s, peak resident memory in MB, and what the command printed."""
    start_s = time.perf_counter()
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as child:
        watchdog = threading.Timer(RUN_TIMEOUT_S, child.kill)
        watchdog.start()
        assert child.stdout is not None
        words = child.stdout.read()
        _, status, usage = os.wait4(child.pid, 0)
        watchdog.cancel()
        child.returncode = os.waitstatus_to_exitcode(status)
    took_s = time.perf_counter() - start_s
    if child.returncode != 0:
        raise SystemExit(f"{' '.join(command)} ended with {child.returncode}:\n{words}")
    return took_s, usage.ru_maxrss / 1000, words


def _print(figures: list[Figure]) -> None:
    print(f"{'figure':<41} {'measured':>12} {'must':>12} unit      from")
    for figure in figures:
        mark = "MISS" if figure.missed else ""
        must = "" if figure.must is None else f"{figure.must:,.6g}"
        numbers = f"{figure.value:>12,.6g} {must:>12} {figure.unit:<4}"
        print(f"{figure.name:<41} {numbers} {mark:<4} {figure.where}")


if __name__ == "__main__":
    sys.exit(main())
