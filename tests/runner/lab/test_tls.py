"""A lab that leaves this computer: workers join by certificates of `lab init`, people by token."""

import contextlib
import json
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.browser import Browser
from tests.program import LISTENING
from tests.runner.lab.small_lab import STARTED_S, free_port
from tests.runner.lab.test_lab import JOBS, KEEP, VIEWS, typed, wait_for
from tinybench.errors import UsageError
from tinybench.runner.fleet.board import Order
from tinybench.runner.fleet.workers import elsewhere
from tinybench.runner.lab import safety, serve

for needed in ("distributed", "starlette", "uvicorn", "cryptography"):
    pytest.importorskip(needed)


@dataclass(frozen=True)
class Far:
    """A lab on an address of this computer that others reach, too."""

    host: str
    dask_port: int
    page: str
    folder: Path
    worker: Path
    """What the worker has said."""


def own_address() -> str:
    """Return an address of this computer that is no loopback; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one, contextlib.suppress(OSError):
        one.connect(("192.0.2.1", 9))
        host = str(one.getsockname()[0])
        if not safety.is_loopback(host):
            return host
    pytest.skip("this computer has no address but loopback")


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Far]:
    """Serve a lab by TLS as a user does, with one worker."""
    host, folder = own_address(), tmp_path_factory.mktemp("far")
    http, dask = free_port(), free_port()
    lab = ["--lab", str(folder)]
    assert typed("lab", "init", "--host", host, *lab)[0] == 0
    found = Far(host, dask, f"https://{host}:{http}", folder, folder / "worker.txt")
    words = (
        ["serve", "--host", host, "--http", str(http), "--dask", str(dask), *lab],
        ["worker", "--leader", f"tls://{host}:{dask}", "--tls", str(folder / "tls"),
         "--emulated", "host", "--work", str(folder / "work")],
    )  # fmt: skip
    with contextlib.ExitStack() as stack:
        for name, said in zip(("leader", "worker"), words, strict=True):
            errors = stack.enter_context((folder / f"{name}.txt").open("wb"))
            one = subprocess.Popen([*LISTENING, "lab", *said], stderr=errors)
            stack.callback(one.wait, 60)
            stack.callback(one.terminate)
        deadline_s = time.monotonic() + STARTED_S
        while (
            '"name"' not in (told := typed("lab", "boards", "--at", found.page, *lab, "--json"))[1]
        ):
            assert time.monotonic() < deadline_s, told
            time.sleep(0.2)
        yield found


def test_a_job_is_run_over_tls_for_who_has_the_token(far: Far, tmp_path: Path) -> None:
    """Without it, or without the lab's authority, nothing is taken."""
    (tmp_path / "jobs.toml").write_text(JOBS)
    submit = ("lab", "submit", str(tmp_path / "jobs.toml"), "--at", far.page)
    status, out, err = typed(*submit, "--lab", str(far.folder), "--wait", "--json")
    assert status == 1, err  # three inputs keep not every rule
    assert [one["state"] for one in json.loads(out)["jobs_ended"]] == ["done"]
    (tmp_path / "tls").mkdir()
    (tmp_path / "tls" / "ca.pem").write_bytes((far.folder / "tls" / "ca.pem").read_bytes())
    status, _, err = typed(*submit, "--lab", str(tmp_path))
    assert (status, "takes the lab's token" in err) == (2, True), err
    status, _, err = typed(*submit, "--lab", str(tmp_path / "none"))
    assert (status, "is not the lab whose ca.pem" in err) == (3, True), err
    token = (far.folder / "token").read_text().strip()
    for name in ("leader.txt", "worker.txt", "log.jsonl"):
        assert token not in (far.folder / name).read_text()


def test_the_page_is_used_over_tls_by_who_has_the_token(
    far: Far, chromium: Browser, tmp_path: Path
) -> None:
    """In a real browser: a browser that does not trust it sees nothing; a wrong token is asked for
    again; then every view fills, what is now comes as it happens, and a report opens."""
    with pytest.raises(AssertionError, match="ERR_CERT_AUTHORITY_INVALID"):
        chromium.open(far.page)
    with chromium.trusting():
        chromium.open(far.page)
        wait_for(chromium, "document.getElementById('with-token').open")
        assert chromium.run("document.querySelectorAll('#boards li').length") == 0
        chromium.run(f"{KEEP}('wrong')")
        wait_for(chromium, "document.getElementById('key-wrong').textContent !== ''")
        chromium.run(f"{KEEP}({json.dumps((far.folder / 'token').read_text().strip())})")
        wait_for(chromium, "document.querySelectorAll('#boards li').length === 1")
        (tmp_path / "jobs.toml").write_text(JOBS)
        own = ("--at", far.page, "--lab", str(far.folder), "--wait", "--json")
        _, out, _ = typed("lab", "submit", str(tmp_path / "jobs.toml"), *own)
        job = json.loads(out)["jobs_ended"][0]["id"]
        link = f"#ended a[href$='jobs/{job}/report']"
        wait_for(chromium, f'document.querySelector("{link}") !== null')
        report = chromium.run(f'document.querySelector("{link}").href')
        for view, there in {**VIEWS, f"job/{job}": "#job .files"}.items():
            chromium.run(f"location.hash = '#{view}'")
            wait_for(chromium, f"document.querySelector('{there}') !== null")
        assert not [one for one in chromium.said if " 401 " not in one]
        chromium.open(report)
        assert "kws on host" in chromium.run("document.title")
        chromium.open("about:blank")


def test_the_leader_talks_to_nobody_without_a_certificate_of_the_lab(
    far: Far, tmp_path: Path
) -> None:
    """Whoever has none, or one of another lab, hears nothing but a refusal."""
    own = ssl.create_default_context(cafile=str(far.folder / "tls" / "ca.pem"))
    safety.make_certificates(tmp_path / "tls", [far.host])
    other = ssl.create_default_context(cafile=str(far.folder / "tls" / "ca.pem"))
    other.load_cert_chain(tmp_path / "tls" / "worker.pem", tmp_path / "tls" / "worker-key.pem")
    for context in (own, other):
        with (
            socket.create_connection((far.host, far.dask_port), 10) as plain,
            pytest.raises((ssl.SSLError, ConnectionError)),
            context.wrap_socket(plain, server_hostname=far.host) as line,
        ):
            line.recv(1)
    with socket.create_connection((far.host, far.dask_port), 10) as plain:
        plain.sendall(b"\0" * 64)
        with contextlib.suppress(ConnectionError):
            assert plain.recv(100)[:1] in (b"", b"\x15")  # an alert of TLS, at most


def test_a_fleet_asks_boards_of_a_lab_over_tls(far: Far, tmp_path: Path) -> None:
    """By the lab's certificates it finds them, and is answered; by another lab's it is not."""
    leader = f"tls://{far.host}:{far.dask_port}"
    order = Order(board="host", emulate=False, task="none", rate=0.1, seed=0, head=b"",
                  inputs=[], labels=[], steps=[[]])  # fmt: skip
    with elsewhere(leader, safety.joining(leader, far.folder / "tls"), []) as (boards, ask):
        assert boards == ["host"]
        assert "none" in ask([order])[0].why
    safety.make_certificates(tmp_path / "tls", [far.host])
    with (
        pytest.raises(UsageError, match=r"no scheduler of dask answers there.*certificate"),
        elsewhere(leader, safety.joining(leader, tmp_path / "tls"), []),
    ):
        pass


def test_a_worker_with_a_certificate_of_another_lab_does_not_join(
    far: Far, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says why, and tries again; the leader never hears of its boards."""
    safety.make_certificates(tmp_path / "tls", [far.host])
    monkeypatch.setattr(serve.engine, "CONNECT_S", 2.0)

    class RefusedError(Exception):
        """Ends the worker at its first try."""

    said: list[str] = []

    def say(words: str) -> None:
        said.append(words)
        raise RefusedError

    told = serve.Working(
        f"tls://{far.host}:{far.dask_port}", tmp_path, "stranger", emulated=["host"],
        tls=tmp_path / "tls",
    )  # fmt: skip
    with pytest.raises(RefusedError):
        serve.work(told, say)
    assert said[0].startswith("cannot join tls://")
    assert "are not of the lab there: CERTIFICATE_VERIFY_FAILED; trying again" in said[0]
    both = (far.folder / "tls" / "ca.pem", tmp_path / "tls" / "ca.pem")
    both[1].write_bytes(both[0].read_bytes())  # it trusts the leader, which does not trust it
    assert "UNKNOWN_CA" in (safety.refusal(far.host, far.dask_port, tmp_path / "tls") or "")
    assert safety.refusal(far.host, far.dask_port, far.folder / "tls") is None
    told_of = typed("lab", "boards", "--at", far.page, "--lab", str(far.folder), "--json")[1]
    assert "stranger" not in told_of
