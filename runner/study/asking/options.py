"""The options of each study that mean the same on every computer, and reach nothing on it.

What a lab takes of a study: what is left out names a file, a port, a folder or a processor of one
computer. Values are texts as on the command line, or numbers and truths.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tinybench.errors import UsageError

from ...results.defaults import MODES, seconds

PARTS_MOST = 64
"""That a study is dealt out into, in a lab or by hand."""
NUMBERS_MOST = 64
RATES = "2,4,8,16,32"
"""Of what is pruned or shrunk, by default ..."""
LAYER, BLOCKS = "128x640", "8xall,16xall,32xall,32x128"
"""... and which layer is made for sparsity, and in which blocks."""
BY_MOST = 12
Value = str | int | float | bool
Check = Callable[[str], bool]
_NUMBER = r"[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]{1,3})?"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,99}")
_LEVEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_. +-]{0,99}")
OPTIMISING = (
    *("align-functions", "align-jumps", "align-labels", "align-loops", "associative-math"),
    *("caller-saves", "code-hoisting", "common", "crossjumping", "cse-follow-jumps"),
    *("data-sections", "delete-null-pointer-checks", "expensive-optimizations", "fast-math"),
    *("finite-math-only", "forward-propagate", "function-sections", "gcse", "gcse-after-reload"),
    *("gcse-las", "gcse-sm", "if-conversion", "if-conversion2", "inline", "inline-functions"),
    *("inline-functions-called-once", "inline-small-functions", "ipa-cp", "ipa-cp-clone"),
    *("ipa-icf", "ipa-pta", "ipa-ra", "ipa-sra", "ivopts", "jump-tables", "lto", "math-errno"),
    *("merge-all-constants", "merge-constants", "modulo-sched", "move-loop-invariants"),
    *("omit-frame-pointer", "optimize-sibling-calls", "partial-inlining", "peel-loops"),
    *("predictive-commoning", "prefetch-loop-arrays", "reciprocal-math", "rename-registers"),
    *("reorder-blocks", "reorder-functions", "rounding-math", "sched-pressure"),
    *("schedule-insns", "schedule-insns2", "section-anchors", "shrink-wrap", "signed-zeros"),
    *("single-precision-constant", "slp-vectorize", "split-loops", "split-wide-types"),
    *("store-merging", "strict-aliasing", "strict-overflow", "thread-jumps", "tracer"),
    *("trapping-math", "tree-loop-distribute-patterns", "tree-loop-distribution"),
    *("tree-loop-im", "tree-loop-vectorize", "tree-partial-pre", "tree-pre"),
    *("tree-slp-vectorize", "tree-sra", "tree-ter", "tree-vectorize", "tree-vrp"),
    *("unroll-all-loops", "unroll-loops", "unsafe-math-optimizations", "unswitch-loops"),
    *("vectorize", "version-loops-for-strides", "web", "whole-program", "wrapv"),
)
"""What -f and -fno- of a compiler may turn on and off: how it optimises, by no file or process."""
_FLAG = re.compile(
    rf"-O(?:[0-3gsz]|fast)?|-f(?:no-)?(?:{'|'.join(OPTIMISING)})|-ffp-contract=(?:on|off|fast)"
    r"|-falign-(?:functions|jumps|labels|loops)=[0-9]{1,3}"
    r"|-fvect-cost-model=(?:unlimited|dynamic|cheap|very-cheap)"
)


@dataclass(frozen=True)
class Kind:
    """What a value is, in words, and whether a text is one."""

    words: str
    takes: Check
    flag: bool = False
    many: bool = False
    """Whether it may stand several times."""


def _by(pattern: str) -> Check:
    compiled = re.compile(pattern)
    return lambda text: compiled.fullmatch(text) is not None


def _one_of(*choices: str) -> Kind:
    return Kind(f"one of {', '.join(choices)}", choices.__contains__)


def _several(*choices: str) -> Kind:
    def takes(text: str) -> bool:
        return all(word.strip() in choices for word in text.split(","))

    return Kind(f"some of {', '.join(choices)}, with commas between", takes)


def _is_time(text: str) -> bool:
    try:
        return seconds(text) > 0
    except UsageError:
        return False


COUNT = Kind("a whole number of 1 or more", _by(r"0*[1-9][0-9]{0,8}"))
WHOLE = Kind("a whole number of 0 or more", _by(r"[0-9]{1,18}"))
NUMBERS = Kind(
    "numbers of 0 or more with commas between",
    _by(rf"{_NUMBER}(?: *, *{_NUMBER}){{0,{NUMBERS_MOST - 1}}}"),
)
FLAG = Kind("true or false", lambda _: False, flag=True)
TIME = Kind("a time such as 90s, 10m or 2h", _is_time)
NAME = Kind("a name", lambda text: _NAME.fullmatch(text) is not None)
COLUMN = Kind("the name of a column", lambda text: text.isprintable() and not text.startswith("-"))
COLUMNS = Kind(
    "names of columns with commas between",
    lambda text: all(word.strip() and COLUMN.takes(word.strip()) for word in text.split(",")),
)
SHAPE = Kind("OUTPUTSxINPUTS, such as 128x640", _by(r"[1-9][0-9]{0,6}x[1-9][0-9]{0,6}"))
OF_BLOCKS = Kind(
    "ROWSxCOLUMNS with commas between, such as 16xall,32x128",
    _by(
        r"[1-9][0-9]{0,3}x(?:[1-9][0-9]{0,6}|all)(?: *, *[1-9][0-9]{0,3}x(?:[1-9][0-9]{0,6}|all))*"
    ),
)
BY = Kind(
    "NAME=VALUE,VALUE, such as kernels=plain,dsp", lambda text: _varied(text) is None, many=True
)
HERE = Kind(
    "weights: a lab does noise on its boards, and activations are disturbed on none, but by "
    "`tinybench study noise` without --lab",
    "weights".__eq__,
)
ROWS = {"target": COLUMN, "test": COUNT, "seed": WHOLE}
OPTIONS: dict[str, dict[str, Kind]] = {
    "noise": {
        "noise": _one_of("gaussian", "multiplicative", "levels", "drift", "bit-flip", "stuck-at-0",
                         "stuck-at-1"),
        "eta": NUMBERS, "rate": NUMBERS, "levels": NUMBERS,
        "where": HERE,
        "trials": COUNT, "seed": WHOLE, "together_only": FLAG, "limit": COUNT, "shards": COUNT,
    },
    "classic": {
        **ROWS, "regression": FLAG,
        "models": _several("linear", "forest", "extra-trees", "knn", "mlp"),
        "threads": COUNT, "shards": COUNT, "monitor": NAME,
    },
    "compress": {
        **ROWS, "tables": FLAG, "embed": COLUMNS, "width": COUNT,
        "methods": _several("robe", "palette", "prune"), "rates": NUMBERS, "hidden": COUNT,
        "block": COUNT, "trials": COUNT, "shards": COUNT, "layers": FLAG, "limit": COUNT,
    },
    "sparsity": {
        "convolutions": FLAG, "windows": FLAG, "mend": FLAG, "learn": FLAG, "shape": SHAPE,
        "scheme": _several("dense", "bcr", "reordered", "csr", "channel"), "rates": NUMBERS,
        "blocks": OF_BLOCKS, "limit": COUNT, "seed": WHOLE, "shards": COUNT,
    },
    "quantisation": {
        "schemes": _several("int8-tensor", "int8-channel", "int16x8", "qat-tensor", "qat-channel"),
        "calibrate": COUNT, "test": COUNT, "shards": COUNT, "monitor": NAME,
    },
    "sweep": {
        "by": BY, "objectives": _several("latency", "energy", "flash", "ram", "score"),
        "budget": TIME, "runs": COUNT, "repeats": COUNT, "shards": COUNT, "profile": NAME,
        "mode": _one_of(*MODES), "limit": COUNT, "monitor": NAME,
    },
}  # fmt: skip
"""Of each study its options, by their names on the command line with _ for -."""
STUDIES = tuple(OPTIONS)
OF_TASK = ("noise", "quantisation", "sweep")
"""Studies that need a task."""
OF_MODEL = ("noise", "classic", "compress", "sparsity", "quantisation", "sweep")
"""Studies of a model, or beside one, of which one's own may be given."""
OF_ROWS = ("classic", "compress")
"""Studies that learn from rows, of which one's own may be given."""
OF_BUILD = ("flags", "kernels", "weights")
"""What a sweep varies of a build."""
OF_RUN = (
    *("clock", "task", "mode", "profile", "division", "scenario", "engine", "limit"),
    *("iterations", "seed"),
    *("prune", "strips", "compatible", "verify", "whole", "cores", "audits", "min_queries"),
    *("min_duration", "target_qps", "deadline", "streams", "interference", "engine_loadgen"),
)
"""What it varies of a run: words that mean the same on every computer."""
VARIED = (*OF_RUN, *OF_BUILD)
"""What a sweep elsewhere varies; keys of a board's memory besides."""


def insist_options(study: str, said: Mapping[str, Value | Sequence[str]]) -> None:
    """Raise UsageError for an option that a study has not, or a value that is none of its kind."""
    from tinybench.declare import nearest  # late: --help needs none of it

    if study not in OPTIONS:
        raise UsageError(f"there is no study '{study[:60]}': {nearest(study, STUDIES)}")
    for name, value in said.items():
        if name not in OPTIONS[study]:
            raise UsageError(
                f"study {study} takes no '{name[:60]}' in a lab: {nearest(name, OPTIONS[study])}"
            )
        kind = OPTIONS[study][name]
        texts = [value] if isinstance(value, str | int | float) else list(value)
        if kind.flag:
            good = isinstance(value, bool)
        else:
            bare = not any(isinstance(one, bool) for one in texts)
            good = bare and (kind.many or len(texts) == 1)
            good = good and 0 < len(texts) <= BY_MOST and all(kind.takes(str(one)) for one in texts)
        if not good:
            why = _why(kind, texts)
            raise UsageError(f"{name} {str(value)[:80]!r}: {why or f'give {kind.words}'}")


def words(study: str, said: Mapping[str, Value | Sequence[str]]) -> list[str]:
    """Return options as the words of a command line; none of them is taken for another option."""
    found = list[str]()
    for name, value in said.items():
        option = f"--{name.replace('_', '-')}"
        if OPTIONS[study][name].flag:
            found += [option] * bool(value)
        else:
            each = [value] if isinstance(value, str | int | float) else value
            found += [f"{option}={one}" for one in each]
    return found


def _why(kind: Kind, texts: Sequence[Value]) -> str | None:
    if kind is not BY:
        return None
    return next(filter(None, (_varied(str(one)) for one in texts)), None)


def _varied(text: str) -> str | None:
    """Return why a lab does not vary this; None where it does."""
    from tinybench.declare import nearest  # late: --help needs none of it

    from ...results.request import is_recipe

    name, sign, values = text.partition("=")
    name = name.strip().removeprefix("--").replace("-", "_")
    if not sign or not name:
        return "give NAME=VALUE,VALUE, such as kernels=plain,dsp"
    if name not in VARIED and not re.fullmatch(r"memory\.[a-z][a-z0-9_]*", name):
        return (
            f"a lab does not vary '{name[:60]}', for a job is data that names no file and no other "
            f"board: {nearest(name, VARIED)}, or a key of memory"
        )
    for level in values.split(","):
        level = level.strip()  # noqa: PLW2901
        if name == "flags":
            odd = next((one for one in level.split() if not _FLAG.fullmatch(one)), None)
            if odd is not None:
                near = nearest(odd[2:].removeprefix("no-"), OPTIMISING)
                return (
                    f"of flags a lab takes -O... and those of -f that optimise, not '{odd[:40]}': "
                    f"{near}"
                )
        elif name == "engine" and not is_recipe(level):
            return f"engine '{level[:40]}' is none that is built elsewhere: tflm or cmsis-nn"
        elif not _LEVEL.fullmatch(level) or level.endswith(".toml"):
            return f"'{level[:40]}' is no name and no number"
    return None
