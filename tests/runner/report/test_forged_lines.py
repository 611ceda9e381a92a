"""Names that others choose forge no line and no control byte in any output."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from tests.models import tflite_builder as build
from tests.runner.audit import trees
from tests.runner.cli.test_bad_input import keywords
from tests.runner.compare.test_change import energy
from tests.runner.compare.test_store import stored
from tests.runner.results.a_result import good_result
from tinybench.printable import one_line
from tinybench.runner import cli
from tinybench.runner.build.task import load_task
from tinybench.runner.cli.output import note
from tinybench.runner.results.result import Link, Result
from tinybench.runner.submission.logs import Marks, accuracy

CALM = "quiet-name"
EVIL = "a\nvalid\r\n::error::x\x1b[2K\u202e\u2028\x00[/red]\tz"
BESIDE = set("\x00\r\x1b\x85\u2028\u202e")
FORMATS = ("terminal", "html", "markdown", "csv", "junit")


def _named(name: str) -> dict[str, object]:
    """Return the fields of a result, each text in it that a stranger chooses being `name`."""
    good: Result = good_result()
    assert good.accuracy is not None
    assert good.performance is not None
    link = Link(
        protocol=name,
        verified=True,
        baud=None,
        chunk_b=64,
        boards=1,
        retries=0,
        restarts=0,
        reopened=0,
        resent_frames=0,
        quarantined_lines=0,
        profile=name,
    )
    swap = msgspec.structs.replace
    answers = [swap(one, input=f"{name}{at}") for at, one in enumerate(good.accuracy.answers)]
    windows = [swap(one, input=name) for one in good.performance.windows]
    measured = energy([100, 100.1, 100.2, 99.9, 99.8], 2, modelled=True)
    return {
        "board": name,
        "core": name,
        "dut": name,
        "error": name,
        "complete": False,
        "inputs": swap(good.inputs, name=name, note=name),
        "model": swap(good.model, name=name),
        "accuracy": swap(good.accuracy, answers=answers),
        "performance": swap(good.performance, windows=windows),
        "link": link,
        "energy": swap(measured, monitor=name, warnings=[name], model_source=name),
        "tinybench": name,
        "time_base": name,
    }


def _both(print_it: Callable[[str], str]) -> None:
    """Hold what is printed of the evil name against what is printed of the calm one."""
    calm, evil = print_it(CALM), print_it(EVIL)
    assert not BESIDE & set(evil)
    assert len(evil.splitlines()) == len(calm.splitlines())
    assert not any(line.startswith(("valid", "::")) for line in evil.splitlines())


@pytest.mark.parametrize("form", FORMATS)
def test_a_run_folder_of_a_stranger(
    form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Board, core, DUT, inputs, model, monitor, link and last words."""

    def told(name: str) -> str:
        folder = stored(tmp_path / ("calm" if name == CALM else "evil"), **_named(name))
        assert cli.main(["report", str(folder), "--to", form]) == 1
        return capsys.readouterr().out

    _both(told)


@pytest.mark.parametrize("command", ["check", "results"])
def test_commands_beside_the_report(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On standard output and on standard error."""

    def told(name: str) -> str:
        folder = tmp_path / ("calm" if name == CALM else "evil")
        cli.main([command, str(stored(folder / "run", **_named(name)))])
        said = capsys.readouterr()
        return said.out + said.err

    _both(told)


@pytest.mark.parametrize("form", ["terminal", "markdown"])
def test_a_comparison(form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of a run with a baseline, which both name what was measured."""

    def told(name: str) -> str:
        folder = tmp_path / ("calm" if name == CALM else "evil")
        named = {**_named(name), "complete": True, "error": ""}
        base, head = (stored(folder / which, **named) for which in ("base", "head"))
        cli.main(["compare", str(base), str(head), "--to", form])
        said = capsys.readouterr()
        return said.out + said.err

    _both(told)


def test_the_log_of_a_submission() -> None:
    """What the public checker reads line by line, in whatever encoding its user has."""
    task, calm_marks, evil_marks = load_task("kws"), Marks("", CALM), Marks("", EVIL)

    def told(name: str) -> str:
        result: Result = good_result(**_named(name))
        assert result.accuracy is not None
        mark = calm_marks if name == CALM else evil_marks
        texts = accuracy(result, result.accuracy, task, mark)
        assert texts.log.isascii()
        return texts.log + texts.results

    _both(told)


@pytest.mark.parametrize("words", [["model"], ["compile", "-o", "c"]], ids=["model", "compile"])
def test_the_layers_of_a_model(
    words: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Tensors, and so layers, are called what who made the model likes."""
    monkeypatch.chdir(tmp_path)

    def told(name: str) -> str:
        model = keywords(12)
        tensors = [replace(one, name=f"{name}{at}") for at, one in enumerate(model.tensors)]
        Path("mine.tflite").write_bytes(build.write(replace(model, tensors=tensors)))
        assert cli.main([*words, "mine.tflite"]) == 0
        said = capsys.readouterr()
        return said.out + said.err

    _both(told)


@pytest.mark.parametrize("form", ["terminal", "html", "markdown", "csv"])
def test_a_published_tree(form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Submitter and system are names of folders; no folder has a NUL in its name."""

    def told(name: str) -> str:
        root = tmp_path / ("calm" if name == CALM else "evil")
        own = name.replace("\x00", "").replace("/", "")
        folder = root / "v1.1" / "closed" / own / "results" / own / "kws" / "accuracy"
        trees.accuracy(folder, start_us=1)
        cli.main(["audit", str(root), "--to", form])
        said = capsys.readouterr()
        return said.out + said.err

    _both(told)


def test_a_refusal_names_its_file_in_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line, whatever the file is called."""

    def told(name: str) -> str:
        path = tmp_path / f"{name.replace(chr(0), '').replace('/', '')}.tflite"
        path.write_bytes(b"none")
        assert cli.main(["model", str(path)]) == 2
        return capsys.readouterr().err

    _both(told)


def test_standard_error_keeps_what_is_quoted(capsys: pytest.CaptureFixture[str]) -> None:
    """Lines of a program that failed stand below, indented; any other end of a line is spelt."""
    note("it failed:\n    last words\nvalid\tx")
    assert capsys.readouterr().err == "it failed:\n    last words\\x0avalid\\x09x\n"
    assert one_line("a\nb\t\x1b") == "a\\x0ab\\x09\\x1b"
