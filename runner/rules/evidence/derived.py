"""A result computed again from its folder: from journal, declarations, image, manifest, inputs.

Every field of a result is given by one of the parts below, or stands in the journal's last entry.
"""

import contextlib
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from tinybench.datasets.reader import digest_of
from tinybench.errors import RunFolderError, TinybenchError
from tinybench.files import read_bytes
from tinybench.models.compiler import Manifest
from tinybench.read import read_json

from ...build.board import Board, load_board
from ...build.elf import sections, sizes
from ...build.fit import second_core_used
from ...build.inputs import origin_of
from ...build.task import Task, load_task
from ...cycles.stored import stored_cycles
from ...results import score
from ...results.journal import Head, Noted, head_sha256
from ...results.names import INPUTS_FILE, MANIFEST_FILE
from ...results.recorded import is_evidence, recorded
from ...results.request import is_recipe
from ...results.result import Answer, Result, Window
from ...results.scenario import loadgen
from ...results.scenario import score as of_scenario
from ...results.seal import file_sha256
from ...results.stream import Streamed
from ...results.stream import score as of_stream
from ..profile import Profile, load_profile
from .said import SECOND

"""The lines `name,class,SHA-256` of all inputs, in order."""
TEXT_MAX_B = 32 << 20
SHOWN_MAX = 60


class _Run(NamedTuple):
    """What a folder says, and the result that is held against it."""

    result: Result
    folder: Path
    head: Head
    noted: Noted


def differing(result: Result, folder: Path, head: Head, noted: Noted) -> list[str]:
    """Return the fields of a result that its folder contradicts, each with both values."""
    run = _Run(result, folder, head, noted)
    has = msgspec.to_builtins(result)
    differ: list[str] = []
    for part in PARTS:
        try:
            found = part(run)
        except (TinybenchError, ArithmeticError, OSError, ValueError) as error:
            differ.append(str(error))
            continue
        for name, value in found.items():
            differ += _differences(name, has[name], msgspec.to_builtins(value))
    try:
        differ += _noted(run)
    except OSError as error:
        differ.append(str(error))
    if noted.ended is not None:
        said = recorded(result)
        if not any(is_evidence(name) for name in noted.ended.get("files_sha256") or ()):
            # An older journal ended without them.
            said["files_sha256"] = {
                name: sha256
                for name, sha256 in said["files_sha256"].items()
                if not is_evidence(name)
            }
        for name, value in noted.ended.items():
            differ += _differences(name, said.get(name), _whole(name, value))
    elif "journal.jsonl" in result.files_sha256:
        differ.append("the journal does not say how the run ended")
    return list(dict.fromkeys(differ))


def given(result: Result, folder: Path, head: Head, noted: Noted) -> dict[str, Any]:
    """Return the fields of a result that its folder gives. Raises as its parts."""
    run = _Run(result, folder, head, noted)
    return {name: value for part in PARTS for name, value in part(run).items()}


def _whole(name: str, value: Any) -> Any:
    """Return what an older journal says of a field, with the defaults of what it did not know."""
    types = {field.name: field.type for field in msgspec.structs.fields(Result)}
    try:
        return msgspec.to_builtins(msgspec.convert(value, types[name]))
    except (msgspec.ValidationError, KeyError):
        return value


def _differences(path: str, has: Any, wanted: Any) -> Iterator[str]:
    """Yield each field in which two values as of JSON differ."""
    if isinstance(has, dict) and isinstance(wanted, dict):
        for key in {**wanted, **has}:
            yield from _differences(f"{path}.{key}", has.get(key), wanted.get(key))
    elif isinstance(has, list) and isinstance(wanted, list):
        if len(has) != len(wanted):
            yield f"{len(has)} {path}, not {len(wanted)}"
        for number, (one, other) in enumerate(zip(has, wanted, strict=False), start=1):
            yield from _differences(f"{path} {number}", one, other)
    elif has != wanted:
        yield f"{path} {_shown(has)}, not {_shown(wanted)}"


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= SHOWN_MAX else text[:SHOWN_MAX] + "..."


def _asked(run: _Run) -> dict[str, Any]:
    head = run.head
    return {
        "started_at": head.started_at,
        "mode": head.asked.mode,
        "division": head.asked.division,
        "interface_board": head.asked.interface_board,
        "environment": head.asked.environment,
        "complete": run.result.error is None,
    }


def _declared(run: _Run) -> dict[str, Any]:
    """Return what the declarations beside a result say; older runs have not all of them."""
    found: dict[str, Any] = {}
    if (board := _board(run)) is not None:
        found |= {"board": board.name, "core": board.core, "emulated": board.emulated}
        on_port = bool(run.head.asked.ports)
        found["time_base"] = score.time_base(board.instruction_ns, on_port=on_port)
    if (task := _task(run)) is not None:
        found |= {"task": task.name, "model_id": task.model_id}
    if (profile := run.folder / "profile.toml").is_file():
        found["profile"] = load_profile(str(profile)).name
    return found


def _board(run: _Run) -> Board | None:
    path = run.folder / "board.toml"
    if not path.is_file():
        return None
    asked = run.head.asked
    return load_board(str(path), emulate=asked.emulate).on_cores(asked.cores)


def _task(run: _Run) -> Task | None:
    path = run.folder / "task.toml"
    return load_task(str(path)) if path.is_file() else None


def _measured(run: _Run) -> dict[str, Any]:
    """Return what was measured, and every figure that is computed from it."""
    result, noted = run.result, run.noted
    board, task = _board(run), _task(run)
    answers = _answers(run)
    metric = task.metric if task else "auc" if result.task == "ad" else "top1"
    tolerance, channels = (task.tolerance, task.channels) if task else (0.0, 1)
    accuracy = None
    if answers:
        found = score.accuracy(answers, metric, tolerance, channels)
        accuracy = score.as_stored(found, result.accuracy)
    emulated_ns = board.instruction_ns if board else 0
    performance = score.performance(_windows(run), emulated_ns, result.clocks)
    vips, vops = score.valid_per_second(accuracy, performance, result.model.macs)
    scenario = None
    if (asked := run.head.asked.scenario) is not None:
        labels = _labels(run, metric)
        scenario = of_scenario.score(
            _profile(run).scenario(asked),
            noted.queries,
            labels,
            emulated=result.emulated,
            loadgen=loadgen.read(run.folder) if asked.engine_loadgen else None,
        )
    cycles = board and stored_cycles(run.folder, board)
    stream = of_stream.score(
        noted.stream,
        whole=run.head.asked.whole,
        wraps=run.head.asked.compatible,
        cycles=cycles,
        instruction_ns=emulated_ns,
        currents=board and board.power and board.power.currents,
    )
    return {
        "accuracy": accuracy,
        "performance": performance,
        "scenario": scenario,
        "stream": stream,
        "clocks": result.clocks,  # their witness are the transcripts
        "energy": noted.energy,
        "float_model": noted.float_model,
        "reference": noted.reference,
        "cycles": cycles,
        "vips": vips,
        "vops": vops,
        "steps": noted.steps or result.steps,
        "resumed": noted.resumed,
    }


def _profile(run: _Run) -> Profile:
    """Return the profile that is stored with a run, or that of its name."""
    stored = run.folder / "profile.toml"
    return load_profile(str(stored) if stored.is_file() else run.result.profile)


def _labels(run: _Run, metric: str) -> list[int] | None:
    """Return the classes of the inputs, in their order; None where they have none."""
    listed = input_list(run.folder)
    if metric != "top1" or listed is None:
        return None
    return [label for label, _ in listed.values()][: run.head.asked.limit]


def _windows(run: _Run) -> list[Window]:
    """Return the windows in the journal; what the host says of them is in the transcripts."""
    has = run.result.performance.windows if run.result.performance else []
    if len(has) != len(run.noted.windows):
        return run.noted.windows
    return [
        replace(
            noted,
            **{name: getattr(one, name) for name in SECOND if getattr(noted, name) is None},
        )
        for noted, one in zip(run.noted.windows, has, strict=True)
    ]


def _answers(run: _Run) -> list[Answer]:
    """Return the answers in the journal with the classes of the input list, in its order."""
    noted = run.noted.answers
    listed = input_list(run.folder)
    if listed is None:
        in_result = run.result.accuracy.answers if run.result.accuracy else []
        order = dict.fromkeys(itertools.chain((one.input for one in in_result), noted))
        return [noted[name] for name in order if name in noted]
    return [
        replace(noted[name], label=label) for name, (label, _) in listed.items() if name in noted
    ]


def input_list(folder: Path) -> dict[str, tuple[int, str]] | None:
    """Return {name: (class, SHA-256)} of a run's inputs, in order; None where it has no list.

    Raises RunFolderError for a list that is none.
    """
    path = folder / INPUTS_FILE
    if not path.is_file():
        return None
    found: dict[str, tuple[int, str]] = {}
    try:
        for line in read_bytes(path, TEXT_MAX_B, links=False).decode().splitlines():
            name, label, sha256 = line.rsplit(",", 2)
            found[name] = (int(label), sha256)
    except (OSError, ValueError) as error:
        raise RunFolderError(f"{path}: no list of inputs: {error}") from error
    return found


def _built(run: _Run) -> dict[str, Any]:
    """Return what is known of model, image and inputs by their bytes."""
    result, folder, asked = run.result, run.folder, run.head.asked
    model = replace(result.model, sha256=run.head.sha256.get("model", result.model.sha256))
    board, task, manifest = _board(run), _task(run), _manifest(folder)
    if asked.engine is not None and asked.model is None and not is_recipe(asked.engine):
        model = replace(model, kind="engine")
    elif task is not None:
        with contextlib.suppress(TinybenchError):  # a declaration that is not on this computer
            model = replace(model, kind=origin_of(task, model.sha256))
    firmware, elf = result.firmware, folder / "firmware.elf"
    if manifest is not None:
        ours = board is not None and board.toolchain is not None
        model = replace(
            model,
            macs=manifest.macs,
            weights_b=manifest.weights_b,
            tensor_ram_b=manifest.tensor_ram_b if ours else None,
            computed_macs=manifest.computed_macs if ours else None,
            pruned=ours and bool(manifest.removed),
        )
    if firmware is not None and elf.is_file():
        flash_b, ram_b = sizes(elf)
        code_b = None
        if manifest is not None and firmware.engine is None:
            code_b = flash_b - manifest.weights_b + manifest.tables_b
        firmware = replace(
            firmware,
            elf_sha256=file_sha256(folder, elf.name),
            flash_b=flash_b,
            code_flash_b=code_b,
            ram_b=ram_b,
            sections=firmware.sections and sections(elf),
            second_core=board and second_core_used(board, manifest),
        )
    return {"model": model, "firmware": firmware, "inputs": _inputs(run)}


def _inputs(run: _Run) -> Any:
    has, listed = run.result.inputs, input_list(run.folder)
    said = replace(
        has,
        sha256=run.head.sha256.get("dataset", has.sha256),
        limit=run.head.asked.limit,
    )
    if listed is None:
        return said
    return replace(
        said,
        sha256=file_sha256(run.folder, INPUTS_FILE),
        count=len(listed),
        first=list(listed)[: len(has.first)],
    )


def _manifest(folder: Path) -> Manifest | None:
    """Return what the compiler said of the model; None where it did not make it."""
    path = folder / MANIFEST_FILE
    if not path.is_file():
        return None
    try:
        found = read_json(read_bytes(path, TEXT_MAX_B, links=False), type=Manifest | None)
    except (OSError, msgspec.MsgspecError) as error:
        raise RunFolderError(f"{path}: not a manifest: {error}") from error
    return found


def _noted(run: _Run) -> Iterator[str]:
    """Yield what the journal says otherwise than files and result, besides the fields of these."""
    result, head = run.result, run.head
    with contextlib.suppress(RunFolderError):  # said already
        listed = input_list(run.folder) or {}
        for name, answer in run.noted.answers.items():
            label, _ = listed.get(name, (answer.label, ""))
            if label != answer.label:
                yield f"class {label} of {name}, in the journal {answer.label}"
    if (stream := run.noted.stream) is not None:
        yield from _played(stream, run)
    said = head.sha256
    if run.noted.resumed == 0 and head.tinybench != result.tinybench:
        yield f"tinybench {result.tinybench}, not {head.tinybench}"
    if result.provenance is not None and said.get("rules") != result.provenance.rules_sha256:
        yield "the rules, in the journal others"
    asked = result.provenance and result.provenance.head_sha256
    if asked is not None and asked != head_sha256(run.folder):
        yield "what was asked, in the journal's first line something else"
    elfs = [run.folder / name for name in ("firmware.elf", "firmware-energy.elf")]
    found = " ".join(file_sha256(run.folder, path.name) for path in elfs if path.is_file())
    built = said.get("firmware", "")
    if found and " ".join(dict.fromkeys(built.split())) != found:
        yield "the firmware, in the journal another"
    if said.get("dataset") != result.inputs.sha256:
        yield "the inputs, in the journal others"
    for told in run.noted.duts:
        if not f"{told} ".startswith(f"{result.dut} {result.model_id} "):
            yield f"dut {result.dut} ({result.model_id}), not {told}"
    if result.link is not None and result.mode != "energy":
        boards = len(head.asked.ports) or head.asked.shards
        if result.link.boards != boards:
            yield f"link.boards {result.link.boards}, not {boards}"


def _played(stream: Streamed, run: _Run) -> Iterator[str]:
    """Yield whether sound and words are others than those that the run was given."""
    listed = input_list(run.folder) or {}
    flat = [at_s for window in stream.words_s for at_s in window]
    digest = digest_of(stream.sound_sha256, flat)
    if [digest] != [sha256 for _, sha256 in listed.values()]:
        yield f"the recording {stream.recording}, or its words, in {INPUTS_FILE} another"


PARTS: tuple[Callable[[_Run], dict[str, Any]], ...] = (_asked, _declared, _measured, _built)
