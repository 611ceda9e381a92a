"""Images are built once, and say themselves which one they are."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from tests import ROOT
from tests.firmware.dut_process import READY, DutProcess
from tinybench.files import write_whole
from tinybench.runner.build import firmware
from tinybench.runner.build.board import load_board
from tinybench.runner.build.firmware import Image, build
from tinybench.runner.build.make.objects import keep, objects_of
from tinybench.runner.build.task import load_task

EMBEDDED = ROOT / "models" / "embedded"
TIMEOUT_S = 120


def build_ad(**changes: str) -> Image:
    """Build the smallest embedded model for the host, with something else in its task."""
    task = msgspec.structs.replace(load_task("ad"), **changes)
    return build(load_board("host"), task, EMBEDDED / "ad01.tflite")


@pytest.fixture(scope="module", autouse=True)
def own_images(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A cache that no other worker builds into: where an image lies is looked at here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TINYBENCH_CACHE", str(tmp_path_factory.mktemp("images")))
        yield


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


def test_an_object_without_a_model_in_it_is_compiled_once(
    image: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another model is the work of two files; the image is that of a build from nothing."""
    compiled = tmp_path / "compiled"
    gcc = tmp_path / "gcc"
    gcc.write_text(f'#!/bin/sh\necho "$@" >>{compiled}\nexec {shutil.which("gcc")} "$@"\n')
    gcc.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    lent = build_ad(model_id="ad04")
    assert lent.build_id != image.build_id
    words = [line.split() for line in compiled.read_text().splitlines()]
    files = [Path(said[said.index("-c") + 1]).name for said in words if "-c" in said]
    assert sorted(files) == ["command.c", "model.c"]
    monkeypatch.setenv("TINYBENCH_CACHE", str(tmp_path / "empty"))
    alone = build_ad(model_id="ad04")
    assert alone.elf_sha256 == lent.elf_sha256


def test_an_image_of_an_older_version_is_built_again(
    image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an update what is known of an image may be more than its record holds."""
    newer = msgspec.defstruct("Image", [("later", int, 7)], bases=(Image,), frozen=True)
    monkeypatch.setattr(firmware, "Image", newer)
    found = build_ad()
    assert getattr(found, "later", None) == 7
    assert found.build_id != image.build_id


def test_what_a_killed_build_left_is_swept_by_a_later_one(
    image: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`kill -9` while make works, which goes on alone: its folder is left to it until it ends."""
    monkeypatch.setenv("TINYBENCH_CACHE", str(tmp_path / "cache"))
    script = "from tests.runner.build.test_firmware import build_ad; build_ad(model_id='ad03')"
    images = tmp_path / "cache" / "firmware"
    deadline_s = time.monotonic() + TIMEOUT_S
    with subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, env=os.environ) as process:
        while not list(images.glob(".build-*/in/image/**/*.o")):
            assert time.monotonic() < deadline_s
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    (left,) = images.glob(".build-*")
    built = build_ad()
    while left.exists():
        assert time.monotonic() < deadline_s
        build_ad()
    assert built.build_id == image.build_id
    assert list(images.iterdir()) == [Path(built.elf).parent]


def test_boards_of_one_core_share_what_knows_no_port() -> None:
    """Kernels, features and the protocol; not what knows clock and pins, nor another image's."""
    one, other = (objects_of(load_board(name), "test") for name in ("nucleo-f446re", "nrf52840-dk"))
    assert {name for name in one if one[name] == other[name]} == {"kernels", "audio", "core"}
    energy = objects_of(load_board("nucleo-f446re"), "test", True)
    assert {name for name in one if one[name] == energy[name]} == {"kernels", "audio"}


def test_a_build_ends_well_where_its_objects_cannot_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk, or a cache that is emptied meanwhile, takes no image away; the rest is kept."""
    (tmp_path / "kernels").mkdir()
    for name in "ab":
        (tmp_path / "kernels" / f"{name}.o").write_bytes(b"code")

    def full(path: Path, data: bytes) -> None:
        if path.name == "a.o":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write_whole(path, data)

    monkeypatch.setattr(f"{keep.__module__}.write_whole", full)
    keep({"kernels": tmp_path / "kept"}, tmp_path)
    assert [one.name for one in (tmp_path / "kept").iterdir()] == ["b.o"]
    keep({"kernels": tmp_path / "kernels" / "a.o" / "no folder"}, tmp_path)


def test_builds_at_once_keep_whole_objects(tmp_path: Path) -> None:
    """Of boards that threads of one program build for, and of several programs."""
    objects = {"kernels": tmp_path / "kept"}
    works = [tmp_path / str(number) for number in range(6)]
    for number, work in enumerate(works):
        (work / "kernels").mkdir(parents=True)
        for name in "abcd":
            (work / "kernels" / f"{name}.o").write_bytes(bytes([number]) * 20_000)
    with ThreadPoolExecutor(len(works)) as pool:
        for kept in [pool.submit(keep, objects, work) for work in works * 20]:
            kept.result()
    assert {one.name for one in objects["kernels"].iterdir()} == {"a.o", "b.o", "c.o", "d.o"}
    for one in objects["kernels"].iterdir():
        assert one.read_bytes() in [bytes([number]) * 20_000 for number in range(6)]
