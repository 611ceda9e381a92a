"""The layers of a task's model in less flash: what is asked for, the scores, and a board."""

import functools
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from tinybench.errors import UsageError
from tinybench.models.compiler.lower import macs_share
from tinybench.scratch import scratch

from ..declared import board_asked
from ..host_engine import Loaded, build, infer, load, patch
from ..images import Digest, boarded, images_left, same_in, singly
from ..kept import Key, Trial, chosen_rates, key_of, open_study, store_study
from ..layers.layer import Layer, layers_of
from ..layers.reads import enough
from ..layers.told import told
from ..one_image import Candidates, insist_fit, on_boards
from ..parts import Part, Share, share
from ..runs import insist_run, is_emulated
from ..subject import Subject, digest
from ..work import Work
from ..worth import answers, insist_scored, measure, with_clean, worth
from .asked import TABLES_MOST, Asked, Way, candidates_of, insist_rates, insist_ways
from .compress import CompressStudy, Row
from .compress_c import Named, weights_b, write_layers
from .layers import Read, kept, model_with, moments_of, shapes_of
from .robe import Robe, robe
from .tied import weights

INPUTS = 16
"""Random ones, on which what is kept is compared."""
SIDE_MOST = 0xFFFF
"""Columns that 16 bits tell."""


def ask_layers(
    of: Subject,
    first: Subject,
    board: str,
    methods: Sequence[str],
    rates: Sequence[float],
    block: int,
    seed: int,
    *,
    emulate: bool = False,
) -> Asked:
    """Return what a study of the layers of a subject's model is asked for, checked.

    `of`: what is scored; `first`: what layers are fitted to. Raises UsageError.
    """
    methods = insist_ways(methods, rates)
    insist_scored(of, "that are scored")
    layers, without = layers_of(of.graph)
    if not layers:
        why = f" ({'; '.join(without)})" if without else ""
        raise UsageError(
            f"{of.model} has no fully connected layer of int8 that could be kept in less flash"
            f"{why}: take another --model, or leave it and --layers out, so that nets are trained "
            "of the inputs of a task with classes or of --csv"
        )
    sizes = [one.values.size for one in layers]
    widest = max(one.values.shape[1] for one in layers)
    if sum(sizes) > TABLES_MOST or widest > SIDE_MOST:
        raise UsageError(
            f"the fully connected layers of {of.model} have {sum(sizes):,} weights, and up to "
            f"{widest:,} inputs: at most {TABLES_MOST:,} weights of {SIDE_MOST:,} inputs are taken"
        )
    whole = hashlib.sha256(b"".join(one.values.tobytes() for one in layers))
    there = board_asked(board)
    asked = Asked(
        source=of.model, rows_sha256=whole.hexdigest(), board=there.name, methods=methods,
        board_sha256=there.sha256, task_sha256=of.task_sha256,
        rates=chosen_rates(rates), hidden=0, block=block, test=of.count, trials=1, seed=seed,
        emulated=is_emulated(board, emulate=emulate), model_sha256=of.model_sha256,
        dataset_sha256=of.dataset_sha256, inputs_sha256=digest(first, of),
    )  # fmt: skip
    insist_rates(
        asked, sizes, "a layer", "take a lower rate", lambda rate: _array(layers, asked, rate)
    )
    return asked


def _array(layers: Sequence[Layer], asked: Asked, rate: float) -> Robe:
    """Return ROBE's array, of all layers. Raises UsageError where it has no room for a block."""
    return robe(max(1, round(sum(one.values.size for one in layers) / rate)), asked.block)


@dataclass(frozen=True)
class _Model:
    """What the candidates of a study are made of."""

    asked: Asked
    ways: list[Way]
    layers: list[Layer]
    read: Callable[[], list[Read]]
    made: dict[int, Named] = field(default_factory=dict[int, Named])

    def shared(self, at: int) -> Robe | None:
        method, rate = self.ways[at]
        return _array(self.layers, self.asked, rate) if method == "robe" else None

    def size_b(self, at: int) -> int:
        """Return the flash of a candidate's weights."""
        return sum(weights_b(*self.ways[at], shapes_of(self.layers), self.shared(at)))

    def named(self, at: int) -> Named:
        """Return the weights of a candidate, which are fitted once."""
        if at not in self.made:
            self.made[at] = kept(self.layers, self.ways[at], self.shared(at), self.read())
        return self.made[at]

    def digest(self, at: int) -> str:
        """Return SHA-256 of the weights of a candidate."""
        return hashlib.sha256(
            b"".join(one.tobytes() for one in weights(self.named(at).net)[1:])
        ).hexdigest()


def run_layers(of: Subject, first: Subject, asked: Asked, work: Work) -> CompressStudy:
    """Keep the layers of a subject's model each way, score it, run them on the board, and sum up.

    `first`: what layers are fitted to; `of`: other inputs, that are scored. What the folder has is
    not done again. Raises UsageError, RunFolderError, ToolMissingError, ModelError and what a board
    raises.
    """
    known = _done(of, first, asked, work, None)
    layers, without = layers_of(of.graph)
    ways = candidates_of(asked)
    board = boarded(work.folder, singly(len(ways)), digest=_digest_of(ways, known))
    there, clean = board.there, known[(*ways[0], -1, 0)].score
    rows = [
        Row(
            method=method, rate=rate, score=known[method, rate, -1, 0].score, deviation=0.0,
            lost=clean - known[method, rate, -1, 0].score, weights_b=size_b,
            smaller=board.weights_b[0] / size_b, rows_equal=equal,
            **msgspec.structs.asdict(counted),
        )
        for (method, rate), size_b, equal, counted in zip(
            ways, board.weights_b, board.equal, there.counted, strict=True
        )
    ]  # fmt: skip
    found = CompressStudy(
        asked=asked, tinybench=version("tinybench-mcu"),
        features=of.graph.tensors[of.graph.inputs[0]].elements, classes=0,
        learnt_from=enough(first, [one.tensor for one in layers]).count, tested=of.count,
        emulated=there.emulated, image_flash_b=there.flash_b,
        image_ram_b=there.ram_b, board_rows=there.rows, board_rows_equal=there.rows_equal,
        rows=rows, metric=measure(of), layers=[one.name for one in layers], left_out=without,
        functions_b=there.functions_b,
        dataset=f"{of.dataset} ({of.dataset_origin})",
        macs_share=macs_share(of.graph, [one.tensor for one in layers]),
    )  # fmt: skip
    store_study(work.folder, found)
    return found


def share_layers(of: Subject, first: Subject, asked: Asked, work: Work, part: Part) -> Share:
    """Score and run the candidates of a part, as `run_layers` does all."""
    known, ways = _done(of, first, asked, work, part), candidates_of(asked)
    done = {"candidates": len(share(ways, part))}
    same = same_in(work.folder, singly(len(ways)), part, INPUTS, _digest_of(ways, known))
    return Share(study=asked.study, part=str(part), done=done, same=same)


def _digest_of(ways: Sequence[Way], known: Mapping[Key, Trial]) -> Digest:
    """Return what tells of each candidate which weights its score is of; "" of none."""

    def digest_of(at: int) -> str:
        one = known.get(key_of(Trial(*ways[at], 0, 0.0)))
        return one.weights_sha256 if one else ""

    return digest_of


def _done(
    of: Subject, first: Subject, asked: Asked, work: Work, part: Part | None
) -> dict[Key, Trial]:
    """Score and run the candidates of a part: what the folder does not have yet."""
    insist_run(work.words)
    layers, _ = layers_of(of.graph)
    with (
        open_study(work.folder, asked, str(part or "")) as (known, keep),
        scratch() as folder,
    ):
        loaded = functools.cache(lambda: _loaded(of, folder))
        read = functools.cache(lambda: moments_of(first, layers, loaded()))
        model = _Model(asked, candidates_of(asked), layers, read)
        count = len(model.ways)
        digest_of = _digest_of(model.ways, known)
        left = images_left(work.folder, singly(count), work.shards, part, digest_of)
        for group in left:  # what fits no board is said before anything is fitted
            insist_fit([model.size_b(at) for at in group.which], work.words)
        mine = [(at, Trial(*model.ways[at], 0, 0.0)) for at in share(range(count), part)]
        imaged = {at for group in left for at in group.which}
        for at, one in mine:  # a score of other weights than an image would have is found again
            if at in imaged and key_of(one) in known and digest_of(at) != model.digest(at):
                del known[key_of(one)]
        unknown = [(at, one) for at, one in mine if key_of(one) not in known]
        clean = of
        if unknown:
            read()  # while the library has the model's own weights
            clean = with_clean(of, answers(of, infer(loaded(), of.inputs)))
        for at, one in work.track(unknown, "scored", len(unknown)) if unknown else ():
            graph = model_with(of.graph, layers, model.named(at), read())
            with_it = loaded()
            if not patch(with_it, graph):  # as where a bias needs another kernel
                with_it = load(build(graph, of.interface, of.model_id), folder, 1 + at)
            value = worth(clean, answers(of, infer(with_it, of.inputs))).score
            scored = msgspec.structs.replace(one, score=value, weights_sha256=model.digest(at))
            keep(scored)
            known[key_of(scored)] = scored
        on_boards(_candidates(model), left, work)
    return known


def _loaded(of: Subject, folder: Path) -> Loaded:
    return load(build(of.graph, of.interface, of.model_id), folder, 0)


def _candidates(model: _Model) -> Candidates:
    rng = np.random.default_rng(model.asked.seed)
    columns = max(one.values.shape[1] for one in model.layers)
    inputs = rng.integers(-128, 128, (INPUTS, columns), np.int8)

    def wanted(at: int) -> npt.NDArray[np.float32]:
        return told(list(weights(model.named(at).net)[1:]), inputs)

    def write(engine: Path, which: Sequence[int]) -> list[int]:
        write_layers(engine, [model.named(at) for at in which])
        return [model.size_b(at) for at in which]

    return Candidates(
        names=[f"{method} {rate:g}x" for method, rate in model.ways],
        data=inputs,
        board_rows=INPUTS,
        wanted=wanted,
        write=write,
        digest=model.digest,
    )
