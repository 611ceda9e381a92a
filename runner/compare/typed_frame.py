"""pandas DataFrames whose columns have their dtypes whatever is in them, also without a row."""

from collections.abc import Iterable, Sequence
from types import UnionType
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from tinybench import extras
from tinybench.errors import ToolMissingError

if TYPE_CHECKING:
    import pandas

_INT64 = range(-(2**63), 2**63)
_DTYPES = {
    str: "string",
    bool: "boolean",
    int: "Int64",
    float: "Float64",
    list: "object",
}
_TIME = {"started_at": "datetime64[ns, UTC]"}
_NANOSECONDS = ("1678-01-01T00:00:00Z", "2262-01-01T00:00:00Z")
"""Years that datetime64[ns] reaches."""


def dtypes_of(row: type) -> dict[str, str]:
    """Return the dtype of each field of a row."""
    found: dict[str, str] = {}
    for name, hint in get_type_hints(row).items():
        kind = get_args(hint)[0] if isinstance(hint, UnionType) else hint
        found[name] = _DTYPES[getattr(kind, "__origin__", kind)]
    return found | {name: dtype for name, dtype in _TIME.items() if name in found}


def frame_of(dtypes: dict[str, str], rows: Iterable[Sequence[object]]) -> "pandas.DataFrame":
    """Return rows as a frame with these columns, of these dtypes also where there is no row."""
    pd = load_pandas()
    columns = list(zip(*rows, strict=True)) or [()] * len(dtypes)
    series = {
        name: _series(list(values), dtype)
        for (name, dtype), values in zip(dtypes.items(), columns, strict=True)
    }
    return pd.DataFrame(series)


def _series(values: list[Any], dtype: str) -> "pandas.Series[Any]":
    pd = load_pandas()
    if dtype == "Int64":  # a file may claim more than fits
        values = [value if value is None or value in _INT64 else None for value in values]
    elif dtype.startswith("datetime64"):
        times = pd.Series(pd.to_datetime(values, utc=True, format="ISO8601", errors="coerce"))
        return times.where(times.between(*_NANOSECONDS)).astype(dtype)
    return pd.Series(values, dtype=dtype)


def load_pandas() -> Any:
    """Import pandas. Raises ToolMissingError without it."""
    try:
        import pandas as pd
    except ImportError:
        raise ToolMissingError(extras.missing("a table of runs", "pandas", "data")) from None
    return pd
