"""Audit a tree of published results: read each run, compute it again, compare, judge."""

import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

import msgspec

from tinybench.cache import cache_folder
from tinybench.energy.methods import RuleResult
from tinybench.errors import UsageError
from tinybench.track import Track, silent

from ..build.task import Task, load_task, names
from ..rules import Violation
from . import figures, rollup, witness
from .judging import across, clock
from .judging import figures as of_figures
from .judging import run as of_run
from .judging import windows as of_windows
from .judging.run import Answers
from .labels import LISTS, Labels
from .printed import positive
from .read import Read, read
from .result import Audit, Figure, Run, grade_of, worst
from .text import shown
from .tree import Place, Tree, find

ORDER = {"accuracy": 0, "performance": 1, "energy": 2, "": 3}
"""Outputs of accuracy mode are what the other modes are compared with."""


@dataclass(slots=True)
class _Judged:
    """A run by itself, and what it is held against others by."""

    place: Place
    run: Run
    inference_s: float | None
    """Time of one inference."""
    logs: dict[str, str]
    """Digest of the log with the inferences, and its name."""
    broken: list[Violation] = field(default_factory=list)
    """Rules that it breaks together with others."""
    notes: list[str] = field(default_factory=list)


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
    places = sorted(tree.places, key=_group)
    judged = list(track(_runs(places, known, tasks), "audit", len(places)))
    _across_modes(judged, tree)
    _across_systems(judged, tree)
    return rollup.whole(
        shown(str(path)),
        [_finished(one) for one in judged],
        of_run.tree(tree.links, tree.oversized, tree.unreadable),
        [shown(note) for note in known.notes],
    )


def _across_modes(judged: list[_Judged], tree: Tree) -> None:
    """Say of each task which modes are missing, and which contradict each other."""
    groups: dict[tuple[str, str], list[_Judged]] = {}
    for one in judged:
        groups.setdefault((_group(one.place)[0], one.run.task), []).append(one)
    for (folder, task), group in groups.items():
        modes = {one.run.mode: one for one in group}
        above = Path(folder)

        def published(mode: str, above: Path = above) -> bool:
            return tree.clones.below(above / mode)

        if group[0].run.division:
            group[0].broken += of_run.missing_modes(set(modes), task, published)
            away = [mode for mode in ORDER if mode and mode not in modes and published(mode)]
            group[0].notes += [f"published, and not in this clone: {mode}" for mode in away]
        seconds = {mode: one.inference_s for mode, one in modes.items() if one.inference_s}
        for mode, violation in across.modes(seconds):
            modes[mode].broken.append(violation)


def _across_systems(judged: list[_Judged], tree: Tree) -> None:
    """Say which systems have no description, and which logs are another system's, too."""
    owners: dict[str, dict[tuple[str, str], str]] = {}
    described: set[tuple[str, Path | None]] = set()
    for one in judged:
        system = (one.run.submitter, one.run.system)
        key = (one.run.system.split("#")[0].split("/")[0], one.place.submission)
        if key not in described:
            described.add(key)
            missing, note = across.description(one.place, tree.top, tree.clones)
            one.broken += [missing] if missing else []
            one.notes += [note] if note else []
        for digest, name in one.logs.items() if one.run.system else ():
            owners.setdefault(digest, {}).setdefault(system, f"{one.run.path}/{name}")
    for one in judged:
        system = (one.run.submitter, one.run.system)
        for digest, name in one.logs.items() if one.run.system else ():
            others = [path for owner, path in owners[digest].items() if owner != system]
            if others:
                one.broken.append(across.same_log(name, others[0]))


def _finished(one: _Judged) -> Run:
    """Return the run with what it breaks together with others."""
    violations = [*one.run.violations, *one.broken]
    grade = worst(grade_of(violation.rule) for violation in violations)
    notes = [*one.run.notes, *one.notes]
    return msgspec.structs.replace(one.run, violations=violations, notes=notes, grade=grade)


def _group(place: Place) -> tuple[str, int]:
    parent = place.folder.parent if place.mode else place.folder
    return str(parent), ORDER[place.mode]


def _runs(places: list[Place], labels: Labels, tasks: dict[str, Task]) -> Iterator[_Judged]:
    """Yield each run; holds one task's answers at a time."""
    for _, group in groupby(places, key=lambda place: _group(place)[0]):
        answers: Answers = {}
        windows_s: tuple[tuple[float, float], ...] = ()
        for place in group:
            one = read(place)
            if one.mode == "accuracy":
                answers = {(o.input, o.offset): o for o in one.evidence.inferred}
            if one.evidence.stream is not None and one.evidence.stream.windows_s:
                windows_s = one.evidence.stream.windows_s
            yield _judged(one, labels, tasks, answers, windows_s)


def _judged(
    one: Read,
    labels: Labels,
    tasks: dict[str, Task],
    answers: Answers,
    windows_s: tuple[tuple[float, float], ...],
) -> _Judged:
    place, evidence = one.place, one.evidence
    said = [model.lower() for model in evidence.models]
    model_id = place.task or next((model for model in said if model in (*tasks, "sww01")), "")
    task = tasks.get(model_id)
    lists = labels.lists(model_id) if evidence.inferred else ()
    known = figures.best_list(evidence.inferred, lists)
    found: list[Figure] = []
    violations = [*of_run.files(one), *of_run.log(one)]
    notes: list[str] = []
    inference_s = clock.median_s(evidence)
    if model_id == "sww01" or evidence.stream is not None or one.printed.stream is not None:
        of_it, rules, readings = _streaming(one, labels, windows_s)
        found += of_it
        violations += rules
        notes += readings
        rate_per_s = positive(one.printed.stream_throughput_per_s)
        inference_s = 1 / rate_per_s if rate_per_s else None
    elif one.mode == "accuracy":
        found += figures.of_accuracy(one, known)
        violations += of_run.inputs(one, known, task)
        violations += of_figures.threshold(one, found, task)
        violations += clock.of_accuracy(evidence)
    elif one.mode == "energy":
        energy, rule, why = figures.of_energy(one)
        found += energy
        if why:
            notes.append(f"energy from samples: {why}")
        violations += of_windows.energy(one, rule, known)
        violations += of_run.same_output(answers, evidence, "energy")
        inference_s = _of_windows_s(rule)
    else:
        found += figures.of_performance(one)
        violations += of_windows.windows(one, known)
        violations += of_run.same_output(answers, evidence, "performance")
    found = [_corrected(figure, one) for figure in witness.figures(one, found)]
    violations += witness.judge(one)
    violations += of_run.range_of_outputs(one, task)
    violations += of_run.count_of_outputs(one, task)
    violations += of_figures.differing(found)
    violations += of_figures.units(one.printed, found)
    if evidence.retries:
        notes.append(f"the runner asked {evidence.retries} times again before the DUT answered")
    replaced = [*of_run.old_list(one, known)]
    if known is not None and known.name not in LISTS and not replaced:
        notes.append(f"inputs of {known.name}")
    notes += [*replaced, *of_run.without_outputs(one), *of_run.not_here(one)]
    run = Run(
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
    return _Judged(place, run, inference_s, _digests(one))


def _streaming(
    one: Read, labels: Labels, windows_s: tuple[tuple[float, float], ...]
) -> tuple[list[Figure], list[Violation], list[str]]:
    """Return figures, broken rules and the readings of the score of a streaming run."""
    judged = figures.judged_stream(one, labels, windows_s)
    found = figures.of_stream(one, judged)
    violations = [*of_figures.streaming(one, found, judged)]
    if one.mode == "energy":
        energy, rule, _ = figures.of_energy(one)
        found += energy
        violations += of_windows.missing_trace(one, rule)
    return found, violations, [] if judged is None else [f"{one.place.system} {one.mode}: {judged}"]


def _of_windows_s(rule: RuleResult | None) -> float | None:
    """Return the time of one inference by the monitor's clock; None without windows."""
    each_s = [w.elapsed_s / w.iterations for w in rule.windows if w.iterations] if rule else []
    return statistics.median(each_s) if each_s else None


def _corrected(one: Figure, run: Read) -> Figure:
    """Return the figure with what it should have been, where that can be computed."""
    if one.name == "throughput" and run.mode == "performance" and run.evidence.stream is None:
        rate_per_s = clock.corrected_rate(run.evidence)
        if rate_per_s is not None:
            decimals = len(one.published.partition(".")[2])
            return msgspec.structs.replace(
                one, corrected=f"{rate_per_s:.{decimals}f}", correction="by the host's clock"
            )
    if one.reproduced is False and one.name != "windows":
        return msgspec.structs.replace(one, corrected=one.recomputed, correction=one.source)
    return one


def _digests(one: Read) -> dict[str, str]:
    """Return the digest of the log that holds inferences, and its name."""
    found: dict[str, str] = {}
    for path in one.place.logs:
        if shown(path.name) == one.log_name and (one.log.inferred or one.log.stream):
            try:
                found[across.digest(path)] = one.log_name
            except OSError:  # it is named as unreadable already
                continue
    return found
