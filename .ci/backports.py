#!/usr/bin/env python3
"""Bring Debian packages: the system's own, or the release's backports where those are too old.

    backports.py PROGRAM=VERSION=PACKAGE...

The entry for apt is derived from the machine's own for its release: the same mirror and the same
keys, the suite with "-backports" behind it. apt takes from there only what is asked for by name.
A package is never brought in its older version first: another of its source that is here in the
newer one would be in its way.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

APT = Path("/etc/apt")
Stanza = dict[str, str]
"""Fields of a source in deb822 style, names in lower case."""


def main(wanted: list[str]) -> int:
    """Install the packages of the programs that are missing or too old; return the exit status."""
    told: list[str] = []
    packages: list[str] = []
    no_way = 0  # an older one does for most
    own = True
    for program, version, package in (one.split("=") for one in wanted):
        found = program_version(program)
        if found and number(found) >= number(version):
            continue
        seen = f"{found} is older than {version}" if found else f"is missing, wanted {version}"
        told.append(f"{program} {seen}")
        packages.append(package)
        no_way = no_way if found else 2
        own = own and number(candidate(package)) >= number(version)
    return bring(", ".join(told), packages, no_way, own=own) if packages else 0


def bring(told: str, packages: list[str], no_way: int, *, own: bool) -> int:
    """Install packages, or say how; `no_way` is the status without a way.

    `own`: what the system itself has is new enough.
    """
    release = Path("/etc/os-release")
    codename = debian_codename(release.read_text() if release.is_file() else "")
    sources = stanzas(APT)
    entry = backports_entry(sources, codename)
    if entry is None and no_way:
        own = True  # whatever it is, it may do
    if not shutil.which("apt-get") or (entry is None and not own):
        print(f"{told}; apt knows no backports of this system. Install a newer one.")
        return no_way
    suite = "" if own or entry is None else f"{codename}-backports"
    if not suite or entry is None or any(suite in stanza["suites"].split() for stanza in sources):
        entry = ""
    root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if root and (not shutil.which("sudo") or run([*root, "true"])[0] != 0):
        print(f"{told}. Type these lines to install them:")
        print(lines_to_type(entry, suite, packages))
        return no_way
    print(f"{told}: installing {' '.join(packages)}" + (f" from {suite}" if suite else ""))
    return install(root, entry, suite, packages)


def entry_file(suite: str) -> str:
    """Return where an entry of ours goes."""
    return f"{APT}/sources.list.d/{suite}.sources"


def apt_get(suite: str, packages: list[str]) -> list[str]:
    """Return the command that installs packages from a suite, "" for the system's own."""
    of = ["-t", suite] if suite else []
    return ["apt-get", "install", "-y", "--no-install-recommends", *of, *packages]


def lines_to_type(entry: str, suite: str, packages: list[str]) -> str:
    """Return what a user types who is asked for a password."""
    tee = f"    sudo tee {entry_file(suite)} <<'END'\n{entry}END\n" if entry else ""
    return tee + f"    sudo apt-get update && sudo {' '.join(apt_get(suite, packages))}"


def install(root: list[str], entry: str, suite: str, packages: list[str]) -> int:
    """Add the entry, unless it is empty, and install; return the exit status."""
    steps = [(["tee", entry_file(suite)], entry)] if entry else []
    steps += [(["apt-get", "update"], ""), (apt_get(suite, packages), "")]
    kept = [f"APT_CONFIG={os.environ['APT_CONFIG']}"] if "APT_CONFIG" in os.environ else []
    for command, words in steps:  # sudo hands no variables on
        status, said = run([*root, "env", "DEBIAN_FRONTEND=noninteractive", *kept, *command], words)
        if status != 0:
            print("\n".join(said.splitlines()[-20:]), file=sys.stderr)
            print(f"'{' '.join(command)}' failed (its words are above)", file=sys.stderr)
            return 3
    return 0


def number(version: str) -> tuple[int, ...]:
    """Return a version as numbers that compare: 9.1 is (9, 1)."""
    return tuple(int(digits) for digits in version.split("."))


def program_version(program: str) -> str:
    """Return the version a program says it has; "" when it is not there."""
    if shutil.which(program) is None:
        return ""
    match = re.search(r"\d+(\.\d+)+", run([program, "--version"])[1])
    return match[0] if match else "0.0"


def candidate(package: str) -> str:
    """Return the version of a package that apt would install, "0" where it knows none."""
    if not shutil.which("apt-cache"):
        return "0"
    match = re.search(
        r"Candidate: (?:\d+:)?(\d+(\.\d+)*)", run(["apt-cache", "policy", package])[1]
    )
    return match[1] if match else "0"


def debian_codename(os_release: str) -> str:
    """Return the codename of a Debian release, "" for another system."""
    fields = dict(line.split("=", 1) for line in os_release.splitlines() if "=" in line)
    if fields.get("ID", "").strip('"') != "debian":
        return ""
    return fields.get("VERSION_CODENAME", "").strip('"')


def stanzas(apt: Path) -> list[Stanza]:
    """Return what apt fetches binary packages from, both styles of its files."""
    parts = sorted((apt / "sources.list.d").glob("*"))
    lists = [apt / "sources.list", *(path for path in parts if path.suffix == ".list")]
    found: list[Stanza] = []
    for path in lists:
        if path.is_file():
            found += map(one_line, path.read_text().splitlines())
    for path in parts:
        if path.suffix == ".sources":
            found += map(deb822, re.split(r"\n[ \t]*\n", path.read_text()))
    return [stanza for stanza in found if "deb" in stanza.get("types", "").split()]


def one_line(line: str) -> Stanza:
    """Return the fields of "deb [option=value ...] URI suite component ...", {} of another line."""
    match = re.fullmatch(r"\s*deb\s+(?:\[(.*?)\]\s+)?(\S+)\s+(\S+)\s+([^#]*?)\s*(#.*)?", line)
    if not match:
        return {}
    stanza = {"types": "deb", "uris": match[2], "suites": match[3], "components": match[4]}
    for option in (match[1] or "").split():
        name, _, value = option.partition("=")
        stanza[{"arch": "architectures"}.get(name, name)] = value.replace(",", " ")
    return stanza


def deb822(text: str) -> Stanza:
    """Return the fields of a stanza, {} of one that is switched off; a value may have lines."""
    stanza: Stanza = {}
    name = ""
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        if line[:1] in (" ", "\t") and name:
            stanza[name] += "\n" + line
        elif ":" in line:
            name, _, value = line.partition(":")
            name = name.strip().lower()
            stanza[name] = value.strip()
    off = stanza.get("enabled", "yes").lower() in ("no", "false", "0")
    return {} if off or "uris" not in stanza or "suites" not in stanza else stanza


def backports_entry(sources: list[Stanza], codename: str) -> str | None:
    """Return the text of a .sources file for a release's backports; None without its mirror.

    A mirror of Debian is one with "debian" in its path: other makers name their suites alike.
    """
    for stanza in sources if codename else ():
        own = {codename, "stable", "oldstable"} & set(stanza["suites"].split())
        uris = [uri for uri in stanza["uris"].split() if re.search(r"://.*/debian(/|$)", uri)]
        if own and uris and "main" in stanza.get("components", "").split():
            kept = {
                "types": "deb",
                "uris": " ".join(uris),
                "suites": f"{codename}-backports",
                "components": "main",
            }
            for name in ("architectures", "signed-by", "trusted"):
                if name in stanza:
                    kept[name] = stanza[name]
            titles = {"uris": "URIs"}
            lines = (f"{titles.get(key, key.title())}: {value}" for key, value in kept.items())
            return "\n".join(lines) + "\n"
    return None


def run(command: list[str], words: str = "") -> tuple[int, str]:
    """Return the exit status of a command that reads `words`, and all it printed."""
    done = subprocess.run(  # noqa: S603 - argument lists of our own
        command, input=words, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


if __name__ == "__main__":
    if not sys.argv[1:]:
        raise SystemExit(__doc__)
    raise SystemExit(main(sys.argv[1:]))
