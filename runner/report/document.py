"""The one JSON document that `--json` prints."""

from pathlib import Path

import msgspec

from ..results import score
from ..results.result import Result
from ..rules import Verdict
from .terminal.published import placed
from .terminal.text import caveats


def suite_document(runs: list[tuple[Result, Verdict, Path]]) -> dict[str, object]:
    """Return the documents of several runs with the suite's score over them."""
    results = [result for result, _, _ in runs]
    vips, vops = score.suite(results)
    return {
        "runs": [document(*run) for run in runs],
        "valid": all(verdict.valid for _, verdict, _ in runs),
        "emulated": any(result.emulated for result in results),
        "vips": vips,
        "vops": vops,
    }


def document(result: Result, verdict: Verdict, folder: Path) -> dict[str, object]:
    """Return the result with its verdict; the answers to single inputs, and what was heard of
    single frames, stay in the run folder."""
    fields = msgspec.to_builtins(result)
    if fields["accuracy"] is not None:
        del fields["accuracy"]["answers"]
    if fields["stream"] is not None:
        for each in ("word", "device_us", "loudness"):
            del fields["stream"][each]
    return fields | {
        "valid": verdict.valid,
        "judged_by": verdict.profile,
        "mlperf": verdict.mlperf,
        "caveats": caveats(result, verdict),
        "violations": msgspec.to_builtins(verdict.violations),
        "rulings": msgspec.to_builtins(verdict.rulings),
        "published": msgspec.to_builtins(placed(result)),
        "run_dir": str(folder),
    }
