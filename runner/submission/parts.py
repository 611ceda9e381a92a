"""Which runs hold which modes of which task, and what stands against handing them in."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from tinybench.errors import UsageError

from .. import rules
from ..audit.tree import TASKS
from ..build.task import Task, load_task
from ..compare.change import OWN_MODEL
from ..compare.store import run_folders
from ..results.result import Result
from ..results.scenario.words import figure
from ..rules import RULES, Violation
from ..rules.inputs import UNVERIFIED
from ..rules.judge import Outcome, judge
from ..rules.rule import CHECKER
from .system import INPUTS

INTACT = (
    "complete",
    "model-id",
    "stored-files",
    "sealed",
    "journal",
    "transcript",
    "energy-trace",
    "accuracy-count",
    "accuracy-recomputed",
    "stream-heard",
    "stream-recording",
    "stream-undoubted",
    "throughput-recomputed",
    "energy-recomputed",
    "required-modes",
    "official-inputs",
    "measured",
    "measured-energy",
    "same-bench",
    "same-model",
)
"""Without these there is no result at all, in neither division."""
REHEARSED = ("official-inputs", "measured", "measured-energy")
"""... but a rehearsal may lack these, which is written on it everywhere."""
VERIFIED = "verified-inputs"
"""Broken where inputs have the official names and labels, and other bytes or nobody knows which."""
MODES = ("accuracy", "performance", "energy")


@dataclass(frozen=True)
class Part:
    """One task: the run of each mode; often one and the same."""

    task: Task
    modes: dict[str, Outcome]
    """By mode; energy may be missing."""
    scenarios: tuple[Outcome, ...] = ()
    """Scenarios of MLPerf Inference, which MLPerf Tiny has none of: for the notes."""

    @property
    def folder(self) -> str:
        """Name of its folder in the tree, such as "kws"."""
        return TASKS[self.task.model_id][0]

    @property
    def unverified(self) -> bool:
        """Whether its inputs are official by their names and labels only."""
        return any(result.dataset == UNVERIFIED for result in self.results)

    @property
    def results(self) -> list[Result]:
        return [outcome.result for outcome in self.modes.values()]


def parts(folders: Sequence[Path]) -> list[Part]:
    """Return the tasks that the runs are of, in the order of the public rounds.

    Raises RunFolderError for what is no run, UsageError when two runs have the same mode of a task,
    or a task is none of MLPerf Tiny.
    """
    found: dict[str, dict[str, Outcome]] = {}
    scenarios: dict[str, list[Outcome]] = {}
    for folder in (run for path in folders for run in _runs(path)):
        outcome = judge(folder)
        result = outcome.result
        if result.model_id not in TASKS:
            raise UsageError(_no_task(folder, result))
        if result.scenario is not None:
            scenarios.setdefault(result.model_id, []).append(outcome)
            continue
        modes = found.setdefault(result.model_id, {})
        for mode in _modes(result):
            if mode in modes:
                raise UsageError(
                    f"both {modes[mode].folder} and {folder} have the {mode} of {result.task}: "
                    "give one of them"
                )
            modes[mode] = outcome
        if not modes:
            raise UsageError(f"{folder}: this run measured nothing; leave it out")
    order = [model_id for model_id in sorted(TASKS) if model_id in found]
    for model_id, more in scenarios.items():
        if model_id not in found:
            raise UsageError(
                f"{more[0].folder}: a scenario alone is no submission to MLPerf Tiny, which has "
                "none; give a run of its task in accuracy and performance mode, too"
            )
    return [
        Part(_task(found[model_id]), found[model_id], tuple(scenarios.get(model_id, ())))
        for model_id in order
    ]


def _modes(result: Result) -> list[str]:
    """Return the modes of a submission that a result has; a stream is a performance run."""
    if result.stream is not None:
        return ["performance"]
    return [mode for mode in MODES if getattr(result, mode) is not None]


def _no_task(folder: Path, result: Result) -> str:
    if result.profile == OWN_MODEL:
        return (
            f"{folder}: '{result.task}' is a model of one's own, measured by 'tinybench model' or "
            "'zoo run'; what is submitted are runs of the tasks, such as tinybench --task kws"
        )
    return f"{folder}: '{result.task}' is no task of MLPerf Tiny"


def _runs(path: Path) -> list[Path]:
    return run_folders(path) if path.is_dir() else [path]


def _task(modes: dict[str, Outcome]) -> Task:
    """Return the task by the declaration in the package: a changed copy makes no other rules."""
    return load_task(next(iter(modes.values())).result.task)


def objections(parts: Sequence[Part], division: str) -> list[Violation]:
    """Return every rule that stands against the runs in a division; each names its task."""
    found: list[Violation] = []
    for part in parts:
        found += [_of(part, violation) for violation in _part(part, division)]
    names = {part.task.name for part in parts}
    found += [
        Violation(
            "together",
            RULES + ", benchmarks",
            f"{part.task.name} together with {part.task.together_with}",
            f"{part.task.name} alone",
            f"give a run of {part.task.together_with}, too",
        )
        for part in parts
        if part.task.together_with and part.task.together_with not in names
    ]
    boards = sorted({(result.board, result.dut) for part in parts for result in part.results})
    if len(boards) > 1:
        found.append(
            Violation(
                "same-bench",
                RULES + ", a system under test",
                "runs of one board",
                "; ".join(f"{board} ({dut})" for board, dut in boards),
                "hand in one system at a time",
            )
        )
    return found


def refused(
    found: Sequence[Violation], division: str, rehearsal: bool, inputs_from: str = ""
) -> list[Violation]:
    """Return those that cannot be handed in, in this division.

    `inputs_from`: what the submitter states of where unverified inputs come from.
    """
    if inputs_from:
        found = [v for v in found if v.rule != VERIFIED]
    if rehearsal:
        return [v for v in found if v.rule in INTACT and v.rule not in REHEARSED]
    return [v for v in found if division == "closed" or v.rule in INTACT]


def _of(part: Part, violation: Violation) -> Violation:
    return msgspec.structs.replace(violation, found=f"{part.task.name}: {violation.found}")


def _part(part: Part, division: str) -> list[Violation]:
    outcomes = {str(outcome.folder): outcome for outcome in part.modes.values()}
    found: list[Violation] = []
    for outcome in outcomes.values():
        found += rules.check_folder(outcome.result, outcome.folder)
    found += rules.check(joined(part, division), part.task)
    found += _measured(part)
    found += _scenarios(part, division)
    wanted = MODES[1:2] if part.task.streams else MODES[:2]
    missing = [mode for mode in wanted if mode not in part.modes]
    if missing:
        found.append(
            Violation(
                "required-modes",
                CHECKER,
                f"{' and '.join(wanted)} of {part.task.name}",
                f"no {' and no '.join(missing)}",
                "run it, and give that run, too",
            )
        )
    return found


def _scenarios(part: Part, division: str) -> list[Violation]:
    """Return what stands against the scenarios beside a task: they are for the open division."""
    found = []
    for outcome in part.scenarios:
        found += rules.check_folder(outcome.result, outcome.folder)
        if division != "open":
            found.append(
                Violation(
                    "closed-scenario",
                    RULES + ", benchmark modes",
                    "the modes of MLPerf Tiny alone",
                    f"scenario {_named(outcome)}, {outcome.folder}",
                    "leave that run out, or submit to the open division, whose notes tell it",
                )
            )
    return found


def scenario_notes(part: Part) -> list[str]:
    """Return what the software notes of the open division say of a task's scenarios."""
    return [
        f"no part of MLPerf Tiny: {part.task.name}, scenario {_named(one)} of MLPerf Inference: "
        f"{figure(one.result.scenario, emulated=one.result.emulated)}; {one.verdict.words}"
        for one in part.scenarios
        if one.result.scenario is not None
    ]


def _named(outcome: Outcome) -> str:
    asked = outcome.result.scenario and outcome.result.scenario.asked
    if asked is None:
        return ""
    by = asked.interference
    return asked.name + (f" with {by.words} injected" if by else "")


def joined(part: Part, division: str) -> Result:
    """Return the modes of a task as one result, as the rules see it."""
    first = next(iter(part.modes.values())).result
    if part.task.streams:
        return msgspec.structs.replace(first, division=division)
    incomplete = next((r for r in part.results if not r.complete), None)
    return msgspec.structs.replace(
        first,
        division=division,
        mode="all",
        complete=incomplete is None,
        error=None if incomplete is None else incomplete.error,
        **{
            mode: getattr(part.modes[mode].result, mode) if mode in part.modes else None
            for mode in MODES
        },
    )


def _measured(part: Part) -> list[Violation]:
    """Return what makes this no measurement of the official benchmark."""
    found = []
    results = part.results
    if any(result.emulated for result in results):
        found.append(
            Violation(
                "measured",
                RULES + ", results are measured on the system",
                "time by the clock of a board",
                next(result.time_base for result in results if result.emulated),
                "run it on a board",
            )
        )
    energy = part.modes["energy"].result.energy if "energy" in part.modes else None
    if energy is not None and energy.modelled:
        found.append(
            Violation(
                "measured-energy",
                RULES + ", results are measured on the system",
                "energy by a monitor",
                f"a model: {energy.model_source}",
                "measure it, or leave that run out",
            )
        )
    if energy is not None and energy.per_inference_j is None:
        found.append(
            Violation(
                "energy-recomputed",
                rules.ENERGY_README,
                "an energy",
                "none: no window can be trusted",
                "run the energy mode again",
            )
        )
    others = [result for result in results if result.dataset not in ("official", UNVERIFIED)]
    if others:
        found.append(
            Violation(
                "official-inputs",
                RULES + ", datasets",
                "the official inputs",
                f"dataset {others[0].dataset}",
                f"type: tinybench fetch {part.task.name} (or tinybench prepare)",
            )
        )
    unverified = [result for result in results if result.dataset == UNVERIFIED]
    if unverified:
        found.append(
            Violation(
                VERIFIED,
                RULES + ", datasets",
                "the official inputs, to the byte",
                f"{unverified[0].inputs.name}, unverified",
                f"type: tinybench prepare {part.task.name}, or import DIR; or state with the field "
                f"'{INPUTS}' of the --system file where they come from",
            )
        )
    sources = {result.firmware.sources_sha256 if result.firmware else None for result in results}
    models = {result.model.sha256 for result in results}
    inputs = {result.inputs.sha256 for result in results}
    for kinds, what in ((sources, "firmware"), (models, "models"), (inputs, "inputs")):
        if len(kinds) > 1:
            found.append(
                Violation(
                    "same-model",
                    RULES + ", every mode runs the same inference",
                    f"the same {what} in every mode",
                    f"{len(kinds)} different {what}",
                    "run all modes of the task with the same firmware",
                )
            )
    return found
