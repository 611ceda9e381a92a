"""Print docs/python.md, the Python door, from its docstrings."""

import inspect
from operator import attrgetter

import tinybench

FUNCTIONS = (
    "run", "run_all", "model", "resume", "check", "summary",
    "load_runs", "windows", "answers", "layers", "trace",
    "zoo.models", "zoo.fetch", "zoo.import_models", "zoo.run",
)  # fmt: skip
HEAD = """\
# In Python

What the command line does, for a notebook or a test suite, in the same words. Tables are pandas
DataFrames, and need the extra `data`. Errors are those of `tinybench.errors`
([list](errors.md)). This page is made from the docstrings, which `help(tinybench.run)` shows, too.

```python
import tinybench

outcome = tinybench.run(board="host", task="kws", mode="accuracy", limit=4, out="runs/first")
print(outcome.verdict.valid, outcome.result.accuracy.top1, outcome.folder)
runs = tinybench.load_runs("runs")
print(runs[["run", "task", "top1", "time_is"]])
print(tinybench.answers(outcome)[["input", "label", "predicted", "correct"]])
```

```text
False ... runs/first
... run task top1 time_is
... runs/first kws ... measured
... input label predicted correct
0 tst_... True
```
"""


def page() -> str:
    """Return the page."""
    parts = [HEAD]
    for name in FUNCTIONS:
        parts.append(f"\n## {name}\n\n{inspect.getdoc(attrgetter(name)(tinybench))}\n")
    return "".join(parts)


if __name__ == "__main__":
    print(page(), end="")
