"""Answers beside a published log: which inputs are answered alike, and which are not."""

import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.program import tinybench
from tests.runner.results.a_result import RIGHT, WRONG, good_result
from tinybench.errors import UsageError
from tinybench.runner.compare.published.log import beside, words
from tinybench.runner.results.result import Answer, Result, write_result
from tinybench.runner.results.score import accuracy

KWS = ",".join(["0.000"] * 11 + ["0.996"])
"""Twelve outputs, as the task has."""


def _run(answers: dict[str, str], **changed: object) -> Result:
    found = [Answer(name, 11, text, [1000]) for name, text in answers.items()]
    return good_result(accuracy=accuracy(found, "top1"), **changed)


def _log(path: Path, answers: dict[str, str]) -> Path:
    """Write a log as EEMBC's runner does."""
    lines = ["00000.001 sequencer: m-sequencing-i[0]"]
    for name, text in answers.items():
        lines += [
            f'00001.000 parser: Command "bload dut "/a/b/{name}""',
            '00001.100 parser: Command "dut infer 1 0"',
            "00001.200 dut: m-infer-start-1",
            f"00001.300 dut: m-results-[{text}]",
        ]
    path.write_text("\n".join(lines) + "\n")
    return path


def _json(path: Path, answers: dict[str, str]) -> Path:
    """Write results.json as the v1.3 runner does."""
    rows = [
        {"file": name, "infer": {"results": [float(w) for w in text.split(",")], "iterations": 1}}
        for name, text in answers.items()
    ]
    path.write_text(json.dumps(rows))
    return path


@pytest.mark.parametrize(("write", "name"), [(_log, "log.txt"), (_json, "results.json")])
def test_the_same_answers_are_the_same_in_both_kinds_of_log(
    write: Callable[[Path, dict[str, str]], Path], name: str, tmp_path: Path
) -> None:
    """Input by input, in any order, to the digits that both have."""
    answers = {"a.bin": KWS, "b.bin": KWS[::-1].replace("699.0", "0.996")}
    log = write(tmp_path / name, dict(reversed(answers.items())))
    finer = {one: text.replace("0.996", "0.99609375") for one, text in answers.items()}
    found = beside(_run(finer), log)
    assert (found.same, found.compared, found.alike, found.decimals) == (True, 2, 2, 3)
    assert words(found) == [f"2 of 2 inputs are answered as in {name}, to 3 decimals"]


def test_an_answer_without_outputs_is_none(tmp_path: Path) -> None:
    """The input is then in the run only, as if the log did not have it."""
    found = beside(
        _run({"a.bin": KWS, "b.bin": KWS}), _log(tmp_path / "l", {"a.bin": KWS, "b.bin": ""})
    )
    assert (found.compared, found.alike, found.only_ours) == (1, 1, ["b.bin"])


def test_what_differs_is_named(tmp_path: Path) -> None:
    """The input, by how much, both answers, and whether the class is another one."""
    ours = {"a.bin": KWS, "b.bin": KWS, "c.bin": KWS, "mine.bin": KWS}
    near = KWS.replace("0.996", "0.992")
    far = "0.999," + KWS[6:-5] + "0.001"
    log = _log(tmp_path / "log.txt", {"a.bin": KWS, "b.bin": near, "c.bin": far, "their.bin": KWS})
    found = beside(_run(ours), log)
    assert (found.same, found.compared, found.alike) == (False, 3, 1)
    assert (found.only_ours, found.only_published) == (["mine.bin"], ["their.bin"])
    first, second = found.differing
    assert (first.input, round(first.largest, 6), first.other_class) == ("b.bin", 0.004, False)
    assert (second.input, second.other_class) == ("c.bin", True)
    said = words(found)
    assert "2 are answered otherwise, 1 with another class:" in said
    assert any(line.startswith("  b.bin: up to 0.004 off; ours [0.000,") for line in said)
    assert "in the log only: 1 input, such as their.bin" in said


def test_windows_of_one_input_are_compared_one_by_one(tmp_path: Path) -> None:
    """A file of ad01 has many; one that lacks some differs, too."""
    found = [Answer("a.bin", 1, "1.500,2.500,3.500", [1, 1, 1])]
    result = good_result(task="ad", accuracy=accuracy(found, "auc"))
    log = _log(tmp_path / "log.txt", {"a.bin": "1.500"})
    lines = log.read_text().splitlines()
    for value in ("2.500", "3.600"):
        lines += [line.replace("1.500", value) for line in lines[1:5]]
    log.write_text("\n".join(lines))
    (one,) = beside(result, log).differing
    assert (one.inferences, one.ours, one.published) == (1, "3.500", "3.600")
    log.write_text("\n".join(lines[:9]))
    (one,) = beside(result, log).differing
    assert one.inferences == 1


def test_what_is_no_accuracy_log_is_refused(tmp_path: Path) -> None:
    """No file, a pipe's like, a log without an inference, a run without answers."""
    with pytest.raises(UsageError, match=r"gone\.txt: there is no such file"):
        beside(_run({"a.bin": KWS}), tmp_path / "gone.txt")
    with pytest.raises(UsageError, match="there is no such file"):
        beside(_run({"a.bin": KWS}), Path("/dev/zero"))
    (tmp_path / "log.txt").write_text("nothing\n")
    with pytest.raises(UsageError, match="no inference in it"):
        beside(_run({"a.bin": KWS}), tmp_path / "log.txt")
    with pytest.raises(UsageError, match="has no answers"):
        beside(good_result(accuracy=None), _log(tmp_path / "log.txt", {"a.bin": KWS}))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300), st.sampled_from(["log.txt", "results.json"]))
def test_any_bytes_as_a_log_are_read_or_refused(tmp_path: Path, data: bytes, name: str) -> None:
    """Never another error than ours."""
    (tmp_path / name).write_bytes(data)
    try:
        beside(_run({"a.bin": RIGHT}), tmp_path / name)
    except UsageError as error:
        assert name in str(error)


def test_a_published_log_is_read_whole(shared_data: Path) -> None:
    """All 1000 inputs of the reference board's, none of which is in a run of something else."""
    path = (
        shared_data / "published/v0.5/closed/reference/results/Nucleo-L4R5ZI/kws/accuracy/log.txt"
    )
    named = beside(_run({"none.bin": KWS}), path).only_published
    assert len(named) == 1000
    assert words(beside(_run({"none.bin": KWS}), path))[-1].startswith("not one input is in both")


def test_the_command_compares_and_says_so_by_its_exit_status(tmp_path: Path) -> None:
    """0 alike, 1 not, 2 without anything to compare with; --json is one document."""
    (tmp_path / "run").mkdir()
    write_result(tmp_path / "run", _run({"a.bin": KWS}))
    run = str(tmp_path / "run")
    log = str(_log(tmp_path / "log.txt", {"a.bin": KWS}))
    done = tinybench("compare", run, "--published-log", log)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "1 of 1 inputs are answered as in log.txt, to 3 decimals\n"
    _log(tmp_path / "log.txt", {"a.bin": WRONG})
    done = tinybench("compare", run, "--published-log", log, "--json")
    assert done.returncode == 1
    assert msgspec.json.decode(done.stdout)["differing"][0]["input"] == "a.bin"
    for more in ([], [run, "--published-log", log]):
        done = tinybench("compare", run, *more)
        assert done.returncode == 2
        assert "compare needs HEAD" in done.stderr
