"""The page of one run: its verdict first, then figures, and where they come from."""

from pathlib import Path

from tinybench.printable import all_printable

from ...compare.store import Summary
from ...results.result import Git, Result
from ...rules import Verdict
from ..table import (
    accuracy,
    estimated_ms,
    estimated_uj,
    instructions,
    microjoules,
    milliseconds,
    validity,
)
from ..terminal.published import placed, ranking
from ..terminal.text import caveats, facts
from .answers import answers
from .layers import layers
from .parts import SWITCH, Html, badge, card, note, table, text
from .parts import facts as listed
from .power import energies
from .timed import latency, scenario, stream
from .transcript import transcripts


def section(result: Result, judged: Verdict, summary: Summary) -> str:
    """Return all that is known of a run."""
    result = all_printable(result)
    folder = Path(summary.run)
    stamp = kind_of(result.emulated, result.board)
    cards = []
    if result.performance is not None and result.performance.windows:
        cards.append(latency(result.performance, result, stamp))
    if result.scenario is not None:
        cards += scenario(result.scenario, stamp)
    if result.stream is not None:
        cards += stream(result.stream, result, stamp)
    if result.accuracy is not None and result.accuracy.answers:
        cards += answers(result, result.accuracy, folder, stamp)
    if result.energy is not None and result.energy.windows:
        cards += energies(result.energy, folder, stamp)
    cards += [*layers(result, folder), *_published(result)]
    cards.append(card("Figures", listed(facts(result)), "wide"))
    cards.append(card("Where it comes from", listed(_provenance(result, summary)), "wide"))
    return (
        f"<h1>{text(result.task)} on {text(result.board)}</h1>"
        + _verdict(result, judged, summary, stamp)
        + SWITCH
        + f'<h2>What was found</h2><div class="cards">{"".join(cards)}</div>'
        + f"<h2>Rules</h2>{_rules(judged)}"
        + f"<h2>What was said</h2>{''.join(transcripts(folder))}"
    )


def kind_of(emulated: bool, board: str) -> str:
    """Return what times of a run are, in the word that stands beside each."""
    if emulated:
        return "emulated"
    return "host process" if board == "host" else "measured"


def _verdict(result: Result, judged: Verdict, summary: Summary, stamp: str) -> str:
    kind = "broken" if judged.violations else "valid"
    said = "".join(f"<p>{text(words)}</p>" for words in caveats(result, judged))
    tiles = "".join(
        f"<div><dt>{name}</dt><dd>{_tile(value, unit)}</dd></div>"
        for name, value, unit in tiles_of(summary)
    )
    broken = ""
    if judged.violations:
        rows = [(v.rule, v.wanted, v.found, v.advice) for v in judged.violations]
        head = ("rule", "wanted", "found", "what to change")
        cells = table(head, rows, kind="rules")
        broken = f'<h2>Broken rules</h2><div class="card">{cells}</div>'
    return (
        f'<div class="banner"><p><span class="verdict {kind}">{text(validity(summary))}</span> '
        f"{badge(stamp)}</p>"
        + (f'<div class="caveats">{said}</div>' if said else "")
        + f'<dl class="tiles">{tiles}</dl></div>{broken}'
    )


def tiles_of(run: Summary) -> list[tuple[str, str, str]]:
    """Return the figures of a run that are known, as name, value and unit."""
    energy = estimated_uj(run) if run.energy_per_inference_j is None else None
    figures = [
        ("accuracy", accuracy(run), ""),
        ("time an inference", milliseconds(run) + _between(estimated_ms(run)), " ms"),
        ("instructions an inference", instructions(run), ""),
        ("energy an inference", microjoules(run) + _between(energy), " uJ"),
        *_queries(run),
        ("flash", "-" if run.flash_b is None else f"{run.flash_b:,}", " bytes"),
        ("RAM", "-" if run.ram_b is None else f"{run.ram_b:,}", " bytes"),
    ]
    return [one for one in figures if one[1] != "-"]


def _queries(run: Summary) -> list[tuple[str, str, str]]:
    """Return what a scenario says first: its tail and its rate, by the DUT's clock."""
    if run.scenario is None:
        return []
    kind = " emulated" * run.emulated
    p90_s, rate = run.latency_p90_s, run.rate_per_s
    return [
        (f"{run.scenario}, p90", "-" if p90_s is None else f"{p90_s * 1e3:.3f}{kind}", " ms"),
        (f"{run.scenario}, rate", "-" if rate is None else f"{rate:.4g}{kind}", " inferences/s"),
    ]


def _tile(value: str, unit: str) -> str:
    """Return a figure, with what it is as a badge in place of a word."""
    said = [word for word in ("estimated", "modelled", "emulated") if f" {word}" in value]
    for word in said:
        value = value.replace(f" {word}", "")
    return " ".join([text(value) + unit, *map(badge, said)])


def _between(estimate: tuple[str, str, str] | None) -> str:
    """Return the bounds of an estimate; nothing where there is none."""
    return "" if estimate is None else f" ({estimate[0]} to {estimate[2]})"


def _provenance(result: Result, summary: Summary) -> list[tuple[str, object]]:
    """Return what decided the result, as names with values."""
    firmware, told = result.firmware, result.provenance
    said: list[tuple[str, object]] = [
        ("run folder", summary.run),
        ("started", result.started_at),
        ("ended", result.finished_at),
        ("tinybench", result.tinybench + _commit(told and told.tinybench_git)),
        ("DUT", result.dut),
        ("time base", result.time_base),
        ("profile", result.profile),
        ("dataset", f"{result.inputs.name}, SHA-256 {result.inputs.sha256[:16]}"),
        ("model", f"{result.model.name}, SHA-256 {result.model.sha256[:16]}"),
    ]
    if firmware is not None:
        said += [
            ("compiler", firmware.compiler),
            ("image", f"SHA-256 {firmware.elf_sha256[:16]}"),
            ("its sources", f"SHA-256 {firmware.sources_sha256[:16]}"),
        ]
    said += list(result.tools.items())
    if told is not None:
        said += [
            ("rules", f"SHA-256 {told.rules_sha256[:16]}"),
            ("computer", ", ".join(filter(None, (told.machine, told.cpu)))),
            ("packages", ", ".join(f"{name} {one}" for name, one in told.packages.items())),
        ]
        if told.project_git is not None:
            said.append(("project", _commit(told.project_git).strip(" ,")))
        if any(told.board_serials):
            said.append(("USB serial numbers", ", ".join(filter(None, told.board_serials))))
    if summary.tags:
        said.append(("tags", ", ".join(summary.tags)))
    return said


def _commit(found: Git | None) -> str:
    """Return a commit in words; nothing where there is none."""
    if found is None:
        return ""
    return f", commit {found.commit[:12]}" + ", with changes since" * found.dirty


def _published(result: Result) -> list[str]:
    """Return the best published figures of each kind of core, with ours among them."""
    cards = []
    for one in placed(result) or []:
        said = f"{one.count} published, closed division, all rounds"
        if one.not_comparable:
            said += f"; ours is not comparable: {one.not_comparable}"
        elif one.better_than is not None:
            said += f"; ours is better than {one.better_than:.0%} of them"
            said += f", as good as {one.as_good_as}" if one.as_good_as else ""
        rows = table(("", one.metric, "whose"), ranking(one), kind="ranking")
        cards.append(card(f"Published: {one.metric}", rows + note(said)))
    return cards


def _rules(judged: Verdict) -> str:
    rows = [
        (one.rule, Html(f'<span class="{text(one.state)}">{text(one.state)}</span>'), one.wanted,
         one.found, one.clause)
        for one in judged.rulings
    ]  # fmt: skip
    head = ("rule", "state", "wanted", "found", "clause")
    return f'<div class="card">{table(head, rows, kind="rules")}</div>'
