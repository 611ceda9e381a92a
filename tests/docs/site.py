"""Builds the documentation site: `python -m tests.docs.site [REPOSITORY]`, or `make docs`.

The pages of docs/ and CHANGELOG.md, in build/site. REPOSITORY is where this project lies for who
reads them, such as https://forge.example/us/tinybench: each page then has a link that edits it.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.docs.blocks import DOCS

ROOT = DOCS.parent
CONFIG = ROOT / "zensical.toml"
SITE = ROOT / "build" / "site"
BRANCH = "main"


def prepare(folder: Path, repository: str = "") -> None:
    """Lay the sources of the site into a folder: config, pages, and the changes as a page."""
    shutil.copytree(DOCS, folder / "docs")
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    (folder / "docs" / "changelog.md").write_text(changes.replace("](docs/", "]("))
    config = CONFIG.read_text(encoding="utf-8")
    if repository:
        where = f'repo_url = "{repository.rstrip("/")}"\nedit_uri = "edit/{BRANCH}/docs/"\n'
        config = config.replace("docs_dir =", f"{where}docs_dir =", 1)
        config = config.replace("features = [", 'features = [\n    "content.action.edit",', 1)
    (folder / CONFIG.name).write_text(config)


def build(folder: Path) -> str:
    """Build the site in build/site of a folder, and return what was said of it.

    Raises CalledProcessError where a page is wrong.
    """
    done = subprocess.run(
        [Path(sys.executable).with_name("zensical"), "build", "--clean", "--strict"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode:
        print(done.stdout)
        done.check_returncode()
    return done.stdout


def main(repository: str = "") -> None:
    """Build the site into build/site of this checkout."""
    with tempfile.TemporaryDirectory() as scratch:
        prepare(Path(scratch), repository)
        print(build(Path(scratch)), end="")
        shutil.rmtree(SITE, ignore_errors=True)
        shutil.copytree(Path(scratch, "build", "site"), SITE)


if __name__ == "__main__":
    main(*sys.argv[1:2])
