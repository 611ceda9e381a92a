"""A check on a commit: what became of jobs, told to GitHub by the token of whoever submits them.

Ref: GitHub REST API, "Commit statuses", version 2022-11-28; checks proper are for apps alone.
"""

import os
import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

import requests

from tinybench.errors import BenchError, UsageError
from tinybench.printable import one_line

from .safety import is_loopback

API = "https://api.github.com"
CONTEXT = "tinybench lab"
DESCRIPTION_MOST = 140
TIMEOUT_S = (5.0, 30.0)
WHAT = re.compile(r"([A-Za-z0-9_.-]{1,100}/[A-Za-z0-9_.-]{1,100})@([0-9a-f]{40})")
State = Literal["pending", "success", "failure", "error"]


@dataclass(frozen=True)
class Check:
    """A commit, and by which address and token it is told of."""

    api: str
    repository: str
    commit: str
    token: str

    def __repr__(self) -> str:
        """Return what it is of, without the token."""
        return f"<check of {self.repository}@{self.commit[:12]}>"


def check_of(text: str) -> Check:
    """Return the check that is asked for: OWNER/REPOSITORY@COMMIT, or nothing: that of an action.

    The token is GITHUB_TOKEN, the address GITHUB_API_URL or GitHub's own. Raises UsageError.
    """
    said = text or "{}@{}".format(
        *(os.environ.get(f"GITHUB_{n}", "") for n in ("REPOSITORY", "SHA"))
    )
    match = WHAT.fullmatch(said)
    if match is None:
        raise UsageError(
            f"--commit '{said[:100]}' is no OWNER/REPOSITORY@COMMIT, with all 40 digits of the "
            "commit; in an action nothing need be said"
        )
    api = (os.environ.get("GITHUB_API_URL") or API).rstrip("/")
    where = urlsplit(api)
    if where.scheme != "https" and not is_loopback(where.hostname or ""):
        raise UsageError("GITHUB_API_URL would carry the token in the open: it is https://")
    token = os.environ.get("GITHUB_TOKEN", "")
    if not token:
        raise UsageError("--commit takes a token that may write commit statuses, in GITHUB_TOKEN")
    return Check(api, match[1], match[2], token)


def tell(check: Check, state: State, words: str) -> None:
    """Set the status of the commit.

    Raises UsageError where GitHub refuses, BenchError where it cannot be reached; never with the
    token.
    """
    body = {
        "state": state,
        "context": CONTEXT,
        "description": one_line(words)[:DESCRIPTION_MOST],
    }
    headers = {
        "Accept": "application/vnd.github+json",
        "Authorization": f"Bearer {check.token}",
        "X-GitHub-Api-Version": "2022-11-28",
    }
    url = f"{check.api}/repos/{check.repository}/statuses/{check.commit}"
    try:
        with requests.post(
            url, json=body, headers=headers, timeout=TIMEOUT_S, allow_redirects=False, stream=True
        ) as answer:
            status = answer.status_code
    except (requests.RequestException, ValueError) as error:  # what it says may hold the header
        raise BenchError(f"{url} cannot be told: {type(error).__name__}") from None
    if status != 201:
        why = {401: "the token is none", 403: "the token may not write commit statuses",
               404: "it has no such repository, or the token may not see it",
               422: "it has no such commit"}.get(status, "try again later")  # fmt: skip
        raise (BenchError if status >= 500 else UsageError)(f"{url} says {status}: {why}")
