"""What a study is asked for names boards and tasks, and compares files by what they hold."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from tinybench.errors import DeclarationError, OtherFolderError
from tinybench.runner import cli
from tinybench.runner.build.board import names as boards
from tinybench.runner.build.task import names as tasks
from tinybench.runner.cli.study.words import folder_of
from tinybench.runner.study.classic.classic import ask as classic
from tinybench.runner.study.compress.asked import ask as compress
from tinybench.runner.study.compress.of_model import ask_layers
from tinybench.runner.study.declared import FILES_MOST, board_asked, task_asked, toml_sha256
from tinybench.runner.study.kept import open_study
from tinybench.runner.study.noise.asked import ask as noise
from tinybench.runner.study.quantisation import quantisation
from tinybench.runner.study.rows import Rows, rows_of_task
from tinybench.runner.study.sparsity.matrices import made
from tinybench.runner.study.sparsity.pruned import Block
from tinybench.runner.study.sparsity.sparsity import ask as sparsity
from tinybench.runner.study.subject import Subject, subject
from tinybench.runner.study.sweep.asked import ask as sweep
from tinybench.runner.study.sweep.factors import factor

DESK = '[boards.left]\nboard = "../mine.toml"\nport = "/dev/ttyACM0"\n'


@pytest.fixture(scope="module")
def kws() -> Subject:
    """A few keywords, and their model."""
    return subject("kws", limit=12)


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A board of one's own, which a desk in a folder beside calls left."""
    path = tmp_path / "mine.toml"
    text = boards()["nucleo-l4r5"].read_text()
    path.write_text(text.replace('name = "nucleo-l4r5"', 'name = "mine"'))
    (tmp_path / "desk").mkdir()
    (tmp_path / "desk" / "bench.toml").write_text(DESK)
    monkeypatch.setenv("TINYBENCH_BENCH", str(tmp_path / "desk" / "bench.toml"))
    monkeypatch.chdir(tmp_path)
    return path


def edited(path: Path, was: str, now: str) -> None:
    """Change a declaration in place."""
    text = path.read_text()
    assert was in text
    path.write_text(text.replace(was, now))


def asked_of(kind: str, of: Subject, board: str) -> msgspec.Struct:
    """Return what a study of a kind on a board is asked for."""
    rng = np.random.default_rng(0)
    rows = Rows("made", rng.normal(0, 1, (40, 3)), np.arange(40) % 2, ("a", "b"))
    ways: dict[str, Callable[[], msgspec.Struct]] = {
        "noise": lambda: noise(of, "gaussian", None, 1, 1, board=board),
        "classic": lambda: classic(rows, "", board, ["linear"], 8, 1, [1]),
        "compress": lambda: compress(rows, "", board, ("robe",), (2,), 9, 4, 8, 1, 1),
        "layers": lambda: ask_layers(of, of, board, ("robe",), (2,), 4, 1),
        "sparsity": lambda: sparsity(
            made((16, 64), 1), "16x64", board, ["bcr"], [2], [Block(8, 0)], None, 1
        ),
        "quantisation": lambda: quantisation.ask(
            of, quantisation.float_model(of, None, None), board, ["int8-channel"], 1, 1
        ),
        "sweep": lambda: sweep(
            [factor("iterations=1,2")], {"task": "kws", "board": board}, ("ram",), 1, Path("tried")
        ),
    }
    return ways[kind]()


@pytest.mark.parametrize(
    "kind", ["noise", "classic", "compress", "layers", "sparsity", "quantisation", "sweep"]
)
def test_a_board_in_a_file_is_known_by_its_name_and_by_what_it_holds(
    kind: str, mine: Path, kws: Subject
) -> None:
    """However it is reached, and no path of this computer; another clock is another board."""
    one, *others = (asked_of(kind, kws, name) for name in ("left", "mine.toml", str(mine)))
    assert others == [one, one]
    told = msgspec.to_builtins(one)
    assert told["board"] == "mine"
    assert ".toml" not in str(told)
    edited(mine, "clock_hz = 120_000_000", "clock_hz = 80_000_000")
    assert asked_of(kind, kws, "left") != one
    assert asked_of(kind, kws, "nucleo-l4r5") != one


def test_a_task_in_a_file_is_known_by_what_it_holds(tmp_path: Path) -> None:
    """Of a run's words, of a subject and of rows; that of the package has a name alone."""
    path = tmp_path / "own.toml"
    path.write_text(tasks()["kws"].read_text().replace('name = "kws"', 'name = "own"'))
    words = {"task": str(path), "board": "host"}
    by = [factor("iterations=1,2")]
    before = sweep(by, words, ("ram",), 1, tmp_path / "tried"), subject(str(path), limit=3)
    assert (before[0].task, before[1].task) == ("own", "own")
    assert str(tmp_path) not in str(msgspec.to_builtins(before[0]))
    assert rows_of_task(str(path)).task_sha256 == before[1].task_sha256 == toml_sha256(str(path))
    edited(path, "[rules]", "tolerance = 0.5\n[rules]")
    assert sweep(by, words, ("ram",), 1, tmp_path / "tried") != before[0]
    assert subject(str(path), limit=3).task_sha256 != before[1].task_sha256
    assert subject("kws", limit=3).task_sha256 == ""
    assert task_asked("kws").sha256 == board_asked("host").sha256 == ""


def test_levels_of_a_sweep_that_are_files_are_compared_by_what_they_hold(
    mine: Path, tmp_path: Path
) -> None:
    """Boards, tasks, models and engines; and a board of the desk by its kind."""
    task, model, engine = tmp_path / "task.toml", tmp_path / "a.tflite", tmp_path / "engine"
    task.write_text(tasks()["kws"].read_text())
    model.write_bytes(b"one")
    engine.mkdir()
    (engine / "engine.c").write_text("int one;\n")
    words: dict[str, Any] = {"task": "kws", "board": "host"}

    def asked(by: str) -> Any:
        return sweep([factor(by)], words, ("ram",), 1, tmp_path / "tried")

    for by, change in (
        ("board=host,mine.toml", lambda: edited(mine, "120_000_000", "80_000_000")),
        ("task=kws,task.toml", lambda: edited(task, "[rules]", "tolerance = 0.5\n[rules]")),
        ("model=a.tflite,b.tflite", lambda: model.write_bytes(b"two")),
        ("engine=tflm,engine", lambda: (engine / "engine.c").write_text("int two;\n")),
    ):
        (tmp_path / "b.tflite").write_bytes(b"other")
        before = asked(by)
        assert asked(by) == before
        change()
        assert asked(by) != before
    named = asked("board=host,left")
    assert named.meant["board"].keys() == {"left"}
    assert asked("iterations=1,2").meant == {}


def test_a_declaration_is_what_it_says_and_what_its_files_hold(tmp_path: Path) -> None:
    """Comments, order and places change nothing; what it names does, as deep as it goes."""
    (tmp_path / "there").mkdir()
    task, model = tmp_path / "task.toml", tmp_path / "model.toml"
    task.write_text('model = "model.toml"\nclasses = ["a", "b"]\n')
    model.write_text('file = "model.tflite"\n')
    (tmp_path / "model.tflite").write_bytes(b"one")
    one = toml_sha256(str(task))
    (tmp_path / "there" / "task.toml").write_text(
        '# mine\nclasses = ["a", "b"]\nmodel = "../model.toml"\n'
    )
    assert toml_sha256(str(tmp_path / "there" / "task.toml")) == one
    (tmp_path / "model.tflite").write_bytes(b"two")
    two = toml_sha256(str(task))
    model.write_text('file = "model.tflite"\nother = "task.toml"\nnone = "none.toml"\n')
    assert len({one, two, toml_sha256(str(task))}) == 3  # one that names itself ends, too
    for n in range(FILES_MOST + 1):
        (tmp_path / f"{n}.toml").write_text(f'next = "{n + 1}.toml"\n')
    with pytest.raises(DeclarationError, match=f"more than {FILES_MOST} files"):
        toml_sha256(str(tmp_path / "0.toml"))


def test_a_folder_does_not_go_on_for_a_board_that_was_changed(
    mine: Path, kws: Subject, tmp_path: Path
) -> None:
    """Of the same path: figures of the old one would be told as those of the new."""
    with open_study(tmp_path / "study", asked_of("sweep", kws, "mine.toml")):
        pass
    edited(mine, "clock_hz = 120_000_000", "clock_hz = 80_000_000")
    asked = asked_of("sweep", kws, "mine.toml")
    with (
        pytest.raises(OtherFolderError, match="asked for otherwise"),
        open_study(tmp_path / "study", asked),
    ):
        pass


def test_noise_without_a_board_asks_no_desk(
    kws: Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor minds that its bench file is broken."""
    (tmp_path / "bench.toml").write_text("[boards\n")
    monkeypatch.setenv("TINYBENCH_BENCH", str(tmp_path / "bench.toml"))
    words = "study noise --task kws --limit 3 --trials 1 --together-only --eta 0 --part 1/1"
    assert cli.main([*words.split(), "-o", str(tmp_path / "noise")]) == 0
    with pytest.raises(DeclarationError, match="not valid TOML"):
        noise(kws, "gaussian", None, 1, 1, board="host")


def test_a_new_folder_is_called_as_the_file_of_its_task() -> None:
    """And lies in runs/, wherever that file does."""
    folder = folder_of(None, "sweep", "../there/own.toml")
    assert (folder.parent, folder.name.rpartition("-sweep-")[2]) == (Path("runs"), "own")
