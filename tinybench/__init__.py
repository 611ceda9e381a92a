"""The ground that every part of tinybench stands on, and its door: runs and results from Python.

    import tinybench
    outcome = tinybench.run(board="mps2-an386", task="kws", limit=50)
    outcome.verdict.valid, outcome.result.accuracy.top1, outcome.folder
    runs = tinybench.load_runs("runs/")

This package is also the ground that every part of tinybench stands on, below the folders beside
it: its import loads nothing of them, and each name below is looked up when it is first used.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tinybench import errors as errors
    from tinybench.runner import zoo as zoo
    from tinybench.runner.api import (
        Examined,
        Outcome,
        Result,
        Run,
        Summary,
        Verdict,
        Violation,
        answers,
        check,
        layers,
        load_runs,
        model,
        resume,
        run,
        run_all,
        summary,
        trace,
        windows,
    )

    __version__: str

__all__ = [
    "Examined",
    "Outcome",
    "Result",
    "Run",
    "Summary",
    "Verdict",
    "Violation",
    "__version__",
    "answers",
    "check",
    "errors",
    "layers",
    "load_runs",
    "model",
    "resume",
    "run",
    "run_all",
    "summary",
    "trace",
    "windows",
    "zoo",
]


def __getattr__(name: str) -> Any:
    """Look up what the door offers, when it is first used."""
    if name not in __all__:
        raise AttributeError(f"module 'tinybench' has no attribute '{name}'")
    if name == "__version__":
        from importlib.metadata import version

        value: Any = version("tinybench-mcu")
    elif name == "errors":
        from importlib import import_module

        value = import_module("tinybench.errors")
    elif name == "zoo":
        from importlib import import_module

        value = import_module("tinybench.runner.zoo")
    else:
        from tinybench.runner import api

        value = getattr(api, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
