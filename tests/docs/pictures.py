"""Makes the pictures of the first page: what a terminal shows of a run, and the run's report.

`python -m tests.docs.pictures`, or `make docs`. The run is a real one. Its text is shown line by
line; what differs from one time to the next, as how long the build took, is left out.
"""

import html
import re
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

from tests.browser import Browser, browser, found_program
from tests.docs.blocks import DOCS

RECORDING = DOCS / "pictures" / "run.svg"
SCREENSHOT = DOCS / "pictures" / "report.png"
COMMAND = "tinybench --board mps2-an386 --task kws"
COLUMNS = 112
CHANGING = re.compile(r"^\w+: \d+ of \d+ in |^run folder: |^clock ")
LINE_PX, CHAR_PX, TOP_PX = 18, 7.7, 44
EACH_S = 0.12
"""From one line to the next."""
STYLE = """\
svg{background:#16191d;border-radius:8px}text{font:13px ui-monospace,Menlo,Consolas,monospace;
fill:#d7dce2;white-space:pre}.said{fill:#7fd6a0}.good{fill:#4cc26a;font-weight:700}
text{animation:come .01s both}@keyframes come{from{visibility:hidden}}
@media(prefers-reduced-motion:reduce){text{animation:none}}"""


def recording(text: str) -> str:
    """Return the picture of a terminal in which a command was typed and has said this."""
    lines = [f"$ {COMMAND}", ""]
    for line in text.splitlines():
        if not CHANGING.match(line):
            lines += textwrap.wrap(
                line, COLUMNS, drop_whitespace=len(line) > COLUMNS, subsequent_indent=" " * 14
            ) or [""]
    height = TOP_PX + LINE_PX * len(lines)
    width = round(COLUMNS * CHAR_PX + 28)
    verdict = next((n for n, line in enumerate(lines) if line.startswith("valid")), len(lines))
    shown = "".join(
        f'<text x="14" y="{TOP_PX + LINE_PX * n}" style="animation-delay:{0.6 + n * EACH_S:.2f}s"'
        f"{_kind(n, verdict)}>{html.escape(line)}</text>"
        for n, line in enumerate(lines)
        if line.strip()
    )
    dots = "".join(
        f'<circle cx="{18 + 18 * n}" cy="16" r="5" fill="{fill}"/>'
        for n, fill in enumerate(("#ff6b60", "#f0c25a", "#4cc26a"))
    )
    label = f'role="img" aria-label="a terminal: {html.escape(COMMAND)}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" {label}>'
        f"<style>{STYLE}</style>{dots}{shown}</svg>\n"
    )


def _kind(number: int, verdict: int) -> str:
    if number == 0:
        return ' class="said"'
    return ' class="good"' if number >= verdict else ""


def main() -> int:
    """Do the run, and write both pictures; the second needs a Chromium."""
    program = Path(sys.executable).with_name("tinybench")
    with tempfile.TemporaryDirectory() as scratch:
        run, page = Path(scratch) / "run", Path(scratch) / "report.html"
        words = [program, *COMMAND.split()[1:], "--out", run]
        done = subprocess.run(
            words,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            timeout=600,
            check=True,
        )
        RECORDING.write_text(recording(done.stdout.strip()), encoding="utf-8")
        subprocess.run(
            [program, "report", run, "--to", "html", "-o", page],
            capture_output=True, timeout=600, check=True,
        )  # fmt: skip
        if found_program() is None:
            print(f"no Chromium here: {SCREENSHOT.name} stays as it is")
            return 0
        with browser(Path(scratch) / "profile") as opened:
            _shoot(opened, page)
    return 0


def _shoot(opened: Browser, page: Path) -> None:
    opened.open(f"file://{page}", width=1180, height=900)
    opened.shoot(SCREENSHOT, whole=False)


if __name__ == "__main__":
    sys.exit(main())
