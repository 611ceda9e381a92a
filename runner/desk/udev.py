"""May this user reach boards, probes and monitors, and does nobody else talk to them (Linux)."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

from .attached import Attached, boards_by_usb, look, monitors_by_usb, usb_list
from .doctor import Finding

RULES_FILE = Path("/etc/udev/rules.d/60-tinybench.rules")
"""Before 73, where `uaccess` is acted on, and before ModemManager's own rules at 77."""
GROUP = "dialout"
MODEM_MANAGER = "ModemManager"


def rules() -> str:
    """Return udev rules for every declared board, known debug probe and energy monitor.

    ModemManager leaves them alone; the user at the screen and the group `dialout` may open them.
    Ref: udev(7); ModemManager, ID_MM_DEVICE_IGNORE.
    """
    listed = usb_list()
    known: dict[str, list[str]] = {}
    for before, kind in (("", listed.probe), ("boot loader of ", listed.boot_loader),
                         ("", listed.application)):  # fmt: skip
        for one in kind:
            for usb in one.usb:
                known.setdefault(usb, []).append(before + one.name)
    for usb, names in boards_by_usb().items():
        known.setdefault(usb, []).extend(names)
    for usb, driver in monitors_by_usb().items():
        known.setdefault(usb, []).append(driver)
    lines = [
        "# tinybench: boards, debug probes and energy monitors.",
        'ACTION=="remove", GOTO="tinybench_end"',
        'SUBSYSTEM!="usb|tty|hidraw", GOTO="tinybench_end"',
    ]
    for vendor, kind in sorted(listed.vendors.items()):
        lines += [f"# {kind}", _rule(f'ATTRS{{idVendor}}=="{vendor}"')]
    for usb, names in sorted(known.items()):
        vendor, product = usb.split(":")
        if vendor not in listed.vendors:
            where = f'ATTRS{{idVendor}}=="{vendor}", ATTRS{{idProduct}}=="{product}"'
            lines += [f"# {', '.join(dict.fromkeys(names))}", _rule(where)]
    return "\n".join([*lines, 'LABEL="tinybench_end"', ""])


def _rule(where: str) -> str:
    return (
        f'{where}, ENV{{ID_MM_DEVICE_IGNORE}}="1", ENV{{ID_MM_PORT_IGNORE}}="1", '
        f'MODE="0660", GROUP="{GROUP}", TAG+="uaccess"'
    )


def commands() -> str:
    """Return what to type to install the rules."""
    return (
        f"tinybench doctor --udev --to rules | sudo tee {RULES_FILE}\n"
        "sudo udevadm control --reload-rules && sudo udevadm trigger"
    )


def examine(
    found: Attached | None = None,
    rules_file: Path = RULES_FILE,
    processes: Path = Path("/proc"),
    may: Callable[[str], bool] = lambda path: os.access(path, os.R_OK | os.W_OK),
) -> list[Finding]:
    """Look for what stands between this user and what is attached.

    `may` tells whether a device file can be read and written. Raises TransportError when the
    system cannot list its serial ports.
    """
    found = found or look()
    findings = [_installed(rules_file), _modem_manager(found, rules_file, processes)]
    if not sys.platform.startswith("linux"):
        words = "not of this system, which needs none for serial ports"
        findings = [Finding("udev rules", words, "ports and probes for this user", "")]
    for thing in found.things:
        findings += [_access(path, may, _join_group(path)) for path in thing.ports]
        if thing.node and (thing.probe or thing.boot_loader or (thing.monitor and not thing.ports)):
            findings.append(_access(thing.node, may, "install the udev rules below", thing.usb))
    findings += [
        Finding("USB devices", "", "debug probes, USB monitors and hubs", why, required=False)
        for why in found.unseen
    ]
    return findings


def _installed(rules_file: Path) -> Finding:
    try:
        there = rules_file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        there = ""
    said = "those of this version" if there == rules() else ""
    remedy = "install those below" + (": they are of another version" if there else "")
    return Finding("udev rules", said, "ports and probes for this user", remedy, required=False)


def _modem_manager(found: Attached, rules_file: Path, processes: Path) -> Finding:
    """Return whether ModemManager is kept from writing modem commands to new ports."""
    running = False
    for comm in processes.glob("[0-9]*/comm"):
        try:
            running = running or comm.read_text().strip() == MODEM_MANAGER
        except OSError:
            continue  # it has ended
    harm = "it writes to each new port, which a board takes for commands"
    if not running:
        return Finding(MODEM_MANAGER, "not running", harm, "")
    try:
        ours = rules_file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        ours = ""
    unknown = [thing for thing in found.things if thing.ports and not _ignored(thing.usb, ours)]
    if not unknown and ours:
        return Finding(MODEM_MANAGER, "running, and told to leave the boards alone", harm, "")
    ports = ", ".join(port for thing in unknown for port in thing.ports)
    remedy = "install the udev rules below, or: sudo systemctl stop ModemManager"
    return Finding(MODEM_MANAGER, "", f"{harm} ({ports or 'none is attached now'})", remedy)


def _ignored(usb: str, rules_text: str) -> bool:
    """Return whether rules make ModemManager leave a USB device alone; others it takes for none."""
    vendor, _, product = usb.partition(":")
    return not usb or any(
        f'ATTRS{{idVendor}}=="{vendor}"' in line
        and (f'ATTRS{{idProduct}}=="{product}"' in line or "idProduct" not in line)
        and "ID_MM_DEVICE_IGNORE" in line
        for line in rules_text.splitlines()
    )


def _access(path: str, may: Callable[[str], bool], remedy: str, name: str = "") -> Finding:
    label = f"{path} {name}".strip()
    return Finding(label, "may be opened" if may(path) else "", "boards and monitors", remedy)


def _join_group(path: str) -> str:
    """Return what makes this user a member of the group that owns a port."""
    try:
        import grp
        import pwd
    except ImportError:  # Windows has neither, and no groups of ports
        return "close what else has it open"
    try:
        group = grp.getgrgid(Path(path).stat().st_gid).gr_name
    except (OSError, KeyError):
        group = GROUP
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        user = "$USER"
    return f"sudo usermod -aG {group if group != 'root' else GROUP} {user}, and log in again"
