"""Print docs/commands.md, every command with its words, options and examples, from the code."""

import html
import inspect

import click

from tinybench.runner.cli.root import SECTIONS
from tinybench.runner.cli.tree import Command, leaves

HEAD = """\
# Commands and options

What `tinybench COMMAND --help` shows, of all commands. What is common to them is on [its own
page](cli.md): how words and formats are given, where defaults come from, and what an exit status
says. This page is made from the code.

Nearly every command also takes `--to FORMAT` and `--json` ([formats](cli.md#formats)), `-v` or
`--verbose` to say more, `-q` or `--quiet` to say only what was asked for and errors, and `-h` or
`--help`.
"""
COMMON = frozenset({"--to", "--json", "--verbose", "--quiet", "--help"})
"""Options of nearly every command, said once: at the head."""


def _code(text: str) -> str:
    return f"<code>{html.escape(text, quote=False).replace('|', '&#124;')}</code>"


def _words(text: str) -> str:
    said = html.escape(text, quote=False)
    for sign, safe in (("|", "&#124;"), ("*", "\\*"), ("_", "\\_")):
        said = said.replace(sign, safe)
    return said


def _of(path: str, command: Command) -> str:
    context = click.Context(command, info_name=f"tinybench {path}")
    parts = [f"\n### {path}\n\n{inspect.cleandoc(command.help or '')}\n"]
    for section, rows in command.sections(context).items():
        own = [(word, said) for word, said in rows if not COMMON & set(word.split())]
        if own:
            table = "".join(f"| {_code(word)} | {_words(said)} |\n" for word, said in own)
            parts.append(f"\n| {section} | |\n| --- | --- |\n{table}")
    examples = "".join(f"    {example}\n" for example in command.examples)
    return "".join([*parts, f"\n{examples}" if examples else ""])


def page() -> str:
    """Return the page."""
    parts = [HEAD]
    for section, commands in SECTIONS.items():
        parts.append(f"\n## {section.capitalize()}\n")
        for one in commands:
            parts += [_of(path, command) for path, command in leaves(one, str(one.name))]
    return "".join(parts)


if __name__ == "__main__":
    print(page(), end="")
