"""Print docs/schema.md, the fields of a stored result, from the published JSON Schema."""

from typing import Any

from tinybench.runner.report.schema import schema

HEAD = """\
# Fields of a result

What `result.json` in a run folder holds, and what `--json` prints: the same, without the answers to
single inputs, and with the verdict. The [JSON Schema](result.schema.json) is printed by
`tinybench schema`; this page is made from it. Times are ISO 8601 in UTC, units are in the names:
`_s` seconds, `_us` microseconds, `_j` joules, `_w` watts, `_v` volts, `_hz` hertz, `_b` bytes. The
`format` grows by one when a field changes its meaning or goes; a reader of an older version then
says so.

A result that another program reads:

```sh
tinybench --task kws --mode accuracy --limit 4 --json --out run > run.json # exit status 1
```

```python
import json
from pathlib import Path

document = json.loads(Path("run.json").read_text())
stored = json.loads(Path("run/result.json").read_text())
print(document["valid"], [broken["rule"] for broken in document["violations"]])
print(len(stored["accuracy"]["answers"]), "answers, top-1", stored["accuracy"]["top1"])
print(*document["caveats"], sep="\\n")
```

```text
False ['accuracy-count']
4 answers, top-1 ...
not judged: accuracy-threshold, ...
emulated: time is an instruction count, not a measurement
dataset: embedded, made by this project, not an MLPerf result
```
"""


def page() -> str:
    """Return the page."""
    definitions: dict[str, Any] = schema()["$defs"]  # pyright: ignore[reportAssignmentType]
    parts = [HEAD]
    for name, definition in definitions.items():
        fields = definition.get("properties")
        if not fields:
            continue
        parts.append(f"\n## {name}\n\n{_line(definition.get('description', ''))}\n")
        parts.append("\n| field | type | |\n| --- | --- | --- |\n")
        parts += [
            f"| `{field}` | {_type(kind)} | {_line(kind.get('description', ''))} |\n"
            for field, kind in fields.items()
        ]
    return "".join(parts)


def _line(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def _type(kind: dict[str, Any]) -> str:
    """Return a field's type in a word or a few."""
    if "$ref" in kind:
        name = kind["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in kind:
        return " or ".join(_type(one) for one in kind["anyOf"])
    if "enum" in kind:
        return ", ".join(f"`{value}`" for value in kind["enum"])
    said = kind.get("type", "any")
    if said == "array":
        each = kind.get("prefixItems") or [kind.get("items", {})]
        return f"list of {', '.join(map(_type, each))}"
    if said == "object" and isinstance(kind.get("additionalProperties"), dict):
        return f"names with {_type(kind['additionalProperties'])}"
    return said if isinstance(said, str) else " or ".join(said)


if __name__ == "__main__":
    print(page(), end="")
