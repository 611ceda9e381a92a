"""Studies dealt out over computers: shares, and folders of parts gathered, whoever wrote them."""

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.bench.study.noise_golden import wide
from tests.program import tinybench
from tests.runner.study.dealt import gathered
from tests.runner.study.test_compress import logged, table
from tinybench.errors import RunFolderError, UsageError
from tinybench.runner.study import one_image
from tinybench.runner.study.compress import asked as compress_asked
from tinybench.runner.study.compress import compress
from tinybench.runner.study.compress.compress import run_compress, share_compress
from tinybench.runner.study.images import Counted, OnBoard
from tinybench.runner.study.kept import TRIALS_FILE, read_study
from tinybench.runner.study.listed import find_studies
from tinybench.runner.study.noise.asked import Asked, ask
from tinybench.runner.study.noise.findings import NoiseStudy
from tinybench.runner.study.noise.noise import PIECES, Line, run_noise, share_noise
from tinybench.runner.study.parts import Part, Pieces, gather, part_of, share
from tinybench.runner.study.rows import Rows
from tinybench.runner.study.sparsity import sparsity
from tinybench.runner.study.sparsity.matrices import made, matrices_of
from tinybench.runner.study.sparsity.pruned import Block
from tinybench.runner.study.sparsity.split import split
from tinybench.runner.study.work import Work
from tinybench.track import silent

QUIET = (silent, lambda _: None)


def test_parts_are_all_of_it_and_none_is_of_two() -> None:
    """About equal, also where there are more parts than things."""
    for count in (1, 3, 7, 40):
        parts = [share(range(10), Part(k, count)) for k in range(1, count + 1)]
        assert sorted(at for part in parts for at in part) == list(range(10))
        assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert str(part_of("2/4")) == "2/4"
    for text in ("0/4", "5/4", "2/2000", "2", "1/2/3", "-1/2", "02/4", "a/b", "1/2\n"):
        with pytest.raises(UsageError, match="no part such as 2/4"):
            part_of(text)


def test_a_study_of_noise_in_parts_is_the_same_study(tmp_path: Path) -> None:
    """To the byte: every part finds for itself at which amount layers are disturbed alone."""
    of = wide(12)
    asked = ask(of, "gaussian", [0, 0.4, 1.5], 8, 1)
    run_noise(of, asked, Work(tmp_path / "whole", {}, *QUIET, 2))
    trials = list[int]()

    def some(folder: Path, part: Part) -> Any:
        done = share_noise(of, asked, Work(folder, {}, *QUIET, 2), part)
        lines = (folder / TRIALS_FILE).read_bytes().splitlines(keepends=True)
        (folder / TRIALS_FILE).write_bytes(b"".join(lines[:2]) + lines[2][:9])  # interrupted
        assert share_noise(of, asked, Work(folder, {}, *QUIET, 2), part) == done
        assert len((folder / TRIALS_FILE).read_bytes().splitlines()) == done.done["trials"]
        trials.append(done.done["trials"])
        return done

    found = gathered(
        tmp_path,
        some,
        lambda folder: run_noise(of, asked, Work(folder, {}, *QUIET, 2)),
        asked,
        PIECES,
        3,
    )
    assert found == (tmp_path / "whole" / "study.json").read_text()
    assert len(read_study(tmp_path / "whole", NoiseStudy).layers) == 2
    pilots, whole = 1 + 2 * 3, 1 + 2 * 8 + 2 * 2
    assert sum(trials) == whole + 2 * pilots
    assert max(trials) - min(trials) <= 2


def counted(names: list[str]) -> Callable[..., OnBoard]:
    """Return what stands for a board: it answers rightly, and counts by a candidate's name."""

    def on_board(engine: Path, own: Sequence[str], data: Any, *_: Any) -> OnBoard:
        names.extend(own)
        each = [Counted(latency_s=1.0, instructions=sum(map(ord, name)) * 7 % 9973) for name in own]
        return OnBoard(
            board="mps2-an386", emulated=True, flash_b=1000 * len(own), ram_b=len(engine.name),
            rows=len(data), odd=[], counted=each,
        )  # fmt: skip

    return on_board


@pytest.mark.parametrize("rows", [table(), logged()], ids=["layers", "tables"])
def test_candidates_in_parts_are_the_images_of_as_many_shards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: Rows
) -> None:
    """Nets are trained and counted where their part is; what a part lacks is done at gathering."""
    ran = list[str]()
    monkeypatch.setattr(one_image, "_on_board", counted(ran))
    words = {"board": "mps2-an386"}
    asked = compress_asked.ask(
        rows, "", "mps2-an386", compress_asked.METHODS, (2, 4), 9, 4, 30, 2, 1
    )
    run_compress(rows, asked, Work(tmp_path / "whole", words, *QUIET, 2))
    wanted = (tmp_path / "whole" / "study.json").read_text()
    ran.clear()
    found = gathered(
        tmp_path,
        lambda folder, part: share_compress(rows, asked, Work(folder, words, *QUIET), part),
        lambda folder: run_compress(rows, asked, Work(folder, words, *QUIET)),
        asked,
        compress.pieces(asked),
    )
    assert found == wanted
    assert len(ran) == 7
    share_compress(rows, asked, Work(tmp_path / "a", words, *QUIET), Part(1, 2))
    gather(tmp_path / "half", [tmp_path / "a"], asked, compress.pieces(asked))
    other = tmp_path / "a" / "engine-1-of-5.json"
    other.write_bytes((tmp_path / "a" / "engine-0-of-2.json").read_bytes())
    with pytest.raises(RunFolderError, match=r"engine-1-of-5.json cannot be of this study, .*out"):
        gather(tmp_path / "other", [tmp_path / "a"], asked, compress.pieces(asked))
    assert not (tmp_path / "other").exists()
    ran.clear()
    run_compress(rows, asked, Work(tmp_path / "half", words, *QUIET))
    assert ran == ["robe 2x", "palette 2x", "prune 2x"]
    assert (tmp_path / "half" / "study.json").read_text() == wanted


def test_pruned_layers_in_parts_are_scored_and_counted_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the model's own C here, and mended where they are counted, all kernels of a candidate.

    More parts than there are candidates do no harm.
    """
    monkeypatch.setattr(one_image, "_on_board", counted([]))
    dealt_out, words, blocks = split(wide(64), 1), {"board": "mps2-an386"}, [Block(8, 0)]
    of = dealt_out.scored
    matrices, without = matrices_of(of.graph, 4)
    schemes = ("bcr", "channel")
    asked = sparsity.ask(matrices, "m", "mps2-an386", schemes, [4.0], blocks, of, 1, dealt_out)
    given = (asked, blocks)
    whole = Work(tmp_path / "whole", words, *QUIET, 7)
    sparsity.run_sparsity(of, matrices, without, *given, whole, dealt_out)
    found = gathered(
        tmp_path,
        lambda folder, part: sparsity.share_sparsity(
            of, matrices, *given, Work(folder, words, *QUIET), dealt_out, part
        ),
        lambda folder: sparsity.run_sparsity(
            of, matrices, without, *given, Work(folder, words, *QUIET), dealt_out
        ),
        asked,
        sparsity.pieces(matrices, *given, "mps2-an386"),
        7,
    )
    assert found == (tmp_path / "whole" / "study.json").read_text()


def test_emulated_candidates_and_measured_ones_are_two_studies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was asked for differs, and images that do are never summed up as one."""
    matrices = made((16, 32), 1)
    real, emulated = (
        sparsity.ask(matrices, "m", "nucleo-l4r5", ("csr",), [2.0], [], None, 1, emulate=emulate)
        for emulate in (False, True)
    )
    assert (real.emulated, emulated.emulated) == (False, True)
    part = a_part(tmp_path / "emulated", emulated)
    with pytest.raises(RunFolderError, match="emulated is true there, and false here"):
        gather(tmp_path / "into", [part], real, sparsity.pieces(matrices, real, [], "nucleo-l4r5"))
    monkeypatch.setattr(one_image, "_on_board", counted([]))
    folder, given = tmp_path / "real", (matrices, [], real, [])
    work = Work(folder, {"board": "nucleo-l4r5"}, *QUIET, 2)
    sparsity.run_sparsity(None, *given, work)
    path = folder / "engine-1-of-2.json"
    path.write_text(path.read_text().replace('"emulated":true', '"emulated":false'))
    with pytest.raises(RunFolderError, match=r"engine-0-of-2.json is of .*, emulated, and .*1-of"):
        sparsity.run_sparsity(None, *given, work)


@pytest.fixture
def asked() -> Asked:
    """What a small study is asked for."""
    return ask(wide(12), "gaussian", [0, 0.4], 2, 1, alone=False)


def a_part(folder: Path, asked: msgspec.Struct, *lines: dict[str, Any]) -> Path:
    """Write the folder of a part."""
    folder.mkdir()
    (folder / "asked.json").write_text(json.dumps(msgspec.to_builtins(asked)))
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / TRIALS_FILE).write_text(text)
    return folder


TRIAL = {"part": "all", "amount": 0.4, "trial": 0, "score": 0.5}


def test_what_differs_is_refused_before_anything_is_written(asked: Asked, tmp_path: Path) -> None:
    """By name: another study, another score of a trial, other figures, the folder itself."""
    one = a_part(tmp_path / "a", asked, TRIAL)
    other = a_part(tmp_path / "b", asked, TRIAL | {"score": 0.25})
    into = tmp_path / "into"
    with pytest.raises(RunFolderError, match=r"0\.5 in .*a and 0\.25 in .*b"):
        gather(into, [one, other], asked, PIECES)
    (other / TRIALS_FILE).write_text(json.dumps(TRIAL | {"score": 7}) + "\n")
    with pytest.raises(RunFolderError, match="a line is no trial"):
        gather(into, [one, other], asked, PIECES)
    (other / TRIALS_FILE).write_text("")
    for folder, patched in ((one, "true"), (other, "false")):
        (folder / "line.json").write_text(f'{{"patched":{patched}}}')
    with pytest.raises(RunFolderError, match=r"line\.json stands in .*a and in .*b"):
        gather(into, [one, other], asked, PIECES)
    changed = json.loads((other / "asked.json").read_text()) | {"trials": 9}
    (other / "asked.json").write_text(json.dumps(changed))
    with pytest.raises(RunFolderError, match=r"b is of another study: trials is 9 there, and 2"):
        gather(into, [one, other], asked, PIECES)
    with pytest.raises(RunFolderError, match="takes the folder of a study"):
        gather(into, [tmp_path], asked, PIECES)
    with pytest.raises(UsageError, match="the folder of the study itself"):
        gather(one, [one], asked, PIECES)
    assert not into.exists()


@pytest.mark.parametrize(
    ("name", "spoil", "words"),
    [
        ("link", lambda at: at.symlink_to("/etc/passwd"), "a link, or no regular file"),
        ("pipe", os.mkfifo, "a link, or no regular file"),
        ("deep", lambda at: (at / "/".join("abcdefghij")).mkdir(parents=True), "in each other"),
        ("\x1b[2J", lambda at: at.write_text(""), "no name of a file"),
    ],
    ids=["link", "pipe", "deep", "name"],
)
def test_what_is_no_file_of_a_part_is_refused(
    asked: Asked, tmp_path: Path, name: str, spoil: Callable[[Path], Any], words: str
) -> None:
    """Nothing is followed, waited for, or named as the folder of others says."""
    part = a_part(tmp_path / "a", asked)
    (part / "cells" / "x").mkdir(parents=True)
    (part / "cells" / "x.json").write_text('{"patched":true}')
    (part / "cells" / "x" / "figures").write_text("1")
    spoil(part / "cells" / "x" / name)
    pieces = Pieces("x", Line, ("{}",), "cells")
    with pytest.raises(RunFolderError, match=words):
        gather(tmp_path / "into", [part], asked, pieces)
    (part / "cells").rename(tmp_path / "elsewhere")
    (part / "cells").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RunFolderError, match="a link, or no folder"):
        gather(tmp_path / "into", [part], asked, pieces)
    assert not (tmp_path / "into").exists()


def test_a_trial_is_the_same_on_whichever_board(asked: Asked, tmp_path: Path) -> None:
    """All parts have the pilots, each on a board of its own."""
    one = a_part(tmp_path / "a", asked, TRIAL | {"board": "left"})
    other = a_part(tmp_path / "b", asked, TRIAL | {"board": "right"})
    found, _ = gather(tmp_path / "into", [one, other], asked, PIECES)
    assert found.trials == 1


def test_gathering_that_was_interrupted_is_asked_for_again(
    asked: Asked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A piece is there behind what belongs to it, and never over what is there; twice is once."""
    part, into = a_part(tmp_path / "a", asked, TRIAL), tmp_path / "into"
    for name in "xy":
        (part / name).mkdir()
        (part / f"{name}.json").write_text('{"patched":true}')
        (part / name / "figures").write_text(name * 9)
    (part / "y" / "journal.jsonl").write_text("{}\n")  # a run that would be gone on with
    (part / "part.json").write_text('{"parts":["1/2"],"tinybench":"9.9"}')
    pieces = Pieces("[xy]", Line, ("{}", "{}.tflite"))
    with monkeypatch.context() as patch:
        patch.setattr("tinybench.runner.study.parts.FILES_MOST", 1)
        with pytest.raises(RunFolderError, match=r"a/x.json, .* more than the 1 files .* remove"):
            gather(into, [part], asked, pieces)
    with monkeypatch.context() as patch:
        patch.setattr("tinybench.runner.study.parts.write_whole", interrupted)
        with pytest.raises(KeyboardInterrupt):
            gather(into, [part], asked, pieces)
    assert (into / "x" / "figures").read_text() == "x" * 9
    assert not list(into.glob("*.partial"))
    assert not (into / "x.json").exists()
    found, said = gather(into, [part], asked, pieces)
    assert (found.trials, found.pieces) == (1, 2)
    assert "was done by tinybench 9.9, and this is" in said[0]
    assert not (into / "y").exists()
    again, _ = gather(into, [part, part], asked, pieces)
    assert (again.trials, again.pieces) == (0, 0)
    (into / "x.json").unlink()
    (into / "x" / "figures").write_text("z" * 9)
    with pytest.raises(RunFolderError, match=r"x stands in .* and differs"):
        gather(into, [part], asked, pieces)
    assert (into / "x" / "figures").read_text() == "z" * 9


def interrupted(*_: Any) -> None:
    """Be interrupted."""
    raise KeyboardInterrupt


def test_the_command_does_a_part_and_gathers_it(tmp_path: Path) -> None:
    """A folder of a part says so wherever a study is looked for; gathered, all is there."""
    words = ("study", "noise", "--task", "kws", "--limit", "5", "--trials", "2", "--eta", "0,.3",
             "--together-only")  # fmt: skip
    part, into = tmp_path / "p", tmp_path / "s"
    done = tinybench(*words, "--part", "1/1", "-o", str(part), "--to", "json")
    assert done.returncode == 0, done.stderr
    told = {"study": "noise", "part": "1/1", "done": {"trials": 3}, "same": True}
    assert json.loads(done.stdout) == told
    shown = tinybench("study", "show", str(part))
    assert (shown.returncode, shown.stderr.count("\n")) == (2, 1)
    assert "the folder has part 1/1 of a study" in shown.stderr
    (left_out,) = find_studies(tmp_path).unreadable
    assert "has part 1/1 of a study: ask for the study with --gather" in left_out
    done = tinybench(*words, "--gather", str(part), "-o", str(into))
    assert done.returncode == 0, done.stderr
    assert "new there: 3 trials, 0 files" in done.stderr
    assert "nothing was done anew" in done.stderr
    assert find_studies(into).studies == 1
    (tmp_path / "file").write_text("")
    for more in ((), ("--gather", str(into))):
        wrong = tinybench(*words, *more, "-o", str(tmp_path / "file"))
        assert wrong.returncode == 2
        assert f"into {tmp_path / 'file'}" in wrong.stderr or "the study in" in wrong.stderr
    wrong = tinybench("study", "sweep", "--task", "kws", "--by", "iterations=1,2", "--runs", "1",
                      "--part", "1/2")  # fmt: skip
    assert (wrong.returncode, wrong.stderr.count("\n")) == (2, 1)
    assert "with --budget or --runs" in wrong.stderr
