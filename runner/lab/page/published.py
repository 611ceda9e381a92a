"""Published results beside a lab's own: the table, and what an audit says of the trees it has."""

import asyncio
import contextlib
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from tinybench.read import read_json

from ...audit.result import WORDS, Audit, System
from ...compare.published import table
from ...compare.published.entry import Entry
from ...compare.published.trees import entries as of_tree

AUDIT_MOST_S = 3600.0
AUDIT_MOST_B = 256 << 20


@dataclass
class Published:
    """The published results that are at hand, and the audits that are done of them."""

    entries: list[Entry] = field(default_factory=list)
    audits: dict[str, Audit] = field(default_factory=dict)
    """By the folder of the tree."""
    doing: str = "reading the table"
    """What is still looked at, in words; empty once nothing is."""

    def rows(self) -> list[dict[str, Any]]:
        """Return each result as plain data, with the verdict on its system where there is one."""
        verdicts: dict[tuple[str, str, str, str], tuple[int, System]] = {}
        for number, one in enumerate(list(self.audits.values())):  # others come meanwhile
            for system in one.systems:
                verdicts[_key(system)] = number, system
        return [
            {**msgspec.to_builtins(one), **_verdict(verdicts.get(_key(one)))}
            for one in self.entries
        ]

    def audit(self, number: int) -> Audit | None:
        """Return one of the audits."""
        found = list(self.audits.values())
        return found[number] if number < len(found) else None


def _key(one: Entry | System) -> tuple[str, str, str, str]:
    return one.round, one.division, one.submitter, one.system


def _verdict(found: tuple[int, System] | None) -> dict[str, Any]:
    if found is None:
        return {"verdict": None, "grade": None, "worst": None, "audit": None}
    number, system = found
    return {
        "verdict": WORDS[system.grade],
        "grade": system.grade,
        "worst": "; ".join(system.corrected) or system.worst,
        "audit": number,
    }


async def look(known: Published, trees: Sequence[Path], say: Callable[..., None]) -> None:
    """Read the table, and audit the trees, one after the other, each in a process of its own."""
    stored = await asyncio.to_thread(table.load)
    if stored is not None:
        known.entries = stored.entries
    for number, tree in enumerate(trees):
        known.doing = f"auditing {tree.name} ({number + 1} of {len(trees)})"
        have = {_key(one) for one in known.entries}
        with contextlib.suppress(Exception):  # a tree that cannot be read hides no other
            new = await asyncio.to_thread(lambda tree=tree: list(of_tree(tree)))
            known.entries = [*known.entries, *(one for one in new if _key(one) not in have)]
        found = await _audited(tree)
        if isinstance(found, str):
            say("audit", tree=tree.name, why=found)
        else:
            known.audits[str(tree)] = found
    known.doing = ""


async def _audited(tree: Path) -> Audit | str:
    """Return the audit of a tree, or why there is none; other work goes first."""
    words = [sys.executable, "-m", "tinybench.runner", "audit", str(tree), "-q", "--to", "json"]
    with tempfile.TemporaryFile() as out:
        child = await asyncio.create_subprocess_exec(
            "nice", "-n", "19", *words, stdin=asyncio.subprocess.DEVNULL, stdout=out,
            stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            async with asyncio.timeout(AUDIT_MOST_S):
                status = await child.wait()
        except TimeoutError:
            return f"it took longer than {AUDIT_MOST_S:.0f} s"
        finally:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
        if status not in (0, 1):
            return f"the audit ended with status {status}: see `tinybench audit {tree.name}`"
        out.seek(0)
        data = out.read(AUDIT_MOST_B + 1)
    try:
        return await asyncio.to_thread(read_json, data, Audit)
    except msgspec.MsgspecError as error:
        return f"the audit says what none does: {error}"
