"""A submission: what it holds, what is refused, and that an audit of it gives the same figures."""

import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from tests.program import TINYBENCH, tinybench
from tests.runner.results.a_result import RIGHT, good_result
from tests.runner.submission import checker
from tests.runner.submission.bench import FAST, energy_run_on_a_port, run_on_a_port
from tinybench.errors import DeclarationError, RunFolderError, UsageError
from tinybench.runner.audit.audit import audit
from tinybench.runner.build.board import load_board
from tinybench.runner.build.firmware import build
from tinybench.runner.build.task import load_task
from tinybench.runner.compare.published.table import fetch
from tinybench.runner.results.result import Performance, Result, Window, read_result, write_result
from tinybench.runner.results.scenario import Asked, Query
from tinybench.runner.results.scenario.score import score
from tinybench.runner.submission.system import REQUIRED, read_fields
from tinybench.runner.submission.tree import Submission, submit

SYSTEM = """
Status = "available"
"Board Name" = "Desk board"
"Processor(s) Name" = "x86-64"
"Processor(s) Frequencies" = "2 GHz"
"Processor memory type and capacity" = "8 GiB"
"Inference Framework" = "tinybench"
"Software Libraries" = "none"
"""


@pytest.fixture(scope="module")
def environment(mirror: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A cache with the official inputs and model of kws."""
    cache = tmp_path_factory.mktemp("cache")
    environment = {"TINYBENCH_CACHE": str(cache), "TINYBENCH_MIRROR": str(mirror)}
    assert tinybench("fetch", "kws", **environment).returncode == 0
    return environment


@pytest.fixture(scope="module")
def measured(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The folders of an official run on a port, and of its energy run."""
    scratch = tmp_path_factory.mktemp("bench")
    (model,) = Path(environment["TINYBENCH_CACHE"]).rglob("kws_ref_model.tflite")
    image = build(load_board("host"), load_task("kws"), model)
    run_on_a_port(Path(image.elf), "kws", scratch / "run", scratch, **environment)
    energy_run_on_a_port(model, "kws", scratch / "energy", scratch, **environment)
    return [scratch / "run", scratch / "energy"]


@pytest.fixture(scope="module")
def tree(measured: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree of their submission, made by the command line."""
    folder = tmp_path_factory.mktemp("submission")
    (folder / "desk.toml").write_text(SYSTEM)
    words = ["--submitter", "Me", "--system", str(folder / "desk.toml"), "--division", "closed"]
    words += ["-o", str(folder / "tree")]
    done = tinybench("submit", *map(str, measured), *words, program=FAST)
    assert done.returncode == 0, done.stderr + done.stdout
    return folder / "tree"


def _assert_that_the_public_checker_is_content(tree: Path) -> None:
    """Names, files, sizes, lines, and the fields that its summary shows."""
    assert checker.objections(tree) == []
    task = tree / "closed" / "Me" / "results" / "desk" / "kws"
    assert checker.last(checker.TOP1, task / "accuracy") == 90.1
    for picture in checker.PICTURES:
        assert (task / "energy" / picture).read_bytes().startswith(b"\x89PNG\r\n")


def _assert_that_the_system_has_every_field(tree: Path) -> None:
    """What the submitter said, what the command said, and how the energy was measured."""
    system = json.loads((tree / "closed" / "Me" / "systems" / "desk.json").read_text())
    assert (system["Submitter"], system["Division"], system["Status"]) == (
        "Me",
        "closed",
        "available",
    )
    assert system["Board Name"] == "Desk board"
    assert "LPM01A" in system["Hardware Notes"]
    assert system["Accelerator"] == ""
    assert len(system) == 33


def _assert_that_each_answer_is_there_digit_for_digit(tree: Path, measured: list[Path]) -> None:
    """1000 of 1000."""
    accuracy = read_result(measured[0]).accuracy
    assert accuracy is not None
    mode = tree / "closed" / "Me" / "results" / "desk" / "kws" / "accuracy"
    rows = json.loads((mode / "results.json").read_text())
    log = (mode / "log.txt").read_text()
    assert len(rows) == len(accuracy.answers) == 1000
    for row, answer in zip(rows, accuracy.answers, strict=True):
        values = [float(word) for word in answer.results.split(",")]
        assert (row["file"], int(row["class"])) == (answer.input, answer.label)
        assert row["infer"]["results"] == values
        assert row["infer"]["elapsed_time"] == answer.elapsed_us[0]
        assert f"Loading file {answer.input} segment 0\n" in log


def test_a_whole_submission_is_what_others_will_want(
    tree: Path,
    measured: list[Path],
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """The public checker is content; an audit gives the figures of the runs, and no broken rule.

    One test, for two runs are measured for it.
    """
    _assert_that_the_public_checker_is_content(tree)
    _assert_that_the_system_has_every_field(tree)
    _assert_that_each_answer_is_there_digit_for_digit(tree, measured)
    monkeypatch.setenv("TINYBENCH_MIRROR", environment["TINYBENCH_MIRROR"])
    found = audit(tree, cache=tmp_path)
    assert found.notes == []
    assert (found.reproduced, found.differing, found.not_recomputable) == (5, 0, 0)
    # A host process and the simulated monitor take each their own time.
    broken = {violation.rule for run in found.runs for violation in run.violations}
    assert broken <= {"modes-contradict"}, found
    assert {run.mode for run in found.runs} == {"accuracy", "performance", "energy"}
    assert {(run.division, run.submitter, run.system) for run in found.runs} == {
        ("closed", "Me", "desk")
    }
    figures = {figure.name: figure for run in found.runs for figure in run.figures}
    run, energy = read_result(measured[0]), read_result(measured[1]).energy
    assert run.accuracy is not None
    assert run.performance is not None
    assert energy is not None
    assert figures["top-1"].recomputed == f"{(run.accuracy.top1 or 0) * 100:.1f}" == "90.1"
    assert figures["throughput"].recomputed == f"{run.performance.throughput_per_s:.3f}"
    assert figures["energy"].recomputed == f"{(energy.per_inference_j or 0) * 1e6:.4f}"


def _measured(**changed: object) -> Result:
    real = {"emulated": False, "time_base": "clock of the board"}
    return good_result(**(real | changed))


@pytest.fixture
def stored(tmp_path: Path) -> Callable[..., Path]:
    """Store a result as a run; returns its folder."""

    def store(result: Result, name: str = "run") -> Path:
        folder = tmp_path / name
        folder.mkdir()
        write_result(folder, result)
        return folder

    return store


@pytest.fixture
def system(tmp_path: Path) -> Path:
    """A file that describes a system."""
    path = tmp_path / "desk.toml"
    path.write_text(SYSTEM)
    return path


def _submit(
    system: Path, *folders: Path, division: str = "closed", rehearsal: bool = False
) -> Submission:
    out = system.parent / "tree"
    made = submit(
        folders,
        submitter="Me",
        system=system,
        division=division,
        out=out,
        rehearsal=rehearsal,
    )
    assert out.exists() != bool(made.refused)
    return made


SHORT = [Window(f"tst_{number:06d}.bin", 50, 1, 9_800_000, RIGHT) for number in range(5)]
SHORT_WINDOWS = Performance(50 / 9.8, 9.8 / 50, None, SHORT)


@pytest.mark.parametrize(
    ("changed", "rule", "words"),
    [
        ({"performance": SHORT_WINDOWS}, "window-duration", "window 1 lasted 9.800 s"),
        ({"performance": None}, "required-modes", "no performance"),
        ({"emulated": True}, "measured", "kws: clock of the board"),
        ({"dataset": "embedded"}, "official-inputs", "dataset embedded"),
        ({"complete": False, "error": "unplugged"}, "complete", "unplugged"),
        ({"division": "open", "model": "custom"}, "reference-model", "model"),
    ],
)
def test_what_breaks_a_rule_is_refused_by_its_name(
    system: Path,
    stored: Callable[..., Path],
    changed: dict[str, object],
    rule: str,
    words: str,
) -> None:
    """Nothing is written; the division of the command counts, not the run's."""
    if changed.get("model"):
        changed = changed | {"model": msgspec.structs.replace(good_result().model, kind="custom")}
    made = _submit(system, stored(_measured(**changed)))
    refused = [violation.found for violation in made.refused if violation.rule == rule]
    assert any(words in found for found in refused)
    assert made.folder == ""
    assert not list(system.parent.glob(".*"))


def test_the_open_division_takes_what_breaks_a_rule_and_says_so(
    system: Path, stored: Callable[..., Path]
) -> None:
    """In the notes of the system, where every reader of the results looks."""
    made = _submit(system, stored(_measured(performance=SHORT_WINDOWS)), division="open")
    assert {violation.rule for violation in made.marked} == {"window-duration"}
    described = json.loads((Path(made.folder) / "open/Me/systems/desk.json").read_text())
    assert "window 3 lasted 9.800 s" in described["Software Notes"]
    assert checker.objections(Path(made.folder)) == []


def test_a_scenario_is_told_in_the_notes_of_the_open_division(
    system: Path, stored: Callable[..., Path]
) -> None:
    """With its figure and its verdict; the closed division has none, and none is one alone."""
    asked = Asked(name="single-stream", min_queries=64, min_duration_s=0.0)
    found = score(asked, [Query([0], [50_000], 60_000, ["1.0"])] * 64, None, emulated=False)
    run = stored(_measured())
    alone = _measured(mode="scenario", scenario=found, accuracy=None, performance=None)
    scenario = stored(alone, "scenario")
    with pytest.raises(UsageError, match="a scenario alone is no submission"):
        _submit(system, scenario, division="open")
    closed = _submit(system, run, scenario)
    assert [one.rule for one in closed.refused] == ["closed-scenario"]
    made = _submit(system, run, scenario, division="open")
    described = json.loads((Path(made.folder) / "open/Me/systems/desk.json").read_text())
    notes = described["Software Notes"]
    assert "no part of MLPerf Tiny: kws, scenario single-stream of MLPerf Inference" in notes
    assert "p90 50.000 ms" in notes
    assert "not an MLPerf result" in notes
    assert checker.objections(Path(made.folder)) == []


@pytest.mark.parametrize(
    "changed",
    [{"emulated": True}, {"dataset": "embedded"}, {"complete": False}, {"accuracy": None}],
)
def test_what_is_no_result_is_refused_in_the_open_division_too(
    system: Path, stored: Callable[..., Path], changed: dict[str, object]
) -> None:
    """An emulated run, other inputs, a part of a run."""
    assert _submit(system, stored(_measured(**changed)), division="open").refused


def test_unverified_inputs_need_a_statement_which_stands_in_every_file(
    system: Path, stored: Callable[..., Path]
) -> None:
    """Refused in the closed division, until the submitter says where they come from."""
    run = stored(_measured(dataset="unverified"))
    refused = _submit(system, run).refused
    assert [violation.rule for violation in refused] == ["verified-inputs"]
    assert "the field 'Inputs' of the --system file" in refused[0].advice
    said = "EEMBC runner of our lab, installed in 2021"
    system.write_text(SYSTEM + f'Inputs = "{said}"\n')
    made = _submit(system, run)
    files = [path for path in Path(made.folder).rglob("*") if path.is_file()]
    assert len(files) == 7
    for path in files:
        words = path.read_text().replace('\\"', '"')
        assert f'inputs of kws01: unverified, the submitter states: "{said}"' in words, path
    assert checker.objections(Path(made.folder)) == []


def test_unverified_inputs_in_the_open_division_are_of_unknown_origin(
    system: Path, stored: Callable[..., Path]
) -> None:
    """Marked as such in every file; a statement of a thousand words is refused by its field."""
    made = _submit(system, stored(_measured(dataset="unverified")), division="open")
    assert [violation.rule for violation in made.marked] == ["verified-inputs"]
    for path in Path(made.folder).rglob("*.*"):
        if path.is_file():
            assert "inputs of kws01: unverified, of unknown origin" in path.read_text(), path
    system.write_text(SYSTEM + f'Inputs = "{"word " * 1000}"\n')
    with pytest.raises(DeclarationError, match="'Inputs': more than 300 characters"):
        read_fields(system)


def test_an_edited_result_is_refused(system: Path, stored: Callable[..., Path]) -> None:
    """Scores are computed again, and the folder's files compared, in both divisions."""
    result = _measured()
    assert result.accuracy is not None
    edited = msgspec.structs.replace(result.accuracy, top1=0.95, correct=950)
    for division in ("closed", "open"):
        folder = stored(msgspec.structs.replace(result, accuracy=edited), division)
        rules = {v.rule for v in _submit(system, folder, division=division).refused}
        assert "accuracy-recomputed" in rules


def test_a_rehearsal_says_everywhere_that_it_is_none(
    system: Path, stored: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the names, the system, and each file of results; the checker reads it all the same."""
    (system.parent / "mirror").mkdir()
    monkeypatch.setenv("TINYBENCH_MIRROR", str(system.parent / "mirror"))
    run = stored(good_result())
    made = _submit(system, run, division="open", rehearsal=True)
    root = Path(made.folder)
    assert checker.objections(root) == []
    (described,) = root.glob("open/Me/systems/*.json")
    fields = json.loads(described.read_text())
    assert described.stem == "REHEARSAL-desk"
    assert fields["Board Name"] == "REHEARSAL, NO RESULT: Desk board"
    assert fields["Status"] == "rdi"
    assert "instruction" in fields["Hardware Notes"]
    files = [path for path in root.glob("open/Me/results/REHEARSAL-desk/*/*/*") if path.is_file()]
    assert len(files) == 6
    for path in files:
        assert "instruction" in path.read_text(), path
    found = audit(root, cache=system.parent / "cache")
    assert all("rehearsal" in {v.rule for v in run.violations} for run in found.runs)
    with pytest.raises(UsageError, match="no published results there"):
        fetch([root], system.parent / "cache")
    with pytest.raises(UsageError, match="open division only"):
        submit([run], submitter="Me", system=system, division="closed", out=root / "x",
               rehearsal=True)  # fmt: skip


def test_nothing_is_overwritten(system: Path, stored: Callable[..., Path]) -> None:
    """Not even an empty folder."""
    run = stored(_measured())
    (system.parent / "there").mkdir()
    with pytest.raises(RunFolderError, match="nothing is overwritten"):
        submit([run], submitter="Me", system=system, division="closed",
               out=system.parent / "there")  # fmt: skip


def test_a_full_disk_leaves_nothing_that_looks_whole(
    system: Path, stored: Callable[..., Path]
) -> None:
    """The tree gets its name when its last file is written."""
    run = stored(_measured())
    words = ["submit", str(run), "--submitter", "Me", "--system", str(system), "-o"]
    limited = ["sh", "-c", 'ulimit -f 100; exec "$@"', "sh", *TINYBENCH]
    tree = str(system.parent / "tree")
    done = tinybench(*words, tree, program=limited, PYTHONDONTWRITEBYTECODE="1")
    assert done.returncode == 2
    assert "nothing is left there" in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(path.name for path in system.parent.iterdir()) == ["desk.toml", "run"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "missing, and neither"),
        ('Status = "soon"', "Processor(s) Name (such as"),
        ('"Bord Name" = "x"', "did you mean 'Board Name'?"),
        ("Status = 3", "want a text in quotes"),
        ("Status = ", "neither TOML nor JSON"),
        (SYSTEM.replace("available", "soon"), "valid: available, preview, rdi"),
        (SYSTEM + 'Submitter = "Other"', "but 'Me' was given"),
        (SYSTEM + 'Division = "open"', "but 'closed' was given"),
    ],
)
def test_a_wrong_description_is_named(
    system: Path, stored: Callable[..., Path], text: str, words: str
) -> None:
    """The file, the field, and what would be right."""
    system.write_text(text)
    run = stored(_measured(board="serial", core="unknown core", firmware=None))
    with pytest.raises(DeclarationError) as caught:
        _submit(system, run)
    assert words in str(caught.value)
    assert str(system) in str(caught.value)


def test_all_missing_fields_are_listed_at_once(system: Path, stored: Callable[..., Path]) -> None:
    """So that a submitter need not ask seven times; without a file, too."""
    run = stored(_measured(board="serial", core="unknown core", firmware=None))
    system.write_text("")
    with pytest.raises(DeclarationError) as caught:
        _submit(system, run)
    assert all(name in str(caught.value) for name in REQUIRED)
    system.unlink()
    with pytest.raises(DeclarationError) as caught:
        _submit(system, run)
    assert all(name in str(caught.value) for name in REQUIRED)


def test_what_the_board_and_the_build_say_need_not_be_said_again(
    system: Path, stored: Callable[..., Path]
) -> None:
    """A declared board knows its core, clock and memory; the run knows its compiler."""
    system.write_text('{"Status": "Available"}')
    described = system.rename(system.with_suffix(".json"))
    made = _submit(described, stored(_measured()))
    fields = json.loads((Path(made.folder) / "closed/Me/systems/desk.json").read_text())
    assert fields["Processor(s) Name"] == "Cortex-M4F"
    assert fields["Processor(s) Frequencies"].endswith(" MHz")
    assert fields["General Compiler(s)"] == "gcc"


@pytest.mark.parametrize(
    ("submitter", "name"), [("Me & Co", "desk.toml"), ("../Me", "desk.toml"), ("Me", "a b.toml")]
)
def test_names_that_become_folders_are_plain(
    system: Path, stored: Callable[..., Path], submitter: str, name: str
) -> None:
    """Neither spaces, which the checker warns of, nor a way out of the tree."""
    path = system.rename(system.with_name(name))
    with pytest.raises(UsageError, match="becomes a folder"):
        submit([stored(_measured())], submitter=submitter, system=path, division="closed",
               out=path.parent / "tree")  # fmt: skip


def test_runs_that_do_not_belong_together_are_refused(
    system: Path, stored: Callable[..., Path]
) -> None:
    """The same mode twice; two boards; two models."""
    whole = stored(_measured())
    with pytest.raises(UsageError, match="have the accuracy of kws"):
        _submit(system, whole, stored(_measured(), "again"))
    part = stored(_measured(performance=None), "accuracy")
    other = msgspec.structs.replace(good_result().model, sha256="9" * 64)
    rest = stored(_measured(accuracy=None, board="mps2-an385", model=other), "performance")
    assert {v.rule for v in _submit(system, part, rest).refused} == {"same-bench", "same-model"}


def test_ic02_is_handed_in_with_ic01_only(system: Path, stored: Callable[..., Path]) -> None:
    """Ref: MLPerf Tiny Rules; the public tree's folder is ic2."""
    run = stored(_measured(task="ic02", model_id="ic02"))
    assert "together" in {violation.rule for violation in _submit(system, run).refused}
