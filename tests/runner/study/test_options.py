"""The options of studies that a lab takes: all that reach nothing of a computer, and no others."""

from importlib import import_module
from typing import Any

import click
import pytest

from tinybench.errors import UsageError
from tinybench.runner.cli.options import PATH
from tinybench.runner.cli.study import study
from tinybench.runner.cli.study.through_lab import HERE, KEYS
from tinybench.runner.study.asking.on_paper import Paper, insist_on_paper
from tinybench.runner.study.asking.options import FLAG, OPTIONS, STUDIES, insist_options, words
from tinybench.runner.study.classic import learn
from tinybench.runner.study.compress import asked as compress_asked
from tinybench.runner.study.listed import KINDS
from tinybench.runner.study.noise import perturb
from tinybench.runner.study.quantisation import quantisation
from tinybench.runner.study.sparsity import sparsity
from tinybench.runner.study.sweep import asked

OF_COMPUTER = {"port", "baud", "probe", "wait", "jobs", "data", "float_file"}
"""Lines, processors, folders and files of one computer."""
OF_PARTS = {"part", "gather"}


def params(name: str) -> dict[str, click.Parameter]:
    """Return the options of the command of a study, by their names."""
    return {str(one.name): one for one in study.commands[name].params}


def test_a_lab_takes_exactly_the_options_that_reach_nothing() -> None:
    """Of each study those of its command, but what names files, lines or parts."""
    assert {*STUDIES} == {*KINDS}
    for name, taken in OPTIONS.items():
        own = params(name)
        assert {*taken} == {*own} - OF_COMPUTER - OF_PARTS - {*KEYS} - {*HERE}, name
        assert all(one.type != PATH for option, one in own.items() if option in taken)
        for option, kind in taken.items():
            one = own[option]
            assert isinstance(one, click.Option)
            assert (kind is FLAG, kind.many) == (one.is_flag, one.multiple), option


def test_choices_are_the_same_wherever_they_stand() -> None:
    """On the command line, in a lab, and where the study is done."""
    for name, option, here, there in (
        ("noise", "noise", "NOISES", perturb.NOISES),
        ("classic", "models", "KINDS", learn.KINDS),
        ("compress", "methods", "METHODS", compress_asked.METHODS),
        ("sparsity", "scheme", "SCHEMES", sparsity.SCHEMES),
        ("quantisation", "schemes", "SCHEMES", quantisation.SCHEMES),
        ("sweep", "objectives", "OBJECTIVES", tuple(asked.OBJECTIVES)),
    ):
        kind = OPTIONS[name][option]
        typed = getattr(import_module(f"tinybench.runner.cli.study.{name}"), here)
        assert typed == there
        assert all(map(kind.takes, there))
        told = kind.words.partition(" of ")[2].removesuffix(", with commas between")
        assert told.split(", ") == list(there)


@pytest.mark.parametrize(
    ("name", "said", "typed"),
    [
        ("noise", {"eta": "0,.1, .2", "trials": 7, "together_only": True, "limit": "3"},
         ["--eta=0,.1, .2", "--trials=7", "--together-only", "--limit=3"]),
        ("noise", {"noise": "bit-flip", "rate": 1e-4, "together_only": False},
         ["--noise=bit-flip", "--rate=0.0001"]),
        ("classic", {"models": "linear, knn", "regression": True, "target": "a b", "threads": 2},
         ["--models=linear, knn", "--regression", "--target=a b", "--threads=2"]),
        ("compress", {"methods": "robe", "rates": "2,64"}, ["--methods=robe", "--rates=2,64"]),
        ("compress", {"tables": True, "embed": "a b,c", "width": 8},
         ["--tables", "--embed=a b,c", "--width=8"]),
        ("sparsity", {"shape": "64x64", "blocks": "8xall,32x128"},
         ["--shape=64x64", "--blocks=8xall,32x128"]),
        ("sparsity", {"convolutions": True, "windows": True}, ["--convolutions", "--windows"]),
        ("quantisation", {"schemes": "int16x8", "test": 5}, ["--schemes=int16x8", "--test=5"]),
        ("sweep", {"by": ["kernels=plain,dsp", "flags=-O2,-O3 -fno-gcse"], "budget": "2h"},
         ["--by=kernels=plain,dsp", "--by=flags=-O2,-O3 -fno-gcse", "--budget=2h"]),
        ("sweep", {"by": "memory.weights=flash,ram", "mode": "accuracy", "profile": "quick"},
         ["--by=memory.weights=flash,ram", "--mode=accuracy", "--profile=quick"]),
    ],
)  # fmt: skip
def test_options_are_what_a_person_would_type(
    name: str, said: dict[str, str], typed: list[str]
) -> None:
    """And the command reads them so."""
    insist_options(name, said)
    assert words(name, said) == typed
    context = study.commands[name].make_context(name, list(typed))
    defaults = study.commands[name].make_context(name, [])
    for option, value in said.items():
        changed = context.params[option] != defaults.params[option]
        assert changed == (value is not False)


@pytest.mark.parametrize(
    ("name", "said", "why"),
    [
        ("nois", {}, "did you mean 'noise'?"),
        ("noise", {"ets": "0"}, "takes no 'ets' in a lab: did you mean 'eta'?"),
        ("noise", {"out": "x"}, "takes no 'out'"),
        ("noise", {"port": "/dev/ttyACM0"}, "takes no 'port'"),
        ("noise", {"jobs": 3}, "takes no 'jobs'"),
        ("noise", {"part": "1/2"}, "takes no 'part'"),
        ("quantisation", {"float_file": "x"}, "takes no 'float_file'"),
        ("noise", {"eta": "much"}, "give numbers of 0 or more"),
        ("noise", {"eta": "-1"}, "give numbers of 0 or more"),
        ("noise", {"eta": ["0", "1"]}, "give numbers of 0 or more"),
        ("noise", {"eta": True}, "give numbers of 0 or more"),
        ("noise", {"eta": []}, "give numbers of 0 or more"),
        ("noise", {"trials": 0}, "give a whole number of 1 or more"),
        ("noise", {"trials": 1.5}, "give a whole number of 1 or more"),
        ("noise", {"trials": "1 --out=x"}, "give a whole number of 1 or more"),
        ("noise", {"together_only": "yes"}, "give true or false"),
        ("noise", {"noise": "pink"}, "give one of gaussian"),
        ("noise", {"where": "activations"}, "activations are disturbed on none"),
        ("classic", {"models": "linear,svm"}, "give some of linear"),
        ("classic", {"monitor": "../mine"}, "give a name"),
        ("sparsity", {"blocks": "7"}, "give ROWSxCOLUMNS"),
        ("sweep", {"budget": "soon"}, "give a time"),
        ("sweep", {"by": "kernels"}, "give NAME=VALUE,VALUE"),
        ("sweep", {"by": "board=host,mps2-an386"}, "does not vary 'board'"),
        ("sweep", {"by": "model=a.tflite,b.tflite"}, "does not vary 'model'"),
        ("sweep", {"by": "toolchain.compiler=cc,/bin/sh"}, "does not vary 'toolchain.compiler'"),
        ("sweep", {"by": "profile=quick,/etc/x.toml"}, "is no name and no number"),
        ("sweep", {"by": "profile=quick,x.toml"}, "is no name and no number"),
        ("sweep", {"by": "engine=tflm,mine"}, "none that is built elsewhere"),
        ("sweep", {"by": "flags=-O2,-fplugin=x"}, "not '-fplugin=x'"),
        ("sweep", {"by": "flags=-O2,-O3 -include /etc/passwd"}, "not '-include'"),
        ("sweep", {"by": "flags=-O2,-fopt-info=x"}, "not '-fopt-info=x'"),
        ("sweep", {"by": "flags=-O2,@args"}, "not '@args'"),
        ("sweep", {"by": "flags=-O2,-flto=999999999"}, "not '-flto=999999999'"),
        ("sweep", {"by": "flags=-O2,-fstack-usage"}, "not '-fstack-usage'"),
        ("sweep", {"by": "flags=-O2,-fcompare-debug"}, "not '-fcompare-debug'"),
        ("sweep", {"by": "flags=-O2,-funrol-loops"}, "did you mean 'unroll-loops'"),
        ("sweep", {"by": "flags=-O2,-fprofile-use=x"}, "not '-fprofile-use=x'"),
        ("sweep", {"by": ["kernels=plain,dsp"] * 13}, "give NAME=VALUE,VALUE"),
    ],
)  # fmt: skip
def test_what_a_lab_does_not_take_is_refused_in_words(
    name: str, said: dict[str, str], why: str
) -> None:
    """An option of one computer, a value of no kind, code and files by the way of flags."""
    with pytest.raises(UsageError) as caught:
        insist_options(name, said)
    assert why in str(caught.value)


@pytest.mark.parametrize(
    ("name", "said", "why"),
    [
        ("noise", {"eta": 1000}, "--eta 1000: a standard deviation is"),
        ("noise", {"levels": "16,8"}, "--levels is not of gaussian noise"),
        ("noise", {"noise": "levels", "levels": "1.5"}, "--levels 1.5: a cell has 2 to"),
        ("noise", {"trials": 100_000}, "trials of 7 amounts"),
        ("noise", {"shards": 65}, "--shards 65: at most 64"),
        ("classic", {"threads": 65}, "--threads 65: at most 64"),
        ("compress", {"hidden": 2000}, "--hidden 2000"),
        ("compress", {"rates": "1"}, "--rates 1: more than 1"),
        ("compress", {"methods": "palette", "rates": "3"}, "it has rates of 2, 4, 8 alone"),
        ("compress", {"width": 8}, "--width is of embedding tables"),
        ("sparsity", {"rates": "0.5"}, "--rates 0.5: 1 to"),
        ("sparsity", {"shape": "8x4"}, "--rates 32 prunes layer 8x4 whole"),
        ("sparsity", {"shape": "9999999x9999999"}, "at most 4194304 weights"),
        ("sparsity", {"blocks": "7xall"}, "--blocks 7xall"),
        ("sparsity", {"windows": True}, "--windows is of --convolutions"),
        ("sparsity", {"mend": True}, "are of --task"),
        ("sweep", {"by": ["kernels=plain,plain"]}, "--by kernels: 1 different value"),
        ("sweep", {"by": ["kernels=plain,dps"]}, "--by kernels=dps: "),
        ("sweep", {"by": ["seed=1,2", "seed=3,4"]}, "--by seed: given twice"),
        ("sweep", {"by": ["mode=all,none"]}, "'none' is no mode"),
        ("sweep", {"by": ["kernels=plain,dsp"], "profile": "rapd"}, "did you mean 'rapid'"),
        ("sweep", {"by": ["kernels=plain,dsp"], "repeats": 101}, "--repeats 101: at most 100"),
    ],
)
def test_what_is_wrong_on_paper_is_refused_without_board_model_or_data(
    name: str, said: dict[str, Any], why: str
) -> None:
    """By the checks of the study itself, so that nobody waits for a board to hear it."""
    insist_options(name, said)
    with pytest.raises(UsageError) as caught:
        insist_on_paper(name, Paper(said, board="mps2-an386"))
    assert why in str(caught.value)


@pytest.mark.parametrize("name", STUDIES)
def test_what_a_study_does_by_itself_is_right_on_paper(name: str) -> None:
    """Its defaults are those of the command, on a board that is known and on any other."""
    said = {"by": ["kernels=plain,dsp"]} if name == "sweep" else {}
    for board in ("mps2-an386", None):
        insist_on_paper(name, Paper(said, board=board))


@pytest.mark.parametrize(("name", "task"), [("classic", "ad"), ("sparsity", "sww")])
def test_a_task_that_a_study_cannot_be_of_is_refused_on_paper(name: str, task: str) -> None:
    """Its metric is declared: no inputs are needed to know it."""
    with pytest.raises(UsageError, match=f"task {task} is scored by"):
        insist_on_paper(name, Paper({}, task=task))
