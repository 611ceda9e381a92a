"""Print the figures of a lab, or of parts: `python -m tests.bench.lab policy dask page`.

Of dask there are blows and scale by themselves, too.
"""

import sys

from tests.bench.lab import dask, page, policy

PARTS = {
    "policy": policy.figures,
    "dask": dask.figures,
    "page": page.figures,
}
ONE = {"blows": dask.blows, "scale": dask.scale}
"""Of those of dask, by themselves."""

for name in sys.argv[1:] or PARTS:
    for one in {**PARTS, **ONE}[name]():
        mark = "MISS" if one.missed else ""
        must = "" if one.must is None else f"{one.must:g}"
        print(f"{one.name:<28} {one.value:>12,.6g} {must:>8} {one.unit:<4} {mark:<4} {one.where}")
