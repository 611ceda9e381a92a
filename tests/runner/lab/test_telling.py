"""Whom a lab tells: webhooks when a job ends, and GitHub of a commit; never a secret."""

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.runner.lab.listening import COMMIT, listening, until
from tests.runner.lab.small_lab import asleep
from tinybench.errors import BenchError, DeclarationError, UsageError
from tinybench.runner.lab import github, hooks, settings, store
from tinybench.runner.lab.settings import Hook


@pytest.fixture
def said() -> list[tuple[str, dict[str, Any]]]:
    """Return what the log is told."""
    return []


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """Return an empty queue."""
    with contextlib.closing(store.open_store(tmp_path / "queue.sqlite")) as db:
        yield db


def teller(
    folder: Path, told: list[Hook], said: list[tuple[str, dict[str, Any]]]
) -> contextlib.AbstractContextManager[hooks.Hooks]:
    """Return what tells these addresses, as a leader that is started."""

    def body_of(_: sqlite3.Connection, job: int) -> dict[str, Any]:
        return {"job": {"id": job}}

    return hooks.Hooks(
        folder / "queue.sqlite", told, "k" * 43, body_of, lambda what, **k: said.append((what, k))
    )


def ended(db: sqlite3.Connection, *states: str) -> None:
    """Let a job end in each of these ways."""
    for state in states:
        store.submit(db, [asleep(1)], {}, {}, "me")
        (wish,) = store.wishes(db, "", 1)
        (job,) = store.waiting(db, wish, 1)
        attempt = store.claim(db, job, "w/b", "host", 1.0)
        assert attempt == 1
        store.finish(db, job, attempt, state=state, status=0)


def test_a_webhook_is_told_signed_and_again_until_it_takes_it(
    tmp_path: Path,
    db: sqlite3.Connection,
    monkeypatch: pytest.MonkeyPatch,
    said: list[tuple[str, dict[str, Any]]],
) -> None:
    """By one number for all tries; only of the ends that it wants; after a restart as well."""
    monkeypatch.setattr(hooks, "AGAIN_S", (0.0, 0.0))
    monkeypatch.setattr(hooks, "LOOK_S", 0.02)
    with listening(500, 200) as heard:
        hook = Hook(url=f"{heard.address}/a?secret=x", states=["done"])
        hooks.declare(db, [hook])
        ended(db, store.FAILED, store.DONE)
        with teller(tmp_path, [hook], said):
            until(lambda: len(heard.asked) == 1)
        assert len(hooks.due(db, hook)) == 1  # nobody has taken it, and no leader is there
        hooks.declare(db, [hook])
        with teller(tmp_path, [hook], said):
            until(lambda: len(heard.asked) == 2)
            until(lambda: not hooks.due(db, hook))
    (path, first, body), (_, second, again) = heard.asked
    assert path == "/a?secret=x"
    assert body == again
    assert json.loads(body)["job"] == {"id": 2}
    assert first[hooks.DELIVERY] == second[hooks.DELIVERY]
    assert first[hooks.SIGNATURE] == hooks.signature("k" * 43, body) != hooks.signature("x", body)
    assert said == []
    assert b"secret=x" not in (tmp_path / "queue.sqlite").read_bytes()
    hooks.declare(db, [])
    ended(db, store.DONE)
    assert db.execute("SELECT COUNT(*) FROM deliveries").fetchone() == (0,)


def test_an_address_that_is_gone_is_left_alone_at_last(
    tmp_path: Path,
    db: sqlite3.Connection,
    monkeypatch: pytest.MonkeyPatch,
    said: list[tuple[str, dict[str, Any]]],
) -> None:
    """What cannot be told is bounded, and said without the address's secrets."""
    monkeypatch.setattr(hooks, "AGAIN_S", (0.0,))
    monkeypatch.setattr(hooks, "LOOK_S", 0.02)
    monkeypatch.setattr(hooks, "WAITING_MOST", 3)
    hook = Hook(url="http://127.0.0.1:1/?key=sesame")
    hooks.declare(db, [hook])
    ended(db, *[store.DONE] * 5)
    with teller(tmp_path, [hook], said):
        until(lambda: not hooks.due(db, hook))
    assert "2 are not told" in said[0][1]["why"]
    assert [words["job"] for _, words in said[1:]] == [1, 2, 3]
    assert all("after 2 tries" in words["why"] for _, words in said[1:])
    assert "sesame" not in str(said)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[[webhooks]]\nurl = "http://example.com/"\n', "neither https"),
        ('[[webhooks]]\nurl = "https://me:you@example.com/"\n', "no password"),
        ('[[webhooks]]\nurl = "file:///etc/passwd"\n', "neither https"),
        ('[[webhooks]]\nurl = "https://a.example/"\nstates = ["running"]\n', "no end of a job"),
        ('[[webhook]]\nurl = "https://a.example/"\n', "webhooks"),
        ('published = ["nowhere"]\n', "no folder nowhere"),
        ('silent = "1s"\n', "from 2s to 10m"),
        ('silent = "soon"\n', "no time such as"),
        ("published = [", "not valid TOML"),
    ],
)
def test_a_wrong_lab_toml_is_told(tmp_path: Path, text: str, words: str) -> None:
    """Before anything is served; without one there is nothing to tell."""
    assert settings.read(tmp_path) == settings.Settings()
    (tmp_path / "lab.toml").write_text(text)
    with pytest.raises(DeclarationError, match=words):
        settings.read(tmp_path)


def test_a_commit_has_the_status_of_its_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    """As GitHub's API has it: the path, the headers, the fields, 201."""
    monkeypatch.setenv("GITHUB_TOKEN", "sesame")
    with listening(201, 401, 422, 503) as heard:
        monkeypatch.setenv("GITHUB_API_URL", heard.address)
        check = github.check_of(f"octo/firmware@{COMMIT}")
        github.tell(check, "failure", "jobs: 3\n" * 100)
        path, headers, body = heard.asked[0]
        assert path == f"/repos/octo/firmware/statuses/{COMMIT}"
        assert headers["Authorization"] == "Bearer sesame"
        assert headers["X-GitHub-Api-Version"] == "2022-11-28"
        told = json.loads(body)
        assert (told["state"], told["context"]) == ("failure", "tinybench lab")
        assert len(told["description"]) <= 140
        for kind in (UsageError, UsageError, BenchError):
            with pytest.raises(kind) as caught:
                github.tell(check, "success", "")
            assert "sesame" not in str(caught.value)
    with pytest.raises(BenchError, match="cannot be told"):
        github.tell(check, "success", "")
    assert "sesame" not in repr(check)


def test_a_check_that_cannot_be_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """In an action nothing need be said; a token leaves this computer by https alone."""
    for name in ("GITHUB_TOKEN", "GITHUB_API_URL", "GITHUB_REPOSITORY", "GITHUB_SHA"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(UsageError, match="GITHUB_TOKEN"):
        github.check_of(f"octo/firmware@{COMMIT}")
    monkeypatch.setenv("GITHUB_TOKEN", "sesame")
    for text in ("", "octo@abc", f"../x/y@{COMMIT}", f"octo/firmware@{COMMIT[:7]}"):
        with pytest.raises(UsageError, match="OWNER/REPOSITORY@COMMIT"):
            github.check_of(text)
    monkeypatch.setenv("GITHUB_REPOSITORY", "octo/firmware")
    monkeypatch.setenv("GITHUB_SHA", COMMIT)
    assert github.check_of("").repository == "octo/firmware"
    monkeypatch.setenv("GITHUB_API_URL", "http://github.example")
    with pytest.raises(UsageError, match="https"):
        github.check_of("")
