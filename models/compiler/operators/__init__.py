"""The operators that can be compiled: each file is one, and its name is that of the schema.

`conv_2d.py` is CONV_2D: its KIND says which options are read and how it is lowered. There is no
other list; a file whose name the schema does not know is no operator.
"""

import importlib
import importlib.util
import pkgutil
from functools import cache

import tflite

from tinybench.errors import ModelError

from ..step import Kind


@cache
def builtin_names() -> dict[int, str]:
    """Return the names of all builtin operators of the TensorFlow Lite schema, by number."""
    return {value: name for name, value in vars(tflite.BuiltinOperator).items() if name.isupper()}


def names() -> list[str]:
    """Return the names of the operators that have a file here, sorted."""
    files = {module.name for module in pkgutil.iter_modules(__path__)}
    return sorted(name for name in builtin_names().values() if name.lower() in files)


def kind(name: str) -> Kind:
    """Return what the compiler knows of an operator; raises ModelError where that is nothing."""
    module = f"{__package__}.{name.lower()}"
    if name not in builtin_names().values() or importlib.util.find_spec(module) is None:
        raise ModelError(f"is {name}, which is not supported; supported: {', '.join(names())}")
    return importlib.import_module(module).KIND
