"""In CI nothing is skipped quietly."""

import pytest

from tests.conftest import ROOT

pytest_plugins = ["pytester"]

HOOKS = "from tests.conftest import pytest_make_collect_report, pytest_runtest_makereport\n"
SKIPPING = """
import pytest

def test_tool():
    pytest.skip("qemu-system-arm is not installed")

def test_mount():
    pytest.skip("a small file system cannot be mounted here (unshare, mount)")

def test_data():
    pytest.skip("the folder of official data (../shared/data) is not here")

@pytest.mark.xfail
def test_known_fault():
    assert False
"""


@pytest.mark.parametrize(
    ("environment", "outcomes"),
    [
        ({}, {"skipped": 4, "xfailed": 1}),
        ({"CI": "true"}, {"failed": 1, "errors": 1, "skipped": 2, "xfailed": 1}),
        (
            {"CI": "true", "TINYBENCH_MIRROR": "somewhere"},
            {"failed": 2, "errors": 1, "skipped": 1, "xfailed": 1},
        ),
    ],
)
def test_a_skip_in_ci_is_a_failure(
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    outcomes: dict[str, int],
) -> None:
    """A missing tool or module fails; a named reason does not; nor does data nobody promised."""
    pytester.makeconftest(HOOKS)
    pytester.makepyfile(
        test_some=SKIPPING, test_whole_file="import pytest\npytest.importorskip('no_such_module')"
    )
    for name in ("CI", "TINYBENCH_MIRROR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    # A file that cannot be collected ends a run unless told otherwise.
    done = pytester.runpytest_subprocess(
        "--continue-on-collection-errors", "-p", "no:cacheprovider"
    )
    done.assert_outcomes(**outcomes)
    if "CI" in environment:
        done.stdout.fnmatch_lines("*skipped in CI: qemu-system-arm is not installed*")
        done.stdout.fnmatch_lines("*skipped in CI: could not import 'no_such_module'*")


WITH_DATA = """
def test_both(shared_data, mirror):
    assert (shared_data / "published").is_dir()
    assert mirror.is_dir()
"""


def test_announced_data_is_used_wherever_it_is(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TINYBENCH_MIRROR says where it is, whatever stands beside the checkout; or nothing is."""
    pytester.makeconftest("from tests.conftest import *\n")
    pytester.makepyfile(WITH_DATA)
    monkeypatch.setenv("CI", "true")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("TINYBENCH_MIRROR", str(pytester.path / "data" / "mirror"))
    done = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines("*skipped in CI: the folder of official data*")
    pytester.mkdir("data")
    for name in ("mirror", "published"):
        (pytester.path / "data" / name).mkdir()
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)
