"""Whom a lab tells: webhooks when a job ends, and GitHub of a commit; never a secret."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.runner.lab.listening import COMMIT, listening, until
from tinybench.errors import BenchError, DeclarationError, UsageError
from tinybench.runner.lab import github, hooks, settings
from tinybench.runner.lab.settings import Hook


@pytest.fixture
def said() -> list[tuple[str, dict[str, Any]]]:
    """Return what the log is told."""
    return []


def test_a_webhook_is_told_signed_and_again_until_it_takes_it(
    monkeypatch: pytest.MonkeyPatch, said: list[tuple[str, dict[str, Any]]]
) -> None:
    """By one number for all tries; only of the ends that it wants."""
    monkeypatch.setattr(hooks, "TRIES_AFTER_S", (0.0, 0.0, 0.0))
    with listening(500, 200) as heard:
        hook = Hook(url=f"{heard.address}/a?secret=x", states=["done"])
        with hooks.Hooks([hook], "k" * 43, lambda what, **k: said.append((what, k))) as told:
            told.tell("failed", {"job": {"id": 1}})
            told.tell("done", {"job": {"id": 2}})
            until(lambda: len(heard.asked) == 2)
    (path, first, body), (_, second, again) = heard.asked
    assert path == "/a?secret=x"
    assert body == again
    assert json.loads(body)["job"] == {"id": 2}
    assert first[hooks.DELIVERY] == second[hooks.DELIVERY]
    assert first[hooks.SIGNATURE] == hooks.signature("k" * 43, body) != hooks.signature("x", body)
    assert said == []


def test_an_address_that_is_slow_or_gone_holds_nobody_up(
    monkeypatch: pytest.MonkeyPatch, said: list[tuple[str, dict[str, Any]]]
) -> None:
    """What cannot be told is bounded, and said without the address's secrets."""
    monkeypatch.setattr(hooks, "TRIES_AFTER_S", (0.0, 0.0))
    monkeypatch.setattr(hooks, "WAITING_MOST", 3)
    with listening(200, pause_s=0.5) as slow:
        both = [Hook(url=f"{slow.address}/?key=sesame"), Hook(url="http://127.0.0.1:1/?key=sesame")]
        with hooks.Hooks(both, "k" * 43, lambda what, **k: said.append((what, k))) as told:
            start_s = time.monotonic()
            for n in range(200):
                told.tell("done", {"job": {"id": n}})
            assert time.monotonic() - start_s < 5  # 200 answers of it would take 100 s
            until(lambda: any("tries" in words["why"] for _, words in said))
    assert any("not told" in words["why"] for _, words in said)
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
