"""What is known of an energy trace, as a person reads it in a terminal."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tinybench.energy.analysis import SKEW_MAX_PPM, Analysis, Window
from tinybench.energy.examine import ByRule, Examination, not_by_pin
from tinybench.plural import counted
from tinybench.printable import all_printable
from tinybench.uncertain import uncertain

UJ = 1e6


def report(found: Examination) -> RenderableType:
    """Return the windows, their median with its uncertainty, and others' rules beside it."""
    found = all_printable(found)
    own = found.tinybench
    parts: list[RenderableType] = [Text(), _facts(found), Text(), _windows(own)]
    if own.terms_j:
        parts += [Text(), _budget(own)]
    for rule in found.rules:
        parts += [Text(), _by_rule(rule, own)]
    parts += [Text(), _verdict(found)]
    return Group(*parts)


def incomplete(not_stated: Sequence[str]) -> str:
    """Return what is to be said beside an uncertainty that lacks terms."""
    return f"(incomplete: {', '.join(not_stated)} unknown)" if not_stated else ""


def _facts(found: Examination) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("trace", found.trace)
    table.add_row("monitor", found.monitor or "not stated")
    table.add_row(
        "samples", f"{found.samples:,} at {found.rate_hz:g} Hz, {found.length_s:.3f} s in all"
    )
    if found.voltage_v is not None:
        table.add_row("voltage", f"{found.voltage_v:g} V")
    if found.note:
        table.add_row("origin", found.note)
    own = found.tinybench
    table.add_row(
        "edges",
        f"{own.edges} after debouncing; {counted(own.gaps, 'gap')}, "
        f"{counted(own.lost, 'lost sample')}",
    )
    if not found.mlperf:
        at = ""
        if found.threshold is not None:
            at = f" of {found.threshold:.4g} (A, or W of a trace of power)"
        table.add_row(
            "windows", Text(f"by {found.windows_by}{at}, not by the timing pin", "yellow")
        )
    clocks = []
    if own.host_skew_ppm is not None:
        clocks.append(f"host against monitor {own.host_skew_ppm:+.0f} ppm")
    if found.performance_skew_ppm is not None:
        far = abs(found.performance_skew_ppm) > SKEW_MAX_PPM
        clocks.append(
            f"DUT, in its performance run, {found.performance_skew_ppm:+.0f} ppm"
            + (f" (more than {SKEW_MAX_PPM:g})" if far else "")
        )
    if clocks:
        table.add_row("clocks", "; ".join(clocks))
    return table


def _windows(own: Analysis) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("window", justify="right")
    for name in ("from s", "lasts s", "inferences", "uJ", "± (k=2)", "uJ/inference", "mW"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", overflow="fold")
    for window in own.windows:
        numbers = [
            (window.start_s, 1, 4),
            (window.monitor_s, 1, 4),
            (window.iterations, 1, 0),
            (window.per_inference_j, UJ, 4),
            (window.power_w, 1e3, 4),
        ]
        faults = [fault for fault in window.faults if fault not in own.faults]
        said = [*(f"INVALID: {fault}" for fault in faults), *window.warnings]
        if window.faults and not faults:
            said = ["INVALID: as the whole trace, see below", *said]
        shown = ["-" if x is None else f"{x * scale:.{digits}f}" for x, scale, digits in numbers]
        shown[3:3] = _uj(window)
        table.add_row(str(window.number), *shown, "; ".join(said))
    return table


def _uj(window: Window) -> tuple[str, str]:
    """Return the energy of a window in uJ, and how sure it is."""
    if window.energy_j is None:
        return "-", "-"
    if window.uncertainty_j is None:
        return f"{window.energy_j * UJ:.6g}", "-"
    energy, _, unsure = uncertain(window.energy_j * UJ, window.uncertainty_j * UJ).partition(" ± ")
    return energy, unsure


def _budget(own: Analysis) -> Table:
    """Return the standard uncertainties of the median, the largest first."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("uncertainty of the median", no_wrap=True)
    table.add_column("uJ (k=1)", justify="right")
    table.add_column("of it", justify="right")
    stated = {name: term_j for name, term_j in own.terms_j.items() if term_j is not None}
    for name, term_j in sorted(stated.items(), key=lambda item: -item[1]):
        share = term_j / own.median_j if own.median_j else 0.0
        table.add_row(name, f"{term_j * UJ:.4f}", f"{share:.4%}")
    for name in own.not_stated:
        table.add_row(name, "unknown", "not stated for this monitor")
    return table


def _by_rule(rule: ByRule, own: Analysis) -> Group:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column(f"{rule.method} rule", justify="right")
    for name in ("from s", "lasts s", "uJ", "published", "uJ/inference", "ours differs by uJ"):
        table.add_column(name, justify="right", no_wrap=True)
    for beside in rule.windows:
        window = beside.window
        mark = "" if beside.reproduced in (None, True) else " DIFFERS"
        each, difference = window.per_inference_uj, beside.own_difference_uj
        table.add_row(
            str(window.number),
            f"{window.start_s:.3f}",
            f"{window.elapsed_s:.3f}",
            f"{window.energy_uj:.3f}",
            (beside.published_uj or "-") + mark,
            "-" if each is None else f"{each:.3f}",
            "no such window" if difference is None else f"{difference:+.3f}",
        )
    said = f"{rule.method} rule: "
    if rule.median_uj is None:
        said += "no median, for the inferences are not known; give --iterations"
    else:
        said += f"median {rule.median_uj:.4f} uJ/inference"
    if rule.published_median_uj is not None:
        word = "reproduced" if rule.reproduced else "NOT reproduced"
        said += f", published {rule.published_median_uj}: {word}"
    if rule.own_difference_uj is not None and rule.median_uj:
        share = rule.own_difference_uj / rule.median_uj
        said += f"; ours differs by {rule.own_difference_uj:+.4f} uJ ({share:+.4%})"
    if not own.valid:
        said += "; our own has faults"
    return Group(table, Text(said))


def _verdict(found: Examination) -> Text:
    own = found.tinybench
    unit = "uJ/inference" if own.per_inference else "uJ a window"
    text = Text()
    if own.median_j is not None and own.uncertainty_j is not None:
        share = own.uncertainty_j / own.median_j if own.median_j else 0.0
        good = sum(not window.faults for window in own.windows)
        text.append(
            f"median of {good} windows: {uncertain(own.median_j * UJ, own.uncertainty_j * UJ)} "
            f"{unit} ({share:.2%}, k = 2)",
            "bold",
        )
        if own.not_stated:
            text.append(f" {incomplete(own.not_stated)}", "bold yellow")
        text.append("\n")
    text.append("sound" if own.valid else "NOT sound", "bold green" if own.valid else "bold red")
    if found.modelled:
        text.append(" (modelled: no measurement)", "bold yellow")
    if not found.mlperf:
        text.append(f" ({not_by_pin(found.windows_by)})", "bold yellow")
    for said in (*own.faults, *own.warnings):
        text.append(f"\n  {said}")
    for said in found.against_rules:
        text.append(f"\n  against the run rules: {said}")
    return text


def simulated_bench(ports: dict[str, str], dut: str | None, recording: str | None) -> str:
    """Return what a simulated bench is, and what can be tried with it."""
    first = next(iter(ports))
    what = f"a simulated {' and '.join(name for name in ports if name != 'dut')}"
    if dut is None:
        return (
            f"{what}, of a DUT that is active every other second; stop with Ctrl-C. In another "
            f"terminal: tinybench energy live --monitor {first} --port {ports[first]}"
        )
    if recording is not None:
        return (
            f"{what}, with the DUT {dut!r}; stop with Ctrl-C. In another terminal: tinybench play "
            f"{recording} --port {ports['interface-board']} --dut-baud 9600, and --words or the "
            "file's path"
        )
    board = next((name for name in ports if name in ("dut", "interface-board", "io-manager")), "")
    behind = "" if board == "dut" else " --interface-board"
    return (
        f"{what}, with the DUT {dut!r}; stop with Ctrl-C. Its current is made up: 5 mA between two "
        f"marks, else 1 mA. In another terminal: tinybench --mode energy --port {ports[board]}"
        f"{behind} --monitor FILE.toml, a file with the driver and port of the monitor"
    )
