"""Completion in the shell: the script of each, where it goes, and what completes a line."""

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import get_completion_class, shell_complete

from tinybench.errors import UsageError

from .output import note, write

if TYPE_CHECKING:
    from .tree import Group

SHELLS = ("bash", "zsh", "fish")
VARIABLE = "_TINYBENCH_COMPLETE"
"""By which the script of a shell asks what completes a line."""


def answer(root: "Group", asked: str) -> int:
    """Print what completes the line that a shell has; nothing for a line that has no sense."""
    with contextlib.suppress(Exception):  # a shell that asks at each key is told of no fault
        return shell_complete(root, {}, "tinybench", VARIABLE, asked)
    return 1


def install(shell: str, root: "Group") -> None:
    """Write the script of a shell into the user's folder, and say what else it needs.

    Raises UsageError for another shell, or where the folder cannot be written.
    """
    shell = shell or Path(os.environ.get("SHELL", "")).name
    kind = get_completion_class(shell) if shell in SHELLS else None
    if kind is None:
        raise UsageError(
            f"no completion for the shell '{shell}'; name one: tinybench --install-completion "
            f"{' or '.join(SHELLS)}"
        )
    path, further = _place(shell)
    write(path, kind(root, {}, "tinybench", VARIABLE).source().encode())
    click.echo(path)
    note(further)


def _place(shell: str) -> tuple[Path, str]:
    """Return where the script of a shell belongs, and what is to be done besides."""
    home = Path.home()
    data = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    settings = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    if shell == "fish":
        return settings / "fish" / "completions" / "tinybench.fish", "it works in new shells"
    if shell == "zsh":
        path = data / "zsh" / "site-functions" / "_tinybench"
        return path, (
            "it works in new shells once ~/.zshrc has, before its compinit, the line: "
            f"fpath=({path.parent} $fpath)"
        )
    path = data / "bash-completion" / "completions" / "tinybench"
    return path, (
        "it works in new shells that load bash-completion; for one that does not, add to "
        f"~/.bashrc the line: source {path}"
    )
