"""Runs as a result document of the MLPerf Mobile app: its sections and keys, with what we have.

Ref: mlcommons/mobile_app_open, docs/result-spec.md and tools/extended_result_schema.json.
"""

import uuid
from collections.abc import Sequence
from dataclasses import replace

from tinybench.errors import UsageError
from tinybench.printable import all_printable

from ..results.result import Result
from ..results.scenario import Scenario
from ..rules import Verdict
from ..rules.judge import Outcome
from ..rules.scenario import COUNT, DURATION, EARLY
from .table import accuracy_words
from .terminal.text import caveats

SCENARIOS = {
    "single-stream": "SingleStream", "multi-stream": "MultiStream", "server": "Server",
    "offline": "Offline",
}  # fmt: skip
PLATFORM = "microcontroller"
"""No device that the app runs on: none of its kinds has an entry."""


def as_mobile(outcomes: Sequence[Outcome]) -> dict[str, object]:
    """Return the document; runs of one task on one board are one of its results.

    A scenario is the performance run of a result, the accuracy mode its accuracy run. Raises
    UsageError where there is neither, or two of a kind.
    """
    outcomes = [
        replace(one, result=all_printable(one.result), verdict=all_printable(one.verdict))
        for one in outcomes
    ]
    together: dict[tuple[str, str], dict[str, Outcome]] = {}
    for outcome in outcomes:
        result = outcome.result
        parts = together.setdefault((result.task, result.board), {})
        found = [
            kind
            for kind, part in (
                ("performance", result.scenario),
                ("accuracy", result.accuracy if result.scenario is None else None),
            )
            if part is not None
        ]
        for kind in found:
            if kind in parts:
                raise UsageError(
                    f"two runs of {result.task} on {result.board} have a {kind} run "
                    f"({parts[kind].folder}, {outcome.folder}): name one of them"
                )
            parts[kind] = outcome
    results = [_result(parts) for parts in together.values() if parts]
    if not results:
        raise UsageError(
            "--to mlperf-mobile-json is of a scenario, of the accuracy mode, or of a run of each; "
            "none of these runs is one"
        )
    newest = max((one.result for one in outcomes), key=lambda result: result.finished_at)
    return {
        "meta": {
            "uuid": str(uuid.uuid5(uuid.NAMESPACE_OID, _names(outcomes))),
            "creation_date": newest.finished_at,
            "upload_date": None,
        },
        "results": results,
        "environment_info": {
            "platform": PLATFORM,
            "value": {"android": None, "ios": None, "windows": None},
        },
        "build_info": _build(newest),
    }


def _names(outcomes: Sequence[Outcome]) -> str:
    """Return what tells these runs from all others; the same for the same ones."""
    told = [one.result.provenance for one in outcomes]
    heads = [(one and one.head_sha256) or "" for one in told]
    started = [one.result.started_at for one in outcomes]
    return " ".join(map(" ".join, zip(started, heads, strict=True)))


def _result(parts: dict[str, Outcome]) -> dict[str, object]:
    """Return one result, of the run of each kind that there is."""
    performance, accuracy = parts.get("performance"), parts.get("accuracy")
    main = performance or accuracy
    assert main is not None  # noqa: S101 - one of them is there
    result = main.result
    asked = result.scenario.asked if result.scenario else None
    engine = result.firmware and result.firmware.engine
    runs = "our kernels" if engine is None else engine.name
    return {
        "benchmark_id": result.task,
        "benchmark_name": result.model.name,
        "loadgen_scenario": SCENARIOS[asked.name] if asked else SCENARIOS["single-stream"],
        "backend_settings": {
            "accelerator_code": "cpu",
            "accelerator_desc": result.core,
            "framework": runs,
            "delegate": "",
            "model_path": f"urn:sha256:{result.model.sha256}",
            "batch_size": asked.samples if asked else 1,
            "extra_settings": _extra(result, main.verdict),
        },
        "backend_info": {
            "filename": "firmware.elf",
            "vendor_name": "tinybench",
            "backend_name": result.dut,
            "accelerator_name": f"{result.board} ({result.core})",
        },
        "performance_run": _performance(performance) if performance else None,
        "accuracy_run": _accuracy(accuracy) if accuracy else None,
        "min_duration": (asked.min_duration_s if asked else None) or 0.0,
        "min_samples": (asked.min_queries if asked else None) or 0,
    }


def _extra(result: Result, verdict: Verdict) -> list[dict[str, str]]:
    """Return what the form has no key for: what the figures are not, and where they were found."""
    told = result.environment
    settings = {
        "time_base": ("What time is", result.time_base),
        "profile": ("Rules that judge it", verdict.profile),
        "seed": ("Seed of the queries", str(result.scenario.asked.seed) if result.scenario else ""),
        "ambient": ("Ambient temperature in C", _number(told and told.ambient_c)),
        "supply": ("Supply in V", _number(told and told.supply_v)),
    }
    for number, words in enumerate(caveats(result, verdict), start=1):
        settings[f"caveat_{number}"] = ("What it is not", words)
    return [
        {"id": name, "name": title, "value": value, "value_name": value}
        for name, (title, value) in settings.items()
        if value
    ]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def _performance(of: Outcome) -> dict[str, object]:
    found = of.result.scenario
    assert found is not None  # noqa: S101 - it is of a scenario
    rate_per_s = found.rate_per_s
    if found.asked.name == "single-stream":
        rate_per_s = 1 / found.latency.p90_s if found.latency.p90_s else None
    return _run(of.result, found.duration_s, len(found.samples)) | {
        "throughput": None if rate_per_s is None else {"value": rate_per_s},
        "loadgen": _loadgen(found, of.verdict),
    }


def _loadgen(found: Scenario, verdict: Verdict) -> dict[str, object]:
    """Return LoadGen's verdict where it asked, else that of the rules after it."""
    told = found.loadgen
    if told is not None:
        return {
            "query_count": found.count,
            "latency_mean": told.mean_ns * 1e-9,
            "latency90": told.p90_ns * 1e-9,
            "is_min_duration_met": told.duration_met,
            "is_min_query_met": told.queries_met,
            "is_early_stopping_met": told.early_stopping_met,
            "is_result_valid": told.valid,
        }
    kept = {one.rule for one in verdict.rulings if one.state == "kept"}
    judged = {one.rule for one in verdict.rulings}
    met = {rule.name: rule.name in kept for rule in (COUNT, DURATION)}
    early = EARLY.name in kept or EARLY.name not in judged
    return {
        "query_count": found.count,
        "latency_mean": sum(found.device_us) * 1e-6 / max(1, found.count),
        "latency90": found.latency.p90_s,
        "is_min_duration_met": met[DURATION.name],
        "is_min_query_met": met[COUNT.name],
        "is_early_stopping_met": early,
        "is_result_valid": verdict.valid,
    }


def _accuracy(of: Outcome) -> dict[str, object]:
    found = of.result.accuracy
    assert found is not None  # noqa: S101 - it is of the accuracy mode
    score = found.auc if found.top1 is None else found.top1
    spent_s = sum(us for answer in found.answers for us in answer.elapsed_us) * 1e-6
    shown = None
    if score is not None:
        shown = {"normalized": score, "formatted": accuracy_words(found.top1, found.auc)}
    return _run(of.result, spent_s, found.count) | {"accuracy": shown}


def _run(result: Result, lasted_s: float, samples: int) -> dict[str, object]:
    return {
        "throughput": None,
        "accuracy": None,
        "accuracy2": None,
        "dataset": {
            "name": result.inputs.name,
            "type": result.dataset,
            "data_path": f"urn:sha256:{result.inputs.sha256}",
            "groundtruth_path": "",
        },
        "measured_duration": lasted_s,
        "measured_samples": samples,
        "start_datetime": result.started_at,
        "loadgen": None,
    }


def _build(result: Result) -> dict[str, object]:
    git = result.provenance and result.provenance.tinybench_git
    return {
        "version": result.tinybench,
        "build_number": result.tinybench,
        "build_date": result.started_at,
        "official_release_flag": False,
        "dev_test_flag": False,
        "backend_list": ["tinybench"],
        "git_branch": "",
        "git_commit": git.commit if git else "",
        "git_dirty_flag": git.dirty if git else False,
    }
