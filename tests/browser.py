"""A real Chromium for the tests: opens pages, runs script in them, says what is wrong with them."""

import base64
import contextlib
import itertools
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

PROGRAMS = ("chromium-headless-shell", "chromium", "google-chrome")
TIMEOUT_S = 60.0
WORDS = (
    "--headless", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
    "--disable-dev-shm-usage", "--no-first-run", "--disable-extensions", "--mute-audio",
    "--disable-background-networking", "--disable-component-update", "--renderer-process-limit=1",
)  # fmt: skip
SHOTS = os.environ.get("TINYBENCH_SHOTS")
"""The folder that wants pictures of what the tests see; most of the processor is drawing them."""
TAB_STOPS = """
[...document.querySelectorAll("a[href],button,input,select,textarea,summary,[tabindex]")]
  .filter((one) => one.tabIndex >= 0 && !one.disabled && one.getClientRects().length).length
"""
TOO_WIDE = """
document.documentElement.scrollWidth <= innerWidth ? [] :
[...document.querySelectorAll("body *")]
  .filter((one) => one.getBoundingClientRect().right > innerWidth + 1)
  .slice(-5).map((one) => one.outerHTML.slice(0, 120))
"""
HEADINGS = (
    "[...document.querySelectorAll('h1,h2,h3,h4,h5,h6')].map((one) => Number(one.tagName[1]))"
)
AXE = """
axe.run({exclude: [[".lines div:nth-child(n+20)"]]}, {resultTypes: ["violations"]})
  .then((found) => found.violations.map((one) =>
  `${one.id} (${one.impact}): ${one.help}: ` +
  one.nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(" | ")))
"""


def found_program() -> str | None:
    """Return the path of a Chromium; None where there is none."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


class Browser:
    """One Chromium with one tab. Ref: Chrome DevTools Protocol, by its pipe: no port, no socket."""

    def __init__(self, profile: Path) -> None:
        program = found_program()
        if program is None:
            pytest.fail("no Chromium on this machine; make setup-test installs one")
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()

        def as_it_wants() -> None:  # it reads 3 and writes 4
            high_in, high_out = os.dup2(theirs_in, 100), os.dup2(theirs_out, 101)
            os.dup2(high_in, 3)
            os.dup2(high_out, 4)

        self._process = subprocess.Popen(
            [program, *WORDS, f"--user-data-dir={profile}", "about:blank"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            close_fds=False,
            preexec_fn=as_it_wants,  # noqa: PLW1509 - no thread of ours runs yet
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self._numbers = itertools.count(1)
        self._held = b""
        self._session = ""
        self.said: list[str] = []
        """Errors and warnings of the page's console."""
        self._loaded = False
        target = self._ask("Target.createTarget", url="about:blank")["targetId"]
        attached = self._ask("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self._ask(f"{domain}.enable")

    def open(
        self, address: str, *, width: int = 1280, height: int = 900, dark: bool = False
    ) -> None:
        """Load a page, in a window of that size, and wait until it is whole."""
        self.resize(width, height, dark=dark)
        self._loaded, self.said = False, []
        found = self._ask("Page.navigate", url=address)
        assert "errorText" not in found, f"{address}: {found['errorText']}"
        deadline = time.monotonic() + TIMEOUT_S
        while not self._loaded:
            self._take(self._read(deadline))

    def resize(self, width: int, height: int = 900, *, dark: bool = False, media: str = "") -> None:
        """Give the window another size, the system another colour scheme, the page other media."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self._ask("Emulation.setDeviceMetricsOverride", **size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._ask("Emulation.setEmulatedMedia", media=media, features=[scheme])

    @contextlib.contextmanager
    def trusting(self) -> Iterator[None]:
        """Take any certificate, as a person does who clicks on: a lab's authority is its own."""
        self._ask("Security.setIgnoreCertificateErrors", ignore=True)
        try:
            yield
        finally:
            self._ask("Security.setIgnoreCertificateErrors", ignore=False)

    def run(self, script: str) -> Any:
        """Return what a script in the page gives, a promise's value too."""
        found = self._ask(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def press(self, key: str) -> None:
        """Press a key, such as "ArrowRight" or "+"."""
        text = {"text": key} if len(key) == 1 else {}
        self._ask("Input.dispatchKeyEvent", type="keyDown", key=key, **text)
        self._ask("Input.dispatchKeyEvent", type="keyUp", key=key)

    def faults(self) -> list[str]:
        """Return what axe-core finds wrong with the page."""
        if not self.run("'axe' in window"):
            self.run(files("axe_core_python").joinpath("axe.min.js").read_text("utf-8"))
        return self.run(AXE)

    def shoot(self, path: Path, *, whole: bool = True) -> None:
        """Write a picture of the whole page, or of what the window shows of it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        found = self._ask("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(found["data"]))

    def leave(self, name: str) -> None:
        """Write a picture of the whole page for who looks at it, where a folder is named for it."""
        if SHOTS:
            self.shoot(Path(SHOTS) / f"{name}.png")

    @contextlib.contextmanager
    def without(self, *addresses: str) -> Iterator[None]:
        """Fetch nothing whose address is like one of these."""
        self._ask("Network.enable")
        self._ask("Network.setBlockedURLs", urls=list(addresses))
        try:
            yield
        finally:
            self._ask("Network.setBlockedURLs", urls=[])

    def close(self) -> None:
        """End the program."""
        self._session = ""
        with contextlib.suppress(OSError, AssertionError):
            self._ask("Browser.close")
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._in)
        os.close(self._out)

    def _ask(self, method: str, **words: Any) -> dict[str, Any]:
        number = next(self._numbers)
        asked = {"id": number, "method": method, "params": words}
        if self._session:
            asked["sessionId"] = self._session
        raw = json.dumps(asked).encode() + b"\0"
        while raw:
            raw = raw[os.write(self._out, raw) :]
        deadline = time.monotonic() + TIMEOUT_S
        while (found := self._read(deadline)).get("id") != number:
            self._take(found)
        assert "error" not in found, f"{method}: {found['error']}"
        return found["result"]

    def _read(self, deadline: float) -> dict[str, Any]:
        while b"\0" not in self._held:
            ready, _, _ = select.select([self._in], [], [], max(0.0, deadline - time.monotonic()))
            piece = os.read(self._in, 1 << 20) if ready else b""
            assert piece, "the browser is gone" if ready else "the browser says nothing"
            self._held += piece
        raw, _, self._held = self._held.partition(b"\0")
        return json.loads(raw)

    def _take(self, event: dict[str, Any]) -> None:
        """Note what the browser says by itself."""
        method, said = event.get("method"), event.get("params", {})
        if method == "Page.loadEventFired":
            self._loaded = True
        elif method == "Runtime.exceptionThrown":
            self.said.append(str(said["exceptionDetails"]))
        elif method == "Log.entryAdded" and said["entry"]["level"] in ("error", "warning"):
            self.said.append(f"{said['entry']['text']} {said['entry'].get('url', '')}")
        elif method == "Runtime.consoleAPICalled" and said["type"] in ("error", "warning"):
            self.said.append(str(said["args"]))


@contextlib.contextmanager
def browser(profile: Path) -> Iterator[Browser]:
    """Start a Chromium with a profile of its own, and end it."""
    opened = Browser(profile)
    try:
        yield opened
    finally:
        opened.close()
