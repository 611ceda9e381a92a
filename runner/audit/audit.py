"""Audit a tree of published results: read each run, compute it again, compare, judge."""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from tinybench.cache import cache_folder
from tinybench.errors import UsageError
from tinybench.track import Track, silent

from ..build.task import Task, load_task, names
from ..rules import Violation
from . import figures, judge, judge_figures, judge_windows, witness
from .judge import Answers
from .labels import LISTS, Labels
from .read import Read, read
from .result import Audit, Figure, Run
from .text import shown
from .tree import Place, find

ORDER = {"accuracy": 0, "performance": 1, "energy": 2, "": 3}
"""Outputs of accuracy mode are what the other modes are compared with."""


def audit(
    path: Path, labels: Path | None = None, cache: Path | None = None, track: Track = silent
) -> Audit:
    """Audit every run at or below `path`.

    `labels` is a folder with label files of the user's. Raises UsageError: there is no such path,
    nothing in it looks like a result, or there is no folder of labels.
    """
    if labels is not None and not labels.is_dir():
        raise UsageError(f"--labels {labels}: there is no such folder; give one with label files")
    tree = find(path)
    if not tree.places:
        raise UsageError(
            f"{shown(str(path))}: there are no MLPerf Tiny results here: looked for folders "
            "accuracy, performance and energy with log.txt, results.txt or results.json"
        )
    known = Labels(labels, cache or cache_folder())
    tasks = {task.model_id: task for task in map(load_task, names())}
    runs: list[Run] = []
    modes: dict[tuple[str, str], set[str]] = {}
    first: dict[tuple[str, str], int] = {}
    places = sorted(tree.places, key=_group)
    shown_progress = track(_runs(places, known, tasks), "audit", len(places))
    for folder, run in shown_progress:
        key = (folder, run.task)
        first.setdefault(key, len(runs))
        modes.setdefault(key, set()).add(run.mode)
        runs.append(run)
    for key, at in first.items():
        lacking = list(judge.missing_modes(modes[key], key[1]))
        if lacking and runs[at].division:
            runs[at] = _with(runs[at], lacking)
    whole = judge.tree(tree.links, tree.oversized, tree.unreadable)
    outcome = [figure.reproduced for run in runs for figure in run.figures]
    return Audit(
        path=shown(str(path)),
        runs=runs,
        violations=whole,
        notes=[shown(note) for note in known.notes],
        reproduced=outcome.count(True),
        differing=outcome.count(False),
        not_recomputable=outcome.count(None),
        valid=not whole and all(run.sound for run in runs),
    )


def _with(run: Run, violations: list[Violation]) -> Run:
    return Run(
        **{name: getattr(run, name) for name in run.__struct_fields__ if name != "violations"},
        violations=[*run.violations, *violations],
    )


def _group(place: Place) -> tuple[str, int]:
    parent = place.folder.parent if place.mode else place.folder
    return str(parent), ORDER[place.mode]


def _runs(places: list[Place], labels: Labels, tasks: dict[str, Task]) -> Iterator[tuple[str, Run]]:
    """Yield each run with the folder that its modes share; holds one task's answers at a time."""
    for folder, group in groupby(places, key=lambda place: _group(place)[0]):
        answers: Answers = {}
        windows_s: tuple[tuple[float, float], ...] = ()
        for place in group:
            one = read(place)
            if one.mode == "accuracy":
                answers = {(o.input, o.offset): o for o in one.evidence.inferred}
            if one.evidence.stream is not None and one.evidence.stream.windows_s:
                windows_s = one.evidence.stream.windows_s
            yield folder, _run(one, labels, tasks, answers, windows_s)


def _run(
    one: Read,
    labels: Labels,
    tasks: dict[str, Task],
    answers: Answers,
    windows_s: tuple[tuple[float, float], ...],
) -> Run:
    place, evidence = one.place, one.evidence
    said = [model.lower() for model in evidence.models]
    model_id = place.task or next((model for model in said if model in (*tasks, "sww01")), "")
    task = tasks.get(model_id)
    lists = labels.lists(model_id) if evidence.inferred else ()
    known = figures.best_list(evidence.inferred, lists)
    found: list[Figure] = []
    violations = [*judge.files(one), *judge.log(one)]
    notes: list[str] = []
    if model_id == "sww01" or evidence.stream is not None or one.printed.stream is not None:
        found += figures.of_stream(one, labels, windows_s)
        violations += judge_figures.streaming(one, found)
        if one.mode == "energy":
            found += figures.of_energy(one)[0]
    elif one.mode == "accuracy":
        found += figures.of_accuracy(one, known)
        violations += judge.inputs(one, known, task)
        violations += judge_figures.threshold(one, found, task)
    elif one.mode == "energy":
        energy, rule, why = figures.of_energy(one)
        found += energy
        if why:
            notes.append(f"energy from samples: {why}")
        violations += judge_windows.energy(one, rule, known)
        violations += judge.same_output(answers, evidence, "energy")
    else:
        found += figures.of_performance(one)
        violations += judge_windows.windows(one, known)
        violations += judge.same_output(answers, evidence, "performance")
    found = witness.figures(one, found)
    violations += witness.judge(one)
    violations += judge.old_list(one, known)
    violations += judge.range_of_outputs(one, task)
    violations += judge_figures.differing(found)
    violations += judge_figures.units(one.printed, found)
    if evidence.retries:
        notes.append(f"the runner asked {evidence.retries} times again before the DUT answered")
    if known is not None and known.name not in LISTS:
        notes.append(f"inputs of {known.name}")
    return Run(
        path=place.name,
        round=place.round,
        division=place.division,
        submitter=place.submitter,
        system=place.system,
        task=model_id,
        mode=one.mode,
        inferences=len(evidence.inferred),
        figures=found,
        violations=violations,
        notes=notes,
    )
