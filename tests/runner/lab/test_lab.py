"""A whole lab as a user has it: `tinybench lab`, its commands, its page in a real browser."""

import contextlib
import io
import json
import re
import signal
import socket
import subprocess
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import pytest
import requests

from tests.browser import TOO_WIDE, Browser
from tests.runner.audit import trees
from tests.runner.lab.listening import COMMIT, Heard, listening, until
from tests.runner.lab.small_lab import Served, served
from tinybench.errors import UsageError
from tinybench.runner import cli
from tinybench.runner.lab import ask, hooks, safety
from tinybench.runner.lab.job import Job
from tinybench.runner.lab.order import Order
from tinybench.runner.lab.work import CHILD

for needed in ("distributed", "starlette", "uvicorn"):
    pytest.importorskip(needed)
JOBS = """
[[jobs]]
name = "look"
board = "host"
task = "kws"
mode = "accuracy"
with = { limit = 3 }
"""


@dataclass(frozen=True)
class Lab(Served):
    """One that is asked."""

    hook: Heard
    """Whom it tells of jobs that end."""

    def asked(self, method: str, path: str, **more: object) -> requests.Response:
        """Ask it without a client of ours."""
        return requests.request(method, self.address + path, timeout=30, **more)  # type: ignore[arg-type]

    def typed(self, *words: str) -> tuple[int, str, str]:
        """Type a command of the lab; return its status, and what it prints."""
        return typed("lab", *words, "--at", self.address, "--lab", str(self.folder))


def typed(*words: str) -> tuple[int, str, str]:
    """Type a command; return its status, and what it prints."""
    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = cli.main(list(words))
    out.seek(0)
    return status, out.read(), err.getvalue()


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Start a lab of one board, beside published results of which one is wrong."""
    folder = tmp_path_factory.mktemp("lab")
    task = trees.task_folder(folder / "tree")
    trees.accuracy(task / "accuracy")
    trees.performance(task / "performance", median="26.000")
    with listening(200) as hook:
        told = f'published = ["tree"]\n[[webhooks]]\nurl = "{hook.address}/hook"\n'
        (folder / "lab.toml").write_text(told)
        with served(folder, "--emulated", "host", end=signal.SIGTERM) as found:
            yield Lab(found.address, found.folder, found.token, hook)


@pytest.fixture
def reported(lab: Lab, tmp_path: Path) -> None:
    """See that the lab has a result, whichever tests ran before in it."""
    if json.loads(lab.typed("results", "--json")[1])["count"] == 0:
        (tmp_path / "jobs.toml").write_text(JOBS)
        lab.typed("submit", str(tmp_path / "jobs.toml"), "--wait")


def test_a_job_is_submitted_waited_for_and_reported(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exit status is the job's; boards, queue, results, JUnit and metrics know it.

    So do a commit on GitHub, and the webhook, which can prove who told it.
    """
    jobs = tmp_path / "jobs.toml"
    jobs.write_text(f'{JOBS}deadline = "1s"\n')
    monkeypatch.setenv("GITHUB_TOKEN", "sesame")
    with listening(201) as github:
        monkeypatch.setenv("GITHUB_API_URL", github.address)
        commit = f"octo/firmware@{COMMIT}"
        status, out, err = lab.typed("submit", str(jobs), "--json", "--wait", "--commit", commit)
    assert status == 1, err  # three inputs keep not every rule
    assert err.splitlines()[1].startswith("deadlines that cannot be promised: 1")
    states = [json.loads(body)["state"] for _, _, body in github.asked]
    assert states == ["pending", "failure"]
    until(lambda: len(lab.hook.asked) == 1)
    (_, headers, body), key = lab.hook.asked[0], (lab.folder / "webhook-key").read_text().strip()
    assert headers[hooks.SIGNATURE] == hooks.signature(key, body)
    heard = json.loads(body)
    assert (heard["event"], heard["job"]["id"], heard["worst"]) == ("done", 1, 1)
    (job,) = json.loads(out)["jobs_ended"]
    assert (job["state"], job["status"], job["board"]) == ("done", 1, "host")
    assert "host" in lab.typed("boards")[1]
    assert "a rule is broken" in lab.typed("queue", "--ended")[1]
    (result,) = json.loads(lab.typed("results", "--task", "kws", "--json")[1])["results"]
    assert (result["inputs"], result["core"]) == (3, "host")
    _, out, err = lab.typed("results", "--task", "ic")
    assert "no result of task ic, of 1 result in all" in err
    status, _, err = lab.typed("results", "--task", "kwz")
    assert (status, "did you mean 'kws'?" in err) == (2, True)
    suites = ET.fromstring(lab.typed("results", "--to", "junit")[1])  # noqa: S314
    assert [suite.get("name") for suite in suites] == ["kws on host"]
    metrics = lab.asked("GET", "/metrics").text
    assert 'tinybench_lab_jobs{state="done"} 1' in metrics
    assert "tinybench_lab_boards 1" in metrics
    lines = [json.loads(line) for line in (lab.folder / "log.jsonl").read_text().splitlines()]
    said = [one["what"] for one in lines if one.get("job") == 1]
    assert said == ["deadline cannot be promised", "begun", "done"]
    for words in (("watch", "99"), ("results", "--to", "junit", "--submission", "99")):
        status, _, err = lab.typed(*words)
        assert (status, "there is no submission 99" in err) == (2, True)
    status, _, err = lab.typed("cancel", "1")
    assert (status, "has ended already" in err) == (2, True)


def test_what_may_not_be_asked_is_refused(lab: Lab) -> None:
    """Without the token, from another site, by another name, with the token where it is seen."""
    own = {"Authorization": f"Bearer {lab.token}", "Content-Type": "application/json"}
    good = {"series": [{"name": "a", "task": "kws"}], "needs": {}, "models": {}}
    many = {"name": "a", "task": "kws", "repeat": 1_000_000}
    circle = [{"name": "a", "task": "kws"}, {"name": "b", "task": "kws"}]
    for status, path, body, headers in (
        (401, "/api/jobs", good, {**own, "Authorization": ""}),
        (401, "/api/jobs", good, {**own, "Authorization": "Bearer x"}),
        (400, f"/api/jobs?token={lab.token}", good, own),
        (421, "/api/jobs", good, {**own, "Host": "evil.example"}),
        (403, "/api/jobs", good, {**own, "Sec-Fetch-Site": "cross-site"}),
        (415, "/api/jobs", good, {**own, "Content-Type": "text/plain"}),
        (400, "/api/jobs", {"series": 1}, own),
        (400, "/api/jobs", {**good, "series": [{"name": "a", "task": "kwz"}]}, own),
        (400, "/api/jobs", {**good, "series": [{"name": "a", "task": "kws", "board": "no"}]}, own),
        (400, "/api/jobs", {**good, "series": [{"name": "a", "task": "kws", "model": "x"}]}, own),
        (400, "/api/jobs", {**good, "series": circle, "needs": {"a": ["b"], "b": ["a"]}}, own),
        (409, "/api/jobs", {**good, "series": [many]}, own),
        (413, "/api/jobs", {**good, "series": [many, {**many, "name": "b"}]}, own),
        (404, "/api/jobs/999/cancel", {}, own),
        (400, "/api/jobs/1/priority", {"priority": 99}, own),
    ):  # fmt: skip
        answer = lab.asked("POST", path, data=json.dumps(body), headers=headers)
        assert answer.status_code == status, (path, answer.text)
        assert answer.json()["error"]
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert lab.asked("POST", "/api/jobs", data="{[", headers=own).status_code == 400
    assert lab.asked("GET", "/api/jobs?before=x").status_code == 400
    assert lab.asked("GET", "/api/jobs/7777/report").status_code == 404
    assert lab.token not in (lab.folder / "log.jsonl").read_text()
    assert lab.token not in (lab.folder / "stderr").read_text()
    assert oct((lab.folder / "token").stat().st_mode & 0o777) == "0o600"


def test_a_million_jobs_are_asked_about(lab: Lab, tmp_path: Path) -> None:
    """Where nobody can answer, nothing is queued."""
    (tmp_path / "jobs.toml").write_text(JOBS + "repeat = 1000000\n")
    status, _, err = lab.typed("submit", str(tmp_path / "jobs.toml"))
    assert status == 2
    assert "1,000,000 jobs" in err
    assert "--yes" in err


def test_a_slow_reader_of_events_holds_nobody_up(lab: Lab) -> None:
    """It is sent what is now, and nothing is kept for it."""
    host, port = lab.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as reader:
        reader.sendall(f"GET /api/events HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        assert lab.asked("GET", "/api/state").status_code == 200


@pytest.mark.usefixtures("reported")
def test_results_are_filtered_compared_and_followed(lab: Lab) -> None:
    """By the words of `tinybench results`; what cannot be is told as a refusal."""
    every = lab.asked("GET", "/api/results?brief=yes").json()
    assert every["count"] == every["of"] == len(every["results"]) >= 1
    job = every["results"][0]["job"]
    assert lab.asked("GET", "/api/results?where=task = kws&valid=yes").json()["count"] == 0
    assert lab.asked("GET", "/api/results?core=Cortex-M7").json()["count"] == 0
    assert lab.asked("GET", "/api/results?most=1&from=1&sort=top1").status_code == 200
    for path, status in (
        (f"/api/compare?jobs={job},{job}", 200),
        ("/api/history?metric=accuracy&by=date", 200),
        ("/api/compare?jobs=", 400),
        ("/api/compare?jobs=x", 400),
        ("/api/history?core=none", 400),
        ("/api/results?where=latency <", 400),
        ("/api/results?sort=nothing", 400),
        ("/api/leaderboard", 200),
        ("/api/published/9", 404),
    ):
        answer = lab.asked("GET", path)
        assert answer.status_code == status, (path, answer.text[:300])
        policy = answer.headers["Content-Security-Policy"]
        assert "sandbox" in policy or policy.startswith("default-src 'none'")


def test_published_results_have_the_verdict_of_their_audit(lab: Lab) -> None:
    """Of the trees that lab.toml names, each audited once, by a process of its own."""
    deadline_s = time.monotonic() + 90
    while (told := lab.asked("GET", "/api/published").json())["doing"]:
        assert time.monotonic() < deadline_s
        time.sleep(0.2)
    (row,) = [one for one in told["rows"] if one["submitter"] == "Maker"]
    assert (row["system"], row["verdict"]) == ("Board", "the figure is wrong")
    assert "26.000" in row["worst"]
    page = lab.asked("GET", f"/api/published/{row['audit']}")
    assert "Maker" in page.text


def test_a_browser_may_look_by_a_cookie_that_holds_no_token(lab: Lab) -> None:
    """Made for the token alone; it is good for nothing else."""
    own = {"Authorization": f"Bearer {lab.token}", "Content-Type": "application/json"}
    assert lab.asked("POST", "/api/look", data="{}").status_code == 401
    cookie = lab.asked("POST", "/api/look", data="{}", headers=own).headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert lab.token not in cookie
    only = {"Cookie": cookie.partition(";")[0], "Content-Type": "application/json"}
    assert lab.asked("POST", "/api/jobs/1/cancel", data="{}", headers=only).status_code == 401


SET = """((name, value) => {
  const one = document.querySelector(`#new [name="${name}"]`);
  one.value = value;
  one.dispatchEvent(new Event("input", { bubbles: true }));
})"""
CHOOSE = """((name, value) =>
  document.querySelector(`#new [name="${name}"][value="${value}"]`).click())"""
KEEP = """((token) => {
  document.getElementById("token").value = token;
  document.querySelector("#key button").click();
})"""
VIEWS = {
    "now": "#boards li", "queue": "#counts", "new": "#new-plan:not(:empty)",
    "results": "#results tr", "leaders": "#leaders-said:not(:empty)", "published": "#published",
}  # fmt: skip
"""Of the page, and what is there once each is filled."""
MARKUP = "<img src=x onerror=alert(1)>"


def test_a_person_submits_watches_reads_and_cancels(lab: Lab, chromium: Browser) -> None:
    """In a real browser, by the page alone: also another priority, and what results compare.

    What is wrong is told beside its field; the token is asked for when it is needed; a name that is
    markup is a name.
    """
    chromium.open(lab.address + "/#new")
    wait_for(chromium, "/1 job/.test(document.getElementById('new-plan')?.textContent)")
    assert chromium.said == []
    for name, value in (("name", MARKUP), ("with.limit", "0"), ("repeat", "6")):
        chromium.run(f"{SET}({json.dumps(name)}, {json.dumps(value)})")
    for name, value in (("board", "host"), ("mode", "accuracy")):
        chromium.run(f"{CHOOSE}({json.dumps(name)}, {json.dumps(value)})")
    beside = "document.querySelector('[data-field=\"with.limit\"] .fault').textContent"
    wait_for(chromium, f"/no count of 1 or more/.test({beside})")
    chromium.run(f"{SET}('with.limit', '3')")
    wait_for(chromium, "/6 jobs, about/.test(document.getElementById('new-plan').textContent)")
    assert chromium.run(beside) == ""
    chromium.run("document.getElementById('new-send').click()")
    wait_for(chromium, "document.getElementById('with-token').open")
    chromium.run(f"{KEEP}('wrong')")
    wait_for(chromium, "document.getElementById('key-wrong').textContent !== ''")
    chromium.run(f"{KEEP}({json.dumps(lab.token)})")
    wait_for(chromium, "/submission/.test(document.getElementById('said').textContent)")
    chromium.run("location.hash = '#queue'")
    wait_for(chromium, "document.querySelectorAll('#queue input').length >= 2")
    chromium.run("[...document.querySelectorAll('#queue button')].at(-3).click()")  # sooner
    wait_for(chromium, "/has priority 1/.test(document.getElementById('said').textContent)")
    (job,) = re.findall(
        r"job (\d+) has", chromium.run("document.getElementById('said').textContent")
    )
    assert lab.asked("GET", f"/api/jobs/{job}").json()["priority"] == 1  # it may run already
    chromium.run(
        """(() => { const one = [...document.querySelectorAll('#queue input')].pop();
        one.focus(); one.value = "-3";
        one.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter" })); })()"""
    )
    wait_for(chromium, "/has priority -3/.test(document.getElementById('said').textContent)")
    chromium.run("[...document.querySelectorAll('#queue button')].pop().click()")
    wait_for(chromium, "/is cancelled/.test(document.getElementById('said').textContent)")
    chromium.run("location.hash = '#now'")
    wait_for(chromium, "/cancelled/.test(document.getElementById('ended').textContent)")
    wait_for(chromium, "!/busy/.test(document.getElementById('boards').textContent)")
    wait_for(chromium, "document.querySelector('#ended a[href$=report]') !== null")
    report = chromium.run("document.querySelector('#ended a[href$=report]').href")
    chromium.run(
        "document.querySelector('#ended a[href$=report]').closest('tr').querySelector('a').click()"
    )
    wait_for(chromium, "document.querySelectorAll('#job .files a').length > 3")
    assert MARKUP in chromium.run("document.getElementById('job').textContent")
    assert chromium.run("document.images.length") == 0
    assert re.match(r"Job \d+ - tinybench lab", chromium.run("document.title"))
    chromium.open(report)
    assert "kws on host" in chromium.run("document.title")
    chromium.open(lab.address + "/?again#results")
    wait_for(chromium, "document.querySelectorAll('#results tr').length >= 2")
    chromium.run("document.querySelectorAll('#results input').forEach((one) => one.click())")
    chromium.run("document.getElementById('compare').click()")
    wait_for(chromium, "/runs/.test(document.title)")


@pytest.mark.usefixtures("reported")
def test_the_files_of_a_run_are_read_one_by_one_or_as_one_archive(lab: Lab) -> None:
    """As texts that do nothing; a name that leads out of its folder is none of them."""
    job = lab.asked("GET", "/api/results?brief=yes").json()["results"][0]["job"]
    told = lab.asked("GET", f"/api/jobs/{job}").json()
    names = {one["name"] for one in told["files"]}
    assert {"result.json", "transcript.jsonl"} <= names
    answer = lab.asked("GET", f"/api/jobs/{job}/files/result.json")
    assert answer.json()["task"] == told["task"]
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    for name in ("..%2f..%2ftoken", "%2e%2e", "no.json", "result.json%00"):
        assert lab.asked("GET", f"/api/jobs/{job}/files/{name}").status_code == 404
    answer = lab.asked("GET", f"/api/jobs/{job}/run.zip")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as found:
        assert {one.partition("/")[2] for one in found.namelist()} == {*names, "report.html"}
        assert all(one.startswith(f"job-{job}/") for one in found.namelist())
    assert lab.asked("GET", f"/api/jobs/{job}/run.zip").content == answer.content
    assert lab.asked("GET", "/api/jobs/7777/run.zip").status_code == 404


@pytest.mark.usefixtures("reported")
def test_the_page_without_a_script_is_read_and_says_what_takes_one(
    lab: Lab, chromium: Browser
) -> None:
    """Boards, queue, ended jobs and results; it is without faults, too."""
    assert 'href="/plain"' in lab.asked("GET", "/").text
    chromium.open(lab.address + "/plain", width=390)
    words = chromium.run("document.body.innerText")
    assert "Jobs that ended" in words
    assert "a rule is broken" in words or "breaks 1 rule" in words
    assert chromium.faults() == []
    assert chromium.run(TOO_WIDE) == []
    assert chromium.said == []


@pytest.mark.parametrize(
    ("width", "dark"), [(1280, False), (390, True)], ids=["desk, light", "phone, dark"]
)
@pytest.mark.usefixtures("reported")
def test_each_view_is_without_faults_and_fits(
    lab: Lab, chromium: Browser, tmp_path: Path, width: int, dark: bool
) -> None:
    """By axe-core; nothing is wider than the window, and nothing is said by the console."""
    job = lab.asked("GET", "/api/results?brief=yes").json()["results"][0]["job"]
    for view, there in {**VIEWS, f"job/{job}": "#job .files", "published": "#published tr"}.items():
        chromium.open(f"{lab.address}/?{view}-{width}#{view}", width=width, dark=dark)
        wait_for(chromium, f"document.querySelector('{there}') !== null")
        wait_for(chromium, "document.querySelectorAll('#boards li').length === 1")
        chromium.run("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        assert chromium.faults() == [], view
        for also in (width, 820):
            chromium.resize(also, dark=dark)
            assert chromium.run(TOO_WIDE) == [], (view, also)
        assert chromium.said == [], view
        chromium.leave(f"lab-{view.partition('/')[0]}-{width}-{'dark' if dark else 'light'}")


def wait_for(page: Browser, script: str) -> None:
    """Wait until a script in the page gives true."""
    deadline_s = time.monotonic() + 90.0
    while not page.run(script):
        assert time.monotonic() < deadline_s, (script, page.run("document.body.innerText"))
        time.sleep(0.1)


def test_a_token_goes_nowhere_in_the_open(tmp_path: Path) -> None:
    """Nor in an address; and what leaves this computer takes certificates."""
    for address in ("http://lab.example:8750", "http://me:sesame@127.0.0.1:8750", "127.0.0.1",
                    "http://127.0.0.1:8750/?token=sesame"):  # fmt: skip
        with pytest.raises(UsageError) as caught:
            ask.Lab(address, tmp_path)
        assert "sesame" not in str(caught.value)
    for words, said in (
        (("serve", "--host", "192.0.2.1", "--lab", str(tmp_path)), "lab init"),
        (("worker", "--leader", "tcp://192.0.2.1:8751"), "without TLS"),
        (("worker", "--leader", "tls://192.0.2.1:8751"), "--tls"),
        (("worker", "--leader", "lab"), "no address of a leader"),
        (("queue", "--at", "http://127.0.0.1:1"), "no lab answers"),
    ):
        status, _, err = typed("lab", *words)
        assert status in (2, 3), err
        assert said in err
        assert "Traceback" not in err


def test_certificates_are_made_once_and_their_keys_are_their_owners(tmp_path: Path) -> None:
    """Of an authority whose own key is not kept; the leader's is good for its name."""
    pytest.importorskip("cryptography")
    written = safety.make_certificates(tmp_path / "tls", ["lab.example"])
    assert sorted(path.name for path in written) == [
        "ca.pem", "leader-key.pem", "leader.pem", "worker-key.pem", "worker.pem",
    ]  # fmt: skip
    for path in written:
        assert path.stat().st_mode & 0o077 == 0 or not path.name.endswith("-key.pem")
    with pytest.raises(UsageError, match="already"):
        safety.make_certificates(tmp_path / "tls", ["lab.example"])
    assert safety.security(tmp_path / "tls", safety.WORKER).require_encryption
    with pytest.raises(UsageError, match="lab init"):
        safety.security(tmp_path / "none", safety.WORKER)


def test_a_folder_that_cannot_be_written_is_no_fault_of_the_job(tmp_path: Path) -> None:
    """Exit status 3, so that it is tried again elsewhere; and what failed is told.

    So far it comes with a real board that is emulated there, at another clock.
    """
    (tmp_path / "file").write_text("")
    words = {"task": "kws", "mode": "accuracy", "limit": 1, "clock": "80MHz"}
    job = Job(series="a", words=words, board="nucleo-l4r5")
    order = Order(lab="0" * 16, id=1, attempt=1, board="nucleo-l4r5", job=job)
    task = {"order": order, "folder": str(tmp_path / "file" / "run"), "model": None}
    task |= {"board": "nucleo-l4r5", "emulate": True}
    child = subprocess.Popen(CHILD, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(msgspec.json.encode(task) + b"\n")
    child.stdin.flush()
    said = child.stdout.read()
    assert child.wait(60) == 3, said
    assert b'"error"' in said
