"""In CI a skip is a failure, unless its reason is one of those named here."""

import os
from typing import TypeVar

import pytest

LEGITIMATE = {
    "a small file system cannot be mounted here": "containers may forbid user namespaces",
    "the folder of cases": "small inputs of others stand beside the repository",
    "the source tree of TensorFlow Lite Micro": "an engine of others, which the user has",
    "the source tree of CMSIS-NN": "a library of others, which the user has",
    "rp2040js of npm": "an emulator of others, which the user has",
    "this computer has no address but loopback": "a sandbox may have no network",
    "the packaged set was made by another version": "each espeak-ng speaks a little differently",
}
"""How the reason of a skip begins, and why CI cannot always mend it."""

NO_DATA = "the folder of official data"
"""How the skip begins of a test whose data stands beside the repository; CI may do without unless
it is given a mirror of that data."""

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


def judged(report: Report, mirror: str | None) -> Report:
    """Return the report, with a skip that CI must not have made a failure.

    `mirror` is what TINYBENCH_MIRROR was when the tests began. A skip for a missing program or
    module would make a run that tested nothing look like one in which all is well.
    """
    if not (report.skipped and os.environ.get("CI") and isinstance(report.longrepr, tuple)):
        return report
    reason = report.longrepr[2].removeprefix("Skipped: ")
    legitimate = (*LEGITIMATE, *(() if mirror else (NO_DATA,)))
    if not reason.startswith(legitimate):
        report.outcome = "failed"
        report.longrepr = (
            f"skipped in CI: {reason}. Install what is missing (`make setup-test`, "
            "`make setup-train`), or name the reason in tests/project/skips.py"
        )
    return report
