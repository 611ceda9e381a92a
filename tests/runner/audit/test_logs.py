"""Readers of logs, results.json and results.txt: oddities of submitters, and any bytes at all."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.runner.audit import trees
from tinybench.errors import ProtocolError
from tinybench.runner.audit import eembc, runner13
from tinybench.runner.audit.audit import audit
from tinybench.runner.audit.figures import agrees
from tinybench.runner.audit.printed import read_printed
from tinybench.runner.dut.inference import answered
from tinybench.runner.dut.reply import read_line, read_window

ENERGY = """\
00514.965 ulp-ml: Energy data for window 2 at time 9.08 for 10.00 sec.:
00514.965 ulp-ml:   Energy       :   250000.000 uJ
00514.965 ulp-ml:   Power        :    25000.000 uW
00514.965 ulp-ml:   Energy/Inf.  :     1000.000 uJ/inf.
00514.974 ulp-ml: Median energy cost is 1000.000 uJ/inf.
"""
FUZZ = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(autouse=True)
def _no_labels(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty mirror: nothing is fetched."""
    (tmp_path / "mirror").mkdir()
    monkeypatch.setenv("TINYBENCH_MIRROR", str(tmp_path / "mirror"))


def _log(tmp_path: Path, lines: list[str]) -> Path:
    return trees.write(tmp_path, {"log.txt": trees.eembc_log(lines)}) / "log.txt"


def test_offsets_counts_and_a_clock_that_wraps(tmp_path: Path) -> None:
    """32 bits of microseconds, a part of a file, quotes in the command."""
    lines = trees.infer("a.bin", "1.5,", 7, 2_000_000, (1 << 32) - 500_000)
    lines[0] = '00010.000 parser: Command "bload dut "/data sets/ad01/a.bin" 512 2560"'
    found = eembc.read_log(_log(tmp_path, lines))
    (one,) = found.inferred
    assert (one.input, one.offset, one.iterations) == ("a.bin", 512, 7)
    assert (one.elapsed_us, one.host_us) == (2_000_000, 2_000_000)
    assert (one.outputs, one.decimals) == ((1.5,), 1)
    assert found.models == ["kws01"]
    assert not found.faults


@pytest.mark.parametrize(
    ("stamps", "results", "beside"),
    [
        (["m-lap-us-1000", "m-lap-us-121000"], "m-results-[0.941,0.059]", []),
        (["m-lap-us-1000", "m-lap-us-121000"], "m-results-[0.941,0.059,]", ["results: 0xF"]),
        (["m-lap-us-1000", "m-lap-us-121000"], "Type errorm-results-[0.941]", ["<inf> done"]),
        (["m-lap-us-10005317390", "m-lap-us-10005332312"], "m-results-[1]", []),
        (["m-lap-us-1000", "m-lap-us-121000"], "m-results-[]", []),
        (["m-lap-us-1000", "m-lap-us-121000"], "m-results-[1e-3]", []),
        (["m-lap-us-1000", "m-lap-us-121000"], "m-results-[1_0]", []),
        (["m-lap-us-1000"], "m-lap-us-121000\nm-results-[0.941,0.059]", []),
    ],
)
def test_a_reply_is_read_as_on_the_live_line(
    tmp_path: Path, stamps: list[str], results: str, beside: list[str]
) -> None:
    """The same time and the same numbers of a stored reply, or the same refusal."""
    begin = ["m-warmup-start-1", "m-warmup-done", "m-infer-start-10"]
    said = [*begin, *stamps, *beside, "m-infer-done", *results.split("\n")]
    lines = [
        '00001.000 parser: Command "bload dut "a.bin""',
        '00001.000 parser: Command "dut infer 10 1"',
        *(f"00001.000 dut: {line}" for line in [*said, "m-ready"]),
    ]
    found = eembc.read_log(_log(tmp_path, lines))
    try:
        live = read_window([read_line(line.encode()) for line in said], 10, 1)[0]
    except ProtocolError:
        assert found.faults
        return
    (one,) = found.inferred
    assert one.elapsed_us == live.elapsed_us
    assert list(one.outputs) == answered(live.results)
    assert not found.faults


def test_the_interface_boards_prefix_and_older_commands(tmp_path: Path) -> None:
    """Energy mode: no time stamps, `bloadp`, and the legacy IO manager between."""
    lines = [
        '00001.0 parser: Command "io tm 0"',
        "00001.0 io: m-timestmp-mode-FALLING",
        '00001.0 parser: Command "bloadp "C:\\sets\\a.bin""',
        '00001.0 parser: Command "io dut infer 10 1"',
        "00001.0 io: m-dut-passthrough(infer 10 1)",
        "00001.0 io: [dut]: m-infer-start-10",
        "00001.0 io: [dut]: Type errorm-results-[0.5,0.5]",
    ]
    (one,) = eembc.read_log(_log(tmp_path, lines)).inferred
    assert (one.input, one.iterations, one.elapsed_us) == ("a.bin", 10, None)


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("dut: Input db has 640 elemented, expected 25600", "an input of the wrong size"),
        ("dut: e-[Unknown command: db]", "an error of the DUT"),
        ('parser: Command "dut infer 3 1"', "an infer without an answer"),
    ],
)
def test_faults_in_a_log_are_counted(tmp_path: Path, line: str, fault: str) -> None:
    """With their first line; `m-profile-[...]` is no error."""
    lines = trees.infer("a.bin", "0.5")
    found = eembc.read_log(_log(tmp_path, [*lines[:2], f"00010.000 {line}", *lines[2:]]))
    assert dict(found.faults)[fault] == 1
    assert len(found.inferred) == 1


def test_a_clock_since_1970_and_sizes_that_fit_are_no_faults(tmp_path: Path) -> None:
    """Time stamps of 51 bits; firmware that tells the size of every input."""
    lines = trees.infer("a.bin", "0.5", 9, 10_000_000, 5_000_000)
    lines = [line.replace("m-lap-us-", "m-lap-us-16203581") for line in lines]
    lines = [line.replace("162035815000000", "1620358105000000") for line in lines]
    lines.insert(2, "00010.000 dut: infer 9 1%Input db has 3072 elemented, expected 3072")
    found = eembc.read_log(_log(tmp_path, lines))
    assert not found.faults
    assert found.inferred[0].elapsed_us == 1620358115000000 - 1620358105000000


def test_outputs_that_are_no_probabilities_are_named(tmp_path: Path) -> None:
    """Some firmware prints its int8."""
    folder = trees.performance(trees.task_folder(tmp_path / "tree") / "performance", top="127")
    (run,) = audit(folder).runs
    assert "output-range" in {violation.rule for violation in run.violations}


def test_ticks_of_the_interface_board_give_the_duty_cycle(tmp_path: Path) -> None:
    """10 us each, printed as if they were seconds, several a line."""
    log = "Device model retrieved: sww01\nRX:Duty cycle start times (s)\nRX:6718, 9924, 13132,\n"
    log += "RX:16339,\nRX:Duty cycle stop times (s)\nRX:6787, 9994, 13202,\nRX:16409, m-ready\n"
    log += "[35, 9945]\n"
    path = trees.write(tmp_path, {"log.txt": log}) / "log.txt"
    stream = runner13.read_log(path).stream
    assert stream is not None
    assert stream.starts_s == pytest.approx((0.06718, 0.09924, 0.13132, 0.16339))
    assert stream.stops_s == pytest.approx((0.06787, 0.09994, 0.13202, 0.16409))
    assert stream.detections_ms == (35, 9945)


def test_the_windows_of_a_newer_log_are_used_where_results_txt_has_the_median_only(
    tmp_path: Path,
) -> None:
    """The log prints them twice: to milliseconds, then with all digits."""
    log = "Device model retrieved: kws01\n"
    for digits in ("10.537 sec.", "10.537123 sec."):
        for n in range(1, 6):
            log += f"1.0 ulp-mlperf: Performance results for window {n}:\n"
            log += "1.0 ulp-mlperf:   # Inferences :        110000\n"
            log += f"1.0 ulp-mlperf:   Runtime      :     {digits}\n"
    text = "1.0 ulp-mlperf: Median throughput is  10439.282 inf./sec.\n"
    trees.write(tmp_path / "tree" / "performance", {"log.txt": log, "results.txt": text})
    (run,) = audit(tmp_path / "tree").runs
    assert [(figure.recomputed, figure.reproduced) for figure in run.figures] == [
        ("10439.282", True)
    ]


def test_of_a_log_that_was_appended_to_the_last_session_counts(tmp_path: Path) -> None:
    """Two sessions in one file."""
    once = trees.eembc_log(trees.infer("a.bin", "0.5"))
    twice = once + trees.eembc_log(trees.infer("b.bin", "0.25"))
    path = trees.write(tmp_path, {"log.txt": twice}) / "log.txt"
    assert [one.input for one in eembc.read_log(path).inferred] == ["b.bin"]
    assert dict(eembc.read_log(path).faults) == {}


def test_of_a_newer_log_that_was_appended_to_the_last_run_counts(tmp_path: Path) -> None:
    """Two runs in one log.txt, and a third that broke off; two tables of energy in results.txt."""

    def once(name: str) -> str:
        return (
            "Logging initialized. Writing output to sessions\\1\\log.txt\r\n"
            f"0726.1 ulp-mlperf: Loading file {name} segment 0\r\n"
            "Running inference with 1/250 (warmup/measured) iterations ...\r\n"
            "0726.1 ulp-mlperf:   m-results    : [0.0, 0.996]\r\n"
        )

    broken = "Logging initialized. Writing output to sessions\\3\\log.txt\r\n"
    other = ENERGY.replace("1000.000", "2000.000")
    log = once("a.bin") + once("b.bin") + broken
    folder = trees.write(tmp_path, {"log.txt": log, "results.txt": ENERGY + other})
    assert [one.input for one in runner13.read_log(folder / "log.txt").inferred] == ["b.bin"]
    printed = read_printed(folder / "results.txt")
    assert [window.per_inference_uj for window in printed.energy] == ["2000.000"]
    assert printed.energy_uj == "2000.000"


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    """A pipe by the name of a log, a folder by that of a table, and a link to a device."""
    folder = trees.write(tmp_path / "tree" / "performance", {"results.txt": "Top-1: 1\n"})
    os.mkfifo(folder / "log.txt")
    (folder / "results.json").mkdir()
    (folder / "log2.txt").symlink_to("/dev/zero")
    found = audit(tmp_path / "tree")
    assert {violation.rule for violation in found.violations} == {"symbolic-links"}
    assert [run.inferences for run in found.runs] == [0]


def test_a_pipe_beside_a_trace_is_not_waited_for(tmp_path: Path) -> None:
    """The importer of traces opens the log beside a trace by itself."""
    folder = trees.write(
        tmp_path / "tree" / "energy",
        {
            "trace1-energy.bin": b"\xf1" + bytes(8),
            "results.txt": "Median energy cost is 5.000 uJ/inf.\n",
        },
    )
    os.mkfifo(folder / "log.txt")
    (run,) = audit(tmp_path / "tree").runs
    assert any("log.txt is no plain file" in note for note in run.notes)


def test_the_newer_log_is_read_where_its_json_is_missing(tmp_path: Path) -> None:
    """Figures as printed, to all digits in results.txt; retries and undecodable bytes noted."""
    log = "WARNING: Ignoring undecodeable byte: b'\\xff'\nRetrying _get_name (1/3)...\n"
    log += "Device model retrieved: kws01\n"
    text = ""
    for n, name in enumerate(trees.KWS[:5], start=1):
        log += f"0726.1 ulp-mlperf: Loading file {name} segment 0\n"
        log += "Running inference with 1/250 (warmup/measured) iterations ...\n"
        log += "0726.1 ulp-mlperf:   Runtime      :     10.862 sec.\n"
        log += f"0726.1 ulp-mlperf:   m-results    : [{trees.outputs(name)}]\n"
        text += f"Performance results for window {n}\n    # Inferences : 250\n"
        text += "    Runtime: 10.862042 sec.\n    Throughput: 23.01593015383295 inf./sec.\n"
    text += "0726.1 ulp-mlperf: Median throughput is     23.016 inf./sec.\n"
    trees.write(tmp_path / "tree" / "performance", {"log.txt": log, "results.txt": text})
    (run,) = audit(tmp_path / "tree").runs
    assert [(figure.name, figure.reproduced) for figure in run.figures] == [("throughput", True)]
    assert run.inferences == 5
    assert {violation.rule for violation in run.violations} == {"undecodable-bytes"}
    assert any("1 times again" in note for note in run.notes)


def test_a_log_with_one_of_five_printed_windows_is_named(tmp_path: Path) -> None:
    """The median is then of the printed windows, to three decimals each."""
    folder = trees.task_folder(tmp_path / "tree") / "performance"
    trees.performance(folder, trees.KWS[:1], 11_733_000)
    text = ""
    for n in range(2, 12, 2):
        text += f"1.0 ulp-mlperf: Performance results for window {n}:\n"
        text += "1.0 ulp-mlperf:   # Inferences :          250\n"
        text += "1.0 ulp-mlperf:   Runtime      :       11.733 sec.\n"
        text += "1.0 ulp-mlperf:   Throughput   :       21.307 inf./sec.\n"
    text += "1.0 ulp-mlperf: Median throughput is 21.307 inf./sec.\n"
    trees.write(folder, {"results.txt": text})
    (run,) = audit(tmp_path / "tree").runs
    found = {figure.name: (figure.recomputed, figure.outcome) for figure in run.figures}
    assert found == {"windows": ("1", "differs"), "throughput": ("21.307", "as printed")}
    assert "performance-windows" in {violation.rule for violation in run.violations}


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (("25000.000 uW", "25000.000 mW"), "unit"),
        (("1000.000 uJ/inf.\n", "1000.000 mJ/inf.\n"), "unit-name"),
        (("Median energy cost is 1000.000", "Median energy cost is 1.000"), "unit"),
        (("Median energy cost is 1000.000", "Median energy cost is 1000.010"), "figure"),
        (("for 10.00 sec", "for 9.98 sec"), "window-duration"),
    ],
)
def test_mistakes_in_printed_energy_are_named(
    tmp_path: Path, change: tuple[str, str], rule: str
) -> None:
    """Energy by time is power; a median in uJ is not one in mJ; without a trace all the same."""
    folder = trees.task_folder(tmp_path / "tree") / "energy"
    for text, expected in ((ENERGY, False), (ENERGY.replace(*change), True)):
        trees.write(folder, {"results.txt": text})
        (run,) = audit(tmp_path / "tree").runs
        assert (rule in {violation.rule for violation in run.violations}) == expected


def test_code_of_a_submission_and_hidden_files_are_no_results(tmp_path: Path) -> None:
    """Only what lies below results/ is audited."""
    folder = trees.task_folder(tmp_path / "tree") / "performance"
    trees.performance(folder)
    trees.write(folder, {"._log.txt": b"\x00\xff" * 50, ".DS_Store": b"\xff"})
    code = tmp_path / "tree" / "v1.1" / "closed" / "Maker" / "code" / "kws" / "accuracy"
    trees.write(code, {"log.txt": "epoch 1\n", "results.txt": "Top-1: 90.0%\n"})
    (run,) = audit(tmp_path / "tree").runs
    assert "undecodable-bytes" not in {violation.rule for violation in run.violations}


WORDS = [
    b"00010.000 dut: ", b"m-results-[", b"0.5,", b"]", b"m-lap-us-", b"123", b"\n", b"\r\n",
    b'Command "dut infer 5 1"', b'Command "bload dut "a.bin""', b"m-infer-start-5", b"\xff\xfe",
    b"Energy data for trial 1", b"Power : ", b"1e99 mW", b"Total Energy : 0.0 uJ", b"AUC: ", b"nan",
    b"Top-1: ", b"Median throughput is 1 inf./sec.", b"Median energy cost is 9 uJ/inf.", b"[1, 2]",
    b"sequencer: ", b"Loading file a.bin segment 0", b"m-results : [1]", b"Elapsed time : 1e-99",
    b"44 True positives, 6 False negatives, 4 False positives", b"Energy/Inf : 5 J",
]  # fmt: skip


@FUZZ
@given(parts=st.lists(st.one_of(st.sampled_from(WORDS), st.binary(max_size=8)), max_size=60))
def test_any_bytes_are_audited_without_an_error(tmp_path: Path, parts: list[bytes]) -> None:
    """As a log, a table and a JSON file of each mode."""
    raw = b"".join(parts)
    for mode in ("accuracy", "performance", "energy"):
        files: dict[str, str | bytes] = {"log.txt": raw, "results.txt": raw, "results.json": raw}
        folder = trees.write(tmp_path / "tree" / "kws" / mode, files)
        eembc.read_log(folder / "log.txt")
        runner13.read_log(folder / "log.txt")
        read_printed(folder / "results.txt")
    assert not audit(tmp_path / "tree").valid


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(
        st.sampled_from(["file", "class", "infer", "results", "elapsed_time", "iterations",
                         "wav_file", "detections", "detection_windows", "power", "samples",
                         "timestamps", "dutycycle", "start_times_s", "stop_times_s", "error"]),
        inner, max_size=6)),
    max_leaves=20,
)  # fmt: skip


@FUZZ
@given(document=VALUES)
def test_any_json_is_audited_without_an_error(tmp_path: Path, document: object) -> None:
    """Whatever its shape; also as a trace of energy."""
    for mode in ("accuracy", "performance", "energy"):
        text = json.dumps(document)
        trees.write(tmp_path / "tree" / "sww" / mode, {"results.json": text})
    audit(tmp_path / "tree")


@pytest.mark.parametrize(
    ("results", "rules"),
    [
        ("m-results-[]", set[str]()),
        ("m-results-[0.1,0.2", {"garbled-line"}),
        ("m-re\ufffd\ufffdults-0.1,0.2]", {"garbled-line", "undecodable-bytes"}),
        ("m-ready-", {"log-fault", "performance-windows"}),
    ],
)
def test_the_time_of_a_window_counts_without_its_answer(
    tmp_path: Path, results: str, rules: set[str]
) -> None:
    """An empty answer is noted, a garbled one is the line's fault, none at all is the DUT's."""
    folder = trees.performance(trees.task_folder(tmp_path / "tree") / "performance")
    log = (folder / "log.txt").read_text(encoding="utf-8")
    written = f"m-results-[{trees.outputs(trees.KWS[2])}]"
    assert log.count(written) == 1
    (folder / "log.txt").write_text(log.replace(written, results), encoding="utf-8")
    (run,) = audit(folder).runs
    assert {violation.rule for violation in run.violations} == rules | {"missing-mode"}
    assert run.inferences == (4 if "log-fault" in rules else 5)
    assert run.figures[0].outcome == "reproduced"
    lacking = any("1 of 5 windows have no outputs" in note for note in run.notes)
    assert lacking == (run.inferences == 5)


def test_an_answer_without_outputs_is_missing_in_accuracy_mode(tmp_path: Path) -> None:
    """The others are scored."""
    folder = trees.accuracy(trees.task_folder(tmp_path / "tree") / "accuracy")
    log = (folder / "log.txt").read_text(encoding="utf-8")
    log = log.replace(f"m-results-[{trees.outputs(trees.KWS[0])}]", "m-results-[]", 1)
    (folder / "log.txt").write_text(log, encoding="utf-8")
    (run,) = audit(folder).runs
    (said,) = (v.found for v in run.violations if v.rule == "missing-outputs")
    assert said == f"1 answer without any: {trees.KWS[0]}"


@pytest.mark.parametrize(("count", "wrong"), [(12, False), (10, True), (13, True)])
def test_outputs_that_are_not_one_a_class_are_named(
    tmp_path: Path, count: int, wrong: bool
) -> None:
    """Such as 12 for 10 classes."""
    lines = [
        line
        for name in trees.KWS[:5]
        for line in trees.infer(name, ",".join(["0.05"] * count), 250, 10_000_000)
    ]
    folder = trees.task_folder(tmp_path / "tree") / "performance"
    trees.write(folder, {"log.txt": trees.eembc_log(lines)})
    (run,) = audit(folder).runs
    assert ("output-count" in {violation.rule for violation in run.violations}) == wrong


def test_an_input_that_the_log_does_not_name_is_no_wrong_one(tmp_path: Path) -> None:
    """A log that begins behind the first load."""
    folder = trees.accuracy(trees.task_folder(tmp_path / "tree") / "accuracy")
    lines = (folder / "log.txt").read_text(encoding="utf-8").splitlines()
    first = next(n for n, line in enumerate(lines) if "bload" in line)
    del lines[first]
    (folder / "log.txt").write_text("\n".join(lines), encoding="utf-8")
    labels = "".join(f"{name},12,{trees.label(name)}\n" for name in trees.KWS)
    trees.write(tmp_path / "labels", {"y_labels.csv": labels})
    (run,) = audit(folder, labels=tmp_path / "labels").runs
    rules = {violation.rule for violation in run.violations}
    assert "unnamed-inputs" in rules
    assert not rules & {"wrong-inputs", "missing-inputs"}


def test_noise_at_boot_weighs_less_than_an_error_of_the_dut(tmp_path: Path) -> None:
    """Before the first input the runner asks until it is answered."""
    lines = ["00001.000 dut: e-[Unknown command: \ufffd]", *trees.infer("a.bin", "0.5")]
    found = eembc.read_log(_log(tmp_path, lines))
    assert list(found.faults) == ["an error of the DUT before the first input"]
    folder = trees.performance(trees.task_folder(tmp_path / "tree") / "performance")
    log = (folder / "log.txt").read_text(encoding="utf-8").splitlines()
    log.insert(2, lines[0].replace("\ufffd", "x"))
    (folder / "log.txt").write_text("\n".join(log), encoding="utf-8")
    (run,) = audit(folder).runs
    assert {violation.rule for violation in run.violations} == {"line-noise", "missing-mode"}
    assert run.grade == "paperwork"


@pytest.mark.parametrize(
    ("value", "printed", "same"),
    [
        (11.0194999, "11.019", True),
        (11.0195001, "11.019", True),
        (11.0194999, "11.020", True),
        (11.01951, "11.019", False),
        (11.0193, "11.020", False),
        (1430.66808, "1430.6681", True),
        (1430.66818, "1430.6681", False),
    ],
)
def test_a_tie_in_the_last_digit_may_go_either_way(value: float, printed: str, same: bool) -> None:
    """Runners in single precision round some the other way; nothing farther from the middle."""
    assert agrees(value, printed) == same


@pytest.mark.parametrize(
    ("old", "new", "broken"),
    [
        ("", "", False),
        ("Throughput   :       21.307", "Throughput   :       26.307", True),
        ("# Inferences :          250", "# Inferences :          300", True),
    ],
)
def test_a_printed_window_that_contradicts_itself_is_named(
    tmp_path: Path, old: str, new: str, broken: bool
) -> None:
    """Throughput is iterations by run time."""
    text = ""
    for n in range(1, 6):
        text += f"1.0 ulp-mlperf: Performance results for window {n}:\n"
        text += "1.0 ulp-mlperf:   # Inferences :          250\n"
        text += "1.0 ulp-mlperf:   Runtime      :       11.733 sec.\n"
        text += "1.0 ulp-mlperf:   Throughput   :       21.307 inf./sec.\n"
    text = text.replace(old, new, 1) if old else text
    text += "1.0 ulp-mlperf: Median throughput is 21.307 inf./sec.\n"
    folder = trees.write(
        trees.task_folder(tmp_path / "tree") / "performance", {"results.txt": text}
    )
    (run,) = audit(folder).runs
    assert any(v.rule == "figure" and "window 1" in v.found for v in run.violations) == broken
