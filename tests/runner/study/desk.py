"""A desk with several equal boards on ports, each of which can be flashed, and unplugged."""

import contextlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.runner.desk.desk_board import FLASH, RESET, desk_board
from tinybench.runner.build.board import names

WRITER = f"""\
#!/bin/sh
set -e
cd "$(dirname "$0")/$1"
echo "$2" >>flashed
if [ "$2" = write ]; then cp "$3" new; chmod +x new; mv new {FLASH}; echo Verified; fi
echo >{RESET}
"""


@dataclass(frozen=True)
class Desk:
    """Boards called as their folders."""

    folder: Path
    bench: Path
    boards: dict[str, ExitStack]

    @property
    def words(self) -> dict[str, str]:
        """What the environment says of it."""
        return {"TINYBENCH_BENCH": str(self.bench), "TINYBENCH_LOCKS": str(self.folder / "locks")}

    def plug(self, name: str) -> None:
        """Put a board on its port; what it was flashed with is still there."""
        own, port = ExitStack(), self.folder / f"tty-{name}"
        port.symlink_to(own.enter_context(desk_board(self.folder / name)))
        own.callback(port.unlink)
        self.boards[name] = own

    def unplug(self, name: str) -> None:
        """Take a board off its port, whatever is said on it."""
        self.boards.pop(name).close()

    def flashed(self, name: str) -> int:
        """Return how often a board was written."""
        path = self.folder / name / "flashed"
        return path.read_text().split().count("write") if path.exists() else 0


@contextmanager
def desk(folder: Path, called: Sequence[str]) -> Iterator[Desk]:
    """Yield a desk of boards with this computer's core, and a bench.toml that names them."""
    writer = folder / "writer"
    writer.write_text(WRITER)
    writer.chmod(0o755)
    head, emulator, _ = names()["host"].read_text().partition("[emulator]")
    assert emulator
    board = folder / "mine.toml"
    board.write_text(
        head.replace('name = "host"', 'name = "mine"')
        + f"""
[flash.mine]
write = ["{writer}", "{{probe}}", "write", "{{elf}}"]
written = "Verified"
reset = ["{writer}", "{{probe}}", "reset"]
"""
    )
    bench = folder / "bench.toml"
    bench.write_text(
        "".join(
            f'[boards.{name}]\nboard = "mine.toml"\n'
            f'port = "{folder}/tty-{name}"\nprobe = "{name}"\n'
            for name in called
        )
    )
    made = Desk(folder, bench, {})
    try:
        for name in called:
            (folder / name).mkdir()
            made.plug(name)
        yield made
    finally:
        for own in made.boards.values():
            with contextlib.suppress(OSError):
                own.close()
