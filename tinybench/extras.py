"""What to type for a package that only some need: it comes with an extra of the distribution.

No index has the distribution, so that `pip install 'tinybench-mcu[data]'` would find nothing: in a
checkout an extra is installed from there, and beside an installed wheel by its requirements.
"""

import os
import re
import shlex
import shutil
import sys
from pathlib import Path

from .errors import ToolMissingError

DISTRIBUTION = "tinybench-mcu"
ROOT = Path(__file__).resolve().parent.parent
"""The checkout, or the folder of installed packages."""

_EXTRA = re.compile(r"""\s*(?:\band\s+)?\bextra == ["']([\w-]+)["']""")


def missing(what: str, package: str, extra: str) -> str:
    """Return the sentence for a package that is not there: what needs it, and what to type."""
    return f"{what} needs {package}, which is not installed; type: {command(extra)}"


def unicorn_version() -> str:
    """Return the version of the emulator of chips. Raises ToolMissingError without it."""
    import importlib.metadata

    try:
        return importlib.metadata.version("unicorn")
    except importlib.metadata.PackageNotFoundError as error:
        what = "emulating a chip that QEMU does not have"
        raise ToolMissingError(missing(what, "unicorn", "chips")) from error


def command(extra: str) -> str:
    """Return what installs the packages of an extra beside this Python."""
    if (ROOT / "pyproject.toml").is_file():
        where = "." if Path.cwd() == ROOT else str(ROOT)
        return f"{_pip()} install -e {shlex.quote(f'{where}[{extra}]')}"
    return f"{_pip()} install {' '.join(map(shlex.quote, requirements(extra)))}"


def requirements(extra: str) -> list[str]:
    """Return what an extra of the installed distribution requires; raises KeyError for no extra."""
    import importlib.metadata

    found = [
        _EXTRA.sub("", line).rstrip("; ").replace('"', "'")
        for line in importlib.metadata.requires(DISTRIBUTION) or ()
        if (said := _EXTRA.search(line)) and said[1] == extra
    ]
    if not found:
        raise KeyError(extra)
    return found


def _pip() -> str:
    """Return how this Python's pip is called here; another on PATH would install elsewhere."""
    python = Path(sys.executable)
    found = shutil.which("pip")
    if found and Path(found).parent == python.parent:
        return "pip"
    near = python.is_relative_to(Path.cwd())
    return f"{shlex.quote(os.path.relpath(python) if near else str(python))} -m pip"
