"""What the command line is made of: groups, commands, options and words, as click's."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import click
from click.core import ParameterSource
from click.shell_completion import CompletionItem

from .output import Voice

TYPED = "tinybench.typed"
"""In the meta of a command: its values as they were typed."""
SETTINGS: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class Option(click.Option):
    """An option with a line of help.

    `shared`: tinybench.toml may name it once for all commands that take it. `section`: under which
    heading the help shows it. `optional`: it may also stand without its word.
    """

    def __init__(
        self,
        *words: str,
        shared: bool = False,
        section: str = "options",
        optional: bool = False,
        **more: Any,
    ) -> None:
        super().__init__(list(words), **more)
        self.shared = shared
        self.section = section
        self.optional = optional

    def consume_value(self, ctx: click.Context, opts: Mapping[str, Any]) -> tuple[Any, Any]:
        """Note a value as it was typed, or stands in tinybench.toml, before it is read."""
        value, source = super().consume_value(ctx, opts)
        if source is not ParameterSource.DEFAULT:
            ctx.meta.setdefault(TYPED, {})[self.name] = value
        return value, source

    @property
    def word(self) -> str:
        """Its long name, such as --task."""
        return max(self.opts, key=len)

    @property
    def valued(self) -> bool:
        """Whether a word follows it."""
        return not self.is_flag and not self.count


class Argument(click.Argument):
    """A word that is no option, with the line that help shows of it."""

    def __init__(self, name: str, *, help: str, **more: Any) -> None:  # noqa: A002
        super().__init__([name], **more)
        self.line = help


class Command(click.Command):
    """A command that does something, with examples; `exclusive`: pairs of which one is given."""

    def __init__(
        self,
        name: str,
        do: Callable[..., int],
        *,
        examples: Sequence[str],
        exclusive: Sequence[tuple[str, str]] = (),
        **more: Any,
    ) -> None:
        super().__init__(name, callback=do, context_settings=SETTINGS, **more)
        self.do = do
        self.examples = examples
        self.exclusive = exclusive

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse, and refuse two options of which one rules the other out."""
        rest = super().parse_args(ctx, args)
        for pair in () if ctx.resilient_parsing else self.exclusive:
            if not all(ctx.params[name] for name in pair):
                continue
            filed = [name for name in pair if not typed(ctx, name)]
            if len(filed) != 1:
                words = " and ".join("--" + name.replace("_", "-") for name in pair)
                raise click.UsageError(f"{words} exclude each other: give one of them", ctx)
            ctx.params[filed[0]] = type(ctx.params[filed[0]])()  # what is typed outdoes the file
        return rest

    def invoke(self, ctx: click.Context) -> int:
        """Do it, and return the exit status."""
        params = dict(ctx.params)
        if params["verbose"] and params["quiet"]:
            raise click.UsageError(
                "--verbose and --quiet exclude each other: give one of them", ctx
            )
        voice = Voice(verbose=params.pop("verbose"), quiet=params.pop("quiet"))
        ctx.meta["verbose"] = voice.verbose
        if params.pop("json", False):
            if params["to"] != "json" and typed(ctx, "to"):
                raise click.UsageError(f"--json and --to {params['to']} exclude each other", ctx)
            params["to"] = "json"
        if voice.verbose:
            for name in ctx.params:
                if ctx.get_parameter_source(name) is ParameterSource.DEFAULT_MAP:
                    voice.note(f"{name.replace('_', '-')} = {ctx.params[name]} (tinybench.toml)")
        return self.do(voice, **params)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete options and words; also commands, where this one is meant without its name."""
        found = super().shell_complete(ctx, incomplete)
        above = ctx.parent.command if ctx.parent is not None else None
        if isinstance(above, Group) and above.default == self.name and incomplete[:1] != "-":
            found += [CompletionItem(n) for n in above.commands if n.startswith(incomplete)]
        return found

    def sections(self, ctx: click.Context) -> dict[str, list[tuple[str, str]]]:
        """Return the words and options by their headings, each with its line."""
        rows: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            if isinstance(parameter, Argument):
                rows.setdefault("words", []).append((parameter.make_metavar(ctx), parameter.line))
        for parameter in (p for p in self.get_params(ctx) if isinstance(p, click.Option)):
            record = parameter.get_help_record(ctx)
            if record is not None:
                section = parameter.section if isinstance(parameter, Option) else "options"
                rows.setdefault(section, []).append(record)
        return rows

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the words and options, by their sections."""
        for section, lines in self.sections(ctx).items():
            with formatter.section(section):
                formatter.write_dl(lines)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the examples, each on a line of its own."""
        with formatter.section("examples"):
            for example in self.examples:
                formatter.write(f"{'':{formatter.current_indent}}{example}\n")


class Group(click.Group):
    """Commands; `default` is the one that is meant when none of them is named."""

    def __init__(self, name: str, *, default: str | None = None, **more: Any) -> None:
        super().__init__(name, context_settings=SETTINGS, **more)
        self.default = default

    def add(self, *commands: click.Command) -> "Group":
        """Add commands, and return the group."""
        for command in commands:
            self.add_command(command)
        return self

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the commands in their own order."""
        return list(self.commands)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete commands, and the options of the command that is meant without one."""
        found = super().shell_complete(ctx, incomplete)
        if self.default is not None:
            below = self.commands[self.default]
            inner = click.Context(below, ctx, self.default, resilient_parsing=True)
            found += below.shell_complete(inner, incomplete)
        return list({item.value: item for item in found}.values())


def typed(ctx: click.Context, name: str) -> bool:
    """Return whether a parameter was given on the command line."""
    return ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE


def leaves(command: click.Command, path: str = "") -> Iterator[tuple[str, Command]]:
    """Yield every command that does something, with its words."""
    if isinstance(command, Group):
        for name, below in command.commands.items():
            yield from leaves(below, f"{path} {name}".strip())
    elif isinstance(command, Command):
        yield path, command


def options_by_name(command: click.Command) -> dict[str, Option]:
    """Return the options of one command by each of their names; --help is every command's."""
    return {name: one for one in command.params if isinstance(one, Option) for name in one.opts}


def known_options(root: Group) -> dict[str, Option]:
    """Return every option of the whole command line by each of its names.

    Of several of one name that which may stand without its word, if one of them may.
    """
    help_ = Option("-h", "--help", is_flag=True)
    found = dict.fromkeys(help_.opts, help_) | options_by_name(root)
    for _, command in leaves(root):
        own = options_by_name(command)
        found |= {n: one for n, one in own.items() if n not in found or not found[n].optional}
    return found


def usage(error: click.UsageError) -> str:
    """Return what is wrong with a command line, by the word that is."""
    path = ""
    if error.ctx is not None:
        path = error.ctx.command_path.removeprefix("tinybench").strip()
    parameter = error.param if isinstance(error, click.BadParameter) else None
    name = ""
    if isinstance(parameter, Option):
        name = parameter.word
    elif isinstance(parameter, Argument):
        name = str(parameter.metavar).removesuffix("...")
    if isinstance(error, click.MissingParameter):
        metavar = f" {parameter.metavar}" if isinstance(parameter, Option) else ""
        return f"{path} needs {name}{metavar}; see: tinybench {path} --help"
    if name:
        return f"{name}: {error.message}"
    return error.message
