"""What a value should be, in words: of a declaration, of a jobs.toml, of a form."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from msgspec import inspect

from .plural import counted
from .printable import one_line

TYPES = {
    "int": "a whole number",
    "float": "a number",
    "str": "a text",
    "bool": "true or false",
    "array": "a list",
    "object": "a table",
}
BOUNDS = {">=": "{} or more", ">": "more than {}", "<=": "{} or less", "<": "less than {}"}
LENGTHS = {">=": "at least", ">": "more than", "<=": "at most", "<": "less than"}
UNITS = {"str": ("character",), "array": ("entry", "entries"), "object": ("entry", "entries")}
SEEN_MOST = 60
_MESSAGE = re.compile(r"(.*?)(?: - at (`key` in )?`\$(.*)`)?", re.DOTALL)
_STEP = re.compile(r"\.([^.\[]+)|\[(\d+|\.\.\.)\]")
_EXPECTED = re.compile(r"Expected `([^`]+)`(.*?)(?:, got .*)?", re.DOTALL)
_BOUND = re.compile(r" (of length )?(>=|>|<=|<) (\S+?)(?:\.0)?")
_LENGTH = re.compile(r" of length (\d+)")
_MISSING = "Object missing required field"
Step = str | int


def like(pattern: str, words: str) -> msgspec.Meta:
    """Return the constraint of a text: its regular expression, and in words what is one."""
    return msgspec.Meta(pattern=pattern, description=words)


def in_words(error: msgspec.ValidationError, kind: type, raw: Any) -> tuple[str, str]:
    """Return at which key plain data are no `kind`, such as "a.b[1]", and what to give there.

    The key is empty where it is the whole. `error` is what converting `raw` raised.
    """
    found = _MESSAGE.fullmatch(str(error))
    text, of_key, path = found.groups() if found else (str(error), None, None)
    steps = [name or index for name, index in _STEP.findall(path or "")]
    if of_key:
        steps.append("...")
    at = _located(kind, raw, steps, str(error))
    value = _value(raw, at)
    if of_key:
        value = at.pop() if at else None
    wanted = _wanted(text, list(_leaves(inspect.type_info(kind), at, of_key=bool(of_key))))
    key = "".join(f"[{one}]" if isinstance(one, int) else f".{one}" for one in at).lstrip(".")
    if wanted is None:
        return key, text.replace(_MISSING, "missing key")
    return key, f"give {wanted}, not {_seen(value)}"


def _located(kind: type, raw: Any, steps: Sequence[str], message: str) -> list[Step]:
    """Return the steps with names for those that msgspec leaves open, as those in a table are."""
    found = list[Step]()
    here = raw
    for step in steps:
        known: Step = int(step) if step.isdecimal() and isinstance(here, list) else step
        if step == "..." and isinstance(here, dict):
            known = next((one for one in here if _fails(kind, raw, found, one, message)), step)
        found.append(known)
        here = _value(here, [known])
    return found


def _fails(kind: type, raw: Any, at: Sequence[Step], key: Step, message: str) -> bool:
    """Return whether it is the same that is wrong where a table has no other key."""
    try:
        msgspec.convert(_only(raw, at, key), kind)
    except msgspec.ValidationError as error:
        return str(error) == message
    return False


def _only(raw: Any, at: Sequence[Step], key: Step) -> Any:
    if not at:
        return {key: raw[key]}
    copy = raw.copy()
    copy[at[0]] = _only(raw[at[0]], at[1:], key)
    return copy


def _value(raw: Any, at: Sequence[Step]) -> Any:
    """Return what stands there; None where nothing does."""
    for step in at:
        try:
            raw = raw[step]
        except (LookupError, TypeError):
            return None
    return raw


def _leaves(info: inspect.Type, at: Sequence[Step], *, of_key: bool) -> Iterator[inspect.Type]:
    """Yield the types that a value there may have, each as it is declared."""
    if isinstance(info, inspect.UnionType):
        for one in info.types:
            yield from _leaves(one, at, of_key=of_key)
        return
    plain = info.type if isinstance(info, inspect.Metadata) else info
    if not at and of_key and isinstance(plain, inspect.DictType):
        yield plain.key_type
    elif not at:
        yield info
    elif isinstance(plain, inspect.UnionType):
        yield from _leaves(plain, at, of_key=of_key)
    elif (below := _below(plain, at[0])) is not None:
        yield from _leaves(below, at[1:], of_key=of_key)


def _below(info: inspect.Type, step: Step) -> inspect.Type | None:
    if isinstance(info, inspect.StructType):
        return next((one.type for one in info.fields if one.encode_name == step), None)
    if isinstance(info, inspect.DictType):
        return info.value_type
    if isinstance(info, inspect.TupleType) and isinstance(step, int):
        return info.item_types[step]
    return info.item_type if isinstance(info, inspect.ListType | inspect.VarTupleType) else None


def _wanted(text: str, leaves: Sequence[inspect.Type]) -> str | None:
    """Return what msgspec expects, in words; None where it says something else."""
    if text.startswith("Invalid enum value"):
        values = [str(v) for one in leaves if isinstance(one, inspect.LiteralType)
                  for v in one.values]  # fmt: skip
        return f"one of {', '.join(values)}" if values else None
    found = _EXPECTED.fullmatch(text)
    if found is None:
        return None
    names = [name for name in found[1].split(" | ") if name != "null"]
    described = next(filter(None, map(_described, leaves)), None) if names == ["str"] else None
    return described or " or ".join(TYPES.get(name, name) for name in names) + _more(
        found[2], names[0]
    )


def _more(text: str, name: str) -> str:
    """Return what a value of some type is besides, in words."""
    if (bound := _BOUND.fullmatch(text)) is not None and bound[1] is None:
        return f" of {BOUNDS[bound[2]].format(bound[3])}"
    if bound is not None:
        return f" of {LENGTHS[bound[2]]} {counted(int(bound[3]), *UNITS[name])}"
    if (length := _LENGTH.fullmatch(text)) is not None:
        return f" of {counted(int(length[1]), *UNITS[name])}"
    return text.replace("that's", "that is")


def _described(info: inspect.Type) -> str:
    schema = info.extra_json_schema if isinstance(info, inspect.Metadata) else None
    return str((schema or {}).get("description", ""))


def _seen(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict | list):
        return f"a {'table' if isinstance(value, dict) else 'list'} of {len(value)}"
    text = one_line(str(value))[:SEEN_MOST]
    return f"'{text}'" if isinstance(value, str) else text
