"""The bench file: what it may say, and where it is looked for."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import ROOT
from tests.runner.desk.desk_files import load_text
from tinybench.errors import DeclarationError
from tinybench.runner.desk.bench import (
    Bench,
    DeskBoard,
    find_bench,
    load_bench,
    user_bench,
)


def test_the_example_of_the_documentation_is_a_bench() -> None:
    """And every key that it has is in the table below it."""
    page = (ROOT / "docs" / "bench.md").read_text()
    bench = load_text(page.split("```toml\n")[1].split("```")[0])
    assert list(bench.boards) == ["left", "right", "foreign"]
    assert all(f"| `{key}` |" in page for key in DeskBoard.__struct_fields__)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[boards.left]\nboard = "serail"\nserial = "A"', r"boards.left.board.*'serail'.*'serial'"),
        ('[boards.left]\nboard = "serial"\nserail = "A"', r"boards.left.serail.*'serial'"),
        ('[board.left]\nboard = "serial"', r"unknown key 'board'.*'boards'"),
        ('[boards.left]\nboard = "serial"', r"boards.left needs the key serial or port"),
        ('[boards.left]\nboard = "serial"\nserial = ""', r"boards"),
        ('[boards.left]\nboard = "serial"\nserial = 7', r"boards"),
        ('[boards."a b"]\nboard = "serial"\nserial = "A"', r"boards"),
        ('[boards.left]\nserial = "A"', r"missing key `board`"),
        ('[boards.left]\nboard = "serial"\nport = "/dev/x"\nhub = "1-1"', r"hub|boards"),
        ('[boards.left]\nboard = "serial"\nport = "/dev/x"\nhub = "--help:1"', r"hub|boards"),
        ('[boards.left]\nboard = "mps2-an386"\nserial = "A"', r"left.board.*is emulated"),
        ('[boards.host]\nboard = "serial"\nserial = "A"', r"boards.host.*another kind"),
        ('[boards.left]\nboard = "none.toml"\nserial = "A"', r"none.toml: there is no such file"),
        (
            '[boards.left]\nboard = "nucleo-l4r5"\nserial = "A"\nflasher = "opencd"',
            r"boards.left.flasher.*'opencd'.*'openocd'",
        ),
        (
            '[boards.left]\nboard = "serial"\nserial = "A"\nmonitor = "lmp"\n[monitors.lpm]\n'
            'driver = "lpm01a"',
            r"boards.left.monitor.*'lmp'.*'lpm'",
        ),
        (
            '[boards.left]\nboard = "serial"\nserial = "A"\ninterface_board = "x"',
            r"left.interface_board.*'x'.*there is none",
        ),
        ('[monitors.lpm]\ndriver = "lpm"', r"monitors.lpm.driver.*'lpm01a'"),
        ('[monitors.lpm]\ndriver = "lpm01a"\nvoltage = 3', r"monitors.lpm.voltage.*'voltage_v'"),
        ("[interface_boards.x]", r"interface_boards.x needs the key serial or port"),
        ("[boards", r"not valid TOML"),
    ],
)
def test_what_is_wrong_with_a_bench_file_is_said_with_file_key_and_nearest_name(
    text: str, words: str
) -> None:
    """As of every declaration."""
    with pytest.raises(DeclarationError, match=f"bench.toml.*({words})|{words}"):
        load_text(text)


TOML_KEYS = st.sampled_from(
    ["boards", "monitors", "interface_boards", "left", "board", "serial", "port", "hub", "driver"]
)
VALUES = st.recursive(
    st.sampled_from(['"serial"', '"A"', '"lpm01a"', "1", "true", "1.5", "2020-01-01", '"\\u001b"']),
    lambda inner: st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
    max_leaves=4,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.lists(TOML_KEYS, min_size=1, max_size=4), VALUES), max_size=6))
def test_a_nonsense_bench_file_is_a_clear_error_or_a_bench(
    lines: list[tuple[list[str], str]],
) -> None:
    """Never anything else than a DeclarationError, which names the file."""
    text = "\n".join(f"{'.'.join(keys)} = {value}" for keys, value in lines)
    try:
        bench = load_text(text)
    except DeclarationError as error:
        assert ".toml" in str(error)
    else:
        assert set(tomllib.loads(text)) <= {"boards", "monitors", "interface_boards"}
        assert all(desk.serial or desk.port for desk in bench.boards.values())


def test_the_nearest_bench_file_upward_is_used_else_the_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A project's before the user's; TINYBENCH_BENCH before both."""
    monkeypatch.delenv("TINYBENCH_BENCH", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    deep = tmp_path / "project" / "a" / "b"
    deep.mkdir(parents=True)
    assert find_bench(deep) is None
    assert load_bench(None) == Bench()
    user_bench().parent.mkdir(parents=True)
    user_bench().write_text("")
    assert find_bench(deep) == user_bench()
    (tmp_path / "project" / "bench.toml").write_text("")
    assert find_bench(deep) == tmp_path / "project" / "bench.toml"
    monkeypatch.setenv("TINYBENCH_BENCH", str(tmp_path / "other.toml"))
    assert find_bench(deep) == tmp_path / "other.toml"
    with pytest.raises(DeclarationError, match=r"other.toml: there is no such file"):
        load_bench(find_bench(deep))


def test_from_a_folder_that_is_gone_the_users_bench_file_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No traceback for a folder that another terminal has removed."""
    monkeypatch.delenv("TINYBENCH_BENCH", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert find_bench() is None
    user_bench().parent.mkdir(parents=True)
    user_bench().write_text("")
    assert find_bench() == user_bench()


def test_a_board_of_its_own_is_found_from_the_folder_of_the_bench_file(
    tmp_path: Path, board: str
) -> None:
    """Wherever the run is started."""
    (tmp_path / "bench.toml").write_text(
        'boards.mine = { board = "test-nucleo.toml", serial = "A" }'
    )
    assert load_bench(tmp_path / "bench.toml").boards["mine"].board == board
