"""Which runs are listed, and in which order: a small language of columns, compared and joined.

    task = kws and board like nucleo% and (latency < 120 ms or not emulated) and rig = 3

It is parsed here, by hand, and never evaluated by anything else. A figure that was not measured is
neither equal to a value, nor less or more; `latency is none` finds it.
"""

import operator
import re
from collections.abc import Callable, Sequence
from typing import Any, get_args, get_type_hints

from tinybench.declare import nearest
from tinybench.errors import UsageError

from .metrics import UNITS
from .store import COLUMNS, Summary

LONGEST = 2000
"""Characters of a condition."""
DEEPEST = 50
"""Brackets within brackets."""
SHORT = {
    "latency": "latency_s",
    "energy": "energy_per_inference_j",
    "instructions": "instructions_per_inference",
    "throughput": "throughput_per_s",
    "cycles": "estimated_cycles",
    "estimated_latency": "estimated_latency_s",
    "estimated_energy": "estimated_energy_j",
    "accuracy": "top1",
    "flash": "flash_b",
    "code_flash": "code_flash_b",
    "weights": "weights_b",
    "ram": "ram_b",
    "tensor_ram": "tensor_ram_b",
    "started": "started_at",
}
"""Names as in --fail-on, for columns."""
_TOKEN = re.compile(
    r"""\s*(?:(?P<sign><=|>=|!=|=|<|>|\(|\))|'(?P<single>[^']*)'|"(?P<double>[^"]*)"|"""
    r"""(?P<word>[^\s()=<>!'"]+))"""
)
_SCALES = {name: scale for units in UNITS.values() for name, scale in units.items() if name}
_SCALES |= {"%": 0.01}
_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_KINDS = get_type_hints(Summary)

Condition = Callable[[Summary], bool]


def parse_where(text: str, runs: Sequence[Summary]) -> Condition:
    """Return what says of a run whether a condition holds.

    `runs` are those whose tags may be named. Raises UsageError, which says where it is wrong.
    """
    if len(text) > LONGEST:
        raise UsageError(f"--where: {len(text)} characters; at most {LONGEST}")
    tags = {name for run in runs for name in tags_of(run)}
    parser = _Parser(_tokens(text), tags)
    found = parser.either()
    parser.end()
    return found


def sort_key(text: str, runs: Sequence[Summary]) -> tuple[Callable[[Summary], Any], bool]:
    """Return the value that runs are ordered by, and whether the largest comes first.

    `text` is a column, such as latency, or "latency desc". Raises UsageError.
    """
    words = text.split()
    if not words or len(words) > 2 or (words[1:] and words[1] not in ("asc", "desc")):
        raise UsageError(f"--sort '{text[:60]}': give a column, such as latency or 'latency desc'")
    value = _value_of(words[0], {name for run in runs for name in tags_of(run)})
    return value, words[1:] == ["desc"]


def ordered(runs: Sequence[Summary], text: str) -> list[Summary]:
    """Return runs in the order of a column; those without a figure last. Raises UsageError."""
    value, descending = sort_key(text, runs)
    known = [run for run in runs if value(run) is not None]
    rest = [run for run in runs if value(run) is None]
    return sorted(known, key=value, reverse=descending) + rest


def tags_of(run: Summary) -> dict[str, str]:
    """Return the tags of a run by their names."""
    split = (word.partition("=") for word in run.tags)
    return {name: value for name, _, value in split}


def like(text: str, pattern: str) -> bool:
    """Return whether a pattern fits the whole text: % stands for any part, _ for one character.

    Takes no more steps than the product of their lengths, whatever they are.
    """
    at = seen = 0
    star = mark = -1
    while at < len(text):
        if seen < len(pattern) and pattern[seen] == "%":
            star, mark, seen = seen, at, seen + 1
        elif seen < len(pattern) and pattern[seen] in ("_", text[at]):
            at, seen = at + 1, seen + 1
        elif star >= 0:
            mark += 1
            at, seen = mark, star + 1
        else:
            return False
    return all(one == "%" for one in pattern[seen:])


def _tokens(text: str) -> list[tuple[str, str]]:
    """Return (kind, text) of each word, quoted text and sign."""
    found: list[tuple[str, str]] = []
    at, text = 0, text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise UsageError(f"--where: what is '{text[at : at + 20].strip()}'?")
        kind = match.lastgroup or ""
        found.append(("text" if kind in ("single", "double") else kind, match[kind]))
        at = match.end()
    return found


class _Parser:
    """Reads the tokens of a condition once, from left to right."""

    def __init__(self, tokens: list[tuple[str, str]], tags: set[str]) -> None:
        self._tokens = tokens
        self._tags = tags
        self._at = 0
        self._deep = 0

    def either(self) -> Condition:
        parts = [self._all()]
        while self._takes("or"):
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else lambda run: any(part(run) for part in parts)

    def end(self) -> None:
        if self._at < len(self._tokens):
            raise self._wrong("'and' or 'or'")

    def _all(self) -> Condition:
        parts = [self._one()]
        while self._takes("and"):
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else lambda run: all(part(run) for part in parts)

    def _one(self) -> Condition:
        turned = False
        while self._takes("not"):
            turned = not turned
        inner = self._within() if self._takes("(", "sign") else self._comparison()
        return (lambda run: not inner(run)) if turned else inner

    def _within(self) -> Condition:
        self._deep += 1
        if self._deep > DEEPEST:
            raise UsageError(f"--where: more than {DEEPEST} brackets within each other")
        inner = self.either()
        if not self._takes(")", "sign"):
            raise self._wrong("')'")
        self._deep -= 1
        return inner

    def _comparison(self) -> Condition:
        kind, name = self._next("a column, such as task or latency", "word")
        value = _value_of(name, self._tags)
        column = SHORT.get(name, name)
        if self._takes("is"):
            turned = self._takes("not")
            if not self._takes("none"):
                raise self._wrong("'none'")
            return lambda run: (value(run) is None) != turned
        turned = self._takes("not")
        if self._takes("like"):
            _, pattern = self._next("a pattern, such as nucleo%", "word", "text")
            return lambda run: any(like(one, pattern) for one in _texts(value(run))) != turned
        if turned:
            raise self._wrong("'like'")
        kind, sign = self._tokens[self._at] if self._at < len(self._tokens) else ("", "")
        if kind != "sign" or sign in "()":
            if _kind(column) is bool:  # a word by itself, such as valid
                return lambda run: value(run) is True
            raise self._wrong("=, !=, <, <=, >, >=, like or is")
        self._at += 1
        return _compared(value, sign, self._wanted(name, column))

    def _wanted(self, name: str, column: str) -> Any:
        """Return what a column is compared with, in its own type and unit."""
        _, text = self._next("a value", "word", "text")
        kind = _kind(column)
        if kind is bool:
            if text not in ("true", "false"):
                raise UsageError(f"--where: {name} is true or false, not '{text[:40]}'")
            return text == "true"
        if kind not in (int, float):
            return text
        match = re.fullmatch(r"([+-]?[0-9]{1,15}(?:\.[0-9]{1,15})?)(\S*)", text)
        if match is None:
            raise UsageError(f"--where: {name} is a number, not '{text[:40]}'")
        unit = match[2]
        if not unit and self._at < len(self._tokens):
            following = self._tokens[self._at]
            if following[0] == "word" and following[1] in _SCALES:
                unit = following[1]
                self._at += 1
        if unit and unit not in _SCALES:
            raise UsageError(f"--where: '{unit[:20]}' is no unit: {nearest(unit, _SCALES)}")
        return float(match[1]) * _SCALES.get(unit, 1.0)

    def _takes(self, word: str, kind: str = "word") -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at] == (kind, word):
            self._at += 1
            return True
        return False

    def _next(self, wanted: str, *kinds: str) -> tuple[str, str]:
        if self._at == len(self._tokens) or self._tokens[self._at][0] not in kinds:
            raise self._wrong(wanted)
        self._at += 1
        return self._tokens[self._at - 1]

    def _wrong(self, wanted: str) -> UsageError:
        there = [text for _, text in self._tokens]
        before = " ".join(there[max(0, self._at - 3) : self._at])
        found = f"'{there[self._at][:40]}'" if self._at < len(there) else "its end"
        after = f" after '{before[:60]}'" if before else ""
        return UsageError(f"--where: wanted {wanted}{after}, found {found}")


def _value_of(name: str, tags: set[str]) -> Callable[[Summary], Any]:
    """Return what reads a column or a tag. Raises UsageError for a name that is neither."""
    column = SHORT.get(name, name)
    if name == "accuracy":
        return lambda run: run.auc if run.top1 is None else run.top1
    if column in COLUMNS:
        return operator.attrgetter(column)
    if name in tags:
        return lambda run: tags_of(run).get(name)
    known = (*COLUMNS, *SHORT, *tags)
    raise UsageError(f"no column '{name[:40]}', nor a tag of these runs: {nearest(name, known)}")


def _kind(column: str) -> type:
    """Return the type of a column's values; that of a tag is str."""
    hint = _KINDS.get(column, str)
    kinds = [one for one in get_args(hint) if one is not type(None)]
    return kinds[0] if len(kinds) == 1 and hint is not list else hint


def _texts(value: Any) -> list[str]:
    """Return a value as the texts that a pattern may fit."""
    if value is None:
        return []
    return list(map(str, value)) if isinstance(value, list) else [str(value)]


def _compared(value: Callable[[Summary], Any], sign: str, wanted: Any) -> Condition:
    def holds(run: Summary) -> bool:
        found = value(run)
        if isinstance(found, list):
            return (wanted in found) == (sign == "=")
        if found is None:
            return False
        if sign in ("=", "!="):
            return (found == wanted) == (sign == "=")
        return _ORDER[sign](found, wanted)

    return holds
