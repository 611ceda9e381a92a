"""The JSON Schema of what tinybench writes: result.json, and the documents of `--json`."""

import ast
import inspect
from typing import Any

import msgspec

from ..compare.published import standing
from ..compare.published.standing import Standing
from ..results import result
from ..rules import Ruling, Violation

_DEFINITIONS = "#/$defs/{name}"


def schema() -> dict[str, object]:
    """Return the schema of a `result.json`, of one run's document, and of several runs'.

    The descriptions are the texts that stand below the fields in the source.
    """
    (stored, *_), definitions = msgspec.json.schema_components(
        [result.Result, Violation, Ruling, Standing], ref_template=_DEFINITIONS
    )
    for definition in definitions.values():  # of an older msgspec as they stand, with their margin
        if "description" in definition:
            definition["description"] = inspect.cleandoc(definition["description"])
    for name, fields in _described().items():
        for field, words in fields.items():
            definitions[name]["properties"][field]["description"] = words
    definitions["Run"] = _document(definitions["Result"], "Scores")
    definitions["Scores"] = _without(definitions["Accuracy"], "answers")
    number = {"type": "number"}
    definitions["Runs"] = {
        "type": "object",
        "title": "Runs",
        "description": "Several runs, with the suite's score over them.",
        "properties": {
            "runs": {"type": "array", "items": {"$ref": "#/$defs/Run"}},
            "valid": {"type": "boolean"},
            "emulated": {"type": "boolean"},
            "vips": number,
            "vops": number,
        },
        "required": ["runs", "valid", "emulated", "vips", "vops"],
        "additionalProperties": False,
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "tinybench",
        "description": f"Format {result.FORMAT}: a stored result.json, a run or several runs.",
        "anyOf": [stored, {"$ref": "#/$defs/Run"}, {"$ref": "#/$defs/Runs"}],
        "$defs": definitions,
    }


def _document(stored: dict[str, Any], scores: str) -> dict[str, object]:
    """Return the schema of one run's document: the result without answers, and its verdict."""
    added = {
        "valid": {"type": "boolean"},
        "judged_by": {"type": "string"},
        "mlperf": {"type": "boolean"},
        "caveats": {"type": "array", "items": {"type": "string"}},
        "published": {
            "anyOf": [
                {"type": "null"},
                {"type": "array", "items": {"$ref": "#/$defs/Standing"}},
            ],
            "description": "Where it stands among published results; null where those are not "
            "at hand (tinybench fetch published).",
        },
        "violations": {"type": "array", "items": {"$ref": "#/$defs/Violation"}},
        "rulings": {"type": "array", "items": {"$ref": "#/$defs/Ruling"}},
        "run_dir": {"type": "string"},
    }
    accuracy = {"anyOf": [{"type": "null"}, {"$ref": f"#/$defs/{scores}"}]}
    return stored | {
        "title": "Run",
        "description": "A result with its verdict; the answers to single inputs are left out.",
        "properties": stored["properties"] | {"accuracy": accuracy} | added,
        "required": [*stored["required"], *added],
    }


def _without(of: dict[str, Any], field: str) -> dict[str, object]:
    properties = {name: kind for name, kind in of["properties"].items() if name != field}
    required = [name for name in of["required"] if name != field]
    return of | {"title": "Scores", "properties": properties, "required": required}


def _described() -> dict[str, dict[str, str]]:
    """Return {structure: {field: the text below it}} from the sources."""
    found: dict[str, dict[str, str]] = {}
    sources = (inspect.getsource(result), inspect.getsource(standing))
    for node in (node for source in sources for node in ast.parse(source).body):
        if not isinstance(node, ast.ClassDef) or node.name.startswith("_"):
            continue
        found[node.name] = {
            field.target.id: inspect.cleandoc(text.value.value).replace("\n", " ")
            for field, text in zip(node.body, node.body[1:], strict=False)
            if isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(text, ast.Expr)
            and isinstance(text.value, ast.Constant)
            and isinstance(text.value.value, str)
        }
    return found
