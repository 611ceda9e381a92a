"""What is known of a run so far: what its journal holds, and what is measured now."""

import time
from datetime import UTC, datetime

from ..results.journal import Entry, Journal
from ..results.result import Answer, Energy, FloatModel, Reference, Step, Window
from ..results.scenario.queries import Queries
from ..results.stream import Streamed


class Known:
    """What is known so far; what is added is on disk before the next thing is measured."""

    def __init__(self, journal: Journal, before: list[Entry], worked_until_s: float | None) -> None:
        """`before`: what the journal holds already, its head left out.

        `worked_until_s`: when the board last worked, by `time.monotonic`; None: nobody knows.
        """
        self._journal = journal
        self.answers: dict[str, Answer] = {}
        """By the name of the input."""
        self.windows: list[Window] = []
        self.queries = Queries()
        self.streams: list[Streamed] = []
        self.energies: list[Energy] = []
        self.float_models: list[FloatModel] = []
        self.references: list[Reference] = []
        self.steps: list[Step] = []
        self.began_with = {entry.dut for entry in before if entry.dut is not None}
        """Who answered before this, in its own words."""
        self.resumed = 0
        self.no_cycles = ""
        """Why there is no estimate of cycles."""
        self.worked_until_s = worked_until_s
        for entry in before:
            self._take(entry)

    def add(self, entry: Entry) -> None:
        """Keep what was found. Raises RunFolderError when the disk refuses."""
        self._journal.append(entry)
        self._take(entry)

    def begin(self, mode: str) -> None:
        """Note that a mode begins, and how long the board had rested."""
        until_s = self.worked_until_s
        rested_s = None if until_s is None else round(time.monotonic() - until_s, 3)
        began_at = datetime.now(UTC).isoformat(timespec="seconds")
        self.add(Entry(step=Step(mode, began_at, rested_s)))

    def worked(self) -> None:
        """Note that the board has just worked."""
        self.worked_until_s = time.monotonic()

    def _take(self, entry: Entry) -> None:
        if entry.answer is not None:
            self.answers[entry.answer.input] = entry.answer
        if entry.window is not None:
            self.windows.append(entry.window)
        if entry.query is not None:
            self.queries.append(entry.query)
        if entry.stream is not None:
            self.streams.append(entry.stream)
        if entry.energy is not None:
            self.energies.append(entry.energy)
        if entry.float_model is not None:
            self.float_models.append(entry.float_model)
        if entry.reference is not None:
            self.references.append(entry.reference)
        if entry.step is not None:
            self.steps.append(entry.step)
        self.resumed += entry.resumed_at is not None
