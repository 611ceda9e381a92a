"""The operators that can be compiled: each file is one, and its name is that of the schema.

`conv_2d.py` is CONV_2D: its KIND says which options are read and how it is lowered. Operators that
share a kernel or a way to be lowered stand in a folder, with what they share in its `__init__.py`.
There is no other list; a file whose name the schema does not know is no operator.
"""

import importlib
import pkgutil
from functools import cache
from pathlib import Path

import tflite

from tinybench.errors import ModelError

from ..step import Kind

OWN = {"LOOK_UP": "tables", "SHIFT_IN": "state.shift_in"}
"""Operators that no .tflite has, and where they are: the table that an ONNX model's functions of
one value become, and a state that moves on with each frame."""


@cache
def builtin_names() -> dict[int, str]:
    """Return the names of all builtin operators of the TensorFlow Lite schema, by number."""
    return {value: name for name, value in vars(tflite.BuiltinOperator).items() if name.isupper()}


@cache
def _files(folders: tuple[str, ...]) -> dict[str, str]:
    """Return the module of each operator, seen from this package, by the operator's name."""
    found: dict[str, str] = {}
    for module in pkgutil.iter_modules(folders):
        inside = [str(Path(folder) / module.name) for folder in folders] if module.ispkg else []
        found[module.name] = module.name
        found |= {m.name: f"{module.name}.{m.name}" for m in pkgutil.iter_modules(inside)}
    known = {name.lower(): name for name in builtin_names().values()}
    return {known[name]: path for name, path in sorted(found.items()) if name in known}


def names() -> list[str]:
    """Return the names of the operators that have a file here, sorted."""
    return sorted(_files(tuple(__path__)))


def kind_module(name: str) -> str:
    """Return the module of an operator; raises ModelError where there is none."""
    module = _files(tuple(__path__)).get(name) or OWN.get(name)
    if module is None:
        raise ModelError(f"is {name}, which is not supported; {len(names())} kinds are")
    return f"{__package__}.{module}"


def kind(name: str) -> Kind:
    """Return what the compiler knows of an operator; raises ModelError where that is nothing."""
    return importlib.import_module(kind_module(name)).KIND
