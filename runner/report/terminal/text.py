"""The report a person reads in a terminal."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tinybench.plural import counted
from tinybench.printable import all_printable, one_line
from tinybench.uncertain import uncertain

from ...build import task as tasks
from ...dut.reply import PROFILE
from ...results import score
from ...results.firmware import EngineUsed, SecondCoreUsed, Sections, told_layers
from ...results.result import (
    Accuracy,
    Clock,
    Energy,
    Expected,
    Link,
    Performance,
    Reference,
    Result,
)
from ...rules import Ruling, Verdict, Violation
from .. import scenario, stream
from ..score import tables
from .cycles import estimates
from .energy import incomplete
from .published import placed, words

CLASSES_SHOWN = 12
"""Whose recall is listed; of more classes, those with the least."""
BOARD_SPREAD = 0.02
"""Of the throughput of windows: a microcontroller that does nothing else spreads them by less."""


def report(
    result: Result, verdict: Verdict, folder: Path, *, rules: bool = False
) -> RenderableType:
    """Return the report on one run, with its verdict last; `rules`: every rule, broken or not."""
    result, verdict = all_printable(result), all_printable(verdict)
    parts: list[RenderableType] = [Text(), _facts(result)]
    if result.performance is not None and result.performance.windows:
        parts += [Text(), _windows(result.performance, score.instruction_ns(result.time_base))]
    if result.scenario is not None:
        lines = scenario.histogram(result.scenario, result.emulated)
        parts += [Text(), *(Text(line, no_wrap=True, overflow="crop") for line in lines)]
    if result.stream is not None:
        parts += [Text(), *tables(result.stream.score)]
    if result.energy is not None:
        parts += [Text(), _energy_windows(result.energy)]
    if rules:
        parts += [Text(), _rulings(verdict.rulings)]
    parts += [Text(), _verdict(result, verdict)]
    if verdict.violations:
        parts.append(_violations(verdict.violations))
    parts.append(Text(f"run folder: {one_line(str(folder))}", overflow="fold"))
    return Group(*parts)


def suite(results: list[Result]) -> str:
    """Return one line with the suite's score over the tasks that have an accuracy metric."""
    timed = [one for one in results if one.vips is not None and one.accuracy is not None]
    parts: list[tuple[float, float, int | None]] = []
    for result in timed:
        latency_s, top1 = score.latency_s(result), result.accuracy and result.accuracy.top1
        if latency_s is None or top1 is None:
            return f"suite: no score, for {result.task} on {result.board} has no estimated time"
        parts.append((top1, latency_s, result.model.macs))
    return f"suite: {_valid(parts, any(result.emulated for result in timed))}"


def caveats(result: Result, verdict: Verdict) -> list[str]:
    """Return what this result is not, in words that stand beside its verdict."""
    said = [f"not judged: {one.rule}, {one.found}" for one in verdict.not_judged]
    if result.emulated:
        said.append("emulated: time is an instruction count, not a measurement")
    elif result.board == "host":
        said.append("host process: not a measurement of a microcontroller")
    disturbed = result.scenario and result.scenario.asked.interference
    if disturbed is not None:
        said.append(f"interference was injected: {disturbed.words}")
    if result.dataset == "embedded":
        said.append("dataset: embedded, made by this project, not an MLPerf result")
    elif result.dataset == "custom":
        said.append("dataset: custom, not an MLPerf result")
    elif result.model.kind not in ("official", "engine"):
        said.append("not the reference model")
    engine = result.firmware and result.firmware.engine
    if engine is not None:
        said.append(f"engine {engine.name}: {_whose(engine, result.model.kind)}")
    if result.energy is not None and result.energy.modelled:
        said.append("energy: modelled, not a measurement")
    if result.link is not None and not result.link.verified:
        said.append("uploads were not verified")
    if result.link is not None:
        said += _talk(result.link)
    if result.accuracy is not None and result.accuracy.unanswered:
        said.append(
            f"{result.accuracy.unanswered} of {result.accuracy.count} inputs have no answer "
            "(empty m-results): none of them counts as right"
        )
    spread = score.spread(result.performance.windows) if result.performance else 0.0
    if not result.emulated and spread > BOARD_SPREAD:
        said.append(
            f"windows differ by {spread:.1%}, those of a board by less than {BOARD_SPREAD:.0%}: "
            "something else ran beside them"
        )
    return said


def _whose(engine: EngineUsed, model_kind: str) -> str:
    if engine.version:
        return f"not ours, built from its sources ({engine.version})"
    if model_kind == "engine":
        return "not ours, and its model is not known here"
    return "not ours; that it runs this model is its maker's word"


def _facts(result: Result) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts(result):
        table.add_row(name, Text(value))
    return table


def _firmware(result: Result) -> list[tuple[str, str]]:
    image = result.firmware
    if image is None:
        return [("firmware", "what the board held; not built here")]
    flash = f"{image.flash_b:,} bytes"
    if image.code_flash_b is not None and result.model.weights_b is not None:
        flash = f"{image.code_flash_b:,} bytes of code, {result.model.weights_b:,} of weights"
        if image.sections is not None and image.sections.data_b >= result.model.weights_b > 0:
            flash += ", which are read from RAM"
    said = [("flash", flash)]
    if image.sections is not None:
        said.append(("image", _sections(image.sections)))
        if coupled := _coupled(image.sections):
            said.append(("coupled", coupled))
    if image.engine is not None and image.engine.arena_b is not None:
        said.append(("arena", f"{image.engine.arena_b:,} bytes, as few as the engine takes"))
    if image.engine is not None:
        if own := told_layers(image.engine.layers, image.engine.own_layers):
            said.append(("layers", own))
        if image.engine.flags:
            said.append(("engine", f"{image.engine.name}, compiled with {image.engine.flags}"))
    return said


def _sections(of: Sections) -> str:
    arena = "" if of.arena_b is None else f" (arena {of.arena_b:,})"
    stack = "" if of.stack_b is None else f", stack {of.stack_b:,}"
    return (
        f"text {of.text_b:,}, rodata {of.rodata_b:,}, data {of.data_b:,}, bss {of.bss_b:,}{arena}"
        f"{stack} bytes"
    )


def _coupled(of: Sections) -> str:
    """Return what is in tightly coupled memory, which changes times; empty for nothing."""
    parts = (
        ("kernels and model (ITCM)", of.coupled_code_b),
        ("tensors (DTCM)", of.coupled_bss_b),
    )
    held = ", ".join(f"{size_b:,} of {what}" for what, size_b in parts if size_b)
    return f"tightly coupled memory holds {held}" if held else ""


def _cores(second: SecondCoreUsed, result: Result) -> str:
    """Return what a second core did, at which price, and what its time is."""
    macs = result.model.computed_macs or result.model.macs or 1
    said = (
        f"2, each half of {second.layers} layers, {100 * second.macs / macs:.4g} % of the MACs; "
        f"{second.arena_more_b:,} bytes of arena and {second.stack_b:,} of stack more"
    )
    if result.emulated:
        said += "; emulated one after the other: time is of both together, and no speed"
    return said


def facts(result: Result) -> list[tuple[str, str]]:
    """Return what is said of a run before its windows, as names with values."""
    said: list[tuple[str, str]] = []
    said.append(("board", f"{result.board} ({result.core})"))
    said.append(("task", f"{result.task} ({result.model_id})"))
    said.append(("dataset", f"{result.dataset}: {result.inputs.note}"))
    macs = "MACs not known" if result.model.macs is None else f"{result.model.macs:,} MACs"
    if result.model.pruned:
        macs += f", {result.model.computed_macs:,} of them computed: the others change no output"
    said.append(("model", f"{result.model.kind}: {result.model.name}, {macs}"))
    if result.model.tensor_ram_b is not None:
        said.append(("tensor RAM", f"{result.model.tensor_ram_b:,} bytes"))
    said += _firmware(result)
    if result.firmware is not None and (second := result.firmware.second_core) is not None:
        said.append(("cores", _cores(second, result)))
    if result.link is not None:
        said.append(("link", _link(result.link)))
    if (told := result.environment) is not None:
        ambient = "" if told.ambient_c is None else f"{told.ambient_c:g} °C"
        supply = "" if told.supply_v is None else f"{told.supply_v:g} V"
        said.append(("environment", ", ".join(filter(None, (ambient, supply))) + ", as stated"))
    if result.accuracy is not None and result.accuracy.count:
        accuracy = result.accuracy
        said.append(("accuracy", _accuracy(accuracy)))
        said += _by_class(accuracy)
        if result.reference is not None:
            said.append(("reference", _reference(result.reference)))
        said.append(("single", _single(accuracy, result)))
    if result.scenario is not None:
        said += scenario.said(result.scenario, result.emulated)
    if result.stream is not None:
        said += stream.said(result.stream, result)
    said += _timed(result)
    if result.energy is not None:
        said += _energy_facts(result.energy)
    standings = words(placed(result)) if result.task in tasks.names() else []
    for number, sentence in enumerate(standings):
        said.append(("published" if number == 0 else "", sentence))
    top1, latency_s = result.accuracy and result.accuracy.top1, score.latency_s(result)
    if result.vips is not None and top1 is not None and latency_s is not None:
        said.append(("VIPS, VOPS", _valid([(top1, latency_s, result.model.macs)], result.emulated)))
    return said


def _valid(parts: Sequence[tuple[float, float, int | None]], emulated: bool) -> str:
    """Return VIPS and VOPS of parts (top-1, seconds an inference, MACs), in words."""
    vips = score.vips([(top1, latency_s) for top1, latency_s, _ in parts])
    vops = score.vops([(top1, each_s, macs) for top1, each_s, macs in parts if macs is not None])
    label = "estimated " * emulated
    return f"{label}{vips:.3f} valid inferences/s, {vops * 1e-6:.3f} M valid MACs/s"


def _timed(result: Result) -> list[tuple[str, str]]:
    """Return how long an inference takes: measured, or estimated beside the instructions."""
    performance, cycles = result.performance, result.cycles
    windows = performance.windows if performance is not None else []
    said = [] if cycles is None else estimates(cycles)
    if cycles is None and result.no_cycles:
        said.append(("time", f"not known: {result.no_cycles}"))
    if performance is None or not windows:
        return said
    if performance.instructions_per_inference is not None:
        count = f"{performance.instructions_per_inference:,} per inference (exact, emulated)"
        said.append(("instructions", count))
    else:
        said.append(("latency", _latency(performance)))
    said += [("clock", _clock(clock)) for clock in result.clocks]
    if performance.instructions_per_inference is None:
        rate = f"{performance.throughput_per_s:.3f} inferences/s, median of {len(windows)} windows"
        said.append(("throughput", f"{rate} ({result.time_base})"))
    return said


def _single(accuracy: Accuracy, result: Result) -> str:
    """Return the percentiles of single inferences, of an emulated board in instructions."""
    each_ns = score.instruction_ns(result.time_base)
    shown = ", ".join(
        f"p{p} {latency_s * 1e9 / each_ns:,.0f}" if each_ns else f"p{p} {latency_s * 1e3:.3f}"
        for p, latency_s in (
            (50, accuracy.latency_p50_s),
            (90, accuracy.latency_p90_s),
            (99, accuracy.latency_p99_s),
        )
        if latency_s is not None
    )
    if not shown:
        return "inferences one by one are shorter than the DUT's timer can tell"
    return f"{shown} {'instructions' if each_ns else 'ms'}, inferences one by one"


def _latency(performance: Performance) -> str:
    latency_ms = performance.latency_s * 1e3
    if performance.latency_uncertainty_s is None:
        return f"{latency_ms:.3f} ms an inference, uncertainty not known"
    shown = uncertain(latency_ms, performance.latency_uncertainty_s * 1e3)
    return f"{shown} ms an inference (k = 2)"


def _clock(clock: Clock) -> str:
    emulated = clock.witness == "emulator"
    whose, unit = ("its emulator's count", "emulated s") if emulated else ("this computer's", "s")
    ratio = uncertain(clock.ratio, clock.uncertainty)
    return f"of the DUT {ratio} times {whose}, over {clock.span_s:.0f} {unit}"


def _energy_uj(energy_j: float, uncertainty_j: float | None) -> str:
    if uncertainty_j is None:
        return f"{energy_j * 1e6:.4f}"
    return uncertain(energy_j * 1e6, uncertainty_j * 1e6)


def _energy_facts(energy: Energy) -> list[tuple[str, str]]:
    said: list[tuple[str, str]] = []
    unit = "modelled uJ/inference" if energy.modelled else "uJ/inference"
    if energy.per_inference_j is None:
        said.append(("energy", "none: no window can be trusted"))
    else:
        said.append(
            (
                "energy",
                f"{_energy_uj(energy.per_inference_j, energy.uncertainty_j)} "
                f"{unit} (k = 2), median of {len(energy.windows)} windows "
                f"{incomplete(energy.not_stated)}".rstrip(),
            )
        )
    volts = "" if energy.voltage_v is None else f", {energy.voltage_v:.3f} V"
    said.append(("monitor", f"{energy.monitor}{volts}, {energy.rate_hz:g} samples/s"))
    if energy.modelled:
        said.append(("power model", energy.model_source))
    for warning in (*energy.faults, *energy.warnings):
        said.append(("", warning))
    return said


def _energy_windows(energy: Energy) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    label = "modelled " if energy.modelled else ""
    table.add_column("window", justify="right")
    table.add_column("input", overflow="fold")
    table.add_column("iterations", justify="right")
    table.add_column("s by monitor", justify="right")
    table.add_column(f"{label}mW", justify="right")
    table.add_column(f"{label}uJ/inference", justify="right")
    for number, window in enumerate(energy.windows, start=1):
        trusted = window.energy_j is not None and window.iterations
        each = "-"
        if window.energy_j and trusted:
            unsure_j = window.uncertainty_j
            each = _energy_uj(
                window.energy_j / window.iterations,
                None if unsure_j is None else unsure_j / window.iterations,
            )
        table.add_row(
            str(number),
            Text(window.input),
            str(window.iterations),
            "-" if window.monitor_s is None else f"{window.monitor_s:.6f}",
            "-" if window.power_w is None else f"{window.power_w * 1e3:.4f}",
            each,
        )
    return table


def _talk(link: Link) -> list[str]:
    """Return what is said of a DUT that speaks beside the protocol, or another one."""
    said = []
    if link.beside_lines:
        said.append(f"talkative DUT: {counted(link.beside_lines, 'line')} beside the protocol")
    if link.echoed_lines:
        said.append(f"the DUT echoes what it is sent, in {link.echoed_lines} of its lines")
    if link.profile and link.profile != PROFILE:
        said.append(f"the DUT speaks another version of the protocol: '{link.profile}'")
    return said


def _link(link: Link) -> str:
    words = [f"{link.protocol}, {link.chunk_b} bytes at a time"]
    if link.baud is not None:
        words.append(f"{link.baud:,} baud")
    if link.boards > 1:
        words.append(f"{link.boards} boards")
    words.append("verified" if link.verified else "NOT verified")
    counts = {
        "retries": link.retries,
        "restarts of the DUT": link.restarts,
        "reopened": link.reopened,
        "frames sent again": link.resent_frames,
        "lines quarantined": link.quarantined_lines,
    }
    words += [f"{what}: {count}" for what, count in counts.items() if count]
    return ", ".join(words)


def _accuracy(accuracy: Accuracy) -> str:
    if accuracy.top1 is not None:
        return f"top-1 {accuracy.top1:.1%} ({accuracy.correct} of {accuracy.count})"
    if accuracy.auc is not None:
        return f"AUC {accuracy.auc:.3f} ({counted(accuracy.count, 'file')})"
    if accuracy.expected is not None:
        return _held(accuracy.expected)
    if not accuracy.scored:
        return f"not scored: the {accuracy.count} inputs have no classes"
    return f"AUC needs files of both kinds ({accuracy.count} of one)"


def _held(found: Expected) -> str:
    """Return how far outputs are those that are expected, in words."""
    if not found.count:
        return "no score: no input has an answer of which outputs are expected"
    if found.equal is not None:
        return f"{found.equal} of {found.count} outputs as expected, within {found.tolerance:.3g}"
    if found.mae is None or found.rmse is None:
        shown = "not defined: nothing is in any mask" if found.iou is None else f"{found.iou:.3f}"
        return f"IoU {shown} ({counted(found.count, 'mask')})"
    r2 = "not defined: all targets are the same" if found.r2 is None else f"{found.r2:.4f}"
    errors = f"mean absolute error {found.mae:.6g}, RMSE {found.rmse:.6g}"
    return f"{errors}, R2 {r2} ({counted(found.count, 'input')})"


def _by_class(found: Accuracy) -> list[tuple[str, str]]:
    """Return top-5 and the recall of each class, of many the least ones."""
    said = [] if found.top5 is None else [("top-5", f"{found.top5:.1%}")]
    known = [(recall, number) for number, recall in enumerate(found.recalls) if recall is not None]
    if len(known) < 2:
        return said
    least = sorted(known)[:CLASSES_SHOWN] if len(known) > CLASSES_SHOWN else known
    more = f", the least of {len(known)}" if len(known) > CLASSES_SHOWN else ""
    each = ", ".join(f"{number}: {recall:.1%}" for recall, number in least)
    return [*said, ("recall", f"by class, {each}{more}")]


def _reference(reference: Reference) -> str:
    if not reference.count:
        return f"not compared: {reference.why_not}"
    how = reference.within if reference.steps else f"equal {reference.within}"
    same = f"{reference.equal} of {reference.count} outputs {how}"
    return f"{same}, {reference.computed_by}"


def _windows(performance: Performance, instruction_ns: int) -> Table:
    """Return a line a window; `instruction_ns`: emulated time of one, 0 where time is measured."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("window", justify="right")
    table.add_column("input", overflow="fold")
    table.add_column("iterations", justify="right")
    table.add_column("emulated s" if instruction_ns else "s", justify="right")
    each = "instructions/inference" if instruction_ns else "inferences/s"
    table.add_column(each, justify="right")
    for number, window in enumerate(performance.windows, start=1):
        lasted_s = window.elapsed_us * 1e-6
        table.add_row(
            str(number),
            Text(window.input),
            str(window.iterations),
            f"{lasted_s:.6f}",
            f"{window.elapsed_us * 1e3 / instruction_ns / window.iterations:,.0f}"
            if instruction_ns
            else f"{window.iterations / lasted_s:.3f}",
        )
    return table


def _verdict(result: Result, verdict: Verdict) -> Text:
    text = Text(verdict.words, "bold green" if verdict.valid else "bold red")
    said = caveats(result, verdict)
    if said:
        text.append(f" ({'; '.join(said)})", "not bold yellow")
    return text


def _rulings(rulings: list[Ruling]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for name in ("rule", "", "wanted", "found", "clause"):
        table.add_column(name, overflow="fold", no_wrap=name in ("rule", ""))
    for one in rulings:
        style = {"broken": "red", "kept": "green"}.get(one.state, "yellow")
        cells = (one.wanted, one.found, one.clause)
        table.add_row(Text(one.rule), Text(one.state, style), *map(Text, cells))
    return table


def _violations(violations: list[Violation]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for name in ("rule", "wanted", "found", "what to change", "clause"):
        table.add_column(name, overflow="fold", no_wrap=name == "rule")
    for broken in violations:
        cells = (broken.rule, broken.wanted, broken.found, broken.advice, broken.clause)
        table.add_row(*map(Text, cells))
    return table
