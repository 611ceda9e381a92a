"""udev: the rules are rules, and what stands between a user and a board is named."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.runner.desk.plugged import NUCLEO
from tinybench.energy.monitor import monitors_by_usb
from tinybench.runner import cli
from tinybench.runner.desk import udev
from tinybench.runner.desk.attached import Attached, Thing, boards_by_usb, usb_list
from tinybench.runner.desk.udev import examine, rules

ITEM = re.compile(r'([A-Z_]+)(?:\{([^{}"]+)\})?(==|!=|\+=|:=|=)"([^"]*)"')
MATCHES = {"ACTION", "SUBSYSTEM", "ATTRS"}
ASSIGNMENTS = {"ENV": "=", "MODE": "=", "GROUP": "=", "TAG": "+=", "GOTO": "=", "LABEL": "="}
VERIFIES = 254
"""The first version of systemd whose udevadm can verify rules."""
THINGS = [
    Thing(
        usb="0483:374b",
        serial=NUCLEO,
        ports=["/dev/ttyACM0"],
        probe="ST-LINK/V2-1",
        node="/dev/bus/usb/001/004",
    ),
    Thing(usb="16d0:10ba", monitor="joulescope", node="/dev/bus/usb/001/005"),
    Thing(ports=["/dev/ttyS0"]),
]
FOUND = Attached(THINGS, [], [])


def parsed(line: str) -> list[tuple[str, str, str, str]]:
    """Return (key, attribute, operator, value) of each part of a rule; udev(7)."""
    items = []
    for part in line.split(", "):
        match = ITEM.fullmatch(part)
        assert match is not None, part
        items.append((match[1], match[2] or "", match[3], match[4]))
    return items


def test_every_line_is_a_rule_that_udev_reads(tmp_path: Path) -> None:
    """Known keys and operators, every GOTO with its LABEL; and udevadm's word where it has one."""
    lines = [line for line in rules().splitlines() if not line.startswith("#")]
    gotos, labels = set(), set()
    for line in lines:
        for key, attribute, operator, value in parsed(line):
            assert (operator in ("==", "!=")) == (key in MATCHES)
            assert key in MATCHES or ASSIGNMENTS[key] == operator
            assert bool(attribute) == (key in ("ATTRS", "ENV"))
            gotos |= {value} if key == "GOTO" else set()
            labels |= {value} if key == "LABEL" else set()
    assert gotos == labels
    assert all(len(line) < 1024 for line in lines)
    (tmp_path / "60-tinybench.rules").write_text(rules())
    if _udev_version() >= VERIFIES:
        subprocess.run(
            ["udevadm", "verify", str(tmp_path / "60-tinybench.rules")], check=True, timeout=60
        )


def _udev_version() -> int:
    """Return the version of udev on this computer; 0 without it."""
    if shutil.which("udevadm") is None:
        return 0
    done = subprocess.run(["udevadm", "--version"], capture_output=True, check=True, timeout=60)
    return int(done.stdout)


def test_the_rules_know_every_board_probe_and_monitor() -> None:
    """ModemManager leaves each alone, and the user at the screen may open it."""
    listed = usb_list()
    known = {usb for one in (*listed.probe, *listed.own) for usb in one.usb}
    for usb in {*known, *boards_by_usb(), *monitors_by_usb()}:
        vendor, product = usb.split(":")
        if vendor in listed.vendors:
            continue
        (line,) = (
            line
            for line in rules().splitlines()
            if f'ATTRS{{idVendor}}=="{vendor}", ATTRS{{idProduct}}=="{product}"' in line
        )
        said = parsed(line)
        assert ("ENV", "ID_MM_DEVICE_IGNORE", "=", "1") in said
        assert ("TAG", "", "+=", "uaccess") in said
        assert ("MODE", "", "=", "0660") in said
    assert 'ATTRS{idVendor}=="1366", ENV' in rules()


def test_what_may_not_be_opened_is_named_with_what_to_type(tmp_path: Path) -> None:
    """A port by its group, a probe and a USB monitor by the rules."""
    findings = {
        finding.name: finding
        for finding in examine(FOUND, tmp_path / "none", tmp_path, lambda _: False)
    }
    assert findings["/dev/ttyACM0"].found == ""
    assert findings["/dev/ttyACM0"].remedy.startswith("sudo usermod -aG ")
    for name in ("/dev/bus/usb/001/004 0483:374b", "/dev/bus/usb/001/005 16d0:10ba"):
        assert "udev rules" in findings[name].remedy
        assert findings[name].found == ""
    open_ = examine(FOUND, tmp_path / "none", tmp_path, lambda _: True)
    assert all(finding.found for finding in open_ if finding.name.startswith("/dev"))


def test_modem_manager_is_seen_and_is_no_harm_once_it_is_told(tmp_path: Path) -> None:
    """It writes modem commands to each new port, unless a rule says not to."""
    processes = tmp_path / "proc"
    for number, name in ((1, "systemd"), (77, "ModemManager")):
        (processes / str(number)).mkdir(parents=True)
        (processes / str(number) / "comm").write_text(f"{name}\n")
    file = tmp_path / "60-tinybench.rules"

    def modem_manager(found: Attached) -> tuple[bool, str]:
        (one,) = (
            finding
            for finding in examine(found, file, processes, lambda _: True)
            if finding.name == "ModemManager"
        )
        return bool(one.found), one.needed_for + one.remedy

    fine, words = modem_manager(FOUND)
    assert not fine
    assert "/dev/ttyACM0" in words
    assert "ttyS0" not in words
    assert "systemctl stop ModemManager" in words
    assert not modem_manager(Attached([], [], []))[0]
    file.write_text(rules())
    assert modem_manager(FOUND)[0]
    foreign = Attached([Thing(usb="1a86:7523", ports=["/dev/ttyUSB0"])], [], [])
    assert not modem_manager(foreign)[0]
    (processes / "77" / "comm").write_text("bash\n")
    assert modem_manager(foreign)[0]


def test_rules_of_another_version_are_seen(tmp_path: Path) -> None:
    """Boards may have come since."""
    file = tmp_path / "rules"

    def told() -> tuple[str, str]:
        (one,) = (
            finding
            for finding in examine(FOUND, file, tmp_path, lambda _: True)
            if finding.name == "udev rules"
        )
        return one.found, one.remedy

    assert told() == ("", "install those below")
    file.write_text("# old\n")
    assert told() == ("", "install those below: they are of another version")
    file.write_text(rules())
    assert told()[0] == "those of this version"


def test_the_command_shows_findings_rules_and_how_to_install_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And `--to rules` the rules alone, for a pipe; nothing is written."""
    monkeypatch.setattr(udev, "look", lambda: Attached([], [], ["no libusb"]))
    before = udev.RULES_FILE.exists()
    assert cli.main(["doctor", "--udev", "--to", "rules"]) == 0
    assert capsys.readouterr().out == rules()
    cli.main(["doctor", "--udev"])
    shown = capsys.readouterr().out
    assert rules() in shown
    assert "tinybench doctor --udev --to rules | sudo tee /etc/udev/rules.d/" in shown
    assert "udevadm control --reload-rules" in shown
    assert "no libusb" in shown
    cli.main(["doctor", "--udev", "--json"])
    names = [finding["name"] for finding in json.loads(capsys.readouterr().out)]
    assert names[:2] == ["udev rules", "ModemManager"]
    assert udev.RULES_FILE.exists() == before
