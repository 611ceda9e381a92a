"""Images are built once, and say themselves which one they are."""

from pathlib import Path

import msgspec
import pytest

from tests import ROOT
from tests.firmware.dut_process import READY, DutProcess
from tinybench.runner.build import firmware
from tinybench.runner.build.board import load_board
from tinybench.runner.build.firmware import Image, build
from tinybench.runner.build.task import load_task

EMBEDDED = ROOT / "models" / "embedded"


def build_ad(**changes: str) -> Image:
    """Build the smallest embedded model for the host, with something else in its task."""
    task = msgspec.structs.replace(load_task("ad"), **changes)
    return build(load_board("host"), task, EMBEDDED / "ad01.tflite")


@pytest.fixture(scope="module")
def image() -> Image:
    """One image."""
    return build_ad()


def test_an_image_says_which_one_it_is(image: Image) -> None:
    """The build word of caps is the image's, so a board can be asked what it holds."""
    assert len(image.build_id) == 16
    with DutProcess([image.elf]) as dut:
        dut.read_until(READY)
        words = dut.ask(b"caps").removeprefix("m-caps-[").removesuffix("]\r\n").split()
    assert f"build-{image.build_id}" in words


def test_the_same_image_is_built_once(image: Image) -> None:
    """A second build is the first one's file, untouched."""
    changed_ns = Path(image.elf).stat().st_mtime_ns
    assert build_ad() == image
    assert Path(image.elf).stat().st_mtime_ns == changed_ns


def test_another_image_has_another_name(image: Image) -> None:
    """Whatever the image is made from is in its name."""
    assert build_ad(model_id="ad02").build_id != image.build_id


def test_an_image_of_an_older_version_is_built_again(
    image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an update what is known of an image may be more than its record holds."""
    newer = msgspec.defstruct("Image", [("later", int, 7)], bases=(Image,), frozen=True)
    monkeypatch.setattr(firmware, "Image", newer)
    found = build_ad()
    assert getattr(found, "later", None) == 7
    assert found.build_id != image.build_id
