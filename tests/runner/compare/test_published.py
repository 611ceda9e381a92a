"""Published results beside a result: fetched with a checksum, from a table or from trees."""

import csv
import hashlib
import json
import re
import shutil
from pathlib import Path

import msgspec
import pytest

from tests.program import tinybench
from tests.runner.results.a_result import good_result
from tinybench.errors import FetchError, UsageError
from tinybench.runner.build.task import load_task
from tinybench.runner.compare.published import table
from tinybench.runner.compare.published.entry import Entry
from tinybench.runner.compare.published.standing import Standing, kind_of_core, standings
from tinybench.runner.compare.published.table import Table, fetch, load
from tinybench.runner.compare.published.trees import entries
from tinybench.runner.compare.store import summary
from tinybench.runner.report.document import document
from tinybench.runner.report.markdown import as_markdown
from tinybench.runner.report.page.html import as_html
from tinybench.runner.report.terminal.published import HINT, ranking, words
from tinybench.runner.report.terminal.text import facts
from tinybench.runner.results.result import Result
from tinybench.runner.results.stream import Streamed
from tinybench.runner.results.stream.score import score
from tinybench.runner.rules import judged

HEAD = ",".join(table.COLUMNS)


def _entry(submitter: str, latency_s: float | None, **changed: object) -> Entry:
    entry = Entry(
        round="1.1",
        division="closed",
        submitter=submitter,
        system="board",
        task="kws",
        processor="32-bit Arm® Cortex®-M4 (DSP + FPU)",
        latency_s=latency_s,
        energy_j=None,
        top1=0.902,
        auc=None,
    )
    return msgspec.structs.replace(entry, **changed)


PUBLISHED = Table(
    source="a test",
    sha256="0" * 64,
    entries=[
        _entry("reference", 0.3),
        _entry("fast", 0.1, system="<script>alert(1)</script>"),
        _entry("big", 0.001, processor="Qualcomm Oryon CPU"),
        _entry("slow", 0.4, processor="ARM Cortex-M4 with FPU", top1=0.9),
        _entry("cheat", 1e-6, division="open"),
        _entry("other", 1e-6, task="ic"),
        _entry("nothing", None, top1=None),
    ],
)


def _measured(**changed: object) -> Result:
    return good_result(**({"emulated": False, "time_base": "clock of the board"} | changed))


def test_a_result_has_its_place_among_the_published() -> None:
    """Share it beats, reference board, best of its kind of core, best of all; closed ones only."""
    top1, latency = standings(_measured(), PUBLISHED)
    assert (latency.metric, latency.value, latency.count) == ("latency", 10.2 / 50, 4)
    assert latency.better_than == 0.5  # than 0.3 s and 0.4 s, not than 0.1 s and 0.001 s
    assert latency.core == "Cortex-M4"
    assert latency.reference is not None
    assert latency.reference.value == 0.3
    assert {kind: one.submitter for kind, one in latency.best_per_core.items()} == {
        "Cortex-M4": "fast"
    }
    assert [(name, figure) for name, figure, _ in ranking(latency)] == [
        ("best of all", "1 ms"),
        ("Cortex-M4", "100 ms"),
        ("this result", "204 ms"),
        ("reference board", "300 ms"),
    ]
    assert latency.best.submitter == "big"
    assert (top1.metric, top1.better_than) == ("top-1", 0.25)  # 90.1 % beats 90.0 %


def _accuracy_among(task: str, auc: float, entries: list[Entry], name: str) -> Standing:
    """Return the standing of an AUC, of a set of 248 inputs, among entries."""
    good = good_result().accuracy
    assert good is not None
    accuracy = msgspec.structs.replace(good, top1=None, correct=None, auc=auc, count=248)
    inputs = msgspec.structs.replace(good_result().inputs, name=name, count=248)
    result = _measured(task=task, accuracy=accuracy, performance=None, inputs=inputs)
    (found,) = standings(result, Table(source="a test", sha256="0" * 64, entries=entries))
    return found


def _aucs(**counts: int) -> list[Entry]:
    """Return entries with AUCs such as 0.85, so many of each, by names such as `_85`."""
    return [
        _entry("any", None, task="ad", top1=None, auc=float(f"0.{name[1:]}"))
        for name, count in counts.items()
        for _ in range(count)
    ]


def test_a_place_is_given_by_the_digits_that_are_published() -> None:
    """.862037 is no better than what is printed as .86, nor than .862; it beats .85 and .861."""
    entries = _aucs(_85=13, _86=52, _862=3, _87=4, _89=3, _873=2)
    found = _accuracy_among("ad", 0.862037, entries, "ad01")
    assert (found.better_than, found.as_good_as, found.count) == (13 / 77, 55, 77)
    assert "better than 17% of 77 published and as good as 55" in words([found])[0]
    assert _accuracy_among("ad", 0.862037, _aucs(_861=1, _9=1), "ad01").better_than == 0.5
    assert _accuracy_among("ad", 0.9049, _aucs(_9=2), "ad01").as_good_as == 2


def test_the_published_table_of_all_rounds_ranks_so(shared_data: Path) -> None:
    """The AUC of the reference model: better than 17 % of 77, equal to 52 printed .86."""
    path = shared_data / "published_results.csv"
    entries = table.parse(path.read_bytes(), path.name)
    found = _accuracy_among("ad", 0.862037, entries, "ad01")
    assert (found.count, round((found.better_than or 0) * 100), found.as_good_as) == (77, 17, 55)


@pytest.mark.parametrize(
    ("task", "name"), [("ad", "ad01 (72 files)"), ("ic", "ic01 (list of round v0.5)")]
)
def test_another_list_of_inputs_has_no_place(task: str, name: str) -> None:
    """Its accuracy is not that of the inputs which the published ones have."""
    entries = [_entry("any", None, task=task, top1=None, auc=0.8)]
    found = _accuracy_among(task, 0.9, entries, name)
    assert (found.better_than, found.not_comparable) == (None, f"inputs of {name}")


def test_published_accuracies_of_a_replaced_list_are_not_compared_with() -> None:
    """ic01 had another list in round v0.5; kws01 had not."""
    name = "ic01 (list since round v0.7)"
    entries = [
        _entry("old", None, task="ic", round="0.5", auc=0.8),
        _entry("new", None, task="ic", round="1.1", auc=0.8),
    ]
    assert _accuracy_among("ic", 0.9, entries, name).count == 1


@pytest.mark.parametrize(
    ("changed", "metric", "why"),
    [
        ({"emulated": True}, "latency", "emulated"),
        ({"dataset": "embedded"}, "top-1", "embedded inputs"),
        ({"model": "custom"}, "latency", "another model"),
        ({"complete": False}, "top-1", "a part of a run"),
        ({"core": "host"}, "latency", "host process"),
    ],
)
def test_what_is_no_such_figure_has_no_place(
    changed: dict[str, object], metric: str, why: str
) -> None:
    """It is called not comparable, with the reason; published figures stand beside it."""
    if changed.get("model"):
        changed = {"model": msgspec.structs.replace(good_result().model, kind="custom")}
    found = {one.metric: one for one in standings(_measured(**changed), PUBLISHED)}
    assert found[metric].better_than is None
    assert why in found[metric].not_comparable
    assert any(f"{metric} not comparable ({why}" in text for text in words(list(found.values())))


def test_the_accuracy_of_a_part_of_the_set_has_no_place() -> None:
    """Six right answers of six are no 100 % of the benchmark."""
    accuracy = good_result().accuracy
    assert accuracy is not None
    part = msgspec.structs.replace(accuracy, count=6, correct=6, top1=1.0)
    found = {one.metric: one for one in standings(_measured(accuracy=part), PUBLISHED)}
    assert found["top-1"].better_than is None
    assert found["top-1"].not_comparable == "6 of 1000 inputs"
    assert found["latency"].better_than is not None


def test_an_emulated_accuracy_is_comparable() -> None:
    """Its outputs are those of the board; only its time is none."""
    found = {one.metric: one for one in standings(good_result(), PUBLISHED)}
    assert found["top-1"].better_than == 0.25
    assert found["latency"].better_than is None


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("32-bit Arm® Cortex®-M4 (DSP + FPU)", "Cortex-M4"),
        ("32-Bit ARM® Cortex®-M7", "Cortex-M7"),
        ("Arm Cortex-M33 32-bit RISC core", "Cortex-M33"),
        ("32-bit Arm® Cortex®-M0+", "Cortex-M0+"),
        ("Cortex-M4F", "Cortex-M4"),
        ("ARM Cortex A9 Based", "Cortex-A9"),
        ("AndesCore™ D25F, 5-stage, single-issue, RV32 IMACP", "RISC-V"),
        ("GAP9 Risc-v", "RISC-V"),
        ("HiFi3 + M0", ""),
        ("unknown core", ""),
    ],
)
def test_cores_are_compared_by_their_kind(text: str, kind: str) -> None:
    """However the submitters wrote it; M33 is no M3."""
    assert kind_of_core(text) == kind


def test_each_report_says_where_a_result_stands_or_how_to_know(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Terminal and HTML (both by facts), Markdown, JSON."""
    monkeypatch.setenv("TINYBENCH_CACHE", str(tmp_path / "cache"))
    result = _measured()
    verdict = judged(result, load_task("kws"))
    runs = [(result, verdict, summary(result, verdict, tmp_path))]
    assert ("published", HINT) in facts(result)
    assert HINT in as_markdown(runs)
    assert document(result, verdict, tmp_path)["published"] is None

    (tmp_path / "cache" / "published").mkdir(parents=True)
    (tmp_path / "cache" / table.STORED).write_bytes(msgspec.json.encode(PUBLISHED))
    said = [text for _, text in facts(result)]
    latency = "latency 204 ms is better than 50% of 4 published: reference board 300 ms"
    assert any(text.startswith(latency) for text in said)
    assert latency in as_markdown(runs)
    page = as_html(runs)
    assert re.search(r">this result</td><td[^>]*>204 ms</td>", page)
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
    stored = json.loads(msgspec.json.encode(document(result, verdict, tmp_path)))
    assert stored["published"][1]["better_than"] == 0.5


def test_a_table_is_fetched_from_a_mirror_by_its_checksum(
    tmp_path: Path, shared_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """365 results; a changed table is refused, and nothing is kept."""
    monkeypatch.setenv("TINYBENCH_MIRROR", str(shared_data / "mirror"))
    found = fetch([], tmp_path / "cache")
    assert len(found.entries) == 365
    assert load(tmp_path / "cache") == found
    with (shared_data / table.NAME).open(encoding="utf-8", newline="") as file:
        rates = [row["inf_per_s"] for row in csv.DictReader(file)]
    assert [1 / float(rate) if rate else None for rate in rates] == [
        entry.latency_s for entry in found.entries
    ]

    changed = tmp_path / "mirror"
    changed.mkdir()
    shutil.copy(shared_data / table.NAME, changed)
    with (changed / table.NAME).open("a") as file:
        file.write("1.3,closed,Me,board,kws" + "," * 15 + "\n")
    monkeypatch.setenv("TINYBENCH_MIRROR", str(changed))
    with pytest.raises(FetchError, match="it was not kept"):
        fetch([], tmp_path / "other")
    assert load(tmp_path / "other") is None


def test_without_a_mirror_the_way_to_the_results_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no public address of all rounds in one file."""
    monkeypatch.delenv("TINYBENCH_MIRROR", raising=False)
    with pytest.raises(FetchError, match="clone of https://github"):
        fetch([], tmp_path)


def test_trees_of_published_results_become_the_same_figures(
    tmp_path: Path, shared_data: Path
) -> None:
    """As `tinybench audit` reads them; what both have is equal."""
    whole = table.parse((shared_data / table.NAME).read_bytes(), table.NAME)
    known = {(e.round, e.submitter.lower(), e.system.lower(), e.task): e for e in whole}
    found = fetch([shared_data / "published"], tmp_path).entries
    compared = 0
    for entry in found:
        other = known[entry.round, entry.submitter.lower(), entry.system.lower(), entry.task]
        for name in ("latency_s", "energy_j", "top1", "auc"):
            ours, theirs = getattr(entry, name), getattr(other, name)
            if ours is not None and theirs is not None:
                assert ours == pytest.approx(theirs, rel=1e-3), (entry, name)
                compared += 1
    assert len(found) >= 10
    assert compared >= 20


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "it has no column round"),
        ("\xff\xfe", "no table of results"),
        (HEAD + "\n1.3,closed,Me,board,kws,M4,fast,,,\n", "column inf_per_s: 'fast' is no number"),
        (HEAD + "\n1.3,closed,Me,board,kws,M4,-1,,,\n", "'-1' is no number of 0 or more"),
        (HEAD + "\n1.3,closed,Me,board,kws,M4,inf,,,\n", "'inf' is no number"),
        (HEAD + "\n1.3,closed\n", ""),
    ],
)
def test_a_wrong_table_is_named(tmp_path: Path, text: str, message: str) -> None:
    """The file, the line and the column; nothing is kept."""
    path = tmp_path / "results.csv"
    path.write_bytes(text.encode("latin-1"))
    if not message:  # a short line has empty columns
        assert len(fetch([path], tmp_path).entries) == 1
        return
    with pytest.raises(UsageError, match=message):
        fetch([path], tmp_path)
    assert load(tmp_path) is None


def test_a_damaged_cache_is_as_if_nothing_was_fetched(tmp_path: Path) -> None:
    """A report does not fail over it."""
    (tmp_path / "published").mkdir()
    for text in ("", "{}", '{"format": 9, "source": "", "sha256": "", "entries": []}'):
        (tmp_path / table.STORED).write_text(text)
        assert load(tmp_path) is None


def test_the_command_fetches_a_table_of_the_users(tmp_path: Path) -> None:
    """`--from` is for published results only."""
    path = tmp_path / "own.csv"
    path.write_text(HEAD + "\n1.3,closed,Me,board,kws,Cortex-M4,5.0,,90.1,\n")
    cache = {"TINYBENCH_CACHE": str(tmp_path / "cache")}
    done = tinybench("fetch", "published", "--from", str(path), **cache)
    assert done.returncode == 0, done.stderr
    assert "1 published result " in done.stdout
    found = load(tmp_path / "cache")
    assert found is not None
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert found.entries[0].latency_s == 0.2
    wrong = tinybench("fetch", "kws", "--from", str(path), **cache)
    assert wrong.returncode == 2
    assert "tinybench fetch published" in wrong.stderr


def test_a_stream_stands_among_the_published_ones(shared_data: Path) -> None:
    """By the F1 that the runner's code counts, time of a frame, duty cycle and mean power; the same
    from the table of all rounds and from a tree; another recording has no place."""
    path = shared_data / "published_results.csv"
    listed = {e.system: e for e in table.parse(path.read_bytes(), path.name) if e.task == "sww"}
    tree = {one.system: one for one in entries(shared_data / "streaming" / "published" / "v1.3")}
    assert len(listed) == 9
    for system, one in tree.items():
        other = listed[system]
        for name in ("f1", "duty", "power_w", "latency_s", "energy_j"):
            assert getattr(one, name) == pytest.approx(getattr(other, name)), (system, name)
    among = Table(source="", sha256="0" * 64, entries=list(listed.values()))
    run = _heard(dataset="official", core="Cortex-M4F")
    found = {one.metric: one for one in standings(run, among)}
    assert set(found) == {"F1", "time of a frame", "duty cycle", "mean power"}
    assert (found["F1"].better_than, found["F1"].as_good_as, found["F1"].count) == (8 / 9, 1, 9)
    assert found["duty cycle"].better_than == 1
    assert found["duty cycle"].best_per_core["Cortex-M4"].value == 0.55914
    assert "modelled" in found["mean power"].not_comparable
    assert "best Cortex-M4 22.72 mW" in words([found["mean power"]])[0]
    mine = {one.metric: one for one in standings(_heard(dataset="embedded"), among)}
    assert mine["F1"].not_comparable == "embedded inputs"
    raw = path.read_bytes().replace(b"TP46 FN4 FP4", b"46/4/4")
    with pytest.raises(UsageError, match="column sww_acc"):
        table.parse(raw, path.name)


def _heard(**changes: object) -> Result:
    """Return a run on a board that found 46 of 50 words, with 4 alarms, in 3.2 ms a frame."""
    windows_s = [(10.0 * n, 10.0 * n + 0.5) for n in range(1, 51)]
    pulses_s = [at_s + 0.1 for at_s, _ in windows_s[:46]] + [5, 7, 515, 517]
    heard = {round(at_s / 0.032) for at_s in pulses_s}
    results = ["1.000,0.000" if n in heard else "0.000,1.000" for n in range(37_500)]
    streamed = Streamed(
        recording="long.wav", sound_sha256="0" * 64, samples=37_500 * 512, words_s=windows_s,
        loudness=[0], results=results, device_us=[3200] * 37_500, counted=37_500, outside=0,
        begun=1,
    )  # fmt: skip
    stream = score(streamed, whole=False, wraps=False, cycles=None, instruction_ns=0, currents=None)
    assert stream is not None
    stream = msgspec.structs.replace(stream, power_w=0.004)
    return msgspec.structs.replace(
        _measured(),
        task="sww",
        mode="stream",
        accuracy=None,
        performance=None,
        stream=stream,
        **changes,
    )
