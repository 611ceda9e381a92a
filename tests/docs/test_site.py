"""The documentation site builds without a warning, holds every page, and asks no other server."""

import json
import re
import subprocess
import sys
import tomllib
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser import TOO_WIDE, Browser
from tests.docs import commands_page, operators_page, pictures, python_page, schema_page
from tests.docs.blocks import DOCS
from tests.docs.site import CONFIG, build, prepare
from tinybench import errors

ROOT = DOCS.parent
CHANGES = "changelog.md"
"""Made of CHANGELOG.md when the site is built."""
PAGES = sorted(path.name for path in DOCS.glob("*.md"))
LINKS = """
[...document.querySelectorAll("a[href]")].filter((one) => one.protocol === "file:")
  .map((one) => decodeURIComponent(one.pathname.split("/build/site/")[1] + one.hash))
"""


def _pages(nav: object) -> Iterator[str]:
    if isinstance(nav, str):
        yield nav
    elif isinstance(nav, dict):
        for below in nav.values():
            yield from _pages(below)
    elif isinstance(nav, list):
        for below in nav:
            yield from _pages(below)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, as `make docs` builds it."""
    folder = tmp_path_factory.mktemp("site")
    prepare(folder, "https://forge.example/us/tinybench/")
    assert "No issues found" in build(folder)
    return folder / "build" / "site"


def test_every_page_has_its_place() -> None:
    """A new page of docs/ is added to `nav` in zensical.toml, or nobody finds it."""
    nav = tomllib.loads(CONFIG.read_text())["project"]["nav"]
    assert sorted(_pages(nav)) == sorted([*PAGES, CHANGES])


def test_the_site_works_without_a_network(site: Path) -> None:
    """No script, style, font or picture comes from elsewhere."""
    fetched = re.compile(
        r"<(?:script|link|img|iframe)\b[^>]*?\b(?:src|href)=[\"']?(https?:[^\s\"'>]+)"
    )
    for page in PAGES:
        html = (site / page).with_suffix(".html").read_text(encoding="utf-8")
        assert fetched.findall(html) == []
        assert "fonts.googleapis" not in html


def test_the_search_works_in_a_page_that_was_opened_as_a_file(site: Path) -> None:
    """Its index is a script, which a file may load; its worker runs in a frame."""
    html = (site / "results.html").read_text(encoding="utf-8")
    scripts = re.findall(r"<script src=\"([^\"]+)\"", html)
    assert len(scripts) == 2
    assert all((site / script).is_file() for script in scripts)
    assert scripts[0].endswith("iframe-worker.js")
    index = (site / "search.js").read_text(encoding="utf-8")
    assert index.startswith("var __index = {")
    items = json.loads(index.removeprefix("var __index = ").rstrip().rstrip(";"))["items"]
    assert {Path(item["location"].partition("#")[0]).stem for item in items} >= {
        Path(page).stem for page in PAGES
    }


def test_a_page_leads_to_the_next_one_and_turns_dark(site: Path) -> None:
    """Previous and next page, and a switch of the colours that begins as the system has them."""
    html = (site / "results.html").read_text(encoding="utf-8")
    assert "md-footer__link--prev" in html
    assert "md-footer__link--next" in html
    assert 'data-md-color-scheme="slate"' in html
    assert 'data-md-color-media="(prefers-color-scheme)"' in html


def test_a_page_has_a_link_that_edits_it_where_the_repository_is_known(
    site: Path, tmp_path: Path
) -> None:
    """As `make docs REPOSITORY=...` says; none that leads nowhere. The changes are a page, too."""
    html = (site / "results.html").read_text(encoding="utf-8")
    assert 'href="https://forge.example/us/tinybench/edit/main/docs/results.md"' in html
    prepare(tmp_path)
    assert "repo_url" not in (tmp_path / CONFIG.name).read_text(encoding="utf-8")
    assert '<h1 id="changes"' in (site / "changelog.html").read_text(encoding="utf-8")


def test_the_recording_is_a_picture_that_needs_nothing(tmp_path: Path) -> None:
    """Of a run: what was typed, what came, and the verdict; lines that change are left out."""
    drawn = pictures.RECORDING.read_text(encoding="utf-8")
    tree = ET.fromstring(drawn)  # noqa: S314 - our own
    said = ["".join(one.itertext()) for one in tree.iter("{http://www.w3.org/2000/svg}text")]
    assert said[0] == f"$ {pictures.COMMAND}"
    assert any(line.startswith("valid (emulated") for line in said)
    assert not any(pictures.CHANGING.match(line) for line in said)
    assert max(map(len, said)) <= pictures.COLUMNS
    assert not re.search(r"href|url\(|@import|script", drawn)
    made = pictures.recording("board   a <b>\nbuild: 1 of 1 in 2 s\n" + "word " * 40)
    assert "a &lt;b&gt;" in made
    assert "1 of 1" not in made
    assert len(pictures.SCREENSHOT.read_bytes()) < 300_000


def test_each_page_opens_in_a_browser(site: Path, chromium: Browser) -> None:
    """On a phone, from a file: no error, nothing wider than the page, each link leads somewhere.

    The words of all pages are read for its search by the first page alone: it takes half the time.
    """
    wrong = []
    chromium.open(f"file://{site / 'index.html'}", width=390)
    wrong += [f"index.md: {words}" for words in chromium.said]
    with chromium.without("*search*"):
        for page in (*PAGES, CHANGES):
            chromium.open(f"file://{(site / page).with_suffix('.html')}", width=390)
            wide = chromium.run(TOO_WIDE)
            wrong += [f"{page}: {words}" for words in (*chromium.said, *wide)]
            for link in chromium.run(LINKS):
                path, _, anchor = link.partition("#")
                target = site / path
                if not target.is_file():
                    wrong.append(f"{page}: {link}: there is no such file")
                elif anchor and f'id="{anchor}"' not in target.read_text(encoding="utf-8"):
                    wrong.append(f"{page}: {link}: there is no such place")
    assert wrong == []
    chromium.open(f"file://{site / 'index.html'}", width=1280)
    for width, dark in ((1280, False), (1280, True), (390, False), (390, True)):
        chromium.resize(width, dark=dark)
        chromium.leave(f"docs-{width}-{'dark' if dark else 'light'}")


def test_the_citation_keeps_its_published_schema_and_names_this_version() -> None:
    """What GitHub and reference managers read."""
    path = ROOT / "CITATION.cff"
    words = ["check_jsonschema", "--builtin-schema", "vendor.citation-file-format", str(path)]
    done = subprocess.run([sys.executable, "-m", *words], capture_output=True, check=False)
    assert done.returncode == 0, done.stdout.decode()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert f"\nversion: {project['version']}\n" in path.read_text()
    assert f"\nlicense: {project['license']}\n" in path.read_text()


def test_links_between_pages_lead_somewhere() -> None:
    """Also those that the site's own builder takes for another's."""
    for page in PAGES:
        text = (DOCS / page).read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
            if not re.match(r"[a-z]+:", target):
                assert (DOCS / target).is_file(), f"{page}: {target}"


def test_the_page_of_errors_names_each_with_its_exit_status() -> None:
    """As tinybench/errors.py has them."""
    told = dict(re.findall(r"^\| `(\w+)` \| ([0-9]) \|", (DOCS / "errors.md").read_text(), re.M))
    raised = {
        name: str(kind.exit_status)
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, errors.TinybenchError)
    }
    del raised["TinybenchError"], raised["BenchError"]
    assert told == raised


def test_the_page_of_the_schema_is_that_of_the_code() -> None:
    """After a change of result.py: make schema."""
    assert (DOCS / "schema.md").read_text(encoding="utf-8") == schema_page.page()


def test_the_page_of_python_is_that_of_the_code() -> None:
    """After a change of a docstring of the door: make schema."""
    assert (DOCS / "python.md").read_text(encoding="utf-8") == python_page.page()


def test_the_page_of_operators_is_that_of_the_code() -> None:
    """After a change of an operator: make schema."""
    assert (DOCS / "operators.md").read_text(encoding="utf-8") == operators_page.page()


def test_the_page_of_commands_is_that_of_the_code() -> None:
    """After a change of a command or an option: make schema."""
    assert (DOCS / "commands.md").read_text(encoding="utf-8") == commands_page.page()
