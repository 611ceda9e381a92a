"""What to type for a program that is missing, on this system."""

import os
import sys

BREW = {
    "gcc": "gcc",
    "gcc-arm-none-eabi": "--cask gcc-arm-embedded",
    "libnewlib-arm-none-eabi": "--cask gcc-arm-embedded",
    "libstdc++-arm-none-eabi-newlib": "--cask gcc-arm-embedded",
    "libusb-1.0-0": "libusb",
    "make": "make",
    "openocd": "openocd",
    "qemu-system-arm": "qemu",
    "qemu-system-misc": "qemu",
    "stlink-tools": "stlink",
}
"""What Homebrew calls that which a Debian package holds; the Arm compiler brings its libraries."""


def command(packages: str) -> str:
    """Return what installs Debian packages, whose names stand with blanks between them.

    On macOS by Homebrew, where it has them; on Windows within WSL, which is a Debian.
    """
    debian = f"sudo apt-get install {packages}"
    if os.name == "nt":
        return f"within WSL (docs/platforms.md): {debian}"
    if sys.platform == "darwin":
        names = packages.split()
        if not all(name in BREW for name in names):
            return f"within a Linux (docs/platforms.md): {debian}"
        return "; ".join(f"brew install {one}" for one in dict.fromkeys(BREW[n] for n in names))
    return debian
