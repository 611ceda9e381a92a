"""A whole lab as a user has it: `tinybench lab`, its commands, its page in a real browser."""

import contextlib
import io
import json
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import requests

from tests.browser import TOO_WIDE, Browser
from tests.program import LISTENING
from tinybench.errors import UsageError
from tinybench.runner import cli
from tinybench.runner.lab import ask, safety

for needed in ("distributed", "starlette", "uvicorn"):
    pytest.importorskip(needed)
STARTED_S = 90.0
JOBS = """
[[jobs]]
name = "look"
board = "host"
task = "kws"
mode = "accuracy"
with = { limit = 3 }
"""


@dataclass(frozen=True)
class Lab:
    """One that runs."""

    address: str
    folder: Path
    token: str

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


def free_port() -> int:
    """Return a port that nobody has."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Start a lab of one board, and end it by Ctrl-C."""
    folder = tmp_path_factory.mktemp("lab")
    port = free_port()
    words = ["lab", "--lab", str(folder), "--http", str(port), "--dask", str(free_port())]
    with (folder / "stderr").open("wb") as errors:
        process = subprocess.Popen([*LISTENING, *words, "--emulated", "host"], stderr=errors)
    found = Lab(f"http://127.0.0.1:{port}", folder, "")
    try:
        deadline_s = time.monotonic() + STARTED_S
        while True:
            assert process.poll() is None, (folder / "stderr").read_text()
            assert time.monotonic() < deadline_s, "no lab"
            with contextlib.suppress(requests.ConnectionError):
                if found.asked("GET", "/api/state").json()["boards"]:
                    break
            time.sleep(0.2)
        yield Lab(found.address, folder, (folder / "token").read_text().strip())
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(60) in (0, 130), (folder / "stderr").read_text()
        assert "Traceback" not in (folder / "stderr").read_text()


def test_a_job_is_submitted_waited_for_and_reported(lab: Lab, tmp_path: Path) -> None:
    """The exit status is the job's; boards, queue, results, JUnit and metrics know it."""
    jobs = tmp_path / "jobs.toml"
    jobs.write_text(JOBS)
    status, out, err = lab.typed("submit", str(jobs), "--json", "--wait")
    assert status == 1, err  # three inputs keep not every rule
    (job,) = json.loads(out)["jobs_ended"]
    assert (job["state"], job["status"], job["board"]) == ("done", 1, "host")
    assert "host" in lab.typed("boards")[1]
    assert "kws accuracy" in lab.typed("queue", "--ended")[1]
    (result,) = json.loads(lab.typed("results", "--task", "kws", "--json")[1])["results"]
    assert (result["inputs"], result["core"]) == (3, "host")
    assert json.loads(lab.typed("results", "--task", "ic", "--json")[1])["count"] == 0
    suites = ET.fromstring(lab.typed("results", "--to", "junit")[1])  # noqa: S314
    assert [suite.get("name") for suite in suites] == ["kws on host"]
    metrics = lab.asked("GET", "/metrics").text
    assert 'tinybench_lab_jobs{state="done"} 1' in metrics
    assert "tinybench_lab_boards 1" in metrics
    lines = [json.loads(line) for line in (lab.folder / "log.jsonl").read_text().splitlines()]
    assert [one["what"] for one in lines if one.get("job") == 1] == ["begun", "done"]
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


def test_who_asks_too_much_waits(lab: Lab) -> None:
    """Of changes, sooner than of looks."""
    headers = {"Authorization": "Bearer x", "Content-Type": "application/json"}
    with requests.Session() as session:
        said = [
            session.post(lab.address + "/api/jobs", "{}", headers=headers, timeout=30).status_code
            for _ in range(100)
        ]
    assert 429 in said
    assert set(said) <= {401, 429}


def test_a_person_submits_watches_reads_and_cancels(
    lab: Lab, chromium: Browser, tmp_path: Path
) -> None:
    """In a real browser, by the page alone; it is without faults of accessibility, and fits."""
    time.sleep(4.0)  # what the test before has asked too much of
    chromium.open(lab.address + "/")
    wait_for(chromium, "document.querySelectorAll('#boards tr').length === 1")
    assert chromium.said == []
    chromium.run(
        f"""(() => {{ const set = (name, value) => {{
            const one = document.querySelector(`#new [name=${{name}}]`); one.value = value; }};
        document.getElementById("token").value = {json.dumps(lab.token)};
        document.getElementById("token").dispatchEvent(new Event("change"));
        set("board", "host"); set("mode", "accuracy"); set("limit", "3"); set("repeat", "2");
        document.querySelector("#new button").click(); }})()"""
    )
    wait_for(chromium, "/submission/.test(document.getElementById('said').textContent)")
    wait_for(chromium, "document.querySelectorAll('#queue button').length >= 3")
    chromium.run("[...document.querySelectorAll('#queue button')].pop().click()")
    wait_for(chromium, "/is cancelled/.test(document.getElementById('said').textContent)")
    wait_for(chromium, "/cancelled/.test(document.getElementById('ended').textContent)")
    wait_for(chromium, "document.querySelectorAll('#ended a').length >= 1")
    assert chromium.faults() == []
    chromium.resize(375)
    assert chromium.run(TOO_WIDE) == []
    chromium.shoot(tmp_path / "lab.png")
    address = chromium.run("document.querySelector('#ended a').href")
    chromium.open(address)
    assert "kws on host" in chromium.run("document.title")


def wait_for(page: Browser, script: str) -> None:
    """Wait until a script in the page gives true."""
    deadline_s = time.monotonic() + 90.0
    while not page.run(script):
        assert time.monotonic() < deadline_s, (script, page.run("document.body.innerText"))
        time.sleep(0.2)


def test_a_token_goes_nowhere_in_the_open(tmp_path: Path) -> None:
    """Nor in an address; and what leaves this computer takes certificates."""
    for address in ("http://lab.example:8750", "http://me:token@127.0.0.1:8750", "127.0.0.1",
                    "http://127.0.0.1:8750/?token=x"):  # fmt: skip
        with pytest.raises(UsageError):
            ask.Lab(address, tmp_path)
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
