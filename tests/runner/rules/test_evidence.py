"""A run folder held against itself: an edited result is noticed, by what it contradicts."""

import gzip
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.program import tinybench
from tests.runner.results.a_result import good_result
from tests.runner.rules.a_run import PROFILE, broken, copy_of, edit_result, hash_again, short_run
from tinybench.errors import RunFolderError
from tinybench.runner import cli, rules
from tinybench.runner.compare.change import compare
from tinybench.runner.dut.client import Dut
from tinybench.runner.results.request import Request
from tinybench.runner.results.result import Answer, read_result
from tinybench.runner.results.transcript import inferred
from tinybench.runner.rules.evidence.said import claimed
from tinybench.runner.rules.judge import judge
from tinybench.runner.session.run import run
from tinybench.track import silent
from tinybench.transport import transcript
from tinybench.transport.process import ProcessTransport
from tinybench.transport.recorder import Recorder

EVIDENCE = rules.EVIDENCE


def _states(folder: Path) -> dict[str, set[str]]:
    """Return {rule: what it says} of the rules on evidence."""
    found: dict[str, set[str]] = {}
    for ruling in judge(folder, thorough=True).verdict.rulings:
        if ruling.rule in EVIDENCE:
            found.setdefault(ruling.rule, set()).add(ruling.state)
    return found


@pytest.mark.parametrize("which", ["measured", "energetic"])
def test_a_run_agrees_with_its_evidence(which: str, request: pytest.FixtureRequest) -> None:
    """Every file, every answer and window in journal and transcript, the energy in the trace."""
    folder = request.getfixturevalue(which)
    names = EVIDENCE if which == "energetic" else EVIDENCE[:-1]
    assert _states(folder) == {name: {"kept"} for name in names}


def test_the_seal_is_what_sha256sum_reads(measured: Path) -> None:
    """The folder can be checked without tinybench."""
    done = subprocess.run(["sha256sum", "--strict", "-c", "SHA256SUMS"], cwd=measured, check=False)
    assert done.returncode == 0


def _better_answer(result: dict[str, Any]) -> None:
    answer = result["accuracy"]["answers"][3]
    answer["results"] = answer["results"][::-1]


def _faster_window(result: dict[str, Any]) -> None:
    result["performance"]["windows"][2]["elapsed_us"] += 1


def _other_clock(result: dict[str, Any]) -> None:
    result["accuracy"]["answers"][0]["elapsed_us"][0] += 1


def _dropped_answer(result: dict[str, Any]) -> None:
    del result["accuracy"]["answers"][4]


def _other_model(result: dict[str, Any]) -> None:
    result["model"]["sha256"] = "0" * 64


def _other_label(result: dict[str, Any]) -> None:
    result["emulated"] = not result["emulated"]


def _other_division(result: dict[str, Any]) -> None:
    result["division"] = "open"


@pytest.mark.parametrize(
    "change",
    [
        _better_answer,
        _faster_window,
        _other_clock,
        _dropped_answer,
        _other_model,
        _other_label,
        _other_division,
    ],
)
def test_an_edited_result_breaks_its_seal(
    measured: Path, tmp_path: Path, change: Callable[[dict[str, Any]], None]
) -> None:
    """Whatever was edited in it."""
    folder = copy_of(measured, tmp_path / "edited")
    edit_result(folder, change, seal=False)
    assert "sealed" in broken(folder)


@pytest.mark.parametrize(
    ("change", "contradicts"),
    [
        (_better_answer, {"journal", "transcript"}),
        (_faster_window, {"journal", "transcript"}),
        (_other_clock, {"journal", "transcript"}),
        (_dropped_answer, {"journal"}),
        (_other_model, {"journal"}),
        (_other_label, {"journal", "transcript"}),
        (_other_division, {"journal"}),
    ],
)
def test_an_edited_result_that_is_sealed_again_contradicts_what_was_said(
    measured: Path,
    tmp_path: Path,
    change: Callable[[dict[str, Any]], None],
    contradicts: set[str],
) -> None:
    """A new seal is easily made; journal and transcript still say what was measured."""
    folder = copy_of(measured, tmp_path / "edited")
    edit_result(folder, change, seal=True)
    assert broken(folder) & {"sealed", "journal", "transcript"} == contradicts


def test_an_edited_energy_contradicts_the_trace(energetic: Path, tmp_path: Path) -> None:
    """All windows halved, power and median with them, journal and seal edited as well."""

    def halve(energy: dict[str, Any]) -> None:
        for field in ("per_inference_j", "uncertainty_j"):
            energy[field] /= 2
        for window in energy["windows"]:
            window["energy_j"] /= 2
            window["power_w"] /= 2

    folder = copy_of(energetic, tmp_path / "edited")
    edit_result(folder, lambda result: halve(result["energy"]), seal=False)
    lines = (folder / "journal.jsonl").read_text().splitlines()
    for number, line in enumerate(lines):
        entry = json.loads(line)
        if "energy" in entry:
            entry["energy"] = json.loads((folder / "result.json").read_bytes())["energy"]
            lines[number] = json.dumps(entry)
    (folder / "journal.jsonl").write_text("\n".join(lines) + "\n")
    hash_again(folder)
    assert broken(folder) == {"energy-trace"}


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("task.toml", "stored-files"),
        ("profile.toml", "stored-files"),
        ("firmware.elf", "stored-files"),
        ("journal.jsonl", "sealed"),
        ("transcript.jsonl", "sealed"),
    ],
)
def test_an_edited_file_is_named(measured: Path, tmp_path: Path, name: str, rule: str) -> None:
    """One blank at its end is enough."""
    folder = copy_of(measured, tmp_path / "edited")
    (folder / name).write_bytes((folder / name).read_bytes() + b"\n")
    violations = judge(folder, thorough=True).violations
    assert rule in {v.rule for v in violations if name in v.wanted}


@pytest.mark.parametrize(
    ("name", "rule"),
    [("SHA256SUMS", "sealed"), ("journal.jsonl", "sealed"), ("transcript.jsonl", "sealed")],
)
def test_a_file_that_is_gone_is_named(measured: Path, tmp_path: Path, name: str, rule: str) -> None:
    """A result whose seal was thrown away is not one of a version without seals."""
    folder = copy_of(measured, tmp_path / "edited")
    (folder / name).unlink()
    assert rule in broken(folder)


@pytest.mark.parametrize(
    "damage", [b"\xff\xfe\n", b'{"t_s": 1}\n', b'{"answer": {"input": 1}}\n', b"\n\n"]
)
@pytest.mark.parametrize("name", ["journal.jsonl", "transcript.jsonl", "SHA256SUMS"])
def test_damaged_evidence_is_a_broken_rule_and_no_crash(
    measured: Path, tmp_path: Path, name: str, damage: bytes
) -> None:
    """Anything may stand in a file of somebody else's."""
    folder = copy_of(measured, tmp_path / "edited")
    (folder / name).write_bytes(damage + (folder / name).read_bytes()[:500])
    assert broken(folder) >= {"sealed"}


def test_an_old_result_is_read_and_judged(measured: Path, tmp_path: Path) -> None:
    """Without profile, provenance, seal and steps, as versions before them wrote it."""
    folder = copy_of(measured, tmp_path / "old")

    def older(result: dict[str, Any]) -> None:
        for field in ("profile", "provenance", "steps", "float_model", "interface_board"):
            del result[field]
        del result["inputs"]["first"]
        for name in ("profile.toml", "inputs.csv", "journal.jsonl", "transcript.jsonl"):
            del result["files_sha256"][name]

    edit_result(folder, older, seal=False)
    for name in ("SHA256SUMS", "profile.toml", "inputs.csv"):
        (folder / name).unlink()
    lines = (folder / "journal.jsonl").read_text().splitlines(keepends=True)
    kept = [line for line in lines if not line.startswith(('{"ended"', '{"step"'))]
    (folder / "journal.jsonl").write_text("".join(kept))
    verdict = judge(folder, thorough=True).verdict
    assert verdict.profile == "mlperf-tiny"
    assert [one.found for one in verdict.rulings if one.rule == "sealed"] == [
        "written by a version without a seal"
    ]
    assert not {"journal", "transcript", "sealed"} & broken(folder)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200), st.sampled_from(["journal.jsonl", "transcript.jsonl"]))
def test_any_bytes_as_evidence_are_judged(tmp_path: Path, data: bytes, name: str) -> None:
    """Never a crash: what cannot be read is not judged, or broken."""
    (tmp_path / name).write_bytes(data)
    (tmp_path / "SHA256SUMS").write_bytes(data)
    states = {ruling.state for ruling in rules.evidence(good_result(), tmp_path)}
    assert states <= {"broken", "not judged"}
    (tmp_path / name).unlink()


@given(st.lists(st.binary(max_size=60)))
def test_any_bytes_on_a_line_are_read(tmp_path_factory: Any, heard: list[bytes]) -> None:
    """Damaged frames and half texts give fewer inferences, and no error."""
    path = tmp_path_factory.mktemp("line") / "transcript.jsonl"
    lines = [json.dumps({"t_s": 0.0, "to": "host", "hex": data.hex()}) for data in heard]
    path.write_text("".join(f"{line}\n" for line in lines))
    assert all(len(one) == 3 for one in inferred(path))


def test_a_listing_reads_no_transcript(measured: Path, tmp_path: Path) -> None:
    """It may be long: a listing holds results against journal and files, only `check` reads all."""
    folder = copy_of(measured, tmp_path / "edited")
    edit_result(folder, _better_answer, seal=True)
    (folder / "transcript.jsonl").write_text("no transcript")
    found = {violation.rule for violation in judge(folder).violations}
    assert "journal" in found
    assert "transcript" not in found


def test_the_stock_protocol_leaves_the_same_evidence(core: Path, tmp_path: Path) -> None:
    """What is answered as text is found in the transcript, too."""
    path = tmp_path / "transcript.jsonl"
    recorder = Recorder(ProcessTransport([str(core)]), path)
    dut = Dut(recorder, fast=False)
    dut.handshake()
    inferences = [dut.infer(bytes([value]) * 490, 3, 1) for value in (1, 2)]
    recorder.close()
    found = list(inferred(path))
    for one in inferences:
        assert (one.iterations, one.elapsed_us, one.results) in found


def test_a_result_says_where_it_comes_from_and_names_no_user(measured: Path) -> None:
    """Packages, git, host: no path of the machine, no name of a user or of the host."""
    import getpass
    import platform

    result = read_result(measured)
    told = result.provenance
    assert told is not None
    assert {"msgspec", "numpy", "pyserial", "tflite"} <= set(told.packages)
    assert re.fullmatch("[0-9a-f]{64}", told.rules_sha256)
    assert told.machine == platform.machine()
    assert told.board_serials == []
    text = (measured / "result.json").read_text()
    for word in (str(Path.home()), str(Path.cwd()), getpass.getuser() + "@", platform.node()):
        assert len(word) < 3 or word not in text


def test_answers_of_several_windows_are_told_apart() -> None:
    """A sound of `ad` has an inference for each of its windows, and one value from each."""
    good = good_result(performance=None)
    assert good.accuracy is not None
    answers = [Answer("a.bin", 1, "1.5,2.5,3.5", [10, 20, 30])]
    accuracy = msgspec.structs.replace(good.accuracy, answers=answers)
    found = [one for _, one in claimed(msgspec.structs.replace(good, accuracy=accuracy))]
    assert found == [(1, 10, "1.5"), (1, 20, "2.5"), (1, 30, "3.5")]


def test_a_board_rests_before_the_performance_mode(tmp_path: Path) -> None:
    """Where it has worked before, as long as the profile wants; how long is in the result."""
    profile = tmp_path / "rested.toml"
    profile.write_text(PROFILE.format(seconds=0.02) + "cool_down_s = 0.3\n")
    request = Request(board="host", task="kws", profile=str(profile), out=tmp_path / "run")
    outcome = run(request, silent, lambda _: None)
    accuracy, performance = outcome.result.steps
    assert (accuracy.mode, accuracy.rested_s) == ("accuracy", None)
    assert performance.rested_s is not None
    assert performance.rested_s >= 0.3
    assert outcome.violations == []


def test_check_shows_every_rule(measured: Path) -> None:
    """`--rules` lists those that are kept, too; the status is that of the verdict."""
    done = tinybench("check", str(measured), "--rules")
    assert done.returncode == 0, done.stderr
    for name in ("sealed", "journal", "transcript", "no-caching"):
        assert re.search(rf"^{name} ", done.stdout, re.MULTILINE)
    assert "valid under profile moment, not an MLPerf result" in " ".join(done.stdout.split())
    assert rules.DEFAULT_PROFILE not in done.stdout


def test_a_compressed_transcript_is_the_same_evidence(
    measured: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a run that is done it is compressed before the seal; an edit in it is found."""
    monkeypatch.setattr(transcript, "LONG_B", 0)
    folder = short_run(tmp_path, board="host")
    assert (folder / "transcript.jsonl.gz").is_file()
    assert not (folder / "transcript.jsonl").exists()
    assert _states(folder) == {name: {"kept"} for name in EVIDENCE[:-1]}
    said = list(inferred(folder / "transcript.jsonl.gz"))
    assert len(said) >= 15
    lines = list(transcript.read_lines(folder / "transcript.jsonl.gz"))
    (folder / "transcript.jsonl.gz").write_bytes(gzip.compress(b"".join(lines[: len(lines) // 2])))
    assert {"sealed", "transcript"} <= broken(folder)


def test_an_answer_is_found_however_it_arrived(core: Path, tmp_path: Path) -> None:
    """In pieces of one byte as in one piece, as text and in frames."""
    for fast in (False, True):
        path = tmp_path / f"{fast}.jsonl"
        recorder = Recorder(ProcessTransport([str(core)]), path)
        dut = Dut(recorder, fast=fast)
        dut.handshake()
        for value in (1, 2, 3):
            dut.infer(bytes([value]) * 490, 3, 1)
        recorder.close()
        heard = b"".join(data for _, to, data in transcript.entries(path) if to == "host")
        found = list(inferred(path))
        assert len(found) >= 3
        for size in (1, 7, len(heard)):
            pieces = [heard[at : at + size] for at in range(0, len(heard), size)]
            lines = [json.dumps({"to": "host", "hex": piece.hex()}) for piece in pieces]
            path.write_text("".join(f"{line}\n" for line in lines))
            assert list(inferred(path)) == found


def test_a_changed_run_is_not_compared(measured: Path, tmp_path: Path) -> None:
    """Nor written into a baseline; it is named, with the rule that it breaks."""
    folder = copy_of(measured, tmp_path / "edited")
    edit_result(folder, _faster_window, seal=True)
    with pytest.raises(RunFolderError, match=r"the evidence of this run is broken: journal"):
        compare(measured, folder)


def test_a_report_reads_all_of_the_evidence(
    measured: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A transcript without an answer makes a run not valid in a report, too."""
    folder = copy_of(measured, tmp_path / "edited")
    lines = (folder / "transcript.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "transcript.jsonl").write_bytes(b"".join(lines[: len(lines) // 2]))
    hash_again(folder)
    assert cli.main(["report", str(folder)]) == 1
    assert re.search(r"^transcript ", capsys.readouterr().out, re.MULTILINE)
