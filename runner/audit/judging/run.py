"""Name the rules that a published run breaks, each with what was wanted and what was found.

Here by its files, its log, its inputs and its outputs; the rest is beside.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from tinybench.plural import counted

from ...build.task import Task
from ...rules import RULES, Violation
from ...rules.rule import CHECKER
from ..evidence import GARBLED, NOISE, WRONG_SIZE, Evidence, Inferred
from ..labels import OLD_LIST, OLD_ROUND, LabelList
from ..read import Read
from ..text import shown, some_names
from ..tree import MODES

DATASETS = "energyrunner datasets README, the whole accuracy set"

LINE = "protocol, 8N1 text"
FAULTS = {
    WRONG_SIZE: "input-size",
    GARBLED: "garbled-line",
    NOISE: "line-noise",
}
"""Rules that faults in a log break; every other is a `log-fault`."""
Answers = dict[tuple[str, int], Inferred]


def files(run: Read) -> Iterator[Violation]:
    """Yield what is misnamed or missing, or cannot be read."""
    folder = run.place.folder.name
    if run.place.mode and folder.lower() not in MODES:
        yield Violation(
            "mode-name",
            CHECKER,
            f"a folder {run.place.mode}",
            f"{shown(folder)}, which looks like {run.place.mode} misspelt",
            f"name it {run.place.mode}",
        )
    for what in run.unreadable:
        yield Violation(
            "unreadable-file", CHECKER, "files that can be read", what, "publish the whole file"
        )
    absent = run.place.absent
    has_evidence = bool(run.evidence.inferred or run.evidence.stream)
    if absent.keys() & {"log", "json"} and not (has_evidence and run.log_name):
        pass  # published, and not checked out
    elif not has_evidence and run.mode != "energy":
        yield Violation(
            "missing-log",
            RULES + ", results can be reproduced",
            f"a log of the {run.mode} run",
            "results.txt only" if run.printed_in else "no inference in any file",
            "publish log.txt",
        )
    elif run.place.json is not None and not run.log_name:
        yield Violation(
            "missing-log",
            RULES + ", results can be reproduced",
            f"a log of the {run.mode} run",
            f"{shown(run.place.json.name)} only, which repeats what is claimed",
            "publish log.txt",
        )
    if run.printed.empty and not absent.keys() & {"table", "log"}:
        yield Violation(
            "missing-results",
            CHECKER,
            f"a results.txt with the figures of the {run.mode} run",
            "none of its figures in any file",
            "publish results.txt",
        )


def log(run: Read) -> Iterator[Violation]:
    """Yield what went wrong while the run was made."""
    evidence = run.evidence
    undecodable = evidence.undecodable
    if run.printed_in not in [shown(path.name) for path in run.place.logs]:
        undecodable += run.printed.undecodable
    if undecodable:
        yield Violation(
            "undecodable-bytes",
            LINE,
            "a log of readable text",
            f"{undecodable} undecodable bytes or characters",
            "mend the line to the DUT, and run it again",
        )
    if evidence.rehearsal:
        yield Violation(
            "rehearsal",
            RULES + ", results are measured on the system",
            "a result",
            shown(evidence.rehearsal),
            "run it on a board, with the official inputs, and submit that",
        )
    for kind, count in evidence.faults.items():
        on_line = kind in (GARBLED, NOISE)
        yield Violation(
            FAULTS.get(kind, "log-fault"),
            LINE if on_line else RULES + ", every inference is one of the benchmark",
            "none",
            f"{kind}, {count} times; first: {shown(evidence.examples.get(kind, ''))}",
            "mend the line to the DUT" if on_line else
            "mend the firmware or the line, and run it again",
        )  # fmt: skip
    wanted = run.place.task
    models = [shown(model) for model in evidence.models]
    if wanted and models and not any(_same_model(model, wanted) for model in models):
        yield Violation(
            "model-id",
            RULES + ", benchmark models",
            wanted,
            ", ".join(models),
            "flash the firmware of this task",
        )


def range_of_outputs(run: Read, task: Task | None) -> Iterator[Violation]:
    """Yield outputs of a classifier that are no probabilities, but for the slack of rounding."""
    if task is None or task.metric != "top1":
        return
    slack = 0.1
    for one in run.evidence.inferred:
        if any(not -slack <= value <= 1 + slack for value in one.outputs):
            yield Violation(
                "output-range",
                "protocol, m-results are softmax outputs",
                "outputs of 0 to 1",
                f"{_row(one)} for {shown(one.input)}",
                "print the dequantised outputs",
            )
            return


def count_of_outputs(run: Read, task: Task | None) -> Iterator[Violation]:
    """Yield outputs that are not one for each class of the task, and answers without any."""
    inferred = run.evidence.inferred
    wanted = task.result_count if task is not None else None
    wrong = [one for one in inferred if one.outputs and wanted not in (None, len(one.outputs))]
    if wrong and wanted is not None:
        yield Violation(
            "output-count",
            "protocol, m-results are one output a class",
            counted(wanted, "output"),
            f"{len(wrong[0].outputs)} for {shown(wrong[0].input)}; so {len(wrong)} of "
            f"{counted(len(inferred), 'answer')}",
            "flash the firmware of this task",
        )
    empty = [one for one in inferred if not one.outputs]
    if empty and run.mode == "accuracy":
        yield Violation(
            "missing-outputs",
            RULES + ", results can be reproduced",
            "the outputs of every inference",
            f"{counted(len(empty), 'answer')} without any: "
            f"{some_names([one.input for one in empty])}",
            "print them, and run the set again",
        )


def without_outputs(run: Read) -> Iterator[str]:
    """Yield what is to be noted of windows whose time counts and whose answer is not known."""
    empty = sum(not one.outputs for one in run.evidence.inferred)
    if empty and run.mode != "accuracy":
        yield f"{empty} of {len(run.evidence.inferred)} windows have no outputs; their time counts"


def not_here(run: Read) -> Iterator[str]:
    """Yield which files of the run are published and not checked out in this clone."""
    if run.place.absent:
        names = ", ".join(sorted(run.place.absent.values()))
        yield f"published, and not in this clone: {names} (git checkout brings them)"


def _same_model(found: str, wanted: str) -> bool:
    found = found.lower()
    return found == wanted or {found, wanted} <= {"sww01", "strww01"}


def inputs(run: Read, known: LabelList | None, task: Task | None) -> Iterator[Violation]:
    """Yield what is wrong with the set of an accuracy run: each official input exactly once."""
    answered = [one for one in run.evidence.inferred if one.outputs]
    inferred = [one for one in answered if one.input]
    if len(answered) > len(inferred):
        yield Violation(
            "unnamed-inputs",
            DATASETS,
            "the name of every input in the log",
            f"{len(answered) - len(inferred)} inferences without one before them",
            "publish the whole log",
        )
    if not inferred:
        return
    per_file = Counter(one.input for one in inferred)
    twice = [k for k, n in Counter((o.input, o.offset) for o in inferred).items() if n > 1]
    if not run.eembc:  # the v1.3 runner's windows are counted, not named
        twice = [] if task is not None and task.metric == "auc" else [
            (name, 0) for name, n in per_file.items() if n > 1
        ]  # fmt: skip
    if twice:
        yield Violation(
            "inputs-once",
            DATASETS,
            "each input once",
            f"{counted(len(twice), 'input')} several times: "
            f"{some_names([name for name, _ in twice])}",
            "run the set again",
        )
    if len(set(per_file.values())) > 1 and task is not None and task.metric == "auc":
        most = max(per_file.values())
        short = [name for name, n in per_file.items() if n < most]
        yield Violation(
            "missing-inputs",
            DATASETS,
            f"{most} windows of each file",
            f"{len(short)} files have fewer: {some_names(short)}",
            "run the whole set",
        )
    if known is not None:
        yield from _against_list(run, known, per_file, len(answered) - len(inferred))
    elif task is not None and len(per_file) not in task.rules.accuracy_count:
        yield Violation(
            "missing-inputs",
            DATASETS,
            f"{' or '.join(map(str, task.rules.accuracy_count))} inputs",
            counted(len(per_file), "input"),
            "run the whole set",
        )


def _against_list(
    run: Read, known: LabelList, per_file: Counter[str], unnamed: int
) -> Iterator[Violation]:
    missing = [name for name in known.labels if name not in per_file]
    others = [name for name in per_file if name not in known.labels]
    if len(missing) > unnamed:
        yield Violation(
            "missing-inputs",
            DATASETS,
            f"all {len(known.labels)} inputs of {known.name}",
            f"{len(missing)} missing: {some_names(missing)}",
            "run the whole set",
        )
    if others:
        yield Violation(
            "wrong-inputs",
            DATASETS,
            f"inputs of {known.name}",
            f"{len(others)} others: {some_names(others)}",
            "run the official set",
        )
    stated = [
        one.input
        for one in run.evidence.inferred
        if one.label is not None and known.labels.get(one.input, one.label) != one.label
    ]
    if stated:
        yield Violation(
            "wrong-labels",
            DATASETS,
            "the classes of the official list",
            f"{counted(len(stated), 'input')} with another class: {some_names(stated)}",
            "use the official label file",
        )


def old_list(run: Read, known: LabelList | None) -> Iterator[str]:
    """Yield that the inputs were replaced before the run's round: EEMBC ships them to this day."""
    if known is not None and known.name == OLD_LIST and run.place.round not in ("", OLD_ROUND):
        example = shown(run.evidence.inferred[0].input)
        yield f"inputs of {OLD_LIST}, which EEMBC's repository still has, such as {example}"


def same_output(answers: Answers, evidence: Evidence, mode: str) -> Iterator[Violation]:
    """Yield inputs whose outputs in windows are not those of accuracy mode."""
    changed = []
    for one in evidence.inferred:
        reference = answers.get((one.input, one.offset))
        if reference is None or not (reference.outputs and one.outputs):
            continue
        if not equal(reference, one):
            changed.append((one, reference))
    if changed:
        one, reference = changed[0]
        yield Violation(
            "same-output",
            RULES + ", every mode runs the same inference",
            f"{_row(reference)} for {shown(one.input)}, as in accuracy mode",
            f"{_row(one)} in {mode} mode; so {len(changed)} of {len(evidence.inferred)} windows",
            "the engine must not overwrite its input between inferences",
        )


def equal(one: Inferred, other: Inferred) -> bool:
    """Compare to the decimals that both print."""
    if len(one.outputs) != len(other.outputs):
        return False
    step = 10.0 ** -min(one.decimals, other.decimals)
    return all(abs(a - b) < 0.51 * step for a, b in zip(one.outputs, other.outputs, strict=True))


def _row(one: Inferred) -> str:
    return "[" + ",".join(f"{value:.{one.decimals}f}" for value in one.outputs[:12]) + "]"


def missing_modes(
    modes: set[str], task: str, published: Callable[[str], bool]
) -> Iterator[Violation]:
    """Yield the modes that a task of a submission must have and this one has not.

    `published` says of a mode whether the clone has it, checked out or not.
    """
    wanted = {"performance"} if task == "sww01" else {"accuracy", "performance"}
    if task == "sww01" and "energy" in modes:
        return
    for mode in sorted(mode for mode in wanted - modes if not published(mode)):
        yield Violation(
            "missing-mode",
            CHECKER,
            f"a folder {mode}",
            "only " + ", ".join(sorted(modes)),
            f"publish the {mode} run",
        )


def tree(links: Sequence[str], oversized: Sequence[str], broken: Sequence[str]) -> list[Violation]:
    """Return what does not belong into a submission at all."""
    found = []
    for rule, wanted, names, advice in (
        ("symbolic-links", "no links", links, "publish the files themselves"),
        ("file-size", "no file over 50 MB", oversized, "leave it out, or split it"),
        ("unreadable-file", "folders that can be read", broken, "make them readable"),
    ):
        if names:
            found.append(Violation(rule, CHECKER, wanted, some_names(names, 5), advice))
    return found
