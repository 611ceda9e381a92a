"""The pages of docs/ that a reader types along with are true: their blocks are run, in order."""

from pathlib import Path

import pytest

from tests.docs import blocks

PAGES = (
    "add-a-board",
    "add-a-family",
    "add-a-model",
    "add-a-monitor",
    "add-a-task",
    "add-an-operator",
    "cli",
    "cycles",
    pytest.param("emlearn", marks=pytest.mark.soak),  # test_classic.py does the same
    "engine",
    "errors",
    "export",
    "fleet",
    pytest.param("model", marks=pytest.mark.soak),  # seven firmwares are built and run
    "noise",
    "python",
    "scenarios",
    "schema",
    "start",
    "sweep",
    "train",
    "tutorial",
)
"""Pages whose every block is run, by tests/docs/blocks.py; its head says how."""


@pytest.mark.parametrize("page", PAGES)
def test_a_page_does_what_it_says(page: str, tmp_path: Path) -> None:
    """Files saved, commands typed: each exit status and each line shown is what comes."""
    blocks.run(blocks.DOCS / f"{page}.md", tmp_path)


def test_a_page_that_is_wrong_is_found_out(tmp_path: Path) -> None:
    """A command that fails, another exit status and a line that is not printed have a place."""
    for text, words in (
        ("one\n```sh\nfalse\n```\n", "page.md:2: exit status 1, not 0"),
        ("```sh\ntrue  # exit status 1\n```\n", "page.md:1: exit status 0, not 1"),
        ("```sh\necho one; echo two\n```\n```text\ntwo\none\n```\n", "page.md:4: 'one' was not"),
        ("```sh\necho 12 s\n```\n```text\n... ms\n```\n", "page.md:4: '... ms' was not"),
        ("```python\nraise SystemExit(3)\n```\n", "page.md:1: exit status 3"),
        ('```c title="../out.c"\n```\n', "page.md:1: outside the folder"),
    ):
        page = tmp_path / "page.md"
        page.write_text(text)
        with pytest.raises(AssertionError) as caught:
            blocks.run(page, tmp_path)
        assert words in str(caught.value)
    with pytest.raises(ValueError, match="line 2: not a fence, or one that is not closed"):
        blocks.blocks("one\n```sh\n")


def test_what_a_page_shows_may_leave_things_out(tmp_path: Path) -> None:
    """Files, several lines a command, `...`, blanks, and blocks that are not run."""
    page = tmp_path / "page.md"
    page.write_text(
        '```text title="a/b.txt"\nhello\n```\n'
        "```sh\ncat a/b.txt \\\n    a/b.txt; echo took 1.5 s; exit 7  # exit status 7\n```\n"
        "```text\nhello\n...\ntook   ... s\n```\n"
        "<!-- not run: needs a board -->\n```sh\nfalse\n```\n```toml\nx = 1\n```\n"
    )
    blocks.run(page, tmp_path)
    assert (tmp_path / "a" / "b.txt").read_text() == "hello\n"
