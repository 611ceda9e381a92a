"""The order of words: a command stands anywhere; an option is the command's, or refused by name."""

import difflib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import click

from .tree import Argument, Group, Option, known_options, leaves, options_by_name

REPLACED = {
    ("audit", "--html"): "--to html -o FILE",
    ("compare", "--markdown"): "--to markdown",
    ("doctor", "--rules"): "--udev --to rules",
    ("energy analyse", "--pictures"): "--to png -o DIR",
    ("profile", "--csv"): "--to csv -o FILE",
    ("profile", "--perfetto"): "--to perfetto -o FILE",
}
"""Spellings of before, and what is written now."""
HELP = ("-h", "--help")


@dataclass(frozen=True)
class Token:
    """An option with its value, or another word; as it was typed."""

    words: tuple[str, ...]
    option: str = ""
    """Its name, such as --task; "" of another word."""

    @property
    def value(self) -> str:
        """What is given to an option."""
        return "".join(self.words[1:]) or self.words[0].partition("=")[2]


def tokens(words: Sequence[str], known: dict[str, Option]) -> Iterator[Token]:
    """Yield the words, each option and its value in one; raises click.UsageError without one."""
    left = list(words)
    while left:
        word = left.pop(0)
        if word == "--":
            yield Token(("--", *left))
            return
        if not word.startswith("-") or word == "-" or _number(word):
            yield Token((word,))
        elif word.startswith("--"):
            name, equals, _ = word.partition("=")
            follows = name in known and known[name].valued and not equals
            yield Token((word, *_value(name, left, known)) if follows else (word,), name)
        else:
            yield from _short(word, left, known)


def _short(word: str, left: list[str], known: dict[str, Option]) -> Iterator[Token]:
    """Yield the options of one dash: -o FILE, -oFILE, -vq; the last of them may have a value."""
    found = []
    for at, letter in enumerate(word[1:], start=2):
        option = known.get(f"-{letter}")
        if option is None:
            found = [Token((word,), word)]
            break
        if option.valued:
            value = [word[at:]] if word[at:] else _value(f"-{letter}", left, known)
            found.append(Token((f"-{letter}", *value), f"-{letter}"))
            break
        found.append(Token((f"-{letter}",), f"-{letter}"))
    yield from found


def _value(name: str, left: list[str], known: dict[str, Option]) -> Iterator[str]:
    """Take the word that an option needs."""
    if not left:
        if known[name].optional:
            return
        raise click.UsageError(f"{name} needs a word after it: {known[name].metavar or 'a value'}")
    word = left[0]
    if known[name].optional and word.startswith("-"):
        return
    if word.startswith("-") and word != "-" and not _number(word):
        raise click.UsageError(
            f"{name} needs a word after it, not the option {word}; a value that begins with a "
            f"hyphen is given as {name}={word}"
        )
    yield left.pop(0)


def _number(word: str) -> bool:
    return word[1:2].isdigit() or word[1:2] == "."


def nearest(word: str, valid: Iterable[str]) -> str:
    """Return a question with the nearest valid word; "" when none is near."""
    close = difflib.get_close_matches(word, list(valid), n=1, cutoff=0.6)
    return f": did you mean '{close[0]}'?" if close else ""


def arrange(root: Group, words: Sequence[str]) -> list[str]:
    """Return the words with the command first and all others after it.

    Raises click.UsageError for a word that would not be honoured where it would go.
    """
    known = known_options(root)
    typed = list(tokens(words, known))
    path, node, left, stray = _walk(root, typed)
    if any(token.option in HELP for token in left) or stray == "help":
        named = next((t.words[0] for t in left if t.words[0] in root.commands), None)
        return [*([named] if stray == "help" and named else path), "--help"]
    alone = [token for token in left if token.option in options_by_name(root)]
    if alone and not path and stray is None:
        for token in left:
            if token is not alone[0]:
                raise click.UsageError(f"{alone[0].option} stands alone: no {token.words[0]} there")
        return [*alone[0].words]
    named = bool(path)
    while isinstance(node, Group) and node.default is not None and stray is None:
        path, node = [*path, node.default], node.commands[node.default]
    if stray is not None and any(token.option not in known for token in left if token.option):
        # A word behind an option that is none may be its value: the command may come later.
        other = _walk(root, [token for token in typed if token.words != (stray,)])
        path, node, left, stray = other if other[0] else (path, node, left, stray)
    said = " ".join(path)
    own = {name: o for _, leaf in leaves(node) for name, o in options_by_name(leaf).items()}
    for token in left:
        if token.option and token.option not in own:
            near = own if named else {**own, **options_by_name(root)}
            raise click.UsageError(_refusal(token.option, said, near, known))
    if stray is not None:
        raise click.UsageError(_no_command(root, node, said, stray))
    if isinstance(node, Group):
        raise click.UsageError(f"{said} wants a further word: {' or '.join(node.commands)}")
    _insist_once(left, own)
    _insist_words(root, left, node, said)
    return [*path, *(word for token in left for word in token.words)]


def arranged_so_far(root: Group, words: Sequence[str]) -> list[str]:
    """Return what is typed of a command line with its command first, for completion."""
    known = known_options(root)
    try:
        typed = list(tokens(words, known))
    except click.UsageError:  # the option whose value is being typed
        typed = [*tokens(words[:-1], known), Token((words[-1],), words[-1])]
    path, node, left, _ = _walk(root, typed)
    while isinstance(node, Group) and node.default is not None and left:
        path, node = [*path, node.default], node.commands[node.default]
    return [*path, *(word for token in left for word in token.words)]


def _walk(
    root: Group, typed: list[Token]
) -> tuple[list[str], click.Command, list[Token], str | None]:
    """Return the words of the command, it, the other tokens, and a word that is no command."""
    path: list[str] = []
    node: click.Command = root
    left: list[Token] = []
    stray: str | None = None
    for token in typed:
        plain = not token.option and token.words[0] != "--"
        if plain and stray is None and isinstance(node, Group):
            if token.words[0] in node.commands:
                path, node = [*path, token.words[0]], node.commands[token.words[0]]
            else:
                stray = token.words[0]
        else:
            left.append(token)
    return path, node, left, stray


def _insist_once(left: list[Token], own: dict[str, Option]) -> None:
    given: dict[str, list[str]] = {}
    for token in left:
        option = own.get(token.option)
        if option is not None and option.valued and not option.multiple:
            given.setdefault(option.word, []).append(token.value)
    for word, values in given.items():
        if len(values) > 1:
            both = " and ".join(f"'{value}'" for value in values)
            raise click.UsageError(f"{word} is given more than once: {both}; it takes one")


def _insist_words(root: Group, left: list[Token], command: click.Command, path: str) -> None:
    plain = [w for token in left if not token.option for w in token.words if w != "--"]
    taken = [parameter for parameter in command.params if isinstance(parameter, Argument)]
    if any(argument.nargs != 1 for argument in taken) or len(plain) <= len(taken):
        return
    names = " ".join(str(argument.metavar) for argument in taken)
    takes = f"only {names}" if taken else "options only"
    word = plain[len(taken)]
    raise click.UsageError(f"{path} takes {takes}, not the word '{word}'{_meant(word, root)}")


def _refusal(name: str, path: str, own: dict[str, Option], known: dict[str, Option]) -> str:
    if (path, name) in REPLACED:
        return f"{path} takes no {name}; it is now: {REPLACED[path, name]}"
    help_ = f"tinybench {path} --help".replace("  ", " ")
    if name in known:
        return f"{path or 'tinybench'} takes no {name}; what it takes: {help_}"
    guess = nearest(name if name.startswith("--") else f"-{name}", own)
    return f"there is no option {name}{guess or f'; those there are: {help_}'}"


def _no_command(root: Group, node: click.Command, path: str, word: str) -> str:
    valid = node.commands if isinstance(node, Group) else {}
    meant = _meant(word, root) if node is root else ""
    said = f"there is no command '{f'{path} {word}'.strip()}'"
    return said + (meant or nearest(word, valid) or f"; those there are: {', '.join(valid)}")


def _meant(word: str, root: Group) -> str:
    """Say what is typed for an option, a task, a board or a run whose name stands alone."""
    from pathlib import Path

    from tinybench.files import is_there

    from ..build import board, task

    if f"--{word}" in options_by_name(root):
        return f"; to ask for it: tinybench --{word}"
    if word in task.names() or word == "all":
        return f"; to run the task: tinybench --task {word}"
    if word in board.names():
        return f"; a run on this board: tinybench --board {word} --task kws"
    if is_there(Path(word, "result.json")):
        return f"; to judge this run: tinybench check {word}"
    return ""
