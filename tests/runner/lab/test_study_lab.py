"""Studies in a whole lab: submitted, done by real workers, gathered, shown; a worker is killed."""

import asyncio
import contextlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser import TOO_WIDE, Browser
from tests.runner.lab.small_lab import LAB, Served, ended, leading, served, started, until
from tests.runner.lab.test_lab import typed, wait_for
from tinybench.runner.lab import serve, store
from tinybench.runner.lab.job import Job
from tinybench.runner.study.listed import find_studies

for needed in ("distributed", "starlette", "uvicorn"):
    pytest.importorskip(needed)
FEW = {"eta": "0,.3", "trials": 2, "no_parts": True, "limit": 2}
JOBS = """
[[jobs]]
name = "noise"
study = "noise"
task = "kws"
board = "host"
with = { eta = "0,.3", trials = 2, no_parts = true, limit = 2 }

[[jobs]]
name = "sweep"
study = "sweep"
task = "kws"
board = "mps2-an386"
with = { by = ["iterations=1,2"], objectives = "flash,ram" }

[[jobs]]
name = "nonsense"
study = "noise"
task = "kws"
with = { noise = "levels", levels = "1" }
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Start a lab of two boards."""
    with served(
        tmp_path_factory.mktemp("lab"), "--emulated", "host", "--emulated", "mps2-an386"
    ) as found:
        yield found


def asked(lab: Served, *words: str) -> tuple[int, str, str]:
    """Type a command that asks a lab."""
    return typed(*words, "--at", lab.address, "--lab", str(lab.folder))


def test_studies_are_jobs_with_rows_on_the_page_and_in_the_folder(
    lab: Served, tmp_path: Path, chromium: Browser
) -> None:
    """One that cannot be done as asked fails at once, with the words of its command."""
    (tmp_path / "jobs.toml").write_text(JOBS)
    status, out, err = asked(lab, "lab", "submit", str(tmp_path / "jobs.toml"), "--wait", "--json")
    assert status == 2, err
    noise, sweep, nonsense = json.loads(out)["jobs_ended"]
    assert [one["state"] for one in (noise, sweep, nonsense)] == ["done", "done", "failed"]
    assert (noise["rows"], sweep["rows"], nonsense["attempt"]) == (2, 2, 1)
    assert "--levels 1: a cell has 2 to 65536" in nonsense["why"]
    table = asked(lab, "lab", "results", "--studies")[1]
    assert "gaussian 0.3" in table
    assert "iterations=2" in table
    assert {row.study for row in find_studies(lab.folder).rows} == {"noise", "sweep"}
    assert find_studies(lab.folder).studies == 2
    assert asked(lab, "lab", "results", "--json")[1].count('"job"') == 0  # its runs are its own
    assert 'failures="0"' in asked(lab, "lab", "results", "--to", "junit")[1]
    for number, rows in ((noise["id"], 2), (sweep["id"], 2)):
        chromium.open(f"{lab.address}/?{number}#job/{number}", width=400)
        wait_for(chromium, f"document.querySelectorAll('#job-study tr').length === {rows}")
        assert chromium.run(TOO_WIDE) == []
        assert chromium.faults() == []
        hrefs = chromium.run("[...document.querySelectorAll('#job .files a')].map((o) => o.href)")
        assert any(href.endswith("/files/study.json") for href in hrefs)
        assert chromium.said == []
    assert any("/files/combinations/0001-0/result.json" in href for href in hrefs)
    deep = next(href for href in hrefs if href.endswith("0001-0/result.json"))
    chromium.open(deep)
    assert '"task"' in chromium.run("document.body.textContent")
    chromium.open(f"{lab.address}/api/jobs/{sweep['id']}/report")
    assert "2 of 2 combinations" in chromium.run("document.body.textContent")


def test_a_study_whose_worker_is_killed_goes_on(tmp_path: Path) -> None:
    """Elsewhere from its beginning, on the same board from where it was; no trial is done twice."""
    words = {"task": "kws", "eta": ".1", "trials": 25, "no_parts": True, "limit": 2}
    job = Job(series="a", study="noise", words=words, board="host")
    kept = {name: tmp_path / name / serve.JOBS / LAB / "1" / "host" / "run" for name in ("a", "b")}

    def lines(name: str) -> list[str]:
        path = kept[name] / "trials.jsonl"
        return path.read_text().splitlines() if path.is_file() else []

    async def lab() -> list[str]:
        async with leading(tmp_path, silent_s=2.0) as (leader, address, _):
            store.submit(leader.db, [job], {}, {}, "me")
            with contextlib.ExitStack() as stack:

                def start(name: str) -> "subprocess.Popen[bytes]":
                    one = started(address, name, tmp_path / name, ["host"])
                    stack.callback(ended, one)
                    return one

                first = start("a")
                await until(lambda: bool(lines("a")))
                ended(first)
                second = start("b")
                await until(lambda: bool(lines("b")))
                ended(second)
                before = lines("b")
                start("b")
                await until(lambda: store.counts(leader.db)[store.DONE] == 1)
            return before

    before = asyncio.run(lab())
    (run,) = (tmp_path / "runs").iterdir()
    after = (run / "trials.jsonl").read_text().splitlines()
    assert run.name == "1-3"
    assert after[: len(before) - 1] == before[:-1]  # the last may be half a line
    assert len({json.dumps(json.loads(one)) for one in after}) == len(after) == 25
    assert [row.name for row in find_studies(run).rows] == ["gaussian 0.1"]
    assert 0 < len(lines("a")) < 25


def test_a_lab_does_a_study_that_ends_here(lab: Served, tmp_path: Path) -> None:
    """Part by part, gathered as if it was done here; what is finished is asked for no more."""
    out = tmp_path / "noisy"
    words = ("study", "noise", "--task", "kws", "--board", "host", "--limit", "2", "--trials", "2",
             "--eta", "0,.3", "--no-parts", "-o", str(out))  # fmt: skip
    status, table, err = asked(lab, *words, "--parts", "2")
    assert status == 0, err
    assert "3 of 3 trials have this computer's answers" in table
    assert {"study.json", "study.png", "trials.jsonl"} <= {one.name for one in out.iterdir()}
    assert "all was there: nothing was done anew" in err
    assert [one.name for one in tmp_path.iterdir()] == ["noisy"]
    status, again, err = asked(lab, *words)
    assert (status, again) == (0, table)
    assert "nothing is asked of the lab" in err
