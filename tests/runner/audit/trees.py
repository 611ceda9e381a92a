"""Small made-up trees of published results, with the figures that their logs give."""

import json
from collections.abc import Sequence
from pathlib import Path

KWS = [f"tst_{n:06d}_Word_{n % 12}.bin" for n in range(24)]


def label(name: str) -> int:
    """Return the class in the name of one of KWS."""
    return int(name.rpartition("_")[2].removesuffix(".bin"))


def outputs(name: str, right: bool = True, top: str = "0.900") -> str:
    """Return what the DUT prints for an input of KWS."""
    values = ["0.000"] * 12
    values[(label(name) + (not right)) % 12] = top
    return ",".join(values)


def infer(
    name: str,
    results: str,
    iterations: int = 1,
    elapsed_us: int = 40_000,
    start_us: int = 1000,
    prefix: str = "dut: ",
    at_s: float = 10.0,
) -> list[str]:
    """Return the lines of EEMBC's log for one input."""
    stop_s = at_s + elapsed_us * 1e-6
    lap = f"{prefix}m-lap-us-"
    return [
        f'{at_s:09.3f} parser: Command "bload dut "C:\\eembc\\datasets\\kws01\\{name}""',
        f'{at_s:09.3f} parser: Command "dut infer {iterations} 1"',
        f"{at_s:09.3f} {prefix}m-warmup-start-1",
        f"{at_s:09.3f} {prefix}m-warmup-done",
        f"{at_s:09.3f} {prefix}m-infer-start-{iterations}",
        f"{at_s:09.3f} {lap}{start_us}",
        f"{stop_s:09.3f} {lap}{(start_us + elapsed_us) % (1 << 32)}",
        f"{stop_s:09.3f} {prefix}m-infer-done",
        f"{stop_s:09.3f} {prefix}m-results-[{results}]",
        f"{stop_s:09.3f} {prefix}m-ready",
    ]


def eembc_log(lines: Sequence[str], model: str = "kws01") -> str:
    """Return a log of EEMBC's runner."""
    head = [
        "00001.000 session: m-session-start-id[20210101000000]",
        "00001.000 parser: m-bmark-run-name[ML Performance 1.0.1]-code[ulp-mlperf]",
        '00001.000 parser: Command "dut profile"',
        "00001.000 dut: m-profile-[ULPMark for tinyML Firmware V0.0.1]",
        f"00001.000 dut: m-model-[{model}]",
        "00001.000 dut: m-ready",
        '00001.000 parser: Command "dut timestamp"',
        "00001.000 dut: m-lap-us-77",
    ]
    return "\n".join([*head, *lines]) + "\n"


def accuracy(
    folder: Path, names: Sequence[str] = KWS, wrong: int = 0, start_us: int = 1000
) -> Path:
    """Write an accuracy run of EEMBC's runner; the last `wrong` inputs are not recognised."""
    lines = [
        line
        for n, name in enumerate(names)
        for line in infer(name, outputs(name, n < len(names) - wrong), start_us=start_us)
    ]
    right = len(names) - wrong
    return write(
        folder,
        {
            "log.txt": eembc_log(lines),
            "results.txt": f"00009.000 ulp-mlperf: Top-1: {100 * right / len(names):.1f}%\n",
        },
    )


def performance(
    folder: Path,
    names: Sequence[str] = KWS[:5],
    elapsed_us: int = 10_000_000,
    median: str = "25.000",
    top: str = "0.900",
    host_us: int | None = None,
    start_us: int = 1000,
) -> Path:
    """Write a performance run of EEMBC's runner, 250 inferences a window."""
    lines = []
    for name in names:
        written = infer(name, outputs(name, top=top), 250, elapsed_us, start_us)
        if host_us is not None:
            stop, late = (f"{10 + us * 1e-6:09.3f}" for us in (elapsed_us, host_us))
            written = [line.replace(stop, late) for line in written]
        lines += written
    text = f"00100.000 ulp-mlperf: Median throughput is {median} inf./sec.\n"
    return write(folder, {"log.txt": eembc_log(lines), "results.txt": text})


def newer(folder: Path, mode: str, count: int, iterations: int, elapsed_us: int) -> Path:
    """Write results.json, results.txt and log.txt as the v1.3 runner does."""
    entries = [
        {
            "file": name,
            "classes": "12",
            "class": str(label(name)),
            "infer": {
                "results": [float(x) for x in outputs(name).split(",")],
                "elapsed_time": elapsed_us,
                "iterations": iterations,
            },
            "mode": mode,
        }
        for name in KWS[:count]
    ]
    log = newer_log(KWS[:count], iterations, elapsed_us)
    if mode == "a":
        text = "0725.1 ulp-mlperf: Top 1% = 100.0\n0725.1 ulp-mlperf: AUC = 1.000\n"
    else:
        rate = iterations / (elapsed_us / 1e6)
        text = f"0725.1 ulp-mlperf: Median throughput is {rate:>10.3f} inf./sec.\n"
    files = {"results.json": json.dumps(entries), "results.txt": text, "log.txt": log}
    return write(folder, dict(files))


def newer_log(names: Sequence[str], iterations: int, elapsed_us: int) -> str:
    """Return a log of the v1.3 runner, which has milliseconds."""
    seconds = elapsed_us / 1e6
    lines = ["Logging initialized. Writing output to log.txt", "Device model retrieved: kws01"]
    for number, name in enumerate(names, start=1):
        lines += [
            f"0725.1 ulp-mlperf: Loading file {name} segment 0",
            "0725.1 ulp-mlperf: Load complete.",
            f"Running inference with 1/{iterations} (warmup/measured) iterations ...",
            "done",
            f"0725.1 ulp-mlperf: Performance results for window {number}:",
            f"0725.1 ulp-mlperf:   # Inferences : {iterations:>13}",
            f"0725.1 ulp-mlperf:   Runtime      : {seconds:>10.3f} sec.",
            f"0725.1 ulp-mlperf:   Throughput   : {iterations / seconds:>10.3f} inf./sec.",
            f"0725.1 ulp-mlperf:   m-results    : {[float(x) for x in outputs(name).split(',')]}",
        ]
    return "\n".join(lines) + "\n"


def write(folder: Path, files: dict[str, str | bytes]) -> Path:
    """Write files into a folder, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        data = text.encode() if isinstance(text, str) else text
        (folder / name).write_bytes(data)
    return folder


def task_folder(root: Path, task: str = "kws", round_: str = "v1.1") -> Path:
    """Return the folder of a task in a closed submission."""
    return root / round_ / "closed" / "Maker" / "results" / "Board" / task
