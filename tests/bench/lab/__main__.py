"""Print the figures of a lab, or of parts of it: `python -m tests.bench.lab policy dask page`."""

import sys

from tests.bench.lab import dask, page, policy

PARTS = {"policy": policy.figures, "dask": dask.figures, "page": page.figures}

for name in sys.argv[1:] or PARTS:
    for one in PARTS[name]():
        mark = "MISS" if one.missed else ""
        must = "" if one.must is None else f"{one.must:g}"
        print(f"{one.name:<28} {one.value:>12,.6g} {must:>8} {one.unit:<4} {mark:<4} {one.where}")
