"""The root of the command line: all commands, and what --help says first."""

import click

from . import (
    changes,
    config,
    declared,
    desk,
    energy,
    firmware,
    lab,
    model,
    results,
    run,
    submission,
    train,
)
from .completion import install
from .fleet import fleet, quality
from .grammar import arrange, arranged_so_far
from .study import study
from .tree import Group, Option

SECTIONS: dict[str, tuple[click.Command, ...]] = {
    "measure": (
        run.run,
        model.model,
        model.zoo,
        run.resume,
        firmware.listen,
        desk.play,
        firmware.profile,
        firmware.link,
        study,
        fleet,
        train.train,
    ),
    "judge and show": (
        run.check,
        results.report,
        submission.score,
        results.results,
        results.history,
        quality,
        results.tag,
        changes.compare,
        changes.gate,
        changes.baseline,
        results.schema,
        submission.audit,
        submission.submit,
    ),
    "what there is": (
        declared.boards,
        declared.tasks,
        energy.monitors,
        declared.doctor,
        desk.bench,
        config.config,
    ),
    "prepare": (
        declared.fetch,
        declared.import_,
        declared.prepare,
        model.task,
        firmware.compile_,
        model.export,
        firmware.flash,
        firmware.reset,
        firmware.calibrate,
        energy.energy,
        desk.simulate,
    ),
    "share": (lab.lab,),
}
OFTEN = ("--task", "--board", "--port", "--mode", "--profile", "--limit", "--out", "--to")
"""Options of a run that --help shows; `tinybench run --help` shows all."""
EXAMPLES = """\
  tinybench --task kws                        keyword spotting on the emulated default board
  tinybench --board host --task kws           the same C core as a process of this computer
  tinybench --task kws --mode accuracy --limit 20
  tinybench fetch kws                         get the official inputs and reference model
  tinybench check runs/NAME                   judge a stored result again
"""
STATUSES = """\
exit status: 0 valid, 1 a rule is broken, 2 usage or configuration, 3 the bench failed,
130 interrupted
"""


class Root(Group):
    """All of it: puts the words in order, reads the defaults, and shows an overview as help."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the command first, with the defaults of tinybench.toml behind it."""
        if ctx.resilient_parsing:
            return super().parse_args(ctx, arranged_so_far(self, args))
        if not args:
            args = ["run"]
        words = arrange(self, args)
        path = config.find_config() if words[0] in self.commands and "--help" not in words else None
        if path is not None:
            ctx.default_map = config.by_name(config.defaults(self, path))
        return super().parse_args(ctx, words)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the overview."""
        formatter.write("usage: tinybench [COMMAND] [OPTIONS]; without a command: run\n\n")
        formatter.write_text(
            "Benchmark TinyML on microcontrollers: accuracy, latency and energy, judged by the "
            "MLPerf Tiny run rules."
        )
        formatter.write(f"\nexamples:\n{EXAMPLES}")
        for section, commands in SECTIONS.items():
            with formatter.section(section):
                rows = [(str(one.name), one.get_short_help_str(80).rstrip(".")) for one in commands]
                formatter.write_dl(rows, col_max=12)
        shown = [one for one in run.run.params if isinstance(one, Option) and one.word in OFTEN]
        for title, options, inner in (
            ("options of a run (all: tinybench run --help)", shown, run.run),
            ("options that stand alone", self.get_params(ctx), self),
        ):
            below = click.Context(inner, ctx)
            records = [record for one in options if (record := one.get_help_record(below))]
            with formatter.section(title):
                formatter.write_dl(records, col_max=24)
        formatter.write(f"\n{STATUSES}")


def _version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"tinybench {version('tinybench-mcu')}")
        ctx.exit()


def _install(ctx: click.Context, _: click.Parameter, shell: str | None) -> None:
    if shell is not None and not ctx.resilient_parsing:
        install("" if shell == "?" else shell, root)
        ctx.exit()


root = Root(
    "tinybench",
    default="run",
    params=[
        Option("--version", is_flag=True, callback=_version, expose_value=False, is_eager=True,
               help="print the version"),
        Option("--install-completion", is_flag=False, flag_value="?", optional=True,
               metavar="[SHELL]", callback=_install, expose_value=False, is_eager=True,
               help="complete commands, options, tasks and boards in bash, zsh or fish"),
    ],
).add(*(command for commands in SECTIONS.values() for command in commands))  # fmt: skip
