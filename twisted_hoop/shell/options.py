"""Options of programs, read as getopt_long does (POSIX.1-2024, XBD 12, and GNU). Unknown ones are not guessed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from twisted_hoop.shell.values import Value


class Unreadable(Exception):
    """An option that is not known, so that what follows cannot be told from its value."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a program takes: `flags` and `valued` are letters, the long ones words without dashes.

    `dashes`: long options may begin with one dash only. `numbers`: `-5` is an option. `plus`: so is `+5`.
    """

    flags: str = ""
    valued: str = ""
    long_flags: frozenset[str] = frozenset()
    long_valued: frozenset[str] = frozenset()
    numbers: bool = False
    single: frozenset[str] = frozenset()


@dataclass(slots=True)
class Given:
    """What was given: option → values ("" for a flag), and where the first operand stands."""

    options: dict[str, list[Value]] = field(default_factory=dict)
    rest: int = 1

    def has(self, *names: str) -> bool:
        """Whether one of them was given."""
        return any(name in self.options for name in names)

    def values(self, *names: str) -> list[Value]:
        """The values of all of them."""
        return [value for name in names for value in self.options.get(name, ())]


def words(text: str) -> frozenset[str]:
    """Words of a table."""
    return frozenset(text.split())


def takes(
    flags: str = "",
    valued: str = "",
    long_flags: str = "",
    long_valued: str = "",
    numbers: bool = False,
    single: str = "",
) -> Options:
    """Options as tables write them: letters, then words. Every program is taken to know --help and --version."""
    return Options(flags, valued, words(long_flags + " help version"), words(long_valued), numbers, words(single))


def given(options: Options, argv: Sequence[Value], start: int = 1) -> Given:
    """The options in front of the first operand. Raises Unreadable."""
    found = Given(rest=start)
    while found.rest < len(argv):
        value = argv[found.rest]
        text = value.text
        if value.unsure or value.dialect or (value.glob and not text.lstrip("-")):
            raise Unreadable("an option or a command that cannot be resolved")
        if not text.startswith("-") or text == "-":
            break
        found.rest += 1
        if text == "--":
            break
        _take(options, found, argv, value)
    return found


def _take(options: Options, found: Given, argv: Sequence[Value], value: Value) -> None:
    text = value.text
    if text.startswith("--"):
        _long(options, found, argv, text[2:])
    elif text[1:] in options.single:
        found.options.setdefault(text[1:], []).append(_next(found, argv, text))
    elif not (options.numbers and text[1:].isdigit()):
        _short(options, found, argv, text[1:])


def _long(options: Options, found: Given, argv: Sequence[Value], text: str) -> None:
    name, equals, rest = text.partition("=")
    if name in options.long_valued:
        value = Value(rest) if equals else _next(found, argv, name)
    elif name in options.long_flags:
        value = Value(rest)
    else:
        raise Unreadable(f"the option --{name}, which is not known")
    found.options.setdefault(name, []).append(value)


def _short(options: Options, found: Given, argv: Sequence[Value], letters: str) -> None:
    for place, letter in enumerate(letters):
        if letter in options.valued:
            rest = letters[place + 1 :]
            value = Value(rest) if rest else _next(found, argv, letter)
            found.options.setdefault(letter, []).append(value)
            return
        if letter not in options.flags:
            raise Unreadable(f"the option -{letter}, which is not known")
        found.options.setdefault(letter, []).append(Value(""))


def _next(found: Given, argv: Sequence[Value], name: str) -> Value:
    if found.rest >= len(argv):
        raise Unreadable(f"the option {name} without its value")
    found.rest += 1
    return argv[found.rest - 1]
