"""Plots of pages as files of their own, and the card that sums runs up."""

import re
import struct
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import msgspec
import pytest

from tests.runner.compare.test_change import energy
from tests.runner.compare.test_store import stored
from tests.runner.report.test_formats import EVIL
from tests.runner.results.a_result import good_result
from tinybench import extras
from tinybench.runner import cli
from tinybench.runner.compare.store import find_runs
from tinybench.runner.report import pictures
from tinybench.runner.report.card import card

SVG = "{http://www.w3.org/2000/svg}"


def _words(path: Path) -> list[str]:
    """Return the texts of a picture, which must be well-formed and need nothing else."""
    drawn = path.read_text(encoding="utf-8")
    assert "var(" not in drawn
    assert "<script" not in drawn
    assert "href" not in drawn
    tree = ET.fromstring(drawn)  # noqa: S314 - our own
    assert tree.tag == f"{SVG}svg"
    return ["".join(one.itertext()) for one in tree.iter(f"{SVG}text")]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A measured run, an invalid one, and one of a board with a name that means harm."""
    folder = tmp_path_factory.mktemp("runs")
    measured = {"board": "mine", "emulated": False, "time_base": "clock of the board"}
    stored(folder / "a", **measured, energy=energy([100.0] * 5, 2))
    stored(folder / "b", complete=False)
    stored(folder / "c", board=EVIL, dut=EVIL)
    return folder


def test_each_plot_of_a_run_is_a_picture(runs: Path, tmp_path: Path) -> None:
    """With the run's name in it, what its figures are, the note that the page has, its style."""
    out = tmp_path / "plots"
    assert cli.main(["report", str(runs / "a"), "--to", "svg", "-o", str(out)]) in (0, 1)
    names = {path.stem for path in out.iterdir()}
    assert {"summary", "latency-of-each-window", "energy-of-each-window"} <= names
    words = _words(out / "energy-of-each-window.svg")
    assert words[0] == "kws on mine: Energy of each window"
    drawn = (out / "energy-of-each-window.svg").read_text(encoding="utf-8")
    assert 'class="stamp measured"' in drawn, "in the colour of the page's badge"
    assert " ".join(words[words.index("measured") + 1 :]).startswith("lpm01a; whiskers: k = 2;")


def test_what_a_name_says_is_shown_and_never_obeyed(runs: Path, tmp_path: Path) -> None:
    """In plots, in the card, in those of several runs, and in the names of files."""
    for number, given in enumerate((["c"], ["a", "b", "c"])):
        out = tmp_path / str(number)
        paths = [str(runs / name) for name in given]
        assert cli.main(["report", *paths, "--to", "svg", "-o", str(out)]) in (0, 1)
        for path in out.iterdir():
            assert path.stem.replace("-", "").isalnum()
            _words(path)
    assert "&lt;script&gt;" in (tmp_path / "0" / "summary.svg").read_text()


def test_a_card_begins_with_what_it_is_of_and_its_verdict(runs: Path, tmp_path: Path) -> None:
    """Of one run its figures; of several how many are valid, and the fastest of those."""
    out = tmp_path / "card.svg"
    cli.main(["report", str(runs / "b"), "--to", "svg", "-o", str(out)])
    words = _words(out)
    assert words[1].startswith("not valid")
    assert any("complete" in line for line in words)
    cli.main(["report", str(runs), "--to", "svg", "-o", str(out)])
    assert _words(out)[0] == "3 runs"


def test_an_estimated_energy_has_its_bounds(runs: Path) -> None:
    """Below it in the card; a measured one has its uncertainty instead."""
    (run,) = find_runs(runs / "b").runs
    run = msgspec.structs.replace(
        run,
        energy_per_inference_j=None,
        estimated_energy_j=1507e-6,
        estimated_energy_low_j=1422e-6,
        estimated_energy_high_j=1616e-6,
    )
    assert "estimated 1422 to 1616" in card([run])
    measured = msgspec.structs.replace(
        run, energy_per_inference_j=1500e-6, energy_uncertainty_j=20e-6
    )
    assert "1500 ± 20 uJ" in card([measured])
    assert "1422" not in card([measured])


def test_a_png_is_the_same_picture(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The card in its size, and not in a terminal; a plot in three pixels for one."""
    out = tmp_path / "card.png"
    assert cli.main(["report", str(runs / "a"), "--to", "png", "-o", str(out)]) in (0, 1)
    assert _size(out.read_bytes()) == (1200, 630)
    (plot,) = pictures.plots('<svg viewBox="0 0 360 224" role="img" aria-label="a"></svg>', "b")
    drawn = pictures.as_png(plot.svg)
    assert _size(drawn) == (1080, 3 * 248)
    assert drawn != pictures.as_png(re.sub("<text.*?</text>", "", plot.svg)), "no words"
    assert cli.main(["history", str(runs), "--to", "png"]) == 2
    assert "-o DIR" in capsys.readouterr().err


def _size(data: bytes) -> tuple[int, ...]:
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    return struct.unpack(">II", data[16:24])


def test_without_what_draws_a_png_the_package_is_named(
    runs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Or that the computer has no font: no picture without words is made."""
    asked = ["report", str(runs / "a"), "--to", "png", "-o", str(tmp_path / "a.png")]
    pictures.font.cache_clear()
    monkeypatch.setattr("resvg_py.svg_to_bytes", lambda **_: b"blank")
    assert cli.main(asked) == 2
    assert "none of the fonts" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    assert cli.main(asked) == 2
    assert extras.command("pictures") in capsys.readouterr().err
    assert not (tmp_path / "a.png").exists()


def test_a_history_is_drawn(tmp_path: Path) -> None:
    """A picture a figure."""
    good = good_result()
    for number in range(3):
        stored(tmp_path / "runs" / str(number), started_at=f"2026-11-2{number}T10:00:00+00:00")
    out = tmp_path / "plots"
    words = ["history", str(tmp_path / "runs"), "--metric", "flash", "--to", "svg", "-o", str(out)]
    assert cli.main(words) == 0
    (path,) = out.iterdir()
    assert f"{good.task} on {good.board}" in _words(path)[0]
