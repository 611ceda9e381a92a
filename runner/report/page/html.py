"""Runs as one HTML file that needs nothing else: plots, verdicts, an excerpt of the transcript."""

import base64
import hashlib
import json
from collections import deque
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import msgspec

from tinybench.errors import ProtocolError, RunFolderError, TinybenchError
from tinybench.files import DOCUMENT_MOST_B, read_bytes
from tinybench.printable import all_printable
from tinybench.read import read_json
from tinybench.transport.transcript import read_lines, transcripts
from tinybench.uncertain import uncertain

from ...build.task import load_task
from ...compare.store import Summary
from ...dut.inference import answered
from ...measure.profile import Profile
from ...results import score
from ...results.cycles import Cycles
from ...results.names import MANIFEST_FILE, PROFILE_FILE
from ...results.result import Accuracy, Energy, Performance, Result
from ...results.scenario import Scenario
from ...results.stream import Stream
from ...rules import Verdict
from ...streaming.timeline import timeline
from ..table import accuracy, microjoules, milliseconds, validity, verdict
from ..terminal.cycles import estimated
from ..terminal.published import placed, ranking
from ..terminal.text import caveats, facts
from . import plots
from .plots import text
from .power import powers

COUNTED = "instructions (emulated)"
INPUTS_SHOWN = 200
"""Names of inputs kept for one cell of a confusion matrix."""
MOST = 16
"""Thresholds of a curve that are shown, the highest."""
EXCERPT_B = 24_000
"""Bytes of a transcript shown from its beginning, and as many from its end."""

Judged = tuple[Result, Verdict, Summary]


class _Operator(msgspec.Struct, frozen=True):
    operator: str
    macs: int
    weights_b: int
    computed_macs: int | None = None

    @property
    def computed(self) -> int:
        return self.macs if self.computed_macs is None else self.computed_macs


class _Manifest(msgspec.Struct, frozen=True):
    operators: list[_Operator]


class _Line(msgspec.Struct, frozen=True):
    t_s: float
    to: str
    text: str | None = None
    hex: str | None = None


def as_html(runs: Sequence[Judged]) -> str:
    """Return the page. It loads nothing, and runs no script but its own (by the script's hash)."""
    here = files(__package__ or "")
    style, script = (here.joinpath(f"page.{kind}").read_text("utf-8") for kind in ("css", "js"))
    policy = f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'"
    sections = "".join(_section(number, *run) for number, run in enumerate(runs))
    title = ", ".join(dict.fromkeys(f"{run.task} on {run.board}" for _, _, run in runs))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>tinybench: {text(title[:200])}</title><style>{style}</style></head>"
        f"<body><main><h1>tinybench</h1>{_overview(runs)}{sections}</main>"
        f"<script>{script}</script></body></html>\n"
    )


def _hash(content: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()


def _overview(runs: Sequence[Judged]) -> str:
    if len(runs) < 2:
        return ""
    lines = [
        [
            f'<a href="#run{number}">{text(run.task)}</a>',
            *map(text, (run.board, accuracy(run), milliseconds(run), microjoules(run))),
            text(verdict(run)),
        ]
        for number, (_, _, run) in enumerate(runs)
    ]
    head = ("task", "board", "accuracy", "ms", "uJ/inference", "verdict")
    return _card("Runs", _table(head, lines, "list"), "wide")


def _section(number: int, result: Result, judged: Verdict, summary: Summary) -> str:
    result = all_printable(result)
    folder = Path(summary.run)
    violations = judged.violations
    word, kind = text(validity(summary)), "broken" if violations else "valid"
    said = "".join(f"<p>{text(words)}</p>" for words in caveats(result, judged))
    lines = [(text(name), text(value)) for name, value in facts(result)]
    lines += [
        (text(name), text(value))
        for name, value in (
            ("DUT", result.dut),
            ("time base", result.time_base),
            ("started", result.started_at),
            ("run folder", summary.run),
            ("tinybench", result.tinybench),
        )
    ]
    rows = "".join(f"<tr><th>{name}</th><td>{value}</td></tr>" for name, value in lines)
    cards = []
    if violations:
        broken = [[text(x) for x in (v.rule, v.wanted, v.found, v.advice)] for v in violations]
        head = ("rule", "wanted", "found", "what to change")
        cards.append(_card("Broken rules", _table(head, broken, "rules"), "wide"))
    cards.append(_card("Figures", f'<table class="facts">{rows}</table>', "tall"))
    if result.performance is not None and result.performance.windows:
        cards.append(_latency(result.performance, score.instruction_ns(result.time_base)))
    if result.scenario is not None:
        cards += _scenario(result.scenario, result.emulated)
    if result.stream is not None:
        cards += _stream(result.stream, score.instruction_ns(result.time_base))
    if result.accuracy is not None and result.accuracy.answers:
        cards += _accuracy(result, result.accuracy, folder)
    if result.energy is not None and result.energy.windows:
        cards += [_energy(result.energy), *_powers(result.energy, folder)]
    cards += [*_published(result), *_layers(folder), *_transcripts(folder)]
    rulings = [
        [text(x) for x in (one.rule, one.state, one.wanted, one.found, one.clause)]
        for one in judged.rulings
    ]
    head = ("rule", "", "wanted", "found", "clause")
    cards.append(_card("Rules", _table(head, rulings, "rules rulings"), "wide"))
    return (
        f'<section id="run{number}"><h2>{text(result.task)} on {text(result.board)}: '
        f'<span class="verdict {kind}">{word}</span></h2>'
        + (f'<div class="caveats">{said}</div>' if said else "")
        + f'<div class="cards">{"".join(cards)}</div></section>'
    )


def _latency(performance: Performance, instruction_ns: int) -> str:
    """Return the windows; `instruction_ns`: emulated time of one, 0 where time is measured."""
    unit = COUNTED if instruction_ns else "ms"
    each = [
        _each(w.elapsed_us / w.iterations, instruction_ns) if w.iterations else None
        for w in performance.windows
    ]
    tips = [
        f"window {number}: {0 if value is None else value:.7g} {unit} an inference\n"
        f"{w.iterations} inferences on {w.input}, "
        f"{w.elapsed_us * 1e-6:.6f} {'emulated s' if instruction_ns else 's'}"
        for number, (w, value) in enumerate(zip(performance.windows, each, strict=True), start=1)
    ]
    median = _each(performance.latency_s * 1e6, instruction_ns)
    plot = plots.dots(each, tips, unit, median)
    title = "Instructions in each window" if instruction_ns else "Latency of each window"
    return _card(title, plot + _note("dashed: the median, which is the result"))


def _each(elapsed_us: float, instruction_ns: int) -> float:
    """Return a time in ms, or in instructions where time is a count of them."""
    return elapsed_us * 1e3 / instruction_ns if instruction_ns else elapsed_us * 1e-3


def _scenario(found: Scenario, emulated: bool) -> list[str]:
    unit = "emulated ms" if emulated else "ms"
    each_ms = [us * 1e-3 for us in found.device_us]
    count = f"{len(each_ms):,} inferences of {found.count:,} queries"
    return [
        _card("Latencies", plots.histogram(each_ms, unit) + _note(f"{count}, by the DUT's clock")),
        _card("Tail", plots.tail(each_ms, unit) + _note("-2: one inference of 100 takes longer")),
        _card("Latencies in order", plots.over_time(each_ms, unit) + _note("outliers stand out")),
    ]


def _stream(found: Stream, instruction_ns: int) -> list[str]:
    """Return the time line of a stream, its readings, and the times of its frames."""
    note = (
        "grey: the sound; green: a word, red: one that was missed; blue: the model's output, with "
        "the threshold; ticks: detections, red where a false alarm begins"
    )
    cards = [_card("Time line", timeline(found.told) + _note(note), "wide")]
    rows = [
        [
            f"{one.tail_s:g} s" + (f", without {one.without_ppm:+.0f} ppm" * bool(one.without_ppm)),
            *map(str, (one.found, one.missed, one.false)),
            f"{one.f1:.3f}",
            "kept" if one.passes else "broken",
        ]
        for one in found.score.readings
    ]
    head = ("until", "found", "missed", "false", "F1", "limits")
    readings = _table(head, rows, "list")
    cards.append(
        _card(
            "Words",
            readings
            + _note(
                text(found.score.disagreement) or "until so long after its word a detection counts"
            ),
        )
    )
    if found.score.curve:
        ways = [[str(p.threshold), str(p.missed), str(p.false)] for p in found.score.curve[-MOST:]]
        table = _table(("threshold", "missed", "false"), ways)
        cards.append(_card("Misses against false alarms", table))
    unit = COUNTED if instruction_ns else "ms"
    each = [_each(us, instruction_ns) for us in found.device_us]
    cards.append(_card("Frames in order", plots.over_time(each, unit) + _note("time of each")))
    if found.score.latencies_s:
        late_ms = [late_s * 1e3 for late_s in found.score.latencies_s]
        what = "from a word's end to its first detection"
        cards.append(_card("Latency of detection", plots.histogram(late_ms, "ms") + _note(what)))
    return cards


def _accuracy(result: Result, found: Accuracy, folder: Path) -> list[str]:
    """Return the confusion matrix or the ROC, and the latencies of single inferences."""
    instruction_ns = score.instruction_ns(result.time_base)
    cards = []
    answers, unread = [], 0
    for answer in found.answers:
        try:
            out = answered(answer.results)
        except ProtocolError:
            out = []
        if out and answer.label in range(max(2, len(out))):
            answers.append((answer, out))
        else:
            unread += 1
    if found.top1 is not None:
        count = max([2, *(len(out) for _, out in answers)])
        classes = _classes(result, folder, count)
        counts = [[0] * count for _ in range(count)]
        inputs: dict[str, list[str]] = {}
        for answer, out in answers:
            guess = score.arg_max(out)
            counts[answer.label][guess] += 1
            if guess != answer.label:
                inputs.setdefault(f"{answer.label},{guess}", []).append(answer.input)
        shown = {cell: names[:INPUTS_SHOWN] for cell, names in inputs.items()}
        plot = plots.confusion(counts, classes)
        note = "down: the label; across: the answer. Touch a red cell for its inputs"
        body = plot + _note(note) + '<p class="note inputs"></p>'
        cards.append(_card("Confusion matrix", body, data={"inputs": shown}))
    else:
        means = [(sum(out) / len(out), answer.label) for answer, out in answers]
        if {label for _, label in means} == {0, 1}:
            points = _roc_points(means)
            slider = (
                f'<input class="threshold" type="range" min="0" max="{len(points) - 1}" '
                f'value="{len(points) // 4}" aria-label="threshold"><p class="note at"></p>'
            )
            shown_points = [(None if p[0] == float("inf") else p[0], p[1], p[2]) for p in points]
            plot = plots.roc(points, found.auc)
            cards.append(_card("ROC", plot + slider, data={"points": shown_points}))
    if unread:
        cards.append(
            _card(
                "Unreadable answers",
                _note(f"{unread} answers are no numbers, or for labels that there are not"),
            )
        )
    each = [_each(us, instruction_ns) for answer in found.answers for us in answer.elapsed_us]
    if each:
        plot = plots.histogram(each, COUNTED if instruction_ns else "ms")
        what = "Instructions" if instruction_ns else "Latency"
        cards.append(_card(f"{what} of single inferences", plot))
    return cards


def _roc_points(scores: Sequence[tuple[float, int]]) -> list[tuple[float, float, float]]:
    """Return (threshold, false positive rate, true positive rate) for each score, falling."""
    positives = sum(label for _, label in scores)
    negatives = len(scores) - positives
    points, true, false = [(float("inf"), 0.0, 0.0)], 0, 0
    ordered = sorted(scores, reverse=True)
    for index, (threshold, label) in enumerate(ordered):
        true, false = true + label, false + 1 - label
        if index + 1 == len(ordered) or ordered[index + 1][0] != threshold:
            points.append((threshold, false / negatives, true / positives))
    return points


def _classes(result: Result, folder: Path, count: int) -> list[str]:
    stored = folder / "task.toml"
    try:
        names = load_task(
            str(stored) if stored.is_file() and not stored.is_symlink() else result.task
        ).classes
    except TinybenchError:
        names = []
    return names if len(names) == count else [str(number) for number in range(count)]


def _energy(energy: Energy) -> str:
    label = "modelled " if energy.modelled else ""
    unit = f"{label}uJ/inference"
    each_uj = [
        None if w.energy_j is None or not w.iterations else w.energy_j / w.iterations * 1e6
        for w in energy.windows
    ]
    spreads_uj = [
        None
        if w.uncertainty_j is None or not w.iterations
        else w.uncertainty_j / w.iterations * 1e6
        for w in energy.windows
    ]
    tips = []
    for number, (w, uj, spread) in enumerate(
        zip(energy.windows, each_uj, spreads_uj, strict=True), start=1
    ):
        value = "no energy" if uj is None else f"{uncertain(uj, spread or 0.0)} {unit} (k = 2)"
        power = "" if w.power_w is None else f", {label}{w.power_w * 1e3:.4g} mW"
        length = "" if w.monitor_s is None else f", {w.monitor_s:.4f} s"
        more = "".join(f"\n{words}" for words in (*w.faults, *w.warnings))
        tips.append(f"window {number}: {value}{power}{length}\n{w.input}{more}")
    said = f"{energy.monitor}; whiskers: k = 2; ×: a window that cannot be trusted"
    if energy.not_stated:
        said += f". The uncertainty is incomplete: {', '.join(energy.not_stated)} unknown"
    if energy.modelled:
        said = "A model's figures, not a measurement. " + said
    plot = plots.whiskers(each_uj, spreads_uj, tips, unit)
    return _card("Energy of each window", plot + _note(said))


def _powers(energy: Energy, folder: Path) -> list[str]:
    """Return the power of each window over time, from the trace."""
    found, why = powers(folder, energy)
    label = "modelled " if energy.modelled else ""
    cards = [_card("Power over time", _note(why))] if why else []
    for one in found:
        slider = (
            f'<input class="when" type="range" min="0" max="{max(len(one.points) - 1, 0)}" '
            f'value="{len(one.points) // 2}" aria-label="time in window {one.number}">'
            '<p class="note at"></p>'
        )
        plot = plots.band(one.points, one.lasts_s, f"{label}mW")
        data: dict[str, object] = {"power": one.points, "unit": f"{label}mW"}
        note = _note(
            "line: the mean; grey: lowest to highest; shaded: the window, which sets the scale"
        )
        title = f"{label}power in window {one.number}".capitalize()
        cards.append(_card(title, plot + slider + note, data=data))
    return cards


def _published(result: Result) -> list[str]:
    """Return the best published figures of each kind of core, with ours among them."""
    cards = []
    for one in placed(result) or []:
        rows = [[text(cell) for cell in row] for row in ranking(one)]
        said = f"{one.count} published, closed division, all rounds"
        if one.not_comparable:
            said += f"; ours is not comparable: {one.not_comparable}"
        elif one.better_than is not None:
            said += f"; ours is better than {one.better_than:.0%} of them"
            said += f", as good as {one.as_good_as}" if one.as_good_as else ""
        table = _table(("", one.metric, "whose"), rows, "ranking")
        cards.append(_card(f"Published: {one.metric}", table + _note(said)))
    return cards


def _layers(folder: Path) -> list[str]:
    """Return the layers' times from profile.json, else their MACs from the manifest."""
    timed, compiled = folder / PROFILE_FILE, folder / MANIFEST_FILE
    try:
        if timed.exists():
            profile = read_json(read_bytes(timed, DOCUMENT_MOST_B, links=False), type=Profile)
            return [_profile(all_printable(profile))]
        if not compiled.exists():
            return []
        manifest = read_json(read_bytes(compiled, DOCUMENT_MOST_B, links=False), type=_Manifest)
    except (OSError, msgspec.MsgspecError) as error:
        return [_card("Layers", _note(f"cannot be read: {error}"))]
    found = [operator for operator in manifest.operators if operator.macs]
    names = [operator.operator for operator in found]
    tips = [f"{o.operator}: {o.computed:,} MACs, {o.weights_b:,} bytes of weights" for o in found]
    if not found:
        return []
    plot = plots.layers(names, [float(o.computed) for o in found], tips, "MACs")
    note = (
        "By arithmetic, not by time: 'tinybench profile --json' into profile.json in the run folder"
    )
    return [_card("Layers", plot + _note(note + " shows each layer's time"))]


def _profile(profile: Profile) -> str:
    unit = COUNTED if profile.emulated else "us"
    costs = [
        layer.microseconds if layer.instructions is None else layer.instructions
        for layer in profile.layers
    ]
    names = [f"{layer.index} {layer.operator}" for layer in profile.layers]
    tips = [
        f"{name} ({layer.kernel}): {cost:,.6g} {unit}\n{layer.computed:,} MACs, "
        f"{layer.flash_b or 0:,} bytes of weights, "
        f"output {'x'.join(map(str, layer.output_shape))}{_cycles(layer.cycles)}"
        for name, layer, cost in zip(names, profile.layers, costs, strict=True)
    ]
    note = f"{profile.task} on {profile.board}, model {profile.model}"
    if profile.cycles is not None:
        note += f"; {estimated(profile.cycles)}"
    elif not profile.emulated:
        note += f"; one inference as a whole: {profile.inference_us:,.6g} us"
    return _card("Layers", plots.layers(names, costs, tips, unit) + _note(note))


def _cycles(found: Cycles | None) -> str:
    """Return the estimate of a layer, as a line of its tip."""
    if found is None:
        return ""
    limits = ", ".join(
        f"{what} {spent / max(1, found.usual):.0%}" for what, spent in found.limited_by.items()
    )
    return f"\nestimated {found.usual:,} cycles ({found.low:,} to {found.high:,}): {limits}"


def _transcripts(folder: Path) -> list[str]:
    cards = []
    for path in transcripts(folder):
        try:
            lines, left_out_b = _excerpt(path)
        except RunFolderError:
            cards.append(_card("Transcript", _note(f"{path.name} cannot be read"), "wide"))
            continue
        shown = "".join(_transcript_line(line) for line in lines)
        note = f"{left_out_b:,} bytes in the middle are left out; " if left_out_b else ""
        body = (
            '<input class="filter" type="search" placeholder="filter" aria-label="filter">'
            f'<div class="lines">{shown}</div>' + _note(f"{note}the whole is {path.name}")
        )
        cards.append(_card(f"Transcript: {path.name}", body, "wide"))
    return cards


def _excerpt(path: Path) -> tuple[list[bytes], int]:
    """Return whole lines of the beginning and the end, and how many bytes are between them."""
    first: list[bytes] = []
    last: deque[bytes] = deque()
    first_b = last_b = left_out_b = 0
    for line in read_lines(path):
        if not last and first_b + len(line) <= EXCERPT_B:
            first.append(line)
            first_b += len(line)
            continue
        last.append(line)
        last_b += len(line)
        while last_b > EXCERPT_B:
            left_out_b += len(last[0])
            last_b -= len(last.popleft())
    return [*first, *last], left_out_b


def _transcript_line(line: bytes) -> str:
    try:
        entry = read_json(line, type=_Line)
    except msgspec.MsgspecError:
        return f"<div>{text(line[:200].decode('ascii', 'replace'))}</div>"
    words = entry.text if entry.hex is None else f"{len(entry.hex) // 2} bytes {entry.hex[:64]}"
    arrow = {"dut": "→", "host": "←"}.get(entry.to, "·")
    kind = entry.to if entry.to in ("dut", "host") else "port"
    said = (words or "").replace("\r\n", "⏎ ").strip()
    return f'<div class="{kind}">{entry.t_s:10.4f} {arrow} {text(said)}</div>'


def _card(title: str, body: str, kind: str = "", data: dict[str, object] | None = None) -> str:
    """Return a card; `data` becomes attributes that the script reads."""
    attributes = "".join(
        f' data-{name}="{text(json.dumps(value))}"' for name, value in (data or {}).items()
    )
    return f'<div class="card {kind}"{attributes}><h3>{text(title)}</h3>{body}</div>'


def _note(words: str) -> str:
    return f'<p class="note">{text(words)}</p>'


def _table(head: Sequence[str], lines: Sequence[Sequence[str]], kind: str = "") -> str:
    """Return a table; the cells of `lines` are HTML."""
    top = "".join(f"<th>{text(name)}</th>" for name in head)
    rows = "".join("<tr>" + "".join(f"<td>{c}</td>" for c in line) + "</tr>" for line in lines)
    return f'<div class="scroll"><table class="{kind}"><tr>{top}</tr>{rows}</table></div>'
