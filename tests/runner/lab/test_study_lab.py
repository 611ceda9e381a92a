"""Studies in a whole lab: submitted, done by real workers, gathered, shown; a worker is killed."""

import asyncio
import contextlib
import json
import subprocess
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
JOBS = """
[[jobs]]
name = "sweep"
study = "sweep"
task = "kws"
board = "mps2-an386"
with = { by = ["iterations=1,2"], objectives = "flash,ram" }
"""


def test_studies_are_gathered_here_and_rows_on_the_page(tmp_path: Path, chromium: Browser) -> None:
    """One of a person part by part, as if it was done here, beside one of a jobs.toml."""
    (tmp_path / "jobs.toml").write_text(JOBS)
    boards = ("--emulated", "host", "--emulated", "mps2-an386")
    with served(tmp_path / "lab", *boards) as lab:
        status, out, err = asked(lab, "lab", "submit", str(tmp_path / "jobs.toml"), "--json")
        assert status == 0, err
        _is_gathered(lab, tmp_path / "here" / "noisy")
        number = json.loads(out)["submission"]
        status, out, err = asked(lab, "lab", "watch", str(number), "--json")
        assert status == 0, err
        (sweep,) = json.loads(out)["jobs_ended"]
        assert (sweep["state"], sweep["rows"]) == ("done", 2)
        _is_shown(lab, sweep["id"], chromium)


def asked(lab: Served, *words: str) -> tuple[int, str, str]:
    """Type a command that asks a lab."""
    return typed(*words, "--at", lab.address, "--lab", str(lab.folder))


def _is_gathered(lab: Served, out: Path) -> None:
    words = ("study", "noise", "--task", "kws", "--board", "host", "--limit", "2", "--trials", "2",
             "--eta", "0,.3", "--together-only", "-o", str(out))  # fmt: skip
    status, table, err = asked(lab, *words, "--parts", "2")
    assert status == 0, err
    assert "3 of 3 trials have this computer's answers" in table
    assert {"study.json", "study.png", "trials.jsonl"} <= {one.name for one in out.iterdir()}
    assert "all was there: nothing was done anew" in err
    assert [one.name for one in out.parent.iterdir()] == ["noisy"]
    status, again, err = asked(lab, *words)
    assert (status, again) == (0, table)
    assert "nothing is asked of the lab" in err


def _is_shown(lab: Served, sweep: int, chromium: Browser) -> None:
    assert "iterations=2" in asked(lab, "lab", "results", "--studies")[1]
    assert {row.study for row in find_studies(lab.folder).rows} == {"sweep"}
    assert asked(lab, "lab", "results", "--json")[1].count('"job"') == 0  # its runs are its own
    assert 'failures="0"' in asked(lab, "lab", "results", "--to", "junit")[1]
    chromium.open(f"{lab.address}/?{sweep}#job/{sweep}", width=400)
    wait_for(chromium, "document.querySelectorAll('#job-study tr').length === 2")
    assert chromium.run(TOO_WIDE) == []
    assert chromium.faults() == []
    hrefs = chromium.run("[...document.querySelectorAll('#job .files a')].map((o) => o.href)")
    assert any(href.endswith("/files/study.json") for href in hrefs)
    assert chromium.said == []
    deep = next(href for href in hrefs if href.endswith("/files/combinations/0001-0/result.json"))
    chromium.open(deep)
    assert '"task"' in chromium.run("document.body.textContent")
    chromium.open(f"{lab.address}/api/jobs/{sweep}/report")
    assert "2 of 2 combinations" in chromium.run("document.body.textContent")


def test_a_study_whose_worker_is_killed_goes_on(tmp_path: Path) -> None:
    """On the same board from where it was; no trial is done twice."""
    words = {"task": "kws", "eta": ".1", "trials": 25, "together_only": True, "limit": 2}
    job = Job(series="a", study="noise", words=words, board="host")
    kept = tmp_path / "b" / serve.JOBS / LAB / "1" / "host" / "run" / "trials.jsonl"

    def lines() -> list[str]:
        return kept.read_text().splitlines() if kept.is_file() else []

    async def lab() -> list[str]:
        async with leading(tmp_path, silent_s=2.0) as (leader, address, _):
            store.submit(leader.db, [job], {}, {}, "me")
            with contextlib.ExitStack() as stack:

                def start() -> "subprocess.Popen[bytes]":
                    one = started(address, "b", tmp_path / "b", ["host"])
                    stack.callback(ended, one)
                    return one

                first = start()
                await until(lambda: bool(lines()))
                ended(first)
                before = lines()
                start()
                await until(lambda: store.counts(leader.db)[store.DONE] == 1)
            return before

    before = asyncio.run(lab())
    (run,) = (tmp_path / "runs").iterdir()
    after = (run / "trials.jsonl").read_text().splitlines()
    assert run.name == "1-2"
    assert after[: len(before) - 1] == before[:-1]  # the last may be half a line
    assert len({json.dumps(json.loads(one)) for one in after}) == len(after) == 25
    assert [row.name for row in find_studies(run).rows] == ["gaussian 0.1"]
    assert 0 < len(before) < 25
