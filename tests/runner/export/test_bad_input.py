"""What cannot be exported is one line that says why; a project is whole, or not there."""

import errno
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import ROOT
from tests.program import tinybench
from tinybench.declare import load
from tinybench.errors import DeclarationError, ModelError, UsageError
from tinybench.files import is_file_name
from tinybench.runner.build.task import load_task
from tinybench.runner.export import framework, project
from tinybench.runner.export.framework import Framework, load_framework, names
from tinybench.runner.export.project import Asked, export

AD = ROOT / "models" / "embedded" / "ad01.tflite"
EXPORT = ROOT / "firmware" / "export"


def asked(**more: Any) -> Asked:
    """Return what is asked for: the smallest task's model, with some of it otherwise."""
    words = {"to": "cmake", "task": load_task("ad"), "model": AD, "run": "tinybench", **more}
    return Asked(**words)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--task", "kws", "--to", "ardunio"], "no framework 'ardunio': did you mean 'arduino'?"),
        (["--task", "kws", "--to", "../arduino"], "no framework '../arduino'"),
        (["--task", "kws", "--to", "x/make.toml"], "name a framework: arduino, cmake"),
        (["--task", "kwz", "--to", "make"], "no task 'kwz': did you mean 'kws'?"),
        (["--to", "make"], "--task kws, or --model FILE"),
        (["--model", "not.tflite", "--to", "make"], "no such file"),
        (["--task", "kws", "--model", "not.tflite", "--to", "make"], "no such file"),
        (["--task", "kws", "--model", str(AD), "--to", "make"], "not one for task kws"),
        (["--model", __file__, "--to", "make"], "test_bad_input.py"),
        (["--task", "kws", "--to", "make", "--energy"], "has no timing pin"),
        (["--task", "kws", "--to", "esp-idf", "--kernels", "dsp"], "kernels blocked or plain"),
        (["--task", "kws", "--to", "esp-idf", "--board", "nucleo-l4r5"], "--board nucleo-l4r5: "),
        (["--task", "kws", "--to", "make", "--board", "serial"], "give --kernels"),
        (["--task", "vww", "--to", "make", "--board", "qemu-microbit"], "too many"),
        (["--task", "kws", "--to", "make", "--name", "my-model"], "no C identifier"),
    ],
)
def test_what_cannot_be_meant_is_refused(words: list[str], said: str, tmp_path: Path) -> None:
    """With status 2, and nothing is written."""
    done = tinybench("export", *words, "-o", str(tmp_path / "out"))
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["", "1st", "a b", "../up", "int", "a" * 61, "ä", "a\n", "a/b"])
def test_a_name_is_a_c_identifier(name: str, tmp_path: Path) -> None:
    """It becomes that of a target, of a program and of a folder."""
    with pytest.raises(UsageError, match="no C identifier"):
        export(asked(name=name), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@given(st.text(max_size=20))
def test_any_name_is_one_or_is_refused(name: str) -> None:
    """Whatever is let through leads out of no folder and means nothing to make."""
    try:
        found = project._project_name(asked(name=name))
    except UsageError:
        return
    assert found == name
    assert is_file_name(name)
    assert re.fullmatch(r"\w+", name, re.ASCII)


def test_what_is_there_stays(tmp_path: Path) -> None:
    """A folder with a file in it, a file, a link to nowhere: each is refused; an empty one not."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "model.c").write_text("mine")
    with pytest.raises(UsageError, match="mine is not empty"):
        export(asked(), tmp_path / "mine")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["model.c"]
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name in ("file", "link"):
        with pytest.raises(UsageError, match="is no folder"):
            export(asked(), tmp_path / name)
    (tmp_path / "empty").mkdir()
    export(asked(), tmp_path / "empty")
    assert (tmp_path / "empty" / "CMakeLists.txt").is_file()
    assert not [path for path in (tmp_path / "empty").iterdir() if path.name[0] == "."]


@pytest.mark.parametrize("made", [False, True])
def test_a_full_disk_leaves_nothing(
    made: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not the folder either, where it was not there before."""
    out = tmp_path / "out"
    if made:
        out.mkdir()
    real = Path.write_bytes

    def full(path: Path, data: bytes) -> int:
        if path.name == "README.md":
            real(path, data[: len(data) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(path, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(UsageError, match="No space left on device; name another folder with -o"):
        export(asked(), out)
    assert out.exists() == made
    assert not made or not list(out.iterdir())


def test_what_was_brought_to_its_place_is_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where another one puts something there meanwhile."""
    real = Path.rename

    def other(path: Path, target: Path) -> Path:
        if target.name == "tinybench.json":
            raise OSError(errno.EEXIST, "File exists")
        return real(path, target)

    monkeypatch.setattr(Path, "rename", other)
    with pytest.raises(UsageError, match="File exists"):
        export(asked(), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_model_that_does_not_compile_is_the_compilers_to_refuse(tmp_path: Path) -> None:
    """And nothing is written."""
    (tmp_path / "half.tflite").write_bytes(AD.read_bytes()[:5000])
    with pytest.raises(ModelError):
        export(asked(model=tmp_path / "half.tflite"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


# Declarations.


@pytest.mark.parametrize("name", sorted(names()))
def test_a_framework_declares_every_file_of_its_folder(name: str) -> None:
    """And no other."""
    folder = EXPORT / name
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert set(load_framework(name).files) == there


@pytest.mark.parametrize("key", ["sources", "files", "shared"])
@pytest.mark.parametrize("path", ["/etc/passwd", "../up", "a/../../up", "a\n"])
def test_a_declared_file_that_escapes_is_refused(key: str, path: str, tmp_path: Path) -> None:
    """Each path stays in its folder."""
    text = (EXPORT / "make.toml").read_text()
    value = path if key == "sources" else [path]
    lines = [line for line in text.splitlines() if not line.startswith(f"{key} =")]
    (tmp_path / "x.toml").write_text("\n".join([*lines, f"{key} = {value!r}".replace("'", '"')]))
    with pytest.raises(DeclarationError):
        load(tmp_path / "x.toml", Framework)


def test_a_word_that_is_none_is_found_out() -> None:
    """One in a framework's file that nothing is put in for."""
    with pytest.raises(UsageError, match=r"README\.md of a framework wants @MODLE@: valid: NAME"):
        project._filled("README.md", "a @MODLE@", {"NAME": "x"})
    assert framework.names() == names()
